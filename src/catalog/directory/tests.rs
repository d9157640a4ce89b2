use std::collections::BTreeSet;

use super::*;

#[test]
fn tables_are_well_formed() {
    let reports: BTreeSet<String> = crate::catalog::all().iter().map(|r| r.table()).collect();
    for t in tables() {
        let name = &t.table;
        assert!(FILES.get_file(format!("{name}.toml")).is_some(), "{name}: its file has another name");
        assert!(!reports.contains(name), "{name}: a report has this name");
        assert!(t.ask.is_none() || t.from.is_none(), "{name}: asked for and taken from another");
        assert!(t.source.starts_with("https://learn.microsoft.com/"), "{name}");
        for k in &t.key {
            assert!(t.position(k).is_some(), "{name}: no column `{k}`");
        }
        assert!(!t.key.is_empty(), "{name}: no key");
        assert_eq!(t.role(Role::FirstSeen).is_some(), t.role(Role::LastSeen).is_some(), "{name}");
        let mut names = BTreeSet::from([UNKNOWN_COLUMNS.to_string()]);
        for c in &t.columns {
            let (name, column) = (&t.table, &c.name);
            assert!(c.path.is_some() != c.role.is_some(), "{name}.{column}: either a path or a role");
            assert!(
                column.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{name}.{column}"
            );
            assert!(names.insert(c.name.clone()), "{name}.{column}: twice");
            assert!(c.description.ends_with('.'), "{name}.{column}");
        }
    }
}

#[test]
fn every_table_belongs_to_one_listing() {
    for t in tables() {
        let in_listings = LISTINGS.iter().filter(|l| l.tables.iter().any(|o| o.table == t.table)).count();
        assert_eq!(in_listings, 1, "{}", t.table);
    }
    let names: BTreeSet<&str> = listings().map(Listing::include).collect();
    assert_eq!(names.len(), listings().count(), "two lists have one name");
}

#[test]
fn what_is_asked_for_follows_from_the_columns() {
    for l in listings() {
        let path = l.path();
        let select = path.split("$select=").nth(1).unwrap().split('&').next().unwrap();
        let asked: BTreeSet<&str> = select.split(',').collect();
        assert!(asked.contains(ENTITY), "{path}");
        for t in &l.tables {
            for p in t.paths() {
                let property = p.split(['.', '[']).next().unwrap();
                let expanded = path.contains(&format!("$expand={property}("));
                assert!(expanded != asked.contains(property), "{}: {p}", t.table);
            }
        }
    }
    let users = listings().find(|l| l.include() == "users").unwrap().path();
    assert!(users.starts_with("/v1.0/users?$select=accountEnabled,assignedLicenses,assignedPlans,"), "{users}");
    assert!(users.ends_with("&$expand=manager($select=id)&$top=999"), "{users}");
}
