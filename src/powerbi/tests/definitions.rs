//! The definitions, held to the contracts and to each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::marts::Models;
use crate::powerbi::report::{Page, Settings};
use crate::powerbi::{Audience, Content, Definitions, Model, Reference, Table, references};

fn model(audience: Audience) -> Model {
    Model::of(&Definitions::load().unwrap(), &Models::load(None).unwrap(), audience, &[]).unwrap()
}

/// Every expression of a table with what it belongs to.
fn expressions(table: &Table) -> Vec<(String, String)> {
    let measures = table.measures.iter().map(|m| (format!("[{}]", m.name), m.dax.clone()));
    let columns = table.columns.iter().filter_map(|c| Some((format!("{}[{}]", table.name, c.name), c.dax.clone()?)));
    let whole = match &table.content {
        Content::Calculated(dax) => Some((table.name.clone(), dax.clone())),
        _ => None,
    };
    measures.chain(columns).chain(whole).collect()
}

/// What all expressions, roles, relationships, keys, sorts and hierarchies of the model use, as `table`, `column`.
fn used(model: &Model) -> BTreeSet<(String, String)> {
    let mut used = BTreeSet::new();
    let mut add = |table: &str, column: &str| used.insert((table.to_string(), column.to_string()));
    for table in &model.tables {
        for (_, dax) in expressions(table) {
            for reference in references(&dax) {
                if let Reference::Column(t, c) = reference {
                    add(&t, &c);
                }
            }
        }
        if let Content::Mart { keys, .. } = &table.content {
            keys.iter().flat_map(|k| &k.of).for_each(|c| _ = add(&table.name, c));
        }
        table.columns.iter().filter_map(|c| c.sort_by.as_ref()).for_each(|c| _ = add(&table.name, c));
        table.columns.iter().filter(|c| c.key).for_each(|c| _ = add(&table.name, &c.name));
    }
    for r in &model.relationships {
        for (t, c) in [&r.from, &r.to].into_iter().filter_map(|end| end.split_once('.')) {
            add(t, c);
        }
    }
    for (table, rows) in model.roles.iter().flat_map(|r| &r.filters) {
        for reference in references(rows) {
            match reference {
                Reference::Measure(c) => _ = add(table, &c),
                Reference::Column(t, c) => _ = add(&t, &c),
                Reference::Table(_) => {}
            }
        }
    }
    used
}

#[test]
fn names_are_unique_in_any_case() {
    for audience in [Audience::People, Audience::Shared] {
        let model = model(audience);
        let mut seen = BTreeSet::new();
        for table in &model.tables {
            assert!(seen.insert(("table", table.name.to_lowercase())), "{}", table.name);
            let mut columns = BTreeSet::new();
            for column in &table.columns {
                assert!(columns.insert(column.name.to_lowercase()), "{}[{}]", table.name, column.name);
            }
            for m in &table.measures {
                assert!(seen.insert(("measure", m.name.to_lowercase())), "[{}]", m.name);
                assert!(!columns.contains(&m.name.to_lowercase()), "[{}] is a column of {}", m.name, table.name);
            }
        }
    }
}

#[test]
fn everything_that_is_named_is_there() {
    let definitions = Definitions::load().unwrap();
    let people = model(Audience::People);
    assert_eq!(people.tables.iter().map(|t| t.measures.len()).sum::<usize>(), definitions.measures.len());
    for audience in [Audience::People, Audience::Shared] {
        let model = model(audience);
        let measures: BTreeSet<&str> = model.tables.iter().flat_map(|t| &t.measures).map(|m| m.name.as_str()).collect();
        for table in &model.tables {
            for (what, dax) in expressions(table) {
                // Columns that the expression itself makes stand in its texts.
                let own: BTreeSet<&str> = dax.split('"').skip(1).step_by(2).collect();
                for reference in references(&dax) {
                    match reference {
                        Reference::Column(t, c) => {
                            let there = model.table(&t).is_some_and(|t| t.column(&c).is_some());
                            assert!(there, "{what} names {t}[{c}]");
                        }
                        Reference::Measure(name) => {
                            assert!(
                                measures.contains(name.as_str()) || own.contains(name.as_str()),
                                "{what} names [{name}]"
                            );
                        }
                        Reference::Table(_) => {}
                    }
                }
            }
            for h in &table.hierarchies {
                h.levels.iter().for_each(|l| assert!(table.column(l).is_some(), "{}: {l}", h.name));
            }
            for by in table.columns.iter().filter_map(|c| c.sort_by.as_deref()) {
                assert!(table.column(by).is_some(), "{}[{by}]", table.name);
            }
        }
    }
}

#[test]
fn no_variable_has_the_name_of_a_table() {
    let model = model(Audience::People);
    let tables: BTreeSet<String> = model.tables.iter().map(|t| t.name.to_lowercase()).collect();
    for (what, dax) in model.tables.iter().flat_map(expressions) {
        for name in dax.split("VAR ").skip(1).filter_map(|rest| rest.split_whitespace().next()) {
            assert!(!tables.contains(&name.to_lowercase()), "{what}: {name}");
        }
    }
}

#[test]
fn what_a_definition_says_of_columns_is_of_columns_that_there_are() {
    let definitions = Definitions::load().unwrap();
    for audience in [Audience::People, Audience::Shared] {
        let model = model(audience);
        for d in definitions.tables.iter().filter(|d| d.project.is_none_or(|p| p == audience)) {
            let table = model.table(&d.name).unwrap();
            let sources: BTreeSet<&str> = table.columns.iter().map(|c| c.source.as_str()).collect();
            // A definition is of both projects, and the shared one lacks what is not shared.
            let whole = d.project.is_none() && audience == Audience::Shared;
            for source in d.names.keys().chain(&d.hidden).chain(&d.idle).filter(|_| !whole) {
                assert!(sources.contains(source.as_str()), "{}: {source}", d.name);
            }
            for name in d.formats.keys().chain(d.sort_by.keys()).chain(d.categories.keys()).chain(&d.key) {
                assert!(table.column(name).is_some(), "{}: {name}", d.name);
            }
            assert!(
                !table.description.is_empty() && table.columns.iter().all(|c| !c.description.is_empty()),
                "{}",
                d.name
            );
        }
    }
}

#[test]
fn a_hidden_column_is_used_or_idle_on_purpose() {
    let definitions = Definitions::load().unwrap();
    let model = model(Audience::People);
    let used = used(&model);
    for d in definitions.tables.iter().filter(|d| d.project != Some(Audience::Shared) && !d.hide) {
        for column in &model.table(&d.name).unwrap().columns {
            let is_used = used.contains(&(d.name.clone(), column.name.clone()));
            let idle = d.idle.contains(&column.source);
            assert!(!idle || column.hidden, "{}[{}] is shown, so it is not idle", d.name, column.name);
            assert!(!idle || !is_used, "{}[{}] is used, so it is not idle", d.name, column.name);
            assert!(!column.hidden || is_used || idle, "{}[{}] is hidden, and nothing uses it", d.name, column.name);
        }
    }
}

/// Every text that the SQL of a model takes for a value of a column: `WHEN 'web' THEN …`.
fn cases(models: &Models, model: &str) -> BTreeSet<String> {
    let sql = models.get(model).unwrap().sql.clone();
    sql.split("WHEN '").skip(1).filter_map(|rest| Some(rest.split_once("' THEN")?.0.to_string())).collect()
}

#[test]
fn what_a_mart_writes_has_the_name_that_the_reports_give_it() {
    let (models, model) = (Models::load(None).unwrap(), model(Audience::People));
    let named = |table: &str, column: &str| -> BTreeMap<String, String> {
        let labels = &model.table(table).unwrap().column(column).unwrap().labels;
        labels.iter().map(|[value, label]| (value.clone(), label.clone())).collect()
    };
    let clients = named("Clients", "Client");
    assert_eq!(clients.keys().cloned().collect::<BTreeSet<_>>(), cases(&models, "tenant_client_usage"));
    // The report's header says how it is written, but for capital letters and the word before devices.
    let mut seen = BTreeSet::new();
    for input in &models.get("tenant_client_usage").unwrap().contract.inputs {
        for column in crate::catalog::all().iter().filter(|r| r.table() == input.name).flat_map(|r| &r.columns) {
            let id = column.name.trim_start_matches("used_");
            let Some(name) = clients.get(id) else { continue };
            let header = column.header.trim_start_matches("Used ");
            assert!(name.eq_ignore_ascii_case(header), "{}: `{name}`, and the report says `{header}`", input.name);
            seen.insert(id);
        }
    }
    assert_eq!(seen.len(), clients.len());
    let apps = named("Copilot", "App");
    assert_eq!(apps.keys().cloned().collect::<BTreeSet<_>>(), cases(&models, "copilot_shown"));
    // No name is an id.
    let all = model.tables.iter().flat_map(|t| &t.columns).flat_map(|c| &c.labels);
    for [value, label] in all {
        assert!(!label.contains('_') && label.chars().any(char::is_uppercase), "`{value}` is `{label}`");
    }
}

/// What pages and slicers show, filter and sort by, as `Table[Column]`.
fn on_pages() -> BTreeSet<String> {
    let settings = Settings::load().unwrap();
    let mut fields: BTreeSet<String> = settings.slicers.iter().map(|s| s.field.to_string()).collect();
    for page in Page::of(Audience::People).unwrap() {
        let filters = page.filters.iter().chain(page.visuals.iter().flat_map(|v| &v.filters));
        let sorts = page.visuals.iter().filter_map(|v| v.sort.as_ref()).map(|s| &s.by);
        let shown = page.visuals.iter().flat_map(|v| v.shown());
        let all = filters.map(|f| &f.field).chain(sorts).chain(shown).chain(&page.drill_through);
        fields.extend(all.map(ToString::to_string));
    }
    fields
}

#[test]
fn a_shown_column_is_used_or_offered_on_purpose() {
    let definitions = Definitions::load().unwrap();
    let model = model(Audience::People);
    let (used, pages) = (used(&model), on_pages());
    assert!(model.table("Person").is_some() && pages.contains("Person[Person]"));
    for d in definitions.tables.iter().filter(|d| d.project != Some(Audience::Shared)) {
        let table = model.table(&d.name).unwrap();
        for column in table.columns.iter().filter(|c| !c.hidden) {
            let name = format!("{}[{}]", d.name, column.name);
            let is_used = used.contains(&(d.name.clone(), column.name.clone()))
                || pages.contains(&name)
                || table.hierarchies.iter().any(|h| h.levels.contains(&column.name));
            let offered = d.offered.contains(&column.source);
            assert!(is_used || offered, "{name} is shown, and nothing uses it");
            assert!(!(is_used && offered), "{name} is used, so it is more than offered");
        }
        for source in &d.offered {
            assert!(table.columns.iter().any(|c| c.source == *source && !c.hidden), "{}: {source}", d.name);
        }
    }
}

#[test]
fn two_tables_are_joined_in_one_way() {
    for audience in [Audience::People, Audience::Shared] {
        let model = model(audience);
        let mut from: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for r in &model.relationships {
            let table = |end: &str| end.split_once('.').unwrap().0.to_string();
            let kind = |end: &str| {
                let (t, c) = end.split_once('.').unwrap();
                model.table(t).unwrap().column(c).unwrap().column_type
            };
            assert_eq!(kind(&r.from), kind(&r.to), "{} and {}", r.from, r.to);
            assert!(end_is_key(&model, &r.to), "{} is no key", r.to);
            from.entry(table(&r.to)).or_default().push(table(&r.from));
        }
        fn ways(from: &BTreeMap<String, Vec<String>>, a: &str, b: &str) -> usize {
            from.get(a).into_iter().flatten().map(|n| usize::from(n == b) + ways(from, n, b)).sum()
        }
        for a in from.keys() {
            for b in &model.tables {
                assert!(ways(&from, a, &b.name) <= 1, "from {a} to {} there is more than one way", b.name);
            }
        }
    }
}

fn end_is_key(model: &Model, end: &str) -> bool {
    let (t, c) = end.split_once('.').unwrap();
    model.table(t).unwrap().column(c).unwrap().key
}

#[test]
fn a_role_hides_what_is_of_the_whole_tenant() {
    let model = model(Audience::People);
    for role in &model.roles {
        for table in &model.tables {
            let shown = role.open.contains(&table.name) || role.filters.contains_key(&table.name);
            let whole = matches!(&table.content, Content::Mart { mart, .. } if mart.starts_with("tenant_") || mart == "campaign_effect" || mart == "first_time_users");
            assert!(!(shown && whole), "{} shows {}", role.name, table.name);
            // What is open and has people or groups hangs on a table that is filtered.
            let cut = model.relationships.iter().any(|r| {
                let (from, to) = (r.from.split_once('.').unwrap().0, r.to.split_once('.').unwrap().0);
                from == table.name && role.filters.contains_key(to)
            });
            let counts = matches!(&table.content, Content::Mart { months: Some(_), .. });
            assert!(!counts || !role.open.contains(&table.name) || cut, "{} shows all of {}", role.name, table.name);
        }
    }
}
