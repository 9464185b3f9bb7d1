//! The part of a row's cost that a rule claims, exactly.

use serde::{Deserialize, Serialize};

use super::RulesError;
use crate::bill::exact::Exact;
use crate::units::Money;

/// The part of a row's cost that a rule claims, above 0 and at most 1, exactly; the remainder is "the rest".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Money", into = "Money")]
pub struct Share(Money);

impl Share {
    /// All of it.
    pub const WHOLE: Self = Self(Money::from_scaled(10_i128.pow(Money::SCALE)));

    /// From a decimal text.
    ///
    /// # Errors
    /// What is no number above 0 and at most 1.
    pub fn read(text: &str) -> Result<Self, RulesError> {
        let money: Money = text.parse().map_err(|_no_number| RulesError::Share(text.trim().to_owned()))?;
        Self::try_from(money)
    }

    /// This share of an amount, and the remainder; both add up to the amount.
    pub fn split(self, amount: Exact) -> (Exact, Exact) {
        if self == Self::WHOLE {
            return (amount, Exact::default());
        }
        let factor = Exact(self.0.scaled() * 10_i128.pow(crate::bill::exact::SCALE - Money::SCALE));
        // INVARIANT: a product with at most 1 fits where its factor does, and so does the difference.
        let part = amount.checked_mul(factor).unwrap_or_default();
        (part, Exact(amount.0 - part.0))
    }

    /// Whether it is all.
    pub fn is_whole(self) -> bool {
        self == Self::WHOLE
    }
}

impl Default for Share {
    fn default() -> Self {
        Self::WHOLE
    }
}

impl TryFrom<Money> for Share {
    type Error = RulesError;

    fn try_from(money: Money) -> Result<Self, RulesError> {
        if money > Money::ZERO && money <= Self::WHOLE.0 {
            Ok(Self(money))
        } else {
            Err(RulesError::Share(money.to_string()))
        }
    }
}

impl From<Share> for Money {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
