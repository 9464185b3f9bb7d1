//! Charts, vector export, reports.

use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use inferometer::chart::csv::to_csv;
use inferometer::chart::palette::{self, Background, Rgb};
use inferometer::chart::{Axis, Chart, Datum, Ink, Mark, Scale, ShadeScale};
use inferometer::plot::{self, Options, Tokens};
use inferometer::report::{
    Align, Block, Document, ExportError, Overwrite, Theme, chart_png, chart_svg, export_chart, html,
    svg_to_png,
};

/// Latency = fixed part + part per input, in ms, of six made-up variants; batches 1 to 128. Throughput follows.
const VARIANTS: [(&str, f64, f64); 6] = [
    ("fp32, 1 thread", 3.1, 2.4),
    ("fp32, 2 threads", 3.6, 1.35),
    ("int8, 1 thread", 1.6, 0.95),
    ("int8, 2 threads", 1.9, 0.55),
    ("student, 1 thread", 0.35, 0.16),
    ("student, 2 threads", 0.42, 0.10),
];
const USD_PER_HOUR: f64 = 0.526;

/// Latency against throughput on logarithmic axes, cost as colour, the front drawn.
pub fn tradeoff() -> Chart {
    let scale = ShadeScale {
        label: "Cost per 1,000 inferences".into(),
        unit: "USD".into(),
        low: 0.000_01,
        high: 0.001,
        log: true,
    };
    let mut points: Vec<(usize, u32, f64, f64)> = Vec::new();
    for (variant, (_, fixed, each)) in VARIANTS.iter().enumerate() {
        for batch in [1_u32, 2, 4, 8, 16, 32, 64, 128] {
            let latency = fixed + each * f64::from(batch);
            points.push((variant, batch, f64::from(batch) / latency * 1_000.0, latency));
        }
    }
    let dominated =
        |x: f64, y: f64| points.iter().any(|(_, _, other_x, other_y)| *other_x > x && *other_y < y);
    let mut chart = Chart::new(
        "tradeoff",
        "Latency against throughput",
        Axis::new("Throughput", "inferences/s", Scale::Log10),
        Axis::new("Latency p99", "ms", Scale::Log10),
    );
    chart.subtitle =
        "digits classifier, three variants, batch 1 to 128, on g4dn.xlarge (us-east-1, on-demand)".into();
    chart.notes = vec!["Measured on this machine. Prices from the price book of 3 June 2026.".into()];
    let mut front: Vec<Datum> = points
        .iter()
        .filter(|(_, _, x, y)| !dominated(*x, *y))
        .map(|(_, _, x, y)| Datum::new(*x, *y))
        .collect();
    front.sort_by(|one, other| one.x.total_cmp(&other.x));
    for (variant, (name, ..)) in VARIANTS.iter().enumerate() {
        let data = points.iter().filter(|point| point.0 == variant).map(|(_, batch, x, y)| {
            let cost = USD_PER_HOUR / (x * 3_600.0) * 1_000.0;
            let mut datum = Datum::new(*x, *y);
            datum.label = batch.to_string();
            datum.hover = vec![
                ("Batch".into(), batch.to_string()),
                ("Latency p99".into(), format!("{y:.2} ms")),
                ("Throughput".into(), format!("{x:.0}/s")),
                ("Cost per 1,000".into(), format!("${cost:.5}")),
            ];
            datum.key = Some(variant as u64 * 1_000 + u64::from(*batch));
            datum.dimmed = dominated(*x, *y);
            datum.shade = scale.position(cost);
            datum
        });
        chart.marks.push(Mark::Line {
            name: (*name).into(),
            data: data.collect(),
            ink: Ink::Series(variant),
            dashed: false,
            markers: true,
            second_axis: false,
        });
    }
    chart.marks.push(Mark::Line {
        name: "Pareto front".into(),
        data: front,
        ink: Ink::Strong,
        dashed: false,
        markers: false,
        second_axis: false,
    });
    chart.marks.push(Mark::HorizontalLimit { name: "p99 limit 50 ms".into(), y: 50.0 });
    chart.shade = Some(scale);
    chart
}

/// Daily cost of three months, stacked by service, with requests a day on a second axis.
pub fn cost_over_time() -> Chart {
    let mut chart = Chart::new(
        "cost-over-time",
        "Cost by service",
        Axis::new("Day", "", Scale::Time),
        Axis::new("Effective cost per day", "USD", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = "1 January to 31 March 2026, USD".into();
    chart.y2 = Some(Axis::new("Requests per day", "", Scale::Linear { from_zero: true }));
    let services =
        ["GPU instances", "CPU instances", "Managed model API", "Storage", "Data transfer", "Support"];
    let base = [410.0, 160.0, 120.0, 38.0, 61.0, 25.0];
    let day = |index: u32| 1_767_225_600.0 + f64::from(index) * 86_400.0;
    let weekly = |index: u32| 1.0 + 0.22 * (f64::from(index) * std::f64::consts::TAU / 7.0).sin();
    for (service, name) in services.iter().enumerate() {
        let data = (0..90).map(|index| {
            let growth = 1.0 + f64::from(index) * 0.004 * (service as f64 - 1.0).abs();
            let mut datum = Datum::new(day(index), base[service] * weekly(index) * growth);
            datum.key = Some(u64::from(index));
            datum
        });
        chart.marks.push(Mark::Bars {
            name: (*name).into(),
            data: data.collect(),
            ink: Ink::Series(service),
            width: 86_400.0,
        });
    }
    chart.marks.push(Mark::Line {
        name: "Requests".into(),
        data: (0..90)
            .map(|i| Datum::new(day(i), 1.1e6 * weekly(i + 1) * (1.0 + f64::from(i) * 0.006)))
            .collect(),
        ink: Ink::Strong,
        dashed: false,
        markers: false,
        second_axis: true,
    });
    chart.marks.push(Mark::HorizontalLimit { name: "daily budget $1,000".into(), y: 1_000.0 });
    chart
}

/// Ratio int8 to fp32 of a few quantities.
pub fn ratios() -> Chart {
    let names =
        ["File size", "Peak memory", "Latency, batch 1", "Latency, batch 8", "Cost per 1,000", "Accuracy"];
    let values = [0.27, 0.61, 0.52, 0.44, 0.47, 0.996];
    let mut chart = Chart::new(
        "ratios",
        "The quantized model beside the full one",
        Axis::new("", "", Scale::Categories(names.map(str::to_owned).to_vec())),
        Axis::new("int8 ÷ fp32", "", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = "Below 1 the quantized model needs less".into();
    let data = values.iter().enumerate().map(|(index, value)| {
        let mut datum = Datum::new(index as f64, *value);
        datum.label = format!("{value:.2}");
        datum.key = Some(index as u64);
        datum
    });
    chart.marks = vec![
        Mark::Bars { name: "int8 ÷ fp32".into(), data: data.collect(), ink: Ink::Series(0), width: 0.62 },
        Mark::HorizontalLimit { name: "as the full model".into(), y: 1.0 },
    ];
    chart
}

/// Every text of an SVG, in order.
fn texts(svg: &str) -> Vec<String> {
    svg.split("<text ")
        .skip(1)
        .map(|piece| {
            let (_, rest) = piece.split_once('>').unwrap();
            rest.split_once("</text>").unwrap().0.to_owned()
        })
        .collect()
}

/// The values of an attribute over all elements that have it, as numbers.
fn numbers(svg: &str, element: &str, attribute: &str) -> Vec<f32> {
    svg.lines()
        .filter(|line| line.starts_with(&format!("<{element} ")))
        .filter_map(|line| line.split_once(&format!(" {attribute}=\""))?.1.split_once('"')?.0.parse().ok())
        .collect()
}

/// x, y, width, height of the only clip path's rectangle.
fn clip(svg: &str) -> [f32; 4] {
    assert_eq!(svg.matches("<clipPath").count(), 1, "one frame, one clip");
    let rect = svg.split_once("<clipPath").unwrap().1.split_once("<rect ").unwrap().1;
    ["x", "y", "width", "height"].map(|name| {
        rect.split_once(&format!("{name}=\"")).unwrap().1.split_once('"').unwrap().0.parse().unwrap()
    })
}

/// RGB of each pixel of a PNG.
fn pixels(png: &[u8]) -> Vec<[u8; 3]> {
    let pixmap = resvg::tiny_skia::Pixmap::decode_png(png).unwrap();
    pixmap.pixels().iter().map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect()
}

fn count(pixels: &[[u8; 3]], Rgb(red, green, blue): Rgb) -> usize {
    pixels.iter().filter(|pixel| **pixel == [red, green, blue]).count()
}

#[test]
fn the_svg_of_a_chart_is_well_formed_and_says_everything_as_text() {
    for theme in [Theme::Light, Theme::Dark, Theme::Print] {
        let svg = chart_svg(&tradeoff(), [960.0, 600.0], theme).unwrap();
        let tree = usvg::Tree::from_str(&svg, &usvg::Options::default()).unwrap();
        assert_eq!((tree.size().width(), tree.size().height()), (960.0, 600.0));
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "a coordinate is not a number");
        let texts = texts(&svg);
        for expected in [
            "Latency against throughput",
            "Latency p99 (ms)",
            "Throughput (inferences/s)",
            "p99 limit 50 ms",
            "Pareto front",
            "student, 2 threads",
            "Cost per 1,000 inferences",
            "$0.00001",
            "$0.001",
            "1,000",
            "128",
            "Measured on this machine. Prices from the price book of 3 June 2026.",
        ] {
            assert!(texts.iter().any(|text| text == expected), "{expected:?} is not in {texts:?}");
        }
    }
}

#[test]
fn the_same_chart_gives_the_same_bytes() {
    for chart in [tradeoff(), cost_over_time(), ratios()] {
        let once = chart_svg(&chart, [800.0, 500.0], Theme::Dark).unwrap();
        assert_eq!(once, chart_svg(&chart, [800.0, 500.0], Theme::Dark).unwrap());
    }
}

#[test]
fn every_point_lies_inside_the_frame_at_its_logarithmic_place() {
    let mut chart =
        Chart::new("decades", "Decades", Axis::new("X", "", Scale::Log10), Axis::new("Y", "", Scale::Log10));
    let data: Vec<Datum> = [1.0, 10.0, 100.0, 1_000.0].map(|value| Datum::new(value, value)).to_vec();
    chart.marks = vec![Mark::Line {
        name: "powers of ten".into(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers: true,
        second_axis: false,
    }];
    let svg = chart_svg(&chart, [700.0, 500.0], Theme::Light).unwrap();
    let (xs, ys) = (numbers(&svg, "circle", "cx"), numbers(&svg, "circle", "cy"));
    assert_eq!(xs.len(), 4, "one circle a point");
    let [left, top, width, height] = clip(&svg);
    for (index, (x, y)) in xs.iter().zip(&ys).enumerate() {
        assert!((left..=left + width).contains(x) && (top..=top + height).contains(y), "point {index}");
        // The fitted range is log10 0 to 3 and 5 % (7 %) of it on either side.
        let (across, up) = (index as f32 + 0.15, index as f32 + 0.21);
        assert!((x - (left + width * across / 3.3)).abs() < 0.02, "x of point {index}: {x}");
        assert!((y - (top + height * (1.0 - up / 3.42))).abs() < 0.02, "y of point {index}: {y}");
    }
}

#[test]
fn a_band_is_drawn_from_its_low_to_its_high_end_and_written_to_the_table() {
    let names = Scale::Categories(vec!["p50".into(), "p99".into()]);
    let mut chart =
        Chart::new("band", "Band", Axis::new("", "", names), Axis::new("Ratio", "×", Scale::Log10));
    // From a half to the double lies the band, from a tenth to ten the points: log10 -1 to 1.
    let band = |x| Datum { interval: Some([0.5, 2.0]), ..Datum::new(x, 1.0) };
    let ends = vec![Datum::new(0.0, 0.1), Datum::new(1.0, 10.0)];
    chart.marks = vec![
        Mark::Band { name: "resolution".into(), data: vec![band(0.0)], ink: Ink::Quiet, width: 1.0 },
        Mark::Points { name: "ratio".into(), data: ends, ink: Ink::Series(0) },
    ];
    let svg = chart_svg(&chart, [700.0, 500.0], Theme::Light).unwrap();
    let [left, top, width, height] = clip(&svg);
    let at = |up: f32| top + height * (1.0 - (up + 1.14) / 2.28);
    let wanted = [left, at(2_f32.log10()), width / 2.0, at(0.5_f32.log10()) - at(2_f32.log10())];
    for (side, wanted) in ["x", "y", "width", "height"].into_iter().zip(wanted) {
        let found = numbers(&svg, "rect", side);
        assert!(found.iter().any(|found| (found - wanted).abs() < 0.05), "{side}: {found:?}, {wanted}");
    }
    assert!(texts(&svg).iter().any(|text| text == "resolution"), "it is in the legend");
    let csv = to_csv(&chart);
    assert!(csv.contains("resolution,p50,1,0.5,2"), "{csv}");
}

#[test]
fn values_without_a_place_are_left_out_and_counted_below_the_chart() {
    let mut chart = tradeoff();
    let Mark::Line { data, .. } = &mut chart.marks[0] else { panic!("the first mark is a line") };
    data.push(Datum::new(0.0, 5.0));
    data.push(Datum::new(f64::NAN, 5.0));
    data.push(Datum::new(5.0, f64::INFINITY));
    let svg = chart_svg(&chart, [960.0, 600.0], Theme::Light).unwrap();
    let texts = texts(&svg);
    assert!(texts.iter().any(|t| t == "Not drawn: 2 values that are not known."), "{texts:?}");
    let none = "Not drawn: 1 value of 0 or less, which has no place on a logarithmic axis.";
    assert!(texts.iter().any(|t| t == none), "{texts:?}");
    assert!(!svg.contains("NaN"));
}

#[test]
fn the_picture_is_not_blank_and_has_the_palettes_colours() {
    for (theme, background) in [
        (Theme::Light, Background::Light),
        (Theme::Dark, Background::Dark),
        (Theme::Print, Background::Print),
    ] {
        let png = chart_png(&cost_over_time(), [900.0, 560.0], theme, 1.0).unwrap();
        let pixels = pixels(&png);
        assert_eq!(pixels.len(), 900 * 560);
        let ground = count(&pixels, palette::surface(background));
        assert!((100_000..450_000).contains(&ground), "{ground} pixels of background");
        for series in 0..6 {
            let found = count(&pixels, palette::ink(Ink::Series(series), background));
            assert!(found > 500, "series {series} on {background:?}: {found} pixels");
        }
        assert!(count(&pixels, palette::strong(background)) > 100, "the line of requests and the text");
    }
}

#[test]
fn shaded_points_have_the_colour_of_their_value() {
    let mut chart = tradeoff();
    chart.marks.retain(|mark| mark.name() == "fp32, 1 thread");
    let Mark::Line { data, .. } = &mut chart.marks[0] else { panic!("a line") };
    for (index, datum) in data.iter_mut().enumerate() {
        datum.dimmed = false;
        datum.shade = Some(index as f64 / 7.0);
    }
    let pixels = pixels(&chart_png(&chart, [700.0, 500.0], Theme::Light, 2.0).unwrap());
    for position in [0.0, 3.0 / 7.0, 1.0] {
        let found = count(&pixels, palette::shade(position, Background::Light));
        assert!(found > 60, "position {position}: {found} pixels");
    }
}

#[test]
fn the_scale_of_a_picture_multiplies_its_pixels_and_absurd_sizes_are_refused() {
    let svg = chart_svg(&ratios(), [400.0, 300.0], Theme::Light).unwrap();
    let pixmap = resvg::tiny_skia::Pixmap::decode_png(&svg_to_png(&svg, 2.5).unwrap()).unwrap();
    assert_eq!((pixmap.width(), pixmap.height()), (1_000, 750));
    assert!(matches!(svg_to_png(&svg, 1e6), Err(ExportError::Size { .. })));
    assert!(matches!(chart_svg(&ratios(), [0.0, 300.0], Theme::Light), Err(ExportError::Size { .. })));
    assert!(matches!(chart_svg(&ratios(), [f32::NAN, 300.0], Theme::Light), Err(ExportError::Size { .. })));
}

#[test]
fn an_empty_chart_and_a_tiny_one_are_pictures_too() {
    let axis = |scale| Axis::new("", "", scale);
    for scale in [Scale::Log10, Scale::Time, Scale::Linear { from_zero: true }, Scale::Categories(vec![])] {
        let chart = Chart::new("empty", "", axis(scale.clone()), axis(scale));
        chart_svg(&chart, [640.0, 400.0], Theme::Light).unwrap();
    }
    chart_svg(&tradeoff(), [60.0, 40.0], Theme::Light).unwrap();
}

#[test]
fn charts_are_exported_by_the_ending_of_the_name_and_never_over_a_file_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let chart = ratios();
    for name in ["c.svg", "c.PNG", "c.csv"] {
        export_chart(&chart, &folder.path().join(name), Overwrite::No).unwrap();
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("c.csv")).unwrap(), to_csv(&chart));
    assert_eq!(std::fs::read(folder.path().join("c.PNG")).unwrap()[..4], [0x89, b'P', b'N', b'G']);
    let svg = folder.path().join("c.svg");
    std::fs::write(&svg, "mine").unwrap();
    let error = export_chart(&chart, &svg, Overwrite::No).unwrap_err();
    assert!(error.to_string().contains("already there"), "{error}");
    assert_eq!(std::fs::read_to_string(&svg).unwrap(), "mine");
    export_chart(&chart, &svg, Overwrite::Yes).unwrap();
    assert!(std::fs::read_to_string(&svg).unwrap().contains("<svg"));
    for name in ["c.pdf", "c"] {
        let error = export_chart(&chart, &folder.path().join(name), Overwrite::No).unwrap_err();
        assert!(error.to_string().contains("end the name in .svg, .png or .csv"), "{error}");
        assert!(!folder.path().join(name).exists());
    }
}

/// A chart that clicks are answered on: what was picked and hovered last, and where the points are.
#[derive(Default)]
struct Seen {
    picked: Option<u64>,
    hovered: Option<u64>,
    places: Vec<(u64, egui::Pos2)>,
    frame: Option<egui::Rect>,
    zoomed: bool,
}

fn harness(chart: Chart) -> Harness<'static, Seen> {
    let mut harness =
        Harness::builder().with_step_dt(0.02).with_size(egui::vec2(900.0, 600.0)).build_ui_state(
            move |ui, seen: &mut Seen| {
                let response = plot::show(ui, &chart, &Options::new(560.0, Tokens::dark()));
                seen.picked = response.picked.or(seen.picked);
                seen.hovered = response.hovered;
                seen.places = response.places;
                seen.frame = Some(response.plot_rect);
                seen.zoomed = response.zoomed;
            },
            Seen::default(),
        );
    harness.run();
    harness
}

fn place(harness: &Harness<'_, Seen>, key: u64) -> egui::Pos2 {
    harness.state().places.iter().find(|(found, _)| *found == key).expect("the key is drawn").1
}

fn click(harness: &mut Harness<'_, Seen>, at: egui::Pos2) {
    harness.hover_at(at);
    harness.run();
    for pressed in [true, false] {
        harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        harness.run();
    }
}

#[test]
fn the_plot_has_a_name_and_a_description_for_screen_readers() {
    let harness = harness(tradeoff());
    let node = harness.get_by_label("Chart: Latency against throughput");
    let description = node.accesskit_node().data().description().unwrap_or_default().to_owned();
    assert!(description.contains("7 series"), "{description}");
    assert!(description.contains("Horizontal: Throughput (inferences/s), logarithmic."), "{description}");
    assert!(description.contains("student, 2 threads: 8 points, 0.520 ms to 13.2 ms."), "{description}");
}

#[test]
fn pointing_shows_the_nearest_points_own_lines_and_a_click_picks_its_key() {
    let mut harness = harness(tradeoff());
    // fp32, 1 thread, batch 8: variant 0.
    let at = place(&harness, 8);
    harness.hover_at(at + egui::vec2(5.0, -4.0));
    harness.run();
    assert_eq!(harness.state().hovered, Some(8));
    // Latency 3.1 + 2.4 × 8 = 22.30 ms, throughput 8 / 22.3 ms = 359/s.
    for text in ["22.30 ms", "359/s", "Cost per 1,000"] {
        harness.get_by_label(text);
    }
    click(&mut harness, at + egui::vec2(-3.0, 3.0));
    assert_eq!(harness.state().picked, Some(8));
    let empty = harness.state().frame.unwrap().right_bottom() - egui::vec2(20.0, 20.0);
    harness.hover_at(empty);
    harness.run();
    assert_eq!(harness.state().hovered, None);
    assert!(harness.query_by_label("22.30 ms").is_none(), "the tooltip went with the point");
}

#[test]
fn a_bar_is_picked_anywhere_on_it() {
    let mut harness = harness(ratios());
    let end = place(&harness, 1);
    click(&mut harness, end + egui::vec2(15.0, 60.0));
    assert_eq!(harness.state().picked, Some(1));
}

#[test]
fn the_legend_switches_a_series_off_and_on() {
    let mut harness = harness(tradeoff());
    let all = harness.state().places.len();
    assert_eq!(all, 48);
    harness.get_by_label("Show int8, 1 thread").click();
    harness.run();
    assert_eq!(harness.state().places.len(), 40);
    harness.get_by_label("Show int8, 1 thread").click();
    harness.run();
    assert_eq!(harness.state().places.len(), all);
}

#[test]
fn dragging_moves_the_view_and_a_double_click_brings_everything_back() {
    let mut harness = harness(tradeoff());
    let before = place(&harness, 8);
    let start = harness.state().frame.unwrap().right_bottom() - egui::vec2(60.0, 60.0);
    harness.drag_at(start);
    harness.run();
    harness.hover_at(start - egui::vec2(120.0, 0.0));
    harness.run();
    harness.drop_at(start - egui::vec2(120.0, 0.0));
    harness.run();
    assert!(harness.state().zoomed);
    let moved = place(&harness, 8);
    assert!((moved.x - (before.x - 120.0)).abs() < 1.5, "{before:?} {moved:?}");
    let at = harness.state().frame.unwrap().left_bottom() + egui::vec2(30.0, -30.0);
    harness.hover_at(at);
    harness.run();
    for pressed in [true, false, true, false] {
        harness.event(egui::Event::PointerButton {
            pos: at,
            button: egui::PointerButton::Primary,
            pressed,
            modifiers: egui::Modifiers::NONE,
        });
        harness.step();
    }
    harness.run();
    assert!(!harness.state().zoomed);
    let back = place(&harness, 8);
    assert!((back - before).length() < 1.5, "{before:?} {back:?}");
}

#[test]
fn the_arrow_keys_walk_over_the_points_and_enter_picks_one() {
    let mut harness = harness(tradeoff());
    harness.get_by_label("Chart: Latency against throughput").focus();
    harness.run();
    harness.key_press(egui::Key::ArrowRight);
    harness.run();
    // The leftmost point: fp32, 1 thread, batch 1.
    assert_eq!(harness.state().hovered, Some(1));
    harness.key_press(egui::Key::Enter);
    harness.run();
    assert_eq!(harness.state().picked, Some(1));
}

#[test]
fn the_signs_that_charts_write_are_in_the_fonts() {
    // egui_kittest panics where a letter has no glyph.
    let mut chart = ratios();
    chart.title = "− × ÷ ± µ – — … ≤ ≥ ≈ · € £ $ % ° ² Δ".into();
    let Mark::Bars { data, .. } = &mut chart.marks[0] else { panic!("the first mark is bars") };
    data[0].y = -1.5;
    chart.y.unit = "USD".into();
    let harness = harness(chart);
    harness.get_by_label("Chart: − × ÷ ± µ – — … ≤ ≥ ≈ · € £ $ % ° ² Δ");
}

fn hostile() -> Document {
    let bad = "</script><script>alert('x')</script> & \"quoted\"".to_owned();
    let mut chart = ratios();
    chart.title.clone_from(&bad);
    chart.notes = vec![bad.clone()];
    chart.x.scale = Scale::Categories(vec![bad.clone(); 6]);
    Document {
        title: bad.clone(),
        subtitle: bad.clone(),
        generated: bad.clone(),
        blocks: vec![
            Block::Heading(bad.clone()),
            Block::Heading("Second".into()),
            Block::Heading("Third".into()),
            Block::Subheading(bad.clone()),
            Block::Paragraph(bad.clone()),
            Block::Callout(bad.clone()),
            Block::Warning(bad.clone()),
            Block::Figure { chart: Box::new(chart), caption: bad.clone() },
            Block::Table {
                head: vec![bad.clone(), "ms".into()],
                rows: vec![vec![bad.clone(), "1.5".into()]],
                align: vec![Align::Left, Align::Right],
                caption: bad.clone(),
            },
            Block::KeyValues(vec![(bad.clone(), bad.clone())]),
            Block::List(vec![bad]),
        ],
    }
}

#[test]
fn names_with_markup_stay_text_in_the_report() {
    let page = html(&hostile()).unwrap();
    assert!(!page.contains("<script") && !page.contains("alert('x')"), "markup got through");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;quoted&quot;"));
    // Nothing is fetched: the only addresses are the SVG name space.
    let addresses: Vec<&str> = page.split("http").skip(1).collect();
    assert!(addresses.iter().all(|rest| rest.starts_with("://www.w3.org/2000/svg")), "{addresses:?}");
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url(h"));
    assert_eq!(page.matches("url(data:font/ttf;base64,").count(), 1, "the figures' own face, once");
}

#[test]
fn a_report_is_balanced_and_its_figures_are_inline_for_both_colour_schemes() {
    let page = html(&hostile()).unwrap();
    for element in
        ["html", "head", "body", "main", "figure", "svg", "table", "thead", "tbody", "nav", "dl", "ul"]
    {
        let (open, close) = (format!("<{element}"), format!("</{element}>"));
        let opened = page
            .match_indices(&open)
            .filter(|(at, _)| page[at + open.len()..].starts_with([' ', '>']))
            .count();
        assert_eq!(opened, page.matches(&close).count(), "<{element}>");
        assert!(opened > 0, "<{element}> is missing");
    }
    assert_eq!(page.matches("<svg ").count(), 2);
    assert!(page.contains("prefers-color-scheme: dark") && page.contains("@media print"));
    // Ids are unique, or one figure would be clipped by another's frame.
    let mut ids: Vec<&str> =
        page.split(" id=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
    for svg in page.split("<svg ").skip(1) {
        let svg = format!("<svg {}</svg>", svg.split_once("</svg>").unwrap().0);
        usvg::Tree::from_str(&svg, &usvg::Options::default()).unwrap();
    }
}
