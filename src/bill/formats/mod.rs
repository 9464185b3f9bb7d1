//! Tells a bill's format from its header. One file a format; each says how its columns become FOCUS columns.
//!
//! Knows headers only: no disk, no rows.

pub mod azure;
pub mod databricks;
pub mod focus;
pub mod inputs;
pub mod mapping;
pub mod oci;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::columns::{ColumnType, FocusVersion};
use super::error::BillError;
use super::warnings::{Place, Warnings};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// FOCUS "Cost and Usage" of this version.
    Focus(FocusVersion),
    /// Azure cost details, actual or amortized.
    Azure(azure::Agreement),
    /// An Oracle Cloud cost report.
    Oci,
    /// Databricks' `system.billing.usage`: quantities without prices.
    DatabricksUsage,
    /// Databricks' `system.billing.list_prices`: the prices of those quantities, and no bill.
    DatabricksPrices,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Focus(version) => write!(f, "FOCUS {version}"),
            Self::Azure(agreement) => write!(f, "Azure cost details ({agreement})"),
            Self::Oci => f.write_str("Oracle Cloud cost report"),
            Self::DatabricksUsage => f.write_str("Databricks usage"),
            Self::DatabricksPrices => f.write_str("Databricks list prices"),
        }
    }
}

/// Where a source column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The column's name in the store.
    pub name: String,
    /// What it holds.
    pub kind: ColumnType,
}

/// Takes a row: its cells, where it stands, and where to complain.
pub(super) type EachRow<'a> = dyn FnMut(&[&str], Place, &mut Warnings) -> Result<(), BillError> + 'a;

/// Turns rows of a source into rows of the store.
pub trait Mapper: Send {
    /// Hands on the rows that a source row becomes: one, none or several. Their cells line up with
    /// [`Plan::targets`]; an empty cell has no value.
    ///
    /// # Errors
    /// Those of `row`.
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError>;

    /// Says what is only known once all rows are in.
    fn finish(&mut self, _warnings: &mut Warnings) {}
}

/// Rows that are already the store's.
pub struct Same;

impl Mapper for Same {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        row(cells, place, warnings)
    }
}

/// A header that was understood.
pub struct Plan {
    /// The format.
    pub kind: Kind,
    /// The columns of the store's rows.
    pub targets: Vec<Target>,
    /// What is odd about the header: the column it concerns and words.
    pub remarks: Vec<(Option<String>, String)>,
    /// How its rows become rows of the store.
    pub mapper: Box<dyn Mapper>,
}

/// The format a header belongs to, cheaply; `None` when it is no bill.
pub fn recognise(header: &[String]) -> Option<Kind> {
    // Before FOCUS: eight and more of Azure's own column names are FOCUS names too.
    azure::agreement(header)
        .map(Kind::Azure)
        .or_else(|| focus::version(header).map(Kind::Focus))
        .or_else(|| oci::is_report(header).then_some(Kind::Oci))
        .or_else(|| databricks::kind(header))
}

/// How to read a file with this header.
///
/// # Errors
/// A header that is no bill's (the error says what was found), or a bill's that lacks what is needed.
pub fn plan(header: &[String], path: &Path) -> Result<Plan, BillError> {
    match recognise(header) {
        Some(Kind::Focus(version)) => focus::plan(version, header, path),
        Some(Kind::Azure(agreement)) => azure::plan(agreement, header, path),
        Some(Kind::Oci) => oci::plan(header, path),
        Some(Kind::DatabricksUsage) => databricks::plan(header, path, None),
        Some(Kind::DatabricksPrices) => Err(databricks::prices::alone(path)),
        None => Err(BillError::NotABill { found: describe_header(header), path: path.to_owned() }),
    }
}

/// The header in a few words.
fn describe_header(header: &[String]) -> String {
    let shown: Vec<String> = header
        .iter()
        .take(5)
        .map(|name| {
            let mut short: String =
                name.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
            if short.len() < name.len() {
                short.push('…');
            }
            format!("`{short}`")
        })
        .collect();
    let more = if header.len() > shown.len() {
        format!(" and {} more", header.len() - shown.len())
    } else {
        String::new()
    };
    format!("a table whose first line is {}{more}", shown.join(", "))
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("kind", &self.kind)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
