//! Alarms before and after: days that are about to be lost, hooks that are told, and the ledger in SQL.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use super::world::{World, ago};

const MAIL: &str = "getEmailActivityUserDetail";
const TABLE: &str = "email_activity_user_detail";

fn unreadable(n: i32) -> String {
    format!(
        "[[rules]]\nfunction = '{MAIL}'\nwindow = 'date={}'\nfault.late = {{ day = '{}', days = 60, refused = true }}\n",
        ago(n),
        ago(n)
    )
}

#[test]
fn a_day_that_is_about_to_be_lost_is_an_alarm_before_it_is() {
    let mut world = World::faulty(&unreadable(20));
    // Eight days are left: nothing is said yet but that it is late.
    world.today(ago(0));
    let ran = world.run(&["--report", MAIL]).exits(0);
    assert!(ran.record["expires_soon"].is_null());
    world.today(ago(-1));
    let ran =
        world.run(&["--report", MAIL]).exits(3).says(&["ALARM: 1 day that Graph still has", "lost after 2026-11-28"]);
    assert_eq!(ran.record["expires_soon"][0]["day"], ago(20).to_string());
    assert_eq!(ran.record["outcome"], "partial");
    let today = ago(-1).to_string();
    let shown = world.ask(&["status", "--today", &today]).exits(0);
    assert!(shown.stdout.contains("ALARM: 1 day of them soon"), "{}", shown.stdout);
    // So many days are the pipeline's to say.
    world.set("[guards]\nwarn_days = 3");
    world.run(&["--report", MAIL]).exits(0);
}

/// A server that takes one message and gives it.
fn listener() -> (String, std::thread::JoinHandle<String>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/hook/T0P-SECRET", server.local_addr().unwrap());
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = server.accept().unwrap();
        let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let n = stream.read(&mut chunk).unwrap();
            text.extend_from_slice(&chunk[..n]);
            let whole = String::from_utf8_lossy(&text);
            let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
            let length =
                head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse::<usize>().ok());
            if n == 0 || length.is_some_and(|n| body.len() >= n) {
                break;
            }
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
        String::from_utf8(text).unwrap()
    });
    (address, taken)
}

#[test]
fn hooks_are_told_what_went_wrong_and_nothing_of_a_good_night() {
    let mut world = World::new();
    let (address, taken) = listener();
    let file = world.folder().join("told.json");
    let command = format!("command = ['sh', '-c', 'cat > {}']", file.display());
    let hooks = format!("[hooks]\nwebhook = {{ env = 'USAGELAKE_TEST_HOOK' }}\n{command}");
    world.set(&hooks);
    let run = |world: &World| {
        let mut night = world.night(&["--report", MAIL, "--from", "2026-11-17", "--to", "2026-11-17"]);
        night.env("USAGELAKE_TEST_HOOK", &address);
        world.ends(night)
    };
    run(&world).exits(0);
    assert!(!file.exists(), "a good night is no news");
    world.faults(&format!(
        "[[rules]]\nfunction = '{MAIL}'\nfault.column-renamed = {{ header = 'User Principal Name', to = 'Account' }}"
    ));
    run(&world).exits(3);
    let told: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(told["events"], serde_json::json!(["partial", "held"]));
    assert_eq!((&told["tenant"], &told["record"]["reports"][0]["report"]), (&"contoso".into(), &MAIL.into()));
    let posted = taken.join().unwrap();
    assert!(posted.starts_with("POST /hook/T0P-SECRET HTTP/1.1"), "{posted}");
    let body: Value = serde_json::from_str(posted.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body, told);

    // A hook that fails changes nothing, and its address is not printed.
    let ran = run(&world).exits(3).says(&["warning: the webhook was not reached"]);
    assert!(!ran.stderr.contains("T0P-SECRET"), "{}", ran.stderr);

    // A run that came to nothing has an error to tell.
    std::fs::remove_file(&file).unwrap();
    world.set(&format!("[hooks]\non = ['failure']\n{command}"));
    run(&world).exits(3);
    assert!(!file.exists(), "only failures are wanted");
    world.faults("[[rules]]\nleg = 'token'\nfault.status = { code = 400 }");
    run(&world).exits(1);
    let told: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(told["events"], serde_json::json!(["failure"]));
    assert!(told["error"]["message"].is_string() || told["record"].is_object(), "{told}");

    world.set("[hooks]\nwebhook = 'http://hooks.example.com/x'");
    run(&world).exits(2).says(&["`webhook` under `[hooks]` is no https address"]);
}

/// What is told for each event that no other test has, and of what leaves no record.
#[test]
fn drift_days_that_expire_and_a_lake_that_is_not_there_are_told() {
    let mut world = World::faulty(&format!(
        "{}[[rules]]\nfunction = '{MAIL}'\nfault.column-added = {{ header = 'Mood', value = 'good' }}\n",
        unreadable(20)
    ));
    let file = world.folder().join("told.json");
    let hook = |on: &str| format!("[hooks]\n{on}\ncommand = ['sh', '-c', 'cat > {}']", file.display());
    let told = || -> Value {
        let text = std::fs::read(&file).unwrap_or_else(|e| panic!("nobody was told: {e}"));
        std::fs::remove_file(&file).unwrap();
        serde_json::from_slice(&text).unwrap()
    };
    // A night with new columns is done, and told.
    world.set(&hook(""));
    world.run(&["--report", MAIL]).exits(0);
    let drift = told();
    assert_eq!((&drift["events"], &drift["record"]["outcome"]), (&serde_json::json!(["drift"]), &"done".into()));
    assert_eq!(drift["record"]["reports"][0]["unknown_headers"][0], "Mood");

    world.today(ago(-1));
    world.run(&["--report", MAIL]).exits(3);
    let expiring = told();
    assert_eq!(expiring["events"], serde_json::json!(["partial", "expiring", "drift"]));
    assert_eq!(expiring["record"]["expires_soon"][0]["last_chance"], ago(-8).to_string());

    // Only what is wanted.
    world.set(&hook("on = ['expiring']"));
    world.run(&["--report", MAIL]).exits(3);
    assert_eq!(told()["events"], serde_json::json!(["expiring"]));

    // No lake, no record: the error is told.
    std::fs::write(world.folder().join("a-file"), "x").unwrap();
    world.move_to("a-file");
    world.set(&hook(""));
    let ran = world.run(&["--report", MAIL]);
    assert!(ran.code == 1 || ran.code == 2, "{}", ran.stderr);
    let lost = told();
    assert_eq!((&lost["events"], &lost["tenant"]), (&serde_json::json!(["failure"]), &"contoso".into()));
    for key in ["kind", "message", "hint"] {
        assert!(lost["error"][key].as_str().is_some_and(|t| !t.is_empty()), "{lost}");
    }
    assert!(lost["record"].is_null());

    // A command that fails, or is not there, is a warning.
    world.move_to("lake");
    for (command, says) in [("'false'", "the hook's command failed"), ("'no-such-command'", "cannot be run")] {
        world.set(&format!("[hooks]\ncommand = [{command}]"));
        world.run(&["--report", MAIL]).exits(3).says(&["warning: ", says]);
    }
}

#[test]
fn what_days_said_when_they_were_read_can_be_asked() {
    let fault = format!("[[rules]]\nfault.restated = {{ day = '{}', from = '{}', percent = 60 }}", ago(3), ago(-1));
    let mut world = World::faulty(&fault);
    let (from, to) = (ago(8).to_string(), ago(2).to_string());
    world.run(&["--report", MAIL, "--from", &from, "--to", &to]).exits(0);
    world.today(ago(-1));
    world.run(&["--report", MAIL]).exits(0);
    let ask = |sql: &str| -> Value {
        let ran = world.ask(&["query", "--json", sql]).exits(0);
        serde_json::from_str(&ran.stdout).unwrap()
    };
    let restated = ask(
        "SELECT day, count(*) AS n, min(rows) AS few, max(rows) AS many FROM readings WHERE period = 1 GROUP BY day HAVING count(*) > 1",
    );
    assert_eq!(restated.as_array().unwrap().len(), 1, "{restated}");
    assert_eq!((&restated[0]["day"], &restated[0]["n"]), (&ago(3).to_string().into(), &2.into()));
    let slice = world.slice(TABLE, ago(3));
    assert_eq!((&restated[0]["few"], &restated[0]["many"]), (&slice["before"][0]["rows"], &slice["rows"]));
    let loads = ask("SELECT count(*) AS n, count(DISTINCT run) AS runs, count(loaded_at) AS times FROM loads");
    let partitions = world.files("tables").len();
    assert_eq!((&loads[0]["n"], &loads[0]["times"]), (&partitions.into(), &partitions.into()));
    assert_eq!(loads[0]["runs"], 2);
    let by_run = ask(&format!("SELECT run FROM loads WHERE object LIKE '%period=1/day={}/%'", ago(3)));
    assert_eq!(by_run[0]["run"], slice["published_by"]);
    let ledger = ask("SELECT status, count(*) AS n FROM ledger WHERE period = 1 GROUP BY status");
    assert_eq!(ledger[0]["status"], "landed");
}
