//! Cost over time: by hour, day, week or month of `ChargePeriodStart`, stacked by a column.
//!
//! Nothing is spread: a charge for a month stands in the day or month it starts in, as the invoice has it. Hours are for
//! use that is told by the hour: what is for longer is in none of them, because a day's cost at midnight would be a peak
//! that never was. It is counted apart.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{col, lit};
use serde::{Deserialize, Serialize};

use super::error::BillError;
use super::exact::Exact;
use super::moment::{self, PER_DAY, PER_SEC};
use super::months::{Month, month_words};
use super::query::{Adding, Bill, ColumnRef, Part, Query, mixed};
use super::rates::Conversion;
use super::{Basis, Filter};
use crate::units::Money;

/// The width of a bucket, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Granularity {
    /// Hours.
    Hour,
    /// Calendar days.
    #[default]
    Day,
    /// Weeks from Monday to Sunday.
    Week,
    /// Calendar months.
    Month,
}

impl Granularity {
    /// The word for one bucket: `day`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// Start of the bucket a moment falls in, in microseconds.
    pub fn start(self, micros: i64) -> i64 {
        match self {
            Self::Hour => micros.div_euclid(moment::PER_HOUR) * moment::PER_HOUR,
            Self::Day => moment::day_start(micros),
            Self::Week => moment::week_start(micros),
            Self::Month => moment::month_start(micros).unwrap_or(micros),
        }
    }

    /// Start of the bucket after the one that starts here, in microseconds.
    pub fn next(self, start: i64) -> Option<i64> {
        match self {
            Self::Hour => Some(start + moment::PER_HOUR),
            Self::Day => Some(start + PER_DAY),
            Self::Week => Some(start + 7 * PER_DAY),
            Self::Month => moment::next_month(start),
        }
    }
}

/// Costs in buckets of time.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Series {
    /// Start of each bucket in seconds since 1970-01-01 UTC, without gaps from the first charge to the last.
    pub buckets: Vec<i64>,
    /// A name and one amount for each bucket; largest first, `Other (N more)` last. Rows without a value are
    /// named `(no value)`, rows of a bill without the column `(no such column)`.
    pub series: Vec<(String, Vec<Money>)>,
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// How amounts came to be in this currency; `None` when they are as billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Conversion>,
    /// Rows that have no readable start, and so are in no bucket.
    pub undated_rows: u64,
    /// What they cost.
    pub undated: Money,
    /// Rows that are for longer than an hour, where the buckets are hours: they are in none of them.
    pub long_rows: u64,
    /// What they cost.
    pub long: Money,
    /// Cells of the basis that have no value.
    pub missing_cells: u64,
    /// Of buckets of months: those that differ from what is billed in the month, and by what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub billed: Vec<Month>,
}

/// The name of rows that have no value in the column.
pub const NO_VALUE: &str = "(no value)";
/// The largest number of buckets: a mistyped year must not fill the memory.
const MAX_BUCKETS: usize = 20_000;

impl Bill {
    /// Cost over time, stacked by a column (or `Tags.KEY`) whose `top` largest values get a series each.
    ///
    /// # Errors
    /// An unknown column; rows in several currencies; charges so far apart that there are too many buckets.
    pub fn over_time(
        &self,
        by: Option<&str>,
        filters: &[Filter],
        basis: Basis,
        granularity: Granularity,
        top: usize,
    ) -> Result<Series, BillError> {
        let column = "ChargePeriodStart".to_owned();
        let by_hour = granularity == Granularity::Hour;
        let mut keys = if by_hour {
            vec![ColumnRef::Hour { column }, ColumnRef::Hour { column: "ChargePeriodEnd".to_owned() }]
        } else {
            vec![ColumnRef::Day { column }]
        };
        if let Some(by) = by {
            keys.push(self.resolve(by)?);
        }
        keys.push(self.resolve("BillingCurrency")?);
        let mut currencies = BTreeSet::new();
        let mut amounts: BTreeMap<String, BTreeMap<i64, Exact>> = BTreeMap::new();
        let (mut undated_rows, mut undated, mut missing_cells) = (0, Exact::default(), 0);
        let (mut long_rows, mut long) = (0, Exact::default());
        let adding = Adding { tell_absent: true, ..Adding::costs("add up the bill over time") };
        for (key, sums) in self.add_up(&keys, filters, adding)? {
            let mut key = key.into_iter();
            sums.add_currency(key.next_back().flatten(), &mut currencies);
            let start = key.next().flatten().and_then(|text| moment::read(&text));
            let end = if by_hour { key.next().flatten().and_then(|text| moment::read(&text)) } else { None };
            missing_cells += sums.rows - sums.filled[basis.place()];
            let amount = sums.costs[basis.place()];
            let Some(start) = start else {
                undated_rows += sums.rows;
                undated = add(undated, amount, basis)?;
                continue;
            };
            if by_hour && !is_of_an_hour(start, end) {
                long_rows += sums.rows;
                long = add(long, amount, basis)?;
                continue;
            }
            let bucket = granularity.start(start);
            let name = match by {
                Some(_) => key.next().flatten().unwrap_or_else(|| NO_VALUE.to_owned()),
                None => basis.column().to_owned(),
            };
            let slot = amounts.entry(name).or_default().entry(bucket).or_default();
            *slot = add(*slot, amount, basis)?;
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let buckets = buckets(&amounts, granularity)?;
        let billed = match granularity {
            Granularity::Month => self.billed_apart(filters, basis, &amounts)?,
            _ => Vec::new(),
        };
        Ok(Series {
            series: stack(amounts, &buckets, top, basis)?,
            buckets: buckets.iter().map(|micros| micros.div_euclid(PER_SEC)).collect(),
            currency: currencies.into_iter().next(),
            converted: self.conversion(),
            undated_rows,
            undated: undated.to_money(),
            long_rows,
            long: long.to_money(),
            missing_cells,
            billed,
        })
    }

    /// The months of which more or less is billed than starts in them. What narrows the days is left out, lest a charge
    /// that is billed later seems not to be; so only months that are whole are compared.
    fn billed_apart(
        &self,
        filters: &[Filter],
        basis: Basis,
        amounts: &BTreeMap<String, BTreeMap<i64, Exact>>,
    ) -> Result<Vec<Month>, BillError> {
        let mut totals: BTreeMap<String, Exact> = BTreeMap::new();
        for (start, amount) in amounts.values().flatten() {
            let slot = totals.entry(month_words(*start)).or_default();
            *slot = add(*slot, *amount, basis)?;
        }
        let whole: Vec<Filter> =
            filters.iter().filter(|filter| filter.column != "ChargePeriodStart").cloned().collect();
        let mut months = self.months(&whole, basis)?;
        months.retain(|month| {
            let total = totals.get(&month.month).map(|total| total.to_money());
            !month.is_one() && total == Some(month.by_charge)
        });
        Ok(months)
    }
}

/// Whether a charge is for an hour or less, by the hours that it begins and ends in. Of one that names no end it is not
/// known at midnight, where a day's charge begins, too.
fn is_of_an_hour(start: i64, end: Option<i64>) -> bool {
    match end {
        Some(end) => end.saturating_sub(start) <= moment::PER_HOUR,
        None => start.rem_euclid(PER_DAY) != 0,
    }
}

/// When charges begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Starts {
    /// The first and the last, in microseconds since 1970-01-01 UTC; `None` without a readable one.
    pub first_and_last: Option<(i64, i64)>,
    /// Some are for an hour or less and begin at other moments than midnight, so that hours tell more than days.
    pub hours: bool,
}

impl Bill {
    /// When charges begin.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn starts(&self) -> Result<Starts, BillError> {
        let mut starts = Starts::default();
        for part in self.parts.iter().filter(|part| part.has("ChargePeriodStart")) {
            let found = match &part.table {
                Some(table) => table.starts(part.asking(&self.stop))?,
                None => starts_of(part)?,
            };
            starts.hours |= found.hours;
            starts.first_and_last = match (starts.first_and_last, found.first_and_last) {
                (Some((first, last)), Some((other, also))) => Some((first.min(other), last.max(also))),
                (known, found) => known.or(found),
            };
        }
        Ok(starts)
    }
}

/// When the stored charges of a part begin.
fn starts_of(part: &Part) -> Result<Starts, BillError> {
    let doing = "look for the first and the last charge";
    let micros = || col("ChargePeriodStart").to_physical();
    let past_midnight = micros() % lit(PER_DAY);
    // A day that begins at six in the morning has no hours either.
    let past_midnight = if part.has("ChargePeriodEnd") {
        let length = col("ChargePeriodEnd").to_physical() - micros();
        past_midnight.filter(length.lt_eq(lit(moment::PER_HOUR)))
    } else {
        past_midnight
    };
    let wanted = [micros().min(), micros().max(), past_midnight.max()];
    let names = ["first", "last", "latest"];
    let named: Vec<_> = wanted.into_iter().zip(names).map(|(wanted, name)| wanted.alias(name)).collect();
    let frame = Query(doing).collect(part.scan()?.select(named))?;
    let failed = |source| BillError::Query { doing, source };
    let one = |name: &str| frame.column(name).and_then(|column| Ok(column.i64()?.get(0))).map_err(failed);
    Ok(Starts {
        first_and_last: one("first")?.zip(one("last")?),
        hours: one("latest")?.is_some_and(|micros| micros > 0),
    })
}

fn add(a: Exact, b: Exact, basis: Basis) -> Result<Exact, BillError> {
    a.checked_add(b).ok_or_else(|| BillError::TooLarge { column: basis.column().to_owned() })
}

/// Every bucket from the first with a charge to the last.
fn buckets(
    amounts: &BTreeMap<String, BTreeMap<i64, Exact>>,
    granularity: Granularity,
) -> Result<Vec<i64>, BillError> {
    let starts = || amounts.values().flat_map(BTreeMap::keys).copied();
    let (Some(first), Some(last)) = (starts().min(), starts().max()) else { return Ok(Vec::new()) };
    let mut buckets = Vec::new();
    let mut next = Some(first);
    while let Some(bucket) = next.filter(|bucket| *bucket <= last) {
        if buckets.len() >= MAX_BUCKETS {
            return Err(BillError::ColumnUse {
                doing: "show cost over time",
                column: "ChargePeriodStart".to_owned(),
                why: format!(
                    "the charges run from {} to {}, which is more than {MAX_BUCKETS} {}s; filter out the rows whose date is wrong",
                    moment::show(first),
                    moment::show(last),
                    granularity.word()
                ),
            });
        }
        buckets.push(bucket);
        next = granularity.next(bucket);
    }
    Ok(buckets)
}

/// The largest values each with its own line, the rest in one.
fn stack(
    amounts: BTreeMap<String, BTreeMap<i64, Exact>>,
    buckets: &[i64],
    top: usize,
    basis: Basis,
) -> Result<Vec<(String, Vec<Money>)>, BillError> {
    let mut ranked = Vec::with_capacity(amounts.len());
    for (name, values) in amounts {
        let total = values.values().try_fold(Exact::default(), |sum, value| add(sum, *value, basis))?;
        ranked.push((total, name, values));
    }
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    let in_buckets = |values: &BTreeMap<i64, Exact>| -> Vec<Exact> {
        buckets.iter().map(|bucket| values.get(bucket).copied().unwrap_or_default()).collect()
    };
    let to_money = |values: Vec<Exact>| values.into_iter().map(Exact::to_money).collect();
    let rest = ranked.split_off(top.min(ranked.len()));
    let mut series: Vec<(String, Vec<Money>)> =
        ranked.into_iter().map(|(_, name, values)| (name, to_money(in_buckets(&values)))).collect();
    if !rest.is_empty() {
        let mut other = vec![Exact::default(); buckets.len()];
        for (_, _, values) in &rest {
            for (slot, value) in other.iter_mut().zip(in_buckets(values)) {
                *slot = add(*slot, value, basis)?;
            }
        }
        series.push((format!("Other ({} more)", rest.len()), to_money(other)));
    }
    Ok(series)
}
