//! `inferometer export CHART --to FILE` and `inferometer report --to FILE`.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

use super::args::{Export, Figure};
use super::session::Session;
use crate::app::{comparison, figures, roofline, tradeoff};
use crate::chart::Chart;
use crate::report::{self, Overwrite};

pub(super) fn run(session: &mut Session, what: &Export) -> anyhow::Result<()> {
    let chart = chart(session, what.chart)?;
    report::export_chart(&chart, &what.to, overwrite(what.force))?;
    tell(session, &what.to)
}

pub(super) fn report(session: &mut Session, to: &Path, force: bool) -> anyhow::Result<()> {
    session.settle();
    write_report(session, to, overwrite(force))?;
    tell(session, to)
}

fn overwrite(force: bool) -> Overwrite {
    if force { Overwrite::Yes } else { Overwrite::No }
}

/// Writes the HTML report of the project.
pub(super) fn write_report(session: &mut Session, to: &Path, overwrite: Overwrite) -> anyhow::Result<()> {
    let document = report::project::document(&mut session.app, report::project::generated_now())?;
    report::write_file(to, report::html(&document)?.as_bytes(), overwrite)?;
    Ok(())
}

fn tell(session: &Session, path: &Path) -> anyhow::Result<()> {
    if session.json {
        return Session::print_json(&json!({ "written": path }));
    }
    say!("{}", path.display());
    Ok(())
}

/// A chart of the project, or why there is none.
pub(super) fn chart(session: &mut Session, figure: Figure) -> anyhow::Result<Chart> {
    session.settle();
    match figure {
        Figure::TradeOff => {
            if session.app.state().points.is_empty() {
                bail!(
                    "the project has no measurements to draw; make some: inferometer bench MODEL --project FILE"
                );
            }
            Ok(tradeoff::chart(session.app.state()))
        }
        Figure::Bill => report::project::bill_chart(&mut session.app)?
            .context("the project has no bill to draw; take one in: inferometer import BILL --project FILE"),
        Figure::Offers => {
            let state = session.app.state();
            let answer = state.answer.as_ref().with_context(|| {
                if state.points.is_empty() {
                    "the project has no measurements to plan with".to_owned()
                } else {
                    state.demand_problem.clone()
                }
            })?;
            Ok(figures::offers(answer, &state.plan_currency(), 8))
        }
        Figure::Roofline => roofline::of_project(session.app.state()).map_err(anyhow::Error::msg),
        Figure::Compare => comparison::chart(session.app.state()).map_err(anyhow::Error::msg),
    }
}
