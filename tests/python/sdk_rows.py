#!/usr/bin/env python3
"""Compare the rows that another client was given with those that usagelake landed, from one emulated tenant.

usage: sdk_rows.py BINARY JUDGE [--users N] [--days N] [--seed N] [--today DAY]

JUDGE is a Python program that asks a Graph server for every report: `JUDGE ADDRESS --today DAY --rows FILE`, where FILE
becomes a JSON object of rows by `function D7`, `function date` (three days before DAY) or `function`. usagelake then runs
a night against the same server, and its tables must hold as many rows: a detail in the partition of that window, a
counts report on the days that the answer of 7 days covers, a summary in the answer of that period. Exits 1 where the
judge finds fault or a count differs."""

import argparse
import datetime
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import duckdb
import night

CATALOG = Path(__file__).resolve().parents[2] / "schemas" / "reports"


def catalog():
    """Reports by function, each with its table: the file's name."""
    reports = {}
    for file in sorted(CATALOG.glob("*.toml")):
        report = tomllib.loads(file.read_text())
        reports[report["function"]] = {**report, "table": file.stem}
    return reports


def role(report, wanted):
    return next((column["name"] for column in report["columns"] if column.get("role") == wanted), None)


def landed(lake, report, window, today):
    """Rows of the window in the lake; None where the night has asked for no such window."""
    table = lake / "tables" / report["table"]
    if not table.is_dir():
        return None
    rows = f"read_parquet('{table}/**/*.parquet', hive_partitioning = true)"
    refresh = role(report, "refresh-date")
    if report["merge"] == "by-report-date":
        # Whatever period was asked for, the last 7 days are those of the answer of 7 days.
        day = role(report, "report-date")
        query = f"SELECT count(*) FROM {rows} WHERE {day} > (SELECT max({refresh}) - 7 FROM {rows})"
    elif report["merge"] == "by-refresh-date":
        period = role(report, "report-period")
        rows = f"(FROM {rows} WHERE {period} = 7)" if period and window == "D7" else rows
        query = f"SELECT nullif(count(*), 0) FROM {rows} WHERE {refresh} = (SELECT max({refresh}) FROM {rows})"
    else:
        period = {"D7": 7, "date": 1, "": 0}[window]
        found = sorted((table / "tenant=contoso" / f"period={period}").glob("day=*"))
        if window == "date":
            found = [day for day in found if day.name == f"day={today - datetime.timedelta(days=3)}"]
        if not found:
            return None
        query = f"SELECT count(*) FROM read_parquet('{found[-1]}/*.parquet')"
    return duckdb.execute(query).fetchone()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("judge")
    parser.add_argument("--users", type=int, default=200)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--today", default=night.TODAY)
    a = parser.parse_args()
    today = datetime.date.fromisoformat(a.today)
    reports, differ, equal, unasked = catalog(), [], 0, []
    with tempfile.TemporaryDirectory() as folder:
        out, rows = Path(folder), Path(folder) / "rows.json"
        with night.Emulator(a.binary, a.users, a.days, a.seed, a.today) as emulator:
            judged = subprocess.run([sys.executable, a.judge, emulator.address, "--today", a.today, "--rows", rows]).returncode
            ended = night.run(a.binary, emulator.address, out, a.today)
        for asked, given in json.loads(rows.read_text()).items() if rows.exists() else ():
            function, _, window = asked.partition(" ")
            if function not in reports:
                unasked.append(asked)
                continue
            found = landed(out / "lake", reports[function], window, today)
            # A header without rows lands no file.
            if found is None and given:
                unasked.append(asked)
            elif (found or 0) == given:
                equal += 1
            else:
                differ.append(f"{asked}: {given} rows answered, {found} landed")
    for line in differ:
        print(f"DIFF {line}")
    print(f"{equal} windows landed with the rows answered, {len(differ)} differ, {len(unasked)} not asked for: {unasked}")
    print(f"the judge ended with {judged}, the night with {ended}")
    sys.exit(bool(judged or ended or differ or not equal))


if __name__ == "__main__":
    main()
