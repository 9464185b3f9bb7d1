//! What a column holds: how many cells have a value and which values, as long as they are few.
//!
//! Made while importing, kept in the import report: it tells a view which columns are worth grouping by and
//! which values a filter can have, without a pass over the data.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::columns::ColumnType;

/// Distinct values remembered for a column or tag key; beyond this it only counts as "many".
pub const MAX_VALUES: usize = 200;
/// Tag keys remembered for a JSON column.
const MAX_KEYS: usize = 200;
/// Distinct JSON texts looked into before the search for keys stops.
const MAX_TEXTS: usize = 50_000;

/// Distinct values of a column or key.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Values {
    /// Cells with a value (for a JSON key: distinct texts that have the key).
    pub filled: u64,
    /// The distinct values, sorted; only the first [`MAX_VALUES`] found when `more`.
    pub values: BTreeSet<String>,
    /// There are more than are listed.
    pub more: bool,
}

impl Values {
    fn add(&mut self, value: &str) {
        self.filled += 1;
        if self.more || self.values.contains(value) {
            return;
        }
        if self.values.len() >= MAX_VALUES {
            self.more = true;
        } else {
            self.values.insert(value.to_owned());
        }
    }

    /// Values of two files together.
    #[must_use]
    pub fn union(mut self, other: &Self) -> Self {
        self.filled += other.filled;
        self.more |= other.more;
        for value in &other.values {
            if self.values.len() >= MAX_VALUES && !self.values.contains(value) {
                self.more = true;
                break;
            }
            self.values.insert(value.clone());
        }
        self
    }
}

/// The profile of a column being read.
#[derive(Debug, Clone)]
pub struct Profile {
    is_json: bool,
    filled: u64,
    last: String,
    last_ok: bool,
    seen: HashSet<Box<str>>,
    more: bool,
    /// JSON texts seen, and whether each is an object.
    texts: HashMap<Box<str>, bool>,
    keys: BTreeMap<String, Values>,
}

impl Profile {
    /// For a column of this type.
    pub fn new(kind: ColumnType) -> Self {
        Self {
            is_json: kind == ColumnType::Json,
            filled: 0,
            last: String::new(),
            last_ok: true,
            seen: HashSet::new(),
            more: false,
            texts: HashMap::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Adds so many cells that have a value which is no text, or one that was added before.
    pub fn count(&mut self, cells: u64) {
        self.filled += cells;
    }

    /// Adds a cell that has a value; false when it should be a JSON object and is not.
    pub fn add(&mut self, value: &str) -> bool {
        self.filled += 1;
        // Bills are sorted by something more often than not: most cells repeat the one above.
        if self.last == value {
            return self.last_ok;
        }
        value.clone_into(&mut self.last);
        if self.is_json {
            self.last_ok = self.add_json(value);
        } else if !self.more && !self.seen.contains(value) {
            if self.seen.len() >= MAX_VALUES {
                self.more = true;
            } else {
                self.seen.insert(value.into());
            }
        }
        self.last_ok
    }

    fn add_json(&mut self, text: &str) -> bool {
        if let Some(ok) = self.texts.get(text) {
            return *ok;
        }
        let object = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
        let ok = object.is_ok();
        if self.texts.len() >= MAX_TEXTS {
            self.more = true;
            return ok;
        }
        self.texts.insert(text.into(), ok);
        for (key, value) in object.into_iter().flatten() {
            if self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&key) {
                self.more = true;
                continue;
            }
            if let Some(value) = json_text(&value) {
                self.keys.entry(key).or_default().add(&value);
            }
        }
        ok
    }

    /// The column's own values.
    pub fn values(&self) -> Values {
        if self.is_json {
            let more = self.more || !self.texts.is_empty();
            return Values { filled: self.filled, values: BTreeSet::new(), more };
        }
        Values {
            filled: self.filled,
            values: self.seen.iter().map(ToString::to_string).collect(),
            more: self.more,
        }
    }

    /// The keys of a JSON column with their values.
    pub fn keys(&self) -> &BTreeMap<String, Values> {
        &self.keys
    }
}

/// A JSON value as the text it is grouped by; `None` for null.
pub fn json_text(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::String(text) if text.is_empty() => None,
        serde_json::Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The value of a key in a JSON object's text; `None` when there is none, or the text is no object.
pub fn json_key(text: &str, key: &str) -> Option<String> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    json_text(object.get(key)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_listed_and_many_are_said_to_be_many() {
        let mut profile = Profile::new(ColumnType::Text);
        for index in 0..MAX_VALUES + 5 {
            profile.add(&format!("v{index:04}"));
            profile.add(&format!("v{index:04}"));
        }
        let values = profile.values();
        assert_eq!((values.values.len(), values.more, values.filled), (MAX_VALUES, true, 410));
    }

    #[test]
    fn keys_of_tags_are_found_and_what_is_no_object_is_told() {
        let mut profile = Profile::new(ColumnType::Json);
        assert!(profile.add(r#"{"team":"search","size":2,"none":null}"#));
        assert!(profile.add(r#"{"team":"ads"}"#));
        assert!(!profile.add("team=ads"));
        assert!(!profile.add("team=ads"));
        let keys: Vec<_> = profile.keys().keys().cloned().collect();
        assert_eq!(keys, ["size", "team"]);
        assert!(profile.keys()["team"].values.contains("ads"));
        assert_eq!(json_key(r#"{"size":2}"#, "size").as_deref(), Some("2"));
        assert_eq!(json_key("[1]", "size"), None);
    }
}
