//! The command line, as scripts see it: documents, exit codes, messages.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

/// A file of the sample data.
pub fn sample(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data").join(name);
    assert!(path.exists(), "the sample data lacks {}", path.display());
    path
}

/// The program with a home of its own for this run of the tests and the ONNX Runtime that tests share.
pub fn command(arguments: &[&str]) -> Command {
    static HOME: OnceLock<tempfile::TempDir> = OnceLock::new();
    let home = HOME.get_or_init(|| tempfile::tempdir().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_inferometer"));
    command
        .args(arguments)
        .env("INFEROMETER_HOME", home.path())
        .env("ORT_DYLIB_PATH", &crate::measure::runtimes()[0].path);
    command
}

fn run<S: AsRef<OsStr>>(first: &[&str], rest: &[S]) -> Output {
    command(first).args(rest).output().unwrap()
}

/// Whether a command did what was asked. A measurement on a busy machine may be declared not valid, which ends with 1
/// and prints everything all the same.
pub fn is_done(output: &Output) -> bool {
    let said = String::from_utf8_lossy(&output.stderr);
    output.status.success() || (output.status.code() == Some(1) && said.contains("not valid; the reasons"))
}

/// Runs a command that must succeed and gives its one JSON document.
pub fn json<S: AsRef<OsStr>>(first: &[&str], rest: &[S]) -> Value {
    let output = run(first, rest);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(is_done(&output), "{first:?} failed: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{first:?} did not print one JSON document: {error}; stderr: {stderr}")
    })
}

/// Runs a command that must succeed and gives what it prints.
pub fn text<S: AsRef<OsStr>>(first: &[&str], rest: &[S]) -> String {
    let output = run(first, rest);
    assert!(output.status.success(), "{first:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must fail and gives what it says.
pub fn failure<S: AsRef<OsStr>>(first: &[&str], rest: &[S]) -> String {
    let output = run(first, rest);
    assert!(!output.status.success(), "{first:?} succeeded: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn utf8(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn numbers() -> Value {
    serde_json::from_slice(&std::fs::read(sample("numbers.json")).unwrap()).unwrap()
}

#[test]
fn inspect_tells_what_the_file_holds() {
    let document = json(&["inspect", "--json"], &[sample("models/digits-cnn.onnx")]);
    assert_eq!(document["inputs"][0]["name"], "images");
    assert_eq!(document["inputs"][0]["type"], "float32");
    assert_eq!(document["inputs"][0]["shape"], serde_json::json!(["batch", 1, 32, 32]));
    assert!(document["operators"]["Conv"].as_u64().unwrap() >= 3);
    assert!(document["opset"].as_u64().unwrap() >= 13);
    assert!(document["flops"].as_u64().unwrap() > 1_000_000);
    assert!(document["parameters"].as_u64().unwrap() >= 500_000);
    assert!(document["weight_bytes"].as_u64().unwrap() >= 4 * 500_000);
    assert!(document["outputs"].as_array().is_some_and(|outputs| outputs.len() == 1));
}

#[test]
fn bench_measures_and_keeps_the_points_in_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let arguments = [
        "bench",
        "--json",
        "--batch",
        "1,2",
        "--threads",
        "1",
        "--seconds",
        "0.2",
        "--runs",
        "2",
        "--project",
    ];
    let document = json(&arguments, &[&project, &sample("models/digits-student.onnx")]);
    let points = document["points"].as_array().unwrap();
    assert_eq!(points.len(), 2);
    for point in points {
        for key in ["p50", "p90", "p95", "p99"] {
            assert!(point["latency_ms"][key].as_f64().unwrap() > 0.0, "{key}");
        }
        assert_eq!(point["model"], "digits-student.onnx");
        assert_eq!(point["provider"], "CPU");
        for key in ["throughput_per_second", "load_ms", "first_inference_ms", "peak_memory_bytes", "samples"]
        {
            assert!(point[key].as_f64().unwrap() > 0.0, "{key}");
        }
    }
    // A second process finds them, and measures nothing again to plan with them.
    let plan = json(&["plan", "--json", "--rps", "50", "--p99-ms", "200", "--project"], &[&project]);
    let offers = plan["offers"].as_array().unwrap();
    let best = &offers[plan["best"].as_u64().unwrap() as usize];
    for key in ["variant", "instance", "region", "purchase", "usd_per_month"] {
        assert!(best[key].is_string(), "{key}: {best}");
    }
    assert!(best["usd_per_month"].as_str().unwrap().parse::<inferometer::units::Money>().is_ok());
    assert_eq!(best["meets_limit"], true);
    assert!(best["p99_ms"].as_f64().unwrap() <= 200.0);
    assert!(offers.iter().any(|offer| offer["stay_as_you_are"] == true));
    assert!(plan["today_usd_per_month"].is_null() && plan["today_reason"].is_string());
    assert!(plan["why"].as_str().unwrap().len() > 20);
}

#[test]
fn a_broken_model_is_reported_the_good_one_measured_and_the_command_fails() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.onnx");
    std::fs::write(&broken, b"<html>not a model</html>").unwrap();
    let output = run(
        &["bench", "--json", "--seconds", "0.1", "--runs", "1"],
        &[broken, sample("models/digits-student.onnx")],
    );
    assert!(!output.status.success());
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["points"].as_array().unwrap().len(), 1);
    assert_eq!(document["failures"][0]["model"], "broken.onnx");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("broken.onnx"), "{message}");
}

#[test]
fn the_batch_is_not_set_as_a_dimension() {
    let message = failure(
        &["bench", "--seconds", "0.1", "--runs", "1", "--dim", "images.0=4"],
        &[sample("models/digits-student.onnx")],
    );
    assert!(message.contains("is the batch"), "{message}");
}

#[test]
fn a_reader_that_leaves_ends_the_program_quietly() {
    let mut child = command(&["inspect"])
        .arg(sample("models/digits-cnn.onnx"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn a_plan_asks_without_changing_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    json(
        &["bench", "--json", "--seconds", "0.2", "--runs", "2", "--project"],
        &[&project, &sample("models/digits-student.onnx")],
    );
    json(&["import", "--json", "--project"], &[&project, &sample("demand-week.csv")]);
    let plan = |rps: Option<&str>| {
        let mut command = command(&["plan", "--json", "--project"]);
        command.arg(&project);
        if let Some(rps) = rps {
            command.args(["--rps", rps]);
        }
        let output = command.output().unwrap();
        serde_json::from_slice::<Value>(&output.stdout).unwrap()["requests_per_second"].as_f64().unwrap()
    };
    let before = plan(None);
    assert!((plan(Some("7")) - 7.0).abs() < 1e-9);
    assert!((plan(None) - before).abs() < 1e-9, "the project's own demand was overwritten");
}

#[test]
fn a_model_that_changed_on_disk_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let path = folder.path().join("m.onnx");
    std::fs::copy(sample("models/digits-student.onnx"), &path).unwrap();
    let small = json(&["inspect", "--json", "--project"], &[&project, &path])["parameters"].as_u64().unwrap();
    std::fs::copy(sample("models/digits-cnn.onnx"), &path).unwrap();
    let large = json(&["inspect", "--json", "--project"], &[&project, &path])["parameters"].as_u64().unwrap();
    assert!(large > 5 * small, "{large} after {small}");
    let message = failure(&["compare"], &[&path, &sample("models/digits-cnn.onnx")]);
    assert!(message.contains("same model"), "{message}");
}

#[test]
fn the_sample_bill_sums_to_its_numbers() {
    let document = json(&["bill", "--json", "--by", "ServiceName"], &[sample("bill-focus-1.2.csv.gz")]);
    let expected = &numbers()["bill"];
    assert_eq!(document["rows"], expected["rows"]);
    assert_eq!(document["currency"], "USD");
    for cost in ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"] {
        let exact = |value: &Value| value.as_str().unwrap().parse::<inferometer::units::Money>().unwrap();
        assert_eq!(exact(&document["total"][cost]), exact(&expected[cost]), "{cost}");
        let groups: inferometer::units::Money =
            document["groups"].as_array().unwrap().iter().map(|group| exact(&group[cost])).sum();
        assert_eq!(groups, exact(&expected[cost]), "groups of {cost}");
    }
    assert!(document["inference"]["BilledCost"].is_string());
    assert!(document["warnings"].is_array());
}

#[test]
fn a_filter_keeps_only_its_rows() {
    let arguments = ["bill", "--json", "--where", "ChargeCategory=Tax"];
    let document = json(&arguments, &[sample("bill-focus-1.2.csv.gz")]);
    let exact = |value: &Value| value.as_str().unwrap().parse::<inferometer::units::Money>().unwrap();
    let expected = &numbers()["bill"]["by_charge_category"]["Tax"]["BilledCost"];
    assert_eq!(exact(&document["total"]["BilledCost"]), exact(expected));
}

#[test]
fn import_says_what_each_file_was() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let files = [
        project,
        sample("bill-focus-1.2.csv.gz"),
        sample("demand-week.csv"),
        sample("models/digits-student.onnx"),
        sample("digits-test.npz"),
    ];
    let document = json(&["import", "--json", "--project"], &files);
    let kinds: Vec<&str> =
        document["files"].as_array().unwrap().iter().map(|file| file["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["FOCUS 1.2", "demand", "model", "inputs"]);
    assert_eq!(document["files"][0]["rows"], numbers()["bill"]["rows"]);
}

/// Two results and a broken one: the good ones are told and kept, the broken one is named, and the command fails.
#[test]
fn a_folder_with_one_broken_result_keeps_the_others_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    std::fs::create_dir_all(results.join("sub")).unwrap();
    let curve = |concurrency: u32| {
        format!(
            r#"{{"model_id":"net","num_prompts":10,"request_rate":"inf","max_concurrency":{concurrency},"duration":1.0,
            "completed":{concurrency},"request_throughput":4.5,"mean_ttft_ms":5.0}}"#
        )
    };
    let file = |name: &str, text: &str| std::fs::write(results.join(name), text).unwrap();
    file("run_10.json", &curve(10));
    file("run_9.json", &curve(9));
    file("sub/cut.json", &curve(8)[..100]);
    file("README.md", "How these were made");
    let project = folder.path().join("p.inferometer");
    let output = run(&["import", "--project"], &[&project, &results]);
    let (told, said) = (utf8(&output.stdout), utf8(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{told}{said}");
    assert!(told.starts_with("results, 2 results: "), "{told}");
    // The curve is in order of its load; one note for both, though one of its numbers differs.
    assert!(told.find("9 in flight").unwrap() < told.find("10 in flight").unwrap(), "{told}");
    assert!(said.contains("1 file of the folder could not be read, the rest was taken in"), "{said}");
    assert!(said.contains("cut.json") && said.contains("ends in the middle"), "{said}");
    assert!(said.trim_end().ends_with("results"), "the path comes last: {said}");
    let document = run(&["import", "--json"], &[&results]);
    assert_eq!(document.status.code(), Some(1));
    let document: Value = serde_json::from_slice(&document.stdout).unwrap();
    let file = &document["files"][0];
    assert_eq!(file["results"], 2);
    assert_eq!(file["broken"][0]["file"], "sub/cut.json");
    assert_eq!(file["result_files"].as_array().unwrap().len(), 2);
    // They are kept.
    let kept = inferometer::app::project::Project::open(&project).unwrap();
    let files: Vec<(String, Value)> = kept.all("results").unwrap();
    assert_eq!(files.len(), 2);
}

/// Files are told about without a project as with one; what is wrong with a file is said of the file.
#[test]
fn import_without_a_project_tells_what_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (absent, empty) = (folder.path().join("absent.json"), folder.path().join("empty.csv"));
    std::fs::write(&empty, "").unwrap();
    for (path, words) in [(&absent, "could not read the file"), (&empty, "the file is empty (0 bytes)")] {
        let message = failure(&["import"], &[path]);
        assert!(message.contains(words) && !message.contains("--project"), "{message}");
        assert!(message.trim_end().ends_with(path.to_str().unwrap()), "{message}");
    }
    let output = run(&["import"], &[sample("demand-week.csv"), sample("models/digits-student.onnx")]);
    let (told, said) = (utf8(&output.stdout), utf8(&output.stderr));
    assert!(told.contains("demand trace, ") && told.contains("model: "), "{told}");
    assert!(said.contains("nothing was kept") && said.contains("--project FILE"), "{said}");
}

#[test]
fn a_file_of_no_known_kind_is_an_error_that_says_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let strange = folder.path().join("notes.txt");
    std::fs::write(&strange, "hello\nworld\n").unwrap();
    let message = failure(&["import", "--project"], &[&project, &strange]);
    assert!(
        message.contains("ONNX") && message.contains("FOCUS") && message.contains("notes.txt"),
        "{message}"
    );
}

#[test]
fn compare_tells_size_speed_agreement_and_accuracy() {
    let files = [sample("models/digits-cnn.onnx"), sample("models/digits-cnn-int8.onnx")];
    let inputs = sample("digits-test.npz");
    let arguments = [
        "compare",
        "--json",
        "--seconds",
        "0.2",
        "--runs",
        "2",
        "--batch",
        "1",
        "--inputs",
        inputs.to_str().unwrap(),
        "--race-within",
        "1e6",
        "--race-processes",
        "3",
    ];
    let document = json(&arguments, &files);
    let race = &document["race"];
    assert!(race["sentence"].as_str().unwrap().contains("digits-cnn-int8.onnx"), "{race}");
    assert_eq!(race["processes"], 3);
    let pairs = race["pairs"].as_u64().unwrap() as usize;
    for (side, key) in [("a", "a_p50_ms"), ("b", "b_p50_ms")] {
        assert!(race[side]["samples"].as_u64().unwrap() as usize >= pairs, "{side}");
        assert_eq!(race["blocks"][key].as_array().unwrap().len(), pairs, "{key}");
    }
    let [low, ratio, high] = ["low", "ratio", "high"].map(|key| race["ratio"]["p50"][key].as_f64().unwrap());
    assert!(low <= ratio && ratio <= high, "{race}");
    assert!(race["resolution"].as_f64().unwrap() > 0.0);
    let size = document["size_ratio"].as_f64().unwrap();
    assert!(size > 0.2 && size < 0.5, "int8 against fp32 is {size} of the size");
    assert!(document["latency_ratio"]["batch"]["1"]["p50"].as_f64().unwrap() > 0.0);
    assert!(document["agreement"]["top1"].as_f64().unwrap() > 0.9);
    assert!(document["agreement"]["cosine"].as_f64().unwrap() > 0.9);
    assert!(document["agreement"]["max_abs"].as_f64().unwrap() > 0.0);
    let models = &numbers()["models"];
    for (key, file) in [("a", "digits-cnn.onnx"), ("b", "digits-cnn-int8.onnx")] {
        let expected = models[file]["accuracy"].as_f64().unwrap();
        let found = document["accuracy"][key].as_f64().unwrap();
        assert!((found - expected).abs() < 0.005, "{file}: {found} against {expected}");
    }
}

#[test]
fn one_model_under_two_settings_is_run_in_turn() {
    let quick = ["--race-within", "1e6", "--race-processes", "1"];
    let first = [&["compare", "--json", "--against", "batch=4,optimisation=basic"], &quick[..]].concat();
    let race = &json(&first, &[sample("models/digits-student.onnx")])["race"];
    assert_eq!((&race["a"]["batch"], &race["b"]["batch"]), (&Value::from(1), &Value::from(4)));
    assert_eq!(race["b"]["name"], "batch 4, optimisation basic");
    assert_eq!(race["b"]["input_shapes"]["images"], serde_json::json!([4, 1, 32, 32]));
    let message = failure(&["compare", "--against", "speed=9"], &[sample("models/digits-student.onnx")]);
    assert!(message.contains("provider, threads, batch, optimisation and runtime"), "{message}");
}

#[test]
fn a_self_test_tells_what_the_machine_can_tell() {
    let nothing: [&str; 0] = [];
    let arguments = ["selftest", "--json", "--race-within", "1e6", "--race-processes", "2"];
    let document = json(&arguments, &nothing);
    let itself = &document["a_against_itself"]["p50"];
    let resolution = document["resolution"].as_f64().unwrap();
    // The farther end of the interval, as a relative difference.
    let farther = itself["high"].as_f64().unwrap().max(1.0 / itself["low"].as_f64().unwrap()) - 1.0;
    assert!((resolution - farther).abs() < 1e-9, "{document}");
    assert_eq!(document["ratio"], serde_json::json!({}));
    assert!(document["b"].is_null() && document["a"]["model"] == "digits-cnn.onnx");
}

/// A `.npy` file: format 1.0, C order.
fn npy(kind: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(values);
    file
}

#[test]
fn labels_that_are_not_one_an_item_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("few-labels.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let images = npy("<f4", "(10, 1, 32, 32)", &vec![0; 10 * 32 * 32 * 4]);
    for (name, content) in [("images.npy", images), ("labels.npy", npy("<i8", "(3,)", &[0; 24]))] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &content).unwrap();
    }
    archive.finish().unwrap();
    let models = [sample("models/digits-cnn.onnx"), sample("models/digits-student.onnx")];
    let message =
        failure(&["compare", "--seconds", "0.1", "--runs", "1", "--inputs", path.to_str().unwrap()], &models);
    assert!(message.contains("10 items") && message.contains("`labels` has 3"), "{message}");
}

#[test]
fn demo_goes_round_the_loop_and_leaves_charts_and_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let document = json(&["demo", "--json", "--seconds", "0.2", "--runs", "2", "--out"], &[&out]);
    for name in ["trade-off.svg", "trade-off.png", "bill.svg", "offers.csv", "compare.svg", "report.html"] {
        assert!(std::fs::metadata(out.join(name)).is_ok_and(|meta| meta.len() > 200), "{name}");
    }
    let html = std::fs::read_to_string(out.join("report.html")).unwrap();
    let why = document["why"].as_str().unwrap();
    assert!(why.contains("digits"), "{why}");
    assert!(html.contains("<svg") && html.contains("digits-cnn-int8"));
    // Nothing that is there is overwritten.
    let message = failure(&["demo", "--out"], &[&out]);
    assert!(message.contains("not empty"), "{message}");
}

#[test]
fn without_a_display_the_window_names_the_commands_that_need_none() {
    let output = command(&[])
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("display") && message.contains("demo") && message.contains("bench"),
        "{message}"
    );
}

/// The oracle is Python's `decimal` summing the same columns of the same files.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn totals_equal_the_files_to_the_last_digit() {
    let samples = std::env::var("INFEROMETER_SAMPLES").expect("INFEROMETER_SAMPLES names the sample files");
    let bills = Path::new(&samples).join("bills");
    for (file, expected) in [
        (
            "focus-1.0/focus_sample.csv",
            ["20.52022672899", "14.97651418586", "20.39090575119", "14.97626039326"],
        ),
        (
            "focus-1.2/focus_1_2_cost_and_usage_aws.csv",
            ["21301.98951951092125", "21301.98951951092125", "30428.22734714121707", "29063.98869885812125"],
        ),
        (
            "focus-1.2/focus_1_2_cost_and_usage_gcp.csv",
            ["33666.8096933820315", "33666.8096933820315", "45681.521703161035", "43893.5105248630315"],
        ),
    ] {
        let document = json(&["bill", "--json"], &[bills.join(file)]);
        let names = ["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
        let found = names.map(|name| document["total"][name].as_str().unwrap().to_owned());
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn bills_are_written_as_focus_and_no_file_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("focus.csv");
    let named = out.to_str().unwrap();
    let arguments = ["bill", "--json", "--where", "ChargeCategory=Usage", "--focus", named];
    let document = json(&arguments, &[sample("bill-focus-1.2.csv.gz")]);
    let written = json(&["bill", "--json"], std::slice::from_ref(&out));
    assert_eq!(written["total"], document["total"]);
    assert_eq!(written["rows"], document["rows"]);
    let message = failure(&arguments, &[sample("bill-focus-1.2.csv.gz")]);
    assert!(message.contains("a file of this name already"), "{message}");
    let message = failure(&["bill", "--focus", "bill.xlsx"], &[sample("bill-focus-1.2.csv.gz")]);
    assert!(message.contains(".csv or .parquet"), "{message}");
}
