"""Compares the marts of two lakes, row by row and bit by bit: what two engines made of the same tables must be equal.

    python tests/python/marts_compare.py A B [--tenant NAME] [--staging] [--only MODEL…]

Exit code 1 where anything differs.
"""

import argparse
import pathlib
import sys

import pyarrow.parquet as pq


def partitions(lake, folder, tenant):
    """Model and partition → file."""
    out = {}
    for path in lake.glob(f"{folder}/*/tenant={tenant}/**/part-0.parquet"):
        parts = path.relative_to(lake / folder).parts
        month = next((p.split("=")[1] for p in parts if p.startswith("month=")), "")
        out[parts[0], month] = path
    return out


def main():
    p = argparse.ArgumentParser()
    p.add_argument("a", type=pathlib.Path)
    p.add_argument("b", type=pathlib.Path)
    p.add_argument("--tenant", default="contoso")
    p.add_argument("--staging", action="store_true", help="staging models too")
    p.add_argument("--only", nargs="*")
    p.add_argument("--months", nargs="*", help="only these")
    o = p.parse_args()
    bad, rows, models = 0, 0, set()
    for folder in ["marts"] + (["_usagelake/staging"] if o.staging else []):
        a, b = partitions(o.a, folder, o.tenant), partitions(o.b, folder, o.tenant)
        for key in sorted(a.keys() | b.keys()):
            if o.only and key[0] not in o.only or o.months and key[1] not in o.months:
                continue
            models.add(key[0])
            if key not in a or key not in b:
                bad += 1
                print(f"{key[0]} {key[1]}: only in {o.a if key in a else o.b}")
                continue
            left, right = (pq.ParquetFile(f[key]).read() for f in (a, b))
            rows += left.num_rows
            if left.schema.remove_metadata() != right.schema.remove_metadata():
                bad += 1
                print(f"{key[0]} {key[1]}: schemas differ\n{left.schema}\n{right.schema}")
                continue
            # Rows are stored in the order of the full key, so equal contents are equal row by row.
            left, right = left.to_pylist(), right.to_pylist()
            if left == right:
                continue
            bad += 1
            print(f"{key[0]} {key[1]}: {len(left)} and {len(right)} rows")
            shown = 0
            for x, y in zip(left, right):
                if x != y and shown < 5:
                    shown += 1
                    print("   ", {k: (x[k], y[k]) for k in x if x[k] != y[k]}, "in", x)
    print(f"{len(models)} models, {rows} rows, {bad} partitions differ")
    sys.exit(1 if bad or not models else 0)


if __name__ == "__main__":
    main()
