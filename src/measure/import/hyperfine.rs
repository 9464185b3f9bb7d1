//! hyperfine's `--export-json`: one result a command, with every run's time.
//!
//! It times whole processes, in seconds. Must not know what the commands do.

use serde_json::Value;

use super::fields::{self, SECS, nanos};
use super::source::{Head, Source};
use super::{
    Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, Validity, json,
};

/// Whether JSON begins like such an export.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json() && head.has_key(1, "results") && head.has_keys(3, &["command", "mean", "stddev"])
}

/// Reads the commands.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let count = value.get("results").and_then(Value::as_array).map_or(0, Vec::len);
    fields::check_count(source, count)?;
    let mut results = source.results();
    for (at, command) in value.get("results").and_then(Value::as_array).into_iter().flatten().enumerate() {
        results.results.extend(read_command(source, format!("results[{at}]"), command));
    }
    fields::needs_results(source, &results)?;
    Ok(results)
}

/// One command.
fn read_command(source: &mut Source, place: String, command: &Value) -> Option<Foreign> {
    let number = |key: &str| json::number_at(command, key);
    let mut foreign = source.foreign("hyperfine", place.clone());
    foreign.model = json::text_at(command, "command");
    foreign.quantiles = Quantiles::Linear;
    foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: None };
    foreign.concurrency = Some(1.0);
    for key in ["mean", "median", "min", "max", "stddev"] {
        if let Some(statistic) = fields::statistic(key) {
            foreign.add_time(Quantity::Latency, statistic, number(key), SECS);
        }
    }
    if foreign.metrics.is_empty() {
        source.warn(place, "it has no time: the command is left out");
        return None;
    }
    for key in ["user", "system"] {
        foreign.add_time(Quantity::Other(format!("{key} time")), Statistic::Mean, number(key), SECS);
    }
    for (key, value) in command.get("parameters").and_then(Value::as_object).into_iter().flatten() {
        if let Some(value) = json::text(value) {
            foreign.set(key, value);
        }
    }
    let list = |key: &str| command.get(key).and_then(Value::as_array);
    if let Some(times) = list("times") {
        let kept: Vec<u64> =
            times.iter().filter_map(json::number).filter_map(|time| nanos(time, SECS)).collect();
        if kept.len() < times.len() {
            let lost = times.len() - kept.len();
            source.warn(format!("{place}.times"), format!("{lost} values are no times: they are left out"));
        }
        foreign.add(Quantity::Issued, Statistic::Value, Some(times.len() as f64), Unit::Count);
        foreign.samples.push(Samples { quantity: Quantity::Latency, nanos: kept, began_nanos: Vec::new() });
    }
    if let Some(memory) = list("memory_usage_byte") {
        let peak = memory.iter().filter_map(json::number).fold(f64::NEG_INFINITY, f64::max);
        let peak = Some(peak).filter(|peak| peak.is_finite());
        fields::add_amount(&mut foreign, Quantity::Memory, Statistic::Max, peak, Unit::Bytes);
    }
    if let Some(codes) = list("exit_codes") {
        // `null` is a process that a signal ended.
        let failed = codes.iter().filter(|code| code.as_i64() != Some(0)).count();
        foreign.add(Quantity::Failed, Statistic::Value, Some(failed as f64), Unit::Count);
        if failed > 0 {
            let reason =
                format!("{failed} of {} runs failed, and their times are among the samples", codes.len());
            foreign.note(format!("{reason}."));
            foreign.validity = Validity::Invalid(vec![reason]);
        }
    }
    foreign.note(
        "The time is that of the whole process: starting it, loading the model and every inference in it.",
    );
    Some(foreign)
}
