#!/usr/bin/env python3
"""The main job at length: a large emulated tenant's first night, the same night again at once, and a night two days later.

usage: three_nights.py BINARY OUT [--azurite] [--users N] [--seed N]

The lake is OUT/lake, or with --azurite a folder of the container that `tests/run.sh -- COMMAND` starts and names in
USAGELAKE_TEST_AZURITE; its objects are copied to OUT/lake in the end. Each night prints what it asked, landed and published,
its seconds and its peak of memory. The second must ask for nothing and change no byte of tables, raw, marts and ledger. In the
end `verify` must find nothing, and tests/python/truth.py must find in the tables what the emulator knows. Exits 1 where one
of it does not hold. Needs tests/python/requirements.txt."""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "python"
sys.path.insert(0, str(TESTS))
import lakes  # noqa: E402
from night import PIPELINE, SECRET, TODAY, Emulator  # noqa: E402

KEPT = ("tables/", "raw/", "marts/", "marts_shared/", "_usagelake/ledger/", "_usagelake/manifest/")


def night(binary, lake, users, seed, today, out, truth=None):
    """One night. Returns its record."""
    with Emulator(binary, users, 62, seed, today, truth, TODAYS[-1]) as emulator:
        config = out / "pipeline.toml"
        config.write_text(PIPELINE.format(address=emulator.address))
        command = [binary, "run", "--config", config, "--lake", lake.url("lake"), "--today", today, "--json"]
        begun = time.monotonic()
        process = subprocess.Popen(
            [str(part) for part in command],
            env={**os.environ, **lake.environment(), "USAGELAKE_CLIENT_SECRET": SECRET},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    record = json.loads(said)[0]
    total = {name: sum(report[name] for report in record["reports"]) for name in ("asked", "landed", "published", "rows")}
    figures = ", ".join(f"{name} {count:,}" for name, count in total.items())
    print(f"{today}: exit {code}, {figures}, {time.monotonic() - begun:.1f} s, {used.ru_maxrss / 1024:.0f} MiB", flush=True)
    if code:
        sys.exit(1)
    return total


def portrait(lake):
    return {key: hashlib.sha256(body).hexdigest() for key, body in lake.read("lake").items() if key.startswith(KEPT)}


TODAYS = [TODAY, TODAY, (date.fromisoformat(TODAY) + timedelta(days=2)).isoformat()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--azurite", action="store_true")
    parser.add_argument("--users", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    lake = lakes.Azure(os.environ["USAGELAKE_TEST_AZURITE"]) if a.azurite else lakes.Disk(a.out)
    lake.remove("lake")
    night(a.binary, lake, a.users, a.seed, TODAYS[0], a.out)
    before = portrait(lake)
    again = night(a.binary, lake, a.users, a.seed, TODAYS[1], a.out)
    after = portrait(lake)
    differ = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    print(f"at once again: {again['asked']} windows asked, {len(differ)} of {len(before):,} objects differ {differ[:3]}")
    night(a.binary, lake, a.users, a.seed, TODAYS[2], a.out, a.out / "truth")
    proof = subprocess.run(
        [a.binary, "verify", "--lake", lake.url("lake"), "--tenant", "contoso"],
        env={**os.environ, **lake.environment()},
    )
    if a.azurite:
        for key, body in lake.read("lake").items():
            path = a.out / "lake" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)
    told = [sys.executable, TESTS / "truth.py", a.out / "lake", a.out / "truth", "--nights", *TODAYS[1:]]
    truth = subprocess.run([str(part) for part in told])
    sys.exit(bool(again["asked"] or differ or proof.returncode or truth.returncode))


if __name__ == "__main__":
    main()
