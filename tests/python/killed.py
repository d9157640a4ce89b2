#!/usr/bin/env python3
"""Commands that write, killed while they do: import, release, replay and marts. `kills.py` kills nights, `aged.py` retention, forgetting
and migration.

usage: killed.py BINARY [--kills N] [--users N] [--seed N] [--round N] [--store NAME…]

For each command a lake is made on which it has something to do, and what it leaves there is kept, once for each place: it must be the
same on disk and in the stores. Then it is killed N times while it writes, by turns on disk (`strace`, at a call of rename or unlink)
and in the stores (a proxy before the store, before a request or after it), half of them twice. `verify` must call what is left
interrupted and nothing else, and the command, given once more, must end in the lake that nobody disturbed.

--round N      only this round of the seed
--store NAME   only these, and the disk: azure, s3, gcs

Needs Linux and `strace`; the stores need USAGELAKE_TEST_AZURITE, _S3 and _GCS, as `tests/run.sh` sets them, and are left out without.
Exits 1 where something is wrong."""

import argparse
import csv
import io
import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
from killing import STORES, Place, all_killed, check, failures, lakes_of
from lakes import REPORTS, Night, difference
from night import Emulator

# The night of which answers are saved and imported, and those of the lake: in the last one names are concealed, which a guard holds.
EARLY, FIRST, LAST = "2026-10-20", "2026-11-18", "2026-11-20"
CONCEALED = f"[[rules]]\nfault.concealed = {{ from = '{FIRST}' }}\n"


def saved(files, folder):
    """Answers of a lake as files of their own, named as one would."""
    folder.mkdir()
    for key, body in files.items():
        if key.startswith("raw/") and key.endswith(".csv.zst"):
            report, window = key.split("/")[2:4]
            path = folder / f"{report.removeprefix('report=')}-{window}.csv"
            text = pa.CompressedInputStream(pa.BufferReader(body), "zstd").read().decode("utf-8-sig")
            # Some cells do not parse.
            head, *lines = csv.reader(io.StringIO(text))
            if "Read Count" in head:
                lines = [["many" if name == "Read Count" else cell for name, cell in zip(head, line)] for line in lines[:1]] + lines[1:]
            with path.open("w", newline="") as f:
                csv.writer(f).writerows([head, *lines])
    return sorted(folder.iterdir())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=lambda p: str(Path(p).resolve()))
    parser.add_argument("--kills", type=int, default=4)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int)
    parser.add_argument("--store", nargs="*", choices=list(STORES), default=list(STORES))
    a = parser.parse_args()
    if not shutil.which("strace"):
        sys.exit("error: strace is not installed: it is how a process is killed at a system call")
    scratch, begun, places = Path(tempfile.mkdtemp()), time.monotonic(), []
    try:
        with ExitStack() as stack:
            emulator = lambda today, *more: stack.enter_context(Emulator(a.binary, a.users, 60, 3, today, end=LAST, further=more))
            (scratch / "faults.toml").write_text(CONCEALED)
            emulators = {EARLY: emulator(EARLY), FIRST: emulator(FIRST), LAST: emulator(LAST, "--faults", scratch / "faults.toml")}
            lakes = lakes_of(a.store, scratch)
            places = [Place(kind, lake, a.binary, LAST) for kind, lake in lakes.items()]
            night, disk = Night(a.binary, scratch, lakes["disk"], emulators), places[0]
            night.whole("early", (EARLY, False))
            imports = saved(disk.read("early"), scratch / "saved")
            night.whole("one", (FIRST, True))
            one = disk.read("one")
            process = night.start("one", (LAST, True))
            told = process.communicate(timeout=300)[1].decode()
            check(process.returncode == 3 and "concealed" in told, "names are concealed from one night to the next, and held")
            held = disk.read("one")
            # Tables that were lost are made again from raw.
            bare = {key: body for key, body in one.items() if not key.startswith(("tables/email", "tables/office365_activations"))}
            without = {key: body for key, body in one.items() if not key.startswith(("marts", "_usagelake/marts", "_usagelake/staging"))}
            jobs = {
                "import": (one, ["import", *imports, "--tenant", "contoso"]),
                "release": (held, ["release", "--all", "--today", LAST]),
                "replay": (bare, ["replay", "--today", LAST]),
                "marts": (without, ["marts", "--full", "--today", LAST]),
            }
            print(f"---- lakes and {len(imports)} answers: {time.monotonic() - begun:.1f} s", flush=True)
            for what, (files, command) in jobs.items():
                want = None
                for place in places:
                    place.put(what, files)
                    place.ask(what, *command)
                    found, portrait = place.verified(what), place.portrait(what)
                    want = want or portrait
                    check(portrait == want and not found, f"{what} leaves the same lake on {place.kind} {difference(want, portrait)[:4]} {dict(found)}")
                    place.lake.remove(place.name(what))
                again = lambda place, name: place.ask(name, *command)
                all_killed(what, places, a, files, lambda place: place.starter(*command), again, want)
                print(f"---- {what}: {time.monotonic() - begun:.1f} s", flush=True)
    finally:
        for place in places[1:]:
            for name in ["import", "release", "replay", "marts"]:
                place.lake.remove(place.name(name))
        shutil.rmtree(scratch, ignore_errors=True)
    for failure in failures:
        print(f"WRONG: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
