//! The lines that cost of AI is told by: what a token was, what a machine did, what stood beside it.
//!
//! Source of the lines: FinOps Foundation, "How to Forecast AI Services Costs in Cloud" and "FinOps for AI Overview"
//! (CC BY 4.0), as far as a bill can tell them apart.

use serde::{Deserialize, Serialize};

use crate::bill::inference::{Charge, Facts};
use crate::bill::rules::Class;

/// What a row's money went to. Each row that a rule caught has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of each say it")]
pub enum Line {
    InputTokens,
    CachedTokens,
    OutputTokens,
    OtherModelApi,
    ProvisionedThroughput,
    ManagedEndpoints,
    Machines,
    UnusedCapacity,
    Storage,
    Traffic,
    LoadBalancers,
    Databases,
    Observability,
    OtherSupporting,
    Credits,
    Tax,
    Training,
    Unknown,
}

impl Line {
    /// All, in the order they are shown.
    pub const ALL: [Self; 18] = [
        Self::InputTokens,
        Self::CachedTokens,
        Self::OutputTokens,
        Self::OtherModelApi,
        Self::ProvisionedThroughput,
        Self::ManagedEndpoints,
        Self::Machines,
        Self::UnusedCapacity,
        Self::Storage,
        Self::Traffic,
        Self::LoadBalancers,
        Self::Databases,
        Self::Observability,
        Self::OtherSupporting,
        Self::Credits,
        Self::Tax,
        Self::Training,
        Self::Unknown,
    ];

    /// Its lasting name.
    pub fn id(self) -> &'static str {
        match self {
            Self::InputTokens => "input_tokens",
            Self::CachedTokens => "cached_tokens",
            Self::OutputTokens => "output_tokens",
            Self::OtherModelApi => "other_model_api",
            Self::ProvisionedThroughput => "provisioned_throughput",
            Self::ManagedEndpoints => "managed_endpoints",
            Self::Machines => "machines",
            Self::UnusedCapacity => "unused_capacity",
            Self::Storage => "storage",
            Self::Traffic => "traffic",
            Self::LoadBalancers => "load_balancers",
            Self::Databases => "databases",
            Self::Observability => "observability",
            Self::OtherSupporting => "other_supporting",
            Self::Credits => "credits",
            Self::Tax => "tax",
            Self::Training => "training",
            Self::Unknown => "unknown",
        }
    }

    /// The line of this name.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|line| line.id() == id)
    }

    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::InputTokens => "Input tokens",
            Self::CachedTokens => "Cached tokens",
            Self::OutputTokens => "Output tokens",
            Self::OtherModelApi => "Other use of model APIs",
            Self::ProvisionedThroughput => "Provisioned throughput",
            Self::ManagedEndpoints => "Managed endpoints",
            Self::Machines => "Compute for inference",
            Self::UnusedCapacity => "Unused commitments and reservations",
            Self::Storage => "Storage",
            Self::Traffic => "Network and egress",
            Self::LoadBalancers => "Load balancers",
            Self::Databases => "Databases and vector stores",
            Self::Observability => "Observability and evaluation",
            Self::OtherSupporting => "Other supporting services",
            Self::Credits => "Credits",
            Self::Tax => "Tax",
            Self::Training => "Training and fine-tuning",
            Self::Unknown => "AI, purpose unknown",
        }
    }

    /// Capacity that is paid whether it is used or not: its use is a share that the bill does not tell.
    pub fn is_capacity(self) -> bool {
        matches!(self, Self::ProvisionedThroughput | Self::ManagedEndpoints | Self::Machines)
    }

    /// The line of a row that a rule of this class caught.
    pub(super) fn of(class: Class, facts: &Facts) -> Self {
        let words = |list: &[&str]| {
            list.iter().any(|word| facts.words.contains(word) || facts.service.contains(word))
        };
        // What is charged on top of use, or given back, is no token and no machine.
        match facts.charge {
            Charge::Tax => return Self::Tax,
            Charge::Credit => return Self::Credits,
            Charge::Other => {}
        }
        if facts.unused && class != Class::Training {
            return Self::UnusedCapacity;
        }
        match class {
            Class::Training => Self::Training,
            Class::Unknown => Self::Unknown,
            Class::Machine => Self::Machines,
            Class::ManagedEndpoint => Self::ManagedEndpoints,
            Class::ModelApi => {
                if words(&["provisioned", " ptu", " gsu", "model unit"]) {
                    Self::ProvisionedThroughput
                } else if !words(&["token"]) {
                    Self::OtherModelApi
                } else if is_cached(&facts.words) {
                    Self::CachedTokens
                } else if words(&["output", "-outp", " outp", " out ", "completion token"]) {
                    Self::OutputTokens
                } else if words(&["input", "-inp", " inp", " in ", "prompt token"]) {
                    Self::InputTokens
                } else {
                    Self::OtherModelApi
                }
            }
            Class::Supporting => {
                if words(&["load balanc", "loadbalanc"]) {
                    return Self::LoadBalancers;
                }
                match facts.category.as_str() {
                    "storage" => Self::Storage,
                    "networking" => Self::Traffic,
                    "databases" => Self::Databases,
                    "management and governance" => Self::Observability,
                    _ if words(&["datatransfer", "data transfer", "egress"]) => Self::Traffic,
                    _ => Self::OtherSupporting,
                }
            }
        }
    }
}

/// Whether words speak of tokens in a cache, and not of such that are in none: `input_no_cache`.
fn is_cached(words: &str) -> bool {
    let mut words = words.to_owned();
    for not in ["uncached", "non-cached", "no cache", "no-cache", "no_cache"] {
        words = words.replace(not, "");
    }
    ["cache", "cchd", " cd "].iter().any(|word| words.contains(word))
}
