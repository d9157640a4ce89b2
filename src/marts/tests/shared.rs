//! Shared marts in a lake: what they show, and when they are built and put.

use std::collections::BTreeMap;

use super::super::{Models, Record};
use super::lakes::{Cells, Tiny};

const TABLE: &str = "office365_active_user_detail";

/// `active`: people by kind of name, each day counting once. `best`: SQL that is run again over what is shared.
fn models() -> Models {
    let column = |name: &str, t: &str| format!("{{ name = '{name}', type = '{t}', description = 'd.' }},");
    let contract = |name: &str, columns: &str, rest: &str| {
        format!(
            "model = '{name}'\ntitle = 't'\ndescription = 'd.'\ngrain = 'g'\nkind = 'mart'\npartition = 'month'\n\
             columns = [{columns}]\n{rest}"
        )
    };
    let counted =
        column("kind", "text") + &column("people", "int") + &column("rows_read", "int") + &column("rate", "double");
    Models::of_texts(&[
        (
            "active",
            "SELECT substr(user_principal_name, 1, 1) AS kind, count(DISTINCT user_principal_name) AS people, \
             count(*) AS rows_read, CAST(1 AS DOUBLE) AS rate FROM detail GROUP BY substr(user_principal_name, 1, 1)",
            &contract(
                "active",
                &counted,
                &format!(
                    "key = ['kind']\n[shared]\nplain = ['kind']\npeople = ['people']\nrates = {{ rate = ['people', 'people'] }}\n\
                     without = {{ kind = ['z'] }}\n[[inputs]]\nname = '{TABLE}'\nscope = 'month'\nas = 'detail'\n"
                ),
            ),
        ),
        (
            "best",
            "SELECT max(a.people) AS people, count(d.day) AS rows_read FROM active AS a LEFT JOIN detail AS d ON TRUE",
            &contract(
                "best",
                &(column("people", "int") + &column("rows_read", "int")),
                &format!(
                    "key = ['people']\n[shared]\nagain = true\n[[inputs]]\nname = 'active'\n[[inputs]]\nname = '{TABLE}'\n\
                     scope = 'month'\nas = 'detail'\n"
                ),
            ),
        ),
    ])
    .unwrap()
}

fn people(kind: &str, n: usize) -> Vec<Cells> {
    (0..n).map(|i| toml::from_str(&format!("user_principal_name = '{kind}{i}'")).unwrap()).collect()
}

fn day(kinds: &[(&str, usize)]) -> Vec<Cells> {
    kinds.iter().flat_map(|(kind, n)| people(kind, *n)).collect()
}

fn built(record: &Record) -> BTreeMap<&str, (u64, u64)> {
    assert!(record.whole(), "{:?}", record.problems);
    record.models.iter().map(|m| (m.model.as_str(), (m.built, m.published))).collect()
}

/// Of rows as text: kind → people, rate.
async fn shown(lake: &Tiny, models: &Models) -> Vec<(String, String, Option<String>)> {
    let rows = lake.rows(models.get("shared_active").unwrap(), "2026-01-01".parse().ok()).await;
    assert!(rows.iter().all(|r| r["rows_read"].is_none()), "what is not named is null: {rows:?}");
    rows.into_iter().map(|r| (r["kind"].clone().unwrap(), r["people"].clone().unwrap(), r["rate"].clone())).collect()
}

#[tokio::test]
async fn people_are_rounded_down_and_few_are_not_there() {
    let (models, mut lake) = (models().with_shared(10), Tiny::new().await);
    lake.put(TABLE, 1, "2026-01-05", &day(&[("a", 19), ("b", 20), ("c", 39), ("d", 119), ("z", 40)])).await;
    lake.build(&models, "2026-06-01", false).await.unwrap();
    let row = |kind: &str, people: &str, rate: Option<&str>| (kind.into(), people.into(), rate.map(str::to_string));
    assert_eq!(
        shown(&lake, &models).await,
        [row("b", "20", None), row("c", "20", None), row("d", "100", Some("1.0"))],
        "19 people are no row, 100 are the fewest with a rate, and z is left out"
    );
    let best = lake.rows(models.get("shared_best").unwrap(), "2026-01-01".parse().ok()).await;
    let text = |name: &str| best[0][name].clone().unwrap();
    assert_eq!(
        (text("people"), text("rows_read")),
        ("100".into(), "0".into()),
        "it sees what is shared, and nothing else"
    );
    let key = lake.layout.shared("active", "2026-01-01".parse().ok());
    assert_eq!(key, "marts_shared/active/tenant=a/month=2026-01-01/part-0.parquet");
    assert!(lake.bytes(&key).await.is_some());
    assert!(lake.state.published().any(|o| o.path == key), "it is in the manifest");
}

#[test]
fn who_sees_what_is_shared_sees_no_column_that_is_not() {
    let shown = models().shown();
    let columns = |mart: &str| -> Vec<String> {
        shown.get(mart).unwrap().contract.columns.iter().map(|c| c.name.clone()).collect()
    };
    assert_eq!(columns("active"), ["kind", "people", "rate"]);
    assert_eq!(columns("best"), ["people", "rows_read"], "SQL that is run again has all of its columns");
}

#[tokio::test]
async fn what_reads_the_same_is_not_put_again() {
    let (models, mut lake) = (models().with_shared(10), Tiny::new().await);
    lake.put(TABLE, 1, "2026-01-05", &day(&[("b", 21), ("c", 45)])).await;
    lake.build(&models, "2026-06-01", false).await.unwrap();
    let key = lake.layout.shared("active", "2026-01-01".parse().ok());
    let before = lake.bytes(&key).await;

    // A restated day: two people more, of whom the steps say nothing.
    lake.put(TABLE, 1, "2026-01-05", &day(&[("b", 22), ("c", 46)])).await;
    let record = lake.build(&models, "2026-06-02", false).await.unwrap();
    let unmoved = [("active", (1, 1)), ("best", (1, 1)), ("shared_active", (1, 0))];
    assert_eq!(built(&record), BTreeMap::from(unmoved));
    assert_eq!(lake.bytes(&key).await, before);
    assert_eq!(built(&lake.build(&models, "2026-06-03", false).await.unwrap()), BTreeMap::new());

    // Another size of groups builds what is shared, and nothing else.
    let coarser = self::models().with_shared(12);
    let record = lake.build(&coarser, "2026-06-03", false).await.unwrap();
    assert_eq!(built(&record), BTreeMap::from([("shared_active", (1, 1)), ("shared_best", (1, 1))]));
    assert_eq!(shown(&lake, &coarser).await, [("c".into(), "24".into(), None)]);
}

#[tokio::test]
async fn a_shared_mart_fails_with_its_mart_and_alone() {
    let (models, mut lake) = (models(), Tiny::new().await);
    lake.put(TABLE, 1, "2026-01-05", &day(&[("b", 21)])).await;
    let mut wrong = models.clone();
    wrong.replace_sql("best", "SELECT 1 AS x");
    let record = lake.build(&wrong.with_shared(10), "2026-06-01", false).await.unwrap();
    let problems: Vec<&str> = record.problems.iter().map(|p| p.model.as_str()).collect();
    assert_eq!(problems, ["best", "shared_best"]);
    let mut wrong = models.clone().with_shared(10);
    wrong.replace_sql("shared_active", "SELECT 1 AS x");
    let record = lake.build(&wrong, "2026-06-01", true).await.unwrap();
    let problems: Vec<&str> = record.problems.iter().map(|p| p.model.as_str()).collect();
    assert_eq!(problems, ["shared_active", "shared_best"]);
    assert!(record.models.iter().any(|m| m.model == "best"));
}
