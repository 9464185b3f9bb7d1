//! Reconciliation: does a bill in the store say what its file says, and what the invoice says?
//!
//! While a bill is imported, a [`Keeper`] writes a [`Ledger`]: rows and what became of each, the file's own sums read
//! beside the mapping, what is covered. [`reconcile`] compares: the store with the file, the file with the totals it
//! states, the bills with the invoices the user types, and the bills with each other. Pure but for nothing: no disk,
//! no clock, no polars.

mod amount;
mod aws;
mod invoice;
mod keeper;
mod ledger;
mod own;
mod periods;
mod sketch;
mod standing;
mod sums;
mod traps;

use std::collections::BTreeSet;

use serde::Serialize;

pub use invoice::{Charged, Check, InvoiceTotal, Target, charges, check, places_of, read_total};
pub use keeper::Keeper;
pub use ledger::{
    Committed, Covered, Day, Ledger, LeftOut, Line, OwnColumn, Reason, Scope, Stated, TrueUp, Where,
};
pub use periods::Coverage;
pub use sketch::Sketch;
pub use standing::{CountedSums, Portion};
pub use sums::{OtherSum, StatedCheck, Step, Sum, amount_words};
pub use traps::{Certainty, Trap};

use super::Imported;
use super::claims::{Counted, Counting};
use super::exact::Exact;
use super::warnings::{Tally, Trouble};
use crate::units::Money;

/// What reconciling comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The bill was imported before ledgers were kept, or its rows are in a warehouse and were never read.
    NoLedger,
    /// No invoice total is known.
    NotChecked,
    /// Every charge is on an invoice whose total the bills have.
    Reconciled,
    /// So are some, and of the others no invoice is known.
    Partly,
    /// An invoice has another total, or the file states one that its rows do not add up to.
    Off,
}

/// Amazon's check of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrueUpCheck {
    /// The sums.
    pub sums: TrueUp,
    /// What the two sides differ by; `None` where a sum does not fit.
    pub difference: Option<Exact>,
    /// They agree to the cent.
    pub agrees: bool,
    /// What is said of it.
    pub words: String,
}

/// Everything that is known about whether a bill is right.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reconciliation {
    /// The file.
    pub file: String,
    /// The bill's name in the store.
    pub hash: String,
    /// What it comes to.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub headline: String,
    /// What must be looked into, worst first.
    pub points: Vec<String>,
    /// What is good to know.
    pub notes: Vec<String>,
    /// Rows of the file, rows of it that are in the store, and rows of the store.
    pub rows: (u64, u64, u64),
    /// Rows left out, by reason.
    pub left_out: Vec<LeftOut>,
    /// The costs beside the file's own sums.
    pub sums: Vec<Sum>,
    /// What of those sums is in the totals and what is not, for each currency of which not all is.
    pub counted: Vec<CountedSums>,
    /// Other sums of the file.
    pub others: Vec<OtherSum>,
    /// Totals that the file states.
    pub stated: Vec<StatedCheck>,
    /// What an invoice may be of.
    pub charges: Vec<Charged>,
    /// Invoices that are known.
    pub checks: Vec<Check>,
    /// Double counting.
    pub traps: Vec<Trap>,
    /// What is covered.
    pub coverage: Vec<Coverage>,
    /// Rows that are on no invoice yet.
    pub uninvoiced: u64,
    /// Amazon's check of the amortised cost.
    pub true_up: Vec<TrueUpCheck>,
    /// What was not understood.
    pub troubles: Vec<Tally>,
}

/// Reconciles every bill with its file, with the invoices and with the other bills. Of charges that came several times
/// those are compared with invoices that `counting` lets count.
pub fn reconcile(bills: &[Imported], invoices: &[InvoiceTotal], counting: &Counting) -> Vec<Reconciliation> {
    let (charges, checks) = of_all(bills, invoices, counting);
    bills.iter().map(|bill| one(bill, counting, &charges, &checks)).collect()
}

/// The same for one of the bills.
pub fn reconcile_one(
    bill: &Imported,
    bills: &[Imported],
    invoices: &[InvoiceTotal],
    counting: &Counting,
) -> Reconciliation {
    let (charges, checks) = of_all(bills, invoices, counting);
    one(bill, counting, &charges, &checks)
}

/// What all bills together charge, and the invoices beside that.
fn of_all(bills: &[Imported], invoices: &[InvoiceTotal], counting: &Counting) -> (Vec<Charged>, Vec<Check>) {
    let counted: Vec<Ledger> = bills.iter().filter_map(|bill| counted(bill, counting)).collect();
    let ledgers: Vec<&Ledger> = counted.iter().collect();
    let checks = invoices.iter().map(|invoice| check(invoice, &ledgers)).collect();
    (charges(&ledgers), checks)
}

/// Invoices that no bill has a row of: nothing is compared with them.
pub fn without_rows<'i>(bills: &[Imported], invoices: &'i [InvoiceTotal]) -> Vec<&'i InvoiceTotal> {
    let ledgers = || bills.iter().filter_map(|bill| bill.ledger.as_deref());
    let has_rows =
        |target: &Target| ledgers().flat_map(|ledger| &ledger.scopes).any(|scope| target.has(scope));
    invoices.iter().filter(|invoice| !has_rows(&invoice.target)).collect()
}

/// A bill's ledger with the charges that count; the rest of it is what invoices need.
fn counted(bill: &Imported, counting: &Counting) -> Option<Ledger> {
    let ledger = bill.ledger.as_deref()?;
    let counted = counting.bills.iter().find(|counted| counted.hash == bill.hash)?;
    Some(Ledger {
        scopes: ledger.scopes.iter().filter(|scope| counts(counted, scope)).cloned().collect(),
        own: ledger.own.clone(),
        lines: ledger.lines.clone(),
        ..Ledger::default()
    })
}

/// The currencies of a bill's rows that count; `None` where all rows do, or where it is not known which.
pub fn counted_currencies<'b>(bill: &'b Imported, counting: &Counting) -> Option<BTreeSet<&'b str>> {
    let Some(counted) = counting.bills.iter().find(|counted| counted.hash == bill.hash) else {
        return Some(BTreeSet::new());
    };
    let ledger = bill.ledger.as_deref().filter(|_| !counted.without.is_empty())?;
    Some(
        ledger
            .scopes
            .iter()
            .filter(|scope| counts(counted, scope))
            .map(|scope| scope.currency.as_str())
            .collect(),
    )
}

/// Whether the rows of a scope count.
fn counts(counted: &Counted, scope: &Scope) -> bool {
    !counted.without.iter().any(|without| {
        without.account == scope.account_id
            && without.period_unix_secs == scope.period_unix_secs
            && (without.files.is_empty() || without.files.contains(&scope.part))
    })
}

fn one(bill: &Imported, counting: &Counting, charges: &[Charged], checks: &[Check]) -> Reconciliation {
    let mut found = Reconciliation {
        file: bill.file.clone(),
        hash: bill.hash.clone(),
        verdict: Verdict::NoLedger,
        headline: if super::warehouse::is_table(&bill.hash) {
            "In a warehouse, whose rows are not read: there are no books to hold against an invoice"
                .to_owned()
        } else {
            "Imported by an earlier version, which kept no books: import the file again".to_owned()
        },
        points: Vec::new(),
        notes: Vec::new(),
        rows: (bill.rows + bill.dropped, bill.rows, bill.rows),
        left_out: Vec::new(),
        sums: Vec::new(),
        counted: Vec::new(),
        others: Vec::new(),
        stated: Vec::new(),
        charges: Vec::new(),
        checks: Vec::new(),
        traps: Vec::new(),
        coverage: Vec::new(),
        uninvoiced: 0,
        true_up: Vec::new(),
        troubles: Vec::new(),
    };
    let Some(ledger) = bill.ledger.as_deref() else { return found };
    found.rows = (ledger.rows_read, ledger.rows_kept, ledger.rows_stored);
    found.left_out.clone_from(&ledger.left_out);
    found.sums = sums::sums(ledger);
    found.counted = standing::counted_sums(bill, ledger, counting);
    found.others = sums::others(ledger);
    found.stated = sums::stated(ledger);
    let has_rows = |target: &Target| ledger.scopes.iter().any(|scope| target.has(scope));
    let mine: BTreeSet<Target> = ledger.scopes.iter().flat_map(Target::of).collect();
    found.charges = charges.iter().filter(|charged| mine.contains(&charged.target)).cloned().collect();
    found.checks = checks.iter().filter(|check| has_rows(&check.invoice.target)).cloned().collect();
    found.traps = traps::within(ledger);
    found.traps.extend(traps::between(bill, counting));
    found.traps.sort_by_key(|trap| std::cmp::Reverse(trap.certainty));
    found.coverage = ledger.covered.iter().map(periods::coverage).collect();
    let no_invoice = ledger.scopes.iter().filter(|scope| scope.invoice.is_empty());
    found.uninvoiced = no_invoice.map(|scope| scope.rows).sum();
    found.true_up = true_ups(ledger);
    found.troubles.clone_from(&ledger.troubles);
    let covered = |scope: &Scope| found.checks.iter().any(|check| check.invoice.target.has(scope));
    let open = ledger.scopes.iter().filter(|scope| !covered(scope)).count();
    (found.verdict, found.headline) = verdict(&found.checks, &found.stated, open);
    found.points = points(&found, ledger);
    found.notes = notes(&found, ledger);
    found
}

fn verdict(checks: &[Check], stated: &[StatedCheck], open: usize) -> (Verdict, String) {
    let (of_invoices, headline) = verdict_of_invoices(checks, open);
    let Some(missed) = stated.iter().find(|stated| !stated.agrees) else { return (of_invoices, headline) };
    if of_invoices == Verdict::Off {
        return (Verdict::Off, format!("{headline}; and the file does not add up to its own total"));
    }
    (Verdict::Off, format!("The file does not add up: {}", missed_words(missed)))
}

/// `it states Total as 99, its rows add up to 92.58`.
pub fn missed_words(stated: &StatedCheck) -> String {
    format!("it states {} as {}, its rows add up to {}", stated.name, stated.stated, stated.sum)
}

fn verdict_of_invoices(checks: &[Check], open: usize) -> (Verdict, String) {
    if let Some(off) = checks.iter().find(|check| !check.agrees) {
        let also = checks.iter().filter(|check| !check.agrees).count() - 1;
        let also = if also > 0 { format!("; {also} more invoices are off") } else { String::new() };
        let together = together_words(off);
        let of = if checks.len() > 1 { format!(" ({})", off.invoice.target.words()) } else { String::new() };
        return (Verdict::Off, format!("{together}{}{of}{also}", off_words(off)));
    }
    match checks {
        [] => (Verdict::NotChecked, "Not checked against an invoice".to_owned()),
        _ if open > 0 => {
            let s = if checks.len() == 1 { "" } else { "s" };
            let words = format!(
                "Partly reconciled: {} invoice total{s} agree{}, of {open} more charges no invoice is known",
                checks.len(),
                if checks.len() == 1 { "s" } else { "" }
            );
            (Verdict::Partly, words)
        }
        [only] => (Verdict::Reconciled, format!("{}{}", together_words(only), agreed_words(only))),
        _ if checks.iter().any(Check::is_within_tolerance) => {
            let words =
                format!("Reconciled: all {} invoice totals agree within their tolerance", checks.len());
            (Verdict::Reconciled, words)
        }
        _ => (Verdict::Reconciled, format!("Reconciled: all {} invoice totals agree", checks.len())),
    }
}

/// `Reconciled: 14.30 USD billed, as the invoice says`; with the invoice's total where only the tolerance makes it so.
fn agreed_words(check: &Check) -> String {
    let currency = &check.invoice.target.currency;
    let total = money_words(check.invoice.total, currency);
    match check.charged.billed {
        Some(billed) if check.is_within_tolerance() => {
            let (billed, tolerance) =
                (amount_words(billed, currency), money_words(check.invoice.tolerance, currency));
            format!(
                "Reconciled: {billed} billed, the invoice says {total}, within the tolerance of {tolerance}"
            )
        }
        _ => format!("Reconciled: {total} billed, as the invoice says"),
    }
}

/// Whose verdict it is where an invoice is of several bills: that of all of them, not of each.
fn together_words(check: &Check) -> String {
    match check.bills {
        0 | 1 => String::new(),
        bills => format!("All {bills} bills together: "),
    }
}

/// `Off by 12.34 USD (1.02 %): the bill has more than the invoice`.
pub fn off_words(check: &Check) -> String {
    let currency = &check.invoice.target.currency;
    let Some(difference) = check.difference else {
        return format!("Off: {} has no billed cost", check.invoice.target.words());
    };
    let magnitude = Money::from_scaled(difference.scaled().abs());
    let percent = check.percent.map_or_else(String::new, |percent| format!(" ({})", percent_words(percent)));
    let side = if difference > Money::ZERO { "more" } else { "less" };
    let bills = if check.bills > 1 { "the bills have" } else { "the bill has" };
    format!("Off by {}{percent}: {bills} {side} than the invoice", money_words(magnitude, currency))
}

/// `0.53 %`, with as many digits as it takes to be something.
pub fn percent_words(percent: f64) -> String {
    match percent.abs() {
        share if share < 0.001 => "less than 0.001 %".to_owned(),
        share if share < 0.1 => format!("{share:.3} %"),
        share => format!("{share:.2} %"),
    }
}

/// [`amount_words`] of money.
pub fn money_words(amount: Money, currency: &str) -> String {
    match Exact::from_money(amount) {
        Some(exact) => amount_words(exact, currency),
        // Larger than any sum of a bill: said as it is.
        None => format!("{amount} {currency}"),
    }
}

fn true_ups(ledger: &Ledger) -> Vec<TrueUpCheck> {
    let with_commitments = ledger.true_up.iter().filter(|check| check.commitment_rows > 0);
    with_commitments
        .map(|sums| {
            let difference = sums.difference();
            let agrees = sums.missing == 0
                && difference.is_some_and(|difference| sums::round(difference, 2) == Exact(0));
            let gap =
                difference.map_or_else(String::new, |difference| amount_words(difference, &sums.currency));
            let words = if agrees {
                "amortised − amortised upfront + upfront fees = unblended".to_owned()
            } else if sums.missing > 0 {
                format!("cannot be checked: {} cells that it needs have no value", sums.missing)
            } else if sums.uninvoiced == sums.rows {
                format!("off by {gap}; the month is not closed, and until then it need not agree")
            } else {
                format!("off by {gap}: rows of commitments are missing or come from another month")
            };
            TrueUpCheck { sums: sums.clone(), difference, agrees, words }
        })
        .collect()
}

/// `1 row`, `1,234 rows`.
pub fn rows_words(count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} row{s}", crate::units::group_thousands(u128::from(count)))
}

/// What must be looked into.
fn points(found: &Reconciliation, ledger: &Ledger) -> Vec<String> {
    let mut points = Vec::new();
    let traps = found.traps.iter().filter(|trap| trap.certainty == Certainty::Certain);
    points.extend(traps.map(|trap| trap.words.clone()));
    let off: Vec<&Check> = found.checks.iter().filter(|check| !check.agrees).collect();
    for check in &off {
        // Of the only one the headline tells.
        if off.len() > 1 {
            points.push(format!("{}: {}", check.invoice.target.words(), off_words(check)));
        }
        points.extend(check.hints.iter().cloned());
    }
    if ledger.too_large {
        points
            .push("a sum is larger than Decimal(38,18) can hold, so the sums shown are not whole".to_owned());
    }
    for sum in found.sums.iter().filter(|sum| !sum.is_explained()) {
        points.push(format!(
            "{} differs from {} by {} for reasons that are not known to be right",
            sum.basis.column(),
            sum.column.as_deref().unwrap_or_default(),
            amount_words(sum.unexplained(), &sum.currency)
        ));
    }
    for stated in found.stated.iter().filter(|stated| !stated.agrees) {
        points.push(format!(
            "the file states {} as {}, its rows add up to {}",
            stated.name, stated.stated, stated.sum
        ));
    }
    for out in found.left_out.iter().filter(|out| out.reason.loses_money()) {
        // The first of them tells most: a quote that is not closed can swallow thousands of lines.
        let first = (out.reason == Reason::Misshapen).then(|| {
            let misshapen = found.troubles.iter().filter(|tally| tally.column.is_none());
            misshapen.flat_map(|tally| &tally.examples).next()
        });
        let first = first.flatten().map_or_else(String::new, |warning| {
            let line = warning.line.map_or_else(String::new, |line| format!("line {line}: "));
            format!(" ({line}{})", warning.message)
        });
        points.push(format!("{} left out: {}{first}", rows_words(out.rows), out.reason.words()));
    }
    let cells: u64 = found
        .troubles
        .iter()
        .filter(|tally| tally.trouble == Trouble::Unreadable)
        .map(|tally| tally.count)
        .sum();
    if cells > 0 {
        let words = if cells == 1 { "1 cell cannot".to_owned() } else { format!("{cells} cells cannot") };
        points.push(format!("{words} be read; what stands there is missing from the store, not 0"));
    }
    let possible = found.traps.iter().filter(|trap| trap.certainty == Certainty::Possible);
    points.extend(possible.map(|trap| trap.words.clone()));
    for check in found.true_up.iter().filter(|check| !check.agrees && check.sums.uninvoiced < check.sums.rows)
    {
        points.push(format!("true-up of {}: {}", check.sums.period, check.words));
    }
    points
}

/// What is good to know.
fn notes(found: &Reconciliation, ledger: &Ledger) -> Vec<String> {
    let mut notes = Vec::new();
    let avoided = found.traps.iter().filter(|trap| trap.certainty == Certainty::Avoided);
    notes.extend(avoided.map(|trap| trap.words.clone()));
    let tells = ledger.scopes.iter().any(|scope| !scope.invoice.is_empty());
    if found.uninvoiced > 0 && tells {
        notes.push(format!("{} on no invoice yet, so estimates", rows_words(found.uninvoiced)));
    }
    if ledger.views.contains_key("Amortized") && !ledger.views.contains_key("Actual") {
        notes.push(
            "an amortized export: what was paid for commitments is not in it, so BilledCost is less than the invoice"
                .to_owned(),
        );
    }
    let currencies: BTreeSet<&str> = ledger.scopes.iter().map(|scope| scope.currency.as_str()).collect();
    if currencies.len() > 1 {
        let names: Vec<&str> = currencies
            .into_iter()
            .map(|currency| if currency.is_empty() { "no currency" } else { currency })
            .collect();
        notes.push(format!("rows are in several currencies, which are never added up: {}", names.join(", ")));
    }
    for coverage in &found.coverage {
        let of =
            if coverage.provider.is_empty() { String::new() } else { format!("{}: ", coverage.provider) };
        if coverage.missing_count > 0 {
            let what = if coverage.daily { "day" } else { "month" };
            let s = if coverage.missing_count == 1 { "" } else { "s" };
            notes.push(format!(
                "{of}no rows on {} {what}{s} between {} and {}",
                coverage.missing_count, coverage.first, coverage.last
            ));
        }
        if let [(name, day), rest @ ..] = coverage.stopped.as_slice() {
            let more =
                if rest.is_empty() { String::new() } else { format!(", and {} more like it", rest.len()) };
            notes.push(format!("{of}sub account {name} has rows every day until {day} and none after{more}"));
        }
        if coverage.after > 0 {
            let s = if coverage.after == 1 { "" } else { "s" };
            notes.push(format!(
                "{of}rows end on {}, {} day{s} before the month does",
                coverage.last, coverage.after
            ));
        }
        if coverage.before > 0 {
            let s = if coverage.before == 1 { "" } else { "s" };
            notes.push(format!(
                "{of}rows begin on {}, {} day{s} after the month does",
                coverage.first, coverage.before
            ));
        }
        if !coverage.partial_last.is_empty() {
            notes.push(format!("{of}{} may not be whole: {}", coverage.last, coverage.partial_last));
        }
    }
    if ledger.scopes_lumped || ledger.kinds_lumped {
        notes.push(
            "there are more invoices or kinds of rows than are kept apart; the rest is summed up".to_owned(),
        );
    }
    notes
}

#[cfg(test)]
mod tests;
