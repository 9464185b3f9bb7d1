//! Writes stored bills as FOCUS 1.2, for any tool that reads it: CSV or Parquet.
//!
//! The columns are the 57 of the specification, in its order, so that any query written for FOCUS 1.2 finds them; what
//! no bill tells is null. Columns that are not of FOCUS follow under names that begin with `x_`, as FOCUS asks.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use polars::io::csv::write::BatchedWriter as CsvBatches;
use polars::io::parquet::write::BatchedWriter as ParquetBatches;
use polars::prelude::*;

use super::Filter;
use super::columns::{self, COLUMNS, ColumnType, FocusVersion};
use super::error::BillError;
use super::exact;
use super::filter::{self, Resolved};
use super::parquet_rows::each_batch;
use super::query::{Bill, Part};
use super::warehouse::WarehouseError;

/// Rows written at a time: a row group of the Parquet file.
const BATCH_ROWS: usize = 65_536;
/// Amounts in the currency of the prices, and the same in the currency of the bill.
const IN_PRICING_CURRENCY: [(&str, &str); 3] = [
    ("PricingCurrencyEffectiveCost", "EffectiveCost"),
    ("PricingCurrencyListUnitPrice", "ListUnitPrice"),
    ("PricingCurrencyContractedUnitPrice", "ContractedUnitPrice"),
];
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

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Columns in which FOCUS allows no null, and how many rows are null all the same, because the bill does not tell.
    pub untold: Vec<(String, u64)>,
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
        let twin = IN_PRICING_CURRENCY.iter().find(|(name, _)| *name == self.name).map(|(_, twin)| *twin);
        if let Some(twin) = twin.filter(|twin| part.has(twin) && part.has("PricingCurrency")) {
            // What is priced in the currency it is billed in is the same amount in both.
            let same = col("PricingCurrency").eq(col("BillingCurrency"));
            let own = self.stored_in(part);
            return when(own.clone().is_null().and(same))
                .then(col(twin))
                .otherwise(own)
                .alias(self.name.as_str());
        }
        self.stored_in(part).alias(self.name.as_str())
    }

    fn stored_in(&self, part: &Part) -> Expr {
        if part.has(&self.stored) {
            col(self.stored.as_str())
        } else if self.name == "ProviderName" && part.has("ServiceProviderName") {
            // The name that FOCUS 1.3 gave it.
            col("ServiceProviderName")
        } else {
            lit(NULL).cast(self.dtype())
        }
    }
}

impl Bill {
    /// Writes the rows that all filters hold for to a new file, which appears whole or not at all. `cancel` is asked
    /// between batches of rows.
    ///
    /// # Errors
    /// A filter on an unknown column, a file that cannot be written, or the caller cancelled.
    pub fn write_focus(
        &self,
        filters: &[Filter],
        out: &Path,
        form: FocusFile,
        cancel: &dyn Fn() -> bool,
    ) -> Result<Written, BillError> {
        if let Some(table) = self.parts.iter().find_map(|part| part.table.as_ref()) {
            let doing = "write the bill as FOCUS".to_owned();
            return Err(WarehouseError::OnlyAggregates { doing, table: table.place() }.into());
        }
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
        let demands = |column: &&Column| columns::find(&column.name).is_some_and(|column| !column.nullable);
        let mut untold: Vec<(String, u64)> =
            columns.iter().filter(demands).map(|column| (column.name.clone(), 0)).collect();
        for part in &self.parts {
            let mut frame = part.scan_for(filters.iter().filter_map(Resolved::column_name))?;
            if let Some(condition) = filter::condition(part, &filters)? {
                frame = frame.filter(condition);
            }
            let selected: Vec<Expr> = columns.iter().map(|column| column.of(part)).collect();
            let reading = |source| BillError::Query { doing: "read a stored bill", source };
            each_batch(frame.select(selected), BATCH_ROWS, &reading, &mut |batch| {
                if cancel() {
                    return Err(BillError::Cancelled);
                }
                rows += batch.height() as u64;
                for (name, count) in &mut untold {
                    *count += batch.column(name).map_err(failed)?.null_count() as u64;
                }
                writer.write(&batch).map_err(failed)
            })?;
        }
        writer.finish().map_err(failed)?;
        temporary.persist(out).map_err(|error| write_error(error.error))?;
        untold.retain(|(_, count)| *count > 0);
        Ok(Written { rows, untold })
    }

    fn focus_columns(&self) -> Vec<Column> {
        let of_focus = COLUMNS.iter().filter(|column| column.since <= FocusVersion::V1_2);
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
