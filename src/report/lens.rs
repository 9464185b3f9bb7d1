//! What the inference lens says, in the report: classes, unit costs over time, cost of ownership.

use super::{Align, Block};
use crate::app::lens::{self, UnitOf};
use crate::app::{App, Query, QueryResult};
use crate::plan::tco::Source;
use crate::plan::unit_cost::Side;
use crate::units::{self, Money};

/// Adds what the lens says of the open bills; nothing without one. Waits for the answers it needs.
pub(super) fn blocks(app: &mut App, blocks: &mut Vec<Block>) {
    if app.state().bills.is_empty() {
        return;
    }
    let (filters, basis) = (app.state().scenario.filters.clone(), app.state().scenario.basis);
    let Ok(QueryResult::Inference(share, _)) =
        app.answer(&Query::Inference { filters: filters.clone(), basis })
    else {
        // The part about the bill has said why.
        return;
    };
    let ledger = match app.answer(&Query::Ledger { filters, basis }) {
        Ok(QueryResult::Ledger(ledger)) => ledger,
        Ok(_) => return,
        Err(error) => {
            blocks.push(Block::Warning(format!("Cost of AI by day is not known: {error:#}")));
            return;
        }
    };
    let state = app.state();
    let answer = lens::answer(state, &ledger);
    let currency = share.currency.clone().unwrap_or_default();
    let money = |amount: Option<Money>| {
        amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, &currency))
    };
    blocks.push(Block::Heading("Cost of AI".to_owned()));
    let mut rows: Vec<Vec<String>> = share
        .by_class
        .iter()
        .map(|class| {
            vec![class.class.words().to_owned(), class.rows.to_string(), money(class.costs.get(basis))]
        })
        .collect();
    rows.push(vec!["The rest".to_owned(), share.rest_rows.to_string(), money(share.rest.get(basis))]);
    rows.push(vec!["Total".to_owned(), share.rows.to_string(), money(share.total.get(basis))]);
    blocks.push(Block::Table {
        head: ["Class", "Rows", basis.column()].map(str::to_owned).to_vec(),
        rows,
        align: vec![Align::Left, Align::Right, Align::Right],
        caption: "Every row is in one class or in the rest.".to_owned(),
    });
    if let (Some(units), Some((source, name))) = (&answer.units, &answer.demand) {
        blocks.push(Block::Subheading("Unit costs".to_owned()));
        blocks.push(Block::Paragraph(format!(
            "{}: {name}. {} days are in the bill and in the demand, {} only in the bill, {} only in the demand.",
            source.words(),
            units.total.map_or(0, |unit| unit.days),
            units.days_only_in_bill,
            units.days_only_in_demand
        )));
        if let Some(total) = units.total {
            let line = |basis: &str, side: Option<Side>| {
                let mut row = vec![basis.to_owned(), money(side.map(|side| side.cost))];
                row.extend(UnitOf::ALL.map(|of| money(side.and_then(|side| of.of(&side)))));
                row
            };
            let head = ["Basis", "Cost"].into_iter().chain(UnitOf::ALL.map(UnitOf::words));
            blocks.push(Block::Table {
                head: head.map(str::to_owned).collect(),
                rows: vec![line("Allocation", Some(total.allocation)), line("Usage", total.usage)],
                align: std::iter::once(Align::Left).chain([Align::Right; 5]).collect(),
                caption: "Allocation: all that is paid for the capacity, idle included. Usage: the part that was used."
                    .to_owned(),
            });
            let chart = lens::chart(units, state.lens.unit, state.lens.period, basis, &currency);
            if !chart.marks.is_empty() {
                blocks.push(Block::Figure { chart: Box::new(chart), caption: String::new() });
            } else if !units.notes.is_empty() {
                blocks.push(Block::List(units.notes.clone()));
            }
        }
        if let Some(verdict) = answer.verdict {
            blocks.push(Block::Callout(verdict.words().to_owned()));
        }
    }
    let tco = &answer.tco;
    blocks.push(Block::Subheading("Cost of ownership".to_owned()));
    let rows =
        tco.lines.iter().filter(|line| line.source != Source::Missing).chain([&tco.total]).map(|line| {
            let source = match &line.source {
                Source::Entered(_) if !line.included => "entered, not in the total".to_owned(),
                Source::Entered(source) if source.is_empty() => "entered".to_owned(),
                Source::Entered(source) => format!("entered: {source}"),
                _ if !line.included => "bill, not in the total".to_owned(),
                Source::Bill | Source::Missing => "bill".to_owned(),
            };
            vec![line.words.clone(), source, money(line.cost), money(line.per_month)]
        });
    blocks.push(Block::Table {
        head: [
            "Line".to_owned(),
            "From".to_owned(),
            format!("Over {} days", tco.days),
            "Per month".to_owned(),
        ]
        .to_vec(),
        rows: rows.collect(),
        align: vec![Align::Left, Align::Left, Align::Right, Align::Right],
        caption: "Lines as the FinOps Foundation's guidance for AI lists them; a month has 730 hours."
            .to_owned(),
    });
}
