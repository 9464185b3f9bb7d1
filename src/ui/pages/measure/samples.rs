//! Latency over time of one measurement. Of a long one each stretch is drawn by its quickest and its slowest
//! inference, so that no peak is lost; statistics are never made from what is drawn.

use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::ui::pages::parts::config_words;
use crate::ui::widgets::count_words;
use crate::units;

/// Points drawn at most.
const POINTS: usize = 1_200;

/// The chart of a measurement's raw latencies, in nanoseconds.
pub(super) fn timeline(stored: &Stored, latencies: &[u64]) -> Chart {
    let mut chart = Chart::new(
        "samples",
        "Latency of each inference",
        Axis::new("Time spent in inferences", "s", Scale::Linear { from_zero: true }),
        Axis::new("Latency", "ms", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!("{}, {}", stored.point.model, config_words(&stored.point.config));
    let (drawn, stretch) = extremes(latencies);
    let data = drawn
        .into_iter()
        .map(|(secs, millis)| Datum {
            hover: vec![
                ("Time".to_owned(), units::duration_ms(secs * 1_000.0)),
                ("Latency".to_owned(), units::duration_ms(millis)),
            ],
            ..Datum::new(secs, millis)
        })
        .collect();
    chart.marks.push(Mark::Line {
        name: "Latency".to_owned(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers: false,
        second_axis: false,
    });
    for (name, y) in [("p50", stored.summary.p50_ms), ("p99", stored.summary.p99_ms)] {
        let name = format!("{name} {}", units::duration_ms(y));
        chart.marks.push(Mark::HorizontalLimit { name, y });
    }
    if stretch > 1 {
        chart.notes.push(format!(
            "Drawn: quickest and slowest of each {stretch} of {} inferences.",
            count_words(latencies.len() as u64)
        ));
    }
    chart
}

/// End of each drawn inference in seconds with its latency in milliseconds, and how many stand behind two of them.
fn extremes(latencies: &[u64]) -> (Vec<(f64, f64)>, usize) {
    let stretch = if latencies.len() <= POINTS { 1 } else { (latencies.len() * 2).div_ceil(POINTS) };
    let mut drawn = Vec::new();
    let mut elapsed_nanos = 0_u64;
    for part in latencies.chunks(stretch) {
        let ends: Vec<u64> = part
            .iter()
            .map(|latency| {
                elapsed_nanos = elapsed_nanos.saturating_add(*latency);
                elapsed_nanos
            })
            .collect();
        let quickest = (0..part.len()).min_by_key(|place| part[*place]);
        let slowest = (0..part.len()).max_by_key(|place| part[*place]);
        let mut places: Vec<usize> = quickest.into_iter().chain(slowest).collect();
        places.sort_unstable();
        places.dedup();
        drawn.extend(places.into_iter().map(|place| (ends[place] as f64 / 1e9, part[place] as f64 / 1e6)));
    }
    (drawn, stretch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_latencies_are_all_drawn_at_the_time_they_end() {
        let (drawn, stretch) = extremes(&[1_000_000, 3_000_000]);
        assert_eq!((drawn, stretch), (vec![(0.001, 1.0), (0.004, 3.0)], 1));
    }

    #[test]
    fn of_many_latencies_the_slowest_and_the_quickest_are_drawn() {
        let mut latencies = vec![2_000_000_u64; 1_000_000];
        latencies[123_456] = 90_000_000;
        latencies[654_321] = 10_000;
        let (drawn, stretch) = extremes(&latencies);
        assert!(stretch > 1 && drawn.len() <= POINTS + 2, "{} points", drawn.len());
        for extreme in [90.0, 0.01] {
            assert!(drawn.iter().any(|(_, millis)| (millis - extreme).abs() < 1e-9), "{extreme} ms is lost");
        }
        assert!(drawn.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
