//! The currencies of the bills, each with what it comes to: where there are several, one of them is shown at a time.

use std::fmt::Write as _;

use egui::Ui;

use crate::app::{Query, QueryResult, Scenario, SpendQuery, SpendResult, State};
use crate::bill::{Basis, Filter};
use crate::ui::pages::kept::Asked;
use crate::ui::pages::parts::money_or_dash;
use crate::ui::view::View;
use crate::ui::widgets::{count_words, note_ui};

/// What the chips remember between frames.
#[derive(Default)]
pub(super) struct CurrencyChips {
    asked: Asked,
}

impl CurrencyChips {
    /// Asks what each currency comes to, where there are several. `filters` are without the one on a currency.
    pub(super) fn ask(&mut self, view: &mut View<'_>, filters: Vec<Filter>) {
        if view.app.state().bill_currency().is_none() {
            self.asked.follow(view, Query::Spend(SpendQuery::Currencies { filters }));
        }
    }

    /// Draws the choice. False where there is none to make, because all money is in one currency.
    pub(super) fn ui(&self, ui: &mut Ui, state: &State, basis: Basis, scenario: &mut Scenario) -> bool {
        let Some(Ok(QueryResult::Spend(SpendResult::Currencies(all)))) = self.asked.answer() else {
            return false;
        };
        if state.bill_currency().is_some() {
            return false;
        }
        let mut chosen = state.shown_currency().unwrap_or_default();
        let before = chosen.clone();
        ui.horizontal_wrapped(|ui| {
            // Rows that count tokens and cost nothing are in no currency, and none to choose.
            for (currency, totals) in all.iter().filter(|(_, totals)| !totals.exact.is_empty()) {
                let name = if currency.is_empty() { "no currency" } else { currency };
                let amount = money_or_dash(totals.costs.get(basis), currency);
                let mut said = format!("Show the {} rows in {name}", count_words(totals.rows));
                let missing = totals.missing(basis);
                let mark = if missing > 0 && missing < totals.rows {
                    let have = count_words(totals.rows - missing);
                    // Writing to a text cannot fail.
                    let _ = write!(said, "; the sum is of the {have} that have a {}", basis.column());
                    " *"
                } else {
                    ""
                };
                ui.selectable_value(&mut chosen, currency.clone(), format!("{name}  {amount}{mark}"))
                    .on_hover_text(said);
            }
            note_ui(ui, "Currencies are never added up; choose the one that is shown");
        });
        if chosen != before {
            scenario.spend.currency = Some(chosen);
        }
        true
    }
}
