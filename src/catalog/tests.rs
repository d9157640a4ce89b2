use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// Requests of one report that Graph answers in ten minutes, and so the most that an ordinary night may ask of it.
const PACE: usize = 14;
/// Days that an ordinary night asks of a report by date: the newest and five that are read again.
const DATES: usize = 6;

/// What is wrong with the catalog, one line for each entry.
fn check(wrong: impl Fn(&Report) -> Vec<String>) {
    let lines: Vec<String> =
        all().iter().flat_map(|r| wrong(r).into_iter().map(move |w| format!("{}: {w}", r.table()))).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

fn said(wrong: bool, what: impl Into<String>) -> Option<String> {
    wrong.then(|| what.into())
}

/// The name that a column must have: the header in small letters, with `_` for all else.
fn snake(header: &str) -> String {
    let words: Vec<String> = header
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    words.join("_")
}

#[test]
fn every_function_has_a_file_of_its_table() {
    assert_eq!(all().len(), 93);
    let files: BTreeSet<String> =
        FILES.files().map(|f| f.path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(files, all().iter().map(Report::table).collect());
    check(|r| {
        let by_any = [r.function.as_str(), &r.function[3..], &r.table(), &r.function.to_uppercase()];
        by_any.iter().filter(|n| find(n) != Some(r)).map(|n| format!("not found as {n}")).collect()
    });
}

#[test]
fn column_names_are_snake_case_and_unique() {
    check(|r| {
        let mut seen = BTreeSet::from([UNKNOWN_COLUMNS.to_string()]);
        // The headers of the API report have no blanks to split at; its names are split at the capitals.
        let spaced = r.columns.iter().any(|c| c.header.contains(' '));
        r.columns
            .iter()
            .flat_map(|c| {
                let named =
                    if spaced { c.name == snake(&c.header) } else { c.name.replace('_', "") == normalise(&c.header) };
                let partition = ["tenant", "period", "day", "month"].contains(&c.name.as_str());
                [
                    said(!named, format!("{} is not `{}` in snake_case", c.name, c.header)),
                    said(!seen.insert(c.name.to_lowercase()), format!("two columns {}", c.name)),
                    said(partition, format!("{} is a partition key", c.name)),
                ]
            })
            .flatten()
            .collect()
    });
}

#[test]
fn no_spelling_means_two_columns() {
    check(|r| {
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        let mut wrong = vec![];
        for c in &r.columns {
            for spelling in [&c.header].into_iter().chain(&c.aliases) {
                if let Some(other) = seen.insert(normalise(spelling), &c.name) {
                    wrong.push(format!("`{spelling}` means {} and {other}", c.name));
                }
            }
        }
        wrong
    });
}

#[test]
fn keys_and_merges_fit_the_kind() {
    check(|r| {
        let column = |name: &String| r.columns.iter().find(|c| c.name == *name);
        let dated = r.role(Role::ReportDate).is_some_and(|i| !r.columns[i].undocumented);
        let merge = match r.kind {
            Kind::Detail => Merge::Replace,
            Kind::Counts if dated => Merge::ByReportDate,
            Kind::Counts | Kind::Summary => Merge::ByRefreshDate,
        };
        let mut wrong: Vec<String> =
            r.key.iter().filter(|k| column(k).is_none()).map(|k| format!("key {k} is no column")).collect();
        wrong.extend(said(r.merge != merge, format!("merges {:?}, expected {merge:?}", r.merge)));
        wrong.extend(said(r.kind == Kind::Detail && r.key.is_empty(), "a detail without a key"));
        wrong.extend(said(
            r.kind == Kind::Counts && !r.key.contains(&"report_date".to_string()),
            "counts without their day in the key",
        ));
        // Rows of different site types hold each other.
        let typed = column(&"site_type".to_string()).is_some() && !r.key.contains(&"site_type".to_string());
        wrong.extend(said(typed, "the site type is not in the key"));
        wrong
    });
}

#[test]
fn a_night_asks_what_the_function_takes_and_no_more_than_the_pace() {
    check(|r| {
        let n = &r.night;
        let asked: Vec<u16> = [&n.nightly, &n.weekly, &n.seed].into_iter().flatten().copied().collect();
        let requests = usize::from(n.present) + if n.dates { DATES } else { 0 } + n.nightly.len() + n.weekly.len();
        let none = r.periods.is_empty() && !r.date;
        let twice = n.nightly.iter().any(|p| n.weekly.contains(p));
        [
            said(requests == 0 || requests > PACE, format!("{requests} requests a night")),
            said(asked.iter().any(|p| !r.periods.contains(p)), format!("asks for {asked:?} of {:?}", r.periods)),
            said(n.dates && !r.date, "asks for days that the function does not take"),
            said(n.present != none, "the present state is for functions without parameters, and only for them"),
            said(twice, "a period is asked nightly and weekly"),
            said(n.catch_up && r.kind != Kind::Counts, "only counts catch up"),
        ]
        .into_iter()
        .flatten()
        .collect()
    });
}

#[test]
fn versions_and_arguments_agree() {
    check(|r| {
        let mut wrong = vec![];
        wrong.extend(said(r.versions.is_empty(), "no version"));
        wrong.extend(said(!r.verified && r.default, "nobody has read it, and it is on"));
        wrong.extend(said((!r.verified || !r.default) && r.note.is_none(), "off without a reason"));
        for c in &r.columns {
            wrong.extend(said(c.versions.iter().any(|v| !r.versions.contains(v)), format!("{}: its version", c.name)));
            for (name, value) in &c.requires {
                let known = r.arguments.iter().any(|a| a.name == *name && a.values.contains(value));
                wrong.extend(said(!known, format!("{}: no argument {name} = {value}", c.name)));
            }
        }
        for a in &r.arguments {
            let stray = a.periods.keys().chain(&a.default).any(|v| !a.values.contains(v));
            wrong.extend(said(stray, format!("argument {}: a value that it does not take", a.name)));
        }
        wrong
    });
}

#[test]
fn columns_say_what_they_are() {
    use ColumnType::{Bool, Date, Datetime, Float, Guid, Int};
    check(|r| {
        let mut wrong = vec![];
        for role in [Role::RefreshDate, Role::ReportDate, Role::ReportPeriod, Role::LastActivity] {
            let n = r.columns.iter().filter(|c| c.role == Some(role)).count();
            wrong.extend(said(n > 1, format!("{n} columns are {role:?}")));
        }
        let dated = r.role(Role::RefreshDate).or(r.role(Role::ReportDate));
        wrong.extend(said(dated.is_none(), "no row says of which day it is"));
        for c in &r.columns {
            let t = c.column_type;
            let type_of_role = match c.role {
                Some(Role::ReportPeriod) => t == Int,
                Some(_) => matches!(t, Date | Datetime),
                None => true,
            };
            let is = |wrong: bool, what: &str| said(wrong, format!("{}: {what}", c.name));
            wrong.extend(is(!type_of_role, "its type is not that of its role"));
            wrong.extend(is((t == Bool) != c.written.is_some(), "how yes and no are written is for booleans"));
            wrong.extend(is(t == Float && !c.header.contains("verage"), "only averages are fractions"));
            wrong.extend(is(c.concealed == Some(Concealed::ZeroGuid) && t != Guid, "a zero GUID is no GUID"));
            let person = r.columns.iter().any(|c| c.name == "user_principal_name");
            wrong.extend(is(c.act.is_some() && (r.kind != Kind::Detail || !person || t != Int), "no act of a person"));
            wrong.extend(is(c.name.ends_with("_activity_date") && c.blank != Blank::NeverHappened, "its blank"));
        }
        wrong
    });
}

#[test]
fn everything_is_described() {
    let mut titles: BTreeMap<&str, &str> = BTreeMap::new();
    for r in all() {
        for text in [&r.title, &r.description] {
            if let Some(other) = titles.insert(text, &r.function) {
                panic!("{} and {other} say the same: {text}", r.function);
            }
        }
    }
    check(|r| {
        let mut seen = BTreeSet::new();
        let sentence = |text: &str| text.len() >= 20 && text.ends_with('.') && !text.contains("  ");
        let mut wrong = vec![];
        wrong.extend(said(!sentence(&r.description), "its description is no sentence"));
        wrong.extend(said(r.title.is_empty() || r.title.ends_with('.'), "its title"));
        wrong.extend(said(r.source.is_empty() || r.permissions.is_empty(), "no source or permission"));
        for c in &r.columns {
            let bare = normalise(&c.description) == normalise(&c.header);
            let boilerplate = c.description.starts_with(&format!("The {}", c.header));
            wrong
                .extend(said(!sentence(&c.description) || bare || boilerplate, format!("{} is not described", c.name)));
            wrong.extend(said(!seen.insert(&c.description), format!("{} is described as another is", c.name)));
            let unit = if c.name.ends_with("_byte") { "Bytes" } else { "" };
            wrong.extend(said(!c.description.contains(unit), format!("{} does not say its unit", c.name)));
        }
        wrong
    });
}

#[test]
fn file_names_are_of_one_report_each() {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for r in all() {
        let own = [r.function[3..].to_string()];
        let mut names: Vec<String> = own.iter().chain(&r.file_names).map(|n| normalise(n)).collect();
        names.dedup();
        for name in names {
            let other = seen.insert(name.clone(), &r.function).filter(|o| *o != r.function);
            assert_eq!(other, None, "{}: the file name {name}", r.function);
        }
    }
}
