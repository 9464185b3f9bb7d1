//! Answers of `get-cost-and-usage`: groups with their metrics, period by period, in one page or several.

use std::borrow::Cow;
use std::path::Path;

use super::dimension::Dimension;
use super::{LOW_DETAIL, PERIOD_END, PERIOD_START, Rows, metric_of};
use crate::bill::error::BillError;
use crate::bill::formats::json_tables::more_pages;
use crate::bill::formats::mapping::cell;
use crate::bill::formats::node::Node;
use crate::bill::formats::{EachRow, JsonTable, Kind, Mapper, Plan};
use crate::bill::moment;
use crate::bill::warnings::{Place, Warnings};

/// Metrics of the API that are what is billed, the better one first.
const BILLED: [&str; 2] = ["NetUnblendedCost", "UnblendedCost"];
/// Metrics of the API that are amortised.
const EFFECTIVE: [&str; 2] = ["NetAmortizedCost", "AmortizedCost"];

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

/// How to read the table that [`table`] makes.
///
/// # Errors
/// An answer without a metric that is billed or amortised.
pub(super) fn plan(header: &[String], path: &Path) -> Result<Plan, BillError> {
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
