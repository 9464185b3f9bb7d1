//! The few icons, as strokes on a grid of 16 × 16: the default fonts have none, and a missing glyph is a square.

use egui::{
    Color32, Painter, Pos2, Rect, Response, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use crate::ui::theme::{RADIUS, Tokens, space};

/// An icon. It never stands alone: a word is beside it, or its button has an accessible name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say what is drawn or what it is for")]
pub enum Icon {
    Home,
    Model,
    Measure,
    Explore,
    Compare,
    Bill,
    Price,
    Imported,
    Add,
    Close,
    Check,
    Info,
    Warning,
    Search,
    Folder,
    File,
    Trash,
    Edit,
    Play,
    More,
    Up,
    Down,
    Right,
    Bell,
    Drop,
}

impl Icon {
    /// Draws the icon in the middle of `rect`, 16 points wide.
    pub fn paint(self, painter: &Painter, rect: Rect, colour: Color32) {
        self.paint_sized(painter, rect.center(), 16.0, colour);
    }

    /// Draws the icon around `centre`, `side` points wide.
    #[expect(clippy::too_many_lines, reason = "a table of drawings, a few lines each")]
    pub fn paint_sized(self, painter: &Painter, centre: Pos2, side: f32, colour: Color32) {
        let unit = side / 16.0;
        let stroke = Stroke::new(1.4 * unit.max(0.85), colour);
        let corner = centre - Vec2::splat(side / 2.0);
        let at = |x: f32, y: f32| pos2(corner.x + x * unit, corner.y + y * unit);
        let line =
            |points: &[(f32, f32)]| Shape::line(points.iter().map(|&(x, y)| at(x, y)).collect(), stroke);
        let closed = |points: &[(f32, f32)]| {
            Shape::closed_line(points.iter().map(|&(x, y)| at(x, y)).collect(), stroke)
        };
        let ring = |x: f32, y: f32, radius: f32| Shape::circle_stroke(at(x, y), radius * unit, stroke);
        let dot = |x: f32, y: f32, radius: f32| Shape::circle_filled(at(x, y), radius * unit, colour);
        let box_ = |x: f32, y: f32, w: f32, h: f32| {
            let rect = Rect::from_min_size(at(x, y), vec2(w, h) * unit);
            Shape::rect_stroke(rect, 1.5 * unit, stroke, egui::StrokeKind::Middle)
        };
        let shapes: Vec<Shape> = match self {
            Self::Home => vec![
                line(&[(1.5, 7.5), (8.0, 2.0), (14.5, 7.5)]),
                line(&[(3.5, 6.5), (3.5, 14.0), (12.5, 14.0), (12.5, 6.5)]),
                line(&[(6.5, 14.0), (6.5, 9.5), (9.5, 9.5), (9.5, 14.0)]),
            ],
            Self::Model => vec![
                closed(&[(8.0, 1.5), (14.0, 4.8), (14.0, 11.2), (8.0, 14.5), (2.0, 11.2), (2.0, 4.8)]),
                line(&[(2.0, 4.8), (8.0, 8.0), (14.0, 4.8)]),
                line(&[(8.0, 8.0), (8.0, 14.5)]),
            ],
            Self::Measure => vec![
                ring(8.0, 9.0, 5.5),
                line(&[(8.0, 9.0), (10.5, 6.5)]),
                line(&[(6.0, 1.5), (10.0, 1.5)]),
                line(&[(8.0, 1.5), (8.0, 3.5)]),
            ],
            Self::Explore => vec![
                line(&[(2.0, 1.5), (2.0, 14.0), (14.5, 14.0)]),
                dot(5.0, 10.5, 1.2),
                dot(7.5, 7.2, 1.2),
                dot(10.5, 5.0, 1.2),
                dot(13.5, 4.0, 1.2),
            ],
            Self::Compare => vec![box_(1.5, 3.0, 5.0, 10.0), box_(9.5, 3.0, 5.0, 10.0)],
            Self::Bill => vec![
                line(&[
                    (3.0, 14.5),
                    (3.0, 1.5),
                    (13.0, 1.5),
                    (13.0, 14.5),
                    (10.5, 12.8),
                    (8.0, 14.5),
                    (5.5, 12.8),
                    (3.0, 14.5),
                ]),
                line(&[(5.5, 5.0), (10.5, 5.0)]),
                line(&[(5.5, 8.5), (10.5, 8.5)]),
            ],
            Self::Price => vec![
                closed(&[(1.8, 1.8), (8.0, 1.8), (14.4, 8.2), (8.2, 14.4), (1.8, 8.0)]),
                ring(5.2, 5.2, 1.1),
            ],
            Self::Imported => vec![
                line(&[(1.5, 9.5), (1.5, 14.0), (14.5, 14.0), (14.5, 9.5)]),
                line(&[(8.0, 1.5), (8.0, 10.0)]),
                line(&[(4.8, 6.8), (8.0, 10.0), (11.2, 6.8)]),
            ],
            Self::Add => vec![line(&[(8.0, 3.0), (8.0, 13.0)]), line(&[(3.0, 8.0), (13.0, 8.0)])],
            Self::Close => vec![line(&[(4.0, 4.0), (12.0, 12.0)]), line(&[(12.0, 4.0), (4.0, 12.0)])],
            Self::Check => vec![line(&[(3.0, 8.5), (6.5, 12.0), (13.0, 4.5)])],
            Self::Info => {
                vec![ring(8.0, 8.0, 6.3), line(&[(8.0, 7.3), (8.0, 11.5)]), dot(8.0, 4.9, 0.9)]
            }
            Self::Warning => vec![
                closed(&[(8.0, 1.8), (15.0, 14.0), (1.0, 14.0)]),
                line(&[(8.0, 6.3), (8.0, 10.0)]),
                dot(8.0, 12.0, 0.9),
            ],
            Self::Search => vec![ring(7.0, 7.0, 4.6), line(&[(10.5, 10.5), (14.0, 14.0)])],
            Self::Folder => {
                vec![closed(&[(1.5, 3.0), (6.0, 3.0), (7.5, 5.0), (14.5, 5.0), (14.5, 13.0), (1.5, 13.0)])]
            }
            Self::File => vec![
                closed(&[(3.5, 1.5), (9.5, 1.5), (12.5, 4.5), (12.5, 14.5), (3.5, 14.5)]),
                line(&[(9.5, 1.5), (9.5, 4.5), (12.5, 4.5)]),
            ],
            Self::Trash => vec![
                line(&[(2.5, 4.0), (13.5, 4.0)]),
                line(&[(6.0, 4.0), (6.0, 2.0), (10.0, 2.0), (10.0, 4.0)]),
                line(&[(4.0, 4.0), (4.8, 14.0), (11.2, 14.0), (12.0, 4.0)]),
            ],
            Self::Edit => vec![
                closed(&[(2.5, 13.5), (3.0, 10.5), (10.8, 2.7), (13.3, 5.2), (5.5, 13.0)]),
                line(&[(9.0, 4.5), (11.5, 7.0)]),
            ],
            Self::Play => vec![closed(&[(4.5, 2.8), (13.0, 8.0), (4.5, 13.2)])],
            Self::More => vec![dot(3.5, 8.0, 1.2), dot(8.0, 8.0, 1.2), dot(12.5, 8.0, 1.2)],
            Self::Up => vec![line(&[(4.0, 10.0), (8.0, 6.0), (12.0, 10.0)])],
            Self::Down => vec![line(&[(4.0, 6.0), (8.0, 10.0), (12.0, 6.0)])],
            Self::Right => vec![line(&[(6.0, 4.0), (10.0, 8.0), (6.0, 12.0)])],
            Self::Bell => vec![
                line(&[(2.5, 12.0), (4.0, 10.0), (4.0, 6.5), (5.2, 3.6), (8.0, 2.4), (10.8, 3.6)]),
                line(&[(10.8, 3.6), (12.0, 6.5), (12.0, 10.0), (13.5, 12.0), (2.5, 12.0)]),
                line(&[(6.5, 14.0), (9.5, 14.0)]),
            ],
            Self::Drop => vec![
                line(&[(8.0, 1.5), (8.0, 10.0)]),
                line(&[(4.5, 6.8), (8.0, 10.2), (11.5, 6.8)]),
                line(&[(1.5, 10.5), (1.5, 14.0), (14.5, 14.0), (14.5, 10.5)]),
            ],
        };
        painter.extend(shapes);
    }
}

/// An icon as a part of a line of text.
pub fn icon_ui(ui: &mut Ui, icon: Icon, colour: Color32) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(16.0), Sense::hover());
    if ui.is_rect_visible(rect) {
        icon.paint(ui.painter(), rect, colour);
    }
    response
}

/// A button that is only an icon; `name` is its accessible name and its tooltip.
pub fn icon_button_ui(ui: &mut Ui, icon: Icon, name: &str) -> Response {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(space::CONTROL), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), name));
    if ui.is_rect_visible(rect) {
        let lit = response.hovered() || response.has_focus();
        if lit {
            ui.painter().rect_filled(rect, RADIUS, tokens.hover);
        }
        if response.has_focus() {
            let ring = Stroke::new(1.5, tokens.accent_text);
            ui.painter().rect_stroke(rect, RADIUS, ring, egui::StrokeKind::Inside);
        }
        icon.paint(ui.painter(), rect, if lit { tokens.text } else { tokens.text_quiet });
    }
    response.on_hover_text(name)
}
