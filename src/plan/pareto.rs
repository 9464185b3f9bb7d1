//! The Pareto front of two goals.

/// For each point (smaller is better, larger is better) whether no other point is at least as good in both
/// and better in one. Equal points stand or fall together; a point with a NaN is never on the front and beats
/// nobody. O(n log n).
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<bool> {
    let mut order: Vec<usize> =
        (0..points.len()).filter(|&i| !points[i].0.is_nan() && !points[i].1.is_nan()).collect();
    // By the first goal, best first; among equals by the second, best first. NaN is gone: all pairs compare.
    order.sort_unstable_by(|&a, &b| {
        let ((x_a, y_a), (x_b, y_b)) = (points[a], points[b]);
        x_a.partial_cmp(&x_b)
            .unwrap_or(std::cmp::Ordering::Equal)
            .then(y_b.partial_cmp(&y_a).unwrap_or(std::cmp::Ordering::Equal))
    });
    let mut front = vec![false; points.len()];
    let mut last_on_front: Option<(f64, f64)> = None;
    for index in order {
        let point = points[index];
        if last_on_front.is_none_or(|last| point.1 > last.1 || point == last) {
            front[index] = true;
            last_on_front = Some(point);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_points_that_nothing_beats_are_on_the_front() {
        let points = [(1.0, 10.0), (2.0, 30.0), (2.0, 20.0), (3.0, 30.0), (4.0, 31.0), (0.5, 1.0)];
        assert_eq!(pareto_front(&points), [true, true, false, false, true, true]);
    }

    #[test]
    fn equal_points_share_their_place_and_nan_has_none() {
        let points =
            [(1.0, 5.0), (1.0, 5.0), (f64::NAN, 9.0), (0.0, f64::NAN), (1.0, 4.0), (-0.0, 2.0), (0.0, 2.0)];
        assert_eq!(pareto_front(&points), [true, true, false, false, false, true, true]);
        assert!(pareto_front(&[]).is_empty());
    }

    /// The definition itself, in O(n²), on a grid with many ties.
    #[test]
    fn the_sweep_equals_the_definition() {
        let mut seed = 7_u64;
        let mut next = move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((seed >> 33) as u32 % 12)
        };
        for _ in 0..50 {
            let points: Vec<(f64, f64)> = (0..60).map(|_| (next(), next())).collect();
            let slow: Vec<bool> =
                points.iter().map(|p| !points.iter().any(|q| q.0 <= p.0 && q.1 >= p.1 && q != p)).collect();
            assert_eq!(pareto_front(&points), slow);
        }
    }
}
