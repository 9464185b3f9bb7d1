//! Azure's `UnitOfMeasure`: `100 Hours`, `1K`, `1 GB/Month` → how many units a price is for, and which.
//!
//! Prices and quantities of cost details are for the whole measure: of `10K` at 0.10, a quantity of 0.0004 costs
//! 0.00004 (checked against `Quantity × EffectivePrice = Cost` of real exports). The quantity is therefore the
//! quantity that is priced, and what was consumed is that times the size of the block.

use crate::bill::exact::Exact;

/// A unit of measure that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// How many units one priced quantity is.
    pub block: Exact,
    /// The unit of what is consumed, as FOCUS writes units: `Hours`, `GB-Months`.
    pub consumed: String,
    /// The unit of what is priced: `Hours`, `10000 Units`.
    pub pricing: String,
    /// The words were in the table; otherwise they are the file's own.
    pub known: bool,
}

/// The usual words, lower case, and what FOCUS's unit format makes of them.
const WORDS: &[(&str, &str)] = &[
    ("", "Units"),
    ("unit", "Units"),
    ("units", "Units"),
    ("each", "Units"),
    ("count", "Units"),
    ("second", "Seconds"),
    ("seconds", "Seconds"),
    ("minute", "Minutes"),
    ("minutes", "Minutes"),
    ("hour", "Hours"),
    ("hours", "Hours"),
    ("hrs", "Hours"),
    ("day", "Days"),
    ("days", "Days"),
    ("month", "Months"),
    ("months", "Months"),
    ("year", "Years"),
    ("years", "Years"),
    ("/hour", "Unit-Hours"),
    ("/day", "Unit-Days"),
    ("/month", "Unit-Months"),
    ("/year", "Unit-Years"),
    ("kb", "KB"),
    ("mb", "MB"),
    ("gb", "GB"),
    ("tb", "TB"),
    ("pb", "PB"),
    ("mib", "MiB"),
    ("gib", "GiB"),
    ("tib", "TiB"),
    ("gb/hour", "GB-Hours"),
    ("gb/day", "GB-Days"),
    ("gb/month", "GB-Months"),
    ("gib/hour", "GiB-Hours"),
    ("gib/month", "GiB-Months"),
    ("tb/month", "TB-Months"),
    ("tib/month", "TiB-Months"),
    ("mb/month", "MB-Months"),
    ("gb hour", "GB-Hours"),
    ("gb hours", "GB-Hours"),
    ("gb second", "GB-Seconds"),
    ("gb seconds", "GB-Seconds"),
    ("gib hour", "GiB-Hours"),
    ("gib second", "GiB-Seconds"),
    ("vcpu hour", "vCPU-Hours"),
    ("vcpu second", "vCPU-Seconds"),
    ("vcore hour", "vCore-Hours"),
    ("token", "Tokens"),
    ("tokens", "Tokens"),
    ("request", "Requests"),
    ("requests", "Requests"),
    ("transaction", "Transactions"),
    ("transactions", "Transactions"),
    ("operation", "Operations"),
    ("operations", "Operations"),
    ("call", "Calls"),
    ("calls", "Calls"),
    ("message", "Messages"),
    ("messages", "Messages"),
    ("image", "Images"),
    ("images", "Images"),
    ("character", "Characters"),
    ("characters", "Characters"),
    ("page", "Pages"),
    ("pages", "Pages"),
    ("user", "Users"),
    ("users", "Users"),
    ("node", "Nodes"),
    ("nodes", "Nodes"),
    ("device", "Devices"),
    ("devices", "Devices"),
    ("ip", "IPs"),
    ("key", "Keys"),
    ("domain", "Domains"),
    ("zone", "Zones"),
    ("rotation", "Rotations"),
    ("hour/month", "Hours"),
];

/// Reads a unit of measure. The meter's name tells the unit where the measure is a bare number (`1K`, `… Tokens`).
pub fn read(measure: &str, meter: &str) -> Option<Unit> {
    let measure = measure.trim();
    let (block, words) = split(measure)?;
    let key = words.to_lowercase();
    let (consumed, known) = if key.is_empty() {
        (token_unit(meter, block).unwrap_or("Units").to_owned(), true)
    } else {
        match WORDS.iter().find(|(known, _)| *known == key) {
            Some((_, unit)) => ((*unit).to_owned(), true),
            None => (words.trim_start_matches('/').to_owned(), false),
        }
    };
    let one = Exact::read("1").ok()?.value;
    let pricing = if block == one { consumed.clone() } else { format!("{block} {consumed}") };
    Some(Unit { block, consumed, pricing, known })
}

/// `10K` → 10000 and nothing; `100 Hours` → 100 and `Hours`; `1/Month` → 1 and `/Month`; `Hours` → 1 and `Hours`.
fn split(measure: &str) -> Option<(Exact, &str)> {
    let digits = measure.len() - measure.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, rest) = measure.split_at(digits);
    if number.is_empty() {
        return if rest.is_empty() { None } else { Some((Exact::read("1").ok()?.value, rest)) };
    }
    let mut zeros = "";
    let mut words = rest;
    for (letter, power) in [(['K', 'k'], "e3"), (['M', 'm'], "e6"), (['B', 'b'], "e9")] {
        // `1M` is a million; `1 Month` and `1MB` are not.
        if let Some(after) = rest.strip_prefix(letter)
            && !after.starts_with(|c: char| c.is_alphanumeric())
        {
            (zeros, words) = (power, after);
        }
    }
    let block = Exact::read(&format!("{number}{zeros}")).ok()?.value;
    (block.0 > 0).then_some((block, words.trim()))
}

/// Meters of models end with `Tokens`. One that ends with `1M Tokens` says the measure's own number again; where the
/// two differ, what is counted is not told.
fn token_unit(meter: &str, block: Exact) -> Option<&'static str> {
    let mut words = meter.split_whitespace().rev();
    if !words.next()?.eq_ignore_ascii_case("tokens") {
        return None;
    }
    let said = match words.next().unwrap_or("").to_ascii_uppercase().as_str() {
        "1K" => "1000",
        "1M" => "1000000",
        _ => return Some("Tokens"),
    };
    (block.to_string() == said).then_some("Tokens")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_measures_are_blocks_and_units() {
        for (measure, meter, block, consumed, pricing) in [
            ("1 Hour", "B1s", "1", "Hours", "Hours"),
            ("100 Hours", "", "100", "Hours", "100 Hours"),
            ("10K", "Read Operations", "10000", "Units", "10000 Units"),
            ("1M", "", "1000000", "Units", "1000000 Units"),
            ("1K", "gpt-4o-mini-0718-Inp-glbl Tokens", "1000", "Tokens", "1000 Tokens"),
            ("1M", "5.4 mini cd Inp Gl 1M Tokens", "1000000", "Tokens", "1000000 Tokens"),
            ("1", "5.4 mini cd Inp Gl 1M Tokens", "1", "Units", "Units"),
            ("1 GB/Month", "", "1", "GB-Months", "GB-Months"),
            ("1/Month", "P4 LRS Disk", "1", "Unit-Months", "Unit-Months"),
            ("1/Day", "", "1", "Unit-Days", "Unit-Days"),
            ("1 GB", "", "1", "GB", "GB"),
            ("1 Month", "", "1", "Months", "Months"),
            ("50000 GB Seconds", "", "50000", "GB-Seconds", "50000 GB-Seconds"),
            ("Hours", "", "1", "Hours", "Hours"),
            ("1.5 Hours", "", "1.5", "Hours", "1.5 Hours"),
        ] {
            let unit = read(measure, meter).unwrap();
            let found = (unit.block.to_string(), unit.consumed, unit.pricing, unit.known);
            assert_eq!(found, (block.to_owned(), consumed.to_owned(), pricing.to_owned(), true), "{measure}");
        }
    }

    #[test]
    fn an_unusual_measure_keeps_its_own_words_and_none_has_no_block() {
        let unit = read("10 Widgets", "").unwrap();
        assert_eq!(
            (unit.block.to_string().as_str(), unit.consumed.as_str(), unit.known),
            ("10", "Widgets", false)
        );
        assert_eq!(read("", ""), None);
        assert_eq!(read("0 Hours", ""), None);
        assert_eq!(read("1.2.3 Hours", ""), None);
    }
}
