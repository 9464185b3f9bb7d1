//! The settings seldom needed: how load is made, sessions side by side, graph optimisation, sizes of dynamic
//! dimensions, fewest queries, inputs. Folded, it says in words what is not as usual.

use std::collections::BTreeMap;
use std::path::PathBuf;

use egui::{DragValue, Ui};

use super::fields::{
    FIELD, NAMES, Problem, beside_ui, counts, list_row_ui, problem_row_ui, row_ui, small_counts,
};
use super::scenarios::Scenarios;
use crate::app::{ModelEntry, State};
use crate::measure::Optimisation;
use crate::measure::sweep::{Sweep, shapes_of};
use crate::model::dims;
use crate::ui::pages::parts::halves_ui;
use crate::ui::widgets::{
    fold_ui, form_row_ui, line_edit, quiet_button_ui, segmented_ui, text_field_ui, toggles_ui,
};

/// Where inputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Inputs {
    #[default]
    Generated,
    File,
}

/// What is typed in.
#[derive(Debug)]
pub(super) struct More {
    open: bool,
    scenarios: Scenarios,
    instances: String,
    optimisations: Vec<Optimisation>,
    min_queries: u64,
    sizes: BTreeMap<String, String>,
    inputs: Inputs,
    file: String,
    /// Dynamic dimensions of the chosen models, and which models have each.
    free: Vec<(String, Vec<String>)>,
    free_of: Option<Vec<String>>,
}

impl Default for More {
    fn default() -> Self {
        Self {
            open: false,
            scenarios: Scenarios::default(),
            instances: "1".to_owned(),
            optimisations: vec![Optimisation::All],
            min_queries: 0,
            sizes: BTreeMap::new(),
            inputs: Inputs::default(),
            file: String::new(),
            free: Vec::new(),
            free_of: None,
        }
    }
}

impl More {
    /// Brings what follows from the chosen models up to date.
    pub fn refresh(&mut self, chosen: &[&ModelEntry]) {
        let key = Some(chosen.iter().map(|entry| entry.model.sha256.clone()).collect());
        if self.free_of != key {
            self.free = free_dims(chosen);
            self.free_of = key;
        }
    }

    /// Its part of the sweep.
    pub fn sweep(&self) -> Result<Sweep, Problem> {
        let mut sizes = Vec::new();
        for (name, _) in &self.free {
            let text = self.sizes.get(name).map_or("", String::as_str).trim();
            if !text.is_empty() {
                let field = format!("Size of {name}");
                sizes.push((name.clone(), counts(text).map_err(Problem::of(&field))?));
            }
        }
        Ok(Sweep {
            instances: small_counts(&self.instances).map_err(Problem::of("Sessions"))?,
            optimisations: self.optimisations.clone(),
            shapes: shapes_of(&sizes),
            scenarios: self.scenarios.chosen()?,
            min_queries: self.min_queries,
            inputs: self.input_file()?,
            ..Sweep::default()
        })
    }

    fn input_file(&self) -> Result<Option<PathBuf>, Problem> {
        match self.inputs {
            Inputs::Generated => Ok(None),
            Inputs::File if self.file.trim().is_empty() => {
                Err(Problem::of("Inputs")("no file is named. Name a .npy or .npz file".to_owned()))
            }
            Inputs::File => Ok(Some(PathBuf::from(self.file.trim()))),
        }
    }

    pub fn ui(&mut self, ui: &mut Ui, state: &State, chosen: &[&ModelEntry]) {
        let note = self.unusual();
        fold_ui(ui, "More settings", &mut self.open, &note);
        if !self.open {
            return;
        }
        halves_ui(ui, |ui, left| {
            if left {
                self.scenarios.ui(ui, state.trace.is_some());
            } else {
                self.settings_ui(ui, state, chosen);
            }
        });
    }

    /// What is not as usual; else what there is to set.
    fn unusual(&self) -> String {
        let mut words = Vec::new();
        let scenarios = self.scenarios.unusual();
        if !scenarios.is_empty() {
            words.push(scenarios);
        }
        if self.instances.trim() != "1" {
            words.push(format!("{} sessions", self.instances.trim()));
        }
        if self.optimisations != [Optimisation::All] {
            let levels: Vec<&str> = self.optimisations.iter().map(|level| level.key()).collect();
            words.push(format!("optimisation {}", levels.join(", ")));
        }
        for (name, _) in &self.free {
            let text = self.sizes.get(name).map_or("", String::as_str).trim();
            if !text.is_empty() {
                words.push(format!("{name} = {text}"));
            }
        }
        if self.min_queries > 0 {
            words.push(format!("at least {} queries", self.min_queries));
        }
        if self.inputs == Inputs::File {
            words.push("inputs from a file".to_owned());
        }
        if words.is_empty() {
            "scenarios, sessions, optimisation, inputs".to_owned()
        } else {
            words.join("; ")
        }
    }

    fn settings_ui(&mut self, ui: &mut Ui, state: &State, chosen: &[&ModelEntry]) {
        list_row_ui(ui, "Sessions", &mut self.instances, small_counts, "side by side, in one process")
            .on_hover_text("Used by every scenario but SingleStream, which has one");
        row_ui(ui, "Optimisation", |ui| {
            let levels = Optimisation::EACH.map(|level| (level, level.key()));
            toggles_ui(ui, "Graph optimisation", &mut self.optimisations, &levels);
        });
        self.sizes_ui(ui, chosen);
        ui.horizontal(|ui| {
            let drag = DragValue::new(&mut self.min_queries).range(0..=100_000_000).speed(10.0);
            form_row_ui(ui, "Fewest queries", NAMES, |ui| ui.add(drag.update_while_editing(false)));
            beside_ui(ui, "662 give a p99 in one run");
        });
        self.inputs_ui(ui, state);
    }

    fn sizes_ui(&mut self, ui: &mut Ui, chosen: &[&ModelEntry]) {
        let Self { free, sizes, .. } = self;
        for (name, models) in free.iter() {
            let text = sizes.entry(name.clone()).or_default();
            form_row_ui(ui, &format!("Size of {name}"), NAMES, |ui| {
                ui.add(line_edit(text, "found by trying", FIELD))
            })
            .on_hover_text("A dynamic dimension. Several sizes give a configuration each: 128, 256");
            if text.trim().is_empty() {
                continue;
            }
            if let Err(problem) = counts(text) {
                problem_row_ui(ui, &problem);
            }
            if models.len() < chosen.len() {
                let words = format!(
                    "Only {} has this dimension; the other models will refuse it. Measure them apart.",
                    models.join(", ")
                );
                problem_row_ui(ui, &words);
            }
        }
    }

    fn inputs_ui(&mut self, ui: &mut Ui, state: &State) {
        row_ui(ui, "Inputs", |ui| {
            let kinds = [(Inputs::Generated, "Generated"), (Inputs::File, "From a file")];
            segmented_ui(ui, "Inputs", &mut self.inputs, &kinds);
        });
        if self.inputs == Inputs::File {
            row_ui(ui, "", |ui| {
                text_field_ui(ui, "File", &mut self.file, "path of a .npy or .npz file", 180.0);
            });
            if let Some(labelled) = &state.labelled {
                row_ui(ui, "", |ui| {
                    if quiet_button_ui(ui, "Use the labelled set").clicked() {
                        self.file = labelled.display().to_string();
                    }
                });
            }
            if let Err(problem) = self.input_file() {
                problem_row_ui(ui, &problem.words);
            }
        }
    }
}

/// Dynamic dimensions of models that nobody has set, and the names of the models that have each.
fn free_dims(models: &[&ModelEntry]) -> Vec<(String, Vec<String>)> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in models {
        // A model whose sizes cannot be resolved says so itself when it is measured.
        let Ok(resolution) = dims::resolve(&entry.model, 1, &BTreeMap::new()) else { continue };
        for dim in resolution.free() {
            all.entry(dim.name.clone()).or_default().push(entry.model.name.clone());
        }
    }
    all.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_sizes_give_every_combination_and_a_wrong_one_names_its_field() {
        let free = ["height", "width"].map(|name| (name.to_owned(), vec!["m".to_owned()])).to_vec();
        let sizes = |height: &str, width: &str| {
            [("height", height), ("width", width)]
                .map(|(name, text)| (name.to_owned(), text.to_owned()))
                .into()
        };
        let more = More { free: free.clone(), sizes: sizes("64, 128", "32"), ..More::default() };
        let shapes = more.sweep().unwrap().shapes;
        assert_eq!(shapes.len(), 2);
        assert!(shapes.iter().all(|shape| shape["width"] == 32), "{shapes:?}");
        let wrong = More { free, sizes: sizes("", "x"), ..More::default() };
        assert_eq!(wrong.sweep().unwrap_err().field, "Size of width");
    }

    #[test]
    fn folded_it_says_what_is_not_as_usual() {
        assert!(More::default().unusual().starts_with("scenarios, "));
        let more = More { instances: "1, 2".to_owned(), min_queries: 700, ..More::default() };
        assert_eq!(more.unusual(), "1, 2 sessions; at least 700 queries");
    }
}
