//! What people do: the acts that reports count, and how many of each a person did on a day.
//!
//! A day's counts are thrown when they are asked for. On a day of activity at least one act of the product is counted, except on a
//! few Teams days that consist of other actions only. Acts that are made of others (`meetings attended`) are sums.

use super::dice::{around, nth, unit};
use super::habits::pace;
use super::history::History;
use super::people::Span;
use super::person::Person;
use super::product::Product;
use super::skus::sku;

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident $product:ident $key:literal $mean:literal $of:ident;)*) => {
        /// Something that people do and that a report counts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Act { $($(#[$doc])* $name,)* }

        impl Act {
            /// All of them.
            pub const ALL: &[Act] = &[$(Act::$name,)*];

            fn spec(self) -> Spec {
                match self { $(Act::$name => Spec { product: Product::$product, key: $key, mean: $mean, of: Of::$of },)* }
            }
        }
    };
}

/// What a count is worth to those who count people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    /// An act of its own.
    Own,
    /// A part of another act, or the sum of others.
    Part,
    /// Done to the person, or by somebody without a name.
    Others,
    /// A duration in seconds.
    Seconds,
}

struct Spec {
    product: Product,
    key: &'static str,
    mean: f32,
    of: Of,
}

acts! {
    /// A mail sent.
    Send Exchange "send" 5.0 Own;
    /// A mail received.
    Receive Exchange "receive" 18.0 Others;
    /// A mail read.
    Read Exchange "read" 13.0 Own;
    /// A meeting request sent.
    MeetingCreated Exchange "meeting_created" 0.5 Own;
    /// A meeting request answered.
    MeetingInteracted Exchange "meeting_interacted" 0.9 Own;
    /// A file of one's own viewed or edited.
    DriveViewed OneDrive "viewed_or_edited" 4.0 Own;
    /// A file of one's own synced.
    DriveSynced OneDrive "synced" 2.5 Own;
    /// A file of one's own shared with colleagues.
    DriveShared OneDrive "shared_internally" 0.45 Own;
    /// A file of one's own shared with others.
    DriveSharedOut OneDrive "shared_externally" 0.07 Own;
    /// A file of a site viewed or edited.
    SiteViewed SharePoint "viewed_or_edited" 3.0 Own;
    /// A file of a site synced.
    SiteSynced SharePoint "synced" 1.0 Own;
    /// A file of a site shared with colleagues.
    SiteShared SharePoint "shared_internally" 0.35 Own;
    /// A file of a site shared with others.
    SiteSharedOut SharePoint "shared_externally" 0.05 Own;
    /// A different page visited.
    PageVisited SharePoint "visited_page" 3.0 Own;
    /// A page viewed, again included.
    PageViewed SharePoint "page_view" 2.0 Part;
    /// A message in a private chat.
    PrivateChat Teams "private_chat" 12.0 Own;
    /// A message in a channel: posts and replies.
    TeamChat Teams "team_chat" 0.0 Own;
    /// A channel message that opens a thread.
    Post Teams "post" 0.8 Part;
    /// A channel message that answers.
    Reply Teams "reply" 1.2 Part;
    /// A chat message marked urgent.
    Urgent Teams "urgent" 0.05 Part;
    /// A call one to one.
    Call Teams "call" 0.6 Own;
    /// A meeting taken part in.
    Meeting Teams "meeting" 0.0 Own;
    /// A meeting organized.
    MeetingsOrganized Teams "meetings_organized" 0.0 Part;
    /// A meeting attended.
    MeetingsAttended Teams "meetings_attended" 0.0 Part;
    /// An ad hoc meeting organized.
    AdHocOrganized Teams "ad_hoc_organized" 0.1 Part;
    /// An ad hoc meeting attended.
    AdHocAttended Teams "ad_hoc_attended" 0.2 Part;
    /// A scheduled one-time meeting organized.
    OneTimeOrganized Teams "one_time_organized" 0.25 Part;
    /// A scheduled one-time meeting attended.
    OneTimeAttended Teams "one_time_attended" 0.6 Part;
    /// A recurring meeting organized.
    RecurringOrganized Teams "recurring_organized" 0.2 Part;
    /// A recurring meeting attended.
    RecurringAttended Teams "recurring_attended" 1.0 Part;
    /// Seconds with sound.
    Audio Teams "audio" 0.0 Seconds;
    /// Seconds with the camera on.
    Video Teams "video" 0.0 Seconds;
    /// Seconds of a shared screen.
    Screen Teams "screen" 0.0 Seconds;
    /// A reaction in a channel.
    Reaction Teams "reaction" 0.9 Part;
    /// A mention in a channel.
    Mention Teams "mention" 0.4 Part;
    /// A message posted in Viva Engage.
    YammerPosted Yammer "posted" 0.15 Own;
    /// A message read in Viva Engage.
    YammerRead Yammer "read" 4.0 Own;
    /// A message liked in Viva Engage.
    YammerLiked Yammer "liked" 0.6 Own;
    /// A form created.
    FormCreated Forms "created" 0.25 Own;
    /// A form answered.
    FormResponded Forms "responded" 0.9 Own;
    /// An answer to the person's form by somebody unknown.
    FormAnonymous Forms "anonymous_responses" 1.5 Others;
    /// A prompt to Copilot.
    Prompt Copilot "prompt" 5.0 Own;
    /// A prompt to Copilot Chat about work.
    PromptWork Copilot "prompt_chat_work" 0.0 Part;
    /// A prompt to Copilot Chat about the web.
    PromptWeb Copilot "prompt_chat_web" 0.0 Part;
}

impl Act {
    /// The product it belongs to.
    pub fn product(self) -> Product {
        self.spec().product
    }

    /// Its name in the vocabulary and in the truth.
    pub fn key(self) -> &'static str {
        self.spec().key
    }

    /// The act of a product with this name.
    pub fn from_key(product: Product, key: &str) -> Option<Act> {
        Act::ALL.iter().copied().find(|a| a.product() == product && a.key() == key)
    }

    /// Whether it is an act of the person, counted once: no part of another, no duration, nothing done by others.
    pub fn own(self) -> bool {
        self.spec().of == Of::Own
    }
}

/// How often each act was done, by [`Act`].
pub type Deeds = [u32; ACTS];

/// How many acts there are.
pub const ACTS: usize = Act::ALL.len();

/// What the acts of one person, product and day have in common.
struct Thrower {
    bits: u64,
    mean: f32,
    anchor: Act,
    quiet: bool,
}

impl Thrower {
    fn count(&self, act: Act) -> u32 {
        let tilt = match act {
            // Files are mailed where OneDrive is not used.
            Act::Send if self.quiet => 1.9,
            Act::DriveShared | Act::DriveSharedOut | Act::SiteShared | Act::SiteSharedOut if self.quiet => 0.05,
            _ => 1.0,
        };
        around(nth(self.bits, act as u64), act.spec().mean * self.mean * tilt) + u32::from(self.anchor == act)
    }
}

impl History {
    /// How often `person` did `act` on the day at `slot`.
    pub fn count(&self, person: usize, slot: usize, act: Act) -> u32 {
        if act == Act::Receive {
            return self.received(person, slot);
        }
        if self.activity.used(act.product(), person, slot) {
            self.deeds(person, slot, act.product())[act as usize]
        } else {
            0
        }
    }

    /// What `person` did with `product` on the day at `slot`, which must be a day of activity. Received mail is left out.
    pub fn deeds(&self, person: usize, slot: usize, product: Product) -> Deeds {
        let mut done = [0; ACTS];
        if product == Product::Teams && self.other_only(person, slot) {
            return done;
        }
        let p = &self.people[person];
        let thrower = Thrower {
            bits: self.dice.acts.bits(person as u64, (slot as u64) << 8 | product.index() as u64),
            mean: p.energy * pace(p, self.day(slot)),
            anchor: self.anchor(person, slot, product),
            quiet: p.quiet(),
        };
        let mut throw = |acts: &[Act]| {
            for act in acts {
                done[*act as usize] += thrower.count(*act);
            }
        };
        match product {
            Product::Exchange => throw(&[Act::Send, Act::Read, Act::MeetingCreated, Act::MeetingInteracted]),
            Product::OneDrive => {
                throw(&[Act::DriveViewed, Act::DriveSynced, Act::DriveShared, Act::DriveSharedOut]);
            }
            Product::SharePoint => {
                throw(&[Act::SiteViewed, Act::SiteSynced, Act::SiteShared, Act::SiteSharedOut, Act::PageVisited]);
                done[Act::PageViewed as usize] = done[Act::PageVisited as usize] + thrower.count(Act::PageViewed) / 2;
            }
            Product::Teams => self.in_teams(person, &thrower, &mut done),
            Product::Yammer => throw(&[Act::YammerPosted, Act::YammerRead, Act::YammerLiked]),
            Product::Forms => {
                throw(&[Act::FormCreated, Act::FormResponded]);
                let created = done[Act::FormCreated as usize];
                done[Act::FormAnonymous as usize] = created * thrower.count(Act::FormAnonymous);
            }
            Product::Copilot => {
                throw(&[Act::Prompt]);
                let prompts = done[Act::Prompt as usize];
                done[Act::PromptWork as usize] = prompts / 2;
                done[Act::PromptWeb as usize] = prompts / 5;
            }
            Product::Browser | Product::Apps | Product::Skype => {}
        }
        done
    }

    fn in_teams(&self, person: usize, thrower: &Thrower, done: &mut Deeds) {
        for act in [Act::PrivateChat, Act::Post, Act::Reply, Act::Call, Act::Reaction, Act::Mention] {
            done[act as usize] = thrower.count(act);
        }
        done[Act::TeamChat as usize] = done[Act::Post as usize] + done[Act::Reply as usize];
        done[Act::Urgent as usize] = thrower.count(Act::Urgent).min(done[Act::PrivateChat as usize]);
        for (organized, attended) in [
            (Act::AdHocOrganized, Act::AdHocAttended),
            (Act::OneTimeOrganized, Act::OneTimeAttended),
            (Act::RecurringOrganized, Act::RecurringAttended),
        ] {
            // Who organizes a meeting attends it.
            done[organized as usize] = thrower.count(organized);
            done[attended as usize] = done[organized as usize] + thrower.count(attended);
            done[Act::MeetingsOrganized as usize] += done[organized as usize];
            done[Act::MeetingsAttended as usize] += done[attended as usize];
        }
        done[Act::Meeting as usize] = done[Act::MeetingsAttended as usize];
        // A share of ten minutes a call and half an hour a meeting.
        let most = (done[Act::Call as usize] * 600 + done[Act::Meeting as usize] * 1_800) as f32;
        for (act, share) in [(Act::Audio, 1.0), (Act::Video, 0.45), (Act::Screen, 0.18)] {
            let habit = 0.4 + 1.1 * self.dice.other.unit(person as u64, u64::MAX - act as u64);
            let share = (share * habit).min(1.0) * (0.6 + 0.4 * unit(nth(thrower.bits, act as u64)));
            done[act as usize] = (most * share) as u32;
        }
    }

    /// Whether the person's Teams activity of a day is none of the counted acts.
    pub fn other_only(&self, person: usize, slot: usize) -> bool {
        self.activity.used(Product::Teams, person, slot) && self.dice.other.bits(person as u64, slot as u64) % 100 < 3
    }

    /// The act that makes a day a day of activity.
    fn anchor(&self, person: usize, slot: usize, product: Product) -> Act {
        let throw = self.dice.anchor.bits(person as u64, (slot as u64) << 8 | product.index() as u64) % 100;
        match product {
            Product::Exchange if throw < 88 => Act::Read,
            Product::Exchange => Act::Send,
            Product::OneDrive if throw < 90 => Act::DriveViewed,
            Product::OneDrive => Act::DriveSynced,
            Product::SharePoint if throw < 60 => Act::PageVisited,
            Product::SharePoint => Act::SiteViewed,
            Product::Teams if throw < 60 => Act::PrivateChat,
            Product::Teams if throw < 85 => Act::RecurringAttended,
            Product::Teams if throw < 94 => Act::Post,
            Product::Teams => Act::Call,
            Product::Yammer if throw < 80 => Act::YammerRead,
            Product::Yammer if throw < 95 => Act::YammerLiked,
            Product::Yammer => Act::YammerPosted,
            Product::Forms if throw < 80 => Act::FormResponded,
            Product::Forms => Act::FormCreated,
            _ => Act::Prompt,
        }
    }

    /// Mail comes to every mailbox, also of those who do not read it.
    fn received(&self, person: usize, slot: usize) -> u32 {
        let Some((from, to)) = self.mailboxes[person] else { return 0 };
        if !(from..=to).contains(&slot) {
            return 0;
        }
        let week = if self.day(slot).weekday() >= 5 { 0.2 } else { 1.0 };
        let bits = self.dice.acts.bits(person as u64, (slot as u64) << 8 | 0xff);
        around(bits, Act::Receive.spec().mean * week * (0.5 + 0.5 * self.people[person].energy))
    }
}

/// From which slot to which each person has a mailbox. A mailbox has no gaps: its licences follow one another.
pub fn mailbox_slots(people: &[Person], span: Span) -> Vec<Option<(usize, usize)>> {
    let last = span.end.since(span.first);
    let slots = people.iter().map(|p| {
        let mine = || p.assignments.iter().filter(|a| sku(a.sku).brings.contains(&Product::Exchange));
        let from = mine().map(|a| a.from).min()?.since(span.first).max(0);
        let until = mine().map(|a| a.until.map_or(last, |u| u.plus(-1).since(span.first))).max()?.min(last);
        (from <= until).then_some((from as usize, until as usize))
    });
    slots.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_act_is_found_by_its_key() {
        for act in Act::ALL {
            assert_eq!(Act::from_key(act.product(), act.key()), Some(*act), "{}", act.key());
        }
    }
}
