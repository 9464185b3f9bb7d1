//! Where the steady state of a run begins, and whether there is one.
//!
//! The series of latencies is cut into at most 1,000 bins and each bin is its median, so that rare slow samples do
//! not count. Levels change where PELT (`pelt.rs`) says, on logarithms of the bins, clipped at three quartile
//! ranges (a burst of the operating system is one disturbance, however slow). The noise that a change must beat is
//! the long-run variance of an AR(1) process, whose coefficient comes from medians of differences over one and two
//! bins, which changes of level hardly touch (Chakar, Lebarbier, Lévy-Leduc and Robin, "A robust approach for
//! estimating change-points in the mean of an AR(1) process", Bernoulli 23(2), 2017): without it autocorrelated
//! noise is taken for changes.
//!
//! The verdict follows Barrett, Bolz-Tereick, Killick, Mount and Tratt ("Virtual machine warmup blows hot and cold",
//! OOPSLA 2017): flat, warm-up, slow-down (here drift, with slow trends) or no steady state. Segments within 5 %, or
//! within twice the noise of their level, count as the same level. Stretches that leave the steady level and come
//! back are disturbances: counted, and no change of verdict while they are under 30 %.
//!
//! **Found** on series without a change but with 2 % outliers, bursts and AR(1) noise, 200 seeds each: another verdict
//! than flat 0, 3, 0 and 0 times with 2,000 to 20,000 samples and coefficients 0 to 0.99 (the three begin inside a
//! burst), and 5 times with 300 samples, of which a burst can be a third.

use serde::{Deserialize, Serialize};

use super::levels::{Bins, Piece, Stretch, Trend, alike, ln, median};
use crate::units::{duration_ms, group_thousands};

/// Levels closer than this are the same: 5 %.
pub const SAME_LEVEL: f64 = 0.05;

/// Fewest samples that give a verdict.
pub const MIN_SAMPLES: usize = 100;

/// Least share of a run that is called its steady state, as Barrett et al. (500 of 2,000 iterations).
const LEAST_STEADY: f64 = 0.25;
/// Most of the rest of a run that disturbances may take.
const MOST_DISTURBED: f64 = 0.3;
/// A change this close to the end (as a share of the run) is too short to tell from a disturbance.
const END: f64 = 0.05;
/// The same in bins, for short runs.
const LEAST_END: usize = 10;
/// Standard deviations beyond which one sample is slow: Tukey's outer fence of a normal distribution.
const SLOW: f64 = 4.72;

/// What a run's latencies did over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// One level from the first sample to the last.
    Flat,
    /// Slower at first, steady after the cut.
    WarmUp,
    /// It slowed down, or went on changing slowly in one direction.
    Drift,
    /// It moved between levels without settling.
    NoSteadyState,
    /// Too few samples to tell.
    TooFew {
        /// Samples there are.
        have: usize,
        /// Samples it takes.
        need: usize,
    },
}

/// A stretch of the run at one level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Index of its first sample.
    pub start: usize,
    /// Index after its last sample.
    pub end: usize,
    /// Its median latency, in nanoseconds.
    pub level_nanos: f64,
    /// Whether it is at the steady level.
    pub steady: bool,
}

/// What change-point detection found in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Steadiness {
    /// The verdict.
    pub verdict: Verdict,
    /// Index of the first sample of the steady state: 0 when flat, and where there is no steady state to cut to.
    pub cut: usize,
    /// The steady level, in nanoseconds; `None` where there is none.
    pub level_nanos: Option<f64>,
    /// The stretches found, in order, covering every sample.
    pub segments: Vec<Segment>,
    /// Stretches after the cut that left the steady level and came back.
    pub disturbances: usize,
    /// The share of samples after the cut that they hold.
    pub disturbed_share: f64,
    /// The verdict with its evidence, for people.
    pub sentence: String,
}

impl Steadiness {
    /// True where there is a steady state, or too little to doubt one.
    pub fn is_well(&self) -> bool {
        matches!(self.verdict, Verdict::Flat | Verdict::WarmUp | Verdict::TooFew { .. })
    }
}

/// Judges the latencies of one run, in nanoseconds and in order of time.
pub fn steadiness(latencies_nanos: &[u64]) -> Steadiness {
    let samples = latencies_nanos.len();
    if samples < MIN_SAMPLES {
        let verdict = Verdict::TooFew { have: samples, need: MIN_SAMPLES };
        let sentence = format!("Too few inferences to tell a warm-up: {samples} of {MIN_SAMPLES}.");
        return Steadiness {
            verdict,
            cut: 0,
            level_nanos: None,
            segments: Vec::new(),
            disturbances: 0,
            disturbed_share: 0.0,
            sentence,
        };
    }
    Bins::of(latencies_nanos).judge(latencies_nanos)
}

impl Bins {
    fn judge(&self, latencies_nanos: &[u64]) -> Steadiness {
        let pieces = self.pieces();
        let settled = self
            .steady_level(&pieces)
            .and_then(|level| self.settle(&pieces, level, latencies_nanos))
            .unwrap_or_else(|| self.unsettled());
        let Settled { verdict, cut, level, stretches, sentence } = settled;
        let samples = latencies_nanos.len();
        let end_of = |bin: usize| if bin == self.logs.len() { samples } else { bin * self.width };
        let segments = pieces
            .iter()
            .map(|piece| Segment {
                start: piece.start * self.width,
                end: end_of(piece.end),
                level_nanos: nanos_of(piece.level),
                steady: level.is_some_and(|level| self.same(*piece, level)),
            })
            .collect();
        let disturbed: usize = stretches.iter().map(|s| end_of(s.end) - end_of(s.start)).sum();
        let disturbed_share = disturbed as f64 / (samples - cut) as f64;
        let disturbances = stretches.len();
        let sentence = if disturbances == 0 {
            sentence
        } else {
            let plural = if disturbances == 1 { "stretch" } else { "stretches" };
            format!(
                "{sentence} {disturbances} {plural} off that level ({:.1} % of the samples) are kept.",
                100.0 * disturbed_share
            )
        };
        let level_nanos = level.map(nanos_of);
        Steadiness { verdict, cut, level_nanos, segments, disturbances, disturbed_share, sentence }
    }

    /// The verdict when the run settles at `level`; `None` when it does not.
    fn settle(&self, pieces: &[Piece], level: f64, latencies_nanos: &[u64]) -> Option<Settled> {
        let count = self.logs.len();
        let samples = latencies_nanos.len();
        let all = self.stretches(pieces, level);
        let lead = self.lead(&all);
        let slower: usize = lead.iter().filter(|stretch| stretch.slower).map(|stretch| stretch.len()).sum();
        let lead_end = lead.last().map_or(0, |last| last.end);
        let lead_is_slower = 2 * slower >= lead_end;
        let later = &all[lead.len()..];
        let cut = if alike(later, lead_end, lead_is_slower) { 0 } else { lead_end };
        let stretches: Vec<Stretch> = all.iter().filter(|stretch| stretch.start >= cut).copied().collect();
        let disturbed: usize = stretches.iter().map(|stretch| stretch.len()).sum();
        let rest = count - cut;
        if (rest as f64) < LEAST_STEADY * count as f64 || disturbed as f64 > MOST_DISTURBED * rest as f64 {
            return None;
        }
        let inner: Vec<Stretch> = stretches.iter().filter(|stretch| stretch.end < count).copied().collect();
        let trend = self.changed_end(&stretches, level).or_else(|| self.trend(cut, &inner));
        if let Some(trend) = trend {
            return Some(Settled::drift(trend));
        }
        let settled =
            |verdict, cut, sentence| Settled { verdict, cut, level: Some(level), stretches, sentence };
        let steady = duration(level);
        if cut > 0 && !lead_is_slower {
            let first = self.level_of(0, cut);
            let sentence = format!(
                "Drift: the first {} of {} inferences were faster ({}), then it slowed down to {steady}.",
                thousands(cut * self.width),
                thousands(samples),
                duration(first),
            );
            return Some(settled(Verdict::Drift, cut * self.width, sentence));
        }
        let first_samples = if cut == 0 { self.slow_first_samples(latencies_nanos, level) } else { 0 };
        let cut = cut * self.width + first_samples;
        if cut == 0 {
            let sentence = format!("Flat: steady at {steady} over all {} inferences.", thousands(samples));
            return Some(settled(Verdict::Flat, 0, sentence));
        }
        let bins = (cut / self.width).max(1);
        let worst = if first_samples > 0 {
            latencies_nanos[..cut].iter().map(|nanos| ln(*nanos)).fold(f64::MIN, f64::max)
        } else {
            self.logs[..bins].iter().copied().fold(f64::MIN, f64::max)
        };
        let sentence = format!(
            "Warm-up: the first {} of {} inferences took up to {:.2}× as long; steady at {steady} from there.",
            thousands(cut),
            thousands(samples),
            (worst - level).exp(),
        );
        Some(settled(Verdict::WarmUp, cut, sentence))
    }

    /// How many of the first samples, at least two, are slow one after another as no later ones are: a warm-up
    /// shorter than a bin's median can show.
    fn slow_first_samples(&self, latencies_nanos: &[u64], level: f64) -> usize {
        let step = latencies_nanos.len().div_ceil(10_000);
        let mut away: Vec<f64> =
            latencies_nanos.iter().step_by(step).map(|nanos| (ln(*nanos) - level).abs()).collect();
        let limit = level + SAME_LEVEL.ln_1p().max(SLOW * 1.482_6 * median(&mut away));
        let slow = |nanos: &&u64| ln(**nanos) > limit;
        let first = latencies_nanos.iter().take(2 * self.width).take_while(slow).count();
        if first < 2 {
            return 0;
        }
        let mut alike = 0;
        let mut length = 0;
        for nanos in &latencies_nanos[first..] {
            length = if slow(&nanos) { length + 1 } else { 0 };
            alike += usize::from(length == first);
        }
        if alike >= 2 { 0 } else { first }
    }

    /// The change when the run ends off its level `level`, for too long to be a disturbance that comes back.
    fn changed_end(&self, stretches: &[Stretch], level: f64) -> Option<Trend> {
        let count = self.logs.len();
        let (last, earlier) = stretches.split_last()?;
        let long = last.len() > LEAST_END && last.len() as f64 > END * count as f64;
        (last.end == count && long && !alike(earlier, last.len(), last.slower))
            .then(|| Trend { first: level, last: self.level_of(last.start, last.end) })
    }

    /// The verdict when there is no steady level: a trend, or none.
    fn unsettled(&self) -> Settled {
        if let Some(trend) = self.trend(0, &[]) {
            return Settled::drift(trend);
        }
        let mut sorted = self.logs.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |share: f64| duration(sorted[(share * (sorted.len() - 1) as f64) as usize]);
        let sentence = format!(
            "No steady state: the latency moved between {} and {} without settling.",
            at(0.05),
            at(0.95)
        );
        Settled { verdict: Verdict::NoSteadyState, cut: 0, level: None, stretches: Vec::new(), sentence }
    }
}

/// A verdict on the way to a [`Steadiness`]; the cut in samples, the level as a logarithm.
struct Settled {
    verdict: Verdict,
    cut: usize,
    level: Option<f64>,
    stretches: Vec<Stretch>,
    sentence: String,
}

impl Settled {
    /// A run that went on changing.
    fn drift(Trend { first, last }: Trend) -> Self {
        let times = format!("from {} to {}", duration(first), duration(last));
        let percent = 100.0 * (last - first).exp_m1();
        let sentence = if percent >= 0.0 {
            format!("Drift: it became {percent:.0} % slower, {times}; look for throttling or other work.")
        } else {
            format!("Drift: it was still getting faster, by {:.0} %, {times}; run longer.", -percent)
        };
        Self { verdict: Verdict::Drift, cut: 0, level: None, stretches: Vec::new(), sentence }
    }
}

fn thousands(count: usize) -> String {
    group_thousands(count as u128)
}

/// The whole nanoseconds of a logarithm.
fn nanos_of(log: f64) -> f64 {
    log.exp().round()
}

fn duration(log: f64) -> String {
    duration_ms(nanos_of(log) / 1e6)
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Ar1, Source, nanos};
    use super::*;

    /// 1 ms × e^`shape(share of the run)` with AR(1) noise of deviation `noise` and coefficient `phi`, 2 % of samples
    /// five times as slow, and bursts (one in about 4,000 samples begins one) of 20 to 120 samples that take twice
    /// as long, as another process on the machine causes.
    fn series(samples: usize, noise: f64, phi: f64, seed: u64, shape: impl Fn(f64) -> f64) -> Vec<u64> {
        let mut source = Source::new(seed);
        let mut noise_of = Ar1::new(phi, &mut source);
        let mut burst = 0;
        (0..samples)
            .map(|index| {
                if burst > 0 {
                    burst -= 1;
                } else if source.uniform() < 1.0 / 4_000.0 {
                    burst = 20 + (100.0 * source.uniform()) as usize;
                }
                let outlier = if source.uniform() < 0.02 { 5.0_f64.ln() } else { 0.0 };
                let slow = if burst > 0 { 2.0_f64.ln() } else { 0.0 };
                let shape = shape(index as f64 / samples as f64);
                nanos(shape + noise * noise_of.next(&mut source) + outlier + slow)
            })
            .collect()
    }

    /// What is said of those of `seeds` series that have another verdict.
    fn misjudged(seeds: u64, wanted: Verdict, make: impl Fn(u64) -> Vec<u64>) -> Vec<String> {
        (0..seeds)
            .map(|seed| steadiness(&make(seed)))
            .filter(|found| found.verdict != wanted)
            .map(|found| found.sentence)
            .collect()
    }

    #[test]
    fn noise_bursts_and_outliers_are_flat() {
        for (samples, noise, phi) in [
            (20_000, 0.1, 0.0),
            (20_000, 0.1, 0.9),
            (20_000, 0.05, 0.99),
            (2_000, 0.1, 0.5),
            (300, 0.05, 0.3),
        ] {
            let wrong = misjudged(200, Verdict::Flat, |seed| series(samples, noise, phi, seed, |_| 0.0));
            assert!(
                wrong.len() <= 6,
                "{wrong:#?} of 200 with {samples} samples, noise {noise}, coefficient {phi}"
            );
        }
    }

    #[test]
    fn periodic_noise_is_flat() {
        let waves = |x: f64| 0.1 * (200.0 * std::f64::consts::TAU * x).sin();
        assert!(misjudged(50, Verdict::Flat, |seed| series(20_000, 0.05, 0.5, seed, waves)).len() <= 1);
        let every_tenth: Vec<u64> =
            (0..5_000).map(|index| if index % 10 == 0 { 3_000 } else { 1_000 }).collect();
        assert_eq!(steadiness(&every_tenth).verdict, Verdict::Flat);
    }

    #[test]
    fn an_exponential_warm_up_is_cut_where_it_ends() {
        // e^(0.8 e^(−x/0.05)): within 5 % of the steady level from x = 0.05 ln(0.8 ÷ ln 1.05) = 0.14 on.
        let shape = |x: f64| 0.8 * (-x / 0.05).exp();
        for seed in 0..50 {
            let found = steadiness(&series(20_000, 0.05, 0.5, seed, shape));
            assert_eq!(found.verdict, Verdict::WarmUp, "seed {seed}: {}", found.sentence);
            assert!((1_200..4_400).contains(&found.cut), "seed {seed}: {}", found.cut);
            let level = found.level_nanos.unwrap();
            assert!((level / 1e6 - 1.0).abs() < 0.02, "seed {seed}: {level}");
        }
    }

    #[test]
    fn a_step_is_cut_where_it_is() {
        for seed in 0..50 {
            let found = steadiness(&series(20_000, 0.05, 0.5, seed, |x| if x < 0.3 { 0.2 } else { 0.0 }));
            assert_eq!(found.verdict, Verdict::WarmUp, "seed {seed}: {}", found.sentence);
            assert!(found.cut.abs_diff(6_000) <= 200, "seed {seed}: {}", found.cut);
            assert!(found.segments.first().is_some_and(|first| first.start == 0 && !first.steady));
            assert!(found.segments.last().is_some_and(|last| last.end == 20_000));
        }
    }

    #[test]
    fn three_slow_first_samples_are_a_warm_up() {
        let mut quiet = vec![1_000_000; 10_000];
        quiet[..3].copy_from_slice(&[9_000_000, 4_000_000, 2_000_000]);
        let found = steadiness(&quiet);
        assert_eq!((found.verdict, found.cut), (Verdict::WarmUp, 3));
        assert_eq!(
            found.sentence,
            "Warm-up: the first 3 of 10,000 inferences took up to 9.00× as long; steady at 1.00 ms from there."
        );
        quiet[1] = 1_000_000;
        assert_eq!(steadiness(&quiet).verdict, Verdict::Flat, "one slow sample is an outlier");
    }

    #[test]
    fn slowing_down_is_drift() {
        let line = |x: f64| 0.25 * x;
        assert_eq!(
            misjudged(50, Verdict::Drift, |seed| series(20_000, 0.05, 0.5, seed, line)),
            Vec::<String>::new()
        );
        let throttled = |x: f64| if x > 0.4 { 0.2 } else { 0.0 };
        assert_eq!(
            misjudged(50, Verdict::Drift, |seed| series(20_000, 0.05, 0.5, seed, throttled)),
            Vec::<String>::new()
        );
        let late = |x: f64| if x > 0.85 { 0.2 } else { 0.0 };
        assert_eq!(
            misjudged(50, Verdict::Drift, |seed| series(20_000, 0.05, 0.5, seed, late)),
            Vec::<String>::new()
        );
        let found = steadiness(&series(20_000, 0.05, 0.5, 1, throttled));
        assert!(found.cut.abs_diff(8_000) <= 200, "{}", found.cut);
    }

    #[test]
    fn a_warm_up_that_never_ends_is_drift() {
        assert_eq!(
            misjudged(50, Verdict::Drift, |seed| series(20_000, 0.05, 0.5, seed, |x| -0.5 * x)),
            Vec::<String>::new()
        );
        let found = steadiness(&series(20_000, 0.05, 0.5, 1, |x| -0.5 * x));
        assert!(found.sentence.contains("still getting faster"), "{}", found.sentence);
    }

    #[test]
    fn levels_that_alternate_have_no_steady_state() {
        let square = |x: f64| if ((x * 8.0) as u32).is_multiple_of(2) { 0.0 } else { 0.2 };
        assert_eq!(
            misjudged(50, Verdict::NoSteadyState, |seed| series(20_000, 0.05, 0.5, seed, square)),
            Vec::<String>::new()
        );
        let wave = |x: f64| 0.3 * (4.0 * std::f64::consts::TAU * x).sin();
        assert_eq!(
            misjudged(50, Verdict::NoSteadyState, |seed| series(20_000, 0.05, 0.5, seed, wave)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn changes_under_the_tolerance_are_flat() {
        assert_eq!(
            misjudged(50, Verdict::Flat, |seed| series(20_000, 0.02, 0.3, seed, |x| 0.03 * x)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_coarse_clock_and_short_series_are_judged_without_panic() {
        let coarse: Vec<u64> = (0..1_000).map(|index| if index % 7 == 0 { 2 } else { 1 }).collect();
        assert_eq!(steadiness(&coarse).verdict, Verdict::Flat);
        assert_eq!(steadiness(&[0; 100]).verdict, Verdict::Flat);
        assert_eq!(steadiness(&[]).verdict, Verdict::TooFew { have: 0, need: 100 });
        assert_eq!(steadiness(&[5; 99]).verdict, Verdict::TooFew { have: 99, need: 100 });
    }
}
