//! The bill beside the measurements: cost over time, the total, and the share that is inference.

use egui::{Layout, RichText, Ui};

use super::Place;
use crate::app::tradeoff::cost_per_million;
use crate::app::{Query, QueryResult, SpendQuery, State, figures};
use crate::bill::Granularity;
use crate::chart::Chart;
use crate::ui::pages::bills::{SERIES, group_by_ui, per_words};
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{filter_words, money_or_dash, problem_ui, reading_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::{Action, Page};
use crate::ui::widgets::{
    bare_chart_ui, chart_menu_ui, count_words, empty_ui, note_ui, quiet_button_ui, segmented_ui,
};
use crate::units;

/// Height of the numbers below the chart that are in view without scrolling.
const SHARE_HEIGHT: f32 = 66.0;

/// What the pane remembers between frames.
#[derive(Default)]
pub struct BillPane {
    series: Asked,
    share: Asked,
    columns: Asked,
    starts: Asked,
    chart: Memo<u64, Chart>,
}

impl BillPane {
    pub(super) fn ui(&mut self, ui: &mut Ui, mut place: Place<'_, '_>) {
        let state = place.view.app.state();
        if state.bills.is_empty() {
            place.handle_ui(ui, "Bill");
            let pressed = empty_ui(
                ui,
                "No bill is open",
                "Open a bill (CSV, JSON or Parquet) to see what is paid today beside what was measured.",
                "Open a bill…",
            );
            if pressed {
                place.view.actions.push(Action::PickFiles);
            }
            return;
        }
        self.ask(&mut place);
        ui.horizontal(|ui| {
            place.handle_ui(ui, "Bill");
            if self.series.is_waiting() || self.share.is_waiting() {
                reading_ui(ui);
            }
            ui.with_layout(Layout::right_to_left(egui::Align::Center), |ui| {
                if let Some(chart) = self.chart_of(state) {
                    chart_menu_ui(ui, place.view, chart);
                }
                if quiet_button_ui(ui, "All of the bill").clicked() {
                    place.view.actions.push(Action::Go(Page::Bills));
                }
            });
        });
        ui.horizontal(|ui| {
            group_by_ui(ui, &self.columns, place.scenario, 130.0);
            let per =
                [Granularity::Day, Granularity::Week, Granularity::Month].map(|per| (per, per_words(per)));
            let before = place.view.app.state().shown_per(None);
            let mut shown = before;
            segmented_ui(ui, "Bars per", &mut shown, &per);
            if shown != before {
                (place.scenario.per, place.scenario.spend.per_chosen) = (shown, true);
            }
        });

        egui::ScrollArea::vertical().id_salt("bill pane").auto_shrink([false, false]).show(ui, |ui| {
            let height = (ui.available_height() - SHARE_HEIGHT).max(150.0);
            match self.chart_of(state) {
                Some(chart) => {
                    bare_chart_ui(ui, chart, height, None);
                }
                None => match self.series.answer() {
                    Some(Err(problem)) => problem_ui(ui, problem),
                    _ => {
                        ui.allocate_space(egui::vec2(ui.available_width(), height));
                    }
                },
            }
            self.share_ui(ui, state);
        });
    }

    fn ask(&mut self, place: &mut Place<'_, '_>) {
        let scenario = place.view.app.state().scenario.clone();
        self.columns.follow(place.view, Query::Columns);
        // How many days there are tells how wide a bar is.
        self.starts.follow(place.view, Query::Spend(SpendQuery::Starts));
        self.series.follow(
            place.view,
            Query::Series {
                by: Some(scenario.group_by.clone()),
                filters: place.view.app.state().project_filters(),
                basis: scenario.basis,
                per: place.view.app.state().shown_per(None),
                top: SERIES,
            },
        );
        self.share.follow(
            place.view,
            Query::Inference { filters: place.view.app.state().project_filters(), basis: scenario.basis },
        );
    }

    /// The chart of the latest answer.
    fn chart_of(&mut self, state: &State) -> Option<&Chart> {
        let version = self.series.version();
        let Some(Ok(QueryResult::Series(series))) = self.series.answer() else { return None };
        let Some(Query::Series { by, basis, per, .. }) = self.series.question() else { return None };
        let currency = series.currency.clone().or_else(|| state.shown_currency()).unwrap_or_default();
        let lines = state.scenario.spend.lines;
        let by = by.as_deref().unwrap_or_default();
        Some(self.chart.get(version, || figures::bill(series, by, *basis, *per, &currency, lines)))
    }

    /// Total, inference, share; the rules that say so; what the money buys at the chosen point.
    fn share_ui(&self, ui: &mut Ui, state: &State) {
        let tokens = Tokens::of(ui);
        let (share, monthly, basis) = match (self.share.answer(), self.share.question()) {
            (Some(Ok(QueryResult::Inference(share, monthly))), Some(Query::Inference { basis, .. })) => {
                (share, monthly, *basis)
            }
            (Some(Err(problem)), _) => return problem_ui(ui, problem),
            _ => return,
        };
        let currency = share.currency.as_deref().unwrap_or_default();
        let (total, inference) = (share.total.get(basis), share.inference.get(basis));
        let part = match (total, inference) {
            (Some(total), Some(inference)) if total.to_f64() > 0.0 => {
                format!("{:.1} %", inference.to_f64() / total.to_f64() * 100.0)
            }
            _ => "–".to_owned(),
        };
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::L;
            for (name, value) in [
                (basis.column(), money_or_dash(total, currency)),
                ("Inference", money_or_dash(inference, currency)),
                ("Share", part),
                ("Inference a month", money_or_dash(*monthly, currency)),
            ] {
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.label(RichText::new(name).small().color(tokens.text_quiet));
                    ui.label(value);
                });
            }
        });
        let converted = share.converted.as_ref().map_or_else(String::new, |how| format!(", {how}"));
        let of = format!("Of {}{converted}.", filter_words(&state.scenario));
        ui.label(RichText::new(of).small().color(tokens.text_quiet));
        for rule in share.by_rule.iter().filter(|rule| rule.counted) {
            let cost = money_or_dash(rule.costs.get(basis), currency);
            let rows = count_words(rule.rows);
            note_ui(ui, &format!("{}: {cost}, {rows} rows", rule.words));
        }
        if let Some(words) = bought_words(state) {
            note_ui(ui, &words);
        }
    }
}

/// What a month's inference spend would buy at the chosen point.
fn bought_words(state: &State) -> Option<String> {
    let stored = state.chosen_point()?;
    let profile = state.price_profile()?;
    let (spend, currency) = state.inference_per_month.as_ref()?;
    let cost = cost_per_million(stored, profile, state.scenario.utilisation).ok()?;
    if profile.currency != *currency || cost.to_f64() <= 0.0 {
        return None;
    }
    let bought = spend.to_f64() / cost.to_f64() * 1e6;
    Some(format!(
        "At the chosen point on {}, {} a month would buy {} items.",
        profile.name,
        units::money(*spend, currency),
        units::si(bought)
    ))
}
