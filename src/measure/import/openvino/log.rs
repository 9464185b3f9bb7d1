//! What benchmark_app prints: times that are not rounded to 0.01 ms, the version, and the precision that really ran.

use super::super::json::number_in;
use super::super::source::{Head, Source, shorten};
use super::super::{Foreign, ImportError, Quantity, Results, Statistic, Unit, Validity};
use super::report::{TOOL, batch_of, finish};

pub(super) fn detects(head: &Head) -> bool {
    let step =
        |line: &str| line.starts_with("[Step 1/") && line.contains("Parsing and validating input arguments");
    !head.is_json() && head.lines().take(200).any(|line| step(line.trim()))
}

pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let mut foreign = source.foreign(TOOL, "");
    let mut last = 0;
    let mut errors = Vec::new();
    let mut model_inputs = false;
    source.for_each_line_of_text(|source, number, line| {
        last = number;
        let line = line.trim();
        if line.starts_with("[Step 1/") && foreign.metric(&Quantity::Throughput, Statistic::Value).is_some() {
            ended(&mut foreign);
            results
                .results
                .push(std::mem::replace(&mut foreign, source.foreign(TOOL, format!("line {number}"))));
        }
        let tagged = |tag: &str| line.strip_prefix(tag).map(str::trim);
        if let Some(error) = tagged("[ ERROR ]").filter(|error| !error.is_empty()) {
            if errors.len() < 20 {
                errors.push(shorten(error, 200));
            }
        } else if let Some(warning) = tagged("[ WARNING ]") {
            source.warn(format!("line {number}"), format!("benchmark_app warns: {}", shorten(warning, 200)));
        } else if let Some(text) = tagged("[ INFO ]") {
            if text == "Model inputs:" {
                model_inputs = true;
            } else if model_inputs && text.contains(" (node: ") {
                foreign.set("input", text);
            } else {
                model_inputs = false;
                info(&mut foreign, text);
            }
        } else if let Some((_, measuring)) = line.split_once("Measuring performance (") {
            foreign.set("measured", measuring.trim_end_matches(')'));
            let words = measuring.to_ascii_lowercase();
            foreign.scenario = ["asynchronous", "synchronous"]
                .iter()
                .find(|word| words.contains(*word))
                .map(|word| if *word == "synchronous" { "sync" } else { "async" }.to_owned());
        }
        Ok(())
    })?;
    if foreign.metric(&Quantity::Throughput, Statistic::Value).is_some() {
        ended(&mut foreign);
        if !errors.is_empty() {
            foreign.validity = Validity::Invalid(errors);
        }
        results.results.push(foreign);
    } else if results.results.is_empty() {
        let problem = match errors.first() {
            Some(error) => format!("the run failed: {error}"),
            None => "it ends before the throughput".to_owned(),
        };
        return Err(source.broken(format!("line {last}"), problem, "copy the whole log or repeat the run"));
    } else {
        source.warn(format!("line {last}"), "the last run has no result and is left out");
    }
    Ok(results)
}

/// One line of information.
fn info(foreign: &mut Foreign, text: &str) {
    if let Some(build) = text.strip_prefix("Build ..") {
        foreign.tool_version.get_or_insert_with(|| build.trim_start_matches(['.', ' ']).to_owned());
        return;
    }
    // "Compile model took 46.69 ms"
    if let Some((what, took)) = text.split_once(" took ") {
        let millis = took.strip_suffix("ms").and_then(number_in);
        let quantity = match what {
            "Compile model" | "Load network" => Quantity::Load,
            "First inference" => Quantity::FirstInference,
            "Read model" => Quantity::Other("read model".to_owned()),
            "Reshape model" => Quantity::Other("reshape model".to_owned()),
            _ => return,
        };
        foreign.add_rounded_time(quantity, Statistic::Value, millis, 1e6, 0.005);
        return;
    }
    let Some((key, value)) = text.split_once(':') else { return };
    let (key, value) = (key.trim(), value.trim());
    let statistic = match key {
        "Median" => Some(Statistic::Percentile(50.0)),
        "Average" | "AVG" => Some(Statistic::Mean),
        "Min" | "MIN" => Some(Statistic::Min),
        "Max" | "MAX" => Some(Statistic::Max),
        _ => key.strip_suffix(" percentile").and_then(number_in).map(Statistic::Percentile),
    };
    if let Some(statistic) = statistic {
        time(foreign, statistic, value);
        return;
    }
    match key {
        "Count" => {
            let count = value.split_whitespace().next().and_then(number_in);
            foreign.add(Quantity::Completed, Statistic::Value, count, Unit::Count);
        }
        "Duration" => {
            let seconds = value.strip_suffix("ms").and_then(number_in).map(|millis| millis / 1e3);
            foreign.add(Quantity::Duration, Statistic::Value, seconds, Unit::Seconds);
        }
        "Throughput" => {
            let rate = value.strip_suffix("FPS").and_then(number_in);
            foreign.add(Quantity::Throughput, Statistic::Value, rate, Unit::SamplesPerSecond);
        }
        "Model batch size" => foreign.batch = value.parse().ok(),
        "Reshaping model" => foreign.batch = foreign.batch.or(batch_of(value)),
        "NETWORK_NAME" => foreign.model = Some(value.to_owned()),
        "EXECUTION_DEVICES" | "Execution Devices" => {
            foreign.system = Some(value.trim_matches(['[', ']']).replace('\'', ""));
        }
        "OPTIMAL_NUMBER_OF_INFER_REQUESTS" => foreign.concurrency = number_in(value),
        "INFERENCE_PRECISION_HINT" => {
            // "<Type: 'bfloat16'>"
            foreign.precision = value.split('\'').nth(1).map(str::to_owned);
        }
        _ if key.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => foreign.set(key, value),
        _ => {}
    }
}

/// `95.74 us`, `0.09 ms`: the unit follows the size.
fn time(foreign: &mut Foreign, statistic: Statistic, value: &str) {
    let Some((number, unit)) = value.rsplit_once(' ') else { return };
    let nanos = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => return,
    };
    // Groups of shapes repeat the names; the first are those of all.
    if foreign.metric(&Quantity::Latency, statistic).is_none() {
        foreign.add_rounded_time(Quantity::Latency, statistic, number_in(number), nanos, 0.005);
    }
}

fn ended(foreign: &mut Foreign) {
    finish(foreign, true);
    if foreign.precision.as_deref().is_some_and(|precision| precision.contains("16")) {
        foreign.note(
            "OpenVINO ran in 16-bit floating point (INFERENCE_PRECISION_HINT): not comparable with fp32.",
        );
    }
    if foreign.settings.get("input").is_some_and(|input| input.contains(": u8 ")) {
        foreign.note(
            "The input was turned into u8: less was read and converted than an fp32 model gets elsewhere.",
        );
    }
}
