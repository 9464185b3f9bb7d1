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

/// Texts that are a number with an exponent.
const WITH_EXPONENT: &str = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)[eE][+-]?[0-9]{1,3}$";
/// Texts that are a number, for an engine that has no cast that gives up quietly.
const NUMBER: &str = "^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?$";
/// Texts that begin with a day: engines read more as moments (`2026`, `12:30`, seconds since 1970) than a bill means.
const DAY: &str = "^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ].*)?$";
/// Moments that end with minutes.
const WITHOUT_SECONDS: &str = "^.{10}.[0-9]{2}:[0-9]{2}($|[^:0-9])";
/// Texts that are a moment of the calendar, leap years and all, for an engine whose cast ends the whole question.
const MOMENT: &str = "^(?!0000)([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)\
|02-(0[1-9]|1[0-9]|2[0-8]))|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)\
([Tt ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?( UTC|[Zz]|[+-](0[0-9]|1[0-4])(:?[0-5][0-9])?)?)?$";

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
            // A text is read as it is written here, whatever the server's settings say of backslashes.
            Self::Spark => &["SET TIME ZONE 'UTC'", "SET spark.sql.parser.escapedStringLiterals=false"],
            Self::Postgres => &[
                "SET TIME ZONE 'UTC'",
                "SET default_transaction_read_only = on",
                "SET standard_conforming_strings = on",
            ],
            Self::Snowflake => &["ALTER SESSION SET TIMEZONE = 'UTC'"],
            Self::DataFusion | Self::BigQuery => &[],
        }
    }

    /// Asks for the hours that noon in UTC is in January and in July, added up: 24 where the session is in UTC. `None`
    /// where sessions have no zone of their own.
    pub fn zone_sql(self) -> Option<String> {
        let hour = |month: u8| {
            let noon = format!("2026-{month:02}-15 12:00:00+00:00");
            Some(match self {
                Self::Spark => format!("EXTRACT(HOUR FROM TIMESTAMP '{noon}')"),
                Self::Postgres => format!("EXTRACT(HOUR FROM TIMESTAMPTZ '{noon}')"),
                Self::Snowflake => format!("EXTRACT(HOUR FROM CAST('{noon}' AS TIMESTAMP_LTZ))"),
                Self::DataFusion | Self::BigQuery => return None,
            })
        };
        Some(format!("SELECT {} + {} AS hours", hour(1)?, hour(7)?))
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
            (_, Held::Text) => self.decimal_of_text(&format!("TRIM({sql})")),
            _ => self.decimal_of_text(&self.as_text(sql)),
        }
    }

    fn decimal_of_text(self, text: &str) -> String {
        match self {
            // Sail and DataFusion do not read every exponent: what has one is written out first.
            Self::Spark | Self::DataFusion => {
                let has_exponent = self.matches(text, WITH_EXPONENT);
                let written = written_out(text);
                format!("TRY_CAST(CASE WHEN {has_exponent} THEN {written} ELSE {text} END AS DECIMAL(38,18))")
            }
            Self::BigQuery => format!("ROUND(SAFE_CAST({text} AS BIGNUMERIC), 18)"),
            Self::Snowflake => format!("TRY_CAST({text} AS NUMBER(38,18))"),
            Self::Postgres => {
                let number = self.matches(text, NUMBER);
                // What is too large is unreadable, as it is in a file, and does not end the question.
                format!(
                    "CASE WHEN {number} THEN CASE WHEN ABS(CAST({text} AS NUMERIC)) < 1e20 THEN CAST({text} AS \
                     NUMERIC(38,18)) END END"
                )
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
            (Self::BigQuery, Held::Moment { .. } | Held::Date) => format!("TIMESTAMP({sql})"),
            (Self::Snowflake, Held::Moment { zoned: true }) => {
                format!("CAST(CONVERT_TIMEZONE('UTC', {sql}) AS TIMESTAMP_NTZ)")
            }
            (Self::Snowflake, Held::Moment { .. } | Held::Date) => format!("CAST({sql} AS TIMESTAMP_NTZ)"),
            (Self::Postgres, Held::Moment { .. } | Held::Date) => format!("({sql} AT TIME ZONE 'UTC')"),
            (_, Held::Text) => self.moment_of_text(sql),
            _ => self.moment_of_text(&self.as_text(sql)),
        }
    }

    fn moment_of_text(self, sql: &str) -> String {
        let text = format!("TRIM({sql})");
        let is_one = self.matches(&text, if self == Self::Postgres { MOMENT } else { DAY });
        // Google writes `2026-05-01 00:00:00 UTC`.
        let moment = match self {
            Self::Spark => format!("TRY_CAST(REPLACE({text}, ' UTC', 'Z') AS TIMESTAMP)"),
            Self::DataFusion => {
                // It wants seconds.
                let short = self.matches(&text, WITHOUT_SECONDS);
                let whole = format!("CONCAT(SUBSTR({text}, 1, 16), ':00', SUBSTR({text}, 17))");
                format!(
                    "TRY_CAST(REPLACE(CASE WHEN {short} THEN {whole} ELSE {text} END, ' UTC', 'Z') AS TIMESTAMP)"
                )
            }
            Self::BigQuery => format!("SAFE_CAST({text} AS TIMESTAMP)"),
            Self::Snowflake => {
                let zoned = format!("TRY_TO_TIMESTAMP_TZ(REPLACE({text}, ' UTC', 'Z'))");
                format!("CAST(CONVERT_TIMEZONE('UTC', {zoned}) AS TIMESTAMP_NTZ)")
            }
            Self::Postgres => format!("CAST({text} AS TIMESTAMPTZ)"),
        };
        format!("CASE WHEN {is_one} THEN {moment} END")
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

    /// The first moment of the day.
    pub fn midnight(self, moment: &str) -> String {
        self.first_of("DAY", moment)
    }

    /// The first moment of the calendar month.
    pub fn month(self, moment: &str) -> String {
        self.first_of("MONTH", moment)
    }

    fn first_of(self, unit: &str, moment: &str) -> String {
        match self {
            Self::BigQuery => format!("TIMESTAMP_TRUNC({moment}, {unit})"),
            _ => format!("DATE_TRUNC('{unit}', {moment})"),
        }
    }

    /// A condition: a text has this one, in small letters, in it.
    pub fn contains(self, sql: &str, low: &str) -> String {
        let wanted = self.text(low);
        match self {
            Self::BigQuery => format!("STRPOS(LOWER({sql}), {wanted}) > 0"),
            Self::Postgres => format!("POSITION({wanted} IN {}) > 0", self.small_letters(sql, low)),
            _ => format!("POSITION({wanted} IN LOWER({sql})) > 0"),
        }
    }

    /// A condition: a text has this one in it, letter by letter.
    pub fn has(self, sql: &str, wanted: &str) -> String {
        let wanted = self.text(wanted);
        match self {
            Self::BigQuery => format!("STRPOS({sql}, {wanted}) > 0"),
            _ => format!("POSITION({wanted} IN {sql}) > 0"),
        }
    }

    /// A text in small letters, as far as it takes to find `low` in it: a database of the locale `C` knows those of
    /// English only.
    fn small_letters(self, sql: &str, low: &str) -> String {
        let (mut large, mut small) = (String::new(), String::new());
        for letter in low.chars().filter(|letter| !letter.is_ascii()) {
            let mut upper = letter.to_uppercase();
            if let (Some(upper), None) = (upper.next(), upper.next())
                && upper != letter
                && !small.contains(letter)
            {
                large.push(upper);
                small.push(letter);
            }
        }
        if large.is_empty() {
            return format!("LOWER({sql})");
        }
        format!("TRANSLATE(LOWER({sql}), {}, {})", self.text(&large), self.text(&small))
    }

    /// An amount, written with all its digits and without an exponent.
    pub fn amount_literal(self, amount: &str) -> String {
        let kind = match self {
            Self::Spark | Self::DataFusion => "DECIMAL(38,18)",
            Self::BigQuery => "BIGNUMERIC",
            Self::Snowflake => "NUMBER(38,18)",
            Self::Postgres => "NUMERIC(38,18)",
        };
        format!("CAST({} AS {kind})", self.text(amount))
    }

    /// A short text that tells several texts, of which none is NULL, from any others.
    pub fn mark(self, texts: &[String]) -> String {
        // What parts them stands in no cell of a bill.
        let parting = format!(", {}, ", self.text("\u{1f}"));
        let joined = match texts {
            [one] => one.clone(),
            several => format!("CONCAT({})", several.join(&parting)),
        };
        if self == Self::BigQuery { format!("TO_HEX(MD5({joined}))") } else { format!("MD5({joined})") }
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
        // What would end the path, or mean something in it, is looked up here instead.
        let plain = !key.contains(['\'', '"', '\\', '[', ']', '?', '*']);
        let value = match (self, held) {
            (Self::Spark, Held::Map) => format!("TRY_ELEMENT_AT({sql}, {})", self.text(key)),
            (Self::Spark, Held::Text) if plain => {
                format!("GET_JSON_OBJECT({sql}, {})", self.text(&format!("$['{key}']")))
            }
            (Self::BigQuery, Held::Json | Held::Text) if plain => {
                let path = self.text(&format!("$.\"{key}\""));
                let nested = format!("JSON_QUERY({sql}, {path})");
                // Of a text it is one already; a null of JSON is no value.
                let nested = if *held == Held::Json {
                    format!("NULLIF(TO_JSON_STRING({nested}), 'null')")
                } else {
                    nested
                };
                format!("COALESCE(JSON_VALUE({sql}, {path}), {nested})")
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
            // A list of keys and values, which a view of Google's labels has.
            (Self::BigQuery, Held::Other(kind)) if is_list_of_pairs(kind) => Some(format!(
                "(SELECT CONCAT('{{', STRING_AGG(CONCAT(TO_JSON_STRING(pair.key), ':', TO_JSON_STRING(pair.value)), ','), \
                 '}}') FROM UNNEST({sql}) AS pair)"
            )),
            (Self::BigQuery, Held::Json | Held::Other(_)) => Some(format!("TO_JSON_STRING({sql})")),
            (Self::Spark, Held::Other(kind)) if is_nested(kind) => Some(format!("TO_JSON({sql})")),
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

/// A number with an exponent, of nineteen places at most: the last of them is what the eighteenth is rounded by.
fn written_out(text: &str) -> String {
    let low = format!("LOWER({text})");
    let bare = format!("REPLACE(REPLACE(SPLIT_PART({low}, 'e', 1), '-', ''), '+', '')");
    let (whole, rest) = (format!("SPLIT_PART({bare}, '.', 1)"), format!("SPLIT_PART({bare}, '.', 2)"));
    let power = format!("CAST(REPLACE(REPLACE(SPLIT_PART({low}, 'e', 2), '+', ''), '-', '') AS INT)");
    let zeros = format!("REPEAT('0', {power})");
    // To the left: as many zeros before it, and the point that far into them.
    let left = format!("CONCAT({zeros}, {whole})");
    let small = format!(
        "CONCAT('0', SUBSTR({left}, 1, LENGTH({whole})), '.', SUBSTR(CONCAT(SUBSTR({left}, LENGTH({whole}) + 1), {rest}), \
         1, 19))"
    );
    let right = format!("CONCAT({rest}, {zeros})");
    let large = format!(
        "CONCAT('0', {whole}, SUBSTR({right}, 1, {power}), '.', SUBSTR(SUBSTR({right}, {power} + 1), 1, 19))"
    );
    let sign = format!("CASE WHEN {text} LIKE '-%' THEN '-' ELSE '' END");
    format!("CONCAT({sign}, CASE WHEN {low} LIKE '%e-%' THEN {small} ELSE {large} END)")
}

/// Whether an Arrow type has values within it.
fn is_nested(kind: &str) -> bool {
    ["Struct", "List", "LargeList", "Map"].iter().any(|start| kind.starts_with(start))
}

/// Whether an Arrow type is a list of structs with the fields `key` and `value`.
pub(super) fn is_list_of_pairs(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    kind.starts_with("list") && kind.contains("\"key\"") && kind.contains("\"value\"")
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
            (
                Dialect::BigQuery,
                "ROUND(CAST(c AS BIGNUMERIC), 18)",
                "ROUND(SAFE_CAST(TRIM(c) AS BIGNUMERIC), 18)",
            ),
            (Dialect::Snowflake, "CAST(c AS DECIMAL(38,18))", "TRY_CAST(TRIM(c) AS NUMBER(38,18))"),
            (Dialect::Postgres, "CAST(c AS NUMERIC(38,18))", "THEN CAST(TRIM(c) AS NUMERIC(38,18)) END END"),
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
        // Quotes end the path of a key, `*` means every key, Spark 3.5 knows no `?` in one.
        for key in ["it's", "*", "why?", "a[0]"] {
            assert_eq!(Dialect::Spark.tag("Tags", &Held::Text, key), None, "{key}");
        }
        // A text's nested value is JSON already; a null is no value.
        let big = |held: &Held| Dialect::BigQuery.tag("Tags", held, "a").unwrap();
        assert!(!big(&Held::Text).contains("TO_JSON_STRING"), "{}", big(&Held::Text));
        assert!(big(&Held::Json).contains("NULLIF(TO_JSON_STRING("), "{}", big(&Held::Json));
    }

    #[test]
    fn large_letters_are_found_in_a_database_that_knows_those_of_english_only() {
        let found = |dialect: Dialect, low: &str| dialect.contains("c", low);
        assert_eq!(found(Dialect::Postgres, "abc"), "POSITION('abc' IN LOWER(c)) > 0");
        assert_eq!(
            found(Dialect::Postgres, "söü'ö"),
            "POSITION('söü''ö' IN TRANSLATE(LOWER(c), 'ÖÜ', 'öü')) > 0"
        );
        assert_eq!(found(Dialect::Spark, "sö"), "POSITION('sö' IN LOWER(c)) > 0");
        assert_eq!(found(Dialect::BigQuery, "sö"), "STRPOS(LOWER(c), 'sö') > 0");
    }

    #[test]
    fn what_an_engine_takes_for_a_moment_and_a_bill_does_not_is_none() {
        let moment = regex::Regex::new(&MOMENT.replace("(?!0000)", "")).unwrap();
        for text in [
            "2026-05-01",
            "2024-02-29",
            "2000-02-29T23:59:59Z",
            "2026-05-01 10:00:00 UTC",
            "2026-05-01T10:00:00.25+02:00",
            "2026-05-01t10:00z",
            "2026-12-31 10:00-0530",
        ] {
            assert!(moment.is_match(text) && moment::read(text).is_some(), "{text}");
        }
        for text in [
            "2026",
            "2026-05",
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-05-01T25:00",
            "12:30",
            "1778320800",
        ] {
            assert!(!moment.is_match(text) && moment::read(text).is_none(), "{text}");
        }
        for dialect in Dialect::ALL {
            let sql = dialect.moment("c", &Held::Text);
            assert!(sql.starts_with("CASE WHEN ") && sql.ends_with(" END"), "{sql}");
        }
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
