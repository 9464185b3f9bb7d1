//! Months of a bill on two bases: by the month a charge starts in, and by the month it is billed in, as invoices are.
//!
//! A correction of August that stands on September's invoice is in September by billing month and in August by charge
//! month; so the two differ, and what is in one of them only is told.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::BillError;
use super::exact::Exact;
use super::moment;
use super::query::{Bill, ColumnRef, mixed};
use super::{Basis, Filter};
use crate::units::{self, Money};

/// `2026-09`, of a moment in microseconds.
pub(super) fn month_words(micros: i64) -> String {
    moment::show(micros).chars().take(7).collect()
}

/// A month of the bill on both bases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Month {
    /// `2026-09`.
    pub month: String,
    /// What charges that start in it cost.
    pub by_charge: Money,
    /// What is billed in it: charges whose billing period starts in it.
    pub by_billing: Money,
    /// What starts in it and is billed in it.
    pub both: Money,
}

impl Month {
    /// What starts in this month and is billed in another.
    pub fn billed_elsewhere(&self) -> Money {
        self.by_charge - self.both
    }

    /// What is billed in this month and starts in another.
    pub fn charged_elsewhere(&self) -> Money {
        self.by_billing - self.both
    }

    /// Whether all that starts in it is billed in it, and the other way round.
    pub fn is_one(&self) -> bool {
        self.both == self.by_charge && self.both == self.by_billing
    }

    /// `2026-09: $8,336.09 by billing month, of it −$6.91 for charges of other months; charges of −$137.09 are billed in
    /// another month`.
    pub fn words(&self, currency: &str) -> String {
        let money = |amount: Money| units::money(amount, currency);
        let of_others = match self.charged_elsewhere() {
            Money::ZERO => String::new(),
            amount => format!(", of it {} for charges of other months", money(amount)),
        };
        let in_others = match self.billed_elsewhere() {
            Money::ZERO => String::new(),
            amount => format!("; charges of {} are billed in another month", money(amount)),
        };
        format!("{}: {} by billing month{of_others}{in_others}", self.month, money(self.by_billing))
    }
}

impl Bill {
    /// Months of the rows that all filters hold for, on both bases, the earliest first. Empty where the bill tells no
    /// billing periods. A month is UTC's, as the rows' own dates are.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies; a sum larger than `Decimal(38,18)`.
    pub fn months(&self, filters: &[Filter], basis: Basis) -> Result<Vec<Month>, BillError> {
        if self.resolve("BillingPeriodStart").is_err() {
            return Ok(Vec::new());
        }
        let day = |column: &str| ColumnRef::Day { column: column.to_owned() };
        let keys = [day("ChargePeriodStart"), day("BillingPeriodStart"), self.resolve("BillingCurrency")?];
        let mut currencies = BTreeSet::new();
        let mut months: BTreeMap<i64, [Exact; 3]> = BTreeMap::new();
        let too_large = || BillError::TooLarge { column: basis.column().to_owned() };
        let mut has_periods = false;
        for (key, sums) in self.sums(&keys, filters, "add up the months of the bill")? {
            let mut key = key.into_iter();
            let mut month = || {
                let start = key.next().flatten().and_then(|text| moment::read(&text))?;
                moment::month_start(start)
            };
            let (charged, billed) = (month(), month());
            sums.add_currency(key.next().flatten(), &mut currencies);
            has_periods |= billed.is_some();
            let mut put = |month: Option<i64>, place: usize| -> Result<(), BillError> {
                if let Some(month) = month {
                    let slot = &mut months.entry(month).or_default()[place];
                    *slot = slot.checked_add(sums.costs[basis.place()]).ok_or_else(too_large)?;
                }
                Ok(())
            };
            put(charged, 0)?;
            put(billed, 1)?;
            put(charged.filter(|_| charged == billed), 2)?;
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        if !has_periods {
            return Ok(Vec::new());
        }
        let each = months.into_iter().map(|(start, sums)| {
            let [by_charge, by_billing, both] = sums.map(Exact::to_money);
            Month { month: month_words(start), by_charge, by_billing, both }
        });
        Ok(each.collect())
    }
}
