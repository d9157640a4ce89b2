use std::path::Path;

use super::*;
use crate::catalog::directory;

/// The first lines in which the committed text differs from the made one.
fn difference(committed: &str, made: &str) -> String {
    let mut out = String::new();
    let (mut a, mut b) = (committed.lines(), made.lines());
    let mut shown = 0;
    for line in 1.. {
        match (a.next(), b.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let _ = writeln!(out, "  line {line}:\n    - {}\n    + {}", a.unwrap_or("(end)"), b.unwrap_or("(end)"));
                shown += 1;
            }
        }
        if shown == 5 {
            out += "  …\n";
            break;
        }
    }
    out
}

#[test]
fn generated_files_are_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("USAGELAKE_UPDATE").is_some();
    let mut stale = String::new();
    for (path, made) in [
        ("docs/reports.md", page()),
        ("docs/directory.md", directory_page()),
        ("schemas/directory.schema.json", schema::<directory::Table>("A table of usagelake's directory")),
        ("schemas/report.schema.json", schema::<Report>("A report of usagelake's catalog")),
        ("docs/marts.md", crate::marts::reference::page().unwrap()),
        ("docs/metrics.md", crate::telemetry::metrics::page()),
        ("docs/powerbi-guide.md", crate::powerbi::report::guide::page().unwrap()),
        ("schemas/page.schema.json", schema::<crate::powerbi::report::Page>("A page of usagelake's report")),
        ("schemas/mart.schema.json", schema::<crate::marts::Contract>("The contract of a model of usagelake's marts")),
        ("schemas/pipeline.schema.json", schema::<crate::config::File>("A pipeline of usagelake")),
    ] {
        let committed = std::fs::read_to_string(root.join(path)).unwrap_or_default().replace("\r\n", "\n");
        if committed == made {
            continue;
        }
        if update {
            std::fs::write(root.join(path), made).unwrap();
        } else {
            let _ = write!(stale, "{path} is not what the code makes:\n{}", difference(&committed, &made));
        }
    }
    assert!(stale.is_empty(), "{stale}mend it with: USAGELAKE_UPDATE=1 cargo test generated_files");
}

#[test]
fn the_page_has_every_report_and_column() {
    let page = page();
    for r in all() {
        let section =
            page.split(&format!("\n### {}\n", r.table())).nth(1).unwrap_or_else(|| panic!("no {}", r.table()));
        let section = section.split("\n##").next().unwrap();
        assert!(section.contains(&r.description), "{}", r.table());
        for c in &r.columns {
            assert!(section.contains(&format!("| `{}` |", c.name)), "{}: {}", r.table(), c.name);
        }
    }
}

#[test]
fn the_page_has_every_table_and_column_of_the_directory() {
    let page = directory_page();
    for t in directory::tables() {
        let section = page.split(&format!("\n### {}\n", t.table)).nth(1).unwrap_or_else(|| panic!("no {}", t.table));
        let section = section.split("\n##").next().unwrap();
        for c in &t.columns {
            assert!(section.contains(&format!("| `{}` |", c.name)), "{}: {}", t.table, c.name);
        }
    }
}

#[test]
fn the_schema_knows_every_key_that_a_report_uses() {
    let schema: serde_json::Value = serde_json::from_str(&schema::<Report>("report")).unwrap();
    for r in all() {
        let written = serde_json::to_value(r).unwrap();
        for key in written.as_object().unwrap().keys() {
            assert!(schema["properties"].get(key).is_some(), "{}: {key}", r.table());
        }
    }
    assert_eq!(schema["additionalProperties"], false);
}
