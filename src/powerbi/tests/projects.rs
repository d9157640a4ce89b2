//! The two projects as files: what is in them, what changes, what stays.

use std::collections::BTreeMap;
use std::fs;

use crate::marts::Models;
use crate::powerbi::{Audience, Definitions, File, Project, Source, Written, write};

fn project(audience: Audience) -> Project {
    let source = Source::Adls("https://contoso.dfs.core.windows.net/lake".into());
    Project { name: "Usage".into(), tenant: "contoso".into(), audience, source, readers: Vec::new() }
}

fn files(audience: Audience, models: &Models) -> Vec<File> {
    project(audience).files(&Definitions::load().unwrap(), models).unwrap()
}

fn text(files: &[File], end: &str) -> String {
    files.iter().find(|f| f.path.ends_with(end)).unwrap_or_else(|| panic!("no {end}")).text.clone()
}

/// The models with one of them changed, as a folder of the pipeline file changes them.
fn models_with(model: &str, change: impl Fn(&str) -> String) -> Models {
    let folder = tempfile::tempdir().unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let contract = fs::read_to_string(root.join(format!("schemas/marts/{model}.toml"))).unwrap();
    let sql = root.join(format!("pipelines/usage_analytics/{model}.sql"));
    fs::write(folder.path().join(format!("{model}.toml")), change(&contract)).unwrap();
    fs::copy(sql, folder.path().join(format!("{model}.sql"))).unwrap();
    Models::load(Some(folder.path())).unwrap()
}

#[test]
fn a_table_as_text() {
    let files = files(Audience::People, &Models::load(None).unwrap());
    let table = text(&files, "tables/Pattern.tmdl").replace('\t', "  ");
    insta::assert_snapshot!(table.lines().take(14).collect::<Vec<_>>().join("\n"), @"
/// What the use of a segment looks like, and what a campaign could do about it.
table Pattern
  lineageTag: 8065b218-4955-51be-b284-fbb1832cfc32

  /// The pattern as the marts write it.
  column pattern_id
    dataType: string
    isHidden
    isKey
    lineageTag: 9c78bd01-867e-5903-9e53-e905c6d02089
    summarizeBy: none
    sourceColumn: pattern_id

    annotation SummarizationSetBy = User
");
}

#[test]
fn a_column_more_changes_the_file_of_its_table() {
    let before = files(Audience::People, &Models::load(None).unwrap());
    let more = r#"columns = [{ name = "shared_mailboxes", type = "int", description = "Mailboxes of nobody." },"#;
    let models = models_with("tenant_mailbox_usage", |text| text.replacen("columns = [", more, 1));
    let after = files(Audience::People, &models);
    let changed: Vec<&str> = before.iter().zip(&after).filter(|(a, b)| a != b).map(|(a, _)| a.path.as_str()).collect();
    assert_eq!(before.len(), after.len());
    assert_eq!(changed, ["Usage.SemanticModel/definition/tables/Mailboxes.tmdl"]);
    assert!(text(&after, "Mailboxes.tmdl").contains("\tcolumn 'Shared mailboxes'\n"));
}

#[test]
fn a_mart_of_ones_own_is_a_table_under_its_title() {
    let folder = tempfile::tempdir().unwrap();
    let contract = "model = 'rooms'\ntitle = 'Rooms in use'\ndescription = 'x'\ngrain = 'room'\nkind = 'mart'\npartition = 'month'\nkey = ['room']\n\
                    columns = [{ name = 'room', type = 'text', description = 'The room.' }]\n";
    fs::write(folder.path().join("rooms.toml"), contract).unwrap();
    fs::write(folder.path().join("rooms.sql"), "SELECT 'a' AS room").unwrap();
    let models = Models::load(Some(folder.path())).unwrap();
    let people = files(Audience::People, &models);
    assert!(text(&people, "tables/Rooms in use.tmdl").contains("\tcolumn Room\n"));
    assert!(text(&people, "relationships.tmdl").contains("fromColumn: 'Rooms in use'.month\n"));
    // Nobody has said that it is safe to show.
    assert!(!files(Audience::Shared, &models).iter().any(|f| f.path.contains("Rooms")));
}

#[test]
fn written_twice_no_byte_differs_and_what_is_not_ours_stays() {
    let models = Models::load(None).unwrap();
    let project = project(Audience::People);
    let all = files(Audience::People, &models);
    let folder = tempfile::tempdir().unwrap();
    let first = write(&project, &all, folder.path()).unwrap();
    assert_eq!(first, Written { written: all.len(), unchanged: 0, removed: 0 });

    let own = folder.path().join("Usage.Report/definition/pages/own/page.json");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "{}").unwrap();
    let again = write(&project, &all, folder.path()).unwrap();
    assert_eq!(again, Written { written: 0, unchanged: all.len(), removed: 0 });

    let role = "Usage.SemanticModel/definition/roles/Countries.tmdl";
    let fewer: Vec<File> = all.iter().filter(|f| f.path != role).cloned().collect();
    let less = write(&project, &fewer, folder.path()).unwrap();
    assert_eq!(less, Written { written: 0, unchanged: fewer.len(), removed: 1 });
    assert!(!folder.path().join(role).exists() && own.exists());
}

#[test]
fn the_shared_project_has_nothing_of_people() {
    let models = Models::load(None).unwrap();
    let shared = files(Audience::Shared, &models);
    for file in &shared {
        for word in ["user_principal_name", "person_id", "display_name", "/marts\""] {
            assert!(!file.text.contains(word), "{}: {word}", file.path);
        }
    }
    assert!(text(&shared, "tables/Adoption.tmdl").contains("\"marts_shared/adoption_by_group/tenant=contoso\""));
}

/// Exact counts of everything stand in the lake's manifest.
#[test]
fn the_shared_project_reads_nothing_outside_marts_shared() {
    let models = Models::load(None).unwrap();
    let definitions = Definitions::load().unwrap();
    let root = "https://usage.contoso.com/lake/";
    let blob =
        Source::Blob { account: "https://c.blob.core.windows.net".into(), container: "c".into(), folder: "l".into() };
    for source in [Source::Https(root.into()), Source::Adls(root.into()), Source::Folder("C:\\lake".into()), blob] {
        let shared = Project { source, ..project(Audience::Shared) }.files(&definitions, &models).unwrap();
        for file in shared.iter().filter(|f| f.path.ends_with(".tmdl")) {
            for line in file.text.lines().filter(|l| l.contains("/tenant=") || l.contains("RelativePath = \"")) {
                assert!(line.contains("marts_shared/"), "{}: {line}", file.path);
            }
            assert!(!file.text.contains("_usagelake"), "{}", file.path);
        }
    }
    let https = Project { source: Source::Https(root.into()), ..project(Audience::Shared) };
    let adoption = text(&https.files(&definitions, &models).unwrap(), "tables/Adoption.tmdl");
    assert!(adoption.contains("[RelativePath = \"marts_shared/manifest/contoso.json\"]"), "{adoption}");
}

#[test]
fn identifiers_are_different_within_a_kind_and_the_same_in_both_projects() {
    let models = Models::load(None).unwrap();
    let tags = |files: &[File]| {
        let mut tags: BTreeMap<String, usize> = BTreeMap::new();
        for line in files.iter().flat_map(|f| f.text.lines()) {
            if let Some(tag) = line.trim().strip_prefix("lineageTag: ") {
                *tags.entry(tag.to_string()).or_default() += 1;
            }
        }
        tags
    };
    let (people, shared) = (tags(&files(Audience::People, &models)), tags(&files(Audience::Shared, &models)));
    assert!(people.values().all(|n| *n == 1));
    assert!(shared.keys().all(|tag| people.contains_key(tag)));
}
