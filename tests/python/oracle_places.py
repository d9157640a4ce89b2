"""The oracle's answers for what is kept and where: mailboxes, accounts, sites, groups, clients, activations."""

import collections

from oracle import DAY, OWN, date, days, first

# For how many days answers list what was deleted.
SHOWN = 30

# How the reports' columns call what the emulator calls otherwise.
CLIENTS = {
    "exchange": dict(
        outlook_mac="outlook_for_mac", outlook_windows="outlook_for_windows", outlook_mobile="outlook_for_mobile",
        other_mobile="other_for_mobile", outlook_web="outlook_for_web", pop3="pop3_app", imap4="imap4_app", smtp="smtp_app",
    ),
    "teams": dict(android="android_phone"),
    "viva_engage": dict(android="android_phone", other="others"),
    "microsoft365_apps": {},
}
CLIENTS_OF = {
    "exchange": "email_app_usage_user_detail",
    "teams": "teams_device_usage_user_detail",
    "viva_engage": "yammer_device_usage_user_detail",
    "microsoft365_apps": OWN["microsoft365_apps"],
}


def last_reading(oracle, report, month):
    return max((d for d in oracle.ledger.landed(report, False) if first(d) == month), default=None)


def counted_until(oracle, report, month):
    """The last day of a month that a counts report tells: an answer tells all days up to its own."""
    refresh = max(oracle.ledger.landed(report, False))
    return max(d for d in days(month) if d <= refresh)


def total(rows, column):
    return sum(int(r[column]) for r in rows)


def tenant_mailbox_usage(oracle):
    out = {}
    for month in oracle.months:
        day = last_reading(oracle, "mailbox_usage_detail", month)
        if not day:
            out[month] = {}
            continue
        rows = oracle.truth.of_days("mailbox_day")[day]
        full = collections.Counter()
        for r in rows:
            limits = [int(r[c]) for c in ("warn_bytes", "stop_sending_bytes", "quota_bytes")]
            full[sum(int(r["bytes"]) >= limit for limit in limits)] += 1
        gone = [
            row for person, row in oracle.truth.listed("exchange", day, False)
            if row["is_deleted"] and first(date(row["deleted_date"])) == month
        ]
        out[month] = {
            (day,): dict(
                total_mailboxes=len(rows), total_item_bytes=total(rows, "bytes"),
                issue_warning_quota=total(rows, "warn_bytes"), prohibit_send_quota=total(rows, "stop_sending_bytes"),
                prohibit_send_receive_quota=total(rows, "quota_bytes"), mailboxes_no_warning=full[0],
                mailboxes_issue_warning=full[1], mailboxes_exceed_send_quota=full[2],
                mailboxes_exceed_send_receive_quota=full[3], deleted_mailboxes=len(gone),
            )
        }
    return ["content_date"], out


def tenant_onedrive_usage(oracle):
    t, report, out = oracle.truth, "one_drive_usage_account_detail", {}
    accounts = t.of_days("account_day")
    for month in oracle.months:
        active = set()
        for dated in (True, False):
            for day in [d for d in oracle.ledger.landed(report, dated) if first(d) == month]:
                for person, _ in t.listed("onedrive", day, dated and not oracle.everyone):
                    last = t.last("onedrive", person, oracle.known_on(report, day, dated))
                    if last and first(last) == month:
                        active.add(person)
        read = last_reading(oracle, report, month)
        day = counted_until(oracle, "one_drive_usage_account_counts", month)
        # Graph gives the bytes of OneDrive under the site type `OneDrive` and none for `All`: they are those of the detail.
        out[month] = {
            ("OneDrive", "any"): dict(
                total_sites=len(accounts[day]), document_count=total(accounts[day], "files"), content_date=day,
                disk_used=total(accounts[read], "bytes") if read else None,
                disk_quota=total(accounts[read], "quota_bytes") if read else None,
                activity_total_sites=len(active),
                activity_sites_at_end=len(active & {r["person_id"] for r in accounts[read]}) if read else 0,
            )
        }
    return ["site_type", "activity_type"], out


class Places:
    """Sites or groups: when each was there, on which days something happened in it."""

    def __init__(self, oracle, name, key, happened):
        self.oracle, self.rows, self.days, self.active = oracle, oracle.truth.of_days(name), {}, {}
        self.kind = {}
        for day in sorted(self.rows):
            for row in self.rows[day]:
                self.days.setdefault(row[key], []).append(day)
                self.kind[row[key]] = row
                if happened(row, day):
                    self.active.setdefault(row[key], []).append(day)
        self.end = max(self.rows)

    def listed(self, day, dated):
        for place, there in self.days.items():
            gone = there[-1] + DAY if there[-1] < self.end else None
            if there[0] <= day and (not gone or (day - gone).days < SHOWN):
                if not dated or self.oracle.everyone or day in self.active.get(place, ()):
                    yield place

    def used(self, report, month):
        """Places that an answer for a day of the month shows with a last day in it."""
        found = set()
        for dated in (True, False):
            for day in [d for d in self.oracle.ledger.landed(report, dated) if first(d) == month]:
                for place in self.listed(day, dated):
                    last = self.oracle.truth.last_of(self.active.get(place, []), day)
                    if last and first(last) == month:
                        found.add(place)
        return found


def tenant_sharepoint_usage(oracle):
    report = "share_point_site_usage_detail"
    sites = Places(oracle, "site_day", "site_id", lambda r, _: int(r["users"]) > 0)
    kind = lambda row: {"Group": "group", "Team Site": "team"}.get(row["template"], "other")  # noqa: E731
    out = {}
    for month in oracle.months:
        out[month] = {}
        used, read = sites.used(report, month), last_reading(oracle, report, month)
        counted = counted_until(oracle, "share_point_site_usage_site_counts", month)
        state = sites.rows[read] if read else []
        for which in ("any", "group", "team", "other"):
            listed = [r for r in state if which in ("any", kind(r))]
            active = [s for s in used if which in ("any", kind(sites.kind[s]))]
            rows = sites.rows[counted] if which == "any" else listed
            if rows or active:
                out[month][which, "any"] = dict(
                    total_sites=len(rows) if rows else None, document_count=total(rows, "files") if rows else None,
                    disk_used=total(rows, "bytes") if rows else None,
                    disk_quota=total(listed, "quota_bytes") if listed else None,
                    activity_total_sites=len(active),
                    activity_sites_at_end=len({r["site_id"] for r in listed} & set(active)),
                    content_date=counted if which == "any" else read,
                )
    return ["site_type", "activity_type"], out


def tenant_groups_usage(oracle):
    """Of a group without a community the report counts no messages, and does not leave the column blank: it has a zero."""
    report = "office365_groups_activity_detail"
    site = {(r["group_id"], d): r for d, rows in oracle.truth.of_days("site_day").items() for r in rows if r["group_id"]}
    words = ("posted", "read", "liked")

    def happened(row, day):
        met = int(site[row["group_id"], day]["users"]) > 0
        return met or any(int(row[c]) for c in ("mails", *words))

    groups = Places(oracle, "group_day", "group_id", happened)
    out = {}
    for month in oracle.months:
        out[month] = {}
        used, read = groups.used(report, month), last_reading(oracle, report, month)
        landed = [d for d in oracle.ledger.landed(report, True) if first(d) == month]
        for which in ("any", "private", "public"):
            of = lambda rows: [r for r in rows if which in ("any", r["visibility"])]  # noqa: E731, B023
            sums, acting = collections.Counter(), collections.defaultdict(set)

            def add(group, what, n):
                sums[what] += n  # noqa: B023
                if n:
                    acting[what].add(group)  # noqa: B023

            for day in landed:
                for r in of(groups.rows[day]):
                    place = site[r["group_id"], day]
                    add(r["group_id"], "mails", int(r["mails"]))
                    add(r["group_id"], "files", min(int(place["active_files"]), int(place["files"])))
                    for c in words:
                        add(r["group_id"], c, int(r[c]))
            state = of(groups.rows[read]) if read else []
            active = [g for g in used if which in ("any", groups.kind[g]["visibility"])]
            if not state and not active:
                continue
            counted = lambda n: n if landed else None  # noqa: E731, B023
            stated = lambda n: n if state else None  # noqa: E731, B023
            sites = [site[r["group_id"], read] for r in state]
            out[month][(which,)] = dict(
                total_groups=stated(len(state)), active_groups=len(active), content_date=stated(read),
                active_groups_at_end=len({r["group_id"] for r in state} & set(active)),
                mbx_total_groups=stated(len(state)), mbx_active_groups=len(acting["mails"]),
                mbx_total_activities=counted(sums["mails"]), mbx_total_items=stated(total(state, "mailbox_items")),
                mbx_storage_used=stated(total(state, "mailbox_bytes")), spo_total_groups=stated(len(state)),
                spo_active_groups=len(acting["files"]), spo_total_activities=counted(sums["files"]),
                spo_total_files=stated(total(sites, "files")), spo_storage_used=stated(total(sites, "bytes")),
                yam_total_groups=stated(len(state)),
                yam_active_groups=len(acting["posted"] | acting["read"] | acting["liked"]),
                yam_total_activities=counted(sum(sums[c] for c in words)),
                **{f"yam_{c}_active_groups": len(acting[c]) for c in words},
                **{f"yam_{c}_activities": counted(sums[c]) for c in words},
            )
    return ["group_type"], out


def tenant_client_usage(oracle):
    t, rows = oracle.truth, oracle.truth.of_days("client_day")
    people, last = collections.defaultdict(set), {}
    for product, report in CLIENTS_OF.items():
        for day in oracle.ledger.landed(report, True):
            if first(day) < first(oracle.begun[product]):
                continue
            listed = {person for person, _ in t.listed(product, day, not oracle.everyone)}
            for row in rows[day]:
                if row["product"] == product and row["person_id"] in listed:
                    for name in row["clients"].split("+"):
                        key = first(day), product, CLIENTS[product].get(name, name)
                        people[key].add(oracle.who(row["person_id"], day))
                        last[key] = max(day, last.get(key, day))
    out = {m: {} for m in oracle.months}
    for (month, product, client), found in people.items():
        out[month][product, client] = dict(user_count=len(found), content_date=last[month, product, client])
    return ["product", "client_id"], out


def tenant_office_activation(oracle):
    rows, out = oracle.truth.of_days("activation_day"), {}
    types = sorted({r["product_type"] for found in rows.values() for r in found})
    for month in oracle.months:
        out[month] = {}
        day = last_reading(oracle, "office365_activation_counts", month)
        for which in types if day else ():
            mine = [r for r in rows[day] if r["product_type"] == which]
            on = {c: total(mine, c) for c in ("windows", "mac", "android", "ios")}
            out[month][(which,)] = dict(
                total_enabled=len(mine), total_activated_users=sum(1 for r in mine if r["last_activated"]),
                total_activations=sum(on.values()), android_count=on["android"], ios_count=on["ios"], mac_count=on["mac"],
                pc_count=on["windows"], win_rt_count=0, content_date=day,
            )
    return ["service_plan_name"], out
