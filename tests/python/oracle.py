"""What the marts must say, worked out a second time: from the emulator's truth and from what the ledger says was read.

`marts_check.py` compares it with marts. `oracle_state.py`, `oracle_places.py` and `oracle_campaigns.py` have further marts,
made of what is here.

Slow and obvious on purpose. It shares nothing with the SQL: no table of the lake is read, only the ledger and the run
records (which answers landed, for which day, read when), and the truth CSVs (who was there, licensed for what, and did what).
An answer lists what the emulator lists: members of that day and those deleted less than thirty days ago; with `date=` only who
was active. Guests are in the directory and in no report.
"""

import bisect
import collections
import csv
import datetime as dt
import functools
import json

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


# Copilot's apps as the report tells them, by what the emulator calls them.
COPILOT_APPS = {"chat": "copilot_chat"} | {a: a for a in ("teams", "word", "excel", "powerpoint", "outlook", "onenote", "loop")}


@functools.cache
def date(text):
    return dt.date.fromisoformat(text)


@functools.cache
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
        return {k: s.get(k) for k in ("status", "names", "rows", "rejected_cells", "run", "before", "first_read_at", "reason")}

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
        self.folder = folder
        self.person = {}  # (person, day) → row
        self.by_day = collections.defaultdict(list)
        # From one day to the next hardly anybody changes: equal rows are one.
        known = {}
        for row in self.rows("person_day"):
            day = date(row.pop("day"))
            key = tuple(row.values())
            if key not in known:
                row["enabled"] = set(filter(None, row["enabled"].split("+")))
                row["skus"] = list(filter(None, row["skus"].split("+")))
                row["is_deleted"] = row["is_deleted"] == "true"
                row["guest"] = row["user_type"] == "Guest"
                known[key] = row
            row = known[key]
            self.person[row["person_id"], day] = row
            self.by_day[day].append(row)
        self.acts = {}  # (product, person, day) → {activity: count}
        self.used = collections.defaultdict(set)  # (product, person) → days
        for row in self.rows("act"):
            day = date(row["day"])
            self.acts.setdefault((row["product"], row["person_id"], day), {})[row["activity"]] = int(row["count"])
            self.used[row["product"], row["person_id"]].add(day)
        self.in_order = {k: sorted(found) for k, found in self.used.items()}
        # The last row before somebody was deleted, for licences that a deleted person had.
        self.last_alive = {}
        for (person, day), row in self.person.items():
            if not row["is_deleted"] and day >= self.last_alive.get(person, day):
                self.last_alive[person] = day

    def rows(self, name):
        with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as f:
            texts = {}
            for row in csv.DictReader(f):
                yield {k: texts.setdefault(v, v) for k, v in row.items()}

    @functools.cache
    def of_days(self, name):
        """A file's rows by day."""
        found = collections.defaultdict(list)
        for row in self.rows(name):
            found[date(row["day"])].append(row)
        return found

    def last(self, product, person, day):
        return self.last_of(self.in_order.get((product, person), []), day)

    @staticmethod
    def last_of(in_order, day):
        n = bisect.bisect_right(in_order, day)
        return in_order[n - 1] if n else None

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


class Oracle:
    def __init__(self, lake, truth, today, tenant="contoso", told=None):
        """`told` is what the pipeline file says, and with which options the emulator ran."""
        told = told or {}
        self.everyone, self.as_of_today = told.get("everyone", False), told.get("as_of_today", False)
        self.campaigns = told.get("campaigns", [])
        self.prices = {p["sku_part_number"]: (p["unit_price"], p["currency"]) for p in told.get("prices", [])}
        self.targets = {t["product"]: t["target_rate"] for t in told.get("targets", [])}
        self.today, self.ledger, self.truth = today, Ledger(lake, tenant, today), Truth(truth)
        detail_days = [s["day"] for s in self.ledger.slices if s["report"].endswith("_detail") and s["status"] == "landed"]
        self.months = [first(min(detail_days))]
        while self.months[-1] < first(max(detail_days)):
            self.months.append(month_after(self.months[-1]))
        self.known()
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

    @functools.cache
    def who(self, person, day):
        """Whom the address that a report shows on a day leads to: the last who was seen with it by then, else the first."""
        address = self.truth.person[person, day]["upn"].lower()
        nights = self.held.get(address)
        if not nights:
            return address
        before = [n for n in nights if n <= day]
        return nights[max(before)] if before else nights[min(nights)]

    # ---- evidence

    def known_on(self, report, day, dated):
        """Up to when an answer knows last days: some tenants say them as of today, which is two days before the reading."""
        return self.ledger.reads[report, day][0] - 2 * DAY if dated and self.as_of_today else day

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
                        known = self.known_on(report, day, dated)
                        for person, _ in t.listed(lister, day, dated and not self.everyone):
                            last = t.last(product, person, known)
                            if last:
                                self.active[product, self.who(person, day)].add(last)
        # Copilot's report shows the last day of each app: days of Copilot too.
        by_app = collections.defaultdict(set)
        for row in t.rows("client_day"):
            if row["product"] == "copilot":
                for app in set(row["clients"].split("+")) & COPILOT_APPS.keys():
                    by_app[row["person_id"], COPILOT_APPS[app]].add(date(row["day"]))
        by_app = {k: sorted(found) for k, found in by_app.items()}
        self.copilot_by_app = set()
        for day in self.ledger.landed(COPILOT, False):
            for person, _ in t.listed("copilot", day, False):
                for app in COPILOT_APPS.values():
                    last = t.last_of(by_app.get((person, app), []), day)
                    if last:
                        self.copilot_by_app.add((self.who(person, day), app, last))
                        self.active["copilot", self.who(person, day)].add(last)
        # What the products' own answers count, day by day: days of activity too, whatever they say of the last day.
        self.done = collections.defaultdict(dict)  # month → {(product, who, day): {activity: count}}
        for product in PRODUCTS:
            for day in self.ledger.landed(OWN[product], True):
                done = self.done[first(day)]
                for person, _ in t.listed(product, day, True):
                    acts = t.acts.get((product, person, day), {})
                    if product != "teams" and "other" in acts:
                        continue
                    who = self.who(person, day)
                    if acts:
                        # Two people behind one address, on one day, are one person to a report.
                        before = done.get((product, who, day), {})
                        done[product, who, day] = {a: acts.get(a, 0) + before.get(a, 0) for a in acts | before} if before else acts
                        if product in (*SIX, "copilot"):
                            self.active[product, who].add(day)
        for (product, who), found in list(self.active.items()):
            if product in SIX:
                self.active["microsoft365", who] |= found
        self.in_order = {k: sorted(found) for k, found in self.active.items()}
        self.in_months = {k: {first(d) for d in found} for k, found in self.active.items()}

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
        self.attributes, self.managers = {}, {}
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
            acted = collections.Counter()
            for (product, who, _), acts in self.done[month].items():
                acted[product, who] += sum(n for a, n in acts.items() if a != "other")
            for product in [*PRODUCTS, "microsoft365"]:
                if product not in self.begun or month < first(self.begun[product]):
                    continue
                told = month > first(self.begun[product])
                enabled = self.enabled[month, product]
                people = enabled | {w for (p, w), ms in self.in_months.items() if p == product and ms & {month, before}}
                for who in people:
                    ever = self.in_order.get((product, who), [])
                    ever = ever[: bisect.bisect_left(ever, month_after(month))]
                    here = ever[bisect.bisect_left(ever, month) :]
                    was = before in self.in_months.get((product, who), ())
                    parts = SIX if product == "microsoft365" else [product]
                    acts = sum(acted[p, who] for p in parts)
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

    @functools.cache
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
                key: self.measures(rows, self.told(month, key[0])) | self.facts[month, key[0]] | dict(identity="named")
                for key, rows in groups.items()
            }
        return out

    def adoption_by_group(self):
        names = ["country", "department", "company"]
        key = lambda m, w: [tuple(self.attribute(m, w, n) or "(none)" for n in names)]  # noqa: E731
        return ["product", *names], self.grouped(key)

    @functools.cache
    def segments(self, month, who):
        return set(self.segments_of(month, who))

    def segments_of(self, month, who):
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

    @functools.cache
    def adoption_by_segment(self):
        out = self.grouped(self.segments)
        for month, rows in out.items():
            for (_, attribute, value), row in rows.items():
                row["level"] = self.level(month, attribute, value)
        return ["product", "attribute", "value"], out

    def level(self, month, attribute, value):
        """Where a manager stands: how many are above, and one."""
        if attribute != "manager" or value == "(none)":
            return None
        if month not in self.managers:
            self.managers[month] = {self.attribute(month, p, "upn") or p: p for p in self.attributes[month]}
        return len(self.above(month, self.managers[month][value])) + 1

    def first_time_users(self):
        out = {}
        for month in self.months:
            cohorts = collections.defaultdict(list)
            for (product, who), found in self.in_order.items():
                if product in self.begun and found[0] < month_after(month) and first(found[0]) > first(self.begun[product]):
                    cohorts[product, first(found[0])].append({m for m in self.in_months[product, who] if m <= month})
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
        """Acts; mail that came in; seconds in Teams, as minutes."""
        received, time = self.received(), self.time()
        out = {}
        for month in self.months:
            sums, people = collections.Counter(), collections.defaultdict(set)

            def add(product, who, activity, n):
                if n and month >= first(self.begun.get(product, dt.date.max)):
                    sums[product, activity] += n
                    people[product, activity].add(who)

            for (product, who, _), acts in self.done[month].items():
                for activity, n in acts.items():
                    add(product, who, activity, n)
                    add(product, who, "any", n)
                    if activity == "other":
                        sums[product, "any"] -= n
            for who, n in received[month].items():
                add("exchange", who, "receive", n)
            for (who, activity), n in time[month].items():
                add("teams", who, activity, n)
            due = [d for d in days(month) if d <= self.today - 2 * DAY]
            out[month] = {}
            for product, activity in people:
                landed, settled = (set(of(OWN[product], True)) for of in (self.ledger.landed, self.ledger.settled))
                seconds, n = activity in ("audio", "video", "screen_share"), sums[product, activity]
                out[month][product, activity] = dict(
                    activity_count=None if seconds or activity == "other" else n,
                    active_user_count=len(people[product, activity]),
                    total_duration_in_minute=n / 60 if seconds else None,
                    content_date=max(d for d in landed if first(d) == month),
                    days_missing=len([d for d in due if d not in settled]),
                )
        return ["product", "activity"], out

    @functools.cache
    def received(self):
        """Mail that came to the people whom Exchange's answers list: month → who → count."""
        mail, out = self.truth.of_days("mailbox_day"), collections.defaultdict(collections.Counter)
        for day in self.ledger.landed(OWN["exchange"], True):
            got = {r["person_id"]: int(r["received"]) for r in mail[day]}
            for person, _ in self.truth.listed("exchange", day, not self.everyone):
                out[first(day)][self.who(person, day)] += got.get(person, 0)
        return out

    def time(self):
        """Seconds in Teams: month → (who, activity) → count."""
        spent, out = self.truth.of_days("time_day"), collections.defaultdict(collections.Counter)
        for day in self.ledger.landed(OWN["teams"], True):
            listed = {person for person, _ in self.truth.listed("teams", day, not self.everyone)}
            for row in spent[day]:
                if row["person_id"] in listed:
                    for activity, name in (("audio", "audio"), ("video", "video"), ("screen_share", "screen")):
                        out[first(day)][self.who(row["person_id"], day), activity] += int(row[name])
        return out
