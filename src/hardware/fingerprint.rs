//! The fingerprint of the machine this process runs on: what a measurement names so that it can be compared.
//!
//! Reads the system; must not know what is done with the answer. A fact the system does not tell is absent.

use std::thread;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use super::Fingerprint;
use super::gpu::Gpus;

impl Fingerprint {
    /// Reads this machine, with the limits of the container this process may run in. Takes some milliseconds,
    /// and longer where a GPU driver has to wake up: not for every frame.
    pub fn read() -> Self {
        let refresh = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let machine = System::new_with_specifics(refresh).ok();
        let Gpus { names, driver, .. } = Gpus::read();
        let total = machine.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0);
        Self {
            cpu: machine.as_ref().map_or_else(unnamed_cpu, cpu_name),
            logical_cpus: usable_cpus(machine.as_ref()),
            physical_cores: System::physical_core_count().ok().and_then(|cores| u32::try_from(cores).ok()),
            memory_bytes: [total, container_memory()].into_iter().flatten().min(),
            system: system_text(),
            gpus: names,
            driver,
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

/// The container's memory limit, where there is one.
#[cfg(target_os = "linux")]
fn container_memory() -> Option<u64> {
    let membership = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    cgroup::memory_limit(&membership, std::path::Path::new("/sys/fs/cgroup"))
}

/// Containers of other systems run in a Linux machine of their own.
#[cfg(not(target_os = "linux"))]
fn container_memory() -> Option<u64> {
    None
}

/// Linux control groups, versions 1 and 2 (kernel documentation: `admin-guide/cgroup-v2`, `cgroup-v1/memory`).
#[cfg(target_os = "linux")]
mod cgroup {
    use std::fs;
    use std::path::Path;

    /// The smallest memory limit in bytes among the groups of a process and their ancestors.
    ///
    /// `membership` is the text of `/proc/self/cgroup`; `mount` is where the hierarchy is mounted. Inside a
    /// container the path in `membership` may be the host's and not exist; its own limit is then at the mount.
    pub fn memory_limit(membership: &str, mount: &Path) -> Option<u64> {
        let limits = membership.lines().filter_map(|line| {
            // `0::/user.slice/app` in version 2, `9:memory:/docker/0a1b` in version 1.
            let mut fields = line.splitn(3, ':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            if controllers.is_empty() {
                smallest(mount, path, "memory.max")
            } else if controllers.split(',').any(|controller| controller == "memory") {
                smallest(&mount.join("memory"), path, "memory.limit_in_bytes")
            } else {
                None
            }
        });
        limits.min()
    }

    fn smallest(mount: &Path, path: &str, file: &str) -> Option<u64> {
        let inside = Path::new(path.trim_start_matches('/'));
        // `ancestors` ends with the empty path: the mount itself.
        inside
            .ancestors()
            .filter_map(|group| fs::read_to_string(mount.join(group).join(file)).ok())
            .filter_map(|text| text.trim().parse().ok()) // `max` is no limit.
            .min()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn write(root: &Path, path: &str, text: &str) {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        #[test]
        fn version_2_takes_the_tightest_of_a_group_and_its_ancestors() {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), "a/memory.max", "1000\n");
            write(root.path(), "a/b/memory.max", "max\n");
            assert_eq!(memory_limit("0::/a/b\n", root.path()), Some(1000));
            write(root.path(), "a/b/memory.max", "500\n");
            assert_eq!(memory_limit("0::/a/b\n", root.path()), Some(500));
        }

        #[test]
        fn in_a_container_the_limit_is_at_the_mount() {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), "memory.max", "2147483648\n");
            assert_eq!(memory_limit("0::/host/only/path\n", root.path()), Some(2_147_483_648));
        }

        #[test]
        fn version_1_has_a_hierarchy_of_its_own_for_memory() {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), "memory/docker/x/memory.limit_in_bytes", "3000\n");
            write(root.path(), "memory.max", "7\n");
            let membership = "9:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n";
            assert_eq!(memory_limit(membership, root.path()), Some(3000));
        }

        #[test]
        fn no_limit_is_none() {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), "memory.max", "max\n");
            assert_eq!(memory_limit("0::/\n", root.path()), None);
            assert_eq!(memory_limit("", root.path()), None);
            assert_eq!(memory_limit("nonsense", root.path()), None);
        }
    }
}

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
    #[cfg(target_os = "linux")]
    fn memory_is_never_more_than_the_kernel_says() {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total_kib: u64 =
            meminfo.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse().unwrap();
        assert!(Fingerprint::read().memory_bytes.unwrap() <= total_kib * 1024);
    }
}
