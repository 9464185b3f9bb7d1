//! Which rows of a bill pay for AI inference: rules as data, each with an id, words and whether it counts.
//!
//! The first rule that matches names the row. A bill does not say what a GPU was used for, so a GPU counts as
//! inference only where a tag says so; otherwise it is shown apart, as "purpose unknown". These are the built-in
//! rules; a project may switch them off, reorder them and add its own ([`super::lens::RuleSet`]).

use serde::{Deserialize, Serialize};

/// Where inference money goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Models behind somebody else's API, paid by token or request.
    ModelApi,
    /// Endpoints a cloud runs for one's own models.
    ManagedEndpoint,
    /// Machines that run models.
    Machine,
    /// What serving needs beside machines: storage, network, idle commitments.
    Supporting,
    /// AI work that is not inference.
    Training,
    /// AI whose purpose the bill does not tell.
    Unknown,
}

impl Class {
    /// All of them, in the order they are shown.
    pub const ALL: [Self; 6] = [
        Self::ModelApi,
        Self::ManagedEndpoint,
        Self::Machine,
        Self::Supporting,
        Self::Training,
        Self::Unknown,
    ];

    /// Its lasting name, as JSON has it.
    pub fn id(self) -> &'static str {
        match self {
            Self::ModelApi => "model_api",
            Self::ManagedEndpoint => "managed_endpoint",
            Self::Machine => "machine",
            Self::Supporting => "supporting",
            Self::Training => "training",
            Self::Unknown => "unknown",
        }
    }

    /// Its name for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::ModelApi => "Model APIs",
            Self::ManagedEndpoint => "Managed endpoints",
            Self::Machine => "Machines",
            Self::Supporting => "Supporting cost",
            Self::Training => "Training",
            Self::Unknown => "AI, purpose unknown",
        }
    }
}

/// One built-in rule.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its lasting name, as the store keeps it.
    pub id: &'static str,
    /// What it means, for people.
    pub words: &'static str,
    /// Where the money goes.
    pub class: Class,
    /// Rows of this rule are part of the inference spend.
    pub counted: bool,
    #[serde(skip)]
    pub(super) tests: &'static [Test],
}

/// What a rule looks at; text is compared without case.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Test {
    /// `ServiceName` contains one of these.
    Service(&'static [&'static str]),
    /// `ServiceCategory` is this.
    Category(&'static str),
    /// `ServiceSubcategory` is this.
    Subcategory(&'static str),
    /// Meter, usage type or description contains one of these.
    Words(&'static [&'static str]),
    /// The unit of consumption or pricing contains this.
    Unit(&'static str),
    /// The instance has an accelerator.
    Accelerator,
    /// A tag says the row serves a model.
    TaggedServing,
    /// A tag says the row trains a model or explores data.
    TaggedTraining,
    /// Committed and not used.
    Unused,
    /// One of these holds.
    Either(&'static [Test]),
}

impl Rule {
    /// What must hold of a row, in words: all of it.
    pub fn conditions(&self) -> Vec<String> {
        self.tests.iter().map(Test::words).collect()
    }
}

impl Test {
    /// `ServiceName contains bedrock or openai`.
    fn words(&self) -> String {
        let any = |list: &[&str]| {
            let shown: Vec<String> = list.iter().map(|word| format!("“{}”", word.trim())).collect();
            match shown.as_slice() {
                [before @ .., last] if !before.is_empty() => format!("{} or {last}", before.join(", ")),
                all => all.join(""),
            }
        };
        match self {
            Self::Service(list) => format!("ServiceName contains {}", any(list)),
            Self::Category(name) => format!("ServiceCategory is “{name}”"),
            Self::Subcategory(name) => format!("ServiceSubcategory is “{name}”"),
            Self::Words(list) => {
                format!("SkuMeter, ChargeDescription or the usage type contains {}", any(list))
            }
            Self::Unit(word) => format!("ConsumedUnit or PricingUnit contains “{word}”"),
            Self::Accelerator => {
                "SkuPriceDetails, the instance type or the meter names an accelerator".to_owned()
            }
            Self::TaggedServing => {
                "a tag of its purpose says “inference”, “serving” or “predict”, or the dimension Purpose is serving"
                    .to_owned()
            }
            Self::TaggedTraining => {
                "a tag of its purpose says “training”, “fine-tune”, “notebook”, “experiment” or “research”, or the dimension \
                 Purpose is training"
                    .to_owned()
            }
            Self::Unused => "CommitmentDiscountStatus or CapacityReservationStatus is “Unused”".to_owned(),
            Self::Either(tests) => tests.iter().map(Self::words).collect::<Vec<_>>().join(", or "),
        }
    }
}

const AI: Test = Test::Category("ai and machine learning");
/// Services that sell nothing but answers of models.
const MODEL_APIS: Test = Test::Service(&[
    "bedrock",
    "openai",
    "anthropic",
    "claude",
    "gemini api",
    "generative language",
    "deepseek",
    "foundry models",
    "mistral",
    "cohere",
]);
/// Services that also train.
const ML_PLATFORMS: Test = Test::Service(&[
    "sagemaker",
    "vertex",
    "azure machine learning",
    "databricks",
    "cognitive services",
    "watson",
]);

/// The rules, in the order they are tried.
pub const RULES: &[Rule] = &[
    Rule {
        id: "idle-commitment-serving",
        words: "Unused commitment on accelerators tagged as serving",
        class: Class::Supporting,
        counted: true,
        tests: &[Test::Unused, Test::Accelerator, Test::TaggedServing],
    },
    Rule {
        id: "idle-commitment",
        words: "Unused commitment on accelerators, purpose unknown",
        class: Class::Unknown,
        counted: false,
        tests: &[Test::Unused, Test::Accelerator],
    },
    Rule {
        id: "managed-training",
        words: "Training, notebooks and processing on a managed ML platform",
        class: Class::Training,
        counted: false,
        tests: &[
            Test::Either(&[ML_PLATFORMS, AI]),
            Test::Words(&[
                "train:",
                "training",
                "notebk",
                "notebook",
                "processing:",
                "fine-tun",
                "finetun",
                "customization",
            ]),
        ],
    },
    Rule {
        id: "token-api",
        words: "Model API paid by token",
        class: Class::ModelApi,
        counted: true,
        tests: &[
            Test::Either(&[MODEL_APIS, ML_PLATFORMS, AI]),
            Test::Either(&[Test::Words(&["tokens", "-token", " token"]), Test::Unit("token")]),
        ],
    },
    Rule {
        id: "provisioned-throughput",
        words: "Reserved throughput of a model API",
        class: Class::ModelApi,
        counted: true,
        tests: &[
            Test::Either(&[MODEL_APIS, ML_PLATFORMS, AI]),
            Test::Words(&[
                "provisionedthroughput",
                "provisioned throughput",
                "provisioned managed",
                " ptu",
                " gsu",
                "model unit",
            ]),
        ],
    },
    Rule {
        id: "managed-endpoint",
        words: "Managed inference endpoint",
        class: Class::ManagedEndpoint,
        counted: true,
        tests: &[
            Test::Either(&[ML_PLATFORMS, AI]),
            Test::Words(&[
                "host:",
                "hosting",
                "asyncinf",
                "serverlessinf",
                "inference",
                "prediction",
                "endpoint",
                "model_serving",
                "model serving",
            ]),
        ],
    },
    Rule {
        id: "model-api",
        words: "Model API paid by request, image or minute",
        class: Class::ModelApi,
        counted: true,
        tests: &[MODEL_APIS],
    },
    Rule {
        id: "generative-ai",
        words: "Service of the FOCUS subcategory Generative AI",
        class: Class::ModelApi,
        counted: true,
        tests: &[Test::Subcategory("generative ai")],
    },
    Rule {
        id: "accelerator-serving",
        words: "Accelerator machines tagged as serving",
        class: Class::Machine,
        counted: true,
        tests: &[Test::Accelerator, Test::TaggedServing],
    },
    Rule {
        id: "accelerator-training",
        words: "Accelerator machines tagged as training",
        class: Class::Training,
        counted: false,
        tests: &[Test::Accelerator, Test::TaggedTraining],
    },
    Rule {
        id: "accelerator-unknown",
        words: "Accelerator machines, purpose unknown",
        class: Class::Unknown,
        counted: false,
        tests: &[Test::Accelerator],
    },
    Rule {
        id: "compute-serving",
        words: "CPU machines tagged as serving",
        class: Class::Machine,
        counted: true,
        tests: &[Test::TaggedServing, Test::Category("compute")],
    },
    Rule {
        id: "load-balancer-serving",
        words: "Load balancers tagged as serving",
        class: Class::Supporting,
        counted: true,
        tests: &[
            Test::TaggedServing,
            Test::Either(&[
                Test::Service(&["load balanc", "elb"]),
                Test::Words(&["load balanc", "loadbalanc", "lcu-hour", "lcuusage"]),
            ]),
        ],
    },
    Rule {
        id: "traffic-serving",
        words: "Traffic and network tagged as serving",
        class: Class::Supporting,
        counted: true,
        tests: &[
            Test::TaggedServing,
            Test::Either(&[
                Test::Category("networking"),
                Test::Words(&["datatransfer", "data transfer", "egress", "-bytes", "nat gateway"]),
            ]),
        ],
    },
    Rule {
        id: "storage-serving",
        words: "Storage tagged as serving",
        class: Class::Supporting,
        counted: true,
        tests: &[Test::TaggedServing, Test::Category("storage")],
    },
    Rule {
        id: "support-serving",
        words: "Other services tagged as serving",
        class: Class::Supporting,
        counted: true,
        tests: &[Test::TaggedServing],
    },
    Rule {
        id: "ai-training",
        words: "AI services tagged as training",
        class: Class::Training,
        counted: false,
        tests: &[AI, Test::TaggedTraining],
    },
    Rule {
        id: "ai-unknown",
        words: "AI services, purpose unknown",
        class: Class::Unknown,
        counted: false,
        tests: &[AI],
    },
];

/// The rule of this id.
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_in_words_what_it_asks_for() {
        for rule in RULES {
            let conditions = rule.conditions();
            assert_eq!(conditions.len(), rule.tests.len(), "{}", rule.id);
            assert!(conditions.iter().all(|words| !words.is_empty()), "{}", rule.id);
        }
        assert_eq!(
            rule("token-api").unwrap().conditions()[1],
            "SkuMeter, ChargeDescription or the usage type contains “tokens”, “-token” or “token”, or ConsumedUnit or \
             PricingUnit contains “token”"
        );
        assert_eq!(
            rule("storage-serving").unwrap().conditions(),
            [
                "a tag of its purpose says “inference”, “serving” or “predict”, or the dimension Purpose is serving",
                "ServiceCategory is “storage”"
            ]
        );
    }
}
