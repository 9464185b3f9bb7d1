//! Measures many configurations, each run of each in a fresh worker process, in rounds of random order. What fails is
//! said and the sweep goes on; what is done is handed out as it ends, so that a sweep can be stopped and resumed.
//!
//! Rounds, because a machine drifts: the runs of one configuration are minutes apart and never all fall into one
//! slow moment, and no configuration always follows the same other one.

mod effort;
mod progress;
mod subject;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::inputs;
use super::launcher::{Launcher, WorkerError};
use super::runtime::{self, Found};
use super::{Config, Ended, Optimisation, Point, Run, Scenario, Summary};
use crate::hardware::Fingerprint;
pub use effort::{Effort, Expected};
use progress::Progress;
use subject::{FoundSizes, Subject};

/// What to measure: every model with every combination of the lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Model files.
    pub models: Vec<PathBuf>,
    /// Items in one inference.
    pub batches: Vec<u64>,
    /// Intra-operator threads.
    pub threads: Vec<u32>,
    /// Sessions side by side; SingleStream has one whatever this says.
    pub instances: Vec<u32>,
    /// Execution providers: `CPU`, `CUDA`, `OpenVINO`, …
    pub providers: Vec<String>,
    /// How far the runtime may rewrite the graph.
    pub optimisations: Vec<Optimisation>,
    /// Sizes of dynamic dimensions, by name or place: one set for each input shape.
    pub shapes: Vec<BTreeMap<String, u64>>,
    /// How load is made.
    pub scenarios: Vec<Scenario>,
    /// Shortest steady state of one run, in seconds; finite and not negative.
    pub seconds: f64,
    /// Fewest queries of one run.
    pub min_queries: u64,
    /// How many runs, and how precise.
    pub effort: Effort,
    /// Seed of generated inputs, of random arrivals and of the order.
    pub seed: u64,
    /// A `.npy` or `.npz` file with input values instead of generated ones.
    pub inputs: Option<PathBuf>,
}

impl Default for Sweep {
    /// Nothing to measure yet: batch 1, one thread, one session, CPU, all optimisations, SingleStream.
    fn default() -> Self {
        Self {
            models: Vec::new(),
            batches: vec![1],
            threads: vec![1],
            instances: vec![1],
            providers: vec!["CPU".to_owned()],
            optimisations: vec![Optimisation::All],
            shapes: vec![BTreeMap::new()],
            scenarios: vec![Scenario::SingleStream],
            seconds: 1.0,
            min_queries: 0,
            effort: Effort::default(),
            seed: 0,
            inputs: None,
        }
    }
}

/// Every combination of the sizes of each dimension: `[("h", [1, 2]), ("w", [3])]` gives h=1, w=3 and h=2, w=3.
pub fn shapes_of(dims: &[(String, Vec<u64>)]) -> Vec<BTreeMap<String, u64>> {
    let mut shapes: Vec<BTreeMap<String, u64>> = vec![BTreeMap::new()];
    for (name, sizes) in dims {
        shapes = shapes
            .iter()
            .flat_map(|shape| {
                sizes.iter().map(|size| {
                    let mut shape = shape.clone();
                    shape.insert(name.clone(), *size);
                    shape
                })
            })
            .collect();
    }
    shapes
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
    /// Which of the earlier points it goes on with, by their places; the others it has no configuration for, or another
    /// machine made them. Told once, before the first run, where there are any.
    TakenUp(Vec<usize>),
    /// Where it stands; several times a second.
    Progress {
        /// Configurations finished or failed.
        done: usize,
        /// Configurations in all.
        total: usize,
        /// Share of the runs that are done, of those expected.
        fraction: f64,
        /// What is being done, in words.
        now: String,
        /// Estimate of the time left.
        seconds_left: f64,
    },
    /// One run of a configuration is done.
    Ran {
        /// Which configuration: the same number for all its runs in this sweep.
        place: usize,
        /// Which of the earlier points the run is added to, where it is one.
        before: Option<usize>,
        /// The point with all its runs so far, without their raw samples.
        point: Box<Point>,
        /// The run, with its raw samples.
        run: Box<Run>,
        /// What all runs so far say.
        summary: Box<Summary>,
    },
    /// A configuration that has runs gets no further one, because one failed: its point says so. The failure itself is
    /// told as well.
    Ended {
        /// As in [`Event::Ran`].
        place: usize,
        /// As in [`Event::Ran`].
        before: Option<usize>,
        /// The point with all its runs, without their raw samples.
        point: Box<Point>,
        /// What they say.
        summary: Box<Summary>,
    },
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
    /// True when it was stopped before its end, or could not come to it because a connection broke: resuming goes on.
    pub cancelled: bool,
}

impl Sweep {
    /// The configurations of each model. Where a list says nothing for a scenario (sessions of SingleStream, batches
    /// of a dynamic batcher) there is one configuration instead of several alike. The input file is not read for
    /// them, so [`Config::inputs`] is `None` in all.
    pub fn configs(&self) -> Vec<Config> {
        let mut configs: Vec<Config> = Vec::new();
        for scenario in &self.scenarios {
            for provider in &self.providers {
                for optimisation in &self.optimisations {
                    for dims in &self.shapes {
                        for instances in &self.instances {
                            for threads in &self.threads {
                                for batch in &self.batches {
                                    let config = Config {
                                        batch: *batch,
                                        threads: *threads,
                                        provider: provider.clone(),
                                        dims: dims.clone(),
                                        seconds: self.seconds,
                                        min_queries: self.min_queries,
                                        seed: self.seed,
                                        inputs: None,
                                        instances: *instances,
                                        optimisation: *optimisation,
                                        scenario: scenario.clone(),
                                    };
                                    let config = normal(config);
                                    if !configs.contains(&config) {
                                        configs.push(config);
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        configs
    }
}

/// The same configuration with what its scenario does not use set to what it means.
fn normal(config: Config) -> Config {
    match &config.scenario {
        Scenario::SingleStream => Config { instances: 1, ..config },
        // A session nobody uses is none.
        Scenario::ClosedLoop { in_flight, .. } => {
            Config { instances: config.instances.min(*in_flight), ..config }
        }
        Scenario::MultiStream { samples_per_query } => {
            let batch = config.batch.min(u64::from(*samples_per_query));
            let inferences = u64::from(*samples_per_query).div_ceil(batch.max(1));
            let instances = config.instances.min(u32::try_from(inferences).unwrap_or(u32::MAX));
            Config { batch, instances, ..config }
        }
        Scenario::Server { batcher: Some(batcher), .. } => {
            Config { batch: u64::from(batcher.max_batch), ..config }
        }
        _ => config,
    }
}

/// One configuration of one model on its way.
struct Task {
    /// Place of the model among the subjects.
    subject: usize,
    config: Config,
    /// What is measured so far, with raw samples.
    point: Option<Point>,
    /// Which of the earlier points that began as.
    before: Option<usize>,
    /// Time its runs took.
    spent_secs: f64,
    over: bool,
}

/// Measures `sweep` on `machine`. Runs are handed out through `on_event` as they end; nothing is lost when it is
/// cancelled or the process is killed between them.
///
/// `before` has points of an earlier sweep that was stopped, with their raw samples: those that ended well are not
/// measured again, the others get the runs they lack. Only points of the same model, configuration, inputs and machine
/// are taken up.
pub fn run(
    sweep: &Sweep,
    before: Vec<Point>,
    tools: Tools<'_>,
    machine: &Fingerprint,
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
) -> Outcome {
    let mut configs = sweep.configs();
    let progress = RefCell::new(Progress::new(sweep, &configs, on_event));
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
    let mut connection = Connection::default();
    let (mut subjects, mut tasks) = (Vec::new(), Vec::new());
    for path in &sweep.models {
        progress.borrow_mut().now(format!("reading {}", super::shapes::file_name(path)));
        match Subject::read(path, sweep, tools, cancel, &progress) {
            Ok(subject) => {
                tasks.extend(configs.iter().map(|config| Task {
                    subject: subjects.len(),
                    config: config.clone(),
                    point: None,
                    before: None,
                    spent_secs: 0.0,
                    over: false,
                }));
                subjects.push((subject, FoundSizes::default()));
            }
            Err(WorkerError::Cancelled) => return progress.into_inner().outcome(cancel),
            Err(error) => {
                progress.borrow_mut().failed(path, None, error.to_string(), configs.len());
                if connection.is_given_up(&error, path, &progress) {
                    return progress.into_inner().outcome(cancel);
                }
            }
        }
    }
    let here = (machine, tools.launcher.target());
    take_up(before, here, &subjects, &mut tasks, &mut progress.borrow_mut());
    'rounds: for round in 0.. {
        let order = random_order(&tasks, sweep.seed, round);
        if order.is_empty() || cancel.is_cancelled() {
            break;
        }
        for place in order {
            if cancel.is_cancelled() {
                break;
            }
            let task = &mut tasks[place];
            let (subject, found) = &mut subjects[task.subject];
            let begin = Instant::now();
            let number = task.point.as_ref().map_or(0, |point| point.runs.len() as u64);
            let run = subject.measure(&task.config, number, found, tools, cancel, &progress);
            task.spent_secs += begin.elapsed().as_secs_f64();
            match run {
                Ok((run, found_dims)) => {
                    let point = task.point.get_or_insert_with(|| {
                        subject.point(&task.config, found_dims, &run, machine, tools.launcher)
                    });
                    point.runs.push(run);
                    let summary = Summary::of(point);
                    point.ended = sweep.effort.ended(
                        &task.config.scenario,
                        &summary,
                        point.runs.len(),
                        task.spent_secs,
                    );
                    task.over = point.ended.is_some();
                    progress.borrow_mut().ran(place, task.before, point, &summary);
                    connection = Connection::default();
                }
                Err(WorkerError::Cancelled) => break,
                Err(error) => {
                    task.over = true;
                    let path = &sweep.models[model_place(&sweep.models, subject.path)];
                    progress.borrow_mut().failed(path, Some(&task.config), error.to_string(), 1);
                    // What a broken connection cost can be resumed.
                    if !error.is_connection()
                        && let Some(point) = &mut task.point
                    {
                        point.ended = Some(Ended::Failed { message: error.to_string() });
                        progress.borrow_mut().ended(place, task.before, point);
                    }
                    if connection.is_given_up(&error, path, &progress) {
                        break 'rounds;
                    }
                }
            }
        }
    }
    progress.into_inner().outcome(cancel)
}

/// Whether the machine that measures can still be reached. One broken connection costs one configuration, several
/// in a row mean that the others would be lost as well.
#[derive(Default)]
struct Connection {
    /// Failures in a row.
    failures: u32,
}

/// Failures of the connection in a row after which a sweep stops.
const MOST_LOST: u32 = 3;

impl Connection {
    /// Counts a failure; true when the sweep is to stop, which is then said.
    fn is_given_up(&mut self, error: &WorkerError, model: &Path, progress: &RefCell<Progress<'_>>) -> bool {
        if !error.is_connection() {
            self.failures = 0;
            return false;
        }
        self.failures += 1;
        let mut progress = progress.borrow_mut();
        progress.lost();
        let given_up = self.failures >= MOST_LOST;
        if given_up {
            let message = format!(
                "{MOST_LOST} configurations in a row could not reach their machine, so the sweep stops here; what \
                 was measured is kept, and resuming the sweep goes on from there"
            );
            progress.failed(model, None, message, 0);
        }
        given_up
    }
}

fn model_place(models: &[PathBuf], path: &Path) -> usize {
    models.iter().position(|model| model == path).unwrap_or(0)
}

/// Gives the points of an earlier sweep to the tasks they belong to.
fn take_up(
    before: Vec<Point>,
    here: (&Fingerprint, &str),
    subjects: &[(Subject<'_>, FoundSizes)],
    tasks: &mut [Task],
    progress: &mut Progress<'_>,
) {
    let (machine, target) = here;
    let (any, mut taken) = (!before.is_empty(), Vec::new());
    for (place, mut point) in before.into_iter().enumerate() {
        let key = point.config.key();
        let task = tasks.iter_mut().find(|task| {
            task.point.is_none()
                && subjects[task.subject].0.model.sha256 == point.model_sha256
                && task.config.key() == key
                && task.config.scenario == point.config.scenario
                && task.config.inputs == point.config.inputs
                && target == point.target
                && machine.differences(&point.fingerprint).is_empty()
        });
        if let Some(task) = task {
            // What failed is tried again.
            point.ended = point.ended.filter(|ended| !ended.is_failure());
            task.over = point.ended.is_some();
            task.before = Some(place);
            taken.push(place);
            let spent = point.runs.iter().map(|run| {
                let measured = &run.measured;
                measured.load_nanos + measured.first_inference_nanos + measured.wall_nanos
            });
            task.spent_secs = spent.sum::<u64>() as f64 / 1e9;
            progress.taken_up(point.runs.len(), task.over);
            task.point = Some(point);
        }
    }
    if any {
        progress.took_up(taken);
    }
}

/// The tasks that need another run, shuffled (Fisher and Yates).
fn random_order(tasks: &[Task], seed: u64, round: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..tasks.len()).filter(|place| !tasks[*place].over).collect();
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for last in (1..order.len()).rev() {
        let other = random.next_u64() % (last as u64 + 1);
        order.swap(last, usize::try_from(other).unwrap_or(last));
    }
    order
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
