//! A rule set made ready for the columns of one bill: reads a row's cells, says which rule fired.

use regex::Regex;

use super::candidates::smell;
use super::condition::compile;
use super::ruleset::PURPOSE;
use super::{Condition, DIMENSION_PREFIX, Dimension, DimensionRule, Entry, Line, Op, RuleSet};
use crate::bill::inference::{FactSource, Facts, Purpose};
use crate::bill::profile::{json_object, json_text};
use crate::bill::rules::{Class, Test, rule};

/// What the rules say of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in crate::bill) struct Verdict {
    /// The place of the rule that fired, in the rule set.
    pub(super) rule: Option<usize>,
    /// Its class and the line its cost stands in.
    pub(super) class: Option<(Class, Line)>,
    /// What smells of AI in it, where no rule fired.
    pub(super) candidate: Option<String>,
    /// A value for each dimension.
    pub(super) dimensions: Vec<Option<String>>,
}

/// Where a condition finds its text.
#[derive(Debug)]
enum Place {
    /// In a cell.
    Cell(usize),
    /// Under a key of a cell that holds a JSON object.
    Key(usize, String),
    /// In a dimension.
    Dimension(usize),
    /// The bill has no such column: there is never a value.
    Nowhere,
}

#[derive(Debug)]
enum Compare {
    Is(Vec<String>),
    Contains(Vec<String>),
    StartsWith(Vec<String>),
    Matches(Vec<Regex>),
    HasValue,
}

#[derive(Debug)]
struct Ready {
    place: Place,
    compare: Compare,
    not: bool,
}

#[derive(Debug)]
enum Tests {
    BuiltIn(&'static [Test]),
    Own(&'static [Test], Vec<Ready>),
}

#[derive(Debug)]
struct ReadyRule {
    /// Its place in the rule set.
    place: usize,
    class: Class,
    tests: Tests,
}

#[derive(Debug)]
enum ReadyDimensionRule {
    Key(Place),
    Value(String, Vec<Ready>),
}

/// A rule set for rows whose cells stand in known places.
#[derive(Debug)]
pub(super) struct Compiled {
    source: FactSource,
    rules: Vec<ReadyRule>,
    dimensions: Vec<(bool, Vec<ReadyDimensionRule>)>,
    /// Ids of all rules.
    pub(super) ids: Vec<String>,
}

/// The stored columns that the rules look at, as far as `has` knows them.
pub(super) fn columns(set: &RuleSet, has: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut columns: Vec<String> = Vec::new();
    let mut add = |name: &str| {
        let stored = has(name).or_else(|| has(name.split_once('.')?.0));
        if let Some(stored) = stored
            && !columns.contains(&stored)
        {
            columns.push(stored);
        }
    };
    FactSource::columns().into_iter().for_each(&mut add);
    let of_rules = set.rules.iter().flat_map(|entry| match entry {
        Entry::Own(own) if own.on => own.all.iter(),
        _ => [].iter(),
    });
    let dimension_rules = || set.dimensions.iter().flat_map(|dimension| &dimension.rules);
    let of_dimensions = dimension_rules().flat_map(|rule| match rule {
        DimensionRule::Value { all, .. } => all.iter(),
        DimensionRule::Key { .. } => [].iter(),
    });
    of_rules.chain(of_dimensions).for_each(|condition| add(condition.column.trim()));
    for rule in dimension_rules() {
        if let DimensionRule::Key { key } = rule {
            add(key.trim());
        }
    }
    columns
}

impl Compiled {
    /// For cells in the order of `columns`. A regular expression that does not compile is left out; [`RuleSet::check`]
    /// has refused it before.
    pub(super) fn new(set: &RuleSet, columns: &[String]) -> Self {
        let at = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let place = |column: &str| {
            let column = column.trim();
            if let Some(name) = column.strip_prefix(DIMENSION_PREFIX)
                && let Some(found) = set.dimensions.iter().position(|dimension| dimension.name == name)
            {
                return Place::Dimension(found);
            }
            if let Some(found) = at(column) {
                return Place::Cell(found);
            }
            match column.split_once('.') {
                Some((name, key)) => at(name).map_or(Place::Nowhere, |at| Place::Key(at, key.to_owned())),
                None => Place::Nowhere,
            }
        };
        let ready = |condition: &Condition| {
            let lower = || {
                condition
                    .values
                    .iter()
                    .map(|value| value.trim().to_lowercase())
                    .filter(|v| !v.is_empty())
                    .collect()
            };
            let compare = match condition.op {
                Op::Is => Compare::Is(lower()),
                Op::Contains => Compare::Contains(lower()),
                Op::StartsWith => Compare::StartsWith(lower()),
                Op::Matches => {
                    Compare::Matches(condition.values.iter().filter_map(|text| compile(text).ok()).collect())
                }
                Op::HasValue => Compare::HasValue,
            };
            Ready { place: place(&condition.column), compare, not: condition.not }
        };
        let all = |conditions: &[Condition]| conditions.iter().map(ready).collect::<Vec<_>>();
        let rules = set
            .rules
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.is_on())
            .filter_map(|(place, entry)| {
                let tests = match entry {
                    Entry::BuiltIn { built_in, .. } => Tests::BuiltIn(rule(built_in)?.tests),
                    Entry::Own(own) => {
                        let like = own.like.as_deref().map(|like| rule(like).map(|rule| rule.tests));
                        // Of a rule that is not there, nothing is known to hold.
                        Tests::Own(like.map_or(Some(&[][..]), |tests| tests)?, all(&own.all))
                    }
                };
                Some(ReadyRule { place, class: entry.class(), tests })
            })
            .collect();
        let dimensions = set
            .dimensions
            .iter()
            .map(|Dimension { name, rules }| {
                let rules = rules
                    .iter()
                    .map(|rule| match rule {
                        DimensionRule::Key { key } => ReadyDimensionRule::Key(place(key)),
                        DimensionRule::Value { value, all: conditions } => {
                            ReadyDimensionRule::Value(value.clone(), all(conditions))
                        }
                    })
                    .collect();
                (name == PURPOSE, rules)
            })
            .collect();
        Self {
            source: FactSource::of(at),
            rules,
            dimensions,
            ids: set.rules.iter().map(|entry| entry.id().to_owned()).collect(),
        }
    }

    /// What the rules say of a row's cells.
    pub(super) fn judge(&self, cells: &[&str]) -> Verdict {
        let row = self.row(cells);
        let fired = self.rules.iter().find(|rule| rule.holds(&row));
        let class = fired.map(|rule| (rule.class, Line::of(rule.class, &row.facts)));
        let candidate = if fired.is_none() { smell(&row.facts) } else { None };
        Verdict { rule: fired.map(|rule| rule.place), class, candidate, dimensions: row.dimensions }
    }

    /// Whether the conditions of the rule in this place hold for a row, whatever rules stand before it.
    pub(super) fn holds(&self, place: usize, cells: &[&str]) -> bool {
        let row = self.row(cells);
        self.rules.iter().any(|rule| rule.place == place && rule.holds(&row))
    }

    fn row<'c>(&self, cells: &'c [&'c str]) -> Row<'c> {
        let mut row = Row { facts: self.source.facts(cells), cells, dimensions: Vec::new() };
        for (is_purpose, rules) in &self.dimensions {
            let mut value = rules.iter().find_map(|rule| match rule {
                ReadyDimensionRule::Key(place) => row.text(place).filter(|text| !text.is_empty()),
                ReadyDimensionRule::Value(value, all) => {
                    all.iter().all(|condition| condition.holds(&row)).then(|| value.clone())
                }
            });
            if *is_purpose {
                match value.as_deref().map(str::to_lowercase).as_deref() {
                    Some("serving" | "inference") => row.facts.purpose = Some(Purpose::Serving),
                    Some("training") => row.facts.purpose = Some(Purpose::Training),
                    Some(_) => row.facts.purpose = None,
                    None => {
                        value = row.facts.purpose.map(|purpose| match purpose {
                            Purpose::Serving => "serving".to_owned(),
                            Purpose::Training => "training".to_owned(),
                        });
                    }
                }
            }
            row.dimensions.push(value);
        }
        row
    }
}

/// A row being judged.
struct Row<'c> {
    facts: Facts,
    cells: &'c [&'c str],
    dimensions: Vec<Option<String>>,
}

impl Row<'_> {
    fn text(&self, place: &Place) -> Option<String> {
        match place {
            Place::Cell(at) => self.cells.get(*at).map(|cell| cell.trim().to_owned()),
            Place::Key(at, key) => {
                let object = json_object(self.cells.get(*at)?)?;
                let exact = object.get(key).and_then(json_text);
                exact.or_else(|| {
                    let wanted = bare_key(key);
                    object
                        .iter()
                        .filter(|(name, _)| bare_key(name) == wanted)
                        .find_map(|(_, value)| json_text(value))
                })
            }
            Place::Dimension(at) => self.dimensions.get(*at).cloned().flatten(),
            Place::Nowhere => None,
        }
    }
}

/// `user:Work-Load` → `workload`: tag keys differ between providers in what stands before them.
fn bare_key(key: &str) -> String {
    let key = key.rsplit([':', '/']).next().unwrap_or(key);
    key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Ready {
    fn holds(&self, row: &Row<'_>) -> bool {
        let text = row.text(&self.place).filter(|text| !text.is_empty());
        let lower = || text.as_deref().unwrap_or_default().to_lowercase();
        let holds = match &self.compare {
            Compare::HasValue => text.is_some(),
            _ if text.is_none() => false,
            Compare::Is(values) => values.contains(&lower()),
            Compare::Contains(values) => {
                let text = lower();
                values.iter().any(|value| text.contains(value.as_str()))
            }
            Compare::StartsWith(values) => {
                let text = lower();
                values.iter().any(|value| text.starts_with(value.as_str()))
            }
            Compare::Matches(patterns) => {
                text.as_deref().is_some_and(|text| patterns.iter().any(|pattern| pattern.is_match(text)))
            }
        };
        holds != self.not
    }
}

impl ReadyRule {
    fn holds(&self, row: &Row<'_>) -> bool {
        match &self.tests {
            Tests::BuiltIn(tests) => tests.iter().all(|test| test.holds(&row.facts)),
            Tests::Own(like, conditions) => {
                like.iter().all(|test| test.holds(&row.facts))
                    && conditions.iter().all(|condition| condition.holds(row))
            }
        }
    }
}
