//! Records of reports while a night lasts: of those that have ended, and of those that the end of the run cut off.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::record::ReportRecord;
use crate::ledger::Ledger;

/// What has come of reports, or of lists, so far.
#[derive(Default)]
pub struct SoFar {
    ended: Mutex<Vec<(ReportRecord, Ledger)>>,
    cut_off: Mutex<Vec<ReportRecord>>,
}

impl SoFar {
    /// A report has begun.
    pub fn begin(&self, report: &str) -> UnderWay<'_> {
        UnderWay { record: ReportRecord::new(report), ended: false, so_far: self }
    }

    /// All records by name, and the ledgers of the reports that have ended.
    pub fn close(self) -> (Vec<ReportRecord>, Vec<Ledger>) {
        let ended = self.ended.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut records, ledgers): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
        records.extend(self.cut_off.into_inner().unwrap_or_else(PoisonError::into_inner));
        records.sort_by(|a, b| a.report.cmp(&b.report));
        (records, ledgers)
    }
}

/// A report under way. Where the run ends before its time the report's task is dropped: what it did until then is left
/// behind, so that the run's record has every report.
pub struct UnderWay<'a> {
    /// What it did so far.
    pub record: ReportRecord,
    ended: bool,
    so_far: &'a SoFar,
}

impl UnderWay<'_> {
    /// The report has ended.
    pub fn end(mut self, ledger: Ledger) {
        self.ended = true;
        let record = std::mem::replace(&mut self.record, ReportRecord::new(""));
        lock(&self.so_far.ended).push((record, ledger));
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if !self.ended {
            let mut record = std::mem::replace(&mut self.record, ReportRecord::new(""));
            record.cut_off();
            lock(&self.so_far.cut_off).push(record);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::night::record::{CUT_OFF, Outcome};

    #[test]
    fn a_report_that_is_dropped_is_in_the_record_with_what_it_did() {
        let so_far = SoFar::default();
        let mut cut = so_far.begin("b");
        (cut.record.asked, cut.record.landed, cut.record.rows) = (3, 2, 20);
        so_far.begin("a").end(Ledger::empty("a"));
        so_far.begin("c");
        drop(cut);
        let (records, ledgers) = so_far.close();
        let said: Vec<_> = records.iter().map(|r| (r.report.as_str(), r.outcome, r.rows)).collect();
        assert_eq!(said, [("a", Outcome::Done, 0), ("b", Outcome::Partial, 20), ("c", Outcome::Failed, 0)]);
        assert_eq!((ledgers.len(), records[1].problems[0].kind.as_str()), (1, CUT_OFF));
        assert!(records[0].problems.is_empty() && records[1].problems[0].hint.is_some());
    }
}
