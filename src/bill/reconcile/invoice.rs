//! What invoices say beside what the bills charge: totals that the user types, for a billing period or an invoice.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ledger::{Ledger, Scope};
use super::sums::round;
use crate::bill::exact::Exact;
use crate::units::Money;

/// Which rows an invoice total is of. What is `None` does not matter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Target {
    /// Who charges, and on which account: `AWS 123456789012`.
    pub account: Option<String>,
    /// Billing period: `2026-10`; empty = rows that name none.
    pub period: Option<String>,
    /// Id of the invoice; empty = rows that are on none yet.
    pub invoice: Option<String>,
    /// Currency.
    pub currency: String,
}

impl Target {
    /// A key to keep a total under.
    pub fn key(&self) -> String {
        let of = |part: &Option<String>| part.as_ref().map_or("*".to_owned(), |text| format!("={text}"));
        [of(&self.account), of(&self.period), of(&self.invoice), self.currency.clone()].join("|")
    }

    /// What rows may be charged by: their account's month, and their invoice.
    pub(super) fn of(scope: &Scope) -> [Self; 2] {
        let (account, period) = (Some(scope.account.clone()), Some(scope.period.clone()));
        let month = Self { account, period, invoice: None, currency: scope.currency.clone() };
        let invoice = Self { invoice: Some(scope.invoice.clone()), ..month.clone() };
        [month, invoice]
    }

    /// Whether rows are meant.
    pub fn has(&self, scope: &Scope) -> bool {
        let is = |wanted: &Option<String>, text: &str| wanted.as_ref().is_none_or(|wanted| wanted == text);
        is(&self.account, &scope.account)
            && is(&self.period, &scope.period)
            && is(&self.invoice, &scope.invoice)
            && self.currency == scope.currency
    }

    /// `AWS 123456789012, 2026-10, invoice 42`.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.account.clone().filter(|text| !text.is_empty()));
        words.extend(
            self.period
                .as_ref()
                .map(|text| if text.is_empty() { "no billing period".to_owned() } else { text.clone() }),
        );
        words.extend(self.invoice.as_ref().map(|text| {
            if text.is_empty() { "no invoice yet".to_owned() } else { format!("invoice {text}") }
        }));
        if words.is_empty() {
            words.push("all rows".to_owned());
        }
        words.join(", ")
    }
}

/// The total of an invoice, as the user typed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceTotal {
    /// Of which rows.
    pub target: Target,
    /// What the invoice says.
    pub total: Money,
    /// What the bill may differ by.
    #[serde(default)]
    pub tolerance: Money,
}

/// What the bills charge for a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Charged {
    /// For which.
    pub target: Target,
    /// Rows.
    pub rows: u64,
    /// `BilledCost`; `None` where no row has one.
    pub billed: Option<Exact>,
    /// Rows without a billed cost.
    pub without: u64,
    /// How many bills have such rows.
    pub bills: usize,
    /// Whether it is all of an account's month; an invoice of it is `false`.
    pub whole: bool,
    /// Place of the bill that was added last, so that each is counted once.
    #[serde(skip)]
    last_bill: Option<usize>,
}

/// A target's charges beside the invoice.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// What the bills charge.
    pub charged: Charged,
    /// What the invoice says.
    pub invoice: InvoiceTotal,
    /// The bills minus the invoice, at the invoice's decimal places; `None` where nothing is charged.
    pub difference: Option<Money>,
    /// The same in percent of the invoice; `None` for an invoice of 0.
    pub percent: Option<f64>,
    /// They agree.
    pub agrees: bool,
    /// Bills that have rows of it, which are compared with it together.
    pub bills: usize,
    /// What the difference may be.
    pub hints: Vec<String>,
}

impl Check {
    /// They differ, and by no more than was allowed.
    pub fn is_within_tolerance(&self) -> bool {
        self.agrees && self.difference.is_some_and(|difference| difference != Money::ZERO)
    }
}

/// The targets that an invoice may be of, as the bills have them: each account's month, and its invoices where there
/// are several.
pub fn charges(ledgers: &[&Ledger]) -> Vec<Charged> {
    let mut months: BTreeMap<Target, (Charged, BTreeMap<Target, Charged>)> = BTreeMap::new();
    for (bill, ledger) in ledgers.iter().enumerate() {
        for scope in &ledger.scopes {
            let [month, invoice] = Target::of(scope);
            let (whole, invoices) = months
                .entry(month)
                .or_insert_with_key(|month| (Charged::nothing(month.clone()), BTreeMap::new()));
            whole.add(scope, bill);
            invoices
                .entry(invoice)
                .or_insert_with_key(|invoice| Charged::nothing(invoice.clone()))
                .add(scope, bill);
        }
    }
    let mut found = Vec::new();
    for (whole, invoices) in months.into_values() {
        found.push(whole);
        if invoices.len() > 1 {
            found.extend(invoices.into_values());
        }
    }
    found
}

impl Charged {
    fn nothing(target: Target) -> Self {
        let whole = target.invoice.is_none();
        Self { target, rows: 0, billed: None, without: 0, bills: 0, whole, last_bill: None }
    }

    /// Adds the rows of a bill, which is told from the others by its place.
    fn add(&mut self, scope: &Scope, bill: usize) {
        self.rows += scope.rows;
        self.without += scope.rows - scope.filled[0];
        if scope.filled[0] > 0 {
            self.billed = self.billed.unwrap_or_default().checked_add(scope.sums[0]);
        }
        if self.last_bill != Some(bill) {
            self.bills += 1;
            self.last_bill = Some(bill);
        }
    }
}

fn charged(target: &Target, ledgers: &[&Ledger]) -> Charged {
    let mut charged = Charged::nothing(target.clone());
    for (bill, ledger) in ledgers.iter().enumerate() {
        ledger.scopes.iter().filter(|scope| target.has(scope)).for_each(|scope| charged.add(scope, bill));
    }
    charged
}

/// Decimal places of a currency's smallest coin.
pub fn places_of(currency: &str) -> u32 {
    crate::units::minor_units(currency)
}

/// An amount as people type it: `1,234.50`, `$ 12`. `None` when it is none.
pub fn read_total(text: &str) -> Option<Money> {
    match super::amount::read(text) {
        super::amount::Said::Plain(amount) | super::amount::Said::Odd(amount) => Some(amount.to_money()),
        super::amount::Said::Nothing | super::amount::Said::Unreadable => None,
    }
}

/// Decimal places that an amount needs.
fn places_needed(amount: Money) -> u32 {
    let mut places = Money::SCALE;
    let mut scaled = amount.scaled();
    while places > 0 && scaled % 10 == 0 {
        scaled /= 10;
        places -= 1;
    }
    places
}

/// Compares what the bills charge with an invoice.
pub fn check(invoice: &InvoiceTotal, ledgers: &[&Ledger]) -> Check {
    let target = &invoice.target;
    let charged = charged(target, ledgers);
    let places = places_of(&target.currency).max(places_needed(invoice.total));
    let total = Exact::from_money(invoice.total);
    let exact =
        charged.billed.zip(total).and_then(|(billed, total)| round(billed, places).checked_sub(total));
    let difference = exact.map(Exact::to_money);
    let percent = difference
        .filter(|_| invoice.total != Money::ZERO)
        .map(|difference| difference.to_f64() / invoice.total.to_f64().abs() * 100.0);
    let tolerance = invoice.tolerance.scaled().abs();
    let agrees = difference.is_some_and(|difference| difference.scaled().abs() <= tolerance);
    let hints = match exact.zip(total) {
        Some((difference, total)) if !agrees => hints(target, total, difference, places, ledgers),
        _ => Vec::new(),
    };
    let has_rows = |ledger: &&&Ledger| ledger.scopes.iter().any(|scope| target.has(scope));
    let bills = ledgers.iter().filter(has_rows).count();
    Check { charged, invoice: invoice.clone(), difference, percent, agrees, bills, hints }
}

/// What a difference may be: a part of the charges, or another cost.
fn hints(target: &Target, total: Exact, difference: Exact, places: u32, ledgers: &[&Ledger]) -> Vec<String> {
    let mut hints = Vec::new();
    let scopes: Vec<&Scope> =
        ledgers.iter().flat_map(|ledger| &ledger.scopes).filter(|scope| target.has(scope)).collect();
    let is = |amount: Exact, wanted: Exact| wanted != Exact(0) && round(amount, places) == wanted;
    let mut parts: Vec<(String, Exact)> = Vec::new();
    for (name, amount) in scopes.iter().flat_map(|scope| &scope.parts) {
        match parts.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum = sum.checked_add(*amount).unwrap_or(*sum),
            None => parts.push((name.clone(), *amount)),
        }
    }
    let name = |part: &str| {
        if part.starts_with("sold by ") { format!("rows {part}") } else { format!("rows of {part}") }
    };
    for (part, amount) in &parts {
        if is(*amount, difference) {
            hints.push(format!(
                "the difference is as much as the {}: the invoice may be without them",
                name(part)
            ));
        }
    }
    for (place, (one, first)) in parts.iter().enumerate() {
        for (other, second) in &parts[place + 1..] {
            let alike = one.starts_with("sold by ") == other.starts_with("sold by ");
            if alike && parts.len() > 2 && first.checked_add(*second).is_some_and(|sum| is(sum, difference)) {
                hints.push(format!(
                    "the difference is as much as the {} and {} together: the invoice may be without them",
                    name(one),
                    name(other)
                ));
            }
        }
    }
    let costs = [("EffectiveCost", 1), ("ListCost", 2), ("ContractedCost", 3)];
    for (cost, place) in costs {
        let sum = scopes.iter().try_fold(Exact::default(), |sum, scope| sum.checked_add(scope.sums[place]));
        if sum.is_some_and(|sum| is(sum, total)) {
            hints.push(format!("the invoice is as much as the sum of {cost}"));
        }
    }
    // Rows that were left out have no scope: they are looked at as a whole.
    for ledger in ledgers {
        for line in &ledger.lines {
            if line.left_out.is_some()
                && line.currency == target.currency
                && is(Exact(-line.compared[0].0), difference)
            {
                hints.push("the difference is as much as rows that were left out".to_owned());
            }
        }
        let odd = ledger.lines.iter().map(|line| line.odd[0].0).sum::<i128>();
        if is(Exact(-odd), difference) {
            hints.push("the difference is as much as the cells that are not plain numbers".to_owned());
        }
    }
    let twice = total.checked_add(total).is_some_and(|twice| twice.checked_sub(total) == Some(difference));
    if twice && total != Exact(0) {
        hints.push("the bill is twice the invoice: it may be counted twice".to_owned());
    }
    hints.dedup();
    hints
}
