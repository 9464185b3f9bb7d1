//! A calendar day in UTC, as the watch counts: a number that can be added to, written as a date.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bill::moment::{self, PER_DAY, PER_SEC};

/// Days since 1970-01-01 UTC. Written and read as `2026-05-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Day(pub i64);

impl Day {
    /// The day a moment in microseconds falls on.
    pub fn of_micros(micros: i64) -> Self {
        Self(micros.div_euclid(PER_DAY))
    }

    /// Reads `2026-05-01` or `2026-05` (its first day).
    pub fn read(text: &str) -> Option<Self> {
        moment::read_span(text).map(|(start, _end)| Self::of_micros(start))
    }

    /// Midnight in seconds since 1970-01-01 UTC.
    pub fn unix_secs(self) -> i64 {
        self.0 * (PER_DAY / PER_SEC)
    }

    /// So many days later.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self(self.0 + days)
    }

    /// The day at a place in a series that begins with this one.
    #[must_use]
    pub fn at(self, place: usize) -> Self {
        // A series has some thousands of days.
        self.plus(i64::try_from(place).unwrap_or(i64::MAX - self.0))
    }

    /// The first day of its month.
    #[must_use]
    pub fn month_start(self) -> Self {
        moment::month_start(self.0 * PER_DAY).map_or(self, Self::of_micros)
    }

    /// The first day of the month after its own.
    #[must_use]
    pub fn next_month(self) -> Self {
        moment::next_month(self.0 * PER_DAY).map_or(self, Self::of_micros)
    }

    /// `2026-05`.
    pub fn month_words(self) -> String {
        self.to_string().chars().take(7).collect()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = moment::show(self.0.saturating_mul(PER_DAY));
        f.write_str(text.split('T').next().unwrap_or(&text))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a date")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days by `date -u -d 2026-05-01 +%s` ÷ 86,400.
    #[test]
    fn a_day_is_written_as_a_date_and_knows_its_month() {
        let day = Day::read("2026-05-17").unwrap();
        assert_eq!(day, Day(20_590));
        assert_eq!(day.to_string(), "2026-05-17");
        assert_eq!(
            (day.month_start().to_string(), day.next_month().to_string()),
            ("2026-05-01".into(), "2026-06-01".into())
        );
        assert_eq!(day.month_words(), "2026-05");
        assert_eq!(serde_json::from_str::<Day>(&serde_json::to_string(&day).unwrap()).unwrap(), day);
        assert!(serde_json::from_str::<Day>("\"May\"").is_err());
    }
}
