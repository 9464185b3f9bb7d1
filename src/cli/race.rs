//! `inferometer selftest`, and the part of `compare` that runs both sides in turn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::{Map, Value, json};

use super::args::{self, Compare, Selftest, Sweep};
use super::session::Session;
use super::targets;
use crate::app::{Command, Race, unpack_sample};
use crate::measure::duel::{Contender, Duel, Round, Settings};
use crate::measure::inputs;
use crate::measure::stats::{Decision, Percentile, Ratio};
use crate::measure::{Config, Optimisation, Scenario};
use crate::units;

/// The sample model that a machine is tested with.
const SAMPLE: &str = "digits-cnn.onnx";

fn settings(race: &args::Race) -> Settings {
    Settings {
        groups: race.processes,
        seconds: race.seconds,
        within: race.within / 100.0,
        ..Settings::default()
    }
}

/// The configuration that two models are run in turn at: the first of each list, one query at a time.
pub(super) fn config(sweep: &Sweep, dims: &BTreeMap<String, u64>) -> anyhow::Result<Config> {
    Ok(Config {
        batch: sweep.batch.first().copied().unwrap_or(1),
        threads: sweep.threads.first().copied().unwrap_or(1),
        provider: sweep.provider.first().cloned().unwrap_or_else(|| "CPU".to_owned()),
        dims: dims.clone(),
        seconds: 0.0,
        min_queries: 0,
        seed: sweep.seed,
        inputs: sweep.inputs.as_deref().map(inputs::identity).transpose()?,
        instances: 1,
        optimisation: sweep.optimisation.first().copied().unwrap_or(Optimisation::All),
        scenario: Scenario::SingleStream,
    })
}

/// The race of two sides that the project has, or a new one; what was found, and whether it came to its end.
pub(super) fn known_or_run(
    session: &mut Session,
    [a, b]: [(String, Config); 2],
    library: Option<&Path>,
    what: &Compare,
    target: Option<String>,
) -> (Option<Duel>, anyhow::Result<()>) {
    let there = session.app.target_prefix(target.as_deref());
    let inputs = match absolute(what.sweep.inputs.as_ref()) {
        Ok(inputs) => inputs,
        Err(error) => return (None, Err(error)),
    };
    let find = |session: &Session| {
        let (a, b) = ((a.0.as_str(), &a.1), (b.0.as_str(), &b.1));
        session.app.state().duel_of(a, Some(b), library, &there)
    };
    // The file of a library may be another one by now: it is run again.
    let known = find(session).filter(|duel| duel.is_whole() && !what.race_again && library.is_none());
    if known.is_some() {
        return (known, Ok(()));
    }
    let (settings, library) = (settings(&what.race), library.map(Path::to_owned));
    let race = Race { a: a.clone(), b: Some(b.clone()), library, settings, inputs, target };
    run(session, race, find)
}

/// Runs a race and gives what `find` finds of it, and whether it came to its end.
fn run(
    session: &mut Session,
    race: Race,
    find: impl Fn(&Session) -> Option<Duel>,
) -> (Option<Duel>, anyhow::Result<()>) {
    let before = find(session);
    let done = session.run(Command::Duel(Box::new(race)));
    // One that found nothing does not make an older one its own.
    let found = find(session).filter(|duel| Some(duel) != before.as_ref());
    found_or_too_few(found, done)
}

/// A race that came to its end has found something, or had too few blocks.
fn found_or_too_few(found: Option<Duel>, done: anyhow::Result<()>) -> (Option<Duel>, anyhow::Result<()>) {
    let too_few = found.is_none() && done.is_ok();
    let problem = || anyhow::anyhow!("too few blocks were run to say anything; give --race-seconds more");
    (found, if too_few { Err(problem()) } else { done })
}

fn absolute(path: Option<&PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    Ok(path.map(std::path::absolute).transpose()?)
}

/// `compare A --against provider=OpenVINO`: one model under two settings.
pub(super) fn against(
    session: &mut Session,
    what: &Compare,
    config: Config,
    target: Option<String>,
) -> anyhow::Result<()> {
    let (other, library) = changed(&config, &what.against)?;
    if other.key() == config.key() && library.is_none() {
        bail!("--against {} changes nothing; name a setting that differs", what.against.join(","));
    }
    let models = session.all_models(std::slice::from_ref(&what.a))?;
    let model = models.first().context("the model left the project meanwhile")?.clone();
    let (found, done) =
        known_or_run(session, [(model.clone(), config), (model, other)], library.as_deref(), what, target);
    let Some(duel) = found else { return done };
    if session.json {
        let document = json!({ "race": document(session, &duel)? });
        Session::print_json(&session.app.race_document(document, &duel)?)?;
    } else {
        print(&duel);
    }
    done
}

/// A configuration with some settings changed (`threads=2`), and the library that is named (`runtime=LIBRARY`).
fn changed(config: &Config, settings: &[String]) -> anyhow::Result<(Config, Option<PathBuf>)> {
    let (mut config, mut library) = (config.clone(), None);
    for setting in settings {
        let (name, value) = setting.split_once('=').with_context(|| {
            format!("`{setting}` is no setting; write it as NAME=VALUE, such as threads=2")
        })?;
        let (name, value) = (name.trim(), value.trim());
        let number = || format!("--against {name}: `{value}` is no whole number from 1");
        match name {
            // Names a file of the machine that runs it.
            "runtime" => library = Some(PathBuf::from(value)),
            "provider" => value.clone_into(&mut config.provider),
            "threads" => {
                config.threads = value.parse().ok().filter(|count| *count > 0).with_context(number)?;
            }
            "batch" => config.batch = value.parse().ok().filter(|count| *count > 0).with_context(number)?,
            "optimisation" => {
                config.optimisation =
                    value.parse().map_err(|problem| anyhow::anyhow!("--against optimisation: {problem}"))?;
            }
            _ => {
                bail!("`{name}` is no setting; there are provider, threads, batch, optimisation and runtime")
            }
        }
    }
    Ok((config, library))
}

pub(super) fn selftest(session: &mut Session, what: &Selftest) -> anyhow::Result<()> {
    let path = match &what.model {
        Some(path) => path.clone(),
        None => sample(session)?,
    };
    let models = session.all_models(&[path])?;
    let model = models.first().context("the model left the project meanwhile")?.clone();
    let config = Config {
        batch: what.batch,
        threads: what.threads,
        provider: what.provider.clone(),
        dims: BTreeMap::new(),
        seconds: 0.0,
        min_queries: 0,
        seed: 1,
        inputs: what.inputs.as_deref().map(inputs::identity).transpose()?,
        instances: 1,
        optimisation: Optimisation::All,
        scenario: Scenario::SingleStream,
    };
    let target = targets::of(session, &what.there)?;
    let there = session.app.target_prefix(target.as_deref());
    let race = Race {
        a: (model.clone(), config.clone()),
        b: None,
        library: None,
        settings: settings(&what.race),
        inputs: absolute(what.inputs.as_ref())?,
        target,
    };
    let find = |session: &Session| session.app.state().duel_of((&model, &config), None, None, &there);
    let (found, done) = run(session, race, find);
    let Some(duel) = found else { return done };
    if session.json {
        Session::print_json(&session.app.race_document(document(session, &duel)?, &duel)?)?;
    } else {
        print(&duel);
    }
    done
}

fn sample(session: &Session) -> anyhow::Result<PathBuf> {
    let files = unpack_sample(&session.app.options().folders.sample())?;
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|name| name == SAMPLE);
    files.into_iter().find(is_it).with_context(|| format!("the sample data has no {SAMPLE}"))
}

/// The verdict, what each percentile says, and what the machine can tell.
pub(super) fn print(duel: &Duel) {
    if duel.b.is_some() {
        say!("{}", duel.sentence);
    }
    if let Some(resolution) = duel.resolution_sentence() {
        say!("{resolution}");
    }
    let (name_a, name_b) = duel.names();
    let side = |name: &str, side: &Contender| {
        if let (Some(p50), Some(rate)) = (side.p50_ms, side.items_per_second) {
            let (p50, rate) = (units::duration_ms(p50), units::three_digits(rate));
            let version = &side.runtime_version;
            say!("{name}: p50 {p50}, {rate} items/s, {} inferences, ONNX Runtime {version}", side.samples);
        }
    };
    if let Some(b) = &duel.b {
        side(&name_a, &duel.a);
        side(&name_b, b);
    }
    say!("{} (batch {}, {})", duel.method(), duel.a.config.batch, duel.a.config.provider);
}

/// The documented JSON form of a race. Ratios are latency of A ÷ latency of B: above 1, B is faster.
pub(super) fn document(session: &Session, duel: &Duel) -> anyhow::Result<Value> {
    let rounds = session.app.rounds(duel)?;
    let (name_a, name_b) = duel.names();
    Ok(json!({
        "sentence": duel.sentence,
        "resolution": duel.resolution,
        "resolution_sentence": duel.resolution_sentence(),
        "ratio": ratios(&duel.ratios),
        "a_against_itself": ratios(&duel.same),
        "a": contender(&name_a, &duel.a),
        "b": duel.b.as_ref().map(|b| contender(&name_b, b)),
        "pairs": duel.pairs,
        "processes": duel.groups,
        "sets": duel.sets,
        "seconds": duel.seconds,
        "ended": duel.ended,
        "settings": duel.settings,
        "blocks": blocks(duel, &rounds),
        "machine": duel.fingerprint,
        "target": duel.target,
        "started_unix_seconds": duel.started_unix_secs,
    }))
}

fn ratios(ratios: &[Ratio]) -> Map<String, Value> {
    let entry = |ratio: &Ratio| {
        let decision = match ratio.decision {
            Decision::Faster => "faster",
            Decision::Slower => "slower",
            Decision::Undecided => "undecided",
            Decision::NotEnough { .. } => "not enough samples",
        };
        let mut entry = json!({
            "decision": decision,
            "ratio": ratio.estimate.map(|found| found.ratio),
            "low": ratio.estimate.map(|found| found.low),
            "high": ratio.estimate.map(|found| found.high),
            "level": ratio.level,
            "resolution": ratio.resolution,
            "pairs": ratio.pairs,
            "sets": ratio.sets,
        });
        if let Decision::NotEnough { have, need } = ratio.decision {
            entry["samples"] = json!({ "have": have, "need": need });
        }
        (ratio.percentile.to_string(), entry)
    };
    ratios.iter().map(entry).collect()
}

fn contender(name: &str, side: &Contender) -> Value {
    json!({
        "name": name,
        "model": side.model,
        "model_sha256": side.model_sha256,
        "batch": side.config.batch,
        "threads": side.config.threads,
        "provider": side.config.provider,
        "optimisation": side.config.optimisation.key(),
        "inputs": side.config.inputs,
        "input_shapes": side.input_shapes,
        "found_dimensions": side.found_dims,
        "runtime_version": side.runtime_version,
        "library": side.library,
        "samples": side.samples,
        "p50_ms": side.p50_ms,
        "items_per_second": side.items_per_second,
        "load_ms": side.load_nanos.iter().map(|nanos| *nanos as f64 / 1e6).collect::<Vec<_>>(),
    })
}

/// The median of each block, in milliseconds, by round. The project keeps the latencies.
fn blocks(duel: &Duel, rounds: &[Round]) -> Value {
    let medians = |of: fn(&Round) -> &Vec<u64>| -> Vec<Option<f64>> {
        rounds
            .iter()
            .map(|round| {
                let mut block = of(round).clone();
                block.sort_unstable();
                Percentile::P50.of(&block).map(|nanos| nanos as f64 / 1e6)
            })
            .collect()
    };
    json!({
        "process": rounds.iter().map(|round| round.group).collect::<Vec<_>>(),
        "a_p50_ms": medians(|round| &round.a),
        "b_p50_ms": duel.b.as_ref().map(|_| medians(|round| &round.b)),
        "a_again_p50_ms": (!duel.same.is_empty()).then(|| medians(|round| &round.again)),
    })
}
