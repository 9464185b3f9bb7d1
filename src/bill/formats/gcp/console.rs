//! The tables that Google Cloud's console lets one download: the cost table of an invoice, and reports.
//!
//! The cost table begins with lines about the invoice, before its header; its credits are rows of their own. The
//! currency stands in the names of the columns, `Cost ($)`, and amounts have commas for thousands. Both come without
//! resources, labels and hours.

use std::path::Path;

use super::services;
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::{Fill, Filled, Header, Mapping, amount, cell, outputs};
use crate::bill::formats::{Kind, Plan};
use crate::bill::moment;
use crate::bill::warnings::{Place, Warnings};

outputs!(BillingAccountName, InvoiceId, SubAccountName, PricingCategory, x_CreditType,);

const GOOGLE: &str = "Google Cloud";
/// What reports are grouped by.
const GROUPED: [&str; 8] = [
    "Service description",
    "Service ID",
    "SKU description",
    "SKU ID",
    "Project name",
    "Project ID",
    "Project number",
    "Billing account ID",
];
/// Amounts that reports have beside their subtotal, as they were called over time.
const BESIDE: [&str; 9] = [
    "Cost",
    "List cost",
    "Negotiated savings",
    "Savings programs",
    "Savings programmes",
    "Other savings",
    "Discounts",
    "Promotions and others",
    "Unrounded subtotal",
];

/// Which table a header is.
pub fn recognise(header: &[String]) -> Option<Kind> {
    let names = Header::new(header);
    // A report has the columns of what it was grouped by, and its savings beside its subtotal.
    let is_grouped = GROUPED.iter().any(|name| names.has(&[name]));
    let has_savings = BESIDE.iter().any(|name| amount_column(header, name).is_some());
    if is_grouped && has_savings && amount_column(header, "Subtotal").is_some() {
        return Some(Kind::GcpReport);
    }
    if !names.has(&["Service description"]) {
        return None;
    }
    let is_table = names.has(&["SKU description", "Usage start date"]);
    if is_table && amount_column(header, "Cost").is_some() {
        return Some(Kind::GcpCostTable);
    }
    amount_column(header, "Subtotal").map(|_place| Kind::GcpReport)
}

/// The column `name (¤)` and what stands in its brackets.
fn amount_column(header: &[String], name: &str) -> Option<(usize, String)> {
    header.iter().enumerate().find_map(|(place, column)| {
        let (words, sign) = column.trim().strip_suffix(')')?.rsplit_once('(')?;
        words.trim().eq_ignore_ascii_case(name).then(|| (place, sign.to_owned()))
    })
}

/// How to read one; `preamble` is what stands before the header.
///
/// # Errors
/// None so far; the header was recognised by what is needed.
pub fn plan(
    kind: Kind,
    names: &[String],
    preamble: &[(String, String)],
    _path: &Path,
) -> Result<Plan, BillError> {
    let header = Header::new(names);
    let at = |names: &[&str]| header.at(names);
    let amount = |names_of: &[&str]| names_of.iter().find_map(|name| amount_column(names, name));
    // In a report `Cost` is what it was before savings.
    let cost = if kind == Kind::GcpReport {
        amount(&["Unrounded subtotal", "Subtotal"])
    } else {
        amount(&["Unrounded Cost", "Cost"])
    };
    let sign = cost.as_ref().map_or("", |(_, sign)| sign.as_str());
    let about = |name: &str| {
        preamble
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map_or("", |(_, value)| value.as_str())
    };
    let mut remarks = vec![(
        None,
        "the console's tables have no resources, labels or hours, and their days are of US Pacific time; export to BigQuery \
         for those and for moments in UTC"
            .to_owned(),
    )];
    if kind == Kind::GcpReport {
        let words = "is what is left after all savings: a report does not tell promotions from discounts";
        remarks.push((Some("EffectiveCost".to_owned()), words.to_owned()));
    }
    let currency = match (about("Currency"), currency_of(sign)) {
        ("", Some(currency)) => {
            remarks.push((None, format!("the currency is told by `{sign}` alone and taken as {currency}")));
            currency.to_owned()
        }
        ("", None) => {
            remarks
                .push((None, format!("the currency `{sign}` is not known to Inferometer and stays empty")));
            String::new()
        }
        (told, _) => told.to_owned(),
    };
    let start = at(&["Usage start date", "Date", "Day", "Month"]);
    if start.is_none() {
        remarks.push((
            Some("ChargePeriodStart".to_owned()),
            "the report has no dates, so its costs are in no month; choose “Group by: Date” for those"
                .to_owned(),
        ));
    }
    let table = Table {
        sums: 0,
        cost: cost.map(|(place, _)| place),
        list: amount(if kind == Kind::GcpReport { &["List cost", "Cost"] } else { &["List cost"] })
            .map(|(place, _)| place),
        negotiated: amount(&["Negotiated savings"]).map(|(place, _)| place),
        currency,
        account: at(&["Billing account ID"]),
        account_name: at(&["Billing account name"]),
        invoice: about("Invoice number").to_owned(),
        invoiced: moment::read(about("Invoice date")).filter(|day| is_last_of_month(*day)),
        start,
        end: at(&["Usage end date"]),
        service: at(&["Service description"]),
        sku: at(&["SKU description"]),
        sku_id: at(&["SKU ID"]),
        project: at(&["Project ID"]),
        project_name: at(&["Project name"]),
        credit: at(&["Credit type"]),
        cost_type: at(&["Cost type"]),
        used: at(&["Usage amount"]),
        unit: at(&["Usage unit"]),
    };
    let used: Vec<usize> = [
        table.cost,
        table.list,
        table.account,
        table.account_name,
        table.service,
        table.sku,
        table.sku_id,
        table.project,
        table.project_name,
        table.credit,
        table.used,
        table.unit,
    ]
    .into_iter()
    .flatten()
    .collect();
    let (targets, mapping) = Mapping::new(table, Out::NAMES, names, &used);
    Ok(Plan { kind, targets, remarks, mapper: Box::new(mapping) })
}

/// The currency that a sign most often stands for.
fn currency_of(sign: &str) -> Option<&'static str> {
    Some(match sign {
        "$" | "US$" => "USD",
        "€" => "EUR",
        "£" => "GBP",
        "¥" => "JPY",
        "₹" => "INR",
        "A$" => "AUD",
        "CA$" | "C$" => "CAD",
        "CHF" => "CHF",
        "R$" => "BRL",
        "₩" => "KRW",
        "NZ$" => "NZD",
        "HK$" => "HKD",
        "S$" => "SGD",
        "kr" => "SEK",
        "zł" => "PLN",
        "₪" => "ILS",
        "MX$" => "MXN",
        _ => return None,
    })
}

/// Google dates an invoice on the last day of the month that it is for.
fn is_last_of_month(day: i64) -> bool {
    moment::next_month(day) == Some(moment::day_start(day) + moment::PER_DAY)
}

/// Whether a cell labels a line of sums.
fn is_sum(text: &str) -> bool {
    ["total", "subtotal", "filtered total", "total cost"].contains(&text.trim().to_ascii_lowercase().as_str())
}

struct Table {
    /// Lines of sums left out.
    sums: u64,
    cost: Option<usize>,
    list: Option<usize>,
    negotiated: Option<usize>,
    currency: String,
    account: Option<usize>,
    account_name: Option<usize>,
    invoice: String,
    /// The last day of the month that is invoiced.
    invoiced: Option<i64>,
    start: Option<usize>,
    end: Option<usize>,
    service: Option<usize>,
    sku: Option<usize>,
    sku_id: Option<usize>,
    project: Option<usize>,
    project_name: Option<usize>,
    credit: Option<usize>,
    cost_type: Option<usize>,
    used: Option<usize>,
    unit: Option<usize>,
}

/// An amount without thousands commas: each comma is followed by three digits (in India also by two, but not the
/// last), and only digits without a leading zero stand before the first. Any other comma stays, and is not read.
fn plain_number(text: &str) -> String {
    let whole = text.split('.').next().unwrap_or(text);
    let digits = whole.trim_start_matches(|c: char| !c.is_ascii_digit());
    let mut groups = digits.split(',');
    let first = groups.next().unwrap_or_default();
    let rest: Vec<&str> = groups.collect();
    let all_digits = |group: &str| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit());
    let separates = all_digits(first)
        && !first.starts_with('0')
        && first.len() <= 3
        && rest.last().is_some_and(|last| last.len() == 3)
        && rest.iter().all(|group| all_digits(group) && (2..=3).contains(&group.len()));
    if separates { text.replace(',', "") } else { text.to_owned() }
}

impl Fill for Table {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let of = |at| cell(cells, at);
        // Lines of sums below the table would count everything again. Taxes and roundings are charges.
        if of(self.service).is_empty() && of(self.sku).is_empty() && cells.iter().any(|text| is_sum(text)) {
            self.sums += 1;
            return false;
        }
        let mut read = |at, name: &str| amount(&plain_number(of(at)), name, place, warnings);
        let (cost, list, negotiated) = (
            read(self.cost, "Cost"),
            read(self.list, "List cost"),
            read(self.negotiated, "Negotiated savings"),
        );
        if let Some(cost) = cost {
            filled.set_amount(Out::BilledCost, cost);
            // A promotion pays for use of any kind: it is no discount.
            let is_promotion = of(self.credit).to_lowercase().contains("promotion");
            filled.set_amount(Out::EffectiveCost, if is_promotion { Exact::default() } else { cost });
        }
        if let Some(list) = list {
            filled.set_amount(Out::ListCost, list);
            if let Some(contracted) = list.checked_add(negotiated.unwrap_or(Exact::default())) {
                filled.set_amount(Out::ContractedCost, contracted);
            }
        }
        filled.currency(&self.currency);
        filled.set(Out::InvoiceId, &self.invoice);

        let start = moment::read_span(of(self.start));
        // The last day is part of the period.
        let end = if self.end.is_some() { moment::read_span(of(self.end)) } else { start };
        filled.charge_period(start.map(|(first, _)| first), end.map(|(_, end)| end));
        if start.is_none() {
            // It is told of where the column is read.
            filled.set(Out::ChargePeriodStart, of(self.start));
        }
        // Use of earlier months may be on the invoice, too.
        filled.billed_with(self.invoiced.or(start.map(|(first, _)| first)));

        let (credit, cost_type) = (of(self.credit), of(self.cost_type));
        let (category, frequency) = if !credit.is_empty() {
            ("Credit", "Usage-Based")
        } else if cost_type.eq_ignore_ascii_case("tax") {
            ("Tax", "One-Time")
        } else if ["adjustment", "rounding error"].iter().any(|kind| cost_type.eq_ignore_ascii_case(kind)) {
            ("Adjustment", "One-Time")
        } else if of(self.sku).starts_with("Commitment") {
            ("Purchase", "Recurring")
        } else {
            ("Usage", "Usage-Based")
        };
        filled.charge(category, frequency);
        filled.set(Out::x_CreditType, credit);
        if category == "Usage" {
            filled.set(Out::ConsumedQuantity, &plain_number(of(self.used)));
            filled.set(Out::ConsumedUnit, of(self.unit));
            let sku = of(self.sku).to_lowercase();
            let spot = ["spot", "preemptible"].iter().any(|word| sku.contains(word));
            filled.set(Out::PricingCategory, if spot { "Dynamic" } else { "Standard" });
        } else if category == "Purchase" {
            filled.set(Out::PricingCategory, "Standard");
        }
        if !of(self.service).is_empty() {
            filled.service_place(services::category(of(self.service)));
        }
        filled.sold_by(GOOGLE);
        filled.account(of(self.account), "Billing account");
        filled.sub_account(of(self.project), "Project");
        for (column, text) in [
            (Out::BillingAccountName, of(self.account_name)),
            (Out::ChargeDescription, of(self.sku)),
            (Out::ServiceName, of(self.service)),
            (Out::SubAccountName, of(self.project_name)),
            (Out::SkuId, of(self.sku_id)),
            (Out::SkuMeter, of(self.sku)),
        ] {
            filled.set(column, text);
        }
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        if self.sums > 0 {
            warnings.about_file(None, format!("{} lines of totals below the table were left out", self.sums));
        }
    }
}
