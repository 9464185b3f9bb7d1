//! The groups of one stored bill: what its columns are grouped by, and what the store's answer means.

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use polars::prelude::*;
use polars_parquet::parquet::error::ParquetResult;
use polars_parquet::read::RowGroupMetadata;

use super::columns::{COSTS, ColumnType};
use super::error::BillError;
use super::exact::SCALE;
use super::filter::{self, NO_COLUMN, Resolved, is_cost, named};
use super::moment;
use super::pages::Pages;
use super::parquet_rows::each_batch;
use super::query::{Adding, ColumnRef, Part, QUANTITY, Query, StoredGroups, Sums};
use super::tally::{Amount, Coded, Found, KeyCells, NO_VALUE, Reading, Tally};

/// Rows taken at a time where they do not come from the pages of the store.
const BATCH_ROWS: usize = 65_536;

/// First microsecond of the day a column of moments falls on.
pub(super) fn day_of(column: &str) -> Expr {
    let micros = col(column).to_physical();
    micros.clone() - micros % lit(moment::PER_DAY)
}

/// Refuses to group by amounts.
pub(super) fn refuse_amounts(key: &ColumnRef) -> Result<(), BillError> {
    if let ColumnRef::Plain { name, kind: ColumnType::Decimal } = key {
        let why = if is_cost(name) { "it is a cost" } else { "its values are amounts" };
        return Err(BillError::ColumnUse { doing: "group", column: name.clone(), why: why.to_owned() });
    }
    Ok(())
}

/// Adds the groups of one part: the rows that count and that all filters hold for.
pub(super) fn part_sums(
    part: &Part,
    filters: &[Resolved],
    keys: &[ColumnRef],
    adding: Adding,
    groups: &mut StoredGroups,
) -> Result<(), BillError> {
    keys.iter().try_for_each(refuse_amounts)?;
    let asked: Vec<Asked<'_>> = keys.iter().map(|key| Asked::of(part, key, adding.tell_absent)).collect();
    let quantity = [QUANTITY].into_iter().filter(|name| adding.quantity && part.has(name));
    let summed: Vec<&'static str> = COSTS.into_iter().filter(|cost| part.has(cost)).chain(quantity).collect();
    let question = Question { asked: &asked, summed: &summed, doing: adding.doing };
    let columns = || keys.iter().map(ColumnRef::name).chain(named(filters));
    let condition = filter::condition(part, filters)?;
    let tallies = if part.needs_lens(columns()) {
        let frame = part.scan_for(columns())?;
        let frame = match condition {
            Some(condition) => frame.filter(condition),
            None => frame,
        };
        vec![question.of_rows(part, frame)?]
    } else {
        let kept = [part.counted(), condition].into_iter().flatten().reduce(Expr::and);
        let kept = kept
            .map(|kept| Query(adding.doing).collect(part.stored()?.select([kept.alias("kept")])))
            .transpose()?;
        question.of_pages(&part.path, kept.as_ref())?
    };
    for Found { key, rows, amounts } in tallies.into_iter().flat_map(Tally::groups) {
        let mut found = Sums { rows, ..Sums::default() };
        for (name, Amount { sum, filled }) in summed.iter().zip(amounts) {
            if let Some(place) = COSTS.iter().position(|cost| cost == name) {
                (found.costs[place], found.filled[place]) = (sum, filled);
            } else {
                (found.quantity, found.with_quantity) = (sum, filled);
            }
        }
        let mut read = key.into_iter();
        let value = |asked: &Asked<'_>| match asked {
            Asked::Same(word) => word.clone(),
            Asked::Column { .. } => read.next().flatten(),
        };
        groups.entry(asked.iter().map(value).collect()).or_default().add(&found)?;
    }
    Ok(())
}

/// One of the keys that is grouped by.
enum Asked<'q> {
    /// It is the same in every row.
    Same(Option<String>),
    /// It is read from a column.
    Column { name: &'q str, is_time: bool, reading: Reading<'q> },
}

impl<'q> Asked<'q> {
    fn of(part: &Part, key: &'q ColumnRef, tell_absent: bool) -> Self {
        let Some(kind) = part.kind(key.name()) else {
            return Self::Same(tell_absent.then(|| NO_COLUMN.to_owned()));
        };
        if let Some(currency) = part.only_currency(key) {
            return Self::Same(Some(currency.to_owned()).filter(|currency| !currency.is_empty()));
        }
        let is_time = kind == ColumnType::Time;
        let reading = match key {
            ColumnRef::Key { key, .. } => Reading::JsonKey(key),
            ColumnRef::Day { .. } if is_time => Reading::Span { width_micros: moment::PER_DAY },
            ColumnRef::Hour { .. } if is_time => Reading::Span { width_micros: moment::PER_HOUR },
            _ => Reading::AsIs,
        };
        Self::Column { name: key.name(), is_time, reading }
    }
}

/// What is asked of the rows.
struct Question<'q> {
    asked: &'q [Asked<'q>],
    summed: &'q [&'static str],
    doing: &'static str,
}

impl<'q> Question<'q> {
    /// The columns that are grouped by, and whether they hold moments.
    fn columns(&self) -> impl Iterator<Item = (&'q str, bool)> {
        self.asked.iter().filter_map(|asked| match asked {
            Asked::Same(_) => None,
            Asked::Column { name, is_time, .. } => Some((*name, *is_time)),
        })
    }

    fn tally(&self) -> Tally<'q> {
        let reading = |asked: &Asked<'q>| match asked {
            Asked::Same(_) => None,
            Asked::Column { reading, .. } => Some(*reading),
        };
        let readings: Vec<Reading<'q>> = self.asked.iter().filter_map(reading).collect();
        Tally::new(&readings, self.summed)
    }

    fn failed(&self, source: PolarsError) -> BillError {
        BillError::Query { doing: self.doing, source }
    }

    /// Adds up the stored rows for which the one column of `kept` says so, row groups side by side.
    fn of_pages(&self, path: &Path, kept: Option<&DataFrame>) -> Result<Vec<Tally<'q>>, BillError> {
        let failed = |source| self.failed(source);
        let open = || File::open(path).map_err(|error| failed(error.into()));
        let metadata = ParquetReader::new(open()?).get_metadata().map_err(failed)?.clone();
        let kept = kept.map(|frame| frame.columns()[0].bool()).transpose().map_err(failed)?;
        let kept = match kept {
            // A condition that looks at no column holds for all rows or for none.
            Some(kept) if kept.len() == 1 && kept.get(0) != Some(true) => return Ok(Vec::new()),
            Some(kept) if kept.len() == 1 => None,
            Some(kept) if kept.len() == metadata.num_rows => Some(kept.rechunk()),
            Some(_) => return Err(failed(polars_err!(ComputeError: "the store changed while it was read"))),
            None => None,
        };
        let kept = kept.as_ref().map(|kept| kept.downcast_as_array().values());
        let starts: Vec<usize> = metadata
            .row_groups
            .iter()
            .scan(0, |start, group| Some(std::mem::replace(start, *start + group.num_rows())))
            .collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let (mut pages, mut tally, mut rows) = (Pages::new(open()?), self.tally(), Vec::new());
            let mut keys: Vec<KeyCells> =
                self.columns().map(|(_, is_time)| KeyCells::none(is_time)).collect();
            let mut amounts = vec![Coded::default(); self.summed.len()];
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(group) = metadata.row_groups.get(place) else { return Ok(tally) };
                let height = group.num_rows();
                let kept = kept.map(|kept| kept.clone().sliced(starts[place], height));
                if kept.as_ref().is_some_and(|kept| kept.set_bits() == 0) {
                    continue;
                }
                rows.clear();
                rows.extend(kept.iter().flat_map(|kept| kept.true_idx_iter()).map(|row| row as u32));
                self.read(&mut pages, group, &mut keys, &mut amounts)
                    .map_err(|error| failed(error.into()))?;
                let rows = kept.is_some_and(|kept| kept.unset_bits() > 0).then_some(rows.as_slice());
                tally.add(&keys, &amounts, height, rows)?;
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        std::thread::scope(|scope| {
            let started: Vec<_> =
                (0..threads.min(metadata.row_groups.len())).map(|_| scope.spawn(work)).collect();
            let panicked =
                |_panic| Err(failed(polars_err!(ComputeError: "the pages of the store are damaged")));
            started.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
        })
    }

    fn read(
        &self,
        pages: &mut Pages,
        group: &RowGroupMetadata,
        keys: &mut [KeyCells],
        amounts: &mut [Coded<i128>],
    ) -> ParquetResult<()> {
        for ((name, _), cells) in self.columns().zip(keys) {
            match cells {
                KeyCells::Texts(cells) => pages.texts(group, name, cells)?,
                KeyCells::Moments(cells) => pages.moments(group, name, cells)?,
            }
        }
        for (name, cells) in self.summed.iter().zip(amounts) {
            pages.amounts(group, name, cells)?;
        }
        Ok(())
    }

    /// Adds up these rows, which may have columns that are not in the store.
    fn of_rows(&self, part: &Part, frame: LazyFrame) -> Result<Tally<'q>, BillError> {
        let failed = |source| self.failed(source);
        let keys = self.columns().enumerate().map(|(place, (name, is_time))| {
            let column = if is_time { col(name).to_physical() } else { col(name) };
            column.alias(format!("key{place}"))
        });
        let mut columns: Vec<Expr> = keys.chain(self.summed.iter().map(|name| col(*name))).collect();
        if columns.is_empty() {
            // Without columns there would be no rows to count.
            columns.extend(part.imported.columns.first().map(|name| col(name.as_str())));
        }
        let mut tally = self.tally();
        each_batch(frame.select(columns), BATCH_ROWS, &failed, &mut |batch| {
            let (of_keys, of_amounts) = batch.columns().split_at(self.columns().count());
            let cells = self.columns().zip(of_keys).map(|((_, is_time), column)| {
                Ok(if is_time {
                    KeyCells::Moments(coded(column.i64()?.iter()))
                } else {
                    KeyCells::Texts(coded_texts(column.str()?))
                })
            });
            let keys = cells.collect::<PolarsResult<Vec<_>>>().map_err(failed)?;
            let amounts = self.summed.iter().zip(of_amounts).map(|(_, column)| {
                let amounts = column.decimal()?;
                polars_ensure!(
                    amounts.scale() == SCALE as usize,
                    ComputeError: "the column {} has {} places", column.name(), amounts.scale()
                );
                Ok(coded(amounts.physical().iter()))
            });
            let amounts = amounts.collect::<PolarsResult<Vec<_>>>().map_err(failed)?;
            tally.add(&keys, &amounts, batch.height(), None)
        })?;
        Ok(tally)
    }
}

/// Cells of which each has a value of its own.
fn coded<T>(cells: impl Iterator<Item = Option<T>>) -> Coded<T> {
    let mut values = Vec::new();
    let code = |cell: Option<T>| match cell {
        Some(value) => {
            values.push(value);
            values.len() as u32 - 1
        }
        None => NO_VALUE,
    };
    let codes = cells.map(code).collect();
    Coded { codes, values }
}

fn coded_texts(texts: &StringChunked) -> Coded<Box<str>> {
    let mut known: PlHashMap<&str, u32> = PlHashMap::default();
    let mut values: Vec<Box<str>> = Vec::new();
    let mut code = |text| {
        let next = values.len() as u32;
        let code = *known.entry(text).or_insert(next);
        if code == next {
            values.push(text.into());
        }
        code
    };
    let codes = texts.iter().map(|text| text.map_or(NO_VALUE, &mut code)).collect();
    Coded { codes, values }
}
