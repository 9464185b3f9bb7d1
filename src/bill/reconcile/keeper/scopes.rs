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
        for (at, word) in [(stored.category, ""), (stored.seller, "sold by ")] {
            let text = value(cells, at);
            if text.is_empty() {
                continue;
            }
            let parts = scope.parts.len();
            let found = scope.parts.iter_mut().find(|(part, _)| part.strip_prefix(word) == Some(text));
            match found {
                Some((_, sum)) => super::add(sum, billed, too_large),
                // What has very many values tells nothing apart.
                None if parts < PARTS => drop(scope.parts.insert(format!("{word}{text}"), billed)),
                None => {}
            }
        }
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
