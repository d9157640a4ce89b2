//! What a set of models must be before any of it is run.

use super::super::{Models, Scope};
use crate::error::Kind;

fn contract(name: &str, partition: &str, inputs: &str) -> String {
    format!(
        "model = '{name}'\ntitle = 't'\ndescription = 'd'\ngrain = 'g'\nkind = 'mart'\npartition = '{partition}'\nkey = ['a']\n\
         columns = [{{ name = 'a', type = 'int', description = 'd' }}]\n{inputs}"
    )
}

fn input(name: &str, scope: &str) -> String {
    format!(
        "[[inputs]]\nname = '{name}'\n{}",
        if scope.is_empty() { String::new() } else { format!("scope = '{scope}'\n") }
    )
}

fn load(models: &[(&str, String)]) -> crate::error::Result<Models> {
    let texts: Vec<(&str, &str, &str)> = models.iter().map(|(n, c)| (*n, "SELECT 1 AS a", c.as_str())).collect();
    Models::of_texts(&texts)
}

#[test]
fn models_stand_after_what_they_read() {
    let models = load(&[
        ("a", contract("a", "month", &input("c", "around"))),
        ("b", contract("b", "none", &(input("a", "all") + &input("days", "")))),
        ("c", contract("c", "month", &(input("c", "previous") + &input("office365_active_user_detail", "last")))),
    ])
    .unwrap();
    assert_eq!(models.iter().map(|m| m.name()).collect::<Vec<_>>(), ["c", "a", "b"]);
    assert_eq!(models.get("a").unwrap().contract.inputs[0].scope, Some(Scope::Months(-1, 1)));
}

#[test]
fn what_cannot_be_is_refused() {
    let month = |inputs: &str| contract("a", "month", inputs);
    for (models, says) in [
        (vec![("a", month(&input("b", ""))), ("b", contract("b", "month", &input("a", "previous")))], "circle"),
        (vec![("a", month(&input("a", "")))], "`previous`"),
        (vec![("a", contract("a", "none", &input("build", "month")))], "no months"),
        (vec![("a", month(&input("office365_active_user_detale", "")))], "no table and no model"),
        (vec![("a", month(&input("build", "monthly")))], "cannot be read"),
        (vec![("a", month(&(input("build", "") + &input("build", "all"))))], "two inputs"),
        (vec![("b", month(""))], "calls it `a`"),
        (vec![("a", month("").replace("'a', type", "'month', type"))], "partition's"),
        (vec![("a", month("").replace("key = ['a']", "key = ['b']"))], "no column"),
        (vec![("a", month("").replace("title", "titel"))], "cannot be read"),
    ] {
        let e = load(&models).unwrap_err();
        assert_eq!(e.kind(), Kind::Config);
        assert!(e.to_string().contains(says), "{e} does not say {says}");
    }
    let e = load(&[("a", month(&input("office365_active_user_detale", "")))]).unwrap_err();
    assert_eq!(e.hint_text(), Some("the nearest is `office365_active_user_detail`"));
    assert!(Models::of_texts(&[("a", "SELECT 1", "")]).is_err());
}

#[test]
fn the_models_of_the_binary_are_whole() {
    let models = Models::load(None).unwrap();
    assert!(!models.marts().is_empty());
}
