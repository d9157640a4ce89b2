//! What a night builds, and what it leaves alone.

use std::collections::BTreeMap;

use super::super::{Models, Record};
use super::lakes::{Cells, Tiny};
use crate::error::Kind;

const TABLE: &str = "office365_active_user_detail";

/// `active`: people of the month. `growth`: with the month before. `total`: one file over all months.
fn models() -> Models {
    let contract = |name: &str, kind: &str, partition: &str, columns: &str, inputs: &str| {
        format!(
            "model = '{name}'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = '{kind}'\npartition = '{partition}'\n\
             columns = [{columns}]\n{inputs}"
        )
    };
    let column = |name: &str, t: &str| format!("{{ name = '{name}', type = '{t}', description = 'd' }},");
    let input = |name: &str, scope: &str, view: &str| {
        format!("[[inputs]]\nname = '{name}'\nscope = '{scope}'\nas = '{view}'\n")
    };
    let people = column("person", "text") + &column("days", "int");
    Models::of_texts(&[
        (
            "active",
            "SELECT user_principal_name AS person, count(*) AS days FROM detail WHERE period = 1 GROUP BY user_principal_name",
            &contract("active", "staging", "month", &people, &("key = ['person']\n".to_string() + &input(TABLE, "month", "detail"))),
        ),
        (
            "growth",
            "SELECT a.person, a.days - coalesce(b.days, 0) AS days FROM active a LEFT JOIN before b ON a.person = b.person",
            &contract(
                "growth",
                "mart",
                "month",
                &people,
                &("key = ['person']\n".to_string() + &input("active", "month", "active") + &input("active", "previous", "before")),
            ),
        ),
        (
            "total",
            "SELECT CAST(sum(days) AS BIGINT) AS days FROM active",
            &contract("total", "mart", "none", &column("days", "int"), &("key = ['days']\n".to_string() + &input("active", "all", "active"))),
        ),
    ])
    .unwrap()
}

fn people(names: &[&str]) -> Vec<Cells> {
    names.iter().map(|n| toml::from_str(&format!("user_principal_name = '{n}'\nis_deleted = false")).unwrap()).collect()
}

async fn lake() -> Tiny {
    let mut lake = Tiny::new().await;
    for (day, names) in
        [("2026-01-05", vec!["ann", "bob"]), ("2026-02-03", vec!["bob"]), ("2026-03-04", vec!["ann", "ann2"])]
    {
        lake.put(TABLE, 1, day, &people(&names)).await;
    }
    lake
}

fn built(record: &Record) -> BTreeMap<&str, (u64, u64)> {
    assert!(record.whole(), "{:?}", record.problems);
    record.models.iter().map(|m| (m.model.as_str(), (m.built, m.published))).collect()
}

#[tokio::test]
async fn a_changed_day_builds_its_month_and_what_depends_on_it() {
    let (models, mut lake) = (models(), lake().await);
    let first = lake.build(&models, "2026-06-01", false).await.unwrap();
    assert_eq!(built(&first), BTreeMap::from([("active", (3, 3)), ("growth", (3, 3)), ("total", (1, 1))]));
    let key = |month: &str| lake.layout.mart("growth", month.parse().ok());
    let (january, march) = (key("2026-01-01"), key("2026-03-01"));
    let before = (lake.bytes(&january).await, lake.bytes(&march).await);

    let again = lake.build(&models, "2026-06-02", false).await.unwrap();
    assert_eq!((built(&again), again.unchanged), (BTreeMap::new(), 7));

    // February has a new day: its own month, the month that looks back at it, and the sum.
    lake.put(TABLE, 1, "2026-02-04", &people(&["bob", "cid"])).await;
    let second = lake.build(&models, "2026-06-03", false).await.unwrap();
    assert_eq!(built(&second), BTreeMap::from([("active", (1, 1)), ("growth", (2, 1)), ("total", (1, 1))]));
    assert_eq!((lake.bytes(&january).await, lake.bytes(&march).await), before, "closed months stay as they are");

    // The same rows in other bytes change nobody else.
    let full = lake.build(&models, "2026-06-03", true).await.unwrap();
    assert_eq!(built(&full), BTreeMap::from([("active", (3, 0)), ("growth", (3, 0)), ("total", (1, 0))]));
}

#[tokio::test]
async fn rows_are_what_the_sql_says() {
    let (models, mut lake) = (models(), lake().await);
    lake.build(&models, "2026-06-01", false).await.unwrap();
    let growth = models.get("growth").unwrap();
    let rows = |month: &str| lake.rows(growth, month.parse().ok());
    let row = |p: &str, d: &str| {
        BTreeMap::from([("person".to_string(), Some(p.to_string())), ("days".to_string(), Some(d.to_string()))])
    };
    assert_eq!(rows("2026-02-01").await, [row("bob", "0")]);
    assert_eq!(rows("2026-03-01").await, [row("ann", "1"), row("ann2", "1")], "sorted by key");
    assert_eq!(lake.rows(models.get("total").unwrap(), None).await.len(), 1);
}

#[tokio::test]
async fn an_open_month_is_built_each_day_and_changes_nothing() {
    let (models, mut lake) = (models(), lake().await);
    lake.build(&models, "2026-04-02", false).await.unwrap();
    let next = lake.build(&models, "2026-04-03", false).await.unwrap();
    assert_eq!(built(&next), BTreeMap::from([("active", (1, 0)), ("growth", (1, 0))]));
    let closed = lake.build(&models, "2026-04-04", false).await.unwrap();
    assert_eq!(built(&closed), BTreeMap::new());
}

#[tokio::test]
async fn what_is_gone_is_built_again_and_what_nobody_makes_goes() {
    let (all, mut lake) = (models(), lake().await);
    lake.build(&all, "2026-06-01", false).await.unwrap();
    let key = lake.layout.mart("growth", "2026-02-01".parse().ok());
    lake.lake.delete(&key, &lake.guard).await.unwrap();
    let record = lake.build(&all, "2026-06-01", false).await.unwrap();
    assert_eq!(built(&record), BTreeMap::from([("growth", (1, 1))]));
    assert!(lake.bytes(&key).await.is_some());

    let fewer = all.needed(&["active".to_string()].into(), &Default::default());
    lake.build(&fewer, "2026-06-01", false).await.unwrap();
    assert!(lake.bytes(&key).await.is_none());
    assert_eq!(lake.state.published().count(), 0);
}

#[tokio::test]
async fn a_month_without_rows_has_no_file() {
    let (models, mut lake) = (models(), lake().await);
    lake.build(&models, "2026-06-01", false).await.unwrap();
    lake.put(TABLE, 1, "2026-02-03", &[]).await;
    let record = lake.build(&models, "2026-06-01", false).await.unwrap();
    assert!(record.whole());
    let key = lake.layout.mart("growth", "2026-02-01".parse().ok());
    assert!(lake.bytes(&key).await.is_none());
    assert_eq!(lake.rows(models.get("growth").unwrap(), "2026-03-01".parse().ok()).await.len(), 2);
}

/// Replaces a model's SQL.
fn with_sql(models: &Models, name: &str, sql: &str) -> Models {
    let mut models = models.clone();
    models.replace_sql(name, sql);
    models
}

#[tokio::test]
async fn a_changed_model_builds_itself_and_its_readers_only() {
    let (models, mut lake) = (models(), lake().await);
    lake.build(&models, "2026-06-01", false).await.unwrap();
    let changed = with_sql(&models, "total", "SELECT CAST(max(days) AS BIGINT) AS days FROM active");
    let record = lake.build(&changed, "2026-06-01", false).await.unwrap();
    assert_eq!(built(&record), BTreeMap::from([("total", (1, 1))]));
}

#[tokio::test]
async fn a_wrong_model_takes_down_its_readers_and_no_other() {
    let (models, mut lake) = (models(), lake().await);
    for (sql, says) in [
        ("SELECT person, dayz AS days FROM active", "dayz"),
        ("SELECT person, days FROM activ", "activ"),
        ("SELECT person, days, 1 AS more FROM active", "its SQL has a column `more`"),
        ("SELECT person FROM active", "its contract has a column `days`"),
        ("SELECT days, person FROM active", "its contract says `person`"),
        ("SELECT person, person AS days FROM active", "its contract says Int64"),
        ("SELECT 'x' AS person, days FROM active", "the same key"),
        ("SELECT person, random() AS days FROM active", "random"),
        ("SELECT person, days FROM before", "before"),
    ] {
        let wrong = with_sql(
            &models,
            "active",
            &sql.replace("FROM active", "FROM (SELECT user_principal_name AS person, 1 AS days FROM detail)"),
        );
        let record = lake.build(&wrong, "2026-06-01", true).await.unwrap();
        let problems: Vec<&str> = record.problems.iter().map(|p| p.model.as_str()).collect();
        assert_eq!(problems, ["active", "growth", "total"], "{sql}");
        assert!(record.problems[0].message.contains(says), "{}: {:?}", sql, record.problems[0]);
        assert!(record.problems[1].message.contains("`active`"));
    }
    let wrong = with_sql(&models, "growth", "SELECT 1");
    let record = lake.build(&wrong, "2026-06-01", false).await.unwrap();
    assert_eq!(record.problems.len(), 1);
    assert_eq!(record.models.iter().map(|m| m.model.as_str()).collect::<Vec<_>>(), ["active", "total"]);
}

#[tokio::test]
async fn sql_cannot_write() {
    let lake = Tiny::new().await;
    let engine =
        crate::engine::Engine::new(&lake.lake, crate::engine::Limits { memory: 64 << 20, threads: 1 }).unwrap();
    let session = engine.session(false);
    for sql in [
        "CREATE TABLE t AS SELECT 1",
        "COPY (SELECT 1) TO 'x.csv'",
        "SET a = 1",
        "DROP TABLE t",
        "SELECT * FROM '/etc/passwd'",
    ] {
        let e = match session.sql(sql).await {
            Ok(_) => panic!("{sql} was planned"),
            Err(e) => crate::engine::refusal(Kind::Usage, e, &[]),
        };
        assert_eq!(e.kind(), Kind::Usage);
    }
    assert!(session.sql("SELECT 1").await.is_ok());
}
