//! A stretch of days that charges begin in, as people type it: `2026-05`, `2026-05-01..2026-05-15`.

use chrono::{DateTime, Datelike, Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::error::BillError;
use super::filter::Filter;
use super::moment::{self, PER_DAY};

/// Days, the first and the last included, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// The first day: `2026-05-01`.
    pub from: String,
    /// The last day.
    pub to: String,
}

impl Period {
    /// Reads `FROM..TO`, of days or months, or one day or month alone.
    ///
    /// # Errors
    /// What is no date, or ends before it begins.
    pub fn parse(text: &str) -> Result<Self, BillError> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let read = |text: &str| {
            let text = text.trim();
            moment::read_span(text).filter(|_| text.len() == 7 || text.len() == 10)
        };
        let days = read(from).zip(read(to)).and_then(|((start, _), (_, end))| Self::of_micros(start, end));
        days.ok_or_else(|| BillError::Period { text: text.to_owned() })
    }

    /// The days from `start` to before `end`, in microseconds since 1970-01-01 UTC; `None` when there are none.
    pub fn of_micros(start: i64, end: i64) -> Option<Self> {
        let last = end.checked_sub(1)?;
        (last >= start).then_some(())?;
        Some(Self { from: day(start)?.to_string(), to: day(last)?.to_string() })
    }

    /// The first and the last day.
    fn days(&self) -> Option<(NaiveDate, NaiveDate)> {
        Some((self.from.parse().ok()?, self.to.parse().ok()?))
    }

    /// How many days it has.
    pub fn length_days(&self) -> Option<i64> {
        let (from, to) = self.days()?;
        Some((to - from).num_days() + 1)
    }

    /// The stretch right before it: as many months where it is whole months, else as many days.
    pub fn before(&self) -> Option<Self> {
        let (from, to) = self.days()?;
        let after = to.succ_opt()?;
        let start = if from.day() == 1 && after.day() == 1 {
            let month = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
            from.checked_sub_months(Months::new(u32::try_from(month(after) - month(from)).ok()?))?
        } else {
            from.checked_sub_signed(after - from)?
        };
        Some(Self { from: start.to_string(), to: from.pred_opt()?.to_string() })
    }

    /// Keeps the rows whose charge begins in it.
    pub fn filter(&self) -> Filter {
        Filter::within("ChargePeriodStart", &self.from, &self.to)
    }

    /// `May 2026` for a whole month, `2026-05-03` for a day, else `2026-05-03 to 2026-05-09`.
    pub fn words(&self) -> String {
        match self.days() {
            Some((from, to)) if from == to => self.from.clone(),
            Some((from, to))
                if from.day() == 1 && from.checked_add_months(Months::new(1)) == to.succ_opt() =>
            {
                from.format("%B %Y").to_string()
            }
            _ => format!("{} to {}", self.from, self.to),
        }
    }

    /// Stretches of these days that are asked for most, each with its name: the last days, then every month, the latest
    /// first.
    pub fn presets(&self) -> Vec<(String, Self)> {
        let Some(last) = moment::read(&self.to) else { return Vec::new() };
        let length = self.length_days().unwrap_or(0);
        let mut presets: Vec<(String, Self)> = [7, 30, 90]
            .into_iter()
            .filter(|days| *days < length)
            .filter_map(|days| Some((format!("Last {days} days"), Self::last_days(last, days)?)))
            .collect();
        let mut month = Self::month_of(last);
        while let Some(period) = month.filter(|month| month.to >= self.from && presets.len() < 240) {
            month = period.before();
            presets.push((period.words(), period));
        }
        presets
    }

    /// The two stretches of these days that are compared where nobody has said: the last whole month and the one before
    /// it, else the later half and the earlier. `None` for a single day.
    pub fn compared(&self) -> Option<(Self, Self)> {
        let last = moment::read(&self.to)?;
        let month = Self::month_of(last)?;
        let month = if month.to == self.to { month } else { month.before()? };
        let before = month.before()?;
        if before.from >= self.from {
            return Some((before, month));
        }
        let half = self.length_days()? / 2;
        let after = Self::last_days(last, half).filter(|_| half > 0)?;
        Some((after.before_days()?, after))
    }

    /// The stretch of as many days right before it.
    fn before_days(&self) -> Option<Self> {
        let start = moment::read(&self.from)?;
        Self::last_days(start.checked_sub(PER_DAY)?, self.length_days()?)
    }

    /// The last `days` days that end with the day of `last`, in microseconds.
    pub fn last_days(last: i64, days: i64) -> Option<Self> {
        let end = moment::day_start(last) + PER_DAY;
        Self::of_micros(end - days * PER_DAY, end)
    }

    /// The calendar month a moment is in, in microseconds.
    pub fn month_of(micros: i64) -> Option<Self> {
        Self::of_micros(moment::month_start(micros)?, moment::next_month(micros)?)
    }
}

fn day(micros: i64) -> Option<NaiveDate> {
    Some(DateTime::from_timestamp_micros(micros)?.date_naive())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_months_are_read_and_said() {
        for (text, days, words) in [
            ("2026-05", 31, "May 2026"),
            ("2026-02-03", 1, "2026-02-03"),
            ("2026-05..2026-06-15", 46, "2026-05-01 to 2026-06-15"),
            ("2024-02-01..2024-02-29", 29, "February 2024"),
        ] {
            let period = Period::parse(text).unwrap();
            assert_eq!((period.length_days(), period.words().as_str()), (Some(days), words), "{text}");
        }
        for text in ["", "May", "2026-05-02..2026-05-01", "2026", "2026-05-01T00:00:00Z", "..2026-05"] {
            let error = Period::parse(text).unwrap_err().to_string();
            assert!(error.contains("FROM..TO"), "{text}: {error}");
        }
    }

    #[test]
    fn the_stretch_before_is_as_many_months_or_days() {
        for (text, before) in [
            ("2026-03", "February 2026"),
            ("2026-01..2026-03", "2025-10-01 to 2025-12-31"),
            ("2026-03-02..2026-03-08", "2026-02-23 to 2026-03-01"),
            ("2026-03-01..2026-03-30", "2026-01-30 to 2026-02-28"),
        ] {
            assert_eq!(Period::parse(text).unwrap().before().unwrap().words(), before, "{text}");
        }
    }

    #[test]
    fn what_is_compared_by_itself_is_whole_months_where_there_are_two() {
        for (days, before, after) in [
            ("2026-01-15..2026-04-10", "February 2026", "March 2026"),
            ("2026-01-01..2026-02-28", "January 2026", "February 2026"),
            ("2026-01-01..2026-02-27", "2026-01-01 to 2026-01-29", "2026-01-30 to 2026-02-27"),
            ("2026-05-01..2026-05-03", "2026-05-02", "2026-05-03"),
        ] {
            let (one, other) = Period::parse(days).unwrap().compared().unwrap();
            assert_eq!((one.words(), other.words()), (before.to_owned(), after.to_owned()), "{days}");
        }
        assert_eq!(Period::parse("2026-05-01").unwrap().compared(), None);
    }

    #[test]
    fn the_months_of_a_bill_are_offered_latest_first() {
        let names: Vec<String> = Period::parse("2025-12-20..2026-02-03")
            .unwrap()
            .presets()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["Last 7 days", "Last 30 days", "February 2026", "January 2026", "December 2025"]);
    }
}
