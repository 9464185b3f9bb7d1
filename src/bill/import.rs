//! Imports a bill into the store, whether it is one file or many: one pass over its rows, books kept, then a rename.
//!
//! Whatever goes wrong, the store is as it was before.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::columns::ColumnType;
use super::delivery::{self, Delivery, Piece, Skipped};
use super::error::BillError;
use super::formats::databricks::prices::Prices;
use super::formats::{self, Kind, Plan, RowSink, Target};
use super::input::Input;
use super::moment::PER_SEC;
use super::pipeline::{self, Outlet};
use super::price_tables::{prices_of, read_prices};
use super::profile::Values;
use super::reconcile::{Keeper, Ledger};
use super::row_batch::RowBatch;
use super::rows::Rows;
use super::slices::Slice;
use super::store::{Store, hash_file, hash_of_both, hash_of_many};
use super::store_writer::StoreWriter;
use super::table::{Books, Table};
use super::united::United;
use super::warnings::{Place, Warnings};
use super::{Costs, MissingCells, Warning};

/// Told the share of the rows that is done, in [0, 1]; an error stops the reading.
pub(super) type RowStep<'a> = dyn FnMut(f64) -> Result<(), BillError> + 'a;

/// The share of an import that hashing takes.
const HASH_SHARE: f64 = 0.1;
/// The share that opening the files takes: of JSON lines it is a pass over them.
const OPEN_SHARE: f64 = 0.1;
/// The column of a bill of many files with the name of the file that a row is of.
pub const FILE_COLUMN: &str = "x_SourceFile";

/// A bill in the store, and what was found while reading it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// The files of a bill of many; empty for one that is a file by itself.
    #[serde(default)]
    pub parts: Vec<Part>,
    /// What else lay in the folder or archive.
    #[serde(default)]
    pub skipped: Vec<Skipped>,
    /// What its rows are of, account by account, period by period, file by file; empty where they are too many, and in
    /// reports of versions that had none.
    #[serde(default)]
    pub slices: Vec<Slice>,
    /// What was written down to reconcile the bill; `None` in reports of versions that kept none.
    #[serde(default)]
    pub ledger: Option<Box<Ledger>>,
}

/// One file of a bill of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name within the delivery, as in the column [`FILE_COLUMN`].
    pub file: String,
    /// Its format.
    pub kind: String,
    /// Bytes it takes on disk, or in its archive.
    pub bytes: u64,
    /// Rows kept.
    pub rows: u64,
    /// Rows left out because their cells do not line up with the header.
    pub dropped: u64,
    /// When it was last changed, in seconds since 1970-01-01 UTC.
    pub modified_unix_secs: Option<i64>,
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
    /// Rows that cost something and name no currency: no rate converts them.
    pub fn unnamed_rows(&self) -> u64 {
        let costs = self.totals.get("").map(super::share::named);
        let cost_something = costs.is_some_and(|costs| costs.iter().any(|(_, cost)| cost.is_some()));
        self.currencies.get("").copied().filter(|_| cost_something).unwrap_or(0)
    }

    /// The totals when all rows are in one currency, with that currency.
    pub fn single_total(&self) -> Option<(&str, Costs)> {
        let mut totals = self.totals.iter();
        let (currency, costs) = totals.next()?;
        totals.next().is_none().then_some((currency.as_str(), *costs))
    }
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
    let delivery = delivery::find(path, cancel)?;
    let mut bills = import_delivery(&delivery, store, progress, cancel)?;
    match (bills.pop(), bills.len()) {
        (Some(only), 0) => Ok(only),
        (_, more) => Err(BillError::SeveralBills { count: more + 1, path: path.to_owned() }),
    }
}

/// Imports everything that was found under a path: a bill for each family of formats, with all its files. `progress`
/// and `cancel` as in [`import()`].
///
/// # Errors
/// As in [`import()`], for any of the files; nothing of the delivery is in the result then.
pub fn import_delivery(
    delivery: &Delivery,
    store: &Store,
    progress: &mut dyn FnMut(f64),
    cancel: &dyn Fn() -> bool,
) -> Result<Vec<Imported>, BillError> {
    let is_prices = |piece: &&Piece| piece.kind == Kind::DatabricksPrices;
    let prices: Vec<&Piece> = delivery.pieces.iter().filter(is_prices).collect();
    let mut families: BTreeMap<&str, Vec<&Piece>> = BTreeMap::new();
    for piece in delivery.pieces.iter().filter(|piece| !is_prices(piece)) {
        families.entry(piece.kind.family()).or_default().push(piece);
    }
    if families.is_empty() {
        return Err(formats::databricks::prices::alone(&delivery.path));
    }
    let count = families.len() as f64;
    let mut bills = Vec::new();
    for (place, (family, pieces)) in families.into_iter().enumerate() {
        let prices = if family == Kind::DatabricksUsage.family() {
            prices_of(&pieces, &prices, &delivery.path)?
        } else {
            None
        };
        // Two families under one name would be one bill to the eye.
        let name = if count > 1.0 { format!("{} ({family})", delivery.name) } else { delivery.name.clone() };
        let job = Job { delivery, pieces: &pieces, prices: prices.as_ref(), name, store };
        bills.push(job.run(&mut |done| progress((place as f64 + done) / count), cancel)?);
    }
    Ok(bills)
}

/// Reads everything under a path as an import does and keeps nothing: rows that would be kept, rows that would be
/// dropped, and the warnings of each file.
///
/// # Errors
/// As in [`import()`].
pub fn dry_run(path: &Path) -> Result<(u64, u64, Vec<Warning>), BillError> {
    let delivery = delivery::find(path, &|| false)?;
    let (mut rows, mut dropped, mut all) = (0, 0, Vec::new());
    for piece in delivery.pieces.iter().filter(|piece| piece.kind != Kind::DatabricksPrices) {
        let mut warnings = Warnings::new(&piece.name);
        let opened = Rows::open(&piece.input, &mut |_done| Ok(()))?;
        let plan = formats::plan(opened.header(), opened.preamble(), piece.input.shown())?;
        let Plan { kind, targets, mut mapper, .. } = plan;
        let mut table = Table::new(&targets, matches!(kind, Kind::Focus(_)));
        let mut waiting = RowBatch::default();
        let mut build = |waiting: &mut RowBatch, warnings: &mut Warnings| {
            table.add(waiting, warnings)?;
            waiting.clear();
            if table.is_full() { table.take().map(drop) } else { Ok(()) }
        };
        dropped += opened.read(
            &mut warnings,
            &mut |cells, place, warnings| {
                mapper.map(cells, place, warnings, &mut |cells, place, warnings| {
                    waiting.push(cells, None, place);
                    if waiting.is_full() { build(&mut waiting, warnings) } else { Ok(()) }
                })
            },
            &mut |_done| Ok(()),
        )?;
        build(&mut waiting, &mut warnings)?;
        mapper.finish(&mut warnings);
        rows += table.finish(&mut warnings).rows;
        all.extend(warnings.finish().0);
    }
    Ok((rows, dropped, all))
}

/// A file whose columns are known, with its rows where they may stay open.
type Opened = (Option<Rows>, Vec<Target>);

/// A bill to be imported.
struct Job<'j> {
    delivery: &'j Delivery,
    pieces: &'j [&'j Piece],
    prices: Option<&'j Input>,
    name: String,
    store: &'j Store,
}

impl Job<'_> {
    fn run(&self, progress: &mut dyn FnMut(f64), cancel: &dyn Fn() -> bool) -> Result<Imported, BillError> {
        let Self { delivery, pieces, prices, ref name, store } = *self;
        let before = pieces.iter().map(|piece| piece.input.stamp()).collect::<Result<Vec<_>, _>>()?;
        let sizes = pieces.iter().map(|piece| piece.input.packed_bytes()).collect::<Result<Vec<_>, _>>()?;
        let total = sizes.iter().sum::<u64>().max(1) as f64;
        let hash = self.hash(total, &mut |done| {
            progress(done * HASH_SHARE);
            if cancel() { Err(BillError::Cancelled) } else { Ok(()) }
        })?;
        match store.get(&hash) {
            Ok(Some(known)) => {
                progress(1.0);
                return Ok(known.renamed(name.clone()).with_skipped(delivery));
            }
            // The files themselves are here, so a damaged report is no loss.
            Ok(None) | Err(BillError::Report { .. }) => {}
            Err(error) => return Err(error),
        }
        let mut warnings = Warnings::new(name);
        let prices = match prices {
            Some(input) => Some((read_prices(input, &mut warnings)?, input.shown().to_owned())),
            None => None,
        };
        let is_single = delivery.is_single;
        let opened = self.open(&sizes, total, progress, cancel)?;
        let united = United::of(opened.iter().map(|(_, targets)| targets.as_slice()), is_single);
        if !is_single {
            warnings.of_many();
        }
        let is_focus = pieces.iter().all(|piece| matches!(piece.kind, Kind::Focus(_)));
        let table = Table::new(&united.targets, is_focus);
        let temporary = store.temporary()?;
        let store_error =
            |source| BillError::Store { doing: "write a bill", path: store.folder().to_owned(), source };
        let out = temporary.reopen().map_err(store_error)?;
        let writer = StoreWriter::start(out, store.folder(), table.schema())?;
        let mut pass = Pass { united, table, writer, warnings, prices, keeper: Keeper::default() };
        let (mut parts, mut dropped, mut done_bytes) = (Vec::new(), 0, 0.0);
        for (place, ((piece, bytes), (rows, _))) in pieces.iter().zip(&sizes).zip(opened).enumerate() {
            if !is_single {
                pass.warnings.in_file(&piece.name);
            }
            pass.table.begin_part(place);
            let file = if is_single { name } else { &piece.name };
            let (rows, part_dropped) = pass.read(piece, (file, !is_single), rows, &mut |done: f64| {
                let share = (done_bytes + *bytes as f64 * done) / total;
                progress(HASH_SHARE + OPEN_SHARE + (1.0 - HASH_SHARE - OPEN_SHARE) * share);
                if cancel() { Err(BillError::Cancelled) } else { Ok(()) }
            })?;
            dropped += part_dropped;
            done_bytes += *bytes as f64;
            parts.push(Part {
                file: piece.name.clone(),
                kind: piece.kind.to_string(),
                bytes: *bytes,
                rows,
                dropped: part_dropped,
                modified_unix_secs: before[place].1.and_then(unix_secs),
            });
        }
        let Pass { mut table, mut writer, mut warnings, keeper, .. } = pass;
        writer.write(table.take()?)?;
        writer.finish()?;
        for (piece, before) in pieces.iter().zip(&before) {
            if piece.input.stamp()? != *before {
                return Err(BillError::Changed { path: piece.input.shown().to_owned() });
            }
        }
        warnings.in_file(name);
        let books = table.finish(&mut warnings);
        if books.rows == 0 {
            warnings.about_file(None, "the file has a header and no rows that can be kept".to_owned());
        }
        let mut kinds: Vec<String> = parts.iter().map(|part: &Part| part.kind.clone()).collect();
        kinds.sort();
        kinds.dedup();
        if is_single {
            parts.clear();
        }
        let ledger = keeper.finish(dropped, &warnings);
        let imported =
            report(hash, store, (name, kinds.join(", ")), (books, dropped, parts, ledger), warnings);
        store.put(temporary, &imported)?;
        progress(1.0);
        Ok(imported.with_skipped(delivery))
    }

    /// Opens all files for their columns; those that may stay open do.
    fn open(
        &self,
        sizes: &[u64],
        total: f64,
        progress: &mut dyn FnMut(f64),
        cancel: &dyn Fn() -> bool,
    ) -> Result<Vec<Opened>, BillError> {
        let mut opened = Vec::with_capacity(self.pieces.len());
        let mut done_bytes = 0.0;
        for (piece, bytes) in self.pieces.iter().zip(sizes) {
            let rows = Rows::open(&piece.input, &mut |done: f64| {
                progress(HASH_SHARE + OPEN_SHARE * (done_bytes + *bytes as f64 * done) / total);
                if cancel() { Err(BillError::Cancelled) } else { Ok(()) }
            })?;
            done_bytes += *bytes as f64;
            let plan = formats::plan(rows.header(), rows.preamble(), piece.input.shown())?;
            opened.push((rows.if_light(self.delivery.is_single), plan.targets));
        }
        Ok(opened)
    }

    /// The bill's name in the store.
    fn hash(&self, total: f64, each: &mut RowStep<'_>) -> Result<String, BillError> {
        let mut done = 0.0;
        // An archive is hashed once, whatever it has in it.
        let mut known: BTreeMap<PathBuf, String> = BTreeMap::new();
        let mut contents = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces {
            let disk = piece.input.disk();
            let bytes = piece.input.packed_bytes()? as f64;
            let content = match known.get(disk) {
                Some(content) => content.clone(),
                None => hash_file(disk, |share| each((done + bytes * share) / total))?,
            };
            known.insert(disk.to_owned(), content.clone());
            done += bytes;
            contents.push(content);
        }
        let whole = match (self.delivery.is_single, contents.pop()) {
            (true, Some(only)) => only,
            (_, last) => {
                contents.extend(last);
                let names = self.pieces.iter().map(|piece| piece.name.as_str());
                hash_of_many(contents.iter().map(String::as_str).zip(names))
            }
        };
        // The same usage under other prices is another bill.
        match self.prices {
            Some(prices) => Ok(hash_of_both(&whole, &hash_file(prices.disk(), |_done| Ok(()))?)),
            None => Ok(whole),
        }
    }
}

/// The one pass over the rows of all files.
struct Pass {
    united: United,
    table: Table,
    writer: StoreWriter,
    warnings: Warnings,
    prices: Option<(Prices, PathBuf)>,
    keeper: Keeper,
}

impl Pass {
    /// Reads one file to its end; returns the rows kept and those dropped. `file` is what it is called, and whether it
    /// is one of many.
    fn read(
        &mut self,
        piece: &Piece,
        (file, is_part): (&str, bool),
        rows: Option<Rows>,
        step: &mut RowStep<'_>,
    ) -> Result<(u64, u64), BillError> {
        let Self { united, table, writer, warnings, prices, keeper } = self;
        let rows = match rows {
            Some(rows) => rows,
            None => Rows::open(&piece.input, step)?,
        };
        let shown = piece.input.shown();
        let plan = match prices {
            Some((prices, path)) => {
                let mut plan = formats::databricks::plan(rows.header(), shown, Some(prices.clone()))?;
                plan.remarks.push((None, format!("priced with the table {}", path.display())));
                plan
            }
            None => formats::plan(rows.header(), rows.preamble(), shown)?,
        };
        let Plan { targets, remarks, mut mapper, .. } = plan;
        for (column, remark) in &remarks {
            warnings.about_format(column.as_deref(), remark.clone());
        }
        united.begin(&targets, &piece.name);
        keeper.begin(file, is_part, piece.kind, (rows.header(), rows.preamble()), &targets);
        let before = table.rows();
        let dropped = pipeline::run(
            rows,
            warnings,
            &mut |row, said, outlet| {
                keeper.read(row.cells, row.place);
                mapper.map_changed(row, said, &mut Kept { keeper, united, outlet })?;
                keeper.done();
                Ok(())
            },
            &mut |rows, said| {
                table.add(rows, said)?;
                if table.is_full() { writer.write(table.take()?) } else { Ok(()) }
            },
            step,
        )?;
        mapper.finish(warnings);
        let kept = table.rows() - before;
        if let Some(told) = piece.told_rows.filter(|told| *told != kept + dropped) {
            let found = kept + dropped;
            warnings.about_file(None, format!("its manifest says {told} rows, and {found} were found"));
        }
        Ok((kept, dropped))
    }
}

/// Rows of the store on their way: the ledger is told of them, and they get the columns of the bill.
struct Kept<'k> {
    keeper: &'k mut Keeper,
    united: &'k United,
    outlet: &'k mut Outlet,
}

impl RowSink for Kept<'_> {
    fn take(
        &mut self,
        cells: &[&str],
        changed: Option<&[usize]>,
        place: Place,
        warnings: &mut Warnings,
    ) -> Result<(), BillError> {
        self.keeper.store(cells, changed, place);
        let changed = changed.filter(|_| self.united.is_same());
        self.outlet.push(&self.united.row(cells), changed, place, warnings)
    }
}

/// The report of a bill that is read to its end.
fn report(
    hash: String,
    store: &Store,
    (file, kind): (&str, String),
    (books, dropped, parts, ledger): (Books, u64, Vec<Part>, Ledger),
    warnings: Warnings,
) -> Imported {
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
    Imported {
        path: store.rows_path(&hash),
        hash,
        file: file.to_owned(),
        kind,
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
        parts,
        skipped: Vec::new(),
        slices: books.slices,
        ledger: Some(Box::new(ledger)),
    }
}

impl Imported {
    /// The same content may come under another name.
    fn renamed(mut self, file: String) -> Self {
        for warning in self.warnings.iter_mut().filter(|warning| warning.file == self.file) {
            warning.file.clone_from(&file);
        }
        if let Some(ledger) = &mut self.ledger {
            ledger.rename(&self.file, &file);
        }
        self.file = file;
        self
    }

    /// What lies beside the bill's files differs from place to place.
    fn with_skipped(mut self, delivery: &Delivery) -> Self {
        self.skipped.clone_from(&delivery.skipped);
        self
    }
}

fn unix_secs(time: SystemTime) -> Option<i64> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
