//! The demand trace.

use egui::Ui;

use crate::app::{Command, State};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::demand::Trace;
use crate::ui::pages::kept::Memo;
use crate::ui::view::View;
use crate::ui::widgets::{
    Stat, card_ui, chart_ui, count_words, quiet_button_ui, section_header_ui, stats_ui,
};
use crate::units;

/// Points of the demand chart at most: more than there are pixels is only ink.
const TRACE_POINTS: usize = 1_200;

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
    let starts: Vec<f64> = trace.starts().collect();
    let datum = |place: usize| {
        let rate = trace.requests[place] / trace.interval_secs;
        Datum {
            hover: vec![("Demand".to_owned(), format!("{} requests/s", units::three_digits(rate)))],
            ..Datum::new(starts[place], rate)
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
        let trace = Trace { interval_secs: 60.0, requests, ..Trace::default() };
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
