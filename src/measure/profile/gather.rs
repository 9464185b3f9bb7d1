//! Adds the entries of a profile up: which node ran in which run, what is nested in what, how long each took.
//!
//! Entries come in order of their ends (ONNX Runtime up to 1.31) or of their starts (builds whose GPU profilers
//! need that), so nothing here depends on the order of the file but ties. Of each call only start, length, thread and node
//! are kept; the rest of an entry is added up or thrown away at once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::event::{Args, Event, Scheduling};
use super::parse::ProfileError;
use super::{DeviceTime, NodeTime, Profile, ThreadTime};
use crate::units;

/// Most entries that are kept: twice what ONNX Runtime writes unless told otherwise; 80 MiB.
pub(super) const MOST_ENTRIES: usize = 1 << 21;
/// Most different nodes.
pub(super) const MOST_NODES: usize = 500_000;
/// Where ONNX Runtime's profiler stops unless told otherwise (`global_max_num_events_` in its `profiler.cc`).
const RECORDED_AT_MOST: u64 = 1_000_000;
/// Ends the name of a node's entry.
const KERNEL_TIME: &str = "_kernel_time";
/// Providers whose nodes only start work on a device and return.
const ASYNCHRONOUS: [&str; 6] = ["CUDA", "Tensorrt", "NvTensorRTRTX", "ROCM", "MIGraphX", "Dml"];
/// One tick of the profiler's clock, in nanoseconds.
const TICK_NANOS: u64 = 1_000;
/// In place of a node: the executor's own entry, one for each graph or sub-graph that is run.
const EXECUTOR: u32 = u32::MAX;
/// No such run, no such node.
const NONE: u32 = u32::MAX;

/// An entry as it is kept.
#[derive(Debug, Clone, Copy)]
struct Call {
    start: u64,
    nanos: u64,
    thread: u32,
    node: u32,
    run: u32,
    /// Time on the calling thread, in microseconds; [`NONE`] = not said.
    own_micros: u32,
    wait_micros: u32,
}

impl Call {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.nanos)
    }

    /// True when `inner` lies in this call. Starts and lengths are cut to whole ticks, so that an inner end may
    /// seem one tick later.
    fn holds(&self, inner: &Self) -> bool {
        inner.start >= self.start
            && inner.start < self.end()
            && inner.end() <= self.end().saturating_add(TICK_NANOS)
    }
}

/// One run of the model.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u64,
    nanos: u64,
    thread: u32,
}

impl Run {
    fn end(&self) -> u64 {
        self.start.saturating_add(self.nanos)
    }

    fn holds(&self, call: &Call) -> bool {
        call.start >= self.start && call.start <= self.end()
    }
}

/// A device's kernel.
#[derive(Debug)]
struct Kernel {
    start: u64,
    nanos: u64,
    parent: u32,
}

/// What has been read so far.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// Entries read, those passed over included.
    pub entries: u64,
    pub warnings: Vec<String>,
    /// Why reading stopped.
    pub full: Option<ProfileError>,
    keys: HashMap<(String, String, String, Option<u64>), u32>,
    nodes: Vec<NodeTime>,
    shapes: Vec<u64>,
    threads: HashMap<u64, u32>,
    calls: Vec<Call>,
    runs: Vec<Run>,
    kernels: Vec<Kernel>,
    parents: HashMap<String, u32>,
    load: Option<u64>,
    init: Option<u64>,
}

impl Gather {
    /// True once something was seen that only ONNX Runtime writes.
    pub fn is_profile(&self) -> bool {
        !self.calls.is_empty() || !self.runs.is_empty() || self.load.is_some() || self.init.is_some()
    }

    /// Takes one entry in.
    pub fn entry(&mut self, event: Event) -> Result<(), String> {
        self.entries += 1;
        let Event { cat, name, ph, tid, ts, dur, args } = event;
        let wanted = matches!(cat.as_str(), "Session" | "Node" | "Kernel");
        if ph != "X" || !wanted {
            return Ok(());
        }
        let (Some(ts), Some(dur)) = (ts, dur) else {
            return Err(format!("the entry `{name}` has no start or no length (`ts`, `dur`)"));
        };
        let (start, nanos) = (ts.nanos, dur.nanos);
        if self.calls.len() + self.runs.len() + self.kernels.len() >= MOST_ENTRIES {
            return Err(self.stop(ProfileError::ManyEntries));
        }
        let threads = self.threads.len() as u32;
        let thread = *self.threads.entry(tid.0.unwrap_or(0)).or_insert(threads);
        let call =
            Call { start, nanos, thread, node: EXECUTOR, run: NONE, own_micros: NONE, wait_micros: NONE };
        match cat.as_str() {
            "Node" => {
                // Older versions also time the fences around a node; its own time is all that counts.
                if let Some(node) = name.strip_suffix(KERNEL_TIME) {
                    return self.node_call(node, args, call);
                }
            }
            "Kernel" => {
                let parents = self.parents.len() as u32;
                let parent = args.parent_name.unwrap_or_default();
                let parent = parent.strip_suffix(KERNEL_TIME).unwrap_or(&parent).to_owned();
                let parent = *self.parents.entry(parent).or_insert(parents);
                self.kernels.push(Kernel { start, nanos, parent });
            }
            _ if name == "model_run" => self.runs.push(Run { start, nanos, thread }),
            _ if name == "session_initialization" => add(&mut self.init, nanos),
            _ if name.starts_with("model_loading") => add(&mut self.load, nanos),
            _ if name.ends_with("Executor::Execute") => self.calls.push(call),
            _ => {}
        }
        Ok(())
    }

    fn stop(&mut self, why: ProfileError) -> String {
        let text = why.to_string();
        self.full = Some(why);
        text
    }

    fn node_call(&mut self, name: &str, args: Args, mut call: Call) -> Result<(), String> {
        let Args { op_name, domain, provider, node_index, .. } = args;
        let key = (name.to_owned(), op_name, provider, node_index.0);
        let inputs = args.input_type_shape.shapes();
        let outputs = args.output_type_shape.shapes();
        let mut hasher = DefaultHasher::new();
        (&inputs, &outputs).hash(&mut hasher);
        let shapes = hasher.finish();
        call.node = if let Some(place) = self.keys.get(&key) {
            let node = &mut self.nodes[*place as usize];
            node.shapes_vary |= self.shapes[*place as usize] != shapes;
            *place
        } else {
            if self.nodes.len() >= MOST_NODES {
                return Err(self.stop(ProfileError::ManyNodes));
            }
            let place = self.nodes.len() as u32;
            self.nodes.push(NodeTime {
                name: name.to_owned(),
                op_type: key.1.clone(),
                domain,
                provider: key.2.clone(),
                min_nanos: u64::MAX,
                inputs,
                outputs,
                activation_bytes: args.activation_size.0,
                parameter_bytes: args.parameter_size.0,
                output_bytes: args.output_size.0,
                ..NodeTime::default()
            });
            self.shapes.push(shapes);
            self.keys.insert(key, place);
            place
        };
        if let Some(Scheduling { main_thread, sub_threads }) = args.thread_scheduling_stats.good() {
            let waits = [
                main_thread.distribution,
                main_thread.distribution_enqueue,
                main_thread.wait,
                main_thread.wait_revoke,
            ];
            let wait = waits.iter().fold(0_u64, |sum, part| sum.saturating_add(part.0.unwrap_or(0)));
            let micros = |count: u64| u32::try_from(count).unwrap_or(NONE - 1).min(NONE - 1);
            call.own_micros = micros(main_thread.run.0.unwrap_or(0));
            call.wait_micros = micros(wait);
            let threads = self.nodes[call.node as usize].threads.get_or_insert_default();
            threads.workers = threads.workers.max(sub_threads.len() as u32);
        }
        self.calls.push(call);
        Ok(())
    }

    /// Leaves out the first `skip` runs and adds the rest up.
    pub fn finish(mut self, skip: u64) -> Result<Profile, ProfileError> {
        self.runs.sort_by_key(|run| run.start);
        let finished = self.runs.len() as u64;
        if skip > 0 && skip >= finished {
            return Err(ProfileError::AllSkipped { runs: finished, skip });
        }
        let overlapping = self.runs.windows(2).any(|pair| pair[1].start < pair[0].end());
        let outside = self.place_in_runs(overlapping);
        let inner = self.nest();
        let outermost = self.add_calls(&inner, skip as u32);
        let kept = &self.runs[skip as usize..];
        let from = kept.first().map_or(0, |run| run.start);
        let device = self.add_kernels(from);
        let kept = &self.runs[skip as usize..];
        let mut profile = Profile {
            runs: kept.len() as u64,
            skipped_runs: skip,
            model_run_nanos: kept.iter().map(|run| run.nanos).collect(),
            load_nanos: self.load,
            init_nanos: self.init,
            overhead_nanos: (!kept.is_empty()).then(|| idle(kept, skip as u32, outermost)),
            device,
            ..Profile::default()
        };
        self.warn(outside, overlapping);
        profile.warnings = self.warnings;
        profile.nodes = in_order(self.nodes, self.calls, self.runs.is_empty(), skip as u32);
        profile.sum_up();
        let outliers = profile.outliers();
        profile.warnings.extend(outliers);
        Ok(profile)
    }

    fn warn(&mut self, outside: u64, overlapping: bool) {
        if self.entries == RECORDED_AT_MOST {
            self.warnings.push(
                "the profile holds 1,000,000 entries, where ONNX Runtime stops recording: later runs are missing"
                    .to_owned(),
            );
        }
        if self.runs.is_empty() {
            self.warnings.push(
                "the profile holds no finished run: the times are those of an unfinished one".to_owned(),
            );
        } else if outside > 0 {
            self.warnings.push(format!(
                "{outside} calls of nodes belong to no finished run and are left out (a run was stopped)"
            ));
        }
        if overlapping {
            self.warnings.push(
                "runs overlap: several callers used the session at once, so that nodes also waited for each other"
                    .to_owned(),
            );
        }
        let calls = self.calls.iter().filter(|call| call.node != EXECUTOR);
        let (all, short) =
            calls.fold((0_u64, 0_u64), |(all, short), call| (all + 1, short + u64::from(call.nanos == 0)));
        if short > 0 {
            self.warnings.push(format!(
                "{short} of {all} calls took less than the profiler's clock can tell (1 µs) and count as 0"
            ));
        }
        let device = self
            .nodes
            .iter()
            .find(|node| ASYNCHRONOUS.iter().any(|device| node.provider.starts_with(device)));
        if let Some(node) = device
            && self.kernels.is_empty()
        {
            self.warnings.push(format!(
                "times of nodes on {} are those of starting their work: the device may still be at it when the \
                 next node starts",
                super::provider_words(&node.provider)
            ));
        }
    }

    /// Writes into each call the run it belongs to; says how many nodes' calls belong to none.
    fn place_in_runs(&mut self, overlapping: bool) -> u64 {
        let Self { runs, calls, .. } = self;
        let mut by_thread: HashMap<u32, Vec<u32>> = HashMap::new();
        if overlapping {
            for (place, run) in runs.iter().enumerate() {
                by_thread.entry(run.thread).or_default().push(place as u32);
            }
        }
        let mut outside = 0;
        for call in calls {
            let own = by_thread.get(&call.thread).and_then(|places| {
                let after = places.partition_point(|place| runs[*place as usize].start <= call.start);
                let place = *places.get(after.checked_sub(1)?)?;
                runs[place as usize].holds(call).then_some(place)
            });
            // Earlier runs may last longer than later ones, but not many are open at once.
            let after = runs.partition_point(|run| run.start <= call.start);
            let any = || (0..after).rev().take(64).find(|place| runs[*place].holds(call));
            match own.or_else(|| any().map(|place| place as u32)) {
                Some(place) => call.run = place,
                None => outside += u64::from(call.node != EXECUTOR),
            }
        }
        outside
    }

    /// For each call, the call of the node whose sub-graph it ran in.
    ///
    /// A node ran inside another when the executor was entered in between: that tells a body from a neighbour
    /// whose start and end are the same microsecond.
    fn nest(&mut self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.calls.len() as u32).collect();
        let calls = &self.calls;
        order.sort_by_key(|place| {
            let call = &calls[*place as usize];
            // Of two with the same start and length the outer one ended, and was written, later.
            (call.thread, call.start, std::cmp::Reverse(call.nanos), std::cmp::Reverse(*place))
        });
        let mut parents = vec![NONE; calls.len()];
        let mut open: Vec<u32> = Vec::new();
        for place in order {
            let call = &calls[place as usize];
            while let Some(last) = open.last() {
                let outer = &calls[*last as usize];
                if outer.thread == call.thread && outer.holds(call) {
                    break;
                }
                open.pop();
            }
            if call.node != EXECUTOR {
                let is_executor = |place: &&u32| calls[**place as usize].node == EXECUTOR;
                let below = open.iter().rev().skip_while(|place| !is_executor(place));
                if let Some(parent) = below.skip(1).find(|place| !is_executor(place)) {
                    parents[place as usize] = *parent;
                }
            }
            open.push(place);
        }
        parents
    }

    /// Adds the calls of the counted runs to their nodes; gives those that are in no sub-graph.
    fn add_calls(&mut self, inner: &[u32], skip: u32) -> Vec<Call> {
        let unfinished = self.runs.is_empty();
        let mut outermost = Vec::new();
        for (call, parent) in self.calls.iter().zip(inner) {
            if call.node == EXECUTOR || !counts(call, unfinished, skip) {
                continue;
            }
            let node = &mut self.nodes[call.node as usize];
            node.calls += 1;
            node.total_nanos = node.total_nanos.saturating_add(call.nanos);
            node.self_nanos = node.self_nanos.saturating_add(call.nanos);
            node.min_nanos = node.min_nanos.min(call.nanos);
            node.max_nanos = node.max_nanos.max(call.nanos);
            if call.own_micros != NONE {
                let ThreadTime { calls, run_nanos, wait_nanos, .. } = node.threads.get_or_insert_default();
                *calls += 1;
                *run_nanos += u64::from(call.own_micros) * TICK_NANOS;
                *wait_nanos += u64::from(call.wait_micros) * TICK_NANOS;
            }
            if *parent == NONE {
                outermost.push(*call);
            } else {
                node.parent = Some(self.calls[*parent as usize].node as usize);
            }
        }
        // A parent may come before or after what is in it.
        for (call, parent) in self.calls.iter().zip(inner) {
            if *parent != NONE && counts(call, unfinished, skip) {
                let parent = &mut self.nodes[self.calls[*parent as usize].node as usize];
                parent.self_nanos = parent.self_nanos.saturating_sub(call.nanos);
            }
        }
        outermost
    }

    /// Adds the device's kernels that started at `from` or later.
    fn add_kernels(&mut self, from: u64) -> Option<DeviceTime> {
        if self.kernels.is_empty() {
            return None;
        }
        let mut each = vec![0_u64; self.parents.len()];
        let mut device = DeviceTime::default();
        for kernel in self.kernels.iter().filter(|kernel| kernel.start >= from) {
            device.kernels += 1;
            device.total_nanos = device.total_nanos.saturating_add(kernel.nanos);
            let sum = &mut each[kernel.parent as usize];
            *sum = sum.saturating_add(kernel.nanos);
        }
        for node in &mut self.nodes {
            node.device_nanos = self.parents.get(&node.name).map(|place| each[*place as usize]);
        }
        Some(device)
    }
}

fn add(sum: &mut Option<u64>, nanos: u64) {
    *sum = Some(sum.unwrap_or(0).saturating_add(nanos));
}

fn counts(call: &Call, unfinished: bool, skip: u32) -> bool {
    unfinished || (call.run != NONE && call.run >= skip)
}

/// Nodes that were called, in the order of their first counted call, with their means and medians.
fn in_order(mut nodes: Vec<NodeTime>, mut calls: Vec<Call>, unfinished: bool, skip: u32) -> Vec<NodeTime> {
    calls.retain(|call| call.node != EXECUTOR && counts(call, unfinished, skip));
    let mut first = vec![u64::MAX; nodes.len()];
    for call in &calls {
        let start = &mut first[call.node as usize];
        *start = call.start.min(*start);
    }
    calls.sort_unstable_by_key(|call| (call.node, call.nanos));
    for same in calls.chunk_by(|a, b| a.node == b.node) {
        nodes[same[0].node as usize].median_nanos = same[same.len() / 2].nanos;
    }
    let mut order: Vec<usize> = (0..nodes.len()).filter(|place| nodes[*place].calls > 0).collect();
    // What is inside another starts at the same tick at the earliest.
    order.sort_by_key(|place| (first[*place], nodes[*place].parent.is_some()));
    let mut new_places = vec![None; nodes.len()];
    for (new, old) in order.iter().enumerate() {
        new_places[*old] = Some(new);
    }
    let taken = order.into_iter().map(|old| {
        let mut node = std::mem::take(&mut nodes[old]);
        node.mean_nanos = node.total_nanos as f64 / node.calls as f64;
        node.parent = node.parent.and_then(|parent| new_places[parent]);
        node
    });
    taken.collect()
}

impl Profile {
    /// A single call that takes a tenth of all time and most of its node's was held up by something else.
    fn outliers(&self) -> Option<String> {
        let all = self.kernel_nanos();
        let held = |node: &&NodeTime| {
            node.calls > 2
                && node.self_nanos == node.total_nanos
                && node.max_nanos > node.total_nanos / 2
                && node.max_nanos > all / 10
        };
        let node = self.nodes.iter().filter(held).max_by_key(|node| node.max_nanos)?;
        let words = |nanos: u64| units::duration_ms(nanos as f64 / 1e6);
        Some(format!(
            "one call of `{}` took {} while the middle one of its calls took {}: something else had the processor; \
             profile more runs",
            node.name,
            words(node.max_nanos),
            words(node.median_nanos)
        ))
    }
}

/// Time of the counted runs during which none of the calls ran. Calls at the same time count once.
fn idle(kept: &[Run], skip: u32, mut outermost: Vec<Call>) -> u64 {
    outermost.sort_by_key(|call| (call.run, call.start));
    let mut busy = vec![0_u64; kept.len()];
    let mut reached = (NONE, 0);
    for call in outermost {
        if reached.0 != call.run {
            reached = (call.run, 0);
        }
        let from = call.start.max(reached.1);
        let to = call.end().max(from);
        reached.1 = to;
        busy[(call.run - skip) as usize] += to - from;
    }
    kept.iter().zip(busy).fold(0, |sum, (run, busy)| sum.saturating_add(run.nanos.saturating_sub(busy)))
}
