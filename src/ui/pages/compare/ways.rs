//! How both sides of a race are run: batch, threads and provider of each, and where their inputs come from.

use std::path::PathBuf;

use egui::{DragValue, Ui};

use crate::app::{Race, State};
use crate::measure::duel::Settings;
use crate::measure::runtime::Found;
use crate::measure::{Config, Scenario};
use crate::ui::pages::parts::{combo_ui, offered, problem_ui};
use crate::ui::theme::space;
use crate::ui::view::View;
use crate::ui::widgets::{fold_ui, labelled_ui, note_ui, quiet_button_ui, segmented_ui, text_field_ui};

/// How one side is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Way {
    batch: u64,
    threads: u32,
    provider: &'static str,
}

impl Way {
    fn config(self) -> Config {
        let Self { batch, threads, provider } = self;
        Config {
            batch,
            threads,
            provider: provider.to_owned(),
            seconds: 0.0,
            seed: 1,
            scenario: Scenario::SingleStream,
            ..Config::default()
        }
    }

    /// Batch and threads; `side` is what the fields are called after: empty, or ` of B`.
    fn numbers_ui(&mut self, ui: &mut Ui, side: &str) {
        let Self { batch, threads, .. } = self;
        labelled_ui(ui, &format!("Batch{side}"), |ui| ui.add(DragValue::new(batch).range(1..=4_096)));
        labelled_ui(ui, &format!("Threads{side}"), |ui| ui.add(DragValue::new(threads).range(1..=1_024)));
    }

    fn provider_ui(&mut self, ui: &mut Ui, side: &str, offered: &[&'static str]) {
        let provider = &mut self.provider;
        combo_ui(ui, &format!("Provider{side}"), provider, 110.0, |ui| {
            for name in offered {
                ui.selectable_value(provider, *name, *name);
            }
        });
    }
}

/// Where inputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Generated,
    File,
}

/// What is chosen.
pub(super) struct Ways {
    a: Way,
    /// `None` = as A.
    b: Option<Way>,
    inputs: Inputs,
    file: String,
    open: bool,
}

impl Default for Ways {
    fn default() -> Self {
        let a = Way { batch: 1, threads: 1, provider: "CPU" };
        Self { a, b: None, inputs: Inputs::Generated, file: String::new(), open: false }
    }
}

impl Ways {
    /// Two models, by hash, run in these ways; one model run in one way is run against itself.
    ///
    /// # Errors
    /// As [`Self::inputs`].
    pub(super) fn race(
        &self,
        (a, b): (&str, &str),
        seconds: f64,
        target: Option<&str>,
    ) -> Result<Race, &'static str> {
        let is_self_test = a == b && self.are_alike();
        Ok(Race {
            a: (a.to_owned(), self.a.config()),
            b: (!is_self_test).then(|| (b.to_owned(), self.b.unwrap_or(self.a).config())),
            library: None,
            settings: Settings { seconds, ..Settings::default() },
            inputs: self.inputs()?,
            target: target.map(str::to_owned),
        })
    }

    /// Whether both are run in one way.
    pub(super) fn are_alike(&self) -> bool {
        self.b.is_none_or(|b| b == self.a)
    }

    /// The input file; `None` = generated inputs.
    ///
    /// # Errors
    /// In words, when one is asked for and none is named.
    fn inputs(&self) -> Result<Option<PathBuf>, &'static str> {
        match self.inputs {
            Inputs::Generated => Ok(None),
            Inputs::File if self.file.trim().is_empty() => {
                Err("No file with inputs is named. Name a .npy or .npz file")
            }
            Inputs::File => Ok(Some(PathBuf::from(self.file.trim()))),
        }
    }

    /// Batch and threads, of both or of A.
    pub(super) fn numbers_ui(&mut self, ui: &mut Ui) {
        let side = if self.b.is_some() { " of A" } else { "" };
        self.a.numbers_ui(ui, side);
    }

    /// What is seldom needed, folded; `target` is the machine that runs them.
    pub(super) fn options_ui(&mut self, ui: &mut Ui, view: &View<'_>, target: Option<&str>) {
        let state = view.app.state();
        let note = self.unusual();
        fold_ui(ui, "Options", &mut self.open, &note);
        if !self.open {
            return;
        }
        ui.horizontal(|ui| {
            let mut apart = self.b.is_some();
            let same = if apart { " of A" } else { "" };
            self.a.provider_ui(ui, same, &providers(state, target, self.a.provider));
            ui.add_space(space::S);
            let hover = "Run B with another batch, thread count or provider than A; with one model in both places, \
                         this compares two ways to run it";
            if ui.checkbox(&mut apart, "Other settings for B").on_hover_text(hover).changed() {
                self.b = apart.then_some(self.a);
            }
        });
        if let Some(b) = &mut self.b {
            ui.horizontal(|ui| {
                b.provider_ui(ui, " of B", &providers(state, target, b.provider));
                ui.add_space(space::S);
                b.numbers_ui(ui, " of B");
                if b.batch != self.a.batch {
                    note_ui(ui, "Batches that differ are compared per item");
                }
            });
        }
        self.inputs_ui(ui, state);
    }

    fn inputs_ui(&mut self, ui: &mut Ui, state: &State) {
        ui.horizontal(|ui| {
            note_ui(ui, "Inputs");
            let kinds = [(Inputs::Generated, "Generated"), (Inputs::File, "From a file")];
            segmented_ui(ui, "Inputs of the race", &mut self.inputs, &kinds);
            if self.inputs == Inputs::Generated {
                return;
            }
            text_field_ui(ui, "File", &mut self.file, "path of a .npy or .npz file", 260.0);
            if let Some(labelled) = &state.labelled
                && quiet_button_ui(ui, "Use the labelled set").clicked()
            {
                self.file = labelled.display().to_string();
            }
        });
        if let Err(problem) = self.inputs() {
            problem_ui(ui, problem);
        }
    }

    /// What is not as usual; else what there is to set.
    fn unusual(&self) -> String {
        let mut words = Vec::new();
        if self.a.provider != "CPU" {
            let of = if self.are_alike() { "" } else { "A on " };
            words.push(format!("{of}{}", self.a.provider));
        }
        if let Some(b) = self.b.filter(|_| !self.are_alike()) {
            words.push(format!("B at {}", b.config().words()));
        }
        if self.inputs == Inputs::File {
            words.push("inputs from a file".to_owned());
        }
        if words.is_empty() { "provider, inputs, other settings for B".to_owned() } else { words.join("; ") }
    }
}

/// Providers that the machine's runtimes offer, as far as they are known.
fn providers(state: &State, target: Option<&str>, chosen: &'static str) -> Vec<&'static str> {
    let runtimes: Option<&[Found]> = match target {
        None => state.runtimes.as_deref(),
        Some(name) => {
            let survey = state.surveys.get(name).and_then(|survey| survey.as_ref().ok());
            survey.map(|survey| survey.runtimes.as_slice())
        }
    };
    offered(runtimes, &[chosen])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_the_options_say_what_is_not_as_usual() {
        assert!(Ways::default().unusual().starts_with("provider, "));
        let two = Way { threads: 2, ..Ways::default().a };
        let ways = Ways { b: Some(two), inputs: Inputs::File, ..Ways::default() };
        assert_eq!(ways.unusual(), "B at batch 1, 2 threads, CPU; inputs from a file");
    }

    #[test]
    fn what_is_chosen_becomes_the_race() {
        let plain = Ways::default();
        assert_eq!(plain.race(("m", "m"), 5.0, None).unwrap().b, None, "it is run against itself");
        let a = Way { batch: 2, threads: 1, provider: "CPU" };
        let b = Way { batch: 4, threads: 2, provider: "OpenVINO" };
        let file = " /data/x.npz ".to_owned();
        let ways = Ways { a, b: Some(b), inputs: Inputs::File, file, open: true };
        let race = ways.race(("m", "m"), 5.0, Some("lab")).unwrap();
        let of = |(model, config): &(String, Config)| {
            (model.clone(), config.batch, config.threads, config.provider.clone())
        };
        assert_eq!(of(&race.a), ("m".to_owned(), 2, 1, "CPU".to_owned()));
        assert_eq!(of(&race.b.unwrap()), ("m".to_owned(), 4, 2, "OpenVINO".to_owned()));
        assert_eq!((race.inputs, race.target), (Some(PathBuf::from("/data/x.npz")), Some("lab".to_owned())));
        assert!((race.settings.seconds - 5.0).abs() < 1e-12);
        let unnamed = Ways { file: " ".to_owned(), ..ways };
        assert!(unnamed.race(("m", "n"), 5.0, None).unwrap_err().contains("No file"));
    }
}
