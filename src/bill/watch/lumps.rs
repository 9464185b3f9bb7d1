//! Charges that are no part of a daily pattern, each kind gross: taxes, fees for longer than a day, single charges,
//! refunds and corrections, credits.

use std::iter::Sum;
use std::ops::Add;

use serde::Serialize;

use super::days::add;
use crate::bill::exact::Exact;
use crate::bill::{Basis, BillError};
use crate::units::Money;

/// What kind of charge a row is, as far as a forecast is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// For an hour or a day.
    Running,
    /// For two days or more.
    Long,
    /// Once.
    Once,
    /// A tax, whatever it is for: it follows what is charged.
    Tax,
}

/// Sums of such charges by kind, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lumps {
    /// Rows of the charge category Tax.
    pub taxes: Exact,
    /// Charges for two days or more that come again.
    pub fees: Exact,
    /// Charges that happen once.
    pub once: Exact,
    /// What happens once and is below zero: refunds and corrections.
    pub refunds: Exact,
    /// Rows of the charge category Credit.
    pub credits: Exact,
    /// Of all of them, what may come again next month: fees, and credits that are not said to happen once.
    pub usual: Exact,
}

impl Lumps {
    /// Adds the sum of a group of charges.
    pub(super) fn put(
        &mut self,
        charge: Charge,
        is_credit: bool,
        cost: Exact,
        basis: Basis,
    ) -> Result<(), BillError> {
        let slot = match charge {
            Charge::Tax => &mut self.taxes,
            _ if is_credit => &mut self.credits,
            Charge::Once if cost < Exact::default() => &mut self.refunds,
            Charge::Once => &mut self.once,
            Charge::Long | Charge::Running => &mut self.fees,
        };
        *slot = add(*slot, cost, basis)?;
        if charge == Charge::Long {
            self.usual = add(self.usual, cost, basis)?;
        }
        Ok(())
    }

    /// Both together.
    pub(super) fn plus(self, other: Self, basis: Basis) -> Result<Self, BillError> {
        let sum = |a, b| add(a, b, basis);
        Ok(Self {
            taxes: sum(self.taxes, other.taxes)?,
            fees: sum(self.fees, other.fees)?,
            once: sum(self.once, other.once)?,
            refunds: sum(self.refunds, other.refunds)?,
            credits: sum(self.credits, other.credits)?,
            usual: sum(self.usual, other.usual)?,
        })
    }

    /// All of them but taxes.
    pub(super) fn before_tax(&self, basis: Basis) -> Result<Exact, BillError> {
        let Self { fees, once, refunds, credits, .. } = *self;
        [once, refunds, credits].into_iter().try_fold(fees, |sum, cost| add(sum, cost, basis))
    }

    /// All of them.
    pub(super) fn total(&self, basis: Basis) -> Result<Exact, BillError> {
        add(self.before_tax(basis)?, self.taxes, basis)
    }

    /// The same as money.
    pub fn to_money(&self) -> Gross {
        let Self { taxes, fees, once, refunds, credits, usual: _ } = self;
        let [taxes, fees, once, refunds, credits] =
            [taxes, fees, once, refunds, credits].map(|sum| sum.to_money());
        Gross { taxes, fees, once, refunds, credits }
    }
}

/// Charges that are no part of a daily pattern, by kind, as money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Gross {
    /// Taxes.
    pub taxes: Money,
    /// Charges for two days or more that come again.
    pub fees: Money,
    /// Charges that happen once.
    pub once: Money,
    /// Refunds and corrections, below zero.
    pub refunds: Money,
    /// Credits, below zero.
    pub credits: Money,
}

impl Gross {
    /// Each kind that there is any of: what people call it, and its sum.
    pub fn each(&self) -> Vec<(&'static str, Money)> {
        let Self { taxes, fees, once, refunds, credits } = *self;
        let named = [
            ("taxes", taxes),
            ("charges for longer than a day", fees),
            ("single charges", once),
            ("refunds and corrections", refunds),
            ("credits", credits),
        ];
        named.into_iter().filter(|(_, sum)| *sum != Money::ZERO).collect()
    }
}

impl Add for Gross {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            taxes: self.taxes + other.taxes,
            fees: self.fees + other.fees,
            once: self.once + other.once,
            refunds: self.refunds + other.refunds,
            credits: self.credits + other.credits,
        }
    }
}

impl Sum for Gross {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
