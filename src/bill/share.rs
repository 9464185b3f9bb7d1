//! The share of a bill that is AI inference, by rule, and what that is per month.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;
use serde::Serialize;

use super::columns::{COSTS, ColumnType};
use super::error::BillError;
use super::filter;
use super::formats::focus::RULE_COLUMN;
use super::grouped::day_of;
use super::lens::Share;
use super::moment;
use super::query::{Bill, ColumnRef, Query, Sums, mixed};
use super::rates::Conversion;
use super::rules::Class;
use super::{Basis, Costs, Filter};
use crate::units::{HOURS_PER_MONTH, Money};

/// What one rule found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleShare {
    /// The rule's lasting name.
    pub rule_id: String,
    /// What it means.
    pub words: String,
    /// Where the money goes.
    pub class: Class,
    /// Part of [`InferenceShare::inference`].
    pub counted: bool,
    /// The part of its rows' cost that it claims.
    pub share: Share,
    /// Rows the rule matched first.
    pub rows: u64,
    /// Their costs, as far as the rule claims them.
    pub costs: Costs,
    /// Rows that have no value of a cost and are not in its sum, as in [`super::Group`].
    pub missing: [u64; 4],
}

/// What a class of spend adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassShare {
    /// The class.
    pub class: Class,
    /// Rows of its rules.
    pub rows: u64,
    /// Their costs, as far as the rules claim them.
    pub costs: Costs,
}

/// How much of a bill is inference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InferenceShare {
    /// Rows asked about.
    pub rows: u64,
    /// Their currency; `None` without rows that cost something.
    pub currency: Option<String>,
    /// How amounts came to be in this currency; `None` when they are as billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Conversion>,
    /// Their costs.
    pub total: Costs,
    /// Rows of rules that count as inference.
    pub inference_rows: u64,
    /// Costs of those rows, as far as the rules claim them.
    pub inference: Costs,
    /// Of those rows, the ones that have no value of a cost and are not in its sum, as in [`super::Group`].
    pub inference_missing: [u64; 4],
    /// Every rule that matched, in the order the rules are tried.
    pub by_rule: Vec<RuleShare>,
    /// The same by class. Every row is in one class or in the rest: classes and rest add up to the total.
    pub by_class: Vec<ClassShare>,
    /// Rows that no rule matched.
    pub rest_rows: u64,
    /// Their costs, and what rules left of the costs of theirs.
    pub rest: Costs,
    /// Costs of the inference rows by calendar month of `ChargePeriodStart`: seconds since 1970-01-01 UTC.
    pub months: BTreeMap<i64, Costs>,
}

impl Bill {
    /// Which rows pay for inference, by the rules it is looked at through ([`Bill::with_rules`]).
    ///
    /// # Errors
    /// An unknown column; rows in several currencies.
    pub fn inference(&self, filters: &[Filter]) -> Result<InferenceShare, BillError> {
        let rules = self.rules();
        let keys = [
            self.resolve("BillingCurrency")?,
            ColumnRef::Plain { name: RULE_COLUMN.to_owned(), kind: ColumnType::Text },
            ColumnRef::Day { column: "ChargePeriodStart".to_owned() },
        ];
        let present = self.present();
        let mut currencies = BTreeSet::new();
        let (mut total, mut counted, mut rest) = (Sums::default(), Sums::default(), Sums::default());
        let mut found: BTreeMap<usize, Sums> = BTreeMap::new();
        let mut months: BTreeMap<i64, Sums> = BTreeMap::new();
        for (key, sums) in self.sums(&keys, filters, "find the inference rows")? {
            let [currency, rule, day] = key.as_slice() else { continue };
            sums.add_currency(currency.clone(), &mut currencies);
            total.add(&sums)?;
            let place = rule.as_deref().and_then(|id| rules.rules.iter().position(|rule| rule.id() == id));
            let Some(place) = place else {
                rest.add(&sums)?;
                continue;
            };
            let entry = &rules.rules[place];
            let (claimed, left) = split(&sums, entry.share());
            rest.add(&left)?;
            found.entry(place).or_default().add(&claimed)?;
            if entry.counted() {
                counted.add(&claimed)?;
                let month = day.as_deref().and_then(moment::read).and_then(moment::month_start);
                if let Some(month) = month {
                    months.entry(month.div_euclid(moment::PER_SEC)).or_default().add(&claimed)?;
                }
            }
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let costs = |sums: &Sums| Costs::from_sums(present, sums.rows, sums.filled, sums.costs);
        let mut classes: BTreeMap<Class, Sums> = BTreeMap::new();
        let mut by_rule = Vec::with_capacity(found.len());
        for (place, sums) in &found {
            let rule = &rules.rules[*place];
            classes.entry(rule.class()).or_default().add(sums)?;
            by_rule.push(RuleShare {
                rule_id: rule.id().to_owned(),
                words: rule.words().to_owned(),
                class: rule.class(),
                counted: rule.counted(),
                share: rule.share(),
                rows: sums.rows,
                costs: costs(sums),
                missing: sums.missing(),
            });
        }
        // The rest has the costs that the whole has: what a rule left of its rows is in it without their number.
        let rest_costs = Costs::from_sums(present, 0, rest.filled, rest.costs);
        Ok(InferenceShare {
            rows: total.rows,
            currency: currencies.into_iter().next(),
            converted: self.conversion(),
            total: costs(&total),
            inference_rows: counted.rows,
            inference: costs(&counted),
            inference_missing: counted.missing(),
            by_rule,
            by_class: classes
                .iter()
                .map(|(class, sums)| ClassShare { class: *class, rows: sums.rows, costs: costs(sums) })
                .collect(),
            rest_rows: rest.rows,
            rest: rest_costs,
            months: months.iter().map(|(month, sums)| (*month, costs(sums))).collect(),
        })
    }

    /// What inference costs per month of 730 hours:
    /// spend of the inference rows × 730 ÷ hours the bills cover ([`Bill::covered_secs`]).
    ///
    /// `None` when no row is inference, no bill has the cost, or the period is not known.
    ///
    /// # Errors
    /// Rows in several currencies.
    pub fn monthly_inference(&self, filters: &[Filter], basis: Basis) -> Result<Option<Money>, BillError> {
        let share = self.inference(filters)?;
        if share.inference_rows == 0 {
            return Ok(None);
        }
        // A bill of other months, without inference, must not thin it out.
        let months = share.months.keys().next().zip(share.months.keys().next_back());
        let covered = match months {
            Some((first, last)) => self.covered(filters, *first, *last)?,
            None => return Ok(None),
        };
        Ok(share.inference.get(basis).zip(covered).and_then(|(spend, secs)| per_month(spend, secs)))
    }

    /// The time the bills cover, in seconds, from their rows of the category Usage (a purchase or a tax is billed at
    /// one moment for a longer time): whole calendar months where the months before and after are there too, the
    /// first from its first `ChargePeriodStart`, the last to its last `ChargePeriodEnd` (or the end of its last
    /// day, where there are no ends). Months without rows do not count. `None` when no usage row has a date.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn covered_secs(&self, filters: &[Filter]) -> Result<Option<u64>, BillError> {
        self.covered(filters, i64::MIN, i64::MAX)
    }

    /// The same between two months (seconds since 1970-01-01 UTC of their starts), both included.
    fn covered(&self, filters: &[Filter], first: i64, last: i64) -> Result<Option<u64>, BillError> {
        let micros: i64 =
            self.covered_spans(filters, first, last)?.iter().map(|(start, end)| end - start).sum();
        Ok(u64::try_from(micros / moment::PER_SEC).ok().filter(|secs| *secs > 0))
    }

    /// The stretches of time themselves, one for each month: start and end in microseconds since 1970-01-01 UTC.
    pub(super) fn covered_spans(
        &self,
        filters: &[Filter],
        first: i64,
        last: i64,
    ) -> Result<Vec<(i64, i64)>, BillError> {
        let (from, to) = (first.saturating_mul(moment::PER_SEC), last.saturating_mul(moment::PER_SEC));
        // Only filters on time shorten the time: a service that was paid on three days still had the whole month.
        let of_time: Vec<Filter> =
            filters.iter().filter(|filter| is_of_time(&filter.column)).cloned().collect();
        let of_time = self.resolve_filters(&of_time)?;
        let mut months: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for part in &self.parts {
            if let Some(table) = &part.table {
                for (first, last) in
                    table.usage_days(&of_time, "find the time the bill covers", part.asking(&self.stop))?
                {
                    cover(&mut months, first, last, from..=to);
                }
                continue;
            }
            let start = col("ChargePeriodStart").to_physical();
            let end = if part.has("ChargePeriodEnd") {
                col("ChargePeriodEnd").to_physical()
            } else {
                lit(NULL).cast(DataType::Int64)
            };
            let query = part
                .scan()?
                .filter(col("ChargeCategory").eq(lit("Usage")).fill_null(lit(false)))
                .filter(filter::condition(part, &of_time)?.unwrap_or_else(|| lit(true)))
                .group_by([day_of("ChargePeriodStart").alias("day")])
                .agg([start.min().alias("first"), end.max().alias("last")]);
            let frame = Query("find the time the bill covers").collect(query)?;
            let failed = |source| BillError::Query { doing: "find the time the bill covers", source };
            let column =
                |name: &str| frame.column(name).and_then(|column| column.i64().cloned()).map_err(failed);
            let (firsts, lasts) = (column("first")?, column("last")?);
            for (first, last) in firsts.iter().zip(lasts.iter()) {
                let Some(first) = first else { continue };
                cover(&mut months, first, last, from..=to);
            }
        }
        Ok(months
            .iter()
            .map(|(month, (first, last))| {
                let next = moment::next_month(*month).unwrap_or(*last);
                let before = months.range(..*month).next_back().map(|(before, _)| *before);
                let follows = before.and_then(moment::next_month) == Some(*month);
                let start = if follows { *month } else { *first };
                let end = if months.contains_key(&next) { next } else { *last };
                (start, end.max(start))
            })
            .collect())
    }
}

/// Adds what a day covers, from its first start to its last end, to its month, where that is among the `wanted`.
fn cover(
    months: &mut BTreeMap<i64, (i64, i64)>,
    first: i64,
    last: Option<i64>,
    wanted: std::ops::RangeInclusive<i64>,
) {
    let Some(month) = moment::month_start(first).filter(|month| wanted.contains(month)) else { return };
    let Some(next) = moment::next_month(month) else { return };
    let last = last.unwrap_or(moment::day_start(first) + moment::PER_DAY).min(next);
    let span = months.entry(month).or_insert((first, last));
    *span = (span.0.min(first), span.1.max(last));
}

/// What a rule claims of its rows' costs, with their number, and what it leaves, without.
fn split(sums: &Sums, share: Share) -> (Sums, Sums) {
    let parts = sums.costs.map(|cost| share.split(cost));
    let claimed = Sums { costs: parts.map(|(claimed, _)| claimed), ..sums.clone() };
    let left = Sums { costs: parts.map(|(_, left)| left), ..Sums::default() };
    (claimed, left)
}

/// Whether a column says when a charge was made or billed.
fn is_of_time(column: &str) -> bool {
    ["ChargePeriod", "BillingPeriod"].iter().any(|start| column.starts_with(start))
}

/// spend × 730 × 3600 ÷ seconds, exactly, then rounded to ten places.
fn per_month(spend: Money, covered_secs: u64) -> Option<Money> {
    let month_secs = (HOURS_PER_MONTH * 3_600.0) as i128;
    let scaled = spend.scaled().checked_mul(month_secs)?;
    let half = i128::from(covered_secs) / 2 * scaled.signum();
    Some(Money::from_scaled((scaled + half) / i128::from(covered_secs)))
}

/// The four costs' names with a sum each, for reports that list them.
pub fn named(costs: &Costs) -> [(&'static str, Option<Money>); 4] {
    let Costs { billed_cost, effective_cost, list_cost, contracted_cost } = *costs;
    let values = [billed_cost, effective_cost, list_cost, contracted_cost];
    std::array::from_fn(|place| (COSTS[place], values[place]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 31 days are 744 hours: 744 of spend are 730 a month.
    #[test]
    fn a_month_of_31_days_is_scaled_to_730_hours() {
        let spend: Money = "744".parse().unwrap();
        assert_eq!(per_month(spend, 744 * 3_600).unwrap().to_string(), "730");
        let spend: Money = "-1".parse().unwrap();
        assert_eq!(per_month(spend, 3 * 730 * 3_600).unwrap().to_string(), "-0.3333333333");
        assert_eq!(per_month("2".parse().unwrap(), 3 * 730 * 3_600).unwrap().to_string(), "0.6666666667");
    }

    #[test]
    fn costs_are_listed_by_their_focus_names() {
        let costs = Costs { billed_cost: Some(Money::ZERO), ..Costs::default() };
        assert_eq!(named(&costs)[0], ("BilledCost", Some(Money::ZERO)));
        assert_eq!(named(&costs)[3], ("ContractedCost", None));
    }
}
