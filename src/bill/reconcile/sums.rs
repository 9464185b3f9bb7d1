//! The store's costs beside the file's own sums, and what makes them differ.

use std::collections::BTreeMap;

use serde::Serialize;

use super::ledger::{Ledger, Line, Reason};
use crate::bill::Basis;
use crate::bill::exact::Exact;

/// One reason of a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it is, in words.
    pub words: String,
    /// What it adds to the file's own sum on the way to the store's.
    pub amount: Exact,
    /// Rows of the file.
    pub rows: u64,
    /// It follows from what the costs mean. What does not must be looked into.
    pub explained: bool,
}

/// One of the four costs in one currency: the store's sum and the file's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// The cost.
    pub basis: Basis,
    /// The currency; empty where the file has none.
    pub currency: String,
    /// The sum in the store; `None` where no row has such a cost.
    pub stored: Option<Exact>,
    /// Rows of the store in this currency.
    pub rows: u64,
    /// Those of them without such a cost, which are not in the sum.
    pub without: u64,
    /// The file's own column; `None` where the file has none that it could be compared with.
    pub column: Option<String>,
    /// Its sum over all rows of the file, those left out among them.
    pub own: Option<Exact>,
    /// The store's sum minus the file's.
    pub difference: Option<Exact>,
    /// What the difference is made of; together they are the difference.
    pub steps: Vec<Step>,
}

impl Sum {
    /// Both sums are there, and what makes them differ is known.
    pub fn is_explained(&self) -> bool {
        self.steps.iter().all(|step| step.explained)
    }

    /// The part of the difference that nothing explains.
    pub fn unexplained(&self) -> Exact {
        let open = self.steps.iter().filter(|step| !step.explained);
        open.fold(Exact::default(), |sum, step| sum.checked_add(step.amount).unwrap_or(sum))
    }
}

/// A column of the file that no cost is compared with, and what it adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherSum {
    /// The column.
    pub column: String,
    /// The currency.
    pub currency: String,
    /// The sum over all rows of the file.
    pub sum: Exact,
}

/// A total that the file states, beside the sum of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StatedCheck {
    /// What it is called.
    pub name: String,
    /// Where it stands.
    pub place: String,
    /// What the file says.
    pub stated: Exact,
    /// What its rows add up to.
    pub sum: Exact,
    /// The rows' sum rounds to what is stated.
    pub agrees: bool,
}

/// All costs in all currencies.
pub(super) fn sums(ledger: &Ledger) -> Vec<Sum> {
    let mut currencies: Vec<&str> = ledger.lines.iter().map(|line| line.currency.as_str()).collect();
    currencies.dedup();
    let bases = [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];
    let mut sums = Vec::new();
    for currency in currencies {
        let lines: Vec<&Line> = ledger.lines.iter().filter(|line| line.currency == currency).collect();
        sums.extend(bases.into_iter().filter_map(|basis| sum(ledger, &lines, currency, basis)));
    }
    sums
}

fn total<'l>(lines: impl IntoIterator<Item = &'l Line>, of: impl Fn(&Line) -> Exact) -> Exact {
    lines.into_iter().fold(Exact::default(), |sum, line| sum.checked_add(of(line)).unwrap_or(sum))
}

fn sum(ledger: &Ledger, lines: &[&Line], currency: &str, basis: Basis) -> Option<Sum> {
    let place = basis.place();
    let rows: u64 = lines.iter().map(|line| line.stored_rows).sum();
    let filled: u64 = lines.iter().map(|line| line.stored_filled[place]).sum();
    let column = ledger.compared_with(basis);
    let own = total(lines.iter().copied(), |line| line.compared[place]);
    if (filled == 0 && column.is_none()) || (rows == 0 && own == Exact(0)) {
        return None;
    }
    let stored = total(lines.iter().copied(), |line| line.stored[place]);
    let has_own = column.is_some();
    let mut sum = Sum {
        basis,
        currency: currency.to_owned(),
        stored: (filled > 0).then_some(stored),
        rows,
        without: rows - filled,
        column,
        own: has_own.then_some(own),
        difference: None,
        steps: Vec::new(),
    };
    if !has_own {
        return Some(sum);
    }
    // A cost that no row has is no sum of 0 that would differ.
    if filled == 0 && sum.own == Some(Exact(0)) {
        return Some(sum);
    }
    sum.difference = sum.own.and_then(|own| stored.checked_sub(own));
    sum.steps = steps(ledger, lines, basis);
    Some(sum)
}

/// What makes the sums of a cost differ, the largest first.
fn steps(ledger: &Ledger, lines: &[&Line], basis: Basis) -> Vec<Step> {
    let place = basis.place();
    let formula = ledger.own.iter().position(|column| column.formula);
    let name = ledger.compared_with(basis).unwrap_or_default();
    let mut steps: BTreeMap<(String, bool), (Exact, u64)> = BTreeMap::new();
    let mut add = |words: String, explained: bool, amount: Exact, rows: u64| {
        if amount == Exact(0) {
            return;
        }
        let (sum, count) = steps.entry((words, explained)).or_default();
        *sum = sum.checked_add(amount).unwrap_or(*sum);
        *count += rows;
    };
    for line in lines {
        if let Some(reason) = line.left_out {
            let words = format!("rows left out: {}", reason.words());
            add(words, !reason.loses_money(), Exact(-line.compared[place].0), line.rows);
            continue;
        }
        let Some(difference) = line.stored[place].checked_sub(line.compared[place]) else { continue };
        if difference == Exact(0) {
            continue;
        }
        if difference.0 == -line.odd[place].0 {
            let words = format!("{name} that are not plain numbers and count as missing");
            add(words, false, difference, line.rows);
            continue;
        }
        let kind = if line.kind.is_empty() { "other rows" } else { line.kind.as_str() };
        // A column of the same name and meaning has nothing to be explained.
        let why = if name.eq_ignore_ascii_case(basis.column()) { None } else { why(basis, &line.kind) };
        match why {
            // Where the cost follows a formula, the formula has to give it.
            Some(words)
                if basis != Basis::EffectiveCost
                    || formula.is_none_or(|formula| line.own[formula] == line.stored[place]) =>
            {
                add(format!("{kind}: {words}"), true, difference, line.rows);
            }
            Some(words) => {
                add(format!("{kind}: {words}, but not with this amount"), false, difference, line.rows);
            }
            None => add(format!("{kind}: not known why"), false, difference, line.rows),
        }
    }
    let mut steps: Vec<Step> = steps
        .into_iter()
        .map(|((words, explained), (amount, rows))| Step { words, amount, rows, explained })
        .collect();
    steps.sort_by_key(|step| (step.explained, -step.amount.0.abs()));
    steps
}

/// Why a cost of FOCUS is not what the file's own column has, for kinds of rows where it never is.
fn why(basis: Basis, kind: &str) -> Option<&'static str> {
    use Basis::{BilledCost, ContractedCost, EffectiveCost, ListCost};
    let committed =
        kind.ends_with(", Reservation") || kind.to_lowercase().replace(' ', "").ends_with(",savingsplan");
    let first = kind.split(',').next().unwrap_or(kind);
    Some(match (basis, first) {
        (EffectiveCost, "SavingsPlanCoveredUsage") => "counts with what the Savings Plan costs",
        (EffectiveCost, "SavingsPlanNegation") => "only undoes the on-demand price of covered use, and is 0",
        (EffectiveCost, "SavingsPlanRecurringFee" | "RIFee") => {
            "only what nothing used of it counts, the rest is on the use"
        }
        (EffectiveCost, "SavingsPlanUpfrontFee") => "is paid now and spread over the term",
        (EffectiveCost, "DiscountedUsage") => "counts with its share of the reservation",
        (EffectiveCost, "Fee") if kind.ends_with("reservation") => "is paid now and spread over the term",
        (EffectiveCost, "Refund") if kind.ends_with("Savings Plan") => {
            "gives back what was spread over the term"
        }
        (ListCost, "SavingsPlanNegation") => "undoes what was never at list price, and is 0",
        (ListCost, "Tax" | "Credit" | "Refund" | "Fee" | "FlatRateSubscription") => {
            "has no list price and counts as it is billed"
        }
        (ListCost, kind) if kind.ends_with("Discount") => "is no use that has a list price, and is 0",
        (BilledCost, "Usage") if committed => "a commitment paid for it, so nothing of it is invoiced",
        (BilledCost, "UnusedReservation" | "UnusedSavingsPlan") => "is spread, not invoiced",
        (EffectiveCost, "Purchase" | "Refund") if committed => "is spread over what it covers",
        (EffectiveCost, _)
            if kind.contains("with promotion") || kind.to_lowercase().contains("promotion") =>
        {
            "promotions pay for use and do not make it cheaper"
        }
        (BilledCost | EffectiveCost, kind) if kind.eq_ignore_ascii_case("granted") => {
            "a granted balance paid for it, so nothing of it is invoiced"
        }
        (ContractedCost, _) => "counts at contracted prices",
        _ => return None,
    })
}

/// Own columns that stand beside.
pub(super) fn others(ledger: &Ledger) -> Vec<OtherSum> {
    let mut currencies: Vec<&str> = ledger.lines.iter().map(|line| line.currency.as_str()).collect();
    currencies.dedup();
    let mut found = Vec::new();
    for (place, own) in ledger.own.iter().enumerate() {
        if !own.against.is_empty() || own.filled == 0 {
            continue;
        }
        for currency in &currencies {
            let lines = ledger.lines.iter().filter(|line| line.currency == *currency);
            // A formula is of the rows that count.
            let lines = lines.filter(|line| !own.formula || line.left_out.is_none());
            let sum = total(lines, |line| line.own[place]);
            found.push(OtherSum { column: own.name.clone(), currency: (*currency).to_owned(), sum });
        }
    }
    found
}

/// Totals of the file beside the sum of its rows. They name no currency, so there is nothing to compare where the
/// rows have several.
pub(super) fn stated(ledger: &Ledger) -> Vec<StatedCheck> {
    let own = Basis::BilledCost.place();
    let counted = |line: &&Line| line.left_out != Some(Reason::TotalLine);
    let mut currencies: Vec<&str> = ledger
        .lines
        .iter()
        .filter(|line| line.compared[own] != Exact(0))
        .map(|line| line.currency.as_str())
        .collect();
    currencies.dedup();
    if currencies.len() > 1 {
        return Vec::new();
    }
    let sum = total(ledger.lines.iter().filter(counted), |line| line.compared[own]);
    let check = |stated: &super::ledger::Stated| StatedCheck {
        name: stated.name.clone(),
        place: stated.place.words(),
        stated: stated.amount,
        sum,
        agrees: round(sum, stated.places) == round(stated.amount, stated.places),
    };
    ledger.stated.iter().map(check).collect()
}

/// Rounded to some decimal places, half away from zero.
pub(super) fn round(amount: Exact, places: u32) -> Exact {
    let unit = 10_i128.pow(crate::bill::exact::SCALE.saturating_sub(places));
    let magnitude = amount.0.abs();
    let rounded = (magnitude + unit / 2) / unit * unit;
    Exact(if amount.0 < 0 { -rounded } else { rounded })
}

/// `1,234.50 USD`, at the currency's decimal places; small amounts with as many as they need.
pub fn amount_words(amount: Exact, currency: &str) -> String {
    let places = super::invoice::places_of(currency);
    // A true minus, as money has everywhere.
    let sign = if amount.0 < 0 { "−" } else { "" };
    let amount = Exact(amount.0.abs());
    let money = amount.to_money();
    let shown = if round(amount, places) == Exact(0) && money != crate::units::Money::ZERO {
        money.to_string()
    } else {
        format!("{money:.*}", places as usize)
    };
    let sign = if shown.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) { sign } else { "" };
    if currency.is_empty() { format!("{sign}{shown}") } else { format!("{sign}{shown} {currency}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounding_is_half_away_from_zero() {
        let exact = |text: &str| Exact::read(text).unwrap().value;
        for (amount, places, rounded) in [
            ("1.005", 2, "1.01"),
            ("-1.005", 2, "-1.01"),
            ("1.0049", 2, "1"),
            ("12.5", 0, "13"),
            ("0.004", 2, "0"),
        ] {
            assert_eq!(round(exact(amount), places), exact(rounded), "{amount}");
        }
    }
}
