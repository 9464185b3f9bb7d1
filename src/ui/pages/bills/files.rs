//! The bills that are open: what each is, its four totals, and what was not understood in it.

use egui::{RichText, ScrollArea, Ui};

use super::reconcile::Panel;
use crate::app::{Command, State};
use crate::bill::{Basis, Imported, Warning};
use crate::ui::pages::parts::{csv_text, day_words, field};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Icon, Table, TableState, card_ui, count_words, data_table_ui, icon_ui, note_ui,
    quiet_button_ui, section_header_ui,
};
use crate::units;

/// Letters of a file's name that are shown, and those of them at its end.
const NAME: usize = 28;
const TAIL: usize = 13;

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
            let is_partial = |basis: Basis| bills.iter().any(|bill| is_partial(state, bill, basis));
            let cost = |basis: Basis, title: &str| {
                let column = if is_partial(basis) { Column::number_with_mark } else { Column::number };
                column(title, if is_partial(basis) { 108.0 } else { 88.0 }).hover(basis.column())
            };
            let columns = [
                Column::fill("File", 170.0),
                Column::text("Format", 112.0),
                Column::number("Rows", 46.0),
                Column::text("Charges from", 76.0).hover("Earliest ChargePeriodStart, UTC"),
                Column::text("until", 74.0).hover("Latest ChargePeriodEnd, UTC"),
                cost(Basis::BilledCost, "Billed"),
                cost(Basis::EffectiveCost, "Effective"),
                cost(Basis::ListCost, "List"),
                cost(Basis::ContractedCost, "Contracted"),
                Column::number("Warnings", 54.0),
            ];
            let shape = Table {
                id: "bill files",
                name: "Bills",
                columns: &columns,
                rows: bills.len(),
                revision: state.revision,
                selected: place,
                height: 340.0,
            };
            let tokens = Tokens::of(ui);
            let output =
                data_table_ui(ui, &shape, table, |row, column| cell(state, &bills[row], column, tokens));
            let bases = [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];
            if bases.into_iter().any(is_partial) {
                note_ui(ui, "* not of all rows; the pointer on a sum tells of which");
            }
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
    let cost = |basis: Basis| cost_cell(state, bill, basis);
    match column {
        0 if state.counting.is_out(&bill.hash) => {
            let hover = format!("{}: does not count, its charges were delivered again", bill.file);
            Cell::text(short_name(&bill.file)).spoken(bill.file.clone()).quiet().hover(hover)
        }
        0 if state.counting.is_partly(&bill.hash) => {
            let hover = format!("{}: counts in part, some of its months were delivered again", bill.file);
            Cell::text(short_name(&bill.file)).spoken(bill.file.clone()).hover(hover)
        }
        0 => Cell::text(short_name(&bill.file)).spoken(bill.file.clone()).hover(bill.file.clone()),
        1 => Cell::text(bill.kind.clone()).hover(bill.kind.clone()),
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
        5 => cost(Basis::BilledCost),
        6 => cost(Basis::EffectiveCost),
        7 => cost(Basis::ListCost),
        8 => cost(Basis::ContractedCost),
        _ => {
            let total = bill.warnings_total;
            let cell = Cell::number(total as f64, count_words(total));
            if total > 0 { cell.colour(tokens.warning) } else { cell.quiet() }
        }
    }
}

/// Rows of a bill that have no value of a cost.
fn rows_without(bill: &Imported, basis: Basis) -> u64 {
    bill.missing.get(basis.column()).map_or(0, |missing| missing.empty + missing.unreadable)
}

/// Whether the sum of a cost is not of all rows.
fn is_partial(state: &State, bill: &Imported, basis: Basis) -> bool {
    let total = state.file_total(bill).filter(|total| total.costs.get(basis).is_some());
    total.is_some_and(|total| rows_without(bill, basis) > 0 || !total.left_out.is_empty())
}

fn cost_cell(state: &State, bill: &Imported, basis: Basis) -> Cell {
    let Some(total) = state.file_total(bill) else {
        let each = bill.totals.iter().filter_map(|(currency, costs)| {
            let amount = units::money(costs.get(basis)?, currency);
            Some(if currency.is_empty() { format!("{amount} without a currency") } else { amount })
        });
        let each: Vec<String> = each.collect();
        return Cell::unknown(format!("In several currencies, which are not added up: {}", each.join("; ")));
    };
    let currency = total.currency.as_str();
    let Some(amount) = total.costs.get(basis) else {
        return Cell::unknown("The file has no such column, or no value in it");
    };
    let mut said = vec![format!("{amount} {currency}, to the last digit")];
    if total.converted {
        said.push("converted from several currencies".to_owned());
    }
    let without = rows_without(bill, basis);
    if without > 0 {
        let [have, all] = [bill.rows - without.min(bill.rows), bill.rows].map(count_words);
        said.push(format!("of the {have} of {all} rows that have a {}", basis.column()));
    }
    if !total.left_out.is_empty() {
        said.push(format!("without {}", total.left_out.join(" and ")));
    }
    let cell = Cell::number(amount.to_f64(), units::money_in_column(amount, currency)).hover(said.join("; "));
    if is_partial(state, bill, basis) { cell.aside("*") } else { cell }
}

/// A file's name with its middle left out where it is long: files of one delivery differ in how they end.
fn short_name(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= NAME {
        return name.to_owned();
    }
    let (head, tail) = (&letters[..NAME - TAIL - 1], &letters[letters.len() - TAIL..]);
    head.iter().chain(&['…']).chain(tail).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_how_it_begins_and_how_it_ends() {
        assert_eq!(short_name("focus_sample.csv"), "focus_sample.csv");
        assert_eq!(short_name("focus_1_2_cost_and_usage_aws.csv"), "focus_1_2_cost…usage_aws.csv");
        assert_eq!(short_name("ääääääääääääääääääääääääää.csv").chars().count(), NAME);
    }
}
