//! A side of a race, ready to run: its model read and brought to where it runs, its runtime chosen, its shapes found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::Side;
use super::run::Event;
use crate::measure::cancel::Cancel;
use crate::measure::inputs::{self, Arrays};
use crate::measure::launcher::WorkerError;
use crate::measure::protocol::{Feed, SessionSpec, Source};
use crate::measure::sweep::{Tools, runtime_for};
use crate::measure::transfer::bring_model;
use crate::measure::{Config, model_file, runtime, shapes};
use crate::model::Model;

/// A side, ready to run.
pub(super) struct Runner {
    pub(super) model: Model,
    pub(super) config: Config,
    pub(super) session: SessionSpec,
    pub(super) feed: Feed,
    pub(super) input_shapes: BTreeMap<String, Vec<u64>>,
    pub(super) found_dims: BTreeMap<String, u64>,
    pub(super) runtime_version: String,
    pub(super) library: Option<PathBuf>,
    pub(super) load_nanos: Vec<u64>,
}

impl Runner {
    /// Reads a model and finds shapes for its inputs; free dimensions get the sizes that those of the same name have
    /// in `like`.
    pub(super) fn prepare(
        side: &Side,
        like: Option<&Runner>,
        tools: Tools<'_>,
        cancel: &Cancel,
        on_event: &mut dyn FnMut(Event),
    ) -> Result<Self, WorkerError> {
        let Side { model: path, config, inputs, library } = side;
        check(path, config)?;
        let model = model_file::read(path).map_err(|error| WorkerError::Refused(error.to_string()))?;
        let refused = |message: String| named(WorkerError::Refused(message), &model.name, config);
        let bad_inputs = |error: inputs::FeedError| refused(error.to_string());
        let arrays = inputs.as_deref().map(Arrays::open).transpose().map_err(bad_inputs)?;
        let identity = inputs.as_deref().map(inputs::identity).transpose().map_err(bad_inputs)?;
        let mut say = |now: String| on_event(Event::Progress { fraction: 0.0, now, seconds_left: 0.0 });
        let sent = (path.as_path(), model.sha256.as_str());
        bring_model(sent, inputs.as_deref(), tools.launcher, cancel, &mut say)?;
        let (runtime, runtime_version) = if let Some(library) = library {
            let version = runtime::version_for(library, &config.provider, tools.launcher, cancel);
            (library.clone(), version.map_err(|error| named(error, &model.name, config))?)
        } else {
            let chosen = runtime_for(tools, &config.provider)?;
            let found = tools.runtimes.iter().find(|found| found.path == chosen);
            let version = found.and_then(|found| found.version.clone());
            (chosen, version)
        };
        let session = SessionSpec {
            runtime,
            model: path.clone(),
            provider: config.provider.clone(),
            threads: config.threads,
            optimisation: config.optimisation,
        };
        let mut set = config.dims.clone();
        let mut resolution = shapes::resolve(&model, config.batch, &set, arrays.as_ref()).map_err(refused)?;
        if let Some(like) = like {
            let known = resolution.free().iter().filter_map(|dim| {
                let size = like.found_dims.get(&dim.name).or_else(|| like.config.dims.get(&dim.name))?;
                Some((dim.name.clone(), *size))
            });
            set.extend(known.collect::<Vec<_>>());
            resolution = shapes::resolve(&model, config.batch, &set, arrays.as_ref()).map_err(refused)?;
        }
        let source = match inputs {
            Some(path) => Source::File { path: path.clone(), first: 0 },
            None => Source::Generated { seed: config.seed },
        };
        let mut on_try = |sizes: &str| say(format!("{}: trying {sizes}", model.name));
        let mut found =
            shapes::find(tools.launcher, &session, &model, &resolution, &source, cancel, &mut on_try)
                .map_err(|error| named(error, &model.name, config))?;
        let input_shapes = resolution
            .shapes(&found)
            .ok_or_else(|| refused("the sizes of its dynamic dimensions are too large".to_owned()))?;
        let feed = shapes::feed_of(&model, &input_shapes, source);
        found.extend(set.into_iter().filter(|(name, _)| !config.dims.contains_key(name)));
        Ok(Self {
            session,
            feed,
            input_shapes,
            found_dims: found,
            config: Config { inputs: identity, ..config.clone() },
            runtime_version: runtime_version.unwrap_or_else(|| "unknown".to_owned()),
            library: library.clone(),
            load_nanos: Vec::new(),
            model,
        })
    }
}

/// Refuses configurations that no race can run.
fn check(path: &Path, config: &Config) -> Result<(), WorkerError> {
    if config.is_plain_but_for_optimisation() && config.batch > 0 && config.threads > 0 {
        return Ok(());
    }
    Err(WorkerError::Refused(format!(
        "a race runs one query at a time on one session, with a batch and threads from 1; {} is asked for of {}",
        config.words(),
        shapes::file_name(path)
    )))
}

/// An error that says whose it is.
fn named(error: WorkerError, model: &str, config: &Config) -> WorkerError {
    match error {
        WorkerError::Refused(message) => {
            WorkerError::Refused(format!("{model}, {}: {message}", config.words()))
        }
        other => other,
    }
}
