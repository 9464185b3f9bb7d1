//! What the application and the process that holds a driver say to each other: a JSON object a line.

use serde::{Deserialize, Serialize};

use super::column::TableColumn;
use super::dialect::Dialect;

/// To the process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Loads a driver and connects.
    Connect {
        /// A library, the path of a driver manifest, or the name of one that the ADBC driver manager finds.
        driver: String,
        /// The driver's first function, where it is not the usual one.
        entrypoint: Option<String>,
        /// Options of the database, secrets among them: they travel through a pipe, never in an argument or a file.
        options: Vec<(String, String)>,
        /// How the session begins.
        dialect: Dialect,
    },
    /// Asks something that reads.
    Query {
        /// One `SELECT`.
        sql: String,
        /// More rows than this are an error.
        most_rows: u64,
    },
    /// Stops what is being asked.
    Cancel,
}

/// From the process.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It is connected.
    Connected,
    /// The columns of the answer that follows.
    Columns(Vec<TableColumn>),
    /// Rows of the answer: decimals with every digit, moments and days as FOCUS writes them.
    Rows(Vec<Vec<Option<String>>>),
    /// The answer is whole.
    Done {
        /// How many rows were sent: a line that a driver printed into would be lost unnoticed otherwise.
        rows: u64,
    },
    /// The answer has more rows than were allowed.
    TooMany,
    /// It could not be done, in the driver's words.
    Failed {
        /// The driver could not be loaded at all.
        loading: bool,
        /// Its words.
        message: String,
    },
}
