//! The worker's side of a race: sessions that take turns.
//!
//! A turn is as short as can be: one inference that does not count, so that the caches hold this session's things
//! again, and one that does. What the machine does to one session it then does to all, however short it does it.
//! Sessions with threads of their own get longer turns: ONNX Runtime's threads spin for a while after an inference,
//! which the next session would feel.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::order::Orders;
use crate::measure::engine::{Engine, Loaded, nanos, shared};
use crate::measure::inputs;
use crate::measure::native::{Inputs, Runner};
use crate::measure::protocol::{LaneSpec, TurnSpec};

/// Sessions created together, and their inputs.
pub(in crate::measure) struct Set {
    number: u32,
    specs: Vec<LaneSpec>,
    lanes: Vec<(Loaded, Arc<Inputs<'static>>)>,
}

impl Set {
    /// Creates the sessions, in the order of `specs`.
    ///
    /// # Errors
    /// In words, when an input cannot be read or a session cannot be created.
    pub(in crate::measure) fn create(
        engine: &Engine,
        number: u32,
        specs: &[LaneSpec],
    ) -> Result<Self, String> {
        let mut lanes = Vec::new();
        for spec in specs {
            let inputs = inputs::tensors(&spec.feed).map_err(|error| named(spec, &error))?;
            let inputs = shared(inputs).map_err(|error| named(spec, &error))?;
            lanes.push((engine.session(&spec.session).map_err(|error| named(spec, &error))?, inputs));
        }
        Ok(Self { number, specs: specs.to_vec(), lanes })
    }

    /// Whether it has this number and these sessions.
    pub(in crate::measure) fn is(&self, number: u32, specs: &[LaneSpec]) -> bool {
        self.number == number && self.specs == specs
    }

    /// Time to create each session, in nanoseconds.
    pub(in crate::measure) fn load_nanos(&self) -> Vec<u64> {
        self.lanes.iter().map(|(loaded, _)| loaded.load_nanos).collect()
    }

    /// Runs the sessions in turn, in rounds of random order. The latencies that count, of each session in order, in
    /// nanoseconds.
    ///
    /// # Errors
    /// In words, when an inference fails.
    pub(in crate::measure) fn run(&self, turns: &TurnSpec) -> Result<Vec<Vec<u64>>, String> {
        let mut runners = Vec::new();
        for (place, (loaded, inputs)) in self.lanes.iter().enumerate() {
            if turns.only.is_none_or(|only| only as usize == place) {
                let runner = Runner::new(&loaded.session, Arc::clone(inputs));
                runners.push((place, runner.map_err(|error| named(&self.specs[place], &error.message()))?));
            }
        }
        let millis = |millis: f64| Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default();
        let (length, most) = (millis(turns.millis), millis(turns.most_millis));
        let (lead, counted) = (millis(turns.lead_millis), millis(turns.counted_millis));
        let mut latencies: Vec<Vec<u64>> = vec![Vec::with_capacity(1 << 10); self.lanes.len()];
        let begin = Instant::now();
        let mut rounds = 0;
        for order in Orders::new(runners.len(), turns.seed) {
            for next in order {
                let (place, runner) = &mut runners[next];
                turn(runner, lead, counted, &mut latencies[*place])
                    .map_err(|error| named(&self.specs[*place], &error.message()))?;
            }
            rounds += 1;
            let so_far = begin.elapsed();
            if (so_far >= length && rounds >= turns.least_rounds) || so_far >= most {
                break;
            }
        }
        Ok(latencies)
    }
}

fn turn(
    runner: &mut Runner<'_>,
    lead: Duration,
    counted: Duration,
    latencies: &mut Vec<u64>,
) -> ort::Result<()> {
    if !lead.is_zero() {
        let begin = Instant::now();
        while runner.run()?.1 - begin < lead {}
    }
    let begin = Instant::now();
    loop {
        let (started, ended) = runner.run()?;
        latencies.push(nanos(ended - started));
        if ended - begin >= counted {
            return Ok(());
        }
    }
}

/// An error that says whose it is.
fn named(spec: &LaneSpec, error: &dyn std::fmt::Display) -> String {
    let name = spec.session.model.file_name().unwrap_or(spec.session.model.as_os_str());
    format!("{}: {error}", name.to_string_lossy())
}
