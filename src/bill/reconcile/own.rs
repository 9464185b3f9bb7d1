//! A file's own columns of costs, found by format and header, and read without the mapping to FOCUS: what the mapping
//! makes of them is compared with this. Knows headers and rows of text, no disk.

use super::amount::{self, Said};
use super::aws::Formula;
use super::ledger::Reason;
use crate::bill::Basis;
use crate::bill::columns::COSTS;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::{Header, cell};
use crate::bill::formats::{Kind, json};
use crate::bill::moment;

const BASES: [Basis; 4] = [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost];

/// How an own amount comes of a row.
pub(super) enum Take {
    /// The first of these cells that has a value.
    First(Vec<usize>),
    /// A cell that counts hundredths.
    Cents(usize),
    /// Several cells together.
    SumOf(Vec<usize>),
    /// A cost and the amounts of a list of credits.
    WithCredits { cost: usize, credits: usize },
    /// What Amazon's row costs when amortised.
    Amortised,
}

/// An own column.
pub(super) struct Own {
    pub name: String,
    pub against: Vec<Basis>,
    pub take: Take,
}

/// How to read a file's own numbers.
pub(super) struct Layout {
    pub own: Vec<Own>,
    pub currency: Option<usize>,
    kind: Kind,
    /// Columns whose words tell kinds of rows apart.
    words: Vec<usize>,
    operation: Option<usize>,
    /// Cells of which one must say something, or the row says nothing.
    needed: Vec<usize>,
    /// Cells that are empty in lines of totals.
    named: Vec<usize>,
    pub identity: Vec<usize>,
    pub aws: Option<Formula>,
    credits: Option<usize>,
}

/// A name's letters and digits in lower case.
pub(super) fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl Layout {
    /// For a file of this format and header.
    pub fn of(kind: Kind, header: &[String]) -> Self {
        let mut layout = Self {
            own: Vec::new(),
            currency: None,
            kind,
            words: Vec::new(),
            operation: None,
            needed: Vec::new(),
            named: Vec::new(),
            identity: Vec::new(),
            aws: None,
            credits: None,
        };
        let names = Header::new(header);
        let at = |name: &str| names.at(&[name]);
        let first = |names: &[&str]| names.iter().find_map(|name| at(name));
        match kind {
            Kind::Focus(_) => {
                for (name, basis) in COSTS.iter().zip(BASES) {
                    layout.column(header, at(name), &[basis]);
                }
                layout.currency = at("BillingCurrency");
                layout.words.extend(at("ChargeCategory"));
            }
            Kind::AwsCur | Kind::AwsCur2 => layout.aws(header),
            Kind::AwsCostExplorer => layout.explorer(header),
            Kind::Azure(_) => {
                let cost = first(&["CostInBillingCurrency", "Cost", "PreTaxCost", "ExtendedCost"]);
                layout.column(header, cost, &[Basis::BilledCost, Basis::EffectiveCost]);
                layout.column(header, at("PaygCostInBillingCurrency"), &[Basis::ListCost]);
                layout.currency = first(&["BillingCurrency", "BillingCurrencyCode", "Currency"]);
                layout.words.extend([at("ChargeType"), at("PricingModel")].into_iter().flatten());
            }
            Kind::GcpExport => {
                layout.column(header, at("cost"), &[Basis::ContractedCost]);
                if let Some((cost, credits)) = at("cost").zip(at("credits")) {
                    layout.credits = Some(credits);
                    layout.take(
                        "cost + credits.amount",
                        &[Basis::BilledCost, Basis::EffectiveCost],
                        Take::WithCredits { cost, credits },
                    );
                } else if let Some(own) = layout.own.first_mut() {
                    own.against = vec![Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost];
                }
                layout.column(header, at("cost_at_list"), &[Basis::ListCost]);
                layout.currency = at("currency");
                layout.words.extend(at("cost_type"));
            }
            Kind::GcpCostTable | Kind::GcpReport => layout.console(header),
            Kind::OpenAiCosts => {
                let all = [Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost];
                layout.column(header, at("amount_value"), &all);
                layout.currency = at("amount_currency");
                let needed = ["amount_value", "line_item", "amount_currency"];
                layout.needed.extend(needed.into_iter().filter_map(at));
            }
            Kind::AnthropicCosts => {
                layout.column(
                    header,
                    at("cost_usd"),
                    &[Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost],
                );
                layout.column(header, at("list_price_usd"), &[Basis::ListCost]);
                layout.words.extend(at("cost_type"));
            }
            Kind::AnthropicReport => {
                if let Some(place) = at("amount") {
                    let all = [Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost];
                    layout.take("amount ÷ 100", &all, Take::Cents(place));
                }
                layout.currency = at("currency");
            }
            Kind::DeepSeek => {
                let all = [Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost];
                layout.column(header, at("cost"), &all);
                layout.currency = at("currency");
                layout.words.extend(at("wallet_type"));
            }
            Kind::Oci => {
                let all = [Basis::BilledCost, Basis::EffectiveCost, Basis::ContractedCost];
                layout.column(header, at("cost/myCost"), &all);
                layout.currency = at("cost/currencyCode");
                layout.words.extend(at("lineItem/isCorrection"));
            }
            _ => {}
        }
        layout
    }

    fn take(&mut self, name: &str, against: &[Basis], take: Take) {
        self.own.push(Own { name: name.to_owned(), against: against.to_vec(), take });
    }

    fn column(&mut self, header: &[String], at: Option<usize>, against: &[Basis]) {
        if let Some(at) = at {
            self.take(header[at].trim(), against, Take::First(vec![at]));
        }
    }

    fn aws(&mut self, header: &[String]) {
        let names: Vec<String> = header.iter().map(|name| letters(name)).collect();
        let places = |wanted: &str| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| *name == wanted).map(|(place, _)| place).collect()
        };
        let mut column = |wanted: &str, against: &[Basis]| {
            let places = places(wanted);
            if let Some(first) = places.first() {
                let name = header[*first].trim().to_owned();
                self.own.push(Own { name, against: against.to_vec(), take: Take::First(places) });
            }
        };
        let (gross, net) = (places("lineitemunblendedcost"), places("lineitemnetunblendedcost"));
        let costs = [Basis::BilledCost, Basis::EffectiveCost];
        column("lineitemunblendedcost", if net.is_empty() { &costs } else { &[] });
        column("lineitemnetunblendedcost", if gross.is_empty() { &costs } else { &[] });
        column("lineitemblendedcost", &[]);
        column("pricingpublicondemandcost", &[Basis::ListCost]);
        if !net.is_empty() && !gross.is_empty() {
            let both = net.iter().chain(&gross).copied().collect();
            self.take("NetUnblendedCost, else UnblendedCost", &costs, Take::First(both));
        }
        let formula = Formula::of(&names);
        self.take("amortised by CUDOS' formula", &[], Take::Amortised);
        self.aws = Some(formula);
        self.currency = places("lineitemcurrencycode").first().copied();
        self.words = places("lineitemlineitemtype");
        self.operation = places("lineitemoperation").first().copied();
        let identity = places("identitylineitemid");
        if !identity.is_empty() {
            self.identity = identity;
            self.identity.extend(places("identitytimeinterval"));
            // Of one time and id, only the split rows are several.
            self.identity.extend(places("lineitemlineitemtype"));
            self.identity.extend(places("lineitemunblendedcost"));
        }
    }

    fn explorer(&mut self, header: &[String]) {
        let is_total = |name: &str| {
            let name = name.split('(').next().unwrap_or(name);
            ["totalcosts", "totalcost"].contains(&letters(name).as_str())
        };
        let metric = |name: &str| header.iter().position(|known| known == &format!("Metrics.{name}.Amount"));
        if header.iter().any(|name| name == "TimePeriod.Start") {
            for (names, basis) in [
                (["NetUnblendedCost", "UnblendedCost"], Basis::BilledCost),
                (["NetAmortizedCost", "AmortizedCost"], Basis::EffectiveCost),
            ] {
                let found: Vec<usize> = names.into_iter().filter_map(metric).collect();
                for (rank, place) in found.into_iter().enumerate() {
                    self.column(
                        header,
                        Some(place),
                        if rank == 0 { std::slice::from_ref(&basis) } else { &[] },
                    );
                }
            }
            let units = ["NetUnblendedCost", "UnblendedCost", "NetAmortizedCost", "AmortizedCost"];
            self.currency = units
                .into_iter()
                .find_map(|name| header.iter().position(|known| known == &format!("Metrics.{name}.Unit")));
            return;
        }
        let total = header.iter().rposition(|name| is_total(name));
        let groups: Vec<usize> = (1..header.len()).filter(|at| Some(*at) != total).collect();
        if groups.is_empty() {
            self.column(header, total, &[Basis::BilledCost]);
        } else {
            self.take("all columns but the total", &[Basis::BilledCost], Take::SumOf(groups));
            self.column(header, total, &[]);
        }
    }

    fn console(&mut self, header: &[String]) {
        let amount = |wanted: &str| {
            header.iter().position(|name| {
                let name = name.trim();
                name.strip_suffix(')')
                    .and_then(|name| name.rsplit_once('('))
                    .is_some_and(|(words, _)| words.trim().eq_ignore_ascii_case(wanted))
            })
        };
        let paid = [Basis::BilledCost, Basis::EffectiveCost];
        let (exact, rounded) = if self.kind == Kind::GcpReport {
            (amount("Unrounded subtotal"), amount("Subtotal"))
        } else {
            (amount("Unrounded Cost"), amount("Cost"))
        };
        self.column(header, exact, &paid);
        self.column(header, rounded, if exact.is_none() { &paid } else { &[] });
        self.column(header, amount("List cost"), &[Basis::ListCost]);
        let names = Header::new(header);
        let at = |name: &str| names.at(&[name]);
        self.words.extend([at("Cost type"), at("Credit type")].into_iter().flatten());
        self.named.extend([at("Service description"), at("SKU description")].into_iter().flatten());
    }

    /// The own amounts of a row, one for each own column.
    pub fn amounts(&self, cells: &[&str], said: &mut Vec<Said>) {
        said.clear();
        said.extend(self.own.iter().map(|own| self.one(&own.take, cells)));
    }

    fn one(&self, take: &Take, cells: &[&str]) -> Said {
        match take {
            Take::First(places) => {
                let text = places.iter().map(|at| cell(cells, Some(*at))).find(|text| !text.is_empty());
                amount::read(text.unwrap_or(""))
            }
            Take::Cents(at) => match amount::read(cell(cells, Some(*at))) {
                // A hundredth of a number with sixteen places is exact.
                Said::Plain(cents) => Said::Plain(Exact(cents.0 / 100)),
                Said::Odd(cents) => Said::Odd(Exact(cents.0 / 100)),
                other => other,
            },
            Take::SumOf(places) => {
                places.iter().fold(Said::Nothing, |sum, at| add(sum, amount::read(cell(cells, Some(*at)))))
            }
            Take::WithCredits { cost, credits } => {
                let cost = amount::read(cell(cells, Some(*cost)));
                match credits_of(cell(cells, Some(*credits))) {
                    Some(credits) => add(cost, Said::Plain(credits)),
                    None => Said::Unreadable,
                }
            }
            Take::Amortised => match self.aws.as_ref().and_then(|formula| formula.amortised(cells)) {
                Some(amount) => Said::Plain(amount),
                None => Said::Nothing,
            },
        }
    }

    /// The text of an own column's cell, for an example.
    pub fn text<'c>(&self, own: usize, cells: &[&'c str]) -> &'c str {
        match &self.own[own].take {
            Take::First(places) => {
                places.iter().map(|at| cell(cells, Some(*at))).find(|text| !text.is_empty()).unwrap_or("")
            }
            Take::SumOf(places) => {
                let odd = |text: &&str| !matches!(amount::read(text), Said::Plain(_) | Said::Nothing);
                places.iter().map(|at| cell(cells, Some(*at))).find(odd).unwrap_or("")
            }
            Take::Cents(at) => cell(cells, Some(*at)),
            Take::WithCredits { cost, credits } => {
                let cost = cell(cells, Some(*cost));
                if amount::read(cost) == Said::Unreadable { cost } else { cell(cells, Some(*credits)) }
            }
            Take::Amortised => "",
        }
    }

    /// The file's own words for the kind of a row.
    pub fn kind(&self, cells: &[&str], kind: &mut String) {
        kind.clear();
        for at in &self.words {
            let text = cell(cells, Some(*at));
            if text.is_empty() {
                continue;
            }
            // What is paid for as it is used is the usual case, and needs no word.
            let model = matches!(self.kind, Kind::Azure(_)) && !kind.is_empty();
            if model && !["reservation", "savingsplan"].contains(&letters(text).as_str()) {
                continue;
            }
            if !kind.is_empty() {
                kind.push_str(", ");
            }
            kind.push_str(text);
        }
        if self.credits.is_some_and(|at| cell(cells, Some(at)).contains("PROMOTION")) {
            kind.push_str(if kind.is_empty() { "with promotion" } else { ", with promotion" });
        }
        if let Some(formula) = &self.aws {
            formula.qualify(cells, kind);
        }
    }

    /// Why a row would be no charge, from the file's own words; the reader may keep it all the same.
    pub fn no_charge(&self, cells: &[&str]) -> Option<Reason> {
        let of = |at: &usize| cell(cells, Some(*at));
        if self.operation.is_some_and(|at| ["EKSPod-EC2", "ECSTask-EC2"].contains(&of(&at))) {
            return Some(Reason::SplitCost);
        }
        if !self.named.is_empty() && self.named.iter().all(|at| of(at).is_empty()) {
            let sums = ["total", "subtotal", "filtered total", "total cost"];
            if cells.iter().any(|text| sums.contains(&text.trim().to_ascii_lowercase().as_str())) {
                return Some(Reason::TotalLine);
            }
        }
        if self.kind == Kind::AwsCostExplorer && self.currency.is_none() {
            let first = of(&0);
            return match moment::read(first) {
                Some(_) => Some(Reason::NoUse),
                None if letters(first).ends_with("total") => Some(Reason::TotalLine),
                None => Some(Reason::Undated),
            };
        }
        let empty = !self.needed.is_empty() && self.needed.iter().all(|at| of(at).is_empty());
        let counts = matches!(self.kind, Kind::OpenAiUsage | Kind::AnthropicTokens);
        (empty || counts).then_some(Reason::NoUse)
    }
}

fn add(one: Said, other: Said) -> Said {
    let (a, b, plain) = match (one, other) {
        (Said::Unreadable, _) | (_, Said::Unreadable) => return Said::Unreadable,
        (Said::Nothing, other) => return other,
        (one, Said::Nothing) => return one,
        (Said::Plain(a), Said::Plain(b)) => (a, b, true),
        (Said::Plain(a) | Said::Odd(a), Said::Plain(b) | Said::Odd(b)) => (a, b, false),
    };
    match a.checked_add(b) {
        Some(sum) if plain => Said::Plain(sum),
        Some(sum) => Said::Odd(sum),
        None => Said::Unreadable,
    }
}

/// The sum of the amounts in a list of credits: JSON, or the same as Python writes it. `None` when it is no list.
fn credits_of(text: &str) -> Option<Exact> {
    let text = text.trim();
    if text.is_empty() {
        return Some(Exact::default());
    }
    let python = text.contains('\'').then(|| text.replace("None", "null").replace('\'', "\""));
    let items = json::items(text).or_else(|| json::items(python.as_deref()?))?;
    items.into_iter().try_fold(Exact::default(), |sum, item| {
        let Some(value) = json::member(item, "amount") else { return Some(sum) };
        match amount::read(&json::plain(value)) {
            Said::Plain(amount) | Said::Odd(amount) => sum.checked_add(amount),
            Said::Nothing => Some(sum),
            Said::Unreadable => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_credits_count_however_they_are_written() {
        let exact = |text: &str| Some(Exact::read(text).unwrap().value);
        assert_eq!(credits_of(""), exact("0"));
        assert_eq!(credits_of("[]"), exact("0"));
        assert_eq!(credits_of(r#"[{"type":"DISCOUNT","amount":-0.1},{"amount":"-0.25"}]"#), exact("-0.35"));
        assert_eq!(credits_of("[{'name': 'x', 'id': None, 'amount': -1.5}]"), exact("-1.5"));
        assert_eq!(credits_of("-5"), None);
    }

    #[test]
    fn a_line_of_totals_is_told_from_a_charge() {
        let header: Vec<String> = ["Service description", "SKU description", "Usage start date", "Cost ($)"]
            .map(str::to_owned)
            .to_vec();
        let layout = Layout::of(Kind::GcpCostTable, &header);
        assert_eq!(layout.no_charge(&["", "", "Total", "5"]), Some(Reason::TotalLine));
        assert_eq!(layout.no_charge(&["", "", "Tax", "5"]), None);
        assert_eq!(layout.no_charge(&["Total", "x", "2026-10-01", "5"]), None);
    }
}
