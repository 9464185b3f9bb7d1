//! Two periods beside each other: the change, which groups drive it, and how much of it is price and how much quantity.

use std::sync::Arc;

use egui::{RichText, Ui};

use super::filters::{group_words, period_menu_ui};
use super::groups::levels;
use crate::app::{Query, QueryResult, Scenario, SpendQuery, SpendResult, spend};
use crate::bill::{Comparison, Driver, Effects, Period};
use crate::chart::Chart;
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{csv_text, field, problem_ui, reading_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, chart_ui, count_words, data_table_with_foot_ui, note_ui, quiet_button_ui,
};
use crate::units::{self, Money};

/// Height of the table.
const HEIGHT: f32 = 340.0;
/// Height of the chart of drivers.
const CHART_HEIGHT: f32 = 260.0;
/// Drivers that have a bar of their own.
const BARS: usize = 10;

/// What the comparison remembers between frames.
#[derive(Default)]
pub(super) struct Compare {
    asked: Asked,
    chart: Memo<u64, Chart>,
    table: TableState,
    chosen: Option<(u64, usize)>,
    typed: [String; 2],
    problems: [String; 2],
}

impl Compare {
    pub(super) fn ask(&mut self, view: &mut View<'_>) {
        let state = view.app.state();
        let scenario = &state.scenario;
        let Some((before, after)) = periods(scenario, state.bill_days().as_ref()) else { return };
        let query = SpendQuery::Compare {
            by: levels(scenario),
            filters: state.compare_filters(),
            basis: scenario.basis,
            before,
            after,
        };
        self.asked.follow(view, Query::Spend(query));
    }

    fn answer(&self) -> Option<&Arc<Comparison>> {
        match self.asked.answer() {
            Some(Ok(QueryResult::Spend(SpendResult::Compare(comparison)))) => Some(comparison),
            _ => None,
        }
    }

    pub(super) fn copy_ui(&self, ui: &mut Ui, view: &mut View<'_>) {
        if let (Some(comparison), Some(Query::Spend(SpendQuery::Compare { by, .. }))) =
            (self.answer(), self.asked.question())
            && quiet_button_ui(ui, "Copy CSV").clicked()
        {
            let text = csv(comparison, by);
            view.actions.push(Action::Copy { text, what: "The comparison as CSV".to_owned() });
        }
        if self.asked.is_waiting() {
            reading_ui(ui);
        }
    }

    /// The choice of the two periods.
    pub(super) fn periods_ui(&mut self, ui: &mut Ui, days: Option<&Period>, scenario: &mut Scenario) {
        let Some((before, after)) = periods(scenario, days) else {
            note_ui(ui, "The bill has charges of one day only; there is nothing to compare it with");
            return;
        };
        let mut chosen = [Some(before.clone()), Some(after.clone())];
        for (place, name) in ["Compare", "with"].into_iter().enumerate() {
            // The later period is named first, as people say it.
            let side = 1 - place;
            note_ui(ui, name);
            ui.push_id(("period", place), |ui| {
                let (typed, problem) = (&mut self.typed[side], &mut self.problems[side]);
                let title = chosen[side].as_ref().map_or_else(String::new, Period::words);
                let none = "As the bill offers";
                period_menu_ui(ui, &title, none, days, &mut chosen[side], typed, problem);
            });
        }
        if quiet_button_ui(ui, "The stretch before")
            .on_hover_text("As many days or months, right before")
            .clicked()
        {
            chosen[0] = chosen[1].as_ref().and_then(Period::before);
        }
        let [Some(one), Some(other)] = chosen else {
            // Back to what is compared by itself.
            scenario.spend.compare = None;
            return;
        };
        if (&one, &other) != (&before, &after) {
            scenario.spend.compare = Some((one, other));
        }
    }

    /// The chart of drivers.
    pub(super) fn chart_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let Some(Query::Spend(SpendQuery::Compare { by, basis, before, after, .. })) = self.asked.question()
        else {
            return;
        };
        let (by, basis) = (by.join(" › "), *basis);
        let periods = (before.words(), after.words());
        let version = self.asked.version();
        let Self { asked, chart, .. } = self;
        match asked.answer() {
            Some(Ok(QueryResult::Spend(SpendResult::Compare(comparison)))) => {
                let chart =
                    chart.get(version, || spend::drivers_chart(comparison, &by, basis, &periods, BARS));
                chart_ui(ui, view, chart, CHART_HEIGHT, None);
            }
            Some(Err(problem)) => problem_ui(ui, problem),
            _ => {
                ui.allocate_space(egui::vec2(ui.available_width(), CHART_HEIGHT));
            }
        }
    }

    /// The table of drivers, and the change in a sentence above it.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let currency = view.app.state().shown_currency().unwrap_or_default();
        let version = self.asked.version();
        let Some(Query::Spend(SpendQuery::Compare { by, before, after, .. })) = self.asked.question() else {
            return;
        };
        let by = by.join(" › ");
        let (before, after) = (before.clone(), after.clone());
        let Some(comparison) = self.answer().cloned() else { return };
        sentence_ui(ui, &comparison, &before, &after, &currency);
        let days = view.app.state().bill_days();
        for period in [&before, &after] {
            if let Some(words) = days.as_ref().and_then(|days| uncovered_words(period, days)) {
                note_ui(ui, &words);
            }
        }
        let columns = columns(&by, &before, &after, comparison.effects.is_some());
        let shape = Table {
            id: "bill drivers",
            name: "Drivers of the change",
            columns: &columns,
            rows: comparison.drivers.len(),
            revision: version,
            selected: self.chosen.filter(|(of, _)| *of == version).map(|(_, row)| row),
            height: HEIGHT,
        };
        let whole = comparison.change;
        let total = Driver {
            key: Vec::new(),
            before: Some(comparison.before.cost),
            after: Some(comparison.after.cost),
            rows: [comparison.before.rows, comparison.after.rows],
            change: whole,
            effects: comparison.effects,
        };
        let tokens = Tokens::of(ui);
        let foot = |column: usize| match column {
            0 => Cell::text("Total"),
            _ => cell(&total, column, whole, &currency, tokens),
        };
        let output = data_table_with_foot_ui(
            ui,
            &shape,
            &mut self.table,
            |row, column| cell(&comparison.drivers[row], column, whole, &currency, tokens),
            Some(&foot),
        );
        if let Some(row) = output.chosen {
            self.chosen = Some((version, row));
        }
        if comparison.effects.is_none() {
            note_ui(
                ui,
                "The bills have no SKU with a quantity: the change is not split into price and quantity",
            );
        }
        for (side, period) in [(comparison.before, &before), (comparison.after, &after)] {
            if side.missing_cells > 0 {
                let rows = count_words(side.missing_cells);
                note_ui(
                    ui,
                    &format!("{rows} rows of {} have no readable cost and count for nothing", period.words()),
                );
            }
        }
    }
}

/// The periods compared: those chosen, else what the days of the bill offer.
fn periods(scenario: &Scenario, days: Option<&Period>) -> Option<(Period, Period)> {
    scenario.spend.compare.clone().or_else(|| days?.compared())
}

/// `May 2026 costs $1,204.12 more than April 2026 (+8.1 %)`.
fn sentence_ui(ui: &mut Ui, comparison: &Comparison, before: &Period, after: &Period, currency: &str) {
    let tokens = Tokens::of(ui);
    let change = comparison.change;
    let direction = if change.scaled() < 0 { "less" } else { "more" };
    let size = if change.scaled() < 0 { -change } else { change };
    let none =
        [(comparison.before, before), (comparison.after, after)].into_iter().find(|(side, _)| side.rows == 0);
    let sentence = if let Some((_, period)) = none {
        let (other, cost) =
            if period == before { (after, comparison.after.cost) } else { (before, comparison.before.cost) };
        format!(
            "The bill has no such rows in {}; {} costs {}",
            period.words(),
            other.words(),
            units::money(cost, currency)
        )
    } else if change == Money::ZERO {
        format!("{} costs the same as {}", after.words(), before.words())
    } else {
        format!(
            "{} costs {} {direction} than {}",
            after.words(),
            units::money(size, currency),
            before.words()
        )
    };
    let per_cent =
        percent(Some(comparison.before.cost), change).map_or_else(String::new, |p| format!(" ({p})"));
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(format!("{sentence}{per_cent}.")).color(tokens.text).strong());
        if let Some(Effects { quantity, price, new, ended, not_split }) = comparison.effects {
            let parts = [
                ("quantity", quantity),
                ("price", price),
                ("new", new),
                ("ended", ended),
                ("not split", not_split),
            ];
            let words: Vec<String> = parts
                .into_iter()
                .filter(|(_, amount)| *amount != Money::ZERO)
                .map(|(name, amount)| format!("{name} {}", signed(amount, currency)))
                .collect();
            if !words.is_empty() {
                note_ui(ui, &format!("Of it: {}", words.join(", ")));
            }
        }
    });
    let days = |period: &Period| period.length_days();
    if days(before) != days(after) {
        ui.add_space(-space::XS);
        if let (Some(one), Some(other)) = (days(before), days(after)) {
            note_ui(ui, &format!("{} has {other} days, {} has {one}", after.words(), before.words()));
        }
    }
}

/// What the bill lacks of a period, which then costs less than it will.
fn uncovered_words(period: &Period, days: &Period) -> Option<String> {
    // Days are written so that their order is that of their letters.
    let (Period { from, to }, Period { from: first, to: last }) = (period, days);
    let name = period.words();
    if first > to || last < from {
        Some(format!("The bill's days are {first} to {last}: {name} is not among them"))
    } else if first > from || last < to {
        Some(format!("The bill's days are {first} to {last}: it has only a part of {name}"))
    } else {
        None
    }
}

fn columns(by: &str, before: &Period, after: &Period, split: bool) -> Vec<Column> {
    let mut columns = vec![
        Column::fill(by, 144.0),
        Column::number("Before", 84.0).hover(before.words()),
        Column::number("After", 84.0).hover(after.words()),
        Column::number("Change", 84.0).hover("After less before"),
        Column::number("%", 60.0).hover("Change in per cent of before"),
        Column::number("Of the change", 82.0).hover("This group's part of the whole change"),
    ];
    if split {
        let number = |title: &str, hover: &str| Column::number(title, 70.0).hover(hover);
        columns.extend([
            number("Quantity", "More or less of the same SKUs, at the old price"),
            number("Price", "The same SKUs at another price"),
            number("New", "SKUs that were not charged before"),
            number("Ended", "SKUs that are not charged any more"),
            number("Not split", "Rows without a SKU, a unit or a quantity above zero"),
        ]);
    }
    columns
}

fn cell(driver: &Driver, column: usize, whole: Money, currency: &str, tokens: &Tokens) -> Cell {
    let amount = |amount: Money| {
        Cell::number(amount.to_f64(), units::money_in_column(amount, currency))
            .hover(format!("{amount} {currency}, to the last digit"))
    };
    let effect = |of: fn(&Effects) -> Money| match driver.effects.as_ref().map(of) {
        Some(Money::ZERO) => Cell::number(0.0, "0").quiet(),
        Some(found) => Cell::number(found.to_f64(), signed(found, currency)),
        None => Cell::unknown("The bills have no SKU with a quantity"),
    };
    match column {
        0 => {
            let words: Vec<&str> = driver.key.iter().map(|value| group_words(value.as_deref()).0).collect();
            let words = words.join(" › ");
            Cell::text(words.clone()).hover(words)
        }
        1 => driver.before.map_or_else(|| Cell::unknown("No rows before"), amount),
        2 => driver.after.map_or_else(|| Cell::unknown("No rows after"), amount),
        3 => {
            let cell = Cell::number(driver.change.to_f64(), signed(driver.change, currency));
            match driver.change.scaled() {
                ..0 => cell.colour(tokens.good),
                0 => cell.quiet(),
                _ => cell.colour(tokens.warning),
            }
        }
        4 => match (driver.before, percent(driver.before, driver.change)) {
            (Some(before), Some(words)) => {
                Cell::number(driver.change.to_f64() / before.to_f64().abs(), words)
            }
            _ => Cell::unknown("Before, it cost nothing"),
        },
        5 => {
            if whole == Money::ZERO {
                Cell::unknown("There is no change to have a part of")
            } else {
                let share = driver.change.to_f64() / whole.to_f64();
                Cell::number(share, format!("{:.1} %", share * 100.0)).bar(share)
            }
        }
        6 => effect(|effects| effects.quantity),
        7 => effect(|effects| effects.price),
        8 => effect(|effects| effects.new),
        9 => effect(|effects| effects.ended),
        _ => effect(|effects| effects.not_split),
    }
}

/// `+$1.20`, `−$3.00`.
fn signed(amount: Money, currency: &str) -> String {
    let words = units::money_in_column(amount, currency);
    if amount.scaled() > 0 { format!("+{words}") } else { words }
}

/// `+8.1 %` of what it was before; `None` when that was nothing.
fn percent(before: Option<Money>, change: Money) -> Option<String> {
    let before = before.filter(|before| *before != Money::ZERO)?;
    Some(format!("{:+.1} %", change.to_f64() / before.to_f64().abs() * 100.0))
}

fn csv(comparison: &Comparison, by: &[String]) -> String {
    let mut header: Vec<&str> = by.iter().map(String::as_str).collect();
    header.extend([
        "Before",
        "After",
        "Change",
        "Quantity",
        "Price",
        "New",
        "Ended",
        "NotSplit",
        "BillingCurrency",
    ]);
    let currency = comparison.currency.clone().unwrap_or_default();
    let rows = comparison.drivers.iter().map(|driver| {
        let mut cells: Vec<String> =
            driver.key.iter().map(|value| value.clone().unwrap_or_default()).collect();
        cells.extend([field(driver.before), field(driver.after), driver.change.to_string()]);
        let effect = |of: fn(&Effects) -> Money| field(driver.effects.as_ref().map(of));
        cells.extend([
            effect(|effects| effects.quantity),
            effect(|effects| effects.price),
            effect(|effects| effects.new),
            effect(|effects| effects.ended),
            effect(|effects| effects.not_split),
            currency.clone(),
        ]);
        cells
    });
    csv_text(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_that_the_bill_lacks_is_said() {
        let period = |from: &str, to: &str| Period { from: from.to_owned(), to: to.to_owned() };
        let days = period("2026-05-01", "2026-05-28");
        let said = |from: &str, to: &str| uncovered_words(&period(from, to), &days);
        assert!(said("2026-04-01", "2026-04-30").unwrap().contains("not among them"));
        assert!(said("2026-05-01", "2026-05-31").unwrap().contains("only a part"));
        assert_eq!(said("2026-05-01", "2026-05-28"), None);
    }
}
