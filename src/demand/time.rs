//! Times as people and exporters write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A point in time, and whether the text said in which zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// Nanoseconds since 1970-01-01 UTC.
    pub nanos: i64,
    /// False when the text had no zone and was taken as UTC.
    pub zoned: bool,
}

const ZONED: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%dT%H:%M%#z"];
const NAIVE: [&str; 5] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d %H:%M:%S%.f",
];
/// Times further from 1970 than this are refused, so that the distance of any two can be counted.
const FARTHEST_NANOS: i64 = i64::MAX / 2;

/// Reads ISO 8601 (`2026-05-01T12:00:00Z`, `2026-05-01 12:00:00.5+02:00`, without a zone, without seconds, or a
/// date alone) and numbers since 1970: seconds, or milliseconds, microseconds, nanoseconds by their size (seconds
/// stay below 10¹¹, the year 5138). `None` for anything else or outside the years 1824–2116.
pub(super) fn parse(text: &str) -> Option<Time> {
    parse_any(text).filter(|time| (-FARTHEST_NANOS..=FARTHEST_NANOS).contains(&time.nanos))
}

fn parse_any(text: &str) -> Option<Time> {
    let text = text.trim();
    if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first))
        && let Some(nanos) = number(text)
    {
        return Some(Time { nanos, zoned: true });
    }
    let utc = text.strip_suffix(['Z', 'z']).or_else(|| text.strip_suffix(" UTC"));
    let naive = |text: &str| {
        NAIVE
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0))
            .and_then(|time| time.and_utc().timestamp_nanos_opt())
    };
    if let Some(nanos) = naive(utc.unwrap_or(text)) {
        return Some(Time { nanos, zoned: utc.is_some() });
    }
    let nanos = ZONED
        .iter()
        .find_map(|format| DateTime::parse_from_str(text, format).ok())
        .and_then(|time| time.timestamp_nanos_opt())?;
    Some(Time { nanos, zoned: true })
}

/// A number since 1970. Whole numbers stay exact; a fraction keeps microseconds.
fn number(text: &str) -> Option<i64> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite())?;
    let nanos_per_unit = match value.abs() {
        size if size < 1e11 => 1_000_000_000,
        size if size < 1e14 => 1_000_000,
        size if size < 1e17 => 1_000,
        _ => 1,
    };
    if let Ok(whole) = text.parse::<i64>() {
        return whole.checked_mul(nanos_per_unit);
    }
    let nanos = (value * (nanos_per_unit / 1_000).max(1) as f64).round() * (nanos_per_unit.min(1_000)) as f64;
    (nanos.abs() < 9.2e18).then_some(nanos as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_exporters_write() {
        // date -u -d '2026-05-01 12:00:00' +%s → 1777636800
        let noon = 1_777_636_800_000_000_000;
        for (text, nanos, zoned) in [
            ("2026-05-01T12:00:00Z", noon, true),
            ("2026-05-01T14:00:00+02:00", noon, true),
            ("2026-05-01 14:00:00+0200", noon, true),
            ("2026-05-01 12:00:00 +00:00", noon, true),
            ("2026-05-01 12:00:00 UTC", noon, true),
            ("2026-05-01 12:00:00", noon, false),
            ("2026-05-01T12:00", noon, false),
            (" 2026-05-01 12:00:00.1234567 ", noon + 123_456_700, false),
            ("2026-05-01", noon - 12 * 3_600 * 1_000_000_000, false),
            ("1777636800", noon, true),
            ("1777636800.5", noon + 500_000_000, true),
            ("1777636800123", noon + 123_000_000, true),
            ("1777636800123456", noon + 123_456_000, true),
            ("1777636800123456789", noon + 123_456_789, true),
            ("0", 0, true),
            ("-1.5", -1_500_000_000, true),
        ] {
            assert_eq!(parse(text), Some(Time { nanos, zoned }), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        for text in [
            "",
            "noon",
            "2026-13-01",
            "2026-02-30T00:00:00Z",
            "12:00",
            "NaN",
            "inf",
            "1e400",
            "01.05.2026",
            "2200-01-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
