//! What a thousand requests and a million tokens cost, on two bases, over time.

use egui::Ui;

use super::waiting;
use crate::app::lens::{self, DemandSource, UnitOf};
use crate::app::{Command, LensAnswer, LensSettings, State};
use crate::bill::lens::Share;
use crate::bill::{Class, Ledger};
use crate::chart::Chart;
use crate::plan::unit_cost::{Period, Side, UnitCosts as Found, Utilisation};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{combo_ui, csv_text, day_words, field, money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, NumberField, Stat, Table, TableState, Tone, banner_ui, card_ui, chart_ui, count_words,
    data_table_ui, empty_ui, labelled_ui, line_edit, note_ui, number_field_ui, quiet_button_ui,
    section_header_ui, segmented_ui, stats_ui, toggles_ui,
};
use crate::units::{self, Money};

/// What the part remembers between frames.
#[derive(Default)]
pub(super) struct UnitCosts {
    chart: Memo<(u64, u64), Option<Chart>>,
    table: TableState,
    /// Numbers that are being typed.
    reference: Option<String>,
    weight: Option<String>,
}

/// How the use of capacity is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Unknown,
    Given,
    Measured,
}

impl UnitCosts {
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        asked: &Asked,
        ledger: Option<&Ledger>,
        answer: Option<&LensAnswer>,
    ) {
        let before = view.app.state().lens.clone();
        let mut settings = before.clone();
        card_ui(ui, |ui| self.settings_ui(ui, view.app.state(), &mut settings));
        if settings != before {
            view.send(Command::SetLens(Box::new(settings)));
            ui.ctx().request_repaint();
        }
        match waiting(asked, ledger) {
            Some(Ok(())) => return reading_ui(ui),
            Some(Err(problem)) => return problem_ui(ui, &problem),
            None => {}
        }
        let (Some(ledger), Some(answer)) = (ledger, answer) else { return };
        if let Some(problem) = &answer.demand_problem {
            let open =
                card_ui(ui, |ui| empty_ui(ui, "No demand to divide by", problem, "Open a trace or a table…"));
            if open.inner {
                view.actions.push(Action::PickFiles);
            }
            return;
        }
        let Some(units) = &answer.units else { return };
        let currency = ledger.currency.clone().unwrap_or_default();
        found_ui(ui, view, (answer, units), &currency);
        let state = view.app.state();
        let key = (asked.version(), state.revision);
        let made = self.chart.get(key, || {
            let chart = lens::chart(units, state.lens.unit, state.lens.period, ledger.basis, &currency);
            (!chart.marks.is_empty()).then_some(chart)
        });
        card_ui(ui, |ui| {
            if let Some(chart) = made {
                chart_ui(ui, view, chart, 280.0, None);
            } else {
                note_ui(ui, "The demand does not count what this unit needs.");
            }
        });
        self.table_ui(ui, view, units, &currency);
    }

    fn settings_ui(&mut self, ui: &mut Ui, state: &State, settings: &mut LensSettings) {
        section_header_ui(ui, "What is divided by what", "Kept with the project", |_| {});
        ui.horizontal_wrapped(|ui| {
            note_ui(ui, "Cost of");
            let options =
                [Class::ModelApi, Class::ManagedEndpoint, Class::Machine, Class::Supporting, Class::Unknown]
                    .map(|class| (class, class.words()));
            toggles_ui(ui, "Cost of", &mut settings.classes, &options);
        });
        ui.horizontal_wrapped(|ui| {
            let automatic = "Automatic";
            let chosen = settings.source.map_or(automatic, DemandSource::words);
            combo_ui(ui, "Demand", chosen, 190.0, |ui| {
                ui.selectable_value(&mut settings.source, None, automatic).on_hover_text(
                    "The table of requests and tokens, else the trace, else what the bill counts",
                );
                for source in [DemandSource::Counts, DemandSource::Trace, DemandSource::Bill] {
                    ui.selectable_value(&mut settings.source, Some(source), source.words());
                }
            });
            let periods = [(Period::Day, "Day"), (Period::Week, "Week"), (Period::Month, "Month")];
            segmented_ui(ui, "Period", &mut settings.period, &periods);
            combo_ui(ui, "Per", settings.unit.words(), 150.0, |ui| {
                for unit in UnitOf::ALL {
                    ui.selectable_value(&mut settings.unit, unit, unit.words());
                }
            });
        });
        ui.horizontal_wrapped(|ui| utilisation_ui(ui, state, &mut settings.utilisation));
        ui.horizontal_wrapped(|ui| {
            let hint = "none";
            amount_ui(ui, "An output token weighs", &mut self.weight, &mut settings.output_weight, hint);
            note_ui(ui, "input tokens, where the bill does not split them");
            let name = format!("Reference price per {}", settings.unit.words());
            amount_ui(ui, &name, &mut self.reference, &mut settings.reference, hint);
            note_ui(ui, &state.shown_currency().unwrap_or_default());
        });
    }

    fn table_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, units: &Found, currency: &str) {
        let mut copied = None;
        let rows: Vec<_> = units.periods.iter().collect();
        card_ui(ui, |ui| {
            section_header_ui(ui, "Over time", "UTC; only days that both sides cover whole", |ui| {
                if quiet_button_ui(ui, "Copy CSV").clicked() {
                    copied = Some(csv(units));
                }
            });
            let mut columns = vec![
                Column::text("From", 90.0),
                Column::number("Days", 46.0),
                Column::number("Requests", 110.0),
                Column::number("Tokens in", 110.0),
                Column::number("Tokens out", 110.0),
                Column::text("Basis", 76.0),
                Column::number("Cost", 100.0),
            ];
            columns.extend(
                ["Per 1,000 req.", "Per M tokens", "Per M in", "Per M out"]
                    .map(|name| Column::number(name, 100.0)),
            );
            let shape = Table {
                id: "unit costs",
                name: "Unit costs over time",
                columns: &columns,
                rows: rows.len() * 2,
                revision: view.app.state().revision,
                selected: None,
                height: 320.0,
            };
            let order = [UnitOf::Requests, UnitOf::Tokens, UnitOf::TokensIn, UnitOf::TokensOut];
            data_table_ui(ui, &shape, &mut self.table, |row, column| {
                let unit = rows[row / 2];
                let is_allocation = row % 2 == 0;
                let side = if is_allocation { Some(unit.allocation) } else { unit.usage };
                let count = |count: Option<u64>| match count {
                    Some(count) => Cell::number(count as f64, count_words(count)),
                    None => Cell::unknown("The demand does not count it"),
                };
                let amount = |amount: Option<Money>, why: &str| match amount {
                    Some(amount) => Cell::number(amount.to_f64(), units::money(amount, currency))
                        .hover(format!("{amount} {currency}")),
                    None => Cell::unknown(why),
                };
                match column {
                    0 => Cell::text(day_words(unit.start_unix_secs)),
                    1 => Cell::number(unit.days as f64, unit.days.to_string()),
                    2 => count(unit.counts.requests),
                    3 => count(unit.counts.tokens_in),
                    4 => count(unit.counts.tokens_out),
                    5 => Cell::text(if is_allocation { "allocation" } else { "usage" }).quiet(),
                    6 => amount(side.map(|side| side.cost), "How much of the capacity was used is not known"),
                    _ => amount(
                        side.and_then(|side| order[column - 7].of(&side)),
                        "The demand does not count it, or the cost cannot be split",
                    ),
                }
            });
        });
        if let Some(text) = copied {
            view.actions.push(Action::Copy { text, what: "Unit costs as CSV".to_owned() });
        }
        if view.app.state().served.is_some() {
            ui.horizontal(|ui| {
                if quiet_button_ui(ui, "Remove the table of requests and tokens").clicked() {
                    view.send(Command::RemoveServed);
                }
            });
        }
    }
}

/// The numbers over all joined days, and what they say beside the reference.
fn found_ui(ui: &mut Ui, view: &View<'_>, found: (&LensAnswer, &Found), currency: &str) {
    let (answer, units) = found;
    let settings = &view.app.state().lens;
    card_ui(ui, |ui| {
        let from = answer
            .demand
            .as_ref()
            .map_or_else(String::new, |(source, name)| format!("{}: {name}", source.words()));
        section_header_ui(ui, "Unit costs", &from, |_| {});
        let joined = units.total.map_or(0, |unit| unit.days);
        let Some(total) = units.total else {
            let text = format!(
                "No day is in both: the bill covers {} whole days, the demand {}. Open a demand of the same days.",
                units.days_only_in_bill, units.days_only_in_demand
            );
            banner_ui(ui, Tone::Warning, &text);
            return;
        };
        let cost =
            |side: Option<&Side>, of: UnitOf| money_or_dash(side.and_then(|side| of.of(side)), currency);
        let unit = settings.unit;
        let per_words = format!("per {}", unit.words());
        let (allocation, usage) = (cost(Some(&total.allocation), unit), cost(total.usage.as_ref(), unit));
        let usage = if total.usage.is_some() { usage } else { "not known".to_owned() };
        let used = units.utilisation.map(|share| format!("{:.1}", share * 100.0));
        let (used, percent, by) = match (&used, total.usage) {
            (Some(used), _) => (used.as_str(), "%", "by cost"),
            (None, Some(_)) => ("none", "", "all is metered by use"),
            (None, None) => ("not known", "", "its use is set above"),
        };
        let days = joined.to_string();
        let whole = format!(
            "{} only in the bill, {} only in the demand",
            units.days_only_in_bill, units.days_only_in_demand
        );
        let outside = format!("{} on days not joined", units::money(units.cost_outside, currency));
        let divided = units::money(total.allocation.cost, currency);
        stats_ui(
            ui,
            &[
                Stat { label: "Allocation", value: &allocation, unit: "", note: &per_words },
                Stat { label: "Usage", value: &usage, unit: "", note: &per_words },
                Stat { label: "Capacity used", value: used, unit: percent, note: by },
                Stat { label: "Cost divided", value: &divided, unit: "", note: &outside },
                Stat { label: "Days joined", value: &days, unit: "", note: &whole },
            ],
        );
        if let Some(verdict) = answer.verdict {
            let level = |high: bool| if high { "high" } else { "low" };
            let text = format!(
                "Allocation {}, usage {} beside the reference. {}",
                level(verdict.allocation_is_high),
                level(verdict.usage_is_high),
                verdict.words()
            );
            let tone = if verdict.allocation_is_high { Tone::Warning } else { Tone::Good };
            banner_ui(ui, tone, &text);
        } else if settings.reference.is_none() {
            note_ui(
                ui,
                "Give a reference price, such as an API's for the same unit, to judge both bases by it.",
            );
        }
        for note in &units.notes {
            note_ui(ui, note);
        }
    });
}

fn utilisation_ui(ui: &mut Ui, state: &State, utilisation: &mut Utilisation) {
    let mut how = match utilisation {
        Utilisation::Unknown => How::Unknown,
        Utilisation::Given { .. } => How::Given,
        Utilisation::Measured { .. } => How::Measured,
    };
    let options = [(How::Unknown, "Not known"), (How::Given, "Given"), (How::Measured, "Measured")];
    note_ui(ui, "Use of capacity paid by the hour").on_hover_text(
        "Machines, endpoints and provisioned throughput are paid whether they work or not. Usage counts only the share \
         that worked.",
    );
    if segmented_ui(ui, "Use of capacity", &mut how, &options) {
        *utilisation = match how {
            How::Unknown => Utilisation::Unknown,
            How::Given => Utilisation::Given { share: Share::WHOLE },
            How::Measured => Utilisation::Measured { per_machine_rps: 1.0 },
        };
    }
    match utilisation {
        Utilisation::Unknown => {}
        Utilisation::Given { share } => {
            let mut percent = Money::from(*share).to_f64() * 100.0;
            let shape = NumberField { range: 0.01..=100.0, speed: 0.5, decimals: 2, unit: "%" };
            if number_field_ui(ui, "Used", &mut percent, &shape).changed()
                && let Some(given) =
                    Money::from_f64(percent / 100.0).and_then(|given| Share::try_from(given).ok())
            {
                *share = given;
            }
        }
        Utilisation::Measured { per_machine_rps } => {
            let shape = NumberField { range: 1e-6..=1e12, speed: 1.0, decimals: 6, unit: "requests/s" };
            number_field_ui(ui, "One machine serves", per_machine_rps, &shape)
                .on_hover_text("At full load: sessions on the machine × what each serves");
            if let Some(stored) = state.chosen_point() {
                let rate = stored.summary.throughput_per_second;
                let words = format!("From {}: {}/s a session", stored.point.model, units::three_digits(rate));
                if quiet_button_ui(ui, &words).clicked() && rate > 0.0 {
                    *per_machine_rps = rate;
                }
            }
        }
    }
}

/// An amount that may be left empty. What cannot be read changes nothing.
fn amount_ui(ui: &mut Ui, name: &str, typing: &mut Option<String>, value: &mut Option<Money>, hint: &str) {
    let mut text = typing.clone().unwrap_or_else(|| field(*value));
    let is_amount = |text: &str| text.parse::<Money>().is_ok_and(|amount| amount > Money::ZERO);
    let is_read = text.trim().is_empty() || is_amount(text.trim());
    let danger = Tokens::of(ui).danger;
    let response = labelled_ui(ui, name, |ui| {
        let edit = line_edit(&mut text, hint, 70.0);
        ui.add(if is_read { edit } else { edit.text_color(danger) })
    });
    let response =
        if is_read { response } else { response.on_hover_text("This is no amount above 0; write 1.25") };
    if response.changed() {
        match text.trim() {
            "" => *value = None,
            text => {
                if let Ok(amount) = text.parse::<Money>()
                    && amount > Money::ZERO
                {
                    *value = Some(amount);
                }
            }
        }
        *typing = Some(text);
    } else if response.lost_focus() {
        *typing = None;
    }
}

fn csv(units: &Found) -> String {
    let header = [
        "from",
        "days",
        "requests",
        "tokens_in",
        "tokens_out",
        "basis",
        "cost",
        "per_1000_requests",
        "per_million_tokens",
        "per_million_tokens_in",
        "per_million_tokens_out",
    ];
    let rows = units.periods.iter().flat_map(|unit| {
        [("allocation", Some(unit.allocation)), ("usage", unit.usage)].map(|(basis, side)| {
            let mut row = vec![
                day_words(unit.start_unix_secs),
                unit.days.to_string(),
                field(unit.counts.requests),
                field(unit.counts.tokens_in),
                field(unit.counts.tokens_out),
                basis.to_owned(),
                field(side.map(|side| side.cost)),
            ];
            row.extend(
                [UnitOf::Requests, UnitOf::Tokens, UnitOf::TokensIn, UnitOf::TokensOut]
                    .map(|of| field(side.and_then(|side| of.of(&side)))),
            );
            row
        })
    });
    csv_text(&header, rows)
}
