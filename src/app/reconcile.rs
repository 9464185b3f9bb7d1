//! Invoice totals that the user types, kept in the project.

use super::App;
use super::state::State;
use crate::bill::Imported;
use crate::bill::reconcile::{self, InvoiceTotal, Reconciliation, Target};

/// Kind of the items in the project.
pub(super) const KIND: &str = "invoice";

impl State {
    /// Whether the bills are right: each beside its file, the invoices and the other bills, in the bills' order.
    pub fn reconciliations(&self) -> Vec<Reconciliation> {
        reconcile::reconcile(&self.bills, &self.invoices, &self.counting)
    }

    /// The same for one bill.
    pub fn reconciliation(&self, bill: &Imported) -> Reconciliation {
        reconcile::reconcile_one(bill, &self.bills, &self.invoices, &self.counting)
    }

    /// Invoices that no bill has a row of: nothing is compared with them.
    pub fn invoices_without_rows(&self) -> Vec<&InvoiceTotal> {
        reconcile::without_rows(&self.bills, &self.invoices)
    }
}

impl App {
    /// Keeps an invoice's total, in the place of the one for the same rows.
    pub(super) fn put_invoice(&mut self, invoice: InvoiceTotal) -> anyhow::Result<()> {
        self.project.put(KIND, &invoice.target.key(), 0, &invoice)?;
        self.state.invoices.retain(|other| other.target != invoice.target);
        self.state.invoices.push(invoice);
        Ok(())
    }

    /// Forgets an invoice's total.
    pub(super) fn remove_invoice(&mut self, target: &Target) -> anyhow::Result<()> {
        self.project.remove(KIND, &target.key())?;
        self.state.invoices.retain(|other| other.target != *target);
        Ok(())
    }
}
