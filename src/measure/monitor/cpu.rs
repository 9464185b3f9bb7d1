//! Who uses the CPUs: the machine's counters of busy, idle and stolen time, and this process's own.
//!
//! Format: `proc(5)`, `/proc/stat`; counted in ticks of mostly 10 ms.

use sysinfo::System;

use crate::hardware::fingerprint::Root;

/// Time the CPUs spent since the machine started, in ticks summed over the CPUs that were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticks {
    /// All of it.
    pub(super) total: u64,
    /// Running programs or the kernel.
    pub(super) busy: u64,
    /// Taken by the hypervisor for other guests.
    pub(super) steal: u64,
    /// How many CPUs were counted.
    pub(super) cpus: u32,
}

/// Shares of the CPUs' time between two moments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shares {
    /// 0..1 of the CPUs counted.
    pub(super) busy: f64,
    /// 0..1 of the CPUs counted.
    pub(super) steal: f64,
}

/// Where the machine's CPU use is read.
pub(super) enum Machine {
    /// Linux: the counters of those CPUs, or of all.
    Files(Root, Option<Vec<u32>>),
    /// Elsewhere: the share since the last question, as the platform's library tells.
    Library(Box<System>),
    /// Nowhere.
    NotTold,
}

/// Below this many ticks a CPU a share is mostly rounding.
const FEWEST_TICKS: u64 = 5;

impl Ticks {
    /// Sums the lines of these CPUs, or of all.
    pub(super) fn parse(stat: &str, cpus: Option<&[u32]>) -> Option<Self> {
        let mut sum: Option<Self> = None;
        for line in stat.lines() {
            let Some((number, times)) = line.strip_prefix("cpu").and_then(|rest| rest.split_once(' ')) else {
                continue;
            };
            // The first line, `cpu`, is the sum of the others, which also count CPUs that were switched off since.
            let Ok(number) = number.parse::<u32>() else { continue };
            if cpus.is_some_and(|cpus| !cpus.contains(&number)) {
                continue;
            }
            // user nice system idle iowait irq softirq steal [guest guest_nice: already within user and nice].
            let times: Vec<u64> =
                times.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
            let at = |place: usize| times.get(place).copied().unwrap_or(0);
            if times.len() < 4 {
                return None;
            }
            let total: u64 = times.iter().fold(0, |sum, time| sum.saturating_add(*time));
            let (idle, steal) = (at(3).saturating_add(at(4)), at(7));
            let so_far = sum.unwrap_or(Self { total: 0, busy: 0, steal: 0, cpus: 0 });
            sum = Some(Self {
                total: so_far.total.saturating_add(total),
                busy: so_far.busy.saturating_add(total.saturating_sub(idle).saturating_sub(steal)),
                steal: so_far.steal.saturating_add(steal),
                cpus: so_far.cpus + 1,
            });
        }
        sum
    }

    /// What happened since `earlier`; `None` when too little time passed to tell, or a CPU came or went.
    pub(super) fn since(self, earlier: Self) -> Option<Shares> {
        let total = self.total.checked_sub(earlier.total)?;
        if self.cpus != earlier.cpus || total < FEWEST_TICKS * u64::from(self.cpus) {
            return None;
        }
        // Idle and I/O wait may step back by a tick (`proc(5)`), and so may what is computed from them.
        let share =
            |now: u64, then: u64| four_places((now.saturating_sub(then) as f64 / total as f64).min(1.0));
        Some(Shares { busy: share(self.busy, earlier.busy), steal: share(self.steal, earlier.steal) })
    }
}

impl Machine {
    /// The CPUs this process may run on, where that can be told.
    pub(super) fn find(root: &Root) -> Self {
        if root.is_there() {
            Self::Files(root.clone(), root.allowed_cpus())
        } else {
            System::new().map_or(Self::NotTold, |system| Self::Library(Box::new(system)))
        }
    }

    /// The counters now, on Linux.
    pub(super) fn ticks(&self) -> Option<Ticks> {
        let Self::Files(root, cpus) = self else { return None };
        Ticks::parse(&root.text("proc/stat")?, cpus.as_deref())
    }

    /// Busy share since the last call, elsewhere.
    pub(super) fn library_share(&mut self) -> Option<f64> {
        let Self::Library(system) = self else { return None };
        system.refresh_cpu_usage();
        let share = f64::from(system.global_cpu_usage()) / 100.0;
        share.is_finite().then(|| four_places(share.clamp(0.0, 1.0)))
    }

    /// CPUs counted by [`Machine::library_share`].
    pub(super) fn library_cpus(&self) -> Option<u32> {
        let Self::Library(system) = self else { return None };
        u32::try_from(system.cpus().len()).ok().filter(|count| *count > 0)
    }
}

/// More places than any counter tells, and few enough to be read back from JSON as they were.
pub(super) fn four_places(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  400 0 100 1000 20 0 0 30 7 0\n\
        cpu0 300 0 50 400 10 0 0 20 7 0\n\
        cpu1 100 0 50 600 10 0 0 10 0 0\n\
        intr 12345 0 9\nctxt 999\ncpufreq nonsense\n";

    #[test]
    fn counters_of_all_cpus_and_of_some() {
        let all = Ticks { total: 1_550, busy: 500, steal: 30, cpus: 2 };
        assert_eq!(Ticks::parse(STAT, None), Some(all));
        let second = Ticks { total: 770, busy: 150, steal: 10, cpus: 1 };
        assert_eq!(Ticks::parse(STAT, Some(&[1, 5])), Some(second));
        assert_eq!(Ticks::parse(STAT, Some(&[7])), None);
        assert_eq!(Ticks::parse("cpu0 1 2 x 4\n", None), None);
        assert_eq!(Ticks::parse("cpu0 1 2\n", None), None);
        assert_eq!(Ticks::parse("", None), None);
    }

    #[test]
    fn shares_between_two_moments() {
        let then = Ticks { total: 1_000, busy: 500, steal: 10, cpus: 2 };
        let now = Ticks { total: 1_200, busy: 550, steal: 20, cpus: 2 };
        assert_eq!(now.since(then), Some(Shares { busy: 0.25, steal: 0.05 }));
        // Nine ticks on two CPUs, 45 ms: one tick would be a tenth of the answer.
        assert_eq!(Ticks { total: 1_009, ..now }.since(then), None);
        assert_eq!(Ticks { cpus: 3, ..now }.since(then), None);
        assert_eq!(then.since(now), None);
    }
}
