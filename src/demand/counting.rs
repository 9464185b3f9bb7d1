//! Requests counted as they are read, and how far apart rows are: in memory that does not grow with the file.

use std::collections::HashMap;

use super::Trace;

/// Nanoseconds in a second.
pub(super) const NANOS: i64 = 1_000_000_000;
/// Distances told apart exactly; of more, those that were met seldom are forgotten.
const MOST_DISTANCES: usize = 65_536;

/// One row a request: how many fall into each interval, of a second up to a day, of a minute up to a year, else of an
/// hour. Intervals begin at whole seconds, minutes and hours, so that finer ones add up to coarser ones.
#[derive(Debug, Default)]
pub(super) struct Requests {
    interval_secs: i64,
    /// The first interval, counted from 1970.
    start: i64,
    counts: Vec<f64>,
    first: i64,
    /// How many there are.
    pub(super) rows: usize,
}

impl Requests {
    /// Counts a request; none is earlier than the one before.
    pub(super) fn push(&mut self, nanos: i64) {
        if self.rows == 0 {
            self.first = nanos;
            (self.interval_secs, self.start) = (1, nanos.div_euclid(NANOS));
        }
        self.rows += 1;
        // As far apart as two times in nanoseconds can be.
        let span_secs = (i128::from(nanos) - i128::from(self.first)) / i128::from(NANOS);
        self.coarsen(match span_secs {
            0..=86_400 => 1,
            86_401..=31_622_400 => 60,
            _ => 3_600,
        });
        let place = nanos.div_euclid(self.interval_secs * NANOS) - self.start;
        // INVARIANT: sorted, so none lies before the first; 600 years have 5 million hours.
        let Ok(place) = usize::try_from(place) else { return };
        if self.counts.len() <= place {
            self.counts.resize(place + 1, 0.0);
        }
        self.counts[place] += 1.0;
    }

    /// Adds up what is counted to intervals of so many seconds, where they are longer.
    fn coarsen(&mut self, interval_secs: i64) {
        if interval_secs <= self.interval_secs {
            return;
        }
        let factor = interval_secs / self.interval_secs;
        let start = self.start.div_euclid(factor);
        let mut counts = Vec::new();
        for (interval, count) in (self.start..).zip(&self.counts) {
            let place = usize::try_from(interval.div_euclid(factor) - start).unwrap_or(0);
            if counts.len() <= place {
                counts.resize(place + 1, 0.0);
            }
            counts[place] += count;
        }
        (self.interval_secs, self.start, self.counts) = (interval_secs, start, counts);
    }

    /// The trace; empty without rows.
    pub(super) fn trace(self, source: &str) -> Trace {
        Trace {
            source: source.to_owned(),
            start_unix_secs: self.start * self.interval_secs,
            interval_secs: self.interval_secs as f64,
            requests: self.counts,
            gaps: Vec::new(),
        }
    }
}

/// How often rows are how far apart.
#[derive(Debug, Default)]
pub(super) struct Distances {
    counts: HashMap<i64, usize>,
    last: Option<i64>,
    rows: usize,
}

impl Distances {
    /// The next row's time, in nanoseconds.
    pub(super) fn push(&mut self, nanos: i64) {
        self.rows += 1;
        if let Some(last) = self.last.replace(nanos) {
            *self.counts.entry(nanos.saturating_sub(last)).or_default() += 1;
        }
        // A distance that most rows have is met again before so many others are.
        let mut seldom = 1;
        while self.counts.len() > MOST_DISTANCES {
            self.counts.retain(|_, count| *count > seldom);
            seldom *= 2;
        }
    }

    /// The most frequent one, in nanoseconds, the shorter of equally frequent ones, and how frequent it is.
    pub(super) fn usual(&self) -> Option<(i64, usize)> {
        let counts = self.counts.iter().map(|(distance, count)| (*distance, *count));
        counts.max_by_key(|(distance, count)| (*count, std::cmp::Reverse(*distance)))
    }

    /// Seconds between rows, when nine in ten are equally far apart and a second or more: then they are intervals
    /// under an unknown name, not single requests.
    pub(super) fn even(&self) -> Option<f64> {
        let (distance, count) = self.usual()?;
        (self.rows > 2 && distance >= NANOS && count * 10 >= (self.rows - 1) * 9)
            .then(|| distance as f64 / NANOS as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_on_the_way_is_counting_at_the_end() {
        // A request each 37 minutes 11.3 s from a moment before 1970 on: a day in seconds, a year in minutes, then hours.
        let step = 2_231_300_000_000_i64;
        for (rows, interval_secs) in [(30, 1), (2_000, 60), (20_000, 3_600)] {
            let times: Vec<i64> = (0..rows).map(|row| -5_000_000_000_001 + row * step).collect();
            let mut requests = Requests::default();
            for nanos in &times {
                requests.push(*nanos);
            }
            let trace = requests.trace("x");
            let width = interval_secs * NANOS;
            let start = times[0].div_euclid(width);
            let mut expected = vec![0.0; (times[times.len() - 1].div_euclid(width) - start) as usize + 1];
            for nanos in &times {
                expected[(nanos.div_euclid(width) - start) as usize] += 1.0;
            }
            assert_eq!(
                (trace.start_unix_secs, trace.interval_secs),
                (start * interval_secs, interval_secs as f64)
            );
            assert_eq!(trace.requests, expected);
        }
    }

    #[test]
    fn the_usual_distance_is_found_among_more_than_can_be_kept() {
        let mut distances = Distances::default();
        let mut nanos = 0;
        for row in 0..1_000_000_i64 {
            // Each tenth row has a distance of its own.
            nanos += if row % 10 == 0 { 2 * NANOS + row } else { 3 * NANOS };
            distances.push(nanos);
        }
        assert!(distances.counts.len() <= MOST_DISTANCES);
        assert_eq!(distances.usual(), Some((3 * NANOS, 900_000)));
        assert_eq!(distances.even(), Some(3.0));
    }
}
