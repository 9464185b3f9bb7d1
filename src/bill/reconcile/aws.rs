//! Amazon's amortised cost and its check, worked out from a report's columns without the mapping to FOCUS.
//!
//! Source: AWS Cloud Intelligence Dashboards (CUDOS), `summary_view`: `amortized_cost`, `ri_sp_trueup` and
//! `ri_sp_upfront_fees`, which together are the unblended cost.

use super::amount::{self, Said};
use super::ledger::TrueUp;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::trimmed;

/// Periods and currencies of one report: more than this is no report.
const MOST: usize = 1_000;

/// The columns that the formula needs.
pub(super) struct Formula {
    line: Vec<usize>,
    unblended: Vec<usize>,
    net: Vec<usize>,
    plan_effective: Vec<usize>,
    plan_net_effective: Vec<usize>,
    plan_total: Vec<usize>,
    plan_used: Vec<usize>,
    plan_upfront: Vec<usize>,
    reserved_effective: Vec<usize>,
    reserved_net_effective: Vec<usize>,
    unused_upfront: Vec<usize>,
    unused_recurring: Vec<usize>,
    net_unused_upfront: Vec<usize>,
    net_unused_recurring: Vec<usize>,
    reserved_upfront: Vec<usize>,
    arn: Vec<usize>,
    subscription: Vec<usize>,
    description: Vec<usize>,
    product: Vec<usize>,
    period: Vec<usize>,
    invoice: Vec<usize>,
}

impl Formula {
    /// Of a header whose names were reduced to their letters.
    pub fn of(names: &[String]) -> Self {
        let at = |wanted: &str| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(place, _)| place).collect()
        };
        Self {
            line: at("lineitemlineitemtype"),
            unblended: at("lineitemunblendedcost"),
            net: at("lineitemnetunblendedcost"),
            plan_effective: at("savingsplansavingsplaneffectivecost"),
            plan_net_effective: at("savingsplannetsavingsplaneffectivecost"),
            plan_total: at("savingsplantotalcommitmenttodate"),
            plan_used: at("savingsplanusedcommitment"),
            plan_upfront: at("savingsplanamortizedupfrontcommitmentforbillingperiod"),
            reserved_effective: at("reservationeffectivecost"),
            reserved_net_effective: at("reservationneteffectivecost"),
            unused_upfront: at("reservationunusedamortizedupfrontfeeforbillingperiod"),
            unused_recurring: at("reservationunusedrecurringfee"),
            net_unused_upfront: at("reservationnetunusedamortizedupfrontfeeforbillingperiod"),
            net_unused_recurring: at("reservationnetunusedrecurringfee"),
            reserved_upfront: at("reservationamortizedupfrontfeeforbillingperiod"),
            arn: at("reservationreservationarn"),
            subscription: at("reservationsubscriptionid"),
            description: at("lineitemlineitemdescription"),
            product: at("lineitemproductcode"),
            period: at("billbillingperiodstartdate"),
            invoice: at("billinvoiceid"),
        }
    }

    fn text<'c>(places: &[usize], cells: &[&'c str]) -> &'c str {
        let mut texts = places.iter().map(|at| cells.get(*at).map_or("", |text| trimmed(text)));
        texts.find(|text| !text.is_empty()).unwrap_or("")
    }

    fn amount(places: &[usize], cells: &[&str]) -> Option<Exact> {
        match amount::read(Self::text(places, cells)) {
            Said::Plain(amount) | Said::Odd(amount) => Some(amount),
            Said::Nothing | Said::Unreadable => None,
        }
    }

    fn either(net: &[usize], gross: &[usize], cells: &[&str], is_net: bool) -> Option<Exact> {
        let net = if is_net { Self::amount(net, cells) } else { None };
        net.or_else(|| Self::amount(gross, cells))
    }

    /// The fee that a reservation begins with.
    fn is_upfront_fee(&self, cells: &[&str]) -> bool {
        let arn = Self::text(&self.arn, cells);
        if !arn.is_empty() {
            return !arn.contains(":capacity-reservation/");
        }
        !Self::text(&self.subscription, cells).is_empty()
            && Self::text(&self.description, cells).starts_with("Sign up charge for subscription")
    }

    fn is_plan_product(&self, cells: &[&str]) -> bool {
        Self::text(&self.product, cells).ends_with("SavingsPlans")
    }

    /// Says of a row's kind what the formula depends on beside it.
    pub fn qualify(&self, cells: &[&str], kind: &mut String) {
        match kind.as_str() {
            "Fee" if self.is_upfront_fee(cells) => kind.push_str(", reservation"),
            "Refund" if self.is_plan_product(cells) => kind.push_str(", Savings Plan"),
            _ => {}
        }
    }

    /// What a row costs when amortised, net of discounts where the report nets them; `None` where a cell that the
    /// formula needs has no value.
    pub fn amortised(&self, cells: &[&str]) -> Option<Exact> {
        self.cost(cells, true)
    }

    fn cost(&self, cells: &[&str], net: bool) -> Option<Exact> {
        let of = |net_at: &[usize], at: &[usize]| Self::either(net_at, at, cells, net);
        let billed = || of(&self.net, &self.unblended);
        match Self::text(&self.line, cells) {
            "SavingsPlanCoveredUsage" => of(&self.plan_net_effective, &self.plan_effective),
            "DiscountedUsage" => of(&self.reserved_net_effective, &self.reserved_effective),
            "SavingsPlanRecurringFee" => {
                Self::amount(&self.plan_total, cells)?.checked_sub(Self::amount(&self.plan_used, cells)?)
            }
            "RIFee" => of(&self.net_unused_upfront, &self.unused_upfront)?
                .checked_add(of(&self.net_unused_recurring, &self.unused_recurring)?),
            "SavingsPlanNegation" | "SavingsPlanUpfrontFee" => Some(Exact::default()),
            "Fee" if self.is_upfront_fee(cells) => Some(Exact::default()),
            "Refund" if self.is_plan_product(cells) => Some(Exact::default()),
            _ => billed(),
        }
    }

    /// Adds a row to the check of its month, before discounts that the report nets.
    pub fn true_up(&self, cells: &[&str], currency: &str, checks: &mut Vec<TrueUp>) {
        let period = Self::text(&self.period, cells);
        let period = period.get(..7).unwrap_or(period);
        let same = |check: &TrueUp| check.period == period && check.currency == currency;
        let place = checks.iter().position(same);
        let place = place.unwrap_or_else(|| {
            if checks.len() < MOST {
                checks.push(TrueUp {
                    period: period.to_owned(),
                    currency: currency.to_owned(),
                    ..TrueUp::default()
                });
            }
            checks.len() - 1
        });
        let check = &mut checks[place];
        check.rows += 1;
        check.uninvoiced += u64::from(Self::text(&self.invoice, cells).is_empty());
        let mut add = |to: fn(&mut TrueUp) -> &mut Exact, amount: Option<Exact>| {
            let sum = amount.and_then(|amount| to(check).checked_add(amount));
            match sum {
                Some(sum) => *to(check) = sum,
                None => check.missing += 1,
            }
        };
        let unblended = Self::amount(&self.unblended, cells);
        add(|check| &mut check.amortised, self.cost(cells, false));
        add(|check| &mut check.unblended, unblended);
        let line = Self::text(&self.line, cells);
        match line {
            "SavingsPlanRecurringFee" => {
                add(|check| &mut check.upfront_amortised, Self::amount(&self.plan_upfront, cells));
            }
            "RIFee" => {
                add(|check| &mut check.upfront_amortised, Self::amount(&self.reserved_upfront, cells));
            }
            "SavingsPlanUpfrontFee" => add(|check| &mut check.upfront_fees, unblended),
            "Fee" if self.is_upfront_fee(cells) => add(|check| &mut check.upfront_fees, unblended),
            "Refund" if self.is_plan_product(cells) => add(|check| &mut check.upfront_fees, unblended),
            _ => {}
        }
        let of_commitment = line.starts_with("SavingsPlan") || ["RIFee", "DiscountedUsage"].contains(&line);
        check.commitment_rows += u64::from(of_commitment);
    }
}

#[cfg(test)]
mod tests {
    use super::super::own::letters;
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap().value
    }

    /// A closed month of a partly prepaid Savings Plan and reservation, by hand: the plan costs 3 an hour (1 of it
    /// upfront), 2.5 of it is used in place of 4 on demand; the reservation costs 2 (0.5 upfront), half is used; a
    /// plan is bought for 100 upfront.
    #[test]
    fn a_closed_month_is_true() {
        let header = [
            "lineItem/LineItemType",
            "lineItem/UnblendedCost",
            "bill/BillingPeriodStartDate",
            "savingsPlan/SavingsPlanEffectiveCost",
            "savingsPlan/TotalCommitmentToDate",
            "savingsPlan/UsedCommitment",
            "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
            "reservation/EffectiveCost",
            "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
            "reservation/UnusedRecurringFee",
            "reservation/AmortizedUpfrontFeeForBillingPeriod",
        ];
        let names: Vec<String> = header.iter().map(|name| letters(name)).collect();
        let formula = Formula::of(&names);
        let start = "2026-10-01T00:00:00Z";
        let rows = [
            ["SavingsPlanCoveredUsage", "4", start, "2.5", "", "", "", "", "", "", ""],
            ["SavingsPlanNegation", "-4", start, "", "", "", "", "", "", "", ""],
            ["SavingsPlanRecurringFee", "2", start, "", "3", "2.5", "1", "", "", "", ""],
            ["SavingsPlanUpfrontFee", "100", start, "", "", "", "", "", "", "", ""],
            ["DiscountedUsage", "0", start, "", "", "", "", "1", "", "", ""],
            ["RIFee", "1.5", start, "", "", "", "", "", "0.25", "0.75", "0.5"],
            ["Usage", "7", start, "", "", "", "", "", "", "", ""],
        ];
        let mut checks = Vec::new();
        for row in &rows {
            formula.true_up(row, "USD", &mut checks);
        }
        let [check] = checks.as_slice() else { panic!("{checks:?}") };
        // 2.5 + 0 + 0.5 + 0 + 1 + 1 + 7; 1 + 0.5; 100; 4 − 4 + 2 + 100 + 0 + 1.5 + 7.
        assert_eq!(check.amortised, exact("12"));
        assert_eq!(check.upfront_amortised, exact("1.5"));
        assert_eq!(check.upfront_fees, exact("100"));
        assert_eq!(check.unblended, exact("110.5"));
        assert_eq!(check.difference(), Some(Exact(0)));
        assert_eq!((check.period.as_str(), check.commitment_rows, check.missing), ("2026-10", 6, 0));
        // A row of the fee is lost: what is amortised no longer adds up.
        let mut checks = Vec::new();
        for row in rows.iter().filter(|row| row[0] != "RIFee") {
            formula.true_up(row, "USD", &mut checks);
        }
        assert_eq!(checks[0].difference(), Some(exact("1")));
    }
}
