//! A table of many rows: what its columns and cells are, in which order its rows stand, and the whole as CSV. Drawn by
//! [`draw`]: only what is in view is made, the header stays, columns sort, rows are chosen by mouse or keyboard.

mod draw;

use std::cmp::Ordering;

use egui::Color32;

use super::Badge;
use crate::units;
pub use draw::{data_table_ui, data_table_with_foot_ui};

/// Width of what stands behind a number, in points.
const ASIDE: f32 = 46.0;
/// The same of a mark.
const MARK: f32 = 16.0;

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    title: String,
    width: f32,
    fill: bool,
    number: bool,
    /// Room behind a number, in points; 0 for none.
    aside: f32,
    hover: String,
}

impl Column {
    /// Words, left-aligned, `width` points wide.
    pub fn text(title: impl Into<String>, width: f32) -> Self {
        Self { title: title.into(), width, fill: false, number: false, aside: 0.0, hover: String::new() }
    }

    /// Words that take the width that is left, `least` points at least.
    pub fn fill(title: impl Into<String>, least: f32) -> Self {
        Self { fill: true, ..Self::text(title, least) }
    }

    /// Numbers, right-aligned, `width` points wide. The title names the unit.
    pub fn number(title: impl Into<String>, width: f32) -> Self {
        Self { number: true, ..Self::text(title, width) }
    }

    /// Numbers with room behind each for what is said aside, so that all stand below each other and their title.
    pub fn number_with_aside(title: impl Into<String>, width: f32) -> Self {
        Self { aside: ASIDE, ..Self::number(title, width) }
    }

    /// Numbers with room behind each for a mark of a letter or two, which a note or the hover explains.
    pub fn number_with_mark(title: impl Into<String>, width: f32) -> Self {
        Self { aside: MARK, ..Self::number(title, width) }
    }

    /// What the column means, where the pointer rests on its title.
    #[must_use]
    pub fn hover(mut self, text: impl Into<String>) -> Self {
        self.hover = text.into();
        self
    }
}

/// By what a cell is sorted.
#[derive(Debug, Clone, PartialEq)]
enum Sort {
    /// By its text, without regard to case.
    Text,
    Number(f64),
    /// Behind all others in either direction: a value that is not known.
    Last,
}

/// What stands in a cell.
#[derive(Debug, Clone)]
pub struct Cell {
    text: String,
    sort: Sort,
    hover: String,
    colour: Option<Color32>,
    quiet: bool,
    badge: Option<Badge>,
    aside: Option<String>,
    spoken: Option<String>,
    swatch: Option<Color32>,
    bar: Option<f32>,
    level: u8,
    fold: Option<bool>,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            sort: Sort::Text,
            hover: String::new(),
            colour: None,
            quiet: false,
            badge: None,
            aside: None,
            spoken: None,
            swatch: None,
            bar: None,
            level: 0,
            fold: None,
        }
    }

    /// A number, as it is sorted and as it is shown.
    pub fn number(value: f64, shown: impl Into<String>) -> Self {
        Self { sort: if value.is_nan() { Sort::Last } else { Sort::Number(value) }, ..Self::text(shown) }
    }

    /// A value that is not known, and why.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { sort: Sort::Last, hover: reason.into(), quiet: true, ..Self::text("–") }
    }

    /// A badge behind the text; alone where the text is empty.
    #[must_use]
    pub fn badge(mut self, badge: Badge) -> Self {
        self.badge = Some(badge);
        self
    }

    /// Small and quiet behind a number, in a column made by [`Column::number_with_aside`] or
    /// [`Column::number_with_mark`].
    #[must_use]
    pub fn aside(mut self, text: impl Into<String>) -> Self {
        self.aside = Some(text.into());
        self
    }

    /// What assistive technology is told where the text is a short form.
    #[must_use]
    pub fn spoken(mut self, text: impl Into<String>) -> Self {
        self.spoken = Some(text.into());
        self
    }

    /// Read second.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// In a colour that means something.
    #[must_use]
    pub fn colour(mut self, colour: Color32) -> Self {
        self.colour = Some(colour);
        self
    }

    /// A square of the colour of a series before the text.
    #[must_use]
    pub fn swatch(mut self, colour: Color32) -> Self {
        self.swatch = Some(colour);
        self
    }

    /// A bar behind the text, `share` in [0, 1] of the cell wide.
    #[must_use]
    pub fn bar(mut self, share: f64) -> Self {
        self.bar = Some(share.clamp(0.0, 1.0) as f32);
        self
    }

    /// Of a tree: how many levels below the top, and whether what is below it is shown; `None` = there is nothing.
    #[must_use]
    pub fn fold(mut self, level: u8, open: Option<bool>) -> Self {
        self.level = level;
        self.fold = open;
        self
    }

    /// More, where the pointer rests.
    #[must_use]
    pub fn hover(mut self, text: impl Into<String>) -> Self {
        self.hover = text.into();
        self
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (&self.sort, &other.sort) {
            (Sort::Number(a), Sort::Number(b)) => a.total_cmp(b),
            (Sort::Number(_), Sort::Text) => Ordering::Less,
            (Sort::Text, Sort::Number(_)) => Ordering::Greater,
            _ => units::number_order(&self.text.to_lowercase(), &other.text.to_lowercase()),
        }
    }
}

/// What a table shows.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Unique on the page.
    pub id: &'a str,
    /// What it lists, for those who cannot see it: `Models`.
    pub name: &'a str,
    /// The columns.
    pub columns: &'a [Column],
    /// How many rows.
    pub rows: usize,
    /// Changes whenever the rows do ([`crate::app::State::revision`]).
    pub revision: u64,
    /// The chosen row.
    pub selected: Option<usize>,
    /// Greatest height, in points; longer tables scroll.
    pub height: f32,
}

/// Revision, rows and sorting that an order was made for.
type MadeFor = (u64, usize, Option<(usize, bool)>);

/// What a table remembers between frames.
#[derive(Debug, Clone, Default)]
pub struct TableState {
    /// Column and whether descending; `None` = in the order given.
    pub sort: Option<(usize, bool)>,
    /// The rows come in the order of `sort` already, as those of a tree or of a page of many must.
    pub given_order: bool,
    order: Vec<usize>,
    made_for: Option<MadeFor>,
    scroll_to: Option<usize>,
}

impl TableState {
    /// Scrolls to the row with this number, in the order given, when the table is drawn next.
    pub fn bring(&mut self, row: usize) {
        self.scroll_to = Some(self.order.iter().position(|other| *other == row).unwrap_or(row));
    }
}

/// What the user did to a table. Rows are numbered as they were given, whatever the order shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableOutput {
    /// The row now chosen, by a click or an arrow key.
    pub chosen: Option<usize>,
    /// The row double-clicked, or chosen and confirmed with Enter.
    pub opened: Option<usize>,
    /// The chosen row, and the user pressed Delete.
    pub deleted: Option<usize>,
    /// The row of a tree that the user opens or closes.
    pub toggled: Option<usize>,
}

/// Brings the order shown up to date, where the rows or the sorting have changed.
fn arrange(table: &Table<'_>, state: &mut TableState, cell: &impl Fn(usize, usize) -> Cell) {
    state.sort = state.sort.filter(|(column, _)| *column < table.columns.len());
    let wanted = Some((table.revision, table.rows, state.sort));
    if state.made_for == wanted {
        return;
    }
    state.made_for = wanted;
    state.order = (0..table.rows).collect();
    if let Some((column, descending)) = state.sort.filter(|_| !state.given_order) {
        let cells: Vec<Cell> = (0..table.rows).map(|row| cell(row, column)).collect();
        state.order.sort_by(|&a, &b| {
            let (a, b) = (&cells[a], &cells[b]);
            // What is not known stays last in either direction.
            match (a.sort == Sort::Last, b.sort == Sort::Last) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) if descending => b.compare(a),
                (false, false) => a.compare(b),
            }
        });
    }
}

fn line(table: &Table<'_>, number: usize, cell: &impl Fn(usize, usize) -> Cell) -> String {
    let fields: Vec<String> =
        (0..table.columns.len()).map(|column| quoted(&cell(number, column).text)).collect();
    fields.join(",")
}

fn csv(table: &Table<'_>, order: &[usize], cell: &impl Fn(usize, usize) -> Cell) -> String {
    let titles: Vec<String> = table.columns.iter().map(|column| quoted(&column.title)).collect();
    let mut text = titles.join(",");
    for number in order {
        text.push('\n');
        text.push_str(&line(table, *number, cell));
    }
    text.push('\n');
    text
}

/// A CSV field (RFC 4180).
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [(&str, Option<f64>); 4] =
        [("b", Some(10.0)), ("A", None), ("c, d", Some(9.0)), ("e", Some(-1.0))];

    fn cell(row: usize, column: usize) -> Cell {
        match (column, ROWS[row]) {
            (0, (name, _)) => Cell::text(name),
            (_, (_, Some(value))) => Cell::number(value, format!("{value:.0}")),
            (_, (_, None)) => Cell::unknown("not measured"),
        }
    }

    fn order(sort: Option<(usize, bool)>) -> Vec<usize> {
        let columns = [Column::text("Name", 80.0), Column::number("Value", 80.0)];
        let table = Table {
            id: "t",
            name: "Things",
            columns: &columns,
            rows: ROWS.len(),
            revision: 1,
            selected: None,
            height: 200.0,
        };
        let mut state = TableState { sort, ..TableState::default() };
        arrange(&table, &mut state, &cell);
        state.order
    }

    #[test]
    fn numbers_sort_by_value_words_without_case_and_the_unknown_comes_last() {
        assert_eq!(order(None), [0, 1, 2, 3]);
        assert_eq!(order(Some((0, false))), [1, 0, 2, 3]);
        assert_eq!(order(Some((1, false))), [3, 2, 0, 1]);
        assert_eq!(order(Some((1, true))), [0, 2, 3, 1]);
    }

    #[test]
    fn a_copied_table_is_csv_in_the_order_shown() {
        let columns = [Column::text("Name", 80.0), Column::number("Value", 80.0)];
        let table = Table {
            id: "t",
            name: "T",
            columns: &columns,
            rows: 4,
            revision: 1,
            selected: None,
            height: 1.0,
        };
        assert_eq!(csv(&table, &[2, 0], &cell), "Name,Value\n\"c, d\",9\nb,10\n");
    }
}
