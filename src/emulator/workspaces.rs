//! Where people meet: groups with their sites, teams and mailboxes, communities of Viva Engage, and the intranet.
//!
//! What a person does on a day in SharePoint, in Teams channels or in Viva Engage happens in one workspace of each kind,
//! which is thrown and not kept. So workspaces add up to people, and people to the tenant.

use std::ops::Range;

use super::dice::{Dice, around};
use super::history::History;
use super::names::PROJECTS;
use super::people::Span;
use super::person::Person;
use super::places::{COUNTRIES, DEPARTMENTS};
use crate::day::Day;

/// What a workspace is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// All people of a department.
    Department,
    /// All people of a country.
    Country,
    /// A project.
    Project,
    /// A community of Viva Engage.
    Community,
    /// A communication site without a group.
    Intranet,
}

/// A group, team, site or community; most are several at once.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Id of the group, and of the team.
    pub group_id: String,
    /// Id of the site.
    pub site_id: String,
    /// Its name.
    pub name: String,
    /// Its address, without domain.
    pub alias: String,
    /// What it is for.
    pub purpose: Purpose,
    /// Whether it is a team.
    pub team: bool,
    /// Whether only its members see it.
    pub private: bool,
    /// Channels of the team, 2 to 10.
    pub channels: u32,
    /// Its owner.
    pub owner: u32,
    /// Its first day.
    pub created: Day,
    /// The first day without it.
    pub deleted: Option<Day>,
}

impl Workspace {
    /// Whether it is there on `day`.
    pub fn alive(&self, day: Day) -> bool {
        self.created <= day && !self.gone(day)
    }

    /// Whether it has been deleted by `day`.
    pub fn gone(&self, day: Day) -> bool {
        self.deleted.is_some_and(|d| d <= day)
    }

    /// The day as of which its possessions are to be read: the last one before it was deleted.
    fn as_of(&self, day: Day) -> Day {
        self.deleted.map_or(day, |d| day.min(d.plus(-1)))
    }

    /// Whether it is a Microsoft 365 group.
    pub fn group(&self) -> bool {
        self.purpose != Purpose::Intranet
    }

    /// What its site was made of.
    pub fn template(&self) -> &'static str {
        if self.group() { "Group" } else { "Communication Site" }
    }
}

const COMMUNITIES: &[&str] = &["All Company", "Ask IT", "Volunteering", "Bike to Work", "Kantine & Café", "Leadership"];
const INTRANET: &[&str] = &["Contoso Home", "Policies, Rules & Forms"];

/// All workspaces: departments, countries, projects, communities, the intranet.
pub fn workspaces(dice: Dice, members: &[Person], span: Span) -> Vec<Workspace> {
    let d = dice.subject("group");
    let n = members.len() as u32;
    let mut all = Vec::new();
    let mut add = |name: String, purpose: Purpose, team: bool, owner: u32, created: Day, deleted: Option<Day>| {
        let i = all.len() as u64;
        let alias: String = name.chars().filter(char::is_ascii_alphanumeric).flat_map(char::to_lowercase).collect();
        all.push(Workspace {
            group_id: d.guid(i, 1),
            site_id: d.guid(i, 2),
            alias: if alias.is_empty() { format!("group{i}") } else { alias },
            name,
            purpose,
            team,
            private: purpose == Purpose::Project && d.chance(i, 3, 0.6),
            channels: 2 + d.below(i, 4, 9),
            owner,
            created,
            deleted,
        });
    };
    let old = span.first.plus(-400);
    for (i, department) in DEPARTMENTS.iter().enumerate() {
        let owner = if i < members.len() { i as u32 } else { 0 };
        add(department.name.to_owned(), Purpose::Department, true, owner, old, None);
    }
    for country in COUNTRIES {
        add(format!("Contoso {}", country.name), Purpose::Country, false, 0, old, None);
    }
    for i in 0..3 + n / 12 {
        let k = 1_000 + u64::from(i);
        let word = PROJECTS[i as usize % PROJECTS.len()];
        let round = i as usize / PROJECTS.len();
        let name = if round == 0 { format!("Project {word}") } else { format!("Project {word} {}", round + 1) };
        // The first project is there for good, so that everyone always has one.
        let early = i == 0 || d.chance(k, 5, 0.6);
        let created = if early { old.plus(i as i32 % 300) } else { span.at(d.unit(k, 6)) };
        let ends = created.max(span.opening).plus(60 + d.below(k, 7, 250) as i32);
        let deleted = (i > 0 && ends <= span.end && d.chance(k, 8, 0.3)).then_some(ends);
        let owner = members.iter().enumerate().cycle().skip(d.below(k, 9, n.max(1)) as usize).take(members.len());
        let owner = owner.map(|(p, m)| (p as u32, m)).find(|(_, m)| m.left.is_none() && m.joined <= created);
        add(name, Purpose::Project, i == 0 || d.chance(k, 10, 0.7), owner.map_or(0, |o| o.0), created, deleted);
    }
    for i in 0..(2 + n / 150).min(COMMUNITIES.len() as u32) {
        add(COMMUNITIES[i as usize].to_owned(), Purpose::Community, false, 0, old, None);
    }
    for name in INTRANET {
        add((*name).to_owned(), Purpose::Intranet, false, 0, old, None);
    }
    all
}

const DEPARTMENT_FIRST: usize = 0;
const COUNTRY_FIRST: usize = DEPARTMENT_FIRST + DEPARTMENTS.len();
const PROJECT_FIRST: usize = COUNTRY_FIRST + COUNTRIES.len();

/// Where the workspaces of a purpose stand among all.
pub fn range(workspaces: &[Workspace], purpose: Purpose) -> Range<usize> {
    let start = workspaces.iter().position(|w| w.purpose == purpose).unwrap_or(0);
    start..start + workspaces.iter().filter(|w| w.purpose == purpose).count()
}

impl History {
    /// The groups that a person belongs to on `day`: department, country, two projects. Guests have projects only.
    pub fn homes(&self, person: usize, day: Day) -> [Option<usize>; 4] {
        let p = &self.people[person];
        let projects = &self.projects;
        let project = |k: u64| {
            let at = projects.start + self.dice.workspace.below(person as u64, k, projects.len() as u32) as usize;
            Some(at).filter(|at| self.workspaces[*at].alive(day))
        };
        let (a, b) = (project(u64::MAX), project(u64::MAX - 1));
        let b = b.filter(|_| a != b);
        if p.guest() {
            return [None, None, a.or(Some(projects.start)), b];
        }
        [Some(DEPARTMENT_FIRST + p.department(day)), Some(COUNTRY_FIRST + usize::from(p.country)), a, b]
    }

    /// The site on which a person's SharePoint day took place.
    pub fn site_of(&self, person: usize, slot: usize) -> usize {
        let throw = self.dice.workspace.bits(person as u64, (slot as u64) << 2 | 1);
        let intranet = self.workspaces.len() - INTRANET.len();
        match throw % 100 {
            0..=24 => intranet,
            25..=31 => intranet + 1,
            _ => self.home(person, slot, throw >> 32, false),
        }
    }

    /// The team in a channel of which a person was on a day.
    pub fn team_of(&self, person: usize, slot: usize) -> usize {
        let throw = self.dice.workspace.bits(person as u64, (slot as u64) << 2 | 2);
        self.home(person, slot, throw >> 32, true)
    }

    /// The channel of that team, counted from 0.
    pub fn channel_of(&self, person: usize, slot: usize, team: usize) -> u32 {
        self.dice.workspace.below(person as u64, (slot as u64) << 2, self.workspaces[team].channels)
    }

    /// The community in which a person was on a day.
    pub fn community_of(&self, person: usize, slot: usize) -> usize {
        let communities = &self.communities;
        let n = communities.len() as u32;
        communities.start + self.dice.workspace.below(person as u64, (slot as u64) << 2 | 3, n) as usize
    }

    fn home(&self, person: usize, slot: usize, throw: u64, team: bool) -> usize {
        let homes = self.homes(person, self.day(slot));
        let usable = |at: &usize| !team || self.workspaces[*at].team;
        homes[(throw % 4) as usize].filter(usable).or(homes[0]).or(homes[2].filter(usable)).unwrap_or(PROJECT_FIRST)
    }

    /// Files on a workspace's site.
    pub fn site_files(&self, at: usize, day: Day) -> u64 {
        let (d, w) = (self.dice.storage, &self.workspaces[at]);
        let age = w.as_of(day).since(w.created).max(0) as f32;
        (15.0 + age * (0.4 + 2.5 * d.unit(at as u64, 1 << 40))) as u64
    }

    /// Bytes on a workspace's site.
    pub fn site_bytes(&self, at: usize, day: Day) -> u64 {
        let size = 180_000 + u64::from(self.dice.storage.below(at as u64, 2 << 40, 2_400_000));
        self.site_files(at, day) * size + 1_572_864
    }

    /// Mails that a group's mailbox received on a day.
    pub fn group_mails(&self, at: usize, slot: usize) -> u32 {
        let w = &self.workspaces[at];
        let day = self.day(slot);
        if !w.group() || w.purpose == Purpose::Community || !w.alive(day) {
            return 0;
        }
        let mean = if day.weekday() >= 5 { 0.1 } else { 1.6 };
        around(self.dice.workspace.bits(1 << 41 | at as u64, slot as u64), mean)
    }

    /// Items and bytes in a group's mailbox.
    pub fn group_mailbox(&self, at: usize, day: Day) -> (u64, u64) {
        let w = &self.workspaces[at];
        let age = w.as_of(day).since(w.created).max(0) as u64;
        let items = 10 + age;
        (items, items * (60_000 + u64::from(self.dice.storage.below(at as u64, 3 << 40, 90_000))))
    }
}
