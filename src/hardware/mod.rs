//! Machines: this one's fingerprint, its GPUs, hardware profiles the user edits, and the price book.
//!
//! Knows what a machine is and what an hour of it costs; must not know what is measured on it, billed for it or
//! planned with it.

pub mod cost;
pub mod fingerprint;
pub mod gpu;
pub mod price_book;
pub mod profile_csv;
pub mod profiles;

pub use cost::{Unfit, cost_per_million, sessions};
pub use fingerprint::{Conditions, Difference, Platform, Processor, Tuning};
pub use gpu::GpuDetails;
pub use price_book::{Entry, PriceBook, Query};
pub use profile_csv::{read_csv, write_csv};
pub use profiles::{ProfileError, defaults};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::units::Money;

/// What identifies a machine that measured something, and how it is set up. Everything that may be unknown is an `Option`
/// or an empty list. The state of the moment, which changes by itself, is [`Conditions`].
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
    /// Newest CUDA version that driver serves.
    #[serde(default)]
    pub cuda: Option<String>,
    /// What else each of `gpus` tells, in the same order; empty in older measurements.
    #[serde(default)]
    pub gpu_details: Vec<GpuDetails>,
    /// Caches, clocks and instruction sets.
    #[serde(default)]
    pub processor: Processor,
    /// Firmware's name, hypervisor, container and its limits.
    #[serde(default)]
    pub platform: Platform,
    /// Governor, boost, SMT and other settings.
    #[serde(default)]
    pub tuning: Tuning,
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

/// A text that names no way of buying.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no way of buying; use on_demand, spot, committed_1y, committed_3y or owned")]
pub struct PurchaseError(String);

impl Purchase {
    /// Every way, in the order they are shown.
    pub const ALL: [Self; 5] =
        [Self::OnDemand, Self::Spot, Self::Committed1y, Self::Committed3y, Self::Owned];

    /// The word used in files and JSON: `on_demand`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::OnDemand => "on_demand",
            Self::Spot => "spot",
            Self::Committed1y => "committed_1y",
            Self::Committed3y => "committed_3y",
            Self::Owned => "owned",
        }
    }

    /// One word for narrow columns: `spot`, `1 year`.
    pub const fn short(self) -> &'static str {
        match self {
            Self::OnDemand => "on demand",
            Self::Spot => "spot",
            Self::Committed1y => "1 year",
            Self::Committed3y => "3 years",
            Self::Owned => "owned",
        }
    }

    /// The words shown to people: `1-year commitment`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OnDemand => "On-demand",
            Self::Spot => "Spot",
            Self::Committed1y => "1-year commitment",
            Self::Committed3y => "3-year commitment",
            Self::Owned => "Owned",
        }
    }
}

impl fmt::Display for Purchase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

impl FromStr for Purchase {
    type Err = PurchaseError;

    /// Reads the key or the label, in any case.
    fn from_str(text: &str) -> Result<Self, PurchaseError> {
        let text = text.trim();
        Self::ALL
            .into_iter()
            .find(|way| text.eq_ignore_ascii_case(way.key()) || text.eq_ignore_ascii_case(way.label()))
            .ok_or_else(|| PurchaseError(text.to_owned()))
    }
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
    /// How many accelerators. 0 beside an accelerator's name: the source does not say how many.
    pub accelerator_count: u32,
    /// Throughput relative to the machine that measured, for the same threads; 1 = as fast.
    /// `None` = not known: nothing measured elsewhere may be priced on it.
    pub speed_factor: Option<f64>,
    /// True when measurements of *this* machine are this profile's own. Otherwise prices over them are *assumed*.
    pub is_measured_machine: bool,
    /// Where the price comes from, in words, with its date: `karpenter-provider-aws, 2026-05-02`; or `typed in`.
    pub source: String,
}
