//! Where this machine tells its present clocks and temperature: looked up once, read often.
//!
//! Formats: kernel documentation `admin-guide/pm/cpufreq` (kHz), `hwmon/sysfs-interface` and
//! `driver-api/thermal/sysfs-api` (millidegrees Celsius).

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::processor::measures_clock;
use super::root::Root;

/// Clocks are read of at most this many CPUs, evenly spread: a reading may interrupt the CPU it asks for.
const MOST_CPUS: usize = 16;

/// The files to read.
#[derive(Debug, Clone, Default)]
pub struct Sensors {
    clocks: Clocks,
    temperatures: Vec<PathBuf>,
}

#[derive(Debug, Clone, Default)]
enum Clocks {
    #[default]
    NotTold,
    Scaling(Vec<PathBuf>),
    CpuInfo(PathBuf),
}

/// The clocks of the CPUs at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Mhz {
    /// Mean over the CPUs read.
    pub mean: f64,
    /// The slowest of them.
    pub min: f64,
    /// The fastest of them.
    pub max: f64,
}

impl Sensors {
    /// Finds what this machine has; of the clocks, those of the CPUs this process may run on.
    pub fn find(root: &Root) -> Self {
        Self { clocks: Clocks::find(root), temperatures: temperatures(root) }
    }

    /// The clocks now. `None` where they are not told, as in most virtual machines.
    pub fn mhz(&self) -> Option<Mhz> {
        let values: Vec<f64> = match &self.clocks {
            Clocks::NotTold => return None,
            Clocks::Scaling(files) => {
                files.iter().filter_map(number).map(|kilohertz| kilohertz / 1e3).collect()
            }
            Clocks::CpuInfo(file) => fs::read_to_string(file)
                .ok()?
                .lines()
                .filter_map(|line| line.strip_prefix("cpu MHz")?.split_once(':')?.1.trim().parse().ok())
                .collect(),
        };
        let values: Vec<f64> = values.into_iter().filter(|mhz| *mhz > 0.0).collect();
        Some(Mhz {
            mean: mean_of(&values)?,
            min: values.iter().copied().reduce(f64::min)?,
            max: values.iter().copied().reduce(f64::max)?,
        })
    }

    /// The processor's hottest spot now, in °C.
    pub fn temperature_celsius(&self) -> Option<f64> {
        self.temperatures.iter().filter_map(number).map(|millidegrees| millidegrees / 1e3).reduce(f64::max)
    }
}

/// To a kilohertz: what the files tell.
fn mean_of(mhz: &[f64]) -> Option<f64> {
    let mean = mhz.iter().sum::<f64>() / mhz.len() as f64;
    mean.is_finite().then(|| (mean * 1e3).round() / 1e3)
}

fn number(file: &PathBuf) -> Option<f64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

impl Clocks {
    fn find(root: &Root) -> Self {
        let cpus = root.allowed_cpus().unwrap_or_else(|| root.online_cpus());
        let step = cpus.len().div_ceil(MOST_CPUS).max(1);
        let files: Vec<PathBuf> = cpus
            .iter()
            .step_by(step)
            .filter_map(|cpu| root.path(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq")))
            .filter(|path| number(path).is_some())
            .collect();
        if !files.is_empty() {
            return Self::Scaling(files);
        }
        // Without a driver for clocks `/proc/cpuinfo` tells the measured clock of some processors and a constant for
        // the others.
        let measured = root.text("proc/cpuinfo").is_some_and(|cpuinfo| measures_clock(&cpuinfo));
        root.path("proc/cpuinfo").filter(|_| measured).map_or(Self::NotTold, Self::CpuInfo)
    }
}

/// The processor's own sensors, of the hardware monitors or else of the thermal zones.
fn temperatures(root: &Root) -> Vec<PathBuf> {
    const MONITORS: &str = "sys/class/hwmon";
    const OF_A_PROCESSOR: [&str; 6] =
        ["coretemp", "k10temp", "zenpower", "cpu_thermal", "cpu-thermal", "scpi_sensors"];
    const ZONES: &str = "sys/class/thermal";
    let readable = |path: String| root.path(&path).filter(|path| number(path).is_some());
    let mut files = Vec::new();
    for monitor in root.names(MONITORS) {
        let name = root.text(&format!("{MONITORS}/{monitor}/name")).unwrap_or_default();
        if OF_A_PROCESSOR.contains(&name.as_str()) {
            let inputs = root.names(&format!("{MONITORS}/{monitor}"));
            files.extend(
                inputs
                    .iter()
                    .filter(|file| file.starts_with("temp") && file.ends_with("_input"))
                    .filter_map(|file| readable(format!("{MONITORS}/{monitor}/{file}"))),
            );
        }
    }
    if files.is_empty() {
        for zone in root.numbered(ZONES, "thermal_zone") {
            let kind = root.text(&format!("{ZONES}/thermal_zone{zone}/type")).unwrap_or_default();
            if kind == "x86_pkg_temp" || kind.starts_with("cpu") || kind.starts_with("soc") {
                files.extend(readable(format!("{ZONES}/thermal_zone{zone}/temp")));
            }
        }
    }
    // A big server has a sensor a core; the package's own come first and suffice.
    files.truncate(MOST_CPUS);
    files
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::{folder, write};
    use super::*;

    #[test]
    fn clocks_of_the_cpus_this_process_may_use() {
        let clock = |cpu| format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_cur_freq");
        let root = folder(&[
            (&clock(0), "800000"),
            (&clock(1), "3000000\n"),
            (&clock(2), "2500000\n"),
            ("sys/devices/system/cpu/online", "0-2"),
            ("proc/self/status", "Cpus_allowed_list:\t1-2\n"),
        ]);
        let sensors = Sensors::find(&Root::at(root.path()));
        assert_eq!(sensors.mhz(), Some(Mhz { mean: 2_750.0, min: 2_500.0, max: 3_000.0 }));
        write(root.path(), &clock(1), "1000000\n");
        assert_eq!(sensors.mhz(), Some(Mhz { mean: 1_750.0, min: 1_000.0, max: 2_500.0 }));
    }

    #[test]
    fn the_constant_of_a_virtual_machine_is_no_clock() {
        let constant = "processor: 0\ncpu MHz\t\t: 2100.000\nflags: fpu\n";
        let root = folder(&[("proc/cpuinfo", constant)]);
        assert_eq!(Sensors::find(&Root::at(root.path())).mhz(), None);
        let measured = "cpu MHz\t\t: 2100.000\nflags: aperfmperf\ncpu MHz\t\t: 900.000\nflags: aperfmperf\n";
        write(root.path(), "proc/cpuinfo", measured);
        let mhz = Sensors::find(&Root::at(root.path())).mhz();
        assert_eq!(mhz, Some(Mhz { mean: 1_500.0, min: 900.0, max: 2_100.0 }));
    }

    #[test]
    fn the_hottest_spot_of_the_processor_and_not_of_the_disk() {
        let root = folder(&[
            ("sys/class/hwmon/hwmon0/name", "nvme\n"),
            ("sys/class/hwmon/hwmon0/temp1_input", "99000\n"),
            ("sys/class/hwmon/hwmon1/name", "coretemp\n"),
            ("sys/class/hwmon/hwmon1/temp1_input", "61000\n"),
            ("sys/class/hwmon/hwmon1/temp2_input", "63500\n"),
            ("sys/class/hwmon/hwmon1/temp1_crit", "100000\n"),
            ("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n"),
            ("sys/class/thermal/thermal_zone0/temp", "70000\n"),
        ]);
        assert_eq!(Sensors::find(&Root::at(root.path())).temperature_celsius(), Some(63.5));
    }

    #[test]
    fn boards_tell_by_thermal_zones() {
        let root = folder(&[
            ("sys/class/thermal/thermal_zone0/type", "gpu-thermal\n"),
            ("sys/class/thermal/thermal_zone0/temp", "90000\n"),
            ("sys/class/thermal/thermal_zone1/type", "cpu-thermal\n"),
            ("sys/class/thermal/thermal_zone1/temp", "48200\n"),
        ]);
        assert_eq!(Sensors::find(&Root::at(root.path())).temperature_celsius(), Some(48.2));
        assert_eq!(Sensors::default().temperature_celsius(), None);
    }
}
