//! ONNX Runtime: the only place that loads it, makes sessions and runs models. Lives in the worker process.
//!
//! Sessions are made as an application would: the asked graph optimisations (all, by default), nodes one after
//! another (one inter-operator thread), the asked number of intra-operator threads, spinning as the library's
//! default has it, telemetry off. What a session is run with is in `bench`.

use std::borrow::Cow;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ort::environment::Environment;
use ort::ep::CPU;
use ort::session::builder::{AutoDevicePolicy, GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{
    DynTensor, DynTensorValueType, DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, TensorRef,
};

use super::batches::{Batches, Part};
use super::native::{self, Held, Inputs, Runner};
use super::protocol::SessionSpec;
use super::scenario::Optimisation;
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
    pub(super) session: Session,
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
        self.make(spec, None)
    }

    /// Creates a session that records what it does until [`Loaded::end_profiling`] or its end, in a file whose name
    /// starts with `prefix`.
    pub(super) fn profiled_session(&self, spec: &SessionSpec, prefix: &Path) -> Result<Loaded, EngineError> {
        self.make(spec, Some(prefix))
    }

    fn make(&self, spec: &SessionSpec, profile: Option<&Path>) -> Result<Loaded, EngineError> {
        let mut builder = Session::builder(&self.environment)?
            .with_optimization_level(level(spec.optimisation))?
            .with_intra_threads(usize::try_from(spec.threads).unwrap_or(1))?
            .with_inter_threads(1)?
            .with_parallel_execution(false)?;
        if let Some(prefix) = profile {
            builder = builder.with_profiling(prefix)?;
        }
        let mut builder = with_provider(builder, spec)?;
        let started = Instant::now();
        let session = builder.commit_from_file(&spec.model)?;
        Ok(Loaded { session, load_nanos: nanos(started.elapsed()) })
    }
}

fn level(optimisation: Optimisation) -> GraphOptimizationLevel {
    match optimisation {
        Optimisation::None => GraphOptimizationLevel::Disable,
        Optimisation::Basic => GraphOptimizationLevel::Level1,
        Optimisation::Extended => GraphOptimizationLevel::Level2,
        Optimisation::All => GraphOptimizationLevel::All,
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
    /// Ends the profile of a [`Engine::profiled_session`] and names its file.
    pub(super) fn end_profiling(&mut self) -> Result<PathBuf, EngineError> {
        Ok(PathBuf::from(self.session.end_profiling()?))
    }

    /// One inference whose outputs are thrown away.
    pub fn probe(&mut self, inputs: Vec<InputTensor>) -> Result<(), EngineError> {
        Runner::new(&self.session, shared(inputs)?)?.run()?;
        Ok(())
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

pub(super) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Inputs as values that several runners may share.
pub(super) fn shared(inputs: Vec<InputTensor>) -> Result<Arc<Inputs<'static>>, EngineError> {
    let values = named_values(inputs)?.into_iter().map(|(name, value)| (name, Held::Own(value)));
    Ok(Arc::new(Inputs::new(values.collect())?))
}

/// The inputs of each batch size in ascending order, on the memory of the largest as far as the runtime lets them be.
pub(super) fn of_batches(batches: &Batches) -> Result<Vec<Arc<Inputs<'_>>>, EngineError> {
    let Batches { largest, smaller } = batches;
    let mut all = Vec::with_capacity(smaller.len() + 1);
    for parts in smaller {
        let values = largest.iter().zip(parts).map(|(whole, part)| match part {
            Part::Rows(shape) => Ok((whole.name.clone(), rows_of(whole, shape)?)),
            Part::Own(own) => Ok((own.name.clone(), rows_of(own, &own.shape)?)),
        });
        all.push(Arc::new(Inputs::new(values.collect::<Result<_, EngineError>>()?)?));
    }
    let values = largest.iter().map(|whole| Ok((whole.name.clone(), rows_of(whole, &whole.shape)?)));
    all.push(Arc::new(Inputs::new(values.collect::<Result<_, EngineError>>()?)?));
    Ok(all)
}

/// The first values of a tensor in `shape`, without a copy but for half precision and texts.
fn rows_of<'v>(tensor: &'v InputTensor, shape: &[u64]) -> Result<Held<'v>, EngineError> {
    let count = shape
        .iter()
        .try_fold(1_usize, |count, size| count.checked_mul(usize::try_from(*size).ok()?))
        .filter(|count| *count <= tensor.data.len())
        .ok_or_else(|| EngineError::Runtime(format!("shape {shape:?} is larger than its values")))?;
    let sizes = whole_shape(shape)?;
    macro_rules! rows {
        ($values:expr) => {
            Held::Rows(TensorRef::from_array_view((sizes, &$values[..count]))?.into_dyn())
        };
    }
    Ok(match &tensor.data {
        TensorData::F32(values) => rows!(values),
        TensorData::F64(values) => rows!(values),
        TensorData::F16(bits) => {
            Held::Own(native::half_tensor(TensorElementType::Float16, &sizes, &bits[..count])?)
        }
        TensorData::Bf16(bits) => {
            Held::Own(native::half_tensor(TensorElementType::Bfloat16, &sizes, &bits[..count])?)
        }
        TensorData::I8(values) => rows!(values),
        TensorData::U8(values) => rows!(values),
        TensorData::I16(values) => rows!(values),
        TensorData::U16(values) => rows!(values),
        TensorData::I32(values) => rows!(values),
        TensorData::U32(values) => rows!(values),
        TensorData::I64(values) => rows!(values),
        TensorData::U64(values) => rows!(values),
        TensorData::Bool(values) => rows!(values),
        TensorData::Text(values) => {
            Held::Own(Tensor::from_string_array((sizes, &values[..count]))?.into_dyn())
        }
    })
}

fn whole_shape(shape: &[u64]) -> Result<Vec<i64>, EngineError> {
    shape
        .iter()
        .map(|size| i64::try_from(*size))
        .collect::<Result<_, _>>()
        .map_err(|_overflow| EngineError::Runtime(format!("shape {shape:?} is too large")))
}

fn named_values(inputs: Vec<InputTensor>) -> Result<Vec<(String, DynValue)>, EngineError> {
    inputs.into_iter().map(|InputTensor { name, shape, data }| Ok((name, value_of(&shape, data)?))).collect()
}

fn value_of(shape: &[u64], data: TensorData) -> Result<DynValue, EngineError> {
    let shape = whole_shape(shape)?;
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
