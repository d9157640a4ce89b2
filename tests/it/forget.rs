//! `forget` through the binary: who is forgotten is nowhere, comes back on no way, and nobody else is missed.
//!
//! `tests/python/forget.py` looks at whole nights with other readers; here are the ways in that it does not take.

use serde_json::Value;

use super::world::{Ran, World, ago, day, read};

const HEAD: &str = "Report Refresh Date,User Principal Name,Display Name,Is Deleted,Deleted Date,Last Activity Date,Send Count,Receive Count,Read Count,Meeting Created Count,Meeting Interacted Count,Assigned Products,Report Period\n";

fn mail(day: &str, people: &[&str], note: &str) -> String {
    let row = |p: &&str| format!("{day},{p}@contoso.com,{p},False,,{day},1,1,1,,,OFFICE 365 E3,1{note}\n");
    let head = if note.is_empty() { HEAD.to_string() } else { HEAD.replace('\n', ",Note\n") };
    head + &people.iter().map(row).collect::<String>()
}

fn import(world: &World, name: &str, text: &str, more: &[&str]) -> Ran {
    std::fs::write(world.folder().join(name), text).unwrap();
    let mut all = vec!["import", "--tenant", "contoso", name];
    all.extend(more);
    world.ask(&all)
}

fn forget(world: &World, user: &str) -> Ran {
    world.ask(&["forget", "--user", user, "--yes", "--today", "2026-11-20"])
}

/// Objects in which a text stands, unpacked.
fn holding(world: &World, text: &str) -> Vec<String> {
    let stands = |key: &String, bytes: &Vec<u8>| {
        if key.ends_with(".parquet") {
            return format!("{:?}", read(bytes.clone())).to_lowercase().contains(text);
        }
        let bytes = if key.ends_with(".zst") { zstd::decode_all(&bytes[..]).unwrap() } else { bytes.clone() };
        String::from_utf8_lossy(&bytes).to_lowercase().contains(text)
    };
    world.files("").into_iter().filter(|(key, bytes)| stands(key, bytes)).map(|(key, _)| key).collect()
}

fn sends(world: &World) -> usize {
    world.table("email_activity_user_detail").rows()
}

#[test]
fn who_is_forgotten_is_gone() {
    let world = World::new();
    import(&world, "one.csv", &mail("2026-11-18", &["ann", "bob", "joann"], ""), &["--day", "2026-11-18"]).exits(0);
    // A day of which nobody else is left, and one without raw.
    import(&world, "two.csv", &mail("2026-11-17", &["ann"], ""), &["--day", "2026-11-17"]).exits(0);
    import(&world, "three.csv", &mail("2026-11-16", &["bob", "ann"], ""), &["--day", "2026-11-16", "--raw", "off"])
        .exits(0);
    // A cell that does not parse is kept with its row, and a header that nobody knows with its cells.
    let bad = mail("2026-11-15", &["ann", "bob"], ",see ann@contoso.com").replace(",1,1,1,", ",x,1,1,");
    import(&world, "four.csv", &bad, &["--day", "2026-11-15"]).exits(0);
    let before = holding(&world, "ann@contoso.com");
    for folder in ["raw/", "tables/", "_usagelake/rejects/"] {
        assert!(before.iter().any(|k| k.starts_with(folder)), "{folder}: {before:?}");
    }

    let dry = world.ask(&["forget", "--user", "ANN@contoso.com", "--dry-run"]).exits(0);
    assert!(dry.stdout.contains("ann@contoso.com") && dry.stdout.contains("ann_contoso_com"), "{}", dry.stdout);
    assert_eq!(holding(&world, "ann@contoso.com"), before);
    world.ask(&["forget", "--user", "ann@contoso.com"]).exits(2).says(&["cannot be brought back", "--yes"]);
    world.ask(&["forget", "--user", "Ann Example", "--yes"]).exits(2).says(&["neither an address nor an id"]);

    let ran = forget(&world, "ANN@contoso.com").exits(0).says(&["nobody is left"]);
    assert!(!ran.stderr.to_lowercase().contains("ann@") && ran.stdout.is_empty(), "{} {}", ran.stdout, ran.stderr);
    // `joann@contoso.com` is somebody else.
    let left: Vec<String> = holding(&world, "ann@contoso.com");
    assert!(left.iter().all(|k| k.contains("2026-11-18")), "{left:?}");
    assert_eq!(sends(&world), 4, "joann once, bob three times");
    let of = |d: &str| world.slice("email_activity_user_detail", day(d));
    assert_eq!((of("2026-11-18")["rows"].as_u64(), of("2026-11-18")["forgotten"].as_u64()), (Some(2), Some(1)));
    assert_eq!((of("2026-11-17")["status"].as_str(), of("2026-11-17")["forgotten"].as_u64()), (Some("empty"), Some(1)));
    world.manifest_is_whole();
    world.ask(&["verify"]).exits(0).says(&["all is as the ledger says"]);
    world.ask(&["replay"]).exits(3).says(&[", 0 changed; 1 answer without raw"]);

    // The same file again is the file that is there; another one with the person has one row less, and says so.
    import(&world, "one.csv", &mail("2026-11-18", &["ann", "bob", "joann"], ""), &["--day", "2026-11-18"])
        .exits(0)
        .says(&["imported before", "1 row of people who are forgotten left out"]);
    import(&world, "five.csv", &mail("2026-11-14", &["Ann", "eve"], ""), &["--day", "2026-11-14"]).exits(0);
    assert_eq!(sends(&world), 5);
    let json = "{\"value\":[{\"reportRefreshDate\":\"2026-11-13\",\"userPrincipalName\":\"ann@contoso.com\",\"displayName\":\"ann\",\"sendCount\":3,\"receiveCount\":1,\"readCount\":1,\"reportPeriod\":\"1\"}]}";
    import(&world, "six.json", json, &["--day", "2026-11-13", "--report", "getEmailActivityUserDetail"]).exits(0);
    let left = holding(&world, "ann@contoso.com");
    assert!(left.iter().all(|k| k.contains("2026-11-18")), "{left:?}");
    world.ask(&["verify"]).exits(0);
    world.ask(&["forget", "--yes"]).exits(0).says(&["no object", "nobody is left"]);
}

#[test]
fn what_a_guard_holds_is_forgotten_and_released_without_the_person() {
    let mut world = World::new();
    world.run_day("getEmailActivityUserDetail", ago(3)).exits(0);
    let who = world.day("email_activity_user_detail", ago(3)).texts("user_principal_name")[0].clone().unwrap();
    let who = who.to_lowercase();
    // Without the column that tells rows apart, nobody knows what the others are.
    world.faults("[[rules]]\nfunction = 'getEmailActivityUserDetail'\nfault.column-renamed = { header = 'User Principal Name', to = 'Who' }");
    world.set("raw = 'off'");
    world.run_day("getEmailActivityUserDetail", ago(4)).exits(3);
    assert!(holding(&world, &who).iter().any(|k| k.starts_with("_usagelake/held/")), "it is not held");
    forget(&world, &who).exits(0).says(&["nobody is left"]);
    assert_eq!(holding(&world, &who), Vec::<String>::new());
    world.ask(&["verify"]).exits(0);
    world.today(ago(-1));
    world.run_day("getEmailActivityUserDetail", ago(5)).exits(3);
    assert_eq!(holding(&world, &who), Vec::<String>::new(), "what is held from now on");
}

#[test]
fn a_list_without_its_key_stops_whoever_writes() {
    let world = World::new();
    import(&world, "one.csv", &mail("2026-11-18", &["ann", "bob"], ""), &["--day", "2026-11-18"]).exits(0);
    forget(&world, "ann@contoso.com").exits(0);
    let folder = std::path::PathBuf::from(world.address()).join("_usagelake/forgotten/tenant=contoso");
    let list: Value = serde_json::from_slice(&std::fs::read(folder.join("people.json")).unwrap()).unwrap();
    assert_eq!(list["people"].as_array().unwrap().len(), 1);
    std::fs::remove_file(folder.join("key")).unwrap();
    import(&world, "two.csv", &mail("2026-11-17", &["bob"], ""), &["--day", "2026-11-17"])
        .exits(1)
        .says(&["the key of the list of the forgotten is gone", "restore it from a backup"]);
    world.ask(&["replay"]).exits(1);
}

#[test]
fn the_retired_apps_tables_lose_the_person_by_its_own_id_too() {
    let world = World::new();
    let state = "TimeFrame;UserId;IdType;UPN;DisplayName;Department;HasLicenseEXO;HasLicenseTeams;Deleted;DeletedDate\n\
        2025-08-01;8f3;0;ann@contoso.com;Ann;Sales;True;True;False;\n\
        2025-08-01;77a;0;bob@contoso.com;Bob;;True;False;False;\n";
    let activity = "TimeFrame,UserId,EXO_EmailSent\n2025-08-01,8f3,5\n2025-08-01,77a,6\n";
    import(&world, "UserState.csv", state, &[]).exits(0);
    import(&world, "UserActivity.csv", activity, &[]).exits(0);
    let ids = |world: &World| world.table("legacy_user_activity").texts("user_id");
    assert_eq!(ids(&world).len(), 2);
    forget(&world, "ann@contoso.com").exits(0).says(&["nobody is left"]);
    assert_eq!(ids(&world), [Some("77a".to_string())]);
    assert_eq!(world.table("legacy_user_state").rows(), 1);
    world.ask(&["verify"]).exits(0);
    // What was exported again in another form, and then both once more.
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(state.replace("77a", "99b").encode_utf16().flat_map(u16::to_le_bytes)).collect();
    std::fs::write(world.folder().join("wide.csv"), wide).unwrap();
    world.ask(&["import", "--tenant", "contoso", "wide.csv", "--report", "UserState"]).exits(0);
    import(&world, "UserActivity.csv", activity, &[]).exits(0).says(&["1 row of people who are forgotten left out"]);
    assert_eq!(holding(&world, "ann@contoso.com"), Vec::<String>::new());
    assert_eq!((ids(&world).len(), world.table("legacy_user_state").rows()), (1, 1));
    world.ask(&["verify"]).exits(0);
}
