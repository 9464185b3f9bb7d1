//! The state the machine is in at one moment: what may differ between two runs on the same machine.
//!
//! Read before and after each run. What identifies the machine is the [`Fingerprint`](crate::hardware::Fingerprint).

use serde::{Deserialize, Serialize};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::cgroup;
use super::root::{Root, kilobytes};
use super::sensors::{Mhz, Sensors};
use super::tuning::{self, PowerSource};
use crate::hardware::gpu::{GpuReading, Live};

/// The machine's state. `None` = the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Conditions {
    /// Clocks of the CPUs this process may use.
    #[serde(default)]
    pub mhz: Option<Mhz>,
    /// The processor's hottest spot, in °C.
    #[serde(default)]
    pub temperature_celsius: Option<f64>,
    /// Mean number of threads that ran or waited over the last minute.
    #[serde(default)]
    pub load_average: Option<f64>,
    /// Threads that run or wait at this moment, without the one that asks.
    #[serde(default)]
    pub runnable: Option<u32>,
    /// How often the processor slowed down for heat since it was started: cores and packages added up.
    #[serde(default)]
    pub thermal_throttles: Option<u64>,
    /// How long the container's CPU quota stopped this process's group since it began, in nanoseconds.
    #[serde(default)]
    pub quota_throttled_nanos: Option<u64>,
    /// Memory that programs can still have without swapping, in bytes.
    #[serde(default)]
    pub available_memory_bytes: Option<u64>,
    /// Memory that is swapped out, in bytes.
    #[serde(default)]
    pub swap_used_bytes: Option<u64>,
    /// Where the power comes from.
    #[serde(default)]
    pub power: Option<PowerSource>,
    /// What sets the clocks.
    #[serde(default)]
    pub governor: Option<String>,
    /// Each GPU, in NVML's order; empty without NVML.
    #[serde(default)]
    pub gpus: Vec<GpuReading>,
}

impl Conditions {
    /// Reads the state in about a millisecond; the GPUs' too where NVML is open.
    pub fn read(gpus: Option<&Live>) -> Self {
        let root = Root::system();
        let mut conditions = Self::read_from(&root, &Sensors::find(&root));
        if !root.is_there() {
            conditions.fill_in_portably();
        }
        conditions.gpus = gpus.map(Live::read).unwrap_or_default();
        conditions
    }

    /// Reads what Linux tells below `root`.
    pub fn read_from(root: &Root, sensors: &Sensors) -> Self {
        let load = root.text("proc/loadavg");
        // `0.42 0.30 0.20 3/512 4711`: means over 1, 5 and 15 minutes, running/all threads, last process.
        let word = |at: usize| load.as_deref()?.split_whitespace().nth(at);
        let memory = root.text("proc/meminfo").unwrap_or_default();
        let swap = kilobytes(&memory, "SwapTotal").zip(kilobytes(&memory, "SwapFree"));
        Self {
            mhz: sensors.mhz(),
            temperature_celsius: sensors.temperature_celsius(),
            load_average: word(0).and_then(|mean| mean.parse().ok()),
            runnable: word(3)
                .and_then(|counts| counts.split_once('/')?.0.parse::<u32>().ok())
                .map(|running| running.saturating_sub(1)),
            thermal_throttles: thermal_throttles(root),
            quota_throttled_nanos: cgroup::quota_throttled_nanos(root),
            available_memory_bytes: kilobytes(&memory, "MemAvailable"),
            swap_used_bytes: swap.and_then(|(total, free)| total.checked_sub(free)),
            power: tuning::power_source(root),
            governor: tuning::governor(root),
            gpus: Vec::new(),
        }
    }

    /// What systems without `/proc` tell.
    fn fill_in_portably(&mut self) {
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::everything());
        if let Ok(system) = System::new_with_specifics(memory) {
            self.available_memory_bytes = Some(system.available_memory()).filter(|bytes| *bytes > 0);
            self.swap_used_bytes = Some(system.used_swap()).filter(|_| system.total_swap() > 0);
        }
        // Windows has no load average; the library answers zeros there.
        if !cfg!(windows) {
            self.load_average = System::load_average().ok().map(|load| load.one);
        }
    }
}

/// Kernel documentation: `arch/x86/kernel/cpu/mce/therm_throt.c`; only Intel's processors count.
fn thermal_throttles(root: &Root) -> Option<u64> {
    root.online_cpus()
        .iter()
        .flat_map(|cpu| ["core", "package"].map(|part| (cpu, part)))
        .filter_map(|(cpu, part)| {
            root.number::<u64>(&format!(
                "sys/devices/system/cpu/cpu{cpu}/thermal_throttle/{part}_throttle_count"
            ))
        })
        .reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::folder;
    use super::*;

    #[test]
    fn the_state_of_a_laptop() {
        let cpu = "sys/devices/system/cpu";
        let paths = [
            format!("{cpu}/cpu0/thermal_throttle/core_throttle_count"),
            format!("{cpu}/cpu0/thermal_throttle/package_throttle_count"),
            format!("{cpu}/cpu1/thermal_throttle/core_throttle_count"),
            format!("{cpu}/cpu0/cpufreq/scaling_cur_freq"),
            format!("{cpu}/cpufreq/policy0/scaling_governor"),
        ];
        let root = folder(&[
            (&paths[0], "7\n"),
            (&paths[1], "10\n"),
            (&paths[2], "5\n"),
            (&paths[3], "2400000\n"),
            (&paths[4], "performance\n"),
            ("sys/devices/system/cpu/online", "0-1\n"),
            ("proc/loadavg", "0.42 0.30 0.20 3/512 4711\n"),
            (
                "proc/meminfo",
                "MemTotal:  8000 kB\nMemFree: 100 kB\nMemAvailable:  6000 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n",
            ),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 1\nthrottled_usec 12\n"),
            ("sys/class/power_supply/BAT0/type", "Battery"),
            ("sys/class/power_supply/BAT0/status", "Discharging"),
            ("sys/class/hwmon/hwmon0/name", "k10temp"),
            ("sys/class/hwmon/hwmon0/temp1_input", "55125"),
        ]);
        let root = Root::at(root.path());
        let expected = Conditions {
            mhz: Some(Mhz { mean: 2_400.0, min: 2_400.0, max: 2_400.0 }),
            temperature_celsius: Some(55.125),
            load_average: Some(0.42),
            runnable: Some(2),
            thermal_throttles: Some(22),
            quota_throttled_nanos: Some(12_000),
            available_memory_bytes: Some(6_000 * 1024),
            swap_used_bytes: Some(1024 * 1024),
            power: Some(PowerSource::Battery),
            governor: Some("performance".to_owned()),
            gpus: Vec::new(),
        };
        assert_eq!(Conditions::read_from(&root, &Sensors::find(&root)), expected);
    }

    #[test]
    fn nothing_told_is_nothing_known() {
        let root = folder(&[("proc/loadavg", "busy\n"), ("proc/meminfo", "MemAvailable: lots\n")]);
        let root = Root::at(root.path());
        assert_eq!(Conditions::read_from(&root, &Sensors::find(&root)), Conditions::default());
    }

    #[test]
    fn this_machine_tells_its_memory() {
        let conditions = Conditions::read(None);
        assert!(conditions.available_memory_bytes.unwrap() > 1 << 20);
        assert_eq!(conditions.load_average.is_some(), !cfg!(windows));
    }
}
