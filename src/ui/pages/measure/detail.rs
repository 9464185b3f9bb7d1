//! The chosen measurement, from how sure it is to the machine it comes from: one card for each question.

use egui::Ui;

use super::cost::Cost;
use super::curves;
use super::looked::Looked;
use super::machine::Machine;
use super::runs::Runs;
use super::time::Time;
use super::verdict;
use crate::app::Command;
use crate::app::project::Stored;
use crate::chart::Chart;
use crate::ui::pages::kept::Memo;
use crate::ui::view::View;
use crate::ui::widgets::{card_ui, chart_ui};

/// Height of a curve over several measurements.
const CURVE_HEIGHT: f32 = 300.0;

/// What the cards remember between frames.
#[derive(Default)]
pub(super) struct Detail {
    looked: Looked,
    time: Time,
    runs: Runs,
    cost: Cost,
    machine: Machine,
    curves: Memo<(i64, u64), Vec<Chart>>,
}

impl Detail {
    pub fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored) {
        let state = view.app.state();
        self.looked.follow(ui.ctx(), view.app, stored);
        verdict::card(ui, view, stored, self.looked.figures());
        self.time.card(ui, view, stored, &self.looked);
        let curves = self.curves.get((stored.id, state.revision), || {
            let gaps = curves::idle_gaps(&state.points, &stored.point);
            let loads = curves::loads(&state.points, &stored.point);
            let gaps = (!gaps.is_empty()).then(|| curves::idle_gap_chart(&gaps, &stored.point));
            let loads = (!loads.is_empty()).then(|| curves::load_chart(&loads, &stored.point));
            [curves::trials_chart(&stored.point), gaps, loads].into_iter().flatten().collect()
        });
        for chart in curves {
            let key = u64::try_from(stored.id).ok();
            let picked = card_ui(ui, |ui| chart_ui(ui, view, chart, CURVE_HEIGHT, key)).inner;
            if let Some(id) = picked.and_then(|key| i64::try_from(key).ok()) {
                view.send(Command::Choose(Some(id)));
            }
        }
        self.runs.card(ui, view, stored, self.looked.figures());
        self.cost.card(ui, view, stored);
        self.machine.card(ui, stored, &state.points, state.revision);
    }
}
