//! After a night Power BI reads what is new: `run` against a stand-in for its service, which answers as Microsoft documents
//! enhanced refresh, 202 with the refresh's id in `Location`, and its status when it is looked at.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use usagelake::emulator::Options;

use crate::world::{Ran, World, ago, options};

const PEOPLE: &str = "/v1.0/myorg/groups/0a1b/datasets/2c3d/refreshes";
const SHARED: &str = "/v1.0/myorg/groups/0a1b/datasets/4e5f/refreshes";

/// A request that the stand-in has seen.
#[derive(Debug, Clone)]
struct Asked {
    line: String,
    token: bool,
    body: Value,
}

/// The stand-in: it answers in the order of its script, and with 500 when that is over.
struct Service {
    url: String,
    script: Arc<Mutex<VecDeque<String>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn reply(status: &str, headers: &str, body: &Value) -> String {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// What the service says when it has begun a refresh.
fn begun(path: &str, id: &str) -> String {
    reply("202 Accepted", &format!("Location: https://api.powerbi.com{path}/{id}\r\n"), &Value::Null)
}

/// What it says of one.
fn stands(status: &str) -> String {
    let code = if status == "Completed" || status == "Failed" { "200 OK" } else { "202 Accepted" };
    reply(code, "", &json!({ "type": "Full", "status": status }))
}

impl Service {
    fn start() -> Service {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Service {
            url: format!("http://{}", server.local_addr().unwrap()),
            script: Arc::default(),
            asked: Arc::default(),
        };
        let (script, asked) = (Arc::clone(&service.script), Arc::clone(&service.asked));
        std::thread::spawn(move || {
            for stream in server.incoming().flatten() {
                answer(stream, &script, &asked);
            }
        });
        service
    }

    /// Runs a night that is answered like this, and gives what was asked in it.
    fn night(&self, world: &World, script: &[String]) -> (Ran, Vec<Asked>) {
        *self.script.lock().unwrap() = script.iter().cloned().collect();
        self.asked.lock().unwrap().clear();
        let ran = world.run(&[]);
        assert!(self.script.lock().unwrap().is_empty(), "not all was asked for: {}", ran.stderr);
        (ran, self.asked.lock().unwrap().clone())
    }
}

fn answer(mut stream: TcpStream, script: &Mutex<VecDeque<String>>, asked: &Mutex<Vec<Asked>>) {
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    let (head, body) = loop {
        let n = stream.read(&mut chunk).unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&chunk[..n]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if n == 0 {
                return;
            }
            continue;
        };
        let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if n == 0 || body.len() >= length.unwrap_or(0) {
            break (head.to_string(), body.to_string());
        }
    };
    asked.lock().unwrap().push(Asked {
        line: head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_string(),
        token: head.to_lowercase().contains("\r\nauthorization: bearer "),
        body: serde_json::from_str(&body).unwrap_or(Value::Null),
    });
    let next = script.lock().unwrap().pop_front();
    let _ = stream.write_all(next.unwrap_or_else(|| reply("500 Oops", "", &Value::Null)).as_bytes());
}

/// A small office that reads two reports, and its datasets.
fn world(service: &Service, datasets: &str) -> World {
    let mut world = World::with(Options { users: 25, days: 40, ..options() }).with_marts();
    world.set(&format!(
        "reports = {{ include = ['getOffice365ActiveUserDetail', 'getMailboxUsageDetail'] }}\n[powerbi]\n{}",
        datasets.replace("HERE", &format!("endpoint = '{}'", service.url))
    ));
    world
}

fn tables(asked: &Asked) -> Vec<&str> {
    asked.body["objects"].as_array().unwrap().iter().map(|o| o["table"].as_str().unwrap()).collect()
}

#[test]
fn a_night_has_power_bi_read_the_tables_that_it_changed_and_waits() {
    let service = Service::start();
    let both = "refresh = { workspace = '0a1b', dataset = '2c3d', wait = true, HERE }\n\
                refresh_shared = { workspace = '0a1b', dataset = '4e5f', HERE }";
    let mut world = world(&service, both);
    let script = [begun(PEOPLE, "1344a272-7893"), stands("InProgress"), stands("Completed"), begun(SHARED, "99-88")];
    let (ran, asked) = service.night(&world, &script);
    ran.exits(0).says(&["contoso: Power BI: refreshed, ", "contoso: Power BI, shared: refresh begun, "]);
    let lines: Vec<&str> = asked.iter().map(|a| a.line.as_str()).collect();
    let (post, get) = (format!("POST {PEOPLE}"), format!("GET {PEOPLE}/1344a272-7893"));
    assert_eq!(lines, [post.as_str(), &get, &get, &format!("POST {SHARED}")]);
    assert!(asked.iter().all(|a| a.token), "{asked:#?}");
    let body = &asked[0].body;
    assert_eq!((&body["type"], &body["applyRefreshPolicy"]), (&json!("full"), &json!(true)), "{body}");
    let (people, shared) = (tables(&asked[0]), tables(&asked[3]));
    assert!(people.contains(&"Product usage") && people.contains(&"People by product"), "{people:?}");
    assert!(people.contains(&"Mailboxes") && !people.contains(&"Groups"), "no report of groups was read: {people:?}");
    assert!(shared.contains(&"Calendar") && !shared.contains(&"People by product"), "{shared:?}");

    // Nothing is new.
    let (ran, asked) = service.night(&world, &[]);
    ran.exits(0);
    assert!(asked.is_empty(), "{asked:#?}");

    // A day later there is. A service that is busy is asked again.
    world.today(ago(-1));
    let script = [
        reply("429 Too Many Requests", "Retry-After: 1\r\n", &Value::Null),
        reply("503 Service Unavailable", "Retry-After: 1\r\n", &Value::Null),
        begun(PEOPLE, "2"),
        stands("Completed"),
        begun(SHARED, "3"),
    ];
    let (ran, asked) = service.night(&world, &script);
    ran.exits(0).says(&["contoso: Power BI: refreshed, "]);
    assert_eq!(asked.iter().filter(|a| a.line == post).count(), 3);
}

#[test]
fn a_refresh_that_fails_is_a_warning_with_a_hint_and_the_night_is_as_it_was() {
    let service = Service::start();
    let mut world = world(&service, "refresh = { workspace = '0a1b', dataset = '2c3d', wait = true, HERE }");
    let refused = json!({ "error": { "code": "PowerBINotAuthorizedException", "message": "Ada Lovelace may not" } });
    let (ran, _) = service.night(&world, &[reply("403 Forbidden", "", &refused)]);
    let ran = ran.exits(0).says(&[
        "warning: contoso: Power BI was not refreshed: ",
        "`PowerBINotAuthorizedException`",
        "hint: let service principals use Power BI APIs",
    ]);
    assert!(!ran.stderr.contains("Lovelace"), "what the service says may name people: {}", ran.stderr);
    assert_eq!(ran.record["outcome"], "done");

    world.today(ago(-1));
    let (ran, _) = service.night(&world, &[begun(PEOPLE, "1"), stands("Failed")]);
    ran.exits(0).says(&["was not refreshed: the refresh of the Power BI dataset did not end well", "refresh history"]);
    // A night that failed in part keeps its code, and what it published is read.
    world.today(ago(-2));
    world.faults("[[rules]]\nfunction = 'getMailboxUsageDetail'\nfault.status = { code = 400 }");
    let (ran, _) = service.night(&world, &[begun(PEOPLE, "2"), stands("Completed")]);
    ran.exits(3).says(&["contoso: Power BI: refreshed, "]);
}
