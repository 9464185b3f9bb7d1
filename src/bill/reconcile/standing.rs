//! What of a bill's sums is in the totals, and what is not because its charges were delivered again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::{Ledger, Scope};
use crate::bill::Imported;
use crate::bill::claims::Counting;
use crate::bill::exact::Exact;

/// Some rows of a bill in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Portion {
    /// How many.
    pub rows: u64,
    /// The four costs, in the order of [`crate::bill::columns::COSTS`]; `None` where no row has one.
    pub sums: [Option<Exact>; 4],
}

impl Portion {
    fn add(&mut self, scope: &Scope) {
        self.rows += scope.rows;
        for (place, sum) in self.sums.iter_mut().enumerate().filter(|(place, _)| scope.filled[*place] > 0) {
            *sum = sum.unwrap_or_default().checked_add(scope.sums[place]);
        }
    }
}

/// The rows of a bill in one currency: those that are in the totals, and those that are not. Together they are the
/// store's sums.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CountedSums {
    /// The currency; empty where rows name none.
    pub currency: String,
    /// In the totals.
    pub counts: Portion,
    /// Not in them: the same charges were delivered again.
    pub does_not: Portion,
}

impl CountedSums {
    /// Both together: what is in the store.
    pub fn together(&self) -> Portion {
        let Self { counts, does_not, .. } = self;
        let sum = |place: usize| match (counts.sums[place], does_not.sums[place]) {
            (Some(a), Some(b)) => a.checked_add(b),
            (one, None) | (None, one) => one,
        };
        Portion { rows: counts.rows + does_not.rows, sums: std::array::from_fn(sum) }
    }
}

/// What counts of a bill, for each currency of which not all rows do; nothing where its rows are too many to tell.
pub(super) fn counted_sums(bill: &Imported, ledger: &Ledger, counting: &Counting) -> Vec<CountedSums> {
    let of_bill = counting.bills.iter().find(|counted| counted.hash == bill.hash);
    if ledger.scopes_lumped || of_bill.is_some_and(|counted| counted.without.is_empty()) {
        return Vec::new();
    }
    let mut found: BTreeMap<&str, CountedSums> = BTreeMap::new();
    for scope in &ledger.scopes {
        let sums = found.entry(&scope.currency).or_default();
        scope.currency.clone_into(&mut sums.currency);
        let counts = of_bill.is_some_and(|counted| super::counts(counted, scope));
        if counts { sums.counts.add(scope) } else { sums.does_not.add(scope) }
    }
    found.into_values().filter(|sums| sums.does_not.rows > 0).collect()
}
