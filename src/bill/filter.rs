//! Filters: what they keep, as text, and as a condition on the rows of a stored bill.

use std::fmt;

use polars::prelude::*;
use serde::{Deserialize, Serialize};

use super::columns::{self, ColumnType};
use super::error::BillError;
use super::exact::{Exact, PRECISION, SCALE};
use super::moment;
use super::profile::json_key;
use super::query::{ColumnRef, Part, Query};

/// The column of a filter that looks at every column of words at once.
pub const ANY_COLUMN: &str = "*";
/// The value of rows whose bill has no such column at all, which is told apart from an empty cell.
pub const NO_COLUMN: &str = "(no such column)";

/// How a filter compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// The value is one of those listed. An empty one means "no value", [`NO_COLUMN`] "no such column".
    #[default]
    Is,
    /// The value contains one of the texts listed, without regard to case.
    Contains,
    /// The amount or date lies between the two values, both included; an empty one is open. The end of a day or
    /// month is its last moment.
    Within,
}

/// Keeps the rows whose `column` compares with `values`; or those for which it does not, where `not`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Filter {
    /// A FOCUS column, an `x_` column, `Tags.KEY`, or [`ANY_COLUMN`].
    pub column: String,
    /// What it is compared with.
    pub values: Vec<String>,
    /// How.
    #[serde(default, skip_serializing_if = "is_default")]
    pub how: How,
    /// Keeps the other rows instead. Rows without a value are among them, unless "no value" is listed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub not: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Filter {
    /// Rows whose column has one of these values.
    pub fn is<S: Into<String>>(column: impl Into<String>, values: impl IntoIterator<Item = S>) -> Self {
        Self {
            column: column.into(),
            values: values.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Rows in which any column of words contains the text.
    pub fn search(text: impl Into<String>) -> Self {
        Self { how: How::Contains, ..Self::is(ANY_COLUMN, [text]) }
    }

    /// Rows whose column lies between two amounts or dates, both included; an empty one is open.
    pub fn within(column: impl Into<String>, from: impl Into<String>, to: impl Into<String>) -> Self {
        Self { how: How::Within, ..Self::is(column, [from.into(), to.into()]) }
    }

    /// The rows this one leaves out.
    #[must_use]
    pub fn negated(mut self) -> Self {
        self.not = !self.not;
        self
    }

    /// Reads `Column=Value`, `Column~text` (contains) or `Column=FROM..TO` (amounts or dates, either end open); a `-`
    /// before it, or `!=`, keeps the other rows. An empty value means "rows without a value"; the column `*` is
    /// every column of words. The column ends at the first `=` or `~`.
    ///
    /// # Errors
    /// Neither sign, or nothing before it.
    pub fn parse(text: &str) -> Result<Self, BillError> {
        let wrong = || BillError::Filter { text: text.to_owned() };
        let (not, rest) = match text.trim().strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.trim()),
        };
        let at = rest.find(['=', '~']).ok_or_else(wrong)?;
        let (column, value) = (&rest[..at], rest[at + 1..].trim());
        let contains = rest[at..].starts_with('~');
        let (column, not) = match column.strip_suffix('!') {
            Some(column) => (column, !not),
            None => (column, not),
        };
        let column = column.trim();
        if column.is_empty() {
            return Err(wrong());
        }
        let filter = match value.split_once("..") {
            Some((from, to)) if !contains && is_end(from) && is_end(to) => Self::within(column, from, to),
            _ => {
                let how = if contains || column == ANY_COLUMN { How::Contains } else { How::Is };
                Self { how, ..Self::is(column, [value]) }
            }
        };
        Ok(Self { not, ..filter })
    }

    /// Reads several filters between commas, each with one value or several between bars:
    /// `ServiceName=A|B,-RegionId=eu-west-1`. A comma parts filters only where the next one begins behind it.
    ///
    /// # Errors
    /// A part that is no filter.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, BillError> {
        let mut parts: Vec<String> = Vec::new();
        for piece in text.split(',') {
            let begins = piece.find(['=', '~']).is_some_and(|at| {
                let column = piece[..at].trim().trim_start_matches('-').trim_end_matches('!');
                !column.is_empty() && column.chars().all(|c| c.is_alphanumeric() || "_.:/*-".contains(c))
            });
            match parts.last_mut() {
                Some(last) if !begins => {
                    last.push(',');
                    last.push_str(piece);
                }
                _ => parts.push(piece.to_owned()),
            }
        }
        parts
            .iter()
            .map(|part| {
                let mut filter = Self::parse(part)?;
                if filter.how != How::Within {
                    let values = filter.values.iter().flat_map(|value| value.split('|'));
                    filter.values = values.map(|value| value.trim().to_owned()).collect();
                }
                Ok(filter)
            })
            .collect()
    }

    /// The comparison and the values in words: `is not a or b`.
    pub fn words(&self) -> String {
        let values: Vec<&str> = self
            .values
            .iter()
            .map(|value| if value.is_empty() && self.how == How::Is { "(no value)" } else { value })
            .collect();
        let not = if self.not { " not" } else { "" };
        match (self.how, values.as_slice()) {
            (How::Is, _) => format!("is{not} {}", values.join(" or ")),
            (How::Contains, _) if self.not => format!("does not contain {}", values.join(" or ")),
            (How::Contains, _) => format!("contains {}", values.join(" or ")),
            (How::Within, [from, ""]) => format!("is{not} from {from} on"),
            (How::Within, ["", to]) => format!("is{not} up to {to}"),
            (How::Within, _) => format!("is{not} {}", values.join(" to ")),
        }
    }

    /// The column in words.
    pub fn column_words(&self) -> &str {
        if self.column == ANY_COLUMN { "Any text" } else { &self.column }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.column_words(), self.words())
    }
}

/// Whether a text can be an end of a range: open, an amount or a date.
fn is_end(text: &str) -> bool {
    let text = text.trim();
    text.is_empty() || Exact::read(text).is_ok() || moment::read_span(text).is_some()
}

/// A filter whose column is known.
#[derive(Debug, Clone)]
pub(super) struct Resolved {
    /// `None` = every column of words.
    column: Option<ColumnRef>,
    filter: Filter,
}

impl Resolved {
    /// `column` is asked for what the filter names, unless that is every column.
    pub(super) fn of(
        filter: &Filter,
        column: impl FnOnce(&str) -> Result<ColumnRef, BillError>,
    ) -> Result<Self, BillError> {
        let column = if filter.column.trim() == ANY_COLUMN { None } else { Some(column(&filter.column)?) };
        Ok(Self { column, filter: filter.clone() })
    }

    /// What it looks at and how; `None` = every column of words.
    pub(super) fn parts(&self) -> (Option<&ColumnRef>, &Filter) {
        (self.column.as_ref(), &self.filter)
    }

    /// The stored column it looks at; `None` = every column of words.
    pub(super) fn column_name(&self) -> Option<&str> {
        self.column.as_ref().map(ColumnRef::name)
    }
}

/// The columns that filters look at one by one.
pub(super) fn named(filters: &[Resolved]) -> impl Iterator<Item = &str> {
    filters.iter().filter_map(|resolved| resolved.column.as_ref()).map(ColumnRef::name)
}

/// The condition on the rows of one part that all filters hold; `None` when there are no filters.
pub(super) fn condition(part: &Part, filters: &[Resolved]) -> Result<Option<Expr>, BillError> {
    let mut all: Option<Expr> = None;
    for resolved in filters {
        let mut one = match &resolved.column {
            Some(column) => one_condition(part, column, &resolved.filter)?,
            None => any_condition(part, &resolved.filter)?,
        };
        if resolved.filter.not {
            one = one.not();
        }
        all = Some(match all {
            Some(all) => all.and(one),
            None => one,
        });
    }
    Ok(all)
}

/// True or false for every row, never null.
fn one_condition(part: &Part, column: &ColumnRef, filter: &Filter) -> Result<Expr, BillError> {
    let Filter { values, how, .. } = filter;
    let lists = |value: &str| *how == How::Is && values.iter().any(|listed| listed == value);
    let accepts_none = lists("");
    let refused =
        |name: &str, why: String| Err(BillError::ColumnUse { doing: "filter", column: name.to_owned(), why });
    if !part.has(column.name()) {
        // A bill without the column has no value in any row.
        return Ok(lit(accepts_none || lists(NO_COLUMN)));
    }
    let wanted: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
    match (column, how) {
        (ColumnRef::Plain { name, kind: ColumnType::Text | ColumnType::Json }, How::Is) => {
            Ok(among(name, &wanted, accepts_none))
        }
        (ColumnRef::Plain { name, kind: ColumnType::Text | ColumnType::Json }, How::Contains) => {
            Ok(containing(part, name, &wanted))
        }
        (
            ColumnRef::Plain { name, kind: ColumnType::Time }
            | ColumnRef::Day { column: name }
            | ColumnRef::Hour { column: name },
            _,
        ) => match how {
            How::Is => {
                let mut any = if accepts_none { col(name.as_str()).is_null() } else { lit(false) };
                for value in wanted {
                    let (start, end) = span(name, value)?;
                    any = any.or(between(name, Some(start), Some(end)));
                }
                Ok(any)
            }
            How::Within => {
                let ends = ends(name, values)?;
                let start = ends[0].map(|from| span(name, from)).transpose()?.map(|(start, _)| start);
                let end = ends[1].map(|to| span(name, to)).transpose()?.map(|(_, end)| end);
                Ok(between(name, start, end))
            }
            How::Contains => {
                refused(name, "its values are dates; give a date or a range of dates".to_owned())
            }
        },
        (ColumnRef::Plain { name, kind: ColumnType::Decimal }, _) => match how {
            How::Is => {
                let mut any = if accepts_none { col(name.as_str()).is_null() } else { lit(false) };
                for value in wanted {
                    any = any.or(col(name.as_str()).eq(amount(name, value)?).fill_null(lit(false)));
                }
                Ok(any)
            }
            How::Within => {
                let mut all = col(name.as_str()).is_not_null();
                let ends = ends(name, values)?;
                if let Some(from) = ends[0] {
                    all = all.and(col(name.as_str()).gt_eq(amount(name, from)?).fill_null(lit(false)));
                }
                if let Some(to) = ends[1] {
                    all = all.and(col(name.as_str()).lt_eq(amount(name, to)?).fill_null(lit(false)));
                }
                Ok(all)
            }
            How::Contains => {
                refused(name, "its values are amounts; give an amount or a range, such as 1..5".to_owned())
            }
        },
        (ColumnRef::Key { column, key }, How::Is | How::Contains) => {
            // The distinct texts are few beside the rows; JSON is read once for each of them.
            let texts = distinct_texts(part, column)?;
            let low: Vec<String> = wanted.iter().map(|value| value.to_lowercase()).collect();
            let matching: Vec<&str> = texts
                .iter()
                .filter_map(Option::as_deref)
                .filter(|text| match (json_key(text, key), how) {
                    (Some(value), How::Contains) => holds(&value, &low),
                    (Some(value), _) => wanted.contains(&value.as_str()),
                    (None, _) => accepts_none,
                })
                .collect();
            Ok(among(column, &matching, accepts_none))
        }
        (ColumnRef::Key { .. } | ColumnRef::Plain { .. }, How::Within) => {
            refused(&filter.column, "its values are words, which have no range".to_owned())
        }
    }
}

/// Whether any column of words contains one of the texts.
fn any_condition(part: &Part, filter: &Filter) -> Result<Expr, BillError> {
    if filter.how != How::Contains {
        return Err(BillError::ColumnUse {
            doing: "filter",
            column: "any text".to_owned(),
            why: "every column at once can only be searched; write *~TEXT".to_owned(),
        });
    }
    let wanted: Vec<&str> =
        filter.values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
    let mut any: Option<Expr> = None;
    for name in part.texts() {
        let one = containing(part, name, &wanted);
        any = Some(match any {
            Some(any) => any.or(one),
            None => one,
        });
    }
    Ok(any.unwrap_or_else(|| lit(false)))
}

fn among(name: &str, wanted: &[&str], accepts_none: bool) -> Expr {
    let list = polars::prelude::Series::new("wanted".into(), wanted);
    let among = match wanted {
        [] => lit(false),
        [one] => col(name).eq(lit((*one).to_owned())),
        _ => col(name).is_in(lit(list).implode(false), false),
    }
    .fill_null(lit(false));
    if accepts_none { among.or(col(name).is_null()) } else { among }
}

/// Whether a column of words contains one of the texts. Where the import kept all its values, which it does while they
/// are few, the rows need not be read for it.
fn containing(part: &Part, name: &str, wanted: &[&str]) -> Expr {
    let low: Vec<String> = wanted.iter().map(|value| value.to_lowercase()).collect();
    if let Some(values) = part.all_values(name) {
        let matching: Vec<&str> = values.map(String::as_str).filter(|value| holds(value, &low)).collect();
        return among(name, &matching, false);
    }
    let test = move |column: Column| {
        let texts = column.str()?;
        let found: BooleanChunked =
            texts.iter().map(|text| Some(text.is_some_and(|text| holds(text, &low)))).collect();
        Ok(found.with_name(column.name().clone()).into_column())
    };
    col(name).map(test, |_schema, field| Ok(Field::new(field.name().clone(), DataType::Boolean)))
}

/// Whether the text, in lower case, contains one of `low`.
fn holds(text: &str, low: &[String]) -> bool {
    let text = text.to_lowercase();
    low.iter().any(|wanted| text.contains(wanted))
}

/// From `start` to before `end`, in microseconds.
fn between(name: &str, start: Option<i64>, end: Option<i64>) -> Expr {
    let micros = || col(name).to_physical();
    let mut all = col(name).is_not_null();
    if let Some(start) = start {
        all = all.and(micros().gt_eq(lit(start)));
    }
    if let Some(end) = end {
        all = all.and(micros().lt(lit(end)));
    }
    all.fill_null(lit(false))
}

/// The ends of a range; an open one is `None`.
pub(super) fn ends<'a>(column: &str, values: &'a [String]) -> Result<[Option<&'a str>; 2], BillError> {
    let [from, to] = values else {
        return Err(BillError::ColumnUse {
            doing: "filter",
            column: column.to_owned(),
            why: "a range has two ends; write FROM..TO".to_owned(),
        });
    };
    Ok([from, to].map(|end| Some(end.trim()).filter(|end| !end.is_empty())))
}

/// What a text names, as `[start, end)` in microseconds.
pub(super) fn span(column: &str, value: &str) -> Result<(i64, i64), BillError> {
    moment::read_span(value).ok_or_else(|| BillError::ColumnUse {
        doing: "filter",
        column: column.to_owned(),
        why: format!("`{value}` is not a month (2026-05), a day (2026-05-01) or a moment"),
    })
}

/// An amount as the store keeps it.
fn amount(column: &str, value: &str) -> Result<Expr, BillError> {
    let read = Exact::read(value).map_err(|_not_a_number| BillError::ColumnUse {
        doing: "filter",
        column: column.to_owned(),
        why: format!("`{value}` is not an amount; write digits and a point, such as 12.5"),
    })?;
    let kind = DataType::Decimal(PRECISION, SCALE as usize);
    let value = AnyValue::Decimal(read.value.0, PRECISION, SCALE as usize);
    Ok(lit(Scalar::new(kind, value)))
}

/// The distinct texts of a column.
pub(super) fn distinct_texts(part: &Part, column: &str) -> Result<Vec<Option<String>>, BillError> {
    let query = part.scan_for([column])?.group_by([col(column)]).agg([len().alias("rows")]);
    let frame = Query("read the values of a column").collect(query)?;
    let failed = |source| BillError::Query { doing: "read the values of a column", source };
    let texts = frame.column(column).map_err(failed)?.str().map_err(failed)?;
    Ok(texts.iter().map(|text| text.map(str::to_owned)).collect())
}

/// Names similar to one that is not there, for the error.
pub(super) fn near<'a>(column: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let wanted = column.to_lowercase();
    let start: String = wanted.chars().take(4).collect();
    names
        .filter(|name| {
            let name = name.to_lowercase();
            name.contains(&wanted) || wanted.contains(&name) || name.starts_with(&start)
        })
        .take(3)
        .map(str::to_owned)
        .collect()
}

/// True when the column holds one of the four costs.
pub(super) fn is_cost(name: &str) -> bool {
    columns::COSTS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_ends_its_column_at_the_first_equals_sign() {
        let filter = Filter::parse(" Tags.expr = a=b ").unwrap();
        assert_eq!((filter.column.as_str(), filter.values), ("Tags.expr", vec!["a=b".to_owned()]));
        assert_eq!(Filter::parse("RegionId=").unwrap().values, [""]);
        for text in ["RegionId", "=x", " =x", "", "-", "-=x", "!=x"] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.to_string().contains("write COLUMN=VALUE"), "{error}");
        }
    }

    #[test]
    fn a_filter_is_read_and_said() {
        for (text, words) in [
            ("RegionId=eu", "RegionId is eu"),
            ("-RegionId=eu", "RegionId is not eu"),
            ("RegionId!=eu", "RegionId is not eu"),
            ("-RegionId!=", "RegionId is (no value)"),
            ("ServiceName~ec2", "ServiceName contains ec2"),
            ("-*~ec2", "Any text does not contain ec2"),
            ("*=ec2", "Any text contains ec2"),
            ("BilledCost=1.5..", "BilledCost is from 1.5 on"),
            ("BilledCost=..-3", "BilledCost is up to -3"),
            ("-ChargePeriodStart=2026-05..2026-06-15", "ChargePeriodStart is not 2026-05 to 2026-06-15"),
            ("ResourceName=a..b", "ResourceName is a..b"),
        ] {
            assert_eq!(Filter::parse(text).unwrap().to_string(), words, "{text}");
        }
    }

    #[test]
    fn a_list_is_parted_only_where_a_filter_begins() {
        let filters = Filter::parse_list("ServiceName=A|B, Inc.,-Tags.team=,x_a/b~c,d").unwrap();
        let said: Vec<String> = filters.iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            ["ServiceName is A or B, Inc.", "Tags.team is not (no value)", "x_a/b contains c,d"]
        );
        assert!(Filter::parse_list("ServiceName").is_err());
    }

    #[test]
    fn a_filter_kept_by_an_older_version_is_read() {
        let old = r#"{"column":"RegionId","values":["eu"]}"#;
        let filter: Filter = serde_json::from_str(old).unwrap();
        assert_eq!(filter, Filter::is("RegionId", ["eu"]));
        assert_eq!(serde_json::to_string(&filter).unwrap(), old);
    }

    #[test]
    fn similar_names_are_offered() {
        let names = ["ServiceName", "ServiceCategory", "RegionId"];
        assert_eq!(near("service", names.into_iter()), ["ServiceName", "ServiceCategory"]);
        assert!(near("zzz", names.into_iter()).is_empty());
    }
}
