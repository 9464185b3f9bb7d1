//! How a separated file writes amounts and days: with decimal commas (`1.234,56`, `0,05`) and as `31.05.2026`, as a
//! spreadsheet set to most European languages saves them, or plainly.
//!
//! Decided for a whole column by all of its cells, never cell by cell: `1,234` alone is two numbers. A column is read so
//! where some of its cells can be nothing else and none contradicts; one whose cells can all be either (`1,234`, `5`) is,
//! where other columns of the file are and none of its amounts has a decimal point. Knows texts, no file.

use std::borrow::Cow;

use super::table::short;

/// Columns of these names hold amounts, unless [`NO_AMOUNT`] says otherwise.
const AMOUNT: [&str; 18] = [
    "cost",
    "price",
    "amount",
    "quantity",
    "rate",
    "fee",
    "saving",
    "total",
    "token",
    "commitment",
    "factor",
    "value",
    "credit",
    "unused",
    "($",
    "(€",
    "(£",
    "(chf",
];
const NO_AMOUNT: [&str; 6] = ["category", "center", "centre", "code", "name", "unit of"];
/// Beginnings of names of tags, which hold what anybody wrote.
const TAGS: [&str; 4] = ["tag", "label", "resourcetag", "resource_tag"];
/// Columns of these names hold moments.
const MOMENT: [&str; 5] = ["date", "time", "start", "end", "datum"];
/// What may stand between groups of three digits, beside the point.
const BLANKS: [char; 5] = [' ', '\u{a0}', '\u{202f}', '\'', '’'];

/// What a cell's writing tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tells {
    /// Nothing: no value, or a whole number without groups.
    Nothing,
    /// A decimal comma, or points between groups.
    Comma,
    /// A decimal point, or commas between groups.
    Point,
    /// One or the other: `1,234`, `1.234`.
    Either,
    /// It is no number.
    NoNumber,
}

/// What the cells of one column told.
#[derive(Debug, Clone, Default)]
struct Column {
    is_amount: bool,
    is_moment: bool,
    comma: u64,
    point: u64,
    either: u64,
    no_number: u64,
    example: String,
    days: u64,
    no_days: u64,
}

/// What the cells of a file tell of its writing, while they are looked at.
#[derive(Debug, Default)]
pub(super) struct Looking {
    columns: Vec<Column>,
}

impl Looking {
    /// For a header.
    pub fn at(header: &[String]) -> Self {
        let column = |name: &String| {
            let low = name.to_lowercase();
            let has = |words: &[&str]| words.iter().any(|word| low.contains(word));
            Column {
                is_amount: has(&AMOUNT)
                    && !has(&NO_AMOUNT)
                    && !TAGS.iter().any(|start| low.starts_with(start)),
                is_moment: has(&MOMENT),
                ..Column::default()
            }
        };
        Self { columns: header.iter().map(column).collect() }
    }

    /// Looks at a row.
    pub fn row(&mut self, cells: &[&str]) {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            if column.is_moment && !is_nothing(cell) {
                *(if day_of(cell).is_some() { &mut column.days } else { &mut column.no_days }) += 1;
            }
            if !column.is_amount {
                continue;
            }
            match tells(cell) {
                Tells::Nothing => {}
                Tells::Comma => {
                    if column.comma == 0 {
                        column.example = short(cell.trim());
                    }
                    column.comma += 1;
                }
                Tells::Point => column.point += 1,
                Tells::Either => column.either += 1,
                Tells::NoNumber => column.no_number += 1,
            }
        }
    }

    /// The writing, once all rows were looked at; `None` where it is plain.
    pub fn writing(&self, header: &[String]) -> Option<Writing> {
        let numbered = || self.columns.iter().enumerate().filter(|(_, column)| column.no_number == 0);
        let sure = |column: &Column| column.comma > 0 && column.point == 0;
        let mut amounts: Vec<usize> =
            numbered().filter(|(_, column)| sure(column)).map(|(at, _)| at).collect();
        let first = amounts.first().map(|at| self.columns[*at].example.clone());
        let alone = amounts.len();
        let contradicted = self.columns.iter().any(|column| column.point > 0);
        if alone > 0 && !contradicted {
            let likely = |column: &Column| column.comma == 0 && column.either > 0;
            amounts.extend(numbered().filter(|(_, column)| likely(column)).map(|(at, _)| at));
        }
        let days: Vec<usize> = (self.columns.iter().enumerate())
            .filter(|(_, column)| column.days > 0 && column.no_days == 0)
            .map(|(at, _)| at)
            .collect();
        let names = |of: &[usize]| of.iter().map(|at| header[*at].trim()).collect::<Vec<_>>().join(", ");
        let columns = |of: &[usize]| format!("column{} {}", if of.len() == 1 { "" } else { "s" }, names(of));
        let mut remarks = Vec::new();
        if let Some(example) = first {
            let mut words = format!(
                "amounts are written with a decimal comma, such as `{example}`, and were read so in the {}",
                columns(&amounts[..alone])
            );
            if amounts.len() > alone {
                words = format!(
                    "{words}; so were those of {}, which could be read either way, because no amount of the file has a \
                     decimal point",
                    names(&amounts[alone..])
                );
            }
            remarks.push(words);
        }
        if !days.is_empty() {
            remarks.push(format!(
                "days are written as day.month.year and were read so in the {}",
                columns(&days)
            ));
        }
        (!remarks.is_empty()).then_some(Writing { amounts, days, remarks })
    }
}

/// How a file writes, where that is not plain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writing {
    amounts: Vec<usize>,
    days: Vec<usize>,
    /// What to say of it.
    pub remarks: Vec<String>,
}

impl Writing {
    /// The cells that are written otherwise, plainly, with their places.
    pub fn plain(&self, cells: &[&str]) -> Vec<(usize, String)> {
        let cell = |at: &usize| cells.get(*at).map(|cell| (*at, *cell));
        let amounts = self.amounts.iter().filter_map(cell);
        let amounts = amounts.filter(|(_, cell)| cell.contains(['.', ',']) || cell.contains(BLANKS));
        let amounts = amounts.map(|(at, cell)| (at, plain_amount(cell)));
        let days = self.days.iter().filter_map(cell).filter_map(|(at, cell)| Some((at, day_of(cell)?)));
        amounts.chain(days).collect()
    }
}

fn is_nothing(cell: &str) -> bool {
    let cell = cell.trim();
    cell.is_empty() || cell == "NULL"
}

/// A number with a decimal comma as one with a decimal point, every digit of it.
fn plain_amount(cell: &str) -> String {
    let digits = cell.trim().chars().filter(|c| *c != '.' && !BLANKS.contains(c));
    digits.map(|c| if c == ',' { '.' } else { c }).collect()
}

/// Digits in groups of three, the first of which may be shorter.
fn is_grouped(text: &str, between: char) -> bool {
    let mut groups = text.split(between);
    let first = groups.next().unwrap_or_default();
    (1..=3).contains(&first.len())
        && is_digits(first)
        && groups.all(|group| group.len() == 3 && is_digits(group))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What the writing of a cell tells.
fn tells(cell: &str) -> Tells {
    if is_nothing(cell) {
        return Tells::Nothing;
    }
    let number = cell.trim();
    let number = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (number, has_exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) if is_digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)) => {
            (mantissa, true)
        }
        Some(_) => return Tells::NoNumber,
        None => (number, false),
    };
    let Some((number, has_blanks)) = without_blanks(number) else { return Tells::NoNumber };
    let is_sure = has_exponent || has_blanks;
    // One sign: what is before it could be a group of thousands, and what is after it another.
    let one = |sign: char, told: Tells| match number.split_once(sign) {
        Some((whole, fraction)) if is_digits(fraction) && (whole.is_empty() || is_digits(whole)) => {
            let is_group =
                fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0') && !is_sure;
            if is_group { Tells::Either } else { told }
        }
        _ => Tells::NoNumber,
    };
    // Groups, then a fraction behind the other sign.
    let both = |between: char, sign: char, told: Tells| match number.split_once(sign) {
        Some((whole, fraction)) if is_grouped(whole, between) && is_digits(fraction) => told,
        _ => Tells::NoNumber,
    };
    let of = |is_right: bool, told: Tells| if is_right { told } else { Tells::NoNumber };
    match (number.matches('.').count(), number.matches(',').count()) {
        (0, 0) => of(is_digits(&number), Tells::Nothing),
        (0, 1) => one(',', Tells::Comma),
        (1, 0) => one('.', Tells::Point),
        (0, _) => of(is_grouped(&number, ','), Tells::Point),
        (_, 0) => of(is_grouped(&number, '.'), Tells::Comma),
        (_, 1) if number.rfind(',') > number.rfind('.') => both('.', ',', Tells::Comma),
        (1, _) => both(',', '.', Tells::Point),
        _ => Tells::NoNumber,
    }
}

/// A number without the blanks between its groups, and whether it has any; `None` where they part no groups.
fn without_blanks(number: &str) -> Option<(Cow<'_, str>, bool)> {
    let Some(blank) = number.chars().find(|c| BLANKS.contains(c)) else {
        return Some((Cow::Borrowed(number), false));
    };
    let end = number.find(['.', ',']).unwrap_or(number.len());
    let (whole, fraction) = number.split_at(end);
    is_grouped(whole, blank).then(|| (Cow::Owned(format!("{}{fraction}", whole.replace(blank, ""))), true))
}

/// `31.05.2026` with or without a time, as `2026-05-31`.
fn day_of(cell: &str) -> Option<String> {
    let cell = cell.trim();
    let (date, rest) = cell.split_at(cell.find([' ', 'T']).unwrap_or(cell.len()));
    let mut parts = date.split('.');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let is = |text: &str, most: u32| {
        is_digits(text) && text.len() <= 2 && text.parse().is_ok_and(|n: u32| n <= most)
    };
    let is_date =
        is(day, 31) && is(month, 12) && year.len() == 4 && is_digits(year) && parts.next().is_none();
    is_date.then(|| format!("{year}-{month:0>2}-{day:0>2}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_tells_its_writing_only_where_it_can_be_no_other() {
        use Tells::{Comma, Either, NoNumber, Nothing, Point};
        for (cell, told) in [
            ("", Nothing),
            (" NULL ", Nothing),
            ("1234", Nothing),
            ("-5", Nothing),
            ("5E-08", Nothing),
            ("0,05", Comma),
            ("-12,5", Comma),
            (",5", Comma),
            ("0,123", Comma),
            ("1234,567", Comma),
            ("1,2345", Comma),
            ("4,125E-08", Comma),
            ("1,234E3", Comma),
            ("1.234,56", Comma),
            ("1.234.567", Comma),
            ("1.234.567,8", Comma),
            ("12 345,678", Comma),
            ("12\u{202f}345,6", Comma),
            ("1'234,50", Comma),
            ("1,234", Either),
            ("-999,999", Either),
            ("1.234", Either),
            ("0.05", Point),
            ("1234.567", Point),
            ("1,234,567", Point),
            ("1,234.5", Point),
            ("1.5E-7", Point),
            ("1,23,456", NoNumber),
            ("1.23.456,7", NoNumber),
            ("1,2,3.4", NoNumber),
            ("1,", NoNumber),
            ("12 34,5", NoNumber),
            ("n/a", NoNumber),
            ("1,5 EUR", NoNumber),
            ("1e", NoNumber),
            ("192.168.0.1", NoNumber),
        ] {
            assert_eq!(tells(cell), told, "{cell}");
        }
    }

    /// The cells of each column, and how those of the last row are read.
    fn read(header: &[&str], rows: &[&[&str]]) -> (Vec<String>, Vec<String>) {
        let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
        let mut looking = Looking::at(&header);
        for row in rows {
            looking.row(row);
        }
        let mut last: Vec<String> = rows[rows.len() - 1].iter().map(|cell| (*cell).to_owned()).collect();
        let Some(writing) = looking.writing(&header) else { return (last, Vec::new()) };
        for (at, plain) in writing.plain(rows[rows.len() - 1]) {
            last[at] = plain;
        }
        (last, writing.remarks)
    }

    #[test]
    fn a_column_is_read_by_all_of_its_cells() {
        let header = ["Datum (Date)", "Kosten (Cost)", "Quantity", "UnitPrice", "CostCenter", "Tags"];
        let rows: [&[&str]; 3] = [
            &["31.05.2026", "0,05", "24", "", "1,5", "1,5"],
            &["01.06.2026", "", "", "", "", ""],
            &["1.6.2026", "1.234,5600", "1,234", "1.234", "2,5", "2,5"],
        ];
        let (cells, remarks) = read(&header, &rows);
        assert_eq!(cells, ["2026-06-01", "1234.5600", "1.234", "1234", "2,5", "2,5"]);
        assert!(
            remarks[0].contains("`0,05`")
                && remarks[0].contains("column Kosten (Cost); so were those of Quantity, ")
        );
        assert!(remarks[1].contains("day.month.year"), "{remarks:?}");
    }

    #[test]
    fn what_is_not_told_is_not_guessed() {
        // Nothing can be only one of both.
        assert_eq!(read(&["Cost"], &[&["1,234"], &["5,678"]]), (vec!["5,678".to_owned()], Vec::new()));
        // Both in one column, and a word in another.
        assert_eq!(read(&["Cost", "Price"], &[&["0,5", "0,5"], &["0.5", "?"]]).1.len(), 0);
        // One column is sure, but another has points: what could be either stays.
        let (cells, _) =
            read(&["Cost", "Price", "Amount"], &[&["0,5", "0.5", "1"], &["1,234", "2.5", "1,234"]]);
        assert_eq!(cells, ["1.234", "2.5", "1,234"]);
        assert_eq!(day_of("31.13.2026").or(day_of("2026.05.01")).or(day_of("1.2.26")), None);
        assert_eq!(day_of("01.05.2026 13:00:00").as_deref(), Some("2026-05-01 13:00:00"));
    }
}
