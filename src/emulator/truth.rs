//! What really happened, as CSV: the history itself, past every report, for tests to compute from.
//!
//! One file for each, UTF-8 without byte order mark, one row for each day from the first to the last day of the history
//! where something is to be said. Days are `YYYY-MM-DD`, truth values `true` and `false`, unknown is empty.
//!
//! - `person_day.csv`: day, person_id, upn, display_name, user_type, department, job_title, company, country,
//!   usage_location, state, city, office, employee_type, manager_id, is_deleted, deleted_date, skus (part numbers joined
//!   by `+`), enabled (products joined by `+`). A row for each day in the directory, and the thirty after it.
//! - `act.csv`: day, person_id, product, activity, count. Activities are those that the catalog marks as acts; a day on which a
//!   product was used without any (Teams: other actions; apps, browser: no acts are counted) has `activity` = `other`, 1.
//! - `mailbox_day.csv`: day, person_id, items, bytes, quota_bytes, received.
//! - `site_day.csv`: day, site_id, name, files, bytes, active_files, page_views, users.
//! - `group_day.csv`: day, group_id, name, members, guests, mails, posts, replies, team_users.
//! - `seat_day.csv`: day, sku_id, sku_part_number, enabled, warning, assigned.

use std::fs::File;
use std::path::Path;

use super::acts::Act;
use super::facts::View;
use super::history::History;
use super::people::manager;
use super::person::DELETED_SHOWN;
use super::product::Product;
use super::skus::{SKUS, sku};
use super::uses::uses;
use super::words::Kind as Place;
use crate::error::{Error, Kind, Result};

type Writer = csv::Writer<File>;

/// A file's name, its header and what writes its rows.
type Part = (&'static str, &'static [&'static str], fn(&History, &mut Writer) -> csv::Result<()>);

/// Writes all files.
pub fn write(history: &History, dir: &Path) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::new(Kind::File, "cannot write the truth").with("path", dir.display()).because(e);
    std::fs::create_dir_all(dir).map_err(failed)?;
    let files: [Part; 6] = [
        ("person_day", &PERSON_DAY, person_days),
        ("act", &["day", "person_id", "product", "activity", "count"], acts),
        ("mailbox_day", &["day", "person_id", "items", "bytes", "quota_bytes", "received"], mailbox_days),
        ("site_day", &["day", "site_id", "name", "files", "bytes", "active_files", "page_views", "users"], site_days),
        (
            "group_day",
            &["day", "group_id", "name", "members", "guests", "mails", "posts", "replies", "team_users"],
            group_days,
        ),
        ("seat_day", &["day", "sku_id", "sku_part_number", "enabled", "warning", "assigned"], seat_days),
    ];
    for (name, heads, rows) in files {
        let path = dir.join(format!("{name}.csv"));
        let failed =
            |e: csv::Error| Error::new(Kind::File, "cannot write the truth").with("path", path.display()).because(e);
        let mut out = csv::Writer::from_path(&path).map_err(failed)?;
        out.write_record(heads).map_err(failed)?;
        rows(history, &mut out).map_err(failed)?;
        out.flush().map_err(|e| failed(e.into()))?;
    }
    Ok(())
}

const PERSON_DAY: [&str; 19] = [
    "day",
    "person_id",
    "upn",
    "display_name",
    "user_type",
    "department",
    "job_title",
    "company",
    "country",
    "usage_location",
    "state",
    "city",
    "office",
    "employee_type",
    "manager_id",
    "is_deleted",
    "deleted_date",
    "skus",
    "enabled",
];

fn person_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for (i, p) in h.people.iter().enumerate() {
            if day < p.joined || p.left.is_some_and(|l| day.since(l) >= DELETED_SHOWN) {
                continue;
            }
            let (identity, (city, state, office)) = (p.identity(day), p.place());
            let deleted = p.deleted(day);
            let skus: Vec<&str> = p.licences(day).map(|a| sku(a.sku).part_number).collect();
            let enabled = Product::ALL.into_iter().filter(|s| p.enabled(*s, day)).map(Product::truth_name);
            let boss = manager(&h.people, i as u32, day).map(|b| h.people[b as usize].id.as_str());
            out.write_record([
                day.to_string().as_str(),
                &p.id,
                &identity.upn,
                &identity.display_name,
                if p.guest() { "Guest" } else { "Member" },
                p.department_name(day),
                p.title(day),
                p.country().company,
                p.country().name,
                p.country().code,
                state,
                city,
                office,
                p.employment.name(),
                boss.filter(|_| !p.guest()).unwrap_or_default(),
                if deleted { "true" } else { "false" },
                &p.left.filter(|_| deleted).map(|d| d.to_string()).unwrap_or_default(),
                &skus.join("+"),
                &enabled.collect::<Vec<_>>().join("+"),
            ])?;
        }
    }
    Ok(())
}

fn acts(h: &History, out: &mut Writer) -> csv::Result<()> {
    let own: Vec<Act> = Act::ALL.iter().copied().filter(|a| a.own()).collect();
    for (i, p) in h.people.iter().enumerate() {
        for product in Product::ALL {
            for slot in h.activity.days(product, i, 0, h.slots() - 1) {
                let day = h.day(slot).to_string();
                let mut write = |activity: &str, count: u32| {
                    out.write_record([&day, &p.id, product.truth_name(), activity, &count.to_string()])
                };
                let mut any = false;
                for act in own.iter().filter(|a| a.product() == product) {
                    let count = h.count(i, slot, *act);
                    if count > 0 {
                        write(act.key(), count)?;
                        any = true;
                    }
                }
                if !any {
                    write("other", 1)?;
                }
            }
        }
    }
    Ok(())
}

fn mailbox_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for i in (0..h.members).filter(|i| h.people[*i].present(day)) {
            let Some(m) = h.mailbox(i, day) else { continue };
            let numbers = [m.items, m.bytes, m.stop_at, u64::from(h.count(i, slot, Act::Receive))];
            let [items, bytes, quota, received] = numbers.map(|n| n.to_string());
            out.write_record([&day.to_string(), &h.people[i].id, &items, &bytes, &quota, &received])?;
        }
    }
    Ok(())
}

fn site_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    let view = View::whole(h);
    for slot in 0..h.slots() {
        let day = h.day(slot);
        let used = uses(&view, Place::Site, slot, slot, false);
        for (at, w) in h.workspaces.iter().enumerate().filter(|(_, w)| w.alive(day)) {
            let u = &used.places[at];
            let numbers = [h.site_files(at, day), h.site_bytes(at, day), u.files, u.views, u.users + u.guests];
            let [files, bytes, active, views, users] = numbers.map(|n| n.to_string());
            out.write_record([&day.to_string(), &w.site_id, &w.name, &files, &bytes, &active, &views, &users])?;
        }
    }
    Ok(())
}

fn group_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    let view = View::whole(h);
    for slot in 0..h.slots() {
        let day = h.day(slot);
        let used = uses(&view, Place::Team, slot, slot, false);
        let mut members = vec![(0_u64, 0_u64); h.workspaces.len()];
        for (i, p) in h.people.iter().enumerate().filter(|(_, p)| p.present(day)) {
            for home in h.homes(i, day).into_iter().flatten() {
                if p.guest() { members[home].1 += 1 } else { members[home].0 += 1 }
            }
        }
        for (at, w) in h.workspaces.iter().enumerate().filter(|(_, w)| w.group() && w.alive(day)) {
            let u = &used.places[at];
            let mails = u64::from(h.group_mails(at, slot));
            let numbers = [members[at].0, members[at].1, mails, u.posts, u.replies, u.users];
            let [members, guests, mails, posts, replies, users] = numbers.map(|n| n.to_string());
            let day = day.to_string();
            out.write_record([&day, &w.group_id, &w.name, &members, &guests, &mails, &posts, &replies, &users])?;
        }
    }
    Ok(())
}

fn seat_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for (i, s) in SKUS.iter().enumerate() {
            let seat = h.seats.on(i as u8, day);
            let [enabled, warning, assigned] = [seat.enabled, seat.warning, seat.assigned].map(|n| n.to_string());
            out.write_record([&day.to_string(), s.id, s.part_number, &enabled, &warning, &assigned])?;
        }
    }
    Ok(())
}
