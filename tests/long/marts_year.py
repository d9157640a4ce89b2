#!/usr/bin/env python3
"""A year of a large tenant through `usagelake marts`: seconds and memory of a full build and of a night.

usage: marts_year.py BINARY OUT [--people N] [--days N] [--last DAY] [--config FILE]

Imports, if OUT/lake is not there yet, N nights of the active-user detail (every person, `period='D7'`) and N days of the
email, Teams and OneDrive details (`date=`, those who were active) as CSV that this script makes. Then it measures

  full    `usagelake marts --full` over all months
  night   `usagelake marts` after one more day was imported
  idle    `usagelake marts` with nothing new

and prints wall and CPU seconds and the peak of memory for each. With --check it exits 1 where the targets are missed:
full under 120 s, and no run at 1 GiB. Python's standard library is all it needs."""

import argparse
import datetime as dt
import os
import random
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCTS = {"Exchange": 0.9, "OneDrive": 0.5, "SharePoint": 0.4, "Skype For Business": 0.02, "Yammer": 0.05, "Teams": 0.8}


class People:
    """Everybody's habits and last days, day by day."""

    def __init__(self, count, seed=7):
        self.random = random.Random(seed)
        self.count = count
        self.names = [f"user{i * 7368787 % 10**7:07d}.{'abcdefghijklmnop'[i % 16]}son@contoso.com" for i in range(count)]
        self.habit = [[self.random.betavariate(0.5, 2) * weight for weight in PRODUCTS.values()] for _ in range(count)]
        self.last = [["" for _ in PRODUCTS] for _ in range(count)]

    def live(self, day):
        """One day. Returns for each person which products were used."""
        calm = 0.12 if day.weekday() > 4 else 1
        text, roll = day.isoformat(), self.random.random
        acted = []
        for habits, last in zip(self.habit, self.last):
            today = [roll() < habit * calm for habit in habits]
            for n, active in enumerate(today):
                if active:
                    last[n] = text
            acted.append(today)
        return acted


def headers(table):
    report = tomllib.loads((ROOT / f"schemas/reports/{table}.toml").read_text())
    return [c["header"] for c in report["columns"] if not c.get("undocumented") and not c.get("requires")]


def write(path, table, rows):
    names = headers(table)
    lines = [",".join(names)]
    lines += [",".join(row.get(name, "") for name in names) for row in rows]
    path.write_text("\n".join(lines) + "\n")


def active_users(path, people, day):
    """The nightly answer: everybody. Written by hand, since it is most of the data."""
    names = headers("office365_active_user_detail")
    at = {f"{p} Last Activity Date": n for n, p in enumerate(PRODUCTS)}
    has = {f"Has {p} License" for p in PRODUCTS}
    plan = [("last", at[n]) if n in at else ("text", "True" if n in has else {"Report Refresh Date": day.isoformat(), "Is Deleted": "False", "Assigned Products": "MICROSOFT 365 E3"}.get(n, "")) for n in names]
    who = names.index("User Principal Name")
    with path.open("w") as out:
        out.write(",".join(names) + "\n")
        for name, last in zip(people.names, people.last):
            cells = [last[v] if kind == "last" else v for kind, v in plan]
            cells[who] = name
            out.write(",".join(cells) + "\n")


ACTS = {
    "email_activity_user_detail": (0, ["Send Count", "Receive Count", "Read Count"]),
    "one_drive_activity_user_detail": (1, ["Viewed Or Edited File Count", "Synced File Count"]),
    "teams_user_activity_user_detail": (5, ["Private Chat Message Count", "Meeting Count"]),
}


def acts(path, table, people, acted, day):
    at, counts = ACTS[table]
    rows = (
        {
            "Report Refresh Date": day.isoformat(),
            "User Principal Name": name,
            "Last Activity Date": day.isoformat(),
            "Is Deleted": "False",
            "Report Period": "1",
            **{count: str(1 + n % 9) for count in counts},
        }
        for n, (name, products) in enumerate(zip(people.names, acted))
        if products[at]
    )
    write(path, table, rows)


def call(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"error: {' '.join(map(str, command))} ended with {done.returncode}: {done.stderr}")


def night(binary, lake, people, day, folder):
    acted = people.live(day)
    detail = folder / "active.csv"
    active_users(detail, people, day)
    call(binary, "import", "--lake", lake, "--tenant", "bench", "--raw", "off", "--period", 7, "--report", "getOffice365ActiveUserDetail", detail)
    for table in ACTS:
        path = folder / f"{table}.csv"
        acts(path, table, people, acted, day)
        call(binary, "import", "--lake", lake, "--tenant", "bench", "--raw", "off", "--period", 1, "--day", day.isoformat(), "--report", table, path)


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
    parser.add_argument("binary", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--last", type=dt.date.fromisoformat, default=dt.date(2026, 11, 20))
    parser.add_argument("--config", type=Path)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    lake = args.out / "lake"
    args.out.mkdir(parents=True, exist_ok=True)
    people = People(args.people)
    if not lake.exists():
        for n in range(args.days, 0, -1):
            night(args.binary, lake, people, args.last - dt.timedelta(days=n), args.out)
    else:
        # The lake is of an earlier call: only the last day is lived.
        people.live(args.last - dt.timedelta(days=1))
    config = ["--config", args.config] if args.config else []
    today = (args.last + dt.timedelta(days=2)).isoformat()
    marts = [args.binary, "marts", "--lake", lake, "--tenant", "bench", "--today", today, *config]
    full = measure("full", *marts, "--full")
    night(args.binary, lake, people, args.last, args.out)
    runs = [full, measure("night", *marts), measure("idle", *marts)]
    if args.check and (full[0] > 120 or max(memory for _, memory in runs) > 1024):
        sys.exit(1)


if __name__ == "__main__":
    main()
