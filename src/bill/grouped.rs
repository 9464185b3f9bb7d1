//! The groups of one stored bill: what its columns are grouped by, and what the store's answer means.

use std::collections::HashMap;

use polars::prelude::*;

use super::columns::{COSTS, ColumnType};
use super::error::BillError;
use super::exact::Exact;
use super::filter::{NO_COLUMN, is_cost};
use super::moment;
use super::profile::json_key;
use super::query::{Adding, ColumnRef, Part, QUANTITY, Query, StoredGroups, Sums};

/// First microsecond of the day a column of moments falls on.
pub(super) fn day_of(column: &str) -> Expr {
    let micros = col(column).to_physical();
    micros.clone() - micros % lit(moment::PER_DAY)
}

/// First microsecond of the hour.
fn hour_of(column: &str) -> Expr {
    let micros = col(column).to_physical();
    micros.clone() - micros % lit(moment::PER_HOUR)
}

/// Refuses to group by amounts.
pub(super) fn refuse_amounts(key: &ColumnRef) -> Result<(), BillError> {
    if let ColumnRef::Plain { name, kind: ColumnType::Decimal } = key {
        let why = if is_cost(name) { "it is a cost" } else { "its values are amounts" };
        return Err(BillError::ColumnUse { doing: "group", column: name.clone(), why: why.to_owned() });
    }
    Ok(())
}

/// Adds the groups of one part.
pub(super) fn part_sums(
    part: &Part,
    frame: LazyFrame,
    keys: &[ColumnRef],
    adding: Adding,
    groups: &mut StoredGroups,
) -> Result<(), BillError> {
    let mut by = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        refuse_amounts(key)?;
        let expression = match (part.kind(key.name()), key) {
            (None, _) => continue,
            _ if part.only_currency(key).is_some() => continue,
            (Some(ColumnType::Time), ColumnRef::Day { column }) => day_of(column),
            (Some(ColumnType::Time), ColumnRef::Hour { column }) => hour_of(column),
            (Some(ColumnType::Time), _) => col(key.name()).to_physical(),
            _ => col(key.name()),
        };
        by.push(expression.alias(format!("key{place}")));
    }
    let quantity = [QUANTITY].into_iter().filter(|name| adding.quantity && part.has(name));
    let summed: Vec<&str> = COSTS.into_iter().filter(|cost| part.has(cost)).chain(quantity).collect();
    let mut sums = vec![len().alias("rows")];
    for name in &summed {
        sums.push(col(*name).sum().alias(format!("sum{name}")));
        if !part.is_complete(name) {
            sums.push(col(*name).count().alias(format!("filled{name}")));
        }
    }
    let query = if by.is_empty() { frame.select(sums) } else { frame.group_by(by).agg(sums) };
    let frame = Query(adding.doing).collect(query)?;
    let failed = |source| BillError::Query { doing: adding.doing, source };
    let mut cells = keys
        .iter()
        .enumerate()
        .map(|(place, key)| KeyCells::of(part, &frame, place, key, adding.tell_absent).map_err(failed))
        .collect::<Result<Vec<_>, _>>()?;
    let rows = counts(&frame, "rows").map_err(failed)?;
    let amounts = summed
        .iter()
        .map(|name| {
            let sum = frame.column(&format!("sum{name}"))?.decimal()?;
            polars_ensure!(
                sum.scale() == super::exact::SCALE as usize,
                ComputeError: "the sum of {} came back with {} places", name, sum.scale()
            );
            let filled =
                if part.is_complete(name) { rows.clone() } else { counts(&frame, &format!("filled{name}"))? };
            Ok((*name, sum.physical(), filled))
        })
        .collect::<PolarsResult<Vec<_>>>()
        .map_err(failed)?;
    // Sums of nothing at all are no group.
    for (row, count) in rows.iter().enumerate().filter(|(_, count)| **count > 0) {
        let mut found = Sums { rows: *count, ..Sums::default() };
        for (name, sums, filled) in &amounts {
            let (sum, filled) = (Exact(sums.get(row).unwrap_or(0)), filled[row]);
            if let Some(place) = COSTS.iter().position(|cost| cost == name) {
                (found.costs[place], found.filled[place]) = (sum, filled);
            } else {
                (found.quantity, found.with_quantity) = (sum, filled);
            }
        }
        let key = cells.iter_mut().map(|cells| cells.get(row)).collect();
        groups.entry(key).or_default().add(&found)?;
    }
    Ok(())
}

/// A column of counts.
fn counts(frame: &DataFrame, name: &str) -> PolarsResult<Vec<u64>> {
    let counts = frame.column(name)?.cast(&DataType::UInt64)?;
    Ok(counts.u64()?.iter().map(Option::unwrap_or_default).collect())
}

/// One of the keys that groups came with.
enum KeyCells<'a> {
    /// The same in every row.
    All(Option<String>),
    Text(&'a StringChunked),
    Moment(&'a Int64Chunked),
    /// JSON texts repeat over the other keys; each is read once.
    Key {
        texts: &'a StringChunked,
        key: &'a str,
        known: HashMap<&'a str, Option<String>>,
    },
}

impl<'a> KeyCells<'a> {
    fn of(
        part: &Part,
        frame: &'a DataFrame,
        place: usize,
        key: &'a ColumnRef,
        tell_absent: bool,
    ) -> PolarsResult<Self> {
        if !part.has(key.name()) {
            return Ok(Self::All(tell_absent.then(|| NO_COLUMN.to_owned())));
        }
        if let Some(currency) = part.only_currency(key) {
            return Ok(Self::All(Some(currency.to_owned()).filter(|currency| !currency.is_empty())));
        }
        let column = frame.column(&format!("key{place}"))?;
        Ok(match key {
            ColumnRef::Key { key, .. } => Self::Key { texts: column.str()?, key, known: HashMap::new() },
            _ if column.dtype() == &DataType::Int64 => Self::Moment(column.i64()?),
            _ => Self::Text(column.str()?),
        })
    }

    fn get(&mut self, row: usize) -> Option<String> {
        match self {
            Self::All(word) => word.clone(),
            Self::Text(texts) => texts.get(row).map(str::to_owned),
            Self::Moment(micros) => micros.get(row).map(moment::show),
            Self::Key { texts, key, known } => {
                let text = texts.get(row)?;
                known.entry(text).or_insert_with(|| json_key(text, key)).clone()
            }
        }
    }
}
