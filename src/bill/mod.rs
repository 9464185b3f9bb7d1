//! Cloud bills: files → FOCUS rows → a Parquet store → totals, groups, the share that is inference.
//!
//! The only user of polars. Money leaves as [`Money`], never as a float.

use serde::{Deserialize, Serialize};

use crate::units::Money;

/// The four costs of FOCUS, summed. A cost whose column is absent from the file is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Costs {
    /// As invoiced.
    pub billed_cost: Option<Money>,
    /// Amortised.
    pub effective_cost: Option<Money>,
    /// At list prices.
    pub list_cost: Option<Money>,
    /// At contracted prices.
    pub contracted_cost: Option<Money>,
}

/// Which of the four costs a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "FOCUS names")]
pub enum Basis {
    BilledCost,
    #[default]
    EffectiveCost,
    ListCost,
    ContractedCost,
}

/// Something in a file that was not understood or not kept, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// The file's name.
    pub file: String,
    /// Line in the file, counted from 1; `None` when it concerns the whole file.
    pub line: Option<u64>,
    /// The column, where it concerns one.
    pub column: Option<String>,
    /// What was found and what was done about it.
    pub message: String,
}

/// Keep the rows whose `column` has one of `values` (an empty string means "no value").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// A FOCUS column, an `x_` column, or `Tags.KEY`.
    pub column: String,
    /// Accepted values.
    pub values: Vec<String>,
}

/// One group of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// One value for each column grouped by; `None` = no value in the file.
    pub key: Vec<Option<String>>,
    /// Rows in the group.
    pub rows: u64,
    /// Their costs.
    pub costs: Costs,
}
