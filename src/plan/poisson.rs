//! The Poisson distribution, accurate in both tails and for means up to 10⁹: the queueing formulas rest on it.
//!
//! Counts are `f64` because they are products of rates; only whole numbers are passed in.

use std::f64::consts::PI;

/// ln n! − ln(√(2πn)·(n/e)ⁿ) for n = 1…15; computed with 50 decimal digits.
const STIRLING_ERROR: [f64; 15] = [
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_3,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_093,
    0.016_644_691_189_821_193,
    0.013_876_128_823_070_748,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_096,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_841,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_847_5,
    0.005_554_733_551_962_801,
];

/// P(Poisson(mean) = n): Loader's saddle-point form ("Fast and Accurate Computation of Binomial
/// Probabilities", 2000), which keeps full precision where mean^n and n! overflow.
pub(super) fn probability(mean: f64, n: f64) -> f64 {
    if n < 0.0 {
        return 0.0;
    }
    if mean <= 0.0 {
        return if n == 0.0 { 1.0 } else { 0.0 };
    }
    if n == 0.0 {
        return (-mean).exp();
    }
    (-stirling_error(n) - deviance(n, mean)).exp() / (2.0 * PI * n).sqrt()
}

/// P(Poisson(mean) ≥ n). The smaller tail is summed from its largest term, so small values keep their digits.
pub(super) fn at_least(mean: f64, n: f64) -> f64 {
    if n <= 0.0 {
        1.0
    } else if mean < n {
        upper_sum(mean, n)
    } else {
        1.0 - lower_sum(mean, n - 1.0)
    }
}

/// P(Poisson(mean) ≤ n).
pub(super) fn at_most(mean: f64, n: f64) -> f64 {
    if n < 0.0 {
        0.0
    } else if mean < n + 1.0 {
        1.0 - upper_sum(mean, n + 1.0)
    } else {
        lower_sum(mean, n)
    }
}

/// Counts from which [`at_least_quick`] and [`at_most_quick`] leave the sums.
const QUICK_FROM: f64 = 64.0;

/// [`at_least`] in constant time, with a relative error below 10⁻⁶ where the result is above 10⁻⁹.
pub(super) fn at_least_quick(mean: f64, n: f64) -> f64 {
    if n < QUICK_FROM || mean <= 0.0 {
        return at_least(mean, n);
    }
    let (normal, rest) = incomplete_gamma(n, mean, -1.0);
    normal - rest
}

/// [`at_most`] in constant time, as accurate as [`at_least_quick`].
pub(super) fn at_most_quick(mean: f64, n: f64) -> f64 {
    if n < QUICK_FROM || mean <= 0.0 {
        return at_most(mean, n);
    }
    let (normal, rest) = incomplete_gamma(n + 1.0, mean, 1.0);
    normal + rest
}

/// The two parts of Temme's uniform expansion of the regularised incomplete gamma function Q(a, x), its first two
/// terms (DLMF 8.12.4 and 8.12.8–8.12.11): ½·erfc(±η·√(a/2)) and R(a, η), where ½η² = x/a − 1 − ln(x/a).
fn incomplete_gamma(a: f64, x: f64, side: f64) -> (f64, f64) {
    let exponent = deviance(a, x);
    let rise = x / a - 1.0;
    let eta = (2.0 * exponent / a).sqrt().copysign(rise);
    let (first, second) = if eta.abs() < 0.05 {
        // The same two near η = 0, where their own terms cancel.
        let first = [1.0 / 2_835.0, 1.0 / 864.0, -2.0 / 135.0, 1.0 / 12.0, -1.0 / 3.0];
        let second = [-77.0 / 77_760.0, 1.0 / 378.0, -1.0 / 288.0, -1.0 / 540.0];
        let series = |coefficients: &[f64]| coefficients.iter().fold(0.0, |sum, c| sum * eta + c);
        (series(&first), series(&second))
    } else {
        let (by_rise, by_eta) = (1.0 / rise, 1.0 / eta);
        (by_rise - by_eta, by_eta.powi(3) - by_rise.powi(3) - by_rise.powi(2) - by_rise / 12.0)
    };
    let rest = (-exponent).exp() / (2.0 * PI * a).sqrt() * (first + second / a);
    (0.5 * erfc(side * exponent.sqrt().copysign(rise)), rest)
}

/// The complementary error function with a relative error below 1.2·10⁻⁷ (the Chebyshev fit of Press et al.,
/// "Numerical Recipes", §6.2).
fn erfc(z: f64) -> f64 {
    const FIT: [f64; 10] = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let t = 1.0 / (1.0 + 0.5 * z.abs());
    let upper = t * (FIT.iter().fold(0.0, |sum, c| sum * t + c) - z * z).exp();
    if z < 0.0 { 2.0 - upper } else { upper }
}

/// Σ_{k ≥ n} of the probabilities, for mean < n: the terms fall from the first on.
fn upper_sum(mean: f64, n: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, n);
    while term > 1e-16 * sum {
        k += 1.0;
        term *= mean / k;
        sum += term;
    }
    sum * probability(mean, n)
}

/// Σ_{k ≤ n} of the probabilities, for mean ≥ n: the terms fall from the last down.
fn lower_sum(mean: f64, n: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, n);
    while k > 0.0 && term > 1e-16 * sum {
        term *= k / mean;
        sum += term;
        k -= 1.0;
    }
    sum * probability(mean, n)
}

/// What Stirling's leading terms leave of ln n!; the series is Abramowitz & Stegun 6.1.41.
fn stirling_error(n: f64) -> f64 {
    if n < 15.5 {
        return STIRLING_ERROR[n as usize - 1];
    }
    let square = n * n;
    let mut series = 1.0 / 1188.0;
    for coefficient in [1.0 / 1680.0, 1.0 / 1260.0, 1.0 / 360.0, 1.0 / 12.0] {
        series = coefficient - series / square;
    }
    series / n
}

/// x·ln(x/mean) + mean − x, without cancellation where x is near the mean (Loader's `bd0`).
fn deviance(x: f64, mean: f64) -> f64 {
    let (difference, sum) = (x - mean, x + mean);
    if difference.abs() >= 0.1 * sum {
        return x * (x / mean).ln() - difference;
    }
    let ratio = difference / sum;
    let mut total = difference * ratio;
    let mut power = 2.0 * x * ratio;
    let mut odd = 1.0;
    loop {
        power *= ratio * ratio;
        odd += 2.0;
        let next = total + power / odd;
        if next.to_bits() == total.to_bits() {
            return total;
        }
        total = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations: exact rational arithmetic with 60 digits (Python `decimal`).
    #[test]
    fn tails_keep_their_digits_on_both_sides() {
        for (mean, n, expected) in [
            (0.5, 1.0, 0.393_469_340_287_366_6),
            (3.0, 10.0, 0.001_102_488_130_115_479_8),
            (10.0, 3.0, 0.997_230_604_284_488_4),
            (25.0, 60.0, 2.112_058_441_122_689e-09),
            (100.0, 140.0, 9.164_651_426_510_291e-05),
            (100.0, 60.0, 0.999_993_658_496_572_6),
            (1000.0, 1100.0, 0.000_962_630_405_866_557_2),
            (95.0, 101.0, 0.282_331_573_305_473),
            (14.25, 16.0, 0.355_573_224_141_886_14),
        ] {
            let got = at_least(mean, n);
            assert!(
                (got / expected - 1.0_f64).abs() < 1e-11,
                "P(Poisson({mean}) ≥ {n}) = {got}, not {expected}"
            );
            let below = at_most(mean, n - 1.0);
            assert!((got + below - 1.0).abs() < 1e-12, "the tails of Poisson({mean}) at {n} do not add to 1");
        }
    }

    #[test]
    fn the_quick_tails_follow_the_sums() {
        let mut compared = 0;
        for n in [64.0_f64, 65.0, 100.0, 513.0, 4_000.0, 100_000.0] {
            for deviations in -50..=50 {
                let mean = n + f64::from(deviations) * 0.11 * n.sqrt();
                for (quick, exact) in
                    [(at_least_quick(mean, n), at_least(mean, n)), (at_most_quick(mean, n), at_most(mean, n))]
                {
                    if exact > 1e-9 {
                        assert!(
                            (quick / exact - 1.0).abs() < 1e-6,
                            "mean {mean}, n {n}: {quick}, not {exact}"
                        );
                        compared += 1;
                    }
                }
            }
        }
        assert!(compared > 1_000);
    }

    #[test]
    fn a_mean_of_zero_is_always_zero() {
        assert!((probability(0.0, 0.0) - 1.0).abs() < f64::EPSILON);
        assert!(at_least(0.0, 1.0).abs() < f64::EPSILON);
        assert!((at_most(0.0, 0.0) - 1.0).abs() < f64::EPSILON);
    }
}
