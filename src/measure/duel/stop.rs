//! When a race has run enough: looked at seldom, since whoever looks often enough sees an interval that is narrow by
//! chance.

/// Sets of a process before its own interval is looked at.
const FIRST_LOOK: u32 = 2;
/// Sets of a race at least, before it counts as precise.
const LEAST_SETS: u32 = 5;
/// How much narrower a process's own interval is to be than the one asked for: what differs between processes comes
/// on top.
pub(super) const WITHIN_PROCESS: f64 = 0.75;

/// Whether to look at a process's own interval after so many of its sets: 2, 3, 5, 8, 13 …, so that all looks together
/// take no longer than a few. A race of one process has no others to come and waits for more.
pub(super) fn is_look(sets: u32, processes_asked: u32) -> bool {
    let (mut one, mut next) = (FIRST_LOOK, FIRST_LOOK + 1);
    while one < sets {
        (one, next) = (next, one + next);
    }
    one == sets && (processes_asked > 1 || sets >= LEAST_SETS)
}

/// Whether a race of so many sets may end because its interval is narrow.
pub(super) fn may_end(sets: u32) -> bool {
    sets >= LEAST_SETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::stats::synthetic::Source;
    use crate::measure::stats::trimmed_interval;

    #[test]
    fn looks_become_rare() {
        let looks: Vec<u32> = (0..60).filter(|sets| is_look(*sets, 4)).collect();
        assert_eq!(looks, [2, 3, 5, 8, 13, 21, 34, 55]);
        let alone: Vec<u32> = (0..20).filter(|sets| is_look(*sets, 1)).collect();
        assert_eq!(alone, [5, 8, 13]);
    }

    /// The centre and half-width that a race ends with, as [`super::super::run`] goes about it, whose sets have a true
    /// centre of 0, differ by `sets_differ` within a process and by `processes_differ` between processes (in percent).
    fn race(asked: u32, processes_differ: f64, sets_differ: f64, source: &mut Source) -> (f64, f64) {
        const WITHIN: f64 = 1.0;
        const MOST_SETS: u32 = 4;
        const MOST_PROCESSES: u32 = 16;
        let (mut centers, mut processes) = (Vec::new(), Vec::new());
        for process in 0.. {
            let (first, own) = (centers.len(), processes_differ * source.normal());
            for sets in 1..=MOST_SETS {
                centers.push(own + sets_differ * source.normal());
                processes.push(process as usize);
                let narrow = || trimmed_interval(&centers[first..], None, 0.95).1 <= WITHIN * WITHIN_PROCESS;
                if is_look(sets, asked) && narrow() {
                    break;
                }
            }
            let (center, reach) = trimmed_interval(&centers, Some(&processes), 0.95);
            let made = process + 1;
            let is_precise = may_end(centers.len() as u32) && reach <= WITHIN;
            if made >= asked && (is_precise || made >= MOST_PROCESSES) {
                return (center, reach);
            }
        }
        unreachable!("the loop has no end")
    }

    /// How many of so many intervals hold the truth.
    fn held(races: u64, asked: u32, processes_differ: f64, sets_differ: f64) -> usize {
        (0..races)
            .filter(|seed| {
                let (center, reach) = race(asked, processes_differ, sets_differ, &mut Source::new(*seed));
                center.abs() <= reach
            })
            .count()
    }

    #[test]
    fn intervals_of_races_that_stop_when_narrow_hold_the_truth_though_processes_differ() {
        for processes_differ in [0.0, 0.3, 0.6] {
            let held = held(300, 4, processes_differ, 0.3);
            assert!((270..=297).contains(&held), "{processes_differ}: {held} of 300");
        }
    }

    #[test]
    #[ignore = "the numbers in the documentation of stats::ratio"]
    fn coverage_with_the_stopping_rule_is_as_stated() {
        let found = [0.0, 0.15, 0.3, 0.6].map(|differ| held(1_000, 4, differ, 0.3));
        let stated = [961, 961, 942, 929];
        let near = |(found, stated): (&usize, usize)| found.abs_diff(stated) <= 5;
        assert!(found.iter().zip(stated).all(near), "{found:?}, stated {stated:?}");
    }
}
