//! The columns of all files of a bill, united by name: whatever order a file has them in, and whichever it lacks.

use std::borrow::Cow;
use std::collections::HashMap;

use super::columns::ColumnType;
use super::formats::Target;
use super::import::FILE_COLUMN;

/// Columns of many files.
pub(super) struct United {
    /// The columns, in the order in which files have them first.
    pub targets: Vec<Target>,
    places: HashMap<String, usize>,
    /// Where the name of the file goes.
    file_at: Option<usize>,
    /// The file that is read: its name, and where its columns go; `None` when they are all there in order.
    file: String,
    at: Option<Vec<usize>>,
}

impl United {
    /// Of the columns of each file. Of several files the name of each gets a column, too.
    pub fn of<'t>(files: impl Iterator<Item = &'t [Target]>, is_single: bool) -> Self {
        let mut united = Self {
            targets: Vec::new(),
            places: HashMap::new(),
            file_at: None,
            file: String::new(),
            at: None,
        };
        for targets in files {
            united.add(targets);
        }
        if !is_single {
            united.add(&[Target { name: FILE_COLUMN.to_owned(), kind: ColumnType::Text }]);
            united.file_at = united.places.get(FILE_COLUMN).copied();
        }
        united
    }

    fn add(&mut self, targets: &[Target]) {
        for target in targets {
            if let Some(place) = self.places.get(&target.name) {
                let known = &mut self.targets[*place];
                if known.kind != target.kind {
                    known.kind = ColumnType::Text;
                }
            } else {
                self.places.insert(target.name.clone(), self.targets.len());
                self.targets.push(target.clone());
            }
        }
    }

    /// Says which file the next rows are of, and its columns.
    pub fn begin(&mut self, targets: &[Target], file: &str) {
        file.clone_into(&mut self.file);
        // INVARIANT: the columns of every file were united before any is read.
        let at: Vec<usize> =
            targets.iter().filter_map(|target| self.places.get(&target.name).copied()).collect();
        let is_same = self.file_at.is_none()
            && at.len() == self.targets.len()
            && at.iter().enumerate().all(|(place, at)| place == *at);
        self.at = (!is_same).then_some(at);
    }

    /// Whether the cells of the file stand where they belong.
    pub fn is_same(&self) -> bool {
        self.at.is_none()
    }

    /// The cells of a row of the file where they belong; a column that the file lacks has no value.
    pub fn row<'c>(&'c self, cells: &'c [&'c str]) -> Cow<'c, [&'c str]> {
        let Some(at) = &self.at else { return Cow::Borrowed(cells) };
        let mut row = vec![""; self.targets.len()];
        for (cell, place) in cells.iter().zip(at) {
            row[*place] = cell;
        }
        if let Some(place) = self.file_at {
            row[place] = &self.file;
        }
        Cow::Owned(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(names: &[(&str, ColumnType)]) -> Vec<Target> {
        names.iter().map(|(name, kind)| Target { name: (*name).to_owned(), kind: *kind }).collect()
    }

    #[test]
    fn columns_unite_by_name_whatever_their_order() {
        let one = targets(&[("a", ColumnType::Decimal), ("b", ColumnType::Text)]);
        let two = targets(&[("c", ColumnType::Text), ("b", ColumnType::Json), ("a", ColumnType::Decimal)]);
        let mut united = United::of([one.as_slice(), &two].into_iter(), false);
        let names: Vec<&str> = united.targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "c", FILE_COLUMN]);
        assert_eq!(united.targets[0].kind, ColumnType::Decimal);
        assert_eq!(united.targets[1].kind, ColumnType::Text);
        united.begin(&one, "1.csv");
        assert_eq!(*united.row(&["1", "x"]), ["1", "x", "", "1.csv"]);
        united.begin(&two, "2.csv");
        assert_eq!(*united.row(&["z", "y", "2"]), ["2", "y", "z", "2.csv"]);
    }

    #[test]
    fn a_file_by_itself_is_as_it_is() {
        let one = targets(&[("a", ColumnType::Text)]);
        let mut united = United::of([one.as_slice()].into_iter(), true);
        united.begin(&one, "1.csv");
        assert!(matches!(united.row(&["1"]), Cow::Borrowed(["1"])));
    }
}
