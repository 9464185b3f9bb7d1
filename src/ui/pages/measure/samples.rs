//! Latency over time of one measurement. Of a long one each stretch is drawn by its quickest and its slowest
//! inference, so that no peak is lost; statistics are never made from what is drawn.

use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::{Run, Series};
use crate::ui::pages::parts::config_words;
use crate::units;

/// Points drawn at most.
const POINTS: usize = 1_600;
/// Points of a run at least.
const LEAST_POINTS: usize = 100;
/// Ends of warm-ups that have their name at the line; more would cover each other.
const MOST_NAMED: usize = 3;

/// What of a measurement is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Shown {
    /// One run, or all one after another.
    pub run: Option<usize>,
    /// A logarithmic latency axis.
    pub log: bool,
}

/// Where each run begins in the chart, in seconds.
pub(super) fn begins(runs: &[Run], shown: Shown) -> Vec<Option<f64>> {
    let mut begin = 0.0;
    runs.iter()
        .enumerate()
        .map(|(place, run)| {
            if let Some(only) = shown.run {
                return (only == place).then_some(0.0);
            }
            let at = begin;
            begin += run.measured.wall_nanos as f64 / 1e9;
            Some(at)
        })
        .collect()
}

/// The chart of a measurement's raw latencies: its runs one after another or one alone, the levels found by change
/// point, the end of each warm-up.
pub(super) fn timeline(stored: &Stored, series: &[Series], shown: Shown) -> Chart {
    let scale = if shown.log { Scale::Log10 } else { Scale::Linear { from_zero: true } };
    let x = if shown.run.is_some() || series.len() < 2 { "Time" } else { "Time, runs one after another" };
    let mut chart = Chart::new(
        "samples",
        "Latency over time",
        Axis::new(x, "s", Scale::Linear { from_zero: true }),
        Axis::new("Latency", "ms", scale),
    );
    chart.subtitle = format!("{}, {}", stored.point.model, config_words(&stored.point.config));
    let begins = begins(&stored.point.runs, shown);
    // Long runs get more of the points than short ones.
    let shown_queries: usize =
        begins.iter().zip(series).filter(|(begin, _)| begin.is_some()).map(|(_, series)| series.len()).sum();
    let mut thinned = 0;
    let mut levels: Vec<Mark> = Vec::new();
    for (place, (run, series)) in stored.point.runs.iter().zip(series).enumerate() {
        let Some(begin) = begins[place] else { continue };
        let most = POINTS * series.len() / shown_queries.max(1);
        let (drawn, stretch) = extremes(series, most.max(LEAST_POINTS));
        thinned = thinned.max(stretch);
        let data = drawn
            .into_iter()
            .map(|Drawn { at_secs, began_secs, millis }| Datum {
                hover: vec![
                    ("Run".to_owned(), (place + 1).to_string()),
                    ("Time".to_owned(), units::duration_ms(began_secs * 1_000.0)),
                    ("Latency".to_owned(), units::duration_ms(millis)),
                ],
                ..Datum::new(begin + at_secs, millis)
            })
            .collect();
        chart.marks.push(line(&format!("Run {}", place + 1), data, Ink::Series(place)));
        let steps = steps(run, series, begin);
        if !steps.is_empty() {
            // One line a run: nothing joins the last level of a run to the first of the next.
            levels.push(line("Levels by change point", steps, Ink::Strong));
        }
    }
    chart.marks.extend(levels);
    let cuts: Vec<(usize, f64)> = begins
        .iter()
        .enumerate()
        .filter_map(|(place, begin)| Some((place, (*begin)?, stored.point.runs.get(place)?.warm_up())))
        .filter(|(_, _, cut)| *cut > 0)
        .filter_map(|(place, begin, cut)| Some((place, begin + cut_secs(series.get(place)?, cut)?)))
        .collect();
    let named = cuts.len() <= MOST_NAMED;
    for (place, x) in &cuts {
        let name = if named { format!("Warm-up of run {} ends", place + 1) } else { String::new() };
        chart.marks.push(Mark::VerticalLimit { name, x: *x });
    }
    if !named {
        chart.notes.push("Dashed, vertical: where the warm-up of each run ends.".to_owned());
    }
    if thinned > 1 {
        let each = units::group_thousands(thinned as u128);
        chart.notes.push(format!("Drawn: slowest and quickest of each {each} queries or fewer."));
    }
    chart
}

/// When the query begins that is the first to count, in seconds since the run's start.
pub(super) fn cut_secs(series: &Series, cut: u64) -> Option<f64> {
    let began = series.began_nanos.get(usize::try_from(cut).ok()?)?;
    Some(*began as f64 / 1e9)
}

/// How many queries began before a moment of a run: the warm-up that ends there. At least one query is left.
pub(super) fn queries_before(series: &Series, secs: f64) -> u64 {
    let before = series.began_nanos.partition_point(|began| (*began as f64) / 1e9 < secs);
    before.min(series.began_nanos.len().saturating_sub(1)) as u64
}

/// The levels that change points cut a run into, as steps.
fn steps(run: &Run, series: &Series, begin: f64) -> Vec<Datum> {
    let Some(steadiness) = &run.measured.steadiness else { return Vec::new() };
    let at = |place: usize| series.began_nanos.get(place).map(|began| begin + *began as f64 / 1e9);
    let hover = |from: f64, to: f64, millis: f64, steady: bool| {
        vec![
            ("Level".to_owned(), units::duration_ms(millis)),
            ("From".to_owned(), units::duration_ms((from - begin) * 1_000.0)),
            ("To".to_owned(), units::duration_ms((to - begin) * 1_000.0)),
            ("Steady state".to_owned(), if steady { "yes" } else { "no" }.to_owned()),
        ]
    };
    let mut data = Vec::new();
    for segment in &steadiness.segments {
        let (Some(from), Some(to)) = (at(segment.start), at(segment.end.saturating_sub(1))) else { continue };
        let millis = segment.level_nanos / 1e6;
        for x in [from, to] {
            data.push(Datum { hover: hover(from, to, millis, segment.steady), ..Datum::new(x, millis) });
        }
    }
    data
}

fn line(name: &str, data: Vec<Datum>, ink: Ink) -> Mark {
    Mark::Line { name: name.to_owned(), data, ink, dashed: false, markers: false, second_axis: false }
}

/// A query that is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Drawn {
    /// Where it is drawn, in seconds since the run's start.
    at_secs: f64,
    /// When it began.
    began_secs: f64,
    millis: f64,
}

/// The queries drawn, about `most`, and how many each stretch has that they stand for. Of a stretch of several the
/// slowest is a spike upon the quickest, drawn where the slowest began.
fn extremes(series: &Series, most: usize) -> (Vec<Drawn>, usize) {
    let Series { began_nanos, latency_nanos, .. } = series;
    let stretch = if latency_nanos.len() <= most { 1 } else { (latency_nanos.len() * 3).div_ceil(most) };
    let mut drawn = Vec::new();
    for (began, part) in began_nanos.chunks(stretch).zip(latency_nanos.chunks(stretch)) {
        let at = |place: usize, at: usize| Drawn {
            at_secs: began[at] as f64 / 1e9,
            began_secs: began[place] as f64 / 1e9,
            millis: part[place] as f64 / 1e6,
        };
        let quickest = (0..part.len()).min_by_key(|place| part[*place]);
        let slowest = (0..part.len()).max_by_key(|place| part[*place]);
        let (Some(quickest), Some(slowest)) = (quickest, slowest) else { continue };
        if part.len() == 1 {
            drawn.push(at(slowest, slowest));
        } else {
            drawn.extend([at(quickest, slowest), at(slowest, slowest), at(quickest, slowest)]);
        }
    }
    (drawn, stretch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_latencies_are_all_drawn_at_the_time_they_begin() {
        let (drawn, stretch) = extremes(&Series::one_after_another(vec![1_000_000, 3_000_000]), 10);
        let drawn: Vec<(f64, f64)> = drawn.iter().map(|query| (query.at_secs, query.millis)).collect();
        assert_eq!((drawn, stretch), (vec![(0.0, 1.0), (0.001, 3.0)], 1));
    }

    #[test]
    fn of_many_latencies_the_slowest_and_the_quickest_are_drawn() {
        let mut latencies = vec![2_000_000_u64; 1_000_000];
        latencies[123_456] = 90_000_000;
        latencies[654_321] = 10_000;
        let (drawn, stretch) = extremes(&Series::one_after_another(latencies), POINTS);
        assert!(stretch > 1 && drawn.len() <= POINTS + 3, "{} points", drawn.len());
        for extreme in [90.0, 0.01] {
            assert!(drawn.iter().any(|query| (query.millis - extreme).abs() < 1e-9), "{extreme} ms is lost");
        }
        assert!(drawn.windows(2).all(|pair| pair[0].at_secs <= pair[1].at_secs));
    }

    #[test]
    fn a_place_in_time_is_a_number_of_queries_and_back() {
        // Queries begin at 0, 10, 20, … ms.
        let series = Series::one_after_another(vec![10_000_000; 100]);
        assert_eq!(queries_before(&series, 0.055), 6);
        assert_eq!(cut_secs(&series, 6), Some(0.06));
        assert_eq!(queries_before(&series, 0.06), 6, "the line stays where it is");
        assert_eq!((queries_before(&series, -1.0), queries_before(&series, 99.0)), (0, 99));
    }
}
