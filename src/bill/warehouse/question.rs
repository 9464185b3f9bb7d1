//! Questions to a table as SQL: what is grouped by and filtered on the warehouse's side, and what is left to be done here
//! with the groups that come back. Pure.
//!
//! Two things are done here: inference rules (they look into words of many columns, so the groups by those columns come
//! back and are judged here, by the same code as a file's rows), and keys of tags where the engine cannot look into the
//! text.

use std::cell::RefCell;
use std::fmt::Write as _;

use super::column::{BillColumn, Held};
use super::dialect::Dialect;
use crate::bill::columns::{COSTS, ColumnType};
use crate::bill::error::BillError;
use crate::bill::formats::focus::RULE_COLUMN;
use crate::bill::inference::{Classifier, FactSource};
use crate::bill::moment;
use crate::bill::profile::json_key;
use crate::bill::query::ColumnRef;

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
#[derive(Debug)]
enum Part {
    /// The table has no such column.
    Nothing,
    /// A cell of the answer.
    Cell(usize),
    /// A key of the JSON text in a cell.
    Tag(usize, String),
    /// The rule that fits the cells.
    Rule,
}

/// A filter that is applied here.
#[derive(Debug)]
struct Here {
    part: Part,
    wanted: Vec<String>,
    accepts_none: bool,
}

/// A question being put together, and then what its answer means.
pub(super) struct Question<'s> {
    source: &'s Source,
    select: RefCell<Vec<String>>,
    conditions: Vec<String>,
    parts: Vec<Part>,
    here: Vec<Here>,
    classifier: Option<Classifier>,
}

impl<'s> Question<'s> {
    /// About all rows that are charges.
    pub(super) fn about(source: &'s Source) -> Self {
        Self {
            source,
            select: RefCell::default(),
            conditions: source.keep.iter().cloned().collect(),
            parts: Vec::new(),
            here: Vec::new(),
            classifier: None,
        }
    }

    /// The place of an expression in the answer; the same expression has one place.
    fn place(&self, sql: String) -> usize {
        let mut select = self.select.borrow_mut();
        let known = select.iter().position(|other| *other == sql);
        known.unwrap_or_else(|| {
            select.push(sql);
            select.len() - 1
        })
    }

    fn part(&mut self, column: &ColumnRef) -> Part {
        let dialect = self.source.dialect;
        if column.name() == RULE_COLUMN {
            self.needs_rule();
            return Part::Rule;
        }
        let Some(found) = self.source.column(column.name()) else { return Part::Nothing };
        match column {
            ColumnRef::Plain { .. } => Part::Cell(self.place(found.key(dialect))),
            ColumnRef::Day { .. } => Part::Cell(self.place(dialect.day(&found.moment(dialect)))),
            ColumnRef::Key { key, .. } => match dialect.tag(&found.sql, &found.held, key) {
                Some(sql) => Part::Cell(self.place(sql)),
                None => Part::Tag(self.place(found.key(dialect)), key.clone()),
            },
        }
    }

    /// Everything a rule looks at comes back with the groups.
    fn needs_rule(&mut self) {
        if self.classifier.is_some() {
            return;
        }
        let dialect = self.source.dialect;
        let facts =
            FactSource::of(|name| self.source.column(name).map(|column| self.place(column.key(dialect))));
        self.classifier = Some(Classifier::new(&facts));
    }

    /// Groups by these columns.
    pub(super) fn group(&mut self, keys: &[ColumnRef]) {
        for key in keys {
            let part = self.part(key);
            self.parts.push(part);
        }
    }

    /// Only rows that all filters hold for.
    pub(super) fn filter(&mut self, filters: &[(ColumnRef, Vec<String>)]) -> Result<(), BillError> {
        for (column, values) in filters {
            let accepts_none = values.iter().any(String::is_empty);
            let wanted: Vec<&str> =
                values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
            if column.name() != RULE_COLUMN && self.source.column(column.name()).is_none() {
                // A bill without the column has no value in any row.
                if !accepts_none {
                    self.conditions.push("1 = 0".to_owned());
                }
                continue;
            }
            if let Some(condition) = self.condition(column, &wanted, accepts_none)? {
                self.conditions.push(condition);
                continue;
            }
            let part = self.part(column);
            let wanted = wanted.into_iter().map(str::to_owned).collect();
            self.here.push(Here { part, wanted, accepts_none });
        }
        Ok(())
    }

    /// A filter as a condition; `None` where it is applied here.
    fn condition(
        &self,
        column: &ColumnRef,
        wanted: &[&str],
        accepts_none: bool,
    ) -> Result<Option<String>, BillError> {
        let dialect = self.source.dialect;
        let Some(found) = self.source.column(column.name()) else { return Ok(None) };
        let among = |sql: &str, wanted: &[&str]| {
            let list: Vec<String> = wanted.iter().map(|value| dialect.text(value)).collect();
            if list.is_empty() { None } else { Some(format!("{sql} IN ({})", list.join(", "))) }
        };
        let any = |conditions: Vec<Option<String>>| {
            let conditions: Vec<String> = conditions.into_iter().flatten().collect();
            if conditions.is_empty() { "1 = 0".to_owned() } else { format!("({})", conditions.join(" OR ")) }
        };
        let none_of = |sql: &str| accepts_none.then(|| format!("{sql} IS NULL"));
        Ok(Some(match column {
            ColumnRef::Plain { kind: ColumnType::Decimal, name } => {
                return Err(BillError::ColumnUse {
                    doing: "filter",
                    column: name.clone(),
                    why: "its values are amounts; filter by a column of words or dates".to_owned(),
                });
            }
            ColumnRef::Plain { kind: ColumnType::Time, name } | ColumnRef::Day { column: name } => {
                let moment = found.moment(dialect);
                let mut conditions = vec![none_of(&moment)];
                for value in wanted {
                    let (start, end) = moment::read_span(value).ok_or_else(|| BillError::ColumnUse {
                        doing: "filter",
                        column: name.clone(),
                        why: format!("`{value}` is not a month (2026-05), a day (2026-05-01) or a moment"),
                    })?;
                    let one_moment = end == start + 1;
                    let (start, end) = (dialect.moment_literal(start), dialect.moment_literal(end));
                    // DataFusion 55 cuts the end of so short a span to the column's milliseconds.
                    conditions.push(Some(if one_moment {
                        format!("{moment} = {start}")
                    } else {
                        format!("({moment} >= {start} AND {moment} < {end})")
                    }));
                }
                any(conditions)
            }
            ColumnRef::Plain { kind: ColumnType::Text, .. } if found.held == Held::Text => {
                // The column itself is compared, so that partitions and indexes help; what counts as no value is never
                // looked for as one.
                let values: Vec<&str> = wanted
                    .iter()
                    .copied()
                    .filter(|value| *value != "NULL" && !value.trim().is_empty())
                    .collect();
                any(vec![among(&found.sql, &values), accepts_none.then(|| Dialect::is_blank(&found.sql))])
            }
            ColumnRef::Plain { .. } => {
                let sql = found.key(dialect);
                any(vec![among(&sql, wanted), none_of(&sql)])
            }
            ColumnRef::Key { key, .. } => match dialect.tag(&found.sql, &found.held, key) {
                Some(sql) => any(vec![among(&sql, wanted), none_of(&sql)]),
                None => return Ok(None),
            },
        }))
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

    fn rows_of(&self, select: &[String]) -> String {
        let mut sql = format!("SELECT {} FROM {}", select.join(", "), self.source.from);
        if !self.conditions.is_empty() {
            // Writing to a String cannot fail.
            let _ = write!(sql, " WHERE {}", self.conditions.join(" AND "));
        }
        sql
    }

    /// The group's expressions, inside and outside the inner `SELECT`.
    fn keys(&self) -> (Vec<String>, Vec<String>) {
        let select = self.select.borrow();
        let inner = select.iter().enumerate().map(|(place, sql)| format!("{sql} AS k{place}")).collect();
        (inner, (0..select.len()).map(|place| format!("k{place}")).collect())
    }

    fn grouped(&self, aggregates: &[String], inner: &[String], most: u64) -> String {
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

    /// The exact sums of the costs the table has, with how many cells each is of.
    pub(super) fn sums_sql(&self, most: u64) -> String {
        let mut aggregates = vec!["COUNT(*) AS n".to_owned()];
        let mut inner = Vec::new();
        for place in self.costs() {
            if let Some(column) = self.source.column(COSTS[place]) {
                inner.push(format!("{} AS c{place}", column.amount(self.source.dialect)));
                aggregates.push(format!("SUM(c{place}) AS s{place}"));
                aggregates.push(format!("COUNT(c{place}) AS f{place}"));
            }
        }
        self.grouped(&aggregates, &inner, most)
    }

    /// Places of the costs the table has, in the order of the sums.
    pub(super) fn costs(&self) -> Vec<usize> {
        (0..COSTS.len()).filter(|place| self.source.column(COSTS[*place]).is_some()).collect()
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

    /// A page of rows, in an order that is always the same.
    pub(super) fn page_sql(&self, select: &[String], order: &[String], offset: u64, limit: u64) -> String {
        format!("{} ORDER BY {} LIMIT {limit} OFFSET {offset}", self.rows_of(select), order.join(", "))
    }

    /// How many expressions stand before the aggregates.
    pub(super) fn width(&self) -> usize {
        self.select.borrow().len()
    }

    /// The key of a row of the answer; `None` where a filter that is applied here leaves it out.
    pub(super) fn key(&mut self, cells: &[Option<String>]) -> Option<Vec<Option<String>>> {
        let rule = self.classifier.as_mut().map(|classifier| {
            let cells: Vec<&str> = cells.iter().map(|cell| cell.as_deref().unwrap_or_default()).collect();
            classifier.classify(&cells)
        });
        let value = |part: &Part| match part {
            Part::Nothing => None,
            Part::Cell(place) => cells.get(*place).cloned().flatten(),
            Part::Tag(place, key) => cells.get(*place)?.as_deref().and_then(|text| json_key(text, key)),
            Part::Rule => rule.flatten().map(str::to_owned),
        };
        let holds = self.here.iter().all(|here| match value(&here.part) {
            Some(value) => here.wanted.contains(&value),
            None => here.accepts_none,
        });
        holds.then(|| self.parts.iter().map(value).collect())
    }
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

    fn tag() -> ColumnRef {
        ColumnRef::Key { column: "Tags".to_owned(), key: "team".to_owned() }
    }

    #[test]
    fn only_sums_of_exact_decimals_come_back() {
        let source = source(Dialect::Snowflake);
        let mut question = Question::about(&source);
        question.group(&[plain("ServiceName", ColumnType::Text)]);
        question
            .filter(&[(plain("ChargePeriodStart", ColumnType::Time), vec!["2026-05".to_owned()])])
            .unwrap();
        let moment = "CAST(CONVERT_TIMEZONE('UTC', \"ChargePeriodStart\") AS TIMESTAMP_NTZ)";
        assert_eq!(
            question.sums_sql(10),
            format!(
                "SELECT k0, COUNT(*) AS n, SUM(c0) AS s0, COUNT(c0) AS f0, SUM(c1) AS s1, COUNT(c1) AS f1 FROM (SELECT \
                 CASE WHEN \"ServiceName\" IS NULL OR TRIM(\"ServiceName\") = '' OR \"ServiceName\" = 'NULL' THEN NULL \
                 ELSE \"ServiceName\" END AS k0, CAST(\"BilledCost\" AS DECIMAL(38,18)) AS c0, \
                 TRY_CAST(CAST(\"EffectiveCost\" AS VARCHAR) AS NUMBER(38,18)) AS c1 FROM t WHERE (({moment} >= \
                 CAST('2026-05-01 00:00:00' AS TIMESTAMP_NTZ) AND {moment} < CAST('2026-06-01 00:00:00' AS \
                 TIMESTAMP_NTZ)))) AS bill GROUP BY k0 LIMIT 11"
            )
        );
        assert_eq!(question.costs(), [0, 1]);
    }

    #[test]
    fn a_filter_is_a_condition_and_no_value_is_one_of_its_values() {
        let source = source(Dialect::Spark);
        let mut question = Question::about(&source);
        let values = ["it's", "", "NULL"].map(str::to_owned).to_vec();
        question.filter(&[(plain("ServiceName", ColumnType::Text), values)]).unwrap();
        question.filter(&[(plain("RegionId", ColumnType::Text), vec!["x".to_owned()])]).unwrap();
        let sql = question.sums_sql(10);
        assert!(
            sql.contains(
                r"WHERE (`ServiceName` IN ('it\'s') OR `ServiceName` IS NULL OR TRIM(`ServiceName`) = '' OR `ServiceName` = 'NULL') AND 1 = 0)"
            ),
            "{sql}"
        );
        assert!(!question.is_filtered_here());
        let amounts = question.filter(&[(plain("BilledCost", ColumnType::Decimal), vec!["1".to_owned()])]);
        assert!(amounts.unwrap_err().to_string().contains("its values are amounts"));
    }

    #[test]
    fn tags_are_looked_up_there_or_here() {
        let there = source(Dialect::Spark);
        let mut question = Question::about(&there);
        question.group(&[tag()]);
        question.filter(&[(tag(), vec!["a".to_owned()])]).unwrap();
        let path = r"NULLIF(GET_JSON_OBJECT(`Tags`, '$[\'team\']'), '')";
        let sql = question.sums_sql(10);
        assert!(
            sql.contains(&format!("{path} AS k0")) && sql.contains(&format!("WHERE ({path} IN ('a'))")),
            "{sql}"
        );

        let here = source(Dialect::DataFusion);
        let mut question = Question::about(&here);
        question.group(&[tag()]);
        question.filter(&[(tag(), vec!["a".to_owned()])]).unwrap();
        assert!(question.is_filtered_here() && question.width() == 1);
        let mut key = |text: &str| question.key(&[Some(text.to_owned())]);
        assert_eq!(key(r#"{"team":"a","x":1}"#), Some(vec![Some("a".to_owned())]));
        assert_eq!((key(r#"{"team":"b"}"#), key("no json")), (None, None));
    }

    #[test]
    fn rules_are_judged_here_on_the_groups_of_what_they_look_at() {
        let source = source(Dialect::Spark);
        let mut question = Question::about(&source);
        question.group(&[plain("BillingCurrency", ColumnType::Text), plain(RULE_COLUMN, ColumnType::Text)]);
        // Currency, service and tags.
        assert_eq!(question.width(), 3);
        let mut cells: Vec<Option<String>> = vec![None; 3];
        cells[0] = Some("USD".to_owned());
        cells[1] = Some("Amazon Bedrock".to_owned());
        let key = question.key(&cells).unwrap();
        assert_eq!(key, [Some("USD".to_owned()), Some("model-api".to_owned())]);
    }
}
