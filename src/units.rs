//! Quantities that carry their unit, and the one place that formats them for people.
//!
//! Bill money is [`Money`]: an exact decimal with ten places, the same shape as `Decimal(38,10)` in the bill
//! store, so that a sum over a bill equals the file's to the last digit. Everything measured is an integer of
//! nanoseconds or bytes, or an `f64` whose name says its unit.

use std::cmp::Ordering;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Hours in the month that monthly prices are stated for: 365 × 24 ÷ 12, as the clouds' own calculators use.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// An exact amount of money: an integer count of 10⁻¹⁰ of the currency's unit. The currency travels beside it.
///
/// Serialised as a decimal string, because a JSON number would be read back as a binary float.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(i128);

/// Why a text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Nothing but white space.
    #[error("the cell is empty where an amount is needed")]
    Empty,
    /// Letters, thousands separators, brackets, two points…
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// More digits before the point than `Decimal(38,10)` holds.
    #[error("`{0}` is larger than Decimal(38,10) can hold")]
    TooLarge(String),
}

impl Money {
    /// Decimal places kept.
    pub const SCALE: u32 = 10;
    /// No money.
    pub const ZERO: Self = Self(0);
    const ONE: i128 = 10_i128.pow(Self::SCALE);
    /// Decimal(38,10): 38 digits in all.
    const MAX: i128 = 10_i128.pow(38) - 1;

    /// From a count of 10⁻¹⁰ units, as the bill store keeps it.
    pub const fn from_scaled(scaled: i128) -> Self {
        Self(scaled)
    }

    /// The count of 10⁻¹⁰ units.
    pub const fn scaled(self) -> i128 {
        self.0
    }

    /// The nearest amount to a computed number (a plan's cost); `None` when it is not finite or does not fit.
    pub fn from_f64(value: f64) -> Option<Self> {
        let scaled = value * Self::ONE as f64;
        (scaled.is_finite() && scaled.abs() < Self::MAX as f64).then(|| Self(scaled.round() as i128))
    }

    /// For charts and ratios only: never add these up.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / Self::ONE as f64
    }

    /// This amount times a number without a unit, rounded to ten places; `None` when it does not fit.
    pub fn times(self, factor: f64) -> Option<Self> {
        Self::from_f64(self.to_f64() * factor)
    }

    /// Sum without wrapping; `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| sum.abs() <= Self::MAX).map(Self)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `-12.5`, `+3`, `.5`, `2.32E-9`. Digits past the tenth decimal place are rounded half away from
    /// zero. No thousands separators, no currency signs, no brackets: those are a reader's to undo.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let text = text.trim();
        let bad = || MoneyError::NotANumber(text.to_owned());
        let large = || MoneyError::TooLarge(text.to_owned());
        if text.is_empty() {
            return Err(MoneyError::Empty);
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_ignored| bad())?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        if whole.len() + fraction.len() == 0
            || !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit())
        {
            return Err(bad());
        }
        // The value is `digits` × 10^(exponent − fraction.len()); shift it to a count of 10^-SCALE.
        let fraction_len = i32::try_from(fraction.len()).map_err(|_ignored| large())?;
        let shift = exponent
            .checked_sub(fraction_len)
            .and_then(|power| power.checked_add(Self::SCALE.cast_signed()))
            .ok_or_else(large)?;
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        let scaled = if digits.is_empty() {
            0
        } else if shift >= 0 {
            let zeros = usize::try_from(shift).map_err(|_ignored| large())?;
            if digits.len() + zeros > 38 {
                return Err(large());
            }
            digits.parse::<i128>().map_err(|_ignored| bad())? * 10_i128.pow(shift.unsigned_abs())
        } else {
            let drop = shift.unsigned_abs() as usize;
            if digits.len() < drop {
                0
            } else {
                let (kept, dropped) = digits.split_at(digits.len() - drop);
                if kept.len() > 38 {
                    return Err(large());
                }
                let kept =
                    if kept.is_empty() { 0 } else { kept.parse::<i128>().map_err(|_ignored| bad())? };
                kept + i128::from(dropped.as_bytes()[0] >= b'5')
            }
        };
        if scaled > Self::MAX {
            return Err(large());
        }
        Ok(Self(if negative { -scaled } else { scaled }))
    }
}

impl fmt::Display for Money {
    /// Exact, without trailing zeros: `12.5`, `-0.0000000001`, `3`. A precision (`{:.2}`) rounds half away
    /// from zero and groups thousands: `1,234.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        let one = Self::ONE.unsigned_abs();
        if let Some(places) = f.precision() {
            let places = u32::try_from(places).unwrap_or(Self::SCALE).min(Self::SCALE);
            let unit = 10_u128.pow(Self::SCALE - places);
            let rounded = (magnitude + unit / 2) / unit;
            let per_one = one / unit;
            let sign = if rounded == 0 { "" } else { sign };
            let whole = group_thousands(rounded / per_one);
            return if places == 0 {
                write!(f, "{sign}{whole}")
            } else {
                write!(f, "{sign}{whole}.{:0width$}", rounded % per_one, width = places as usize)
            };
        }
        let fraction = format!("{:010}", magnitude % one);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() {
            write!(f, "{sign}{}", magnitude / one)
        } else {
            write!(f, "{sign}{}.{fraction}", magnitude / one)
        }
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}
impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}
impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}
impl SubAssign for Money {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}
impl Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}
impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// `1234567` → `1,234,567`.
pub fn group_thousands(value: u128) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Three significant digits: `0.0123`, `1.23`, `12.3`, `123`, `1,230` (thousands are never rounded away).
pub fn three_digits(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() { "not a number".to_owned() } else { format!("{value}") };
    }
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return "0".to_owned();
    }
    if magnitude >= 99.95 {
        let rounded = magnitude.round() as u128;
        return format!("{}{}", if value < 0.0 { "-" } else { "" }, group_thousands(rounded));
    }
    // Digits after the point so that three are significant; tiny values in scientific form.
    let exponent = magnitude.log10().floor() as i32;
    if exponent < -6 {
        return format!("{value:.2e}");
    }
    let places = usize::try_from(2 - exponent).unwrap_or(0);
    format!("{value:.places$}")
}

/// Milliseconds with the unit that reads best: `812 ns`, `34.8 µs`, `1.23 ms`, `2.50 s`.
pub fn duration_ms(millis: f64) -> String {
    let magnitude = millis.abs();
    let (value, unit) = if magnitude >= 1_000.0 {
        (millis / 1_000.0, "s")
    } else if magnitude >= 1.0 || magnitude == 0.0 {
        (millis, "ms")
    } else if magnitude >= 1e-3 {
        (millis * 1e3, "µs")
    } else {
        (millis * 1e6, "ns")
    };
    format!("{} {unit}", three_digits(value))
}

/// Bytes in binary units: `512 B`, `3.42 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// A count with the SI prefix: `950`, `1.23 k`, `4.10 M`, `2.00 G`.
pub fn si(count: f64) -> String {
    let magnitude = count.abs();
    let (value, prefix) = match magnitude {
        m if m >= 1e12 => (count / 1e12, " T"),
        m if m >= 1e9 => (count / 1e9, " G"),
        m if m >= 1e6 => (count / 1e6, " M"),
        m if m >= 1e3 => (count / 1e3, " k"),
        _ => (count, ""),
    };
    format!("{}{prefix}", three_digits(value))
}

/// Money for people: `$1,234.50`, `€12.00`, `SEK 3.10`; amounts below 1 keep three significant digits. The exact
/// decimal is rounded half away from zero, as everywhere: 0.08925 is `$0.0893`.
pub fn money(amount: Money, currency: &str) -> String {
    let magnitude = amount.0.unsigned_abs();
    let digits = magnitude.checked_ilog10().map_or(0, |log| log + 1);
    // 0.995 rounds to 1.00 already.
    let places = if (1..=Money::SCALE).contains(&digits) && magnitude < 9_950_000_000 {
        (Money::SCALE + 3 - digits).min(Money::SCALE)
    } else {
        2
    };
    money_to(amount, places, currency)
}

/// Decimal places of a currency's smallest coin (ISO 4217); two where it is none of those.
pub fn minor_units(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Money in a column of amounts: at the currency's decimal places, so that the points stand below each other. What would
/// be shown as 0 and is not keeps three significant digits: a sum of 0.000012 is `$0.0000120`, never `$0.00`.
pub fn money_in_column(amount: Money, currency: &str) -> String {
    let words = money_to(amount, minor_units(currency), currency);
    let is_something = words.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    if is_something || amount == Money::ZERO { words } else { money(amount, currency) }
}

/// Money with as many decimal places as asked for, ten at most: what stands in a column of prices.
pub fn money_to(amount: Money, places: u32, currency: &str) -> String {
    let number = format!("{:.*}", places as usize, Money(amount.0.abs()));
    let sign = if amount < Money::ZERO && number.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        "−"
    } else {
        ""
    };
    match currency {
        "USD" => format!("{sign}${number}"),
        "EUR" => format!("{sign}€{number}"),
        "GBP" => format!("{sign}£{number}"),
        "" => format!("{sign}{number}"),
        other => format!("{sign}{other} {number}"),
    }
}

/// Compares texts as people sort them: a number in one by its value, `batch 2` before `batch 10`; the rest letter by
/// letter.
pub fn number_order(one: &str, two: &str) -> Ordering {
    let (mut left, mut right) = (one, two);
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(two));
        };
        let ordering = if a.is_ascii_digit() && b.is_ascii_digit() {
            let ((a, rest_a), (b, rest_b)) = (digits(left), digits(right));
            (left, right) = (rest_a, rest_b);
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        } else {
            (left, right) = (&left[a.len_utf8()..], &right[b.len_utf8()..]);
            a.cmp(&b)
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
}

/// The digits a text begins with, without zeros before them, and the rest.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_with_numbers_are_ordered_by_their_value() {
        let mut names =
            ["b_16", "b_2", "b_128", "a_300", "b_02", "b", "b_2x", "é1", "b_18446744073709551617"];
        names.sort_by(|one, two| number_order(one, two));
        assert_eq!(
            names,
            ["a_300", "b", "b_02", "b_2", "b_2x", "b_16", "b_128", "b_18446744073709551617", "é1"]
        );
        assert_eq!(number_order("a1", "a1"), Ordering::Equal);
        assert_eq!(number_order("", "a"), Ordering::Less);
    }

    #[test]
    fn amounts_in_a_column_have_the_places_of_their_currency_and_are_never_shown_as_nothing() {
        for (text, currency, shown) in [
            ("1234.5", "USD", "$1234.50"),
            ("0.5", "USD", "$0.50"),
            ("0.126", "USD", "$0.13"),
            ("-0.5", "USD", "−$0.50"),
            ("0.000012", "USD", "$0.0000120"),
            ("-0.004", "EUR", "−€0.00400"),
            ("0", "USD", "$0.00"),
            ("1234.5", "JPY", "JPY 1235"),
            ("0.4", "JPY", "JPY 0.400"),
            ("1.2345", "KWD", "KWD 1.235"),
        ] {
            let words = money_in_column(text.parse().unwrap(), currency);
            assert_eq!(words.replace(',', ""), shown, "{text} {currency}");
        }
    }

    #[test]
    fn money_is_exact_to_the_tenth_place() {
        let sum: Money = ["0.1", "0.2", "-0.3000000001"].iter().map(|t| t.parse::<Money>().unwrap()).sum();
        assert_eq!(sum.to_string(), "-0.0000000001");
    }

    #[test]
    fn money_reads_exponents_and_rounds_half_away_from_zero() {
        for (text, shown) in [
            ("2.323760000E-9", "0.0000000023"),
            ("1e3", "1000"),
            ("-0.00000000005", "-0.0000000001"),
            ("0.00000000004", "0"),
            ("1E-400", "0"),
            (".5", "0.5"),
            ("+7.", "7"),
            ("000000000000000000000000000000000000000000001.5", "1.5"),
        ] {
            assert_eq!(text.parse::<Money>().unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn what_is_not_money_is_an_error_and_never_zero() {
        for text in
            ["", " ", "abc", "1,234.5", "(5)", "$5", "1.2.3", "--1", "NaN", "inf", "1e", "-", ".", "1e99"]
        {
            assert!(text.parse::<Money>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn money_serialises_as_a_decimal_string() {
        let amount: Money = "12.50".parse().unwrap();
        assert_eq!(serde_json::to_string(&amount).unwrap(), "\"12.5\"");
        assert_eq!(serde_json::from_str::<Money>("\"12.5\"").unwrap(), amount);
    }

    #[test]
    fn money_for_people_keeps_cents_and_small_amounts_keep_digits() {
        assert_eq!(money("1234.5".parse().unwrap(), "USD"), "$1,234.50");
        assert_eq!(money("-1234.567".parse().unwrap(), "EUR"), "−€1,234.57");
        assert_eq!(money("0.00123".parse().unwrap(), "USD"), "$0.00123");
        assert_eq!(money("0.999".parse().unwrap(), "USD"), "$1.00");
        assert_eq!(money(Money::ZERO, "USD"), "$0.00");
        // Four thousandths round to nothing and keep no sign.
        assert_eq!(money_to("-0.004".parse().unwrap(), 2, "USD"), "$0.00");
    }

    /// 0.08925 has no exact binary form: rounded as one it would be 0.0892 here and 0.0893 in a column of prices.
    #[test]
    fn money_is_rounded_as_the_decimal_it_is() {
        let price: Money = "0.08925".parse().unwrap();
        assert_eq!(money(price, "USD"), "$0.0893");
        assert_eq!(money(price, "USD"), money_to(price, 4, "USD"));
        assert_eq!(money("0.00000117".parse().unwrap(), "USD"), "$0.00000117");
        assert_eq!(money("0.0000000001".parse().unwrap(), "USD"), "$0.0000000001");
        assert_eq!(money("0.99499".parse().unwrap(), "USD"), "$0.995");
        assert_eq!(money("0.995".parse().unwrap(), "USD"), "$1.00");
    }

    #[test]
    fn durations_pick_the_unit_that_reads_best() {
        assert_eq!(duration_ms(2_500.0), "2.50 s");
        assert_eq!(duration_ms(1.234), "1.23 ms");
        assert_eq!(duration_ms(0.0348), "34.8 µs");
        assert_eq!(duration_ms(0.000_812), "812 ns");
    }
}
