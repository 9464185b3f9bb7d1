//! Imports a bill file into the store: one pass over its rows, books kept, then a rename.
//!
//! Whatever goes wrong, the store is as it was before.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::SystemTime;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::columns::ColumnType;
use super::csv_rows::CsvRows;
use super::error::BillError;
use super::formats::databricks::prices::{PriceRows, Prices};
use super::formats::{self, EachRow, Kind, Plan};
use super::json_rows::JsonRows;
use super::moment::PER_SEC;
use super::parquet_rows::ParquetRows;
use super::profile::Values;
use super::reconcile::{Keeper, Ledger};
use super::source::{self, Content};
use super::store::{Store, hash_file, hash_of_both};
use super::table::Table;
use super::warnings::{Place, Warnings};
use super::{Costs, MissingCells, Warning};

/// Told the share of the rows that is done, in [0, 1]; an error stops the reading.
pub(super) type RowStep<'a> = dyn FnMut(f64) -> Result<(), BillError> + 'a;

/// Files beside a bill that are looked at for one that belongs to it.
const MOST_BESIDE: usize = 200;
/// The largest price table: all SKUs of all clouds with their history are some megabytes.
const MOST_PRICE_BYTES: u64 = 32 << 20;
/// The share of an import that hashing takes.
const HASH_SHARE: f64 = 0.1;

/// A bill in the store, and what was found while reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The bill's name in the store: SHA-256 of the file and the reader's version.
    pub hash: String,
    /// The rows, in the store.
    pub path: PathBuf,
    /// The file's name when it was first imported.
    pub file: String,
    /// `FOCUS 1.2`.
    pub kind: String,
    /// Rows kept.
    pub rows: u64,
    /// Rows left out because their cells do not line up with the header; each is counted in the warnings.
    pub dropped: u64,
    /// Rows by `BillingCurrency`; the empty name is "no currency".
    pub currencies: BTreeMap<String, u64>,
    /// The four costs by `BillingCurrency`.
    pub totals: BTreeMap<String, Costs>,
    /// Cells of the four costs without a value, by column; not in the map when there are none.
    pub missing: BTreeMap<String, MissingCells>,
    /// Earliest `ChargePeriodStart`, in seconds since 1970-01-01 UTC.
    pub first_charge_unix_secs: Option<i64>,
    /// Latest `ChargePeriodEnd`, in seconds since 1970-01-01 UTC.
    pub last_charge_unix_secs: Option<i64>,
    /// The stored columns, in order.
    pub columns: Vec<String>,
    /// What each column holds, in the same order.
    pub profiles: Vec<ColumnProfile>,
    /// The first warnings of each kind, then how many more there are.
    pub warnings: Vec<Warning>,
    /// All warnings, listed or not.
    pub warnings_total: u64,
    /// What was written down to reconcile the bill; `None` in reports of versions that kept none.
    #[serde(default)]
    pub ledger: Option<Box<Ledger>>,
}

/// What a stored column holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Its type.
    pub kind: ColumnType,
    /// Its distinct values, while they are few.
    pub values: Values,
    /// Keys of a JSON column, with their distinct values.
    pub keys: BTreeMap<String, Values>,
}

impl Imported {
    /// The totals when all rows are in one currency, with that currency.
    pub fn single_total(&self) -> Option<(&str, Costs)> {
        let mut totals = self.totals.iter();
        let (currency, costs) = totals.next()?;
        totals.next().is_none().then_some((currency.as_str(), *costs))
    }
}

enum Rows {
    Csv(CsvRows),
    Json(JsonRows),
    Parquet(ParquetRows),
}

impl Rows {
    fn open(path: &Path) -> Result<Self, BillError> {
        Ok(match source::sniff(path)? {
            Content::Csv { packing, separator } => Self::Csv(CsvRows::open(path, packing, separator)?),
            Content::Json { packing } => Self::Json(JsonRows::open(path, packing)?),
            Content::Parquet => Self::Parquet(ParquetRows::open(path)?),
        })
    }

    fn header(&self) -> &[String] {
        match self {
            Self::Csv(rows) => rows.header(),
            Self::Json(rows) => rows.header(),
            Self::Parquet(rows) => rows.header(),
        }
    }

    fn preamble(&self) -> &[(String, String)] {
        match self {
            Self::Csv(rows) => rows.preamble(),
            Self::Json(_) | Self::Parquet(_) => &[],
        }
    }

    fn read(
        self,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
        step: &mut RowStep<'_>,
    ) -> Result<u64, BillError> {
        match self {
            Self::Csv(rows) => rows.read(warnings, row, step),
            Self::Json(rows) => rows.read(warnings, row, step),
            Self::Parquet(rows) => rows.read(warnings, row, step),
        }
    }
}

/// The format of a file, from its first bytes and its header.
///
/// # Errors
/// The file cannot be read, or is no bill that is understood.
pub fn detect(path: &Path) -> Result<Kind, BillError> {
    let rows = Rows::open(path)?;
    Ok(formats::plan(rows.header(), rows.preamble(), path)?.kind)
}

/// Imports a file, or finds that the store already has it. `progress` is told the share that is done, in
/// [0, 1]; `cancel` is asked between batches of rows.
///
/// # Errors
/// The file is no bill, is damaged or cannot be kept; or the caller cancelled. Nothing is kept then.
pub fn import(
    path: &Path,
    store: &Store,
    progress: &mut dyn FnMut(f64),
    cancel: &dyn Fn() -> bool,
) -> Result<Imported, BillError> {
    let before = stamp(path)?;
    let rows = Rows::open(path)?;
    let mut plan = formats::plan(rows.header(), rows.preamble(), path)?;
    let mut hash = hash_file(path, |done| {
        progress(done * HASH_SHARE);
        if cancel() { Err(BillError::Cancelled) } else { Ok(()) }
    })?;
    let file = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut warnings = Warnings::new(&file);
    if plan.kind == Kind::DatabricksUsage
        && let Some(beside) = price_table_beside(path)?
    {
        // The same usage under other prices is another bill.
        hash = hash_of_both(&hash, &hash_file(&beside, |_done| Ok(()))?);
        let prices = read_prices(&beside, &mut warnings)?;
        plan = formats::databricks::plan(rows.header(), path, Some(prices))?;
        plan.remarks.push((None, format!("priced with the table beside it: {}", beside.display())));
    }
    let Plan { kind, targets, remarks, mut mapper } = plan;
    match store.get(&hash) {
        Ok(Some(known)) => {
            progress(1.0);
            return Ok(known.renamed(file));
        }
        // The file itself is here, so a damaged report is no loss.
        Ok(None) | Err(BillError::Report { .. }) => {}
        Err(error) => return Err(error),
    }

    for (column, remark) in &remarks {
        warnings.about_file(column.as_deref(), remark.clone());
    }
    let mut table = Table::new(&targets, matches!(kind, Kind::Focus(_)));
    let mut keeper = Keeper::default();
    keeper.begin(&file, kind, rows.header(), rows.preamble(), &targets);
    let temporary = store.temporary()?;
    let store_error =
        |source| BillError::Store { doing: "write a bill", path: store.folder().to_owned(), source };
    let out = temporary.reopen().map_err(store_error)?;
    let mut writer = Writer::start(out, table.schema());
    let dropped = rows.read(
        &mut warnings,
        &mut |cells, place, warnings| {
            keeper.read(cells, place);
            mapper.map(cells, place, warnings, &mut |cells, place, warnings| {
                keeper.store(cells, place);
                table.push(cells, place, warnings)?;
                if table.is_full() {
                    writer.write(table.take().map_err(polars_failed)?)?;
                }
                Ok(())
            })?;
            keeper.done();
            Ok(())
        },
        &mut |done| {
            progress(HASH_SHARE + (1.0 - HASH_SHARE) * done);
            if cancel() { Err(BillError::Cancelled) } else { Ok(()) }
        },
    )?;
    mapper.finish(&mut warnings);
    writer.write(table.take().map_err(polars_failed)?)?;
    writer.finish()?;
    if stamp(path)? != before {
        return Err(BillError::Changed { path: path.to_owned() });
    }

    let books = table.finish(&mut warnings);
    if books.rows == 0 {
        warnings.about_file(None, "the file has a header and no rows that can be kept".to_owned());
    }
    let ledger = keeper.finish(dropped, &warnings);
    let (warnings, warnings_total) = warnings.finish();
    let columns = books.profiles.iter().map(|(name, _, _)| name.clone()).collect();
    let profiles = books
        .profiles
        .iter()
        .map(|(_, kind, profile)| ColumnProfile {
            kind: *kind,
            values: profile.values(),
            keys: profile.keys().clone(),
        })
        .collect();
    let imported = Imported {
        path: store.rows_path(&hash),
        hash,
        file,
        kind: kind.to_string(),
        rows: books.rows,
        dropped,
        currencies: books.currencies,
        totals: books.totals,
        missing: books.missing,
        first_charge_unix_secs: books.first_start.map(|micros| micros.div_euclid(PER_SEC)),
        last_charge_unix_secs: books.last_end.map(|micros| micros.div_euclid(PER_SEC)),
        columns,
        profiles,
        warnings,
        warnings_total,
        ledger: Some(Box::new(ledger)),
    };
    store.put(temporary, &imported)?;
    progress(1.0);
    Ok(imported)
}

/// Databricks' price table in the same folder as its usage, where there is exactly one.
fn price_table_beside(path: &Path) -> Result<Option<PathBuf>, BillError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let read_error = |source| BillError::Read { path: folder.to_owned(), source };
    let mut others: Vec<PathBuf> =
        std::fs::read_dir(folder).map_err(read_error)?.flatten().map(|entry| entry.path()).collect();
    others.sort();
    let mut tables = Vec::new();
    for other in others.into_iter().filter(|other| other != path).take(MOST_BESIDE) {
        // Prices are few: a large file is something else, and is not read for nothing.
        if !std::fs::metadata(&other).is_ok_and(|about| about.is_file() && about.len() <= MOST_PRICE_BYTES) {
            continue;
        }
        // What cannot be read, or is something else, is no price table.
        let Ok(rows) = Rows::open(&other) else { continue };
        if formats::recognise(rows.header()) == Some(Kind::DatabricksPrices) {
            tables.push(other);
        }
    }
    match tables.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.clone())),
        [first, second, ..] => Err(BillError::ManyPriceTables {
            path: path.to_owned(),
            first: first.clone(),
            second: second.clone(),
        }),
    }
}

fn read_prices(path: &Path, warnings: &mut Warnings) -> Result<Prices, BillError> {
    let rows = Rows::open(path)?;
    let mut prices = PriceRows::new(rows.header(), path)?;
    let mut push = |cells: &[&str], place: Place, warnings: &mut Warnings| {
        prices.push(cells, place, warnings);
        Ok(())
    };
    rows.read(warnings, &mut push, &mut |_done| Ok(()))?;
    Ok(prices.finish())
}

impl Imported {
    /// The same content may come under another name.
    fn renamed(mut self, file: String) -> Self {
        for warning in &mut self.warnings {
            warning.file.clone_from(&file);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.rename(&self.file, &file);
        }
        self.file = file;
        self
    }
}

/// Size and time of the last change: a file that is still being written must not be kept under the hash of its
/// beginning.
fn stamp(path: &Path) -> Result<(u64, Option<SystemTime>), BillError> {
    let metadata =
        std::fs::metadata(path).map_err(|source| BillError::Read { path: path.to_owned(), source })?;
    Ok((metadata.len(), metadata.modified().ok()))
}

fn polars_failed(source: PolarsError) -> BillError {
    BillError::Query { doing: "build the columns of the bill", source }
}

/// Writes batches on a thread of its own, so that compressing one overlaps with reading the next.
struct Writer {
    batches: Option<SyncSender<DataFrame>>,
    thread: Option<JoinHandle<PolarsResult<()>>>,
}

impl Writer {
    fn start(out: File, schema: Schema) -> Self {
        let (sender, batches) = sync_channel::<DataFrame>(1);
        let thread = std::thread::spawn(move || {
            let mut writer =
                ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(None)).batched(&schema)?;
            for batch in batches {
                writer.write_batch(&batch)?;
            }
            writer.finish().map(|_bytes| ())
        });
        Self { batches: Some(sender), thread: Some(thread) }
    }

    /// Hands over a batch; when the thread has stopped, its error.
    fn write(&mut self, batch: DataFrame) -> Result<(), BillError> {
        if self.batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok()) {
            return Ok(());
        }
        self.finish()?;
        Err(polars_failed(polars_err!(ComputeError: "the writer stopped early")))
    }

    /// Waits until everything is written.
    fn finish(&mut self) -> Result<(), BillError> {
        self.batches = None;
        let Some(thread) = self.thread.take() else { return Ok(()) };
        let failed = |source| BillError::Query { doing: "write the bill's Parquet file", source };
        match thread.join() {
            Ok(result) => result.map_err(failed),
            Err(_panic) => Err(failed(polars_err!(ComputeError: "the writer failed"))),
        }
    }
}

impl Drop for Writer {
    /// On an early way out the thread must be gone before its temporary file is.
    fn drop(&mut self) {
        let _ = self.finish();
    }
}
