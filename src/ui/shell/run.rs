//! Opening the window on the screen.

use std::path::PathBuf;

use anyhow::{anyhow, bail};
use eframe::egui;

use super::{Desktop, Window};
use crate::app::{App, Settings};

/// What to do instead, said whenever there can be no window.
const WITHOUT_A_WINDOW: &str = "Without one, `inferometer demo --out DIR` goes once round on sample data and `inferometer bench MODEL…` \
     measures models; `inferometer --help` lists the rest";

/// Opens the window, takes in `open`, and returns when it is closed.
///
/// # Errors
/// When there is no display, or the system cannot draw on it; the message names the commands that need none.
pub fn run(app: App, open: Vec<PathBuf>) -> anyhow::Result<()> {
    if no_display() {
        bail!(
            "the window needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set. {WITHOUT_A_WINDOW}"
        );
    }
    let viewport = egui::ViewportBuilder::default()
        .with_title("Inferometer")
        .with_app_id("inferometer")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([960.0, 600.0])
        .with_drag_and_drop(true);
    let options = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        // The bundled fonts have every glyph the program uses; glyphs of the system would differ by machine.
        ..eframe::NativeOptions::default()
    };
    let started = eframe::run_native(
        "inferometer",
        options,
        Box::new(move |creation| {
            let settings = Settings::load(&app.options().folders.config);
            let mut window = Window::new(&creation.egui_ctx, app, settings, Box::new(Desktop));
            window.open(open);
            Ok(Box::new(window))
        }),
    );
    started.map_err(|error| anyhow!("the window could not be opened ({error}). {WITHOUT_A_WINDOW}"))
}

/// On systems where a display is named by the environment: none is.
fn no_display() -> bool {
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        let named = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        !named("DISPLAY") && !named("WAYLAND_DISPLAY") && !named("WAYLAND_SOCKET")
    }
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    {
        false
    }
}
