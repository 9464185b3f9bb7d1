//! The fingerprint of the machine this process runs on: what a measurement names so that it can be compared.
//!
//! - [`Fingerprint`] is what identifies the machine and how it is set up; [`Conditions`] is the state it is in at one
//!   moment; both tell their [`Difference`]s to another
//! - [`Root`] is where Linux tells: `/proc` and `/sys`; [`Sensors`] are clocks and temperatures, for repeated reading
//!
//! Reads the system; must not know what is done with the answer. A fact the system does not tell is absent.

mod cgroup;
mod conditions;
mod differences;
mod platform;
mod processor;
mod root;
mod sensors;
mod tuning;

use std::path::Path;
use std::thread;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

pub use cgroup::Limits;
pub use conditions::Conditions;
pub use differences::Difference;
pub use platform::Platform;
pub use processor::{Cache, Processor};
pub use root::{Root, cpu_list, field, kilobytes};
pub use sensors::{Mhz, Sensors};
pub use tuning::{PowerSource, Tuning};

use super::Fingerprint;
use super::gpu::Gpus;

impl Fingerprint {
    /// Reads this machine, with the limits of the container this process may run in. Takes some milliseconds,
    /// and longer where a GPU driver has to wake up: not for every frame.
    pub fn read() -> Self {
        Self::of_machine_with(Gpus::read())
    }

    /// The same with the NVML library at a path instead of the one that the system's loader finds.
    pub fn read_with(nvml: &Path) -> Self {
        Self::of_machine_with(Gpus::read_with(nvml.as_os_str()))
    }

    fn of_machine_with(gpus: Gpus) -> Self {
        let root = Root::system();
        let refresh = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let machine = System::new_with_specifics(refresh).ok();
        let Gpus { names, details, driver, cuda, .. } = gpus;
        let total = machine.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0);
        let platform = Platform { memory_bytes: total, ..Platform::read(&root) };
        let limit = platform.limits.as_ref().and_then(|limits| limits.memory_bytes);
        Self {
            cpu: machine.as_ref().map_or_else(unnamed_cpu, cpu_name),
            logical_cpus: usable_cpus(machine.as_ref()),
            physical_cores: System::physical_core_count().ok().and_then(|cores| u32::try_from(cores).ok()),
            memory_bytes: [total, limit].into_iter().flatten().min(),
            system: system_text(),
            gpus: names,
            driver,
            cuda,
            gpu_details: details,
            processor: Processor::read(&root),
            platform,
            tuning: Tuning::read(&root),
        }
    }
}

/// Logical CPUs this process may use: affinity and container quota counted in where the platform tells.
fn usable_cpus(machine: Option<&System>) -> u32 {
    let usable = thread::available_parallelism().map(usize::from).ok();
    let listed = machine.map(|machine| machine.cpus().len()).filter(|count| *count > 0);
    u32::try_from(usable.or(listed).unwrap_or(1)).unwrap_or(u32::MAX)
}

/// The processor's own name; virtual and ARM machines often have none, then its vendor.
fn cpu_name(machine: &System) -> String {
    let Some(cpu) = machine.cpus().first() else { return unnamed_cpu() };
    let (brand, vendor) = (tidy(cpu.brand()), tidy(cpu.vendor_id()));
    match (brand.is_empty(), vendor.is_empty()) {
        (false, _) => brand,
        (true, false) => format!("{vendor} {}", std::env::consts::ARCH),
        (true, true) => unnamed_cpu(),
    }
}

fn unnamed_cpu() -> String {
    format!("{} CPU (name not readable)", std::env::consts::ARCH)
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `linux 6.1.0-37 x86_64`: the operating system, its kernel's version and the architecture.
fn system_text() -> String {
    let kernel = System::kernel_version().ok().map(|version| tidy(&version));
    let parts = [Some(std::env::consts::OS.to_owned()), kernel, Some(std::env::consts::ARCH.to_owned())];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) use root::tests::{folder, write};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_cpu_memory_and_a_system() {
        let fingerprint = Fingerprint::read();
        assert!(!fingerprint.cpu.is_empty());
        assert_eq!(fingerprint.logical_cpus as usize, thread::available_parallelism().unwrap().get());
        // Nothing this can be built on has less than 64 MiB or more than 64 TiB.
        let memory = fingerprint.memory_bytes.unwrap();
        assert!((1 << 26..1_u64 << 46).contains(&memory), "{memory}");
        assert!(fingerprint.system.starts_with(std::env::consts::OS), "{}", fingerprint.system);
        assert!(fingerprint.system.ends_with(std::env::consts::ARCH), "{}", fingerprint.system);
        assert_eq!(fingerprint.gpus.is_empty(), Gpus::read().names.is_empty());
    }

    #[test]
    fn gpus_are_told_by_the_library_that_is_named() {
        let stub = crate::hardware::gpu::stub::StubNvml::build();
        let fingerprint = Fingerprint::read_with(stub.library());
        assert_eq!(fingerprint.gpus, ["Stub GPU A", "Stub GPU B"]);
        assert_eq!(fingerprint.gpu_details.len(), 2);
        assert_eq!(fingerprint.gpu_details[0].power_limit_watts, Some(72.5));
        assert_eq!(
            (fingerprint.driver.as_deref(), fingerprint.cuda.as_deref()),
            (Some("570.12.34"), Some("12.8"))
        );
        let changed: Vec<String> = fingerprint
            .differences(&Fingerprint::read())
            .into_iter()
            .map(|difference| difference.what)
            .collect();
        assert_eq!(changed.first().map(String::as_str), Some("GPUs"), "{changed:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_never_more_than_the_kernel_says() {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total_kib: u64 =
            meminfo.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(Fingerprint::read().memory_bytes.unwrap() <= total_kib * 1024);
    }
}
