//! Where the time of an inference goes: ONNX Runtime's own profile, node by node.
//!
//! - [`parse`] reads the profiler's JSON as a stream, `gather` adds its entries up to a [`Profile`]
//! - [`fallback`] says which nodes ran on another provider than the one asked for
//! - [`flame`] lays a profile out as bars; [`cost`] sets the operations each node needs beside its time
//!
//! Must not know how a session is made, how a chart is drawn or where files lie: a reader comes in, values go out.

pub mod cost;
mod event;
pub mod fallback;
pub mod flame;
mod gather;
pub mod parse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use fallback::percent;
pub use fallback::{Fallbacks, FallenBack, provider_words, short_provider};
pub use parse::{ProfileError, read};

/// What ONNX Runtime's profiler says of some runs of one model.
///
/// The profiler's clock counts whole microseconds, so that a node faster than that shows as 0.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Runs counted; those left out as warm-up are not among them. 0 when the profile holds no finished run.
    pub runs: u64,
    /// Runs at the start that were left out.
    pub skipped_runs: u64,
    /// Wall time of each counted run, in nanoseconds, in order of their start.
    pub model_run_nanos: Vec<u64>,
    /// Time to read the model, in nanoseconds; `None` when the profile does not say.
    pub load_nanos: Option<u64>,
    /// Time to make the session once the model is read (optimising, compiling), in nanoseconds.
    pub init_nanos: Option<u64>,
    /// Nodes in the order of their first call.
    pub nodes: Vec<NodeTime>,
    /// The same time by operator type and provider, the longest first.
    pub by_op: Vec<OpTime>,
    /// The same time by execution provider, under the runtime's own names (`CPUExecutionProvider`).
    pub providers: BTreeMap<String, ProviderTime>,
    /// Time of the counted runs during which no node ran, in nanoseconds, all runs together: preparing a run,
    /// going from node to node, writing the profile. `None` without a finished run.
    pub overhead_nanos: Option<u64>,
    /// What a GPU's own profiler added, in runtimes built with it.
    pub device: Option<DeviceTime>,
    /// What a reader of these numbers should know.
    pub warnings: Vec<String>,
}

/// One node of the graph as ONNX Runtime ran it (after its optimisations).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct NodeTime {
    /// The node's name.
    pub name: String,
    /// Operator type.
    pub op_type: String,
    /// Operator domain, where it is known; empty = ONNX's own.
    pub domain: Option<String>,
    /// The execution provider that ran it, by the runtime's own name; empty when the profile does not say.
    pub provider: String,
    /// The node (by its place in [`Profile::nodes`]) whose sub-graph this one belongs to.
    pub parent: Option<usize>,
    /// Calls in the counted runs.
    pub calls: u64,
    /// Time of all calls, in nanoseconds, that of nodes in its sub-graphs included.
    pub total_nanos: u64,
    /// Time of all calls without that of nodes in its sub-graphs, in nanoseconds. All sums are of this.
    pub self_nanos: u64,
    /// Mean time of a call, in nanoseconds.
    pub mean_nanos: f64,
    /// The call in the middle, in nanoseconds (of an even number the longer one of both).
    pub median_nanos: u64,
    /// Shortest call, in nanoseconds.
    pub min_nanos: u64,
    /// Longest call, in nanoseconds.
    pub max_nanos: u64,
    /// Inputs of the first call that are tensors, stored weights among them.
    pub inputs: Vec<TensorShape>,
    /// Outputs of the first call that are tensors.
    pub outputs: Vec<TensorShape>,
    /// True when a later call had other shapes.
    pub shapes_vary: bool,
    /// Bytes of the first call's inputs that another node or the caller made.
    pub activation_bytes: Option<u64>,
    /// Bytes of its stored weights.
    pub parameter_bytes: Option<u64>,
    /// Bytes of its outputs.
    pub output_bytes: Option<u64>,
    /// How its threads worked together, where the session had more than one.
    pub threads: Option<ThreadTime>,
    /// Time of its kernels on the device by the GPU's own profiler, in nanoseconds, all calls together.
    pub device_nanos: Option<u64>,
    /// Operations of one call, once [`cost::attach_costs`] has found them.
    pub flops: Option<u64>,
}

impl NodeTime {
    /// Bytes one call reads and writes when each tensor crosses memory once; `None` where the profiler does not see
    /// all of them, as inside a compiled node.
    pub fn bytes(&self) -> Option<u64> {
        if self.is_compiled() {
            return None;
        }
        let parts = [self.activation_bytes, self.parameter_bytes, self.output_bytes];
        parts.into_iter().try_fold(0_u64, |sum, part| sum.checked_add(part?))
    }

    /// True for the one node that stands for everything a compiling provider took over: it bears the provider's
    /// name, and the profile does not show what is inside.
    pub fn is_compiled(&self) -> bool {
        !self.provider.is_empty()
            && self.name.strip_prefix(&self.provider).is_some_and(|rest| rest.starts_with('_'))
    }

    /// True for a copy between the machine's memory and the device's, which ONNX Runtime adds where neighbours run on
    /// different ones.
    pub fn is_copy(&self) -> bool {
        matches!(self.op_type.as_str(), "MemcpyFromHost" | "MemcpyToHost")
    }
}

/// A tensor as the profiler writes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TensorShape {
    /// Element type in C's words: `float`, `int64`, `uint8`.
    pub element: String,
    /// Dimensions; empty for a scalar.
    pub dims: Vec<i64>,
}

/// How the threads of a node's calls worked together, as the calling thread saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreadTime {
    /// Calls that were measured.
    pub calls: u64,
    /// Time the calling thread worked on its own part, in nanoseconds.
    pub run_nanos: u64,
    /// Time it handed out work and waited for the others, in nanoseconds.
    pub wait_nanos: u64,
    /// Other threads of the pool.
    pub workers: u32,
}

/// The time of all nodes with one operator type on one provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OpTime {
    /// Operator type.
    pub op_type: String,
    /// Execution provider, by the runtime's own name.
    pub provider: String,
    /// Nodes.
    pub nodes: u64,
    /// Calls in the counted runs.
    pub calls: u64,
    /// Time without that of nodes in sub-graphs, in nanoseconds, all calls together.
    pub total_nanos: u64,
    /// Its part of the time of all nodes, 0 to 1.
    pub share: f64,
    /// Operations of all calls; `None` unless they are known for every node.
    pub flops: Option<u64>,
}

/// The time of all nodes on one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ProviderTime {
    /// Nodes.
    pub nodes: u64,
    /// Calls in the counted runs.
    pub calls: u64,
    /// Time without that of nodes in sub-graphs, in nanoseconds, all calls together.
    pub total_nanos: u64,
}

/// Kernels on a device, by its own profiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct DeviceTime {
    /// Kernels that ran.
    pub kernels: u64,
    /// Their time, in nanoseconds.
    pub total_nanos: u64,
}

impl Profile {
    /// Time of all nodes in the counted runs, in nanoseconds; each moment of a thread counts once.
    pub fn kernel_nanos(&self) -> u64 {
        self.nodes.iter().fold(0, |sum, node| sum.saturating_add(node.self_nanos))
    }

    /// Mean wall time of a counted run, in nanoseconds; `None` without one.
    pub fn mean_run_nanos(&self) -> Option<f64> {
        let runs = self.model_run_nanos.len();
        (runs > 0).then(|| self.model_run_nanos.iter().map(|nanos| *nanos as f64).sum::<f64>() / runs as f64)
    }

    /// Brings [`Self::by_op`] and [`Self::providers`] up to date with the nodes.
    pub(super) fn sum_up(&mut self) {
        let all = self.kernel_nanos();
        let mut by_op: BTreeMap<(&str, &str), OpTime> = BTreeMap::new();
        self.providers = BTreeMap::new();
        for node in &self.nodes {
            let NodeTime { op_type, provider, calls, self_nanos, flops, .. } = node;
            let op = by_op.entry((op_type, provider)).or_insert_with(|| OpTime {
                op_type: op_type.clone(),
                provider: provider.clone(),
                nodes: 0,
                calls: 0,
                total_nanos: 0,
                share: 0.0,
                flops: Some(0),
            });
            op.nodes += 1;
            op.calls += calls;
            op.total_nanos = op.total_nanos.saturating_add(*self_nanos);
            let work = flops.and_then(|flops| flops.checked_mul(*calls));
            op.flops = op.flops.zip(work).and_then(|(sum, work)| sum.checked_add(work));
            let ran = self.providers.entry(provider.clone()).or_default();
            ran.nodes += 1;
            ran.calls += calls;
            ran.total_nanos = ran.total_nanos.saturating_add(*self_nanos);
        }
        let mut by_op: Vec<OpTime> = by_op.into_values().collect();
        for op in &mut by_op {
            op.share = share(op.total_nanos, all);
        }
        by_op.sort_by_key(|op| std::cmp::Reverse(op.total_nanos));
        self.by_op = by_op;
    }
}

/// A part of a whole, 0 when the whole is.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
