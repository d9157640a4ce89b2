#!/usr/bin/env python3
"""Compute from the emulator's truth what the tables of a lake must hold after one night or several, and compare.

usage: truth.py LAKE TRUTH [--nights DAY…]       (night.TODAY by default; less than a week from the first to the last)

Slow and plain on purpose: for each table one SQL statement over the truth says which rows there must be, another reads the
rows that are there, and both must be the same rows, as often. It knows which windows a night asks for from the
catalog (schemas/reports), and nothing else of usagelake; what a report means is written down here once more.

Every column of every table is judged. A line for each table. Exit 1 where a row is missing, wrong or too many, or where a
table or a column of the catalog is not judged."""

import argparse
import datetime
import re
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
# What the emulated organisation is called, and the domain in which its groups have their addresses.
TENANT = "CONTOSO"
GROUP_DOMAIN = "contoso.onmicrosoft.com"

# Columns that JSON has and CSV, in which a night asks, has not.
NOT_IN_CSV = {
    "forms_user_activity_counts": "report_date",
    "forms_user_activity_user_counts": "report_date",
    "teams_team_counts": "report_period",
}

# Skype for Business is licensed and never used: its details list nobody, and its counts count nothing.
SKYPE = "skype_for_business_"

SUITE = "('exchange', 'onedrive', 'sharepoint', 'teams', 'viva_engage', 'skype_for_business')"
# The subscriptions that have all of the suite in them.
SUITE_LICENCES = "('SPE_E5', 'SPE_E3', 'SPE_F1', 'STANDARDPACK')"
# What Microsoft calls the subscriptions.
PRODUCTS = {
    "SPE_E5": "MICROSOFT 365 E5",
    "SPE_E3": "MICROSOFT 365 E3",
    "SPE_F1": "MICROSOFT 365 F3",
    "STANDARDPACK": "OFFICE 365 E1",
    "Microsoft_365_Copilot": "MICROSOFT 365 COPILOT",
    "POWER_BI_PRO": "POWER BI PRO",
    "POWER_BI_STANDARD": "POWER BI (FREE)",
    "PROJECTPROFESSIONAL": "PROJECT PLAN 3",
    "FLOW_FREE": "MICROSOFT POWER AUTOMATE FREE",
}

# {column: what the truth calls it}, of what people work with.
BROWSERS = {"edge": "edge", "edge_legacy": "edge_legacy", "internet_explorer": "ie"}
MAIL_APPS = {
    "mail_for_mac": "mail_for_mac",
    "outlook_for_mac": "outlook_mac",
    "outlook_for_windows": "outlook_windows",
    "outlook_for_mobile": "outlook_mobile",
    "other_for_mobile": "other_mobile",
    "outlook_for_web": "outlook_web",
    "pop3_app": "pop3",
    "imap4_app": "imap4",
    "smtp_app": "smtp",
}
OUTLOOKS = {
    "outlook_m365": "edition m365",
    "outlook_2019": "edition 2019",
    "outlook_2016": "edition 2016",
    "outlook_2013": "edition 2013",
    "outlook_2010": "edition 2010",
    "outlook_2007": "edition 2007",
    "undetermined": "edition undetermined",
}
# What a person's row says of an edition; of clients other than Outlook for Windows the edition is never known.
UNKNOWN_EDITION = "Undetermined"
EDITIONS = {"m365": "ProPlus", "undetermined": UNKNOWN_EDITION}
EDITIONS |= {year: year for year in ("2019", "2016", "2013", "2010", "2007")}
OFFICE_APPS = ("outlook", "word", "excel", "powerpoint", "onenote", "teams")
PLATFORMS = ("windows", "mac", "mobile", "web")
TEAMS_DEVICES = {
    "web": "web",
    "windows_phone": "windows_phone",
    "android_phone": "android",
    "ios": "ios",
    "mac": "mac",
    "windows": "windows",
    "chrome_os": "chrome_os",
    "linux": "linux",
}
VIVA_DEVICES = {
    "web": "web",
    "windows_phone": "windows_phone",
    "android_phone": "android",
    "iphone": "iphone",
    "ipad": "ipad",
    "other": "other",
}
COPILOT_APPS = {
    "microsoft_teams": "teams",
    "word": "word",
    "powerpoint": "powerpoint",
    "outlook": "outlook",
    "excel": "excel",
    "onenote": "onenote",
    "loop": "loop",
    "copilot_chat": "chat",
}


class Truth:
    """The truth's files as tables, and the pieces of SQL that ask them."""

    FILES = (
        "person_day", "licence", "act", "time_day", "teams_day", "form_day", "client_day", "mailbox_day", "account",
        "account_day", "activation_day", "site_day", "group_day",
    )  # fmt: skip

    def __init__(self, folder):
        self.db = duckdb.connect()
        for name in self.FILES:
            self.db.execute(f"CREATE TABLE {name} AS FROM read_csv('{folder}/{name}.csv', sample_size = -1, nullstr = '')")
        names = ", ".join(f"'{part}': '{name}'" for part, name in PRODUCTS.items())
        self.db.execute(f"""
            -- Reports show members only. One who has been deleted is judged by the licences of the last day.
            CREATE TABLE person AS
            SELECT day, person_id, upn, display_name, is_deleted, deleted_date, coalesce(skus, '') AS skus,
                   list_sort(list_transform(string_split(skus, '+'), lambda sku: MAP {{{names}}}[sku])) AS products,
                   string_split(coalesce(last_value(CASE WHEN NOT is_deleted THEN coalesce(enabled, '') END IGNORE NULLS)
                                         OVER (PARTITION BY person_id ORDER BY day), ''), '+') AS enabled
            FROM person_day WHERE user_type = 'Member';
            CREATE TABLE licensed AS SELECT DISTINCT person_id FROM person WHERE skus <> '';
            CREATE TABLE member AS SELECT DISTINCT person_id FROM person;
            CREATE TABLE member_act AS SELECT * FROM act SEMI JOIN member USING (person_id);
            CREATE TABLE used AS SELECT DISTINCT day, person_id, product FROM member_act;
            INSERT INTO used SELECT DISTINCT day, person_id, 'suite' FROM used WHERE product IN {SUITE};

            -- An Office app on a platform is both the app and the platform.
            CREATE TABLE client AS
            SELECT DISTINCT day, person_id, product, unnest(CASE WHEN product = 'microsoft365_apps'
                       THEN [name, split_part(name, '_', 1), split_part(name, '_', 2)] ELSE [name] END) AS client
            FROM (SELECT *, unnest(string_split(clients, '+')) AS name FROM client_day) SEMI JOIN member USING (person_id)
            UNION ALL SELECT day, person_id, product, 'edition ' || outlook FROM client_day SEMI JOIN member USING (person_id)
            WHERE outlook IS NOT NULL;

            -- From when to when somebody had the suite without a gap; `until` is the first day without.
            CREATE TABLE suite_licence AS
            WITH held AS (SELECT person_id, "from", coalesce("until", DATE '9999-01-01') AS "until" FROM licence
                          WHERE sku_part_number IN {SUITE_LICENCES}),
                 begun AS (SELECT *, "from" > coalesce(max("until") OVER (PARTITION BY person_id ORDER BY "from", "until"
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), DATE '0001-01-01') AS anew FROM held),
                 spell AS (SELECT *, sum(anew::INT) OVER (PARTITION BY person_id ORDER BY "from", "until") AS n FROM begun)
            SELECT person_id, min("from") AS since, max("until") AS "until" FROM spell GROUP BY person_id, n;

            -- Who was in whose channels.
            CREATE TABLE talk AS
            SELECT *, person_id NOT IN (FROM member) AS guest FROM teams_day WHERE group_id IS NOT NULL;
            CREATE TABLE member_teams AS SELECT * FROM teams_day SEMI JOIN member USING (person_id);
            CREATE TABLE member_time AS SELECT * FROM time_day SEMI JOIN member USING (person_id);
            CREATE TABLE member_form AS SELECT * FROM form_day SEMI JOIN member USING (person_id);

            -- A group with its site, on which days anything happened in it, and in how many.
            CREATE TABLE grouped AS
            SELECT g.*, s.files, s.bytes, least(s.active_files, s.files) AS active_files,
                   g.posted + g.read + g.liked > 0 AS talked, s.users > 0 OR g.mails > 0 OR talked AS active,
                   EXISTS (SELECT 1 FROM talk t WHERE t.day = g.day AND t.group_id = g.group_id) AS team_active
            FROM group_day g LEFT JOIN site_day s ON s.day = g.day AND s.group_id = g.group_id;
        """)

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
    def people_with(product, client, people=""):
        return f"""(SELECT count(DISTINCT a.person_id) FROM client a WHERE a.product = '{product}'
            AND a.client = '{client}' AND a.day BETWEEN w.first AND w.day {people})"""

    @staticmethod
    def enabled(product):
        which = f"list_contains(p.enabled, '{product}')" if product != "suite" else f"list_has_any(p.enabled, [{SUITE[1:-1]}])"
        return f"(SELECT count(*) FROM person p WHERE p.day = w.day AND NOT p.is_deleted AND {which})"

    @classmethod
    def active(cls, product):
        used = f"SELECT a.person_id FROM used a WHERE a.product = '{product}' AND a.day BETWEEN w.first AND w.day"
        return f"{cls.enabled(product)[:-1]} AND p.person_id IN ({used}))"

    @staticmethod
    def of(table, figure, where=""):
        return f"(SELECT coalesce({figure}, 0) FROM {table} a WHERE a.day BETWEEN w.first AND w.day {where})"


LICENSED = "AND a.person_id IN (SELECT person_id FROM licensed)"
total, people, people_with, enabled, active, of = (
    Truth.total, Truth.people, Truth.people_with, Truth.enabled, Truth.active, Truth.of,
)  # fmt: skip


def blank(figure):
    """Graph leaves the cell blank where nothing was counted."""
    return f"nullif({figure}, 0)"


def gathered(alias, table, figures, where="true"):
    """Joins to each person `p` of a window `w` what `figures` make of their rows of a table in it."""
    return f"""LEFT JOIN (SELECT v.period AS of_period, v.day AS of_day, a.person_id, {figures} FROM w v
            JOIN {table} a ON a.day BETWEEN v.first AND v.day WHERE {where} GROUP BY ALL) {alias}
        ON {alias}.of_period = w.period AND {alias}.of_day = w.day AND {alias}.person_id = p.person_id"""


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
# What each product of the suite is called in the columns of a table that has several for each.
SUITE_COLUMNS = {
    "exchange": "exchange",
    "onedrive": "onedrive",
    "sharepoint": "sharepoint",
    "skype_for_business": "skype_for_business",
    "yammer": "viva_engage",
    "teams": "teams",
}
# With what a person used the product: {column: client}.
PEOPLE_WITH = {
    "browser_user_detail": BROWSERS,
    "email_app_usage_user_detail": MAIL_APPS,
    "m365_app_user_detail": {
        name: name for name in (*OFFICE_APPS, *PLATFORMS, *(f"{app}_{on}" for app in OFFICE_APPS for on in PLATFORMS))
    },
    "teams_device_usage_user_detail": {f"used_{name}": client for name, client in TEAMS_DEVICES.items()},
    "yammer_device_usage_user_detail": {f"used_{name}{'s' * (name == 'other')}": client for name, client in VIVA_DEVICES.items()},
}
# {column: what it adds up over the days of `member_teams`}.
MEETINGS = {
    "ad_hoc_meetings_organized_count": "ad_hoc_organized",
    "ad_hoc_meetings_attended_count": "ad_hoc_attended",
    "scheduled_one_time_meetings_organized_count": "one_time_organized",
    "scheduled_one_time_meetings_attended_count": "one_time_attended",
    "scheduled_recurring_meetings_organized_count": "recurring_organized",
    "scheduled_recurring_meetings_attended_count": "recurring_attended",
}
ORGANIZED = "ad_hoc_organized + a.one_time_organized + a.recurring_organized"
ATTENDED = "ad_hoc_attended + a.one_time_attended + a.recurring_attended"


def since(as_of):
    """Since when a person has had the suite, as of a day."""
    return f"(SELECT s.since FROM suite_licence s WHERE s.person_id = p.person_id AND {as_of} >= s.since AND {as_of} < s.until)"


LICENSED_SINCE = f"CASE WHEN NOT p.is_deleted THEN {since('w.day')} END"
# Columns about the person that not every table has: what is there, and what must be. The order of products says nothing.
PERSON_COLUMNS = {
    "user_id": ("user_id", "p.person_id"),
    "display_name": ("display_name", "p.display_name"),
    "is_deleted": ("is_deleted", "p.is_deleted"),
    "deleted_date": ("deleted_date", "p.deleted_date"),
    "assigned_products": ("list_sort(string_split(assigned_products, '+'))", "p.products"),
    "tenant_display_name": ("tenant_display_name", f"'{TENANT}'"),
    "user_state": ("user_state", "CASE WHEN p.is_deleted THEN 'Deleted' ELSE 'Active' END"),
    "state_change_date": ("state_change_date", f"coalesce(p.deleted_date, {LICENSED_SINCE})"),
    "is_licensed": ("is_licensed", "NOT p.is_deleted AND list_contains(p.enabled, 'teams')"),
    # Nobody takes part in channels of other organisations.
    "shared_channel_tenant_display_names": ("shared_channel_tenant_display_names", "NULL"),
}


def last_use(product):
    return f"(SELECT max(a.day) FROM used a WHERE a.product = '{product}' AND a.person_id = p.person_id AND a.day <= w.day)"


def used_on_day(product):
    return f"EXISTS (SELECT 1 FROM used a WHERE a.product = '{product}' AND a.person_id = p.person_id AND a.day = w.day)"


def people_detail(table, columns):
    product, whom, acts = PEOPLE[table]
    expected = {"user_principal_name": "p.upn"}
    expected |= {there: source for name, (there, source) in PERSON_COLUMNS.items() if name in columns}
    if "last_activity_date" in columns:
        expected["last_activity_date"] = last_use(product)
    joins = []
    if acts:
        names = {name: f"coalesce(sum(a.count) FILTER (a.activity = '{activity}'), 0)" for name, activity in acts.items()}
        figures = ", ".join(f"{figure} AS {name}" for name, figure in names.items())
        joins.append(gathered("done", "member_act", figures, f"a.product = '{product}'"))
        expected |= {name: f"coalesce(done.{name}, 0)" for name in names}
    if table in PEOPLE_WITH:
        joins.append(gathered("had", "client", "list_sort(list(DISTINCT a.client)) AS clients", f"a.product = '{product}'"))
        for name, client in PEOPLE_WITH[table].items():
            expected[name] = f"coalesce(list_contains(had.clients, '{client}'), false)"
    if table == "email_activity_user_detail":
        joins.append(gathered("mail", "mailbox_day", "sum(a.received) AS received"))
        expected["receive_count"] = "coalesce(mail.received, 0)"
    elif table == "email_app_usage_user_detail":
        expected |= {name: f"CASE WHEN {expected[name]} THEN '{UNKNOWN_EDITION}' END" for name in MAIL_APPS}
        names = ", ".join(f"'edition {edition}': '{name}'" for edition, name in EDITIONS.items())
        editions = "list_filter(had.clients, lambda c: starts_with(c, 'edition '))"
        named = f"array_to_string(list_transform({editions}, lambda c: MAP {{{names}}}[c]), '+')"
        expected["outlook_for_windows"] = f"nullif({named}, '')"
    elif table == "m365_app_user_detail":
        expected["last_activation_date"] = """(SELECT a.last_activated FROM activation_day a
            WHERE a.day = w.day AND a.person_id = p.person_id AND a.product_type LIKE 'MICROSOFT 365 APPS %')"""
    elif table == "microsoft365_copilot_usage_user_detail":
        for name, app in COPILOT_APPS.items():
            column = {"microsoft_teams": "microsoft_teams_copilot", "copilot_chat": "copilot_chat"}.get(name, f"{name}_copilot")
            expected[f"{column}_last_activity_date"] = f"""(SELECT max(a.day) FROM client a WHERE a.product = 'copilot'
                AND a.client = '{app}' AND a.person_id = p.person_id AND a.day <= w.day)"""
    elif table == "office365_active_user_detail":
        for name, of_product in SUITE_COLUMNS.items():
            expected[f"has_{name}_license"] = f"NOT p.is_deleted AND list_contains(p.enabled, '{of_product}')"
            expected[f"{name}_license_assign_date"] = LICENSED_SINCE
            expected[f"{name}_last_activity_date"] = last_use(of_product)
    elif table == "teams_user_activity_user_detail":
        sums = {**MEETINGS, "post_messages": "posts", "reply_messages": "replies", "urgent_messages": "urgent"}
        sums |= {"meetings_organized_count": ORGANIZED, "meetings_attended_count": ATTENDED}
        joins.append(gathered("parts", "member_teams", ", ".join(f"sum(a.{figure}) AS {name}" for name, figure in sums.items())))
        expected |= {name: f"coalesce(parts.{name}, 0)" for name in sums}
        times = {"audio": "audio", "video": "video", "screen_share": "screen"}
        joins.append(gathered("time", "time_day", ", ".join(f"sum(a.{kind}) AS {kind}" for kind in times.values())))
        for name, kind in times.items():
            expected |= {f"{name}_duration{unit}": f"coalesce(time.{kind}, 0)" for unit in ("", "_in_seconds")}
        joins.append(gathered("other", "member_act", "count(*) AS n", "a.product = 'teams' AND a.activity = 'other'"))
        expected["has_other_action"] = "other.n IS NOT NULL"
    listed = "true" if whom == "all" else f"list_contains(p.enabled, '{product}')"
    # Asked for one day, Graph lists those who were active on it.
    rows = f"JOIN person p ON p.day = w.day {' '.join(joins)} WHERE {listed} AND (w.period <> 1 OR {used_on_day(product)})"
    return expected, rows


# A person's belongings: those of the day, or of their last day where they have been deleted.
KEPT = "{0} m ON m.person_id = p.person_id AND m.day = CASE WHEN p.is_deleted THEN p.deleted_date - 1 ELSE w.day END"


def mailbox_detail(columns):
    expected = {
        "user_principal_name": "p.upn",
        "display_name": "p.display_name",
        "is_deleted": "p.is_deleted",
        "deleted_date": "p.deleted_date",
        # A mailbox comes with the licence.
        "created_date": since("CASE WHEN p.is_deleted THEN p.deleted_date - 1 ELSE w.day END"),
        "last_activity_date": last_use("exchange"),
        "item_count": "m.items",
        "storage_used_byte": "m.bytes",
        "issue_warning_quota_byte": "m.warn_bytes",
        "prohibit_send_quota_byte": "m.stop_sending_bytes",
        "prohibit_send_receive_quota_byte": "m.quota_bytes",
        "deleted_item_count": "m.deleted_items",
        "deleted_item_size_byte": "m.deleted_bytes",
        "deleted_item_quota_byte": "m.deleted_quota_bytes",
        "has_archive": "m.archive",
    }
    return expected, f"JOIN person p ON p.day = w.day JOIN {KEPT.format('mailbox_day')}"


def account_detail(columns):
    expected = {
        "owner_principal_name": "p.upn",
        "owner_display_name": "p.display_name",
        "is_deleted": "p.is_deleted",
        "last_activity_date": last_use("onedrive"),
        "file_count": "m.files",
        # Not more files than there are.
        "active_file_count": """least(m.files, (SELECT coalesce(sum(a.count), 0) FROM member_act a
            WHERE a.product = 'onedrive' AND a.activity IN ('viewed_or_edited', 'synced')
            AND a.person_id = p.person_id AND a.day BETWEEN w.first AND w.day))""",
        "storage_used_byte": "m.bytes",
        "storage_allocated_byte": "m.quota_bytes",
        "site_id": "(SELECT a.site_id FROM account a WHERE a.person_id = p.person_id)",
        # Graph leaves addresses blank.
        "site_url": "NULL",
    }
    listed = f"WHERE w.period <> 1 OR {used_on_day('onedrive')}"
    return expected, f"JOIN person p ON p.day = w.day JOIN {KEPT.format('account_day')} {listed}"


def activation_detail(columns):
    expected = {
        "user_principal_name": "p.upn",
        "display_name": "p.display_name",
        "product_type": "t.product_type",
        "last_activated_date": "t.last_activated",
        "windows": "t.windows",
        "mac": "t.mac",
        # Nobody has one.
        "windows_10_mobile": "0",
        "ios": "t.ios",
        "android": "t.android",
        "activated_on_shared_computer": "t.shared",
    }
    return expected, "JOIN activation_day t ON t.day = w.day JOIN person p ON p.day = t.day AND p.person_id = t.person_id"


# ---- one row a place ------------------------------------------------------------------------------------------------

# Days for which what has been deleted is shown.
DELETED_SHOWN = 30


def places(table, key, active, where="true", deleted=True):
    """The last row `t` of each place up to the day; where it is older the place has been deleted, and is shown for a while."""
    age = DELETED_SHOWN if deleted else 0
    return f"""JOIN (SELECT *, max(day) OVER (PARTITION BY {key}) AS last_day FROM {table} a WHERE {where}) t
        ON t.day = least(w.day, t.last_day) AND w.day - t.day <= {age} WHERE w.period <> 1 OR (t.day = w.day AND {active})"""


def in_window(table, key, figure):
    return f"(SELECT coalesce({figure}, 0) FROM {table} a WHERE a.{key} = t.{key} AND a.day BETWEEN w.first AND w.day)"


def last_active(table, key, active):
    return f"(SELECT max(a.day) FROM {table} a WHERE a.{key} = t.{key} AND a.day <= w.day AND {active})"


def owner(column):
    return f"(SELECT max_by(p.{column}, p.day) FROM person p WHERE p.person_id = t.owner_id AND p.day <= w.day)"


DELETED = "t.day < w.day"
TYPE = "CASE t.visibility WHEN 'private' THEN 'Private' WHEN 'public' THEN 'Public' END"


def site_detail(columns):
    expected = {
        "site_id": "t.site_id",
        # Graph leaves addresses blank.
        "site_url": "NULL",
        # A group owns its site: its owners by name, its address as the principal.
        "owner_display_name": f"CASE WHEN t.group_id IS NULL THEN {owner('display_name')} ELSE t.name || ' Owners' END",
        "owner_principal_name": f"""CASE WHEN t.group_id IS NULL THEN {owner('upn')}
            ELSE regexp_replace(lower(t.name), '[^a-z0-9]', '', 'g') || '@{GROUP_DOMAIN}' END""",
        "is_deleted": DELETED,
        "last_activity_date": last_active("site_day", "site_id", "a.users > 0"),
        "file_count": "t.files",
        "active_file_count": f"least(t.files, {in_window('site_day', 'site_id', 'sum(a.active_files)')})",
        "page_view_count": in_window("site_day", "site_id", "sum(a.page_views)"),
        "visited_page_count": in_window("site_day", "site_id", "sum(a.visited_pages)"),
        "storage_used_byte": "t.bytes",
        "storage_allocated_byte": "t.quota_bytes",
        "root_web_template": "t.template",
    }
    return expected, places("site_day", "site_id", "t.users > 0")


def group_detail(columns):
    expected = {
        "group_id": "t.group_id",
        "group_display_name": "t.name",
        "is_deleted": DELETED,
        "owner_principal_name": owner("upn"),
        "last_activity_date": last_active("grouped", "group_id", "a.active"),
        "group_type": TYPE,
        # Who was in a group that has been deleted belongs to it no more.
        "member_count": f"CASE WHEN {DELETED} THEN 0 ELSE t.members END",
        "guest_count": f"CASE WHEN {DELETED} THEN 0 ELSE t.guests END",
        "exchange_received_email_count": in_window("grouped", "group_id", "sum(a.mails)"),
        "sharepoint_active_file_count": f"least(t.files, {in_window('site_day', 'group_id', 'sum(a.active_files)')})",
        "yammer_posted_message_count": in_window("grouped", "group_id", "sum(a.posted)"),
        "yammer_read_message_count": in_window("grouped", "group_id", "sum(a.read)"),
        "yammer_liked_message_count": in_window("grouped", "group_id", "sum(a.liked)"),
        "exchange_mailbox_total_item_count": "t.mailbox_items",
        "exchange_mailbox_storage_used_byte": "t.mailbox_bytes",
        "sharepoint_total_file_count": "t.files",
        "sharepoint_site_storage_used_byte": "t.bytes",
    }
    return expected, places("grouped", "group_id", "t.active")


def community_detail(columns):
    expected = {
        "group_display_name": "t.name",
        "is_deleted": DELETED,
        "owner_principal_name": owner("upn"),
        "last_activity_date": last_active("grouped", "group_id", "a.talked"),
        "group_type": TYPE,
        # Every community has its group.
        "office_365_connected": "true",
        "member_count": "t.members",
        "posted_count": in_window("grouped", "group_id", "sum(a.posted)"),
        "read_count": in_window("grouped", "group_id", "sum(a.read)"),
        "liked_count": in_window("grouped", "group_id", "sum(a.liked)"),
        "network_display_name": f"'{TENANT}'",
    }
    return expected, places("grouped", "group_id", "t.talked", "a.community")


# What is counted in the channels of a team, or of all teams: {column: figure of the days of `talk`}.
TALK = {
    "active_users": "count(DISTINCT a.person_id) FILTER (NOT a.guest)",
    "guests": "count(DISTINCT a.person_id) FILTER (a.guest)",
    "active_channels": "count(DISTINCT (a.group_id, a.channel))",
    "reactions": "sum(a.reactions)",
    "meetings_organized": "sum(a.channel_meetings)",
    "post_messages": "sum(a.posts)",
    "reply_messages": "sum(a.replies)",
    "channel_messages": "sum(a.posts + a.replies)",
    "urgent_messages": "sum(a.channel_urgent)",
    "mentions": "sum(a.mentions)",
}
# No channel is shared with another organisation.
UNSHARED = {"active_shared_channels": "0", "active_external_users": "0"}


def team_detail(columns):
    expected = {
        "team_id": "t.group_id",
        "team_name": "t.name",
        "team_type": TYPE,
        "last_activity_date": last_active("talk", "group_id", "true"),
        **{name: in_window("talk", "group_id", figure) for name, figure in TALK.items()},
        **UNSHARED,
    }
    return expected, places("grouped", "group_id", "t.team_active", "a.team", deleted=False)


PLACES = {
    "mailbox_usage_detail": mailbox_detail,
    "one_drive_usage_account_detail": account_detail,
    "office365_activations_user_detail": activation_detail,
    "share_point_site_usage_detail": site_detail,
    "office365_groups_activity_detail": group_detail,
    "teams_team_activity_detail": team_detail,
    "yammer_groups_activity_detail": community_detail,
}

# ---- one row a day --------------------------------------------------------------------------------------------------


def counted(product, *activities, people_instead=False, who="", blanks=True):
    """{column: figure} where a column is called like its activity."""
    measure = people if people_instead else total
    figures = {activity: measure(product, activity, who) for activity in activities}
    return {name: blank(figure) if blanks else figure for name, figure in figures.items()}


def counted_with(product, clients, who="", blanks=True):
    """{column: how many people used the product with a client}."""
    figures = {name: people_with(product, client, who) for name, client in clients.items()}
    return {name: blank(figure) if blanks else figure for name, figure in figures.items()}


def teams_totals(who=""):
    return {
        "team_chat_messages": total("teams", "team_chat", who),
        "private_chat_messages": total("teams", "private_chat", who),
        "calls": total("teams", "call", who),
        "meetings": total("teams", "meeting", who),
        "post_messages": of("member_teams", "sum(a.posts)", who),
        "reply_messages": of("member_teams", "sum(a.replies)", who),
        "meetings_organized": of("member_teams", f"sum(a.{ORGANIZED})", who),
        "meetings_attended": of("member_teams", f"sum(a.{ATTENDED})", who),
        "audio_duration": blank(of("member_time", "sum(a.audio)", who)),
        "video_duration": blank(of("member_time", "sum(a.video)", who)),
        "screen_share_duration": blank(of("member_time", "sum(a.screen)", who)),
    }


def teams_people(who=""):
    return {
        "team_chat_messages": people("teams", "team_chat", who),
        "private_chat_messages": people("teams", "private_chat", who),
        "calls": people("teams", "call", who),
        "meetings": people("teams", "meeting", who),
    }


def teams_people_of_a_day(who=""):
    return {**teams_people(who), "other_actions": people("teams", "other", who)}


COPILOT = {f"{app}_enabled_users": enabled("copilot") for app in ("any_app", *COPILOT_APPS)}
COPILOT |= {f"{name}_active_users": people_with("copilot", app) for name, app in COPILOT_APPS.items()}
COPILOT |= {"any_app_active_users": people("copilot")}
FILES = ("viewed_or_edited", "synced", "shared_internally", "shared_externally")
MAIL = ("send", "read", "meeting_created", "meeting_interacted")

DAYS = {
    "browser_user_counts": counted_with("browser", BROWSERS),
    "email_activity_counts": {
        **counted("exchange", *MAIL),
        "receive": blank(of("mailbox_day", "sum(a.received)")),
    },
    "email_activity_user_counts": {
        **counted("exchange", *MAIL, people_instead=True),
        "receive": blank(of("mailbox_day", "count(*) FILTER (a.received > 0)")),
    },
    "email_app_usage_user_counts": counted_with("exchange", MAIL_APPS),
    "m365_app_platform_user_counts": counted_with("microsoft365_apps", {name: name for name in PLATFORMS}, blanks=False),
    "m365_app_user_counts": counted_with("microsoft365_apps", {name: name for name in OFFICE_APPS}, blanks=False),
    "mailbox_usage_mailbox_counts": {
        "total": of("mailbox_day", "count(*)"),
        "active": """(SELECT count(*) FROM mailbox_day t JOIN used a ON a.product = 'exchange' AND a.day = t.day
            AND a.person_id = t.person_id WHERE t.day = w.day)""",
    },
    "mailbox_usage_quota_status_mailbox_counts": {
        "under_limit": of("mailbox_day", "count(*) FILTER (a.bytes < a.warn_bytes)"),
        "warning_issued": of("mailbox_day", "count(*) FILTER (a.bytes >= a.warn_bytes AND a.bytes < a.stop_sending_bytes)"),
        "send_prohibited": of("mailbox_day", "count(*) FILTER (a.bytes >= a.stop_sending_bytes AND a.bytes < a.quota_bytes)"),
        "send_receive_prohibited": of("mailbox_day", "count(*) FILTER (a.bytes >= a.quota_bytes)"),
        "indeterminate": "0",
    },
    "mailbox_usage_storage": {"storage_used_byte": of("mailbox_day", "sum(a.bytes)")},
    "microsoft365_copilot_user_count_trend": {**COPILOT, "prompts_submitted": total("copilot", "prompt")},
    "office365_active_user_counts": {
        "office_365": people("suite"),
        **{column: people(product) for column, product in SUITE_COLUMNS.items()},
    },
    "office365_groups_activity_counts": {
        "exchange_emails_received": blank(of("grouped", "sum(a.mails)")),
        "yammer_messages_posted": blank(of("grouped", "sum(a.posted)")),
        "yammer_messages_read": blank(of("grouped", "sum(a.read)")),
        "yammer_messages_liked": blank(of("grouped", "sum(a.liked)")),
    },
    "office365_groups_activity_file_counts": {
        "total": of("grouped", "sum(a.files)"),
        "active": of("grouped", "sum(a.active_files)"),
    },
    "office365_groups_activity_group_counts": {
        "total": of("grouped", "count(*)"),
        "active": of("grouped", "count(*) FILTER (a.active)"),
    },
    "office365_groups_activity_storage": {
        "mailbox_storage_used_byte": of("grouped", "sum(a.mailbox_bytes)"),
        "site_storage_used_byte": of("grouped", "sum(a.bytes)"),
    },
    "one_drive_activity_file_counts": counted("onedrive", *FILES),
    "one_drive_activity_user_counts": counted("onedrive", *FILES, people_instead=True),
    "one_drive_usage_account_counts": {"site_type": "'All'", "total": enabled("onedrive"), "active": active("onedrive")},
    "one_drive_usage_file_counts": {
        "site_type": "'All'",
        "total": of("account_day", "sum(a.files)"),
        "active": f"{total('onedrive', 'viewed_or_edited')} + {total('onedrive', 'synced')}",
    },
    "one_drive_usage_storage": {"site_type": "'OneDrive'", "storage_used_byte": of("account_day", "sum(a.bytes)")},
    "share_point_activity_file_counts": counted("sharepoint", *FILES),
    "share_point_activity_pages": {"visited_page_count": blank(total("sharepoint", "visited_page"))},
    "share_point_activity_user_counts": counted("sharepoint", "visited_page", *FILES, people_instead=True),
    "share_point_site_usage_file_counts": {
        "site_type": "'All'",
        "total": of("site_day", "sum(a.files)"),
        "active": of("site_day", "sum(least(a.active_files, a.files))"),
    },
    "share_point_site_usage_pages": {"site_type": "'All'", "page_view_count": of("site_day", "sum(a.page_views)")},
    "share_point_site_usage_site_counts": {
        "site_type": "'All'",
        "total": of("site_day", "count(*)"),
        "active": of("site_day", "count(*) FILTER (a.users > 0)"),
    },
    "share_point_site_usage_storage": {"site_type": "'All'", "storage_used_byte": of("site_day", "sum(a.bytes)")},
    "teams_device_usage_total_user_counts": counted_with("teams", TEAMS_DEVICES, blanks=False),
    "teams_device_usage_user_counts": counted_with("teams", TEAMS_DEVICES, LICENSED, blanks=False),
    "teams_team_activity_counts": {**{name: of("talk", figure) for name, figure in TALK.items()}, **UNSHARED},
    "teams_team_counts": {
        f"{active}{visibility}_teams": of("grouped", f"count(*) FILTER (a.team AND a.visibility = '{visibility}' {which})")
        for visibility in ("public", "private")
        for active, which in {"": "", "active_": "AND a.team_active"}.items()
    },
    "teams_user_activity_counts": teams_totals(LICENSED),
    "teams_user_activity_total_counts": teams_totals(),
    "teams_user_activity_user_counts": teams_people_of_a_day(LICENSED),
    "teams_user_activity_total_user_counts": teams_people_of_a_day(),
    "yammer_activity_counts": counted("viva_engage", "liked", "posted", "read"),
    "yammer_activity_user_counts": counted("viva_engage", "liked", "posted", "read", people_instead=True),
    "yammer_device_usage_user_counts": counted_with("viva_engage", VIVA_DEVICES),
    # In communities guests count, too.
    "yammer_groups_activity_counts": {
        activity: blank(of("act", f"sum(a.count) FILTER (a.product = 'viva_engage' AND a.activity = '{activity}')"))
        for activity in ("liked", "posted", "read")
    },
    "yammer_groups_activity_group_counts": {
        "total": of("grouped", "count(*) FILTER (a.community)"),
        "active": of("grouped", "count(*) FILTER (a.community AND a.talked)"),
    },
}

# ---- one row a window -----------------------------------------------------------------------------------------------

WINDOWS = {
    "browser_distribution_user_counts": counted_with("browser", BROWSERS),
    "email_app_usage_apps_user_counts": counted_with("exchange", MAIL_APPS),
    "email_app_usage_versions_user_counts": counted_with("exchange", OUTLOOKS),
    "forms_user_activity_counts": {
        "forms": blank(total("forms", "created")),
        "authenticated_in_responses": blank(total("forms", "responded")),
        "anonymous_responses": blank(of("member_form", "sum(a.anonymous)")),
    },
    "forms_user_activity_user_counts": {
        "designers": blank(people("forms", "created")),
        "respondents": blank(people("forms", "responded")),
        "total_users": blank(people("forms")),
    },
    "microsoft365_copilot_user_count_summary": {
        **COPILOT,
        "total_prompts_submitted": total("copilot", "prompt"),
        "round(average_prompts_submitted, 2)": f"""round({total('copilot', 'prompt')}
            / nullif({people('copilot', 'prompt')}, 0), 2)""",
    },
    "office365_services_user_counts": {
        f"{column}_{state}": active(product) if state == "active" else f"{enabled(product)} - {active(product)}"
        for column, product in {**SUITE_COLUMNS, "office_365": "suite"}.items()
        for state in ("active", "inactive")
    },
    "teams_device_usage_distribution_total_user_counts": counted_with("teams", TEAMS_DEVICES, blanks=False),
    "teams_device_usage_distribution_user_counts": counted_with("teams", TEAMS_DEVICES, LICENSED, blanks=False),
    "teams_team_activity_distribution_counts": {**{name: of("talk", figure) for name, figure in TALK.items()}, **UNSHARED},
    "teams_user_activity_distribution_total_user_counts": teams_people(),
    "teams_user_activity_distribution_user_counts": teams_people(LICENSED),
    "teams_user_activity_total_distribution_counts": teams_totals(),
    "yammer_device_usage_distribution_user_counts": counted_with("viva_engage", VIVA_DEVICES),
}

# ---- one row an Office product --------------------------------------------------------------------------------------

def of_product(figure):
    return f"(SELECT coalesce({figure}, 0) FROM activation_day a WHERE a.day = w.day AND a.product_type = t.product_type)"


OFFICE_PRODUCTS = {
    "office365_activation_counts": {
        **{name: of_product(f"sum(a.{name})") for name in ("windows", "mac", "android", "ios")},
        # Nobody has one.
        "windows_10_mobile": "0",
    },
    "office365_activations_user_counts": {
        "assigned": of_product("count(*)"),
        "activated": of_product("count(*) FILTER (a.windows + a.mac + a.android + a.ios > 0)"),
        "shared_computer_activation": of_product("count(*) FILTER (a.shared)"),
    },
}
# Also one of which nobody has a seat on the day.
EACH_PRODUCT = "CROSS JOIN (SELECT DISTINCT product_type FROM activation_day) t"


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
            if asked.get("present"):
                rows.add((0, refresh, refresh))
            if asked.get("dates"):
                days = [today - datetime.timedelta(days=n) for n in range(LAG, LOOK_BACK + 1)]
                rows |= {(1, day, day) for day in days}
        return sorted(rows)

    def expect(self, rows):
        self.db.execute("CREATE OR REPLACE TABLE w (period BIGINT, first DATE, day DATE, refresh DATE)")
        self.db.executemany("INSERT INTO w VALUES (?, ?, ?, ?)", rows)

    def expect_days(self, windows):
        """A day is as the latest answer has it; of two as late, as the longer."""
        days = {}
        for period, first, refresh in windows:
            for n in range((refresh - first).days + 1):
                day = first + datetime.timedelta(days=n)
                days[day] = max(days.get(day, (refresh, period)), (refresh, period))
        self.expect([(period, day, day, refresh) for day, (refresh, period) in sorted(days.items())])

    def wanted(self, table, report):
        """{expression over the lake's columns: expression over the truth}, and the rows that are joined to `w`."""
        columns = [column["name"] for column in report["columns"]]
        role = {column["role"]: column["name"] for column in report["columns"] if "role" in column}
        windows = self.windows(report)
        expected, rows = {role["refresh-date"]: "w.refresh", "unknown_columns": "NULL"}, ""
        if "report-period" in role:
            expected[role["report-period"]] = "w.period"
        if report["merge"] == "by-report-date":
            self.expect_days(windows)
            expected[role["report-date"]] = "w.day"
        else:
            self.expect([(period, first, day, day) for period, first, day in windows])
        if report["merge"] == "replace":
            expected |= {"period::BIGINT": "w.period", "day::DATE": "w.day"}
        if table in PEOPLE:
            more, rows = people_detail(table, columns)
        elif table in PLACES:
            more, rows = PLACES[table](columns)
        elif table in OFFICE_PRODUCTS:
            more, rows = {"product_type": "t.product_type", **OFFICE_PRODUCTS[table]}, EACH_PRODUCT
        elif table.startswith(SKYPE) and report["merge"] != "replace":
            more = {column["name"]: "NULL" for column in report["columns"] if "role" not in column}
        else:
            more = DAYS.get(table) or WINDOWS.get(table)
        if more is None:
            return None
        expected |= more
        # Not in the answer: what needs an argument that a night does not give, what only beta has, what only JSON has.
        stable = "v1.0" in report["versions"]
        for column in report["columns"]:
            beta = stable and "v1.0" not in column.get("versions", ["v1.0"])
            if column.get("requires") or beta or NOT_IN_CSV.get(table) == column["name"]:
                expected = {name: source for name, source in expected.items() if column["name"] not in words(name)}
                expected[column["name"]] = "NULL"
        return expected, rows

    def judge(self, table, report):
        """(rows, columns, faults) or None where nothing is known of the table."""
        there = (self.lake / "tables" / table).is_dir()
        if table.startswith(SKYPE) and report["merge"] == "replace":
            return 0, len(report["columns"]), ["it lists somebody"] if there else []
        wanted = self.wanted(table, report)
        if wanted is None:
            return None
        expected, rows = wanted
        judged = set().union(*map(words, expected))
        faults = [f"{column['name']} is not judged" for column in report["columns"] if column["name"] not in judged]
        if not there:
            return 0, len(expected), ["there is no such table"]
        want = f"SELECT {', '.join(f'{figure} AS c{i}' for i, figure in enumerate(expected.values()))} FROM w {rows}"
        have = f"SELECT {', '.join(f'{figure} AS c{i}' for i, figure in enumerate(expected))} FROM {self.source(table)}"
        self.db.execute(f"CREATE OR REPLACE TABLE have AS {have}")
        self.db.execute(f"CREATE OR REPLACE TABLE want AS {want}")
        for what, a, b in (("missing", "want", "have"), ("not true", "have", "want")):
            differ = f"FROM {a} EXCEPT ALL FROM {b}"
            n = self.db.execute(f"SELECT count(*) FROM ({differ})").fetchone()[0]
            if n:
                example = self.db.execute(f"FROM ({differ}) ORDER BY ALL LIMIT 1").fetchone()
                faults.append(f"{n} rows {what}, as " + ", ".join(f"{c} {v}" for c, v in zip(expected, example)))
        return self.db.execute("SELECT count(*) FROM want").fetchone()[0], len(expected), faults

    def source(self, table):
        return f"read_parquet('{self.lake}/tables/{table}/**/*.parquet', hive_partitioning = true)"


def words(expression):
    return set(re.findall(r"\w+", expression))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lake", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--nights", nargs="+", default=[night.TODAY], metavar="DAY")
    a = parser.parse_args()
    judge = Judge(a.lake, Truth(a.truth), sorted(map(datetime.date.fromisoformat, a.nights)))
    good, bad = 0, 0
    for file in sorted(CATALOG.glob("*.toml")):
        report, table = tomllib.loads(file.read_text()), file.stem
        if not report.get("default", True) or not report.get("verified", True):
            continue
        rows, columns, faults = judge.judge(table, report) or (0, 0, ["nothing is known of it here"])
        print(f"{'DIFF' if faults else 'ok  '} {table}: {rows} rows, {columns} columns")
        for fault in faults:
            print(f"       {fault}")
        good, bad = good + (not faults), bad + bool(faults)
    print(f"{good} tables hold the truth, {bad} do not")
    sys.exit(bool(bad or not good))


if __name__ == "__main__":
    main()
