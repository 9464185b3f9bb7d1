//! `inferometer compare A B`: size, speed and answers of two models.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::args::Compare;
use super::session::Session;
use super::{bench, points, race, table, targets};
use crate::app::comparison::{self, Comparison};
use crate::app::{Agreeing, Command, Measure, derive};
use crate::measure::agreement::Question;
use crate::measure::inputs::Arrays;
use crate::measure::sweep;
use crate::units;

pub(super) fn run(session: &mut Session, what: &Compare) -> anyhow::Result<()> {
    let dims: BTreeMap<String, u64> = match sweep::shapes_of(&what.sweep.dims).as_slice() {
        [one] => one.clone(),
        _ => bail!("two models are compared at one input shape; give each --dim one size"),
    };
    if let Some(inputs) = &what.sweep.inputs {
        Arrays::open(inputs)?;
    }
    let target = targets::of(session, &what.there)?;
    let there = session.app.target_prefix(target.as_deref());
    let config = race::config(&what.sweep, &dims)?;
    let Some(path_b) = &what.b else { return race::against(session, what, config, target) };
    let models = session.all_models(&[what.a.clone(), path_b.clone()])?;
    let [a, b] = models.as_slice() else {
        bail!(
            "the two files are the same model; name two that differ, or `--against` other settings: {}",
            path_b.display()
        );
    };
    let (a, b) = (a.clone(), b.clone());
    // First, because it tells whether the inputs fit before anything long is begun.
    agree(session, (&a, &b), what, dims.clone(), target.clone())?;
    // What the project has measured already is not measured again.
    let state = session.app.state();
    let known = |sha256: &String, batch: u64, threads: u32, provider: &String| {
        derive::latest(state).iter().any(|stored| {
            let config = &stored.point.config;
            let same = (config.batch, config.threads, &config.provider, &config.dims);
            stored.point.model_sha256 == *sha256
                && stored.point.target == there
                && (!there.is_empty() || derive::same_machine(state, stored))
                && config.is_plain_but_for_optimisation()
                && what.sweep.optimisation.first().is_none_or(|wanted| *wanted == config.optimisation)
                && same == (batch, threads, provider, &dims)
        })
    };
    let missing = models.iter().any(|sha256| {
        what.sweep.batch.iter().any(|batch| {
            what.sweep.threads.iter().any(|threads| {
                what.sweep.provider.iter().any(|provider| !known(sha256, *batch, *threads, provider))
            })
        })
    });
    if missing {
        // A labelled set has one shape for all batches; speed is measured on generated inputs.
        let sweep = super::args::Sweep { inputs: None, ..what.sweep.clone() };
        // One query at a time on one session: what each model does alone.
        let load = super::args::Load { scenario: Vec::new(), idle: Vec::new(), instances: vec![1] };
        let sweep = bench::sweep_of(sweep, &load);
        session.run(Command::Measure(Box::new(Measure { models, sweep, target: target.clone() })))?;
        if let Some(failure) = session.app.state().failures.first() {
            bail!("{}: {}", failure.model, failure.message);
        }
    }
    let (raced, done) = if what.no_race {
        (None, Ok(()))
    } else {
        race::known_or_run(session, [(a.clone(), config.clone()), (b.clone(), config)], None, what, target)
    };
    let comparison =
        comparison::compare(session.app.state(), &a, &b).context("a model left the project meanwhile")?;
    if session.json {
        let mut document = document(&comparison);
        document["race"] = Value::Null;
        if let Some(duel) = &raced {
            document["race"] = race::document(session, duel)?;
            document = session.app.race_document(document, duel)?;
        }
        Session::print_json(&document)?;
    } else {
        print(&comparison);
        if let Some(duel) = &raced {
            say!("");
            race::print(duel);
        }
    }
    done?;
    if comparison.speed.iter().any(|speed| !speed.invalid.is_empty()) {
        bail!("a measurement compared is not valid; the reasons are with it");
    }
    Ok(())
}

/// Has both models answer the same inputs.
fn agree(
    session: &mut Session,
    (a, b): (&str, &str),
    what: &Compare,
    dims: BTreeMap<String, u64>,
    target: Option<String>,
) -> anyhow::Result<()> {
    let defaults = Question::default();
    let question = Question {
        provider: what.sweep.provider.first().cloned().unwrap_or(defaults.provider),
        threads: what.sweep.threads.first().copied().unwrap_or(defaults.threads),
        dims,
        seed: what.sweep.seed,
        inputs: what.sweep.inputs.as_ref().map(std::path::absolute).transpose()?,
    };
    let inputs_named = question.inputs.is_some() || !question.dims.is_empty();
    // The project's labelled set is used where nothing else is asked for.
    let own = inputs_named || session.app.state().labelled.is_none();
    let agreeing = Agreeing { a: a.to_owned(), b: b.to_owned(), question: own.then_some(question), target };
    session.run(Command::AgreeOn(Box::new(agreeing)))
}

/// The documented JSON form of a comparison. Ratios are B ÷ A.
fn document(comparison: &Comparison) -> Value {
    let mut by_batch = Map::new();
    for speed in &comparison.speed {
        let entry = json!({
            "threads": speed.threads,
            "provider": speed.provider,
            "machine": speed.machine,
            "p50": speed.latency_ratio(),
            "p99": speed.p99.1.or_nan() / speed.p99.0.or_nan(),
            "throughput": speed.throughput_ratio(),
            "a_p50_ms": speed.p50.0.ms,
            "b_p50_ms": speed.p50.1.ms,
            "a_throughput_per_second": speed.throughput_per_second.0,
            "b_throughput_per_second": speed.throughput_per_second.1,
            "machine_differences": speed.differences,
            "invalid": speed.invalid,
        });
        // Fewest threads first; the others follow under `batch@threads`, with provider and machine where it takes them.
        let mut key = speed.batch.to_string();
        for more in
            [format!("@{}", speed.threads), format!(" {}", speed.provider), format!(" {}", speed.machine)]
        {
            if by_batch.contains_key(&key) {
                key.push_str(&more);
            }
        }
        by_batch.insert(key, entry);
    }
    let agreement = comparison.agreement.as_ref();
    let mut document = json!({
        "a": super::inspect::document(&comparison.a.model),
        "b": super::inspect::document(&comparison.b.model),
        "size_ratio": comparison.size_ratio,
        "parameters_ratio": ratio(comparison.b.model.parameters, comparison.a.model.parameters),
        "latency_ratio": { "batch": by_batch },
        "agreement": agreement.map(|agreement| json!({
            "max_abs": agreement.max_abs,
            "mean_abs": agreement.mean_abs,
            "cosine": agreement.cosine,
            "top1": agreement.top1,
            "samples": agreement.samples,
            "non_finite": agreement.non_finite,
            "target": agreement.target,
        })),
        "accuracy": {
            "a": comparison.a.accuracy,
            "b": comparison.b.accuracy,
        },
    });
    if agreement.is_some_and(|agreement| agreement.top1.is_none()) {
        document["agreement"]["top1_reason"] = json!("no output is a row of scores for each item");
    }
    if comparison.a.accuracy.is_none() {
        document["accuracy"]["reason"] =
            json!("no labelled set was given; --inputs takes an .npz with the inputs and `labels`");
    }
    document
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn print(comparison: &Comparison) {
    say!("{}\n", comparison::headline(comparison));
    let (a, b) = (&comparison.a.model, &comparison.b.model);
    let mut rows = vec![
        vec!["file".to_owned(), units::bytes(a.file_bytes), units::bytes(b.file_bytes)],
        vec!["weights".to_owned(), units::bytes(a.weight_bytes), units::bytes(b.weight_bytes)],
        vec!["parameters".to_owned(), units::si(a.parameters as f64), units::si(b.parameters as f64)],
    ];
    let flops = |flops: Option<u64>| flops.map_or_else(|| "not known".to_owned(), |f| units::si(f as f64));
    rows.push(vec!["FLOPs".to_owned(), flops(a.flops.total), flops(b.flops.total)]);
    let percent =
        |share: Option<f64>| share.map_or_else(|| "not known".to_owned(), |s| format!("{:.2} %", s * 100.0));
    rows.push(vec!["accuracy".to_owned(), percent(comparison.a.accuracy), percent(comparison.b.accuracy)]);
    table::print(&["", &a.name, &b.name], &rows);
    let differences = comparison::operator_differences(comparison);
    if !differences.is_empty() {
        say!("operators   {}", differences.join(", "));
    }
    say!("");
    let mut notes = points::Notes::default();
    for (row, speed) in comparison.speed.iter().enumerate() {
        speed.invalid.iter().for_each(|why| notes.add(row, why));
    }
    let mut rows: Vec<Vec<String>> = comparison
        .speed
        .iter()
        .map(|speed| {
            vec![
                speed.batch.to_string(),
                speed.threads.to_string(),
                speed.p50.0.words(),
                speed.p50.1.words(),
                format!("{:.2}", speed.latency_ratio()),
                units::three_digits(speed.throughput_per_second.0),
                units::three_digits(speed.throughput_per_second.1),
                format!("{:.2}", speed.throughput_ratio()),
            ]
        })
        .collect();
    let mut head = vec!["batch", "threads", "p50 A", "p50 B", "B ÷ A", "items/s A", "items/s B", "B ÷ A"];
    if comparison.speed.iter().any(|speed| speed.provider != "CPU") {
        head.push("provider");
        rows.iter_mut().zip(&comparison.speed).for_each(|(row, speed)| row.push(speed.provider.clone()));
    }
    if comparison.speed.iter().any(|speed| !speed.machine.is_empty()) {
        head.push("machine");
        let machine = |speed: &comparison::Speed| match speed.machine.as_str() {
            "" => "this one".to_owned(),
            other => other.to_owned(),
        };
        rows.iter_mut().zip(&comparison.speed).for_each(|(row, speed)| row.push(machine(speed)));
    }
    if !notes.is_empty() {
        head.push("notes");
        rows.iter_mut().enumerate().for_each(|(place, row)| row.push(notes.marks(place)));
    }
    table::print(&head, &rows);
    for line in notes.lines(rows.len()) {
        say!("{line}");
    }
    for difference in comparison::machine_differences(comparison) {
        say!("not measured on the same machine: {difference}");
    }
    if let Some(agreement) = &comparison.agreement {
        let there =
            if agreement.target.is_empty() { String::new() } else { format!(", on `{}`", agreement.target) };
        say!(
            "\noutputs on {} inputs{}: largest difference {}, mean {}, cosine {}, same top-1 {}",
            agreement.samples,
            there,
            units::three_digits(agreement.max_abs),
            units::three_digits(agreement.mean_abs),
            units::three_digits(agreement.cosine),
            percent(agreement.top1)
        );
        if agreement.non_finite > 0 {
            say!(
                "{} values are not finite in one of them and are not among these numbers",
                agreement.non_finite
            );
        }
    }
}
