//! The SQL of a view that shows another export as FOCUS: Amazon's Cost and Usage Report and Google Cloud's billing export
//! as their tables stand in a warehouse. Pure: columns in, SQL out, which the user runs.
//!
//! Which export it is, is told by the columns as a file is told by its header, and what becomes of them is what the
//! mapping of files makes of them ([`crate::bill::formats`]): the same formulas, in `DECIMAL(38,18)`. What SQL says too
//! clumsily is NULL, with a comment why.

mod aws;
mod gcp;

use super::column::{Held, TableColumn};
use super::dialect::{Dialect, is_list_of_pairs};
use crate::bill::formats::aws::cur::letters;
use crate::bill::formats::{self, Kind};

/// Why there is no view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoView {
    /// The table is no export that a view is known of.
    Unknown,
    /// Its engine cannot say it; why.
    Engine(&'static str),
}

/// The SQL that makes a view in FOCUS of a table with these columns; `parts` are those of the table's name.
///
/// # Errors
/// There is none.
pub fn focus_view(columns: &[TableColumn], parts: &[String], dialect: Dialect) -> Result<String, NoView> {
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let there = There { dialect, columns };
    let body = match formats::recognise(&names) {
        Some(Kind::AwsCur | Kind::AwsCur2) => aws::view(&there, &dialect.table(parts)),
        Some(Kind::GcpExport) => gcp::view(&there, &dialect.table(parts)).map_err(NoView::Engine)?,
        _ => return Err(NoView::Unknown),
    };
    let last = parts.last().map_or("bill", String::as_str);
    // A file that is asked as a table has a path where others have a name.
    let is_name = last.chars().all(|c| c.is_alphanumeric() || c == '_');
    let view = if is_name {
        let mut view = parts.to_vec();
        view.pop();
        view.push(format!("{last}_focus"));
        view
    } else {
        vec!["bill_focus".to_owned()]
    };
    Ok(format!(
        "-- {} as FOCUS 1.2, by the formulas of Inferometer's import.\n-- Columns that are NULL say why.\nCREATE VIEW {} AS\n{body}\n",
        dialect.table(parts),
        dialect.table(&view)
    ))
}

/// A column that the view has: its name, its expression, and what to say of it.
struct Shown {
    name: &'static str,
    sql: String,
    why: &'static str,
}

fn shown(name: &'static str, sql: impl Into<String>) -> Shown {
    Shown { name, sql: sql.into(), why: "" }
}

/// A list of columns of a SELECT.
fn listed(dialect: Dialect, columns: &[Shown]) -> String {
    let line = |(place, Shown { name, sql, why }): (usize, &Shown)| {
        let comma = if place + 1 == columns.len() { "" } else { "," };
        let why = if why.is_empty() { String::new() } else { format!(" -- {why}") };
        format!("  {sql} AS {}{comma}{why}\n", dialect.identifier(name))
    };
    columns.iter().enumerate().map(line).collect::<Vec<_>>().concat()
}

/// A step: names and expressions that the next step builds on.
fn step(columns: &[(&str, String)]) -> String {
    let lines: Vec<String> = columns.iter().map(|(name, sql)| format!("    {sql} AS {name}")).collect();
    lines.join(",\n")
}

/// `CASE WHEN … END`; `otherwise` where none fits.
fn case(arms: &[(String, String)], otherwise: &str) -> String {
    let arms: Vec<String> = arms.iter().map(|(when, then)| format!("WHEN {when} THEN {then}")).collect();
    format!("CASE {} ELSE {otherwise} END", arms.join(" "))
}

/// The first that is not NULL.
fn first(of: &[String]) -> String {
    match of {
        [only] => only.clone(),
        several => format!("COALESCE({})", several.join(", ")),
    }
}

/// The table, as the SQL reads it.
struct There<'t> {
    dialect: Dialect,
    columns: &'t [TableColumn],
}

impl There<'_> {
    /// A column by the letters of its name.
    fn find(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| letters(&column.name) == name)
    }

    fn sql(&self, column: &TableColumn) -> String {
        self.dialect.identifier(&column.name)
    }

    /// A text that is no value.
    fn no_text(&self) -> String {
        self.dialect.as_text("NULL")
    }

    /// Nothing of a type like an amount's.
    fn no_amount(&self) -> String {
        self.dialect.decimal("NULL", &Held::Decimal)
    }

    fn zero(&self) -> String {
        self.dialect.amount_literal("0")
    }

    /// Text; NULL where there is no column, or no value.
    fn text(&self, name: &str) -> String {
        let read = |column: &TableColumn| self.dialect.key(&self.sql(column), &column.held);
        self.find(name).map_or_else(|| self.no_text(), read)
    }

    fn amount(&self, name: &str) -> String {
        let read = |column: &TableColumn| self.dialect.decimal(&self.sql(column), &column.held);
        self.find(name).map_or_else(|| self.no_amount(), read)
    }

    fn moment(&self, name: &str) -> String {
        let none = || self.dialect.moment(&self.no_text(), &Held::Text);
        self.find(name).map_or_else(none, |column| self.dialect.moment(&self.sql(column), &column.held))
    }

    /// A value within a column as text: the field of a struct, the value of a key; `None` where the engine cannot look
    /// into it, or there is no such column.
    fn within(&self, column: &str, key: &str) -> Option<String> {
        let column = self.find(column)?;
        let (dialect, sql) = (self.dialect, self.sql(column));
        let value = match (&column.held, dialect) {
            // A map of Parquet, as BigQuery loads it.
            (Held::Other(kind), Dialect::BigQuery) if kind.starts_with("Struct(\"key_value\"") => format!(
                "(SELECT pair.value FROM UNNEST({sql}.`key_value`) AS pair WHERE pair.key = {} LIMIT 1)",
                dialect.text(key)
            ),
            (Held::Other(kind), _) if kind.starts_with("Struct") && !kind.contains(&format!("\"{key}\"")) => {
                return None;
            }
            (Held::Other(kind), Dialect::DataFusion) if kind.starts_with("Struct") => {
                dialect.as_text(&format!("{sql}[{}]", dialect.text(key)))
            }
            (Held::Other(kind), _) if kind.starts_with("Struct") => {
                dialect.as_text(&format!("{sql}.{}", dialect.identifier(key)))
            }
            (Held::Other(kind), Dialect::BigQuery) if is_list_of_pairs(kind) => format!(
                "(SELECT pair.value FROM UNNEST({sql}) AS pair WHERE pair.key = {} LIMIT 1)",
                dialect.text(key)
            ),
            (Held::Other(kind), Dialect::Spark) if is_list_of_pairs(kind) => {
                format!("TRY_ELEMENT_AT(FILTER({sql}, pair -> pair.key = {}), 1).value", dialect.text(key))
            }
            (Held::Map, Dialect::DataFusion) => format!("{sql}[{}]", dialect.text(key)),
            // What begins as an object and is none ends the question, with the engine's own words.
            (Held::Text, Dialect::Postgres) => format!(
                "(CASE WHEN {sql} LIKE '{{%' THEN CAST({sql} AS JSONB) ->> {} END)",
                dialect.text(key)
            ),
            _ => return dialect.tag(&sql, &column.held, key),
        };
        Some(format!("NULLIF({value}, '')"))
    }

    /// A value of a dotted name: a column of its own, or a field within another.
    fn field(&self, name: &str) -> Option<String> {
        if let Some(column) = self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            return Some(self.dialect.key(&self.sql(column), &column.held));
        }
        let (column, key) = name.split_once('.')?;
        self.within(&letters(column), key)
    }

    fn field_text(&self, name: &str) -> String {
        self.field(name).unwrap_or_else(|| self.no_text())
    }

    /// The amount of a dotted name, whatever it is held as.
    fn field_amount(&self, name: &str) -> String {
        if let Some(column) = self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            return self.dialect.decimal(&self.sql(column), &column.held);
        }
        let read = |text: String| self.dialect.decimal(&text, &Held::Text);
        self.field(name).map_or_else(|| self.no_amount(), read)
    }

    /// The sum or difference of two amounts, every digit of it: Spark would give up the last for a larger whole part.
    fn combined(&self, a: &str, sign: char, b: &str) -> String {
        match self.dialect {
            Dialect::Postgres | Dialect::BigQuery => format!("({a} {sign} {b})"),
            Dialect::Spark | Dialect::DataFusion | Dialect::Snowflake => format!(
                "CAST(CAST({a} AS DECIMAL(36,18)) {sign} CAST({b} AS DECIMAL(36,18)) AS DECIMAL(38,18))"
            ),
        }
    }

    /// A moment some time later; `unit` is `SECOND` or `MONTH`.
    fn later(&self, moment: &str, unit: &str) -> String {
        match self.dialect {
            Dialect::Spark => format!("({moment} + INTERVAL 1 {unit})"),
            Dialect::DataFusion | Dialect::Postgres => format!("({moment} + INTERVAL '1 {unit}')"),
            Dialect::Snowflake => format!("DATEADD({unit}, 1, {moment})"),
            Dialect::BigQuery if unit == "MONTH" => {
                format!("TIMESTAMP(DATE_ADD(DATE({moment}), INTERVAL 1 MONTH))")
            }
            Dialect::BigQuery => format!("TIMESTAMP_ADD({moment}, INTERVAL 1 {unit})"),
        }
    }

    /// A text without what is like a pattern.
    fn erased(&self, text: &str, pattern: &str) -> String {
        let pattern = self.dialect.text(pattern);
        match self.dialect {
            Dialect::DataFusion | Dialect::Postgres => format!("REGEXP_REPLACE({text}, {pattern}, '', 'g')"),
            Dialect::Spark | Dialect::BigQuery | Dialect::Snowflake => {
                format!("REGEXP_REPLACE({text}, {pattern}, '')")
            }
        }
    }

    /// Texts as a list to be compared with.
    fn any_of<'a>(&self, texts: impl IntoIterator<Item = &'a str>) -> String {
        texts.into_iter().map(|text| self.dialect.text(text)).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests;
