"""Runs the models of pipelines/usage_analytics as its README says, on an engine of choice, and writes what they answer.

    python tests/python/marts_run.py LAKE OUT --engine datafusion|spark [--today DAY] [--pipeline FILE] [--only MODEL…] [--each]

It is the second implementation of that page, for tests: everything is rebuilt, nothing is incremental. OUT is laid out as a
lake (`marts/…`, `_usagelake/staging/…`), so that what reads a lake's marts reads these. With `--each` every month of every
model is built by itself, from the models that LAKE has: where all come out as they are there, the engine would have made all
of them alike. That can be done side by side.
"""

import argparse
import concurrent.futures
import datetime as dt
import json
import pathlib
import re
import shutil
import sys
import time
import tomllib

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

ROOT = pathlib.Path(__file__).resolve().parents[2]
SQL = ROOT / "pipelines" / "usage_analytics"
CONTRACTS = ROOT / "schemas" / "marts"
CATALOGS = [ROOT / "schemas" / "reports", ROOT / "schemas" / "directory", ROOT / "schemas" / "legacy"]

ARROW = {
    "text": pa.string(),
    "list": pa.string(),
    "guid": pa.string(),
    "product": pa.string(),
    "site": pa.string(),
    "int": pa.int64(),
    "duration": pa.int64(),
    "double": pa.float64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
}

BUILT_IN = {
    "build": dict(tenant="text", month="date", next_month="date", previous_month="date", today="date"),
    "days": dict(day="date"),
    "coverage": dict(
        report="text",
        period="int",
        day="date",
        status="text",
        known_empty="bool",
        names="text",
        rows="int",
        first_rows="int",
        rejected_cells="int",
        restatements="int",
        first_read_on="date",
        read_on="date",
        run="text",
        reason="text",
    ),
    "prices": dict(sku_part_number="text", unit_price="double", currency="text"),
    "targets": dict(product="text", target_rate="double"),
    "plans": dict(service_plan_name="text", product="text"),
    "campaigns": dict(
        campaign="text", product="text", attribute="text", value="text", start_day="date", last_day="date"
    ),
    "settings": dict(
        min_segment="int",
        min_people_to_gain="int",
        quantile_high="double",
        quantile_low="double",
        half="double",
        drop="double",
    ),
}

SETTINGS = dict(min_segment=20, min_people_to_gain=3, quantile_high=0.75, quantile_low=0.25, half=0.5, drop=0.2)


def arrow_schema(columns):
    return pa.schema([(name, ARROW[kind]) for name, kind in columns.items()])


def plus_months(month, n):
    at = month.year * 12 + month.month - 1 + n
    return dt.date(at // 12, at % 12 + 1, 1)


def days_of(month):
    day, end = month, plus_months(month, 1)
    while day < end:
        yield day
        day += dt.timedelta(days=1)


# ---------------------------------------------------------------------------------------------------------- contracts


class Contract:
    def __init__(self, path):
        doc = tomllib.loads(path.read_text(encoding="utf-8"))
        self.name = doc["model"]
        assert self.name == path.stem, path
        self.kind, self.partition, self.key = doc["kind"], doc["partition"], doc["key"]
        self.columns = {c["name"]: c["type"] for c in doc["columns"]}
        self.inputs = [
            dict(name=i["name"], scope=i.get("scope", "month"), view=i.get("as", i["name"])) for i in doc.get("inputs", [])
        ]
        self.schema = arrow_schema(self.columns)

    @property
    def sql(self):
        return (SQL / f"{self.name}.sql").read_text(encoding="utf-8")


def contracts():
    """All contracts, each after those that it reads."""
    known = {p.stem: Contract(p) for p in sorted(CONTRACTS.glob("*.toml"))}
    order, open_ = [], set()

    def visit(name):
        if name in [c.name for c in order] or name not in known:
            return
        assert name not in open_, f"{name} reads itself by a detour"
        open_.add(name)
        for i in known[name].inputs:
            if i["name"] != name:
                visit(i["name"])
        open_.discard(name)
        order.append(known[name])

    for name in known:
        visit(name)
    return order


def needed(all_, wanted):
    """The contracts that `wanted` needs, in order."""
    by_name = {c.name: c for c in all_}
    seen = set()

    def visit(name):
        if name in by_name and name not in seen:
            seen.add(name)
            for i in by_name[name].inputs:
                visit(i["name"])

    for name in wanted:
        visit(name)
    return [c for c in all_ if c.name in seen]


def catalog_documents():
    """Name of a table → what the catalog says of it."""
    documents = {}
    for folder in CATALOGS:
        for path in sorted(folder.glob("*.toml")):
            doc = tomllib.loads(path.read_text(encoding="utf-8"))
            if "columns" in doc:
                documents[doc.get("table", path.stem)] = doc
    return documents


def catalog():
    """Tables of the lake: name → (schema, whether partitioned by period and day)."""
    tables = {}
    for name, doc in catalog_documents().items():
        columns = {c["name"]: c["type"] for c in doc["columns"]} | {"unknown_columns": "text"}
        tables[name] = (arrow_schema(columns), doc.get("kind") == "detail")
    return tables


def told(path):
    """The rows that a pipeline file tells the models: prices, targets, plans, campaigns, settings."""
    doc = tomllib.loads(path.read_text(encoding="utf-8"))
    marts = doc.get("marts", {})
    return dict(
        prices=[
            dict(sku_part_number=sku, unit_price=p["month"], currency=p.get("currency"))
            for sku, p in doc.get("prices", {}).items()
        ],
        targets=[dict(product=p, target_rate=r) for p, r in marts.get("targets", {}).items()],
        plans=[dict(service_plan_name=n, product=p) for n, p in marts.get("plans", {}).items()],
        campaigns=[
            dict(
                campaign=c["name"], product=product, attribute=c["attribute"], value=c["value"],
                start_day=date(c["start"]), last_day=date(c["end"]),
            )
            for c in doc.get("campaigns", []) for product in c["products"]
        ],
        settings=[SETTINGS | marts.get("thresholds", {})],
    )


# ------------------------------------------------------------------------------------------------------------- storage


class Store:
    """Partitions by table: what the lake has, what was built, what a test gives."""

    def __init__(self, tables):
        self.tables = tables
        self.parts = {}  # name → {(period, day) | month | None: file or Arrow table}
        self.cache = {}

    def put(self, name, key, what):
        self.parts.setdefault(name, {})[key] = what
        self.cache.clear() if name in self.tables else None

    def open(self, lake, tenant, seen=lambda *_: True):
        """Takes the partitions of a lake, of details only those that were `seen`."""
        for name, (_, detail) in self.tables.items():
            for path in sorted(lake.glob(f"tables/{name}/tenant={tenant}/**/part-0.parquet")):
                at = dict(p.split("=", 1) for p in path.parts if "=" in p)
                key = (int(at["period"]), date(at["day"])) if detail else date(at["month"])
                if not detail or seen(name, *key):
                    self.put(name, key, path)

    def open_models(self, lake, tenant):
        """Takes the models of a lake."""
        for contract in contracts():
            top = "marts" if contract.kind == "mart" else "_usagelake/staging"
            folder = lake / top / contract.name / f"tenant={tenant}"
            for path in folder.glob("**/part-0.parquet"):
                at = dict(p.split("=", 1) for p in path.parts if "=" in p)
                self.put(contract.name, date(at["month"]) if "month" in at else None, path)

    def months(self):
        days = [k[1] for n, ps in self.parts.items() if self.tables.get(n, (0, False))[1] for k in ps]
        if not days:
            return []
        first, last = min(days).replace(day=1), max(days).replace(day=1)
        return [plus_months(first, n) for n in range(0, (last.year - first.year) * 12 + last.month - first.month + 1)]

    def select(self, name, scope, month):
        """The keys of a scope."""
        keys = self.parts.get(name, {})
        if scope == "all" or month is None:
            return sorted(keys, key=str)
        detail = name in self.tables and self.tables[name][1] or name == "coverage"
        if scope == "last":
            inside = [k for k in keys if k[0] != 1 and k[1].replace(day=1) == month]
            return [max(inside, key=lambda k: (k[1], -k[0]))] if inside else []
        if scope == "state":
            before = [k for k in keys if k <= month]
            return [max(before)] if before else sorted(keys)[:1]
        at = {"month": (0, 0), "previous": (-1, -1), "next": (1, 1), "around": (-1, 1)}.get(scope)
        a, b = at or map(int, re.fullmatch(r"(-?\d+)\.\.(-?\d+)", scope).groups())
        low, high = plus_months(month, a), plus_months(month, b)
        inside = [k for k in keys if k is not None and low <= (k[1] if detail else k).replace(day=1) <= high]
        return sorted(inside)

    def view(self, name, scope, month, schema):
        """The rows of a scope, with what the path says as columns."""
        keys = self.select(name, scope, month)
        at = (name, tuple(keys))
        if at in self.cache:
            return self.cache[at]
        detail = name in self.tables and self.tables[name][1]
        extra = pa.schema([("period", pa.int32()), ("day", pa.date32())] if detail else [("month", pa.date32())])
        if name in self.tables and not detail or name not in self.tables and name != "coverage":
            whole = pa.unify_schemas([schema, extra])
        else:
            whole = pa.unify_schemas([schema, extra]) if detail else schema
        tables = []
        for key in keys:
            t = self.parts[name][key]
            t = pq.ParquetFile(t).read() if isinstance(t, pathlib.Path) else t
            t = t.select([c for c in t.column_names if c in schema.names]) if name in self.tables else t
            for field, value in zip(extra, key if detail else (key,)):
                if field.name in whole.names and field.name not in t.column_names:
                    t = t.append_column(field, pa.array([value] * t.num_rows, field.type))
            for field in whole:
                if field.name not in t.column_names:
                    t = t.append_column(field, pa.nulls(t.num_rows, field.type))
            tables.append(t.select(whole.names).cast(whole))
        self.cache[at] = pa.concat_tables(tables) if tables else whole.empty_table()
        return self.cache[at]


def date(text):
    return dt.date.fromisoformat(text)


def ledger(lake, tenant, today):
    """The coverage table, from the ledger's lines."""
    rows, held = [], []
    for path in sorted(lake.glob(f"_usagelake/ledger/tenant={tenant}/report=*/month=*.jsonl")):
        report = path.parent.name.split("=", 1)[1]
        for line in path.read_text(encoding="utf-8").splitlines():
            s = json.loads(line)
            kind, _, n = s["window"].partition("=")
            day = date(s["day"])
            published = [b["rows"] for b in s.get("before", []) if b["status"] == "landed"] + [s["rows"]]
            (held if s["status"] == "held" else rows).append(
                dict(
                    report=report,
                    period=1 if kind == "date" else int(n.strip("D") or 0) if kind == "period" else 0,
                    day=day,
                    status=s["status"],
                    known_empty=kind == "date" and s["status"] == "empty" and (today - day).days > 28,
                    names=s.get("names", "none"),
                    rows=s["rows"],
                    first_rows=published[0] if s["status"] == "landed" else 0,
                    rejected_cells=s.get("rejected_cells", 0),
                    restatements=len(published) - 1,
                    first_read_on=date(s["first_read_at"][:10]),
                    read_on=date(s["read_at"][:10]),
                    run=s["run"],
                    reason=s.get("reason"),
                )
            )
    there = {(r["report"], r["period"], r["day"]) for r in rows}
    return rows + [r for r in held if (r["report"], r["period"], r["day"]) not in there]


# ------------------------------------------------------------------------------------------------------------- engines


class DataFusion:
    name = "datafusion"

    def __init__(self):
        import datafusion

        self.module = datafusion

    def query(self, sql, views):
        context = self.module.SessionContext(self.module.SessionConfig().with_target_partitions(2))
        for name, table in views.items():
            batches = table.to_batches() or [pa.RecordBatch.from_pylist([], schema=table.schema)]
            context.register_record_batches(name, [batches])
        frame = context.sql(sql)
        batches = frame.collect()
        return pa.Table.from_batches(batches) if batches else pa.Table.from_batches([], schema=frame.schema())


def engine(name):
    if name == "datafusion":
        return DataFusion()
    # Only who asks for it needs it.
    import marts_spark

    return marts_spark.Spark()


ENGINES = ["datafusion", "spark"]


# -------------------------------------------------------------------------------------------------------------- the run


class Run:
    def __init__(self, engine, store, today, tenant="contoso", built_in=None):
        self.engine, self.store, self.today, self.tenant = engine, store, today, tenant
        rows = {"settings": [dict(SETTINGS)]} | (built_in or {})
        self.fixed = {
            n: pa.Table.from_pylist(rows.get(n, []), schema=arrow_schema(c))
            for n, c in BUILT_IN.items()
            if n not in ("build", "days", "coverage")
        }
        self.coverage = rows.get("coverage", [])

    def input(self, i, model, month, models):
        name, scope = i["name"], i["scope"]
        if name == "build":
            row = dict(tenant=self.tenant, today=self.today)
            if month:
                row |= dict(month=month, next_month=plus_months(month, 1), previous_month=plus_months(month, -1))
            return pa.Table.from_pylist([row], schema=arrow_schema(BUILT_IN["build"]))
        if name == "days":
            if scope == "all" or month is None:
                end, day, all_ = dt.date(self.today.year + 1, 12, 31), dt.date(2000, 1, 1), []
                while day <= end:
                    all_.append(day)
                    day += dt.timedelta(days=1)
            else:
                all_ = list(days_of(month))
            return pa.table({"day": pa.array(all_, pa.date32())})
        if name == "coverage":
            at = {"month": (0, 0), "previous": (-1, -1), "next": (1, 1), "around": (-1, 1)}.get(scope)
            rows = self.coverage
            if scope != "all" and month:
                a, b = at or map(int, scope.split(".."))
                low, high = plus_months(month, a), plus_months(month, b)
                rows = [r for r in rows if low <= r["day"].replace(day=1) <= high]
            return pa.Table.from_pylist(rows, schema=arrow_schema(BUILT_IN["coverage"]))
        if name == "campaigns" and scope != "all" and month:
            rows = [r for r in self.fixed[name].to_pylist() if r["start_day"].replace(day=1) == month]
            return pa.Table.from_pylist(rows, schema=self.fixed[name].schema)
        if name in self.fixed:
            return self.fixed[name]
        if name in models:
            schema, whole = models[name].schema, models[name].partition == "none"
            return self.store.view(name, "all" if whole else scope, month, schema)
        schema = self.store.tables[name][0]
        return self.store.view(name, scope, month, schema)

    def build(self, contract, month, models):
        views = {i["view"]: self.input(i, contract, month, models) for i in contract.inputs}
        try:
            answer = self.engine.query(contract.sql, views)
        except Exception as e:
            raise SystemExit(f"{contract.name} {month}: {type(e).__name__}: {str(e)[:2500]}")
        names = answer.column_names
        if names != list(contract.columns):
            raise SystemExit(f"{contract.name}: answers {names}, its contract has {list(contract.columns)}")
        answer = pa.table([c.cast(t) for c, t in zip(answer.columns, contract.schema.types)], schema=contract.schema)
        order = pc.sort_indices(answer, [(k, "ascending") for k in contract.key], null_placement="at_start")
        answer = answer.take(order).combine_chunks()
        keys = [tuple(r[k] for k in contract.key) for r in answer.select(contract.key).to_pylist()]
        twice = [a for a, b in zip(keys, keys[1:]) if a == b]
        if twice:
            raise SystemExit(f"{contract.name} {month}: {len(twice)} keys twice, such as {twice[0]}")
        return answer

    def each(self, order, months, wrote):
        """Builds every month of every model from what the store has, and keeps nothing."""
        models = {c.name: c for c in contracts()}
        todo = [(c, m) for c in order for m in (months if c.partition == "month" else [None])]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            for (contract, month), answer in zip(todo, pool.map(lambda at: self.build(*at, models), todo)):
                wrote(contract, month, answer)

    def all(self, order, months, given=(), wrote=lambda *_: None):
        models = {c.name: c for c in contracts()}
        for contract in order:
            if contract.name in given:
                continue
            for month in months if contract.partition == "month" else [None]:
                answer = self.build(contract, month, models)
                if answer.num_rows:
                    self.store.put(contract.name, month, answer)
                wrote(contract, month, answer)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("lake", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--engine", choices=ENGINES, default="datafusion")
    p.add_argument("--tenant", default="contoso")
    p.add_argument("--today", type=date, default=dt.datetime.now(dt.UTC).date())
    p.add_argument("--until", type=date, help="only what had been read by that night, which is taken for today")
    p.add_argument("--only", nargs="*", default=[])
    p.add_argument("--quiet", action="store_true", help="only the last line")
    p.add_argument("--each", action="store_true", help="each month of each model by itself, from the models of LAKE")
    p.add_argument("--months", nargs="*", type=date, help="with --each, only these")
    p.add_argument("--pipeline", type=pathlib.Path, help="a pipeline file, for its campaigns, prices and targets")
    a = p.parse_args()
    store = Store(catalog())
    coverage = ledger(a.lake, a.tenant, a.today)
    if a.until:
        # As on that night: what was read for the first time later is not there yet.
        coverage = [c for c in coverage if c["first_read_on"] <= a.until]
        then = {(c["report"], c["period"], c["day"]) for c in coverage}
        store.open(a.lake, a.tenant, lambda *key: key in then)
        for name in [n for n, (_, detail) in store.tables.items() if not detail]:
            store.parts[name] = {m: f for m, f in store.parts.get(name, {}).items() if m <= a.until}
        a.today = a.until
    else:
        store.open(a.lake, a.tenant)
    built_in = {"coverage": coverage}
    if a.pipeline:
        built_in |= told(a.pipeline)
    run = Run(engine(a.engine), store, a.today, a.tenant, built_in)
    order = contracts()
    if a.only:
        order = [c for c in order if c.name in a.only] if a.each else needed(order, a.only)
    started, built = time.monotonic(), []
    seconds = lambda: time.monotonic() - started  # noqa: E731

    def wrote(contract, month, answer):
        top = "marts" if contract.kind == "mart" else "_usagelake/staging"
        folder = a.out / top / contract.name / f"tenant={a.tenant}"
        folder = folder / f"month={month}" if month else folder
        if folder.exists():
            shutil.rmtree(folder) if month else None
        if answer.num_rows:
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(answer, folder / "part-0.parquet")
        built.append(contract.name)
        if not a.quiet:
            print(f"{seconds():7.1f} s  {contract.name} {month or ''} {answer.num_rows}", flush=True)

    if a.each:
        store.open_models(a.lake, a.tenant)
        run.each(order, a.months or store.months(), wrote)
    else:
        run.all(order, store.months(), wrote=wrote)
    print(f"{len(set(built))} models, {len(built)} partitions in {seconds():.0f} s")


if __name__ == "__main__":
    main()
