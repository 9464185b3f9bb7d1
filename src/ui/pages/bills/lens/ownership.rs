//! The cost of ownership, line by line: from the bill where it has the line, typed in where it has not.

use egui::{Grid, RichText, Ui};

use super::waiting;
use crate::app::{Command, LensAnswer};
use crate::bill::Ledger;
use crate::plan::tco::{Entered, OUTSIDE, Source, TcoLine};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{csv_text, field, problem_ui, reading_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, data_table_ui, line_edit, note_ui, quiet_button_ui,
    section_header_ui,
};
use crate::units::{self, Money};

/// What the part remembers between frames.
#[derive(Default)]
pub(super) struct Ownership {
    table: TableState,
    row: Option<usize>,
    /// Amounts and sources being typed, by the place of their line among [`OUTSIDE`].
    typing: Vec<(String, String)>,
    /// The project's lines that `typing` was made from.
    made_from: Option<Vec<Entered>>,
}

impl Ownership {
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        asked: &Asked,
        ledger: Option<&Ledger>,
        answer: Option<&LensAnswer>,
    ) {
        match waiting(asked, ledger) {
            Some(Ok(())) => return reading_ui(ui),
            Some(Err(problem)) => return problem_ui(ui, &problem),
            None => {}
        }
        let (Some(ledger), Some(answer)) = (ledger, answer) else { return };
        let currency = ledger.currency.clone().unwrap_or_default();
        let before = view.app.state().lens.clone();
        let mut settings = before.clone();
        let mut copied = None;
        let lines: Vec<&TcoLine> = answer.tco.lines.iter().chain([&answer.tco.total]).collect();
        card_ui(ui, |ui| {
            let note = format!("Over {} days; {}", answer.tco.days, ledger.basis.column());
            section_header_ui(ui, "Cost of ownership", &note, |ui| {
                if quiet_button_ui(ui, "Copy CSV").clicked() {
                    copied = Some(csv(&lines));
                }
            });
            let columns = [
                Column::fill("Line", 220.0).hover("As the FinOps guidance for AI lists them"),
                Column::text("From", 170.0),
                Column::number(format!("Over the days ({currency})"), 140.0),
                Column::number("Per month", 110.0).hover("730 hours"),
                Column::number("Per 1,000 requests", 126.0),
                Column::number("Per million tokens", 126.0),
            ];
            let shape = Table {
                id: "ownership",
                name: "Cost of ownership",
                columns: &columns,
                rows: lines.len(),
                revision: view.app.state().revision,
                selected: self.row,
                height: 560.0,
            };
            let tokens = Tokens::of(ui);
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                cell(lines[row], column, &currency, tokens)
            });
            self.row = output.chosen.or(self.row).filter(|row| *row + 1 < lines.len());
            ui.horizontal(|ui| match self.row.map(|row| lines[row]) {
                Some(line) if line.source != Source::Missing => {
                    let words = if line.included { "Leave out of the total" } else { "Put into the total" };
                    if quiet_button_ui(ui, words).clicked() && !settings.left_out.remove(&line.id) {
                        settings.left_out.insert(line.id.clone());
                    }
                }
                _ => {
                    note_ui(ui, "Choose a line to leave it out of the total or to put it in");
                }
            });
        });
        card_ui(ui, |ui| {
            section_header_ui(
                ui,
                "What no cloud bill has",
                "Per month; empty lines are not in the total",
                |_| {},
            );
            self.entered_ui(ui, &mut settings.entered, &currency);
        });
        if settings != before {
            view.send(Command::SetLens(Box::new(settings)));
            ui.ctx().request_repaint();
        }
        if let Some(text) = copied {
            view.actions.push(Action::Copy { text, what: "Cost of ownership as CSV".to_owned() });
        }
    }

    fn entered_ui(&mut self, ui: &mut Ui, entered: &mut Vec<Entered>, currency: &str) {
        let Self { typing, made_from, .. } = self;
        if made_from.as_ref() != Some(entered) {
            let of = |id: &str| entered.iter().find(|one| one.line == id);
            *typing = OUTSIDE
                .iter()
                .map(|(id, _)| {
                    of(id)
                        .map_or_else(Default::default, |one| (field(Some(one.per_month)), one.source.clone()))
                })
                .collect();
            *made_from = Some(entered.clone());
        }
        let tokens = Tokens::of(ui);
        let mut changed = false;
        Grid::new("entered lines").num_columns(3).spacing([16.0, 6.0]).show(ui, |ui| {
            for ((_, words), (amount, source)) in OUTSIDE.iter().zip(typing.iter_mut()) {
                let label = ui.label(RichText::new(*words).color(tokens.text_quiet));
                ui.horizontal(|ui| {
                    changed |= ui.add(line_edit(amount, "–", 110.0)).labelled_by(label.id).changed();
                    note_ui(ui, currency);
                });
                changed |= ui.add(line_edit(source, "Where the number comes from", 320.0)).changed();
                ui.end_row();
            }
        });
        let unread: Vec<&str> = OUTSIDE
            .iter()
            .zip(typing.iter())
            .filter(|(_, (amount, _))| !amount.trim().is_empty() && amount.trim().parse::<Money>().is_err())
            .map(|((_, words), _)| *words)
            .collect();
        if !unread.is_empty() {
            problem_ui(ui, &format!("Not an amount, so not counted: {}", unread.join(", ")));
        }
        if changed {
            *entered = OUTSIDE
                .iter()
                .zip(typing.iter())
                .filter_map(|((id, _), (amount, source))| {
                    let per_month = amount.trim().parse().ok()?;
                    Some(Entered { line: (*id).to_owned(), per_month, source: source.clone() })
                })
                .collect();
            // What is typed stays as it is typed.
            *made_from = Some(entered.clone());
        }
    }
}

fn cell(line: &TcoLine, column: usize, currency: &str, tokens: &Tokens) -> Cell {
    let is_total = line.id == "total";
    let amount = |amount: Option<Money>, why: &str| match amount {
        Some(amount) => {
            let cell = Cell::number(amount.to_f64(), units::money(amount, currency))
                .hover(format!("{amount} {currency}"));
            match (is_total, line.included) {
                (true, _) => cell.colour(tokens.accent_text),
                (false, true) => cell,
                (false, false) => cell.quiet(),
            }
        }
        None => Cell::unknown(why),
    };
    match column {
        0 if is_total => Cell::text("Total").colour(tokens.accent_text),
        0 if line.included => Cell::text(line.words.clone()),
        0 => Cell::text(line.words.clone()).quiet(),
        1 => match &line.source {
            _ if is_total => Cell::text(""),
            Source::Missing => Cell::text("not entered").quiet(),
            Source::Bill if !line.included => Cell::text("bill, not in the total").quiet(),
            Source::Bill => Cell::text("bill"),
            Source::Entered(_) if !line.included => Cell::text("entered, not in the total").quiet(),
            Source::Entered(source) => {
                let words =
                    if source.is_empty() { "entered".to_owned() } else { format!("entered: {source}") };
                Cell::text(words.clone()).hover(words)
            }
        },
        2 => amount(line.cost, "Nobody has entered it"),
        3 => amount(line.per_month, "Nobody has entered it"),
        4 => amount(line.per_thousand_requests, "The demand counts no requests on these days"),
        _ => amount(line.per_million_tokens, "The demand counts no tokens on these days"),
    }
}

fn csv(lines: &[&TcoLine]) -> String {
    let header =
        ["line", "source", "included", "cost", "per_month", "per_1000_requests", "per_million_tokens"];
    let rows = lines.iter().map(|line| {
        let source = match &line.source {
            Source::Bill => "bill".to_owned(),
            Source::Entered(source) => format!("entered: {source}"),
            Source::Missing => "not entered".to_owned(),
        };
        vec![
            line.words.clone(),
            source,
            line.included.to_string(),
            field(line.cost),
            field(line.per_month),
            field(line.per_thousand_requests),
            field(line.per_million_tokens),
        ]
    });
    csv_text(&header, rows)
}
