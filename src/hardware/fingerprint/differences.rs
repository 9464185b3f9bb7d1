//! What differs between two machines, or between two moments of one, in words.
//!
//! A fact that only one side tells is no difference: older measurements tell less.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::cgroup::Limits;
use super::conditions::Conditions;
use super::platform::Platform;
use crate::hardware::Fingerprint;
use crate::hardware::gpu::{GpuDetails, slowing, throttle_words};
use crate::units;

/// Memory sizes closer than this are the same: kernels of one machine reserve a little more or less of it.
const SAME_MEMORY: f64 = 0.01;
/// Clocks closer than this are the same.
const SAME_CLOCK: f64 = 0.10;
/// Temperatures closer than this, in °C, are the same.
const SAME_TEMPERATURE: f64 = 10.0;
/// Load averages closer than this, in threads, are the same.
const SAME_LOAD: f64 = 1.0;

/// One fact in which two sides differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs: `governor`, `L3 cache`.
    pub what: String,
    /// What it is on our side, in words.
    pub ours: String,
    /// What it is on theirs.
    pub theirs: String,
}

impl fmt::Display for Difference {
    /// `governor: performance, there powersave`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, ours, theirs } = self;
        write!(f, "{what}: {ours}, there {theirs}")
    }
}

impl Fingerprint {
    /// In what the machine of `self` and that of `other` differ, most important first; empty = alike as far as both
    /// tell. Where a GPU is plugged in is not compared.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Found::default();
        found.word("CPU", some(&self.cpu), some(&other.cpu));
        let cpus = |machine: &Self| Some(machine.logical_cpus).filter(|count| *count > 0);
        found.number("logical CPUs", cpus(self), cpus(other));
        found.number("physical cores", self.physical_cores, other.physical_cores);
        found.processor(self, other);
        found.memory("memory", self.memory_bytes, other.memory_bytes);
        found.gpus(self, other);
        let (ours, theirs) = (&self.tuning, &other.tuning);
        found.word("governor", ours.governor.as_deref(), theirs.governor.as_deref());
        found.word("clock driver", ours.scaling_driver.as_deref(), theirs.scaling_driver.as_deref());
        found.word(
            "energy preference",
            ours.energy_preference.as_deref(),
            theirs.energy_preference.as_deref(),
        );
        found.switch("boost", ours.boost, theirs.boost);
        found.switch("SMT", ours.smt, theirs.smt);
        found.either("power source", ours.power, theirs.power, ToString::to_string);
        found.word("transparent huge pages", ours.huge_pages.as_deref(), theirs.huge_pages.as_deref());
        let (ours, theirs) = (&self.platform, &other.platform);
        found.word("machine", ours.machine.as_deref(), theirs.machine.as_deref());
        // Both read: then to have no hypervisor, or to be in no container, is a fact too.
        if self.is_detailed() && other.is_detailed() {
            let hypervisor = |platform: &Platform| {
                Some(platform.hypervisor.clone().unwrap_or_else(|| "no hypervisor".to_owned()))
            };
            found.either("hypervisor", hypervisor(ours), hypervisor(theirs), Clone::clone);
            let container = |platform: &Platform| {
                Some(platform.container.clone().unwrap_or_else(|| "no container".to_owned()))
            };
            found.either("container", container(ours), container(theirs), Clone::clone);
        }
        if let (Some(ours), Some(theirs)) = (&ours.limits, &theirs.limits) {
            found.limits(ours, theirs);
        }
        found.word("system", some(&self.system), some(&other.system));
        found.word("edition", ours.edition.as_deref(), theirs.edition.as_deref());
        found.word("NVIDIA driver", self.driver.as_deref(), other.driver.as_deref());
        found.word("CUDA of the driver", self.cuda.as_deref(), other.cuda.as_deref());
        found.word("microcode", self.processor.microcode.as_deref(), other.processor.microcode.as_deref());
        found.0
    }

    /// What tells this machine from others as far as results are concerned, in words: `Xeon(R) …, 2 logical CPUs,
    /// 16 GiB, NVIDIA H200`. Its settings may change, and memory counts in whole GiB: a new kernel keeps a little
    /// more of it to itself.
    pub fn identity(&self) -> String {
        let Self { cpu, logical_cpus, memory_bytes, gpus, .. } = self;
        let mut words = format!("{cpu}, {logical_cpus} logical CPUs");
        let memory = memory_bytes.map(|bytes| bytes.saturating_add(1 << 29) >> 30);
        let memory = memory.map(|gib| format!("{gib} GiB"));
        for more in memory.iter().chain(gpus) {
            words.push_str(", ");
            words.push_str(more);
        }
        words
    }

    /// Whether two are of the same machine ([`Self::identity`]).
    pub fn is_same_machine(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }

    /// Whether this was read by a version that looks for more than the names of things.
    fn is_detailed(&self) -> bool {
        !self.processor.isa.is_empty()
    }
}

impl Conditions {
    /// In what two moments differ enough to matter: clocks by more than 10 %, temperatures by more than 10 °C, load by
    /// more than one thread, power source, governor, what slows the GPUs.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Found::default();
        found.word("governor", self.governor.as_deref(), other.governor.as_deref());
        found.either("power source", self.power, other.power, ToString::to_string);
        let clock = |conditions: &Self| conditions.mhz.map(|mhz| mhz.mean);
        found.apart(
            "CPU clock",
            clock(self),
            clock(other),
            |a, b| (a - b).abs() > SAME_CLOCK * a.max(b),
            |mhz| format!("{} MHz", units::three_digits(mhz)),
        );
        found.apart(
            "CPU temperature",
            self.temperature_celsius,
            other.temperature_celsius,
            |a, b| (a - b).abs() > SAME_TEMPERATURE,
            |celsius| format!("{celsius:.0} °C"),
        );
        found.apart(
            "load average",
            self.load_average,
            other.load_average,
            |a, b| (a - b).abs() > SAME_LOAD,
            |load| format!("{load:.1}"),
        );
        for (index, (ours, theirs)) in self.gpus.iter().zip(&other.gpus).enumerate() {
            let celsius = |gpu: Option<u32>| gpu.map(f64::from);
            found.apart(
                &format!("temperature of GPU {index}"),
                celsius(ours.temperature_celsius),
                celsius(theirs.temperature_celsius),
                |a, b| (a - b).abs() > SAME_TEMPERATURE,
                |celsius| format!("{celsius:.0} °C"),
            );
            found.either(
                &format!("what slows GPU {index}"),
                ours.throttle_reasons.map(slowing),
                theirs.throttle_reasons.map(slowing),
                |reasons| match *reasons {
                    0 => "nothing".to_owned(),
                    reasons => throttle_words(reasons).join(", "),
                },
            );
        }
        found.0
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

#[derive(Default)]
struct Found(Vec<Difference>);

impl Found {
    fn add(&mut self, what: &str, ours: String, theirs: String) {
        self.0.push(Difference { what: what.to_owned(), ours, theirs });
    }

    fn either<T: PartialEq>(
        &mut self,
        what: &str,
        ours: Option<T>,
        theirs: Option<T>,
        words: impl Fn(&T) -> String,
    ) {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && ours != theirs
        {
            self.add(what, words(&ours), words(&theirs));
        }
    }

    fn word(&mut self, what: &str, ours: Option<&str>, theirs: Option<&str>) {
        self.either(what, ours, theirs, |text| (*text).to_owned());
    }

    fn number(&mut self, what: &str, ours: Option<u32>, theirs: Option<u32>) {
        self.either(what, ours, theirs, ToString::to_string);
    }

    fn switch(&mut self, what: &str, ours: Option<bool>, theirs: Option<bool>) {
        self.either(what, ours, theirs, |on| if *on { "on" } else { "off" }.to_owned());
    }

    fn apart(
        &mut self,
        what: &str,
        ours: Option<f64>,
        theirs: Option<f64>,
        differ: impl Fn(f64, f64) -> bool,
        words: impl Fn(f64) -> String,
    ) {
        if let (Some(ours), Some(theirs)) = (ours, theirs)
            && differ(ours, theirs)
        {
            self.add(what, words(ours), words(theirs));
        }
    }

    fn memory(&mut self, what: &str, ours: Option<u64>, theirs: Option<u64>) {
        self.apart(
            what,
            ours.map(|bytes| bytes as f64),
            theirs.map(|bytes| bytes as f64),
            |a, b| (a - b).abs() > SAME_MEMORY * a.max(b),
            |bytes| units::bytes(bytes as u64),
        );
    }

    fn clock(&mut self, what: &str, ours: Option<f64>, theirs: Option<f64>) {
        // A megahertz: kernels round the same clock differently.
        self.apart(what, ours, theirs, |a, b| (a - b).abs() > 1.0, |mhz| format!("{mhz:.0} MHz"));
    }

    fn processor(&mut self, ours: &Fingerprint, theirs: &Fingerprint) {
        let (ours, theirs) = (&ours.processor, &theirs.processor);
        self.word("processor revision", ours.revision.as_deref(), theirs.revision.as_deref());
        self.number("sockets", ours.sockets, theirs.sockets);
        self.number("efficiency cores", ours.efficiency_cpus, theirs.efficiency_cpus);
        self.number("memory nodes", ours.numa_nodes, theirs.numa_nodes);
        for cache in &ours.caches {
            let same = theirs.caches.iter().find(|other| other.name == cache.name);
            self.either(&format!("{} cache", cache.name), Some(cache), same, |cache| {
                format!("{} × {}", cache.count, units::bytes(cache.bytes))
            });
        }
        if !ours.isa.is_empty() && !theirs.isa.is_empty() && ours.isa != theirs.isa {
            let only = |these: &[String], those: &[String]| {
                let only: Vec<&str> =
                    these.iter().filter(|name| !those.contains(name)).map(String::as_str).collect();
                if only.is_empty() { "nothing more".to_owned() } else { only.join(" ") }
            };
            self.add("instruction sets", only(&ours.isa, &theirs.isa), only(&theirs.isa, &ours.isa));
        }
        self.clock("nominal clock", ours.nominal_mhz, theirs.nominal_mhz);
        self.clock("lowest clock", ours.min_mhz, theirs.min_mhz);
        self.clock("highest clock", ours.max_mhz, theirs.max_mhz);
    }

    fn limits(&mut self, ours: &Limits, theirs: &Limits) {
        let quota = |limits: &Limits| {
            limits
                .cpu_quota
                .map_or_else(|| "none".to_owned(), |cpus| format!("{} CPUs", units::three_digits(cpus)))
        };
        let memory = |limits: &Limits| limits.memory_bytes.map_or_else(|| "none".to_owned(), units::bytes);
        let cpus = |limits: &Limits| limits.cpus.clone().unwrap_or_else(|| "all".to_owned());
        for (what, ours, theirs) in [
            ("CPU quota", quota(ours), quota(theirs)),
            ("memory limit", memory(ours), memory(theirs)),
            ("CPUs allowed", cpus(ours), cpus(theirs)),
        ] {
            self.either(what, Some(ours), Some(theirs), Clone::clone);
        }
    }

    fn gpus(&mut self, ours: &Fingerprint, theirs: &Fingerprint) {
        if ours.gpus != theirs.gpus {
            let names = |machine: &Fingerprint| {
                if machine.gpus.is_empty() { "none".to_owned() } else { machine.gpus.join(", ") }
            };
            self.add("GPUs", names(ours), names(theirs));
            return;
        }
        for (index, (ours, theirs)) in ours.gpu_details.iter().zip(&theirs.gpu_details).enumerate() {
            self.gpu(index, ours, theirs);
        }
    }

    fn gpu(&mut self, index: usize, ours: &GpuDetails, theirs: &GpuDetails) {
        let what = |what: &str| format!("{what} of GPU {index}");
        self.memory(&what("memory"), ours.memory_bytes, theirs.memory_bytes);
        self.apart(
            &what("power limit"),
            ours.power_limit_watts,
            theirs.power_limit_watts,
            |a, b| (a - b).abs() > 0.5,
            |watts| format!("{} W", units::three_digits(watts)),
        );
        let clock = |mhz: Option<u32>| mhz.map(f64::from);
        self.clock(&what("highest clock"), clock(ours.max_sm_mhz), clock(theirs.max_sm_mhz));
        self.clock(&what("highest memory clock"), clock(ours.max_memory_mhz), clock(theirs.max_memory_mhz));
        self.switch(&what("multi-instance mode"), ours.mig, theirs.mig);
        self.word(&what("PCI device"), ours.pci_device.as_deref(), theirs.pci_device.as_deref());
        self.word(
            &what("compute capability"),
            ours.compute_capability.as_deref(),
            theirs.compute_capability.as_deref(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cache, Mhz, PowerSource, Processor, Tuning};
    use super::*;
    use crate::hardware::gpu::GpuReading;

    fn server() -> Fingerprint {
        Fingerprint {
            cpu: "A".to_owned(),
            logical_cpus: 8,
            physical_cores: Some(4),
            memory_bytes: Some(32 << 30),
            system: "linux 6.1 x86_64".to_owned(),
            gpus: vec!["L4".to_owned()],
            driver: Some("570".to_owned()),
            cuda: Some("12.8".to_owned()),
            gpu_details: vec![GpuDetails {
                power_limit_watts: Some(72.0),
                pci_address: Some("00000000:01:00.0".to_owned()),
                ..GpuDetails::default()
            }],
            processor: Processor {
                caches: vec![Cache { name: "L3".to_owned(), bytes: 32 << 20, count: 1 }],
                isa: vec!["avx2".to_owned(), "avx512f".to_owned()],
                ..Processor::default()
            },
            platform: Platform { limits: Some(Limits::default()), ..Platform::default() },
            tuning: Tuning {
                governor: Some("performance".to_owned()),
                boost: Some(true),
                power: Some(PowerSource::Mains),
                ..Tuning::default()
            },
        }
    }

    fn words(differences: &[Difference]) -> Vec<String> {
        differences.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_machine_does_not_differ_from_itself_moved_to_another_slot() {
        let (a, mut b) = (server(), server());
        b.gpu_details[0].pci_address = Some("00000000:41:00.0".to_owned());
        b.memory_bytes = b.memory_bytes.map(|bytes| bytes - (100 << 20));
        assert_eq!(a.differences(&b), []);
    }

    #[test]
    fn every_difference_has_both_sides_in_words() {
        let (a, mut b) = (server(), server());
        b.logical_cpus = 2;
        b.memory_bytes = Some(4 << 30);
        b.processor.caches[0].count = 2;
        b.processor.isa = vec!["avx2".to_owned(), "amx_int8".to_owned()];
        b.gpu_details[0].power_limit_watts = Some(60.0);
        b.tuning.governor = Some("powersave".to_owned());
        b.tuning.boost = Some(false);
        b.tuning.power = Some(PowerSource::Battery);
        b.platform.hypervisor = Some("KVM".to_owned());
        b.platform.limits = Some(Limits { cpu_quota: Some(1.5), ..Limits::default() });
        b.driver = Some("580".to_owned());
        let expected = [
            "logical CPUs: 8, there 2",
            "L3 cache: 1 × 32.0 MiB, there 2 × 32.0 MiB",
            "instruction sets: avx512f, there amx_int8",
            "memory: 32.0 GiB, there 4.00 GiB",
            "power limit of GPU 0: 72.0 W, there 60.0 W",
            "governor: performance, there powersave",
            "boost: on, there off",
            "power source: mains, there battery",
            "hypervisor: no hypervisor, there KVM",
            "CPU quota: none, there 1.50 CPUs",
            "NVIDIA driver: 570, there 580",
        ];
        assert_eq!(words(&a.differences(&b)), expected);
        assert_eq!(a.differences(&b).len(), b.differences(&a).len());
    }

    #[test]
    fn an_older_measurement_that_tells_less_is_compared_by_what_it_tells() {
        let json = r#"{"cpu":"A","logical_cpus":8,"physical_cores":4,"memory_bytes":34359738368,
            "system":"linux 6.1 x86_64","gpus":[],"driver":null}"#;
        let older: Fingerprint = serde_json::from_str(json).unwrap();
        assert_eq!(words(&server().differences(&older)), ["GPUs: L4, there none"]);
        assert_eq!(server().differences(&Fingerprint::default()).len(), 1);
    }

    #[test]
    fn a_fingerprint_survives_json() {
        let text = serde_json::to_string(&server()).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&text).unwrap(), server());
    }

    #[test]
    fn moments_differ_only_by_what_matters() {
        let gpu = |temperature, reasons| GpuReading {
            temperature_celsius: Some(temperature),
            throttle_reasons: Some(reasons),
            ..GpuReading::default()
        };
        let at = |mean: f64, celsius: f64, load: f64, gpu: GpuReading| Conditions {
            mhz: Some(Mhz { mean, min: mean, max: mean }),
            temperature_celsius: Some(celsius),
            load_average: Some(load),
            gpus: vec![gpu],
            ..Conditions::default()
        };
        let cool = at(3_000.0, 50.0, 0.5, gpu(40, 0x1));
        assert_eq!(cool.differences(&at(2_800.0, 58.0, 1.2, gpu(45, 0x2))), []);
        let hot = at(2_000.0, 95.0, 4.0, gpu(80, 0x20));
        let expected = [
            "CPU clock: 3,000 MHz, there 2,000 MHz",
            "CPU temperature: 50 °C, there 95 °C",
            "load average: 0.5, there 4.0",
            "temperature of GPU 0: 40 °C, there 80 °C",
            "what slows GPU 0: nothing, there too hot (the driver lowers the clocks)",
        ];
        assert_eq!(words(&cool.differences(&hot)), expected);
    }
}
