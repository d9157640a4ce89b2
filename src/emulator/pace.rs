//! The pace that Graph allows: so many requests in ten minutes for each report function.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The window of all limits.
const WINDOW: Duration = Duration::from_secs(600);
/// CSV requests for each function, app and tenant.
const CSV: usize = 14;
/// CSV requests for each function and tenant, all apps together.
const CSV_ALL_APPS: usize = 40;
/// JSON requests for each function, app and tenant.
const JSON: usize = 100;

/// Requests of the last ten minutes.
#[derive(Debug, Default)]
pub struct Pace {
    seen: HashMap<(String, String), VecDeque<Instant>>,
}

impl Pace {
    /// Counts a request. Where it is one too many it says after how long the next may come, and does not count it.
    pub fn allow(&mut self, function: &str, app: &str, tenant: &str, json: bool, now: Instant) -> Result<(), Duration> {
        let kind = if json { "json" } else { "csv" };
        let own = (format!("{function} {kind}"), format!("{tenant} {app}"));
        let limits = if json {
            vec![(own, JSON)]
        } else {
            vec![(own, CSV), ((format!("{function} {kind}"), tenant.to_owned()), CSV_ALL_APPS)]
        };
        for (key, limit) in &limits {
            let seen = self.seen.entry(key.clone()).or_default();
            while seen.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
                seen.pop_front();
            }
            if let (true, Some(first)) = (seen.len() >= *limit, seen.front()) {
                return Err(WINDOW.saturating_sub(now.duration_since(*first)));
            }
        }
        for (key, _) in limits {
            self.seen.entry(key).or_default().push_back(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fifteenth_waits_for_the_first() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        for s in 0..14 {
            assert_eq!(pace.allow("f", "app", "t", false, at(s)), Ok(()));
        }
        assert_eq!(pace.allow("f", "app", "t", false, at(100)), Err(Duration::from_secs(500)));
        assert_eq!(pace.allow("g", "app", "t", false, at(100)), Ok(()), "each function has its own");
        assert_eq!(pace.allow("f", "other", "t", false, at(100)), Ok(()), "each app has its own");
        assert_eq!(pace.allow("f", "app", "t", true, at(100)), Ok(()), "JSON has its own");
        assert_eq!(pace.allow("f", "app", "t", false, at(600)), Ok(()));
        assert!(pace.allow("f", "app", "t", false, at(600)).is_err(), "one place only was free");
    }
}
