//! One run of a measurement, inside the worker: sessions, first inference, warm-up, and the load of a scenario.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batches::Batches;
use super::engine::{Engine, EngineError, Loaded, nanos, of_batches};
use super::load::{self, Answerer, Plan};
use super::monitor::{self, Monitor, Timer, findings};
use super::native::Runner;
use super::point::Measured;
use super::protocol::{LoadSpec, SessionSpec, Stage};
use super::resources;
use super::scenario::{Scenario, check_provider};
use crate::hardware::Fingerprint;

/// Inferences each answerer makes before a load whose series is not to begin with them.
const WARM_UP_RUNS: u32 = 5;
/// Time that warm-up takes at least.
const WARM_UP_TIME: Duration = Duration::from_millis(200);

/// Loads the sessions, runs the first inference, and puts the load on them. `batches` has the inputs of one inference,
/// or those of each batch size from 1 up. `on_stage` is called between the stages, never inside one.
///
/// In SingleStream the series begins right after the first inference, so that the warm-up can be seen in it; it is
/// longer than asked by the time a warm-up usually takes. The other scenarios warm each answerer up beforehand.
pub fn run(
    engine: &Engine,
    session: &SessionSpec,
    batches: &Batches,
    spec: &LoadSpec,
    mut on_stage: impl FnMut(Stage),
) -> Result<Measured, EngineError> {
    let duration = |seconds: f64| {
        Duration::try_from_secs_f64(seconds)
            .map_err(|error| EngineError::Runtime(format!("{seconds} s cannot be measured: {error}")))
    };
    let (least, most) = (duration(spec.seconds)?, duration(spec.most_seconds)?);
    spec.scenario.check().map_err(EngineError::Runtime)?;
    check_provider(&session.provider, &spec.scenario, spec.instances).map_err(EngineError::Runtime)?;
    let input_shapes: BTreeMap<String, Vec<u64>> =
        batches.largest.iter().map(|input| (input.name.clone(), input.shape.clone())).collect();
    let inputs = of_batches(batches)?;

    let timer = Timer::measure();

    on_stage(Stage::Loading);
    let sessions: Vec<Loaded> =
        (0..spec.instances.max(1)).map(|_| engine.session(session)).collect::<Result<_, _>>()?;
    let count = load::answerers(&spec.scenario, spec.instances) as usize;
    // Clients share the sessions in turn.
    let mut answerers: Vec<Answering<'_>> = sessions
        .iter()
        .cycle()
        .take(count)
        .map(|loaded| {
            let runners = inputs.iter().map(|inputs| Runner::new(&loaded.session, Arc::clone(inputs)));
            Ok(Answering { runners: runners.collect::<Result<_, ort::Error>>()? })
        })
        .collect::<Result<_, EngineError>>()?;

    on_stage(Stage::First);
    let largest = u32::try_from(inputs.len()).unwrap_or(u32::MAX);
    let (started, ended) = answerers[0].answer(largest).map_err(EngineError::Runtime)?;
    let first_inference_nanos = nanos(ended - started);

    // Before the warm-up, since a GPU's driver library takes its time to open.
    let monitor = Monitor::start(&watch(session));
    let single = spec.scenario.is_single_stream();
    let mut unrecorded_inferences = 0;
    if !single {
        on_stage(Stage::WarmUp);
        for answerer in &mut answerers {
            unrecorded_inferences += answerer.warm_up(count).map_err(EngineError::Runtime)?;
        }
    }
    on_stage(Stage::Steady);
    let usual_warm_up =
        if can_warm_up(&spec.scenario) { WARM_UP_TIME.max(least / 10) } else { Duration::ZERO };
    let plan = Plan {
        scenario: &spec.scenario,
        batch: spec.batch,
        least: least + usual_warm_up,
        most: most.max(least) + usual_warm_up,
        min_queries: spec.min_queries,
        seed: spec.seed,
    };
    let cpu_before = Cell::new(None);
    let record = load::run_watched(plan, &mut answerers, &|| {
        monitor.restart();
        cpu_before.set(resources::cpu_nanos());
    });
    let cpu_nanos =
        resources::cpu_nanos().zip(cpu_before.get()).map(|(after, before)| after.saturating_sub(before));
    let readings = monitor.stop();
    let record = record.map_err(EngineError::Runtime)?;
    let own = [record.generator_cpu_nanos, readings.monitor_cpu_nanos];
    let own_cpu_nanos = own.iter().any(Option::is_some).then(|| own.iter().flatten().sum());
    let findings = findings(&Fingerprint::read(), &readings);
    Ok(Measured {
        load_nanos: sessions[0].load_nanos,
        first_inference_nanos,
        unrecorded_inferences,
        queries: record.series.len() as u64,
        series: record.series,
        wall_nanos: nanos(record.wall),
        cpu_nanos,
        own_cpu_nanos,
        peak_memory_bytes: resources::peak_memory_bytes(),
        steady_memory_bytes: readings.steady_memory_bytes().or_else(resources::memory_bytes),
        invalid: record.invalid,
        lateness_nanos: record.lateness_nanos,
        trials: record.trials,
        input_shapes,
        timer,
        readings: Some(Box::new(readings)),
        findings,
        ..Measured::default()
    })
}

/// Whether a series can begin with a warm-up that is cut off: arrivals and queues of an open loop, and the queueing
/// times of Offline, have shapes of their own.
fn can_warm_up(scenario: &Scenario) -> bool {
    !matches!(scenario, Scenario::Offline | Scenario::Server { .. })
}

/// GPUs are watched where one may be at work; `INFEROMETER_NVML` names their driver's library where it is not found.
fn watch(session: &SessionSpec) -> monitor::Settings {
    let on_gpu = ["CUDA", "TensorRT"].iter().any(|name| session.provider.eq_ignore_ascii_case(name));
    let nvml = std::env::var_os("INFEROMETER_NVML").map(PathBuf::from);
    monitor::Settings { gpus: on_gpu || nvml.is_some(), nvml, ..monitor::Settings::default() }
}

/// Answers with inferences of one session.
struct Answering<'s> {
    /// One that is always used, or one for each batch size from 1 up.
    runners: Vec<Runner<'s>>,
}

impl Answerer for Answering<'_> {
    fn answer(&mut self, batch: u32) -> Result<(Instant, Instant), String> {
        let most = self.runners.len();
        let place = (batch as usize).clamp(1, most) - 1;
        self.runners[place].run().map_err(|error| error.message().to_owned())
    }
}

impl Answering<'_> {
    /// Runs each batch size at least once, and for its share of the time; how many inferences that took.
    fn warm_up(&mut self, answerers: usize) -> Result<u64, String> {
        let share = WARM_UP_TIME / u32::try_from(answerers.max(1)).unwrap_or(u32::MAX);
        let begin = Instant::now();
        let mut inferences = 0;
        let mut round = 0;
        while round == 0 || (begin.elapsed() < share || round < WARM_UP_RUNS) && begin.elapsed() < share * 10
        {
            for batch in 1..=self.runners.len() {
                self.answer(u32::try_from(batch).unwrap_or(u32::MAX))?;
                inferences += 1;
            }
            round += 1;
        }
        Ok(inferences)
    }
}
