//! What formats that are not FOCUS read: their columns by name, however a variant of the format calls them.

use std::path::Path;

use super::mapping::{Header, cell};
use super::{EachRow, Mapper, Target};
use crate::bill::error::BillError;
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

/// Names the columns that a format reads, as an enum whose numbers are their places and lists of their names.
macro_rules! inputs {
    ($($column:ident: [$($name:literal),+ $(,)?]),* $(,)?) => {
        /// The columns that this format reads.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        enum In { $($column),* }

        impl In {
            /// Their names, in order; the first of each is the usual one.
            const NAMES: &[&[&str]] = &[$(&[$($name),+]),*];
        }

        impl From<In> for usize {
            fn from(column: In) -> usize {
                column as usize
            }
        }
    };
}
pub(super) use inputs;

/// Where a header has the columns that a format reads.
#[derive(Debug, Clone)]
pub struct Inputs {
    names: &'static [&'static [&'static str]],
    places: Vec<Option<usize>>,
}

impl Inputs {
    /// Finds columns of these names.
    pub fn of(names: &'static [&'static [&'static str]], header: &[String]) -> Self {
        let header = Header::new(header);
        Self { names, places: names.iter().map(|names| header.at(names)).collect() }
    }

    /// The header has this column.
    pub fn has(&self, column: impl Into<usize>) -> bool {
        self.places[column.into()].is_some()
    }

    /// The cell of a column; empty where the file has no such column, or the cell has no value.
    pub fn cell<'c>(&self, cells: &[&'c str], column: impl Into<usize>) -> &'c str {
        cell(cells, self.places[column.into()])
    }

    /// The moment in a cell, in microseconds; one that cannot be read is a warning and `None`, an empty cell is `None`
    /// without one.
    pub fn moment<C: Into<usize> + Copy>(
        &self,
        cells: &[&str],
        column: C,
        place: Place,
        warnings: &mut Warnings,
    ) -> Option<i64> {
        let text = self.cell(cells, column);
        let read = moment::read(text);
        if read.is_none() && !text.is_empty() {
            warnings.add(Trouble::Unreadable, place.line, Some(self.name(column)), || {
                format!("`{text}` is not a time like 2026-05-01T10:00:00Z; the cell counts as missing")
            });
        }
        read
    }

    /// The usual name of a column.
    pub fn name(&self, column: impl Into<usize>) -> &'static str {
        self.names[column.into()].first().copied().unwrap_or("")
    }

    /// Where the columns stand that the header has, without those that are to be kept under their own names.
    pub fn found_but<C: Into<usize> + Copy>(&self, kept: &[C]) -> Vec<usize> {
        let is_kept = |column: usize| kept.iter().any(|kept| (*kept).into() == column);
        self.places
            .iter()
            .enumerate()
            .filter(|(column, _)| !is_kept(*column))
            .filter_map(|(_, at)| *at)
            .collect()
    }

    /// Refuses a header that lacks one of these.
    ///
    /// # Errors
    /// The columns that are missing.
    pub fn need<C: Into<usize> + Copy>(&self, columns: &[C], path: &Path) -> Result<(), BillError> {
        let absent = columns.iter().filter(|column| !self.has(**column));
        let missing: Vec<String> = absent.map(|column| self.name(*column).to_owned()).collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(BillError::MissingColumns { missing, path: path.to_owned() })
        }
    }
}

/// A mapper without some of its columns: those that a file of this header can never fill.
pub struct Without<M> {
    inner: M,
    keep: Vec<bool>,
}

impl<M: Mapper> Without<M> {
    /// Leaves out the targets at these places.
    pub fn columns(absent: &[usize], targets: &mut Vec<Target>, inner: M) -> Self {
        let keep: Vec<bool> = (0..targets.len()).map(|place| !absent.contains(&place)).collect();
        let mut kept = keep.iter();
        targets.retain(|_| kept.next().copied().unwrap_or(true));
        Self { inner, keep }
    }
}

impl<M: Mapper> Mapper for Without<M> {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let Self { inner, keep } = self;
        inner.map(cells, place, warnings, &mut |cells, place, warnings| {
            let kept = cells.iter().zip(keep.iter()).filter(|(_, keep)| **keep).map(|(cell, _)| *cell);
            let kept: Vec<&str> = kept.collect();
            row(&kept, place, warnings)
        })
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        self.inner.finish(warnings);
    }
}

/// A JSON object as a file has it, brackets added where they were left away: Azure writes tags as
/// `"team": "a","env": "b"`. What is no object stays as it is, and the table complains about it.
pub fn object_text(text: &str) -> String {
    let text = text.trim();
    if !text.starts_with('"') {
        return if text == "{}" { String::new() } else { text.to_owned() };
    }
    let whole = format!("{{{}}}", text.trim_end_matches(','));
    if serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&whole).is_ok() {
        whole
    } else {
        text.to_owned()
    }
}

/// Words told apart; what comes after them is counted together.
const WORDS: usize = 100;

/// Adds one to the count of a word. Beyond a hundred different words the others are counted together, in a last entry
/// whose word is empty, so that the sum of all counts is right.
pub fn count_word(counts: &mut Vec<(String, u64)>, word: &str) {
    if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known == word && !known.is_empty()) {
        *count += 1;
    } else if counts.len() < WORDS && !word.is_empty() {
        counts.push((word.to_owned(), 1));
    } else if let Some((_, count)) = counts.iter_mut().find(|(known, _)| known.is_empty()) {
        *count += 1;
    } else {
        counts.push((String::new(), 1));
    }
}

/// `a, b and 3 more`, of counted words.
pub fn listed(counts: &[(String, u64)]) -> String {
    let words: Vec<&str> =
        counts.iter().map(|(word, _)| word.as_str()).filter(|word| !word.is_empty()).collect();
    let shown: Vec<String> = words.iter().take(8).map(|word| format!("`{word}`")).collect();
    let more = words.len() - shown.len();
    // Others were met after so many.
    let least = if words.len() >= WORDS && counts.len() > words.len() { "at least " } else { "" };
    if more == 0 { shown.join(", ") } else { format!("{} and {least}{more} more", shown.join(", ")) }
}

#[cfg(test)]
pub(super) mod testing {
    //! Reads text as a bill of any format, without a store.

    use std::collections::HashMap;
    use std::path::Path;

    use crate::bill::exact::Exact;
    use crate::bill::formats::{self, Plan};
    use crate::bill::warnings::{Place, Warnings};

    /// What became of a text.
    pub struct Outcome {
        /// Its rows: the cell of each column.
        pub rows: Vec<HashMap<String, String>>,
        /// Words of all warnings.
        pub warnings: Vec<String>,
        /// Words of the remarks.
        pub remarks: Vec<String>,
        /// The format in words.
        pub kind: String,
    }

    impl Outcome {
        /// The sum of a column's cells that have a value.
        pub fn sum(&self, column: &str) -> String {
            let cells = self.rows.iter().map(|row| row[column].as_str()).filter(|cell| !cell.is_empty());
            let sum = cells.fold(Exact::default(), |sum, cell| {
                sum.checked_add(Exact::read(cell).unwrap().value).unwrap()
            });
            sum.to_string()
        }

        /// The cells of one column.
        pub fn column(&self, name: &str) -> Vec<&str> {
            self.rows.iter().map(|row| row[name].as_str()).collect()
        }

        /// A row has these cells; one that has no such column is as one without a value.
        pub fn expect(&self, row: usize, wanted: &[(&str, &str)]) {
            for (column, value) in wanted {
                let found = self.rows[row].get(*column).map_or("", String::as_str);
                assert_eq!(found, *value, "{column} of row {row}");
            }
        }

        /// A warning has these words.
        pub fn warns(&self, words: &str) -> bool {
            self.warnings.iter().any(|warning| warning.contains(words))
        }
    }

    /// Header and rows of separated text.
    pub fn split(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
        let text = text.trim_start_matches('\u{feff}');
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
        let mut rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
        let header = rows.next().unwrap();
        let rows = rows
            .map(|mut row: Vec<String>| {
                row.resize(header.len(), String::new());
                row
            })
            .collect();
        (header, rows)
    }

    /// Runs rows through a plan.
    pub fn run(plan: Plan, rows: &[Vec<String>]) -> Outcome {
        let Plan { kind, targets, remarks, mut mapper } = plan;
        let mut warnings = Warnings::new("f.csv");
        let mut read = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            let place = Place { line: Some(number as u64 + 2), row: number as u64 + 1 };
            mapper
                .map(&cells, place, &mut warnings, &mut |cells, _, _| {
                    assert_eq!(cells.len(), targets.len());
                    let names = targets.iter().map(|target| target.name.clone());
                    read.push(names.zip(cells.iter().map(|cell| (*cell).to_owned())).collect());
                    Ok(())
                })
                .unwrap();
        }
        mapper.finish(&mut warnings);
        let (listed, _) = warnings.finish();
        let warnings = listed
            .into_iter()
            .map(|warning| format!("{}: {}", warning.column.unwrap_or_default(), warning.message))
            .collect();
        let remarks = remarks.into_iter().map(|(_, words)| words).collect();
        Outcome { rows: read, warnings, remarks, kind: kind.to_string() }
    }

    /// Reads a table whose rows say only what they are about: cells by column, the others empty. `preamble` is what
    /// stands before the header.
    pub fn table(header: &[&str], preamble: &[(&str, &str)], rows: &[&[(&str, &str)]]) -> Outcome {
        let owned = |text: &str| text.to_owned();
        let names: Vec<String> = header.iter().copied().map(owned).collect();
        let preamble: Vec<(String, String)> =
            preamble.iter().map(|(name, value)| (owned(name), owned(value))).collect();
        let cells = |row: &&[(&str, &str)]| {
            for (name, _) in *row {
                assert!(header.contains(name), "{name}");
            }
            let told = |name: &&str| row.iter().find(|(known, _)| known == name);
            header.iter().map(|name| owned(told(name).map_or("", |(_, value)| value))).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
        run(formats::plan(&names, &preamble, Path::new("f.csv")).unwrap(), &rows)
    }

    /// Reads separated text.
    pub fn read(text: &str) -> Outcome {
        let (header, rows) = split(text);
        run(formats::plan(&header, &[], Path::new("f.csv")).unwrap(), &rows)
    }

    /// The same rows with the columns in the opposite order.
    pub fn reversed(text: &str) -> Outcome {
        let (mut header, mut rows) = split(text);
        header.reverse();
        for row in &mut rows {
            row.reverse();
        }
        run(formats::plan(&header, &[], Path::new("f.csv")).unwrap(), &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_a_hundred_words_the_sum_of_counts_stays_right() {
        let mut counts = Vec::new();
        for number in 0..250 {
            count_word(&mut counts, &format!("w{number}"));
            count_word(&mut counts, "w0");
        }
        assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), 500);
        assert_eq!(counts[0], ("w0".to_owned(), 251));
        assert!(listed(&counts).ends_with("`w7` and at least 92 more"), "{}", listed(&counts));
        assert_eq!(listed(&counts[..2]), "`w0`, `w1`");
    }

    #[test]
    fn tags_without_brackets_become_an_object_and_nothing_else_is_touched() {
        assert_eq!(object_text(r#""a": "1","b": "x, y""#), r#"{"a": "1","b": "x, y"}"#);
        assert_eq!(object_text(r#""a": "1","#), r#"{"a": "1"}"#);
        assert_eq!(object_text(r#"{"a": 1.10}"#), r#"{"a": 1.10}"#);
        assert_eq!(object_text(r#""a": "1"#), r#""a": "1"#);
        assert_eq!(object_text("team=a"), "team=a");
        assert_eq!(object_text("{}"), "");
    }
}
