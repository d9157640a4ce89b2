#!/usr/bin/env python3
"""A lake that has grown old, on disk, in Azure, S3 and GCS: retention takes what it had first, somebody is forgotten in the marts that
stay, and a lake of an earlier version is migrated.

usage: aged.py BINARY [--kills N] [--users N] [--seed N] [--round N] [--store NAME…]

Nights of four months, and one more that keeps three: what is older is taken, and the marts that were made of it are not built
again. Then a manager is forgotten. Each step must leave the same lake in each store as on disk, object for object; `verify` must
find nothing; no object may hold a name of who is forgotten, read by pyarrow, and the rows of others in those marts must be as they were.

The last night is killed N times while it takes something, and so are forgetting and migration while they write: by turns on disk
(`strace`, at a call of unlink or rename) and in the stores (a proxy before the store, before a request or after it). `verify` must call
what is left interrupted and nothing else, and the next run must end in the lake of those that nobody disturbed.

--round N      only this round of the seed
--store NAME   only these, and the disk: azure, s3, gcs

Needs Linux and `strace`; the stores need USAGELAKE_TEST_AZURITE, _S3 and _GCS, as `tests/run.sh` sets them, and are left out without.
Exits 1 where something is wrong."""

import argparse
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
import time
from collections import Counter
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from lakes import LEASE, S3, Azure, Disk, Gcs, Night, Proxy, difference, portrait
from night import SECRET, Emulator

# Each night reads what the one before could not see yet, from the middle of July on.
NIGHTS = ["2026-08-11", "2026-09-05", "2026-09-30", "2026-10-25"]
LAST = "2026-11-18"
START = "2026-07-12"
RETENTION = '\n[retention]\n"*" = "3 months"\n'
REPORTS = ["getEmailActivityUserDetail", "getOffice365ActiveUserDetail", "getEmailActivityCounts"]
LISTS = ["users", "licenses"]
FROZEN = re.compile(r"/month=2026-07-01/")
# An object that is written anew is newer than the ledger says until that is written too, and on disk half of one may be left.
NEWER = {"size", "hash", "rows", "missing", "half-written"}
# What `verify` says of a lake of an earlier version, whatever else happens to it.
OLDER = {"schema", "foreign"}
EARLIER = Path(__file__).resolve().parents[1] / "fixtures/lakes-of-an-earlier-version.tar.zst"
STORES = {"azure": (Azure, "USAGELAKE_TEST_AZURITE"), "s3": (S3, "USAGELAKE_TEST_S3"), "gcs": (Gcs, "USAGELAKE_TEST_GCS")}
# Calls go to whichever thread is free, so each has few; the first of one may be that of something else.
OF_A_THREAD = [2, 3]
failures = []


def check(good, what):
    if not good:
        failures.append(what)
    print(f"{'ok' if good else 'WRONG'}: {what}", flush=True)


def texts(key, body):
    """All texts of an object, whatever form it has."""
    if key.endswith(".zst"):
        return [pa.CompressedInputStream(pa.BufferReader(body), "zstd").read().decode("utf-8", "replace")]
    if key.endswith(".parquet"):
        columns = [c for c in pq.read_table(io.BytesIO(body)).columns if pa.types.is_string(c.type)]
        return [text for column in columns for text in column.to_pylist() if text is not None]
    return [body.decode("utf-8", "replace")]


def holding(files, names):
    """The objects in which one of the names stands."""
    pattern = re.compile("|".join(rf"(?<![\w.@-]){re.escape(n)}(?![\w@-]|\.\w)" for n in sorted(names)), re.IGNORECASE)
    return sorted(key for key, body in files.items() if pattern.search(key) or any(pattern.search(text) for text in texts(key, body)))


def rows(files, part):
    return [row for key, body in sorted(files.items()) if part in key for row in pq.read_table(io.BytesIO(body)).to_pylist()]


class Place:
    """Lakes of one kind, and the commands that are asked of them."""

    def __init__(self, kind, lake, night, binary):
        self.kind, self.lake, self.night, self.binary = kind, lake, night, binary
        self.mine = "" if kind == "disk" else f"aged-{os.getpid()}"

    def name(self, name):
        return f"{self.mine}-{name}" if self.mine else name

    def ask(self, name, *arguments, code=0):
        """A command on a lake; what it printed."""
        command = [self.binary, *arguments, "--lake", self.lake.url(self.name(name))]
        environment = {**os.environ, **self.lake.environment(), "USAGELAKE_CLIENT_SECRET": SECRET}
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env=environment, timeout=300)
        if done.returncode != code:
            check(False, f"{self.kind}: usagelake {arguments[0]} of {name} ends with {done.returncode}: {done.stderr[-600:]}{done.stdout[-300:]}")
        return done

    def verified(self, name, today=LAST):
        """What `verify` finds, and how often."""
        command = [self.binary, "verify", "--json", "--today", today, "--lake", self.lake.url(self.name(name))]
        done = subprocess.run([str(a) for a in command], capture_output=True, text=True, env={**os.environ, **self.lake.environment()}, timeout=300)
        return Counter(finding["wrong"] for finding in json.loads(done.stdout)[0]["findings"])

    def put(self, name, files):
        for key, body in files.items():
            if key == LEASE:
                # The lock of a folder is an empty file, and no lease.
                continue
            if self.kind != "disk":
                self.lake.ask("PUT", f"/{self.name(name)}/{key}", body=body, headers=self.lake.PUT)
            else:
                path = self.lake.folder / name / key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)

    def read(self, name):
        return self.lake.read(self.name(name))

    def portrait(self, name):
        # The key of the list of the forgotten is another one each time.
        return {k: v for k, v in portrait(self.lake, self.name(name)).items() if not k.startswith("_usagelake/forgotten/")}

    def whole(self, name, marts=True, proxy=None):
        self.night.whole(self.name(name), (LAST, marts), proxy)


# ---- kills -------------------------------------------------------------------------------------------------------------------


# Where the lease is and the mark of a run, which are there before anything else is written, and go after it.
LOCK = "_usagelake/lock/"


def deletes(method, path):
    return (method == "DELETE" or "comp=batch" in path or method == "POST" and path.endswith("?delete")) and LOCK not in path


def writes(method, path):
    return (method == "PUT" or deletes(method, path)) and LOCK not in path


def at_a_request(place, name, start, wanted, at, kind):
    """Kills a command at a request that `wanted` is true of, the one with this number; whether it was reached, and how many there were."""
    proxy, seen = Proxy(place.lake), [0]

    def plan(method, path):
        this = wanted(method, path)
        seen[0] += this
        return kind if this and seen[0] == at else None

    proxy.plan = plan
    try:
        with proxy.lock:
            process = proxy.victim = start(proxy=proxy)
        process.communicate(timeout=300)
        return process.returncode == -signal.SIGKILL, seen[0]
    finally:
        proxy.shutdown()
        place.lake.break_lease(place.name(name))


def killed(place, name, start, wanted, calls, dice, most):
    """Kills a command while it does something; where, and whether it was reached."""
    if place.kind == "disk":
        # The first thread that has done so many: which one that is, and how many others there were before, is chance.
        call, at = dice.choice(calls), dice.choice(OF_A_THREAD)
        process = start(before=["strace", "-f", "-qqq", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={at}"])
        process.communicate(timeout=300)
        return f"{call} {at} of a thread", process.returncode != 0
    at, kind = dice.randint(1, most), dice.choice(["kill-before", "kill-after"])
    return f"{kind.removeprefix('kill-')} request {at}", at_a_request(place, name, start, wanted, at, kind)[0]


def all_killed(what, places, options, files, starter, wanted, calls, again, want, besides=()):
    """A command that is killed and gone on with, N times by turns in each place. `starter` starts it, `again` does it once more.
    `besides` is what `verify` may say of a lake that is interrupted."""
    most, kills = {}, 0
    for place in places:
        if place.kind != "disk":
            place.put("counted", files)
            # Every request is counted, none harmed.
            most[place.kind] = at_a_request(place, "counted", starter(place, "counted"), wanted, 0, None)[1]
            place.lake.remove(place.name("counted"))
    for n in range(options.kills) if options.round is None else [options.round]:
        dice, place, name = random.Random(f"{what} {options.seed} {n}"), places[n % len(places)], f"killed-{n}"
        place.put(name, files)
        # Half of them are killed once more on their way back.
        for _ in range(dice.choice([1, 2])):
            told, reached = killed(place, name, starter(place, name), wanted, calls, dice, most.get(place.kind))
            found = place.verified(name)
            is_cut = found["interrupted"] > 0 and set(found) <= {"interrupted", *besides}
            check(is_cut or not reached, f"{what} on {place.kind}, round {n}: {'killed' if reached else 'not killed'} at {told}: verify says {dict(found)}")
            kills += reached
        again(place, name)
        wrong, found = difference(want, place.portrait(name)), place.verified(name)
        check(not wrong and not found, f"{what} on {place.kind}, round {n}: once more ends in the same lake {wrong[:4]} {dict(found)}")
        place.lake.remove(place.name(name))
    check(kills > 0, f"{what}: {kills} kills")


def killed_nights(places, first, options):
    """The last night, killed and gone on with; marts have been built, and this one leaves them as they are."""
    want = None
    for place in places:
        place.put("undisturbed", first)
        place.whole("undisturbed", marts=False)
        want = want or place.portrait("undisturbed")
        check(place.portrait("undisturbed") == want, f"{place.kind}: retention without marts leaves the same lake")
        place.lake.remove(place.name("undisturbed"))
    starter = lambda place, name: lambda **how: place.night.start(place.name(name), (LAST, False), **how)
    again = lambda place, name: place.whole(name, marts=False)
    all_killed("retention", places, options, first, starter, deletes, ["unlink"], again, want)


# ---- steps -------------------------------------------------------------------------------------------------------------------


def manager(files):
    """Somebody who manages others and is in the marts that are not built again: the id, and all names."""
    users = rows(files, "tables/users/")
    managers = {u["manager_id"] for u in users}
    active = {r["person_id"] for key, body in files.items() if "staging/daily_counts/" in key and FROZEN.search(key) for r in rows({key: body}, "")}
    who = min(u["id"] for u in users if u["id"] in managers and u["id"] in active)
    return who, {who, *(r["address"] for r in rows(files, "tables/addresses/") if r["id"] == who)}


def without(table, names):
    """The rows of a mart as they must be without somebody."""
    small = {n.lower() for n in names}
    is_one = lambda value: isinstance(value, str) and value.lower() in small
    about = ["person_id", "address", "user_principal_name", "value"]
    left = [row for row in table.to_pylist() if not any(is_one(row.get(c)) for c in about)]
    return [{c: None if is_one(v) else v for c, v in row.items()} for row in left]


def forgotten(place, files, who, names):
    place.ask("second", "forget", "--user", who, "--yes", "--today", LAST)
    after = place.read("second")
    left = holding(after, names)
    check(not left, f"{place.kind}: no object holds who is forgotten {left[:4]}")
    check(not place.verified("second"), f"{place.kind}: verify finds nothing after it")
    # Models that read tables themselves: what is made of them is built anew, of these.
    models = ["address_state", "people", "shown", "licensed", "daily_counts", "license_utilization", "segment_habits"]
    of = [key for key in files if FROZEN.search(key) and any(f"/{m}/" in key for m in models) and key.endswith(".parquet") and "marts_shared" not in key]
    wrong, gone = [], 0
    for key in of:
        had = pq.read_table(io.BytesIO(files[key]))
        want, has = without(had, names), pq.read_table(io.BytesIO(after[key])).to_pylist()
        gone += had.num_rows - len(has)
        wrong += [key] if want != has else []
    check(not wrong and gone > 0, f"{place.kind}: in {len(of)} partitions of marts that are not built again everybody else is as before, {gone} rows are gone {wrong[:3]}")


def starter_of(*arguments):
    """What starts a command on a lake, through a proxy or under strace."""

    def starter(place, name):
        def start(before=(), proxy=None):
            command = [*before, place.binary, *arguments, "--lake", place.lake.url(place.name(name))]
            environment = {**os.environ, **place.lake.environment(proxy)}
            return subprocess.Popen([str(a) for a in command], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        return start

    return starter


def forgetting_killed(places, files, who, want, options):
    again = lambda place, name: place.ask(name, "forget", "--user", who, "--yes", "--today", LAST)
    all_killed("forgetting", places, options, files, starter_of("forget", "--user", who, "--yes", "--today", LAST), writes, ["rename", "unlink"], again, want, NEWER)


def migration_killed(places, files, want, options):
    def again(place, name):
        place.ask(name, "migrate", "--today", "2026-11-19")
        place.ask(name, "marts", "--today", "2026-11-19")

    all_killed("migration", places, options, files, starter_of("migrate", "--today", "2026-11-19"), writes, ["rename", "unlink"], again, want, NEWER | OLDER)


def migrated(place, files):
    place.put("earlier", files)
    place.ask("earlier", "migrate", "--today", "2026-11-19")
    place.ask("earlier", "marts", "--today", "2026-11-19")
    found = place.verified("earlier", "2026-11-19")
    check(not found, f"{place.kind}: verify finds nothing after a migration {dict(found)}")
    portrait = place.portrait("earlier")
    place.lake.remove(place.name("earlier"))
    return portrait


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int)
    parser.add_argument("--store", nargs="*", choices=list(STORES), default=list(STORES))
    options = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("error: strace is not installed: it is how a process is killed at a system call")
    scratch, begun = Path(tempfile.mkdtemp()), time.monotonic()
    mark = lambda what: print(f"---- {what}: {time.monotonic() - begun:.1f} s", flush=True)
    places = []
    days = lambda today: (date.fromisoformat(today) - date.fromisoformat(START)).days
    try:
        with ExitStack() as stack:
            emulators = {today: stack.enter_context(Emulator(options.binary, options.users, days(today), 3, today, end=LAST)) for today in [*NIGHTS, LAST]}
            lakes = {"disk": Disk(scratch)}
            for kind in options.store:
                of, variable = STORES[kind]
                if address := os.environ.get(variable):
                    lakes[kind] = of(address)
                else:
                    print(f"{variable} is not set: not in {kind}")
            for kind, lake in lakes.items():
                folder = scratch / f"of-{kind}"
                folder.mkdir()
                night = Night(options.binary, folder, lake, emulators, REPORTS, LISTS, RETENTION)
                places.append(Place(kind, lake, night, options.binary))
            disk, want = places[0], {}
            for today in NIGHTS:
                disk.night.whole("first", (today, today == NIGHTS[-1]))
            first = disk.read("first")
            mark("the first nights")
            for place in places:
                place.put("second", first)
                place.whole("second")
                found = place.verified("second")
                check(not found, f"{place.kind}: verify finds nothing after retention {dict(found)}")
                portrait = place.portrait("second")
                want.setdefault("second", portrait)
                check(portrait == want["second"], f"{place.kind}: retention leaves the same lake {difference(want['second'], portrait)[:4]}")
            files = disk.read("second")
            taken = [key for key in first if key.startswith(("raw/", "tables/")) and key not in files]
            frozen = [key for key in files if FROZEN.search(key) and not key.startswith("tables/")]
            check(len(taken) > 50 and len(frozen) > 10, f"{len(taken)} objects are taken, {len(frozen)} partitions of marts stay")
            mark("retention")
            killed_nights(places, first, options)
            mark("kills of it")

            who, names = manager(files)
            check(len([key for key in holding(files, names) if FROZEN.search(key)]) > 10, "who is to be forgotten is in the marts that are not built again")
            for place in places:
                forgotten(place, files, who, names)
                portrait = place.portrait("second")
                want.setdefault("forgotten", portrait)
                check(portrait == want["forgotten"], f"{place.kind}: forgetting leaves the same lake {difference(want['forgotten'], portrait)[:4]}")
            mark("forgetting")
            forgetting_killed(places, files, who, want["forgotten"], options)
            mark("kills of it")

            subprocess.run(["tar", "-xf", EARLIER, "-C", scratch], check=True)
            earlier = Disk(scratch).read("kept")
            portraits = [migrated(place, earlier) for place in places]
            for place, portrait in zip(places, portraits):
                check(portrait == portraits[0], f"{place.kind}: a migration leaves the same lake {difference(portraits[0], portrait)[:4]}")
            mark("migration")
            migration_killed(places, earlier, portraits[0], options)
            mark("kills of it")
    finally:
        for place in places[1:]:
            for name in ["second", "earlier"]:
                place.lake.remove(place.name(name))
        shutil.rmtree(scratch, ignore_errors=True)
    for failure in failures:
        print(f"WRONG: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
