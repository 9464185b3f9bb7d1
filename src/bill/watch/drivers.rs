//! What made days unusual: which service, account, meter, region or resource cost more or less than before.
//!
//! The cost of each value on the unusual days (the first week of a long spell) is held against the median of the same
//! weekdays in the four weeks before. The differences of all values add up to about the whole's; medians do not add
//! up exactly, which is why a share is said of the difference of medians and not of the forecast.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::day::Day;
use super::days::{Kinds, Told, add};
use super::lumps::Charge;
use super::view::{Anomaly, median_money};
use crate::bill::exact::Exact;
use crate::bill::over_time::NO_VALUE;
use crate::bill::query::Bill;
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

/// Columns that may explain a difference, the first of each line that the bill has, and what people call them.
const COLUMNS: &[(&str, &[&str])] = &[
    ("Service", &["ServiceName"]),
    ("Account", &["SubAccountName", "SubAccountId"]),
    ("Meter", &["SkuMeter", "x_UsageType", "SkuId", "ChargeDescription"]),
    ("Region", &["RegionId", "RegionName"]),
    ("Resource", &["ResourceId", "ResourceName"]),
];
/// Weeks before that are compared.
const WEEKS: i64 = 4;
/// Days in a week.
const WEEK: i64 = 7;
/// Values named for each column.
const NAMED: usize = 5;
/// A value is named when it makes this share of the difference at least.
const LEAST_SHARE: f64 = 0.03;

/// A value that cost more or less than before.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Driver {
    /// What people call the column: `Account`.
    pub what: String,
    /// The column.
    pub column: String,
    /// The value.
    pub value: String,
    /// What it cost on the unusual days, the first seven of them at most.
    pub actual: Money,
    /// The median of the same weekdays in the four weeks before.
    pub before: Money,
    /// The share of all values' difference that this one makes; above 1 where others make up for some of it.
    pub share: f64,
    /// The only value of its column in this part of the bill, which explains nothing by itself.
    pub only: bool,
}

impl Driver {
    /// More (or less) than before.
    pub fn difference(&self) -> Money {
        self.actual - self.before
    }
}

/// The days of a spell that are compared, and by how many days the first week before lies back.
fn compared(anomaly: &Anomaly) -> (Vec<Day>, i64) {
    let last = anomaly.last.0.min(anomaly.first.0 + WEEK - 1);
    ((anomaly.first.0..=last).map(Day).collect(), WEEK)
}

/// Finds what made each of these unusual, in one pass over the bill for each column; `first` is the bill's first day.
pub(super) fn drivers(
    bill: &Bill,
    filters: &[Filter],
    basis: Basis,
    by: &str,
    first: Day,
    anomalies: &mut [Anomaly],
) -> Result<(), BillError> {
    if anomalies.is_empty() {
        return Ok(());
    }
    let mut wanted = BTreeSet::new();
    for anomaly in anomalies.iter() {
        let (days, week) = compared(anomaly);
        for day in days {
            wanted.extend((0..=WEEKS).map(|back| day.plus(-back * week)));
        }
    }
    let mut filters = filters.to_vec();
    filters.push(Filter::is("ChargePeriodStart", wanted.iter().map(ToString::to_string)));
    let kinds = Kinds::of(bill);
    let part = bill.resolve(by)?;
    let mut found: Vec<Vec<Driver>> = vec![Vec::new(); anomalies.len()];
    for (what, columns) in COLUMNS {
        let Some((name, column)) =
            columns.iter().find_map(|name| bill.resolve(name).ok().map(|column| (*name, column)))
        else {
            continue;
        };
        let mut keys = kinds.keys();
        keys.extend([part.clone(), column]);
        // Costs by part, value and day.
        let mut costs: BTreeMap<String, BTreeMap<String, BTreeMap<Day, Exact>>> = BTreeMap::new();
        for (key, sums) in bill.sums(&keys, &filters, "look for what made days unusual")? {
            let mut key = key.into_iter();
            let Some(Told { day, charge: Charge::Running, .. }) = kinds.take(&mut key) else { continue };
            let mut text = || key.next().flatten().unwrap_or_else(|| NO_VALUE.to_owned());
            let (part, value) = (text(), text());
            let slot = costs.entry(part).or_default().entry(value).or_default().entry(day).or_default();
            *slot = add(*slot, sums.costs[basis.place()], basis)?;
        }
        for (anomaly, found) in anomalies.iter().zip(&mut found) {
            // A part's own name explains nothing of the part.
            if anomaly.part.is_some() && name == by {
                continue;
            }
            let drivers = of_column(anomaly, first, &costs, basis)?;
            found.extend(drivers.into_iter().map(|(value, actual, before, share, only)| Driver {
                what: (*what).to_owned(),
                column: name.to_owned(),
                value,
                actual,
                before,
                share,
                only,
            }));
        }
    }
    for (anomaly, mut drivers) in anomalies.iter_mut().zip(found) {
        // One value among others that makes most of the difference tells most.
        drivers.sort_by(|a, b| {
            let by_share = || b.share.total_cmp(&a.share).then_with(|| a.column.cmp(&b.column));
            a.only.cmp(&b.only).then_with(by_share)
        });
        anomaly.drivers = drivers;
    }
    Ok(())
}

/// A value, what it cost, what it cost before, its share of the difference, and whether it is the only value.
type Found = (String, Money, Money, f64, bool);
type ByPart = BTreeMap<String, BTreeMap<String, BTreeMap<Day, Exact>>>;

/// The values of one column whose difference has the anomaly's sign, the largest first.
fn of_column(anomaly: &Anomaly, first: Day, costs: &ByPart, basis: Basis) -> Result<Vec<Found>, BillError> {
    let (days, week) = compared(anomaly);
    // Weeks from before the bill's first day say nothing.
    let weeks = usize::try_from((anomaly.first.0 - first.0) / week).unwrap_or(0).min(WEEKS as usize);
    let mut values: BTreeMap<&str, [Exact; WEEKS as usize + 1]> = BTreeMap::new();
    let parts = costs.iter().filter(|(part, _)| anomaly.part.as_ref().is_none_or(|own| own == *part));
    for (value, by_day) in parts.flat_map(|(_, values)| values) {
        let slot = values.entry(value).or_default();
        for (back, sum) in (0..).zip(slot.iter_mut()) {
            for day in &days {
                if let Some(cost) = by_day.get(&day.plus(-back * week)) {
                    *sum = add(*sum, *cost, basis)?;
                }
            }
        }
    }
    let mut drivers: Vec<(String, Money, Money)> = values
        .into_iter()
        .map(|(value, [actual, before @ ..])| {
            (value.to_owned(), actual.to_money(), median_money(&before[..weeks]))
        })
        .collect();
    let only = drivers.len() == 1;
    let sign = anomaly.difference() >= Money::ZERO;
    let all: Money = drivers.iter().map(|(_, actual, before)| *actual - *before).sum();
    drivers.retain(|(_, actual, before)| {
        let part = *actual - *before;
        let tells = part.to_f64().abs() >= LEAST_SHARE * all.to_f64().abs();
        part != Money::ZERO && (part > Money::ZERO) == sign && tells
    });
    drivers.sort_by_key(|(_, actual, before)| std::cmp::Reverse((*actual - *before).scaled().abs()));
    drivers.truncate(NAMED);
    let all = all.to_f64();
    let share = |part: Money| if all == 0.0 { 0.0 } else { part.to_f64() / all };
    Ok(drivers
        .into_iter()
        .map(|(value, actual, before)| {
            let share = share(actual - before);
            (value, actual, before, share, only)
        })
        .collect())
}
