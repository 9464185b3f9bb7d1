//! The few calls of ONNX Runtime's C interface that `ort` has no safe way for: execution providers by name, half
//! precision values, and an inference loop without allocations of our own between two clock readings.
//!
//! All unsafe code of the crate is here. Each block says why it is sound; the rules are those of
//! `onnxruntime_c_api.h`.
#![allow(unsafe_code, reason = "foreign calls that ort does not wrap; each block says why it is sound")]

use std::ffi::{CStr, CString, c_char, c_int};
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use ort::AsPointer;
use ort::memory::Allocator;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{DynTensor, DynValue, DynValueRef, TensorElementType};

/// Official builds of ONNX Runtime send usage data, model names and a device id to their maker unless this variable
/// is set before the library starts ("Disabling Telemetry" in the package's `Privacy.md`); the interface's own
/// switch comes too late, after a first event and a device id on disk. Nothing leaves the machine unasked.
pub(super) const NO_TELEMETRY: (&str, &str) = ("ORT_DISABLE_TELEMETRY", "1");

/// Sets [`NO_TELEMETRY`] for this process, for workers that were not started by a local launcher.
///
/// To be called by the worker's main function only, before it has other threads and before any library is loaded.
pub(super) fn forbid_telemetry() {
    // SAFETY: the worker has one thread at this point, so nobody reads the environment at the same time.
    unsafe { std::env::set_var(NO_TELEMETRY.0, NO_TELEMETRY.1) };
}

/// Ends this process now, with exit code 0: without the libraries' own clean-up, which may wait for an inference
/// that is still running.
pub(super) fn end_process() -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` may be called at any time from any thread; nothing of ours is left unwritten.
    unsafe {
        nix::libc::_exit(0)
    }
    #[cfg(not(unix))]
    std::process::exit(0);
}

/// Names of the execution providers the loaded library was built with, as it spells them.
pub(super) fn available_providers() -> ort::Result<Vec<String>> {
    let api = ort::api();
    let mut names: *mut *mut c_char = ptr::null_mut();
    let mut count: c_int = 0;
    // SAFETY: both out-pointers are valid for writes; the status is taken over by `result_from_status`.
    unsafe { ort::Error::result_from_status((api.GetAvailableProviders)(&raw mut names, &raw mut count)) }?;
    let mut found = Vec::new();
    for place in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: the library filled `count` pointers to NUL-terminated strings, valid until released below.
        let name = unsafe { CStr::from_ptr(*names.add(place)) };
        found.push(name.to_string_lossy().into_owned());
    }
    // SAFETY: `names` came from GetAvailableProviders with this count and is not used afterwards.
    unsafe { ort::Error::result_from_status((api.ReleaseAvailableProviders)(names, count)) }?;
    Ok(found)
}

/// Appends the provider the library calls `name` to a session's options. Fails when the library, its driver or
/// its helper libraries are missing: never silently.
pub(super) fn append_provider(
    builder: &mut SessionBuilder,
    name: &str,
    options: &[(&str, String)],
) -> ort::Result<()> {
    match name {
        "CUDAExecutionProvider" => append_cuda(builder),
        "TensorrtExecutionProvider" => append_tensorrt(builder),
        _ => append_by_name(builder, name, options),
    }
}

fn append_by_name(builder: &mut SessionBuilder, name: &str, options: &[(&str, String)]) -> ort::Result<()> {
    let name = CString::new(name)?;
    let keys: Vec<CString> = options.iter().map(|(key, _)| CString::new(*key)).collect::<Result<_, _>>()?;
    let values: Vec<CString> =
        options.iter().map(|(_, value)| CString::new(value.as_str())).collect::<Result<_, _>>()?;
    let keys: Vec<*const c_char> = keys.iter().map(|key| key.as_ptr()).collect();
    let values: Vec<*const c_char> = values.iter().map(|value| value.as_ptr()).collect();
    // SAFETY: the options are alive and exclusively borrowed; names and option arrays are NUL-terminated, of the
    // stated length and outlive the call, which copies them.
    unsafe {
        ort::Error::result_from_status((ort::api().SessionOptionsAppendExecutionProvider)(
            builder.ptr_mut(),
            name.as_ptr(),
            keys.as_ptr(),
            values.as_ptr(),
            keys.len(),
        ))
    }
}

fn append_cuda(builder: &mut SessionBuilder) -> ort::Result<()> {
    let api = ort::api();
    let mut options = ptr::null_mut();
    // SAFETY: `options` is valid for writes; it is released exactly once below and used only before that.
    unsafe {
        ort::Error::result_from_status((api.CreateCUDAProviderOptions)(&raw mut options))?;
        let appended = (api.SessionOptionsAppendExecutionProvider_CUDA_V2)(builder.ptr_mut(), options);
        (api.ReleaseCUDAProviderOptions)(options);
        ort::Error::result_from_status(appended)
    }
}

fn append_tensorrt(builder: &mut SessionBuilder) -> ort::Result<()> {
    let api = ort::api();
    let mut options = ptr::null_mut();
    // SAFETY: as in `append_cuda`.
    unsafe {
        ort::Error::result_from_status((api.CreateTensorRTProviderOptions)(&raw mut options))?;
        let appended = (api.SessionOptionsAppendExecutionProvider_TensorRT_V2)(builder.ptr_mut(), options);
        (api.ReleaseTensorRTProviderOptions)(options);
        ort::Error::result_from_status(appended)
    }
}

/// A tensor of 16-bit floats from their bits.
pub(super) fn half_tensor(element: TensorElementType, shape: &[i64], bits: &[u16]) -> ort::Result<DynValue> {
    let mut tensor = DynTensor::new(&Allocator::default(), element, shape.to_vec())?;
    let elements: i64 = shape.iter().product();
    if usize::try_from(elements) != Ok(bits.len()) {
        return Err(ort::Error::new(format!("shape {shape:?} does not hold {} values", bits.len())));
    }
    if !bits.is_empty() {
        let data = tensor.data_ptr_mut().cast::<u16>();
        // SAFETY: the tensor was just allocated on the CPU with `elements` 16-bit elements, checked above.
        unsafe { ptr::copy_nonoverlapping(bits.as_ptr(), data, bits.len()) };
    }
    Ok(tensor.into_dyn())
}

/// The bits of a tensor of 16-bit floats on the CPU.
pub(super) fn half_bits(tensor: &DynTensor) -> ort::Result<Vec<u16>> {
    if !matches!(tensor.data_type(), TensorElementType::Float16 | TensorElementType::Bfloat16)
        || !tensor.memory_info().is_cpu_accessible()
    {
        return Err(ort::Error::new("not 16-bit floats on the CPU"));
    }
    let count = tensor.shape().num_elements();
    if count == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: a tensor of this type on the CPU has `count` aligned 16-bit elements, alive as long as `tensor`.
    Ok(unsafe { std::slice::from_raw_parts(tensor.data_ptr().cast::<u16>(), count) }.to_vec())
}

/// Inputs that several runners may share: named values that nobody changes.
pub(super) struct Inputs<'v> {
    values: Vec<Held<'v>>,
    names: Vec<CString>,
}

/// The value of an input.
pub(super) enum Held<'v> {
    /// With memory of its own.
    Own(DynValue),
    /// On memory that somebody else holds.
    Rows(DynValueRef<'v>),
}

// SAFETY: the values are only handed to `Run` as constant inputs, which the library reads and never writes; the
// names are never changed.
unsafe impl Sync for Inputs<'_> {}

impl<'v> Inputs<'v> {
    /// Values by their names in the session.
    pub(super) fn new(inputs: Vec<(String, Held<'v>)>) -> ort::Result<Self> {
        let names = inputs.iter().map(|(name, _)| CString::new(name.as_str())).collect::<Result<_, _>>()?;
        Ok(Self { values: inputs.into_iter().map(|(_, value)| value).collect(), names })
    }
}

/// Runs one session on the same inputs again and again. Everything but the call itself is prepared beforehand.
///
/// Several runners may run one session at once: `Run` is thread-safe ("multiple threads can invoke Run on the same
/// session", `onnxruntime_c_api.h`).
pub(super) struct Runner<'s> {
    session: *mut ort::sys::OrtSession,
    _session: PhantomData<&'s Session>,
    _inputs: Arc<Inputs<'s>>,
    _names: Vec<CString>,
    input_names: Vec<*const c_char>,
    input_values: Vec<*const ort::sys::OrtValue>,
    output_names: Vec<*const c_char>,
    output_values: Vec<*mut ort::sys::OrtValue>,
    api: &'static ort::sys::OrtApi,
}

// SAFETY: the session may be run from any thread and outlives the runner; inputs are shared read-only (see
// `Inputs`); names belong to the runner, and the output slots are null between runs.
unsafe impl Send for Runner<'_> {}

impl<'s> Runner<'s> {
    /// Prepares a run of `session` on named inputs, for all its outputs.
    pub(super) fn new(session: &'s Session, inputs: Arc<Inputs<'s>>) -> ort::Result<Self> {
        let names = session
            .outputs()
            .iter()
            .map(|output| CString::new(output.name()))
            .collect::<Result<Vec<CString>, _>>()?;
        // The strings' and values' own memory does not move when their vectors do.
        let output_names: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
        Ok(Self {
            session: session.ptr().cast_mut(),
            _session: PhantomData,
            input_names: inputs.names.iter().map(|name| name.as_ptr()).collect(),
            input_values: inputs
                .values
                .iter()
                .map(|value| match value {
                    Held::Own(value) => value.ptr(),
                    Held::Rows(value) => value.ptr(),
                })
                .collect(),
            output_values: vec![ptr::null_mut(); output_names.len()],
            output_names,
            _inputs: inputs,
            _names: names,
            api: ort::api(),
        })
    }

    /// One inference, with the clock read directly before and after the library's call. The outputs are made by
    /// the library inside that time, as they are for any caller, and released after it.
    pub(super) fn run(&mut self) -> ort::Result<(Instant, Instant)> {
        let started = Instant::now();
        // SAFETY: the session is alive and may be run from several threads; the name and value arrays have the
        // stated lengths and are owned by `self`; all output slots are null, which asks the library to allocate.
        let status = unsafe {
            (self.api.Run)(
                self.session,
                ptr::null(),
                self.input_names.as_ptr(),
                self.input_values.as_ptr(),
                self.input_values.len(),
                self.output_names.as_ptr(),
                self.output_names.len(),
                self.output_values.as_mut_ptr(),
            )
        };
        let ended = Instant::now();
        for value in &mut self.output_values {
            if !value.is_null() {
                // SAFETY: the library allocated this value for us; the slot is cleared, so it is released once.
                unsafe { (self.api.ReleaseValue)(*value) };
                *value = ptr::null_mut();
            }
        }
        // SAFETY: the status is ours and handed over once.
        unsafe { ort::Error::result_from_status(status) }?;
        Ok((started, ended))
    }
}
