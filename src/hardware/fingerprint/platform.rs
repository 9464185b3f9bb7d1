//! What the processor sits in: the machine's own name, the operating system, a hypervisor, a container.

use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::cgroup::Limits;
use super::root::{Root, field};

/// Facts about what surrounds the processor. `None` = the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Platform {
    /// Maker and product as the firmware names them: `LENOVO 20XW004WGE`, `Amazon EC2 c7i.large`.
    #[serde(default)]
    pub machine: Option<String>,
    /// Distribution or edition: `Linux (Debian GNU/Linux 12)`.
    #[serde(default)]
    pub edition: Option<String>,
    /// The hypervisor this is a guest of: `KVM`, `Xen`, `Hyper-V`; `a hypervisor` when it does not say its name.
    #[serde(default)]
    pub hypervisor: Option<String>,
    /// The kind of container this process runs in: `Docker`, `Kubernetes`, `Podman`.
    #[serde(default)]
    pub container: Option<String>,
    /// What control groups leave to this process; `None` where there are none.
    #[serde(default)]
    pub limits: Option<Limits>,
    /// Memory of the whole machine, in bytes, whatever the container may use of it.
    #[serde(default)]
    pub memory_bytes: Option<u64>,
}

impl Platform {
    /// Reads what the system tells; `memory_bytes` is the caller's to fill in.
    pub fn read(root: &Root) -> Self {
        Self {
            machine: machine(root),
            edition: System::long_os_version().ok().filter(|_| root.is_system() || !root.is_there()),
            hypervisor: hypervisor(root),
            container: container(root),
            limits: Limits::read(root),
            memory_bytes: None,
        }
    }
}

fn machine(root: &Root) -> Option<String> {
    let told = |file: &str| root.text(&format!("sys/class/dmi/id/{file}"));
    let parts: Vec<String> = [told("sys_vendor"), told("product_name")].into_iter().flatten().collect();
    if !parts.is_empty() {
        return Some(parts.join(" "));
    }
    // Boards without DMI: `Raspberry Pi 5 Model B`, ended by a zero byte.
    let model = root.text("proc/device-tree/model")?;
    Some(model.trim_end_matches('\0').trim().to_owned()).filter(|model| !model.is_empty())
}

/// By the names that hypervisors give in the firmware (as `systemd-detect-virt(1)` lists them), after the `hypervisor`
/// flag of x86 says that there is one.
fn hypervisor(root: &Root) -> Option<String> {
    const NAMES: &[(&str, &str)] = &[
        ("KVM", "KVM"),
        ("OpenStack", "KVM"),
        ("Amazon EC2", "KVM (Nitro)"),
        ("Google Compute Engine", "KVM (Google)"),
        ("QEMU", "QEMU"),
        ("VMware", "VMware"),
        ("VMW", "VMware"),
        ("innotek GmbH", "VirtualBox"),
        ("VirtualBox", "VirtualBox"),
        ("Xen", "Xen"),
        ("Bochs", "Bochs"),
        ("Parallels", "Parallels"),
        ("BHYVE", "bhyve"),
        ("Hyper-V", "Hyper-V"),
        ("Apple Virtualization", "Apple Virtualization"),
    ];
    if root
        .text("proc/sys/kernel/osrelease")
        .is_some_and(|release| release.to_lowercase().contains("microsoft"))
    {
        return Some("Hyper-V (WSL)".to_owned());
    }
    if let Some(kind) = root.text("sys/hypervisor/type") {
        return Some(if kind == "xen" { "Xen".to_owned() } else { kind });
    }
    let told = |file: &str| root.text(&format!("sys/class/dmi/id/{file}"));
    let cpuinfo = root.text("proc/cpuinfo").unwrap_or_default();
    let flagged = field(&cpuinfo, "flags")
        .is_some_and(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"));
    let is_x86 = field(&cpuinfo, "flags").is_some();
    if is_x86 && !flagged {
        return None;
    }
    let firmware: Vec<String> =
        ["product_name", "sys_vendor", "board_vendor", "bios_vendor"].into_iter().filter_map(told).collect();
    // EC2's bare-metal instances name themselves as its guests do; on ARM, where no flag tells, `.metal` does.
    if firmware.iter().any(|text| text.contains(".metal")) {
        return None;
    }
    if firmware.iter().any(|text| text == "Microsoft Corporation")
        && firmware.iter().any(|text| text == "Virtual Machine")
    {
        return Some("Hyper-V".to_owned());
    }
    let named = firmware.iter().find_map(|text| {
        NAMES.iter().find(|(sign, _)| text.contains(sign)).map(|(_, name)| (*name).to_owned())
    });
    named
        .or_else(|| if root.is_system() || !root.is_there() { told_by_the_processor() } else { None })
        .or_else(|| flagged.then(|| "a hypervisor".to_owned()))
}

/// What a hypervisor calls itself to its guests: the twelve letters of the `CPUID` leaf that x86 keeps for it.
#[cfg(target_arch = "x86_64")]
fn told_by_the_processor() -> Option<String> {
    use std::arch::x86_64::__cpuid;
    // Leaf 1, bit 31 of ECX: there is a hypervisor, and leaf 0x4000_0000 is its own.
    if __cpuid(1).ecx >> 31 == 0 {
        return None;
    }
    let leaf = __cpuid(0x4000_0000);
    let letters: Vec<u8> = [leaf.ebx, leaf.ecx, leaf.edx].into_iter().flat_map(u32::to_le_bytes).collect();
    let name = String::from_utf8_lossy(&letters);
    Some(hypervisor_name(name.trim_matches(['\0', ' '])))
}

/// Other processors have no such question.
#[cfg(not(target_arch = "x86_64"))]
fn told_by_the_processor() -> Option<String> {
    None
}

/// The product of a hypervisor's twelve letters.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "tested everywhere"))]
fn hypervisor_name(letters: &str) -> String {
    match letters {
        "KVMKVMKVM" | "Linux KVM Hv" => "KVM",
        "Microsoft Hv" => "Hyper-V",
        "VMwareVMware" => "VMware",
        "XenVMMXenVMM" => "Xen",
        "VBoxVBoxVBox" => "VirtualBox",
        "TCGTCGTCGTCG" => "QEMU (emulated)",
        "bhyve bhyve" => "bhyve",
        "prl hyperv" | "lrpepyh  vr" => "Parallels",
        "" => "a hypervisor",
        other => other,
    }
    .to_owned()
}

/// By the marks that container engines leave: files in the root, names in the control group's path.
fn container(root: &Root) -> Option<String> {
    let exists = |path: &str| root.path(path).is_some_and(|path| path.exists());
    let membership = root.text("proc/self/cgroup").unwrap_or_default();
    let name = if membership.contains("kubepods") || exists("var/run/secrets/kubernetes.io") {
        "Kubernetes"
    } else if exists("run/.containerenv") || membership.contains("libpod") {
        "Podman"
    } else if exists(".dockerenv") || membership.contains("docker") {
        "Docker"
    } else if membership.contains("lxc") {
        "LXC"
    } else {
        return None;
    };
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::folder;
    use super::*;

    fn read(files: &[(&str, &str)]) -> Platform {
        let root = folder(files);
        Platform::read(&Root::at(root.path()))
    }

    #[test]
    fn a_guest_names_its_host() {
        let guest = ("proc/cpuinfo", "flags\t: fpu hypervisor avx\n");
        let ec2 = read(&[
            guest,
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
            ("sys/class/dmi/id/product_name", "c7i.large\n"),
        ]);
        assert_eq!(ec2.machine.as_deref(), Some("Amazon EC2 c7i.large"));
        assert_eq!(ec2.hypervisor.as_deref(), Some("KVM (Nitro)"));
        let azure = read(&[
            guest,
            ("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n"),
            ("sys/class/dmi/id/product_name", "Virtual Machine\n"),
        ]);
        assert_eq!(azure.hypervisor.as_deref(), Some("Hyper-V"));
        assert_eq!(read(&[guest]).hypervisor.as_deref(), Some("a hypervisor"));
        assert_eq!(read(&[("sys/hypervisor/type", "xen\n")]).hypervisor.as_deref(), Some("Xen"));
        let wsl = read(&[("proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n")]);
        assert_eq!(wsl.hypervisor.as_deref(), Some("Hyper-V (WSL)"));
    }

    #[test]
    fn a_real_machine_has_no_hypervisor() {
        let laptop = read(&[
            ("proc/cpuinfo", "flags\t: fpu avx\n"),
            ("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n"),
            ("sys/class/dmi/id/product_name", "Surface Laptop 5\n"),
        ]);
        assert_eq!(laptop.hypervisor, None);
        let metal = read(&[
            ("proc/cpuinfo", "Features\t: asimd\n"),
            ("sys/class/dmi/id/sys_vendor", "Amazon EC2\n"),
            ("sys/class/dmi/id/product_name", "c7g.metal\n"),
        ]);
        assert_eq!(metal.hypervisor, None);
        let board = read(&[("proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0\0")]);
        assert_eq!(board.machine.as_deref(), Some("Raspberry Pi 5 Model B Rev 1.0"));
        assert_eq!(read(&[]), Platform::default());
    }

    #[test]
    fn hypervisors_by_the_name_they_give_the_processor() {
        assert_eq!(hypervisor_name("KVMKVMKVM"), "KVM");
        assert_eq!(hypervisor_name("Microsoft Hv"), "Hyper-V");
        assert_eq!(hypervisor_name("ACRNACRNACRN"), "ACRNACRNACRN");
        assert_eq!(hypervisor_name(""), "a hypervisor");
    }

    #[test]
    fn containers_by_their_marks() {
        let kind = |path, text| read(&[(path, text)]).container;
        assert_eq!(kind(".dockerenv", "").as_deref(), Some("Docker"));
        assert_eq!(kind("run/.containerenv", "").as_deref(), Some("Podman"));
        assert_eq!(kind("proc/self/cgroup", "0::/kubepods.slice/pod1\n").as_deref(), Some("Kubernetes"));
        assert_eq!(kind("proc/self/cgroup", "0::/user.slice\n"), None);
    }
}
