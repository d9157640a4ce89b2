"""Attacks the shared marts of a lake, as somebody would who has all of them and knows how they are made.

    python tests/python/disclosure.py LAKE [--tenant NAME] [--group N] [--before LAKE] [--show N]

Each published count becomes the interval of what it may be. Then everything that is known to hold between counts narrows the
intervals, again and again until nothing moves: segments add up to the tenant, groups to countries, departments and companies;
active people are part of enabled ones, a product's of the suite's, a cohort's of those who began. At the end no count, no
difference of two counts of one table and month, no complement, no rest, no difference to the month before (nor to the same
month in another lake, with `--before`: published, restated, published anew) may have a true value of 1 to N-1 people and an
interval that ends below N. The marts themselves, unprotected, go through the same attack, and must fail it.

It shares nothing with the program but the files: what counts people is written down here once more.
"""

import argparse
import collections
import pathlib
import re
import sys

import pyarrow.parquet as pq

ADOPTION = [
    "enabled_users", "active_users", "active_enabled_users", "active_users_before", "mom_returning_users",
    "first_time_users", "cumulative_active_users",
]
LICENCES = ["assigned", "active", "inactive_30", "inactive_60", "inactive_90", "never_active"]
MAILBOXES = [
    "mailboxes_no_warning", "mailboxes_issue_warning", "mailboxes_exceed_send_quota", "mailboxes_exceed_send_receive_quota",
]
# What counts people, or what stands for them, by mart.
PEOPLE = {
    "adoption_by_segment": ADOPTION,
    "adoption_by_group": ADOPTION,
    "tenant_product_usage": ADOPTION,
    "first_time_users": ["cohort_size", "active", "lapsed", "came_back"],
    "license_utilization": ["bought", *LICENCES],
    "campaign_opportunities": ["enabled", "active_enabled"],
    "campaign_effect": ["target_users", "control_users"]
    + [f"{g}_active_{w}" for g in ("target", "control") for w in ("before", "during", "after", "later")],
    "copilot_adoption": ["enabled_users", "active_users", "active_enabled_users", "mom_returning_users", "first_time_users"],
    "tenant_client_usage": ["user_count"],
    "tenant_groups_usage": None,
    "tenant_mailbox_usage": ["total_mailboxes", "deleted_mailboxes", *MAILBOXES],
    "tenant_office_activation": [
        "total_enabled", "total_activated_users", "total_activations", "android_count", "ios_count", "mac_count", "pc_count",
        "win_rt_count",
    ],
    "tenant_office_licenses": ["assigned_count", "assigned_license"],
    "tenant_onedrive_usage": ["total_sites", "activity_total_sites", "activity_sites_at_end"],
    "tenant_sharepoint_usage": ["total_sites", "activity_total_sites", "activity_sites_at_end"],
    "tenant_product_activity": ["active_user_count"],
    "calendar": [],
    "data_quality": [],
}
KEY = {
    "adoption_by_segment": ["product", "attribute", "value"],
    "adoption_by_group": ["product", "country", "department", "company"],
    "tenant_product_usage": ["product"],
    "first_time_users": ["product", "cohort_month"],
    "license_utilization": ["sku_part_number", "attribute", "value"],
    "campaign_opportunities": ["product", "attribute", "value"],
    "campaign_effect": ["campaign"],
    "copilot_adoption": ["app"],
    "tenant_client_usage": ["product", "client_id"],
    "tenant_groups_usage": ["group_type"],
    "tenant_mailbox_usage": [],
    "tenant_office_activation": ["service_plan_name"],
    "tenant_office_licenses": ["sku_part_number"],
    "tenant_onedrive_usage": ["site_type"],
    "tenant_sharepoint_usage": ["site_type"],
    "tenant_product_activity": ["product", "activity"],
    "calendar": ["date"],
    "data_quality": ["report", "period", "day"],
}
# Numbers that tell nothing of how many people there are.
HARMLESS = {
    "months_since", "days_missing", "nights_missing", "period", "unit_price", "year", "month_number", "day_of_week_number",
    # Of campaign_opportunities, whose SQL saw shared marts alone.
    "rate", "target_rate", "reference_rate", "people_to_gain", "rank",
}
RATES = {
    "active_rate": ("active_enabled_users", "enabled_users"),
    "mom_returning_rate": ("mom_returning_users", "active_users_before"),
    "retention": ("active", "cohort_size"),
    **{
        f"{g}_rate_{w}": (f"{g}_active_{w}", f"{g}_users")
        for g in ("target", "control") for w in ("before", "after", "later")
    },
}
SUITE = ["exchange", "onedrive", "sharepoint", "teams", "viva_engage", "skype_for_business"]
PARTS = [
    ("active_enabled_users", "enabled_users"), ("active_enabled_users", "active_users"),
    ("active_enabled_users", "cumulative_active_users"), ("cumulative_active_users", "enabled_users"),
    ("mom_returning_users", "active_users"), ("mom_returning_users", "active_users_before"),
    ("first_time_users", "active_users"),
]
FAR = 1 << 40


def marts(folder, tenant):
    """Mart → month (or "") → rows."""
    out = collections.defaultdict(dict)
    for path in sorted(folder.glob(f"*/tenant={tenant}/**/part-0.parquet")):
        mart, *parts = path.relative_to(folder).parts
        month = next((p.removeprefix("month=") for p in parts if p.startswith("month=")), "")
        out[mart][month] = pq.ParquetFile(path).read().to_pylist()
    return out


def counts(mart, row):
    """The columns of a row that count people. Those of groups are all that end so."""
    names = PEOPLE[mart]
    return names if names is not None else [c for c in row if c.endswith(("_groups", "_groups_at_end"))]


def rows_by_key(mart, rows):
    return {tuple(str(r[k]) for k in KEY[mart]): r for r in rows}


class Attack:
    """Counts as intervals, and what holds between them."""

    def __init__(self, group):
        self.group, self.step = group, 2 * group
        self.true, self.low, self.high, self.listed = {}, {}, {}, set()
        # (coefficient, count)… whose sum is 0, or at most 0.
        self.equal, self.at_most = [], []
        self.findings, self.looked, self.narrowest = [], 0, None

    def learn(self, name, true, low, high, listed=True):
        if name in self.true and self.true[name] != true:
            return  # not the same count after all
        self.true[name] = true
        self.low[name] = max(self.low.get(name, 0), low)
        self.high[name] = min(self.high.get(name, FAR), high)
        if listed:
            self.listed.add(name)

    def read(self, truth, shown, protected):
        """Takes in what is shown of `truth`; everything, where nothing is protected."""
        for mart, months in truth.items():
            if mart not in PEOPLE or mart not in shown:
                continue
            for month, rows in months.items():
                there = rows_by_key(mart, shown.get(mart, {}).get(month, []))
                for key, row in rows_by_key(mart, rows).items():
                    for column in counts(mart, row):
                        true = row.get(column)
                        if true is None:
                            continue
                        name = self.name(mart, month, key, column)
                        if not protected:
                            self.learn(name, true, true, true)
                        elif key not in there:
                            self.learn(name, true, 0, self.step - 1, listed=False)
                        elif there[key][column] is None:
                            self.learn(name, true, 0, FAR, listed=False)
                        else:
                            found = there[key][column]
                            self.learn(name, true, found, found + self.step - 1, listed=found > 0)

    @staticmethod
    def name(mart, month, key, column):
        """One name for one quantity, whichever table shows it."""
        if mart == "tenant_product_usage":
            return ("adoption", month, key[0], "tenant", "all", column)
        if mart == "adoption_by_segment":
            return ("adoption", month, *key, column)
        if mart == "campaign_opportunities":
            return ("adoption", month, *key, {"enabled": "enabled_users"}.get(column, "active_enabled_users"))
        if mart == "first_time_users" and column == "cohort_size":
            # A cohort has one size, in every month that shows it and in the month in which it began.
            return ("adoption", key[1], key[0], "tenant", "all", "first_time_users")
        return (mart, month, *key, column)

    def relate(self):
        """What is known to hold, wherever it does."""
        names = collections.defaultdict(dict)
        for n in self.true:
            names[n[0], n[1]][n[2:]] = n
        for (kind, month), of in names.items():
            sums = collections.defaultdict(list)
            for rest, n in of.items():
                if kind in ("adoption", "license_utilization") and len(rest) == 4:
                    what, attribute, value, column = rest
                    if attribute != "tenant":
                        sums[what, attribute, column].append(n)
                elif kind == "adoption_by_group":
                    product, *values, column = rest
                    for attribute, value in zip(("country", "department", "company"), values):
                        sums[product, attribute, value, column].append(n)
            for key, parts in sums.items():
                if kind == "adoption_by_group":
                    product, attribute, value, column = key
                    whole = ("adoption", month, product, attribute, value, column)
                else:
                    what, _, column = key
                    whole = (kind, month, what, "tenant", "all", column)
                self.sum(whole, parts)
            for rest, n in of.items():
                part = lambda column: of.get((*rest[:-1], column))  # noqa: E731
                if kind in ("adoption", "adoption_by_group"):
                    for small, large in PARTS:
                        if rest[-1] == small:
                            self.part(n, part(large))
                    if rest[-1] == "first_time_users":
                        self.most([n, part("mom_returning_users")], part("active_users"))
                    if rest[0] == "microsoft365" and rest[-1] != "first_time_users":
                        products = [of.get((p, *rest[1:])) for p in SUITE]
                        for p in products:
                            self.part(p, n)
                        if rest[-1] in ("enabled_users", "active_users", "active_users_before"):
                            self.covers(n, products)
                if kind == "license_utilization":
                    ladder = ["never_active", "inactive_90", "inactive_60", "inactive_30", "assigned", "bought"]
                    if rest[-1] in ladder[:-1]:
                        self.part(n, part(ladder[ladder.index(rest[-1]) + 1]))
                    if rest[-1] == "active":
                        self.part(n, part("assigned"))
                        self.sum(part("assigned"), [n, part("inactive_30")])
                if kind == "first_time_users":
                    size = ("adoption", rest[1], rest[0], "tenant", "all", "first_time_users")
                    if rest[-1] == "active":
                        self.most([n, part("lapsed")], size)
                        self.part(part("came_back"), n)
                if kind == "tenant_mailbox_usage" and rest[-1] == "total_mailboxes":
                    self.sum(n, [part(c) for c in MAILBOXES])
                if kind == "tenant_office_activation" and rest[-1] == "total_activations":
                    self.sum(n, [part(f"{c}_count") for c in ("android", "ios", "mac", "pc", "win_rt")])
                if kind == "tenant_office_activation" and rest[-1] == "total_activated_users":
                    self.part(n, part("total_enabled"))
                    self.part(n, part("total_activations"))
                if kind == "copilot_adoption":
                    self.part(n, of.get(("any", rest[-1])))
                    if rest[-1] == "active_enabled_users":
                        self.part(n, part("enabled_users"))
                        self.part(n, part("active_users"))
                if kind in ("tenant_product_activity", "tenant_client_usage"):
                    self.part(n, ("adoption", month, rest[0], "tenant", "all", "active_users"))
                if kind == "tenant_product_activity":
                    self.part(n, of.get((rest[0], "any", rest[-1])))
                if rest[-1] == "activity_sites_at_end":
                    self.part(n, part("total_sites"))
                    self.part(n, part("activity_total_sites"))
                if rest[-1] == "active_groups_at_end":
                    self.part(n, part("total_groups"))
                    self.part(n, part("active_groups"))
            for product in {r[0] for r in of} if kind == "first_time_users" else ():
                active = [n for r, n in of.items() if r[0] == product and r[-1] == "active"]
                self.most(active, ("adoption", month, product, "tenant", "all", "active_users"))

    def known(self, names):
        return all(n in self.true for n in names)

    def sum(self, whole, parts):
        if self.known([whole, *parts]) and self.true[whole] == sum(self.true[p] for p in parts):
            self.equal.append([(1, whole), *((-1, p) for p in parts)])
        else:
            self.most([p for p in parts if p in self.true], whole)

    def most(self, parts, whole):
        if self.known([whole, *parts]) and sum(self.true[p] for p in parts) <= self.true[whole]:
            self.at_most.append([(-1, whole), *((1, p) for p in parts)])

    def part(self, small, large):
        self.most([small], large)

    def covers(self, whole, parts):
        parts = [p for p in parts if p in self.true]
        if parts and self.true[whole] <= sum(self.true[p] for p in parts):
            self.at_most.append([(1, whole), *((-1, p) for p in parts)])

    def narrow(self):
        """Every relation bounds each of its counts by the others, until nothing moves."""
        relations = [(r, True) for r in self.equal] + [(r, False) for r in self.at_most]
        watching = collections.defaultdict(list)
        for i, (r, _) in enumerate(relations):
            for _, n in r:
                watching[n].append(i)
        due = collections.deque(range(len(relations)))
        waiting = set(due)
        steps = 0
        while due:
            i = due.popleft()
            waiting.discard(i)
            steps += 1
            if steps > 60 * len(relations):
                break
            terms, exact = relations[i]
            least = sum(self.low[n] if c > 0 else -self.high[n] for c, n in terms)
            most = sum(self.high[n] if c > 0 else -self.low[n] for c, n in terms)
            for c, n in terms:
                low, high = self.low[n], self.high[n]
                # The sum is at most 0, so c·n ≤ 0 − the least of the others; and at least 0 where it is exact.
                rest = least - (low if c > 0 else -high)
                if c > 0:
                    high = min(high, -rest)
                else:
                    low = max(low, rest)
                if exact:
                    rest = most - (self.high[n] if c > 0 else -self.low[n])
                    if c > 0:
                        low = max(low, -rest)
                    else:
                        high = min(high, rest)
                if (low, high) != (self.low[n], self.high[n]):
                    assert low <= self.true[n] <= high, (terms, n, low, self.true[n], high)
                    least += (low - self.low[n]) if c > 0 else (self.high[n] - high)
                    most += (high - self.high[n]) if c > 0 else (self.low[n] - low)
                    self.low[n], self.high[n] = low, high
                    for j in watching[n]:
                        if j not in waiting:
                            waiting.add(j)
                            due.append(j)

    def judge(self, what, true, low, high):
        """A group of `true` people, of whom the attacker knows that there are `low` to `high`."""
        self.looked += 1
        if not 0 < true < self.group:
            return
        if self.narrowest is None or high - max(low, 0) < self.narrowest[0]:
            self.narrowest = (high - max(low, 0), what, true, max(low, 0), high)
        if high < self.group:
            self.findings.append((what, true, max(low, 0), high))

    def minus(self, a, b):
        return self.true[a] - self.true[b], self.low[a] - self.high[b], self.high[a] - self.low[b]

    def conclude(self):
        for n, true in self.true.items():
            self.judge(("count", n), true, self.low[n], self.high[n])
        for terms, exact in [*((r, True) for r in self.equal), *((r, False) for r in self.at_most)]:
            wholes = [n for c, n in terms if (c > 0) == (terms[0][0] > 0)]
            parts = [n for c, n in terms if n not in wholes]
            if len(wholes) != 1:
                continue
            whole = wholes[0]
            for p in parts:
                true, low, high = self.minus(whole, p)
                if exact:
                    # Without this part it is the others: what is known of them counts too.
                    low = max(low, sum(self.low[q] for q in parts if q != p))
                    high = min(high, sum(self.high[q] for q in parts if q != p))
                self.judge(("without", whole, p), true, low, high)
            listed = [p for p in parts if p in self.listed]
            if listed:
                true = self.true[whole] - sum(self.true[p] for p in listed)
                low = self.low[whole] - sum(self.high[p] for p in listed)
                high = self.high[whole] - sum(self.low[p] for p in listed)
                self.judge(("rest", whole), true, low, high)
        self.pairs()
        self.months()

    def pairs(self):
        """Every two published counts of one table and month. Equal ones are looked at once."""
        tables = collections.defaultdict(dict)
        for n in self.listed:
            tables[n[0], n[1]].setdefault((self.true[n], self.low[n], self.high[n]), n)
        for alike in tables.values():
            for a in alike.values():
                for b in alike.values():
                    self.judge(("difference", a, b), *self.minus(a, b))

    def months(self):
        """Every published count beside the same one of the month before."""
        by = collections.defaultdict(list)
        for n in self.listed:
            by[n[0], n[2:]].append(n)
        for same in by.values():
            same.sort(key=lambda n: n[1])
            for a, b in zip(same[1:], same):
                self.judge(("month", a, b), *self.minus(a, b))
                self.judge(("month", b, a), *self.minus(b, a))

    def beside(self, other):
        """Every count beside the same one in another lake: what was published before."""
        for n in self.listed & other.listed:
            for a, b in ((self, other), (other, self)):
                true, low, high = a.true[n] - b.true[n], a.low[n] - b.high[n], a.high[n] - b.low[n]
                self.judge(("restated", n), true, low, high)


def numbers(truth, shown, group):
    """What stands in the files, cell by cell: nothing but what the method says."""
    step, wrong = 2 * group, []
    for mart, months in shown.items():
        if mart not in PEOPLE:
            wrong.append(f"{mart}: nobody has said what of it counts people")
            continue
        for month, rows in months.items():
            there = rows_by_key(mart, truth[mart][month])
            for key, row in rows_by_key(mart, rows).items():
                at = f"{mart} {month} {key}"
                true = there.get(key)
                if row.get("attribute") in ("manager", "license"):
                    wrong.append(f"{at}: a row of {row['attribute']}")
                people = counts(mart, row)
                for column, value in row.items():
                    if value is None or isinstance(value, bool) or not isinstance(value, (int, float)):
                        continue
                    if column in people:
                        exact = true[column] if true else None
                        if value % step or exact is None or not value <= exact < value + step:
                            wrong.append(f"{at}: {column} is {value} for {exact}")
                    elif column in RATES:
                        part, whole = (row[c] for c in RATES[column])
                        if whole < 5 * step or value != part / whole:
                            wrong.append(f"{at}: {column} is {value}, of {part} and {whole}")
                    elif column not in HARMLESS:
                        wrong.append(f"{at}: {column} shows {value}, and nobody has said what it counts")
                if people and not any(row[c] for c in people if c in row):
                    wrong.append(f"{at}: a row of nobody")
                evidence = re.match(r"(\d+) of (\d+) enabled people", row.get("evidence") or "")
                if row.get("evidence") and (not evidence or [int(n) for n in evidence.groups()] != [row["active_enabled"], row["enabled"]]):
                    wrong.append(f"{at}: the evidence has other numbers: {row['evidence']}")
    return wrong


def attack(lake, tenant, group, protected):
    a = Attack(group)
    a.read(marts(lake / "marts", tenant), marts(lake / "marts_shared", tenant), protected)
    a.relate()
    a.narrow()
    return a


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("lake", type=pathlib.Path)
    p.add_argument("--tenant", default="contoso")
    p.add_argument("--group", type=int, default=10)
    p.add_argument("--before", type=pathlib.Path)
    p.add_argument("--show", type=int, default=10)
    a = p.parse_args()
    truth, shown = marts(a.lake / "marts", a.tenant), marts(a.lake / "marts_shared", a.tenant)
    missing = [m for m in PEOPLE if m in truth and m not in shown and m != "campaign_effect"]
    wrong = numbers(truth, shown, a.group)
    for w in wrong[: a.show]:
        print(f"  {w}")
    cells = sum(len(rows) for months in shown.values() for rows in months.values())
    print(f"{len(shown)} shared marts, {cells} rows, {len(wrong)} cells are not what the method makes; not shared: {missing}")
    failed = bool(wrong) or not shown
    for protected in (True, False):
        found = attack(a.lake, a.tenant, a.group, protected)
        found.conclude()
        if a.before:
            found.beside(attack(a.before, a.tenant, a.group, protected))
        for what, true, low, high in found.findings[: a.show if protected else 3]:
            print(f"  {what}: {true} people, known to be {low} to {high}")
        word = "protected" if protected else "unprotected"
        print(
            f"{word}: {len(found.true)} counts, {len(found.equal) + len(found.at_most)} relations, {found.looked} groups looked"
            f" at, {len(found.findings)} small groups found"
        )
        if found.narrowest:
            _, what, true, low, high = found.narrowest
            print(f"  the nearest of a small group: {true} people, known to be {low} to {high}: {what}")
        # The check can fail: without protection it must.
        failed |= bool(found.findings) == protected
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
