//! What really happened, as CSV: the history itself, past every report, for tests to compute from.
//!
//! One file for each, UTF-8 without byte order mark, one row for each day from the first to the last day of the history
//! where something is to be said. Days are `YYYY-MM-DD`, truth values `true` and `false`, unknown is empty.
//!
//! - `person_day.csv`: day, person_id, upn, display_name, user_type, department, job_title, company, country,
//!   usage_location, state, city, office, employee_type, manager_id, is_deleted, deleted_date, skus (part numbers joined
//!   by `+`), enabled (products joined by `+`). A row for each day in the directory, and the thirty after it.
//! - `licence.csv`: person_id, sku_part_number, from, until (the first day without it): no days, what was assigned when.
//! - `act.csv`: day, person_id, product, activity, count. Activities are those that the catalog marks as acts; a day on which a
//!   product was used without any (Teams: other actions; apps, browser: no acts are counted) has `activity` = `other`, 1.
//! - `time_day.csv`: day, person_id, audio, video, screen: seconds in Teams. A row for each day with any.
//! - `teams_day.csv`: day, person_id, urgent (messages), ad_hoc_organized, ad_hoc_attended, one_time_organized,
//!   one_time_attended, recurring_organized, recurring_attended (meetings), group_id, channel (of which team in which channel
//!   the person was, empty where in none), posts, replies, reactions, channel_urgent, mentions, channel_meetings (all in that
//!   channel). A row for each day with any: what `act.csv` counts as parts of other acts, or does not count.
//! - `form_day.csv`: day, person_id, anonymous: answers without a name to the person's forms. A row for each day with any.
//! - `client_day.csv`: day, person_id, product, clients (joined by `+`; of the Office apps, app and platform), outlook (the
//!   edition of Outlook for Windows, where it is one of them): with what a product was used.
//! - `mailbox_day.csv`: day, person_id, items, bytes, warn_bytes, stop_sending_bytes, quota_bytes, received, deleted_items,
//!   deleted_bytes, deleted_quota_bytes, archive.
//! - `account.csv`: person_id, site_id: no days, which site a member's OneDrive account is, whenever they have one.
//! - `account_day.csv`: day, person_id, files, bytes, quota_bytes: OneDrive.
//! - `activation_day.csv`: day, person_id, product_type, last_activated, windows, mac, ios, android, shared (whether under
//!   shared computer activation). A row for each that the person may activate; `last_activated` is empty until they do.
//! - `site_day.csv`: day, site_id, name, template, group_id, files, bytes, quota_bytes, active_files, page_views, users,
//!   visited_pages, owner_id (empty where a group owns it).
//! - `group_day.csv`: day, group_id, name, visibility, members, guests, mails, mailbox_items, mailbox_bytes, posts, replies,
//!   team_users, posted, read, liked, team, community (whether it is one), owner_id. Posted, read and liked are a community's,
//!   to which all members of the tenant belong; a day on which a group is not there has no row.
//! - `seat_day.csv`: day, sku_id, sku_part_number, enabled, warning, assigned.
//! - `planted.csv`: what, product, attribute, value, start, end: whom to find in it. `what` is `mailed` (the country that
//!   mails its files), `unused` (the product that hardly anyone uses), `worked` and `failed` (the campaigns).

use std::fs::File;
use std::path::Path;

use super::acts::Act;
use super::devices::{Family, OUTLOOK_VERSIONS};
use super::facts::View;
use super::history::History;
use super::people::manager;
use super::person::DELETED_SHOWN;
use super::place::SITE_LIMIT;
use super::product::Product;
use super::skus::{Activation, SKUS, sku};
use super::start::Planted;
use super::uses::{Talk, uses};
use super::words::Kind as Place;
use super::workspaces::Purpose;
use crate::error::{Error, Kind, Result};

type Writer = csv::Writer<File>;

/// A file's name, its header and what writes its rows.
type Part = (&'static str, &'static [&'static str], fn(&History, &mut Writer) -> csv::Result<()>);

const PARTS: [Part; 14] = [
    ("person_day", &PERSON_DAY, person_days),
    ("licence", &["person_id", "sku_part_number", "from", "until"], licences),
    ("act", &["day", "person_id", "product", "activity", "count"], acts),
    ("time_day", &["day", "person_id", "audio", "video", "screen"], time_days),
    ("teams_day", &TEAMS_DAY, teams_days),
    ("form_day", &["day", "person_id", "anonymous"], form_days),
    ("client_day", &["day", "person_id", "product", "clients", "outlook"], client_days),
    ("mailbox_day", &MAILBOX_DAY, mailbox_days),
    ("account", &["person_id", "site_id"], accounts),
    ("account_day", &["day", "person_id", "files", "bytes", "quota_bytes"], account_days),
    ("activation_day", &ACTIVATION_DAY, activation_days),
    ("site_day", &SITE_DAY, site_days),
    ("group_day", &GROUP_DAY, group_days),
    ("seat_day", &["day", "sku_id", "sku_part_number", "enabled", "warning", "assigned"], seat_days),
];

/// Writes all files.
pub fn write(history: &History, planted: &Planted, dir: &Path) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::new(Kind::File, "cannot write the truth").with("path", dir.display()).because(e);
    std::fs::create_dir_all(dir).map_err(failed)?;
    for (name, heads, rows) in PARTS {
        file(dir, name, heads, |out| rows(history, out))?;
    }
    file(dir, "planted", &["what", "product", "attribute", "value", "start", "end"], |out| plan(planted, out))
}

fn file(dir: &Path, name: &str, heads: &[&str], rows: impl FnOnce(&mut Writer) -> csv::Result<()>) -> Result<()> {
    let path = dir.join(format!("{name}.csv"));
    let failed =
        |e: csv::Error| Error::new(Kind::File, "cannot write the truth").with("path", path.display()).because(e);
    let mut out = csv::Writer::from_path(&path).map_err(failed)?;
    out.write_record(heads).map_err(failed)?;
    rows(&mut out).map_err(failed)?;
    out.flush().map_err(|e| failed(e.into()))
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

fn licences(h: &History, out: &mut Writer) -> csv::Result<()> {
    for p in &h.people {
        for a in &p.assignments {
            let until = a.until.map(|d| d.to_string()).unwrap_or_default();
            out.write_record([p.id.as_str(), sku(a.sku).part_number, &a.from.to_string(), &until])?;
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

fn time_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for (i, p) in h.people.iter().enumerate() {
        for slot in h.activity.days(Product::Teams, i, 0, h.slots() - 1) {
            let seconds = [Act::Audio, Act::Video, Act::Screen].map(|act| h.count(i, slot, act));
            if seconds != [0; 3] {
                let [audio, video, screen] = seconds.map(|n| n.to_string());
                out.write_record([&h.day(slot).to_string(), &p.id, &audio, &video, &screen])?;
            }
        }
    }
    Ok(())
}

const TEAMS_DAY: [&str; 17] = [
    "day",
    "person_id",
    "urgent",
    "ad_hoc_organized",
    "ad_hoc_attended",
    "one_time_organized",
    "one_time_attended",
    "recurring_organized",
    "recurring_attended",
    "group_id",
    "channel",
    "posts",
    "replies",
    "reactions",
    "channel_urgent",
    "mentions",
    "channel_meetings",
];

/// What a person did in Teams outside of channels, as far as `act.csv` does not say it.
const OWN_PARTS: [Act; 7] = [
    Act::Urgent,
    Act::AdHocOrganized,
    Act::AdHocAttended,
    Act::OneTimeOrganized,
    Act::OneTimeAttended,
    Act::RecurringOrganized,
    Act::RecurringAttended,
];

fn teams_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for (i, p) in h.people.iter().enumerate() {
        for slot in h.activity.days(Product::Teams, i, 0, h.slots() - 1) {
            let deeds = h.deeds(i, slot, Product::Teams);
            let (own, talk) = (OWN_PARTS.map(|act| u64::from(deeds[act as usize])), Talk::of(&deeds));
            if own == [0; OWN_PARTS.len()] && talk.is_none() {
                continue;
            }
            let mut cells = row(h.day(slot).to_string(), &p.id, &[], own);
            let team = h.team_of(i, slot);
            let channel = (h.workspaces[team].group_id.clone(), h.channel_of(i, slot, team).to_string());
            cells.extend(<[String; 2]>::from(talk.map(|_| channel).unwrap_or_default()));
            let said = talk.map_or([0; 6], |t| [t.posts, t.replies, t.reactions, t.urgent, t.mentions, t.meetings]);
            cells.extend(said.map(|n| n.to_string()));
            out.write_record(cells)?;
        }
    }
    Ok(())
}

fn form_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for (i, p) in h.people.iter().enumerate() {
        for slot in h.activity.days(Product::Forms, i, 0, h.slots() - 1) {
            let anonymous = h.count(i, slot, Act::FormAnonymous);
            if anonymous > 0 {
                out.write_record([&h.day(slot).to_string(), &p.id, &anonymous.to_string()])?;
            }
        }
    }
    Ok(())
}

fn client_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for (i, p) in h.people.iter().enumerate() {
        for (product, family) in Product::ALL.into_iter().filter_map(|p| Some((p, Family::of(p)?))) {
            for slot in h.activity.days(product, i, 0, h.slots() - 1) {
                let clients = family.names(h.devices(family, i, slot)).join("+");
                let edition = (family == Family::Mail).then(|| h.outlook_version(i, slot)).flatten();
                let edition = edition.and_then(|v| OUTLOOK_VERSIONS.get(v)).map_or("", |v| v.0);
                out.write_record([&h.day(slot).to_string(), p.id.as_str(), product.truth_name(), &clients, edition])?;
            }
        }
    }
    Ok(())
}

const MAILBOX_DAY: [&str; 12] = [
    "day",
    "person_id",
    "items",
    "bytes",
    "warn_bytes",
    "stop_sending_bytes",
    "quota_bytes",
    "received",
    "deleted_items",
    "deleted_bytes",
    "deleted_quota_bytes",
    "archive",
];

fn mailbox_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for i in (0..h.members).filter(|i| h.people[*i].present(day)) {
            let Some(m) = h.mailbox(i, day) else { continue };
            let received = u64::from(h.count(i, slot, Act::Receive));
            let kept = [m.items, m.bytes, m.warn_at, m.stop_sending_at, m.stop_at];
            let deleted = [m.deleted_items, m.deleted_bytes, m.deleted_quota];
            let mut cells = row(day.to_string(), &h.people[i].id, &[], kept);
            cells.push(received.to_string());
            cells.extend(deleted.map(|n| n.to_string()));
            cells.push(m.archive.to_string());
            out.write_record(cells)?;
        }
    }
    Ok(())
}

fn accounts(h: &History, out: &mut Writer) -> csv::Result<()> {
    for (i, p) in h.people.iter().take(h.members).enumerate() {
        out.write_record([&p.id, &h.account_site(i)])?;
    }
    Ok(())
}

fn account_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for i in (0..h.members).filter(|i| h.people[*i].present(day)) {
            let Some(a) = h.account(i, day) else { continue };
            out.write_record(row(day.to_string(), &h.people[i].id, &[], [a.files, a.bytes, a.allocated]))?;
        }
    }
    Ok(())
}

const ACTIVATION_DAY: [&str; 9] =
    ["day", "person_id", "product_type", "last_activated", "windows", "mac", "ios", "android", "shared"];

fn activation_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    for slot in 0..h.slots() {
        let day = h.day(slot);
        for (i, p) in h.people.iter().enumerate().filter(|(_, p)| !p.guest() && p.present(day)) {
            for activation in Activation::ALL.into_iter().filter(|a| p.may_activate(*a, day).is_some()) {
                let state = h.activated(i, activation, day);
                let last = state.map(|s| s.last.to_string()).unwrap_or_default();
                let numbers = state.map_or([0; 4], |s| [s.windows, s.mac, s.ios, s.android]);
                let mut cells = row(day.to_string(), &p.id, &[activation.product_type(), &last], numbers);
                cells.push(state.is_some_and(|s| s.shared).to_string());
                out.write_record(cells)?;
            }
        }
    }
    Ok(())
}

/// A row that begins with a day, an id and some text, and goes on with numbers.
fn row<const N: usize>(day: String, id: &str, texts: &[&str], numbers: [u64; N]) -> Vec<String> {
    let texts = std::iter::once(id).chain(texts.iter().copied()).map(str::to_owned);
    std::iter::once(day).chain(texts).chain(numbers.map(|n| n.to_string())).collect()
}

const SITE_DAY: [&str; 13] = [
    "day",
    "site_id",
    "name",
    "template",
    "group_id",
    "files",
    "bytes",
    "quota_bytes",
    "active_files",
    "page_views",
    "users",
    "visited_pages",
    "owner_id",
];

fn site_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    let view = View::whole(h);
    for slot in 0..h.slots() {
        let day = h.day(slot);
        let used = uses(&view, Place::Site, slot, slot, false);
        for (at, w) in h.workspaces.iter().enumerate().filter(|(_, w)| w.alive(day)) {
            let u = &used.places[at];
            let (files, bytes, users) = (h.site_files(at, day), h.site_bytes(at, day), u.users + u.guests);
            let numbers = [files, bytes, SITE_LIMIT, u.files, u.views, users, u.visited];
            let (group, owner) =
                if w.group() { (w.group_id.as_str(), "") } else { ("", h.people[w.owner as usize].id.as_str()) };
            let mut cells = row(day.to_string(), &w.site_id, &[&w.name, w.template(), group], numbers);
            cells.push(owner.to_owned());
            out.write_record(cells)?;
        }
    }
    Ok(())
}

const GROUP_DAY: [&str; 18] = [
    "day",
    "group_id",
    "name",
    "visibility",
    "members",
    "guests",
    "mails",
    "mailbox_items",
    "mailbox_bytes",
    "posts",
    "replies",
    "team_users",
    "posted",
    "read",
    "liked",
    "team",
    "community",
    "owner_id",
];

fn group_days(h: &History, out: &mut Writer) -> csv::Result<()> {
    let view = View::whole(h);
    for slot in 0..h.slots() {
        let day = h.day(slot);
        let used = uses(&view, Place::Team, slot, slot, false);
        let talk = uses(&view, Place::Community, slot, slot, false);
        let mut members = vec![(0_u64, 0_u64); h.workspaces.len()];
        let mut everyone = 0;
        for (i, p) in h.people.iter().enumerate().filter(|(_, p)| p.present(day)) {
            everyone += u64::from(!p.guest());
            for home in h.homes(i, day).into_iter().flatten() {
                if p.guest() { members[home].1 += 1 } else { members[home].0 += 1 }
            }
        }
        for (at, w) in h.workspaces.iter().enumerate().filter(|(_, w)| w.group() && w.alive(day)) {
            let (u, t) = (&used.places[at], &talk.places[at]);
            let (items, bytes) = h.group_mailbox(at, day);
            let mails = u64::from(h.group_mails(at, slot));
            let community = w.purpose == Purpose::Community;
            let (members, guests) = if community { (everyone, 0) } else { members[at] };
            let state = [members, guests, mails, items, bytes];
            let done = [u.posts, u.replies, u.users, t.posted, t.read, t.liked];
            let visibility = if w.private { "private" } else { "public" };
            let mut cells = row(day.to_string(), &w.group_id, &[&w.name, visibility], state);
            cells.extend(done.map(|n| n.to_string()));
            cells.extend([w.team.to_string(), community.to_string(), h.people[w.owner as usize].id.clone()]);
            out.write_record(cells)?;
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

fn plan(planted: &Planted, out: &mut Writer) -> csv::Result<()> {
    let unused = planted.unused_product.truth_name();
    out.write_record(["mailed", Product::OneDrive.truth_name(), "country", planted.quiet_country, "", ""])?;
    out.write_record(["unused", unused, "tenant", "all", "", ""])?;
    for c in &planted.campaigns {
        let what = if c.worked { "worked" } else { "failed" };
        let (start, end) = (c.start.to_string(), c.end.to_string());
        out.write_record([what, c.product.truth_name(), "department", c.department, &start, &end])?;
    }
    Ok(())
}
