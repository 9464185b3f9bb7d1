//! CPU time and memory of this process and its threads: what the worker reports of itself.

/// CPU time (user and system, all threads) this process has used so far, in nanoseconds. Microsecond resolution
/// on Unix, milliseconds elsewhere; `None` when the system does not say.
pub(super) fn cpu_nanos() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeValLike;
        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        u64::try_from(micros).ok()?.checked_mul(1_000)
    }
    #[cfg(not(unix))]
    {
        own_process(|process| process.accumulated_cpu_time().checked_mul(1_000_000)).flatten()
    }
}

/// CPU time the thread that asks has used so far, in nanoseconds; `None` when the system does not say (Windows). For
/// what the process spends on measuring itself: its load generator and its monitor.
pub(super) fn thread_cpu_nanos() -> Option<u64> {
    #[cfg(unix)]
    {
        let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
        u64::try_from(std::time::Duration::from(now).as_nanos()).ok()
    }
    #[cfg(not(unix))]
    None
}

/// Largest resident memory this process has had, in bytes.
///
/// Linux: `VmHWM` of `/proc/self/status`, which starts anew with each program, while `ru_maxrss` begins with the
/// parent's size. macOS: `ru_maxrss`, in bytes there. Elsewhere: the current size, so that the caller must ask at
/// the moments that matter and keep the largest.
pub(super) fn peak_memory_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        status_kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmHWM")?.checked_mul(1024)
    }
    #[cfg(target_os = "macos")]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()
    }
    #[cfg(not(any(target_os = "linux", target_os = "macos")))]
    {
        own_process(sysinfo::Process::memory)
    }
}

/// Resident memory of this process now, in bytes.
pub(super) fn memory_bytes() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        status_kilobytes(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS")?.checked_mul(1024)
    }
    #[cfg(not(target_os = "linux"))]
    {
        own_process(sysinfo::Process::memory)
    }
}

/// `VmHWM:     1234 kB` → 1234.
#[cfg(any(target_os = "linux", test))]
fn status_kilobytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn own_process<T>(read: impl FnOnce(&sysinfo::Process) -> T) -> Option<T> {
    let pid = sysinfo::get_current_pid().ok()?;
    let mut system = sysinfo::System::new().ok()?;
    system.refresh_processes(sysinfo::ProcessesToUpdate::Some(&[pid]), true);
    system.process(pid).map(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_high_water_mark_of_a_status_file() {
        let status = "Name:\tx\nVmPeak:\t   9000 kB\nVmHWM:\t    5124 kB\nVmRSS:\t 4000 kB\n";
        assert_eq!(status_kilobytes(status, "VmHWM"), Some(5124));
        assert_eq!(status_kilobytes(status, "VmSwap"), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_thread_is_charged_for_its_own_work_only() {
        let work = || {
            let (process, before) = (cpu_nanos().unwrap(), thread_cpu_nanos().unwrap());
            while cpu_nanos().unwrap() < process + 20_000_000 {
                std::hint::black_box(before);
            }
            thread_cpu_nanos().unwrap() - before
        };
        let before = thread_cpu_nanos().unwrap();
        // The other thread is charged for what this process used while nobody else in it worked.
        let other = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        let own = thread_cpu_nanos().unwrap() - before;
        assert!(other > 0 && own < other, "{own} {other}");
    }

    #[test]
    fn this_process_uses_memory_and_time() {
        assert!(peak_memory_bytes().unwrap() > 1 << 20);
        let before = cpu_nanos().unwrap();
        let mut sum = 0_u64;
        while cpu_nanos().unwrap() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_nanos().unwrap() > before);
    }
}
