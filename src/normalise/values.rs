//! What the text of one cell says, for every type but text.
//!
//! Each function takes a cell that is unquoted, trimmed and not blank, and answers with its value, or with none where
//! the text is not of the type. They never panic, look at nothing but the cell, and accept no more than is named here:
//! a date written another way is a reject that somebody can read, not a guess.

#[cfg(test)]
mod tests;

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
