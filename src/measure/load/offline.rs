//! Offline: all samples are there at once, and the answerers take the next batch as soon as they are free.

use std::time::Duration;

use super::closed::closed_loop;
use super::{Answerer, Plan, Record};
use crate::measure::point::Series;

/// A closed loop without pauses, counted from the beginning: an entry of the series is one inference, its latency
/// from the beginning to its end, its service from its own start.
pub(super) fn offline<A: Answerer>(plan: Plan<'_>, answerers: &mut [A]) -> Result<Record, String> {
    let record = closed_loop(plan, Duration::ZERO, answerers)?;
    let Series { began_nanos, latency_nanos, .. } = &record.series;
    let mut entries: Vec<(u64, u64)> =
        began_nanos.iter().zip(latency_nanos).map(|(began, service)| (began + service, *service)).collect();
    entries.sort_unstable();
    let (latency_nanos, service_nanos): (Vec<u64>, Vec<u64>) = entries.into_iter().unzip();
    let began_nanos = vec![0; latency_nanos.len()];
    let series = Series { began_nanos, latency_nanos, service_nanos, batch: Vec::new() };
    Ok(Record { series, ..record })
}
