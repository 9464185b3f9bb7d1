//! Collects what was not understood in a file: every kind is counted, the first of each kind are listed.
//!
//! A million bad cells must neither fill the memory nor hide the one bad date.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::Warning;

/// Listed warnings of one kind in one column; the rest is counted.
pub const LISTED_PER_KIND: u64 = 20;

/// Where a row stands, for warnings.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Line of the row's first character, counted from 1; `None` for a file without lines.
    pub line: Option<u64>,
    /// Row of the table, counted from 1 without the header.
    pub row: u64,
}

impl Place {
    /// The row in words, where there is no line to name.
    pub(super) fn words(self) -> String {
        if self.line.is_some() { String::new() } else { format!(" in row {}", self.row) }
    }
}

/// The kinds of trouble, each counted on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// The whole file.
    File,
    /// A row with too few or too many cells.
    Ragged,
    /// A cell that is not the number or date its column needs.
    Unreadable,
    /// Bytes that are not UTF-8.
    Encoding,
    /// A cell that should be a JSON object.
    NotJson,
    /// A mandatory cell without a value.
    Empty,
    /// A value that a formula gives, where a cell that it needs has none.
    Incomplete,
}

impl Trouble {
    /// `more cells that cannot be read`.
    pub fn plural(self) -> &'static str {
        match self {
            Self::File => "more warnings",
            Self::Ragged => "more rows with the wrong number of cells",
            Self::Unreadable => "more cells that cannot be read",
            Self::Encoding => "more rows that are not UTF-8",
            Self::NotJson => "more cells that are not JSON objects",
            Self::Empty => "more cells without a value",
            Self::Incomplete => "more values that could not be computed",
        }
    }
}

/// What was not understood in one column, in one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// In which way.
    pub trouble: Trouble,
    /// In which column; `None` where it concerns whole rows.
    pub column: Option<String>,
    /// How often.
    pub count: u64,
    /// The first of them: where they stand and what was found.
    pub examples: Vec<Warning>,
}

/// Warnings of one file.
#[derive(Debug)]
pub struct Warnings {
    file: String,
    /// Remarks about formats so far: files of one bill of which the same is true say it once.
    remarks: HashSet<(Option<String>, String)>,
    /// The bill has several files.
    is_of_many: bool,
    listed: Vec<Warning>,
    /// The kind of each that is listed.
    kinds: Vec<Trouble>,
    counts: HashMap<(Trouble, Option<String>), u64>,
    total: u64,
}

impl Warnings {
    /// For a file of this name.
    pub fn new(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            remarks: HashSet::new(),
            is_of_many: false,
            listed: Vec::new(),
            kinds: Vec::new(),
            counts: HashMap::new(),
            total: 0,
        }
    }

    /// Says which file is read from now on; returns the one before.
    pub fn in_file(&mut self, file: impl Into<String>) -> String {
        std::mem::replace(&mut self.file, file.into())
    }

    /// Says that the bill has several files, so that what is said of each alike is said once.
    pub fn of_many(&mut self) {
        self.is_of_many = true;
    }

    /// Adds one; `message` is made only when it will be listed.
    pub fn add(
        &mut self,
        trouble: Trouble,
        line: Option<u64>,
        column: Option<&str>,
        message: impl FnOnce() -> String,
    ) {
        self.total += 1;
        let key = (trouble, column.map(str::to_owned));
        let count = self.counts.entry(key).or_default();
        *count += 1;
        if *count <= LISTED_PER_KIND {
            self.kinds.push(trouble);
            self.listed.push(Warning {
                file: self.file.clone(),
                line,
                column: column.map(str::to_owned),
                message: message(),
            });
        }
    }

    /// Adds one about the whole file.
    pub fn about_file(&mut self, column: Option<&str>, message: String) {
        self.add(Trouble::File, None, column, || message);
    }

    /// Adds one about what files of one format have in common, its columns: of the files of a bill it is said once.
    pub fn about_format(&mut self, column: Option<&str>, message: String) {
        if !self.is_of_many || self.remarks.insert((column.map(str::to_owned), message.clone())) {
            self.about_file(column, message);
        }
    }

    /// None yet, of the same file.
    #[must_use]
    pub fn of_same_file(&self) -> Self {
        let remarks = self.remarks.clone();
        Self { is_of_many: self.is_of_many, remarks, ..Self::new(self.file.clone()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Adds those of another collection after these.
    pub fn absorb(&mut self, other: Self) {
        self.remarks.extend(other.remarks);
        let mut unlisted = other.counts;
        for (trouble, warning) in other.kinds.into_iter().zip(other.listed) {
            let Warning { file, line, column, message } = warning;
            let before = self.in_file(file);
            if let Some(count) = unlisted.get_mut(&(trouble, column.clone())) {
                *count -= 1;
            }
            if trouble == Trouble::File {
                self.about_file(column.as_deref(), message);
            } else {
                self.add(trouble, line, column.as_deref(), || message);
            }
            self.file = before;
        }
        for (key, more) in unlisted {
            self.total += more;
            *self.counts.entry(key).or_default() += more;
        }
    }

    /// What concerns rows and cells, by kind and column; what concerns the whole file is not among it.
    pub fn tally(&self) -> Vec<Tally> {
        let rows = self.counts.iter().filter(|((trouble, _), _)| *trouble != Trouble::File);
        let mut tally: Vec<Tally> = rows
            .map(|((trouble, column), count)| {
                let same =
                    |(kind, warning): &(&Trouble, &Warning)| *kind == trouble && warning.column == *column;
                let examples = self.kinds.iter().zip(&self.listed).filter(same);
                Tally {
                    trouble: *trouble,
                    column: column.clone(),
                    count: *count,
                    examples: examples.map(|(_, warning)| warning.clone()).collect(),
                }
            })
            .collect();
        tally.sort_by(|a, b| (a.trouble as u8, &a.column).cmp(&(b.trouble as u8, &b.column)));
        tally
    }

    /// The listed warnings, then one for each kind that has more, and how many there are in all.
    pub fn finish(self) -> (Vec<Warning>, u64) {
        let Self { file, mut listed, counts, total, .. } = self;
        let mut rest: Vec<_> = counts.into_iter().filter(|(_, count)| *count > LISTED_PER_KIND).collect();
        rest.sort_by(|(a, _), (b, _)| (a.0 as u8, &a.1).cmp(&(b.0 as u8, &b.1)));
        for ((trouble, column), count) in rest {
            let message = format!("{} {}", count - LISTED_PER_KIND, trouble.plural());
            listed.push(Warning { file: file.clone(), line: None, column, message });
        }
        (listed, total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_collection_has_comes_after() {
        let mut one = Warnings::new("bill.csv");
        let mut other = one.of_same_file();
        assert!(other.is_empty());
        one.add(Trouble::Ragged, Some(1), None, || "first".to_owned());
        for line in 2..32 {
            other.add(Trouble::Ragged, Some(line), None, || format!("line {line}"));
        }
        other.add(Trouble::Encoding, Some(40), None, || "bytes".to_owned());
        one.absorb(other);
        let (listed, total) = one.finish();
        assert_eq!(total, 32);
        let messages: Vec<&str> = listed.iter().map(|warning| warning.message.as_str()).collect();
        assert_eq!(messages[..2], ["first", "line 2"]);
        assert_eq!(messages[19..], ["line 20", "bytes", "11 more rows with the wrong number of cells"]);
    }

    #[test]
    fn many_of_one_kind_do_not_hide_another() {
        let mut warnings = Warnings::new("bill.csv");
        for line in 2..1_002 {
            warnings.add(Trouble::Unreadable, Some(line), Some("BilledCost"), || "bad".to_owned());
        }
        warnings.add(Trouble::Ragged, Some(1_002), None, || "short".to_owned());
        let tally = warnings.tally();
        let counts: Vec<_> = tally.iter().map(|of| (of.trouble, of.count, of.examples.len())).collect();
        assert_eq!(counts, [(Trouble::Ragged, 1, 1), (Trouble::Unreadable, 1_000, 20)]);
        assert_eq!(tally[1].column.as_deref(), Some("BilledCost"));
        let (listed, total) = warnings.finish();
        assert_eq!(total, 1_001);
        assert_eq!(listed.len(), 22);
        assert_eq!(listed[20].line, Some(1_002));
        assert_eq!(listed[21].message, "980 more cells that cannot be read");
        assert_eq!(listed[21].column.as_deref(), Some("BilledCost"));
    }

    #[test]
    fn what_is_said_of_one_file_of_many_is_said_of_each() {
        let mut warnings = Warnings::new("1.csv");
        warnings.of_many();
        for file in ["1.csv", "2.csv"] {
            warnings.in_file(file);
            warnings.about_format(None, "of the format".to_owned());
            warnings.about_file(None, "cut off".to_owned());
        }
        let said: Vec<_> = warnings.finish().0.into_iter().map(|one| (one.file, one.message)).collect();
        let said: Vec<_> = said.iter().map(|(file, message)| (file.as_str(), message.as_str())).collect();
        assert_eq!(said, [("1.csv", "of the format"), ("1.csv", "cut off"), ("2.csv", "cut off")]);
    }
}
