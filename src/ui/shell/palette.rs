//! The command palette: every command and every file opened lately, found by a few letters.

use std::path::PathBuf;

use egui::{Align, Id, Key, Layout, Modal, Modifiers, RichText, ScrollArea, Sense, TextEdit, Ui, vec2};

use super::command::{TABLE, UiCommand, fuzzy, hindrance, words};
use super::dialog::file_name;
use crate::app::State;
use crate::ui::theme::{RADIUS, Tokens, space};
use crate::ui::widgets::dialog_frame;

/// What the palette was closed with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A command of the table.
    Command(UiCommand),
    /// A file opened lately.
    File(PathBuf),
    /// Nothing.
    Nothing,
}

/// One line of the palette.
struct Line {
    label: String,
    right: String,
    hindrance: Option<&'static str>,
    chosen: Chosen,
}

/// An open palette.
#[derive(Debug, Default)]
pub struct Palette {
    query: String,
    at: usize,
    moved: bool,
}

impl Palette {
    fn lines(
        &self,
        ctx: &egui::Context,
        state: &State,
        working: bool,
        recent: &[(PathBuf, bool)],
    ) -> Vec<Line> {
        let os = ctx.os();
        let commands = TABLE.iter().filter(|entry| entry.command != UiCommand::Palette).filter_map(|entry| {
            let cost = fuzzy(&self.query, entry.label)?;
            let line = Line {
                label: entry.label.to_owned(),
                right: words(entry, os),
                hindrance: hindrance(entry.command, state, working),
                chosen: Chosen::Command(entry.command),
            };
            Some((cost, line))
        });
        let files = recent.iter().filter(|(_, present)| *present).filter_map(|(path, _)| {
            let label = format!("Open {}", file_name(path));
            let cost = fuzzy(&self.query, &label)?;
            let right = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
            Some((cost + 1, Line { label, right, hindrance: None, chosen: Chosen::File(path.clone()) }))
        });
        let mut lines: Vec<(usize, Line)> = commands.chain(files).collect();
        if !self.query.trim().is_empty() {
            lines.sort_by_key(|(cost, _)| *cost);
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Draws the palette; an answer closes it.
    pub fn ui(
        &mut self,
        ctx: &egui::Context,
        state: &State,
        working: bool,
        recent: &[(PathBuf, bool)],
    ) -> Option<Chosen> {
        let mut lines = self.lines(ctx, state, working, recent);
        let last = lines.len().saturating_sub(1);
        let (down, up, enter) = ctx.input_mut(|input| {
            (
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowDown),
                input.count_and_consume_key(Modifiers::NONE, Key::ArrowUp),
                input.consume_key(Modifiers::NONE, Key::Enter),
            )
        });
        self.moved = down + up > 0;
        self.at = (self.at + down).min(last).saturating_sub(up);

        let mut chosen = None;
        let screen = ctx.content_rect();
        let area = Modal::default_area(Id::unique("palette"))
            .anchor(egui::Align2::CENTER_TOP, vec2(0.0, (screen.height() * 0.12).max(24.0)));
        let response = Modal::new(Id::unique("palette"))
            .area(area)
            .frame(dialog_frame(ctx).inner_margin(egui::Margin::same(8)))
            .backdrop_color(Tokens::of_ctx(ctx).scrim)
            .show(ctx, |ui| {
                ui.set_width(600.0);
                let field = ui.add(
                    TextEdit::singleline(&mut self.query)
                        .hint_text("Type what you want to do")
                        .desired_width(f32::INFINITY)
                        .margin(egui::Margin::symmetric(10, 8)),
                );
                field.widget_info(|| {
                    egui::WidgetInfo::labeled(egui::Role::SearchInput, true, "Search for a command")
                });
                field.request_focus();
                if field.changed() {
                    self.at = 0;
                    lines = self.lines(ctx, state, working, recent);
                }
                ui.add_space(space::XS);
                self.lines_ui(ui, &lines, &mut chosen);
            });
        if enter && chosen.is_none() {
            chosen = lines
                .into_iter()
                .nth(self.at)
                .filter(|line| line.hindrance.is_none())
                .map(|line| line.chosen);
        }
        chosen.or_else(|| response.should_close().then_some(Chosen::Nothing))
    }

    fn lines_ui(&self, ui: &mut Ui, lines: &[Line], chosen: &mut Option<Chosen>) {
        let tokens = Tokens::of(ui);
        if lines.is_empty() {
            ui.add_space(space::S);
            ui.label(RichText::new("No command fits these letters").color(tokens.text_quiet));
            ui.add_space(space::S);
        }
        ScrollArea::vertical().max_height(420.0).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (place, line) in lines.iter().enumerate() {
                let size = vec2(ui.available_width(), 32.0);
                let enabled = line.hindrance.is_none();
                let sense = if enabled { Sense::click() } else { Sense::hover() };
                let (rect, response) = ui.allocate_exact_size(size, sense);
                response.widget_info(|| {
                    egui::WidgetInfo::selected(egui::Role::Button, enabled, place == self.at, &line.label)
                });
                if place == self.at && self.moved {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    *chosen = Some(line.chosen.clone());
                }
                if !ui.is_rect_visible(rect) {
                    continue;
                }
                if place == self.at || response.hovered() {
                    let fill = if place == self.at { tokens.accent_soft } else { tokens.hover };
                    ui.painter().rect_filled(rect, RADIUS, fill);
                }
                line_ui(ui, rect.shrink2(vec2(10.0, 0.0)), line, tokens);
            }
        });
    }
}

fn line_ui(ui: &mut Ui, rect: egui::Rect, line: &Line, tokens: &Tokens) {
    let builder = egui::UiBuilder::new().max_rect(rect).layout(Layout::left_to_right(Align::Center));
    let mut ui = ui.new_child(builder);
    let colour = if line.hindrance.is_some() { tokens.text_quiet } else { tokens.text };
    ui.add(egui::Label::new(RichText::new(&line.label).color(colour)).selectable(false));
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        let right = line.hindrance.unwrap_or(&line.right);
        if !right.is_empty() {
            let text = RichText::new(right).small().color(tokens.text_quiet);
            ui.add(egui::Label::new(text).truncate().selectable(false));
        }
    });
}
