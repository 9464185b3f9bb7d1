//! Rows of a Parquet bill, whatever types its writer chose: every cell becomes text again and goes the one way
//! all cells go, so that the same value means the same from every format.

use std::num::NonZeroUsize;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use polars::prelude::*;

use super::error::BillError;
use super::formats::EachRow;
use super::import::RowStep;
use super::input::Input;
use super::moment;
use super::source::mended;
use super::warnings::{Place, Warnings};

/// Rows taken at a time.
const CHUNK_ROWS: usize = 16_384;

/// A Parquet file, its footer read.
pub struct ParquetRows {
    path: PathBuf,
    /// Keeps the copy of an archive's member as long as it is read.
    _input: Input,
    frame: LazyFrame,
    schema: SchemaRef,
    header: Vec<String>,
    total_rows: u64,
}

impl ParquetRows {
    /// Opens the file and reads its footer.
    ///
    /// # Errors
    /// The file is damaged or cut off.
    pub fn open(input: &Input) -> Result<Self, BillError> {
        let shown = input.shown();
        let path = &input.on_disk()?;
        let failed = |source| BillError::Parquet { path: shown.to_owned(), source };
        let file =
            std::fs::File::open(path).map_err(|source| BillError::Read { path: shown.to_owned(), source })?;
        // On some damaged footers polars panics instead of returning an error.
        let footer = std::panic::catch_unwind(AssertUnwindSafe(|| {
            let total_rows = ParquetReader::new(file).num_rows()? as u64;
            let mut frame = scan(path)?;
            let schema = frame.collect_schema()?;
            PolarsResult::Ok((total_rows, frame, schema))
        }));
        let (total_rows, frame, schema) = footer
            .unwrap_or_else(|_panic| Err(polars_err!(ComputeError: "the footer is damaged")))
            .map_err(failed)?;
        let header = schema.iter_names().map(|name| name.trim().to_owned()).collect();
        Ok(Self { path: shown.to_owned(), _input: input.clone(), frame, schema, header, total_rows })
    }

    /// The names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// Hands every row to `row` and the share that is done to `step`.
    ///
    /// # Errors
    /// The file cannot be read to its end, or a callback's error.
    pub fn read(
        self,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
        step: &mut RowStep<'_>,
    ) -> Result<u64, BillError> {
        let Self { path, frame, schema, total_rows, .. } = self;
        let failed = |source| BillError::Parquet { path: path.clone(), source };
        for (name, dtype) in schema.iter() {
            if dtype.is_float() {
                warnings.about_format(
                    Some(name),
                    "the file holds binary floats here, which are only close to the decimal amounts they stand for"
                        .to_owned(),
                );
            }
        }
        let mut number = 0;
        each_batch(frame, CHUNK_ROWS, &failed, &mut |batch| {
            batch_rows(&batch, &mut number, warnings, row, &failed)?;
            step(number as f64 / total_rows.max(1) as f64)
        })?;
        Ok(0)
    }
}

/// Hands the rows of a query on, `rows` at a time. `failed` says what was being done when polars fails.
///
/// # Errors
/// Those of polars and of `take`.
pub fn each_batch(
    query: LazyFrame,
    rows: usize,
    failed: &dyn Fn(PolarsError) -> BillError,
    take: &mut dyn FnMut(DataFrame) -> Result<(), BillError>,
) -> Result<(), BillError> {
    let (sender, batches) = sync_channel::<DataFrame>(1);
    let sender = Mutex::new(sender);
    let send = PlanCallback::new(move |batch: DataFrame| {
        let sender = sender.lock().map_err(|_poisoned| polars_err!(ComputeError: "a reader stopped"))?;
        // Nobody listens any more: stop.
        Ok(sender.send(batch).is_err())
    });
    let query = query.sink_batches(send, true, NonZeroUsize::new(rows)).map_err(failed)?;
    std::thread::scope(|scope| {
        let reading = scope.spawn(move || query.collect_with_engine(Engine::Streaming).map(|_nothing| ()));
        let mut result = Ok(());
        for batch in batches {
            result = take(batch);
            if result.is_err() {
                break;
            }
        }
        // The receiver is gone by now, so the reader ends.
        match reading.join() {
            Ok(Ok(())) => result,
            Ok(Err(error)) => result.and(Err(failed(error))),
            Err(_panic) => result.and(Err(failed(polars_err!(ComputeError: "the Parquet reader failed")))),
        }
    })
}

fn batch_rows(
    batch: &DataFrame,
    number: &mut u64,
    warnings: &mut Warnings,
    row: &mut EachRow<'_>,
    failed: &dyn Fn(PolarsError) -> BillError,
) -> Result<(), BillError> {
    let columns: Vec<StringChunked> = batch
        .columns()
        .iter()
        .map(|column| text_of(column.as_materialized_series()))
        .collect::<PolarsResult<_>>()
        .map_err(failed)?;
    let mut cells: Vec<&str> = Vec::with_capacity(columns.len());
    for index in 0..batch.height() {
        cells.clear();
        cells.extend(columns.iter().map(|column| column.get(index).unwrap_or("")));
        *number += 1;
        row(&cells, Place { line: None, row: *number }, warnings)?;
    }
    Ok(())
}

/// The column as text, exactly: decimals with all their digits, moments in UTC, nested values as JSON.
fn text_of(series: &Series) -> PolarsResult<StringChunked> {
    if let Ok(text) = series.str() {
        return Ok(text.rechunk().into_owned());
    }
    if matches!(series.dtype(), DataType::Categorical(..) | DataType::Enum(..)) {
        return Ok(series.cast(&DataType::String)?.str()?.rechunk().into_owned());
    }
    let mut builder = StringChunkedBuilder::new(series.name().clone(), series.len());
    for value in series.iter() {
        builder.append_option(any_text(&value));
    }
    Ok(builder.finish())
}

fn any_text(value: &AnyValue<'_>) -> Option<String> {
    Some(match value {
        AnyValue::Null => return None,
        AnyValue::String(text) => (*text).to_owned(),
        AnyValue::StringOwned(text) => text.to_string(),
        // Some writers leave out that their bytes are text.
        AnyValue::Binary(bytes) => bytes_text(bytes),
        AnyValue::BinaryOwned(bytes) => bytes_text(bytes),
        AnyValue::Decimal(digits, _, scale) => decimal_text(*digits, *scale),
        AnyValue::Date(days) => moment::show(i64::from(*days) * moment::PER_DAY),
        AnyValue::Datetime(count, unit, _) | AnyValue::DatetimeOwned(count, unit, _) => {
            datetime_text(*count, *unit)
        }
        AnyValue::List(_) | AnyValue::Struct(..) | AnyValue::StructOwned(_) => json_of(value).to_string(),
        // Rust writes the shortest text that reads back as the same number.
        AnyValue::Float32(number) => number.to_string(),
        AnyValue::Float64(number) => number.to_string(),
        other => other.to_string(),
    })
}

fn bytes_text(bytes: &[u8]) -> String {
    mended(bytes)
}

fn datetime_text(count: i64, unit: TimeUnit) -> String {
    moment::show(match unit {
        TimeUnit::Nanoseconds => count.div_euclid(1_000),
        TimeUnit::Microseconds => count,
        TimeUnit::Milliseconds => count.saturating_mul(1_000),
    })
}

fn decimal_text(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let magnitude = format!("{:0>width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = magnitude.split_at(magnitude.len() - scale);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// A nested value as JSON. A list of key-value pairs, which is how a Parquet map arrives, becomes an object.
fn json_of(value: &AnyValue<'_>) -> serde_json::Value {
    use serde_json::Value;
    match value {
        AnyValue::Null => Value::Null,
        AnyValue::Boolean(truth) => Value::Bool(*truth),
        AnyValue::List(items) => {
            let items: Vec<Value> = items.iter().map(|item| json_of(&item)).collect();
            let pairs: Option<serde_json::Map<String, Value>> = items
                .iter()
                .map(|item| {
                    let pair = item.as_object().filter(|pair| pair.len() == 2)?;
                    Some((pair.get("key")?.as_str()?.to_owned(), pair.get("value")?.clone()))
                })
                .collect();
            // An empty list of pairs is as well one of anything.
            pairs.filter(|pairs| !pairs.is_empty()).map_or(Value::Array(items), Value::Object)
        }
        AnyValue::Struct(..) | AnyValue::StructOwned(_) => {
            let AnyValue::StructOwned(fields) = value.clone().into_static() else { return Value::Null };
            let (values, fields) = *fields;
            let pairs =
                fields.iter().zip(&values).map(|(field, value)| (field.name.to_string(), json_of(value)));
            Value::Object(pairs.collect())
        }
        number if number.is_primitive_numeric() => {
            let text = any_text(number).unwrap_or_default();
            text.parse::<serde_json::Number>().map_or(Value::String(text), Value::Number)
        }
        other => any_text(other).map_or(Value::Null, Value::String),
    }
}

/// A lazy scan of one file; its name is no pattern.
pub fn scan(path: &Path) -> PolarsResult<LazyFrame> {
    let args = ScanArgsParquet { glob: false, ..Default::default() };
    LazyFrame::scan_parquet(PlRefPath::try_from_path(path)?, args)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(decimal_text(-5, 10), "-0.0000000005");
        assert_eq!(decimal_text(1_234, 2), "12.34");
        assert_eq!(decimal_text(7, 0), "7");
    }

    #[test]
    fn a_map_becomes_a_json_object() {
        let keys = Series::new("key".into(), ["team", "size"]);
        let values = Series::new("value".into(), ["search", "2"]);
        let pairs = StructChunked::from_series("pairs".into(), 2, [keys, values].iter()).unwrap();
        let text = any_text(&AnyValue::List(pairs.into_series()));
        assert_eq!(text.as_deref(), Some(r#"{"size":"2","team":"search"}"#));
    }

    #[test]
    fn moments_of_every_unit_are_the_same_text() {
        assert_eq!(datetime_text(1_500, TimeUnit::Milliseconds), "1970-01-01T00:00:01.500000Z");
        assert_eq!(datetime_text(1_500_000_000, TimeUnit::Nanoseconds), "1970-01-01T00:00:01.500000Z");
    }
}
