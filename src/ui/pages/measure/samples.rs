//! Latency over time of one measurement. Of a long one each stretch is drawn by its quickest and its slowest
//! inference, so that no peak is lost; statistics are never made from what is drawn.

use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::Series;
use crate::ui::pages::parts::config_words;
use crate::units;

/// Points drawn at most.
const POINTS: usize = 1_200;

/// The chart of a measurement's raw latencies: its runs one after another, each with the end of its warm-up.
pub(super) fn timeline(stored: &Stored, series: &[Series]) -> Chart {
    let mut chart = Chart::new(
        "samples",
        "Latency of each query",
        Axis::new("Time, runs one after another", "s", Scale::Linear { from_zero: true }),
        Axis::new("Latency", "ms", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!("{}, {}", stored.point.model, config_words(&stored.point.config));
    let most = POINTS / series.len().max(1);
    let (mut begin, mut thinned) = (0.0, 0);
    for (place, (run, series)) in stored.point.runs.iter().zip(series).enumerate() {
        let (drawn, stretch) = extremes(series, most.max(100));
        thinned = thinned.max(stretch);
        let data = drawn
            .into_iter()
            .map(|(secs, millis)| Datum {
                hover: vec![
                    ("Run".to_owned(), (place + 1).to_string()),
                    ("Time".to_owned(), units::duration_ms(secs * 1_000.0)),
                    ("Latency".to_owned(), units::duration_ms(millis)),
                ],
                ..Datum::new(begin + secs, millis)
            })
            .collect();
        chart.marks.push(Mark::Line {
            name: format!("Run {}", place + 1),
            data,
            ink: Ink::Series(place),
            dashed: false,
            markers: false,
            second_axis: false,
        });
        let cut = usize::try_from(run.warm_up()).ok().filter(|cut| *cut > 0);
        if let Some(began) = cut.and_then(|cut| series.began_nanos.get(cut)) {
            let name = format!("Warm-up of run {} ends", place + 1);
            chart.marks.push(Mark::VerticalLimit { name, x: begin + *began as f64 / 1e9 });
        }
        begin += run.measured.wall_nanos as f64 / 1e9;
    }
    for (name, estimate) in stored.summary.percentiles() {
        if let Some(ms) = estimate.ms.filter(|_| matches!(name, "p50" | "p99")) {
            let name = format!("{name} {}", units::duration_ms(ms));
            chart.marks.push(Mark::HorizontalLimit { name, y: ms });
        }
    }
    if thinned > 1 {
        chart.notes.push(format!("Drawn: quickest and slowest of each {thinned} queries or fewer."));
    }
    chart
}

/// Begin of each drawn query in seconds with its latency in milliseconds, at most `most` and a few, and how many
/// stand behind two of them.
fn extremes(series: &Series, most: usize) -> (Vec<(f64, f64)>, usize) {
    let Series { began_nanos, latency_nanos, .. } = series;
    let stretch = if latency_nanos.len() <= most { 1 } else { (latency_nanos.len() * 2).div_ceil(most) };
    let mut drawn = Vec::new();
    for (began, part) in began_nanos.chunks(stretch).zip(latency_nanos.chunks(stretch)) {
        let quickest = (0..part.len()).min_by_key(|place| part[*place]);
        let slowest = (0..part.len()).max_by_key(|place| part[*place]);
        let mut places: Vec<usize> = quickest.into_iter().chain(slowest).collect();
        places.sort_unstable();
        places.dedup();
        drawn.extend(places.into_iter().map(|place| (began[place] as f64 / 1e9, part[place] as f64 / 1e6)));
    }
    (drawn, stretch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(latency_nanos: Vec<u64>) -> Series {
        let mut at = 0;
        let began_nanos = latency_nanos
            .iter()
            .map(|latency| {
                at += latency;
                at - latency
            })
            .collect();
        Series { began_nanos, latency_nanos, ..Series::default() }
    }

    #[test]
    fn few_latencies_are_all_drawn_at_the_time_they_begin() {
        let (drawn, stretch) = extremes(&series(vec![1_000_000, 3_000_000]), 10);
        assert_eq!((drawn, stretch), (vec![(0.0, 1.0), (0.001, 3.0)], 1));
    }

    #[test]
    fn of_many_latencies_the_slowest_and_the_quickest_are_drawn() {
        let mut latencies = vec![2_000_000_u64; 1_000_000];
        latencies[123_456] = 90_000_000;
        latencies[654_321] = 10_000;
        let (drawn, stretch) = extremes(&series(latencies), POINTS);
        assert!(stretch > 1 && drawn.len() <= POINTS + 2, "{} points", drawn.len());
        for extreme in [90.0, 0.01] {
            assert!(drawn.iter().any(|(_, millis)| (millis - extreme).abs() < 1e-9), "{extreme} ms is lost");
        }
        assert!(drawn.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
