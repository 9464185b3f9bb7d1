//! Sums of several currencies, put into the one that is shown.

use super::error::BillError;
use super::query::StoredGroups;
use super::rates::Rates;

/// Each currency's sums times its rate, added up under the currency that is shown. Money of rows that name no currency
/// is left out, because no rate can be set for it; the [`Conversion`] says so. An error where there is nothing else.
pub(super) fn in_one_currency(
    groups: StoredGroups,
    at: usize,
    display: &str,
    rates: &Rates,
) -> Result<StoredGroups, BillError> {
    let mut merged = StoredGroups::new();
    let mut left_out = false;
    for (mut key, sums) in groups {
        let currency = key[at].replace(display.to_owned()).unwrap_or_default();
        if currency.is_empty() && sums.filled.iter().any(|filled| *filled > 0) {
            left_out = true;
            continue;
        }
        merged.entry(key).or_default().add(&sums.converted(&currency, rates)?)?;
    }
    if left_out && merged.is_empty() {
        return Err(BillError::NoRate { currency: String::new(), display: display.to_owned() });
    }
    Ok(merged)
}
