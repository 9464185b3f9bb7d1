//! What a table of a bill shows: its columns with their values, and a page of rows.

use std::collections::BTreeMap;

use polars::prelude::*;
use serde::Serialize;

use super::Filter;
use super::columns::ColumnType;
use super::error::BillError;
use super::exact::{Exact, SCALE};
use super::filter;
use super::moment;
use super::profile::Values;
use super::query::{Bill, Query};

/// A column of the open bills, or a key of one (`Tags.team`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnView {
    /// The name that filters and groups take.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
    /// Its distinct values, while they are few; only the first ones when `values.more`.
    pub values: Values,
    /// Worth grouping by: words with two or more distinct values, and not so many that groups are rows.
    pub groupable: bool,
}

/// A page of rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct RowsView {
    /// Column names, in the order of the first bill that has them.
    pub columns: Vec<String>,
    /// One text for each column; `None` = no value.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that match in all.
    pub total_rows: u64,
}

impl Bill {
    /// The columns of the open bills, then the keys of their JSON columns.
    pub fn columns(&self) -> Vec<ColumnView> {
        let mut columns: Vec<(String, ColumnType, Values)> = Vec::new();
        let mut keys: BTreeMap<String, Values> = BTreeMap::new();
        for imported in self.imported() {
            for (name, profile) in imported.columns.iter().zip(&imported.profiles) {
                match columns.iter_mut().find(|(known, _, _)| known == name) {
                    Some((_, _, values)) => *values = std::mem::take(values).union(&profile.values),
                    None => columns.push((name.clone(), profile.kind, profile.values.clone())),
                }
                for (key, values) in &profile.keys {
                    let known = keys.entry(format!("{name}.{key}")).or_default();
                    *known = std::mem::take(known).union(values);
                }
            }
        }
        let keys = keys.into_iter().map(|(name, values)| (name, ColumnType::Text, values));
        columns
            .into_iter()
            .chain(keys)
            .map(|(name, kind, values)| {
                let groupable = kind == ColumnType::Text && !values.more && values.values.len() > 1;
                ColumnView { name, kind, values, groupable }
            })
            .chain(self.lens_columns())
            .collect()
    }

    /// Rows that match all filters, from `offset` on, at most `limit`, in the files' order.
    ///
    /// # Errors
    /// A filter on an unknown column.
    pub fn rows(&self, filters: &[Filter], offset: u64, limit: u64) -> Result<RowsView, BillError> {
        let filters = self.resolve_filters(filters)?;
        let mut columns: Vec<String> = Vec::new();
        for name in self.imported().flat_map(|imported| &imported.columns) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        let mut view = RowsView { columns, ..RowsView::default() };
        let mut skip = offset;
        for part in &self.parts {
            let condition = filter::condition(part, &filters)?;
            let frame = match &condition {
                Some(condition) => {
                    let named = filters.iter().map(|(column, _)| column.name());
                    part.scan_for(named)?.filter(condition.clone())
                }
                None => part.scan()?,
            };
            let matching = match part.rows_if_whole().filter(|_| condition.is_none()) {
                Some(rows) => rows,
                None => count(frame.clone())?,
            };
            view.total_rows += matching;
            let wanted = limit.saturating_sub(view.rows.len() as u64).min(matching.saturating_sub(skip));
            if wanted > 0 {
                page(frame, skip, wanted, &mut view)?;
            }
            skip = skip.saturating_sub(matching);
        }
        Ok(view)
    }
}

fn count(frame: LazyFrame) -> Result<u64, BillError> {
    let doing = "count the rows";
    let frame = Query(doing).collect(frame.select([len().alias("rows")]))?;
    let failed = |source| BillError::Query { doing, source };
    let value = frame.column("rows").and_then(|column| column.get(0)).map_err(failed)?;
    value.extract::<u64>().ok_or_else(|| failed(polars_err!(ComputeError: "the count is no number")))
}

fn page(frame: LazyFrame, skip: u64, wanted: u64, view: &mut RowsView) -> Result<(), BillError> {
    let doing = "read rows of the bill";
    let too_far =
        |_error| BillError::Query { doing, source: polars_err!(ComputeError: "row {skip} is too far") };
    let start = i64::try_from(skip).map_err(too_far)?;
    let length = IdxSize::try_from(wanted).map_err(too_far)?;
    let frame = Query(doing).collect(frame.slice(start, length))?;
    let sources: Vec<Option<&Column>> = view.columns.iter().map(|name| frame.column(name).ok()).collect();
    for row in 0..frame.height() {
        let cells = sources
            .iter()
            .map(|column| column.and_then(|column| column.get(row).ok()).and_then(|value| text(&value)))
            .collect();
        view.rows.push(cells);
    }
    Ok(())
}

fn text(value: &AnyValue<'_>) -> Option<String> {
    Some(match value {
        AnyValue::Null => return None,
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        AnyValue::Decimal(digits, _, scale) if *scale == SCALE as usize => Exact(*digits).to_string(),
        AnyValue::Datetime(micros, TimeUnit::Microseconds, _)
        | AnyValue::DatetimeOwned(micros, TimeUnit::Microseconds, _) => moment::show(*micros),
        other => other.to_string(),
    })
}
