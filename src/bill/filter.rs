//! Filters: `Column=Value` as text, and as a condition on the rows of a stored bill.

use polars::prelude::*;

use super::columns::ColumnType;
use super::error::BillError;
use super::moment;
use super::profile::json_key;
use super::query::{ColumnRef, Part, Query};
use super::{Filter, columns};

impl Filter {
    /// Reads `Column=Value`; an empty value means "rows without a value". The column ends at the first `=`.
    ///
    /// # Errors
    /// No `=`, or nothing before it.
    pub fn parse(text: &str) -> Result<Self, BillError> {
        let (column, value) = text
            .split_once('=')
            .filter(|(column, _)| !column.trim().is_empty())
            .ok_or_else(|| BillError::Filter { text: text.to_owned() })?;
        Ok(Self { column: column.trim().to_owned(), values: vec![value.trim().to_owned()] })
    }
}

/// The condition on the rows of one part that all filters hold; `None` when there are no filters.
pub(super) fn condition(
    part: &Part,
    filters: &[(ColumnRef, Vec<String>)],
) -> Result<Option<Expr>, BillError> {
    let mut all: Option<Expr> = None;
    for (column, values) in filters {
        let one = one_condition(part, column, values)?;
        all = Some(match all {
            Some(all) => all.and(one),
            None => one,
        });
    }
    Ok(all)
}

fn one_condition(part: &Part, column: &ColumnRef, values: &[String]) -> Result<Expr, BillError> {
    let accepts_none = values.iter().any(String::is_empty);
    if !part.has(column.name()) {
        // A bill without the column has no value in any row.
        return Ok(lit(accepts_none));
    }
    let wanted: Vec<&str> = values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
    match column {
        ColumnRef::Plain { name, kind: ColumnType::Text | ColumnType::Json } => {
            Ok(text_condition(name, &wanted, accepts_none))
        }
        ColumnRef::Plain { name, kind: ColumnType::Time } | ColumnRef::Day { column: name } => {
            let mut any = if accepts_none { col(name.as_str()).is_null() } else { lit(false) };
            for value in wanted {
                let (start, end) = moment::read_span(value).ok_or_else(|| BillError::ColumnUse {
                    doing: "filter",
                    column: name.clone(),
                    why: format!("`{value}` is not a month (2026-05), a day (2026-05-01) or a moment"),
                })?;
                let micros = col(name.as_str()).to_physical();
                any = any.or(micros.clone().gt_eq(lit(start)).and(micros.lt(lit(end))).fill_null(lit(false)));
            }
            Ok(any)
        }
        ColumnRef::Plain { name, kind: ColumnType::Decimal } => Err(BillError::ColumnUse {
            doing: "filter",
            column: name.clone(),
            why: "its values are amounts; filter by a column of words or dates".to_owned(),
        }),
        ColumnRef::Key { column, key } => {
            // The distinct texts are few beside the rows; JSON is read once for each of them.
            let texts = distinct_texts(part, column)?;
            let matching: Vec<&str> = texts
                .iter()
                .filter_map(Option::as_deref)
                .filter(|text| match json_key(text, key) {
                    Some(value) => wanted.contains(&value.as_str()),
                    None => accepts_none,
                })
                .collect();
            Ok(text_condition(column, &matching, accepts_none))
        }
    }
}

fn text_condition(name: &str, wanted: &[&str], accepts_none: bool) -> Expr {
    let list = polars::prelude::Series::new("wanted".into(), wanted);
    let among = match wanted {
        [] => lit(false),
        [one] => col(name).eq(lit((*one).to_owned())),
        _ => col(name).is_in(lit(list).implode(false), false),
    }
    .fill_null(lit(false));
    if accepts_none { among.or(col(name).is_null()) } else { among }
}

/// The distinct texts of a column.
pub(super) fn distinct_texts(part: &Part, column: &str) -> Result<Vec<Option<String>>, BillError> {
    let query = part.scan()?.group_by([col(column)]).agg([len().alias("rows")]);
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
        for text in ["RegionId", "=x", " =x", ""] {
            let error = Filter::parse(text).unwrap_err();
            assert!(error.to_string().contains("write COLUMN=VALUE"), "{error}");
        }
    }

    #[test]
    fn similar_names_are_offered() {
        let names = ["ServiceName", "ServiceCategory", "RegionId"];
        assert_eq!(near("service", names.into_iter()), ["ServiceName", "ServiceCategory"]);
        assert!(near("zzz", names.into_iter()).is_empty());
    }
}
