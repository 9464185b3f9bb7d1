//! Dates and times of a bill, in microseconds since 1970-01-01 UTC.
//!
//! FOCUS writes `2024-09-01T00:00:00Z`; real files also have `2024-09-01 00:00:00`, bare dates, fractions of a
//! second and offsets. What has no offset is UTC, as FOCUS says.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime, Timelike};

/// Microseconds in a second.
pub const PER_SEC: i64 = 1_000_000;
/// Microseconds in an hour.
pub const PER_HOUR: i64 = 3_600 * PER_SEC;
/// Microseconds in a day.
pub const PER_DAY: i64 = 86_400 * PER_SEC;

/// Reads a moment; `None` when the text is none.
pub fn read(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let date = read_date(text.get(..10)?)?;
    let rest = &text[10..];
    if rest.is_empty() {
        return Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros());
    }
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset_secs) = split_offset(rest)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = clock.split(':');
    let hour = two_digits(parts.next()?)?;
    let minute = two_digits(parts.next()?)?;
    let second = parts.next().map_or(Some(0), two_digits)?;
    if parts.next().is_some() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = if fraction.is_empty() {
        0
    } else {
        let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
        digits.parse().ok()?
    };
    let whole = date.and_hms_opt(hour, minute, second)?.and_utc().timestamp();
    Some((whole - offset_secs) * PER_SEC + micros)
}

fn read_date(text: &str) -> Option<NaiveDate> {
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = *text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits
            .iter()
            .try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
    };
    let year = i32::try_from(number(&[y0, y1, y2, y3])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&[m0, m1])?, number(&[d0, d1])?)
}

fn two_digits(text: &str) -> Option<u32> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `10:00:00+02:00` → the clock and seconds east of UTC.
fn split_offset(text: &str) -> Option<(&str, i64)> {
    if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        return Some((clock, 0));
    }
    let Some(at) = text.rfind(['+', '-']) else { return Some((text, 0)) };
    let (clock, offset) = text.split_at(at);
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    let hours = i64::from(two_digits(digits.get(..2)?)?);
    let minutes = if digits.len() == 2 { 0 } else { i64::from(two_digits(&digits[2..])?) };
    Some((clock, sign * (hours * 3_600 + minutes * 60)))
}

/// Reads a moment, or a date as Azure writes it for Americans: `MM/dd/yyyy`, `M/d/yyyy`, `M/d/yy`, at midnight.
/// `None` when the text is neither, which `13/02/2026` is: day and month are never swapped.
pub fn read_us(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(moment) = read(text) {
        return Some(moment);
    }
    let (date, clock) = text.split_once(' ').unwrap_or((text, ""));
    if !["", "0:00", "00:00", "0:00:00", "00:00:00", "12:00:00 AM"].contains(&clock) {
        return None;
    }
    let mut parts = date.split('/');
    let mut number = |longest: usize| {
        let part = parts.next()?;
        let fits = (1..=longest).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| part.parse::<u32>().ok())?.map(|value| (value, part.len()))
    };
    let ((month, _), (day, _), (year, digits)) = (number(2)?, number(2)?, number(4)?);
    let year = match digits {
        2 => 2_000 + year,
        4 => year,
        _ => return None,
    };
    if parts.next().is_some() {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// The span a text names: a moment, a whole day (`2026-05-01`) or a whole month (`2026-05`), as
/// `[start, end)` in microseconds.
pub fn read_span(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if text.len() == 7 {
        let start = read(&format!("{text}-01"))?;
        return Some((start, next_month(start)?));
    }
    let start = read(text)?;
    Some((start, if text.len() == 10 { start + PER_DAY } else { start + 1 }))
}

/// `2026-05-01T00:00:00Z`, with a fraction only where there is one.
pub fn show(micros: i64) -> String {
    let Some(moment) = DateTime::from_timestamp_micros(micros) else { return micros.to_string() };
    // By hand, because importers show millions: chrono reads its format text anew each time.
    let (year, month, day) = (moment.year(), moment.month(), moment.day());
    let (hour, minute, second) = (moment.hour(), moment.minute(), moment.second());
    let mut text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
    let fraction = micros.rem_euclid(PER_SEC);
    if fraction != 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ".{fraction:06}");
    }
    text.push('Z');
    text
}

/// First microsecond of the day.
pub fn day_start(micros: i64) -> i64 {
    micros.div_euclid(PER_DAY) * PER_DAY
}

/// First microsecond of the week, which begins on Monday (ISO 8601).
pub fn week_start(micros: i64) -> i64 {
    // 1970-01-01 was a Thursday, the fourth day of its week.
    let day = micros.div_euclid(PER_DAY);
    (day - (day + 3).rem_euclid(7)) * PER_DAY
}

fn naive(micros: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc())
}

/// First microsecond of the calendar month.
pub fn month_start(micros: i64) -> Option<i64> {
    let date = naive(micros)?.date().with_day(1)?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

/// First microsecond of the calendar month after the one that `micros` is in.
pub fn next_month(micros: i64) -> Option<i64> {
    let date = naive(month_start(micros)?)?.date().checked_add_months(Months::new(1))?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Unix times from `date -u -d … +%s`.
    #[test]
    fn every_form_of_a_real_bill_is_the_same_moment() {
        for text in [
            "2024-09-01T22:00:00Z",
            "2024-09-01 22:00:00",
            "2024-09-01T22:00",
            "2024-09-01 22:00:00 UTC",
            "2024-09-01T22:00:00.000Z",
            "2024-09-02T00:00:00+02:00",
            "2024-09-01T16:30:00-0530",
        ] {
            assert_eq!(read(text), Some(1_725_228_000 * PER_SEC), "{text}");
        }
        assert_eq!(read("2024-09-01"), Some(1_725_148_800 * PER_SEC));
        assert_eq!(read("1969-12-31T23:59:59.5Z"), Some(-500_000));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            "2024",
            "2024-13-01",
            "2024-02-30",
            "01/02/2024",
            "2024-09-01T25:00:00Z",
            "2024-09-01X",
            "2024-9-1",
            "ä2024-09-01",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn an_american_date_is_read_and_a_european_one_is_not_swapped() {
        let day = read("2023-09-02");
        for text in ["09/02/2023", "9/2/2023", "9/2/23", "9/2/2023 12:00:00 AM", " 2023-09-02 "] {
            assert_eq!(read_us(text), day, "{text}");
        }
        for text in
            ["13/02/2023", "9/2", "9/2/2023/1", "9/2/023", "9-2-2023", "9/2/2023 10:00", "a/2/2023", ""]
        {
            assert_eq!(read_us(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_shown_as_focus_writes_it() {
        assert_eq!(show(1_725_228_000 * PER_SEC), "2024-09-01T22:00:00Z");
        assert_eq!(show(-500_000), "1969-12-31T23:59:59.500000Z");
    }

    #[test]
    fn a_day_and_a_month_are_spans() {
        let (start, end) = read_span("2024-02").unwrap();
        assert_eq!((end - start) / PER_DAY, 29);
        let (start, end) = read_span("2024-02-03").unwrap();
        assert_eq!(end - start, PER_DAY);
        assert_eq!(month_start(end), Some(read("2024-02-01").unwrap()));
        assert_eq!(read_span("February"), None);
    }
}
