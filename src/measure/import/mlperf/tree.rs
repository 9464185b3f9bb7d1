//! A submission's folders: what the path and the files around a log say of model, system, precision and accuracy.
//!
//! `ORG/results/SYSTEM/MODEL/SCENARIO/performance/run_1/`, `ORG/systems/SYSTEM.json`, and `measurements.json` in
//! `ORG/measurements/SYSTEM/MODEL/SCENARIO/` (to v4.1) or beside `performance` (later).

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::super::json::{count_at, number, number_in, text_at, whole};
use super::super::source::Source;
use super::super::{Foreign, Quantity, Statistic, Unit};
use super::scenario_of;

/// Adds what the folders around `run_folder` say.
pub(super) fn add(source: &mut Source, foreign: &mut Foreign, run_folder: &Path) {
    let Some(place) = Place::of(run_folder) else { return };
    foreign.model.get_or_insert_with(|| place.model.clone());
    foreign.scenario.get_or_insert_with(|| scenario_of(&place.scenario));
    foreign.set("submitter", name(&place.organisation));
    let system = place.organisation.join("systems").join(format!("{}.json", place.system));
    if let Some(json) = json(source, &system) {
        foreign.system = words(&json).or(foreign.system.take());
        foreign.framework = text_at(&json, "framework").or(foreign.framework.take());
        for key in
            ["system_name", "status", "division", "system_type", "host_memory_capacity", "operating_system"]
        {
            if let Some(value) = text_at(&json, key) {
                foreign.set(key, value);
            }
        }
    }
    foreign.system.get_or_insert_with(|| place.system.clone());
    for path in place.measurements() {
        if let Some(json) = json(source, &path) {
            foreign.precision = text_at(&json, "weight_data_types").or(foreign.precision.take());
            for key in
                ["input_data_types", "weight_transformations", "starting_weights_filename", "retraining"]
            {
                if let Some(value) = text_at(&json, key) {
                    foreign.set(key, value);
                }
            }
            break;
        }
    }
    let accuracy = place.scenario_folder.join("accuracy").join("accuracy.txt");
    if accuracy.is_file() {
        match Source::open(&accuracy).and_then(|mut file| file.text()) {
            Ok(text) => self::accuracy(foreign, &text),
            Err(error) => source.warn("accuracy.txt", error.to_string()),
        }
    }
}

/// Where a run stands in a submission.
struct Place {
    organisation: PathBuf,
    system: String,
    model: String,
    scenario: String,
    scenario_folder: PathBuf,
}

impl Place {
    fn of(run_folder: &Path) -> Option<Self> {
        let run_folder = std::path::absolute(run_folder).ok()?;
        let performance = run_folder.parent().filter(|folder| name(folder) == "performance")?;
        let scenario_folder = performance.parent()?;
        let model = scenario_folder.parent()?;
        let system = model.parent()?;
        let results = system.parent().filter(|folder| name(folder) == "results")?;
        Some(Self {
            organisation: results.parent()?.to_owned(),
            system: name(system),
            model: name(model),
            scenario: name(scenario_folder),
            scenario_folder: scenario_folder.to_owned(),
        })
    }

    /// Where `measurements.json` can be, newest layout first.
    fn measurements(&self) -> Vec<PathBuf> {
        let Self { organisation, system, model, scenario, scenario_folder } = self;
        let old = organisation.join("measurements").join(system).join(model).join(scenario);
        vec![scenario_folder.join("measurements.json"), old.join("measurements.json")]
    }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A JSON file that may be there.
fn json(source: &mut Source, path: &Path) -> Option<Value> {
    if !path.is_file() {
        return None;
    }
    match Source::open(path).and_then(|mut file| whole(&mut file)) {
        Ok(json) => Some(json),
        Err(error) => {
            source.warn(name(path), error.to_string());
            None
        }
    }
}

/// `8x NVIDIA H200-SXM-141GB, 2x Intel Xeon Platinum 8592+`.
pub(super) fn words(json: &Value) -> Option<String> {
    let mut parts = Vec::new();
    for (count, model) in [
        ("accelerators_per_node", "accelerator_model_name"),
        ("host_processors_per_node", "host_processor_model_name"),
    ] {
        let Some(model) =
            text_at(json, model).filter(|model| !model.eq_ignore_ascii_case("n/a") && model != "-")
        else {
            continue;
        };
        // Some write the number into the name: "2xAMD EPYC".
        let counted = model.split_once('x').is_some_and(|(number, _)| number.parse::<u64>().is_ok());
        match count_at(json, count).filter(|count| *count > 0 && !counted) {
            Some(count) => parts.push(format!("{count}x {model}")),
            None => parts.push(model),
        }
    }
    let nodes = count_at(json, "number_of_nodes").filter(|nodes| *nodes > 1);
    let parts = (!parts.is_empty()).then(|| parts.join(", "))?;
    Some(nodes.map_or(parts.clone(), |nodes| format!("{nodes} nodes of {parts}")))
}

/// `accuracy=76.014%, good=…`, `mAP=…`, `Accuracy: mean = 0.861`, `{"exact_match": 82.9, "f1": 90.4}`.
fn accuracy(foreign: &mut Foreign, text: &str) {
    const BEFORE: [&str; 5] = ["accuracy=", "mAP=", "AUC=", "Accuracy: mean =", "BLEU: "];
    for line in text.lines().take(10_000).map(str::trim) {
        if line.starts_with('{')
            && let Ok(Value::Object(values)) = serde_json::from_str(&line.replace('\'', "\""))
        {
            let mut numbers: Vec<(&str, f64)> =
                values.iter().filter_map(|(key, value)| Some((key.as_str(), number(value)?))).collect();
            // Lengths and counts stand among them.
            numbers.retain(|(key, _)| !key.starts_with("gen_") && !key.starts_with("tokens"));
            for (key, value) in &numbers {
                foreign.set(format!("accuracy {key}"), value.to_string());
            }
            let known = numbers.iter().find(|(key, _)| ["f1", "rouge1"].contains(key)).or(numbers.first());
            if let Some((key, value)) = known {
                let unit = Unit::Other((*key).to_owned());
                foreign.add(Quantity::Accuracy, Statistic::Value, Some(*value), unit);
                return;
            }
        }
        for before in BEFORE {
            let Some((_, rest)) = line.split_once(before) else { continue };
            let digits: String = rest
                .trim_start()
                .chars()
                .take_while(|char| char.is_ascii_digit() || matches!(char, '.' | '-'))
                .collect();
            if let Some(value) = number_in(&digits) {
                let name = before.trim_end_matches(['=', ' ', ':']).to_owned();
                foreign.add(Quantity::Accuracy, Statistic::Value, Some(value), Unit::Other(name));
                return;
            }
        }
    }
}
