#!/usr/bin/env python3
"""Write the Power BI projects of a lake, and hold every measure to SQL over the same lake.

usage: powerbi.py BINARY [LAKE] [--only MEASURE…] [--report] [--projects DIR]

Without LAKE those of two emulated tenants are made, with campaigns and prices. For each kind of source both projects are written twice:
the second writing changes nothing. Then each measure of both projects is evaluated by pbix-mcp, a DAX engine that is none of
ours, over the rows of the lake's Parquet, under each of the selections, and compared with tests/powerbi/measures.toml by
DuckDB: the project with people over marts/, the shared one over marts_shared/, where measures_shared.toml says it of the
measures that measures.toml counts people for. What is compared is read from the written TMDL, so a column that is not in the
files is found too. A measure that returns nothing under every selection is a failure.

What pbix-mcp 0.9.149 lacks: where CALCULATE filters a column from which a relationship leads, it forgets filters on other
columns of that table; measures that are looked at by a column of their own table use FILTER, which Power BI answers alike.
A day in the row of a calculated column is a text to it: see `calculated`.

`--report` prints each comparison. `--projects` writes the
projects and does nothing else: other judges read them."""

import argparse
import datetime
import json
import math
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import duckdb
from pbix_mcp.dax.calc_tables import evaluate_calc_table_expression, evaluate_row_context_column
from pbix_mcp.dax.engine import evaluate_measures_batch

HERE = Path(__file__).resolve().parent.parent / "powerbi"
# Of each project: people, days, and how long ago the first campaign began. 60 people are enough that no department is empty, few
# enough that a debug build makes their year in a minute. Of them nothing would be shared by country: that takes groups of six.
TENANTS = {"people": (60, None, 270), "shared": (200, 200, 150)}
SOURCES = {
    "folder": [],
    "adls": ["--source", "adls", "--root", "https://contoso.dfs.core.windows.net/lake/usage"],
    "blob": ["--source", "blob", "--root", "https://contoso.blob.core.windows.net/lake/usage"],
    "https": ["--source", "https", "--root", "https://usage.contoso.com/lake"],
}


# ---- the project ----------------------------------------------------------------------------------------------------


def run(binary, *arguments):
    done = subprocess.run([str(a) for a in (binary, *arguments)], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        sys.exit(f"error: {' '.join(map(str, arguments))} ended with {done.returncode}\n{done.stderr}")
    return done


def write_projects(binary, lake, out):
    """Both projects of each kind of source. Returns what is wrong."""
    wrong = []
    for kind, options in SOURCES.items():
        for audience in ([], ["--shared"]):
            folder = out / f"{kind}{''.join(audience)}"
            command = ["powerbi", "--lake", lake, "--tenant", "contoso", "--out", folder, *options, *audience, "--json"]
            first = json.loads(run(binary, *command).stdout)["files"]
            again = json.loads(run(binary, *command).stdout)["files"]
            if again["written"] or again["removed"] or again["unchanged"] != first["written"]:
                wrong.append(f"{folder.name}: written twice, {again['written']} files differ")
    return wrong


def emulated(binary, scratch, users, days, first):
    """A lake of an emulated tenant, with campaigns that are over and prices."""
    lake, config = scratch / f"lake-{users}", scratch / "usagelake.toml"
    run(binary, "demo", "--out", lake, "--users", users, *(["--days", days] if days else []))
    day = lambda ago: (datetime.date.today() - datetime.timedelta(days=ago)).isoformat()  # noqa: E731
    # Groups as small as may be, or so small a tenant would share little.
    text = "[privacy]\nmin_group_size = 3\n[marts.thresholds]\nmin_segment = 4\nmin_people_to_gain = 1\n"
    text += '[prices]\nSPE_E5 = { month = 54.8, currency = "EUR" }\nMicrosoft_365_Copilot = { month = 28.1, currency = "EUR" }\n'
    for n, (product, department) in enumerate([("onedrive", "Sales"), ("teams", "Finance"), ("sharepoint", "Sales")]):
        text += (
            f'[[campaigns]]\nname = "Campaign {n}"\nproducts = ["{product}"]\nattribute = "department"\n'
            f'value = "{department}"\nstart = "{day(first - 30 * n)}"\nend = "{day(first - 27 - 30 * n)}"\n'
        )
    config.write_text(text, encoding="utf-8")
    run(binary, "marts", "--lake", lake, "--config", config)
    return lake


def unquoted(name):
    return name[1:-1].replace("''", "'") if name.startswith("'") else name


NAME = r"('(?:[^']|'')+'|[^\s=]+)"


class Model:
    """Tables, columns, measures and relationships, as the TMDL says."""

    def __init__(self, definition):
        self.columns, self.measures, self.homes, self.source, self.kind, self.formulas = {}, {}, {}, {}, {}, {}
        for file in sorted((definition / "tables").glob("*.tmdl")):
            self.read(file.read_text(encoding="utf-8"))
        text = (definition / "relationships.tmdl").read_text(encoding="utf-8")
        end = rf"{NAME}\.{NAME}"
        ends = re.findall(rf"fromColumn: {end}\n\ttoColumn: {end}", text)
        self.relationships = [
            dict(zip(("FromTable", "FromColumn", "ToTable", "ToColumn"), map(unquoted, e)), IsActive=True) for e in ends
        ]

    def read(self, text):
        table = unquoted(re.search(rf"^table {NAME}$", text, re.M)[1])
        self.columns[table] = {}
        for block in re.split(r"\n\n(?=\t(?:///|measure|column|partition|hierarchy|annotation|refreshPolicy))", text):
            body = "\n".join(line for line in block.split("\n") if not line.lstrip().startswith("///"))
            measure = re.match(rf"\s*measure {NAME} =(.*)", body, re.S)
            column = re.match(rf"\s*column {NAME}( =.*)?", body)
            part = re.match(rf"\s*partition {NAME} = (\w+)", body)
            if measure:
                lines = re.split(r"\n\t\t(?!\t)", measure[2])
                name = unquoted(measure[1])
                self.measures[name], self.homes[name] = lines[0].strip(), table
            elif column:
                source = re.search(r"sourceColumn: (.+)", body)
                name = unquoted(column[1])
                self.columns[table][name] = source[1].strip("[]") if source else name
                if column[2]:
                    self.formulas[table, name] = re.split(r"\n\t\t(?!\t)", body.split(" =", 1)[1])[0].strip()
            elif part:
                self.kind[table], self.source[table] = part[2], body


def labels(dax):
    """The column and the names of its values, where an expression is only that."""
    text = r'"((?:[^"]|"")*)"'
    if not (found := re.fullmatch(rf"SWITCH \(\s+(.+?\[(.+?)\])((?:,\s+{text}, {text})+),\s+(.+?)\s+\)", dax, re.S)):
        return None, {}
    assert found[1] == found[found.re.groups], f"what has no name is not itself: {dax}"
    return found[2], {v: name for v, name in re.findall(rf"{text}, {text}", found[3])}


def literal_rows(source):
    """The rows of `#table(type table […], {…})`, as dictionaries."""
    names = re.search(r"type table \[(.*?)\], \{", source, re.S)[1]
    names = [n.strip('#"') for n in re.findall(r'(#"[^"]+"|\w+) = nullable', names)]
    rows = re.findall(r"^\s+(\{.*\}),?$", source, re.M)
    return [dict(zip(names, json.loads("[" + row[1:-1] + "]"))) for row in rows]


# ---- the lake -------------------------------------------------------------------------------------------------------


def tables_of(model, lake, con, spec, folder):
    """The rows of the model's tables, for the engine. `folder` is where its marts are: no table may read another."""
    con.execute("CREATE SCHEMA lake; CREATE SCHEMA model; USE model")
    for table, source in model.source.items():
        mart = re.search(r'LakeTable\(Source, "(?:[^"]*/)?(marts\w*)/(\w+)/tenant=contoso"\)', source)
        if mart:
            if mart[1] != folder:
                sys.exit(f"error: `{table}` reads {mart[1]}/ and not {folder}/")
            mart_view(f"{lake}/{folder}", con, mart[2])
            last = " WHERE month = (SELECT max(month) FROM mart)" if "LastMonth(" in source else ""
            kept = [f"coalesce(nullif(trim({c}), ''), '(none)') AS {c}" for c in spec["named"].get(table, [])]
            replace = f" REPLACE ({', '.join(kept)})" if kept else ""
            body = f"WITH mart AS (SELECT *{replace} FROM lake.{mart[2]}) SELECT * FROM mart{last}"
            con.execute(f'CREATE TABLE "{table}" AS {body}')
    for table, columns in spec["columns"].items():
        if table in model.columns:
            more = ", ".join(f'{sql} AS "{column}"' for column, sql in columns.items())
            con.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT t.*, {more} FROM "{table}" t')
    for (table, column), dax in model.formulas.items():
        of, names = labels(dax)
        if names:
            source = model.columns[table][of]
            cases = " ".join(f"WHEN '{value}' THEN '{name}'" for value, name in names.items())
            named = f'CASE {source} {cases} ELSE {source} END AS "{column}"'
            # Names are not told apart by their case.
            kept = f't.* EXCLUDE ({source}), t.{source} AS "_{source}"' if source.lower() == column.lower() else "t.*"
            model.columns[table][of] = f"_{source}" if kept != "t.*" else source
            con.execute(f'CREATE OR REPLACE TABLE "{table}" AS SELECT {kept}, {named} FROM "{table}" t')
    for table, sql in spec["calculated"].items():
        con.execute(f'CREATE TABLE "{table}" AS {sql}')
    loaded = {}
    for table, columns in model.columns.items():
        if model.kind[table] == "m" and "#table(type table" in model.source[table]:
            rows = literal_rows(model.source[table])
            loaded[table] = {"columns": list(columns), "rows": [[r[s] for s in columns.values()] for r in rows]}
        else:
            names = ", ".join(f'"{s}"' for s in columns.values())
            rows = con.execute(f'SELECT {names} FROM "{table}"').fetchall()
            loaded[table] = {"columns": list(columns), "rows": [[plain(v) for v in row] for row in rows]}
    con.execute("USE main")
    return loaded


def mart_view(marts, con, mart):
    read = lambda marts: (  # noqa: E731
        f"SELECT * FROM read_parquet('{marts}/{mart}/tenant=contoso/**/*.parquet', hive_partitioning = true, "
        "union_by_name = true, hive_types_autocast = true)"
    )
    if not any(Path(marts, mart).rglob("*.parquet")):
        # Nothing of it is shared: its columns are those of the mart.
        return con.execute(f"CREATE TABLE IF NOT EXISTS lake.{mart} AS {read(Path(marts).parent / 'marts')} LIMIT 0")
    con.execute(f"CREATE TABLE IF NOT EXISTS lake.{mart} AS {read(marts)}")


def plain(value):
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return float(value) if type(value).__name__ == "Decimal" else value


def calculated(model, loaded):
    """What the engine makes of calculated tables and columns, where it is not what SQL makes of them."""
    wrong = []
    for table in (t for t, kind in model.kind.items() if kind == "calculated"):
        dax = re.split(r"source =", model.source[table], maxsplit=1)[1]
        made, refused = evaluate_calc_table_expression(dax, loaded, dict(model.measures), model.relationships)
        order = [made["columns"].index(c) for c in loaded[table]["columns"]] if made else []
        rows = sorted([row[i] for i in order] for row in made["rows"]) if made else refused
        if rows != sorted(loaded[table]["rows"]):
            wrong.append(f"{table}: DAX makes other rows than SQL ({refused or len(rows)})")
    # The engine writes a row's day as a text before it looks it up, so days are texts for it.
    text = lambda v: v.isoformat() if isinstance(v, datetime.datetime) else v  # noqa: E731
    worded = {t: {**data, "rows": [[text(v) for v in row] for row in data["rows"]]} for t, data in loaded.items()}
    for (table, column), dax in model.formulas.items():
        at = loaded[table]["columns"].index(column)
        without = [c for c in loaded[table]["columns"] if c != column]
        rows = [row[:at] + row[at + 1 :] for row in worded[table]["rows"]]
        made, refused = evaluate_row_context_column(without, rows, dax, table, worded, model.relationships)
        if refused:
            # The engine looks into other tables where a column is one of a calculated table.
            column_of = f"SELECTCOLUMNS ( {table}, \"made\", {dax} )"
            whole, refused = evaluate_calc_table_expression(column_of, loaded, dict(model.measures), model.relationships)
            made = [row[0] for row in whole["rows"]] if whole else None
        if refused or made != [row[at] for row in worded[table]["rows"]]:
            wrong.append(f"{table}[{column}]: DAX makes other values than SQL ({refused or ''})")
    return wrong


# ---- selections -----------------------------------------------------------------------------------------------------


class Selection:
    """What a reader has chosen, as filters of the model and as views of the lake."""

    def __init__(self, name, tables=None, rows=None, **chosen):
        self.name, self.tables, self.rows, self.chosen = name, tables, rows, chosen

    def filters(self, names):
        where = {
            "months": "Calendar.Month", "products": "Product.Product", "country": "Geography.Country",
            "department": "Organisation.Department", "company": "Organisation.Company", "attribute": "Attribute.Attribute",
            "segment": "Segment.Segment", "activity": "Activity.Activity", "campaign": "Campaigns.Campaign", "app": "Copilot.App",
            "site_type": "SharePoint sites.Site type", "group_type": "Groups.Group type", "sku": "Licence.SKU",
            "client": "Clients.Client", "report": "Report.report_id", "person": "Person.person_id", "plan": "Activations.Service plan",
            "combination": "People by month.Products active",
        }  # fmt: skip
        filters = {}
        for key, value in self.chosen.items():
            values = value if isinstance(value, list) else [value]
            if key in names:
                values = [names[key][v] for v in values]
            filters[where[key]] = [plain(v) for v in values]
        return filters

    def views(self, con, marts):
        """Views of each mart: what the filters leave, and the same for all months. Returns what is put into the SQL."""
        c = self.chosen
        text = lambda v: "NULL" if v is None else f"DATE '{v}'" if isinstance(v, datetime.date) else f"'{v}'"  # noqa: E731
        among = lambda column, v: f"{column} IN ({', '.join(map(text, v if isinstance(v, list) else [v]))})"  # noqa: E731
        place = {"user_state": ("location_country", "department", "company")}
        for mart in marts:
            columns = [r[0] for r in con.execute(f"DESCRIBE lake.{mart}").fetchall()]
            month = "date_trunc('month', day)" if mart == "data_quality" else "month"
            cut = [among(month, c["months"])] if "months" in c and "month" in columns else []
            # What a measure may look beyond stands apart: the place, and the combination of products.
            rest, elsewhere, here = [], [], []
            if "products" in c and "product" in columns:
                rest.append(among("product", c["products"]))
            names = place.get(mart, ("country", "department", "company"))
            for key, column in zip(("country", "department", "company"), names):
                if key in c and column in columns and mart != "person":
                    (here if key == "country" and mart != "user_state" else elsewhere).append(among(column, c[key]))
                elif key in c and mart in ("user_activity", "region_activity"):
                    of = "user_state" if mart == "user_activity" else "user_product_month"
                    column = dict(zip(("country", "department", "company"), place.get(of, ("country", "department", "company"))))[key]
                    elsewhere.append(f"(person_id, month) IN (SELECT (person_id, month) FROM lake.{of} WHERE {among(column, c[key])})")
            for key, column in (("attribute", "attribute"), ("segment", "value"), ("activity", "activity_key"), ("campaign", "campaign"),
                                ("app", "app"), ("sku", "sku_part_number"), ("client", "client_id"), ("report", "report"),
                                ("person", "person_id"), ("plan", "service_plan_name"), ("combination", "Products active"), ("site_type", "site_type"),
                                ("group_type", "group_type")):  # fmt: skip
                if key in c and key == "combination" and mart == "user_state":
                    here.append(f'(person_id, month) IN (SELECT (person_id, month) FROM model."People by month" WHERE {among(chr(34) + column + chr(34), c[key])})')
                elif key == "activity" and key in c and mart == "tenant_product_activity":
                    elsewhere.append(among("product || '|' || activity", c[key]))
                elif key in c and column in columns and not (key == "site_type" and mart == "tenant_onedrive_usage"):
                    elsewhere.append(among(column, c[key]))
            where = lambda conditions: f" WHERE {' AND '.join(conditions)}" if conditions else ""  # noqa: E731
            con.execute(f"CREATE OR REPLACE VIEW {mart} AS SELECT * FROM lake.{mart}{where(cut + rest + elsewhere + here)}")
            con.execute(f"CREATE OR REPLACE VIEW ever_{mart} AS SELECT * FROM lake.{mart}{where(rest + elsewhere + here)}")
            for view, of, conditions in (
                ("whole_tenant", "tenant_product_usage", cut), ("everywhere", "user_product_month", cut + rest + elsewhere),
                ("user_product_month_of_all", "user_product_month", cut + rest), ("user_state_of_all", "user_state", cut + elsewhere),
                ("of_people", "user_product_month", []),
            ):  # fmt: skip
                if mart == of:
                    con.execute(f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM lake.{mart}{where(conditions)}")
        one = lambda sql: con.execute(sql).fetchone()[0]  # noqa: E731
        months = f" WHERE {among('month', c['months'])}" if "months" in c else ""
        shown = one(f"SELECT max(month) FROM lake.tenant_product_usage{months}")
        recent = one("SELECT max(month) FROM whole_tenant WHERE product = 'microsoft365' AND is_complete") or shown
        products = c.get("products", "microsoft365")
        product = products if isinstance(products, str) else None
        attribute = c.get("attribute", "tenant")
        firsts = one(f"SELECT count(first_time_users) > 0 FROM lake.tenant_product_usage WHERE month = {text(shown)} AND product = {text(product)}")
        segment = "segment" in c
        truth = lambda v: "TRUE" if v else "FALSE"  # noqa: E731
        return {
            "$shown": text(shown), "$recent": text(recent), "$product": text(product), "$attribute_chosen": truth("attribute" in c),
            "$attribute": text(attribute), "$country": truth({"country", "department", "company"} & set(c)), "$has_firsts": truth(firsts),
            "$one_segment": truth(segment), "$adds_up": truth(attribute not in ("manager", "license") or segment),
            "$app": text(c.get("app")), "$activity": "'chosen'" if "activity" in c else "NULL",
            "$only_any": truth(str(c.get("activity")).endswith("|any")), "$site_type": text(c.get("site_type")),
            "$group_type": text(c.get("group_type")), "$one_product": truth(isinstance(c.get("products"), str)),
            "$person": text(c.get("person")), "$department": text(c.get("department")), "$company": text(c.get("company")),
        }  # fmt: skip


def selections(con, people):
    """Unfiltered; by month, product, country; and for tables that have more to choose by, one of that. `people` tells whether
    there are any to choose."""
    one = lambda sql: (con.execute(sql).fetchone() or [None])[0]  # noqa: E731
    months = [r[0] for r in con.execute("SELECT DISTINCT month FROM lake.adoption_by_group ORDER BY 1").fetchall()]
    # Patterns are told of whole months only.
    month = one("SELECT max(month) FROM lake.campaign_opportunities WHERE is_complete AND pattern IS NOT NULL") or months[len(months) // 2]
    most = lambda column: one(f"SELECT {column} FROM lake.adoption_by_group GROUP BY 1 ORDER BY sum(active_users) DESC, 1 LIMIT 1")  # noqa: E731
    country, department, company = most("country"), most("department"), most("company")
    sku = one("SELECT sku_part_number FROM lake.license_utilization WHERE attribute = 'tenant' AND active IS NOT NULL ORDER BY unit_price DESC NULLS LAST LIMIT 1")
    gain = con.execute("SELECT product, attribute, value FROM lake.campaign_opportunities WHERE people_to_gain > 0 AND attribute = 'department' AND month = ? ORDER BY people_to_gain DESC, 1, 3 LIMIT 1", [month]).fetchone()
    campaigns = [r[0] for r in con.execute("SELECT campaign FROM lake.campaign_effect ORDER BY 1").fetchall()]
    groups = ["Adoption", *(PEOPLE if people else [])]
    segments = ["Adoption by segment", "Opportunities", "Licence use"]
    chosen = [
        Selection("everything"),
        Selection("a month", months=month),
        Selection("the last month", months=months[-1]),
        Selection("two months", months=months[1:3]),
        Selection("a product", products="teams"),
        Selection("another product", products="exchange"),
        Selection("Viva Engage", products="viva_engage"),
        Selection("Copilot", products="copilot"),
        Selection("two products", products=["teams", "onedrive"]),
        Selection("a country", country=country),
        Selection("a month, a product, a country", months=month, products="onedrive", country=country),
        Selection("a product, a country", products="sharepoint", country=country),
        Selection("a department", tables=groups, department=department),
        Selection("a company", tables=groups, company=company),
        Selection("an attribute", tables=segments, attribute="department"),
        Selection("a segment", tables=segments, attribute="department", segment=department, products="teams"),
        Selection("managers", tables=segments, attribute="manager"),
        Selection("a licence", tables=["Licence use", "Licences assigned"], sku=sku),
        Selection("an activity", tables=["Product activity"], products="exchange", activity="exchange|send"),
        Selection("any activity of a product", tables=["Product activity"], activity="teams|any"),
        Selection("two activities, one of them any", tables=["Product activity"], activity=["exchange|any", "exchange|read"]),
        Selection("a duration", tables=["Product activity"], activity="teams|audio"),
        Selection("a client", tables=["Clients"], products="exchange", client="outlook_for_web"),
        Selection("a site type", tables=["SharePoint sites"], site_type="group"),
        Selection("a group type", tables=["Groups"], group_type="private"),
        Selection("an app", tables=["Copilot"], app="word"),
        Selection("a report", tables=["Data quality"], report="email_activity_user_detail"),
        *[Selection(f"campaign {n}", tables=["Campaigns"], campaign=name) for n, name in enumerate(campaigns, 1)],
    ]
    if gain:
        chosen.append(Selection("a segment with people to gain", tables=segments, months=month, products=gain[0], attribute=gain[1], segment=gain[2]))
    if people:
        person = one("SELECT person_id FROM lake.user_product_month WHERE active GROUP BY 1 ORDER BY sum(actions) DESC, 1 LIMIT 1 OFFSET 3")
        combination = one('SELECT "Products active" FROM model."People by month" GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1')
        chosen += [
            Selection("a person", tables=PEOPLE, rows="Person.person_id", person=person),
            Selection("a department's row", tables=["People by product"], rows="Organisation.Department", department=department),
            Selection("a company's row", tables=["People by product"], rows="Organisation.Company", company=company),
            Selection("a combination's row", tables=["People by month"], rows="People by month.Products active", combination=combination),
        ]
    return chosen


PEOPLE = ["People by product", "People by month", "People activity", "Region activity"]


# ---- comparison -----------------------------------------------------------------------------------------------------


def expected(spec, measure):
    """The SQL of a measure."""
    for kind in ("sums", "states", "gigabytes"):
        if measure in spec[kind]:
            column, _, condition = spec[kind][measure].partition(" ")
            mart, _, column = column.partition(".")
            last = "" if kind == "sums" else f"month = (SELECT max(month) FROM {mart})"
            where = " AND ".join(filter(None, [last, condition]))
            scale = " / 1e9" if kind == "gigabytes" else ""
            return f"SELECT sum({column}){scale} FROM {mart}" + (f" WHERE {where}" if where else "")
    return spec["sql"].get(measure)


def spec_of(shared):
    """What measures and tables must be."""
    read = lambda file: tomllib.loads((HERE / file).read_text(encoding="utf-8"))  # noqa: E731
    measures, tables = read("measures.toml"), read("tables.toml")
    if shared:
        own = read("measures_shared.toml")
        measures["sql"] |= own["sql"]
        measures["silent"] = own.get("silent", {})
        tables["calculated"] |= own["calculated"]
    return measures, tables


def put_in(sql, words):
    of = "(SELECT sum({0})::BIGINT FROM ever_{2} WHERE month = {1} AND product = $product)"
    groups, tenant = (of.replace("{2}", mart) for mart in ("adoption_by_group", "tenant_product_usage"))
    whole = lambda m: f"(CASE WHEN $country THEN {groups.format(m[1], m[2])} ELSE {tenant.format(m[1], m[2])} END)"  # noqa: E731
    sql = re.sub(r"people\((\w+), ([^()]+)\)", whole, sql)
    for word in sorted(words, key=len, reverse=True):
        sql = sql.replace(word, words[word])
    return sql


def same(got, want):
    if got is None or want is None:
        return got is None and want is None
    if isinstance(want, bool) or isinstance(got, bool):
        return bool(got) == bool(want)
    if isinstance(want, str) or isinstance(got, str):
        return str(got) == str(want)
    if isinstance(want, (datetime.date, datetime.datetime)):
        return plain(got) == plain(want)
    return math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-12)


def compare(model, loaded, con, spec, only, report, people):
    names = {
        "products": {r[0]: r[1] for r in loaded["Product"]["rows"]},
        "attribute": {r[0]: r[1] for r in loaded["Attribute"]["rows"]},
        "activity": {r[0]: r[2] for r in loaded["Activity"]["rows"]},
        "client": labels(model.formulas["Clients", "Client"])[1],
        "app": labels(model.formulas["Copilot", "App"])[1],
        "site_type": labels(model.formulas["SharePoint sites", "Site type"])[1],
        "group_type": labels(model.formulas["Groups", "Group type"])[1],
    }
    marts = [r[0] for r in con.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'lake'").fetchall()]
    said, wrong, compared = set(), [], 0
    for selection in selections(con, people):
        words = selection.views(con, marts)
        filters = selection.filters(names)
        measures = [m for m in model.measures if not selection.tables or model.homes[m] in selection.tables]
        measures = [m for m in measures if not only or m in only]
        rows = {selection.rows} if selection.rows else None
        got = evaluate_measures_batch(
            measures, loaded, dict(model.measures), filter_context=filters, date_table="Calendar", date_column="Date",
            relationships=model.relationships, measure_tables=model.homes, group_keys=rows,
            selected_filters={k: v for k, v in filters.items() if not rows or k not in rows} if rows else None,
        )  # fmt: skip
        for measure in measures:
            sql = expected(spec, measure)
            if sql is None:
                wrong.append(f"{measure}: tests/powerbi/measures.toml says nothing of it")
                continue
            if "_of_all" in sql and not selection.rows:
                continue  # a rank is one of a row of a visual
            try:
                found = con.execute(put_in(sql, words)).fetchone()
            except duckdb.Error as e:
                sys.exit(f"error: the SQL of `{measure}` is wrong: {e}")
            want = found[0] if found else None
            if type(want).__name__ == "Decimal":
                want = float(want)
            compared += 1
            if got[measure] is not None:
                said.add(measure)
            fine = same(got[measure], want)
            if report or not fine:
                print("same  " if fine else "DIFFER", f"{measure} | {selection.name} | DAX {got[measure]} | SQL {want}")
            if not fine:
                wrong.append(f"{measure}, {selection.name}: DAX says {got[measure]}, SQL {want}")
    mute = [m for m in model.measures if m not in said and (not only or m in only)]
    silent = spec.get("silent", {})
    wrong += [f"{m}: says nothing under every selection" for m in mute if m not in silent]
    wrong += [f"{m}: tests/powerbi/measures.toml calls it silent, and it is not" for m in silent if m in said]
    if people:
        unknown = {m for kind in ("sql", "sums", "states", "gigabytes") for m in spec[kind]} - set(model.measures)
        wrong += [f"{m}: no such measure" for m in sorted(unknown)]
    return compared, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", type=Path)
    parser.add_argument("lake", type=Path, nargs="?")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--projects", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        if arguments.projects:
            # What a project says does not depend on what its lake holds.
            wrong = write_projects(arguments.binary, arguments.lake or scratch, arguments.projects)
            print(*wrong, sep="\n")
            return 1 if wrong else 0
        wrong, counted = write_projects(arguments.binary, arguments.lake or scratch, scratch / "projects"), []
        for shared in (False, True):
            tenant = TENANTS["shared" if shared else "people"]
            lake = arguments.lake or emulated(arguments.binary, scratch, *tenant)
            name, folder = ("UsageShared", "marts_shared") if shared else ("Usage", "marts")
            project = scratch / "projects" / ("folder--shared" if shared else "folder")
            model = Model(project / f"{name}.SemanticModel/definition")
            con = duckdb.connect()
            measures, tables = spec_of(shared)
            loaded = tables_of(model, lake, con, tables, folder)
            compared, differ = compare(model, loaded, con, measures, arguments.only, arguments.report, not shared)
            wrong += [f"{name}: {line}" for line in calculated(model, loaded) + differ]
            counted.append(f"{name}: {len(model.measures)} measures, {compared} comparisons")
    for line in wrong:
        print("error:", line, file=sys.stderr)
    print(*counted, f"{len(wrong)} wrong", sep="; ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
