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
                turn(|| runner.run(), (turns.least_lead, lead), counted, &mut latencies[*place])
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

/// Inferences that do not count, so many and for so long at least; then those that count, for so long and at least one.
fn turn<E>(
    mut run: impl FnMut() -> Result<(Instant, Instant), E>,
    (least_lead, lead): (u32, Duration),
    counted: Duration,
    latencies: &mut Vec<u64>,
) -> Result<(), E> {
    let begin = Instant::now();
    let (mut led, mut so_far) = (0, Duration::ZERO);
    while led < least_lead || so_far < lead {
        so_far = run()?.1 - begin;
        led += 1;
    }
    let begin = Instant::now();
    loop {
        let (started, ended) = run()?;
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many inferences of 1 ms a turn runs, and how many of them count.
    fn run(lead: (u32, u64), counted_millis: u64) -> (u32, usize) {
        let begin = Instant::now();
        let (mut runs, mut latencies) = (0, Vec::new());
        // A clock of its own: inferences end a millisecond apart, from now on.
        let mut infer = || {
            runs += 1;
            let at = |count: u32| begin + Duration::from_secs(1) + Duration::from_millis(u64::from(count));
            Ok::<_, ()>((at(runs - 1), at(runs)))
        };
        let lead = (lead.0, Duration::from_millis(lead.1));
        turn(&mut infer, lead, Duration::from_millis(counted_millis), &mut latencies).unwrap();
        (runs, latencies.len())
    }

    #[test]
    fn a_turn_begins_with_an_inference_that_does_not_count() {
        assert_eq!(run((1, 0), 0), (2, 1));
        assert_eq!(run((0, 0), 0), (1, 1));
        assert_eq!(run((3, 0), 0), (4, 1));
    }
}
