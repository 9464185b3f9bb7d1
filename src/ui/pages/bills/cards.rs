//! The share of the bill that is inference, rule by rule; the demand trace.

use egui::Ui;

use crate::app::{Command, Query, QueryResult, State};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::demand::Trace;
use crate::ui::pages::kept::{Asked, Memo};
use crate::ui::pages::parts::{filter_words, money_or_dash, problem_ui};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Stat, Table, TableState, card_ui, chart_ui, count_words, data_table_ui, quiet_button_ui,
    section_header_ui, stats_ui,
};
use crate::units;

/// Points of the demand chart at most: more than there are pixels is only ink.
const TRACE_POINTS: usize = 1_200;

/// The card of the inference share.
pub(super) fn inference_ui(ui: &mut Ui, view: &mut View<'_>, share: &Asked, rules: &mut TableState) {
    let state = view.app.state();
    card_ui(ui, |ui| {
        let (share, monthly, basis) = match (share.answer(), share.question()) {
            (Some(Ok(QueryResult::Inference(share, monthly))), Some(Query::Inference { basis, .. })) => {
                (share, *monthly, *basis)
            }
            (Some(Err(problem)), _) => {
                section_header_ui(ui, "Inference", "", |_| {});
                return problem_ui(ui, problem);
            }
            _ => {
                section_header_ui(ui, "Inference", "Reading…", |_| {});
                return;
            }
        };
        let note = format!("{} of {}", basis.column(), filter_words(&state.scenario));
        section_header_ui(ui, "Inference", &note, |_| {});
        let currency = share.currency.as_deref().unwrap_or_default();
        let (total, inference) = (share.total.get(basis), share.inference.get(basis));
        let part = match (total, inference) {
            (Some(total), Some(inference)) if total.to_f64() > 0.0 => {
                format!("{:.1}", inference.to_f64() / total.to_f64() * 100.0)
            }
            _ => "–".to_owned(),
        };
        let (total, inference) = (money_or_dash(total, currency), money_or_dash(inference, currency));
        let (monthly, rows) = (money_or_dash(monthly, currency), count_words(share.inference_rows));
        let of = format!("of {} rows", count_words(share.rows));
        stats_ui(
            ui,
            &[
                Stat { label: "Share that is inference", value: &part, unit: "%", note: "" },
                Stat { label: "Inference", value: &inference, unit: "", note: "" },
                Stat { label: "All rows", value: &total, unit: "", note: "" },
                Stat {
                    label: "Inference a month",
                    value: &monthly,
                    unit: "",
                    note: "730 hours of the period",
                },
                Stat { label: "Inference rows", value: &rows, unit: "", note: &of },
            ],
        );
        let columns = [
            Column::fill("Rule", 300.0),
            Column::text("Counted", 80.0).hover("Whether the rule's rows are inference spend"),
            Column::number("Rows", 70.0),
            Column::number(format!("{} ({currency})", basis.column()), 150.0),
        ];
        let shape = Table {
            id: "inference rules",
            name: "Rules",
            columns: &columns,
            rows: share.by_rule.len(),
            revision: state.revision,
            selected: None,
            height: 280.0,
        };
        let tokens = Tokens::of(ui);
        data_table_ui(ui, &shape, rules, |row, column| {
            let rule = &share.by_rule[row];
            match column {
                0 => Cell::text(rule.words.clone()).hover(rule.rule_id.clone()),
                1 if rule.counted => Cell::text("yes").colour(tokens.good),
                1 => Cell::text("no").quiet(),
                2 => Cell::number(rule.rows as f64, count_words(rule.rows)),
                _ => match rule.costs.get(basis) {
                    Some(cost) => Cell::number(cost.to_f64(), units::money(cost, currency)),
                    None => Cell::unknown("The file has no such column, or no value in it"),
                },
            }
        });
    });
}

/// The card of the demand trace; nothing without one.
pub(super) fn demand_ui(ui: &mut Ui, view: &mut View<'_>, chart: &mut Memo<u64, Chart>) {
    let state: &State = view.app.state();
    let Some(trace) = &state.trace else { return };
    card_ui(ui, |ui| {
        section_header_ui(ui, "Demand trace", &trace.source, |ui| {
            if quiet_button_ui(ui, "Remove the trace").clicked() {
                view.send(Command::RemoveTrace);
            }
        });
        if let Some(summary) = trace.summary() {
            let rate = units::three_digits;
            let (mean, p95) = (rate(summary.mean_rps), rate(summary.p95_rps));
            let (peak, hour) = (rate(summary.peak_rps), rate(summary.peak_hour_rps));
            let (requests, days) = (units::si(summary.requests), rate(summary.duration_secs / 86_400.0));
            let unit = "requests/s";
            stats_ui(
                ui,
                &[
                    Stat { label: "Mean", value: &mean, unit, note: "" },
                    Stat { label: "95th percentile", value: &p95, unit, note: "of the intervals" },
                    Stat { label: "Busiest hour", value: &hour, unit, note: "" },
                    Stat { label: "Peak", value: &peak, unit, note: "busiest interval" },
                    Stat { label: "Requests", value: &requests, unit: "", note: "" },
                    Stat { label: "Length", value: &days, unit: "days", note: "" },
                ],
            );
        }
        let chart = chart.get(state.revision, || demand_chart(trace));
        chart_ui(ui, view, chart, 240.0, None);
    });
}

/// Requests per second over time. Of a long trace each stretch is drawn by its lowest and its highest interval.
fn demand_chart(trace: &Trace) -> Chart {
    let stretch = (trace.requests.len() * 2).div_ceil(TRACE_POINTS).max(1);
    let at = |place: usize| trace.start_unix_secs as f64 + place as f64 * trace.interval_secs;
    let datum = |place: usize| {
        let rate = trace.requests[place] / trace.interval_secs;
        Datum {
            hover: vec![("Demand".to_owned(), format!("{} requests/s", units::three_digits(rate)))],
            ..Datum::new(at(place), rate)
        }
    };
    let mut data = Vec::new();
    let mut from = 0;
    while from < trace.requests.len() {
        let until = (from + stretch).min(trace.requests.len());
        let by = |a: &usize, b: &usize| trace.requests[*a].total_cmp(&trace.requests[*b]);
        let (low, high) = ((from..until).min_by(by), (from..until).max_by(by));
        let mut places: Vec<usize> = low.into_iter().chain(high).collect();
        places.sort_unstable();
        places.dedup();
        data.extend(places.into_iter().map(datum));
        from = until;
    }
    let mut chart = Chart::new(
        "demand",
        "Requests over time",
        Axis::new("Time", "UTC", Scale::Time),
        Axis::new("Demand", "requests/s", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!(
        "{} intervals of {}",
        count_words(trace.requests.len() as u64),
        units::duration_ms(trace.interval_secs * 1_000.0)
    );
    if stretch > 1 {
        chart.notes.push(format!("Drawn: lowest and highest of each {stretch} intervals."));
    }
    chart.marks.push(Mark::Line {
        name: "Demand".to_owned(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers: false,
        second_axis: false,
    });
    chart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_trace_is_drawn_with_its_peak_and_its_trough() {
        let mut requests = vec![60.0; 100_000];
        requests[70_001] = 6_000.0;
        requests[3] = 0.0;
        let trace = Trace { source: String::new(), start_unix_secs: 0, interval_secs: 60.0, requests };
        let chart = demand_chart(&trace);
        let data = chart.marks[0].data();
        assert!(data.len() <= TRACE_POINTS + 2, "{}", data.len());
        let near = |x: f64, y: f64| {
            data.iter().any(|datum| (datum.x - x).abs() < 1e-6 && (datum.y - y).abs() < 1e-6)
        };
        assert!(near(70_001.0 * 60.0, 100.0) && near(180.0, 0.0));
        assert!(data.windows(2).all(|pair| pair[0].x < pair[1].x));
    }
}
