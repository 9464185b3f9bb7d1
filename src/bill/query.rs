//! Asks stored bills: totals and groups. Several bills are asked one by one and their exact sums added here, so
//! that a column one of them lacks is "no value" in its rows and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use polars::prelude::*;

use super::claims::{Counted, Exclusion};
use super::columns::{COSTS, ColumnType};
use super::error::{BillError, NO_CURRENCY};
use super::exact::Exact;
use super::filter::{self, Resolved};
use super::formats::focus::RULE_COLUMN;
use super::grouped::part_sums;
use super::import::{FILE_COLUMN, Imported};
use super::lens::Lens;
use super::moment;
use super::one_currency::in_one_currency;
use super::parquet_rows::scan;
use super::rates::{Conversion, Rates};
use super::store::Store;
use super::warehouse::{self, Stop, WarehouseError};
use super::{Basis, Costs, Filter, Group};

/// One stored bill, or a table of a warehouse.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) imported: Imported,
    /// Rows that do not count.
    without: Vec<Exclusion>,
    /// The table that answers instead of stored rows.
    pub(super) table: Option<Arc<warehouse::Table>>,
    /// The rules that add columns to the stored ones.
    pub(super) lens: Option<Lens>,
}

impl Part {
    /// All stored rows, whether they count or not.
    pub(super) fn stored(&self) -> Result<LazyFrame, BillError> {
        if let Some(table) = &self.table {
            let doing = "do this with its rows".to_owned();
            return Err(WarehouseError::OnlyAggregates { doing, table: table.place() }.into());
        }
        scan(&self.path).map_err(|source| BillError::Query { doing: "open a stored bill", source })
    }

    /// The rows that count, as they are stored.
    pub(super) fn scan(&self) -> Result<LazyFrame, BillError> {
        let frame = self.stored()?;
        Ok(match self.counted() {
            Some(condition) => frame.filter(condition),
            None => frame,
        })
    }

    /// How a warehouse's table is asked.
    pub(super) fn asking<'a>(&'a self, stop: &'a Stop) -> warehouse::Asking<'a> {
        warehouse::Asking { without: &self.without, lens: self.lens.as_ref(), stop }
    }

    /// The condition on rows that count; `None` when all do.
    pub(super) fn counted(&self) -> Option<Expr> {
        let text = |column: &str, values: &[&str]| {
            let wanted = polars::prelude::Series::new("wanted".into(), values);
            col(column).is_in(lit(wanted).implode(false), false).fill_null(lit(false))
        };
        let one = |exclusion: &Exclusion| {
            let account = match (self.has("BillingAccountId"), exclusion.account.as_str()) {
                (false, _) => lit(true),
                (true, "") => col("BillingAccountId").is_null(),
                (true, account) => text("BillingAccountId", &[account]),
            };
            let period = self.period(exclusion.period_unix_secs);
            let files: Vec<&str> = exclusion.files.iter().map(String::as_str).collect();
            let of_files = if files.is_empty() || !self.has(FILE_COLUMN) {
                lit(true)
            } else {
                text(FILE_COLUMN, &files)
            };
            account.and(period).and(of_files)
        };
        self.without.iter().map(one).reduce(Expr::or).map(Expr::not)
    }

    /// The condition that a row is of this billing period: as it is told, or else by the month of its charge.
    fn period(&self, period_unix_secs: Option<i64>) -> Expr {
        let micros = period_unix_secs.and_then(|secs| secs.checked_mul(moment::PER_SEC));
        let (told, start) = (self.has("BillingPeriodStart"), self.has("ChargePeriodStart"));
        let untold = if told { col("BillingPeriodStart").is_null() } else { lit(true) };
        let Some(micros) = micros else {
            return if start { untold.and(col("ChargePeriodStart").is_null()) } else { untold };
        };
        let by_period = if told {
            // Periods are kept to the second.
            let stored = col("BillingPeriodStart").to_physical();
            let after = lit(micros + moment::PER_SEC);
            stored.clone().gt_eq(lit(micros)).and(stored.lt(after)).fill_null(lit(false))
        } else {
            lit(false)
        };
        let by_charge = match moment::next_month(micros).filter(|_| start) {
            Some(next) => {
                let stored = col("ChargePeriodStart").to_physical();
                let within = stored.clone().gt_eq(lit(micros)).and(stored.lt(lit(next)));
                untold.and(within.fill_null(lit(false)))
            }
            None => lit(false),
        };
        by_period.or(by_charge)
    }

    /// Rows of the bill, where all of them count.
    pub(super) fn rows_if_whole(&self) -> Option<u64> {
        self.without.is_empty().then_some(self.imported.rows)
    }

    /// What tells its rows from those of any other part: its hash, what of it does not count, and the rules it is
    /// looked at through.
    pub(super) fn identity(&self) -> String {
        let rules = self.lens.as_ref().map(|lens| lens.rules().fingerprint());
        format!("{} {:?} {}", self.imported.hash, self.without, rules.unwrap_or_default())
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

    /// The currency of every row, where the key is the currency and there is one only: it need not be read.
    pub(super) fn only_currency(&self, key: &ColumnRef) -> Option<&str> {
        let currencies = &self.imported.currencies;
        let is_currency = *key == ColumnRef::currency() && currencies.len() == 1;
        is_currency.then(|| currencies.keys().next().map(String::as_str)).flatten()
    }

    /// The columns of words, JSON among them.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        let Imported { columns, profiles, .. } = &self.imported;
        columns
            .iter()
            .zip(profiles)
            .filter(|(_, profile)| matches!(profile.kind, ColumnType::Text | ColumnType::Json))
            .map(|(name, _)| name.as_str())
    }

    /// Every distinct value of a column of words, where the import kept them all.
    pub(super) fn all_values(&self, column: &str) -> Option<impl Iterator<Item = &String>> {
        let place = self.imported.columns.iter().position(|name| name == column)?;
        let profile = self.imported.profiles.get(place)?;
        (profile.kind == ColumnType::Text && !profile.values.more).then(|| profile.values.values.iter())
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
    /// The hour it falls in.
    Hour {
        /// The column.
        column: String,
    },
}

impl ColumnRef {
    /// The currency of a row.
    pub(super) fn currency() -> Self {
        Self::Plain { name: "BillingCurrency".to_owned(), kind: ColumnType::Text }
    }

    /// The stored column.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Plain { name, .. } => name,
            Self::Key { column, .. } | Self::Day { column } | Self::Hour { column } => column,
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
    /// `PricingQuantity` and how many rows have one, where it was asked for.
    pub(super) quantity: Exact,
    pub(super) with_quantity: u64,
}

impl Sums {
    /// Notes the currency of rows that cost something; those that count tokens have none, and mix with any.
    pub(super) fn add_currency(&self, currency: Option<String>, all: &mut BTreeSet<String>) {
        if currency.is_some() || self.filled.iter().any(|filled| *filled > 0) {
            all.insert(currency.unwrap_or_default());
        }
    }

    /// Rows without a value of each cost.
    pub(super) fn missing(&self) -> [u64; 4] {
        self.filled.map(|filled| self.rows - filled)
    }

    /// The sums in the currency that is shown.
    pub(super) fn converted(&self, currency: &str, rates: &Rates) -> Result<Self, BillError> {
        let mut converted = self.clone();
        for (place, cost) in self.costs.iter().enumerate().filter(|(place, _)| self.filled[*place] > 0) {
            converted.costs[place] = rates.convert(currency, *cost)?;
        }
        Ok(converted)
    }

    pub(super) fn add(&mut self, other: &Self) -> Result<(), BillError> {
        self.rows += other.rows;
        self.with_quantity += other.with_quantity;
        self.quantity = self
            .quantity
            .checked_add(other.quantity)
            .ok_or_else(|| BillError::TooLarge { column: QUANTITY.to_owned() })?;
        for (place, name) in COSTS.iter().enumerate() {
            self.filled[place] += other.filled[place];
            self.costs[place] = self.costs[place]
                .checked_add(other.costs[place])
                .ok_or_else(|| BillError::TooLarge { column: (*name).to_owned() })?;
        }
        Ok(())
    }
}

/// The amount a price is for.
pub(super) const QUANTITY: &str = "PricingQuantity";

/// What is added up, and what for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adding {
    /// For the message when it fails: `group the bill`.
    pub(super) doing: &'static str,
    /// [`QUANTITY`] too.
    pub(super) quantity: bool,
    /// Rows of a bill without the column are [`super::NO_COLUMN`], not "no value".
    pub(super) tell_absent: bool,
}

impl Adding {
    /// Only costs.
    pub(super) fn costs(doing: &'static str) -> Self {
        Self { doing, quantity: false, tell_absent: false }
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
    /// How amounts came to be in this currency; `None` when they are as billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted: Option<Conversion>,
}

impl Totals {
    /// Rows that are not in the sum of this cost.
    pub fn missing(&self, basis: Basis) -> u64 {
        self.missing.get(basis.column()).copied().unwrap_or(0)
    }
}

/// One or several stored bills, asked together.
#[derive(Debug, Clone)]
pub struct Bill {
    pub(super) parts: Vec<Part>,
    pub(super) stop: Stop,
    /// What sums are shown in.
    pub(super) rates: Rates,
}

impl Bill {
    /// Opens bills of the store and tables of warehouses that are connected ([`warehouse::register`]); the same hash twice
    /// is one bill.
    ///
    /// # Errors
    /// No hash given, or one the store does not have; a table that is not connected.
    pub fn open<S: AsRef<str>>(hashes: &[S], store: &Store) -> Result<Self, BillError> {
        let whole: Vec<Counted> = hashes.iter().map(|hash| Counted::whole(hash.as_ref())).collect();
        Self::open_counted(&whole, store)
    }

    /// Opens bills of the store without the rows that do not count.
    ///
    /// # Errors
    /// As [`Bill::open`].
    pub fn open_counted(bills: &[Counted], store: &Store) -> Result<Self, BillError> {
        let distinct: BTreeMap<&str, &Counted> =
            bills.iter().map(|bill| (bill.hash.as_str(), bill)).collect();
        if distinct.is_empty() {
            return Err(BillError::NoBill);
        }
        let mut parts = Vec::with_capacity(distinct.len());
        for (hash, counted) in distinct {
            if warehouse::is_table(hash) {
                let (table, imported) = warehouse::connected(hash)?;
                let (path, without) = (PathBuf::new(), counted.without.clone());
                parts.push(Part { path, imported, without, table: Some(table), lens: None });
                continue;
            }
            let imported = store.get(hash)?.ok_or_else(|| BillError::NotStored {
                hash: hash.to_owned(),
                store: store.folder().to_owned(),
            })?;
            let without = counted.without.clone();
            parts.push(Part { path: imported.path.clone(), imported, without, table: None, lens: None });
        }
        Ok(Self { parts, stop: Stop::default(), rates: Rates::default() })
    }

    /// The same bill, whose questions to a warehouse end when `stop` is asked.
    #[must_use]
    pub fn stopped_by(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// The same bills with sums in the currency that these rates are to. Rows stay as they were billed.
    #[must_use]
    pub fn shown_in(self, rates: Rates) -> Self {
        Self { rates, ..self }
    }

    /// What is done to amounts of these bills before they are added up; `None` when nothing is.
    pub fn conversion(&self) -> Option<Conversion> {
        let currencies = self.imported().flat_map(|imported| imported.currencies.keys().map(String::as_str));
        self.rates.conversion(currencies, self.imported().map(Imported::unnamed_rows).sum())
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
                .zip(sums.missing())
                .filter(|(_, missing)| *missing > 0)
                .map(|(name, missing)| ((*name).to_owned(), missing))
                .collect();
            let costs = Costs::from_sums(self.present(), sums.rows, sums.filled, sums.costs);
            let known = super::share::named(&costs);
            let exact = known
                .iter()
                .zip(sums.costs)
                .filter(|((_, cost), _)| cost.is_some())
                .map(|((name, _), sum)| ((*name).to_owned(), sum.to_string()))
                .collect();
            let answer = Totals {
                rows: sums.rows,
                currency: Some(currency.clone()),
                costs,
                exact,
                missing,
                converted: self.conversion(),
            };
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
        let adding = Adding { tell_absent: true, ..Adding::costs("group the bill") };
        let sums = self.add_up(&keys, filters, adding)?;
        let mut currencies = BTreeSet::new();
        let mut groups: Vec<Group> = sums
            .into_iter()
            .map(|(mut key, sums)| {
                sums.add_currency(key.pop().flatten(), &mut currencies);
                let costs = Costs::from_sums(self.present(), sums.rows, sums.filled, sums.costs);
                Group { key, rows: sums.rows, costs, missing: sums.missing() }
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
                let name = part.named(wanted)?;
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

    pub(super) fn resolve_filters(&self, filters: &[Filter]) -> Result<Vec<Resolved>, BillError> {
        filters
            .iter()
            .map(|filter| {
                if filter.column == COUNTED {
                    // What is counted depends on the rules, and those who filter need not know them.
                    let counted = Filter { values: self.rules().counted(), ..filter.clone() };
                    return Resolved::of(&counted, |_| self.resolve(RULE_COLUMN));
                }
                Resolved::of(filter, |column| self.resolve(column))
            })
            .collect()
    }

    /// Exact sums of the four costs for every combination of the columns' values. Where `BillingCurrency` is among
    /// the keys, its last place tells the currency that the sums are in: the one they are shown in, if any.
    pub(super) fn sums(
        &self,
        keys: &[ColumnRef],
        filters: &[Filter],
        doing: &'static str,
    ) -> Result<StoredGroups, BillError> {
        self.add_up(keys, filters, Adding::costs(doing))
    }

    /// The same, with a say in what is added up.
    pub(super) fn add_up(
        &self,
        keys: &[ColumnRef],
        filters: &[Filter],
        adding: Adding,
    ) -> Result<StoredGroups, BillError> {
        let filters = self.resolve_filters(filters)?;
        let mut groups = StoredGroups::new();
        for part in &self.parts {
            if let Some(table) = &part.table {
                keys.iter().try_for_each(super::grouped::refuse_amounts)?;
                table.add_up(keys, &filters, adding, part.asking(&self.stop), &mut groups)?;
                continue;
            }
            part_sums(part, &filters, keys, adding, &mut groups)?;
        }
        let currency = keys.iter().rposition(|key| *key == ColumnRef::currency());
        match (&self.rates.display, currency) {
            (Some(display), Some(at)) => in_one_currency(groups, at, display, &self.rates),
            _ => Ok(groups),
        }
    }
}

/// The error for rows in several currencies.
pub(super) fn mixed(currencies: impl IntoIterator<Item = String>) -> BillError {
    let name = |currency: String| if currency.is_empty() { NO_CURRENCY.to_owned() } else { currency };
    BillError::MixedCurrencies { currencies: currencies.into_iter().map(name).collect() }
}
