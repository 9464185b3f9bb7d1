//! Samples far from the rest: counted, placed in time, never removed.
//!
//! Fences are Tukey's (*Exploratory Data Analysis*, 1977): 1.5 quartile ranges beyond the quartiles for mild ones, 3
//! for severe ones, on logarithms, because latencies are skewed. Whether slow ones come in bursts is the dispersion
//! test: counts in equal windows of a run vary as much as their mean when they fall independently of each other.

use serde::{Deserialize, Serialize};

use super::Percentile;
use super::special::chi_square_99;
use crate::units::group_thousands;

/// Most places of severe outliers that are kept.
pub const MOST_PLACES: usize = 1_000;

/// Latencies between which samples are ordinary, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fences {
    /// Severely fast below this.
    pub low_severe_nanos: f64,
    /// Mildly fast below this.
    pub low_mild_nanos: f64,
    /// Mildly slow above this.
    pub high_mild_nanos: f64,
    /// Severely slow above this.
    pub high_severe_nanos: f64,
}

/// Whether slow outliers fall independently of each other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Clustering {
    /// Too few of them to tell.
    TooFew,
    /// Spread over the run as by chance.
    Scattered,
    /// In bursts: something else ran, or the machine changed its clock.
    Bursts {
        /// How many times as much as by chance the counts in windows vary.
        dispersion: f64,
    },
}

/// The outliers of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outliers {
    /// Samples looked at.
    pub samples: usize,
    /// Samples below the severe lower fence.
    pub low_severe: usize,
    /// Samples between the lower fences.
    pub low_mild: usize,
    /// Samples between the upper fences.
    pub high_mild: usize,
    /// Samples above the severe upper fence.
    pub high_severe: usize,
    /// The fences; `None` without samples.
    pub fences: Option<Fences>,
    /// Indices of the severe ones in order of time, the first [`MOST_PLACES`] of them.
    pub severe_places: Vec<usize>,
    /// Whether slow ones come in bursts.
    pub clustering: Clustering,
}

impl Outliers {
    /// Counts the outliers of a run's latencies, in nanoseconds and in order of time.
    pub fn of(latencies_nanos: &[u64]) -> Self {
        let mut sorted = latencies_nanos.to_vec();
        sorted.sort_unstable();
        Self::of_sorted(latencies_nanos, &sorted)
    }

    /// The same with the latencies at hand in order of size.
    fn of_sorted(latencies_nanos: &[u64], sorted: &[u64]) -> Self {
        let mut found = Self {
            samples: latencies_nanos.len(),
            low_severe: 0,
            low_mild: 0,
            high_mild: 0,
            high_severe: 0,
            fences: fences(sorted),
            severe_places: Vec::new(),
            clustering: Clustering::TooFew,
        };
        let Some(fences) = found.fences else { return found };
        let mut slow_places = Vec::new();
        for (index, nanos) in latencies_nanos.iter().map(|nanos| (*nanos).max(1) as f64).enumerate() {
            let severe = nanos > fences.high_severe_nanos || nanos < fences.low_severe_nanos;
            if nanos > fences.high_mild_nanos {
                slow_places.push(index);
                *(if severe { &mut found.high_severe } else { &mut found.high_mild }) += 1;
            } else if nanos < fences.low_mild_nanos {
                *(if severe { &mut found.low_severe } else { &mut found.low_mild }) += 1;
            }
            if severe && found.severe_places.len() < MOST_PLACES {
                found.severe_places.push(index);
            }
        }
        found.clustering = clustering(&slow_places, latencies_nanos.len());
        found
    }

    /// All outliers.
    pub fn count(&self) -> usize {
        self.low_severe + self.low_mild + self.high_mild + self.high_severe
    }

    /// What was found, for people.
    pub fn sentence(&self) -> String {
        let thousands = |count: usize| group_thousands(count as u128);
        let Self { samples, low_severe, low_mild, high_mild, high_severe, .. } = self;
        let of = thousands(*samples);
        if self.count() == 0 {
            return format!("No outliers among {of} samples.");
        }
        let side = |mild: usize, severe: usize, word: &str| {
            (mild + severe > 0)
                .then(|| format!("{} {word} ({} severe)", thousands(mild + severe), thousands(severe)))
        };
        let sides: Vec<String> =
            [side(*high_mild, *high_severe, "slow"), side(*low_mild, *low_severe, "fast")]
                .into_iter()
                .flatten()
                .collect();
        let share = 100.0 * self.count() as f64 / *samples as f64;
        let manner = match self.clustering {
            Clustering::TooFew => String::new(),
            Clustering::Scattered => "; the slow ones are scattered over the run".to_owned(),
            Clustering::Bursts { .. } => {
                "; the slow ones come in bursts, as when other work runs on the machine".to_owned()
            }
        };
        format!("Outliers, kept: {} of {of} samples ({share:.2} %){manner}.", sides.join(", "))
    }
}

/// Tukey's fences; a quartile range under 1 % counts as 1 %, or a clock with coarse steps would make an outlier of
/// every second value.
fn fences(sorted: &[u64]) -> Option<Fences> {
    let quarter = Percentile::from_per_mille(250)?;
    let ln = |nanos: u64| (nanos.max(1) as f64).ln();
    let (low, high) = (ln(quarter.of(sorted)?), ln(Percentile::P75.of(sorted)?));
    let range = (high - low).max(1.01_f64.ln());
    Some(Fences {
        low_severe_nanos: (low - 3.0 * range).exp(),
        low_mild_nanos: (low - 1.5 * range).exp(),
        high_mild_nanos: (high + 1.5 * range).exp(),
        high_severe_nanos: (high + 3.0 * range).exp(),
    })
}

/// The dispersion test (R. A. Fisher) at 1 %, with windows that hold five outliers on average, at most 100 of them.
fn clustering(places: &[usize], samples: usize) -> Clustering {
    let windows = (places.len() / 5).min(100);
    if windows < 4 {
        return Clustering::TooFew;
    }
    let mut counts = vec![0.0; windows];
    for place in places {
        // INVARIANT: place < samples, so the window is below `windows`.
        counts[place * windows / samples] += 1.0;
    }
    let mean = places.len() as f64 / windows as f64;
    let squares: f64 = counts.iter().map(|count: &f64| (count - mean) * (count - mean)).sum();
    let degrees = (windows - 1) as f64;
    // Counts that vary half as much again as by chance are no burst to anyone, however sure it is.
    let dispersion = squares / mean / degrees;
    if squares / mean > chi_square_99(degrees) && dispersion > 1.5 {
        Clustering::Bursts { dispersion }
    } else {
        Clustering::Scattered
    }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Source, nanos};
    use super::*;

    #[test]
    fn fences_are_tukeys_on_logarithms() {
        // 100 values e^(i/100) ms, i = 1..=100: quartiles at ranks 25 and 75 are e^0.25 and e^0.75, the range 0.5;
        // the fences lie at e^−0.5, e^1.5, e^−1.25 and e^2.25.
        let mut latencies: Vec<u64> = (1..=100).map(|index| nanos(f64::from(index) / 100.0)).collect();
        let fences = fences(&latencies).unwrap();
        for (found, wanted) in [
            (fences.low_severe_nanos, -1.25_f64),
            (fences.low_mild_nanos, -0.5),
            (fences.high_mild_nanos, 1.5),
            (fences.high_severe_nanos, 2.25),
        ] {
            assert!((found / (1e6 * wanted.exp()) - 1.0).abs() < 1e-5, "{found} {wanted}");
        }
        assert_eq!(Outliers::of(&latencies).count(), 0);
        latencies[10] = nanos(2.0);
        latencies[20] = nanos(2.5);
        latencies[30] = nanos(-3.0);
        let found = Outliers::of(&latencies);
        assert_eq!((found.low_severe, found.low_mild, found.high_mild, found.high_severe), (1, 0, 1, 1));
        assert_eq!(found.severe_places, [20, 30]);
        assert_eq!(
            found.sentence(),
            "Outliers, kept: 2 slow (1 severe), 1 fast (1 severe) of 100 samples (3.00 %)."
        );
    }

    #[test]
    fn bursts_are_told_from_scattered_outliers() {
        let mut scattered_as_bursts = 0;
        for seed in 0..200 {
            let mut source = Source::new(seed);
            let mut scattered: Vec<u64> = (0..10_000).map(|_| nanos(0.05 * source.normal())).collect();
            let mut bursty = scattered.clone();
            for _ in 0..100 {
                scattered[(10_000.0 * source.uniform()) as usize] = 5_000_000;
            }
            for _ in 0..5 {
                let start = (9_900.0 * source.uniform()) as usize;
                bursty[start..start + 20].fill(5_000_000);
            }
            scattered_as_bursts +=
                u32::from(matches!(Outliers::of(&scattered).clustering, Clustering::Bursts { .. }));
            let found = Outliers::of(&bursty);
            assert!(matches!(found.clustering, Clustering::Bursts { .. }), "seed {seed}");
            assert!(found.sentence().contains("come in bursts"));
        }
        // A test at 1 %.
        assert!(scattered_as_bursts <= 6, "{scattered_as_bursts} of 200");
    }

    #[test]
    fn nothing_and_one_value_have_no_outliers() {
        assert_eq!(Outliers::of(&[]).fences, None);
        assert_eq!(Outliers::of(&[0, 0, 0, 0]).count(), 0);
        assert_eq!(Outliers::of(&[7; 1_000]).sentence(), "No outliers among 1,000 samples.");
    }

    #[test]
    fn the_list_of_places_is_capped_and_the_count_is_not() {
        let mut latencies = vec![1_000_000; 20_000];
        latencies[..2_000].fill(9_000_000);
        let found = Outliers::of(&latencies);
        assert_eq!((found.high_severe, found.severe_places.len()), (2_000, MOST_PLACES));
    }
}
