//! Which invoice charges the rows of a bill: sums by account, billing period, invoice and currency.

use std::collections::HashMap;

use super::super::ledger::Scope;
use super::{Stored, month_of, value};
use crate::bill::exact::Exact;
use crate::bill::moment;

/// Scopes kept apart.
const SCOPES: usize = 5_000;
/// Parts of a scope kept apart.
const PARTS: usize = 40;

/// What is said before the names of parts: of categories, and of sellers.
const PART_WORDS: [&str; 2] = ["", "sold by "];

/// The scopes so far.
#[derive(Default)]
pub(super) struct Scopes {
    /// The scopes.
    pub found: Vec<Scope>,
    /// There are more than are kept apart.
    pub lumped: bool,
    /// A sum did not fit.
    pub too_large: bool,
    places: HashMap<([String; 5], Option<i64>), usize>,
    /// That of the row before.
    last: Option<usize>,
    last_period: (String, Option<i64>),
    /// Of each kind of parts that of the row before, with what the rows that had it in a row add up to.
    parts: [Part; PART_WORDS.len()],
}

/// A part of a scope that is added up.
#[derive(Default)]
struct Part {
    scope: usize,
    /// Empty where a row is of no part.
    text: String,
    sum: Exact,
}

impl Scopes {
    /// Adds a row of the store with its four costs, which begins at `start`; `part` is the file that has it, where the bill
    /// has several.
    pub fn add(
        &mut self,
        cells: &[&str],
        stored: &Stored,
        costs: [Option<Exact>; 4],
        start: Option<i64>,
        part: &str,
    ) {
        let of = |at: Option<usize>| value(cells, at);
        let (issuer, account) = (of(stored.issuer.or(stored.provider)), of(stored.account));
        let text = of(stored.period);
        if self.last_period.0 != text {
            self.last_period = (text.to_owned(), moment::read(text));
        }
        let period = self.last_period.1.or_else(|| start.and_then(moment::month_start));
        let period = period.map(|micros| micros.div_euclid(moment::PER_SEC));
        let (invoice, currency) = (of(stored.invoice), of(stored.currency));
        let is = |scope: &Scope| {
            scope.account.strip_prefix(issuer).is_some_and(|rest| rest.trim_start() == account)
                && scope.account_id == account
                && scope.period_unix_secs == period
                && scope.invoice == invoice
                && scope.currency == currency
                && scope.part == part
        };
        let last = self.last.filter(|place| is(&self.found[*place]));
        let place = last.unwrap_or_else(|| {
            let name = format!("{issuer} {account}").trim().to_owned();
            let key = [&name, account, invoice, currency, part].map(str::to_owned);
            self.scope_of((key, period))
        });
        self.last = Some(place);
        let too_large = &mut self.too_large;
        let scope = &mut self.found[place];
        scope.rows += 1;
        for (place, cost) in costs.iter().enumerate() {
            if let Some(cost) = cost {
                super::add(&mut scope.sums[place], *cost, too_large);
                scope.filled[place] += 1;
            }
        }
        let Some(billed) = costs[0] else { return };
        for (kind, at) in [stored.category, stored.seller].into_iter().enumerate() {
            let text = value(cells, at);
            let last = &mut self.parts[kind];
            if (last.scope, last.text.as_str()) != (place, text) {
                self.settle(kind);
                let last = &mut self.parts[kind];
                last.scope = place;
                text.clone_into(&mut last.text);
            }
            super::add(&mut self.parts[kind].sum, billed, &mut self.too_large);
        }
    }

    /// Adds what the rows before had in common to its scope.
    fn settle(&mut self, kind: usize) {
        let part = &mut self.parts[kind];
        let sum = std::mem::take(&mut part.sum);
        let Some(scope) = self.found.get_mut(part.scope).filter(|_| !part.text.is_empty()) else { return };
        let name = format!("{}{}", PART_WORDS[kind], part.text);
        let has_room = scope.parts.len() < PARTS;
        match scope.parts.get_mut(&name) {
            Some(known) => super::add(known, sum, &mut self.too_large),
            // What has very many values tells nothing apart.
            None if has_room => drop(scope.parts.insert(name, sum)),
            None => {}
        }
    }

    /// Everything, once all rows are in.
    pub fn finish(mut self) -> Self {
        (0..PART_WORDS.len()).for_each(|kind| self.settle(kind));
        self
    }

    fn scope_of(&mut self, key: ([String; 5], Option<i64>)) -> usize {
        if let Some(place) = self.places.get(&key) {
            return *place;
        }
        let lumped = self.found.len() >= SCOPES;
        self.lumped |= lumped;
        let ([account, account_id, invoice, currency, part], period) = key.clone();
        let scope = Scope { currency, ..Scope::default() };
        let scope = if lumped {
            scope
        } else {
            let month = period.and_then(|secs| secs.checked_mul(moment::PER_SEC)).map(month_of);
            Scope {
                account,
                account_id,
                invoice,
                part,
                period_unix_secs: period,
                period: month.unwrap_or_default(),
                ..scope
            }
        };
        let same = |other: &Scope| {
            lumped && other.account.is_empty() && other.invoice.is_empty() && other.currency == scope.currency
        };
        let place = self.found.iter().position(same).unwrap_or_else(|| {
            self.found.push(scope);
            self.found.len() - 1
        });
        if self.places.len() < SCOPES * 2 {
            self.places.insert(key, place);
        }
        place
    }
}
