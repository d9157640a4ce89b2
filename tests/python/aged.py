#!/usr/bin/env python3
"""A lake that has grown old, on disk and in Azure: retention takes what it had first, somebody is forgotten in the marts that stay, and
a lake of an earlier version is migrated.

usage: aged.py BINARY [--kills N] [--users N] [--seed N] [--round N]

Nights of four months, and one more that keeps three: what is older is taken, and the marts that were made of it are not built
again. Then a manager is forgotten. Each step must leave the same lake in Azure as on disk, object for object; `verify` must
find nothing; no object may hold a name of who is forgotten, read by pyarrow, and the rows of others in those marts must be as they were.

The last night is killed N times while it takes something, by turns on disk (`strace`, at a call of unlink) and in Azure (a proxy before
the store, before a request that deletes or after it), and forgetting is killed in Azure among the marts. `verify` must call what is left
interrupted and nothing else, and the next run must end in the lake of those that nobody disturbed.

--round N   only this round of the seed.

Needs Linux and `strace`; Azure needs USAGELAKE_TEST_AZURITE, as `tests/run.sh` sets it, and is left out without. Exits 1 where something
is wrong."""

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

from lakes import LEASE, Azure, Disk, Night, Proxy, difference, portrait
from night import SECRET, Emulator

# Each night reads what the one before could not see yet, from the middle of July on.
NIGHTS = ["2026-08-11", "2026-09-05", "2026-09-30", "2026-10-25"]
LAST = "2026-11-18"
START = "2026-07-12"
RETENTION = '\n[retention]\n"*" = "3 months"\n'
REPORTS = ["getEmailActivityUserDetail", "getOffice365ActiveUserDetail", "getEmailActivityCounts"]
LISTS = ["users", "licenses"]
FROZEN = re.compile(r"/month=2026-07-01/")
EARLIER = Path(__file__).resolve().parents[1] / "fixtures/lakes-of-an-earlier-version.tar.zst"
# Deletions go to whichever thread is free, so each has few; the first of one may be that of something else.
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
        self.mine = f"aged-{os.getpid()}" if kind == "azure" else ""

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
            if self.kind == "azure":
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


def deletes(method, path):
    return method == "DELETE" or "comp=batch" in path


def in_azure(place, name, start, wanted, at, kind):
    """Kills a command at a request that `wanted` is true of, the one with this number; whether it was reached."""
    proxy, seen = Proxy(place.lake), [0]

    def plan(method, path):
        this = wanted(method, path)
        seen[0] += this
        return kind if this and seen[0] == at else None

    proxy.plan = plan
    try:
        with proxy.lock:
            process = proxy.victim = start(proxy)
        process.communicate(timeout=300)
        return process.returncode == -signal.SIGKILL, seen[0]
    finally:
        proxy.shutdown()
        place.lake.break_lease(place.name(name))


def killed(place, name, dice, most):
    """Kills the last night while it takes something; where, and whether it was reached."""
    if place.kind == "disk":
        # The first thread that has done so many: which one that is, and how many others there were before, is chance.
        at = dice.choice(OF_A_THREAD)
        harm = ["strace", "-f", "-qqq", "-o", "/dev/null", "-e", "trace=unlink", "-e", f"inject=unlink:signal=KILL:when={at}"]
        process = place.night.start(place.name(name), (LAST, False), harm)
        process.communicate(timeout=300)
        return f"unlink {at} of a thread", process.returncode != 0
    at = dice.randint(1, most)
    kind = dice.choice(["kill-before", "kill-after"])
    start = lambda proxy: place.night.start(place.name(name), (LAST, False), proxy=proxy)
    return f"{kind.removeprefix('kill-')} deletion {at}", in_azure(place, name, start, deletes, at, kind)[0]


def killed_nights(places, first, options):
    """The last night, killed and gone on with; marts have been built, and this one leaves them as they are."""
    want, most, kills = None, 0, 0
    ours = [key for key in first if key.startswith(("raw/", "tables/"))]
    for place in places:
        place.put("undisturbed", first)
        if place.kind == "disk":
            place.whole("undisturbed", marts=False)
        else:
            start = lambda proxy: place.night.start(place.name("undisturbed"), (LAST, False), proxy=proxy)
            # The last one is that of the mark of the run.
            most = in_azure(place, "undisturbed", start, deletes, 0, None)[1] - 2
        want = want or place.portrait("undisturbed")
        check(place.portrait("undisturbed") == want, f"{place.kind}: retention without marts leaves the same lake")
        place.lake.remove(place.name("undisturbed"))
    for n in range(options.kills) if options.round is None else [options.round]:
        dice, place, name = random.Random(f"{options.seed} {n}"), places[n % len(places)], f"killed-{n}"
        place.put(name, first)
        told, reached = killed(place, name, dice, most)
        found, there = place.verified(name), place.read(name)
        gone = f"{sum(key not in there for key in ours)} objects taken"
        check(found == ({"interrupted": 1} if reached else {}), f"{place.kind}, round {n}: {'killed' if reached else 'not killed'} at {told}, {gone}: verify says {dict(found)}")
        place.whole(name, marts=False)
        wrong, found = difference(want, place.portrait(name)), place.verified(name)
        check(not wrong and not found, f"{place.kind}, round {n}: the next night ends in the same lake {wrong[:4]} {dict(found)}")
        place.lake.remove(place.name(name))
        kills += reached
    check(kills > 0, f"{kills} kills")


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


def forgetting_killed(place, files, who, want):
    place.put("forgetting", files)
    command = [place.binary, "forget", "--user", who, "--yes", "--today", LAST, "--lake", place.lake.url(place.name("forgetting"))]
    start = lambda proxy: subprocess.Popen([str(a) for a in command], env={**os.environ, **place.lake.environment(proxy)}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    marts = lambda method, path: method == "PUT" and bool(FROZEN.search(path.replace("%3D", "="))) and "staging" in path
    reached, _ = in_azure(place, "forgetting", start, marts, 3, "kill-after")
    check(reached and place.verified("forgetting")["interrupted"] > 0, f"{place.kind}: forgetting is killed among the marts")
    place.ask("forgetting", "forget", "--yes", "--today", LAST)
    wrong = difference(want, place.portrait("forgetting"))
    check(not wrong and not place.verified("forgetting"), f"{place.kind}: forgetting once more ends in the same lake {wrong[:4]}")
    place.lake.remove(place.name("forgetting"))


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
            if address := os.environ.get("USAGELAKE_TEST_AZURITE"):
                lakes["azure"] = Azure(address)
            else:
                print("USAGELAKE_TEST_AZURITE is not set: on disk alone")
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
            mark("kills")

            who, names = manager(files)
            check(len([key for key in holding(files, names) if FROZEN.search(key)]) > 10, "who is to be forgotten is in the marts that are not built again")
            for place in places:
                forgotten(place, files, who, names)
                portrait = place.portrait("second")
                want.setdefault("forgotten", portrait)
                check(portrait == want["forgotten"], f"{place.kind}: forgetting leaves the same lake {difference(want['forgotten'], portrait)[:4]}")
            for place in places[1:]:
                forgetting_killed(place, files, who, want["forgotten"])
            mark("forgetting")

            subprocess.run(["tar", "-xf", EARLIER, "-C", scratch], check=True)
            earlier = Disk(scratch).read("kept")
            portraits = [migrated(place, earlier) for place in places]
            for place, portrait in zip(places, portraits):
                check(portrait == portraits[0], f"{place.kind}: a migration leaves the same lake {difference(portraits[0], portrait)[:4]}")
            mark("migration")
    finally:
        for place in places[1:]:
            for name in ["second", "forgetting", "earlier"]:
                place.lake.remove(place.name(name))
        shutil.rmtree(scratch, ignore_errors=True)
    for failure in failures:
        print(f"WRONG: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
