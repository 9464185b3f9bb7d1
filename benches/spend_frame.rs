//! CPU time of one frame of the Spend part of the page Bills, over a bill of a million rows whose answers are there: the
//! ui code, what assistive technology is told, and the tessellation, in the real window without a screen or a GPU.
//!
//! `cargo bench --bench spend_frame`. The target is one frame of a 60 Hz screen, 16.7 ms, for every frame after the first
//! query. `ROWS` (1,000,000) and `FRAMES` (300) may be set. The bill is made up: 90 days of hours, forty services,
//! 200,000 resources, tags.
//!
//! Two numbers for each view: frames in which the user moves about, and the frames from a change of what is asked
//! until it is answered and drawn, the one in which the answer arrives among them.
#![allow(clippy::print_stdout, reason = "a benchmark prints its result")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails stops")]

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, TouchPhase, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::{App, Command, Folders, Options, Scenario, Settings};
use inferometer::bill::Filter;
use inferometer::measure::launcher::Launcher;
use inferometer::ui::shell::{NoDialog, Window};

const HEADER: &str = "BillingAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargeDescription,\
    ChargeFrequency,ChargePeriodStart,ChargePeriodEnd,BilledCost,EffectiveCost,ListCost,ContractedCost,PricingCategory,\
    PricingQuantity,PricingUnit,SkuId,ProviderName,PublisherName,InvoiceIssuerName,ServiceCategory,ServiceName,\
    SubAccountId,RegionId,ResourceId,Tags";
const DAYS: usize = 90;
const SERVICES: usize = 40;
const RESOURCES: usize = 200_000;

type Change = fn(&mut Scenario);

/// A window over the bill, which the store knows already but for the first time.
fn window(folder: &Path, bill: &Path, rows: u64, change: Change) -> Harness<'static, Window> {
    let options = Options {
        folders: Folders::below(folder),
        runtime: None,
        offline: true,
        launcher: Launcher::command(vec!["false".to_owned()]),
    };
    let mut app = App::new(options).unwrap();
    app.handle(Command::NewProject).unwrap();
    app.handle(Command::OpenFiles(vec![bill.to_owned()])).unwrap();
    while app.jobs().iter().any(|job| job.end.is_none()) {
        app.poll();
        std::thread::sleep(Duration::from_millis(5));
    }
    app.poll();
    assert_eq!(app.state().bills.iter().map(|bill| bill.rows).sum::<u64>(), rows);
    let mut scenario = app.state().scenario.clone();
    change(&mut scenario);
    app.handle(Command::SetScenario(Box::new(scenario))).unwrap();
    let mut harness =
        Harness::builder().with_size([1280.0, 800.0]).with_max_steps(200).build_eframe(|creation| {
            Window::new(&creation.egui_ctx, app, Ok(Settings::default()), Box::new(NoDialog))
        });
    rest(&mut harness);
    harness
}

fn main() {
    let setting = |name: &str, default: usize| {
        std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
    };
    let (rows, frames) = (setting("ROWS", 1_000_000), setting("FRAMES", 300));
    let folder = tempfile::tempdir().unwrap();
    let bill = folder.path().join("bill.csv");
    write(&bill, rows);
    println!(
        "{:<40} {:>9} {:>9} {:>9}   {:>9} {:>9}",
        "view", "median ms", "p99 ms", "most ms", "asked ms", "worst ms"
    );
    let by_resource: Change = |scenario| scenario.group_by = "ResourceId".to_owned();
    let filtered: Change = |scenario| scenario.filters = vec![Filter::is("RegionId", ["region-3"])];
    let views: [(&str, &str, Change); 6] = [
        ("groups by service", "Groups", |_| ()),
        ("groups by resource, 200,000 lines", "Groups", by_resource),
        ("rows", "Rows", |_| ()),
        ("rows of a filter", "Rows", filtered),
        ("two months compared by service", "Compare", |_| ()),
        ("two months compared by resource", "Compare", by_resource),
    ];
    for (name, detail, change) in views {
        let mut harness = window(folder.path(), &bill, rows as u64, change);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::Num6);
        rest(&mut harness);
        // What was just read is shown among the files; the page in the bar on the left may have the same name.
        let begin = Instant::now();
        harness.get_by_label("Spend").click_accesskit();
        let mut worst = rest(&mut harness);
        harness.get_all_by_label(detail).last().unwrap().click_accesskit();
        worst = worst.max(rest(&mut harness));
        let asked = begin.elapsed();
        let mut times: Vec<Duration> = (0..frames).map(|place| frame(&mut harness, moves(place))).collect();
        times.sort();
        let at = |part: f64| times[((times.len() - 1) as f64 * part).round() as usize].as_secs_f64() * 1e3;
        println!(
            "{name:<40} {:>9.2} {:>9.2} {:>9.2}   {:>9.0} {:>9.2}",
            at(0.5),
            at(0.99),
            at(1.0),
            asked.as_secs_f64() * 1e3,
            worst.as_secs_f64() * 1e3
        );
    }
}

/// What a hand does: the pointer goes over the chart and the table, the wheel turns.
fn moves(place: usize) -> Vec<Event> {
    let at = pos2(300.0 + (place * 7 % 800) as f32, 300.0 + (place * 13 % 450) as f32);
    let wheel = Event::MouseWheel {
        unit: MouseWheelUnit::Line,
        delta: vec2(0.0, if place % 50 < 40 { -3.0 } else { 9.0 }),
        phase: TouchPhase::Move,
        source: MouseWheelSource::Wheel,
        modifiers: Modifiers::NONE,
    };
    if place % 3 == 0 { vec![Event::PointerMoved(at), wheel] } else { vec![Event::PointerMoved(at)] }
}

/// One frame, its shapes made into triangles.
fn frame(harness: &mut Harness<'_, Window>, events: Vec<Event>) -> Duration {
    harness.input_mut().events.extend(events);
    let begin = Instant::now();
    harness.step();
    let scale = harness.output().pixels_per_point;
    let shapes = harness.output().shapes.clone();
    std::hint::black_box(harness.ctx.tessellate(shapes, scale));
    begin.elapsed()
}

/// Draws frames until everything asked is answered and drawn; the time of the longest.
fn rest(harness: &mut Harness<'_, Window>) -> Duration {
    let (mut quiet, mut longest) = (0, Duration::ZERO);
    while quiet < 20 {
        longest = longest.max(frame(harness, Vec::new()));
        let busy = harness.state().app().jobs().iter().any(|job| job.end.is_none());
        quiet = if busy { 0 } else { quiet + 1 };
        if busy {
            // A screen shows no more than this many either, and the answer needs the processor.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    longest
}

/// The bill. Costs are whole numbers of hundredths that do not repeat in step with anything else.
fn write(path: &Path, rows: usize) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    writeln!(out, "{HEADER}").unwrap();
    for row in 0..rows {
        let hour = row * DAYS * 24 / rows;
        let (day, of_day) = (hour / 24, hour % 24);
        let (month, of_month) = match day {
            0..31 => (1, day + 1),
            31..59 => (2, day - 30),
            _ => (3, day - 58),
        };
        let start = format!("2026-{month:02}-{of_month:02}T{of_day:02}:00:00Z");
        let end = format!("2026-{month:02}-{of_month:02}T{of_day:02}:59:59Z");
        let next = month + 1;
        let resource = row * 7_919 % RESOURCES;
        let service = resource % SERVICES;
        let cost = 1 + row * 31 % 977;
        writeln!(
            out,
            "acct,USD,2026-{month:02}-01T00:00:00Z,2026-{next:02}-01T00:00:00Z,Usage,Meter {meter},Usage-Based,{start},{end},\
             0.{cost:04},0.{cost:04},0.{cost:04},0.{cost:04},Standard,{quantity},Hours,sku-{meter},AWS,AWS,AWS,Compute,\
             Service {service},team-{team},region-{region},arn:resource/{resource:06},\"{{\"\"team\"\":\"\"t{team}\"\"}}\"",
            meter = service * 5 + row % 5,
            quantity = 1 + row % 24,
            team = resource % 25,
            region = resource % 11,
        )
        .unwrap();
    }
}
