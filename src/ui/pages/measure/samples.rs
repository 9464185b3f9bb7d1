//! Latency over time of one measurement. Of a long one each stretch is drawn by its quickest and its slowest
//! inference, so that no peak is lost; where the reader has zoomed in, the stretches in view are as much shorter, down
//! to single inferences. Statistics are never made from what is drawn.

use std::ops::Range;

use super::looked::RunFigures;
use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::{Run, Series};
use crate::ui::pages::parts::config_words;
use crate::ui::widgets::count_words;
use crate::units;

/// Points drawn at most.
const POINTS: usize = 1_600;
/// Points of a run at least.
const LEAST_POINTS: usize = 100;
/// Ends of warm-ups that have their name at the line; more would cover each other.
const MOST_NAMED: usize = 3;

/// Inferences in view up to which each has a marker of its own.
const MARKED: usize = 120;
/// Severe outliers drawn at most.
const OUTLIERS: usize = 500;

/// What of a measurement is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Shown {
    /// One run, or all one after another.
    pub run: Option<usize>,
    /// A logarithmic latency axis.
    pub log: bool,
    /// The part of the time axis the reader looks at, in seconds; `None` = all of it.
    pub view: Option<[f64; 2]>,
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
/// point, the end of each warm-up, and the severe outliers, which `figures` has the fences of.
pub(super) fn timeline(stored: &Stored, series: &[Series], figures: &[RunFigures], shown: Shown) -> Chart {
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
    // In view, of each run; all of it where the reader has not zoomed in.
    let looked_at: Vec<Range<usize>> =
        begins.iter().zip(series).map(|(begin, series)| queries_in(series, *begin, shown.view)).collect();
    let in_view: usize = looked_at.iter().map(Range::len).sum();
    let markers = in_view <= MARKED;
    let mut thinned = 0;
    let mut levels: Vec<Mark> = Vec::new();
    for (place, (run, series)) in stored.point.runs.iter().zip(series).enumerate() {
        let Some(begin) = begins[place] else { continue };
        let most = (POINTS * series.len() / shown_queries.max(1)).max(LEAST_POINTS);
        let looked_at = looked_at[place].clone();
        let most_in_view = (POINTS * looked_at.len() / in_view.max(1)).max(LEAST_POINTS);
        // What is out of view stays as coarse as it was, so that the axes keep their extent.
        let coarse = |of: Range<usize>| {
            let most = (most * of.len()).div_ceil(series.len().max(1));
            extremes(series, of, most)
        };
        let before = coarse(0..looked_at.start);
        let (drawn, stretch) = extremes(series, looked_at.clone(), most_in_view);
        let after = coarse(looked_at.end..series.len());
        thinned = thinned.max(stretch);
        let data = [before.0, drawn, after.0]
            .into_iter()
            .flatten()
            .map(|Drawn { at_secs, began_secs, millis }| Datum {
                hover: vec![
                    ("Run".to_owned(), (place + 1).to_string()),
                    ("Time".to_owned(), units::duration_ms(began_secs * 1_000.0)),
                    ("Latency".to_owned(), units::duration_ms(millis)),
                ],
                ..Datum::new(begin + at_secs, millis)
            })
            .collect();
        chart.marks.push(line(&format!("Run {}", place + 1), data, Ink::Series(place), markers));
        let steps = steps(run, series, begin);
        if !steps.is_empty() {
            // One line a run: nothing joins the last level of a run to the first of the next.
            levels.push(line("Levels by change point", steps, Ink::Strong, false));
        }
    }
    chart.marks.extend(levels);
    push_outliers(&mut chart, stored, series, figures, &begins, &looked_at);
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
        chart.notes.push(format!(
            "Drawn: slowest and quickest of each {each} queries or fewer; zoom in (Ctrl and the wheel) to see each."
        ));
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

fn line(name: &str, data: Vec<Datum>, ink: Ink, markers: bool) -> Mark {
    Mark::Line { name: name.to_owned(), data, ink, dashed: false, markers, second_axis: false }
}

/// The queries of a run that begin in view, and one more on either side, so that lines leave the frame.
fn queries_in(series: &Series, begin: Option<f64>, view: Option<[f64; 2]>) -> Range<usize> {
    let all = series.len();
    match (begin, view) {
        (None, _) => 0..0,
        (Some(_), None) => 0..all,
        (Some(begin), Some([from, to])) => {
            let before =
                |secs: f64| series.began_nanos.partition_point(|began| (*began as f64) / 1e9 < secs - begin);
            let end = (before(to) + 1).min(all);
            before(from).saturating_sub(1).min(end)..end
        }
    }
}

/// Severe outliers as points of their own: those in view first, and the farthest first where they are too many. Those out
/// of view are there, too, so that the legend stays as it is while the reader moves.
fn push_outliers(
    chart: &mut Chart,
    stored: &Stored,
    series: &[Series],
    figures: &[RunFigures],
    begins: &[Option<f64>],
    looked_at: &[Range<usize>],
) {
    // Whether it is in view, and how many times beyond its fence.
    let mut found: Vec<(bool, f64, Datum)> = Vec::new();
    let mut all = 0;
    for (place, ((run, series), figures)) in stored.point.runs.iter().zip(series).zip(figures).enumerate() {
        let (Some(begin), Some(fences)) = (begins[place], figures.outliers.fences) else { continue };
        all += figures.outliers.low_severe + figures.outliers.high_severe;
        let from = usize::try_from(run.warm_up()).unwrap_or(usize::MAX);
        let queries = series.latency_nanos.iter().zip(&series.began_nanos).enumerate().skip(from);
        for (query, (nanos, began)) in queries {
            let (nanos, secs) = ((*nanos).max(1) as f64, *began as f64 / 1e9);
            let beyond = (nanos / fences.high_severe_nanos).max(fences.low_severe_nanos / nanos);
            if beyond > 1.0 {
                let hover = vec![
                    ("Run".to_owned(), (place + 1).to_string()),
                    ("Query".to_owned(), count_words(query as u64 + 1)),
                    ("Time".to_owned(), units::duration_ms(secs * 1_000.0)),
                    ("Latency".to_owned(), units::duration_ms(nanos / 1e6)),
                    (
                        "Severe beyond".to_owned(),
                        fence_words(fences.low_severe_nanos, fences.high_severe_nanos),
                    ),
                ];
                found.push((
                    looked_at[place].contains(&query),
                    beyond,
                    Datum { hover, ..Datum::new(begin + secs, nanos / 1e6) },
                ));
            }
        }
    }
    if all == 0 {
        return;
    }
    let in_view = found.iter().filter(|(in_view, ..)| *in_view).count();
    if in_view > OUTLIERS {
        chart.notes.push(format!(
            "Severe outliers: the {OUTLIERS} farthest of {} in view are marked.",
            count_words(in_view as u64)
        ));
    }
    if found.len() > OUTLIERS {
        found.sort_by(|one, other| other.0.cmp(&one.0).then(other.1.total_cmp(&one.1)));
        found.truncate(OUTLIERS);
        found.sort_by(|(.., one), (.., other)| one.x.total_cmp(&other.x));
    }
    chart.marks.push(Mark::Points {
        name: format!("Severe outliers ({})", count_words(all as u64)),
        data: found.into_iter().map(|(.., datum)| datum).collect(),
        ink: Ink::Strong,
    });
}

/// `0.91 ms to 1.40 ms`: outside of it is severe.
fn fence_words(low_nanos: f64, high_nanos: f64) -> String {
    format!("{} to {}", units::duration_ms(low_nanos / 1e6), units::duration_ms(high_nanos / 1e6))
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

/// Those of some queries that are drawn, about `most`, and how many each stretch has that they stand for. Of a stretch
/// of several the slowest is a spike upon the quickest, drawn where the slowest began.
fn extremes(series: &Series, of: Range<usize>, most: usize) -> (Vec<Drawn>, usize) {
    let began_nanos = series.began_nanos.get(of.clone()).unwrap_or_default();
    let latency_nanos = series.latency_nanos.get(of).unwrap_or_default();
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
        let (drawn, stretch) = extremes(&Series::one_after_another(vec![1_000_000, 3_000_000]), 0..2, 10);
        let drawn: Vec<(f64, f64)> = drawn.iter().map(|query| (query.at_secs, query.millis)).collect();
        assert_eq!((drawn, stretch), (vec![(0.0, 1.0), (0.001, 3.0)], 1));
    }

    #[test]
    fn of_many_latencies_the_slowest_and_the_quickest_are_drawn() {
        let mut latencies = vec![2_000_000_u64; 1_000_000];
        latencies[123_456] = 90_000_000;
        latencies[654_321] = 10_000;
        let (drawn, stretch) = extremes(&Series::one_after_another(latencies), 0..1_000_000, POINTS);
        assert!(stretch > 1 && drawn.len() <= POINTS + 3, "{} points", drawn.len());
        for extreme in [90.0, 0.01] {
            assert!(drawn.iter().any(|query| (query.millis - extreme).abs() < 1e-9), "{extreme} ms is lost");
        }
        assert!(drawn.windows(2).all(|pair| pair[0].at_secs <= pair[1].at_secs));
    }

    #[test]
    fn the_queries_in_view_are_those_that_begin_there_and_one_on_either_side() {
        // Queries begin at 0, 10, 20, … ms of a run that begins at 2 s.
        let series = Series::one_after_another(vec![10_000_000; 100]);
        assert_eq!(queries_in(&series, Some(2.0), None), 0..100);
        assert_eq!(queries_in(&series, None, None), 0..0);
        // 2.095 to 2.125 s: 10, 11 and 12 begin there.
        assert_eq!(queries_in(&series, Some(2.0), Some([2.095, 2.125])), 9..14);
        assert_eq!(queries_in(&series, Some(2.0), Some([0.0, 0.5])).len(), 1);
        let (drawn, stretch) = extremes(&series, 9..14, LEAST_POINTS);
        assert_eq!((drawn.len(), stretch), (5, 1));
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
