//! The order in which blocks are run: random, and fair to every lane.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Orders of rounds without end. All orders of the lanes are shuffled and used up before they come again (permuted
/// blocks, as trials in medicine are randomised), so that each lane is as often first, second, last as the others
/// and after each of the others.
pub(super) struct Orders {
    random: ChaCha8Rng,
    lanes: usize,
    left: Vec<Vec<usize>>,
}

impl Orders {
    pub(super) fn new(lanes: usize, seed: u64) -> Self {
        Self { random: ChaCha8Rng::seed_from_u64(seed), lanes, left: Vec::new() }
    }
}

impl Iterator for Orders {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        if self.left.is_empty() {
            self.left = permutations(self.lanes);
            for last in (1..self.left.len()).rev() {
                let other = self.random.next_u64() % (last as u64 + 1);
                self.left.swap(last, other as usize);
            }
        }
        self.left.pop()
    }
}

/// Every order of `0..count`.
fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for next in 0..count {
        all = all
            .iter()
            .flat_map(|shorter: &Vec<usize>| {
                (0..=shorter.len()).map(move |place| {
                    let mut longer = shorter.clone();
                    longer.insert(place, next);
                    longer
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lane_stands_at_every_place_equally_often() {
        for (lanes, orders) in [(2, 2), (3, 6)] {
            let rounds: Vec<Vec<usize>> = Orders::new(lanes, 7).take(orders * 100).collect();
            for place in 0..lanes {
                for lane in 0..lanes {
                    let count = rounds.iter().filter(|order| order[place] == lane).count();
                    assert_eq!(count, orders * 100 / lanes, "lane {lane} at place {place} of {lanes}");
                }
            }
        }
    }

    #[test]
    fn the_order_is_random_and_the_same_for_the_same_seed() {
        let first =
            |seed: u64| -> Vec<usize> { Orders::new(2, seed).take(200).map(|order| order[0]).collect() };
        assert_eq!(first(1), first(1));
        assert_ne!(first(1), first(2));
        // Neither in turn nor all alike: of 199 neighbours, equal ones come within a pair never and between pairs
        // half the time, so about 50; 30 to 70 is more than four standard deviations (√99 ÷ 2 = 5) to each side.
        let found = first(3);
        let alike = found.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!((30..=70).contains(&alike), "{alike}");
    }
}
