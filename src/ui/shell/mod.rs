//! The shell: everything of the window that is not a page.
//!
//! A frame goes: take in what jobs have found, take the shortcuts and dropped files, draw the bars and one page,
//! then do what was asked for. Pages read and wish; only here is [`App`] changed, and only by its commands.

mod command;
mod dialog;
mod drop;
mod files;
mod machines;
mod menu;
mod overlays;
mod palette;
mod perform;
mod rail;
mod run;
mod status;
mod toasts;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use eframe::egui;

pub use command::{Entry, Menu, TABLE, UiCommand, find, hindrance};
pub use files::{Desktop, FilePicker, NoDialog, Pick};
pub use run::run;

use self::dialog::PathDialog;
use self::machines::Machines;
use self::palette::{Chosen, Palette};
use self::toasts::Toasts;
use super::pages::{Bills, Compare, Explore, Measure, Models, OtherTools, Prices, Welcome};
use super::theme::{self, Tokens};
use super::view::{Action, Page, View};
use crate::app::jobs::{End, Job, JobId};
use crate::app::{App, Command, Level, Settings};

/// Seconds between looks at which of the files opened lately are still there.
const RECENT_EVERY: f64 = 3.0;
/// Jobs that end sooner than this are not shown: the bar would only flicker.
const SHOWN_AFTER_SECS: f64 = 0.25;

/// What each page remembers between frames.
#[derive(Default)]
struct Pages {
    welcome: Welcome,
    models: Models,
    measure: Measure,
    explore: Explore,
    compare: Compare,
    bills: Bills,
    prices: Prices,
    other_tools: OtherTools,
}

/// What floats over the page. One at a time.
#[derive(Default)]
enum Over {
    #[default]
    Nothing,
    Palette(Palette),
    Path(Box<PathDialog>),
    Machines(Box<Machines>),
    Shortcuts,
    About,
    History,
}

/// The window: an application and what its face remembers.
pub struct Window {
    app: App,
    settings: Settings,
    /// The settings could be read when the window opened; only then are they written.
    keep_settings: bool,
    page: Page,
    pages: Pages,
    over: Over,
    toasts: Toasts,
    picker: Box<dyn FilePicker>,
    /// Files opened lately, and whether they are there.
    recent: Vec<(PathBuf, bool)>,
    recent_at: f64,
    /// Jobs whose end has been seen.
    ended: BTreeSet<JobId>,
    title: String,
    quit: bool,
}

impl Window {
    /// A window over `app`. `picker` is the desktop's file dialog ([`Desktop`]), or none ([`NoDialog`]).
    pub fn new(
        ctx: &egui::Context,
        mut app: App,
        settings: anyhow::Result<Settings>,
        picker: Box<dyn FilePicker>,
    ) -> Self {
        // egui's own zoom keys would bypass the table of commands.
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let waker = ctx.clone();
        app.set_waker(Arc::new(move || waker.request_repaint()));
        let keep_settings = settings.is_ok();
        let settings = settings.unwrap_or_else(|error| {
            app.notify(Level::Warning, format!("{error:#}. Changes of theme and recent files are not kept"));
            Settings::default()
        });
        theme::apply(ctx, settings.theme);
        let mut window = Self {
            app,
            settings,
            keep_settings,
            page: Page::default(),
            pages: Pages::default(),
            over: Over::default(),
            toasts: Toasts::default(),
            picker,
            recent: Vec::new(),
            recent_at: f64::NEG_INFINITY,
            ended: BTreeSet::new(),
            title: String::new(),
            quit: false,
        };
        if let Some(path) = window.app.state().path.clone() {
            window.remember(&path);
        }
        window
    }

    /// The application, to look at.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The page in view.
    pub fn page(&self) -> Page {
        self.page
    }

    /// Takes in files as if they had been dropped.
    pub fn open(&mut self, paths: Vec<PathBuf>) {
        if let Some(command) = drop::command_for(paths) {
            self.perform_command(command);
        }
    }

    /// Work that has not ended.
    fn running(&self) -> impl Iterator<Item = &Job> {
        self.app.jobs().iter().filter(|job| job.end.is_none())
    }

    /// Work that has gone on long enough to be shown.
    fn shown_job(&self) -> Option<&Job> {
        self.running().find(|job| job.elapsed().as_secs_f64() >= SHOWN_AFTER_SECS)
    }

    /// The name of the project.
    fn project_name(&self) -> String {
        let stem = self.app.state().path.as_deref().and_then(Path::file_stem);
        stem.map_or_else(|| "New project".to_owned(), |stem| stem.to_string_lossy().into_owned())
    }

    /// Notes that a file was opened, in the settings and in the list on the Welcome page.
    fn remember(&mut self, path: &Path) {
        self.settings.opened(path);
        self.save_settings();
        self.recent_at = f64::NEG_INFINITY;
    }

    fn save_settings(&mut self) {
        if !self.keep_settings {
            return;
        }
        if let Err(error) = self.settings.save(&self.app.options().folders.config) {
            self.app.notify(Level::Warning, format!("the settings could not be kept: {error:#}"));
        }
    }

    /// What must happen also while the window is hidden.
    fn logic(&mut self, ctx: &egui::Context) {
        self.app.poll();
        for report in self.app.take_reports() {
            self.tell_report(&report);
        }
        self.tell_cancelled();
        let now = ctx.input(|input| input.time);
        while let Some(notice) = self.app.next_notice() {
            tracing::debug!(level = ?notice.level, "{}", notice.text);
            self.toasts.push(notice, now);
        }
        if now - self.recent_at >= RECENT_EVERY {
            self.recent_at = now;
            self.recent = self.settings.recent.iter().map(|path| (path.clone(), path.exists())).collect();
        }
        if self.running().next().is_some() {
            // The time it has taken goes on even where nothing is reported.
            ctx.request_repaint_after(std::time::Duration::from_millis(250));
        }
        let title = format!("{} – Inferometer", self.project_name());
        if title != self.title {
            ctx.send_viewport_cmd(egui::ViewportCommand::Title(title.clone()));
            self.title = title;
        }
        if self.quit {
            ctx.send_viewport_cmd(egui::ViewportCommand::Close);
        }
    }

    /// Jobs that the user stopped say so once; what failed or was done says so itself.
    fn tell_cancelled(&mut self) {
        let mut cancelled = Vec::new();
        for job in self.app.jobs() {
            if let Some(end) = &job.end
                && self.ended.insert(job.id)
                && *end == End::Cancelled
            {
                cancelled.push(format!("Stopped: {}. What was finished is kept", job.title));
            }
        }
        for text in cancelled {
            self.app.notify(Level::Info, text);
        }
    }

    /// Draws a frame and does what was asked for in it.
    fn frame(&mut self, ui: &mut egui::Ui) {
        let ctx = ui.ctx().clone();
        let mut commands =
            if matches!(self.over, Over::Path(_)) { Vec::new() } else { command::pressed(&ctx) };
        let dropped = drop::dropped(&ctx);
        if !dropped.is_empty() {
            self.over = Over::Nothing;
            self.open(dropped);
        }

        let mut actions = Vec::new();
        commands.extend(self.menu_ui(ui));
        let status = self.status_ui(ui, &mut actions, &mut commands);
        if let Some(page) = self.rail_ui(ui) {
            actions.push(Action::Go(page));
        }
        self.page_ui(ui, &mut actions);
        self.toasts.ui(&ctx, status);
        self.over_ui(&ctx, &mut commands);
        drop::overlay_ui(&ctx);

        for action in actions {
            self.perform(&ctx, action);
        }
        for command in commands {
            self.command(&ctx, command);
        }
    }

    fn page_ui(&mut self, ui: &mut egui::Ui, actions: &mut Vec<Action>) {
        let Self { app, page, pages, recent, .. } = self;
        let background = Tokens::of(ui).background;
        egui::CentralPanel::default().frame(egui::Frame::new().fill(background)).show(ui, |ui| {
            let mut view = View { app, actions: std::mem::take(actions) };
            match page {
                Page::Welcome => {
                    pages.welcome.recent.clone_from(recent);
                    pages.welcome.ui(ui, &mut view);
                }
                Page::Models => pages.models.ui(ui, &mut view),
                Page::Measure => pages.measure.ui(ui, &mut view),
                Page::Explore => pages.explore.ui(ui, &mut view),
                Page::Compare => pages.compare.ui(ui, &mut view),
                Page::Bills => pages.bills.ui(ui, &mut view),
                Page::Prices => pages.prices.ui(ui, &mut view),
                Page::OtherTools => pages.other_tools.ui(ui, &mut view),
            }
            *actions = view.actions;
        });
    }

    /// Draws what floats over the page and takes its answer.
    fn over_ui(&mut self, ctx: &egui::Context, commands: &mut Vec<UiCommand>) {
        let working = self.running().next().is_some();
        let mut wishes = Vec::new();
        match &mut self.over {
            Over::Nothing => {}
            Over::Palette(palette) => match palette.ui(ctx, self.app.state(), working, &self.recent) {
                None => {}
                Some(chosen) => {
                    self.over = Over::Nothing;
                    match chosen {
                        Chosen::Command(command) => commands.push(command),
                        Chosen::File(path) => self.open(vec![path]),
                        Chosen::Nothing => {}
                    }
                }
            },
            Over::Path(dialog) => {
                if let Some(answer) = dialog.ui(ctx, self.picker.as_ref(), &self.recent) {
                    self.over = Over::Nothing;
                    if let Some(answer) = answer {
                        self.answered(answer);
                    }
                }
            }
            Over::Machines(machines) => {
                if machines.ui(ctx, &self.app, &mut wishes) {
                    self.over = Over::Nothing;
                }
            }
            Over::Shortcuts => {
                if overlays::shortcuts_ui(ctx) {
                    self.over = Over::Nothing;
                }
            }
            Over::About => {
                if overlays::about_ui(ctx, &self.app) {
                    self.over = Over::Nothing;
                }
            }
            Over::History => {
                if overlays::history_ui(ctx, &mut self.toasts) {
                    self.over = Over::Nothing;
                }
            }
        }
        for wish in wishes {
            self.perform_command(wish);
        }
    }

    /// Sends a command and says so when it was refused.
    fn perform_command(&mut self, command: Command) {
        let opened = match &command {
            Command::OpenProject(path) | Command::SaveAs(path) => Some(path.clone()),
            _ => None,
        };
        let other_project = opened.is_some() || matches!(command, Command::OpenSample | Command::NewProject);
        match self.app.handle(command) {
            Ok(_job) => {
                if other_project {
                    // What was chosen in one project means nothing in another.
                    self.pages = Pages::default();
                    let path = opened.or_else(|| self.app.state().path.clone());
                    if let Some(path) = path {
                        self.remember(&path);
                    }
                }
            }
            Err(error) => self.app.notify(Level::Error, format!("{error:#}")),
        }
    }

    /// Says something in a toast.
    fn say(&mut self, level: Level, text: impl Into<String>) {
        self.app.notify(level, text);
    }
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.logic(ctx);
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        self.frame(ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        let running: Vec<JobId> = self.running().map(|job| job.id).collect();
        for id in running {
            if let Err(error) = self.app.handle(Command::Cancel(id)) {
                tracing::warn!("could not cancel job {id}: {error:#}");
            }
        }
    }
}
