//! A gate before which threads wait until all are there: they begin together, or not at all where one could not be
//! started.

use std::sync::{Condvar, Mutex, PoisonError};

/// The gate. Threads [`Gate::pass`], the one that started them opens it or sends them home.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: usize,
    open: Option<bool>,
}

impl Gate {
    /// Waits until the gate is opened; false where the thread shall go home.
    pub(super) fn pass(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting += 1;
        self.changed.notify_all();
        loop {
            match state.open {
                Some(open) => return open,
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Lets so many threads through, once all of them wait.
    pub(super) fn open(&self, threads: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.waiting < threads {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.open = Some(true);
        self.changed.notify_all();
    }

    /// Sends home whoever waits or comes.
    pub(super) fn send_home(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).open = Some(false);
        self.changed.notify_all();
    }
}

/// That a thread of the load generator could not be started, in words.
pub(super) fn not_started(error: &std::io::Error) -> String {
    format!("cannot start a thread for the load generator: {error}; ask for fewer at a time")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nobody_passes_before_all_are_there_and_everybody_goes_home_when_one_is_missing() {
        for (threads, opens, passed) in [(3, true, 3), (2, false, 0)] {
            let (gate, through) = (Gate::default(), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        if gate.pass() {
                            through.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                }
                if opens {
                    gate.open(threads);
                } else {
                    gate.send_home();
                }
            });
            assert_eq!(through.load(Ordering::Relaxed), passed);
        }
    }
}
