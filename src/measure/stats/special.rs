//! The few distribution functions the statistics need: regularised incomplete beta, binomial, Student's t, χ².
//!
//! Written for counts up to 10⁷ and more: the powers and gamma functions in front of the incomplete beta function
//! are combined by Loader's saddle-point form ("Fast and accurate computation of binomial probabilities", 2000), so
//! that nothing large is ever subtracted from something large; the continued fraction is evaluated by Lentz's
//! method. Must not know what a latency is.

use std::f64::consts::PI;

/// Logarithm of the gamma function for `z` > 0: Lanczos' approximation with g = 7 and nine terms, good to 15 digits.
fn ln_gamma(z: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if z < 0.5 {
        return (PI / (PI * z).sin()).ln() - ln_gamma(1.0 - z);
    }
    let z = z - 1.0;
    let sum = TERMS
        .iter()
        .enumerate()
        .fold(0.999_999_999_999_809_9, |sum, (index, term)| sum + term / (z + index as f64 + 1.0));
    let t = z + 7.5;
    0.5 * (2.0 * PI).ln() + (z + 0.5) * t.ln() - t + sum.ln()
}

/// What Stirling's formula misses: ln Γ(z) − [(z − ½) ln z − z + ½ ln 2π].
fn stirling_error(z: f64) -> f64 {
    if z < 16.0 {
        return ln_gamma(z) - (z - 0.5) * z.ln() + z - 0.5 * (2.0 * PI).ln();
    }
    let square = z * z;
    (1.0 / 12.0
        - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / (1188.0 * square)) / square) / square)
            / square)
        / z
}

/// `x` ln(`x` ÷ `mean`) + `mean` − `x`, without cancellation where both are close.
fn deviance(x: f64, mean: f64) -> f64 {
    if (x - mean).abs() >= 0.1 * (x + mean) {
        return x * (x / mean).ln() + mean - x;
    }
    let v = (x - mean) / (x + mean);
    let mut sum = (x - mean) * v;
    let mut term = 2.0 * x * v;
    for j in 1..1_000_u32 {
        term *= v * v;
        let next = sum + term / f64::from(2 * j + 1);
        if next.to_bits() == sum.to_bits() {
            break;
        }
        sum = next;
    }
    sum
}

/// The regularised incomplete beta function `I_x(a, b)` for `a`, `b` > 0; `x` outside 0..1 counts as the nearer end.
pub fn beta_regularized(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let y = 1.0 - x;
    let sum = a + b;
    let errors = stirling_error(sum) - stirling_error(a) - stirling_error(b);
    let front =
        (a * b / (2.0 * PI * sum)).sqrt() * (errors - deviance(a, sum * x) - deviance(b, sum * y)).exp();
    // The fraction converges fast on the near side of the mean only.
    if x < (a + 1.0) / (sum + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(y, b, a) / b
    }
}

/// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method. It needs about
/// √max(a, b) steps.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away_from_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut upper = 1.0;
    let mut lower = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = lower;
    for step in 1..1_000_000_u32 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        lower = 1.0 / away_from_zero(1.0 + even * lower);
        upper = away_from_zero(1.0 + even / upper);
        fraction *= lower * upper;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        lower = 1.0 / away_from_zero(1.0 + odd * lower);
        upper = away_from_zero(1.0 + odd / upper);
        let change = lower * upper;
        fraction *= change;
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    fraction
}

/// The chance of at most `successes` in `trials` trials that each succeed with `probability`.
pub fn binomial_at_most(successes: u64, trials: u64, probability: f64) -> f64 {
    if successes >= trials {
        return 1.0;
    }
    beta_regularized(1.0 - probability, (trials - successes) as f64, successes as f64 + 1.0)
}

/// The smallest count whose [`binomial_at_most`] reaches `level`.
pub fn binomial_quantile(level: f64, trials: u64, probability: f64) -> u64 {
    first_where(0, trials, |count| binomial_at_most(count, trials, probability) >= level)
}

/// The smallest value in `low..=high` for which `holds`, which must stay true once true; `high` if there is none.
pub fn first_where(low: u64, high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The value that Student's t with `degrees` of freedom stays within, on both sides, with the chance `level`
/// (0.95 with 4 degrees: 2.776).
pub fn student_two_sided(level: f64, degrees: f64) -> f64 {
    let beyond = |t: f64| beta_regularized(degrees / (degrees + t * t), 0.5 * degrees, 0.5);
    let target = (1.0 - level).clamp(1e-12, 1.0);
    let mut high = 1.0;
    while beyond(high) > target && high < 1e15 {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..80 {
        let middle = 0.5 * (low + high);
        if beyond(middle) > target {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// The value that χ² with `degrees` of freedom exceeds once in a hundred times (Wilson and Hilferty, 1931; off by
/// under 2 % from one degree on).
pub fn chi_square_99(degrees: f64) -> f64 {
    let ninth = 2.0 / (9.0 * degrees);
    degrees * (1.0 - ninth + 2.326_347_874 * ninth.sqrt()).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, wanted: f64, relative: f64) {
        assert!((found - wanted).abs() <= relative * wanted.abs(), "found {found}, wanted {wanted}");
    }

    #[test]
    fn the_incomplete_beta_function_is_scipys() {
        // scipy.special.betainc, SciPy 1.x.
        for (x, a, b, wanted) in [
            (0.5, 2.0, 3.0, 0.6875),
            (0.3, 0.5, 0.5, 0.369_010_119_565_545_36),
            (0.9, 50.0, 5.0, 0.361_447_139_727_378),
            (0.99, 9_900.0, 101.0, 0.526_562_534_058_155_6),
            (0.999, 9_990_000.0, 10_001.0, 0.502_659_581_551_752),
            (0.1, 1e6, 9e6, 0.500_112_139_232_526_6),
            (0.01, 3.0, 200.0, 0.328_761_828_961_066_1),
            (0.5, 1.5, 0.5, 0.181_690_113_816_209_36),
        ] {
            close(beta_regularized(x, a, b), wanted, 1e-9);
        }
    }

    #[test]
    fn binomial_tails_are_the_exact_sums() {
        for (trials, probability) in [(1_u64, 0.3_f64), (7, 0.5), (40, 0.01), (300, 0.1)] {
            let mut mass = (1.0 - probability).powi(trials as i32);
            let mut sum = mass;
            for count in 0..trials {
                assert!(
                    (binomial_at_most(count, trials, probability) - sum).abs() < 1e-12,
                    "{count} of {trials}"
                );
                mass *= (trials - count) as f64 / (count + 1) as f64 * probability / (1.0 - probability);
                sum += mass;
            }
            close(binomial_at_most(trials, trials, probability), 1.0, 0.0);
        }
        // scipy.stats.binom.cdf
        close(binomial_at_most(99_260, 10_000_000, 0.01), 0.009_320_288_564_853_169, 1e-7);
        close(binomial_at_most(99_000, 10_000_000, 0.01), 0.000_732_927_310_559_217, 1e-7);
    }

    #[test]
    fn students_t_is_scipys() {
        // scipy.stats.t.ppf(0.975, degrees)
        for (degrees, at_975) in [
            (1.0, 12.706_204_736_174_694),
            (2.0, 4.302_652_729_749_462),
            (4.0, 2.776_445_105_197_793_4),
            (9.0, 2.262_157_162_798_205),
            (1_000.0, 1.962_339_080_826_408_3),
        ] {
            close(student_two_sided(0.95, degrees), at_975, 1e-9);
        }
    }

    #[test]
    fn chi_square_is_the_printed_table() {
        // Abramowitz and Stegun, table 26.8: 6.635, 23.209, 76.154.
        for (degrees, wanted) in [(1.0, 6.635), (10.0, 23.209), (50.0, 76.154)] {
            close(chi_square_99(degrees), wanted, 0.02);
        }
    }
}
