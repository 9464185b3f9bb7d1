//! What commitments cost at list and contracted prices, where they are bought and where they are used.

use std::collections::{BTreeMap, HashMap};

use super::super::ledger::Committed;
use super::{Stored, value};
use crate::bill::exact::Exact;

/// Commitments kept apart; those past them are not judged.
const COMMITMENTS: usize = 20_000;

/// Sums of a commitment: bought and used, each at list and at contracted prices.
type Sides = [[Exact; 2]; 2];

/// The commitments so far, by currency and id.
#[derive(Default)]
pub(super) struct Commitments {
    found: HashMap<String, HashMap<String, Sides>>,
    count: usize,
    /// A sum did not fit.
    pub too_large: bool,
}

impl Commitments {
    /// Adds a row of the store with its four costs.
    pub fn add(&mut self, cells: &[&str], stored: &Stored, costs: [Option<Exact>; 4]) {
        let id = value(cells, stored.commitment);
        if id.is_empty() {
            return;
        }
        let side = match value(cells, stored.category) {
            "Purchase" => 0,
            "Usage" => 1,
            _ => return,
        };
        let currency = value(cells, stored.currency);
        if !self.found.contains_key(currency) {
            self.found.insert(currency.to_owned(), HashMap::new());
        }
        let Some(of_currency) = self.found.get_mut(currency) else { return };
        if !of_currency.contains_key(id) {
            if self.count >= COMMITMENTS {
                return;
            }
            self.count += 1;
            of_currency.insert(id.to_owned(), Sides::default());
        }
        let Some(sides) = of_currency.get_mut(id) else { return };
        for (sum, cost) in sides[side].iter_mut().zip(&costs[2..]) {
            if let Some(cost) = cost {
                super::add(sum, *cost, &mut self.too_large);
            }
        }
    }

    /// Those that are bought and used, by currency.
    pub fn finish(&mut self) -> Vec<Committed> {
        let found: BTreeMap<String, HashMap<String, Sides>> = self.found.drain().collect();
        let mut all = Vec::new();
        for (currency, commitments) in found {
            let mut sum = Committed { currency, ..Committed::default() };
            for [bought, used] in commitments.into_values() {
                // At each of the two prices by itself: one of them may not be told on one side.
                let twice = [0, 1].map(|place| bought[place] != Exact(0) && used[place] != Exact(0));
                for place in [0, 1].into_iter().filter(|place| twice[*place]) {
                    super::add(&mut sum.bought[place], bought[place], &mut self.too_large);
                    super::add(&mut sum.used[place], used[place], &mut self.too_large);
                }
                sum.commitments += u64::from(twice.contains(&true));
            }
            if sum.commitments > 0 {
                all.push(sum);
            }
        }
        all
    }
}
