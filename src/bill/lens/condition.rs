//! A condition on a row: a column, how it is compared, with what; and what can be wrong with rules made of them.

use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::ruleset::FORMAT_VERSION;
use super::{CANDIDATE_COLUMN, CLASS_COLUMN, DIMENSION_PREFIX, LINE_COLUMN};
use crate::bill::formats::focus::RULE_COLUMN;

/// Bytes that one regular expression may take when compiled: a rule is no program.
const REGEX_BYTES: usize = 1 << 20;

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Not JSON, or other fields than rules have.
    #[error(
        "these are no rules: {0}; write what `inferometer bill --inference --json` prints under `rule_set`"
    )]
    NotRules(String),
    /// A file of a newer version.
    #[error(
        "the rules are of version {0}, and this Inferometer knows version {FORMAT_VERSION}; update Inferometer"
    )]
    Newer(u32),
    /// A built-in rule that is not there.
    #[error("there is no built-in rule `{0}`")]
    NoBuiltIn(String),
    /// Two rules of one name.
    #[error("the rule `{0}` is there twice; give each its own id")]
    Twice(String),
    /// A rule without a name.
    #[error("a rule has no {0}; every rule needs one")]
    Nameless(&'static str),
    /// A rule that would catch every row.
    #[error("the rule “{0}” has no condition and would catch every row; add one")]
    NoCondition(String),
    /// A condition that compares with nothing.
    #[error("the rule “{rule}”: the condition on {column} has no value to compare with")]
    NoValue {
        /// The rule's words.
        rule: String,
        /// The column.
        column: String,
    },
    /// A condition without a column.
    #[error("the rule “{0}” has a condition without a column")]
    NoColumn(String),
    /// A condition on what the rules themselves find.
    #[error("the rule “{rule}” asks for {column}, which only follows from the rules")]
    OwnColumn {
        /// The rule's words.
        rule: String,
        /// The column.
        column: String,
    },
    /// A regular expression that is none.
    #[error("the rule “{rule}”: `{pattern}` is no regular expression: {why}")]
    Pattern {
        /// The rule's words.
        rule: String,
        /// What was written.
        pattern: String,
        /// Why not.
        why: String,
    },
    /// A share that is none.
    #[error("`{0}` is not a share; give a number above 0 and at most 1, such as 0.4")]
    Share(String),
}

/// How a cell is compared with the values of a condition; text is compared without case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The cell is one of the values.
    #[default]
    Is,
    /// The cell contains one of them.
    Contains,
    /// The cell begins with one of them.
    StartsWith,
    /// One of them, a regular expression, is found in the cell.
    Matches,
    /// The cell has a value at all.
    HasValue,
}

impl Op {
    /// All, in the order they are shown.
    pub const ALL: [Self; 5] = [Self::Is, Self::Contains, Self::StartsWith, Self::Matches, Self::HasValue];

    /// In words that stand between the column and the values.
    pub fn words(self, not: bool) -> &'static str {
        match (self, not) {
            (Self::Is, false) => "is",
            (Self::Is, true) => "is not",
            (Self::Contains, false) => "contains",
            (Self::Contains, true) => "does not contain",
            (Self::StartsWith, false) => "starts with",
            (Self::StartsWith, true) => "does not start with",
            (Self::Matches, false) => "matches",
            (Self::Matches, true) => "does not match",
            (Self::HasValue, false) => "has a value",
            (Self::HasValue, true) => "has no value",
        }
    }
}

/// A condition on a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A column of words, a key of one (`Tags.app`; keys are found without case and without what stands before a
    /// colon or slash), or a dimension (`x_Dimension_Team`).
    pub column: String,
    /// How it is compared.
    #[serde(default)]
    pub op: Op,
    /// What with; one that fits is enough. Empty for [`Op::HasValue`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// The condition holds where it otherwise would not.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not: bool,
}

impl Condition {
    /// `Tags.app is vllm or tgi`.
    pub fn words(&self) -> String {
        let mut words = format!("{} {}", self.column, self.op.words(self.not));
        if self.op != Op::HasValue {
            // Writing to a text cannot fail.
            let _ = write!(words, " {}", self.values.join(" or "));
        }
        words
    }

    pub(super) fn check(&self, rule: &str, in_dimension: bool) -> Result<(), RulesError> {
        let column = self.column.trim();
        if column.is_empty() {
            return Err(RulesError::NoColumn(rule.to_owned()));
        }
        let follows = [RULE_COLUMN, CLASS_COLUMN, LINE_COLUMN, CANDIDATE_COLUMN].contains(&column)
            || (in_dimension && column.starts_with(DIMENSION_PREFIX));
        if follows {
            return Err(RulesError::OwnColumn { rule: rule.to_owned(), column: column.to_owned() });
        }
        if self.op != Op::HasValue && self.values.iter().all(|value| value.trim().is_empty()) {
            return Err(RulesError::NoValue { rule: rule.to_owned(), column: column.to_owned() });
        }
        if self.op == Op::Matches {
            for pattern in &self.values {
                compile(pattern).map_err(|error| RulesError::Pattern {
                    rule: rule.to_owned(),
                    pattern: pattern.clone(),
                    why: error.to_string().lines().last().unwrap_or_default().to_owned(),
                })?;
            }
        }
        Ok(())
    }
}

/// The regular expression of a condition: without case, of a bounded size.
pub(super) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(REGEX_BYTES).build()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it skips by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}
