//! How sure a measurement is, in words: its intervals, why it stopped, what its latencies did, what makes it doubtful.

use egui::{RichText, Ui};

use super::columns;
use super::looked::RunFigures;
use crate::app::project::Stored;
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::stats::{DEFINITION, Verdict};
use crate::measure::{Ended, Estimate, Point};
use crate::ui::pages::parts::{config_words, halves_ui};
use crate::ui::theme::{Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{
    Badge, Icon, Tone, banner_ui, card_ui, chart_ui, count_words, icon_ui, section_header_ui,
};
use crate::units;

/// Height of the chart of percentiles.
const CHART_HEIGHT: f32 = 232.0;

/// Precision, in words: `p50 1.02 ms ±1.3 %, p99 2.10 ms ±4.1 %, over 4 runs of 20,000 queries in all; as precise as
/// asked`.
pub(super) fn precision_words(stored: &Stored) -> String {
    let summary = &stored.summary;
    let value = |name: &str, estimate: &Estimate| {
        let doubt = estimate.doubt().map(|doubt| format!(" {doubt}")).unwrap_or_default();
        match estimate.ms {
            Some(ms) => format!("{name} {}{doubt}", units::duration_ms(ms)),
            None => format!("{name} not known ({})", estimate.words()),
        }
    };
    let s = if summary.runs == 1 { "" } else { "s" };
    let mut words = format!(
        "{}, {}, from {} run{s} with {} queries that count",
        value("p50", &summary.p50),
        value("p99", &summary.p99),
        summary.runs,
        count_words(summary.samples)
    );
    if summary.runs == 1 {
        words.push_str(". One run has no interval: another may differ more than its own samples tell");
    }
    let ended = stored.point.ended.as_ref();
    let ended = ended.map_or("more runs are to come, or the sweep was stopped".into(), Ended::words);
    format!("{words}. Stopped: {ended}.")
}

/// What the runs' latencies did over time: `4 of 5 runs are steady; 1 drifts`.
pub(super) fn steadiness_words(point: &Point) -> Option<String> {
    let verdicts: Vec<Verdict> = point
        .runs
        .iter()
        .filter_map(|run| run.measured.steadiness.as_ref().map(|found| found.verdict))
        .collect();
    let all = verdicts.len();
    if all == 0 {
        return None;
    }
    if let ([_], [run]) = (verdicts.as_slice(), point.runs.as_slice()) {
        return run.measured.steadiness.as_ref().map(|found| found.sentence.clone());
    }
    let count = |is: fn(&Verdict) -> bool| verdicts.iter().filter(|verdict| is(verdict)).count();
    let groups = [
        (count(|verdict| matches!(verdict, Verdict::Flat)), "steady from the start"),
        (count(|verdict| matches!(verdict, Verdict::WarmUp)), "steady after a warm-up"),
        (count(|verdict| matches!(verdict, Verdict::Drift)), "drifting"),
        (count(|verdict| matches!(verdict, Verdict::NoSteadyState)), "without a steady state"),
        (count(|verdict| matches!(verdict, Verdict::TooFew { .. })), "too short to tell"),
    ];
    let words: Vec<String> = groups
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| if *count == all { what.to_string() } else { format!("{count} {what}") })
        .collect();
    Some(match words.as_slice() {
        [one] => format!("All {all} runs are {one}."),
        several => format!("Of {all} runs, {}.", several.join(", ")),
    })
}

/// Outliers of all runs, in a sentence; `None` while they are worked out.
pub(super) fn outlier_words(figures: &[RunFigures]) -> Option<String> {
    match figures {
        [] => None,
        [one] => Some(one.outliers.sentence()),
        several => {
            let count: usize = several.iter().map(|run| run.outliers.count()).sum();
            let samples: usize = several.iter().map(|run| run.outliers.samples).sum();
            let severe: usize =
                several.iter().map(|run| run.outliers.low_severe + run.outliers.high_severe).sum();
            if count == 0 {
                return Some(format!("No outliers among {} samples.", count_words(samples as u64)));
            }
            let share = 100.0 * count as f64 / samples.max(1) as f64;
            let (count, severe, samples) =
                (count_words(count as u64), count_words(severe as u64), count_words(samples as u64));
            Some(format!(
                "Outliers, kept: {count} of {samples} samples ({share:.2} %), {severe} of them severe."
            ))
        }
    }
}

/// The card.
pub(super) fn card(ui: &mut Ui, view: &mut View<'_>, stored: &Stored, figures: &[RunFigures]) {
    let point = &stored.point;
    card_ui(ui, |ui| {
        let name = point.model.trim_end_matches(".onnx");
        section_header_ui(ui, name, &config_words(&point.config), |_| {});
        for reason in point.invalid() {
            banner_ui(ui, Tone::Danger, &format!("Not valid: {reason}"));
        }
        sentence_ui(ui, Tone::Info, &precision_words(stored), "");
        if let Some(words) = steadiness_words(point) {
            let tone = match columns::steadiness(point) {
                Some(Badge::Steady) => Tone::Good,
                Some(Badge::Short) | None => Tone::Info,
                Some(_) => Tone::Warning,
            };
            let each: Vec<String> = point
                .runs
                .iter()
                .enumerate()
                .filter_map(|(place, run)| {
                    Some(format!("Run {}: {}", place + 1, run.measured.steadiness.as_ref()?.sentence))
                })
                .collect();
            sentence_ui(ui, tone, &words, &each.join("\n"));
        }
        if let Some(words) = outlier_words(figures) {
            let each: Vec<String> = figures
                .iter()
                .enumerate()
                .map(|(place, run)| format!("Run {}: {}", place + 1, run.outliers.sentence()))
                .collect();
            sentence_ui(ui, Tone::Info, &words, &each.join("\n"));
        }
        ui.add_space(space::XS);
        halves_ui(ui, |ui, left| {
            if left {
                percentiles_ui(ui, stored);
            } else {
                chart_ui(ui, view, &percentile_chart(stored), CHART_HEIGHT, None);
            }
        });
    });
}

/// A sentence with an icon; `hover` = more of it.
fn sentence_ui(ui: &mut Ui, tone: Tone, text: &str, hover: &str) {
    let tokens = Tokens::of(ui);
    let (colour, icon) = tone.dress(tokens);
    let colour = if icon == Icon::Info { tokens.text_quiet } else { colour };
    ui.horizontal_top(|ui| {
        icon_ui(ui, icon, colour);
        let label = ui.add(egui::Label::new(RichText::new(text).color(tokens.text)).wrap());
        if !hover.is_empty() {
            label.on_hover_text(hover);
        }
    });
}

/// p50 to p99.9 with intervals and bounds.
fn percentiles_ui(ui: &mut Ui, stored: &Stored) {
    let tokens = Tokens::of(ui);
    let quiet = |text: &str| RichText::new(text).small().color(tokens.text_quiet);
    let roomy = ui.available_width() > 440.0;
    ui.spacing_mut().interact_size.y = 20.0;
    egui::Grid::new("percentiles").num_columns(4).spacing(egui::vec2(space::L, 6.0)).min_row_height(22.0).show(
        ui,
        |ui| {
            ui.label(quiet("Percentile")).on_hover_text(DEFINITION);
            ui.label(quiet("Latency")).on_hover_text(
                "With several runs that of a typical run: the geometric mean of the runs' own percentiles, which are \
                 interpolated (Hazen); with one run a sample",
            );
            ui.label(quiet("95 % interval")).on_hover_text("Over independent runs, never over the samples of one");
            ui.label(quiet("At most")).on_hover_text(
                "MLPerf's early-stopping bound: at 99 % confidence the percentile is not above it, were the samples \
                 independent of each other",
            );
            ui.end_row();
            for (name, estimate) in stored.summary.percentiles() {
                percentile_row_ui(ui, name, &estimate, roomy);
            }
        },
    );
}

/// One line of them.
fn percentile_row_ui(ui: &mut Ui, name: &str, estimate: &Estimate, roomy: bool) {
    let tokens = Tokens::of(ui);
    let quiet = |text: &str| RichText::new(text).small().color(tokens.text_quiet);
    ui.label(RichText::new(name).color(tokens.text_quiet));
    let Some(ms) = estimate.ms else {
        ui.label(quiet("–"));
        ui.label(quiet(&estimate.words()));
        ui.end_row();
        return;
    };
    ui.label(RichText::new(units::duration_ms(ms)).color(tokens.text));
    ui.horizontal(|ui| {
        if let Some((low, high)) = estimate.interval_ms.filter(|_| is_too_wide(estimate)) {
            ui.label(quiet("wider than the value itself")).on_hover_text(format!(
                "{} – {}: the runs differ too much, or are too few",
                units::duration_ms(low),
                units::duration_ms(high)
            ));
        } else if let Some((low, high)) = estimate.interval_ms {
            ui.label(format!("{} – {}", units::duration_ms(low), units::duration_ms(high)));
            if roomy {
                ui.label(quiet(&estimate.doubt().unwrap_or_default()));
            }
        } else {
            ui.label(quiet("none: one run, or too short runs"));
        }
    });
    match estimate.bound_ms {
        Some(bound) => ui.label(units::duration_ms(bound)),
        None => ui.label(quiet("–")),
    };
    ui.end_row();
}

/// Whether an interval is so wide that its ends mean nothing.
fn is_too_wide(estimate: &Estimate) -> bool {
    estimate.relative_half_width().is_some_and(|width| width >= 1.0)
}

/// The same as a chart.
fn percentile_chart(stored: &Stored) -> Chart {
    let percentiles = stored.summary.percentiles();
    let known = || percentiles.iter().filter_map(|(_, estimate)| estimate.ms);
    let (low, high) = (known().fold(f64::INFINITY, f64::min), known().fold(0.0, f64::max));
    // A tail that is decades away would press the rest onto the axis.
    let scale = if high > 10.0 * low { Scale::Log10 } else { Scale::Linear { from_zero: true } };
    let names = percentiles.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut chart = Chart::new(
        "percentiles",
        "Percentiles of latency",
        Axis::new("", "", Scale::Categories(names)),
        Axis::new("Latency", "ms", scale),
    );
    let data = percentiles
        .iter()
        .enumerate()
        .filter_map(|(place, (name, estimate))| {
            let ms = estimate.ms?;
            let mut hover = vec![((*name).to_owned(), units::duration_ms(ms))];
            if let Some((low, high)) = estimate.interval_ms {
                let interval = format!("{} – {}", units::duration_ms(low), units::duration_ms(high));
                hover.push(("95 % interval".to_owned(), interval));
            }
            if let Some(bound) = estimate.bound_ms {
                hover.push(("At most, 99 %".to_owned(), units::duration_ms(bound)));
            }
            Some(Datum {
                hover,
                interval: estimate
                    .interval_ms
                    .filter(|_| !is_too_wide(estimate))
                    .map(|(low, high)| [low, high]),
                ..Datum::new(place as f64, ms)
            })
        })
        .collect();
    chart.marks.push(Mark::Line {
        name: "Latency".to_owned(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers: true,
        second_axis: false,
    });
    if percentiles.iter().any(|(_, estimate)| estimate.interval_ms.is_some()) {
        chart.notes.push("Whiskers: 95 % interval over runs.".to_owned());
    }
    let wide: Vec<&str> =
        percentiles.iter().filter(|(_, estimate)| is_too_wide(estimate)).map(|(name, _)| *name).collect();
    if !wide.is_empty() {
        let wide = wide.join(", ");
        chart.notes.push(format!("Not drawn: intervals wider than the value itself ({wide})."));
    }
    chart
}
