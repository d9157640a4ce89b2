//! What people do: the acts that reports count, and how many of each a person did on a day.
//!
//! A count is thrown when it is asked for. On a day of activity at least one act of the product is counted, except on a
//! few Teams days that consist of other actions only. Acts that are made of others (`meetings attended`) are sums.

use super::dice::{around, unit};
use super::habits::pace;
use super::history::History;
use super::product::Product;

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

impl History {
    /// How often `person` did `act` on the day at `slot`.
    pub fn count(&self, person: usize, slot: usize, act: Act) -> u32 {
        if act == Act::Receive {
            return self.received(person, slot);
        }
        if !self.activity.used(act.product(), person, slot) { 0 } else { self.count_used(person, slot, act) }
    }

    /// The same for a day that is known to be one of activity.
    pub(super) fn count_used(&self, person: usize, slot: usize, act: Act) -> u32 {
        let sum = |acts: &[Act]| acts.iter().map(|a| self.count_used(person, slot, *a)).sum::<u32>();
        match act {
            Act::Receive => self.received(person, slot),
            Act::TeamChat => sum(&[Act::Post, Act::Reply]),
            Act::MeetingsOrganized => sum(&[Act::AdHocOrganized, Act::OneTimeOrganized, Act::RecurringOrganized]),
            Act::Meeting | Act::MeetingsAttended => {
                sum(&[Act::AdHocAttended, Act::OneTimeAttended, Act::RecurringAttended])
            }
            // Who organizes a meeting attends it.
            Act::AdHocAttended => sum(&[Act::AdHocOrganized]) + self.thrown(person, slot, act),
            Act::OneTimeAttended => sum(&[Act::OneTimeOrganized]) + self.thrown(person, slot, act),
            Act::RecurringAttended => sum(&[Act::RecurringOrganized]) + self.thrown(person, slot, act),
            Act::Urgent => self.thrown(person, slot, act).min(sum(&[Act::PrivateChat])),
            Act::PageViewed => sum(&[Act::PageVisited]) + self.thrown(person, slot, act) / 2,
            Act::Audio => self.minutes(person, slot, act, 1.0),
            Act::Video => self.minutes(person, slot, act, 0.45),
            Act::Screen => self.minutes(person, slot, act, 0.18),
            Act::FormAnonymous => sum(&[Act::FormCreated]) * self.thrown(person, slot, act),
            Act::PromptWork => sum(&[Act::Prompt]) / 2,
            Act::PromptWeb => sum(&[Act::Prompt]) / 5,
            _ => self.thrown(person, slot, act),
        }
    }

    /// Whether the person's Teams activity of a day is none of the counted acts.
    pub fn other_only(&self, person: usize, slot: usize) -> bool {
        self.activity.used(Product::Teams, person, slot) && self.dice.other.bits(person as u64, slot as u64) % 100 < 3
    }

    fn thrown(&self, person: usize, slot: usize, act: Act) -> u32 {
        let spec = act.spec();
        if spec.product == Product::Teams && self.other_only(person, slot) {
            return 0;
        }
        let p = &self.people[person];
        let tilt = match act {
            // Files are mailed where OneDrive is not used.
            Act::Send if p.quiet() => 1.9,
            Act::DriveShared | Act::DriveSharedOut | Act::SiteShared | Act::SiteSharedOut if p.quiet() => 0.05,
            _ => 1.0,
        };
        let mean = spec.mean * p.energy * self.pace(person, slot) * tilt;
        let bits = self.dice.acts.bits(person as u64, (slot as u64) << 8 | act as u64);
        around(bits, mean) + u32::from(self.anchor(person, slot, spec.product) == act)
    }

    fn pace(&self, person: usize, slot: usize) -> f32 {
        pace(&self.people[person], self.day(slot))
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
        let p = &self.people[person];
        let day = self.day(slot);
        if p.guest() || !p.present(day) || !p.enabled(Product::Exchange, day) {
            return 0;
        }
        let week = if day.weekday() >= 5 { 0.2 } else { 1.0 };
        let bits = self.dice.acts.bits(person as u64, (slot as u64) << 8 | Act::Receive as u64);
        around(bits, Act::Receive.spec().mean * week * (0.5 + 0.5 * p.energy))
    }

    /// Seconds in calls and meetings: a share of ten minutes a call and half an hour a meeting.
    fn minutes(&self, person: usize, slot: usize, act: Act, share: f32) -> u32 {
        let calls = self.count_used(person, slot, Act::Call);
        let meetings = self.count_used(person, slot, Act::Meeting);
        let bits = self.dice.acts.bits(person as u64, (slot as u64) << 8 | act as u64);
        let habit = 0.4 + 1.1 * unit(self.dice.acts.bits(person as u64, u64::MAX - act as u64));
        let share = (share * habit).min(1.0) * (0.6 + 0.4 * unit(bits));
        ((calls * 600 + meetings * 1_800) as f32 * share) as u32
    }
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
