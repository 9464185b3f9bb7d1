//! The currency that the bills' sums are shown in, and the rates to it: kept in the project.

use std::collections::BTreeSet;

use anyhow::bail;

use super::App;
use super::state::State;
use crate::bill::{Conversion, Imported, Rates, reconcile, share};

/// What the project file calls them.
pub(super) const KIND: &str = "rates";

impl App {
    /// Keeps other rates. What was answered with the old ones is forgotten.
    pub(super) fn set_rates(&mut self, rates: Rates) -> anyhow::Result<()> {
        if rates.list.iter().any(|rate| rate.rate.0 <= 0) {
            bail!("a rate between currencies must be above zero");
        }
        if rates == self.state.rates {
            return Ok(());
        }
        self.project.put(KIND, "now", 0, &rates)?;
        self.state.rates = rates;
        self.bills_changed();
        Ok(())
    }
}

impl State {
    /// The currencies of the rows that count and are of money, each once, by name; the empty one is "no currency".
    /// Rows that count tokens and cost nothing have none and need none.
    pub fn row_currencies(&self) -> Vec<&str> {
        let counted = self.bills.iter().flat_map(|bill| self.currencies_of(bill));
        counted.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The currencies of a bill's rows that count.
    fn currencies_of<'s>(&'s self, bill: &'s Imported) -> impl Iterator<Item = &'s str> {
        let counted = reconcile::counted_currencies(bill, &self.counting);
        let is_money = |name: &str| {
            let costs = bill.totals.get(name).map(share::named);
            !name.is_empty() || costs.is_some_and(|costs| costs.iter().any(|(_, cost)| cost.is_some()))
        };
        bill.currencies.keys().map(String::as_str).filter(move |name| {
            counted.as_ref().is_none_or(|counted| counted.contains(name)) && is_money(name)
        })
    }

    /// How the bills' sums come to be in the currency they are shown in; `None` when they are as billed.
    pub fn conversion(&self) -> Option<Conversion> {
        self.rates.conversion(self.row_currencies(), self.bills.iter().map(Imported::unnamed_rows).sum())
    }
}
