//! What is only known of a report at its end.

use super::super::charge::{Cells, LineType};
use super::SPLIT_OPERATIONS;
use crate::bill::exact::Exact;
use crate::bill::warnings::Warnings;

/// What is said about the file at its end.
#[derive(Debug, Default)]
pub(super) struct Seen {
    split: u64,
    split_cost: Exact,
    /// Rows kept, and those of them without an invoice.
    rows: u64,
    uninvoiced: u64,
    /// Lines of discounts without a net cost, and lines whose net cost is not their cost.
    gross_discounts: u64,
    net_rows: u64,
}

impl Seen {
    /// A row of split cost allocation, of this cost.
    pub fn leave_out(&mut self, cost: &str) {
        self.split += 1;
        if let Ok(read) = Exact::read(cost) {
            self.split_cost = self.split_cost.checked_add(read.value).unwrap_or(self.split_cost);
        }
    }

    /// A row that is kept.
    pub fn note(&mut self, kind: LineType, money: &Cells<'_>, is_invoiced: bool) {
        self.rows += 1;
        self.uninvoiced += u64::from(!is_invoiced);
        if kind == LineType::Discount {
            self.gross_discounts += u64::from(money.net_unblended.is_empty());
        } else if !money.net_unblended.is_empty() && !money.unblended.is_empty() {
            let [net, gross] = [money.net_unblended, money.unblended].map(|text| Exact::read(text).ok());
            self.net_rows += u64::from(net.map(|read| read.value) != gross.map(|read| read.value));
        }
    }

    /// Says it.
    pub fn say(&self, warnings: &mut Warnings) {
        let Seen { split, split_cost, rows, uninvoiced, gross_discounts, net_rows } = self;
        if *split > 0 {
            let text = format!(
                "{split} rows of split cost allocation ({}) were left out: they divide the cost of machines that have \
                 rows of their own among pods and tasks, and would count it twice; their own UnblendedCost adds up to \
                 {split_cost}",
                SPLIT_OPERATIONS.join(", ")
            );
            warnings.about_file(None, text);
        }
        if *rows > 0 && uninvoiced == rows {
            warnings.about_file(
                Some("InvoiceId"),
                "no row has an invoice yet: the amounts are estimates until the month is closed".to_owned(),
            );
        }
        if *gross_discounts > 0 && *net_rows > 0 {
            let text = format!(
                "{gross_discounts} rows of discounts have no net cost and count with their UnblendedCost, while {net_rows} \
                 rows have net costs: compare the total with the invoice, the discounts may count twice"
            );
            warnings.about_file(Some("BilledCost"), text);
        }
    }
}
