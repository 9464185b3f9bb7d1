//! Writes stored bills as FOCUS 1.2, for any tool that reads it: CSV or Parquet.
//!
//! The columns are the specification's, in its order: the mandatory ones always, the others where a bill has them.
//! Columns that are not of FOCUS follow under names that begin with `x_`, as FOCUS asks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use polars::io::csv::write::BatchedWriter as CsvBatches;
use polars::io::parquet::write::BatchedWriter as ParquetBatches;
use polars::prelude::*;

use super::Filter;
use super::columns::{self, COLUMNS, ColumnType, FocusVersion, Level};
use super::error::BillError;
use super::exact;
use super::filter;
use super::query::{Bill, Part};

/// Rows written at a time: a row group of the Parquet file.
const BATCH_ROWS: usize = 65_536;
/// How FOCUS writes moments.
const MOMENT: &str = "%Y-%m-%dT%H:%M:%SZ";

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FocusFile {
    /// Separated text.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl FocusFile {
    /// The form that a file name's ending asks for; `None` for others than `.csv` and `.parquet`.
    pub fn of_name(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_str()?;
        if ending.eq_ignore_ascii_case("csv") {
            Some(Self::Csv)
        } else {
            ending.eq_ignore_ascii_case("parquet").then_some(Self::Parquet)
        }
    }
}

/// A column of the file: its name, its type, and what it is called in the store.
struct Column {
    name: String,
    kind: ColumnType,
    stored: String,
}

impl Column {
    fn dtype(&self) -> DataType {
        match self.kind {
            ColumnType::Text | ColumnType::Json => DataType::String,
            ColumnType::Decimal => DataType::Decimal(exact::PRECISION, exact::SCALE as usize),
            ColumnType::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        }
    }

    fn of(&self, part: &Part) -> Expr {
        let value = if part.has(&self.stored) {
            col(self.stored.as_str())
        } else if self.name == "ProviderName" && part.has("ServiceProviderName") {
            // The name that FOCUS 1.3 gave it.
            col("ServiceProviderName")
        } else {
            lit(NULL).cast(self.dtype())
        };
        value.alias(self.name.as_str())
    }
}

impl Bill {
    /// Writes the rows that all filters hold for to a new file, which appears whole or not at all; returns how many.
    /// `cancel` is asked between batches of rows.
    ///
    /// # Errors
    /// A filter on an unknown column, a file that cannot be written, or the caller cancelled.
    pub fn write_focus(
        &self,
        filters: &[Filter],
        out: &Path,
        form: FocusFile,
        cancel: &dyn Fn() -> bool,
    ) -> Result<u64, BillError> {
        let filters = self.resolve_filters(filters)?;
        let columns = self.focus_columns();
        let write_error = |source| BillError::Write { path: out.to_owned(), source };
        let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let temporary = new_file(folder).map_err(write_error)?;
        let file = temporary.reopen().map_err(write_error)?;
        let failed = |source| BillError::Query { doing: "write the bill as FOCUS", source };
        let schema: Schema =
            columns.iter().map(|column| Field::new(column.name.as_str().into(), column.dtype())).collect();
        let mut writer = Writer::start(file, form, &schema).map_err(failed)?;
        let mut rows = 0;
        for part in &self.parts {
            let mut frame = part.scan_for(filters.iter().map(|(column, _)| column.name()))?;
            if let Some(condition) = filter::condition(part, &filters)? {
                frame = frame.filter(condition);
            }
            let selected: Vec<Expr> = columns.iter().map(|column| column.of(part)).collect();
            each_batch(frame.select(selected), &mut |batch| {
                if cancel() {
                    return Err(BillError::Cancelled);
                }
                rows += batch.height() as u64;
                writer.write(&batch).map_err(failed)
            })?;
        }
        writer.finish().map_err(failed)?;
        temporary.persist(out).map_err(|error| write_error(error.error))?;
        Ok(rows)
    }

    fn focus_columns(&self) -> Vec<Column> {
        let has = |name: &str| self.parts.iter().any(|part| part.has(name));
        let of_focus = COLUMNS.iter().filter(|column| {
            column.since <= FocusVersion::V1_2 && (has(column.name) || column.level == Level::Mandatory)
        });
        let mut found: Vec<Column> = of_focus
            .map(|column| Column {
                name: column.name.to_owned(),
                kind: column.kind,
                stored: column.name.to_owned(),
            })
            .collect();
        let mut others: BTreeMap<&str, ColumnType> = BTreeMap::new();
        for part in &self.parts {
            for name in &part.imported.columns {
                if columns::find(name).is_none_or(|column| column.since > FocusVersion::V1_2) {
                    others.entry(name).or_insert_with(|| part.kind(name).unwrap_or(ColumnType::Text));
                }
            }
        }
        for (stored, kind) in others {
            let mut name = own_name(stored);
            while found.iter().any(|column| column.name.eq_ignore_ascii_case(&name)) {
                name.push('_');
            }
            found.push(Column { name, kind, stored: stored.to_owned() });
        }
        found
    }
}

/// A file in the folder that is gone unless it is kept, with the rights that files of the user have.
fn new_file(folder: &Path) -> std::io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".writing-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // What the user's mask forbids is taken off.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

/// The name of a column that is not of FOCUS 1.2: `lineItem/UsageType` → `x_lineItem_UsageType`.
fn own_name(stored: &str) -> String {
    let plain: String = stored.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with("x_") { plain } else { format!("x_{plain}") }
}

/// Hands the rows of a query on, batch by batch.
fn each_batch(
    query: LazyFrame,
    take: &mut dyn FnMut(DataFrame) -> Result<(), BillError>,
) -> Result<(), BillError> {
    let failed = |source| BillError::Query { doing: "read a stored bill", source };
    let (sender, batches) = sync_channel::<DataFrame>(1);
    let sender = Mutex::new(sender);
    let send = PlanCallback::new(move |batch: DataFrame| {
        let sender = sender.lock().map_err(|_poisoned| polars_err!(ComputeError: "a writer stopped"))?;
        // Nobody listens any more: stop.
        Ok(sender.send(batch).is_err())
    });
    let query = query.sink_batches(send, true, NonZeroUsize::new(BATCH_ROWS)).map_err(failed)?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || query.collect_with_engine(Engine::Streaming).map(|_nothing| ()));
        let mut result = Ok(());
        for batch in batches {
            result = take(batch);
            if result.is_err() {
                break;
            }
        }
        match reading.join() {
            Ok(Ok(())) => result,
            Ok(Err(error)) => result.and(Err(failed(error))),
            Err(_panic) => result.and(Err(failed(polars_err!(ComputeError: "the reader failed")))),
        }
    })
}

enum Writer {
    Csv(Box<CsvBatches<BufWriter<File>>>),
    Parquet(Box<ParquetBatches<BufWriter<File>>>),
}

impl Writer {
    fn start(file: File, form: FocusFile, schema: &Schema) -> PolarsResult<Self> {
        let file = BufWriter::new(file);
        Ok(match form {
            FocusFile::Csv => {
                let writer = CsvWriter::new(file).with_datetime_format(Some(MOMENT.into()));
                Self::Csv(Box::new(writer.batched(schema)?))
            }
            FocusFile::Parquet => Self::Parquet(Box::new(
                ParquetWriter::new(file).with_compression(ParquetCompression::Zstd(None)).batched(schema)?,
            )),
        })
    }

    fn write(&mut self, batch: &DataFrame) -> PolarsResult<()> {
        match self {
            Self::Csv(writer) => writer.write_batch(batch),
            Self::Parquet(writer) => writer.write_batch(batch),
        }
    }

    fn finish(self) -> PolarsResult<()> {
        match self {
            Self::Csv(mut writer) => writer.finish(),
            Self::Parquet(writer) => writer.finish().map(|_bytes| ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_others_are_called_as_focus_asks() {
        assert_eq!(own_name("lineItem/UsageType"), "x_lineItem_UsageType");
        assert_eq!(own_name("x_Model"), "x_Model");
        assert_eq!(own_name("Größe"), "x_Gr__e");
    }

    #[test]
    fn the_ending_tells_the_form() {
        assert_eq!(FocusFile::of_name(Path::new("a.CSV")), Some(FocusFile::Csv));
        assert_eq!(FocusFile::of_name(Path::new("a.parquet")), Some(FocusFile::Parquet));
        assert_eq!(FocusFile::of_name(Path::new("a.xlsx")), None);
        assert_eq!(FocusFile::of_name(Path::new("csv")), None);
    }
}
