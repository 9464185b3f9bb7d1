//! Amounts as the bill store keeps them: exact decimals with eighteen places, `Decimal(38,18)`.
//!
//! Real bills carry 11 to 18 decimal places (a cell of 0.00000004125 is not rare), so rounding each cell to the
//! ten places of [`Money`] would move a total away from the file's. Cells are therefore kept and summed with
//! eighteen places and rounded once, when a sum leaves as [`Money`]. Knows no files and no polars.

use std::fmt;

use crate::units::{Money, MoneyError};

/// Decimal places kept in the store.
pub const SCALE: u32 = 18;
/// Digits in all.
pub const PRECISION: usize = 38;
const ONE: i128 = 10_i128.pow(SCALE);
const MAX: i128 = 10_i128.pow(38) - 1;
const PER_MONEY: i128 = 10_i128.pow(SCALE - Money::SCALE);

/// An exact amount: an integer count of 10⁻¹⁸.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Exact(pub i128);

/// A cell that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    /// Its value.
    pub value: Exact,
    /// Digits past the eighteenth decimal place were rounded away.
    pub rounded: bool,
}

impl Exact {
    /// Reads what [`Money`] reads (`-12.5`, `.5`, `2.32E-9`), with eighteen places instead of ten.
    ///
    /// # Errors
    /// What is not a plain decimal number, or does not fit 20 digits before the point.
    pub fn read(text: &str) -> Result<Read, MoneyError> {
        let text = text.trim();
        if let Some(value) = plain(text) {
            return Ok(Read { value: Self(value), rounded: false });
        }
        // Anything unusual goes through the one parser of money: shifting the point by the difference of the
        // scales makes its count of 10⁻¹⁰ our count of 10⁻¹⁸.
        let shift = i64::from(SCALE - Money::SCALE);
        let bad = || MoneyError::NotANumber(text.to_owned());
        if text.is_empty() {
            return Err(MoneyError::Empty);
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_ignored| bad())?),
            None => (text, 0),
        };
        let shifted = format!("{mantissa}e{}", i64::from(exponent) + shift);
        let money: Money = shifted.parse().map_err(|error| match error {
            MoneyError::TooLarge(_) => MoneyError::TooLarge(text.to_owned()),
            MoneyError::Empty => MoneyError::Empty,
            MoneyError::NotANumber(_) => bad(),
        })?;
        let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0');
        let places = i64::try_from(fraction.len()).unwrap_or(i64::MAX) - i64::from(exponent);
        // Without a fraction, trailing zeros of the whole part can make up for a negative exponent.
        let trailing = if fraction.is_empty() {
            let whole = mantissa.split('.').next().unwrap_or("");
            i64::try_from(whole.len() - whole.trim_end_matches('0').len()).unwrap_or(0)
        } else {
            0
        };
        let has_digits = mantissa.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
        let rounded = has_digits && places - trailing > i64::from(SCALE);
        Ok(Read { value: Self(money.scaled()), rounded })
    }

    /// Sum without wrapping; `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| sum.abs() <= MAX).map(Self)
    }

    /// The nearest amount with ten places, half away from zero.
    pub fn to_money(self) -> Money {
        let half = PER_MONEY / 2;
        let magnitude = self.0.abs();
        let rounded = magnitude / PER_MONEY + i128::from(magnitude % PER_MONEY >= half);
        Money::from_scaled(if self.0 < 0 { -rounded } else { rounded })
    }
}

/// The common case without allocating: at most 18 digits, no exponent.
fn plain(text: &str) -> Option<i128> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value: i64 = 0;
    let mut places: Option<u32> = None;
    let mut count = 0;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                count += 1;
                value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
                places = places.map(|places| places + 1);
            }
            b'.' if places.is_none() => places = Some(0),
            _ => return None,
        }
    }
    if count == 0 {
        return None;
    }
    let scaled = i128::from(value) * 10_i128.pow(SCALE.checked_sub(places.unwrap_or(0))?);
    (scaled <= MAX).then_some(if negative { -scaled } else { scaled })
}

impl fmt::Display for Exact {
    /// Every digit, without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) =
            (self.0.unsigned_abs() / ONE.unsigned_abs(), self.0.unsigned_abs() % ONE.unsigned_abs());
        let fraction = format!("{fraction:018}");
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { write!(f, "{sign}{whole}") } else { write!(f, "{sign}{whole}.{fraction}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    #[test]
    fn every_digit_of_a_real_cell_is_kept() {
        for (text, shown) in [
            ("0.00000004125", "0.00000004125"),
            ("-11.36694143040000", "-11.3669414304"),
            ("2.323760000E-9", "0.00000000232376"),
            ("1e3", "1000"),
            ("+7", "7"),
            (".5", "0.5"),
            ("0.000000000000000001", "0.000000000000000001"),
            ("99999999999999999999", "99999999999999999999"),
            ("-0", "0"),
        ] {
            assert_eq!(exact(text).to_string(), shown, "{text}");
            assert!(!Exact::read(text).unwrap().rounded, "{text}");
        }
    }

    #[test]
    fn digits_past_the_eighteenth_are_rounded_and_said() {
        let read = Exact::read("0.0000000000000000015").unwrap();
        assert_eq!((read.value, read.rounded), (Exact(2), true));
        let read = Exact::read("1E-19").unwrap();
        assert_eq!((read.value, read.rounded), (Exact(0), true));
        assert!(!Exact::read("10E-19").unwrap().rounded);
        assert!(!Exact::read("0.00000000000000000000").unwrap().rounded);
    }

    #[test]
    fn what_is_not_a_number_is_an_error() {
        for text in
            ["", "  ", "abc", "1,234.5", "(5)", "$5", "1.2.3", "--1", "NaN", "inf", "1e", "-", ".", "1e99"]
        {
            assert!(Exact::read(text).is_err(), "{text:?} was accepted");
        }
        assert!(matches!(Exact::read("100000000000000000000"), Err(MoneyError::TooLarge(_))));
    }

    /// Random decimal texts with up to ten places mean the same to both readers.
    #[test]
    fn agrees_with_money_wherever_money_is_exact() {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut next = move |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        for _ in 0..20_000 {
            let digits = next(15) as u32 + 1;
            let whole = next(10_u64.pow(digits));
            let places = next(11) as usize;
            let fraction = next(10_u64.pow(places as u32));
            let sign = ["", "-", "+"][next(3) as usize];
            let mut text = format!("{sign}{whole}");
            if places > 0 {
                text = format!("{text}.{fraction:0places$}");
            }
            if places <= 5 && next(4) == 0 {
                text = format!("{text}E{}", i64::try_from(next(8)).unwrap() - 5);
            }
            let money: Money = text.parse().unwrap();
            let read = Exact::read(&text).unwrap();
            assert_eq!(read.value.to_money(), money, "{text}");
            assert!(!read.rounded, "{text}");
            assert_eq!(read.value.0, money.scaled() * PER_MONEY, "{text}");
        }
    }

    #[test]
    fn a_sum_is_rounded_once_and_half_away_from_zero() {
        let third = exact("0.00000000004");
        let sum = third.checked_add(third).unwrap().checked_add(third).unwrap();
        assert_eq!(sum.to_money().to_string(), "0.0000000001");
        assert_eq!(exact("-0.00000000005").to_money().to_string(), "-0.0000000001");
        assert_eq!(Exact(MAX).checked_add(Exact(1)), None);
    }
}
