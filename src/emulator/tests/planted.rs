//! What was planted is there to be found, and lives keep to their own rules.

use std::sync::LazyLock;

use super::*;
use crate::emulator::acts::Act;
use crate::emulator::facts::{Fact, View};
use crate::emulator::history::History;

fn lived(users: u32, days: u32, seed: u64, campaigns: bool) -> History {
    History::of(&Options { users, days, seed, end: day(END), campaigns, ..Options::default() })
}

fn history(campaigns: bool) -> &'static History {
    static RUN: LazyLock<History> = LazyLock::new(|| lived(1_200, 400, 3, true));
    static NOT_RUN: LazyLock<History> = LazyLock::new(|| lived(1_200, 400, 3, false));
    if campaigns { &RUN } else { &NOT_RUN }
}

/// The share of `people` of whom a fact held in a window.
fn share(h: &History, people: &[usize], product: Product, from: Day, to: Day) -> f64 {
    let view = View::whole(h);
    let active = people.iter().filter(|p| view.held(**p, Fact::Used(product), h.slot(from), h.slot(to))).count();
    active as f64 / people.len() as f64
}

fn enabled(h: &History, product: Product, on: Day) -> Vec<usize> {
    (0..h.members).filter(|p| h.people[*p].present(on) && h.people[*p].enabled(product, on)).collect()
}

#[test]
fn one_country_mails_its_files() {
    let h = history(true);
    let view = View::whole(h);
    let (from, to) = (day(END).plus(-29), day(END));
    let all = enabled(h, Product::OneDrive, to);
    let (quiet, other): (Vec<usize>, Vec<usize>) = all.into_iter().partition(|p| h.people[*p].quiet());
    assert!(quiet.len() > 100);
    let rate = |people: &[usize], product| share(h, people, product, from, to);
    let (low, high) = (rate(&quiet, Product::OneDrive), rate(&other, Product::OneDrive));
    assert!(low < 0.16 && high > 0.65, "OneDrive: {low} and {high}");
    let (low, high) = (rate(&quiet, Product::SharePoint), rate(&other, Product::SharePoint));
    assert!(low < high * 0.5, "SharePoint: {low} and {high}");
    let sent = |people: &[usize]| {
        let sum: u64 = people.iter().map(|p| view.sum(*p, Act::Send, h.slot(from), h.slot(to))).sum();
        sum as f64 / people.len() as f64
    };
    assert!(sent(&quiet) > sent(&other) * 1.4, "mails: {} and {}", sent(&quiet), sent(&other));
}

#[test]
fn one_product_is_hardly_used_anywhere() {
    let h = history(true);
    let (from, to) = (day(END).plus(-29), day(END));
    let all = enabled(h, Product::Yammer, to);
    for country in 0..8 {
        let here: Vec<usize> = all.iter().copied().filter(|p| h.people[*p].country == country).collect();
        let rate = share(h, &here, Product::Yammer, from, to);
        assert!(rate < 0.12, "{country}: {rate} of {}", here.len());
    }
    assert!(share(h, &all, Product::Yammer, from, to) > 0.005, "but somebody does");
}

/// The difference of differences, four weeks before and after.
fn effect(h: &History, campaign: &Campaign) -> f64 {
    let before = campaign.start.plus(-1);
    let all = enabled(h, campaign.product, before);
    let segment = |p: &usize| h.people[*p].department_name(before) == campaign.department;
    let (target, control): (Vec<usize>, Vec<usize>) = all.into_iter().partition(segment);
    let change = |people: &[usize]| {
        share(h, people, campaign.product, campaign.end.plus(1), campaign.end.plus(28))
            - share(h, people, campaign.product, campaign.start.plus(-28), before)
    };
    change(&target) - change(&control)
}

#[test]
fn one_campaign_worked() {
    let with = history(true);
    let [won, lost] = &with.campaigns;
    assert!(effect(with, won) > 0.25, "{}", effect(with, won));
    assert!(effect(with, lost).abs() < 0.09, "{}", effect(with, lost));
    let without = history(false);
    assert!(effect(without, won).abs() < 0.09, "{}", effect(without, won));
}

#[test]
fn nobody_does_what_they_cannot() {
    let h = lived(150, 200, 5, true);
    let last = h.slots() - 1;
    for (i, p) in h.people.iter().enumerate() {
        for slot in 0..=last {
            let mailbox = p.present(h.day(slot)) && p.enabled(Product::Exchange, h.day(slot));
            let kept = h.mailboxes[i].is_some_and(|(from, to)| (from..=to).contains(&slot));
            assert_eq!(kept, mailbox, "{} {}", p.identity.upn, h.day(slot));
        }
        for product in Product::ALL {
            for slot in h.activity.days(product, i, 0, last) {
                let on = h.day(slot);
                let open = product == Product::Teams && p.assignments.is_empty();
                assert!(p.present(on) && (open || p.enabled(product, on)), "{} {product:?} {on}", p.identity.upn);
                let acts: u32 =
                    Act::ALL.iter().filter(|a| a.own() && a.product() == product).map(|a| h.count(i, slot, *a)).sum();
                let counted = !matches!(product, Product::Apps | Product::Browser);
                assert!(!counted || acts > 0 || h.other_only(i, slot), "{product:?} without an act");
            }
        }
    }
}

#[test]
fn addresses_change_hands_once() {
    let h = history(true);
    let mut holders = std::collections::HashMap::<&str, Vec<usize>>::new();
    for (i, p) in h.people.iter().enumerate() {
        holders.entry(&p.identity.upn).or_default().push(i);
    }
    let shared: Vec<_> = holders.values().filter(|v| v.len() > 1).collect();
    assert_eq!(shared.len(), 1, "exactly one address is passed on");
    let (mut a, mut b) = (&h.people[shared[0][0]], &h.people[shared[0][1]]);
    if a.left.is_none() || a.left > b.left.or(Some(day(END).plus(999))) {
        std::mem::swap(&mut a, &mut b);
    }
    assert!(a.left.unwrap().plus(30) < b.joined);
    assert!(h.people.iter().any(|p| p.renamed.is_some()));
    assert!(h.people.iter().any(|p| p.moved.is_some()));
    assert!(h.people.iter().any(|p| p.identity.display_name.contains(", ")));
    assert!(h.people.iter().any(|p| p.identity.display_name.contains('"')));
    assert!(h.people.iter().any(|p| !p.identity.display_name.is_ascii()));
}
