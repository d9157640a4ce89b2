//! What the text of one cell says, for every type but text.
//!
//! Each function takes a cell that is unquoted, trimmed and not blank, and answers with its value, or with none where
//! the text is not of the type. They never panic, look at nothing but the cell, and accept no more than is named here:
//! a date written another way is a reject that somebody can read, not a guess.

/// Microseconds in a day.
pub(super) const DAY_MICROS: i64 = 86_400_000_000;
/// For each month of the years 2000 to 2099 the number of the day before its first, as days since 1970-01-01, times 32,
/// plus the number of its days. A month's place is made of its digits in ASCII, as [`usual_day`] finds them: the year's third in the
/// bits from 9, its fourth in those from 5, the month's first in bit 0, its second from bit 1. Other places are 0.
static MONTHS: [i32; 1 << 13] = months();

const fn months() -> [i32; 1 << 13] {
    let mut out = [0; 1 << 13];
    let mut i = 0;
    while i < 100 * 12 {
        let (year, month) = (i / 12, i % 12 + 1);
        let place = ((year / 10) << 9) | ((year % 10) << 5) | (month / 10) | ((month % 10) << 1);
        let (year, month) = (2000 + year as i32, month as u32);
        out[place] = (days_from_civil(year, month, 1) - 1) * 32 + days_in_month(year, month) as i32;
        i += 1;
    }
    out
}

const fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
const fn days_from_civil(year: i32, month: u32, day: u32) -> i32 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y.rem_euclid(400);
    let of_year = (153 * ((month as i32 + 9) % 12) + 2) / 5 + day as i32 - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days since 1970-01-01 of `20YY-MM-DD`, and whether `len` is 10 and the bytes are that, without a branch. Years of other
/// centuries are left to [`date`].
#[inline(always)]
pub(super) fn usual_day(bytes: &[u8; 10], len: usize) -> (i32, bool) {
    let (Some(head), Some(tail)) = (bytes.first_chunk(), bytes.last_chunk()) else { return (0, false) };
    // All that is no digit of YY, MM or DD becomes 0, and so do the upper bits of digits; the month's first is 0 or 1.
    let head = u64::from_le_bytes(*head) ^ u64::from_le_bytes(*b"2000-00-");
    let tail = u32::from(u16::from_le_bytes(*tail)) ^ 0x3030;
    let wrong = (head & 0xfff0_feff_f0f0_ffff) | u64::from((tail | (tail + 0x0606)) & 0xf0f0);
    let place = (head >> 7 & 0x1e00) | (head >> 19 & 0x1e0) | (head >> 40 & 1) | (head >> 47 & 0x1e);
    // What is no day looks at a place that is always near.
    let place = if wrong == 0 { place } else { 0 };
    let month = MONTHS[place as usize % MONTHS.len()];
    let day = ((tail & 0x0f) * 10 + (tail >> 8 & 0x0f)) as i32;
    let good = (wrong == 0) & (day <= month & 31) & (day != 0) & (len == 10);
    (if good { (month >> 5) + day } else { 0 }, good)
}

/// 1 or 0 for `True`, `False`, `Yes`, `No` in any case, and whether the first `len` bytes are one of them.
#[inline(always)]
pub(super) fn usual_boolean(bytes: &[u8; 8], len: usize) -> (u8, bool) {
    const fn word(text: &[u8]) -> u64 {
        let (mut w, mut i) = (0, 0);
        while i < text.len() {
            w |= (text[i] as u64) << (8 * i);
            i += 1;
        }
        w
    }
    // The first `len` bytes in lower case. Only letters become these letters by that.
    let short = len.wrapping_sub(1) & 7;
    let mask = u64::MAX >> (8 * (7 - short));
    let w = (u64::from_le_bytes(*bytes) | 0x2020_2020_2020_2020) & mask;
    let yes = (w == word(b"true")) | (w == word(b"yes"));
    let no = (w == word(b"false")) | (w == word(b"no"));
    (u8::from(yes), (yes | no) & (len.wrapping_sub(1) < 8))
}

/// The number of one to eight digits, and whether the first `len` bytes are that.
#[inline(always)]
pub(super) fn usual_int(bytes: &[u8; 8], len: usize) -> (i64, bool) {
    // The digits move to the end, zeros before them.
    let gap = 8 * (7 - (len.wrapping_sub(1) & 7)) as u32;
    let digits = (u64::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030) << gap;
    let bad = (digits.wrapping_add(0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080;
    let pairs = ((digits & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(1 + (10 << 8)) >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(1 + (100 << 16)) >> 16) & 0x0000_ffff_0000_ffff;
    let all = (fours.wrapping_mul(1 + (10_000 << 32))) >> 32;
    let good = (bad == 0) & (len.wrapping_sub(1) < 8);
    (if good { all as i64 } else { 0 }, good)
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
fn day(bytes: &[u8; 10]) -> Option<i32> {
    let [a, b, c, d, b'-', e, f, b'-', g, h] = *bytes else { return None };
    let (year, month, day) = (two(a, b)? * 100 + two(c, d)?, two(e, f)? as u32, two(g, h)? as u32);
    let good = year >= 1 && (1..=12).contains(&month) && day >= 1 && day <= days_in_month(year as i32, month);
    good.then(|| days_from_civil(year as i32, month, day))
}

/// A day, with an optional time of day behind it, which is dropped.
pub(super) fn date(cell: &[u8]) -> Option<i32> {
    let (head, time) = cell.split_first_chunk::<10>()?;
    let day = day(head)?;
    match time {
        [] => Some(day),
        [b'T' | b't' | b' ', rest @ ..] => clock(rest).map(|_| day),
        _ => None,
    }
}

/// Microseconds since 1970-01-01 UTC of an RFC 3339 instant. One without a zone is UTC; one without a time is midnight.
pub(super) fn datetime(cell: &[u8]) -> Option<i64> {
    let (head, time) = cell.split_first_chunk::<10>()?;
    let day = i64::from(day(head)?) * DAY_MICROS;
    match time {
        [] => Some(day),
        [b'T' | b't' | b' ', rest @ ..] => clock(rest).map(|t| day + t),
        _ => None,
    }
}

/// Microseconds from midnight UTC of `hh:mm`, `hh:mm:ss`, `hh:mm:ss.fffffff`, each with an optional zone.
fn clock(text: &[u8]) -> Option<i64> {
    let [h1, h2, b':', m1, m2, rest @ ..] = text else { return None };
    let mut rest = rest;
    let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
    let mut micros = 0;
    if let [b':', s1, s2, more @ ..] = rest {
        let seconds = two(*s1, *s2)?;
        if seconds > 60 {
            return None;
        }
        micros = seconds * 1_000_000;
        rest = more;
        if let [b'.' | b',', more @ ..] = rest {
            let digits = more.iter().take_while(|b| b.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            micros += (0..6).fold(0, |n, i| n * 10 + more[..digits].get(i).map_or(0, |b| i64::from(b - b'0')));
            rest = &more[digits..];
        }
    }
    let offset = match rest {
        [] | [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] | [sign @ (b'+' | b'-'), h1, h2, m1, m2] => {
            let (hours, minutes) = (two(*h1, *h2)?, two(*m1, *m2)?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    (hours <= 23 && minutes <= 59).then_some((hours * 60 + minutes - offset) * 60_000_000 + micros)
}

fn two(a: u8, b: u8) -> Option<i64> {
    (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i64::from(a - b'0') * 10 + i64::from(b - b'0'))
}

/// `True`, `False`, `Yes`, `No` in any case.
pub(super) fn boolean(cell: &[u8]) -> Option<bool> {
    match cell.len() {
        2 if cell.eq_ignore_ascii_case(b"no") => Some(false),
        3 if cell.eq_ignore_ascii_case(b"yes") => Some(true),
        4 if cell.eq_ignore_ascii_case(b"true") => Some(true),
        5 if cell.eq_ignore_ascii_case(b"false") => Some(false),
        _ => None,
    }
}

/// A whole number: a sign, digits, and at most a fraction of zeros.
pub(super) fn int(cell: &[u8]) -> Option<i64> {
    let (negative, digits) = match cell {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, cell),
    };
    let whole = match digits.iter().position(|b| *b == b'.') {
        Some(dot) if dot + 1 < digits.len() && digits[dot + 1..].iter().all(|b| *b == b'0') => &digits[..dot],
        Some(_) => return None,
        None => digits,
    };
    if whole.is_empty() {
        return None;
    }
    // Negative numbers reach one further than positive ones.
    let n = whole.iter().try_fold(0i64, |n, b| {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        n.checked_mul(10)?.checked_sub(digit)
    })?;
    if negative { Some(n) } else { n.checked_neg() }
}

/// A number as Rust reads it, but for the words: no infinity, no NaN.
pub(super) fn float(cell: &[u8]) -> Option<f64> {
    if !cell.iter().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    std::str::from_utf8(cell).ok()?.parse().ok().filter(|f: &f64| f.is_finite())
}

/// Whole seconds of an ISO 8601 duration without months (`P1DT2H3M4.5S`), of `[d.]hh:mm:ss[.f]`, or of a number of
/// seconds. A fraction of a second is dropped.
pub(super) fn duration(cell: &[u8]) -> Option<i64> {
    match cell {
        [b'P' | b'p', rest @ ..] => iso_duration(rest),
        _ if cell.contains(&b':') => clock_duration(cell),
        _ => int(cell).filter(|n| *n >= 0),
    }
}

fn iso_duration(text: &[u8]) -> Option<i64> {
    let (mut rest, mut total, mut in_time, mut parts, mut last) = (text, 0i64, false, 0, 0);
    while !rest.is_empty() {
        if let [b'T' | b't', after @ ..] = rest {
            if in_time || after.is_empty() {
                return None;
            }
            (in_time, rest, last) = (true, after, 0);
            continue;
        }
        let (n, after) = digits(rest)?;
        let (fraction, after) = match after {
            [b'.' | b',', f @ ..] => (true, digits(f)?.1),
            _ => (false, after),
        };
        let (unit, after) = after.split_first()?;
        // Units come in this order, each at most once; only seconds have fractions.
        let (order, seconds) = match (unit.to_ascii_uppercase(), in_time) {
            (b'W', false) => (1, 604_800),
            (b'D', false) => (2, 86_400),
            (b'H', true) => (1, 3600),
            (b'M', true) => (2, 60),
            (b'S', true) => (3, 1),
            _ => return None,
        };
        if order <= last || (fraction && seconds != 1) {
            return None;
        }
        total = total.checked_add(n.checked_mul(seconds)?)?;
        (rest, last, parts) = (after, order, parts + 1);
    }
    (parts > 0).then_some(total)
}

fn clock_duration(text: &[u8]) -> Option<i64> {
    let (mut n, mut rest) = digits(text)?;
    let mut days = 0;
    if let [b'.', after @ ..] = rest {
        days = n;
        (n, rest) = digits(after)?;
    }
    let [b':', m1, m2, b':', s1, s2, fraction @ ..] = rest else { return None };
    let (minutes, seconds) = (two(*m1, *m2)?, two(*s1, *s2)?);
    let whole = match fraction {
        [] => true,
        [b'.', f @ ..] => digits(f).is_some_and(|(_, after)| after.is_empty()),
        _ => false,
    };
    if !whole || minutes > 59 || seconds > 59 {
        return None;
    }
    days.checked_mul(24)?.checked_add(n)?.checked_mul(3600)?.checked_add(minutes * 60 + seconds)
}

/// A run of digits and what is behind it.
fn digits(text: &[u8]) -> Option<(i64, &[u8])> {
    let len = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let n = text[..len].iter().try_fold(0i64, |n, b| n.checked_mul(10)?.checked_add(i64::from(b - b'0')))?;
    (len > 0).then_some((n, &text[len..]))
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;

    #[test]
    fn every_day_of_the_calendar_and_no_other() {
        let start = NaiveDate::from_ymd_opt(1, 1, 1).unwrap();
        let end = NaiveDate::from_ymd_opt(9999, 12, 31).unwrap();
        let mut d = start;
        while d < end {
            let text = d.format("%Y-%m-%d").to_string();
            assert_eq!(date(text.as_bytes()), Some(d.to_epoch_days()), "{text}");
            let (usual, good) = usual_day(text.as_bytes().first_chunk().unwrap(), 10);
            assert!(
                usual == d.to_epoch_days() || !good && !(2000..2100).contains(&chrono::Datelike::year(&d)),
                "{text}"
            );
            d += chrono::Duration::days(if (1890..2170).contains(&chrono::Datelike::year(&d)) { 1 } else { 13 });
        }
        for bad in ["2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-04-00", "0000-01-01", "2026-1-01"] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
        for bad in ["2026/04/01", "20260401", "2026-04-0:", "2026-04-01x", "01.04.2026", "2026-04-01T", "/026-04-01"] {
            assert_eq!(date(bad.as_bytes()), None, "{bad}");
        }
        for month in 13..100 {
            assert_eq!(date(format!("2026-{month}-01").as_bytes()), None);
        }
    }

    #[test]
    fn the_usual_ways_agree_with_the_careful_ones() {
        let mut rng = fastrand::Rng::with_seed(11);
        let mut text = |of: &[u8], len: usize| (0..len).map(|_| of[rng.usize(..of.len())]).collect::<Vec<u8>>();
        let mut good = [0; 3];
        for _ in 0..400_000 {
            // Mostly right, with the neighbours of digits, dashes and letters in ASCII among them.
            let mut day = [b"20".to_vec(), text(b"0129", 2), vec![b'-'], text(b"01", 1), text(b"0129", 1)].concat();
            day.extend([vec![b'-'], text(b"0123", 1), text(b"0189", 1)].concat());
            let (at, byte) = (text(b"0123456789abcdef", 1)[0] as usize % 16, text(b"0:/-9 ,@", 1)[0]);
            if at < 10 {
                day[at] = byte;
            }
            let usual = usual_day(day.first_chunk().unwrap(), 10);
            assert!(usual.1 && date(&day) == Some(usual.0) || !usual.1 && (date(&day).is_none() || at < 2), "{day:?}");
            good[0] += u32::from(usual.1);
            for len in 1..=8 {
                let cell = text(b"0123456789999:/", len);
                let mut eight = [b','; 8];
                eight[..len].copy_from_slice(&cell);
                let usual = usual_int(&eight, len);
                assert_eq!(usual.1.then_some(usual.0), int(&cell), "{cell:?}");
                good[1] += u32::from(usual.1);
            }
            let word: &[u8] = [&b"True"[..], b"False", b"yes", b"No", b"n", b"Trues"][at % 6];
            let mut eight = [byte; 8];
            eight[..word.len()].copy_from_slice(word);
            if byte == b'@' {
                eight[0] ^= 0x20;
            }
            for len in 1..=8 {
                let usual = usual_boolean(&eight, len);
                assert_eq!(usual.1.then_some(usual.0 != 0), boolean(&eight[..len]), "{eight:?} {len}");
                good[2] += u32::from(usual.1);
            }
        }
        assert!(good.iter().all(|n| *n > 30_000), "{good:?}");
        assert!(!usual_day(b"2026-11-20", 0).1 && !usual_int(b"12345678", 0).1 && !usual_int(b"12345678", 9).1);
        assert!(!usual_boolean(b"True,yes", 0).1 && !usual_boolean(b"True,yes", 12).1);
    }

    #[test]
    fn a_time_behind_a_date_is_dropped() {
        let want = date(b"2021-10-25");
        for text in ["2021-10-25T00:00:00Z", "2021-10-25 23:59:59", "2021-10-25T00:00:00.0000000+02:00"] {
            assert_eq!(date(text.as_bytes()), want, "{text}");
        }
        assert_eq!(date(b"2021-10-25T99:00:00"), None);
    }

    #[test]
    fn instants() {
        let want = Some(1_770_163_200_000_000);
        for text in ["2026-02-04T00:00:00Z", "2026-02-04T00:00:00", "2026-02-04", "2026-02-04T02:00:00+02:00"] {
            assert_eq!(datetime(text.as_bytes()), want, "{text}");
        }
        assert_eq!(datetime(b"2026-02-03T19:00:00-0500"), want);
        assert_eq!(datetime(b"2026-02-04 00:00:00.1234567Z"), want.map(|w| w + 123_456));
        assert_eq!(datetime(b"1969-12-31T23:59:59Z"), Some(-1_000_000));
        for bad in ["2026-02-04T24:00:00Z", "2026-02-04T00:60:00Z", "2026-02-04T00:00:00.Z", "2026-02-04T00"] {
            assert_eq!(datetime(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn yes_and_no() {
        for (text, want) in [("True", true), ("YES", true), ("false", false), ("nO", false)] {
            assert_eq!(boolean(text.as_bytes()), Some(want), "{text}");
        }
        for bad in ["1", "y", "truee", "ProPlus"] {
            assert_eq!(boolean(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn whole_numbers() {
        for (text, want) in [
            ("0", 0),
            ("+7", 7),
            ("-12", -12),
            ("12.0", 12),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("0000000000000000000000001", 1),
        ] {
            assert_eq!(int(text.as_bytes()), Some(want), "{text}");
        }
        for bad in ["12.5", "12.", "9223372036854775808", "1,000", "-", "", ".0", "1e3", "0x1", "１"] {
            assert_eq!(int(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!(float(b"-1.5e3"), Some(-1500.0));
        for bad in ["NaN", "inf", "1,5", "1e999", "--1"] {
            assert_eq!(float(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn durations_in_seconds() {
        for (text, want) in [
            ("PT0S", 0),
            ("PT1H2M3S", 3723),
            ("P1DT1H", 90_000),
            ("P2W", 1_209_600),
            ("PT1.9S", 1),
            ("pt5m", 300),
            ("00:00:00", 0),
            ("01:02:03", 3723),
            ("26:00:00", 93_600),
            ("1.02:00:00.5000000", 93_600),
            ("42", 42),
        ] {
            assert_eq!(duration(text.as_bytes()), Some(want), "{text}");
        }
        for bad in ["P", "PT", "P1M", "P1Y", "PT1S1H", "PT1H1H", "PT1.5H", "1:2:3", "00:60:00", "-5", "P1DT", "PT1"] {
            assert_eq!(duration(bad.as_bytes()), None, "{bad}");
        }
    }
}
