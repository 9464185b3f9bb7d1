//! The currency that the bills' sums are shown in, and the rates to it: kept in the project.

use std::collections::BTreeSet;

use anyhow::bail;

use super::App;
use super::state::State;
use crate::bill::exact::Exact;
use crate::bill::{Conversion, Costs, Imported, Rates, reconcile, share};
use crate::units;

/// What the project file calls them.
pub(super) const KIND: &str = "rates";

impl App {
    /// Keeps other rates. What was answered with the old ones is forgotten.
    pub(super) fn set_rates(&mut self, rates: Rates) -> anyhow::Result<()> {
        if rates.list.iter().any(|rate| rate.rate.0 <= 0) {
            bail!("a rate between currencies must be above zero");
        }
        if rates == self.state.rates {
            return Ok(());
        }
        self.project.put(KIND, "now", 0, &rates)?;
        self.state.rates = rates;
        self.bills_changed();
        Ok(())
    }
}

/// What the rows of a bill come to in one currency, and which of them are not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTotal {
    /// The currency.
    pub currency: String,
    /// The four sums.
    pub costs: Costs,
    /// Amounts of several currencies were put into one.
    pub converted: bool,
    /// What is left out, in words: `3 rows that name no currency`.
    pub left_out: Vec<String>,
}

impl State {
    /// What a bill comes to: in its only currency, or, where it has several, in the one that sums are shown in. What
    /// cannot be put into that is left out and said. `None` for a bill of several currencies that are shown as billed.
    pub fn file_total(&self, bill: &Imported) -> Option<FileTotal> {
        let costs_something = |costs: &Costs| share::named(costs).iter().any(|(_, cost)| cost.is_some());
        let priced: Vec<(&str, &Costs)> = bill
            .totals
            .iter()
            .filter(|(_, costs)| costs_something(costs))
            .map(|(name, costs)| (name.as_str(), costs))
            .collect();
        let rows = |name: &str| {
            let rows = bill.currencies.get(name).copied().unwrap_or(0);
            let s = if rows == 1 { "" } else { "s" };
            let which = match (name, s) {
                ("", "") => "that names no currency".to_owned(),
                ("", _) => "that name no currency".to_owned(),
                (name, _) => format!("in {name}, which has no rate"),
            };
            format!("{} row{s} {which}", units::group_thousands(u128::from(rows)))
        };
        let of = |currency: &str, costs: Costs, converted: bool, left_out: Vec<String>| FileTotal {
            currency: currency.to_owned(),
            costs,
            converted,
            left_out,
        };
        let unnamed =
            || priced.iter().filter(|(name, _)| name.is_empty()).map(|(name, _)| rows(name)).collect();
        let named: Vec<&(&str, &Costs)> = priced.iter().filter(|(name, _)| !name.is_empty()).collect();
        match (named.as_slice(), self.rates.display.as_deref()) {
            ([], _) => {
                let (currency, costs) = bill.totals.iter().next()?;
                Some(of(currency, *costs, false, Vec::new()))
            }
            ([(currency, costs)], _) => Some(of(currency, **costs, false, unnamed())),
            (several, Some(display)) => {
                let mut left_out: Vec<String> = unnamed();
                let mut sums: [Option<Exact>; 4] = [None; 4];
                let mut counted = 0;
                for (currency, costs) in several {
                    let converted = share::named(costs).map(|(_, cost)| {
                        let exact = cost.and_then(Exact::from_money);
                        exact.map(|exact| self.rates.convert(currency, exact)).transpose()
                    });
                    if converted.iter().any(Result::is_err) {
                        left_out.push(rows(currency));
                        continue;
                    }
                    counted += 1;
                    for (sum, more) in sums.iter_mut().zip(converted.into_iter().flatten()) {
                        if let Some(more) = more {
                            *sum = sum.unwrap_or_default().checked_add(more);
                        }
                    }
                }
                let [billed_cost, effective_cost, list_cost, contracted_cost] =
                    sums.map(|sum| sum.map(Exact::to_money));
                let costs = Costs { billed_cost, effective_cost, list_cost, contracted_cost };
                (counted > 0).then(|| of(display, costs, true, left_out))
            }
            _ => None,
        }
    }

    /// The currencies of the rows that count and are of money, each once, by name; the empty one is "no currency".
    /// Rows that count tokens and cost nothing have none and need none.
    pub fn row_currencies(&self) -> Vec<&str> {
        let counted = self.bills.iter().flat_map(|bill| self.currencies_of(bill));
        counted.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The currencies of a bill's rows that count.
    fn currencies_of<'s>(&'s self, bill: &'s Imported) -> impl Iterator<Item = &'s str> {
        let counted = reconcile::counted_currencies(bill, &self.counting);
        let is_money = |name: &str| {
            let costs = bill.totals.get(name).map(share::named);
            !name.is_empty() || costs.is_some_and(|costs| costs.iter().any(|(_, cost)| cost.is_some()))
        };
        bill.currencies.keys().map(String::as_str).filter(move |name| {
            counted.as_ref().is_none_or(|counted| counted.contains(name)) && is_money(name)
        })
    }

    /// How the bills' sums come to be in the currency they are shown in; `None` when they are as billed.
    pub fn conversion(&self) -> Option<Conversion> {
        self.rates.conversion(self.row_currencies(), self.bills.iter().map(Imported::unnamed_rows).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Rate;
    use crate::units::Money;

    fn bill(totals: &[(&str, &str, u64)]) -> Imported {
        let costs = |text: &str| Costs { billed_cost: text.parse().ok(), ..Costs::default() };
        Imported {
            totals: totals.iter().map(|(name, cost, _)| ((*name).to_owned(), costs(cost))).collect(),
            currencies: totals.iter().map(|(name, _, rows)| ((*name).to_owned(), *rows)).collect(),
            ..Imported::default()
        }
    }

    /// 8.63 + 1.26 × 0.75 = 9.575.
    #[test]
    fn one_row_without_a_currency_does_not_withhold_the_sum_of_the_file() {
        let mut state = State::default();
        let billed = |total: &FileTotal| total.costs.billed_cost.map(|cost| cost.to_string());
        let azure = bill(&[("", "0.5", 1), ("CAD", "1.26", 4), ("USD", "8.63", 11)]);
        assert_eq!(state.file_total(&azure), None, "in several currencies, as billed");
        state.rates.display = Some("USD".to_owned());
        state.rates.put(Rate::new("CAD", "USD", "0.75", "", "").unwrap());
        let total = state.file_total(&azure).unwrap();
        assert_eq!(
            (billed(&total).as_deref(), total.currency.as_str(), total.converted),
            (Some("9.575"), "USD", true)
        );
        assert_eq!(total.left_out, ["1 row that names no currency"]);
        // A currency that a rate could be set for is named.
        state.rates.remove("CAD");
        let total = state.file_total(&azure).unwrap();
        assert_eq!(billed(&total).as_deref(), Some("8.63"));
        assert_eq!(total.left_out, ["1 row that names no currency", "4 rows in CAD, which has no rate"]);
        // Without rates, too, and rows that count tokens and cost nothing leave nothing out.
        state.rates = Rates::default();
        let total = state.file_total(&bill(&[("", "0.5", 2), ("EUR", "3", 1)])).unwrap();
        assert_eq!((billed(&total).as_deref(), total.left_out.len()), (Some("3"), 1));
        let total = state.file_total(&bill(&[("", "nothing", 9), ("EUR", "3", 1)])).unwrap();
        assert_eq!((total.costs.billed_cost, total.left_out.len()), ("3".parse::<Money>().ok(), 0));
    }
}
