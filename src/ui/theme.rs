//! How the window looks: colours by meaning, distances on a 4 px grid, text styles; dark and light.
//!
//! The only file that names a colour. Pages ask [`Tokens::of`] for what a thing means and never for what it looks
//! like. The colours of series are the chart's own ([`crate::chart::palette`]).

use egui::{
    Color32, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle, Vec2, Visuals, vec2,
};

use crate::app;

/// Distances, in points. Everything is placed on a grid of four.
pub mod space {
    /// Between things that belong together: an icon and its text.
    pub const XS: f32 = 4.0;
    /// Between neighbours: two buttons, two lines of a form.
    pub const S: f32 = 8.0;
    /// Between groups inside a card.
    pub const M: f32 = 12.0;
    /// The inner margin of a card; between cards.
    pub const L: f32 = 16.0;
    /// The margin of a page.
    pub const XL: f32 = 24.0;
    /// Around the text of an empty page.
    pub const XXL: f32 = 40.0;
    /// Height of a row of a table.
    pub const ROW: f32 = 28.0;
    /// Height of a button, a field, a chip.
    pub const CONTROL: f32 = 28.0;
}

/// Corner radius of buttons, fields and badges, in points.
pub const RADIUS: u8 = 5;
/// Corner radius of cards, dialogs and menus, in points.
pub const RADIUS_CARD: u8 = 8;

/// Colours by what they mean.
///
/// All text colours keep a contrast of 4.5 : 1 (WCAG 2.2, 1.4.3) on [`background`](Self::background),
/// [`panel`](Self::panel), [`raised`](Self::raised) and [`overlay`](Self::overlay); a test says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Tokens {
    /// Whether this is the dark theme.
    pub dark: bool,
    /// Behind a page.
    pub background: Color32,
    /// Behind the menu, the rail and the status bar.
    pub panel: Color32,
    /// A card on a page.
    pub raised: Color32,
    /// A dialog, a menu, a toast.
    pub overlay: Color32,
    /// Inside a text field.
    pub field: Color32,
    /// A button at rest.
    pub control: Color32,
    /// A button or a row under the pointer.
    pub hover: Color32,
    /// Lines between and around things.
    pub border: Color32,
    /// The outline of what can be typed into or pressed.
    pub border_strong: Color32,
    /// What is to be read.
    pub text: Color32,
    /// Labels, notes, units: read second.
    pub text_quiet: Color32,
    /// A hint in an empty field, which must not be taken for what was typed.
    pub text_hint: Color32,
    /// The fill of the one button that matters and of a finished part of a bar.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// Text and lines in the accent colour: the chosen page, a link, a winner.
    pub accent_text: Color32,
    /// Behind a selected row or the chosen page.
    pub accent_soft: Color32,
    /// Best, within the limit, done.
    pub good: Color32,
    /// Not as expected.
    pub warning: Color32,
    /// Failed, or destroys something.
    pub danger: Color32,
    /// A price or a speed that stands over another machine's measurement.
    pub assumed: Color32,
    /// What a dialog dims.
    pub scrim: Color32,
    /// Under a dialog, a menu, a toast.
    pub shadow: Color32,
}

impl Tokens {
    /// The dark theme.
    pub const DARK: Self = Self {
        dark: true,
        background: Color32::from_rgb(0x12, 0x14, 0x18),
        panel: Color32::from_rgb(0x17, 0x1a, 0x1f),
        raised: Color32::from_rgb(0x1b, 0x1f, 0x25),
        overlay: Color32::from_rgb(0x21, 0x26, 0x2d),
        field: Color32::from_rgb(0x0e, 0x10, 0x13),
        control: Color32::from_rgb(0x27, 0x2c, 0x34),
        hover: Color32::from_rgb(0x2f, 0x35, 0x3f),
        border: Color32::from_rgb(0x2a, 0x30, 0x38),
        border_strong: Color32::from_rgb(0x41, 0x4a, 0x56),
        text: Color32::from_rgb(0xe9, 0xec, 0xf1),
        text_quiet: Color32::from_rgb(0xa3, 0xad, 0xba),
        text_hint: Color32::from_rgb(0x76, 0x80, 0x8e),
        accent: Color32::from_rgb(0x4f, 0x5f, 0xdb),
        on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
        accent_text: Color32::from_rgb(0xa6, 0xb1, 0xff),
        accent_soft: Color32::from_rgb(0x2a, 0x2f, 0x52),
        good: Color32::from_rgb(0x5f, 0xd1, 0x9b),
        warning: Color32::from_rgb(0xf0, 0xb3, 0x4a),
        danger: Color32::from_rgb(0xff, 0x8b, 0x82),
        assumed: Color32::from_rgb(0xe3, 0xb8, 0x6a),
        scrim: Color32::from_rgba_premultiplied(0, 0, 0, 150),
        shadow: Color32::from_rgba_premultiplied(0, 0, 0, 110),
    };

    /// The light theme.
    pub const LIGHT: Self = Self {
        dark: false,
        background: Color32::from_rgb(0xf6, 0xf7, 0xf9),
        panel: Color32::from_rgb(0xed, 0xef, 0xf3),
        raised: Color32::from_rgb(0xff, 0xff, 0xff),
        overlay: Color32::from_rgb(0xff, 0xff, 0xff),
        field: Color32::from_rgb(0xff, 0xff, 0xff),
        control: Color32::from_rgb(0xee, 0xf0, 0xf4),
        hover: Color32::from_rgb(0xe3, 0xe6, 0xec),
        border: Color32::from_rgb(0xdb, 0xdf, 0xe6),
        border_strong: Color32::from_rgb(0xb4, 0xbc, 0xc8),
        text: Color32::from_rgb(0x1a, 0x1e, 0x25),
        text_quiet: Color32::from_rgb(0x51, 0x5b, 0x69),
        text_hint: Color32::from_rgb(0x6b, 0x74, 0x80),
        accent: Color32::from_rgb(0x45, 0x54, 0xcf),
        on_accent: Color32::from_rgb(0xff, 0xff, 0xff),
        accent_text: Color32::from_rgb(0x3a, 0x48, 0xc4),
        accent_soft: Color32::from_rgb(0xe2, 0xe6, 0xfd),
        good: Color32::from_rgb(0x0b, 0x6b, 0x3f),
        warning: Color32::from_rgb(0x85, 0x50, 0x00),
        danger: Color32::from_rgb(0xb3, 0x20, 0x1a),
        assumed: Color32::from_rgb(0x7c, 0x54, 0x08),
        scrim: Color32::from_rgba_premultiplied(10, 12, 16, 90),
        shadow: Color32::from_rgba_premultiplied(8, 10, 14, 46),
    };

    /// The tokens of the theme that `ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        Self::of_visuals(ui.visuals())
    }

    /// The tokens of the theme of a context, for what is drawn outside a `Ui`.
    pub fn of_ctx(ctx: &egui::Context) -> &'static Self {
        if ctx.theme() == egui::Theme::Dark { &Self::DARK } else { &Self::LIGHT }
    }

    fn of_visuals(visuals: &Visuals) -> &'static Self {
        if visuals.dark_mode { &Self::DARK } else { &Self::LIGHT }
    }

    /// A quiet fill behind text in `colour`: a badge, a banner.
    pub fn soft(&self, colour: Color32) -> Color32 {
        let share = if self.dark { 0.14 } else { 0.10 };
        let mix =
            |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * share).round() as u8;
        let base = self.raised;
        Color32::from_rgb(mix(base.r(), colour.r()), mix(base.g(), colour.g()), mix(base.b(), colour.b()))
    }
}

/// The name of a page.
pub fn title() -> TextStyle {
    TextStyle::Name("title".into())
}

/// The name of a card or a section.
pub fn section() -> TextStyle {
    TextStyle::Name("section".into())
}

/// The one number a card is about.
pub fn number() -> TextStyle {
    TextStyle::Name("number".into())
}

/// Dresses both themes of a context and chooses which one is worn.
pub fn apply(ctx: &egui::Context, theme: app::Theme) {
    for (name, tokens) in [(egui::Theme::Dark, &Tokens::DARK), (egui::Theme::Light, &Tokens::LIGHT)] {
        ctx.style_mut_of(name, |style| dress(style, tokens));
    }
    ctx.set_theme(match theme {
        app::Theme::System => egui::ThemePreference::System,
        app::Theme::Light => egui::ThemePreference::Light,
        app::Theme::Dark => egui::ThemePreference::Dark,
    });
}

fn dress(style: &mut Style, tokens: &Tokens) {
    let font = |size: f32| FontId::new(size, FontFamily::Proportional);
    style.text_styles = [
        (TextStyle::Small, font(12.0)),
        (TextStyle::Body, font(14.0)),
        (TextStyle::Button, font(14.0)),
        (TextStyle::Heading, font(17.0)),
        (TextStyle::Monospace, FontId::new(12.5, FontFamily::Monospace)),
        (section(), font(15.5)),
        (title(), font(24.0)),
        (number(), font(26.0)),
    ]
    .into();
    style.drag_value_text_style = TextStyle::Body;
    style.animation_time = 0.08;

    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(40.0, space::CONTROL);
    spacing.window_margin = Margin::same(space::L as i8);
    spacing.menu_margin = Margin::same(6);
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 9.0;
    spacing.icon_spacing = 6.0;
    spacing.combo_width = 120.0;
    spacing.slider_width = 160.0;
    spacing.slider_rail_height = 4.0;
    spacing.tooltip_width = 360.0;
    spacing.menu_width = 260.0;
    spacing.scroll.bar_width = 8.0;
    style.visuals = visuals(tokens);
}

fn visuals(tokens: &Tokens) -> Visuals {
    let mut visuals = if tokens.dark { Visuals::dark() } else { Visuals::light() };
    // egui draws hints in it, and nothing else here.
    visuals.weak_text_color = Some(tokens.text_hint);
    visuals.hyperlink_color = tokens.accent_text;
    visuals.faint_bg_color = tokens.panel;
    visuals.extreme_bg_color = tokens.field;
    visuals.text_edit_bg_color = Some(tokens.field);
    visuals.code_bg_color = tokens.control;
    visuals.warn_fg_color = tokens.warning;
    visuals.error_fg_color = tokens.danger;
    visuals.panel_fill = tokens.background;
    visuals.window_fill = tokens.overlay;
    visuals.window_stroke = Stroke::new(1.0, tokens.border);
    visuals.window_corner_radius = CornerRadius::same(RADIUS_CARD);
    visuals.menu_corner_radius = CornerRadius::same(RADIUS_CARD);
    let shadow = |blur, y| Shadow { offset: [0, y], blur, spread: 0, color: tokens.shadow };
    visuals.window_shadow = shadow(24, 8);
    visuals.popup_shadow = shadow(16, 4);
    visuals.selection.bg_fill = tokens.accent_soft;
    visuals.selection.stroke = Stroke::new(1.0, tokens.accent_text);
    visuals.text_cursor.stroke = Stroke::new(2.0, tokens.accent_text);
    visuals.slider_trailing_fill = true;
    visuals.handle_shape = egui::style::HandleShape::Circle;
    visuals.indent_has_left_vline = false;
    visuals.disabled_alpha = 0.45;

    let radius = CornerRadius::same(RADIUS);
    let widgets = &mut visuals.widgets;
    for state in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        state.corner_radius = radius;
        state.expansion = 0.0;
        state.fg_stroke = Stroke::new(1.0, tokens.text);
    }
    widgets.noninteractive.bg_fill = tokens.background;
    widgets.noninteractive.weak_bg_fill = tokens.background;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, tokens.border);
    widgets.inactive.bg_fill = tokens.control;
    widgets.inactive.weak_bg_fill = tokens.control;
    widgets.inactive.bg_stroke = Stroke::new(1.0, tokens.border_strong);
    widgets.hovered.bg_fill = tokens.hover;
    widgets.hovered.weak_bg_fill = tokens.hover;
    widgets.hovered.bg_stroke = Stroke::new(1.0, tokens.border_strong);
    // `active` is also what egui gives to a widget with the keyboard focus: its outline is the focus ring.
    widgets.active.bg_fill = tokens.hover;
    widgets.active.weak_bg_fill = tokens.hover;
    widgets.active.bg_stroke = Stroke::new(1.5, tokens.accent_text);
    widgets.open.bg_fill = tokens.hover;
    widgets.open.weak_bg_fill = tokens.hover;
    widgets.open.bg_stroke = Stroke::new(1.0, tokens.border_strong);
    visuals
}

/// A square of side `side`, for icons.
pub fn square(side: f32) -> Vec2 {
    Vec2::splat(side)
}

/// Contrast of two opaque colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
pub fn contrast(a: Color32, b: Color32) -> f32 {
    let luminance = |colour: Color32| {
        let [red, green, blue, _] = egui::Rgba::from(colour).to_array();
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_is_that_of_the_specification() {
        // WCAG 2.2: black on white is 21, and #777777 on white is 4.48.
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 0.01);
        assert!((contrast(Color32::from_gray(0x77), Color32::WHITE) - 4.48).abs() < 0.01);
    }

    #[test]
    fn every_text_can_be_read_in_both_themes() {
        for tokens in [&Tokens::DARK, &Tokens::LIGHT] {
            let surfaces = [
                ("background", tokens.background),
                ("panel", tokens.panel),
                ("raised", tokens.raised),
                ("overlay", tokens.overlay),
            ];
            let texts = [
                ("text", tokens.text),
                ("text_quiet", tokens.text_quiet),
                ("accent_text", tokens.accent_text),
                ("good", tokens.good),
                ("warning", tokens.warning),
                ("danger", tokens.danger),
                ("assumed", tokens.assumed),
            ];
            for (text, colour) in texts {
                for (surface, behind) in surfaces {
                    let ratio = contrast(colour, behind);
                    assert!(ratio >= 4.5, "{text} on {surface}, dark {}: {ratio:.2}", tokens.dark);
                }
                let ratio = contrast(colour, tokens.soft(colour));
                assert!(ratio >= 4.5, "{text} on its own badge, dark {}: {ratio:.2}", tokens.dark);
            }
            for (what, text, behind) in [
                ("accent button", tokens.on_accent, tokens.accent),
                ("button", tokens.text, tokens.control),
                ("button under the pointer", tokens.text, tokens.hover),
                ("quiet text under the pointer", tokens.text_quiet, tokens.hover),
                ("field", tokens.text, tokens.field),
                ("hint in a field", tokens.text_hint, tokens.field),
                ("selected row", tokens.text, tokens.accent_soft),
                ("selected word", tokens.accent_text, tokens.accent_soft),
                ("note in a selected row", tokens.text_quiet, tokens.accent_soft),
            ] {
                let ratio = contrast(text, behind);
                assert!(ratio >= 4.5, "{what}, dark {}: {ratio:.2}", tokens.dark);
            }
            // What is typed stands out from a hint.
            let typed = contrast(tokens.text, tokens.field);
            assert!(typed >= 2.5 * contrast(tokens.text_hint, tokens.field), "dark {}", tokens.dark);
            // What shows where the keyboard is must stand out from what is around it (WCAG 2.2, 1.4.11).
            for behind in [tokens.background, tokens.raised, tokens.overlay] {
                assert!(contrast(tokens.accent_text, behind) >= 3.0);
            }
        }
    }
}
