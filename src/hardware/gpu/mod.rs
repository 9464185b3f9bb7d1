//! The NVIDIA GPUs of this machine, through NVML, the library that comes with their driver.
//!
//! [`Gpus`] says what they are, [`Live`] what they do at this moment. A machine without a driver is not an error:
//! it has no GPUs that can be used, and a reason says why.

mod live;
mod reasons;

use std::ffi::OsStr;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml, cuda_driver_version_major, cuda_driver_version_minor};
use serde::{Deserialize, Serialize};

pub use live::{GpuReading, Live};
pub use reasons::{slowing, throttle_words};

/// What NVML sees.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Gpus {
    /// Names in NVML's order; a GPU that does not tell its name is `GPU 1 (name not readable)`.
    pub names: Vec<String>,
    /// What else each tells, in the same order.
    pub details: Vec<GpuDetails>,
    /// Version of the NVIDIA driver.
    pub driver: Option<String>,
    /// Newest CUDA version the driver serves: `12.8`.
    pub cuda: Option<String>,
    /// Why there are none, or why something is missing; `None` when all was read.
    pub reason: Option<String>,
}

/// What identifies one GPU and how it is set up. `None` = the GPU or its driver does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GpuDetails {
    /// `NVIDIA L4`.
    #[serde(default)]
    pub name: Option<String>,
    /// Memory of the GPU, in bytes.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// The power limit that is in force, in watts.
    #[serde(default)]
    pub power_limit_watts: Option<f64>,
    /// Highest clock of the multiprocessors, in MHz.
    #[serde(default)]
    pub max_sm_mhz: Option<u32>,
    /// Highest clock of the memory, in MHz.
    #[serde(default)]
    pub max_memory_mhz: Option<u32>,
    /// CUDA compute capability: `8.9`.
    #[serde(default)]
    pub compute_capability: Option<String>,
    /// Whether the GPU is split into several (multi-instance GPU).
    #[serde(default)]
    pub mig: Option<bool>,
    /// Where it is plugged in: `00000000:01:00.0`. Not compared: the same GPU in another slot measures the same.
    #[serde(default)]
    pub pci_address: Option<String>,
    /// PCI vendor and device: `10de:27b8`.
    #[serde(default)]
    pub pci_device: Option<String>,
}

impl Gpus {
    /// Asks the driver's library, where there is one.
    pub fn read() -> Self {
        Self::from_nvml(load(None))
    }

    /// Asks the NVML library at a path (or a name the system's loader finds).
    pub fn read_with(library: &OsStr) -> Self {
        Self::from_nvml(load(Some(library)))
    }

    fn from_nvml(nvml: Result<Nvml, String>) -> Self {
        let nvml = match nvml {
            Ok(nvml) => nvml,
            Err(reason) => return Self { reason: Some(reason), ..Self::default() },
        };
        let cuda = nvml.sys_cuda_driver_version().ok().map(|version| {
            format!("{}.{}", cuda_driver_version_major(version), cuda_driver_version_minor(version))
        });
        let mut gpus = Self { driver: nvml.sys_driver_version().ok(), cuda, ..Self::default() };
        match nvml.device_count() {
            Ok(count) => {
                for index in 0..count {
                    let device = nvml.device_by_index(index);
                    gpus.details.push(device.as_ref().map(GpuDetails::of).unwrap_or_default());
                    match device.and_then(|device| device.name()) {
                        Ok(name) => gpus.names.push(name),
                        Err(error) => {
                            gpus.names.push(format!("GPU {index} (name not readable)"));
                            gpus.reason = Some(format!("reading the name of GPU {index}: {error}"));
                        }
                    }
                }
                if count == 0 {
                    gpus.reason = Some("the NVIDIA driver sees no GPU".to_owned());
                }
            }
            Err(error) => gpus.reason = Some(format!("counting the GPUs: {error}")),
        }
        gpus
    }
}

impl GpuDetails {
    fn of(device: &Device<'_>) -> Self {
        let pci = device.pci_info().ok();
        Self {
            name: device.name().ok(),
            memory_bytes: device.memory_info().ok().map(|memory| memory.total),
            power_limit_watts: device
                .enforced_power_limit()
                .ok()
                .map(|milliwatts| f64::from(milliwatts) / 1e3),
            max_sm_mhz: device.max_clock_info(Clock::SM).ok(),
            max_memory_mhz: device.max_clock_info(Clock::Memory).ok(),
            compute_capability: device
                .cuda_compute_capability()
                .ok()
                .map(|version| format!("{}.{}", version.major, version.minor)),
            mig: device.mig_mode().ok().map(|mode| mode.current != 0),
            // nvml.h: the combined 16-bit device id and 16-bit vendor id.
            pci_device: pci
                .as_ref()
                .map(|pci| format!("{:04x}:{:04x}", pci.pci_device_id & 0xffff, pci.pci_device_id >> 16)),
            pci_address: pci.map(|pci| pci.bus_id),
        }
    }
}

/// Loads NVML; the error says in words why there is none.
fn load(library: Option<&OsStr>) -> Result<Nvml, String> {
    let loaded = match library {
        Some(library) => Nvml::builder().lib_path(library).init(),
        None => Nvml::init(),
    };
    loaded.map_err(|error| match error {
        NvmlError::LibloadingError(error) => format!(
            "no NVIDIA driver: its library NVML cannot be loaded ({error}); \
             GPUs are seen once the driver is installed"
        ),
        error => format!("the NVIDIA driver does not answer: {error}"),
    })
}

#[cfg(test)]
pub(crate) mod stub;

#[cfg(test)]
mod tests {
    use super::stub::StubNvml;
    use super::*;

    #[test]
    fn a_machine_without_the_driver_has_no_gpus_and_a_reason() {
        let gpus = Gpus::read_with(OsStr::new("libnvidia-ml-not-on-any-machine.so"));
        assert!(gpus.names.is_empty());
        assert_eq!(gpus.driver, None);
        let reason = gpus.reason.unwrap();
        assert!(reason.starts_with("no NVIDIA driver"), "{reason}");
        assert!(reason.contains("libnvidia-ml-not-on-any-machine.so"), "{reason}");
    }

    #[test]
    fn a_library_that_is_not_nvml_is_a_reason_and_not_a_crash() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let gpus = Gpus::read_with(file.path().as_os_str());
        assert!(gpus.names.is_empty());
        assert!(gpus.reason.is_some());
    }

    #[test]
    fn each_gpu_tells_what_it_is_and_how_it_is_set_up() {
        let stub = StubNvml::build();
        let gpus = Gpus::read_with(stub.library().as_os_str());
        assert_eq!(gpus.reason, None);
        assert_eq!(gpus.names, ["Stub GPU A", "Stub GPU B"]);
        assert_eq!(gpus.driver.as_deref(), Some("570.12.34"));
        assert_eq!(gpus.cuda.as_deref(), Some("12.8"));
        let first = GpuDetails {
            name: Some("Stub GPU A".to_owned()),
            memory_bytes: Some(24_000_000_000),
            power_limit_watts: Some(72.5),
            max_sm_mhz: Some(2_040),
            max_memory_mhz: Some(6_251),
            compute_capability: Some("8.9".to_owned()),
            mig: Some(true),
            pci_address: Some("00000000:01:00.0".to_owned()),
            pci_device: Some("10de:27b8".to_owned()),
        };
        assert_eq!(gpus.details[0], first);
        // The second answers "not supported" to all but its name and its memory.
        let second = GpuDetails {
            name: Some("Stub GPU B".to_owned()),
            memory_bytes: Some(24_000_000_000),
            ..GpuDetails::default()
        };
        assert_eq!(gpus.details[1], second);
    }
}
