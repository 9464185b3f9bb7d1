//! The rows behind the groups, as they are in the file. Whatever their number, only those in view are drawn and only
//! their pages are read; the bar beside them goes by rows, not by points, so the last of many millions is as easy to
//! reach as the first.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use egui::{Key, Rect, Sense, Ui, WidgetInfo, vec2};

use crate::app::spend::is_page;
use crate::app::{Command, Query, QueryResult, SpendQuery, State};
use crate::bill::claims::Counted;
use crate::bill::columns::ColumnType;
use crate::bill::{ColumnView, Filter, RowsView};
use crate::ui::pages::parts::{csv_text, problem_ui, reading_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{
    Cell, Column, Table, TableState, count_words, data_table_ui, note_ui, quiet_button_ui,
};

/// Rows of a page.
const PAGE: u64 = 200;
/// Rows in view.
const IN_VIEW: u64 = 14;
/// Height of the table.
const HEIGHT: f32 = (IN_VIEW + 1) as f32 * space::ROW;
/// Width of the bar beside the rows.
const BAR: f32 = 12.0;
/// Pages read at the same time.
const AT_ONCE: usize = 2;
/// Columns that tell most about a row; they come first.
const FIRST: [&str; 13] = [
    "ChargePeriodStart",
    "ServiceName",
    "BilledCost",
    "EffectiveCost",
    "BillingCurrency",
    "ResourceName",
    "ChargeDescription",
    "RegionId",
    "ChargeCategory",
    "ConsumedQuantity",
    "ConsumedUnit",
    "x_InferenceRule",
    "Tags",
];

/// What the table remembers between frames.
#[derive(Default)]
pub(super) struct Rows {
    filters: Vec<Filter>,
    bills: Vec<Counted>,
    /// The column sorted by, and whether descending.
    sort: Option<(String, bool)>,
    /// First row in view.
    top: u64,
    /// Parts of a row that the wheel has turned.
    wheel: f32,
    total: Option<u64>,
    columns: Vec<String>,
    /// Places of the columns shown: those that had a value in what was read, the telling ones first.
    order: Vec<usize>,
    seen: BTreeSet<u64>,
    problem: Option<String>,
    waiting: bool,
    table: TableState,
    chosen: Option<u64>,
    version: u64,
}

impl Rows {
    pub(super) fn ask(&mut self, view: &mut View<'_>) {
        let state = view.app.state();
        let filters = state.bill_filters();
        let bills = state.counting.bills.clone();
        if filters != self.filters || bills != self.bills {
            let Self { table, sort, version, .. } = std::mem::take(self);
            *self = Self { filters, bills, table, sort, version: version + 1, ..Self::default() };
        }
        self.waiting = false;
        let last = self.total.map_or(0, |total| total.saturating_sub(1)) / PAGE;
        let pages = [self.top / PAGE, (self.top + IN_VIEW - 1) / PAGE];
        for page in pages.into_iter().map(|page| page.min(last)).collect::<BTreeSet<_>>() {
            let query = self.query(page);
            match state.queries.get(&query) {
                Some(Ok(QueryResult::Rows(rows))) => self.take(page, rows),
                Some(Err(problem)) => self.problem = Some(problem.clone()),
                _ => {
                    self.waiting = true;
                    let busy = state.asked.iter().filter(|query| is_page(query)).count();
                    if busy < AT_ONCE && !state.asked.contains(&query) {
                        view.send(Command::Ask(query));
                    }
                }
            }
        }
    }

    fn query(&self, page: u64) -> Query {
        let (filters, offset, limit) = (self.filters.clone(), page * PAGE, PAGE);
        match &self.sort {
            None => Query::Rows { filters, offset, limit },
            Some((column, descending)) => Query::Spend(SpendQuery::RowsBy {
                filters,
                column: column.clone(),
                descending: *descending,
                offset,
                limit,
            }),
        }
    }

    /// Learns from a page that was read: how many rows there are, which columns have values.
    fn take(&mut self, page: u64, rows: &RowsView) {
        self.problem = None;
        self.total = Some(rows.total_rows);
        if !self.seen.insert(page) {
            return;
        }
        self.version += 1;
        self.columns.clone_from(&rows.columns);
        for place in telling_first(rows) {
            if !self.order.contains(&place) {
                self.order.push(place);
            }
        }
        self.order.sort_by_key(|place| (rank(&rows.columns[*place]), *place));
    }

    /// The page that a row is on, and its answer where it is there.
    fn page<'a>(&self, state: &'a State, row: u64) -> (u64, Option<&'a RowsView>) {
        let page = row / PAGE;
        match state.queries.get(&self.query(page)) {
            Some(Ok(QueryResult::Rows(rows))) => (page, Some(rows)),
            _ => (page, None),
        }
    }

    pub(super) fn copy_ui(&self, ui: &mut Ui, view: &mut View<'_>) {
        if self.total.is_some_and(|total| total > 0)
            && quiet_button_ui(ui, "Copy this page as CSV")
                .on_hover_text(format!("The {PAGE} rows around the first in view, with every column"))
                .clicked()
        {
            match view.app.state().queries.get(&self.query(self.top / PAGE)) {
                Some(Ok(QueryResult::Rows(rows))) => {
                    view.actions.push(Action::Copy { text: csv(rows), what: "Rows as CSV".to_owned() });
                }
                _ => view.say("The rows are still being read"),
            }
        }
        if self.waiting {
            reading_ui(ui);
        }
    }

    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, columns: &[ColumnView]) {
        if let Some(problem) = &self.problem {
            return problem_ui(ui, problem);
        }
        let Some(total) = self.total else { return };
        let state = view.app.state();
        let most = total.saturating_sub(IN_VIEW);
        self.top = self.top.min(most);
        let (top, in_view) = (self.top, IN_VIEW.min(total));
        let shown: Vec<Column> = self.order.iter().map(|place| column_of(&self.columns[*place])).collect();
        let mut table = std::mem::take(&mut self.table);
        table.given_order = true;
        table.sort = self.sort.as_ref().and_then(|(column, descending)| {
            let place = self.order.iter().position(|place| self.columns[*place] == *column)?;
            Some((place, *descending))
        });
        let before = table.sort;
        let (corner, width) = (ui.cursor().min, ui.available_width());
        // Two at most; a cell must not look for its page.
        let pages = [self.page(state, top), self.page(state, top + in_view.saturating_sub(1))];
        let shape = Table {
            id: "bill rows",
            name: "Rows of the bill",
            columns: &shown,
            rows: usize::try_from(in_view).unwrap_or(0),
            revision: self.version,
            selected: self.chosen.and_then(|row| usize::try_from(row.checked_sub(top)?).ok()),
            height: HEIGHT + 1.0,
        };
        let output = ui
            .allocate_ui(vec2(width - BAR - space::S, HEIGHT), |ui| {
                data_table_ui(ui, &shape, &mut table, |row, column| {
                    let place = self.order[column];
                    match cells(&pages, top + row as u64) {
                        Some(cells) => {
                            value_cell(cells.get(place).and_then(Option::as_ref), &self.columns[place])
                        }
                        None => Cell::text("…").quiet(),
                    }
                })
            })
            .inner;
        let area = Rect::from_min_size(corner, vec2(width, HEIGHT));
        self.scroll_ui(ui, area, most, in_view, total);
        if let Some(row) = output.chosen {
            let row_number = top + row as u64;
            // The arrow keys go on past the last row in view.
            if self.chosen == Some(row_number) && output.chosen.is_some() {
                if row as u64 + 1 == in_view && ui.input(|input| input.key_down(Key::ArrowDown)) {
                    self.top = (top + 1).min(most);
                    self.chosen = Some((row_number + 1).min(total - 1));
                } else if row == 0 && ui.input(|input| input.key_down(Key::ArrowUp)) {
                    self.top = top.saturating_sub(1);
                    self.chosen = Some(row_number.saturating_sub(1));
                }
            } else {
                self.chosen = Some(row_number);
            }
        }
        if table.sort != before {
            self.sort_by(table.sort, columns, view);
        }
        if self.top != top || table.sort != before {
            // What comes into view is asked in the next frame.
            ui.ctx().request_repaint();
        }
        self.table = table;
        let last = (self.top + in_view).min(total);
        let first = if total == 0 { 0 } else { self.top + 1 };
        let mut words =
            format!("Rows {} to {} of {}", count_words(first), count_words(last), count_words(total));
        if let Some((column, descending)) = &self.sort {
            let which = if *descending { "largest" } else { "smallest" };
            // Writing to a text cannot fail.
            let _ = write!(words, ", {which} {column} first");
        }
        note_ui(ui, &words);
    }

    /// Sorts by a column of amounts or dates; every other click on a title goes back to the order of the files.
    fn sort_by(&mut self, wanted: Option<(usize, bool)>, columns: &[ColumnView], view: &mut View<'_>) {
        let wanted = wanted.and_then(|(place, descending)| {
            Some((self.columns.get(*self.order.get(place)?)?.clone(), descending))
        });
        let kind = |name: &str| columns.iter().find(|view| view.name == name).map(|view| view.kind);
        if let Some((name, _)) = &wanted
            && !matches!(kind(name), Some(ColumnType::Decimal | ColumnType::Time))
        {
            view.say("Rows are sorted by amounts and dates; group by a column of words instead");
            return;
        }
        self.sort = wanted;
        self.top = 0;
        self.chosen = None;
        self.version += 1;
    }

    /// The wheel, the keys for pages, and the bar beside the rows.
    fn scroll_ui(&mut self, ui: &mut Ui, area: Rect, most: u64, in_view: u64, total: u64) {
        let tokens = Tokens::of(ui);
        if most == 0 {
            return;
        }
        let mut moved: i64 = 0;
        if ui.rect_contains_pointer(area) {
            let delta = ui.input(|input| input.smooth_scroll_delta().y);
            let can = (delta < 0.0 && self.top < most) || (delta > 0.0 && self.top > 0);
            if can {
                ui.input_mut(|input| input.smooth_scroll_delta.y = 0.0);
                self.wheel -= delta / space::ROW;
                moved = self.wheel.trunc() as i64;
                self.wheel = self.wheel.fract();
            }
        }
        let track = Rect::from_min_max(
            egui::pos2(area.right() - BAR, area.top() + space::ROW),
            egui::pos2(area.right(), area.bottom()),
        );
        let id = ui.scope_id().with("rows bar");
        let response = ui.interact(track, id, Sense::click_and_drag());
        response.widget_info(|| WidgetInfo::slider(true, self.top as f64, "First row in view"));
        if response.has_focus() || ui.rect_contains_pointer(area) {
            let page = i64::try_from(in_view).unwrap_or(1);
            ui.input_mut(|input| {
                for (key, by) in [(Key::PageDown, page), (Key::PageUp, -page)] {
                    if input.consume_key(egui::Modifiers::NONE, key) {
                        moved += by;
                    }
                }
            });
        }
        let share = (in_view as f32 / total as f32).min(1.0);
        let length = (track.height() * share).max(28.0);
        let room = (track.height() - length).max(1.0);
        if let Some(pointer) =
            response.interact_pointer_pos().filter(|_| response.is_pointer_button_down_on())
        {
            let at = ((pointer.y - track.top() - length / 2.0) / room).clamp(0.0, 1.0);
            self.top = (f64::from(at) * most as f64).round() as u64;
        }
        self.top = self.top.saturating_add_signed(moved).min(most);
        let start = track.top() + room * (self.top as f64 / most as f64) as f32;
        let thumb = Rect::from_min_size(egui::pos2(track.left() + 3.0, start), vec2(BAR - 5.0, length));
        let lit = response.hovered() || response.dragged() || response.has_focus();
        let colour = if lit { tokens.text_quiet } else { tokens.border_strong };
        ui.painter().rect_filled(thumb, 4, colour);
    }
}

/// The cells of a row, where its page is among these.
fn cells<'a>(pages: &[(u64, Option<&'a RowsView>)], row: u64) -> Option<&'a [Option<String>]> {
    let (_, rows) = pages.iter().find(|(page, _)| *page == row / PAGE)?;
    rows.as_ref()?.rows.get(usize::try_from(row % PAGE).ok()?).map(Vec::as_slice)
}

fn value_cell(value: Option<&String>, column: &str) -> Cell {
    match value {
        Some(text) => match text.parse::<f64>() {
            Ok(value) if is_number(column) => Cell::number(value, text.clone()),
            _ => Cell::text(text.clone()).hover(text.clone()),
        },
        None => Cell::unknown("No value in the file"),
    }
}

/// Columns with a value on this page, the telling ones first.
fn telling_first(view: &RowsView) -> Vec<usize> {
    let filled = |place: &usize| view.rows.iter().any(|row| row.get(*place).is_some_and(Option::is_some));
    let mut order: Vec<usize> = (0..view.columns.len()).filter(filled).collect();
    order.sort_by_key(|place| rank(&view.columns[*place]));
    order
}

fn rank(column: &str) -> usize {
    FIRST.iter().position(|name| *name == column).unwrap_or(FIRST.len())
}

fn is_number(column: &str) -> bool {
    ["Cost", "Price", "Quantity", "Rate"].iter().any(|end| column.ends_with(end))
}

fn column_of(name: &str) -> Column {
    match name {
        "ChargeDescription" | "ResourceId" | "ResourceName" | "Tags" => Column::text(name, 220.0),
        "ServiceName" => Column::text(name, 160.0),
        name if is_number(name) => Column::number(name, 128.0),
        name if name.ends_with("Start") || name.ends_with("End") => Column::text(name, 164.0),
        _ => Column::text(name, 136.0),
    }
}

fn csv(view: &RowsView) -> String {
    let header: Vec<&str> = view.columns.iter().map(String::as_str).collect();
    let rows = view.rows.iter().map(|row| row.iter().map(|cell| cell.clone().unwrap_or_default()).collect());
    csv_text(&header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_without_a_value_are_left_out_and_telling_ones_come_first() {
        let view = RowsView {
            columns: ["x_Other", "Empty", "ServiceName"].map(str::to_owned).to_vec(),
            rows: vec![vec![Some("1".to_owned()), None, Some("s".to_owned())]],
            total_rows: 1,
        };
        assert_eq!(telling_first(&view), [2, 0]);
    }
}
