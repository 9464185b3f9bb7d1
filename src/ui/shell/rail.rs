//! The rail on the left: the pages, in the order of the loop.

use egui::{Align2, FontId, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::Window;
use super::command::{UiCommand, find, words};
use crate::ui::theme::{RADIUS, Tokens, space};
use crate::ui::view::Page;
use crate::ui::widgets::Icon;

/// Width of the rail, in points.
const WIDTH: f32 = 152.0;

fn icon(page: Page) -> Icon {
    match page {
        Page::Welcome => Icon::Home,
        Page::Models => Icon::Model,
        Page::Measure => Icon::Measure,
        Page::Explore => Icon::Explore,
        Page::Compare => Icon::Compare,
        Page::Bills => Icon::Bill,
        Page::Prices => Icon::Price,
        Page::OtherTools => Icon::Imported,
    }
}

impl Window {
    /// Draws the rail; the page chosen, where one was.
    pub(super) fn rail_ui(&self, ui: &mut Ui) -> Option<Page> {
        let tokens = Tokens::of(ui);
        let frame =
            egui::Frame::new().fill(tokens.panel).inner_margin(egui::Margin::symmetric(space::S as i8, 12));
        egui::Panel::left("rail")
            .frame(frame)
            .exact_size(WIDTH)
            .resizable(false)
            .show_separator_line(true)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let mut chosen = None;
                for page in Page::ALL {
                    let count = self.count(page);
                    if entry_ui(ui, page, self.page == page, count) {
                        chosen = Some(page);
                    }
                }
                chosen
            })
            .inner
    }

    /// How many things a page holds, where that says something.
    fn count(&self, page: Page) -> Option<usize> {
        let state = self.app.state();
        let count = match page {
            Page::Models => state.models.len(),
            Page::Measure => state.points.len(),
            Page::Bills => state.bills.len(),
            Page::OtherTools => state.results.iter().map(|file| file.results.results.len()).sum(),
            _ => 0,
        };
        (count > 0).then_some(count)
    }
}

fn entry_ui(ui: &mut Ui, page: Page, chosen: bool, count: Option<usize>) -> bool {
    let tokens = Tokens::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 34.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::Tab, true, chosen, page.name()));
    let shortcut = find(UiCommand::Go(page)).map(|entry| words(entry, ui.ctx().os())).unwrap_or_default();
    if ui.is_rect_visible(rect) {
        let painter = ui.painter();
        if chosen {
            painter.rect_filled(rect, RADIUS, tokens.accent_soft);
        } else if response.hovered() {
            painter.rect_filled(rect, RADIUS, tokens.hover);
        }
        if response.has_focus() {
            let ring = Stroke::new(1.5, tokens.accent_text);
            painter.rect_stroke(rect, RADIUS, ring, egui::StrokeKind::Inside);
        }
        let colour = if chosen {
            tokens.accent_text
        } else if response.hovered() {
            tokens.text
        } else {
            tokens.text_quiet
        };
        icon(page).paint_sized(painter, pos2(rect.left() + 18.0, rect.center().y), 16.0, colour);
        let words_at = pos2(rect.left() + 36.0, rect.center().y);
        let ink = if chosen { tokens.accent_text } else { tokens.text };
        let font = TextStyle::Body.resolve(ui.style());
        painter.text(words_at, Align2::LEFT_CENTER, page.name(), font, ink);
        if let Some(count) = count {
            let at = pos2(rect.right() - 10.0, rect.center().y);
            let font = FontId::proportional(12.0);
            painter.text(at, Align2::RIGHT_CENTER, count.to_string(), font, tokens.text_quiet);
        }
    }
    let pressed = response.clicked();
    response.on_hover_text(format!("{} ({shortcut})", page.name()));
    pressed
}
