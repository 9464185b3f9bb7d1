//! The bills that are open: what each is, its four totals, and what was not understood in it.

use egui::{RichText, ScrollArea, Ui};

use super::reconcile::Panel;
use crate::app::{Command, State};
use crate::bill::{Costs, Imported, Warning};
use crate::ui::pages::parts::{csv_text, day_words, field};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Icon, Table, TableState, card_ui, count_words, data_table_ui, icon_ui, quiet_button_ui,
    section_header_ui,
};
use crate::units::{self, Money};

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Files {
    table: TableState,
    /// The chosen bill.
    chosen: Option<String>,
    show_warnings: bool,
    panel: Panel,
}

impl Files {
    /// Chooses a bill.
    pub(super) fn choose(&mut self, hash: &str) {
        self.chosen = Some(hash.to_owned());
    }

    /// Draws the card. True when the user wants to set the currency that sums are shown in.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) -> bool {
        let mut set_currencies = false;
        let state = view.app.state();
        let bills = &state.bills;
        let Self { table, chosen, show_warnings, panel } = self;
        if chosen.as_ref().is_none_or(|hash| !bills.iter().any(|bill| bill.hash == *hash)) {
            *chosen = bills.first().map(|bill| bill.hash.clone());
        }
        let place = bills.iter().position(|bill| Some(&bill.hash) == chosen.as_ref());
        card_ui(ui, |ui| {
            let count = match bills.len() {
                1 => String::new(),
                count => format!("{count}"),
            };
            section_header_ui(ui, "Files", &count, |ui| {
                set_currencies = quiet_button_ui(ui, "Currencies…").clicked();
                if let Some(bill) = place.map(|place| &bills[place]) {
                    let name = format!("Takes {} out of the project", bill.file);
                    if quiet_button_ui(ui, "Remove").on_hover_text(name).clicked() {
                        view.send(Command::RemoveBill(bill.hash.clone()));
                    }
                    if bill.warnings_total > 0 {
                        let words = if *show_warnings { "Hide warnings" } else { "Show warnings" };
                        if quiet_button_ui(ui, words).clicked() {
                            *show_warnings = !*show_warnings;
                        }
                    }
                }
            });
            let columns = [
                Column::fill("File", 140.0),
                Column::text("Format", 68.0),
                Column::number("Rows", 50.0),
                Column::text("Charges from", 78.0).hover("Earliest ChargePeriodStart, UTC"),
                Column::text("until", 76.0).hover("Latest ChargePeriodEnd, UTC"),
                Column::number("Billed", 92.0).hover("BilledCost"),
                Column::number("Effective", 92.0).hover("EffectiveCost"),
                Column::number("List", 92.0).hover("ListCost"),
                Column::number("Contracted", 92.0).hover("ContractedCost"),
                Column::number("Warnings", 56.0),
            ];
            let shape = Table {
                id: "bill files",
                name: "Bills",
                columns: &columns,
                rows: bills.len(),
                revision: state.revision,
                selected: place,
                height: 200.0,
            };
            let tokens = Tokens::of(ui);
            let output =
                data_table_ui(ui, &shape, table, |row, column| cell(state, &bills[row], column, tokens));
            if let Some(row) = output.chosen {
                *chosen = Some(bills[row].hash.clone());
            }
            if let Some(row) = output.deleted {
                view.send(Command::RemoveBill(bills[row].hash.clone()));
            }
            if let Some(bill) = place.map(|place| &bills[place]).filter(|_| *show_warnings) {
                warnings_ui(ui, view, bill);
            }
        });
        let place = bills.iter().position(|bill| Some(&bill.hash) == chosen.as_ref());
        if let Some(place) = place {
            panel.ui(ui, view, &bills[place]);
        }
        set_currencies
    }
}

fn cell(state: &State, bill: &Imported, column: usize, tokens: &Tokens) -> Cell {
    let day = |secs: Option<i64>| match secs {
        Some(secs) => Cell::text(day_words(secs)),
        None => Cell::unknown("No row has a readable charge period"),
    };
    let cost = |of: fn(&Costs) -> Option<Money>| match bill.single_total() {
        None => Cell::unknown(format!(
            "The rows are in several currencies: {}",
            bill.currencies.keys().cloned().collect::<Vec<_>>().join(", ")
        )),
        Some((currency, costs)) => match of(&costs) {
            Some(amount) => Cell::number(amount.to_f64(), units::money(amount, currency))
                .hover(format!("{amount} {currency}, to the last digit")),
            None => Cell::unknown("The file has no such column, or no value in it"),
        },
    };
    match column {
        0 if state.counting.is_out(&bill.hash) => {
            Cell::text(bill.file.clone()).quiet().hover("Does not count: its charges were delivered again")
        }
        0 if state.counting.is_partly(&bill.hash) => {
            Cell::text(bill.file.clone()).hover("Counts in part: some of its months were delivered again")
        }
        0 => Cell::text(bill.file.clone()).hover(bill.file.clone()),
        1 => Cell::text(bill.kind.clone()),
        2 => {
            let cell = Cell::number(bill.rows as f64, count_words(bill.rows));
            if bill.dropped > 0 {
                cell.hover(format!("{} more rows do not line up with the header", count_words(bill.dropped)))
            } else {
                cell
            }
        }
        3 => day(bill.first_charge_unix_secs),
        4 => day(bill.last_charge_unix_secs),
        5 => cost(|costs| costs.billed_cost),
        6 => cost(|costs| costs.effective_cost),
        7 => cost(|costs| costs.list_cost),
        8 => cost(|costs| costs.contracted_cost),
        _ => {
            let total = bill.warnings_total;
            let cell = Cell::number(total as f64, count_words(total));
            if total > 0 { cell.colour(tokens.warning) } else { cell.quiet() }
        }
    }
}

fn warnings_ui(ui: &mut Ui, view: &mut View<'_>, bill: &Imported) {
    let tokens = Tokens::of(ui);
    ui.separator();
    let listed = bill.warnings.len() as u64;
    let more = bill.warnings_total.saturating_sub(listed);
    let note = if more > 0 { format!("{} more are not listed", count_words(more)) } else { String::new() };
    section_header_ui(ui, "Warnings", &note, |ui| {
        if quiet_button_ui(ui, "Copy warnings").clicked() {
            let rows = bill.warnings.iter().map(|warning| {
                vec![
                    warning.file.clone(),
                    field(warning.line),
                    warning.column.clone().unwrap_or_default(),
                    warning.message.clone(),
                ]
            });
            let text = csv_text(&["file", "line", "column", "message"], rows);
            view.actions.push(Action::Copy { text, what: "Warnings as CSV".to_owned() });
        }
    });
    let height = 22.0;
    ScrollArea::vertical().id_salt("warnings").max_height(200.0).auto_shrink([false, true]).show_rows(
        ui,
        height,
        bill.warnings.len(),
        |ui, range| {
            for warning in &bill.warnings[range] {
                ui.horizontal(|ui| {
                    ui.set_height(height);
                    icon_ui(ui, Icon::Warning, tokens.warning);
                    ui.label(RichText::new(place_words(warning)).color(tokens.text_quiet));
                    ui.add_space(space::XS);
                    ui.add(egui::Label::new(&warning.message).truncate());
                });
            }
        },
    );
}

/// `line 12, BilledCost`.
fn place_words(warning: &Warning) -> String {
    let mut words = Vec::new();
    words.extend(warning.line.map(|line| format!("line {}", count_words(line))));
    words.extend(warning.column.clone());
    if words.is_empty() { "whole file".to_owned() } else { words.join(", ") }
}
