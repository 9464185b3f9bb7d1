//! The rows behind the groups, as they are in the file, a page at a time.

use egui::Ui;

use crate::app::{Query, QueryResult};
use crate::bill::{Filter, RowsView};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{csv_text, problem_ui, reading_ui};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, count_words, data_table_ui, note_ui, quiet_button_ui,
};

/// Rows of a page.
const PAGE: u64 = 500;
/// Height of the table.
const HEIGHT: f32 = 420.0;
/// Columns that tell most about a row; they come first.
const FIRST: [&str; 12] = [
    "ChargePeriodStart",
    "ServiceName",
    "ResourceName",
    "ChargeDescription",
    "RegionId",
    "ChargeCategory",
    "BilledCost",
    "EffectiveCost",
    "ConsumedQuantity",
    "ConsumedUnit",
    "x_InferenceRule",
    "Tags",
];

/// What the table remembers between frames.
#[derive(Default)]
pub(super) struct Rows {
    asked: Asked,
    offset: u64,
    filters: Vec<Filter>,
    /// Places of the columns shown: those with a value on this page, the telling ones first.
    order: Memo<u64, Vec<usize>>,
    table: TableState,
    chosen: Option<(u64, usize)>,
}

impl Rows {
    pub(super) fn ask(&mut self, view: &mut View<'_>) {
        let filters = view.app.state().scenario.bill_filters();
        if filters != self.filters {
            self.filters.clone_from(&filters);
            self.offset = 0;
        }
        self.asked.follow(view, Query::Rows { filters, offset: self.offset, limit: PAGE });
    }

    pub(super) fn copy_ui(&self, ui: &mut Ui, view: &mut View<'_>) {
        if let Some(Ok(QueryResult::Rows(rows))) = self.asked.answer()
            && quiet_button_ui(ui, "Copy this page as CSV").clicked()
        {
            view.actions.push(Action::Copy { text: csv(rows), what: "Rows as CSV".to_owned() });
        }
        if self.asked.is_waiting() {
            reading_ui(ui);
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let Self { asked, offset, order, table, chosen, .. } = self;
        let rows = match asked.answer() {
            Some(Ok(QueryResult::Rows(rows))) => rows,
            Some(Err(problem)) => return problem_ui(ui, problem),
            _ => return,
        };
        let from = match asked.question() {
            Some(Query::Rows { offset, .. }) => *offset,
            _ => 0,
        };
        let version = asked.version();
        let order = order.get(version, || telling_first(rows));
        let columns: Vec<Column> = order.iter().map(|place| column_of(&rows.columns[*place])).collect();
        let shape = Table {
            id: "bill rows",
            name: "Rows of the bill",
            columns: &columns,
            rows: rows.rows.len(),
            revision: version,
            selected: chosen.filter(|(of, _)| *of == version).map(|(_, row)| row),
            height: HEIGHT,
        };
        let output = data_table_ui(ui, &shape, table, |row, column| {
            let place = order[column];
            match &rows.rows[row][place] {
                Some(text) => match text.parse::<f64>() {
                    Ok(value) if is_number(&rows.columns[place]) => Cell::number(value, text.clone()),
                    _ => Cell::text(text.clone()).hover(text.clone()),
                },
                None => Cell::unknown("No value in the file"),
            }
        });
        if let Some(row) = output.chosen {
            *chosen = Some((version, row));
        }
        ui.horizontal(|ui| {
            let last = from + rows.rows.len() as u64;
            let total = rows.total_rows;
            let first = if total == 0 { 0 } else { from + 1 };
            note_ui(
                ui,
                &format!("Rows {} to {} of {}", count_words(first), count_words(last), count_words(total)),
            );
            let back = ui.add_enabled(from > 0, egui::Button::new("Previous page"));
            if back.clicked() {
                *offset = from.saturating_sub(PAGE);
            }
            let next = ui.add_enabled(last < total, egui::Button::new("Next page"));
            if next.clicked() {
                *offset = last;
            }
        });
        let _ = view;
    }
}

/// Columns with a value on this page, the telling ones first.
fn telling_first(view: &RowsView) -> Vec<usize> {
    let filled = |place: &usize| view.rows.iter().any(|row| row[*place].is_some());
    let mut order: Vec<usize> = (0..view.columns.len()).filter(filled).collect();
    let rank =
        |place: &usize| FIRST.iter().position(|name| *name == view.columns[*place]).unwrap_or(FIRST.len());
    order.sort_by_key(rank);
    order
}

fn is_number(column: &str) -> bool {
    ["Cost", "Price", "Quantity", "Rate"].iter().any(|end| column.ends_with(end))
}

fn column_of(name: &str) -> Column {
    match name {
        "ChargeDescription" | "ResourceId" | "ResourceName" | "Tags" => Column::text(name, 220.0),
        "ServiceName" => Column::text(name, 160.0),
        name if is_number(name) => Column::number(name, 128.0),
        _ => Column::text(name, 136.0),
    }
}

fn csv(view: &RowsView) -> String {
    let header: Vec<&str> = view.columns.iter().map(String::as_str).collect();
    let rows = view.rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect());
    csv_text(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_without_a_value_are_left_out_and_telling_ones_come_first() {
        let view = RowsView {
            columns: ["x_Other", "Empty", "ServiceName"].map(str::to_owned).to_vec(),
            rows: vec![vec![Some("1".to_owned()), None, Some("s".to_owned())]],
            total_rows: 1,
        };
        assert_eq!(telling_first(&view), [2, 0]);
    }
}
