//! `usagelake import`: which report and window a file is, what is refused with which hint, and that neither the order of
//! files nor importing them twice changes anything.

use super::world::{Ran, World, ago};

/// A world with these files in its folder.
fn with(files: &[(&str, &str)]) -> World {
    let world = World::new();
    add(&world, files);
    world
}

fn add(world: &World, files: &[(&str, &str)]) {
    for (name, text) in files {
        std::fs::write(world.folder().join(name), text).unwrap();
    }
}

fn import(world: &World, arguments: &[&str]) -> Ran {
    let mut all = vec!["import", "--tenant", "contoso"];
    all.extend(arguments);
    world.ask(&all)
}

fn keys(world: &World) -> Vec<String> {
    world.files("tables").into_keys().collect()
}

const MAIL: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period\n";
const COUNTS: &str =
    "Report Refresh Date,Send,Receive,Read,Meeting Created,Meeting Interacted,Report Date,Report Period\n";

pub fn mail(rows: &[(&str, &str, i64, &str)]) -> String {
    let row = |(refresh, upn, sent, period): &(&str, &str, i64, &str)| {
        format!("{refresh},{upn}@contoso.com,{upn},False,,{refresh},{sent},1,1,,,OFFICE 365 E3,{period}\n")
    };
    MAIL.to_string() + &rows.iter().map(row).collect::<String>()
}

fn counts(refresh: i32, days: i32, period: i32) -> String {
    let row = |n: i32| format!("{},{},1,1,,,{},{period}\n", ago(refresh), 1000 * refresh + n, ago(n));
    COUNTS.to_string() + &(refresh..refresh + days).map(row).collect::<String>()
}

#[test]
fn a_header_that_several_reports_have_is_decided_by_the_name_or_by_nobody() {
    // Some reports of counts differ in nothing but their name.
    let text = counts(2, 7, 7);
    let world = with(&[("export.csv", &text), ("EmailActivityUserCounts 11_20_2026.csv", &text)]);
    let ran = import(&world, &["export.csv"]).exits(2).says(&[
        "error: several reports have this header",
        "candidates `getEmailActivityCounts`, `getEmailActivityUserCounts`, file `export.csv`",
        "hint: name the report with `--report`, or the file after its function",
    ]);
    assert_eq!(ran.stdout, "");
    assert!(keys(&world).is_empty());
    let month = |table: &str| format!("tables/{table}/tenant=contoso/month=2026-11-01/part-0.parquet");
    import(&world, &["EmailActivityUserCounts 11_20_2026.csv"]).exits(0);
    assert_eq!(keys(&world), [month("email_activity_user_counts")]);
    import(&world, &["export.csv", "--report", "getEmailActivityCounts"]).exits(0);
    assert_eq!(keys(&world), [month("email_activity_counts"), month("email_activity_user_counts")]);
    let typo = import(&world, &["export.csv", "--report", "getEmailActivityCuonts"]).exits(2);
    typo.says(&["there is no report `getEmailActivityCuonts`", "the nearest is `getEmailActivityCounts`"]);
    import(&world, &["export.csv", "--report", "getEmailActivityUserDetail"])
        .exits(1)
        .says(&["the file's header is not the report's"]);
}

#[test]
fn the_window_comes_from_the_rows_the_name_or_the_caller() {
    let no_period = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Has Exchange License,Has OneDrive License,Has SharePoint License,Has Skype For Business License,Has Yammer License,Has Teams License,Exchange Last Activity Date,OneDrive Last Activity Date\n2026-11-18,a@contoso.com,A,False,,True,True,True,False,True,True,2026-11-18,2026-11-17\n";
    let seven = mail(&[("2026-11-18", "a", 3, "7")]);
    let world = with(&[("users.csv", no_period), ("users D30.csv", no_period), ("mail.csv", &seven)]);
    let of = |table: &str, rest: &str| format!("tables/{table}/tenant=contoso/{rest}/part-0.parquet");
    let (users, people) = ("office365_active_user_detail", "email_activity_user_detail");
    import(&world, &["users.csv"]).exits(2).says(&["the file does not say which period it covers", "add `--period 7`"]);
    import(&world, &["users.csv", "--period", "7"]).exits(0);
    assert_eq!(keys(&world), [of(users, "period=7/day=2026-11-18")]);
    // The same bytes are something else under another period.
    import(&world, &["users.csv", "--period", "90"]).exits(0);
    assert!(keys(&world).contains(&of(users, "period=90/day=2026-11-18")));
    import(&world, &["users D30.csv"]).exits(0);
    assert!(keys(&world).contains(&of(users, "period=30/day=2026-11-18")));
    import(&world, &["users.csv", "--day", "2026-11-16"]).exits(0);
    assert!(keys(&world).contains(&of(users, "period=1/day=2026-11-16")));

    import(&world, &["mail.csv", "--period", "30"]).exits(2).says(&["the rows say a period of 7 days, not 30"]);
    import(&world, &["mail.csv", "--period", "7"]).exits(0);
    assert!(keys(&world).contains(&of(people, "period=7/day=2026-11-18")));
    import(&world, &["mail.csv", "--day", "2026-11-17"]).exits(0);
    assert!(keys(&world).contains(&of(people, "period=1/day=2026-11-17")));
    assert_eq!(world.ledger(users).len() + world.ledger(people).len(), 6, "a line for each");
    world.manifest_is_whole();
}

#[test]
fn rows_of_several_refresh_dates_go_to_their_own_partitions() {
    let text = mail(&[
        ("2026-11-18", "a", 1, "7"),
        ("2026-11-11", "a", 2, "7"),
        ("2026-11-18", "b", 4, "30"),
        ("2026-11-18", "b", 8, "7"),
    ]);
    let world = with(&[("all.csv", &text)]);
    import(&world, &["all.csv"]).exits(0).says(&["all.csv: getEmailActivityUserDetail (4 rows in 3 partitions)"]);
    let table = world.table("email_activity_user_detail");
    let shape: Vec<_> =
        table.0.iter().map(|(k, b)| (k.split("tenant=contoso/").nth(1).unwrap(), b.num_rows())).collect();
    let part = |p, d| format!("period={p}/day=2026-11-{d}/part-0.parquet");
    let want = [(part(30, 18), 1), (part(7, 11), 1), (part(7, 18), 2)];
    assert_eq!(shape, want.each_ref().map(|(k, n)| (k.as_str(), *n)));
    assert_eq!(table.sum("send_count"), 15);
    assert_eq!(world.ledger("email_activity_user_detail").len(), 3);
    world.manifest_is_whole();
    let before = world.snapshot(&["tables", "raw", "_usagelake/ledger"]);
    import(&world, &["all.csv"]).exits(0).says(&["imported before, nothing changed"]);
    assert!(world.snapshot(&["tables", "raw", "_usagelake/ledger"]) == before);
}

#[test]
fn neither_order_nor_repetition_of_files_matters() {
    // Refreshed on the last of January, in February and in March, a month and more apart, with days that vanish.
    let (jan, feb, mar) = (293, 275, 256);
    assert_eq!((ago(jan).to_string(), ago(mar).to_string()), ("2026-01-31".into(), "2026-03-09".into()));
    let files = [
        ("EmailActivityCounts1.csv", counts(jan, 30, 30)),
        ("EmailActivityCounts2.csv", counts(feb, 5, 30)),
        ("EmailActivityCounts3.csv", counts(mar, 7, 7)),
        ("EmailActivityCounts4.csv", counts(jan, 90, 90)),
    ];
    let named: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let mut world = with(&named);
    let mut seen = Vec::new();
    for (at, order) in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]].iter().enumerate() {
        // All in one command, and one after the other.
        for together in [true, false] {
            world.move_to(&format!("lake-{at}-{together}"));
            let order: Vec<&str> = order.iter().map(|i| named[*i].0).collect();
            if together {
                import(&world, &order).exits(0);
            } else {
                order.iter().for_each(|f| drop(import(&world, &[f]).exits(0)));
            }
            let mut again = order.clone();
            again.extend(&order);
            let before = world.snapshot(&["tables", "_usagelake/ledger", "raw"]);
            import(&world, &again).exits(0);
            assert!(world.snapshot(&["tables", "_usagelake/ledger", "raw"]) == before, "twice: {order:?}");
            world.manifest_is_whole();
            seen.push(world.snapshot(&["tables"]));
        }
    }
    assert!(seen.iter().all(|s| *s == seen[0]), "the order of files shows");
    let sent = world.table("email_activity_counts").by_day("report_date", "send");
    assert_eq!(sent[&ago(mar)], 1000 * i64::from(mar) + i64::from(mar));
    assert!(!sent.contains_key(&ago(feb + 7)), "a day vanishes inside the window of a later answer that lacks it");
    assert!(sent.contains_key(&ago(jan + 80)), "and stays outside of it");
}

#[test]
fn json_is_imported_and_a_page_of_several_is_refused() {
    let rows = r#"{"reportRefreshDate":"2026-11-18","userPrincipalName":"a@contoso.com","displayName":"A","isDeleted":false,"deletedDate":null,"lastActivityDate":"2026-11-18T00:00:00Z","sendCount":5,"receiveCount":2,"readCount":null,"meetingCreatedCount":0,"meetingInteractedCount":0,"assignedProducts":["OFFICE 365 E3"],"reportPeriod":"7"}"#;
    let whole = format!("{{\"value\":[{rows}]}}");
    let page = format!(
        "{{\"@odata.nextLink\":\"https://graph.microsoft.com/beta/reports/x?$skiptoken=1\",\"value\":[{rows}]}}"
    );
    let world = with(&[("mail.json", &whole), ("page.json", &page)]);
    import(&world, &["page.json"]).exits(1).says(&["error: the answer is one page of several", "page.json", "hint: "]);
    assert!(keys(&world).is_empty() && world.files("raw").is_empty());
    import(&world, &["mail.json"]).exits(0);
    let table = world.table("email_activity_user_detail");
    assert_eq!(
        (table.sum("send_count"), table.texts("assigned_products")),
        (5, vec![Some("OFFICE 365 E3".to_string())])
    );
    assert!(world.files("raw").into_keys().all(|k| k.ends_with(".json.zst")));
}

#[test]
fn what_cannot_be_imported_is_refused_and_keeps_nothing_else_from_landing() {
    let world = with(&[
        ("good.csv", &mail(&[("2026-11-18", "a", 1, "7")])),
        ("EmailActivityCounts.csv", &counts(2, 7, 7)),
        ("page.csv", "<!DOCTYPE html><html><body>Sign in</body></html>"),
        ("shopping.csv", "eggs,milk\n6,1\n"),
        ("nothing.csv", ""),
        ("empty mail.csv", MAIL),
        ("bare mail.csv", MAIL.trim_end()),
    ]);
    for (file, says) in [
        ("page.csv", "the body is a web page or XML"),
        ("shopping.csv", "the header is no report's that the catalog knows"),
        ("nothing.csv", "no header row"),
        ("not there.csv", "cannot read the file"),
    ] {
        import(&world, &[file]).exits(1).says(&["error: ", says, file]);
        assert!(keys(&world).is_empty(), "{file}");
    }
    for file in ["empty mail.csv", "bare mail.csv"] {
        import(&world, &[file]).exits(0).says(&["no row in it, nothing changed"]);
    }
    assert!(keys(&world).is_empty(), "a header alone is no partition");
    let ran = import(&world, &["good.csv", "page.csv", "EmailActivityCounts.csv", "--json"]).exits(3);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (document["imported"].as_array().unwrap().len(), &document["refused"][0]["file"]),
        (2, &"page.csv".into())
    );
    assert_eq!(keys(&world).len(), 2);
    import(&world, &["good.csv", "--tenant-name"]).exits(2);
    let bad_tenant = world.ask(&["import", "good.csv", "--tenant", "Contoso Ltd"]);
    bad_tenant.exits(2).says(&["`Contoso Ltd` is no tenant name"]);
}

#[test]
fn raw_is_kept_unless_it_is_off_and_cells_that_do_not_parse_are_kept_beside() {
    let text = mail(&[("2026-11-18", "a", 1, "7"), ("2026-11-18", "b", 2, "7")]).replace(",2,1,1,", ",many,1,1,");
    let mut world = with(&[("mail.csv", &text)]);
    import(&world, &["mail.csv", "--raw", "off"]).exits(0).says(&["1 cell did not parse; see `_usagelake/rejects`"]);
    assert!(world.files("raw").is_empty());
    assert_eq!(world.table("email_activity_user_detail").ints("send_count"), [Some(1), None]);
    let rejects: Vec<Vec<u8>> = world.files("_usagelake/rejects").into_values().collect();
    let reject: serde_json::Value = serde_json::from_slice(&rejects[0]).unwrap();
    assert_eq!(
        (&reject["line"], &reject["column"], &reject["value"]),
        (&3.into(), &"send_count".into(), &"many".into())
    );
    world.move_to("kept");
    import(&world, &["mail.csv"]).exits(0);
    let raw = world.files("raw").into_values().next().unwrap();
    assert_eq!(zstd::decode_all(&raw[..]).unwrap(), text.as_bytes());
}
