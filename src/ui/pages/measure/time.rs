//! Latency over time: which run, which axis, and where its warm-up ends, which can be moved by hand.

use egui::{CursorIcon, DragValue, Rect, Sense, Stroke, Ui, WidgetInfo, pos2};

use super::looked::Looked;
use super::samples::{Shown, begins, cut_secs, queries_before, timeline};
use crate::app::Command;
use crate::app::project::Stored;
use crate::chart::Chart;
use crate::measure::{Series, Summary};
use crate::plot;
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{combo_ui, problem_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{card_ui, count_words, note_ui, quiet_button_ui, segmented_ui, timeline_ui};
use crate::units;

/// Height of the chart.
const CHART_HEIGHT: f32 = 320.0;
/// Half the width of what can be taken hold of at a line.
const GRIP: f32 = 5.0;

/// What the chart was made for: the measurement, its warm-ups, what is shown, and whether outliers are known.
type MadeFor = (i64, Vec<u64>, Shown, usize);

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Time {
    chart: Memo<MadeFor, Result<Chart, String>>,
    shown: Shown,
    /// The latency axis the user chose: logarithmic or not; `None` = by the measurement's tail.
    log: Option<bool>,
    /// The measurement that `shown` is about.
    of: Option<i64>,
    /// The run whose line is being dragged, and where it is, in queries.
    dragged: Option<(usize, u64)>,
    /// The number being typed.
    typed: Option<u64>,
}

impl Time {
    pub fn card(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored, looked: &Looked) {
        let runs = stored.point.runs.len();
        if self.of != Some(stored.id) {
            *self = Self { log: self.log, of: Some(stored.id), ..Self::default() };
        }
        self.shown.run = self.shown.run.filter(|run| *run < runs);
        self.shown.log = self.log.unwrap_or_else(|| has_long_tail(&stored.summary));
        let series = match looked.series() {
            Ok(series) => series.clone(),
            Err(problem) => {
                card_ui(ui, |ui| problem_ui(ui, problem));
                return;
            }
        };
        card_ui(ui, |ui| {
            let cuts = stored.point.runs.iter().map(crate::measure::Run::warm_up).collect();
            let (shown, figures) = (self.shown, looked.figures());
            let known = figures.iter().map(|run| run.outliers.samples + run.outliers.count()).sum();
            let key = (stored.id, cuts, shown, known);
            let chart = self.chart.get(key, || Ok(timeline(stored, &series, figures, shown)));
            match chart {
                Ok(chart) => {
                    let response = timeline_ui(ui, view, chart, CHART_HEIGHT);
                    // Not while the reader drags: the samples come when the view is at rest.
                    if !ui.input(|input| input.pointer.any_down()) {
                        let bounds = response.transform.bounds();
                        let seen = response.zoomed.then(|| [bounds.min()[0], bounds.max()[0]]);
                        if seen != self.shown.view {
                            self.shown.view = seen;
                            ui.ctx().request_repaint();
                        }
                    }
                    self.lines_ui(ui, view, stored, &series, &response);
                }
                Err(problem) => problem_ui(ui, problem),
            }
            ui.add_space(space::XS);
            self.controls_ui(ui, view, stored, &series);
        });
    }

    /// The ends of the warm-ups, to be dragged.
    fn lines_ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        stored: &Stored,
        series: &[Series],
        plotted: &plot::Response,
    ) {
        let tokens = Tokens::of(ui);
        let frame = plotted.plot_rect;
        for (place, begin) in begins(&stored.point.runs, self.shown).into_iter().enumerate() {
            let (Some(begin), Some(run), Some(series)) =
                (begin, stored.point.runs.get(place), series.get(place))
            else {
                continue;
            };
            let queries = match self.dragged {
                Some((dragged, queries)) if dragged == place => queries,
                _ => run.warm_up(),
            };
            let Some(secs) = cut_secs(series, queries) else { continue };
            let x = plotted.transform.position_from_point_x(begin + secs);
            if !x.is_finite() || !(frame.left() - GRIP..=frame.right() + GRIP).contains(&x) {
                continue;
            }
            let grip = Rect::from_min_max(pos2(x - GRIP, frame.top()), pos2(x + GRIP, frame.bottom()));
            let name = format!("End of the warm-up of run {}", place + 1);
            let response = ui.interact(grip, ui.scope_id().with(("warm-up", place)), Sense::drag());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Splitter, true, &name));
            let held = response.dragged() || response.hovered();
            if held {
                ui.ctx().set_cursor_icon(CursorIcon::ResizeHorizontal);
            }
            if let Some(pointer) = response.interact_pointer_pos().filter(|_| response.dragged()) {
                let secs = plotted.transform.value_from_position(pointer).x - begin;
                self.dragged = Some((place, queries_before(series, secs)));
            }
            if response.drag_stopped()
                && let Some((dragged, queries)) = self.dragged.take()
                && queries != run.warm_up()
            {
                view.send(Command::MoveWarmUp(stored.id, dragged, Some(queries)));
            }
            let colour = tokens.accent_text;
            let width = if held { 2.0 } else { 1.0 };
            ui.painter().vline(x, frame.y_range(), Stroke::new(width, colour));
            let handle = Rect::from_center_size(pos2(x, frame.bottom() - 9.0), egui::vec2(9.0, 18.0));
            ui.painter().rect_filled(handle, 3, colour);
            for dx in [-1.5, 1.5] {
                let stroke = Stroke::new(1.0, tokens.raised);
                ui.painter().vline(x + dx, handle.shrink(5.0).y_range(), stroke);
            }
            if response.dragged() {
                response.show_tooltip_text(format!("{} queries are warm-up", count_words(queries)));
            } else {
                response.on_hover_text("Drag to move where the warm-up ends");
            }
        }
    }

    fn controls_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored, series: &[Series]) {
        let runs = stored.point.runs.len();
        ui.horizontal_wrapped(|ui| {
            if runs > 1 {
                let name = self.shown.run.map_or_else(|| "All".to_owned(), |run| (run + 1).to_string());
                combo_ui(ui, "Run", &name, 64.0, |ui| {
                    ui.selectable_value(&mut self.shown.run, None, "All");
                    for run in 0..runs {
                        ui.selectable_value(&mut self.shown.run, Some(run), (run + 1).to_string());
                    }
                });
            }
            let mut log = self.shown.log;
            if segmented_ui(ui, "Latency axis", &mut log, &[(false, "Linear"), (true, "Log")]) {
                self.log = Some(log);
            }
            ui.add_space(space::M);
            let run = if runs == 1 { Some(0) } else { self.shown.run };
            match run.and_then(|run| Some((run, series.get(run)?))) {
                Some((run, series)) => self.warm_up_ui(ui, view, stored, run, series),
                None => {
                    note_ui(ui, "Drag a line to move where a warm-up ends, or choose a run to type it.");
                }
            }
        });
    }

    /// The warm-up of one run as a number.
    fn warm_up_ui(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored, run: usize, series: &Series) {
        let Some(shown) = stored.point.runs.get(run) else { return };
        let (now, found, queries) = (shown.warm_up(), shown.measured.warm_up, series.len() as u64);
        let label = note_ui(ui, "Warm-up");
        let mut value = self.typed.unwrap_or(now);
        let most = queries.saturating_sub(1);
        let drag = DragValue::new(&mut value).range(0..=most).speed((queries as f64 / 400.0).max(0.1));
        let response = ui.add(drag.update_while_editing(false).suffix(" queries")).labelled_by(label.id);
        if response.changed() {
            self.typed = Some(value);
        }
        let ends = !response.dragged() && !response.has_focus();
        if ends && let Some(typed) = self.typed.take().filter(|typed| *typed != now) {
            view.send(Command::MoveWarmUp(stored.id, run, Some(typed)));
        }
        let secs = cut_secs(series, now).unwrap_or(0.0);
        let after = units::duration_ms(secs * 1_000.0);
        note_ui(ui, &format!("of {} ({after})", count_words(queries)));
        if shown.moved_warm_up.is_some()
            && quiet_button_ui(ui, &format!("Back to the found {}", count_words(found)))
                .on_hover_text("Where the change point is")
                .clicked()
        {
            view.send(Command::MoveWarmUp(stored.id, run, None));
        }
    }
}

/// Whether slow queries are so slow that a linear axis would press all others onto its foot.
fn has_long_tail(summary: &Summary) -> bool {
    let tail = summary.p99.ms.or(summary.p95.ms).or(summary.p90.ms);
    tail.zip(summary.p50.ms).is_some_and(|(tail, p50)| tail > 5.0 * p50)
}
