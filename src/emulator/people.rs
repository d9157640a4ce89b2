//! The people of the tenant: who joins, leaves, moves and is licensed, from a seed alone.
//!
//! It decides lives, not days: what a person does on a day is [`super::activity`]'s. Two people may hold one address only
//! one after the other, and exactly one such pair is planted in tenants large enough.

use std::collections::HashMap;

use super::dice::Dice;
use super::names::{GIVEN, NICKNAMES, Name, SURNAMES};
use super::person::{Assignment, Computer, Employment, Equipment, Habit, Identity, Person, Phone};
use super::places::{COUNTRIES, DEPARTMENTS};
use super::product::Product;
use super::skus;
use crate::day::Day;

/// The tenant's own mail domain.
pub const DOMAIN: &str = "contoso.com";
/// The domain it was born with.
pub const ONMICROSOFT: &str = "contoso.onmicrosoft.com";
/// People for each manager.
const SPAN: u32 = 9;
/// Days after which an address may be given away again.
const ADDRESS_REST: i32 = 45;

/// The span that lives are spread over.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first day of the history.
    pub first: Day,
    /// The first day that can be asked for.
    pub opening: Day,
    /// The last day.
    pub end: Day,
    /// A day on which many join at once.
    pub wave: Option<Day>,
}

impl Span {
    fn days(self) -> u32 {
        u32::try_from(self.end.since(self.first)).unwrap_or(0)
    }

    /// A day at a share (0 to 1) of the days that can be asked for.
    pub fn at(self, share: f32) -> Day {
        self.opening.plus((self.end.since(self.opening) as f32 * share) as i32)
    }
}

/// All people: `users` members, then the guests.
pub fn people(dice: Dice, users: u32, span: Span) -> Vec<Person> {
    let users = users.max(1);
    let guests = users.div_ceil(25);
    let mut addresses = HashMap::new();
    let mut people: Vec<Person> =
        (0..users + guests).map(|i| person(dice, i, i >= users, span, &mut addresses)).collect();
    appoint(dice, &mut people[..users as usize]);
    pass_on_an_address(&mut people[..users as usize], span);
    people
}

fn person(dice: Dice, i: u32, guest: bool, span: Span, addresses: &mut HashMap<String, u32>) -> Person {
    let n = u64::from(i);
    let d = dice.subject("life");
    let country = d.weighted(n, 1, COUNTRIES.iter().map(|c| c.weight));
    let department = d.weighted(n, 2, DEPARTMENTS.iter().map(|c| c.weight));
    // The first nine lead a department each, and the first of all leads the company: they neither join late nor leave.
    let leads = (i as usize) < DEPARTMENTS.len() && !guest;
    let department = if leads { i as usize } else { department };
    let (joined, left) = employment_dates(d, n, leads, span);
    let given = GIVEN[d.below(n, 5, GIVEN.len() as u32) as usize];
    let surname = SURNAMES[d.below(n, 6, SURNAMES.len() as u32) as usize];
    let identity = identity(d, n, given, surname, guest, addresses);
    let within = |k: u64, from: Day| from.plus(d.below(n, k, span.end.since(from).max(1) as u32) as i32);
    let renamed = (!guest && !leads && d.chance(n, 7, 0.015)).then(|| {
        let other = SURNAMES[d.below(n, 8, SURNAMES.len() as u32) as usize];
        (within(9, joined.max(span.opening)), self::identity(d, n, given, other, false, addresses))
    });
    let moved = (!leads && !guest && d.chance(n, 10, 0.05)).then(|| {
        let other = d.weighted(n, 11, DEPARTMENTS.iter().map(|c| c.weight)) as u8;
        (within(12, joined.max(span.opening)), other)
    });
    let employment = match d.below(n, 13, 100) {
        _ if guest => Employment::Guest,
        _ if leads => Employment::Employee,
        0..=6 => Employment::Contractor,
        7..=9 => Employment::Intern,
        _ => Employment::Employee,
    };
    let assignments = if guest { Vec::new() } else { licences(d, n, department, employment, (joined, left), span) };
    Person {
        id: dice.subject("person").guid(n, 0),
        given,
        identity,
        renamed,
        employee_id: if guest { String::new() } else { format!("{:06}", 100_000 + i) },
        employment,
        joined,
        left,
        department: department as u8,
        moved,
        country: country as u8,
        city: d.below(n, 14, COUNTRIES[country].cities.len() as u32) as u8,
        rank: if leads { 3 } else { d.below(n, 15, 3) as u8 },
        manager: None,
        assignments,
        habits: std::array::from_fn(|_| Habit::default()),
        energy: 0.45 + 1.1 * d.unit(n, 16),
        equipment: equipment(d, n, department),
    }
}

/// How many of a hundred people join in a wave, where there is one.
const WAVE: f32 = 0.33;

/// Four of five were there before; the others join over the days that can be asked for. One of eleven leaves. Where there is
/// a wave, it takes a third of those who would have been there before.
fn employment_dates(d: Dice, n: u64, leads: bool, span: Span) -> (Day, Option<Day>) {
    let asked = span.end.since(span.opening).max(1) as u32;
    let early = leads || d.chance(n, 20, 0.82);
    let joined = if let Some(wave) = span.wave.filter(|_| early && !leads && d.chance(n, 25, WAVE)) {
        wave
    } else if early {
        span.first.plus(-(d.below(n, 21, 2_500) as i32) - 1)
    } else {
        span.opening.plus(d.below(n, 22, asked) as i32)
    };
    let earliest = span.opening.max(joined.plus(20));
    let room = span.end.since(earliest);
    let leaves = !leads && room > 0 && d.chance(n, 23, 0.09);
    (joined, leaves.then(|| earliest.plus(d.below(n, 24, room as u32) as i32)))
}

fn identity(
    d: Dice,
    n: u64,
    given: Name,
    surname: Name,
    guest: bool,
    addresses: &mut HashMap<String, u32>,
) -> Identity {
    let local = format!("{}.{}", given.1, surname.1);
    let taken = addresses.entry(local.clone()).or_insert(0);
    *taken += 1;
    let local = if *taken > 1 { format!("{local}{taken}") } else { local };
    let upn = match guest {
        true => format!("{local}_fabrikam.com#EXT#@{ONMICROSOFT}"),
        // A few addresses are written with capitals: they mean the same person.
        false if d.chance(n, 30, 0.05) => format!("{}{}@{DOMAIN}", local[..1].to_uppercase(), &local[1..]),
        false => format!("{local}@{DOMAIN}"),
    };
    let display_name = match d.below(n, 31, 100) {
        0..=14 => format!("{}, {}", surname.0, given.0),
        15..=17 => {
            let nickname = NICKNAMES[d.below(n, 32, NICKNAMES.len() as u32) as usize];
            format!("{} \"{nickname}\" {}", given.0, surname.0)
        }
        18..=20 => format!("{}, {} (External)", surname.0, given.0),
        _ => format!("{} {}", given.0, surname.0),
    };
    Identity { upn, display_name, surname: surname.0 }
}

fn licences(
    d: Dice,
    n: u64,
    department: usize,
    employment: Employment,
    (joined, left): (Day, Option<Day>),
    span: Span,
) -> Vec<Assignment> {
    let base = match d.below(n, 40, 100) {
        _ if n < DEPARTMENTS.len() as u64 => skus::E5,
        0..=1 => return Vec::new(),
        _ if d.below(n, 41, 100) < DEPARTMENTS[department].frontline => skus::F3,
        _ if employment != Employment::Employee => skus::E1,
        2..=33 => skus::E5,
        34..=88 => skus::E3,
        _ => skus::E1,
    };
    let from = joined.plus(d.below(n, 42, 3) as i32);
    let give = |sku, from: Day, until: Option<Day>| Assignment { sku, from, until: until.or(left) };
    let mut all = Vec::with_capacity(4);
    let upgrade = span.at(d.unit(n, 43));
    let ends = |day: Day| left.is_none_or(|l| day < l);
    if base == skus::E3 && d.chance(n, 44, 0.05) && upgrade > from && ends(upgrade) {
        all.push(give(base, from, Some(upgrade)));
        all.push(give(skus::E5, upgrade, None));
    } else {
        all.push(give(base, from, None));
    }
    if matches!(base, skus::E3 | skus::E5) && d.chance(n, 45, 0.22) {
        // Copilot came in three waves, and one seat of eight was taken back after a quarter.
        let wave = span.at([0.0, 0.3, 0.6][d.below(n, 46, 3) as usize]).max(from);
        let back = wave.plus(92);
        let until = (d.chance(n, 47, 0.125) && back < span.end && ends(back)).then_some(back);
        if ends(wave) {
            all.push(give(skus::COPILOT, wave, until));
        }
    }
    for (key, sku, share) in [
        (48, skus::POWER_BI_PRO, 0.09),
        (49, skus::PROJECT_3, 0.04),
        (50, skus::POWER_BI_STANDARD, 0.3),
        (51, skus::AUTOMATE_FREE, 0.25),
    ] {
        let day = from.plus(d.below(n, key + 10, 60) as i32);
        if base != skus::F3 && d.chance(n, key, share) && ends(day) && day <= span.end {
            all.push(give(sku, day, None));
        }
    }
    all
}

fn equipment(d: Dice, n: u64, department: usize) -> Equipment {
    let computer = match d.below(n, 60, 100) {
        0..=3 if department == 1 => Computer::Linux,
        0..=14 => Computer::Mac,
        15 => Computer::Chrome,
        _ => Computer::Windows,
    };
    let phone = match d.below(n, 61, 100) {
        0..=44 => Phone::Ios,
        45..=79 => Phone::Android,
        _ => Phone::None,
    };
    let outlook = match d.below(n, 62, 100) {
        0..=84 => 0,
        85..=92 => 1,
        93..=97 => 2,
        _ => 3,
    };
    Equipment { computer, phone, web: d.below(n, 63, 60) as u8, outlook, shared: d.chance(n, 64, 0.04) }
}

/// Makes managers: heads report to the first head, managers to their head, all others to a manager of their department.
fn appoint(dice: Dice, people: &mut [Person]) {
    let d = dice.subject("manager");
    let heads = DEPARTMENTS.len().min(people.len());
    let mut managers: Vec<Vec<u32>> = (0..DEPARTMENTS.len()).map(|_| Vec::new()).collect();
    for (i, p) in people.iter().enumerate().skip(heads) {
        if p.left.is_none() && p.moved.is_none() && d.chance(i as u64, 1, 1.0 / SPAN as f32) {
            managers[usize::from(p.department)].push(i as u32);
        }
    }
    for (i, p) in people.iter_mut().enumerate() {
        let department = usize::from(p.department);
        let head = (department < heads).then_some(department as u32);
        let own = &managers[department];
        p.manager = if i == 0 {
            None
        } else if i < heads {
            Some(0)
        } else if own.is_empty() || own.contains(&(i as u32)) {
            head
        } else {
            Some(own[d.below(i as u64, 2, own.len() as u32) as usize])
        };
    }
}

/// Gives the address of someone who left to someone who joined long after.
fn pass_on_an_address(people: &mut [Person], span: Span) {
    let pair = people.iter().enumerate().find_map(|(i, leaver)| {
        let free = leaver.left?.plus(ADDRESS_REST);
        let heir = people.iter().position(|p| p.joined >= free && p.joined < span.end && p.renamed.is_none())?;
        leaver.renamed.is_none().then_some((i, heir))
    });
    if let Some((leaver, heir)) = pair {
        people[heir].given = people[leaver].given;
        people[heir].identity = people[leaver].identity.clone();
    }
}

/// Whom a person reports to on `day`: their manager, or where that one has not come yet, whom that one reports to.
pub fn manager(people: &[Person], person: u32, day: Day) -> Option<u32> {
    let mut boss = people.get(person as usize)?.manager?;
    while !people.get(boss as usize)?.present(day) {
        boss = people.get(boss as usize)?.manager?;
    }
    Some(boss)
}

/// Which share of the history lies before `day`.
pub fn progress(span: Span, day: Day) -> f32 {
    day.since(span.first) as f32 / span.days().max(1) as f32
}

/// The products, for which a person without any licence is still seen.
pub fn open_to_all(product: Product) -> bool {
    product == Product::Teams
}
