//! Finds the inference rule of a row: gathers what its cells say and tries the rules in order.

use std::collections::HashMap;

use super::accelerator::names_accelerator;
use super::profile::json_text;
use super::rules::{RULES, Test};

/// Tag keys that tell what a resource is for.
const PURPOSE_KEYS: &[&str] = &[
    "workload",
    "workloadtype",
    "purpose",
    "usage",
    "role",
    "component",
    "stage",
    "phase",
    "activity",
    "task",
    "function",
    "service",
    "application",
    "app",
    "system",
    "job",
    "jobtype",
    "product",
    "tier",
    "name",
];
const SERVING_WORDS: &[&str] = &[
    "inference",
    "infer",
    "serving",
    "serve",
    "modelserving",
    "predict",
    "prediction",
    "predictor",
    "predictions",
];
const TRAINING_WORDS: &[&str] = &[
    "training",
    "train",
    "trainer",
    "finetune",
    "finetuning",
    "pretrain",
    "pretraining",
    "notebook",
    "notebooks",
    "experiment",
    "experiments",
    "research",
];

/// What is looked at in a row, lower case.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) service: String,
    pub(super) category: String,
    subcategory: String,
    /// Meter, usage type and description.
    pub(super) words: String,
    unit: String,
    pub(super) accelerator: bool,
    pub(super) purpose: Option<Purpose>,
    pub(super) unused: bool,
    pub(super) charge: Charge,
    /// The tags as JSON; not in lower case, because keys are shown.
    pub(super) tags: String,
}

/// What kind of charge a row is, as far as its line depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Charge {
    Tax,
    Credit,
    #[default]
    Other,
}

/// What a tag says a resource is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Serving,
    Training,
}

impl Test {
    pub(super) fn holds(&self, facts: &Facts) -> bool {
        let contains = |text: &str, list: &[&str]| list.iter().any(|word| text.contains(word));
        match self {
            Self::Service(list) => contains(&facts.service, list),
            Self::Category(name) => facts.category == *name,
            Self::Subcategory(name) => facts.subcategory == *name,
            Self::Words(list) => contains(&facts.words, list),
            Self::Unit(word) => facts.unit.contains(word),
            Self::Accelerator => facts.accelerator,
            Self::TaggedServing => facts.purpose == Some(Purpose::Serving),
            Self::TaggedTraining => facts.purpose == Some(Purpose::Training),
            Self::Unused => facts.unused,
            Self::Either(tests) => tests.iter().any(|test| test.holds(facts)),
        }
    }
}

/// Which source columns the facts stand in.
#[derive(Debug, Default, Clone)]
pub struct FactSource {
    service: Vec<usize>,
    category: Vec<usize>,
    subcategory: Vec<usize>,
    words: Vec<usize>,
    unit: Vec<usize>,
    details: Vec<usize>,
    instance: Vec<usize>,
    tags: Vec<usize>,
    status: Vec<usize>,
    charge: Vec<usize>,
}

impl FactSource {
    /// The columns that facts stand in.
    pub(super) fn columns() -> Vec<&'static str> {
        let names = std::cell::RefCell::new(Vec::new());
        Self::of(|name| {
            names.borrow_mut().push(name);
            None
        });
        names.into_inner()
    }

    /// `at` finds the place of a column by its name in the store.
    pub fn of(at: impl Fn(&'static str) -> Option<usize>) -> Self {
        let places = |names: &[&'static str]| names.iter().filter_map(|name| at(name)).collect();
        Self {
            service: places(&["ServiceName"]),
            category: places(&["ServiceCategory"]),
            subcategory: places(&["ServiceSubcategory"]),
            words: places(&[
                "SkuMeter",
                "ChargeDescription",
                "x_UsageType",
                "x_Operation",
                "x_SkuMeterName",
                "x_SkuMeterSubcategory",
                "x_SkuDescription",
            ]),
            unit: places(&["ConsumedUnit", "PricingUnit"]),
            details: places(&["SkuPriceDetails", "x_SkuDetails"]),
            instance: places(&["x_InstanceType"]),
            tags: places(&["Tags"]),
            status: places(&["CommitmentDiscountStatus", "CapacityReservationStatus"]),
            charge: places(&["ChargeCategory"]),
        }
    }

    /// The columns that a rule depends on; which line a row stands in depends on its kind of charge, too.
    fn all(&self) -> impl Iterator<Item = usize> {
        [
            &self.service,
            &self.category,
            &self.subcategory,
            &self.words,
            &self.unit,
            &self.details,
            &self.instance,
            &self.tags,
            &self.status,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// Every column that is looked at.
    pub(super) fn needed(&self) -> impl Iterator<Item = usize> {
        self.all().chain(self.charge.iter().copied())
    }

    pub(super) fn facts(&self, cells: &[&str]) -> Facts {
        let text = |places: &[usize]| {
            let mut joined = String::from(" ");
            for place in places {
                joined.push_str(cells[*place]);
                joined.push(' ');
            }
            joined
        };
        let lower = |places: &[usize]| text(places).trim().to_lowercase();
        let details = self.details.iter().any(|place| details_name_accelerator(cells[*place]));
        let tagged = |words| self.tags.iter().any(|place| tags_say(cells[*place], words));
        // A row tagged as both serves: what it costs is paid while it serves.
        let purpose = if tagged(SERVING_WORDS) {
            Some(Purpose::Serving)
        } else {
            tagged(TRAINING_WORDS).then_some(Purpose::Training)
        };
        let category = lower(&self.category);
        // A disk described as "volume of a GPU server" is no machine; only what may be one is searched for names.
        let may_be_machine = ["", "compute", "ai and machine learning"].contains(&category.as_str());
        let named = || [&self.instance, &self.words].iter().any(|places| names_accelerator(&text(places)));
        let charge = match lower(&self.charge).as_str() {
            "tax" => Charge::Tax,
            "credit" => Charge::Credit,
            _ => Charge::Other,
        };
        Facts {
            charge,
            tags: text(&self.tags).trim().to_owned(),
            service: lower(&self.service),
            subcategory: lower(&self.subcategory),
            words: text(&self.words).to_lowercase(),
            unit: lower(&self.unit),
            accelerator: details || (may_be_machine && named()),
            category,
            purpose,
            // One that is committed and a reserved place both say whether they were used.
            unused: self.status.iter().any(|place| cells[*place].trim().eq_ignore_ascii_case("unused")),
        }
    }
}

/// `SkuPriceDetails` names the instance type and the number of GPUs (FOCUS 1.2: `InstanceType`, `GpuCount`).
fn details_name_accelerator(text: &str) -> bool {
    let Ok(object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) else {
        return false;
    };
    object.iter().any(|(key, value)| match key.trim_start_matches("x_").to_ascii_lowercase().as_str() {
        "gpucount" => {
            json_text(value).and_then(|count| count.parse::<f64>().ok()).is_some_and(|count| count > 0.0)
        }
        "instancetype" | "servicetype" | "armskuname" => {
            json_text(value).is_some_and(|name| names_accelerator(&name))
        }
        _ => false,
    })
}

/// A tag of a known key has one of the words in its value.
fn tags_say(text: &str, words: &[&str]) -> bool {
    let Ok(object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) else {
        return false;
    };
    object.iter().any(|(key, value)| {
        // `user:Workload-Type` → `workloadtype`.
        let key = key.rsplit([':', '/']).next().unwrap_or(key);
        let key: String =
            key.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        PURPOSE_KEYS.contains(&key.as_str())
            && value.as_str().is_some_and(|value| {
                let value = value.to_lowercase();
                value.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word))
            })
    })
}

/// Finds the rule of each row, remembering rows that look the same.
pub struct Classifier {
    source: FactSource,
    known: HashMap<String, Option<&'static str>>,
    key: String,
    /// Neighbours look the same more often than not.
    last: (String, Option<&'static str>),
}

impl Classifier {
    /// Rows that look different are remembered up to this many.
    const MAX_KNOWN: usize = 50_000;

    /// For rows whose facts stand in these places.
    pub fn new(source: &FactSource) -> Self {
        Self {
            source: source.clone(),
            known: HashMap::new(),
            key: String::new(),
            last: (String::new(), None),
        }
    }

    /// The id of the first rule that matches; `None` when none does.
    pub fn classify(&mut self, cells: &[&str]) -> Option<&'static str> {
        self.key.clear();
        for place in self.source.all() {
            self.key.push_str(cells[place]);
            self.key.push('\u{1f}');
        }
        if self.last.0 == self.key {
            return self.last.1;
        }
        let found = self.look_up(cells);
        self.last.0.clone_from(&self.key);
        self.last.1 = found;
        found
    }

    fn look_up(&mut self, cells: &[&str]) -> Option<&'static str> {
        if let Some(known) = self.known.get(&self.key) {
            return *known;
        }
        let facts = self.source.facts(cells);
        let found =
            RULES.iter().find(|rule| rule.tests.iter().all(|test| test.holds(&facts))).map(|rule| rule.id);
        if self.known.len() >= Self::MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(self.key.clone(), found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::rules::rule;

    const NAMES: [&str; 7] = [
        "ServiceName",
        "ServiceCategory",
        "ChargeDescription",
        "SkuPriceDetails",
        "Tags",
        "CommitmentDiscountStatus",
        "ConsumedUnit",
    ];

    #[test]
    fn ids_are_unique_and_every_rule_tests_something() {
        for (index, found) in RULES.iter().enumerate() {
            assert!(!found.tests.is_empty(), "{}", found.id);
            assert!(RULES[..index].iter().all(|earlier| earlier.id != found.id), "{}", found.id);
            assert_eq!(rule(found.id), Some(found));
        }
    }

    /// Rows as the providers write them (descriptions and meters from their public documentation), with the cells of
    /// `NAMES` between bars, and the rule a person would give them.
    #[rustfmt::skip]
    const ROWS: &[(&str, &str)] = &[
        ("Amazon Bedrock|AI and Machine Learning|USE1-Claude-input-tokens||||1K tokens", "token-api"),
        ("Azure OpenAI|AI and Machine Learning|gpt-4o-mini-0718-Inp-glbl Tokens||||1K", "token-api"),
        ("Amazon Bedrock|AI and Machine Learning|Image generation||||Images", "model-api"),
        ("Amazon Bedrock|AI and Machine Learning|ProvisionedThroughput model unit hours||||Hours", "provisioned-throughput"),
        ("Amazon SageMaker|AI and Machine Learning|$1.515 per Host:ml.g5.xlarge hour||||Hours", "managed-endpoint"),
        ("Vertex AI|AI and Machine Learning|Online Prediction in Iowa||||Hours", "managed-endpoint"),
        ("Amazon SageMaker|AI and Machine Learning|$1.515 per Train:ml.g5.xlarge hour||||Hours", "managed-training"),
        ("Amazon Elastic Compute Cloud|Compute|$1.006 per On Demand Linux g5.xlarge Instance Hour||||Hours", "accelerator-unknown"),
        (r#"AmazonEC2|Compute||{"InstanceType":"g5.xlarge"}|{"workload":"llm-inference"}|Used|Hours"#, "accelerator-serving"),
        (r#"Amazon EBS|Storage|gp3 volume of a GPU server, g5.xlarge||{"workload":"serving"}||GB"#, "storage-serving"),
        (r#"Elastic Load Balancing|Networking|$0.008 per LCU-hour||{"workload":"serving"}||LCU-Hours"#, "load-balancer-serving"),
        (r#"Amazon EC2|Networking|USE1-DataTransfer-Out-Bytes||{"workload":"serving"}||GB"#, "traffic-serving"),
        (r#"Amazon CloudWatch|Management and Governance|metrics||{"workload":"serving"}||Metrics"#, "support-serving"),
        (r#"AmazonEC2|Compute||{"GpuCount":8}|{"user:Purpose":"training"}||Hours"#, "accelerator-training"),
        (r#"AmazonEC2|Compute||{"InstanceType":"g5.xlarge"}||Unused|Hours"#, "idle-commitment"),
        (r#"AmazonEC2|Compute||{"InstanceType":"g5.xlarge"}|{"workload":"serving"}|Unused|Hours"#, "idle-commitment-serving"),
        (r#"AmazonEC2|Compute||{"InstanceType":"c7i.large"}|{"component":"model-serving"}||Hours"#, "compute-serving"),
        (r#"Amazon S3|Storage|||{"component":"inference"}||GB"#, "storage-serving"),
        ("Amazon Comprehend|AI and Machine Learning|||||Units", "ai-unknown"),
        (r#"AmazonEC2|Compute||{"InstanceType":"m6i.large"}|{"team":"inference"}||Hours"#, ""),
        ("Amazon S3|Storage|$0.023 per GB, captured||not json||GB", ""),
    ];

    #[test]
    fn rows_get_the_rule_a_person_would_give_them() {
        let source = FactSource::of(|name| NAMES.iter().position(|known| *known == name));
        let mut classifier = Classifier::new(&source);
        for (row, expected) in ROWS {
            let cells: Vec<&str> = row.split('|').collect();
            // The second time from memory.
            for _ in 0..2 {
                assert_eq!(classifier.classify(&cells).unwrap_or(""), *expected, "{row}");
            }
        }
    }
}
