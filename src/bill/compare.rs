//! Two periods of the bills beside each other: which groups make the difference, and how much of it is price and how
//! much quantity.
//!
//! A SKU that is charged in both periods, in the same unit, changes by the quantity effect `c₁ · (q₂ ÷ q₁) − c₁` (what
//! the other quantity costs at the old price) and the price effect, which is the rest: `c₂ − c₁ · (q₂ ÷ q₁)`. This is
//! the usual split of a change of cost into volume and rate, with the joint part counted as price. A SKU charged in
//! one period only is new or ended. What has no SKU, unit or quantity is not split.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::BillError;
use super::exact::Exact;
use super::period::Period;
use super::query::{Adding, Bill, ColumnRef, QUANTITY, Sums, mixed};
use super::rates::Conversion;
use super::{Basis, Filter};
use crate::units::Money;

/// What a period costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Side {
    /// Rows.
    pub rows: u64,
    /// Their cost.
    pub cost: Money,
    /// Cells of the cost that have no value and are not in it.
    pub missing_cells: u64,
}

/// Why a cost changed. The parts add up to the change, each rounded once to ten places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Effects {
    /// More or less of the same, at the old price.
    pub quantity: Money,
    /// The same at another price.
    pub price: Money,
    /// SKUs that were not charged before.
    pub new: Money,
    /// SKUs that are not charged any more.
    pub ended: Money,
    /// Rows that have no SKU, unit or quantity above zero.
    pub not_split: Money,
}

/// A group that makes a part of the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Driver {
    /// One value for each column grouped by, as in [`super::Group`].
    pub key: Vec<Option<String>>,
    /// Before; `None` without rows.
    pub before: Option<Money>,
    /// After; `None` without rows.
    pub after: Option<Money>,
    /// Rows before and after.
    pub rows: [u64; 2],
    /// After less before.
    pub change: Money,
    /// Why; `None` when the bills have no SKUs with quantities.
    pub effects: Option<Effects>,
}

/// The answer to [`Bill::compare`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Comparison {
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// How amounts came to be in this currency; `None` when they are as billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Conversion>,
    /// The earlier period.
    pub before: Side,
    /// The later one.
    pub after: Side,
    /// After less before.
    pub change: Money,
    /// Why, over all groups; `None` when the bills have no SKUs with quantities.
    pub effects: Option<Effects>,
    /// Groups, the largest change in either direction first.
    pub drivers: Vec<Driver>,
}

/// Sums of one SKU in one unit, before and after.
type Skus = BTreeMap<(Option<String>, Option<String>), [Sums; 2]>;

impl Bill {
    /// Compares the rows of two periods, grouped by columns, most changed first.
    ///
    /// # Errors
    /// An unknown column, or one of amounts; rows in several currencies.
    pub fn compare<S: AsRef<str>>(
        &self,
        by: &[S],
        filters: &[Filter],
        basis: Basis,
        before: &Period,
        after: &Period,
    ) -> Result<Comparison, BillError> {
        let mut keys =
            by.iter().map(|column| self.resolve(column.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let sku = ["SkuId", "SkuPriceId"].into_iter().find_map(|name| self.resolve(name).ok());
        let unit = self.resolve("PricingUnit").ok();
        let splits = self.parts.iter().any(|part| part.has(QUANTITY));
        let split: Option<[ColumnRef; 2]> = sku.zip(unit).filter(|_| splits).map(Into::into);
        keys.extend(split.iter().flatten().cloned());
        keys.push(self.resolve("BillingCurrency")?);

        let adding = Adding { doing: "compare two periods", quantity: split.is_some(), tell_absent: true };
        let mut currencies = BTreeSet::new();
        let mut groups: BTreeMap<Vec<Option<String>>, Skus> = BTreeMap::new();
        for (place, period) in [before, after].into_iter().enumerate() {
            let mut filters = filters.to_vec();
            filters.push(period.filter());
            for (mut key, sums) in self.add_up(&keys, &filters, adding)? {
                sums.add_currency(key.pop().flatten(), &mut currencies);
                let mut sku = (None, None);
                if split.is_some() {
                    sku.1 = key.pop().flatten();
                    sku.0 = key.pop().flatten();
                }
                let sides = groups.entry(key).or_default().entry(sku).or_default();
                sides[place].add(&sums)?;
            }
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }

        let mut drivers = Vec::with_capacity(groups.len());
        let mut total = Working::default();
        for (key, skus) in groups {
            let mut of_group = Working::default();
            for ((sku, unit), sides) in &skus {
                of_group.add(sides, basis, sku.is_some() && unit.is_some())?;
            }
            total.join(&of_group, basis)?;
            let [before, after] = &of_group.sides;
            let cost = |sums: &Sums| (sums.rows > 0).then(|| sums.costs[basis.place()].to_money());
            drivers.push(Driver {
                key,
                before: cost(before),
                after: cost(after),
                rows: [before.rows, after.rows],
                change: of_group.change(basis)?.to_money(),
                effects: split.is_some().then(|| of_group.effects()),
            });
        }
        drivers.sort_by(|a, b| {
            let size = |driver: &Driver| driver.change.scaled().unsigned_abs();
            size(b).cmp(&size(a)).then_with(|| a.key.cmp(&b.key))
        });
        let side = |sums: &Sums| Side {
            rows: sums.rows,
            cost: sums.costs[basis.place()].to_money(),
            missing_cells: sums.rows - sums.filled[basis.place()],
        };
        Ok(Comparison {
            currency: currencies.into_iter().next(),
            converted: self.conversion(),
            before: side(&total.sides[0]),
            after: side(&total.sides[1]),
            change: total.change(basis)?.to_money(),
            effects: split.is_some().then(|| total.effects()),
            drivers,
        })
    }
}

/// The difference of a group while it is added up, to the last digit.
#[derive(Default)]
struct Working {
    sides: [Sums; 2],
    /// Quantity, price, new, ended, not split.
    effects: [Exact; 5],
}

impl Working {
    /// Adds a SKU in one unit.
    fn add(&mut self, sides: &[Sums; 2], basis: Basis, has_sku: bool) -> Result<(), BillError> {
        let place = basis.place();
        let [before, after] = sides;
        let (c1, c2) = (before.costs[place], after.costs[place]);
        let sub = |a: Exact, b: Exact| a.checked_sub(b).ok_or_else(|| too_large(basis));
        let measured =
            |sums: &Sums| has_sku && sums.with_quantity == sums.rows && sums.quantity > Exact::default();
        let mut effects = [Exact::default(); 5];
        let at_old_price = if measured(before) && measured(after) {
            c1.checked_mul_div(after.quantity, before.quantity)
        } else {
            None
        };
        match (before.rows, after.rows, at_old_price) {
            (0, _, _) => effects[2] = c2,
            (_, 0, _) => effects[3] = sub(Exact::default(), c1)?,
            (_, _, Some(at_old_price)) => {
                effects[0] = sub(at_old_price, c1)?;
                effects[1] = sub(c2, at_old_price)?;
            }
            (_, _, None) => effects[4] = sub(c2, c1)?,
        }
        self.join(&Self { sides: sides.clone(), effects }, basis)
    }

    fn join(&mut self, other: &Self, basis: Basis) -> Result<(), BillError> {
        for (sum, more) in self.sides.iter_mut().zip(&other.sides) {
            sum.add(more)?;
        }
        for (sum, more) in self.effects.iter_mut().zip(other.effects) {
            *sum = sum.checked_add(more).ok_or_else(|| too_large(basis))?;
        }
        Ok(())
    }

    fn change(&self, basis: Basis) -> Result<Exact, BillError> {
        let [before, after] = &self.sides;
        let place = basis.place();
        after.costs[place].checked_sub(before.costs[place]).ok_or_else(|| too_large(basis))
    }

    fn effects(&self) -> Effects {
        let [quantity, price, new, ended, not_split] = self.effects.map(Exact::to_money);
        Effects { quantity, price, new, ended, not_split }
    }
}

fn too_large(basis: Basis) -> BillError {
    BillError::TooLarge { column: basis.column().to_owned() }
}
