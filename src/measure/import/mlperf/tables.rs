//! `summary.csv`, `summary.json` and the published `summary_results.json`: one row a result of a whole round of
//! submissions.

use serde_json::Value;

use super::super::json::{self, number_at, text_at};
use super::super::source::{Head, Kind, Source};
use super::super::{Foreign, ImportError, Quantiles, Quantity, Results, Statistic, Unit};
use super::tree::words;
use super::{TOOL, scenario_of};

/// Columns that tell this table from any other.
const TELLING: [&str; 5] = ["Organization", "Availability", "MlperfModel", "Scenario", "Result"];

/// What goes into fields of its own, not into the settings.
const OWN: [&str; 8] =
    ["Model", "Scenario", "Result", "Units", "framework", "weight_data_types", "Power_Result", "Power_Units"];

/// The published table's names and those of the submission checker's.
const PUBLISHED: [(&str, &str); 10] = [
    ("Submitter", "Organization"),
    ("System", "SystemName"),
    ("Nodes", "number_of_nodes"),
    ("Processor", "host_processor_model_name"),
    ("Accelerator", "accelerator_model_name"),
    ("a#", "accelerators_per_node"),
    ("Software", "framework"),
    ("Performance_Result", "Result"),
    ("Performance_Units", "Units"),
    ("Notes", "notes"),
];

pub(super) fn detects_csv(head: &Head) -> bool {
    let columns = head.columns(',');
    head.kind() == Kind::Csv && TELLING.iter().all(|name| columns.contains(name))
}

pub(super) fn detects_json(head: &Head) -> bool {
    head.is_json()
        && (head.has_keys(2, &TELLING)
            || head.has_keys(2, &["Submitter", "UsedModel", "Scenario", "Performance_Result"]))
}

pub(super) fn read_csv(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    // The parser counts the lines of files from Windows differently.
    let text = source.text()?.replace("\r\n", "\n");
    let rows = match text.rsplit_once('\n') {
        Some((rows, last)) if !last.trim().is_empty() => {
            let line = text.lines().count();
            source.warn(
                format!("line {line}"),
                "the last row has no line end, so it may be cut: it is left out (add a line end if the file is complete)",
            );
            rows
        }
        _ => text.as_str(),
    };
    let mut table = csv::ReaderBuilder::new().flexible(true).from_reader(rows.as_bytes());
    let names = match table.headers() {
        Ok(names) => names.clone(),
        Err(error) => return Err(source.broken("line 1", error.to_string(), "check the file")),
    };
    for row in table.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                return Err(source.broken(format!("line {line}"), error.to_string(), "check the file"));
            }
        };
        let place = format!("line {}", row.position().map_or(0, csv::Position::line));
        if row.len() != names.len() {
            let message = format!("it has {} values for {} columns and is left out", row.len(), names.len());
            source.warn(place, message);
            continue;
        }
        let values =
            names.iter().zip(&row).map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        if let Some(foreign) = result(source, place, &Value::Object(values)) {
            results.results.push(foreign);
        }
    }
    Ok(results)
}

pub(super) fn read_json(source: &mut Source) -> Result<Results, ImportError> {
    let mut results = source.results();
    let rows: Vec<(String, Value)> = match json::whole(source)? {
        Value::Object(rows) => rows.into_iter().collect(),
        Value::Array(rows) => rows.into_iter().enumerate().map(|(at, row)| (at.to_string(), row)).collect(),
        _ => Vec::new(),
    };
    let mut rows = rows;
    // The keys are numbers: 10 comes after 9.
    rows.sort_by_key(|(key, _)| key.parse::<u64>().unwrap_or(u64::MAX));
    for (key, row) in &rows {
        if let Some(foreign) = result(source, format!("[{key}]"), &checker_names(row)) {
            results.results.push(foreign);
        }
    }
    Ok(results)
}

/// A row of the published table under the submission checker's names; any other row as it is.
fn checker_names(row: &Value) -> Value {
    let Some(cells) = row.as_object().filter(|cells| cells.contains_key("Performance_Result")) else {
        return row.clone();
    };
    let mut renamed = serde_json::Map::new();
    for (key, value) in cells {
        let name =
            PUBLISHED.iter().find(|(published, _)| published == key).map_or(key.as_str(), |(_, name)| name);
        renamed.insert(name.to_owned(), value.clone());
    }
    // There "Model" is the benchmark and "UsedModel" what ran.
    if let Some(model) = renamed.remove("UsedModel") {
        let benchmark = renamed.insert("Model".to_owned(), model);
        renamed.extend(benchmark.map(|benchmark| ("MlperfModel".to_owned(), benchmark)));
    }
    Value::Object(renamed)
}

/// One row.
fn result(source: &mut Source, place: String, row: &Value) -> Option<Foreign> {
    let mut foreign = source.foreign(TOOL, place.as_str());
    let Some(value) = number_at(row, "Result") else {
        let found = text_at(row, "Result").unwrap_or_default();
        source.warn(place, format!("its result is no number and left out: {found:?}"));
        return None;
    };
    foreign.model = text_at(row, "Model");
    foreign.scenario = text_at(row, "Scenario").map(|word| scenario_of(&word));
    foreign.framework = text_at(row, "framework");
    foreign.precision = text_at(row, "weight_data_types");
    foreign.system = words(row).or_else(|| text_at(row, "SystemName"));
    foreign.quantiles = Quantiles::FloorIndex;
    for (key, value) in row.as_object()? {
        if !OWN.contains(&key.as_str())
            && let Some(value) = json::text(value)
        {
            foreign.set(key, value);
        }
    }
    let unit = text_at(row, "Units").unwrap_or_default();
    measured(source, &mut foreign, &place, value, &unit);
    if let (Some(value), Some(unit)) = (number_at(row, "Power_Result"), text_at(row, "Power_Units")) {
        measured(source, &mut foreign, &place, value, &unit);
    }
    if text_at(row, "inferred").is_some_and(|inferred| inferred == "1") {
        foreign.note("The result is inferred from another scenario of the same system, not measured.");
    }
    if let Some(accuracy) = text_at(row, "Accuracy") {
        match json::number_in(&accuracy) {
            Some(number) => {
                let unit = Unit::Other("as the benchmark defines it".to_owned());
                foreign.add(Quantity::Accuracy, Statistic::Value, Some(number), unit);
                foreign.settings.remove("Accuracy");
            }
            None => foreign.set("Accuracy", accuracy),
        }
    }
    Some(foreign)
}

/// The result itself: what it measures follows from unit, scenario and model.
fn measured(source: &mut Source, foreign: &mut Foreign, place: &str, value: f64, unit: &str) {
    let percentile = match foreign.scenario.as_deref() {
        Some("SingleStream") => Statistic::Percentile(90.0),
        Some("MultiStream") => Statistic::Percentile(99.0),
        _ => Statistic::Value,
    };
    match unit {
        "Samples/s" | "Queries/s" if counts_tokens(foreign) => {
            foreign.add(Quantity::OutputTokens, Statistic::Value, Some(value), Unit::TokensPerSecond);
            foreign.note(format!(
                "The table calls the unit {unit}, but the rules count generated tokens per second for this model."
            ));
        }
        "Samples/s" => {
            foreign.add(Quantity::Throughput, Statistic::Value, Some(value), Unit::SamplesPerSecond);
        }
        "Queries/s" => {
            foreign.add(Quantity::Throughput, Statistic::Value, Some(value), Unit::QueriesPerSecond);
        }
        "Tokens/s" => {
            foreign.add(Quantity::OutputTokens, Statistic::Value, Some(value), Unit::TokensPerSecond);
        }
        "Latency (s)" => foreign.add_time(Quantity::Latency, percentile, Some(value), 1e9),
        "Latency (ms)" => foreign.add_time(Quantity::Latency, percentile, Some(value), 1e6),
        "Latency (ns)" => foreign.add_time(Quantity::Latency, percentile, Some(value), 1.0),
        "Watts" => {
            foreign.add(Quantity::Power, Statistic::Mean, Some(value), Unit::Watts);
            foreign.note("Power is of the whole system at the wall, the mean over the run.");
        }
        "millijoules" | "millijoule" => {
            foreign.add(Quantity::Energy, Statistic::Value, Some(value * 1e-3), Unit::Joules);
            foreign.note("The energy is of one query (all its streams), as the rules define it.");
        }
        other => {
            source.warn(place, format!("the unit {other:?} is not known: the result is kept as it is"));
            let unit = Unit::Other(other.to_owned());
            foreign.add(Quantity::Other("result".to_owned()), Statistic::Value, Some(value), unit);
        }
    }
}

/// Whether the rules of the round count tokens for this model although the table says samples or queries: the
/// submission checker took tokens per second for Llama 2 70B and Mixtral since v4.0 and for GPT-J since v4.1.
fn counts_tokens(foreign: &Foreign) -> bool {
    let model = foreign.model.as_deref().unwrap_or_default();
    let round =
        foreign.settings.get("version").and_then(|version| json::number_in(version.trim_start_matches('v')));
    let Some(round) = round else { return false };
    let since = if model.starts_with("llama2-70b") || model.starts_with("mixtral-8x7b") {
        4.0
    } else if model.starts_with("gptj") {
        4.1
    } else {
        return false;
    };
    round >= since
}
