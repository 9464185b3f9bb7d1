//! What may have spoilt a measurement, in words: heat, other programs, a quota, swapping, a battery, a policy.
//!
//! Says what was seen and what it does to the numbers; must not decide whether a point is kept.

use serde::{Deserialize, Serialize};

use super::readings::{Reading, Readings};
use super::summary::Stat;
use crate::hardware::fingerprint::PowerSource;
use crate::hardware::gpu::{slowing, throttle_words};
use crate::hardware::{Conditions, Fingerprint};
use crate::units;

/// Other programs used more of the CPUs than this: a tenth of a small machine already delays its 99th percentile.
const BUSY: f64 = 0.10;
/// More than this leaves no percentile alone.
const VERY_BUSY: f64 = 0.30;
/// Stolen time: a guest cannot see whom it waits for, so that less of it counts.
const STOLEN: f64 = 0.02;
/// More stolen than this leaves no percentile alone.
const VERY_STOLEN: f64 = 0.10;
/// Threads that ran or waited before the start, of each CPU; only asked where use by others is not told, because the
/// run before raises the average too.
const LOADED: f64 = 0.50;
/// A clock at the end below this share of the one at the start is a fall.
const FALLEN: f64 = 0.90;
/// Fewer readings than this say nothing about a beginning and an end.
const FEWEST_FOR_A_FALL: usize = 8;
/// Stops by the container's quota, as a share of the run.
const STOPPED: f64 = 0.01;
/// Memory left, as a share of the machine's, below which the system starts to push things out.
const LITTLE_MEMORY: f64 = 0.05;
/// Growth of swapped-out memory that is more than the system's tidying, in bytes.
const SWAPPED: u64 = 16 << 20;
/// Share of the readings in which a GPU was slowed, above which its numbers depend on it.
const SLOWED: f64 = 0.05;
/// A GPU that was busier than this before the start serves somebody else.
const GPU_BUSY: f64 = 0.10;

/// One thing that may have changed the numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen and what it does to the numbers, a sentence without a full stop.
    pub words: String,
}

/// Kinds of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The processor slowed down for heat, or its clock fell.
    Throttled,
    /// Something kept a GPU from its speed.
    GpuThrottled,
    /// Other programs used the CPUs.
    Busy,
    /// Another program used the GPU.
    GpuBusy,
    /// The hypervisor gave CPU time to other guests.
    Stolen,
    /// The container's CPU quota stopped the process.
    Quota,
    /// Memory was short, or was swapped.
    Memory,
    /// The machine ran on its battery.
    Battery,
    /// A policy saves power at the cost of speed.
    Policy,
    /// Something else differs between before and after.
    Changed,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing when numbers are compared.
    Note,
    /// The numbers may be too slow, or spread too widely.
    Warning,
    /// The numbers say more about the disturbance than about the model.
    Serious,
}

/// Everything that may have changed the numbers of a run, worst first; empty = nothing was seen, which on a machine that
/// tells little is not the same as nothing having been there.
pub fn findings(machine: &Fingerprint, readings: &Readings) -> Vec<Finding> {
    let mut found = Found::default();
    found.heat(readings);
    found.gpus(readings);
    found.other_programs(readings);
    found.quota(machine, readings);
    found.memory(machine, readings);
    found.power(machine, readings);
    found.changes(&readings.before, &readings.after);
    found.0.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    found.0
}

#[derive(Default)]
struct Found(Vec<Finding>);

impl Found {
    fn add(&mut self, kind: Kind, severity: Severity, words: String) {
        self.0.push(Finding { kind, severity, words });
    }

    fn heat(&mut self, readings: &Readings) {
        let (before, after) = (&readings.before, &readings.after);
        let counted = rise(before.thermal_throttles, after.thermal_throttles).filter(|times| *times > 0);
        if let Some(times) = counted {
            let hottest =
                readings.readings.iter().filter_map(|reading| reading.temperature_celsius).reduce(f64::max);
            let at = hottest.map_or_else(String::new, |celsius| format!(" (up to {celsius:.0} °C)"));
            self.add(
                Kind::Throttled,
                Severity::Serious,
                format!(
                    "the processor slowed down for heat during the run{at}: its counters rose by {times}; latencies \
                     depend on how long it has been working"
                ),
            );
        }
        if let Some((first, last)) = fallen_clock(&readings.readings) {
            self.add(
                Kind::Throttled,
                Severity::Warning,
                format!(
                    "the processor's clock fell from {first:.0} to {last:.0} MHz during the run ({}): later latencies \
                     are longer than earlier ones",
                    if counted.is_some() { "heat" } else { "heat or a power limit" }
                ),
            );
        }
    }

    fn gpus(&mut self, readings: &Readings) {
        for (index, name) in readings.gpus.iter().enumerate() {
            let reasons: Vec<u64> = readings
                .readings
                .iter()
                .filter_map(|reading| reading.gpus.get(index)?.throttle_reasons)
                .map(slowing)
                .collect();
            let slowed = reasons.iter().filter(|reasons| **reasons != 0).count();
            let share = slowed as f64 / reasons.len().max(1) as f64;
            if share > SLOWED {
                let all = reasons.iter().fold(0, |all, reasons| all | reasons);
                // 0x4 alone is the power limit: how big models run on most GPUs, and the same each time.
                let severity = if all == 0x4 { Severity::Note } else { Severity::Warning };
                self.add(
                    Kind::GpuThrottled,
                    severity,
                    format!(
                        "{name} ran slower than it could in {} of the readings: {}",
                        percent(share),
                        throttle_words(all).join("; ")
                    ),
                );
            }
            let before = readings.before.gpus.get(index).and_then(|gpu| gpu.utilisation);
            if let Some(share) = before.filter(|share| *share > GPU_BUSY) {
                self.add(
                    Kind::GpuBusy,
                    Severity::Warning,
                    format!(
                        "{name} was already {} busy before the run: another program uses it, or the run before had \
                         only just ended",
                        percent(share)
                    ),
                );
            }
        }
    }

    fn other_programs(&mut self, readings: &Readings) {
        if let Some(share) = readings.others_share() {
            if share > BUSY {
                let severity = if share > VERY_BUSY { Severity::Serious } else { Severity::Warning };
                let words = format!(
                    "other programs used {} of the CPUs during the run: latencies may be too high",
                    percent(share)
                );
                self.add(Kind::Busy, severity, words);
            }
        } else if let (Some(load), Some(cpus)) = (readings.before.load_average, readings.cpus)
            && load > LOADED * f64::from(cpus)
        {
            let words = format!(
                "the machine was busy before the run ({load:.1} threads on {cpus} CPUs over the last minute): latencies \
                 may be too high"
            );
            self.add(Kind::Busy, Severity::Warning, words);
        }
        if let Some(share) = readings.steal.filter(|share| *share > STOLEN) {
            let severity = if share > VERY_STOLEN { Severity::Serious } else { Severity::Warning };
            let words = format!(
                "the hypervisor gave {} of the CPUs' time to other guests: latencies are longer than on a machine of \
                 one's own",
                percent(share)
            );
            self.add(Kind::Stolen, severity, words);
        }
    }

    fn quota(&mut self, machine: &Fingerprint, readings: &Readings) {
        let stopped = rise(readings.before.quota_throttled_nanos, readings.after.quota_throttled_nanos);
        let Some(nanos) = stopped.filter(|nanos| *nanos as f64 > STOPPED * readings.run_nanos as f64) else {
            return;
        };
        let quota = machine.platform.limits.as_ref().and_then(|limits| limits.cpu_quota);
        let quota = quota.map_or_else(String::new, |cpus| format!(" of {} CPUs", units::three_digits(cpus)));
        self.add(
            Kind::Quota,
            Severity::Serious,
            format!(
                "the container's CPU quota{quota} stopped its threads for {} in a run of {}: the highest latencies are \
                 waiting, not work; fewer threads may be faster",
                units::duration_ms(nanos as f64 / 1e6),
                units::duration_ms(readings.run_nanos as f64 / 1e6)
            ),
        );
    }

    fn memory(&mut self, machine: &Fingerprint, readings: &Readings) {
        let (before, after) = (&readings.before, &readings.after);
        if let Some(bytes) =
            rise(before.swap_used_bytes, after.swap_used_bytes).filter(|bytes| *bytes > SWAPPED)
        {
            let words = format!(
                "{} were swapped out to disk during the run: latencies may include waiting for the disk",
                units::bytes(bytes)
            );
            self.add(Kind::Memory, Severity::Serious, words);
        }
        let whole = machine.platform.memory_bytes.or(machine.memory_bytes);
        if let (Some(left), Some(whole)) = (after.available_memory_bytes, whole)
            && (left as f64) < LITTLE_MEMORY * whole as f64
        {
            let words = format!(
                "only {} of the machine's {} of memory were left after the run: the system may have dropped files that \
                 the run needed",
                units::bytes(left),
                units::bytes(whole)
            );
            self.add(Kind::Memory, Severity::Warning, words);
        }
        let limit = machine.platform.limits.as_ref().and_then(|limits| limits.memory_bytes);
        if let (Some(peak), Some(limit)) = (readings.peak_memory_bytes(), limit)
            && peak as f64 > (1.0 - LITTLE_MEMORY) * limit as f64
        {
            let words = format!(
                "this process used {} of the {} its container may have: a little more and it is ended",
                units::bytes(peak),
                units::bytes(limit)
            );
            self.add(Kind::Memory, Severity::Warning, words);
        }
    }

    fn power(&mut self, machine: &Fingerprint, readings: &Readings) {
        let ends = [readings.before.power, readings.after.power];
        if ends.contains(&Some(PowerSource::Battery)) {
            let words = "the machine ran on its battery: most are slower then, and slower the emptier it is"
                .to_owned();
            self.add(Kind::Battery, Severity::Warning, words);
        }
        let tuning = &machine.tuning;
        let driver = tuning.scaling_driver.as_deref().unwrap_or_default();
        // With these drivers `powersave` is the ordinary policy that follows the load; the preference decides
        // (kernel documentation: `admin-guide/pm/intel_pstate`, `admin-guide/pm/amd-pstate`).
        let follows_load = ["intel_pstate", "amd-pstate-epp"].contains(&driver);
        let governor = readings.before.governor.as_deref().or(tuning.governor.as_deref()).unwrap_or_default();
        let preference = tuning.energy_preference.as_deref().unwrap_or_default();
        if !follows_load && governor.split(", ").any(|name| name == "powersave") {
            let words =
                "the governor `powersave` holds the processor at its lowest clock: set `performance` or \
                         `schedutil` to measure its speed"
                    .to_owned();
            self.add(Kind::Policy, Severity::Warning, words);
        }
        if preference.split(", ").any(|name| name == "power" || name == "balance_power") {
            let words = format!(
                "the processor is told to prefer saving power (`{preference}`): set `performance` to measure its speed"
            );
            self.add(Kind::Policy, Severity::Warning, words);
        }
    }

    /// What differs between the two ends and is not told of above: policies and power. Clocks, heat and load rise with
    /// the work itself.
    fn changes(&mut self, before: &Conditions, after: &Conditions) {
        for difference in before.differences(after) {
            if difference.what == "governor" || difference.what == "power source" {
                let words = format!(
                    "the {} changed during the run from {} to {}: its beginning and its end are not comparable",
                    difference.what, difference.ours, difference.theirs
                );
                self.add(Kind::Changed, Severity::Warning, words);
            }
        }
    }
}

/// How much a counter rose; `None` when an end is not told or it began anew.
fn rise(before: Option<u64>, after: Option<u64>) -> Option<u64> {
    after?.checked_sub(before?)
}

/// The fastest CPU's clock in the first and in the last quarter of the readings under load, in MHz (medians), when it
/// fell. The fastest, because the clocks of idle CPUs say nothing.
fn fallen_clock(readings: &[Reading]) -> Option<(f64, f64)> {
    let used = Stat::of(readings.iter().filter_map(|reading| reading.own_cores));
    let under_load: Vec<f64> = readings
        .iter()
        .filter(|reading| match (reading.own_cores, used) {
            (Some(cores), Some(used)) => cores >= used.median / 2.0,
            _ => true,
        })
        .filter_map(|reading| reading.mhz.map(|mhz| mhz.max))
        .collect();
    if under_load.len() < FEWEST_FOR_A_FALL {
        return None;
    }
    let quarter = under_load.len() / 4;
    let (first, rest) = under_load.split_at(quarter);
    let last = rest.get(rest.len() - quarter..)?;
    let (first, last) = (Stat::of(first.iter().copied())?.median, Stat::of(last.iter().copied())?.median);
    (last < FALLEN * first).then_some((first, last))
}

/// `38 %`; below 10 % with a digit more.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1} %") } else { format!("{percent:.0} %") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::fingerprint::{Limits, Mhz, Platform, Tuning};
    use crate::hardware::gpu::GpuReading;

    fn machine() -> Fingerprint {
        let tuning = Tuning {
            scaling_driver: Some("acpi-cpufreq".to_owned()),
            governor: Some("performance".to_owned()),
            ..Tuning::default()
        };
        let platform =
            Platform { memory_bytes: Some(16 << 30), limits: Some(Limits::default()), ..Platform::default() };
        Fingerprint { logical_cpus: 4, tuning, platform, ..Fingerprint::default() }
    }

    fn state() -> Conditions {
        Conditions {
            load_average: Some(9.0),
            thermal_throttles: Some(100),
            quota_throttled_nanos: Some(5_000_000),
            available_memory_bytes: Some(8 << 30),
            swap_used_bytes: Some(1 << 30),
            power: Some(PowerSource::Mains),
            governor: Some("performance".to_owned()),
            gpus: vec![GpuReading { utilisation: Some(0.02), ..GpuReading::default() }],
            ..Conditions::default()
        }
    }

    /// Twenty readings of an undisturbed run of ten seconds on two of four CPUs.
    fn quiet() -> Readings {
        let reading = |at: u64| Reading {
            at_nanos: at * 500_000_000,
            machine_cpu: Some(0.55),
            own_cores: Some(2.0),
            steal: Some(0.001),
            mhz: Some(Mhz { mean: 2_000.0, min: 800.0, max: 3_000.0 }),
            memory_bytes: Some(1 << 30),
            gpus: vec![GpuReading { throttle_reasons: Some(0x3), ..GpuReading::default() }],
            ..Reading::default()
        };
        Readings {
            run_nanos: 10_000_000_000,
            cpus: Some(4),
            machine_cpu: Some(0.55),
            own_cores: Some(2.0),
            steal: Some(0.001),
            gpus: vec!["GPU 0, X".to_owned()],
            before: state(),
            after: state(),
            readings: (1..=20).map(reading).collect(),
            ..Readings::default()
        }
    }

    fn only(machine: &Fingerprint, readings: &Readings) -> Finding {
        let found = findings(machine, readings);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    }

    fn finding(kind: Kind, severity: Severity, words: &str) -> Finding {
        Finding { kind, severity, words: words.to_owned() }
    }

    #[test]
    fn a_quiet_run_has_nothing_to_say_even_with_a_load_average_of_its_own_making() {
        assert_eq!(findings(&machine(), &quiet()), []);
        assert_eq!(findings(&Fingerprint::default(), &Readings::default()), []);
    }

    #[test]
    fn other_programs_are_named_with_their_share() {
        let run = Readings { machine_cpu: Some(0.88), ..quiet() };
        let words = "other programs used 38 % of the CPUs during the run: latencies may be too high";
        assert_eq!(only(&machine(), &run), finding(Kind::Busy, Severity::Serious, words));
        let run = Readings { machine_cpu: Some(0.62), ..quiet() };
        assert_eq!(only(&machine(), &run).severity, Severity::Warning);
        let run = Readings { machine_cpu: Some(0.59), ..quiet() };
        assert_eq!(findings(&machine(), &run), []);
    }

    #[test]
    fn the_load_average_speaks_only_where_use_by_others_is_not_told() {
        let run = Readings { machine_cpu: None, ..quiet() };
        let words = "the machine was busy before the run (9.0 threads on 4 CPUs over the last minute): latencies may \
                     be too high";
        assert_eq!(only(&machine(), &run), finding(Kind::Busy, Severity::Warning, words));
    }

    #[test]
    fn stolen_time() {
        let run = Readings { steal: Some(0.034), ..quiet() };
        let words = "the hypervisor gave 3.4 % of the CPUs' time to other guests: latencies are longer than on a \
                     machine of one's own";
        assert_eq!(only(&machine(), &run), finding(Kind::Stolen, Severity::Warning, words));
        assert_eq!(only(&machine(), &Readings { steal: Some(0.2), ..quiet() }).severity, Severity::Serious);
    }

    #[test]
    fn heat_by_counters_and_by_the_clock() {
        let mut run = quiet();
        run.after.thermal_throttles = Some(112);
        run.readings[4].temperature_celsius = Some(99.6);
        let words = "the processor slowed down for heat during the run (up to 100 °C): its counters rose by 12; \
                     latencies depend on how long it has been working";
        assert_eq!(only(&machine(), &run), finding(Kind::Throttled, Severity::Serious, words));
        let mut run = quiet();
        for reading in &mut run.readings[12..] {
            reading.mhz = Some(Mhz { mean: 2_000.0, min: 800.0, max: 2_600.0 });
        }
        let words = "the processor's clock fell from 3000 to 2600 MHz during the run (heat or a power limit): later \
                     latencies are longer than earlier ones";
        assert_eq!(only(&machine(), &run), finding(Kind::Throttled, Severity::Warning, words));
        // A fall by 7 % is none, and neither is that of a machine that has stopped working.
        for reading in &mut run.readings[12..] {
            reading.mhz = Some(Mhz { mean: 2_000.0, min: 800.0, max: 2_800.0 });
        }
        assert_eq!(findings(&machine(), &run), []);
        for reading in &mut run.readings[17..] {
            reading.mhz = Some(Mhz { mean: 800.0, min: 800.0, max: 800.0 });
            reading.own_cores = Some(0.1);
        }
        assert_eq!(findings(&machine(), &run), []);
    }

    #[test]
    fn a_slowed_gpu_says_why() {
        let mut run = quiet();
        for reading in &mut run.readings[..10] {
            reading.gpus[0].throttle_reasons = Some(0x1 | 0x4);
        }
        let words = "GPU 0, X ran slower than it could in 50 % of the readings: at its power limit";
        assert_eq!(only(&machine(), &run), finding(Kind::GpuThrottled, Severity::Note, words));
        run.readings[0].gpus[0].throttle_reasons = Some(0x40);
        let found = only(&machine(), &run);
        assert_eq!(found.severity, Severity::Warning);
        assert!(
            found.words.ends_with("at its power limit; too hot (the hardware halves the clocks)"),
            "{found:?}"
        );
        let mut run = quiet();
        run.before.gpus[0].utilisation = Some(0.7);
        assert_eq!(only(&machine(), &run).kind, Kind::GpuBusy);
    }

    #[test]
    fn a_quota_that_stops_threads() {
        let mut container = machine();
        container.platform.limits = Some(Limits { cpu_quota: Some(1.5), ..Limits::default() });
        let mut run = quiet();
        run.after.quota_throttled_nanos = Some(1_205_000_000);
        let words = "the container's CPU quota of 1.50 CPUs stopped its threads for 1.20 s in a run of 10.0 s: the \
                     highest latencies are waiting, not work; fewer threads may be faster";
        assert_eq!(only(&container, &run), finding(Kind::Quota, Severity::Serious, words));
        run.after.quota_throttled_nanos = Some(50_000_000);
        assert_eq!(findings(&container, &run), []);
        // A counter that began anew says nothing.
        run.after.quota_throttled_nanos = Some(0);
        assert_eq!(findings(&container, &run), []);
    }

    #[test]
    fn memory_that_ran_short() {
        let mut run = quiet();
        run.after.swap_used_bytes = Some(3 << 30);
        let words =
            "2.00 GiB were swapped out to disk during the run: latencies may include waiting for the disk";
        assert_eq!(only(&machine(), &run), finding(Kind::Memory, Severity::Serious, words));
        let mut run = quiet();
        run.after.available_memory_bytes = Some(512 << 20);
        assert_eq!(only(&machine(), &run).severity, Severity::Warning);
        let mut container = machine();
        container.platform.limits =
            Some(Limits { memory_bytes: Some((1 << 30) + (1 << 20)), ..Limits::default() });
        let found = only(&container, &quiet());
        assert!(found.words.starts_with("this process used 1.00 GiB of the 1.00 GiB"), "{found:?}");
    }

    #[test]
    fn batteries_and_policies() {
        let mut run = quiet();
        (run.before.power, run.after.power) = (Some(PowerSource::Battery), Some(PowerSource::Battery));
        assert_eq!(only(&machine(), &run).kind, Kind::Battery);
        run.before.power = Some(PowerSource::Mains);
        let kinds: Vec<Kind> = findings(&machine(), &run).iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, [Kind::Battery, Kind::Changed]);

        let mut run = quiet();
        (run.before.governor, run.after.governor) =
            (Some("powersave".to_owned()), Some("powersave".to_owned()));
        assert_eq!(only(&machine(), &run).kind, Kind::Policy);
        // The ordinary policy of Intel's own driver, unless it is told to save power.
        let mut intel = machine();
        intel.tuning.scaling_driver = Some("intel_pstate".to_owned());
        intel.tuning.energy_preference = Some("balance_performance".to_owned());
        assert_eq!(findings(&intel, &run), []);
        intel.tuning.energy_preference = Some("power".to_owned());
        assert_eq!(only(&intel, &run).kind, Kind::Policy);
    }

    #[test]
    fn the_worst_comes_first() {
        let mut run = Readings { steal: Some(0.03), machine_cpu: Some(0.99), ..quiet() };
        run.after.swap_used_bytes = Some(2 << 30);
        let severities: Vec<Severity> =
            findings(&machine(), &run).iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Serious, Severity::Serious, Severity::Warning]);
    }
}
