//! Readings in a few numbers: least, median, mean and peak of each series.

use serde::{Deserialize, Serialize};

use super::readings::{Reading, Readings};
use crate::hardware::gpu::{GpuReading, slowing};

/// One series in four numbers, in the series' own unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stat {
    /// The least.
    pub least: f64,
    /// The middle one; of an even number, the mean of the two in the middle. The steady value of memory and clocks.
    pub median: f64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The largest.
    pub peak: f64,
}

/// All series; `None` = not told in any reading. Units as in [`Reading`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// How many readings there are.
    pub readings: usize,
    /// Busy share of the CPUs, 0..1.
    pub machine_cpu: Option<Stat>,
    /// Stolen share of the CPUs, 0..1.
    pub steal: Option<Stat>,
    /// Cores this process kept busy.
    pub own_cores: Option<Stat>,
    /// Mean clock of the CPUs, in MHz.
    pub mhz: Option<Stat>,
    /// Temperature, in °C.
    pub temperature_celsius: Option<Stat>,
    /// Resident memory of this process, in bytes.
    pub memory_bytes: Option<Stat>,
    /// Each GPU.
    pub gpus: Vec<GpuSummary>,
}

/// The series of one GPU; units as in [`GpuReading`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuSummary {
    /// `GPU 0, NVIDIA L4`.
    pub name: String,
    /// Share of time with a kernel running, 0..1.
    pub utilisation: Option<Stat>,
    /// Memory in use by everybody, in bytes.
    pub memory_used_bytes: Option<Stat>,
    /// Memory in use by this process, in bytes.
    pub own_memory_bytes: Option<Stat>,
    /// Power, in watts.
    pub power_watts: Option<Stat>,
    /// Clock of the multiprocessors, in MHz.
    pub sm_clock_mhz: Option<Stat>,
    /// Temperature, in °C.
    pub temperature_celsius: Option<Stat>,
    /// Share of the readings in which something kept it from the speed it was set to, 0..1.
    pub slowed_share: Option<f64>,
}

impl Stat {
    /// Of numbers in any order; `None` of none. Numbers that are not finite are left out.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = numbers.into_iter().filter(|number| number.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        let (least, peak) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            sorted.get(half - 1)?.midpoint(*sorted.get(half)?)
        } else {
            *sorted.get(half)?
        };
        Some(Self { least, median, mean: sorted.iter().sum::<f64>() / sorted.len() as f64, peak })
    }
}

impl Readings {
    /// Every series in a few numbers.
    pub fn summary(&self) -> Summary {
        let of = |series: &dyn Fn(&Reading) -> Option<f64>| Stat::of(self.readings.iter().filter_map(series));
        Summary {
            readings: self.readings.len(),
            machine_cpu: of(&|reading| reading.machine_cpu),
            steal: of(&|reading| reading.steal),
            own_cores: of(&|reading| reading.own_cores),
            mhz: of(&|reading| reading.mhz.map(|mhz| mhz.mean)),
            temperature_celsius: of(&|reading| reading.temperature_celsius),
            memory_bytes: of(&|reading| reading.memory_bytes.map(|bytes| bytes as f64)),
            gpus: self.gpus.iter().enumerate().map(|(index, name)| self.gpu_summary(index, name)).collect(),
        }
    }

    /// Largest resident memory of this process at any reading, in bytes. What it had between two readings is told only
    /// by the system's own high-water mark.
    pub fn peak_memory_bytes(&self) -> Option<u64> {
        self.readings.iter().filter_map(|reading| reading.memory_bytes).max()
    }

    /// Resident memory of this process in the steady state, in bytes: the median over the readings (the upper of the
    /// two in the middle).
    pub fn steady_memory_bytes(&self) -> Option<u64> {
        middle(self.readings.iter().filter_map(|reading| reading.memory_bytes).collect())
    }

    /// Memory of one GPU, in bytes: peak and steady (median). That of this process where the driver tells it, otherwise
    /// of all programs; the third value says which: true = this process.
    pub fn gpu_memory_bytes(&self, gpu: usize) -> Option<(u64, u64, bool)> {
        let series = |memory: fn(&GpuReading) -> Option<u64>| -> Vec<u64> {
            self.readings.iter().filter_map(|reading| memory(reading.gpus.get(gpu)?)).collect()
        };
        let own = series(|gpu| gpu.own_memory_bytes);
        let is_own = !own.is_empty();
        let bytes = if is_own { own } else { series(|gpu| gpu.memory_used_bytes) };
        Some((*bytes.iter().max()?, middle(bytes)?, is_own))
    }

    fn gpu_summary(&self, index: usize, name: &str) -> GpuSummary {
        let all: Vec<&GpuReading> =
            self.readings.iter().filter_map(|reading| reading.gpus.get(index)).collect();
        let of =
            |series: &dyn Fn(&GpuReading) -> Option<f64>| Stat::of(all.iter().filter_map(|gpu| series(gpu)));
        let bytes = |bytes: Option<u64>| bytes.map(|bytes| bytes as f64);
        let reasons: Vec<u64> = all.iter().filter_map(|gpu| gpu.throttle_reasons).collect();
        let slowed = reasons.iter().filter(|reasons| slowing(**reasons) != 0).count();
        GpuSummary {
            name: name.to_owned(),
            utilisation: of(&|gpu| gpu.utilisation),
            memory_used_bytes: of(&|gpu| bytes(gpu.memory_used_bytes)),
            own_memory_bytes: of(&|gpu| bytes(gpu.own_memory_bytes)),
            power_watts: of(&|gpu| gpu.power_watts),
            sm_clock_mhz: of(&|gpu| gpu.sm_clock_mhz.map(f64::from)),
            temperature_celsius: of(&|gpu| gpu.temperature_celsius.map(f64::from)),
            slowed_share: (!reasons.is_empty()).then(|| slowed as f64 / reasons.len() as f64),
        }
    }
}

fn middle(mut numbers: Vec<u64>) -> Option<u64> {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_numbers_of_a_series() {
        let stat = Stat { least: 1.0, median: 2.5, mean: 4.0, peak: 10.0 };
        assert_eq!(Stat::of([10.0, 1.0, 3.0, f64::NAN, 2.0]), Some(stat));
        assert_eq!(Stat::of([7.0]), Some(Stat { least: 7.0, median: 7.0, mean: 7.0, peak: 7.0 }));
        assert_eq!(Stat::of([]), None);
    }

    #[test]
    fn each_series_is_its_own() {
        let gpu = |own, watts, reasons| GpuReading {
            memory_used_bytes: Some(own + 1_000),
            own_memory_bytes: Some(own),
            power_watts: Some(watts),
            throttle_reasons: Some(reasons),
            ..GpuReading::default()
        };
        let reading = |memory, cores, gpu| Reading {
            memory_bytes: Some(memory),
            own_cores: cores,
            gpus: vec![gpu],
            ..Reading::default()
        };
        let mut readings = Readings {
            gpus: vec!["GPU 0, X".to_owned()],
            readings: vec![
                reading(100, None, gpu(5, 20.0, 0x1)),
                reading(300, Some(1.0), gpu(9, 60.0, 0x4)),
                reading(200, Some(3.0), gpu(7, 40.0, 0x24)),
            ],
            ..Readings::default()
        };
        let summary = readings.summary();
        assert_eq!(summary.readings, 3);
        assert_eq!(summary.own_cores, Some(Stat { least: 1.0, median: 2.0, mean: 2.0, peak: 3.0 }));
        assert_eq!(summary.machine_cpu, None);
        assert_eq!(
            summary.gpus[0].power_watts,
            Some(Stat { least: 20.0, median: 40.0, mean: 40.0, peak: 60.0 })
        );
        assert_eq!(summary.gpus[0].slowed_share, Some(2.0 / 3.0));
        assert_eq!(summary.gpus[0].utilisation, None);
        assert_eq!((readings.peak_memory_bytes(), readings.steady_memory_bytes()), (Some(300), Some(200)));
        assert_eq!(readings.gpu_memory_bytes(0), Some((9, 7, true)));
        for reading in &mut readings.readings {
            reading.gpus[0].own_memory_bytes = None;
        }
        assert_eq!(readings.gpu_memory_bytes(0), Some((1_009, 1_007, false)));
        assert_eq!(readings.gpu_memory_bytes(1), None);
        assert_eq!(Readings::default().summary(), Summary::default());
    }
}
