//! What onnxruntime_perf_test prints.

use super::super::json::number_in;
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Results, Statistic, Unit};
use super::{PERF_TEST, finish, percentile};

pub(super) fn detects(head: &Head) -> bool {
    !head.is_json()
        && head.contains("Total inference time cost:")
        && head.contains("Number of inferences per second:")
        || head.contains("Session creation time cost:") && head.contains("First inference time cost:")
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut foreign = source.foreign(PERF_TEST, "");
    let mut last = 0;
    source.for_each_line_of_text(|source, number, line| {
        last = number;
        let line = line.trim();
        if line.starts_with("Session creation time cost:")
            && foreign.metric(&Quantity::Throughput, Statistic::Value).is_some()
        {
            // A second run in one log.
            finish(&mut foreign);
            results.results.push(std::mem::replace(&mut foreign, source.foreign(PERF_TEST, "")));
        }
        if let Some((key, value)) = line.split_once(':') {
            if foreign.metrics.is_empty() {
                foreign.place = format!("line {number}");
            }
            row(source, &mut foreign, number, key.trim(), value.trim());
        } else if let Some(value) = line.strip_prefix("Setting ") {
            if let Some((key, value)) = value.split_once(" to ") {
                foreign.set(key, value);
            }
        } else if let Some(provider) = line.strip_prefix("using ").filter(|rest| rest.ends_with("Provider")) {
            foreign.set("provider", provider);
        } else if line == "Disabling intra-op thread spinning between runs" {
            foreign.set("intra-op thread spinning", "disabled between runs");
        }
        Ok(())
    })?;
    if foreign.metric(&Quantity::Throughput, Statistic::Value).is_some() {
        finish(&mut foreign);
        results.results.push(foreign);
    } else if results.results.is_empty() {
        let problem = "it ends before the number of inferences per second";
        return Err(source.broken(
            format!("line {last}"),
            problem,
            "copy the whole output or repeat the run",
        ));
    } else {
        source.warn(format!("line {last}"), "the last run has no result and is left out");
    }
    if let [only] = &mut results.results[..] {
        only.place.clear();
    }
    Ok(results)
}

fn row(source: &mut Source, foreign: &mut super::Foreign, line: u64, key: &str, value: &str) {
    let with_unit = |unit: &str| value.strip_suffix(unit).and_then(number_in);
    let known = match key {
        "Session creation time cost" => Some((Quantity::Load, Statistic::Value, with_unit(" s"), 1e9)),
        "First inference time cost" => {
            // Whole milliseconds.
            foreign.add_rounded_time(Quantity::FirstInference, Statistic::Value, with_unit(" ms"), 1e6, 0.5);
            return;
        }
        "Average inference time cost" | "Average inference time cost total" => {
            Some((Quantity::Latency, Statistic::Mean, with_unit(" ms"), 1e6))
        }
        "Min Latency" => Some((Quantity::Latency, Statistic::Min, with_unit(" s"), 1e9)),
        "Max Latency" => Some((Quantity::Latency, Statistic::Max, with_unit(" s"), 1e9)),
        _ => key
            .strip_suffix(" Latency")
            .and_then(percentile)
            .map(|percentile| (Quantity::Latency, Statistic::Percentile(percentile), with_unit(" s"), 1e9)),
    };
    if let Some((quantity, statistic, value, nanos)) = known {
        if value.is_none() {
            source.warn(format!("line {line}"), format!("{key} is no time and left out"));
        }
        foreign.add_time(quantity, statistic, value, nanos);
        return;
    }
    let (quantity, statistic, value, unit) = match key {
        "Total inference requests" => (Quantity::Completed, Statistic::Value, number_in(value), Unit::Count),
        "Total inference run time" => (Quantity::Duration, Statistic::Value, with_unit(" s"), Unit::Seconds),
        "Number of inferences per second" => {
            (Quantity::Throughput, Statistic::Value, number_in(value), Unit::QueriesPerSecond)
        }
        "Avg CPU usage" | "Total CPU usage" if value.ends_with('%') => {
            (Quantity::CpuUse, Statistic::Mean, with_unit("%").map(|percent| percent / 100.0), Unit::Share)
        }
        "Peak working set size" if value.ends_with("bytes") => {
            (Quantity::Memory, Statistic::Max, with_unit(" bytes"), Unit::Bytes)
        }
        _ => return,
    };
    if value.is_none() {
        source.warn(format!("line {line}"), format!("{key} is no number and left out"));
    }
    foreign.add(quantity, statistic, value, unit);
}
