//! Where the level of a noisy series changes: PELT, the pruned exact search of Killick, Fearnhead and Eckley
//! ("Optimal detection of changepoints with a linear computational cost", JASA 107(500), 2012).
//!
//! The cost of a segment is its sum of squared deviations from its mean over the noise variance, each change costs
//! the penalty. Must not know what the values are.

/// A place a segment may begin, until it is ruled out.
struct Candidate {
    start: usize,
    /// From this end on, a later start is at least as good.
    expires: usize,
}

/// The segments of `values` as half-open ranges that cover it: the cheapest split into pieces of at least
/// `shortest` values, where a piece costs Σ(x − mean)² ÷ `variance` + `penalty`.
pub fn segments(values: &[f64], variance: f64, penalty: f64, shortest: usize) -> Vec<(usize, usize)> {
    let count = values.len();
    let shortest = shortest.max(1);
    if count < 2 * shortest {
        return if count == 0 { Vec::new() } else { vec![(0, count)] };
    }
    // Sums from a nearby origin, so that squares do not cancel.
    let origin = values[count / 2];
    let mut sums = vec![(0.0, 0.0); count + 1];
    for (index, value) in values.iter().enumerate() {
        let (x, (sum, squares)) = (value - origin, sums[index]);
        sums[index + 1] = (sum + x, squares + x * x);
    }
    let cost = |start: usize, end: usize| {
        let (sum, squares) = (sums[end].0 - sums[start].0, sums[end].1 - sums[start].1);
        ((squares - sum * sum / (end - start) as f64) / variance).max(0.0)
    };
    let mut best = vec![f64::INFINITY; count + 1];
    let mut begins = vec![0; count + 1];
    best[0] = -penalty;
    let mut candidates = vec![Candidate { start: 0, expires: usize::MAX }];
    for end in shortest..=count {
        candidates.retain(|candidate| candidate.expires > end);
        for candidate in &candidates {
            let total = best[candidate.start] + cost(candidate.start, end) + penalty;
            if total < best[end] {
                best[end] = total;
                begins[end] = candidate.start;
            }
        }
        // A start that is dearer than changing here stays dearer, as soon as a piece from here is long enough.
        for candidate in &mut candidates {
            if best[candidate.start] + cost(candidate.start, end) >= best[end] {
                candidate.expires = candidate.expires.min(end + shortest);
            }
        }
        let start = end + 1 - shortest;
        if start >= shortest {
            candidates.push(Candidate { start, expires: usize::MAX });
        }
    }
    let mut found = Vec::new();
    let mut end = count;
    while end > 0 {
        found.push((begins[end], end));
        end = begins[end];
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::Source;
    use super::*;

    /// The cost of the cheapest split, by trying every last piece without pruning and with sums made afresh.
    fn cheapest(values: &[f64], variance: f64, penalty: f64, shortest: usize) -> f64 {
        let mut best = vec![f64::INFINITY; values.len() + 1];
        best[0] = 0.0;
        for end in shortest..=values.len() {
            for start in 0..=end - shortest {
                best[end] = best[end].min(best[start] + piece(&values[start..end], variance) + penalty);
            }
        }
        best[values.len()]
    }

    fn piece(values: &[f64], variance: f64) -> f64 {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / variance
    }

    #[test]
    fn pruning_finds_the_cheapest_split() {
        for seed in 0..40 {
            let mut source = Source::new(seed);
            let mut level = 0.0;
            let values: Vec<f64> = (0..120)
                .map(|_| {
                    if source.uniform() < 0.06 {
                        level = 3.0 * source.normal();
                    }
                    level + source.normal()
                })
                .collect();
            for shortest in [1, 2, 5] {
                let found = segments(&values, 1.0, 6.0, shortest);
                assert!(found.iter().all(|(start, end)| end - start >= shortest));
                assert!(found.windows(2).all(|pair| pair[0].1 == pair[1].0));
                let total: f64 =
                    found.iter().map(|(start, end)| piece(&values[*start..*end], 1.0) + 6.0).sum();
                let wanted = cheapest(&values, 1.0, 6.0, shortest);
                assert!((total - wanted).abs() < 1e-6, "seed {seed}, {shortest}: {total}, {wanted}");
            }
        }
    }

    #[test]
    fn a_step_is_found_where_it_is() {
        let values: Vec<f64> = (0..100).map(|index| if index < 37 { 1.0 } else { 0.0 }).collect();
        assert_eq!(segments(&values, 0.01, 10.0, 2), [(0, 37), (37, 100)]);
        assert_eq!(segments(&[], 1.0, 1.0, 2), []);
        assert_eq!(segments(&[4.0; 3], 1.0, 1.0, 2), [(0, 3)]);
    }
}
