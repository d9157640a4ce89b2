//! Months that are not built again: who is forgotten goes all the same, and columns come.

use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::super::{Contract, Erase, Frozen, Models, Renewed, Without};
use super::lakes::{Cells, Tiny};
use crate::day::Day;
use crate::error::Result;

const TABLE: &str = "office365_active_user_detail";
const TODAY: &str = "2026-06-01";

/// `active` reads a table, `growth` what `active` says. `more` are columns of `active` with their SQL.
fn models(more: &[(&str, &str)]) -> Models {
    let contract = |name: &str, kind: &str, columns: &str, inputs: &str| {
        format!(
            "model = '{name}'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = '{kind}'\npartition = 'month'\nkey = ['person']\n\
             columns = [{{ name = 'person', type = 'text', who = 'id', description = 'd' }}, {columns}]\n{inputs}"
        )
    };
    let column = |name: &str| format!("{{ name = '{name}', type = 'int', description = 'd' }},");
    let input = |name: &str| format!("[[inputs]]\nname = '{name}'\n");
    let names: String = more.iter().map(|(name, _)| column(name)).collect();
    let sql: String = more.iter().map(|(name, sql)| format!(", {sql} AS {name}")).collect();
    let active = format!("SELECT user_principal_name AS person{sql} FROM {TABLE} GROUP BY user_principal_name");
    Models::of_texts(&[
        ("active", &active, &contract("active", "staging", &names, &input(TABLE))),
        (
            "growth",
            "SELECT person, 1 AS one FROM active",
            &contract("growth", "mart", &column("one"), &input("active")),
        ),
    ])
    .unwrap()
}

const DAYS: (&str, &str) = ("days", "count(*)");
const FLAG: (&str, &str) = ("flag", "1");

fn month(n: u32) -> Option<Day> {
    Day::new(2026, n, 1)
}

/// People by month, from January on, of a lake whose retention has then taken January and February.
async fn lake(people: &[&[&str]]) -> Tiny {
    let mut lake = Tiny::new().await;
    for (n, names) in people.iter().enumerate() {
        let rows: Vec<Cells> =
            names.iter().map(|name| toml::from_str(&format!("user_principal_name = '{name}'")).unwrap()).collect();
        lake.put(TABLE, 1, &format!("2026-0{}-05", n + 1), &rows).await;
    }
    lake.build(&models(&[DAYS]), TODAY, false).await.unwrap();
    lake.horizon.raise(TABLE, Day::new(2026, 3, 1).unwrap());
    lake.horizon.finish();
    lake
}

/// Takes out rows of one person.
struct Gone(&'static str);

impl Erase for Gone {
    fn print(&self) -> String {
        self.0.to_string()
    }

    fn without(&self, contract: &Contract, _: Day, rows: &RecordBatch) -> Result<Option<Without>> {
        let column = contract.columns.iter().position(|c| c.who.is_some()).unwrap();
        let stays = |name: Option<&str>| Some(name != Some(self.0));
        let keep: BooleanArray = rows.column(column).as_string::<i32>().iter().map(stays).collect();
        let left = filter_record_batch(rows, &keep).unwrap();
        let dropped = (rows.num_rows() - left.num_rows()) as u64;
        Ok((dropped > 0).then_some(Without { rows: left, dropped, emptied: 0 }))
    }
}

fn without(name: &'static str) -> Frozen {
    Frozen { erase: Some(Arc::new(Gone(name))), again: false }
}

async fn names(lake: &Tiny, model: &str, n: u32) -> Vec<String> {
    let models = models(&[DAYS]);
    let rows = lake.rows(models.get(model).unwrap(), month(n)).await;
    rows.into_iter().map(|row| row["person"].clone().unwrap()).collect()
}

async fn file(lake: &Tiny, model: &str, n: u32) -> Option<bytes::Bytes> {
    let models = models(&[DAYS]);
    lake.bytes(&models.get(model).unwrap().key(&lake.layout, month(n))).await
}

#[tokio::test]
async fn who_is_forgotten_goes_from_months_that_are_not_built_again() {
    let models = models(&[DAYS]);
    let mut lake = lake(&[&["ann", "bob"], &["ann"], &["ann", "bob"]]).await;
    let before = lake.state.clone();
    let record = lake.build(&models, TODAY, true).await.unwrap();
    assert!(record.renewed.is_none() && names(&lake, "active", 1).await == ["ann", "bob"]);

    lake.frozen = without("ann");
    let record = lake.build(&models, TODAY, false).await.unwrap();
    assert_eq!(record.renewed, Renewed { partitions: 2, rows: 2, cells: 0 });
    for model in ["active", "growth"] {
        assert_eq!(names(&lake, model, 1).await, ["bob"], "{model}");
        assert_eq!(names(&lake, model, 2).await, Vec::<String>::new(), "{model}");
        // It is built of its table, which others clean.
        assert_eq!(names(&lake, model, 3).await, ["ann", "bob"], "{model}");
    }
    // The same bytes as where the person never was. A month that has lost its last row has a file, and what reads it has none.
    let never = self::lake(&[&["bob"], &[], &["ann", "bob"]]).await;
    assert!(file(&lake, "active", 1).await.is_some());
    assert_eq!(file(&lake, "active", 1).await, file(&never, "active", 1).await);
    assert_eq!(file(&lake, "growth", 1).await, file(&never, "growth", 1).await);
    assert!(file(&lake, "active", 2).await.is_some() && file(&lake, "growth", 2).await.is_none());

    // What is done is not done again, and what a build put that was killed before it was noted is found.
    let whole = lake.state.clone();
    let record = lake.build(&models, TODAY, false).await.unwrap();
    assert!(record.renewed.is_none() && record.published() == 0 && lake.state == whole);
    for again in [false, true] {
        lake.frozen.again = again;
        lake.state = before.clone();
        let record = lake.build(&models, TODAY, false).await.unwrap();
        assert!(record.renewed.is_none() && record.whole());
        assert!(lake.state == whole, "{:?}", lake.state.objects("active"));
    }
    // Other people, other looks.
    lake.frozen = without("bob");
    assert_eq!(lake.build(&models, TODAY, false).await.unwrap().renewed.rows, 1);
    assert!(file(&lake, "active", 1).await.is_some());
}

#[tokio::test]
async fn a_look_once_more_finds_what_a_backup_brought_back() {
    let models = models(&[DAYS]);
    let mut lake = lake(&[&["ann", "bob"], &["bob"], &["bob"]]).await;
    let (key, old) =
        (models.get("active").unwrap().key(&lake.layout, month(1)), file(&lake, "active", 1).await.unwrap());
    lake.frozen = without("ann");
    lake.build(&models, TODAY, false).await.unwrap();
    lake.lake.replace(&key, old, &lake.guard).await.unwrap();
    assert!(lake.build(&models, TODAY, false).await.unwrap().renewed.is_none());
    lake.frozen.again = true;
    assert_eq!(lake.build(&models, TODAY, false).await.unwrap().renewed.rows, 1);
    assert_eq!(names(&lake, "active", 1).await, ["bob"]);
}

#[tokio::test]
async fn a_month_that_cannot_be_read_keeps_nobody_from_the_rest() {
    let models = models(&[DAYS]);
    let mut lake = lake(&[&["ann", "bob"], &["ann", "bob"], &["bob"]]).await;
    let key = models.get("active").unwrap().key(&lake.layout, month(1));
    lake.lake.replace(&key, bytes::Bytes::from_static(b"PAR1 and no more"), &lake.guard).await.unwrap();
    lake.frozen = without("ann");
    let record = lake.build(&models, TODAY, false).await.unwrap();
    assert_eq!(record.renewed.partitions, 1);
    assert!(
        record.problems.len() == 1 && record.problems[0].message.contains("cannot be read"),
        "{:?}",
        record.problems
    );
    assert!(record.problems[0].message.contains(&key), "{:?}", record.problems);
    assert_eq!(names(&lake, "growth", 2).await, ["bob"]);
}

#[tokio::test]
async fn columns_that_a_contract_gains_are_null_in_months_that_are_not_built_again() {
    let mut lake = lake(&[&["ann", "bob"], &["bob"], &["bob"]]).await;
    let more = models(&[FLAG, DAYS]);
    let record = lake.build(&more, TODAY, false).await.unwrap();
    assert_eq!(record.renewed, Renewed { partitions: 2, rows: 0, cells: 0 });
    let active = more.get("active").unwrap();
    let cells = |rows: Vec<std::collections::BTreeMap<String, Option<String>>>| {
        let text = |row: &std::collections::BTreeMap<String, Option<String>>| {
            ["person", "flag", "days"].map(|c| row[c].clone().unwrap_or("null".into())).join(" ")
        };
        rows.iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(cells(lake.rows(active, month(1)).await), ["ann null 1", "bob null 1"]);
    assert_eq!(cells(lake.rows(active, month(3)).await), ["bob 1 1"]);
    assert_eq!(lake.state.earlier().count(), 0);
    assert!(lake.build(&more, TODAY, false).await.unwrap().renewed.is_none());

    // One that it has lost stays where it is, and people go there too.
    let less = models(&[FLAG]);
    let was = file(&lake, "active", 2).await;
    lake.frozen = without("ann");
    let record = lake.build(&less, TODAY, false).await.unwrap();
    assert_eq!(record.renewed, Renewed { partitions: 1, rows: 1, cells: 0 });
    assert_eq!(cells(lake.rows(active, month(1)).await), ["bob null 1"]);
    assert_eq!(file(&lake, "active", 2).await, was);
    assert_eq!(lake.state.earlier().count(), 2);
    // And so does one whose key it lacks.
    let of = |key: &str| {
        let text = "model = 'm'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = 'mart'\npartition = 'month'\nkey = [KEY]\ncolumns = [\n\
                    { name = 'person', type = 'text', description = 'd' },\n{ name = 'new', type = 'text', description = 'd' },\n\
                    { name = 'days', type = 'int', description = 'd' },\n{ name = 'flag', type = 'int', description = 'd' },\n]";
        toml::from_str::<Contract>(&text.replace("KEY", key)).unwrap()
    };
    let bytes = was.unwrap();
    let look = |contract: &Contract| {
        let codec = crate::config::Codec::default();
        super::super::frozen::look(contract, month(2).unwrap(), "m", &bytes, codec, None, false).unwrap()
    };
    let grown = look(&of("'person'"));
    assert!(!grown.earlier && grown.other.is_some_and(|other| other.rows == 1));
    assert!(look(&of("'person', 'new'")).earlier);
}

/// A month between what retention took and what is left, without a day of its own, says who was there before.
#[tokio::test]
async fn a_month_without_a_day_stays_between_what_was_taken_and_what_is_left() {
    let contract = |inputs: &str| {
        format!(
            "model = 'known'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = 'mart'\npartition = 'month'\nkey = ['person']\n\
             columns = [{{ name = 'person', type = 'text', who = 'id', description = 'd' }}]\n{inputs}"
        )
    };
    let inputs = format!(
        "[[inputs]]\nname = '{TABLE}'\nas = 'now'\n[[inputs]]\nname = 'known'\nscope = 'previous'\nas = 'before'\n"
    );
    let sql = "SELECT user_principal_name AS person FROM now UNION SELECT person FROM before";
    let models = Models::of_texts(&[("known", sql, &contract(&inputs))]).unwrap();
    let mut lake = Tiny::new().await;
    for (day, name) in [("2026-01-05", "ann"), ("2026-04-05", "bob")] {
        lake.put(TABLE, 1, day, &[toml::from_str(&format!("user_principal_name = '{name}'")).unwrap()]).await;
    }
    lake.build(&models, TODAY, false).await.unwrap();
    let before = lake.state.clone();
    assert_eq!(before.months("known").count(), 4);
    lake.horizon.raise(TABLE, Day::new(2026, 2, 1).unwrap());
    lake.horizon.finish();
    lake.manifest.objects.retain(|key, _| !key.contains("2026-01"));
    let record = lake.build(&models, TODAY, false).await.unwrap();
    assert!(record.models.is_empty() && lake.state.objects("known") == before.objects("known"), "{record:?}");
    // Who is forgotten goes from there as well.
    lake.frozen = without("ann");
    lake.build(&models, TODAY, false).await.unwrap();
    for (n, want) in [(1, vec![]), (2, vec![]), (3, vec![]), (4, vec!["bob"])] {
        let rows = lake.rows(models.get("known").unwrap(), month(n)).await;
        let names: Vec<String> = rows.into_iter().map(|row| row["person"].clone().unwrap()).collect();
        assert_eq!(names, want, "{n}");
    }
}
