//! Tells a bill's format from its header. One file a format; each says how its columns become FOCUS columns.
//!
//! Knows headers only: no disk, no rows.

pub mod aws;
pub mod azure;
pub mod databricks;
pub mod focus;
pub mod gcp;
pub mod inputs;
pub mod json;
pub mod json_tables;
pub mod mapping;
pub mod model_api;
pub mod node;
pub mod oci;

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::gcp::{console, export};
use self::model_api::{anthropic, deepseek, openai};
use super::columns::{ColumnType, FocusVersion};
use super::error::BillError;
use super::warnings::{Place, Warnings};

/// The formats that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// FOCUS "Cost and Usage" of this version.
    Focus(FocusVersion),
    /// Google Cloud's export to BigQuery, standard or detailed.
    GcpExport,
    /// The cost table of an invoice from Google Cloud's console.
    GcpCostTable,
    /// A report from Google Cloud's console.
    GcpReport,
    /// Costs from OpenAI's dashboard or API.
    OpenAiCosts,
    /// Token counts from OpenAI's dashboard or API.
    OpenAiUsage,
    /// Costs from Anthropic's console.
    AnthropicCosts,
    /// Token counts from Anthropic's console.
    AnthropicTokens,
    /// The cost report of Anthropic's API.
    AnthropicReport,
    /// Costs from DeepSeek's platform.
    DeepSeek,
    /// AWS Cost and Usage Report, legacy.
    AwsCur,
    /// AWS Cost and Usage Report 2.0 (Data Exports).
    AwsCur2,
    /// AWS Cost Explorer: the CSV download and answers of `get-cost-and-usage`.
    AwsCostExplorer,
    /// Azure cost details, actual or amortized.
    Azure(azure::Agreement),
    /// An Oracle Cloud cost report.
    Oci,
    /// Databricks' `system.billing.usage`: quantities without prices.
    DatabricksUsage,
    /// Databricks' `system.billing.list_prices`: the prices of those quantities, and no bill.
    DatabricksPrices,
}

impl Kind {
    /// What two files have in common that can be parts of one bill: whatever the version or the agreement, but not
    /// exports that tell the same charges in another way.
    pub fn family(self) -> &'static str {
        match self {
            Self::Focus(_) => "FOCUS",
            Self::GcpExport => "Google Cloud billing export",
            Self::GcpCostTable => "Google Cloud cost table",
            Self::GcpReport => "Google Cloud cost report",
            Self::OpenAiCosts => "OpenAI costs",
            Self::OpenAiUsage => "OpenAI token usage",
            Self::AnthropicCosts | Self::AnthropicReport => "Anthropic costs",
            Self::AnthropicTokens => "Anthropic token usage",
            Self::DeepSeek => "DeepSeek costs",
            Self::AwsCur | Self::AwsCur2 => "AWS CUR",
            Self::AwsCostExplorer => "AWS Cost Explorer",
            Self::Azure(_) => "Azure cost details",
            Self::Oci => "Oracle Cloud cost report",
            Self::DatabricksUsage => "Databricks usage",
            Self::DatabricksPrices => "Databricks list prices",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Focus(version) => write!(f, "FOCUS {version}"),
            Self::GcpExport => f.write_str("Google Cloud billing export"),
            Self::GcpCostTable => f.write_str("Google Cloud cost table"),
            Self::GcpReport => f.write_str("Google Cloud cost report"),
            Self::OpenAiCosts => f.write_str("OpenAI costs"),
            Self::OpenAiUsage => f.write_str("OpenAI token usage"),
            Self::AnthropicCosts => f.write_str("Anthropic costs"),
            Self::AnthropicTokens => f.write_str("Anthropic token usage"),
            Self::AnthropicReport => f.write_str("Anthropic cost report"),
            Self::DeepSeek => f.write_str("DeepSeek costs"),
            Self::AwsCur => f.write_str("AWS CUR"),
            Self::AwsCur2 => f.write_str("AWS CUR 2.0"),
            Self::AwsCostExplorer => f.write_str("AWS Cost Explorer"),
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

/// A row of a file.
#[derive(Debug, Clone, Copy)]
pub struct SourceRow<'r> {
    /// Its cells.
    pub cells: &'r [&'r str],
    /// Where it stands.
    pub place: Place,
    /// The columns whose cells are not those of the row before; `None` where that is not known.
    pub changed: Option<&'r [usize]>,
}

/// Takes rows of the store.
pub trait RowSink {
    /// Takes a row; with `changed` it is as the one taken before but for these columns, if that.
    ///
    /// # Errors
    /// Those of whoever works it up.
    fn take(
        &mut self,
        cells: &[&str],
        changed: Option<&[usize]>,
        place: Place,
        warnings: &mut Warnings,
    ) -> Result<(), BillError>;
}

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

    /// The same of a row of which it may be known what changed; to be asked of each row of a file in turn.
    ///
    /// # Errors
    /// Those of `sink`.
    fn map_changed(
        &mut self,
        row: &SourceRow<'_>,
        warnings: &mut Warnings,
        sink: &mut dyn RowSink,
    ) -> Result<(), BillError> {
        let take = &mut |cells: &[&str], place: Place, warnings: &mut Warnings| {
            sink.take(cells, None, place, warnings)
        };
        self.map(row.cells, row.place, warnings, take)
    }

    /// Says what is only known once all rows are in.
    fn finish(&mut self, _warnings: &mut Warnings) {}
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
        .or_else(|| aws::cur::recognise(header))
        .or_else(|| aws::explorer::recognise(header))
        .or_else(|| export::recognise(header))
        .or_else(|| console::recognise(header))
        .or_else(|| oci::is_report(header).then_some(Kind::Oci))
        .or_else(|| databricks::kind(header))
        .or_else(|| openai::recognise(header))
        .or_else(|| anthropic::recognise(header))
        .or_else(|| deepseek::recognise(header))
}

/// A document that an API answers with, as a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonTable {
    /// The names of its columns.
    pub header: Vec<String>,
    /// Its rows; as many cells as columns.
    pub rows: Vec<Vec<String>>,
    /// What is odd about the document.
    pub remarks: Vec<String>,
}

/// How to read a file with this header; `preamble` is what some files say before it, as names and values.
///
/// # Errors
/// A header that is no bill's (the error says what was found), or a bill's that lacks what is needed.
pub fn plan(header: &[String], preamble: &[(String, String)], path: &Path) -> Result<Plan, BillError> {
    match recognise(header) {
        Some(Kind::Focus(version)) => focus::plan(version, header, path),
        Some(kind @ (Kind::AwsCur | Kind::AwsCur2)) => aws::cur::plan(kind, header, path),
        Some(Kind::AwsCostExplorer) => aws::explorer::plan(header, path),
        Some(Kind::GcpExport) => export::plan(header, path),
        Some(kind @ (Kind::GcpCostTable | Kind::GcpReport)) => console::plan(kind, header, preamble, path),
        Some(kind @ (Kind::OpenAiCosts | Kind::OpenAiUsage)) => openai::plan(kind, header, path),
        Some(kind @ (Kind::AnthropicCosts | Kind::AnthropicTokens | Kind::AnthropicReport)) => {
            anthropic::plan(kind, header, path)
        }
        Some(Kind::DeepSeek) => deepseek::plan(Kind::DeepSeek, header, path),
        Some(Kind::Azure(agreement)) => azure::plan(agreement, header, path),
        Some(Kind::Oci) => oci::plan(header, path),
        Some(Kind::DatabricksUsage) => databricks::plan(header, path, None),
        Some(Kind::DatabricksPrices) => Err(databricks::prices::alone(path)),
        None => Err(BillError::NotABill { found: describe_header(header), path: path.to_owned() }),
    }
}

/// The header in a few words.
fn describe_header(header: &[String]) -> String {
    format!("a table whose first line is {}", some_names(header))
}

/// The first names, and how many more there are.
pub(super) fn some_names(header: &[String]) -> String {
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
    format!("{}{more}", shown.join(", "))
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("kind", &self.kind)
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}
