//! The rules of a project as data: built-in ones switched on or off and put in order, own ones, and the dimensions
//! that tags give. What a rules file holds, what the project keeps, and the checks both must pass.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{CANDIDATE_COLUMN, CLASS_COLUMN, DIMENSION_PREFIX, LINE_COLUMN};
use crate::bill::exact::Exact;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::rules::{Class, RULES, rule};
use crate::units::Money;

/// What a rules file says it is.
pub const RULES_FORMAT: &str = "inferometer rules";
/// The version of the file this program writes.
const FORMAT_VERSION: u32 = 1;
/// Bytes that one regular expression may take when compiled: a rule is no program.
const REGEX_BYTES: usize = 1 << 20;
/// The dimension that tells serving from training, which the built-in rules look at.
pub(super) const PURPOSE: &str = "Purpose";

/// Why rules cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// Not JSON, or other fields than rules have.
    #[error("these are no rules: {0}; write what `inferometer bill --inference --json` prints under `rule_set`")]
    NotRules(String),
    /// A file of a newer version.
    #[error("the rules are of version {0}, and this Inferometer knows version {FORMAT_VERSION}; update Inferometer")]
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

/// The part of a row's cost that a rule claims, above 0 and at most 1, exactly; the remainder is "the rest".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Share(Money);

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self(Money::from_scaled(10_i128.pow(Money::SCALE)));

    /// From a decimal text.
    ///
    /// # Errors
    /// What is no number above 0 and at most 1.
    pub fn read(text: &str) -> Result<Self, RulesError> {
        let money: Money = text.parse().map_err(|_no_number| RulesError::Share(text.trim().to_owned()))?;
        Self::try_from(money)
    }

    /// This share of an amount, and the remainder; both add up to the amount.
    pub fn split(self, amount: Exact) -> (Exact, Exact) {
        if self == Self::WHOLE {
            return (amount, Exact::default());
        }
        let factor = Exact(self.0.scaled() * 10_i128.pow(crate::bill::exact::SCALE - Money::SCALE));
        // INVARIANT: a product with at most 1 fits where its factor does, and so does the difference.
        let part = amount.checked_mul(factor).unwrap_or_default();
        (part, Exact(amount.0 - part.0))
    }

    /// Whether it is all.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl TryFrom<Money> for Share {
    type Error = RulesError;

    fn try_from(money: Money) -> Result<Self, RulesError> {
        if money > Money::ZERO && money <= Self::WHOLE.0 {
            Ok(Self(money))
        } else {
            Err(RulesError::Share(money.to_string()))
        }
    }
}

impl From<Share> for Money {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
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

    fn check(&self, rule: &str, in_dimension: bool) -> Result<(), RulesError> {
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

/// A rule of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRule {
    /// Its lasting name, unlike any other's.
    pub id: String,
    /// What it means, for people.
    pub words: String,
    /// Where the money goes.
    pub class: Class,
    /// Rows of this rule are part of the inference spend.
    #[serde(default = "yes")]
    pub counted: bool,
    /// The part of a row's cost that it claims.
    #[serde(default, skip_serializing_if = "share_is_whole")]
    pub share: Share,
    /// False = not tried.
    #[serde(default = "yes")]
    pub on: bool,
    /// All must hold.
    pub all: Vec<Condition>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it skips by reference")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes what it skips by reference")]
fn share_is_whole(share: &Share) -> bool {
    share.is_whole()
}

impl OwnRule {
    /// Whether it can be used.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn check(&self) -> Result<(), RulesError> {
        if self.id.trim().is_empty() {
            return Err(RulesError::Nameless("id"));
        }
        if self.words.trim().is_empty() {
            return Err(RulesError::Nameless("name"));
        }
        if self.all.is_empty() {
            return Err(RulesError::NoCondition(self.words.clone()));
        }
        self.all.iter().try_for_each(|condition| condition.check(&self.words, false))
    }
}

/// A rule in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Entry {
    /// One of [`RULES`], by its id.
    BuiltIn {
        /// Its id.
        built_in: String,
        /// False = not tried.
        #[serde(default = "yes")]
        on: bool,
    },
    /// One of the user's own.
    Own(OwnRule),
}

impl Entry {
    /// The rule's lasting name.
    pub fn id(&self) -> &str {
        match self {
            Self::BuiltIn { built_in, .. } => built_in,
            Self::Own(own) => &own.id,
        }
    }

    /// Whether it is tried.
    pub fn is_on(&self) -> bool {
        match self {
            Self::BuiltIn { on, .. } => *on,
            Self::Own(own) => own.on,
        }
    }

    /// Tries it, or leaves it out.
    pub fn switch(&mut self, tried: bool) {
        match self {
            Self::BuiltIn { on, .. } => *on = tried,
            Self::Own(own) => own.on = tried,
        }
    }

    /// What it means.
    pub fn words(&self) -> &str {
        match self {
            Self::BuiltIn { built_in, .. } => rule(built_in).map_or(built_in, |rule| rule.words),
            Self::Own(own) => &own.words,
        }
    }

    /// Where its money goes.
    pub fn class(&self) -> Class {
        match self {
            Self::BuiltIn { built_in, .. } => rule(built_in).map_or(Class::Unknown, |rule| rule.class),
            Self::Own(own) => own.class,
        }
    }

    /// Whether its rows are part of the inference spend.
    pub fn counted(&self) -> bool {
        match self {
            Self::BuiltIn { built_in, .. } => rule(built_in).is_some_and(|rule| rule.counted),
            Self::Own(own) => own.counted,
        }
    }

    /// The part of a row's cost that it claims.
    pub fn share(&self) -> Share {
        match self {
            Self::BuiltIn { .. } => Share::WHOLE,
            Self::Own(own) => own.share,
        }
    }
}

/// How a dimension finds its value; the first rule that gives one counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DimensionRule {
    /// The value of a column or key.
    Key {
        /// `Tags.team`, `SubAccountName`.
        key: String,
    },
    /// A fixed value where conditions hold.
    Value {
        /// The value.
        value: String,
        /// All must hold.
        all: Vec<Condition>,
    },
}

/// What a row is told apart by, beside its class: a team, a purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Its name: `Team`.
    pub name: String,
    /// Tried in order.
    pub rules: Vec<DimensionRule>,
}

/// The rules and dimensions of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleSet {
    /// Tried in order; the first that matches names the row.
    pub rules: Vec<Entry>,
    /// Dimensions. The one called Purpose, where it says `serving` or `training`, goes before the built-in reading
    /// of tags.
    pub dimensions: Vec<Dimension>,
}

impl Default for RuleSet {
    fn default() -> Self {
        let key = |key: &str| DimensionRule::Key { key: key.to_owned() };
        Self {
            rules: RULES
                .iter()
                .map(|rule| Entry::BuiltIn { built_in: rule.id.to_owned(), on: true })
                .collect(),
            dimensions: vec![
                Dimension { name: PURPOSE.to_owned(), rules: Vec::new() },
                Dimension {
                    name: "Team".to_owned(),
                    rules: vec![key("Tags.team"), key("Tags.owner"), key("Tags.squad")],
                },
            ],
        }
    }
}

/// A rules file.
#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    #[serde(default)]
    rules: Vec<Entry>,
    dimensions: Option<Vec<Dimension>>,
}

impl RuleSet {
    /// Reads a rules file. Built-in rules that it does not name are tried after those it does, in their order.
    ///
    /// # Errors
    /// What is no rules file, and rules that cannot be used.
    pub fn read(text: &str) -> Result<Self, RulesError> {
        let document: Document =
            serde_json::from_str(text).map_err(|error| RulesError::NotRules(error.to_string()))?;
        if document.format != RULES_FORMAT {
            return Err(RulesError::NotRules(format!("`format` is `{}`, not `{RULES_FORMAT}`", document.format)));
        }
        if document.version > FORMAT_VERSION {
            return Err(RulesError::Newer(document.version));
        }
        let dimensions = document.dimensions.unwrap_or_else(|| Self::default().dimensions);
        let set = Self { rules: document.rules, dimensions }.completed();
        set.check()?;
        Ok(set)
    }

    /// What [`Self::read`] reads.
    pub fn document(&self) -> serde_json::Value {
        serde_json::json!({
            "format": RULES_FORMAT,
            "version": FORMAT_VERSION,
            "rules": self.rules,
            "dimensions": self.dimensions,
        })
    }

    /// With the built-in rules it lacks, each behind the one it follows by default; the first before all that are
    /// there. Rules that a newer version had are left out by [`Self::known`].
    #[must_use]
    pub fn completed(mut self) -> Self {
        for (place, built_in) in RULES.iter().enumerate() {
            if self.rules.iter().any(|entry| entry.id() == built_in.id) {
                continue;
            }
            let at = match place.checked_sub(1).map(|before| RULES[before].id) {
                Some(id) => self.rules.iter().position(|entry| entry.id() == id).map(|at| at + 1),
                None => self.rules.iter().position(|entry| matches!(entry, Entry::BuiltIn { .. })),
            };
            let at = at.unwrap_or(self.rules.len());
            self.rules.insert(at, Entry::BuiltIn { built_in: built_in.id.to_owned(), on: true });
        }
        self
    }

    /// Without built-in rules that this version does not have: a project of a newer one must open.
    #[must_use]
    pub fn known(mut self) -> Self {
        self.rules.retain(|entry| match entry {
            Entry::BuiltIn { built_in, .. } => rule(built_in).is_some(),
            Entry::Own(_) => true,
        });
        self
    }

    /// Whether every rule can be used.
    ///
    /// # Errors
    /// What is missing or wrong in the first that cannot.
    pub fn check(&self) -> Result<(), RulesError> {
        let mut ids = BTreeSet::new();
        for entry in &self.rules {
            if !ids.insert(entry.id()) {
                return Err(RulesError::Twice(entry.id().to_owned()));
            }
            match entry {
                Entry::BuiltIn { built_in, .. } if rule(built_in).is_none() => {
                    return Err(RulesError::NoBuiltIn(built_in.clone()));
                }
                Entry::BuiltIn { .. } => {}
                Entry::Own(own) if rule(&own.id).is_some() => {
                    return Err(RulesError::Twice(own.id.clone()));
                }
                Entry::Own(own) => own.check()?,
            }
        }
        let mut names = BTreeSet::new();
        for dimension in &self.dimensions {
            let name = dimension.name.trim();
            if name.is_empty() {
                return Err(RulesError::Nameless("dimension name"));
            }
            if !names.insert(name.to_lowercase()) {
                return Err(RulesError::Twice(name.to_owned()));
            }
            for rule in &dimension.rules {
                match rule {
                    DimensionRule::Key { key } if key.trim().is_empty() => {
                        return Err(RulesError::NoColumn(name.to_owned()));
                    }
                    DimensionRule::Key { .. } => {}
                    DimensionRule::Value { value, all } => {
                        if value.trim().is_empty() {
                            return Err(RulesError::Nameless("value of a dimension"));
                        }
                        if all.is_empty() {
                            return Err(RulesError::NoCondition(format!("{name}: {value}")));
                        }
                        all.iter().try_for_each(|condition| condition.check(name, true))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// The rule of this id.
    pub fn entry(&self, id: &str) -> Option<&Entry> {
        self.rules.iter().find(|entry| entry.id() == id)
    }

    /// Whether the rules are the built-in ones as they come, so that what the import stored is what they say.
    /// Dimensions other than Purpose do not move a row to another rule.
    pub fn rules_are_default(&self) -> bool {
        let default = Self::default();
        let purpose = |set: &Self| {
            set.dimensions.iter().find(|dimension| dimension.name == PURPOSE).map(|dimension| dimension.rules.len())
        };
        self.rules == default.rules && purpose(self).unwrap_or(0) == 0
    }

    /// Ids of the rules whose rows are inference spend.
    pub fn counted(&self) -> Vec<String> {
        self.rules
            .iter()
            .filter(|entry| entry.is_on() && entry.counted())
            .map(|entry| entry.id().to_owned())
            .collect()
    }

    /// An id no rule has yet: `own-3`.
    pub fn free_id(&self) -> String {
        let mut number = self.rules.len() + 1;
        loop {
            let id = format!("own-{number}");
            if self.entry(&id).is_none() {
                return id;
            }
            number += 1;
        }
    }

    /// A short name for exactly these rules.
    pub(super) fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(self.document().to_string());
        let mut name = String::with_capacity(16);
        for byte in hasher.finalize().iter().take(8) {
            // Writing to a text cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}
