//! Measures many configurations, each in a fresh worker process: every model with every provider, thread count and
//! batch. A configuration that fails is said and the sweep goes on; what is done is handed out as it ends.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::cancel::Cancel;
use super::inputs::{self, Arrays};
use super::launcher::{Launcher, WorkerError};
use super::model_file::ModelFileError;
use super::protocol::{self, Measured, Request, SessionSpec, Source, Stage};
use super::runtime::{self, Found};
use super::{Config, Point, model_file, shapes};
use crate::hardware::Fingerprint;
use crate::model::Model;

/// What to measure.
#[derive(Debug, Clone, PartialEq)]
pub struct Sweep {
    /// Model files.
    pub models: Vec<PathBuf>,
    /// Items in one inference.
    pub batches: Vec<u64>,
    /// Intra-operator threads.
    pub threads: Vec<u32>,
    /// Execution providers: `CPU`, `CUDA`, `OpenVINO`, …
    pub providers: Vec<String>,
    /// Sizes of dynamic dimensions, by name or place.
    pub dims: BTreeMap<String, u64>,
    /// Length of each steady state, in seconds; finite and not negative.
    pub seconds: f64,
    /// Seed of generated inputs.
    pub seed: u64,
    /// A `.npy` or `.npz` file with input values instead of generated ones.
    pub inputs: Option<PathBuf>,
}

/// What measuring needs.
#[derive(Debug, Clone, Copy)]
pub struct Tools<'a> {
    /// Starts workers.
    pub launcher: &'a Launcher,
    /// Usable runtimes, in the order of use: each provider takes the first that offers it.
    pub runtimes: &'a [Found],
}

/// What happens during a sweep.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It begins.
    Started {
        /// Configurations to measure.
        total: usize,
    },
    /// Where it stands; several times a second.
    Progress {
        /// Configurations finished or failed.
        done: usize,
        /// Configurations in all.
        total: usize,
        /// What is being done, in words.
        now: String,
        /// Estimate of the time left.
        seconds_left: f64,
    },
    /// One configuration is measured.
    Finished(Box<Point>),
    /// One configuration, or all of a model's when `config` is `None`, could not be measured.
    Failed {
        /// The model file.
        model: PathBuf,
        /// The configuration.
        config: Option<Box<Config>>,
        /// Why: the runtime's own words where it was the runtime.
        message: String,
    },
}

/// How a sweep ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Configurations measured.
    pub finished: usize,
    /// Configurations that failed.
    pub failed: usize,
    /// True when it was stopped before its end.
    pub cancelled: bool,
}

impl Sweep {
    /// The configurations of each model, in the order they are measured. The input file is not read for them, so
    /// [`Config::inputs`] is `None` in all.
    pub fn configs(&self) -> Vec<Config> {
        let mut configs = Vec::new();
        for provider in &self.providers {
            for threads in &self.threads {
                for batch in &self.batches {
                    configs.push(Config {
                        batch: *batch,
                        threads: *threads,
                        provider: provider.clone(),
                        dims: self.dims.clone(),
                        seconds: self.seconds,
                        seed: self.seed,
                        inputs: None,
                    });
                }
            }
        }
        configs
    }
}

/// Measures `sweep` on `machine`. Points are handed out through `on_event` as they end; nothing is lost when it is
/// cancelled or the process is killed between them.
pub fn run(
    sweep: &Sweep,
    tools: Tools<'_>,
    machine: &Fingerprint,
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
) -> Outcome {
    let mut configs = sweep.configs();
    let progress = RefCell::new(Progress::new(sweep.models.len() * configs.len(), sweep.seconds, on_event));
    progress.borrow_mut().started();
    match sweep.inputs.as_deref().map(inputs::identity).transpose() {
        Ok(identity) => configs.iter_mut().for_each(|config| config.inputs.clone_from(&identity)),
        Err(error) => {
            for path in &sweep.models {
                progress.borrow_mut().failed(path, None, error.to_string(), configs.len());
            }
            return progress.into_inner().outcome(cancel);
        }
    }
    for path in &sweep.models {
        if cancel.is_cancelled() {
            break;
        }
        progress.borrow_mut().now(format!("reading {}", shapes::file_name(path)));
        let subject = match Subject::read(path, sweep, tools, cancel) {
            Ok(subject) => subject,
            Err(WorkerError::Cancelled) => break,
            Err(error) => {
                progress.borrow_mut().failed(path, None, error.to_string(), configs.len());
                continue;
            }
        };
        let mut found = FoundSizes::default();
        for config in &configs {
            if cancel.is_cancelled() {
                break;
            }
            match measure(&subject, config, &mut found, tools, machine, cancel, &progress) {
                Ok(point) => progress.borrow_mut().finished(point),
                Err(WorkerError::Cancelled) => break,
                Err(error) => progress.borrow_mut().failed(path, Some(config), error.to_string(), 1),
            }
        }
    }
    progress.into_inner().outcome(cancel)
}

/// A model of the sweep, read once.
struct Subject<'a> {
    path: &'a Path,
    model: Model,
    arrays: Option<Arrays>,
    source: Source,
}

impl<'a> Subject<'a> {
    fn read(path: &'a Path, sweep: &Sweep, tools: Tools<'_>, cancel: &Cancel) -> Result<Self, WorkerError> {
        let model = match model_file::read(path) {
            Ok(model) => model,
            Err(error) => {
                let ours = WorkerError::Refused(error.to_string());
                // What cannot be opened is no matter of the runtime.
                let understood = matches!(error, ModelFileError::Model { .. });
                let theirs = if understood { refusal(path, sweep, tools, cancel) } else { None };
                return Err(theirs.unwrap_or(ours));
            }
        };
        let arrays = sweep.inputs.as_deref().map(Arrays::open).transpose();
        let arrays = arrays.map_err(|error| WorkerError::Refused(error.to_string()))?;
        let source = match &sweep.inputs {
            Some(inputs) => Source::File { path: inputs.clone(), first: 0 },
            None => Source::Generated { seed: sweep.seed },
        };
        Ok(Self { path, model, arrays, source })
    }
}

/// What the runtime itself says of a model that we cannot read; `None` when it has nothing against it.
fn refusal(path: &Path, sweep: &Sweep, tools: Tools<'_>, cancel: &Cancel) -> Option<WorkerError> {
    let found = sweep
        .providers
        .iter()
        .find_map(|provider| Some((provider, runtime::choose(tools.runtimes, provider)?.path.clone())));
    let (provider, runtime) = found?;
    let session = SessionSpec { runtime, model: path.to_owned(), provider: provider.clone(), threads: 1 };
    let mut worker = tools.launcher.start(cancel).ok()?;
    worker.ask(&Request::Load { session }, Duration::ZERO, cancel, &mut |_| (), &mut || ()).err()
}

/// What trying sizes for a model's free dimensions has taught.
#[derive(Default)]
struct FoundSizes {
    /// Sizes the model accepts: used for all its configurations.
    sizes: Option<BTreeMap<String, u64>>,
    /// Provider and batch for which none were accepted: not tried again for another thread count.
    refused: BTreeMap<(String, u64), WorkerError>,
}

/// Measures one configuration. `found` keeps the sizes found for this model's free dimensions.
fn measure(
    subject: &Subject<'_>,
    config: &Config,
    found: &mut FoundSizes,
    tools: Tools<'_>,
    machine: &Fingerprint,
    cancel: &Cancel,
    progress: &RefCell<Progress<'_>>,
) -> Result<Point, WorkerError> {
    let Subject { path, model, arrays, source } = subject;
    let words = config_words(&model.name, config);
    let session = SessionSpec {
        runtime: runtime_for(tools, &config.provider)?,
        model: path.to_path_buf(),
        provider: config.provider.clone(),
        threads: config.threads,
    };
    let resolution =
        shapes::resolve(model, config.batch, &config.dims, arrays.as_ref()).map_err(WorkerError::Refused)?;
    let found_dims = if let Some(sizes) = &found.sizes {
        sizes.clone()
    } else {
        let key = (config.provider.clone(), config.batch);
        if let Some(refused) = found.refused.get(&key) {
            return Err(refused.clone());
        }
        let mut on_try = |sizes: &str| progress.borrow_mut().now(format!("{words}: trying {sizes}"));
        let tried = shapes::find(tools.launcher, &session, model, &resolution, source, cancel, &mut on_try);
        let sizes = tried.inspect_err(|error| {
            found.refused.insert(key, error.clone());
        })?;
        found.sizes = Some(sizes.clone());
        sizes
    };
    let input_shapes = resolution.shapes(&found_dims).ok_or_else(|| {
        WorkerError::Refused("the sizes of its dynamic dimensions are too large".to_owned())
    })?;
    let feed = shapes::feed_of(model, &input_shapes, source.clone());
    progress.borrow_mut().now(format!("{words}: starting a worker"));
    let started_unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut worker = tools.launcher.start(cancel)?;
    // Warm-up and steady state take about `seconds` each at most; the limit to silence covers the rest.
    let busy_for = Duration::try_from_secs_f64(config.seconds * 2.0).unwrap_or(Duration::ZERO);
    let answer = worker.ask(
        &Request::Bench { session, feed, seconds: config.seconds },
        busy_for,
        cancel,
        &mut |event| {
            if let protocol::Event::Stage { stage } = event {
                progress.borrow_mut().now(format!("{words}: {}", stage_words(*stage)));
            }
        },
        &mut || progress.borrow_mut().tick(),
    )?;
    let protocol::Event::Measured(measured) = answer else {
        return Err(WorkerError::Protocol(format!("{answer:?} instead of a measurement")));
    };
    Ok(point_of(subject, config, found_dims, measured, machine, started_unix_secs))
}

fn point_of(
    subject: &Subject<'_>,
    config: &Config,
    found_dims: BTreeMap<String, u64>,
    measured: Measured,
    machine: &Fingerprint,
    started_unix_secs: u64,
) -> Point {
    Point {
        model: subject.model.name.clone(),
        model_sha256: subject.model.sha256.clone(),
        config: config.clone(),
        input_shapes: measured.input_shapes,
        found_dims,
        load_nanos: measured.load_nanos,
        first_inference_nanos: measured.first_inference_nanos,
        warm_up_inferences: measured.warm_up_inferences,
        latencies_nanos: measured.latencies_nanos,
        wall_nanos: measured.wall_nanos,
        cpu_nanos: measured.cpu_nanos,
        peak_memory_bytes: measured.peak_memory_bytes,
        runtime_version: measured.runtime_version.unwrap_or_else(|| "unknown".to_owned()),
        fingerprint: machine.clone(),
        started_unix_secs,
    }
}

/// The library that runs a provider, or why none does.
pub(super) fn runtime_for(tools: Tools<'_>, provider: &str) -> Result<PathBuf, WorkerError> {
    runtime::choose(tools.runtimes, provider).map(|found| found.path.clone()).ok_or_else(|| {
        let mut offered: Vec<&str> =
            tools.runtimes.iter().flat_map(|found| &found.providers).map(String::as_str).collect();
        offered.sort_unstable();
        offered.dedup();
        WorkerError::Refused(format!(
            "no ONNX Runtime here has the execution provider {provider}; there are {}; `inferometer runtime \
             list` shows them",
            offered.join(", ")
        ))
    })
}

fn config_words(model: &str, config: &Config) -> String {
    let threads =
        if config.threads == 1 { "1 thread".to_owned() } else { format!("{} threads", config.threads) };
    format!("{model}, batch {}, {threads}, {}", config.batch, config.provider)
}

fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Loading => "loading",
        Stage::First => "first inference",
        Stage::WarmUp => "warming up",
        Stage::Steady => "measuring",
    }
}

/// Counts what is done and estimates what is left.
struct Progress<'e> {
    on_event: &'e mut dyn FnMut(Event),
    outcome: Outcome,
    total: usize,
    seconds: f64,
    begin: Instant,
    /// When the current configuration began.
    current: Instant,
    now: String,
    last_tick: Instant,
}

/// Loading, first inference and warm-up of one configuration until there is experience, in seconds.
const FIRST_GUESS_SECS: f64 = 1.0;
/// Between two reports while nothing changes.
const TICK: Duration = Duration::from_millis(250);

impl<'e> Progress<'e> {
    fn new(total: usize, seconds: f64, on_event: &'e mut dyn FnMut(Event)) -> Self {
        let begin = Instant::now();
        let outcome = Outcome::default();
        Self {
            on_event,
            outcome,
            total,
            seconds,
            begin,
            current: begin,
            now: String::new(),
            last_tick: begin,
        }
    }

    fn started(&mut self) {
        (self.on_event)(Event::Started { total: self.total });
    }

    fn done(&self) -> usize {
        self.outcome.finished + self.outcome.failed
    }

    fn now(&mut self, words: String) {
        self.now = words;
        self.report();
    }

    fn tick(&mut self) {
        if self.last_tick.elapsed() >= TICK {
            self.report();
        }
    }

    fn report(&mut self) {
        self.last_tick = Instant::now();
        let event = Event::Progress {
            done: self.done(),
            total: self.total,
            now: self.now.clone(),
            seconds_left: self.seconds_left(),
        };
        (self.on_event)(event);
    }

    /// Configurations left × what one took on average so far, less what the current one has used.
    fn seconds_left(&self) -> f64 {
        let each = if self.done() == 0 {
            self.seconds + FIRST_GUESS_SECS
        } else {
            (self.current - self.begin).as_secs_f64() / self.done() as f64
        };
        let left = (self.total - self.done()) as f64;
        (each * left - self.current.elapsed().as_secs_f64().min(each)).max(0.0)
    }

    fn finished(&mut self, point: Point) {
        self.outcome.finished += 1;
        self.current = Instant::now();
        (self.on_event)(Event::Finished(Box::new(point)));
    }

    fn failed(&mut self, model: &Path, config: Option<&Config>, message: String, configs: usize) {
        self.outcome.failed += configs;
        self.current = Instant::now();
        let config = config.cloned().map(Box::new);
        (self.on_event)(Event::Failed { model: model.to_owned(), config, message });
    }

    fn outcome(self, cancel: &Cancel) -> Outcome {
        let cancelled = cancel.is_cancelled() && self.done() < self.total;
        Outcome { cancelled, ..self.outcome }
    }
}
