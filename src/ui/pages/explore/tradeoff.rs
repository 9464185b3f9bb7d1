//! Latency against throughput with a price laid over it, and the numbers of the chosen point.

use egui::{Layout, RichText, Ui};

use super::Place;
use crate::app::tradeoff::{self, Row};
use crate::app::{Command, CostAs, LatencyAxis, Scenario, State, foreign};
use crate::chart::Chart;
use crate::hardware::Profile;
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{combo_ui, threads_words};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, Page};
use crate::ui::widgets::{
    Badge, Icon, badge_ui, bare_chart_ui, chart_menu_ui, empty_ui, icon_ui, note_ui, segmented_ui,
};
use crate::units;

/// Height of the panel of the chosen point.
const CHOSEN_HEIGHT: f32 = 54.0;

/// The chart, the rows behind it, and how many results of other tools lie far from them.
type Made = (Chart, Vec<Row>, usize);

/// What the pane remembers between frames.
#[derive(Default)]
pub struct TradeOff {
    made: Memo<u64, Made>,
}

impl TradeOff {
    pub(super) fn ui(&mut self, ui: &mut Ui, mut place: Place<'_, '_>) {
        let state = place.view.app.state();
        if state.points.is_empty() && state.results.is_empty() {
            place.handle_ui(ui, "Trade-off");
            let pressed = empty_ui(
                ui,
                "Nothing measured yet",
                "Measure a model to see how much throughput each millisecond of latency buys, and what it costs.",
                "Measure",
            );
            if pressed {
                place.view.actions.push(Action::Go(Page::Measure));
            }
            return;
        }
        let (chart, rows, far) = self.made.get(state.revision, || {
            let rows = tradeoff::rows(state);
            let far = foreign::far(state, foreign::Near::of(state, &rows));
            (tradeoff::chart(state), rows, far)
        });
        ui.horizontal(|ui| {
            place.handle_ui(ui, "Trade-off");
            ui.add_space(space::S);
            axes_ui(ui, place.scenario);
            imported_ui(ui, state, place.scenario, *far);
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                chart_menu_ui(ui, place.view, chart);
            });
        });
        ui.horizontal(|ui| {
            cost_ui(ui, state, place.scenario);
            notes_ui(ui, chart);
        });

        let chosen = state.chosen.and_then(|id| u64::try_from(id).ok());
        let height = (ui.available_height() - CHOSEN_HEIGHT).max(140.0);
        if let Some(key) = bare_chart_ui(ui, chart, height, chosen) {
            place.view.send(Command::Choose(i64::try_from(key).ok()));
        }
        chosen_ui(ui, state, rows);
    }
}

/// Which percentile, and which axes are logarithmic.
fn axes_ui(ui: &mut Ui, scenario: &mut Scenario) {
    let percentiles = [LatencyAxis::P50, LatencyAxis::P90, LatencyAxis::P95, LatencyAxis::P99].map(|axis| {
        let name = tradeoff::latency_name(axis);
        (axis, name)
    });
    segmented_ui(ui, "Latency percentile", &mut scenario.latency, &percentiles);
    ui.add_space(space::XS);
    ui.checkbox(&mut scenario.log_axes.0, "Log x").on_hover_text("Logarithmic latency axis");
    ui.checkbox(&mut scenario.log_axes.1, "Log y").on_hover_text("Logarithmic throughput axis");
}

/// How cost is shown, and whose price it is.
fn cost_ui(ui: &mut Ui, state: &State, scenario: &mut Scenario) {
    note_ui(ui, "Cost");
    let options =
        [(CostAs::Colour, "Colour"), (CostAs::SecondAxis, "Second axis"), (CostAs::Hidden, "Hidden")];
    segmented_ui(ui, "Cost per million items", &mut scenario.cost_as, &options);
    let profile = state.price_profile();
    let chosen = profile.map_or_else(|| "No profile".to_owned(), profile_words);
    combo_ui(ui, "Price of", &chosen, 190.0, |ui| {
        for other in &state.profiles {
            let selected = profile.is_some_and(|profile| profile.id == other.id);
            let enabled = other.speed_factor.is_some();
            let text = format!("{} · {}", profile_words(other), price_words(other));
            let response = ui.add_enabled(enabled, egui::Button::selectable(selected, text));
            let response = response.on_disabled_hover_text(
                "How fast it is, relative to the measured machine, is not known. Set its speed factor on Prices.",
            );
            if response.clicked() {
                scenario.price_profile = Some(other.id.clone());
            }
        }
    });
}

fn profile_words(profile: &Profile) -> String {
    if profile.region.is_empty() {
        profile.name.clone()
    } else {
        format!("{} · {} · {}", profile.name, profile.region, profile.purchase)
    }
}

fn price_words(profile: &Profile) -> String {
    format!("{} an hour", units::money(profile.price_per_hour, &profile.currency))
}

/// Whether other tools' results are drawn, where there are any; and those far from the own measurements, too.
fn imported_ui(ui: &mut Ui, state: &State, scenario: &mut Scenario, far: usize) {
    if !state.results.is_empty() {
        let hover = "Other tools' results as hollow points: neither priced nor planned with";
        ui.checkbox(&mut scenario.show_imported, "Imported").on_hover_text(hover);
        if far > 0 && scenario.show_imported {
            let hover = "Results far from your own measurements: drawn, they squeeze those together";
            ui.checkbox(&mut scenario.show_far, format!("+{far} far")).on_hover_text(hover);
        }
    }
}

/// The chart's small print, where the pointer rests.
fn notes_ui(ui: &mut Ui, chart: &Chart) {
    let tokens = Tokens::of(ui);
    let text = format!("{}\n\n{}", chart.subtitle, chart.notes.join("\n"));
    icon_ui(ui, Icon::Info, tokens.text_quiet).on_hover_text(text);
}

/// The chosen point in numbers.
fn chosen_ui(ui: &mut Ui, state: &State, rows: &[Row]) {
    let tokens = Tokens::of(ui);
    ui.add(egui::Separator::default().spacing(0.0));
    let row = rows.iter().find(|row| Some(row.id) == state.chosen);
    let Some(row) = row else {
        let text = if state.chosen_point().is_some() {
            "The chosen measurement has been repeated since. Choose a point to see its numbers here."
        } else {
            "Choose a point to see its numbers here. The bill and the plan refer to it."
        };
        note_ui(ui, text);
        return;
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::L;
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            ui.label(RichText::new(row.model.trim_end_matches(".onnx")).strong());
            let words = format!("batch {} · {}", row.batch, threads_words(row.threads));
            ui.label(RichText::new(words).small().color(tokens.text_quiet));
        });
        let summary = &row.summary;
        for (name, value) in [
            ("p50", summary.p50.words()),
            ("p99", summary.p99.words()),
            ("Throughput", format!("{} items/s", units::three_digits(summary.throughput_per_second))),
        ] {
            fact_ui(ui, name, &value);
        }
        let currency = state.price_profile().map_or("USD", |profile| profile.currency.as_str());
        let cost = row.cost_per_million.as_ref();
        let shown = cost.map_or_else(|_reason| "–".to_owned(), |cost| units::money(*cost, currency));
        let response = fact_ui(ui, "Cost per million items", &shown);
        match cost {
            Ok(_) if row.assumed => {
                badge_ui(ui, Badge::Assumed);
            }
            Ok(_) => {}
            Err(reason) => {
                response.on_hover_text(format!("Not known: {reason}"));
            }
        }
    });
}

/// A small number with its name above.
fn fact_ui(ui: &mut Ui, name: &str, value: &str) -> egui::Response {
    let tokens = Tokens::of(ui);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.label(RichText::new(name).small().color(tokens.text_quiet));
        ui.label(value);
    })
    .response
}
