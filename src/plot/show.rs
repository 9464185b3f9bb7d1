//! One chart in a ui: header, legend, frame with marks, axis text, notes; what the reader did with it.

use std::cell::RefCell;
use std::ops::RangeInclusive;

use egui::{
    Color32, EventFilter, FontId, Galley, Key, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use egui_plot::{Plot, PlotBounds, PlotGeometry, PlotItem, PlotItemBase, PlotTransform};

use super::axes::{self, Ticks};
use super::legend;
use super::marks::{Canvas, Target};
use super::tokens::Tokens;
use super::tooltip;
use super::view::View;
use crate::chart::extent::{self, Extent, Undrawn};
use crate::chart::{Chart, summary::summary};

/// How to draw.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// In points; the width of the ui where `None`.
    pub width: Option<f32>,
    /// Of everything, title to notes, in points.
    pub height: f32,
    /// Colours and text sizes.
    pub tokens: Tokens,
    /// Key of the point with the ring.
    pub chosen: Option<u64>,
    /// Whether it can be dragged, zoomed, pointed at and chosen from.
    pub interactive: bool,
    /// Whether dragging and zooming move along the horizontal axis alone, as over time; a box zooms on both.
    pub sideways: bool,
    /// Whether title, subtitle and notes are part of the picture, or said by the page around it.
    pub framed: bool,
}

impl Options {
    /// An interactive chart as wide as its ui, with title and notes.
    pub fn new(height: f32, tokens: Tokens) -> Self {
        Self { width: None, height, tokens, chosen: None, interactive: true, sideways: false, framed: true }
    }
}

/// What the reader did, and where things are.
#[derive(Debug)]
pub struct Response {
    /// Key of the point that was chosen in this frame, by a click or by Enter.
    pub picked: Option<u64>,
    /// Key of the point under the pointer or reached by the arrow keys.
    pub hovered: Option<u64>,
    /// The frame that marks are drawn in, on the screen.
    pub plot_rect: Rect,
    /// Where the points with a key are on the screen.
    pub places: Vec<(u64, Pos2)>,
    /// Whether the reader has zoomed or moved (double click: everything in view again).
    pub zoomed: bool,
    /// The plane's own response.
    pub response: egui::Response,
    /// Between places (see [`crate::chart::ticks`]) and the screen.
    pub transform: PlotTransform,
}

/// Draws a chart. Its id must be unique in the ui.
pub fn show(ui: &mut Ui, chart: &Chart, options: &Options) -> Response {
    let tokens = &options.tokens;
    let width = options.width.unwrap_or_else(|| ui.available_width()).max(160.0);
    let (outer, _) = ui.allocate_exact_size(vec2(width, options.height.max(120.0)), Sense::hover());
    let id = ui.make_persistent_id(("chart", &chart.id));
    let mut view = View::load(ui, id, chart);

    let mut top = outer.top();
    if options.framed {
        top = header(ui, chart, outer, tokens);
    }
    let legend = legend::Layout::new(ui, chart, outer.size(), tokens);
    let place = legend::Place {
        id,
        min: pos2(outer.left(), top),
        width: outer.width(),
        interactive: options.interactive,
    };
    legend.show(ui, chart, place, tokens, &mut view);
    if legend.height > 0.0 {
        top += legend.height + 6.0;
    }

    let visible_view = view.clone();
    let visible = |name: &str| visible_view.is_visible(name);
    let mut fit = extent::fit(chart, &visible);
    let bounds = view.bounds(&fit);

    let notes = if options.framed { notes(ui, chart, outer.width(), tokens) } else { Vec::new() };
    let (frame, ticks) = layout(ui, chart, &mut fit, bounds, outer, top, &notes, tokens);
    write_notes(ui, &notes, outer, tokens);

    let drawn = RefCell::new(Vec::new());
    let canvas = Drawing {
        base: PlotItemBase::new(chart.id.clone()),
        chart,
        tokens,
        fit: &fit,
        ticks: &ticks,
        visible: &visible,
        chosen: options.chosen,
        targets: &drawn,
    };
    let mut inner = ui.new_child(UiBuilder::new().max_rect(frame));
    let plot = Plot::new(&chart.id)
        .id(id.with("plane"))
        .width(frame.width())
        .height(frame.height())
        .show_axes(false)
        .show_grid(false)
        .show_background(false)
        .show_x(false)
        .show_y(false)
        .auto_bounds(false)
        .allow_double_click_reset(false)
        // Scrolling belongs to the page; Ctrl and the wheel zoom.
        .allow_scroll(false)
        .allow_drag([options.interactive, options.interactive && !options.sideways])
        .allow_zoom([options.interactive, options.interactive && !options.sideways])
        .allow_boxed_zoom(options.interactive)
        .sense(if options.interactive { Sense::click_and_drag() } else { Sense::hover() })
        .show(&mut inner, |plane| {
            plane.set_plot_bounds(PlotBounds::from_min_max([bounds[0], bounds[2]], [bounds[1], bounds[3]]));
            plane.add(canvas);
        });
    let targets = drawn.into_inner();
    let transform = plot.transform;
    let response = plot.response;

    take_over_bounds(&mut view, &transform, bounds, &fit, &response);
    axes::labels(ui.painter(), chart, &fit, &ticks, &transform, tokens, outer);

    describe(ui, chart, &response);
    let (hovered, picked) = if options.interactive {
        interact(ui, id, chart, &targets, &response, &mut view, tokens)
    } else {
        (None, None)
    };
    let zoomed = view.is_zoomed();
    view.store(ui, id);
    let key = |target: Target| chart.marks[target.mark].data()[target.datum].key;
    let places = targets.iter().filter_map(|target| Some((key(*target)?, target.pos))).collect();
    Response {
        picked: picked.and_then(key),
        hovered: hovered.and_then(key),
        plot_rect: frame,
        places,
        zoomed,
        response,
        transform,
    }
}

/// Title and subtitle; gives back where the next thing starts.
fn header(ui: &Ui, chart: &Chart, outer: Rect, tokens: &Tokens) -> f32 {
    let mut top = outer.top();
    let lines = [
        (&chart.title, tokens.title_size, tokens.strong, 2.0),
        (&chart.subtitle, tokens.text_size, tokens.quiet, 3.0),
    ];
    let mut any = false;
    for (text, size, color, gap) in lines {
        if !text.is_empty() {
            let galley = wrapped(ui, text, size, color, outer.width());
            let height = galley.size().y;
            ui.painter().galley(pos2(outer.left(), top), galley, color);
            top += height + gap;
            any = true;
        }
    }
    if any { top + 7.0 } else { top }
}

fn wrapped(ui: &Ui, text: &str, size: f32, color: Color32, width: f32) -> std::sync::Arc<Galley> {
    ui.painter().layout(text.to_owned(), FontId::proportional(size), color, width)
}

/// The chart's notes, and what could not be drawn.
fn notes(ui: &Ui, chart: &Chart, width: f32, tokens: &Tokens) -> Vec<std::sync::Arc<Galley>> {
    chart
        .notes
        .iter()
        .cloned()
        .chain(Undrawn::count(chart).notes())
        .map(|note| wrapped(ui, &note, tokens.small_size - 0.5, tokens.quiet, width))
        .collect()
}

fn write_notes(ui: &Ui, notes: &[std::sync::Arc<Galley>], outer: Rect, tokens: &Tokens) {
    let mut bottom = outer.bottom();
    for note in notes.iter().rev() {
        bottom -= note.size().y;
        ui.painter().galley(pos2(outer.left(), bottom), note.clone(), tokens.quiet);
        bottom -= 2.0;
    }
}

/// The frame between legend and notes, with room for the axis text, whose names are written here; and the ticks
/// for its size.
#[allow(clippy::too_many_arguments, reason = "everything that takes room around the frame")]
fn layout(
    ui: &Ui,
    chart: &Chart,
    fit: &mut Extent,
    bounds: [f64; 4],
    outer: Rect,
    top: f32,
    notes: &[std::sync::Arc<Galley>],
    tokens: &Tokens,
) -> (Rect, Ticks) {
    let line = tokens.small_size * 1.35;
    let mut frame = outer;
    frame.min.y = top + line + 6.0;
    if !notes.is_empty() {
        frame.max.y -= notes.iter().map(|note| note.size().y + 2.0).sum::<f32>() + 6.0;
    }
    let x_name = !axes::name(&chart.x).is_empty();
    if x_name {
        frame.max.y -= line + 3.0;
    }
    let x_name_top = frame.max.y + 1.0;
    frame.max.y -= axes::label_height(ui, chart, outer.width() - 40.0, tokens);
    frame.max.y = frame.max.y.max(frame.min.y + 40.0);
    axes::align_second(chart, fit, frame.height());
    let rough = Ticks::new(chart, fit, bounds, frame.size());
    frame.min.x += axes::label_width(ui, &rough.y, tokens);
    frame.max.x -= if chart.y2.is_some() { axes::label_width(ui, &rough.y2, tokens) } else { 10.0 };
    frame.max.x = frame.max.x.max(frame.min.x + 40.0);
    // Whole points: the screen and the export then agree on where the grid is sharp.
    let frame = Rect::from_min_max(frame.min.round(), frame.max.round());
    let ticks = Ticks::new(chart, fit, bounds, frame.size());

    let painter = ui.painter();
    axes::write_name(painter, &chart.y, pos2(outer.left(), top), true, tokens);
    if let Some(second) = &chart.y2 {
        axes::write_name(painter, second, pos2(outer.right(), top), false, tokens);
    }
    if x_name {
        axes::write_name(painter, &chart.x, pos2(frame.right(), x_name_top), false, tokens);
    }
    (frame, ticks)
}

/// Dragging and zooming change the bounds inside `egui_plot`; what it made of them is kept here.
fn take_over_bounds(
    view: &mut View,
    transform: &PlotTransform,
    before: [f64; 4],
    fit: &Extent,
    response: &egui::Response,
) {
    if response.double_clicked() {
        view.fit();
        return;
    }
    let (min, max) = (transform.bounds().min(), transform.bounds().max());
    let now = [min[0], max[0], min[1], max[1]];
    let moved = now.iter().zip(before).any(|(now, before)| now.to_bits() != before.to_bits());
    if moved {
        view.moved(now, fit);
    }
}

/// Name and description for screen readers.
fn describe(ui: &Ui, chart: &Chart, response: &egui::Response) {
    let name = if chart.title.is_empty() { &chart.id } else { &chart.title };
    response.widget_info(|| WidgetInfo::labeled(Role::GraphicsDocument, true, format!("Chart: {name}")));
    ui.ctx().accesskit_node_builder(response.id, |node| node.set_description(summary(chart)));
}

/// Pointing, clicking, walking with the arrow keys. Gives back what is hovered and what was picked.
fn interact(
    ui: &Ui,
    id: egui::Id,
    chart: &Chart,
    targets: &[Target],
    response: &egui::Response,
    view: &mut View,
    tokens: &Tokens,
) -> (Option<Target>, Option<Target>) {
    let pointed =
        response.hover_pos().filter(|_| !response.dragged()).and_then(|at| tooltip::hit(targets, at));
    let mut picked = pointed.filter(|_| response.clicked());
    let mut walked = None;
    if response.has_focus() {
        let filter =
            EventFilter { horizontal_arrows: true, vertical_arrows: false, tab: false, escape: false };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(response.id, filter));
        walked = walk(ui, targets, view);
        picked = picked.or_else(|| walked.filter(|_| ui.input(|input| input.key_pressed(Key::Enter))));
        let stroke = Stroke::new(1.0, tokens.faint(tokens.strong, 0.5));
        ui.painter().rect_stroke(response.rect, 2, stroke, StrokeKind::Outside);
    } else {
        view.cursor = None;
    }
    let hovered = pointed.or(walked);
    if let Some(target) = hovered {
        let painter = ui.painter().with_clip_rect(response.rect.expand(2.0));
        match target.bar {
            Some(bar) => {
                let stroke = Stroke::new(1.5, tokens.strong);
                painter.rect_stroke(bar, 1, stroke, StrokeKind::Middle);
            }
            None => {
                painter.circle_stroke(
                    target.pos,
                    super::marks::RADIUS + 3.0,
                    Stroke::new(1.5, tokens.strong),
                );
            }
        }
        tooltip::show(ui, id, chart, target, tokens);
        let selectable = chart.marks[target.mark].data()[target.datum].key.is_some();
        if pointed.is_some() && selectable {
            ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
        }
    }
    (hovered, picked)
}

/// Left and right go from point to point in order of place.
fn walk(ui: &Ui, targets: &[Target], view: &mut View) -> Option<Target> {
    let mut order: Vec<&Target> = targets.iter().collect();
    order.sort_by(|one, other| one.pos.x.total_cmp(&other.pos.x).then(one.mark.cmp(&other.mark)));
    let (left, right) =
        ui.input(|input| (input.key_pressed(Key::ArrowLeft), input.key_pressed(Key::ArrowRight)));
    let at = view.cursor.and_then(|cursor| order.iter().position(|t| (t.mark, t.datum) == cursor));
    let next = match (at, left, right) {
        (None, _, true) => Some(0),
        (None, true, false) => order.len().checked_sub(1),
        (Some(at), true, false) => Some(at.saturating_sub(1)),
        (Some(at), false, true) => Some((at + 1).min(order.len().saturating_sub(1))),
        (at, _, _) => at,
    };
    let target = order.get(next?).map(|target| **target)?;
    view.cursor = Some((target.mark, target.datum));
    Some(target)
}

/// All marks as one item of `egui_plot`, so that its box for zooming lies on top.
struct Drawing<'a> {
    base: PlotItemBase,
    chart: &'a Chart,
    tokens: &'a Tokens,
    fit: &'a Extent,
    ticks: &'a Ticks,
    visible: &'a dyn Fn(&str) -> bool,
    chosen: Option<u64>,
    targets: &'a RefCell<Vec<Target>>,
}

impl PlotItem for Drawing<'_> {
    fn shapes(&self, ui: &Ui, transform: &PlotTransform, shapes: &mut Vec<Shape>) {
        let Self { chart, tokens, fit, ticks, visible, chosen, .. } = *self;
        axes::grid(chart, ticks, transform, tokens, shapes);
        let canvas = Canvas { ui, chart, tokens, transform, fit, visible, chosen };
        *self.targets.borrow_mut() = canvas.draw(shapes);
    }

    fn initialize(&mut self, _x_range: RangeInclusive<f64>) {}

    fn color(&self) -> Color32 {
        Color32::TRANSPARENT
    }

    fn geometry(&self) -> PlotGeometry<'_> {
        PlotGeometry::None
    }

    fn bounds(&self) -> PlotBounds {
        PlotBounds::NOTHING
    }

    fn base(&self) -> &PlotItemBase {
        &self.base
    }

    fn base_mut(&mut self) -> &mut PlotItemBase {
        &mut self.base
    }
}
