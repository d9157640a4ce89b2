"""Compares marts with the oracle, cell by cell, and prints what differs.

    python tests/python/marts_check.py LAKE TRUTH --today DAY [--marts OTHER_LAKE] [--pipeline FILE] [--only MART…] [--show N]

LAKE has the ledger, and the marts too unless `--marts` names where they are. The pipeline file is the one of `marts_run.py`; `date_lists` and
`last_activity` in it say with which options the emulator ran, where these were not its defaults.
Exit code 1 where anything differs.
"""

import argparse
import json
import math
import pathlib
import sys

import pyarrow.parquet as pq

import oracle as oracles
import oracle_campaigns
import oracle_state

OF_PEOPLE = [
    "user_product_month", "tenant_product_usage", "adoption_by_group", "adoption_by_segment", "first_time_users",
    "tenant_product_activity",
]
OF_STATE = [
    "tenant_mailbox_usage", "tenant_sharepoint_usage", "tenant_groups_usage", "tenant_office_licenses",
    "license_utilization", "user_activity", "user_state", "region_activity", "copilot_adoption", "data_quality", "calendar",
]
OF_CAMPAIGNS = ["campaign_opportunities", "campaign_effect"]
MARTS = OF_PEOPLE + OF_STATE + OF_CAMPAIGNS
# Sums of squares and roots are worked out another way here: equal but for the last bits.
ROUNDED = {"standard_error", "effect", "effect_low", "effect_high", "later_effect", "placebo_effect", "reference_rate"}

# Rows that the truth says nothing of: mail that came in and durations, kinds of sites and groups.
UNKNOWN = {
    "tenant_product_activity": lambda r: r["activity"] in ("receive", "audio", "video", "screen_share", "other"),
    "tenant_sharepoint_usage": lambda r: r["site_type"] != "any",
    "tenant_groups_usage": lambda r: r["group_type"] != "any",
}


def differences(mart, key, expected, found):
    for k in sorted(expected.keys() | found.keys(), key=str):
        e, f = expected.get(k), found.get(k)
        if e is None or f is None:
            yield k, "row", "there" if e else "none", "there" if f else "none"
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
    p.add_argument("--only", nargs="*", default=MARTS)
    p.add_argument("--show", type=int, default=8)
    a = p.parse_args()
    pipeline = json.loads(a.pipeline.read_text()) if a.pipeline else {}
    oracle = oracles.Oracle(a.lake, a.truth, a.today, a.tenant, pipeline)
    bad = 0
    for mart in a.only:
        module = oracle_state if mart in OF_STATE else oracle_campaigns
        key, months = getattr(oracle, mart)() if mart in OF_PEOPLE else getattr(module, mart)(oracle)
        rows = cells = wrong = 0
        for path in ((a.marts or a.lake) / "marts" / mart / f"tenant={a.tenant}").glob("month=*/part-0.parquet"):
            months.setdefault(oracles.date(path.parent.name.removeprefix("month=")), {})
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
