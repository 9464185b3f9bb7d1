//! Rows that no rule caught and that smell of AI, each with the word that says so and a way to make a rule of it.

use egui::Ui;

use super::{Wish, condition, fresh_draft};
use crate::app::{Query, QueryResult};
use crate::bill::lens::{CANDIDATE_COLUMN, Candidate, Condition, Op};
use crate::bill::{Basis, Class, Filter};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{problem_ui, reading_ui};
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui,
};
use crate::units;

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Candidates {
    asked: Asked,
    table: TableState,
    row: Option<usize>,
}

impl Candidates {
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        (filters, basis): (&[Filter], Basis),
        wishes: &mut Vec<Wish>,
    ) {
        self.asked.follow(view, Query::Candidates { filters: filters.to_vec() });
        let state = view.app.state();
        card_ui(ui, |ui| {
            let (found, all) = match self.asked.answer() {
                Some(Ok(QueryResult::Candidates(found, all))) => (found, *all),
                Some(Err(problem)) => return problem_ui(ui, problem),
                _ => return reading_ui(ui),
            };
            let note = match all {
                0 => "No rule caught them, and nothing in them speaks of AI".to_owned(),
                all if all > found.len() => {
                    format!("The {} most expensive of {all} groups of rows", found.len())
                }
                _ => "No rule caught these rows, but a word in them speaks of AI".to_owned(),
            };
            section_header_ui(ui, "Candidates", &note, |_| {});
            if found.is_empty() {
                return;
            }
            let currency = state.shown_currency().unwrap_or_default();
            let columns = [
                Column::text("Service", 200.0),
                Column::fill("Meter or description", 220.0),
                Column::text("Because of", 150.0).hover("The word, with the tag it stands in"),
                Column::number("Rows", 70.0),
                Column::number(format!("{} ({currency})", basis.column()), 150.0),
            ];
            let shape = Table {
                id: "inference candidates",
                name: "Candidates",
                columns: &columns,
                rows: found.len(),
                revision: self.asked.version(),
                selected: self.row,
                height: 240.0,
            };
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                let one = &found[row];
                match column {
                    0 => Cell::text(one.service.clone()).hover(one.service.clone()),
                    1 => Cell::text(one.meter.clone()).hover(one.meter.clone()),
                    2 => Cell::text(one.why.clone()),
                    3 => Cell::number(one.rows as f64, count_words(one.rows)),
                    _ => match one.costs.get(basis) {
                        Some(cost) => Cell::number(cost.to_f64(), units::money_in_column(cost, &currency)),
                        None => Cell::unknown("The file has no such column, or no value in it"),
                    },
                }
            });
            self.row = output.chosen.or(self.row).filter(|row| *row < found.len());
            ui.horizontal(|ui| {
                let Some(one) = self.row.and_then(|row| found.get(row)) else {
                    note_ui(ui, "Choose a candidate to make a rule of it or to see its rows");
                    return;
                };
                if quiet_button_ui(ui, "Make a rule of it…").clicked() || output.opened.is_some() {
                    let draft =
                        fresh_draft(&state.rules, &one.service, Class::Supporting, conditions_of(one));
                    wishes.push(Wish::Edit(Box::new(draft)));
                }
                if quiet_button_ui(ui, "Show its rows").clicked() {
                    wishes.push(Wish::Only { column: CANDIDATE_COLUMN.to_owned(), value: one.why.clone() });
                }
            });
        });
    }
}

/// What a rule that catches a candidate asks for: its service, and where the word stands that speaks of AI.
fn conditions_of(one: &Candidate) -> Vec<Condition> {
    let mut all = Vec::new();
    if !one.service.is_empty() {
        all.push(condition("ServiceName", Op::Is, &one.service));
    }
    let has = |text: &str| text.to_lowercase().contains(&one.why);
    if let Some((key, word)) = one.why.split_once(": ") {
        all.push(condition(&format!("Tags.{key}"), Op::Contains, word));
    } else if !has(&one.service) && has(&one.meter) {
        // Without it, the rule would catch all that the service sells.
        all.push(condition(&one.meter_column, Op::Contains, &one.why));
    } else if !has(&one.service) && !one.meter.is_empty() {
        all.push(condition(&one.meter_column, Op::Is, &one.meter));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Costs;

    #[test]
    fn a_rule_of_a_candidate_asks_for_more_than_a_service_that_sells_other_things_too() {
        let words = |service: &str, meter: &str, why: &str| {
            let one = Candidate {
                service: service.to_owned(),
                meter: meter.to_owned(),
                meter_column: "SkuMeter".to_owned(),
                why: why.to_owned(),
                rows: 1,
                costs: Costs::default(),
            };
            conditions_of(&one).iter().map(Condition::words).collect::<Vec<_>>().join(" and ")
        };
        assert_eq!(words("Pinecone", "read units", "pinecone"), "ServiceName is Pinecone");
        assert_eq!(words("S3", "x", "app: llm"), "ServiceName is S3 and Tags.app contains llm");
        assert_eq!(words("S3", "Model-Bytes", "model"), "ServiceName is S3 and SkuMeter contains model");
        assert_eq!(
            words("EC2", "BoxUsage:g5", "accelerator"),
            "ServiceName is EC2 and SkuMeter is BoxUsage:g5"
        );
    }
}
