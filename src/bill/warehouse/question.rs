//! Questions to a table as SQL: what is grouped by and filtered on the warehouse's side, and what is left to be done here
//! with the groups that come back. Pure.
//!
//! Two things are done here: inference rules (they look into words of many columns, so the groups by those columns come
//! back and are judged here, by the same code as a file's rows), and keys of tags where the engine cannot look into the
//! text. Where that would be too many groups, or rows themselves are asked for, what differs in those columns is judged
//! first, and the question is then asked with the marks of what was judged ([`super::alike`]).

use std::fmt::Write as _;

use super::column::{BillColumn, Held};
use super::dialect::Dialect;
use super::session::Row;
use crate::bill::claims::Exclusion;
use crate::bill::columns::ColumnType;
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::filter::{self, Filter, How, NO_COLUMN, Resolved};
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::lens::{Judge, Lens, RuleSet};
use crate::bill::moment;
use crate::bill::profile::json_key;
use crate::bill::query::ColumnRef;
use crate::bill::store::Store;

/// A table as questions see it.
#[derive(Debug)]
pub(super) struct Source {
    /// Whose SQL.
    pub(super) dialect: Dialect,
    /// What stands behind `FROM`.
    pub(super) from: String,
    /// Rows that are no charges of their own are left out by this condition.
    pub(super) keep: Option<String>,
    /// The columns.
    pub(super) columns: Vec<BillColumn>,
}

impl Source {
    pub(super) fn column(&self, name: &str) -> Option<&BillColumn> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// Where a value of a group's key comes from.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// The table has no such column.
    Nothing,
    /// A cell of the answer.
    Cell(usize),
    /// A key of the JSON text in a cell.
    Tag(usize, String),
    /// What the rules say, by the place among their columns.
    Rule(usize),
    /// What was judged before: the cell with the number of the verdict, and the place in it.
    Judged(usize, usize),
}

/// A filter that is applied here.
#[derive(Debug)]
pub(super) struct Here {
    pub(super) part: Part,
    filter: Filter,
}

/// A question being put together, and then what its answer means.
pub(super) struct Question<'s> {
    pub(super) source: &'s Source,
    pub(super) select: Vec<String>,
    pub(super) conditions: Vec<String>,
    pub(super) parts: Vec<Part>,
    pub(super) here: Vec<Here>,
    lens: Option<&'s Lens>,
    /// The rules, and the places of the cells they look at.
    pub(super) judge: Option<(Judge, Vec<usize>)>,
    /// What [`Part::Judged`] tells, by the number of the verdict.
    pub(super) verdicts: Vec<Row>,
}

impl<'s> Question<'s> {
    /// About all rows that are charges, looked at through these rules; `None` = the built-in ones.
    pub(super) fn about(source: &'s Source, lens: Option<&'s Lens>) -> Self {
        Self {
            source,
            select: Vec::new(),
            conditions: source.keep.iter().cloned().collect(),
            parts: Vec::new(),
            here: Vec::new(),
            lens,
            judge: None,
            verdicts: Vec::new(),
        }
    }

    /// Leaves out what does not count.
    pub(super) fn leave_out(mut self, without: &[Exclusion]) -> Self {
        for exclusion in without {
            let condition = excluded(self.source, exclusion);
            self.conditions.push(format!("NOT COALESCE({condition}, 1 = 0)"));
        }
        self
    }

    /// The place of an expression in the answer; the same expression has one place.
    pub(super) fn place(&mut self, sql: String) -> usize {
        let known = self.select.iter().position(|other| *other == sql);
        known.unwrap_or_else(|| {
            self.select.push(sql);
            self.select.len() - 1
        })
    }

    /// The place of a column among those that the rules give; `None` for one of the table.
    fn of_rules(&self, name: &str) -> Option<usize> {
        match self.lens {
            Some(lens) => lens.columns().iter().position(|column| column == name),
            None => (name == RULE_COLUMN).then_some(0),
        }
    }

    fn part(&mut self, column: &ColumnRef) -> Part {
        let dialect = self.source.dialect;
        if let Some(place) = self.of_rules(column.name()) {
            self.needs_rules();
            return Part::Rule(place);
        }
        let Some(found) = self.source.column(column.name()) else { return Part::Nothing };
        let sql = match column {
            ColumnRef::Plain { .. } => found.key(dialect),
            ColumnRef::Day { .. } => dialect.day(&found.moment(dialect)),
            ColumnRef::Hour { .. } => dialect.hour(&found.moment(dialect)),
            ColumnRef::Key { key, .. } => match dialect.tag(&found.sql, &found.held, key) {
                Some(sql) => sql,
                None => return Part::Tag(self.place(found.key(dialect)), key.clone()),
            },
        };
        Part::Cell(self.place(sql))
    }

    /// The rules, made ready for the columns of the table.
    pub(super) fn judge(&self) -> Judge {
        let source = self.source;
        let stored = |name: &str| {
            let words = |column: &&BillColumn| matches!(column.kind, ColumnType::Text | ColumnType::Json);
            let mut columns = source.columns.iter().filter(words);
            columns.find(|column| column.name.eq_ignore_ascii_case(name)).map(|column| column.name.clone())
        };
        match self.lens {
            Some(lens) => lens.judge_of(stored),
            None => Lens::new(RuleSet::default(), &Store::at("")).judge_of(stored),
        }
    }

    /// Everything a rule looks at comes back with the groups.
    fn needs_rules(&mut self) {
        if self.judge.is_some() {
            return;
        }
        let (source, dialect) = (self.source, self.source.dialect);
        let judge = self.judge();
        let keys: Vec<String> = judge
            .on
            .iter()
            .filter_map(|name| source.column(name))
            .map(|column| column.key(dialect))
            .collect();
        let places = keys.into_iter().map(|key| self.place(key)).collect();
        self.judge = Some((judge, places));
    }

    /// Groups by these columns.
    pub(super) fn group(&mut self, keys: &[ColumnRef]) {
        for key in keys {
            let part = self.part(key);
            self.parts.push(part);
        }
    }

    /// Groups by an expression, too.
    pub(super) fn group_by(&mut self, sql: String) {
        let place = self.place(sql);
        self.parts.push(Part::Cell(place));
    }

    /// Only rows that all filters hold for.
    pub(super) fn filter(&mut self, filters: &[Resolved]) -> Result<(), BillError> {
        for resolved in filters {
            let (column, filter) = resolved.parts();
            let condition = match column {
                None => Some(self.any_column(filter)?),
                Some(column) if self.of_rules(column.name()).is_some() => None,
                Some(column) => {
                    if let Some(found) = self.source.column(column.name()) {
                        self.condition(found, column, filter)?
                    } else {
                        // A bill without the column has no value in any row.
                        let lists = |value: &str| {
                            filter.how == How::Is && filter.values.iter().any(|listed| listed == value)
                        };
                        Some(if lists("") || lists(NO_COLUMN) { "1 = 1" } else { "1 = 0" }.to_owned())
                    }
                }
            };
            match (condition, column) {
                (Some(condition), _) if filter.not => {
                    self.conditions.push(format!("NOT COALESCE({condition}, 1 = 0)"));
                }
                (Some(condition), _) => self.conditions.push(condition),
                (None, Some(column)) => {
                    let part = self.part(column);
                    self.here.push(Here { part, filter: filter.clone() });
                }
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Any column of words contains one of the texts.
    fn any_column(&self, filter: &Filter) -> Result<String, BillError> {
        if filter.how != How::Contains {
            return Err(BillError::ColumnUse {
                doing: "filter",
                column: "any text".to_owned(),
                why: "every column at once can only be searched; write *~TEXT".to_owned(),
            });
        }
        let dialect = self.source.dialect;
        let words = |column: &&BillColumn| matches!(column.kind, ColumnType::Text | ColumnType::Json);
        let keys: Vec<String> =
            self.source.columns.iter().filter(words).map(|column| column.key(dialect)).collect();
        Ok(any_of(keys.iter().flat_map(|key| containing(dialect, key, &filter.values))))
    }

    /// A filter as a condition; `None` where it is applied here.
    fn condition(
        &self,
        found: &BillColumn,
        column: &ColumnRef,
        filter: &Filter,
    ) -> Result<Option<String>, BillError> {
        let dialect = self.source.dialect;
        let Filter { values, how, .. } = filter;
        let accepts_none = *how == How::Is && values.iter().any(String::is_empty);
        let wanted: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
        let refused = |why: &str| {
            Err(BillError::ColumnUse { doing: "filter", column: found.name.clone(), why: why.to_owned() })
        };
        let none_of = |sql: &str| accepts_none.then(|| format!("{sql} IS NULL"));
        Ok(Some(match column {
            ColumnRef::Plain { kind: ColumnType::Decimal, name } => {
                let sql = found.amount(dialect);
                let literal = |text: &str| {
                    let read = Exact::read(text).map_err(|_no_amount| BillError::ColumnUse {
                        doing: "filter",
                        column: name.clone(),
                        why: format!("`{text}` is not an amount"),
                    })?;
                    Ok::<_, BillError>(dialect.amount_literal(&read.value.to_string()))
                };
                match how {
                    How::Contains => {
                        return refused("its values are amounts; give an amount or a range, such as 1..5");
                    }
                    How::Is => {
                        let mut all: Vec<String> = none_of(&sql).into_iter().collect();
                        for value in wanted {
                            all.push(format!("{sql} = {}", literal(value)?));
                        }
                        any_of(all)
                    }
                    How::Within => {
                        let ends = filter::ends(name, values)?;
                        let mut all = vec![format!("{sql} IS NOT NULL")];
                        if let Some(from) = ends[0] {
                            all.push(format!("{sql} >= {}", literal(from)?));
                        }
                        if let Some(to) = ends[1] {
                            all.push(format!("{sql} <= {}", literal(to)?));
                        }
                        format!("({})", all.join(" AND "))
                    }
                }
            }
            ColumnRef::Plain { kind: ColumnType::Time, name }
            | ColumnRef::Day { column: name }
            | ColumnRef::Hour { column: name } => {
                let moment = found.moment(dialect);
                match how {
                    How::Contains => return refused("its values are dates; give a date or a range of dates"),
                    How::Is => {
                        let mut all: Vec<String> = none_of(&moment).into_iter().collect();
                        for value in wanted {
                            let (start, end) = filter::span(name, value)?;
                            all.push(between(dialect, &moment, Some(start), Some(end)));
                        }
                        any_of(all)
                    }
                    How::Within => {
                        let ends = filter::ends(name, values)?;
                        let start = ends[0].map(|from| filter::span(name, from)).transpose()?;
                        let end = ends[1].map(|to| filter::span(name, to)).transpose()?;
                        between(dialect, &moment, start.map(|(start, _)| start), end.map(|(_, end)| end))
                    }
                }
            }
            _ if *how == How::Within => return refused("its values are words, which have no range"),
            ColumnRef::Plain { kind: ColumnType::Text, .. }
                if found.held == Held::Text && *how == How::Is =>
            {
                // The column itself is compared, so that partitions and indexes help; what counts as no value is never
                // looked for as one.
                let real = |value: &&str| *value != "NULL" && !value.trim().is_empty();
                let values: Vec<&str> = wanted.iter().copied().filter(real).collect();
                let blank = accepts_none.then(|| Dialect::is_blank(&found.sql));
                any_of(among(dialect, &found.sql, &values).into_iter().chain(blank))
            }
            ColumnRef::Plain { .. } => {
                let sql = found.key(dialect);
                self.words(&sql, filter, &wanted, none_of(&sql))
            }
            ColumnRef::Key { key, .. } => match dialect.tag(&found.sql, &found.held, key) {
                Some(sql) => self.words(&sql, filter, &wanted, none_of(&sql)),
                None => return Ok(None),
            },
        }))
    }

    fn words(&self, sql: &str, filter: &Filter, wanted: &[&str], none: Option<String>) -> String {
        let dialect = self.source.dialect;
        match filter.how {
            How::Contains => any_of(containing(dialect, sql, &filter.values)),
            _ => any_of(among(dialect, sql, wanted).into_iter().chain(none)),
        }
    }

    /// Only rows whose text column is this.
    pub(super) fn only(&mut self, name: &str, value: &str) {
        if let Some(column) = self.source.column(name) {
            let condition = format!("{} = {}", column.sql, self.source.dialect.text(value));
            self.conditions.push(condition);
        }
    }

    /// Whether part of a filter is applied here, so that rows cannot be counted there.
    pub(super) fn is_filtered_here(&self) -> bool {
        !self.here.is_empty()
    }

    pub(super) fn rows_of(&self, select: &[String]) -> String {
        let mut sql = format!("SELECT {} FROM {}", select.join(", "), self.source.from);
        if !self.conditions.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(sql, " WHERE {}", self.conditions.join(" AND "));
        }
        sql
    }

    /// The group's expressions, inside and outside the inner `SELECT`.
    fn keys(&self) -> (Vec<String>, Vec<String>) {
        let inner = self.select.iter().enumerate().map(|(place, sql)| format!("{sql} AS k{place}")).collect();
        (inner, (0..self.select.len()).map(|place| format!("k{place}")).collect())
    }

    /// Aggregates of each group; `inner` are expressions of rows, with their names, that these are of.
    pub(super) fn grouped(&self, aggregates: &[String], inner: &[String], most: u64) -> String {
        let (mut select, keys) = self.keys();
        select.extend(inner.iter().cloned());
        if select.is_empty() {
            select.push("1 AS nothing".to_owned());
        }
        let outer: Vec<&str> = keys.iter().chain(aggregates).map(String::as_str).collect();
        let mut sql = format!("SELECT {} FROM ({}) AS bill", outer.join(", "), self.rows_of(&select));
        if !keys.is_empty() {
            let _ = write!(sql, " GROUP BY {}", keys.join(", "));
        }
        let _ = write!(sql, " LIMIT {}", most + 1);
        sql
    }

    /// The exact sums of these columns of amounts, with how many cells each is of.
    pub(super) fn sums_sql(&self, summed: &[&str], most: u64) -> String {
        let mut aggregates = vec!["COUNT(*) AS n".to_owned()];
        let mut inner = Vec::new();
        for (place, column) in summed.iter().filter_map(|name| self.source.column(name)).enumerate() {
            inner.push(format!("{} AS c{place}", column.amount(self.source.dialect)));
            aggregates.push(format!("SUM(c{place}) AS s{place}"));
            aggregates.push(format!("COUNT(c{place}) AS f{place}"));
        }
        self.grouped(&aggregates, &inner, most)
    }

    /// The earliest and the latest of two expressions.
    pub(super) fn span_sql(&self, earliest: &str, latest: &str, most: u64) -> String {
        let inner = [format!("{earliest} AS a"), format!("{latest} AS b")];
        self.grouped(&["MIN(a) AS first".to_owned(), "MAX(b) AS last".to_owned()], &inner, most)
    }

    /// Aggregates of all rows.
    pub(super) fn aggregates_sql(&self, aggregates: &[String]) -> String {
        self.rows_of(aggregates)
    }

    /// A row that a condition holds for, if there is one.
    pub(super) fn any_sql(&self, condition: &str) -> String {
        let joined: Vec<&str> =
            self.conditions.iter().map(String::as_str).chain(std::iter::once(condition)).collect();
        format!("SELECT 1 AS one FROM {} WHERE {} LIMIT 1", self.source.from, joined.join(" AND "))
    }

    /// A page of rows, in an order that is always the same.
    pub(super) fn page_sql(&self, select: &[String], order: &[String], offset: u64, limit: u64) -> String {
        format!("{} ORDER BY {} LIMIT {limit} OFFSET {offset}", self.rows_of(select), order.join(", "))
    }

    /// How many expressions stand before the aggregates.
    pub(super) fn width(&self) -> usize {
        self.select.len()
    }

    /// The key of a row of the answer, with `absent` for columns the table does not have; `None` where a filter that
    /// is applied here leaves the row out.
    pub(super) fn key(&self, cells: &[Option<String>], absent: Option<&str>) -> Option<Row> {
        let said = self.said(cells);
        let value = |part: &Part| self.value(part, cells, said.as_deref());
        let shown = |part: &Part| match part {
            Part::Nothing => absent.map(str::to_owned),
            part => value(part),
        };
        self.holds(&value).then(|| self.parts.iter().map(shown).collect())
    }

    /// What the rules say of a row of the answer.
    pub(super) fn said(&self, cells: &[Option<String>]) -> Option<Row> {
        self.judge.as_ref().map(|(judge, places)| {
            let cell = |place: &usize| cells.get(*place).and_then(Option::as_deref).unwrap_or_default();
            let looked: Vec<&str> = places.iter().map(cell).collect();
            judge.values(&looked)
        })
    }

    pub(super) fn value(
        &self,
        part: &Part,
        cells: &[Option<String>],
        said: Option<&[Option<String>]>,
    ) -> Option<String> {
        let cell = |place: usize| cells.get(place).and_then(Option::as_deref);
        match part {
            Part::Nothing => None,
            Part::Cell(place) => cell(*place).map(str::to_owned),
            Part::Tag(place, key) => cell(*place).and_then(|text| json_key(text, key)),
            Part::Rule(place) => said.and_then(|said| said.get(*place)).cloned().flatten(),
            Part::Judged(place, at) => {
                // Some engines count in decimals.
                let number = cell(*place)?.split('.').next()?.parse::<usize>().ok()?;
                self.verdicts.get(number)?.get(*at).cloned().flatten()
            }
        }
    }

    /// Whether the filters that are applied here hold.
    pub(super) fn holds(&self, value: &dyn Fn(&Part) -> Option<String>) -> bool {
        self.here.iter().all(|Here { part, filter }| {
            let listed = |value: &str| filter.values.iter().any(|listed| listed == value);
            let found = match (value(part), filter.how) {
                (Some(value), How::Contains) => {
                    let value = value.to_lowercase();
                    let mut texts = filter.values.iter().filter(|text| !text.is_empty());
                    texts.any(|text| value.contains(&text.to_lowercase()))
                }
                (Some(value), _) => listed(&value),
                (None, how) => how == How::Is && listed(""),
            };
            found != filter.not
        })
    }
}

/// The rows that do not count, as a condition.
fn excluded(source: &Source, exclusion: &Exclusion) -> String {
    let dialect = source.dialect;
    let moment_of = |name: &str| source.column(name).map(|column| column.moment(dialect));
    let account = source.column("BillingAccountId").map(|column| column.key(dialect));
    let account = match (account, exclusion.account.as_str()) {
        (None, _) => "1 = 1".to_owned(),
        (Some(key), "") => format!("{key} IS NULL"),
        (Some(key), account) => format!("TRIM({key}) = {}", dialect.text(account)),
    };
    let (told, start) = (moment_of("BillingPeriodStart"), moment_of("ChargePeriodStart"));
    let untold = told.as_ref().map_or_else(|| "1 = 1".to_owned(), |told| format!("{told} IS NULL"));
    let micros = exclusion.period_unix_secs.and_then(|secs| secs.checked_mul(moment::PER_SEC));
    let period = match micros {
        None => match start {
            Some(start) => format!("{untold} AND {start} IS NULL"),
            None => untold,
        },
        Some(micros) => {
            // Periods are kept to the second.
            let by_period =
                told.map(|told| between(dialect, &told, Some(micros), Some(micros + moment::PER_SEC)));
            let by_charge = start.zip(moment::next_month(micros)).map(|(start, next)| {
                format!("({untold} AND {})", between(dialect, &start, Some(micros), Some(next)))
            });
            any_of(by_period.into_iter().chain(by_charge))
        }
    };
    format!("({account} AND {period})")
}

/// One of these holds; nothing does where there is none.
fn any_of(conditions: impl IntoIterator<Item = String>) -> String {
    let conditions: Vec<String> = conditions.into_iter().collect();
    if conditions.is_empty() { "1 = 0".to_owned() } else { format!("({})", conditions.join(" OR ")) }
}

fn among(dialect: Dialect, sql: &str, wanted: &[&str]) -> Option<String> {
    let list: Vec<String> = wanted.iter().map(|value| dialect.text(value)).collect();
    (!list.is_empty()).then(|| format!("{sql} IN ({})", list.join(", ")))
}

fn containing(dialect: Dialect, sql: &str, values: &[String]) -> Vec<String> {
    let texts = values.iter().filter(|value| !value.is_empty());
    texts.map(|value| dialect.contains(sql, &value.to_lowercase())).collect()
}

/// From `start` on and before `end`; an open end holds for every moment.
fn between(dialect: Dialect, moment: &str, start: Option<i64>, end: Option<i64>) -> String {
    if let (Some(start), Some(end)) = (start, end)
        && end == start + 1
    {
        // DataFusion 55 cuts the end of so short a span to the column's milliseconds.
        return format!("{moment} = {}", dialect.moment_literal(start));
    }
    let mut all = vec![format!("{moment} IS NOT NULL")];
    all.extend(start.map(|start| format!("{moment} >= {}", dialect.moment_literal(start))));
    all.extend(end.map(|end| format!("{moment} < {}", dialect.moment_literal(end))));
    format!("({})", all.join(" AND "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::warehouse::column::{TableColumn, focus_columns};

    fn source(dialect: Dialect) -> Source {
        let held = |name: &str| match name {
            "BilledCost" => Held::Decimal,
            "EffectiveCost" => Held::Float,
            "ChargePeriodStart" => Held::Moment { zoned: true },
            _ => Held::Text,
        };
        let names =
            ["BilledCost", "EffectiveCost", "BillingCurrency", "ChargePeriodStart", "ServiceName", "Tags"];
        let table = names.map(|name| TableColumn { name: name.to_owned(), held: held(name) });
        Source { dialect, from: "t".to_owned(), keep: None, columns: focus_columns(&table, dialect) }
    }

    fn plain(name: &str, kind: ColumnType) -> ColumnRef {
        ColumnRef::Plain { name: name.to_owned(), kind }
    }

    /// A filter whose column is known.
    fn on(column: ColumnRef, values: &[&str]) -> Resolved {
        let filter = Filter::is("x", values.iter().copied());
        Resolved::of(&filter, |_name| Ok(column)).unwrap()
    }

    fn tag() -> ColumnRef {
        ColumnRef::Key { column: "Tags".to_owned(), key: "team".to_owned() }
    }

    #[test]
    fn only_sums_of_exact_decimals_come_back() {
        let source = source(Dialect::Snowflake);
        let mut question = Question::about(&source, None);
        question.group(&[plain("ServiceName", ColumnType::Text)]);
        question.filter(&[on(plain("ChargePeriodStart", ColumnType::Time), &["2026-05"])]).unwrap();
        let moment = "CAST(CONVERT_TIMEZONE('UTC', \"ChargePeriodStart\") AS TIMESTAMP_NTZ)";
        assert_eq!(
            question.sums_sql(&["BilledCost", "EffectiveCost"], 10),
            format!(
                "SELECT k0, COUNT(*) AS n, SUM(c0) AS s0, COUNT(c0) AS f0, SUM(c1) AS s1, COUNT(c1) AS f1 FROM (SELECT \
                 CASE WHEN \"ServiceName\" IS NULL OR TRIM(\"ServiceName\") = '' OR \"ServiceName\" = 'NULL' THEN NULL \
                 ELSE \"ServiceName\" END AS k0, CAST(\"BilledCost\" AS DECIMAL(38,18)) AS c0, \
                 TRY_CAST(CAST(\"EffectiveCost\" AS VARCHAR) AS NUMBER(38,18)) AS c1 FROM t WHERE (({moment} IS NOT NULL AND {moment} >= \
                 CAST('2026-05-01 00:00:00' AS TIMESTAMP_NTZ) AND {moment} < CAST('2026-06-01 00:00:00' AS \
                 TIMESTAMP_NTZ)))) AS bill GROUP BY k0 LIMIT 11"
            )
        );
    }

    #[test]
    fn a_filter_is_a_condition_and_no_value_is_one_of_its_values() {
        let source = source(Dialect::Spark);
        let mut question = Question::about(&source, None);
        question.filter(&[on(plain("ServiceName", ColumnType::Text), &["it's", "", "NULL"])]).unwrap();
        question.filter(&[on(plain("RegionId", ColumnType::Text), &["x"])]).unwrap();
        let sql = question.sums_sql(&["BilledCost", "EffectiveCost"], 10);
        assert!(
            sql.contains(
                r"WHERE (`ServiceName` IN ('it\'s') OR `ServiceName` IS NULL OR TRIM(`ServiceName`) = '' OR `ServiceName` = 'NULL') AND 1 = 0)"
            ),
            "{sql}"
        );
        assert!(!question.is_filtered_here());
        let amounts = Filter::parse("BilledCost~x").unwrap();
        let amounts = Resolved::of(&amounts, |_name| Ok(plain("BilledCost", ColumnType::Decimal))).unwrap();
        assert!(question.filter(&[amounts]).unwrap_err().to_string().contains("its values are amounts"));
    }

    #[test]
    fn tags_are_looked_up_there_or_here() {
        let there = source(Dialect::Spark);
        let mut question = Question::about(&there, None);
        question.group(&[tag()]);
        question.filter(&[on(tag(), &["a"])]).unwrap();
        let path = r"NULLIF(GET_JSON_OBJECT(`Tags`, '$[\'team\']'), '')";
        let sql = question.sums_sql(&["BilledCost", "EffectiveCost"], 10);
        assert!(
            sql.contains(&format!("{path} AS k0")) && sql.contains(&format!("WHERE ({path} IN ('a'))")),
            "{sql}"
        );

        let here = source(Dialect::DataFusion);
        let mut question = Question::about(&here, None);
        question.group(&[tag()]);
        question.filter(&[on(tag(), &["a"])]).unwrap();
        assert!(question.is_filtered_here() && question.width() == 1);
        let key = |text: &str| question.key(&[Some(text.to_owned())], None);
        assert_eq!(key(r#"{"team":"a","x":1}"#), Some(vec![Some("a".to_owned())]));
        assert_eq!((key(r#"{"team":"b"}"#), key("no json")), (None, None));
    }

    #[test]
    fn rules_are_judged_here_on_the_groups_of_what_they_look_at() {
        let source = source(Dialect::Spark);
        let mut question = Question::about(&source, None);
        question.group(&[plain("BillingCurrency", ColumnType::Text), plain(RULE_COLUMN, ColumnType::Text)]);
        // Currency, service and tags.
        assert_eq!(question.width(), 3);
        let mut cells: Vec<Option<String>> = vec![None; 3];
        cells[0] = Some("USD".to_owned());
        cells[1] = Some("Amazon Bedrock".to_owned());
        let key = question.key(&cells, None).unwrap();
        assert_eq!(key, [Some("USD".to_owned()), Some("model-api".to_owned())]);
    }
}
