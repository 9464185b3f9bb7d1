//! Hardware profiles: the machines a new project starts with, what makes a profile usable, and profiles for
//! machines the price book does not know.
//!
//! Must not know how a project keeps its profiles.

use super::{Fingerprint, PriceBook, Profile, Purchase};
use crate::units::Money;

/// Why a profile cannot be used for a price. Every message says what to change.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// No id.
    #[error("the hardware profile has no id; give it one that no other profile has")]
    NoId,
    /// No name.
    #[error("the hardware profile `{id}` has no name; give it one")]
    NoName {
        /// The profile's id.
        id: String,
    },
    /// A number that must be more than 0.
    #[error("the {what} of `{profile}` is {found}; it must be a number above 0")]
    NotPositive {
        /// The profile's name.
        profile: String,
        /// Which number.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// Not an ISO 4217 code.
    #[error("the currency of `{profile}` is `{found}`; use a code of three capital letters, like USD")]
    Currency {
        /// The profile's name.
        profile: String,
        /// What was found.
        found: String,
    },
    /// A number of accelerators and no accelerator.
    #[error(
        "`{profile}` has {count} accelerators without a name; name the accelerator or set the number to 0"
    )]
    NamelessAccelerator {
        /// The profile's name.
        profile: String,
        /// How many.
        count: u32,
    },
}

/// Said in the source of a profile whose speed factor nobody measured.
const SAME_SPEED_ASSUMED: &str = "speed factor 1 is assumed: as fast per thread as the machine that measured";

/// The ways of buying that a default profile is made of, where the book has a price.
const CLOUD_PURCHASES: [Purchase; 4] =
    [Purchase::OnDemand, Purchase::Spot, Purchase::Committed1y, Purchase::Committed3y];

/// Small and medium machines with Intel or AMD processors. All regions of the lists are in Virginia, so that
/// prices compare.
const X86: [(&str, &str, &str); 7] = [
    ("AWS", "c7i.large", "us-east-1"),
    ("AWS", "c7i.xlarge", "us-east-1"),
    ("AWS", "m7i.xlarge", "us-east-1"),
    ("Azure", "Standard_D2s_v5", "eastus"),
    ("Azure", "Standard_D4s_v5", "eastus"),
    ("GCP", "n2-standard-2", "us-east4"),
    ("GCP", "n2-standard-4", "us-east4"),
];
/// The same sizes with ARM processors.
const ARM: [(&str, &str, &str); 7] = [
    ("AWS", "c7g.large", "us-east-1"),
    ("AWS", "c7g.xlarge", "us-east-1"),
    ("AWS", "m7g.xlarge", "us-east-1"),
    ("Azure", "Standard_D2ps_v6", "eastus"),
    ("Azure", "Standard_D4ps_v6", "eastus"),
    ("GCP", "c4a-standard-2", "us-east4"),
    ("GCP", "c4a-standard-4", "us-east4"),
];
/// Small machines with one inference GPU.
const GPU: [(&str, &str, &str); 5] = [
    ("AWS", "g4dn.xlarge", "us-east-1"),
    ("AWS", "g5.xlarge", "us-east-1"),
    ("AWS", "g6.xlarge", "us-east-1"),
    ("Azure", "Standard_NC4as_T4_v3", "eastus"),
    ("GCP", "g2-standard-4", "us-east4"),
];

/// The profiles a new project starts with, from the built-in price book: small and medium cloud machines of the
/// processor architecture that `fingerprint` names (measurements on another one say little about them), bought
/// in every way the book has a price for, and small GPU machines.
///
/// CPU machines get a speed factor of 1 as an assumption, which their source says; GPU machines get none, so
/// nothing is priced on them before it was measured there. This machine is not among them, because nobody but
/// its owner knows what it costs: see [`Profile::this_machine`].
pub fn defaults(fingerprint: &Fingerprint) -> Vec<Profile> {
    let is_arm = fingerprint.system.ends_with("aarch64");
    let book = PriceBook::builtin();
    let bought = |(provider, instance, region): (&str, &str, &str)| {
        let entry = book.find(provider, instance, region);
        CLOUD_PURCHASES.into_iter().filter_map(move |way| entry?.profile(way))
    };
    let cpu = if is_arm { ARM } else { X86 };
    cpu.into_iter()
        .flat_map(bought)
        .map(Profile::assuming_same_speed)
        .chain(GPU.into_iter().flat_map(bought))
        .collect()
}

impl Profile {
    /// This machine, at a price its owner states for an hour of it (purchase price ÷ hours of its life, power,
    /// space). Measurements of this machine are this profile's own.
    pub fn this_machine(fingerprint: &Fingerprint, price_per_hour: Money, currency: &str) -> Self {
        Self {
            id: "this-machine".to_owned(),
            name: "This machine".to_owned(),
            provider: "Own".to_owned(),
            instance: fingerprint.cpu.clone(),
            region: String::new(),
            purchase: Purchase::Owned,
            price_per_hour,
            currency: currency.to_owned(),
            vcpu: f64::from(fingerprint.logical_cpus),
            memory_gib: fingerprint.memory_bytes.map(|bytes| bytes as f64 / 1_073_741_824.0),
            accelerator: fingerprint.gpus.first().cloned(),
            accelerator_count: u32::try_from(fingerprint.gpus.len()).unwrap_or(u32::MAX),
            speed_factor: Some(1.0),
            is_measured_machine: true,
            source: "typed in".to_owned(),
        }
    }

    /// The same profile with a speed factor of 1, and its source saying that this is assumed.
    #[must_use]
    pub fn assuming_same_speed(mut self) -> Self {
        self.speed_factor = Some(1.0);
        if !self.source.contains(SAME_SPEED_ASSUMED) {
            self.source = format!("{}; {SAME_SPEED_ASSUMED}", self.source);
        }
        self
    }

    /// Whether costs can be computed with this profile; the first thing that stands against it.
    pub fn check(&self) -> Result<(), ProfileError> {
        if self.id.trim().is_empty() {
            return Err(ProfileError::NoId);
        }
        if self.name.trim().is_empty() {
            return Err(ProfileError::NoName { id: self.id.clone() });
        }
        let not_positive =
            |what, found| ProfileError::NotPositive { profile: self.name.clone(), what, found };
        if self.price_per_hour <= Money::ZERO {
            return Err(not_positive("price per hour", self.price_per_hour.to_string()));
        }
        for (what, value) in [
            ("number of virtual CPUs", Some(self.vcpu)),
            ("memory", self.memory_gib),
            ("speed factor", self.speed_factor),
        ] {
            if let Some(value) = value
                && !(value.is_finite() && value > 0.0)
            {
                return Err(not_positive(what, value.to_string()));
            }
        }
        if self.currency.len() != 3 || !self.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(ProfileError::Currency { profile: self.name.clone(), found: self.currency.clone() });
        }
        let nameless = self.accelerator.as_ref().is_none_or(|name| name.trim().is_empty());
        if nameless && self.accelerator_count > 0 {
            return Err(ProfileError::NamelessAccelerator {
                profile: self.name.clone(),
                count: self.accelerator_count,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    type Spoil = fn(&mut Profile);

    fn on(arch: &str) -> Fingerprint {
        Fingerprint {
            cpu: "Test CPU".to_owned(),
            logical_cpus: 2,
            system: format!("linux 6.1 {arch}"),
            ..Fingerprint::default()
        }
    }

    #[test]
    fn every_machine_of_the_default_lists_is_in_the_book() {
        for (provider, instance, region) in X86.into_iter().chain(ARM).chain(GPU) {
            let entry = PriceBook::builtin().find(provider, instance, region);
            assert!(
                entry.and_then(|e| e.profile(Purchase::OnDemand)).is_some(),
                "{provider} {instance} {region}"
            );
        }
    }

    #[test]
    fn default_profiles_are_usable_and_say_what_is_assumed() {
        for arch in ["x86_64", "aarch64"] {
            let profiles = defaults(&on(arch));
            let ids: HashSet<_> = profiles.iter().map(|profile| profile.id.as_str()).collect();
            assert_eq!(ids.len(), profiles.len(), "two profiles have the same id");
            for profile in &profiles {
                profile.check().unwrap();
                assert!(profile.source.contains("2026-"), "no date in {:?}", profile.source);
                assert!(!profile.is_measured_machine);
                if profile.accelerator.is_some() {
                    assert_eq!(profile.speed_factor, None, "{}", profile.name);
                } else {
                    assert_eq!(profile.speed_factor, Some(1.0));
                    assert!(profile.source.contains("assumed"), "{:?}", profile.source);
                }
            }
            for way in CLOUD_PURCHASES {
                assert!(profiles.iter().any(|profile| profile.purchase == way), "{way}");
            }
        }
    }

    #[test]
    fn defaults_follow_the_architecture_that_measures() {
        let has = |profiles: &[Profile], instance: &str| profiles.iter().any(|p| p.instance == instance);
        assert!(has(&defaults(&on("x86_64")), "c7i.large") && !has(&defaults(&on("x86_64")), "c7g.large"));
        assert!(has(&defaults(&on("aarch64")), "c7g.large") && !has(&defaults(&on("aarch64")), "c7i.large"));
    }

    #[test]
    fn what_is_wrong_with_a_profile_is_said() {
        let good = Profile::this_machine(&on("x86_64"), "0.5".parse().unwrap(), "EUR");
        good.check().unwrap();
        let cases: [(Spoil, &str); 9] = [
            (|p| p.id.clear(), "no id"),
            (|p| p.name = " ".to_owned(), "`this-machine` has no name"),
            (|p| p.price_per_hour = Money::ZERO, "price per hour of `This machine` is 0"),
            (|p| p.vcpu = 0.0, "number of virtual CPUs of `This machine` is 0"),
            (|p| p.vcpu = f64::NAN, "number of virtual CPUs of `This machine` is NaN"),
            (|p| p.memory_gib = Some(-1.0), "memory of `This machine` is -1"),
            (|p| p.speed_factor = Some(f64::INFINITY), "speed factor of `This machine` is inf"),
            (|p| p.currency = "usd".to_owned(), "currency of `This machine` is `usd`"),
            (|p| p.accelerator_count = 2, "2 accelerators without a name"),
        ];
        for (spoil, expected) in cases {
            let mut profile = good.clone();
            spoil(&mut profile);
            let error = profile.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
    }
}
