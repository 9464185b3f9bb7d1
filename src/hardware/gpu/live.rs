//! What the GPUs do at this moment: use, memory, power, clocks, temperature, reasons to run slowly, energy.

use std::path::Path;

use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::{Bits, NvmlError};
use nvml_wrapper::{Device, Nvml};
use serde::{Deserialize, Serialize};

use super::load;

/// NVML kept open, so that a reading takes microseconds where loading the library takes up to a second.
pub struct Live {
    nvml: Nvml,
    count: u32,
}

/// One GPU at one moment. `None` = the GPU or its driver does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuReading {
    /// Share of NVML's last sample period in which a kernel ran, 0..1. Says nothing of how much of the GPU it used.
    #[serde(default)]
    pub utilisation: Option<f64>,
    /// Memory in use by everybody, in bytes.
    #[serde(default)]
    pub memory_used_bytes: Option<u64>,
    /// Memory in use by this process, in bytes; also `None` in a container that hides the host's process ids.
    #[serde(default)]
    pub own_memory_bytes: Option<u64>,
    /// Power drawn, in watts; newer GPUs tell the mean of about the last second.
    #[serde(default)]
    pub power_watts: Option<f64>,
    /// Clock of the multiprocessors, in MHz.
    #[serde(default)]
    pub sm_clock_mhz: Option<u32>,
    /// Temperature of the chip, in °C.
    #[serde(default)]
    pub temperature_celsius: Option<u32>,
    /// NVML's bits of why the clocks are lower than they could be ([`super::throttle_words`]).
    #[serde(default)]
    pub throttle_reasons: Option<u64>,
}

impl Live {
    /// Loads the NVML at `library`, or the driver's own. The error says in words why there is none.
    pub fn open(library: Option<&Path>) -> Result<Self, String> {
        let nvml = load(library.map(Path::as_os_str))?;
        match nvml.device_count() {
            Ok(0) => Err("the NVIDIA driver sees no GPU".to_owned()),
            Ok(count) => Ok(Self { nvml, count }),
            Err(error) => Err(format!("counting the GPUs: {error}")),
        }
    }

    /// A reading of each GPU, in NVML's order.
    pub fn read(&self) -> Vec<GpuReading> {
        let process = std::process::id();
        (0..self.count)
            .map(|index| {
                self.nvml.device_by_index(index).map_or_else(
                    |_unreadable| GpuReading::default(),
                    |device| GpuReading::of(&device, process),
                )
            })
            .collect()
    }

    /// Energy each GPU has used since its driver was loaded, in joules.
    pub fn energy_joules(&self) -> Vec<Option<f64>> {
        (0..self.count)
            .map(|index| {
                let millijoules = self.nvml.device_by_index(index).ok()?.total_energy_consumption().ok()?;
                Some(millijoules as f64 / 1e3)
            })
            .collect()
    }

    /// Names in NVML's order: `GPU 0, NVIDIA L4`.
    pub fn names(&self) -> Vec<String> {
        (0..self.count)
            .map(|index| match self.nvml.device_by_index(index).and_then(|device| device.name()) {
                Ok(name) => format!("GPU {index}, {name}"),
                Err(_nameless) => format!("GPU {index}"),
            })
            .collect()
    }
}

impl GpuReading {
    fn of(device: &Device<'_>, process: u32) -> Self {
        Self {
            utilisation: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
            memory_used_bytes: device.memory_info().ok().map(|memory| memory.used),
            own_memory_bytes: own_memory(device, process),
            power_watts: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
            sm_clock_mhz: device.clock_info(Clock::SM).ok(),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
            throttle_reasons: throttle_reasons(device),
        }
    }
}

/// The bits as NVML gives them, with those that the wrapper does not know.
fn throttle_reasons(device: &Device<'_>) -> Option<u64> {
    match device.current_throttle_reasons_strict() {
        Ok(known) => Some(known.bits()),
        Err(NvmlError::IncorrectBits(Bits::U64(bits))) => Some(bits),
        Err(_not_told) => None,
    }
}

/// A process has an entry for each of its GPU instances; they add up.
fn own_memory(device: &Device<'_>, process: u32) -> Option<u64> {
    let own = device.running_compute_processes().ok()?;
    own.iter()
        .filter(|entry| entry.pid == process)
        .map(|entry| match entry.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        })
        .reduce(|sum, bytes| sum?.checked_add(bytes?))
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::super::stub::StubNvml;
    use super::*;

    #[test]
    fn readings_follow_the_gpu_exactly() {
        let stub = StubNvml::build();
        let live = Live::open(Some(stub.library())).unwrap();
        assert_eq!(live.names(), ["GPU 0, Stub GPU A", "GPU 1, Stub GPU B"]);
        for tick in 1..=5 {
            let before = live.energy_joules();
            let gpus = live.read();
            assert_eq!(gpus.len(), 2);
            assert_eq!(gpus[0], StubNvml::reading(tick), "reading {tick}");
            let second = GpuReading { memory_used_bytes: Some(1_000_000_000), ..GpuReading::default() };
            assert_eq!(gpus[1], second);
            assert_eq!(before[1], None);
            let spent = live.energy_joules()[0].unwrap() - before[0].unwrap();
            assert!((spent - StubNvml::JOULES_PER_READING).abs() < 1e-9, "{spent}");
        }
    }

    #[test]
    fn no_driver_is_a_reason() {
        let Err(reason) = Live::open(Some(Path::new("libnvidia-ml-not-on-any-machine.so"))) else {
            panic!("there is no such library");
        };
        assert!(reason.starts_with("no NVIDIA driver"), "{reason}");
    }
}
