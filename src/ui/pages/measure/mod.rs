//! The page Measure: what to measure, how far it is, and what came out.

mod breakdown;
mod columns;
mod cost;
mod curves;
mod detail;
mod effort;
mod facts;
mod fields;
mod flame;
mod form;
mod looked;
mod machine;
mod more;
mod results;
mod resume;
mod runs;
mod samples;
mod scenarios;
mod time;
mod verdict;

use egui::{Key, Modifiers, Ui};

use self::form::Form;
use self::results::Results;
use crate::app::{Command, config_words};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Tone, banner_ui, card_ui, empty_ui, page_header_ui, page_ui, primary_button_ui, progress_ui,
    quiet_button_ui, section_header_ui,
};

/// What the page remembers between frames.
#[derive(Default)]
pub struct Measure {
    form: Form,
    results: Results,
    /// Asked already which execution providers there are.
    looked: bool,
}

impl Measure {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let subtitle = "Each configuration runs in a process of its own; every latency is kept";
        if state.models.is_empty() && state.points.is_empty() {
            page_ui(ui, "measure", |ui| {
                page_header_ui(ui, "Measure", subtitle, |_| {});
                let empty = card_ui(ui, |ui| {
                    empty_ui(
                        ui,
                        "No model to measure",
                        "Open ONNX models, or drop them anywhere on the window. They are then measured here at \
                         several batch sizes and thread counts.",
                        "Open models…",
                    )
                });
                if empty.inner {
                    view.actions.push(Action::PickFiles);
                }
            });
            return;
        }
        if state.runtimes.is_none() && !self.looked && !view.app.is_measuring() {
            self.looked = true;
            view.send(Command::LookForRuntimes);
        }
        let state = view.app.state();
        self.form.refresh(state);
        let asked = self.form.measure(state);
        let running = view.app.is_measuring();
        let mut start = !running
            && asked.is_ok()
            && ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, Key::Enter));
        page_ui(ui, "measure", |ui| {
            page_header_ui(ui, "Measure", subtitle, |ui| {
                ui.add_enabled_ui(!running && asked.is_ok(), |ui| {
                    let keys = ui
                        .ctx()
                        .format_shortcut(&egui::KeyboardShortcut::new(Modifiers::COMMAND, Key::Enter));
                    let button = primary_button_ui(ui, "Start measuring")
                        .on_hover_text(format!("Starts with {keys} too"))
                        .on_disabled_hover_text(match &asked {
                            Ok(_) => "A measurement is running".to_owned(),
                            Err(problem) => problem.sentence(),
                        });
                    start |= button.clicked();
                });
            });
            progress_card_ui(ui, view);
            resume::ui(ui, view);
            self.form.ui(ui, view, &asked);
            failures_ui(ui, view);
            self.results.ui(ui, view);
        });
        if let (true, Ok(measure)) = (start, asked) {
            view.send(Command::Measure(Box::new(measure)));
            ui.ctx().request_repaint();
        }
    }
}

fn progress_card_ui(ui: &mut Ui, view: &mut View<'_>) {
    let Some(job) = view.app.measuring() else { return };
    let cancel = card_ui(ui, |ui| progress_ui(ui, &job.title, &job.progress, job.elapsed().as_secs_f64()));
    if cancel.inner {
        view.send(Command::Cancel(job.id));
    }
}

/// What could not be measured, in the runtime's own words.
fn failures_ui(ui: &mut Ui, view: &mut View<'_>) {
    let failures = &view.app.state().failures;
    if failures.is_empty() {
        return;
    }
    let sentences: Vec<String> = failures
        .iter()
        .rev()
        .map(|failure| {
            format!("{}{}: {}", failure.model, config_words(failure.config.as_ref()), failure.message)
        })
        .collect();
    card_ui(ui, |ui| {
        let note = format!("{} since the project was opened", sentences.len());
        section_header_ui(ui, "Could not be measured", &note, |ui| {
            if quiet_button_ui(ui, "Copy").on_hover_text("Copies all of them").clicked() {
                let text = sentences.join("\n");
                view.actions.push(Action::Copy { text, what: "What could not be measured".to_owned() });
            }
        });
        egui::ScrollArea::vertical().id_salt("failures").max_height(180.0).auto_shrink([false, true]).show(
            ui,
            |ui| {
                for sentence in &sentences {
                    banner_ui(ui, Tone::Danger, sentence);
                }
            },
        );
    });
}
