//! What can go wrong between a bill file and an answer.

use std::path::PathBuf;

/// What is accepted, in the words of every refusal.
pub const ACCEPTED: &str = "FOCUS 1.0 to 1.4 and the exports of AWS, Azure, Google Cloud, Oracle Cloud, Databricks, OpenAI, Anthropic and \
     DeepSeek, as \
     CSV, JSON (both plain, gzip or zstd) or Parquet, by themselves, in a ZIP, in a folder or listed in a manifest";

/// A bill could not be read, kept or asked. The causes are in the error's source.
#[derive(Debug, thiserror::Error)]
pub enum BillError {
    /// The file could not be opened or read.
    #[error("cannot read the bill {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Somebody wrote to the file in the meantime.
    #[error("the bill changed while it was read, so nothing was kept; import it again when it is whole: {}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Compressed data that ends early or does not unpack.
    #[error(
        "cannot unpack the bill: its {packing} data is damaged or cut off after {bytes} unpacked bytes; nothing was kept; \
         fetch the file again: {}", path.display()
    )]
    Damaged {
        /// `gzip` or `zstd`.
        packing: &'static str,
        /// Bytes that could be unpacked.
        bytes: u64,
        /// The file.
        path: PathBuf,
        /// The unpacker's words.
        source: std::io::Error,
    },
    /// A header or a row that does not end.
    #[error(
        "{} longer than {mebibytes} MiB, more than any bill's; {}; nothing was kept; accepted is {ACCEPTED}: {}",
        if *line <= 1 { "the first line is".to_owned() } else { format!("the row that begins on line {line} is") },
        if *line <= 1 {
            "a file whose lines do not end is no table"
        } else {
            "a quote is probably not closed there: close it, or export the bill again"
        },
        path.display()
    )]
    LongRow {
        /// Where it begins, from 1.
        line: u64,
        /// How long it may be.
        mebibytes: u64,
        /// The file.
        path: PathBuf,
    },
    /// Databricks' usage beside two tables of prices.
    #[error(
        "two price tables lie beside the usage, and either could be its own: {} and {}; leave one in the folder: {}",
        first.display(), second.display(), path.display()
    )]
    ManyPriceTables {
        /// The usage.
        path: PathBuf,
        /// A price table.
        first: PathBuf,
        /// Another.
        second: PathBuf,
    },
    /// An archive that is not opened.
    #[error("cannot open the ZIP archive: {found}; nothing was kept: {}", path.display())]
    Archive {
        /// What is wrong with it.
        found: String,
        /// The archive.
        path: PathBuf,
    },
    /// A workbook, which is an archive, too.
    #[error("this is an Excel workbook; save its sheet as CSV and open that: {}", path.display())]
    Workbook {
        /// The workbook.
        path: PathBuf,
    },
    /// A member of an archive for which there is no room on disk.
    #[error(
        "cannot unpack the bill into the folder for temporary files, {}; nothing was kept; make room there, or name \
         another folder in TMPDIR: {}", folder.display(), path.display()
    )]
    Unpack {
        /// The folder for temporary files.
        folder: PathBuf,
        /// The member, behind its archive.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A manifest that names files which are not there.
    #[error(
        "the manifest lists {} file{} that {} not beside it ({}); fetch all of the delivery, with the folders it lies in: {}",
        missing.len(), if missing.len() == 1 { "" } else { "s" }, if missing.len() == 1 { "is" } else { "are" },
        first_names(missing), path.display()
    )]
    ManifestFiles {
        /// The files, as the manifest names them.
        missing: Vec<String>,
        /// The manifest.
        path: PathBuf,
    },
    /// A folder, pattern or archive without a bill in it.
    #[error("no bill was found {place}{}; accepted is {ACCEPTED}: {}",
        if skipped.is_empty() { String::new() } else { format!(" ({})", skipped.join("; ")) }, path.display())]
    NoBillIn {
        /// `in the folder`, `by the pattern`.
        place: &'static str,
        /// What the first files were.
        skipped: Vec<String>,
        /// The folder, pattern or archive.
        path: PathBuf,
    },
    /// A path with bills of several providers where one bill is asked for.
    #[error("{count} bills of different formats are here, and one is asked for: {}", path.display())]
    SeveralBills {
        /// How many.
        count: usize,
        /// The folder or archive.
        path: PathBuf,
    },
    /// No bytes at all.
    #[error("the bill is empty (0 bytes); accepted is {ACCEPTED}: {}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Some other kind of file.
    #[error("this is not a cloud bill: found {found}; accepted is {ACCEPTED}: {}", path.display())]
    NotABill {
        /// What it looks like.
        found: String,
        /// The file.
        path: PathBuf,
    },
    /// A bill without which nothing can be said.
    #[error(
        "the bill lacks the column{} {}; export it again with all columns: {}",
        if missing.len() == 1 { "" } else { "s" }, missing.join(", "), path.display()
    )]
    MissingColumns {
        /// Columns that must be there.
        missing: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// Two columns of one name.
    #[error("the bill's header has the column {column} twice, so its values are ambiguous; remove one: {}", path.display())]
    DuplicateColumn {
        /// The name.
        column: String,
        /// The file.
        path: PathBuf,
    },
    /// A Parquet file polars cannot read.
    #[error("cannot read the Parquet bill; it may be damaged or cut off: {}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// polars' words.
        source: polars::error::PolarsError,
    },
    /// The sum of a column left `Decimal(38,18)`.
    #[error("the sum of {column} is larger than Decimal(38,18) can hold")]
    TooLarge {
        /// The column.
        column: String,
    },
    /// The store's folder or a file in it.
    #[error("cannot {doing} in the bill store{}: {}", full_words(source), path.display())]
    Store {
        /// What was being done.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// An import report in the store that cannot be read.
    #[error("the stored report of a bill is damaged; remove it and import the bill again: {}", path.display())]
    Report {
        /// The report.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Asked for by a hash the store doesn't have.
    #[error("the bill {hash} is not in the store {}; import its file again", store.display())]
    NotStored {
        /// The hash asked for.
        hash: String,
        /// The store's folder.
        store: PathBuf,
    },
    /// No bill given.
    #[error("no bill is open; import one first")]
    NoBill,
    /// A column none of the open bills has.
    #[error("the bill has no column {column}{}", if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) })]
    UnknownColumn {
        /// The column asked for.
        column: String,
        /// Columns with similar names.
        near: Vec<String>,
    },
    /// A column that cannot be used so.
    #[error("cannot {doing} by {column}: {why}")]
    ColumnUse {
        /// What was asked.
        doing: &'static str,
        /// The column.
        column: String,
        /// Why not.
        why: String,
    },
    /// A filter that is not `COLUMN=VALUE`.
    #[error(
        "`{text}` is not a filter; write COLUMN=VALUE, such as ServiceCategory=Compute or Tags.team=search, \
         COLUMN~TEXT for what contains a text, COLUMN=FROM..TO for amounts and dates, - before it for the other rows"
    )]
    Filter {
        /// What was given.
        text: String,
    },
    /// A stretch of days that is none.
    #[error(
        "`{text}` is no period; write FROM..TO with days or months, such as 2026-05-01..2026-05-15 or 2026-05"
    )]
    Period {
        /// What was given.
        text: String,
    },
    /// Inference rules that cannot be used.
    #[error(transparent)]
    Rules(#[from] super::lens::RulesError),
    /// Amounts of different currencies cannot be added.
    #[error(
        "the rows asked for are in {} currencies ({}), which cannot be added up; set rates to show them in one, or filter on one, such as BillingCurrency={}",
        currencies.len(), currencies.join(", "), one_of(currencies)
    )]
    MixedCurrencies {
        /// The currencies; `no currency` for rows without one.
        currencies: Vec<String>,
    },
    /// Money is to be shown in a currency that there is no rate to.
    #[error(
        "{} cannot be shown in {display}: there is no rate between them; set one, show each currency on its own, or leave \
         these rows out with a filter",
        if currency.is_empty() { "rows that name no currency".to_owned() } else { format!("rows in {currency}") }
    )]
    NoRate {
        /// The currency of the rows; empty for rows that name none.
        currency: String,
        /// The one asked for.
        display: String,
    },
    /// A query polars refused.
    #[error("cannot {doing}")]
    Query {
        /// What was being done.
        doing: &'static str,
        /// polars' words.
        source: polars::error::PolarsError,
    },
    /// A file that could not be written.
    #[error("cannot write the bill to {}; nothing was written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A warehouse that could not be asked.
    #[error(transparent)]
    Warehouse(#[from] super::warehouse::WarehouseError),
    /// The system starts no thread for the reading.
    #[error("no thread could be started to read the bill ({source}); close other programs and try again")]
    Thread {
        /// Why.
        source: std::io::Error,
    },
    /// The caller asked to stop; nothing was kept.
    #[error("it was cancelled; nothing was kept")]
    Cancelled,
}

/// What to do where a disk is full.
fn full_words(error: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => {
            ", because there is no room for it on that disk; make room, or set INFEROMETER_HOME to a folder on another; \
             what was there before is as it was"
        }
        _ => "",
    }
}

/// A currency to filter on, as a filter has it: one with a name, where there is one.
fn one_of(currencies: &[String]) -> &str {
    currencies.iter().find(|name| *name != NO_CURRENCY).map_or("", String::as_str)
}

/// What rows without a currency are called.
pub const NO_CURRENCY: &str = "no currency";

/// The first few names of a list, and how many more there are.
fn first_names(names: &[String]) -> String {
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    format!("{}{more}", names.iter().take(3).map(String::as_str).collect::<Vec<_>>().join(", "))
}
