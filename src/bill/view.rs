//! What a table of a bill shows: its columns with their values, and a page of rows.

use std::collections::{BTreeMap, HashMap};

use polars::prelude::*;
use serde::Serialize;

use super::Filter;
use super::columns::ColumnType;
use super::error::BillError;
use super::exact::{Exact, SCALE};
use super::filter;
use super::formats::focus::RULE_COLUMN;
use super::lens::CLASS_COLUMN;
use super::moment;
use super::places::{Places, ROW, STEP, places, sorted};
use super::profile::Values;
use super::query::{Bill, Part, Query};
use super::warehouse::Page;

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
        let resolved = self.resolve_filters(filters)?;
        let mut view = RowsView { columns: self.row_columns(), ..RowsView::default() };
        let mut skip = offset;
        for part in &self.parts {
            if let Some(table) = &part.table {
                let wanted = limit.saturating_sub(view.rows.len() as u64);
                let page = Page { by: None, offset: skip, limit: wanted };
                let matching = table.page(&resolved, page, part.asking(&self.stop), &mut view)?;
                view.total_rows += matching;
                skip = skip.saturating_sub(matching);
                continue;
            }
            let condition = filter::condition(part, &resolved)?;
            let found = match (condition, part.rows_if_whole()) {
                (None, Some(rows)) => Err(rows),
                (condition, _) => {
                    Ok((condition.unwrap_or_else(|| lit(true)), places(part, filters, &resolved)?))
                }
            };
            let matching = found.as_ref().map_or_else(|rows| *rows, |(_, places)| places.total);
            view.total_rows += matching;
            let wanted = limit.saturating_sub(view.rows.len() as u64).min(matching.saturating_sub(skip));
            if wanted > 0 {
                let frame = match &found {
                    Err(_) => page(part, part.scan()?, false, skip, wanted)?,
                    Ok((condition, places)) => {
                        let looks = part.needs_lens(filter::named(&resolved));
                        matching_page(part, condition, looks, places, skip, wanted)?
                    }
                };
                show(&frame, &mut view);
            }
            skip = skip.saturating_sub(matching);
        }
        Ok(view)
    }

    /// The same sorted by a column of amounts or dates; rows without a value come last.
    ///
    /// # Errors
    /// An unknown column, or one of words; a filter on an unknown column.
    pub fn rows_by(
        &self,
        filters: &[Filter],
        column: &str,
        descending: bool,
        offset: u64,
        limit: u64,
    ) -> Result<RowsView, BillError> {
        let column = self.resolve(column)?;
        if self.parts.iter().any(|part| part.table.is_some()) {
            let view = RowsView { columns: self.row_columns(), ..RowsView::default() };
            return self.rows_by_with_tables(filters, (column.name(), descending), (offset, limit), view);
        }
        let sorted = sorted(self, filters, column.name(), descending)?;
        let mut view =
            RowsView { columns: self.row_columns(), total_rows: sorted.len() as u64, ..RowsView::default() };
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(sorted.len());
        let to = from.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)).min(sorted.len());
        let wanted = &sorted[from..to];
        view.rows = vec![Vec::new(); wanted.len()];
        for (number, part) in self.parts.iter().enumerate() {
            let of_part: HashMap<u32, usize> = wanted
                .iter()
                .enumerate()
                .filter(|(_, (of, _))| *of as usize == number)
                .map(|(place, (_, row))| (*row, place))
                .collect();
            if of_part.is_empty() {
                continue;
            }
            let mut numbers: Vec<IdxSize> = of_part.keys().copied().collect();
            numbers.sort_unstable();
            let list = polars::prelude::Series::new("wanted".into(), numbers);
            let query = part
                .scan()?
                .with_row_index(ROW, None)
                .filter(col(ROW).is_in(lit(list).implode(false), false));
            let frame = Query(READ).collect(part.with_lens(query, [RULE_COLUMN])?)?;
            let failed = |source| BillError::Query { doing: READ, source };
            let rows = frame.column(ROW).and_then(|column| column.idx().cloned()).map_err(failed)?;
            let mut shown = RowsView { columns: view.columns.clone(), ..RowsView::default() };
            show(&frame, &mut shown);
            for (row, cells) in rows.iter().flatten().zip(shown.rows) {
                if let Some(place) = of_part.get(&row) {
                    view.rows[*place] = cells;
                }
            }
        }
        Ok(view)
    }

    /// The columns a row has, in the order of the first bill that has them.
    fn row_columns(&self) -> Vec<String> {
        let mut columns: Vec<String> = Vec::new();
        for name in self.imported().flat_map(|imported| &imported.columns) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        columns
    }
}

/// What reading rows is for, in messages.
const READ: &str = "read rows of the bill";
/// Rows that are read to find those of a page, before the columns of the filter are looked at first.
const WIDE: u64 = 65_536;

/// The rows of a page among those a condition holds for. Only the stretch between places that are known is read.
/// `looks`: the condition looks at what the rules say.
fn matching_page(
    part: &Part,
    condition: &Expr,
    looks: bool,
    places: &Places,
    skip: u64,
    wanted: u64,
) -> Result<DataFrame, BillError> {
    let at = |place: u64| usize::try_from(place).ok().and_then(|place| places.starts.get(place)).copied();
    let first = at(skip / STEP).unwrap_or(0);
    let end = at((skip + wanted).div_ceil(STEP)).unwrap_or(part.imported.rows);
    let frame = if end - first > WIDE {
        let row = || col(ROW).cast(DataType::UInt64);
        let inside = row().gt_eq(lit(first)).and(row().lt(lit(end)));
        part.scan()?.with_row_index(ROW, None).filter(inside)
    } else {
        let (start, length) = slice(first, end - first)?;
        part.scan()?.slice(start, length)
    };
    let frame = if looks { part.with_lens(frame, [CLASS_COLUMN])? } else { frame };
    page(part, frame.filter(condition.clone()), looks, skip % STEP, wanted)
}

/// Rows of a frame with the rule of each; `has_rules`: what the rules say is in it already.
fn page(
    part: &Part,
    frame: LazyFrame,
    has_rules: bool,
    skip: u64,
    wanted: u64,
) -> Result<DataFrame, BillError> {
    let (start, length) = slice(skip, wanted)?;
    let frame = frame.slice(start, length);
    Query(READ).collect(if has_rules { frame } else { part.with_lens(frame, [RULE_COLUMN])? })
}

fn slice(skip: u64, wanted: u64) -> Result<(i64, IdxSize), BillError> {
    let too_far =
        |_error| BillError::Query { doing: READ, source: polars_err!(ComputeError: "row {skip} is too far") };
    Ok((i64::try_from(skip).map_err(too_far)?, IdxSize::try_from(wanted).map_err(too_far)?))
}

/// Adds rows as texts.
fn show(frame: &DataFrame, view: &mut RowsView) {
    let sources: Vec<Option<&Column>> = view.columns.iter().map(|name| frame.column(name).ok()).collect();
    for row in 0..frame.height() {
        let cells = sources
            .iter()
            .map(|column| column.and_then(|column| column.get(row).ok()).and_then(|value| text(&value)))
            .collect();
        view.rows.push(cells);
    }
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
