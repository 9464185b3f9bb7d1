//! What the processor is: sockets, caches, clocks it can have, instruction sets.
//!
//! Formats: kernel documentation `ABI/testing/sysfs-devices-system-cpu`, `admin-guide/pm/cpufreq`, `proc(5)`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::root::{Root, cpu_list, field};

/// Facts about the processor. `None` and empty lists = the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Processor {
    /// Processor packages.
    #[serde(default)]
    pub sockets: Option<u32>,
    /// How many of the logical CPUs are slower efficiency cores, on processors that mix two kinds.
    #[serde(default)]
    pub efficiency_cpus: Option<u32>,
    /// Memory nodes.
    #[serde(default)]
    pub numa_nodes: Option<u32>,
    /// Every kind of cache, smallest level first.
    #[serde(default)]
    pub caches: Vec<Cache>,
    /// The clock the processor is sold with, in MHz.
    #[serde(default)]
    pub nominal_mhz: Option<f64>,
    /// Lowest clock the processor can have, in MHz.
    #[serde(default)]
    pub min_mhz: Option<f64>,
    /// Highest clock the processor can have (with boost), in MHz; of the fastest core where they differ.
    #[serde(default)]
    pub max_mhz: Option<f64>,
    /// Instruction sets that matter to inference, as Linux names them: `avx2`, `avx512_vnni`, `sve`.
    #[serde(default)]
    pub isa: Vec<String>,
    /// `family 6 model 207 stepping 2`.
    #[serde(default)]
    pub revision: Option<String>,
    /// Microcode: `0x2b000620`.
    #[serde(default)]
    pub microcode: Option<String>,
}

/// All caches of one level and kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cache {
    /// `L1d`, `L1i`, `L2`, `L3`.
    pub name: String,
    /// Size of one, in bytes; of the largest where they differ.
    pub bytes: u64,
    /// How many the machine has.
    pub count: u32,
}

/// Instruction sets worth telling: they decide which kernels a runtime picks.
const ISA: &[&str] = &[
    // x86-64
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx_vnni",
    "avx_vnni_int8",
    "avx_ifma",
    "avx_ne_convert",
    "avx512f",
    "avx512bw",
    "avx512dq",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
    "avx512_fp16",
    "avx10",
    "amx_tile",
    "amx_int8",
    "amx_bf16",
    "amx_fp16", // aarch64
    "asimd",
    "fphp",
    "asimdhp",
    "asimddp",
    "asimdfhm",
    "i8mm",
    "bf16",
    "sve",
    "svei8mm",
    "svebf16",
    "sve2",
    "sme",
    "sme2",
];

impl Processor {
    /// Reads what Linux tells; elsewhere the instruction sets that can be asked of the processor itself.
    pub fn read(root: &Root) -> Self {
        let cpuinfo = root.text("proc/cpuinfo").unwrap_or_default();
        let cpus = root.online_cpus();
        let flags = flags(&cpuinfo);
        let mhz = |file: &str| {
            cpus.iter()
                .filter_map(|cpu| {
                    root.number::<f64>(&format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{file}"))
                })
                .map(|kilohertz| kilohertz / 1e3)
                .filter(|mhz| *mhz > 0.0)
                .collect::<Vec<f64>>()
        };
        let isa: Vec<String> =
            ISA.iter().filter(|name| flags.contains(**name)).map(|name| (*name).to_owned()).collect();
        Self {
            sockets: distinct(root, &cpus, "topology/physical_package_id"),
            efficiency_cpus: efficiency_cpus(root),
            numa_nodes: u32::try_from(root.numbered("sys/devices/system/node", "node").len())
                .ok()
                .filter(|count| *count > 0),
            caches: caches(root, &cpus),
            nominal_mhz: mhz("base_frequency")
                .into_iter()
                .reduce(f64::max)
                .or_else(|| constant_mhz(&cpuinfo, &flags, root)),
            min_mhz: mhz("cpuinfo_min_freq").into_iter().reduce(f64::min),
            max_mhz: mhz("cpuinfo_max_freq").into_iter().reduce(f64::max),
            isa: if root.is_there() { isa } else { asked_of_the_processor() },
            revision: revision(&cpuinfo),
            microcode: field(&cpuinfo, "microcode")
                .or_else(|| root.text("sys/devices/system/cpu/cpu0/microcode/version")),
        }
    }
}

/// `flags` of x86, `Features` of ARM, in the first CPU's entry.
fn flags(cpuinfo: &str) -> BTreeSet<String> {
    let line = field(cpuinfo, "flags").or_else(|| field(cpuinfo, "Features")).unwrap_or_default();
    line.split_whitespace().map(str::to_owned).collect()
}

/// Whether `cpu MHz` of `/proc/cpuinfo` is measured: without this flag it is the constant nominal clock (kernel
/// source `arch/x86/kernel/cpu/proc.c`).
pub(super) fn measures_clock(cpuinfo: &str) -> bool {
    flags(cpuinfo).contains("aperfmperf")
}

fn constant_mhz(cpuinfo: &str, flags: &BTreeSet<String>, root: &Root) -> Option<f64> {
    let has_driver =
        root.path("sys/devices/system/cpu/cpu0/cpufreq/scaling_driver").is_some_and(|path| path.exists());
    if has_driver || flags.contains("aperfmperf") {
        return None;
    }
    field(cpuinfo, "cpu MHz")?.parse().ok().filter(|mhz| *mhz > 0.0)
}

/// Intel's hybrid processors list their `atom` cores as an event source of their own.
fn efficiency_cpus(root: &Root) -> Option<u32> {
    let list = root.text("sys/devices/cpu_atom/cpus")?;
    u32::try_from(cpu_list(&list)?.len()).ok()
}

/// How many different values a file has among the CPUs.
fn distinct(root: &Root, cpus: &[u32], file: &str) -> Option<u32> {
    let values: BTreeSet<String> =
        cpus.iter().filter_map(|cpu| root.text(&format!("sys/devices/system/cpu/cpu{cpu}/{file}"))).collect();
    u32::try_from(values.len()).ok().filter(|count| *count > 0)
}

fn revision(cpuinfo: &str) -> Option<String> {
    let words = |pairs: [(&str, &str); 3]| {
        let told: Vec<String> = pairs
            .iter()
            .filter_map(|(key, word)| field(cpuinfo, key).map(|value| format!("{word} {value}")))
            .collect();
        (!told.is_empty()).then(|| told.join(" "))
    };
    words([("cpu family", "family"), ("model", "model"), ("stepping", "stepping")]).or_else(|| {
        words([("CPU implementer", "implementer"), ("CPU part", "part"), ("CPU revision", "revision")])
    })
}

/// Each cache once: CPUs that share one name the same `shared_cpu_list`.
fn caches(root: &Root, cpus: &[u32]) -> Vec<Cache> {
    let mut seen = BTreeSet::new();
    let mut caches: Vec<Cache> = Vec::new();
    for cpu in cpus {
        let folder = format!("sys/devices/system/cpu/cpu{cpu}/cache");
        for index in root.numbered(&folder, "index") {
            let told = |file: &str| root.text(&format!("{folder}/index{index}/{file}"));
            let (Some(level), Some(kind), Some(bytes)) =
                (told("level"), told("type"), told("size").and_then(|size| cache_bytes(&size)))
            else {
                continue;
            };
            let name = match kind.as_str() {
                "Data" => format!("L{level}d"),
                "Instruction" => format!("L{level}i"),
                _ => format!("L{level}"),
            };
            let shared = told("shared_cpu_list").unwrap_or_else(|| cpu.to_string());
            if !seen.insert((name.clone(), shared)) {
                continue;
            }
            match caches.iter_mut().find(|cache| cache.name == name) {
                Some(cache) => {
                    cache.count += 1;
                    cache.bytes = cache.bytes.max(bytes);
                }
                None => caches.push(Cache { name, bytes, count: 1 }),
            }
        }
    }
    caches.sort_by(|a, b| a.name.cmp(&b.name));
    caches
}

/// `48K`, `2048K`, `32M` → bytes.
fn cache_bytes(size: &str) -> Option<u64> {
    let digits = size.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit: u64 = match size.get(digits.len()..)? {
        "" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit).filter(|bytes| *bytes > 0)
}

/// Instruction sets where no file lists them.
fn asked_of_the_processor() -> Vec<String> {
    #[cfg(target_arch = "x86_64")]
    let told = [
        ("sse4_2", is_x86_feature_detected!("sse4.2")),
        ("avx", is_x86_feature_detected!("avx")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vl", is_x86_feature_detected!("avx512vl")),
        ("avx512_vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512_bf16", is_x86_feature_detected!("avx512bf16")),
    ];
    #[cfg(target_arch = "aarch64")]
    let told = [
        ("asimd", std::arch::is_aarch64_feature_detected!("neon")),
        ("asimdhp", std::arch::is_aarch64_feature_detected!("fp16")),
        ("asimddp", std::arch::is_aarch64_feature_detected!("dotprod")),
        ("i8mm", std::arch::is_aarch64_feature_detected!("i8mm")),
        ("bf16", std::arch::is_aarch64_feature_detected!("bf16")),
        ("sve", std::arch::is_aarch64_feature_detected!("sve")),
        ("sve2", std::arch::is_aarch64_feature_detected!("sve2")),
    ];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let told: [(&str, bool); 0] = [];
    told.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::folder;
    use super::*;

    #[test]
    fn an_x86_server_with_two_sockets() {
        let cpu = |number: u32, package: u32| {
            let at = format!("sys/devices/system/cpu/cpu{number}");
            let mut files = vec![
                (format!("{at}/topology/physical_package_id"), package.to_string()),
                (format!("{at}/cpufreq/base_frequency"), "2100000".to_owned()),
                (format!("{at}/cpufreq/cpuinfo_min_freq"), "800000".to_owned()),
                (format!("{at}/cpufreq/cpuinfo_max_freq"), (3_800_000 - 100_000 * package).to_string()),
                (format!("{at}/cpufreq/scaling_driver"), "intel_pstate".to_owned()),
            ];
            let own = number.to_string();
            for (index, level, kind, size, shared) in [
                (0, "1", "Data", "48K", own.as_str()),
                (1, "1", "Instruction", "32K", &own),
                (2, "2", "Unified", "2048K", &own),
                (3, "3", "Unified", "107520K", if package == 0 { "0-1" } else { "2-3" }),
            ] {
                let at = format!("{at}/cache/index{index}");
                for (file, text) in
                    [("level", level), ("type", kind), ("size", size), ("shared_cpu_list", shared)]
                {
                    files.push((format!("{at}/{file}"), text.to_owned()));
                }
            }
            files
        };
        let mut files: Vec<(String, String)> =
            [(0, 0), (1, 0), (2, 1), (3, 1)].into_iter().flat_map(|(n, p)| cpu(n, p)).collect();
        let cpuinfo = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n\
            model name\t: Intel(R) Xeon(R) Platinum 8480+\nstepping\t: 8\nmicrocode\t: 0x2b000620\n\
            cpu MHz\t\t: 3000.000\nflags\t\t: fpu sse4_2 avx fma aperfmperf avx2 avx512f avx512_vnni amx_int8\n\nprocessor\t: 1\n";
        files.extend(
            [
                ("sys/devices/system/cpu/online", "0-3\n"),
                ("proc/cpuinfo", cpuinfo),
                ("sys/devices/system/node/node0/x", ""),
                ("sys/devices/system/node/node1/x", ""),
            ]
            .map(|(path, text)| (path.to_owned(), text.to_owned())),
        );
        let borrowed: Vec<(&str, &str)> =
            files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let root = folder(&borrowed);
        let cache = |name: &str, bytes, count| Cache { name: name.to_owned(), bytes, count };
        let expected = Processor {
            sockets: Some(2),
            efficiency_cpus: None,
            numa_nodes: Some(2),
            caches: vec![
                cache("L1d", 49_152, 4),
                cache("L1i", 32_768, 4),
                cache("L2", 2_097_152, 4),
                cache("L3", 110_100_480, 2),
            ],
            nominal_mhz: Some(2_100.0),
            min_mhz: Some(800.0),
            max_mhz: Some(3_800.0),
            isa: ["sse4_2", "avx", "fma", "avx2", "avx512f", "avx512_vnni", "amx_int8"]
                .map(str::to_owned)
                .to_vec(),
            revision: Some("family 6 model 143 stepping 8".to_owned()),
            microcode: Some("0x2b000620".to_owned()),
        };
        assert_eq!(Processor::read(&Root::at(root.path())), expected);
    }

    #[test]
    fn an_arm_machine_lists_features() {
        let cpuinfo = "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd asimdhp asimddp sve i8mm bf16 dgh\n\
            CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: 0xd40\nCPU revision\t: 1\n";
        let root = folder(&[("proc/cpuinfo", cpuinfo)]);
        let processor = Processor::read(&Root::at(root.path()));
        assert_eq!(processor.isa, ["asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve"]);
        assert_eq!(processor.revision.as_deref(), Some("implementer 0x41 part 0xd40 revision 1"));
        assert_eq!((processor.nominal_mhz, processor.sockets, processor.microcode), (None, None, None));
    }

    #[test]
    fn a_laptop_with_two_kinds_of_cores() {
        let root =
            folder(&[("sys/devices/cpu_core/cpus", "0-11\n"), ("sys/devices/cpu_atom/cpus", "12-19\n")]);
        assert_eq!(Processor::read(&Root::at(root.path())).efficiency_cpus, Some(8));
    }

    #[test]
    fn a_constant_clock_is_the_nominal_one_and_not_the_current() {
        let machine = "model\t: 1\ncpu MHz\t: 2100.000\nflags\t: fpu hypervisor\n";
        let root = folder(&[("proc/cpuinfo", machine)]);
        assert_eq!(Processor::read(&Root::at(root.path())).nominal_mhz, Some(2_100.0));
        assert!(!measures_clock(machine));
        let measured = machine.replace("hypervisor", "aperfmperf");
        let root = folder(&[("proc/cpuinfo", &measured)]);
        assert_eq!(Processor::read(&Root::at(root.path())).nominal_mhz, None);
    }

    #[test]
    fn nothing_told_is_nothing_known() {
        let root = folder(&[("sys/devices/system/cpu/cpu0/cache/index0/size", "huge")]);
        assert_eq!(Processor::read(&Root::at(root.path())), Processor::default());
        assert_eq!(cache_bytes("0K"), None);
        assert_eq!(cache_bytes("12Q"), None);
    }
}
