//! Answerers that share the inferences of one query after another, on threads that live as long as the run.
//!
//! The first answerer works on the calling thread. A helper that has nothing to do spins for a moment, since the next
//! query mostly comes at once, then sleeps: it would take the processors from those that still work.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::closed::joined;
use super::gate::{Gate, not_started};
use super::{Answerer, nanos};

/// How long one waits awake before going to sleep: about what waking up takes.
const SPIN: Duration = Duration::from_micros(50);
/// A waiting thread looks each fraction of a microsecond; one that did not for so long was not running.
const PUT_ASIDE: Duration = Duration::from_micros(5);

/// The answerers at work.
pub(super) struct Team<'t, A> {
    batch: u32,
    first: &'t mut A,
    shared: &'t Shared,
    threads: Vec<Thread>,
}

/// What one query took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share {
    /// When its last inference ended.
    pub ended: Instant,
    /// How long the busiest answerer was at work, in nanoseconds.
    pub busy_nanos: u64,
}

struct Shared {
    /// Counts queries up; a helper that sees it change has work.
    query: AtomicU64,
    /// No more queries come.
    over: AtomicBool,
    /// Inferences of this query nobody has taken yet.
    left: AtomicU64,
    /// Helpers that are not done with this query.
    at_work: AtomicUsize,
    /// What each helper did for this query: nothing where the others were faster.
    shares: Vec<Mutex<Result<Option<Share>, String>>>,
    /// A helper is gone: nobody may wait for it.
    broken: AtomicBool,
    /// Time spent waiting awake, in nanoseconds.
    spun: AtomicU64,
    caller: Thread,
}

/// Calls `work` with `answerers` as a team whose threads run, and with the time it spent waiting awake, in nanoseconds,
/// which is the generator's own CPU time.
///
/// # Errors
/// Those of `work`; in words, when a helper's thread broke off or there is no answerer.
pub(super) fn together<A: Answerer, T>(
    batch: u32,
    answerers: &mut [A],
    work: impl FnOnce(&mut Team<'_, A>) -> Result<T, String>,
) -> Result<(T, u64), String> {
    let Some((first, others)) = answerers.split_first_mut() else {
        return Err("there is nothing that could answer".to_owned());
    };
    let shared = Shared {
        query: AtomicU64::new(0),
        over: AtomicBool::new(false),
        left: AtomicU64::new(0),
        at_work: AtomicUsize::new(0),
        shares: others.iter().map(|_| Mutex::new(Ok(None))).collect(),
        broken: AtomicBool::new(false),
        spun: AtomicU64::new(0),
        caller: thread::current(),
    };
    let shared = &shared;
    let gate = &Gate::default();
    let done = thread::scope(|scope| {
        let mut handles = Vec::new();
        for (place, answerer) in others.iter_mut().enumerate() {
            let help = move || {
                if gate.pass() {
                    shared.help(place, batch, answerer);
                }
                Ok(())
            };
            let started = thread::Builder::new().spawn_scoped(scope, help);
            handles.push(started.map_err(|error| {
                gate.send_home();
                not_started(&error)
            })?);
        }
        let threads = handles.iter().map(|handle| handle.thread().clone()).collect();
        // Starting a thread is no part of any query.
        gate.open(handles.len());
        let mut team = Team { batch, first, shared, threads };
        let done = work(&mut team);
        // Also when `work` panics: the scope waits for the helpers.
        drop(team);
        for handle in handles {
            joined(handle)?;
        }
        done
    })?;
    Ok((done, shared.spun.load(Ordering::Relaxed)))
}

impl<A: Answerer> Team<'_, A> {
    /// Runs so many inferences on all answerers; each takes the next when it is free.
    pub(super) fn answer(&mut self, inferences: u64) -> Result<Share, String> {
        let Self { batch, first, shared, threads } = self;
        shared.left.store(inferences, Ordering::Relaxed);
        shared.at_work.store(threads.len(), Ordering::Relaxed);
        // Whoever sees the new query sees the two numbers above.
        shared.query.fetch_add(1, Ordering::Release);
        threads.iter().for_each(Thread::unpark);
        let own = shared.take_part(*batch, *first);
        if own.is_err() {
            shared.left.store(0, Ordering::Relaxed);
        }
        shared.wait(|| shared.at_work.load(Ordering::Acquire) == 0);
        let mut all = own?;
        if shared.broken.load(Ordering::Relaxed) {
            return Err("a load generator's thread ended unexpectedly".to_owned());
        }
        for share in &shared.shares {
            let mut share = share.lock().unwrap_or_else(PoisonError::into_inner);
            let other = std::mem::replace(&mut *share, Ok(None))?;
            all = match (all, other) {
                (Some(one), Some(other)) => Some(Share {
                    ended: one.ended.max(other.ended),
                    busy_nanos: one.busy_nanos.max(other.busy_nanos),
                }),
                (one, other) => one.or(other),
            };
        }
        all.ok_or_else(|| "a query of no inferences was asked for".to_owned())
    }
}

impl<A> Drop for Team<'_, A> {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.threads.iter().for_each(Thread::unpark);
    }
}

impl Shared {
    /// A helper's life: its part of each query, until no more come.
    fn help<A: Answerer>(&self, place: usize, batch: u32, answerer: &mut A) {
        let mut seen = 0;
        loop {
            let is_over = || self.over.load(Ordering::Acquire);
            self.wait(|| self.query.load(Ordering::Acquire) != seen || is_over());
            if is_over() {
                return;
            }
            seen += 1;
            // Also when the answerer panics, so that nobody waits for ever.
            let _leaving = Leaving(self);
            let share = self.take_part(batch, answerer);
            if share.is_err() {
                // The others need not go on.
                self.left.store(0, Ordering::Relaxed);
            }
            *self.shares[place].lock().unwrap_or_else(PoisonError::into_inner) = share;
        }
    }

    /// Takes inferences until there are none left; `None` where there was none from the beginning.
    fn take_part<A: Answerer>(&self, batch: u32, answerer: &mut A) -> Result<Option<Share>, String> {
        let mut share: Option<Share> = None;
        let take = |left: u64| left.checked_sub(1);
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            let (from, to) = answerer.answer(batch)?;
            let before = share.map_or(0, |share| share.busy_nanos);
            share = Some(Share { ended: to, busy_nanos: before + nanos(to - from) });
        }
        Ok(share)
    }

    /// Waits until `is_so`: for a moment awake, then asleep. Whoever makes it so wakes the thread.
    fn wait(&self, is_so: impl Fn() -> bool) {
        let begin = Instant::now();
        let (mut last, mut worked) = (begin, Duration::ZERO);
        while !is_so() && last - begin < SPIN {
            std::hint::spin_loop();
            let now = Instant::now();
            // A thread that was put aside meanwhile did not work: what counts is the processor's time.
            if now - last < PUT_ASIDE {
                worked += now - last;
            }
            last = now;
        }
        self.spun.fetch_add(nanos(worked), Ordering::Relaxed);
        while !is_so() {
            thread::park();
        }
    }
}

/// Says that a helper is done with the query.
struct Leaving<'s>(&'s Shared);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.broken.store(true, Ordering::Relaxed);
        }
        if self.0.at_work.fetch_sub(1, Ordering::Release) == 1 {
            self.0.caller.unpark();
        }
    }
}
