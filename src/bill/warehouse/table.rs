//! A connected table: the questions a bill is asked, answered by the warehouse.

use std::path::Path;

use super::column::focus_columns;
use super::dialect::Dialect;
use super::drivers::Search;
use super::error::WarehouseError;
use super::focus_view::{NoView, focus_view};
use super::question::{Question, Source};
use super::session::{MOST_ROWS, Pool, Row, Stop};
use super::spec::{Secrets, Spec};
use crate::bill::claims::Exclusion;
use crate::bill::columns::{COSTS, ColumnType, FocusVersion};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::filter::{NO_COLUMN, Resolved};
use crate::bill::formats::focus::{self, RULE_COLUMN};
use crate::bill::formats::{self, Kind};
use crate::bill::import::Imported;
use crate::bill::lens::Lens;
use crate::bill::moment;
use crate::bill::over_time::Starts;
use crate::bill::query::{Adding, ColumnRef, QUANTITY, StoredGroups, Sums};

/// Without these no question about a bill can be answered.
const NEEDED: [&str; 4] = ["BilledCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart"];
/// Groups of what is judged here that come back at most, before it is judged on its own first.
const MOST_JUDGED: u64 = 200_000;

/// How a table is asked.
#[derive(Debug, Clone, Copy)]
pub(in crate::bill) struct Asking<'a> {
    /// What of it does not count.
    pub(in crate::bill) without: &'a [Exclusion],
    /// The rules it is looked at through; `None` = the built-in ones.
    pub(in crate::bill) lens: Option<&'a Lens>,
    /// When to end.
    pub(in crate::bill) stop: &'a Stop,
}

impl<'a> Asking<'a> {
    /// About all of it.
    pub(super) fn whole(stop: &'a Stop) -> Self {
        Self { without: &[], lens: None, stop }
    }
}

/// What the warehouse counted of tokens, requests and hours, by what they are counted by.
#[derive(Debug, Clone)]
pub(in crate::bill) struct Metered {
    /// The keys, the unit and whether `requests` is in the meter's name (`1`), in this order.
    pub(in crate::bill) key: Row,
    /// How much.
    pub(in crate::bill) amount: Exact,
    /// Rows.
    pub(in crate::bill) rows: u64,
}

/// A table of a warehouse that is connected.
#[derive(Debug)]
pub struct Table {
    pub(super) spec: Spec,
    pub(super) source: Source,
    pool: Pool,
    /// More groups than this of what is judged here are judged on their own first.
    most_judged: u64,
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
            let names: Vec<String> = header.columns.iter().map(|column| column.name.clone()).collect();
            let view = focus_view(&header.columns, &parts, dialect);
            let more = match &view {
                Ok(_) => {
                    "; the SQL of such a view can be had (--focus-view; or Test, then Copy SQL of a view)"
                        .to_owned()
                }
                Err(NoView::Engine(why)) => format!("; {why}"),
                Err(NoView::Unknown) => String::new(),
            };
            let instead = format!("{}{more}", instead(&names));
            return Err(WarehouseError::NotABill { missing, instead, view: view.ok(), table: spec.place() });
        }
        let kind = format!("FOCUS {}", focus::version(&names).unwrap_or(FocusVersion::V1_0));
        let left_out = header.columns.iter().filter(|column| !dialect.can_read(&column.held));
        let left_out = left_out.map(|column| column.name.clone()).collect();
        let source = Source { dialect, from, keep: None, columns };
        Ok(Self {
            spec: spec.clone(),
            source,
            pool,
            most_judged: MOST_JUDGED,
            kind,
            left_out,
            imported: None,
        })
    }

    /// The same table, of which more than `most` groups of what inference rules look at are not fetched times what else is
    /// grouped by: the rules are then tried first, on what they look at alone. 200,000 otherwise.
    #[must_use]
    pub fn judging_apart_beyond(self, most: u64) -> Self {
        Self { most_judged: most.min(MOST_ROWS), ..self }
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
    ) -> Result<Vec<Row>, WarehouseError> {
        Ok(self.pool.ask(sql, doing, most, stop)?.rows)
    }

    /// A question with what does not count left out.
    pub(super) fn question<'s>(&'s self, asking: Asking<'s>) -> Question<'s> {
        Question::about(&self.source, asking.lens).leave_out(asking.without)
    }

    /// Judges on its own first what is judged here.
    pub(super) fn settle(
        &self,
        question: &mut Question<'_>,
        doing: &str,
        stop: &Stop,
    ) -> Result<(), WarehouseError> {
        let alike = self.ask(&question.alike_sql(MOST_ROWS), doing, MOST_ROWS, stop)?;
        if question.settle(&alike) {
            return Ok(());
        }
        let most = super::alike::MOST_MARKS;
        Err(WarehouseError::TooVaried { doing: doing.to_owned(), most, table: self.place() })
    }

    /// Gathers the groups of a question: `sql` puts it, `each` takes in a row of the answer.
    fn gather<A: Default>(
        &self,
        question: &mut Question<'_>,
        doing: &str,
        stop: &Stop,
        sql: &dyn Fn(&Question<'_>, u64) -> String,
        each: &dyn Fn(&Question<'_>, &mut A, &Row) -> Result<(), BillError>,
    ) -> Result<A, BillError> {
        let gather = |question: &Question<'_>, most| {
            let mut all = A::default();
            self.pool
                .ask_each(&sql(question, most), doing, most, stop, &mut |rows| {
                    rows.iter().try_for_each(|row| each(question, &mut all, row))
                })
                .map(|_columns| all)
        };
        if !question.judges() {
            return gather(question, MOST_ROWS);
        }
        match gather(question, self.most_judged) {
            Err(BillError::Warehouse(WarehouseError::TooMany { .. })) => {
                self.settle(question, doing, stop)?;
                gather(question, MOST_ROWS)
            }
            other => other,
        }
    }

    pub(super) fn odd(&self, problem: impl Into<String>) -> WarehouseError {
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

    fn sum(&self, name: &str, cell: Option<&Option<String>>, filled: u64) -> Result<Exact, BillError> {
        match cell.and_then(Option::as_deref) {
            Some(sum) => {
                let odd = |error| self.odd(format!("the sum of {name} is `{sum}`: {error}"));
                Ok(Exact::read(sum).map_err(odd)?.value)
            }
            None if filled > 0 => Err(BillError::TooLarge { column: name.to_owned() }),
            None => Ok(Exact::default()),
        }
    }

    /// Adds the exact sums of every combination of the columns' values.
    pub(in crate::bill) fn add_up(
        &self,
        keys: &[ColumnRef],
        filters: &[Resolved],
        adding: Adding,
        asking: Asking<'_>,
        groups: &mut StoredGroups,
    ) -> Result<(), BillError> {
        let mut question = self.question(asking);
        question.group(keys);
        question.filter(filters)?;
        let has = |name: &&str| self.source.column(name).is_some();
        let quantity = [QUANTITY].into_iter().filter(|_| adding.quantity);
        let summed: Vec<&str> = COSTS.into_iter().chain(quantity).filter(has).collect();
        let absent = adding.tell_absent.then_some(NO_COLUMN);
        let each = |question: &Question<'_>, groups: &mut StoredGroups, row: &Row| {
            let (cells, numbers) = row.split_at(question.width().min(row.len()));
            let mut found = Sums { rows: self.count(numbers.first())?, ..Sums::default() };
            if found.rows == 0 {
                return Ok(());
            }
            for (at, name) in summed.iter().enumerate() {
                let filled = self.count(numbers.get(2 + 2 * at))?;
                let sum = self.sum(name, numbers.get(1 + 2 * at), filled)?;
                if let Some(place) = COSTS.iter().position(|cost| cost == name) {
                    (found.costs[place], found.filled[place]) = (sum, filled);
                } else {
                    (found.quantity, found.with_quantity) = (sum, filled);
                }
            }
            if let Some(key) = question.key(cells, absent) {
                groups.entry(key).or_default().add(&found)?;
            }
            Ok(())
        };
        let sql = |question: &Question<'_>, most| question.sums_sql(&summed, most);
        let found: StoredGroups = self.gather(&mut question, adding.doing, asking.stop, &sql, &each)?;
        for (key, sums) in found {
            groups.entry(key).or_default().add(&sums)?;
        }
        Ok(())
    }

    /// The first start and the last end of the usage of each day, in microseconds.
    pub(in crate::bill) fn usage_days(
        &self,
        filters: &[Resolved],
        doing: &str,
        asking: Asking<'_>,
    ) -> Result<Vec<(i64, Option<i64>)>, BillError> {
        let dialect = self.source.dialect;
        let mut question = self.question(asking);
        question.group(&[ColumnRef::Day { column: "ChargePeriodStart".to_owned() }]);
        question.filter(filters)?;
        question.only("ChargeCategory", "Usage");
        let moment = |name: &str| self.source.column(name).map(|column| column.moment(dialect));
        let Some(start) = moment("ChargePeriodStart") else { return Ok(Vec::new()) };
        let end = moment("ChargePeriodEnd");
        let sql = question.span_sql(&start, end.as_ref().unwrap_or(&start), MOST_ROWS);
        let mut days = Vec::new();
        for row in self.ask(&sql, doing, MOST_ROWS, asking.stop)? {
            let read = |place: usize| row.get(place).and_then(Option::as_deref).and_then(moment::read);
            if let Some(first) = read(1) {
                days.push((first, end.as_ref().and_then(|_has_ends| read(2))));
            }
        }
        Ok(days)
    }

    /// When its charges begin.
    pub(in crate::bill) fn starts(&self, asking: Asking<'_>) -> Result<Starts, BillError> {
        let doing = "look for the first and the last charge";
        let Some(start) = self.source.column("ChargePeriodStart") else { return Ok(Starts::default()) };
        let (dialect, question) = (self.source.dialect, self.question(asking));
        let start = start.moment(dialect);
        let ends = [format!("MIN({start}) AS a"), format!("MAX({start}) AS b")];
        let rows = self.ask(&question.aggregates_sql(&ends), doing, 1, asking.stop)?;
        let read = |place: usize| rows.first()?.get(place)?.as_deref().and_then(moment::read);
        let sql = question.any_sql(&format!("{start} > {}", dialect.midnight(&start)));
        let hours = !self.ask(&sql, doing, 1, asking.stop)?.is_empty();
        Ok(Starts { first_and_last: read(0).zip(read(1)), hours })
    }

    /// Sums of usage by `keys`, by its unit, and by whether `requests` is in the name of its meter. `pairs` are columns of
    /// quantities with their units: the first that the table has counts, the second where that is empty.
    pub(in crate::bill) fn metered(
        &self,
        keys: &[ColumnRef],
        filters: &[Resolved],
        (pairs, requests): (&[(&str, &str)], &str),
        doing: &str,
        asking: Asking<'_>,
    ) -> Result<Vec<Metered>, BillError> {
        let dialect = self.source.dialect;
        let mut known = pairs.iter().filter_map(|(quantity, unit)| {
            let (quantity, unit) = (self.source.column(quantity)?, self.source.column(unit)?);
            Some((quantity.amount(dialect), unit.key(dialect)))
        });
        let Some((mut amount, mut unit)) = known.next() else { return Ok(Vec::new()) };
        if let Some((second, of_second)) = known.next() {
            unit = format!("CASE WHEN {amount} IS NOT NULL THEN {unit} ELSE {of_second} END");
            amount = format!("COALESCE({amount}, {second})");
        }
        let mut question = self.question(asking);
        question.group(keys);
        question.group_by(unit);
        let meter = self.source.column("SkuMeter").map(|column| column.key(dialect));
        let counts = meter.map(|meter| dialect.has(&meter, requests));
        question.group_by(
            counts.map_or_else(|| "'0'".to_owned(), |has| format!("CASE WHEN {has} THEN '1' ELSE '0' END")),
        );
        question.filter(filters)?;
        question.only("ChargeCategory", "Usage");
        let sums = ["COUNT(*) AS n".to_owned(), "SUM(c0) AS s0".to_owned(), "COUNT(c0) AS f0".to_owned()];
        let inner = [format!("{amount} AS c0")];
        let each = |question: &Question<'_>, groups: &mut StoredGroups, row: &Row| {
            let (cells, numbers) = row.split_at(question.width().min(row.len()));
            let (rows, filled) = (self.count(numbers.first())?, self.count(numbers.get(2))?);
            let quantity = self.sum(pairs[0].0, numbers.get(1), filled)?;
            if let Some(key) = question.key(cells, None) {
                groups.entry(key).or_default().add(&Sums { rows, quantity, ..Sums::default() })?;
            }
            Ok(())
        };
        let sql = |question: &Question<'_>, most| question.grouped(&sums, &inner, most);
        let found: StoredGroups = self.gather(&mut question, doing, asking.stop, &sql, &each)?;
        Ok(found
            .into_iter()
            .map(|(key, sums)| Metered { key, amount: sums.quantity, rows: sums.rows })
            .collect())
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

/// What a table with these columns seems to be, and which table to name instead.
fn instead(columns: &[String]) -> String {
    let (is, has) = match formats::recognise(columns) {
        Some(Kind::AwsCur | Kind::AwsCur2) => {
            ("an AWS Cost and Usage Report", "AWS Data Exports writes the same charges as FOCUS 1.2")
        }
        Some(Kind::GcpExport) => {
            ("Google Cloud's billing export", "Google Cloud has the same charges as a FOCUS export")
        }
        Some(Kind::Azure(_)) => {
            ("Azure cost details", "Azure Cost Management exports the same charges as FOCUS 1.2")
        }
        Some(kind) => return format!("it looks like {}; name a view of it in FOCUS", kind.family()),
        None => return "name a table or view in FOCUS".to_owned(),
    };
    format!("it looks like {is}; {has}; name that table, or a view in FOCUS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_is_another_export_is_called_by_its_name() {
        let told = |names: &[&str]| instead(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        let cur =
            ["bill_payer_account_name", "line_item_line_item_type", "line_item_unblended_cost", "product"];
        assert!(
            told(&cur).starts_with("it looks like an AWS Cost and Usage Report; AWS Data Exports"),
            "{}",
            told(&cur)
        );
        let export = ["billing_account_id", "service", "sku", "usage", "cost", "credits"];
        assert!(
            told(&export).starts_with("it looks like Google Cloud's billing export; "),
            "{}",
            told(&export)
        );
        assert_eq!(told(&["a", "b"]), "name a table or view in FOCUS");
    }
}
