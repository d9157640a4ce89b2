"""What the marts must say, worked out a second time: from the emulator's truth and from what the ledger says was read.

`marts_check.py` compares it with marts. `oracle_state.py` and `oracle_campaigns.py` have further marts, made of what is here.

Slow and obvious on purpose. It shares nothing with the SQL: no table of the lake is read (but Copilot's days by app, see below), only the ledger and the run records
(which answers landed, for which day, read when), and the truth CSVs (who was there, licensed for what, and did what).
An answer lists what the emulator lists: members of that day and those deleted less than thirty days ago; with `date=` only who
was active. Guests are in the directory and in no report.
"""

import collections
import csv
import datetime as dt
import json
import pathlib

import pyarrow.parquet as pq

SIX = ["exchange", "onedrive", "sharepoint", "skype_for_business", "teams", "viva_engage"]
FIVE = [p for p in SIX if p != "skype_for_business"]
PRODUCTS = SIX + ["copilot", "microsoft365_apps"]
OWN = {
    "exchange": "email_activity_user_detail",
    "onedrive": "one_drive_activity_user_detail",
    "sharepoint": "share_point_activity_user_detail",
    "skype_for_business": "skype_for_business_activity_user_detail",
    "teams": "teams_user_activity_user_detail",
    "viva_engage": "yammer_activity_user_detail",
    "microsoft365_apps": "m365_app_user_detail",
    "copilot": "microsoft365_copilot_usage_user_detail_by_date",
}
# Other reports that show the last day of a product.
ALSO = {
    "exchange": ["email_app_usage_user_detail"],
    "teams": ["teams_device_usage_user_detail"],
    "viva_engage": ["yammer_device_usage_user_detail"],
    "skype_for_business": ["skype_for_business_device_usage_user_detail"],
    "copilot": ["microsoft365_copilot_usage_user_detail"],
}
SUITE = "office365_active_user_detail"
COPILOT = "microsoft365_copilot_usage_user_detail"
DAY = dt.timedelta(days=1)


def date(text):
    return dt.date.fromisoformat(text)


def first(day):
    return day.replace(day=1)


def month_after(month, n=1):
    at = month.year * 12 + month.month - 1 + n
    return dt.date(at // 12, at % 12 + 1, 1)


def days(month):
    return [month + DAY * n for n in range((month_after(month) - month).days)]


def ratio(a, b):
    return a / b if b else None


class Ledger:
    """Which answers landed."""

    def __init__(self, lake, tenant, today):
        self.slices, self.today = [], today
        for path in sorted(lake.glob(f"_usagelake/ledger/tenant={tenant}/report=*/month=*.jsonl")):
            report = path.parent.name.split("=")[1]
            for line in path.read_text(encoding="utf-8").splitlines():
                s = json.loads(line)
                kind, _, n = s["window"].partition("=")
                period = {"date": 1, "present": 0}.get(kind)
                period = int(n.lstrip("D")) if period is None else period
                self.slices.append(
                    dict(report=report, period=period, day=date(s["day"]), read=date(s["read_at"][:10]), **self.of(s))
                )
        self.reads = {(s["report"], s["day"]): (s["read"],) for s in self.slices if s["period"] == 1}
        runs = [json.loads(p.read_text()) for p in sorted(lake.glob("_usagelake/runs/*.json"))]
        self.nights = sorted(date(r["today"]) for r in runs)

    @staticmethod
    def of(s):
        return {k: s.get(k) for k in ("status", "names", "rows", "rejected_cells", "run", "before", "first_read_at")}

    def landed(self, report, dated):
        """Days of a report's `date=` answers, or of its others."""
        return sorted(self.days_of(report, dated, lambda s: s["status"] == "landed"))

    def settled(self, report, dated):
        """The same, and those that are known to be empty: they left the window without rows."""
        old = self.today - 28 * DAY
        return self.days_of(
            report, dated, lambda s: s["status"] == "landed" or dated and s["status"] == "empty" and s["day"] < old
        )

    def days_of(self, report, dated, wanted):
        found = (s for s in self.slices if s["report"] == report and (s["period"] == 1) == dated)
        return {s["day"] for s in found if wanted(s)}


class Truth:
    """Who was there, and what they did."""

    def __init__(self, folder):
        self.person = {}  # (person, day) → row
        self.by_day = collections.defaultdict(list)
        for row in self.rows(folder / "person_day.csv"):
            row["enabled"] = set(filter(None, row["enabled"].split("+")))
            row["skus"] = list(filter(None, row["skus"].split("+")))
            row["is_deleted"] = row["is_deleted"] == "true"
            row["guest"] = row["user_type"] == "Guest"
            self.person[row["person_id"], date(row["day"])] = row
            self.by_day[date(row["day"])].append(row)
        self.acts = collections.defaultdict(dict)  # (product, person, day) → {activity: count}
        self.used = collections.defaultdict(set)  # (product, person) → days
        for row in self.rows(folder / "act.csv"):
            day = date(row["day"])
            self.acts[row["product"], row["person_id"], day][row["activity"]] = int(row["count"])
            self.used[row["product"], row["person_id"]].add(day)
        self.folder = folder
        # The last row before somebody was deleted, for licences that a deleted person had.
        self.last_alive = {}
        for (person, day), row in self.person.items():
            if not row["is_deleted"] and day >= self.last_alive.get(person, day):
                self.last_alive[person] = day

    @staticmethod
    def rows(path):
        with path.open(encoding="utf-8", newline="") as f:
            yield from csv.DictReader(f)

    def last(self, product, person, day):
        return max((d for d in self.used[product, person] if d <= day), default=None)

    def listed(self, product, day, dated):
        """Persons whom the product's answer for a day lists; `suite` is the active-user detail."""
        for row in self.by_day[day]:
            person = row["person_id"]
            if row["guest"]:
                continue
            if product not in ("suite", "teams"):
                as_of = row if not row["is_deleted"] else self.person[person, self.last_alive[person]]
                if product not in as_of["enabled"]:
                    continue
            if dated:
                of = SIX if product == "suite" else [product]
                if not any(day in self.used[p, person] for p in of):
                    continue
            yield person, row


def copilot_app_days(lake, tenant):
    for path in lake.glob(f"tables/{COPILOT}/tenant={tenant}/**/*.parquet"):
        for row in pq.ParquetFile(path).read().to_pylist():
            for name, value in row.items():
                if name.endswith("_last_activity_date") and value:
                    app = name.removesuffix("_last_activity_date").removesuffix("_copilot").removeprefix("microsoft_")
                    yield row["user_principal_name"].lower(), app, value


class Oracle:
    def __init__(self, lake, truth, today, tenant="contoso", pipeline=None):
        pipeline = pipeline or {}
        self.everyone, self.as_of_today = pipeline.get("date_lists") == "everyone", pipeline.get("last_activity") == "today"
        self.campaigns = pipeline.get("campaigns", [])
        self.prices = {p["sku_part_number"]: p["unit_price"] for p in pipeline.get("prices", [])}
        self.targets = {t["product"]: t["target_rate"] for t in pipeline.get("targets", [])}
        self.today, self.ledger, self.truth = today, Ledger(lake, tenant, today), Truth(truth)
        detail_days = [s["day"] for s in self.ledger.slices if s["report"].endswith("_detail") and s["status"] == "landed"]
        self.months = [first(min(detail_days))]
        while self.months[-1] < first(max(detail_days)):
            self.months.append(month_after(self.months[-1]))
        self.known()
        self.copilot_apps = set(copilot_app_days(lake, tenant))
        self.upns = {row["upn"].lower(): person for (person, _), row in self.truth.person.items()}
        self.evidence()
        self.licences()
        self.directory()
        self.completeness()
        self.people_by_month()

    # ---- who is who

    def known(self):
        """Who held which address, by the nights on which the directory was read: who is renamed keeps the old one too."""
        self.held = collections.defaultdict(dict)  # address → {night: person}
        names = collections.defaultdict(dict)
        for (person, day), row in sorted(self.truth.person.items(), key=lambda x: x[0][1]):
            names[person].setdefault(row["upn"].lower(), day)
        for night in self.ledger.nights:
            for row in self.truth.by_day[night]:
                if not row["is_deleted"]:
                    for address, since in names[row["person_id"]].items():
                        if since <= night:
                            self.held[address][night] = row["person_id"]

    def who(self, person, day):
        """Whom the address that a report shows on a day leads to: the last who was seen with it by then, else the first."""
        address = self.truth.person[person, day]["upn"].lower()
        nights = self.held.get(address)
        if not nights:
            return address
        before = [n for n in nights if n <= day]
        return nights[max(before)] if before else nights[min(nights)]

    # ---- evidence

    def evidence(self):
        t = self.truth
        self.active = collections.defaultdict(set)  # (product, who) → days
        for product in PRODUCTS:
            reports = [(r, product) for r in [OWN[product], *ALSO.get(product, [])]]
            if product in SIX:
                reports.append((SUITE, "suite"))
            for report, lister in reports:
                for dated in (True, False):
                    for day in self.ledger.landed(report, dated):
                        # Some tenants say the last day as of today, whatever day was asked for: two days before the reading.
                        known = self.ledger.reads[report, day][0] - 2 * DAY if dated and self.as_of_today else day
                        for person, _ in t.listed(lister, day, dated and not self.everyone):
                            last = t.last(product, person, known)
                            if last:
                                self.active[product, self.who(person, day)].add(last)
        # The days of single Copilot apps are not in the truth by app: they are taken as read, and held to the truth.
        self.copilot_by_app = set()
        for person, app, day in self.copilot_apps:
            who = self.upns.get(person, person)
            if day not in t.used["copilot", who]:
                raise SystemExit(f"Copilot shows {who} on {day}, the truth does not")
            self.active["copilot", who].add(day)
            self.copilot_by_app.add((who, app, day))
        # What the products' own answers count, day by day: days of activity too, whatever they say of the last day.
        self.counts = collections.defaultdict(int)  # (product, who, day, activity) → count
        for product in PRODUCTS:
            for day in self.ledger.landed(OWN[product], True):
                for person, _ in t.listed(product, day, True):
                    for activity, n in t.acts.get((product, person, day), {}).items():
                        if activity == "other" and product != "teams":
                            continue
                        self.counts[product, self.who(person, day), day, activity] += n
                        if product in (*SIX, "copilot"):
                            self.active[product, self.who(person, day)].add(day)
        for (product, who), found in list(self.active.items()):
            if product in SIX:
                self.active["microsoft365", who] |= found

    # ---- licences

    def licences(self):
        t = self.truth
        self.enabled = collections.defaultdict(set)  # (month, product) → who
        self.at_end = collections.defaultdict(set)
        for dated in (True, False):
            for day in self.ledger.landed(SUITE, dated):
                for person, row in t.listed("suite", day, dated and not self.everyone):
                    if not row["is_deleted"]:
                        for product in set(SIX) & row["enabled"]:
                            self.enabled[first(day), product].add(self.who(person, day))
        for month in self.months:
            nights = [d for d in self.ledger.landed(SUITE, False) if first(d) == month]
            if nights:
                for person, row in t.listed("suite", nights[-1], False):
                    if not row["is_deleted"]:
                        for product in set(SIX) & row["enabled"]:
                            self.at_end[month, product].add(self.who(person, nights[-1]))
            state = [n for n in self.ledger.nights if first(n) <= month]
            if state:
                for row in t.by_day[state[-1]]:
                    if not row["is_deleted"]:
                        for product in {"copilot", "microsoft365_apps"} & row["enabled"]:
                            # A guest has no licence, whatever is open to all.
                            if row["skus"]:
                                self.enabled[month, product].add(row["person_id"])
                                self.at_end[month, product].add(row["person_id"])
            # Before the first state: whom the report of licensed people lists.
            for product, report in () if state else (("copilot", COPILOT), ("microsoft365_apps", OWN["microsoft365_apps"])):
                found = [d for d in self.ledger.landed(report, False) if first(d) == month]
                for day in found:
                    people = {self.who(person, day) for person, _ in t.listed(product, day, False)}
                    self.enabled[month, product] |= people
                    if day == found[-1]:
                        self.at_end[month, product] |= people
            for product in SIX:
                self.enabled[month, "microsoft365"] |= self.enabled[month, product]
                self.at_end[month, "microsoft365"] |= self.at_end[month, product]

    # ---- the directory

    def directory(self):
        """Attributes by month: the last state on or before the month's end; who left keeps theirs; else the first."""
        states = {}
        for n in self.ledger.nights:
            states[first(n)] = n  # the last night of the month
        self.attributes = {}
        for month in self.months:
            known = {}
            for m in sorted(states):
                rows = {r["person_id"]: r for r in self.truth.by_day[states[m]] if not r["is_deleted"]}
                if m <= month:
                    known.update(rows)
                else:
                    for person, row in rows.items():
                        known.setdefault(person, row)
            self.attributes[month] = known

    def attribute(self, month, who, name):
        row = self.attributes[month].get(who)
        return (row[name] or None) if row else None

    def above(self, month, who):
        """Everybody above a person."""
        chain, at = [], who
        while True:
            at = self.attribute(month, at, "manager_id")
            if not at or at in chain or at == who:
                return chain
            chain.append(at)

    # ---- what is missing

    def completeness(self):
        self.facts = {}
        begun = {}
        for product in PRODUCTS:
            reports = [OWN[product]] + ([SUITE] if product in SIX else []) + ([COPILOT] if product == "copilot" else [])
            began = [d for r in reports for d in self.ledger.landed(r, False)]
            if began:
                begun[product] = min(began)
        six = [begun[p] for p in FIVE if p in begun]
        if six:
            begun["microsoft365"] = min(six)
        self.begun = begun
        night_report = {p: SUITE for p in PRODUCTS} | {"copilot": COPILOT, "microsoft365": SUITE}
        covered, data = {}, {}
        for product in PRODUCTS:
            for target, of in ((covered, self.ledger.settled), (data, self.ledger.landed)):
                found = set(of(OWN[product], True))
                if product in SIX:
                    found |= set(of(SUITE, True)) | set(of(SUITE, False))
                if product == "copilot":
                    found |= set(of(COPILOT, False))
                target[product] = found
        covered["microsoft365"] = set.intersection(*(covered[p] for p in FIVE))
        data["microsoft365"] = set.union(*(data[p] for p in FIVE))
        reads = collections.defaultdict(list)
        for s in self.ledger.slices:
            if s["status"] == "landed" or s["status"] == "empty" and s["period"] == 1 and s["day"] < self.today - 28 * DAY:
                reads[s["report"], s["period"] == 1, s["day"]].append(s["read"])
        for month in self.months:
            due = [d for d in days(month) if d <= self.today - 2 * DAY]
            for product in [*PRODUCTS, "microsoft365"]:
                nights = set(self.ledger.landed(night_report[product], False))
                end = days(month)[-1]

                def read(p):
                    keys = [(OWN[p], True)] + ([(SUITE, True), (SUITE, False)] if p in SIX else [])
                    keys += [(COPILOT, False)] if p == "copilot" else []
                    return max((r for k in keys for r in reads.get((*k, end), [])), default=None)

                last = read(product) if product != "microsoft365" else None
                if product == "microsoft365":
                    all_ = [read(p) for p in FIVE]
                    last = min(all_) if all(all_) else None
                missing = [d for d in due if d not in covered[product]]
                begun_before = product in begun and first(begun[product]) < month
                self.facts[month, product] = dict(
                    days_missing=len(missing),
                    nights_missing=len([d for d in due if d not in nights]),
                    content_date=max((d for d in data[product] if first(d) == month), default=None),
                    is_complete=bool(
                        begun_before and not missing and end in due and last and last >= end + 2 * DAY
                        and any(d in nights for d in days(month)[-3:])
                    ),
                )

    # ---- people × product × month

    def people_by_month(self):
        self.upm = {}  # month → {(product, who): row}
        for month in self.months:
            rows = self.upm[month] = {}
            before = month_after(month, -1)
            for product in [*PRODUCTS, "microsoft365"]:
                if product not in self.begun or month < first(self.begun[product]):
                    continue
                told = month > first(self.begun[product])
                enabled = self.enabled[month, product]
                people = enabled | {w for (p, w), ds in self.active.items() if p == product and any(first(d) in (month, before) for d in ds)}
                for who in people:
                    ever = sorted(d for d in self.active.get((product, who), ()) if first(d) <= month)
                    here = [d for d in ever if first(d) == month]
                    was = any(first(d) == before for d in ever)
                    parts = SIX if product == "microsoft365" else [product]
                    acts = sum(
                        n for p in parts for d in days(month)
                        for a, n in self.by_who_day.get((p, who, d), {}).items() if a != "other"
                    )
                    rows[product, who] = dict(
                        enabled=who in enabled,
                        enabled_at_end=who in self.at_end[month, product],
                        active=bool(here),
                        days_active=len(here),
                        first_day=min(here, default=None),
                        last_day=max(here, default=None),
                        actions=None if product == "microsoft365_apps" else acts,
                        was_active_before=bool(ever) and first(ever[0]) < month,
                        active_last_month=was,
                        first_ever_day=ever[0] if ever else None,
                        first_is_exact=ever[0] > self.begun[product] if ever else None,
                        first_time=(bool(here) and first(ever[0]) == month) if told else None,
                        returning_user=(bool(here) and was) if told else None,
                    )

    @property
    def by_who_day(self):
        if not hasattr(self, "_by"):
            self._by = collections.defaultdict(dict)
            for (product, who, day, activity), n in self.counts.items():
                self._by[product, who, day][activity] = n
        return self._by

    # ---- the marts: {month: {key: row}}

    def measures(self, rows, told):
        n = lambda f: sum(1 for r in rows if f(r))  # noqa: E731
        enabled, both = n(lambda r: r["enabled"]), n(lambda r: r["enabled"] and r["active"])
        before, again = n(lambda r: r["active_last_month"]), n(lambda r: r["returning_user"])
        return dict(
            enabled_users=enabled,
            active_users=n(lambda r: r["active"]),
            active_enabled_users=both,
            active_rate=ratio(both, enabled),
            active_users_before=before if told else None,
            mom_returning_users=again if told else None,
            mom_returning_rate=ratio(again, before) if told else None,
            first_time_users=n(lambda r: r["first_time"]) if told else None,
            cumulative_active_users=n(lambda r: r["enabled"] and r["first_ever_day"]),
        )

    def told(self, month, product):
        return month > first(self.begun[product])

    def user_product_month(self):
        names = dict(
            user_principal_name="upn", display_name="display_name", country="country", usage_location="usage_location",
            state="state", city="city", department="department", company="company", office="office", job_title="job_title",
            employee_type="employee_type", manager_id="manager_id",
        )
        return ["product", "person_id"], {
            m: {
                k: r | {a: self.attribute(m, k[1], b) for a, b in names.items()} | {"identity": "named"}
                for k, r in rows.items() if r["enabled"] or r["active"]
            }
            for m, rows in self.upm.items()
        }

    def tenant_product_usage(self):
        out = {}
        for month in self.months:
            out[month] = {}
            for product, begun in self.begun.items():
                rows = [r for (p, _), r in self.upm[month].items() if p == product]
                if month < first(begun) or product == "skype_for_business" and not rows:
                    continue
                row = self.measures(rows, self.told(month, product)) | self.facts[month, product]
                row.pop("active_users_before")
                out[month][(product,)] = row | dict(identity="named", history_from=begun)
        return ["product"], out

    def grouped(self, keys_of):
        out = {}
        for month in self.months:
            groups = collections.defaultdict(list)
            for (product, who), row in self.upm[month].items():
                for key in keys_of(month, who):
                    groups[product, *key].append(row)
            out[month] = {
                key: self.measures(rows, self.told(month, key[0])) | self.facts[month, key[0]] for key, rows in groups.items()
            }
        return out

    def adoption_by_group(self):
        names = ["country", "department", "company"]
        key = lambda m, w: [tuple(self.attribute(m, w, n) or "(none)" for n in names)]  # noqa: E731
        return ["product", *names], self.grouped(key)

    def segments(self, month, who):
        for a in ["country", "usage_location", "city", "department", "company", "office", "job_title", "employee_type"]:
            yield a, self.attribute(month, who, a) or "(none)"
        yield "tenant", "all"
        above = self.above(month, who)
        for m in above:
            yield "manager", self.attribute(month, m, "upn") or m
        if not above:
            yield "manager", "(none)"
        row = self.attributes[month].get(who)
        skus = (row and row["skus"]) or ["(none)"]
        for s in skus:
            yield "license", s

    def adoption_by_segment(self):
        out = self.grouped(lambda m, w: set(self.segments(m, w)))
        for month, rows in out.items():
            names = {self.attribute(month, p, "upn") or p: p for p in self.attributes[month]}
            for key, row in rows.items():
                manager = key[1] == "manager" and key[2] != "(none)"
                row["level"] = len(self.above(month, names[key[2]])) + 1 if manager else None
        return ["product", "attribute", "value"], out

    def first_time_users(self):
        out = {}
        for month in self.months:
            cohorts = collections.defaultdict(list)
            for (product, who), found in self.active.items():
                ever = [d for d in found if first(d) <= month]
                if product in self.begun and ever and first(min(ever)) > first(self.begun[product]):
                    cohorts[product, first(min(ever))].append({first(d) for d in ever})
            out[month] = {}
            for (product, cohort), people in cohorts.items():
                since = (month.year - cohort.year) * 12 + month.month - cohort.month
                m1, m2 = month_after(month, -1), month_after(month, -2)
                active = sum(month in p for p in people)
                out[month][product, cohort] = dict(
                    cohort_size=len(people), months_since=since, active=active, retention=active / len(people),
                    lapsed=sum(month not in p and m1 not in p for p in people) if since >= 2 else None,
                    came_back=sum(month in p and m1 not in p and m2 not in p for p in people) if since >= 3 else None,
                )
        return ["product", "cohort_month"], out

    def tenant_product_activity(self):
        out = {}
        for month in self.months:
            sums, people = collections.Counter(), collections.defaultdict(set)
            for (product, who, day, activity), n in self.counts.items():
                if first(day) != month or month < first(self.begun.get(product, dt.date.max)):
                    continue
                if activity != "other":
                    sums[product, activity] += n
                    sums[product, "any"] += n
                    people[product, activity].add(who)
                people[product, "any"].add(who)
            due = [d for d in days(month) if d <= self.today - 2 * DAY]
            out[month] = {}
            for key in people:
                landed, settled = (set(of(OWN[key[0]], True)) for of in (self.ledger.landed, self.ledger.settled))
                out[month][key] = dict(
                    activity_count=sums[key], active_user_count=len(people[key]),
                    content_date=max(d for d in landed if first(d) == month),
                    days_missing=len([d for d in due if d not in settled]),
                )
        return ["product", "activity"], out
