//! How many machines one measured configuration needs. Knows speeds and limits, nothing of money.

use super::mdc::{self, falling_root};
use super::poisson::at_most;
use super::{Measured, Question};

/// An offer of more machines than this is no offer.
const MOST_REPLICAS: u64 = 1_000_000;

/// The share of requests the limit is stated for.
const P99: f64 = 0.99;

/// What one configuration needs for the demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sizing {
    /// Machines: the fewest that keep to the utilisation target and the limit; to the target alone where no
    /// number keeps to the limit.
    pub replicas: u64,
    /// Average use of the measured throughput.
    pub utilisation: f64,
    /// Estimated 99th percentile, waiting included; `None` when a batch never fills.
    pub p99_ms: Option<f64>,
    /// Its parts that no machine more can shorten: filling a batch and the service itself.
    pub fill_p99_ms: f64,
    /// See `fill_p99_ms`.
    pub service_p99_ms: f64,
    /// Within the limit.
    pub meets_limit: bool,
}

/// The fewest machines of `sessions` sessions each, `speed` times as fast as the measured one.
///
/// The model: one queue before all sessions, requests arrive as a Poisson process, a dispatcher sends `batch` of
/// them at a time to the next free session.
/// - Service time D = the longer of the median latency and batch ÷ throughput, ÷ speed. The second is the mean
///   time a session is taken, and a queue's stability hangs on the mean.
/// - Waiting: a batch of b leaves at every b-th request, so batches come at Erlang-b distances, more evenly than a
///   Poisson process. With equal service times first come is first done, so c servers take batches in turn and each
///   sees every (b·c)-th request: exactly what one server of M/D/(b·c) sees. So the wait is that of M/D/(b·c) under
///   the load λ·D ([`mdc::wait_percentile`]; b = 1 is plain M/D/c).
/// - Filling: the first request of a batch waits for batch − 1 more, an Erlang(batch − 1, λ) time, of which the
///   99th percentile is taken.
/// - p99 = p99 of filling + p99 of waiting + p99 of service. Adding percentiles of parts is not exact; the parts
///   are rarely all slow for the same request, so the sum is usually above the true percentile: in simulation by
///   nothing at batch 1 and by 20–55 % with batches. It is an estimate on the safe side.
///
/// `None` when more than a million machines would be needed.
pub(super) fn size(question: &Question, measured: &Measured, sessions: u64, speed: f64) -> Option<Sizing> {
    let Question { rps, p99_limit_ms, utilisation, .. } = *question;
    let batch = measured.batch as f64;
    let capacity = measured.throughput_per_second * speed * sessions as f64;
    // Rounding noise must not cost a machine: 100 ÷ (100 × 0.5) is 2.
    let least = (rps / (capacity * utilisation) * (1.0 - 1e-12)).ceil().max(1.0);
    if least > MOST_REPLICAS as f64 {
        return None;
    }
    let least = least as u64;
    let service_ms = measured.p50_ms.max(batch / measured.throughput_per_second * 1e3) / speed;
    let load = rps * service_ms / 1e3;
    let service_p99_ms = measured.p99_ms / speed;
    let fill_p99_ms = fill_p99_secs(measured.batch, rps) * 1e3;
    let fixed_ms = fill_p99_ms + service_p99_ms;
    let p99_ms = |replicas: u64| {
        mdc::wait_percentile(replicas.saturating_mul(sessions).saturating_mul(measured.batch), load, P99)
            .map_or(f64::INFINITY, |wait| fixed_ms + wait * service_ms)
    };
    let sized = |replicas: u64, p99: f64| Sizing {
        replicas,
        utilisation: rps / (capacity * replicas as f64),
        p99_ms: p99.is_finite().then_some(p99),
        fill_p99_ms,
        service_p99_ms,
        meets_limit: p99 <= p99_limit_ms,
    };
    let first = p99_ms(least);
    if first <= p99_limit_ms || fixed_ms > p99_limit_ms {
        return Some(sized(least, first));
    }
    // Waiting shrinks with every machine and reaches zero: gallop to a number that is enough, then halve.
    let (mut short, mut enough, mut step) = (least, least, 1);
    let mut p99;
    loop {
        enough = enough.saturating_add(step).min(MOST_REPLICAS);
        p99 = p99_ms(enough);
        if p99 <= p99_limit_ms {
            break;
        }
        if enough == MOST_REPLICAS {
            return None;
        }
        short = enough;
        step *= 2;
    }
    while enough - short > 1 {
        let middle = short.midpoint(enough);
        let there = p99_ms(middle);
        if there <= p99_limit_ms { (enough, p99) = (middle, there) } else { short = middle }
    }
    Some(sized(enough, p99))
}

/// The time in which the first request of a batch has seen `batch − 1` others arrive with probability 0.99, in
/// seconds; infinite when no requests come. P(Erlang(n, λ) > t) = P(Poisson(λt) < n).
pub(super) fn fill_p99_secs(batch: u64, rps: f64) -> f64 {
    let missing = batch.saturating_sub(1) as f64;
    if missing == 0.0 {
        0.0
    } else if rps > 0.0 {
        falling_root(|arrivals| at_most(arrivals, missing - 1.0), 1.0 - P99, 0.5) / rps
    } else {
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(rps: f64, p99_limit_ms: f64, utilisation: f64) -> Question {
        Question { rps, p99_limit_ms, utilisation, today_per_month: None, currency: "USD".to_owned() }
    }

    fn measured(batch: u64, p50_ms: f64, p99_ms: f64, throughput_per_second: f64) -> Measured {
        Measured {
            id: "m".to_owned(),
            variant: "m.onnx".to_owned(),
            batch,
            threads: 2,
            provider: "CPU".to_owned(),
            p50_ms,
            p99_ms,
            throughput_per_second,
            peak_memory_bytes: Some(1 << 30),
            accuracy: None,
            same_machine: true,
            samples: 1_000,
        }
    }

    /// 100/s at half of 100/s each is exactly two machines, not three for a rounding error.
    #[test]
    fn the_utilisation_target_sets_the_least_number_of_machines() {
        let fast = measured(1, 10.0, 12.0, 100.0);
        for (rps, utilisation, replicas) in
            [(100.0, 0.5, 2), (100.0, 0.1, 10), (30.0, 0.3, 1), (30.1, 0.3, 2), (0.0, 0.6, 1)]
        {
            let sizing = size(&question(rps, 1e6, utilisation), &fast, 1, 1.0).unwrap();
            assert_eq!(sizing.replicas, replicas, "{rps}/s at {utilisation}");
            assert!(sizing.utilisation <= utilisation + 1e-9 && sizing.meets_limit);
        }
    }

    /// M/D/4 at ρ = 0.9 waits 5.339 service times at p99 (exact distribution; simulation in the planning notes
    /// gives 6.55 ± 0.39 with service): 10 ms of service make 53.4 ms, plus 12 ms of service p99.
    #[test]
    fn waiting_is_that_of_m_d_c() {
        let one = measured(1, 10.0, 12.0, 100.0);
        let sizing = size(&question(360.0, 66.0, 0.95), &one, 4, 1.0).unwrap();
        assert_eq!(sizing.replicas, 1);
        assert!((sizing.p99_ms.unwrap() - (53.39 + 12.0)).abs() < 0.1, "{sizing:?}");
        let tighter = size(&question(360.0, 40.0, 0.95), &one, 4, 1.0).unwrap();
        assert_eq!((tighter.replicas, tighter.meets_limit), (2, true));
    }

    /// One server taking batches of four sees every fourth request, like each server of M/D/4: the same wait.
    #[test]
    fn batches_wait_like_requests_at_as_many_times_the_servers() {
        let four = measured(4, 10.0, 12.0, 400.0);
        let sizing = size(&question(360.0, 1e6, 1.0), &four, 1, 1.0).unwrap();
        let waited = sizing.p99_ms.unwrap() - sizing.fill_p99_ms - sizing.service_p99_ms;
        assert!((waited - 53.39).abs() < 0.1, "{sizing:?}");
    }

    #[test]
    fn more_machines_than_needed_are_never_taken() {
        for limit in [13.0, 14.0, 20.0, 40.0] {
            for rps in [10.0, 95.0, 450.0, 3_000.0, 98_765.0] {
                let one = measured(1, 10.0, 12.0, 100.0);
                let sizing = size(&question(rps, limit, 1.0), &one, 3, 1.0).unwrap();
                assert!(sizing.meets_limit, "{rps}/s within {limit} ms: {sizing:?}");
                let fewer = sizing.replicas - 1;
                let too_few = fewer == 0
                    || mdc::wait_percentile(fewer * 3, rps / 100.0, P99)
                        .is_none_or(|wait| 12.0 + wait * 10.0 > limit);
                assert!(too_few, "{rps}/s within {limit} ms: {fewer} would do");
            }
        }
    }

    #[test]
    fn a_limit_below_the_service_time_is_met_by_no_number_of_machines() {
        let sizing = size(&question(360.0, 11.9, 0.9), &measured(1, 10.0, 12.0, 100.0), 4, 1.0).unwrap();
        assert!(!sizing.meets_limit && sizing.replicas == 1 && sizing.p99_ms.unwrap() > 12.0);
        let twice_as_fast =
            size(&question(360.0, 11.9, 0.9), &measured(1, 10.0, 12.0, 100.0), 4, 2.0).unwrap();
        assert!(twice_as_fast.meets_limit);
    }

    /// 99th percentiles of Erlang(n, 1): half the chi-squared quantile with 2n degrees of freedom
    /// (9.210340, 16.811894 and 29.141238 in the tables).
    #[test]
    fn filling_a_batch_takes_an_erlang_time() {
        for (batch, expected) in [(1, 0.0), (2, 4.605_170), (4, 8.405_947), (8, 14.570_619)] {
            let got = fill_p99_secs(batch, 1.0);
            assert!((got - expected).abs() < 1e-6, "batch {batch}: {got}, not {expected}");
        }
        assert!((fill_p99_secs(4, 100.0) - 0.084_059_47).abs() < 1e-8);
        let idle = size(&question(0.0, 50.0, 0.6), &measured(4, 10.0, 12.0, 400.0), 1, 1.0).unwrap();
        assert_eq!((idle.p99_ms, idle.meets_limit, idle.replicas), (None, false, 1));
    }

    #[test]
    fn demands_beyond_a_million_machines_are_refused() {
        assert_eq!(size(&question(1e12, 50.0, 0.6), &measured(1, 10.0, 12.0, 100.0), 1, 1.0), None);
        assert!(size(&question(5e7, 50.0, 0.6), &measured(1, 10.0, 12.0, 100.0), 1, 1.0).is_some());
    }
}
