//! Searching the price book, fast enough for every key press.

use super::{Entry, PriceBook};
use crate::hardware::Purchase;

/// What to look for. The empty query finds everything.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Words that must all be found in the provider, instance type, accelerator or region, in any case.
    pub text: String,
    /// Exactly this provider.
    pub provider: Option<String>,
    /// Exactly this region.
    pub region: Option<String>,
    /// At least this many virtual CPUs. Machines whose number is not known are not found.
    pub min_vcpu: Option<f64>,
    /// With (`true`) or without (`false`) an accelerator. A machine whose source states no specification at all
    /// is in neither.
    pub accelerator: Option<bool>,
    /// Has a price for this way of buying.
    pub purchase: Option<Purchase>,
}

impl PriceBook {
    /// Every entry the query matches, in the book's order. Matches words once a machine and once a region, so the
    /// whole book takes about a millisecond.
    pub fn search(&self, query: &Query) -> Vec<Entry<'_>> {
        let Query { text, provider, region, min_vcpu, accelerator, purchase } = query;
        let words: Vec<String> = text.split_whitespace().take(64).map(str::to_ascii_lowercase).collect();
        let all: u64 = words.iter().enumerate().fold(0, |mask, (bit, _)| mask | 1 << bit);
        let found_in = |place: &str| {
            words
                .iter()
                .enumerate()
                .filter(|(_, word)| place.contains(word.as_str()))
                .fold(0_u64, |mask, (bit, _)| mask | 1 << bit)
        };
        let provider_index = match provider {
            Some(name) => match self.provider_index(name) {
                Some(index) => Some(index),
                None => return Vec::new(),
            },
            None => None,
        };
        // `None` for a region or a machine that the exact conditions rule out.
        let regions: Vec<Option<u64>> = self
            .regions
            .iter()
            .map(|(_, id)| region.as_ref().is_none_or(|wanted| wanted == id).then(|| found_in(id)))
            .collect();
        let machines = self.machines.iter().map(|machine| {
            let fits = provider_index.is_none_or(|wanted| wanted == machine.provider)
                && min_vcpu.is_none_or(|least| machine.vcpu.is_some_and(|vcpu| vcpu >= least))
                && accelerator.is_none_or(|wanted| match &machine.accelerator {
                    Some(_) => wanted,
                    None => !wanted && machine.vcpu.is_some(),
                });
            fits.then(|| found_in(&machine.haystack))
        });
        let mut matches = Vec::new();
        for (at, machine_words) in machines.enumerate() {
            let Some(machine_words) = machine_words else { continue };
            let machine = &self.machines[at];
            let end = self.machines.get(at + 1).map_or(self.offers.len(), |next| next.first_offer as usize);
            for offer in &self.offers[machine.first_offer as usize..end] {
                let Some(region_words) = regions[usize::from(offer.region)] else { continue };
                if machine_words | region_words == all
                    && purchase.is_none_or(|way| offer.price(way).is_some())
                {
                    matches.push(Entry { book: self, machine, offer });
                }
            }
        }
        matches
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_order_across_machine_and_region() {
        let book = PriceBook::builtin();
        let query = Query { text: "US-EAST-1 c7i.large".to_owned(), ..Query::default() };
        let found: Vec<_> = book.search(&query).iter().map(|e| (e.instance(), e.region())).collect();
        assert_eq!(found, [("c7i.large", "us-east-1")]);
        assert_eq!(book.search(&Query::default()).len(), book.len());
        assert!(book.search(&Query { text: "no-such-machine".to_owned(), ..Query::default() }).is_empty());
        assert!(book.search(&Query { provider: Some("Nobody".to_owned()), ..Query::default() }).is_empty());
    }

    #[test]
    fn each_condition_of_a_query_holds_for_every_result() {
        let book = PriceBook::builtin();
        let query = Query {
            provider: Some("GCP".to_owned()),
            region: Some("us-east4".to_owned()),
            min_vcpu: Some(8.0),
            accelerator: Some(true),
            purchase: Some(Purchase::Spot),
            ..Query::default()
        };
        let found = book.search(&query);
        let counted = book
            .entries()
            .filter(|e| {
                e.provider() == "GCP"
                    && e.region() == "us-east4"
                    && e.vcpu().is_some_and(|vcpu| vcpu >= 8.0)
                    && e.accelerator().is_some()
                    && e.price(Purchase::Spot).is_some()
            })
            .count();
        assert_eq!(found.len(), counted);
        assert!(counted > 10, "{counted}");
    }

    #[test]
    fn a_machine_of_unknown_make_up_is_neither_with_nor_without_an_accelerator() {
        let book = PriceBook::builtin();
        let text = "p3.2xlarge us-east-1".to_owned();
        let found =
            |accelerator| book.search(&Query { text: text.clone(), accelerator, ..Query::default() }).len();
        assert_eq!((found(None), found(Some(true)), found(Some(false))), (1, 0, 0));
        let entry = book.find("AWS", "p3.2xlarge", "us-east-1").unwrap();
        assert!(entry.profile(Purchase::OnDemand).is_none());
    }
}
