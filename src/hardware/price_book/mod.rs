//! The price book: what an hour of every cloud machine costs, as shipped with the application.
//!
//! The facts are in `assets/price-book.csv.gz` (written by `assets/make/price-book.py` from public tables;
//! sources and licences in `assets/ATTRIBUTION.md` and `assets/price-book.json`). Everything is held in columns,
//! so that a search over every price answers at each key press. A price that no source states is absent, never 0.
//!
//! Must not know profiles the user edited, projects or measurements.

mod read;
mod search;

use std::num::NonZeroI64;
use std::sync::OnceLock;

use serde::Deserialize;

use super::{Profile, Purchase};
use crate::units::Money;

pub use read::PriceBookError;
pub use search::Query;

/// Where one provider's prices come from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Source {
    /// `AWS`, `Azure` or `GCP`.
    pub provider: String,
    /// Name of the public project.
    pub source: String,
    /// Its address.
    pub repository: String,
    /// The revision the table was made from.
    pub revision: String,
    /// Its licence (SPDX).
    pub licence: String,
    /// The day the prices are of, `2026-07-20`.
    pub date: String,
    /// Which prices it has, in words.
    pub prices: String,
    /// Rows of this provider.
    pub rows: usize,
}

/// An instance type; its offers are a run of `PriceBook::offers`.
#[derive(Debug)]
struct Machine {
    /// Index into `PriceBook::sources`.
    provider: u16,
    instance: String,
    vcpu: Option<f64>,
    memory_gib: Option<f64>,
    accelerator: Option<String>,
    accelerator_count: Option<f64>,
    /// What a search looks in, in lower case.
    haystack: String,
    first_offer: u32,
}

/// One instance type in one region. A price is a count of 10⁻¹⁰ dollars, as in [`Money`].
#[derive(Debug, Clone, Copy)]
struct Offer {
    machine: u32,
    region: u16,
    prices: [Option<NonZeroI64>; 4],
}

/// Every price there is: about 85,000 machine-in-region offers.
#[derive(Debug)]
pub struct PriceBook {
    currency: String,
    sources: Vec<Source>,
    /// (provider, region id), in order of first appearance.
    regions: Vec<(u16, String)>,
    machines: Vec<Machine>,
    offers: Vec<Offer>,
}

/// One machine in one region, as the book has it.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    book: &'a PriceBook,
    machine: &'a Machine,
    offer: &'a Offer,
}

impl PriceBook {
    /// The book that ships with the application, read at the first call (some 50 ms) and kept.
    ///
    /// # Panics
    /// Never: the table is part of the binary, and tests read it.
    pub fn builtin() -> &'static Self {
        static BOOK: OnceLock<PriceBook> = OnceLock::new();
        BOOK.get_or_init(|| {
            #[expect(
                clippy::expect_used,
                reason = "INVARIANT: the asset is in the binary and a test reads it"
            )]
            Self::read(
                include_bytes!("../../../assets/price-book.csv.gz"),
                include_str!("../../../assets/price-book.json"),
            )
            .expect("the built-in price book is readable")
        })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.offers.len()
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.offers.is_empty()
    }

    /// ISO 4217 code of every price in the book.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Where each provider's prices come from, for display.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Every entry, by provider, then instance type, then region.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.offers.iter().map(|offer| self.view(offer))
    }

    /// The entry at a place in [`entries`](Self::entries).
    pub fn get(&self, index: usize) -> Option<Entry<'_>> {
        self.offers.get(index).map(|offer| self.view(offer))
    }

    fn view<'a>(&'a self, offer: &'a Offer) -> Entry<'a> {
        Entry { book: self, machine: &self.machines[offer.machine as usize], offer }
    }

    /// Providers, in the book's order.
    pub fn providers(&self) -> impl Iterator<Item = &str> {
        self.sources.iter().map(|source| source.provider.as_str())
    }

    /// Regions of a provider, in alphabetical order; empty for an unknown provider.
    pub fn regions(&self, provider: &str) -> Vec<&str> {
        let Some(provider) = self.provider_index(provider) else { return Vec::new() };
        let mut regions: Vec<&str> = self
            .regions
            .iter()
            .filter(|region| region.0 == provider)
            .map(|region| region.1.as_str())
            .collect();
        regions.sort_unstable();
        regions
    }

    fn provider_index(&self, provider: &str) -> Option<u16> {
        let index = self.sources.iter().position(|source| source.provider.eq_ignore_ascii_case(provider))?;
        u16::try_from(index).ok()
    }

    /// The one entry with exactly this instance type and region (provider in any case).
    pub fn find(&self, provider: &str, instance: &str, region: &str) -> Option<Entry<'_>> {
        let provider = self.provider_index(provider)?;
        let at = self
            .machines
            .binary_search_by(|machine| {
                (machine.provider, machine.instance.as_str()).cmp(&(provider, instance))
            })
            .ok()?;
        let first = self.machines[at].first_offer as usize;
        let end = self.machines.get(at + 1).map_or(self.offers.len(), |next| next.first_offer as usize);
        let offers = &self.offers[first..end];
        let place = offers
            .binary_search_by(|offer| self.regions[usize::from(offer.region)].1.as_str().cmp(region))
            .ok()?;
        Some(self.view(&offers[place]))
    }
}

impl Offer {
    fn price(&self, purchase: Purchase) -> Option<Money> {
        let place = match purchase {
            Purchase::OnDemand => 0,
            Purchase::Spot => 1,
            Purchase::Committed1y => 2,
            Purchase::Committed3y => 3,
            Purchase::Owned => return None,
        };
        self.prices[place].map(|price| Money::from_scaled(i128::from(price.get())))
    }
}

impl<'a> Entry<'a> {
    fn source(&self) -> &'a Source {
        &self.book.sources[usize::from(self.machine.provider)]
    }

    /// `AWS`, `Azure` or `GCP`.
    pub fn provider(&self) -> &'a str {
        &self.source().provider
    }

    /// Instance type as the provider names it.
    pub fn instance(&self) -> &'a str {
        &self.machine.instance
    }

    /// Region id as the provider names it.
    pub fn region(&self) -> &'a str {
        &self.book.regions[usize::from(self.offer.region)].1
    }

    /// Virtual CPUs, where the source or the provider's naming convention states them.
    pub fn vcpu(&self) -> Option<f64> {
        self.machine.vcpu
    }

    /// Memory in GiB, where the source states it (not for Azure).
    pub fn memory_gib(&self) -> Option<f64> {
        self.machine.memory_gib
    }

    /// Accelerator, where there is one.
    pub fn accelerator(&self) -> Option<&'a str> {
        self.machine.accelerator.as_deref()
    }

    /// How many accelerators, where the source states it; 0.125 is an eighth of a shared one.
    pub fn accelerator_count(&self) -> Option<f64> {
        self.machine.accelerator_count
    }

    /// Price of an hour, in the book's currency; `None` where the source has none.
    pub fn price(&self, purchase: Purchase) -> Option<Money> {
        self.offer.price(purchase)
    }

    /// Where the price comes from, with its date: `karpenter-provider-aws 1d92708, 2026-07-20`.
    pub fn source_text(&self) -> String {
        let Source { source, revision, date, .. } = self.source();
        format!("{source} {revision}, {date}")
    }

    /// A profile of this machine bought this way. `None` where the book has no such price or does not know the
    /// number of virtual CPUs. The speed factor is left unknown: see [`Profile::assuming_same_speed`].
    pub fn profile(&self, purchase: Purchase) -> Option<Profile> {
        let price_per_hour = self.price(purchase)?;
        let vcpu = self.vcpu()?;
        let (provider, instance, region) = (self.provider(), self.instance(), self.region());
        let (accelerator, accelerator_count) = match (self.accelerator(), self.accelerator_count()) {
            (None, _) => (None, 0),
            (Some(name), None) => (Some(name.to_owned()), 0),
            (Some(name), Some(count)) if count < 1.0 => {
                (Some(format!("{name} (1/{} share)", (1.0 / count).round())), 1)
            }
            (Some(name), Some(count)) => (Some(name.to_owned()), count as u32),
        };
        Some(Profile {
            id: format!("{}/{instance}/{region}/{}", provider.to_ascii_lowercase(), purchase.key()),
            name: format!("{provider} {instance}"),
            provider: provider.to_owned(),
            instance: instance.to_owned(),
            region: region.to_owned(),
            purchase,
            price_per_hour,
            currency: self.book.currency.clone(),
            vcpu,
            memory_gib: self.memory_gib(),
            accelerator,
            accelerator_count,
            speed_factor: None,
            is_measured_machine: false,
            source: self.source_text(),
        })
    }
}
