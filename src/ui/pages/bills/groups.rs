//! The bill by the values of a column: rows, the four costs and the share of each.

use egui::Ui;

use super::{currency_of, toggle_filter};
use crate::app::{Query, QueryResult, Scenario};
use crate::bill::{Basis, Costs, Group};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{csv_text, field, problem_ui, reading_ui};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, count_words, data_table_ui, note_ui, quiet_button_ui,
};
use crate::units::{self, Money};

/// Height of the table.
const HEIGHT: f32 = 340.0;

/// What the table remembers between frames.
#[derive(Default)]
pub(super) struct Groups {
    asked: Asked,
    totals: Memo<u64, Option<Money>>,
    table: TableState,
    chosen: Option<(u64, usize)>,
}

impl Groups {
    pub(super) fn ask(&mut self, view: &mut View<'_>) {
        let scenario = &view.app.state().scenario;
        let query = Query::Groups {
            by: vec![scenario.group_by.clone()],
            filters: scenario.bill_filters(),
            basis: scenario.basis,
        };
        self.asked.follow(view, query);
    }

    fn answer(&self) -> Option<(&[Group], &str, Basis)> {
        match (self.asked.answer()?, self.asked.question()?) {
            (Ok(QueryResult::Groups(groups)), Query::Groups { by, basis, .. }) => {
                Some((groups, by.first().map_or("", String::as_str), *basis))
            }
            _ => None,
        }
    }

    pub(super) fn copy_ui(&self, ui: &mut Ui, view: &mut View<'_>) {
        if let Some((groups, by, _)) = self.answer()
            && quiet_button_ui(ui, "Copy CSV").clicked()
        {
            let text = csv(groups, by);
            view.actions.push(Action::Copy { text, what: format!("Costs by {by} as CSV") });
        }
        if self.asked.is_waiting() {
            reading_ui(ui);
        }
    }

    /// Draws the table. True when the user wants to see the rows of a group; its filter is then on.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, scenario: &mut Scenario) -> bool {
        if let Some(Err(problem)) = self.asked.answer() {
            problem_ui(ui, problem);
            return false;
        }
        let version = self.asked.version();
        let Self { asked, totals, table, chosen } = self;
        let (Some(Ok(QueryResult::Groups(groups))), Some(Query::Groups { by, basis, .. })) =
            (asked.answer(), asked.question())
        else {
            return false;
        };
        let by = by.first().map_or("", String::as_str);
        let total = *totals.get(version, || groups.iter().map(|group| group.costs.get(*basis)).sum());
        let currency = currency_of(view.app.state());
        let columns = columns(by);
        let selected = chosen.filter(|(of, _)| *of == version).map(|(_, row)| row);
        let shape = Table {
            id: "bill groups",
            name: "Costs by group",
            columns: &columns,
            rows: groups.len(),
            revision: version,
            selected,
            height: HEIGHT,
        };
        let output = data_table_ui(ui, &shape, table, |row, column| {
            cell(&groups[row], column, *basis, total, currency)
        });
        if let Some(row) = output.chosen {
            *chosen = Some((version, row));
        }
        let mut open = output.opened;
        let mut filter = None;
        ui.horizontal(|ui| match selected.and_then(|row| groups.get(row)) {
            Some(group) => {
                if quiet_button_ui(ui, "Only this group").clicked() {
                    filter = Some(group);
                }
                if quiet_button_ui(ui, "Show its rows").clicked() {
                    open = selected;
                }
            }
            None => {
                note_ui(ui, "Choose a group to filter by it; double-click to see its rows");
            }
        });
        let opened = open.and_then(|row| groups.get(row));
        if let Some(group) = opened.or(filter) {
            let value = group.key.first().cloned().flatten().unwrap_or_default();
            let on =
                scenario.filters.iter().any(|filter| filter.column == by && filter.values == [value.clone()]);
            if !on {
                scenario.filters.retain(|filter| filter.column != by);
                toggle_filter(scenario, by, &value);
            }
        }
        opened.is_some()
    }
}

fn columns(by: &str) -> Vec<Column> {
    vec![
        Column::fill(by, 200.0),
        Column::number("Share", 120.0).hover("Share of the cost shown in the chart"),
        Column::number("Rows", 64.0),
        Column::number("Billed", 110.0).hover("BilledCost"),
        Column::number("Effective", 110.0).hover("EffectiveCost"),
        Column::number("List", 110.0).hover("ListCost"),
        Column::number("Contracted", 110.0).hover("ContractedCost"),
    ]
}

fn cell(group: &Group, column: usize, basis: Basis, total: Option<Money>, currency: &str) -> Cell {
    let cost = |of: fn(&Costs) -> Option<Money>| match of(&group.costs) {
        Some(amount) => Cell::number(amount.to_f64(), units::money(amount, currency))
            .hover(format!("{amount} {currency}, to the last digit")),
        None => Cell::unknown("The file has no such column, or no value in it"),
    };
    match column {
        0 => match group.key.first().and_then(Option::as_ref) {
            Some(value) => Cell::text(value.clone()).hover(value.clone()),
            None => Cell::text("(no value)").quiet(),
        },
        1 => match (group.costs.get(basis), total.map(Money::to_f64)) {
            (Some(cost), Some(total)) if total > 0.0 => {
                let share = cost.to_f64() / total;
                Cell::number(share, format!("{:.1} %", share * 100.0)).bar(share)
            }
            _ => Cell::unknown("Without a total above zero there is no share"),
        },
        2 => Cell::number(group.rows as f64, count_words(group.rows)),
        3 => cost(|costs| costs.billed_cost),
        4 => cost(|costs| costs.effective_cost),
        5 => cost(|costs| costs.list_cost),
        _ => cost(|costs| costs.contracted_cost),
    }
}

fn csv(groups: &[Group], by: &str) -> String {
    let header = [by, "Rows", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
    let rows = groups.iter().map(|group| {
        vec![
            group.key.first().cloned().flatten().unwrap_or_default(),
            group.rows.to_string(),
            field(group.costs.billed_cost),
            field(group.costs.effective_cost),
            field(group.costs.list_cost),
            field(group.costs.contracted_cost),
        ]
    });
    csv_text(&header, rows)
}
