//! The NVIDIA GPUs of this machine, through NVML, the library that comes with their driver.
//!
//! A machine without a driver is not an error: it has no GPUs that can be used, and a reason says why.

use std::ffi::OsStr;

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

/// What NVML sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gpus {
    /// Names in NVML's order; a GPU that does not tell its name is `GPU 1 (name not readable)`.
    pub names: Vec<String>,
    /// Version of the NVIDIA driver.
    pub driver: Option<String>,
    /// Why there are none, or why something is missing; `None` when all was read.
    pub reason: Option<String>,
}

impl Gpus {
    /// Asks the driver's library, where there is one.
    pub fn read() -> Self {
        Self::from_nvml(Nvml::init())
    }

    /// Asks the NVML library at a path (or a name the system's loader finds).
    pub fn read_with(library: &OsStr) -> Self {
        Self::from_nvml(Nvml::builder().lib_path(library).init())
    }

    fn from_nvml(nvml: Result<Nvml, NvmlError>) -> Self {
        let nvml = match nvml {
            Ok(nvml) => nvml,
            Err(NvmlError::LibloadingError(error)) => {
                return Self {
                    reason: Some(format!(
                        "no NVIDIA driver: its library NVML cannot be loaded ({error}); \
                         GPUs are seen once the driver is installed"
                    )),
                    ..Self::default()
                };
            }
            Err(error) => {
                return Self {
                    reason: Some(format!("the NVIDIA driver does not answer: {error}")),
                    ..Self::default()
                };
            }
        };
        let mut gpus = Self { driver: nvml.sys_driver_version().ok(), ..Self::default() };
        match nvml.device_count() {
            Ok(count) => {
                for index in 0..count {
                    match nvml.device_by_index(index).and_then(|device| device.name()) {
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

#[cfg(test)]
mod tests {
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
}
