//! What raw samples of another tool say, by our own definition of a percentile.

use super::{Foreign, Quantity, Samples, Statistic, Unit};

/// Percentiles that are derived; those that the samples cannot carry are left to the reader of the samples.
const PERCENTILES: [f64; 4] = [50.0, 90.0, 95.0, 99.0];

/// Adds smallest, largest, mean and percentiles of samples in nanoseconds (the inverse of the empirical distribution:
/// `sorted[⌈n·p⌉ − 1]`); nothing for no samples.
pub(super) fn describe(foreign: &mut Foreign, quantity: &Quantity, nanos: &[u64]) {
    let mut sorted = nanos.to_vec();
    sorted.sort_unstable();
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return };
    let mean = sorted.iter().map(|nanos| *nanos as f64).sum::<f64>() / sorted.len() as f64;
    let mut add = |statistic, value: f64| foreign.add(quantity.clone(), statistic, Some(value), Unit::Nanos);
    add(Statistic::Min, *first as f64);
    add(Statistic::Max, *last as f64);
    add(Statistic::Mean, mean);
    for percentile in PERCENTILES {
        let rank = (sorted.len() as f64 * percentile / 100.0 - 1e-9).ceil().max(1.0) as usize;
        if let Some(value) = sorted.get(rank - 1) {
            add(Statistic::Percentile(percentile), *value as f64);
        }
    }
}

/// Keeps samples with the result.
pub(super) fn keep(foreign: &mut Foreign, quantity: Quantity, nanos: Vec<u64>, began_nanos: Vec<u64>) {
    foreign.samples.push(Samples { quantity, nanos, began_nanos });
}

/// A time in a unit of `nanos_per_unit` nanoseconds as whole nanoseconds; `None` for what is negative, not finite or
/// longer than a century.
pub(super) fn nanos(value: f64, nanos_per_unit: f64) -> Option<u64> {
    let nanos = (value * nanos_per_unit).round();
    (nanos.is_finite() && (0.0..3.2e18).contains(&nanos)).then_some(nanos as u64)
}
