//! A night in which nothing goes wrong, the next run, and the night after: what is asked, what lands, and that the tables
//! say what really happened.

use usagelake::day::Day;
use usagelake::emulator::{DateLists, LastActivity, Options};

use super::truth::Truth;
use super::world::{World, ago, options};

const KEPT: [&str; 3] = ["tables", "raw", "_usagelake/ledger"];

#[test]
fn a_clean_night_lands_everything_once() {
    let mut world = World::new();
    let first = world.run(&[]).exits(0);
    assert_eq!((first.sum("failed"), first.sum("late"), first.sum("rejected_cells")), (0, 0, 0));
    assert_eq!(first.record["outcome"], "done");
    let tables = world.files("tables");
    assert!(tables.len() > 300, "{}", tables.len());
    world.manifest_is_whole();
    Truth::of(&world).holds(&world, ago(0), DateLists::Active);

    // At once again: nothing is asked but what was empty of its own, and nothing is written.
    let (before, asked) = (world.snapshot(&KEPT), world.requests().len());
    let again = world.run(&[]).exits(0).says(&["0 windows asked"]);
    assert_eq!(again.record["outcome"], "done");
    assert_eq!(world.calls(asked), Vec::<String>::new());
    let further: Vec<String> = world.requests().split_off(asked).into_iter().map(|r| r.path).collect();
    assert!(further.iter().all(|p| p.ends_with("/token") || p.ends_with("/reportSettings")), "{further:?}");
    assert!(world.snapshot(&KEPT) == before);

    // Two days later: the new days, the last five again, and no other day.
    world.today(ago(-2));
    let asked = world.requests().len();
    let later = world.run(&[]).exits(0);
    assert_eq!(later.sum("failed"), 0);
    let mut days: Vec<String> = world
        .calls(asked)
        .iter()
        .filter(|p| p.contains("getEmailActivityUserDetail"))
        .map(|p| p.split(['=', ')']).nth(1).unwrap().to_string())
        .collect();
    days.sort();
    let want: Vec<String> = (0..5).rev().map(|n| ago(n).to_string()).collect();
    assert_eq!(days, want, "periods of details are asked weekly, days that cannot change any more never");
    let counts: Vec<String> = world.calls(asked).into_iter().filter(|p| p.contains("getEmailActivityCounts")).collect();
    assert_eq!(counts.len(), 1, "{counts:?}");
    assert!(counts[0].contains("D7"), "{counts:?}");
    world.manifest_is_whole();
    Truth::of(&world).holds(&world, ago(-2), DateLists::Active);
    let after = world.snapshot(&KEPT);
    for (key, sha) in before {
        let day: Option<Day> = key.split_once("/period=1/day=").map(|(_, d)| d[..10].parse().unwrap());
        if key.starts_with("raw/") || day.is_some_and(|d| d < ago(4)) {
            assert_eq!(after.get(&key), Some(&sha), "{key}");
        }
    }
}

#[test]
fn details_that_list_everyone_and_as_of_today_land_too() {
    let world =
        World::with(Options { date_lists: DateLists::Everyone, last_activity: LastActivity::Today, ..options() });
    let workloads = ["--report", "Email", "OneDrive", "Teams"];
    world.run(&workloads).exits(0);
    Truth::of(&world).holds_details(&world, ago(0), DateLists::Everyone);
    // As of today: every night's answer for an old day differs, but only the last five are read again.
    let before = world.snapshot(&["tables"]);
    world.run(&workloads).exits(0);
    assert!(world.snapshot(&["tables"]) == before);
}

/// The same night on each store that is there; `tests/run.sh` starts three beside the disk.
#[test]
fn a_night_is_the_same_on_every_store() {
    let mut seen = Vec::new();
    for (store, world) in World::everywhere(options()) {
        let reports =
            ["--report", "getEmailActivityUserDetail", "getEmailActivityCounts", "getOffice365ServicesUserCounts"];
        world.run(&reports).exits(0);
        let before = world.snapshot(&KEPT);
        world.run(&reports).exits(0).says(&["0 windows asked"]);
        assert!(world.snapshot(&KEPT) == before, "{store}");
        world.manifest_is_whole();
        assert!(world.files("_usagelake/probe").is_empty(), "{store}");
        seen.push((store, world.snapshot(&["tables"])));
    }
    for (store, tables) in &seen {
        assert!(*tables == seen[0].1 && tables.len() > 30, "{store}");
    }
}

/// Without raw nothing is kept of an answer but its rows and its figures; after its days raw is forgotten.
#[test]
fn raw_is_kept_as_long_as_the_pipeline_says() {
    let mut world = World::new();
    let counts = ["--report", "getEmailActivityCounts"];
    world.set("raw = 'off'");
    world.run(&counts).exits(0);
    assert!(world.files("raw").is_empty());
    assert!(world.ledger("email_activity_counts").iter().all(|s| s["raw"].is_null() && s["sha256"].is_string()));
    world.set("raw = 'days:2'");
    for later in 1..=4 {
        world.today(ago(-later));
        world.run(&counts).exits(0);
    }
    let days: Vec<String> =
        world.files("raw").into_keys().map(|k| k.rsplit('/').next().unwrap()[..8].to_string()).collect();
    assert_eq!(days, ["20261122", "20261123", "20261124"]);
}
