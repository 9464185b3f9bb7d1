//! `vllm bench serve` and what grew from it: `SGLang`'s `bench_serving`, `InferenceX` (one JSON object a run, or one a line).
//!
//! Percentiles are numpy's (linear). Keys are read by their parts: `p99.9_ttft_ms` is a statistic, a quantity and a
//! unit; derivatives without `_ms` write seconds. Must not know the tools that plot these files.

use serde_json::{Map, Value};

use super::fields::{self, MILLIS, SECS, disorder, last_part, nanos};
use super::source::{Head, Kind, Source};
use super::{Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, json};

/// Names of times in keys, and what they mean.
static TIMES: [(&str, Quantity); 10] = [
    ("ttft", Quantity::FirstToken),
    ("tpot", Quantity::TimePerOutputToken),
    ("itl", Quantity::InterToken),
    ("e2el", Quantity::Latency),
    ("e2e_latency", Quantity::Latency),
    ("e2e", Quantity::Latency),
    ("client_queue_time", Quantity::Client),
    ("ttft_including_client_queue", Quantity::Other(String::new())),
    ("e2el_including_client_queue", Quantity::Other(String::new())),
    ("queue_time", Quantity::Queue),
];

/// Whether JSON begins like such a run.
pub(super) fn detects(head: &Head) -> bool {
    let depth = if head.text().trim_start().starts_with('[') { 2 } else { 1 };
    let timed = || {
        head.keys(depth).filter_map(time_key).any(|key| {
            matches!(key.quantity, Quantity::FirstToken | Quantity::TimePerOutputToken | Quantity::Latency)
        })
    };
    let told = || {
        ["request_throughput", "total_token_throughput", "output_throughput", "tput_per_gpu", "request_rate"]
            .iter()
            .any(|key| head.has_key(depth, key))
    };
    // Key order differs between versions, and details may push the summary beyond the head.
    let detailed = || {
        head.has_keys(depth, &["model_id", "num_prompts"])
            && (head.has_key(depth, "request_rate") || head.has_key(depth, "tokenizer_id"))
    };
    head.is_json() && ((told() && timed()) || detailed())
}

/// Reads one run, a list of runs or one run a line.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let runs: Vec<(String, Value)> = if source.head().kind() == Kind::JsonLines {
        let lines = json::lines(source)?;
        lines.into_iter().map(|(line, value)| (format!("line {line}"), value)).collect()
    } else {
        match json::whole(source)? {
            Value::Array(list) => {
                list.into_iter().enumerate().map(|(at, value)| (format!("[{at}]"), value)).collect()
            }
            value => vec![(String::new(), value)],
        }
    };
    fields::check_count(source, runs.len())?;
    let mut results = source.results();
    for (place, run) in runs {
        match run.as_object() {
            Some(members) => results.results.extend(read_run(source, place, members)),
            None => source.warn(place, "it is no object: it is left out"),
        }
    }
    fields::needs_results(source, &results)?;
    Ok(results)
}

/// One run.
fn read_run(source: &mut Source, place: String, run: &Map<String, Value>) -> Option<Foreign> {
    let get = |key: &str| run.get(key);
    let number = |key: &str| get(key).and_then(json::number);
    let text = |key: &str| get(key).and_then(json::text);
    let mut foreign = source.foreign("vLLM bench serve", place.clone());
    foreign.quantiles = Quantiles::Linear;
    foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network: Some(true) };
    foreign.model = text("model_id").or_else(|| text("model")).map(|model| model_name(&model));
    foreign.framework = text("framework").or_else(|| text("backend"));
    foreign.system = text("hw");
    foreign.precision = text("precision");
    if foreign.system.is_some() && get("model_id").is_none() {
        "InferenceX".clone_into(&mut foreign.tool);
    } else if run.keys().any(|key| key.ends_with("_e2e_latency_ms")) {
        "SGLang bench_serving".clone_into(&mut foreign.tool);
    }
    load(run, &mut foreign);
    let mut without_suffix = false;
    for (key, value) in run {
        if let Some(TimeKey { quantity, statistic, millis }) = time_key(key) {
            match json::number(value) {
                Some(time) => {
                    without_suffix |= !millis;
                    let factor = if millis { MILLIS } else { SECS };
                    foreign.add_time(quantity, statistic, Some(time), factor);
                }
                None if value.is_null() => {}
                None => source.warn(inside(&place, key), "it is no number: it is left out"),
            }
        } else if let Some(statistic) = key.strip_suffix("_intvty").and_then(fields::statistic) {
            let unit = Unit::Other("tokens/s/user".to_owned());
            foreign.add(Quantity::Other("interactivity".to_owned()), statistic, json::number(value), unit);
        } else if !is_known(key)
            && let Some(value) = json::text(value)
        {
            foreign.set(key, value);
        }
    }
    if without_suffix {
        foreign
            .note("Times without the suffix _ms are taken as seconds, as SGLang and InferenceX write them.");
    }
    rates(run, &mut foreign);
    let goodput = number("request_goodput").or_else(|| number("request_goodput:"));
    foreign.add(Quantity::Goodput, Statistic::Value, goodput, Unit::QueriesPerSecond);
    foreign.add(Quantity::Duration, Statistic::Value, number("duration"), Unit::Seconds);
    if foreign.metrics.is_empty() {
        source.warn(place, "it has no number that can be used: the run is left out");
        return None;
    }
    outcome(run, &mut foreign);
    details(source, &place, run, &mut foreign);
    traps(run, &mut foreign);
    Some(foreign)
}

/// A key that names a time.
struct TimeKey {
    quantity: Quantity,
    statistic: Statistic,
    millis: bool,
}

/// Reads `p99.9_ttft_ms` by its parts.
fn time_key(key: &str) -> Option<TimeKey> {
    let (name, millis) = key.strip_suffix("_ms").map_or((key, false), |name| (name, true));
    let (word, name) = name.split_once('_')?;
    let statistic = fields::statistic(word)?;
    let (_, quantity) = TIMES.iter().find(|(known, _)| *known == name)?;
    let quantity = match quantity {
        Quantity::Other(_) => Quantity::Other(name.to_owned()),
        known => known.clone(),
    };
    Some(TimeKey { quantity, statistic, millis })
}

/// Keys that are read elsewhere and are no settings.
fn is_known(key: &str) -> bool {
    const KNOWN: [&str; 27] = [
        "model_id",
        "model",
        "framework",
        "hw",
        "precision",
        "request_rate",
        "max_concurrency",
        "conc",
        "duration",
        "completed",
        "failed",
        "num_prompts",
        "request_throughput",
        "request_goodput",
        "request_goodput:",
        "output_throughput",
        "input_throughput",
        "total_token_throughput",
        "total_throughput",
        "total_input_tokens",
        "total_output_tokens",
        "max_output_tokens_per_s",
        "max_concurrent_requests",
        "tput_per_gpu",
        "output_tput_per_gpu",
        "input_tput_per_gpu",
        "concurrency",
    ];
    KNOWN.contains(&key)
}

/// The model's name: of a path the part that names it, also in a Hugging Face cache (`…/models--ORG--NAME/snapshots/…`).
fn model_name(id: &str) -> String {
    if let Some(cached) = id.split(['/', '\\']).find_map(|part| part.strip_prefix("models--")) {
        return cached.replace("--", "/");
    }
    // `ORG/NAME` is a name, not a path.
    if id.starts_with(['/', '.']) || id.contains('\\') || id.matches('/').count() > 1 {
        last_part(id).to_owned()
    } else {
        id.to_owned()
    }
}

/// How load was made.
fn load(run: &Map<String, Value>, foreign: &mut Foreign) {
    let number = |key: &str| run.get(key).and_then(json::number).filter(|number| *number > 0.0);
    foreign.concurrency = number("max_concurrency").or_else(|| number("conc"));
    foreign.rate_per_second = number("request_rate");
    let burstiness = number("burstiness").unwrap_or(1.0);
    let endless =
        run.get("request_rate").and_then(Value::as_str).is_some_and(|rate| rate.eq_ignore_ascii_case("inf"));
    foreign.scenario = match (foreign.rate_per_second, foreign.concurrency) {
        (Some(_), _) if (burstiness - 1.0).abs() < 1e-9 => Some("poisson".to_owned()),
        (Some(_), _) => Some(format!("gamma, burstiness {burstiness}")),
        (None, Some(_)) => Some("concurrency".to_owned()),
        (None, None) if endless => Some("all at once".to_owned()),
        (None, None) => None,
    };
    if foreign.rate_per_second.is_some() && foreign.concurrency.is_some() {
        foreign.note(
            "A request rate and a limit of concurrency together: what waited for a free place is not in the \
             latencies, and the rate may not have been reached.",
        );
    }
}

/// Throughputs and token counts.
fn rates(run: &Map<String, Value>, foreign: &mut Foreign) {
    let number = |keys: &[&str]| keys.iter().find_map(|key| run.get(*key).and_then(json::number));
    let tokens = Unit::TokensPerSecond;
    let value = Statistic::Value;
    foreign.add(Quantity::Throughput, value, number(&["request_throughput"]), Unit::QueriesPerSecond);
    foreign.add(Quantity::InputTokens, value, number(&["input_throughput"]), tokens.clone());
    foreign.add(Quantity::OutputTokens, value, number(&["output_throughput"]), tokens.clone());
    let total = number(&["total_token_throughput", "total_throughput"]);
    foreign.add(Quantity::TotalTokens, value, total, tokens.clone());
    foreign.add(Quantity::OutputTokens, Statistic::Max, number(&["max_output_tokens_per_s"]), tokens);
    for key in ["total_input_tokens", "total_output_tokens", "max_concurrent_requests"] {
        foreign.add(Quantity::Other(key.to_owned()), value, number(&[key]), Unit::Count);
    }
    for key in ["tput_per_gpu", "output_tput_per_gpu", "input_tput_per_gpu"] {
        let unit = Unit::Other("tokens/s/GPU".to_owned());
        foreign.add(Quantity::Other(key.to_owned()), value, number(&[key]), unit);
    }
    // SGLang's own: how many were in flight on average.
    let mean = number(&["concurrency"]);
    foreign.add(Quantity::Other("concurrency".to_owned()), Statistic::Mean, mean, Unit::Count);
}

/// How many requests were sent, answered and failed.
fn outcome(run: &Map<String, Value>, foreign: &mut Foreign) {
    let count = |key: &str| run.get(key).and_then(json::count);
    let (issued, completed) = (count("num_prompts"), count("completed"));
    let add = |foreign: &mut Foreign, quantity, count: Option<u64>| {
        foreign.add(quantity, Statistic::Value, count.map(|count| count as f64), Unit::Count);
    };
    add(foreign, Quantity::Issued, issued);
    add(foreign, Quantity::Completed, completed);
    let derived = issued.zip(completed).and_then(|(issued, completed)| issued.checked_sub(completed));
    let failed = count("failed").or(derived);
    if count("failed").is_none() && failed.is_some() {
        foreign
            .note("The file does not count failures: they are taken as the prompts that were not completed.");
    }
    add(foreign, Quantity::Failed, failed);
    if let Some(failed) = failed.filter(|failed| *failed > 0) {
        let all = issued.map_or_else(String::new, |issued| format!(" of {issued}"));
        foreign.note(format!("{failed}{all} requests failed and are not in the latencies and rates."));
    }
}

/// Raw samples (`--save-detailed`): those of failed requests are left out and counted.
fn details(source: &mut Source, place: &str, run: &Map<String, Value>, foreign: &mut Foreign) {
    let list = |key: &str| run.get(key).and_then(Value::as_array).filter(|list| !list.is_empty());
    let empty = Vec::new();
    let errors = list("errors").unwrap_or(&empty);
    let failed = |at: usize| {
        errors
            .get(at)
            .is_some_and(|error| !error.is_null() && error.as_str().is_none_or(|text| !text.is_empty()))
    };
    let starts = list("start_times").unwrap_or(&empty);
    let first_start = starts.iter().filter_map(json::number).fold(f64::INFINITY, f64::min);
    let began =
        |at: usize| starts.get(at).and_then(json::number).and_then(|at| nanos(at - first_start, SECS));
    let sampled = |key: &str| -> Option<(Vec<u64>, Vec<u64>, usize)> {
        let (mut kept, mut times, mut lost) = (Vec::new(), Vec::new(), 0);
        for (at, value) in list(key)?.iter().enumerate().filter(|(at, _)| !failed(*at)) {
            match json::number(value).and_then(|secs| nanos(secs, SECS)) {
                Some(value) => {
                    kept.push(value);
                    times.extend(began(at));
                }
                None => lost += 1,
            }
        }
        if times.len() != kept.len() {
            times.clear();
        }
        Some((kept, times, lost))
    };
    for (key, quantity) in
        [("ttfts", Quantity::FirstToken), ("latencies", Quantity::Latency), ("queue_times", Quantity::Client)]
    {
        let Some((kept, began_nanos, lost)) = sampled(key) else { continue };
        if lost > 0 {
            source.warn(inside(place, key), format!("{lost} values are no times: they are left out"));
        }
        if !kept.is_empty() {
            foreign.samples.push(Samples { quantity, nanos: kept, began_nanos });
        }
    }
    let gaps: Vec<u64> = list("itls")
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(at, _)| !failed(*at))
        .filter_map(|(_, gaps)| gaps.as_array())
        .flatten()
        .filter_map(json::number)
        .filter_map(|gap| nanos(gap, SECS))
        .collect();
    if !gaps.is_empty() {
        foreign.samples.push(Samples {
            quantity: Quantity::InterToken,
            nanos: gaps,
            began_nanos: Vec::new(),
        });
    }
    let wrong = (0..errors.len()).filter(|at| failed(*at)).count();
    if wrong > 0 {
        foreign.note(format!("{wrong} raw requests have an error and are not among the samples."));
        if foreign.metric(&Quantity::Failed, Statistic::Value).is_none() {
            foreign.add(Quantity::Failed, Statistic::Value, Some(wrong as f64), Unit::Count);
        }
    }
}

/// What a reader of these numbers must know.
fn traps(run: &Map<String, Value>, foreign: &mut Foreign) {
    if run.contains_key("request_goodput:") {
        foreign
            .note("The goodput's key is misspelt in the file (\"request_goodput:\"), as older versions did.");
    }
    foreign.note(
        "Latency counts from the real send, after waiting for a free place under max_concurrency; requests that \
         failed are in none of the numbers.",
    );
    foreign.note("Rates are over the whole run, its slow beginning and end included.");
    if let Some(problem) = disorder(foreign) {
        foreign.note(format!("{problem}: the file contradicts itself."));
    }
}

/// A place inside a run.
fn inside(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}, {key}") }
}
