//! `AIPerf` and `GenAI-Perf`: the summary of a run (`profile_export_aiperf.json`, `profile_export_genai_perf.json`) and
//! of several runs (`profile_export_aiperf_aggregate.json`).
//!
//! Percentiles are numpy's (linear); those of chunks' gaps come from a t-digest in newer versions. Must not know the
//! list of single requests, which [`super::aiperf_records`] reads.

use serde_json::Value;

use super::fields::{self, disorder, find};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Statistic, Unit, Validity, json};

/// Whether JSON begins like one of these summaries.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && (head.has_key(1, "aiperf_version")
            || (head.has_keys(2, &["unit", "avg"])
                && [
                    "request_throughput",
                    "request_latency",
                    "time_to_first_token",
                    "output_token_throughput",
                ]
                .iter()
                .any(|key| head.has_key(1, key))))
}

/// Reads the summary.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let mut results = source.results();
    let foreign =
        if value.get("metrics").is_some_and(Value::is_object) && value.get("request_latency").is_none() {
            aggregate(source, &value)
        } else {
            summary(source, &value)
        };
    if foreign.metrics.is_empty() {
        return Err(source.broken(
            "the file",
            "it names no metric with a unit and a value",
            "check that the run finished: the export is written at its end",
        ));
    }
    results.results.push(foreign);
    Ok(results)
}

/// What both kinds say of the run.
fn described(source: &Source, value: &Value) -> Foreign {
    let aiperf = value.get("aiperf_version").is_some() || value.get("schema_version").is_some();
    let mut foreign = source.foreign(if aiperf { "AIPerf" } else { "GenAI-Perf" }, "");
    foreign.tool_version = json::text_at(value, "aiperf_version");
    foreign.quantiles = Quantiles::Linear;
    foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network: Some(true) };
    if let Some(config) = value.get("input_config") {
        let text = |names: &[&str]| find(config, names, 5).and_then(json::text);
        foreign.model = text(&["model_names", "model_name", "model"]);
        foreign.concurrency = find(config, &["concurrency"], 5).and_then(json::number).filter(|n| *n > 0.0);
        foreign.rate_per_second =
            find(config, &["request_rate"], 5).and_then(json::number).filter(|n| *n > 0.0);
        foreign.scenario = match (foreign.rate_per_second, foreign.concurrency) {
            (Some(_), _) => Some("request rate".to_owned()),
            (None, Some(_)) => Some("concurrency".to_owned()),
            (None, None) => None,
        };
        for (key, names) in [
            ("endpoint", &["endpoint_type", "type"][..]),
            ("url", &["url", "urls"][..]),
            ("streaming", &["streaming"][..]),
            ("tokenizer", &["tokenizer"][..]),
            ("arrival pattern", &["arrival_pattern", "request_rate_mode"][..]),
        ] {
            if let Some(value) = text(names) {
                foreign.set(key, value);
            }
        }
    }
    for key in ["benchmark_id", "schema_version", "start_time", "end_time"] {
        if let Some(text) = json::text_at(value, key) {
            foreign.set(key, text);
        }
    }
    foreign
}

/// One run.
fn summary(source: &mut Source, value: &Value) -> Foreign {
    let mut foreign = described(source, value);
    for (name, metric) in value.as_object().into_iter().flatten() {
        let (Some(word), Some(members)) = (json::text_at(metric, "unit"), metric.as_object()) else {
            continue;
        };
        if name.ends_with("_timestamp") {
            continue;
        }
        let scalar = !members.keys().any(|key| key == "min" || key == "max" || key == "p50");
        for (key, number) in members {
            let Some(statistic) = fields::statistic(key) else { continue };
            let statistic = if scalar && statistic == Statistic::Mean { Statistic::Value } else { statistic };
            if number.is_null() {
                continue;
            }
            let Some(number) = json::number(number) else {
                source.warn(format!("{name}.{key}"), "it is no number: it is left out");
                continue;
            };
            add(&mut foreign, name, statistic, number, &word);
        }
    }
    telemetry(source, value, &mut foreign);
    judge(value, &mut foreign);
    traps(&mut foreign);
    foreign
}

/// Adds one statistic of a metric by the tool's name for it.
fn add(foreign: &mut Foreign, name: &str, statistic: Statistic, number: f64, word: &str) {
    let quantity = quantity(name);
    // AIPerf's KB, MB and GB are powers of 1,024.
    let (mut unit, mut factor) = fields::unit(word, true).unwrap_or((Unit::Other(word.to_owned()), 1.0));
    if quantity == Quantity::Duration && unit == Unit::Nanos {
        (unit, factor) = (Unit::Seconds, factor / 1e9);
    }
    fields::add_amount(foreign, quantity, statistic, Some(number * factor), unit);
}

/// What the tool's name for a metric means.
pub(super) fn quantity(name: &str) -> Quantity {
    match name {
        "request_latency" => Quantity::Latency,
        "time_to_first_token" => Quantity::FirstToken,
        // (latency − time to first token) ÷ (tokens − 1), one number a request: others' time per output token.
        "inter_token_latency" => Quantity::TimePerOutputToken,
        "inter_chunk_latency" => Quantity::InterToken,
        "request_throughput" => Quantity::Throughput,
        "goodput" | "request_goodput" => Quantity::Goodput,
        "output_token_throughput" => Quantity::OutputTokens,
        "input_token_throughput" => Quantity::InputTokens,
        "total_token_throughput" => Quantity::TotalTokens,
        "request_count" => Quantity::Completed,
        "error_request_count" => Quantity::Failed,
        "benchmark_duration" => Quantity::Duration,
        other => Quantity::Other(other.to_owned()),
    }
}

/// Several runs: means over runs with t-intervals.
fn aggregate(source: &mut Source, value: &Value) -> Foreign {
    let mut foreign = described(source, value);
    "metrics".clone_into(&mut foreign.place);
    let metadata = value.get("metadata");
    for (key, value) in metadata.and_then(Value::as_object).into_iter().flatten() {
        if let Some(text) = json::text(value) {
            foreign.set(key, text);
        }
    }
    for (name, metric) in value.get("metrics").and_then(Value::as_object).into_iter().flatten() {
        let word = json::text_at(metric, "unit").unwrap_or_default();
        let Some(mean) = json::number_at(metric, "mean") else {
            source.warn(format!("metrics.{name}"), "it has no mean: it is left out");
            continue;
        };
        // `request_latency_p99` is the mean over runs of each run's p99.
        let (base, statistic) = match name.rsplit_once('_') {
            Some((base, word)) => match fields::statistic(word) {
                Some(statistic) => (base, statistic),
                None => (name.as_str(), Statistic::Value),
            },
            None => (name.as_str(), Statistic::Value),
        };
        add(&mut foreign, base, statistic, mean, &word);
        let interval = (json::number_at(metric, "ci_low"), json::number_at(metric, "ci_high"));
        if let (Some(low), Some(high)) = interval {
            foreign.set(format!("{name} interval"), format!("{low} to {high} {word}"));
        }
        if let Some(cv) = json::number_at(metric, "cv") {
            foreign.set(format!("{name} cv"), cv.to_string());
        }
    }
    foreign.note(
        "Each number is the mean over runs of that run's statistic; the intervals (in the settings) are Student's t \
         over runs, of that mean.",
    );
    let count = |key: &str| metadata.and_then(|metadata| json::count_at(metadata, key));
    if let (Some(all), Some(good)) = (count("num_profile_runs"), count("num_successful_runs"))
        && good < all
    {
        foreign.note(format!("{} of {all} runs failed and are not in the means.", all - good));
    }
    judge(value, &mut foreign);
    foreign
}

/// GPU numbers of the run: of one GPU as they are, of several as settings.
fn telemetry(source: &mut Source, value: &Value, foreign: &mut Foreign) {
    let mut gpus = Vec::new();
    let endpoints = value.pointer("/telemetry_data/endpoints").and_then(Value::as_object);
    for (endpoint, data) in endpoints.into_iter().flatten() {
        for (name, gpu) in data.get("gpus").and_then(Value::as_object).into_iter().flatten() {
            gpus.push((format!("{endpoint} {name}"), gpu));
        }
    }
    if gpus.is_empty() {
        return;
    }
    let names: Vec<String> = gpus.iter().filter_map(|(_, gpu)| json::text_at(gpu, "gpu_name")).collect();
    if !names.is_empty() {
        foreign.system = Some(names.join(", "));
    }
    for (place, gpu) in &gpus {
        for (name, metric) in gpu.get("metrics").and_then(Value::as_object).into_iter().flatten() {
            let Some(mean) = json::number_at(metric, "avg") else { continue };
            let word = json::text_at(metric, "unit").unwrap_or_default();
            if gpus.len() > 1 {
                foreign.set(format!("{place} {name}"), format!("{mean} {word}"));
                continue;
            }
            let (unit, factor) = fields::unit(&word, true).unwrap_or((Unit::Other(word.clone()), 1.0));
            let quantity = match (name.as_str(), &unit) {
                ("gpu_power_usage", Unit::Watts) => Quantity::Power,
                ("energy_consumption", Unit::Joules) => Quantity::Energy,
                ("gpu_utilization", Unit::Share) => Quantity::AcceleratorUse,
                ("gpu_memory_used", Unit::Bytes) => Quantity::AcceleratorMemory,
                _ => Quantity::Other(name.clone()),
            };
            fields::add_amount(foreign, quantity, Statistic::Mean, Some(mean * factor), unit);
        }
    }
    if gpus.len() > 1 {
        source.warn("telemetry_data", format!("{} GPUs: their means are in the settings", gpus.len()));
    }
}

/// What the tool says of the run: cancelled, incomplete, errors.
fn judge(value: &Value, foreign: &mut Foreign) {
    let mut reasons = Vec::new();
    if value.get("was_cancelled").and_then(Value::as_bool) == Some(true) {
        reasons.push("the run was cancelled".to_owned());
    }
    if value.get("is_complete").and_then(Value::as_bool) == Some(false) {
        let reason =
            json::text_at(value, "incomplete_reason").unwrap_or_else(|| "no reason given".to_owned());
        reasons.push(format!("the run is incomplete: {reason}"));
    }
    let mut failed = 0;
    for error in value.get("error_summary").and_then(Value::as_array).into_iter().flatten() {
        let count = json::count_at(error, "count").unwrap_or(1);
        failed += count;
        let details = error.get("error_details").unwrap_or(error);
        let message = json::text_at(details, "message").unwrap_or_else(|| "no message".to_owned());
        foreign.note(format!("{count} requests failed: {}", super::source::shorten(&message, 200)));
    }
    if failed > 0 && foreign.metric(&Quantity::Failed, Statistic::Value).is_none() {
        foreign.add(Quantity::Failed, Statistic::Value, Some(failed as f64), Unit::Count);
    }
    if !reasons.is_empty() {
        foreign.validity = Validity::Invalid(reasons);
    } else if value.get("is_complete").and_then(Value::as_bool) == Some(true) {
        foreign.validity = Validity::Valid;
    }
}

/// What a reader of these numbers must know.
fn traps(foreign: &mut Foreign) {
    let has = |quantity: &Quantity| foreign.metrics.iter().any(|metric| metric.quantity == *quantity);
    let (per_token, chunks) = (has(&Quantity::TimePerOutputToken), has(&Quantity::InterToken));
    if per_token {
        foreign.note(
            "inter_token_latency is one number a request, its time after the first token over its other tokens: \
             what vLLM calls time per output token.",
        );
    }
    if chunks {
        foreign.note(
            "Percentiles of inter_chunk_latency come from a t-digest in newer versions, within 0.05 %.",
        );
    }
    foreign.note(
        "Latency counts from the real send and is of answered requests only; failures are counted apart.",
    );
    if let Some(problem) = disorder(foreign) {
        foreign.note(format!("{problem}: the file contradicts itself."));
    }
}
