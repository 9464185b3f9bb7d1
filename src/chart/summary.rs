//! A chart in words, for a screen reader and for the description of an exported picture.

use std::fmt::Write as _;

use super::extent::y_axis;
use super::{Axis, Chart, Mark, Scale, format, ticks};

/// What is on the axes, how many series and points, and the range of each series. One paragraph.
pub fn summary(chart: &Chart) -> String {
    let mut text = format!("{}.", chart.title);
    if !chart.subtitle.is_empty() {
        let _ = write!(text, " {}.", chart.subtitle.trim_end_matches('.'));
    }
    let _ = write!(text, " Horizontal: {}. Vertical: {}.", axis(&chart.x), axis(&chart.y));
    if let Some(second) = &chart.y2 {
        let _ = write!(text, " Second vertical: {}.", axis(second));
    }
    let series: Vec<&Mark> = chart.marks.iter().filter(|mark| !mark.data().is_empty()).collect();
    let _ = match series.len() {
        0 => write!(text, " No data."),
        count => write!(text, " {count} series."),
    };
    for mark in series {
        let y = y_axis(chart, mark);
        let drawn = mark.data().iter().filter(|datum| {
            ticks::place(&chart.x.scale, datum.x).is_some() && ticks::place(&y.scale, datum.y).is_some()
        });
        let (count, low, high) =
            drawn.fold((0_usize, f64::INFINITY, f64::NEG_INFINITY), |(n, low, high), datum| {
                let ends = datum.interval.filter(|_| matches!(mark, Mark::Band { .. }));
                let [least, most] = ends.unwrap_or([datum.y; 2]);
                (n + 1, low.min(least), high.max(most))
            });
        let (name, lowest) = (mark.name(), format::value(y, low));
        let _ = match count {
            0 => write!(text, " {name}: nothing to show."),
            _ if matches!(mark, Mark::Band { .. }) => {
                write!(text, " {name}: {lowest} to {}.", format::value(y, high))
            }
            1 => write!(text, " {name}: 1 point, {lowest}."),
            _ => write!(text, " {name}: {count} points, {lowest} to {}.", format::value(y, high)),
        };
    }
    for mark in &chart.marks {
        match mark {
            Mark::HorizontalLimit { name, y } => {
                let _ = write!(text, " Limit {name} at {}.", format::value(&chart.y, *y));
            }
            Mark::VerticalLimit { name, x } => {
                let _ = write!(text, " Limit {name} at {}.", format::value(&chart.x, *x));
            }
            Mark::Line { .. } | Mark::Points { .. } | Mark::Bars { .. } | Mark::Band { .. } => {}
        }
    }
    text
}

fn axis(axis: &Axis) -> String {
    let scale = match &axis.scale {
        Scale::Log10 => ", logarithmic",
        Scale::Linear { .. } | Scale::Time | Scale::Categories(_) => "",
    };
    format!("{}{scale}", axis.heading())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Datum, Ink};

    #[test]
    fn the_summary_names_axes_series_ranges_and_limits() {
        let mut chart = Chart::new(
            "c",
            "Latency against throughput",
            Axis::new("Throughput", "1/s", Scale::Log10),
            Axis::new("Latency p99", "ms", Scale::Linear { from_zero: true }),
        );
        chart.marks = vec![
            Mark::Line {
                name: "int8".into(),
                data: vec![Datum::new(10.0, 2.0), Datum::new(20.0, 3.5), Datum::new(-1.0, 9.0)],
                ink: Ink::Series(0),
                dashed: false,
                markers: true,
                second_axis: false,
            },
            Mark::HorizontalLimit { name: "p99 limit".into(), y: 5.0 },
        ];
        assert_eq!(
            summary(&chart),
            "Latency against throughput. Horizontal: Throughput (1/s), logarithmic. Vertical: Latency p99 (ms). \
             1 series. int8: 2 points, 2.00 ms to 3.50 ms. Limit p99 limit at 5.00 ms."
        );
    }
}
