//! The card "Where time goes" of the page Measure, over a profile given as a value.

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::project::Project;
use inferometer::app::{Command, Folders, Theme};
use inferometer::measure::breakdown::{self, Breakdown};
use inferometer::measure::profile::cost::attach_costs;
use inferometer::measure::profile::{NodeTime, Profile, TensorShape};
use inferometer::measure::roof::Roof;
use inferometer::measure::{Point, Summary};

use super::harness::{Desk, app_in, desk, settle};
use super::pages::{copied, copy, point, sample};

fn node(name: &str, op_type: &str, provider: &str, micros: u64) -> NodeTime {
    NodeTime {
        name: name.to_owned(),
        op_type: op_type.to_owned(),
        provider: format!("{provider}ExecutionProvider"),
        calls: 10,
        total_nanos: micros * 1_000,
        self_nanos: micros * 1_000,
        ..NodeTime::default()
    }
}

fn tensor(dims: &[i64]) -> TensorShape {
    TensorShape { element: "float".to_owned(), dims: dims.to_vec() }
}

/// Ten runs of 120 µs on CUDA: a convolution (80 µs), a product (8 µs) and a node that fell back (12 µs).
fn breakdown(point: &Point) -> Breakdown {
    let mut nodes = vec![
        node("stem", "Conv", "CUDA", 800),
        node("boxes", "TopK", "CPU", 120),
        node("head", "MatMul", "CUDA", 80),
    ];
    // 2·16·64·27 = 55,296 and 2·64·64·64 = 524,288 operations.
    nodes[0].inputs = vec![tensor(&[1, 3, 8, 8]), tensor(&[16, 3, 3, 3])];
    nodes[0].outputs = vec![tensor(&[1, 16, 8, 8])];
    nodes[2].inputs = vec![tensor(&[64, 64]), tensor(&[64, 64])];
    nodes[2].outputs = vec![tensor(&[64, 64])];
    for node in &mut nodes {
        (node.activation_bytes, node.parameter_bytes, node.output_bytes) =
            (Some(768), Some(1_728), Some(4_096));
    }
    let mut profile = Profile {
        runs: 10,
        model_run_nanos: vec![120_000; 10],
        overhead_nanos: Some(200_000),
        nodes,
        ..Profile::default()
    };
    let costs = attach_costs(&mut profile, &[]);
    Breakdown {
        model: point.model.clone(),
        model_sha256: point.model_sha256.clone(),
        config: point.config.clone(),
        input_shapes: point.input_shapes.clone(),
        profile,
        costs,
        precision: breakdown::Precision::Float32,
        roofs: vec![Roof {
            flops_per_second: 1e11,
            bytes_per_second: 1e10,
            threads: 1,
            provider: "CUDA".to_owned(),
            precision: "float32".to_owned(),
            how: "a value of the test".to_owned(),
        }],
        plain_nanos: Some(100_000),
        warnings: Vec::new(),
        runtime_version: "1.31.1".to_owned(),
        fingerprint: point.fingerprint.clone(),
        target: String::new(),
        started_unix_secs: 1_780_000_000,
    }
}

/// The page Measure with a profiled measurement that asked for CUDA, which is `chosen`, or another one is.
fn profiled(chosen: bool) -> Desk {
    let home = tempfile::tempdir().unwrap();
    copy(sample(), home.path());
    let path = Folders::below(home.path()).sample().join("sample.inferometer");
    let mut asked = {
        let mut app = app_in(home.path());
        app.handle(Command::OpenSample).unwrap();
        settle(&mut app);
        point(&app, 0, 1, 1, 0.12)
    };
    "CUDA".clone_into(&mut asked.config.provider);
    let mut project = Project::open(&path).unwrap();
    let id = project.add_point(&asked, &Summary::of(&asked)).unwrap();
    let kept = breakdown(&asked);
    project
        .put("breakdown", &format!("{} {}", kept.model_sha256, breakdown::key(&kept.config, "")), 0, &kept)
        .unwrap();
    project.put("chosen", "now", 0, &Some(if chosen { id } else { id - 1 })).unwrap();
    drop(project);
    let mut app = app_in(home.path());
    app.handle(Command::OpenSample).unwrap();
    settle(&mut app);
    let mut desk = desk(home, app, Theme::Dark);
    desk.ctrl(Key::Num3);
    desk.rest();
    desk
}

#[test]
fn the_card_says_what_takes_the_time_and_what_fell_back() {
    let mut open = profiled(true);
    assert!(open.says("Conv takes 80 % of the time of all nodes, TopK 12 % and MatMul 8.0 %; 17 % of a run is outside nodes."));
    assert!(open.says("1 of 3 nodes (TopK) ran on the CPU, 12 % of the time."));
    // 0.12 ms against 0.1 ms.
    assert!(
        open.says("A run took 120 µs under the profiler, 20 % longer than without the profiler (100 µs)")
    );
    open.harness.get_by_label("Sort by Share").scroll_to_me();
    open.harness.run();
    assert!(open.says("Operator TopK, Provider CPU fell back, Nodes 1, Time a run 12.0 µs"));
    assert!(
        open.says(
            "Operator Conv, Provider CUDA, Nodes 1, Time a run 80.0 µs, Share 80 %, FLOP/s 691 MFLOP/s"
        )
    );
    assert!(open.says("Chart: Operators below this machine's roof"));
    // Bars of the flame: the run, three types, their nodes, and the rest of the run.
    assert!(open.says("Conv: 80.0 µs") && open.says("outside nodes: 20.0 µs"));

    open.harness.get_by_label("By node, in order").scroll_to_me();
    open.harness.run();
    open.press("By node, in order");
    assert!(open.says("Node boxes, Operator TopK, Provider CPU fell back"));
    assert!(open.says("Chart: Nodes below this machine's roof"));
    // A click on a bar looks closer, and back.
    open.press("head: 8.00 µs");
    assert!(open.says("head: 8.00 µs") && !open.says("stem: 80.0 µs"));
    open.press("Show the whole run");
    assert!(open.says("stem: 80.0 µs"));

    let csv = copied(&mut open, "Copy as CSV");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    assert!(csv.contains("boxes,TopK,CPU,false,10,120000,"), "{csv}");
}

#[test]
fn a_measurement_without_a_profile_offers_one() {
    let open = profiled(false);
    assert!(open.says("Profile this configuration"));
    assert!(open.says("Which operators and nodes take the time"));
    assert!(!open.says("Flame bars"));
}

#[test]
fn the_palette_profiles_the_chosen_configuration_and_exports_the_roofline() {
    let mut open = profiled(true);
    open.ctrl(Key::K);
    open.type_text("export roof");
    open.key(Key::Enter);
    assert!(open.says("Export “Operators below this machine's roof”"), "it asks where to");
    open.key(Key::Escape);

    open.ctrl(Key::Num5);
    open.ctrl(Key::K);
    open.type_text("profile the");
    open.harness.key_press(Key::Enter);
    let profiles = |window: &inferometer::ui::shell::Window| {
        window.app().jobs().iter().any(|job| job.title.starts_with("Profile digits-cnn.onnx"))
    };
    open.until("the chosen configuration is profiled", profiles);
    assert_eq!(open.harness.state().page(), inferometer::ui::view::Page::Measure);
}

#[test]
fn without_a_profile_the_palette_says_why_nothing_can_be_exported() {
    let mut open = super::harness::empty(Theme::Light);
    open.ctrl(Key::K);
    open.type_text("roofline");
    assert!(open.says("Export roofline chart…"));
    open.key(Key::Enter);
    assert!(open.says("Export roofline chart…"), "a hindered command leaves the palette open");
}
