//! How finely and how fast this machine's clock can be read: the floor under every latency.

use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Pairs of readings taken; some hundred microseconds in all.
const PAIRS: usize = 4_096;
/// How long to look for a clock's next tick before giving up.
const PATIENCE: Duration = Duration::from_millis(100);

/// What reading the clock is like here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    /// Smallest difference two readings had that was not zero, in nanoseconds.
    pub resolution_nanos: u64,
    /// What a pair of readings with nothing between them measures (median), in nanoseconds: every latency contains it.
    pub overhead_nanos: u64,
}

impl Timer {
    /// Measures it on this thread, in well under a millisecond on a clock that ticks in nanoseconds. `None` when the
    /// clock stood still for a tenth of a second.
    pub fn measure() -> Option<Self> {
        let resolution = (0..PAIRS).filter_map(|_| tick()).min();
        let overhead = overhead_nanos();
        resolution.map(|resolution_nanos| Self { resolution_nanos, overhead_nanos: overhead })
    }
}

/// From one reading to the first later one that differs.
fn tick() -> Option<u64> {
    let start = Instant::now();
    // Counting readings bounds the loop even on a clock that never moves.
    for _ in 0..10_000_000_u32 {
        let difference = black_box(Instant::now()).duration_since(start);
        if !difference.is_zero() {
            return (difference < PATIENCE).then(|| nanos(difference));
        }
    }
    None
}

/// From each reading to the next. A clock may tick slower than it is read, so that single pairs differ by nothing or by a
/// whole tick: blocks of readings are timed, and their median divided.
fn overhead_nanos() -> u64 {
    const BLOCK: u32 = 64;
    let mut blocks: Vec<u64> = (0..PAIRS / BLOCK as usize)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..BLOCK {
                black_box(Instant::now());
            }
            nanos(start.elapsed())
        })
        .collect();
    blocks.sort_unstable();
    blocks.get(blocks.len() / 2).map_or(0, |block| (block + u64::from(BLOCK) / 2) / u64::from(BLOCK))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_machine_that_can_measure() {
        let timer = Timer::measure().unwrap();
        // Windows' performance counter ticks in 100 ns, Linux and macOS in 1 to 42 ns.
        assert!((1..=1_000_000).contains(&timer.resolution_nanos), "{timer:?}");
        let text = serde_json::to_string(&timer).unwrap();
        assert_eq!(serde_json::from_str::<Timer>(&text).unwrap(), timer);
    }

    #[test]
    fn a_tick_is_never_nothing() {
        for _ in 0..100 {
            assert!(tick().unwrap() > 0);
        }
    }
}
