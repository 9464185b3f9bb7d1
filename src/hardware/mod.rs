//! Machines: this one's fingerprint, its GPUs, hardware profiles the user edits, and the price book.

use serde::{Deserialize, Serialize};

use crate::units::Money;

/// What identifies a machine that measured something. Everything that may be unknown is an `Option`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Fingerprint {
    /// `Intel(R) Xeon(R) …`, as the system names it.
    pub cpu: String,
    /// Logical CPUs this process may use.
    pub logical_cpus: u32,
    /// Physical cores of the machine.
    pub physical_cores: Option<u32>,
    /// Bytes of main memory this process may use (the container's limit where there is one).
    pub memory_bytes: Option<u64>,
    /// `linux 6.1 x86_64`.
    pub system: String,
    /// Names of the GPUs NVML sees, in its order; empty without a driver.
    pub gpus: Vec<String>,
    /// NVIDIA driver version, where there is one.
    pub driver: Option<String>,
}

/// How capacity is bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purchase {
    /// By the hour, no promise.
    OnDemand,
    /// Spare capacity that may be taken away.
    Spot,
    /// One-year promise, no upfront payment.
    #[serde(rename = "committed_1y")]
    Committed1y,
    /// Three-year promise.
    #[serde(rename = "committed_3y")]
    Committed3y,
    /// A machine of one's own.
    Owned,
}

/// A machine one can have, with its price: from the price book or typed in by the user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Unique in a project: `aws/c7i.large/us-east-1/on_demand`, or what the user typed.
    pub id: String,
    /// Shown to people: `AWS c7i.large`.
    pub name: String,
    /// `AWS`, `Azure`, `GCP`, or the user's own word.
    pub provider: String,
    /// Instance type as the provider names it.
    pub instance: String,
    /// Region id; empty for an owned machine.
    pub region: String,
    /// How it is bought.
    pub purchase: Purchase,
    /// Price of one hour, in `currency`.
    pub price_per_hour: Money,
    /// ISO 4217.
    pub currency: String,
    /// Virtual CPUs.
    pub vcpu: f64,
    /// Memory in GiB.
    pub memory_gib: Option<f64>,
    /// `NVIDIA T4`; `None` for a CPU machine.
    pub accelerator: Option<String>,
    /// How many accelerators.
    pub accelerator_count: u32,
    /// Throughput relative to the machine that measured, for the same threads; 1 = as fast.
    /// `None` = not known: nothing measured elsewhere may be priced on it.
    pub speed_factor: Option<f64>,
    /// True when measurements of *this* machine are this profile's own. Otherwise prices over them are *assumed*.
    pub is_measured_machine: bool,
    /// Where the price comes from, in words, with its date: `karpenter-provider-aws, 2026-05-02`; or `typed in`.
    pub source: String,
}
