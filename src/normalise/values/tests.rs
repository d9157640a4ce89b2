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
        assert!(usual == d.to_epoch_days() || !good && !(2000..2100).contains(&chrono::Datelike::year(&d)), "{text}");
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
