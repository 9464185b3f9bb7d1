//! Energy used during a measurement, where the machine counts it: RAPL for processors, NVML for GPUs.
//!
//! RAPL's format: kernel documentation `power/powercap/powercap`; counters in microjoules that start again at
//! `max_energy_range_uj`. Linux lets only the administrator read them (CVE-2020-8694), so that most programs cannot.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::hardware::fingerprint::Root;

/// Energy that one part of the machine used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Energy {
    /// Joules between start and stop.
    pub joules: f64,
    /// How it was told: `RAPL`, `NVML energy counter`, `NVML power, summed up over 42 readings`.
    pub method: String,
    /// What it covers: `processor package-0, all programs`. Parts do not overlap.
    pub covers: String,
}

/// One counter of RAPL.
struct Zone {
    covers: String,
    counter: PathBuf,
    range_microjoules: u64,
    last_microjoules: u64,
    sum_microjoules: u64,
}

/// The processor's counters since they were found.
pub(super) struct Rapl {
    zones: Vec<Zone>,
    /// Why there are none, or why one is missing.
    reasons: Vec<String>,
}

impl Rapl {
    /// Finds the counters of packages and memory, and starts counting.
    pub(super) fn start(root: &Root) -> Self {
        const FOLDER: &str = "sys/class/powercap";
        let mut rapl = Self { zones: Vec::new(), reasons: Vec::new() };
        // `intel-rapl:0` is a package (of AMD too), `intel-rapl:0:0` a part of it. `intel-rapl-mmio` counts the same
        // packages a second time.
        for name in root.names(FOLDER) {
            let Some(place) = name.strip_prefix("intel-rapl:") else { continue };
            let told = root.text(&format!("{FOLDER}/{name}/name")).unwrap_or_default();
            let is_part = place.contains(':');
            // Core and uncore are within the package; psys is the whole machine, package included.
            let covers = match (is_part, told.as_str()) {
                (false, package) if package.starts_with("package") => {
                    format!("processor {package}, all programs")
                }
                (true, "dram") => {
                    let package = place.split(':').next().unwrap_or_default();
                    format!("memory of processor package-{package}, all programs")
                }
                _ => continue,
            };
            let Some(counter) = root.path(&format!("{FOLDER}/{name}/energy_uj")) else { continue };
            let range = root.number(&format!("{FOLDER}/{name}/max_energy_range_uj"));
            match (read(&counter), range) {
                (Ok(now), Some(range_microjoules)) => rapl.zones.push(Zone {
                    covers,
                    counter,
                    range_microjoules,
                    last_microjoules: now,
                    sum_microjoules: 0,
                }),
                (Err(error), _) if error.kind() == io::ErrorKind::PermissionDenied => rapl.reasons.push(format!(
                    "no energy of {covers}: only the administrator may read its counter; run as administrator, or let \
                     him make it readable: {}",
                    counter.display()
                )),
                (Err(error), _) => {
                    rapl.reasons.push(format!("no energy of {covers}: {error}: {}", counter.display()));
                }
                (Ok(_), None) => rapl
                    .reasons
                    .push(format!("no energy of {covers}: where its counter starts again is not told: {}", counter.display())),
            }
        }
        if rapl.zones.is_empty() && rapl.reasons.is_empty() {
            rapl.reasons.push(
                "no energy of the processor: the system shows no energy counters (RAPL), as in most virtual machines"
                    .to_owned(),
            );
        }
        rapl
    }

    /// Counts from now on.
    pub(super) fn restart(&mut self) {
        self.update();
        for zone in &mut self.zones {
            zone.sum_microjoules = 0;
        }
    }

    /// Adds what was used since the last call. Must be called more often than a counter goes round: minutes.
    pub(super) fn update(&mut self) {
        let Self { zones, reasons } = self;
        zones.retain_mut(|zone| match read(&zone.counter) {
            Ok(now) => {
                zone.sum_microjoules = zone.sum_microjoules.saturating_add(zone.used_until(now));
                zone.last_microjoules = now;
                true
            }
            Err(error) => {
                // A sum with a hole in it would be too small.
                reasons.push(format!(
                    "no energy of {}: its counter stopped answering: {error}: {}",
                    zone.covers,
                    zone.counter.display()
                ));
                false
            }
        });
    }

    /// What was used until the last [`Rapl::update`], and why something is missing.
    pub(super) fn finish(self) -> (Vec<Energy>, Vec<String>) {
        let energies = self.zones.into_iter().map(|zone| Energy {
            joules: zone.sum_microjoules as f64 / 1e6,
            method: "RAPL".to_owned(),
            covers: zone.covers,
        });
        (energies.collect(), self.reasons)
    }
}

impl Zone {
    fn used_until(&self, now: u64) -> u64 {
        let last = self.last_microjoules;
        now.checked_sub(last)
            .unwrap_or_else(|| self.range_microjoules.saturating_sub(last).saturating_add(now))
    }
}

fn read(counter: &PathBuf) -> io::Result<u64> {
    fs::read_to_string(counter)?
        .trim()
        .parse()
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("not a number ({error})")))
}

/// Energy of each GPU: from its counter where it has one, otherwise its power summed up over the readings.
///
/// `names` are the GPUs; `before` and `after` the counters in joules; `power` the readings of each GPU as
/// `(seconds since the start, watts)`; `seconds` is how long it lasted. Answers the energies and why one is missing.
pub(super) fn of_gpus(
    names: &[String],
    before: &[Option<f64>],
    after: &[Option<f64>],
    power: &[Vec<(f64, f64)>],
    seconds: f64,
) -> (Vec<Energy>, Vec<String>) {
    let (mut energies, mut reasons) = (Vec::new(), Vec::new());
    for (index, name) in names.iter().enumerate() {
        let counter = |side: &[Option<f64>]| side.get(index).copied().flatten();
        let counted =
            counter(before).zip(counter(after)).map(|(before, after)| ((after - before) * 1e3).round() / 1e3);
        let readings = power.get(index).map_or(&[][..], Vec::as_slice);
        let covers = format!("{name}, all programs");
        if let Some(joules) = counted.filter(|joules| *joules > 0.0) {
            energies.push(Energy { joules, method: "NVML energy counter".to_owned(), covers });
        } else if let Some(joules) = summed_up(readings, seconds) {
            let method = format!("NVML power, summed up over {} readings", readings.len());
            energies.push(Energy { joules, method, covers });
        } else if counted.is_some() {
            reasons
                .push(format!("no energy of {name}: the run was too short for its energy counter to move"));
        } else {
            reasons.push(format!("no energy of {name}: it tells neither energy nor power"));
        }
    }
    (energies, reasons)
}

/// Joules by the trapezoidal rule; the power before the first and after the last reading is taken to be theirs.
fn summed_up(readings: &[(f64, f64)], seconds: f64) -> Option<f64> {
    let ((first_at, first), (last_at, last)) = (readings.first()?, readings.last()?);
    let between: f64 =
        readings.windows(2).map(|pair| (pair[1].0 - pair[0].0) * (pair[0].1 + pair[1].1) / 2.0).sum();
    let joules = first_at * first + between + (seconds - last_at).max(0.0) * last;
    // Microjoules, as the counters.
    Some((joules * 1e6).round() / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::fingerprint::{folder, write};

    const PACKAGE: &str = "sys/class/powercap/intel-rapl:0";

    fn zone(at: &str, name: &str, microjoules: &str) -> Vec<(String, String)> {
        vec![
            (format!("{at}/name"), format!("{name}\n")),
            (format!("{at}/energy_uj"), format!("{microjoules}\n")),
            (format!("{at}/max_energy_range_uj"), "262143328850\n".to_owned()),
        ]
    }

    fn root(zones: &[Vec<(String, String)>]) -> tempfile::TempDir {
        let files: Vec<(&str, &str)> =
            zones.iter().flatten().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        folder(&files)
    }

    #[test]
    fn packages_and_memory_are_counted_once_even_over_the_counters_end() {
        let folder = root(&[
            zone(PACKAGE, "package-0", "262143000000"),
            zone(&format!("{PACKAGE}:0"), "core", "5"),
            zone(&format!("{PACKAGE}:1"), "dram", "1000000"),
            zone("sys/class/powercap/intel-rapl:1", "psys", "9"),
            zone("sys/class/powercap/intel-rapl-mmio:0", "package-0", "7"),
        ]);
        let mut rapl = Rapl::start(&Root::at(folder.path()));
        // 328,850 µJ to the end, then 671,150 µJ: one joule.
        write(folder.path(), &format!("{PACKAGE}/energy_uj"), "671150\n");
        rapl.update();
        write(folder.path(), &format!("{PACKAGE}/energy_uj"), "2671150\n");
        write(folder.path(), &format!("{PACKAGE}:1/energy_uj"), "1250000\n");
        rapl.update();
        let (energies, reasons) = rapl.finish();
        let energy =
            |joules, covers: &str| Energy { joules, method: "RAPL".to_owned(), covers: covers.to_owned() };
        let expected = [
            energy(3.0, "processor package-0, all programs"),
            energy(0.25, "memory of processor package-0, all programs"),
        ];
        assert_eq!(energies, expected);
        assert!(reasons.is_empty(), "{reasons:?}");
    }

    #[test]
    fn what_was_used_before_a_restart_is_not_counted() {
        let folder = root(&[zone(PACKAGE, "package-0", "1000000")]);
        let mut rapl = Rapl::start(&Root::at(folder.path()));
        write(folder.path(), &format!("{PACKAGE}/energy_uj"), "5000000\n");
        rapl.update();
        write(folder.path(), &format!("{PACKAGE}/energy_uj"), "6000000\n");
        rapl.restart();
        write(folder.path(), &format!("{PACKAGE}/energy_uj"), "8500000\n");
        rapl.update();
        assert!((rapl.finish().0[0].joules - 2.5).abs() < 1e-9);
    }

    #[test]
    fn a_machine_without_counters_says_so() {
        let folder = root(&[]);
        let (energies, reasons) = Rapl::start(&Root::at(folder.path())).finish();
        assert!(energies.is_empty());
        assert!(reasons[0].contains("no energy counters (RAPL)"), "{reasons:?}");
    }

    #[test]
    fn a_counter_that_cannot_be_read_is_a_reason_and_not_zero() {
        let folder = root(&[zone(PACKAGE, "package-0", "lots"), zone(&format!("{PACKAGE}:0"), "dram", "5")]);
        let mut rapl = Rapl::start(&Root::at(folder.path()));
        std::fs::remove_file(folder.path().join(format!("{PACKAGE}:0/energy_uj"))).unwrap();
        rapl.update();
        let (energies, reasons) = rapl.finish();
        assert!(energies.is_empty());
        assert!(
            reasons[0].starts_with("no energy of processor package-0, all programs: not a number"),
            "{reasons:?}"
        );
        assert!(reasons[1].contains("stopped answering"), "{reasons:?}");
    }

    #[test]
    fn gpus_by_counter_by_power_or_not_at_all() {
        let names = ["GPU 0", "GPU 1", "GPU 2", "GPU 3"].map(str::to_owned);
        let before = [Some(1_000.0), None, None, Some(5.0)];
        let after = [Some(1_012.5), None, None, Some(5.0)];
        // 2 s at 10 W and 3 s rising from 10 to 30 W and 1 s at 30 W: 20 + 60 + 30 J.
        let power = [vec![(1.0, 99.0)], vec![(2.0, 10.0), (5.0, 30.0)], vec![], vec![]];
        let (energies, reasons) = of_gpus(&names, &before, &after, &power, 6.0);
        let joules: Vec<(f64, &str)> =
            energies.iter().map(|energy| (energy.joules, energy.method.as_str())).collect();
        assert_eq!(joules, [(12.5, "NVML energy counter"), (110.0, "NVML power, summed up over 2 readings")]);
        assert_eq!(energies[0].covers, "GPU 0, all programs");
        assert_eq!(
            reasons,
            [
                "no energy of GPU 2: it tells neither energy nor power",
                "no energy of GPU 3: the run was too short for its energy counter to move"
            ]
        );
    }
}
