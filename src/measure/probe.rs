//! Inside the worker: inferences under ONNX Runtime's own profiler, and how fast products and copies are here.
//!
//! Files it needs (the profile, the models of the products) lie in temporary folders of its own and are gone when
//! it answers, also on another machine. Must not know what is made of the answers.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::cancel::Cancel;
use super::engine::{Engine, EngineError, Loaded, nanos, shared};
use super::native::{Inputs, Runner};
use super::profile;
use super::protocol::{FEWEST_PROFILED, Profiled, RoofSpec, SessionSpec};
use super::roof::gemm::{INPUT, SIDES, gemm_model};
use super::roof::memory::{self, MemoryRoof};
use super::roof::{GemmTimes, Roof};
use crate::hardware::fingerprint::{Conditions, Platform, Processor, Root};
use crate::model::ElementType;
use crate::model::inputs::{Tensor, TensorData};

/// Share of the asked time that a session is warmed up for.
const WARM_UP_SHARE: f64 = 0.2;
/// Inferences of the warm-up at least.
const WARM_UP_RUNS: u64 = 2;
/// Share of the asked time that inferences go on without the profiler.
const PLAIN_SHARE: f64 = 0.3;
/// Memory copied at most, in bytes, so that machines with very large caches need no minutes.
const MOST_COPIED_BYTES: u64 = 1 << 30;
/// Providers whose tensors lie in the memory of a device, which copies between the machine's own say nothing of.
const ON_DEVICE: [&str; 6] = ["CUDA", "TensorRT", "NvTensorRTRTX", "ROCM", "MIGraphX", "DirectML"];

/// Runs the model for `seconds` without the profiler, then with it, and reads what the profiler wrote.
pub(super) fn profile(
    engine: &Engine,
    session: &SessionSpec,
    inputs: Vec<Tensor>,
    seconds: f64,
    most_runs: u64,
) -> Result<Profiled, EngineError> {
    let time = |share: f64| {
        Duration::try_from_secs_f64(seconds * share)
            .map_err(|error| EngineError::Runtime(format!("{seconds} s cannot be profiled: {error}")))
    };
    let (warm, plain, whole) = (time(WARM_UP_SHARE)?, time(PLAIN_SHARE)?, time(1.0)?);
    let inputs = shared(inputs)?;
    let plain_nanos = {
        let loaded = engine.session(session)?;
        let mut runner = Runner::new(&loaded.session, Arc::clone(&inputs))?;
        go_on(&mut runner, warm, WARM_UP_RUNS, u64::MAX)?;
        median(go_on(&mut runner, plain, FEWEST_PROFILED, u64::MAX)?)
    };
    // Dropped after the session, which may still hold its file.
    let folder = temporary_folder()?;
    let mut loaded = engine.profiled_session(session, &folder.path().join("profile"))?;
    let most_runs = most_runs.max(FEWEST_PROFILED + WARM_UP_RUNS);
    let skip = {
        let mut runner = Runner::new(&loaded.session, inputs)?;
        let skip = go_on(&mut runner, warm, WARM_UP_RUNS, most_runs / 4)?.len() as u64;
        go_on(&mut runner, whole, FEWEST_PROFILED, most_runs)?;
        skip
    };
    let path = loaded.end_profiling()?;
    let profile = read(&path, skip)?;
    Ok(Profiled { profile, plain_nanos, runtime_version: engine.version() })
}

/// Inferences for a while, `fewest` at least and `most` at most; their times in nanoseconds.
fn go_on(runner: &mut Runner<'_>, length: Duration, fewest: u64, most: u64) -> Result<Vec<u64>, EngineError> {
    let begin = Instant::now();
    let mut times = Vec::new();
    loop {
        let (started, ended) = runner.run()?;
        times.push(nanos(ended - started));
        let runs = times.len() as u64;
        if runs >= fewest && (runs >= most || ended - begin >= length) {
            return Ok(times);
        }
    }
}

fn median(mut nanos: Vec<u64>) -> Option<u64> {
    nanos.sort_unstable();
    nanos.get(nanos.len() / 2).copied()
}

fn read(path: &Path, skip: u64) -> Result<profile::Profile, EngineError> {
    let problem = |error: &dyn std::fmt::Display| {
        EngineError::Runtime(format!("the runtime's profile cannot be read: {error}"))
    };
    let file = File::open(path).map_err(|error| problem(&error))?;
    profile::read(file, skip).map_err(|error| problem(&error))
}

/// How the names of the temporary folders begin.
const FOLDER: &str = "inferometer-probe-";
/// No probe takes as long: such a folder belonged to a worker that was killed.
const LEFT_BEHIND: Duration = Duration::from_hours(2);

fn temporary_folder() -> Result<tempfile::TempDir, EngineError> {
    remove_left_behind(&std::env::temp_dir(), LEFT_BEHIND);
    tempfile::Builder::new().prefix(FOLDER).tempdir().map_err(|error| {
        EngineError::Runtime(format!("a temporary folder cannot be made: {error}; free some space there"))
    })
}

/// Removes the folders of workers that were killed before they could.
fn remove_left_behind(folder: &Path, older_than: Duration) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(FOLDER)) {
        let changed = entry.metadata().and_then(|found| found.modified());
        if changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > older_than)) {
            // Another user's stays: it is theirs to remove.
            let _: std::io::Result<()> = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The roof of each element type, and why some have none.
pub(super) fn roofs(engine: &Engine, spec: &RoofSpec) -> Result<(Vec<Roof>, Vec<String>), EngineError> {
    let copying = copying(spec)?;
    let folder = temporary_folder()?;
    let (mut roofs, mut problems) = (Vec::new(), Vec::new());
    for element in &spec.elements {
        let precision = precision(*element);
        let roof = products(engine, spec, *element, folder.path())
            .map(|times| Roof::measured(&times, &copying, spec.threads.max(1), &spec.provider, &precision));
        match roof {
            Ok(Some(roof)) => roofs.push(roof),
            Ok(None) => problems.push(format!("{precision} products took no time that the clock can tell")),
            Err(error) => problems.push(format!("{precision} products could not be run: {error}")),
        }
    }
    Ok((roofs, problems))
}

/// `float32`, `int8`: as [`Roof::precision`] has it.
fn precision(element: ElementType) -> String {
    format!("{element:?}").to_lowercase()
}

/// Copies in the machine's own memory; nothing where the provider's tensors lie elsewhere.
fn copying(spec: &RoofSpec) -> Result<MemoryRoof, EngineError> {
    let threads = spec.threads.max(1);
    if ON_DEVICE.iter().any(|provider| provider.eq_ignore_ascii_case(&spec.provider)) {
        let how = format!("the memory of the device that {} uses is not measured", spec.provider);
        return Ok(MemoryRoof {
            best_bytes_per_second: 0.0,
            median_bytes_per_second: 0.0,
            threads,
            buffer_bytes: 0,
            rounds: 0,
            how,
        });
    }
    let root = Root::system();
    let processor = Processor::read(&root);
    let last_cache = processor.caches.iter().max_by(|a, b| a.name.cmp(&b.name));
    let last_cache = last_cache.map(|cache| cache.bytes.saturating_mul(u64::from(cache.count)));
    // What a container may have can be less than what the machine has left.
    let limit = Platform::read(&root).limits.and_then(|limits| limits.memory_bytes);
    let available = [Conditions::read(None).available_memory_bytes, limit];
    let available = available.into_iter().flatten().min();
    let bytes = memory::buffer_bytes(last_cache, available).min(MOST_COPIED_BYTES);
    memory::copy_speed(threads, bytes, &Cancel::new())
        .map_err(|error| EngineError::Runtime(error.to_string()))
}

/// Times of the products of one element type, side after side while there is time for the next one.
fn products(
    engine: &Engine,
    spec: &RoofSpec,
    element: ElementType,
    folder: &Path,
) -> Result<Vec<GemmTimes>, EngineError> {
    let whole = Duration::try_from_secs_f64(spec.seconds)
        .map_err(|error| EngineError::Runtime(format!("{} s cannot be measured: {error}", spec.seconds)))?;
    let begin = Instant::now();
    let mut all: Vec<GemmTimes> = Vec::new();
    for (place, side) in SIDES.into_iter().enumerate() {
        let fastest = all.last().and_then(|last| last.nanos.iter().min().copied());
        // Twice the side is eight times the work; a run that warms up and one that counts.
        let expected = fastest.map_or(Duration::ZERO, |nanos| Duration::from_nanos(nanos.saturating_mul(16)));
        let left = whole.saturating_sub(begin.elapsed());
        if expected > left {
            break;
        }
        let loaded = chain(engine, spec, side, element, folder)?;
        let mut runner = Runner::new(&loaded.session, chain_input(side, element)?)?;
        go_on(&mut runner, Duration::ZERO, 1, 1)?;
        let share = whole.saturating_sub(begin.elapsed()) / u32::try_from(SIDES.len() - place).unwrap_or(1);
        all.push(GemmTimes { side, nanos: go_on(&mut runner, share, 1, u64::MAX)? });
    }
    Ok(all)
}

/// A session of the chain of products.
fn chain(
    engine: &Engine,
    spec: &RoofSpec,
    side: u64,
    element: ElementType,
    folder: &Path,
) -> Result<Loaded, EngineError> {
    let bytes = gemm_model(side, element).map_err(|error| EngineError::Runtime(error.to_string()))?;
    let path = folder.join(format!("products-{}-{side}.onnx", precision(element)));
    std::fs::write(&path, bytes)
        .map_err(|error| EngineError::Runtime(format!("{error}: {}", path.display())))?;
    let RoofSpec { runtime, provider, threads, optimisation, elements: _, seconds: _ } = spec;
    engine.session(&SessionSpec {
        runtime: runtime.clone(),
        model: path,
        provider: provider.clone(),
        threads: *threads,
        optimisation: *optimisation,
    })
}

/// Random values of about the length that the stored matrix keeps.
fn chain_input(side: u64, element: ElementType) -> Result<Arc<Inputs<'static>>, EngineError> {
    let mut random = ChaCha8Rng::seed_from_u64(side);
    let count = usize::try_from(side * side).unwrap_or(0);
    // Uniform over ±1.73 has variance 1.
    let mut next = || (f64::from(random.next_u32()) / f64::from(u32::MAX) * 2.0 - 1.0) * 1.732;
    let data = match element {
        ElementType::Float64 => TensorData::F64((0..count).map(|_| next()).collect()),
        // 1 and −1 as bits.
        ElementType::Float16 => {
            TensorData::F16((0..count).map(|_| if next() < 0.0 { 0xBC00 } else { 0x3C00 }).collect())
        }
        ElementType::Bfloat16 => {
            TensorData::Bf16((0..count).map(|_| if next() < 0.0 { 0xBF80 } else { 0x3F80 }).collect())
        }
        // Zero is at 128, a step is 1/16.
        ElementType::Int8 => TensorData::U8((0..count).map(|_| (128.0 + next() * 16.0) as u8).collect()),
        _ => TensorData::F32((0..count).map(|_| next() as f32).collect()),
    };
    shared(vec![Tensor { name: INPUT.to_owned(), shape: vec![side; 2], data }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        assert_eq!(median(vec![5, 1, 9]), Some(5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn folders_of_killed_workers_are_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let killed = folder.path().join(format!("{FOLDER}old"));
        let other = folder.path().join("inferometer-other");
        for made in [&killed, &other] {
            std::fs::create_dir(made).unwrap();
            std::fs::write(made.join("profile.json"), "[").unwrap();
        }
        remove_left_behind(folder.path(), LEFT_BEHIND);
        assert!(killed.exists(), "a folder in use was removed");
        remove_left_behind(folder.path(), Duration::ZERO);
        assert!(!killed.exists() && other.exists());
    }

    #[test]
    fn memory_of_a_device_is_not_measured_on_the_machine() {
        let spec = RoofSpec {
            runtime: "x".into(),
            provider: "cuda".to_owned(),
            threads: 1,
            optimisation: crate::measure::Optimisation::All,
            elements: Vec::new(),
            seconds: 1.0,
        };
        let roof = copying(&spec).unwrap();
        assert!(roof.best_bytes_per_second == 0.0 && roof.how.contains("not measured"), "{roof:?}");
    }
}
