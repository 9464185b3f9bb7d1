//! A trace in a few numbers, and demand worked out from money.

use serde::{Deserialize, Serialize};

use super::Trace;
use crate::units::{HOURS_PER_MONTH, Money};

/// How much is asked for. Rates are requests per second over the intervals that are known.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// All requests.
    pub requests: f64,
    /// Length of all known intervals together, in seconds.
    pub duration_secs: f64,
    /// Average rate.
    pub mean_rps: f64,
    /// 95 % of the intervals ask for no more: the interval at rank ⌈0.95·n⌉ (Hyndman–Fan type 1).
    pub p95_rps: f64,
    /// The busiest interval.
    pub peak_rps: f64,
    /// The busiest hour: the most in any run of intervals that make up an hour; the whole trace when it is
    /// shorter, the busiest interval when that is longer than an hour.
    pub peak_hour_rps: f64,
}

impl Trace {
    /// `None` for a trace without intervals, or whose interval has no length.
    pub fn summary(&self) -> Option<Summary> {
        let Self { requests, interval_secs, .. } = self;
        if requests.is_empty() || !interval_secs.is_finite() || *interval_secs <= 0.0 {
            return None;
        }
        let count = requests.len();
        let total: f64 = requests.iter().sum();
        let duration_secs = interval_secs * count as f64;
        let mut sorted = requests.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        let rank = ((0.95 * count as f64).ceil() as usize).clamp(1, count);
        let window = ((3_600.0 / interval_secs).round() as usize).clamp(1, count);
        Some(Summary {
            requests: total,
            duration_secs,
            mean_rps: total / duration_secs,
            p95_rps: sorted[rank - 1] / interval_secs,
            peak_rps: sorted[count - 1] / interval_secs,
            peak_hour_rps: busiest_run(requests, window) / (window as f64 * interval_secs),
        })
    }
}

/// The largest sum of `window` neighbours.
fn busiest_run(requests: &[f64], window: usize) -> f64 {
    let mut sum: f64 = requests[..window].iter().sum();
    let mut most = sum;
    for (leaving, entering) in requests.iter().zip(&requests[window..]) {
        sum += entering - leaving;
        most = most.max(sum);
    }
    most
}

/// Requests per second behind a sum paid per month of 730 hours, when one request costs `cost_each`; `None` when
/// a request costs nothing or less, or the sum is negative.
pub fn from_spend(per_month: Money, cost_each: Money) -> Option<f64> {
    if cost_each <= Money::ZERO || per_month < Money::ZERO {
        return None;
    }
    Some(per_month.to_f64() / cost_each.to_f64() / (HOURS_PER_MONTH * 3_600.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(interval_secs: f64, requests: Vec<f64>) -> Trace {
        Trace { interval_secs, requests, ..Trace::default() }
    }

    #[test]
    fn a_trace_is_summed_up_in_rates() {
        // Twenty half hours of 1,800, 3,600, … requests: 1, 2, … 20 a second.
        let summary = trace(1_800.0, (1..=20).map(|i| f64::from(i) * 1_800.0).collect()).summary().unwrap();
        let expected = Summary {
            requests: 378_000.0,
            duration_secs: 36_000.0,
            mean_rps: 10.5,
            p95_rps: 19.0,
            peak_rps: 20.0,
            peak_hour_rps: 19.5,
        };
        assert_eq!(summary, expected);
    }

    #[test]
    fn the_busiest_hour_lies_anywhere_and_fits_any_interval() {
        let minutes: Vec<f64> = (0..600).map(|i| if (95..155).contains(&i) { 60.0 } else { 6.0 }).collect();
        assert!((trace(60.0, minutes).summary().unwrap().peak_hour_rps - 1.0).abs() < 1e-9);
        let short = trace(60.0, vec![60.0, 120.0]).summary().unwrap();
        assert!((short.peak_hour_rps - 1.5).abs() < 1e-12);
        let days = trace(86_400.0, vec![86_400.0, 172_800.0]).summary().unwrap();
        assert!((days.peak_hour_rps - 2.0).abs() < 1e-12);
        assert_eq!(trace(60.0, Vec::new()).summary(), None);
        assert_eq!(trace(0.0, vec![1.0]).summary(), None);
    }

    /// 2,628 a month at 0.001 each are 2,628,000 requests in 2,628,000 seconds.
    #[test]
    fn money_turns_into_requests_per_second() {
        let money = |text: &str| text.parse::<Money>().unwrap();
        assert!((from_spend(money("2628"), money("0.001")).unwrap() - 1.0).abs() < 1e-12);
        assert_eq!(from_spend(Money::ZERO, money("0.001")), Some(0.0));
        assert_eq!(from_spend(money("10"), Money::ZERO), None);
        assert_eq!(from_spend(money("-10"), money("1")), None);
    }
}
