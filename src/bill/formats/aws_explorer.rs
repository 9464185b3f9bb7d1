//! AWS Cost Explorer: its CSV download, a table with a column for each service (or whatever was grouped by) and a
//! row for each day or month, and answers of `get-cost-and-usage`.
//!
//! A source of low detail: no SKU, no prices, no resource. What it does not tell has no column.

mod dimension;

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use super::aws_cur::letters;
use super::aws_names::Services;
use super::json_tables::more_pages;
use super::mapping::cell;
use super::node::Node;
use super::{EachRow, JsonTable, Kind, Mapper, Plan, Target};
use crate::bill::columns::{self, ColumnType};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};
use dimension::Dimension;

const LOW_DETAIL: &str =
    "Cost Explorer tells sums only: no prices, no resources, and only what was grouped by";
const PERIOD_START: &str = "TimePeriod.Start";
const PERIOD_END: &str = "TimePeriod.End";
/// Metrics of the API that are what is billed, the better one first.
const BILLED: [&str; 2] = ["NetUnblendedCost", "UnblendedCost"];
/// Metrics of the API that are amortised.
const EFFECTIVE: [&str; 2] = ["NetAmortizedCost", "AmortizedCost"];
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
/// Rounding of a sum in the download: its amounts have ten decimal places.
const ROUNDING: i128 = 100_000_000;

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
        answer_plan(header, path)
    } else {
        Ok(download_plan(header))
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

/// A column of the download.
struct Group {
    at: usize,
    value: String,
    currency: String,
    /// What its rows add up to, and what the file says they do.
    sum: Exact,
    told: Option<Exact>,
}

/// How long a row of the download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Hour,
    Day,
    Month,
}

impl Step {
    const HOUR: i64 = 3_600 * moment::PER_SEC;

    /// The step between two rows that follow each other.
    fn between(start: i64, next: i64) -> Option<Self> {
        match next - start {
            Self::HOUR => Some(Self::Hour),
            moment::PER_DAY => Some(Self::Day),
            _ if moment::next_month(start) == Some(next) => Some(Self::Month),
            _ => None,
        }
    }

    fn end(self, start: i64) -> Option<i64> {
        match self {
            Self::Hour => Some(start + Self::HOUR),
            Self::Day => Some(start + moment::PER_DAY),
            Self::Month => moment::next_month(start),
        }
    }
}

struct Download {
    rows: Rows,
    dimension: Option<Dimension>,
    groups: Vec<Group>,
    total_line: String,
    step: Option<Step>,
    last_start: Option<i64>,
    /// The first row, until the next one tells how long it is.
    waiting: Option<(Vec<String>, i64, Place)>,
    has_totals: bool,
    periods: u64,
    /// Rows left out because they begin with no date.
    undated: u64,
}

fn download_plan(header: &[String]) -> Plan {
    let total = total_of(header);
    let mut places: Vec<usize> = (1..header.len()).filter(|at| Some(*at) != total).collect();
    let first = header.first().map_or("", |name| name.trim());
    // Grouped by nothing, there is only the total.
    let dimension = if places.is_empty() { None } else { Some(Dimension::of_download(first)) };
    if places.is_empty() {
        places.extend(total);
    }
    let groups = places
        .into_iter()
        .map(|at| Group {
            at,
            value: split_currency(&header[at]).0.to_owned(),
            currency: currency_of(&header[at]).unwrap_or("").to_owned(),
            sum: Exact::default(),
            told: None,
        })
        .collect();
    let own = dimension.iter().flat_map(Dimension::columns);
    let rows = Rows::new(own.chain(["BilledCost".to_owned()]));
    let mut remarks = vec![(
        None,
        format!("{LOW_DETAIL}; amounts are taken for unblended costs, which is what it shows unless told"),
    )];
    if let Some(Dimension::Tag(key)) = &dimension {
        remarks.push((Some("Tags".to_owned()), format!("`{key}` is taken for a tag that was grouped by")));
    }
    Plan {
        kind: Kind::AwsCostExplorer,
        targets: rows.targets(),
        remarks,
        mapper: Box::new(Download {
            rows,
            dimension,
            groups,
            total_line: letters(&format!("{first}total")),
            step: None,
            last_start: None,
            waiting: None,
            has_totals: false,
            periods: 0,
            undated: 0,
        }),
    }
}

impl Mapper for Download {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let period = cell(cells, Some(0));
        let Some(start) = moment::read(period) else {
            if !self.has_totals && self.periods == 0 && letters(period) == self.total_line {
                self.has_totals = true;
                for group in &mut self.groups {
                    group.told = Exact::read(cell(cells, Some(group.at))).ok().map(|read| read.value);
                }
            } else {
                self.undated += 1;
                warnings.add(Trouble::Unreadable, place.line, None, || {
                    format!("`{period}` is no date, so the row was left out")
                });
            }
            return Ok(());
        };
        self.periods += 1;
        if let Some(last) = self.last_start.replace(start)
            && self.step.is_none()
        {
            self.step = Step::between(last, start);
            // Of a month that was asked for in part, only the next one's first day shows that it is a month.
            if self.step.is_none() && moment::next_month(last) == moment::month_start(start) {
                self.step = Some(Step::Month);
            }
        }
        if let Some((cells, start, place)) = self.waiting.take() {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            self.period(&cells, start, place, warnings, row)?;
        }
        if self.step.is_none() && self.more_follow(cells) {
            self.waiting = Some((cells.iter().map(|cell| (*cell).to_owned()).collect(), start, place));
            return Ok(());
        }
        self.period(cells, start, place, warnings, row)
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        if self.undated > 0 && self.periods == 0 {
            let text = "no row begins with a date, so there are no costs: a download of Cost Explorer has a row for each \
                        day or month, and this may be another table";
            warnings.about_file(None, text.to_owned());
        }
        if let Some((cells, _, place)) = self.waiting.take() {
            warnings.add(Trouble::File, place.line, None, || {
                let period = &cells[0];
                format!(
                    "the row of `{period}` was left out: the totals say that more rows follow, but none does"
                )
            });
        }
        for Group { value, sum, told, .. } in &self.groups {
            let Some(told) = told.filter(|_| self.has_totals) else { continue };
            let tolerance = ROUNDING * i128::from(self.periods + 1);
            if (sum.0 - told.0).abs() > tolerance {
                let text = format!(
                    "the rows of `{value}` add up to {sum}, but the file's own total is {told}: rows are missing"
                );
                warnings.about_file(Some("BilledCost"), text);
            }
        }
    }
}

impl Download {
    /// The totals are more than this row.
    fn more_follow(&self, cells: &[&str]) -> bool {
        let differs = |group: &Group| {
            let own = Exact::read(cell(cells, Some(group.at))).map_or(Exact(0), |read| read.value);
            group.told.is_some_and(|told| (told.0 - own.0).abs() > 2 * ROUNDING)
        };
        self.has_totals && self.periods == 1 && self.groups.iter().any(differs)
    }

    fn period(
        &mut self,
        cells: &[&str],
        start: i64,
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let end = self.step.and_then(|step| step.end(start));
        for group in &mut self.groups {
            let text = cell(cells, Some(group.at));
            let amount = Exact::read(text);
            if let Ok(read) = amount {
                group.sum = group.sum.checked_add(read.value).unwrap_or(group.sum);
            }
            // A service that cost nothing in this period has a cell because it did in another.
            if text.is_empty() || amount.is_ok_and(|read| read.value == Exact(0)) {
                continue;
            }
            self.rows.begin(Some(start), end, &group.currency);
            self.rows.set("BilledCost", text);
            if let Some(dimension) = &self.dimension {
                self.rows.describe(dimension, &group.value);
            }
            self.rows.hand_on(place, warnings, row)?;
        }
        Ok(())
    }
}

/// Where an answer's columns stand.
struct Answer {
    rows: Rows,
    start: Option<usize>,
    end: Option<usize>,
    estimated: Option<usize>,
    groups: Vec<(usize, Dimension)>,
    /// The costs, with the columns of amount and unit.
    costs: Vec<(&'static str, usize, Option<usize>)>,
    quantity: Option<(usize, usize)>,
    kept: Vec<(usize, String)>,
}

fn answer_plan(header: &[String], path: &Path) -> Result<Plan, BillError> {
    let at = |name: &str| header.iter().position(|known| known == name);
    let amount = |metric: &str| at(&format!("Metrics.{metric}.Amount"));
    let unit = |metric: &str| at(&format!("Metrics.{metric}.Unit"));
    let mut costs = Vec::new();
    for (name, metrics) in [("BilledCost", BILLED), ("EffectiveCost", EFFECTIVE)] {
        if let Some((amount, unit)) = metrics.iter().find_map(|metric| Some((amount(metric)?, unit(metric))))
        {
            costs.push((name, amount, unit));
        }
    }
    if costs.is_empty() {
        let missing = vec!["UnblendedCost or AmortizedCost".to_owned()];
        return Err(BillError::MissingColumns { missing, path: path.to_owned() });
    }
    let group = |(at, name): (usize, &String)| {
        name.strip_prefix("Group.").map(|group| (at, Dimension::of_answer(group)))
    };
    let groups: Vec<(usize, Dimension)> = header.iter().enumerate().filter_map(group).collect();
    let used = |place: usize| costs.iter().any(|(_, amount, _)| *amount == place);
    let kept: Vec<(usize, String)> = header
        .iter()
        .enumerate()
        .filter(|(place, name)| metric_of(name, ".Amount").is_some() && !used(*place))
        .filter_map(|(place, name)| Some((place, format!("x_{}", metric_of(name, ".Amount")?))))
        .collect();
    let mut names: Vec<String> = groups.iter().flat_map(|(_, dimension)| dimension.columns()).collect();
    names.extend(costs.iter().map(|(name, ..)| (*name).to_owned()));
    let quantity = amount("UsageQuantity").zip(unit("UsageQuantity"));
    if quantity.is_some() {
        names.extend(["ConsumedQuantity", "ConsumedUnit"].map(str::to_owned));
    }
    names.push("x_Estimated".to_owned());
    names.extend(kept.iter().map(|(_, name)| name.clone()));
    let rows = Rows::new(names);
    let (start, end, estimated) = (at(PERIOD_START), at(PERIOD_END), at("Estimated"));
    Ok(Plan {
        kind: Kind::AwsCostExplorer,
        targets: rows.targets(),
        remarks: vec![(None, LOW_DETAIL.to_owned())],
        mapper: Box::new(Answer { rows, start, end, estimated, groups, costs, quantity, kept }),
    })
}

impl Mapper for Answer {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let Self { rows, start, end, estimated, groups, costs, quantity, kept } = self;
        let text = |at: usize| cell(cells, Some(at));
        let currency = costs
            .iter()
            .filter_map(|(_, _, unit)| *unit)
            .map(text)
            .find(|unit| !unit.is_empty())
            .unwrap_or("");
        let [start, end] = [*start, *end].map(|at| moment::read(cell(cells, at)));
        rows.begin(start, end, currency);
        for (at, dimension) in groups {
            rows.describe(dimension, text(*at));
        }
        for (name, amount, _) in costs {
            rows.set(name, text(*amount));
        }
        // The unit of a sum of hours and gigabytes is `N/A`.
        if let Some((amount, unit)) = quantity
            && !["", "N/A"].contains(&text(*unit))
        {
            rows.set("ConsumedQuantity", text(*amount));
            rows.set("ConsumedUnit", text(*unit));
        }
        rows.set("x_Estimated", cell(cells, *estimated));
        for (at, name) in kept {
            rows.set(name, text(*at));
        }
        rows.hand_on(place, warnings, row)
    }
}

/// The pages of an answer of `get-cost-and-usage` as a table: a header of dotted names and its rows. `None` when they
/// are something else.
pub fn table(pages: &[Node<'_>]) -> Option<JsonTable> {
    let first = pages.first()?;
    let mut header: Vec<String> = [PERIOD_START, PERIOD_END, "Estimated"].map(str::to_owned).to_vec();
    let definitions = first.get("GroupDefinitions").and_then(Node::as_list);
    let mut groups: Vec<String> = definitions
        .into_iter()
        .flatten()
        .map(|group| {
            let part = |name: &str| group.get(name).and_then(Node::as_str).unwrap_or("");
            format!("Group.{}.{}", part("Type"), part("Key"))
        })
        .collect();
    let mut results = Vec::new();
    for page in pages {
        results.extend(page.get("ResultsByTime")?.as_list()?);
    }
    let mut remarks = Vec::new();
    // The last page has none: what follows is in another file.
    if pages.last().and_then(|page| page.get("NextPageToken")).is_some_and(|token| *token != Node::Null) {
        remarks.push(more_pages("NextPageToken"));
    }
    let mut incomplete = 0;
    let names = account_names(pages);
    let named = |group: &str, key: &str| match names.iter().find(|(id, _)| *id == key) {
        Some((id, name)) if group == "Group.DIMENSION.LINKED_ACCOUNT" => format!("{name} ({id})"),
        _ => key.to_owned(),
    };
    let lines: Vec<Line<'_>> =
        results.into_iter().flat_map(|result| lines_of(result, &mut incomplete)).collect();
    if incomplete > 0 {
        remarks.push(format!(
            "{incomplete} groups have no Keys or no Metrics and were left out; the sums are without them"
        ));
    }
    let widest = lines.iter().map(|line| line.keys.len()).max().unwrap_or(0);
    groups.extend((groups.len()..widest).map(|number| format!("Group.{}", number + 1)));
    header.extend(groups.iter().cloned());
    let mut metrics: Vec<&str> = Vec::new();
    for name in lines.iter().flat_map(|line| line.metrics.iter().map(|(name, _)| name.as_ref())) {
        if !metrics.contains(&name) {
            metrics.push(name);
        }
    }
    for metric in &metrics {
        header.extend(["Amount", "Unit"].map(|part| format!("Metrics.{metric}.{part}")));
    }
    let rows = lines.iter().map(|line| {
        let mut cells = vec![line.start.to_owned(), line.end.to_owned(), line.estimated.clone()];
        let keys = groups.iter().enumerate();
        cells.extend(keys.map(|(at, group)| named(group, line.keys.get(at).copied().unwrap_or(""))));
        for metric in &metrics {
            let told = line.metrics.iter().find(|(name, _)| name == metric).map(|(_, value)| value);
            let part = |part: &str| told.and_then(|told| told.get(part)).map(Node::cell).unwrap_or_default();
            cells.extend(["Amount", "Unit"].map(part));
        }
        cells
    });
    Some(JsonTable { header, rows: rows.collect(), remarks })
}

/// Numbers of accounts and their names, which an answer tells beside its results.
fn account_names<'v>(pages: &'v [Node<'_>]) -> Vec<(&'v str, &'v str)> {
    let attributes =
        pages.iter().filter_map(|page| page.get("DimensionValueAttributes")?.as_list()).flatten();
    let pair = |value: &'v Node<'_>| {
        let name = value.get("Attributes")?.get("description")?.as_str()?;
        Some((value.get("Value")?.as_str()?, name))
    };
    attributes.filter_map(pair).filter(|(_, name)| !name.is_empty()).collect()
}

struct Line<'v> {
    start: &'v str,
    end: &'v str,
    estimated: String,
    keys: Vec<&'v str>,
    metrics: &'v [(Cow<'v, str>, Node<'v>)],
}

/// The groups of a result; its total only when it has none, because it is their sum. Groups that lack their keys or
/// their metrics are counted.
fn lines_of<'v>(result: &'v Node<'v>, incomplete: &mut u64) -> Vec<Line<'v>> {
    let text = |name: &str| {
        result.get("TimePeriod").and_then(|period| period.get(name)).and_then(Node::as_str).unwrap_or("")
    };
    let (start, end) = (text("Start"), text("End"));
    let estimated = result.get("Estimated").map(Node::cell).unwrap_or_default();
    let groups = result.get("Groups").and_then(Node::as_list).unwrap_or_default();
    let line = |keys, metrics| Line { start, end, estimated: estimated.clone(), keys, metrics };
    if groups.is_empty() {
        let total = result.get("Total").and_then(Node::as_object).filter(|total| !total.is_empty());
        return total.map(|total| line(Vec::new(), total)).into_iter().collect();
    }
    let mut lines = Vec::with_capacity(groups.len());
    for group in groups {
        let keys = group.get("Keys").and_then(Node::as_list);
        match (keys, group.get("Metrics").and_then(Node::as_object)) {
            (Some(keys), Some(metrics)) => {
                lines.push(line(keys.iter().map(|key| key.as_str().unwrap_or("")).collect(), metrics));
            }
            _ => *incomplete += 1,
        }
    }
    lines
}

#[cfg(test)]
mod tests;
