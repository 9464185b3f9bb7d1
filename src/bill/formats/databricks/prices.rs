//! Databricks' `system.billing.list_prices`: what a unit of a SKU cost, from when to when.
//!
//! Not a bill: [`Prices`] is handed to the plan of the usage table. Prices are exact text; a JSON cell's numbers are
//! read from its text, because a parser would round them.

use std::collections::HashMap;
use std::path::Path;

use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::inputs::{Inputs, inputs};
use crate::bill::formats::json::scalar;
use crate::bill::formats::mapping::amount;
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

inputs! {
    Sku: ["sku_name"],
    From: ["price_start_time"],
    Until: ["price_end_time"],
    Cloud: ["cloud"],
    Currency: ["currency_code"],
    Unit: ["usage_unit"],
    Pricing: ["pricing"],
    Default: ["pricing.default", "pricing_default", "default", "list_price", "default_price"],
    EffectiveList: [
        "pricing.effective_list.default", "pricing_effective_list_default", "pricing.effective_list",
        "pricing_effective_list", "effective_list", "effective_list_price", "effective_price",
    ],
}

/// List and charged price of a row; nothing where it has none that can be read.
fn price_in(
    inputs: &Inputs,
    cells: &[&str],
    place: Place,
    warnings: &mut Warnings,
) -> (Option<Exact>, Option<Exact>) {
    let pricing = inputs.cell(cells, In::Pricing);
    let told = |column: In, path: &[&str]| -> String {
        let own = inputs.cell(cells, column);
        if own.is_empty() { scalar(pricing, path).unwrap_or_default() } else { own.to_owned() }
    };
    let list = told(In::Default, &["default"]);
    let mut effective = told(In::EffectiveList, &["effective_list", "default"]);
    if let Some(inside) = scalar(&effective, &["default"]) {
        effective = inside;
    }
    let list = amount(&list, "pricing.default", place, warnings);
    (list, amount(&effective, "pricing.effective_list.default", place, warnings))
}

/// The prices that a query has joined to the usage: columns of the same row.
#[derive(Debug, Clone)]
pub struct JoinedPrices {
    inputs: Inputs,
}

impl JoinedPrices {
    /// For a header of usage; `None` when it has no prices.
    ///
    /// # Errors
    /// Prices without their currency.
    pub fn of(header: &[String], path: &Path) -> Result<Option<Self>, BillError> {
        let inputs = Inputs::of(In::NAMES, header);
        if !inputs.has(In::Pricing) && !inputs.has(In::Default) {
            return Ok(None);
        }
        inputs.need(&[In::Currency], path)?;
        Ok(Some(Self { inputs }))
    }

    /// Currency, list and charged price of a row; `None` without a price.
    pub fn price(
        &self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
    ) -> Option<(String, Exact, Exact)> {
        let (list, effective) = price_in(&self.inputs, cells, place, warnings);
        let list = list?;
        Some((self.inputs.cell(cells, In::Currency).to_owned(), list, effective.unwrap_or(list)))
    }
}

/// Whether a header is that of the table of prices.
pub fn is_prices(header: &[String]) -> bool {
    let inputs = Inputs::of(In::NAMES, header);
    [In::Sku, In::From].iter().all(|column| inputs.has(*column))
        && (inputs.has(In::Pricing) || inputs.has(In::Default) || inputs.has(In::Until))
}

/// The refusal of a price table that comes without usage.
pub fn alone(path: &Path) -> BillError {
    BillError::NotABill {
        found:
            "Databricks' prices (system.billing.list_prices), which are no bill: put them beside the usage \
                (system.billing.usage) and import that"
                .to_owned(),
        path: path.to_owned(),
    }
}

/// One price of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Valid from this moment on, in microseconds.
    pub from: i64,
    /// Valid until before this moment; `None` for the price that is still valid.
    pub until: Option<i64>,
    /// ISO-4217.
    pub currency: String,
    /// `pricing.default`: the list price of one unit.
    pub list: Exact,
    /// `pricing.effective_list.default`: the list price with promotions, which is what is charged; the list price
    /// where the table does not tell it.
    pub effective: Exact,
}

/// What the table says of a SKU at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<'p> {
    /// One price.
    One(&'p Price),
    /// None.
    None,
    /// Several that differ: in other currencies, or overlapping.
    Several,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    sku: String,
    cloud: String,
    unit: String,
}

impl Key {
    fn of(sku: &str, cloud: &str, unit: &str) -> Self {
        let upper = |text: &str| text.trim().to_ascii_uppercase();
        Self { sku: upper(sku), cloud: upper(cloud), unit: upper(unit) }
    }
}

/// The prices of a table.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    by_sku: HashMap<Key, Vec<Price>>,
}

impl Prices {
    /// The price of a SKU in a cloud (`AWS`, `AZURE`, `GCP`), in this unit, at a moment in microseconds.
    pub fn find(&self, sku: &str, cloud: &str, unit: &str, at: i64) -> Found<'_> {
        let Some(prices) = self.by_sku.get(&Key::of(sku, cloud, unit)) else { return Found::None };
        let mut valid =
            prices.iter().filter(|price| price.from <= at && price.until.is_none_or(|until| at < until));
        match valid.next() {
            None => Found::None,
            Some(first) => {
                let same = |other: &Price| {
                    (&other.currency, other.list, other.effective)
                        == (&first.currency, first.list, first.effective)
                };
                if valid.all(same) { Found::One(first) } else { Found::Several }
            }
        }
    }

    /// How many prices there are.
    pub fn len(&self) -> usize {
        self.by_sku.values().map(Vec::len).sum()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.by_sku.is_empty()
    }
}

/// Reads the rows of a price table.
#[derive(Debug)]
pub struct PriceRows {
    inputs: Inputs,
    prices: Prices,
}

impl PriceRows {
    /// For a header.
    ///
    /// # Errors
    /// Columns without which there are no prices are missing.
    pub fn new(header: &[String], path: &Path) -> Result<Self, BillError> {
        let inputs = Inputs::of(In::NAMES, header);
        inputs.need(&[In::Sku, In::From, In::Cloud, In::Currency, In::Unit], path)?;
        if !inputs.has(In::Default) {
            inputs.need(&[In::Pricing], path)?;
        }
        Ok(Self { inputs, prices: Prices::default() })
    }

    /// Takes a row; one that has no SKU, start or price that can be read is left out, and a warning says so.
    pub fn push(&mut self, cells: &[&str], place: Place, warnings: &mut Warnings) {
        let cell = |column: In| self.inputs.cell(cells, column);
        let (list, effective) = price_in(&self.inputs, cells, place, warnings);
        let until = cell(In::Until);
        let until = if until.eq_ignore_ascii_case("null") { "" } else { until };
        let end = moment::read(until);
        let from = moment::read(cell(In::From));
        let sku = cell(In::Sku);
        let (Some(list), Some(from), false, true) =
            (list, from, sku.is_empty(), until.is_empty() || end.is_some())
        else {
            warnings.add(Trouble::Unreadable, place.line, None, || {
                "a price without sku_name, pricing.default or a time that can be read; it is left out"
                    .to_owned()
            });
            return;
        };
        let price = Price {
            from,
            until: end,
            currency: cell(In::Currency).to_owned(),
            list,
            effective: effective.unwrap_or(list),
        };
        self.prices.by_sku.entry(Key::of(sku, cell(In::Cloud), cell(In::Unit))).or_default().push(price);
    }

    /// The prices that were read.
    pub fn finish(self) -> Prices {
        self.prices
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::formats::inputs::testing::split;

    /// Reads a table of prices from text.
    pub(in crate::bill::formats::databricks) fn prices(text: &str) -> (Prices, Vec<String>) {
        let (header, rows) = split(text);
        assert!(is_prices(&header));
        let mut reader = PriceRows::new(&header, Path::new("p.csv")).unwrap();
        let mut warnings = Warnings::new("p.csv");
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            reader.push(
                &cells,
                Place { line: Some(number as u64 + 2), row: number as u64 + 1 },
                &mut warnings,
            );
        }
        let words = warnings.finish().0.into_iter().map(|warning| warning.message).collect();
        (reader.finish(), words)
    }

    const TABLE: &str = r#"price_start_time,price_end_time,sku_name,cloud,currency_code,usage_unit,pricing
2026-01-01T00:00:00.000Z,2026-03-01T00:00:00.000Z,PREMIUM_JOBS,AWS,USD,DBU,"{""default"":""0.15"",""promotional"":{""default"":""0.12""},""effective_list"":{""default"":""0.12""}}"
2026-03-01T00:00:00.000Z,,PREMIUM_JOBS,AWS,USD,DBU,"{""default"":0.123456789012345678,""promotional"":null,""effective_list"":{""default"":0.123456789012345678}}"
2026-01-01T00:00:00.000Z,null,TOKENS,AWS,USD,DBU,"{""default"":""0.07""}"
2026-01-01T00:00:00.000Z,,TWO,AWS,USD,DBU,"{""default"":""1""}"
2026-01-01T00:00:00.000Z,,TWO,AWS,EUR,DBU,"{""default"":""1""}"
2026-01-01T00:00:00.000Z,,BAD,AWS,USD,DBU,cheap
"#;

    #[test]
    fn the_price_is_the_one_valid_at_the_moment() {
        let (prices, warnings) = prices(TABLE);
        let at = |text: &str| moment::read(text).unwrap();
        let exact = |text: &str| Exact::read(text).unwrap().value;
        let found = |sku: &str, when: &str| match prices.find(sku, "aws", "DBU", at(when)) {
            Found::One(price) => Some((price.list, price.effective)),
            Found::None | Found::Several => None,
        };
        assert_eq!(found("PREMIUM_JOBS", "2026-02-28T23:59:59Z"), Some((exact("0.15"), exact("0.12"))));
        // A number of eighteen digits, which no f64 holds.
        let newer = exact("0.123456789012345678");
        assert_eq!(found("PREMIUM_JOBS", "2026-03-01T00:00:00Z"), Some((newer, newer)));
        assert_eq!(found("PREMIUM_JOBS", "2025-12-31T23:59:59Z"), None);
        assert_eq!(found("TOKENS", "2026-05-01T00:00:00Z"), Some((exact("0.07"), exact("0.07"))));
        assert_eq!(prices.find("PREMIUM_JOBS", "GCP", "DBU", at("2026-05-01T00:00:00Z")), Found::None);
        assert_eq!(prices.find("TWO", "AWS", "DBU", at("2026-05-01T00:00:00Z")), Found::Several);
        assert_eq!(prices.len(), 5);
        assert_eq!(warnings.len(), 1);
    }

    #[test]
    fn flattened_columns_are_prices_too() {
        let (prices, warnings) = prices(
            "sku_name,cloud,currency_code,usage_unit,price_start_time,price_end_time,pricing.default,pricing.effective_list\n\
             A,AZURE,USD,DBU,2026-01-01,,0.4,\"{\"\"default\"\": \"\"0.3\"\"}\"\n",
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        let found = prices.find("A", "AZURE", "DBU", moment::read("2026-01-01").unwrap());
        let Found::One(price) = found else { panic!("{found:?}") };
        assert_eq!(
            (price.list.to_string(), price.effective.to_string()),
            ("0.4".to_owned(), "0.3".to_owned())
        );
    }

    #[test]
    fn a_table_without_prices_is_refused_and_alone_it_is_no_bill() {
        let (header, _) = split("sku_name,price_start_time,price_end_time\n");
        let error = PriceRows::new(&header, Path::new("p.csv")).unwrap_err();
        assert!(error.to_string().contains("cloud, currency_code, usage_unit"), "{error}");
        let (header, _) = split(TABLE);
        let error = crate::bill::formats::plan(&header, &[], Path::new("p.csv")).unwrap_err();
        assert!(error.to_string().contains("system.billing.usage"), "{error}");
    }
}
