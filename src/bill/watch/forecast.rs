//! What the next days will cost, with intervals that the past has tested.
//!
//! A series is taken apart ([`super::decompose`]); what the weekday adds is kept as it was in the last week, and the
//! rest is followed by exponential smoothing, with or without a damped trend: the innovations state space models
//! ETS(A,N,·) and ETS(A,Ad,·) of Hyndman, Koehler, Ord and Snyder (Forecasting with Exponential Smoothing, 2008), chosen by
//! the corrected Akaike criterion. Days far outside the rest's spread count as the trend, so that one spike is not a
//! new level.
//!
//! An interval is the model's own spread of a sum of days, times a factor: the larger of Student's t and of what the
//! forecasts made from earlier days of the same series were off (split conformal prediction; Lei et al., JASA 113,
//! 2018). How often intervals hold what came is in this module's tests. Pure: floats in, floats out.

use serde::Serialize;

use super::decompose::{WEEK, decompose, median};

/// Complete days that any forecast takes: two weeks to learn from and two to be tested on.
pub const LEAST_DAYS: usize = 28;
/// Days looked back at most: half a year.
const WINDOW: usize = 182;
/// Days before the first forecast that is tested.
const FIRST_ORIGIN: usize = 14;
/// Forecasts tested at most.
const MOST_ORIGINS: usize = 40;
/// Forecasts that [`tested`] makes at most.
const MOST_TESTED: usize = 12;
/// Remainders beyond so many robust standard deviations count as the trend.
const SPIKE: f64 = 3.5;
/// Damping of a trend a day.
const DAMPING: f64 = 0.95;
/// Smoothing of the level, of which one is chosen.
const LEVELS: [f64; 11] = [0.0, 0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.55, 0.7, 0.9];
/// Smoothing of the trend, relative to the level's, of which one or none is chosen.
const TRENDS: [f64; 3] = [0.03, 0.1, 0.25];

/// A forecast is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a forecast of {ahead} days takes {needed} complete days of charges; there are {found}")]
pub struct TooLittle {
    /// Days asked for.
    pub ahead: usize,
    /// Complete days that takes.
    pub needed: usize,
    /// Complete days there are.
    pub found: usize,
}

/// Complete days that a forecast of so many days takes: as many as it looks ahead, and [`LEAST_DAYS`] at least.
pub fn days_needed(ahead: usize) -> usize {
    ahead.max(LEAST_DAYS)
}

/// An expected amount with its 80 % and 95 % intervals, in the series' unit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Ahead {
    /// The middle.
    pub expected: f64,
    /// Four times in five what comes lies in here.
    pub interval_80: [f64; 2],
    /// Nineteen times in twenty.
    pub interval_95: [f64; 2],
}

/// One way of going on, fitted.
#[derive(Debug, Clone)]
struct Model {
    week: [f64; WEEK],
    level: f64,
    slope: f64,
    alpha: f64,
    /// Smoothing of the slope relative to alpha; 0 = no trend.
    beta: f64,
    sigma: f64,
    days: usize,
}

impl Model {
    fn fit(series: &[f64]) -> Option<Self> {
        let parts = decompose(series)?;
        let (week, scale) = (parts.last_week(), parts.scale());
        let days = series.len();
        let season = |place: usize| week[(place + WEEK - days % WEEK) % WEEK];
        let rest: Vec<f64> = (0..days)
            .map(|place| {
                let spike = scale > 0.0 && parts.remainder[place].abs() > SPIKE * scale;
                if spike { parts.trend[place] } else { series[place] - season(place) }
            })
            .collect();
        let start = median(&rest[..days.min(2 * WEEK)]);
        let ways = LEVELS
            .iter()
            .map(|alpha| (*alpha, 0.0))
            .chain(LEVELS[1..].iter().flat_map(|alpha| TRENDS.iter().map(move |beta| (*alpha, *beta))));
        let mut best: Option<(f64, Self)> = None;
        for (alpha, beta) in ways {
            let (mut level, mut slope, mut squares) = (start, 0.0, 0.0);
            for (place, value) in rest.iter().enumerate() {
                let expected = level + if beta > 0.0 { DAMPING * slope } else { 0.0 };
                let error = value - expected;
                if place >= WEEK {
                    squares += error * error;
                }
                level = expected + alpha * error;
                if beta > 0.0 {
                    slope = DAMPING * slope + alpha * beta * error;
                }
            }
            let (count, parameters) = ((days - WEEK) as f64, if beta > 0.0 { 4.0 } else { 2.0 });
            let criterion = count * (squares / count).max(f64::MIN_POSITIVE).ln()
                + 2.0 * parameters
                + 2.0 * parameters * (parameters + 1.0) / (count - parameters - 1.0).max(1.0);
            if best.as_ref().is_none_or(|(least, _)| criterion < *least) {
                let sigma = (squares / (count - parameters).max(1.0)).sqrt();
                best = Some((criterion, Self { week, level, slope, alpha, beta, sigma, days }));
            }
        }
        best.map(|(_, model)| model)
    }

    /// Expected values of the next days.
    fn path(&self, ahead: usize) -> Vec<f64> {
        let (mut value, mut step) = (self.level, self.slope);
        (0..ahead)
            .map(|place| {
                step *= DAMPING;
                value += if self.beta > 0.0 { step } else { 0.0 };
                value + self.week[place % WEEK]
            })
            .collect()
    }

    /// Standard deviations of each of the next days, and of the sums of the first one, two, … of them. A day's error
    /// is its own innovation and what earlier ones did to the level and the slope; to a sum the level's own
    /// uncertainty adds as if it were a mean of the days seen.
    fn spreads(&self, ahead: usize) -> (Vec<f64>, Vec<f64>) {
        let (mut of_days, mut of_sums) = (Vec::with_capacity(ahead), Vec::with_capacity(ahead));
        // What an innovation adds i days later, its square summed; the same of what it adds to the sum so far.
        let (mut power, mut effect_on_sum, mut sum_power) = (0.0_f64, 0.0_f64, 0.0_f64);
        let (mut damped, mut damping) = (0.0, 1.0);
        for later in 0..ahead {
            let effect = if later == 0 {
                1.0
            } else {
                damping *= DAMPING;
                damped += damping;
                self.alpha * (1.0 + self.beta * damped)
            };
            power += effect * effect;
            effect_on_sum += effect;
            sum_power += effect_on_sum * effect_on_sum;
            let days = (later + 1) as f64;
            let of_level = 1.0 / self.days as f64;
            of_days.push(self.sigma * (power + of_level).sqrt());
            of_sums.push(self.sigma * (sum_power + days * days * of_level).sqrt());
        }
        (of_days, of_sums)
    }
}

/// What comes, as far as the past tells.
#[derive(Debug, Clone)]
pub struct Outlook {
    path: Vec<f64>,
    of_days: Vec<f64>,
    of_sums: Vec<f64>,
    /// What earlier forecasts were off, day by day, in standard deviations of today's: one list a forecast.
    day_errors: Vec<f64>,
    /// The sums of the same errors, in the series' unit.
    sum_errors: Vec<Vec<f64>>,
    days: usize,
    /// No day of the past was below zero, so none to come is said to be.
    never_negative: bool,
}

impl Outlook {
    /// Looks `ahead` days from the end of a series of complete days.
    ///
    /// # Errors
    /// When the series is shorter than [`days_needed`].
    pub fn of(series: &[f64], ahead: usize) -> Result<Self, TooLittle> {
        let refuse = TooLittle { ahead, needed: days_needed(ahead), found: series.len() };
        if series.len() < refuse.needed { Err(refuse) } else { Self::look(series, ahead).ok_or(refuse) }
    }

    /// The same from any history that can be taken apart.
    fn look(series: &[f64], ahead: usize) -> Option<Self> {
        let series = &series[series.len().saturating_sub(WINDOW)..];
        let model = Model::fit(series)?;
        let (of_days, of_sums) = model.spreads(ahead);
        let origins = FIRST_ORIGIN..series.len();
        let every = origins.len().div_ceil(MOST_ORIGINS);
        let (mut day_errors, mut sum_errors) = (Vec::new(), Vec::new());
        for origin in origins.rev().step_by(every) {
            let Some(then) = Model::fit(&series[..origin]) else { continue };
            let came = &series[origin..(origin + ahead).min(series.len())];
            let mut sum = 0.0;
            let mut sums = Vec::with_capacity(came.len());
            for ((came, expected), spread) in came.iter().zip(then.path(came.len())).zip(&of_days) {
                let error = came - expected;
                day_errors.push(error.abs() / spread.max(f64::MIN_POSITIVE));
                sum += error;
                sums.push(sum);
            }
            sum_errors.push(sums);
        }
        day_errors.sort_by(f64::total_cmp);
        Some(Self {
            path: model.path(ahead),
            of_days,
            of_sums,
            day_errors,
            sum_errors,
            days: series.len(),
            never_negative: series.iter().all(|value| *value >= 0.0),
        })
    }

    /// Each of the days to come.
    pub fn days(&self) -> Vec<Ahead> {
        let factors = self.factors(&self.day_errors);
        self.path
            .iter()
            .zip(&self.of_days)
            .map(|(middle, spread)| self.around(*middle, *spread, factors))
            .collect()
    }

    /// The sum of the first `days` of them.
    pub fn sum(&self, days: usize) -> Ahead {
        let days = days.min(self.path.len());
        let Some(spread) = days.checked_sub(1).and_then(|last| self.of_sums.get(last)) else {
            return Ahead::default();
        };
        let mut errors: Vec<f64> = self
            .sum_errors
            .iter()
            // A forecast that was tested on few days says little of many.
            .filter(|sums| sums.len() >= days.min(WEEK))
            .filter_map(|sums| {
                let tested = days.min(sums.len());
                Some(sums[tested - 1].abs() / self.of_sums.get(tested - 1)?.max(f64::MIN_POSITIVE))
            })
            .collect();
        errors.sort_by(f64::total_cmp);
        let middle = self.path[..days].iter().map(|value| self.floored(*value)).sum();
        self.around(middle, *spread, self.factors(&errors))
    }

    fn factors(&self, sorted_errors: &[f64]) -> [f64; 2] {
        let freedom = (self.days as f64 / WEEK as f64 - 1.0).max(3.0);
        [(0.8, T_90), (0.95, T_975)].map(|(level, table)| {
            let count = sorted_errors.len();
            let rank = ((count + 1) as f64 * level).ceil() as usize;
            let found = sorted_errors.get(rank.min(count).saturating_sub(1)).copied().unwrap_or(0.0);
            student(freedom, &table).max(found)
        })
    }

    fn around(&self, middle: f64, spread: f64, [of_80, of_95]: [f64; 2]) -> Ahead {
        let interval =
            |factor: f64| [middle - factor * spread, middle + factor * spread].map(|end| self.floored(end));
        Ahead { expected: self.floored(middle), interval_80: interval(of_80), interval_95: interval(of_95) }
    }

    fn floored(&self, value: f64) -> f64 {
        if self.never_negative { value.max(0.0) } else { value }
    }
}

/// How often intervals held what came, when forecasts were made from earlier days of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Tested {
    /// Days summed.
    pub ahead: usize,
    /// Forecasts made.
    pub tried: u32,
    /// 80 % intervals that held the sum.
    pub held_80: u32,
    /// 95 % intervals that did.
    pub held_95: u32,
}

/// Makes forecasts of sums of `ahead` days from earlier days of a series and holds them against what came. A forecast
/// may have a week less to learn from than a real one, so that a short series can be tested at all.
pub fn tested(series: &[f64], ahead: usize) -> Tested {
    let origins = (LEAST_DAYS - WEEK)..(series.len() + 1).saturating_sub(ahead);
    let every = origins.len().div_ceil(MOST_TESTED).max(1);
    let mut tested = Tested { ahead, ..Tested::default() };
    for origin in origins.rev().step_by(every) {
        let Some(outlook) = Outlook::look(&series[..origin], ahead) else { continue };
        let came: f64 = series[origin..origin + ahead].iter().sum();
        let sum = outlook.sum(ahead);
        let holds = |[low, high]: [f64; 2]| u32::from(low <= came && came <= high);
        tested.tried += 1;
        tested.held_80 += holds(sum.interval_80);
        tested.held_95 += holds(sum.interval_95);
    }
    tested
}

/// Quantiles of Student's t by degrees of freedom, from `scipy.stats.t.ppf` 1.17.
const T_90: [(f64, f64); 9] = [
    (3.0, 1.6377),
    (4.0, 1.5332),
    (5.0, 1.4759),
    (6.0, 1.4398),
    (8.0, 1.3968),
    (10.0, 1.3722),
    (15.0, 1.3406),
    (25.0, 1.3163),
    (f64::INFINITY, 1.2816),
];
const T_975: [(f64, f64); 9] = [
    (3.0, 3.1824),
    (4.0, 2.7764),
    (5.0, 2.5706),
    (6.0, 2.4469),
    (8.0, 2.3060),
    (10.0, 2.2281),
    (15.0, 2.1314),
    (25.0, 2.0595),
    (f64::INFINITY, 1.9600),
];

/// A quantile between those of a table, evenly in the inverse of the degrees of freedom, in which it is nearly
/// straight.
fn student(freedom: f64, table: &[(f64, f64)]) -> f64 {
    for pair in table.windows(2) {
        let [(low, at_low), (high, at_high)] = [pair[0], pair[1]];
        if freedom <= high {
            let part = (1.0 / low - 1.0 / freedom) / (1.0 / low - 1.0 / high);
            return at_low + part.clamp(0.0, 1.0) * (at_high - at_low);
        }
    }
    table.last().map_or(0.0, |(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, Exp1, StandardNormal};

    #[test]
    fn a_series_that_repeats_itself_goes_on_as_it_was() {
        let week = [100.0, 110.0, 120.0, 110.0, 100.0, 60.0, 50.0];
        let series: Vec<f64> = (0..45).map(|day| week[day % 7]).collect();
        let outlook = Outlook::of(&series, 14).unwrap();
        for (place, day) in outlook.days().iter().enumerate() {
            let came = week[(45 + place) % 7];
            assert!((day.expected - came).abs() < 1e-6, "day {place}: {} instead of {came}", day.expected);
        }
        // Two weeks of 650.
        assert!((outlook.sum(14).expected - 1_300.0).abs() < 1e-6);
        assert!((outlook.sum(7).interval_95[1] - 650.0).abs() < 1e-3);
    }

    #[test]
    fn too_little_history_is_refused_and_says_how_much_it_takes() {
        let refused = Outlook::of(&[1.0; 27], 5).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a forecast of 5 days takes 28 complete days of charges; there are 27"
        );
        assert_eq!(Outlook::of(&[1.0; 60], 90).unwrap_err(), TooLittle { ahead: 90, needed: 90, found: 60 });
        assert!(Outlook::of(&[1.0; 28], 28).is_ok());
    }

    /// With alpha 0 a sum of h days has the variance σ²(h + h²/n); with alpha 1 − ε it is nearly that of a random walk,
    /// σ² Σ j². Both in closed form.
    #[test]
    fn the_spread_of_a_sum_is_that_of_the_model() {
        let model = |alpha: f64| Model {
            week: [0.0; WEEK],
            level: 0.0,
            slope: 0.0,
            alpha,
            beta: 0.0,
            sigma: 2.0,
            days: 100,
        };
        let (of_days, of_sums) = model(0.0).spreads(10);
        assert!((of_sums[9] - 2.0 * (10.0_f64 + 1.0).sqrt()).abs() < 1e-9);
        assert!((of_days[9] - 2.0 * 1.01_f64.sqrt()).abs() < 1e-9);
        let (_, of_sums) = model(1.0).spreads(4);
        // 1 + 4 + 9 + 16 = 30, and 16 ÷ 100 for the level.
        assert!((of_sums[3] - 2.0 * 30.16_f64.sqrt()).abs() < 1e-9);
    }

    /// `scipy.stats.t.ppf` 1.17 at degrees of freedom between those of the tables.
    #[test]
    fn quantiles_between_the_tables_are_right() {
        for (freedom, t_90, t_975) in [(7.0, 1.4149, 2.3646), (20.0, 1.3253, 2.0860), (3.0, 1.6377, 3.1824)] {
            assert!((student(freedom, &T_90) - t_90).abs() < 0.003, "{freedom}");
            assert!((student(freedom, &T_975) - t_975).abs() < 0.003, "{freedom}");
        }
    }

    /// One made-up bill: a week with a quiet weekend, and what happens to bills.
    fn made_up(kind: &str, days: usize, random: &mut ChaCha8Rng) -> Vec<f64> {
        let week = [1.11, 1.17, 1.22, 1.17, 1.11, 0.67, 0.55];
        let normal = |random: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(random) };
        let (mut level, mut memory) = (1_000.0, 0.0);
        (0..days)
            .map(|day| {
                let season = if kind == "flat" { 1.0 } else { week[day % 7] };
                match kind {
                    "flat" => level * (1.0 + 0.2 * normal(random)),
                    "growing" => (level + 8.0 * day as f64) * season * (1.0 + 0.08 * normal(random)),
                    "wandering" => {
                        level *= (0.02 * normal(random)).exp();
                        level * season * (1.0 + 0.05 * normal(random))
                    }
                    "stepping" => {
                        if normal(random) > 2.1 {
                            level *= (0.3 * normal(random)).exp();
                        }
                        level * season * (1.0 + 0.06 * normal(random))
                    }
                    "spiking" => {
                        let size: f64 = Exp1.sample(random);
                        let spike = if normal(random) > 1.9 { 1.5 * level * size } else { 0.0 };
                        level * season * (1.0 + 0.06 * normal(random)) + spike
                    }
                    "lasting" => {
                        memory = 0.7 * memory + 0.06 * normal(random);
                        level * season * (1.0 + memory)
                    }
                    _ => level * season * (1.0 + 0.08 * normal(random)),
                }
            })
            .collect()
    }

    /// How often the intervals of sums hold what came, over seven kinds of made-up bills: nominal 80 % and 95 %. Kinds
    /// that break every assumption (a step of 30 %, a growth that does not damp) are among them. What is found is
    /// printed with `--nocapture`.
    #[test]
    #[expect(clippy::print_stdout, reason = "shown with --nocapture")]
    fn intervals_hold_about_as_often_as_they_say() {
        let kinds = ["steady", "flat", "growing", "wandering", "stepping", "spiking", "lasting"];
        let mut random = ChaCha8Rng::seed_from_u64(20_261_122);
        for (history, ahead) in [(28, 3), (28, 15), (45, 15), (60, 30), (90, 90)] {
            let (mut held_80, mut held_95, mut tried) = (0_u32, 0_u32, 0_u32);
            for kind in kinds {
                for _ in 0..12 {
                    let series = made_up(kind, history + ahead, &mut random);
                    let sum = Outlook::of(&series[..history], ahead).unwrap().sum(ahead);
                    let came: f64 = series[history..].iter().sum();
                    let holds = |[low, high]: [f64; 2]| u32::from(low <= came && came <= high);
                    held_80 += holds(sum.interval_80);
                    held_95 += holds(sum.interval_95);
                    tried += 1;
                }
            }
            let share = |held: u32| f64::from(held) / f64::from(tried);
            let (found_80, found_95) = (share(held_80), share(held_95));
            println!(
                "{history} days, {ahead} ahead: 80 % nominal {:.0} %, 95 % nominal {:.0} %, of {tried}",
                found_80 * 100.0,
                found_95 * 100.0
            );
            // Two standard errors of 84 tries are 9 and 5 percent points.
            assert!((0.71..=0.97).contains(&found_80), "{history} days, {ahead} ahead: 80 % held {found_80}");
            assert!(found_95 >= 0.86, "{history} days, {ahead} ahead: 95 % held {found_95}");
        }
    }
}
