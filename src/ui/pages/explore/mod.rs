//! The page Explore: the trade-off chart beside the bill beside "what if", in panes that can be moved and resized.
//!
//! The panes edit a copy of the scenario; what changed in it is sent once a frame, so that a slider's answer is
//! there in the next one.

mod bill;
mod offers;
mod tradeoff;
mod whatif;

use egui::{CursorIcon, Frame, Label, Margin, RichText, Sense, Stroke, Ui, WidgetText};
use egui_tiles::{
    Behavior, Linear, LinearDir, ResizeState, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse,
};

use self::bill::BillPane;
use self::tradeoff::TradeOff;
use self::whatif::WhatIf;
use crate::app::{Command, Scenario};
use crate::ui::theme::{self, Tokens, space};
use crate::ui::view::{Action, View};
use crate::ui::widgets::{card_frame, empty_ui};

/// What can be seen in a pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pane {
    TradeOff,
    Bill,
    WhatIf,
}

impl Pane {
    fn name(self) -> &'static str {
        match self {
            Self::TradeOff => "Trade-off",
            Self::Bill => "Bill",
            Self::WhatIf => "What if",
        }
    }
}

/// What each pane remembers between frames.
#[derive(Default)]
struct Panes {
    trade_off: TradeOff,
    bill: BillPane,
    what_if: WhatIf,
}

/// What the page remembers between frames.
pub struct Explore {
    tree: Tree<Pane>,
    panes: Panes,
}

impl Default for Explore {
    fn default() -> Self {
        Self { tree: arrangement(), panes: Panes::default() }
    }
}

/// The trade-off with the bill on its right, and below both what would be cheaper.
fn arrangement() -> Tree<Pane> {
    let mut tiles = Tiles::default();
    let trade_off = tiles.insert_pane(Pane::TradeOff);
    let bill = tiles.insert_pane(Pane::Bill);
    let what_if = tiles.insert_pane(Pane::WhatIf);
    let upper = Linear::new_binary(LinearDir::Horizontal, [trade_off, bill], 0.6);
    let upper = tiles.insert_new(Tile::Container(upper.into()));
    let all = Linear::new_binary(LinearDir::Vertical, [upper, what_if], 0.58);
    let root = tiles.insert_new(Tile::Container(all.into()));
    Tree::new(egui::Id::unique("explore panes"), root, tiles)
}

impl Explore {
    /// Draws the page.
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let nothing = state.points.is_empty() && state.bills.is_empty() && state.models.is_empty();
        if nothing && state.results.is_empty() {
            let pressed = empty_ui(
                ui,
                "Nothing to explore yet",
                "Open models to measure and a cloud bill to read. Then speed, price and spend stand beside each \
                 other here, and the cheaper plan below them.",
                "Open files…",
            );
            if pressed {
                view.actions.push(Action::PickFiles);
            }
            return;
        }
        let mut scenario = state.scenario.clone();
        Frame::new().inner_margin(Margin::same(space::M as i8)).show(ui, |ui| {
            let mut panes =
                Drawing { view: &mut *view, scenario: &mut scenario, panes: &mut self.panes, reset: false };
            self.tree.ui(&mut panes, ui);
            if panes.reset {
                self.tree = arrangement();
            }
        });
        if scenario != view.app.state().scenario {
            view.send(Command::SetScenario(Box::new(scenario)));
            ui.ctx().request_repaint();
        }
    }
}

/// One frame of the panes.
struct Drawing<'d, 'a> {
    view: &'d mut View<'a>,
    scenario: &'d mut Scenario,
    panes: &'d mut Panes,
    reset: bool,
}

/// What a pane draws into.
struct Place<'p, 'a> {
    view: &'p mut View<'a>,
    scenario: &'p mut Scenario,
    /// The user drags the pane by its name.
    dragged: &'p mut bool,
    /// The user wants all panes where they were.
    reset: &'p mut bool,
}

impl Place<'_, '_> {
    /// The name of a pane, by which it is dragged.
    fn handle_ui(&mut self, ui: &mut Ui, name: &str) {
        let tokens = Tokens::of(ui);
        let text = RichText::new(name).text_style(theme::section()).color(tokens.text);
        let label = Label::new(text).selectable(false).sense(Sense::click_and_drag());
        let response = ui.add(label).on_hover_cursor(CursorIcon::Grab);
        *self.dragged |= response.drag_started();
        response.context_menu(|ui| {
            if ui.button("Put all panes back").clicked() {
                *self.reset = true;
            }
        });
        response.on_hover_text("Drag to move this pane; right-click to put all panes back");
    }
}

impl Behavior<Pane> for Drawing<'_, '_> {
    fn pane_ui(&mut self, ui: &mut Ui, _tile: TileId, pane: &mut Pane) -> UiResponse {
        let mut dragged = false;
        let rect = ui.max_rect();
        ui.set_clip_rect(ui.clip_rect().intersect(rect));
        let frame = card_frame(ui).inner_margin(Margin::same(space::M as i8));
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            ui.spacing_mut().item_spacing.y = space::S;
            let place = Place {
                view: &mut *self.view,
                scenario: &mut *self.scenario,
                dragged: &mut dragged,
                reset: &mut self.reset,
            };
            match pane {
                Pane::TradeOff => self.panes.trade_off.ui(ui, place),
                Pane::Bill => self.panes.bill.ui(ui, place),
                Pane::WhatIf => self.panes.what_if.ui(ui, place),
            }
        });
        if dragged { UiResponse::DragStarted } else { UiResponse::None }
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        pane.name().into()
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        space::M
    }

    fn min_size(&self) -> f32 {
        160.0
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: false, ..SimplificationOptions::default() }
    }

    fn resize_stroke(&self, style: &egui::Style, resize_state: ResizeState) -> Stroke {
        match resize_state {
            ResizeState::Idle => Stroke::NONE,
            ResizeState::Hovering | ResizeState::Dragging => {
                Stroke::new(2.0, style.visuals.selection.stroke.color)
            }
        }
    }

    fn tab_bar_color(&self, visuals: &egui::Visuals) -> egui::Color32 {
        visuals.panel_fill
    }
}
