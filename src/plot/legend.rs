//! The legend above the frame: one entry a series with its marker and dash as drawn, wrapping, a click switches a
//! series off and on (with Alt: shows it alone); and the colour scale of shaded points.

use egui::{FontId, Id, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::marker;
use super::marks::RADIUS;
use super::tokens::Tokens;
use super::view::View;
use crate::chart::palette::{self, Dash};
use crate::chart::{Chart, Ink, Mark, ShadeScale, format};

/// Length of a line in the legend, and side of the square that stands for bars.
const LINE: f32 = 22.0;
const SQUARE: f32 = 11.0;
const ROW: f32 = 20.0;
const BETWEEN: f32 = 18.0;
const SCALE: f32 = 120.0;
/// Room for how many series more there are.
const MORE: f32 = 64.0;

/// An entry with its place, relative to the legend's upper left corner.
pub(super) struct Entry<'a> {
    name: &'a str,
    mark: &'a Mark,
    offset: Vec2,
    width: f32,
}

/// Where the legend stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The chart's id.
    pub id: Id,
    /// Upper left corner.
    pub min: Pos2,
    pub width: f32,
    /// Whether clicks switch series.
    pub interactive: bool,
}

/// The entries, laid out in rows, and the height they take.
pub(super) struct Layout<'a> {
    entries: Vec<Entry<'a>>,
    /// Series there is no room for, and where that is said.
    hidden: Vec<&'a str>,
    more: Vec2,
    /// Height of all rows; 0 without entries and without a colour scale.
    pub height: f32,
}

impl<'a> Layout<'a> {
    /// Lays the entries out over `outer`'s width. They take a third of its height at most: the rest is the chart's.
    pub fn new(ui: &Ui, chart: &'a Chart, outer: Vec2, tokens: &Tokens) -> Self {
        let width = outer.x;
        let lowest = ((outer.y / 3.0 / ROW).floor().max(1.0) - 1.0) * ROW;
        let mut marks: Vec<&Mark> = Vec::new();
        for mark in &chart.marks {
            let named = !mark.name().is_empty() && !mark.data().is_empty();
            if named && marks.iter().all(|earlier| earlier.name() != mark.name()) {
                marks.push(mark);
            }
        }
        // A single series needs no legend: the title says what it is. Points from elsewhere always do.
        let alone = |mark: &&Mark| !mark.on_second_axis() && !matches!(mark, Mark::Points { .. });
        if marks.len() < 2 && marks.iter().all(alone) {
            marks.clear();
        }
        let scale = shaded(chart).map_or(0.0, |scale| scale_width(ui, scale, tokens) + BETWEEN);
        // The scale stands right of the first row; where that leaves little, it gets a row of its own.
        let own_row = scale > 0.0 && (width - scale < 220.0 || marks.is_empty());
        let (mut x, mut y) = (0.0, if own_row { ROW + 2.0 } else { 0.0 });
        let mut entries = Vec::new();
        let mut hidden = Vec::new();
        for mark in marks {
            if !hidden.is_empty() {
                hidden.push(mark.name());
                continue;
            }
            let text = galley(ui, mark.name(), tokens, tokens.strong);
            let entry = (sample_width(mark) + 6.0 + text.size().x).min(width);
            let room = if y == 0.0 && !own_row { width - scale } else { width };
            // In the last row there is room left for how many more there are.
            let room = if y + ROW > lowest { room - MORE } else { room };
            if x > 0.0 && x + entry > room {
                if y + ROW > lowest {
                    hidden.push(mark.name());
                    continue;
                }
                (x, y) = (0.0, y + ROW);
            }
            entries.push(Entry { name: mark.name(), mark, offset: vec2(x, y), width: entry });
            x += entry + BETWEEN;
        }
        let height = match (entries.last(), scale > 0.0) {
            (Some(last), _) => last.offset.y + ROW,
            (None, true) => ROW,
            (None, false) => 0.0,
        };
        Self { entries, hidden, more: vec2(x, y), height }
    }

    /// Draws the legend with its upper left corner at `min`; clicks change `view`.
    pub fn show(&self, ui: &Ui, chart: &Chart, place: Place, tokens: &Tokens, view: &mut View) {
        let Place { id, min, width, interactive } = place;
        for entry in &self.entries {
            let rect = Rect::from_min_size(min + entry.offset, vec2(entry.width, ROW));
            let visible = view.is_visible(entry.name);
            let mut hovered = false;
            if interactive {
                let response = ui.interact(rect, id.with(("legend", entry.name)), Sense::click());
                response.widget_info(|| {
                    WidgetInfo::selected(Role::CheckBox, true, visible, format!("Show {}", entry.name))
                });
                hovered = response.hovered();
                if response.clicked() {
                    if ui.input(|input| input.modifiers.alt) {
                        view.solo(entry.name, self.entries.iter().map(|entry| entry.name));
                    } else {
                        view.toggle(entry.name);
                    }
                }
                response
                    .on_hover_cursor(egui::CursorIcon::PointingHand)
                    .on_hover_text("Click to hide or show, Alt-click to show alone");
            }
            let strength = match (visible, hovered) {
                (true, _) => 1.0,
                (false, true) => 0.6,
                (false, false) => 0.4,
            };
            let mut shapes = Vec::new();
            sample(entry.mark, rect, tokens, strength, &mut shapes);
            ui.painter().extend(shapes);
            // What was measured elsewhere is read second.
            let full = if matches!(entry.mark, Mark::Points { .. }) { tokens.quiet } else { tokens.strong };
            let color = tokens.faint(full, strength);
            let text = galley(ui, entry.name, tokens, color);
            let at =
                pos2(rect.left() + sample_width(entry.mark) + 6.0, rect.center().y - text.size().y / 2.0);
            ui.painter().galley(at, text, color);
        }
        if !self.hidden.is_empty() {
            let rect = Rect::from_min_size(min + self.more, vec2(MORE, ROW));
            let text = galley(ui, &format!("+{} more", self.hidden.len()), tokens, tokens.quiet);
            let at = pos2(rect.left(), rect.center().y - text.size().y / 2.0);
            ui.painter().galley(at, text, tokens.quiet);
            if interactive {
                let names = self.hidden.join("\n");
                ui.interact(rect, id.with("more series"), Sense::hover()).on_hover_text(names);
            }
        }
        if let Some(scale) = shaded(chart) {
            let own_row = self.entries.first().is_none_or(|entry| entry.offset.y > 0.0);
            let left = if own_row { min.x } else { min.x + width - scale_width(ui, scale, tokens) };
            show_scale(ui, scale, pos2(left, min.y), tokens);
        }
    }
}

fn galley(ui: &Ui, text: &str, tokens: &Tokens, color: egui::Color32) -> std::sync::Arc<egui::Galley> {
    ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(tokens.text_size), color)
}

const fn sample_width(mark: &Mark) -> f32 {
    match mark {
        Mark::Bars { .. } | Mark::Points { .. } | Mark::Band { .. } => SQUARE,
        _ => LINE,
    }
}

/// The series as it is drawn: line with dash and marker, or the colour of its bars.
fn sample(mark: &Mark, rect: Rect, tokens: &Tokens, strength: f32, out: &mut Vec<Shape>) {
    let center = pos2(rect.left() + sample_width(mark) / 2.0, rect.center().y);
    match mark {
        Mark::Line { ink, dashed, markers, data, .. } => {
            let color = tokens.faint(tokens.ink(*ink), strength);
            if data.len() > 1 || !markers {
                let ends = [center - vec2(LINE / 2.0, 0.0), center + vec2(LINE / 2.0, 0.0)];
                let stroke = Stroke::new(if *markers { 1.5 } else { 2.0 }, color);
                match (dashed, palette::dash(*ink)) {
                    (true, _) | (false, Dash::Dashed) => {
                        out.extend(Shape::dashed_line(&ends, stroke, 5.0, 3.5));
                    }
                    (false, Dash::Dotted) => out.extend(Shape::dashed_line(&ends, stroke, 1.5, 3.0)),
                    (false, Dash::Solid) => out.push(Shape::line_segment(ends, stroke)),
                }
            }
            if *markers {
                let edge = Stroke::new(1.0, tokens.surface);
                marker::draw(palette::marker(*ink), center, RADIUS, color, edge, out);
            }
        }
        Mark::Points { ink, .. } => {
            let color = tokens.faint(tokens.ink(*ink), strength);
            marker::hollow(palette::marker(*ink), center, RADIUS, color, tokens, out);
        }
        Mark::Bars { ink, .. } => {
            let square = Rect::from_center_size(center, Vec2::splat(SQUARE));
            let color = tokens.faint(tokens.ink(*ink), strength);
            out.push(Shape::rect_filled(square, 2, color));
        }
        Mark::Band { ink, .. } => {
            let square = Rect::from_center_size(center, Vec2::splat(SQUARE));
            out.extend(super::marks::band(square, tokens.faint(tokens.ink(*ink), strength), tokens));
        }
        Mark::HorizontalLimit { .. } | Mark::VerticalLimit { .. } => {}
    }
}

/// The colour scale, where points use it.
fn shaded(chart: &Chart) -> Option<&ShadeScale> {
    let used = || chart.marks.iter().flat_map(Mark::data).any(|datum| datum.shade.is_some());
    chart.shade.as_ref().filter(|_| used())
}

fn scale_texts(scale: &ShadeScale) -> [String; 3] {
    [
        scale.label.clone(),
        format::shade_value(scale, scale.value(0.0)),
        format::shade_value(scale, scale.value(1.0)),
    ]
}

fn scale_width(ui: &Ui, scale: &ShadeScale, tokens: &Tokens) -> f32 {
    let texts: f32 = scale_texts(scale).iter().map(|text| small(ui, text, tokens).size().x).sum();
    texts + SCALE + 22.0
}

fn small(ui: &Ui, text: &str, tokens: &Tokens) -> std::sync::Arc<egui::Galley> {
    let color = tokens.quiet;
    ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(tokens.small_size), color)
}

/// `Cost per 1,000  $0.01 ▭▭▭▭ $2.30`, as thin steps of colour.
fn show_scale(ui: &Ui, scale: &ShadeScale, min: Pos2, tokens: &Tokens) {
    const STEPS: u8 = 48;
    let middle = min.y + ROW / 2.0;
    let mut x = min.x;
    let write = |x: &mut f32, text: &str, color: egui::Color32, gap: f32| {
        let galley =
            ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(tokens.small_size), color);
        let size = galley.size();
        ui.painter().galley(pos2(*x, middle - size.y / 2.0), galley, color);
        *x += size.x + gap;
    };
    let [label, low, high] = scale_texts(scale);
    write(&mut x, &label, tokens.strong, 10.0);
    write(&mut x, &low, tokens.quiet, 6.0);
    let step = SCALE / f32::from(STEPS);
    for index in 0..STEPS {
        let color = tokens.shade((f64::from(index) + 0.5) / f64::from(STEPS));
        // Each step reaches to the end and the next covers it: no seams, at any scale.
        let left = step * f32::from(index);
        let rect = Rect::from_min_size(pos2(x + left, middle - 4.5), vec2(SCALE - left, 9.0));
        let mut shape = egui::epaint::RectShape::filled(rect, 0, color);
        shape.round_to_pixels = Some(false);
        ui.painter().add(shape);
    }
    x += SCALE + 6.0;
    write(&mut x, &high, tokens.quiet, 0.0);
}

/// What an ink looks like where it stands for a series outside of a legend: a small marker.
pub(super) fn swatch(ui: &mut Ui, mark: &Mark, tokens: &Tokens) {
    let (rect, _) = ui.allocate_exact_size(vec2(12.0, 14.0), Sense::hover());
    let mut shapes = Vec::new();
    match mark {
        Mark::Line { ink, markers: true, .. } => {
            let edge = Stroke::new(1.0, tokens.surface);
            let fill = tokens.ink(*ink);
            marker::draw(palette::marker(*ink), rect.center(), RADIUS, fill, edge, &mut shapes);
        }
        Mark::Points { ink, .. } => {
            let color = tokens.ink(*ink);
            marker::hollow(palette::marker(*ink), rect.center(), RADIUS, color, tokens, &mut shapes);
        }
        Mark::Line { ink, .. } | Mark::Bars { ink, .. } => {
            let square = Rect::from_center_size(rect.center(), Vec2::splat(9.0));
            shapes.push(Shape::rect_filled(square, 2, tokens.ink(*ink)));
        }
        Mark::Band { ink, .. } => {
            let square = Rect::from_center_size(rect.center(), Vec2::splat(9.0));
            shapes.extend(super::marks::band(square, tokens.ink(*ink), tokens));
        }
        Mark::HorizontalLimit { .. } | Mark::VerticalLimit { .. } => {
            let ink = tokens.ink(Ink::Strong);
            let ends = [rect.left_center(), rect.right_center()];
            shapes.push(Shape::line_segment(ends, Stroke::new(1.5, ink)));
        }
    }
    ui.painter().extend(shapes);
}
