//! DeepSeek: the costs that its platform exports.

use std::path::Path;

use super::{Out, Seller, period, sku};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::{Fill, Filled, Header, Mapping, amount, cell};
use crate::bill::formats::{Kind, Plan};
use crate::bill::warnings::{Place, Warnings};

const SELLER: Seller = Seller { provider: "DeepSeek", service: "DeepSeek API" };
const NAMES: [&str; 7] =
    ["user_id", "start_time_iso", "end_time_iso", "model", "wallet_type", "cost", "currency"];

/// Whether a header is its cost export's.
pub fn recognise(header: &[String]) -> Option<Kind> {
    Header::new(header).has(&NAMES[1..]).then_some(Kind::DeepSeek)
}

/// How to read it.
///
/// # Errors
/// None so far; the header was recognised by what is needed.
pub fn plan(kind: Kind, names: &[String], _path: &Path) -> Result<Plan, BillError> {
    let header = Header::new(names);
    let [user, start, end, model, wallet, cost, currency] = NAMES.map(|name| header.at(&[name]));
    let used: Vec<usize> = [user, model, cost, currency].into_iter().flatten().collect();
    let costs = Costs { user, start, end, model, wallet, cost, currency };
    let (targets, mapping) = Mapping::new(costs, Out::NAMES, names, &used);
    Ok(Plan { kind, targets, remarks: Vec::new(), mapper: Box::new(mapping) })
}

struct Costs {
    user: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    model: Option<usize>,
    wallet: Option<usize>,
    cost: Option<usize>,
    currency: Option<usize>,
}

impl Fill for Costs {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let of = |at| cell(cells, at);
        SELLER.fill(filled);
        period(filled, of(self.start), of(self.end));
        let amount = amount(of(self.cost), "cost", place, warnings);
        // What a granted balance paid for was used and is never invoiced.
        if of(self.wallet).eq_ignore_ascii_case("granted") {
            filled.paid(amount.map(|_granted| Exact::default()));
            if let Some(amount) = amount {
                filled.set_amount(Out::ContractedCost, amount);
            }
        } else {
            filled.paid(amount);
        }
        filled.currency(of(self.currency));
        sku(filled, of(self.model), "tokens", "");
        filled
            .set(Out::ChargeDescription, &format!("{} ({})", of(self.model), of(self.wallet).to_lowercase()));
        filled.sub_account(of(self.user), "User");
        true
    }
}
