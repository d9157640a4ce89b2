//! What people read: `reports`, `plan`, `status` and the lines of a run, as they stand on the screen.

use super::world::{World, ago};

/// The lines of a text that a test looks at, as a snapshot.
macro_rules! shows {
    ($world:expr, $text:expr, @$want:literal) => {{
        let folder = $world.folder().display().to_string();
        let text = $text.replace(&folder, "[folder]");
        insta::with_settings!({filters => vec![
            (r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "[time]"),
            (r"request-id `[0-9a-f-]+`", "request-id `[id]`"),
            (r"127\.0\.0\.1:\d+", "[emulator]"),
            // How many rows there are is the emulator's affair.
            (r"[\d,]+ rows", "[n] rows"),
            (r"(2026-11-\d\d) +[\d,]+  ", "$1  [n]  "),
        ]}, { insta::assert_snapshot!(text, @$want) });
    }};
}

fn run(world: &World, arguments: &[&str]) -> String {
    world.ends(world.command(arguments)).exits(0).stdout
}

#[test]
fn a_report_of_the_catalog() {
    let world = World::new();
    shows!(world, run(&world, &["reports", "getEmailActivityCounts"]), @r"
getEmailActivityCounts: Email actions by day

How often mail was sent, received and read in the whole organisation on each day, and how often meetings were made or answered.

table       email_activity_counts
a row is    day
key         report_date
versions    v1.0, beta
windows     D7 D30 D90 D180
permission  Reports.Read.All
asked for   yes
source      api-reference/v1.0/api/reportroot-getemailactivitycounts.md

COLUMN               TYPE  HEADER               MEANING
report_refresh_date  date  Report Refresh Date  The last day (UTC) whose data the answer holds.
send                 int   Send                 How many times mail was sent on the day.
receive              int   Receive              How many mails reached a mailbox on the day.
read                 int   Read                 How many times a mail was read on the day.
meeting_created      int   Meeting Created      How many times a meeting request was sent on the day.
meeting_interacted   int   Meeting Interacted   How many times a meeting was accepted, tentatively accepted, declined or cancelled on the day.
report_date          date  Report Date          The day (UTC) that the figures of the row belong to.
report_period        int   Report Period        Length in days of the window that was asked for; the row itself is one day of it.
");
    let all = run(&world, &["reports"]);
    assert_eq!(all.lines().count(), usagelake::catalog::all().len() + 1);
    shows!(world, all.lines().take(4).collect::<Vec<_>>().join("\n"), @r"
WORKLOAD            FUNCTION                                              TITLE                                                       WINDOWS               NIGHTLY
Browser             getBrowserDistributionUserCounts                      People by browser in the window                             D7 D30 D90 D180       yes
Browser             getBrowserUserCounts                                  People by browser and day                                   D7 D30 D90 D180       yes
Browser             getBrowserUserDetail                                  Browsers by person                                          D7 D30 D90 D180       yes
");
    let unknown = world.ends(world.command(&["reports", "emailactivitycuonts"])).exits(2);
    shows!(world, unknown.stderr, @r"
error: there is no report `emailactivitycuonts`

hint: the nearest is `email_activity_counts`
");
}

#[test]
fn a_plan_before_and_after_the_first_night() {
    let mut world = World::new();
    let reports = ["getEmailActivityUserDetail", "getEmailActivityCounts", "getMailboxUsageDetail"];
    let plan = |world: &World, today: &str| {
        world.pipeline();
        let mut all = vec!["plan", "--today", today, "--lake", world.address(), "--report"];
        all.extend(reports);
        let text = run(world, &all);
        assert_eq!(world.files("_usagelake").is_empty(), today == "2026-11-20", "a plan writes nothing");
        text
    };
    shows!(world, plan(&world, "2026-11-20"), @r"
REPORT                      REQUESTS  WINDOWS                                                                        WHY
getEmailActivityCounts             1  period=D180                                                                    seed
getEmailActivityUserDetail        31  date=2026-10-23 … 2026-11-18 (27) period=D7 period=D30 period=D90 period=D180  missing, seed
getMailboxUsageDetail              1  period=D7                                                                      missing

33 requests for tenant `contoso`, without a wait at the pace that Graph allows each report (1000000 in 1.0 s)
");
    world.run(&["--report", reports[0], reports[1], reports[2]]).exits(0);
    world.today(ago(-9));
    shows!(world, plan(&world, "2026-11-29"), @r"
REPORT                      REQUESTS  WINDOWS                                                                       WHY
getEmailActivityCounts             1  period=D30                                                                    catch-up
getEmailActivityUserDetail        13  date=2026-11-19 … 2026-11-27 (9) period=D7 period=D30 period=D90 period=D180  missing, due
getMailboxUsageDetail              1  period=D7                                                                     due

15 requests for tenant `contoso`, without a wait at the pace that Graph allows each report (1000000 in 1.0 s)
");
}

#[test]
fn the_lines_of_a_run_and_the_status_after_it() {
    let faults = format!(
        "[[rules]]\nfunction = 'getEmailActivityUserDetail'\nwindow = 'date={}'\nfault.html = {{}}\n\
         [[rules]]\nfunction = 'getEmailActivityUserDetail'\nwindow = 'date={}'\nfault.empty = {{}}\n\
         [[rules]]\nfunction = 'getEmailActivityUserDetail'\nfault.late = {{ day = '{}', days = 9, refused = true }}\n\
         [[rules]]\nfunction = 'getEmailActivityCounts'\nfault.column-added = {{ header = 'Mood', value = 'good' }}\n\
         [[rules]]\nfunction = 'getMailboxUsageDetail'\nfault.unknown-tenant = {{}}\n",
        ago(20),
        ago(12),
        ago(2)
    );
    let world = World::faulty(&faults);
    let ran = world.run(&["--report", "getEmailActivityUserDetail", "getEmailActivityCounts", "getMailboxUsageDetail"]);
    shows!(world, ran.exits(3).stderr, @r"
drift: getEmailActivityCounts: the catalog does not know `Mood`; kept in `unknown_columns`
failed: getEmailActivityUserDetail date=2026-10-31: the answer is a web page and no report (address `http://[emulator]/…`, report `getEmailActivityUserDetail`, window `date=2026-10-31`)
  hint: find out whether a proxy answers in Microsoft's place
not served: getMailboxUsageDetail period=D7: the reporting service does not know the tenant yet (status `404`, code `UnknownTenantId`, message `We do not recognize this tenant ID 9760f0ac-d7ec-4a86-8034-77c040db748a. Please double-check the tenant ID and try again.`, request-id `[id]`, report `getMailboxUsageDetail`, window `period=D7`)
  hint: wait: a new tenant, or one that nobody uses, becomes known after some days of use
contoso: 33 windows asked, 29 landed ([n] rows), 0 unchanged, 1 empty, 1 late, 1 failed; 35 partitions published
");
    let status = world.ask(&["status", "--today", "2026-11-20"]).exits(0);
    shows!(world, status.stdout, @r"
tenant contoso, today 2026-11-20 (UTC)

2 days that Graph still has and the lake has not; the first is lost after 2026-11-28: getEmailActivityUserDetail of 2026-10-31

FAILING                          SINCE    LAST RUN  WHY
getEmailActivityUserDetail  2026-11-20  2026-11-20  the answer is a web page and no report (address `http://[emulator]/…`, report `getEmailActivityUserDetail`, window `date=2026-10-31`)

days from 2026-10-16 to 2026-11-20, `date=` answers
# landed  * landed, concealed names  ? held  % held, truncated  . empty  ~ late  ! failed  x expired  - taken by retention  _ not asked yet

REPORT                      DAYS
getEmailActivityUserDetail         ########!#######.#########~

REPORT                           UP TO  ROWS READ  SLICES
getEmailActivityCounts      2026-11-18  [n]  1 landed
getEmailActivityUserDetail  2026-11-18  [n]  1 empty, 1 failed, 28 landed, 1 late
getMailboxUsageDetail                           0  not ready: the reporting service does not know the tenant yet (status `404`, code `UnknownTenantId`, message `We do not recognize this tenant ID 9760f0ac-d7ec-4a86-8034-77c040db748a. Please double-check the tenant ID and try again.`, request-id `[id]`, report `getMailboxUsageDetail`, window `period=D7`)
");
    let nothing = world.command(&["status", "--lake", "nowhere"]);
    shows!(world, world.ends(nothing).exits(2).stderr, @r"
error: there is no lake at `nowhere`

hint: name it with `--lake`, or make one with `usagelake demo`
");
}

/// A night for each thing that can become of a day, and what the calendar has of it.
#[test]
fn every_mark_of_the_calendar() {
    let mail = "getEmailActivityUserDetail";
    let rule =
        |n: i32, fault: &str| format!("[[rules]]\nfunction = '{mail}'\nwindow = 'date={}'\nfault.{fault}\n", ago(n));
    let mut world = World::with(usagelake::emulator::Options { users: 260, ..super::world::options() });
    // The first day of the window cannot be read, and is gone the next night.
    let faults = rule(28, "html = {}") + &rule(12, "empty = {}") + &rule(11, "html = {}");
    world.faults(&faults);
    world.run(&["--report", mail]).exits(3);
    let late = format!("late = {{ day = '{}', days = 20, refused = true }}", ago(1));
    world.faults(&(faults.clone() + &rule(1, &late) + &rule(2, "first-rows = {}") + &rule(3, "doubled = {}")));
    world.today(ago(-1));
    world.run(&["--report", mail]).exits(3);
    world.faults(&format!("{faults}[[rules]]\nfault.concealed = {{ from = '{}' }}", ago(30)));
    world.set("[guards]\noff = ['concealment']");
    world.run_day(mail, ago(5)).exits(0);
    let from_to = [ago(-1).to_string(), ago(-2).to_string()];
    let status =
        |today: &str| world.ask(&["status", "--today", today, "--days", "31", "--report", mail]).exits(0).stdout;
    shows!(world, status(&from_to[0]).lines().skip_while(|l| !l.starts_with("days from")).collect::<Vec<_>>().join("\n"), @r"
days from 2026-10-21 to 2026-11-21, `date=` answers
# landed  * landed, concealed names  ? held  % held, truncated  . empty  ~ late  ! failed  x expired  - taken by retention  _ not asked yet

REPORT                      DAYS
getEmailActivityUserDetail    x###############.!#####*#?%~

REPORT                           UP TO  ROWS READ  SLICES
getEmailActivityUserDetail  2026-11-18  [n]  1 concealed, 1 empty, 1 expired, 1 failed, 1 held, 27 landed, 1 late, 1 truncated
");
    let tomorrow = status(&from_to[1]);
    let line = tomorrow.lines().find(|l| l.starts_with(mail) && l.contains("###")).unwrap().trim_end();
    assert!(line.ends_with("~_"), "a day that nobody has asked for yet: {line}");
    let json: serde_json::Value =
        serde_json::from_str(&world.ask(&["status", "--json", "--today", &from_to[0]]).exits(0).stdout).unwrap();
    let counts = &json[0]["reports"][0]["counts"];
    for word in ["concealed", "empty", "expired", "failed", "held", "late", "truncated"] {
        assert_eq!(counts[word], 1, "{word}: {counts}");
    }
}
