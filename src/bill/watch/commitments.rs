//! What commitments (reservations, savings plans, committed use) cover, waste and save.
//!
//! From FOCUS columns alone. *Covered* rows are usage that a commitment paid for (`CommitmentDiscountStatus` Used),
//! *unused* rows are the part of it that nobody used. What the same usage would have cost without commitments is its
//! `ContractedCost`, and at public prices its `ListCost`. Then, with sources:
//!
//! - utilisation = `EffectiveCost` of covered ÷ `EffectiveCost` of covered and unused rows; waste = unused `EffectiveCost`
//!   (FOCUS use cases "Analyze the use of commitment discounts" and "Identify unused commitments");
//! - coverage = `ContractedCost` of covered rows ÷ that of covered and Standard-priced usage, in services in which any
//!   commitment applies; the bill does not say which other usage could have been covered, and Dynamic (spot) usage
//!   can not be (AWS: "coverage … of eligible spend");
//! - effective savings rate = 1 − `EffectiveCost` ÷ `ListCost` over all usage, unused commitments counted as cost and not
//!   as usage (FinOps Foundation, use case "Determine Effective Savings Rate", which has it over contracted prices
//!   too; purchases of commitments are left out, as in Microsoft's FinOps toolkit, because usage carries them). Usage
//!   that costs something and has no such price, as marketplaces write it, is on neither side and is counted;
//! - break-even utilisation = `EffectiveCost` ÷ `ContractedCost` of covered rows, the rate paid over the rate avoided: a
//!   commitment used less than that costs more than it saves.
//!
//! Money is exact; ratios are floats made of exact sums.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::day::Day;
use crate::bill::columns::COSTS;
use crate::bill::exact::Exact;
use crate::bill::query::{Bill, Sums, mixed};
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

/// One commitment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Commitment {
    /// `CommitmentDiscountId`.
    pub id: String,
    /// `CommitmentDiscountName`, where the bill has one.
    pub name: Option<String>,
    /// `CommitmentDiscountType`: `Savings Plan`, `Reserved Instance`.
    pub kind: Option<String>,
    /// What it paid and saved.
    pub sums: Committed,
}

/// What commitments paid for, in the bill's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Committed {
    /// `EffectiveCost` of covered usage.
    pub used: Money,
    /// `EffectiveCost` of what nobody used.
    pub unused: Money,
    /// `ContractedCost` of covered usage: what it would have cost without commitments. `None` where covered rows have no
    /// contracted cost, or 0 as some exports write.
    pub on_demand: Option<Money>,
}

impl Committed {
    /// Used share of what is paid, in [0, 1]; `None` without any.
    pub fn utilisation(&self) -> Option<f64> {
        ratio(self.used, self.used + self.unused)
    }

    /// The utilisation below which it costs more than it saves; `None` without use or without prices.
    pub fn break_even(&self) -> Option<f64> {
        ratio(self.used, self.on_demand?)
    }

    /// What it saved, waste taken off; below zero where it cost more than it saved.
    pub fn saved(&self) -> Option<Money> {
        Some(self.on_demand? - self.used - self.unused)
    }
}

/// Commitments of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Commitments {
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// The first and the last day of the usage considered.
    pub days: Option<(Day, Day)>,
    /// All commitments.
    pub all: Committed,
    /// Contracted (else list) cost of Standard-priced usage in services in which any commitment applies; `None` where
    /// the bill has no `PricingCategory`, so that nothing tells it from spot usage.
    pub uncovered: Option<Money>,
    /// Covered share of it and of what is covered, in [0, 1]; `None` without prices.
    pub coverage: Option<f64>,
    /// `EffectiveCost` of all usage, unused commitments in it.
    pub effective: Money,
    /// `ListCost` of all usage, unused commitments left out.
    pub list: Option<Money>,
    /// `ContractedCost` of the same.
    pub contracted: Option<Money>,
    /// 1 − effective ÷ list.
    pub savings_rate: Option<f64>,
    /// 1 − effective ÷ contracted.
    pub savings_rate_contracted: Option<f64>,
    /// Covered rows without a contracted cost, or with 0: what commitments saved is not known.
    pub unpriced_rows: u64,
    /// Usage rows that cost something and have no list cost, and what they cost: left out of the savings rate.
    pub unlisted_rows: u64,
    /// Their `EffectiveCost`.
    pub unlisted: Money,
    /// Each commitment, the one with most waste first.
    pub each: Vec<Commitment>,
}

fn ratio(part: Money, whole: Money) -> Option<f64> {
    (whole > Money::ZERO).then(|| part.to_f64() / whole.to_f64())
}

/// Sums while they are added up.
#[derive(Default)]
struct Parts {
    used: Exact,
    unused: Exact,
    on_demand: Exact,
    priced: u64,
    unpriced: u64,
}

impl Parts {
    fn add(&mut self, status: Status, sums: &Sums) -> Result<(), BillError> {
        let [_, effective, _, contracted] = COSTS_PLACES.map(|place| sums.costs[place]);
        match status {
            Status::Used => {
                plus(&mut self.used, effective)?;
                plus(&mut self.on_demand, contracted)?;
                let priced = priced_rows(sums, 3);
                self.priced += priced;
                self.unpriced += sums.rows - priced;
            }
            Status::Unused => plus(&mut self.unused, effective)?,
            Status::None => {}
        }
        Ok(())
    }

    fn told(&self) -> Committed {
        // A price that lacks for some rows makes the sum too small, and a commitment look worse than it is.
        let whole = self.priced > 0 && self.unpriced == 0;
        let on_demand = whole.then(|| self.on_demand.to_money());
        Committed { used: self.used.to_money(), unused: self.unused.to_money(), on_demand }
    }
}

/// Rows of a group that have a cost at this place; none where all of them together come to nothing.
fn priced_rows(sums: &Sums, place: usize) -> u64 {
    if sums.costs[place] > Exact::default() { sums.filled[place] } else { 0 }
}

/// What usage would have cost at other prices, while it is added up.
#[derive(Default)]
struct Against {
    sum: Exact,
    /// Covered rows without such a price make the sum too small, and the rate with it.
    lacking: bool,
    left_out_rows: u64,
    left_out: Exact,
}

impl Against {
    fn add(&mut self, sums: &Sums, place: usize, covered: bool) -> Result<(), BillError> {
        plus(&mut self.sum, sums.costs[place])?;
        if priced_rows(sums, place) == 0 && sums.costs[1] > Exact::default() {
            self.left_out_rows += sums.rows;
            plus(&mut self.left_out, sums.costs[1])?;
        }
        self.lacking |= covered && priced_rows(sums, place) < sums.rows;
        Ok(())
    }

    fn told(&self) -> Option<Money> {
        (!self.lacking && self.sum > Exact::default()).then(|| self.sum.to_money())
    }

    /// 1 − what was paid ÷ this.
    fn rate(&self, effective: Money) -> Option<f64> {
        let base = self.told()?;
        ratio(base - (effective - self.left_out.to_money()), base)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Used,
    Unused,
    None,
}

/// Places of the four costs in [`COSTS`]: billed, effective, list, contracted.
const COSTS_PLACES: [usize; 4] = [0, 1, 2, 3];
const _: () = assert!(COSTS.len() == COSTS_PLACES.len());

fn plus(slot: &mut Exact, cost: Exact) -> Result<(), BillError> {
    let column = Basis::EffectiveCost.column();
    *slot = slot.checked_add(cost).ok_or_else(|| BillError::TooLarge { column: column.to_owned() })?;
    Ok(())
}

impl Commitments {
    /// What the commitments of a bill did; `None` when it tells of none.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies.
    pub fn of(bill: &Bill, filters: &[Filter]) -> Result<Option<Self>, BillError> {
        let names = [
            "CommitmentDiscountStatus",
            "CommitmentDiscountId",
            "CommitmentDiscountName",
            "CommitmentDiscountType",
            "PricingCategory",
            "ServiceName",
            "ChargeCategory",
            "BillingCurrency",
        ];
        // A bill may lack any of them but the first two.
        let resolved: Vec<_> = names.iter().map(|name| bill.resolve(name).ok()).collect();
        if resolved[0].is_none() || resolved[1].is_none() {
            return Ok(None);
        }
        let keys: Vec<_> = resolved.iter().flatten().cloned().collect();
        let groups = bill.sums(&keys, filters, "add up the commitments")?;
        let mut currencies = BTreeSet::new();
        let mut rows = Vec::with_capacity(groups.len());
        for (key, sums) in groups {
            let mut key = key.into_iter();
            let mut next = |place: usize| resolved[place].as_ref().and_then(|_| key.next().flatten());
            let cells: [Option<String>; 8] = std::array::from_fn(&mut next);
            sums.add_currency(cells[7].clone(), &mut currencies);
            rows.push((cells, sums));
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let told = Self::from_rows(&rows, currencies.into_iter().next(), resolved[4].is_some())?;
        Ok(told.map(|told| Self { days: days(bill), ..told }))
    }

    fn from_rows(
        rows: &[([Option<String>; 8], Sums)],
        currency: Option<String>,
        tells_pricing: bool,
    ) -> Result<Option<Self>, BillError> {
        let is = |cell: &Option<String>, word: &str| {
            cell.as_deref().is_some_and(|cell| cell.eq_ignore_ascii_case(word))
        };
        let status = |cells: &[Option<String>; 8]| match &cells[0] {
            cell if is(cell, "Used") => Status::Used,
            cell if is(cell, "Unused") => Status::Unused,
            _ => Status::None,
        };
        let is_usage = |cells: &[Option<String>; 8]| cells[6].is_none() || is(&cells[6], "Usage");
        let covered_services: BTreeSet<Option<&str>> = rows
            .iter()
            .filter(|(cells, _)| status(cells) == Status::Used)
            .map(|(cells, _)| cells[5].as_deref())
            .collect();
        let mut all = Parts::default();
        let mut by_id: BTreeMap<&str, (Option<&str>, Option<&str>, Parts)> = BTreeMap::new();
        let (mut uncovered, mut effective) = (Exact::default(), Exact::default());
        let (mut list, mut contracted) = (Against::default(), Against::default());
        let mut unpriced_rows = 0;
        for (cells, sums) in rows {
            let status = status(cells);
            all.add(status, sums)?;
            if let (Some(id), Status::Used | Status::Unused) = (cells[1].as_deref(), status) {
                let (name, kind, parts) = by_id.entry(id).or_default();
                *name = name.or(cells[2].as_deref());
                *kind = kind.or(cells[3].as_deref());
                parts.add(status, sums)?;
            }
            if status == Status::Used {
                unpriced_rows += sums.rows - priced_rows(sums, 3);
            }
            if !is_usage(cells) {
                continue;
            }
            plus(&mut effective, sums.costs[1])?;
            if status == Status::Unused {
                continue;
            }
            list.add(sums, 2, status == Status::Used)?;
            contracted.add(sums, 3, status == Status::Used)?;
            let standard = is(&cells[4], "Standard");
            if status == Status::None && standard && covered_services.contains(&cells[5].as_deref()) {
                let cost = if sums.filled[3] > 0 { sums.costs[3] } else { sums.costs[2] };
                plus(&mut uncovered, cost)?;
            }
        }
        if by_id.is_empty() && all.used == Exact::default() && all.unused == Exact::default() {
            return Ok(None);
        }
        let told = all.told();
        let uncovered = tells_pricing.then(|| uncovered.to_money());
        let effective = effective.to_money();
        let mut each: Vec<Commitment> = by_id
            .into_iter()
            .map(|(id, (name, kind, parts))| Commitment {
                id: id.to_owned(),
                name: name.map(str::to_owned),
                kind: kind.map(str::to_owned),
                sums: parts.told(),
            })
            .collect();
        each.sort_by(|a, b| b.sums.unused.cmp(&a.sums.unused).then_with(|| a.id.cmp(&b.id)));
        Ok(Some(Self {
            currency,
            days: None,
            all: told,
            uncovered,
            coverage: told
                .on_demand
                .zip(uncovered)
                .and_then(|(covered, more)| ratio(covered, covered + more)),
            effective,
            list: list.told(),
            contracted: contracted.told(),
            savings_rate: list.rate(effective),
            savings_rate_contracted: contracted.rate(effective),
            unpriced_rows,
            unlisted_rows: list.left_out_rows,
            unlisted: list.left_out.to_money(),
            each,
        }))
    }
}

/// The first and the last day of the bills, from their import reports.
fn days(bill: &Bill) -> Option<(Day, Day)> {
    let day = |secs: i64| Day(secs.div_euclid(86_400));
    let first = bill.imported().filter_map(|imported| imported.first_charge_unix_secs).min()?;
    let last = bill.imported().filter_map(|imported| imported.last_charge_unix_secs).max()?;
    // The end of a period is not in it.
    Some((day(first), day(last - 1)))
}
