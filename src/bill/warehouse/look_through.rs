//! Looks a connected table through once, so that it stands among the files with what an import tells of them: rows,
//! totals, period, and the few values of each column that filters offer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::column::BillColumn;
use super::error::WarehouseError;
use super::question::Question;
use super::session::{MOST_ROWS, Stop};
use super::table::Table;
use crate::bill::columns::{COSTS, ColumnType};
use crate::bill::error::BillError;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::import::{ColumnProfile, Imported};
use crate::bill::moment;
use crate::bill::profile::{MAX_VALUES, Profile, Values};
use crate::bill::query::{Adding, ColumnRef, StoredGroups, Sums};
use crate::bill::{Costs, MissingCells, Warning};

/// Distinct texts of a tag column that are looked into for keys.
const MOST_TEXTS: u64 = 5_000;
/// Columns whose values are fetched in one statement.
const AT_ONCE: usize = 12;

/// How much of a table is looked at before it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Rows, period and totals: what questions need.
    Totals,
    /// The few values of its columns, too, which filters are chosen from: one more look at every column.
    Values,
}

impl Table {
    /// Looks the table through; afterwards it can be asked as a bill. `progress` is told the share that is done.
    ///
    /// # Errors
    /// The warehouse refuses or is stopped.
    pub fn look_through(
        mut self,
        look: Look,
        stop: &Stop,
        progress: &mut dyn FnMut(f64, &str),
    ) -> Result<Self, BillError> {
        progress(0.05, "Counting");
        let facts = self.facts(look, stop)?;
        progress(0.3, "Adding up");
        let (currencies, totals, missing, rules) = self.totals(stop)?;
        progress(0.6, "Reading the values of its columns");
        let mut profiles = self.profiles(&facts, stop)?;
        profiles.push(rules);
        let warnings: Vec<Warning> = self
            .remarks()
            .into_iter()
            .map(|message| Warning { file: self.spec.table.clone(), line: None, column: None, message })
            .collect();
        self.imported = Some(Imported {
            hash: self.spec.hash(),
            path: PathBuf::new(),
            file: self.spec.table.trim().to_owned(),
            kind: format!("{} in {}", self.kind, self.dialect().words()),
            rows: facts.rows,
            dropped: 0,
            currencies,
            totals,
            missing,
            first_charge_unix_secs: facts.first.map(|micros| micros.div_euclid(moment::PER_SEC)),
            last_charge_unix_secs: facts.last.map(|micros| micros.div_euclid(moment::PER_SEC)),
            columns: self.names(),
            profiles,
            warnings_total: warnings.len() as u64,
            warnings,
            parts: Vec::new(),
            skipped: Vec::new(),
            ledger: None,
            slices: Vec::new(),
        });
        progress(1.0, "");
        Ok(self)
    }

    fn facts(&self, look: Look, stop: &Stop) -> Result<Facts, WarehouseError> {
        let dialect = self.dialect();
        let question = Question::about(&self.source, None);
        let moment = |name: &str| self.source.column(name).map(|column| column.moment(dialect));
        let start = moment("ChargePeriodStart").unwrap_or_else(|| "NULL".to_owned());
        let end = moment("ChargePeriodEnd").unwrap_or_else(|| start.clone());
        let mut aggregates =
            vec!["COUNT(*) AS n".to_owned(), format!("MIN({start}) AS a"), format!("MAX({end}) AS b")];
        let columns = if look == Look::Values { &self.source.columns[..] } else { &[] };
        for (place, column) in columns.iter().enumerate() {
            aggregates.push(format!("COUNT({}) AS f{place}", column.key(dialect)));
        }
        let texts: Vec<(usize, &BillColumn)> =
            columns.iter().enumerate().filter(|(_, column)| column.kind == ColumnType::Text).collect();
        for (place, column) in &texts {
            aggregates.push(format!("{} AS d{place}", dialect.about_distinct(&column.key(dialect))));
        }
        let rows = self.ask(&question.aggregates_sql(&aggregates), "count its values", 1, stop)?;
        let row = rows.first().cloned().unwrap_or_default();
        let read = |place: usize| row.get(place).and_then(Option::as_deref).and_then(moment::read);
        let columns = columns.len();
        let filled = (0..columns).map(|place| self.count(row.get(3 + place))).collect::<Result<_, _>>()?;
        let distinct = texts
            .iter()
            .enumerate()
            .map(|(at, (place, _))| Ok((*place, self.count(row.get(3 + columns + at))?)))
            .collect::<Result<_, WarehouseError>>()?;
        Ok(Facts {
            rows: self.count(row.first())?,
            first: read(1),
            last: read(2).or_else(|| read(1)),
            filled,
            distinct,
        })
    }

    /// Sums by currency, and the inference rules that fit any row, unless what they look at has too many values.
    #[expect(clippy::type_complexity, reason = "the four parts of one report")]
    fn totals(
        &self,
        stop: &Stop,
    ) -> Result<
        (BTreeMap<String, u64>, BTreeMap<String, Costs>, BTreeMap<String, MissingCells>, ColumnProfile),
        BillError,
    > {
        let text = |name: &str| ColumnRef::Plain { name: name.to_owned(), kind: ColumnType::Text };
        let adding = Adding::costs("add up the bill");
        let mut groups = StoredGroups::new();
        let both = [text("BillingCurrency"), text(RULE_COLUMN)];
        match self.add_up(&both, &[], adding, None, stop, &mut groups) {
            Err(BillError::Warehouse(WarehouseError::TooMany { .. })) => {
                groups.clear();
                self.add_up(&both[..1], &[], adding, None, stop, &mut groups)?;
            }
            other => other?,
        }
        let mut by_currency: BTreeMap<String, Sums> = BTreeMap::new();
        let mut rules = Values::default();
        for (key, sums) in groups {
            by_currency.entry(key.first().cloned().flatten().unwrap_or_default()).or_default().add(&sums)?;
            if let Some(rule) = key.get(1).cloned().flatten() {
                rules.filled += sums.rows;
                rules.values.insert(rule);
            }
        }
        let present = COSTS.map(|name| self.source.column(name).is_some());
        let mut missing: BTreeMap<String, MissingCells> = BTreeMap::new();
        for sums in by_currency.values() {
            for (place, name) in COSTS.iter().enumerate().filter(|(place, _)| present[*place]) {
                let lacking = sums.rows - sums.filled[place];
                if lacking > 0 {
                    missing.entry((*name).to_owned()).or_default().empty += lacking;
                }
            }
        }
        let costs = |sums: &Sums| Costs::from_sums(present, sums.rows, sums.filled, sums.costs);
        let totals = by_currency.iter().map(|(currency, sums)| (currency.clone(), costs(sums))).collect();
        let currencies = by_currency.into_iter().map(|(currency, sums)| (currency, sums.rows)).collect();
        let rules = ColumnProfile { kind: ColumnType::Text, values: rules, keys: BTreeMap::new() };
        Ok((currencies, totals, missing, rules))
    }

    /// What each column holds, as far as it was looked at.
    fn profiles(&self, facts: &Facts, stop: &Stop) -> Result<Vec<ColumnProfile>, WarehouseError> {
        let dialect = self.dialect();
        let Facts { filled, distinct, .. } = facts;
        let profile = |(place, column): (usize, &BillColumn)| {
            let filled = filled.get(place).copied().unwrap_or_default();
            let more = matches!(column.kind, ColumnType::Text | ColumnType::Json);
            let values = Values { filled, more, ..Values::default() };
            ColumnProfile { kind: column.kind, values, keys: BTreeMap::new() }
        };
        let mut profiles: Vec<ColumnProfile> = self.source.columns.iter().enumerate().map(profile).collect();
        // Counts of distinct values are estimates: a few more are looked at.
        let few: Vec<usize> = distinct
            .iter()
            .filter(|(_, count)| *count > 0 && *count <= MAX_VALUES as u64 * 5 / 4)
            .map(|(place, _)| *place)
            .collect();
        for places in few.chunks(AT_ONCE) {
            let parts: Vec<String> = places
                .iter()
                .map(|place| {
                    let key = self.source.columns[*place].key(dialect);
                    let most = MAX_VALUES + 2;
                    let rows = Question::about(&self.source, None).aggregates_sql(&[format!("DISTINCT {key} AS v")]);
                    format!("SELECT * FROM (SELECT '{place}' AS c, v FROM ({rows}) AS one LIMIT {most}) AS some{place}")
                })
                .collect();
            let most = (MAX_VALUES as u64 + 2) * places.len() as u64;
            let mut found: BTreeMap<usize, Values> = BTreeMap::new();
            for row in self.ask(&parts.join(" UNION ALL "), "list the values of its columns", most, stop)? {
                let place = row.first().and_then(Option::as_deref).and_then(|text| text.parse().ok());
                if let (Some(place), Some(Some(value))) = (place, row.get(1)) {
                    found.entry(place).or_default().values.insert(value.clone());
                }
            }
            for place in places {
                let mut values = found.remove(place).unwrap_or_default();
                values.filled = profiles[*place].values.filled;
                values.more = values.values.len() > MAX_VALUES;
                profiles[*place].values = values;
            }
        }
        for (place, column) in self.source.columns.iter().enumerate() {
            if column.name == "Tags" && filled.get(place).is_some_and(|filled| *filled > 0) {
                profiles[place].keys = self.tag_keys(column, stop)?;
            }
        }
        Ok(profiles)
    }

    /// The keys of a column of tags with their values, from the first distinct texts.
    fn tag_keys(&self, column: &BillColumn, stop: &Stop) -> Result<BTreeMap<String, Values>, WarehouseError> {
        let Some(text) = self.dialect().tags_text(&column.sql, &column.held) else {
            return Ok(BTreeMap::new());
        };
        let rows = Question::about(&self.source, None).aggregates_sql(&[format!("DISTINCT {text} AS v")]);
        let sql = format!("SELECT v FROM ({rows}) AS texts LIMIT {MOST_TEXTS}");
        let mut profile = Profile::new(ColumnType::Json);
        for row in self.ask(&sql, "list the keys of its tags", MOST_ROWS, stop)? {
            if let Some(Some(text)) = row.first() {
                // What is no JSON object has no keys.
                profile.add(text);
            }
        }
        Ok(profile.keys().clone())
    }
}

struct Facts {
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
    filled: Vec<u64>,
    distinct: Vec<(usize, u64)>,
}
