//! The bill under watch: its days, what comes, the unusual days and what made them so.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::anomaly::{Episode, LEARNING_DAYS, Tuning, Verdict, episodes, judge};
use super::budget::Expected;
use super::day::Day;
use super::days::{Days, Extent, Incomplete, Kinds, Recent, Slots};
use super::decompose::{WEEK, median};
use super::drivers::{Driver, drivers};
use super::forecast::{Ahead, Past, Tested, days_needed};
use super::lumps::{Charge, Gross, Lumps};
use super::months::{MonthEnd, MonthParts, Parts, month_end, months, tax_share, usual_lumps, with_taxes};
use crate::bill::exact::Exact;
use crate::bill::over_time::NO_VALUE;
use crate::bill::query::{Bill, mixed};
use crate::bill::{Basis, BillError, Filter};
use crate::units::Money;

/// Days that are judged, from the last whole one back.
pub const JUDGED_DAYS: usize = 90;
/// Days looked ahead.
pub const AHEAD_DAYS: usize = 90;
/// Parts of the bill that are judged on their own beside the whole: the most expensive ones.
const PARTS: usize = 20;
/// Unusual spells that are explained: the newest ones.
const EXPLAINED: usize = 12;
/// A part's unusual days explain the whole's when they make this share of the difference.
const EXPLAINS: f64 = 0.5;

/// A day of the bill and what was expected of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PastDay {
    /// The day.
    pub day: Day,
    /// What ran on it.
    pub cost: Money,
    /// What the days before let expect; `None` where there are too few.
    pub expected: Option<Money>,
    /// Whether the day is whole.
    pub whole: bool,
}

/// A day to come.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComingDay {
    /// The day.
    pub day: Day,
    /// What is expected of it.
    #[serde(flatten)]
    pub ahead: Ahead,
}

/// What is expected until some day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Until {
    /// The first day that counts.
    pub from: Day,
    /// The last day that counts.
    pub last: Day,
    /// The sum; `None` with the reason in `refused`.
    pub sum: Option<Expected>,
    /// Why there is none; empty when there is one.
    pub refused: String,
    /// Of a month: the sum by kinds of charges.
    pub parts: Option<Parts>,
}

/// Days in a row that cost unusually much or little.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Anomaly {
    /// The same in every run over the same bill: the part and its first day.
    pub id: String,
    /// The part, as a value of the column that is watched; `None` = the whole.
    pub part: Option<String>,
    /// The first day.
    pub first: Day,
    /// The last unusual day.
    pub last: Day,
    /// It goes on to the last day that can be said of: the last whole one, or for too little the last settled one.
    pub goes_on: bool,
    /// What these days cost.
    pub actual: Money,
    /// What was expected of them: a statistic, rounded to the places of [`Money`].
    pub expected: Money,
    /// The largest difference of a day in robust standard deviations, at most ±999.
    pub score: f64,
    /// What made the difference, most telling first; empty where it was not looked for.
    pub drivers: Vec<Driver>,
}

impl Anomaly {
    /// What was spent beyond what was expected; below zero for too little.
    pub fn difference(&self) -> Money {
        self.actual - self.expected
    }

    /// The difference in percent of what was expected; `None` where that is nothing.
    pub fn percent(&self) -> Option<f64> {
        let expected = self.expected.to_f64();
        (expected != 0.0).then(|| self.difference().to_f64() / expected.abs() * 100.0)
    }
}

/// The bill under watch.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    /// Which cost.
    pub basis: Basis,
    /// The column whose values are judged on their own.
    pub by: String,
    /// The currency; `None` without rows.
    pub currency: Option<String>,
    /// Every day with charges that run from day to day.
    pub days: Vec<PastDay>,
    /// Whole days there are.
    pub whole_days: u64,
    /// Days at the end that are not whole, and are left out of everything below.
    pub incomplete: Option<Incomplete>,
    /// Days without any row of the bill, left out too.
    pub gaps: Vec<Day>,
    /// Taxes, charges for longer than a day, and single ones: no part of the daily pattern.
    pub beside: Gross,
    /// The last months by kinds of charges, the earliest first.
    pub months: Vec<MonthParts>,
    /// Taxes as a share of everything else in the months before, as it is expected of days to come; `None` where no tax
    /// is expected.
    pub tax_share: Option<f64>,
    /// The days that were judged; `None` where none was, with the reason in `not_judged`.
    pub judged: Option<Judged>,
    /// The days to come; empty where that is refused.
    pub coming: Vec<ComingDay>,
    /// Until the end of the month that the first incomplete day is in.
    pub month: Option<Until>,
    /// The next 90 days, the usual charges for longer than a day in them.
    pub ahead: Option<Until>,
    /// How often forecasts of a week made from earlier days of this series held.
    pub tested: Tested,
    /// Charges for longer than a day that are expected in the month yet; in [`Self::month`].
    pub lumps_to_come: Money,
    /// Taxes that are; in [`Self::month`].
    pub taxes_to_come: Money,
    /// Why no day was judged; empty when some were.
    pub not_judged: String,
    /// Unusual days, newest first.
    pub anomalies: Vec<Anomaly>,
    /// Rows on no day: without a readable start, or years off.
    pub undated_rows: u64,
    /// Cells of the cost that have no value.
    pub missing_cells: u64,
}

impl Watched {
    /// Watches the part of a bill that all filters hold for; `today` is the day it is, in UTC.
    ///
    /// # Errors
    /// An unknown column; rows in several currencies.
    pub fn of(
        bill: &Bill,
        filters: &[Filter],
        basis: Basis,
        by: &str,
        tuning: &Tuning,
        today: Day,
    ) -> Result<Self, BillError> {
        let extent = Extent::of(bill, basis, today)?;
        let days = Days::of(bill, filters, basis, &extent)?;
        let history = days.recent().days;
        let past_days = Past::of(&history);
        let verdicts = judged(&days, tuning);
        let mut watched = Self {
            basis,
            by: by.to_owned(),
            currency: days.currency.clone(),
            days: past(&days, &verdicts),
            whole_days: days.whole as u64,
            incomplete: days.incomplete(),
            gaps: days.gaps.clone(),
            beside: days.lumps.values().map(Lumps::to_money).sum(),
            months: months(&days, &bill.months(filters, basis)?, basis)?,
            tax_share: None,
            judged: Judged::of(&days, &verdicts),
            coming: Vec::new(),
            month: None,
            ahead: None,
            tested: past_days.tested(WEEK),
            lumps_to_come: Money::ZERO,
            taxes_to_come: Money::ZERO,
            not_judged: String::new(),
            anomalies: Vec::new(),
            undated_rows: days.undated_rows,
            missing_cells: days.missing_cells,
        };
        if days.running.is_empty() {
            watched.not_judged.push_str("the bill has no charges for single days or hours");
            return Ok(watched);
        }
        watched.look_ahead(&days, &past_days)?;
        if history.len() <= LEARNING_DAYS {
            watched.not_judged = format!(
                "judging a day takes {LEARNING_DAYS} complete days before it; there are {} in all",
                history.len()
            );
            return Ok(watched);
        }
        let mut found: Vec<(Episode, Anomaly)> = Vec::new();
        let parts = parts(bill, filters, basis, by, &extent)?;
        for ((part, series), verdicts) in parts.iter().zip(judged_each(&parts, tuning)) {
            for episode in episodes(&verdicts) {
                found.push((episode, anomaly(series, Some(part.clone()), &episode)));
            }
        }
        for episode in episodes(&verdicts) {
            if !explained(&episode, &found) {
                found.push((episode, anomaly(&days, None, &episode)));
            }
        }
        found.sort_by(|(a, _), (b, _)| {
            b.first
                .cmp(&a.first)
                .then_with(|| (b.actual - b.expected).abs().total_cmp(&(a.actual - a.expected).abs()))
        });
        watched.anomalies = found.into_iter().map(|(_, anomaly)| anomaly).collect();
        let explained = watched.anomalies.len().min(EXPLAINED);
        drivers(bill, filters, basis, by, days.first, &mut watched.anomalies[..explained])?;
        Ok(watched)
    }

    fn look_ahead(&mut self, days: &Days, past: &Past<'_>) -> Result<(), BillError> {
        let next = days.whole_end();
        let (month, end) = (next.month_start(), next.next_month());
        let to_end = usize::try_from(end.0 - next.0).unwrap_or(0);
        self.tax_share = tax_share(days, month, self.basis)?;
        let mut until = Until {
            from: month,
            last: end.plus(-1),
            sum: None,
            refused: "the amounts are too large to forecast".to_owned(),
            parts: None,
        };
        match past.outlook(to_end) {
            Ok(outlook) => {
                if let Some(found) = month_end(days, month, next, &outlook.sum(to_end), self.basis)? {
                    let MonthEnd { expected, parts, lumps_to_come, taxes_to_come } = found;
                    until =
                        Until { sum: Some(expected), refused: String::new(), parts: Some(parts), ..until };
                    (self.lumps_to_come, self.taxes_to_come) = (lumps_to_come, taxes_to_come);
                }
            }
            Err(refused) => until.refused = refused.to_string(),
        }
        self.month = Some(until);
        let last = next.at(AHEAD_DAYS - 1);
        let starts = std::iter::successors(Some(end), |month| Some(month.next_month()));
        let months = starts.take_while(|month| *month <= last).count();
        let usual = usual_lumps(days, month, self.basis)?.unwrap_or(0.0) * months as f64;
        let lumps = Money::from_f64(usual).unwrap_or_default() + self.lumps_to_come;
        let (sum, refused) = match past.outlook(AHEAD_DAYS) {
            Ok(outlook) => {
                let ahead = outlook.sum(AHEAD_DAYS);
                (with_taxes(lumps, &ahead, self.tax_share.unwrap_or(0.0)), String::new())
            }
            Err(refused) => (None, refused.to_string()),
        };
        self.ahead = Some(Until { from: next, last, sum, refused, parts: None });
        // As many days as can be said.
        let ahead = if past.days() >= days_needed(AHEAD_DAYS) { AHEAD_DAYS } else { to_end };
        if let Ok(outlook) = past.outlook(ahead) {
            let coming = outlook.days().into_iter().zip(0..);
            self.coming = coming.map(|(ahead, place)| ComingDay { day: next.plus(place), ahead }).collect();
        }
        Ok(())
    }
}

/// The days that were judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// The first of them.
    pub first: Day,
    /// The last.
    pub last: Day,
    /// How many there are.
    pub days: u64,
    /// Whole days before the first that are not judged, because too few are before them.
    pub learned_from: u64,
    /// Days before that were left out because only the last so many are judged.
    pub older: u64,
}

impl Judged {
    fn of(days: &Days, verdicts: &[Verdict]) -> Option<Self> {
        let (first, last) = (verdicts.first()?.place, verdicts.last()?.place);
        let learned_from = LEARNING_DAYS.min(first);
        Some(Self {
            first: days.first.at(first),
            last: days.first.at(last),
            days: verdicts.len() as u64,
            learned_from: learned_from as u64,
            older: (first - learned_from) as u64,
        })
    }

    /// `2026-08-22 to 2026-10-31 are judged; the 21 days before are only learned from`.
    pub fn words(&self) -> String {
        let Self { first, last, days, learned_from, older } = self;
        let judged =
            if *days == 1 { format!("{first} is judged") } else { format!("{first} to {last} are judged") };
        match older {
            0 => format!("{judged}; the {learned_from} days before are only learned from"),
            _ => format!("{judged}, the last {days} whole days; the days before are not"),
        }
    }
}

/// How often forecasts made from earlier days held, over the whole and the most expensive values of a column.
///
/// # Errors
/// As [`Watched::of`].
pub fn tested_parts(
    bill: &Bill,
    basis: Basis,
    by: &str,
    ahead: usize,
    today: Day,
) -> Result<Tested, BillError> {
    let extent = Extent::of(bill, basis, today)?;
    let mut series = vec![Days::of(bill, &[], basis, &extent)?];
    series.extend(parts(bill, &[], basis, by, &extent)?.into_iter().map(|(_, days)| days));
    let mut all = Tested { ahead, ..Tested::default() };
    for days in series {
        let found = Past::of(&days.recent().days).tested(ahead);
        all.tried += found.tried;
        all.held_80 += found.held_80;
        all.held_95 += found.held_95;
    }
    Ok(all)
}

/// What is said of the last [`JUDGED_DAYS`] whole days. A day without any row is not unusual, and that one of the last
/// days cost little is said when nothing more may come for it: a service that is delivered late is no drop.
fn judged(days: &Days, tuning: &Tuning) -> Vec<Verdict> {
    let Recent { start, days: costs } = days.recent();
    let mut verdicts = judge(&costs, costs.len().saturating_sub(JUDGED_DAYS), tuning);
    for verdict in &mut verdicts {
        verdict.place += start;
        let known = days.gaps.binary_search(&days.first.at(verdict.place)).is_err();
        verdict.unusual &= known && (verdict.score > 0.0 || verdict.place < days.settled);
    }
    verdicts
}

/// [`judged`] of each part, on as many threads as the machine runs at once: each day of each part is taken apart anew,
/// which is most of what a watch takes.
fn judged_each(parts: &[(String, Days)], tuning: &Tuning) -> Vec<Vec<Verdict>> {
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(parts.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let place = next.fetch_add(1, Ordering::Relaxed)
            && let Some((_, days)) = parts.get(place)
        {
            done.push((place, judged(days, tuning)));
        }
        done
    };
    let mut found = std::thread::scope(|scope| {
        let running: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        for thread in running {
            match thread.join() {
                Ok(done) => found.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    });
    found.sort_by_key(|(place, _)| *place);
    found.into_iter().map(|(_, verdicts)| verdicts).collect()
}

fn past(days: &Days, verdicts: &[Verdict]) -> Vec<PastDay> {
    let expected: BTreeMap<usize, f64> =
        verdicts.iter().map(|verdict| (verdict.place, verdict.expected)).collect();
    let each = days.running.iter().enumerate().map(|(place, cost)| PastDay {
        day: days.first.at(place),
        cost: cost.to_money(),
        expected: expected.get(&place).and_then(|value| Money::from_f64(*value)),
        whole: place < days.whole,
    });
    each.collect()
}

/// The most expensive values of the column, each with its days.
fn parts(
    bill: &Bill,
    filters: &[Filter],
    basis: Basis,
    by: &str,
    extent: &Extent,
) -> Result<Vec<(String, Days)>, BillError> {
    let kinds = Kinds::by_source(bill);
    let mut keys = kinds.keys();
    keys.extend([bill.resolve("BillingCurrency")?, bill.resolve(by)?]);
    let mut currencies = BTreeSet::new();
    let mut slots: BTreeMap<String, (f64, Slots)> = BTreeMap::new();
    for (key, sums) in bill.sums(&keys, filters, "add up the days of the bill's parts")? {
        let mut key = key.into_iter();
        let Some(told) = kinds.take(&mut key).filter(|told| extent.holds(told)) else { continue };
        sums.add_currency(key.next().flatten(), &mut currencies);
        let part = key.next().flatten().unwrap_or_else(|| NO_VALUE.to_owned());
        let cost = sums.costs[basis.place()];
        let (size, slots) = slots.entry(part).or_default();
        if told.charge == Charge::Running {
            *size += cost.to_money().to_f64().abs();
        }
        slots.add(told, cost, basis)?;
    }
    if currencies.len() > 1 {
        return Err(mixed(currencies));
    }
    let mut ranked: Vec<(f64, String, Slots)> =
        slots.into_iter().map(|(part, (size, slots))| (size, part, slots)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    ranked.truncate(PARTS);
    Ok(ranked.into_iter().map(|(_, part, slots)| (part, slots.series(extent))).collect())
}

/// Whether parts' own unusual days make most of the whole's difference.
fn explained(whole: &Episode, parts: &[(Episode, Anomaly)]) -> bool {
    let difference = whole.actual - whole.expected;
    let of_parts: f64 = parts
        .iter()
        .filter(|(_, anomaly)| anomaly.part.is_some())
        .map(|(part, _)| part)
        .filter(|part| part.first <= whole.last && part.last >= whole.first)
        .map(|part| part.actual - part.expected)
        .filter(|part| (*part > 0.0) == (difference > 0.0))
        .sum();
    of_parts.abs() >= EXPLAINS * difference.abs()
}

fn anomaly(days: &Days, part: Option<String>, episode: &Episode) -> Anomaly {
    let money = |value: f64| Money::from_f64(value).unwrap_or_default();
    let first = days.first.at(episode.first);
    Anomaly {
        id: format!("{first} {}", part.as_deref().unwrap_or("all")),
        first,
        last: days.first.at(episode.last),
        goes_on: episode.last + 1 >= if episode.score > 0.0 { days.whole } else { days.settled },
        actual: money(episode.actual),
        expected: money(episode.expected),
        score: episode.score.clamp(-999.0, 999.0),
        drivers: Vec::new(),
        part,
    }
}

/// The middle of amounts as money: a statistic.
pub(super) fn median_money(amounts: &[Exact]) -> Money {
    let values: Vec<f64> = amounts.iter().map(|amount| amount.to_money().to_f64()).collect();
    Money::from_f64(median(&values)).unwrap_or_default()
}
