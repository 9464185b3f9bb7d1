//! What a bill covers: days and months with rows, and those without any between them.

use serde::Serialize;

use super::ledger::{Covered, Day};
use crate::bill::moment;

/// A last day with fewer rows than this share of the usual looks as if it were not over yet.
const PARTIAL: f64 = 0.75;
/// Seconds in a day.
const DAY_SECS: i64 = 86_400;
/// Days that tell what is usual.
const USUAL_DAYS: usize = 7;
/// Fewer days than this tell nothing about what is usual.
const LEAST_DAYS: usize = 3;

/// What is covered of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Whose rows.
    pub provider: String,
    /// Whether rows are of days (or hours) rather than of months.
    pub daily: bool,
    /// First and last day with rows (`2026-10-01`), or month (`2026-10`); empty without dated rows.
    pub first: String,
    /// See [`Self::first`].
    pub last: String,
    /// Days, or months, with rows.
    pub present: u64,
    /// Runs of days, or months, without rows between the first and the last: first and last of each.
    pub missing: Vec<(String, String)>,
    /// How many days, or months, that are.
    pub missing_count: u64,
    /// Why the last day may not be over, in words; empty where it looks whole.
    pub partial_last: String,
    /// Days of the first month before the first day, where rows are of days.
    pub before: u64,
    /// Days of the last month after the last day, where rows are of days.
    pub after: u64,
    /// Sub accounts that have rows every day until this one and none after, while others have.
    pub stopped: Vec<(String, String)>,
}

/// `2026-10-01`.
fn day_text(day: i64) -> String {
    let mut text = moment::show(day.saturating_mul(moment::PER_DAY));
    text.truncate(10);
    text
}

/// Works out what is covered.
pub(super) fn coverage(covered: &Covered) -> Coverage {
    let mut found = if covered.is_daily() { days(covered) } else { months(covered) };
    found.provider.clone_from(&covered.provider);
    found.stopped = covered.stopped.iter().map(|(name, day)| (name.clone(), day_text(*day))).collect();
    found
}

fn days(covered: &Covered) -> Coverage {
    let mut missing = Vec::new();
    let mut missing_count = 0;
    let mut before: Option<i64> = None;
    for day in covered.days.keys() {
        if let Some(before) = before.filter(|before| day - before > 1) {
            missing.push((day_text(before + 1), day_text(day - 1)));
            missing_count += day.abs_diff(before) - 1;
        }
        before = Some(*day);
    }
    Coverage {
        provider: String::new(),
        daily: true,
        first: covered.days.keys().next().copied().map(day_text).unwrap_or_default(),
        last: before.map(day_text).unwrap_or_default(),
        present: covered.days.len() as u64,
        missing,
        missing_count,
        partial_last: partial_last(covered),
        before: covered.days.keys().next().map_or(0, |day| around(*day).0),
        after: before.map_or(0, |day| around(day).1),
        stopped: Vec::new(),
    }
}

/// Why the last day may not be over: it ends before the days before it do, or has fewer rows.
fn partial_last(covered: &Covered) -> String {
    let Some((_, last)) = covered.days.last_key_value() else { return String::new() };
    let before: Vec<Day> = covered.days.values().rev().skip(1).take(USUAL_DAYS).copied().collect();
    if before.len() < LEAST_DAYS {
        return String::new();
    }
    let mut words = Vec::new();
    if last.until_secs < DAY_SECS && before.iter().all(|day| day.until_secs >= DAY_SECS) {
        let (hour, minute) = (last.until_secs / 3_600, last.until_secs % 3_600 / 60);
        words.push(format!("its last row ends at {hour:02}:{minute:02} UTC"));
    }
    let mut usual: Vec<u64> = before.iter().map(|day| day.rows).collect();
    usual.sort_unstable();
    let median = usual[usual.len() / 2];
    if last.rows < usual[0] && (last.rows as f64) < median as f64 * PARTIAL {
        let (has, s) = (last.rows, if last.rows == 1 { "" } else { "s" });
        words.push(format!("it has {has} row{s}, the {} days before it usually {median}", usual.len()));
    }
    words.join("; ")
}

fn months(covered: &Covered) -> Coverage {
    let number = |text: &str| -> Option<i64> {
        let (year, month) = text.split_once('-')?;
        Some(year.parse::<i64>().ok()? * 12 + month.parse::<i64>().ok()? - 1)
    };
    let text = |number: i64| format!("{:04}-{:02}", number.div_euclid(12), number.rem_euclid(12) + 1);
    let mut missing = Vec::new();
    let mut missing_count = 0;
    let mut before: Option<i64> = None;
    for month in covered.months.keys().filter_map(|month| number(month)) {
        if let Some(before) = before.filter(|before| month - before > 1) {
            missing.push((text(before + 1), text(month - 1)));
            missing_count += month.abs_diff(before) - 1;
        }
        before = Some(month);
    }
    Coverage {
        provider: String::new(),
        daily: false,
        first: covered.months.keys().next().cloned().unwrap_or_default(),
        last: covered.months.keys().next_back().cloned().unwrap_or_default(),
        present: covered.months.len() as u64,
        missing,
        missing_count,
        partial_last: String::new(),
        before: 0,
        after: 0,
        stopped: Vec::new(),
    }
}

/// Days of the month before a day, and after it.
fn around(day: i64) -> (u64, u64) {
    let micros = day.saturating_mul(moment::PER_DAY);
    let days = |from: i64, until: i64| (until - from).div_euclid(moment::PER_DAY).unsigned_abs();
    let before = moment::month_start(micros).map_or(0, |start| days(start, micros));
    let after = moment::next_month(micros).map_or(0, |next| days(micros, next).saturating_sub(1));
    (before, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-10-01 is day 20,727 (`date -u -d 2026-10-01 +%s` ÷ 86,400).
    const FIRST: i64 = 20_727;

    fn covered(rows: &[(i64, u64)]) -> Covered {
        let days = rows.iter().map(|(day, rows)| (FIRST + day, Day { rows: *rows, until_secs: DAY_SECS }));
        Covered { days: days.collect(), ..Covered::default() }
    }

    #[test]
    fn days_without_rows_are_named_as_runs() {
        let found = coverage(&covered(&[(0, 5), (1, 5), (4, 5), (6, 5)]));
        assert_eq!((found.first.as_str(), found.last.as_str()), ("2026-10-01", "2026-10-07"));
        let run = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found.missing, [run("2026-10-03", "2026-10-04"), run("2026-10-06", "2026-10-06")]);
        assert_eq!((found.present, found.missing_count), (4, 3));
        // The 1st to the 7th of 31 days.
        assert_eq!((found.before, found.after), (0, 24));
    }

    #[test]
    fn a_last_day_that_is_not_over_is_noticed() {
        let whole = covered(&[(0, 100), (1, 110), (2, 105), (3, 98), (4, 95)]);
        assert_eq!(coverage(&whole).partial_last, "");
        let cut = covered(&[(0, 100), (1, 110), (2, 105), (3, 98), (4, 60)]);
        assert_eq!(coverage(&cut).partial_last, "it has 60 rows, the 4 days before it usually 105");
        let mut hours = whole.clone();
        hours.days.insert(FIRST + 4, Day { rows: 95, until_secs: 14 * 3_600 });
        assert_eq!(coverage(&hours).partial_last, "its last row ends at 14:00 UTC");
        // Where days end at any hour, one more tells nothing; nor do two days.
        hours.days.insert(FIRST + 2, Day { rows: 105, until_secs: 9 * 3_600 });
        assert_eq!(coverage(&hours).partial_last, "");
        assert_eq!(coverage(&covered(&[(0, 100), (1, 5)])).partial_last, "");
    }

    #[test]
    fn a_bill_of_months_is_told_by_months() {
        let months = [("2026-01", 3), ("2026-02", 3), ("2026-05", 2)];
        let covered = Covered {
            months: months.into_iter().map(|(month, rows)| (month.to_owned(), rows)).collect(),
            long_rows: 8,
            ..Covered::default()
        };
        let found = coverage(&covered);
        assert!(!found.daily);
        assert_eq!(found.missing, [("2026-03".to_owned(), "2026-04".to_owned())]);
    }
}
