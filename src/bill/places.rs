//! Where the rows of a page are, so that the last page of a filtered or sorted bill comes as fast as the first.
//!
//! What a stored bill holds never changes, so what was found out about it is kept for as long as the process lives,
//! the latest few questions of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use polars::prelude::*;

use super::Filter;
use super::columns::ColumnType;
use super::error::BillError;
use super::filter::{self, Resolved};
use super::query::{Bill, Part, Query};

/// Every so many matching rows one place is kept.
pub(super) const STEP: u64 = 256;
/// Questions whose answers are kept.
const KEPT: usize = 8;
/// The name of the row number while it is looked at.
pub(super) const ROW: &str = "\u{1}row";

/// Where the matching rows of a part are.
#[derive(Debug)]
pub(super) struct Places {
    /// Matching rows.
    pub(super) total: u64,
    /// The number, in the part, of each [`STEP`]th matching row.
    pub(super) starts: Vec<u64>,
}

/// The matching rows of all parts in another order: part and number in it.
pub(super) type Sorted = Vec<(u32, u32)>;

#[derive(Clone)]
enum Known {
    Places(Arc<Places>),
    Sorted(Arc<Sorted>),
}

/// What was asked: parts, filters, and the column sorted by.
type Asked = (Vec<String>, Vec<Filter>, Option<(String, bool)>);

static KNOWN: Mutex<VecDeque<(Asked, Known)>> = Mutex::new(VecDeque::new());

fn known(asked: &Asked) -> Option<Known> {
    let mut kept = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let place = kept.iter().position(|(other, _)| other == asked)?;
    let found = kept.remove(place)?;
    let known = found.1.clone();
    kept.push_back(found);
    Some(known)
}

fn keep(asked: Asked, known: Known) {
    let mut kept = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    kept.retain(|(other, _)| *other != asked);
    while kept.len() >= KEPT {
        kept.pop_front();
    }
    kept.push_back((asked, known));
}

/// Where the rows of one part are that the filters hold for.
pub(super) fn places(
    part: &Part,
    filters: &[Filter],
    resolved: &[Resolved],
) -> Result<Arc<Places>, BillError> {
    let asked = (vec![part.identity()], filters.to_vec(), None);
    if let Some(Known::Places(places)) = known(&asked) {
        return Ok(places);
    }
    let rows = matching(part, resolved, None)?;
    let rows = rows.column(ROW).and_then(|column| column.idx().cloned()).map_err(failed)?;
    let starts = rows.iter().step_by(STEP as usize).flatten().map(u64::from).collect();
    let places = Arc::new(Places { total: rows.len() as u64, starts });
    keep(asked, Known::Places(Arc::clone(&places)));
    Ok(places)
}

/// The matching rows of all parts, sorted by a column of amounts or dates; rows without a value come last.
pub(super) fn sorted(
    bill: &Bill,
    filters: &[Filter],
    column: &str,
    descending: bool,
) -> Result<Arc<Sorted>, BillError> {
    let hashes = bill.parts.iter().map(Part::identity).collect();
    let asked = (hashes, filters.to_vec(), Some((column.to_owned(), descending)));
    if let Some(Known::Sorted(sorted)) = known(&asked) {
        return Ok(sorted);
    }
    let resolved = bill.resolve_filters(filters)?;
    let mut all: Vec<(Option<i128>, u32, u32)> = Vec::new();
    for (number, part) in bill.parts.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let kind = part.kind(column);
        if !matches!(kind, None | Some(ColumnType::Decimal | ColumnType::Time)) {
            return Err(BillError::ColumnUse {
                doing: "sort the rows",
                column: column.to_owned(),
                why: "rows are sorted by amounts and dates only".to_owned(),
            });
        }
        let frame = matching(part, &resolved, kind.is_some().then_some(column))?;
        let rows = frame.column(ROW).and_then(|column| column.idx().cloned()).map_err(failed)?;
        let values: Vec<Option<i128>> = match kind {
            Some(ColumnType::Decimal) => {
                let values = frame.column(column).and_then(|column| column.decimal()).map_err(failed)?;
                values.physical().iter().collect()
            }
            Some(_) => {
                let micros = frame.column(column).map_err(failed)?.to_physical_repr();
                micros.i64().map_err(failed)?.iter().map(|value| value.map(i128::from)).collect()
            }
            None => vec![None; rows.len()],
        };
        all.extend(rows.iter().flatten().zip(values).map(|(row, value)| (value, number, row)));
    }
    all.sort_by(|(a, a_part, a_row), (b, b_part, b_row)| {
        let by_value = match (a, b) {
            (Some(a), Some(b)) if descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            // What has no value is last in either direction.
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        by_value.then_with(|| (a_part, a_row).cmp(&(b_part, b_row)))
    });
    let sorted: Arc<Sorted> = Arc::new(all.into_iter().map(|(_, part, row)| (part, row)).collect());
    keep(asked, Known::Sorted(Arc::clone(&sorted)));
    Ok(sorted)
}

/// The numbers of the matching rows of a part, and one more column of them.
fn matching(part: &Part, resolved: &[Resolved], column: Option<&str>) -> Result<DataFrame, BillError> {
    let mut frame = part.scan()?.with_row_index(ROW, None);
    if let Some(condition) = filter::condition(part, resolved)? {
        frame = frame.filter(condition);
    }
    let columns: Vec<Expr> = [Some(ROW), column].into_iter().flatten().map(col).collect();
    Query("find the rows").collect(frame.select(columns))
}

fn failed(source: PolarsError) -> BillError {
    BillError::Query { doing: "find the rows", source }
}
