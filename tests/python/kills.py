#!/usr/bin/env python3
"""Kills usagelake at the points where it touches the outside, again and again, and compares the lake that the next run leaves
with that of a night that nobody disturbed.

usage: kills.py BINARY [--store disk|azurite] [--kills N] [--faults N] [--seed N] [--round N] [--users N] [--jobs N] [--marts P]

disk      `strace` kills the process on entry of its next call of one kind (open, write, rename, unlink, sync, connect, send …)
          after a time.
azurite   a proxy before the store kills it at its n-th request: before the store has seen it, or after the store has done it and
          before the answer is passed on. Needs USAGELAKE_TEST_AZURITE, as `tests/run.sh` sets it.

A round is a first night from an empty lake, or a night two days later with days that Graph has restated, with marts or without,
and is killed up to three times before a run may end. Then every object under tables/, raw/, marts/ and _usagelake/ must be that of the undisturbed
night, byte for byte, but for when and by which run it was read; nothing may be missing and nothing may be left over.

--faults N   azurite: N more rounds without a kill, in which the store answers some requests with 500 or 503, slowly, or does them
             and loses the answer. The run must end with 0 and the same lake.
--round N    only this round of the seed: the command that is printed where a round fails. With --kills 0 a round of faults.
--jobs N     rounds side by side.
--marts P    the part of the rounds whose nights build marts, which take most of a night's time; a quarter. With 0 no night does.

A lease that a killed run leaves on an object store is waited out once, in the first round; in the others it is removed, as an
operator may, since a wait takes a minute. Exits 1 where a lake differs. Needs Linux, and for disk `strace`."""

import argparse
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from lakes import FIRST, SECOND, Azure, Disk, Night, Proxy, difference, portrait
from night import Emulator

CALLS = ["openat", "write", "pwrite64", "rename", "unlink", "mkdir", "fsync", "fdatasync", "ftruncate", "connect", "sendto", "writev", "linkat", "getdents64", "flock"]
# The part of the requests that a round of faults harms.
HARMED = 0.05


class StraceKills:
    """Kills at system calls."""

    def __init__(self, night):
        self.night = night
        self.calls, self.seconds = {}, {}

    def whole(self, name, night, _=None):
        begun = time.monotonic()
        self.night.whole(name, night)
        self.seconds[night] = time.monotonic() - begun

    def survey(self, name, night, scratch):
        """Which calls are made in a night."""
        trace = scratch / f"trace-{name}"
        self.night.start(name, night, ["strace", "-f", "-qqq", "-o", trace, "-e", f"trace={','.join(CALLS)}"]).communicate()
        self.calls[night] = sorted(set(re.findall(r"^\d+\s+(\w+)\(", trace.read_text(errors="replace"), re.MULTILINE)))

    def kill(self, name, night, dice):
        """At the first call of a kind after a time: calls are counted by thread, and which thread does what is chance."""
        call, after = dice.choice(self.calls[night]), dice.uniform(0, self.seconds[night])
        process = self.night.start(name, night)
        time.sleep(after)
        harm = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when=1", "-p", str(process.pid)]
        subprocess.run(harm, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        process.communicate(timeout=600)
        return f"{call} after {after:.2f} s", process.returncode == -signal.SIGKILL


class RequestKills:
    """Kills at requests to the store."""

    def __init__(self, night, jobs):
        self.night = night
        self.most = {}
        # A run has a proxy to itself.
        self.proxies = queue.SimpleQueue()
        for _ in range(jobs):
            self.proxies.put(Proxy(night.lake))

    def whole(self, name, night, plan=None):
        """A run that ends, under a plan of harm; how many requests it made, and how many were harmed."""
        proxy, harmed = self.proxies.get(), []

        def noted(method, path):
            harm = plan and plan(method, path)
            harmed.extend([harm] if harm else [])
            return harm

        try:
            proxy.calm()
            proxy.plan = noted
            self.night.whole(name, night, proxy)
            return proxy.count, len(harmed)
        finally:
            self.proxies.put(proxy)

    def survey(self, name, night, _):
        self.most[night], _ = self.whole(name, night)

    def kill(self, name, night, dice):
        point, kind = dice.randint(1, self.most[night]), dice.choice(["kill-before", "kill-after"])
        proxy = self.proxies.get()
        try:
            proxy.calm()
            # A run that goes on where another was killed makes fewer requests, and may be over before.
            proxy.plan = lambda method, path: kind if proxy.count == point else None
            # Under the lock, so that no request passes before its victim is known.
            with proxy.lock:
                process = proxy.victim = self.night.start(name, night, proxy=proxy)
            process.communicate(timeout=600)
            return f"{kind.removeprefix('kill-')} request {point}", process.returncode == -signal.SIGKILL
        finally:
            self.proxies.put(proxy)


# ---- rounds ------------------------------------------------------------------------------------------------------------------


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--store", choices=["disk", "azurite"], default="disk")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--faults", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int)
    parser.add_argument("--users", type=int, default=25)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--marts", type=float, default=0.25)
    a = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    if a.store == "azurite":
        lake = Azure(os.environ.get("USAGELAKE_TEST_AZURITE") or sys.exit("error: USAGELAKE_TEST_AZURITE is not set; start this by tests/run.sh -- …"))
    else:
        if not shutil.which("strace"):
            sys.exit("error: strace is not installed: it is how a process is killed at its n-th system call")
        lake = Disk(scratch)
    try:
        with Emulator(a.binary, a.users, 60, 3, FIRST, end=SECOND) as first, Emulator(a.binary, a.users, 62, 3, SECOND, end=SECOND) as second:
            night = Night(a.binary, scratch, lake, {FIRST: first, SECOND: second})
            failed = Rounds(a, scratch, lake, night).all()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if failed else 0)


class Rounds:
    def __init__(self, a, scratch, lake, night):
        self.a, self.scratch, self.lake = a, scratch, lake
        self.killer = StraceKills(night) if a.store == "disk" else RequestKills(night, a.jobs)
        self.want = {}
        # What a harness that was ended has left in the store is not taken for ours.
        self.mine = f"kills-{os.getpid()}"

    def all(self):
        """All rounds, and how many of them left a lake that differs."""
        a, begun = self.a, time.monotonic()
        self.killer.whole(f"{self.mine}-first", (FIRST, a.marts > 0))
        with ThreadPoolExecutor(a.jobs) as pool:
            list(pool.map(self.survey, [(today, marts) for today in [FIRST, SECOND] for marts in [False, True][: 1 + (a.marts > 0)]]))
            kills, points, failed, number = 0, set(), 0, 0
            running = set()
            while True:
                while len(running) < a.jobs and (kills + len(running) < a.kills if a.round is None else a.kills and not number):
                    running.add(pool.submit(self.killed, number if a.round is None else a.round))
                    number += 1
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for told, whole in (future.result() for future in ended):
                    before, kills = kills, kills + sum(killed for _, killed in told)
                    if kills // 20 > before // 20:
                        print(f"{a.store}: {kills} kills so far, {failed} lakes differ, {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
                    points.update(point for point, killed in told if killed)
                    failed += not whole
            print(f"{a.store}: seed {a.seed}, {number} rounds, {kills} kills at {len(points)} points, {failed} lakes differ, {time.monotonic() - begun:.0f} s", flush=True)
            faults = range(a.faults) if a.round is None else [a.round] if not a.kills else []
            failed += sum(not whole for whole in pool.map(self.faulty, faults))
        return failed

    def survey(self, what):
        """What an undisturbed night leaves, and where it can be killed. Nights that nobody disturbs must be alike."""
        name = f"{self.mine}-whole-{what[0]}-{what[1]}"
        for survey in [False, True]:
            self.begin(name, what)
            if survey:
                self.killer.survey(name, what, self.scratch)
                if wrong := difference(self.want[what], portrait(self.lake, name)):
                    sys.exit("error: two nights that nobody disturbed are not alike: " + "; ".join(wrong[:5]))
            else:
                self.killer.whole(name, what)
                self.want[what] = portrait(self.lake, name)
            self.lake.remove(name)

    def begin(self, name, what):
        """The lake before a night: none, or that of the first one."""
        if what[0] == SECOND:
            self.lake.copy(f"{self.mine}-first", name)
        self.lake.break_lease(name)

    def killed(self, number):
        """A round with kills: where they were, and whether the lake is whole."""
        dice = random.Random(f"{self.a.seed} {number}")
        what = dice.choice([FIRST, SECOND]), dice.random() < self.a.marts
        times = dice.randint(1, 3)
        name, told = f"{self.mine}-round{number}", []
        self.begin(name, what)
        for n in range(times):
            told.append(self.killer.kill(name, what, dice))
            if number > 0 or n + 1 < times:
                self.lake.break_lease(name)
        points = [point + ("" if killed else " (not reached)") for point, killed in told]
        return told, self.judge(name, what, "kills", number, "; ".join(points))

    def faulty(self, number):
        """A round with faults of the store: whether the lake is whole."""
        dice = random.Random(f"{self.a.seed} fault {number}")
        what, name = (dice.choice([FIRST, SECOND]), self.a.marts > 0), f"{self.mine}-fault{number}"
        self.begin(name, what)
        plan = lambda method, path: dice.choice(["refuse", "slow", "lose"]) if dice.random() < HARMED else None
        return self.judge(name, what, "faults", number, "faults of the store", plan)

    def verified(self, name, today):
        """What `verify` finds."""
        command = [self.a.binary, "verify", "--json", "--today", today, "--lake", self.lake.url(name)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **self.lake.environment()}, timeout=600)
        return [f"verify: {finding['wrong']} {finding['object']}" for finding in json.loads(done.stdout)[0]["findings"]]

    def judge(self, name, what, kind, number, told, plan=None):
        """Lets a run end, and compares what it leaves."""
        try:
            counts = self.killer.whole(name, what, plan)
            wrong = difference(self.want[what], portrait(self.lake, name)) + self.verified(name, what[0])
            if plan:
                print(f"{self.a.store}: round of faults {number}: {counts[1]} of {counts[0]} requests harmed", flush=True)
        except RuntimeError as e:
            wrong = [str(e)]
        if wrong:
            a = self.a
            print(f"round {number} of {what[0]}, {'with' if what[1] else 'without'} marts ({told}): {len(wrong)} objects differ", *wrong[:8], sep="\n  ")
            again = f"kills.py {a.binary} --store {a.store} --seed {a.seed} --round {number} --users {a.users} --marts {a.marts}"
            print(f"  again: {again}{' --kills 0' if kind == 'faults' else ''}", flush=True)
        self.lake.remove(name)
        return not wrong


if __name__ == "__main__":
    main()
