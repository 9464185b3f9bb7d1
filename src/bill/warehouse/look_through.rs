//! Looks a connected table through once, so that it stands among the files with what an import tells of them: rows,
//! totals, period, and the few values of each column that filters offer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::column::{BillColumn, Held};
use super::dialect::Dialect;
use super::error::WarehouseError;
use super::question::Question;
use super::session::{MOST_ROWS, Stop};
use super::table::{Asking, Table};
use crate::bill::columns::{COSTS, ColumnType};
use crate::bill::error::BillError;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::import::{ColumnProfile, Imported};
use crate::bill::moment;
use crate::bill::profile::{MAX_VALUES, Profile, Values};
use crate::bill::query::{Adding, ColumnRef, StoredGroups, Sums};
use crate::bill::slices::{MOST_SLICES, Slice};
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
        let (currencies, totals, missing, rules) = self.totals(&facts, stop)?;
        progress(0.5, "Finding its accounts and months");
        let slices = self.slices(stop)?;
        progress(0.6, "Reading the values of its columns");
        let mut profiles = self.profiles(&facts, stop)?;
        profiles.push(rules);
        let unreadable = missing.iter().filter(|(_, cells)| cells.unreadable > 0).map(|(name, cells)| {
            format!(
                "{} cells of {name} cannot be read as amounts; they count as missing, not as 0",
                cells.unreadable
            )
        });
        let warnings: Vec<Warning> = self
            .remarks()
            .into_iter()
            .chain(unreadable)
            .map(|message| Warning { file: self.spec.table.clone(), line: None, column: None, message })
            .collect();
        self.imported = Some(Imported {
            hash: self.spec.hash(),
            path: PathBuf::new(),
            file: self.spec.table.trim().to_owned(),
            kind: super::kind_of(&self.kind, self.dialect()),
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
            slices,
        });
        progress(1.0, "");
        Ok(self)
    }

    fn facts(&self, look: Look, stop: &Stop) -> Result<Facts, WarehouseError> {
        let dialect = self.dialect();
        let question = Question::about(&self.source, None);
        let moment = |name: &str| self.source.column(name).map(|column| column.moment(dialect));
        let start = moment("ChargePeriodStart").unwrap_or_else(|| "NULL".to_owned());
        // A row without an end reaches as far as its start, as in a file.
        let end = moment("ChargePeriodEnd").map_or_else(
            || start.clone(),
            |end| format!("CASE WHEN {end} IS NOT NULL THEN {end} ELSE {start} END"),
        );
        let mut aggregates =
            vec!["COUNT(*) AS n".to_owned(), format!("MIN({start}) AS a"), format!("MAX({end}) AS b")];
        let written: Vec<usize> = (0..COSTS.len()).filter(|place| self.may_be_unreadable(*place)).collect();
        for place in &written {
            let column = self.source.column(COSTS[*place]);
            let text = column.map_or_else(|| "NULL".to_owned(), |column| written_cell(column, dialect));
            aggregates.push(format!("COUNT({text}) AS w{place}"));
        }
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
        let start = 3 + written.len();
        let written = written
            .iter()
            .enumerate()
            .map(|(at, place)| Ok((*place, self.count(row.get(3 + at))?)))
            .collect::<Result<_, WarehouseError>>()?;
        let filled =
            (0..columns).map(|place| self.count(row.get(start + place))).collect::<Result<_, _>>()?;
        let distinct = texts
            .iter()
            .enumerate()
            .map(|(at, (place, _))| Ok((*place, self.count(row.get(start + columns + at))?)))
            .collect::<Result<_, WarehouseError>>()?;
        Ok(Facts {
            rows: self.count(row.first())?,
            first: read(1),
            last: read(2).or_else(|| read(1)),
            written,
            filled,
            distinct,
        })
    }

    /// Whether cells of this cost can hold what is no amount.
    fn may_be_unreadable(&self, cost: usize) -> bool {
        let column = self.source.column(COSTS[cost]);
        column.is_some_and(|column| !matches!(column.held, Held::Decimal | Held::Integer))
    }

    /// Its accounts and months, by which charges that are also in a file are found.
    fn slices(&self, stop: &Stop) -> Result<Vec<Slice>, BillError> {
        let dialect = self.dialect();
        let mut question = Question::about(&self.source, None);
        let account = self.source.column("BillingAccountId").map(|column| column.key(dialect));
        question.group_by(account.map_or_else(|| "''".to_owned(), |key| format!("TRIM({key})")));
        let moment = |name: &str| self.source.column(name).map(|column| column.moment(dialect));
        let Some(start) = moment("ChargePeriodStart") else { return Ok(Vec::new()) };
        let month = dialect.month(&start);
        question.group_by(match moment("BillingPeriodStart") {
            Some(told) => format!("CASE WHEN {told} IS NOT NULL THEN {told} ELSE {month} END"),
            None => month,
        });
        let most = MOST_SLICES as u64;
        let aggregates = ["COUNT(*) AS n".to_owned(), "MAX(a) AS reaches".to_owned()];
        let sql = question.grouped(&aggregates, &[format!("{start} AS a")], most);
        let rows = match self.ask(&sql, "find its accounts and months", most, stop) {
            // So many are not compared.
            Err(WarehouseError::TooMany { .. }) => return Ok(Vec::new()),
            other => other?,
        };
        let mut slices = Vec::with_capacity(rows.len());
        for row in rows {
            let secs = |place: usize| {
                let micros = row.get(place).and_then(Option::as_deref).and_then(moment::read);
                micros.map(|micros| micros.div_euclid(moment::PER_SEC))
            };
            slices.push(Slice {
                account: row.first().cloned().flatten().unwrap_or_default(),
                period_unix_secs: secs(1),
                rows: self.count(row.get(2))?,
                reaches_unix_secs: secs(3),
                ..Slice::default()
            });
        }
        Ok(slices)
    }

    /// Sums by currency, and the inference rules that fit any row, unless what they look at has too many values.
    #[expect(clippy::type_complexity, reason = "the four parts of one report")]
    fn totals(
        &self,
        facts: &Facts,
        stop: &Stop,
    ) -> Result<
        (BTreeMap<String, u64>, BTreeMap<String, Costs>, BTreeMap<String, MissingCells>, ColumnProfile),
        BillError,
    > {
        let text = |name: &str| ColumnRef::Plain { name: name.to_owned(), kind: ColumnType::Text };
        let adding = Adding::costs("add up the bill");
        let mut groups = StoredGroups::new();
        let both = [text("BillingCurrency"), text(RULE_COLUMN)];
        let whole = Asking::whole(stop);
        match self.add_up(&both, &[], adding, whole, &mut groups) {
            Err(BillError::Warehouse(WarehouseError::TooMany { .. } | WarehouseError::TooVaried { .. })) => {
                groups.clear();
                self.add_up(&both[..1], &[], adding, whole, &mut groups)?;
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
        for (place, name) in COSTS.iter().enumerate().filter(|(place, _)| present[*place]) {
            let lacking: u64 = by_currency.values().map(|sums| sums.rows - sums.filled[place]).sum();
            if lacking == 0 {
                continue;
            }
            let read: u64 = by_currency.values().map(|sums| sums.filled[place]).sum();
            let written = facts.written.iter().find(|(of, _)| *of == place).map_or(read, |(_, cells)| *cells);
            let unreadable = written.saturating_sub(read).min(lacking);
            missing.insert((*name).to_owned(), MissingCells { empty: lacking - unreadable, unreadable });
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

/// The text of a cell of amounts; NULL where it has no value.
fn written_cell(column: &BillColumn, dialect: Dialect) -> String {
    match column.held {
        Held::Text => dialect.key(&column.sql, &Held::Text),
        _ => dialect.as_text(&column.sql),
    }
}

struct Facts {
    rows: u64,
    first: Option<i64>,
    last: Option<i64>,
    /// Cells with a value of each cost that may hold what is no amount, by its place.
    written: Vec<(usize, u64)>,
    filled: Vec<u64>,
    distinct: Vec<(usize, u64)>,
}
