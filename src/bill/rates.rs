//! Rates between currencies, set by the user, to show money of several currencies in one.
//!
//! A row keeps the currency that it was billed in. Only sums are converted: those of each currency exactly, times its
//! rate, rounded to the eighteenth decimal place (half away from zero), and added then. Without a rate nothing is
//! added up. What was converted says so, with the rates ([`Conversion`]). Rates are the user's own: none is guessed,
//! fetched or inverted.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::BillError;
use super::exact::Exact;

/// What one unit of a currency is worth in another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rate {
    /// The currency that is converted, as bills write it: `EUR`.
    pub from: String,
    /// The one it is converted to.
    pub to: String,
    /// Units of `to` for one unit of `from`; above zero.
    #[serde(serialize_with = "write_exact", deserialize_with = "read_exact")]
    pub rate: Exact,
    /// The day the rate is of, as the user wrote it; empty where it was not said.
    #[serde(default)]
    pub day: String,
    /// Where it comes from, in the user's words; empty where it was not said.
    #[serde(default)]
    pub source: String,
}

impl Rate {
    /// A rate of `text` units of `to` for one of `from`.
    ///
    /// # Errors
    /// In words: a currency that is none, a rate that is no decimal number above zero.
    pub fn new(from: &str, to: &str, text: &str, day: &str, source: &str) -> Result<Self, String> {
        let (from, to) = (currency(from)?, currency(to)?);
        if from == to {
            return Err(format!("{from} needs no rate to itself"));
        }
        let bad = |why: &str| {
            Err(format!(
                "`{}` is no rate from {from} to {to} ({why}); write what 1 {from} is in {to}, such as 1.08",
                text.trim()
            ))
        };
        let rate = match Exact::read(text) {
            Ok(read) if read.rounded => return bad("more than 18 decimal places"),
            Ok(read) if read.value.0 <= 0 => return bad("it is not above zero"),
            Ok(read) => read.value,
            Err(_) => return bad("not a plain decimal number"),
        };
        Ok(Self { from, to, rate, day: day.trim().to_owned(), source: source.trim().to_owned() })
    }
}

impl fmt::Display for Rate {
    /// `1 EUR = 1.08 USD (ECB, 2026-05-29)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, rate, day, source } = self;
        write!(f, "1 {from} = {rate} {to}")?;
        match (source.as_str(), day.as_str()) {
            ("", "") => Ok(()),
            (one, "") | ("", one) => write!(f, " ({one})"),
            (source, day) => write!(f, " ({source}, {day})"),
        }
    }
}

/// The name of a currency: letters, as ISO 4217 and virtual currencies have them, in capitals where they are three.
///
/// # Errors
/// In words.
pub fn currency(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_name = !text.is_empty()
        && text.len() <= 32
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-'));
    if !is_name {
        return Err(format!("`{text}` is no currency; write its code, such as EUR"));
    }
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    Ok(if is_code { text.to_ascii_uppercase() } else { text.to_owned() })
}

/// What money is shown in, and the rates to it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rates {
    /// The currency that money is shown in; `None` = each row's own.
    pub display: Option<String>,
    /// Rates, also such to currencies that are not shown at the moment; one for each pair.
    pub list: Vec<Rate>,
}

impl Rates {
    /// The rate from a currency to the one that is shown.
    pub fn find(&self, from: &str) -> Option<&Rate> {
        let display = self.display.as_deref()?;
        self.list.iter().find(|rate| rate.from == from && rate.to == display)
    }

    /// Adds a rate, or puts it in the place of the one between the same currencies.
    pub fn put(&mut self, rate: Rate) {
        self.list.retain(|other| (&other.from, &other.to) != (&rate.from, &rate.to));
        self.list.push(rate);
        self.list.sort();
    }

    /// Takes the rate from a currency to the one that is shown out.
    pub fn remove(&mut self, from: &str) {
        let display = self.display.clone();
        self.list.retain(|rate| rate.from != from || Some(&rate.to) != display.as_ref());
    }

    /// The currency in which an amount of `currency` is shown.
    pub fn shown<'a>(&'a self, currency: &'a str) -> &'a str {
        self.display.as_deref().unwrap_or(currency)
    }

    /// An amount in the currency that is shown: itself where that is its own, else times the rate, rounded to the
    /// eighteenth place, half away from zero.
    ///
    /// # Errors
    /// No rate for this currency; a product that does not fit.
    pub fn convert(&self, currency: &str, amount: Exact) -> Result<Exact, BillError> {
        let Some(display) = self.display.as_deref().filter(|display| *display != currency) else {
            return Ok(amount);
        };
        let rate = self.find(currency).ok_or_else(|| BillError::NoRate {
            currency: currency.to_owned(),
            display: display.to_owned(),
        })?;
        let product = amount.checked_mul(rate.rate);
        product.ok_or_else(|| BillError::TooLarge { column: format!("what was {currency}") })
    }

    /// What is done to amounts of these currencies, where so many rows name none; `None` when nothing is.
    pub fn conversion<'a>(
        &self,
        currencies: impl IntoIterator<Item = &'a str>,
        unnamed_rows: u64,
    ) -> Option<Conversion> {
        let distinct: BTreeSet<&str> = currencies.into_iter().collect();
        let rates: Vec<Rate> = distinct.into_iter().filter_map(|from| self.find(from).cloned()).collect();
        let left_out_rows = if self.display.is_some() { unnamed_rows } else { 0 };
        (!rates.is_empty() || left_out_rows > 0).then_some(Conversion { rates, left_out_rows })
    }

    /// Those of these currencies that have no rate to the one that is shown; none when each is shown as it is. Rows that
    /// name no currency, which no rate can be set for, are not among them.
    pub fn missing<'a>(&self, currencies: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let Some(display) = self.display.as_deref() else { return Vec::new() };
        let lacks = |from: &&str| !from.is_empty() && *from != display && self.find(from).is_none();
        currencies.into_iter().filter(lacks).collect()
    }
}

/// That amounts were converted, and how. Whatever shows them shows this, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conversion {
    /// The rates, all to the same currency.
    pub rates: Vec<Rate>,
    /// Rows of the bills that cost something and name no currency: they are in no sum.
    pub left_out_rows: u64,
}

impl fmt::Display for Conversion {
    /// `converted at 1 EUR = 1.08 USD (ECB, 2026-05-29) and 1 GBP = 1.27 USD, without 1 row that names no currency`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.rates.is_empty() { "as billed" } else { "converted at " })?;
        for (place, rate) in self.rates.iter().enumerate() {
            let before = match place {
                0 => "",
                _ if place + 1 == self.rates.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}{rate}")?;
        }
        match self.left_out_rows {
            0 => Ok(()),
            1 => f.write_str(", without 1 row that names no currency"),
            rows => write!(
                f,
                ", without {} rows that name no currency",
                crate::units::group_thousands(rows.into())
            ),
        }
    }
}

/// As a decimal in text: a JSON number would be read back as a binary float.
fn write_exact<S: Serializer>(value: &Exact, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn read_exact<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Exact, D::Error> {
    let text = String::deserialize(deserializer)?;
    Exact::read(&text).map(|read| read.value).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    fn rates() -> Rates {
        let mut rates = Rates { display: Some("USD".to_owned()), ..Rates::default() };
        rates.put(Rate::new("eur", "USD", "1.0837", "2026-05-29", "ECB").unwrap());
        rates.put(Rate::new("JPY", "USD", "0.00695", "", "").unwrap());
        rates.put(Rate::new("EUR", "GBP", "0.84", "", "").unwrap());
        rates
    }

    /// Products worked out with `bc` at scale 40.
    #[test]
    fn an_amount_is_multiplied_exactly_and_rounded_at_the_eighteenth_place() {
        let rates = rates();
        let shown =
            |currency: &str, amount: &str| rates.convert(currency, exact(amount)).unwrap().to_string();
        assert_eq!(shown("EUR", "1682.30869740"), "1823.11793537238");
        assert_eq!(shown("JPY", "-3"), "-0.02085");
        assert_eq!(shown("USD", "0.1"), "0.1");
        // 5 × 10⁻¹⁸ × 1.0837 = 5.4185 × 10⁻¹⁸.
        assert_eq!(shown("EUR", "0.000000000000000005"), "0.000000000000000005");
        assert_eq!(shown("EUR", "123456789012345.6789"), "133790122252679.01222393");
    }

    #[test]
    fn without_a_rate_there_is_no_amount() {
        let error = rates().convert("CHF", exact("1")).unwrap_err().to_string();
        assert!(error.contains("CHF") && error.contains("USD"), "{error}");
        assert!(rates().convert("", exact("1")).is_err());
        assert_eq!(rates().missing(["USD", "EUR", "CHF", ""]), ["CHF"]);
        // Each in its own currency: nothing is converted.
        let own = Rates { display: None, ..rates() };
        assert_eq!(own.convert("CHF", exact("1")).unwrap(), exact("1"));
        assert_eq!((own.missing(["CHF"]).len(), own.conversion(["EUR"], 3)), (0, None));
    }

    #[test]
    fn what_was_converted_names_the_rates_that_were_used() {
        let words = |currencies: &[&str]| {
            rates().conversion(currencies.iter().copied(), 0).map(|conversion| conversion.to_string())
        };
        assert_eq!(words(&["USD"]), None);
        assert_eq!(words(&["EUR", "USD"]).unwrap(), "converted at 1 EUR = 1.0837 USD (ECB, 2026-05-29)");
        assert_eq!(
            words(&["JPY", "EUR"]).unwrap(),
            "converted at 1 EUR = 1.0837 USD (ECB, 2026-05-29) and 1 JPY = 0.00695 USD"
        );
        let left_out = |currencies: &[&str], rows| {
            rates().conversion(currencies.iter().copied(), rows).map(|conversion| conversion.to_string())
        };
        assert_eq!(left_out(&["USD", ""], 1).unwrap(), "as billed, without 1 row that names no currency");
        assert_eq!(
            left_out(&["JPY", ""], 1_200).unwrap(),
            "converted at 1 JPY = 0.00695 USD, without 1,200 rows that name no currency"
        );
    }

    #[test]
    fn a_rate_that_is_none_is_refused_with_what_to_write() {
        for (from, to, rate, part) in [
            ("EUR", "USD", "1,08", "not a plain decimal number"),
            ("EUR", "USD", "0", "above zero"),
            ("EUR", "USD", "-1", "above zero"),
            ("EUR", "USD", "", "not a plain decimal number"),
            ("EUR", "EUR", "1", "itself"),
            ("€", "USD", "1", "no currency"),
            ("", "USD", "1", "no currency"),
        ] {
            let error = Rate::new(from, to, rate, "", "").unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn rates_come_back_from_text_to_the_last_digit() {
        let text = serde_json::to_string(&rates()).unwrap();
        assert!(text.contains(r#""rate":"1.0837""#), "{text}");
        assert_eq!(serde_json::from_str::<Rates>(&text).unwrap(), rates());
        let mut changed = rates();
        changed.put(Rate::new("EUR", "USD", "1.1", "", "").unwrap());
        assert_eq!(changed.list.len(), 3);
        changed.remove("EUR");
        assert_eq!(changed.find("EUR"), None);
        assert_eq!(changed.list.len(), 2);
    }
}
