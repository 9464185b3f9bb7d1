//! The inference lens: which rows of a bill pay for AI, by rules that a project may change, and what that costs a day.
//!
//! - [`RuleSet`]: the rules as data, with the dimensions (purpose, team) that tags give
//! - `compiled`: a rule set made ready for one bill; says of a row's cells which rule fired and why
//! - `attach`: puts what the rules say beside the rows as columns, which every query can group and filter by
//! - [`Ledger`]: cost by day, rule and cost line, with the tokens and the machine hours that the bill counts
//! - [`Preview`]: what a rule would catch, before it is kept
//!
//! Nothing here changes a stored row: rules are tried when a question is asked, once for each set of cells that look
//! the same, and the answers kept beside the bill until the rules change.

mod attach;
mod candidates;
mod claim;
mod compiled;
mod condition;
mod ledger;
mod line;
mod preview;
mod ruleset;
mod through;

pub use candidates::Candidate;
pub use claim::Share;
pub use condition::{Condition, Op, RulesError};
pub use ledger::{Ledger, LedgerCell, Quantity, QuantityKind};
pub use line::Line;
pub use preview::{Draft, Preview, Taken};
pub use ruleset::{Dimension, DimensionRule, Entry, OwnRule, RULES_FORMAT, RuleSet};

pub(super) use attach::Lens;

/// The column of the class that a row belongs to; no value for the rest.
pub const CLASS_COLUMN: &str = "x_InferenceClass";
/// The column of the [`Line`] that a row's cost stands in.
pub const LINE_COLUMN: &str = "x_InferenceLine";
/// The column that says what in a row smells of AI where no rule caught it.
pub const CANDIDATE_COLUMN: &str = "x_InferenceCandidate";
/// What the names of the columns of dimensions begin with: `x_Dimension_Team`.
pub const DIMENSION_PREFIX: &str = "x_Dimension_";

/// The column of a dimension.
pub fn dimension_column(name: &str) -> String {
    format!("{DIMENSION_PREFIX}{name}")
}

#[cfg(test)]
mod tests;
