//! `mlperf_log_detail.txt`: one event a line. Since `LoadGen` 1.0 as JSON after `:::MLLOG`; before as text, without
//! any result.

use serde_json::Value;

use super::super::json::{self, number, text};
use super::super::source::{Head, Source, shorten};
use super::super::{Foreign, ImportError, Quantity, Statistic, Unit, Validity};
use super::{Facts, TOOL, scenario_of};

pub(super) fn detects(head: &Head) -> bool {
    let first = head.first_line();
    first.starts_with(":::MLLOG ") || first.starts_with("\"pid\": ") && head.contains("LoadgenVersionInfo")
}

/// What the events said so far.
struct Log {
    foreign: Foreign,
    begin: Option<String>,
    end: Option<String>,
    valid: Option<String>,
    reasons: Vec<String>,
    accuracy: bool,
    broken: Option<(u64, String)>,
}

/// Reads the JSON events. `None` for the log of an accuracy run.
pub(super) fn parse(source: &mut Source) -> Result<Option<Facts>, ImportError> {
    let mut log = Log {
        foreign: source.foreign(TOOL, ""),
        begin: None,
        end: None,
        valid: None,
        reasons: Vec::new(),
        accuracy: false,
        broken: None,
    };
    source.for_each_line(|source, line_number, line| {
        let line = line.trim();
        if line.is_empty() {
            return Ok(());
        }
        // Only the last line may be cut; that is known when there is none after it.
        if let Some((at, problem)) = &log.broken {
            return Err(source.broken(format!("line {at}"), problem.as_str(), "copy the file again"));
        }
        match line.strip_prefix(":::MLLOG").map(|event| serde_json::from_str::<Value>(event.trim())) {
            Some(Ok(event)) => log.event(source, line_number, &event),
            Some(Err(error)) => {
                let full = error.to_string();
                let problem = full.split(" at line ").next().unwrap_or("").to_owned();
                log.broken = Some((line_number, format!("this is no JSON event: {problem}")));
            }
            None => log.broken = Some((line_number, format!("this is no event: {:?}", shorten(line, 40)))),
        }
        Ok(())
    })?;
    let Log { mut foreign, begin, end, valid, reasons, accuracy, broken } = log;
    if accuracy && foreign.metrics.is_empty() {
        return Ok(None);
    }
    if foreign.metrics.is_empty() {
        let (place, problem) = match broken {
            Some((at, problem)) => (format!("line {at}"), problem),
            None => ("the end of the file".to_owned(), "it ends before the results".to_owned()),
        };
        let advice = "copy the file again or repeat the run: LoadGen writes results last";
        return Err(source.broken(place, problem, advice));
    }
    if let Some((at, problem)) = broken {
        source.warn(format!("line {at}"), format!("the last line is left out: {problem}"));
    }
    foreign.validity = match valid.as_deref() {
        Some("VALID") => Validity::Valid,
        Some("INVALID") => Validity::Invalid(reasons),
        _ => {
            source.warn("the file", "the log does not say whether the run is valid: it may be cut");
            Validity::NotStated
        }
    };
    if foreign.scenario.as_deref() == Some("Server") {
        foreign.rate_per_second = foreign.settings.get("target_qps").and_then(|qps| json::number_in(qps));
    }
    Ok(Some(Facts { foreign, power_window: begin.zip(end) }))
}

impl Log {
    fn event(&mut self, source: &mut Source, line: u64, event: &Value) {
        let Some(key) = event.get("key").and_then(Value::as_str) else {
            source.warn(format!("line {line}"), "an event without a key is left out");
            return;
        };
        let value = event.get("value").unwrap_or(&Value::Null);
        match key {
            "loadgen_version" => self.foreign.tool_version = text(value),
            "power_begin" => self.begin = text(value),
            "power_end" => self.end = text(value),
            "result_validity" => self.valid = text(value),
            "result_invalid_reason" | "early_stopping_result" => {
                if self.valid.as_deref() == Some("INVALID") {
                    let lines = text(value).unwrap_or_default();
                    self.reasons.extend(lines.split(" * ").map(plain).filter(|line| !line.is_empty()));
                }
            }
            "result_perf_constraints_met"
            | "result_min_duration_met"
            | "result_min_queries_met"
            | "early_stopping_met"
            | "early_stopping_ttft_met"
            | "early_stopping_tpot_met" => {
                if value == &Value::Bool(false) {
                    self.reasons.push(format!("{key}: false"));
                }
            }
            "effective_scenario" | "requested_scenario" => {
                self.foreign.scenario = text(value).map(|word| scenario_of(&word));
            }
            "error_invalid_test_settings" | "error_runtime" | "warning_generic_message" => {
                let message = text(value).unwrap_or_default();
                source.warn(format!("line {line}"), format!("LoadGen says: {}", shorten(&message, 200)));
            }
            "num_errors" | "num_warnings" | "sut_name" | "qsl_name" | "test_datetime" => {
                self.foreign.set(key, text(value).unwrap_or_default());
            }
            _ => {
                if let Some(setting) = key.strip_prefix("effective_") {
                    self.accuracy |=
                        setting == "test_mode" && text(value).is_some_and(|mode| mode.starts_with("Acc"));
                    self.foreign.set(setting, text(value).unwrap_or_default());
                } else {
                    self.number(source, line, key, value);
                }
            }
        }
    }

    fn number(&mut self, source: &mut Source, line: u64, key: &str, value: &Value) {
        let Some((quantity, statistic, unit)) = meaning(key) else { return };
        match number(value) {
            // LoadGen writes 0 where the run was too short for a bound.
            Some(0.0) if matches!(statistic, Statistic::EarlyStopping(_)) => {}
            Some(value) => {
                if self.foreign.metric(&quantity, statistic).is_none() {
                    self.foreign.add(quantity, statistic, Some(value), unit);
                }
            }
            None => source.warn(
                format!("line {line}"),
                format!("{key} is no number: {}", shorten(&value.to_string(), 40)),
            ),
        }
    }
}

/// Text without runs of white space and without the star that begins it.
fn plain(text: &str) -> String {
    text.trim().trim_start_matches("* ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What an event measures.
fn meaning(key: &str) -> Option<(Quantity, Statistic, Unit)> {
    let other = |name: &str| Quantity::Other(name.to_owned());
    let (quantity, unit) = match key {
        "result_samples_per_second"
        | "result_completed_samples_per_sec"
        | "result_completed_samples_per_second" => (Quantity::Throughput, Unit::SamplesPerSecond),
        "result_scheduled_samples_per_sec" => (other("scheduled samples per second"), Unit::SamplesPerSecond),
        "result_qps_with_loadgen_overhead" => (Quantity::Throughput, Unit::QueriesPerSecond),
        "result_qps_without_loadgen_overhead" => {
            (other("queries per second without LoadGen's overhead"), Unit::QueriesPerSecond)
        }
        "result_tokens_per_second" | "result_completed_tokens_per_second" => {
            (Quantity::OutputTokens, Unit::TokensPerSecond)
        }
        "result_inferred_tokens_per_second" | "result_inferred_completed_tokens_per_second" => {
            (other("tokens per second, inferred from a mean length"), Unit::TokensPerSecond)
        }
        "result_query_count" => (Quantity::Completed, Unit::Count),
        "result_overlatency_query_count" => (other("queries over the latency bound"), Unit::Count),
        "early_stopping_latency_ss" => {
            return Some((Quantity::Latency, Statistic::EarlyStopping(90.0), Unit::Nanos));
        }
        "early_stopping_latency_ms" => {
            return Some((Quantity::Latency, Statistic::EarlyStopping(99.0), Unit::Nanos));
        }
        _ => return time(key),
    };
    Some((quantity, Statistic::Value, unit))
}

/// `result_99.00_percentile_latency_ns`, `result_first_token_mean_latency_ns`,
/// `result_time_per_output_token_99.00_percentile_ns`, `result_time_to_output_token_min`.
fn time(key: &str) -> Option<(Quantity, Statistic, Unit)> {
    let name = key.strip_prefix("result_")?;
    let quantity = if name.contains("first_token") {
        Quantity::FirstToken
    } else if name.contains("time_per_output_token") || name.contains("time_to_output_token") {
        Quantity::TimePerOutputToken
    } else if name.contains("per_sample_latency") {
        Quantity::Other("latency of a sample".to_owned())
    } else if name.contains("latency") {
        Quantity::Latency
    } else {
        return None;
    };
    let words: Vec<_> = name.split('_').collect();
    let statistic = if let Some(at) = words.iter().position(|word| *word == "percentile") {
        Statistic::Percentile(json::number_in(words.get(at.checked_sub(1)?)?)?)
    } else if words.contains(&"min") {
        Statistic::Min
    } else if words.contains(&"max") {
        Statistic::Max
    } else if words.contains(&"mean") {
        Statistic::Mean
    } else {
        return None;
    };
    Some((quantity, statistic, Unit::Nanos))
}

/// Reads a detail log from before 1.0: version, settings and the run's window.
pub(super) fn parse_old(source: &mut Source) -> Result<Facts, ImportError> {
    let mut foreign: Foreign = source.foreign(TOOL, "");
    let mut begin = None;
    let mut end = None;
    let mut effective = false;
    source.for_each_line_of_text(|source, number, line| {
        let Some((_, message)) = line.split_once("ns : ").filter(|_| line.starts_with("\"pid\"")) else {
            return Ok(());
        };
        let message = message.trim();
        if message.ends_with("Settings:") {
            effective = message.starts_with("Effective");
        } else if message.starts_with("ERROR") {
            source.warn(format!("line {number}"), format!("LoadGen says: {}", shorten(message, 200)));
        } else if let Some((key, value)) = message.split_once(':') {
            let (key, value) = (key.trim(), value.trim());
            match key {
                "version" => foreign.tool_version = Some(value.to_owned()),
                "POWER_BEGIN" => {
                    begin = value.split_once("\"time\" :").map(|(_, time)| time.trim().to_owned());
                }
                "POWER_END" => end = value.split_once("\"time\" :").map(|(_, time)| time.trim().to_owned()),
                "Date + time of test" => foreign.set("test_datetime", value),
                "Scenario" if effective => foreign.scenario = Some(scenario_of(value)),
                _ if effective && !key.contains(' ') => foreign.set(key, value),
                _ => {}
            }
        }
        Ok(())
    })?;
    Ok(Facts { foreign, power_window: begin.zip(end) })
}
