//! A chart's data as rows of text: what a screen reader, a table view, a CSV file and a report show.

use chrono::SecondsFormat;

use super::{Axis, Chart, Datum, Mark, Scale, format};

/// Rows of text under a heading, units in the heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Column names with units.
    pub head: Vec<String>,
    /// Cells; every row is as long as the heading.
    pub rows: Vec<Vec<String>>,
}

/// One row a datum and a limit, exact: every number is written so that it reads back as the same `f64`. An empty
/// cell is a value that the datum does not have.
pub fn table(chart: &Chart) -> Table {
    let shaded = chart.marks.iter().flat_map(Mark::data).any(|datum| datum.shade.is_some());
    let dimmed = chart.marks.iter().flat_map(Mark::data).any(|datum| datum.dimmed);
    let labelled = chart.marks.iter().flat_map(Mark::data).any(|datum| !datum.label.is_empty());
    let ranged = chart.marks.iter().flat_map(Mark::data).any(|datum| datum.interval.is_some());
    let mut head = vec!["Series".to_owned(), heading(&chart.x), heading(&chart.y)];
    if let Some(second) = &chart.y2 {
        head.push(heading(second));
    }
    if labelled {
        head.push("Label".to_owned());
    }
    if ranged {
        head.extend(["low", "high"].map(|end| format!("{}, {end}", heading(&chart.y))));
    }
    if shaded {
        head.push(match &chart.shade {
            Some(scale) => Axis::new(&scale.label, &scale.unit, Scale::Log10).heading(),
            None => "Colour (0 to 1)".to_owned(),
        });
    }
    if dimmed {
        head.push("Dimmed".to_owned());
    }
    let mut rows = Vec::new();
    for mark in &chart.marks {
        let row = |x: String, y: String, datum: Option<&Datum>| {
            let second = mark.on_second_axis() && chart.y2.is_some();
            let mut row = vec![mark.name().to_owned(), x];
            if chart.y2.is_some() && second {
                row.extend([String::new(), y]);
            } else {
                row.push(y);
                row.extend(chart.y2.is_some().then(String::new));
            }
            if labelled {
                row.push(datum.map(|datum| datum.label.clone()).unwrap_or_default());
            }
            if ranged {
                let ends = datum.and_then(|datum| datum.interval);
                let end = |place: usize| ends.map(|ends| number(ends[place])).unwrap_or_default();
                row.extend([end(0), end(1)]);
            }
            if shaded {
                let shade = datum.and_then(|datum| datum.shade).map(|position| {
                    number(chart.shade.as_ref().map_or(position, |scale| scale.value(position)))
                });
                row.push(shade.unwrap_or_default());
            }
            if dimmed {
                row.push(
                    datum.map(|datum| if datum.dimmed { "yes" } else { "no" }).unwrap_or_default().into(),
                );
            }
            row
        };
        match mark {
            Mark::HorizontalLimit { y, .. } => rows.push(row(String::new(), cell(&chart.y, *y), None)),
            Mark::VerticalLimit { x, .. } => rows.push(row(cell(&chart.x, *x), String::new(), None)),
            Mark::Line { data, .. }
            | Mark::Points { data, .. }
            | Mark::Bars { data, .. }
            | Mark::Band { data, .. } => {
                let y_axis = super::extent::y_axis(chart, mark);
                rows.extend(
                    data.iter().map(|datum| row(cell(&chart.x, datum.x), cell(y_axis, datum.y), Some(datum))),
                );
            }
        }
    }
    Table { head, rows }
}

fn heading(axis: &Axis) -> String {
    match axis.scale {
        Scale::Time => Axis::new(&axis.label, "UTC", Scale::Time).heading(),
        Scale::Linear { .. } | Scale::Log10 | Scale::Categories(_) => axis.heading(),
    }
}

fn cell(axis: &Axis, value: f64) -> String {
    match &axis.scale {
        Scale::Linear { .. } | Scale::Log10 => number(value),
        Scale::Categories(names) => {
            format::category(names, value).map_or_else(|| number(value), str::to_owned)
        }
        // A moment that falls between milliseconds stays a number of seconds rather than being rounded.
        Scale::Time => format::moment(value)
            .filter(|moment| {
                (moment.timestamp_millis() as f64).to_bits() == (value * 1_000.0 + 0.0).to_bits()
            })
            .map_or_else(|| number(value), |moment| moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
    }
}

/// The shortest text that reads back as the same number.
fn number(value: f64) -> String {
    if value == 0.0 || (1e-5..1e16).contains(&value.abs()) || !value.is_finite() {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_back_as_the_same_value() {
        for value in [0.1 + 0.2, 1e-9, 123_456_789.123, -4.0, 1e300, f64::MIN_POSITIVE, 0.0] {
            assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), value.to_bits(), "{value}");
        }
        assert_eq!(number(f64::NAN), "NaN");
        assert_eq!(number(1e-9), "1e-9");
    }

    #[test]
    fn moments_are_dates_unless_that_would_round_them() {
        let axis = Axis::new("Day", "", Scale::Time);
        assert_eq!(cell(&axis, 1_767_225_600.0), "2026-01-01T00:00:00Z");
        assert_eq!(cell(&axis, 1_767_225_600.5), "2026-01-01T00:00:00.500Z");
        assert_eq!(cell(&axis, 0.000_25), "0.00025");
    }
}
