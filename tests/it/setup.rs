//! A pipeline file, a lake or a machine that is not as it should be: what is refused, with which exit code and which
//! word, and that nobody is asked for anything before the lake is known to be good.

use super::world::{World, ago};

/// Runs with this pipeline file.
fn with_file(world: &World, text: &str) -> super::world::Ran {
    let path = world.folder().join("other.toml");
    std::fs::write(&path, text).unwrap();
    let lake = world.address().to_string();
    world.ends(world.command(&["run", "--config", "other.toml", "--lake", &lake, "--today", "2026-11-20"]))
}

#[test]
fn what_is_wrong_with_the_pipeline_file_is_said_before_anything_is_done() {
    let world = World::new();
    let good = std::fs::read_to_string(world.pipeline()).unwrap();
    let cases = [
        (format!("lakee = 'x'\n{good}"), "the nearest known key to `lakee` is `lake`"),
        (good.replace("auth =", "auht ="), "the nearest known key to `auht` is `auth`"),
        (good.replace("tenant.contoso", "tenant.Contoso_1"), "`Contoso_1` is no tenant name"),
        (good.replace("http://127.0.0.1", "http://graph.example.com"), "is not https"),
        (good.replace("USAGELAKE_TEST_SECRET", "NOT_SET_ANYWHERE"), "the environment variable `NOT_SET_ANYWHERE`"),
        (good.replace("per = \"1s\"", "per = \"soon\""), "is no pace"),
        (format!("raw = 'sometimes'\n{good}"), "write `keep`, `off` or `days:90`"),
        (
            format!("{good}[reports]\ninclude = ['getEmailActivityUserDetial']"),
            "the nearest is `getEmailActivityUserDetail`",
        ),
        ("raw = 'keep'".to_string(), "the pipeline file names no tenant"),
        ("raw = ".to_string(), "the pipeline file is wrong"),
    ];
    for (text, says) in cases {
        let ran = with_file(&world, &text).exits(2).says(&["error: ", says]);
        assert_eq!(ran.stdout, "", "{says}");
        assert!(world.files("tables").is_empty(), "{says}");
    }
    let missing = world.command(&["run", "--config", "nowhere.toml"]);
    world.ends(missing).exits(2).says(&["cannot read the pipeline file", "nowhere.toml", "hint: "]);
    world.run(&["--report", "getNothing"]).exits(2).says(&["there is no report or workload `getNothing`"]);
    world.run(&["--tenant", "fabrikam"]).exits(2).says(&["there is no tenant `fabrikam`"]);
    world.run(&["--from", "2026-11-10", "--to", "2026-11-09"]).exits(2).says(&["`--from 2026-11-10` is after"]);
    world.run(&["--from", "yesterday"]).exits(2);
    assert_eq!(world.requests(), []);
}

#[test]
fn a_lake_that_cannot_be_written_is_found_before_the_first_request() {
    let mut world = World::new();
    // Where files stand in the way of folders, even root cannot write.
    world.move_to("file");
    std::fs::write(world.address(), "in the way").unwrap();
    world.run(&[]).exits(1).says(&["error: cannot make the lake's folder", "hint: "]);

    world.move_to("new");
    std::fs::create_dir_all(world.address()).unwrap();
    std::fs::write(format!("{}/_usagelake", world.address()), "in the way").unwrap();
    world.run(&[]).exits(1).says(&["error: ", "_usagelake", "hint: "]);

    world.move_to("old");
    let folder = format!("{}/_usagelake", world.address());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(format!("{folder}/layout.json"), r#"{"layout_version": 1}"#).unwrap();
    std::fs::write(format!("{folder}/lock"), "in the way").unwrap();
    world.run(&[]).exits(1).says(&["error: cannot lock the tenant", "_usagelake/lock", "hint: "]);

    std::fs::write(format!("{folder}/layout.json"), r#"{"layout_version": 2}"#).unwrap();
    world.run(&[]).exits(1).says(&["the lake has layout 2, this version knows 1", "hint: update usagelake"]);
    assert_eq!(world.requests(), []);
}

#[test]
fn a_ledger_or_a_partition_that_something_else_has_changed_is_named() {
    let mut world = World::new();
    let counts = ["--report", "getEmailActivityCounts"];
    world.run(&counts).exits(0);
    let before = world.snapshot(&["tables"]);
    world.today(ago(-1));
    let partition = world.files("tables").into_keys().find(|k| k.contains("month=2026-11-01")).unwrap();
    let path = format!("{}/{partition}", world.address());
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, "no Parquet").unwrap();
    world.run(&counts).exits(1).says(&["a partition cannot be read", &partition, "rebuild the table from raw"]);
    std::fs::write(&path, good).unwrap();
    assert!(world.snapshot(&["tables"]) == before, "no other month was touched without it");
    world.run(&counts).exits(0);

    world.today(ago(-2));
    let ledger = "_usagelake/ledger/tenant=contoso/report=email_activity_counts/month=2026-11-01.jsonl";
    std::fs::write(format!("{}/{ledger}", world.address()), "{").unwrap();
    world.run(&counts).exits(1).says(&["the ledger cannot be read", ledger, "hint: "]);
}

#[test]
fn one_run_at_a_time_writes_a_tenant() {
    let world = World::faulty("[[rules]]\nfault.slow = { bytes = 300, millis = 60 }");
    let night = ["--report", "getEmailActivityUserDetail"];
    let mut first = world.night(&night).spawn().unwrap();
    while world.requests().len() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let asked = world.requests().len();
    let second = world.run(&["--report", "getEmailActivityCounts"]).exits(1);
    let second =
        second.says(&["error: another run is writing this tenant (tenant `contoso`", "hint: wait for it to end"]);
    assert!(second.record.is_null());
    let calls = world.calls(asked);
    assert!(calls.iter().all(|p| !p.contains("Counts")), "{calls:?}");
    world.faults("");
    assert!(first.wait().unwrap().success());
    world.run(&["--report", "getEmailActivityCounts"]).exits(0);
    world.manifest_is_whole();
}

#[test]
fn a_run_prints_one_json_document_or_lines_for_people() {
    let world = World::faulty("[[rules]]\nfunction = 'getEmailActivityUserDetail'\nfault.permission = {}");
    let ran = world.run(&["--json", "--report", "Email"]).exits(3);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document, serde_json::json!([ran.record]), "it is the record");
    // Nothing else is due, so nothing is published, and what fails fails the run.
    let ran = world.run(&["-vv", "--report", "Email"]).exits(1);
    assert_eq!(ran.stdout, "");
    assert!(ran.stderr.lines().count() > 5, "{}", ran.stderr);
    for command in [&["plan", "--json", "--today", "2026-11-20"][..], &["status", "--json"], &["reports", "--json"]] {
        let mut command = command.to_vec();
        if command[0] != "reports" {
            command.extend(["--lake", world.address()]);
        }
        let ran = world.ends(world.command(&command)).exits(0);
        assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap().is_array(), "{command:?}");
        assert_eq!(ran.stderr, "", "{command:?}");
    }
}

/// A tenant that fails takes no other down, and `--json` stays one document.
#[test]
fn tenants_are_run_one_by_one() {
    let world = World::new();
    let good = std::fs::read_to_string(world.pipeline()).unwrap();
    let tenant = &good[good.find("[tenant.").unwrap()..];
    let bad = tenant.replace("tenant.contoso", "tenant.adatum").replace("USAGELAKE_TEST_SECRET", "PATH");
    let path = world.folder().join("two.toml");
    std::fs::write(&path, format!("{good}{bad}")).unwrap();
    let night = [
        "run",
        "--config",
        "two.toml",
        "--lake",
        world.address(),
        "--today",
        "2026-11-20",
        "--report",
        "getEmailActivityCounts",
    ];
    let ran = world.ends(world.command(&night)).exits(3).says(&["the client secret is wrong", "tenant `adatum`"]);
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.report("getEmailActivityCounts")["landed"], 1);
    world.emulator().set_faults("[[rules]]\nleg = 'token'\nfault.status = { code = 400 }".parse().unwrap());
    let mut night = night;
    night[6] = "2026-11-21";
    let ran = world.ends(world.command(&[&night[..], &["--json"]].concat())).exits(1);
    assert_eq!(ran.stderr.matches("error: ").count(), 2, "each tenant's once: {}", ran.stderr);
    assert!(serde_json::from_str::<serde_json::Value>(&ran.stdout).unwrap().is_array());
    let covered = world.ask(&["status", "--json"]).exits(0);
    let covered: serde_json::Value = serde_json::from_str(&covered.stdout).unwrap();
    assert_eq!(covered.as_array().unwrap().len(), 1);
}

#[test]
fn a_store_whose_certificate_would_not_be_verified_is_refused() {
    let world = World::new();
    world.pipeline();
    for (lake, variable) in
        [("s3://bucket/lake", "AWS_ALLOW_INVALID_CERTIFICATES"), ("az://box/lake", "AZURE_ALLOW_INVALID_CERTIFICATES")]
    {
        let mut night = world.command(&["run", "--lake", lake, "--today", "2026-11-20"]);
        for name in ["AWS_ENDPOINT", "AZURE_STORAGE_USE_EMULATOR", "AZURITE_BLOB_STORAGE_URL"] {
            night.env_remove(name);
        }
        night.env(variable, "true");
        world.ends(night).exits(2).says(&[&format!("`{variable}` turns the verification")]);
    }
    assert!(world.requests().is_empty());
}
