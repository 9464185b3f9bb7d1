//! Where the time of one configuration goes: ONNX Runtime's profile of it, the operations of its nodes, and this
//! machine's roof; what follows from them is worked out when it is asked for.
//!
//! Must not know the project, the window or the command line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::cancel::Cancel;
use super::launcher::{Worker, WorkerError};
use super::profile::cost::{CostMatch, attach_costs};
use super::profile::{Fallbacks, NodeTime, OpTime, Profile, percent};
use super::protocol::{Event, Feed, Profiled, Request, RoofSpec, SessionSpec, Source};
use super::roof::{self, Roof, RoofPlace};
use super::sweep::{Tools, runtime_for};
use super::{Config, Scenario, model_file, shapes, transfer};
use crate::hardware::Fingerprint;
use crate::model::node_cost::node_costs;
use crate::model::{ElementType, Model};
use crate::units;

/// What to profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The model file.
    pub model: PathBuf,
    /// The configuration. Its scenario, sessions and duration say nothing here: inferences run one after another in
    /// one session.
    pub config: Config,
    /// Shapes of the inputs by name, where they are known from a measurement; else they are found as a sweep finds
    /// them.
    pub shapes: Option<BTreeMap<String, Vec<u64>>>,
    /// How long inferences are profiled, in seconds.
    pub seconds: f64,
}

/// How long a profile takes unless somebody asks, in seconds.
pub const SECONDS: f64 = 1.0;
/// Longest profile one may ask for, in seconds.
pub const MOST_SECONDS: f64 = 60.0;
/// Entries of a profile at most, about: tens of megabytes in the runtime's file.
const MOST_ENTRIES: u64 = 60_000;
/// Inferences at most.
const MOST_RUNS: u64 = 2_000;
/// Time for the products of each element type, in seconds.
const ROOF_SECS: f64 = 1.0;
/// Nodes whose operations are not known may take this much of the time before those of the whole count as not
/// known.
const UNKNOWN_AT_MOST: f64 = 0.1;

/// Where the time of one configuration goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Breakdown {
    /// File name of the model.
    pub model: String,
    /// The model's identity.
    pub model_sha256: String,
    /// What was profiled.
    pub config: Config,
    /// Shapes the inputs had.
    pub input_shapes: BTreeMap<String, Vec<u64>>,
    /// The runtime's profile, with the operations of its nodes.
    pub profile: Profile,
    /// How many nodes' operations are known, and from where.
    pub costs: CostMatch,
    /// What the model computes in, for nodes whose inside the profile does not show.
    #[serde(default)]
    pub precision: Precision,
    /// What this machine reaches with the same settings: `float32` first, then other element types that the model
    /// computes in.
    pub roofs: Vec<Roof>,
    /// Median of the same inferences without the profiler, in nanoseconds.
    pub plain_nanos: Option<u64>,
    /// What a reader of these numbers should know, besides the profile's own warnings.
    pub warnings: Vec<String>,
    /// ONNX Runtime's version.
    pub runtime_version: String,
    /// The machine.
    pub fingerprint: Fingerprint,
    /// How that machine was reached: empty for this one, else the command prefix.
    pub target: String,
    /// Seconds since 1970-01-01 UTC at the start.
    pub started_unix_secs: u64,
}

/// What a model computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Floating-point numbers.
    #[default]
    Float32,
    /// 8-bit integers, in part at least.
    Int8,
}

/// What tells the profile of one configuration on one machine from others: neither load nor duration changes it.
/// `target` is how the machine is reached, empty for this one.
pub fn key(config: &Config, target: &str) -> String {
    let key = Config { scenario: Scenario::SingleStream, instances: 1, ..config.clone() }.key();
    if target.is_empty() { key } else { format!("{key} on {target}") }
}

/// Profiles a configuration and measures what the machine reaches, in one worker. `on_progress` gets the share that is
/// done and what is being done.
///
/// # Errors
/// When the model, the runtime or the worker fails; not when only the roof does.
pub fn run(
    ask: &Ask,
    tools: Tools<'_>,
    machine: &Fingerprint,
    cancel: &Cancel,
    on_progress: &mut dyn FnMut(f64, &str),
) -> Result<Breakdown, WorkerError> {
    let Ask { model: path, config, shapes: known, seconds } = ask;
    if !(seconds.is_finite() && *seconds > 0.0 && *seconds <= MOST_SECONDS) {
        return Err(WorkerError::Refused(format!(
            "{seconds} seconds cannot be profiled; give more than 0 and at most {MOST_SECONDS}"
        )));
    }
    let started_unix_secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let refused = |error: &dyn std::fmt::Display| WorkerError::Refused(error.to_string());
    let model = model_file::read(path).map_err(|error| refused(&error))?;
    let session = SessionSpec {
        runtime: runtime_for(tools, &config.provider)?,
        model: path.clone(),
        provider: config.provider.clone(),
        threads: config.threads,
        optimisation: config.optimisation,
    };
    let mut say = |words: String| on_progress(0.0, &words);
    transfer::bring_model((path, &model.sha256), None, tools.launcher, cancel, &mut say)?;
    let input_shapes = match known {
        Some(shapes) => shapes.clone(),
        None => found_shapes(&model, config, &session, tools, cancel, on_progress)?,
    };
    let feed = shapes::feed_of(&model, &input_shapes, Source::Generated { seed: config.seed });
    let mut warnings = Vec::new();
    if let Some(inputs) = &config.inputs {
        warnings.push(format!("The inputs are generated ones of the same shapes, not those of {inputs}."));
    }

    on_progress(0.1, &format!("profiling for {seconds} s"));
    let mut worker = tools.launcher.start(cancel)?;
    let Profiled { mut profile, plain_nanos, runtime_version } =
        profiled(&mut worker, session.clone(), feed, &model, *seconds, cancel)?;
    let costs = match std::fs::read(path).map_err(|error| error.to_string()).and_then(|bytes| {
        node_costs(&model, Bytes::from(bytes), &input_shapes).map_err(|error| error.to_string())
    }) {
        Ok(costs) => attach_costs(&mut profile, &costs),
        Err(error) => {
            warnings.push(format!("The operations of the nodes could not be counted: {error}."));
            attach_costs(&mut profile, &[])
        }
    };

    on_progress(0.55, "measuring how fast this machine multiplies matrices and copies memory");
    let precision =
        if model.operators.keys().any(|op| is_quantized(op)) { Precision::Int8 } else { Precision::Float32 };
    let elements = elements(&profile, precision);
    let busy_for = Duration::from_secs_f64(ROOF_SECS * 4.0 * elements.len() as f64 + 10.0);
    let probe = RoofSpec {
        runtime: session.runtime,
        provider: session.provider,
        threads: session.threads,
        optimisation: session.optimisation,
        elements,
        seconds: ROOF_SECS,
    };
    let roofs = match worker.ask(&Request::Roof { probe }, busy_for, cancel, &mut |_| (), &mut || ()) {
        Ok(Event::Roofed { roofs, problems }) => {
            warnings
                .extend(problems.into_iter().map(|problem| format!("No roof for some nodes: {problem}.")));
            roofs
        }
        Ok(other) => return Err(WorkerError::Protocol(format!("{other:?} instead of a roof"))),
        Err(WorkerError::Cancelled) => return Err(WorkerError::Cancelled),
        // The profile is worth having without it.
        Err(error) => {
            warnings.push(format!("What this machine reaches could not be measured: {error}."));
            Vec::new()
        }
    };
    Ok(Breakdown {
        model: model.name,
        model_sha256: model.sha256,
        config: config.clone(),
        input_shapes,
        profile,
        costs,
        precision,
        roofs,
        plain_nanos,
        warnings,
        runtime_version: runtime_version.unwrap_or_else(|| "unknown".to_owned()),
        fingerprint: machine.clone(),
        target: tools.launcher.target().to_owned(),
        started_unix_secs,
    })
}

fn found_shapes(
    model: &Model,
    config: &Config,
    session: &SessionSpec,
    tools: Tools<'_>,
    cancel: &Cancel,
    on_progress: &mut dyn FnMut(f64, &str),
) -> Result<BTreeMap<String, Vec<u64>>, WorkerError> {
    let resolution =
        shapes::resolve(model, config.batch, &config.dims, None).map_err(WorkerError::Refused)?;
    let source = Source::Generated { seed: config.seed };
    let mut on_try = |sizes: &str| on_progress(0.0, &format!("trying {sizes}"));
    let found = shapes::find(tools.launcher, session, model, &resolution, &source, cancel, &mut on_try)?;
    resolution
        .shapes(&found)
        .ok_or_else(|| WorkerError::Refused("the sizes of its dynamic dimensions are too large".to_owned()))
}

fn profiled(
    worker: &mut Worker,
    session: SessionSpec,
    feed: Feed,
    model: &Model,
    seconds: f64,
    cancel: &Cancel,
) -> Result<Profiled, WorkerError> {
    let nodes: u64 = model.operators.values().sum();
    let most_runs = (MOST_ENTRIES / (nodes + 2)).clamp(1, MOST_RUNS);
    let request = Request::Profile { session, feed, seconds, most_runs };
    // Load and warm up twice, run without and with the profiler.
    let busy_for = Duration::try_from_secs_f64(seconds * 4.0).unwrap_or(Duration::ZERO);
    match worker.ask(&request, busy_for, cancel, &mut |_| (), &mut || ())? {
        Event::Profiled(profiled) => Ok(*profiled),
        other => Err(WorkerError::Protocol(format!("{other:?} instead of a profile"))),
    }
}

/// Whether an operator computes with 8-bit integers, or feeds operators that do.
fn is_quantized(op: &str) -> bool {
    op.starts_with("QLinear")
        || op.starts_with("QGemm")
        || op.ends_with("Integer")
        || matches!(op, "QuantizeLinear" | "DequantizeLinear" | "DynamicQuantizeLinear")
}

/// The element type a node computes in, as [`Roof::precision`] has it: that of its first input, `int8` for quantized
/// operators whatever they are given, and that of the model where the profile does not show what is inside.
fn precision(node: &NodeTime, of_model: Precision) -> &'static str {
    let quantized = is_quantized(&node.op_type) || (node.is_compiled() && of_model == Precision::Int8);
    match node.inputs.first().map(|input| input.element.as_str()) {
        _ if quantized => "int8",
        Some("int8" | "uint8") => "int8",
        Some("float16") => "float16",
        Some("bfloat16") => "bfloat16",
        Some("double") => "float64",
        _ => "float32",
    }
}

/// Element types that nodes with operations compute in; `float32` always, and first.
fn elements(profile: &Profile, of_model: Precision) -> Vec<ElementType> {
    let working = profile.nodes.iter().filter(|node| node.flops != Some(0));
    let used: BTreeSet<&str> = working.map(|node| precision(node, of_model)).collect();
    let others = [
        ("int8", ElementType::Int8),
        ("float16", ElementType::Float16),
        ("bfloat16", ElementType::Bfloat16),
        ("float64", ElementType::Float64),
    ];
    let others = others.into_iter().filter(|(name, _)| used.contains(name)).map(|(_, element)| element);
    std::iter::once(ElementType::Float32).chain(others).collect()
}

impl Breakdown {
    /// Which nodes ran on another provider than the one asked for.
    pub fn fallbacks(&self) -> Fallbacks {
        self.profile.fallbacks(&self.config.provider)
    }

    /// Whether a provider, by the runtime's name, is the one that was asked for.
    pub fn is_asked(&self, provider: &str) -> bool {
        super::profile::short_provider(provider).eq_ignore_ascii_case(&self.config.provider)
    }

    /// The roof that a node stands under: of its element type where there is one, else of `float32`.
    pub fn roof_of(&self, node: &NodeTime) -> Option<&Roof> {
        self.roof(precision(node, self.precision))
    }

    fn roof(&self, precision: &str) -> Option<&Roof> {
        self.roofs.iter().find(|roof| roof.precision == precision).or_else(|| self.roofs.first())
    }

    /// Where a node stands.
    pub fn place(&self, node: &NodeTime) -> Option<RoofPlace> {
        roof::place_node(node, self.roof_of(node)?)
    }

    /// Where all nodes of one operator type on one provider stand together.
    pub fn place_op(&self, op: &OpTime) -> Option<RoofPlace> {
        let mut nodes = self
            .profile
            .nodes
            .iter()
            .filter(|node| (&node.op_type, &node.provider) == (&op.op_type, &op.provider));
        let roof = self.roof_of(nodes.clone().next()?)?;
        let bytes = nodes.try_fold(0_u64, |sum, node| sum.checked_add(all_bytes(node)?));
        roof::place(op.total_nanos as f64, op.flops, bytes.filter(|bytes| *bytes > 0), roof)
    }

    /// Where a whole run stands: the operations and bytes of its nodes in the mean time of a run. Nodes of which
    /// they are not known are left out while they take little of the time.
    pub fn whole(&self) -> Option<RoofPlace> {
        let profile = &self.profile;
        let runs = profile.runs.max(1);
        let all = profile.kernel_nanos() as f64;
        let sum = |of: &dyn Fn(&NodeTime) -> Option<u64>| {
            let (mut known, mut unknown_nanos) = (0_u64, 0_u64);
            for node in &profile.nodes {
                match of(node) {
                    Some(amount) => known = known.checked_add(amount)?,
                    None => unknown_nanos += node.self_nanos,
                }
            }
            (unknown_nanos as f64 <= all * UNKNOWN_AT_MOST).then_some(known / runs)
        };
        let work = |node: &NodeTime| node.flops?.checked_mul(node.calls);
        let flops = sum(&work);
        let bytes = sum(&all_bytes).filter(|bytes| *bytes > 0);
        let busiest = profile.nodes.iter().max_by_key(|node| work(node).unwrap_or(0))?;
        let nanos = profile.mean_run_nanos().unwrap_or(all / runs as f64);
        roof::place(nanos, flops, bytes, self.roof_of(busiest)?)
    }

    /// Which operator types take most of the time, in a sentence.
    pub fn takes_most(&self) -> String {
        let profile = &self.profile;
        let mut shares: BTreeMap<&str, f64> = BTreeMap::new();
        for op in &profile.by_op {
            *shares.entry(&op.op_type).or_default() += op.share;
        }
        let mut shares: Vec<(&str, f64)> = shares.into_iter().collect();
        shares.sort_by(|a, b| b.1.total_cmp(&a.1));
        let Some((first, rest)) = shares.split_first() else {
            return "The profile holds no node's time.".to_owned();
        };
        let mut text = format!("{} takes {} of the time of all nodes", first.0, percent(first.1));
        let named = &rest[..rest.len().min(MOST_NAMED)];
        for (place, (op, share)) in named.iter().enumerate() {
            let join = if place + 1 == named.len() { " and" } else { "," };
            // Writing to a text cannot fail.
            let _ = write!(text, "{join} {op} {}", percent(*share));
        }
        if let Some(outside) = self.share_outside() {
            let _ = write!(text, "; {} of a run is outside nodes", percent(outside));
        }
        text.push('.');
        text
    }

    /// The part of the runs in which no node ran, 0 to 1.
    pub fn share_outside(&self) -> Option<f64> {
        let all = self.profile.mean_run_nanos()? * self.profile.runs as f64;
        let outside = self.profile.overhead_nanos? as f64;
        (all > 0.0).then(|| (outside / all).clamp(0.0, 1.0))
    }

    /// What bounds the model, in a sentence.
    pub fn bound(&self) -> String {
        match (self.whole(), self.roofs.is_empty()) {
            (Some(place), _) => format!("The whole model: {}", place.sentence),
            (None, true) => "What this machine reaches is not known, so nothing is said of what bounds the model.".to_owned(),
            (None, false) => {
                "Neither the operations nor the bytes of most nodes are known, so nothing is said of what bounds \
                 the model."
                    .to_owned()
            }
        }
    }

    /// What profiling itself cost, in a sentence; `None` where that is not known.
    pub fn profiling_cost(&self) -> Option<String> {
        let mut times = self.profile.model_run_nanos.clone();
        times.sort_unstable();
        let profiled = *times.get(times.len() / 2)?;
        let plain = self.plain_nanos.filter(|nanos| *nanos > 0)?;
        let millis = |nanos: u64| units::duration_ms(nanos as f64 / 1e6);
        let longer = profiled as f64 / plain as f64 - 1.0;
        let runs = units::group_thousands(u128::from(self.profile.runs));
        let s = if self.profile.runs == 1 { "" } else { "s" };
        let compared = if longer > 0.005 {
            format!(", {} longer than without the profiler ({})", percent(longer), millis(plain))
        } else {
            format!(", as without the profiler ({})", millis(plain))
        };
        let mean = self.profile.mean_run_nanos().unwrap_or(profiled as f64);
        // Shares and speeds are made from means; where a few runs were far slower, the median alone would mislead.
        let uneven = if mean > profiled as f64 * UNEVEN {
            format!(
                " Some were far longer, so that the mean is {}: the machine was busy with something else, and speeds \
                 are too low. Profile again when it is idle.",
                units::duration_ms(mean / 1e6)
            )
        } else {
            String::new()
        };
        Some(format!(
            "A run took {} under the profiler{compared}; {runs} run{s} counted.{uneven}",
            millis(profiled)
        ))
    }

    /// Everything that should be known beside the numbers.
    pub fn all_warnings(&self) -> impl Iterator<Item = &str> {
        self.profile.warnings.iter().chain(&self.warnings).map(String::as_str)
    }
}

/// Mean over median of the runs from which on some were far longer.
const UNEVEN: f64 = 1.25;
/// Operator types named in a sentence besides the first.
const MOST_NAMED: usize = 2;

/// Bytes of all calls of a node.
fn all_bytes(node: &NodeTime) -> Option<u64> {
    node.bytes().filter(|_| !node.shapes_vary)?.checked_mul(node.calls)
}

#[cfg(test)]
mod tests {
    use super::super::profile::TensorShape;
    use super::*;
    use crate::measure::Optimisation;

    fn config() -> Config {
        Config::default()
    }

    fn roof(precision: &str, flops_per_second: f64) -> Roof {
        Roof {
            flops_per_second,
            bytes_per_second: 1e10,
            threads: 1,
            provider: "CPU".to_owned(),
            precision: precision.to_owned(),
            how: String::new(),
        }
    }

    /// Two runs of 1 ms; of each node two calls, together as long as said.
    fn breakdown(nodes: &[(&str, &str, u64)]) -> Breakdown {
        let nodes = nodes.iter().map(|(op_type, element, nanos)| NodeTime {
            name: format!("{op_type} of {element}"),
            op_type: (*op_type).to_owned(),
            provider: "CPUExecutionProvider".to_owned(),
            calls: 2,
            total_nanos: *nanos,
            self_nanos: *nanos,
            inputs: vec![TensorShape { element: (*element).to_owned(), dims: vec![100, 100] }; 2],
            outputs: vec![TensorShape { element: (*element).to_owned(), dims: vec![100, 100] }],
            activation_bytes: Some(60_000),
            parameter_bytes: Some(0),
            output_bytes: Some(40_000),
            ..NodeTime::default()
        });
        let mut profile = Profile {
            runs: 2,
            model_run_nanos: vec![1_000_000; 2],
            overhead_nanos: Some(500_000),
            nodes: nodes.collect(),
            ..Profile::default()
        };
        let costs = attach_costs(&mut profile, &[]);
        Breakdown {
            model: "m.onnx".to_owned(),
            model_sha256: String::new(),
            config: config(),
            input_shapes: BTreeMap::new(),
            profile,
            costs,
            precision: Precision::Float32,
            roofs: vec![roof("float32", 1e10), roof("int8", 4e10)],
            plain_nanos: None,
            warnings: Vec::new(),
            runtime_version: String::new(),
            fingerprint: Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 0,
        }
    }

    #[test]
    fn load_and_duration_are_no_part_of_what_a_profile_is_of() {
        let offline = Config { scenario: Scenario::Offline, instances: 4, seconds: 9.0, seed: 5, ..config() };
        assert_eq!(key(&config(), ""), key(&offline, ""));
        assert_ne!(key(&config(), ""), key(&config(), "ssh there"));
        assert_ne!(key(&config(), ""), key(&Config { threads: 2, ..config() }, ""));
        assert_ne!(key(&config(), ""), key(&Config { optimisation: Optimisation::None, ..config() }, ""));
    }

    #[test]
    fn the_whole_is_the_work_of_all_nodes_in_the_time_of_a_run() {
        let found = breakdown(&[("MatMul", "float", 1_500_000)]);
        let whole = found.whole().unwrap();
        // 2·100³ operations and 100,000 bytes in 1 ms: 2 GFLOP/s and 100 MB/s.
        assert!((whole.flops_per_second.unwrap() - 2e9).abs() < 1.0);
        assert!((whole.bytes_per_second.unwrap() - 1e8).abs() < 1e-3);
        assert!((whole.share_of_compute_roof.unwrap() - 0.2).abs() < 1e-12);
        assert_eq!(
            found.takes_most(),
            "MatMul takes 100 % of the time of all nodes; 25 % of a run is outside nodes."
        );
    }

    #[test]
    fn operations_that_are_mostly_unknown_are_not_counted_for_the_whole() {
        let little = breakdown(&[("MatMul", "float", 1_400_000), ("Mystery", "float", 100_000)]);
        assert_eq!((little.costs.by_shapes, little.costs.unknown), (1, 1));
        assert!(little.whole().unwrap().flops_per_second.is_some());
        let much = breakdown(&[("MatMul", "float", 1_000_000), ("Mystery", "float", 500_000)]);
        let whole = much.whole().unwrap();
        assert_eq!((whole.flops_per_second, whole.bytes_per_second.is_some()), (None, true));
        let nothing = Breakdown { roofs: Vec::new(), ..much };
        assert_eq!(nothing.whole(), None);
        assert!(nothing.bound().contains("is not known"), "{}", nothing.bound());
    }

    #[test]
    fn work_stands_under_the_roof_of_its_own_element_type() {
        let found =
            breakdown(&[("MatMul", "float", 10), ("MatMulInteger", "uint8", 10), ("Add", "double", 10)]);
        let roofs: Vec<&str> =
            found.profile.nodes.iter().map(|node| found.roof_of(node).unwrap().precision.as_str()).collect();
        // There is no roof of float64 here: the sentence names the one that is taken.
        assert_eq!(roofs, ["float32", "int8", "float32"]);
        let elements = elements(&found.profile, Precision::Float32);
        assert_eq!(elements, [ElementType::Float32, ElementType::Int8, ElementType::Float64]);
        let mut compiled = found.profile.nodes[0].clone();
        compiled.provider = "OpenVINOExecutionProvider".to_owned();
        compiled.name = "OpenVINOExecutionProvider_part_0".to_owned();
        compiled.inputs = Vec::new();
        assert_eq!(precision(&compiled, Precision::Int8), "int8");
        assert_eq!(precision(&compiled, Precision::Float32), "float32");
    }
}
