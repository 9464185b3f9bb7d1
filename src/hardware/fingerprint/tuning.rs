//! How the machine is set up: governor, boost, SMT, huge pages, power source. A user can change these.
//!
//! Formats: kernel documentation `admin-guide/pm/cpufreq`, `admin-guide/pm/intel_pstate`,
//! `ABI/testing/sysfs-class-power`, `admin-guide/mm/transhuge`.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::root::Root;

/// Settings that change how fast the machine is. `None` = the system does not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tuning {
    /// What sets the clocks: `intel_pstate`, `amd-pstate-epp`, `acpi-cpufreq`.
    #[serde(default)]
    pub scaling_driver: Option<String>,
    /// Its policy: `performance`, `powersave`, `schedutil`; several where the CPUs differ.
    #[serde(default)]
    pub governor: Option<String>,
    /// What the processor is told to prefer: `performance`, `balance_power`.
    #[serde(default)]
    pub energy_preference: Option<String>,
    /// Whether clocks above the nominal one are allowed.
    #[serde(default)]
    pub boost: Option<bool>,
    /// Whether cores run two threads each.
    #[serde(default)]
    pub smt: Option<bool>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    #[serde(default)]
    pub huge_pages: Option<String>,
    /// Where the power comes from.
    #[serde(default)]
    pub power: Option<PowerSource>,
}

/// Where a machine's power comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PowerSource {
    /// Plugged in.
    Mains,
    /// Running on its battery.
    Battery,
}

impl fmt::Display for PowerSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mains => "mains",
            Self::Battery => "battery",
        })
    }
}

impl Tuning {
    /// Reads what Linux tells.
    pub fn read(root: &Root) -> Self {
        Self {
            scaling_driver: of_all_cpus(root, "scaling_driver"),
            governor: governor(root),
            energy_preference: of_all_cpus(root, "energy_performance_preference"),
            boost: boost(root),
            smt: root.text("sys/devices/system/cpu/smt/active").and_then(|text| on_or_off(&text)),
            huge_pages: root
                .text("sys/kernel/mm/transparent_hugepage/enabled")
                .and_then(|text| chosen(&text).map(str::to_owned)),
            power: power_source(root),
        }
    }
}

/// The governor of the CPUs.
pub(super) fn governor(root: &Root) -> Option<String> {
    of_all_cpus(root, "scaling_governor")
}

/// A cpufreq file's value; several, joined with commas, where the CPUs differ. CPUs that share a policy share a
/// folder, so that the policies are few.
fn of_all_cpus(root: &Root, file: &str) -> Option<String> {
    const POLICIES: &str = "sys/devices/system/cpu/cpufreq";
    let values: BTreeSet<String> = root
        .numbered(POLICIES, "policy")
        .iter()
        .filter_map(|policy| root.text(&format!("{POLICIES}/policy{policy}/{file}")))
        .collect();
    let values: Vec<String> = values.into_iter().collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// `cpufreq/boost` of most drivers; `intel_pstate/no_turbo` says the opposite.
fn boost(root: &Root) -> Option<bool> {
    if let Some(no_turbo) = root.text("sys/devices/system/cpu/intel_pstate/no_turbo") {
        return on_or_off(&no_turbo).map(|off| !off);
    }
    on_or_off(&root.text("sys/devices/system/cpu/cpufreq/boost")?)
}

fn on_or_off(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    }
}

/// `always [madvise] never` → `madvise`.
fn chosen(text: &str) -> Option<&str> {
    text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'))
}

/// Mains when any supply that feeds the machine is plugged in; battery when one is discharging or all others are
/// unplugged. Batteries of mice and headsets (scope `Device`) do not count. A machine that lists none: not told.
pub(super) fn power_source(root: &Root) -> Option<PowerSource> {
    const SUPPLIES: &str = "sys/class/power_supply";
    let (mut battery, mut discharging, mut plugged, mut unplugged) = (false, false, false, false);
    for supply in root.names(SUPPLIES) {
        let told = |file: &str| root.text(&format!("{SUPPLIES}/{supply}/{file}"));
        if told("scope").as_deref() == Some("Device") {
            continue;
        }
        match told("type").as_deref() {
            Some("Battery") => {
                battery = true;
                discharging |= told("status").as_deref() == Some("Discharging");
            }
            // `Mains`, `USB`, `USB_PD`, `Wireless`: `online` is 1, or 2 for a programmable supply.
            Some(_) => match told("online").as_deref() {
                Some("1" | "2") => plugged = true,
                Some("0") => unplugged = true,
                _ => {}
            },
            None => {}
        }
    }
    if plugged {
        Some(PowerSource::Mains)
    } else if discharging || (battery && unplugged) {
        Some(PowerSource::Battery)
    } else if battery {
        Some(PowerSource::Mains)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::folder;
    use super::*;

    fn read(files: &[(&str, &str)]) -> Tuning {
        let root = folder(files);
        Tuning::read(&Root::at(root.path()))
    }

    #[test]
    fn a_laptop_on_its_charger() {
        let tuning = read(&[
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_driver", "intel_pstate\n"),
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "powersave\n"),
            ("sys/devices/system/cpu/cpufreq/policy0/energy_performance_preference", "balance_performance\n"),
            ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
            ("sys/devices/system/cpu/smt/active", "1\n"),
            ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
            ("sys/class/power_supply/AC/type", "Mains\n"),
            ("sys/class/power_supply/AC/online", "1\n"),
            ("sys/class/power_supply/BAT0/type", "Battery\n"),
            ("sys/class/power_supply/BAT0/status", "Charging\n"),
        ]);
        let expected = Tuning {
            scaling_driver: Some("intel_pstate".to_owned()),
            governor: Some("powersave".to_owned()),
            energy_preference: Some("balance_performance".to_owned()),
            boost: Some(true),
            smt: Some(true),
            huge_pages: Some("madvise".to_owned()),
            power: Some(PowerSource::Mains),
        };
        assert_eq!(tuning, expected);
    }

    #[test]
    fn cpus_under_different_governors_are_all_named() {
        let tuning = read(&[
            ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "schedutil"),
            ("sys/devices/system/cpu/cpufreq/policy4/scaling_governor", "performance"),
            ("sys/devices/system/cpu/cpufreq/boost", "0"),
        ]);
        assert_eq!(tuning.governor.as_deref(), Some("performance, schedutil"));
        assert_eq!(tuning.boost, Some(false));
    }

    #[test]
    fn where_the_power_comes_from() {
        let battery = |status| {
            [("sys/class/power_supply/BAT0/type", "Battery"), ("sys/class/power_supply/BAT0/status", status)]
        };
        let unplugged =
            [("sys/class/power_supply/AC/type", "Mains"), ("sys/class/power_supply/AC/online", "0")];
        let mouse = [
            ("sys/class/power_supply/mouse/type", "Battery"),
            ("sys/class/power_supply/mouse/scope", "Device"),
            ("sys/class/power_supply/mouse/status", "Discharging"),
        ];
        assert_eq!(read(&battery("Discharging")).power, Some(PowerSource::Battery));
        assert_eq!(read(&[battery("Unknown"), unplugged].concat()).power, Some(PowerSource::Battery));
        assert_eq!(read(&battery("Full")).power, Some(PowerSource::Mains));
        assert_eq!(read(&mouse).power, None);
        assert_eq!(read(&[]), Tuning::default());
    }
}
