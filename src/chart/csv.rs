//! A chart's exact data as comma-separated values (RFC 4180), units in the header row.

use super::Chart;
use super::table::table;

/// The rows of [`table`] as CSV with `\r\n` line ends: one row a point, in drawing order.
/// Numbers are exact, dates ISO 8601 in UTC.
pub fn to_csv(chart: &Chart) -> String {
    let table = table(chart);
    let mut csv = String::new();
    for row in std::iter::once(&table.head).chain(&table.rows) {
        for (index, cell) in row.iter().enumerate() {
            if index > 0 {
                csv.push(',');
            }
            push_cell(&mut csv, cell);
        }
        csv.push_str("\r\n");
    }
    csv
}

fn push_cell(csv: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) {
        csv.push('"');
        csv.push_str(&cell.replace('"', "\"\""));
        csv.push('"');
    } else {
        csv.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::{Axis, Datum, Ink, Mark, Scale, ShadeScale};

    #[test]
    fn rows_are_exact_with_units_in_the_header() {
        let mut chart = Chart::new(
            "c",
            "C",
            Axis::new("Throughput", "1/s", Scale::Log10),
            Axis::new("Latency p99", "ms", Scale::Log10),
        );
        chart.y2 = Some(Axis::new("Cost, per 1,000", "USD", Scale::Linear { from_zero: true }));
        chart.shade =
            Some(ShadeScale { label: "Cost".into(), unit: "USD".into(), low: 1.0, high: 3.0, log: false });
        let mut first = Datum::new(0.1 + 0.2, 1e-7);
        first.label = "batch \"1\"".into();
        first.shade = Some(0.5);
        first.dimmed = true;
        let line = |name: &str, datum: Datum, second_axis| Mark::Line {
            name: name.into(),
            data: vec![datum],
            ink: Ink::Series(0),
            dashed: false,
            markers: true,
            second_axis,
        };
        chart.marks = vec![
            line("a, b", first, false),
            line("cost", Datum::new(2.0, 9.0), true),
            Mark::HorizontalLimit { name: "limit".into(), y: 50.0 },
        ];
        let expected = concat!(
            "Series,Throughput (1/s),Latency p99 (ms),\"Cost, per 1,000 (USD)\",Label,Cost (USD),Dimmed\r\n",
            "\"a, b\",0.30000000000000004,1e-7,,\"batch \"\"1\"\"\",2,yes\r\n",
            "cost,2,,9,,,no\r\n",
            "limit,,50,,,,\r\n",
        );
        assert_eq!(to_csv(&chart), expected);
    }
}
