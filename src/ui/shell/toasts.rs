//! Messages to the user: they appear at the lower right, errors stay until closed, and all are kept in a list.

use egui::{Align, Align2, Area, Frame, Id, Layout, Margin, Order, RichText, ScrollArea, Stroke, Ui, vec2};

use crate::app::{Level, Notice};
use crate::ui::theme::{RADIUS_CARD, Tokens, space};
use crate::ui::widgets::{Icon, Tone, icon_button_ui, icon_ui, quiet_button_ui};

/// Most messages shown at once; older ones wait in the list.
const SHOWN: usize = 4;
/// Most messages kept in the list.
const KEPT: usize = 200;
/// Longer messages are cut on a toast and whole in its details.
const HEADLINE: usize = 160;

/// A message that was or is shown.
#[derive(Debug, Clone)]
struct Toast {
    id: u64,
    notice: Notice,
    /// Seconds on egui's clock when it appeared.
    born: f64,
    /// Still floating over the page.
    floating: bool,
    /// The whole text is shown.
    open: bool,
}

/// All messages since the window opened.
#[derive(Debug, Default)]
pub struct Toasts {
    all: Vec<Toast>,
    next: u64,
}

fn tone(level: Level) -> Tone {
    match level {
        Level::Info => Tone::Info,
        Level::Warning => Tone::Warning,
        Level::Error => Tone::Danger,
    }
}

/// Seconds a message floats; `None` = until it is closed.
fn life(level: Level) -> Option<f64> {
    match level {
        Level::Info => Some(6.0),
        Level::Warning => Some(12.0),
        Level::Error => None,
    }
}

/// The first sentence or line, as much as fits on a toast.
fn headline(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= HEADLINE {
        return line.to_owned();
    }
    let cut: String = line.chars().take(HEADLINE).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{}…", &cut[..end])
}

impl Toasts {
    /// Shows a message from now on.
    pub fn push(&mut self, notice: Notice, now: f64) {
        // The same message again moves the one that is there instead of piling up.
        self.all.retain(|other| !(other.floating && other.notice == notice));
        self.next += 1;
        self.all.push(Toast { id: self.next, notice, born: now, floating: true, open: false });
        if self.all.len() > KEPT {
            self.all.remove(0);
        }
    }

    /// How many messages are in the list.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Draws the floating messages, newest at the bottom, `above` points over the lower edge.
    pub fn ui(&mut self, ctx: &egui::Context, above: f32) {
        let now = ctx.input(|input| input.time);
        let mut soonest = f64::INFINITY;
        for toast in self.all.iter_mut().filter(|toast| toast.floating) {
            if let Some(life) = life(toast.notice.level).filter(|_| !toast.open) {
                let left = toast.born + life - now;
                toast.floating = left > 0.0;
                soonest = soonest.min(left);
            }
        }
        if soonest.is_finite() && soonest > 0.0 {
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(soonest));
        }
        let floating: Vec<usize> =
            (0..self.all.len()).rev().filter(|&place| self.all[place].floating).take(SHOWN).collect();
        if floating.is_empty() {
            return;
        }
        Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .anchor(Align2::RIGHT_BOTTOM, vec2(-space::L, -above - space::M))
            .show(ctx, |ui| {
                ui.set_width(400.0);
                ui.spacing_mut().item_spacing.y = space::S;
                for place in floating.into_iter().rev() {
                    let toast = &mut self.all[place];
                    ui.push_id(toast.id, |ui| toast_ui(ui, toast));
                }
            });
    }

    /// Draws the list of all messages, newest first, in a dialog.
    pub fn history_ui(&mut self, ui: &mut Ui) {
        let tokens = Tokens::of(ui);
        if self.all.is_empty() {
            ui.label(RichText::new("Nothing has been said yet").color(tokens.text_quiet));
            return;
        }
        ScrollArea::vertical().max_height(420.0).auto_shrink([false, true]).show(ui, |ui| {
            for toast in self.all.iter().rev() {
                let (colour, icon) = tone(toast.notice.level).dress(tokens);
                ui.horizontal_top(|ui| {
                    icon_ui(ui, icon, colour);
                    ui.add(egui::Label::new(&toast.notice.text).wrap().selectable(true));
                });
                ui.separator();
            }
        });
        let all: Vec<&str> = self.all.iter().map(|toast| toast.notice.text.as_str()).collect();
        if ui.button("Copy all").clicked() {
            ui.ctx().copy_text(all.join("\n"));
        }
    }
}

fn toast_ui(ui: &mut Ui, toast: &mut Toast) {
    let tokens = Tokens::of(ui);
    let (colour, icon) = tone(toast.notice.level).dress(tokens);
    let headline = headline(&toast.notice.text);
    let longer = headline != toast.notice.text;
    Frame::new()
        .fill(tokens.overlay)
        .stroke(Stroke::new(1.0, tokens.border_strong))
        .corner_radius(RADIUS_CARD)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin { left: 12, right: 6, top: 6, bottom: 8 })
        .show(ui, |ui| {
            ui.set_width(380.0);
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.horizontal_top(|ui| {
                ui.vertical(|ui| {
                    ui.add_space(6.0);
                    icon_ui(ui, icon, colour);
                });
                let width = ui.available_width() - space::CONTROL - space::S;
                ui.allocate_ui_with_layout(vec2(width, 0.0), Layout::top_down(Align::Min), |ui| {
                    ui.set_width(width);
                    ui.add_space(5.0);
                    if toast.open {
                        ScrollArea::vertical().max_height(200.0).show(ui, |ui| {
                            ui.add(egui::Label::new(&toast.notice.text).wrap().selectable(true));
                        });
                    } else {
                        ui.add(egui::Label::new(&headline).wrap());
                    }
                    if longer || toast.notice.level == Level::Error {
                        ui.horizontal(|ui| {
                            if longer
                                && quiet_button_ui(ui, if toast.open { "Less" } else { "Details" }).clicked()
                            {
                                toast.open = !toast.open;
                            }
                            if quiet_button_ui(ui, "Copy").clicked() {
                                ui.ctx().copy_text(toast.notice.text.clone());
                            }
                        });
                    }
                });
                if icon_button_ui(ui, Icon::Close, "Close the message").clicked() {
                    toast.floating = false;
                }
            });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_words_and_a_short_one_is_whole() {
        assert_eq!(headline("Copied"), "Copied");
        assert_eq!(headline("One.\nTwo."), "One.");
        let long = "word ".repeat(60);
        let cut = headline(&long);
        assert!(cut.ends_with("word…") && cut.chars().count() <= HEADLINE + 1, "{cut}");
    }

    #[test]
    fn the_same_message_does_not_pile_up() {
        let mut toasts = Toasts::default();
        let notice = Notice { level: Level::Error, text: "no".to_owned() };
        toasts.push(notice.clone(), 0.0);
        toasts.push(notice, 1.0);
        assert_eq!(toasts.count(), 1);
    }
}
