//! What goes and what stays, in every form in which an answer comes.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use serde_json::{Value, json};

use super::list::Forgotten;
use super::mark::{Kind, Mark, Name, marks};
use super::{Sieve, Source};
use crate::catalog;
use crate::day::Day;
use crate::marts::{ColumnType, Contract, Erase, Models};

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

/// Columns of models that hold texts and cannot name a person: names of things, and words of our own.
const OF_THINGS: [&str; 44] = [
    "activity",
    "activity_type",
    "app",
    "attribute",
    "city",
    "client_id",
    "company",
    "counted",
    "country",
    "currency",
    "day_of_week",
    "department",
    "employee_type",
    "evidence",
    "group_type",
    "identity",
    "job_title",
    "kind",
    "license_name",
    "location_city",
    "location_country",
    "location_office",
    "location_state",
    "month_name",
    "names",
    "office",
    "pattern",
    "product",
    "quarter",
    "report",
    "run",
    "semester",
    "service_plan_name",
    "site_type",
    "sku_id",
    "sku_part_number",
    "source",
    "state",
    "status",
    "title",
    "usage_location",
    "user_type",
    "yam_state",
    "year_quarter",
];

#[test]
fn every_text_of_a_model_says_whom_it_names_or_names_a_thing() {
    let mut of_things: Vec<&str> = Vec::new();
    let models = Models::load(None).unwrap();
    for contract in models.iter().map(|m| &m.contract) {
        for column in contract.columns.iter().filter(|c| c.column_type == ColumnType::Text) {
            let is_thing = OF_THINGS.iter().find(|thing| **thing == column.name);
            let (model, name) = (&contract.model, &column.name);
            assert!(column.who.is_some() || is_thing.is_some(), "`{model}` does not say whom `{name}` names");
            assert!(
                column.who.is_none() || is_thing.is_none(),
                "`{model}` says whom `{name}` names, and it is on the list"
            );
            of_things.extend(is_thing);
        }
        // Whom a row is about is said by an id; an address alone may be somebody else's.
        let has = |whom| contract.columns.iter().any(|c| c.who == Some(whom));
        assert!(!has(crate::marts::Whom::Subject) || has(crate::marts::Whom::Id), "{}", contract.model);
    }
    for thing in OF_THINGS {
        assert!(of_things.contains(&thing), "no model has `{thing}`");
    }
}

fn contract(key: &str, columns: &[(&str, &str)]) -> Contract {
    let column = |(name, who): &(&str, &str)| {
        let who = if who.is_empty() { String::new() } else { format!("who = '{who}', ") };
        format!("{{ name = '{name}', type = 'text', {who}description = 'd' }},")
    };
    let columns: String = columns.iter().map(column).collect();
    toml::from_str(&format!(
        "model = 'm'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = 'mart'\npartition = 'month'\nkey = [{key}]\ncolumns = [{columns}]"
    ))
    .unwrap()
}

/// What is left of rows of a model, as lines; `-` is a cell without a value.
fn left(list: &Forgotten, contract: &Contract, month: &str, rows: &[&str]) -> (Vec<String>, u64, u64) {
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.split('|').collect()).collect();
    let column = |at: usize| {
        let texts = cells.iter().map(|row| Some(row[at]).filter(|text| *text != "-"));
        Arc::new(texts.collect::<StringArray>()) as ArrayRef
    };
    let fields = contract.columns.iter().map(|c| Field::new(&c.name, DataType::Utf8, true)).collect::<Vec<_>>();
    let columns = (0..fields.len()).map(column).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let without = list.without(contract, month.parse().unwrap(), &batch).unwrap();
    let (dropped, emptied) = without.as_ref().map_or((0, 0), |w| (w.dropped, w.emptied));
    let batch = without.map_or(batch, |w| w.rows);
    let line = |n: usize| {
        let texts = batch.columns().iter().map(|c| c.as_string::<i32>().iter().nth(n).flatten().unwrap_or("-"));
        texts.collect::<Vec<_>>().join("|")
    };
    ((0..batch.num_rows()).map(line).collect(), dropped, emptied)
}

const CONCEALED: &str = "0123456789ABCDEF0123456789ABCDEF";

#[test]
fn a_model_loses_rows_about_a_forgotten_person_by_every_name() {
    let mut all = ann();
    all.extend([mark(Kind::Thing, "8f3"), mark(Kind::Concealed, CONCEALED)]);
    let list = Forgotten::of(&all);
    let people = contract(
        "'person_id'",
        &[("person_id", "id"), ("user_principal_name", "subject"), ("display_name", "subject"), ("department", "")],
    );
    let other = format!("{OTHER}|ann@contoso.com|Ann Example|Sales");
    let keep = [
        other.as_str(),
        "bob@contoso.com|bob@contoso.com|Ann Example|Sales",
        "8f31|-|Bob|8f3",
        "fedcba9876543210fedcba9876543210|-|-|Ann Example",
        "-|-|-|-",
    ];
    let small = CONCEALED.to_lowercase();
    let (by_id, by_concealed) = (format!("{ID}|new@contoso.com|-|Sales"), format!("{small}|-|-|Sales"));
    let gone = [
        by_id.as_str(),
        "ann@contoso.com|-|-|-",
        "-|Ann@contoso.com|Bob|-",
        "8f3|-|-|-",
        by_concealed.as_str(),
        "77a|-|Ann Example|-",
    ];
    let rows: Vec<&str> = [&gone[..2], &keep[..], &gone[2..]].concat();
    assert_eq!(left(&list, &people, "2026-03-01", &rows), (keep.map(str::to_string).to_vec(), 6, 0));
    assert!(list.without(&people, "2026-03-01".parse().unwrap(), &batch_of_nobody()).unwrap().is_none());
}

fn batch_of_nobody() -> RecordBatch {
    let schema = Arc::new(Schema::new(vec![Field::new("person_id", DataType::Utf8, true)]));
    RecordBatch::try_new(schema, vec![Arc::new(StringArray::from(vec![OTHER])) as ArrayRef]).unwrap()
}

#[test]
fn a_mention_is_emptied_and_a_step_to_a_person_or_their_segment_goes() {
    let list = Forgotten::of(&ann());
    // Each of several managers is somebody else.
    let managers = contract("'person_id'", &[("person_id", "id"), ("manager_1", "other"), ("manager_2", "other")]);
    let rows = [format!("{OTHER}|{ID}|bob@contoso.com"), "8f3|bob@contoso.com|Ann Example".to_string()];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let want = vec![format!("{OTHER}|-|bob@contoso.com"), "8f3|bob@contoso.com|-".to_string()];
    assert_eq!(left(&list, &managers, "2026-03-01", &rows), (want, 0, 2));
    // A row of the chain is about both, a segment about nobody else.
    let chain =
        contract("'person_id', 'manager_id'", &[("person_id", "id"), ("manager_id", "other"), ("manager", "other")]);
    let step = format!("{OTHER}|{ID}|new@contoso.com");
    let rows = [step.as_str(), "8f3|bob|ann@contoso.com", "8f3|eve|eve@contoso.com"];
    let want = vec!["8f3|bob|-".to_string(), "8f3|eve|eve@contoso.com".to_string()];
    assert_eq!(left(&list, &chain, "2026-03-01", &rows), (want, 1, 1));
    let segments = contract("'attribute', 'value'", &[("attribute", ""), ("value", "among"), ("reason", "among")]);
    // A department may be called like somebody.
    let rows =
        ["manager|Ann@contoso.com|-", "department|Ann Example|-", "manager|bob@contoso.com|said ann@contoso.com"];
    let want = vec!["department|Ann Example|-".to_string(), "manager|bob@contoso.com|-".to_string()];
    assert_eq!(left(&list, &segments, "2026-03-01", &rows), (want, 1, 1));
    // Where a contract says nothing of people, a row that names one goes.
    let own = contract("'n'", &[("n", ""), ("note", "")]);
    let (rows, want) = (["1|for ann@contoso.com", "2|Ann Example"], vec!["2|Ann Example".to_string()]);
    assert_eq!(left(&list, &own, "2026-03-01", &rows), (want, 1, 0));
}

#[test]
fn an_address_is_the_persons_in_months_in_which_it_was() {
    let day = |text: &str| -> Day { text.parse().unwrap() };
    let until = Mark { until: Some(day("2026-03-04")), ..mark(Kind::Address, "sales@contoso.com") };
    let list = Forgotten::of(&[mark(Kind::Id, ID), until]);
    let holders = contract("'address'", &[("address", "subject"), ("person_id", "id")]);
    let rows = ["sales@contoso.com|-".to_string(), format!("sales@contoso.com|{OTHER}")];
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    for (month, gone) in [("2026-02-01", 1), ("2026-03-01", 1), ("2026-04-01", 0)] {
        let (left, dropped, emptied) = left(&list, &holders, month, &rows);
        assert_eq!((left.len(), dropped, emptied), (2 - gone as usize, gone, 0), "{month}");
        assert_eq!(left.last().map(String::as_str), Some(rows[1]), "{month}");
    }
}
