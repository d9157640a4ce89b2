#!/usr/bin/env python3
"""Where no campaign was, the interval of campaign_effect covers zero, in about 95 of 100 tenants.

usage: campaign_seeds.py BINARY OUT [--seeds N] [--first SEED] [--users N] [--workers N]

For each seed an emulated tenant that ran no campaign, five nights of getOffice365ActiveUserDetail and the directory, and a
pipeline file that tells of one campaign for OneDrive in one department all the same. Exits 1 where so many intervals miss
zero, or so few, as one true 95 % interval in a thousand would. Needs tests/python/requirements.txt."""

import argparse
import concurrent.futures
import datetime as dt
import math
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

import night  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

DAY = dt.timedelta(days=1)
END = dt.date.fromisoformat(night.TODAY)
# Graph answers for 28 days: every day is read by a night at most 23 days later.
NIGHTS = [END - n * DAY for n in (92, 69, 46, 23, 0)]
# 28 days of history, 28 days before, a week, 28 days after, and the two by which Graph is late.
START = NIGHTS[0] - 2 * DAY + 56 * DAY
LAST = START + 6 * DAY
REPORT = "getOffice365ActiveUserDetail"

TOLD = f"""
[reports]
include = ["{REPORT}"]

[marts]
build = false

[[campaigns]]
name = "never"
products = ["onedrive"]
attribute = "department"
value = "{{department}}"
start = "{START}"
end = "{LAST}"
"""


def effect(binary, out, seed, users, department):
    """(effect, low, high, people of the target) of one tenant."""
    told = TOLD.format(department=department)
    for today in NIGHTS:
        with night.Emulator(binary, users, 120, seed, today, end=END, further=["--campaigns", "off"]) as emulator:
            if code := night.run(binary, emulator.address, out, today, told, subprocess.DEVNULL):
                sys.exit(f"error: seed {seed}: the night of {today} ended with {code}")
    command = [binary, "marts", "--config", out / "pipeline.toml", "--lake", out / "lake", "--today", END]
    subprocess.run([str(c) for c in command], check=True, capture_output=True)
    (row,) = [r for f in (out / "lake/marts/campaign_effect").glob("**/*.parquet") for r in pq.ParquetFile(f).read().to_pylist()]
    shutil.rmtree(out)
    if row["effect"] is None:
        sys.exit(f"error: seed {seed}: no effect was told: {row}")
    return row["effect"], row["effect_low"], row["effect_high"], row["target_users"]


def bounds(n, p=0.95, out=0.0005):
    """The counts between which all but one in a thousand of n trials lie."""
    chance = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    low = next(k for k in range(n + 1) if sum(chance[: k + 1]) > out)
    high = next(k for k in range(n, -1, -1) if sum(chance[k:]) > out)
    return low, high


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--users", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--department", default="Engineering")
    a = parser.parse_args()
    begun, found = time.monotonic(), []
    with concurrent.futures.ThreadPoolExecutor(a.workers) as pool:
        seeds = range(a.first, a.first + a.seeds)
        jobs = {pool.submit(effect, a.binary, a.out / str(s), s, a.users, a.department): s for s in seeds}
        for job in concurrent.futures.as_completed(jobs):
            e, low, high, people = job.result()
            found.append((e, low <= 0 <= high))
            print(f"seed {jobs[job]:3}: {e:+.3f} [{low:+.3f}, {high:+.3f}] of {people} people{'' if low <= 0 <= high else '  MISSES'}", flush=True)
    covers, (low, high) = sum(c for _, c in found), bounds(a.seeds)
    mean = sum(e for e, _ in found) / len(found)
    print(f"{covers} of {a.seeds} intervals cover zero, {low} to {high} may; mean effect {mean:+.4f}; {time.monotonic() - begun:.0f} s")
    sys.exit(not low <= covers <= high)


if __name__ == "__main__":
    main()
