//! What trtexec prints: option blocks, the performance summary, its own warnings. TensorRT 7 to 11.

use super::super::json::number_in;
use super::super::source::{Head, Source, shorten};
use super::super::{Foreign, ImportError, Quantity, Results, Statistic, Unit, Validity};
use super::{TOOL, batch_of, finish, quantity};

pub(super) fn detects(head: &Head) -> bool {
    !head.is_json()
        && (head.contains("TensorRT.trtexec [TensorRT v")
            || head.contains("[I] === Performance summary ===")
            || head.contains("[I] === Inference Options ===")
            || head.contains("[I] Average on ") && head.contains("GPU latency:"))
}

/// Most errors and warnings of a run that are kept.
const MESSAGE_LIMIT: usize = 20;
/// Most runs in one log.
const RUN_LIMIT: usize = 10_000;

/// The run that is being read.
struct Run {
    foreign: Foreign,
    begun: u64,
    block: String,
    /// TensorRT 7.1 and older: the heading under which `min: …` lines stand.
    old_heading: Option<Quantity>,
    own_warnings: Vec<String>,
    errors: Vec<String>,
    failed: bool,
}

impl Run {
    fn new(source: &Source, line: u64) -> Self {
        Self {
            foreign: source.foreign(TOOL, format!("line {line}")),
            begun: line,
            block: String::new(),
            old_heading: None,
            own_warnings: Vec::new(),
            errors: Vec::new(),
            failed: false,
        }
    }
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut run = Run::new(source, 1);
    let mut lines = 0;
    source.for_each_line(|source, number, line| {
        lines = number;
        if line.starts_with("&&&& RUNNING") {
            if results.results.len() >= RUN_LIMIT {
                let problem = format!("it holds more than {RUN_LIMIT} runs");
                return Err(source.broken(format!("line {number}"), problem, "split the log"));
            }
            let before = std::mem::replace(&mut run, Run::new(source, number));
            if number > 1 && !before.foreign.metrics.is_empty() {
                results.results.push(ended(before));
            } else if before.foreign.tool_version.is_some() {
                source.warn(
                    format!("line {}", before.begun),
                    "a run without a performance summary is left out",
                );
            }
            run.foreign.tool_version = version(line);
            if let Some((_, command)) = line.split_once("# ") {
                run.foreign.set("command", command.trim());
            }
        } else if line.starts_with("&&&& FAILED") {
            run.failed = true;
        } else {
            event(source, &mut run, number, line);
        }
        Ok(())
    })?;
    if !run.foreign.metrics.is_empty() {
        results.results.push(ended(run));
    } else if results.results.is_empty() {
        let (problem, advice) = match run.errors.first() {
            Some(error) => (format!("the run failed: {error}"), "repeat the run"),
            None => (
                "it ends before the performance summary".to_owned(),
                "copy the whole log, or run without --buildOnly and --skipInference",
            ),
        };
        return Err(source.broken(format!("line {lines}"), problem, advice));
    } else {
        source.warn(format!("line {}", run.begun), "a run without a performance summary is left out");
    }
    if let [only] = &mut results.results[..] {
        only.place.clear();
    }
    Ok(results)
}

/// `8.5.2` from `[TensorRT v8502]`, `10.3.0` from `[TensorRT v100300]`.
fn version(line: &str) -> Option<String> {
    let digits: String = line.split_once("[TensorRT v")?.1.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let (major, minor, patch) = if number >= 100_000 {
        (number / 10_000, number / 100 % 100, number % 100)
    } else {
        (number / 1000, number / 100 % 10, number % 100)
    };
    Some(format!("{major}.{minor}.{patch}"))
}

/// Splits `[08/09/2024-23:11:42] [I] text` into `I` and `text`.
fn severity(line: &str) -> (char, &str) {
    let mut rest = line.trim();
    let mut severity = ' ';
    while let Some((tag, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        if let [letter @ (b'I' | b'W' | b'E' | b'V' | b'F')] = tag.as_bytes() {
            severity = char::from(*letter);
        } else if !tag.contains('/') && tag != "TRT" {
            break;
        }
        rest = after.trim_start();
    }
    (severity, rest)
}

fn event(source: &mut Source, run: &mut Run, number: u64, line: &str) {
    let (severity, text) = severity(line);
    match severity {
        'E' | 'F' => {
            if run.errors.len() < MESSAGE_LIMIT {
                run.errors.push(shorten(text, 200));
            }
            return;
        }
        'W' => {
            // Its warnings about the measurement begin with a star; their advice follows indented.
            if let Some(warning) = text.strip_prefix("* ").filter(|_| run.own_warnings.len() < MESSAGE_LIMIT)
            {
                run.own_warnings.push(warning.trim().to_owned());
            }
            return;
        }
        _ => {}
    }
    if let Some(block) = text.strip_prefix("=== ").and_then(|text| text.strip_suffix(" ===")) {
        block.clone_into(&mut run.block);
        run.old_heading = None;
        return;
    }
    if text.is_empty() {
        run.block.clear();
        return;
    }
    let foreign = &mut run.foreign;
    if let Some(heading) = quantity(text) {
        // "Host Latency" alone on its line.
        run.old_heading = Some(heading);
        return;
    }
    let Some((key, value)) = text.split_once(':') else {
        message(foreign, text);
        return;
    };
    let (key, value) = (key.trim(), value.trim());
    if let Some(measured) = quantity(key).filter(|_| value.contains(" = ")) {
        statistics(source, foreign, number, &measured, value);
    } else if let Some(heading) = run.old_heading.clone()
        && old_statistic(foreign, &heading, key, value)
    {
    } else {
        match (run.block.as_str(), key) {
            (_, "Throughput" | "throughput") => {
                let qps = value.strip_suffix("qps").and_then(number_in);
                foreign.add(Quantity::Throughput, Statistic::Value, qps, Unit::QueriesPerSecond);
            }
            (_, "Total Host Walltime" | "walltime") => {
                let seconds = value.strip_suffix('s').and_then(number_in);
                foreign.add(Quantity::Duration, Statistic::Value, seconds, Unit::Seconds);
            }
            (_, "TensorRT version") => foreign.tool_version = Some(value.to_owned()),
            ("Model Options", "Model") => {
                foreign.model = Some(value.to_owned()).filter(|name| !name.is_empty());
            }
            ("Build Options", "Precision") => foreign.precision = Some(value.to_owned()),
            ("Build Options", "Sparsity" | "Memory Pools" | "avgTiming" | "Max batch" | "MaxBatch") => {
                foreign.set(key, value);
            }
            ("Device Information", "Selected Device") => foreign.system = Some(value.to_owned()),
            ("Device Information", key) if !key.starts_with("Device ") => foreign.set(key, value),
            ("Inference Options", key) => inference_option(foreign, key, value),
            _ => message(foreign, text),
        }
    }
}

fn inference_option(foreign: &mut Foreign, key: &str, value: &str) {
    match key {
        "Inference Streams" | "Streams" => foreign.concurrency = number_in(value),
        "Batch" => foreign.batch = value.parse().ok().or(foreign.batch),
        "Input inference shapes" | "Input inference shape" => {
            foreign.batch = batch_of(value).or(foreign.batch);
        }
        _ => {}
    }
    foreign.set(key, value);
}

/// Sentences outside the blocks.
fn message(foreign: &mut Foreign, text: &str) {
    let between = |before: &str, after: &str| number_in(text.split_once(before)?.1.split_once(after)?.0);
    if text.starts_with("Input binding for ")
        && let Some((_, dims)) = text.split_once(" with dimensions ")
        && foreign.batch.is_none()
    {
        foreign.batch = dims.split('x').next().and_then(|batch| batch.trim().parse().ok());
    } else if text.starts_with("Timing trace has ") {
        foreign.add(Quantity::Completed, Statistic::Value, between("has ", " queries"), Unit::Count);
    } else if text.starts_with("Warmup completed ") {
        foreign.add(Quantity::WarmUp, Statistic::Total, between("completed ", " queries"), Unit::Count);
    } else if text.starts_with("Engine built in ") {
        let build = Quantity::Other("engine build".to_owned());
        foreign.add_time(build, Statistic::Value, between("built in ", " sec"), 1e9);
    } else if text.starts_with("Engine deserialized in ") {
        foreign.add_time(Quantity::Load, Statistic::Value, between("deserialized in ", " sec"), 1e9);
    }
}

/// `min = 1.18591 ms, max = …, mean = …, median = …, percentile(90%) = …`.
fn statistics(source: &mut Source, foreign: &mut Foreign, line: u64, measured: &Quantity, values: &str) {
    for pair in values.split(", ") {
        let Some((name, value)) = pair.split_once(" = ") else {
            source.warn(format!("line {line}"), format!("not understood: {pair:?}"));
            continue;
        };
        let name = name.trim();
        let statistic = match name {
            "min" => Some(Statistic::Min),
            "max" => Some(Statistic::Max),
            "mean" => Some(Statistic::Mean),
            "median" => Some(Statistic::Percentile(50.0)),
            _ => name
                .strip_prefix("percentile(")
                .and_then(|name| name.strip_suffix("%)"))
                .and_then(number_in)
                .map(Statistic::Percentile),
        };
        // The last value of a cut file may lack its unit; trtexec writes nothing but milliseconds.
        let millis = value.trim().strip_suffix("ms").and_then(number_in);
        match (statistic, millis) {
            (Some(statistic), Some(millis)) => {
                if foreign.metric(measured, statistic).is_none() {
                    foreign.add_time(measured.clone(), statistic, Some(millis), 1e6);
                }
            }
            _ => source.warn(format!("line {line}"), format!("left out, not understood: {pair:?}")),
        }
    }
}

/// `min: 1.08 ms (end to end 2.03 ms)` and `percentile: 1.2 ms at 99% (end to end 2.2 ms at 99%)` of TensorRT 7.0.
fn old_statistic(foreign: &mut Foreign, heading: &Quantity, key: &str, value: &str) -> bool {
    let (own, end_to_end) = match value.split_once('(') {
        Some((own, rest)) => (own.trim(), rest.trim_end_matches(')').strip_prefix("end to end ")),
        None => (value, None),
    };
    let mut add = |quantity: &Quantity, text: &str| {
        let (millis, percentile) = match text.split_once(" ms at ") {
            Some((millis, percentile)) => (number_in(millis), number_in(percentile.trim_end_matches('%'))),
            None => (text.strip_suffix("ms").and_then(number_in), None),
        };
        let statistic = match (key, percentile) {
            ("min", _) => Statistic::Min,
            ("max", _) => Statistic::Max,
            ("mean", _) => Statistic::Mean,
            ("median", _) => Statistic::Percentile(50.0),
            ("percentile", Some(percentile)) => Statistic::Percentile(percentile),
            _ => return false,
        };
        if foreign.metric(quantity, statistic).is_none() {
            foreign.add_time(quantity.clone(), statistic, millis, 1e6);
        }
        millis.is_some()
    };
    let understood = add(heading, own);
    if let Some(end_to_end) = end_to_end {
        add(&Quantity::Other("end-to-end latency".to_owned()), end_to_end);
    }
    understood
}

fn ended(run: Run) -> Foreign {
    let Run { mut foreign, own_warnings, errors, failed, .. } = run;
    finish(&mut foreign);
    for warning in own_warnings {
        foreign.note(format!("trtexec warns: {warning}"));
    }
    if foreign.metric(&Quantity::Other("end-to-end latency".to_owned()), Statistic::Mean).is_some() {
        foreign
            .note("End-to-end latency (TensorRT 8.2 and older) also holds waiting for the inference before.");
    }
    if failed {
        foreign.validity =
            Validity::Invalid(if errors.is_empty() { vec!["the run failed".to_owned()] } else { errors });
    }
    foreign
}
