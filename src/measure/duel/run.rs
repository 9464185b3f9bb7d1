//! Runs a race: loads both sides in fresh processes, has them run blocks in turn, and stops when enough is known.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::order::Orders;
use super::{Contender, Duel, End, Round, Settings, Side, words};
use crate::hardware::Fingerprint;
use crate::measure::cancel::Cancel;
use crate::measure::inputs::{self, Arrays};
use crate::measure::launcher::{Worker, WorkerError};
use crate::measure::protocol::{self, Feed, Request, SessionSpec, Source};
use crate::measure::stats::ratio::MIN_PAIRS;
use crate::measure::stats::{self, Pair, Percentile, Ratio};
use crate::measure::sweep::{Tools, runtime_for};
use crate::measure::transfer::bring_model;
use crate::measure::{Config, model_file, runtime, shapes};
use crate::model::Model;

/// The chance that intervals are made for.
const LEVEL: f64 = 0.95;
/// What is compared.
const PERCENTILES: [Percentile; 3] = [Percentile::P50, Percentile::P90, Percentile::P99];
/// Rounds of a process before its interval is looked at: each order of three lanes twice.
const LEAST_ROUNDS: usize = 12;
/// How much narrower a process's own interval is to be than the one asked for: what differs between processes comes
/// on top.
const WITHIN_GROUP: f64 = 0.75;
/// Inferences in a block of a slow model.
const LEAST_INFERENCES: f64 = 4.0;
/// The longest block, in milliseconds.
const LONGEST_MILLIS: f64 = 2_000.0;
/// Processes at most, as a multiple of those asked for.
const MOST_GROUPS: u32 = 4;
/// Latencies kept.
const KEPT: usize = 200_000;

/// What happens during a race.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Where it stands; a few times a second.
    Progress {
        /// Share of the time that is used.
        fraction: f64,
        /// What is being done, in words.
        now: String,
        /// Time left if it takes all it may, in seconds.
        seconds_left: f64,
    },
}

/// How a race ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// What was found; where it was stopped or broke, from what was run until then. `None` without one round.
    pub duel: Option<Duel>,
    /// Why it did not come to its end, in words; [`WorkerError::Cancelled`]'s where somebody stopped it.
    pub problem: Option<String>,
}

/// Runs `a` against `b`, or against itself alone where there is no `b`.
pub fn run(
    a: &Side,
    b: Option<&Side>,
    settings: &Settings,
    tools: Tools<'_>,
    machine: &Fingerprint,
    cancel: &Cancel,
    on_event: &mut dyn FnMut(Event),
) -> Outcome {
    let started_unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let settings = Settings { self_test: settings.self_test || b.is_none(), ..*settings };
    let mut race = match Race::prepare(a, b, settings, tools, cancel, on_event) {
        Ok(race) => race,
        Err(error) => return Outcome { duel: None, problem: Some(error.to_string()) },
    };
    let (ended, problem) = match race.run() {
        Ok(ended) => (ended, None),
        Err(WorkerError::Cancelled) => (End::Stopped, Some(WorkerError::Cancelled.to_string())),
        Err(error) => (End::Broken(error.to_string()), Some(error.to_string())),
    };
    let duel = (!race.rounds.is_empty()).then(|| race.duel(ended, machine, started_unix_secs));
    Outcome { duel, problem }
}

/// A side, ready to run.
struct Runner {
    model: Model,
    config: Config,
    session: SessionSpec,
    feed: Feed,
    input_shapes: BTreeMap<String, Vec<u64>>,
    found_dims: BTreeMap<String, u64>,
    runtime_version: String,
    library: Option<PathBuf>,
    load_nanos: Vec<u64>,
}

/// What takes turns: A, B, and A once more.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// Place of the side among the runners.
    side: usize,
    /// Number of its session in the worker.
    slot: u32,
}

struct Race<'r> {
    tools: Tools<'r>,
    cancel: &'r Cancel,
    on_event: &'r mut dyn FnMut(Event),
    settings: Settings,
    sides: Vec<Runner>,
    lanes: Vec<Lane>,
    /// Every round: its process, and a block of each lane.
    rounds: Vec<(u32, Vec<Vec<u64>>)>,
    groups: u32,
    /// Time that blocks took, in seconds.
    spent: f64,
}

impl<'r> Race<'r> {
    fn prepare(
        a: &Side,
        b: Option<&Side>,
        settings: Settings,
        tools: Tools<'r>,
        cancel: &'r Cancel,
        on_event: &'r mut dyn FnMut(Event),
    ) -> Result<Self, WorkerError> {
        settings.check().map_err(WorkerError::Refused)?;
        let mut sides = vec![Runner::prepare(a, None, tools, cancel, on_event)?];
        let mut lanes = vec![Lane { side: 0, slot: 0 }];
        if let Some(b) = b {
            sides.push(Runner::prepare(b, sides.first(), tools, cancel, on_event)?);
            lanes.push(Lane { side: 1, slot: 1 });
        }
        if settings.self_test {
            lanes.push(Lane { side: 0, slot: 2 });
        }
        let (rounds, groups, spent) = (Vec::new(), 0, 0.0);
        Ok(Self { tools, cancel, on_event, settings, sides, lanes, rounds, groups, spent })
    }

    /// Processes one after another until the interval is narrow enough or the time is up.
    fn run(&mut self) -> Result<End, WorkerError> {
        let Settings { groups, seconds, within, .. } = self.settings;
        let share = seconds / f64::from(groups);
        loop {
            self.group(share.min(seconds - self.spent))?;
            if self.groups < groups {
                continue;
            }
            if self.is_narrow(&self.rounds, within) {
                return Ok(End::Precise);
            }
            if self.spent >= seconds || self.groups >= groups.saturating_mul(MOST_GROUPS) {
                return Ok(End::TimeUp);
            }
        }
    }

    /// Rounds in a fresh process (one for each library, where the sides use two), for so many seconds of blocks.
    fn group(&mut self, share: f64) -> Result<(), WorkerError> {
        let group = self.groups;
        self.report(format!("process {}: loading", group + 1));
        let mut workers: Vec<(PathBuf, Worker)> = Vec::new();
        for side in &self.sides {
            if !workers.iter().any(|(library, _)| *library == side.session.runtime) {
                workers.push((side.session.runtime.clone(), self.tools.launcher.start(self.cancel)?));
            }
        }
        // The first round loads and warms up, and tells how long a block must be; it does not count.
        let mut millis = Vec::new();
        for lane in self.lanes.clone() {
            let (mut block, load_nanos) = self.block(&mut workers, lane, self.settings.block_millis)?;
            block.sort_unstable();
            let median = Percentile::P50.of(&block).unwrap_or(0) as f64 / 1e6;
            millis.push((median * LEAST_INFERENCES).min(LONGEST_MILLIS).max(self.settings.block_millis));
            if lane.slot < 2 {
                self.sides[lane.side].load_nanos.extend(load_nanos);
            }
        }
        // One length for all lanes: a round's blocks are to meet the same machine.
        let length = millis.iter().copied().fold(0.0, f64::max);
        self.groups += 1;
        let first = self.rounds.len();
        let mut look = LEAST_ROUNDS;
        // Fewer rounds in all could decide nothing, however slow the model.
        let least = MIN_PAIRS.div_ceil(self.settings.groups as usize);
        let mut used = 0.0;
        for order in Orders::new(self.lanes.len(), self.settings.seed ^ (u64::from(group) << 32)) {
            let begin = Instant::now();
            let mut blocks = vec![Vec::new(); self.lanes.len()];
            for place in order {
                blocks[place] = self.block(&mut workers, self.lanes[place], length)?.0;
            }
            let took = begin.elapsed().as_secs_f64();
            self.rounds.push((group, blocks));
            used += took;
            self.spent += took;
            let rounds = self.rounds.len() - first;
            self.report(format!("process {}: {rounds} pairs of blocks", group + 1));
            if rounds < least {
                continue;
            }
            if used >= share {
                break;
            }
            if rounds >= look {
                // Looking takes longer with each round; so looks become rarer.
                look = rounds + rounds.div_ceil(3);
                if self.is_narrow(&self.rounds[first..], self.settings.within * WITHIN_GROUP) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// One block of a lane: its latencies, and the time to load where it was the lane's first.
    fn block(
        &mut self,
        workers: &mut [(PathBuf, Worker)],
        lane: Lane,
        millis: f64,
    ) -> Result<(Vec<u64>, Option<u64>), WorkerError> {
        let side = &self.sides[lane.side];
        let Some((_, worker)) = workers.iter_mut().find(|(library, _)| *library == side.session.runtime)
        else {
            return Err(WorkerError::Protocol("a side has no worker".to_owned()));
        };
        let request = Request::Block {
            session: side.session.clone(),
            feed: side.feed.clone(),
            millis,
            slot: lane.slot,
        };
        let busy_for = Duration::from_secs_f64(2.0 * millis / 1e3);
        let answer = worker.ask(&request, busy_for, self.cancel, &mut |_| (), &mut || ());
        match answer.map_err(|error| named(error, &side.model.name, &side.config))? {
            protocol::Event::Block { latency_nanos, load_nanos } if !latency_nanos.is_empty() => {
                Ok((latency_nanos, load_nanos))
            }
            other => Err(WorkerError::Protocol(format!("{other:?} instead of a block's latencies"))),
        }
    }

    fn report(&mut self, now: String) {
        let seconds_left = (self.settings.seconds - self.spent).max(0.0);
        let fraction = (self.spent / self.settings.seconds).min(1.0);
        (self.on_event)(Event::Progress { fraction, now, seconds_left });
    }

    /// Whether the intervals of both comparisons of medians are narrow enough.
    fn is_narrow(&self, rounds: &[(u32, Vec<Vec<u64>>)], within: f64) -> bool {
        let rounds = Scaled::new(rounds, &self.scales());
        (1..self.lanes.len()).all(|lane| {
            let ratio = rounds.compare(lane, Percentile::P50, None, self.settings.seed);
            ratio.estimate.is_some_and(|found| (found.high - found.low) / 2.0 / found.ratio <= within)
        })
    }

    /// What each lane's latencies are multiplied with, so that they compare per item: 1 where batches are alike.
    fn scales(&self) -> Vec<u64> {
        let batches: Vec<u64> = self.sides.iter().map(|side| side.config.batch.max(1)).collect();
        let of = |lane: &Lane| {
            if batches.iter().all(|batch| *batch == batches[0]) { 1 } else { batches[1 - lane.side] }
        };
        self.lanes.iter().map(of).collect()
    }

    fn duel(&self, ended: End, machine: &Fingerprint, started_unix_secs: u64) -> Duel {
        let again = if self.settings.self_test { self.lanes.len().checked_sub(1) } else { None };
        let has_b = self.sides.len() > 1;
        let scaled = Scaled::new(&self.rounds, &self.scales());
        let seed = self.settings.seed;
        let mut same: Vec<Ratio> = again
            .map(|lane| PERCENTILES.map(|percentile| scaled.compare(lane, percentile, None, seed)).to_vec())
            .unwrap_or_default();
        let resolutions: Vec<Option<f64>> =
            same.iter().map(|ratio| stats::resolution(std::slice::from_ref(ratio), LEVEL)).collect();
        for (ratio, resolution) in same.iter_mut().zip(&resolutions) {
            ratio.resolution = *resolution;
        }
        let ratios: Vec<Ratio> = PERCENTILES
            .into_iter()
            .enumerate()
            .filter(|_| has_b)
            .map(|(place, percentile)| {
                scaled.compare(1, percentile, resolutions.get(place).copied().flatten(), seed)
            })
            .collect();
        let total: usize = self.rounds.iter().flat_map(|(_, blocks)| blocks).map(Vec::len).sum();
        let step = total.div_ceil(KEPT).max(1);
        let kept = |blocks: &[Vec<u64>], lane: Option<usize>| -> Vec<u64> {
            lane.and_then(|lane| blocks.get(lane))
                .map(|block| block.iter().step_by(step).copied().collect())
                .unwrap_or_default()
        };
        let b = has_b.then_some(1);
        let rounds = self.rounds.iter().map(|(group, blocks)| Round {
            group: *group,
            a: kept(blocks, Some(0)),
            b: kept(blocks, b),
            again: kept(blocks, again),
        });
        let mut duel = Duel {
            a: self.contender(0),
            b: b.map(|side| self.contender(side)),
            ratios,
            same,
            tested: self.sides[0].model.name.clone(),
            resolution: resolutions.first().copied().flatten(),
            sentence: String::new(),
            pairs: self.rounds.len() as u64,
            groups: self.groups,
            seconds: self.spent,
            ended,
            settings: self.settings,
            fingerprint: machine.clone(),
            target: self.tools.launcher.target().to_owned(),
            started_unix_secs,
            rounds: rounds.collect(),
            thinned: step as u64,
        };
        duel.sentence = words::sentence(&duel);
        duel
    }

    fn contender(&self, side: usize) -> Contender {
        let runner = &self.sides[side];
        let mut latencies: Vec<u64> = self
            .rounds
            .iter()
            .flat_map(|(_, blocks)| blocks.get(side).into_iter().flatten().copied())
            .collect();
        latencies.sort_unstable();
        let total: f64 = latencies.iter().map(|nanos| *nanos as f64).sum();
        let items = latencies.len() as f64 * runner.config.batch as f64;
        Contender {
            model: runner.model.name.clone(),
            model_sha256: runner.model.sha256.clone(),
            config: runner.config.clone(),
            input_shapes: runner.input_shapes.clone(),
            found_dims: runner.found_dims.clone(),
            runtime_version: runner.runtime_version.clone(),
            library: runner.library.clone(),
            samples: latencies.len() as u64,
            p50_ms: Percentile::P50.of(&latencies).map(|nanos| nanos as f64 / 1e6),
            items_per_second: (total > 0.0).then(|| items / (total / 1e9)),
            load_nanos: runner.load_nanos.clone(),
        }
    }
}

/// Rounds whose latencies compare per item.
struct Scaled<'r> {
    rounds: &'r [(u32, Vec<Vec<u64>>)],
    /// The same with other batches; empty where they compare as they are.
    copies: Vec<Vec<Vec<u64>>>,
}

impl<'r> Scaled<'r> {
    fn new(rounds: &'r [(u32, Vec<Vec<u64>>)], scales: &[u64]) -> Self {
        let copies = if scales.iter().all(|scale| *scale == 1) {
            Vec::new()
        } else {
            let scaled = |(block, scale): (&Vec<u64>, &u64)| {
                block.iter().map(|nanos| nanos.saturating_mul(*scale)).collect::<Vec<u64>>()
            };
            rounds.iter().map(|(_, blocks)| blocks.iter().zip(scales).map(scaled).collect()).collect()
        };
        Self { rounds, copies }
    }

    /// Lane 0 against another.
    fn compare(&self, lane: usize, percentile: Percentile, resolution: Option<f64>, seed: u64) -> Ratio {
        let pairs: Vec<Pair<'_>> = self
            .rounds
            .iter()
            .enumerate()
            .filter_map(|(place, (group, blocks))| {
                let blocks = self.copies.get(place).unwrap_or(blocks);
                Some(Pair { a: blocks.first()?, b: blocks.get(lane)?, process: *group as usize })
            })
            .collect();
        stats::compare(&pairs, percentile, LEVEL, resolution, seed)
    }
}

impl Runner {
    /// Reads a model and finds shapes for its inputs; free dimensions get the sizes that those of the same name have
    /// in `like`.
    fn prepare(
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
        let (runtime, runtime_version) = match library {
            Some(library) => {
                let version = runtime::version_for(library, &config.provider, tools.launcher, cancel);
                (library.clone(), version.map_err(|error| named(error, &model.name, config))?)
            }
            None => {
                let chosen = runtime_for(tools, &config.provider)?;
                let found = tools.runtimes.iter().find(|found| found.path == chosen);
                let version = found.and_then(|found| found.version.clone());
                (chosen, version)
            }
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
