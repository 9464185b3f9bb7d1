//! Bills of model APIs: what OpenAI, Anthropic and DeepSeek export from their consoles and answer over their APIs.
//!
//! A row is what one model, key or project cost in a day or an hour. None of them says what a commitment is: what is
//! billed is what was used, so the effective and the contracted cost are the billed one. A list price is told by
//! Anthropic alone; elsewhere it stays empty.

pub mod anthropic;
pub mod deepseek;
pub mod openai;

use super::mapping::{Filled, outputs};
use crate::bill::moment;
use crate::bill::warnings::Warnings;

outputs!(
    BillingAccountName,
    SubAccountName,
    RegionId,
    SkuPriceId,
    SkuPriceDetails,
    PricingCategory,
    x_Model,
    x_TokenType,
    x_Tier,
    x_ApiKey,
);

/// Who sells it.
struct Seller {
    provider: &'static str,
    service: &'static str,
}

impl Seller {
    /// What all rows of a seller have.
    fn fill(&self, filled: &mut Filled) {
        filled.sold_by(self.provider);
        filled.set(Out::ServiceName, self.service);
        filled.service_place(("AI and Machine Learning", "Generative AI"));
        filled.charge("Usage", "Usage-Based");
        // Every tier has a price that is known before.
        filled.set(Out::PricingCategory, "Standard");
    }
}

/// When it was used, and the month that is billed with it. Moments that cannot be read stay as they are, to be told
/// of where the column is read.
fn period(filled: &mut Filled, start: &str, end: &str) {
    filled.set(Out::ChargePeriodStart, start);
    filled.set(Out::ChargePeriodEnd, end);
    filled.billed_with(moment::read(start));
}

/// A day as a period, its end exclusive; nothing where it is no day.
fn day(text: &str) -> (String, String) {
    match moment::read(text) {
        Some(start) => (moment::show(start), moment::show(start + moment::PER_DAY)),
        None => (text.to_owned(), String::new()),
    }
}

/// The model and what was counted, as FOCUS keeps properties of a SKU.
fn details(model: &str, token_type: &str, tier: &str) -> String {
    let mut object = serde_json::Map::new();
    for (key, value) in [("x_Model", model), ("x_TokenType", token_type), ("x_Tier", tier)] {
        if !value.is_empty() {
            object.insert(key.to_owned(), value.into());
        }
    }
    if object.is_empty() { String::new() } else { serde_json::Value::Object(object).to_string() }
}

/// Sets the model, what was counted and the tier wherever they are looked for.
fn sku(filled: &mut Filled, model: &str, token_type: &str, tier: &str) {
    filled.set(Out::x_Model, model);
    filled.set(Out::x_TokenType, token_type);
    filled.set(Out::x_Tier, tier);
    filled.set(Out::SkuPriceDetails, &details(model, token_type, tier));
    let words: Vec<&str> = [model, token_type, tier].into_iter().filter(|word| !word.is_empty()).collect();
    filled.set(Out::SkuMeter, &words.join(" "));
    // A price belongs to all of these together, and so does the SKU: neither has a number of its own.
    for column in [Out::SkuId, Out::SkuPriceId] {
        filled.set(column, &words.join("/"));
    }
}

/// Says that rows that count nothing became none.
fn say_zero(rows: u64, warnings: &mut Warnings) {
    if rows > 0 {
        warnings.about_file(None, format!("{rows} rows count 0 of everything; they were left out"));
    }
}

#[cfg(test)]
mod tests;
