//! Columns of a stored bill as the pages of its Parquet file have them: numbers into dictionaries, which is what
//! grouping wants, instead of a word for every cell.
//!
//! Reads what the store writes (plain and dictionary pages, words, moments and amounts) and refuses anything else.

use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};

use polars_parquet::parquet::encoding::hybrid_rle::{HybridRleChunk, HybridRleDecoder};
use polars_parquet::parquet::error::{ParquetError, ParquetResult};
use polars_parquet::parquet::page::{DataPage, split_buffer};
use polars_parquet::read::{
    BasicDecompressor, ColumnChunkMetadata, PageReader, PrimitiveLogicalType, RowGroupMetadata,
};
use polars_parquet::write::Encoding;

use super::exact::SCALE;
use super::tally::{Coded, NO_VALUE};

/// Bytes of an amount.
const AMOUNT_BYTES: usize = size_of::<i128>();

/// An open file, and the memory that its pages are unpacked into: handing it back to the system between pages would
/// cost more than reading them.
pub(super) struct Pages {
    file: File,
    unpacked: Vec<u8>,
}

impl Pages {
    pub(super) fn new(file: File) -> Self {
        Self { file, unpacked: Vec::new() }
    }

    /// Words of a row group, in place of what is in `cells`.
    ///
    /// # Errors
    /// There is no such column of words, or it is damaged.
    pub(super) fn texts(
        &mut self,
        group: &RowGroupMetadata,
        name: &str,
        cells: &mut Coded<Box<str>>,
    ) -> ParquetResult<()> {
        self.read(column(group, name)?, cells, plain_texts)
    }

    /// Moments, in microseconds.
    ///
    /// # Errors
    /// There is no such column of moments, or it is damaged.
    pub(super) fn moments(
        &mut self,
        group: &RowGroupMetadata,
        name: &str,
        cells: &mut Coded<i64>,
    ) -> ParquetResult<()> {
        self.read(column(group, name)?, cells, |bytes, count, values| {
            plain_numbers(bytes, count, values, i64::from_le_bytes)
        })
    }

    /// Amounts, as counts of 10⁻¹⁸.
    ///
    /// # Errors
    /// There is no such column of amounts, or it is damaged.
    pub(super) fn amounts(
        &mut self,
        group: &RowGroupMetadata,
        name: &str,
        cells: &mut Coded<i128>,
    ) -> ParquetResult<()> {
        let column = column(group, name)?;
        match column.descriptor().descriptor.primitive_type.logical_type {
            Some(PrimitiveLogicalType::Decimal(_, scale)) if scale == SCALE as usize => {}
            _ => return Err(damaged(format!("the column {name} is not of amounts with {SCALE} places"))),
        }
        self.read(column, cells, |bytes, count, values| {
            plain_numbers::<AMOUNT_BYTES, _>(bytes, count, values, i128::from_be_bytes)
        })
    }

    /// Reads a column; `plain` adds values that lie one behind the other.
    fn read<T>(
        &mut self,
        column: &ColumnChunkMetadata,
        cells: &mut Coded<T>,
        plain: impl Fn(&[u8], usize, &mut Vec<T>) -> ParquetResult<()>,
    ) -> ParquetResult<()> {
        let Coded { codes, values } = cells;
        codes.clear();
        values.clear();
        let range = column.byte_range();
        let mut packed = Vec::with_capacity(usize::try_from(column.compressed_size())?);
        self.file.seek(SeekFrom::Start(range.start))?;
        (&self.file).take(range.end.saturating_sub(range.start)).read_to_end(&mut packed)?;
        let reader = PageReader::new(Cursor::new(packed.into()), column, Vec::new(), usize::MAX);
        let mut pages = BasicDecompressor::new(reader, std::mem::take(&mut self.unpacked));
        if let Some(page) = pages.read_dict_page()? {
            plain(&page.buffer, page.num_values, values)?;
        }
        while let Some(page) = pages.next() {
            let page = page?.decompress(&mut pages)?;
            let parts = split_buffer(&page)?;
            let levels = levels(&page, parts.def)?;
            let count = |levels: &Vec<u32>| levels.iter().filter(|level| **level > 0).count();
            let filled = levels.as_ref().map_or(page.num_values(), count);
            let first = codes.len();
            match page.encoding() {
                Encoding::RleDictionary | Encoding::PlainDictionary => {
                    dictionary_codes(parts.values, filled, codes)?;
                }
                Encoding::Plain => {
                    let before = values.len();
                    plain(parts.values, filled, values)?;
                    codes.extend(before as u32..values.len() as u32);
                }
                other => return Err(ParquetError::FeatureNotSupported(format!("pages of {other:?}"))),
            }
            let found = &codes[first..];
            let last = found.iter().max().map_or(0, |code| *code as usize + 1);
            if found.len() != filled || last > values.len() {
                return Err(damaged("a page does not have the values it tells"));
            }
            if let Some(levels) = levels {
                let found = codes.split_off(first);
                let mut found = found.into_iter();
                let cell = |level| if level > 0 { found.next().unwrap_or(NO_VALUE) } else { NO_VALUE };
                codes.extend(levels.into_iter().map(cell));
            }
            pages.reuse_page_buffer(page);
        }
        self.unpacked = pages.into_inner();
        Ok(())
    }
}

fn damaged(what: impl Into<String>) -> ParquetError {
    ParquetError::OutOfSpec(what.into())
}

fn column<'g>(group: &'g RowGroupMetadata, name: &str) -> ParquetResult<&'g ColumnChunkMetadata> {
    let found = group.columns_under_root_iter(name).and_then(|mut columns| columns.next());
    found.ok_or_else(|| damaged(format!("there is no column {name}")))
}

/// Which cells have a value; `None` when all do.
fn levels(page: &DataPage, packed: &[u8]) -> ParquetResult<Option<Vec<u32>>> {
    let cells = page.num_values();
    if page.descriptor.max_def_level == 0 {
        return Ok(None);
    }
    let levels = HybridRleDecoder::new(packed, 1, cells);
    match levels.clone().next_chunk()? {
        Some(HybridRleChunk::Rle(1, count)) if count == cells => Ok(None),
        _ => levels.collect().map(Some),
    }
}

fn dictionary_codes(bytes: &[u8], count: usize, codes: &mut Vec<u32>) -> ParquetResult<()> {
    let (bits, packed) = match bytes.split_first() {
        Some((bits, packed)) if *bits <= 32 => (*bits, packed),
        None if count == 0 => return Ok(()),
        _ => return Err(damaged("a page of dictionary codes does not tell their width")),
    };
    for chunk in HybridRleDecoder::new(packed, u32::from(bits), count).into_chunk_iter() {
        match chunk? {
            HybridRleChunk::Rle(code, count) => codes.resize(codes.len() + count, code),
            HybridRleChunk::Bitpacked(chunk) => chunk.collect_into(codes),
        }
    }
    Ok(())
}

fn plain_texts(mut bytes: &[u8], count: usize, texts: &mut Vec<Box<str>>) -> ParquetResult<()> {
    let cut = || damaged("a page of words is cut off");
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk().ok_or_else(cut)?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(cut)?;
        let text = std::str::from_utf8(text)
            .map_err(|error| damaged(format!("a page of words is not UTF-8: {error}")))?;
        texts.push(text.into());
        bytes = rest;
    }
    Ok(())
}

fn plain_numbers<const N: usize, T>(
    bytes: &[u8],
    count: usize,
    values: &mut Vec<T>,
    read: impl Fn([u8; N]) -> T,
) -> ParquetResult<()> {
    let (numbers, rest) = bytes.as_chunks();
    if numbers.len() != count || !rest.is_empty() {
        return Err(damaged("a page of numbers does not have the length it tells"));
    }
    values.extend(numbers.iter().map(|number| read(*number)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    type Words = fn(usize) -> Option<String>;

    /// More than a page of each column holds.
    const ROWS: usize = 150_000;

    fn few(row: usize) -> Option<String> {
        (row % 7 != 3).then(|| format!("service {}", row % 11))
    }

    /// So many that the writer makes no dictionary of them.
    fn many(row: usize) -> Option<String> {
        (row % 50_000 != 1).then(|| format!("resource {row} größer"))
    }

    fn micros(row: usize) -> Option<i64> {
        (!row.is_multiple_of(5))
            .then_some(1_777_593_600_000_000 + i64::try_from(row / 100).unwrap() * 3_600_000_000)
    }

    fn cost(row: usize) -> Option<i128> {
        (!row.is_multiple_of(9)).then_some((row as i128 - 1_000).pow(5))
    }

    fn stored() -> tempfile::NamedTempFile {
        let text = |name: &str, of: fn(usize) -> Option<String>| {
            (0..ROWS).map(of).collect::<StringChunked>().with_name(name.into()).into_column()
        };
        let moments = (0..ROWS).map(micros).collect::<Int64Chunked>().with_name("when".into());
        let mut costs = PrimitiveChunkedBuilder::<Int128Type>::new("cost".into(), ROWS);
        (0..ROWS).for_each(|row| costs.append_option(cost(row)));
        let columns = vec![
            text("few", few),
            text("many", many),
            text("none", |_row| None),
            text("one", |_row| Some("USD".to_owned())),
            moments.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series().into_column(),
            costs.finish().into_decimal(38, SCALE as usize).unwrap().into_series().into_column(),
        ];
        let mut frame = DataFrame::new(ROWS, columns).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        ParquetWriter::new(file.reopen().unwrap())
            .with_compression(ParquetCompression::Zstd(None))
            .with_row_group_size(Some(50_000))
            .finish(&mut frame)
            .unwrap();
        file
    }

    fn cells<T: Clone>(coded: &Coded<T>) -> impl Iterator<Item = Option<T>> {
        coded.codes.iter().map(|code| (*code != NO_VALUE).then(|| coded.values[*code as usize].clone()))
    }

    #[test]
    fn pages_hold_the_cells_that_were_written() {
        let file = stored();
        let metadata = ParquetReader::new(file.reopen().unwrap()).get_metadata().unwrap().clone();
        assert!(metadata.row_groups.len() > 1);
        let mut pages = Pages::new(file.reopen().unwrap());
        let (mut texts, mut moments, mut amounts) = (Coded::default(), Coded::default(), Coded::default());
        let mut start = 0;
        for group in &metadata.row_groups {
            let rows = start..start + group.num_rows();
            start = rows.end;
            let of: [(&str, Words); 4] =
                [("few", few), ("many", many), ("none", |_row| None), ("one", |_row| Some("USD".to_owned()))];
            for (name, expected) in of {
                pages.texts(group, name, &mut texts).unwrap();
                assert!(
                    cells(&texts).map(|text| text.map(String::from)).eq(rows.clone().map(expected)),
                    "{name}"
                );
            }
            pages.moments(group, "when", &mut moments).unwrap();
            assert!(cells(&moments).eq(rows.clone().map(micros)));
            pages.amounts(group, "cost", &mut amounts).unwrap();
            assert!(cells(&amounts).eq(rows.map(cost)));
        }
        assert_eq!(start, ROWS);
    }

    #[test]
    fn what_is_not_there_or_of_another_type_is_refused() {
        let file = stored();
        let metadata = ParquetReader::new(file.reopen().unwrap()).get_metadata().unwrap().clone();
        let mut pages = Pages::new(file.reopen().unwrap());
        let group = &metadata.row_groups[0];
        let error = pages.texts(group, "gone", &mut Coded::default()).unwrap_err();
        assert!(error.to_string().contains("no column gone"), "{error}");
        let error = pages.amounts(group, "few", &mut Coded::default()).unwrap_err();
        assert!(error.to_string().contains("not of amounts"), "{error}");
        pages.moments(group, "cost", &mut Coded::default()).unwrap_err();
    }

    #[test]
    fn pages_that_are_cut_are_refused() {
        let page = [3, 0, 0, 0, b'a', b'b', b'c', 9, 0, 0, 0, b'd'];
        let mut texts = Vec::new();
        assert!(plain_texts(&page, 1, &mut texts).is_ok());
        assert_eq!(&*texts[0], "abc");
        assert!(plain_texts(&page, 2, &mut texts).is_err());
        assert!(plain_numbers(&page, 2, &mut Vec::new(), i64::from_le_bytes).is_err());
        assert!(dictionary_codes(&[], 1, &mut Vec::new()).is_err());
        assert!(dictionary_codes(&[33, 0], 1, &mut Vec::new()).is_err());
    }
}
