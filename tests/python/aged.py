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
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from killing import NEWER, STORES, Place, all_killed, check, deletes, failures, lakes_of
from lakes import Disk, Night, difference
from night import Emulator

# Each night reads what the one before could not see yet, from the middle of July on.
NIGHTS = ["2026-08-11", "2026-09-05", "2026-09-30", "2026-10-25"]
LAST = "2026-11-18"
START = "2026-07-12"
RETENTION = '\n[retention]\n"*" = "3 months"\n'
REPORTS = ["getEmailActivityUserDetail", "getOffice365ActiveUserDetail", "getEmailActivityCounts"]
LISTS = ["users", "licenses"]
FROZEN = re.compile(r"/month=2026-07-01/")
# What `verify` says of a lake of an earlier version, whatever else happens to it.
OLDER = {"schema", "foreign"}
EARLIER = Path(__file__).resolve().parents[1] / "fixtures/lakes-of-an-earlier-version.tar.zst"


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


class Nights(Place):
    """Lakes of one kind, and the nights that are spent with them."""

    def __init__(self, kind, lake, night, binary):
        super().__init__(kind, lake, binary, LAST)
        self.night = night

    def whole(self, name, marts=True):
        self.night.whole(self.name(name), (LAST, marts))

    def last_night(self, name):
        return lambda **how: self.night.start(self.name(name), (LAST, False), **how)


def retention_killed(places, first, options):
    """The last night, killed and gone on with; marts have been built, and this one leaves them as they are."""
    want = None
    for place in places:
        place.put("undisturbed", first)
        place.whole("undisturbed", marts=False)
        want = want or place.portrait("undisturbed")
        check(place.portrait("undisturbed") == want, f"{place.kind}: retention without marts leaves the same lake")
        place.lake.remove(place.name("undisturbed"))
    again = lambda place, name: place.whole(name, marts=False)
    all_killed("retention", places, options, first, lambda place: place.last_night, again, want, deletes, ["unlink"], besides=())


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


def forgetting_killed(places, files, who, want, options):
    command = ["forget", "--user", who, "--yes", "--today", LAST]
    again = lambda place, name: place.ask(name, *command)
    all_killed("forgetting", places, options, files, lambda place: place.starter(*command), again, want)


def migration_killed(places, files, want, options):
    command = ["migrate", "--today", "2026-11-19"]

    def again(place, name):
        place.ask(name, *command)
        place.ask(name, "marts", "--today", "2026-11-19")

    all_killed("migration", places, options, files, lambda place: place.starter(*command), again, want, besides=NEWER | OLDER)


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
            lakes = lakes_of(options.store, scratch)
            for kind, lake in lakes.items():
                folder = scratch / f"of-{kind}"
                folder.mkdir()
                night = Night(options.binary, folder, lake, emulators, REPORTS, LISTS, RETENTION)
                places.append(Nights(kind, lake, night, options.binary))
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
            retention_killed(places, first, options)
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
