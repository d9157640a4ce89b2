//! What really happened in an emulated tenant, and whether a lake says so: plain loops over the emulator's CSV files.

use std::collections::{BTreeMap, BTreeSet};

use usagelake::day::Day;
use usagelake::emulator::DateLists;

use super::world::World;

struct Act {
    day: Day,
    person: String,
    product: String,
    activity: String,
    count: i64,
}

struct Person {
    upn: String,
    enabled: String,
    deleted: bool,
}

pub struct Truth {
    acts: Vec<Act>,
    /// The members of the tenant and those who left not long before, by day and id.
    people: BTreeMap<(Day, String), Person>,
}

/// Details: table, product, and columns with the act that each counts.
type Detail = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const DETAILS: [Detail; 3] = [
    (
        "email_activity_user_detail",
        "exchange",
        &[("send_count", "send"), ("read_count", "read"), ("meeting_created_count", "meeting_created")],
    ),
    (
        "teams_user_activity_user_detail",
        "teams",
        &[("private_chat_message_count", "private_chat"), ("call_count", "call"), ("meeting_count", "meeting")],
    ),
    (
        "one_drive_activity_user_detail",
        "onedrive",
        &[("viewed_or_edited_file_count", "viewed_or_edited"), ("synced_file_count", "synced")],
    ),
];

impl Truth {
    pub fn of(world: &World) -> Truth {
        let folder = world.folder().join("truth");
        world.emulator().write_truth(&folder).unwrap();
        let mut truth = Truth { acts: Vec::new(), people: BTreeMap::new() };
        for row in csv::Reader::from_path(folder.join("act.csv")).unwrap().into_records() {
            let row = row.unwrap();
            truth.acts.push(Act {
                day: row[0].parse().unwrap(),
                person: row[1].to_string(),
                product: row[2].to_string(),
                activity: row[3].to_string(),
                count: row[4].parse().unwrap(),
            });
        }
        let mut reader = csv::Reader::from_path(folder.join("person_day.csv")).unwrap();
        let heads = reader.headers().unwrap().clone();
        let at = |head: &str| heads.iter().position(|h| h == head).unwrap();
        let (kind, enabled, deleted) = (at("user_type"), at("enabled"), at("is_deleted"));
        for row in reader.into_records().map(Result::unwrap).filter(|r| &r[kind] == "Member") {
            let person = Person {
                upn: row[2].to_string(),
                enabled: format!("+{}+", &row[enabled]),
                deleted: &row[deleted] == "true",
            };
            truth.people.insert((row[0].parse().unwrap(), row[1].to_string()), person);
        }
        truth
    }

    /// Acts of members from a day to a day.
    fn acts<'a>(&'a self, product: &'a str, from: Day, to: Day) -> impl Iterator<Item = &'a Act> {
        self.acts
            .iter()
            .filter(move |a| a.product == product && a.day >= from && a.day <= to)
            .filter(|a| self.people.contains_key(&(a.day, a.person.clone())))
    }

    /// Fails where the lake does not say what happened up to two days before `today`.
    #[track_caller]
    pub fn holds(&self, world: &World, today: Day, lists: DateLists) {
        self.holds_details(world, today, lists);
        self.holds_counts(world, today);
        self.holds_summaries(world, today);
    }

    #[track_caller]
    pub fn holds_details(&self, world: &World, today: Day, lists: DateLists) {
        for (table, product, columns) in DETAILS {
            for n in 2..=28 {
                let day = today.plus(-n);
                let got = world.day(table, day);
                let active: BTreeSet<&str> = self.acts(product, day, day).map(|a| a.person.as_str()).collect();
                let listed: BTreeSet<&str> = match lists {
                    DateLists::Active => active,
                    DateLists::Everyone => {
                        let there = self.people.iter().filter(|((d, _), _)| *d == day);
                        let licensed = |p: &Person| product == "teams" || p.enabled.contains(&format!("+{product}+"));
                        // Whoever left has no licence any more; the report goes by the last one.
                        let all = there.filter(|(_, p)| licensed(p) || p.deleted).map(|((_, id), _)| id.as_str());
                        all.collect()
                    }
                };
                let upns: BTreeSet<&str> =
                    listed.iter().map(|id| self.people[&(day, id.to_string())].upn.as_str()).collect();
                let rows: Vec<String> = got.texts("user_principal_name").into_iter().map(Option::unwrap).collect();
                let mut shown: BTreeSet<&str> = rows.iter().map(String::as_str).collect();
                assert_eq!(shown.len(), rows.len(), "{table} {day}: somebody is there twice");
                if lists == DateLists::Everyone && product != "teams" {
                    // Whether those who left had a licence is not in the truth of the day.
                    let left: BTreeSet<&str> = self
                        .people
                        .iter()
                        .filter(|((d, _), p)| *d == day && p.deleted)
                        .map(|(_, p)| p.upn.as_str())
                        .collect();
                    shown.extend(left);
                }
                assert_eq!(shown, upns, "{table} {day}");
                for (column, act) in columns {
                    let happened: i64 =
                        self.acts(product, day, day).filter(|a| a.activity == *act).map(|a| a.count).sum();
                    assert_eq!(got.sum(column), happened, "{table} {day} {column}");
                }
            }
        }
    }

    /// Every day from the first that the longest period reached to the last, each once.
    #[track_caller]
    fn holds_counts(&self, world: &World, today: Day) {
        let last = today.plus(-2);
        let mails = world.table("email_activity_counts").by_day("report_date", "send");
        let files = world.table("one_drive_activity_user_counts").by_day("report_date", "viewed_or_edited");
        let suite = world.table("office365_active_user_counts");
        let (exchange, drive) = (suite.by_day("report_date", "exchange"), suite.by_day("report_date", "onedrive"));
        assert!(mails.len() >= 180, "{}", mails.len());
        assert_eq!(mails.len(), world.table("email_activity_counts").rows(), "a day is there twice");
        assert_eq!(mails.keys().next_back(), Some(&last));
        for day in mails.keys().copied() {
            let sent: i64 = self.acts("exchange", day, day).filter(|a| a.activity == "send").map(|a| a.count).sum();
            assert_eq!(mails[&day], sent, "mails of {day}");
            let people = |product, activity: Option<&str>| {
                let acts = self.acts(product, day, day).filter(|a| activity.is_none_or(|n| n == a.activity));
                acts.map(|a| &a.person).collect::<BTreeSet<_>>().len() as i64
            };
            assert_eq!(files[&day], people("onedrive", Some("viewed_or_edited")), "people with files on {day}");
            assert_eq!((exchange[&day], drive[&day]), (people("exchange", None), people("onedrive", None)), "{day}");
        }
    }

    /// Active people of each window, snapshot by snapshot.
    #[track_caller]
    fn holds_summaries(&self, world: &World, today: Day) {
        let table = world.table("office365_services_user_counts");
        let (days, periods) = (table.days("report_refresh_date"), table.ints("report_period"));
        let (active, idle) = (table.ints("exchange_active"), table.ints("exchange_inactive"));
        let mut seen = BTreeSet::new();
        for row in 0..table.rows() {
            let (last, period) = (days[row].unwrap(), periods[row].unwrap());
            assert!(seen.insert((last, period)), "{last} D{period} is there twice");
            let licensed: BTreeSet<&String> = self
                .people
                .iter()
                .filter(|((d, _), p)| *d == last && p.enabled.contains("+exchange+") && !p.deleted)
                .map(|((_, id), _)| id)
                .collect();
            let first = last.plus(1 - period as i32);
            let used: BTreeSet<&String> = self.acts("exchange", first, last).map(|a| &a.person).collect();
            let both = licensed.intersection(&used).count() as i64;
            let shown = (active[row].unwrap_or(0), idle[row].unwrap_or(0));
            assert_eq!(shown, (both, licensed.len() as i64 - both), "{last} D{period}");
        }
        assert!([7, 30, 90, 180].iter().all(|n| seen.contains(&(today.plus(-2), *n))), "{seen:?}");
    }
}
