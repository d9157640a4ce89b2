//! What goes and what stays, in every form in which an answer comes.

use std::sync::Arc;

use serde_json::{Value, json};

use super::list::Forgotten;
use super::mark::{Kind, Mark, Name, marks};
use super::{Sieve, Source};
use crate::catalog;
use crate::day::Day;

const ID: &str = "5d1a2c7e-0b6f-4a39-9c3e-8f27d1b0a6c4";
const OTHER: &str = "00c1de2f-3b4a-4c5d-8e6f-7a8b9c0d1e2f";

fn mark(kind: Kind, text: &str) -> Mark {
    Mark { name: Name::new(kind, text), from: None, until: None }
}

fn ann() -> Vec<Mark> {
    vec![
        mark(Kind::Id, ID),
        mark(Kind::Address, "ann@contoso.com"),
        mark(Kind::Folder, "ann_contoso_com"),
        mark(Kind::Name, "Ann Example"),
    ]
}

fn sieved(list: &Arc<Forgotten>, source: Source, day: Option<Day>, body: &str, chunk: usize) -> (String, u64) {
    let mut sieve = Sieve::new(list, source, day);
    let mut out = Vec::new();
    for piece in body.as_bytes().chunks(chunk) {
        out.extend_from_slice(&sieve.push(piece));
    }
    out.extend_from_slice(&sieve.finish());
    (String::from_utf8(out).unwrap(), sieve.dropped())
}

/// A report whose rows are about people, by its columns and not by its name.
fn of_people() -> Source {
    let named = |r: &&catalog::Report| {
        r.columns.iter().any(|c| c.name == "user_principal_name") && r.columns.iter().any(|c| c.name == "send_count")
    };
    Source::Report(catalog::all().iter().find(named).unwrap())
}

#[test]
fn rows_of_a_forgotten_person_go_and_all_others_stay_byte_for_byte() {
    let list = Arc::new(Forgotten::of(&ann()));
    let head = "\u{feff}Report Refresh Date,User Principal Name,Display Name,Send Count\r\n";
    let keep = [
        "2026-11-18,joann@contoso.com,Joann,1\r\n",
        "2026-11-18,ann@contoso.com.au,\"Example, Ann\",2\r\n",
        "\r\n",
        "2026-11-18,\"bob@contoso.com\",\"says \"\"ann@contoso.co\"\"\",3\r\n",
        "2026-11-18,carl@contoso.com,Ann Example,3\r\n",
    ];
    let gone = [
        "2026-11-18,Ann@Contoso.com,Ann Example,4\r\n",
        "2026-11-18,\" ann@contoso.com \",\"A\r\nB\",5\r\n",
        "2026-11-18,,Ann Example,6\r\n",
    ];
    let body = [
        head,
        keep[0],
        gone[0],
        keep[1],
        keep[2],
        gone[1],
        keep[3],
        gone[2],
        keep[4],
        "2026-11-18,ann@contoso.com,x,7",
    ]
    .concat();
    let want = [head, keep[0], keep[1], keep[2], keep[3], keep[4]].concat();
    for chunk in [1, 2, 7, 64, 10_000] {
        assert_eq!(sieved(&list, of_people(), None, &body, chunk), (want.clone(), 4), "{chunk}");
    }
    // Nobody else's answer is touched.
    let others = [head, keep[0], "2026-11-18,\"open"].concat();
    assert_eq!(sieved(&list, of_people(), None, &others, 5), (others.clone(), 0));
}

#[test]
fn who_only_is_mentioned_leaves_the_row_there() {
    let list = Arc::new(Forgotten::of(&ann()));
    let body = "Report Refresh Date,Group Display Name,Is Deleted,Owner Principal Name,Member Count,Group Id,Report Period,New Column\n\
                2026-11-18,Sales,False,ann@contoso.com,5,g1,7,\"ask Ann@contoso.com, or others\"\n\
                2026-11-18,Ann Example,False,bob@contoso.com,5,g2,7,x\n";
    let want = "Report Refresh Date,Group Display Name,Is Deleted,Owner Principal Name,Member Count,Group Id,Report Period,New Column\n\
                2026-11-18,Sales,False,,5,g1,7,\n\
                2026-11-18,Ann Example,False,bob@contoso.com,5,g2,7,x\n";
    let groups = catalog::all().iter().find(|r| {
        r.columns.iter().any(|c| c.name == "owner_principal_name") && r.key.contains(&"group_id".to_string())
    });
    assert_eq!(sieved(&list, Source::Report(groups.unwrap()), None, body, 9), (want.to_string(), 0));
    // Where nobody knows what the columns are, the row goes.
    assert_eq!(sieved(&list, Source::Unknown, None, "A,B\n1,ann@contoso.com\n2,x\n", 3), ("A,B\n2,x\n".to_string(), 1));
}

#[test]
fn an_address_that_is_somebody_elses_by_now_is_theirs() {
    let day = |text: &str| -> Day { text.parse().unwrap() };
    let until = |last: &str| Mark { until: Some(day(last)), ..mark(Kind::Address, "sales@contoso.com") };
    let list = Arc::new(Forgotten::of(&[mark(Kind::Id, ID), until("2026-10-31")]));
    let body = "Report Refresh Date,User Principal Name,Send Count\n2026-10-31,sales@contoso.com,1\n2026-11-01,sales@contoso.com,2\n";
    let want = "Report Refresh Date,User Principal Name,Send Count\n2026-11-01,sales@contoso.com,2\n";
    assert_eq!(sieved(&list, of_people(), None, body, 100), (want.to_string(), 1));
    // The day that was asked for is said by nobody in the body.
    assert_eq!(sieved(&list, of_people(), Some(day("2026-11-05")), body, 100).1, 0);
    // Where the row has an id, that decides.
    let with_id = catalog::all().iter().find(|r| r.columns.iter().any(|c| c.who == Some(catalog::Who::Id))).unwrap();
    let list = Arc::new(Forgotten::of(&ann()));
    let body = format!("User Id,User Principal Name\n{OTHER},ann@contoso.com\n{ID},x@contoso.com\n,ann@contoso.com\n");
    let want = format!("User Id,User Principal Name\n{OTHER},ann@contoso.com\n");
    assert_eq!(sieved(&list, Source::Report(with_id), None, &body, 100), (want, 2));
}

#[test]
fn json_loses_records_of_a_forgotten_person_and_mentions_in_others() {
    let list = Arc::new(Forgotten::of(&ann()));
    let body = json!({"value": [
        {"reportRefreshDate": "2026-11-18", "userPrincipalName": "ann@contoso.com", "sendCount": 1},
        {"reportRefreshDate": "2026-11-18", "userPrincipalName": "bob@contoso.com", "sendCount": 2, "note": "for ann@contoso.com"},
    ]});
    let (left, dropped) = sieved(&list, of_people(), None, &body.to_string(), 11);
    let left: Value = serde_json::from_str(&left).unwrap();
    let want = json!({"value": [{"reportRefreshDate": "2026-11-18", "userPrincipalName": "bob@contoso.com", "sendCount": 2, "note": null}]});
    assert_eq!((left, dropped), (want, 1));
    let untouched = "{ \"value\": [ {\"userPrincipalName\": \"bob@contoso.com\", \"x\": 1.50} ] }";
    assert_eq!(sieved(&list, of_people(), None, untouched, 11), (untouched.to_string(), 0));
}

#[test]
fn a_list_of_the_directory_loses_the_person_and_the_manager() {
    let list = Arc::new(Forgotten::of(&ann()));
    let users = Source::of("users");
    assert!(matches!(users, Source::Listing(_)));
    let mut page = json!({"value": [
        {"id": ID, "userPrincipalName": "new@contoso.com", "assignedPlans": []},
        {"id": OTHER, "userPrincipalName": "bob@contoso.com", "proxyAddresses": ["SMTP:bob@contoso.com"], "manager": {"id": ID}},
        {"id": "11c1de2f-3b4a-4c5d-8e6f-7a8b9c0d1e2f", "userPrincipalName": "eve@contoso.com", "mail": "ann@contoso.com"},
    ]});
    let mut sieve = Sieve::new(&list, users, None);
    // Whoever has the address now has another id: it was given away.
    assert_eq!(sieve.page(&mut page), ["ann@contoso.com"]);
    assert_eq!(sieve.dropped(), 1);
    let want = json!({"value": [
        {"id": OTHER, "userPrincipalName": "bob@contoso.com", "proxyAddresses": ["SMTP:bob@contoso.com"], "manager": {"id": null}},
        {"id": "11c1de2f-3b4a-4c5d-8e6f-7a8b9c0d1e2f", "userPrincipalName": "eve@contoso.com", "mail": "ann@contoso.com"},
    ]});
    assert_eq!(page, want);
}

#[test]
fn names_are_found_wherever_they_stand_in_a_text() {
    let found = |text: &str| {
        let mut all = Vec::new();
        marks(text, |kind, mark| all.push((kind, mark.to_string())));
        all
    };
    let address = |text: &str| (Kind::Address, text.to_string());
    assert_eq!(found("no mark, a-b-c, a@, @b"), []);
    assert_eq!(found("SMTP:Ann@Contoso.com"), [address("ann@contoso.com")]);
    assert_eq!(found("(O'Neil@x.ie)."), [address("o'neil@x.ie")]);
    assert!(found("'ann@contoso.com'.").contains(&address("ann@contoso.com")));
    assert_eq!(found("i:0#.f|membership|ann@contoso.com"), [address("ann@contoso.com")]);
    assert_eq!(found("bob_x.com#EXT#@contoso.com"), [address("bob_x.com#ext#@contoso.com")]);
    assert_eq!(found(&format!("{{{}}}", ID.to_uppercase())), [(Kind::Id, ID.to_string())]);
    assert_eq!(found("00000000-0000-0000-0000-000000000000"), [], "nobody's");
    let url = "https://contoso-my.sharepoint.com/Personal/Ann_contoso_com/Documents?x=1";
    assert_eq!(found(url), [(Kind::Folder, "ann_contoso_com".to_string())]);
    assert_eq!(found("0123456789ABCDEF0123456789ABCDEF").len(), 1);
    let folders: Vec<String> = Name::folders("Ann.B-C@contoso.com").map(|n| n.text).collect();
    assert_eq!(folders, ["ann_b_c_contoso_com", "ann_b-c_contoso_com"]);
    assert!(Name::read("Ann Example").is_err() && Name::read("ann@contoso.com").is_ok() && Name::read(ID).is_ok());
}

#[test]
fn every_name_in_the_catalog_says_whom_it_names() {
    // What conceals people conceals groups and sites too; these say nothing of who is meant.
    let of_things = ["group_display_name", "group_id", "team_name", "team_id", "site_id", "site_url"];
    for report in catalog::all() {
        for column in report.columns.iter().filter(|c| c.concealed.is_some() && !of_things.contains(&c.name.as_str())) {
            assert!(column.who.is_some(), "{} does not say whom `{}` names", report.function, column.name);
        }
    }
}
