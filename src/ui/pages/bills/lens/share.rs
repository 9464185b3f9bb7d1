//! What was spent on AI: by class, and by every rule in the order they are tried. Rules are switched, moved, written
//! and removed here.

use egui::Ui;

use super::{Wish, copy_of, draft_of, fresh_draft};
use crate::app::{Query, QueryResult};
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::lens::Entry;
use crate::bill::{Basis, Class, InferenceShare, RuleSet};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{filter_words, money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Stat, Table, TableState, card_ui, count_words, data_table_ui, note_ui, quiet_button_ui,
    section_header_ui, stats_ui,
};
use crate::units;

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Share {
    classes: TableState,
    rules: TableState,
    /// The chosen rule.
    chosen: Option<String>,
    /// The chosen rule is to be brought into view.
    bring: bool,
}

impl Share {
    /// Chooses a rule, and brings it into view once it is there.
    pub(super) fn choose(&mut self, id: &str) {
        self.chosen = Some(id.to_owned());
        self.bring = true;
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, asked: &Asked, wishes: &mut Vec<Wish>) {
        let state = view.app.state();
        let (share, monthly, basis) = match (asked.answer(), asked.question()) {
            (Some(Ok(QueryResult::Inference(share, monthly))), Some(Query::Inference { basis, .. })) => {
                (share, *monthly, *basis)
            }
            (answer, _) => {
                card_ui(ui, |ui| {
                    section_header_ui(ui, "Inference", "", |_| {});
                    match answer {
                        Some(Err(problem)) => problem_ui(ui, problem),
                        _ => reading_ui(ui),
                    }
                });
                // Rules can be put right even where they make the bill unreadable.
                self.rules_ui(ui, view, None, Basis::default(), wishes);
                return;
            }
        };
        let currency = share.currency.clone().unwrap_or_default();
        card_ui(ui, |ui| {
            let note = format!("{} of {}", basis.column(), filter_words(&state.scenario));
            section_header_ui(ui, "Inference", &note, |_| {});
            let (total, inference) = (share.total.get(basis), share.inference.get(basis));
            let (part, percent) = match (total, inference) {
                (Some(total), Some(inference)) if total.to_f64() > 0.0 => {
                    (format!("{:.1}", inference.to_f64() / total.to_f64() * 100.0), "%")
                }
                _ => ("not known".to_owned(), ""),
            };
            let (total, inference) = (money_or_dash(total, &currency), money_or_dash(inference, &currency));
            let (monthly, rows) = (money_or_dash(monthly, &currency), count_words(share.inference_rows));
            let of = format!("of {} rows", count_words(share.rows));
            stats_ui(
                ui,
                &[
                    Stat { label: "Share that is inference", value: &part, unit: percent, note: "" },
                    Stat { label: "Inference", value: &inference, unit: "", note: "" },
                    Stat { label: "All rows", value: &total, unit: "", note: "" },
                    Stat {
                        label: "Inference a month",
                        value: &monthly,
                        unit: "",
                        note: "730 hours of the period",
                    },
                    Stat { label: "Inference rows", value: &rows, unit: "", note: &of },
                ],
            );
            self.classes_ui(ui, view, share, basis, &currency);
        });
        self.rules_ui(ui, view, Some(share), basis, wishes);
    }

    /// Every row stands in one class or in the rest.
    fn classes_ui(
        &mut self,
        ui: &mut Ui,
        view: &View<'_>,
        share: &InferenceShare,
        basis: Basis,
        currency: &str,
    ) {
        let total = share.total.get(basis);
        let lines: Vec<(&str, u64, Option<units::Money>)> = share
            .by_class
            .iter()
            .map(|class| (class.class.words(), class.rows, class.costs.get(basis)))
            .chain([("The rest", share.rest_rows, share.rest.get(basis)), ("Total", share.rows, total)])
            .collect();
        let columns = [
            Column::fill("Class", 220.0),
            Column::number("Share", 140.0).hover("Share of all rows' cost"),
            Column::number("Rows", 80.0),
            Column::number(format!("{} ({currency})", basis.column()), 170.0),
        ];
        let shape = Table {
            id: "inference classes",
            name: "Classes",
            columns: &columns,
            rows: lines.len(),
            revision: view.app.state().revision,
            selected: None,
            height: 260.0,
        };
        data_table_ui(ui, &shape, &mut self.classes, |row, column| {
            let (words, rows, cost) = lines[row];
            match column {
                0 => Cell::text(words),
                1 => match (cost, total) {
                    (Some(cost), Some(total)) if total.to_f64() > 0.0 => {
                        let part = cost.to_f64() / total.to_f64();
                        Cell::number(part, format!("{:.1} %", part * 100.0)).bar(part)
                    }
                    _ => Cell::unknown("Without a total above zero there is no share"),
                },
                2 => Cell::number(rows as f64, count_words(rows)),
                _ => match cost {
                    Some(cost) => Cell::number(cost.to_f64(), units::money_in_column(cost, currency))
                        .hover(format!("{cost} {currency}, to the last digit")),
                    None => Cell::unknown("The file has no such column, or no value in it"),
                },
            }
        });
    }

    fn rules_ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        share: Option<&InferenceShare>,
        basis: Basis,
        wishes: &mut Vec<Wish>,
    ) {
        let state = view.app.state();
        let rules = &state.rules;
        let place = self.chosen.as_ref().and_then(|id| rules.rules.iter().position(|rule| rule.id() == id));
        let currency = share.and_then(|share| share.currency.clone()).unwrap_or_default();
        let mut copied = None;
        card_ui(ui, |ui| {
            section_header_ui(ui, "Rules", "The first that matches names a row", |ui| {
                if ui.button("Add a rule…").clicked() {
                    wishes.push(Wish::Edit(Box::new(fresh_draft(rules, "", Class::Machine, Vec::new()))));
                }
                if quiet_button_ui(ui, "Copy as JSON")
                    .on_hover_text("The rules as a file that Open reads")
                    .clicked()
                {
                    copied = serde_json::to_string_pretty(&rules.document()).ok();
                }
                if !rules.rules_are_default() && quiet_button_ui(ui, "Built-in rules only").clicked() {
                    let default = RuleSet { dimensions: rules.dimensions.clone(), ..RuleSet::default() };
                    wishes.push(Wish::Rules(Box::new(default)));
                }
            });
            let columns = [
                Column::number("No.", 40.0),
                Column::fill("Rule", 240.0),
                Column::text("Class", 140.0),
                Column::text("Counted", 70.0).hover("Whether the rule's rows are inference spend"),
                Column::number("Claims", 64.0)
                    .hover("The part of a row's cost that the rule claims; the remainder is in the rest"),
                Column::number("Rows", 70.0),
                Column::number(format!("{} ({currency})", basis.column()), 150.0),
            ];
            let shape = Table {
                id: "inference rules",
                name: "Rules",
                columns: &columns,
                rows: rules.rules.len(),
                revision: state.revision,
                selected: place,
                height: 420.0,
            };
            let tokens = Tokens::of(ui);
            if let Some(place) = place.filter(|_| std::mem::take(&mut self.bring)) {
                self.rules.bring(place);
            }
            let output = data_table_ui(ui, &shape, &mut self.rules, |row, column| {
                let rule = &rules.rules[row];
                let found =
                    share.and_then(|share| share.by_rule.iter().find(|found| found.rule_id == rule.id()));
                rule_cell(
                    rule,
                    row,
                    column,
                    found.map(|found| (found.rows, found.costs.get(basis))),
                    &currency,
                    tokens,
                )
            });
            if let Some(row) = output.chosen {
                self.chosen = rules.rules.get(row).map(|rule| rule.id().to_owned());
            }
            if let Some(draft) = output.opened.and_then(|row| draft_of(rules, row)) {
                wishes.push(Wish::Edit(Box::new(draft)));
            }
            ui.horizontal(|ui| match place {
                Some(place) => chosen_ui(ui, rules, place, wishes),
                None => {
                    note_ui(
                        ui,
                        "Choose a rule to see what it asks for, switch it off, move it or see its rows",
                    );
                }
            });
            if let Some(rule) = place.and_then(|place| rules.rules.get(place)) {
                conditions_ui(ui, rule);
            }
        });
        if let Some(text) = copied {
            view.actions.push(Action::Copy { text, what: "Rules as JSON".to_owned() });
        }
    }
}

fn rule_cell(
    rule: &Entry,
    row: usize,
    column: usize,
    found: Option<(u64, Option<units::Money>)>,
    currency: &str,
    tokens: &Tokens,
) -> Cell {
    let dim = |cell: Cell| if rule.is_on() { cell } else { cell.quiet() };
    match column {
        0 => Cell::number(row as f64, (row + 1).to_string()).quiet(),
        1 => {
            let hover = match rule {
                Entry::Own(_) => rule.conditions().join("; and "),
                Entry::BuiltIn { .. } => format!("Built in: {}", rule.conditions().join("; and ")),
            };
            let words = rule.words().to_owned();
            let words = if rule.is_on() { words } else { format!("{words} (off)") };
            let cell = Cell::text(words).hover(hover);
            let own = matches!(rule, Entry::Own(_)) && rule.is_on();
            if own { cell.colour(tokens.accent_text) } else { dim(cell) }
        }
        2 => dim(Cell::text(rule.class().words())),
        3 if rule.counted() && rule.is_on() => Cell::text("yes").colour(tokens.good),
        3 => Cell::text("no").quiet(),
        4 => {
            let share = units::Money::from(rule.share()).to_f64();
            let cell = Cell::number(share, format!("{} %", units::three_digits(share * 100.0)));
            if rule.share().is_whole() { cell.quiet() } else { cell }
        }
        5 => match found {
            Some((rows, _)) => Cell::number(rows as f64, count_words(rows)),
            None => Cell::number(0.0, "0").quiet(),
        },
        _ => match found {
            Some((_, Some(cost))) => Cell::number(cost.to_f64(), units::money_in_column(cost, currency))
                .hover(format!("{cost} {currency}, to the last digit")),
            Some((_, None)) => Cell::unknown("The file has no such column, or no value in it"),
            None => Cell::unknown("The rule caught no row"),
        },
    }
}

/// What the chosen rule asks for, a line a condition.
fn conditions_ui(ui: &mut Ui, rule: &Entry) {
    let tokens = Tokens::of(ui);
    for (place, words) in rule.conditions().into_iter().enumerate() {
        let words = if place == 0 { format!("Rows of which {words}") } else { format!("and {words}") };
        ui.add(egui::Label::new(egui::RichText::new(words).color(tokens.text_quiet)).wrap());
    }
}

/// What can be done with the chosen rule.
fn chosen_ui(ui: &mut Ui, rules: &RuleSet, place: usize, wishes: &mut Vec<Wish>) {
    let Some(rule) = rules.rules.get(place) else { return };
    let mut changed = |change: &dyn Fn(&mut RuleSet)| {
        let mut rules = rules.clone();
        change(&mut rules);
        wishes.push(Wish::Rules(Box::new(rules)));
    };
    if quiet_button_ui(ui, if rule.is_on() { "Switch off" } else { "Switch on" }).clicked() {
        let on = !rule.is_on();
        changed(&|rules| rules.rules[place].switch(on));
    }
    ui.add_enabled_ui(place > 0, |ui| {
        if quiet_button_ui(ui, "Move up").clicked() {
            changed(&|rules| rules.rules.swap(place, place - 1));
        }
    });
    ui.add_enabled_ui(place + 1 < rules.rules.len(), |ui| {
        if quiet_button_ui(ui, "Move down").clicked() {
            changed(&|rules| rules.rules.swap(place, place + 1));
        }
    });
    let own = draft_of(rules, place);
    if own.is_some() && quiet_button_ui(ui, "Remove").clicked() {
        changed(&|rules| {
            rules.rules.remove(place);
        });
    }
    if let Some(draft) = own
        && quiet_button_ui(ui, "Edit…").clicked()
    {
        wishes.push(Wish::Edit(Box::new(draft)));
    }
    if let Some(copy) = copy_of(rules, place)
        && quiet_button_ui(ui, "Copy as my own…")
            .on_hover_text("A rule of your own that asks for the same, tried before this one")
            .clicked()
    {
        wishes.push(Wish::Edit(Box::new(copy)));
    }
    if quiet_button_ui(ui, "Show its rows").clicked() {
        wishes.push(Wish::Only { column: RULE_COLUMN.to_owned(), value: rule.id().to_owned() });
    }
}
