//! Months of the bill by kinds of charges, and what a month will have come to at its end.
//!
//! What a month will come to is what whole days have cost, the charges for longer than a day that are there, those that
//! came in each of the months before and have not come yet, the forecast of the remaining days, and the taxes on all
//! of that: taxes are a share of what is charged, the same as in the months before. Credits, refunds and single charges
//! that have not come are not expected.

use serde::Serialize;

use super::budget::Expected;
use super::day::Day;
use super::days::{Days, add};
use super::decompose::median;
use super::forecast::Ahead;
use super::lumps::{Gross, Lumps};
use crate::bill::exact::Exact;
use crate::bill::months::Month;
use crate::bill::{Basis, BillError};
use crate::units::Money;

/// Months before that tell what charges for longer than a day are to come, and how much tax.
const MONTHS_BEFORE: usize = 3;
/// Months shown, from the last back.
const SHOWN: usize = 4;

/// A sum by kinds of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// What runs from day to day.
    pub running: Money,
    /// What does not.
    #[serde(flatten)]
    pub beside: Gross,
}

impl Parts {
    /// All of it.
    pub fn total(&self) -> Money {
        let Gross { taxes, fees, once, refunds, credits } = self.beside;
        self.running + taxes + fees + once + refunds + credits
    }
}

/// A month of the bill: charges that start in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MonthParts {
    /// Its first day.
    pub month: Day,
    /// What its charges are.
    #[serde(flatten)]
    pub parts: Parts,
    /// All of them.
    pub total: Money,
    /// What is billed in it, and how the two differ; `None` where the bill tells no billing periods.
    pub billed: Option<Month>,
}

/// A month at its end, as far as can be said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MonthEnd {
    /// The sum with its intervals.
    pub expected: Expected,
    /// The same by kinds of charges, what has come and what is to come.
    pub parts: Parts,
    /// Charges for longer than a day that are to come.
    pub lumps_to_come: Money,
    /// Taxes that are to come.
    pub taxes_to_come: Money,
}

/// The last months of the bill.
pub(super) fn months(days: &Days, billed: &[Month], basis: Basis) -> Result<Vec<MonthParts>, BillError> {
    let lumps = || days.lumps.keys().copied();
    let runs = !days.running.is_empty();
    let ends = runs.then(|| [days.first, days.end().plus(-1)]).into_iter().flatten().chain(lumps());
    let (Some(first), Some(last)) = (ends.clone().min(), ends.max()) else { return Ok(Vec::new()) };
    let back = std::iter::successors(Some(last.month_start()), |month| Some(month.plus(-1).month_start()));
    let mut months = Vec::new();
    for start in back.take_while(|start| *start >= first.month_start()).take(SHOWN) {
        let end = start.next_month();
        let lumps = days.lumped(start, end, basis)?;
        let running = days.ran(start, end, basis)?;
        let total = add(running, lumps.total(basis)?, basis)?.to_money();
        let parts = Parts { running: running.to_money(), beside: lumps.to_money() };
        let name = start.month_words();
        let billed = billed.iter().find(|month| month.month == name).cloned();
        months.push(MonthParts { month: start, parts, total, billed });
    }
    months.reverse();
    Ok(months)
}

/// Up to three months before, the latest first: those the bill's days begin before.
fn before(days: &Days, month: Day) -> impl Iterator<Item = (Day, Day)> {
    let first = days.first;
    let ends = std::iter::successors(Some(month), |end| Some(end.plus(-1).month_start()));
    ends.map(|end| (end.plus(-1).month_start(), end))
        .take_while(move |(start, _)| *start >= first)
        .take(MONTHS_BEFORE)
}

/// What charges for longer than a day usually make in a month, those that happen once and taxes left out: the median of
/// the months before; without one nothing is usual.
pub(super) fn usual_lumps(days: &Days, month: Day, basis: Basis) -> Result<Option<f64>, BillError> {
    let mut sums = Vec::new();
    for (start, end) in before(days, month) {
        sums.push(days.lumped(start, end, basis)?.usual.to_money().to_f64());
    }
    Ok((!sums.is_empty()).then(|| median(&sums)))
}

/// What of them is still to come in a month: the usual sum, less what has come.
pub(super) fn lumps_to_come(days: &Days, month: Day, come: &Lumps, basis: Basis) -> Result<Exact, BillError> {
    let Some(usual) = usual_lumps(days, month, basis)? else { return Ok(Exact::default()) };
    let to_come = usual - come.usual.to_money().to_f64();
    // Credits that are still to come are as good as charges: what has the sign of the usual sum counts.
    let expected =
        if to_come * usual > 0.0 { Money::from_f64(to_come).unwrap_or_default() } else { Money::ZERO };
    Exact::read(&expected.to_string())
        .map(|read| read.value)
        .map_err(|_too_large| BillError::TooLarge { column: basis.column().to_owned() })
}

/// Taxes as a share of everything else that was charged, in the months before together; `None` where there were none, or
/// no such month.
pub(super) fn tax_share(days: &Days, month: Day, basis: Basis) -> Result<Option<f64>, BillError> {
    let (mut taxes, mut taxed) = (0.0, 0.0);
    for (start, end) in before(days, month) {
        let lumps = days.lumped(start, end, basis)?;
        taxes += lumps.taxes.to_money().to_f64();
        taxed += add(days.ran(start, end, basis)?, lumps.before_tax(basis)?, basis)?.to_money().to_f64();
    }
    // No tax is as large as what it is on; what looks like it is another thing.
    let share = if taxed > 0.0 { taxes / taxed } else { 0.0 };
    Ok((share > 0.0 && share < 1.0).then_some(share))
}

/// What is known and what is expected beside it, with the taxes on both.
pub(super) fn with_taxes(known: Money, ahead: &Ahead, share: f64) -> Option<Expected> {
    let on_known = known.to_f64() * share;
    let on_both = |value: f64| value * (1.0 + share) + on_known;
    Expected::beside(
        known,
        &Ahead {
            expected: on_both(ahead.expected),
            interval_80: ahead.interval_80.map(on_both),
            interval_95: ahead.interval_95.map(on_both),
        },
    )
}

/// A month at its end: its days until before `next` are known, `ahead` is the forecast of the rest. `None` when the
/// amounts are too large for [`Money`].
pub(super) fn month_end(
    days: &Days,
    month: Day,
    next: Day,
    ahead: &Ahead,
    basis: Basis,
) -> Result<Option<MonthEnd>, BillError> {
    let lumps = days.lumped(month, month.next_month(), basis)?;
    let ran = days.ran(month, next, basis)?;
    let to_come = lumps_to_come(days, month, &lumps, basis)?;
    let known = add(add(ran, lumps.before_tax(basis)?, basis)?, to_come, basis)?.to_money();
    let come = lumps.taxes.to_money();
    let share = tax_share(days, month, basis)?;
    // Where more has come already, no more is to come.
    let expected_taxes = share
        .and_then(|share| Money::from_f64((known.to_f64() + ahead.expected) * share))
        .filter(|taxes| *taxes > come);
    let expected = match (share, expected_taxes) {
        (Some(share), Some(_)) => with_taxes(known, ahead, share),
        _ => known.checked_add(come).and_then(|known| Expected::beside(known, ahead)),
    };
    let running = Money::from_f64(ahead.expected).and_then(|ahead| ran.to_money().checked_add(ahead));
    let (Some(expected), Some(running)) = (expected, running) else { return Ok(None) };
    let mut beside = lumps.to_money();
    beside.fees += to_come.to_money();
    beside.taxes = expected_taxes.unwrap_or(come);
    Ok(Some(MonthEnd {
        expected,
        parts: Parts { running, beside },
        lumps_to_come: to_come.to_money(),
        taxes_to_come: beside.taxes - come,
    }))
}
