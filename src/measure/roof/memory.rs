//! How fast this machine moves memory: threads that copy, each its own part of a buffer far larger than the caches.
//!
//! Counts as STREAM does ("STREAM: Sustainable Memory Bandwidth in High Performance Computers", 1995): bytes
//! read plus bytes written, so twice what was copied. A cache that first fetches the lines it will overwrite moves
//! half as much again, which is not counted.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::bytes_words;
use crate::measure::cancel::Cancel;
use crate::units;

/// Rounds at least; the first is not counted, as its pages may still be new to the system.
const FEWEST_ROUNDS: usize = 6;
/// Rounds go on until they have taken this long together.
const LEAST_TIME: Duration = Duration::from_millis(500);
/// Rounds at most.
const MOST_ROUNDS: usize = 200;
/// Smallest buffer, in bytes, source and destination together.
const SMALLEST_BYTES: u64 = 256 << 20;
/// Where the size of the last cache is not known, it is taken to be this.
const UNKNOWN_CACHE_BYTES: u64 = 256 << 20;

/// What copying reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryRoof {
    /// Bytes a second of the fastest round, reading and writing added up.
    pub best_bytes_per_second: f64,
    /// Bytes a second of the median round.
    pub median_bytes_per_second: f64,
    /// Threads that copied.
    pub threads: u32,
    /// Bytes of the buffer, source and destination together.
    pub buffer_bytes: u64,
    /// Rounds counted.
    pub rounds: u64,
    /// How it was measured, in a sentence.
    pub how: String,
}

/// Why copying could not be measured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemoryError {
    /// Nothing to copy with.
    #[error("cannot measure memory: it needs at least one thread and {} for each; {threads} threads and {} were given",
        units::bytes(SMALLEST_PART_BYTES * 2), units::bytes(*buffer_bytes))]
    TooSmall {
        /// Threads asked for.
        threads: u32,
        /// Bytes of the buffer.
        buffer_bytes: u64,
    },
    /// The system does not give the memory.
    #[error("cannot measure memory: the system does not give {}; close other programs", units::bytes(*bytes))]
    NoMemory {
        /// Bytes one thread asked for.
        bytes: u64,
    },
    /// Somebody asked to stop.
    #[error("the memory measurement was stopped")]
    Cancelled,
    /// A thread ended early.
    #[error("the memory measurement failed: a thread of it ended early")]
    Thread,
}

/// Least that one thread copies at a time.
const SMALLEST_PART_BYTES: u64 = 64 << 10;

/// The size of buffer to use, in bytes, source and destination together: four times the last cache (`None` = not
/// known) and 256 MiB at least, but half of what is available at most.
pub fn buffer_bytes(last_cache_bytes: Option<u64>, available_bytes: Option<u64>) -> u64 {
    let cache = last_cache_bytes.unwrap_or(UNKNOWN_CACHE_BYTES);
    let wanted = cache.saturating_mul(4).max(SMALLEST_BYTES);
    available_bytes.map_or(wanted, |available| wanted.min(available / 2))
}

/// Copies with `threads` threads and a buffer of `buffer_bytes` in all ([`buffer_bytes`] says how many) until the
/// fastest and the median round are known: some seconds at most.
pub fn copy_speed(threads: u32, buffer_bytes: u64, cancel: &Cancel) -> Result<MemoryRoof, MemoryError> {
    let part_bytes = buffer_bytes / 2 / u64::from(threads.max(1));
    let part = usize::try_from(part_bytes).unwrap_or(usize::MAX);
    if threads == 0 || part_bytes < SMALLEST_PART_BYTES {
        return Err(MemoryError::TooSmall { threads, buffer_bytes });
    }
    let copied = part_bytes * u64::from(threads);
    let rounds = run(threads, part, cancel)?;
    let mut speeds: Vec<f64> =
        rounds.iter().map(|time| 2.0 * copied as f64 / time.as_secs_f64().max(1e-9)).collect();
    speeds.sort_by(f64::total_cmp);
    let (Some(best), Some(median)) = (speeds.last(), speeds.get(speeds.len() / 2)) else {
        return Err(MemoryError::Thread);
    };
    let how = format!(
        "{threads} {} copied {} of memory {} times; reading and writing are both counted; best {}, median {}",
        if threads == 1 { "thread" } else { "threads" },
        units::bytes(copied),
        speeds.len(),
        bytes_words(*best),
        bytes_words(*median)
    );
    Ok(MemoryRoof {
        best_bytes_per_second: *best,
        median_bytes_per_second: *median,
        threads,
        buffer_bytes: copied * 2,
        rounds: speeds.len() as u64,
        how,
    })
}

/// One thread's memory. Writing it first puts its pages near the thread that uses them.
fn part_of(bytes: usize) -> Result<(Vec<u64>, Vec<u64>), MemoryError> {
    let words = bytes / size_of::<u64>();
    let filled = |value: u64| {
        let mut part = Vec::new();
        let refused = part.try_reserve_exact(words);
        refused.map_err(|_refused| MemoryError::NoMemory { bytes: bytes as u64 })?;
        part.resize(words, value);
        Ok(part)
    };
    // Zeros could be pages that exist once and are read from the caches.
    Ok((filled(0x5555_5555_5555_5555)?, filled(0xAAAA_AAAA_AAAA_AAAA)?))
}

/// Time of each counted round: from the first thread's start to the last one's end.
fn run(threads: u32, part: usize, cancel: &Cancel) -> Result<Vec<Duration>, MemoryError> {
    let barrier = Barrier::new(threads as usize);
    let shared = std::sync::Mutex::new(Round::default());
    let lock = || shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let work = || {
        let memory = part_of(part);
        if let Err(error) = &memory {
            lock().stop = Some(Err(error.clone()));
        }
        let (source, mut target) = memory.unwrap_or_default();
        let begin = Instant::now();
        loop {
            let leads = barrier.wait().is_leader();
            let stop = lock().stop.clone();
            // Nobody may change the flag before everybody has read it.
            barrier.wait();
            if stop.is_some() {
                return;
            }
            let started = Instant::now();
            target.copy_from_slice(black_box(&source));
            black_box(&mut target);
            let ended = Instant::now();
            lock().add(started, ended);
            barrier.wait();
            if leads {
                let mut round = lock();
                round.close();
                let enough = round.times.len() > FEWEST_ROUNDS && begin.elapsed() > LEAST_TIME;
                if cancel.is_cancelled() {
                    round.stop = Some(Err(MemoryError::Cancelled));
                } else if enough || round.times.len() > MOST_ROUNDS {
                    round.stop = Some(Ok(()));
                }
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_panic| MemoryError::Thread))
    })?;
    let Round { times, stop, .. } = lock().take();
    stop.unwrap_or(Err(MemoryError::Thread))?;
    Ok(times.into_iter().skip(1).collect())
}

/// The round that is running, and the times of those before it.
#[derive(Debug, Default)]
struct Round {
    first_start: Option<Instant>,
    last_end: Option<Instant>,
    times: Vec<Duration>,
    stop: Option<Result<(), MemoryError>>,
}

impl Round {
    fn add(&mut self, started: Instant, ended: Instant) {
        self.first_start = Some(self.first_start.map_or(started, |first| first.min(started)));
        self.last_end = self.last_end.max(Some(ended));
    }

    fn close(&mut self) {
        if let (Some(start), Some(end)) = (self.first_start.take(), self.last_end.take()) {
            self.times.push(end - start);
        }
    }

    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buffer_outgrows_the_cache_but_not_the_memory() {
        let mib = |count: u64| count << 20;
        assert_eq!(buffer_bytes(Some(mib(300)), Some(mib(20_000))), mib(1200));
        assert_eq!(buffer_bytes(Some(mib(8)), None), mib(256));
        assert_eq!(buffer_bytes(None, None), mib(1024));
        assert_eq!(buffer_bytes(Some(mib(300)), Some(mib(1000))), mib(500));
    }

    #[test]
    fn speed_follows_from_bytes_and_rounds() {
        let roof = copy_speed(2, 8 << 20, &Cancel::new()).unwrap();
        assert_eq!((roof.threads, roof.buffer_bytes), (2, 8 << 20));
        assert!(roof.rounds >= FEWEST_ROUNDS as u64, "{roof:?}");
        assert!(roof.best_bytes_per_second >= roof.median_bytes_per_second, "{roof:?}");
        // No memory since 1990 is slower, no cache of today faster.
        assert!((1e6..1e14).contains(&roof.median_bytes_per_second), "{roof:?}");
        assert!(roof.how.starts_with("2 threads copied 4.00 MiB of memory"), "{}", roof.how);
    }

    #[test]
    fn what_cannot_be_measured_is_said() {
        let never = Cancel::new();
        assert!(matches!(copy_speed(0, 1 << 30, &never), Err(MemoryError::TooSmall { .. })));
        assert!(matches!(copy_speed(4, 1000, &never), Err(MemoryError::TooSmall { .. })));
        let error = copy_speed(1, u64::MAX / 2, &never).unwrap_err();
        assert!(matches!(error, MemoryError::NoMemory { .. }), "{error}");
        let raised = Cancel::new();
        raised.cancel();
        assert_eq!(copy_speed(2, 1 << 20, &raised), Err(MemoryError::Cancelled));
    }
}
