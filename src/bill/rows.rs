//! Rows of a file, whatever kind of table it is; and what format they are of.

use std::path::Path;

use super::csv_rows::CsvRows;
use super::error::BillError;
use super::formats::{self, EachRow, Kind};
use super::import::RowStep;
use super::input::Input;
use super::json_rows::JsonRows;
use super::parquet_rows::ParquetRows;
use super::source::{self, Content};
use super::warnings::Warnings;

/// A file whose header is read.
pub(super) enum Rows {
    Csv(CsvRows),
    Json(JsonRows),
    Parquet(ParquetRows),
}

impl Rows {
    /// Opens a file to tell what it is.
    ///
    /// # Errors
    /// It cannot be read, or is clearly no table.
    pub fn peek(input: &Input) -> Result<Self, BillError> {
        Ok(match source::sniff(input)? {
            Content::Csv { packing, separator, crlf } => {
                Self::Csv(CsvRows::open(input, packing, separator, crlf)?)
            }
            Content::Json { packing } => Self::Json(JsonRows::peek(input, packing)?),
            Content::Parquet => Self::Parquet(ParquetRows::open(input)?),
        })
    }

    /// Opens a file to read it; `step` is told the share of what must be read before the rows.
    ///
    /// # Errors
    /// As [`Rows::peek`], and those of `step`.
    pub fn open(input: &Input, step: &mut RowStep<'_>) -> Result<Self, BillError> {
        Ok(match source::sniff(input)? {
            Content::Json { packing } => Self::Json(JsonRows::open(input, packing, step)?),
            Content::Csv { packing, separator, crlf } => {
                Self::Csv(CsvRows::open(input, packing, separator, crlf)?)
            }
            Content::Parquet => Self::Parquet(ParquetRows::open(input)?),
        })
    }

    /// The names of its columns.
    pub fn header(&self) -> &[String] {
        match self {
            Self::Csv(rows) => rows.header(),
            Self::Json(rows) => rows.header(),
            Self::Parquet(rows) => rows.header(),
        }
    }

    /// Itself, if it may stay open while others are read, which takes neither memory nor an open file worth speaking of.
    pub fn if_light(self, is_single: bool) -> Option<Self> {
        match &self {
            Self::Parquet(_) => Some(self),
            Self::Json(rows) if rows.is_light() => Some(self),
            _ if is_single => Some(self),
            Self::Csv(_) | Self::Json(_) => None,
        }
    }

    /// What stands before the header, as names and values.
    pub fn preamble(&self) -> &[(String, String)] {
        match self {
            Self::Csv(rows) => rows.preamble(),
            Self::Json(_) | Self::Parquet(_) => &[],
        }
    }

    /// Hands every row to `row` and the share that is done to `step`; returns how many rows were dropped.
    ///
    /// # Errors
    /// The file cannot be read to its end, or a callback's error.
    pub fn read(
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
    match kind_of(&Input::file(path))? {
        Kind::DatabricksPrices => Err(formats::databricks::prices::alone(path)),
        kind => Ok(kind),
    }
}

/// The format of a file; that of Databricks' prices, too, which are no bill by themselves.
pub(super) fn kind_of(input: &Input) -> Result<Kind, BillError> {
    let rows = Rows::peek(input)?;
    if formats::recognise(rows.header()) == Some(Kind::DatabricksPrices) {
        return Ok(Kind::DatabricksPrices);
    }
    Ok(formats::plan(rows.header(), rows.preamble(), input.shown())?.kind)
}
