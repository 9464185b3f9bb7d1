//! A profile as bars of a flame chart: values only, drawn elsewhere.
//!
//! The bar at the bottom is one run of mean length; what stands on a bar is inside it. Lengths are mean time a
//! run, so that a node called several times a run is one bar as long as all its calls.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NodeTime, Profile};

/// How nodes are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Run → operator type → node, the longest first. Nodes of sub-graphs stand with those of their type.
    OpType,
    /// Run → provider → node, in the order they run. Nodes of a sub-graph stand on the node that runs it.
    Order,
}

/// What a bar stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The whole run.
    Run,
    /// All nodes of one operator type on one provider, by its place in [`Profile::by_op`].
    Op(usize),
    /// Neighbouring nodes on one provider.
    Provider,
    /// A node, by its place in [`Profile::nodes`].
    Node(usize),
    /// Time of the run in which no node ran.
    Outside,
}

/// One bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// 0 = the run.
    pub level: u32,
    /// Left end, in nanoseconds from the start of the mean run.
    pub start_nanos: f64,
    /// Length: mean time a run, in nanoseconds.
    pub nanos: f64,
    /// What stands on the bar.
    pub label: String,
    /// What it stands for.
    pub part: Part,
    /// The runtime's own name of the provider, where there is one.
    pub provider: Option<String>,
    /// The bar it stands on, by its place in [`Flame::bars`].
    pub below: Option<usize>,
}

/// A flame chart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flame {
    /// Each bar after the one it stands on.
    pub bars: Vec<Bar>,
    /// Number of levels.
    pub levels: u32,
    /// Length of the bar at the bottom, in nanoseconds: the mean run, or the sum of its nodes where they ran at
    /// the same time and together took longer.
    pub nanos: f64,
    /// True when nodes ran at the same time, so that their bars side by side are longer than a run.
    pub concurrent: bool,
}

impl Profile {
    /// Lays the profile out; `None` when it holds no node's time.
    pub fn flame(&self, grouping: Grouping) -> Option<Flame> {
        if self.nodes.is_empty() {
            return None;
        }
        let runs = self.runs.max(1) as f64;
        let sum = self.kernel_nanos() as f64 / runs;
        let mean = self.mean_run_nanos().unwrap_or(sum);
        let mut flame = Flame { bars: Vec::new(), levels: 0, nanos: mean.max(sum), concurrent: sum > mean };
        flame.push(None, 0.0, flame.nanos, "run".to_owned(), Part::Run, None);
        let end = match grouping {
            Grouping::OpType => self.by_type(&mut flame, runs),
            Grouping::Order => self.by_order(&mut flame, runs),
        };
        let outside = flame.nanos - end;
        // Sums of floats may leave a trace of nothing.
        if outside > flame.nanos * 1e-9 {
            flame.push(Some(0), end, outside, "outside nodes".to_owned(), Part::Outside, None);
        }
        Some(flame)
    }

    fn by_type(&self, flame: &mut Flame, runs: f64) -> f64 {
        let mut members: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
        for (place, node) in self.nodes.iter().enumerate() {
            members.entry((&node.op_type, &node.provider)).or_default().push(place);
        }
        let mut at = 0.0;
        for (op_place, op) in self.by_op.iter().enumerate() {
            let nanos = op.total_nanos as f64 / runs;
            let provider = Some(op.provider.clone());
            let below = flame.push(Some(0), at, nanos, op.op_type.clone(), Part::Op(op_place), provider);
            let mut nodes = members.remove(&(&*op.op_type, &*op.provider)).unwrap_or_default();
            nodes.sort_by_key(|place| std::cmp::Reverse(self.nodes[*place].self_nanos));
            let mut inside = at;
            for place in nodes {
                let node = &self.nodes[place];
                let nanos = node.self_nanos as f64 / runs;
                flame.push_node(below, inside, nanos, place, node);
                inside += nanos;
            }
            at += nanos;
        }
        at
    }

    fn by_order(&self, flame: &mut Flame, runs: f64) -> f64 {
        let mut inner: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut outer = Vec::new();
        for (place, node) in self.nodes.iter().enumerate() {
            match node.parent {
                // A file edited by hand may say that a node is inside itself or inside a later one.
                Some(parent) if parent < place => inner[parent].push(place),
                _ => outer.push(place),
            }
        }
        let mut at = 0.0;
        for neighbours in outer.chunk_by(|a, b| self.nodes[*a].provider == self.nodes[*b].provider) {
            let nanos = |place: usize| self.nodes[place].total_nanos as f64 / runs;
            let all: f64 = neighbours.iter().map(|place| nanos(*place)).sum();
            let provider = self.nodes[neighbours[0]].provider.clone();
            let label = super::short_provider(&provider).to_owned();
            let below = flame.push(Some(0), at, all, label, Part::Provider, Some(provider));
            // Bars still to be placed: node, left end, the bar below.
            let mut waiting: Vec<(usize, f64, usize)> = Vec::new();
            let mut left = at;
            for place in neighbours {
                waiting.push((*place, left, below));
                left += nanos(*place);
            }
            waiting.reverse();
            while let Some((place, start, below)) = waiting.pop() {
                let bar = flame.push_node(below, start, nanos(place), place, &self.nodes[place]);
                let mut left = start;
                let first = waiting.len();
                for child in &inner[place] {
                    waiting.push((*child, left, bar));
                    left += nanos(*child);
                }
                waiting[first..].reverse();
            }
            at += all;
        }
        at
    }
}

impl Flame {
    fn push(
        &mut self,
        below: Option<usize>,
        start_nanos: f64,
        nanos: f64,
        label: String,
        part: Part,
        provider: Option<String>,
    ) -> usize {
        let level = below.map_or(0, |below| self.bars[below].level + 1);
        self.levels = self.levels.max(level + 1);
        self.bars.push(Bar { level, start_nanos, nanos, label, part, provider, below });
        self.bars.len() - 1
    }

    fn push_node(&mut self, below: usize, start: f64, nanos: f64, place: usize, node: &NodeTime) -> usize {
        let provider = Some(node.provider.clone());
        self.push(Some(below), start, nanos, node.name.clone(), Part::Node(place), provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, op_type: &str, provider: &str, micros: u64, inside: u64) -> NodeTime {
        NodeTime {
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            provider: provider.to_owned(),
            calls: 2,
            total_nanos: micros * 1_000,
            self_nanos: (micros - inside) * 1_000,
            ..NodeTime::default()
        }
    }

    /// Two runs of 50 µs: a (10), a loop (40, of which b takes 12 and c 16), d (20), e (10): all times of both runs.
    fn profile() -> Profile {
        let mut nodes = vec![
            node("a", "Conv", "CUDA", 10, 0),
            node("loop", "Loop", "CPU", 40, 28),
            node("b", "Conv", "CPU", 12, 0),
            node("c", "Relu", "CPU", 16, 0),
            node("d", "Relu", "CPU", 20, 0),
            node("e", "Conv", "CUDA", 10, 0),
        ];
        nodes[2].parent = Some(1);
        nodes[3].parent = Some(1);
        let mut profile =
            Profile { runs: 2, model_run_nanos: vec![50_000, 50_000], nodes, ..Profile::default() };
        profile.sum_up();
        profile
    }

    fn drawn(flame: &Flame) -> Vec<(u32, &str, f64, f64)> {
        let micros = |nanos: f64| nanos / 1_000.0;
        let bars = flame.bars.iter();
        bars.map(|bar| (bar.level, bar.label.as_str(), micros(bar.start_nanos), micros(bar.nanos))).collect()
    }

    #[test]
    fn in_order_nodes_follow_each_other_and_bodies_stand_on_their_node() {
        let flame = profile().flame(Grouping::Order).unwrap();
        assert_eq!((flame.levels, flame.concurrent), (4, false));
        assert_eq!(
            drawn(&flame),
            [
                (0, "run", 0.0, 50.0),
                (1, "CUDA", 0.0, 5.0),
                (2, "a", 0.0, 5.0),
                (1, "CPU", 5.0, 30.0),
                (2, "loop", 5.0, 20.0),
                (3, "b", 5.0, 6.0),
                (3, "c", 11.0, 8.0),
                (2, "d", 25.0, 10.0),
                (1, "CUDA", 35.0, 5.0),
                (2, "e", 35.0, 5.0),
                (1, "outside nodes", 40.0, 10.0),
            ]
        );
        for bar in &flame.bars {
            let Some(below) = bar.below.map(|below| &flame.bars[below]) else { continue };
            assert_eq!(bar.level, below.level + 1);
            assert!(bar.start_nanos + bar.nanos <= below.start_nanos + below.nanos + 1e-6, "{bar:?}");
        }
    }

    #[test]
    fn by_type_the_longest_come_first_and_each_moment_counts_once() {
        let flame = profile().flame(Grouping::OpType).unwrap();
        assert_eq!(
            drawn(&flame),
            [
                (0, "run", 0.0, 50.0),
                (1, "Relu", 0.0, 18.0),
                (2, "d", 0.0, 10.0),
                (2, "c", 10.0, 8.0),
                (1, "Conv", 18.0, 10.0),
                (2, "a", 18.0, 5.0),
                (2, "e", 23.0, 5.0),
                (1, "Conv", 28.0, 6.0),
                (2, "b", 28.0, 6.0),
                (1, "Loop", 34.0, 6.0),
                (2, "loop", 34.0, 6.0),
                (1, "outside nodes", 40.0, 10.0),
            ]
        );
    }

    #[test]
    fn nodes_at_the_same_time_widen_the_run() {
        let concurrent = Profile { model_run_nanos: vec![30_000, 30_000], ..profile() };
        let flame = concurrent.flame(Grouping::OpType).unwrap();
        assert!(flame.concurrent);
        assert!((flame.nanos - 40_000.0).abs() < 1e-6);
        assert!(flame.bars.iter().all(|bar| bar.part != Part::Outside));
        assert_eq!(Profile::default().flame(Grouping::Order), None);
    }
}
