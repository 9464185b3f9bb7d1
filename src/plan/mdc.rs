//! Waiting in line where every service takes equally long (M/D/c): what a fleet of model sessions looks like,
//! because the same model on inputs of the same shape takes nearly the same time.
//!
//! Two doors. [`mean_wait`] and [`ExactWaits`] are exact up to rounding and are what the other is judged by;
//! [`wait_percentile`] is an estimate in constant time and is what the planner calls.
//!
//! The exact part. Look at the system every service time D: `N(t+D) = max(N(t) − c, 0) + Poisson(a)`
//! (Crommelin, "Delay probability formulas when the holding times are constant", 1932). So the number waiting,
//! X = max(N − c, 0), is the all-time maximum of a random walk with steps Poisson(a) − c, and by Spitzer's
//! identity (1956) X is compound Poisson: jumps of size j come at rate ΣP(Poisson(k·a) = k·c + j) / k, summed over k. The
//! waiting time then has `P(W ≤ t) = P(X + Poisson(a·(k − t)) < k·c)` for any whole k ≥ t (Franx, "A simple
//! solution for the M/D/c waiting time distribution", Operations Research Letters 29, 2001).
//!
//! Units and `None` as in [`super::queueing`]: loads in erlangs, times in service times.

use super::poisson::{at_least, at_least_quick, at_most_quick, probability};
use super::queueing::{mmc_mean_wait, stable};

/// Terms of the mean's sum that are added one by one; the smooth rest is integrated.
const DIRECT_TERMS: u32 = 256;

/// Exact mean wait: the sum over k of E[(Poisson(k·a) − k·c)⁺] / (k·a), the mean of the random walk's maximum by Spitzer's
/// identity, divided by the arrival rate (Little).
///
/// After 256 terms the sum is replaced by the Euler–Maclaurin integral with Gauss–Legendre nodes on blocks that
/// double, so a load close to the number of servers costs no more than another. Relative error below 10⁻⁷.
pub fn mean_wait(servers: u64, load: f64) -> Option<f64> {
    stable(servers, load)?;
    if load == 0.0 {
        return Some(0.0);
    }
    let c = servers as f64;
    // E[(Poisson(m) − n)⁺] = m·P(≥ n) − n·P(≥ n + 1) = m·P(= n) − (n − m)·P(≥ n + 1)
    let excess = |k: f64| {
        let (m, n) = (k * load, k * c);
        (m * at_least(m, n) - n * at_least(m, n + 1.0)) / k
    };
    let (mut sum, mut last, mut before) = (0.0, 0.0, 0.0);
    for k in 1..=DIRECT_TERMS {
        before = last;
        last = excess(f64::from(k));
        sum += last;
        if last <= 1e-17 * sum {
            return Some(sum / load);
        }
    }
    // Σ_{k>K} f(k) = ∫_{K+½}^∞ f + f′(K+½)/24 − …
    sum += (last - before) / 24.0;
    let mut start = f64::from(DIRECT_TERMS) + 0.5;
    loop {
        let block = GAUSS_LEGENDRE.iter().fold(0.0, |total, (node, weight)| {
            total + weight * (excess(start * (1.5 - 0.5 * node)) + excess(start * (1.5 + 0.5 * node)))
        }) * 0.5
            * start;
        sum += block;
        if block <= 1e-12 * sum {
            return Some(sum / load);
        }
        start *= 2.0;
    }
}

/// Positive nodes and weights of the eight-point Gauss–Legendre rule (Abramowitz & Stegun, table 25.4).
const GAUSS_LEGENDRE: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_27),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// Cosmetatos' approximation of the mean wait (1975): half of M/M/c's, with a correction for many servers.
///
/// Within 0.6 % of [`mean_wait`] in the reference table; up to 6 % off where next to nobody waits.
pub fn mean_wait_cosmetatos(servers: u64, load: f64) -> Option<f64> {
    let exponential = mmc_mean_wait(servers, load)?;
    Some(if load == 0.0 { 0.0 } else { exponential * cosmetatos(servers as f64, load) })
}

/// The mean wait of M/D/c ÷ that of M/M/c by Cosmetatos; the load is above 0.
fn cosmetatos(c: f64, load: f64) -> f64 {
    let rho = load / c;
    0.5 * (1.0 + (1.0 - rho) * (c - 1.0) * ((4.0 + 5.0 * c).sqrt() - 2.0) / (16.0 * rho * c))
}

/// The exact distribution of the wait; costs O(states²) to make, for checks and small systems.
#[derive(Debug, Clone)]
pub struct ExactWaits {
    servers: f64,
    load: f64,
    /// P(X = n): that n requests are waiting.
    waiting: Vec<f64>,
}

impl ExactWaits {
    /// More states or terms than this are too many to be worth the wait.
    const MOST: f64 = 300_000.0;

    /// `None` as everywhere here, and also for a load so close to the number of servers that the distribution
    /// would need more than 300,000 terms (about ρ > 0.98 for one server, 0.998 for a hundred).
    pub fn new(servers: u64, load: f64) -> Option<Self> {
        stable(servers, load)?;
        let c = servers as f64;
        if load == 0.0 {
            return Some(Self { servers: c, load, waiting: vec![1.0] });
        }
        let rho = load / c;
        let terms = 45.0 / (c * (rho - 1.0 - rho.ln()));
        let states = 35.0 / decay(rho).ln_1p() + 8.0;
        if terms > Self::MOST || states > Self::MOST / 10.0 {
            return None;
        }
        let states = states as usize;
        let mut jumps = vec![0.0; states + 1];
        let mut all_jumps = 0.0;
        for k in 1..=(terms as u32).max(8) {
            let (k, mean, level) = (f64::from(k), f64::from(k) * load, f64::from(k) * c);
            all_jumps += at_least(mean, level + 1.0) / k;
            let mut at = probability(mean, level);
            for (j, jump) in jumps.iter_mut().enumerate().skip(1) {
                at *= mean / (level + j as f64);
                *jump += at / k;
                if at < 1e-25 {
                    break;
                }
            }
        }
        // Panjer's recursion for a compound Poisson sum: n·p(n) = Σ j·ν(j)·p(n−j), all terms positive.
        let mut waiting = vec![0.0; states + 1];
        waiting[0] = (-all_jumps).exp();
        for (j, jump) in jumps.iter_mut().enumerate() {
            *jump *= j as f64;
        }
        for n in 1..=states {
            let sum: f64 = jumps[1..=n].iter().zip(waiting[..n].iter().rev()).map(|(jump, p)| jump * p).sum();
            waiting[n] = sum / n as f64;
        }
        Some(Self { servers: c, load, waiting })
    }

    /// P(W > t), t in service times.
    pub fn longer_than(&self, t: f64) -> f64 {
        let k = t.ceil().max(1.0);
        let (mean, places) = (self.load * (k - t), k * self.servers);
        // P(X + Poisson(mean) ≥ places), summed over X.
        let mut enough_arrivals = at_least(mean, places);
        let mut beyond = 0.0;
        let mut counted = 0.0;
        for (n, p) in self.waiting.iter().enumerate() {
            counted += p;
            beyond += p * enough_arrivals.min(1.0);
            enough_arrivals += probability(mean, places - n as f64 - 1.0);
        }
        (beyond + (1.0 - counted).max(0.0)).min(1.0)
    }

    /// The wait that a share `p` of arrivals stays within.
    pub fn percentile(&self, p: f64) -> f64 {
        bisect(|t| self.longer_than(t), 1.0 - p)
    }
}

/// An estimate of the wait that a share `p` of arrivals stays within, in constant time; 0 when fewer than 1 − p wait.
///
/// Franx's formula needs the law of X, the number waiting. This estimate takes for it the sum of two geometric
/// tails, P(X ≥ n) ≈ A·τ⁻ⁿ + B·τ⁻²ⁿ:
/// - τ > 1, the decay rate, is exact: the root of c·ln τ = a·(τ − 1) (Tijms, "A First Course in Stochastic
///   Models", 2003, §9.6);
/// - A and B together give Cosmetatos' mean;
/// - A = A₁·exp((0.13 + 0.095/√c)·min(−ln A₁, 2)²), where A₁ is the A that would give that mean alone. Only
///   these three constants are fitted, to the exact distribution.
///
/// With it `P(W > t) ≈ P(Poisson(m) ≥ k·c) + A·e^{−a(τ−1)t}·P(Poisson(m·τ) < k·c) + …`, k = ⌈t⌉, m = a·(k − t).
/// Against [`ExactWaits`] for c = 1…512 and ρ = 0.1…0.98, the p99 of wait plus service is within 0.7 %, on the
/// high side where waits are short (a test holds it there).
pub fn wait_percentile(servers: u64, load: f64, p: f64) -> Option<f64> {
    stable(servers, load)?;
    if load == 0.0 {
        return Some(0.0);
    }
    let c = servers as f64;
    let rho = load / c;
    // Chernoff: so few servers are ever busy together that nobody waits. Spares the sums below.
    if c * (rho - 1.0 - rho.ln()) > 20.0 - (1.0 - p).max(1e-12).ln() {
        return Some(0.0);
    }
    let tau_less_1 = decay(rho);
    // Erlang B is a Poisson probability given that no more than c come: constant time where the sum is not.
    let blocked = probability(load, c) / at_most_quick(load, c);
    let delayed = blocked / (1.0 - rho * (1.0 - blocked));
    let mean_waiting = delayed / (c - load) * cosmetatos(c, load) * load;
    let alone = (mean_waiting * tau_less_1).clamp(f64::MIN_POSITIVE, 1.0);
    // Where the queue is nearly always empty the first term of the tail decides; the fit ends there.
    let rarity = (-alone.ln()).min(2.0);
    let slow = alone * ((0.13 + 0.095 / c.sqrt()) * rarity * rarity).exp();
    let tau_squared_less_1 = tau_less_1 * (2.0 + tau_less_1);
    let fast = (mean_waiting - slow / tau_less_1) * tau_squared_less_1;
    let longer_than = |t: f64| {
        let k = t.ceil().max(1.0);
        let (mean, places) = (load * (k - t), k * c);
        let tail = |amplitude: f64, rise: f64| {
            amplitude
                * (mean * rise - places * rise.ln_1p()).exp()
                * at_most_quick(mean * (1.0 + rise), places - 1.0)
        };
        at_least_quick(mean, places) + tail(slow, tau_less_1) + tail(fast, tau_squared_less_1)
    };
    // The tail is nearly exponential at this rate, so its logarithm is nearly a line.
    Some(falling_root(longer_than, 1.0 - p, load * tau_less_1))
}

/// τ − 1, where τ > 1 solves ln τ = ρ·(τ − 1). Newton from 1/ρ², which is never below the root, falls to it.
fn decay(rho: f64) -> f64 {
    let mut x = 1.0 / (rho * rho) - 1.0;
    for _ in 0..100 {
        let next = x - (x.ln_1p() - rho * x) / (1.0 / (1.0 + x) - rho);
        if next >= x || next <= 0.0 || next.is_nan() {
            break;
        }
        let step = x - next;
        x = next;
        if step < 1e-14 * x {
            break;
        }
    }
    x
}

/// Where a falling function of t ≥ 0 comes down to `level`; 0 when it starts below.
fn bisect(function: impl Fn(f64) -> f64, level: f64) -> f64 {
    if function(0.0) <= level {
        return 0.0;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while function(high) > level && high < 1e15 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if function(middle) > level { low = middle } else { high = middle }
    }
    high
}

/// As [`bisect`], for a function whose logarithm falls about `rate` per unit: secant steps on the logarithm,
/// kept inside the bracket; a few evaluations instead of sixty.
pub(super) fn falling_root(function: impl Fn(f64) -> f64, level: f64, rate: f64) -> f64 {
    let height = |t: f64| (function(t).max(f64::MIN_POSITIVE) / level).ln();
    let (mut low, mut at_low) = (0.0, height(0.0));
    if at_low <= 0.0 {
        return 0.0;
    }
    let mut step = at_low / rate;
    let (mut high, mut at_high);
    loop {
        high = low + step;
        at_high = height(high);
        if at_high <= 0.0 || high > 1e15 {
            break;
        }
        (low, at_low) = (high, at_high);
        step *= 2.0;
    }
    for round in 0..60 {
        let width = high - low;
        if width <= 1e-7 * high || at_high > -1e-7 {
            break;
        }
        // Every third step halves, so a bend cannot keep one end in place.
        let next =
            if round % 3 == 2 { 0.5 * (low + high) } else { low + width * at_low / (at_low - at_high) };
        let next = next.clamp(low + 1e-3 * width, high - 1e-3 * width);
        let there = height(next);
        if there > 0.0 { (low, at_low) = (next, there) } else { (high, at_high) = (next, there) }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// c, ρ, exact mean wait: the chain N(t+D) solved by another program (planning notes §2); the tenth decimal
    /// of that program's numbers is its own truncation.
    const MEANS: [(u64, f64, f64); 10] = [
        (1, 0.5, 0.5),
        (1, 0.8, 2.0),
        (1, 0.9, 4.5),
        (2, 0.8, 0.903_284),
        (4, 0.7, 0.189_708),
        (4, 0.9, 0.999_966),
        (8, 0.7, 0.062_680),
        (8, 0.9, 0.449_973),
        (16, 0.8, 0.052_548),
        (16, 0.95, 0.496_693),
    ];

    #[test]
    fn mean_waits_equal_the_reference_table() {
        for (c, rho, expected) in MEANS {
            let load = rho * c as f64;
            let exact = mean_wait(c, load).unwrap();
            assert!((exact - expected).abs() < 1e-6, "c={c}, ρ={rho}: {exact}, not {expected}");
            let cosmetatos = mean_wait_cosmetatos(c, load).unwrap();
            assert!(
                (cosmetatos / expected - 1.0).abs() < 0.006,
                "Cosmetatos at c={c}, ρ={rho}: {cosmetatos}"
            );
        }
    }

    /// Pollaczek–Khinchine: the mean wait of M/D/1 is ρ / (2·(1 − ρ)), however close to saturation.
    #[test]
    fn one_server_follows_pollaczek_khinchine_up_to_saturation() {
        for rho in [1e-6, 0.01, 0.3, 0.95, 0.999, 0.999_99] {
            let (exact, expected) = (mean_wait(1, rho).unwrap(), rho / (2.0 * (1.0 - rho)));
            assert!((exact / expected - 1.0).abs() < 1e-6, "ρ={rho}: {exact}, not {expected}");
        }
    }

    #[test]
    fn the_exact_distribution_has_the_exact_mean() {
        for (c, rho) in [(1, 0.6), (2, 0.9), (7, 0.8), (40, 0.93)] {
            let load = rho * c as f64;
            let waits = ExactWaits::new(c, load).unwrap();
            let mean: f64 = (0..40_000).map(|i| waits.longer_than((f64::from(i) + 0.5) * 2e-3) * 2e-3).sum();
            let expected = mean_wait(c, load).unwrap();
            assert!((mean / expected - 1.0).abs() < 1e-3, "c={c}, ρ={rho}: {mean}, not {expected}");
        }
    }

    #[test]
    fn the_estimate_stays_near_the_exact_percentile() {
        let mut worst: f64 = 0.0;
        for c in [1_u64, 2, 3, 4, 5, 6, 8, 12, 16, 24, 32, 64, 128, 512] {
            for rho in [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.98] {
                if rho > 0.97 && c < 8 {
                    continue; // seconds of work for the exact side
                }
                let load = rho * c as f64;
                let exact = ExactWaits::new(c, load).unwrap().percentile(0.99);
                let estimate = wait_percentile(c, load, 0.99).unwrap();
                let error = (estimate - exact) / (1.0 + exact);
                worst = worst.max(error.abs());
                assert!(error.abs() < 0.007, "c={c}, ρ={rho}: {estimate} against {exact}");
            }
        }
        assert!(worst > 1e-4, "an estimate without any error was not tested");
    }

    #[test]
    fn more_servers_never_lengthen_the_estimated_wait() {
        for load in [0.05, 0.7, 1.0, 3.3, 10.0, 42.0, 95.0, 800.0, 12_345.6] {
            let first = (load as u64) + 1;
            let mut before = f64::INFINITY;
            for c in first..first + 60 + (4.0 * f64::sqrt(load)) as u64 {
                let wait = wait_percentile(c, load, 0.99).unwrap();
                assert!(
                    wait <= before * (1.0 + 1e-9),
                    "load {load}: {wait} with {c} servers, {before} with one less"
                );
                before = wait;
            }
            assert!(before.abs() < f64::EPSILON, "load {load}: still {before}");
        }
    }

    #[test]
    fn large_and_nearly_saturated_fleets_have_finite_waits() {
        for (c, load) in [(100_000_u64, 99_999.9), (100_000, 99_700.0), (1, 0.999_999), (7, 6.999_999)] {
            let wait = wait_percentile(c, load, 0.99).unwrap();
            assert!(wait.is_finite() && wait > 0.0, "c={c}, a={load}: {wait}");
        }
        assert_eq!(wait_percentile(100_000, 60_000.0, 0.99), Some(0.0));
        assert_eq!(wait_percentile(4, 0.0, 0.99), Some(0.0));
        for (servers, load) in [(0, 0.0), (3, 3.0), (3, 3.1), (3, f64::NAN), (3, -1.0)] {
            assert_eq!(wait_percentile(servers, load, 0.99), None, "c={servers}, a={load}");
            assert_eq!(mean_wait(servers, load), None, "c={servers}, a={load}");
        }
    }
}
