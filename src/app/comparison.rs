//! Two models beside each other: what differs in the files, in the measurements, in what they answer.

use std::collections::{BTreeMap, BTreeSet};

use super::derive::{latest, same_machine};
use super::figures;
use super::project::Stored;
use super::state::State;
use super::tradeoff::cost_per_million;
use crate::chart::Chart;
use crate::hardware::Difference;
use crate::measure::Estimate;
use crate::measure::agreement::Agreement;
use crate::measure::duel::Duel;
use crate::model::Model;
use crate::units::Money;

/// A pair of models. Every ratio is B ÷ A: below 1 means B is smaller, quicker or cheaper.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The model compared with.
    pub a: Side,
    /// The model compared.
    pub b: Side,
    /// File size and external data, B ÷ A.
    pub size_ratio: Option<f64>,
    /// Nodes by operator type: A, B. Types in either are listed.
    pub operators: BTreeMap<String, (u64, u64)>,
    /// Configurations measured for both.
    pub speed: Vec<Speed>,
    /// Agreement of outputs on the same inputs, once computed.
    pub agreement: Option<Agreement>,
    /// The latest race between the two, once run.
    pub duel: Option<Duel>,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// The model.
    pub model: Model,
    /// Share of the labelled set answered rightly.
    pub accuracy: Option<f64>,
}

/// A configuration measured for both models.
#[derive(Debug, Clone, PartialEq)]
pub struct Speed {
    /// Items in one inference.
    pub batch: u64,
    /// Threads of a session.
    pub threads: u32,
    /// Execution provider.
    pub provider: String,
    /// The machine that measured both, where that is another than this; else empty.
    pub machine: String,
    /// Median latency of A and B.
    pub p50: (Estimate, Estimate),
    /// 99th percentile of A and B.
    pub p99: (Estimate, Estimate),
    /// Items per second of A and B.
    pub throughput_per_second: (f64, f64),
    /// Cost of a million items of A and B on the priced machine, where both are known.
    pub cost_per_million: Option<(Money, Money)>,
    /// In what the machines that measured A and B differ; empty where they are alike.
    pub differences: Vec<Difference>,
    /// Why a measurement of A or B is not valid by its own rules; empty where both are.
    pub invalid: Vec<String>,
}

impl Speed {
    /// Median latency, B ÷ A; NaN where one has too few samples.
    pub fn latency_ratio(&self) -> f64 {
        self.p50.1.or_nan() / self.p50.0.or_nan()
    }

    /// Throughput, B ÷ A.
    pub fn throughput_ratio(&self) -> f64 {
        self.throughput_per_second.1 / self.throughput_per_second.0
    }
}

/// Compares two models of the project by hash; `None` when one is not there.
pub fn compare(state: &State, a: &str, b: &str) -> Option<Comparison> {
    let side = |sha256: &str| {
        state.model(sha256).map(|entry| Side { model: entry.model.clone(), accuracy: entry.accuracy })
    };
    let (side_a, side_b) = (side(a)?, side(b)?);
    let size = |side: &Side| (side.model.file_bytes as f64).max(side.model.weight_bytes as f64);
    let types: BTreeSet<&String> =
        side_a.model.operators.keys().chain(side_b.model.operators.keys()).collect();
    let count = |side: &Side, name: &String| side.model.operators.get(name).copied().unwrap_or(0);
    let operators =
        types.into_iter().map(|name| (name.clone(), (count(&side_a, name), count(&side_b, name)))).collect();

    let key = |stored: &Stored| {
        let config = &stored.point.config;
        (config.batch, config.threads, config.provider.clone(), config.key())
    };
    let of = |sha256: &str| {
        let mut points: BTreeMap<_, Vec<&Stored>> = BTreeMap::new();
        for stored in latest(state).into_iter().filter(|stored| stored.point.model_sha256 == sha256) {
            points.entry(key(stored)).or_default().push(stored);
        }
        points
    };
    let (points_a, points_b) = (of(a), of(b));
    let price =
        |stored: &Stored| cost_per_million(stored, state.price_profile()?, state.scenario.utilisation).ok();
    let speed = points_a
        .iter()
        .filter_map(|(config, of_a)| Some((config, of_a, points_b.get(config)?)))
        .flat_map(|(config, of_a, of_b)| {
            let mut pairs = pairs(of_a, of_b);
            pairs.sort_by_key(|(on_a, _)| !same_machine(state, on_a));
            pairs.into_iter().map(move |pair| (config, pair))
        })
        .map(|(config, (on_a, on_b))| {
            let (sum_a, sum_b) = (&on_a.summary, &on_b.summary);
            let (batch, threads, provider, _key) = config.clone();
            let machine = &on_a.point.fingerprint;
            let is_elsewhere =
                machine.is_same_machine(&on_b.point.fingerprint) && !machine.is_same_machine(&state.machine);
            Speed {
                machine: if is_elsewhere { machine.identity() } else { String::new() },
                batch,
                threads,
                provider,
                p50: (sum_a.p50, sum_b.p50),
                p99: (sum_a.p99, sum_b.p99),
                throughput_per_second: (sum_a.throughput_per_second, sum_b.throughput_per_second),
                cost_per_million: price(on_a).zip(price(on_b)),
                differences: on_a.point.fingerprint.differences(&on_b.point.fingerprint),
                invalid: [on_a, on_b]
                    .into_iter()
                    .flat_map(|stored| {
                        stored.point.invalid().into_iter().map(|why| (&stored.point.model, why))
                    })
                    .map(|(model, why)| format!("{model}: not valid: {why}"))
                    .collect(),
            }
        })
        .collect();
    let whole = size(&side_a);
    Some(Comparison {
        size_ratio: (whole > 0.0).then(|| size(&side_b) / whole),
        operators,
        speed,
        agreement: state.agreements.get(&(a.to_owned(), b.to_owned())).cloned(),
        duel: state.duel(a, b),
        a: side_a,
        b: side_b,
    })
}

/// Measurements of one configuration of two models as pairs: of each machine that measured both; where none did, the
/// latest of either.
fn pairs<'s>(of_a: &[&'s Stored], of_b: &[&'s Stored]) -> Vec<(&'s Stored, &'s Stored)> {
    let on_one = of_a.iter().filter_map(|on_a| {
        let machine = &on_a.point.fingerprint;
        let on_b = of_b.iter().find(|on_b| on_b.point.fingerprint.is_same_machine(machine))?;
        Some((*on_a, *on_b))
    });
    let mut pairs: Vec<(&Stored, &Stored)> = on_one.collect();
    if pairs.is_empty() {
        pairs.extend(of_a.last().copied().zip(of_b.last().copied()));
    }
    pairs
}

/// The comparison in one sentence, of what is known.
pub fn headline(comparison: &Comparison) -> String {
    let mut parts = Vec::new();
    // Where the two were run in turn, that says which is faster: runs apart from each other say it less well.
    let raced = comparison.duel.is_some();
    if let Some(first) = comparison.speed.first().filter(|_| !raced) {
        let ratio = 1.0 / first.latency_ratio();
        let s = if first.threads == 1 { "" } else { "s" };
        let at = format!("at batch {}, {} thread{s} (p50)", first.batch, first.threads);
        parts.push(if ratio >= 1.0 {
            format!("{ratio:.2}× as fast {at}")
        } else {
            format!("{:.2}× as slow {at}", 1.0 / ratio)
        });
    }
    match comparison.size_ratio {
        Some(ratio) if ratio > 0.0 && ratio <= 1.0 => parts.push(format!("{:.1}× smaller", 1.0 / ratio)),
        Some(ratio) if ratio > 1.0 => parts.push(format!("{ratio:.1}× larger")),
        _ => {}
    }
    // On random inputs an argmax says little; on a labelled set it is the share of answers that stay the same.
    let labelled = comparison.a.accuracy.is_some();
    if let Some(top1) =
        comparison.agreement.as_ref().and_then(|agreement| agreement.top1).filter(|_| labelled)
    {
        parts.push(format!("answers the same in {:.1} % of cases", top1 * 100.0));
    }
    if let (Some(a), Some(b)) = (comparison.a.accuracy, comparison.b.accuracy) {
        parts.push(format!("{:.1} % right against {:.1} %", b * 100.0, a * 100.0));
    }
    let (name_a, name_b) = (&comparison.a.model.name, &comparison.b.model.name);
    if parts.is_empty() && raced {
        return format!("{name_b} against {name_a}.");
    }
    if parts.is_empty() {
        return format!("{name_b} and {name_a} have not been measured at the same batch and threads yet.");
    }
    format!("{name_b} against {name_a}: {}.", parts.join(", "))
}

/// Latency by batch of the compared pair, at the fewest threads both were measured at.
///
/// # Errors
/// In words, when there is nothing to compare.
pub fn chart(state: &State) -> Result<Chart, &'static str> {
    let (a, b) = state
        .compared_pair()
        .ok_or("the project needs two models to compare; take them in: inferometer import A B")?;
    let compared = compare(state, &a, &b);
    let threads = compared.and_then(|compared| compared.speed.iter().map(|speed| speed.threads).min());
    let threads = threads.ok_or("the two models have not been measured at the same batch and threads yet")?;
    Ok(figures::compared(state, &a, &b, threads))
}

/// In what the machines that measured the two differ, in words, each once: `governor: performance for full.onnx,
/// powersave for small.onnx`.
pub fn machine_differences(comparison: &Comparison) -> Vec<String> {
    let (a, b) = (&comparison.a.model.name, &comparison.b.model.name);
    let mut words = Vec::new();
    for Difference { what, ours, theirs } in comparison.speed.iter().flat_map(|speed| &speed.differences) {
        let sentence = format!("{what}: {ours} for {a}, {theirs} for {b}");
        if !words.contains(&sentence) {
            words.push(sentence);
        }
    }
    words
}

/// Differences by operator type as text: `QuantizeLinear +12`.
pub fn operator_differences(comparison: &Comparison) -> Vec<String> {
    comparison
        .operators
        .iter()
        .filter(|(_, (a, b))| a != b)
        .map(|(name, (a, b))| if b > a { format!("{name} +{}", b - a) } else { format!("{name} −{}", a - b) })
        .collect()
}
