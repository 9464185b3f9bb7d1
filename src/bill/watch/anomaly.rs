//! Days that cost more or less than the days before them let expect.
//!
//! Each day is judged by earlier days only, so what is said of a day does not change when later days arrive: the 56
//! days before it are taken apart ([`super::decompose`]), what its weekday added the week before is put onto the
//! median of the last two weeks' rest, and the difference is held against the median absolute deviation of the
//! differences of the days before. A day is unusual when the difference exceeds all three: a number of robust
//! standard deviations (3.5 by default: Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993), an amount of
//! money, and a share of what was expected. Pure: floats in, floats out.

use serde::{Deserialize, Serialize};

use super::decompose::{WEEK, decompose, median, robust_scale};
use crate::units::Money;

/// Complete days before the first day that is judged: two weeks to take apart, one to know the spread of differences.
pub const LEARNING_DAYS: usize = 21;
/// Days that expectations are made from, at most.
const WINDOW: usize = 56;
/// Days whose median is the level.
const LEVEL_DAYS: usize = 14;
/// Earlier differences that the spread is taken from, at most.
const SPREAD_DAYS: usize = 42;

/// When a day is unusual: all three must be exceeded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// The least difference in the bill's currency, for one day.
    pub least_amount: Money,
    /// The least difference in percent of what was expected.
    pub least_percent: u32,
    /// The least difference in tenths of a robust standard deviation.
    pub least_score_tenths: u32,
}

impl Default for Tuning {
    /// Ten of the currency's units, 25 %, 3.5 standard deviations.
    fn default() -> Self {
        Self { least_amount: Money::from_scaled(100_000_000_000), least_percent: 25, least_score_tenths: 35 }
    }
}

/// What was expected of a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Place in the series.
    pub place: usize,
    /// What it cost.
    pub actual: f64,
    /// What the days before let expect.
    pub expected: f64,
    /// The difference in robust standard deviations of the differences before.
    pub score: f64,
    /// Beyond all limits.
    pub unusual: bool,
}

/// Unusual days in a row, in the same direction; one usual day between two does not end it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Episode {
    /// Place of the first day.
    pub first: usize,
    /// Place of the last unusual day.
    pub last: usize,
    /// What all its days cost.
    pub actual: f64,
    /// What was expected of them.
    pub expected: f64,
    /// The largest score, with its sign.
    pub score: f64,
}

/// Judges the days from `from` on; those before [`LEARNING_DAYS`] are never judged.
pub fn judge(series: &[f64], from: usize, tuning: &Tuning) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut differences: Vec<f64> = Vec::new();
    let (score_limit, share) =
        (f64::from(tuning.least_score_tenths) / 10.0, f64::from(tuning.least_percent) / 100.0);
    let amount = tuning.least_amount.to_f64();
    let judged = from.max(LEARNING_DAYS);
    let known = judged.saturating_sub(SPREAD_DAYS).max(2 * WEEK);
    for place in known..series.len() {
        let past = &series[place.saturating_sub(WINDOW)..place];
        let Some(expected) = expected_next(past) else { continue };
        let difference = series[place] - expected;
        if place >= judged {
            let spread = robust_scale(&differences[differences.len().saturating_sub(SPREAD_DAYS)..]);
            let score = if spread > 0.0 {
                difference / spread
            } else if difference == 0.0 {
                0.0
            } else {
                // A series that has never differed: any difference is beyond every number of deviations.
                f64::INFINITY.copysign(difference)
            };
            let size = difference.abs();
            let unusual = score.abs() > score_limit && size > amount && size > share * expected.abs();
            verdicts.push(Verdict { place, actual: series[place], expected, score, unusual });
        }
        differences.push(difference);
    }
    verdicts
}

/// What the day after these lets expect: the level of the last two weeks and what the weekday added.
fn expected_next(past: &[f64]) -> Option<f64> {
    let parts = decompose(past)?;
    let week = parts.last_week();
    let days = past.len();
    let rest: Vec<f64> = (days.saturating_sub(LEVEL_DAYS)..days)
        .map(|place| past[place] - week[(place + WEEK - days % WEEK) % WEEK])
        .collect();
    Some(median(&rest) + week[0])
}

/// The unusual days of a series, those in a row as one.
pub fn episodes(verdicts: &[Verdict]) -> Vec<Episode> {
    let mut found: Vec<Episode> = Vec::new();
    for verdict in verdicts.iter().filter(|verdict| verdict.unusual) {
        let goes_on = found.last().is_some_and(|last| {
            verdict.place <= last.last + 2 && (last.score > 0.0) == (verdict.score > 0.0)
        });
        let Some(last) = found.last_mut().filter(|_| goes_on) else {
            let Verdict { place, actual, expected, score, .. } = *verdict;
            found.push(Episode { first: place, last: place, actual, expected, score });
            continue;
        };
        // A usual day between belongs to it.
        for between in verdicts.iter().filter(|other| other.place > last.last && other.place <= verdict.place)
        {
            last.actual += between.actual;
            last.expected += between.expected;
        }
        last.last = verdict.place;
        if verdict.score.abs() > last.score.abs() {
            last.score = verdict.score;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// A week with a quiet weekend and 5 % of noise.
    fn bill(days: usize, seed: u64) -> Vec<f64> {
        let week = [1_000.0, 1_050.0, 1_100.0, 1_050.0, 1_000.0, 600.0, 500.0];
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..days)
            .map(|day| {
                let noise: f64 = StandardNormal.sample(&mut random);
                week[day % 7] * (1.0 + 0.05 * noise)
            })
            .collect()
    }

    fn found(series: &[f64]) -> Vec<Episode> {
        episodes(&judge(series, 0, &Tuning::default()))
    }

    #[test]
    fn a_quiet_bill_has_no_unusual_days() {
        let days: usize = (0..5).map(|seed| found(&bill(120, seed)).len()).sum();
        assert_eq!(days, 0, "of 495 judged days");
    }

    #[test]
    fn a_dear_saturday_is_unusual_though_a_monday_costs_as_much() {
        let mut series = bill(70, 7);
        // Day 61 is a sixth weekday, which costs about 600.
        series[61] = 1_020.0;
        let episodes = found(&series);
        assert_eq!(episodes.len(), 1, "{episodes:?}");
        let Episode { first, last, actual, expected, score } = episodes[0];
        assert_eq!((first, last), (61, 61));
        assert!(
            (actual - 1_020.0).abs() < 1e-9 && (expected - 600.0).abs() < 60.0 && score > 3.5,
            "{expected} {score}"
        );
    }

    #[test]
    fn days_in_a_row_are_one_spell_and_their_money_adds_up() {
        let mut series = bill(70, 8);
        for day in &mut series[57..60] {
            *day *= 2.0;
        }
        let episodes = found(&series);
        assert_eq!(episodes.len(), 1, "{episodes:?}");
        assert_eq!((episodes[0].first, episodes[0].last), (57, 59));
        let actual: f64 = series[57..60].iter().sum();
        assert!((episodes[0].actual - actual).abs() < 1e-9);
        assert!((episodes[0].expected - actual / 2.0).abs() < 0.1 * actual, "{episodes:?}");
    }

    #[test]
    fn what_is_said_of_a_day_does_not_change_with_later_days() {
        let mut series = bill(90, 9);
        series[50] *= 3.0;
        let early = judge(&series[..60], 0, &Tuning::default());
        let late = judge(&series, 0, &Tuning::default());
        assert_eq!(early, late[..early.len()]);
    }

    #[test]
    fn each_floor_alone_keeps_a_day_usual() {
        let mut series = bill(70, 10);
        series[65] *= 1.8;
        let with = |tuning: Tuning| episodes(&judge(&series, 0, &tuning)).len();
        let usual = Tuning::default();
        assert_eq!(with(usual.clone()), 1);
        let money = |text: &str| text.parse::<Money>().unwrap();
        assert_eq!(with(Tuning { least_amount: money("2000"), ..usual.clone() }), 0);
        assert_eq!(with(Tuning { least_percent: 150, ..usual.clone() }), 0);
        assert_eq!(with(Tuning { least_score_tenths: 5_000, ..usual }), 0);
    }

    #[test]
    fn a_series_that_never_differed_and_then_does_is_unusual() {
        let mut series = vec![20.0; 40];
        series[35] = 80.0;
        let episodes = found(&series);
        assert_eq!(episodes.len(), 1);
        assert!(episodes[0].score.is_infinite());
    }
}
