//! Rows that no rule caught and that smell of AI: what to look at before the share of inference is believed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::CANDIDATE_COLUMN;
use crate::bill::error::BillError;
use crate::bill::inference::Facts;
use crate::bill::profile::json_object;
use crate::bill::query::{Bill, Sums, mixed};
use crate::bill::{Costs, Filter};

/// Words that rows of AI work have and others rarely do. Whole words, but for those that are part of names.
const WORDS: &[&str] = &[
    "gpu",
    "gpus",
    "tpu",
    "cuda",
    "llm",
    "llms",
    "genai",
    "inference",
    "embedding",
    "embeddings",
    "vllm",
    "triton",
    "tgi",
    "ollama",
    "ray",
    "kserve",
    "rag",
    "chatbot",
    "copilot",
    "whisper",
    "llama",
    "mistral",
    "gemma",
    "qwen",
    "gpt",
    "claude",
    "gemini",
    "bedrock",
    "sagemaker",
    "vertex",
    "huggingface",
    "pinecone",
    "weaviate",
    "qdrant",
    "milvus",
    "chroma",
    "vector",
    "ml",
    "ai",
    "model",
    "models",
    "tokens",
    "rerank",
    "transcribe",
    "rekognition",
    "textract",
    "kendra",
    "langfuse",
    "langsmith",
    "mlflow",
    "kubeflow",
    "feast",
];

/// The word that smells of AI, and where it stands; `None` where nothing does.
pub(super) fn smell(facts: &Facts) -> Option<String> {
    if facts.accelerator {
        return Some("accelerator".to_owned());
    }
    let of = |text: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_ascii_lowercase)
            .find(|word| WORDS.contains(&word.as_str()))
    };
    of(&facts.service).or_else(|| of(&facts.words)).or_else(|| {
        // Values of tags; what a price is for says more of the machine than of its use, and was looked at above.
        let object = json_object(&facts.tags)?;
        object.iter().find_map(|(key, value)| Some(format!("{key}: {}", of(value.as_str()?)?)))
    })
}

/// Rows that look alike, that no rule caught, and that may be AI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// The service.
    pub service: String,
    /// Meter or description, as far as the bill has one.
    pub meter: String,
    /// The column that [`Self::meter`] is of; empty where the bill has none.
    pub meter_column: String,
    /// The word that smells of AI: `gpu`, or `app: llm` for the value of a tag.
    pub why: String,
    /// How many rows.
    pub rows: u64,
    /// Their costs.
    pub costs: Costs,
}

/// Columns that name a meter; the first that the bill has is shown.
const METERS: [&str; 4] = ["SkuMeter", "x_UsageType", "x_SkuMeterName", "ChargeDescription"];

impl Bill {
    /// Rows that no rule caught and that smell of AI, the most expensive first by `effective`, else billed cost; at
    /// most `most`, and how many groups there are in all.
    ///
    /// # Errors
    /// An unknown column in a filter; rows in several currencies.
    pub fn candidates(&self, filters: &[Filter], most: usize) -> Result<(Vec<Candidate>, usize), BillError> {
        let meter = METERS.iter().find_map(|name| self.resolve(name).ok());
        let meter_column = meter.as_ref().map(|meter| meter.name().to_owned()).unwrap_or_default();
        let mut keys = vec![
            self.resolve("BillingCurrency")?,
            self.resolve(CANDIDATE_COLUMN)?,
            self.resolve("ServiceName")?,
        ];
        keys.extend(meter);
        let mut currencies = BTreeSet::new();
        let mut groups: BTreeMap<(String, String, String), Sums> = BTreeMap::new();
        for (key, sums) in self.sums(&keys, filters, "look for AI that no rule caught")? {
            let mut key = key.into_iter();
            let currency = key.next().flatten();
            let Some(why) = key.next().flatten() else { continue };
            let (service, meter) =
                (key.next().flatten().unwrap_or_default(), key.next().flatten().unwrap_or_default());
            sums.add_currency(currency, &mut currencies);
            groups.entry((service, meter, why)).or_default().add(&sums)?;
        }
        if currencies.len() > 1 {
            return Err(mixed(currencies));
        }
        let present = self.present();
        let mut found: Vec<Candidate> = groups
            .into_iter()
            .map(|((service, meter, why), sums)| Candidate {
                service,
                meter,
                meter_column: meter_column.clone(),
                why,
                rows: sums.rows,
                costs: Costs::from_sums(present, sums.rows, sums.filled, sums.costs),
            })
            .collect();
        let cost = |candidate: &Candidate| candidate.costs.effective_cost.or(candidate.costs.billed_cost);
        found.sort_by_key(|candidate| std::cmp::Reverse(cost(candidate)));
        let all = found.len();
        found.truncate(most);
        Ok((found, all))
    }
}
