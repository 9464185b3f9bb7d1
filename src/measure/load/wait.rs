//! Waiting for a moment, to the microsecond: sleep for most of it, spin for the rest.

use std::time::{Duration, Instant};

/// How long before the moment sleeping ends. Systems wake a sleeper some 50 to 100 µs late.
const SPIN: Duration = Duration::from_micros(120);

/// Returns at `moment`, or at once when it has passed.
pub(super) fn until(moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        if left > SPIN {
            std::thread::sleep(left.saturating_sub(SPIN));
        } else {
            std::hint::spin_loop();
        }
    }
}
