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
    /// By column.
    columns: Vec<Column>,
}

/// What a column of a batch has.
#[derive(Debug, Clone, Default)]
struct Column {
    /// Texts that are not that of the cell above.
    texts: u32,
    /// Cells without a text.
    gaps: u32,
}

impl RowBatch {
    /// Adds a row, as wide as those before.
    pub fn push(&mut self, cells: &[&str], place: Place) {
        self.columns.resize_with(cells.len(), Column::default);
        let above = self.spans.len().checked_sub(cells.len());
        for (at, (cell, column)) in cells.iter().zip(&mut self.columns).enumerate() {
            if cell.is_empty() {
                column.gaps += 1;
                self.spans.push((0, 0));
                continue;
            }
            if let Some((begin, end)) = above.map(|above| self.spans[above + at])
                && (end - begin) as usize == cell.len()
                && self.text.as_bytes()[begin as usize..end as usize] == *cell.as_bytes()
            {
                self.spans.push((begin, end));
                continue;
            }
            column.texts += 1;
            let begin = self.text.len() as u32;
            self.text.push_str(cell);
            // INVARIANT: whoever fills a batch empties it when it is full, and a row has some megabytes at most.
            self.spans.push((begin, self.text.len() as u32));
        }
        self.places.push(place);
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
        self.columns.clear();
    }

    /// Where each row stands.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        self.text_at(self.spans[row * self.columns.len() + column])
    }

    fn text_at(&self, (begin, end): (u32, u32)) -> &str {
        &self.text[begin as usize..end as usize]
    }

    /// The cells of a row, into a buffer.
    pub fn row<'b>(&'b self, row: usize, cells: &mut Vec<&'b str>) {
        cells.clear();
        let first = row * self.columns.len();
        cells.extend(self.spans[first..first + self.columns.len()].iter().map(|span| self.text_at(*span)));
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
        let is_one = self.columns.get(column).is_none_or(|of| match (of.texts, of.gaps) {
            (0, _) | (1, 0) => true,
            _ => false,
        });
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
        let (first, height, width) = (*next, batch.len(), batch.columns.len());
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
                batch.push(cells, Place { line: None, row: row as u64 + 1 });
            }
            assert_eq!((batch.len(), batch.is_full()), (3, false));
            let mut cells = Vec::new();
            for (row, given) in given.iter().enumerate() {
                batch.row(row, &mut cells);
                assert_eq!(cells, given);
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
            batch.push(&["", cell, "one"], Place { line: None, row: row as u64 });
        }
        assert_eq!(batch.text, "longonelonggone");
        let runs = |column| batch.runs(column).collect::<Vec<_>>();
        let long = Some("long");
        assert_eq!(runs(1), [(0..2, long), (2..3, None), (3..4, long), (4..6, Some("gone"))]);
        assert_eq!((runs(0), runs(2)), (vec![(0..6, None)], vec![(0..6, Some("one"))]));
        assert_eq!([1, 2, 5].map(|row| batch.cell(row, 1)), ["long", "", "gone"]);
    }
}
