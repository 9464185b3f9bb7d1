//! One reading of this machine and this process, as the difference to the reading before.

use crate::hardware::fingerprint::{Root, Sensors, kilobytes};

use super::super::resources;
use super::cpu::{Machine, Ticks, four_places};
use super::readings::Reading;

/// Between two readings closer than this, in nanoseconds, CPU use is mostly rounding.
const SHORTEST_NANOS: u64 = 1_000_000;

/// What was read last, and first.
pub(super) struct Sampler {
    root: Root,
    sensors: Sensors,
    machine: Machine,
    own_cpu: fn() -> Option<u64>,
    first: (Option<Ticks>, Option<u64>),
    last_ticks: Option<Ticks>,
    last_own: (u64, Option<u64>),
}

/// The run as one long reading.
#[derive(Debug, Default, PartialEq)]
pub(super) struct WholeRun {
    pub(super) cpus: Option<u32>,
    pub(super) machine_cpu: Option<f64>,
    pub(super) steal: Option<f64>,
    pub(super) own_cores: Option<f64>,
}

impl Sampler {
    /// Looks up what there is and takes the first counters: the start of the run, time 0.
    pub(super) fn start(root: &Root) -> Self {
        Self::start_with(root, resources::cpu_nanos)
    }

    fn start_with(root: &Root, own_cpu: fn() -> Option<u64>) -> Self {
        let mut machine = Machine::find(root);
        let sensors = Sensors::find(root);
        // The library's answers are differences to its last one.
        let _ = machine.library_share();
        let first = (machine.ticks(), own_cpu());
        Self {
            root: root.clone(),
            sensors,
            machine,
            own_cpu,
            first,
            last_ticks: first.0,
            last_own: (0, first.1),
        }
    }

    /// Takes the first counters anew: time 0 is now.
    pub(super) fn restart(&mut self) {
        let _ = self.machine.library_share();
        self.first = (self.machine.ticks(), (self.own_cpu)());
        self.last_ticks = self.first.0;
        self.last_own = (0, self.first.1);
    }

    /// Reads all but the GPUs, `at_nanos` after the start.
    pub(super) fn read(&mut self, at_nanos: u64) -> Reading {
        let ticks = self.machine.ticks();
        let shares = ticks.zip(self.last_ticks).and_then(|(now, last)| now.since(last));
        if shares.is_some() || self.last_ticks.is_none() {
            self.last_ticks = ticks;
        }
        let own = (self.own_cpu)();
        let (then, used) = self.last_own;
        let own_cores = own.zip(used).and_then(|(now, used)| cores(now, used, at_nanos.checked_sub(then)?));
        if own_cores.is_some() || used.is_none() {
            self.last_own = (at_nanos, own);
        }
        Reading {
            at_nanos,
            machine_cpu: shares.map(|shares| shares.busy).or_else(|| self.machine.library_share()),
            steal: shares.map(|shares| shares.steal),
            own_cores,
            mhz: self.sensors.mhz(),
            temperature_celsius: self.sensors.temperature_celsius(),
            memory_bytes: self.memory_bytes(),
            gpus: Vec::new(),
        }
    }

    /// The whole run of `run_nanos` by the counters at its ends; where there are none, by the mean of its readings.
    pub(super) fn whole_run(&self, run_nanos: u64, readings: &[Reading]) -> WholeRun {
        let (first_ticks, first_own) = self.first;
        let now = self.machine.ticks();
        let shares = now.zip(first_ticks).and_then(|(now, first)| now.since(first));
        let told: Vec<f64> = readings.iter().filter_map(|reading| reading.machine_cpu).collect();
        let mean = (!told.is_empty()).then(|| four_places(told.iter().sum::<f64>() / told.len() as f64));
        WholeRun {
            cpus: now.map(|ticks| ticks.cpus).or_else(|| self.machine.library_cpus()),
            machine_cpu: shares.map(|shares| shares.busy).or(mean),
            steal: shares.map(|shares| shares.steal),
            own_cores: (self.own_cpu)().zip(first_own).and_then(|(now, first)| cores(now, first, run_nanos)),
        }
    }

    /// Resident memory of this process.
    fn memory_bytes(&self) -> Option<u64> {
        if self.root.is_there() {
            return kilobytes(&self.root.text("proc/self/status")?, "VmRSS");
        }
        let process = sysinfo::get_current_pid().ok()?;
        let mut system = sysinfo::System::new().ok()?;
        system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[process]), true);
        system.process(process).map(sysinfo::Process::memory).filter(|bytes| *bytes > 0)
    }
}

/// CPU time per time: how many cores were kept busy.
fn cores(now: u64, then: u64, nanos: u64) -> Option<f64> {
    let used = now.checked_sub(then)? as f64;
    (nanos >= SHORTEST_NANOS).then(|| four_places(used / nanos as f64))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::hardware::fingerprint::{folder, write};

    #[test]
    fn a_reading_is_the_difference_to_the_one_before() {
        static OWN: AtomicU64 = AtomicU64::new(0);
        let own = || Some(OWN.load(Ordering::SeqCst));
        let folder = folder(&[
            ("proc/stat", "cpu0 100 0 0 900 0 0 0 0\ncpu1 0 0 0 1000 0 0 0 0\ncpu2 9 9 9 9 9 9 9 9\n"),
            ("proc/self/status", "VmRSS:\t   2048 kB\nCpus_allowed_list:\t0-1\n"),
            ("sys/devices/system/cpu/online", "0-2"),
            ("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2000000"),
        ]);
        let mut sampler = Sampler::start_with(&Root::at(folder.path()), own);
        // Half a second: 50 ticks a CPU, of which 40 busy and 10 stolen on the first and none on the second.
        write(
            folder.path(),
            "proc/stat",
            "cpu0 140 0 0 900 0 0 0 10\ncpu1 0 0 0 1050 0 0 0 0\ncpu2 99 9 9 9 9 9 9 9\n",
        );
        OWN.store(300_000_000, Ordering::SeqCst);
        let first = sampler.read(500_000_000);
        assert_eq!((first.machine_cpu, first.steal, first.own_cores), (Some(0.4), Some(0.1), Some(0.6)));
        assert_eq!((first.memory_bytes, first.mhz.unwrap().mean), (Some(2 << 20), 2_000.0));
        // A moment later: too few ticks to tell shares, but CPU time is counted finely.
        write(folder.path(), "proc/stat", "cpu0 141 0 0 900 0 0 0 10\ncpu1 0 0 0 1051 0 0 0 0\n");
        OWN.store(320_000_000, Ordering::SeqCst);
        let second = sampler.read(510_000_000);
        assert_eq!((second.machine_cpu, second.own_cores), (None, Some(2.0)));
        // What was not told then counts in the next: 30 of 100 ticks since the first reading.
        write(folder.path(), "proc/stat", "cpu0 170 0 0 920 0 0 0 10\ncpu1 0 0 0 1100 0 0 0 0\n");
        let third = sampler.read(1_000_000_000);
        assert_eq!((third.machine_cpu, third.steal, third.own_cores), (Some(0.3), Some(0.0), Some(0.0)));
        let whole = sampler.whole_run(1_000_000_000, &[]);
        let expected =
            WholeRun { cpus: Some(2), machine_cpu: Some(0.35), steal: Some(0.05), own_cores: Some(0.32) };
        assert_eq!(whole, expected);
    }

    #[test]
    fn what_was_before_a_restart_counts_no_more() {
        static OWN: AtomicU64 = AtomicU64::new(0);
        let folder = folder(&[("proc/stat", "cpu0 100 0 0 900 0 0 0 0\n"), ("proc/self/status", "")]);
        let mut sampler = Sampler::start_with(&Root::at(folder.path()), || Some(OWN.load(Ordering::SeqCst)));
        // A busy second, then one of which a tenth is busy.
        write(folder.path(), "proc/stat", "cpu0 200 0 0 900 0 0 0 0\n");
        OWN.store(1_000_000_000, Ordering::SeqCst);
        sampler.restart();
        write(folder.path(), "proc/stat", "cpu0 210 0 0 990 0 0 0 0\n");
        OWN.store(1_050_000_000, Ordering::SeqCst);
        let reading = sampler.read(1_000_000_000);
        assert_eq!((reading.machine_cpu, reading.own_cores), (Some(0.1), Some(0.05)));
        let whole = sampler.whole_run(1_000_000_000, &[]);
        assert_eq!((whole.machine_cpu, whole.own_cores), (Some(0.1), Some(0.05)));
    }

    #[test]
    fn what_is_not_told_is_none() {
        let folder = folder(&[("proc/stat", "nonsense\n")]);
        let mut sampler = Sampler::start_with(&Root::at(folder.path()), || None);
        let reading = sampler.read(1_000_000_000);
        assert_eq!(reading, Reading { at_nanos: 1_000_000_000, ..Reading::default() });
        assert_eq!(sampler.whole_run(1_000_000_000, &[]), WholeRun::default());
    }
}
