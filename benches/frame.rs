//! CPU time of one frame with a chart in it: the ui code and the tessellation, without a window or a GPU.
//!
//! `cargo bench --bench frame`. The target is a median under 8 ms.

use std::time::{Duration, Instant};

use egui::{Rect, pos2, vec2};
use inferometer::chart::{Axis, Chart, Datum, Ink, Mark, Scale, ShadeScale};
use inferometer::plot::{Options, Tokens, show};

const FRAMES: usize = 400;

/// Six series of eight labelled, shaded points and a front, on logarithmic axes.
fn tradeoff() -> Chart {
    let mut chart = Chart::new(
        "tradeoff",
        "Latency against throughput",
        Axis::new("Throughput", "inferences/s", Scale::Log10),
        Axis::new("Latency p99", "ms", Scale::Log10),
    );
    chart.shade = Some(ShadeScale {
        label: "Cost per 1,000".into(),
        unit: "USD".into(),
        low: 1e-5,
        high: 1e-3,
        log: true,
    });
    for series in 0..6_u32 {
        let data = (0..8_u32).map(|power| {
            let batch = f64::from(1_u32 << power);
            let latency = (1.0 + 2.4 * batch) / f64::from(series + 1);
            let mut datum = Datum::new(batch / latency * 1e3, latency);
            datum.label = batch.to_string();
            datum.key = Some(u64::from(series * 8 + power));
            datum.dimmed = series < 5;
            datum.shade = Some(f64::from(power) / 7.0);
            datum
        });
        chart.marks.push(line(
            format!("variant {series}"),
            data.collect(),
            Ink::Series(series as usize),
            true,
        ));
    }
    let front = chart.marks[5].data().to_vec();
    chart.marks.push(line("Pareto front".into(), front, Ink::Strong, false));
    chart.marks.push(Mark::HorizontalLimit { name: "p99 limit 50 ms".into(), y: 50.0 });
    chart
}

fn line(name: String, data: Vec<Datum>, ink: Ink, markers: bool) -> Mark {
    Mark::Line { name, data, ink, dashed: false, markers, second_axis: false }
}

/// Ten services over the 92 days from 1 January 2026, stacked.
fn cost_over_time() -> Chart {
    let mut chart = Chart::new(
        "cost",
        "Cost by service",
        Axis::new("Day", "", Scale::Time),
        Axis::new("Effective cost per day", "USD", Scale::Linear { from_zero: true }),
    );
    for series in 0..10_u32 {
        let data = (0..92_u32).map(|day| {
            let x = 1_767_225_600.0 + f64::from(day) * 86_400.0;
            Datum::new(x, 40.0 + f64::from((day * 7 + series * 13) % 29))
        });
        chart.marks.push(Mark::Bars {
            name: format!("service {series}"),
            data: data.collect(),
            ink: Ink::Series(series as usize),
            width: 86_400.0,
        });
    }
    chart
}

/// One frame; gives back the time of the ui code and of the tessellation.
fn frame(ctx: &egui::Context, chart: &Chart, options: &Options) -> (Duration, Duration) {
    let input = egui::RawInput {
        screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1_000.0, 640.0))),
        // A pointer in the plane: what a reader's frame costs, tooltip search included.
        events: vec![egui::Event::PointerMoved(pos2(500.0, 320.0))],
        ..Default::default()
    };
    let start = Instant::now();
    let mut output = ctx.run_ui(input, |ui| {
        show(ui, chart, options);
    });
    let drawn = start.elapsed();
    let shapes = std::mem::take(&mut output.shapes);
    let scale = output.pixels_per_point;
    output.textures_delta.clear();
    let start = Instant::now();
    let meshes = ctx.tessellate(shapes, scale);
    std::hint::black_box(meshes);
    (drawn, start.elapsed())
}

#[allow(clippy::print_stdout, reason = "a benchmark's result is what it prints")]
fn main() {
    println!(
        "{:<28} {:>10} {:>12} {:>10} {:>10}",
        "chart", "ui (ms)", "tessel. (ms)", "both (ms)", "p95 (ms)"
    );
    for (name, chart) in
        [("trade-off, 6 × 8 points", tradeoff()), ("stacked bars, 10 × 92", cost_over_time())]
    {
        let ctx = egui::Context::default();
        let options = Options::new(620.0, Tokens::dark());
        for _ in 0..20 {
            frame(&ctx, &chart, &options);
        }
        let times: Vec<(Duration, Duration)> = (0..FRAMES).map(|_| frame(&ctx, &chart, &options)).collect();
        let quantile = |of: &dyn Fn(&(Duration, Duration)) -> Duration, part: f64| {
            let mut sorted: Vec<Duration> = times.iter().map(of).collect();
            sorted.sort();
            sorted[((sorted.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e3
        };
        let both = |(ui, tessellation): &(Duration, Duration)| *ui + *tessellation;
        println!(
            "{name:<28} {:>10.3} {:>12.3} {:>10.3} {:>10.3}",
            quantile(&|times| times.0, 0.5),
            quantile(&|times| times.1, 0.5),
            quantile(&both, 0.5),
            quantile(&both, 0.95),
        );
    }
}
