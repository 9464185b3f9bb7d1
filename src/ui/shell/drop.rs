//! Files dragged over the window: what will happen to each when it is dropped, and which were dropped.

use std::path::{Path, PathBuf};

use egui::{Align2, Area, Frame, Id, Margin, Order, RichText, Stroke, vec2};

use super::dialog::file_name;
use crate::app::Command;
use crate::ui::theme::{self, RADIUS_CARD, Tokens, space};
use crate::ui::widgets::{Icon, icon_ui};

/// Most files named on the overlay.
const NAMED: usize = 8;

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

/// What will happen to a file, told by its ending alone: its content is read when it is dropped.
fn fate(path: &Path, alone: bool) -> (Icon, &'static str) {
    if path.is_dir() {
        return (Icon::Imported, "is read as one bill of many files, or searched for results of other tools");
    }
    match ending(path).as_str() {
        "onnx" => (Icon::Model, "becomes a model of this project"),
        "inferometer" if alone => (Icon::Folder, "is opened instead of this project"),
        "inferometer" => (Icon::Measure, "gives its measurements to this project"),
        "parquet" => (Icon::Bill, "is read as a bill"),
        "zip" => (Icon::Bill, "is read as one bill, all of its files together"),
        "csv" | "gz" => (
            Icon::Bill,
            "is read as a bill, a demand trace or hardware profiles, or as another tool's results",
        ),
        "npz" | "npy" => (Icon::File, "becomes the inputs that outputs are compared on"),
        _ => (
            Icon::File,
            "is tried: models, bills, traces, inputs, projects and results of other tools are known",
        ),
    }
}

/// What opening these files means: a single project replaces the open one, anything else is taken into it.
pub fn command_for(paths: Vec<PathBuf>) -> Option<Command> {
    match paths.as_slice() {
        [] => None,
        [only] if ending(only) == "inferometer" => Some(Command::OpenProject(only.clone())),
        _ => Some(Command::OpenFiles(paths)),
    }
}

/// The files dropped in this frame.
pub fn dropped(ctx: &egui::Context) -> Vec<PathBuf> {
    ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect())
}

/// Draws what will happen, while files are over the window.
pub fn overlay_ui(ctx: &egui::Context) {
    let hovered: Vec<PathBuf> =
        ctx.input(|input| input.raw.hovered_files.iter().filter_map(|file| file.path.clone()).collect());
    if ctx.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let tokens = Tokens::of_ctx(ctx);
    let screen = ctx.content_rect();
    let layer = egui::LayerId::new(Order::Foreground, Id::unique("drop scrim"));
    let painter = ctx.layer_painter(layer);
    painter.rect_filled(screen, 0.0, tokens.scrim);
    let ring = Stroke::new(2.0, tokens.accent_text);
    painter.rect_stroke(screen.shrink(10.0), RADIUS_CARD, ring, egui::StrokeKind::Inside);
    Area::new(Id::unique("drop overlay"))
        .order(Order::Tooltip)
        .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0))
        .show(ctx, |ui| {
            Frame::new()
                .fill(tokens.overlay)
                .stroke(Stroke::new(1.0, tokens.border_strong))
                .corner_radius(RADIUS_CARD)
                .inner_margin(Margin::same(space::XL as i8))
                .show(ui, |ui| {
                    ui.set_width(520.0);
                    ui.horizontal(|ui| {
                        icon_ui(ui, Icon::Drop, tokens.accent_text);
                        let title = match hovered.len() {
                            0 | 1 => "Drop to open".to_owned(),
                            many => format!("Drop to open {many} files"),
                        };
                        ui.label(RichText::new(title).text_style(theme::section()).color(tokens.text));
                    });
                    for path in hovered.iter().take(NAMED) {
                        let (icon, what) = fate(path, hovered.len() == 1);
                        ui.horizontal_wrapped(|ui| {
                            icon_ui(ui, icon, tokens.text_quiet);
                            ui.label(file_name(path));
                            ui.label(RichText::new(what).color(tokens.text_quiet));
                        });
                    }
                    if hovered.len() > NAMED {
                        let more = format!("and {} more", hovered.len() - NAMED);
                        ui.label(RichText::new(more).color(tokens.text_quiet));
                    }
                });
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_project_is_opened_and_several_files_are_taken_in() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        assert_eq!(command_for(Vec::new()), None);
        assert_eq!(
            command_for(paths(&["a.inferometer"])),
            Some(Command::OpenProject("a.inferometer".into()))
        );
        let two = paths(&["a.inferometer", "b.onnx"]);
        assert_eq!(command_for(two.clone()), Some(Command::OpenFiles(two)));
        let model = paths(&["b.onnx"]);
        assert_eq!(command_for(model.clone()), Some(Command::OpenFiles(model)));
    }

    #[test]
    fn the_overlay_tells_a_model_from_a_bill() {
        assert!(fate(Path::new("x.ONNX"), true).1.contains("model"));
        assert!(fate(Path::new("bill.csv.gz"), true).1.contains("bill"));
        assert!(fate(Path::new("p.inferometer"), false).1.contains("measurements"));
    }
}
