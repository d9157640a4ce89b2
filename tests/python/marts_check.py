"""Compares marts with the oracle, cell by cell, and prints what differs.

    python tests/python/marts_check.py LAKE TRUTH --today DAY [--marts OTHER_LAKE] [--pipeline FILE] [--only MART…] [--show N]

LAKE has the ledger, and the marts too unless `--marts` names where they are. `--date-lists` and `--last-activity` say with
which options the emulator ran, where these were not its defaults.
Exit code 1 where anything differs, where a mart is not judged, or where a column is neither judged nor in `UNTOLD`.
"""

import argparse
import collections
import math
import pathlib
import sys
import time

import marts_run
import oracle as oracles
import oracle_campaigns
import oracle_places
import oracle_state
import pyarrow.parquet as pq

# Sums of squares and roots are worked out another way here: equal but for the last bits.
ROUNDED = {"standard_error", "effect", "effect_low", "effect_high", "later_effect", "placebo_effect", "reference_rate"}

# Columns of which the oracle says nothing, and why.
UNTOLD = {}


def answer(oracle, mart):
    """(key columns, {month: {key: row}}) of the oracle, none where it does not know the mart."""
    for where in (oracle, oracle_state, oracle_places, oracle_campaigns):
        if of := getattr(where, mart, None):
            return of() if where is oracle else of(oracle)
    return None


def differences(expected, found):
    for k in sorted(expected.keys() | found.keys(), key=str):
        e, f = expected.get(k), found.get(k)
        if e is None or f is None:
            yield k, "row", "there" if e is not None else "none", "there" if f is not None else "none"
            continue
        for column, value in e.items():
            if column not in f:
                yield k, column, value, "no such column"
            elif column in ROUNDED and None not in (value, f[column]) and math.isclose(value, f[column], abs_tol=1e-12):
                continue
            elif f[column] != value:
                yield k, column, value, f[column]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lake", type=pathlib.Path)
    p.add_argument("truth", type=pathlib.Path)
    p.add_argument("--today", type=oracles.date, required=True)
    p.add_argument("--marts", type=pathlib.Path)
    p.add_argument("--pipeline", type=pathlib.Path)
    p.add_argument("--tenant", default="contoso")
    p.add_argument("--date-lists", default="active")
    p.add_argument("--last-activity", default="asked")
    p.add_argument("--only", nargs="*")
    p.add_argument("--show", type=int, default=8)
    a = p.parse_args()
    begun = time.monotonic()
    told = marts_run.told(a.pipeline) if a.pipeline else {}
    told |= dict(everyone=a.date_lists == "everyone", as_of_today=a.last_activity == "today")
    oracle = oracles.Oracle(a.lake, a.truth, a.today, a.tenant, told)
    totals = collections.Counter()
    for contract in marts_run.contracts():
        if contract.kind != "mart" or a.only and contract.name not in a.only:
            continue
        mart, answered = contract.name, answer(oracle, contract.name)
        if not answered:
            totals["bad"] += 1
            print(f"BAD {mart}: the oracle does not know it")
            continue
        key, months = answered
        if "source" in contract.columns:
            # The retired app's months may stand beside ours; this tenant has none.
            for row in (r for expected in months.values() for r in expected.values()):
                row["source"] = "measured"
        folder = (a.marts or a.lake) / "marts" / mart / f"tenant={a.tenant}"
        for path in folder.glob("month=*/part-0.parquet"):
            months.setdefault(oracles.date(path.parent.name.removeprefix("month=")), {})
        rows, cells, wrong, judged = 0, 0, 0, set(key)
        for month, expected in months.items():
            path = (folder / f"month={month}" if month else folder) / "part-0.parquet"
            got = pq.ParquetFile(path).read().to_pylist() if path.exists() else []
            found = {tuple(r[k] for k in key): r for r in got}
            rows += len(expected)
            for row in expected.values():
                cells += len(row)
                judged |= row.keys()
            for k, column, e, f in differences(expected, found):
                wrong += 1
                if wrong <= a.show:
                    print(f"  {mart} {month} {k} {column}: expected {e!r}, found {f!r}")
        unknown = set(contract.columns) - judged if rows else set()
        if loose := unknown - UNTOLD.get(mart, {}).keys():
            wrong += 1
            print(f"  {mart}: neither judged nor argued: {', '.join(sorted(loose))}")
        for column in sorted(unknown & UNTOLD.get(mart, {}).keys()):
            print(f"     {mart}.{column} is not judged: {UNTOLD[mart][column]}")
        if not rows:
            wrong += 1
            print(f"  {mart}: the oracle expects no row at all: nothing is proved")
        totals.update(bad=wrong, rows=rows, cells=cells, marts=1)
        print(f"{'BAD' if wrong else 'ok '} {mart}: {rows} rows, {cells} cells, {wrong} differ", flush=True)
    print(
        f"{totals['marts']} marts, {totals['rows']} rows, {totals['cells']} cells beside the keys, {totals['bad']} differ; "
        f"{time.monotonic() - begun:.0f} s"
    )
    sys.exit(1 if totals["bad"] or not totals["marts"] else 0)


if __name__ == "__main__":
    main()
