//! A [`Table`] on the screen: header, rows, cells, and what the user does to them.

use egui::{Align, EventFilter, Key, Label, Layout, Response, RichText, Role, Sense, Stroke, Ui, WidgetInfo};
use egui_extras::{Column as Sized, TableBuilder, TableRow};

use super::{Cell, Column, Table, TableOutput, TableState, arrange, csv, line};
use crate::ui::theme::{RADIUS, Tokens, space};
use crate::ui::widgets::{Icon, badge_ui};

/// Between columns, in points: a number at the right end of one must not touch the word at the left end of the next.
const GAP: f32 = 20.0;
/// The same where there is little room.
const NARROW_GAP: f32 = 12.0;
/// Room for the scroll bar, in points.
const SCROLL_BAR: f32 = 12.0;

/// Draws a table. `cell` makes the cell of a row and a column; it is called for what is in view, and for every row
/// when a column is sorted or the table is copied.
pub fn data_table_ui(
    ui: &mut Ui,
    table: &Table<'_>,
    state: &mut TableState,
    cell: impl Fn(usize, usize) -> Cell,
) -> TableOutput {
    data_table_with_foot_ui(ui, table, state, cell, None)
}

/// The same with one more row that always stands below the others, such as their total. `foot` makes its cells.
pub fn data_table_with_foot_ui(
    ui: &mut Ui,
    table: &Table<'_>,
    state: &mut TableState,
    cell: impl Fn(usize, usize) -> Cell,
    foot: Option<&dyn Fn(usize) -> Cell>,
) -> TableOutput {
    let tokens = Tokens::of(ui);
    let mut output = TableOutput::default();
    arrange(table, state, &cell);

    let id = ui.make_persistent_id(("table", table.id));
    keys(ui, id, table, state, &mut output, &cell);
    let by_key = output.chosen.take();

    let columns: f32 = table.columns.iter().map(|column| column.width).sum();
    let between = table.columns.len().saturating_sub(1) as f32;
    let bar = if scrolls(table) { SCROLL_BAR } else { 0.0 };
    let top = ui.cursor().min;
    let width = ui.available_width();
    let gap = if columns + between * GAP + bar > width { NARROW_GAP } else { GAP };
    let needed = columns + between * gap + bar;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(gap, 0.0);
        ui.visuals_mut().selection.stroke.color = tokens.text;
        if needed > width {
            egui::ScrollArea::horizontal().id_salt((table.id, "x")).show(ui, |ui| {
                ui.set_width(needed);
                rows_ui(ui, table, state, &mut output, &cell);
                foot_ui(ui, table, foot);
            });
        } else {
            rows_ui(ui, table, state, &mut output, &cell);
            foot_ui(ui, table, foot);
        }
    });

    let bottom = ui.min_rect().bottom();
    let rect = egui::Rect::from_min_max(top, egui::pos2(top.x + width, bottom.max(top.y)));
    let response = ui.interact(rect, id, Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(Role::Table, ui.is_enabled(), table.name));
    if output.chosen.is_some() {
        // Only now: a press on a row is a press outside this widget, which takes the focus away from it.
        response.request_focus();
    }
    output.chosen = output.chosen.or(by_key);
    if response.has_focus() {
        let filter = EventFilter { vertical_arrows: true, horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
        let ring = Stroke::new(1.0, tokens.accent_text);
        ui.painter().rect_stroke(rect.expand(3.0), RADIUS, ring, egui::StrokeKind::Inside);
    }
    output
}

/// Arrow keys, Home, End, Enter, Delete and copy, while the table has the focus.
fn keys(
    ui: &Ui,
    id: egui::Id,
    table: &Table<'_>,
    state: &mut TableState,
    output: &mut TableOutput,
    cell: &impl Fn(usize, usize) -> Cell,
) {
    if !ui.memory(|memory| memory.has_focus(id)) || table.rows == 0 {
        return;
    }
    let place = table.selected.and_then(|row| state.order.iter().position(|other| *other == row));
    let last = table.rows - 1;
    // Right opens, Left closes, as in every tree.
    let fold = table.selected.filter(|row| *row < table.rows).and_then(|row| cell(row, 0).fold);
    let toggle = fold.is_some_and(|open| {
        let key = if open { Key::ArrowLeft } else { Key::ArrowRight };
        ui.input_mut(|input| input.consume_key(egui::Modifiers::NONE, key))
    });
    if toggle {
        output.toggled = table.selected;
    }
    let (moved, enter, delete, copy) = ui.input_mut(|input| {
        let mut pressed = |key| input.consume_key(egui::Modifiers::NONE, key);
        let moved = if pressed(Key::ArrowDown) {
            Some(place.map_or(0, |place| (place + 1).min(last)))
        } else if pressed(Key::ArrowUp) {
            Some(place.map_or(0, |place| place.saturating_sub(1)))
        } else if pressed(Key::Home) {
            Some(0)
        } else if pressed(Key::End) {
            Some(last)
        } else {
            None
        };
        let (enter, delete) = (pressed(Key::Enter), pressed(Key::Delete));
        let copy = input.events.iter().any(|event| matches!(event, egui::Event::Copy));
        (moved, enter, delete, copy)
    });
    if let Some(place) = moved {
        output.chosen = Some(state.order[place]);
        state.scroll_to = Some(place);
    }
    if enter {
        output.opened = table.selected;
    }
    if delete {
        output.deleted = table.selected;
    }
    if copy {
        ui.ctx().copy_text(csv(table, &state.order, cell));
    }
}

/// Whether the rows need more height than the table has.
fn scrolls(table: &Table<'_>) -> bool {
    (table.rows + 1) as f32 * space::ROW > table.height
}

fn rows_ui(
    ui: &mut Ui,
    table: &Table<'_>,
    state: &mut TableState,
    output: &mut TableOutput,
    cell: &impl Fn(usize, usize) -> Cell,
) {
    let tokens = Tokens::of(ui);
    // A table inside a row of other things is offered no height at all; it takes what it needs.
    let wanted = (table.rows as f32 * space::ROW).min(table.height - space::ROW).max(space::ROW);
    let below_header = ui.cursor().top() + space::ROW - 0.5;
    ui.painter().hline(ui.max_rect().x_range(), below_header, Stroke::new(1.0, tokens.border));
    if scrolls(table) {
        // The scroll bar floats; the last column keeps clear of it.
        ui.spacing_mut().scroll.floating_allocated_width = SCROLL_BAR;
    }
    let mut builder = TableBuilder::new(ui)
        .id_salt(table.id)
        .sense(Sense::CLICK)
        .auto_shrink([false, true])
        .min_scrolled_height(wanted)
        .max_scroll_height((table.height - space::ROW).max(space::ROW))
        .cell_layout(Layout::left_to_right(Align::Center));
    for column in table.columns {
        builder = builder.column(if column.fill {
            Sized::remainder().at_least(column.width).clip(true)
        } else {
            Sized::exact(column.width).clip(true)
        });
    }
    if let Some(place) = state.scroll_to.take() {
        builder = builder.scroll_to_row(place, None);
    }
    let mut sort = state.sort;
    let order = &state.order;
    builder
        .header(space::ROW, |mut header| {
            for (index, column) in table.columns.iter().enumerate() {
                header.col(|ui| header_ui(ui, index, column, &mut sort));
            }
        })
        .body(|body| {
            body.rows(space::ROW, order.len(), |mut row| {
                let number = order[row.index()];
                row.set_selected(table.selected == Some(number));
                if row_ui(&mut row, table, number, cell, tokens) {
                    output.toggled = Some(number);
                }
                let response = row.response();
                if response.clicked() {
                    output.chosen = Some(number);
                }
                if response.double_clicked() {
                    output.opened = Some(number);
                }
                response.context_menu(|ui| {
                    if ui.button("Copy row").clicked() {
                        ui.ctx().copy_text(line(table, number, cell));
                    }
                    if ui.button("Copy table as CSV").clicked() {
                        ui.ctx().copy_text(csv(table, order, cell));
                    }
                });
            });
        });
    state.sort = sort;
}

fn header_ui(ui: &mut Ui, index: usize, column: &Column, sort: &mut Option<(usize, bool)>) {
    let tokens = Tokens::of(ui);
    let direction = sort.filter(|(sorted, _)| *sorted == index).map(|(_, descending)| descending);
    let layout = if column.number {
        Layout::right_to_left(Align::Center)
    } else {
        Layout::left_to_right(Align::Center)
    };
    let response = ui
        .with_layout(layout, |ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            if column.aside > 0.0 {
                ui.add_space(column.aside + 4.0);
            }
            let colour = if direction.is_some() { tokens.text } else { tokens.text_quiet };
            let text = RichText::new(&column.title).small().color(colour);
            let arrow = |ui: &mut Ui| {
                if let Some(descending) = direction {
                    let icon = if descending { Icon::Down } else { Icon::Up };
                    let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(12.0), Sense::hover());
                    icon.paint_sized(ui.painter(), rect.center(), 12.0, tokens.text);
                }
            };
            let label = Label::new(text).truncate().selectable(false).sense(Sense::click());
            let response = ui.add(label);
            arrow(ui);
            response
        })
        .inner;
    let name = format!("Sort by {}", column.title);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), &name));
    if response.has_focus() {
        let ring = Stroke::new(1.5, tokens.accent_text);
        ui.painter().rect_stroke(response.rect.expand(2.0), RADIUS, ring, egui::StrokeKind::Inside);
    }
    if response.clicked() {
        // Numbers are mostly looked at from the top: the first click sorts them descending.
        *sort = match direction {
            None => Some((index, column.number)),
            Some(descending) if descending == column.number => Some((index, !descending)),
            Some(_) => None,
        };
    }
    if !column.hover.is_empty() {
        response.on_hover_text(&column.hover);
    }
}

fn row_ui(
    row: &mut TableRow<'_, '_>,
    table: &Table<'_>,
    number: usize,
    cell: &impl Fn(usize, usize) -> Cell,
    tokens: &'static Tokens,
) -> bool {
    let mut toggled = false;
    let mut words = Vec::with_capacity(table.columns.len());
    for (index, column) in table.columns.iter().enumerate() {
        let content = cell(number, index);
        let text = content.spoken.as_ref().unwrap_or(&content.text);
        let mut spoken = format!("{} {text}", column.title);
        if let Some(aside) = content.aside.as_ref().filter(|aside| !aside.is_empty()) {
            spoken.push(' ');
            spoken.push_str(aside);
        }
        if let Some(badge) = content.badge {
            spoken.push(' ');
            spoken.push_str(badge.text());
        }
        words.push(spoken);
        row.col(|ui| {
            let (response, pressed) = cell_ui(ui, &content, column, tokens);
            toggled |= pressed;
            if !content.hover.is_empty() {
                response.on_hover_text(&content.hover);
            }
        });
    }
    let selected = table.selected == Some(number);
    row.response().widget_info(|| WidgetInfo::selected(Role::Row, true, selected, words.join(", ")));
    toggled
}

/// Draws the row that stands below the others.
fn foot_ui(ui: &mut Ui, table: &Table<'_>, foot: Option<&dyn Fn(usize) -> Cell>) {
    let Some(foot) = foot else { return };
    let tokens = Tokens::of(ui);
    let top = ui.cursor().top();
    ui.painter().hline(ui.max_rect().x_range(), top, Stroke::new(1.0, tokens.border));
    let bar = if scrolls(table) { SCROLL_BAR } else { 0.0 };
    ui.spacing_mut().scroll.floating_allocated_width = bar;
    let mut builder = TableBuilder::new(ui)
        .id_salt((table.id, "foot"))
        .vscroll(false)
        .cell_layout(Layout::left_to_right(Align::Center));
    for (place, column) in table.columns.iter().enumerate() {
        let last = place + 1 == table.columns.len();
        let room = if last { bar } else { 0.0 };
        builder = builder.column(if column.fill {
            Sized::remainder().at_least(column.width).clip(true)
        } else {
            Sized::exact(column.width + room).clip(true)
        });
    }
    builder.body(|mut body| {
        body.row(space::ROW, |mut row| {
            let mut words = Vec::with_capacity(table.columns.len());
            for (index, column) in table.columns.iter().enumerate() {
                let content = foot(index);
                let aside = content.aside.as_deref().filter(|aside| !aside.is_empty());
                let aside = aside.map_or_else(String::new, |aside| format!(" {aside}"));
                words.push(format!("{} {}{aside}", column.title, content.text));
                row.col(|ui| {
                    if index + 1 == table.columns.len() {
                        ui.set_max_width(column.width);
                    }
                    let (response, _) = cell_ui(ui, &content, column, tokens);
                    if !content.hover.is_empty() {
                        response.on_hover_text(&content.hover);
                    }
                });
            }
            row.response().widget_info(|| WidgetInfo::labeled(Role::Row, true, words.join(", ")));
        });
    });
}

/// The triangle before a row of a tree that opens and closes it. True when it is pressed.
fn fold_ui(ui: &mut Ui, cell: &Cell, tokens: &Tokens) -> bool {
    ui.add_space(f32::from(cell.level) * 16.0);
    let sense = if cell.fold.is_some() { Sense::click() } else { Sense::hover() };
    let (rect, response) = ui.allocate_exact_size(egui::vec2(14.0, space::ROW - 6.0), sense);
    let Some(open) = cell.fold else { return false };
    let name = format!("{} {}", if open { "Close" } else { "Open" }, cell.text);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let icon = if open { Icon::Down } else { Icon::Right };
    let colour = if response.hovered() || response.has_focus() { tokens.text } else { tokens.text_quiet };
    icon.paint_sized(ui.painter(), rect.center(), 12.0, colour);
    if response.has_focus() {
        let ring = Stroke::new(1.5, tokens.accent_text);
        ui.painter().rect_stroke(rect, RADIUS, ring, egui::StrokeKind::Inside);
    }
    response.clicked()
}

/// Draws a cell; says, too, whether its triangle was pressed.
fn cell_ui(ui: &mut Ui, cell: &Cell, column: &Column, tokens: &Tokens) -> (Response, bool) {
    let number = column.number;
    let mut toggled = false;
    let layout =
        if number { Layout::right_to_left(Align::Center) } else { Layout::left_to_right(Align::Center) };
    if let Some(share) = cell.bar {
        let cell = ui.max_rect().shrink2(egui::vec2(0.0, 5.0));
        let bar = cell.with_max_x(cell.left() + cell.width() * share);
        ui.painter().rect_filled(bar, 2, tokens.accent_soft);
    }
    let response = ui.with_layout(layout, |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if cell.level > 0 || cell.fold.is_some() {
            toggled = fold_ui(ui, cell, tokens);
        }
        // In a column of numbers the layout runs from the right: what stands behind the number comes first.
        let behind = |ui: &mut Ui| {
            if let Some(badge) = cell.badge {
                badge_ui(ui, badge);
            }
        };
        if number {
            behind(ui);
            if column.aside > 0.0 {
                let aside = cell.aside.as_deref().unwrap_or_default();
                let text = RichText::new(aside).small().color(tokens.text_quiet);
                let layout = Layout::left_to_right(Align::Center);
                ui.allocate_ui_with_layout(egui::vec2(column.aside, space::ROW), layout, |ui| {
                    ui.set_min_width(column.aside);
                    ui.add(Label::new(text).selectable(false));
                });
            }
        }
        if let Some(colour) = cell.swatch {
            let (rect, _) = ui.allocate_exact_size(egui::Vec2::splat(10.0), Sense::hover());
            ui.painter().rect_filled(rect, 2, colour);
        }
        let colour = cell.colour.unwrap_or(if cell.quiet { tokens.text_quiet } else { tokens.text });
        if !cell.text.is_empty() {
            ui.add(Label::new(RichText::new(&cell.text).color(colour)).truncate().selectable(false));
        }
        if !number {
            behind(ui);
        }
    });
    (response.response, toggled)
}
