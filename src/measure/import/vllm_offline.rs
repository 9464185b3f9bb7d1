//! `vllm bench latency` and `vllm bench throughput` with `--output-json`: one JSON object a run, of a model without a
//! server before it.
//!
//! Latencies are seconds of one whole batch, percentiles numpy's (linear). Neither file says which model ran, nor with
//! which lengths. Must not know the serving benchmark.

use serde_json::{Map, Value};

use super::fields::{SECS, disorder, nanos};
use super::source::{Head, Kind, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, json};

/// Largest share by which a rate may differ from requests ÷ time: both are written with all digits.
const AGREES_WITHIN: f64 = 1e-6;

/// Whether JSON begins like `vllm bench latency` writes it.
pub(super) fn detects_latency(head: &Head) -> bool {
    head.kind() == Kind::Json
        && head.has_key(1, "avg_latency")
        && (head.has_key(1, "latencies") || head.has_key(1, "percentiles"))
}

/// Whether JSON begins like `vllm bench throughput` writes it.
pub(super) fn detects_throughput(head: &Head) -> bool {
    head.kind() == Kind::Json
        && head.has_keys(1, &["elapsed_time", "num_requests", "requests_per_second", "tokens_per_second"])
}

/// Reads the run of `vllm bench latency`.
pub(super) fn read_latency(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let mut foreign = source.foreign("vLLM bench latency", "");
    foreign.scenario = Some("one batch at a time".to_owned());
    foreign.concurrency = Some(1.0);
    foreign.quantiles = Quantiles::Linear;
    foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: Some(false) };
    let number = |key: &str| json::number_at(&value, key);
    foreign.add_time(Quantity::Latency, Statistic::Mean, number("avg_latency"), SECS);
    foreign.add_time(Quantity::Latency, Statistic::StdDev, number("std_latency"), SECS);
    for (key, time) in value.get("percentiles").and_then(Value::as_object).into_iter().flatten() {
        let percent = json::number_in(key).filter(|percent| (0.0..=100.0).contains(percent));
        match percent.zip(json::number(time)) {
            Some((percent, secs)) => {
                foreign.add_time(Quantity::Latency, Statistic::Percentile(percent), Some(secs), SECS);
            }
            None => {
                source.warn(format!("percentiles, {key}"), "it is no percentile with a time: it is left out");
            }
        }
    }
    samples(source, &value, &mut foreign);
    if foreign.metrics.is_empty() {
        return Err(source.broken("avg_latency", "it has no latency", "check that the run finished"));
    }
    others(&value, &["avg_latency", "std_latency", "percentiles", "latencies"], &mut foreign);
    foreign.note(
        "A latency is that of a whole batch from its prompts to its last token, not of one request or token.",
    );
    foreign.note(
        "The file does not say model, batch size and lengths (vLLM's defaults are 8 prompts of 32 tokens, 128 \
         generated); its file name may.",
    );
    if let Some(problem) = disorder(&foreign) {
        foreign.note(format!("{problem}: the file contradicts itself."));
    }
    let mut results = source.results();
    results.results.push(foreign);
    Ok(results)
}

/// The latency of each batch.
fn samples(source: &mut Source, value: &Value, foreign: &mut Foreign) {
    let Some(list) = value.get("latencies").and_then(Value::as_array) else { return };
    let kept: Vec<u64> = list.iter().filter_map(json::number).filter_map(|secs| nanos(secs, SECS)).collect();
    if kept.len() < list.len() {
        let lost = list.len() - kept.len();
        source.warn("latencies", format!("{lost} values are no times: they are left out"));
    }
    if !kept.is_empty() {
        foreign.add(Quantity::Completed, Statistic::Value, Some(kept.len() as f64), Unit::Count);
        foreign.samples.push(Samples { quantity: Quantity::Latency, nanos: kept, began_nanos: Vec::new() });
    }
}

/// Reads the run of `vllm bench throughput`.
pub(super) fn read_throughput(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let mut foreign = source.foreign("vLLM bench throughput", "");
    foreign.scenario = Some("all at once".to_owned());
    foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network: Some(false) };
    let number = |key: &str| json::number_at(&value, key);
    let (requests, secs) = (json::count_at(&value, "num_requests"), number("elapsed_time"));
    let rate = number("requests_per_second");
    foreign.add(Quantity::Throughput, Statistic::Value, rate, Unit::QueriesPerSecond);
    foreign.add(Quantity::TotalTokens, Statistic::Value, number("tokens_per_second"), Unit::TokensPerSecond);
    if foreign.metrics.is_empty() {
        return Err(source.broken(
            "requests_per_second",
            "it has neither requests nor tokens per second",
            "check that the run finished",
        ));
    }
    foreign.add(Quantity::Duration, Statistic::Value, secs, Unit::Seconds);
    foreign.add(Quantity::Completed, Statistic::Value, requests.map(|count| count as f64), Unit::Count);
    let derived = requests.zip(secs).filter(|(_, secs)| *secs > 0.0).map(|(count, secs)| count as f64 / secs);
    if let Some((rate, derived)) = rate.zip(derived)
        && (rate / derived - 1.0).abs() > AGREES_WITHIN
    {
        foreign.note(format!(
            "requests_per_second is {rate}, but num_requests ÷ elapsed_time is {derived}: the file contradicts itself."
        ));
    }
    let known = ["elapsed_time", "num_requests", "requests_per_second", "tokens_per_second"];
    others(&value, &known, &mut foreign);
    foreign.note("Tokens per second count prompts and what was generated.");
    foreign.note(
        "All requests are handed over at once and rates are over the whole run, its slow end included; there are no \
         latencies.",
    );
    foreign.note("The file does not say model, data set and lengths; its file name may.");
    let mut results = source.results();
    results.results.push(foreign);
    Ok(results)
}

/// Keeps the members that are no numbers of the run.
fn others(value: &Value, known: &[&str], foreign: &mut Foreign) {
    let members: Option<&Map<String, Value>> = value.as_object();
    for (key, value) in members.into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str())) {
        if let Some(value) = json::text(value) {
            foreign.set(key.as_str(), value);
        }
    }
}
