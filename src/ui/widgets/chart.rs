//! A chart on a page, with the menu that exports and copies it.

use egui::{Popup, PopupCloseBehavior, Rect, Ui, UiBuilder, pos2, vec2};

use super::icon::{Icon, icon_button_ui};
use crate::chart::{Chart, csv};
use crate::plot;
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, View};

/// Draws a chart `height` points high, as wide as there is room, with the point `chosen` ringed. Returns the key of
/// the point the user chooses in this frame.
///
/// The menu at its top right exports it (SVG, PNG, CSV) and copies its numbers.
pub fn chart_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    chart: &Chart,
    height: f32,
    chosen: Option<u64>,
) -> Option<u64> {
    let options = options(ui, height, chosen);
    with_menu_ui(ui, view, chart, &options).picked
}

/// The same over time: dragging and zooming move along the horizontal axis. Returns everything the reader did and where
/// the marks are on the screen.
pub fn timeline_ui(ui: &mut Ui, view: &mut View<'_>, chart: &Chart, height: f32) -> plot::Response {
    let options = plot::Options { sideways: true, ..options(ui, height, None) };
    with_menu_ui(ui, view, chart, &options)
}

fn with_menu_ui(ui: &mut Ui, view: &mut View<'_>, chart: &Chart, options: &plot::Options) -> plot::Response {
    let corner = pos2(ui.max_rect().right(), ui.cursor().top());
    let response = plot::show(ui, chart, options);
    let button =
        Rect::from_min_size(corner - vec2(space::CONTROL, space::XS), vec2(space::CONTROL, space::CONTROL));
    let mut ui = ui.new_child(UiBuilder::new().id_salt(("chart corner", &chart.id)).max_rect(button));
    chart_menu_ui(&mut ui, view, chart);
    response
}

/// The same without title, notes and menu, where the page around it says them and there is little height.
pub fn bare_chart_ui(ui: &mut Ui, chart: &Chart, height: f32, chosen: Option<u64>) -> Option<u64> {
    let options = plot::Options { framed: false, ..options(ui, height, chosen) };
    plot::show(ui, chart, &options).picked
}

/// The button whose menu exports a chart and copies its numbers.
pub fn chart_menu_ui(ui: &mut Ui, view: &mut View<'_>, chart: &Chart) {
    let name = format!("Export or copy the chart {}", chart.title);
    let response = ui.push_id(("chart menu", &chart.id), |ui| icon_button_ui(ui, Icon::More, &name)).inner;
    Popup::menu(&response).close_behavior(PopupCloseBehavior::CloseOnClick).width(220.0).show(|ui| {
        if ui.button("Export as SVG, PNG or CSV…").clicked() {
            view.actions.push(Action::ExportChart(Box::new(chart.clone())));
        }
        if ui.button("Copy data as CSV").clicked() {
            let text = csv::to_csv(chart);
            view.actions.push(Action::Copy { text, what: format!("{} as CSV", chart.title) });
        }
    });
}

fn options(ui: &Ui, height: f32, chosen: Option<u64>) -> plot::Options {
    let surface = Tokens::of(ui).raised;
    let tokens = plot::Tokens { surface, ..plot::Tokens::for_ui(ui) };
    plot::Options { chosen, ..plot::Options::new(height, tokens) }
}
