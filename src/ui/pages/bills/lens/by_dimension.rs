//! Inference spend told apart by a dimension: team, purpose, or what the user made.

use egui::Ui;

use super::Wish;
use crate::app::{Query, QueryResult, lens};
use crate::bill::lens::dimension_column;
use crate::bill::{Basis, Filter, Group};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{problem_ui, reading_ui};
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui,
};
use crate::units::{self, Money};

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct ByDimension {
    asked: Asked,
    groups: Memo<u64, Vec<Group>>,
    table: TableState,
    chosen: Option<String>,
    row: Option<usize>,
}

impl ByDimension {
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        (filters, basis): (&[Filter], Basis),
        wishes: &mut Vec<Wish>,
    ) {
        let state = view.app.state();
        let names: Vec<String> = state.rules.dimensions.iter().map(|one| one.name.clone()).collect();
        if self.chosen.as_ref().is_none_or(|chosen| !names.contains(chosen)) {
            // Purpose says what the rules say already; the next tells something new.
            self.chosen = names.get(1).or(names.first()).cloned();
        }
        card_ui(ui, |ui| {
            section_header_ui(ui, "Inference by dimension", "Values come from tags and conditions", |ui| {
                if ui.button("Edit dimensions…").clicked() {
                    wishes.push(Wish::EditDimensions);
                }
            });
            let Some(mut chosen) = self.chosen.clone() else {
                note_ui(ui, "There is no dimension. Add one to tell teams or purposes apart.");
                return;
            };
            ui.horizontal_wrapped(|ui| {
                for name in &names {
                    ui.selectable_value(&mut chosen, name.clone(), name);
                }
            });
            self.chosen = Some(chosen.clone());
            self.asked.follow(view, lens::by_dimension(filters, &chosen, basis));
            let (groups, basis) = match (self.asked.answer(), self.asked.question()) {
                (Some(Ok(QueryResult::Groups(groups))), Some(Query::Groups { basis, .. })) => {
                    let rules = &view.app.state().rules;
                    let made = || lens::of_dimension(groups, rules, *basis);
                    (self.groups.get(self.asked.version(), made), *basis)
                }
                (Some(Err(problem)), _) => return problem_ui(ui, problem),
                _ => return reading_ui(ui),
            };
            if groups.is_empty() {
                note_ui(ui, "No row is inference.");
                return;
            }
            let currency = view.app.state().shown_currency().unwrap_or_default();
            let total: Option<Money> = groups.iter().map(|group| group.costs.get(basis)).sum();
            let columns = [
                Column::fill(chosen.clone(), 220.0),
                Column::number("Share", 140.0).hover("Share of the rows that count as inference"),
                Column::number("Rows", 80.0),
                Column::number(format!("{} ({currency})", basis.column()), 170.0),
            ];
            let shape = Table {
                id: "inference dimension",
                name: "Inference by dimension",
                columns: &columns,
                rows: groups.len(),
                revision: self.asked.version(),
                selected: self.row,
                height: 260.0,
            };
            let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
                let group = &groups[row];
                match column {
                    0 => match group.key.first().and_then(Option::as_ref) {
                        Some(value) => Cell::text(value.clone()),
                        None => Cell::text("(none)").quiet(),
                    },
                    1 => match (group.costs.get(basis), total.map(Money::to_f64)) {
                        (Some(cost), Some(total)) if total > 0.0 => {
                            let part = cost.to_f64() / total;
                            Cell::number(part, format!("{:.1} %", part * 100.0)).bar(part)
                        }
                        _ => Cell::unknown("Without a total above zero there is no share"),
                    },
                    2 => Cell::number(group.rows as f64, count_words(group.rows)),
                    _ => match group.costs.get(basis) {
                        Some(cost) => Cell::number(cost.to_f64(), units::money_in_column(cost, &currency))
                            .hover(format!("{cost} {currency}, to the last digit")),
                        None => Cell::unknown("The file has no such column, or no value in it"),
                    },
                }
            });
            self.row = output.chosen.or(self.row).filter(|row| *row < groups.len());
            let opened = output.opened;
            ui.horizontal(|ui| {
                if let Some(group) = self.row.and_then(|row| groups.get(row)) {
                    let pressed = quiet_button_ui(ui, "Show its rows").clicked();
                    if pressed || opened.is_some() {
                        let value = group.key.first().cloned().flatten().unwrap_or_default();
                        wishes.push(Wish::Only { column: dimension_column(&chosen), value });
                    }
                }
                if state
                    .rules
                    .rules
                    .iter()
                    .any(|rule| rule.is_on() && rule.counted() && !rule.share().is_whole())
                {
                    note_ui(ui, "Of rows of a rule that claims a part, only that part counts");
                }
            });
        });
    }
}
