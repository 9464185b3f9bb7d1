//! The Spend part: what was spent, on what, when. Controls on top, a chart, and below it the groups, a comparison of two
//! periods or the rows.

use egui::containers::menu::MenuButton;
use egui::{ComboBox, Key, RichText, Ui};

use super::SERIES;
use super::chips::CurrencyChips;
use super::compare::Compare;
use super::filters::{Filters, column_menu_ui};
use super::groups::{Groups, Wish};
use super::rows::Rows;
use super::views::Views;
use crate::app::spend::{group_filters, narrow};
use crate::app::{Query, QueryResult, SavedView, Scenario, SpendQuery, SpendResult, State, figures};
use crate::bill::over_time::NO_VALUE;
use crate::bill::{Basis, ColumnView, Granularity, Period, Series};
use crate::chart::Chart;
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    card_ui, chart_ui, chip_ui, count_words, labelled_ui, note_ui, quiet_button_ui, section_header_ui,
    segmented_ui,
};

/// Height of the chart of cost over time.
const CHART_HEIGHT: f32 = 290.0;
/// Steps that can be taken back.
const STEPS: usize = 50;
/// Levels of groups at most.
const LEVELS: usize = 5;

/// What the lower card shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Detail {
    #[default]
    Groups,
    Compare,
    Rows,
}

/// What the part remembers between frames.
#[derive(Default)]
pub(super) struct SpendPart {
    columns: Asked,
    series: Asked,
    currencies: CurrencyChips,
    starts: Asked,
    chart: Memo<(u64, bool), Chart>,
    filters: Filters,
    views: Views,
    groups: Groups,
    compare: Compare,
    rows: Rows,
    detail: Detail,
    /// What is typed into the search of columns to group by.
    search: String,
    /// What was shown before, the latest last.
    steps: Vec<(SavedView, Detail)>,
}

impl SpendPart {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        let before = (SavedView::of("", scenario), self.detail);
        self.ask(view);
        card_ui(ui, |ui| {
            self.controls_ui(ui, view, scenario);
            let state = view.app.state();
            let columns = columns_of(&self.columns);
            let days = state.bill_days();
            let days = days.as_ref();
            ui.horizontal_wrapped(|ui| {
                match self.detail {
                    Detail::Compare => self.compare.periods_ui(ui, days, scenario),
                    Detail::Groups | Detail::Rows => self.filters.period_ui(ui, days, scenario),
                }
                self.filters.ui(ui, columns, scenario);
            });
            if self.detail != Detail::Compare || state.bill_currency().is_none() {
                self.currencies_ui(ui, state, scenario);
            }
            match self.detail {
                Detail::Compare => self.compare.chart_ui(ui, view),
                Detail::Groups | Detail::Rows => self.chart_ui(ui, view, scenario),
            }
        });
        self.detail_ui(ui, view, scenario);
        let now = (SavedView::of("", scenario), self.detail);
        if now != before {
            // What it needs is asked in the next frame.
            ui.ctx().request_repaint();
        }
        if now != before && self.steps.last() != Some(&now) {
            self.steps.push(before);
            if self.steps.len() > STEPS {
                self.steps.remove(0);
            }
        } else if now != before {
            // A step was taken back.
            self.steps.pop();
        }
    }

    /// The columns of the open bills, asked for where they are not known yet.
    pub(super) fn columns(&mut self, view: &mut View<'_>) -> &Asked {
        self.columns.follow(view, Query::Columns);
        &self.columns
    }

    /// Shows the rows from now on.
    pub(super) fn show_rows(&mut self) {
        self.detail = Detail::Rows;
    }

    fn ask(&mut self, view: &mut View<'_>) {
        let state = view.app.state();
        let scenario = &state.scenario;
        self.columns.follow(view, Query::Columns);
        self.starts.follow(view, Query::Spend(SpendQuery::Starts));
        let mut filters = scenario.spend_filters();
        filters.extend(scenario.spend.period.as_ref().map(Period::filter));
        self.currencies.ask(view, filters);
        let per = state.shown_per(scenario.spend.period.as_ref());
        // Until the days are known, it is not known how wide a bar is.
        let is_known = scenario.spend.per_chosen || self.starts.answer().is_some();
        if self.detail != Detail::Compare && is_known {
            self.series.follow(
                view,
                Query::Series {
                    by: Some(scenario.group_by.clone()),
                    filters: state.bill_filters(),
                    basis: scenario.basis,
                    per,
                    top: SERIES,
                },
            );
        }
        self.groups.ask(view);
        match self.detail {
            Detail::Groups => {}
            Detail::Compare => self.compare.ask(view),
            Detail::Rows => self.rows.ask(view),
        }
    }

    /// Levels, width of bars, cost, form, views, and a step back.
    fn controls_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        let columns = columns_of(&self.columns);
        ui.horizontal_wrapped(|ui| {
            levels_ui(ui, columns, &mut self.search, scenario);
            let hours = match self.starts.answer() {
                Some(Ok(QueryResult::Spend(SpendResult::Starts(starts)))) => starts.hours,
                _ => false,
            };
            if self.detail != Detail::Compare {
                let before = view.app.state().shown_per(scenario.spend.period.as_ref());
                let mut per = before;
                let widths: Vec<(Granularity, &str)> =
                    [Granularity::Hour, Granularity::Day, Granularity::Week, Granularity::Month]
                        .into_iter()
                        .filter(|width| hours || *width != Granularity::Hour || before == *width)
                        .map(|width| (width, super::per_words(width)))
                        .collect();
                segmented_ui(ui, "Bars per", &mut per, &widths);
                if per != before {
                    (scenario.per, scenario.spend.per_chosen) = (per, true);
                }
                segmented_ui(ui, "Drawn as", &mut scenario.spend.lines, &[(false, "Bars"), (true, "Lines")]);
            }
            basis_ui(ui, &mut scenario.basis);
            self.views.menu_ui(ui, view, scenario);
            let free = ui.memory(|memory| memory.focused().is_none());
            let pressed = !self.steps.is_empty()
                && quiet_button_ui(ui, "Back")
                    .on_hover_text("Shows what was shown before (Ctrl+Z)")
                    .clicked();
            let typed = free && ui.input_mut(|input| input.consume_key(egui::Modifiers::COMMAND, Key::Z));
            if (pressed || typed)
                && let Some((saved, detail)) = self.steps.last()
            {
                saved.apply(scenario);
                self.detail = *detail;
            }
            if self.series.is_waiting() {
                reading_ui(ui);
            }
        });
    }

    /// What is shown in all, or for each currency where there are several: they are never added up.
    fn currencies_ui(&mut self, ui: &mut Ui, state: &State, scenario: &mut Scenario) {
        let tokens = Tokens::of(ui);
        let basis = scenario.basis;
        let several = self.currencies.ui(ui, state, basis, scenario);
        if let Some(totals) = self.groups.total() {
            let missing = totals.missing(basis);
            ui.horizontal_wrapped(|ui| {
                if !several {
                    let shown = || state.shown_currency();
                    let currency = totals.currency.clone().or_else(shown).unwrap_or_default();
                    let amount = money_or_dash(totals.costs.get(basis), &currency);
                    ui.label(RichText::new(amount).color(tokens.text).strong());
                }
                let [have, all] = [totals.rows - missing, totals.rows].map(count_words);
                if missing > 0 {
                    let words = format!("{} · {have} of {all} rows; the others have none", basis.column());
                    ui.label(RichText::new(words).color(tokens.warning));
                } else if !several {
                    note_ui(ui, &format!("{} · {all} rows", basis.column()));
                }
                if let Some(conversion) = &totals.converted {
                    note_ui(ui, &format!("· {conversion}"));
                }
            });
        }
        if let Some(words) = state.twice_words(basis) {
            problem_ui(ui, &words);
        }
    }

    fn chart_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        let state = view.app.state();
        let lines = scenario.spend.lines;
        let mut picked = None;
        match (self.series.answer(), self.series.question()) {
            (Some(Ok(QueryResult::Series(series))), Some(Query::Series { by, basis, per, .. })) => {
                let chart = self.chart.get((self.series.version(), lines), || {
                    let currency =
                        series.currency.clone().or_else(|| state.shown_currency()).unwrap_or_default();
                    let by = by.as_deref().unwrap_or_default();
                    figures::bill(series, by, *basis, *per, &currency, lines)
                });
                picked =
                    chart_ui(ui, view, chart, CHART_HEIGHT, None).and_then(|key| pick(series, key, *per));
                if series.undated_rows > 0 {
                    note_ui(
                        ui,
                        &format!("{} rows have no readable start and are in no bar", series.undated_rows),
                    );
                }
            }
            (Some(Err(problem)), _) => problem_ui(ui, problem),
            _ => {
                ui.allocate_space(egui::vec2(ui.available_width(), CHART_HEIGHT));
            }
        }
        if let Some(Picked { part, period }) = picked {
            if let Part::Group(value) = part {
                narrow(&mut scenario.spend.drill, group_filters(&scenario.group_by, value.as_deref(), false));
            }
            scenario.spend.period = Some(period);
            // What is one bar now has bars of its own: a month days, a day hours.
            (scenario.per, scenario.spend.per_chosen) = (Granularity::default(), false);
            self.detail = Detail::Rows;
        }
    }

    fn detail_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) {
        card_ui(ui, |ui| {
            let name = match self.detail {
                Detail::Groups => format!("By {}", super::groups::levels(scenario).join(" › ")),
                Detail::Compare => "What makes the difference".to_owned(),
                Detail::Rows => "Rows".to_owned(),
            };
            section_header_ui(ui, &name, "", |ui| {
                match self.detail {
                    Detail::Groups => self.groups.copy_ui(ui, view),
                    Detail::Compare => self.compare.copy_ui(ui, view),
                    Detail::Rows => self.rows.copy_ui(ui, view),
                }
                let options =
                    [(Detail::Rows, "Rows"), (Detail::Compare, "Compare"), (Detail::Groups, "Groups")];
                segmented_ui(ui, "Show", &mut self.detail, &options);
            });
            match self.detail {
                Detail::Groups => {
                    if let Some(Wish::Rows) = self.groups.ui(ui, view, scenario) {
                        self.detail = Detail::Rows;
                    }
                }
                Detail::Compare => self.compare.ui(ui, view),
                Detail::Rows => self.rows.ui(ui, view, columns_of(&self.columns)),
            }
        });
    }
}

/// What a bar stands for.
struct Picked {
    part: Part,
    period: Period,
}

/// Of which rows a bar is.
#[derive(Debug, PartialEq)]
enum Part {
    /// Those of a group.
    Group(Option<String>),
    /// What is left of many.
    Rest,
}

/// The bar with this key; see [`figures::bill`].
fn pick(series: &Series, key: u64, per: Granularity) -> Option<Picked> {
    let key = usize::try_from(key).ok()?;
    let count = series.buckets.len().max(1);
    let (name, _) = series.series.get(key / count)?;
    let start = series.buckets.get(key % count)?.checked_mul(crate::bill::moment::PER_SEC)?;
    let period = Period::of_micros(start, per.next(start)?)?;
    let part = match name.as_str() {
        other if other.starts_with("Other (") => Part::Rest,
        NO_VALUE => Part::Group(None),
        value => Part::Group(Some(value.to_owned())),
    };
    Some(Picked { part, period })
}

/// The columns of all levels as chips, and the menus that change and add one.
fn levels_ui(ui: &mut Ui, columns: &[ColumnView], search: &mut String, scenario: &mut Scenario) {
    let all = super::groups::levels(scenario);
    let chosen: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut first = None;
    MenuButton::new(format!("By {}", scenario.group_by)).ui(ui, |ui| {
        first = column_menu_ui(ui, columns, search, &chosen);
    });
    let mut gone = None;
    for (place, column) in scenario.spend.then_by.iter().enumerate() {
        if chip_ui(ui, &format!("then {column}")) {
            gone = Some(place);
        }
    }
    let mut more = None;
    if all.len() < LEVELS {
        MenuButton::new("Add a level").ui(ui, |ui| {
            more = column_menu_ui(ui, columns, search, &chosen);
        });
    }
    if let Some(place) = gone {
        scenario.spend.then_by.remove(place);
    }
    if let Some(first) = first {
        scenario.group_by = first;
    }
    scenario.spend.then_by.extend(more);
}

/// The columns and tag keys of the open bills; empty before the answer.
pub(super) fn columns_of(columns: &Asked) -> &[ColumnView] {
    match columns.answer() {
        Some(Ok(QueryResult::Columns(columns))) => columns,
        _ => &[],
    }
}

/// The choice of the cost that is shown.
pub(super) fn basis_ui(ui: &mut Ui, basis: &mut Basis) {
    labelled_ui(ui, "Cost", |ui| {
        ComboBox::from_id_salt("basis")
            .selected_text(basis_words(*basis))
            .width(110.0)
            .show_ui(ui, |ui| {
                for other in [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost]
                {
                    ui.selectable_value(basis, other, basis_words(other)).on_hover_text(other.column());
                }
            })
            .response
    });
}

/// A cost as people say it.
pub(super) fn basis_words(basis: Basis) -> &'static str {
    match basis {
        Basis::BilledCost => "Billed",
        Basis::EffectiveCost => "Effective",
        Basis::ListCost => "List",
        Basis::ContractedCost => "Contracted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::NO_COLUMN;
    use crate::units::Money;

    #[test]
    fn a_bar_is_its_group_and_its_days() {
        let money = vec![Money::ZERO; 2];
        let names = ["a", NO_VALUE, NO_COLUMN, "Other (3 more)"];
        let series = Series {
            // 2026-05-01 and 2026-06-01.
            buckets: vec![1_777_593_600, 1_780_272_000],
            series: names.iter().map(|name| ((*name).to_owned(), money.clone())).collect(),
            ..Series::default()
        };
        let picked =
            |key| pick(&series, key, Granularity::Month).map(|picked| (picked.part, picked.period.words()));
        assert_eq!(picked(1), Some((Part::Group(Some("a".to_owned())), "June 2026".to_owned())));
        assert_eq!(picked(2), Some((Part::Group(None), "May 2026".to_owned())));
        assert_eq!(picked(5), Some((Part::Group(Some(NO_COLUMN.to_owned())), "June 2026".to_owned())));
        assert_eq!(picked(6), Some((Part::Rest, "May 2026".to_owned())));
        assert_eq!(picked(8), None);
    }
}
