//! What commitments cover, waste and save; what is paid for and not used.

use egui::Ui;

use crate::app::{QueryResult, watch};
use crate::bill::reconcile::rows_words;
use crate::bill::watch::{Answer, Commitment, Commitments, IdleView};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::{money_or_dash, problem_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Stat, Table, TableState, card_ui, count_words, data_table_ui, note_ui, section_header_ui,
    stats_ui,
};
use crate::units::{self, Money};

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Waste {
    commitments: Asked,
    idle: Asked,
    each: TableState,
    rules: TableState,
}

impl Waste {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, currency: &str) {
        let state = view.app.state();
        self.commitments.follow(view, watch::commitments_question(state, currency));
        self.idle.follow(view, watch::idle_question(state, currency));
        card_ui(ui, |ui| match self.commitments.answer() {
            Some(Ok(QueryResult::Watch(answer))) => {
                if let Answer::Commitments(found) = answer.as_ref() {
                    let version = self.commitments.version();
                    commitments_ui(ui, found.as_deref(), &mut self.each, version);
                }
            }
            Some(Err(problem)) => {
                section_header_ui(ui, "Commitments", "", |_| {});
                problem_ui(ui, problem);
            }
            _ => section_header_ui(ui, "Commitments", "Reading…", |_| {}),
        });
        card_ui(ui, |ui| match self.idle.answer() {
            Some(Ok(QueryResult::Watch(answer))) => {
                if let Answer::Idle(found) = answer.as_ref() {
                    idle_ui(ui, found, &mut self.rules, self.idle.version());
                }
            }
            Some(Err(problem)) => {
                section_header_ui(ui, "Paid for and not used", "", |_| {});
                problem_ui(ui, problem);
            }
            _ => section_header_ui(ui, "Paid for and not used", "Reading…", |_| {}),
        });
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "–".to_owned(), |share| format!("{:.1}", share * 100.0))
}

fn commitments_ui(ui: &mut Ui, found: Option<&Commitments>, each: &mut TableState, version: u64) {
    let Some(found) = found else {
        section_header_ui(ui, "Commitments", "", |_| {});
        note_ui(ui, "The bill tells of no reservation, savings plan or committed use.");
        return;
    };
    let currency = found.currency.as_deref().unwrap_or_default();
    let note = found.days.map_or_else(String::new, |(first, last)| format!("{first} to {last}"));
    section_header_ui(ui, "Commitments", &note, |_| {});
    let waste = units::money(found.all.unused, currency);
    let of_paid = found.all.utilisation().map(|used| 1.0 - used);
    let waste_note = format!("{} % of what is paid; usual aim below 10 %", percent(of_paid));
    let saved = money_or_dash(found.all.saved(), currency);
    let contracted =
        format!("over list prices; {} % over contracted", percent(found.savings_rate_contracted));
    let uncovered = match found.uncovered {
        Some(uncovered) => format!("{} not covered; usual aim 60 to 80 %", units::money(uncovered, currency)),
        None => "the bill has no PricingCategory to tell it from".to_owned(),
    };
    let break_even = format!("break-even {} %; usual aim above 90 %", percent(found.all.break_even()));
    let (utilisation, coverage, rate) =
        (percent(found.all.utilisation()), percent(found.coverage), percent(found.savings_rate));
    stats_ui(
        ui,
        &[
            Stat { label: "Effective savings rate", value: &rate, unit: "%", note: &contracted },
            Stat { label: "Coverage", value: &coverage, unit: "%", note: &uncovered },
            Stat { label: "Utilisation", value: &utilisation, unit: "%", note: &break_even },
            Stat { label: "Waste", value: &waste, unit: "", note: &waste_note },
            Stat { label: "Saved by commitments", value: &saved, unit: "", note: "waste taken off" },
        ],
    );
    if found.unpriced_rows > 0 {
        note_ui(
            ui,
            &format!(
                "{} of covered usage without a contracted cost: what commitments saved is not known.",
                rows_words(found.unpriced_rows)
            ),
        );
    }
    if found.unlisted_rows > 0 {
        note_ui(
            ui,
            &format!(
                "{} of usage ({}) without a list cost: left out of the savings rate.",
                rows_words(found.unlisted_rows),
                units::money(found.unlisted, currency)
            ),
        );
    }
    let columns = [
        Column::fill("Commitment", 200.0),
        Column::text("Type", 130.0),
        Column::number("Used", 110.0).hover("EffectiveCost of covered usage"),
        Column::number("Unused", 110.0).hover("EffectiveCost of what nobody used"),
        Column::number("Utilisation", 90.0).hover("Used ÷ (used + unused)"),
        Column::number("Break-even", 90.0)
            .hover("Utilisation below which it costs more than it saves: the rate paid ÷ the rate avoided"),
        Column::number("Saved", 110.0).hover("What the covered usage would have cost, less used and unused"),
    ];
    let shape = Table {
        id: "commitments",
        name: "Commitments",
        columns: &columns,
        rows: found.each.len(),
        revision: version,
        selected: None,
        height: 220.0,
    };
    let tokens = Tokens::of(ui);
    data_table_ui(ui, &shape, each, |row, column| cell(&found.each[row], column, currency, tokens));
}

fn cell(commitment: &Commitment, column: usize, currency: &str, tokens: &Tokens) -> Cell {
    let sums = &commitment.sums;
    let money = |amount: Money| Cell::number(amount.to_f64(), units::money(amount, currency));
    let share = |share: Option<f64>| match share {
        Some(share) => Cell::number(share, format!("{:.1} %", share * 100.0)),
        None => Cell::unknown("The bill has no price or no use to tell it from"),
    };
    match column {
        0 => Cell::text(commitment.name.clone().unwrap_or_else(|| commitment.id.clone()))
            .hover(commitment.id.clone()),
        1 => match &commitment.kind {
            Some(kind) => Cell::text(kind.clone()),
            None => Cell::unknown("The bill does not say"),
        },
        2 => money(sums.used),
        3 => money(sums.unused),
        4 => share(sums.utilisation()),
        5 => share(sums.break_even()),
        _ => match sums.saved() {
            Some(saved) if saved < Money::ZERO => money(saved).colour(tokens.danger),
            Some(saved) => money(saved),
            None => Cell::unknown("Covered rows have no contracted cost"),
        },
    }
}

fn idle_ui(ui: &mut Ui, found: &IdleView, rules: &mut TableState, version: u64) {
    let currency = found.currency.as_deref().unwrap_or_default();
    let note = if found.found.is_empty() { String::new() } else { units::money(found.total, currency) };
    section_header_ui(ui, "Paid for and not used", &note, |_| {});
    if found.found.is_empty() {
        note_ui(
            ui,
            "The bill tells of nothing idle. It does not say whether disks are attached, so none is called idle.",
        );
    } else {
        let columns = [
            Column::fill("What", 260.0),
            Column::text("How it shows", 190.0),
            Column::number("Things", 64.0),
            Column::number(found.basis.column(), 130.0),
            Column::fill("The most expensive", 220.0),
        ];
        let shape = Table {
            id: "idle",
            name: "Idle things",
            columns: &columns,
            rows: found.found.len(),
            revision: version,
            selected: None,
            height: 200.0,
        };
        data_table_ui(ui, &shape, rules, |row, column| {
            let idle = &found.found[row];
            match column {
                0 => Cell::text(idle.words).hover(idle.rule),
                1 if idle.told => Cell::text("the bill says so").quiet(),
                1 => Cell::text("rows of traffic are missing").quiet(),
                2 => Cell::number(idle.count as f64, count_words(idle.count)),
                3 => Cell::number(idle.cost.to_f64(), units::money(idle.cost, currency)),
                _ => {
                    let names = idle.resources.iter().map(|(name, cost)| {
                        format!(
                            "{} {}",
                            name.as_deref().unwrap_or("(not named)"),
                            units::money(*cost, currency)
                        )
                    });
                    let all: Vec<String> = names.take(8).collect();
                    let first = idle.resources.first().and_then(|(name, _)| name.clone());
                    Cell::text(first.unwrap_or_else(|| "(not named)".to_owned())).hover(all.join("\n"))
                }
            }
        });
    }
    if !found.not_tried.is_empty() {
        note_ui(ui, &format!("Not looked for: {}.", found.not_tried.join("; ")));
    }
}
