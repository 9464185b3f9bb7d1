//! `MLPerf`'s early stopping: what may be claimed about a percentile after so many queries.
//!
//! From `MLPerf` Inference Rules, appendix "Early Stopping Criterion", and `LoadGen`'s `early_stopping.cc`: with
//! t queries over the limit and h within it, the percentile p is met at confidence c = 0.99 if
//! P(at most t over | h + t queries that are over with chance 1 − p) < 1 − c, that is `I_p(h, t + 1)` < 0.01.
//! h(t) is the smallest such h. The tolerance d is 0, as in every benchmark of theirs.
//!
//! All of it is for queries that are independent of each other, in one run.

use serde::{Deserialize, Serialize};

use super::Percentile;
use super::quantile::not_enough;
use super::special::{binomial_at_most, first_where};

/// `MLPerf`'s confidence c.
pub const CONFIDENCE: f64 = 0.99;

/// Whether `over` slow ones among `queries` still prove the percentile.
fn proves(queries: u64, over: u64, percentile: Percentile) -> bool {
    binomial_at_most(over, queries, percentile.share_above()) < 1.0 - CONFIDENCE
}

/// h(t): fewest queries within the limit that make up for `over` queries above it. h(0) for p99 is 459.
pub fn min_within(over: u64, percentile: Percentile) -> u64 {
    let mut high = 16;
    while !proves(over + high, over, percentile) {
        high *= 2;
    }
    first_where(1, high, |within| proves(over + within, over, percentile))
}

/// Fewest queries that give an estimate: h(1) + 1.
pub fn floor(percentile: Percentile) -> u64 {
    min_within(1, percentile) + 1
}

/// The largest t with h(t) + t ≤ `queries`, from 1; `None` below [`floor`]. 77 for 10,000 queries and p99.
pub fn discardable(queries: u64, percentile: Percentile) -> Option<u64> {
    // More over means less proof, so the first t that proves nothing ends the search.
    let first_failing = first_where(1, queries.max(1), |over| !proves(queries, over, percentile));
    (first_failing > 1).then(|| first_failing - 1)
}

/// An upper bound on a percentile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// The percentile is below this latency at 99 % confidence; in nanoseconds, one of the samples.
    pub nanos: u64,
    /// It is the t-th highest sample: t − 1 higher ones are discarded.
    pub t: u64,
    /// Queries there were.
    pub queries: u64,
}

/// `MLPerf`'s early-stopping estimate: the t-th highest of ascending latencies with t from [`discardable`]; `None`
/// below [`floor`].
pub fn bound(sorted: &[u64], percentile: Percentile) -> Option<Bound> {
    let queries = sorted.len() as u64;
    let t = discardable(queries, percentile)?;
    let nanos = sorted.get(sorted.len() - usize::try_from(t).ok()?).copied()?;
    Some(Bound { nanos, t, queries })
}

/// Whether a Server run met its latency limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerVerdict {
    /// The percentile that had to stay under the limit.
    pub percentile: Percentile,
    /// Queries there were.
    pub queries: u64,
    /// Queries over the limit.
    pub over: u64,
    /// Queries it takes with so many over: h(over) + over.
    pub need: u64,
}

impl ServerVerdict {
    /// `MLPerf`'s verdict on `queries` of which `over` were over the limit.
    pub fn of(queries: u64, over: u64, percentile: Percentile) -> Self {
        Self { percentile, queries, over, need: min_within(over, percentile) + over }
    }

    /// `MLPerf`'s verdict on latencies in any order against a limit; a latency of exactly the limit is within it.
    pub fn of_latencies(latencies_nanos: &[u64], limit_nanos: u64, percentile: Percentile) -> Self {
        let over = latencies_nanos.iter().filter(|nanos| **nanos > limit_nanos).count();
        Self::of(latencies_nanos.len() as u64, over as u64, percentile)
    }

    /// Success: n ≥ h(t) + t.
    pub fn passed(&self) -> bool {
        self.queries >= self.need
    }

    /// The verdict in words.
    pub fn sentence(&self) -> String {
        let Self { percentile, queries, over, need } = self;
        let found = format!("{over} of {queries} queries over the limit");
        if self.passed() {
            format!("{percentile} within the limit at 99 % confidence: {found}")
        } else if (*over as f64) > percentile.share_above() * *queries as f64 {
            format!("{percentile} over the limit: {found}")
        } else {
            format!("{percentile} not proven: {found}, {}", not_enough(*queries, *need))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_mlperfs() {
        // MLPerf Inference rules; the same as LoadGen 6.0.17 computes.
        let floors = [
            (Percentile::P50, 11),
            (Percentile::P75, 24),
            (Percentile::P90, 64),
            (Percentile::P95, 130),
            (Percentile::P97, 219),
            (Percentile::P99, 662),
            (Percentile::P999, 6_636),
        ];
        for (percentile, queries) in floors {
            assert_eq!(floor(percentile), queries, "{percentile}");
            assert_eq!(discardable(queries, percentile), Some(1), "{percentile}");
            assert_eq!(discardable(queries - 1, percentile), None, "{percentile}");
        }
        assert_eq!(min_within(0, Percentile::P99), 459);
    }

    #[test]
    fn discards_as_many_as_mlperf() {
        // The first two from LoadGen 6.0.17 (the second from a real run's log); the others by
        // scipy.stats.binom.cdf(t, n, 1 - p) < 0.01.
        for (queries, percentile, t) in [
            (10_000, Percentile::P99, 77),
            (478, Percentile::P90, 32),
            (5_000, Percentile::P97, 122),
            (100_000, Percentile::P99, 927),
            (1_000_000, Percentile::P999, 926),
            (1_000_000, Percentile::P50, 498_836),
            (10_000_000, Percentile::P99, 99_268),
        ] {
            assert_eq!(discardable(queries, percentile), Some(t), "{queries} {percentile}");
            assert!(min_within(t, percentile) + t <= queries);
            assert!(min_within(t + 1, percentile) + t + 1 > queries);
        }
    }

    #[test]
    fn few_queries_discard_nothing() {
        for queries in 0..11 {
            assert_eq!(discardable(queries, Percentile::P50), None);
        }
        assert_eq!(bound(&[], Percentile::P99), None);
    }

    #[test]
    fn the_bound_is_the_tth_highest_sample() {
        let sorted: Vec<u64> = (1..=10_000).collect();
        // The 77th highest of 1..=10,000 is 9,924.
        assert_eq!(bound(&sorted, Percentile::P99), Some(Bound { nanos: 9_924, t: 77, queries: 10_000 }));
    }

    #[test]
    fn a_server_run_passes_when_it_has_queries_enough_for_its_slow_ones() {
        assert!(ServerVerdict::of(459, 0, Percentile::P99).passed());
        assert!(!ServerVerdict::of(458, 0, Percentile::P99).passed());
        assert!(ServerVerdict::of(10_000, 77, Percentile::P99).passed());
        let unproven = ServerVerdict::of(10_000, 78, Percentile::P99);
        assert!(!unproven.passed());
        assert!(unproven.sentence().contains("not proven"), "{}", unproven.sentence());
        let over = ServerVerdict::of_latencies(&[5, 5, 5, 9], 5, Percentile::P99);
        assert_eq!((over.over, over.passed()), (1, false));
        assert!(over.sentence().starts_with("p99 over the limit"), "{}", over.sentence());
    }
}
