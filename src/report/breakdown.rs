//! The report's section on where time goes: for each profiled configuration its sentences, its operators and its
//! roofline chart.

use super::{Align, Block};
use crate::app::{State, roofline};
use crate::measure::breakdown::Breakdown;
use crate::measure::profile::{percent, short_provider};
use crate::measure::roof::flops_words;
use crate::units;

/// Profiles in a report.
const PROFILES: usize = 6;
/// Operator types in a table.
const OPERATORS: usize = 10;

/// Adds the section; nothing where nothing was profiled.
pub(super) fn blocks(state: &State, blocks: &mut Vec<Block>) {
    if state.breakdowns.is_empty() {
        return;
    }
    blocks.push(Block::Heading("Where time goes".to_owned()));
    // Those of the chosen measurement come first.
    let chosen = state.chosen_point().and_then(|stored| {
        state.breakdown(&stored.point.model_sha256, &stored.point.config, &stored.point.target)
    });
    let is_chosen = |breakdown: &&Breakdown| chosen.is_some_and(|chosen| std::ptr::eq(chosen, *breakdown));
    let others = state.breakdowns.values().filter(|breakdown| !is_chosen(breakdown));
    for breakdown in chosen.into_iter().chain(others).take(PROFILES) {
        one(breakdown, blocks);
    }
    let more = state.breakdowns.len().saturating_sub(PROFILES);
    if more > 0 {
        blocks.push(Block::Paragraph(format!("{more} more were profiled and are not shown here.")));
    }
}

fn one(breakdown: &Breakdown, blocks: &mut Vec<Block>) {
    let Breakdown { model, config, profile, .. } = breakdown;
    blocks.push(Block::Subheading(format!("{model}, {}", config.words())));
    let fallbacks = breakdown.fallbacks();
    if fallbacks.count > 0 {
        blocks.push(Block::Warning(fallbacks.sentence));
    } else {
        blocks.push(Block::Paragraph(fallbacks.sentence));
    }
    blocks.push(Block::Paragraph(format!("{} {}", breakdown.takes_most(), breakdown.bound())));
    let runs = profile.runs.max(1) as f64;
    let known = |words: Option<String>| words.unwrap_or_else(|| "not known".to_owned());
    let rows = profile.by_op.iter().take(OPERATORS).map(|op| {
        let place = breakdown.place_op(op);
        let place = place.as_ref();
        vec![
            op.op_type.clone(),
            short_provider(&op.provider).to_owned(),
            op.nodes.to_string(),
            units::duration_ms(op.total_nanos as f64 / runs / 1e6),
            percent(op.share),
            known(place.and_then(|place| place.flops_per_second).map(flops_words)),
            known(place.and_then(|place| place.share_of_compute_roof).map(percent)),
            known(place.and_then(|place| place.share_of_memory_roof).map(percent)),
        ]
    });
    let left_out = profile.by_op.len().saturating_sub(OPERATORS);
    let more = (left_out > 0).then(|| format!("{left_out} more operator types take less time."));
    let caption: Vec<String> = breakdown.profiling_cost().into_iter().chain(more).collect();
    blocks.push(Block::Table {
        head: ["Operator", "Provider", "Nodes", "Time a run", "Share", "FLOP/s", "Of roof", "Of copying"]
            .map(str::to_owned)
            .to_vec(),
        rows: rows.collect(),
        align: [Align::Left; 2].into_iter().chain([Align::Right; 6]).collect(),
        caption: caption.join(" "),
    });
    if let Some(chart) = roofline::chart(breakdown, false) {
        blocks.push(Block::Figure { chart: Box::new(chart), caption: String::new() });
    }
}
