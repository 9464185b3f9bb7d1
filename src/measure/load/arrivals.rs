//! When queries are to be sent: the times of an arrival process, from a seed.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Exp1, Gamma};

use crate::measure::scenario::Arrivals;

/// Intended times of sending, counted from the beginning; without end, ascending.
pub struct Schedule<'a> {
    gaps: Gaps<'a>,
    random: ChaCha8Rng,
    /// Mean gap, in seconds.
    mean: f64,
    at: f64,
}

enum Gaps<'a> {
    Constant,
    Poisson,
    Gamma(Gamma<f64>),
    /// The trace's times, its own mean gap, and the place of the next gap.
    Trace(&'a [f64], f64, usize),
}

impl<'a> Schedule<'a> {
    /// Times of `arrivals` at `rate` a second. The first query comes after a first gap.
    ///
    /// # Errors
    /// In words, for numbers no process has (see [`crate::measure::Scenario::check`]).
    pub fn new(arrivals: &'a Arrivals, rate: f64, seed: u64) -> Result<Self, String> {
        if !(rate.is_finite() && rate > 0.0) {
            return Err(format!("{rate} queries a second cannot be sent; give a number above 0"));
        }
        let gaps = match arrivals {
            Arrivals::Constant => Gaps::Constant,
            Arrivals::Poisson => Gaps::Poisson,
            // Shape k and scale θ of a gamma distribution with mean 1: k = 1/CV², θ = CV².
            Arrivals::Gamma { cv } => Gaps::Gamma(
                Gamma::new(1.0 / (cv * cv), cv * cv)
                    .map_err(|error| format!("gaps with a coefficient of variation of {cv}: {error}"))?,
            ),
            Arrivals::Trace { times_secs, name } => {
                let (Some(first), Some(last)) = (times_secs.first(), times_secs.last()) else {
                    return Err(format!("the trace {name} is empty"));
                };
                let mean = (last - first) / (times_secs.len() - 1).max(1) as f64;
                if !(mean.is_finite() && mean > 0.0) {
                    return Err(format!("the trace {name} has no length"));
                }
                Gaps::Trace(times_secs, mean, 0)
            }
        };
        Ok(Self { gaps, random: ChaCha8Rng::seed_from_u64(seed), mean: 1.0 / rate, at: 0.0 })
    }

    /// The next gap, in mean gaps.
    fn gap(&mut self) -> f64 {
        match &mut self.gaps {
            Gaps::Constant => 1.0,
            Gaps::Poisson => Exp1.sample(&mut self.random),
            Gaps::Gamma(gamma) => gamma.sample(&mut self.random),
            Gaps::Trace(times, mean, place) => {
                let gap = if let Some([from, to]) = times.get(*place..*place + 2) {
                    *place += 1;
                    (to - from) / *mean
                } else {
                    // From the last arrival to the first again: a mean gap, since nobody knows it.
                    *place = 0;
                    1.0
                };
                gap.max(0.0)
            }
        }
    }
}

impl Iterator for Schedule<'_> {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.at += self.gap() * self.mean;
        Duration::try_from_secs_f64(self.at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(arrivals: &Arrivals, rate: f64, count: usize) -> Vec<f64> {
        let times: Vec<f64> = std::iter::once(0.0)
            .chain(Schedule::new(arrivals, rate, 11).unwrap().take(count).map(|time| time.as_secs_f64()))
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn mean_and_cv(gaps: &[f64]) -> (f64, f64) {
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        (mean, variance.sqrt() / mean)
    }

    #[test]
    fn each_process_has_its_rate_and_its_burstiness() {
        // Standard errors of 100,000 gaps: mean 0.3 % × CV, CV about 1 % for CV 3.
        for (arrivals, cv) in [
            (Arrivals::Constant, 0.0),
            (Arrivals::Poisson, 1.0),
            (Arrivals::Gamma { cv: 0.5 }, 0.5),
            (Arrivals::Gamma { cv: 3.0 }, 3.0),
        ] {
            let (mean, found) = mean_and_cv(&gaps(&arrivals, 200.0, 100_000));
            assert!((mean * 200.0 - 1.0).abs() < 0.04, "{arrivals:?}: mean {mean}");
            assert!((found - cv).abs() <= 0.06 * cv + 1e-6, "{arrivals:?}: CV {found}");
        }
    }

    #[test]
    fn a_trace_keeps_its_pattern_at_another_rate_and_begins_again() {
        let trace = Arrivals::Trace { times_secs: vec![10.0, 11.0, 11.0, 14.0], name: "t".to_owned() };
        // Mean gap 4/3 s; at 3/s a third of a second: gaps 1, 0, 3 s become 0.25, 0, 0.75 s; then one mean gap.
        let found = gaps(&trace, 3.0, 6);
        for (found, expected) in found.iter().zip([0.25, 0.0, 0.75, 1.0 / 3.0, 0.25, 0.0]) {
            assert!((found - expected).abs() < 1e-8, "{found} {expected}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_times_and_nonsense_is_refused() {
        let times = |seed| Schedule::new(&Arrivals::Poisson, 5.0, seed).unwrap().take(5).collect::<Vec<_>>();
        assert_eq!(times(3), times(3));
        assert_ne!(times(3), times(4));
        assert!(Schedule::new(&Arrivals::Poisson, 0.0, 1).is_err());
        assert!(Schedule::new(&Arrivals::Poisson, f64::NAN, 1).is_err());
        let still = Arrivals::Trace { times_secs: vec![1.0, 1.0], name: "t".to_owned() };
        assert!(Schedule::new(&still, 1.0, 1).is_err());
    }
}
