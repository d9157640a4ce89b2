"""Runs pipelines/usage_analytics/tests/*.toml: given rows, expected rows. The README there has the format.

    python tests/python/marts_tests.py [--engine datafusion|spark] [NAME…]
"""

import argparse
import datetime as dt
import pathlib
import sys
import tomllib

import pyarrow as pa

import marts_run as runner


def complete(row, schema):
    unknown = set(row) - set(schema.names)
    assert not unknown, f"no such columns: {sorted(unknown)}"
    return {n: row.get(n) for n in schema.names}


def coverage(given, detail_tables):
    """A landed slice for each given partition of a detail, unless the test says otherwise."""
    rows = {}
    for g in given:
        if g["table"] in detail_tables and g["rows"]:
            day, period = g["day"], g.get("period", 7)
            concealed = [len(r.get("user_principal_name") or "") == 32 for r in g["rows"]]
            names = "named" if not any(concealed) else "concealed" if all(concealed) else "mixed"
            read = day + dt.timedelta(days=3)
            rows[g["table"], period, day] = dict(
                report=g["table"], period=period, day=day, status="landed", known_empty=False, names=names,
                rows=len(g["rows"]), first_rows=len(g["rows"]), rejected_cells=0, restatements=0, first_read_on=read, read_on=read, run="test",
                reason=None,
            )
    for g in given:
        for row in g["rows"] if g["table"] == "coverage" else []:
            key = (row["report"], row["period"], row["day"])
            base = rows.get(key) or dict(
                status="landed", known_empty=False, names="named", rows=1, first_rows=1, rejected_cells=0, restatements=0,
                first_read_on=row["day"] + dt.timedelta(days=3), read_on=row["day"] + dt.timedelta(days=3), run="test",
                reason=None,
            )
            rows[key] = base | row
    return list(rows.values())


def expand(given):
    """`days = [first, last]` stands for the same rows on each of these days."""
    for g in given:
        if "days" in g:
            day, last = g["days"]
            while day <= last:
                yield {k: v for k, v in g.items() if k != "days"} | {"day": day}
                day += dt.timedelta(days=1)
        else:
            yield g


def check(path, engine):
    test = tomllib.loads(path.read_text(encoding="utf-8"))
    tables, models = runner.catalog(), {c.name: c for c in runner.contracts()}
    store, built_in, replaced = runner.Store(tables), {}, set()
    given = list(expand(test.get("given", [])))
    details = {n for n, (_, detail) in tables.items() if detail}
    merged = {}
    for g in given:
        name = g["table"]
        if name == "coverage":
            continue
        if name in runner.BUILT_IN:
            schema = runner.arrow_schema(runner.BUILT_IN[name])
            base = runner.SETTINGS if name == "settings" else {}
            built_in.setdefault(name, []).extend(complete(base | r, schema) for r in g["rows"])
            continue
        if name in models:
            schema, key = models[name].schema, g.get("month")
            replaced.add(name)
        else:
            schema = tables[name][0]
            key = (g.get("period", 7), g["day"]) if name in details else g["month"]
        rows = [complete(r | ({"report_refresh_date": g["day"]} if name in details and "report_refresh_date" in schema.names else {}), schema) for r in g["rows"]]
        merged.setdefault((name, key), (schema, []))[1].extend(rows)
    for (name, key), (schema, rows) in merged.items():
        store.put(name, key, pa.Table.from_pylist(rows, schema=schema))
    built_in["coverage"] = coverage(given, details)
    run = runner.Run(engine, store, test["today"], built_in=built_in)
    wanted = [e["model"] for e in test["expect"]]
    by_name = runner.contracts()
    order, open_ = [], list(wanted)
    while open_:
        name = open_.pop()
        if name in replaced or name not in models or name in order:
            continue
        order.append(name)
        open_.extend(i["name"] for i in models[name].inputs)
    run.all([c for c in by_name if c.name in order], test["months"])
    problems = []
    for e in test["expect"]:
        answer = store.parts.get(e["model"], {}).get(e.get("month"))
        found = answer.to_pylist() if answer is not None else []
        found = [r for r in found if all(r[k] == v for k, v in e.get("where", {}).items())]
        rows = [{k: None if v == "<null>" else v for k, v in r.items()} for r in e["rows"]]
        names = sorted({k for r in rows for k in r})
        as_text = lambda rs: sorted(str({k: r.get(k) for k in names}) for r in rs)  # noqa: E731
        if as_text(rows) != as_text(found):
            problems.append(
                f"  {e['model']} {e.get('month', '')} {e.get('where', '')}\n    expected "
                + "\n             ".join(as_text(rows)) + "\n    found    " + "\n             ".join(as_text(found))
            )
    return test["about"], problems


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--engine", choices=runner.ENGINES, default="datafusion")
    p.add_argument("names", nargs="*")
    a = p.parse_args()
    engine, bad = runner.engine(a.engine), 0
    for path in sorted((runner.SQL / "tests").glob("*.toml")):
        if a.names and path.stem not in a.names:
            continue
        about, problems = check(path, engine)
        bad += bool(problems)
        print(f"{'BAD' if problems else 'ok '} {path.stem}: {about}", flush=True)
        print("\n".join(problems)) if problems else None
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
