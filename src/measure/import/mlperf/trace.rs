//! `mlperf_log_trace.json`: the latency of every sample, where `LoadGen` was asked to trace.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::json::number;
use super::super::source::Source;
use super::super::{Foreign, Quantity, Samples, Statistic};

/// Most samples that are kept (16 bytes each).
const SAMPLE_LIMIT: usize = 5_000_000;

/// Adds the samples of the trace beside a detail log. A trace that is empty (tracing off), too large or cut leaves
/// the result without samples, with a warning where something was lost.
pub(super) fn add(source: &mut Source, foreign: &mut Foreign, mut trace: Source) {
    if !trace.head().contains("traceEvents") {
        return;
    }
    let place = trace.file_name();
    let mut found: Vec<(u64, f64, u64)> = Vec::new();
    let mut broken = 0_usize;
    let mut too_many = false;
    let read = trace.for_each_line(|_, _, line| {
        // Each sample's first event carries its latency, counted from when it was scheduled.
        if too_many || !line.contains("\"Sample\"") || !line.contains("complete_ns") {
            return Ok(());
        }
        let event: Option<Value> = serde_json::from_str(line.trim().trim_end_matches(',')).ok();
        let sample = event.as_ref().and_then(|event| {
            let args = event.get("args")?;
            Some((
                args.get("query_seq")?.as_u64()?,
                number(event.get("ts")?)?,
                args.get("complete_ns")?.as_u64()?,
            ))
        });
        match sample {
            Some(sample) => found.push(sample),
            None => broken += 1,
        }
        too_many = found.len() > SAMPLE_LIMIT;
        Ok(())
    });
    if let Err(error) = read {
        source.warn(place, format!("its samples are left out: {error}"));
        return;
    }
    if too_many {
        source.warn(place, format!("it has more than {SAMPLE_LIMIT} samples: they are left out"));
        return;
    }
    if foreign.scenario.as_deref() == Some("MultiStream") {
        found = queries(&found);
    }
    let expected = foreign.value(&Quantity::Completed, Statistic::Value);
    if broken > 0 || expected.is_some_and(|expected| expected as usize != found.len()) {
        let expected = expected.map_or_else(|| "all".to_owned(), |expected| format!("{expected}"));
        source.warn(place, format!("it holds {} of {expected} queries: it is cut and left out", found.len()));
        return;
    }
    if found.is_empty() {
        return;
    }
    let first = found.iter().map(|(_, micros, _)| *micros).fold(f64::INFINITY, f64::min);
    foreign.samples.push(Samples {
        quantity: Quantity::Latency,
        nanos: found.iter().map(|(_, _, nanos)| *nanos).collect(),
        began_nanos: found.iter().map(|(_, micros, _)| ((micros - first) * 1e3).round() as u64).collect(),
    });
}

/// The latency of a query is that of its slowest sample.
fn queries(samples: &[(u64, f64, u64)]) -> Vec<(u64, f64, u64)> {
    let mut queries: BTreeMap<u64, (f64, u64)> = BTreeMap::new();
    for (query, micros, nanos) in samples {
        let slowest = queries.entry(*query).or_insert((*micros, 0));
        slowest.0 = slowest.0.min(*micros);
        slowest.1 = slowest.1.max(*nanos);
    }
    queries.into_iter().map(|(query, (micros, nanos))| (query, micros, nanos)).collect()
}
