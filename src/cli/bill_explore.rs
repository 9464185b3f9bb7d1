//! `inferometer bill`, what explores: filters, cost over time, two periods beside each other, groups as CSV.

use anyhow::bail;
use clap::ValueEnum;
use serde_json::{Value, json};

use super::bill::Bill;
use super::session::Session;
use super::table;
use crate::app::{Query, QueryResult, SpendQuery, SpendResult};
use crate::bill::{Basis, Comparison, Filter, Granularity, Group, Period, Series};
use crate::units::{self, Money};

/// Series shown before the rest becomes "Other".
const SERIES: usize = 8;

/// Width of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Per {
    Hour,
    Day,
    Week,
    Month,
}

impl From<Per> for Granularity {
    fn from(per: Per) -> Self {
        match per {
            Per::Hour => Self::Hour,
            Per::Day => Self::Day,
            Per::Week => Self::Week,
            Per::Month => Self::Month,
        }
    }
}

/// Which of the four costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Cost {
    Billed,
    Effective,
    List,
    Contracted,
}

impl From<Cost> for Basis {
    fn from(cost: Cost) -> Self {
        match cost {
            Cost::Billed => Self::BilledCost,
            Cost::Effective => Self::EffectiveCost,
            Cost::List => Self::ListCost,
            Cost::Contracted => Self::ContractedCost,
        }
    }
}

/// The filters of the command, those of `--from` and `--to` not among them.
pub(super) fn row_filters(what: &Bill) -> anyhow::Result<Vec<Filter>> {
    let mut filters = what.filters.iter().map(|text| Filter::parse(text)).collect::<Result<Vec<_>, _>>()?;
    for list in &what.filter {
        filters.extend(Filter::parse_list(list)?);
    }
    Ok(filters)
}

/// All of them.
pub(super) fn filters(what: &Bill) -> anyhow::Result<Vec<Filter>> {
    let mut filters = row_filters(what)?;
    if what.from.is_some() || what.to.is_some() {
        let end = |text: &Option<String>| text.clone().unwrap_or_default();
        filters.push(Filter::within("ChargePeriodStart", end(&what.from), end(&what.to)));
    }
    Ok(filters)
}

/// What was asked beyond totals and groups.
#[derive(Default)]
pub(super) struct More {
    basis: Basis,
    over_time: Option<(Granularity, Series)>,
    comparison: Option<(Period, Period, Comparison)>,
}

impl More {
    pub(super) fn ask(session: &mut Session, what: &Bill, filters: &[Filter]) -> anyhow::Result<Self> {
        let basis = what.cost.map_or_else(Basis::default, Into::into);
        let mut more = Self { basis, ..Self::default() };
        if let Some(per) = what.per {
            let per: Granularity = per.into();
            let query = Query::Series {
                by: what.by.first().cloned(),
                filters: filters.to_vec(),
                basis,
                per,
                top: SERIES,
            };
            match session.ask(&query)? {
                QueryResult::Series(series) => more.over_time = Some((per, series)),
                _ => bail!("the bill store answered another question"),
            }
        }
        if let Some(before) = &what.compare {
            let end = |text: &Option<String>| text.clone().unwrap_or_default();
            let before = Period::parse(before)?;
            let after = Period::parse(&format!("{}..{}", end(&what.from), end(&what.to)))?;
            let query = Query::Spend(SpendQuery::Compare {
                by: what.by.clone(),
                filters: row_filters(what)?,
                basis,
                before: before.clone(),
                after: after.clone(),
            });
            match session.ask(&query)? {
                QueryResult::Spend(SpendResult::Compare(comparison)) => {
                    more.comparison = Some((before, after, comparison.as_ref().clone()));
                }
                _ => bail!("the bill store answered another question"),
            }
        }
        Ok(more)
    }

    /// Adds what was asked to the document.
    pub(super) fn add_to(&self, document: &mut Value) {
        if let Some((per, series)) = &self.over_time {
            let lines: Vec<Value> = series
                .series
                .iter()
                .map(|(name, amounts)| json!({ "name": name, "amounts": amounts }))
                .collect();
            document["over_time"] = json!({
                "per": per,
                "cost": self.basis.column(),
                "starts": series.buckets.iter().map(|start| moment(*start)).collect::<Vec<_>>(),
                "series": lines,
                "undated_rows": series.undated_rows,
                "undated": series.undated,
                "long_rows": series.long_rows,
                "long": series.long,
                "missing_cells": series.missing_cells,
                "billed_in_other_months": series.billed,
            });
        }
        if let Some((before, after, comparison)) = &self.comparison {
            let mut found = json!(comparison);
            found["cost"] = json!(self.basis.column());
            found["periods"] = json!({ "before": before, "after": after });
            document["comparison"] = found;
        }
    }

    pub(super) fn print(&self, by: &[String]) {
        if let Some((per, series)) = &self.over_time {
            let currency = series.currency.as_deref().unwrap_or_default();
            let mut head = vec![if *per == Granularity::Month { "charge month" } else { per.word() }];
            head.extend(series.series.iter().map(|(name, _)| name.as_str()));
            let rows: Vec<Vec<String>> = series
                .buckets
                .iter()
                .enumerate()
                .map(|(place, start)| {
                    let amounts =
                        series.series.iter().map(|(_, amounts)| units::money(amounts[place], currency));
                    std::iter::once(start_words(*start, *per)).chain(amounts).collect()
                })
                .collect();
            table::print(&head, &rows);
            if series.undated_rows > 0 {
                let cost = units::money(series.undated, currency);
                say!("{} rows ({cost}) have no readable charge period", series.undated_rows);
            }
            if series.long_rows > 0 {
                let cost = units::money(series.long, currency);
                say!(
                    "{} rows ({cost}) are for longer than an hour and in none; --per day shows them",
                    series.long_rows
                );
            }
            if !series.billed.is_empty() {
                say!("months are those that charges start in; invoices are by billing month:");
                for month in &series.billed {
                    say!("  {}", month.words(currency));
                }
            }
            say!("");
        }
        if let Some((before, after, comparison)) = &self.comparison {
            let currency = comparison.currency.as_deref().unwrap_or_default();
            let money = |amount: Money| units::money(amount, currency);
            let side = |amount: Option<Money>| amount.map_or_else(|| "no rows".to_owned(), money);
            say!("{} after {}: {}", after.words(), before.words(), money(comparison.change));
            let mut head = vec![by.join(" / "), "before".into(), "after".into(), "change".into()];
            let parts = ["quantity", "price", "new", "ended", "not split"];
            if comparison.effects.is_some() {
                head.extend(parts.map(str::to_owned));
            }
            let mut rows: Vec<Vec<String>> = comparison
                .drivers
                .iter()
                .map(|driver| {
                    let mut row = vec![
                        key_words(&driver.key),
                        side(driver.before),
                        side(driver.after),
                        money(driver.change),
                    ];
                    if let Some(effects) = driver.effects {
                        row.extend(
                            [effects.quantity, effects.price, effects.new, effects.ended, effects.not_split]
                                .map(money),
                        );
                    }
                    row
                })
                .collect();
            let mut total = vec![
                "total".to_owned(),
                money(comparison.before.cost),
                money(comparison.after.cost),
                money(comparison.change),
            ];
            if let Some(effects) = comparison.effects {
                total.extend(
                    [effects.quantity, effects.price, effects.new, effects.ended, effects.not_split]
                        .map(money),
                );
            }
            rows.push(total);
            let head: Vec<&str> = head.iter().map(String::as_str).collect();
            table::print(&head, &rows);
            say!("");
        }
    }

    /// As CSV: the comparison where there is one, else cost over time, else the groups.
    pub(super) fn csv(&self, by: &[String], groups: &[Group], currency: &str) -> anyhow::Result<String> {
        if let Some((_, _, comparison)) = &self.comparison {
            let mut head: Vec<String> = by.to_vec();
            head.extend(
                [
                    "Before",
                    "After",
                    "Change",
                    "Quantity",
                    "Price",
                    "New",
                    "Ended",
                    "NotSplit",
                    "BillingCurrency",
                ]
                .map(str::to_owned),
            );
            let rows = comparison.drivers.iter().map(|driver| {
                let mut row = key_cells(&driver.key);
                row.extend([cell(driver.before), cell(driver.after), driver.change.to_string()]);
                let effects = driver.effects.as_ref();
                row.extend([
                    cell(effects.map(|effects| effects.quantity)),
                    cell(effects.map(|effects| effects.price)),
                    cell(effects.map(|effects| effects.new)),
                    cell(effects.map(|effects| effects.ended)),
                    cell(effects.map(|effects| effects.not_split)),
                    currency.to_owned(),
                ]);
                row
            });
            return csv_text(&head, rows);
        }
        if let Some((per, series)) = &self.over_time {
            let mut head = vec![per.word().to_owned()];
            head.extend(series.series.iter().map(|(name, _)| name.clone()));
            head.push("BillingCurrency".to_owned());
            let rows = series.buckets.iter().enumerate().map(|(place, start)| {
                let mut row = vec![moment(*start)];
                row.extend(series.series.iter().map(|(_, amounts)| amounts[place].to_string()));
                row.push(currency.to_owned());
                row
            });
            return csv_text(&head, rows);
        }
        let mut head: Vec<String> = by.to_vec();
        head.extend(
            ["Rows", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "BillingCurrency"]
                .map(str::to_owned),
        );
        let rows = groups.iter().map(|group| {
            let mut row = key_cells(&group.key);
            row.push(group.rows.to_string());
            let costs = &group.costs;
            row.extend(
                [costs.billed_cost, costs.effective_cost, costs.list_cost, costs.contracted_cost].map(cell),
            );
            row.push(currency.to_owned());
            row
        });
        csv_text(&head, rows)
    }
}

fn csv_text(head: &[String], rows: impl Iterator<Item = Vec<String>>) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(head)?;
    for row in rows {
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn cell(amount: Option<Money>) -> String {
    amount.map_or_else(String::new, |amount| amount.to_string())
}

fn key_cells(key: &[Option<String>]) -> Vec<String> {
    key.iter().map(|value| value.clone().unwrap_or_default()).collect()
}

fn key_words(key: &[Option<String>]) -> String {
    let words: Vec<&str> = key.iter().map(|value| value.as_deref().unwrap_or("(no value)")).collect();
    words.join(" / ")
}

fn moment(unix_secs: i64) -> String {
    crate::bill::moment::show(unix_secs.saturating_mul(crate::bill::moment::PER_SEC))
}

fn start_words(unix_secs: i64, per: Granularity) -> String {
    let text = moment(unix_secs);
    let length = match per {
        Granularity::Hour => 16,
        Granularity::Day | Granularity::Week => 10,
        Granularity::Month => 7,
    };
    text.get(..length).unwrap_or(&text).replace('T', " ")
}
