//! Linux control groups, versions 1 and 2: the limits of the container this process runs in.
//!
//! Formats: kernel documentation `admin-guide/cgroup-v2`, `admin-guide/cgroup-v1/memory`, `scheduler/sched-bwc`.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::root::Root;

/// What a container leaves of its machine. A field that is `None` is no limit: that it was looked for is said by
/// there being a `Limits`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory, in bytes.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// CPU time per wall time: 1.5 = one and a half CPUs.
    #[serde(default)]
    pub cpu_quota: Option<f64>,
    /// CPUs this process may run on, where those are not all: `0-3,8`.
    #[serde(default)]
    pub cpus: Option<String>,
}

impl Limits {
    /// Reads them; `None` where there are no control groups.
    pub fn read(root: &Root) -> Option<Self> {
        let membership = root.text("proc/self/cgroup")?;
        let mount = root.path("sys/fs/cgroup")?;
        let allowed = root.field("proc/self/status", "Cpus_allowed_list");
        let is_all = root.allowed_cpus().is_some_and(|allowed| allowed.len() >= root.online_cpus().len());
        Some(Self {
            memory_bytes: memory_limit(&membership, &mount),
            cpu_quota: cpu_quota(&membership, &mount),
            cpus: allowed.filter(|_| !is_all),
        })
    }
}

/// The smallest memory limit in bytes among the groups of a process and their ancestors.
///
/// `membership` is the text of `/proc/self/cgroup`; `mount` is where the hierarchy is mounted. Inside a
/// container the path in `membership` may be the host's and not exist; its own limit is then at the mount.
pub fn memory_limit(membership: &str, mount: &Path) -> Option<u64> {
    /// What version 1 says when there is none: the most pages a signed 64-bit number counts.
    const NONE: u64 = 1 << 62;
    let bytes = |text: String| text.trim().parse().ok().filter(|bytes| *bytes < NONE); // `max` is no limit.
    smallest(membership, mount, "memory", |group, version| {
        fs::read_to_string(group.join(if version == 2 { "memory.max" } else { "memory.limit_in_bytes" }))
            .ok()
            .and_then(bytes)
    })
}

/// The smallest CPU quota, in CPUs, among the groups of a process and their ancestors.
pub fn cpu_quota(membership: &str, mount: &Path) -> Option<f64> {
    let ratio = |quota: f64, period: f64| (quota > 0.0 && period > 0.0).then_some(quota / period);
    smallest(membership, mount, "cpu", |group, version| {
        if version == 2 {
            // `max 100000` or `150000 100000`: quota and period in microseconds.
            let text = fs::read_to_string(group.join("cpu.max")).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            ratio(quota.parse().ok()?, period.parse().ok()?)
        } else {
            let number = |file: &str| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok();
            // −1 is no quota.
            ratio(number("cpu.cfs_quota_us")?, number("cpu.cfs_period_us")?)
        }
    })
}

/// How long this process's group was stopped because its CPU quota was used up, in nanoseconds since the group began.
pub fn quota_throttled_nanos(root: &Root) -> Option<u64> {
    let membership = root.text("proc/self/cgroup")?;
    let mount = root.path("sys/fs/cgroup")?;
    // Every group above may have a quota of its own; a group counts only its own stops.
    let mut sum = None;
    groups(&membership, &mount, "cpu", |group, version| {
        let stat = fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
        let number = |key: &str| {
            stat.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        let nanos = if version == 2 {
            number("throttled_usec").and_then(|micros| micros.checked_mul(1_000))
        } else {
            number("throttled_time")
        };
        if let Some(nanos) = nanos {
            sum = Some(sum.unwrap_or(0_u64).saturating_add(nanos));
        }
    });
    sum
}

fn smallest<T: PartialOrd>(
    membership: &str,
    mount: &Path,
    controller: &str,
    read: impl Fn(&Path, u8) -> Option<T>,
) -> Option<T> {
    let mut smallest: Option<T> = None;
    groups(membership, mount, controller, |group, version| {
        if let Some(limit) = read(group, version)
            && smallest.as_ref().is_none_or(|least| limit < *least)
        {
            smallest = Some(limit);
        }
    });
    smallest
}

/// Visits the folders of a controller's group and its ancestors, with the version of the hierarchy.
fn groups(membership: &str, mount: &Path, controller: &str, mut visit: impl FnMut(&Path, u8)) {
    for line in membership.lines() {
        // `0::/user.slice/app` in version 2, `9:memory:/docker/0a1b` in version 1.
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
            continue;
        };
        let (mount, version) = if controllers.is_empty() {
            (mount.to_owned(), 2)
        } else if controllers.split(',').any(|name| name == controller) {
            let alone = mount.join(controller);
            // `cpu,cpuacct` are mounted together, mostly with a link for each.
            (if alone.is_dir() { alone } else { mount.join(controllers) }, 1)
        } else {
            continue;
        };
        let inside = Path::new(path.trim_start_matches('/'));
        // `ancestors` ends with the empty path: the mount itself.
        for group in inside.ancestors() {
            visit(&mount.join(group), version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::{folder, write};
    use super::*;

    #[test]
    fn version_2_takes_the_tightest_of_a_group_and_its_ancestors() {
        let root = folder(&[("a/memory.max", "1000\n"), ("a/b/memory.max", "max\n")]);
        assert_eq!(memory_limit("0::/a/b\n", root.path()), Some(1000));
        write(root.path(), "a/b/memory.max", "500\n");
        assert_eq!(memory_limit("0::/a/b\n", root.path()), Some(500));
    }

    #[test]
    fn in_a_container_the_limit_is_at_the_mount() {
        let root = folder(&[("memory.max", "2147483648\n"), ("cpu.max", "150000 100000\n")]);
        assert_eq!(memory_limit("0::/host/only/path\n", root.path()), Some(2_147_483_648));
        assert_eq!(cpu_quota("0::/host/only/path\n", root.path()), Some(1.5));
    }

    #[test]
    fn version_1_has_a_hierarchy_of_its_own_for_each_controller() {
        let root = folder(&[
            ("memory/docker/x/memory.limit_in_bytes", "3000\n"),
            ("memory.max", "7\n"),
            ("cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000\n"),
            ("cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n"),
            ("cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
            ("cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ]);
        let membership = "9:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x\n";
        assert_eq!(memory_limit(membership, root.path()), Some(3000));
        assert_eq!(cpu_quota(membership, root.path()), Some(0.5));
    }

    #[test]
    fn no_limit_is_none() {
        let root = folder(&[
            ("memory.max", "max\n"),
            ("cpu.max", "max 100000\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(memory_limit("0::/\n4:memory:/\n", root.path()), None);
        assert_eq!(cpu_quota("0::/\n", root.path()), None);
        assert_eq!(memory_limit("", root.path()), None);
        assert_eq!(memory_limit("nonsense", root.path()), None);
    }

    #[test]
    fn the_whole_container() {
        let root = folder(&[
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/status", "Name:\tx\nCpus_allowed_list:\t0-1\n"),
            ("sys/devices/system/cpu/online", "0-7\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/cpu.max", "200000 100000\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 9\nnr_periods 5\nnr_throttled 2\nthrottled_usec 1500\n"),
        ]);
        let at = Root::at(root.path());
        let expected =
            Limits { memory_bytes: Some(1 << 30), cpu_quota: Some(2.0), cpus: Some("0-1".to_owned()) };
        assert_eq!(Limits::read(&at), Some(expected));
        assert_eq!(quota_throttled_nanos(&at), Some(1_500_000));
        write(root.path(), "proc/self/status", "Cpus_allowed_list:\t0-7\n");
        assert_eq!(Limits::read(&at).unwrap().cpus, None);
        assert_eq!(Limits::read(&Root::at(&root.path().join("nothing"))), None);
    }

    #[test]
    fn version_1_counts_stopped_time_in_nanoseconds() {
        let root = folder(&[
            ("proc/self/cgroup", "3:cpu,cpuacct:/docker/x\n"),
            ("sys/fs/cgroup/cpu/docker/x/cpu.stat", "nr_periods 3\nnr_throttled 1\nthrottled_time 777\n"),
        ]);
        assert_eq!(quota_throttled_nanos(&Root::at(root.path())), Some(777));
    }
}
