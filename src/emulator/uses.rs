//! What happened in workspaces in a window: one pass over the people, added up by workspace.

use std::sync::Arc;

use super::acts::{Act, Deeds};
use super::facts::View;
use super::history::{History, lock};
use super::product::Product;
use super::words::Kind;

/// What happened in one workspace.
#[derive(Debug, Clone, Default)]
pub struct Use {
    /// Different members.
    pub users: u64,
    /// Different guests.
    pub guests: u64,
    /// Files viewed, edited or synced.
    pub files: u64,
    /// Page views.
    pub views: u64,
    /// Different pages visited by people.
    pub visited: u64,
    /// Files shared with colleagues.
    pub shared: u64,
    /// Files shared with others.
    pub shared_out: u64,
    /// The channels in which anybody was, as bits.
    pub channels: u32,
    /// Channel posts.
    pub posts: u64,
    /// Channel replies.
    pub replies: u64,
    /// Reactions.
    pub reactions: u64,
    /// Urgent messages.
    pub urgent: u64,
    /// Mentions.
    pub mentions: u64,
    /// Meetings organized.
    pub meetings: u64,
    /// Messages posted in Viva Engage.
    pub posted: u64,
    /// Messages read in Viva Engage.
    pub read: u64,
    /// Messages liked in Viva Engage.
    pub liked: u64,
    /// Mails received by the group.
    pub mails: u64,
    /// The last slot on which anything happened, up to the end of the window and before it too.
    pub last: Option<usize>,
    seen: usize,
}

impl Use {
    fn meet(&mut self, person: usize, guest: bool) -> (bool, bool) {
        let new = self.seen != person + 1;
        self.seen = person + 1;
        (new && !guest, new && guest)
    }

    /// Whether anything happened in the window.
    pub fn active(&self) -> bool {
        self.users + self.guests + self.mails > 0
    }
}

/// What happened in all workspaces.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// By workspace.
    pub places: Vec<Use>,
    /// Different members in any of them.
    pub users: u64,
    /// Different guests in any of them.
    pub guests: u64,
}

/// Adds up a window. With `last` the last activity is looked up too, which may lie before it.
pub fn uses(view: &View<'_>, kind: Kind, from: usize, to: usize, last: bool) -> Uses {
    let mut uses = Uses { places: vec![Use::default(); view.history.workspaces.len()], users: 0, guests: 0 };
    let products: &[Product] = match kind {
        Kind::Site => &[Product::SharePoint],
        Kind::Team => &[Product::Teams],
        Kind::Community => &[Product::Yammer],
        Kind::Group => &[Product::SharePoint, Product::Yammer],
    };
    for product in products {
        add(view, *product, from, to, &mut uses);
        if last {
            let visits = visits(view.history, *product);
            for (at, place) in uses.places.iter_mut().enumerate() {
                place.last = place.last.max(visits.last(at, to));
            }
        }
    }
    if kind == Kind::Group {
        mails(view, from, to, last, &mut uses);
    }
    uses
}

/// On which days there was anybody in a workspace.
#[derive(Debug)]
pub struct Visits {
    slots: usize,
    days: Vec<bool>,
}

impl Visits {
    fn last(&self, at: usize, to: usize) -> Option<usize> {
        let row = &self.days[at * self.slots..(at + 1) * self.slots];
        row[..=to.min(self.slots - 1)].iter().rposition(|v| *v)
    }
}

/// The workspace in which a person used a product on a day.
fn place_of(h: &History, product: Product, person: usize, slot: usize) -> usize {
    match product {
        Product::SharePoint => h.site_of(person, slot),
        Product::Teams => h.team_of(person, slot),
        _ => h.community_of(person, slot),
    }
}

/// What of a person's Teams day happened in a channel of a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Talk {
    /// Posts.
    pub posts: u64,
    /// Replies.
    pub replies: u64,
    /// Reactions.
    pub reactions: u64,
    /// Posts marked urgent.
    pub urgent: u64,
    /// Mentions.
    pub mentions: u64,
    /// Meetings organized.
    pub meetings: u64,
}

impl Talk {
    /// None where nothing of the day happened in a channel.
    pub fn of(deeds: &Deeds) -> Option<Talk> {
        let count = |act: Act| u64::from(deeds[act as usize]);
        let (posts, replies, reactions) = (count(Act::Post), count(Act::Reply), count(Act::Reaction));
        (posts + replies + reactions > 0).then(|| Talk {
            posts,
            replies,
            reactions,
            urgent: count(Act::Urgent).min(posts),
            mentions: count(Act::Mention).min(posts + replies),
            meetings: count(Act::AdHocOrganized),
        })
    }
}

/// The visits of all days, looked up once and kept.
fn visits(h: &History, product: Product) -> Arc<Visits> {
    if let Some(visits) = lock(&h.visits).get(&product) {
        return Arc::clone(visits);
    }
    let slots = h.slots();
    let mut visits = Visits { slots, days: vec![false; slots * h.workspaces.len()] };
    for person in 0..h.people.len() {
        for slot in h.activity.days(product, person, 0, slots - 1) {
            if product != Product::Teams || Talk::of(&h.deeds(person, slot, product)).is_some() {
                visits.days[place_of(h, product, person, slot) * slots + slot] = true;
            }
        }
    }
    let visits = Arc::new(visits);
    lock(&h.visits).insert(product, Arc::clone(&visits));
    visits
}

fn add(view: &View<'_>, product: Product, from: usize, to: usize, uses: &mut Uses) {
    let h = view.history;
    uses.places.iter_mut().for_each(|p| p.seen = 0);
    for person in 0..h.people.len() {
        let guest = h.people[person].guest();
        let mut met = false;
        for slot in view.days(product, person, from, to) {
            let deeds = h.deeds(person, slot, product);
            let count = |act: Act| u64::from(deeds[act as usize]);
            let at = place_of(h, product, person, slot);
            let place = &mut uses.places[at];
            match product {
                Product::SharePoint => {
                    place.files += count(Act::SiteViewed) + count(Act::SiteSynced);
                    place.visited += count(Act::PageVisited);
                    place.views += count(Act::PageViewed);
                    place.shared += count(Act::SiteShared);
                    place.shared_out += count(Act::SiteSharedOut);
                }
                Product::Teams => {
                    let Some(talk) = Talk::of(&deeds) else { continue };
                    place.channels |= 1 << h.channel_of(person, slot, at);
                    place.posts += talk.posts;
                    place.replies += talk.replies;
                    place.reactions += talk.reactions;
                    place.mentions += talk.mentions;
                    place.urgent += talk.urgent;
                    place.meetings += talk.meetings;
                }
                _ => {
                    place.posted += count(Act::YammerPosted);
                    place.read += count(Act::YammerRead);
                    place.liked += count(Act::YammerLiked);
                }
            }
            let (member, visitor) = place.meet(person, guest);
            place.users += u64::from(member);
            place.guests += u64::from(visitor);
            met = true;
        }
        uses.users += u64::from(met && !guest);
        uses.guests += u64::from(met && guest);
    }
}

fn mails(view: &View<'_>, from: usize, to: usize, last: bool, uses: &mut Uses) {
    for (at, place) in uses.places.iter_mut().enumerate() {
        place.mails = (from..=to).map(|slot| u64::from(view.history.group_mails(at, slot))).sum();
        // A group that was written to in the last weeks has been written to lately; further back nobody asks.
        let back = if last { to.saturating_sub(60) } else { from };
        let latest = (back..=to).rev().find(|slot| view.history.group_mails(at, *slot) > 0);
        place.last = place.last.max(latest);
    }
}
