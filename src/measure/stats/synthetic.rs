//! Latency series of known distribution for the tests of this folder, made from a seed.

use std::f64::consts::PI;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Normal and uniform numbers from a seed.
pub struct Source(ChaCha8Rng);

impl Source {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Uniform in 0..1, never 0.
    pub fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    }

    /// Standard normal (Box and Muller, 1958).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (2.0 * PI * self.uniform()).cos()
    }
}

/// A stationary Gaussian AR(1) process with mean 0 and variance 1.
pub struct Ar1 {
    phi: f64,
    value: f64,
}

impl Ar1 {
    pub fn new(phi: f64, source: &mut Source) -> Self {
        Self { phi, value: source.normal() }
    }

    pub fn next(&mut self, source: &mut Source) -> f64 {
        let value = self.value;
        self.value = self.phi * value + (1.0 - self.phi * self.phi).sqrt() * source.normal();
        value
    }
}

/// Nanoseconds of 1 ms × e^`log`.
pub fn nanos(log: f64) -> u64 {
    (1e6 * log.exp()).round() as u64
}

/// Latencies of one run, autocorrelated: 98 % log-normal around 1 ms × `effect` with σ = 0.2, 2 % (in clumps)
/// log-normal around 3 ms × `effect` with σ = 0.5.
pub fn run(samples: usize, effect: f64, phi: f64, source: &mut Source) -> Vec<u64> {
    // The normal deviate that 2 % exceed.
    const TAIL: f64 = 2.053_748_910_631_823;
    let (mut body, mut tail) = (Ar1::new(phi, source), Ar1::new(phi, source));
    (0..samples)
        .map(|_| {
            let (z, w) = (body.next(source), tail.next(source));
            let log = if w > TAIL { 3_f64.ln() + 0.5 * z } else { 0.2 * z };
            nanos(effect.ln() + log)
        })
        .collect()
}
