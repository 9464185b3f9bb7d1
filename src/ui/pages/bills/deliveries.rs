//! The card of what was delivered several times: which delivery counts, and the choice of another. The card of a bill's
//! files.

use egui::Ui;

use crate::app::Command;
use crate::app::counting::{month_words, standing_words};
use crate::bill::claims::{Choice, Claim, Standing};
use crate::ui::pages::parts::day_words;
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui,
};

/// Height of the tables.
const HEIGHT: f32 = 200.0;

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Deliveries {
    table: TableState,
    chosen: Option<usize>,
    files: TableState,
    file: Option<usize>,
}

impl Deliveries {
    /// Both cards; nothing where each bill is one file and none came twice.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        if !view.app.state().counting.claims.is_empty() {
            self.claims_ui(ui, view);
        }
        if view.app.state().bills.iter().any(|bill| !bill.parts.is_empty()) {
            self.files_ui(ui, view);
        }
    }

    fn claims_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let claims = &state.counting.claims;
        let rows: Vec<(&Claim, &Standing)> =
            claims.iter().flat_map(|claim| claim.standings.iter().map(move |one| (claim, one))).collect();
        let Self { table, chosen, .. } = self;
        *chosen = chosen.filter(|row| *row < rows.len());
        card_ui(ui, |ui| {
            section_header_ui(ui, "Delivered several times", "what does not count is in no total", |ui| {
                let Some((claim, standing)) = chosen.map(|row| rows[row]) else { return };
                let key = claim.key();
                let send = |view: &mut View<'_>, choice| {
                    view.send(Command::CountBill { claim: key.clone(), choice });
                };
                if claim.is_chosen
                    && quiet_button_ui(ui, "Undo the choice")
                        .on_hover_text("Leaves it to the rows: the delivery that reaches furthest counts")
                        .clicked()
                {
                    send(view, None);
                }
                if quiet_button_ui(ui, "Count all").on_hover_text("They are different charges").clicked() {
                    send(view, Some(Choice::All));
                }
                if quiet_button_ui(ui, "Count only this one").clicked() {
                    let (hash, files) = (standing.hash.clone(), standing.files.clone());
                    send(view, Some(Choice::Only { hash, files }));
                }
            });
            let columns = [
                Column::text("Month", 64.0).hover("Billing period, UTC"),
                Column::text("Account", 110.0),
                Column::text("Format", 110.0),
                Column::fill("Delivery", 180.0),
                Column::number("Rows", 64.0),
                Column::text("Charges until", 90.0).hover("Start of its latest charge, UTC"),
                Column::text("Why", 150.0),
                Column::text("Counts", 70.0),
            ];
            let shape = Table {
                id: "bill claims",
                name: "Delivered several times",
                columns: &columns,
                rows: rows.len(),
                revision: state.revision,
                selected: *chosen,
                height: HEIGHT,
            };
            let tokens = Tokens::of(ui);
            let output =
                data_table_ui(ui, &shape, table, |row, column| claim_cell(rows[row], column, tokens));
            if let Some(row) = output.chosen {
                *chosen = Some(row);
            }
            if chosen.is_none() {
                note_ui(ui, "Choose a row to decide which delivery counts.");
            }
        });
    }

    fn files_ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let parts: Vec<_> =
            state.bills.iter().flat_map(|bill| bill.parts.iter().map(move |part| (bill, part))).collect();
        let skipped: Vec<_> =
            state.bills.iter().flat_map(|bill| bill.skipped.iter().map(move |one| (bill, one))).collect();
        let Self { files, file, .. } = self;
        let note = match skipped.len() {
            0 => format!("{}", parts.len()),
            count => format!("{} read, {count} left out", parts.len()),
        };
        card_ui(ui, |ui| {
            section_header_ui(ui, "Files of bills", &note, |_| {});
            let columns = [
                Column::text("Bill", 150.0),
                Column::fill("File", 220.0),
                Column::text("Format", 110.0),
                Column::number("Rows", 80.0),
                Column::number("Dropped", 70.0).hover("Rows whose cells do not line up with the header"),
                Column::number("Size (KiB)", 90.0).hover("On disk, or packed in its archive"),
            ];
            let shape = Table {
                id: "bill parts",
                name: "Files of bills",
                columns: &columns,
                rows: parts.len() + skipped.len(),
                revision: state.revision,
                selected: file.filter(|row| *row < parts.len() + skipped.len()),
                height: HEIGHT,
            };
            let output = data_table_ui(ui, &shape, files, |row, column| {
                if let Some((bill, part)) = parts.get(row) {
                    return match column {
                        0 => Cell::text(bill.file.clone()),
                        1 => Cell::text(part.file.clone()).hover(part.file.clone()),
                        2 => Cell::text(part.kind.clone()),
                        3 => Cell::number(part.rows as f64, count_words(part.rows)),
                        4 => Cell::number(part.dropped as f64, count_words(part.dropped)),
                        _ => Cell::number(part.bytes as f64, count_words(part.bytes.div_ceil(1_024))),
                    };
                }
                let (bill, one) = skipped[row - parts.len()];
                match column {
                    0 => Cell::text(bill.file.clone()).quiet(),
                    1 => Cell::text(format!("{}: {}", one.file, one.why)).hover(one.why.clone()).quiet(),
                    2 => Cell::text("left out").quiet(),
                    _ => Cell::unknown("The file was left out"),
                }
            });
            if let Some(row) = output.chosen {
                *file = Some(row);
            }
        });
    }
}

fn claim_cell((claim, standing): (&Claim, &Standing), column: usize, tokens: &Tokens) -> Cell {
    match column {
        0 => Cell::text(month_words(claim.period_unix_secs)),
        1 if claim.account.is_empty() => Cell::unknown("The file tells no account"),
        1 => Cell::text(claim.account.clone()).hover(claim.account.clone()),
        2 => Cell::text(claim.family.clone()).hover(claim.family.clone()),
        3 => {
            let words = standing_words(standing);
            let all = if standing.files.is_empty() { words.clone() } else { standing.files.join("\n") };
            Cell::text(words).hover(all)
        }
        4 => Cell::number(standing.rows as f64, count_words(standing.rows)),
        5 => match standing.reaches_unix_secs {
            Some(secs) => Cell::text(day_words(secs)),
            None => Cell::unknown("No row has a readable charge period"),
        },
        6 => {
            let cell = Cell::text(claim.why.words());
            match claim.shared_percent {
                0 => cell,
                percent => cell.hover(format!("About {percent} % of the rows are the same, by a sample")),
            }
        }
        _ if standing.counts => Cell::text("yes").colour(tokens.good),
        _ => Cell::text("no").colour(tokens.warning),
    }
}
