//! AWS Cost Explorer: its CSV download, a table with a column for each service (or whatever was grouped by) and a
//! row for each day or month, and answers of `get-cost-and-usage`.
//!
//! A source of low detail: no SKU, no prices, no resource. What it does not tell has no column.

mod answer;
mod dimension;
mod download;

use std::path::Path;

use serde_json::{Map, Value};

use super::cur::letters;
use super::names::Services;
use crate::bill::columns::{self, ColumnType};
use crate::bill::error::BillError;
use crate::bill::formats::{EachRow, Kind, Plan, Target};
use crate::bill::moment;
use crate::bill::warnings::{Place, Warnings};
pub use answer::table;
use dimension::Dimension;

const LOW_DETAIL: &str =
    "Cost Explorer tells sums only: no prices, no resources, and only what was grouped by";
const PERIOD_START: &str = "TimePeriod.Start";
const PERIOD_END: &str = "TimePeriod.End";
/// Columns that every row has.
const COMMON: [&str; 10] = [
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "BillingCurrency",
    "ProviderName",
    "InvoiceIssuerName",
    "PricingCurrency",
    "PublisherName",
    "ChargeDescription",
];

/// Whether this header is Cost Explorer's.
pub fn recognise(header: &[String]) -> Option<Kind> {
    let is_answer = header.iter().any(|name| name == PERIOD_START)
        && header.iter().any(|name| metric_of(name, ".Amount").is_some());
    // Beside the total, every column but the first is an amount in a currency.
    let amounts = header.iter().skip(1).filter(|name| currency_of(name).is_some()).count();
    // The cells of the first column are periods, but its name is what was grouped by: a table of anybody's that calls
    // them months is another's, and one with a single amount must say that it is of services or accounts.
    let first = header.first().map_or("", |name| name.trim());
    let names_time = [
        "date",
        "day",
        "days",
        "week",
        "weeks",
        "month",
        "months",
        "quarter",
        "year",
        "years",
        "period",
        "time",
        "start",
        "startdate",
        "billingmonth",
        "billingperiod",
        "timeperiod",
    ]
    .contains(&letters(first).as_str());
    // Amazon writes the currency right after the name, as few others do: `Total costs($)`.
    let is_amazons = header.iter().skip(1).all(|name| !name.contains(" ("));
    let is_grouped = if header.len() > 2 {
        is_amazons || Dimension::is_known(first)
    } else {
        is_amazons && Dimension::is_known(first)
    };
    let is_download = total_of(header).is_some() && amounts + 1 == header.len() && !names_time && is_grouped;
    (is_answer || is_download).then_some(Kind::AwsCostExplorer)
}

/// How to read Cost Explorer's table, or the one that [`table`] makes.
///
/// # Errors
/// An answer without a metric that is billed or amortised.
pub fn plan(header: &[String], path: &Path) -> Result<Plan, BillError> {
    if header.iter().any(|name| name == PERIOD_START) {
        answer::plan(header, path)
    } else {
        Ok(download::plan(header))
    }
}

/// The place of `Total costs($)`.
fn total_of(header: &[String]) -> Option<usize> {
    let is_total = |name: &String| {
        ["totalcosts", "totalcost"].contains(&letters(split_currency(name).0).as_str())
            && currency_of(name).is_some()
    };
    header.iter().rposition(is_total)
}

/// `Amazon SageMaker($)` → its two parts.
fn split_currency(name: &str) -> (&str, &str) {
    let name = name.trim();
    match name.strip_suffix(')').and_then(|name| name.rsplit_once('(')) {
        Some((group, currency)) => (group.trim(), currency.trim()),
        None => (name, ""),
    }
}

/// The currency in brackets at the end of a column's name.
fn currency_of(name: &str) -> Option<&str> {
    match split_currency(name).1 {
        "$" | "US$" => Some("USD"),
        "€" => Some("EUR"),
        "£" => Some("GBP"),
        // Amazon's bills in yen are in dollars before tax; this is the sign of its partition in China.
        "¥" | "CN¥" | "￥" => Some("CNY"),
        code if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) => Some(code),
        _ => None,
    }
}

/// `Metrics.UnblendedCost.Amount` → `UnblendedCost`.
fn metric_of<'n>(name: &'n str, part: &str) -> Option<&'n str> {
    name.strip_prefix("Metrics.")?.strip_suffix(part)
}

/// The store's rows, built by column name.
struct Rows {
    names: Vec<String>,
    cells: Vec<String>,
    services: Services,
}

impl Rows {
    fn new(names: impl IntoIterator<Item = String>) -> Self {
        let mut unique: Vec<String> = COMMON.iter().map(|name| (*name).to_owned()).collect();
        for name in names {
            if !unique.contains(&name) {
                unique.push(name);
            }
        }
        let cells = vec![String::new(); unique.len()];
        Self { names: unique, cells, services: Services::default() }
    }

    fn targets(&self) -> Vec<Target> {
        let kind = |name: &str| columns::find(name).map_or(ColumnType::Text, |column| column.kind);
        self.names.iter().map(|name| Target { name: name.clone(), kind: kind(name) }).collect()
    }

    fn set(&mut self, name: &str, text: &str) {
        if let Some(at) = self.names.iter().position(|known| known == name) {
            text.clone_into(&mut self.cells[at]);
        }
    }

    /// Begins a row of this period. Amazon bills by calendar month.
    fn begin(&mut self, start: Option<i64>, end: Option<i64>, currency: &str) {
        self.cells.iter_mut().for_each(String::clear);
        let show = |micros: Option<i64>| micros.map(moment::show).unwrap_or_default();
        self.set("ChargePeriodStart", &show(start));
        self.set("ChargePeriodEnd", &show(end));
        self.set("BillingPeriodStart", &show(start.and_then(moment::month_start)));
        self.set("BillingPeriodEnd", &show(start.and_then(moment::next_month)));
        self.set("BillingCurrency", currency);
        self.set("ProviderName", "AWS");
        self.set("InvoiceIssuerName", "AWS");
        self.set("PricingCurrency", currency);
        // What others sell over the Marketplace is among the sums; only a grouping by legal entity tells it apart.
        self.set("PublisherName", "AWS");
    }

    fn describe(&mut self, dimension: &Dimension, value: &str) {
        for (name, text) in dimension.cells(value, &mut self.services) {
            let before = self.names.iter().position(|known| *known == name).map(|at| self.cells[at].as_str());
            // Grouped by two tags, a row has both.
            let both = before.filter(|_| dimension.is_pair()).and_then(|before| joined(before, &text));
            self.set(&name, both.as_deref().unwrap_or(&text));
        }
        // What is summed up is all that there is to describe.
        if let Some(at) = self.names.iter().position(|name| name == "ChargeDescription") {
            let before = &mut self.cells[at];
            before.push_str(if before.is_empty() || value.is_empty() { "" } else { ", " });
            before.push_str(value);
        }
    }

    fn hand_on(&self, place: Place, warnings: &mut Warnings, row: &mut EachRow<'_>) -> Result<(), BillError> {
        let cells: Vec<&str> = self.cells.iter().map(String::as_str).collect();
        row(&cells, place, warnings)
    }
}

/// Two objects as one; `None` where one of them is none.
fn joined(first: &str, second: &str) -> Option<String> {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
    let mut both = object(first)?;
    both.extend(object(second)?);
    Some(Value::Object(both).to_string())
}

#[cfg(test)]
mod tests;
