//! Exports of the retired app: what lands, what the marts make of it, and that nothing measured changes.

use serde_json::{Value, json};
use usagelake::emulator::Options;

use super::world::{Ran, TODAY, World, options};

const USAGE: &str = "Product,LicensedUsers,ActiveUsers,CumulativeActiveUsers,MOMReturningUsers,FirstTimeUsers,TimeFrame,ContentDate\n\
    Office365,120,95,110,90,3,7/1/2025 12:00:00 AM,7/31/2025 12:00:00 AM\n\
    Yammer,120,19,40,11,2,7/1/2025 12:00:00 AM,7/31/2025 12:00:00 AM\n\
    Office365,121,97,112,91,2,8/1/2025 12:00:00 AM,8/12/2025 12:00:00 AM\n";
const STATE: &str = "TimeFrame,UserId,IdType,UPN,DisplayName,Department,HasLicenseEXO,HasLicenseTeams,Deleted,DeletedDate\n\
    2025-08-01,8f3,0,ann@contoso.com,Ann,Sales,True,True,False,\n\
    2025-08-01,77a,0,bob@contoso.com,Bob,,True,False,True,2025-08-30\n";

fn add(world: &World, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(world.folder().join(name), text).unwrap();
    }
}

fn import(world: &World, files: &[&str]) -> Ran {
    world.ask(&[&["import", "--tenant", "contoso"], files].concat())
}

fn ask(world: &World, sql: &str) -> Value {
    serde_json::from_str(&world.ask(&["query", sql, "--json"]).exits(0).stdout).unwrap()
}

#[test]
fn an_export_lands_once() {
    let world = World::new();
    add(&world, &[("TenantProductUsage.csv", USAGE), ("UserState.csv", STATE)]);
    import(&world, &["TenantProductUsage.csv", "UserState.csv"]).exits(0).says(&[
        "TenantProductUsage.csv: TenantProductUsage (3 rows in 2 partitions)",
        "UserState.csv: UserState (2 rows in 1 partition)",
    ]);
    world.manifest_is_whole();
    let before = world.snapshot(&["raw", "tables", "_usagelake/ledger"]);
    assert_eq!(before.keys().filter(|k| k.starts_with("raw/")).count(), 2);
    assert!(before.contains_key("tables/legacy_tenant_product_usage/tenant=contoso/month=2025-07-01/part-0.parquet"));
    import(&world, &["UserState.csv", "TenantProductUsage.csv"]).exits(0).says(&["imported before, nothing changed"]);
    assert_eq!(world.snapshot(&["raw", "tables", "_usagelake/ledger"]), before);

    // The export of an August that was over gives way to nothing, that of the twelfth to it.
    let later = USAGE.replace("121,97", "130,99").replace("8/12/2025", "8/31/2025");
    add(&world, &[("later.csv", &later)]);
    import(&world, &["later.csv"]).exits(0);
    add(&world, &[("earlier.csv", &USAGE.replace("121,97", "1,1"))]);
    import(&world, &["earlier.csv"]).exits(0);
    let sql = "SELECT enabled_users AS n FROM legacy_tenant_product_usage WHERE month = '2025-08-01'";
    assert_eq!(ask(&world, sql), json!([{ "n": 130 }]));
}

#[test]
fn a_wrong_file_is_refused_with_the_nearest_table() {
    let world = World::new();
    add(
        &world,
        &[
            ("a.csv", "Product,ActivityKind,ActivityCount,TimeFrame\nTeams,Calls,1,2025-07-01\n"),
            ("b.csv", "SiteType,ActivityType,TotalSites,TimeFrame\nAny,Any,1,2025-07-01\n"),
            ("c.csv", "Product,EnabledUsers,ActiveUsers,TimeFrame,ContentDate\nTeams,1,1,2025-01-01,2/3/2025\n"),
            ("d.csv", "Product,EnabledUsers,ActiveUsers,TimeFrame\nTeams,1,1,2025-01-01\nTeams,2,1,2025-01-01\n"),
        ],
    );
    import(&world, &["a.csv"]).exits(1).says(&["nearest `TenantProductActivity`", "hint: it lacks `Activity`"]);
    import(&world, &["b.csv"]).exits(2).says(&["several tables", "`TenantOneDriveUsage`, `TenantSharePointUsage`"]);
    import(&world, &["b.csv", "--report", "TenantOneDriveUsage"]).exits(0);
    import(&world, &["c.csv"]).exits(1).says(&["`2/3/2025` can be two days", "hint: export the dates as YYYY-MM-DD"]);
    import(&world, &["d.csv"]).exits(1).says(&["two rows of a month have the same key"]);
}

#[test]
fn marts_take_what_was_not_measured_and_nothing_else_changes() {
    let world = World::with(Options { users: 60, days: 40, ..options() }).with_marts();
    world.run(&[]).exits(0);
    let measured = || {
        let mut files = world.snapshot(&["marts", "marts_shared", "_usagelake/staging"]);
        // The manifest of what is shared names the months before, too.
        let more = ["/month=2025-", "/calendar/", "/manifest/"];
        files.retain(|k, _| !more.iter().any(|part| k.contains(part)));
        files
    };
    let before = measured();
    // November 2026 is measured: what the export says of it is kept in the table alone.
    let usage = format!("{USAGE}Office365,999,999,999,999,999,11/1/2026 12:00:00 AM,11/20/2026 12:00:00 AM\n");
    add(&world, &[("usage.csv", &usage), ("UserState.csv", STATE)]);
    import(&world, &["usage.csv", "UserState.csv"]).exits(0);
    world.ask(&["marts", "--today", TODAY]).exits(0);
    world.manifest_is_whole();
    assert_eq!(measured(), before);

    let sql = "SELECT month, product, enabled_users, active_users, first_time_users, active_rate, source \
               FROM tenant_product_usage WHERE source = 'legacy' ORDER BY month, product";
    let row = |month: &str, product: &str, enabled: i64, active: i64, first: i64| {
        json!({ "month": month, "product": product, "enabled_users": enabled, "active_users": active,
            "first_time_users": first, "active_rate": null, "source": "legacy" })
    };
    assert_eq!(
        ask(&world, sql),
        json!([
            row("2025-07-01", "microsoft365", 120, 95, 3),
            row("2025-07-01", "viva_engage", 120, 19, 2),
            row("2025-08-01", "microsoft365", 121, 97, 2),
        ])
    );
    let sources = ask(&world, "SELECT DISTINCT source FROM tenant_product_usage WHERE month >= '2026-01-01'");
    assert_eq!(sources, json!([{ "source": "measured" }]));
    let sql = "SELECT person_id, identity, display_name, has_license_teams, deleted_date FROM user_state \
               WHERE source = 'legacy' ORDER BY person_id";
    assert_eq!(
        ask(&world, sql),
        json!([
            { "person_id": "77a", "identity": "legacy", "display_name": "Bob", "has_license_teams": false, "deleted_date": "2025-08-30" },
            { "person_id": "8f3", "identity": "legacy", "display_name": "Ann", "has_license_teams": true, "deleted_date": null },
        ])
    );
    // What is safe to show is rounded, legacy or not: nineteen people are none.
    let sql = "SELECT month, product, enabled_users, active_users, source FROM shared_tenant_product_usage \
               WHERE month < '2026-01-01' AND product = 'viva_engage'";
    let shown = json!([{ "month": "2025-07-01", "product": "viva_engage", "enabled_users": 120, "active_users": 0, "source": "legacy" }]);
    assert_eq!(ask(&world, sql), shown);
    assert_eq!(ask(&world, "SELECT min(date) AS first FROM calendar"), json!([{ "first": "2025-01-01" }]));
}
