//! What the machine did while something was measured: a thread that reads counters now and then, beside the work.
//!
//! - [`Monitor`] runs it; [`Readings`] are what it saw, [`Summary`] the peak, median and mean of each series
//! - [`verdict`] says in words what may have spoilt the measurement; [`Energy`] what it cost in joules
//! - [`Timer`] tells how finely the clock can be read
//!
//! Runs in the process that measures, so that "this process" is the worker. Must not know what is measured.

mod cpu;
mod energy;
mod readings;
mod sampler;
mod summary;
mod timer;
pub mod verdict;

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

pub use energy::Energy;
pub use readings::{Reading, Readings};
pub use summary::{GpuSummary, Stat, Summary};
pub use timer::Timer;
pub use verdict::{Finding, Kind, Severity, findings};

use crate::hardware::Conditions;
use crate::hardware::fingerprint::Root;
use crate::hardware::gpu::Live;
use crate::measure::resources;
use energy::Rapl;
use sampler::Sampler;

/// More readings than this are joined in pairs, and the interval doubles: a long run needs no more memory, and a chart
/// no more points.
const MOST_READINGS: usize = 1_024;

/// What to watch and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Time between two readings; below 50 ms shares of CPU use are not told.
    pub interval: Duration,
    /// Whether to watch GPUs. Loading their driver's library takes up to a second, before the first reading.
    pub gpus: bool,
    /// The NVML library, where it is not the one that the system's loader finds.
    #[serde(default)]
    pub nvml: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: Duration::from_millis(200), gpus: false, nvml: None }
    }
}

/// A running monitor. Dropping it ends it and loses its readings.
#[derive(Debug)]
pub struct Monitor {
    orders: Sender<Order>,
    thread: Result<JoinHandle<Readings>, Box<Readings>>,
}

/// What the thread is told.
#[derive(Debug)]
enum Order {
    /// Forget what was seen and begin anew, then answer.
    Restart(Sender<()>),
    /// Take a last reading and end.
    Stop,
}

/// All that the thread takes along.
struct Watch {
    /// Between two readings, as asked.
    asked: Duration,
    interval: Duration,
    /// CPU time of this thread at the start.
    cpu_before: Option<u64>,
    live: Option<Live>,
    sampler: Sampler,
    rapl: Rapl,
    gpu_joules: Vec<Option<f64>>,
    start: Instant,
    readings: Readings,
}

impl Monitor {
    /// Reads the machine's conditions, then starts the thread. Never fails: what cannot be watched is a reason in the
    /// [`Readings`].
    pub fn start(settings: &Settings) -> Self {
        let mut readings = Readings::default();
        let live = settings.gpus.then(|| Live::open(settings.nvml.as_deref()));
        let live = live.and_then(|opened| opened.map_err(|reason| readings.reasons.push(reason)).ok());
        readings.gpus = live.as_ref().map(Live::names).unwrap_or_default();
        readings.before = Conditions::read(live.as_ref());
        let root = Root::system();
        let asked = settings.interval.max(Duration::from_millis(1));
        let watch = Watch {
            asked,
            interval: asked,
            cpu_before: None,
            gpu_joules: live.as_ref().map(Live::energy_joules).unwrap_or_default(),
            live,
            rapl: Rapl::start(&root),
            sampler: Sampler::start(&root),
            start: Instant::now(),
            readings,
        };
        let (orders, ordered) = mpsc::channel();
        let thread = thread::Builder::new().name("monitor".to_owned()).spawn(move || watch.run(&ordered));
        let thread = thread.map_err(|error| {
            let reason =
                format!("starting the monitor's thread: {error}; nothing was watched during the run");
            Box::new(Readings { reasons: vec![reason], ..Readings::default() })
        });
        Self { orders, thread }
    }

    /// Forgets what was seen and counts from now on: called where what is measured begins after a warm-up or a
    /// search. Returns when the first counters are taken. [`Readings::before`] stays that of the start, but for the
    /// counters of heat, quota and swapping, which are those of now.
    pub fn restart(&self) {
        let (done, is_done) = mpsc::channel();
        // A thread that is gone has hung up; `stop` tells why.
        if self.orders.send(Order::Restart(done)).is_ok() {
            let _ = is_done.recv();
        }
    }

    /// Takes a last reading, ends the thread and hands over what it saw.
    pub fn stop(self) -> Readings {
        let Self { orders, thread } = self;
        // A thread that is gone has hung up; joining it tells why.
        let _ = orders.send(Order::Stop);
        match thread.map(JoinHandle::join) {
            Ok(Ok(readings)) => readings,
            Ok(Err(_panic)) => Readings {
                reasons: vec!["the monitor broke off: a fault of this program, please report it".to_owned()],
                ..Readings::default()
            },
            Err(not_started) => *not_started,
        }
    }
}

impl Watch {
    fn run(mut self, orders: &Receiver<Order>) -> Readings {
        self.cpu_before = resources::thread_cpu_nanos();
        let mut next = self.interval;
        loop {
            match orders.recv_timeout(next.saturating_sub(self.start.elapsed())) {
                Ok(Order::Restart(done)) => {
                    self.restart();
                    next = self.interval;
                    // Nobody waits any more when the one who asked is gone.
                    let _ = done.send(());
                    continue;
                }
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return self.finish(),
                Err(RecvTimeoutError::Timeout) => self.read(),
            }
            if self.readings.readings.len() >= MOST_READINGS {
                self.readings.join_pairs();
                self.interval *= 2;
            }
            next += self.interval;
            let now = self.start.elapsed();
            if next <= now {
                // After a pause of the machine, one reading and not all the missed ones.
                next = now + self.interval;
            }
        }
    }

    fn restart(&mut self) {
        let now = Conditions::read(None);
        let before = &mut self.readings.before;
        before.thermal_throttles = now.thermal_throttles;
        before.quota_throttled_nanos = now.quota_throttled_nanos;
        before.swap_used_bytes = now.swap_used_bytes;
        self.readings.readings.clear();
        self.interval = self.asked;
        self.rapl.restart();
        self.gpu_joules = self.live.as_ref().map(Live::energy_joules).unwrap_or_default();
        self.sampler.restart();
        self.start = Instant::now();
        self.cpu_before = resources::thread_cpu_nanos();
    }

    fn read(&mut self) {
        let at_nanos = nanos(self.start.elapsed());
        let mut reading = self.sampler.read(at_nanos);
        reading.gpus = self.live.as_ref().map(Live::read).unwrap_or_default();
        self.rapl.update();
        self.readings.readings.push(reading);
    }

    fn finish(mut self) -> Readings {
        // The last look is after what was measured.
        let cpu = resources::thread_cpu_nanos().zip(self.cpu_before);
        self.readings.monitor_cpu_nanos = cpu.map(|(now, before)| now.saturating_sub(before));
        self.read();
        let run = self.start.elapsed();
        let Self { interval, live, sampler, rapl, gpu_joules, mut readings, .. } = self;
        let joules_after = live.as_ref().map(Live::energy_joules).unwrap_or_default();
        readings.run_nanos = nanos(run);
        readings.interval_nanos = nanos(interval);
        let whole = sampler.whole_run(readings.run_nanos, &readings.readings);
        readings.after = Conditions::read(live.as_ref());
        readings.cpus = whole.cpus;
        readings.machine_cpu = whole.machine_cpu;
        readings.steal = whole.steal;
        readings.own_cores = whole.own_cores;
        let (energy, reasons) = rapl.finish();
        readings.energy = energy;
        readings.reasons.extend(reasons);
        let power: Vec<Vec<(f64, f64)>> =
            (0..readings.gpus.len()).map(|index| readings.power_of(index)).collect();
        let (energy, reasons) =
            energy::of_gpus(&readings.gpus, &gpu_joules, &joules_after, &power, run.as_secs_f64());
        readings.energy.extend(energy);
        readings.reasons.extend(reasons);
        readings
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::gpu::stub::StubNvml;

    /// Keeps this process busy until it has used 50 ms of CPU time.
    fn work() {
        let before = resources::cpu_nanos().unwrap();
        while resources::cpu_nanos().unwrap() < before + 50_000_000 {
            std::hint::black_box(before);
        }
    }

    #[test]
    fn what_nvml_says_arrives_exactly() {
        let stub = StubNvml::build();
        let settings = Settings {
            interval: Duration::from_millis(10),
            gpus: true,
            nvml: Some(stub.library().to_owned()),
        };
        let monitor = Monitor::start(&settings);
        work();
        let readings = monitor.stop();
        assert_eq!(readings.gpus, ["GPU 0, Stub GPU A", "GPU 1, Stub GPU B"]);
        // The first question was asked for the conditions before, the last for those after.
        let count = readings.readings.len();
        assert!(count >= 1);
        assert_eq!(readings.before.gpus[0], StubNvml::reading(1));
        for (index, reading) in readings.readings.iter().enumerate() {
            assert_eq!(reading.gpus[0], StubNvml::reading(u32::try_from(index).unwrap() + 2));
            assert_eq!(reading.gpus[1].power_watts, None);
        }
        let last = u32::try_from(count).unwrap() + 2;
        assert_eq!(readings.after.gpus[0], StubNvml::reading(last));
        // The counter is asked after the conditions before and ahead of those after: a step each reading.
        let energy =
            readings.energy.iter().find(|energy| energy.covers == "GPU 0, Stub GPU A, all programs").unwrap();
        assert!((energy.joules - StubNvml::JOULES_PER_READING * count as f64).abs() < 1e-6, "{energy:?}");
        assert_eq!(energy.method, "NVML energy counter");
        let silent = "no energy of GPU 1, Stub GPU B: it tells neither energy nor power";
        assert!(readings.reasons.iter().any(|reason| reason == silent), "{:?}", readings.reasons);
    }

    #[test]
    fn a_machine_without_a_gpu_says_why_and_watches_the_rest() {
        let settings = Settings {
            gpus: true,
            nvml: Some("libnvidia-ml-not-on-any-machine.so".into()),
            ..Settings::default()
        };
        let readings = Monitor::start(&settings).stop();
        assert!(readings.gpus.is_empty());
        assert!(readings.reasons[0].starts_with("no NVIDIA driver"), "{:?}", readings.reasons);
        assert_eq!(readings.readings.len(), 1);
        assert!(readings.readings[0].memory_bytes.unwrap() > 1 << 20);
        assert!(
            readings.before.available_memory_bytes.is_some()
                && readings.after.available_memory_bytes.is_some()
        );
    }

    #[test]
    fn readings_come_one_after_the_other_and_travel_as_json() {
        let monitor =
            Monitor::start(&Settings { interval: Duration::from_millis(10), ..Settings::default() });
        work();
        let readings = monitor.stop();
        let times: Vec<u64> = readings.readings.iter().map(|reading| reading.at_nanos).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        assert!(times.last().unwrap() <= &readings.run_nanos);
        assert!(readings.own_cores.unwrap() > 0.0);
        let text = serde_json::to_string(&readings).unwrap();
        assert_eq!(serde_json::from_str::<Readings>(&text).unwrap(), readings);
    }

    #[test]
    fn what_was_seen_before_a_restart_is_forgotten() {
        let stub = StubNvml::build();
        let settings =
            Settings { interval: Duration::from_hours(1), gpus: true, nvml: Some(stub.library().to_owned()) };
        let monitor = Monitor::start(&settings);
        work();
        monitor.restart();
        let readings = monitor.stop();
        // One reading, that of the stop, and one step of the counter, since it was asked again.
        assert_eq!(readings.readings.len(), 1);
        assert!(readings.run_nanos > 0 && readings.readings[0].at_nanos <= readings.run_nanos);
        let energy = &readings.energy.iter().find(|energy| energy.method == "NVML energy counter").unwrap();
        assert!((energy.joules - StubNvml::JOULES_PER_READING).abs() < 1e-6, "{energy:?}");
    }

    #[test]
    fn an_abandoned_monitor_ends() {
        let Monitor { orders, thread } = Monitor::start(&Settings::default());
        drop(orders);
        assert_eq!(thread.unwrap().join().unwrap().readings.len(), 1);
    }
}
