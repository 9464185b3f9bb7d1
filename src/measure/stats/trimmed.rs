//! The mean with a fifth trimmed at each end, and its interval: Yuen, "The two-sample trimmed t for unequal population
//! variances", Biometrika 61, 1974. Values of one process may be alike, so the variance between processes makes an
//! interval of its own, and the wider one counts.

use std::collections::BTreeMap;

use super::bootstrap::mean_and_deviation;
use super::special;

/// The mean with a fifth trimmed at each end, and the half-width of its interval: the wider one of two, where
/// `processes` tells of each value which process it is of. Infinite of one value.
pub(in crate::measure) fn interval(values: &[f64], processes: Option<&[usize]>, level: f64) -> (f64, f64) {
    let winsorised = Winsorised::of(values);
    let (center, error, degrees) = winsorised.mean(values);
    let reach = error * special::student_two_sided(level, degrees);
    let between = processes.and_then(|processes| winsorised.between_processes(values, processes));
    let wider = between.map(|(error, degrees)| error * special::student_two_sided(level, degrees));
    (center, wider.map_or(reach, |wider| wider.max(reach)))
}

/// The mean with a fifth trimmed at each end, its standard error, and the degrees of freedom.
pub(super) fn trimmed(values: &[f64]) -> (f64, f64, f64) {
    Winsorised::of(values).mean(values)
}

/// Values, with the fifth at each end that is trimmed, or taken for what is next to it.
struct Winsorised {
    sorted: Vec<f64>,
    cut: usize,
}

impl Winsorised {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { cut: sorted.len() / 5, sorted }
    }

    /// The mean of what is kept, its standard error, and the degrees of freedom.
    fn mean(&self, values: &[f64]) -> (f64, f64, f64) {
        let kept = &self.sorted[self.cut..self.sorted.len() - self.cut];
        let center = kept.iter().sum::<f64>() / kept.len() as f64;
        let all: Vec<f64> = values.iter().map(|value| self.clamp(*value)).collect();
        let (_, deviation) = mean_and_deviation(&all);
        (center, self.error(deviation), (kept.len() - 1) as f64)
    }

    /// The standard error from the variance between processes (the mean square of a one-way analysis of the winsorised
    /// values), and the degrees of freedom; `None` of one process.
    fn between_processes(&self, values: &[f64], processes: &[usize]) -> Option<(f64, f64)> {
        let mut by_process: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
        for (value, process) in values.iter().zip(processes) {
            let (count, sum) = by_process.entry(*process).or_default();
            *count += 1.0;
            *sum += self.clamp(*value);
        }
        let degrees = by_process.len().checked_sub(1).filter(|degrees| *degrees > 0)? as f64;
        let mean = by_process.values().map(|(_, sum)| sum).sum::<f64>() / values.len() as f64;
        let square =
            by_process.values().map(|(count, sum)| count * (sum / count - mean).powi(2)).sum::<f64>();
        Some((self.error((square / degrees).sqrt()), degrees))
    }

    fn clamp(&self, value: f64) -> f64 {
        value.clamp(self.sorted[self.cut], self.sorted[self.sorted.len() - 1 - self.cut])
    }

    /// The standard error of the trimmed mean, from the standard deviation of the winsorised values.
    fn error(&self, deviation: f64) -> f64 {
        let count = self.sorted.len() as f64;
        let share = (self.sorted.len() - 2 * self.cut) as f64 / count;
        deviation / (share * count.sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_yuens() {
        // Ten values, two trimmed at each end: kept 3 to 8 of 1..=10, mean 5.5; winsorised 3,3,3,4,5,6,7,8,8,8 have a
        // variance of 41.5 / 9... worked out below by hand.
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        let (center, error, degrees) = trimmed(&values);
        // Squares about 5.5: 3 × 6.25 + 2.25 + 0.25 + 0.25 + 2.25 + 3 × 6.25 = 42.5; ÷ 9, root 2.173; ÷ (0.6 √10).
        assert!((center - 5.5).abs() < 1e-12 && (degrees - 5.0).abs() < 1e-12);
        assert!((error - (42.5_f64 / 9.0).sqrt() / (0.6 * 10.0_f64.sqrt())).abs() < 1e-12, "{error}");
        // Student's t of five degrees: 2.570582 at 95 %.
        let (_, reach) = interval(&values, None, 0.95);
        assert!((reach - 2.570_582 * error).abs() < 1e-4, "{reach}");
    }

    #[test]
    fn processes_that_differ_widen_the_interval() {
        // Two processes of two: means 1 and 3, mean square between 2 × (1 + 1) = 4 on one degree (t 12.7062); four
        // values are not trimmed, so the error is 2 ÷ √4 = 1.
        let values = [0.9, 1.1, 2.9, 3.1];
        let (center, reach) = interval(&values, Some(&[0, 0, 1, 1]), 0.95);
        assert!((center - 2.0).abs() < 1e-12 && (reach - 12.706_2).abs() < 1e-3, "{center} {reach}");
        // Mixed, they say nothing of processes: 0.2 in all between them is less than the values' own spread.
        let (_, mixed) = interval(&values, Some(&[0, 1, 1, 0]), 0.95);
        let (_, alone) = interval(&values, None, 0.95);
        assert!((mixed - alone).abs() < 1e-12, "{mixed} {alone}");
        // One process says nothing of others.
        assert!((interval(&values, Some(&[7; 4]), 0.95).1 - alone).abs() < 1e-12);
    }
}
