//! Rows of text cells in one piece of memory: on their way from one thread to another, or waiting to be worked through
//! column by column.

use super::warnings::Place;

/// Rows that all have the same number of cells.
#[derive(Default)]
pub(super) struct RowBatch {
    text: String,
    /// Where each cell ends in `text`, row by row.
    ends: Vec<u32>,
    places: Vec<Place>,
    width: usize,
}

impl RowBatch {
    /// Adds a row, as wide as those before.
    pub fn push(&mut self, cells: &[&str], place: Place) {
        self.width = cells.len();
        for cell in cells {
            self.text.push_str(cell);
            // INVARIANT: whoever fills a batch empties it after some hundred kilobytes, and a row has some megabytes at
            // most.
            self.ends.push(self.text.len() as u32);
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

    /// Bytes of text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Forgets the rows, and keeps the memory for others.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.places.clear();
    }

    /// Where each row stands.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> &str {
        let at = row * self.width + column;
        let begin = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.text[begin..self.ends[at] as usize]
    }

    /// The cells of a row, into a buffer.
    pub fn row<'b>(&'b self, row: usize, cells: &mut Vec<&'b str>) {
        cells.clear();
        let first = row * self.width;
        let mut begin = if first == 0 { 0 } else { self.ends[first - 1] as usize };
        for end in &self.ends[first..first + self.width] {
            let end = *end as usize;
            cells.push(&self.text[begin..end]);
            begin = end;
        }
    }

    /// The cells of a column, from the first row to the last.
    pub fn column(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.len()).map(move |row| self.cell(row, column))
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
            assert_eq!((batch.len(), batch.bytes()), (3, 8));
            let mut cells = Vec::new();
            for (row, given) in given.iter().enumerate() {
                batch.row(row, &mut cells);
                assert_eq!(cells, given);
            }
            assert_eq!(batch.column(1).collect::<Vec<_>>(), ["", "ä", "e"]);
            assert_eq!(batch.places()[2].row, 3);
        }
    }
}
