//! The levels that a run's latencies stay at, found by change point, and how they lie to each other.
//!
//! Works on logarithms of the medians of bins. Gives no verdict: that is [`super::warmup`]'s.

use super::pelt;
use super::warmup::SAME_LEVEL;

const MOST_BINS: usize = 1_000;
/// Samples of the smallest bin: a median of five forgives two slow ones.
const SMALLEST_BIN: usize = 5;
/// Fewest bins in a segment.
const SHORTEST: usize = 2;

/// Logarithms of the bins' medians.
pub(super) struct Bins {
    /// Samples a bin; the last has the rest too.
    pub(super) width: usize,
    pub(super) logs: Vec<f64>,
    /// Variance of a long mean of bins, times their count.
    pub(super) long_run_variance: f64,
}

/// A level found in the bins.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) level: f64,
}

impl Piece {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Neighbouring pieces off the steady level.
#[derive(Clone, Copy)]
pub(super) struct Stretch {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) slower: bool,
}

impl Stretch {
    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// A change in one direction: the levels of the first and the last part.
#[derive(Clone, Copy)]
pub(super) struct Trend {
    pub(super) first: f64,
    pub(super) last: f64,
}

impl Bins {
    pub(super) fn of(latencies_nanos: &[u64]) -> Self {
        let samples = latencies_nanos.len();
        let width = samples.div_ceil(MOST_BINS).max(SMALLEST_BIN);
        let count = samples / width;
        let mut bin = Vec::with_capacity(2 * width);
        let logs: Vec<f64> = (0..count)
            .map(|index| {
                let end = if index + 1 == count { samples } else { (index + 1) * width };
                bin.clear();
                bin.extend(latencies_nanos[index * width..end].iter().map(|nanos| ln(*nanos)));
                median(&mut bin)
            })
            .collect();
        let long_run_variance = long_run_variance(&clipped(&logs));
        Self { width, logs, long_run_variance }
    }

    /// Levels by change point.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let penalty = 3.0 * (self.logs.len() as f64).ln();
        pelt::segments(&clipped(&self.logs), self.long_run_variance, penalty, SHORTEST)
            .into_iter()
            .map(|(start, end)| Piece { start, end, level: median(&mut self.logs[start..end].to_vec()) })
            .collect()
    }

    /// Whether a piece is at `level`: within the tolerance, or within twice the noise of its own level.
    pub(super) fn same(&self, piece: Piece, level: f64) -> bool {
        let noise = (self.long_run_variance / piece.len() as f64).sqrt();
        (piece.level - level).abs() <= SAME_LEVEL.ln_1p().max(2.0 * noise)
    }

    /// The level that most bins are at, of those that at least half of the last quarter is at.
    pub(super) fn steady_level(&self, pieces: &[Piece]) -> Option<f64> {
        let count = self.logs.len();
        let late = count - count / 4;
        let (_, level) = pieces
            .iter()
            .filter_map(|candidate| {
                let at = || pieces.iter().filter(|piece| self.same(**piece, candidate.level));
                let covered: usize = at().map(|piece| piece.len()).sum();
                let at_end: usize = at().map(|piece| piece.end.saturating_sub(late.max(piece.start))).sum();
                (2 * at_end >= count - late).then_some((covered, candidate.level))
            })
            .max_by_key(|(covered, _)| *covered)?;
        let mut at_level: Vec<f64> = pieces
            .iter()
            .filter(|piece| self.same(**piece, level))
            .flat_map(|piece| &self.logs[piece.start..piece.end])
            .copied()
            .collect();
        Some(median(&mut at_level))
    }

    /// Stretches off `level`, in order. A gap of up to 1 % of the run between two of one direction is part of them:
    /// a bin that a burst half fills has any level.
    pub(super) fn stretches(&self, pieces: &[Piece], level: f64) -> Vec<Stretch> {
        let mut found: Vec<Stretch> = Vec::new();
        for piece in pieces.iter().filter(|piece| !self.same(**piece, level)) {
            let slower = piece.level > level;
            match found.last_mut() {
                Some(last) if last.end + self.gap() >= piece.start && last.slower == slower => {
                    last.end = piece.end;
                }
                _ => found.push(Stretch { start: piece.start, end: piece.end, slower }),
            }
        }
        found
    }

    /// Bins at the steady level that do not end a stretch.
    pub(super) fn gap(&self) -> usize {
        self.logs.len() / 100
    }

    /// The stretches that the run begins with, one after another.
    pub(super) fn lead(&self, all: &[Stretch]) -> Vec<Stretch> {
        let mut end = 0;
        all.iter()
            .take_while(|stretch| {
                let follows = stretch.start == 0 || (end > 0 && stretch.start <= end + self.gap());
                end = stretch.end;
                follows
            })
            .copied()
            .collect()
    }

    /// The levels of the first and the last quarter from bin `start` on, without the bins of `left_out`, if they
    /// differ by more than the tolerance and the noise, and most of the way goes in one direction (Kendall's τ of
    /// twenty parts at least ½, pairs within half the tolerance left out).
    pub(super) fn trend(&self, start: usize, left_out: &[Stretch]) -> Option<Trend> {
        const PARTS: usize = 20;
        let logs: Vec<f64> = (start..self.logs.len())
            .filter(|bin| !left_out.iter().any(|stretch| (stretch.start..stretch.end).contains(bin)))
            .map(|bin| self.logs[bin])
            .collect();
        let count = logs.len();
        if count < PARTS {
            return None;
        }
        let level_of = |start: usize, end: usize| median(&mut logs[start..end].to_vec());
        let quarter = count / 4;
        let (first, last) = (level_of(0, quarter), level_of(count - quarter, count));
        let noise = (2.0 * self.long_run_variance / quarter as f64).sqrt();
        if (last - first).abs() <= SAME_LEVEL.ln_1p() + 2.0 * noise {
            return None;
        }
        let parts: Vec<f64> =
            (0..PARTS).map(|part| level_of(part * count / PARTS, (part + 1) * count / PARTS)).collect();
        let (mut up, mut down) = (0_u32, 0_u32);
        for (index, earlier) in parts.iter().enumerate() {
            for step in parts[index + 1..].iter().map(|later| later - earlier) {
                up += u32::from(step > 0.5 * SAME_LEVEL);
                down += u32::from(step < -0.5 * SAME_LEVEL);
            }
        }
        let (along, against) = if last > first { (up, down) } else { (down, up) };
        // (along − against) ÷ (along + against) ≥ ½.
        (along > 0 && along >= 3 * against).then_some(Trend { first, last })
    }

    /// Median of the bins `start..end`.
    pub(super) fn level_of(&self, start: usize, end: usize) -> f64 {
        median(&mut self.logs[start..end].to_vec())
    }
}

/// Whether at least two of `others` are as long and on the same side: then a stretch is part of the noise.
pub(super) fn alike(others: &[Stretch], length: usize, slower: bool) -> bool {
    others.iter().filter(|other| other.slower == slower && other.len() >= length).count() >= 2
}

/// Logarithm of a latency; one below the clock's step counts as 1 ns.
pub(super) fn ln(nanos: u64) -> f64 {
    (nanos.max(1) as f64).ln()
}

/// The lower median; reorders the values. NaN without values.
pub(super) fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Values brought within three quartile ranges of the quartiles, the range taken as at least a tenth.
pub(super) fn clipped(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted[sorted.len() / 4], sorted[(3 * sorted.len() / 4).min(sorted.len() - 1)]);
    let reach = 3.0 * (high - low).max(0.1);
    values.iter().map(|value| value.clamp(low - reach, high + reach)).collect()
}

/// The variance of a mean of n values, times n, of an AR(1) process with rare changes of level. The floor is 0.5 %
/// of latency, squared: a clock with coarse steps has no differences at all.
pub(super) fn long_run_variance(values: &[f64]) -> f64 {
    const FLOOR: f64 = 0.005 * 0.005;
    // A normal deviate lies within 0.6745 half of the time.
    let variance_over = |lag: usize| {
        let mut steps: Vec<f64> =
            values.windows(lag + 1).map(|window| (window[lag] - window[0]).abs()).collect();
        (median(&mut steps) / 0.674_490).powi(2)
    };
    let (one, two) = (variance_over(1), variance_over(2));
    if one <= FLOOR {
        return FLOOR;
    }
    let phi = (two / one - 1.0).clamp(0.0, 0.95);
    let variance = one / (2.0 * (1.0 - phi));
    (variance * (1.0 + phi) / (1.0 - phi)).max(FLOOR)
}
