//! `mlperf_log_summary.txt` of `LoadGen` 0.5 to 6.1: what it prints for people at the end of a run.

use super::super::json::number_in;
use super::super::source::{Head, Source};
use super::super::{ImportError, Quantity, Statistic, Unit, Validity};
use super::{Facts, TOOL, scenario_of};

const HEADING: &str = "MLPerf Results Summary";

pub(super) fn detects(head: &Head) -> bool {
    !head.is_json() && head.lines().take(40).any(|line| line.trim() == HEADING)
}

/// Which lines follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Results,
    Reasons,
    EarlyStopping,
    Stats,
    Intervals,
    PerSample,
    Parameters,
}

pub(super) fn parse(source: &mut Source) -> Result<Facts, ImportError> {
    let mut foreign = source.foreign(TOOL, "");
    let mut part = Part::Results;
    let mut reasons = Vec::new();
    let mut valid = None;
    let mut headings = 0;
    source.for_each_line_of_text(|source, number, line| {
        let place = || format!("line {number}");
        let line = line.trim_end();
        let trimmed = line.trim();
        match trimmed {
            HEADING => {
                headings += 1;
                if headings > 1 {
                    return Err(source.broken(
                        place(),
                        "a second summary begins",
                        "keep one run in one file: LoadGen writes one each",
                    ));
                }
                part = Part::Results;
            }
            "Additional Stats" => part = Part::Stats,
            "Test Parameters Used" => part = Part::Parameters,
            "Per-sample latency:" => part = Part::PerSample,
            _ if trimmed.starts_with("Per-query latency:") => part = Part::Stats,
            _ if trimmed.starts_with("Intervals between") => part = Part::Intervals,
            _ if trimmed.starts_with("Recommendations:") => part = Part::Reasons,
            _ if trimmed.ends_with("Early Stopping Result:") => part = Part::EarlyStopping,
            _ if trimmed.starts_with("====") || trimmed.is_empty() => {}
            _ if trimmed.contains("encountered") && trimmed.ends_with('.') => {
                if !trimmed.starts_with("No ") {
                    source.warn(place(), format!("LoadGen says: {trimmed}"));
                }
            }
            _ => {
                if part == Part::Reasons {
                    reason(&mut reasons, trimmed);
                    return Ok(());
                }
                if part == Part::EarlyStopping {
                    early_stopping(source, &mut foreign, &place(), trimmed);
                    if valid == Some(false) {
                        reason(&mut reasons, trimmed);
                    }
                    return Ok(());
                }
                let Some((key, value)) = trimmed.split_once(':') else {
                    source.warn(place(), format!("not understood: {trimmed:?}"));
                    return Ok(());
                };
                let (key, value) = (key.trim(), value.trim());
                if key == "Result is" {
                    valid = match value {
                        "VALID" => Some(true),
                        "INVALID" => Some(false),
                        other => {
                            source.warn(place(), format!("neither VALID nor INVALID: {other:?}"));
                            None
                        }
                    };
                } else if key.ends_with("satisfied") {
                    if !value.eq_ignore_ascii_case("yes") {
                        reasons.push(format!("{key}: {value}"));
                    }
                } else if part == Part::Parameters {
                    foreign.set(setting(key), value);
                } else {
                    fact(source, &mut foreign, part, &place(), key, value);
                }
            }
        }
        Ok(())
    })?;
    foreign.validity = match valid {
        Some(true) => Validity::Valid,
        Some(false) => Validity::Invalid(reasons),
        None => Validity::NotStated,
    };
    if foreign.metrics.is_empty() {
        let problem = if foreign.settings.get("test_mode").is_some_and(|mode| mode.starts_with("Accuracy")) {
            "it is the summary of an accuracy run, which has no performance"
        } else {
            "it ends before the first result"
        };
        return Err(source.broken(
            "the end of the file",
            problem,
            "copy the file again or open another run's",
        ));
    }
    if valid.is_none() {
        source.warn("the file", "the line \"Result is\" is missing: the log may be cut");
    } else if !foreign.settings.contains_key("samples_per_query") {
        source.warn("the end of the file", "the test parameters are missing: the log is cut");
    }
    if foreign.scenario.as_deref() == Some("Server") {
        foreign.rate_per_second = foreign.settings.get("target_qps").and_then(|qps| number_in(qps));
    }
    foreign.settings.retain(|key, value| !(key.starts_with("max_") && value == "0"));
    Ok(Facts { foreign, power_window: None })
}

/// A reason begins with a star and can go over several lines.
fn reason(reasons: &mut Vec<String>, line: &str) {
    match (line.strip_prefix('*'), reasons.last_mut()) {
        (Some(first), _) => reasons.push(first.trim().to_owned()),
        (None, Some(reason)) if reason.ends_with(',') || line.starts_with(char::is_lowercase) => {
            reason.push(' ');
            reason.push_str(line);
        }
        (None, _) => reasons.push(line.to_owned()),
    }
}

/// ` * Early stopping 90.0th percentile estimate: 6656688`.
fn early_stopping(source: &mut Source, foreign: &mut super::Foreign, place: &str, line: &str) {
    let line = line.trim_start_matches(['*', ' ']);
    if let Some(rest) = line.strip_prefix("Early stopping ")
        && let Some((percentile, value)) = rest.split_once("percentile estimate:")
    {
        let percentile = number_in(percentile.trim().trim_end_matches("th"));
        match (percentile, number_in(value)) {
            (Some(percentile), Some(nanos)) => {
                foreign.add_time(Quantity::Latency, Statistic::EarlyStopping(percentile), Some(nanos), 1.0);
            }
            _ => source.warn(place, format!("not understood: {line:?}")),
        }
    } else if let Some(rest) = line.strip_prefix("Processed ") {
        // "Processed at least 64 queries (478)." or "Processed 200 queries."
        let count = rest.split_once('(').map_or(rest, |(_, count)| count);
        let digits: String = count.chars().take_while(char::is_ascii_digit).collect();
        if foreign.metric(&Quantity::Completed, Statistic::Value).is_none() {
            foreign.add(Quantity::Completed, Statistic::Value, number_in(&digits), Unit::Count);
        }
    }
}

/// One line of a result or of the additional statistics.
fn fact(source: &mut Source, foreign: &mut super::Foreign, part: Part, place: &str, key: &str, value: &str) {
    match key {
        "SUT name" => return foreign.set("sut_name", value),
        "Scenario" => {
            foreign.scenario = Some(scenario_of(value)).filter(|word| !word.is_empty());
            return;
        }
        "Mode" => return foreign.set("test_mode", value),
        _ => {}
    }
    if part == Part::Intervals {
        return;
    }
    let Some((quantity, statistic, unit)) = meaning(key, part) else {
        source.warn(place, format!("not understood: {key:?}"));
        return;
    };
    let Some(number) = number_in(value) else {
        source.warn(place, format!("{key} is no number: {value:?}"));
        return;
    };
    if foreign.metric(&quantity, statistic).is_none() {
        foreign.add(quantity, statistic, Some(number), unit);
    }
}

/// A parameter's name as the detail log has it: `min_duration_ms` for `min_duration (ms)`.
fn setting(key: &str) -> String {
    key.replace(" (", "_").trim_end_matches(')').to_owned()
}

/// What a line measures.
fn meaning(key: &str, part: Part) -> Option<(Quantity, Statistic, Unit)> {
    let other = |name: &str| Quantity::Other(name.to_owned());
    let lower = key.to_ascii_lowercase();
    let rate = match lower.as_str() {
        "samples per second" | "completed samples per second" => {
            Some((Quantity::Throughput, Unit::SamplesPerSecond))
        }
        "scheduled samples per second" => {
            Some((other("scheduled samples per second"), Unit::SamplesPerSecond))
        }
        "qps w/ loadgen overhead" => Some((Quantity::Throughput, Unit::QueriesPerSecond)),
        "qps w/o loadgen overhead" => {
            Some((other("queries per second without LoadGen's overhead"), Unit::QueriesPerSecond))
        }
        "tokens per second" | "completed tokens per second" => {
            Some((Quantity::OutputTokens, Unit::TokensPerSecond))
        }
        "tokens per second (inferred)" | "completed tokens per second (inferred)" => {
            Some((other("tokens per second, inferred from a mean length"), Unit::TokensPerSecond))
        }
        "samples per query" => Some((other("samples per query"), Unit::Count)),
        _ => None,
    };
    if let Some((quantity, unit)) = rate {
        return Some((quantity, Statistic::Value, unit));
    }
    let name = lower.strip_suffix("(ns)")?.trim_end();
    let (statistic, what) = if let Some(rest) = name.strip_prefix("min ") {
        (Statistic::Min, rest)
    } else if let Some(rest) = name.strip_prefix("max ") {
        (Statistic::Max, rest)
    } else if let Some(rest) = name.strip_prefix("mean ") {
        (Statistic::Mean, rest)
    } else {
        let (percentile, rest) = name.split_once("percentile ")?;
        (Statistic::Percentile(number_in(percentile.trim().trim_end_matches("th"))?), rest)
    };
    let quantity = match what.trim() {
        "latency" if part == Part::PerSample => other("latency of a sample"),
        "latency" => Quantity::Latency,
        "first token latency" => Quantity::FirstToken,
        "time to output token" | "time per output token" => Quantity::TimePerOutputToken,
        _ => return None,
    };
    Some((quantity, statistic, Unit::Nanos))
}
