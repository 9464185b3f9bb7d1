//! Arrow values of a driver as text, exactly: decimals with all their digits, moments in UTC as FOCUS writes them,
//! binary floats by their shortest text. And what type a column is held in.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, TimeUnit};

use super::column::{Held, TableColumn};
use crate::bill::moment;

/// A column as the driver describes it.
pub(super) fn describe(field: &Field) -> TableColumn {
    TableColumn { name: field.name().clone(), held: held(field) }
}

fn held(field: &Field) -> Held {
    let told = |key: &str| field.metadata().get(key).map(|value| value.to_ascii_lowercase());
    // PostgreSQL's numbers and JSON arrive as text; its driver, Snowflake's and BigQuery's say so beside it.
    let own = told("ADBC:postgresql:typname")
        .or_else(|| told("ARROW:extension:metadata").filter(|_| told("ARROW:extension:name").is_some()))
        .or_else(|| told("logicalType"))
        .or_else(|| told("Type"))
        .unwrap_or_default();
    let says = |word: &str| own.contains(word);
    match field.data_type() {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            if says("numeric") {
                Held::Decimal
            } else if says("json")
                || says("variant")
                || told("ARROW:extension:name").is_some_and(|name| name == "arrow.json")
            {
                Held::Json
            } else if says("object") {
                Held::Map
            } else {
                Held::Text
            }
        }
        DataType::Dictionary(_, values) if values.is_string() => Held::Text,
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Held::Decimal,
        kind if kind.is_integer() => Held::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Held::Float,
        DataType::Timestamp(_, zone) => Held::Moment { zoned: zone.is_some() },
        DataType::Date32 | DataType::Date64 => Held::Date,
        DataType::Map(..) => Held::Map,
        DataType::Boolean => Held::Truth,
        DataType::Null => Held::Text,
        other => Held::Other(other.to_string()),
    }
}

/// The rows of a batch as text.
///
/// # Errors
/// In words: a column of a type that no question of ours asks for.
pub(super) fn rows(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, String> {
    let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
    for (column, field) in batch.columns().iter().zip(batch.schema().fields()) {
        let texts = texts(column.as_ref()).map_err(|problem| format!("{}: {problem}", field.name()))?;
        for (row, text) in rows.iter_mut().zip(texts) {
            row.push(text);
        }
    }
    Ok(rows)
}

fn texts(array: &dyn Array) -> Result<Vec<Option<String>>, String> {
    if let Some(dictionary) = array.as_any_dictionary_opt() {
        let values = texts(dictionary.values().as_ref())?;
        let keys = dictionary.normalized_keys();
        let value = |(row, key): (usize, &usize)| {
            if array.is_null(row) { None } else { values.get(*key).cloned().flatten() }
        };
        return Ok(keys.iter().enumerate().map(value).collect());
    }
    (0..array.len()).map(|row| text(array, row)).collect()
}

fn text(array: &dyn Array, row: usize) -> Result<Option<String>, String> {
    if array.is_null(row) {
        return Ok(None);
    }
    macro_rules! number {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(row).to_string()
        };
    }
    macro_rules! decimal {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value_as_string(row)
        };
    }
    let show =
        |micros: Option<i64>| micros.map(moment::show).ok_or_else(|| "a moment out of range".to_owned());
    Ok(Some(match array.data_type() {
        DataType::Null => return Ok(None),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Boolean => array.as_boolean().value(row).to_string(),
        DataType::Int8 => number!(Int8Type),
        DataType::Int16 => number!(Int16Type),
        DataType::Int32 => number!(Int32Type),
        DataType::Int64 => number!(Int64Type),
        DataType::UInt8 => number!(UInt8Type),
        DataType::UInt16 => number!(UInt16Type),
        DataType::UInt32 => number!(UInt32Type),
        DataType::UInt64 => number!(UInt64Type),
        DataType::Float32 => number!(Float32Type),
        DataType::Float64 => number!(Float64Type),
        DataType::Decimal32(..) => decimal!(Decimal32Type),
        DataType::Decimal64(..) => decimal!(Decimal64Type),
        DataType::Decimal128(..) => decimal!(Decimal128Type),
        DataType::Decimal256(..) => decimal!(Decimal256Type),
        DataType::Date32 => {
            show(i64::from(array.as_primitive::<Date32Type>().value(row)).checked_mul(moment::PER_DAY))?
        }
        DataType::Date64 => show(array.as_primitive::<Date64Type>().value(row).checked_mul(1_000))?,
        DataType::Timestamp(unit, _) => show(match unit {
            TimeUnit::Second => {
                array.as_primitive::<TimestampSecondType>().value(row).checked_mul(moment::PER_SEC)
            }
            TimeUnit::Millisecond => {
                array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000)
            }
            TimeUnit::Microsecond => Some(array.as_primitive::<TimestampMicrosecondType>().value(row)),
            TimeUnit::Nanosecond => {
                Some(array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000))
            }
        })?,
        other => return Err(format!("came back as {other}, which is not understood")),
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, Date32Array, Decimal128Array, Float64Array, Int64Array, StringArray,
        TimestampMillisecondArray,
    };
    use arrow_schema::Schema;

    use super::*;

    #[test]
    fn values_become_text_without_losing_a_digit() {
        let amounts = Decimal128Array::from(vec![Some(-41_250_000_001), None])
            .with_precision_and_scale(38, 18)
            .unwrap();
        let columns: Vec<ArrayRef> = vec![
            Arc::new(amounts),
            Arc::new(Float64Array::from(vec![0.1 + 0.2, 1e-7])),
            Arc::new(TimestampMillisecondArray::from(vec![1_777_593_600_500, 0]).with_timezone("UTC")),
            Arc::new(Date32Array::from(vec![20_574, -1])),
            Arc::new(StringArray::from(vec![Some("x"), None])),
            Arc::new(Int64Array::from(vec![7, -7])),
        ];
        let names = ["a", "f", "t", "d", "s", "i"];
        let batch = RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap();
        let rows = rows(&batch).unwrap();
        let told: Vec<&str> = rows[0].iter().map(|cell| cell.as_deref().unwrap_or("-")).collect();
        assert_eq!(
            told,
            [
                "-0.000000041250000001",
                "0.30000000000000004",
                "2026-05-01T00:00:00.500000Z",
                "2026-05-01T00:00:00Z",
                "x",
                "7"
            ]
        );
        assert_eq!(
            (&rows[1][0], rows[1][1].as_deref(), rows[1][3].as_deref()),
            (&None, Some("0.0000001"), Some("1969-12-31T00:00:00Z"))
        );
    }

    #[test]
    fn what_postgresql_sends_as_text_is_known_for_what_it_is() {
        let field = |name: &str| {
            let metadata = HashMap::from([("ADBC:postgresql:typname".to_owned(), name.to_owned())]);
            Field::new("c", DataType::Utf8, true).with_metadata(metadata)
        };
        let told = |name: &str| describe(&field(name)).held;
        assert_eq!(told("numeric"), Held::Decimal);
        assert_eq!((told("jsonb"), told("text"), told("varchar")), (Held::Json, Held::Text, Held::Text));
        let schema = Schema::new(vec![Field::new("n", DataType::Decimal128(38, 2), true)]);
        assert_eq!(describe(schema.field(0)).held, Held::Decimal);
    }
}
