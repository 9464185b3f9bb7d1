//! The bill day by day, as the watch needs it: what runs from day to day apart from what is charged at once, and how
//! far the days are whole.
//!
//! A charge for two days or more (a month's fee, a tax, a term paid up front) or one that happens once stands on the
//! day it starts; it is no part of a daily pattern, and is kept apart as a *lump*. The last days of a bill that is
//! still being written are incomplete: providers deliver hours and sometimes days late.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::day::Day;
use super::decompose::median;
use crate::bill::exact::Exact;
use crate::bill::query::{Bill, ColumnRef, mixed};
use crate::bill::{Basis, BillError, Filter, moment};

/// The last so many days may be incomplete; AWS and Azure say up to two to three days.
const LATE_DAYS: i64 = 3;
/// Days that the rows of a day are held against.
const COMPARED_DAYS: usize = 14;
/// A last day with fewer rows than this share of the median of the days before is incomplete.
const ROWS_SHARE: f64 = 0.8;
/// The same for its cost, where a day has too few rows for their number to tell.
const COST_SHARE: f64 = 0.5;
/// Days have rows enough for their number to tell.
const ROWS_TELL: f64 = 5.0;
/// Days in a series at most: a mistyped year must not fill the memory.
const MOST_DAYS: i64 = 20_000;

/// A bill, or a part of it, day by day.
#[derive(Debug, Clone, Default)]
pub struct Days {
    /// The first day.
    pub first: Day,
    /// What ran on each day, without gaps.
    pub running: Vec<Exact>,
    /// Charges for longer, and single ones, by the day they start.
    pub lumps: BTreeMap<Day, Exact>,
    /// The lumps that happen once, which are no sign of the next month's.
    pub once: BTreeMap<Day, Exact>,
    /// Days of `running` from the start that are whole; the rest is still being written.
    pub whole: usize,
    /// Days within them on which the bill has no row at all, whatever is filtered.
    pub gaps: Vec<Day>,
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// Rows that match.
    pub rows: u64,
    /// Rows without a readable start, which are on no day.
    pub undated_rows: u64,
    /// Cells of the cost that have no value.
    pub missing_cells: u64,
}

/// How far the bill reaches and how full its days are, whatever is filtered: found once for several questions.
#[derive(Debug, Clone, Default)]
pub struct Extent {
    /// Rows and cost of each day that has any, charges for longer left out.
    rows: BTreeMap<Day, (u64, Exact)>,
}

/// The days that are excluded because they are incomplete, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incomplete {
    /// The first of them.
    pub first: Day,
    /// The last.
    pub last: Day,
}

/// Keys that tell a running charge from a lump.
pub(super) struct Kinds {
    keys: Vec<ColumnRef>,
    has_frequency: bool,
}

impl Kinds {
    /// Day of start, day of end, and the frequency where the bill has it.
    pub(super) fn of(bill: &Bill) -> Self {
        let day = |column: &str| ColumnRef::Day { column: column.to_owned() };
        let mut keys = vec![day("ChargePeriodStart"), day("ChargePeriodEnd")];
        let frequency = bill.resolve("ChargeFrequency").ok();
        let has_frequency = frequency.is_some();
        keys.extend(frequency);
        Self { keys, has_frequency }
    }

    /// The keys, to be followed by others.
    pub(super) fn keys(&self) -> Vec<ColumnRef> {
        self.keys.clone()
    }

    /// Takes these keys off the front of a group's: the day, and what kind of charge it is. `None` = no readable day.
    pub(super) fn take(&self, key: &mut impl Iterator<Item = Option<String>>) -> Option<(Day, Charge)> {
        let start = key.next().flatten().and_then(|text| moment::read(&text));
        let end = key.next().flatten().and_then(|text| moment::read(&text));
        let frequency = if self.has_frequency { key.next().flatten() } else { None };
        let start = Day::of_micros(start?);
        let long = end.is_some_and(|end| Day::of_micros(end).0 - start.0 >= 2);
        let charge = match frequency.as_deref() {
            Some("One-Time") => Charge::Once,
            _ if long => Charge::Long,
            _ => Charge::Running,
        };
        Some((start, charge))
    }
}

/// What kind of charge a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// For an hour or a day.
    Running,
    /// For two days or more.
    Long,
    /// Once.
    Once,
}

impl Extent {
    /// Reads the days of the whole bill.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(bill: &Bill, basis: Basis) -> Result<Self, BillError> {
        let kinds = Kinds::of(bill);
        let mut rows: BTreeMap<Day, (u64, Exact)> = BTreeMap::new();
        for (key, sums) in bill.sums(&kinds.keys(), &[], "count the rows of each day")? {
            if let Some((day, Charge::Running)) = kinds.take(&mut key.into_iter()) {
                let slot = rows.entry(day).or_default();
                slot.0 += sums.rows;
                // Only compared, so a sum that does not fit is as good as its largest part.
                slot.1 = slot.1.checked_add(sums.costs[basis.place()]).unwrap_or(slot.1);
            }
        }
        Ok(Self { rows })
    }

    /// The first and the last day with running charges.
    pub fn span(&self) -> Option<(Day, Day)> {
        Some((*self.rows.first_key_value()?.0, *self.rows.last_key_value()?.0))
    }

    /// The first day that is not whole; the day after the last when all are.
    pub fn whole_until(&self) -> Day {
        let Some((first, last)) = self.span() else { return Day::default() };
        let mut end = last.plus(1);
        for back in 0..LATE_DAYS {
            let day = last.plus(-back);
            if day <= first || !self.is_late(day) {
                break;
            }
            end = day;
        }
        end
    }

    fn is_late(&self, day: Day) -> bool {
        let before: Vec<&(u64, Exact)> =
            self.rows.range(..day).rev().take(COMPARED_DAYS).map(|(_, found)| found).collect();
        if before.len() < 3 {
            return false;
        }
        let of = |value: fn(&(u64, Exact)) -> f64| {
            median(&before.iter().map(|found| value(found)).collect::<Vec<_>>())
        };
        let (rows, cost) = (of(|found| found.0 as f64), of(|found| found.1.to_money().to_f64()));
        let found = self.rows.get(&day).copied().unwrap_or_default();
        if rows >= ROWS_TELL {
            (found.0 as f64) < ROWS_SHARE * rows
        } else {
            cost > 0.0 && found.1.to_money().to_f64() < COST_SHARE * cost
        }
    }
}

impl Days {
    /// The bill's days that all filters hold for.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies; charges so far apart that there are too many days.
    pub fn of(bill: &Bill, filters: &[Filter], basis: Basis, extent: &Extent) -> Result<Self, BillError> {
        let kinds = Kinds::of(bill);
        let mut keys = kinds.keys();
        keys.push(bill.resolve("BillingCurrency")?);
        let mut days = Slots::default();
        let mut currencies = BTreeSet::new();
        let (mut rows, mut undated_rows, mut missing_cells) = (0, 0, 0);
        for (key, sums) in bill.sums(&keys, filters, "add up the days of the bill")? {
            let mut key = key.into_iter();
            let found = kinds.take(&mut key);
            currencies.insert(key.next().flatten().unwrap_or_default());
            rows += sums.rows;
            missing_cells += sums.rows - sums.filled[basis.place()];
            match found {
                Some((day, charge)) => days.add(day, charge, sums.costs[basis.place()], basis)?,
                None => undated_rows += sums.rows,
            }
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let series = days.series(extent)?;
        Ok(Self { currency: currencies.into_iter().next(), rows, undated_rows, missing_cells, ..series })
    }

    /// The day after the last.
    pub fn end(&self) -> Day {
        self.first.at(self.running.len())
    }

    /// The first day that is not whole; [`Self::end`] when all are.
    pub fn whole_end(&self) -> Day {
        self.first.at(self.whole)
    }

    /// The days at the end that are incomplete; `None` when all are whole.
    pub fn incomplete(&self) -> Option<Incomplete> {
        (self.whole < self.running.len())
            .then(|| Incomplete { first: self.whole_end(), last: self.end().plus(-1) })
    }

    /// The whole days as statistics see them: days on which the bill has no row have no value.
    pub fn history(&self) -> Vec<Option<f64>> {
        let known = self.running.iter().take(self.whole).enumerate();
        known
            .map(|(place, cost)| {
                let day = self.first.at(place);
                (self.gaps.binary_search(&day).is_err()).then(|| cost.to_money().to_f64())
            })
            .collect()
    }

    /// The sum of what ran from a day to before another.
    ///
    /// # Errors
    /// When it leaves `Decimal(38,18)`.
    pub fn ran(&self, from: Day, until: Day, basis: Basis) -> Result<Exact, BillError> {
        let place = |day: Day| usize::try_from(day.0 - self.first.0).unwrap_or(0).min(self.running.len());
        let (from, until) = (place(from), place(until));
        self.running[from..until.max(from)]
            .iter()
            .try_fold(Exact::default(), |sum, cost| add(sum, *cost, basis))
    }

    /// The sum of lumps that start from a day to before another.
    ///
    /// # Errors
    /// When it leaves `Decimal(38,18)`.
    pub fn lumped(
        lumps: &BTreeMap<Day, Exact>,
        from: Day,
        until: Day,
        basis: Basis,
    ) -> Result<Exact, BillError> {
        lumps.range(from..until.max(from)).try_fold(Exact::default(), |sum, (_, cost)| add(sum, *cost, basis))
    }
}

/// Costs by day while they are added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    running: BTreeMap<Day, Exact>,
    lumps: BTreeMap<Day, Exact>,
    once: BTreeMap<Day, Exact>,
}

impl Slots {
    pub(super) fn add(
        &mut self,
        day: Day,
        charge: Charge,
        cost: Exact,
        basis: Basis,
    ) -> Result<(), BillError> {
        let Self { running, lumps, once } = self;
        let slots: &mut [&mut BTreeMap<Day, Exact>] = match charge {
            Charge::Running => &mut [running],
            Charge::Long => &mut [lumps],
            Charge::Once => &mut [lumps, once],
        };
        for slot in slots.iter_mut().map(|by_day| by_day.entry(day).or_default()) {
            *slot = add(*slot, cost, basis)?;
        }
        Ok(())
    }

    /// Every day from the bill's first with a running charge to its last.
    pub(super) fn series(self, extent: &Extent) -> Result<Days, BillError> {
        let Self { running, lumps, once } = self;
        let Some((first, last)) = extent.span() else { return Ok(Days { lumps, once, ..Days::default() }) };
        if last.0 - first.0 >= MOST_DAYS {
            return Err(BillError::ColumnUse {
                doing: "watch",
                column: "ChargePeriodStart".to_owned(),
                why: format!(
                    "the charges run from {first} to {last}, which is more than {MOST_DAYS} days; filter out the rows \
                     whose date is wrong"
                ),
            });
        }
        let days: Vec<Day> = (first.0..=last.0).map(Day).collect();
        let whole = usize::try_from(extent.whole_until().0 - first.0).unwrap_or(0).min(days.len());
        Ok(Days {
            first,
            gaps: days[..whole].iter().filter(|day| !extent.rows.contains_key(day)).copied().collect(),
            running: days.iter().map(|day| running.get(day).copied().unwrap_or_default()).collect(),
            lumps,
            once,
            whole,
            ..Days::default()
        })
    }
}

pub(super) fn add(a: Exact, b: Exact, basis: Basis) -> Result<Exact, BillError> {
    a.checked_add(b).ok_or_else(|| BillError::TooLarge { column: basis.column().to_owned() })
}
