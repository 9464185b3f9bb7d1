//! Curves over several measurements that differ in their load alone: latency after an idle gap, latency against
//! throughput; and the trials of the search for a server's highest rate. Pure: measurements in, charts out.

use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::{Config, Point, Rate, Scenario};
use crate::units;

/// Latency of one query after a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AfterGap {
    /// Pause between an answer and the next query, in milliseconds.
    pub gap_ms: f64,
    /// Median latency in milliseconds, with its interval over runs.
    pub p50_ms: f64,
    pub interval_ms: Option<(f64, f64)>,
    /// The measurement.
    pub id: i64,
}

/// Whether two measurements differ in their load alone.
fn same_but_for_load(a: &Point, b: &Point) -> bool {
    let key = |point: &Point| {
        Config { scenario: Scenario::SingleStream, instances: 1, ..point.config.clone() }.key()
    };
    let sessions = |point: &Point| {
        // One query at a time never uses a second session.
        if one_at_a_time(point).is_some() { 1 } else { point.config.instances }
    };
    a.model_sha256 == b.model_sha256
        && a.target == b.target
        && a.config.inputs == b.config.inputs
        && key(a) == key(b)
        && (sessions(a) == sessions(b))
}

/// The pause before each query, in milliseconds, where there is one query at a time.
fn one_at_a_time(point: &Point) -> Option<f64> {
    match point.config.scenario {
        Scenario::ClosedLoop { in_flight: 1, think_ms } => Some(think_ms),
        _ => None,
    }
}

/// The measurements of the chosen one's configuration with one query at a time, by their idle gaps; the latest of
/// each gap. Fewer than two gaps are no curve.
pub(super) fn idle_gaps(points: &[Stored], chosen: &Point) -> Vec<AfterGap> {
    if one_at_a_time(chosen).is_none() {
        return Vec::new();
    }
    let mut found: Vec<AfterGap> = Vec::new();
    for stored in points.iter().filter(|stored| same_but_for_load(&stored.point, chosen)) {
        let (Some(gap_ms), Some(p50_ms)) = (one_at_a_time(&stored.point), stored.summary.p50.ms) else {
            continue;
        };
        found.retain(|other| (other.gap_ms - gap_ms).abs() > 1e-9);
        found.push(AfterGap { gap_ms, p50_ms, interval_ms: stored.summary.p50.interval_ms, id: stored.id });
    }
    found.sort_by(|a, b| a.gap_ms.total_cmp(&b.gap_ms));
    if found.len() < 2 { Vec::new() } else { found }
}

/// Their chart: a gap of nothing has no place on a logarithmic axis and is a line across.
pub(super) fn idle_gap_chart(found: &[AfterGap], chosen: &Point) -> Chart {
    let mut chart = Chart::new(
        "idle-gaps",
        "Latency after an idle gap",
        Axis::new("Idle gap before the query", "ms", Scale::Log10),
        Axis::new("Median latency", "ms", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!("{}, {}", chosen.model, without_load(&chosen.config));
    let data = found
        .iter()
        .filter(|after| after.gap_ms > 0.0)
        .map(|after| Datum {
            key: u64::try_from(after.id).ok(),
            interval: after.interval_ms.map(|(low, high)| [low, high]),
            ..Datum::new(after.gap_ms, after.p50_ms)
        })
        .collect();
    chart.marks.push(line("Median latency", data, Ink::Series(0), true));
    if let Some(after) = found.iter().find(|after| after.gap_ms <= 0.0) {
        let name = format!("without a gap {}", units::duration_ms(after.p50_ms));
        chart.marks.push(Mark::HorizontalLimit { name, y: after.p50_ms });
    }
    if found.iter().any(|after| after.interval_ms.is_some()) {
        chart.notes.push("Whiskers: 95 % interval over runs.".to_owned());
    }
    chart
}

/// One measurement on a load curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UnderLoad {
    pub throughput_per_second: f64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// `4 in flight`, `200/s`.
    pub load: String,
    pub id: i64,
}

/// The measurements of the chosen one's configuration under other loads of the same kind: clients in flight, or
/// rates of a server with the same arrivals and batcher. Fewer than two are no curve.
pub(super) fn loads(points: &[Stored], chosen: &Point) -> Vec<UnderLoad> {
    let mut found: Vec<UnderLoad> = Vec::new();
    for stored in points.iter().filter(|stored| same_but_for_load(&stored.point, chosen)) {
        let Some(load) = load(&stored.point.config.scenario, &chosen.config.scenario) else { continue };
        let summary = &stored.summary;
        if !summary.throughput_per_second.is_finite() {
            continue;
        }
        found.retain(|other| other.load != load);
        found.push(UnderLoad {
            throughput_per_second: summary.throughput_per_second,
            p50_ms: summary.p50.ms,
            p99_ms: summary.p99.ms,
            load,
            id: stored.id,
        });
    }
    found.sort_by(|a, b| a.throughput_per_second.total_cmp(&b.throughput_per_second));
    if found.len() < 2 { Vec::new() } else { found }
}

/// The load of `scenario` in words where it is of `chosen`'s kind.
fn load(scenario: &Scenario, chosen: &Scenario) -> Option<String> {
    match (scenario, chosen) {
        (
            Scenario::ClosedLoop { in_flight, think_ms },
            Scenario::ClosedLoop { think_ms: chosen_think_ms, .. },
        ) if (think_ms - chosen_think_ms).abs() < 1e-9 => Some(format!("{in_flight} in flight")),
        (
            Scenario::Server { arrivals, batcher, rate: Rate::PerSecond(rate) },
            Scenario::Server { arrivals: chosen_arrivals, batcher: chosen_batcher, .. },
        ) if arrivals == chosen_arrivals && batcher == chosen_batcher => Some(format!("{rate}/s")),
        _ => None,
    }
}

/// Their chart.
pub(super) fn load_chart(found: &[UnderLoad], chosen: &Point) -> Chart {
    let mut chart = Chart::new(
        "load-curve",
        "Latency against throughput",
        Axis::new("Throughput", "1/s", Scale::Linear { from_zero: true }),
        Axis::new("Latency", "ms", latency_scale(found)),
    );
    chart.subtitle = format!("{}, {}", chosen.model, without_load(&chosen.config));
    let series = |of: fn(&UnderLoad) -> Option<f64>| {
        found
            .iter()
            .filter_map(|under| {
                Some(Datum {
                    label: under.load.clone(),
                    key: u64::try_from(under.id).ok(),
                    ..Datum::new(under.throughput_per_second, of(under)?)
                })
            })
            .collect::<Vec<Datum>>()
    };
    for (place, (name, data)) in
        [("p50", series(|under| under.p50_ms)), ("p99", series(|under| under.p99_ms))].into_iter().enumerate()
    {
        if !data.is_empty() {
            chart.marks.push(line(name, data, Ink::Series(place), true));
        }
    }
    chart
}

/// By decades where latencies differ by more than one, as they do once a queue builds up.
fn latency_scale(found: &[UnderLoad]) -> Scale {
    let all = || found.iter().flat_map(|under| [under.p50_ms, under.p99_ms]).flatten();
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(0.0, f64::max));
    if high > 10.0 * low { Scale::Log10 } else { Scale::Linear { from_zero: true } }
}

/// The rates tried on the way to the highest, over all runs; `None` where nothing was searched.
pub(super) fn trials_chart(point: &Point) -> Option<Chart> {
    let Scenario::Server { rate: Rate::Highest { p99_limit_ms, .. }, .. } = &point.config.scenario else {
        return None;
    };
    let trials: Vec<_> = point.runs.iter().flat_map(|run| &run.measured.trials).collect();
    if trials.is_empty() {
        return None;
    }
    let mut chart = Chart::new(
        "trials",
        "Search for the highest rate",
        Axis::new("Rate tried", "1/s", Scale::Linear { from_zero: false }),
        Axis::new("Latency p99", "ms", Scale::Log10),
    );
    chart.subtitle = format!("{}, {}", point.model, point.config.words());
    for (name, passed, ink) in
        [("within the limit", true, Ink::Series(2)), ("over the limit", false, Ink::Series(5))]
    {
        let mut data: Vec<Datum> = trials
            .iter()
            .filter(|trial| trial.passed == passed)
            .filter_map(|trial| {
                let p99_ms = trial.p99_ms?;
                Some(Datum {
                    hover: vec![
                        ("Rate".to_owned(), format!("{}/s", units::three_digits(trial.rate))),
                        ("p99".to_owned(), units::duration_ms(p99_ms)),
                        ("Over the limit".to_owned(), format!("{} of {} queries", trial.over, trial.queries)),
                    ],
                    ..Datum::new(trial.rate, p99_ms)
                })
            })
            .collect();
        data.sort_by(|a, b| a.x.total_cmp(&b.x));
        if !data.is_empty() {
            chart.marks.push(line(name, data, ink, true));
        }
    }
    chart.marks.push(Mark::HorizontalLimit { name: format!("limit {p99_limit_ms} ms"), y: *p99_limit_ms });
    let unknown = trials.iter().filter(|trial| trial.p99_ms.is_none()).count();
    if unknown > 0 {
        chart.notes.push(format!(
            "{unknown} of {} rates tried had too few queries for a p99 and are not drawn.",
            trials.len()
        ));
    }
    Some(chart)
}

fn line(name: &str, data: Vec<Datum>, ink: Ink, markers: bool) -> Mark {
    Mark::Line { name: name.to_owned(), data, ink, dashed: false, markers, second_axis: false }
}

/// `batch 1, 2 threads, CPU` without the scenario.
fn without_load(config: &Config) -> String {
    Config { scenario: Scenario::SingleStream, ..config.clone() }.words()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::measure::{Arrivals, Measured, Run, Series, Summary, Trial};

    fn stored(id: i64, scenario: Scenario, millis: u64, trials: Vec<Trial>) -> Stored {
        let measured = Measured {
            queries: 20,
            wall_nanos: 20 * millis * 1_000_000,
            trials,
            series: Series::one_after_another(vec![millis * 1_000_000; 20]),
            ..Measured::default()
        };
        let point = Point {
            model: "m.onnx".to_owned(),
            model_sha256: "a".to_owned(),
            config: Config { scenario, ..Config::default() },
            input_shapes: BTreeMap::new(),
            found_dims: BTreeMap::new(),
            runs: vec![Run { started_unix_secs: 0, measured, moved_warm_up: None }],
            ended: None,
            runtime_version: String::new(),
            fingerprint: crate::hardware::Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 0,
        };
        Stored { id, summary: Summary::of(&point), point }
    }

    fn gap(think_ms: f64) -> Scenario {
        Scenario::ClosedLoop { in_flight: 1, think_ms }
    }

    #[test]
    fn the_idle_gap_curve_has_the_median_of_each_gap_of_the_same_configuration() {
        let mut other_threads = stored(9, gap(50.0), 70, Vec::new());
        other_threads.point.config.threads = 2;
        let points = [
            stored(1, gap(100.0), 9, Vec::new()),
            stored(2, gap(0.0), 3, Vec::new()),
            stored(3, gap(10.0), 4, Vec::new()),
            stored(4, Scenario::SingleStream, 3, Vec::new()),
            stored(5, Scenario::ClosedLoop { in_flight: 4, think_ms: 1.0 }, 30, Vec::new()),
            other_threads,
            // Measured again: the latest counts.
            stored(6, gap(10.0), 5, Vec::new()),
        ];
        let found = idle_gaps(&points, &points[0].point);
        let pairs: Vec<(f64, f64)> = found.iter().map(|after| (after.gap_ms, after.p50_ms)).collect();
        assert_eq!(pairs, [(0.0, 3.0), (10.0, 5.0), (100.0, 9.0)]);
        let chart = idle_gap_chart(&found, &points[0].point);
        let drawn: Vec<(f64, f64)> = chart.marks[0].data().iter().map(|datum| (datum.x, datum.y)).collect();
        assert_eq!(drawn, [(10.0, 5.0), (100.0, 9.0)]);
        assert!(matches!(&chart.marks[1], Mark::HorizontalLimit { y, .. } if (*y - 3.0).abs() < 1e-12));
        assert!(idle_gaps(&points, &points[3].point).is_empty(), "SingleStream has no gap");
        assert!(idle_gaps(&points[..1], &points[0].point).is_empty(), "one gap is no curve");
    }

    #[test]
    fn a_load_curve_goes_over_rates_of_the_same_server() {
        let server =
            |rate, arrivals| Scenario::Server { arrivals, rate: Rate::PerSecond(rate), batcher: None };
        let points = [
            stored(1, server(10.0, Arrivals::Poisson), 5, Vec::new()),
            stored(2, server(20.0, Arrivals::Poisson), 2, Vec::new()),
            stored(3, server(30.0, Arrivals::Constant), 1, Vec::new()),
        ];
        // 20 queries in 20 × 5 ms and in 20 × 2 ms: 200/s and 500/s.
        let found = loads(&points, &points[0].point);
        let seen: Vec<(&str, f64)> =
            found.iter().map(|under| (under.load.as_str(), under.throughput_per_second.round())).collect();
        assert_eq!(seen, [("10/s", 200.0), ("20/s", 500.0)]);
        assert_eq!(found[1].p50_ms, Some(2.0));
        assert_eq!(found[1].p99_ms, None, "20 samples have no p99");
    }

    #[test]
    fn trials_are_drawn_by_whether_they_passed() {
        let trial = |rate, p99_ms, passed| Trial { rate, queries: 700, over: 3, p99_ms, passed };
        let highest = Scenario::Server {
            arrivals: Arrivals::Poisson,
            rate: Rate::Highest { p99_limit_ms: 20.0, tolerance: 0.05 },
            batcher: None,
        };
        let trials =
            vec![trial(100.0, Some(12.0), true), trial(200.0, Some(40.0), false), trial(150.0, None, false)];
        let chart = trials_chart(&stored(1, highest, 1, trials).point).unwrap();
        let drawn: Vec<(&str, f64)> =
            chart.marks.iter().filter_map(|mark| Some((mark.name(), mark.data().first()?.x))).collect();
        assert_eq!(drawn, [("within the limit", 100.0), ("over the limit", 200.0)]);
        assert!(chart.notes[0].starts_with("1 of 3 rates tried"));
        assert!(trials_chart(&stored(1, Scenario::Offline, 1, Vec::new()).point).is_none());
    }
}
