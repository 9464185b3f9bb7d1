//! Rows of a table: pages of them, in an order that is always the same or by a column, alone and among the rows of files.

use std::collections::BTreeMap;

use super::column::BillColumn;
use super::error::WarehouseError;
use super::table::{Asking, Table};
use crate::bill::Filter;
use crate::bill::columns::ColumnType;
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::filter::Resolved;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::moment;
use crate::bill::query::Bill;
use crate::bill::view::RowsView;

/// Columns that rows are put in order by first; all others follow, so that one page follows the other.
const ORDER: [&str; 7] = [
    "ChargePeriodStart",
    "BilledCost",
    "EffectiveCost",
    "ServiceName",
    "ResourceId",
    "ChargeDescription",
    "SkuPriceId",
];
/// Rows of several bills, one of them in a warehouse, are put in one order up to this row.
const MOST_MERGED: u64 = 10_000;

/// Which rows of those that match, and in what order.
#[derive(Debug, Clone, Copy)]
pub(in crate::bill) struct Page<'a> {
    /// The column they are sorted by, and whether the largest comes first; `None` = by date and what else they hold.
    pub(in crate::bill) by: Option<(&'a str, bool)>,
    /// First row.
    pub(in crate::bill) offset: u64,
    /// How many.
    pub(in crate::bill) limit: u64,
}

impl Table {
    /// Adds rows that match to a view, with the cells of its columns; tells how many match in all.
    pub(in crate::bill) fn page(
        &self,
        filters: &[Resolved],
        page: Page<'_>,
        asking: Asking<'_>,
        view: &mut RowsView,
    ) -> Result<u64, BillError> {
        let doing = "show rows";
        let dialect = self.source.dialect;
        let mut question = self.question(asking);
        question.filter(filters)?;
        if question.is_filtered_here() {
            self.settle(&mut question, doing, asking.stop)?;
        }
        let count = question.aggregates_sql(&["COUNT(*) AS n".to_owned()]);
        let counted = self.ask(&count, doing, 1, asking.stop)?;
        let matching = self.count(counted.first().and_then(|row| row.first()))?;
        let wanted = page.limit.min(matching.saturating_sub(page.offset));
        if wanted == 0 {
            return Ok(matching);
        }
        let shown: Vec<&BillColumn> =
            view.columns.iter().filter_map(|name| self.source.column(name)).collect();
        let select: Vec<String> = shown
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{} AS k{place}", column.key(dialect)))
            .collect();
        let sql = question.page_sql(&select, &order(&shown, page.by), page.offset, wanted);
        let judge = view.columns.iter().any(|name| name == RULE_COLUMN).then(|| question.judge());
        for row in self.ask(&sql, doing, wanted, asking.stop)? {
            let mut known: BTreeMap<&str, String> = shown
                .iter()
                .zip(row)
                .filter_map(|(column, cell)| {
                    let cell = cell?;
                    let cell = match column.kind {
                        ColumnType::Decimal => Exact::read(&cell).map_or(cell, |read| read.value.to_string()),
                        _ => cell,
                    };
                    Some((column.name.as_str(), cell))
                })
                .collect();
            if let Some(judge) = &judge {
                let cell = |name: &String| known.get(name.as_str()).map_or("", String::as_str);
                let looked: Vec<&str> = judge.on.iter().map(cell).collect();
                if let Some(rule) = judge.values(&looked).into_iter().next().flatten() {
                    known.insert(RULE_COLUMN, rule);
                }
            }
            view.rows.push(view.columns.iter().map(|name| known.remove(name.as_str())).collect());
        }
        Ok(matching)
    }
}

/// The names of the answer's columns in the order that rows are sorted by them.
fn order(shown: &[&BillColumn], by: Option<(&str, bool)>) -> Vec<String> {
    let place = |name: &str| shown.iter().position(|column| column.name == name);
    let first = by.and_then(|(name, _)| place(name));
    let mut places: Vec<usize> = ORDER.iter().filter_map(|name| place(name)).collect();
    places.extend((0..shown.len()).filter(|place| !ORDER.contains(&shown[*place].name.as_str())));
    places.retain(|place| Some(*place) != first);
    let sorted = first.map(|place| {
        // What has no value is last in either direction.
        let direction = if by.is_some_and(|(_, descending)| descending) { "DESC" } else { "ASC" };
        format!("k{place} {direction} NULLS LAST")
    });
    sorted.into_iter().chain(places.into_iter().map(|place| format!("k{place}"))).collect()
}

impl Bill {
    /// Rows sorted by a column of amounts or dates, where a table of a warehouse is among the bills. `view` has the
    /// columns.
    pub(in crate::bill) fn rows_by_with_tables(
        &self,
        filters: &[Filter],
        (column, descending): (&str, bool),
        (offset, limit): (u64, u64),
        mut view: RowsView,
    ) -> Result<RowsView, BillError> {
        let kind = self.parts.iter().find_map(|part| part.kind(column));
        if !matches!(kind, Some(ColumnType::Decimal | ColumnType::Time)) {
            return Err(BillError::ColumnUse {
                doing: "sort the rows",
                column: column.to_owned(),
                why: "rows are sorted by amounts and dates only".to_owned(),
            });
        }
        let resolved = self.resolve_filters(filters)?;
        let by = Some((column, descending));
        if let [part] = self.parts.as_slice()
            && let Some(table) = &part.table
        {
            let page = Page { by, offset, limit };
            view.total_rows = table.page(&resolved, page, part.asking(&self.stop), &mut view)?;
            return Ok(view);
        }
        let until = offset.saturating_add(limit);
        if until > MOST_MERGED {
            let table = self.parts.iter().find_map(|part| part.table.as_ref()).map(|table| table.place());
            let doing = format!(
                "sort several bills beyond row {MOST_MERGED} when one of them is in a warehouse (filter, or sort them one \
                 by one)"
            );
            return Err(WarehouseError::OnlyAggregates { doing, table: table.unwrap_or_default() }.into());
        }
        let mut sorted: Vec<Vec<Option<String>>> = Vec::new();
        for part in &self.parts {
            let mut of_part = RowsView { columns: view.columns.clone(), ..RowsView::default() };
            if let Some(table) = &part.table {
                let page = Page { by, offset: 0, limit: until };
                of_part.total_rows = table.page(&resolved, page, part.asking(&self.stop), &mut of_part)?;
            } else {
                let alone = Self { parts: vec![part.clone()], ..self.clone() };
                // A bill without the column has no value in any row, and files its rows in their own order.
                let rows = if part.has(column) {
                    alone.rows_by(filters, column, descending, 0, until)?
                } else {
                    alone.rows(filters, 0, until)?
                };
                of_part.total_rows = rows.total_rows;
                let places: Vec<Option<usize>> =
                    view.columns.iter().map(|name| rows.columns.iter().position(|own| own == name)).collect();
                of_part.rows = rows
                    .rows
                    .into_iter()
                    .map(|mut row| {
                        let mut cell = |place: &Option<usize>| place.and_then(|at| row.get_mut(at)?.take());
                        places.iter().map(&mut cell).collect()
                    })
                    .collect();
            }
            view.total_rows += of_part.total_rows;
            sorted.extend(of_part.rows);
        }
        let place = view.columns.iter().position(|name| name == column);
        let value = |row: &Vec<Option<String>>| -> Option<i128> {
            let text = row.get(place?)?.as_deref()?;
            match kind {
                Some(ColumnType::Time) => moment::read(text).map(i128::from),
                _ => Exact::read(text).ok().map(|read| read.value.0),
            }
        };
        // Stable, so that rows of equal value stay in the order of the bills.
        sorted.sort_by_cached_key(|row| {
            let value = value(row);
            (value.is_none(), value.map(|value| if descending { -value } else { value }))
        });
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(sorted.len());
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        view.rows = sorted.into_iter().skip(start).take(wanted).collect();
        Ok(view)
    }
}
