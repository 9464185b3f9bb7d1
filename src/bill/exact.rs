//! Amounts as the bill store keeps them: exact decimals with eighteen places, `Decimal(38,18)`.
//!
//! Real bills carry 11 to 18 decimal places (a cell of 0.00000004125 is not rare), so rounding each cell to the
//! ten places of [`Money`] would move a total away from the file's. Cells are therefore kept and summed with
//! eighteen places and rounded once, when a sum leaves as [`Money`]. Knows no files and no polars.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::units::{Money, MoneyError};

/// Decimal places kept in the store.
pub const SCALE: u32 = 18;
/// Digits in all.
pub const PRECISION: usize = 38;
const ONE: i128 = 10_i128.pow(SCALE);
const MAX: i128 = 10_i128.pow(38) - 1;
/// 10⁰ to 10³⁸.
const POWERS: [u128; 39] = {
    let mut powers = [1; 39];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * 10;
        place += 1;
    }
    powers
};
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

    /// Difference without wrapping; `None` when it does not fit.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.checked_add(Self(-other.0))
    }

    /// Product, rounded to the nearest eighteenth place, half away from zero; `None` when it does not fit.
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        let limbs = |value: i128| {
            let magnitude = value.unsigned_abs();
            [magnitude as u64, (magnitude >> 64) as u64].map(u128::from)
        };
        let ([a0, a1], [b0, b1]) = (limbs(self.0), limbs(other.0));
        // 256 bits in four limbs, the lowest first.
        let low = a0 * b0;
        let middle = a0 * b1;
        let (middle, carry) = middle.overflowing_add(a1 * b0);
        let (second, over) = (middle << 64).overflowing_add(low);
        let high = a1 * b1 + (middle >> 64) + (u128::from(carry) << 64) + u128::from(over);
        let product = [second as u64, (second >> 64) as u64, high as u64, (high >> 64) as u64];
        let (mut quotient, mut rest) = ([0_u64; 4], 0_u128);
        for (place, limb) in product.into_iter().enumerate().rev() {
            let part = (rest << 64) | u128::from(limb);
            quotient[place] = (part / ONE as u128) as u64;
            rest = part % ONE as u128;
        }
        if quotient[2] != 0 || quotient[3] != 0 {
            return None;
        }
        let magnitude = i128::try_from((u128::from(quotient[1]) << 64) | u128::from(quotient[0])).ok()?;
        let magnitude = magnitude.checked_add(i128::from(rest >= ONE as u128 / 2))?;
        let negative = (self.0 < 0) != (other.0 < 0);
        (magnitude <= MAX).then_some(Self(if negative { -magnitude } else { magnitude }))
    }

    /// `self × by ÷ of`, rounded to the nearest eighteenth place, half away from zero; `None` when it does not fit or
    /// `of` is zero.
    pub fn checked_mul_div(self, by: Self, of: Self) -> Option<Self> {
        let divisor = of.0.unsigned_abs();
        let (mut rest, low) = wide_product(self.0.unsigned_abs(), by.0.unsigned_abs());
        if rest >= divisor {
            return None;
        }
        // Long division, a bit at a time: the quotient fits 128 bits, because the upper half is below the divisor.
        let mut quotient = 0_u128;
        for place in (0..128).rev() {
            let carried = rest >> 127 == 1;
            rest = (rest << 1) | ((low >> place) & 1);
            if carried || rest >= divisor {
                rest = rest.wrapping_sub(divisor);
                quotient |= 1 << place;
            }
        }
        let magnitude = i128::try_from(quotient).ok()?.checked_add(i128::from(rest >= divisor - rest))?;
        let negative = ((self.0 < 0) != (by.0 < 0)) != (of.0 < 0);
        (magnitude <= MAX).then_some(Self(if negative { -magnitude } else { magnitude }))
    }

    /// An amount of money, to its last digit; `None` when it does not fit 20 digits before the point.
    pub fn from_money(money: Money) -> Option<Self> {
        money.scaled().checked_mul(PER_MONEY).filter(|scaled| scaled.abs() <= MAX).map(Self)
    }

    /// The nearest amount with ten places, half away from zero.
    pub fn to_money(self) -> Money {
        let half = PER_MONEY / 2;
        let magnitude = self.0.abs();
        let rounded = magnitude / PER_MONEY + i128::from(magnitude % PER_MONEY >= half);
        Money::from_scaled(if self.0 < 0 { -rounded } else { rounded })
    }
}

/// The upper and the lower 128 bits of a product.
fn wide_product(a: u128, b: u128) -> (u128, u128) {
    let limbs = |value: u128| (value & u128::from(u64::MAX), value >> 64);
    let ((a0, a1), (b0, b1)) = (limbs(a), limbs(b));
    let (middle, carry) = (a0 * b1).overflowing_add(a1 * b0);
    let (low, over) = (middle << 64).overflowing_add(a0 * b0);
    (a1 * b1 + (middle >> 64) + (u128::from(carry) << 64) + u128::from(over), low)
}

/// The common case without allocating: a number that the eighteen places hold exactly.
fn plain(text: &str) -> Option<i128> {
    let (negative, rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // Nineteen digits fit 64 bits, which are added up much faster than 128.
    let (mut low, mut count, mut places): (u64, u32, Option<u32>) = (0, 0, None);
    let mut high: u128 = 0;
    let mut end = rest.len();
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if count == 19 {
                    high = u128::from(low);
                }
                let digit = byte - b'0';
                if count < 19 {
                    low = low * 10 + u64::from(digit);
                } else {
                    high = high.checked_mul(10)?.checked_add(u128::from(digit))?;
                }
                count += 1;
                places = places.map(|places| places + 1);
            }
            b'.' if places.is_none() => places = Some(0),
            b'e' | b'E' if at > 0 => {
                end = at;
                break;
            }
            _ => return None,
        }
    }
    if count == 0 {
        return None;
    }
    let value = if count > 19 { high } else { u128::from(low) };
    let exponent: i32 = match rest.get(end + 1..) {
        None => 0,
        Some(exponent) => std::str::from_utf8(exponent).ok()?.parse().ok()?,
    };
    let places = i32::try_from(places.unwrap_or(0)).ok()?;
    let shift = (SCALE.cast_signed() - places).checked_add(exponent)?;
    let power = POWERS.get(shift.unsigned_abs() as usize).copied();
    let scaled = if value == 0 {
        0
    } else if shift >= 0 {
        value.checked_mul(power?)?
    } else {
        // What would be rounded is left to the one that says so.
        let power = power?;
        (value % power == 0).then_some(value / power)?
    };
    let scaled = i128::try_from(scaled).ok().filter(|scaled| *scaled <= MAX)?;
    Some(if negative { -scaled } else { scaled })
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

impl Serialize for Exact {
    /// As decimal text: a JSON number would be read back as a binary float.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).map(|read| read.value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    /// Expected values: Python's `decimal` with 60 digits, quantised to 18 places, `ROUND_HALF_UP`.
    #[test]
    fn a_rule_of_three_keeps_every_digit() {
        let read = |text: &str| Exact::read(text).unwrap().value;
        let rule =
            |a: &str, b: &str, c: &str| read(a).checked_mul_div(read(b), read(c)).map(|v| v.to_string());
        assert_eq!(rule("10", "3", "7").as_deref(), Some("4.285714285714285714"));
        assert_eq!(rule("-10", "2", "3").as_deref(), Some("-6.666666666666666667"));
        assert_eq!(rule("-1", "-1", "-3").as_deref(), Some("-0.333333333333333333"));
        // The product of these has more than 128 bits.
        assert_eq!(
            rule(
                "12345678901.123456789012345678",
                "98765432109.876543210987654321",
                "98765432109.876543210987654321"
            )
            .as_deref(),
            Some("12345678901.123456789012345678")
        );
        assert_eq!(rule("0.000000000000000001", "1", "2").as_deref(), Some("0.000000000000000001"));
        assert_eq!(rule("1", "1", "0"), None);
        assert_eq!(rule("99999999999999999999", "99999999999999999999", "1"), None);
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
    fn money_is_the_same_amount_or_does_not_fit() {
        let money = |text: &str| text.parse::<Money>().unwrap();
        assert_eq!(Exact::from_money(money("-12.5")), Some(exact("-12.5")));
        assert_eq!(Exact::from_money(money("99999999999999999999")), Some(exact("99999999999999999999")));
        assert_eq!(Exact::from_money(money("100000000000000000000")), None);
    }

    #[test]
    fn a_sum_is_rounded_once_and_half_away_from_zero() {
        let third = exact("0.00000000004");
        let sum = third.checked_add(third).unwrap().checked_add(third).unwrap();
        assert_eq!(sum.to_money().to_string(), "0.0000000001");
        assert_eq!(exact("-0.00000000005").to_money().to_string(), "-0.0000000001");
        assert_eq!(Exact(MAX).checked_add(Exact(1)), None);
    }

    /// Products from Python's `decimal` with 80 digits, quantised to 18 places half up.
    #[test]
    fn a_product_is_exact_to_the_eighteenth_place() {
        let read = |text: &str| Exact::read(text).unwrap().value;
        for (a, b, product) in [
            ("1.5", "-2", "-3"),
            ("0.1", "0.1", "0.01"),
            ("98765432.123456789", "0.000000000123456789", "0.012193263114159427"),
            ("-0.000000000000000001", "0.5", "-0.000000000000000001"),
            ("99999999999999999999", "1", "99999999999999999999"),
            ("12345678901.123456789", "98765432.1", "1219326311237311385.2112635269"),
        ] {
            assert_eq!(read(a).checked_mul(read(b)), Some(read(product)), "{a} × {b}");
        }
        assert_eq!(read("99999999999999999999").checked_mul(read("1.1")), None);
        assert_eq!(read("3").checked_sub(read("4.5")), Some(read("-1.5")));
    }
}
