//! Numbers as the command line takes them: what is out of range is refused before anything is done, in words.

use std::str::FromStr;

/// A whole number from 1.
pub(super) fn count<N: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<N, String> {
    let number = text.trim().parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| "give a whole number from 1".to_owned())
}

/// A whole number from 0.
pub(super) fn whole<N: FromStr>(text: &str) -> Result<N, String> {
    text.trim().parse().map_err(|_not_a_number| "give a whole number from 0".to_owned())
}

/// A number above 0.
pub(super) fn above_zero(text: &str) -> Result<f64, String> {
    finite(text).filter(|number| *number > 0.0).ok_or_else(|| "give a number above 0".to_owned())
}

/// A number from 0.
pub(super) fn from_zero(text: &str) -> Result<f64, String> {
    finite(text).filter(|number| *number >= 0.0).ok_or_else(|| "give a number from 0".to_owned())
}

/// A share: above 0 and at most 1.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let share = finite(text).filter(|number| *number > 0.0 && *number <= 1.0);
    share.ok_or_else(|| "give a number above 0 and at most 1, such as 0.6".to_owned())
}

fn finite(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_refused() {
        assert_eq!(count::<u64>(" 4 "), Ok(4));
        for bad in ["0", "-1", "1.5", "x", "", "99999999999999999999"] {
            assert!(count::<u32>(bad).is_err(), "{bad}");
        }
        assert_eq!(whole::<u64>("0"), Ok(0));
        assert!(whole::<u64>("-1").is_err());
        assert_eq!(from_zero("0"), Ok(0.0));
        for bad in ["-1", "nan", "inf", "x"] {
            assert!(from_zero(bad).is_err() && above_zero(bad).is_err() && share(bad).is_err(), "{bad}");
        }
        assert!(above_zero("0").is_err() && share("1.5").is_err());
        assert_eq!(share("1"), Ok(1.0));
    }
}
