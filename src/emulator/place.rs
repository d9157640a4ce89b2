//! Cells about sites, groups, teams and communities: of one of them, or of all on a day or in a window.

use super::cell::Value;
use super::field::TENANT;
use super::page::{Entity, Line, Page};
use super::people::ONMICROSOFT;
use super::uses::{Use, Uses};
use super::words::Kind;
use super::workspaces::Purpose;
use crate::day::Day;

/// What a site may grow to, in bytes: 25 tebibytes.
pub const SITE_LIMIT: u64 = 27_487_790_694_400;

impl Page<'_> {
    /// The cell of a workspace's field; none where such a row has no such field.
    pub(super) fn place(&self, line: &Line, kind: Kind, field: &str) -> Option<Value> {
        match line.entity {
            Entity::Place(at) => self.of_place(kind, at, field),
            Entity::Day(_) | Entity::Window => self.of_all(line, kind, field).map(Value::Int),
            _ => None,
        }
    }

    fn of_place(&self, kind: Kind, at: usize, field: &str) -> Option<Value> {
        let h = self.view.history;
        let (w, day) = (&h.workspaces[at], self.extent.refresh);
        let uses = self.place_use(kind, at);
        if let Some(count) = counted(uses, field) {
            return Some(Value::Int(count));
        }
        let owner = &h.people[w.owner as usize];
        let intranet = w.purpose == Purpose::Intranet;
        Some(match field {
            "id" if kind == Kind::Site => Value::Text(w.site_id.clone()),
            "id" => Value::Text(w.group_id.clone()),
            "name" => Value::Text(w.name.clone()),
            // Graph has left the address out since autumn 2023.
            "url" | "label" | "device_policy" | "location" => Value::Blank,
            // A group's site belongs to the group.
            "owner_name" if intranet => Value::Text(owner.identity(day).display_name.clone()),
            "owner_name" => Value::Text(format!("{} Owners", w.name)),
            "owner" if kind == Kind::Site && !intranet => Value::Text(format!("{}@{ONMICROSOFT}", w.alias)),
            "owner" => Value::Text(owner.identity(day).upn.clone()),
            "deleted" => Value::Bool(w.gone(day)),
            "last" => Value::date(uses.last.map(|s| h.day(s))),
            "type" => Value::Text(if w.private { "Private" } else { "Public" }.to_owned()),
            "template" => Value::Text(w.template().to_owned()),
            "sharing" => {
                Value::Text(if w.private { "Only for people in your organization" } else { "Anyone" }.to_owned())
            }
            "connected" => Value::Bool(true),
            "network" => Value::Text(TENANT.to_owned()),
            "files" => Value::Int(h.site_files(at, day)),
            "active_files" => Value::Int(uses.files.min(h.site_files(at, day))),
            "bytes" => Value::Int(h.site_bytes(at, day)),
            "allocated" => Value::Int(SITE_LIMIT),
            "members" => Value::Int(self.members(at, day, false)),
            "guest_members" => Value::Int(self.members(at, day, true)),
            "mailbox_items" => Value::Int(h.group_mailbox(at, day).0),
            "mailbox_bytes" => Value::Int(h.group_mailbox(at, day).1),
            _ => return None,
        })
    }

    /// People whose home a workspace is; everyone's, for communities.
    fn members(&self, at: usize, day: Day, guests: bool) -> u64 {
        let h = self.view.history;
        let community = h.workspaces[at].purpose == Purpose::Community;
        let belongs = |p: &usize| {
            let person = &h.people[*p];
            person.present(day) && person.guest() == guests && (community || h.homes(*p, day).contains(&Some(at)))
        };
        if community && guests { 0 } else { (0..h.people.len()).filter(belongs).count() as u64 }
    }

    fn of_all(&self, line: &Line, kind: Kind, field: &str) -> Option<u64> {
        let h = self.view.history;
        let day = h.day(self.state_slot(line));
        let alive: Vec<usize> =
            (0..h.workspaces.len()).filter(|at| self.is(kind, *at) && h.workspaces[*at].alive(day)).collect();
        let uses: &Uses = self.uses(line, kind);
        let sum = |f: &dyn Fn(usize) -> u64| alive.iter().map(|at| f(*at)).sum::<u64>();
        let active = |at: usize| uses.places[at].active();
        let private = |at: &&usize| h.workspaces[**at].private;
        Some(match field {
            "total" => alive.len() as u64,
            "active" => alive.iter().filter(|at| active(**at)).count() as u64,
            "public" => alive.iter().filter(|at| !private(at)).count() as u64,
            "private" => alive.iter().filter(private).count() as u64,
            "active_public" => alive.iter().filter(|at| !private(at) && active(**at)).count() as u64,
            "active_private" => alive.iter().filter(|at| private(at) && active(**at)).count() as u64,
            "files" => sum(&|at| h.site_files(at, day)),
            "active_files" => sum(&|at| uses.places[at].files.min(h.site_files(at, day))),
            "bytes" => sum(&|at| h.site_bytes(at, day)),
            "mailbox_bytes" => sum(&|at| h.group_mailbox(at, day).1),
            // People are counted once, in however many teams they were.
            "users" => uses.users,
            "guests" => uses.guests,
            _ => {
                let counts = uses.places.iter().map(|u| counted(u, field));
                counts.sum::<Option<u64>>()?
            }
        })
    }
}

/// What was counted in one workspace.
fn counted(uses: &Use, field: &str) -> Option<u64> {
    Some(match field {
        "users" => uses.users,
        "guests" => uses.guests,
        "channels" => u64::from(uses.channels.count_ones()),
        "shared_channels" | "external_users" => 0,
        "posts" => uses.posts,
        "replies" => uses.replies,
        "messages" => uses.posts + uses.replies,
        "reactions" => uses.reactions,
        "urgent" => uses.urgent,
        "mentions" => uses.mentions,
        "meetings" => uses.meetings,
        "views" => uses.views,
        "visited" => uses.visited,
        "links(anonymous)" => uses.shared_out,
        "links(company)" => uses.shared,
        "links(guest)" | "links(member)" => 0,
        "mails" => uses.mails,
        "posted" => uses.posted,
        "read" => uses.read,
        "liked" => uses.liked,
        _ => return None,
    })
}
