//! `inferometer demo --out DIR`: once round the loop on the sample data, without a display.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::args::Figure;
use super::export;
use super::session::Session;
use crate::app::{self, Command, Measure};
use crate::measure::sweep::{Effort, Sweep};
use crate::report::{self, Overwrite};

pub(super) fn run(session: &mut Session, out: &Path, seconds: f64, runs: u32) -> anyhow::Result<()> {
    if std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("the folder is not empty and nothing in it is overwritten; name a new one: {}", out.display());
    }
    std::fs::create_dir_all(out).with_context(|| format!("could not make {}", out.display()))?;
    let say = |text: &str| eprintln!("{text}");
    say("1/6 taking in the sample models, bill and demand");
    session.app.handle(Command::OpenProject(out.join("demo.inferometer")))?;
    let files = app::unpack_sample(&out.join("sample-data"))?;
    session.run(Command::SetScenario(Box::new(app::sample_scenario())))?;
    let (_reports, done) = session.take_in(files);
    done?;

    say("2/6 measuring three models on this machine");
    let models = session.all_models(&[])?;
    let cpus = session.app.state().machine.logical_cpus;
    let sweep = Sweep {
        batches: vec![1, 2, 4, 8],
        threads: if cpus > 1 { vec![1, 2] } else { vec![1] },
        seconds,
        effort: Effort::runs(runs),
        seed: 1,
        ..Sweep::default()
    };
    session.run(Command::Measure(Box::new(Measure { models: models.clone(), sweep, target: None })))?;

    say("3/6 comparing the full with the quantized model");
    session.run(Command::Agree(models[0].clone(), models[1].clone()))?;
    session.run(Command::Agree(models[0].clone(), models[2].clone()))?;

    say("4/6 reading the bill");
    session.settle();

    say("5/6 asking what if");
    let why =
        session.app.state().answer.as_ref().map(|answer| answer.why.clone()).context("no plan was found")?;

    say("6/6 writing charts and the report");
    let mut written = Vec::new();
    for (figure, name) in [
        (Figure::TradeOff, "trade-off"),
        (Figure::Bill, "bill"),
        (Figure::Offers, "offers"),
        (Figure::Compare, "compare"),
    ] {
        let chart = export::chart(session, figure)?;
        for ending in ["svg", "png", "csv"] {
            let path = out.join(format!("{name}.{ending}"));
            report::export_chart(&chart, &path, Overwrite::No)?;
            written.push(path);
        }
    }
    let path = out.join("report.html");
    export::write_report(session, &path, Overwrite::No)?;
    written.push(path);
    if session.json {
        return Session::print_json(&json!({ "written": written, "why": why }));
    }
    say!("\n{why}\n");
    for path in &written {
        say!("{}", path.display());
    }
    Ok(())
}
