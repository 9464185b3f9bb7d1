//! Arrival times from the counts of a trace.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Trace;

impl Trace {
    /// Arrival times in seconds since the trace's start, ascending, at most `most`. Counts say how many requests
    /// came in an interval, not when: they are spread over it at random, which for a count is what a Poisson process
    /// does. Fractions of a request are carried to the next interval.
    pub fn arrival_times(&self, seed: u64, most: usize) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut times, mut carried) = (Vec::new(), 0.0);
        for (place, count) in self.requests.iter().enumerate() {
            carried += count;
            let whole = carried.floor().max(0.0);
            carried -= whole;
            let begin = place as f64 * self.interval_secs;
            let from = times.len();
            let room = most - from;
            for _ in 0..(whole.min(room as f64) as usize) {
                // 53 random bits are all that a number in [0, 1) holds.
                let share = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                times.push(begin + share * self.interval_secs);
            }
            times[from..].sort_by(f64::total_cmp);
            if times.len() == most {
                break;
            }
        }
        times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_that_many_times_inside_their_interval() {
        let trace = Trace {
            source: "t".to_owned(),
            start_unix_secs: 0,
            interval_secs: 60.0,
            requests: vec![3.0, 0.0, 1.5, 1.5],
            gaps: Vec::new(),
        };
        let times = trace.arrival_times(7, 1_000);
        assert!(times.is_sorted());
        let inside = |from: f64, to: f64| times.iter().filter(|time| (from..to).contains(*time)).count();
        // 1.5 and 1.5 are one and, with the half carried over, two.
        assert_eq!(
            [inside(0.0, 60.0), inside(60.0, 120.0), inside(120.0, 180.0), inside(180.0, 240.0)],
            [3, 0, 1, 2]
        );
        assert_eq!(trace.arrival_times(7, 2).len(), 2);
        assert_eq!(times, trace.arrival_times(7, 1_000));
    }
}
