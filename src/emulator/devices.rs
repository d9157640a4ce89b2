//! What people work on, day by day: Teams and Viva Engage devices, mail clients, Office apps, browsers, Copilot's apps.
//!
//! A set is a mask of bits, thrown when it is asked for. It is empty exactly on days without activity of the product.

use super::history::History;
use super::person::{Computer, Phone};
use super::product::Product;

/// A family of things that are used or not on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Devices of Teams.
    Teams,
    /// Devices of Viva Engage.
    Yammer,
    /// Mail clients.
    Mail,
    /// Office apps on platforms: bit = app × 4 + platform.
    Apps,
    /// Browsers.
    Browser,
    /// Apps in which Copilot was used.
    Copilot,
}

const TEAMS: &[&str] = &["web", "windows_phone", "android", "ios", "mac", "windows", "chrome_os", "linux"];
const YAMMER: &[&str] = &["web", "windows_phone", "android", "iphone", "ipad", "other"];
const MAIL: &[&str] = &[
    "mail_for_mac",
    "outlook_mac",
    "outlook_windows",
    "outlook_mobile",
    "other_mobile",
    "outlook_web",
    "pop3",
    "imap4",
    "smtp",
];
const BROWSERS: &[&str] = &["edge", "edge_legacy", "ie"];
const APPS: &[&str] = &["outlook", "word", "excel", "powerpoint", "onenote", "teams"];
const PLATFORMS: &[&str] = &["windows", "mac", "mobile", "web"];
const COPILOT: &[&str] =
    &["teams", "word", "excel", "powerpoint", "outlook", "onenote", "loop", "chat", "edge", "app", "agent"];

/// Versions of Outlook for Windows, as the reports name them, with what a person's row says.
pub const OUTLOOK_VERSIONS: &[(&str, &str)] = &[
    ("m365", "ProPlus"),
    ("2019", "2019"),
    ("2016", "2016"),
    ("undetermined", "Undetermined"),
    ("2013", "2013"),
    ("2010", "2010"),
    ("2007", "2007"),
];

impl Family {
    /// The family that a product's devices are of.
    pub fn of(product: Product) -> Option<Family> {
        match product {
            Product::Teams => Some(Family::Teams),
            Product::Yammer => Some(Family::Yammer),
            Product::Exchange => Some(Family::Mail),
            Product::Apps => Some(Family::Apps),
            Product::Browser => Some(Family::Browser),
            Product::Copilot => Some(Family::Copilot),
            _ => None,
        }
    }

    /// The product whose activity it is.
    pub fn product(self) -> Product {
        match self {
            Family::Teams => Product::Teams,
            Family::Yammer => Product::Yammer,
            Family::Mail => Product::Exchange,
            Family::Apps => Product::Apps,
            Family::Browser => Product::Browser,
            Family::Copilot => Product::Copilot,
        }
    }

    /// The names of what is in a set, each once; of apps, app and platform.
    pub fn names(self, mask: u32) -> Vec<String> {
        let of = |list: &[&str]| list.iter().map(|n| (*n).to_owned()).collect();
        let all: Vec<String> = match self {
            Family::Teams => of(TEAMS),
            Family::Yammer => of(YAMMER),
            Family::Mail => of(MAIL),
            Family::Browser => of(BROWSERS),
            Family::Copilot => of(&[COPILOT, &["chat_work", "chat_web"]].concat()),
            Family::Apps => APPS.iter().flat_map(|a| PLATFORMS.iter().map(move |p| format!("{a}_{p}"))).collect(),
        };
        all.into_iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, name)| name).collect()
    }

    /// The bits that a name stands for: one device, or for apps `word`, `windows` or `word_windows`.
    pub fn mask(self, name: &str) -> Option<u32> {
        let bit = |list: &[&str]| list.iter().position(|n| *n == name).map(|i| 1 << i);
        match self {
            Family::Teams => bit(TEAMS),
            Family::Yammer => bit(YAMMER),
            Family::Mail => bit(MAIL),
            Family::Browser => bit(BROWSERS),
            Family::Copilot => match name {
                // Chat is either about work or about the web; both count as Chat.
                "chat_work" => Some(1 << 11),
                "chat_web" => Some(1 << 12),
                _ => bit(COPILOT),
            },
            Family::Apps => {
                let app = |name: &str| APPS.iter().position(|n| *n == name);
                let platform = |name: &str| PLATFORMS.iter().position(|n| *n == name);
                if let Some(a) = app(name) {
                    return Some(0b1111 << (a * 4));
                }
                if let Some(p) = platform(name) {
                    return Some((0..APPS.len()).fold(0, |m, a| m | 1 << (a * 4 + p)));
                }
                let (a, p) = name.split_once('_')?;
                Some(1 << (app(a)? * 4 + platform(p)?))
            }
        }
    }
}

impl History {
    /// What of a family `person` used on the day at `slot`.
    pub fn devices(&self, family: Family, person: usize, slot: usize) -> u32 {
        if !self.activity.used(family.product(), person, slot) {
            return 0;
        }
        let throw = self.dice.devices.bits(person as u64, (slot as u64) << 8 | family as u64);
        let with = self.people[person].equipment;
        let at_desk = throw % 100 >= u64::from(with.web);
        let mobile = with.phone != Phone::None && (throw >> 8) % 100 < 45;
        match family {
            Family::Teams => teams(with.computer, with.phone, at_desk, mobile),
            Family::Yammer => yammer(with.phone, mobile, throw >> 16),
            Family::Mail => mail(with.computer, with.phone, at_desk, mobile, throw >> 16),
            Family::Apps => apps(with.computer, at_desk, mobile, throw >> 16),
            // The old ones are gone; a few last machines still show them.
            Family::Browser => 1 | (u32::from((throw >> 16).is_multiple_of(400)) << 2),
            Family::Copilot => copilot(throw >> 16),
        }
    }

    /// The version of Outlook for Windows, where the person used it on that day.
    pub fn outlook_version(&self, person: usize, slot: usize) -> Option<usize> {
        let windows = Family::Mail.mask("outlook_windows")?;
        (self.devices(Family::Mail, person, slot) & windows != 0)
            .then(|| usize::from(self.people[person].equipment.outlook))
    }
}

fn teams(computer: Computer, phone: Phone, at_desk: bool, mobile: bool) -> u32 {
    let desk = match computer {
        _ if !at_desk => 0,
        Computer::Windows => 5,
        Computer::Mac => 4,
        Computer::Linux => 7,
        Computer::Chrome => 6,
    };
    let hand = match phone {
        Phone::Ios => 1 << 3,
        Phone::Android => 1 << 2,
        Phone::None => 0,
    };
    1 << desk | if mobile { hand } else { 0 }
}

fn yammer(phone: Phone, mobile: bool, throw: u64) -> u32 {
    let hand = match phone {
        Phone::Android => 1 << 2,
        Phone::Ios if throw.is_multiple_of(5) => 1 << 4,
        Phone::Ios => 1 << 3,
        Phone::None => 0,
    };
    let other = if throw % 50 == 7 { 1 << 5 } else { 0 };
    if mobile { hand | other } else { 1 | other }
}

fn mail(computer: Computer, phone: Phone, at_desk: bool, mobile: bool, throw: u64) -> u32 {
    let desk = match computer {
        Computer::Windows if at_desk => 1 << 2,
        Computer::Mac if at_desk && throw % 7 == 1 => 1,
        Computer::Mac if at_desk => 1 << 1,
        _ => 1 << 5,
    };
    let hand = if phone == Phone::Android && throw.is_multiple_of(6) { 1 << 4 } else { 1 << 3 };
    let old = match (throw >> 8) % 300 {
        0 => 1 << 6,
        1 | 2 => 1 << 7,
        3..=5 => 1 << 8,
        _ => 0,
    };
    desk | old | if mobile { hand } else { 0 }
}

fn apps(computer: Computer, at_desk: bool, mobile: bool, throw: u64) -> u32 {
    let desk = match computer {
        Computer::Windows if at_desk => 0,
        Computer::Mac if at_desk => 1,
        _ => 3,
    };
    // Outlook and Teams nearly daily, the others by chance.
    let likely = [92, 48, 55, 30, 14, 85];
    let mut mask = 0;
    for (app, likely) in likely.into_iter().enumerate() {
        let part = throw >> (app * 6);
        if part % 100 < likely {
            mask |= 1 << (app * 4 + desk);
        }
        if mobile && matches!(app, 0 | 5) && part.is_multiple_of(2) {
            mask |= 1 << (app * 4 + 2);
        }
    }
    if mask == 0 { 1 << desk } else { mask }
}

fn copilot(throw: u64) -> u32 {
    // Teams, Word, Excel, PowerPoint, Outlook, OneNote, Loop, Chat, Edge, the app, agents.
    let likely = [45, 25, 14, 12, 30, 4, 2, 55, 10, 35, 6];
    let mut mask = 0;
    for (app, likely) in likely.into_iter().enumerate() {
        if (throw >> (app * 4)) % 100 < likely {
            mask |= 1 << app;
        }
    }
    if mask == 0 {
        mask = 1 << 7;
    }
    if mask >> 7 & 1 == 1 {
        mask |= if (throw >> 44).is_multiple_of(3) { 1 << 12 } else { 1 << 11 };
    }
    mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_bits() {
        assert_eq!(Family::Teams.mask("windows"), Some(1 << 5));
        assert_eq!(Family::Apps.mask("word_mac"), Some(1 << 5));
        assert_eq!(Family::Apps.mask("word").map(u32::count_ones), Some(4));
        assert_eq!(Family::Apps.mask("web").map(u32::count_ones), Some(6));
        assert_eq!(Family::Mail.mask("pigeon"), None);
        for family in [Family::Teams, Family::Yammer, Family::Mail, Family::Apps, Family::Browser, Family::Copilot] {
            for (bit, name) in family.names(u32::MAX).iter().enumerate() {
                assert_eq!(family.mask(name), Some(1 << bit), "{name}");
            }
        }
    }

    #[test]
    fn nobody_works_on_nothing() {
        for throw in 0..2_000_u64 {
            let bits = throw.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            assert_ne!(apps(Computer::Windows, bits.is_multiple_of(2), false, bits), 0);
            assert_ne!(copilot(bits), 0);
            assert_ne!(yammer(Phone::None, false, bits), 0);
        }
    }
}
