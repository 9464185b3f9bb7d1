//! Percentiles of samples: which sample one is, how sure it is, and when there are too few samples to say.
//!
//! A percentile of one run is a sample, not an interpolation: the one at rank ⌈p·n⌉ of the sorted latencies, which is the
//! inverse of the empirical distribution function (type 1 of Hyndman and Fan, "Sample Quantiles in Statistical
//! Packages", The American Statistician 50(4), 1996). Ranks are computed in integers, so that 95 % of 20 samples is
//! the 19th and never the 20th by a rounding error. Of several runs it is another number: see [`super::bootstrap`].

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{early_stopping, special};
use crate::units::duration_ms;

/// What our percentiles are, in words for reports and tooltips.
pub const DEFINITION: &str = "Of one run, a percentile is the sample at rank ⌈p·n⌉ of the sorted latencies (the \
    inverse of the empirical distribution function, Hyndman–Fan type 1), not interpolated. Of several runs it is that \
    of a typical run: the geometric mean of the runs' own, each interpolated on logarithms at position p·n + ½ \
    (Hazen, Hyndman–Fan type 5). Where one of several runs is too short to have the percentile, it is the sample at \
    rank ⌈p·n⌉ of all runs together.";

/// A percentile as a count of tenths of a percent, from 0.1 % to 99.9 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Percentile(u16);

impl Percentile {
    /// The median.
    pub const P50: Self = Self(500);
    /// 75 %.
    pub const P75: Self = Self(750);
    /// 90 %.
    pub const P90: Self = Self(900);
    /// 95 %.
    pub const P95: Self = Self(950);
    /// 97 %.
    pub const P97: Self = Self(970);
    /// 99 %.
    pub const P99: Self = Self(990);
    /// 99.9 %.
    pub const P999: Self = Self(999);
    /// The set shown everywhere.
    pub const USUAL: [Self; 5] = [Self::P50, Self::P90, Self::P95, Self::P99, Self::P999];

    /// The percentile of so many tenths of a percent; `None` outside 1..=999.
    pub const fn from_per_mille(per_mille: u16) -> Option<Self> {
        if per_mille >= 1 && per_mille <= 999 { Some(Self(per_mille)) } else { None }
    }

    /// Tenths of a percent: 999 for 99.9 %.
    pub const fn per_mille(self) -> u16 {
        self.0
    }

    /// The share of samples at or below it, 0.99 for 99 %.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1_000.0
    }

    /// The share of samples above it, 0.01 for 99 %, without the rounding of 1 − 0.99.
    pub fn share_above(self) -> f64 {
        f64::from(1_000 - self.0) / 1_000.0
    }

    /// The 1-based rank ⌈p·n⌉ among `samples`; `None` when there are none.
    pub fn rank(self, samples: usize) -> Option<usize> {
        // INVARIANT: the share is below 1, so the rank is at most `samples` and fits.
        (samples > 0).then(|| (u128::from(self.0) * samples as u128).div_ceil(1_000) as usize)
    }

    /// The sample at rank ⌈p·n⌉ of ascending latencies; `None` without samples. See [`DEFINITION`].
    pub fn of(self, sorted: &[u64]) -> Option<u64> {
        sorted.get(self.rank(sorted.len())? - 1).copied()
    }

    /// What `MLPerf` `LoadGen` prints: `sorted[⌊n·p⌋]` counted from 0, at most one rank above [`Percentile::of`].
    pub fn of_as_loadgen(self, sorted: &[u64]) -> Option<u64> {
        sorted.get((u128::from(self.0) * sorted.len() as u128 / 1_000) as usize).copied()
    }

    /// Fewest samples that can say anything about it at 99 % confidence, by `MLPerf`'s early stopping:
    /// 11 (p50), 24 (p75), 64, 130, 219, 662 and 6,636 (p99.9).
    pub fn floor(self) -> u64 {
        early_stopping::floor(self)
    }
}

impl fmt::Display for Percentile {
    /// `p50`, `p99.9`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(10) {
            write!(f, "p{}", self.0 / 10)
        } else {
            write!(f, "p{}.{}", self.0 / 10, self.0 % 10)
        }
    }
}

impl From<Percentile> for u16 {
    fn from(percentile: Percentile) -> Self {
        percentile.0
    }
}

impl TryFrom<u16> for Percentile {
    type Error = String;

    fn try_from(per_mille: u16) -> Result<Self, String> {
        Self::from_per_mille(per_mille)
            .ok_or_else(|| format!("a percentile is 1 to 999 tenths of a percent, not {per_mille}"))
    }
}

/// The two samples between which a percentile of the distribution lies with the chance asked for, if the samples are
/// independent of each other.
///
/// Within one run they hardly ever are, and run-to-run differences are larger still: this is the narrowest interval
/// one may show, beside an interval over runs and never instead of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranks {
    /// 1-based rank of the lower end; `None` when it lies below the smallest sample.
    pub low: Option<usize>,
    /// 1-based rank of the upper end; `None` when it lies above the largest sample.
    pub high: Option<usize>,
}

/// The two-sided order-statistic interval (David and Nagaraja, *Order Statistics*, 3rd ed., §7.1): ranks l and u
/// with P(fewer than l samples below the percentile) and P(at least u below it) each at most (1 − `level`) ÷ 2.
pub fn interval_ranks(percentile: Percentile, samples: usize, level: f64) -> Ranks {
    let (count, share) = (samples as u64, percentile.share());
    let tail = 0.5 * (1.0 - level);
    let low = special::binomial_quantile(tail, count, share) as usize;
    let high = special::binomial_quantile(1.0 - tail, count, share) as usize + 1;
    Ranks { low: (low >= 1 && samples > 0).then_some(low), high: (high <= samples).then_some(high) }
}

/// A percentile as it may be shown: a value, or the reason why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Shown {
    /// There are enough samples.
    Value {
        /// The percentile, in nanoseconds; a sample where one run was made, the typical run's value over several.
        nanos: f64,
        /// The samples it rests on, over all runs.
        samples: u64,
    },
    /// Too few samples to say it.
    NotEnough {
        /// Samples there are.
        have: u64,
        /// Samples it takes ([`Percentile::floor`]).
        need: u64,
    },
}

impl Shown {
    /// The percentile of ascending latencies, where there are enough of them.
    pub fn of(percentile: Percentile, sorted: &[u64]) -> Self {
        let (have, need) = (sorted.len() as u64, percentile.floor());
        match percentile.of(sorted) {
            Some(nanos) if have >= need => Self::Value { nanos: nanos as f64, samples: have },
            _ => Self::NotEnough { have, need },
        }
    }

    /// The value in nanoseconds, if there is one.
    pub fn nanos(self) -> Option<f64> {
        match self {
            Self::Value { nanos, .. } => Some(nanos),
            Self::NotEnough { .. } => None,
        }
    }
}

impl fmt::Display for Shown {
    /// `1.23 ms`, or `not enough samples: 300 of 662`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { nanos, .. } => f.write_str(&duration_ms(nanos / 1e6)),
            Self::NotEnough { have, need } => f.write_str(&not_enough(*have, *need)),
        }
    }
}

/// `not enough samples: 300 of 662`, with thousands grouped.
pub(super) fn not_enough(have: u64, need: u64) -> String {
    use crate::units::group_thousands;
    format!("not enough samples: {} of {}", group_thousands(have.into()), group_thousands(need.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_at_the_ceiled_rank() {
        // numpy.percentile(range(1, n + 1), p, method="inverted_cdf"), numpy 2.2.
        let of = |n: u64| {
            let sorted: Vec<u64> = (1..=n).collect();
            [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99]
                .map(|p| p.of(&sorted).unwrap())
        };
        assert_eq!(of(100), [50, 90, 95, 99]);
        assert_eq!(of(20), [10, 18, 19, 20]);
        assert_eq!(of(3), [2, 3, 3, 3]);
        assert_eq!(Percentile::P50.of(&[]), None);
        let thousand: Vec<u64> = (1..=1_000).collect();
        assert_eq!(Percentile::P999.of(&thousand), Some(999));
        assert_eq!(Percentile::P999.of_as_loadgen(&thousand), Some(1_000));
        assert_eq!(Percentile::P97.of(&thousand), Some(970));
    }

    #[test]
    fn loadgen_takes_the_next_sample_where_the_rank_is_whole() {
        let ten: Vec<u64> = (1..=10).collect();
        assert_eq!((Percentile::P90.of(&ten), Percentile::P90.of_as_loadgen(&ten)), (Some(9), Some(10)));
        let eleven: Vec<u64> = (1..=11).collect();
        assert_eq!(
            (Percentile::P90.of(&eleven), Percentile::P90.of_as_loadgen(&eleven)),
            (Some(10), Some(10))
        );
    }

    #[test]
    fn interval_ranks_are_the_binomials() {
        // scipy.stats.binom: (ppf(0.025), ppf(0.975) + 1).
        let ranks = |percentile, samples| {
            let Ranks { low, high } = interval_ranks(percentile, samples, 0.95);
            (low, high)
        };
        assert_eq!(ranks(Percentile::P50, 1_000), (Some(469), Some(532)));
        assert_eq!(ranks(Percentile::P90, 1_000), (Some(881), Some(919)));
        assert_eq!(ranks(Percentile::P95, 1_000), (Some(936), Some(964)));
        assert_eq!(ranks(Percentile::P99, 1_000), (Some(983), Some(997)));
        assert_eq!(ranks(Percentile::P99, 300), (Some(293), None));
        assert_eq!(ranks(Percentile::P999, 10_000), (Some(9_983), Some(9_997)));
        assert_eq!(ranks(Percentile::P50, 6), (Some(1), Some(6)));
        assert_eq!(ranks(Percentile::P50, 5), (None, None));
        assert_eq!(ranks(Percentile::P50, 0), (None, None));
    }

    #[test]
    fn too_few_samples_are_words_and_never_a_number() {
        let sorted: Vec<u64> = (1..=300).map(|n| n * 1_000_000).collect();
        assert_eq!(Shown::of(Percentile::P99, &sorted).to_string(), "not enough samples: 300 of 662");
        assert_eq!(Shown::of(Percentile::P999, &sorted).to_string(), "not enough samples: 300 of 6,636");
        assert_eq!(Shown::of(Percentile::P50, &sorted).to_string(), "150 ms");
        assert_eq!(Shown::of(Percentile::P50, &[]).nanos(), None);
    }

    #[test]
    fn names_are_the_fields() {
        assert_eq!(
            (Percentile::P50.to_string(), Percentile::P999.to_string()),
            ("p50".into(), "p99.9".into())
        );
        assert!(Percentile::from_per_mille(0).is_none() && Percentile::from_per_mille(1_000).is_none());
    }
}
