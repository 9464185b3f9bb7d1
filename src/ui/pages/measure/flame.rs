//! The flame bars of a profile: one mean run on top, what it is made of below; a click looks closer.

use std::collections::BTreeMap;

use egui::{
    Align2, Color32, CursorIcon, FontId, Rect, Response, Role, Sense, Stroke, Ui, WidgetInfo, pos2, vec2,
};

use crate::chart::Ink;
use crate::chart::palette::{self, Background, SERIES};
use crate::measure::breakdown::Breakdown;
use crate::measure::profile::flame::{Bar, Flame, Part};
use crate::measure::profile::{percent, short_provider};
use crate::measure::roof::{bytes_words, flops_words};
use crate::ui::theme::{RADIUS, Tokens};
use crate::ui::widgets::key_values_ui;
use crate::units;

/// Height of a bar, in points.
const BAR: f32 = 24.0;
/// Narrower bars are drawn without a gap and cannot be pointed at, in points.
const NARROW: f32 = 3.0;
/// Narrower bars bear no name, in points.
const NAMELESS: f32 = 26.0;
/// Letters of a shortened name at least.
const FEWEST_LETTERS: usize = 4;
/// Levels drawn; nodes of sub-graphs in sub-graphs stand below.
const MOST_LEVELS: u32 = 8;

/// Draws the bars as wide as there is room. `close` is the part of the run that is looked at, in nanoseconds from its
/// start; a click on a bar sets it, a click on the run takes it back.
pub(super) fn flame_ui(ui: &mut Ui, breakdown: &Breakdown, flame: &Flame, close: &mut Option<(f64, f64)>) {
    let levels = flame.levels.clamp(1, MOST_LEVELS);
    let size = vec2(ui.available_width(), BAR * levels as f32);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let name = format!("Flame bars of one run of {}", breakdown.model);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &name));
    if !ui.is_rect_visible(area) || flame.nanos <= 0.0 {
        return;
    }
    let (from, length) = close.unwrap_or((0.0, flame.nanos));
    let x = |nanos: f64| area.left() + ((nanos - from) / length * f64::from(area.width())) as f32;
    let inks = inks(breakdown);
    let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
    let mut chosen = None;
    // Bars too narrow to be seen are joined: each point of each level is painted once.
    let mut painted = vec![f32::NEG_INFINITY; levels as usize];
    for (number, bar) in flame.bars.iter().enumerate() {
        if bar.level >= levels {
            continue;
        }
        let (left, right) =
            (x(bar.start_nanos).max(area.left()), x(bar.start_nanos + bar.nanos).min(area.right()));
        let painted = &mut painted[bar.level as usize];
        if right <= left || (right - left < 1.0 && right - *painted < 1.0) {
            continue;
        }
        *painted = right;
        let top = area.top() + BAR * bar.level as f32;
        let wide = right - left > NARROW;
        let gap = if wide { 1.0 } else { 0.0 };
        let rect = Rect::from_min_max(pos2(left, top), pos2((right - gap).max(left + 1.0), top + BAR - 1.0));
        let fill = fill(ui, breakdown, bar, &inks);
        if !wide {
            painter.rect_filled(rect, 0, fill);
            continue;
        }
        let response = bar_ui(ui, area, rect, response.id.with(number), bar, fill, breakdown);
        if response.clicked() {
            chosen = Some(bar);
        }
        response
            .on_hover_cursor(CursorIcon::PointingHand)
            .on_hover_ui(|ui| details_ui(ui, breakdown, flame, bar));
    }
    if let Some(bar) = chosen {
        *close = (bar.part != Part::Run && bar.nanos > 0.0).then_some((bar.start_nanos, bar.nanos));
    }
}

fn bar_ui(
    ui: &Ui,
    area: Rect,
    rect: Rect,
    id: egui::Id,
    bar: &Bar,
    fill: Color32,
    breakdown: &Breakdown,
) -> Response {
    let tokens = Tokens::of(ui);
    let response = ui.interact(rect, id, Sense::click());
    let name = format!("{}: {}", bar.label, units::duration_ms(bar.nanos / 1e6));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &name));
    let painter = ui.painter().with_clip_rect(rect.intersect(area).intersect(ui.clip_rect()));
    painter.rect_filled(rect, RADIUS - 2, fill);
    let fell_back = bar.provider.as_deref().is_some_and(|provider| !breakdown.is_asked(provider));
    let stroke = if response.hovered() || response.has_focus() {
        Stroke::new(1.5, tokens.text)
    } else if fell_back {
        Stroke::new(1.5, tokens.warning)
    } else {
        Stroke::NONE
    };
    painter.rect_stroke(rect, RADIUS - 2, stroke, egui::StrokeKind::Inside);
    if rect.width() >= NAMELESS {
        let place = rect.left_center() + vec2(6.0, 0.0);
        let shown = shortened(ui, bar, rect.width() - 10.0);
        painter.text(place, Align2::LEFT_CENTER, shown, FontId::proportional(12.0), tokens.text);
    }
    response
}

/// The name as far as there is room for it; nothing where only a few letters would be left.
fn shortened(ui: &Ui, bar: &Bar, width: f32) -> String {
    let name = bar.label.as_str();
    let font = FontId::proportional(12.0);
    let fits = |text: &str| {
        ui.painter().layout_no_wrap(text.to_owned(), font.clone(), Color32::PLACEHOLDER).size().x <= width
    };
    if fits(name) {
        return name.to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let kept = (FEWEST_LETTERS..letters.len()).rev().find_map(|count| {
        // What tells nodes apart mostly stands at the end of their names, what tells operators at the beginning.
        let text = if matches!(bar.part, Part::Node(_)) {
            let end = &letters[letters.len() - count..];
            std::iter::once('…').chain(end.iter().copied()).collect::<String>()
        } else {
            letters[..count].iter().copied().chain(std::iter::once('…')).collect()
        };
        fits(&text).then_some(text)
    });
    kept.unwrap_or_default()
}

/// The colours of operator types: those with most time have their own, the rest share one.
pub(super) fn inks(breakdown: &Breakdown) -> BTreeMap<&str, Ink> {
    let mut inks = BTreeMap::new();
    for op in &breakdown.profile.by_op {
        let next = inks.len();
        inks.entry(op.op_type.as_str()).or_insert(if next < SERIES { Ink::Series(next) } else { Ink::Quiet });
    }
    inks
}

/// A colour of the palette on the background of `ui`.
pub(super) fn colour(ui: &Ui, ink: Ink) -> Color32 {
    let background = if Tokens::of(ui).dark { Background::Dark } else { Background::Light };
    let palette::Rgb(red, green, blue) = palette::ink(ink, background);
    Color32::from_rgb(red, green, blue)
}

fn fill(ui: &Ui, breakdown: &Breakdown, bar: &Bar, inks: &BTreeMap<&str, Ink>) -> Color32 {
    let tokens = Tokens::of(ui);
    let op = match bar.part {
        Part::Run | Part::Provider => return tokens.hover,
        Part::Outside => return tokens.control,
        Part::Op(place) => breakdown.profile.by_op.get(place).map(|op| op.op_type.as_str()),
        Part::Node(place) => breakdown.profile.nodes.get(place).map(|node| node.op_type.as_str()),
    };
    let ink = op.and_then(|op| inks.get(op).copied()).unwrap_or(Ink::Quiet);
    let series = colour(ui, ink);
    // Text must stay readable on it.
    let share = if tokens.dark { 0.42 } else { 0.34 };
    let mix = |to: u8, from: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * share).round() as u8;
    let base = tokens.raised;
    Color32::from_rgb(mix(series.r(), base.r()), mix(series.g(), base.g()), mix(series.b(), base.b()))
}

fn details_ui(ui: &mut Ui, breakdown: &Breakdown, flame: &Flame, bar: &Bar) {
    ui.set_max_width(420.0);
    let mut rows = vec![
        ("Time a run".to_owned(), units::duration_ms(bar.nanos / 1e6)),
        ("Share of a run".to_owned(), percent(bar.nanos / flame.nanos)),
    ];
    let mut row = |name: &str, value: String| rows.push((name.to_owned(), value));
    let place = match bar.part {
        Part::Node(place) => breakdown.profile.nodes.get(place).and_then(|node| {
            row("Operator", node.op_type.clone());
            row(
                "Shortest and longest call",
                format!(
                    "{} to {}",
                    units::duration_ms(node.min_nanos as f64 / 1e6),
                    units::duration_ms(node.max_nanos as f64 / 1e6)
                ),
            );
            for (name, tensors) in [("Inputs", &node.inputs), ("Outputs", &node.outputs)] {
                if !tensors.is_empty() {
                    let words: Vec<String> = tensors.iter().take(4).map(shape_words).collect();
                    row(name, words.join(", "));
                }
            }
            breakdown.place(node)
        }),
        Part::Op(place) => breakdown.profile.by_op.get(place).and_then(|op| {
            row("Nodes", op.nodes.to_string());
            breakdown.place_op(op)
        }),
        Part::Run => breakdown.whole(),
        Part::Provider | Part::Outside => None,
    };
    if let Some(provider) = &bar.provider {
        row("Execution provider", short_provider(provider).to_owned());
    }
    if let Some(place) = place {
        for (name, reached) in [
            ("FLOP/s", place.flops_per_second.map(flops_words).zip(place.share_of_compute_roof)),
            ("Bytes/s", place.bytes_per_second.map(bytes_words).zip(place.share_of_memory_roof)),
        ] {
            if let Some((reached, share)) = reached {
                row(name, format!("{reached}, {} of the roof", percent(share)));
            }
        }
    }
    ui.strong(&bar.label);
    key_values_ui(ui, "bar details", &rows);
}

/// `float 1×3×224×224`.
pub(super) fn shape_words(shape: &crate::measure::profile::TensorShape) -> String {
    let dims: Vec<String> = shape.dims.iter().map(i64::to_string).collect();
    if dims.is_empty() { shape.element.clone() } else { format!("{} {}", shape.element, dims.join("×")) }
}
