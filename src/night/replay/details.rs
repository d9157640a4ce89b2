//! Details: each answer is landed again, and replaces its partitions.

use std::collections::{BTreeMap, BTreeSet};

use super::super::land::{Answer, Place, land};
use super::super::release::unpacked;
use super::super::report::filled;
use super::{Replayed, Scope, in_order, kept};
use crate::catalog::Report;
use crate::day::Window;
use crate::error::Result;
use crate::ledger::{Ledger, Slice};
use crate::tables::route::{Known, Partition};

pub(super) async fn rebuild(
    place: &Place,
    report: &'static Report,
    scope: &Scope,
    ledger: &mut Ledger,
) -> Result<Replayed> {
    let mut replayed = Replayed { table: report.table(), ..Replayed::default() };
    // A file that somebody put together is one answer of several slices.
    let mut answers: Vec<Vec<Slice>> = Vec::new();
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    for slice in in_order(ledger).into_iter().filter(|s| scope.has(s.day)) {
        match slice.raw.as_ref().map(|raw| raw.path.clone()) {
            None => replayed.without_raw += 1,
            Some(path) => match at.get(&path) {
                Some(n) => answers[*n].push(slice),
                None => {
                    at.insert(path, answers.len());
                    answers.push(vec![slice]);
                }
            },
        }
    }
    for slices in answers {
        let raw = slices[0].raw.as_ref();
        let Some(bytes) = kept(place, raw).await? else {
            replayed.without_raw += slices.len() as u64;
            continue;
        };
        let partition = |s: &Slice| Partition { period: s.window.period(), day: s.day };
        let only: BTreeSet<Partition> = slices.iter().map(partition).collect();
        let one = slices.len() == 1;
        let same_period = slices.iter().all(|s| s.window.period() == slices[0].window.period());
        let known = Known {
            period: same_period.then_some(slices[0].window.period()),
            day: one.then_some(slices[0].day),
            fallback: Some(slices[0].day),
        };
        let answer = Answer {
            report,
            window: Window::Present,
            known,
            name: "replayed",
            json: raw.is_some_and(|o| o.path.ends_with(".json.zst")),
            known_as: &|_| None,
            only: Some(&only),
            judge: None,
        };
        let landed = land(place, answer, unpacked(bytes)?).await?;
        replayed.answers += 1;
        for slice in slices {
            let Some((_, object)) = landed.partitions.iter().find(|(p, _)| *p == partition(&slice)) else { continue };
            replayed.partitions += 1;
            replayed.rows += object.rows;
            let before = slice.objects.iter().find(|o| o.path == object.path);
            if before == Some(object) {
                continue;
            }
            replayed.changed += 1;
            replayed.objects.push(object.clone());
            let raw = slice.raw.clone();
            let slice = Slice { objects: vec![object.clone()], ..filled(slice, &landed) };
            ledger.amend(Slice { raw, ..slice });
        }
    }
    Ok(replayed)
}
