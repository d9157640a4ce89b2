//! Reads `Retry-After`: seconds, whole or fractional, or an HTTP date.
//!
//! It never panics and never invents a wait: what cannot be read is `None`, and the backoff decides.

use std::time::{Duration, SystemTime};

/// The longest wait that a header is believed to mean. Longer ones are cut to it, so that sums cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The wait that `value` asks for. A date is taken relative to the reply's own `Date` where it has one, since the two
/// clocks may differ, else to `now`. A date in the past means no wait.
pub fn retry_after(value: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return match seconds {
            s if s.is_nan() => None,
            s if s <= 0.0 => Some(Duration::ZERO),
            s if s >= LONGEST.as_secs_f64() => Some(LONGEST),
            s => Duration::try_from_secs_f64(s).ok(),
        };
    }
    let until = httpdate::parse_http_date(value).ok()?;
    let from = date.and_then(|d| httpdate::parse_http_date(d.trim()).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or(Duration::ZERO).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    #[test]
    fn seconds_whole_fractional_and_absurd() {
        let read = |v| retry_after(v, None, NOW);
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read(" 2.128 "), Some(Duration::from_millis(2128)));
        assert_eq!(read("-5"), Some(Duration::ZERO));
        assert_eq!(read("1e400"), Some(LONGEST));
        assert_eq!(read("99999999999999999999"), Some(LONGEST));
        for bad in ["", "soon", "NaN", "10 minutes", "Sun, 99 Nov 1994"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_date_is_relative_to_the_servers_clock() {
        let date = Some("Tue, 24 Nov 2026 02:00:00 GMT");
        assert_eq!(retry_after("Tue, 24 Nov 2026 02:00:45 GMT", date, NOW), Some(Duration::from_secs(45)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 01:59:00 GMT", date, NOW), Some(Duration::ZERO));
        let now = httpdate::parse_http_date("Tue, 24 Nov 2026 02:00:40 GMT").unwrap();
        assert_eq!(retry_after("Tue, 24 Nov 2026 02:00:45 GMT", None, now), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("Tue, 24 Nov 2026 02:00:45 GMT", Some("?"), now), Some(Duration::from_secs(5)));
    }

    proptest! {
        #[test]
        fn never_panics(value in ".{0,40}", date in proptest::option::of(".{0,40}")) {
            let _ = retry_after(&value, date.as_deref(), NOW);
        }

        #[test]
        fn never_panics_on_numbers(value in proptest::num::f64::ANY) {
            if let Some(wait) = retry_after(&value.to_string(), None, NOW) {
                prop_assert!(wait <= LONGEST);
            }
        }
    }
}
