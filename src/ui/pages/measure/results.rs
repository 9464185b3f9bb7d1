//! The finished measurements as a table; the chosen one is shown below it ([`super::detail`]).

use egui::Ui;

use super::breakdown::BreakdownCard;
use super::columns::{self, Kind};
use super::detail::Detail;
use crate::app::Command;
use crate::ui::pages::kept::Memo;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Column, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui,
};

/// Height of the table at most.
const TABLE_HEIGHT: f32 = 400.0;

/// Columns by what they show, as the table takes them, and what all rows share.
type Columns = (Vec<Kind>, Vec<Column>, String);

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Results {
    table: TableState,
    breakdown: BreakdownCard,
    columns: Memo<(u64, bool), Columns>,
    all_columns: bool,
    detail: Detail,
}

impl Results {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let points = &state.points;
        if points.is_empty() {
            card_ui(ui, |ui| {
                section_header_ui(ui, "Measurements", "", |_| {});
                note_ui(ui, "Each configuration appears here as soon as it is measured.");
            });
            return;
        }
        let place = points.iter().position(|stored| Some(stored.id) == state.chosen);
        let (kinds, columns, shared) = self.columns.get((state.revision, self.all_columns), || {
            let (kinds, shared) = columns::columns(points, self.all_columns);
            let columns = kinds.iter().map(|kind| columns::column(*kind)).collect();
            (kinds, columns, shared)
        });
        card_ui(ui, |ui| {
            let mut note = count_words(points.len() as u64);
            if !shared.is_empty() {
                note = format!("{note}, all {shared}");
            }
            section_header_ui(ui, "Measurements", &note, |ui| {
                if quiet_button_ui(ui, "Copy CSV").clicked() {
                    let text = columns::csv(points);
                    view.actions.push(Action::Copy { text, what: "Measurements as CSV".to_owned() });
                }
                let (text, hover) = if self.all_columns {
                    ("Fewer columns", "Leaves out what has less to do with speed")
                } else {
                    ("More columns", "p95, load time, first inference, CPU time and start too")
                };
                if quiet_button_ui(ui, text).on_hover_text(hover).clicked() {
                    self.all_columns = !self.all_columns;
                    self.table.sort = None;
                }
                if let Some(stored) = place.map(|place| &points[place])
                    && quiet_button_ui(ui, "Remove").on_hover_text("Takes out the chosen one").clicked()
                {
                    view.send(Command::RemovePoints(vec![stored.id]));
                }
            });
            let shape = Table {
                id: "points",
                name: "Measurements",
                columns,
                rows: points.len(),
                revision: state.revision,
                selected: place,
                height: TABLE_HEIGHT,
            };
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                columns::cell(&points[row], kinds[column])
            });
            if let Some(row) = output.chosen {
                view.send(Command::Choose(Some(points[row].id)));
            }
            if let Some(row) = output.deleted {
                view.send(Command::RemovePoints(vec![points[row].id]));
            }
            if place.is_none() {
                note_ui(ui, "Choose one to see its runs, its latencies over time and what it cost.");
            }
        });
        if let Some(stored) = place.map(|place| &points[place]) {
            self.detail.ui(ui, view, stored);
            self.breakdown.ui(ui, view, stored);
        }
    }
}
