//! The rules of a project as data: built-in ones switched on or off and put in order, own ones, and the dimensions
//! that tags give. What a rules file holds, what the project keeps, and the checks both must pass.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Condition, RulesError, Share};
use crate::bill::rules::{Class, RULES, Rule, rule};

/// What a rules file says it is.
pub const RULES_FORMAT: &str = "inferometer rules";
/// The version of the file this program writes.
pub(super) const FORMAT_VERSION: u32 = 1;
/// The dimension that tells serving from training, which the built-in rules look at.
pub(super) const PURPOSE: &str = "Purpose";

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
    /// The built-in rule whose conditions must hold, too, by its id; `None` = none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub like: Option<String>,
    /// All must hold.
    #[serde(default)]
    pub all: Vec<Condition>,
}

fn yes() -> bool {
    true
}

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
        match &self.like {
            Some(like) if rule(like).is_none() => return Err(RulesError::NoBuiltIn(like.clone())),
            None if self.all.is_empty() => return Err(RulesError::NoCondition(self.words.clone())),
            _ => {}
        }
        self.all.iter().try_for_each(|condition| condition.check(&self.words, false))
    }
}

/// A rule in its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged, try_from = "serde_json::Value")]
pub enum Entry {
    /// One of [`RULES`], by its id.
    BuiltIn {
        /// Its id.
        built_in: String,
        /// False = not tried.
        on: bool,
    },
    /// One of the user's own.
    Own(OwnRule),
}

/// A built-in rule as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BuiltIn {
    built_in: String,
    #[serde(default = "yes")]
    on: bool,
}

// What kind of rule it is, is told by one field, so that an error names what is wrong in it.
impl TryFrom<serde_json::Value> for Entry {
    type Error = serde_json::Error;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        if value.get("built_in").is_some() {
            let BuiltIn { built_in, on } = serde_json::from_value(value)?;
            return Ok(Self::BuiltIn { built_in, on });
        }
        serde_json::from_value(value).map(Self::Own)
    }
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

    /// What must hold of a row, in words: all of it.
    pub fn conditions(&self) -> Vec<String> {
        match self {
            Self::BuiltIn { built_in, .. } => rule(built_in).map(Rule::conditions).unwrap_or_default(),
            Self::Own(own) => {
                let like = own.like.as_deref().and_then(rule).map(Rule::conditions).unwrap_or_default();
                like.into_iter().chain(own.all.iter().map(Condition::words)).collect()
            }
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
#[serde(untagged, try_from = "serde_json::Value")]
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

/// A line of a dimension as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DimensionLine {
    key: Option<String>,
    value: Option<String>,
    #[serde(default)]
    all: Vec<Condition>,
}

impl TryFrom<serde_json::Value> for DimensionRule {
    type Error = serde_json::Error;

    fn try_from(value: serde_json::Value) -> Result<Self, Self::Error> {
        let line: DimensionLine = serde_json::from_value(value)?;
        match (line.key, line.value) {
            (Some(key), None) => Ok(Self::Key { key }),
            (None, Some(value)) => Ok(Self::Value { value, all: line.all }),
            _ => Err(serde::de::Error::custom("a line of a dimension has either a `key` or a `value`")),
        }
    }
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
            return Err(RulesError::NotRules(format!(
                "`format` is `{}`, not `{RULES_FORMAT}`",
                document.format
            )));
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
            set.dimensions
                .iter()
                .find(|dimension| dimension.name == PURPOSE)
                .map(|dimension| dimension.rules.len())
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
    pub(in crate::bill) fn fingerprint(&self) -> String {
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
