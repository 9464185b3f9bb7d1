//! Colours and sizes of a drawn chart: the palette's inks as egui colours, and the quiet ones derived from them.

use egui::Color32;

use crate::chart::Ink;
use crate::chart::palette::{self, Background, Rgb};

/// Everything about the look of a chart that is not the chart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tokens {
    /// Which inks.
    pub background: Background,
    /// What the chart is drawn on; not painted by the chart itself.
    pub surface: Color32,
    /// Title, values, labels of chosen points.
    pub strong: Color32,
    /// Ticks, axis names, notes.
    pub quiet: Color32,
    /// Lines at labelled ticks.
    pub grid: Color32,
    /// Lines between them.
    pub grid_minor: Color32,
    /// The line a chart stands on.
    pub baseline: Color32,
    /// Ring of the chosen point.
    pub accent: Color32,
    /// Title, in points.
    pub title_size: f32,
    /// Subtitle and legend.
    pub text_size: f32,
    /// Ticks, axis names, point labels, notes.
    pub small_size: f32,
}

impl Tokens {
    /// For the dark window.
    pub fn dark() -> Self {
        Self::on(Background::Dark)
    }

    /// For the light window and light exports.
    pub fn light() -> Self {
        Self::on(Background::Light)
    }

    /// For white paper: black text, stronger lines.
    pub fn print() -> Self {
        Self::on(Background::Print)
    }

    /// What fits the theme the ui is in.
    pub fn for_ui(ui: &egui::Ui) -> Self {
        if ui.visuals().dark_mode { Self::dark() } else { Self::light() }
    }

    fn on(background: Background) -> Self {
        let surface = color(palette::surface(background));
        let strong = color(palette::strong(background));
        let (grid, minor, baseline) = match background {
            Background::Dark => (0.12, 0.05, 0.42),
            Background::Light => (0.12, 0.05, 0.50),
            Background::Print => (0.17, 0.07, 0.80),
        };
        Self {
            background,
            surface,
            strong,
            quiet: color(palette::quiet(background)),
            grid: blend(surface, strong, grid),
            grid_minor: blend(surface, strong, minor),
            baseline: blend(surface, strong, baseline),
            accent: color(palette::accent(background)),
            title_size: 17.0,
            text_size: 12.5,
            small_size: 11.5,
        }
    }

    /// The colour of an ink.
    pub fn ink(&self, ink: Ink) -> Color32 {
        match ink {
            Ink::Strong => self.strong,
            Ink::Quiet => self.quiet,
            Ink::Accent => self.accent,
            Ink::Series(_) => color(palette::ink(ink, self.background)),
        }
    }

    /// The colour at a position of the colour scale.
    pub fn shade(&self, position: f64) -> Color32 {
        color(palette::shade(position, self.background))
    }

    /// A colour stepped back towards the surface: what is dimmed must not show what lies under it, so it is mixed
    /// rather than made transparent.
    pub fn faint(&self, color: Color32, strength: f32) -> Color32 {
        blend(self.surface, color, strength)
    }
}

fn color(Rgb(red, green, blue): Rgb) -> Color32 {
    Color32::from_rgb(red, green, blue)
}

fn blend(from: Color32, to: Color32, part: f32) -> Color32 {
    from.lerp_to_gamma(to, part)
}
