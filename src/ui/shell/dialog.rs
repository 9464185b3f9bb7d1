//! The dialog that asks for a path: a field to type or paste into, the files opened lately, and a button for the
//! desktop's own dialog. It works where that one does not.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};

use egui::{Id, Key, Layout, Modal, RichText, Ui};

use super::files::{FilePicker, Pick};
use crate::bill::delivery::is_pattern;
use crate::chart::Chart;
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{
    Tone, banner_ui, danger_button_ui, dialog_frame, dialog_title_ui, line_edit, note_ui, primary_button_ui,
    segmented_ui,
};

/// Width of the dialog's content, in points.
const WIDTH: f32 = 560.0;
/// Endings a chart can be written with.
const CHART_ENDINGS: [(&str, &str); 3] = [("svg", "SVG"), ("png", "PNG"), ("csv", "CSV")];

/// What a path is asked for.
#[derive(Debug, Clone)]
pub enum Purpose {
    /// Files to open.
    Open,
    /// A new project file.
    SaveProject,
    /// A file for a chart; its ending chooses the format.
    ExportChart(Box<Chart>),
    /// A file for the report.
    ExportReport,
    /// A file for the bills as FOCUS; its ending chooses the format.
    WriteFocus,
}

impl Purpose {
    fn title(&self) -> String {
        match self {
            Self::Open => "Open files".to_owned(),
            Self::SaveProject => "Save project as".to_owned(),
            Self::ExportChart(chart) => format!("Export “{}”", chart.title),
            Self::ExportReport => "Export report".to_owned(),
            Self::WriteFocus => "Export bills as FOCUS".to_owned(),
        }
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Open => "Path of a file to open",
            _ => "Path of the file to write",
        }
    }

    fn button(&self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::SaveProject => "Save",
            Self::ExportChart(_) | Self::ExportReport | Self::WriteFocus => "Export",
        }
    }

    fn endings(&self) -> &'static [&'static str] {
        match self {
            Self::Open => &[],
            Self::SaveProject => &["inferometer"],
            Self::ExportChart(_) => &["svg", "png", "csv"],
            Self::ExportReport => &["html"],
            Self::WriteFocus => &["parquet", "csv"],
        }
    }

    /// The file name proposed.
    fn proposed(&self, project: &str) -> String {
        match self {
            Self::Open => String::new(),
            Self::SaveProject => format!("{project}.inferometer"),
            Self::ExportChart(chart) => format!("{}.svg", chart.id),
            Self::ExportReport => "report.html".to_owned(),
            Self::WriteFocus => "bill.parquet".to_owned(),
        }
    }
}

/// What the user answered.
#[derive(Debug)]
pub enum Answer {
    /// Open these.
    Open(Vec<PathBuf>),
    /// Write there; `replace` is true when the user has agreed to lose the file that is there.
    Write {
        /// What for.
        purpose: Purpose,
        /// Where.
        path: PathBuf,
        /// A file that is there may be replaced.
        replace: bool,
    },
}

/// An open dialog.
pub struct PathDialog {
    purpose: Purpose,
    text: String,
    problem: String,
    /// The path that the user has been told is taken.
    taken: Option<PathBuf>,
    /// The desktop's dialog is open and will answer here.
    waiting: Option<Receiver<Vec<PathBuf>>>,
    fresh: bool,
}

impl PathDialog {
    /// A dialog that proposes a file in `folder`.
    pub fn new(purpose: Purpose, folder: &Path, project: &str) -> Self {
        let name = purpose.proposed(project);
        let text = if name.is_empty() { String::new() } else { folder.join(name).display().to_string() };
        Self { purpose, text, problem: String::new(), taken: None, waiting: None, fresh: true }
    }

    /// Draws the dialog. The outer `None` keeps it open; `Some(None)` closes it without an answer.
    #[expect(clippy::option_option, reason = "open, closed, closed with an answer")]
    pub fn ui(
        &mut self,
        ctx: &egui::Context,
        picker: &dyn FilePicker,
        recent: &[(PathBuf, bool)],
    ) -> Option<Option<Answer>> {
        let mut answer = self.picked();
        let response = Modal::new(Id::unique("path dialog"))
            .frame(dialog_frame(ctx))
            .backdrop_color(Tokens::of_ctx(ctx).scrim)
            .show(ctx, |ui| {
                ui.set_width(WIDTH);
                ui.spacing_mut().item_spacing.y = space::S;
                dialog_title_ui(ui, &self.purpose.title());
                let submitted = self.field_ui(ui, picker);
                if matches!(self.purpose, Purpose::Open) {
                    note_ui(
                        ui,
                        "A folder, a ZIP or a pattern such as cur/2026-*/*.csv.gz is one bill of many files.",
                    );
                }
                if let Purpose::ExportChart(_) = self.purpose {
                    self.endings_ui(ui);
                }
                if !self.problem.is_empty() {
                    banner_ui(ui, Tone::Warning, &self.problem);
                }
                if matches!(self.purpose, Purpose::Open)
                    && let Some(path) = recent_ui(ui, recent)
                {
                    answer = Some(Answer::Open(vec![path]));
                }
                let (pressed, cancelled) = self.buttons_ui(ui);
                if answer.is_none() && (submitted || pressed) {
                    answer = self.submit();
                }
                cancelled
            });
        if answer.is_some() {
            return Some(answer);
        }
        (response.inner || response.should_close()).then_some(None)
    }

    fn field_ui(&mut self, ui: &mut Ui, picker: &dyn FilePicker) -> bool {
        let name = self.purpose.field();
        let label = note_ui(ui, name);
        let opens = matches!(self.purpose, Purpose::Open);
        ui.horizontal(|ui| {
            let buttons = if opens { 184.0 } else { 92.0 };
            let width = ui.available_width() - buttons - ui.spacing().button_padding.x * 2.0;
            let field =
                ui.add(line_edit(&mut self.text, "Type or paste a path", width)).labelled_by(label.id);
            if std::mem::take(&mut self.fresh) {
                field.request_focus();
            }
            if field.changed() {
                self.problem.clear();
                self.taken = None;
            }
            let submitted = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            let button = |ui: &mut Ui, text: &str| {
                let button = ui.add_enabled(self.waiting.is_none(), egui::Button::new(text));
                button.on_disabled_hover_text("The desktop's dialog is open").clicked()
            };
            let files = button(ui, "Browse…");
            let folder = opens && button(ui, "Folder…");
            if files || folder {
                let (sender, receiver) = channel();
                let what = match &self.purpose {
                    Purpose::Open if folder => Pick::Folder,
                    Purpose::Open => Pick::Open,
                    _ => Pick::Save { name: file_name(Path::new(self.text.trim())) },
                };
                let ctx = ui.ctx().clone();
                picker.ask(what, sender, Box::new(move || ctx.request_repaint()));
                self.waiting = Some(receiver);
            }
            submitted
        })
        .inner
    }

    fn endings_ui(&mut self, ui: &mut Ui) {
        let path = PathBuf::from(self.text.trim());
        let now = ending(&path);
        let mut chosen = CHART_ENDINGS.iter().map(|(ending, _)| *ending).find(|ending| *ending == now);
        let options: Vec<(Option<&str>, &str)> =
            CHART_ENDINGS.iter().map(|(ending, name)| (Some(*ending), *name)).collect();
        ui.horizontal(|ui| {
            note_ui(ui, "Format");
            if segmented_ui(ui, "Format", &mut chosen, &options)
                && let Some(ending) = chosen
            {
                self.text = path.with_extension(ending).display().to_string();
                self.problem.clear();
                self.taken = None;
            }
        });
    }

    fn buttons_ui(&mut self, ui: &mut Ui) -> (bool, bool) {
        ui.add_space(space::XS);
        ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
            let pressed = if self.taken.is_some() {
                danger_button_ui(ui, "Replace").clicked()
            } else {
                primary_button_ui(ui, self.purpose.button()).clicked()
            };
            (pressed, ui.button("Cancel").clicked())
        })
        .inner
    }

    /// What the desktop's dialog has answered by now.
    fn picked(&mut self) -> Option<Answer> {
        let paths = self.waiting.as_ref()?.try_recv().ok()?;
        self.waiting = None;
        match &self.purpose {
            Purpose::Open if !paths.is_empty() => Some(Answer::Open(paths)),
            Purpose::Open => None,
            _ => {
                if let Some(path) = paths.first() {
                    self.text = path.display().to_string();
                    self.taken = None;
                    self.problem.clear();
                    self.fresh = true;
                }
                None
            }
        }
    }

    /// Checks what was typed; says what is wrong or hands it on.
    fn submit(&mut self) -> Option<Answer> {
        self.fresh = true;
        let typed = self.text.trim().trim_matches('"');
        if typed.is_empty() {
            "Type a path, or press “Browse…”".clone_into(&mut self.problem);
            return None;
        }
        let path = with_home(typed);
        match check(&self.purpose, &path) {
            Ok(()) => {}
            Err(problem) => {
                self.problem = problem;
                return None;
            }
        }
        if matches!(self.purpose, Purpose::Open) {
            return Some(Answer::Open(vec![path]));
        }
        if path.exists() && matches!(self.purpose, Purpose::SaveProject) {
            self.problem =
                format!("This file exists, and a project is never overwritten: {}", path.display());
            return None;
        }
        let replace = self.taken.as_deref() == Some(path.as_path());
        if path.exists() && !replace {
            self.problem = format!("This file exists. “Replace” overwrites it: {}", path.display());
            self.taken = Some(path);
            return None;
        }
        Some(Answer::Write { purpose: self.purpose.clone(), path, replace })
    }
}

/// Whether a path can be what was asked for; the first thing that stands against it.
fn check(purpose: &Purpose, path: &Path) -> Result<(), String> {
    if matches!(purpose, Purpose::Open) {
        return if path.exists() || is_pattern(path) {
            Ok(())
        } else {
            Err(format!("There is no such file: {}", path.display()))
        };
    }
    if path.is_dir() {
        return Err(format!("This is a folder; name a file in it: {}", path.display()));
    }
    let endings = purpose.endings();
    if !endings.contains(&ending(path).as_str()) {
        let listed: Vec<String> = endings.iter().map(|ending| format!(".{ending}")).collect();
        return Err(format!("The name must end in {}", listed.join(" or ")));
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err(format!("There is no such folder: {}", folder.display())),
        _ => Ok(()),
    }
}

fn ending(path: &Path) -> String {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).unwrap_or_default()
}

fn with_home(typed: &str) -> PathBuf {
    match (typed.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(typed),
    }
}

/// The name of a file without its folder.
pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

/// The files opened lately; those that are gone are grey.
fn recent_ui(ui: &mut Ui, recent: &[(PathBuf, bool)]) -> Option<PathBuf> {
    if recent.is_empty() {
        return None;
    }
    let mut chosen = None;
    ui.add_space(space::XS);
    note_ui(ui, "Opened lately");
    ui.spacing_mut().item_spacing.y = 0.0;
    for (path, present) in recent.iter().take(8) {
        if recent_row_ui(ui, path, *present).clicked() {
            chosen = Some(path.clone());
        }
    }
    chosen
}

/// One file opened lately: its name, and quietly its folder.
pub fn recent_row_ui(ui: &mut Ui, path: &Path, present: bool) -> egui::Response {
    let tokens = Tokens::of(ui);
    let folder = path.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
    ui.add_enabled_ui(present, |ui| {
        let colour = if present { tokens.text } else { tokens.text_quiet };
        let button = egui::Button::new(RichText::new(file_name(path)).color(colour))
            .right_text(RichText::new(folder).small().color(tokens.text_quiet))
            .frame_when_inactive(false)
            .truncate()
            .min_size(egui::vec2(ui.available_width(), space::CONTROL));
        ui.add(button).on_disabled_hover_text("This file is not there any more")
    })
    .inner
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialog(purpose: Purpose, text: &Path) -> PathDialog {
        let mut dialog = PathDialog::new(purpose, Path::new("/"), "p");
        dialog.text = text.display().to_string();
        dialog
    }

    #[test]
    fn a_file_that_is_there_is_only_replaced_when_the_user_says_so_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        let mut ask = dialog(Purpose::ExportReport, &path);
        assert!(matches!(ask.submit(), Some(Answer::Write { replace: false, .. })));

        std::fs::write(&path, "mine").unwrap();
        assert!(ask.submit().is_none());
        assert!(ask.problem.contains("exists"), "{}", ask.problem);
        assert!(matches!(ask.submit(), Some(Answer::Write { replace: true, .. })));
    }

    #[test]
    fn what_cannot_be_opened_or_written_is_said_in_the_dialog() {
        let folder = tempfile::tempdir().unwrap();
        for (purpose, path, word) in [
            (Purpose::Open, folder.path().join("none.onnx"), "no such file"),
            (Purpose::ExportReport, folder.path().join("report.txt"), ".html"),
            (Purpose::ExportReport, folder.path().join("missing/report.html"), "no such folder"),
            (Purpose::SaveProject, folder.path().join("project"), ".inferometer"),
            (Purpose::Open, PathBuf::from("  "), "Type a path"),
        ] {
            let mut ask = dialog(purpose, &path);
            assert!(ask.submit().is_none());
            assert!(ask.problem.contains(word), "{} does not say {word:?}", ask.problem);
        }
    }
}
