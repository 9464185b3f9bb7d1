//! `--exportTimes`: the moments of every query, in milliseconds, warm-up left out.

use serde_json::Value;

use super::super::json::{for_each_element, number_at};
use super::super::samples::{describe, keep, nanos};
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Results, Statistic, Unit};
use super::{TOOL, finish};

/// Most queries that are kept.
const LIMIT: usize = 5_000_000;

pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_keys(2, &["startComputeMs", "endComputeMs", "computeMs", "latencyMs"])
        && head.first_line().starts_with('[')
}

/// One duration of every query. TensorRT 7 spelled the names of the copies differently.
struct Column {
    quantity: Quantity,
    names: [&'static str; 2],
    nanos: Vec<u64>,
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let column = |quantity, names| Column { quantity, names, nanos: Vec::new() };
    let mut columns = [
        column(Quantity::Latency, ["latencyMs", "latencyMs"]),
        column(Quantity::Compute, ["computeMs", "computeMs"]),
        column(Quantity::HostToDevice, ["h2dMs", "inMs"]),
        column(Quantity::DeviceToHost, ["d2hMs", "outMs"]),
        column(Quantity::Other("end-to-end latency".to_owned()), ["endToEndMs", "endToEndMs"]),
    ];
    let mut enqueue = Vec::new();
    let mut starts: Vec<f64> = Vec::new();
    let mut last_end = f64::NEG_INFINITY;
    for_each_element(source, |index, query| {
        if index >= LIMIT {
            return Err(format!("it has more than {LIMIT} queries; export fewer"));
        }
        let at = |names: [&str; 2]| names.iter().find_map(|name| number_at(&query, name));
        for column in &mut columns {
            if let Some(value) = at(column.names) {
                let value = nanos(value, 1e6).ok_or_else(|| format!("{} is {value} ms", column.names[0]))?;
                column.nanos.push(value);
            }
        }
        let (start, end) = (at(["startH2dMs", "startInMs"]), at(["endD2hMs", "endOutMs"]));
        let (Some(start), Some(end), true) =
            (start, end, query.get("latencyMs").is_some_and(Value::is_number))
        else {
            return Err("a query lacks its start, end or latency".to_owned());
        };
        starts.push(start);
        last_end = last_end.max(end);
        if let (Some(from), Some(to)) = (number_at(&query, "startEnqMs"), number_at(&query, "endEnqMs")) {
            enqueue.extend(nanos(to - from, 1e6));
        }
        Ok(())
    })?;
    let count = starts.len();
    if count == 0 {
        return Err(source.broken("the file", "it holds no queries", "repeat the run with --exportTimes"));
    }
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let first = starts.iter().copied().fold(f64::INFINITY, f64::min);
    let seconds = (last_end - first) / 1e3;
    foreign.add(Quantity::Completed, Statistic::Value, Some(count as f64), Unit::Count);
    foreign.add(Quantity::Duration, Statistic::Value, Some(seconds), Unit::Seconds);
    if seconds > 0.0 {
        let rate = count as f64 / seconds;
        foreign.add(Quantity::Throughput, Statistic::Value, Some(rate), Unit::QueriesPerSecond);
    }
    let began: Vec<u64> = starts.iter().filter_map(|start| nanos(start - first, 1e6)).collect();
    describe(&mut foreign, &Quantity::Enqueue, &enqueue);
    // Moments are written with six digits: a difference of two late ones is coarse.
    let digit_millis = 10_f64.powf(last_end.max(1e-3).log10().floor() - 5.0);
    for metric in &mut foreign.metrics {
        metric.rounding = (metric.quantity == Quantity::Enqueue).then_some(digit_millis * 1e6);
    }
    if !enqueue.is_empty() {
        foreign.note(format!(
            "Moments are written with six digits: the time to enqueue, their difference, is only known to {digit_millis} ms."
        ));
    }
    for Column { quantity, nanos, .. } in columns {
        if nanos.len() != count {
            continue;
        }
        describe(&mut foreign, &quantity, &nanos);
        if matches!(quantity, Quantity::Latency | Quantity::Compute) {
            keep(&mut foreign, quantity, nanos, began.clone());
        }
    }
    foreign.note(
        "Statistics are ours, from the exported times; throughput is queries from the first copy in to the last copy \
         out. The file does not say the batch.",
    );
    finish(&mut foreign);
    results.results.push(foreign);
    Ok(results)
}
