//! What a rule would catch, before it is kept: its rows, what they cost, which rules they would leave.

use std::collections::BTreeMap;

use serde::Serialize;

use super::attach::{BEFORE_COLUMN, DraftOf, FITS_COLUMN};
use super::{Entry, Lens, OwnRule, RuleSet};
use crate::bill::error::BillError;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::query::{Bill, Sums};
use crate::bill::store::Store;
use crate::bill::{Costs, Filter, RowsView};

/// Rows shown of those that a rule catches.
const SAMPLE_ROWS: u64 = 20;

/// A rule being written, and where it would stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Draft {
    /// The rule.
    pub rule: OwnRule,
    /// Its place among the rules; one with the same id gives way.
    pub place: usize,
}

impl Draft {
    /// The rules as they would be.
    pub fn into(self, rules: &RuleSet) -> RuleSet {
        let mut set = rules.clone();
        set.rules.retain(|entry| entry.id() != self.rule.id);
        let place = self.place.min(set.rules.len());
        set.rules.insert(place, Entry::Own(self.rule));
        set
    }
}

/// Rows that would leave a rule, or the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// The rule they have now; `None` for rows that no rule catches.
    pub rule_id: Option<String>,
    /// How many.
    pub rows: u64,
    /// Their costs.
    pub costs: Costs,
}

/// What a draft would catch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// Rows its conditions hold for.
    pub fits: u64,
    /// Those that no rule before it catches: the rows it would have.
    pub rows: u64,
    /// What these cost, whole, whatever share it claims.
    pub costs: Costs,
    /// The currency; `None` without rows or with several.
    pub currency: Option<String>,
    /// Where the rows come from, the most rows first.
    pub taken_from: Vec<Taken>,
    /// Some of the rows.
    pub sample: RowsView,
}

impl Bill {
    /// What a draft would catch.
    ///
    /// # Errors
    /// A rule that cannot be used, in words; a filter on an unknown column.
    pub fn preview(
        &self,
        rules: &RuleSet,
        draft: &Draft,
        filters: &[Filter],
        store: &Store,
    ) -> Result<Preview, BillError> {
        draft.rule.check()?;
        let mut rule = draft.rule.clone();
        rule.on = true;
        let id = rule.id.clone();
        let set = Draft { rule, place: draft.place }.into(rules);
        let place = set.rules.iter().position(|entry| entry.id() == id).unwrap_or_default();
        let before = rules.clone();
        let lens = Lens::with_draft(set, DraftOf { before, place }, store);
        let bill = self.clone().with_lens(&lens);
        let keys = [
            bill.resolve("BillingCurrency")?,
            bill.resolve(RULE_COLUMN)?,
            bill.resolve(BEFORE_COLUMN)?,
            bill.resolve(FITS_COLUMN)?,
        ];
        let mut fits = 0;
        let mut all = Sums::default();
        let mut currencies: Vec<String> = Vec::new();
        let mut from: BTreeMap<Option<String>, Sums> = BTreeMap::new();
        for (key, sums) in bill.sums(&keys, filters, "preview the rule")? {
            let [currency, rule, before, fit] = key.as_slice() else { continue };
            if fit.is_some() {
                fits += sums.rows;
            }
            if rule.as_deref() != Some(&id) {
                continue;
            }
            all.add(&sums)?;
            from.entry(before.clone()).or_default().add(&sums)?;
            let currency = currency.clone().unwrap_or_default();
            if !currencies.contains(&currency) {
                currencies.push(currency);
            }
        }
        let one = currencies.len() <= 1;
        let present = bill.present();
        let costs = |sums: &Sums| {
            if one { Costs::from_sums(present, sums.rows, sums.filled, sums.costs) } else { Costs::default() }
        };
        let mut taken_from: Vec<Taken> = from
            .iter()
            .map(|(rule_id, sums)| Taken { rule_id: rule_id.clone(), rows: sums.rows, costs: costs(sums) })
            .collect();
        taken_from.sort_by_key(|taken| std::cmp::Reverse(taken.rows));
        let mut of_rule = filters.to_vec();
        of_rule.push(Filter::is(RULE_COLUMN, [id]));
        let sample = if all.rows > 0 { bill.rows(&of_rule, 0, SAMPLE_ROWS)? } else { RowsView::default() };
        Ok(Preview {
            fits,
            rows: all.rows,
            costs: costs(&all),
            currency: currencies.into_iter().next().filter(|_| one),
            taken_from,
            sample,
        })
    }
}
