//! How much measuring costs: the median latency this program reports, against a bare loop over the same ONNX Runtime
//! library with the same inputs, and against Python's `onnxruntime` where one is named.
//!
//! Runs in pairs, each side in a fresh process, the order within a pair alternating, so that a machine that slows
//! down hits both. Prints the medians, and the median of the pairs' ratios; the goal is a ratio within 3 % of 1.
//!
//! ```text
//! cargo bench --bench overhead                       # PAIRS=15 SECONDS=1 by default
//! INFEROMETER_PYTHON=venv/bin/python cargo bench --bench overhead
//! ```
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its result")]
#![allow(unsafe_code, reason = "the bare loop calls ONNX Runtime's C interface directly")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails stops")]

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::ptr;
use std::time::{Duration, Instant};

use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::launcher::Launcher;
use inferometer::measure::runtime::{self, Search};
use inferometer::measure::stats::Percentile;
use inferometer::measure::sweep::{self, Effort, Event, Sweep, Tools};
use inferometer::measure::{model_file, shapes};
use inferometer::model::inputs::{TensorData, generate};
use ort::sys;

const SEED: u64 = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // The bare loop's own process: bare LIBRARY MODEL SECONDS.
    if let [_, word, library, model, seconds] = &arguments[..]
        && word == "bare"
    {
        println!("{}", bare_median(Path::new(library), Path::new(model), seconds.parse().unwrap()));
        return;
    }
    let pairs: usize = setting("PAIRS", 15);
    let seconds: f64 = setting("SECONDS", 1.0);
    let launcher = Launcher::command(vec![env!("CARGO_BIN_EXE_inferometer").to_owned()]);
    let runtimes = runtime::ensure(
        &Search::of_this_machine(None),
        &launcher,
        &["CPU".to_owned()],
        false,
        &Cancel::new(),
        &mut |line| println!("{line}"),
    )
    .unwrap();
    let library = &runtimes[0].path;
    println!("ONNX Runtime {} at {}", runtimes[0].version.as_deref().unwrap_or("?"), library.display());
    let python = std::env::var("INFEROMETER_PYTHON").ok();
    if python.is_none() {
        println!("Python's onnxruntime is not compared: INFEROMETER_PYTHON names no Python");
    }
    for name in ["digits-student.onnx", "digits-cnn-int8.onnx", "digits-cnn.onnx"] {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models").join(name);
        let tools = Tools { launcher: &launcher, runtimes: &runtimes };
        let mut sides: Vec<Side<'_>> = vec![
            ("inferometer", Box::new(|| engine_median(tools, &model, seconds))),
            ("bare loop", Box::new(|| bare_in_process(library, &model, seconds))),
        ];
        if let Some(python) = &python {
            sides.push(("Python", Box::new(|| python_median(python, &model, seconds))));
        }
        let mut medians: Vec<Vec<u64>> = vec![Vec::new(); sides.len()];
        for pair in 0..pairs {
            for step in 0..sides.len() {
                let side = (pair + step) % sides.len();
                medians[side].push((sides[side].1)());
            }
        }
        println!("\n{name}, batch 1, 1 thread, {pairs} rounds of {seconds} s");
        for (side, (label, _)) in sides.iter().enumerate() {
            let mut sorted = medians[side].clone();
            sorted.sort_unstable();
            let median = Percentile::P50.of(&sorted).unwrap();
            let mut ratios: Vec<f64> = medians[0]
                .iter()
                .zip(&medians[side])
                .map(|(ours, other)| *ours as f64 / *other as f64)
                .collect();
            ratios.sort_by(f64::total_cmp);
            let ratio = ratios[ratios.len() / 2];
            println!(
                "  {label:<12} p50 {:>9.2} us   inferometer / {label}: {ratio:.4} (rounds {:.3} to {:.3})",
                median as f64 / 1e3,
                ratios[0],
                ratios[ratios.len() - 1]
            );
        }
    }
}

/// A name, and a way to get a median latency in nanoseconds.
type Side<'a> = (&'static str, Box<dyn Fn() -> u64 + 'a>);

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(mut nanos: Vec<u64>) -> u64 {
    nanos.sort_unstable();
    Percentile::P50.of(&nanos).unwrap()
}

fn engine_median(tools: Tools<'_>, model: &Path, seconds: f64) -> u64 {
    let sweep = Sweep {
        models: vec![model.to_owned()],
        seconds,
        effort: Effort::runs(1),
        seed: SEED,
        ..Sweep::default()
    };
    let mut latencies = Vec::new();
    sweep::run(
        &sweep,
        Vec::new(),
        tools,
        &Fingerprint::default(),
        &Cancel::new(),
        &mut |event| match event {
            Event::Ran { run, .. } => latencies = run.steady_nanos().to_vec(),
            Event::Failed { message, .. } => panic!("{message}"),
            Event::Started { .. } | Event::TakenUp(_) | Event::Progress { .. } | Event::Ended { .. } => {}
        },
    );
    median(latencies)
}

fn bare_in_process(library: &Path, model: &Path, seconds: f64) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .arg("bare")
        .args([library, model])
        .arg(seconds.to_string())
        .env("ORT_DISABLE_TELEMETRY", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

/// The shape and values that the engine gives the model's only input.
fn input(model: &Path) -> (String, Vec<i64>, Vec<f32>) {
    let model = model_file::read(model).unwrap();
    let resolution = shapes::resolve(&model, 1, &BTreeMap::new(), None).unwrap();
    let shape = &resolution.shapes(&BTreeMap::new()).unwrap()[&model.inputs[0].name];
    let tensor = generate(&model.inputs[0], shape, SEED).unwrap();
    let TensorData::F32(values) = tensor.data else { panic!("the input is not float32") };
    (tensor.name, shape.iter().map(|size| i64::try_from(*size).unwrap()).collect(), values)
}

/// The loop as one would write it in C: nothing between two calls but the clock.
fn bare_median(library: &Path, model: &Path, seconds: f64) -> u64 {
    let (input_name, shape, mut values) = input(model);
    // Only to load the library; the environment and the session are made by hand.
    drop(ort::init_from(library).unwrap());
    let api = ort::api();
    // SAFETY: the calls follow onnxruntime_c_api.h; every pointer is checked or lives to the end of the process.
    unsafe {
        let check = |status| ort::Error::result_from_status(status).unwrap();
        let mut environment = ptr::null_mut();
        let name = c"bare";
        check((api.CreateEnv)(
            sys::OrtLoggingLevel::ORT_LOGGING_LEVEL_ERROR,
            name.as_ptr(),
            &raw mut environment,
        ));
        let mut options = ptr::null_mut();
        check((api.CreateSessionOptions)(&raw mut options));
        check((api.SetIntraOpNumThreads)(options, 1));
        check((api.SetInterOpNumThreads)(options, 1));
        check((api.SetSessionGraphOptimizationLevel)(options, sys::GraphOptimizationLevel::ORT_ENABLE_ALL));
        let mut session = ptr::null_mut();
        let path = os_string(model);
        check((api.CreateSession)(environment, path.as_ptr(), options, &raw mut session));
        let mut memory = ptr::null_mut();
        check((api.CreateCpuMemoryInfo)(
            sys::OrtAllocatorType::OrtArenaAllocator,
            sys::OrtMemType::OrtMemTypeDefault,
            &raw mut memory,
        ));
        let mut tensor = ptr::null_mut();
        check((api.CreateTensorWithDataAsOrtValue)(
            memory,
            values.as_mut_ptr().cast(),
            size_of_val(values.as_slice()),
            shape.as_ptr(),
            shape.len(),
            sys::ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
            &raw mut tensor,
        ));
        let mut allocator = ptr::null_mut();
        check((api.GetAllocatorWithDefaultOptions)(&raw mut allocator));
        let mut output_name = ptr::null_mut();
        check((api.SessionGetOutputName)(session, 0, allocator, &raw mut output_name));
        let input_name = CString::new(input_name).unwrap();
        let input_names = [input_name.as_ptr()];
        let output_names = [output_name.cast_const()];
        let inputs = [tensor.cast_const()];
        let mut latencies = Vec::with_capacity(1 << 20);
        let run = || {
            let mut outputs = [ptr::null_mut()];
            let started = Instant::now();
            let status = (api.Run)(
                session,
                ptr::null(),
                input_names.as_ptr(),
                inputs.as_ptr(),
                1,
                output_names.as_ptr(),
                1,
                outputs.as_mut_ptr(),
            );
            let ended = Instant::now();
            check(status);
            (api.ReleaseValue)(outputs[0]);
            ended - started
        };
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(200) {
            run();
        }
        let duration = Duration::from_secs_f64(seconds);
        let begin = Instant::now();
        while begin.elapsed() < duration {
            latencies.push(u64::try_from(run().as_nanos()).unwrap());
        }
        median(latencies)
    }
}

#[cfg(unix)]
fn os_string(path: &Path) -> CString {
    use std::os::unix::ffi::OsStrExt;
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

#[cfg(windows)]
fn os_string(path: &Path) -> Vec<u16> {
    use std::os::windows::ffi::OsStrExt;
    path.as_os_str().encode_wide().chain([0]).collect()
}

const PYTHON: &str = "
import sys, time, numpy, onnxruntime
model, values, name, seconds, *shape = sys.argv[1:]
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(model, options, providers=['CPUExecutionProvider'])
feed = {name: numpy.fromfile(values, dtype='<f4').reshape([int(size) for size in shape])}
clock, run = time.perf_counter_ns, session.run
begin = clock()
while clock() - begin < 200_000_000:
    run(None, feed)
latencies, begin, length = [], clock(), float(seconds) * 1e9
while clock() - begin < length:
    started = clock()
    run(None, feed)
    latencies.append(clock() - started)
latencies.sort()
print(latencies[(len(latencies) + 1) // 2 - 1])
";

fn python_median(python: &str, model: &Path, seconds: f64) -> u64 {
    let (name, shape, values) = input(model);
    let folder = tempfile::tempdir().unwrap();
    let file: PathBuf = folder.path().join("values");
    std::fs::write(&file, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()).unwrap();
    let output = Command::new(python)
        .args(["-c", PYTHON])
        .args([model, &file])
        .arg(name)
        .arg(seconds.to_string())
        .args(shape.iter().map(ToString::to_string))
        .env("ORT_DISABLE_TELEMETRY", "1")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}
