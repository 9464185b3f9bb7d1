//! Asks stored bills: totals and groups. Several bills are asked one by one and their exact sums added here, so
//! that a column one of them lacks is "no value" in its rows and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use polars::prelude::*;

use super::columns::{COSTS, ColumnType};
use super::error::BillError;
use super::exact::Exact;
use super::filter::{self, is_cost};
use super::formats::focus::RULE_COLUMN;
use super::import::Imported;
use super::lens::{Lens, RuleSet};
use super::moment;
use super::parquet_rows::scan;
use super::profile::json_key;
use super::store::Store;
use super::{Basis, Costs, Filter, Group};

/// One stored bill.
#[derive(Debug, Clone)]
pub(super) struct Part {
    path: PathBuf,
    pub(super) imported: Imported,
    /// The rules that add columns to the stored ones.
    lens: Option<Lens>,
}

impl Part {
    /// The rows with what the inference rules say of them, where one of these columns asks for it.
    pub(super) fn scan_for<'n>(
        &self,
        columns: impl IntoIterator<Item = &'n str>,
    ) -> Result<LazyFrame, BillError> {
        self.with_lens(self.scan()?, columns)
    }

    /// The same for some of the rows.
    pub(super) fn with_lens<'n>(
        &self,
        frame: LazyFrame,
        columns: impl IntoIterator<Item = &'n str>,
    ) -> Result<LazyFrame, BillError> {
        match self.lens.as_ref().filter(|lens| lens.is_needed(columns)) {
            Some(lens) => lens.attach(self, frame),
            None => Ok(frame),
        }
    }

    /// The name of the bill in the store.
    pub(super) fn hash(&self) -> &str {
        &self.imported.hash
    }

    /// The columns in the store, with their types.
    pub(super) fn stored_columns(&self) -> impl Iterator<Item = (&str, ColumnType)> {
        let names = self.imported.columns.iter().map(String::as_str);
        names.zip(self.imported.profiles.iter().map(|profile| profile.kind))
    }

    /// Whether the store has the column.
    pub(super) fn is_stored(&self, column: &str) -> bool {
        self.imported.columns.iter().any(|name| name == column)
    }

    fn is_of_lens(&self, column: &str) -> bool {
        self.lens.as_ref().is_some_and(|lens| lens.columns().iter().any(|name| name == column))
    }

    /// The stored rows as they are.
    pub(super) fn scan(&self) -> Result<LazyFrame, BillError> {
        scan(&self.path).map_err(|source| BillError::Query { doing: "open a stored bill", source })
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.is_stored(column) || self.is_of_lens(column)
    }

    pub(super) fn kind(&self, column: &str) -> Option<ColumnType> {
        let Some(place) = self.imported.columns.iter().position(|name| name == column) else {
            return self.is_of_lens(column).then_some(ColumnType::Text);
        };
        self.imported.profiles.get(place).map(|profile| profile.kind)
    }
}

/// A column as a query sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ColumnRef {
    /// A stored column.
    Plain {
        /// Its name.
        name: String,
        /// Its type.
        kind: ColumnType,
    },
    /// A key of a JSON column.
    Key {
        /// The column.
        column: String,
        /// The key.
        key: String,
    },
    /// The day a column of moments falls on.
    Day {
        /// The column.
        column: String,
    },
}

impl ColumnRef {
    /// The stored column.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Plain { name, .. } => name,
            Self::Key { column, .. } | Self::Day { column } => column,
        }
    }

    /// The value a group has, from what the store returned.
    pub(super) fn value(&self, stored: &AnyValue<'_>) -> Option<String> {
        let text = match stored {
            AnyValue::Null => return None,
            AnyValue::String(text) => (*text).to_owned(),
            AnyValue::StringOwned(text) => text.to_string(),
            AnyValue::Int64(micros) => moment::show(*micros),
            other => other.to_string(),
        };
        match self {
            Self::Plain { .. } | Self::Day { .. } => Some(text),
            Self::Key { key, .. } => json_key(&text, key),
        }
    }
}

/// A filter on this column, whatever its values, keeps the rows that the rules count as inference.
pub const COUNTED: &str = "x_InferenceCounted";

/// Runs a query and says what it was for when it fails.
pub(super) struct Query(pub(super) &'static str);

impl Query {
    pub(super) fn collect(&self, query: LazyFrame) -> Result<DataFrame, BillError> {
        let failed = |source| BillError::Query { doing: self.0, source };
        // INVARIANT: only a query with several sinks has several results, and these queries have none.
        let result = query.collect_with_engine(Engine::Streaming).map_err(failed)?;
        Ok(result.unwrap_single())
    }
}

/// Sums being added up.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums {
    pub(super) rows: u64,
    pub(super) costs: [Exact; 4],
    pub(super) filled: [u64; 4],
}

impl Sums {
    /// Notes the currency of rows that cost something; those that count tokens have none, and mix with any.
    pub(super) fn add_currency(&self, currency: Option<String>, all: &mut BTreeSet<String>) {
        if currency.is_some() || self.filled.iter().any(|filled| *filled > 0) {
            all.insert(currency.unwrap_or_default());
        }
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<(), BillError> {
        self.rows += other.rows;
        for (place, name) in COSTS.iter().enumerate() {
            self.filled[place] += other.filled[place];
            self.costs[place] = self.costs[place]
                .checked_add(other.costs[place])
                .ok_or_else(|| BillError::TooLarge { column: (*name).to_owned() })?;
        }
        Ok(())
    }
}

/// A group as it comes from one part: stored key values and sums.
pub(super) type StoredGroups = BTreeMap<Vec<Option<String>>, Sums>;

/// The answer to [`Bill::totals`].
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Totals {
    /// Rows that match.
    pub rows: u64,
    /// Their currency; `None` without rows, empty for rows without a currency.
    pub currency: Option<String>,
    /// Their costs, rounded once to the ten places of [`crate::units::Money`].
    pub costs: Costs,
    /// The same by FOCUS name as exact decimals, to the file's last digit (eighteen places at most).
    pub exact: BTreeMap<String, String>,
    /// Cells of each cost that have no value and are therefore not in it; none for a cost that is complete.
    pub missing: BTreeMap<String, u64>,
}

/// One or several stored bills, asked together.
#[derive(Debug, Clone)]
pub struct Bill {
    pub(super) parts: Vec<Part>,
}

impl Bill {
    /// Opens bills of the store; the same hash twice is one bill.
    ///
    /// # Errors
    /// No hash given, or one the store does not have.
    pub fn open<S: AsRef<str>>(hashes: &[S], store: &Store) -> Result<Self, BillError> {
        let distinct: BTreeSet<&str> = hashes.iter().map(AsRef::as_ref).collect();
        if distinct.is_empty() {
            return Err(BillError::NoBill);
        }
        let mut parts = Vec::with_capacity(distinct.len());
        for hash in distinct {
            let imported = store.get(hash)?.ok_or_else(|| BillError::NotStored {
                hash: hash.to_owned(),
                store: store.folder().to_owned(),
            })?;
            parts.push(Part { path: imported.path.clone(), imported, lens: None });
        }
        Ok(Self { parts })
    }

    /// The same bills looked at through these rules: `x_InferenceRule` says what they say, and the columns of
    /// [`super::lens`] are there to group and filter by.
    #[must_use]
    pub fn with_rules(self, rules: &RuleSet, store: &Store) -> Self {
        self.with_lens(&Lens::new(rules.clone(), store))
    }

    pub(super) fn with_lens(mut self, lens: &Lens) -> Self {
        for part in &mut self.parts {
            part.lens = Some(lens.for_part());
        }
        self
    }

    /// The rules it is looked at through; the built-in ones where none were given.
    pub fn rules(&self) -> RuleSet {
        let lens = self.parts.iter().find_map(|part| part.lens.as_ref());
        lens.map(|lens| lens.rules().clone()).unwrap_or_default()
    }

    /// The import reports of the open bills.
    pub fn imported(&self) -> impl Iterator<Item = &Imported> {
        self.parts.iter().map(|part| &part.imported)
    }

    /// The currencies of all rows, with how many rows each has; the empty name is "no currency".
    pub fn currencies(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (currency, rows) in self.imported().flat_map(|imported| &imported.currencies) {
            *all.entry(currency.clone()).or_default() += rows;
        }
        all
    }

    /// Rows, currency and the four costs of the rows all filters hold for.
    ///
    /// # Errors
    /// A filter on an unknown column; rows in several currencies.
    pub fn totals(&self, filters: &[Filter]) -> Result<Totals, BillError> {
        let mut by_currency = self.totals_by_currency(filters)?;
        // Rows that count tokens and cost nothing have no currency, and go with those that have one.
        if by_currency.len() == 2
            && by_currency.get("").is_some_and(|counted| counted.exact.is_empty())
            && let Some(counted) = by_currency.remove("")
            && let Some(all) = by_currency.values_mut().next()
        {
            all.rows += counted.rows;
            for (cost, missing) in counted.missing {
                *all.missing.entry(cost).or_default() += missing;
            }
        }
        if by_currency.len() > 1 {
            return Err(mixed(by_currency.into_keys()));
        }
        Ok(by_currency.into_values().next().unwrap_or_else(|| Totals {
            costs: Costs::from_sums(self.present(), 0, [0; 4], [Exact::default(); 4]),
            ..Totals::default()
        }))
    }

    /// The same for each currency on its own.
    ///
    /// # Errors
    /// A filter on an unknown column.
    pub fn totals_by_currency(&self, filters: &[Filter]) -> Result<BTreeMap<String, Totals>, BillError> {
        let currency = self.resolve("BillingCurrency")?;
        let groups = self.sums(std::slice::from_ref(&currency), filters, "add up the bill")?;
        let mut totals = BTreeMap::new();
        for (mut key, sums) in groups {
            let currency = key.pop().flatten().unwrap_or_default();
            let missing = COSTS
                .iter()
                .zip(sums.filled)
                .filter(|(_, filled)| *filled < sums.rows)
                .map(|(name, filled)| ((*name).to_owned(), sums.rows - filled))
                .collect();
            let costs = Costs::from_sums(self.present(), sums.rows, sums.filled, sums.costs);
            let known = super::share::named(&costs);
            let exact = known
                .iter()
                .zip(sums.costs)
                .filter(|((_, cost), _)| cost.is_some())
                .map(|((name, _), sum)| ((*name).to_owned(), sum.to_string()))
                .collect();
            let answer = Totals { rows: sums.rows, currency: Some(currency.clone()), costs, exact, missing };
            totals.insert(currency, answer);
        }
        Ok(totals)
    }

    /// The rows grouped by columns (`ServiceName`, `x_…`, `Tags.KEY`, `SkuPriceDetails.KEY`), most expensive first
    /// by `basis`, groups of equal cost by key.
    ///
    /// # Errors
    /// An unknown column, or one of amounts; rows in several currencies.
    pub fn group_by<S: AsRef<str>>(
        &self,
        columns: &[S],
        filters: &[Filter],
        basis: Basis,
    ) -> Result<Vec<Group>, BillError> {
        let mut keys =
            columns.iter().map(|column| self.resolve(column.as_ref())).collect::<Result<Vec<_>, _>>()?;
        keys.push(self.resolve("BillingCurrency")?);
        let sums = self.sums(&keys, filters, "group the bill")?;
        let mut currencies = BTreeSet::new();
        let mut groups: Vec<Group> = sums
            .into_iter()
            .map(|(mut key, sums)| {
                sums.add_currency(key.pop().flatten(), &mut currencies);
                let costs = Costs::from_sums(self.present(), sums.rows, sums.filled, sums.costs);
                Group { key, rows: sums.rows, costs }
            })
            .collect();
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        // `None` sorts below every amount, so unknown costs come last.
        groups.sort_by(|a, b| b.costs.get(basis).cmp(&a.costs.get(basis)).then_with(|| a.key.cmp(&b.key)));
        Ok(groups)
    }

    /// Which of the four costs any of the bills has.
    pub(super) fn present(&self) -> [bool; 4] {
        COSTS.map(|cost| self.parts.iter().any(|part| part.has(cost)))
    }

    /// The column of this name, however it is capitalised; `Tags.KEY` is a key of a JSON column.
    pub(super) fn resolve(&self, column: &str) -> Result<ColumnRef, BillError> {
        let column = column.trim();
        let plain = |wanted: &str| {
            self.parts.iter().find_map(|part| {
                let stored = part.imported.columns.iter().find(|name| name.eq_ignore_ascii_case(wanted)).cloned();
                let of_lens = || {
                    let columns = part.lens.as_ref()?.columns();
                    columns.into_iter().find(|name| name.eq_ignore_ascii_case(wanted))
                };
                let name = stored.or_else(of_lens)?;
                part.kind(&name).map(|kind| (name, kind))
            })
        };
        if let Some((name, kind)) = plain(column) {
            return Ok(ColumnRef::Plain { name, kind });
        }
        if let Some((name, key)) = column.split_once('.')
            && let Some((name, ColumnType::Json)) = plain(name)
        {
            return Ok(ColumnRef::Key { column: name, key: key.to_owned() });
        }
        let names = self.parts.iter().flat_map(|part| part.imported.columns.iter().map(String::as_str));
        let distinct: BTreeSet<&str> = names.collect();
        Err(BillError::UnknownColumn {
            column: column.to_owned(),
            near: filter::near(column, distinct.into_iter()),
        })
    }

    pub(super) fn resolve_filters(
        &self,
        filters: &[Filter],
    ) -> Result<Vec<(ColumnRef, Vec<String>)>, BillError> {
        filters
            .iter()
            .map(|filter| {
                if filter.column == COUNTED {
                    // What is counted depends on the rules, and those who filter need not know them.
                    return Ok((self.resolve(RULE_COLUMN)?, self.rules().counted()));
                }
                Ok((self.resolve(&filter.column)?, filter.values.clone()))
            })
            .collect()
    }

    /// Exact sums of the four costs for every combination of the columns' values.
    pub(super) fn sums(
        &self,
        keys: &[ColumnRef],
        filters: &[Filter],
        doing: &'static str,
    ) -> Result<StoredGroups, BillError> {
        let filters = self.resolve_filters(filters)?;
        let mut groups = StoredGroups::new();
        for part in &self.parts {
            let named = keys.iter().chain(filters.iter().map(|(column, _)| column)).map(ColumnRef::name);
            let mut frame = part.scan_for(named)?;
            if let Some(condition) = filter::condition(part, &filters)? {
                frame = frame.filter(condition);
            }
            part_sums(part, frame, keys, doing, &mut groups)?;
        }
        Ok(groups)
    }
}

/// First microsecond of the day a column of moments falls on.
pub(super) fn day_of(column: &str) -> Expr {
    let micros = col(column).to_physical();
    micros.clone() - micros % lit(moment::PER_DAY)
}

/// Adds the groups of one part.
fn part_sums(
    part: &Part,
    frame: LazyFrame,
    keys: &[ColumnRef],
    doing: &'static str,
    groups: &mut StoredGroups,
) -> Result<(), BillError> {
    let mut by = Vec::new();
    for (place, key) in keys.iter().enumerate() {
        if let ColumnRef::Plain { name, kind: ColumnType::Decimal } = key {
            let why = if is_cost(name) { "it is a cost" } else { "its values are amounts" };
            return Err(BillError::ColumnUse { doing: "group", column: name.clone(), why: why.to_owned() });
        }
        let expression = match (part.kind(key.name()), key) {
            (None, _) => continue,
            (Some(ColumnType::Time), ColumnRef::Day { column }) => day_of(column),
            (Some(ColumnType::Time), _) => col(key.name()).to_physical(),
            _ => col(key.name()),
        };
        by.push(expression.alias(format!("key{place}")));
    }
    if by.is_empty() {
        // Grouping by nothing: one group.
        by.push(lit(0).alias("all"));
    }
    let mut sums = vec![len().alias("rows")];
    for cost in COSTS.iter().filter(|cost| part.has(cost)) {
        sums.push(col(*cost).sum().alias(format!("sum{cost}")));
        sums.push(col(*cost).count().alias(format!("filled{cost}")));
    }
    let frame = Query(doing).collect(frame.group_by(by).agg(sums))?;
    let failed = |source| BillError::Query { doing, source };
    let count = |name: &str, row: usize| -> Result<u64, BillError> {
        let value = frame.column(name).and_then(|column| column.get(row)).map_err(failed)?;
        value.extract::<u64>().ok_or_else(|| failed(polars_err!(ComputeError: "{name} is not a count")))
    };
    for row in 0..frame.height() {
        let mut key = Vec::with_capacity(keys.len());
        for (place, column) in keys.iter().enumerate() {
            let value = if part.has(column.name()) {
                let stored = frame.column(&format!("key{place}")).and_then(|c| c.get(row)).map_err(failed)?;
                column.value(&stored)
            } else {
                None
            };
            key.push(value);
        }
        let mut found = Sums { rows: count("rows", row)?, ..Sums::default() };
        for (place, cost) in COSTS.iter().enumerate().filter(|(_, cost)| part.has(cost)) {
            found.filled[place] = count(&format!("filled{cost}"), row)?;
            let sum = frame.column(&format!("sum{cost}")).and_then(|c| c.get(row)).map_err(failed)?;
            found.costs[place] = match sum {
                AnyValue::Decimal(digits, _, scale) if scale == super::exact::SCALE as usize => Exact(digits),
                AnyValue::Null => Exact::default(),
                other => {
                    return Err(failed(
                        polars_err!(ComputeError: "the sum of {cost} came back as {}", other.dtype()),
                    ));
                }
            };
        }
        groups.entry(key).or_default().add(&found)?;
    }
    Ok(())
}

/// The error for rows in several currencies.
pub(super) fn mixed(currencies: impl IntoIterator<Item = String>) -> BillError {
    let name = |currency: String| if currency.is_empty() { "no currency".to_owned() } else { currency };
    BillError::MixedCurrencies { currencies: currencies.into_iter().map(name).collect() }
}
