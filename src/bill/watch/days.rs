//! The bill day by day, as the watch needs it: what runs from day to day apart from what is charged at once, and how
//! far the days are whole.
//!
//! A charge for two days or more (a month's fee, a term paid up front), one that happens once and any tax stand on the
//! day they start; they are no part of a daily pattern, and are kept apart as *lumps*, each kind gross. The last days of a bill that is
//! still being written are incomplete: providers deliver hours and sometimes days late, each in its own time. So days
//! are whole or not *by source* (billing account and provider): what adds up several sources is whole as far as
//! the one that is furthest behind. The day it is now, in UTC, and what comes after it are never whole.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::day::Day;
use super::decompose::{filled, median};
use super::lumps::{Charge, Lumps};
use crate::bill::exact::Exact;
use crate::bill::query::{Bill, ColumnRef, mixed};
use crate::bill::{Basis, BillError, Filter, moment};

/// The last so many days may be incomplete; AWS and Azure say up to two to three days.
pub(super) const LATE_DAYS: i64 = 3;
/// Weeks back that a day is held against the same weekday of, and the least of them that have one.
const COMPARED_WEEKS: i64 = 4;
const LEAST_WEEKS: usize = 2;
/// Days before that it is held against where there are fewer weeks.
const COMPARED_DAYS: usize = 14;
/// A last day with fewer rows than this share of the median of those days is incomplete.
const ROWS_SHARE: f64 = 0.8;
/// The same for its cost: a row of a day may be there and grow yet.
const COST_SHARE: f64 = 0.75;
/// Days have rows enough for their number to tell.
const ROWS_TELL: f64 = 5.0;
/// A source that is further behind the bill's last day has ended, or its bill is missing.
const BEHIND_DAYS: i64 = 14;
/// A source is delivered daily when such a share of its last so many days has rows.
const DAILY_SHARE: f64 = 0.8;
const DAILY_DAYS: i64 = 14;
/// A stretch without any row that is as long as this is no part of what statistics learn from, nor is what was before it.
const LONG_GAP: usize = 7;
/// Days in a series at most, ten years: a mistyped year must not fill the memory.
const MOST_DAYS: i64 = 3_653;
/// Days after today that a charge may start on, at most.
const MOST_AHEAD: i64 = 366;

/// A bill, or a part of it, day by day.
#[derive(Debug, Clone, Default)]
pub struct Days {
    /// The first day.
    pub first: Day,
    /// What ran on each day, without gaps.
    pub running: Vec<Exact>,
    /// Charges for longer, single ones and taxes, by the day they start.
    pub lumps: BTreeMap<Day, Lumps>,
    /// Days of `running` from the start that are whole; the rest is still being written.
    pub whole: usize,
    /// Days of `running` from the start that nothing more is likely to come for: a day that looks whole and is one of
    /// the last may still lack what one service delivers late, so that it says nothing by costing little.
    pub settled: usize,
    /// Days within the whole ones on which its sources have no row at all, whatever is filtered.
    pub gaps: Vec<Day>,
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// Rows that match.
    pub rows: u64,
    /// Rows on no day: without a readable start, or years off.
    pub undated_rows: u64,
    /// Cells of the cost that have no value.
    pub missing_cells: u64,
}

/// How far the bill reaches and how full its days are, whatever is filtered: found once for several questions.
#[derive(Debug, Clone, Default)]
pub struct Extent {
    /// Of each source.
    sources: BTreeMap<String, Filled>,
    today: Day,
}

/// Rows and cost of each day that has any, charges for longer left out.
type Filled = BTreeMap<Day, (u64, Exact)>;

/// The days that are excluded because they are incomplete, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Incomplete {
    /// The first of them.
    pub first: Day,
    /// The last.
    pub last: Day,
}

/// Keys that tell a running charge from a lump, and whose charge it is.
pub(super) struct Kinds {
    keys: Vec<ColumnRef>,
    has_frequency: bool,
    has_category: bool,
    sources: usize,
}

/// What these keys tell of a group.
pub(super) struct Told {
    pub(super) day: Day,
    pub(super) charge: Charge,
    pub(super) is_credit: bool,
    /// Billing account and provider; empty where they were not asked for.
    pub(super) source: String,
}

impl Kinds {
    /// Day of start, day of end, and the frequency and the category where the bill has them.
    pub(super) fn of(bill: &Bill) -> Self {
        let day = |column: &str| ColumnRef::Day { column: column.to_owned() };
        let mut keys = vec![day("ChargePeriodStart"), day("ChargePeriodEnd")];
        let frequency = bill.resolve("ChargeFrequency").ok();
        let has_frequency = frequency.is_some();
        keys.extend(frequency);
        let category = bill.resolve("ChargeCategory").ok();
        let has_category = category.is_some();
        keys.extend(category);
        Self { keys, has_frequency, has_category, sources: 0 }
    }

    /// The same with the source.
    pub(super) fn by_source(bill: &Bill) -> Self {
        let mut kinds = Self::of(bill);
        let sources =
            ["BillingAccountId", "ProviderName"].into_iter().filter_map(|name| bill.resolve(name).ok());
        let before = kinds.keys.len();
        kinds.keys.extend(sources);
        Self { sources: kinds.keys.len() - before, ..kinds }
    }

    /// The keys, to be followed by others.
    pub(super) fn keys(&self) -> Vec<ColumnRef> {
        self.keys.clone()
    }

    /// Takes these keys off the front of a group's. `None` = no readable day.
    pub(super) fn take(&self, key: &mut impl Iterator<Item = Option<String>>) -> Option<Told> {
        let start = key.next().flatten().and_then(|text| moment::read(&text));
        let end = key.next().flatten().and_then(|text| moment::read(&text));
        let frequency = if self.has_frequency { key.next().flatten() } else { None };
        let category = if self.has_category { key.next().flatten() } else { None };
        let source: Vec<String> = key.take(self.sources).map(Option::unwrap_or_default).collect();
        let day = Day::of_micros(start?);
        let long = end.is_some_and(|end| Day::of_micros(end).0 - day.0 >= 2);
        let charge = match (category.as_deref(), frequency.as_deref()) {
            (Some("Tax"), _) => Charge::Tax,
            (_, Some("One-Time")) => Charge::Once,
            _ if long => Charge::Long,
            _ => Charge::Running,
        };
        let is_credit = category.as_deref() == Some("Credit");
        Some(Told { day, charge, is_credit, source: source.join("\n") })
    }
}

impl Extent {
    /// Reads the days of the whole bill; `today` is the day it is, in UTC.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn of(bill: &Bill, basis: Basis, today: Day) -> Result<Self, BillError> {
        let kinds = Kinds::by_source(bill);
        let mut sources: BTreeMap<String, Filled> = BTreeMap::new();
        for (key, sums) in bill.sums(&kinds.keys(), &[], "count the rows of each day")? {
            if let Some(Told { day, charge: Charge::Running, source, .. }) = kinds.take(&mut key.into_iter())
            {
                let slot = sources.entry(source).or_default().entry(day).or_default();
                slot.0 += sums.rows;
                // Only compared, so a sum that does not fit is as good as its largest part.
                slot.1 = slot.1.checked_add(sums.costs[basis.place()]).unwrap_or(slot.1);
            }
        }
        let mut extent = Self { sources, today };
        extent.forget_wrong_years();
        Ok(extent)
    }

    /// Days that cannot be meant are not days of the bill.
    fn forget_wrong_years(&mut self) {
        let latest = self.today.0.saturating_add(MOST_AHEAD);
        self.keep(|day| day.0 <= latest);
        if let Some((_, last)) = self.span() {
            self.keep(|day| day.0 > last.0 - MOST_DAYS);
        }
    }

    fn keep(&mut self, wanted: impl Fn(Day) -> bool) {
        for days in self.sources.values_mut() {
            days.retain(|day, _| wanted(*day));
        }
        self.sources.retain(|_, days| !days.is_empty());
    }

    /// The first and the last day with running charges.
    pub fn span(&self) -> Option<(Day, Day)> {
        let each = || self.sources.values();
        let first = each().filter_map(|days| days.first_key_value()).map(|(day, _)| *day).min()?;
        let last = each().filter_map(|days| days.last_key_value()).map(|(day, _)| *day).max()?;
        Some((first, last))
    }

    /// The last day with running charges that has begun.
    pub fn last_day(&self) -> Option<Day> {
        self.span().map(|(first, last)| last.min(self.today).max(first))
    }

    /// The first day that is not whole for charges of these sources, and the first that more may come for. The day
    /// after the last when all are whole.
    fn whole_until(&self, of: &BTreeSet<String>) -> (Day, Day) {
        let Some((_, last)) = self.span() else { return (Day::default(), Day::default()) };
        let known: Vec<&Filled> = of.iter().filter_map(|source| self.sources.get(source)).collect();
        let daily: Vec<&Filled> = known.iter().copied().filter(|days| is_daily(days)).collect();
        let current =
            |days: &&Filled| days.keys().next_back().is_some_and(|end| end.0 > last.0 - BEHIND_DAYS);
        let of_each = daily.into_iter().filter(current).map(|days| whole_of(days, self.today));
        let ends = of_each.reduce(|(whole, settled), (other, also)| (whole.min(other), settled.min(also)));
        ends.unwrap_or_else(|| {
            // None is delivered daily: what they have together tells.
            let mut all = Filled::new();
            for (day, (rows, cost)) in known.into_iter().flatten() {
                let slot = all.entry(*day).or_default();
                slot.0 += rows;
                slot.1 = slot.1.checked_add(*cost).unwrap_or(slot.1);
            }
            let end = last.plus(1).min(self.today);
            match all.keys().next_back() {
                Some(own) if *own == last => whole_of(&all, self.today),
                _ => (end, end.plus(-LATE_DAYS)),
            }
        })
    }

    /// Whether a charge is on one of its days; what is charged at once may be on any.
    pub(super) fn holds(&self, told: &Told) -> bool {
        let within = |(first, last): (Day, Day)| (first..=last).contains(&told.day);
        told.charge != Charge::Running || self.span().is_some_and(within)
    }

    fn has(&self, day: Day, of: &BTreeSet<String>) -> bool {
        of.iter().filter_map(|source| self.sources.get(source)).any(|days| days.contains_key(&day))
    }
}

/// Whether rows come every day, as far as the last of them tell.
fn is_daily(days: &Filled) -> bool {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
        return false;
    };
    let from = first.0.max(last.0 - DAILY_DAYS + 1);
    let filled = days.range(Day(from)..).count();
    filled as f64 >= DAILY_SHARE * (last.0 - from + 1) as f64
}

/// The first day of a source that is not whole, and the first that more may come for.
fn whole_of(days: &Filled, today: Day) -> (Day, Day) {
    let (Some((first, _)), Some((last, _))) = (days.first_key_value(), days.last_key_value()) else {
        return (today, today);
    };
    let last = last.plus(1).min(today);
    let mut end = last;
    for _ in 0..LATE_DAYS {
        let day = end.plus(-1);
        if day <= *first || !is_late(days, day) {
            break;
        }
        end = day;
    }
    (end, last.plus(-LATE_DAYS))
}

/// Whether a day has fewer rows, or costs less, than days like it: the same weekday of the weeks before, else the days
/// before.
fn is_late(days: &Filled, day: Day) -> bool {
    let weeks = (1..=COMPARED_WEEKS).filter_map(|back| days.get(&day.plus(-7 * back)));
    let mut before: Vec<&(u64, Exact)> = weeks.collect();
    if before.len() < LEAST_WEEKS {
        before = days.range(..day).rev().take(COMPARED_DAYS).map(|(_, found)| found).collect();
        if before.len() < 3 {
            return false;
        }
    }
    let of = |value: fn(&(u64, Exact)) -> f64| {
        median(&before.iter().map(|found| value(found)).collect::<Vec<_>>())
    };
    let (rows, cost) = (of(|found| found.0 as f64), of(|found| found.1.to_money().to_f64()));
    let found = days.get(&day).copied().unwrap_or_default();
    let few = rows >= ROWS_TELL && (found.0 as f64) < ROWS_SHARE * rows;
    few || (cost > 0.0 && found.1.to_money().to_f64() < COST_SHARE * cost)
}

impl Days {
    /// The bill's days that all filters hold for.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies.
    pub fn of(bill: &Bill, filters: &[Filter], basis: Basis, extent: &Extent) -> Result<Self, BillError> {
        let kinds = Kinds::by_source(bill);
        let mut keys = kinds.keys();
        keys.push(bill.resolve("BillingCurrency")?);
        let mut days = Slots::default();
        let mut currencies = BTreeSet::new();
        let (mut rows, mut undated_rows, mut missing_cells) = (0, 0, 0);
        for (key, sums) in bill.sums(&keys, filters, "add up the days of the bill")? {
            let mut key = key.into_iter();
            let told = kinds.take(&mut key);
            sums.add_currency(key.next().flatten(), &mut currencies);
            rows += sums.rows;
            missing_cells += sums.rows - sums.filled[basis.place()];
            match told.filter(|told| extent.holds(told)) {
                Some(told) => days.add(told, sums.costs[basis.place()], basis)?,
                None => undated_rows += sums.rows,
            }
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let series = days.series(extent);
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

    /// The whole days that statistics learn from: those after the last week or longer without any row. A single day
    /// without any is given what its weekday costs; it is among [`Self::gaps`].
    pub fn recent(&self) -> Recent {
        let gap = |place: usize| self.gaps.binary_search(&self.first.at(place)).is_ok();
        let (mut start, mut missing) = (0, 0);
        for place in 0..self.whole {
            missing = if gap(place) { missing + 1 } else { 0 };
            if missing >= LONG_GAP {
                start = place + 1;
            }
        }
        let costs: Vec<Option<f64>> = (start..self.whole)
            .map(|place| (!gap(place)).then(|| self.running[place].to_money().to_f64()))
            .collect();
        Recent { start, days: filled(&costs) }
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

    /// The lumps that start from a day to before another.
    ///
    /// # Errors
    /// When a sum leaves `Decimal(38,18)`.
    pub fn lumped(&self, from: Day, until: Day, basis: Basis) -> Result<Lumps, BillError> {
        let within = self.lumps.range(from..until.max(from));
        within.map(|(_, lumps)| *lumps).try_fold(Lumps::default(), |sum, lumps| sum.plus(lumps, basis))
    }
}

/// Days that statistics learn from.
#[derive(Debug, Clone, PartialEq)]
pub struct Recent {
    /// The place of the first of them in [`Days::running`].
    pub start: usize,
    /// What each cost.
    pub days: Vec<f64>,
}

/// Costs by day while they are added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Slots {
    running: BTreeMap<Day, Exact>,
    lumps: BTreeMap<Day, Lumps>,
    sources: BTreeSet<String>,
}

impl Slots {
    pub(super) fn add(&mut self, told: Told, cost: Exact, basis: Basis) -> Result<(), BillError> {
        let Self { running, lumps, sources } = self;
        let Told { day, charge, is_credit, source } = told;
        if charge != Charge::Running {
            return lumps.entry(day).or_default().put(charge, is_credit, cost, basis);
        }
        sources.insert(source);
        let slot = running.entry(day).or_default();
        *slot = add(*slot, cost, basis)?;
        Ok(())
    }

    /// Every day from the bill's first with a running charge to its last.
    pub(super) fn series(self, extent: &Extent) -> Days {
        let Self { running, lumps, sources } = self;
        let Some((first, last)) = extent.span() else { return Days { lumps, ..Days::default() } };
        let sources = if sources.is_empty() { extent.sources.keys().cloned().collect() } else { sources };
        let days: Vec<Day> = (first.0..=last.0).map(Day).collect();
        let place = |day: Day| usize::try_from(day.0 - first.0).unwrap_or(0).min(days.len());
        let (whole, settled) = extent.whole_until(&sources);
        let whole = place(whole);
        Days {
            first,
            gaps: days[..whole].iter().filter(|day| !extent.has(**day, &sources)).copied().collect(),
            running: days.iter().map(|day| running.get(day).copied().unwrap_or_default()).collect(),
            lumps,
            whole,
            settled: place(settled).min(whole),
            ..Days::default()
        }
    }
}

pub(super) fn add(a: Exact, b: Exact, basis: Basis) -> Result<Exact, BillError> {
    a.checked_add(b).ok_or_else(|| BillError::TooLarge { column: basis.column().to_owned() })
}
