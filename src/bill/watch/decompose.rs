//! Takes a series of days apart: a weekly season, a trend and the rest, robustly.
//!
//! STL of Cleveland, Cleveland, McRae and Terpenning (Journal of Official Statistics 6, 1990) with a periodic season
//! of seven days and robustness weights, so that a spike stays in the rest and moves neither season nor trend. Spread
//! is the median absolute deviation, scaled to the standard deviation of a normal distribution. Pure: floats in,
//! floats out; no money.

/// Days in the season.
pub const WEEK: usize = 7;
/// What the median absolute deviation of a normal distribution is multiplied by to be its standard deviation:
/// 1 ÷ Φ⁻¹(3/4).
const MAD_TO_SIGMA: f64 = 1.482_602_218_505_602;

/// A series taken apart; each part is as long as the series, and they add up to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// What the weekday adds.
    pub season: Vec<f64>,
    /// The level.
    pub trend: Vec<f64>,
    /// What is left.
    pub remainder: Vec<f64>,
}

/// Takes a series apart; `None` when it is shorter than two weeks.
pub fn decompose(series: &[f64]) -> Option<Parts> {
    let mut how = stlrs::params();
    // A smoother much longer than the series is the same season all along; every day is fitted, none interpolated.
    how.robust(true).inner_loops(1).outer_loops(15).seasonal_length(10 * series.len() + 1).seasonal_degree(0);
    how.trend_length(11).low_pass_length(9).seasonal_jump(1).trend_jump(1).low_pass_jump(1);
    let (season, trend, remainder, _weights) = how.fit(series, WEEK).ok()?.into_parts();
    Some(Parts { season, trend, remainder })
}

impl Parts {
    /// Standard deviation of the remainder as its median absolute deviation tells it. Season and trend follow the days
    /// they are made from, so it is smaller than the spread of what made the series; see [`Self::spread`].
    pub fn scale(&self) -> f64 {
        robust_scale(&self.remainder)
    }

    /// Standard deviation of what is neither season nor trend in what made the series: the remainder's, over what is left
    /// of independent days in a series as long.
    pub fn spread(&self) -> f64 {
        let Chance { left, .. } = Chance::of(self.season.len());
        self.scale() / left.sqrt()
    }

    /// What each day of the last week added, from the one a week before the end on, drawn towards nothing as far as
    /// chance alone would give it (James and Stein's positive-part factor, over what chance is known to give): a bill
    /// without a weekly season must not get one.
    pub fn last_week(&self) -> [f64; WEEK] {
        let mut week = [0.0; WEEK];
        let days = self.season.len();
        if days < WEEK {
            return week;
        }
        week.copy_from_slice(&self.season[days - WEEK..]);
        let power = week.iter().map(|day| day * day).sum::<f64>() / WEEK as f64;
        let noise = self.spread().powi(2) * Chance::of(days).season;
        let kept = if power > 0.0 { (1.0 - noise / power).max(0.0) } else { 0.0 };
        week.map(|day| day * kept)
    }
}

/// What taking a series of independent normal days of variance 1 apart leaves and finds, on average. Robustness weights
/// make short series fit themselves much closer than degrees of freedom would tell.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Chance {
    /// [`Parts::scale`], squared.
    left: f64,
    /// Mean square of the last week of the season, which there is none of.
    season: f64,
}

/// Means of 6,000 seeded series of each length: days, `left`, `season` times days. The tests make some of them again.
const CHANCE: [(f64, f64, f64); 15] = [
    (14.0, 0.3800, 8.2855),
    (17.0, 0.3338, 8.9093),
    (21.0, 0.2865, 9.3668),
    (24.0, 0.3342, 9.5058),
    (28.0, 0.3940, 9.2363),
    (35.0, 0.4461, 9.0640),
    (42.0, 0.4767, 8.9804),
    (49.0, 0.5122, 8.7162),
    (56.0, 0.5317, 8.5770),
    (70.0, 0.5631, 8.3065),
    (84.0, 0.5857, 8.0060),
    (91.0, 0.5942, 7.9108),
    (112.0, 0.6109, 7.7331),
    (140.0, 0.6284, 7.5854),
    (182.0, 0.6432, 7.4302),
];

impl Chance {
    /// Between the lengths of the table evenly in the inverse of the days; as at its ends beyond them.
    fn of(days: usize) -> Self {
        let days = days as f64;
        let at = |left: f64, season: f64| Self { left, season: season / days };
        for pair in CHANCE.windows(2) {
            let [(low, left, season), (high, also_left, also_season)] = [pair[0], pair[1]];
            if days <= high {
                let part = ((1.0 / low - 1.0 / days) / (1.0 / low - 1.0 / high)).clamp(0.0, 1.0);
                return at(left + part * (also_left - left), season + part * (also_season - season));
            }
        }
        let (_, left, season) = CHANCE[CHANCE.len() - 1];
        at(left, season)
    }
}

/// The median; 0 without values.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        count if count % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Standard deviation from the median absolute deviation from the median.
pub fn robust_scale(values: &[f64]) -> f64 {
    let middle = median(values);
    let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    MAD_TO_SIGMA * median(&away)
}

/// Days without a value get the median of the same weekday.
pub fn filled(series: &[Option<f64>]) -> Vec<f64> {
    let known: Vec<f64> = series.iter().flatten().copied().collect();
    let all = median(&known);
    let by_day: Vec<f64> = (0..WEEK)
        .map(|day| {
            let same: Vec<f64> = series.iter().skip(day).step_by(WEEK).flatten().copied().collect();
            if same.is_empty() { all } else { median(&same) }
        })
        .collect();
    series.iter().enumerate().map(|(place, value)| value.unwrap_or(by_day[place % WEEK])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// 100 + day, a weekday's part, a remainder without pattern, and a spike of 80 on day 20.
    fn series() -> Vec<f64> {
        let week = [0.0, 5.0, 8.0, 6.0, 2.0, -9.0, -12.0];
        (0..35)
            .map(|day: i32| {
                let spike = if day == 20 { 80.0 } else { 0.0 };
                f64::from(100 + day + (day * 37) % 11 - 5) + week[day as usize % 7] + spike
            })
            .collect()
    }

    /// `statsmodels` 0.15: `STL(y, period=7, seasonal=351, trend=11, low_pass=9, seasonal_deg=0,
    /// robust=True).fit(inner_iter=1, outer_iter=15)`; the spread by `scipy.stats.median_abs_deviation(…,
    /// scale='normal')` of its residuals.
    #[test]
    fn the_parts_are_those_of_another_program() {
        let parts = decompose(&series()).unwrap();
        for (day, season, trend, rest) in [
            (0, -1.852_242_384, 97.888_347_089, -1.036_104_705),
            (6, -10.518_749_761, 106.891_960_389, -5.373_210_628),
            (20, -10.518_739_415, 121.045_059_983, 75.473_679_432),
            (34, -10.518_716_179, 131.684_442_354, -0.165_726_175),
        ] {
            let found = (parts.season[day], parts.trend[day], parts.remainder[day]);
            assert!((found.0 - season).abs() < 1e-6, "season of day {day}: {found:?}");
            assert!((found.1 - trend).abs() < 1e-6, "trend of day {day}: {found:?}");
            assert!((found.2 - rest).abs() < 1e-6, "rest of day {day}: {found:?}");
        }
        assert!((parts.scale() - 3.591_134_146).abs() < 1e-6, "{}", parts.scale());
    }

    #[test]
    fn two_weeks_are_the_least() {
        assert!(decompose(&series()[..13]).is_none());
        assert!(decompose(&series()[..14]).is_some());
    }

    fn chance(days: usize, seed: u64) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        (0..days).map(|_| StandardNormal.sample(&mut random)).collect()
    }

    /// Of chance alone, χ² of six degrees over its mean: E[√x (1 − 6 ÷ x)⁺] ÷ E[√x] = 0.17 (`scipy.integrate.quad`) is
    /// what the factor would leave with the spread known; short series leave more, a season of force is kept.
    #[test]
    fn only_a_season_beyond_chance_is_kept() {
        let size = |week: &[f64]| week.iter().map(|day| day.abs()).sum::<f64>();
        for (days, most) in [(28, 0.40), (56, 0.32), (182, 0.25)] {
            let (mut kept, mut raw) = (0.0, 0.0);
            for seed in 0..300 {
                let parts = decompose(&chance(days, seed)).unwrap();
                kept += size(&parts.last_week());
                raw += size(&parts.season[days - WEEK..]);
            }
            assert!(kept < most * raw, "{days} days: {:.3}", kept / raw);
        }
        let parts = decompose(&series()).unwrap();
        // Its mean square is some 48, and chance alone gives 7.5 to a series that spreads by 5.4.
        assert!(size(&parts.last_week()) > 0.8 * size(&parts.season[28..]), "{:?}", parts.last_week());
    }

    /// Other seeds than those of the table; of variance 4, so that the unit shows.
    #[test]
    fn the_spread_is_that_of_what_made_the_series() {
        for days in [21, 28, 40, 90] {
            let (mut spread, mut season) = (0.0, 0.0);
            for seed in 0..400 {
                let series: Vec<f64> = chance(days, 1_000_000 + seed).iter().map(|day| 2.0 * day).collect();
                let parts = decompose(&series).unwrap();
                spread += parts.spread().powi(2) / 400.0;
                let week = parts.season[days - WEEK..].iter().map(|day| day * day).sum::<f64>();
                season += week / WEEK as f64 / 400.0;
            }
            assert!((spread / 4.0 - 1.0).abs() < 0.12, "{days} days: {spread}");
            let told = 4.0 * Chance::of(days).season;
            assert!((season / told - 1.0).abs() < 0.12, "{days} days: {season} and not {told}");
        }
    }

    #[test]
    fn a_missing_day_gets_what_its_weekday_costs() {
        let mut days: Vec<Option<f64>> = (0..21).map(|day| Some(f64::from(day % 7))).collect();
        days[9] = None;
        assert!((filled(&days)[9] - 2.0).abs() < f64::EPSILON);
        assert!(filled(&[None, None]).iter().all(|value| *value == 0.0));
    }
}
