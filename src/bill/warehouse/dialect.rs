//! How each warehouse writes the same SQL: names, texts, exact decimals, moments in UTC, keys of tags, samples of values.
//!
//! Pure: texts in, texts out. Money is cast to `DECIMAL(38,18)`, the digits the local store keeps, before it is added
//! up; a binary float is read by its shortest text first, as the local reader does, because a cast of the float itself
//! would keep its error (Spark 4.2 and Sail 0.7 give two different sums of one column of doubles).

use serde::{Deserialize, Serialize};

use super::column::Held;
use crate::bill::moment;

/// Whose SQL a warehouse speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// Apache Spark 3.5 and newer, Databricks, `LakeSail`; over Spark Connect or Flight SQL.
    #[default]
    Spark,
    /// `DataFusion` and what is built on it, over Flight SQL.
    DataFusion,
    /// Google `BigQuery` (`GoogleSQL`).
    BigQuery,
    /// Snowflake.
    Snowflake,
    /// `PostgreSQL` and what speaks like it.
    Postgres,
}

/// Texts that are a number with a negative exponent and one digit before the point, as floats are written.
const SMALL: &str = "^-?[0-9]([.][0-9]+)?[eE]-[0-9]+$";
/// Texts that are a number, for an engine that has no cast that gives up quietly.
const NUMBER: &str = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,2})?$";
/// Texts that begin with a day, for the same.
const DAY: &str = "^[0-9]{4}-(0[1-9]|1[0-2])-([0-2][0-9]|3[01])([T ][0-9:.]+)?(Z|[+-][0-9:]+)?$";

impl Dialect {
    /// Every dialect.
    pub const ALL: [Self; 5] =
        [Self::Spark, Self::DataFusion, Self::BigQuery, Self::Snowflake, Self::Postgres];

    /// Its name, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Spark => "Spark",
            Self::DataFusion => "DataFusion",
            Self::BigQuery => "BigQuery",
            Self::Snowflake => "Snowflake",
            Self::Postgres => "PostgreSQL",
        }
    }

    /// Its name as options spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Spark => "spark",
            Self::DataFusion => "datafusion",
            Self::BigQuery => "bigquery",
            Self::Snowflake => "snowflake",
            Self::Postgres => "postgres",
        }
    }

    /// The dialect of this name; `postgresql` too.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let name = if name == "postgresql" { "postgres" } else { name.as_str() };
        Self::ALL.into_iter().find(|dialect| dialect.name() == name)
    }

    /// A name, quoted.
    pub fn identifier(self, name: &str) -> String {
        match self {
            Self::Spark => format!("`{}`", name.replace('`', "``")),
            Self::BigQuery => format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`")),
            Self::DataFusion | Self::Snowflake | Self::Postgres => {
                format!("\"{}\"", name.replace('"', "\"\""))
            }
        }
    }

    /// A text, quoted.
    pub fn text(self, text: &str) -> String {
        match self {
            Self::Spark | Self::BigQuery => {
                let escaped = text.replace('\\', "\\\\").replace('\'', "\\'");
                format!("'{}'", escaped.replace('\n', "\\n").replace('\r', "\\r"))
            }
            Self::Snowflake => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''")),
            Self::DataFusion | Self::Postgres => format!("'{}'", text.replace('\'', "''")),
        }
    }

    /// The table of these name parts.
    pub fn table(self, parts: &[String]) -> String {
        parts.iter().map(|part| self.identifier(part)).collect::<Vec<_>>().join(".")
    }

    /// Statements that begin a session: moments in UTC, and nothing may be written. Those an engine does not know are
    /// no loss: what they set is then its way already.
    pub fn prelude(self) -> &'static [&'static str] {
        match self {
            Self::Spark => &["SET spark.sql.session.timeZone=UTC"],
            Self::Postgres => &["SET TIME ZONE 'UTC'", "SET default_transaction_read_only = on"],
            Self::Snowflake => &["ALTER SESSION SET TIMEZONE = 'UTC'"],
            Self::DataFusion | Self::BigQuery => &[],
        }
    }

    /// The type of text.
    fn text_type(self) -> &'static str {
        match self {
            Self::Spark | Self::BigQuery => "STRING",
            Self::DataFusion | Self::Snowflake => "VARCHAR",
            Self::Postgres => "TEXT",
        }
    }

    /// A value as text.
    pub fn as_text(self, sql: &str) -> String {
        format!("CAST({sql} AS {})", self.text_type())
    }

    /// A condition: the text is like this regular expression.
    fn matches(self, sql: &str, pattern: &str) -> String {
        let pattern = self.text(pattern);
        match self {
            Self::Spark => format!("{sql} RLIKE {pattern}"),
            Self::DataFusion | Self::Postgres => format!("{sql} ~ {pattern}"),
            Self::BigQuery => format!("REGEXP_CONTAINS({sql}, {pattern})"),
            Self::Snowflake => format!("REGEXP_LIKE({sql}, {pattern})"),
        }
    }

    /// An amount with eighteen places; NULL where a text is no number.
    pub fn decimal(self, sql: &str, held: &Held) -> String {
        match (self, held) {
            (Self::BigQuery, Held::Decimal | Held::Integer) => {
                format!("ROUND(CAST({sql} AS BIGNUMERIC), 18)")
            }
            (Self::Postgres, Held::Decimal | Held::Integer) => format!("CAST({sql} AS NUMERIC(38,18))"),
            (_, Held::Decimal | Held::Integer) => format!("CAST({sql} AS DECIMAL(38,18))"),
            (_, Held::Text) => self.decimal_of_text(sql),
            _ => self.decimal_of_text(&self.as_text(sql)),
        }
    }

    fn decimal_of_text(self, sql: &str) -> String {
        match self {
            // Sail and DataFusion do not read exponents: `1.5e-7` is written out first.
            Self::Spark | Self::DataFusion => {
                let small = self.matches(sql, SMALL);
                let (digits, zeros) = (
                    format!("REPLACE(REPLACE(SPLIT_PART(LOWER({sql}), 'e-', 1), '.', ''), '-', '')"),
                    format!("REPEAT('0', CAST(SPLIT_PART(LOWER({sql}), 'e-', 2) AS INT) - 1)"),
                );
                let sign = format!("CASE WHEN {sql} LIKE '-%' THEN '-0.' ELSE '0.' END");
                format!(
                    "TRY_CAST(CASE WHEN {small} THEN CONCAT({sign}, {zeros}, {digits}) ELSE {sql} END AS DECIMAL(38,18))"
                )
            }
            Self::BigQuery => format!("ROUND(SAFE_CAST({sql} AS BIGNUMERIC), 18)"),
            Self::Snowflake => format!("TRY_CAST({sql} AS NUMBER(38,18))"),
            Self::Postgres => {
                let number = self.matches(&format!("TRIM({sql})"), NUMBER);
                format!("CASE WHEN {number} THEN CAST(TRIM({sql}) AS NUMERIC(38,18)) END")
            }
        }
    }

    /// A text by which rows are grouped: NULL where there is no value, which empty cells and `NULL` are in a bill.
    pub fn key(self, sql: &str, held: &Held) -> String {
        let nested = matches!(held, Held::Map | Held::Json | Held::Other(_));
        let text = match held {
            Held::Text => sql.to_owned(),
            _ if self == Self::BigQuery && nested => format!("TO_JSON_STRING({sql})"),
            _ => self.as_text(sql),
        };
        match held {
            Held::Text => format!("CASE WHEN {} THEN NULL ELSE {text} END", Self::is_blank(&text)),
            _ => text,
        }
    }

    /// Whether a column that is held so can be made a text there; one that cannot is left out.
    pub fn can_read(self, held: &Held) -> bool {
        self != Self::DataFusion || !matches!(held, Held::Map | Held::Other(_))
    }

    /// A condition: the text is no value.
    pub fn is_blank(text: &str) -> String {
        format!("{text} IS NULL OR TRIM({text}) = '' OR {text} = 'NULL'")
    }

    /// A column as a moment in UTC; NULL where a text is none.
    pub fn moment(self, sql: &str, held: &Held) -> String {
        match (self, held) {
            (Self::Spark | Self::Postgres | Self::BigQuery, Held::Moment { zoned: true }) => sql.to_owned(),
            (Self::Spark | Self::DataFusion, Held::Moment { .. } | Held::Date) => {
                format!("CAST({sql} AS TIMESTAMP)")
            }
            (Self::Spark | Self::DataFusion, _) => format!("TRY_CAST({sql} AS TIMESTAMP)"),
            (Self::BigQuery, Held::Moment { .. } | Held::Date) => format!("TIMESTAMP({sql})"),
            (Self::BigQuery, _) => format!("SAFE_CAST({sql} AS TIMESTAMP)"),
            (Self::Snowflake, Held::Moment { zoned: true }) => {
                format!("CAST(CONVERT_TIMEZONE('UTC', {sql}) AS TIMESTAMP_NTZ)")
            }
            (Self::Snowflake, Held::Moment { .. } | Held::Date) => format!("CAST({sql} AS TIMESTAMP_NTZ)"),
            (Self::Snowflake, _) => {
                format!("CAST(CONVERT_TIMEZONE('UTC', TRY_TO_TIMESTAMP_TZ({sql})) AS TIMESTAMP_NTZ)")
            }
            (Self::Postgres, Held::Moment { .. } | Held::Date) => format!("({sql} AT TIME ZONE 'UTC')"),
            (Self::Postgres, _) => {
                format!("CASE WHEN {} THEN CAST({sql} AS TIMESTAMPTZ) END", self.matches(sql, DAY))
            }
        }
    }

    /// The day a moment falls on, in UTC.
    pub fn day(self, moment: &str) -> String {
        match self {
            Self::Spark | Self::DataFusion | Self::Snowflake => format!("CAST({moment} AS DATE)"),
            Self::BigQuery => format!("DATE({moment})"),
            Self::Postgres => format!("CAST(({moment}) AT TIME ZONE 'UTC' AS DATE)"),
        }
    }

    /// The hour a moment falls in, in UTC.
    pub fn hour(self, moment: &str) -> String {
        match self {
            Self::BigQuery => format!("TIMESTAMP_TRUNC({moment}, HOUR)"),
            _ => format!("DATE_TRUNC('HOUR', {moment})"),
        }
    }

    /// A condition: a text has this one, in small letters, in it.
    pub fn contains(self, sql: &str, low: &str) -> String {
        let low = self.text(low);
        match self {
            Self::BigQuery => format!("STRPOS(LOWER({sql}), {low}) > 0"),
            _ => format!("POSITION({low} IN LOWER({sql})) > 0"),
        }
    }

    /// An amount.
    pub fn amount_literal(self, amount: &str) -> String {
        self.decimal(&self.text(amount), &Held::Text)
    }

    /// A moment, in microseconds since 1970-01-01 UTC.
    pub fn moment_literal(self, micros: i64) -> String {
        let shown = moment::show(micros).replace('T', " ");
        let naive = shown.trim_end_matches('Z');
        match self {
            Self::Spark | Self::DataFusion => format!("TIMESTAMP '{naive}'"),
            Self::BigQuery => format!("TIMESTAMP '{naive}+00'"),
            Self::Snowflake => format!("CAST('{naive}' AS TIMESTAMP_NTZ)"),
            Self::Postgres => format!("TIMESTAMPTZ '{naive}+00'"),
        }
    }

    /// The value of a key of a column of tags; `None` where this engine cannot look into it, so that the whole text must
    /// come back.
    pub fn tag(self, sql: &str, held: &Held, key: &str) -> Option<String> {
        // What would end the path is looked up here instead.
        let plain = !key.contains(['\'', '"', '\\', '[', ']']);
        let value = match (self, held) {
            (Self::Spark, Held::Map) => format!("TRY_ELEMENT_AT({sql}, {})", self.text(key)),
            (Self::Spark, Held::Text) if plain => {
                format!("GET_JSON_OBJECT({sql}, {})", self.text(&format!("$['{key}']")))
            }
            (Self::BigQuery, Held::Json | Held::Text) if plain => {
                let path = self.text(&format!("$.\"{key}\""));
                format!("COALESCE(JSON_VALUE({sql}, {path}), TO_JSON_STRING(JSON_QUERY({sql}, {path})))")
            }
            (Self::Snowflake, Held::Json | Held::Map) => {
                format!("CAST(GET({sql}, {}) AS VARCHAR)", self.text(key))
            }
            (Self::Snowflake, Held::Text) => {
                format!("CAST(GET(TRY_PARSE_JSON({sql}), {}) AS VARCHAR)", self.text(key))
            }
            (Self::Postgres, Held::Json) => format!("({sql} ->> {})", self.text(key)),
            _ => return None,
        };
        Some(format!("NULLIF({value}, '')"))
    }

    /// A column of tags as the text of a JSON object; `None` where it cannot be made one.
    pub fn tags_text(self, sql: &str, held: &Held) -> Option<String> {
        match (self, held) {
            (_, Held::Text) => Some(self.key(sql, held)),
            (Self::BigQuery, Held::Json) => Some(format!("TO_JSON_STRING({sql})")),
            (Self::Spark, Held::Map) | (Self::Snowflake, Held::Json | Held::Map) => {
                Some(format!("TO_JSON({sql})"))
            }
            (Self::Postgres, Held::Json) => Some(self.as_text(sql)),
            _ => None,
        }
    }

    /// How many distinct values, about.
    pub fn about_distinct(self, sql: &str) -> String {
        match self {
            Self::Spark | Self::BigQuery | Self::Snowflake => format!("APPROX_COUNT_DISTINCT({sql})"),
            Self::DataFusion => format!("APPROX_DISTINCT({sql})"),
            Self::Postgres => format!("COUNT(DISTINCT {sql})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_cannot_break_out_of_their_quotes() {
        let (name, text) = ("a`b\"c", "o'x\\y");
        let quoted = |dialect: Dialect| (dialect.identifier(name), dialect.text(text));
        assert_eq!(quoted(Dialect::Spark), ("`a``b\"c`".into(), r"'o\'x\\y'".into()));
        assert_eq!(quoted(Dialect::BigQuery), ("`a\\`b\"c`".into(), r"'o\'x\\y'".into()));
        assert_eq!(quoted(Dialect::Snowflake), ("\"a`b\"\"c\"".into(), r"'o''x\\y'".into()));
        assert_eq!(quoted(Dialect::Postgres), ("\"a`b\"\"c\"".into(), r"'o''x\y'".into()));
        assert_eq!(quoted(Dialect::DataFusion), ("\"a`b\"\"c\"".into(), r"'o''x\y'".into()));
        let parts = ["cat".to_owned(), "my.table".to_owned()];
        assert_eq!(Dialect::Spark.table(&parts), "`cat`.`my.table`");
        assert_eq!(Dialect::Postgres.table(&parts), "\"cat\".\"my.table\"");
    }

    #[test]
    fn money_is_an_exact_decimal_in_every_dialect() {
        for (dialect, amount, text) in [
            (Dialect::Spark, "CAST(c AS DECIMAL(38,18))", "AS DECIMAL(38,18))"),
            (Dialect::DataFusion, "CAST(c AS DECIMAL(38,18))", "AS DECIMAL(38,18))"),
            (Dialect::BigQuery, "ROUND(CAST(c AS BIGNUMERIC), 18)", "ROUND(SAFE_CAST(c AS BIGNUMERIC), 18)"),
            (Dialect::Snowflake, "CAST(c AS DECIMAL(38,18))", "TRY_CAST(c AS NUMBER(38,18))"),
            (Dialect::Postgres, "CAST(c AS NUMERIC(38,18))", "THEN CAST(TRIM(c) AS NUMERIC(38,18)) END"),
        ] {
            assert_eq!(dialect.decimal("c", &Held::Decimal), amount);
            assert!(dialect.decimal("c", &Held::Text).ends_with(text), "{dialect:?}");
            // A float is never cast to a decimal as it is.
            let float = dialect.decimal("c", &Held::Float);
            assert!(float.contains(&dialect.as_text("c")), "{float}");
        }
    }

    #[test]
    fn moments_are_in_utc() {
        let micros = 1_777_593_600_500_000;
        for (dialect, literal, naive, day) in [
            (
                Dialect::Spark,
                "TIMESTAMP '2026-05-01 00:00:00.500000'",
                "CAST(t AS TIMESTAMP)",
                "CAST(t AS DATE)",
            ),
            (Dialect::BigQuery, "TIMESTAMP '2026-05-01 00:00:00.500000+00'", "TIMESTAMP(t)", "DATE(t)"),
            (
                Dialect::Snowflake,
                "CAST('2026-05-01 00:00:00.500000' AS TIMESTAMP_NTZ)",
                "CAST(t AS TIMESTAMP_NTZ)",
                "CAST(t AS DATE)",
            ),
            (
                Dialect::Postgres,
                "TIMESTAMPTZ '2026-05-01 00:00:00.500000+00'",
                "(t AT TIME ZONE 'UTC')",
                "CAST((t) AT TIME ZONE 'UTC' AS DATE)",
            ),
        ] {
            assert_eq!(dialect.moment_literal(micros), literal);
            assert_eq!(dialect.moment("t", &Held::Moment { zoned: false }), naive);
            assert_eq!(dialect.day("t"), day);
        }
    }

    #[test]
    fn a_tag_is_looked_up_where_the_engine_can_and_fetched_whole_where_not() {
        let tag = |dialect: Dialect, held: &Held| dialect.tag("Tags", held, "user:team");
        assert_eq!(
            tag(Dialect::Spark, &Held::Map).as_deref(),
            Some("NULLIF(TRY_ELEMENT_AT(Tags, 'user:team'), '')")
        );
        assert_eq!(
            tag(Dialect::Spark, &Held::Text).as_deref(),
            Some(r"NULLIF(GET_JSON_OBJECT(Tags, '$[\'user:team\']'), '')")
        );
        assert_eq!(
            tag(Dialect::Postgres, &Held::Json).as_deref(),
            Some("NULLIF((Tags ->> 'user:team'), '')")
        );
        assert_eq!(
            tag(Dialect::Snowflake, &Held::Text).as_deref(),
            Some("NULLIF(CAST(GET(TRY_PARSE_JSON(Tags), 'user:team') AS VARCHAR), '')")
        );
        assert_eq!(tag(Dialect::DataFusion, &Held::Text), None);
        // A text that is no JSON would end the whole query there.
        assert_eq!(tag(Dialect::Postgres, &Held::Text), None);
        assert_eq!(Dialect::Spark.tag("Tags", &Held::Text, "it's"), None);
    }

    #[test]
    fn dialects_are_found_by_name() {
        for dialect in Dialect::ALL {
            assert_eq!(Dialect::named(dialect.name()), Some(dialect));
        }
        assert_eq!(Dialect::named(" PostgreSQL "), Some(Dialect::Postgres));
        assert_eq!(Dialect::named("oracle"), None);
    }
}
