//! The roofline chart of a profile: operations a byte against operations a second, below what this machine reaches.

use super::state::State;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::breakdown::Breakdown;
use crate::measure::profile::{percent, short_provider};
use crate::measure::roof::{Roof, RoofPlace, bytes_words, flops_words};
use crate::units;

/// Points at most: the palette's colours.
const POINTS: usize = 8;
/// How far the roof goes on beyond the outermost point.
const MARGIN: f64 = 3.0;
/// One billion.
const GIGA: f64 = 1e9;

/// Something below the roof.
struct Point {
    name: String,
    provider: String,
    /// Time in the counted runs, in nanoseconds.
    nanos: u64,
    place: RoofPlace,
    /// Its place among the operator types by time, which gives its colour.
    colour: usize,
}

/// The roofline of the project: of the chosen measurement where that is profiled, else of the latest profile.
///
/// # Errors
/// In words, when there is nothing to draw.
pub fn of_project(state: &State) -> Result<Chart, &'static str> {
    let chosen = state.chosen_point().and_then(|stored| {
        let point = &stored.point;
        state.breakdown(&point.model_sha256, &point.config, &point.target)
    });
    let latest = || state.breakdowns.values().max_by_key(|breakdown| breakdown.started_unix_secs);
    let breakdown = chosen.or_else(latest).ok_or(
        "nothing in the project is profiled; make a profile: inferometer profile MODEL --project FILE",
    )?;
    chart(breakdown, false).ok_or(
        "the profile has no roof to draw: of no node are both operations and bytes known, or the machine's \
         speed was not measured",
    )
}

/// The operator types (or the nodes) that take most of the time, below the measured roofs. `None` without a roof, or
/// when of no node both operations and bytes are known.
pub fn chart(breakdown: &Breakdown, by_node: bool) -> Option<Chart> {
    let points = points(breakdown, by_node);
    let intensities: Vec<f64> = points.iter().filter_map(|point| point.place.intensity).collect();
    let least = intensities.iter().copied().min_by(f64::total_cmp)?;
    let most = intensities.iter().copied().max_by(f64::total_cmp)?;
    let ridges = breakdown.roofs.iter().map(Roof::ridge).filter(|ridge| ridge.is_finite());
    let low = ridges.clone().fold(least, f64::min) / MARGIN;
    let high = ridges.fold(most, f64::max) * MARGIN;
    let mut chart = Chart::new(
        if by_node { "roofline-nodes" } else { "roofline" },
        if by_node { "Nodes below this machine's roof" } else { "Operators below this machine's roof" },
        Axis::new("Operations a byte", "FLOP/byte", Scale::Log10),
        Axis::new("Speed", "GFLOP/s", Scale::Log10),
    );
    chart.subtitle = format!("{}, {}", breakdown.model, breakdown.config.words());
    for (number, roof) in breakdown.roofs.iter().enumerate() {
        chart.marks.push(roof_mark(roof, number > 0, low, high));
    }
    for point in &points {
        let (Some(x), Some(y)) = (point.place.intensity, point.place.flops_per_second) else { continue };
        chart.marks.push(Mark::Line {
            name: point.name.clone(),
            data: vec![Datum { hover: hover(breakdown, point), ..Datum::new(x, y / GIGA) }],
            ink: if point.colour < POINTS { Ink::Series(point.colour) } else { Ink::Quiet },
            dashed: false,
            markers: true,
            second_axis: false,
        });
    }
    chart.notes = breakdown.roofs.iter().map(|roof| format!("{}: {}.", roof.precision, roof.how)).collect();
    chart.notes.push(
        "Bytes are those of a node's inputs, weights and outputs, each counted once; what stays in the caches can \
         stand above the sloping part."
            .to_owned(),
    );
    Some(chart)
}

fn points(breakdown: &Breakdown, by_node: bool) -> Vec<Point> {
    let profile = &breakdown.profile;
    let mut types: Vec<&str> = Vec::new();
    for op in &profile.by_op {
        if !types.contains(&op.op_type.as_str()) {
            types.push(&op.op_type);
        }
    }
    let colour = |op: &str| types.iter().position(|other| *other == op).unwrap_or(usize::MAX);
    let mut points: Vec<Point> = if by_node {
        let nodes = profile.nodes.iter().filter_map(|node| {
            Some(Point {
                name: format!("{} ({})", node.name, node.op_type),
                provider: node.provider.clone(),
                nanos: node.self_nanos,
                place: breakdown.place(node)?,
                colour: colour(&node.op_type),
            })
        });
        nodes.collect()
    } else {
        let ops = profile.by_op.iter().filter_map(|op| {
            let elsewhere = !breakdown.is_asked(&op.provider);
            let on = if elsewhere { format!(" on {}", short_provider(&op.provider)) } else { String::new() };
            Some(Point {
                name: format!("{}{on}", op.op_type),
                provider: op.provider.clone(),
                nanos: op.total_nanos,
                place: breakdown.place_op(op)?,
                colour: colour(&op.op_type),
            })
        });
        ops.collect()
    };
    points.retain(|point| point.place.intensity.is_some() && point.place.flops_per_second.is_some());
    points.sort_by_key(|point| std::cmp::Reverse(point.nanos));
    points.truncate(POINTS);
    points
}

fn roof_mark(roof: &Roof, dashed: bool, low: f64, high: f64) -> Mark {
    let ridge = roof.ridge();
    let mut xs = vec![low, high];
    if ridge.is_finite() && ridge > low && ridge < high {
        xs.insert(1, ridge);
    }
    let at = |x: f64| {
        // Without a measured memory there is only the flat part.
        let speed = if ridge.is_finite() { roof.attainable(x) } else { roof.flops_per_second };
        Datum {
            hover: vec![
                (format!("{} roof", roof.precision), flops_words(roof.flops_per_second)),
                ("Memory".to_owned(), bytes_words(roof.bytes_per_second)),
            ],
            ..Datum::new(x, speed / GIGA)
        }
    };
    Mark::Line {
        name: format!("{} roof", roof.precision),
        data: xs.into_iter().map(at).collect(),
        ink: Ink::Strong,
        dashed,
        markers: false,
        second_axis: false,
    }
}

fn hover(breakdown: &Breakdown, point: &Point) -> Vec<(String, String)> {
    let profile = &breakdown.profile;
    let all = profile.kernel_nanos().max(1) as f64;
    let millis = point.nanos as f64 / profile.runs.max(1) as f64 / 1e6;
    let place = &point.place;
    let mut lines = vec![
        ("Name".to_owned(), point.name.clone()),
        ("Execution provider".to_owned(), short_provider(&point.provider).to_owned()),
        (
            "Time a run".to_owned(),
            format!("{}, {} of all nodes", units::duration_ms(millis), percent(point.nanos as f64 / all)),
        ),
    ];
    if let Some((speed, share)) = place.flops_per_second.zip(place.share_of_compute_roof) {
        lines.push(("Speed".to_owned(), format!("{}, {} of the roof", flops_words(speed), percent(share))));
    }
    if let Some(bytes) = place.bytes_per_second {
        lines.push(("Moves".to_owned(), bytes_words(bytes)));
    }
    lines
}
