#!/usr/bin/env python3
"""Stops usagelake in the midst of a night, for longer than its lease lives, lets another run take the tenant over and end, and
wakes it: from then on nothing in the lake may change.

usage: pauses.py BINARY [--store azurite|s3] [--users N]

The stopped run is of one night, the other of two nights later, with days that Graph has restated since: what the woken one
would put is never what is there. A proxy stops it (SIGSTOP) at a request to the store, which then arrives late, or of which
it hears late. Each point has a lake of its own, and all are stopped at once: it takes as long as a lease is watched, a minute
and a half. Needs the variable of the store, as `tests/run.sh` sets it, and Linux or macOS.

At each point: the other run ends with 0; `verify` finds nothing; the woken run says that it was taken over, in its record too,
and ends with 1 where no ledger has anything of it, with 3 where one has, with 0 where all of it is in; and of the lake nothing
is other than before it woke, but for its own record and, where it never heard that it had begun, its mark."""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lakes import FIRST, LEASE, SECOND, S3, Azure, Night, Proxy
from night import Emulator

# One whose partitions are replaced, and one that is merged by month.
REPORTS = ["getEmailActivityUserDetail", "getEmailActivityCounts"]
MARK = LEASE.replace(".json", ".running")

# Name, the request (method, a part of its path, the how manieth), when it is stopped, with marts or without, how it must end.
# `stop-before` holds a request back: a put that was sent and is done late. Only such objects are chosen that the other run
# changes, too: what nobody has changed since can be put late, as docs/stores.md says.
POINTS = [
    ("before its mark", ("HEAD", MARK, 1), "stop-after", False, [1]),
    ("before its first partition", ("HEAD", "/tables/", 1), "stop-after", False, [1, 3]),
    ("before a later partition", ("HEAD", "/tables/", 20), "stop-after", False, [3]),
    ("before a month of counts", ("HEAD", "email_activity_counts/tenant%3Dcontoso/month", 2), "stop-after", False, [1, 3]),
    ("while a month of counts is put", ("PUT", "email_activity_counts/tenant%3Dcontoso/month%3D2026-11", 1), "stop-before", False, [1, 3]),
    ("before a month of the ledger", ("HEAD", "email_activity_user_detail/month%3D2026-11", 2), "stop-after", False, [3]),
    ("while a month of the ledger is put", ("PUT", "email_activity_user_detail/month%3D2026-11", 3), "stop-before", False, [3]),
    ("while a lease is looked at", ("GET", LEASE, 30), "stop-after", False, [1, 3]),
    ("before a mart", ("HEAD", "/marts/", 5), "stop-after", True, [3]),
    ("before the state of the marts", ("HEAD", "_usagelake/marts/contoso.json", 1), "stop-after", True, [3]),
    ("before the manifest", ("HEAD", "_usagelake/manifest/", 1), "stop-after", False, [3]),
    ("while the manifest is put", ("PUT", "_usagelake/manifest/", 1), "stop-before", False, [3]),
    ("before its record", ("PUT", "_usagelake/runs/", 1), "stop-after", False, [0]),
]
SAID = ["another run has taken this tenant over", "somebody else has changed an object of this tenant"]
# A look at the lease that was under way when it was stopped may have run out of time.
SAID += [f"cannot read from the lake (lake `{{}}`, object `{LEASE}`)"]


def contents(lake, name):
    """What is in a lake, but for the lease and records of runs."""
    kept = {k: v for k, v in lake.read(name).items() if k != LEASE and not k.startswith("_usagelake/runs/")}
    return {key: hashlib.sha256(body).hexdigest() for key, body in kept.items()}


def records(lake, name):
    return {key: json.loads(body) for key, body in lake.read(name).items() if key.startswith("_usagelake/runs/")}


def pause(a, night, number):
    """One point: what is wrong."""
    told, (method, part, nth), harm, marts, codes = POINTS[number]
    lake, name, seen = night.lake, f"pause{number}-{os.getpid()}", []
    proxy = Proxy(lake)

    def plan(asked, path):
        if asked == method and part.replace("%3D", "=") in path.replace("%3D", "=") and "comp=" not in path:
            seen.append(path)
            return harm if len(seen) == nth else None
        return None

    proxy.plan = plan
    with proxy.lock:
        process = proxy.victim = night.start(name, (FIRST, marts), proxy=proxy)
    # It is stopped soon, or it has ended.
    while not proxy.stopped.wait(0.05) and process.poll() is None:
        pass
    if process.poll() is not None:
        return [f"it ended before it was stopped, after {len(seen)} such requests: {process.communicate()[1].decode()[-800:]}"]
    wrong = []
    try:
        night.whole(name, (SECOND, marts))
        before, theirs = contents(lake, name), records(lake, name)
        wrong += verify(a, lake, name)
    finally:
        # The request that was held back goes on first, as from a wire that was slow.
        proxy.woken.set()
        time.sleep(0.5)
        process.send_signal(signal.SIGCONT)
    said = process.communicate(timeout=600)[1].decode()
    after = contents(lake, name)
    if part == MARK:
        after.pop(MARK, None)
    changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    wrong += [f"changed by who woke: {key}" for key in changed[:5]]
    if process.returncode not in codes:
        wrong.append(f"it ended with {process.returncode}")
    if process.returncode and not any(words.format(lake.url(name)) in said for words in SAID):
        wrong.append(f"it does not say why: {said[-800:]}")
    ours = [record for key, record in records(lake, name).items() if key not in theirs]
    if process.returncode == 3 and not ours:
        wrong.append("something was published, and there is no record of it")
    if process.returncode and ours and not ours[0].get("lost"):
        wrong.append("its record does not say what it lost")
    lake.remove(name)
    return wrong


def did_harm(a, night, number):
    try:
        wrong = pause(a, night, number)
    except (OSError, RuntimeError) as e:
        wrong = [repr(e)]
    print(f"{a.store}: stopped {POINTS[number][0]}: " + ("\n  ".join(["WRONG", *wrong]) if wrong else "nothing changed"), flush=True)
    return bool(wrong)


def verify(a, lake, name):
    command = [a.binary, "verify", "--lake", lake.url(name), "--tenant", "contoso", "--today", SECOND]
    ran = subprocess.run(command, env={**os.environ, **lake.environment()}, capture_output=True, text=True)
    # A raw answer of the run that was stopped, which came into no ledger, is foreign, and nothing else is.
    bad = [line for line in ran.stdout.splitlines() if "in no ledger" not in line]
    return [f"verify: {line}" for line in bad[:5]] if ran.returncode else []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--store", choices=["azurite", "s3"], default="azurite")
    parser.add_argument("--users", type=int, default=8)
    a = parser.parse_args()
    kind, variable = (Azure, "USAGELAKE_TEST_AZURITE") if a.store == "azurite" else (S3, "USAGELAKE_TEST_S3")
    lake, begun = kind(os.environ.get(variable) or sys.exit(f"error: {variable} is not set; start this by tests/run.sh -- …")), time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        with Emulator(a.binary, a.users, 60, 3, FIRST, end=SECOND) as first, Emulator(a.binary, a.users, 62, 3, SECOND, end=SECOND) as second:
            night = Night(a.binary, Path(scratch), lake, {FIRST: first, SECOND: second}, REPORTS, [])
            with ThreadPoolExecutor(len(POINTS)) as pool:
                failed = sum(pool.map(lambda number: did_harm(a, night, number), range(len(POINTS))))
    print(f"{a.store}: {len(POINTS)} runs stopped, taken over and woken, {failed} did harm, {time.monotonic() - begun:.0f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
