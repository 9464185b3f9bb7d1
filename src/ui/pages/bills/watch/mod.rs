//! The part Watch of the page: budgets, the days with what comes and what was unusual, commitments, idle things.

mod anomalies;
mod budgets;
mod commitments;
mod editor;
mod months;

use egui::Ui;

use self::anomalies::Anomalies;
use self::budgets::Budgets;
use self::commitments::Waste;
use super::spend::{basis_ui, columns_of};
use crate::app::watch::{self, Seen, WatchCommand};
use crate::app::{Command, Query, QueryResult, watch_figures};
use crate::bill::watch::{Answer, Tested, Tuning, Until, Watched};
use crate::chart::Chart;
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{combo_ui, money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::space;
use crate::ui::view::View;
use crate::ui::widgets::{
    NumberField, Stat, TableState, card_ui, chart_ui, number_field_ui, section_header_ui, stats_ui,
};
use crate::units::{self, Money};

/// Height of the chart of days.
const CHART_HEIGHT: f32 = 300.0;

/// What the part remembers between frames.
#[derive(Default)]
pub(super) struct Watching {
    /// The chosen currency, where the bills have several.
    currency: String,
    columns: Asked,
    days: Asked,
    chart: Memo<(u64, u64), Chart>,
    budgets: Budgets,
    months: TableState,
    anomalies: Anomalies,
    waste: Waste,
    /// Limits while they are dragged: each is asked of the bill when it is let go.
    tuning: Option<Tuning>,
}

impl Watching {
    /// Draws the part. True when the user wants to see rows on Spend, whose filters are then set.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) -> bool {
        let state = view.app.state();
        let currencies = watch::currencies(state);
        if !currencies.contains(&self.currency) {
            self.currency = currencies.first().cloned().unwrap_or_default();
        }
        self.columns.follow(view, Query::Columns);
        self.days.follow(view, watch::days_question(state, &self.currency));
        self.budgets.ui(ui, view, &self.columns, &self.currency);
        let mut show = false;
        card_ui(ui, |ui| {
            self.settings_ui(ui, view, &currencies);
            show = self.days_ui(ui, view);
        });
        self.waste.ui(ui, view, &self.currency);
        show
    }

    fn settings_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, currencies: &[String]) {
        let before = &view.app.state().watch.settings;
        let mut settings = before.clone();
        ui.horizontal(|ui| {
            let chosen = settings.by.clone();
            combo_ui(ui, "Judge each", &chosen, 150.0, |ui| {
                let listed = columns_of(&self.columns)
                    .iter()
                    .filter(|column| column.groupable || column.name == chosen);
                for column in listed {
                    ui.selectable_value(&mut settings.by, column.name.clone(), &column.name);
                }
            });
            basis_ui(ui, &mut settings.basis);
            if currencies.len() > 1 {
                let chosen = self.currency.clone();
                combo_ui(ui, "Currency", &chosen, 70.0, |ui| {
                    for currency in currencies {
                        ui.selectable_value(&mut self.currency, currency.clone(), currency);
                    }
                });
            }
            ui.add_space(space::S);
            let shown = self.tuning.get_or_insert_with(|| settings.tuning.clone());
            if tuning_ui(ui, shown, &self.currency) {
                settings.tuning = shown.clone();
                self.tuning = None;
            }
            if self.days.is_waiting() {
                reading_ui(ui);
            }
        });
        if settings != *before {
            view.send(Command::Watch(Box::new(WatchCommand::Set(settings))));
        }
    }

    fn days_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) -> bool {
        let state = view.app.state();
        let watched = match self.days.answer() {
            Some(Ok(QueryResult::Watch(answer))) => match answer.as_ref() {
                Answer::Days(watched) => watched,
                _ => return false,
            },
            Some(Err(problem)) => {
                problem_ui(ui, problem);
                return false;
            }
            _ => {
                ui.allocate_space(egui::vec2(ui.available_width(), CHART_HEIGHT));
                return false;
            }
        };
        let currency = watched.currency.as_deref().unwrap_or(&self.currency);
        coming_ui(ui, watched, currency);
        let seen: Vec<Seen> =
            watched.anomalies.iter().map(|anomaly| state.watch.seen(anomaly, currency)).collect();
        ui.add_space(space::S);
        let key = (self.days.version(), seen.iter().fold(17, |key, seen| key * 31 + *seen as u64));
        let chart = self.chart.get(key, || watch_figures::daily(watched, &seen, currency));
        if !watched.days.is_empty() {
            chart_ui(ui, view, chart, CHART_HEIGHT, None);
        }
        months::months_ui(ui, watched, currency, &mut self.months, self.days.version());
        self.anomalies.ui(ui, view, watched, &seen, currency, self.days.version())
    }
}

/// What a day must exceed to be unusual. False while it is being dragged to something else.
fn tuning_ui(ui: &mut Ui, tuning: &mut Tuning, currency: &str) -> bool {
    let meaning = "A day is unusual when it differs from what the days before let expect by more than all three: an \
                   amount, a share of what was expected, and a number of robust standard deviations";
    let mut dragged = false;
    let mut changed = |ui: &mut Ui, name: &str, value: &mut f64, field: &NumberField<'_>| {
        let response = number_field_ui(ui, name, value, field).on_hover_text(meaning);
        dragged |= response.dragged();
        response.changed()
    };
    let mut amount = tuning.least_amount.to_f64();
    let field = NumberField { range: 0.0..=1e9, speed: 1.0, decimals: 2, unit: currency };
    if changed(ui, "Unusual beyond", &mut amount, &field) {
        tuning.least_amount = Money::from_f64(amount).unwrap_or(tuning.least_amount);
    }
    let mut percent = f64::from(tuning.least_percent);
    let field = NumberField { range: 0.0..=1_000.0, speed: 1.0, decimals: 0, unit: "%" };
    if changed(ui, "and", &mut percent, &field) {
        tuning.least_percent = percent.round() as u32;
    }
    let mut score = f64::from(tuning.least_score_tenths) / 10.0;
    let field = NumberField { range: 1.0..=20.0, speed: 0.1, decimals: 1, unit: "σ" };
    if changed(ui, "and by", &mut score, &field) {
        tuning.least_score_tenths = (score * 10.0).round() as u32;
    }
    !dragged
}

/// `; with 681.52 USD of taxes`, or that none are in it.
fn tax_words(watched: &Watched, taxes: Money, currency: &str) -> String {
    let has_taxes = watched.beside.taxes != Money::ZERO;
    match taxes {
        Money::ZERO if has_taxes => "; without taxes: no whole month tells how much they are".to_owned(),
        Money::ZERO => String::new(),
        taxes => format!("; taxes of {} in it", units::money(taxes, currency)),
    }
}

/// The sums that are expected.
fn coming_ui(ui: &mut Ui, watched: &Watched, currency: &str) {
    let words = |until: Option<&Until>| match until {
        Some(Until { sum: Some(sum), .. }) => {
            let [low, high] = sum.interval_80.map(|end| units::money(end, currency));
            (units::money(sum.expected, currency), format!("80 % interval {low} to {high}"))
        }
        Some(until) => ("–".to_owned(), until.refused.clone()),
        None => ("–".to_owned(), String::new()),
    };
    let (month, mut month_note) = words(watched.month.as_ref());
    if let Some(parts) = watched.month.as_ref().and_then(|month| month.parts) {
        month_note.push_str(&tax_words(watched, parts.beside.taxes, currency));
    }
    let (ahead, mut ahead_note) = words(watched.ahead.as_ref());
    if let Some(share) =
        watched.tax_share.filter(|_| watched.ahead.as_ref().is_some_and(|ahead| ahead.sum.is_some()))
    {
        let words = format!("; with taxes of {:.1} %", share * 100.0);
        ahead_note.push_str(&words);
    }
    let of_month = watched
        .month
        .as_ref()
        .map_or_else(String::new, |month| format!("All of {}, expected", month.from.month_words()));
    let last = watched.days.iter().rev().find(|day| day.whole);
    let day = money_or_dash(last.map(|day| day.cost), currency);
    let of_day =
        last.map_or_else(|| "Last whole day".to_owned(), |day| format!("Last whole day, {}", day.day));
    let day_note = last
        .and_then(|day| day.expected)
        .map_or_else(String::new, |expected| format!("{} expected", units::money(expected, currency)));
    let Tested { ahead: days, tried, held_80, held_95 } = watched.tested;
    let note = if tried == 0 {
        format!("{} whole days", watched.whole_days)
    } else {
        format!(
            "{} whole days; forecasts of {days} days made from earlier ones: the 80 % interval held {held_80} of {tried} \
             times, the 95 % interval {held_95}",
            watched.whole_days
        )
    };
    section_header_ui(ui, "Days", &note, |_| {});
    stats_ui(
        ui,
        &[
            Stat { label: &of_day, value: &day, unit: "", note: &day_note },
            Stat { label: &of_month, value: &month, unit: "", note: &month_note },
            Stat { label: "Next 90 days, expected", value: &ahead, unit: "", note: &ahead_note },
        ],
    );
}
