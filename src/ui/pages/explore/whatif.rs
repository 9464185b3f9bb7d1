//! "What if": the demand, the limit and the utilisation on the left; the sentence and the offers on the right.

use std::ops::RangeInclusive;

use egui::{DragValue, Layout, RichText, ScrollArea, Slider, Ui, UiBuilder};

use super::Place;
use super::offers::Offers;
use crate::app::tradeoff::cost_per_million;
use crate::app::{Demand, Scenario, State, TraceRate};
use crate::ui::pages::parts::{filter_words, problem_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, Page, View};
use crate::ui::widgets::{NumberField, empty_ui, note_ui, number_field_ui, quiet_button_ui, segmented_ui};
use crate::units::{self, Money};

/// Width of the column of questions.
const LEFT: f32 = 320.0;
/// Limits that can be asked for, in milliseconds.
const LIMITS_MS: RangeInclusive<f64> = 1.0..=10_000.0;

/// What the pane remembers between frames.
#[derive(Default)]
pub struct WhatIf {
    offers: Offers,
}

/// The three ways of saying how much is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Typed,
    Bill,
    Trace,
}

impl WhatIf {
    pub(super) fn ui(&mut self, ui: &mut Ui, mut place: Place<'_, '_>) {
        let whole = ui.available_rect_before_wrap();
        let (left, right) = whole.split_left_right_at_x(whole.left() + LEFT.min(whole.width() * 0.4));
        let mut ui_left = ui.new_child(UiBuilder::new().id_salt("question").max_rect(left));
        ScrollArea::vertical().id_salt("question").auto_shrink([false, false]).show(&mut ui_left, |ui| {
            ui.set_max_width(left.width() - space::M);
            ui.spacing_mut().item_spacing.y = 6.0;
            let state = place.view.app.state();
            ui.horizontal(|ui| {
                place.handle_ui(ui, "What if");
                source_ui(ui, state, place.scenario);
            });
            question_ui(ui, place.view, place.scenario);
        });
        let right = right.with_min_x(right.left() + space::S);
        let mut ui_right = ui.new_child(UiBuilder::new().id_salt("answer").max_rect(right));
        self.answer_ui(&mut ui_right, place.view);
        ui.advance_cursor_after_rect(whole);
    }

    fn answer_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        if state.points.is_empty() {
            let pressed = empty_ui(
                ui,
                "No plan without a measurement",
                "Measure a model; every machine of the price book is then offered for this demand.",
                "Measure",
            );
            if pressed {
                view.actions.push(Action::Go(Page::Measure));
            }
            return;
        }
        match &state.answer {
            Some(answer) => {
                let tokens = Tokens::of(ui);
                // The answer first; what it rests on is read second.
                let (first, rest) = answer.why.split_once(". ").unwrap_or((&answer.why, ""));
                let stop = if rest.is_empty() { "" } else { "." };
                ui.label(RichText::new(format!("{first}{stop}")).color(tokens.text));
                if !rest.is_empty() {
                    ui.label(RichText::new(rest).small().color(tokens.text_quiet));
                }
                self.offers.ui(ui, view);
            }
            None => problem_ui(ui, &state.demand_problem),
        }
    }
}

fn question_ui(ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
    let state = view.app.state();
    demand_ui(ui, state, scenario);
    ui.add_space(space::XS);
    let limit = Knob { name: "p99 limit, waiting included", range: LIMITS_MS, unit: "ms", logarithmic: true };
    knob_ui(ui, &limit, &mut scenario.p99_limit_ms);
    let mut percent = scenario.utilisation * 100.0;
    let knob = Knob { name: "Target utilisation", range: 5.0..=95.0, unit: "%", logarithmic: false };
    if knob_ui(ui, &knob, &mut percent) {
        scenario.utilisation = percent / 100.0;
    }
    ui.add_space(space::XS);
    today_ui(ui, view);
}

/// A number that is turned by a slider or typed in.
struct Knob {
    name: &'static str,
    range: RangeInclusive<f64>,
    unit: &'static str,
    logarithmic: bool,
}

/// A slider as wide as the column, with its name and its number above. True when the number changed.
fn knob_ui(ui: &mut Ui, knob: &Knob, value: &mut f64) -> bool {
    let tokens = Tokens::of(ui);
    ui.scope(|ui| {
        ui.spacing_mut().interact_size.y = 22.0;
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.spacing_mut().button_padding.y = 1.0;
        ui.spacing_mut().slider_width = ui.available_width();
        // Dragging the number of a logarithmic knob changes it by hundredths of itself.
        let speed = if knob.logarithmic { *value / 100.0 } else { 0.5 };
        let typed = ui.horizontal(|ui| {
            let label = ui.label(RichText::new(knob.name).color(tokens.text_quiet));
            let number = DragValue::new(&mut *value)
                .range(knob.range.clone())
                .speed(speed)
                .max_decimals(1)
                .update_while_editing(false)
                .suffix(format!(" {}", knob.unit));
            let layout = Layout::right_to_left(egui::Align::Center);
            let number = ui.with_layout(layout, |ui| ui.add(number).labelled_by(label.id)).inner;
            (label.id, number.changed())
        });
        let (label, typed) = typed.inner;
        let mut slider =
            Slider::new(value, knob.range.clone()).show_value(false).logarithmic(knob.logarithmic);
        if !knob.logarithmic {
            slider = slider.step_by(1.0);
        }
        let turned = ui.add(slider).labelled_by(label).changed();
        typed || turned
    })
    .inner
}

/// Where the demand comes from.
fn source_ui(ui: &mut Ui, state: &State, scenario: &mut Scenario) {
    let mut source = match scenario.demand {
        Demand::Typed { .. } => Source::Typed,
        Demand::Bill { .. } => Source::Bill,
        Demand::Trace { .. } => Source::Trace,
    };
    let sources = [(Source::Typed, "Typed rate"), (Source::Bill, "Bill's spend"), (Source::Trace, "Trace")];
    if segmented_ui(ui, "Demand", &mut source, &sources) {
        scenario.demand = first_demand(source, state);
    }
}

fn demand_ui(ui: &mut Ui, state: &State, scenario: &mut Scenario) {
    match &mut scenario.demand {
        Demand::Typed { rps } => {
            let field = NumberField { range: 0.001..=1e9, speed: 1.0, decimals: 3, unit: "requests/s" };
            number_field_ui(ui, "Rate", rps, &field);
        }
        Demand::Bill { share, cost_per_thousand: cost } => {
            let mut percent = *share * 100.0;
            let field = NumberField { range: 0.1..=100.0, speed: 0.5, decimals: 1, unit: "%" };
            if number_field_ui(ui, "Share of inference spend", &mut percent, &field).changed() {
                *share = percent / 100.0;
            }
            let currency = state.bill_currency().unwrap_or_default();
            let mut amount = cost.to_f64() * 1_000.0;
            let field = NumberField { range: 1e-6..=1e12, speed: 0.1, decimals: 6, unit: currency };
            if number_field_ui(ui, "Cost of a million requests", &mut amount, &field).changed()
                && let Some(amount) = Money::from_f64(amount / 1_000.0)
            {
                *cost = amount;
            }
            if let Some(chosen) = chosen_cost(state)
                && chosen != *cost
                && quiet_button_ui(ui, "Use the chosen point's cost").clicked()
            {
                *cost = chosen;
            }
        }
        Demand::Trace { rate } => {
            let rates = [(TraceRate::Mean, "Mean"), (TraceRate::Peak, "Peak")];
            ui.horizontal(|ui| {
                segmented_ui(ui, "Rate of the trace", rate, &rates);
                rate_ui(ui, state);
            });
            return;
        }
    }
    rate_ui(ui, state);
}

/// The rate planned for, or why there is none.
fn rate_ui(ui: &mut Ui, state: &State) {
    match state.rps {
        Some(rps) => {
            note_ui(ui, &format!("{} requests/s", units::three_digits(rps)));
        }
        None => problem_ui(ui, &state.demand_problem),
    }
}

/// What a source of demand begins with.
fn first_demand(source: Source, state: &State) -> Demand {
    match source {
        Source::Typed => Demand::Typed { rps: state.rps.unwrap_or(50.0) },
        // Without a chosen point: one ten-thousandth of the currency's unit for a request.
        Source::Bill => Demand::Bill {
            share: 1.0,
            cost_per_thousand: chosen_cost(state).unwrap_or(Money::from_scaled(1_000_000_000)),
        },
        Source::Trace => Demand::Trace { rate: TraceRate::Peak },
    }
}

/// Cost of 1,000 items at the chosen point, in the bill's currency.
fn chosen_cost(state: &State) -> Option<Money> {
    let (stored, profile) = (state.chosen_point()?, state.price_profile()?);
    let cost = cost_per_million(stored, profile, state.scenario.utilisation).ok()?.times(1e-3)?;
    (Some(profile.currency.as_str()) == state.bill_currency() && cost > Money::ZERO).then_some(cost)
}

/// Which spend "today" is, and of which rows.
fn today_ui(ui: &mut Ui, view: &mut View<'_>) {
    let tokens = Tokens::of(ui);
    let state = view.app.state();
    let small = |text: String| RichText::new(text).small().color(tokens.text_quiet);
    match state.replaceable_per_month.as_ref().zip(state.inference_per_month.as_ref()) {
        Some(((spend, currency), (all, _))) => {
            ui.horizontal(|ui| {
                ui.label(format!("Today {} a month", units::money(*spend, currency)));
                let button = quiet_button_ui(ui, "Change").on_hover_text("Filter the bill on the page Bills");
                if button.clicked() {
                    view.actions.push(Action::Go(Page::Bills));
                }
            });
            let basis = state.scenario.basis.column();
            let rows = filter_words(&state.scenario);
            let all = units::money(*all, currency);
            ui.label(small(format!(
                "{basis} that other machines would replace, of {all} for inference, of {rows}."
            )));
        }
        None if state.bills.is_empty() => {
            ui.label(small("No bill is open, so offers are not compared with today's spend.".to_owned()));
        }
        None => {
            ui.label(small("The bill's inference spend is not known.".to_owned()));
        }
    }
}
