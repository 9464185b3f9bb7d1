//! The page Compare: two models beside each other, in the file, in speed, in price and in what they answer.

mod race;
mod tables;
mod ways;

use egui::{Button, RichText, Ui};

use self::race::RaceCard;
use self::tables::{agreement_ui, files_ui, operators_ui, speed_ui};
use super::kept::Memo;
use super::parts::{combo_ui, halves_ui};
use crate::app::comparison::{self, Comparison, headline};
use crate::app::{Agreeing, Command, LatencyAxis, State, figures, tradeoff};
use crate::chart::Chart;
use crate::ui::theme::{self, Tokens};
use crate::ui::view::{Action, Page, View};
use crate::ui::widgets::{
    TableState, card_ui, chart_ui, empty_ui, note_ui, page_header_ui, page_ui, primary_button_ui,
    progress_ui, quiet_button_ui, section_header_ui, segmented_ui,
};

/// What this machine is called among others.
const HERE: &str = "This machine";
/// Height of the chart.
const CHART_HEIGHT: f32 = 300.0;

/// What the page remembers between frames.
#[derive(Default)]
pub struct Compare {
    made: Memo<(u64, String, String), Option<Comparison>>,
    chart: Memo<(u64, String, String, u32), Chart>,
    threads: u32,
    files: TableState,
    operators: TableState,
    speed: TableState,
    outputs: TableState,
    all_operators: bool,
    race: RaceCard,
    /// The machine that runs them; `None` = this one.
    target: Option<String>,
}

impl Compare {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let subtitle = "What a smaller or quantized model costs in answers, and what it saves";
        page_ui(ui, "compare", |ui| {
            let Some((a, b)) = state.compared_pair() else {
                page_header_ui(ui, "Compare", subtitle, |_| {});
                let why = if state.models.is_empty() {
                    "Open two ONNX models, for example a full and a quantized one. Their size, operators, speed, \
                     cost and answers then stand beside each other here."
                } else {
                    "Open a second ONNX model to compare with the first."
                };
                let pressed =
                    card_ui(ui, |ui| empty_ui(ui, "Two models are needed", why, "Open models…")).inner;
                if pressed {
                    view.actions.push(Action::PickFiles);
                }
                return;
            };
            page_header_ui(ui, "Compare", subtitle, |ui| {
                let running = view.app.comparing().is_some();
                ui.add_enabled_ui(!running && a != b, |ui| {
                    let button = primary_button_ui(ui, "Compare outputs").on_hover_text(
                        "Runs both on the labelled set where there is one, else on the same generated inputs",
                    );
                    if button.clicked() {
                        let (a, b, target) = (a.clone(), b.clone(), self.target.clone());
                        let agreeing = Agreeing { a, b, question: None, target };
                        view.send(Command::AgreeOn(Box::new(agreeing)));
                    }
                });
            });
            // It may have been taken out meanwhile.
            self.target = self.target.take().filter(|name| state.target(name).is_some());
            pair_ui(ui, view, &a, &b, &mut self.target);
            if let Some(job) = view.app.comparing() {
                let cancel =
                    card_ui(ui, |ui| progress_ui(ui, &job.title, &job.progress, job.elapsed().as_secs_f64()));
                if cancel.inner {
                    view.send(Command::Cancel(job.id));
                }
            }
            self.compared_ui(ui, view, &a, &b);
        });
    }

    fn compared_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, a: &str, b: &str) {
        let state = view.app.state();
        let tokens = Tokens::of(ui);
        let Self { made, chart, threads, files, operators, speed, outputs, all_operators, race, target } =
            self;
        let key = (state.revision, a.to_owned(), b.to_owned());
        let made = made.get(key, || comparison::compare(state, a, b));
        let Some(compared) = made else {
            note_ui(ui, "One of the two models is not in the project any more.");
            return;
        };
        card_ui(ui, |ui| {
            ui.label(RichText::new(headline(compared)).text_style(theme::section()).color(tokens.text));
        });
        race.ui(ui, view, compared, target.as_deref());
        halves_ui(ui, |ui, left| {
            if left {
                files_ui(ui, state, compared, files);
            } else {
                agreement_ui(ui, view, compared, outputs);
                operators_ui(ui, state, compared, operators, all_operators);
            }
        });

        let measured: std::collections::BTreeSet<u32> =
            compared.speed.iter().map(|speed| speed.threads).collect();
        if let Some(first) = measured.first() {
            if !measured.contains(threads) {
                *threads = *first;
            }
            card_ui(ui, |ui| {
                ui.horizontal(|ui| {
                    if measured.len() > 1 {
                        let names: Vec<(u32, String)> =
                            measured.iter().map(|count| (*count, count.to_string())).collect();
                        let options: Vec<(u32, &str)> =
                            names.iter().map(|(count, name)| (*count, name.as_str())).collect();
                        note_ui(ui, "Threads");
                        segmented_ui(ui, "Threads", threads, &options);
                    }
                    latency_ui(ui, view);
                });
                let key = (state.revision, a.to_owned(), b.to_owned(), *threads);
                let chart = chart.get(key, || figures::compared(state, a, b, *threads));
                chart_ui(ui, view, chart, CHART_HEIGHT, None);
            });
            speed_ui(ui, view, compared, speed);
        } else {
            card_ui(ui, |ui| {
                section_header_ui(ui, "Speed", "", |_| {});
                note_ui(ui, "The two have not been measured at the same batch size and threads yet.");
                if quiet_button_ui(ui, "Measure").clicked() {
                    view.actions.push(Action::Go(Page::Measure));
                }
            });
        }
    }
}

/// The choice of the percentile that is drawn.
fn latency_ui(ui: &mut Ui, view: &mut View<'_>) {
    let mut scenario = view.app.state().scenario.clone();
    let options = [LatencyAxis::P50, LatencyAxis::P90, LatencyAxis::P95, LatencyAxis::P99]
        .map(|axis| (axis, tradeoff::latency_name(axis)));
    note_ui(ui, "Latency");
    if segmented_ui(ui, "Latency percentile", &mut scenario.latency, &options) {
        view.send(Command::SetScenario(Box::new(scenario)));
    }
}

/// The choice of the two models, and of the machine that runs them where there are several.
fn pair_ui(ui: &mut Ui, view: &mut View<'_>, a: &str, b: &str, target: &mut Option<String>) {
    let state = view.app.state();
    let (mut first, mut second) = (a.to_owned(), b.to_owned());
    ui.horizontal(|ui| {
        model_ui(ui, state, "A", &mut first);
        if ui.add(Button::new("Swap")).on_hover_text("Compare A with B instead of B with A").clicked() {
            std::mem::swap(&mut first, &mut second);
        }
        model_ui(ui, state, "B", &mut second);
        if first == second {
            note_ui(ui, "A and B are the same model");
        }
        if !state.targets.is_empty() {
            let chosen = target.clone().unwrap_or_else(|| HERE.to_owned());
            combo_ui(ui, "Run on", &chosen, 150.0, |ui| {
                ui.selectable_value(target, None, HERE);
                for there in &state.targets {
                    ui.selectable_value(target, Some(there.name.clone()), &there.name);
                }
            });
        }
    });
    if first != a || second != b {
        let mut scenario = state.scenario.clone();
        scenario.compared = Some((first, second));
        view.send(Command::SetScenario(Box::new(scenario)));
    }
}

fn model_ui(ui: &mut Ui, state: &State, name: &str, hash: &mut String) {
    let chosen = state.model(hash).map_or("?", |entry| entry.model.name.as_str()).to_owned();
    combo_ui(ui, name, &chosen, 230.0, |ui| {
        for entry in &state.models {
            ui.selectable_value(hash, entry.model.sha256.clone(), &entry.model.name);
        }
    });
}
