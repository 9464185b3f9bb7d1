//! `AIPerf`'s `profile_export.jsonl`: one request a line, with its times and metrics.
//!
//! Read line by line; what is kept is the latencies and send times. Must not know the summaries.

use serde_json::Value;

use super::fields::{self, nanos};
use super::source::{Head, Source, shorten};
use super::{
    Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, json, samples,
};

/// Most requests that are kept.
const REQUEST_LIMIT: usize = 5_000_000;
/// Most gaps between chunks that are kept.
const GAP_LIMIT: usize = 10_000_000;
/// Most kinds of errors that are told apart.
const KIND_LIMIT: usize = 50;
/// Most lines with `NaN` and its like.
const MENDED_LIMIT: usize = 1_000;
/// How many broken lines are named one by one.
const NAMED_PROBLEMS: usize = 5;

/// The metrics that are kept as samples.
const SAMPLED: [(&str, Quantity); 3] = [
    ("request_latency", Quantity::Latency),
    ("time_to_first_token", Quantity::FirstToken),
    ("inter_token_latency", Quantity::TimePerOutputToken),
];

/// Whether JSON Lines begin like such records.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_keys(1, &["metadata", "metrics"])
        && (head.has_key(2, "request_start_ns") || head.has_key(2, "benchmark_phase"))
}

/// What was found so far.
#[derive(Default)]
struct Gathered {
    /// For each of [`SAMPLED`]: send time and value in nanoseconds.
    samples: [Vec<(u64, u64)>; 3],
    /// Gaps between chunks of all requests.
    gaps: Vec<u64>,
    gaps_cut: bool,
    issued: u64,
    completed: u64,
    cancelled: u64,
    warm_up: u64,
    /// Errors by their kind.
    failed: std::collections::BTreeMap<String, u64>,
    first_nanos: Option<u64>,
    last_nanos: Option<u64>,
    problems: Problems,
}

/// Reads the lines.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut gathered = Gathered::default();
    let mut mended = 0;
    let mut broken: Option<(u64, String)> = None;
    source.for_each_line(|source, line, text| {
        if text.trim().is_empty() {
            return Ok(());
        }
        // A line that does not parse is forgiven only at the end, where a killed run leaves it.
        if let Some((line, problem)) = broken.take() {
            return Err(source.broken(
                format!("line {line}"),
                problem,
                "check that the file is the tool's own and complete",
            ));
        }
        // Lines with NaN are rare: what mends them says so for each, and must not fill the memory.
        let plain = serde_json::from_str(text);
        if plain.is_err() {
            mended += 1;
            if mended > MENDED_LIMIT {
                return Err(source.broken(
                    format!("line {line}"),
                    format!("more than {MENDED_LIMIT} lines are no plain JSON"),
                    "check that the file is the tool's own and complete",
                ));
            }
        }
        match plain.or_else(|_| json::parse(source, text, line)) {
            Ok(record) => gathered.take(source, line, &record)?,
            Err(ImportError::Broken { problem, .. }) => broken = Some((line, problem)),
            Err(error) => return Err(error),
        }
        Ok(())
    })?;
    if let Some((line, problem)) = broken {
        source.warn(format!("line {line}"), format!("the last line is left out: {problem}"));
    }
    let mut results = source.results();
    let foreign = source.foreign("AIPerf", "");
    results.results.extend(gathered.into_result(source, foreign));
    fields::needs_results(source, &results)?;
    Ok(results)
}

/// How many problems there were; the first are named.
#[derive(Default)]
struct Problems(usize);

impl Problems {
    fn say(&mut self, source: &mut Source, line: u64, message: &str) {
        self.0 += 1;
        if self.0 <= NAMED_PROBLEMS {
            source.warn(format!("line {line}"), message);
        }
    }
}

impl Gathered {
    /// Adds one request.
    fn take(&mut self, source: &mut Source, line: u64, record: &Value) -> Result<(), ImportError> {
        let metadata = record.get("metadata").unwrap_or(&Value::Null);
        if metadata.get("benchmark_phase").and_then(Value::as_str) == Some("warmup") {
            self.warm_up += 1;
            return Ok(());
        }
        let began = metadata.get("request_start_ns").and_then(Value::as_u64);
        let Some(began) = began else {
            self.problems.say(source, line, "it has no request_start_ns: the request is left out");
            return Ok(());
        };
        self.issued += 1;
        if self.issued as usize > REQUEST_LIMIT {
            return Err(source.broken(
                format!("line {line}"),
                format!("it has more than {REQUEST_LIMIT} requests"),
                "split the file",
            ));
        }
        let ended = metadata.get("request_end_ns").and_then(Value::as_u64).unwrap_or(began);
        self.first_nanos = Some(self.first_nanos.map_or(began, |first| first.min(began)));
        self.last_nanos = Some(self.last_nanos.map_or(ended, |last| last.max(ended)));
        let error = record.get("error").filter(|error| !error.is_null());
        let cancelled = metadata.get("was_cancelled").and_then(Value::as_bool) == Some(true);
        if let Some(error) = error {
            let kind = json::text_at(error, "type").or_else(|| json::text(error));
            let mut kind = kind.map_or_else(|| "error".to_owned(), |kind| shorten(&kind, 200));
            if self.failed.len() >= KIND_LIMIT && !self.failed.contains_key(&kind) {
                "errors of other kinds".clone_into(&mut kind);
            }
            *self.failed.entry(kind).or_default() += 1;
            return Ok(());
        }
        if cancelled {
            self.cancelled += 1;
            return Ok(());
        }
        self.completed += 1;
        for ((name, _), samples) in SAMPLED.iter().zip(&mut self.samples) {
            let Some(metric) = record.pointer(&format!("/metrics/{name}")) else { continue };
            match time(metric) {
                Some(nanos) => samples.push((began, nanos)),
                None => self.problems.say(source, line, &format!("{name} is no time: it is left out")),
            }
        }
        if self.gaps.len() >= GAP_LIMIT {
            self.gaps_cut = true;
        } else if let Some(metric) = record.pointer("/metrics/inter_chunk_latency")
            && let Some(factor) = factor(metric)
        {
            let gaps = metric.get("value").and_then(Value::as_array).into_iter().flatten();
            self.gaps.extend(gaps.filter_map(json::number).filter_map(|gap| nanos(gap, factor)));
        }
        Ok(())
    }

    /// The result; `None` when no request was answered.
    fn into_result(self, source: &mut Source, mut foreign: Foreign) -> Option<Foreign> {
        let Self {
            samples: sampled,
            gaps,
            gaps_cut,
            issued,
            completed,
            cancelled,
            warm_up,
            failed,
            problems,
            ..
        } = self;
        if problems.0 > NAMED_PROBLEMS {
            source.warn(
                "later lines",
                format!("{} more such values or lines are left out", problems.0 - NAMED_PROBLEMS),
            );
        }
        let errors: u64 = failed.values().sum();
        let count = |count: u64| Some(count as f64);
        foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network: Some(true) };
        foreign.add(Quantity::Issued, Statistic::Value, count(issued), Unit::Count);
        foreign.add(Quantity::Completed, Statistic::Value, count(completed), Unit::Count);
        foreign.add(Quantity::Failed, Statistic::Value, count(errors + cancelled), Unit::Count);
        for (kind, count) in &failed {
            foreign.note(format!("{count} of {issued} requests failed: {kind}."));
        }
        if cancelled > 0 {
            foreign.note(format!("{cancelled} of {issued} requests were cancelled."));
        }
        if warm_up > 0 {
            foreign.note(format!("{warm_up} warm-up requests are left out."));
        }
        if completed == 0 {
            source.warn("the file", format!("none of its {issued} requests was answered"));
            return None;
        }
        let first = self.first_nanos.unwrap_or(0);
        let seconds =
            self.last_nanos.map(|last| last.saturating_sub(first) as f64 / 1e9).filter(|s| *s > 0.0);
        foreign.add(Quantity::Duration, Statistic::Value, seconds, Unit::Seconds);
        for ((_, quantity), mut times) in SAMPLED.into_iter().zip(sampled) {
            if times.is_empty() {
                continue;
            }
            times.sort_by_key(|(began, _)| *began);
            let nanos: Vec<u64> = times.iter().map(|(_, nanos)| *nanos).collect();
            samples::describe(&mut foreign, &quantity, &nanos);
            let began_nanos = times.iter().map(|(began, _)| began - first).collect();
            foreign.samples.push(Samples { quantity, nanos, began_nanos });
        }
        if gaps_cut {
            source.warn("inter_chunk_latency", format!("only the first {} gaps are kept", gaps.len()));
        }
        if !gaps.is_empty() {
            samples::describe(&mut foreign, &Quantity::InterToken, &gaps);
            foreign.samples.push(Samples {
                quantity: Quantity::InterToken,
                nanos: gaps,
                began_nanos: Vec::new(),
            });
        }
        foreign.quantiles = Quantiles::InverseCdf;
        foreign.note("The statistics are computed here from the raw requests.");
        foreign.note("Latency counts from the real send and is of answered requests only.");
        Some(foreign)
    }
}

/// Nanoseconds in the metric's unit, if that is a time.
fn factor(metric: &Value) -> Option<f64> {
    let (unit, factor) = fields::unit(metric.get("unit")?.as_str()?, false)?;
    (unit == Unit::Nanos).then_some(factor)
}

/// A metric's value in nanoseconds.
fn time(metric: &Value) -> Option<u64> {
    nanos(json::number_at(metric, "value")?, factor(metric)?)
}
