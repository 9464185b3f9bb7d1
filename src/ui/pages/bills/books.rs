//! The books of a bill: its sums beside the file's own, rows left out, cells not understood, what is covered.

use egui::Ui;

use crate::bill::exact::Exact;
use crate::bill::reconcile::{Coverage, Portion, Reconciliation, Step, Sum, Where, amount_words};
use crate::bill::warnings::Tally;
use crate::bill::{Basis, Warning};
use crate::ui::pages::parts::{csv_text, field};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Stat, Table, TableState, card_ui, count_words, data_table_ui, key_values_ui,
    quiet_button_ui, section_header_ui, stats_ui,
};

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Books {
    sums: TableState,
    counted: TableState,
    steps: TableState,
    left_out: TableState,
    cells: TableState,
    covered: TableState,
    true_up: TableState,
}

impl Books {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, found: &Reconciliation) {
        let revision = view.app.state().revision;
        card_ui(ui, |ui| self.sums_ui(ui, view, found, revision));
        card_ui(ui, |ui| self.rows_ui(ui, view, found, revision));
        if !found.coverage.is_empty() {
            card_ui(ui, |ui| self.covered_ui(ui, found, revision));
        }
        if !found.true_up.is_empty() {
            card_ui(ui, |ui| self.true_up_ui(ui, found, revision));
        }
    }

    fn sums_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, found: &Reconciliation, revision: u64) {
        section_header_ui(ui, "Sums", "in the store, beside the file's own", |ui| {
            if quiet_button_ui(ui, "Copy sums").on_hover_text("Sums and differences as CSV").clicked() {
                let text = sums_csv(found);
                view.actions.push(Action::Copy { text, what: "Sums as CSV".to_owned() });
            }
        });
        let tokens = Tokens::of(ui);
        let columns = [
            Column::text("Cost", 110.0),
            Column::text("Currency", 60.0),
            Column::number("In the store", 120.0),
            Column::number("Of rows", 104.0).hover("Rows that have the cost; the others are not in its sum"),
            Column::fill("The file's own column", 160.0),
            Column::number("Its sum", 110.0),
            Column::number("Difference", 110.0).hover("In the store minus the file's own sum"),
            Column::text("", 90.0),
        ];
        let table = shape("bill sums", "Sums", &columns, found.sums.len(), revision);
        data_table_ui(ui, &table, &mut self.sums, |row, column| {
            let sum = &found.sums[row];
            match column {
                0 => Cell::text(basis_words(sum.basis)),
                1 => Cell::text(sum.currency.clone()),
                2 => match sum.stored {
                    Some(stored) => plain(stored, &sum.currency),
                    None => Cell::unknown("No row has such a cost"),
                },
                3 => {
                    let [have, all] = [sum.rows - sum.without, sum.rows].map(count_words);
                    match sum.without {
                        0 => Cell::number(sum.rows as f64, all).quiet(),
                        _ => Cell::number((sum.rows - sum.without) as f64, format!("{have} of {all}"))
                            .colour(tokens.warning)
                            .hover(format!("{} rows have no such cost", count_words(sum.without))),
                    }
                }
                4 => match &sum.column {
                    Some(name) => Cell::text(name.clone()).hover(name.clone()),
                    None => Cell::unknown("The file has no column of its own for this cost"),
                },
                5 => sum.own.map_or_else(
                    || Cell::unknown("Nothing to compare with"),
                    |own| plain(own, &sum.currency),
                ),
                6 => match sum.difference {
                    None => Cell::unknown("Nothing to compare with"),
                    Some(Exact(0)) => Cell::number(0.0, "0").quiet(),
                    Some(difference) => plain(difference, &sum.currency),
                },
                _ if sum.difference.is_none() => Cell::text(""),
                _ if !sum.is_explained() => Cell::text("look into it")
                    .colour(tokens.danger)
                    .hover("Part of the difference has no reason that is known to be right"),
                _ if sum.steps.is_empty() => Cell::text("equal").colour(tokens.good),
                _ => Cell::text("explained").colour(tokens.good).hover("The reasons are listed below"),
            }
        });
        self.counted_ui(ui, found, revision);
        let steps: Vec<(&Sum, &Step)> =
            found.sums.iter().flat_map(|sum| sum.steps.iter().map(move |step| (sum, step))).collect();
        if !steps.is_empty() {
            ui.add_space(space::S);
            let columns = [
                Column::text("Cost", 110.0),
                Column::text("Currency", 60.0),
                Column::number("Adds", 130.0).hover("To the file's own sum, on the way to the store's"),
                Column::number("Rows", 70.0),
                Column::fill("Why they differ", 280.0),
            ];
            let table = shape("bill steps", "Why sums differ", &columns, steps.len(), revision);
            data_table_ui(ui, &table, &mut self.steps, |row, column| {
                let (sum, step) = steps[row];
                match column {
                    0 => Cell::text(basis_words(sum.basis)),
                    1 => Cell::text(sum.currency.clone()),
                    2 => plain(step.amount, &sum.currency),
                    3 => Cell::number(step.rows as f64, count_words(step.rows)),
                    _ if step.explained => Cell::text(step.words.clone()).hover(step.words.clone()),
                    _ => Cell::text(step.words.clone()).hover(step.words.clone()).colour(tokens.danger),
                }
            });
        }
        beside_ui(ui, found);
    }

    /// What of the sums is in the totals, what is not, and both together: they add up before the eyes.
    fn counted_ui(&mut self, ui: &mut Ui, found: &Reconciliation, revision: u64) {
        if found.counted.is_empty() {
            return;
        }
        let lines: Vec<(&str, &str, Portion)> = found
            .counted
            .iter()
            .flat_map(|of| {
                let currency = of.currency.as_str();
                [
                    (currency, "Counts in totals", of.counts),
                    (currency, "Does not: delivered again", of.does_not),
                    (currency, "In the store", of.together()),
                ]
            })
            .collect();
        ui.add_space(space::S);
        let columns = [
            Column::fill("What counts", 180.0),
            Column::text("Currency", 60.0),
            Column::number("Rows", 60.0),
            Column::number("BilledCost", 130.0),
            Column::number("EffectiveCost", 130.0),
            Column::number("ListCost", 130.0),
            Column::number("ContractedCost", 130.0),
        ];
        let table = shape("bill counted", "What of the sums counts", &columns, lines.len(), revision);
        self.counted.given_order = true;
        data_table_ui(ui, &table, &mut self.counted, |row, column| {
            let (currency, name, portion) = lines[row];
            let cell = match column {
                0 => Cell::text(name),
                1 => Cell::text(currency),
                2 => Cell::number(portion.rows as f64, count_words(portion.rows)),
                cost => match portion.sums[cost - 3] {
                    Some(sum) => plain(sum, currency),
                    None => Cell::unknown("No row has such a cost"),
                },
            };
            if name.starts_with("Does not") { cell.quiet() } else { cell }
        });
    }

    fn rows_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, found: &Reconciliation, revision: u64) {
        let examples: Vec<(&Tally, &Warning)> = found
            .troubles
            .iter()
            .flat_map(|tally| tally.examples.iter().map(move |warning| (tally, warning)))
            .collect();
        section_header_ui(ui, "Rows and cells", "", |ui| {
            if !examples.is_empty()
                && quiet_button_ui(ui, "Copy cells").on_hover_text("Cells not understood as CSV").clicked()
            {
                let rows = examples.iter().map(|(_, warning)| {
                    let column = warning.column.clone().unwrap_or_default();
                    vec![warning.file.clone(), field(warning.line), column, warning.message.clone()]
                });
                let text = csv_text(&["file", "line", "column", "found"], rows);
                view.actions.push(Action::Copy { text, what: "Cells as CSV".to_owned() });
            }
        });
        let (read, kept, stored) = found.rows;
        let not_understood: u64 = found.troubles.iter().map(|tally| tally.count).sum();
        let [read_text, kept_text, out_text, not_text] =
            [read, kept, read - kept, not_understood].map(count_words);
        let became = if stored == kept {
            String::new()
        } else {
            format!("became {} rows of the store", count_words(stored))
        };
        stats_ui(
            ui,
            &[
                Stat { label: "Rows read", value: &read_text, unit: "", note: "" },
                Stat { label: "Kept", value: &kept_text, unit: "", note: &became },
                Stat { label: "Left out", value: &out_text, unit: "", note: "" },
                Stat { label: "Not understood", value: &not_text, unit: "", note: "cells and rows" },
            ],
        );
        let tokens = Tokens::of(ui);
        if !found.left_out.is_empty() {
            ui.add_space(space::S);
            let columns =
                [Column::number("Rows", 70.0), Column::fill("Left out", 300.0), Column::text("Where", 220.0)];
            let table = shape("bill left out", "Rows left out", &columns, found.left_out.len(), revision);
            data_table_ui(ui, &table, &mut self.left_out, |row, column| {
                let out = &found.left_out[row];
                let places: Vec<String> = out.examples.iter().map(Where::words).collect();
                let more = if out.rows > places.len() as u64 { ", …" } else { "" };
                match column {
                    0 => Cell::number(out.rows as f64, count_words(out.rows)),
                    1 if out.reason.loses_money() => Cell::text(out.reason.words())
                        .colour(tokens.warning)
                        .hover("Charges may be lost with them"),
                    1 => Cell::text(out.reason.words()).hover(out.reason.words()),
                    _ => {
                        let text = format!("{}{more}", places.join(", "));
                        Cell::text(text.clone()).hover(text)
                    }
                }
            });
        }
        if !examples.is_empty() {
            ui.add_space(space::S);
            let columns = [
                Column::number("Line", 60.0),
                Column::text("Column", 150.0),
                Column::number("Such cells", 80.0).hover("How many cells of the column are like this"),
                Column::fill("Not understood", 300.0),
            ];
            let table = shape("bill cells", "Cells not understood", &columns, examples.len(), revision);
            data_table_ui(ui, &table, &mut self.cells, |row, column| {
                let (tally, warning) = examples[row];
                match column {
                    0 => match warning.line {
                        Some(line) => Cell::number(line as f64, count_words(line)),
                        None => Cell::unknown("The file has no lines"),
                    },
                    1 => Cell::text(warning.column.clone().unwrap_or_else(|| "whole row".to_owned())),
                    2 => Cell::number(tally.count as f64, count_words(tally.count)),
                    _ => Cell::text(warning.message.clone()).hover(warning.message.clone()),
                }
            });
        }
    }

    fn covered_ui(&mut self, ui: &mut Ui, found: &Reconciliation, revision: u64) {
        section_header_ui(ui, "Covered", "days and months with rows, UTC", |_| {});
        let tokens = Tokens::of(ui);
        let columns = [
            Column::fill("Provider", 110.0),
            Column::text("From", 80.0),
            Column::text("Until", 80.0),
            Column::number("With rows", 90.0),
            Column::number("Without", 80.0).hover("Between the first and the last"),
            Column::fill("No rows on", 160.0),
            Column::fill("Last day", 160.0),
        ];
        let table = shape("bill covered", "Covered", &columns, found.coverage.len(), revision);
        data_table_ui(ui, &table, &mut self.covered, |row, column| {
            let covered = &found.coverage[row];
            let unit = match (covered.daily, covered.present) {
                (true, 1) => "day",
                (true, _) => "days",
                (false, 1) => "month",
                (false, _) => "months",
            };
            match column {
                0 if covered.provider.is_empty() => Cell::text("not named").quiet(),
                0 => Cell::text(covered.provider.clone()),
                1 => Cell::text(covered.first.clone()),
                2 => Cell::text(covered.last.clone()),
                3 => Cell::number(covered.present as f64, format!("{} {unit}", count_words(covered.present))),
                4 if covered.missing_count == 0 => Cell::number(0.0, "0").quiet(),
                4 => Cell::number(covered.missing_count as f64, count_words(covered.missing_count))
                    .colour(tokens.warning),
                5 => {
                    let runs: Vec<String> = covered.missing.iter().map(|(a, b)| run_words(a, b)).collect();
                    let text = if runs.is_empty() { "–".to_owned() } else { runs.join(", ") };
                    Cell::text(text.clone()).hover(text)
                }
                _ => last_day(covered, tokens),
            }
        });
    }

    fn true_up_ui(&mut self, ui: &mut Ui, found: &Reconciliation, revision: u64) {
        let rule = "amortised − amortised upfront + upfront fees = unblended, over a closed month";
        section_header_ui(ui, "True-up", rule, |_| {});
        let tokens = Tokens::of(ui);
        let columns = [
            Column::text("Month", 70.0),
            Column::number("Amortised", 120.0),
            Column::number("Amortised upfront", 120.0),
            Column::number("Upfront fees", 110.0),
            Column::number("Unblended", 120.0),
            Column::fill("Check", 200.0),
        ];
        let table = shape("bill true-up", "True-up", &columns, found.true_up.len(), revision);
        data_table_ui(ui, &table, &mut self.true_up, |row, column| {
            let check = &found.true_up[row];
            let sums = &check.sums;
            match column {
                0 => Cell::text(sums.period.clone()),
                1 => amount(sums.amortised, &sums.currency),
                2 => amount(sums.upfront_amortised, &sums.currency),
                3 => amount(sums.upfront_fees, &sums.currency),
                4 => amount(sums.unblended, &sums.currency),
                _ if check.agrees => Cell::text("holds").colour(tokens.good).hover(check.words.clone()),
                _ => Cell::text(check.words.clone()).colour(tokens.warning).hover(check.words.clone()),
            }
        });
    }
}

/// Sums of the file that no cost is compared with, and totals that it states.
fn beside_ui(ui: &mut Ui, found: &Reconciliation) {
    let mut rows: Vec<(String, String)> = Vec::new();
    for stated in &found.stated {
        let agrees =
            if stated.agrees { "as its rows add up" } else { "but its rows add up to something else" };
        rows.push((
            format!("Stated: {}", stated.name),
            format!("{}, {agrees} ({})", stated.stated, stated.sum),
        ));
    }
    for other in &found.others {
        rows.push((format!("Also: {}", other.column), amount_words(other.sum, &other.currency)));
    }
    if !rows.is_empty() {
        ui.add_space(space::S);
        key_values_ui(ui, "bill beside", &rows);
    }
}

fn shape<'a>(id: &'a str, name: &'a str, columns: &'a [Column], rows: usize, revision: u64) -> Table<'a> {
    Table { id, name, columns, rows, revision, selected: None, height: 400.0 }
}

fn amount(amount: Exact, currency: &str) -> Cell {
    Cell::number(amount.to_money().to_f64(), amount_words(amount, currency))
        .hover(format!("{amount} {currency}, to the last digit"))
}

/// The same where the currency has a column of its own.
fn plain(amount: Exact, currency: &str) -> Cell {
    let words = amount_words(amount, currency);
    let words = words.strip_suffix(currency).map_or(words.as_str(), str::trim_end).to_owned();
    Cell::number(amount.to_money().to_f64(), words).hover(format!("{amount} {currency}, to the last digit"))
}

fn basis_words(basis: Basis) -> &'static str {
    basis.column()
}

/// What is odd about the end of what is covered.
fn last_day(covered: &Coverage, tokens: &Tokens) -> Cell {
    let mut words = Vec::new();
    if covered.after > 0 {
        let s = if covered.after == 1 { "" } else { "s" };
        words.push(format!("{} day{s} before the month ends", covered.after));
    }
    if !covered.partial_last.is_empty() {
        words.push(format!("may not be whole: {}", covered.partial_last));
    }
    if words.is_empty() {
        return Cell::text("–").quiet();
    }
    let text = words.join("; ");
    let cell = Cell::text(text.clone()).hover(text);
    if covered.partial_last.is_empty() { cell } else { cell.colour(tokens.warning) }
}

/// `2026-10-03`, or `2026-10-03 to 2026-10-05`.
fn run_words(first: &str, last: &str) -> String {
    if first == last { first.to_owned() } else { format!("{first} to {last}") }
}

fn sums_csv(found: &Reconciliation) -> String {
    let text = |amount: Option<Exact>| field(amount.map(|amount| amount.to_string()));
    let mut rows = Vec::new();
    for sum in &found.sums {
        rows.push(vec![
            sum.basis.column().to_owned(),
            sum.currency.clone(),
            text(sum.stored),
            sum.column.clone().unwrap_or_default(),
            text(sum.own),
            text(sum.difference),
            String::new(),
        ]);
        for step in &sum.steps {
            let mut row = vec![sum.basis.column().to_owned(), sum.currency.clone()];
            row.extend([String::new(), String::new(), String::new(), step.amount.to_string()]);
            row.push(step.words.clone());
            rows.push(row);
        }
    }
    csv_text(&["cost", "currency", "stored", "own_column", "own_sum", "difference", "why"], rows)
}
