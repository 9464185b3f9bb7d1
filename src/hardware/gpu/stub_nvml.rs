//! Source of the stub NVML that tests build and load (`stub.rs`): the C interface of `nvml.h`, two GPUs.
//!
//! The first GPU tells everything; the second answers NVML_ERROR_NOT_SUPPORTED (3) to all but its name and memory.
//! Each question for the first GPU's utilisation is one tick, from which its other values follow.
#![allow(non_snake_case, clippy::missing_safety_doc, reason = "the names and the rules are C's")]

use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

static TICK: AtomicU32 = AtomicU32::new(0);

const SUCCESS: c_uint = 0;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;
const INSUFFICIENT_SIZE: c_uint = 7;
const ARGUMENT_VERSION_MISMATCH: c_uint = 25;

type Device = *mut c_void;

fn is_first(device: Device) -> bool {
    device as usize == 1
}

fn tick() -> c_uint {
    TICK.load(SeqCst)
}

unsafe fn put(text: &str, out: *mut c_char, length: usize) -> c_uint {
    if text.len() >= length {
        return INSUFFICIENT_SIZE;
    }
    for (at, byte) in text.bytes().chain([0]).enumerate() {
        *out.add(at) = byte as c_char;
    }
    SUCCESS
}

unsafe fn answer<T>(device: Device, out: *mut T, value: T) -> c_uint {
    if !is_first(device) {
        return NOT_SUPPORTED;
    }
    *out = value;
    SUCCESS
}

#[no_mangle]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    SUCCESS
}

#[no_mangle]
pub extern "C" fn nvmlShutdown() -> c_uint {
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(out: *mut c_char, length: c_uint) -> c_uint {
    put("570.12.34", out, length as usize)
}

#[no_mangle]
pub unsafe extern "C" fn nvmlSystemGetCudaDriverVersion_v2(out: *mut c_int) -> c_uint {
    *out = 12_080;
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(out: *mut c_uint) -> c_uint {
    *out = 2;
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, out: *mut Device) -> c_uint {
    if index > 1 {
        return INVALID_ARGUMENT;
    }
    *out = (index as usize + 1) as Device;
    SUCCESS
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetName(device: Device, out: *mut c_char, length: c_uint) -> c_uint {
    put(if is_first(device) { "Stub GPU A" } else { "Stub GPU B" }, out, length as usize)
}

#[repr(C)]
pub struct Memory {
    version: c_uint,
    total: c_ulonglong,
    reserved: c_ulonglong,
    free: c_ulonglong,
    used: c_ulonglong,
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, out: *mut Memory) -> c_uint {
    // NVML_STRUCT_VERSION(Memory, 2)
    if (*out).version != std::mem::size_of::<Memory>() as c_uint | 2 << 24 {
        return ARGUMENT_VERSION_MISMATCH;
    }
    (*out).total = 24_000_000_000;
    (*out).used = 1_000_000_000 + if is_first(device) { u64::from(tick()) * 1_000_000 } else { 0 };
    (*out).reserved = 0;
    (*out).free = (*out).total - (*out).used;
    SUCCESS
}

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(device: Device, out: *mut Utilization) -> c_uint {
    if is_first(device) {
        TICK.fetch_add(1, SeqCst);
    }
    answer(device, out, Utilization { gpu: (10 * tick()).min(100), memory: 77 })
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Device, out: *mut c_uint) -> c_uint {
    answer(device, out, 30_000 + 1_500 * tick())
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetTotalEnergyConsumption(device: Device, out: *mut c_ulonglong) -> c_uint {
    answer(device, out, 1_000_000 + 12_500 * u64::from(tick()))
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetEnforcedPowerLimit(device: Device, out: *mut c_uint) -> c_uint {
    answer(device, out, 72_500)
}

/// Of the clock domains of `nvml.h`: 1 = multiprocessors, 2 = memory.
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Device, domain: c_uint, out: *mut c_uint) -> c_uint {
    answer(device, out, if domain == 1 { 2_000_u32.saturating_sub(10 * tick()) } else { 5_000 })
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(device: Device, domain: c_uint, out: *mut c_uint) -> c_uint {
    answer(device, out, if domain == 1 { 2_040 } else { 6_251 })
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(device: Device, _sensor: c_uint, out: *mut c_uint) -> c_uint {
    answer(device, out, 40 + tick())
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(
    device: Device,
    out: *mut c_ulonglong,
) -> c_uint {
    let reasons = match tick() {
        3 => 0x44,
        4 => 0x8004,
        _ => 0x1,
    };
    answer(device, out, reasons)
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetCudaComputeCapability(
    device: Device,
    major: *mut c_int,
    minor: *mut c_int,
) -> c_uint {
    answer(device, minor, 9);
    answer(device, major, 8)
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(
    device: Device,
    current: *mut c_uint,
    pending: *mut c_uint,
) -> c_uint {
    answer(device, pending, 1);
    answer(device, current, 1)
}

#[repr(C)]
pub struct PciInfo {
    bus_id_legacy: [c_char; 16],
    domain: c_uint,
    bus: c_uint,
    device: c_uint,
    pci_device_id: c_uint,
    pci_sub_system_id: c_uint,
    bus_id: [c_char; 32],
}

#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetPciInfo_v3(device: Device, out: *mut PciInfo) -> c_uint {
    let info = PciInfo {
        bus_id_legacy: [0; 16],
        domain: 0,
        bus: 1,
        device: 0,
        pci_device_id: 0x27b8_10de,
        pci_sub_system_id: 0,
        bus_id: [0; 32],
    };
    match answer(device, out, info) {
        SUCCESS => put("00000000:01:00.0", (&raw mut (*out).bus_id).cast(), 32),
        error => error,
    }
}

#[repr(C)]
pub struct ProcessInfo {
    pid: c_uint,
    used_gpu_memory: c_ulonglong,
    gpu_instance_id: c_uint,
    compute_instance_id: c_uint,
}

/// Three entries: another process, and this one on two instances.
#[no_mangle]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    out: *mut ProcessInfo,
) -> c_uint {
    if !is_first(device) {
        return NOT_SUPPORTED;
    }
    let room = std::mem::replace(&mut *count, 3);
    if room < 3 {
        return INSUFFICIENT_SIZE;
    }
    let own = std::process::id();
    let bytes = u64::from(tick()) * 100_000;
    for (at, (pid, bytes)) in [(own + 1, 999), (own, 4 * bytes), (own, 6 * bytes)].into_iter().enumerate() {
        out.add(at).write(ProcessInfo {
            pid,
            used_gpu_memory: bytes,
            gpu_instance_id: at as c_uint,
            compute_instance_id: 0,
        });
    }
    SUCCESS
}
