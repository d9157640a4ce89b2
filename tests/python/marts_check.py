"""Compares marts with the oracle, cell by cell, and prints what differs.

    python tests/python/marts_check.py LAKE TRUTH --today DAY [--marts OTHER_LAKE] [--only MART…] [--show N]

LAKE has the ledger, and the marts too unless `--marts` names where they are. Exit code 1 where anything differs.
"""

import argparse
import pathlib
import sys

import pyarrow.parquet as pq

import oracle as oracles

# Rows that the truth says nothing of: mail that came in and durations are in no act, and are checked by the file tests.
UNKNOWN = {"tenant_product_activity": lambda r: r["activity"] in ("receive", "audio", "video", "screen_share", "other")}


def differences(mart, key, expected, found):
    for k in sorted(expected.keys() | found.keys(), key=str):
        e, f = expected.get(k), found.get(k)
        if e is None or f is None:
            yield k, "row", "there" if e else "none", "there" if f else "none"
            continue
        for column, value in e.items():
            if column not in f:
                yield k, column, value, "no such column"
            elif f[column] != value:
                yield k, column, value, f[column]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lake", type=pathlib.Path)
    p.add_argument("truth", type=pathlib.Path)
    p.add_argument("--today", type=oracles.date, required=True)
    p.add_argument("--marts", type=pathlib.Path)
    p.add_argument("--tenant", default="contoso")
    p.add_argument("--only", nargs="*", default=oracles.MARTS)
    p.add_argument("--show", type=int, default=8)
    a = p.parse_args()
    oracle = oracles.Oracle(a.lake, a.truth, a.today, a.tenant)
    bad = 0
    for mart in a.only:
        key, months = getattr(oracle, mart)()
        rows = cells = wrong = 0
        for month, expected in months.items():
            folder = (a.marts or a.lake) / "marts" / mart / f"tenant={a.tenant}"
            path = (folder / f"month={month}" if month else folder) / "part-0.parquet"
            got = pq.ParquetFile(path).read().to_pylist() if path.exists() else []
            got = [r for r in got if not UNKNOWN.get(mart, lambda _: False)(r)]
            found = {tuple(r[k] for k in key): r for r in got}
            rows += len(expected)
            cells += sum(len(r) for r in expected.values())
            for k, column, e, f in differences(mart, key, expected, found):
                wrong += 1
                if wrong <= a.show:
                    print(f"  {mart} {month} {k} {column}: expected {e!r}, found {f!r}")
        bad += wrong
        print(f"{'ok ' if not wrong else 'BAD'} {mart}: {rows} rows, {cells} cells, {wrong} differ", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
