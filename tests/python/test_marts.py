"""The models and their contracts, held to the catalog and to each other. Nothing is run: pyarrow is all that it needs."""

import re
import tomllib
import unittest

import marts_run as runner

CATALOG = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted(runner.CATALOGS[0].glob("*.toml"))}
MODELS = {p.stem: tomllib.loads(p.read_text(encoding="utf-8")) for p in sorted(runner.CONTRACTS.glob("*.toml"))}
SQL = {p.stem: p.read_text(encoding="utf-8") for p in sorted(runner.SQL.glob("*.sql"))}
SCOPES = {"month", "previous", "next", "around", "last", "state", "all"}
PRODUCT = {
    "email_activity_user_detail": "exchange",
    "one_drive_activity_user_detail": "onedrive",
    "share_point_activity_user_detail": "sharepoint",
    "teams_user_activity_user_detail": "teams",
    "yammer_activity_user_detail": "viva_engage",
    "skype_for_business_activity_user_detail": "skype_for_business",
    "microsoft365_copilot_usage_user_detail_by_date": "copilot",
}
# Reports of people whose last day, or acts, are no evidence, and why.
NO_EVIDENCE = {
    "mailbox_usage_detail": "a state",
    "one_drive_usage_account_detail": "a state",
    "share_point_site_usage_detail": "a site's",
    "office365_groups_activity_detail": "a group's",
    "teams_team_activity_detail": "a team's",
    "yammer_groups_activity_detail": "a community's",
    "forms_user_activity_user_detail": "no product of the marts",
}
# Acts of answers for a period: they are never added up.
PERIODS_ONLY = {"forms_user_activity_user_detail", "microsoft365_copilot_usage_user_detail"}


def code(text):
    """SQL without comments and literals."""
    return re.sub(r"--[^\n]*|'(?:[^']|'')*'", lambda m: "" if m[0].startswith("--") else "''", text)


def blocks(sql):
    """The parts of a UNION ALL, by the table that they read."""
    for part in re.split(r"\bUNION ALL\b|\n\),\n", sql):
        table = re.search(r"FROM (\w+)", part)
        if table:
            yield table[1], part


class Contracts(unittest.TestCase):
    def test_every_model_has_sql_and_a_contract(self):
        self.assertEqual(sorted(MODELS), sorted(SQL))

    def test_contracts_are_whole(self):
        keys = {
            "model", "title", "description", "grain", "kind", "partition", "key", "columns", "left_out", "inputs", "shared",
        }
        for name, m in MODELS.items():
            with self.subTest(name):
                self.assertEqual(set(m) - keys, set())
                self.assertEqual(m["model"], name)
                self.assertIn(m["kind"], ("staging", "mart"))
                self.assertIn(m["partition"], ("month", "none"))
                names = [c["name"] for c in m["columns"]]
                self.assertEqual(len({n.lower() for n in names}), len(names))
                self.assertLessEqual(set(m["key"]), set(names))
                self.assertNotIn("month", names)
                for c in m["columns"]:
                    self.assertIn(c["type"], ("text", "int", "double", "bool", "date", "datetime"))
                    self.assertTrue(c["description"].endswith("."), c)
                self.assertTrue(m["title"] and m["description"].endswith(".") and m["grain"])

    def test_inputs_exist_and_are_what_the_sql_reads(self):
        tables = runner.catalog()
        for name, m in MODELS.items():
            views = set()
            for i in m.get("inputs", []):
                with self.subTest(model=name, input=i["name"]):
                    self.assertTrue(i["name"] in MODELS or i["name"] in tables or i["name"] in runner.BUILT_IN)
                    scope = i.get("scope", "month")
                    self.assertTrue(scope in SCOPES or re.fullmatch(r"-?\d+\.\.-?\d+", scope), scope)
                    view = i.get("as", i["name"])
                    self.assertNotIn(view, views)
                    views.add(view)
                    if i["name"] == name:
                        self.assertEqual(scope, "previous")
            text = code(SQL[name])
            ctes = set(re.findall(r"(?:WITH|,)\s+(\w+) AS \(", text))
            read = set(re.findall(r"\b(?:FROM|JOIN)\s+(\w+)", re.sub(r"EXTRACT\([^)]*\)", "", text))) - ctes
            with self.subTest(model=name):
                self.assertEqual(read, views)

    def test_nobody_reads_themselves_by_a_detour(self):
        order = [c.name for c in runner.contracts()]
        for name, m in MODELS.items():
            for i in m.get("inputs", []):
                if i["name"] in MODELS and i["name"] != name:
                    self.assertLess(order.index(i["name"]), order.index(name))


class Portable(unittest.TestCase):
    # What one of the two engines lacks, or answers otherwise.
    NEVER = [
        r"\bnow\s*\(", r"\bcurrent_\w+", r"\brandom\s*\(", r"\buuid\s*\(", r"\bround\s*\(", r"\bconcat\s*\(", r"\bavg\s*\(",
        r"\bvar_\w+\s*\(", r"\bdatediff\b", r"\badd_months\b", r"\bdate_add\b", r"\blast_day\s*\(", r"\bunnest\b", r"\bexplode\b",
        r"\blateral\b", r"\bgenerate_series\b", r"\bmax_by\b", r"\bapprox_\w+", r"EXTRACT\((?!YEAR|MONTH|DAY FROM)", r"\bUSING\s*\(",
        r"FULL OUTER", r"\"", r"`",
    ]

    def test_only_what_both_engines_take(self):
        for name, sql in SQL.items():
            for pattern in self.NEVER:
                with self.subTest(model=name, pattern=pattern):
                    self.assertIsNone(re.search(pattern, code(sql), re.I))

    def test_bare_fractions_are_cast(self):
        for name, sql in SQL.items():
            with self.subTest(name):
                bare = re.findall(r"(?<!CAST\()\b\d+\.\d+\b(?! AS DOUBLE)", code(sql))
                self.assertEqual(bare, [])

    def test_orders_say_where_nulls_go(self):
        for name, sql in SQL.items():
            for clause in re.findall(r"ORDER BY ([^()]*)", code(sql)):
                for term in clause.split(","):
                    with self.subTest(model=name, term=term):
                        self.assertRegex(term, r"NULLS (FIRST|LAST)")


class Acts(unittest.TestCase):
    def test_acts_are_the_catalogs(self):
        """What daily_counts calls an act is what the catalog marks as one, under the same name and from the same column."""
        found = {}
        for table, part in blocks(SQL["daily_counts"]):
            kinds = dict(re.findall(r"\('(\w+)', '(\w+)'\)", part))
            columns = dict(re.findall(r"WHEN '(\w+)' THEN r\.(\w+)", part))
            if kinds:
                found[table] = {columns[a]: a for a, kind in kinds.items() if kind == "act"}
                self.assertRegex(part, rf"'{PRODUCT[table]}'", table)
                self.assertIn("period = 1", part)
        marked = {
            name: {c["name"]: c["act"] for c in r["columns"] if "act" in c}
            for name, r in CATALOG.items() if name not in PERIODS_ONLY
        }
        self.assertEqual(found, {n: a for n, a in marked.items() if a})

    def test_every_last_day_of_a_person_is_evidence(self):
        shown = dict.fromkeys(CATALOG, "")
        for model in ("shown", "copilot_shown"):
            for table, part in blocks(SQL[model]):
                shown[table] = shown.get(table, "") + (part if model == "shown" else SQL[model])
        for name in ("microsoft365_copilot_usage_user_detail", "microsoft365_copilot_usage_user_detail_by_date"):
            shown[name] = SQL["copilot_shown"]
        for name, report in CATALOG.items():
            columns = [c["name"] for c in report["columns"]]
            if report["kind"] != "detail" or name in NO_EVIDENCE:
                continue
            for column in [c for c in columns if c.endswith("last_activity_date")]:
                with self.subTest(report=name, column=column):
                    self.assertRegex(shown[name], rf"\b{column}\b")

    def test_reports_of_people_are_looked_through_for_nobody(self):
        people = {
            n for n, r in CATALOG.items() if r["kind"] == "detail" and any(c["name"] == "user_principal_name" for c in r["columns"])
        }
        self.assertEqual(set(re.findall(r"SELECT '(\w+)'", SQL["unnamed"])), people)

    def test_product_reports_are_asked_as_they_say(self):
        rows = re.findall(r"\('(\w+)', '(\w+)', (TRUE|FALSE), (TRUE|FALSE), (TRUE|FALSE), (TRUE|FALSE)\)", SQL["product_reports"])
        self.assertEqual(len(rows), 16)
        for product, report, covers, night, begins, own in rows:
            with self.subTest(product=product, report=report):
                self.assertIn(report, CATALOG)
                if own == "TRUE":
                    self.assertTrue(CATALOG[report]["date"])
                if night == "TRUE":
                    self.assertIn(7, CATALOG[report]["night"]["nightly"])

    def test_clients_are_the_catalogs(self):
        for table, part in blocks(SQL["tenant_client_usage"]):
            if table not in CATALOG:
                continue
            read = set(re.findall(r"THEN r\.(\w+)", part))
            whole = {c["name"] for c in CATALOG[table]["columns"]}
            if table == "m365_app_user_detail":
                wanted = {c for c in whole if re.fullmatch(r"(outlook|word|excel|powerpoint|onenote|teams)_\w+", c)}
            elif table == "email_app_usage_user_detail":
                wanted = {c["name"] for c in CATALOG[table]["columns"] if c["type"] == "list"}
            else:
                wanted = {c for c in whole if c.startswith("used_")}
            self.assertEqual(read, wanted, table)


if __name__ == "__main__":
    unittest.main()
