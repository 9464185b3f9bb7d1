//! An NVML for tests: a library with the symbols this program calls, built by the test that needs it.
//!
//! Its values follow from the number of readings so far (its *tick*), so that a test can name each exactly.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::GpuReading;

/// A library of its own, so that tests in one process do not count each other's readings.
pub(crate) struct StubNvml {
    _folder: TempDir,
    library: PathBuf,
}

impl StubNvml {
    /// What the first GPU's energy counter gains with each reading.
    pub(crate) const JOULES_PER_READING: f64 = 12.5;

    /// Builds it with the Rust compiler that built this test.
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("stub_nvml.rs");
        std::fs::write(&source, include_str!("stub_nvml.rs")).unwrap();
        let library =
            folder.path().join(format!("{}stub_nvml{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX));
        let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let output = Command::new(&compiler)
            .args(["--edition=2021", "--crate-type=cdylib", "-Cpanic=abort", "-o"])
            .arg(&library)
            .arg(&source)
            .output()
            .unwrap_or_else(|error| panic!("starting {}: {error}", compiler.display()));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { _folder: folder, library }
    }

    /// Where it is.
    pub(crate) fn library(&self) -> &Path {
        &self.library
    }

    /// What the first GPU says at its `tick`th reading (from 1); the numbers of `stub_nvml.rs`.
    pub(crate) fn reading(tick: u32) -> GpuReading {
        let bytes = u64::from(tick) * 1_000_000;
        GpuReading {
            utilisation: Some(f64::from((10 * tick).min(100)) / 100.0),
            memory_used_bytes: Some(1_000_000_000 + bytes),
            own_memory_bytes: Some(bytes),
            power_watts: Some(30.0 + 1.5 * f64::from(tick)),
            sm_clock_mhz: Some(2_000_u32.saturating_sub(10 * tick)),
            temperature_celsius: Some(40 + tick),
            throttle_reasons: Some(match tick {
                3 => 0x44,
                4 => 0x8004,
                _ => 0x1,
            }),
        }
    }
}
