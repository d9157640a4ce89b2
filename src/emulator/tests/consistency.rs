//! All answers come from one history: details, counts, summaries and the truth agree exactly.

use std::collections::{HashMap, HashSet};

use super::*;

const DAY: &str = "2026-11-17";

/// Product, detail, its columns, counts, their columns, in the same order.
type Pair = (&'static str, &'static str, &'static [&'static str], &'static str, &'static [&'static str]);

const PAIRS: [Pair; 5] = [
    (
        "exchange",
        "getEmailActivityUserDetail",
        &["Send Count", "Receive Count", "Read Count", "Meeting Created Count", "Meeting Interacted Count"],
        "getEmailActivityCounts",
        &["Send", "Receive", "Read", "Meeting Created", "Meeting Interacted"],
    ),
    (
        "onedrive",
        "getOneDriveActivityUserDetail",
        &["Viewed Or Edited File Count", "Synced File Count", "Shared Internally File Count"],
        "getOneDriveActivityFileCounts",
        &["Viewed Or Edited", "Synced", "Shared Internally"],
    ),
    (
        "sharepoint",
        "getSharePointActivityUserDetail",
        &["Viewed Or Edited File Count", "Synced File Count", "Shared Internally File Count"],
        "getSharePointActivityFileCounts",
        &["Viewed Or Edited", "Synced", "Shared Internally"],
    ),
    (
        "teams",
        "getTeamsUserActivityUserDetail",
        &["Team Chat Message Count", "Private Chat Message Count", "Call Count", "Meeting Count"],
        "getTeamsUserActivityTotalCounts",
        &["Team Chat Messages", "Private Chat Messages", "Calls", "Meetings"],
    ),
    (
        "yammer",
        "getYammerActivityUserDetail",
        &["Posted Count", "Read Count", "Liked Count"],
        "getYammerActivityCounts",
        &["Posted", "Read", "Liked"],
    ),
];

#[tokio::test]
async fn details_add_up_to_counts() {
    let everyone = Options { date_lists: DateLists::Everyone, ..options() };
    let emulator = Emulator::start(everyone).await.unwrap();
    let client = Client::new(&emulator).await;
    for (product, detail, columns, counts, totals) in PAIRS {
        let detail = client.report(detail, Window::Date(day(DAY))).await;
        let counts = client.report(counts, Window::Period(7)).await;
        let row = counts.row("Report Date", DAY);
        for (column, total) in columns.iter().zip(totals) {
            assert_eq!(detail.sum(column), counts.number(row, total), "{product}: {column}");
        }
    }
    emulator.stop().await;
}

#[tokio::test]
async fn days_add_up_to_windows() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    for (product, name, columns, ..) in PAIRS {
        let week = client.report(name, Window::Period(7)).await;
        let mut sums: HashMap<(String, usize), u64> = HashMap::new();
        let mut active = HashSet::new();
        for back in 2..9 {
            let one = client.report(name, Window::Date(day(END).plus(-back))).await;
            for row in &one.rows {
                let upn = one.cell(row, "User Principal Name").to_lowercase();
                for (i, column) in columns.iter().enumerate().filter(|(_, c)| **c != "Receive Count") {
                    *sums.entry((upn.clone(), i)).or_default() += one.number(row, column);
                }
                assert_eq!(one.cell(row, "Last Activity Date"), day(END).plus(-back).to_string(), "active that day");
                active.insert(upn);
            }
        }
        for row in &week.rows {
            let upn = week.cell(row, "User Principal Name").to_lowercase();
            for (i, column) in columns.iter().enumerate().filter(|(_, c)| **c != "Receive Count") {
                let days = sums.get(&(upn.clone(), i)).copied().unwrap_or(0);
                assert_eq!(week.number(row, column), days, "{product} {upn} {column}");
            }
            let last = week.cell(row, "Last Activity Date");
            let inside = !last.is_empty() && day(last) >= day(END).plus(-8);
            assert_eq!(inside, active.contains(&upn), "{product} {upn}");
        }
    }
    emulator.stop().await;
}

#[tokio::test]
async fn details_summaries_and_user_counts_count_the_same_people() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let detail = client.report("getOffice365ActiveUserDetail", Window::Period(30)).await;
    let summary = client.report("getOffice365ServicesUserCounts", Window::Period(30)).await;
    for product in ["Exchange", "OneDrive", "SharePoint", "Yammer", "Teams", "Skype For Business"] {
        let licensed = |r: &&Vec<String>| detail.cell(r, &format!("Has {product} License")) == "True";
        let active = |r: &&Vec<String>| {
            let last = detail.cell(r, &format!("{product} Last Activity Date"));
            !last.is_empty() && day(last) >= day(END).plus(-31)
        };
        let both = detail.rows.iter().filter(licensed).filter(active).count() as u64;
        let enabled = detail.rows.iter().filter(licensed).count() as u64;
        let row = &summary.rows[0];
        assert_eq!(summary.number(row, &format!("{product} Active")), both, "{product}");
        assert_eq!(summary.number(row, &format!("{product} Inactive")), enabled - both, "{product}");
    }
    let users = client.report("getTeamsUserActivityUserDetail", Window::Date(day(DAY))).await;
    let counts = client.report("getTeamsUserActivityUserCounts", Window::Period(7)).await;
    let row = counts.row("Report Date", DAY);
    let licensed = |r: &&Vec<String>| users.cell(r, "Is Licensed") == "Yes";
    for (column, total) in [("Private Chat Message Count", "Private Chat Messages"), ("Meeting Count", "Meetings")] {
        let people = users.rows.iter().filter(licensed).filter(|r| users.number(r, column) > 0).count() as u64;
        assert_eq!(counts.number(row, total), people, "{total}");
    }
    let devices = client.report("getTeamsDeviceUsageUserDetail", Window::Period(30)).await;
    let spread = client.report("getTeamsDeviceUsageDistributionTotalUserCounts", Window::Period(30)).await;
    let gone = devices.rows.iter().any(|r| devices.cell(r, "Is Deleted") == "True");
    for device in ["Web", "iOS", "Windows", "Mac"] {
        let used = devices.rows.iter().filter(|r| devices.cell(r, &format!("Used {device}")) == "Yes").count() as u64;
        assert!(gone || used == spread.number(&spread.rows[0], device), "{device}");
    }
    emulator.stop().await;
}

#[tokio::test]
async fn workspaces_add_up() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let one = Window::Date(day(DAY));
    let teams = client.report("getTeamsTeamActivityDetail", one).await;
    let days = client.report("getTeamsTeamActivityCounts", Window::Period(7)).await;
    for column in ["Active Users", "Active Channels", "Guests", "Reactions", "Post Messages", "Reply Messages"] {
        assert_eq!(teams.sum(column), days.number(days.row("Report Date", DAY), column), "{column}");
    }
    let sites = client.report("getSharePointSiteUsageDetail", one).await;
    let files = client.report("getSharePointSiteUsageFileCounts", Window::Period(7)).await;
    let pages = client.report("getSharePointSiteUsagePages", Window::Period(7)).await;
    assert_eq!(sites.sum("Active File Count"), files.number(files.row("Report Date", DAY), "Active"));
    assert_eq!(sites.sum("Page View Count"), pages.number(pages.row("Report Date", DAY), "Page View Count"));
    let accounts = client.report("getOneDriveUsageAccountDetail", one).await;
    let all = client.report("getOneDriveUsageAccountCounts", Window::Period(7)).await;
    assert_eq!(accounts.rows.len() as u64, all.number(all.row("Report Date", DAY), "Active"));
    let boxes = client.report("getMailboxUsageDetail", Window::Period(7)).await;
    let storage = client.report("getMailboxUsageStorage", Window::Period(7)).await;
    let present = boxes.rows.iter().filter(|r| boxes.cell(r, "Is Deleted") == "False");
    let bytes: u64 = present.map(|r| boxes.number(r, "Storage Used (Byte)")).sum();
    assert_eq!(bytes, storage.number(&storage.rows[0], "Storage Used (Byte)"));
    emulator.stop().await;
}

#[tokio::test]
async fn channels_are_those_in_which_people_were() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let talk = truth(&emulator, "teams_day");
    let teams = client.report("getTeamsTeamActivityDetail", Window::Period(7)).await;
    let to = day(teams.cell(&teams.rows[0], "Report Refresh Date"));
    let mut channels: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in &talk.rows {
        let there = (to.plus(-6)..=to).contains(&day(talk.cell(row, "day")));
        if there && !talk.cell(row, "group_id").is_empty() {
            channels.entry(talk.cell(row, "group_id")).or_default().insert(talk.cell(row, "channel"));
        }
    }
    assert!(channels.values().any(|c| c.len() > 1));
    for row in &teams.rows {
        let expected = channels.get(teams.cell(row, "Team Id")).map_or(0, HashSet::len) as u64;
        assert_eq!(teams.number(row, "Active Channels"), expected, "{}", teams.cell(row, "Team Name"));
    }
    emulator.stop().await;
}

/// Also after its deletion, for as long as it is shown.
#[tokio::test]
async fn what_was_deleted_keeps_what_it_had() {
    let emulator = Emulator::start(Options { seed: 5, ..options() }).await.unwrap();
    let client = Client::new(&emulator).await;
    let (sites, groups) = (truth(&emulator, "site_day"), truth(&emulator, "group_day"));
    // The truth ends with the place.
    let last = |sheet: &Sheet, key: &str, id: &str, column: &str| {
        let row = sheet.rows.iter().rfind(|r| sheet.cell(r, key) == id).unwrap();
        sheet.number(row, column)
    };
    let shown = client.report("getSharePointSiteUsageDetail", Window::Period(7)).await;
    let deleted: Vec<_> = shown.rows.iter().filter(|r| shown.cell(r, "Is Deleted") == "True").collect();
    assert!(!deleted.is_empty());
    for row in deleted {
        let id = shown.cell(row, "Site Id");
        assert_eq!(shown.number(row, "File Count"), last(&sites, "site_id", id, "files"));
        assert_eq!(shown.number(row, "Storage Used (Byte)"), last(&sites, "site_id", id, "bytes"));
    }
    let shown = client.report("getOffice365GroupsActivityDetail", Window::Period(7)).await;
    for row in shown.rows.iter().filter(|r| shown.cell(r, "Is Deleted") == "True") {
        let items = shown.number(row, "Exchange Mailbox Total Item Count");
        assert_eq!(items, last(&groups, "group_id", shown.cell(row, "Group Id"), "mailbox_items"));
    }
    emulator.stop().await;
}

fn truth(emulator: &Emulator, name: &str) -> Sheet {
    let dir = tempfile::tempdir().unwrap();
    emulator.write_truth(dir.path()).unwrap();
    Sheet::read(&std::fs::read_to_string(dir.path().join(format!("{name}.csv"))).unwrap())
}

#[tokio::test]
async fn reports_say_what_happened() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let acts = truth(&emulator, "act");
    let mut happened: HashMap<(&str, &str, &str), u64> = HashMap::new();
    let mut used: HashMap<(&str, &str), HashSet<&str>> = HashMap::new();
    for row in &acts.rows {
        let (day, product) = (acts.cell(row, "day"), acts.cell(row, "product"));
        *happened.entry((day, product, acts.cell(row, "activity"))).or_default() += acts.number(row, "count");
        used.entry((day, product)).or_default().insert(acts.cell(row, "person_id"));
    }
    for (product, activity, function, column) in [
        ("exchange", "send", "getEmailActivityCounts", "Send"),
        ("exchange", "read", "getEmailActivityCounts", "Read"),
        ("onedrive", "synced", "getOneDriveActivityFileCounts", "Synced"),
        ("sharepoint", "visited_page", "getSharePointActivityPages", "Visited Page Count"),
        ("viva_engage", "read", "getYammerActivityCounts", "Read"),
    ] {
        let counts = client.report(function, Window::Period(30)).await;
        assert_eq!(counts.rows.len(), 30);
        for row in &counts.rows {
            let day = counts.cell(row, "Report Date");
            let expected = happened.get(&(day, product, activity)).copied().unwrap_or(0);
            assert_eq!(counts.number(row, column), expected, "{product} {activity} {day}");
        }
    }
    // Guests are in the truth and in no report of people.
    let people = truth(&emulator, "person_day");
    let guest = |r: &&Vec<String>| people.cell(r, "user_type") == "Guest";
    let guests: HashSet<&str> = people.rows.iter().filter(guest).map(|r| people.cell(r, "person_id")).collect();
    let counts = client.report("getOffice365ActiveUserCounts", Window::Period(7)).await;
    let row = counts.row("Report Date", DAY);
    for (product, column) in [("exchange", "Exchange"), ("teams", "Teams"), ("viva_engage", "Yammer")] {
        let who = used.get(&(DAY, product)).cloned().unwrap_or_default();
        assert_eq!(counts.number(row, column), who.difference(&guests).count() as u64, "{product}");
    }
    emulator.stop().await;
}

/// The activities of the truth are those that the catalog marks as acts.
#[tokio::test]
async fn the_truth_and_the_catalog_name_the_same_acts() {
    let emulator = Emulator::start(options()).await.unwrap();
    let acts = truth(&emulator, "act");
    let written: HashSet<&str> = acts.rows.iter().map(|r| acts.cell(r, "activity")).collect();
    let marked: HashSet<&str> = catalog::all()
        .iter()
        .filter(|r| !r.function.contains("SkypeForBusiness"))
        .flat_map(|r| r.columns.iter().filter_map(|c| c.act.as_deref()))
        .collect();
    let mut unmarked: Vec<_> = written.difference(&marked).filter(|a| **a != "other").collect();
    unmarked.sort();
    assert!(unmarked.is_empty(), "the catalog marks none of {unmarked:?}");
    let mut absent: Vec<_> = marked.difference(&written).collect();
    absent.sort();
    assert!(absent.is_empty(), "nobody ever did {absent:?}");
    emulator.stop().await;
}

#[tokio::test]
async fn the_same_seed_lives_the_same_history() {
    let (a, b) = (Emulator::start(options()).await.unwrap(), Emulator::start(options()).await.unwrap());
    let (to_a, to_b) = (Client::new(&a).await, Client::new(&b).await);
    let path = "/v1.0/reports/getOffice365ActiveUserDetail(period='D30')";
    assert_eq!(to_a.file(path).await, to_b.file(path).await);
    a.stop().await;
    b.stop().await;
}

/// Restated is nothing without a fault: a day reads the same on every today that serves it.
#[tokio::test]
async fn a_day_reads_the_same_on_every_today() {
    let emulator = Emulator::start(options()).await.unwrap();
    let client = Client::new(&emulator).await;
    let path = "/v1.0/reports/getSharePointActivityUserDetail(date=2026-10-25)";
    let now = client.file(path).await;
    for back in [3, 10, 20] {
        emulator.set_today(day(END).plus(-back));
        assert_eq!(client.file(path).await, now, "{back} days before");
    }
    emulator.stop().await;
}
