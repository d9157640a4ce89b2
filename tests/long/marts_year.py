#!/usr/bin/env python3
"""A year of a large tenant through `usagelake marts`: seconds and memory of a full build and of a night.

usage: marts_year.py BINARY OUT [--people N] [--days N] [--reports NAME…] [--check]

Lives, if OUT/lake is not there yet, through the nights of an emulated tenant, one in 26 days, without marts: of each day the
active-user detail of everybody, and the directory of each night, so that every month has people with departments and
countries. `--reports` adds the details of that many workloads. Then it measures

  full    `usagelake marts --full` over all months
  night   `usagelake marts` after one more day was read
  idle    `usagelake marts` with nothing new

and prints wall and CPU seconds and the peak of memory for each. With --check it exits 1 where the targets are missed:
full under 120 s, and no run at 1 GiB. Python's standard library is all it needs."""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))
from night import PIPELINE, SECRET, Emulator  # noqa: E402

LAST = dt.date(2026, 11, 20)
# A night reads 28 days back but for the last two.
STEP = 26


def night(a, today, out):
    """A night's reading. Returns its rows."""
    everybody = ("--date-lists", "everyone")
    with Emulator(a.binary, a.people, a.days + 30, end=LAST + dt.timedelta(days=1), today=today, further=everybody) as emulator:
        config = out / "pipeline.toml"
        told = f'[reports]\ninclude = {json.dumps(["getOffice365ActiveUserDetail", *a.reports])}\n[marts]\nbuild = false\n'
        config.write_text('raw = "off"\n' + PIPELINE.format(address=emulator.address) + told)
        command = [a.binary, "run", "--config", config, "--lake", out / "lake", "--today", today, "--json"]
        environment = {**os.environ, "USAGELAKE_CLIENT_SECRET": SECRET}
        done = subprocess.run([str(part) for part in command], env=environment, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: the night of {today} ended with {done.returncode}: {done.stderr}")
    return sum(report["rows"] for report in json.loads(done.stdout)[0]["reports"])


def measure(label, *command):
    before = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"error: {label} ended with {process.returncode}")
    memory = used.ru_maxrss / 1024
    print(f"{label:8}{wall:9.1f} s wall {used.ru_utime + used.ru_stime:9.1f} s CPU {memory:9.0f} MiB", flush=True)
    return wall, memory


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--reports", nargs="*", default=[])
    parser.add_argument("--check", action="store_true")
    a = parser.parse_args()
    lake = a.out / "lake"
    a.out.mkdir(parents=True, exist_ok=True)
    if not lake.exists():
        begun, rows = time.monotonic(), 0
        for back in range(a.days // STEP * STEP, -1, -STEP):
            rows += night(a, LAST - dt.timedelta(days=back), a.out)
        print(f"{rows:,} rows of {a.people:,} people read in {time.monotonic() - begun:.0f} s", flush=True)
    marts = [a.binary, "marts", "--lake", lake, "--tenant", "contoso", "--config", a.out / "pipeline.toml"]
    full = measure("full", *marts, "--today", LAST, "--full")
    today = LAST + dt.timedelta(days=1)
    night(a, today, a.out)
    runs = [full, measure("night", *marts, "--today", today), measure("idle", *marts, "--today", today)]
    if a.check and (full[0] > 120 or max(memory for _, memory in runs) > 1024):
        sys.exit(1)


if __name__ == "__main__":
    main()
