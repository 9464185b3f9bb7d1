//! TensorFlow Lite (now `LiteRT`) `benchmark_model`: what it prints, one result a run in the log.
//!
//! Times are whole microseconds, averages have six significant digits (`2.71985e+06`). Lines may have a logger's
//! prefix (`INFO: `, logcat). Must not know its profiler's tables.

use super::fields::{MICROS, last_part, needs_results};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantity, Results, Statistic, Unit, json};

/// The line that ends a run.
const SUMMARY: &str = "Inference timings in us:";
/// The line that tells memory.
const MEMORY: &str = "Memory footprint delta from the start of the tool (MB):";
/// The line that tells peak memory.
const PEAK: &str = "Overall peak memory footprint (MB) via periodic monitoring:";
/// Most settings of one run that are kept: the tool has some hundred.
const SETTING_LIMIT: usize = 500;
/// Most runs in one log that are kept.
const RUN_LIMIT: usize = 10_000;

/// Whether a log begins like one of this tool.
pub(super) fn detects(head: &Head) -> bool {
    !head.is_json()
        && (head.contains(SUMMARY)
            || (head.lines().any(|line| line.trim_end().ends_with("STARTING!")) && head.contains("Graph: [")))
}

/// The statistics of one phase: `count=50 first=… min=… max=… avg=… std=…`.
#[derive(Clone, Default)]
struct Phase {
    count: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    avg: Option<f64>,
    std: Option<f64>,
    percentiles: Vec<(f64, f64)>,
}

/// One run as its lines come.
#[derive(Default)]
struct Run {
    line: u64,
    settings: Vec<(String, String)>,
    /// The latest phase: warm-up first, then what is measured.
    phase: Option<Phase>,
    summary: Option<Summary>,
    /// Line, after loading, at the end.
    memory: Option<(u64, Option<f64>, Option<f64>)>,
    /// Line and megabytes.
    peak: Option<(u64, f64)>,
    fallback: Option<String>,
    unreadable: bool,
}

/// `Inference timings in us: …`.
struct Summary {
    line: u64,
    init: f64,
    first: f64,
    warm_up: Option<f64>,
    average: f64,
}

/// Reads the log.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let ended = ends_with_line(source)?;
    let mut runs: Vec<Run> = Vec::new();
    let mut last_line = 0;
    source.for_each_line(|source, line, text| {
        last_line = line;
        let starts = text.trim_end().ends_with("STARTING!");
        // A log that somebody cut at its top has no such line.
        let follows = runs.last().is_none_or(|run| run.summary.is_some() && text.contains("Graph: ["));
        if starts || (follows && !text.trim().is_empty()) {
            if runs.len() == RUN_LIMIT {
                return Err(source.broken(
                    format!("line {line}"),
                    format!("it has more than {RUN_LIMIT} runs"),
                    "split the log",
                ));
            }
            runs.push(Run { line, ..Run::default() });
        }
        if let Some(run) = runs.last_mut() {
            run.take(source, line, text);
        }
        Ok(())
    })?;
    let mut results = source.results();
    for run in runs {
        let cut = |line: u64| !ended && line == last_line;
        results.results.extend(run.into_result(source, cut));
    }
    if !ended {
        source.warn(
            format!("line {last_line}"),
            "the last line has no line end: the log may be cut, and memory on this line is left out",
        );
    }
    needs_results(source, &results)?;
    Ok(results)
}

/// Whether the last line has an end. Without one its last number may be cut.
fn ends_with_line(source: &Source) -> Result<bool, ImportError> {
    use std::io::BufRead;
    let mut reader = source.reader()?;
    let mut last = b'\n';
    loop {
        let bytes = reader.fill_buf().map_err(|error| source.read_error(&error))?;
        let Some(byte) = bytes.last() else { return Ok(matches!(last, b'\n' | b'\r')) };
        last = *byte;
        let count = bytes.len();
        reader.consume(count);
    }
}

impl Run {
    /// Takes one line.
    fn take(&mut self, source: &mut Source, line: u64, text: &str) {
        if let Some(rest) = after(text, SUMMARY) {
            match Summary::parse(line, rest) {
                Some(summary) => self.summary = Some(summary),
                // Once a run: a log of nothing else must not fill the memory.
                None if self.summary.is_none() && !self.unreadable => {
                    self.unreadable = true;
                    source
                        .warn(format!("line {line}"), "the summary of times cannot be read: it is left out");
                }
                None => {}
            }
        } else if let Some(rest) = after(text, MEMORY) {
            self.memory = Some((line, word(rest, "init="), word(rest, "overall=")));
        } else if let Some(rest) = after(text, PEAK) {
            self.peak = json::number_in(rest).map(|peak| (line, peak));
        } else if let Some(at) = text.find("count=").filter(|at| text[*at..].contains("avg=")) {
            self.phase = Some(Phase::parse(&text[at..]));
        } else if text.contains("will not be executed by the delegate") {
            self.fallback = Some(text.trim().to_owned());
        } else if self.settings.len() < SETTING_LIMIT
            && let Some((key, value)) = setting(text)
        {
            self.settings.push((key.to_owned(), value.to_owned()));
        }
    }

    /// The result; `None` when the run did not end.
    fn into_result(self, source: &mut Source, cut: impl Fn(u64) -> bool) -> Option<Foreign> {
        let Some(summary) = &self.summary else {
            source.warn(
                format!("line {}", self.line),
                "this run has no summary of times: it did not end, and is left out",
            );
            return None;
        };
        let main = self.phase.clone().unwrap_or_default();
        // Both lines print the same number; where they differ, one of them was cut.
        let agrees = main.avg.is_none_or(|avg| (avg - summary.average).abs() <= 1e-5 * avg.abs().max(1.0));
        if !agrees || (cut(summary.line) && main.avg.is_none()) {
            source.warn(
                format!("line {}", summary.line),
                "its average is not that of the line with count=: the log is cut, and the run is left out",
            );
            return None;
        }
        let mut foreign = source.foreign("TFLite benchmark_model", format!("line {}", self.line));
        foreign.framework = Some("TensorFlow Lite".to_owned());
        foreign.includes = Includes { queueing: Some(false), transfers: Some(true), network: Some(false) };
        foreign.concurrency = Some(1.0);
        self.describe(&mut foreign);
        let mut time = |quantity, statistic, value: Option<f64>| {
            let rounding = value.map_or(0.5, half_digit);
            foreign.add_rounded_time(quantity, statistic, value, MICROS, rounding);
        };
        time(Quantity::Load, Statistic::Value, Some(summary.init));
        time(Quantity::FirstInference, Statistic::Value, Some(summary.first));
        time(Quantity::WarmUp, Statistic::Mean, summary.warm_up);
        time(Quantity::Latency, Statistic::Mean, Some(summary.average));
        time(Quantity::Latency, Statistic::Min, main.min);
        time(Quantity::Latency, Statistic::Max, main.max);
        time(Quantity::Latency, Statistic::StdDev, main.std);
        for (percent, value) in &main.percentiles {
            time(Quantity::Latency, Statistic::Percentile(*percent), Some(*value));
        }
        foreign.add(Quantity::Completed, Statistic::Value, main.count, Unit::Count);
        self.remember(cut, &mut foreign);
        Some(foreign)
    }

    /// What was set.
    fn describe(&self, foreign: &mut Foreign) {
        for (key, value) in &self.settings {
            if key == "Graph" {
                foreign.model = Some(last_part(value).to_owned());
            } else {
                foreign.set(key, value);
            }
        }
    }

    /// Memory and traps. The last number of a log without a last line end may be cut, and is left out.
    fn remember(&self, cut: impl Fn(u64) -> bool, foreign: &mut Foreign) {
        // "MB" are 1,024² bytes: the tool divides kilobytes of getrusage by 1,024.
        let bytes = |megabytes: Option<f64>| megabytes.map(|megabytes| megabytes * 1_048_576.0);
        if let Some((line, init, overall)) = self.memory {
            let overall = overall.filter(|_| !cut(line));
            foreign.add(Quantity::Memory, Statistic::Value, bytes(overall), Unit::Bytes);
            let init = init.filter(|_| !cut(line));
            let name = Quantity::Other("memory after loading".to_owned());
            foreign.add(name, Statistic::Value, bytes(init), Unit::Bytes);
            foreign
                .note("Memory is what the process grew by since its start; the tool calls it approximate.");
        }
        let peak = self.peak.filter(|(line, _)| !cut(*line)).map(|(_, peak)| peak);
        foreign.add(Quantity::Memory, Statistic::Max, bytes(peak), Unit::Bytes);
        if let Some(line) = &self.fallback {
            foreign.note(format!("The delegate did not run the model: {line}"));
        }
        foreign.note(
            "Averages have six significant digits; the tool prints percentiles only in newer versions.",
        );
    }
}

impl Summary {
    fn parse(line: u64, rest: &str) -> Option<Self> {
        Some(Self {
            line,
            init: word(rest, "Init: ")?,
            first: word(rest, "First inference: ")?,
            warm_up: word(rest, "Warmup (avg): "),
            average: word(rest, "Inference (avg): ")?,
        })
    }
}

impl Phase {
    fn parse(text: &str) -> Self {
        let mut phase = Self::default();
        for (key, value) in text.split_whitespace().filter_map(|part| part.split_once('=')) {
            let Some(number) = json::number_in(value) else { continue };
            match key {
                "count" => phase.count = Some(number),
                "min" => phase.min = Some(number),
                "max" => phase.max = Some(number),
                "avg" => phase.avg = Some(number),
                "std" => phase.std = Some(number),
                "median" => phase.percentiles.push((50.0, number)),
                other => {
                    let percent = other.strip_prefix('p').and_then(json::number_in);
                    phase.percentiles.extend(percent.map(|percent| (percent, number)));
                }
            }
        }
        phase
    }
}

/// What follows `needle`.
fn after<'a>(text: &'a str, needle: &str) -> Option<&'a str> {
    text.find(needle).map(|at| &text[at + needle.len()..])
}

/// The number after `key`, up to a comma or white space.
fn word(text: &str, key: &str) -> Option<f64> {
    let rest = after(text, key)?;
    json::number_in(rest.split([',', ' ', '\t']).next()?)
}

/// A setting: `Num threads: [1]`.
fn setting(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.trim_end().strip_suffix(']')?.split_once(": [")?;
    // A logger's prefix ends in a colon or a bracket of its own.
    let key = key.rsplit([':', ')']).next().unwrap_or(key).trim();
    (!key.is_empty() && !value.is_empty()).then_some((key, value))
}

/// Half of the last digit of a number printed with six significant digits, at least of a whole one.
fn half_digit(value: f64) -> f64 {
    if value.abs() < 1e6 { 0.5 } else { 0.5 * 10_f64.powf(value.abs().log10().floor() - 5.0) }
}
