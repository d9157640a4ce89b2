#!/usr/bin/env python3
"""Kills usagelake at the points where it touches the outside, again and again, and compares the lake that the next run leaves
with that of a night that nobody disturbed.

usage: kills.py BINARY [--store disk|azurite] [--kills N] [--faults N] [--seed N] [--round N] [--users N]

disk      `strace` kills the process on entry of its n-th call of one kind (open, write, rename, unlink, sync, connect, send …).
azurite   a proxy before the store kills it at its n-th request: before the store has seen it, or after the store has done it and
          before the answer is passed on. Needs USAGELAKE_TEST_AZURITE, as `tests/run.sh` sets it.

A round is a first night from an empty lake, or a night two days later with days that Graph has restated, with marts or without,
and is killed up to three times before a run may end. Then every object under tables/, raw/, marts/ and _usagelake/ must be that of the undisturbed
night, byte for byte, but for when and by which run it was read; nothing may be missing and nothing may be left over.

--faults N   azurite: N more rounds without a kill, in which the store answers some requests with 500 or 503, slowly, or does them
             and loses the answer. The run must end with 0 and the same lake.
--round N    only this round of the seed: the command that is printed where a round fails.

A lease that a killed run leaves on an object store is waited out once, in the first round; in the others it is removed, as an
operator may, since a wait takes a minute. Exits 1 where a lake differs. Needs Linux, and for disk `strace`."""

import argparse
import hashlib
import http.client
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "servers"))
import azurite  # noqa: E402
from night import PIPELINE, SECRET, Emulator  # noqa: E402

FIRST, SECOND = "2026-11-20", "2026-11-22"
# One report of each way in which rows are kept: by day and period, merged by month, and the present state.
REPORTS = ["getEmailActivityUserDetail", "getEmailActivityCounts", "getOffice365ActiveUserDetail", "getOffice365ActivationsUserDetail"]
CALLS = ["openat", "write", "pwrite64", "rename", "unlink", "mkdir", "fsync", "fdatasync", "ftruncate", "connect", "sendto", "writev", "linkat", "getdents64", "flock"]
# What tells one run from another, and says nothing of the data.
OF_THE_RUN = {"run", "read_at", "first_read_at", "published_at", "published_by", "before"}
OF_THE_RUN_COLUMNS = ["run", "loaded_at"]
RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


# ---- lakes -------------------------------------------------------------------------------------------------------------


class Disk:
    """Lakes in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def url(self, name):
        return str(self.folder / name)

    def environment(self):
        return {}

    def copy(self, source, target):
        shutil.copytree(self.folder / source, self.folder / target)

    def remove(self, name):
        shutil.rmtree(self.folder / name, ignore_errors=True)

    def read(self, name):
        base = self.folder / name
        return {str(p.relative_to(base)): p.read_bytes() for p in base.rglob("*") if p.is_file()}

    def break_lease(self, name):
        """The system drops the lock with the process."""


class Azure:
    """Lakes in a container of Azurite."""

    CONTAINER = "usagelake"

    def __init__(self, address, proxy):
        self.at = urllib.parse.urlsplit(address)
        self.proxy = proxy

    def url(self, name):
        return f"az://{self.CONTAINER}/{name}"

    def environment(self):
        return {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": f"http://127.0.0.1:{self.proxy.server_port}"}

    def ask(self, method, path, query="", body=b"", headers=()):
        """One signed request, straight to the store."""
        import base64
        import hmac
        from email.utils import formatdate

        ours = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": azurite.VERSION, **dict(headers)}
        # learn.microsoft.com, "Authorize with Shared Key": the body's length, the x-ms headers, the path and its options.
        lines = [method, "", "", str(len(body)) if body else "", "", "", "", "", "", "", "", ""]
        lines += [f"{k}:{ours[k]}" for k in sorted(ours)]
        path = f"{self.at.path}/{self.CONTAINER}{path}"
        options = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        lines.append(f"/{azurite.ACCOUNT}{path}" + "".join(f"\n{k}:{v}" for k, v in options))
        key = base64.b64decode(azurite.KEY)
        signature = base64.b64encode(hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).digest()).decode()
        connection = http.client.HTTPConnection(self.at.hostname, self.at.port)
        connection.request(method, path + (f"?{query}" if query else ""), body, {**ours, "Authorization": f"SharedKey {azurite.ACCOUNT}:{signature}"})
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if answer.status >= 300 and not (method == "DELETE" and answer.status == 404):
            raise RuntimeError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return said

    def names(self, name):
        found, marker = [], ""
        while True:
            query = f"comp=list&prefix={name}/&restype=container" + (f"&marker={marker}" if marker else "")
            text = self.ask("GET", "", query).decode()
            found += re.findall(r"<Name>([^<]+)</Name>", text)
            marker = (re.search(r"<NextMarker>([^<]+)</NextMarker>", text) or [None, ""])[1]
            if not marker:
                return found

    def read(self, name):
        return {key.removeprefix(f"{name}/"): self.ask("GET", f"/{urllib.parse.quote(key)}") for key in self.names(name)}

    def copy(self, source, target):
        for key, body in self.read(source).items():
            self.ask("PUT", f"/{urllib.parse.quote(f'{target}/{key}')}", body=body, headers=[("x-ms-blob-type", "BlockBlob")])

    def remove(self, name):
        for key in self.names(name):
            self.ask("DELETE", f"/{urllib.parse.quote(key)}")

    def break_lease(self, name):
        self.ask("DELETE", f"/{name}/_usagelake/lock/contoso.json")


class Proxy(ThreadingHTTPServer):
    """Passes requests on to Azurite, and does harm to one of them, or to some."""

    daemon_threads = True

    def __init__(self, address):
        super().__init__(("127.0.0.1", 0), Relay)
        self.at = urllib.parse.urlsplit(address)
        self.lock = threading.Lock()
        self.calm()

    def calm(self):
        self.count, self.victim, self.point, self.kind, self.chance, self.dice, self.done = 0, None, None, None, 0.0, None, 0

    def harm(self):
        """What is to be done to the next request: nothing, `before`, `after`, `refuse`, `slow` or `lose`."""
        with self.lock:
            self.count += 1
            if self.victim and self.count == self.point:
                return self.kind
            if self.dice and self.dice.random() < self.chance:
                self.done += 1
                return self.dice.choice(["refuse", "slow", "lose"])


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def relay(self):
        harm = self.server.harm()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if harm == "before":
            return self.kill()
        if harm == "refuse":
            status = self.server.dice.choice([500, 503])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        if harm == "slow":
            time.sleep(0.3)
        connection = http.client.HTTPConnection(self.server.at.hostname, self.server.at.port)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        said = answer.read()
        connection.close()
        if harm == "after":
            return self.kill()
        if harm == "lose":
            self.close_connection = True
            return
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(said))
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(said)

    def kill(self):
        self.server.victim.send_signal(signal.SIGKILL)
        self.close_connection = True

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = relay

    def log_message(self, *_):
        pass


# ---- what a lake is ------------------------------------------------------------------------------------------------------


def stripped(value):
    if isinstance(value, dict):
        return {k: stripped(v) for k, v in value.items() if k not in OF_THE_RUN}
    return [stripped(v) for v in value] if isinstance(value, list) else value


def essence(key, body):
    """What of an object must be the same whenever and however often it was read."""
    if key.startswith("_usagelake/runs/") or key == "_usagelake/lock/contoso.json":
        return None
    # It names the runs, and so do the fingerprints of what reads it.
    if "/data_quality/" in key and key.endswith(".parquet"):
        table = pq.read_table(io.BytesIO(body))
        return repr(table.drop_columns([c for c in OF_THE_RUN_COLUMNS if c in table.column_names]).to_pylist())
    if key.startswith("_usagelake/marts/"):
        return None
    if key.startswith("_usagelake/manifest/"):
        manifest = json.loads(body)
        return sorted((o["path"], o["sha256"]) for o in objects(manifest) if "data_quality" not in o["path"])
    if key.startswith("_usagelake/ledger/"):
        lines = body.decode().splitlines() if key.endswith(".jsonl") else [body.decode()]
        return sorted(RUN.sub("", json.dumps(stripped(json.loads(line)), sort_keys=True)) for line in lines)
    return hashlib.sha256(body).hexdigest()


def objects(value):
    """The objects that a document lists, wherever in it."""
    if isinstance(value, dict):
        if "path" in value and "sha256" in value:
            yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


def portrait(lake, name):
    found = {}
    for key, body in lake.read(name).items():
        what = essence(key, body)
        if what is not None:
            # An answer that a killed run has landed is landed again by the next, under its own name.
            found[RUN.sub(what, key) if key.startswith("raw/") else key] = what
    return found


def difference(want, got):
    """The first keys that differ, in words."""
    lines = [f"missing: {k}" for k in want if k not in got]
    lines += [f"left over: {k}" for k in got if k not in want]
    lines += [f"differs: {k}" for k in want if k in got and want[k] != got[k]]
    return lines


# ---- a night ---------------------------------------------------------------------------------------------------------------


class Night:
    """One night of the tenant, again and again."""

    def __init__(self, binary, scratch, lake, emulators):
        self.binary, self.lake = binary, lake
        self.configs = {}
        for today, emulator in emulators.items():
            config = scratch / f"{today}.toml"
            include = ", ".join(f'"{r}"' for r in REPORTS)
            config.write_text(PIPELINE.format(address=emulator.address) + f'\n[reports]\ninclude = [{include}]\n\n[directory]\ninclude = ["users"]\n')
            self.configs[today, True] = config
            without = scratch / f"{today}-without-marts.toml"
            without.write_text(config.read_text() + "\n[marts]\nbuild = false\n")
            self.configs[today, False] = without

    def start(self, name, night, before=()):
        command = [*before, self.binary, "run", "--config", self.configs[night], "--lake", self.lake.url(name), "--today", night[0]]
        environment = {**os.environ, **self.lake.environment(), "USAGELAKE_CLIENT_SECRET": SECRET}
        return subprocess.Popen([str(part) for part in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def whole(self, name, night):
        process = self.start(name, night)
        said = process.communicate(timeout=600)[1]
        if process.returncode:
            raise RuntimeError(f"the run ended with {process.returncode}: {said.decode()[-800:]}")


class StraceKills:
    """Kills at system calls."""

    def __init__(self, night):
        self.night = night
        self.most = {}

    def survey(self, name, night, scratch):
        """How often one thread makes each call in a night, so that every one of them can be hit."""
        trace = scratch / "trace"
        self.night.start(name, night, ["strace", "-f", "-qqq", "-o", trace, "-e", f"trace={','.join(CALLS)}"]).communicate()
        counts = {}
        for line in trace.read_text(errors="replace").splitlines():
            if found := re.match(r"(\d+)\s+(\w+)\(", line):
                counts[found.groups()] = counts.get(found.groups(), 0) + 1
        for (_, call), n in counts.items():
            self.most[night, call] = max(self.most.get((night, call), 0), n)

    def kill(self, name, night, dice):
        calls = sorted(call for other, call in self.most if other == night)
        call = dice.choice(calls)
        # Any thread may be the first that gets so far, so that a high number is rarely reached: low ones more often.
        nth = int(self.most[night, call] ** dice.random())
        harm = ["strace", "-f", "-qqq", "--seccomp-bpf", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={nth}"]
        process = self.night.start(name, night, harm)
        process.communicate(timeout=600)
        return f"{call} {nth}", process.returncode != 0


class RequestKills:
    """Kills at requests to the store."""

    def __init__(self, night, proxy):
        self.night, self.proxy = night, proxy
        self.most = {}

    def survey(self, name, night, _):
        self.proxy.calm()
        self.night.whole(name, night)
        self.most[night] = self.proxy.count

    def kill(self, name, night, dice):
        self.proxy.calm()
        self.proxy.point, self.proxy.kind = dice.randint(1, self.most[night]), dice.choice(["before", "after"])
        point = f"{self.proxy.kind} request {self.proxy.point}"
        # A run that goes on where another was killed makes fewer requests, and may be over before.
        process = self.night.start(name, night)
        self.proxy.victim = process
        process.communicate(timeout=600)
        killed = process.returncode == -signal.SIGKILL
        self.proxy.calm()
        return point, killed


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
    a = parser.parse_args()
    scratch = Path(tempfile.mkdtemp())
    proxy = None
    if a.store == "azurite":
        address = os.environ.get("USAGELAKE_TEST_AZURITE") or sys.exit("error: USAGELAKE_TEST_AZURITE is not set; start this by tests/run.sh -- …")
        proxy = Proxy(address)
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        lake = Azure(address, proxy)
    else:
        if not shutil.which("strace"):
            sys.exit("error: strace is not installed: it is how a process is killed at its n-th system call")
        lake = Disk(scratch)
    try:
        with Emulator(a.binary, a.users, 60, 3, FIRST, end=SECOND) as first, Emulator(a.binary, a.users, 62, 3, SECOND, end=SECOND) as second:
            night = Night(a.binary, scratch, lake, {FIRST: first, SECOND: second})
            failed = rounds(a, scratch, lake, night, proxy)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    sys.exit(1 if failed else 0)


def rounds(a, scratch, lake, night, proxy):
    begun = time.monotonic()
    killer = RequestKills(night, proxy) if proxy else StraceKills(night)
    night.whole("first", (FIRST, True))
    want = {}
    for what in [(FIRST, True), (FIRST, False), (SECOND, True), (SECOND, False)]:
        begin(lake, "whole", what)
        night.whole("whole", what)
        want[what] = portrait(lake, "whole")
        lake.remove("whole")
        begin(lake, "survey", what)
        killer.survey("survey", what, scratch)
        if wrong := difference(want[what], portrait(lake, "survey")):
            sys.exit("error: two nights that nobody disturbed are not alike: " + "; ".join(wrong[:5]))
        lake.remove("survey")

    kills, failed, points, number = 0, 0, set(), 0
    while kills < a.kills if a.round is None else number <= a.round:
        dice = random.Random(f"{a.seed} {number}")
        # Marts take most of a night's time.
        what = dice.choice([FIRST, SECOND]), dice.random() < 0.25
        times = dice.randint(1, 3)
        if a.round is None or number == a.round:
            name = f"round{number}"
            begin(lake, name, what)
            told = []
            for n in range(times):
                point, killed = killer.kill(name, what, dice)
                told.append(point + ("" if killed else " (not reached)"))
                kills += killed
                points.add(point)
                if number > 0 or n + 1 < times:
                    lake.break_lease(name)
            failed += not judge(a, lake, night, name, what, want[what], number, told)
        number += 1
    print(f"{a.store}: seed {a.seed}, {number} rounds, {kills} kills at {len(points)} points, {failed} lakes differ, {time.monotonic() - begun:.0f} s", flush=True)

    for n in range(a.faults if a.round is None else 0):
        proxy.calm()
        proxy.dice, proxy.chance = random.Random(f"{a.seed} fault {n}"), 0.05
        what = proxy.dice.choice([FIRST, SECOND]), True
        name = f"fault{n}"
        begin(lake, name, what)
        failed += not judge(a, lake, night, name, what, want[what], n, ["faults of the store"])
        print(f"{a.store}: fault round {n}: {proxy.done} of {proxy.count} requests harmed", flush=True)
    return failed


def begin(lake, name, what):
    """The lake before a night: none, or that of the first one."""
    if what[0] == SECOND:
        lake.copy("first", name)
    lake.break_lease(name)


def judge(a, lake, night, name, what, want, number, told):
    """Lets a run end, and compares what it leaves."""
    try:
        night.whole(name, what)
        wrong = difference(want, portrait(lake, name))
    except RuntimeError as e:
        wrong = [str(e)]
    if wrong:
        print(f"round {number} of {what[0]}, {'with' if what[1] else 'without'} marts ({'; '.join(told)}): {len(wrong)} objects differ", *wrong[:8], sep="\n  ")
        print(f"  again: kills.py {a.binary} --store {a.store} --seed {a.seed} --round {number} --users {a.users}", flush=True)
    lake.remove(name)
    return not wrong


if __name__ == "__main__":
    main()
