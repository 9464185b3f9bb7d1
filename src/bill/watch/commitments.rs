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
//!   too; purchases of commitments are left out, as in Microsoft's FinOps toolkit, because usage carries them);
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
    /// Contracted (else list) cost of Standard-priced usage in services in which any commitment applies.
    pub uncovered: Money,
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
    /// Covered rows without a contracted cost, or with 0: what is said of savings is not known for them.
    pub unpriced_rows: u64,
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
                let counts =
                    if contracted > Exact::default() { &mut self.priced } else { &mut self.unpriced };
                *counts += sums.rows;
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
            currencies.insert(cells[7].clone().unwrap_or_default());
            rows.push((cells, sums));
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let told = Self::from_rows(&rows, currencies.into_iter().next())?;
        Ok(told.map(|told| Self { days: days(bill), ..told }))
    }

    fn from_rows(
        rows: &[([Option<String>; 8], Sums)],
        currency: Option<String>,
    ) -> Result<Option<Self>, BillError> {
        let status = |cells: &[Option<String>; 8]| match cells[0].as_deref() {
            Some("Used") => Status::Used,
            Some("Unused") => Status::Unused,
            _ => Status::None,
        };
        let is_usage = |cells: &[Option<String>; 8]| cells[6].as_deref().is_none_or(|word| word == "Usage");
        let covered_services: BTreeSet<Option<&str>> = rows
            .iter()
            .filter(|(cells, _)| status(cells) == Status::Used)
            .map(|(cells, _)| cells[5].as_deref())
            .collect();
        let mut all = Parts::default();
        let mut by_id: BTreeMap<&str, (Option<&str>, Option<&str>, Parts)> = BTreeMap::new();
        let (mut uncovered, mut effective) = (Exact::default(), Exact::default());
        let (mut list, mut contracted) = (Exact::default(), Exact::default());
        let (mut unpriced_rows, mut list_filled, mut contracted_filled) = (0, 0, 0);
        for (cells, sums) in rows {
            let status = status(cells);
            all.add(status, sums)?;
            if let (Some(id), Status::Used | Status::Unused) = (cells[1].as_deref(), status) {
                let (name, kind, parts) = by_id.entry(id).or_default();
                *name = name.or(cells[2].as_deref());
                *kind = kind.or(cells[3].as_deref());
                parts.add(status, sums)?;
            }
            if status == Status::Used && sums.costs[3] <= Exact::default() {
                unpriced_rows += sums.rows;
            }
            if !is_usage(cells) {
                continue;
            }
            plus(&mut effective, sums.costs[1])?;
            if status == Status::Unused {
                continue;
            }
            plus(&mut list, sums.costs[2])?;
            plus(&mut contracted, sums.costs[3])?;
            list_filled += sums.filled[2];
            contracted_filled += sums.filled[3];
            let standard = cells[4].as_deref() == Some("Standard");
            if status == Status::None && standard && covered_services.contains(&cells[5].as_deref()) {
                let cost = if sums.filled[3] > 0 { sums.costs[3] } else { sums.costs[2] };
                plus(&mut uncovered, cost)?;
            }
        }
        if by_id.is_empty() && all.used == Exact::default() && all.unused == Exact::default() {
            return Ok(None);
        }
        let told = all.told();
        let (uncovered, effective) = (uncovered.to_money(), effective.to_money());
        // A price that lacks for some rows makes the sum too small, and the rate with it.
        let whole = unpriced_rows == 0;
        let list = (list_filled > 0 && whole).then(|| list.to_money());
        let contracted = (contracted_filled > 0 && whole).then(|| contracted.to_money());
        let rate = |base: Option<Money>| base.and_then(|base| ratio(base - effective, base));
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
            coverage: told.on_demand.and_then(|covered| ratio(covered, covered + uncovered)),
            effective,
            list,
            contracted,
            savings_rate: rate(list),
            savings_rate_contracted: rate(contracted),
            unpriced_rows,
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
