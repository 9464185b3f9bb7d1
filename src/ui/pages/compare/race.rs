//! The card that answers which of two models is faster: the verdict of a race, its intervals, and how to run one.

use std::collections::BTreeMap;

use egui::{DragValue, Label, RichText, Ui};

use crate::app::comparison::Comparison;
use crate::app::{Command, Race, figures};
use crate::chart::Chart;
use crate::measure::duel::{Contender, Duel, Settings};
use crate::measure::stats::Decision;
use crate::measure::{Config, Optimisation, Scenario};
use crate::ui::pages::kept::Memo;
use crate::ui::theme::{self, Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{
    Stat, card_ui, chart_ui, count_words, labelled_ui, note_ui, primary_button_ui, progress_ui,
    section_header_ui, stat_ui,
};
use crate::units;

/// Height of the chart.
const CHART_HEIGHT: f32 = 290.0;
/// Width of the numbers beside the chart.
const NUMBERS: f32 = 210.0;

/// What the card remembers between frames.
pub(super) struct RaceCard {
    batch: u64,
    threads: u32,
    seconds: f64,
    chart: Memo<(u64, String), Chart>,
}

impl Default for RaceCard {
    fn default() -> Self {
        Self { batch: 1, threads: 1, seconds: Settings::default().seconds, chart: Memo::default() }
    }
}

impl RaceCard {
    /// `target` is the machine that runs them; `None` = this one.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        compared: &Comparison,
        target: Option<&str>,
    ) {
        let (a, b) = (&compared.a.model, &compared.b.model);
        let alone = a.sha256 == b.sha256;
        let state = view.app.state();
        let duel = if alone { state.self_test(&a.sha256) } else { compared.duel.as_ref() };
        card_ui(ui, |ui| {
            let title = if alone { "What can this machine tell?" } else { "Which is faster?" };
            let note = duel.map_or_else(String::new, |duel| where_words(view, duel));
            section_header_ui(ui, title, &note, |_| {});
            match duel {
                Some(duel) => self.verdict_ui(ui, view, duel),
                None if alone => note_ui(
                    ui,
                    "Run the model against itself: what it seems to differ by is what this machine cannot tell.",
                ),
                None => note_ui(
                    ui,
                    "Not run against each other yet. Both take turns of an inference in random order, on new sessions \
                     again and again, so that whatever the machine does to one it does to the other.",
                ),
            };
            ui.add_space(space::XS);
            match view.app.racing() {
                Some(job) => {
                    if progress_ui(ui, &job.title, &job.progress, job.elapsed().as_secs_f64()) {
                        view.send(Command::Cancel(job.id));
                    }
                }
                None => self.run_ui(ui, view, (&a.sha256, &b.sha256), target),
            }
        });
    }

    fn verdict_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, duel: &Duel) -> egui::Response {
        let tokens = Tokens::of(ui);
        let colour = match duel.ratios.first().map(|ratio| ratio.decision) {
            Some(Decision::Faster) => tokens.good,
            _ => tokens.text,
        };
        // The medians in large type; what the tail says below.
        let (first, rest) = duel.sentence.split_once("; ").unwrap_or((&duel.sentence, ""));
        let response =
            ui.add(Label::new(RichText::new(first).text_style(theme::title()).color(colour)).wrap());
        if !rest.is_empty() {
            ui.add(Label::new(RichText::new(rest).color(tokens.text)).wrap());
        }
        let Some(b) = &duel.b else {
            note_ui(ui, &duel.method());
            return response;
        };
        let key = (view.app.state().revision, duel.key());
        let chart = self.chart.get(key, || figures::duel(duel));
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                let spacing = 2.0 * ui.spacing().item_spacing.x;
                ui.set_width(ui.available_width() - NUMBERS - space::L - spacing);
                chart_ui(ui, view, chart, CHART_HEIGHT, None);
            });
            ui.add_space(space::L);
            ui.vertical(|ui| {
                ui.set_width(NUMBERS);
                ui.add_space(space::S);
                let (name_a, name_b) = duel.names();
                for (name, side) in [(name_a, &duel.a), (name_b, b)] {
                    side_ui(ui, &name, side);
                    ui.add_space(space::S);
                }
                if let Some(resolution) = duel.resolution {
                    let value = format!("{:.2}", 100.0 * resolution);
                    stat_ui(
                        ui,
                        &Stat {
                            label: "This machine's resolution",
                            value: &value,
                            unit: "%",
                            note: "Smaller differences of p50 are not decided",
                        },
                    );
                }
            });
        });
        response
    }

    /// How to run it, and the button that does.
    fn run_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, (a, b): (&str, &str), target: Option<&str>) {
        let busy = view.app.is_measuring() || view.app.comparing().is_some();
        let mut start = false;
        ui.horizontal(|ui| {
            let text = if a == b { "Run A against itself" } else { "Run A against B" };
            ui.add_enabled_ui(!busy, |ui| {
                start = primary_button_ui(ui, text)
                    .on_hover_text(
                        "Takes the time set here and a little for loading; stops sooner when sure to ±1 %",
                    )
                    .on_disabled_hover_text("A measurement is running")
                    .clicked();
            });
            ui.add_space(space::S);
            labelled_ui(ui, "Batch", |ui| ui.add(DragValue::new(&mut self.batch).range(1..=4_096)));
            labelled_ui(ui, "Threads", |ui| ui.add(DragValue::new(&mut self.threads).range(1..=1_024)));
            labelled_ui(ui, "Time at most", |ui| {
                let seconds = DragValue::new(&mut self.seconds).range(1.0..=3_600.0).speed(0.5);
                ui.add(seconds.max_decimals(0).update_while_editing(false).suffix(" s"))
            });
        });
        if start {
            let side = |sha256: &str| (sha256.to_owned(), self.config());
            let settings = Settings { seconds: self.seconds, ..Settings::default() };
            let b = (a != b).then(|| side(b));
            let target = target.map(str::to_owned);
            let race = Race { a: side(a), b, library: None, settings, inputs: None, target };
            view.send(Command::Duel(Box::new(race)));
            ui.ctx().request_repaint();
        }
    }

    fn config(&self) -> Config {
        Config {
            batch: self.batch,
            threads: self.threads,
            provider: "CPU".to_owned(),
            dims: BTreeMap::new(),
            seconds: 0.0,
            min_queries: 0,
            seed: 1,
            inputs: None,
            instances: 1,
            optimisation: Optimisation::All,
            scenario: Scenario::SingleStream,
        }
    }
}

/// How a race was run, and where if not on this machine.
fn where_words(view: &View<'_>, duel: &Duel) -> String {
    let words = duel.a.config.words();
    view.app.machine_name(&duel.target).map_or_else(|| words.clone(), |name| format!("{words}, on {name}"))
}

/// One side by itself.
fn side_ui(ui: &mut Ui, name: &str, side: &Contender) {
    let (value, unit) = side.p50_ms.map_or_else(
        || ("–".to_owned(), String::new()),
        |ms| {
            let words = units::duration_ms(ms);
            let (value, unit) = words.split_once(' ').unwrap_or((&words, ""));
            (value.to_owned(), unit.to_owned())
        },
    );
    let rate = side
        .items_per_second
        .map_or_else(String::new, |rate| format!("{} items/s, ", units::three_digits(rate)));
    let note = format!("{rate}{} inferences", count_words(side.samples));
    stat_ui(ui, &Stat { label: &format!("p50 of {name}"), value: &value, unit: &unit, note: &note });
}
