//! ONNX Runtime: the only place that loads it, makes sessions and runs models. Lives in the worker process.
//!
//! Sessions are made as an application would: all graph optimisations, nodes one after another (one
//! inter-operator thread), the asked number of intra-operator threads, spinning as the library's default has it,
//! telemetry off.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::ep::CPU;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{
    DynTensor, DynTensorValueType, DynValue, PrimitiveTensorElementType, Tensor, TensorElementType,
};

use super::native::{self, Runner};
use super::protocol::{Measured, SessionSpec, Stage};
use super::resources;
use crate::model::inputs::{Tensor as InputTensor, TensorData};

/// Why the runtime did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library cannot be loaded, or is too old.
    #[error("cannot load ONNX Runtime: {0}")]
    Library(String),
    /// A second library was asked for in one process.
    #[error("this worker has already loaded {0}; one process can load one ONNX Runtime")]
    OtherLibrary(PathBuf),
    /// The provider is not in this build of the runtime.
    #[error("this ONNX Runtime has no execution provider `{asked}`; it has {available}")]
    Provider {
        /// What was asked for.
        asked: String,
        /// What there is.
        available: String,
    },
    /// The runtime's own words.
    #[error("{0}")]
    Runtime(String),
    /// An output that is not a tensor of numbers.
    #[error("output `{output}` is {kind}, which cannot be compared as numbers")]
    Output {
        /// Its name.
        output: String,
        /// What it is.
        kind: String,
    },
}

impl<R> From<ort::Error<R>> for EngineError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Runtime(error.message().to_owned())
    }
}

/// A loaded ONNX Runtime.
pub struct Engine {
    environment: Environment,
    library: PathBuf,
}

/// A model ready to run.
pub struct Loaded {
    session: Session,
    /// Time to create the session, in nanoseconds: reading, optimising, compiling. Loading the library is not in it.
    pub load_nanos: u64,
}

/// An output as numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Its name in the graph.
    pub name: String,
    /// Dimensions.
    pub shape: Vec<u64>,
    /// True when the model gives floating-point numbers, false for integers and truth values.
    pub float: bool,
    /// Values in row-major order. 64-bit integers beyond 2⁵³ are rounded.
    pub values: Vec<f64>,
}

impl Engine {
    /// Loads the library at `path`. A process can do this for one library only.
    pub fn load(path: &Path) -> Result<Self, EngineError> {
        let library = |error: &dyn std::fmt::Display| EngineError::Library(error.to_string());
        let builder = ort::init_from(path).map_err(|error| library(&error))?;
        let environment = builder
            .with_name("inferometer")
            .with_telemetry(false)
            .build()
            .map_err(|error| library(&error))?;
        Ok(Self { environment, library: path.to_owned() })
    }

    /// The library this process has loaded.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The library's version, where its file name or build line says it.
    pub fn version(&self) -> Option<String> {
        super::runtime::version_of_file(&self.library).or_else(|| {
            let (_, rest) = ort::info().split_once("git-branch=rel-")?;
            Some(rest.split([',', ' ']).next()?.to_owned())
        })
    }

    /// Execution providers of this build, by the names the app uses.
    pub fn providers(&self) -> Result<Vec<String>, EngineError> {
        Ok(native::available_providers()?.iter().map(|name| app_name(name)).collect())
    }

    /// Creates a session.
    pub fn session(&self, spec: &SessionSpec) -> Result<Loaded, EngineError> {
        let builder = Session::builder(&self.environment)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(usize::try_from(spec.threads).unwrap_or(1))?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?;
        let mut builder = with_provider(builder, spec)?;
        let started = Instant::now();
        let session = builder.commit_from_file(&spec.model)?;
        Ok(Loaded { session, load_nanos: nanos(started.elapsed()) })
    }
}

/// `CPUExecutionProvider` → `CPU`, `TensorrtExecutionProvider` → `TensorRT`, `DmlExecutionProvider` → `DirectML`.
fn app_name(runtime_name: &str) -> String {
    match runtime_name.strip_suffix("ExecutionProvider").unwrap_or(runtime_name) {
        "Tensorrt" => "TensorRT".to_owned(),
        "Dml" => "DirectML".to_owned(),
        name => name.to_owned(),
    }
}

fn with_provider(builder: SessionBuilder, spec: &SessionSpec) -> Result<SessionBuilder, EngineError> {
    let available = native::available_providers()?;
    let Some(name) =
        available.iter().find(|name| app_name(name).eq_ignore_ascii_case(&spec.provider)).cloned()
    else {
        let available: Vec<String> = available.iter().map(|name| app_name(name)).collect();
        return Err(EngineError::Provider { asked: spec.provider.clone(), available: available.join(", ") });
    };
    if name == "CPUExecutionProvider" {
        // `ort` asks for the most frugal device unless told otherwise.
        let cpu = CPU::default().with_arena_allocator(true).build().error_on_failure();
        return Ok(builder.with_auto_device(AutoDevicePolicy::PreferCPU)?.with_execution_providers([cpu])?);
    }
    let mut builder = builder;
    let options = match name.as_str() {
        "OpenVINOExecutionProvider" => {
            vec![("device_type", "CPU".to_owned()), ("num_of_threads", spec.threads.to_string())]
        }
        _ => Vec::new(),
    };
    native::append_provider(&mut builder, &name, &options)?;
    Ok(builder)
}

impl Loaded {
    /// One inference whose outputs are thrown away.
    pub fn probe(&mut self, inputs: Vec<InputTensor>) -> Result<(), EngineError> {
        let inputs = named_values(inputs)?;
        Runner::new(&mut self.session, inputs)?.run()?;
        Ok(())
    }

    /// First inference, warm-up and a steady state of `seconds`.
    ///
    /// Warm-up ends after [`WARM_UP_RUNS`] inferences and [`WARM_UP_TIME`] (or a tenth of `seconds`, if longer),
    /// whichever comes later, but never takes longer than `seconds` plus one inference. The steady state ends
    /// with the inference during which the time is up, so there is at least one sample. `on_stage` is called
    /// between the stages, never inside one.
    pub fn bench(
        &mut self,
        inputs: Vec<InputTensor>,
        seconds: f64,
        mut on_stage: impl FnMut(Stage),
    ) -> Result<Measured, EngineError> {
        let load_nanos = self.load_nanos;
        let duration = Duration::try_from_secs_f64(seconds)
            .map_err(|error| EngineError::Runtime(format!("{seconds} s cannot be measured: {error}")))?;
        let input_shapes: BTreeMap<String, Vec<u64>> =
            inputs.iter().map(|input| (input.name.clone(), input.shape.clone())).collect();
        let mut peak = resources::peak_memory_bytes();
        let mut runner = Runner::new(&mut self.session, named_values(inputs)?)?;

        on_stage(Stage::First);
        let (started, ended) = runner.run()?;
        let first_inference_nanos = nanos(ended - started);
        peak = peak.max(resources::peak_memory_bytes());

        on_stage(Stage::WarmUp);
        let (warm_up_inferences, fastest) = warm_up(&mut runner, duration)?;

        let expected = (duration.as_nanos() / fastest.as_nanos().max(1)).saturating_add(16);
        let room = usize::try_from(expected).unwrap_or(usize::MAX).min(MOST_SAMPLES_PREPARED);
        let mut latencies_nanos = Vec::with_capacity(room);
        on_stage(Stage::Steady);
        let cpu_before = resources::cpu_nanos();
        let begin = Instant::now();
        let wall = loop {
            let (started, ended) = runner.run()?;
            latencies_nanos.push(nanos(ended - started));
            let so_far = ended - begin;
            if so_far >= duration {
                break so_far;
            }
        };
        let cpu_nanos =
            resources::cpu_nanos().zip(cpu_before).map(|(after, before)| after.saturating_sub(before));
        Ok(Measured {
            load_nanos,
            first_inference_nanos,
            warm_up_inferences,
            latencies_nanos,
            wall_nanos: nanos(wall),
            cpu_nanos,
            peak_memory_bytes: peak.max(resources::peak_memory_bytes()),
            input_shapes,
            runtime_version: None,
        })
    }

    /// One inference, with its outputs as numbers.
    pub fn outputs(&mut self, inputs: Vec<InputTensor>) -> Result<Vec<Output>, EngineError> {
        let inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = named_values(inputs)?
            .into_iter()
            .map(|(name, value)| (Cow::Owned(name), SessionInputValue::Owned(value)))
            .collect();
        let outputs = self.session.run(inputs)?;
        outputs.into_iter().map(|(name, value)| numbers(name, value)).collect()
    }
}

/// Inferences the warm-up has at least.
pub const WARM_UP_RUNS: u64 = 5;
/// Time the warm-up takes at least.
pub const WARM_UP_TIME: Duration = Duration::from_millis(200);
/// Room for samples made before the steady state: 32 MiB of address space, used only as far as it is filled.
const MOST_SAMPLES_PREPARED: usize = 1 << 22;

/// How many inferences, and the fastest of them.
fn warm_up(runner: &mut Runner<'_>, duration: Duration) -> Result<(u64, Duration), EngineError> {
    let least = WARM_UP_TIME.max(duration / 10);
    let begin = Instant::now();
    let mut runs = 0;
    let mut fastest = Duration::MAX;
    loop {
        let (started, ended) = runner.run()?;
        runs += 1;
        fastest = fastest.min(ended - started);
        let so_far = ended - begin;
        if (runs >= WARM_UP_RUNS && so_far >= least) || so_far >= duration.max(WARM_UP_TIME) {
            return Ok((runs, fastest));
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn named_values(inputs: Vec<InputTensor>) -> Result<Vec<(String, DynValue)>, EngineError> {
    inputs.into_iter().map(|InputTensor { name, shape, data }| Ok((name, value_of(&shape, data)?))).collect()
}

fn value_of(shape: &[u64], data: TensorData) -> Result<DynValue, EngineError> {
    let shape: Vec<i64> = shape
        .iter()
        .map(|size| i64::try_from(*size))
        .collect::<Result<_, _>>()
        .map_err(|_overflow| EngineError::Runtime(format!("shape {shape:?} is too large")))?;
    Ok(match data {
        TensorData::F32(values) => tensor(shape, values)?,
        TensorData::F64(values) => tensor(shape, values)?,
        TensorData::F16(bits) => native::half_tensor(TensorElementType::Float16, &shape, &bits)?,
        TensorData::Bf16(bits) => native::half_tensor(TensorElementType::Bfloat16, &shape, &bits)?,
        TensorData::I8(values) => tensor(shape, values)?,
        TensorData::U8(values) => tensor(shape, values)?,
        TensorData::I16(values) => tensor(shape, values)?,
        TensorData::U16(values) => tensor(shape, values)?,
        TensorData::I32(values) => tensor(shape, values)?,
        TensorData::U32(values) => tensor(shape, values)?,
        TensorData::I64(values) => tensor(shape, values)?,
        TensorData::U64(values) => tensor(shape, values)?,
        TensorData::Bool(values) => tensor(shape, values)?,
        TensorData::Text(values) => Tensor::from_string_array((shape, values.as_slice()))?.into_dyn(),
    })
}

fn tensor<T>(shape: Vec<i64>, values: Vec<T>) -> Result<DynValue, EngineError>
where
    T: PrimitiveTensorElementType + Debug + Clone + 'static,
{
    Ok(Tensor::from_array((shape, values))?.into_dyn())
}

fn numbers(name: &str, value: DynValue) -> Result<Output, EngineError> {
    let kind = value.dtype().to_string();
    let not_numbers = || EngineError::Output { output: name.to_owned(), kind: kind.clone() };
    let value: DynTensor = value.downcast::<DynTensorValueType>().map_err(|_other_kind| not_numbers())?;
    let shape = value.shape().iter().map(|size| u64::try_from(*size).unwrap_or(0)).collect();
    macro_rules! read {
        ($($element:ident $type:ty),*) => {
            match value.data_type() {
                $(TensorElementType::$element => {
                    let (_, values) = value.try_extract_tensor::<$type>()?;
                    #[allow(clippy::cast_lossless, reason = "one expression for types narrower and wider than f64")]
                    values.iter().map(|value| *value as f64).collect()
                })*
                TensorElementType::Bool => {
                    let (_, values) = value.try_extract_tensor::<bool>()?;
                    values.iter().map(|value| f64::from(u8::from(*value))).collect()
                }
                TensorElementType::Float16 => native::half_bits(&value)?.into_iter().map(f64_of_half).collect(),
                TensorElementType::Bfloat16 => native::half_bits(&value)?
                    .into_iter()
                    .map(|bits| f64::from(f32::from_bits(u32::from(bits) << 16)))
                    .collect(),
                _ => return Err(not_numbers()),
            }
        };
    }
    let values: Vec<f64> = read!(
        Float32 f32, Float64 f64, Int8 i8, Uint8 u8, Int16 i16, Uint16 u16, Int32 i32, Uint32 u32, Int64 i64, Uint64 u64
    );
    let float = matches!(
        value.data_type(),
        TensorElementType::Float32
            | TensorElementType::Float64
            | TensorElementType::Float16
            | TensorElementType::Bfloat16
    );
    Ok(Output { name: name.to_owned(), shape, float, values })
}

/// IEEE 754 binary16 bits as a number.
fn f64_of_half(bits: u16) -> f64 {
    let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
    let exponent = i32::from((bits >> 10) & 0x1F);
    let fraction = f64::from(bits & 0x3FF) / 1024.0;
    sign * match exponent {
        0 => fraction * 2_f64.powi(-14),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_is_read_exactly() {
        // Python: struct.unpack('<e', …).
        for (bits, value) in [
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x3555, 0.333_251_953_125),
            (0x7C00, f64::INFINITY),
        ] {
            assert_eq!(f64_of_half(bits).total_cmp(&value), std::cmp::Ordering::Equal, "{bits:#x}");
        }
        assert!(f64_of_half(0x7E00).is_nan());
    }

    #[test]
    fn providers_have_the_names_people_know() {
        let names = ["CPUExecutionProvider", "TensorrtExecutionProvider", "OpenVINOExecutionProvider"];
        assert_eq!(names.map(app_name), ["CPU", "TensorRT", "OpenVINO"]);
    }
}
