//! The machine that measured, and in what it differs from those of the project's other measurements.

use egui::Ui;

use super::facts::facts_ui;
use crate::app::project::Stored;
use crate::hardware::Fingerprint;
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::halves_ui;
use crate::ui::theme::space;
use crate::ui::widgets::{Tone, banner_ui, card_ui, note_ui, section_header_ui};
use crate::units;

/// Names with values, and sentences about other machines.
type Shown = (Vec<(&'static str, String)>, Vec<String>);

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Machine {
    shown: Memo<(i64, u64), Shown>,
}

impl Machine {
    pub fn card(&mut self, ui: &mut Ui, stored: &Stored, points: &[Stored], revision: u64) {
        let (facts, others) =
            self.shown.get((stored.id, revision), || (facts(stored), others(stored, points)));
        card_ui(ui, |ui| {
            let note = if stored.point.target.is_empty() { "" } else { stored.point.target.as_str() };
            section_header_ui(ui, "Machine", note, |_| {});
            for words in others {
                banner_ui(ui, Tone::Warning, words);
            }
            if others.is_empty() && points.len() > 1 {
                note_ui(
                    ui,
                    "All other measurements of the project come from a machine set up like this one.",
                );
            }
            ui.add_space(space::XS);
            let middle = facts.len().div_ceil(2);
            halves_ui(ui, |ui, left| {
                let part = if left { &facts[..middle] } else { &facts[middle..] };
                facts_ui(ui, part);
            });
        });
    }
}

/// Names and values of the fingerprint; what the machine does not tell is left out.
fn facts(stored: &Stored) -> Vec<(&'static str, String)> {
    let Fingerprint { cpu, logical_cpus, physical_cores, memory_bytes, system, .. } =
        &stored.point.fingerprint;
    let Fingerprint { gpus, driver, cuda, processor, platform, tuning, .. } = &stored.point.fingerprint;
    let mut facts = vec![("CPU", cpu.clone())];
    let cores = physical_cores.map(|cores| format!(", {cores} cores")).unwrap_or_default();
    facts.push(("CPUs", format!("{logical_cpus} logical{cores}")));
    let caches: Vec<String> = processor
        .caches
        .iter()
        .map(|cache| {
            let times = if cache.count > 1 { format!(" × {}", cache.count) } else { String::new() };
            format!("{} {}{times}", cache.name, units::bytes(cache.bytes))
        })
        .collect();
    let mut add = |name, value: Option<String>| {
        facts.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
    };
    let on = |value: Option<bool>| value.map(|on| if on { "on" } else { "off" }.to_owned());
    add("Caches", Some(caches.join(", ")));
    let clock = |mhz: Option<f64>| mhz.map(|mhz| format!("{mhz:.0} MHz"));
    add("Highest clock", clock(processor.max_mhz.or(processor.nominal_mhz)));
    add("Memory", memory_bytes.map(units::bytes));
    add("GPU", Some(gpus.join(", ")));
    add("NVIDIA driver", driver.clone());
    add("CUDA of the driver", cuda.clone());
    add("Governor", tuning.governor.clone());
    add("Boost", on(tuning.boost));
    add("SMT", on(tuning.smt));
    add("Power source", tuning.power.map(|power| power.to_string()));
    add("Huge pages", tuning.huge_pages.clone());
    add("Machine", platform.machine.clone());
    add("Hypervisor", platform.hypervisor.clone());
    add("Container", platform.container.clone());
    if let Some(limits) = &platform.limits {
        let mut words = Vec::new();
        words.extend(limits.cpu_quota.map(|cpus| format!("{cpus} CPUs")));
        words.extend(limits.memory_bytes.map(units::bytes));
        words.extend(limits.cpus.as_ref().map(|cpus| format!("on CPUs {cpus}")));
        add("Limits", Some(words.join(", ")));
    }
    add("System", Some(system.clone()));
    add("Edition", platform.edition.clone());
    add("Microcode", processor.microcode.clone());
    add("ONNX Runtime", Some(stored.point.runtime_version.clone()));
    facts
}

/// In what the machines of other measurements differ, one sentence for each set of differences.
fn others(stored: &Stored, points: &[Stored]) -> Vec<String> {
    let mut groups: Vec<(String, usize)> = Vec::new();
    for other in points.iter().filter(|other| other.id != stored.id) {
        let mut differences: Vec<String> = stored
            .point
            .fingerprint
            .differences(&other.point.fingerprint)
            .iter()
            .map(ToString::to_string)
            .collect();
        let (ours, theirs) = (&stored.point.runtime_version, &other.point.runtime_version);
        if ours != theirs && !ours.is_empty() && !theirs.is_empty() {
            differences.push(format!("ONNX Runtime: {ours}, there {theirs}"));
        }
        if differences.is_empty() {
            continue;
        }
        let words = differences.join("; ");
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => groups.push((words, 1)),
        }
    }
    groups
        .into_iter()
        .map(|(words, count)| {
            let (s, comes) = if count == 1 { ("", "comes") } else { ("s", "come") };
            format!("{count} other measurement{s} {comes} from another machine or setting: {words}.")
        })
        .collect()
}
