"""The oracle's answers for licences, for the retired app's tables by person, and for the quality of the data."""

import collections
import datetime as dt

from oracle import DAY, OWN, SIX, SUITE, date, days, first, month_after
from oracle_places import last_reading

# What Microsoft's plans bring, by licence, among the products that are measured.
SUITES = {"SPE_E5", "SPE_E3", "SPE_F1", "STANDARDPACK"}
BRINGS = {s: [*SIX, "microsoft365_apps"] for s in SUITES} | {"Microsoft_365_Copilot": ["copilot"]}


def tenant_office_licenses(oracle):
    seats, out = oracle.truth.of_days("seat_day"), {}
    for month in oracle.months:
        night = max((n for n in oracle.ledger.nights if first(n) <= month), default=None)
        if not night:
            continue
        people = sum(1 for r in oracle.truth.by_day[night] if not r["is_deleted"] and r["skus"])
        assigned = {r["sku_part_number"]: int(r["assigned"]) for r in seats[night]} | {"Any": people}
        out[month] = {
            (sku,): dict(assigned_count=n, assigned_license=people, license_name=sku) for sku, n in assigned.items()
        }
    return ["sku_part_number"], out


def license_utilization(oracle):
    seats, out = oracle.truth.of_days("seat_day"), {}
    for month in oracle.months:
        night = max((n for n in oracle.ledger.nights if first(n) <= month), default=None)
        if not night:
            continue
        known = oracle.facts[month, "microsoft365"]["content_date"]
        bought = {r["sku_part_number"]: int(r["enabled"]) + int(r["warning"]) for r in seats[night]}
        groups = collections.defaultdict(list)
        for row in oracle.truth.by_day[night]:
            if row["is_deleted"]:
                continue
            who = row["person_id"]
            for sku in row["skus"]:
                ever = sorted(
                    d for p in BRINGS.get(sku, []) for d in oracle.active.get((p, who), ()) if first(d) <= month
                )
                for attribute, value in oracle.segments(month, who):
                    if attribute != "license":
                        groups[sku, attribute, value].append(ever)
        for sku in bought:
            groups.setdefault((sku, "tenant", "all"), [])
        out[month] = {}
        for key, people in groups.items():
            sku, tenant = key[0], key[1] == "tenant"
            idle = lambda n: sum(1 for e in people if not e or e[-1] <= known - n * DAY)  # noqa: E731
            told = lambda n: n if sku in BRINGS else None  # noqa: E731
            price, currency = oracle.prices.get(sku, (None, None))
            unassigned = max(bought[sku] - len(people), 0) if tenant else None
            cost = price * float((unassigned or 0) + idle(90)) if price and sku in BRINGS else None
            out[month][key] = dict(
                bought=bought[sku] if tenant else None, assigned=len(people), unassigned=unassigned,
                active=told(sum(1 for e in people if e and first(e[-1]) == month)),
                inactive_30=told(idle(30)), inactive_60=told(idle(60)), inactive_90=told(idle(90)),
                never_active=told(sum(1 for e in people if not e)), unit_price=price, currency=currency,
                unused_cost=cost, content_date=known, level=oracle.level(month, *key[1:]),
            )
    return ["sku_part_number", "attribute", "value"], out


ACTIVITY = dict(
    exo_email_sent=("exchange", "send"), exo_email_read=("exchange", "read"),
    exo_meeting_sent=("exchange", "meeting_created"), exo_meeting_interacted=("exchange", "meeting_interacted"),
    odb_file_viewed_modified=("onedrive", "viewed_or_edited"), odb_file_synched=("onedrive", "synced"),
    odb_file_shared_internally=("onedrive", "shared_internally"),
    odb_file_shared_externally=("onedrive", "shared_externally"),
    spo_file_viewed_modified=("sharepoint", "viewed_or_edited"), spo_file_synched=("sharepoint", "synced"),
    spo_file_shared_internally=("sharepoint", "shared_internally"),
    spo_file_shared_externally=("sharepoint", "shared_externally"), spo_page_visited=("sharepoint", "visited_page"),
    yam_message_post=("viva_engage", "posted"), yam_message_liked=("viva_engage", "liked"),
    yam_message_read=("viva_engage", "read"), teams_chat_messages=("teams", "private_chat"),
    teams_channel_message=("teams", "team_chat"), teams_call_participate=("teams", "call"),
    teams_meeting_participate=("teams", "meeting"),
)


def user_activity(oracle):
    received = oracle.received()
    sums, acted, other = collections.Counter(), collections.defaultdict(set), collections.defaultdict(set)
    for month, done in oracle.done.items():
        for (product, who, _), acts in done.items():
            if month < first(oracle.begun[product]):
                continue
            acted[month].add(who)
            for activity, n in acts.items():
                sums[month, who, product, activity] += n
                if product == "teams":
                    other[month, who].add(activity == "other")
    out = {}
    for month in oracle.months:
        out[month] = {
            (who,): {c: sums[month, who, *at] for c, at in ACTIVITY.items()}
            | dict(
                exo_email_received=received[month][who], teams_has_other_action=other[month, who] == {True},
                identity="named", sfb_p2p_summary=None, sfb_conf_org_summary=None, sfb_conf_part_summary=None,
            )
            for who in acted[month]
        }
    return ["person_id"], out


def user_state(oracle):
    names = dict(
        location_office="office", location_city="city", location_state="state", location_country="country",
        department="department", company="company", title="job_title",
    )
    licences = dict(
        has_license_exo="exchange", has_license_odb="onedrive", has_license_spo="sharepoint",
        has_license_yam="viva_engage", has_license_sfb="skype_for_business", has_license_teams="teams",
    )
    out = {}
    for month in [m for m in oracle.months if m >= first(oracle.begun["microsoft365"])]:
        seen = {}
        for dated in (True, False):
            for day in oracle.ledger.landed(SUITE, dated):
                if first(day) == month:
                    for person, row in oracle.truth.listed("suite", day, dated and not oracle.everyone):
                        who = oracle.who(person, day)
                        if who not in seen or day >= seen[who][0]:
                            seen[who] = (day, row)
        talk = yammer(oracle, month)
        out[month] = {
            (who,): {c: oracle.attribute(month, who, a) for c, a in names.items()}
            | {c: who in oracle.at_end[month, p] for c, p in licences.items()}
            | dict(
                identity="named", deleted=row["is_deleted"],
                deleted_date=date(row["deleted_date"]) if row["deleted_date"] else None,
                user_principal_name=oracle.attribute(month, who, "upn") or row["upn"].lower(),
                display_name=oracle.attribute(month, who, "display_name") or row["display_name"],
                **talk.get(who, dict(yam_state=None, yam_activation_date=None, yam_deletion_date=None)),
                yam_suspension_date=None,
            )
            for who, (day, row) in seen.items()
        }
    return ["person_id"], out


def yammer(oracle, month):
    """What Viva Engage's report says of people on its last night of the month: there since their licence, or deleted."""
    held = collections.defaultdict(list)
    for r in oracle.truth.rows("licence"):
        if "viva_engage" in BRINGS.get(r["sku_part_number"], ()):
            held[r["person_id"]].append((date(r["from"]), date(r["until"]) if r["until"] else dt.date.max))
    day, out = last_reading(oracle, OWN["viva_engage"], month), {}
    for person, row in oracle.truth.listed("viva_engage", day, False) if day else ():
        # Licences that follow one another without a gap count as one.
        since = min(a for a, b in held[person] if a <= day < b) if not row["is_deleted"] else None
        while since and any(a < since <= b for a, b in held[person]):
            since = min(a for a, b in held[person] if a < since <= b)
        gone = date(row["deleted_date"]) if row["is_deleted"] else None
        out[oracle.who(person, day)] = dict(
            yam_state="deleted" if gone else "active", yam_activation_date=since, yam_deletion_date=gone,
        )
    return out


def region_activity(oracle):
    out = {
        m: {
            k: dict(total_activity_count=r["actions"], identity="named") | {a: oracle.attribute(m, k[1], a) for a in ("city", "country", "state")}
            for k, r in rows.items() if r["active"] and k[0] != "microsoft365"
        }
        for m, rows in oracle.upm.items()
    }
    return ["product", "person_id"], out


def copilot_adoption(oracle):
    """Copilot as a whole, and its apps: by the last days that readings show, since no answer tells an app's single days."""
    out = {}
    for month in oracle.months:
        rows = {k[1]: r for k, r in oracle.upm[month].items() if k[0] == "copilot"}
        begun = oracle.begun.get("copilot")
        if not begun or month < first(begun):
            out[month] = {}
            continue
        told = oracle.told(month, "copilot")
        groups = {("any",): {w: {d for d in oracle.active["copilot", w] if first(d) <= month} for w in rows}}
        for who, app, day in oracle.copilot_by_app:
            if first(day) <= month:
                groups.setdefault((app,), {}).setdefault(who, set()).add(day)
        out[month] = {}
        for key, people in groups.items():
            before = month_after(month, -1)
            here = {w: [d for d in ds if first(d) == month] for w, ds in people.items()}
            if not any(people.values()):
                continue
            out[month][key] = dict(
                enabled_users=sum(r["enabled"] for r in rows.values()),
                active_users=sum(1 for d in here.values() if d),
                active_enabled_users=sum(1 for w, d in here.items() if d and rows.get(w, {}).get("enabled")),
                mom_returning_users=sum(1 for w, d in here.items() if d and any(first(x) == before for x in people[w])) if told else None,
                first_time_users=sum(1 for w, d in here.items() if d and first(min(people[w])) == month) if told else None,
                days_active=sum(map(len, here.values())), **{k: v for k, v in oracle.facts[month, "copilot"].items() if k != "nights_missing"},
            )
    return ["app"], out


def person(oracle):
    """Everybody who was ever enabled or active, or listed, by the end of a month."""
    names = dict(user_type="user_type", country="country", usage_location="usage_location", state="state", city="city")
    names |= {a: a for a in ("department", "company", "office", "job_title", "employee_type")}
    states, known, out = user_state(oracle)[1], {}, {}
    for month in oracle.months:
        listed = {who: row for (who,), row in states.get(month, {}).items()}
        for who in {who for _, who in oracle.upm.get(month, {})} | listed.keys():
            known.setdefault(who, {})
        out[month] = {}
        for who, told in known.items():
            for column, attribute in (("user_principal_name", "upn"), ("display_name", "display_name")):
                now = oracle.attribute(month, who, attribute) or listed.get(who, {}).get(column)
                told[column] = now or told.get(column)
            above = [oracle.attribute(month, m, "upn") or m for m in reversed(oracle.above(month, who))]
            out[month][(who,)] = (
                {"identity": "named"} | told | {c: oracle.attribute(month, who, a) for c, a in names.items()}
                | {f"manager_{n + 1}": above[n] if n < len(above) else None for n in range(6)}
            )
    return ["person_id"], out


def first_rows(s):
    """Rows of the first answer that was published."""
    landed = [r["rows"] for r in (s or {}).get("before") or [] if r["status"] == "landed"]
    return landed[0] if landed else s["rows"] if s and s["status"] == "landed" else 0


def data_quality(oracle):
    out = {}
    slices = collections.defaultdict(dict)
    for s in oracle.ledger.slices:
        slices[s["report"], s["period"]][s["day"]] = s
    for month in oracle.months:
        rows = out[month] = {}
        for (report, period), found in slices.items():
            recent = {d: s for d, s in found.items() if month_after(month, -1) <= first(d) <= month}
            of_report = [
                d for (r, _), f in slices.items() if r == report for d, s in f.items()
                if s["status"] == "landed" and month_after(month, -1) <= first(d) <= month
            ]
            for day in days(month):
                s = found.get(day)
                if s is None and not (period == 1 and recent and min(recent) <= day <= oracle.today - 2 * DAY):
                    continue
                names_before = [recent[d]["names"] for d in sorted(recent) if d < day and recent[d]["names"] not in (None, "none")]
                status = s["status"] if s else "missing"
                settled = status == "empty" and day < oracle.today - 28 * DAY
                names = (s or {}).get("names") or "none"
                rows[report, period, day] = dict(
                    status=status, landed=status == "landed", empty=status == "empty", late=status == "late",
                    missing=status in ("missing", "failed", "expired", "held") or status == "empty" and period == 1 and not settled,
                    concealed=names in ("concealed", "mixed"),
                    concealment_changed=bool(names != "none" and names_before and names_before[-1] != names),
                    held=status == "held", restated=bool(s and s["before"]), row_count=s["rows"] if s else 0,
                    first_row_count=first_rows(s),
                    rejected_cells=(s["rejected_cells"] or 0) if s else 0, rows_without_person=0,
                    loaded_on=s["read"] if s else None, run=s["run"] if s else None, reason=s["reason"] if s else None,
                    first_read_on=date(s["first_read_at"][:10]) if s else None,
                    last_refresh=max(of_report, default=None),
                )
    return ["report", "period", "day"], out


def calendar(oracle):
    earliest = min(d for ds in oracle.active.values() for d in ds)
    day, rows = dt.date(earliest.year, 1, 1), {}
    while day <= dt.date(oracle.today.year + 1, 12, 31):
        quarter = (day.month + 2) // 3
        rows[(day,)] = dict(
            month_start=first(day), year=day.year, month_number=day.month, month_name=day.strftime("%B"),
            quarter=f"Q{quarter}", semester=f"H{(quarter + 1) // 2}", year_quarter=f"{day.year} Q{quarter}",
            day_of_week=day.strftime("%A"), day_of_week_number=day.isoweekday(),
            is_in_current_year=day.year == oracle.today.year, is_in_previous_year=day.year == oracle.today.year - 1,
            is_in_previous_or_current_year=day.year in (oracle.today.year - 1, oracle.today.year),
        )
        day += DAY
    return ["date"], {None: rows}
