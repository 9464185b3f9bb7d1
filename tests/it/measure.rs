//! Worker, sweeps, runtime.
