#!/usr/bin/env python3
"""What usagelake writes to a folder it writes to Azure, object for object: nights, the same night twice, and imports.

usage: in_azure.py BINARY OUT [--users N] [--days N] [FILE…]

Lives through two nights, each run twice, and imports the FILEs, answers that were saved earlier (without, some of the nights'), once with the lake in OUT/lake
and once in Azurite, which `tests/run.sh -- COMMAND` starts and names in USAGELAKE_TEST_AZURITE. A night that is run again at
once must ask for nothing and change no byte. In the end every object must be the same in both, byte for byte but for when and
by which run it was read, and readers.py must read those in Azurite alike. What is in OUT/lake is for the judges of lakes on
disk. Exits 1 where one of it does not hold."""

import argparse
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import lakes
import pyarrow as pa
from night import PIPELINE, SECRET, TODAY, Emulator

LATER = (date.fromisoformat(TODAY) + timedelta(days=2)).isoformat()
NAME = "lake"


def usagelake(binary, lake, *command):
    """Runs it over a lake, and returns what it says as JSON. Ends where it fails."""
    command = [str(part) for part in (binary, *command, "--lake", lake.url(NAME), "--json")]
    environment = {**os.environ, **lake.environment(), "USAGELAKE_CLIENT_SECRET": SECRET}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(command[1:3])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def seen(lake):
    """Every object but what says who runs."""
    return {key: body for key, body in lake.read(NAME).items() if not key.startswith(("_usagelake/runs/", "_usagelake/lock/"))}


def saved(lake, out):
    """Answers of the nights as somebody would have kept them."""
    out.mkdir(exist_ok=True)
    for report in ("email_activity_user_detail", "one_drive_activity_user_detail", "teams_user_activity_user_detail"):
        answer = next((lake / f"raw/tenant=contoso/report={report}/period=D7").glob("*.csv.zst"))
        with pa.input_stream(str(answer), compression="zstd") as plain:
            (out / f"{report}.csv").write_bytes(plain.read())
    return sorted(out.glob("*.csv"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--users", type=int, default=40)
    parser.add_argument("--days", type=int, default=40)
    parser.add_argument("files", nargs="*")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    disk, azure = lakes.Disk(a.out), lakes.Azure(os.environ["USAGELAKE_TEST_AZURITE"])
    wrong = False
    for lake in (disk, azure):
        lake.remove(NAME)
    config = a.out / "pipeline.toml"
    for today in (TODAY, LATER):
        with Emulator(a.binary, a.users, a.days, 1, today, end=LATER) as emulator:
            config.write_text(PIPELINE.format(address=emulator.address))
            for lake in (disk, azure):
                usagelake(a.binary, lake, "run", "--config", config, "--today", today)
                before = seen(lake)
                again = usagelake(a.binary, lake, "run", "--config", config, "--today", today)
                asked = sum(report["asked"] for report in again[0]["reports"])
                after = seen(lake)
                changed = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
                print(f"{today}: run again at once over {lake.url(NAME)}, asks for {asked} windows and changes {len(changed)} objects")
                wrong |= bool(asked or changed)
    files = a.files or saved(a.out / NAME, a.out / "saved")
    for lake in (disk, azure):
        usagelake(a.binary, lake, "import", "--tenant", "saved", *files)
    want, got = lakes.portrait(disk, NAME), lakes.portrait(azure, NAME)
    differ = lakes.difference(want, got)
    print(f"{len(want)} objects on disk, {len(got)} in Azurite, {len(differ)} differ")
    print("\n".join(differ[:10]), end="\n" if differ else "")
    told = [sys.executable, Path(__file__).with_name("readers.py"), azure.url(NAME)]
    read = subprocess.run([str(part) for part in told])
    sys.exit(bool(wrong or differ or not want or read.returncode))


if __name__ == "__main__":
    main()
