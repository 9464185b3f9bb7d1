//! The columns of a warehouse's table as FOCUS columns: what each is called there, how it is held, how it is written in
//! SQL. Pure.

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use crate::bill::columns::{self, ColumnType};
use crate::bill::formats::focus::RULE_COLUMN;

/// How a warehouse holds a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// Exact decimals.
    Decimal,
    /// Whole numbers.
    Integer,
    /// Binary floats.
    Float,
    /// Text.
    Text,
    /// Moments, with or without a time zone.
    Moment {
        /// They know their zone.
        zoned: bool,
    },
    /// Days.
    Date,
    /// A type for JSON of the warehouse's own.
    Json,
    /// Keys and values.
    Map,
    /// True or false.
    Truth,
    /// Something else, by its Arrow name.
    Other(String),
}

impl Held {
    /// For people.
    pub fn words(&self) -> &str {
        match self {
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::Text => "text",
            Self::Moment { zoned: true } => "timestamp with time zone",
            Self::Moment { zoned: false } => "timestamp",
            Self::Date => "date",
            Self::Json => "JSON",
            Self::Map => "map",
            Self::Truth => "boolean",
            Self::Other(name) => name,
        }
    }
}

/// A column as the driver describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableColumn {
    /// Its name there.
    pub name: String,
    /// How it is held.
    pub held: Held,
}

/// A column of the bill and how it is written in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillColumn {
    /// The name a question uses: that of FOCUS where FOCUS has it.
    pub name: String,
    /// What it holds, as the local store would keep it.
    pub kind: ColumnType,
    /// The expression.
    pub sql: String,
    /// How its value is held.
    pub held: Held,
}

impl BillColumn {
    /// The value by which rows are grouped and filtered.
    pub fn key(&self, dialect: Dialect) -> String {
        match self.kind {
            ColumnType::Time => self.moment(dialect),
            ColumnType::Json => {
                dialect.tags_text(&self.sql, &self.held).unwrap_or_else(|| dialect.as_text(&self.sql))
            }
            ColumnType::Decimal => self.amount(dialect),
            ColumnType::Text => dialect.key(&self.sql, &self.held),
        }
    }

    /// Its moment.
    pub fn moment(&self, dialect: Dialect) -> String {
        dialect.moment(&self.sql, &self.held)
    }

    /// Its amount.
    pub fn amount(&self, dialect: Dialect) -> String {
        dialect.decimal(&self.sql, &self.held)
    }
}

/// The columns of a table in FOCUS, by FOCUS names: however they are capitalised there, and `billed_cost` is
/// `BilledCost`. A column of our own that the table has is not taken over, nor one that cannot be read there.
pub fn focus_columns(table: &[TableColumn], dialect: Dialect) -> Vec<BillColumn> {
    let mut all: Vec<BillColumn> = Vec::with_capacity(table.len());
    for column in table {
        let known = columns::find(&column.name)
            .or_else(|| columns::find(&column.name.replace('_', "")))
            .filter(|known| !all.iter().any(|other| other.name == known.name));
        let (name, kind) = match known {
            Some(known) => (known.name.to_owned(), known.kind),
            None => (column.name.clone(), ColumnType::Text),
        };
        if name.eq_ignore_ascii_case(RULE_COLUMN) || !dialect.can_read(&column.held) {
            continue;
        }
        let sql = dialect.identifier(&column.name);
        all.push(BillColumn { name, kind, sql, held: column.held.clone() });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_focus_however_they_are_spelt() {
        let table: Vec<TableColumn> = ["BILLEDCOST", "billing_currency", "tags", "x_team", "x_InferenceRule"]
            .map(|name| TableColumn { name: name.to_owned(), held: Held::Text })
            .to_vec();
        let columns = focus_columns(&table, Dialect::Postgres);
        let told: Vec<(&str, ColumnType, &str)> =
            columns.iter().map(|column| (column.name.as_str(), column.kind, column.sql.as_str())).collect();
        assert_eq!(
            told,
            [
                ("BilledCost", ColumnType::Decimal, "\"BILLEDCOST\""),
                ("BillingCurrency", ColumnType::Text, "\"billing_currency\""),
                ("Tags", ColumnType::Json, "\"tags\""),
                ("x_team", ColumnType::Text, "\"x_team\""),
            ]
        );
    }
}
