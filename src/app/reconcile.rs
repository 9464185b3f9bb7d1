//! Invoice totals that the user types, kept in the project; bills that are read again by a newer reader.

use super::App;
use super::state::State;
use crate::bill::Imported;
use crate::bill::reconcile::{self, InvoiceTotal, Reconciliation, Target};

/// Kind of the items in the project.
pub(super) const KIND: &str = "invoice";

impl State {
    /// Whether the bills are right: each beside its file, the invoices and the other bills, in the bills' order.
    pub fn reconciliations(&self) -> Vec<Reconciliation> {
        reconcile::reconcile(&self.bills, &self.invoices)
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

    /// A file that an earlier version has read takes the place of what that one made of it, or it would count twice.
    pub(super) fn forget_earlier_reading(&mut self, bill: &Imported) -> anyhow::Result<()> {
        let content =
            |hash: &str| hash.rsplit_once('-').map_or(hash.to_owned(), |(content, _)| content.to_owned());
        let mine = content(&bill.hash);
        let earlier: Vec<String> = self
            .state
            .bills
            .iter()
            .filter(|other| other.hash != bill.hash && content(&other.hash) == mine)
            .map(|other| other.hash.clone())
            .collect();
        for hash in earlier {
            self.project.remove("bill", &hash)?;
            self.state.bills.retain(|other| other.hash != hash);
        }
        Ok(())
    }
}
