//! What a monitor saw: a series of readings, the conditions at both ends, energy, and why something is missing.

use serde::{Deserialize, Serialize};

use super::energy::Energy;
use crate::hardware::Conditions;
use crate::hardware::fingerprint::Mhz;
use crate::hardware::gpu::GpuReading;

/// The machine and this process at one moment. CPU use is that since the reading before. `None` = not told.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Nanoseconds since the start.
    pub at_nanos: u64,
    /// Share of the CPUs this process may use that was busy, with whatever program, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_cpu: Option<f64>,
    /// Share of those CPUs that a hypervisor gave to other guests, 0..1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steal: Option<f64>,
    /// Cores this process kept busy: 1.5 = one and a half.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own_cores: Option<f64>,
    /// Clocks of those CPUs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mhz: Option<Mhz>,
    /// The processor's hottest spot, in °C.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature_celsius: Option<f64>,
    /// Resident memory of this process, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Each GPU, in the order of [`Readings::gpus`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<GpuReading>,
}

/// What a monitor saw.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Readings {
    /// How long it watched, in nanoseconds.
    pub run_nanos: u64,
    /// Time between two readings, in nanoseconds; in a long run more than was asked.
    pub interval_nanos: u64,
    /// How many CPUs the shares are of: those this process may use.
    #[serde(default)]
    pub cpus: Option<u32>,
    /// Like [`Reading::machine_cpu`], over the whole run.
    #[serde(default)]
    pub machine_cpu: Option<f64>,
    /// Like [`Reading::steal`], over the whole run.
    #[serde(default)]
    pub steal: Option<f64>,
    /// Like [`Reading::own_cores`], over the whole run.
    #[serde(default)]
    pub own_cores: Option<f64>,
    /// GPUs that were watched: `GPU 0, NVIDIA L4`.
    #[serde(default)]
    pub gpus: Vec<String>,
    /// The machine just before the start.
    #[serde(default)]
    pub before: Conditions,
    /// The machine just after the stop.
    #[serde(default)]
    pub after: Conditions,
    /// The series, in order; the last is that of the stop.
    #[serde(default)]
    pub readings: Vec<Reading>,
    /// Energy used; parts that do not overlap.
    #[serde(default)]
    pub energy: Vec<Energy>,
    /// CPU time the monitor itself used in that time, in nanoseconds; its last reading is after it.
    #[serde(default)]
    pub monitor_cpu_nanos: Option<u64>,
    /// Why something could not be watched, in words.
    #[serde(default)]
    pub reasons: Vec<String>,
}

impl Readings {
    /// Share of the CPUs that other programs used over the whole run, 0..1.
    pub fn others_share(&self) -> Option<f64> {
        let cpus = f64::from(self.cpus.filter(|cpus| *cpus > 0)?);
        Some((self.machine_cpu? - self.own_cores? / cpus).clamp(0.0, 1.0))
    }

    /// Power of one GPU: `(seconds since the start, watts)`.
    pub(super) fn power_of(&self, gpu: usize) -> Vec<(f64, f64)> {
        self.readings
            .iter()
            .filter_map(|reading| Some((reading.at_nanos as f64 / 1e9, reading.gpus.get(gpu)?.power_watts?)))
            .collect()
    }

    /// Joins each two readings into one, so that as much time is covered by half as many.
    pub(super) fn join_pairs(&mut self) {
        let series = std::mem::take(&mut self.readings);
        let mut series = series.into_iter();
        while let Some(first) = series.next() {
            self.readings.push(match series.next() {
                Some(second) => first.joined(&second),
                None => first,
            });
        }
    }
}

impl Reading {
    /// The two as one at the later's time: means of shares, clocks, power and use; the larger of memory and temperature;
    /// every reason for slowness.
    fn joined(&self, later: &Self) -> Self {
        Self {
            at_nanos: later.at_nanos,
            machine_cpu: mean(self.machine_cpu, later.machine_cpu),
            steal: mean(self.steal, later.steal),
            own_cores: mean(self.own_cores, later.own_cores),
            mhz: match (self.mhz, later.mhz) {
                (Some(a), Some(b)) => {
                    Some(Mhz { mean: a.mean.midpoint(b.mean), min: a.min.min(b.min), max: a.max.max(b.max) })
                }
                (a, b) => a.or(b),
            },
            temperature_celsius: match (self.temperature_celsius, later.temperature_celsius) {
                (Some(a), Some(b)) => Some(a.max(b)),
                (a, b) => a.or(b),
            },
            memory_bytes: self.memory_bytes.max(later.memory_bytes),
            gpus: self.gpus.iter().zip(&later.gpus).map(|(a, b)| joined_gpu(a, b)).collect(),
        }
    }
}

fn joined_gpu(a: &GpuReading, b: &GpuReading) -> GpuReading {
    GpuReading {
        utilisation: mean(a.utilisation, b.utilisation),
        memory_used_bytes: a.memory_used_bytes.max(b.memory_used_bytes),
        own_memory_bytes: a.own_memory_bytes.max(b.own_memory_bytes),
        power_watts: mean(a.power_watts, b.power_watts),
        sm_clock_mhz: match (a.sm_clock_mhz, b.sm_clock_mhz) {
            (Some(a), Some(b)) => Some(a.midpoint(b)),
            (a, b) => a.or(b),
        },
        temperature_celsius: a.temperature_celsius.max(b.temperature_celsius),
        throttle_reasons: match (a.throttle_reasons, b.throttle_reasons) {
            (Some(a), Some(b)) => Some(a | b),
            (a, b) => a.or(b),
        },
    }
}

fn mean(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.midpoint(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joining_keeps_peaks_and_means() {
        let reading = |at_nanos, busy, memory, celsius, watts, reasons| Reading {
            at_nanos,
            machine_cpu: Some(busy),
            memory_bytes: Some(memory),
            temperature_celsius: celsius,
            mhz: Some(Mhz { mean: 1_000.0 * busy, min: 500.0 * busy, max: 4_000.0 * busy }),
            gpus: vec![GpuReading {
                power_watts: Some(watts),
                throttle_reasons: Some(reasons),
                ..GpuReading::default()
            }],
            ..Reading::default()
        };
        let mut readings = Readings {
            readings: vec![
                reading(1, 0.2, 10, None, 10.0, 0x4),
                reading(2, 0.6, 7, Some(50.0), 30.0, 0x20),
                reading(3, 1.0, 5, Some(40.0), 1.0, 0),
            ],
            ..Readings::default()
        };
        readings.join_pairs();
        let mut expected = reading(2, 0.4, 10, Some(50.0), 20.0, 0x24);
        expected.mhz = Some(Mhz { mean: 400.0, min: 100.0, max: 2_400.0 });
        assert_eq!(readings.readings, [expected, reading(3, 1.0, 5, Some(40.0), 1.0, 0)]);
    }

    #[test]
    fn what_others_used_is_what_is_left() {
        let readings =
            Readings { cpus: Some(4), machine_cpu: Some(0.75), own_cores: Some(1.0), ..Readings::default() };
        assert_eq!(readings.others_share(), Some(0.5));
        // The two clocks round differently: a little less than nothing is nothing.
        assert_eq!(Readings { own_cores: Some(3.1), ..readings.clone() }.others_share(), Some(0.0));
        assert_eq!(Readings { cpus: None, ..readings }.others_share(), None);
    }
}
