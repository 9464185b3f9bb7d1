//! Runs a race: creates both sides' sessions again and again in fresh processes, has them take turns, and stops when
//! enough is known.

use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::order::Orders;
use super::runner::Runner;
use super::{Contender, Duel, End, Round, Settings, Side, stop, words};
use crate::hardware::Fingerprint;
use crate::measure::cancel::Cancel;
use crate::measure::launcher::{Worker, WorkerError};
use crate::measure::protocol::{self, LaneSpec, Request, TurnSpec};
use crate::measure::stats::ratio::MIN_PAIRS;
use crate::measure::stats::{self, Pair, Percentile, Ratio};
use crate::measure::sweep::Tools;

/// The chance that intervals are made for.
const LEVEL: f64 = 0.95;
/// What is compared.
const PERCENTILES: [Percentile; 3] = [Percentile::P50, Percentile::P90, Percentile::P99];
/// Sets of sessions in a process, as far as creating them leaves time.
const SETS: f64 = 4.0;
/// A set's time at most, in seconds: another set tells more than more of the same.
const LONGEST_SET_SECS: f64 = 0.5;
/// A set's time at least, as a multiple of the time that its sessions took to create.
const LOADS_IN_SET: f64 = 3.0;
/// Blocks of a set at least.
const BLOCKS: f64 = 4.0;
/// A block's time, in seconds, as far as it holds enough rounds.
const BLOCK_SECS: (f64, f64) = (0.02, 0.25);
/// Rounds of a block at least, unless they take longer than [`LONGEST_BLOCK_SECS`].
const LEAST_ROUNDS: u32 = 4;
/// A block's time at most, in seconds.
const LONGEST_BLOCK_SECS: f64 = 2.0;
/// Warm-up of a set, in seconds: the first in a process, and those after it.
const WARM_UP_SECS: (f64, f64) = (0.2, 0.05);
/// Threads of a session spin for a while when an inference is done. So long, in milliseconds, nothing counts at the
/// start of a turn of sessions with threads of their own, and so long what counts goes on.
const SPIN_MILLIS: (f64, f64) = (3.0, 10.0);
/// Processes at most, as a multiple of those asked for.
const MOST_GROUPS: u32 = 4;
/// Latencies kept.
const KEPT: usize = 200_000;
/// With each so many latencies in memory, only half as many turns of the blocks to come are kept: an hour of turns of
/// some microseconds is some hundred million.
const HALVED_AFTER: usize = 4 << 20;

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
    let duel = (!race.blocks.is_empty()).then(|| race.duel(ended, machine, started_unix_secs));
    Outcome { duel, problem }
}

/// A block: for a while, all lanes took turns.
struct Block {
    group: u32,
    set: u32,
    /// Latencies of each lane.
    lanes: Vec<Vec<u64>>,
}

/// The latencies of each lane in a block, and the time to load of the lanes whose sessions it created.
type Turned = (Vec<Vec<u64>>, Vec<(usize, u64)>);

struct Race<'r> {
    tools: Tools<'r>,
    cancel: &'r Cancel,
    on_event: &'r mut dyn FnMut(Event),
    settings: Settings,
    sides: Vec<Runner>,
    /// What takes turns, as places among the sides: A, B, and A once more.
    lanes: Vec<usize>,
    blocks: Vec<Block>,
    groups: u32,
    sets: u32,
    /// In which order processes take turns, where the sides cannot share one.
    orders: Orders,
    /// Latencies in memory.
    held: usize,
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
        let mut lanes = vec![0];
        if let Some(b) = b {
            sides.push(Runner::prepare(b, sides.first(), tools, cancel, on_event)?);
            lanes.push(1);
        }
        if settings.self_test {
            lanes.push(0);
        }
        let (blocks, groups, sets, spent) = (Vec::new(), 0, 0, 0.0);
        let orders = Orders::new(lanes.len(), settings.seed);
        Ok(Self {
            tools,
            cancel,
            on_event,
            settings,
            sides,
            lanes,
            blocks,
            groups,
            sets,
            orders,
            held: 0,
            spent,
        })
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
            if stop::may_end(self.sets) && self.is_narrow(&self.blocks, within) {
                return Ok(End::Precise);
            }
            // A slow model goes on until there is something to say.
            let is_over = self.spent >= seconds && self.is_narrow(&self.blocks, f64::INFINITY);
            if is_over || self.groups >= groups.saturating_mul(MOST_GROUPS) {
                return Ok(End::TimeUp);
            }
        }
    }

    /// Sets of sessions in a fresh process (one for each library, where the sides use two), for so many seconds of
    /// blocks.
    fn group(&mut self, share: f64) -> Result<(), WorkerError> {
        self.report(format!("process {}: loading", self.groups + 1));
        let mut workers: Vec<(PathBuf, Worker)> = Vec::new();
        for side in &self.sides {
            if !workers.iter().any(|(library, _)| *library == side.session.runtime) {
                workers.push((side.session.runtime.clone(), self.tools.launcher.start(self.cancel)?));
            }
        }
        self.groups += 1;
        let first = self.blocks.len();
        // Fewer blocks in all could decide nothing, however slow the model.
        let least = MIN_PAIRS.div_ceil(self.settings.groups as usize);
        let (mut used, mut sets) = (0.0, 0);
        while used < share || self.blocks.len() - first < least {
            used += self.set(&mut workers, sets == 0, share, share - used)?;
            sets += 1;
            if stop::is_look(sets, self.settings.groups)
                && self.blocks.len() - first >= least
                && self.is_narrow(&self.blocks[first..], self.settings.within * stop::WITHIN_PROCESS)
            {
                break;
            }
        }
        Ok(())
    }

    /// Blocks of sessions created anew; how long they took, in seconds.
    fn set(
        &mut self,
        workers: &mut [(PathBuf, Worker)],
        is_first: bool,
        share: f64,
        left: f64,
    ) -> Result<f64, WorkerError> {
        let (group, set) = (self.groups - 1, self.sets);
        let seed = self.settings.seed ^ (u64::from(set) << 32);
        // Of sessions alike, the one created last is often a little faster.
        let created: Vec<usize> =
            Orders::new(self.lanes.len(), seed).next().unwrap_or_else(|| (0..self.lanes.len()).collect());
        // The first block creates the sessions and warms them up; it does not count.
        let warm_up = if is_first { WARM_UP_SECS.0 } else { WARM_UP_SECS.1 };
        let (_, loads) = self.block(workers, &created, set, warm_up, seed)?;
        let mut loading = 0.0;
        for (lane, nanos) in loads {
            loading += nanos as f64 / 1e9;
            // Each side once: A has a second session in a race against itself.
            if self.lanes.iter().position(|side| *side == self.lanes[lane]) == Some(lane) {
                self.sides[self.lanes[lane]].load_nanos.push(nanos);
            }
        }
        let length = (share / SETS).min(LONGEST_SET_SECS).max(LOADS_IN_SET * loading).min(left);
        let block = (length / BLOCKS).clamp(BLOCK_SECS.0, BLOCK_SECS.1);
        self.sets += 1;
        let mut used = 0.0;
        for number in 1_u64.. {
            let begin = Instant::now();
            let (mut lanes, _) = self.block(workers, &created, set, block, seed.wrapping_add(number))?;
            let took = begin.elapsed().as_secs_f64();
            let step = 1_usize << (self.held / HALVED_AFTER).min(32);
            if step > 1 {
                for lane in &mut lanes {
                    *lane = lane.iter().step_by(step).copied().collect();
                }
            }
            self.held += lanes.iter().map(Vec::len).sum::<usize>();
            self.blocks.push(Block { group, set, lanes });
            used += took;
            self.spent += took;
            self.report(format!("process {}: {} blocks", group + 1, self.blocks.len()));
            if used >= length {
                break;
            }
        }
        Ok(used)
    }

    /// One block.
    fn block(
        &mut self,
        workers: &mut [(PathBuf, Worker)],
        created: &[usize],
        set: u32,
        seconds: f64,
        seed: u64,
    ) -> Result<Turned, WorkerError> {
        let (mut latencies, mut loads) = (vec![Vec::new(); self.lanes.len()], Vec::new());
        let several = workers.len() > 1;
        let turns = TurnSpec { seed, ..self.turns(seconds, several) };
        // Sessions of two libraries cannot share a process: their processes take turns instead.
        let parts: Vec<Option<usize>> = if several {
            self.orders.next().unwrap_or_default().into_iter().map(Some).collect()
        } else {
            vec![None]
        };
        for only in parts {
            let side_of = |lane: usize| &self.sides[self.lanes[lane]];
            let library = &side_of(only.unwrap_or(0)).session.runtime;
            let Some((_, worker)) = workers.iter_mut().find(|(of, _)| of == library) else {
                return Err(WorkerError::Protocol("a side has no worker".to_owned()));
            };
            let here: Vec<usize> =
                created.iter().copied().filter(|lane| side_of(*lane).session.runtime == *library).collect();
            let spec = |lane: &usize| LaneSpec {
                session: side_of(*lane).session.clone(),
                feed: side_of(*lane).feed.clone(),
            };
            let place = only.and_then(|lane| here.iter().position(|other| *other == lane));
            let only = place.and_then(|place| u32::try_from(place).ok());
            let request = Request::Turns {
                set,
                lanes: here.iter().map(spec).collect(),
                turns: TurnSpec { only, ..turns.clone() },
            };
            let busy_for = Duration::from_secs_f64(2.0 * seconds);
            let answer = worker.ask(&request, busy_for, self.cancel, &mut |_| (), &mut || ());
            match answer? {
                protocol::Event::Turned { latency_nanos, load_nanos }
                    if latency_nanos.len() == here.len() =>
                {
                    loads.extend(here.iter().copied().zip(load_nanos));
                    for (lane, found) in here.into_iter().zip(latency_nanos) {
                        latencies[lane].extend(found);
                    }
                }
                other => {
                    return Err(WorkerError::Protocol(format!("{other:?} instead of a block's latencies")));
                }
            }
        }
        if latencies.iter().any(Vec::is_empty) {
            return Err(WorkerError::Protocol("a session had no turn".to_owned()));
        }
        Ok((latencies, loads))
    }

    /// How turns are taken in a block of so many seconds.
    fn turns(&self, seconds: f64, several: bool) -> TurnSpec {
        let millis = seconds * 1e3;
        let lanes = self.lanes.len() as f64;
        let plain = |side: &Runner| side.config.threads == 1 && side.config.provider == "CPU";
        let (lead_millis, counted_millis) = if several {
            (SPIN_MILLIS.0, millis / lanes)
        } else if self.sides.iter().all(plain) {
            // One inference that does not count and one that does.
            (0.0, 0.0)
        } else {
            SPIN_MILLIS
        };
        let (millis, least_rounds) = if several { (0.0, 1) } else { (millis, LEAST_ROUNDS) };
        let most_millis = LONGEST_BLOCK_SECS * 1e3;
        TurnSpec {
            least_lead: 1,
            lead_millis,
            counted_millis,
            millis,
            least_rounds,
            most_millis,
            only: None,
            seed: 0,
        }
    }

    fn report(&mut self, now: String) {
        let seconds_left = (self.settings.seconds - self.spent).max(0.0);
        let fraction = (self.spent / self.settings.seconds).min(1.0);
        (self.on_event)(Event::Progress { fraction, now, seconds_left });
    }

    /// Whether the intervals of both comparisons of medians are narrow enough.
    fn is_narrow(&self, blocks: &[Block], within: f64) -> bool {
        let blocks = Scaled::new(blocks, &self.scales());
        (1..self.lanes.len()).all(|lane| {
            let ratio = blocks.compare(lane, Percentile::P50, None, self.settings.seed);
            ratio.estimate.is_some_and(|found| (found.high - found.low) / 2.0 / found.ratio <= within)
        })
    }

    /// What each lane's latencies are multiplied with, so that they compare per item: 1 where batches are alike.
    fn scales(&self) -> Vec<u64> {
        let batches: Vec<u64> = self.sides.iter().map(|side| side.config.batch.max(1)).collect();
        let of = |side: &usize| {
            if batches.iter().all(|batch| *batch == batches[0]) { 1 } else { batches[1 - side] }
        };
        self.lanes.iter().map(of).collect()
    }

    fn duel(&self, ended: End, machine: &Fingerprint, started_unix_secs: u64) -> Duel {
        let again = if self.settings.self_test { self.lanes.len().checked_sub(1) } else { None };
        let has_b = self.sides.len() > 1;
        let scaled = Scaled::new(&self.blocks, &self.scales());
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
        let total: usize = self.blocks.iter().flat_map(|block| &block.lanes).map(Vec::len).sum();
        let step = total.div_ceil(KEPT).max(1);
        let kept = |block: &Block, lane: Option<usize>| -> Vec<u64> {
            lane.and_then(|lane| block.lanes.get(lane))
                .map(|latencies| latencies.iter().step_by(step).copied().collect())
                .unwrap_or_default()
        };
        let b = has_b.then_some(1);
        let rounds = self.blocks.iter().map(|block| Round {
            group: block.group,
            set: block.set,
            a: kept(block, Some(0)),
            b: kept(block, b),
            again: kept(block, again),
        });
        let mut duel = Duel {
            a: self.contender(0),
            b: b.map(|side| self.contender(side)),
            ratios,
            same,
            tested: self.sides[0].model.name.clone(),
            resolution: resolutions.first().copied().flatten(),
            sentence: String::new(),
            pairs: self.blocks.len() as u64,
            groups: self.groups,
            sets: self.sets,
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
            .blocks
            .iter()
            .flat_map(|block| block.lanes.get(side).into_iter().flatten().copied())
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

/// Blocks whose latencies compare per item.
struct Scaled<'r> {
    blocks: &'r [Block],
    /// The same with other batches; empty where they compare as they are.
    copies: Vec<Vec<Vec<u64>>>,
}

impl<'r> Scaled<'r> {
    fn new(blocks: &'r [Block], scales: &[u64]) -> Self {
        let copies = if scales.iter().all(|scale| *scale == 1) {
            Vec::new()
        } else {
            let scaled = |(latencies, scale): (&Vec<u64>, &u64)| {
                latencies.iter().map(|nanos| nanos.saturating_mul(*scale)).collect::<Vec<u64>>()
            };
            blocks.iter().map(|block| block.lanes.iter().zip(scales).map(scaled).collect()).collect()
        };
        Self { blocks, copies }
    }

    /// Lane 0 against another; a set of sessions is the unit.
    fn compare(&self, lane: usize, percentile: Percentile, resolution: Option<f64>, seed: u64) -> Ratio {
        let pairs: Vec<Pair<'_>> = self
            .blocks
            .iter()
            .enumerate()
            .filter_map(|(place, block)| {
                let lanes = self.copies.get(place).unwrap_or(&block.lanes);
                let (set, process) = (block.set as usize, block.group as usize);
                Some(Pair { a: lanes.first()?, b: lanes.get(lane)?, set, process })
            })
            .collect();
        stats::compare(&pairs, percentile, LEVEL, resolution, seed)
    }
}
