//! The report of a whole project: what was measured, what it costs, what the bill says, what to change, and how
//! each number was made.

use std::collections::BTreeSet;

use super::{Align, Block, Document};
use crate::app::comparison::{self, Comparison};
use crate::app::{App, LatencyAxis, Query, QueryResult, Scenario, SpendQuery, figures, foreign, tradeoff};
use crate::bill::Costs;
use crate::chart::Chart;
use crate::measure::stats::DEFINITION;
use crate::plan::{Answer, Offer};
use crate::units::{self, Money};

/// Series of the bill chart before the rest becomes "Other".
const SERIES: usize = 8;
/// Offers in the report's table.
const OFFERS: usize = 15;

/// Composes the report. Waits for the answers of the bills it needs.
///
/// # Errors
/// In words, when a bill cannot be read any more.
pub fn document(app: &mut App, generated: String) -> anyhow::Result<Document> {
    let bill_chart = bill_chart(app);
    // The share that is inference, and with it today's spend, must be known before anything is said.
    let scenario = &app.state().scenario;
    let inference = Query::Inference { filters: scenario.filters.clone(), basis: scenario.basis };
    app.wait_for_answers();
    let share = if app.state().bills.is_empty() { Ok(None) } else { app.answer(&inference).map(Some) };
    let mut blocks = Vec::new();
    let state = app.state();
    let name = state
        .path
        .as_ref()
        .and_then(|path| path.file_stem())
        .map_or_else(|| "Project in memory".to_owned(), |stem| stem.to_string_lossy().into_owned());
    if let Some(answer) = &state.answer {
        blocks.push(Block::Heading("What to do".to_owned()));
        blocks.push(Block::Callout(answer.why.clone()));
        blocks.push(Block::KeyValues(question(app)));
        blocks.push(Block::Figure {
            chart: Box::new(figures::offers(answer, &state.plan_currency(), 8)),
            caption: String::new(),
        });
        blocks.push(offers_table(answer, &state.plan_currency()));
        for (reason, count) in &answer.left_out {
            blocks.push(Block::Paragraph(format!("Left out: {count} × {reason}.")));
        }
    }
    if !state.points.is_empty() {
        blocks.push(Block::Heading("Measurements".to_owned()));
        blocks.push(Block::Figure { chart: Box::new(tradeoff::chart(state)), caption: String::new() });
        blocks.push(points_table(app));
    }
    let imported = foreign::drawn(state);
    if !imported.is_empty() {
        if state.points.is_empty() {
            blocks.push(Block::Heading("Other tools' results".to_owned()));
            blocks.push(Block::Figure { chart: Box::new(tradeoff::chart(state)), caption: String::new() });
        } else {
            blocks.push(Block::Subheading("Other tools' results in the chart".to_owned()));
        }
        blocks.push(imported_table(&imported, state.scenario.latency));
    }
    super::breakdown::blocks(state, &mut blocks);
    let pairs: BTreeSet<(String, String)> =
        state.agreements.keys().cloned().chain(state.compared_pair()).collect();
    let comparisons: Vec<Comparison> =
        pairs.iter().filter_map(|(a, b)| comparison::compare(state, a, b)).collect();
    if !comparisons.is_empty() {
        blocks.push(Block::Heading("Models compared".to_owned()));
        for compared in &comparisons {
            compare_blocks(compared, &mut blocks);
        }
    }
    if !app.state().bills.is_empty() {
        bill_blocks(app, bill_chart, share, &mut blocks);
        super::lens::blocks(app, &mut blocks);
    }
    let state = app.state();
    if !state.failures.is_empty() {
        blocks.push(Block::Heading("What could not be measured".to_owned()));
        for failure in &state.failures {
            let words = crate::app::config_words(failure.config.as_ref());
            blocks.push(Block::Warning(format!("{}{words}: {}", failure.model, failure.message)));
        }
    }
    blocks.push(Block::Heading("How these numbers were made".to_owned()));
    blocks.push(Block::List(method(app)));
    Ok(Document {
        title: format!("{name}: inference cost and speed"),
        subtitle: format!("Measured on {}", tradeoff::machine_words(app.state())),
        generated,
        blocks,
    })
}

/// The chart of cost over time as the scenario groups it; `None` without a bill.
///
/// # Errors
/// In words, when the bill cannot be read any more.
pub fn bill_chart(app: &mut App) -> anyhow::Result<Option<Chart>> {
    let state = app.state();
    if state.bills.is_empty() {
        return Ok(None);
    }
    let scenario = state.scenario.clone();
    let currency = state.shown_currency().unwrap_or_default();
    // How many days there are tells how wide a bar is.
    app.answer(&Query::Spend(SpendQuery::Starts))?;
    let state = app.state();
    let per = state.shown_per(None);
    let query = Query::Series {
        by: Some(scenario.group_by.clone()),
        filters: state.project_filters(),
        basis: scenario.basis,
        per,
        top: SERIES,
    };
    match app.answer(&query)? {
        QueryResult::Series(series) => {
            let Scenario { group_by, basis, spend, .. } = &scenario;
            let mut chart = figures::bill(&series, group_by, *basis, per, &currency, spend.lines);
            let rows = rows_words(&scenario);
            if rows != ALL_ROWS {
                chart.subtitle = format!("{}; only rows with {rows}", chart.subtitle);
            }
            if let Some(period) = &spend.period {
                chart.subtitle = format!("{}; charges of {}", chart.subtitle, period.words());
            }
            Ok(Some(chart))
        }
        _ => anyhow::bail!("the bill store answered another question"),
    }
}

fn question(app: &App) -> Vec<(String, String)> {
    let state = app.state();
    let scenario = &state.scenario;
    let mut pairs = Vec::new();
    if let Some(rps) = state.rps {
        pairs.push(("Demand".to_owned(), format!("{} requests/s", units::three_digits(rps))));
    }
    pairs.push(("p99 limit, waiting included".to_owned(), units::duration_ms(scenario.p99_limit_ms)));
    pairs.push(("Target utilisation".to_owned(), format!("{:.0} %", scenario.utilisation * 100.0)));
    if let (Some((spend, currency)), Some((replaced, _))) =
        (&state.inference_per_month, &state.replaceable_per_month)
    {
        let rows = rows_words(scenario);
        let converted = state.conversion().map_or_else(String::new, |how| format!(", {how}"));
        pairs.push((
            "Today's inference spend".to_owned(),
            format!(
                "{} a month on machines, endpoints and model APIs, which offers are compared with; {} more on \
                 traffic, storage and other supporting cost, which stays ({}, {rows}{converted})",
                units::money(*replaced, currency),
                units::money(*spend - *replaced, currency),
                scenario.basis.column()
            ),
        ));
    }
    pairs
}

/// What [`rows_words`] says without filters.
const ALL_ROWS: &str = "all rows";

/// Which rows of the bill the scenario looks at.
fn rows_words(scenario: &Scenario) -> String {
    let mut filters: Vec<String> = scenario.filters.iter().map(ToString::to_string).collect();
    if scenario.only_inference {
        filters.push("an inference rule".to_owned());
    }
    if filters.is_empty() { ALL_ROWS.to_owned() } else { filters.join(", ") }
}

/// The model's name without its ending, for narrow columns.
fn variant(file: &str) -> &str {
    file.trim_end_matches(".onnx")
}

fn assumed(is_assumed: bool) -> &'static str {
    if is_assumed { " (assumed)" } else { "" }
}

fn offers_table(answer: &Answer, currency: &str) -> Block {
    let stay = answer.offers.iter().position(|offer| offer.stay);
    let money = |amount: Option<Money>| {
        amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, currency))
    };
    let row = |place: usize, offer: &Offer| {
        let best = if answer.best == Some(place) { "Best" } else { "" };
        if offer.stay {
            let cost = money(offer.cost_per_month);
            let blank = String::new();
            return vec![
                best.to_owned(),
                "Stay as you are".to_owned(),
                blank.clone(),
                blank.clone(),
                blank.clone(),
                "not known".to_owned(),
                cost,
                blank,
                "not known".to_owned(),
            ];
        }
        vec![
            best.to_owned(),
            variant(&offer.variant).to_owned(),
            format!("{} × {} {}, {}", offer.replicas, offer.provider, offer.instance, offer.region),
            offer.purchase.map_or_else(String::new, |purchase| purchase.label().to_owned()),
            format!("{} / {}", offer.batch, offer.threads),
            offer.p99_ms.map_or_else(|| "not known".to_owned(), units::duration_ms),
            money(offer.cost_per_month) + assumed(offer.assumed),
            money(offer.difference_per_month),
            match offer.meets_limit {
                Some(true) => "yes".to_owned(),
                Some(false) => "no".to_owned(),
                None => "not known".to_owned(),
            },
        ]
    };
    // One row a variant on a machine bought one way: its cheapest batch and threads, which come first.
    let mut shown: Vec<(usize, &Offer)> = Vec::new();
    for (place, offer) in answer.offers.iter().enumerate() {
        let like = |other: &Offer| {
            (&other.id, &other.instance, &other.region, other.purchase)
                == (&offer.id, &offer.instance, &offer.region, offer.purchase)
        };
        if shown.len() < OFFERS && !shown.iter().any(|(_, other)| like(other)) {
            shown.push((place, offer));
        }
    }
    if let Some(place) = stay.filter(|stay| !shown.iter().any(|(place, _)| place == stay)) {
        shown.push((place, &answer.offers[place]));
    }
    let rows: Vec<Vec<String>> = shown.into_iter().map(|(place, offer)| row(place, offer)).collect();
    let more = answer.offers.len() - rows.len();
    Block::Table {
        head: [
            "",
            "Variant",
            "Machines",
            "Purchase",
            "Batch / threads",
            "p99",
            "Cost a month",
            "Difference",
            "Within limit",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows,
        align: vec![
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Left,
        ],
        caption: if more > 0 {
            format!(
                "The cheapest batch and threads of each variant on each machine; {more} more offers are not shown."
            )
        } else {
            String::new()
        },
    }
}

fn points_table(app: &App) -> Block {
    let state = app.state();
    let currency = state.price_profile().map_or("USD", |profile| profile.currency.as_str());
    let rows = tradeoff::rows(state)
        .into_iter()
        .map(|row| {
            let summary = &row.summary;
            vec![
                variant(&row.model).to_owned(),
                row.batch.to_string(),
                row.threads.to_string(),
                summary.p50.words(),
                summary.p95.words(),
                summary.p99.words(),
                units::three_digits(summary.throughput_per_second),
                match &row.cost_per_million {
                    Ok(cost) => units::money(*cost, currency) + assumed(row.assumed),
                    Err(_reason) => "not known".to_owned(),
                },
                summary.samples.to_string(),
            ]
        })
        .collect();
    let profile = state.price_profile().map_or_else(String::new, |profile| {
        format!(
            "Cost per million items on {} ({}); {}.",
            profile.name,
            profile.purchase.label(),
            profile.source
        )
    });
    Block::Table {
        head: ["Model", "Batch", "Threads", "p50", "p95", "p99", "Items/s", "Cost per million", "Samples"]
            .map(str::to_owned)
            .to_vec(),
        rows,
        align: std::iter::once(Align::Left).chain([Align::Right; 8]).collect(),
        caption: profile,
    }
}

/// Other tools' results that the chart shows, with where each is from.
fn imported_table(points: &[foreign::Point<'_>], axis: LatencyAxis) -> Block {
    let rows = points.iter().map(|point| {
        let result = point.row.result;
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
        let validity = result.validity.words();
        vec![
            result.tool_words(),
            format!("{} {}", result.file, result.place).trim_end().to_owned(),
            variant(&text(&result.model)).to_owned(),
            text(&result.system),
            result.load_words(),
            units::duration_ms(point.latency_ms),
            point.throughput.words(),
            result.includes.words(),
            if validity.is_empty() { "not stated".to_owned() } else { validity.to_owned() },
        ]
    });
    let latency = tradeoff::latency_name(axis);
    let head =
        ["Tool", "File", "Model", "System", "Load", latency, "Throughput", "Latency includes", "Verdict"];
    let align = [Align::Left, Align::Left, Align::Left, Align::Left, Align::Left, Align::Right, Align::Right];
    Block::Table {
        head: head.map(str::to_owned).to_vec(),
        rows: rows.collect(),
        align: align.into_iter().chain([Align::Left, Align::Left]).collect(),
        caption:
            "As the files say them, by each tool's own definitions; measured elsewhere, neither priced nor \
                  planned with."
                .to_owned(),
    }
}

fn compare_blocks(compared: &Comparison, blocks: &mut Vec<Block>) {
    let (a, b) = (&compared.a.model, &compared.b.model);
    blocks.push(Block::Subheading(format!("{} against {}", b.name, a.name)));
    blocks.push(Block::Callout(comparison::headline(compared)));
    if let Some(duel) = &compared.duel {
        blocks.push(Block::Callout(format!("Run in turn: {}.", duel.sentence)));
        blocks.push(Block::Figure { chart: Box::new(figures::duel(duel)), caption: String::new() });
    }
    let differences = comparison::machine_differences(compared);
    if !differences.is_empty() {
        blocks.push(Block::Warning(format!("Not measured on the same machine: {}.", differences.join("; "))));
    }
    let percent =
        |share: Option<f64>| share.map_or_else(|| "not known".to_owned(), |s| format!("{:.2} %", s * 100.0));
    let flops =
        |flops: Option<u64>| flops.map_or_else(|| "not known".to_owned(), |flops| units::si(flops as f64));
    let mut rows = vec![
        vec!["File size".to_owned(), units::bytes(a.file_bytes), units::bytes(b.file_bytes)],
        vec!["Parameters".to_owned(), units::si(a.parameters as f64), units::si(b.parameters as f64)],
        vec!["FLOPs per inference".to_owned(), flops(a.flops.total), flops(b.flops.total)],
        vec!["Accuracy".to_owned(), percent(compared.a.accuracy), percent(compared.b.accuracy)],
    ];
    for speed in &compared.speed {
        let s = if speed.threads == 1 { "" } else { "s" };
        rows.push(vec![
            format!("p50, batch {}, {} thread{s}", speed.batch, speed.threads),
            speed.p50.0.words(),
            speed.p50.1.words(),
        ]);
    }
    blocks.push(Block::Table {
        head: vec![String::new(), a.name.clone(), b.name.clone()],
        rows,
        align: vec![Align::Left, Align::Right, Align::Right],
        caption: String::new(),
    });
    if let Some(agreement) = &compared.agreement {
        blocks.push(Block::Paragraph(format!(
            "Outputs on {} inputs: largest absolute difference {}, mean {}, cosine similarity {}, same top-1 {}.",
            agreement.samples,
            units::three_digits(agreement.max_abs),
            units::three_digits(agreement.mean_abs),
            units::three_digits(agreement.cosine),
            percent(agreement.top1)
        )));
    }
}

fn bill_blocks(
    app: &App,
    chart: anyhow::Result<Option<Chart>>,
    share: anyhow::Result<Option<QueryResult>>,
    blocks: &mut Vec<Block>,
) {
    let state = app.state();
    blocks.push(Block::Heading("The bill".to_owned()));
    match chart {
        Ok(Some(chart)) => blocks.push(Block::Figure { chart: Box::new(chart), caption: String::new() }),
        Ok(None) => {}
        Err(error) => blocks.push(Block::Warning(format!("Cost over time is not shown: {error:#}"))),
    }
    let currency = state.bill_currency().unwrap_or_default();
    let money = |amount: Option<Money>| {
        amount.map_or_else(|| "not known".to_owned(), |amount| units::money(amount, currency))
    };
    let line = |name: String, rows: u64, costs: &Costs| {
        vec![
            name,
            rows.to_string(),
            money(costs.billed_cost),
            money(costs.effective_cost),
            money(costs.list_cost),
            money(costs.contracted_cost),
        ]
    };
    if let Err(error) = &share {
        blocks.push(Block::Warning(format!("The share that is inference is not known: {error:#}")));
    }
    if let Ok(Some(QueryResult::Inference(share, _))) = share {
        let mut rows = vec![line("All rows".to_owned(), share.rows, &share.total)];
        rows.push(line("Inference".to_owned(), share.inference_rows, &share.inference));
        rows.extend(share.by_rule.iter().map(|rule| line(rule.words.clone(), rule.rows, &rule.costs)));
        blocks.push(Block::Table {
            head: ["", "Rows", "BilledCost", "EffectiveCost", "ListCost", "ContractedCost"]
                .map(str::to_owned)
                .to_vec(),
            rows,
            align: std::iter::once(Align::Left).chain([Align::Right; 5]).collect(),
            caption: "The share that is inference, by the rule that says so.".to_owned(),
        });
    }
    let reconciled = state.reconciliations();
    for bill in &state.bills {
        blocks.push(Block::Paragraph(format!(
            "{}: {}, {} rows kept, {} left out, {} warnings.",
            bill.file, bill.kind, bill.rows, bill.dropped, bill.warnings_total
        )));
        if let Some(reconciled) = reconciled.iter().find(|reconciled| reconciled.hash == bill.hash) {
            super::reconcile::blocks(reconciled, blocks);
        }
        for warning in bill.warnings.iter().take(10) {
            let place = warning.line.map_or_else(String::new, |line| format!(" line {line}"));
            blocks.push(Block::Warning(format!("{}{place}: {}", warning.file, warning.message)));
        }
    }
}

fn method(app: &App) -> Vec<String> {
    let state = app.state();
    let versions: BTreeSet<&str> =
        state.points.iter().map(|stored| stored.point.runtime_version.as_str()).collect();
    let mut method = vec![
        "Each configuration was measured in a fresh process. Load, first inference and warm-up are not among the \
         samples; every latency of the steady state is kept in the project in nanoseconds."
            .to_owned(),
        format!("{DEFINITION} Throughput is items ÷ wall time."),
        "p99 of an offer = 99th percentile of the time to fill the batch + of waiting in an M/D/c queue + measured p99 ÷ \
         speed factor. It is an estimate, not a measurement."
            .to_owned(),
        "Cost per million items = price per hour ÷ (throughput × utilisation × 3,600) × 1,000,000; a month has 730 hours."
            .to_owned(),
        "A machine runs as many sessions as its CPUs and memory hold (one an accelerator); sessions on separate CPUs \
         are assumed not to slow each other. Cost per million items counts the throughput of all of them."
            .to_owned(),
        "Latency is one run of the model: network, queues outside it, pre- and post-processing come on top."
            .to_owned(),
        "A price over another machine's measurement is marked assumed: its speed factor was not measured."
            .to_owned(),
        "Today's inference spend is the bill's rows that a rule calls inference, per 730 hours of the period the \
         bill covers. Offers replace machines, endpoints and model APIs; supporting cost and tax are left out on both sides."
            .to_owned(),
    ];
    if !versions.is_empty() {
        let versions: Vec<&str> = versions.into_iter().collect();
        method.push(format!("ONNX Runtime {}.", versions.join(", ")));
    }
    for bill in &state.bills {
        let sha256 = bill.hash.split('-').next().unwrap_or_default();
        method.push(format!("Bill {} (SHA-256 {sha256}).", bill.file));
    }
    method
}

/// `Made on 2026-11-21 19:40 UTC with Inferometer 0.1.0`, by this machine's clock.
pub fn generated_now() -> String {
    let now = chrono::Utc::now().format("%Y-%m-%d %H:%M UTC");
    format!("Made on {now} with Inferometer {}", env!("CARGO_PKG_VERSION"))
}
