//! The card that answers which of two models is faster: the verdict of a race, its intervals, and how to run one.

use egui::{DragValue, Label, RichText, Ui};

use super::ways::Ways;
use crate::app::comparison::Comparison;
use crate::app::{Command, figures};
use crate::chart::Chart;
use crate::measure::duel::{Contender, Duel, Settings};
use crate::measure::stats::Decision;
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{combo_ui, config_words, day_words};
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
    ways: Ways,
    seconds: f64,
    /// The race that is shown among several, by its key and beginning, and the latest when it was chosen: a newer one is
    /// shown by itself.
    chosen: Option<(Shown, Shown)>,
    chart: Memo<(u64, Shown), Chart>,
    looked: bool,
}

/// What tells a race in the project: its key and when it began, in seconds since 1970.
type Shown = (String, u64);

impl Default for RaceCard {
    fn default() -> Self {
        Self {
            ways: Ways::default(),
            seconds: Settings::default().seconds,
            chosen: None,
            chart: Memo::default(),
            looked: false,
        }
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
        // Only where providers are to be chosen from is it worth asking each library.
        if state.runtimes.is_none() && !self.looked && !view.app.is_measuring() {
            self.looked = true;
            view.send(Command::LookForRuntimes);
        }
        let mut duels = state.duels_between(&a.sha256, &b.sha256);
        if alone {
            duels.extend(state.self_tests(&a.sha256));
            duels.sort_by_key(|duel| std::cmp::Reverse(duel.started_unix_secs));
        }
        let latest = duels.first().map(shown);
        let chosen = self.chosen.as_ref().filter(|(_, then)| Some(then) == latest.as_ref());
        let duel = chosen.and_then(|(chosen, _)| duels.iter().find(|duel| shown(duel) == *chosen));
        let duel = duel.or(duels.first());
        let mut other = None;
        card_ui(ui, |ui| {
            let is_self_test = alone && duel.is_none_or(|duel| duel.b.is_none());
            let title = if is_self_test { "What can this machine tell?" } else { "Which is faster?" };
            let note = duel.map_or_else(String::new, |duel| where_words(view, duel));
            section_header_ui(ui, title, &note, |ui| {
                if let Some(duel) = duel.filter(|_| duels.len() > 1) {
                    other = choice_ui(ui, view, &duels, duel);
                }
            });
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
        if let (Some(other), Some(latest)) = (other, latest) {
            self.chosen = Some((other, latest));
        }
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
        let key = (view.app.state().revision, shown(duel));
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
        let Self { ways, seconds, .. } = self;
        let race = ways.race((a, b), *seconds, target);
        let mut start = false;
        ui.horizontal(|ui| {
            let text = match (a == b, ways.are_alike()) {
                (true, true) => "Run A against itself",
                (true, false) => "Run A in both ways",
                (false, _) => "Run A against B",
            };
            ui.add_enabled_ui(!busy && race.is_ok(), |ui| {
                start = primary_button_ui(ui, text)
                    .on_hover_text(
                        "Takes the time set here and a little for loading; stops sooner when sure to ±1 %",
                    )
                    .on_disabled_hover_text(race.as_ref().err().map_or("A measurement is running", |why| why))
                    .clicked();
            });
            ui.add_space(space::S);
            ways.numbers_ui(ui);
            labelled_ui(ui, "Time at most", |ui| {
                let seconds = DragValue::new(seconds).range(1.0..=3_600.0).speed(0.5);
                ui.add(seconds.max_decimals(0).update_while_editing(false).suffix(" s"))
            });
        });
        ways.options_ui(ui, view, target);
        if let (true, Ok(race)) = (start, race) {
            view.send(Command::Duel(Box::new(race)));
            ui.ctx().request_repaint();
        }
    }
}

fn shown(duel: &Duel) -> Shown {
    (duel.key(), duel.started_unix_secs)
}

/// The choice among several races; what was chosen.
fn choice_ui(ui: &mut Ui, view: &View<'_>, duels: &[Duel], now: &Duel) -> Option<Shown> {
    let mut other = None;
    let words = |duel: &Duel| {
        let day = i64::try_from(duel.started_unix_secs).map_or_else(|_| String::new(), day_words);
        let itself = if duel.b.is_none() { "against itself, " } else { "" };
        format!("{itself}{} ({day})", where_words(view, duel))
    };
    combo_ui(ui, "Result", &words(now), 260.0, |ui| {
        for duel in duels {
            if ui.selectable_label(shown(duel) == shown(now), words(duel)).clicked() {
                other = Some(shown(duel));
            }
        }
    });
    other
}

/// How a race was run, on which inputs if not generated ones, and where if not on this machine.
fn where_words(view: &View<'_>, duel: &Duel) -> String {
    let of_a = duel.a.config.words();
    let of_b = duel.b.as_ref().map_or_else(|| of_a.clone(), |b| b.config.words());
    let mut words = if of_a == of_b { of_a } else { format!("{of_a} against {of_b}") };
    // The file's name without its hash.
    if let Some((file, _hash)) = duel.a.config.inputs.as_deref().and_then(|inputs| inputs.rsplit_once(' ')) {
        words.push_str(", inputs of ");
        words.push_str(file);
    }
    let machine = view.app.machine_name(&duel.target).map(str::to_owned);
    let elsewhere = !duel.fingerprint.is_same_machine(&view.app.state().machine);
    if let Some(machine) = machine.or_else(|| elsewhere.then(|| duel.fingerprint.identity())) {
        words.push_str(", on ");
        words.push_str(&machine);
    }
    words
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
    let settings = format!("{} · ONNX Runtime {}", config_words(&side.config), side.runtime_version);
    ui.add(Label::new(RichText::new(settings).small().color(Tokens::of(ui).text_quiet)).wrap());
}
