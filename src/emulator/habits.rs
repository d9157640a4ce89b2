//! What people are used to: when they first take up a product, how often they use it, when they stop for a while.
//!
//! The planted facts live here: the country that mails its files, the product that nobody uses, and both campaigns.

use super::campaign::Campaign;
use super::dice::Dice;
use super::people::{Span, open_to_all};
use super::person::{Habit, Person};
use super::places::DEPARTMENTS;
use super::product::Product;
use super::skus;
use crate::day::Day;

/// How people take to a product.
struct Uptake {
    product: Product,
    /// The share of licensed people who use it at all.
    share: f32,
    /// The share of those who begin within the days that can be asked for, and not before.
    fresh: f32,
    /// The chance of use on a day at work.
    rate: f32,
    /// The same two for people with the frontline licence.
    frontline: (f32, f32),
    /// The same two in the quiet country.
    quiet: (f32, f32),
}

const UPTAKE: [Uptake; Product::USED] = [
    uptake(Product::Exchange, 0.99, 0.0, 0.96, (0.92, 0.5), (0.99, 0.97)),
    uptake(Product::OneDrive, 0.84, 0.12, 0.5, (0.55, 0.16), (0.1, 0.05)),
    uptake(Product::SharePoint, 0.8, 0.1, 0.42, (0.6, 0.2), (0.38, 0.1)),
    uptake(Product::Teams, 0.97, 0.05, 0.86, (0.85, 0.6), (0.95, 0.82)),
    uptake(Product::Yammer, 0.045, 0.3, 0.1, (0.03, 0.08), (0.04, 0.08)),
    uptake(Product::Forms, 0.3, 0.3, 0.05, (0.2, 0.04), (0.25, 0.04)),
    uptake(Product::Browser, 0.7, 0.2, 0.65, (0.4, 0.3), (0.65, 0.6)),
    uptake(Product::Apps, 0.97, 0.0, 0.88, (0.6, 0.35), (0.97, 0.88)),
    uptake(Product::Copilot, 0.8, 0.0, 0.42, (0.5, 0.2), (0.75, 0.35)),
];

const fn uptake(
    product: Product,
    share: f32,
    fresh: f32,
    rate: f32,
    frontline: (f32, f32),
    quiet: (f32, f32),
) -> Uptake {
    Uptake { product, share, fresh, rate, frontline, quiet }
}

/// How many used the product before their campaign, and how many of the others it won.
const WON: (f32, f32) = (0.38, 0.7);
/// How many used the product of the campaign that changed nothing.
const LOST: f32 = 0.5;

/// Fills in the habits of everyone. Where `campaigns` is empty nothing was campaigned for, and nobody was won.
pub fn form(dice: Dice, people: &mut [Person], span: Span, ran: &[Campaign], planned: &[Campaign; 2]) {
    let d = dice.subject("habit");
    for (i, person) in people.iter_mut().enumerate() {
        for u in &UPTAKE {
            let habit = if person.guest() { guest_habit(d, i as u64, person, u.product) } else { None };
            let habit = habit.unwrap_or_else(|| member_habit(d, i as u64, person, u, span));
            person.habits[u.product.index()] = habit;
        }
        if !person.guest() {
            campaigned(d, i as u64, person, ran, planned);
        }
    }
}

fn guest_habit(d: Dice, n: u64, person: &Person, product: Product) -> Option<Habit> {
    let rate = if product == Product::Teams { 0.25 * d.unit(n, 1) } else { 0.0 };
    Some(Habit { from: (rate > 0.0).then_some(person.joined), rate, ..Habit::default() })
}

fn member_habit(d: Dice, n: u64, person: &Person, u: &Uptake, span: Span) -> Habit {
    let key = u.product.index() as u64 * 16;
    let frontline = person.assignments.first().is_some_and(|a| a.sku == skus::F3);
    let (share, rate) = match () {
        _ if person.quiet() && matches!(u.product, Product::OneDrive | Product::SharePoint) => u.quiet,
        _ if frontline => u.frontline,
        _ if person.quiet() => u.quiet,
        _ => (u.share, u.rate),
    };
    let enabled = if open_to_all(u.product) && person.assignments.is_empty() {
        Some(person.joined)
    } else {
        person.assignments.iter().filter(|a| skus::sku(a.sku).brings.contains(&u.product)).map(|a| a.from).min()
    };
    let Some(enabled) = enabled.filter(|_| d.chance(n, key, share)) else { return Habit::default() };
    let from = if d.chance(n, key + 1, u.fresh) && enabled < span.opening {
        span.at(d.unit(n, key + 2))
    } else {
        // A few days of settling in, more for Copilot.
        let settle = if u.product == Product::Copilot { 28 } else { 6 };
        enabled.plus(d.below(n, key + 3, settle) as i32)
    };
    let pause = d.chance(n, key + 4, 0.1).then(|| {
        let start = span.at(0.9 * d.unit(n, key + 5));
        (start, start.plus(35 + d.below(n, key + 6, 70) as i32))
    });
    let pause = pause.filter(|_| !matches!(u.product, Product::Exchange | Product::Apps));
    Habit { from: Some(from), pause, trial: None, rate: (rate * (0.55 + 0.9 * d.unit(n, key + 7))).min(0.985) }
}

/// What the campaigns changed. The segments look the same before the start, whether campaigns are switched on or not.
fn campaigned(d: Dice, n: u64, person: &mut Person, ran: &[Campaign], planned: &[Campaign; 2]) {
    for (c, planned) in planned.iter().enumerate() {
        let segment = person.department(planned.start) == planned.department_index;
        let frontline = person.assignments.first().is_some_and(|a| a.sku == skus::F3);
        if !segment || person.quiet() || frontline || person.assignments.is_empty() {
            continue;
        }
        let key = 400 + c as u64 * 16;
        let run = ran.get(c);
        let enabled = person.assignments[0].from;
        let uses = d.chance(n, key, if planned.worked { WON.0 } else { LOST });
        let won = planned.worked && d.chance(n, key + 1, WON.1);
        let won_on = planned.start.plus(3 + d.below(n, key + 2, 24) as i32);
        let typical = &UPTAKE[planned.product.index()];
        let rate = (typical.rate * (0.7 + 0.7 * d.unit(n, key + 3))).min(0.9);
        let habit = &mut person.habits[planned.product.index()];
        *habit = match run {
            _ if uses => Habit { from: Some(enabled), pause: None, trial: None, rate },
            Some(_) if won => Habit { from: Some(later(won_on, enabled)), pause: None, trial: None, rate },
            Some(run) if !planned.worked && d.chance(n, key + 4, 0.3) => {
                Habit { from: None, pause: None, trial: Some((run.start, run.end)), rate: 0.06 }
            }
            _ => Habit::default(),
        };
    }
}

fn later(a: Day, b: Day) -> Day {
    a.max(b)
}

/// How lively a department is.
pub fn pace(person: &Person, day: Day) -> f32 {
    DEPARTMENTS[person.department(day)].pace
}
