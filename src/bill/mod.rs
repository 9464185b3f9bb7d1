//! Cloud bills: files → FOCUS rows → a Parquet store → totals, groups, the share that is inference.
//!
//! The only user of polars. Money leaves as [`Money`], never as a float. [`import()`] reads a file into a [`Store`];
//! [`Bill`] asks one or several stored bills.

pub mod accelerator;
pub mod claims;
pub mod columns;
pub mod compare;
pub mod delivery;
pub mod error;
pub mod exact;
pub mod export;
pub mod filter;
pub mod formats;
pub mod import;
pub mod inference;
pub mod lens;
pub mod manifest;
pub mod moment;
pub mod months;
pub mod over_time;
pub mod overlay;
pub mod period;
pub mod profile;
pub mod query;
pub mod rates;
pub mod reconcile;
pub mod rules;
pub mod share;
pub mod slices;
pub mod store;
pub mod view;
pub mod warehouse;
pub mod warnings;
pub mod watch;

mod cells;
mod csv_rows;
mod grouped;
mod input;
mod json_rows;
mod one_currency;
mod pages;
mod parquet_rows;
mod pipeline;
mod places;
mod price_tables;
mod row_batch;
mod rows;
mod source;
mod store_writer;
mod table;
mod tally;
mod united;
mod utf16;
mod writing;

use serde::{Deserialize, Serialize};

use crate::units::Money;

pub use compare::{Comparison, Driver, Effects};
pub use delivery::Delivery;
pub use error::BillError;
pub use export::{FocusFile, Written};
pub use filter::{ANY_COLUMN, Filter, How, NO_COLUMN};
pub use formats::Kind;
pub use import::{Imported, dry_run, import, import_delivery};
pub use lens::{Ledger, Line, RuleSet};
pub use over_time::{Granularity, Series};
pub use period::Period;
pub use query::{Bill, COUNTED, Totals};
pub use rates::{Conversion, Rate, Rates};
pub use rows::detect;
pub use rules::{Class, RULES, Rule};
pub use share::{ClassShare, InferenceShare, RuleShare};
pub use store::Store;
pub use view::{ColumnView, RowsView};

use exact::Exact;

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

impl Costs {
    /// From exact sums in the order of [`columns::COSTS`]. A cost is `None` when no bill has its column, or when
    /// there are rows and none of them has a value.
    fn from_sums(present: [bool; 4], rows: u64, filled: [u64; 4], sums: [Exact; 4]) -> Self {
        let cost = |place: usize| {
            (present[place] && (rows == 0 || filled[place] > 0)).then(|| sums[place].to_money())
        };
        Self { billed_cost: cost(0), effective_cost: cost(1), list_cost: cost(2), contracted_cost: cost(3) }
    }

    /// The cost of this basis.
    pub fn get(&self, basis: Basis) -> Option<Money> {
        match basis {
            Basis::BilledCost => self.billed_cost,
            Basis::EffectiveCost => self.effective_cost,
            Basis::ListCost => self.list_cost,
            Basis::ContractedCost => self.contracted_cost,
        }
    }
}

/// Cells of a cost column that hold no value; a total over them is a total without them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MissingCells {
    /// Empty or `NULL` in the file.
    pub empty: u64,
    /// Something that is not a number.
    pub unreadable: u64,
}

/// Which of the four costs a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "FOCUS names")]
pub enum Basis {
    BilledCost,
    #[default]
    EffectiveCost,
    ListCost,
    ContractedCost,
}

impl Basis {
    /// The FOCUS column.
    pub fn column(self) -> &'static str {
        columns::COSTS[self.place()]
    }

    /// Place in [`columns::COSTS`].
    fn place(self) -> usize {
        match self {
            Self::BilledCost => 0,
            Self::EffectiveCost => 1,
            Self::ListCost => 2,
            Self::ContractedCost => 3,
        }
    }
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

/// One group of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// One value for each column grouped by; `None` = no value in the file, [`NO_COLUMN`] = the file has no such
    /// column.
    pub key: Vec<Option<String>>,
    /// Rows in the group.
    pub rows: u64,
    /// Their costs.
    pub costs: Costs,
    /// Rows of it that have no value of a cost and are not in its sum, for each of [`columns::COSTS`] in order.
    #[serde(default)]
    pub missing: [u64; 4],
}

impl Group {
    /// Rows that are not in the sum of this cost, though others are.
    pub fn missing(&self, basis: Basis) -> u64 {
        self.missing[basis.place()]
    }
}
