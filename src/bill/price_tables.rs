//! Databricks' table of prices that belongs to a delivery of its usage.

use std::path::{Path, PathBuf};

use super::delivery::Piece;
use super::error::BillError;
use super::formats::databricks::prices::{PriceRows, Prices};
use super::formats::{self, Kind};
use super::input::Input;
use super::rows::Rows;
use super::warnings::{Place, Warnings};

/// Files beside a bill that are looked at for one that belongs to it.
const MOST_BESIDE: usize = 200;
/// The largest price table: all SKUs of all clouds with their history are some megabytes.
const MOST_PRICE_BYTES: u64 = 32 << 20;

/// Databricks' price table: that of the delivery, or else the one in the same folder as its usage.
pub(super) fn prices_of(
    usage: &[&Piece],
    prices: &[&Piece],
    path: &Path,
) -> Result<Option<Input>, BillError> {
    match prices {
        [] => match usage.first().filter(|piece| !piece.input.is_member()) {
            Some(piece) => Ok(price_table_beside(piece.input.disk())?.map(|path| Input::file(&path))),
            None => Ok(None),
        },
        [only] => Ok(Some(only.input.clone())),
        [first, second, ..] => Err(BillError::ManyPriceTables {
            path: path.to_owned(),
            first: first.input.shown().to_owned(),
            second: second.input.shown().to_owned(),
        }),
    }
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
        let Ok(rows) = Rows::peek(&Input::file(&other)) else { continue };
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

/// The prices in a table; what is odd about them is said of that file.
pub(super) fn read_prices(input: &Input, warnings: &mut Warnings) -> Result<Prices, BillError> {
    let name = input.shown().file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let usage = warnings.in_file(name);
    let rows = Rows::open(input, &mut |_done| Ok(()))?;
    let mut prices = PriceRows::new(rows.header(), input.shown())?;
    let mut push = |cells: &[&str], place: Place, warnings: &mut Warnings| {
        prices.push(cells, place, warnings);
        Ok(())
    };
    rows.read(warnings, &mut push, &mut |_done| Ok(()))?;
    warnings.in_file(usage);
    Ok(prices.finish())
}
