//! A window over an application in a temporary folder, driven without a screen.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::{App, Command, Folders, Options, Settings, Theme};
use inferometer::measure::launcher::Launcher;
use inferometer::ui::shell::{NoDialog, Window};

/// A window, and the folder everything of it is in.
pub struct Desk {
    /// Deleted at the end of the test.
    pub folder: tempfile::TempDir,
    /// The window.
    pub harness: Harness<'static, Window>,
}

/// An application that keeps everything in `folder`.
pub fn app_in(folder: &Path) -> App {
    let options = Options {
        folders: Folders::below(folder),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]),
    };
    App::new(options).unwrap()
}

/// Waits until no job is running.
pub fn settle(app: &mut App) {
    loop {
        let running: Vec<_> = app.jobs().iter().filter(|job| job.end.is_none()).map(|job| job.id).collect();
        let Some(first) = running.first() else { return };
        app.wait(*first, |_| {});
    }
}

/// A window over an empty project.
pub fn empty(theme: Theme) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let app = app_in(folder.path());
    desk(folder, app, theme)
}

/// A window over the sample project, its files taken in and its bill asked.
pub fn sample(theme: Theme) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let mut app = app_in(folder.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    app.take_reports();
    while app.next_notice().is_some() {}
    assert_eq!(app.state().models.len(), 3, "the sample project has three models");
    desk(folder, app, theme)
}

/// A window over an application that keeps everything in `folder`.
pub fn desk(folder: tempfile::TempDir, app: App, theme: Theme) -> Desk {
    let harness = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(40).build_eframe(|creation| {
        creation.egui_ctx.all_styles_mut(|style| style.animation_time = 0.0);
        let settings = Settings { theme, ..Settings::default() };
        Window::new(&creation.egui_ctx, app, Ok(settings), Box::new(NoDialog))
    });
    let mut desk = Desk { folder, harness };
    desk.harness.ctx.all_styles_mut(|style| style.animation_time = 0.0);
    desk.rest();
    desk
}

impl Desk {
    /// Draws frames until the window is at rest and no job runs. Checks accessible names on the way.
    pub fn rest(&mut self) {
        self.until("no job is running", |window| window.app().jobs().iter().all(|job| job.end.is_some()));
        self.harness.run();
    }

    /// Draws frames until something is so.
    pub fn until(&mut self, what: &str, so: impl Fn(&Window) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(2);
        loop {
            self.harness.step();
            if so(self.harness.state()) {
                return;
            }
            assert!(Instant::now() < deadline, "it never came about that {what}");
            std::thread::yield_now();
        }
    }

    /// Presses a key with Ctrl (Cmd on a Mac).
    pub fn ctrl(&mut self, key: Key) {
        self.harness.key_press_modifiers(Modifiers::COMMAND, key);
        self.harness.run();
    }

    /// Presses a key alone.
    pub fn key(&mut self, key: Key) {
        self.harness.key_press(key);
        self.harness.run();
    }

    /// Types into what has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.harness.event(egui::Event::Text(text.to_owned()));
        self.harness.run();
    }

    /// Presses the only thing with this name.
    pub fn press(&mut self, name: &str) {
        // What lies below the edge of its page is not hit.
        self.harness.get_by_label(name).scroll_to_me();
        self.harness.run();
        self.harness.get_by_label(name).click();
        self.harness.run();
    }

    /// Whether anything in view has this text in its name.
    pub fn says(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    /// Drops a file on the window.
    pub fn drop_file(&mut self, path: &Path) {
        self.harness.input_mut().dropped_files.push(Arc::new(OnDisk(path.to_owned())));
        self.harness.step();
        self.harness.input_mut().dropped_files.clear();
        self.rest();
    }
}

#[derive(Debug)]
struct OnDisk(PathBuf);

impl egui::DroppedFile for OnDisk {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// A file of the project's sample data.
pub fn sample_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data").join(name)
}
