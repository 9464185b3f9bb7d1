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
use super::{Config, Scenario, model_file, shapes};
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

/// What tells the profile of one configuration from others: neither load nor duration changes it.
pub fn key(config: &Config) -> String {
    Config { scenario: Scenario::SingleStream, instances: 1, ..config.clone() }.key()
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
