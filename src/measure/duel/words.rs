//! A race in words.

use super::{Contender, Duel, End};
use crate::measure::Config;
use crate::measure::stats;
use crate::units;

/// The verdict: `B is 1.83× as fast as A, 95 % 1.79–1.87; p99 not decided`.
pub(super) fn sentence(duel: &Duel) -> String {
    let Some(b) = &duel.b else {
        return resolution(duel).unwrap_or_else(|| "The machine's resolution is not known yet.".to_owned());
    };
    let (name_a, name_b) = names(&duel.a, Some(b));
    let said = stats::sentence(&duel.ratios, &name_a, &name_b);
    let per_item = if duel.a.config.batch == b.config.batch { "" } else { ", per item" };
    said.replacen("× as fast", &format!("× as fast as {name_a}{per_item}"), 1)
}

/// The smallest difference of medians this machine can tell.
pub(super) fn resolution(duel: &Duel) -> Option<String> {
    let first = duel.same.first()?;
    Some(match (duel.resolution, first.estimate) {
        (Some(resolution), Some(found)) => format!(
            "This machine tells differences of {} and more: {} against itself is {found} at {}.",
            percent(resolution),
            duel.tested,
            first.percentile
        ),
        _ => format!(
            "What this machine can tell is not known: {} against itself, {}.",
            duel.tested,
            first.brief()
        ),
    })
}

/// `0.83 %`, `12 %`.
fn percent(share: f64) -> String {
    if share < 0.1 { format!("{:.2} %", 100.0 * share) } else { format!("{:.0} %", 100.0 * share) }
}

/// How it was made.
pub(super) fn method(duel: &Duel) -> String {
    let Duel { pairs, groups, sets, seconds, ended, target, .. } = duel;
    let s = |count: u64| if count == 1 { "" } else { "s" };
    let processes = if *groups == 1 { "process" } else { "processes" };
    // Older versions created one set a process.
    let sets = (*sets).max(*groups);
    let mut text = format!(
        "{} block{} of turns in random order, {sets} set{} of new sessions in {groups} fresh {processes}, {seconds:.1} s",
        units::group_thousands(u128::from(*pairs)),
        s(*pairs),
        s(u64::from(sets)),
    );
    // The file's name without its hash.
    if let Some((name, _)) = duel.a.config.inputs.as_deref().and_then(|inputs| inputs.rsplit_once(' ')) {
        text.push_str(", inputs of ");
        text.push_str(name);
    }
    if !target.is_empty() {
        text.push_str(", on `");
        text.push_str(target);
        text.push('`');
    }
    match ended {
        End::Precise => text.push_str("; as precise as asked"),
        End::TimeUp => text.push_str("; the time was up"),
        End::Stopped => text.push_str("; stopped before its end"),
        End::Broken(message) => {
            text.push_str("; broken off: ");
            text.push_str(message);
        }
    }
    text
}

/// Why a race is not kept: it was stopped, broke off, or ended with too little, and what it had found.
pub(super) fn not_kept(duel: &Duel) -> String {
    let how = match &duel.ended {
        End::Stopped => "was stopped".to_owned(),
        End::Broken(message) => format!("broke off ({message})"),
        End::Precise | End::TimeUp => "ended".to_owned(),
    };
    let s = if duel.pairs == 1 { "" } else { "s" };
    let pairs = units::group_thousands(u128::from(duel.pairs));
    if duel.has_estimate() {
        return format!("The race {how} after {pairs} block{s} of turns. Until then: {}.", found(duel));
    }
    let first = duel.ratios.iter().chain(&duel.same).next();
    let lacking = match first.map(|ratio| ratio.decision) {
        Some(stats::Decision::NotEnough { have, need }) if have < need => {
            format!(": {have} inferences a side of the {need} needed")
        }
        _ => String::new(),
    };
    format!("The race {how} after {pairs} block{s} of turns, too few to say anything{lacking}.")
}

/// The verdict, or what the machine can tell, without its full stop.
fn found(duel: &Duel) -> String {
    sentence(duel).trim_end_matches('.').to_owned()
}

/// Which ONNX Runtime ran it.
pub(super) fn runtimes(duel: &Duel) -> String {
    let of_a = &duel.a.runtime_version;
    match &duel.b {
        Some(b) if b.runtime_version != *of_a => {
            format!("ONNX Runtime {of_a} for A and {} for B", b.runtime_version)
        }
        _ => format!("ONNX Runtime {of_a}"),
    }
}

/// What A and B are called: by what tells them apart.
pub(super) fn names(a: &Contender, b: Option<&Contender>) -> (String, String) {
    let Some(b) = b else { return (a.model.clone(), a.model.clone()) };
    let (of_a, of_b) = (differing(a, b), differing(b, a));
    let models = if a.model_sha256 == b.model_sha256 {
        None
    } else if a.model == b.model {
        let with_hash =
            |side: &Contender| format!("{} {}", side.model, side.model_sha256.get(..8).unwrap_or_default());
        Some((with_hash(a), with_hash(b)))
    } else {
        Some((a.model.clone(), b.model.clone()))
    };
    match (models, of_a.is_empty()) {
        (Some(models), true) => models,
        (Some((a, b)), false) => (format!("{a} ({of_a})"), format!("{b} ({of_b})")),
        (None, false) => (of_a, of_b),
        (None, true) => (a.model.clone(), format!("{} again", b.model)),
    }
}

/// What `ours` has that `theirs` has otherwise, in words.
fn differing(ours: &Contender, theirs: &Contender) -> String {
    let mut words = Vec::new();
    if ours.library != theirs.library {
        let library = ours.library.as_ref().filter(|_| ours.runtime_version == theirs.runtime_version);
        let path = library.map_or_else(String::new, |path| format!(" of {}", path.display()));
        words.push(format!("ONNX Runtime {}{path}", ours.runtime_version));
    }
    let (ours, theirs): (&Config, &Config) = (&ours.config, &theirs.config);
    if ours.provider != theirs.provider {
        words.push(ours.provider.clone());
    }
    if ours.batch != theirs.batch {
        words.push(format!("batch {}", ours.batch));
    }
    if ours.threads != theirs.threads {
        words.push(format!("{} thread{}", ours.threads, if ours.threads == 1 { "" } else { "s" }));
    }
    if ours.optimisation != theirs.optimisation {
        words.push(format!("optimisation {}", ours.optimisation.key()));
    }
    for name in ours.dims.keys().chain(theirs.dims.keys().filter(|name| !ours.dims.contains_key(*name))) {
        let (one, other) = (ours.dims.get(name), theirs.dims.get(name));
        if one != other {
            words.push(one.map_or_else(|| format!("{name} not set"), |size| format!("{name}={size}")));
        }
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Settings;
    use super::*;
    use crate::hardware::Fingerprint;
    use crate::measure::stats::{Decision, Estimate, Percentile, Ratio};
    use crate::measure::{Optimisation, Scenario};

    fn contender(model: &str, threads: u32) -> Contender {
        Contender {
            model: model.to_owned(),
            model_sha256: format!("{model} and more"),
            config: Config {
                batch: 1,
                threads,
                provider: "CPU".to_owned(),
                dims: BTreeMap::new(),
                seconds: 0.0,
                min_queries: 0,
                seed: 0,
                inputs: None,
                instances: 1,
                optimisation: Optimisation::All,
                scenario: Scenario::SingleStream,
            },
            input_shapes: BTreeMap::new(),
            found_dims: BTreeMap::new(),
            runtime_version: "1.31.1".to_owned(),
            library: None,
            samples: 300,
            p50_ms: Some(1.0),
            items_per_second: Some(1_000.0),
            load_nanos: vec![1],
        }
    }

    fn ratio(percentile: Percentile, estimate: Option<[f64; 3]>, decision: Decision) -> Ratio {
        let estimate = estimate.map(|[ratio, low, high]| Estimate { ratio, low, high, p_value: 0.001 });
        let resolution = Some(0.0083);
        Ratio { percentile, estimate, level: 0.95, decision, resolution, pairs: 40, sets: 4 }
    }

    fn duel(a: Contender, b: Option<Contender>) -> Duel {
        let mut duel = Duel {
            a,
            b,
            ratios: vec![
                ratio(Percentile::P50, Some([1.83, 1.79, 1.87]), Decision::Faster),
                ratio(Percentile::P99, None, Decision::NotEnough { have: 300, need: 662 }),
            ],
            same: vec![ratio(Percentile::P50, Some([1.001, 0.993, 1.008]), Decision::Undecided)],
            tested: "full.onnx".to_owned(),
            resolution: Some(0.0083),
            sentence: String::new(),
            pairs: 1_312,
            groups: 4,
            sets: 16,
            seconds: 20.04,
            ended: End::TimeUp,
            settings: Settings::default(),
            fingerprint: Fingerprint::default(),
            target: String::new(),
            started_unix_secs: 0,
            rounds: Vec::new(),
            thinned: 1,
        };
        duel.sentence = sentence(&duel);
        duel
    }

    #[test]
    fn the_verdict_names_both_models() {
        let duel = duel(contender("full.onnx", 1), Some(contender("small.onnx", 1)));
        assert_eq!(
            duel.sentence,
            "small.onnx is 1.83× as fast as full.onnx, 95 % 1.79–1.87; p99 not enough samples: 300 of 662"
        );
        assert_eq!(
            duel.resolution_sentence().unwrap(),
            "This machine tells differences of 0.83 % and more: full.onnx against itself is 1.001× (0.993–1.008) at p50."
        );
        assert_eq!(
            duel.method(),
            "1,312 blocks of turns in random order, 16 sets of new sessions in 4 fresh processes, 20.0 s; the time was up"
        );
    }

    #[test]
    fn a_race_that_was_stopped_says_so_and_what_it_found() {
        let mut duel = duel(contender("full.onnx", 1), Some(contender("small.onnx", 1)));
        duel.ended = End::Stopped;
        assert_eq!(
            not_kept(&duel),
            "The race was stopped after 1,312 blocks of turns. Until then: small.onnx is 1.83× as fast as full.onnx, \
             95 % 1.79–1.87; p99 not enough samples: 300 of 662."
        );
        duel.ratios = vec![ratio(Percentile::P50, None, Decision::NotEnough { have: 8, need: 11 })];
        (duel.same, duel.pairs) = (Vec::new(), 1);
        assert_eq!(
            not_kept(&duel),
            "The race was stopped after 1 block of turns, too few to say anything: 8 inferences a side of the 11 needed."
        );
    }

    #[test]
    fn told_from_the_other_side_faster_is_slower() {
        let duel = duel(contender("full.onnx", 1), Some(contender("small.onnx", 1)));
        let turned = duel.turned();
        // 1 ÷ 1.83 = 0.546, 1 ÷ 1.87 = 0.535, 1 ÷ 1.79 = 0.559.
        assert!(
            turned
                .sentence
                .starts_with("full.onnx is slower, 0.55× as fast as small.onnx, 95 % 0.53–0.56; p99"),
            "{}",
            turned.sentence
        );
        assert_eq!(turned.ratios[0].decision, Decision::Slower);
        assert_eq!(turned.resolution_sentence(), duel.resolution_sentence());
        assert_eq!(turned.key(), duel.key(), "one race has two keys");
        let back = turned.turned();
        let (there, here) = (back.ratios[0].estimate.unwrap(), duel.ratios[0].estimate.unwrap());
        assert!((there.low - here.low).abs() < 1e-12 && (there.ratio - here.ratio).abs() < 1e-12);
    }

    #[test]
    fn two_libraries_are_called_by_their_versions_or_their_places() {
        let mut b = Contender { library: Some("/b.so".into()), ..contender("m.onnx", 1) };
        b.runtime_version = "1.24.1".to_owned();
        let older = duel(contender("m.onnx", 1), Some(b.clone()));
        assert_eq!(older.names(), ("ONNX Runtime 1.31.1".to_owned(), "ONNX Runtime 1.24.1".to_owned()));
        assert_eq!(older.runtimes(), "ONNX Runtime 1.31.1 for A and 1.24.1 for B");
        b.runtime_version = "1.31.1".to_owned();
        let rebuilt = duel(contender("m.onnx", 1), Some(b));
        assert_eq!(rebuilt.names().1, "ONNX Runtime 1.31.1 of /b.so");
        assert_eq!(rebuilt.runtimes(), "ONNX Runtime 1.31.1");
        assert_ne!(rebuilt.key(), duel(contender("m.onnx", 1), Some(contender("m.onnx", 1))).key());
    }

    #[test]
    fn one_model_under_two_settings_is_called_by_what_differs() {
        let mut b = contender("m.onnx", 2);
        b.config.batch = 4;
        let duel = duel(contender("m.onnx", 1), Some(b));
        assert_eq!(duel.names(), ("batch 1, 1 thread".to_owned(), "batch 4, 2 threads".to_owned()));
        assert!(
            duel.sentence
                .starts_with("batch 4, 2 threads is 1.83× as fast as batch 1, 1 thread, per item, 95 %")
        );
        let same = super::names(&contender("m.onnx", 1), Some(&contender("m.onnx", 1)));
        assert_eq!(same, ("m.onnx".to_owned(), "m.onnx again".to_owned()));
    }
}
