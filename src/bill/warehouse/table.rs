//! A connected table: the questions a bill is asked, answered by the warehouse.

use std::path::Path;

use super::column::{BillColumn, focus_columns};
use super::dialect::Dialect;
use super::drivers::Search;
use super::error::WarehouseError;
use super::question::{Question, Source};
use super::session::{MOST_ROWS, Pool, Stop};
use super::spec::{Secrets, Spec};
use crate::bill::columns::{COSTS, ColumnType, FocusVersion};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::filter::{NO_COLUMN, Resolved};
use crate::bill::formats::focus::{self, RULE_COLUMN};
use crate::bill::import::Imported;
use crate::bill::lens::Lens;
use crate::bill::moment;
use crate::bill::query::{Adding, ColumnRef, QUANTITY, StoredGroups, Sums};
use crate::bill::view::RowsView;

/// Without these no question about a bill can be answered.
const NEEDED: [&str; 4] = ["BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart"];
/// Columns that rows are put in order by, so that one page follows the other.
const ORDER: [&str; 7] = [
    "ChargePeriodStart",
    "BilledCost",
    "EffectiveCost",
    "ServiceName",
    "ResourceId",
    "ChargeDescription",
    "SkuPriceId",
];

/// A table of a warehouse that is connected.
#[derive(Debug)]
pub struct Table {
    pub(super) spec: Spec,
    pub(super) source: Source,
    pool: Pool,
    /// What kind of bill it is: `FOCUS 1.2`.
    pub(super) kind: String,
    /// Columns that the engine cannot make a text of, so that nothing can be asked of them.
    left_out: Vec<String>,
    /// Its report, once it was looked through.
    pub(super) imported: Option<Imported>,
}

/// What a first look at a table tells.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Found {
    /// `FOCUS 1.2`.
    pub kind: String,
    /// Its columns and how each is held there, for people.
    pub columns: Vec<(String, String)>,
    /// Rows.
    pub rows: u64,
    /// The currencies, with how many rows each has; the empty name is "no currency".
    pub currencies: Vec<(String, u64)>,
    /// What is odd about it, in sentences.
    pub remarks: Vec<String>,
}

impl Table {
    /// Connects and reads which columns the table has. `program` is this program.
    ///
    /// # Errors
    /// The driver is missing, the warehouse refuses, the table is no bill.
    pub fn connect(
        spec: &Spec,
        secrets: &Secrets,
        program: &Path,
        stop: &Stop,
    ) -> Result<Self, WarehouseError> {
        spec.check()?;
        let parts = spec.table_parts()?;
        let resolved = spec.resolve(secrets)?;
        let driver = Search::of_this_machine().find(&spec.driver)?;
        let pool = Pool::new(program, driver, spec, resolved);
        let dialect = spec.dialect;
        let from = dialect.table(&parts);
        let header =
            pool.ask(&format!("SELECT * FROM {from} WHERE 1 = 0"), "read the table's columns", 0, stop)?;
        let columns = focus_columns(&header.columns, dialect);
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let missing: Vec<String> = NEEDED
            .iter()
            .filter(|name| !names.iter().any(|known| known == *name))
            .map(|name| (*name).to_owned())
            .collect();
        if !missing.is_empty() {
            return Err(WarehouseError::NotABill { missing, table: spec.place() });
        }
        let kind = format!("FOCUS {}", focus::version(&names).unwrap_or(FocusVersion::V1_0));
        let left_out = header.columns.iter().filter(|column| !dialect.can_read(&column.held));
        let left_out = left_out.map(|column| column.name.clone()).collect();
        let source = Source { dialect, from, keep: None, columns };
        Ok(Self { spec: spec.clone(), source, pool, kind, left_out, imported: None })
    }

    /// Where it is, for people.
    pub fn place(&self) -> String {
        self.spec.place()
    }

    pub(super) fn ask(
        &self,
        sql: &str,
        doing: &str,
        most: u64,
        stop: &Stop,
    ) -> Result<Vec<Vec<Option<String>>>, WarehouseError> {
        Ok(self.pool.ask(sql, doing, most, stop)?.rows)
    }

    fn odd(&self, problem: impl Into<String>) -> WarehouseError {
        WarehouseError::Answer { problem: problem.into(), table: self.place() }
    }

    /// A first look: columns, rows, currencies.
    ///
    /// # Errors
    /// The warehouse refuses or is stopped.
    pub fn look(&self, stop: &Stop) -> Result<Found, WarehouseError> {
        let currency = ColumnRef::Plain { name: "BillingCurrency".to_owned(), kind: ColumnType::Text };
        let mut question = Question::about(&self.source, None);
        question.group(std::slice::from_ref(&currency));
        let sql = question.sums_sql(&[], MOST_ROWS);
        let mut currencies: Vec<(String, u64)> = Vec::new();
        for row in self.ask(&sql, "count its rows", MOST_ROWS, stop)? {
            let rows = self.count(row.get(question.width()))?;
            currencies.push((row.first().cloned().flatten().unwrap_or_default(), rows));
        }
        currencies.sort();
        let columns = &self.source.columns;
        let columns =
            columns.iter().map(|column| (column.name.clone(), column.held.words().to_owned())).collect();
        Ok(Found {
            kind: self.kind.clone(),
            columns,
            rows: currencies.iter().map(|(_, rows)| rows).sum(),
            currencies,
            remarks: self.remarks(),
        })
    }

    /// What is odd about the table, in sentences.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.left_out.is_empty() {
            remarks.push(format!(
                "{} cannot hand over {} as text, so nothing is asked of it; inference rules do not see it",
                self.dialect().words(),
                self.left_out.join(", ")
            ));
        }
        for name in COSTS {
            match self.source.column(name) {
                None => remarks.push(format!("the table has no {name}")),
                Some(column) if column.held == super::column::Held::Float => remarks.push(format!(
                    "{name} is held as binary floats, which are only close to the decimal amounts they stand for; each is \
                     read by its shortest text and then added up exactly"
                )),
                Some(_) => {}
            }
        }
        remarks
    }

    pub(super) fn count(&self, cell: Option<&Option<String>>) -> Result<u64, WarehouseError> {
        let text = cell.and_then(Option::as_deref).unwrap_or_default();
        // Some engines count in decimals.
        let whole = text.split_once('.').map_or(text, |(whole, _)| whole);
        whole.parse().map_err(|_no_number| self.odd(format!("`{text}` is not a count")))
    }

    /// Adds the exact sums of every combination of the columns' values.
    pub(in crate::bill) fn add_up(
        &self,
        keys: &[ColumnRef],
        filters: &[Resolved],
        adding: Adding,
        lens: Option<&Lens>,
        stop: &Stop,
        groups: &mut StoredGroups,
    ) -> Result<(), BillError> {
        if lens.is_some_and(Lens::has_draft) {
            let doing = "try a rule that is being written".to_owned();
            return Err(WarehouseError::OnlyAggregates { doing, table: self.place() }.into());
        }
        let mut question = Question::about(&self.source, lens);
        question.group(keys);
        question.filter(filters)?;
        let has = |name: &&str| self.source.column(name).is_some();
        let quantity = [QUANTITY].into_iter().filter(|_| adding.quantity);
        let summed: Vec<&str> = COSTS.into_iter().chain(quantity).filter(has).collect();
        let width = question.width();
        let absent = adding.tell_absent.then_some(NO_COLUMN);
        for row in self.ask(&question.sums_sql(&summed, MOST_ROWS), adding.doing, MOST_ROWS, stop)? {
            let (cells, numbers) = row.split_at(width.min(row.len()));
            let mut found = Sums { rows: self.count(numbers.first())?, ..Sums::default() };
            if found.rows == 0 {
                continue;
            }
            for (at, name) in summed.iter().enumerate() {
                let filled = self.count(numbers.get(2 + 2 * at))?;
                let sum = match numbers.get(1 + 2 * at).and_then(Option::as_deref) {
                    Some(sum) => {
                        let odd = |error| self.odd(format!("the sum of {name} is `{sum}`: {error}"));
                        Exact::read(sum).map_err(odd)?.value
                    }
                    None if filled > 0 => return Err(BillError::TooLarge { column: (*name).to_owned() }),
                    None => Exact::default(),
                };
                if let Some(place) = COSTS.iter().position(|cost| cost == name) {
                    (found.costs[place], found.filled[place]) = (sum, filled);
                } else {
                    (found.quantity, found.with_quantity) = (sum, filled);
                }
            }
            if let Some(key) = question.key(cells, absent) {
                groups.entry(key).or_default().add(&found)?;
            }
        }
        Ok(())
    }

    /// The first start and the last end of the usage of each day, in microseconds.
    pub(in crate::bill) fn usage_days(
        &self,
        filters: &[Resolved],
        doing: &str,
        stop: &Stop,
    ) -> Result<Vec<(i64, Option<i64>)>, BillError> {
        let dialect = self.source.dialect;
        let mut question = Question::about(&self.source, None);
        question.group(&[ColumnRef::Day { column: "ChargePeriodStart".to_owned() }]);
        question.filter(filters)?;
        question.only("ChargeCategory", "Usage");
        let moment = |name: &str| self.source.column(name).map(|column| column.moment(dialect));
        let Some(start) = moment("ChargePeriodStart") else { return Ok(Vec::new()) };
        let end = moment("ChargePeriodEnd");
        let sql = question.span_sql(&start, end.as_ref().unwrap_or(&start), MOST_ROWS);
        let mut days = Vec::new();
        for row in self.ask(&sql, doing, MOST_ROWS, stop)? {
            let read = |place: usize| row.get(place).and_then(Option::as_deref).and_then(moment::read);
            if let Some(first) = read(1) {
                days.push((first, end.as_ref().and_then(|_has_ends| read(2))));
            }
        }
        Ok(days)
    }

    /// The cells of rows that match, from `offset` on, for these columns; and how many match in all.
    pub(in crate::bill) fn page(
        &self,
        filters: &[Resolved],
        offset: u64,
        limit: u64,
        lens: Option<&Lens>,
        stop: &Stop,
        view: &mut RowsView,
    ) -> Result<u64, BillError> {
        let doing = "show rows";
        let dialect = self.source.dialect;
        let mut question = Question::about(&self.source, lens);
        question.filter(filters)?;
        if question.is_filtered_here() {
            let doing = "show rows by an inference rule, or by a tag that it cannot look up".to_owned();
            return Err(WarehouseError::OnlyAggregates { doing, table: self.place() }.into());
        }
        let counted = self.ask(&question.aggregates_sql(&["COUNT(*) AS n".to_owned()]), doing, 1, stop)?;
        let matching = self.count(counted.first().and_then(|row| row.first()))?;
        let wanted = limit.min(matching.saturating_sub(offset));
        if wanted == 0 {
            return Ok(matching);
        }
        let shown: Vec<&BillColumn> =
            view.columns.iter().filter_map(|name| self.source.column(name)).collect();
        let select: Vec<String> = shown
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{} AS k{place}", column.key(dialect)))
            .collect();
        let order: Vec<String> = ORDER
            .iter()
            .filter_map(|name| self.source.column(name))
            .map(|column| column.sql.clone())
            .collect();
        let sql = question.page_sql(&select, &order, offset, wanted);
        for row in self.ask(&sql, doing, wanted, stop)? {
            let mut cells = shown.iter().map(|column| column.name.as_str()).zip(row);
            let mut known: std::collections::BTreeMap<&str, Option<String>> = cells.by_ref().collect();
            let amount = |name: &str, cell: Option<String>| match self.source.column(name) {
                Some(BillColumn { kind: ColumnType::Decimal, .. }) => {
                    cell.map(|text| Exact::read(&text).map_or(text, |read| read.value.to_string()))
                }
                _ => cell,
            };
            let row = view
                .columns
                .iter()
                .map(|name| known.remove(name.as_str()).flatten().and_then(|cell| amount(name, Some(cell))))
                .collect();
            view.rows.push(row);
        }
        Ok(matching)
    }

    /// The dialect it is asked in.
    pub(super) fn dialect(&self) -> Dialect {
        self.source.dialect
    }

    /// The names of its columns, our own of rules at the end.
    pub(super) fn names(&self) -> Vec<String> {
        let own = std::iter::once(RULE_COLUMN.to_owned());
        self.source.columns.iter().map(|column| column.name.clone()).chain(own).collect()
    }
}
