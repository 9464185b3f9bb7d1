//! Rows of text cells in one piece of memory: on their way from one thread to another, or waiting to be worked through
//! column by column.

use std::ops::Range;

use super::warnings::Place;

/// Rows and bytes that are worked through at once: as much as stays in a core's cache, and enough that handing it over
/// costs nothing.
const ROWS: usize = 256;
const BYTES: usize = 1 << 19;

/// Rows that all have the same number of cells. Bills are sorted by something more often than not, so that most cells
/// repeat the one above: such a text is kept once.
#[derive(Default)]
pub(super) struct RowBatch {
    text: String,
    /// Where each cell begins and ends in `text`, row by row.
    spans: Vec<(u32, u32)>,
    places: Vec<Place>,
    /// By column, how many cells are not as the one above.
    changes: Vec<u32>,
}

impl RowBatch {
    /// Adds a row, as wide as those before; with `changed` it is as the one before but for these columns, if that.
    pub fn push(&mut self, cells: &[&str], changed: Option<&[usize]>, place: Place) {
        self.places.push(place);
        let first = self.spans.len();
        if first == 0 {
            self.changes.resize(cells.len(), 0);
            for (cell, changes) in cells.iter().zip(&mut self.changes) {
                *changes = 1;
                let span = added(&mut self.text, cell);
                self.spans.push(span);
            }
            return;
        }
        self.spans.extend_from_within(first - cells.len()..);
        if let Some(changed) = changed {
            for column in changed {
                self.put(first + column, *column, cells[*column]);
            }
        } else {
            for (column, cell) in cells.iter().enumerate() {
                self.put(first + column, column, cell);
            }
        }
    }

    /// A cell of the last row, whose text is that of the cell above so far.
    fn put(&mut self, at: usize, column: usize, cell: &str) {
        let (begin, end) = self.spans[at];
        let above = &self.text.as_bytes()[begin as usize..end as usize];
        if above != cell.as_bytes() {
            self.changes[column] += 1;
            self.spans[at] = added(&mut self.text, cell);
        }
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Whether it is time to work through them.
    pub fn is_full(&self) -> bool {
        self.len() >= ROWS || self.text.len() >= BYTES
    }

    /// Forgets the rows, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
        self.places.clear();
        self.changes.clear();
    }

    /// Where each row stands.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.text_at(self.spans[row * self.changes.len() + column])
    }

    fn text_at(&self, (begin, end): (u32, u32)) -> &str {
        &self.text[begin as usize..end as usize]
    }

    /// The cells of a row, into a buffer that has those of the row before; `changed` gets the columns that are not as
    /// there. Of the first row all are.
    pub fn row<'b>(&'b self, row: usize, cells: &mut Vec<&'b str>, changed: &mut Vec<usize>) {
        changed.clear();
        let width = self.changes.len();
        let first = row * width;
        let spans = &self.spans[first..first + width];
        let Some(above) = first.checked_sub(width) else {
            cells.clear();
            cells.extend(spans.iter().map(|span| self.text_at(*span)));
            changed.extend(0..width);
            return;
        };
        for (column, (span, before)) in spans.iter().zip(&self.spans[above..first]).enumerate() {
            if span != before {
                cells[column] = self.text_at(*span);
                changed.push(column);
            }
        }
    }

    /// Some cells of a row, into a buffer as wide as the row; what stands in its other places is not touched.
    pub fn some<'b>(&'b self, row: usize, columns: &[usize], cells: &mut [&'b str]) {
        for column in columns {
            cells[*column] = self.cell(row, *column);
        }
    }

    /// The cells of a column, from the first row to the last, those together that repeat the one above.
    pub fn runs(&self, column: usize) -> Runs<'_> {
        // Many columns have one value, or none.
        let is_one = self.changes.get(column).is_none_or(|changes| *changes <= 1);
        Runs { batch: self, column, next: 0, is_one }
    }
}

/// Cells of a column.
pub(super) struct Runs<'b> {
    batch: &'b RowBatch,
    column: usize,
    next: usize,
    /// They all say the same.
    is_one: bool,
}

impl<'b> Iterator for Runs<'b> {
    /// Rows, and the text in each of them; `None` for cells without one.
    type Item = (Range<usize>, Option<&'b str>);

    fn next(&mut self) -> Option<Self::Item> {
        let Self { batch, column, next, is_one } = self;
        let (first, height, width) = (*next, batch.len(), batch.changes.len());
        if first >= height {
            return None;
        }
        let span = batch.spans[first * width + *column];
        *next = if *is_one {
            height
        } else {
            let rows = batch.spans[first * width + *column..].iter().step_by(width);
            first + rows.take_while(|other| **other == span).count()
        };
        Some((first..*next, (span != (0, 0)).then(|| batch.text_at(span))))
    }
}

/// Where a text lies once it is added; one without letters lies nowhere.
fn added(text: &mut String, cell: &str) -> (u32, u32) {
    if cell.is_empty() {
        return (0, 0);
    }
    let begin = text.len() as u32;
    text.push_str(cell);
    // INVARIANT: whoever fills a batch empties it when it is full, and a row has some megabytes at most.
    (begin, text.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_by_row_and_by_column() {
        let mut batch = RowBatch::default();
        let given = [["a", "", "bc"], ["", "ä", ""], ["d", "e", "f"]];
        // The second time in memory that was used before.
        for _ in 0..2 {
            batch.clear();
            for (row, cells) in given.iter().enumerate() {
                batch.push(cells, None, Place { line: None, row: row as u64 + 1 });
            }
            assert_eq!((batch.len(), batch.is_full()), (3, false));
            let (mut cells, mut changed) = (Vec::new(), Vec::new());
            for (row, given) in given.iter().enumerate() {
                batch.row(row, &mut cells, &mut changed);
                assert_eq!(cells, given);
                assert_eq!(changed, [0, 1, 2]);
            }
            let mut some = vec!["-"; 3];
            batch.some(1, &[1, 2], &mut some);
            assert_eq!(some, ["-", "ä", ""]);
            let column: Vec<_> = batch.runs(1).collect();
            assert_eq!(column, [(0..1, None), (1..2, Some("ä")), (2..3, Some("e"))]);
            assert_eq!(batch.places()[2].row, 3);
        }
    }

    #[test]
    fn a_text_that_repeats_the_one_above_is_kept_once() {
        let mut batch = RowBatch::default();
        for (row, cell) in ["long", "long", "", "long", "gone", "gone"].into_iter().enumerate() {
            batch.push(&["", cell, "one"], None, Place { line: None, row: row as u64 });
        }
        assert_eq!(batch.text, "longonelonggone");
        let runs = |column| batch.runs(column).collect::<Vec<_>>();
        let long = Some("long");
        assert_eq!(runs(1), [(0..2, long), (2..3, None), (3..4, long), (4..6, Some("gone"))]);
        assert_eq!((runs(0), runs(2)), (vec![(0..6, None)], vec![(0..6, Some("one"))]));
        assert_eq!([1, 2, 5].map(|row| batch.cell(row, 1)), ["long", "", "gone"]);
    }

    #[test]
    fn rows_that_change_in_some_columns_are_as_if_they_were_added_whole() {
        let (mut whole, mut changing) = (RowBatch::default(), RowBatch::default());
        let rows = [["a", "", "c"], ["a", "b", "c"], ["a", "b", ""], ["a", "b", ""], ["x", "", "c"]];
        let (mut cells, mut changed) = (Vec::new(), Vec::new());
        let mut told = Vec::new();
        for (row, given) in rows.iter().enumerate() {
            whole.push(given, None, Place { line: None, row: row as u64 });
        }
        for (row, given) in rows.iter().enumerate() {
            whole.row(row, &mut cells, &mut changed);
            assert_eq!(cells, given);
            changing.push(&cells, Some(&changed), Place { line: None, row: row as u64 });
            told.push(changed.clone());
        }
        assert_eq!(told, [vec![0, 1, 2], vec![1], vec![2], vec![], vec![0, 1, 2]]);
        assert_eq!(
            (changing.text, changing.spans, changing.changes),
            (whole.text, whole.spans, whole.changes)
        );
    }
}
