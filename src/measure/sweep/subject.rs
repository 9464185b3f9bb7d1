//! One model of a sweep: read once, run in a worker for each configuration.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::effort::{most_series_secs, run_secs};
use super::progress::Progress;
use super::{Sweep, Tools, runtime_for};
use crate::hardware::Fingerprint;
use crate::measure::cancel::Cancel;
use crate::measure::inputs::Arrays;
use crate::measure::launcher::{Launcher, WorkerError};
use crate::measure::model_file::{self, ModelFileError};
use crate::measure::protocol::{self, Feed, LoadSpec, Request, SessionSpec, Source, Stage};
use crate::measure::transfer::bring_model;
use crate::measure::{Config, Measured, Point, Rate, Run, Scenario, over_time, runtime, shapes};
use crate::model::Model;

/// A model of the sweep.
pub(super) struct Subject<'a> {
    pub path: &'a Path,
    pub model: Model,
    arrays: Option<Arrays>,
    source: Source,
}

/// What trying sizes for a model's free dimensions has taught, for one set of sizes that somebody set.
#[derive(Default)]
pub(super) struct FoundSizes {
    /// Sizes the model accepts: used for all its configurations with these sizes set.
    sizes: BTreeMap<BTreeMap<String, u64>, BTreeMap<String, u64>>,
    /// Provider, batch and set sizes for which none were accepted: not tried again for another thread count.
    refused: BTreeMap<(String, u64, BTreeMap<String, u64>), WorkerError>,
}

/// Rates tried at most for the highest one, and what a queue may need to empty: see `load`.
const SILENT_TRIALS: f64 = 24.0;

impl<'a> Subject<'a> {
    pub(super) fn read(
        path: &'a Path,
        sweep: &Sweep,
        tools: Tools<'_>,
        cancel: &Cancel,
        progress: &RefCell<Progress<'_>>,
    ) -> Result<Self, WorkerError> {
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
        let mut say = |words: String| progress.borrow_mut().now(words);
        let model_there = (path, model.sha256.as_str());
        bring_model(model_there, sweep.inputs.as_deref(), tools.launcher, cancel, &mut say)?;
        Ok(Self { path, model, arrays, source })
    }

    /// The `number`th run of one configuration, in a fresh worker; with the sizes found for free dimensions.
    pub(super) fn measure(
        &self,
        config: &Config,
        number: u64,
        found: &mut FoundSizes,
        tools: Tools<'_>,
        cancel: &Cancel,
        progress: &RefCell<Progress<'_>>,
    ) -> Result<(Run, BTreeMap<String, u64>), WorkerError> {
        let words = format!("{}, {}", self.model.name, config.words());
        let session = SessionSpec {
            runtime: runtime_for(tools, &config.provider)?,
            model: self.path.to_path_buf(),
            provider: config.provider.clone(),
            threads: config.threads,
            optimisation: config.optimisation,
        };
        let found_dims = self.sizes(config, &session, found, tools, cancel, &words, progress)?;
        let feeds = self.feeds(config, &found_dims)?;
        let batch = u32::try_from(config.batch)
            .map_err(|_large| WorkerError::Refused(format!("a batch of {} is too large", config.batch)))?;
        let load = LoadSpec {
            scenario: config.scenario.clone(),
            batch,
            instances: config.instances,
            seconds: config.seconds,
            min_queries: config.min_queries,
            most_seconds: most_series_secs(config.seconds),
            // Runs are independent: each has arrivals of its own.
            seed: config.seed.wrapping_add(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
        };
        let busy_for = silent_for(config, &load);
        progress.borrow_mut().now(format!("{words}: starting a worker"));
        let started_unix_secs =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let mut worker = tools.launcher.start(cancel)?;
        let answer = worker.ask(
            &Request::Bench { session, feeds, load },
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
        let measured = with_warm_up(*measured, config);
        Ok((Run { started_unix_secs, measured, moved_warm_up: None }, found_dims))
    }

    /// The inputs of one inference, or of each batch size a dynamic batcher may choose.
    fn feeds(&self, config: &Config, found_dims: &BTreeMap<String, u64>) -> Result<Vec<Feed>, WorkerError> {
        let feed = |batch: u64| {
            let resolution = shapes::resolve(&self.model, batch, &config.dims, self.arrays.as_ref())
                .map_err(WorkerError::Refused)?;
            let shapes = resolution.shapes(found_dims).ok_or_else(|| {
                WorkerError::Refused("the sizes of its dynamic dimensions are too large".to_owned())
            })?;
            Ok(shapes::feed_of(&self.model, &shapes, self.source.clone()))
        };
        match &config.scenario {
            Scenario::Server { batcher: Some(batcher), .. } => {
                (1..=u64::from(batcher.max_batch)).map(feed).collect()
            }
            _ => Ok(vec![feed(config.batch)?]),
        }
    }

    /// Sizes of the free dimensions, found by trying once for all configurations that set the same others.
    #[expect(clippy::too_many_arguments, reason = "one step of `measure`, split off for its length")]
    fn sizes(
        &self,
        config: &Config,
        session: &SessionSpec,
        found: &mut FoundSizes,
        tools: Tools<'_>,
        cancel: &Cancel,
        words: &str,
        progress: &RefCell<Progress<'_>>,
    ) -> Result<BTreeMap<String, u64>, WorkerError> {
        if let Some(sizes) = found.sizes.get(&config.dims) {
            return Ok(sizes.clone());
        }
        let resolution = shapes::resolve(&self.model, config.batch, &config.dims, self.arrays.as_ref())
            .map_err(WorkerError::Refused)?;
        let key = (config.provider.clone(), config.batch, config.dims.clone());
        if let Some(refused) = found.refused.get(&key) {
            return Err(refused.clone());
        }
        let mut on_try = |sizes: &str| progress.borrow_mut().now(format!("{words}: trying {sizes}"));
        let Self { model, source, .. } = self;
        let tried = shapes::find(tools.launcher, session, model, &resolution, source, cancel, &mut on_try);
        let sizes = tried.inspect_err(|error| {
            if !error.is_connection() {
                found.refused.insert(key, error.clone());
            }
        })?;
        found.sizes.insert(config.dims.clone(), sizes.clone());
        Ok(sizes)
    }

    /// A point without runs yet.
    pub(super) fn point(
        &self,
        config: &Config,
        found_dims: BTreeMap<String, u64>,
        run: &Run,
        machine: &Fingerprint,
        launcher: &Launcher,
    ) -> Point {
        let measured = &run.measured;
        Point {
            model: self.model.name.clone(),
            model_sha256: self.model.sha256.clone(),
            config: config.clone(),
            input_shapes: measured.input_shapes.clone(),
            found_dims,
            runs: Vec::new(),
            ended: None,
            runtime_version: measured.runtime_version.clone().unwrap_or_else(|| "unknown".to_owned()),
            fingerprint: machine.clone(),
            target: launcher.target().to_owned(),
            started_unix_secs: run.started_unix_secs,
        }
    }
}

/// What a run did over time, and where its warm-up ends, where its latencies can show one.
fn with_warm_up(mut measured: Measured, config: &Config) -> Measured {
    let steadiness = over_time::steadiness(&config.scenario, &measured.series);
    let cut = steadiness.as_ref().map_or(0, |found| found.cut);
    if cut > 0 {
        // The minima are those of what counts.
        let left = measured.queries.saturating_sub(cut as u64);
        if left < config.min_queries {
            let asked = config.min_queries;
            let words = format!(
                "too few queries after the warm-up: {left} of the {asked} asked for; allow a longer run"
            );
            measured.invalid.push(words);
        }
        let began = measured.series.began_nanos.get(cut).copied().unwrap_or(0);
        let steady_secs = measured.wall_nanos.saturating_sub(began) as f64 / 1e9;
        if steady_secs < config.seconds {
            measured.invalid.push(format!(
                "too short after the warm-up: {steady_secs:.2} s of the {:.2} s asked for; allow a longer run",
                config.seconds
            ));
        }
    }
    Measured { warm_up: cut as u64, steadiness, ..measured }
}

/// How long the worker will rightly say nothing.
fn silent_for(config: &Config, load: &LoadSpec) -> Duration {
    let usual = run_secs(config) * 2.0;
    let longest = match &config.scenario {
        Scenario::Server { rate: Rate::Highest { .. }, .. } => load.most_seconds * SILENT_TRIALS,
        _ if config.min_queries > 0 => load.most_seconds,
        _ => 0.0,
    };
    // The last queries of each rate wait for company.
    let delay = match &config.scenario {
        Scenario::Server { rate, batcher: Some(batcher), .. } => {
            let rates = if matches!(rate, Rate::Highest { .. }) { SILENT_TRIALS } else { 1.0 };
            batcher.max_delay().as_secs_f64() * rates
        }
        _ => 0.0,
    };
    Duration::try_from_secs_f64(usual + longest + delay).unwrap_or(Duration::ZERO)
}

/// What the runtime itself says of a model that we cannot read; `None` when it has nothing against it.
fn refusal(path: &Path, sweep: &Sweep, tools: Tools<'_>, cancel: &Cancel) -> Option<WorkerError> {
    let found = sweep
        .providers
        .iter()
        .find_map(|provider| Some((provider, runtime::choose(tools.runtimes, provider)?.path.clone())));
    let (provider, runtime) = found?;
    let session = SessionSpec {
        runtime,
        model: path.to_owned(),
        provider: provider.clone(),
        threads: 1,
        optimisation: crate::measure::Optimisation::All,
    };
    let mut worker = tools.launcher.start(cancel).ok()?;
    worker.ask(&Request::Load { session }, Duration::ZERO, cancel, &mut |_| (), &mut || ()).err()
}

fn stage_words(stage: Stage) -> &'static str {
    match stage {
        Stage::Loading => "loading",
        Stage::First => "first inference",
        Stage::WarmUp => "warming up",
        Stage::Steady => "measuring",
    }
}
