//! Doing what was wished for: actions of pages, commands of the table, answers of dialogs.

use std::path::PathBuf;

use eframe::egui;

use super::dialog::{Answer, PathDialog, Purpose, file_name};
use super::palette::Palette;
use super::{Over, UiCommand, Window, hindrance};
use crate::app::{Command, FileReport, Kind, Level, Measure, Theme, comparison, figures, roofline, tradeoff};
use crate::chart::Chart;
use crate::measure::sweep::{Effort, Sweep};
use crate::report::{self, Overwrite};
use crate::ui::theme;
use crate::ui::view::{Action, Page};

/// Warnings of a file that are quoted in its message; the rest is counted.
const QUOTED_WARNINGS: usize = 20;
/// Offers in the exported chart besides "stay as you are".
const OFFERS: usize = 8;
/// Steps of the zoom.
const ZOOM_STEP: f32 = 0.1;

impl Window {
    /// Does what a page asked for.
    pub(super) fn perform(&mut self, ctx: &egui::Context, action: Action) {
        match action {
            Action::Do(command) => self.perform_command(command),
            Action::Go(page) => self.page = page,
            Action::PickFiles => self.ask(Purpose::Open),
            Action::Open(path) => self.open(vec![path]),
            Action::ExportChart(chart) => self.ask(Purpose::ExportChart(chart)),
            Action::Machines => self.over = Over::Machines(Box::default()),
            Action::ExportReport => self.ask(Purpose::ExportReport),
            Action::Say(text) => self.say(Level::Info, text),
            Action::Copy { text, what } => {
                ctx.copy_text(text);
                self.say(Level::Info, format!("Copied {what}"));
            }
            Action::ExportChartTo(chart, path) => self.export_chart(*chart, path, false),
        }
    }

    /// Does a command of the table, unless something stands against it.
    pub(super) fn command(&mut self, ctx: &egui::Context, command: UiCommand) {
        let working = self.running().next().is_some();
        if let Some(hindrance) = hindrance(command, self.app.state(), working) {
            self.say(Level::Info, hindrance);
            return;
        }
        match command {
            UiCommand::NewProject => self.perform_command(Command::NewProject),
            UiCommand::Open => self.ask(Purpose::Open),
            UiCommand::OpenSample => self.perform_command(Command::OpenSample),
            UiCommand::SaveAs => self.ask(Purpose::SaveProject),
            UiCommand::ExportReport => self.ask(Purpose::ExportReport),
            UiCommand::WriteFocus => self.ask(Purpose::WriteFocus),
            UiCommand::ExportTradeOff
            | UiCommand::ExportBill
            | UiCommand::ExportOffers
            | UiCommand::ExportComparison
            | UiCommand::ExportRoofline => self.ask_export(command),
            UiCommand::Quit => self.quit = true,
            UiCommand::Go(page) => self.page = page,
            UiCommand::QuickMeasure => self.quick_measure(),
            UiCommand::Profile => self.profile(),
            UiCommand::Cancel => {
                let running: Vec<_> = self.running().map(|job| job.id).collect();
                for id in running {
                    self.perform_command(Command::Cancel(id));
                }
            }
            UiCommand::Machines => self.over = Over::Machines(Box::default()),
            UiCommand::UseTheme(chosen) => self.use_theme(ctx, chosen),
            UiCommand::ZoomIn => zoom(ctx, ZOOM_STEP),
            UiCommand::ZoomOut => zoom(ctx, -ZOOM_STEP),
            UiCommand::ZoomReset => ctx.set_zoom_factor(1.0),
            UiCommand::Palette => self.over = Over::Palette(Palette::default()),
            UiCommand::Notices => self.over = Over::History,
            UiCommand::Shortcuts => self.over = Over::Shortcuts,
            UiCommand::About => self.over = Over::About,
        }
    }

    fn use_theme(&mut self, ctx: &egui::Context, chosen: Theme) {
        self.settings.theme = chosen;
        theme::apply(ctx, chosen);
        self.save_settings();
    }

    /// Every model that is there, at two batch sizes with one thread, a second each: a first look.
    fn quick_measure(&mut self) {
        let state = self.app.state();
        let models: Vec<String> = state
            .models
            .iter()
            .filter(|entry| entry.present)
            .map(|entry| entry.model.sha256.clone())
            .collect();
        let sweep = Sweep { batches: vec![1, 4], effort: Effort::runs(1), seed: 1, ..Sweep::default() };
        self.perform_command(Command::Measure(Box::new(Measure { models, sweep, target: None })));
    }

    /// Profiles the chosen measurement's configuration, on the page where it is shown.
    fn profile(&mut self) {
        let Some(stored) = self.app.state().chosen_point() else { return };
        match self.app.profiling_of(stored) {
            Some(profiling) => {
                self.page = Page::Measure;
                self.perform_command(Command::Profile(Box::new(profiling)));
            }
            None => self.say(Level::Info, "The machine that measured this is not among yours any more"),
        }
    }

    /// Opens the dialog that asks for a path.
    pub(super) fn ask(&mut self, purpose: Purpose) {
        let dialog = PathDialog::new(purpose, &self.folder(), &self.project_name());
        self.over = Over::Path(Box::new(dialog));
    }

    /// Where a new file is proposed: beside the project, unless that is the application's own folder.
    fn folder(&self) -> PathBuf {
        let own = &self.app.options().folders.data;
        let beside = self.app.state().path.as_deref().and_then(|path| path.parent());
        match beside {
            Some(folder) if !folder.starts_with(own) => folder.to_owned(),
            _ => std::env::home_dir().or_else(|| std::env::current_dir().ok()).unwrap_or_default(),
        }
    }

    fn ask_export(&mut self, command: UiCommand) {
        match self.chart(command) {
            Ok(Some(chart)) => self.ask(Purpose::ExportChart(Box::new(chart))),
            Ok(None) => self.say(Level::Info, "There is nothing to draw yet"),
            Err(error) => self.say(Level::Error, format!("{error:#}")),
        }
    }

    fn chart(&mut self, command: UiCommand) -> anyhow::Result<Option<Chart>> {
        let state = self.app.state();
        Ok(match command {
            UiCommand::ExportTradeOff => Some(tradeoff::chart(state)),
            UiCommand::ExportBill => report::project::bill_chart(&mut self.app)?,
            UiCommand::ExportOffers => {
                let currency = state.plan_currency();
                state.answer.as_ref().map(|answer| figures::offers(answer, &currency, OFFERS))
            }
            UiCommand::ExportComparison => Some(comparison::chart(state).map_err(anyhow::Error::msg)?),
            UiCommand::ExportRoofline => Some(roofline::of_project(state).map_err(anyhow::Error::msg)?),
            _ => None,
        })
    }

    /// Does what a dialog was closed with.
    pub(super) fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Open(paths) => self.open(paths),
            Answer::Write { purpose, path, replace } => match purpose {
                Purpose::SaveProject => self.perform_command(Command::SaveAs(path)),
                Purpose::ExportChart(chart) => self.export_chart(*chart, path, replace),
                Purpose::ExportReport => self.export_report(path, replace),
                Purpose::WriteFocus => {
                    self.perform_command(Command::WriteFocus { filters: Vec::new(), to: path, replace });
                }
                Purpose::Open => {}
            },
        }
    }

    fn export_chart(&mut self, chart: Chart, path: PathBuf, replace: bool) {
        self.app.run(&format!("Export {}", file_name(&path)), move || {
            report::export_chart(&chart, &path, overwrite(replace))?;
            Ok(format!("Exported {}", path.display()))
        });
    }

    fn export_report(&mut self, path: PathBuf, replace: bool) {
        match report::project::document(&mut self.app, report::project::generated_now()) {
            Ok(document) => {
                self.app.run(&format!("Export {}", file_name(&path)), move || {
                    let html = report::html(&document)?;
                    report::write_file(&path, html.as_bytes(), overwrite(replace))?;
                    Ok(format!("Exported {}", path.display()))
                });
            }
            Err(error) => self.say(Level::Error, format!("the report could not be made: {error:#}")),
        }
    }

    /// Says what a file was taken for. What could not be read is said by the job that read it.
    pub(super) fn tell_report(&mut self, report: &FileReport) {
        let Some(kind) = &report.kind else { return };
        // The unpacked sample files are reached by opening the sample project.
        if !report.path.starts_with(&self.app.options().folders.data) {
            self.remember(&report.path);
        }
        let (level, text) = report_words(report, &kind.to_string());
        self.say(level, text);
        let is_own = !report.path.starts_with(&self.app.options().folders.data);
        if let (Kind::Bill(_), Some(bill), true) = (kind, self.app.state().bills.last(), is_own) {
            self.pages.bills.show_bill(&bill.hash);
            self.page = Page::Bills;
        }
    }
}

/// `Read bill.csv: FOCUS 1.2, 12,345 rows, 3 warnings`, then the warnings, a line each.
fn report_words(report: &FileReport, kind: &str) -> (Level, String) {
    use std::fmt::Write as _;

    use crate::ui::widgets::count_words;
    let mut text = format!("Read {}: {kind}", file_name(&report.path));
    let mut add = |count: u64, one: &str, many: &str| {
        let _ = write!(text, ", {} {}", count_words(count), if count == 1 { one } else { many });
    };
    if let Some(rows) = report.rows {
        add(rows, "row", "rows");
    }
    if let Some(points) = report.points {
        add(points, "measurement", "measurements");
    }
    if let Some(results) = report.results {
        add(results, "result", "results");
    }
    if report.warnings.is_empty() {
        return (Level::Info, text);
    }
    add(report.warnings.len() as u64, "warning", "warnings");
    for warning in report.warnings.iter().take(QUOTED_WARNINGS) {
        let line = warning.line.map(|line| format!("line {line}: ")).unwrap_or_default();
        let column = warning.column.as_ref().map(|column| format!("{column}: ")).unwrap_or_default();
        let _ = write!(text, "\n{line}{column}{}", warning.message);
    }
    if report.warnings.len() > QUOTED_WARNINGS {
        let _ = write!(text, "\nand {} more", report.warnings.len() - QUOTED_WARNINGS);
    }
    (Level::Warning, text)
}

fn overwrite(replace: bool) -> Overwrite {
    if replace { Overwrite::Yes } else { Overwrite::No }
}

fn zoom(ctx: &egui::Context, step: f32) {
    ctx.set_zoom_factor((ctx.zoom_factor() + step).clamp(0.5, 3.0));
}
