//! The currency that the bills' sums are shown in, and the rates to it: kept in the project.

use anyhow::bail;

use super::App;
use super::state::State;
use crate::bill::{Conversion, Rates};

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
    /// The currencies of the bills' rows, each once, by name; the empty one is "no currency".
    pub fn row_currencies(&self) -> Vec<&str> {
        let mut all: Vec<&str> =
            self.bills.iter().flat_map(|bill| bill.currencies.keys().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// How the bills' sums come to be in the currency they are shown in; `None` when they are as billed.
    pub fn conversion(&self) -> Option<Conversion> {
        self.rates.conversion(self.row_currencies())
    }
}
