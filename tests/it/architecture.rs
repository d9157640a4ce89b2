//! The invariants of ARCHITECTURE.md that a test can hold.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Source files with their module, without tests.
fn modules() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    files
        .into_iter()
        .filter(|p| !p.components().any(|c| c.as_os_str() == "tests" || c.as_os_str() == "tests.rs"))
        .map(|p| {
            let inside = p.strip_prefix(&src).unwrap();
            let module =
                inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_string();
            let text = fs::read_to_string(&p).unwrap();
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_string();
            (module, p, text)
        })
        .filter(|(module, ..)| module != "lib" && module != "main")
        .collect()
}

fn order() -> Vec<String> {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    lib.lines().filter_map(|l| l.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_string).collect()
}

/// The modules that a text names after `crate::`.
fn used(text: &str, known: &[String]) -> Vec<String> {
    let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut names: Vec<String> = code
        .split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
        .filter(|name| known.contains(name))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn a_module_uses_only_what_stands_above_it() {
    let order = order();
    let at = |name: &str| order.iter().position(|m| m == name).unwrap_or_else(|| panic!("`{name}` is not in lib.rs"));
    let mut wrong = Vec::new();
    for (module, path, text) in modules() {
        for name in used(&text, &order) {
            if at(&name) > at(&module) {
                wrong.push(format!("{}: `{module}` uses `{name}`, which stands below it", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_emulator_knows_the_catalog_and_nothing_of_the_client() {
    let allowed = ["error", "day", "catalog", "emulator"];
    for (module, path, text) in modules() {
        if module == "emulator" {
            let others: Vec<String> =
                used(&text, &order()).into_iter().filter(|n| !allowed.contains(&n.as_str())).collect();
            assert!(others.is_empty(), "{}: {others:?}", path.display());
        }
    }
}

#[test]
fn only_the_command_line_prints() {
    for (module, path, text) in modules() {
        for word in ["println!", "eprintln!", "print!(", "dbg!", "stdout()", "stderr()"] {
            assert!(module == "cli" || !text.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn no_report_is_named_in_the_source() {
    for (_, path, text) in modules() {
        let code: String = text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for report in usagelake::catalog::all() {
            for name in [report.function.clone(), report.table()] {
                assert!(!code.contains(&name), "{} names `{name}`", path.display());
            }
        }
    }
}

/// `docs/threats.md` names in brackets the files and tests that hold what it says: each must be there.
#[test]
fn what_the_threat_model_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches"] {
        sources(&root.join(folder), &mut files);
    }
    let code: String = files.iter().map(|p| fs::read_to_string(p).unwrap()).collect();
    let page = fs::read_to_string(root.join("docs/threats.md")).unwrap();
    let mut tests = 0;
    let mut missing = Vec::new();
    for brackets in page.split('(').skip(1).filter_map(|rest| rest.split(')').next()) {
        // Of the words in backticks those are tests that could be names of functions with several words.
        for name in brackets.split('`').skip(1).step_by(2) {
            let path = name.ends_with(".rs") || name.ends_with(".py");
            let test = name.trim_end_matches('…');
            let is_test = test.matches('_').count() > 1
                && test.chars().all(|c| c.is_ascii_lowercase() || "_0123456789".contains(c));
            let whole = if test == name { "(" } else { "" };
            if path && !["src", "."].iter().any(|f| root.join(f).join(name).is_file()) {
                missing.push(name);
            } else if is_test {
                tests += 1;
                if !code.contains(&format!("fn {test}{whole}")) {
                    missing.push(name);
                }
            }
        }
    }
    assert!(tests > 40, "only {tests} tests were found in the page");
    assert!(missing.is_empty(), "docs/threats.md names what is not there: {missing:?}");
    // Outside brackets: files alone.
    for name in page.split('`').skip(1).step_by(2).filter(|n| n.ends_with(".rs") || n.ends_with(".py")) {
        let there = ["src", "src/graph", "src/night", "."].iter().any(|f| root.join(f).join(name).is_file());
        assert!(there, "docs/threats.md names `{name}`, which is not there");
    }
}
