//! The cells of one column while a batch of rows is made: text by its distinct values, since most cells repeat one
//! that was there before, and runs of nothing as a number.

use std::collections::HashMap;

use polars::prelude::*;
use polars_arrow::array::{Array, DictionaryArray, PrimitiveArray, Utf8ViewArray};
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_arrow::datatypes::{ArrowDataType, IntegerType};
use polars_arrow::types::NativeType;

use super::columns::ColumnType;
use super::exact;

/// Distinct texts of a batch that are looked up; a column with more has mostly new ones.
const MOST_KNOWN: usize = 2_048;
/// In place of a text's place: there is none.
const NOTHING: u32 = u32::MAX;

/// The cells of one column.
pub(super) enum Cells {
    /// Text.
    Text(Texts),
    /// Amounts, as digits of [`exact::SCALE`] places.
    Decimal(Numbers<i128>),
    /// Moments, in microseconds.
    Time(Numbers<i64>),
}

impl Cells {
    /// Of a column of this type, without a cell.
    pub(super) fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text | ColumnType::Json => Self::Text(Texts::default()),
            ColumnType::Decimal => Self::Decimal(Numbers::default()),
            ColumnType::Time => Self::Time(Numbers::default()),
        }
    }

    /// The type in the store.
    pub(super) fn dtype(kind: ColumnType) -> DataType {
        match kind {
            ColumnType::Text | ColumnType::Json => DataType::String,
            ColumnType::Decimal => DataType::Decimal(exact::PRECISION, exact::SCALE as usize),
            ColumnType::Time => DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        }
    }

    /// Adds so many cells without a value.
    pub(super) fn push_nothing(&mut self, count: usize) {
        match self {
            Self::Text(texts) => texts.push_nothing(count),
            Self::Decimal(numbers) => numbers.nothing += count,
            Self::Time(numbers) => numbers.nothing += count,
        }
    }

    /// The column of so many rows, text as numbers of its distinct values; the cells begin anew.
    ///
    /// # Errors
    /// The numbers are not those of the values, which is a mistake here.
    pub(super) fn take(&mut self, height: usize) -> PolarsResult<Box<dyn Array>> {
        let dtype = |kind| Self::dtype(kind).to_arrow(CompatLevel::newest());
        Ok(match self {
            Self::Text(texts) => texts.take(height)?,
            Self::Decimal(numbers) => Box::new(numbers.take(dtype(ColumnType::Decimal), height)),
            Self::Time(numbers) => Box::new(numbers.take(dtype(ColumnType::Time), height)),
        })
    }
}

/// Numbers, and where there is none.
pub(super) struct Numbers<T> {
    cells: Vec<T>,
    /// Which of `cells` are numbers.
    valid: MutableBitmap,
    /// Cells without a value after those in `cells`.
    nothing: usize,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { cells: Vec::new(), valid: MutableBitmap::new(), nothing: 0 }
    }
}

impl<T: NativeType> Numbers<T> {
    /// Adds a value so many times.
    pub(super) fn push(&mut self, value: T, count: usize) {
        self.catch_up();
        self.cells.resize(self.cells.len() + count, value);
        self.valid.extend_constant(count, true);
    }

    fn catch_up(&mut self) {
        if self.nothing > 0 {
            self.cells.resize(self.cells.len() + self.nothing, T::default());
            self.valid.extend_constant(self.nothing, false);
            self.nothing = 0;
        }
    }

    fn take(&mut self, dtype: ArrowDataType, height: usize) -> PrimitiveArray<T> {
        if self.cells.is_empty() {
            self.nothing = 0;
            return PrimitiveArray::new_null(dtype, height);
        }
        self.catch_up();
        let (cells, valid) = (std::mem::take(&mut self.cells), std::mem::take(&mut self.valid));
        PrimitiveArray::new(dtype, cells.into(), Some(Bitmap::from(valid)))
    }
}

/// Texts: each cell is the place of its text among the distinct ones.
#[derive(Default)]
pub(super) struct Texts {
    places: Vec<u32>,
    /// Some of `places` are [`NOTHING`].
    has_gaps: bool,
    /// Cells without a value after those in `places`.
    nothing: usize,
    /// The distinct texts, one after the other; those of a column with many may be there more than once.
    text: String,
    ends: Vec<usize>,
    known: HashMap<Box<str>, u32, PlRandomState>,
    /// The text added last: its place, and where it lies in `text`.
    last: (u32, usize, usize),
    /// The last batch had so many distinct texts that looking them up does not pay.
    is_varied: bool,
}

impl Texts {
    /// Adds a text; false where the batch had it before and knows it.
    pub(super) fn push(&mut self, text: &str) -> bool {
        self.catch_up();
        let (place, begin, end) = self.last;
        if end - begin == text.len() && end > begin && self.text[begin..end] == *text {
            self.places.push(place);
            return false;
        }
        if let Some(place) = self.known.get(text).copied() {
            let begin = (place as usize).checked_sub(1).map_or(0, |before| self.ends[before]);
            self.last = (place, begin, self.ends[place as usize]);
            self.places.push(place);
            return false;
        }
        let (place, begin) = (self.ends.len() as u32, self.text.len());
        self.places.push(place);
        self.text.push_str(text);
        self.ends.push(self.text.len());
        self.last = (place, begin, self.text.len());
        if !self.is_varied && self.known.len() < MOST_KNOWN {
            self.known.insert(text.into(), place);
        }
        true
    }

    /// Adds the text that was added last so many times more.
    pub(super) fn repeat(&mut self, count: usize) {
        self.places.resize(self.places.len() + count, self.last.0);
    }

    /// Adds so many cells without a text.
    pub(super) fn push_nothing(&mut self, count: usize) {
        self.nothing += count;
    }

    fn catch_up(&mut self) {
        if self.nothing > 0 {
            self.places.resize(self.places.len() + self.nothing, NOTHING);
            self.has_gaps = true;
            self.nothing = 0;
        }
    }

    /// The cells of so many rows; they begin anew.
    ///
    /// # Errors
    /// As [`Cells::take`].
    pub(super) fn take(&mut self, height: usize) -> PolarsResult<Box<dyn Array>> {
        if self.ends.is_empty() {
            self.nothing = 0;
            return Ok(Utf8ViewArray::new_null(ArrowDataType::Utf8View, height).boxed());
        }
        self.catch_up();
        let Self { places, has_gaps, text, ends, .. } = std::mem::take(self);
        self.is_varied = ends.len() > 2 * MOST_KNOWN;
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let distinct: Vec<&str> = begins.zip(&ends).map(|(begin, end)| &text[begin..*end]).collect();
        let filled = if has_gaps { places.iter().filter(|place| **place != NOTHING).count() } else { height };
        // What hardly repeats is shorter as it is.
        if distinct.len() * 4 > filled * 3 && filled > 128 {
            let cells = places.iter().map(|place| distinct.get(*place as usize).copied());
            let cells: Vec<Option<&str>> = cells.collect();
            return Ok(Utf8ViewArray::from_slice(cells).boxed());
        }
        let valid = has_gaps.then(|| places.iter().map(|place| *place != NOTHING).collect::<Bitmap>());
        let mut places = places;
        if has_gaps {
            for place in places.iter_mut().filter(|place| **place == NOTHING) {
                *place = 0;
            }
        }
        let keys = PrimitiveArray::new(ArrowDataType::UInt32, places.into(), valid);
        let texts = Utf8ViewArray::from_slice_values(distinct).boxed();
        let dtype = ArrowDataType::Dictionary(IntegerType::UInt32, Box::new(ArrowDataType::Utf8View), false);
        Ok(DictionaryArray::<u32>::try_new(dtype, keys, texts)?.boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a reader of the file has it.
    fn text(cells: &dyn Array) -> Vec<Option<String>> {
        let owned = |texts: &Utf8ViewArray| -> Vec<Option<String>> {
            texts.iter().map(|text| text.map(str::to_owned)).collect()
        };
        let any = cells.as_any();
        let Some(numbered) = any.downcast_ref::<DictionaryArray<u32>>() else {
            return owned(any.downcast_ref().unwrap());
        };
        let texts = owned(numbered.values().as_any().downcast_ref().unwrap());
        numbered.keys().iter().map(|place| texts[*place? as usize].clone()).collect()
    }

    #[test]
    fn texts_come_back_in_order_however_often_they_repeat() {
        let mut cells = Cells::new(ColumnType::Text);
        let given =
            [None, Some("a"), Some("a"), None, None, Some("b"), Some("a"), Some("longer than a view"), None];
        // The second batch begins anew.
        for _ in 0..2 {
            for cell in given {
                match (&mut cells, cell) {
                    (Cells::Text(texts), Some(text)) => _ = texts.push(text),
                    (cells, _) => cells.push_nothing(1),
                }
            }
            let found = text(&*cells.take(given.len()).unwrap());
            assert_eq!(found, given.map(|cell| cell.map(str::to_owned)));
        }
        cells.push_nothing(3);
        assert_eq!(text(&*cells.take(3).unwrap()), [None, None, None]);
    }

    #[test]
    fn more_texts_than_are_looked_up_are_all_there() {
        let mut cells = Cells::new(ColumnType::Text);
        for batch in 0..3 {
            let given: Vec<String> =
                (0..3 * MOST_KNOWN).map(|row| format!("{}", (row * 7 + batch) % 5_000)).collect();
            for text in &given {
                let Cells::Text(texts) = &mut cells else { panic!("text") };
                texts.push(text);
            }
            let found = text(&*cells.take(given.len()).unwrap());
            assert!(found.iter().map(Option::as_deref).eq(given.iter().map(|text| Some(text.as_str()))));
        }
    }

    #[test]
    fn numbers_keep_their_gaps() {
        let mut cells = Cells::new(ColumnType::Decimal);
        for cell in [None, Some(12_500_000_000), None, Some(-1), None] {
            match (&mut cells, cell) {
                (Cells::Decimal(numbers), Some(value)) => numbers.push(value, 1),
                (cells, _) => cells.push_nothing(1),
            }
        }
        let found = cells.take(5).unwrap();
        let found = found.as_any().downcast_ref::<PrimitiveArray<i128>>().unwrap();
        let found: Vec<Option<i128>> = found.iter().map(Option::<&i128>::copied).collect();
        assert_eq!(found, [None, Some(12_500_000_000), None, Some(-1), None]);
    }
}
