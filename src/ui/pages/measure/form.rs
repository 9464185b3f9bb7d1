//! What to measure: models, batch sizes, threads, seconds, sizes of dynamic dimensions, inputs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use egui::{Align, DragValue, Label, Layout, RichText, TextEdit, Ui, vec2};

use crate::app::{Measure, ModelEntry, State};
use crate::measure::Point;
use crate::measure::sweep::Sweep;
use crate::model::dims;
use crate::ui::pages::parts::halves_ui;
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{
    Badge, badge_ui, card_ui, form_row_ui, note_ui, quiet_button_ui, seconds_words, section_header_ui,
    segmented_ui, text_field_ui,
};

/// Width of the names in the form.
const NAMES: f32 = 110.0;
/// Width of the fields.
const FIELD: f32 = 150.0;
/// Height of the list of models from which on it scrolls.
const LIST_HEIGHT: f32 = 200.0;

/// Where inputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Inputs {
    #[default]
    Generated,
    File,
}

/// What is typed into the form.
#[derive(Debug)]
pub(super) struct Form {
    /// Models that are not to be measured, by hash: so that a new one is chosen by itself.
    left_out: BTreeSet<String>,
    batches: String,
    threads: Option<String>,
    seconds: f64,
    dims: BTreeMap<String, String>,
    inputs: Inputs,
    file: String,
    /// Dynamic dimensions of the chosen models, and which models have each.
    free: Vec<(String, Vec<String>)>,
    free_of: Option<(Vec<String>, u64)>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            left_out: BTreeSet::new(),
            batches: "1, 2, 4, 8".to_owned(),
            threads: None,
            seconds: 2.0,
            dims: BTreeMap::new(),
            inputs: Inputs::default(),
            file: String::new(),
            free: Vec::new(),
            free_of: None,
        }
    }
}

impl Form {
    /// Brings what follows from the models and the machine up to date.
    pub(super) fn refresh(&mut self, state: &State) {
        self.threads.get_or_insert_with(|| {
            if state.machine.logical_cpus >= 2 { "1, 2".to_owned() } else { "1".to_owned() }
        });
        let chosen: Vec<String> = self.chosen(state).map(|entry| entry.model.sha256.clone()).collect();
        let key = Some((chosen, state.models.len() as u64));
        if self.free_of != key {
            self.free = free_dims(self.chosen(state));
            self.free_of = key;
        }
    }

    fn chosen<'s>(&self, state: &'s State) -> impl Iterator<Item = &'s ModelEntry> {
        state.models.iter().filter(|entry| entry.present && !self.left_out.contains(&entry.model.sha256))
    }

    /// What the form asks for, or what is wrong with it.
    pub(super) fn measure(&self, state: &State) -> Result<Measure, String> {
        let models: Vec<String> = self.chosen(state).map(|entry| entry.model.sha256.clone()).collect();
        if models.is_empty() {
            return Err("No model is chosen. Choose at least one".to_owned());
        }
        let batches = counts(&self.batches).map_err(|what| format!("Batch sizes: {what}"))?;
        let threads = counts(self.threads.as_deref().unwrap_or_default())
            .map_err(|what| format!("Threads: {what}"))?
            .into_iter()
            .map(|count| u32::try_from(count).map_err(|_too_many| format!("Threads: {count} is too many")))
            .collect::<Result<_, _>>()?;
        let mut dims = BTreeMap::new();
        for (name, _) in &self.free {
            let text = self.dims.get(name).map_or("", String::as_str).trim();
            if text.is_empty() {
                continue;
            }
            let size = text.parse::<u64>().ok().filter(|size| *size > 0);
            let size = size.ok_or_else(|| {
                format!(
                    "Dimension {name}: `{text}` is no size. Give a whole number from 1, or leave it empty"
                )
            })?;
            dims.insert(name.clone(), size);
        }
        let inputs = match self.inputs {
            Inputs::Generated => None,
            Inputs::File if self.file.trim().is_empty() => {
                return Err("No input file is named. Name a .npy or .npz file".to_owned());
            }
            Inputs::File => Some(PathBuf::from(self.file.trim())),
        };
        let sweep =
            Sweep { batches, threads, shapes: vec![dims], seconds: self.seconds, inputs, ..Sweep::default() };
        Ok(Measure { models, sweep, target: None })
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, state: &State, asked: &Result<Measure, String>) {
        card_ui(ui, |ui| {
            halves_ui(ui, |ui, left| {
                if left {
                    self.models_ui(ui, state);
                } else {
                    self.settings_ui(ui, state, asked);
                }
            });
        });
    }

    fn models_ui(&mut self, ui: &mut Ui, state: &State) {
        let tokens = Tokens::of(ui);
        let chosen = self.chosen(state).count();
        let note = format!("{chosen} of {}", state.models.len());
        section_header_ui(ui, "Models", &note, |ui| {
            if state.models.len() < 2 {
                return;
            }
            if chosen < state.models.len() {
                if quiet_button_ui(ui, "All").on_hover_text("Chooses all models").clicked() {
                    self.left_out.clear();
                }
            } else if quiet_button_ui(ui, "None").on_hover_text("Chooses no model").clicked() {
                self.left_out = state.models.iter().map(|entry| entry.model.sha256.clone()).collect();
            }
        });
        egui::ScrollArea::vertical()
            .id_salt("models")
            .max_height(LIST_HEIGHT)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for entry in &state.models {
                    let hash = &entry.model.sha256;
                    let mut on = entry.present && !self.left_out.contains(hash);
                    ui.horizontal(|ui| {
                        ui.add_enabled_ui(entry.present, |ui| {
                            if ui.checkbox(&mut on, &entry.model.name).changed() {
                                if on {
                                    self.left_out.remove(hash);
                                } else {
                                    self.left_out.insert(hash.clone());
                                }
                            }
                        });
                        if !entry.present {
                            badge_ui(ui, Badge::Missing);
                        }
                        let words = crate::units::bytes(entry.model.file_bytes);
                        ui.label(RichText::new(words).small().color(tokens.text_quiet));
                    });
                }
            });
    }

    fn settings_ui(&mut self, ui: &mut Ui, state: &State, asked: &Result<Measure, String>) {
        let tokens = Tokens::of(ui);
        section_header_ui(ui, "Configurations", "CPU", |_| {});
        form_row_ui(ui, "Batch sizes", NAMES, |ui| field_ui(ui, &mut self.batches));
        ui.horizontal(|ui| {
            let threads = self.threads.get_or_insert_default();
            form_row_ui(ui, "Threads", NAMES, |ui| field_ui(ui, threads));
            note_ui(ui, &format!("of {} logical CPUs", state.machine.logical_cpus));
        });
        form_row_ui(ui, "Seconds each", NAMES, |ui| {
            let seconds = DragValue::new(&mut self.seconds).range(0.05..=3_600.0).speed(0.1);
            ui.add(seconds.max_decimals(2).update_while_editing(false).suffix(" s"))
        });
        self.dims_ui(ui, state);
        self.inputs_ui(ui, state);
        ui.add_space(space::XS);
        let (text, colour) = match asked {
            Ok(measure) => (expected_words(measure, state), tokens.text),
            Err(problem) => (problem.clone(), tokens.warning),
        };
        ui.add(Label::new(RichText::new(text).color(colour)).wrap());
    }

    fn dims_ui(&mut self, ui: &mut Ui, state: &State) {
        let tokens = Tokens::of(ui);
        if self.free.is_empty() {
            return;
        }
        let chosen = self.chosen(state).count();
        let Self { free, dims, .. } = self;
        for (name, models) in free.iter() {
            let text = dims.entry(name.clone()).or_default();
            form_row_ui(ui, name, NAMES, |ui| {
                let edit = TextEdit::singleline(text).hint_text("found by trying").desired_width(FIELD);
                ui.add(edit)
            });
            if models.len() < chosen && !text.trim().is_empty() {
                let words = format!(
                    "Only {} has this dimension; the other models will refuse it. Measure them apart.",
                    models.join(", ")
                );
                ui.label(RichText::new(words).color(tokens.warning));
            }
        }
    }

    fn inputs_ui(&mut self, ui: &mut Ui, state: &State) {
        ui.horizontal(|ui| {
            let size = vec2(NAMES, space::CONTROL);
            ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_size(size);
                note_ui(ui, "Inputs");
            });
            let kinds = [(Inputs::Generated, "Generated"), (Inputs::File, "From a file")];
            segmented_ui(ui, "Inputs", &mut self.inputs, &kinds);
        });
        if self.inputs == Inputs::File {
            ui.horizontal(|ui| {
                text_field_ui(ui, "File", &mut self.file, "path of a .npy or .npz file", 260.0);
                if let Some(labelled) = &state.labelled
                    && quiet_button_ui(ui, "Use the labelled set").clicked()
                {
                    self.file = labelled.display().to_string();
                }
            });
        }
    }
}

/// `24 configurations, 3 to 10 runs each: 2 min to 6 min`.
fn expected_words(measure: &Measure, state: &State) -> String {
    let known: Vec<&Point> = state.points.iter().map(|stored| &stored.point).collect();
    let expected = measure.sweep.expected(&measure.models, &known);
    let s = if expected.configurations == 1 { "" } else { "s" };
    let (least, most) = (expected.least.as_secs_f64(), expected.most.as_secs_f64());
    let time = if least < most {
        format!("{} to {}", seconds_words(least), seconds_words(most))
    } else {
        format!("about {}", seconds_words(least))
    };
    let effort = &measure.sweep.effort;
    let runs = if effort.least_runs < effort.most_runs {
        format!("{} to {} runs each", effort.least_runs, effort.most_runs)
    } else if effort.least_runs == 1 {
        "1 run each".to_owned()
    } else {
        format!("{} runs each", effort.least_runs)
    };
    format!("{} configuration{s}, {runs}: {time}", expected.configurations)
}

fn field_ui(ui: &mut Ui, text: &mut String) -> egui::Response {
    ui.add(TextEdit::singleline(text).desired_width(FIELD))
}

/// Dynamic dimensions of models that nobody has set, and the names of the models that have each.
fn free_dims<'m>(models: impl Iterator<Item = &'m ModelEntry>) -> Vec<(String, Vec<String>)> {
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

/// `1, 2, 4` as numbers from 1, each once, in the order given.
fn counts(text: &str) -> Result<Vec<u64>, String> {
    let mut counts = Vec::new();
    for word in text.split([',', ' ', ';']).filter(|word| !word.is_empty()) {
        let count = word
            .parse::<u64>()
            .ok()
            .filter(|count| *count > 0)
            .ok_or_else(|| format!("`{word}` is no whole number from 1. Write them like 1, 2, 4"))?;
        if !counts.contains(&count) {
            counts.push(count);
        }
    }
    if counts.is_empty() {
        return Err("none is given. Write them like 1, 2, 4".to_owned());
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_once_each_and_what_is_none_is_said() {
        assert_eq!(counts("1, 2;4  8,2"), Ok(vec![1, 2, 4, 8]));
        for text in ["", " , ", "0", "1,x", "-1", "1.5"] {
            assert!(counts(text).is_err(), "{text:?} was accepted");
        }
    }
}
