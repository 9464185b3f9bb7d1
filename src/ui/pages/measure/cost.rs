//! What else a measurement cost, and what disturbed it: loading, memory, CPU, GPU, energy, the clock; findings about
//! the machine in words; its use over the run as a chart.

use egui::{RichText, Ui};

use super::facts::facts_ui;
use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::monitor::{Readings, Severity};
use crate::measure::{Point, Run, Scenario};
use crate::ui::pages::kept::Memo;
use crate::ui::pages::parts::{combo_ui, halves_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{Icon, card_ui, chart_ui, icon_ui, section_header_ui};
use crate::units;

/// Height of the chart of the machine's use.
const CHART_HEIGHT: f32 = 236.0;

/// What the chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Series {
    #[default]
    Use,
    Clock,
    Memory,
    Temperature,
    Power,
}

const SERIES: [(Series, &str); 5] = [
    (Series::Use, "Use"),
    (Series::Clock, "Clock"),
    (Series::Memory, "Memory"),
    (Series::Temperature, "Temperature"),
    (Series::Power, "Power"),
];

/// What the card shows: findings, facts, and the series that the machine tells, each as a chart.
#[derive(Default)]
struct Shown {
    findings: Vec<Noted>,
    facts: Vec<(&'static str, String)>,
    charts: Vec<(Series, &'static str, Chart)>,
}

/// A finding: how much it matters, its words, the runs it was seen in.
type Noted = (Severity, String, String);

/// What the card remembers between frames.
#[derive(Default)]
pub(super) struct Cost {
    series: Series,
    shown: Memo<(i64, Vec<u64>), Shown>,
}

impl Cost {
    pub fn card(&mut self, ui: &mut Ui, view: &mut View<'_>, stored: &Stored) {
        let point = &stored.point;
        let Self { series, shown } = self;
        let key = (stored.id, point.runs.iter().map(Run::warm_up).collect());
        let shown = shown.get(key, || Shown {
            findings: findings(point),
            facts: facts(stored),
            charts: SERIES
                .into_iter()
                .filter_map(|(series, name)| Some((series, name, machine_chart(point, series)?)))
                .collect(),
        });
        card_ui(ui, |ui| {
            section_header_ui(ui, "What else it cost", "and what disturbed it", |_| {});
            findings_ui(ui, &shown.findings, point.runs.len());
            let chosen = shown.charts.iter().find(|(other, ..)| other == series).or(shown.charts.first());
            let Some((_, name, chart)) = chosen else {
                facts_ui(ui, &shown.facts);
                return;
            };
            halves_ui(ui, |ui, left| {
                if left {
                    facts_ui(ui, &shown.facts);
                    return;
                }
                if shown.charts.len() > 1 {
                    combo_ui(ui, "Show", name, 120.0, |ui| {
                        for (other, name, _) in &shown.charts {
                            ui.selectable_value(series, *other, *name);
                        }
                    });
                }
                chart_ui(ui, view, chart, CHART_HEIGHT, None);
            });
        });
    }
}

/// What makes the numbers doubtful.
fn findings_ui(ui: &mut Ui, findings: &[Noted], all_runs: usize) {
    let tokens = Tokens::of(ui);
    for (severity, words, runs) in findings {
        let (icon, colour) = match severity {
            Severity::Serious => (Icon::Warning, tokens.danger),
            Severity::Warning => (Icon::Warning, tokens.warning),
            Severity::Note => (Icon::Info, tokens.text_quiet),
        };
        ui.horizontal_top(|ui| {
            icon_ui(ui, icon, colour);
            let text = if all_runs > 1 { format!("{words} ({runs})") } else { words.clone() };
            ui.add(egui::Label::new(RichText::new(text).color(tokens.text)).wrap());
        });
    }
    ui.add_space(space::XS);
}

/// Findings of all runs, the worst first: one for each kind, in the words of its worst run, and the runs it was seen in.
fn findings(point: &Point) -> Vec<Noted> {
    let mut all: Vec<(&crate::measure::monitor::Finding, Vec<usize>)> = Vec::new();
    for (place, run) in point.runs.iter().enumerate() {
        for finding in &run.measured.findings {
            match all.iter_mut().find(|(other, _)| other.kind == finding.kind) {
                Some((other, runs)) => {
                    if finding.severity > other.severity {
                        *other = finding;
                    }
                    if runs.last() != Some(&(place + 1)) {
                        runs.push(place + 1);
                    }
                }
                None => all.push((finding, vec![place + 1])),
            }
        }
    }
    all.sort_by_key(|(finding, _)| std::cmp::Reverse(finding.severity));
    all.into_iter()
        .map(|(finding, runs)| {
            let seen = if runs.len() == point.runs.len() {
                "in every run".to_owned()
            } else if let [one] = runs.as_slice() {
                format!("in run {one}")
            } else {
                format!("in {} of {} runs", runs.len(), point.runs.len())
            };
            let mut words = finding.words.clone();
            if let Some(first) = words.get(..1).map(str::to_uppercase) {
                words.replace_range(..1, &first);
            }
            (finding.severity, words, seen)
        })
        .collect()
}

/// Names and values.
fn facts(stored: &Stored) -> Vec<(&'static str, String)> {
    let point = &stored.point;
    let mut facts = Vec::new();
    let millis = |nanos: u64| units::duration_ms(nanos as f64 / 1e6);
    let mut spread = |name, values: Vec<u64>, median: Option<u64>| {
        let Some(median) = median else { return };
        let mut words = millis(median);
        if let (Some(low), Some(high), true) = (values.iter().min(), values.iter().max(), values.len() > 1) {
            words = format!("{words}, {} to {} over {} runs", millis(*low), millis(*high), values.len());
        }
        facts.push((name, words));
    };
    let runs = || point.runs.iter().map(|run| &run.measured);
    spread("Load", runs().map(|run| run.load_nanos).collect(), point.load_nanos());
    let first = runs().map(|run| run.first_inference_nanos).collect();
    spread("First inference", first, point.first_inference_nanos());
    if let Some(peak) = point.peak_memory_bytes() {
        let steady = point.steady_memory_bytes();
        let steady = steady.map(|bytes| format!(", {} steady", units::bytes(bytes))).unwrap_or_default();
        facts.push(("Memory", format!("{} at most{steady}", units::bytes(peak))));
    }
    if let Some(millis) = stored.summary.cpu_ms_per_item {
        facts.push(("CPU time", format!("{} an item", units::duration_ms(millis))));
    }
    facts.extend(gpu_facts(point));
    facts.extend(energy(point));
    if let Some([p50, p99, most]) = lateness(point) {
        let words = format!("p50 {}, p99 {}, at most {}", millis(p50), millis(p99), millis(most));
        facts.push(("Sent late by", words));
    }
    if let Some(timer) = runs().find_map(|run| run.timer) {
        facts.push((
            "Clock",
            format!("{} ns resolution, {} ns to read it", timer.resolution_nanos, timer.overhead_nanos),
        ));
    }
    let shapes: Vec<String> = point
        .input_shapes
        .iter()
        .map(|(name, shape)| {
            let sizes: Vec<String> = shape.iter().map(u64::to_string).collect();
            format!("{name} {}", sizes.join("×"))
        })
        .collect();
    facts.push(("Inputs", shapes.join(", ")));
    if !point.found_dims.is_empty() {
        let found: Vec<String> =
            point.found_dims.iter().map(|(name, size)| format!("{name} = {size}")).collect();
        facts.push(("Found by trying", found.join(", ")));
    }
    facts
}

/// Each GPU's use, memory and power, over the runs.
fn gpu_facts(point: &Point) -> Vec<(&'static str, String)> {
    let Some(readings) = point.runs.iter().rev().find_map(|run| run.measured.readings.as_deref()) else {
        return Vec::new();
    };
    let summary = readings.summary();
    summary
        .gpus
        .iter()
        .map(|gpu| {
            let mut words = vec![gpu.name.clone()];
            words.extend(gpu.utilisation.map(|stat| format!("{:.0} % busy", stat.mean * 100.0)));
            let memory = gpu.own_memory_bytes.or(gpu.memory_used_bytes);
            words.extend(memory.map(|stat| format!("{} at most", units::bytes(stat.peak as u64))));
            words.extend(gpu.power_watts.map(|stat| format!("{:.0} W", stat.mean)));
            words.extend(gpu.sm_clock_mhz.map(|stat| format!("{:.0} MHz", stat.median)));
            ("GPU", words.join(", "))
        })
        .collect()
}

/// Joules over the runs by what they cover, with the method; or why there are none.
fn energy(point: &Point) -> Vec<(&'static str, String)> {
    let all: Vec<&Readings> = point.runs.iter().filter_map(|run| run.measured.readings.as_deref()).collect();
    let mut parts: Vec<(&str, &str, f64, u64)> = Vec::new();
    for readings in &all {
        for energy in &readings.energy {
            match parts.iter_mut().find(|(covers, ..)| *covers == energy.covers) {
                Some((_, _, joules, nanos)) => {
                    *joules += energy.joules;
                    *nanos += readings.run_nanos;
                }
                None => parts.push((&energy.covers, &energy.method, energy.joules, readings.run_nanos)),
            }
        }
    }
    if parts.is_empty() {
        let told = all.iter().flat_map(|readings| &readings.reasons);
        let reason = told.into_iter().find(|reason| reason.contains("nergy") || reason.contains("RAPL"));
        return reason.map(|reason| ("Energy", reason.clone())).into_iter().collect();
    }
    parts
        .into_iter()
        .map(|(covers, method, joules, nanos)| {
            let watts = if nanos > 0 { joules / (nanos as f64 / 1e9) } else { f64::NAN };
            let words = format!(
                "{} J ({} W) of {covers}, by {method}",
                units::three_digits(joules),
                units::three_digits(watts)
            );
            ("Energy", words)
        })
        .collect()
}

/// The worst lateness of the runs; `None` where no clock decides when to send.
fn lateness(point: &Point) -> Option<[u64; 3]> {
    if !matches!(point.config.scenario, Scenario::Server { .. }) {
        return None;
    }
    point
        .runs
        .iter()
        .filter_map(|run| run.measured.lateness_nanos)
        .reduce(|worst, other| [0, 1, 2].map(|place| worst[place].max(other[place])))
}

/// The machine over the runs, one after another; `None` where no reading tells the series.
fn machine_chart(point: &Point, series: Series) -> Option<Chart> {
    let (label, unit, lines): (&str, &str, Vec<(String, Read)>) = match series {
        Series::Use => (
            "CPU use",
            "%",
            vec![
                ("CPUs, all programs".to_owned(), |reading, _| {
                    reading.machine_cpu.map(|share| share * 100.0)
                }),
                ("stolen by the hypervisor".to_owned(), |reading, _| {
                    reading.steal.filter(|share| *share > 0.0).map(|share| share * 100.0)
                }),
            ],
        ),
        Series::Clock => (
            "CPU clock",
            "MHz",
            vec![("mean clock".to_owned(), |reading, _| reading.mhz.map(|mhz| mhz.mean))],
        ),
        Series::Memory => (
            "Resident memory",
            "MiB",
            vec![("worker".to_owned(), |reading, _| {
                reading.memory_bytes.map(|bytes| bytes as f64 / 1_048_576.0)
            })],
        ),
        Series::Temperature => {
            ("Temperature", "°C", vec![("processor".to_owned(), |reading, _| reading.temperature_celsius)])
        }
        Series::Power => ("Power", "W", Vec::new()),
    };
    let mut lines: Vec<(String, usize, Read)> =
        lines.into_iter().map(|(name, read)| (name, 0, read)).collect();
    let gpus: Vec<String> = point
        .runs
        .iter()
        .filter_map(|run| run.measured.readings.as_deref())
        .map(|readings| readings.gpus.clone())
        .max_by_key(Vec::len)
        .unwrap_or_default();
    for (place, name) in gpus.into_iter().enumerate() {
        let read: Read = match series {
            Series::Use => |reading, gpu| reading.gpus.get(gpu)?.utilisation.map(|share| share * 100.0),
            Series::Clock => |reading, gpu| reading.gpus.get(gpu)?.sm_clock_mhz.map(f64::from),
            Series::Memory => |reading, gpu| {
                let gpu = reading.gpus.get(gpu)?;
                gpu.own_memory_bytes.or(gpu.memory_used_bytes).map(|bytes| bytes as f64 / 1_048_576.0)
            },
            Series::Temperature => |reading, gpu| reading.gpus.get(gpu)?.temperature_celsius.map(f64::from),
            Series::Power => |reading, gpu| reading.gpus.get(gpu)?.power_watts,
        };
        lines.push((name, place, read));
    }
    let mut chart = Chart::new(
        "machine",
        format!("{label} over the runs"),
        Axis::new("Time, runs one after another", "s", Scale::Linear { from_zero: true }),
        Axis::new(label, unit, Scale::Linear { from_zero: true }),
    );
    for (place, (name, gpu, read)) in lines.into_iter().enumerate() {
        let mut begin = 0.0;
        let mut data = Vec::new();
        for readings in point.runs.iter().filter_map(|run| run.measured.readings.as_deref()) {
            for reading in &readings.readings {
                if let Some(value) = read(reading, gpu) {
                    data.push(Datum::new(begin + reading.at_nanos as f64 / 1e9, value));
                }
            }
            begin += readings.run_nanos as f64 / 1e9;
        }
        if data.len() > 1 {
            let ink = Ink::Series(place);
            chart.marks.push(Mark::Line {
                name,
                data,
                ink,
                dashed: false,
                markers: false,
                second_axis: false,
            });
        }
    }
    (!chart.marks.is_empty()).then_some(chart)
}

/// A value of a reading, where it tells it; of the GPU with this number where it is a GPU's.
type Read = fn(&crate::measure::monitor::Reading, usize) -> Option<f64>;
