#!/usr/bin/env python3
"""Compute from the emulator's truth what the tables of a lake must hold after one night or several, and compare.

usage: truth.py LAKE TRUTH [--nights DAY…]       (night.TODAY by default; less than a week from the first to the last)

Slow and plain on purpose: for each table one SQL statement over the truth says which rows there must be, another reads the
rows that are there, and both must be the same rows, as often. It knows which windows a night asks for from the
catalog (schemas/reports), and nothing else of usagelake; what a report means is written down here once more.

A line for each table; columns that the truth cannot tell are left out, and tables of which it knows nothing are named with
the reason. Exit 1 where a row is missing, wrong or too many, or where a table is neither judged nor named."""

import argparse
import datetime
import sys
import tomllib
from pathlib import Path

import duckdb
import night

CATALOG = Path(__file__).resolve().parents[2] / "schemas" / "reports"
# Days by which Graph, and so the emulator, lags behind.
LAG = 2
# Days back from today that `date=` answers for.
LOOK_BACK = 28

# What is not judged here, by table. Clients and activations are judged where the marts add them up.
DEVICES = "devices and apps"
UNTOLD = {
    "browser_distribution_user_counts": DEVICES,
    "browser_user_counts": DEVICES,
    "email_app_usage_apps_user_counts": DEVICES,
    "email_app_usage_user_counts": DEVICES,
    "email_app_usage_versions_user_counts": DEVICES,
    "m365_app_platform_user_counts": DEVICES,
    "m365_app_user_counts": DEVICES,
    "teams_device_usage_distribution_total_user_counts": DEVICES,
    "teams_device_usage_distribution_user_counts": DEVICES,
    "teams_device_usage_total_user_counts": DEVICES,
    "teams_device_usage_user_counts": DEVICES,
    "yammer_device_usage_distribution_user_counts": DEVICES,
    "yammer_device_usage_user_counts": DEVICES,
    "office365_activation_counts": "activations",
    "office365_activations_user_counts": "activations",
    "office365_activations_user_detail": "activations",
    "teams_team_counts": "which teams are public",
    "yammer_groups_activity_detail": "communities",
    "yammer_groups_activity_group_counts": "communities",
}

# Skype for Business is licensed and never used: its details list nobody, and its counts count nothing.
SKYPE = "skype_for_business_"

SUITE = "('exchange', 'onedrive', 'sharepoint', 'teams', 'viva_engage', 'skype_for_business')"


class Truth:
    """The truth's files as tables, and the pieces of SQL that ask them."""

    def __init__(self, folder):
        self.db = duckdb.connect()
        for name in ("person_day", "act", "mailbox_day", "account_day", "site_day", "group_day"):
            self.db.execute(f"CREATE TABLE {name} AS FROM read_csv('{folder}/{name}.csv', sample_size = -1, nullstr = '')")
        self.db.execute("""
            -- Reports show members only. One who has been deleted is judged by the licences of the last day.
            CREATE TABLE person AS
            SELECT day, person_id, upn, display_name, is_deleted, deleted_date, coalesce(skus, '') AS skus,
                   string_split(coalesce(last_value(CASE WHEN NOT is_deleted THEN coalesce(enabled, '') END IGNORE NULLS)
                                         OVER (PARTITION BY person_id ORDER BY day), ''), '+') AS enabled
            FROM person_day WHERE user_type = 'Member';
            CREATE TABLE licensed AS SELECT DISTINCT person_id FROM person WHERE skus <> '';
            CREATE TABLE member_act AS SELECT * FROM act SEMI JOIN person USING (person_id);
            CREATE TABLE used AS SELECT DISTINCT day, person_id, product FROM member_act;
        """)
        self.db.execute(f"INSERT INTO used SELECT DISTINCT day, person_id, 'suite' FROM used WHERE product IN {SUITE}")

    # Each is the value of one cell for the row `w`, which has `first` and `day`, the ends of its window.

    @staticmethod
    def total(product, activity, people=""):
        return f"""(SELECT coalesce(sum(a.count), 0) FROM member_act a WHERE a.product = '{product}'
            AND a.activity = '{activity}' AND a.day BETWEEN w.first AND w.day {people})"""

    @staticmethod
    def people(product, activity=None, people=""):
        if activity is None:
            return f"""(SELECT count(DISTINCT a.person_id) FROM used a WHERE a.product = '{product}'
                AND a.day BETWEEN w.first AND w.day {people})"""
        return f"""(SELECT count(DISTINCT a.person_id) FROM member_act a WHERE a.product = '{product}'
            AND a.activity = '{activity}' AND a.day BETWEEN w.first AND w.day {people})"""

    @staticmethod
    def enabled(product):
        which = f"list_contains(p.enabled, '{product}')" if product != "suite" else f"list_has_any(p.enabled, [{SUITE[1:-1]}])"
        return f"(SELECT count(*) FROM person p WHERE p.day = w.day AND NOT p.is_deleted AND {which})"

    @classmethod
    def active(cls, product):
        inner = f"AND p.person_id IN (SELECT a.person_id FROM used a WHERE a.product = '{product}' AND a.day BETWEEN w.first AND w.day))"
        return cls.enabled(product)[:-1] + " " + inner

    @staticmethod
    def of(table, figure):
        return f"(SELECT coalesce({figure}, 0) FROM {table} t WHERE t.day BETWEEN w.first AND w.day)"


LICENSED = "AND a.person_id IN (SELECT person_id FROM licensed)"
total, people, enabled, active, of = Truth.total, Truth.people, Truth.enabled, Truth.active, Truth.of


def blank(figure):
    """Graph leaves the cell blank where nothing was counted."""
    return f"nullif({figure}, 0)"


# ---- one row a person -----------------------------------------------------------------------------------------------

# table: (product, whom it lists, {column: activity}); `all` lists every member, `enabled` those with the product.
PEOPLE = {
    "browser_user_detail": ("browser", "enabled", {}),
    "email_activity_user_detail": (
        "exchange",
        "enabled",
        {
            "send_count": "send",
            "read_count": "read",
            "meeting_created_count": "meeting_created",
            "meeting_interacted_count": "meeting_interacted",
        },
    ),
    "email_app_usage_user_detail": ("exchange", "enabled", {}),
    "forms_user_activity_user_detail": ("forms", "enabled", {"created_count": "created", "responded_count": "responded"}),
    "m365_app_user_detail": ("microsoft365_apps", "enabled", {}),
    "microsoft365_copilot_usage_user_detail": ("copilot", "enabled", {"prompts_submitted_for_all_apps": "prompt"}),
    "office365_active_user_detail": ("suite", "all", {}),
    "one_drive_activity_user_detail": (
        "onedrive",
        "enabled",
        {
            "viewed_or_edited_file_count": "viewed_or_edited",
            "synced_file_count": "synced",
            "shared_internally_file_count": "shared_internally",
            "shared_externally_file_count": "shared_externally",
        },
    ),
    "share_point_activity_user_detail": (
        "sharepoint",
        "enabled",
        {
            "viewed_or_edited_file_count": "viewed_or_edited",
            "synced_file_count": "synced",
            "shared_internally_file_count": "shared_internally",
            "shared_externally_file_count": "shared_externally",
            "visited_page_count": "visited_page",
        },
    ),
    "teams_device_usage_user_detail": ("teams", "all", {}),
    "teams_user_activity_user_detail": (
        "teams",
        "all",
        {
            "team_chat_message_count": "team_chat",
            "private_chat_message_count": "private_chat",
            "call_count": "call",
            "meeting_count": "meeting",
        },
    ),
    "yammer_activity_user_detail": (
        "viva_engage",
        "enabled",
        {"posted_count": "posted", "read_count": "read", "liked_count": "liked"},
    ),
    "yammer_device_usage_user_detail": ("viva_engage", "enabled", {}),
}
# The last day of each product, in a table that has one for each.
LAST_OF_EACH = {
    "office365_active_user_detail": {
        "exchange_last_activity_date": "exchange",
        "onedrive_last_activity_date": "onedrive",
        "sharepoint_last_activity_date": "sharepoint",
        "skype_for_business_last_activity_date": "skype_for_business",
        "yammer_last_activity_date": "viva_engage",
        "teams_last_activity_date": "teams",
    }
}
# Columns about the person that not every table has.
PERSON_COLUMNS = {"display_name": "p.display_name", "is_deleted": "p.is_deleted", "deleted_date": "p.deleted_date"}


def last_use(product):
    return f"(SELECT max(a.day) FROM used a WHERE a.product = '{product}' AND a.person_id = p.person_id AND a.day <= w.day)"


def people_detail(table, columns):
    product, whom, acts = PEOPLE[table]
    expected = {"period": "w.period", "day": "w.day", "user_principal_name": "p.upn"}
    expected |= {name: source for name, source in PERSON_COLUMNS.items() if name in columns}
    for name, activity in acts.items():
        expected[name] = f"""(SELECT coalesce(sum(a.count), 0) FROM member_act a WHERE a.product = '{product}'
            AND a.activity = '{activity}' AND a.person_id = p.person_id AND a.day BETWEEN w.first AND w.day)"""
    if table == "email_activity_user_detail":
        expected["receive_count"] = """(SELECT coalesce(sum(m.received), 0) FROM mailbox_day m
            WHERE m.person_id = p.person_id AND m.day BETWEEN w.first AND w.day)"""
    lasts = LAST_OF_EACH.get(table) or ({"last_activity_date": product} if "last_activity_date" in columns else {})
    expected |= {name: last_use(of_product) for name, of_product in lasts.items()}
    listed = "true" if whom == "all" else f"list_contains(p.enabled, '{product}')"
    # Asked for one day, Graph lists those who were active on it.
    was_active = f"""EXISTS (SELECT 1 FROM used a WHERE a.product = '{product}' AND a.person_id = p.person_id AND a.day = w.day)"""
    return expected, f"JOIN person p ON p.day = w.day WHERE {listed} AND (w.period <> 1 OR {was_active})"


def mailbox_detail(columns):
    # Deleted mailboxes are listed, but the truth ends with the person.
    expected = {
        "period": "w.period",
        "day": "w.day",
        "user_principal_name": "p.upn",
        "display_name": "p.display_name",
        "item_count": "m.items",
        "storage_used_byte": "m.bytes",
        "prohibit_send_receive_quota_byte": "m.quota_bytes",
        "last_activity_date": last_use("exchange"),
    }
    return expected, "JOIN person p ON p.day = w.day JOIN mailbox_day m ON m.day = w.day AND m.person_id = p.person_id WHERE NOT p.is_deleted"


def account_detail(columns):
    synced = "a.product = 'onedrive' AND a.activity IN ('viewed_or_edited', 'synced')"
    expected = {
        "period": "w.period",
        "day": "w.day",
        "owner_principal_name": "p.upn",
        "owner_display_name": "p.display_name",
        "is_deleted": "p.is_deleted",
        "last_activity_date": last_use("onedrive"),
        # Capped by the account's files, also of people who have left, whose files the truth does not tell: see CAPPED.
        "active_file_count": f"""(SELECT coalesce(sum(a.count), 0) FROM member_act a WHERE {synced}
            AND a.person_id = p.person_id AND a.day BETWEEN w.first AND w.day)""",
    }
    was_active = "EXISTS (SELECT 1 FROM used a WHERE a.product = 'onedrive' AND a.person_id = p.person_id AND a.day = w.day)"
    return expected, f"JOIN person p ON p.day = w.day WHERE list_contains(p.enabled, 'onedrive') AND (w.period <> 1 OR {was_active})"


# ---- one row a place ------------------------------------------------------------------------------------------------


def site_detail(columns):
    expected = {
        "period": "w.period",
        "day": "w.day",
        "site_id": "t.site_id",
        "file_count": "t.files",
        "active_file_count": """least(t.files, (SELECT sum(s.active_files) FROM site_day s
            WHERE s.site_id = t.site_id AND s.day BETWEEN w.first AND w.day))""",
        "page_view_count": "(SELECT sum(s.page_views) FROM site_day s WHERE s.site_id = t.site_id AND s.day BETWEEN w.first AND w.day)",
        "storage_used_byte": "t.bytes",
    }
    return expected, "JOIN site_day t ON t.day = w.day WHERE w.period <> 1 OR t.users > 0"


def group_detail(columns):
    # A group's site bears the group's name.
    expected = {
        "period": "w.period",
        "day": "w.day",
        "group_id": "t.group_id",
        "group_display_name": "t.name",
        "exchange_received_email_count": "(SELECT sum(g.mails) FROM group_day g WHERE g.group_id = t.group_id AND g.day BETWEEN w.first AND w.day)",
        "sharepoint_total_file_count": "s.files",
        "sharepoint_site_storage_used_byte": "s.bytes",
    }
    return expected, "JOIN group_day t ON t.day = w.day JOIN site_day s ON s.day = t.day AND s.name = t.name WHERE w.period <> 1"


def team_detail(columns):
    messages = "(SELECT sum(g.{0}) FROM group_day g WHERE g.group_id = t.group_id AND g.day BETWEEN w.first AND w.day)"
    expected = {
        "period": "w.period",
        "day": "w.day",
        "team_id": "t.group_id",
        "team_name": "t.name",
        "post_messages": messages.format("posts"),
        "reply_messages": messages.format("replies"),
        "channel_messages": messages.format("posts + g.replies"),
    }
    # Which groups are teams the truth does not say; those in which somebody wrote are.
    wrote = "EXISTS (SELECT 1 FROM group_day g WHERE g.group_id = t.group_id AND g.posts + g.replies > 0 AND g.day BETWEEN w.first AND w.day)"
    return expected, f"JOIN group_day t ON t.day = w.day WHERE {wrote}"


PLACES = {
    "mailbox_usage_detail": mailbox_detail,
    "one_drive_usage_account_detail": account_detail,
    "share_point_site_usage_detail": site_detail,
    "office365_groups_activity_detail": group_detail,
    "teams_team_activity_detail": team_detail,
}
# Rows of the lake about which the truth says something.
ONLY = {
    "mailbox_usage_detail": "NOT is_deleted",
    "share_point_site_usage_detail": "NOT is_deleted",
    "office365_groups_activity_detail": "NOT is_deleted AND period <> 1",
    "teams_team_activity_detail": "channel_messages > 0",
}
# A figure that another column caps: compared with the cap of the lake's own row.
CAPPED = {"one_drive_usage_account_detail": ("active_file_count", "file_count")}

# ---- one row a day --------------------------------------------------------------------------------------------------


def counted(product, *activities, people_instead=False, who="", blanks=True):
    """{column: figure} where a column is called like its activity."""
    measure = people if people_instead else total
    figures = {activity: measure(product, activity, who) for activity in activities}
    return {name: blank(figure) if blanks else figure for name, figure in figures.items()}


def teams_totals(who=""):
    return {
        "team_chat_messages": total("teams", "team_chat", who),
        "private_chat_messages": total("teams", "private_chat", who),
        "calls": total("teams", "call", who),
        "meetings": total("teams", "meeting", who),
    }


def teams_people(who=""):
    return {
        "team_chat_messages": people("teams", "team_chat", who),
        "private_chat_messages": people("teams", "private_chat", who),
        "calls": people("teams", "call", who),
        "meetings": people("teams", "meeting", who),
    }


COPILOT_APPS = (
    "any_app",
    "microsoft_teams",
    "word",
    "powerpoint",
    "outlook",
    "excel",
    "onenote",
    "loop",
    "copilot_chat",
)
COPILOT = {f"{app}_enabled_users": enabled("copilot") for app in COPILOT_APPS} | {"any_app_active_users": people("copilot")}
FILES = ("viewed_or_edited", "synced", "shared_internally", "shared_externally")
MAIL = ("send", "read", "meeting_created", "meeting_interacted")
GROUP_SITES = "(SELECT s.* FROM site_day s JOIN group_day g ON g.day = s.day AND g.name = s.name)"
ACCOUNT_ACTIVE = active("onedrive")

DAYS = {
    "email_activity_counts": {
        **counted("exchange", *MAIL),
        "receive": blank(of("mailbox_day", "sum(t.received)")),
    },
    "email_activity_user_counts": {
        **counted("exchange", *MAIL, people_instead=True),
        "receive": blank(of("mailbox_day", "count(*) FILTER (t.received > 0)")),
    },
    "mailbox_usage_mailbox_counts": {
        "total": of("mailbox_day", "count(*)"),
        "active": """(SELECT count(*) FROM mailbox_day t JOIN used a ON a.product = 'exchange' AND a.day = t.day
            AND a.person_id = t.person_id WHERE t.day = w.day)""",
    },
    "mailbox_usage_quota_status_mailbox_counts": {
        "send_receive_prohibited": of("mailbox_day", "count(*) FILTER (t.bytes >= t.quota_bytes)"),
        "under_limit + warning_issued + send_prohibited + send_receive_prohibited": of("mailbox_day", "count(*)"),
    },
    "mailbox_usage_storage": {"storage_used_byte": of("mailbox_day", "sum(t.bytes)")},
    "microsoft365_copilot_user_count_trend": {**COPILOT, "prompts_submitted": total("copilot", "prompt")},
    "office365_active_user_counts": {
        "office_365": people("suite"),
        "exchange": people("exchange"),
        "onedrive": people("onedrive"),
        "sharepoint": people("sharepoint"),
        "skype_for_business": people("skype_for_business"),
        "yammer": people("viva_engage"),
        "teams": people("teams"),
    },
    "office365_groups_activity_counts": {"exchange_emails_received": blank(of("group_day", "sum(t.mails)"))},
    "office365_groups_activity_file_counts": {
        "total": of(GROUP_SITES, "sum(t.files)"),
        "active": of(GROUP_SITES, "sum(least(t.active_files, t.files))"),
    },
    "office365_groups_activity_group_counts": {"total": of("group_day", "count(*)")},
    "office365_groups_activity_storage": {"site_storage_used_byte": of(GROUP_SITES, "sum(t.bytes)")},
    "one_drive_activity_file_counts": counted("onedrive", *FILES),
    "one_drive_activity_user_counts": counted("onedrive", *FILES, people_instead=True),
    "one_drive_usage_account_counts": {"site_type": "'All'", "total": enabled("onedrive"), "active": active("onedrive")},
    "one_drive_usage_file_counts": {
        "site_type": "'All'",
        "total": of("account_day", "sum(t.files)"),
        "active": f"{total('onedrive', 'viewed_or_edited')} + {total('onedrive', 'synced')}",
    },
    "one_drive_usage_storage": {"site_type": "'OneDrive'", "storage_used_byte": of("account_day", "sum(t.bytes)")},
    "share_point_activity_file_counts": counted("sharepoint", *FILES),
    "share_point_activity_pages": {"visited_page_count": blank(total("sharepoint", "visited_page"))},
    "share_point_activity_user_counts": counted("sharepoint", "visited_page", *FILES, people_instead=True),
    "share_point_site_usage_file_counts": {
        "site_type": "'All'",
        "total": of("site_day", "sum(t.files)"),
        "active": of("site_day", "sum(least(t.active_files, t.files))"),
    },
    "share_point_site_usage_pages": {"site_type": "'All'", "page_view_count": of("site_day", "sum(t.page_views)")},
    "share_point_site_usage_site_counts": {
        "site_type": "'All'",
        "total": of("site_day", "count(*)"),
        "active": of("site_day", "count(*) FILTER (t.users > 0)"),
    },
    "share_point_site_usage_storage": {"site_type": "'All'", "storage_used_byte": of("site_day", "sum(t.bytes)")},
    # Nobody is in the channels of two teams on one day.
    "teams_team_activity_counts": {
        "active_users": of("group_day", "sum(t.team_users)"),
        "post_messages": of("group_day", "sum(t.posts)"),
        "reply_messages": of("group_day", "sum(t.replies)"),
        "channel_messages": of("group_day", "sum(t.posts + t.replies)"),
    },
    "teams_user_activity_counts": teams_totals(LICENSED),
    "teams_user_activity_total_counts": teams_totals(),
    "teams_user_activity_user_counts": teams_people(LICENSED),
    "teams_user_activity_total_user_counts": teams_people(),
    "yammer_activity_counts": counted("viva_engage", "liked", "posted", "read"),
    "yammer_activity_user_counts": counted("viva_engage", "liked", "posted", "read", people_instead=True),
    # In communities guests count, too.
    "yammer_groups_activity_counts": {
        activity: blank(of("act", f"sum(t.count) FILTER (t.product = 'viva_engage' AND t.activity = '{activity}')"))
        for activity in ("liked", "posted", "read")
    },
}

# ---- one row a window -----------------------------------------------------------------------------------------------

WINDOWS = {
    "forms_user_activity_counts": {
        "forms": blank(total("forms", "created")),
        "authenticated_in_responses": blank(total("forms", "responded")),
    },
    "forms_user_activity_user_counts": {
        "designers": blank(people("forms", "created")),
        "respondents": blank(people("forms", "responded")),
        "total_users": blank(people("forms")),
    },
    "microsoft365_copilot_user_count_summary": {
        **COPILOT,
        "total_prompts_submitted": total("copilot", "prompt"),
        "round(average_prompts_submitted, 2)": f"round({total('copilot', 'prompt')} / nullif({people('copilot', 'prompt')}, 0), 2)",
    },
    "office365_services_user_counts": {
        f"{column}_{state}": active(product) if state == "active" else f"{enabled(product)} - {active(product)}"
        for column, product in {
            "exchange": "exchange",
            "onedrive": "onedrive",
            "sharepoint": "sharepoint",
            "skype_for_business": "skype_for_business",
            "yammer": "viva_engage",
            "teams": "teams",
            "office_365": "suite",
        }.items()
        for state in ("active", "inactive")
    },
    "teams_team_activity_distribution_counts": {
        "post_messages": of("group_day", "sum(t.posts)"),
        "reply_messages": of("group_day", "sum(t.replies)"),
        "channel_messages": of("group_day", "sum(t.posts + t.replies)"),
    },
    "teams_user_activity_distribution_total_user_counts": teams_people(),
    "teams_user_activity_distribution_user_counts": teams_people(LICENSED),
    "teams_user_activity_total_distribution_counts": teams_totals(),
}

# ---- the comparison -------------------------------------------------------------------------------------------------


class Judge:
    def __init__(self, lake, truth, nights):
        self.lake, self.truth, self.db = lake, truth, truth.db
        self.nights = nights

    def windows(self, report):
        """(period, first day, last day) of all that the nights ask for."""
        asked = report.get("night", {})
        nightly = set(asked.get("nightly", []))
        rows = set()
        for today in self.nights:
            # Where a longer period covers the nightly one, the first night asks for that one alone.
            first = set(asked.get("seed", [])) | set(asked.get("weekly", [])) | (set() if asked.get("catch_up") else nightly)
            refresh = today - datetime.timedelta(days=LAG)
            periods = first if today == self.nights[0] else nightly
            rows |= {(n, refresh - datetime.timedelta(days=n - 1), refresh) for n in periods}
            if asked.get("dates"):
                days = [today - datetime.timedelta(days=n) for n in range(LAG, LOOK_BACK + 1)]
                rows |= {(1, day, day) for day in days}
        return sorted(rows)

    def expect(self, rows):
        self.db.execute("CREATE OR REPLACE TABLE w (period BIGINT, first DATE, day DATE)")
        self.db.executemany("INSERT INTO w VALUES (?, ?, ?)", rows)

    def judge(self, table, report):
        """(rows, columns, faults) or None where the truth tells nothing of the table."""
        columns = [column["name"] for column in report["columns"]]
        role = {column.get("role"): column["name"] for column in report["columns"]}
        windows = self.windows(report)
        only = ONLY.get(table, "true")
        if table in PEOPLE or table in PLACES:
            expected, rows = people_detail(table, columns) if table in PEOPLE else PLACES[table](columns)
            self.expect(windows)
            there = {"period": "period::BIGINT", "day": "day::DATE", **{c: c for c in expected if c not in ("period", "day")}}
        elif table in DAYS:
            expected, rows = {role["report-date"]: "w.day", **DAYS[table]}, ""
            days = {first + datetime.timedelta(days=n) for _, first, last in windows for n in range((last - first).days + 1)}
            self.expect([(1, day, day) for day in sorted(days)])
            there = {c: c for c in expected}
        elif table in WINDOWS:
            expected, rows = {role["report-period"]: "w.period", **WINDOWS[table]}, ""
            self.expect(windows)
            there = {c: c for c in expected}
        elif table.startswith(SKYPE) and report["merge"] == "replace":
            return (0, 1, ["it lists somebody"]) if (self.lake / "tables" / table).is_dir() else (0, 1, [])
        elif table.startswith(SKYPE):
            figures = [c["name"] for c in report["columns"] if "role" not in c]
            kept = f"SELECT count(*), count(*) FILTER (coalesce({', '.join(figures)}) IS NOT NULL) FROM {self.source(table)}"
            found, wrong = self.db.execute(kept).fetchone()
            return found, len(figures), [f"{wrong} rows count something"] if wrong or not found else []
        else:
            return None
        if not (self.lake / "tables" / table).is_dir():
            return 0, len(expected), ["there is no such table"]
        # Not in the answer, unless the function is asked with an argument that a night does not give.
        for name in (column["name"] for column in report["columns"] if column.get("requires")):
            expected |= {figure: "NULL" for figure in expected if name in figure}
        want = f"SELECT {', '.join(f'{figure} AS c{i}' for i, figure in enumerate(expected.values()))} FROM w {rows}"
        have = f"SELECT {', '.join(f'{figure} AS c{i}' for i, figure in enumerate(there.values()))} FROM {self.source(table)} WHERE {only}"
        self.db.execute(f"CREATE OR REPLACE TABLE have AS {have}")
        self.db.execute(f"CREATE OR REPLACE TABLE want AS {want}")
        if table in CAPPED:
            self.cap(table, list(expected))
        faults = []
        for what, a, b in (("missing", "want", "have"), ("not true", "have", "want")):
            differ = f"FROM {a} EXCEPT ALL FROM {b}"
            n = self.db.execute(f"SELECT count(*) FROM ({differ})").fetchone()[0]
            if n:
                example = self.db.execute(f"FROM ({differ}) ORDER BY ALL LIMIT 1").fetchone()
                faults.append(f"{n} rows {what}, as " + ", ".join(f"{c} {v}" for c, v in zip(expected, example)))
        return self.db.execute("SELECT count(*) FROM want").fetchone()[0], len(expected), faults

    def source(self, table):
        return f"read_parquet('{self.lake}/tables/{table}/**/*.parquet', hive_partitioning = true)"

    def cap(self, table, names):
        capped, by = CAPPED[table]
        key = [names.index(name) for name in ("period", "day", "owner_principal_name")]
        self.db.execute(f"""
            UPDATE want SET c{names.index(capped)} = least(c{names.index(capped)}, l.{by})
            FROM (SELECT period::BIGINT AS period, day::DATE AS day, owner_principal_name, {by} FROM {self.source(table)}) l
            WHERE want.c{key[0]} = l.period AND want.c{key[1]} = l.day AND want.c{key[2]} = l.owner_principal_name""")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--nights", nargs="+", default=[night.TODAY], metavar="DAY")
    a = parser.parse_args()
    judge = Judge(a.lake, Truth(a.truth), sorted(map(datetime.date.fromisoformat, a.nights)))
    good, bad, untold, unknown = 0, 0, [], []
    for file in sorted(CATALOG.glob("*.toml")):
        report, table = tomllib.loads(file.read_text()), file.stem
        if not report.get("default", True) or not report.get("verified", True):
            continue
        verdict = judge.judge(table, report)
        if verdict is None:
            (untold if table in UNTOLD else unknown).append(table)
            continue
        rows, columns, faults = verdict
        print(f"{'DIFF' if faults else 'ok  '} {table}: {rows} rows, {columns} columns")
        for fault in faults:
            print(f"       {fault}")
        good, bad = good + (not faults), bad + bool(faults)
    for reason in sorted(set(UNTOLD.values())):
        print(f"     not judged, {reason}: {', '.join(t for t in untold if UNTOLD[t] == reason)}")
    for table in unknown:
        print(f"DIFF {table}: neither judged here nor named as untold")
    print(f"{good} tables hold the truth, {bad} do not, {len(untold)} are not judged")
    sys.exit(bool(bad or unknown or not good))


if __name__ == "__main__":
    main()
