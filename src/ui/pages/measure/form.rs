//! What to measure. The settings everybody needs are in view: models, batch sizes, threads, providers, seconds and
//! effort; everything else is under "More" ([`super::more`]).

use std::collections::BTreeSet;

use egui::{ComboBox, DragValue, Label, RichText, Ui, WidgetInfo};

use super::effort::Choice;
use super::fields::{FIELD, NAMES, Problem, beside_ui, counts, list_row_ui, row_ui, small_counts};
use super::more::More;
use crate::app::{Measure, ModelEntry, State};
use crate::measure::sweep::Sweep;
use crate::measure::{Point, Survey};
use crate::ui::pages::parts::{halves_ui, offered};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Badge, badge_ui, card_ui, form_row_ui, note_ui, quiet_button_ui, seconds_words, section_header_ui,
    toggles_ui,
};

/// Height of the list of models from which on it scrolls.
const LIST_HEIGHT: f32 = 236.0;

/// What is typed into the form.
#[derive(Debug)]
pub(super) struct Form {
    /// Models that are not to be measured, by hash: so that a new one is chosen by itself.
    left_out: BTreeSet<String>,
    batches: String,
    threads: Option<String>,
    providers: Vec<&'static str>,
    seconds: f64,
    effort: Choice,
    more: More,
    /// Name of the machine that measures; `None` = this one.
    target: Option<String>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            left_out: BTreeSet::new(),
            batches: "1, 2, 4, 8".to_owned(),
            threads: None,
            providers: vec!["CPU"],
            seconds: 2.0,
            effort: Choice::default(),
            more: More::default(),
            target: None,
        }
    }
}

impl Form {
    /// Brings what follows from the models and the machine up to date.
    pub(super) fn refresh(&mut self, state: &State) {
        self.threads.get_or_insert_with(|| {
            if state.machine.logical_cpus >= 2 { "1, 2".to_owned() } else { "1".to_owned() }
        });
        self.target = self.target.take().filter(|name| state.target(name).is_some());
        let chosen: Vec<&ModelEntry> = chosen(state, &self.left_out).collect();
        self.more.refresh(&chosen);
    }

    /// What the form asks for, or what is wrong with it.
    pub(super) fn measure(&self, state: &State) -> Result<Measure, Problem> {
        let models: Vec<String> =
            chosen(state, &self.left_out).map(|entry| entry.model.sha256.clone()).collect();
        if models.is_empty() {
            return Err(Problem::of("Models")("none is chosen. Choose at least one".to_owned()));
        }
        let batches = counts(&self.batches).map_err(Problem::of("Batch sizes"))?;
        let threads = self.threads.as_deref().unwrap_or_default();
        let threads = small_counts(threads).map_err(Problem::of("Threads"))?;
        let sweep = Sweep {
            batches,
            threads,
            providers: self.providers.iter().map(|&name| name.to_owned()).collect(),
            seconds: self.seconds,
            effort: self.effort.effort()?,
            ..self.more.sweep()?
        };
        Ok(Measure { models, sweep, target: self.target.clone() })
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, asked: &Result<Measure, Problem>) {
        let state = view.app.state();
        card_ui(ui, |ui| {
            halves_ui(ui, |ui, left| {
                if left {
                    self.models_ui(ui, state);
                } else {
                    self.settings_ui(ui, view);
                }
            });
            let chosen: Vec<&ModelEntry> = chosen(state, &self.left_out).collect();
            self.more.ui(ui, state, &chosen);
            expected_ui(ui, state, asked);
        });
    }

    fn models_ui(&mut self, ui: &mut Ui, state: &State) {
        let tokens = Tokens::of(ui);
        let count = chosen(state, &self.left_out).count();
        let note = format!("{count} of {}", state.models.len());
        section_header_ui(ui, "Models", &note, |ui| {
            if state.models.len() < 2 {
                return;
            }
            if count < state.models.len() {
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
        if count == 0 {
            ui.label(RichText::new("No model is chosen. Choose at least one").color(tokens.warning));
        }
    }

    fn settings_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        section_header_ui(ui, "Configurations", "", |_| {});
        self.target_ui(ui, view);
        list_row_ui(ui, "Batch sizes", &mut self.batches, counts, "items in one inference");
        let cpus = match &self.target {
            None => Some(state.machine.logical_cpus),
            Some(_) => self.survey(state).map(|survey| survey.machine.logical_cpus),
        };
        let cpus = cpus.map(|cpus| format!("of {cpus} logical CPUs")).unwrap_or_default();
        list_row_ui(ui, "Threads", self.threads.get_or_insert_default(), small_counts, &cpus);
        self.providers_ui(ui, state);
        ui.horizontal(|ui| {
            form_row_ui(ui, "Seconds each", NAMES, |ui| {
                let seconds = DragValue::new(&mut self.seconds).range(0.05..=3_600.0).speed(0.1);
                ui.add(seconds.max_decimals(2).update_while_editing(false).suffix(" s"))
            });
            beside_ui(ui, "steady state of one run");
        });
        self.effort.ui(ui);
    }

    /// What the chosen other machine said of itself, where it was asked.
    fn survey<'s>(&self, state: &'s State) -> Option<&'s Survey> {
        state.surveys.get(self.target.as_ref()?)?.as_ref().ok()
    }

    fn target_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        const HERE: &str = "This machine";
        let targets = &view.app.state().targets;
        row_ui(ui, "Measure on", |ui| {
            if targets.is_empty() {
                ui.label(HERE);
            } else {
                let chosen = self.target.clone().unwrap_or_else(|| HERE.to_owned());
                let shown = ComboBox::from_id_salt("machine").selected_text(&chosen).width(FIELD).truncate();
                let response = shown
                    .show_ui(ui, |ui| {
                        ui.selectable_value(&mut self.target, None, HERE);
                        for target in targets {
                            ui.selectable_value(&mut self.target, Some(target.name.clone()), &target.name);
                        }
                    })
                    .response;
                response.widget_info(|| WidgetInfo::labeled(egui::Role::ComboBox, true, "Measure on"));
            }
            let hover = "Machines reached by a command such as ssh: add, check or remove them";
            if quiet_button_ui(ui, "Machines…").on_hover_text(hover).clicked() {
                view.actions.push(Action::Machines);
            }
        });
    }

    fn providers_ui(&mut self, ui: &mut Ui, state: &State) {
        let runtimes = match &self.target {
            None => state.runtimes.as_deref(),
            Some(_) => self.survey(state).map(|survey| survey.runtimes.as_slice()),
        };
        let offered = offered(runtimes, &self.providers);
        let hover = "Execution providers of the ONNX Runtimes found on the machine";
        let alone = match (runtimes, &self.target) {
            (Some(found), None) if found.iter().all(|found| found.problem.is_some()) => {
                "no ONNX Runtime is found; one is fetched at the start"
            }
            (Some(_), _) => "the runtimes found offer no other",
            (None, None) => "looking for others",
            (None, Some(_)) => "It is asked what it is when the measurement starts",
        };
        row_ui(ui, "Providers", |ui| match offered.as_slice() {
            [only] => {
                ui.label(*only).on_hover_text(hover);
                beside_ui(ui, alone);
            }
            several => {
                let options: Vec<(&'static str, &str)> = several.iter().map(|&name| (name, name)).collect();
                toggles_ui(ui, "Provider", &mut self.providers, &options);
            }
        });
    }
}

/// Models to be measured.
fn chosen<'s>(state: &'s State, left_out: &BTreeSet<String>) -> impl Iterator<Item = &'s ModelEntry> {
    state.models.iter().filter(|entry| entry.present && !left_out.contains(&entry.model.sha256))
}

/// What will be done and how long it takes, or what keeps it from starting.
fn expected_ui(ui: &mut Ui, state: &State, asked: &Result<Measure, Problem>) {
    let tokens = Tokens::of(ui);
    ui.separator();
    ui.horizontal_wrapped(|ui| match asked {
        Ok(measure) => {
            ui.add(Label::new(RichText::new(expected_words(measure, state)).color(tokens.text)).wrap());
            let hover = "From the seconds and queries asked for, the limits of runs and time, and what earlier measurements took";
            note_ui(ui, "expected").on_hover_text(hover);
        }
        Err(problem) => {
            let words = format!("Nothing to start yet: see {}", problem.field.to_lowercase());
            ui.label(RichText::new(words).color(tokens.warning)).on_hover_text(problem.sentence());
        }
    });
    ui.add_space(-space::XS);
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
