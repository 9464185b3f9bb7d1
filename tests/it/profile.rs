//! Where time goes, from end to end: real workers under ONNX Runtime's profiler, and this machine's roof.

use std::path::{Path, PathBuf};

use inferometer::app::{App, Command, Folders, Measure, Options, Profiling};
use inferometer::hardware::Fingerprint;
use inferometer::measure::breakdown::{self, Ask, Breakdown};
use inferometer::measure::cancel::Cancel;
use inferometer::measure::install::{self, Flavour};
use inferometer::measure::launcher::{Launcher, WorkerError};
use inferometer::measure::protocol::{Event, Request, RoofSpec};
use inferometer::measure::roof::gemm;
use inferometer::measure::runtime::{self, Found, Search};
use inferometer::measure::sweep::Tools;
use inferometer::measure::{Config, Optimisation};
use inferometer::model::ElementType;

use crate::cli;
use crate::measure::{pythons, runtimes, runtimes_folder};

fn launcher() -> Launcher {
    Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()])
}

fn config(batch: u64, provider: &str) -> Config {
    Config { batch, provider: provider.to_owned(), seconds: 0.1, seed: 3, ..Config::default() }
}

fn profile(model: PathBuf, config: Config, runtimes: &[Found]) -> Result<Breakdown, WorkerError> {
    let launcher = launcher();
    let tools = Tools { launcher: &launcher, runtimes };
    let ask = Ask { model, config, shapes: None, seconds: 0.1 };
    breakdown::run(&ask, tools, &Fingerprint::default(), &Cancel::new(), &mut |_, _| ())
}

/// Operations of all runs ÷ runs, of one operator type.
fn flops_a_run(breakdown: &Breakdown, op_type: &str) -> u64 {
    let profile = &breakdown.profile;
    let ops = profile.by_op.iter().filter(|op| op.op_type == op_type);
    ops.map(|op| op.flops.unwrap()).sum::<u64>() / profile.runs
}

#[test]
fn every_node_of_a_model_is_timed_placed_and_said_to_have_run_on_the_cpu() {
    let breakdown = profile(cli::sample("models/digits-cnn.onnx"), config(2, "CPU"), runtimes()).unwrap();
    let profile = &breakdown.profile;
    assert!(profile.runs >= 3 && profile.skipped_runs >= 2, "{} {}", profile.runs, profile.skipped_runs);
    assert_eq!(profile.model_run_nanos.len() as u64, profile.runs);
    assert_eq!(breakdown.input_shapes["images"], [2, 1, 32, 32]);
    // One thread: nodes run one after another, inside the runs. A tick of the profiler's clock is 1 µs, and each node's
    // time is rounded down to it.
    assert!(profile.kernel_nanos() <= profile.model_run_nanos.iter().sum());
    for node in &profile.nodes {
        assert_eq!((node.provider.as_str(), node.calls), ("CPUExecutionProvider", profile.runs), "{node:?}");
    }
    let convolutions = profile.nodes.iter().filter(|node| node.op_type.ends_with("Conv"));
    assert_eq!(convolutions.count(), 6);
    // sample-data/make/network.py: six 3 × 3 convolutions of 1-32-32-64-128-256-256 channels on 32, 16, 16, 8, 4, 4
    // pixels a side: 26,247,168 multiply-adds, then a bias and a ReLU on each of 73,728 outputs; a product with a
    // 256 × 10 matrix and a bias. Two images.
    assert_eq!(flops_a_run(&breakdown, "Conv"), 2 * (2 * 26_247_168 + 2 * 73_728));
    assert_eq!(flops_a_run(&breakdown, "Gemm"), 2 * (2 * 256 * 10 + 10));
    assert_eq!(breakdown.costs.unknown, 0, "{:?}", breakdown.costs);

    let [roof] = &breakdown.roofs[..] else { panic!("{:?}", breakdown.roofs) };
    assert_eq!((roof.precision.as_str(), roof.threads, roof.provider.as_str()), ("float32", 1, "CPU"));
    // Nothing that runs this test computes slower than a pocket calculator or faster than a GPU.
    assert!((1e8..1e14).contains(&roof.flops_per_second), "{roof:?}");
    assert!((1e7..1e13).contains(&roof.bytes_per_second), "{roof:?}");
    let whole = breakdown.whole().unwrap();
    let flops = flops_a_run(&breakdown, "Conv") as f64;
    let reached = whole.flops_per_second.unwrap();
    let mean_secs = profile.mean_run_nanos().unwrap() * 1e-9;
    // All but the convolutions is under 2 % of the operations.
    assert!((1.0..1.02).contains(&(reached * mean_secs / flops)), "{reached} {mean_secs}");
    assert_eq!(whole.share_of_compute_roof, Some(reached / roof.flops_per_second));
    let fallbacks = breakdown.fallbacks();
    assert_eq!((fallbacks.count, fallbacks.all_nodes), (0, profile.nodes.len() as u64));
    assert!(breakdown.takes_most().starts_with("Conv takes "), "{}", breakdown.takes_most());
    assert!(breakdown.plain_nanos.unwrap() > 0);
    assert_eq!(breakdown.runtime_version, "1.31.1");
    // It is kept in projects as JSON.
    let kept: Breakdown = serde_json::from_str(&serde_json::to_string(&breakdown).unwrap()).unwrap();
    assert_eq!((kept.profile.nodes.len(), kept.whole().is_some()), (profile.nodes.len(), true));
}

#[test]
fn quantized_nodes_stand_under_the_roof_of_int8_products() {
    let breakdown =
        profile(cli::sample("models/digits-cnn-int8.onnx"), config(1, "CPU"), runtimes()).unwrap();
    let precisions: Vec<&str> = breakdown.roofs.iter().map(|roof| roof.precision.as_str()).collect();
    assert_eq!(precisions, ["float32", "int8"], "{:?}", breakdown.warnings);
    let quantized = breakdown.profile.nodes.iter().find(|node| node.op_type == "QLinearConv").unwrap();
    assert_eq!(breakdown.roof_of(quantized).unwrap().precision, "int8");
    assert!(breakdown.bound().contains("int8 products reach here"), "{}", breakdown.bound());
}

#[test]
fn the_roof_counts_the_operations_of_the_products_and_leaves_out_what_it_cannot_run() {
    let mut worker = launcher().start(&Cancel::new()).unwrap();
    let probe = RoofSpec {
        runtime: runtimes()[0].path.clone(),
        provider: "CPU".to_owned(),
        threads: 1,
        optimisation: Optimisation::All,
        elements: vec![ElementType::Bool, ElementType::Float32],
        seconds: 0.2,
    };
    let second = std::time::Duration::from_secs(1);
    let answer =
        worker.ask(&Request::Roof { probe }, second, &Cancel::new(), &mut |_| (), &mut || ()).unwrap();
    let Event::Roofed { roofs, problems } = answer else { panic!("{answer:?}") };
    assert_eq!((roofs.len(), problems.len()), (1, 1), "{problems:?}");
    assert!(problems[0].starts_with("bool products could not be run"), "{problems:?}");
    // The sentence names the side of the best; no run of it was shorter than its operations at the roof's speed.
    let side = gemm::SIDES.iter().find(|side| roofs[0].how.contains(&format!("at side {side};"))).unwrap();
    let seconds = gemm::gemm_flops(*side).unwrap() as f64 / roofs[0].flops_per_second;
    assert!((1e-7..60.0).contains(&seconds), "{roofs:?}");
}

#[test]
fn what_cannot_be_profiled_is_said() {
    let missing = profile(PathBuf::from("/nonexistent/m.onnx"), config(1, "CPU"), runtimes()).unwrap_err();
    assert!(missing.to_string().contains("/nonexistent/m.onnx"), "{missing}");
    let model = cli::sample("models/digits-student.onnx");
    let provider = profile(model.clone(), config(1, "CUDA"), runtimes()).unwrap_err();
    assert!(provider.to_string().contains("has the execution provider CUDA"), "{provider}");
    let launcher = launcher();
    let tools = Tools { launcher: &launcher, runtimes: runtimes() };
    let cancel = Cancel::new();
    cancel.cancel();
    let ask = Ask { model, config: config(1, "CPU"), shapes: None, seconds: 0.1 };
    let stopped = breakdown::run(&ask, tools, &Fingerprint::default(), &cancel, &mut |_, _| ());
    assert!(matches!(stopped, Err(WorkerError::Cancelled)), "{stopped:?}");
    let never = Ask { seconds: f64::NAN, ..ask };
    let error = breakdown::run(&never, tools, &Fingerprint::default(), &Cancel::new(), &mut |_, _| ());
    assert!(error.unwrap_err().to_string().contains("cannot be profiled"));
}

#[test]
fn a_profile_is_kept_in_the_project_and_nothing_is_measured_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let options = Options {
            folders: Folders::below(folder.path()),
            runtime: Some(runtimes()[0].path.clone()),
            offline: true,
            launcher: launcher(),
        };
        let mut app = App::new(options).unwrap();
        app.handle(Command::OpenProject(folder.path().join("p.inferometer"))).unwrap();
        app
    };
    let mut app = open();
    let job =
        app.handle(Command::OpenFiles(vec![cli::sample("models/digits-student.onnx")])).unwrap().unwrap();
    app.wait(job, |_| ());
    let model = app.state().models[0].model.sha256.clone();
    // Sizes and the provider's spelling as somebody may type them.
    let config = Config { provider: "cpu".to_owned(), ..config(2, "CPU") };
    let asked =
        Profiling { model: model.clone(), config: config.clone(), shapes: None, seconds: 0.1, target: None };
    let job = app.handle(Command::Profile(Box::new(asked.clone()))).unwrap().unwrap();
    for other in [
        Command::Profile(Box::new(asked.clone())),
        Command::Measure(Box::new(Measure { models: vec![model.clone()], ..Measure::default() })),
        Command::Agree(model.clone(), model.clone()),
    ] {
        let problem = app.handle(other).unwrap_err().to_string();
        assert!(problem.contains("is being profiled"), "{problem}");
    }
    assert_eq!(app.wait(job, |_| ()), inferometer::app::jobs::End::Done);
    // Profiling the same again takes the place of the first.
    let job = app.handle(Command::Profile(Box::new(asked))).unwrap().unwrap();
    app.wait(job, |_| ());
    assert_eq!(app.state().breakdowns.len(), 1);
    // These workers are started by a command, as those of another machine are.
    let here = app.options().launcher.target().to_owned();
    let kept = app.state().breakdown(&model, &Config { provider: "CPU".to_owned(), ..config }, &here);
    let kept = kept.unwrap().clone();
    drop(app);
    let app = open();
    let again = app.state().breakdowns.values().next().unwrap();
    assert_eq!(again.profile.model_run_nanos, kept.profile.model_run_nanos);
    assert_eq!((again.profile.nodes.len(), again.roofs.len()), (kept.profile.nodes.len(), kept.roofs.len()));
}

/// The pinned `OpenVINO` runtime, in a folder of its own so that no other test takes it for the CPU's.
pub(crate) fn openvino() -> Vec<Found> {
    let folder = runtimes_folder().join("openvino");
    install::install(Flavour::OpenVino, &folder, &pythons(), &Cancel::new(), &mut |_| ()).unwrap();
    let search = Search { data_folder: Some(folder), ..Search::default() };
    let provider = ["OpenVINO".to_owned()];
    runtime::ensure(&search, &launcher(), &provider, true, &Cancel::new(), &mut |_| ()).unwrap()
}

#[test]
fn openvino_is_proven_to_have_run_the_model() {
    let breakdown =
        profile(cli::sample("models/digits-cnn.onnx"), config(1, "OpenVINO"), &openvino()).unwrap();
    let fallbacks = breakdown.fallbacks();
    assert_eq!((fallbacks.asked.as_str(), fallbacks.count), ("OpenVINO", 0), "{fallbacks:?}");
    assert!(fallbacks.compiled >= 1, "{fallbacks:?}");
    assert!(fallbacks.sentence.contains("does not show what is inside"), "{}", fallbacks.sentence);
    assert!(breakdown.profile.nodes.iter().all(|node| node.provider == "OpenVINOExecutionProvider"));
    assert_eq!(breakdown.roofs[0].provider, "OpenVINO");
    // One compiled node does the work of the whole model.
    assert!(breakdown.whole().unwrap().flops_per_second.unwrap() > 0.0);
}

#[test]
fn the_command_line_tells_everything_as_json_and_the_essentials_as_text() {
    let model = cli::sample("models/digits-student.onnx");
    let arguments = ["profile", "--seconds", "0.1", "--batch", "3", "--json"];
    let document = cli::json(&arguments, &[&model]);
    let nodes = document["nodes"].as_array().unwrap();
    assert!(nodes.iter().all(|node| node["provider"] == "CPU" && node["as_asked"] == true));
    let shares: f64 = nodes.iter().map(|node| node["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    let shares: f64 =
        document["operators"].as_array().unwrap().iter().map(|op| op["share"].as_f64().unwrap()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "{shares}");
    assert_eq!(document["fallbacks"]["count"], 0);
    assert_eq!(document["input_shapes"]["images"], serde_json::json!([3, 1, 32, 32]));
    assert!(document["roofs"][0]["flops_per_second"].as_f64().unwrap() > 1e8);
    assert!(document["whole"]["bound_by"].is_string());

    let text = cli::text(&["profile", "--seconds", "0.1", "--most", "2"], &[&model]);
    assert!(text.contains("ran on the CPU, as asked"), "{text}");
    assert!(text.contains("more nodes; --all prints them"), "{text}");
    let problem = cli::failure(&["profile", "--dim", "batch=1,2"], &[&model]);
    assert!(problem.contains("one size"), "{problem}");
    let problem = cli::failure(&["profile", "--threads", "0"], &[&model]);
    assert!(problem.contains("give a whole number from 1"), "{problem}");
    let problem = cli::failure(&["profile"], &[Path::new("/nonexistent/m.onnx")]);
    assert!(problem.contains("/nonexistent/m.onnx"), "{problem}");
}
