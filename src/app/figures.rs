//! The other charts of the pages, made from the state: cost over time, offers, two models beside each other.

use super::state::State;
use super::tradeoff::{latency_ms, latency_name, machine_words};
use crate::bill::{Basis, Series};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::Summary;
use crate::measure::duel::Duel;
use crate::measure::stats::Decision;
use crate::plan::{Answer, Offer};
use crate::units;

/// Cost over time, stacked by `by`.
pub fn bill(series: &Series, by: &str, basis: Basis, monthly: bool, currency: &str) -> Chart {
    let per = if monthly { "month" } else { "day" };
    // Bars of months keep a gap by being a little narrower than the shortest month.
    let width = if monthly { 26.0 * 86_400.0 } else { 0.86 * 86_400.0 };
    let half = if monthly { 15.0 * 86_400.0 } else { 43_200.0 };
    let marks = series
        .series
        .iter()
        .enumerate()
        .map(|(number, (name, values))| {
            let shown = name.as_str();
            let data = series
                .buckets
                .iter()
                .zip(values)
                .map(|(start, value)| Datum {
                    x: *start as f64 + half,
                    y: value.to_f64(),
                    label: String::new(),
                    hover: vec![
                        (by.to_owned(), shown.to_owned()),
                        (basis.column().to_owned(), units::money(*value, currency)),
                    ],
                    key: None,
                    dimmed: false,
                    shade: None,
                    interval: None,
                })
                .collect();
            let ink = if name.starts_with("Other (") { Ink::Quiet } else { Ink::Series(number) };
            Mark::Bars { name: shown.to_owned(), data, ink, width }
        })
        .collect();
    Chart {
        id: "bill".to_owned(),
        title: format!("Cost per {per} by {by}"),
        subtitle: format!("{}, {currency}", basis.column()),
        x: Axis { label: "Charge period start".to_owned(), unit: "UTC".to_owned(), scale: Scale::Time },
        y: Axis {
            label: format!("Cost per {per}"),
            unit: currency.to_owned(),
            scale: Scale::Linear { from_zero: true },
        },
        y2: None,
        marks,
        notes: left_out(series, currency),
        shade: None,
    }
}

/// What a series could not draw, in words.
fn left_out(series: &Series, currency: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if series.undated_rows > 0 {
        let cost = units::money(series.undated, currency);
        notes.push(format!(
            "{} rows ({cost}) have no readable charge period and are not drawn.",
            series.undated_rows
        ));
    }
    if series.missing_cells > 0 {
        notes
            .push(format!("{} rows have no readable cost and count for nothing here.", series.missing_cells));
    }
    notes
}

/// Monthly cost of staying and of the cheapest offer of each variant at each provider, at most `most` of them.
pub fn offers(answer: &Answer, currency: &str, most: usize) -> Chart {
    let mut kept: Vec<(usize, &Offer)> = Vec::new();
    for (index, offer) in answer.offers.iter().enumerate() {
        let is_offer = offer.meets_limit == Some(true) && offer.cost_per_month.is_some();
        let like = |other: &Offer| other.id == offer.id && other.provider == offer.provider;
        if is_offer && kept.len() < most && !kept.iter().any(|(_, other)| like(other)) {
            kept.push((index, offer));
        }
    }
    let stay =
        answer.offers.iter().enumerate().find(|(_, offer)| offer.stay && offer.cost_per_month.is_some());
    kept.extend(stay);
    kept.sort_by_key(|(index, _)| *index);
    let names = kept
        .iter()
        .map(|(_, offer)| {
            if offer.stay {
                "Stay as you are".to_owned()
            } else {
                let variant = offer.variant.trim_end_matches(".onnx");
                format!("{variant} {}\u{a0}×\u{a0}{}", offer.replicas, offer.instance)
            }
        })
        .collect();
    let data = kept
        .iter()
        .enumerate()
        .filter_map(|(place, (index, offer))| {
            let cost = offer.cost_per_month?;
            Some(Datum {
                x: place as f64,
                y: cost.to_f64(),
                label: units::money(cost, currency),
                hover: vec![
                    ("Variant".to_owned(), offer.variant.clone()),
                    ("Cost per month".to_owned(), units::money(cost, currency)),
                ],
                key: None,
                dimmed: !offer.stay && answer.best != Some(*index),
                shade: None,
                interval: None,
            })
        })
        .collect();
    Chart {
        id: "offers".to_owned(),
        title: "What the same demand would cost".to_owned(),
        subtitle:
            "The cheapest offer of each variant at each provider within the p99 limit, beside today's spend"
                .to_owned(),
        x: Axis { label: String::new(), unit: String::new(), scale: Scale::Categories(names) },
        y: Axis {
            label: "Cost per month".to_owned(),
            unit: currency.to_owned(),
            scale: Scale::Linear { from_zero: true },
        },
        y2: None,
        marks: vec![Mark::Bars { name: "Cost per month".to_owned(), data, ink: Ink::Series(0), width: 0.6 }],
        notes: vec!["730 hours a month. Prices over another machine's measurement are assumed.".to_owned()],
        shade: None,
    }
}

/// Latency per batch of two models; `pick` chooses what is drawn.
pub fn compared(state: &State, a: &str, b: &str, threads: u32) -> Chart {
    let axis = state.scenario.latency;
    let marks = [a, b]
        .into_iter()
        .enumerate()
        .map(|(number, sha256)| {
            let mut points: Vec<(u64, &Summary)> = super::derive::latest(state)
                .into_iter()
                .filter(|stored| {
                    stored.point.model_sha256 == sha256 && stored.point.config.threads == threads
                })
                .map(|stored| (stored.point.config.batch, &stored.summary))
                .collect();
            points.sort_by_key(|(batch, _)| *batch);
            let name = state.model(sha256).map_or_else(|| "?".to_owned(), |entry| entry.model.name.clone());
            let data = points
                .into_iter()
                .map(|(batch, summary)| Datum {
                    x: batch as f64,
                    y: latency_ms(summary, axis),
                    label: String::new(),
                    hover: vec![
                        ("Model".to_owned(), name.clone()),
                        ("Batch".to_owned(), batch.to_string()),
                        (latency_name(axis).to_owned(), units::duration_ms(latency_ms(summary, axis))),
                    ],
                    key: None,
                    dimmed: false,
                    shade: None,
                    interval: None,
                })
                .collect();
            Mark::Line {
                name,
                data,
                ink: Ink::Series(number),
                dashed: false,
                markers: true,
                second_axis: false,
            }
        })
        .collect();
    let s = if threads == 1 { "" } else { "s" };
    Chart {
        id: "compare".to_owned(),
        title: format!("Latency {} by batch", latency_name(axis)),
        subtitle: format!("{threads} thread{s}; measured on {}", machine_words(state)),
        x: Axis { label: "Batch".to_owned(), unit: String::new(), scale: Scale::Log10 },
        y: Axis {
            label: format!("Latency {}", latency_name(axis)),
            unit: "ms".to_owned(),
            scale: Scale::Linear { from_zero: true },
        },
        y2: None,
        marks,
        notes: Vec::new(),
        shade: None,
    }
}

/// How much faster B is than A in a race, by percentile, with intervals; what this machine cannot tell as a band.
pub fn duel(duel: &Duel) -> Chart {
    let percent = |ratio: f64| 100.0 * (ratio - 1.0);
    let mut names = Vec::new();
    let mut marks = Vec::new();
    let band: Vec<Datum> = duel
        .ratios
        .iter()
        .enumerate()
        .filter_map(|(place, ratio)| Some((place as f64, ratio.resolution?)))
        .flat_map(|(x, resolution)| [(x, 1.0 + resolution), (x, 1.0 / (1.0 + resolution))])
        .map(|(x, end)| {
            let hover =
                vec![("Not told apart from equal".to_owned(), format!("up to {:+.2} %", percent(end)))];
            Datum { hover, dimmed: true, ..Datum::new(x, percent(end)) }
        })
        .collect();
    if !band.is_empty() {
        let name = "Below this machine's resolution".to_owned();
        marks.push(Mark::Bars { name, data: band, ink: Ink::Quiet, width: 1.0 });
    }
    let line = |name: &str, data: Vec<Datum>, markers: bool| Mark::Line {
        name: name.to_owned(),
        data,
        ink: Ink::Series(0),
        dashed: false,
        markers,
        second_axis: false,
    };
    for (place, ratio) in duel.ratios.iter().enumerate() {
        let x = place as f64;
        match (ratio.estimate, ratio.decision) {
            (Some(found), _) => {
                names.push(ratio.percentile.to_string());
                let ends = [found.low, found.high].map(|end| Datum::new(x, percent(end))).to_vec();
                marks.push(line("95 % interval", ends, false));
                let hover = vec![
                    ("Percentile".to_owned(), ratio.percentile.to_string()),
                    ("Latency of A ÷ B".to_owned(), found.to_string()),
                    ("Chance if equal".to_owned(), format!("{:.4}", found.p_value)),
                ];
                let dimmed = matches!(ratio.decision, Decision::Undecided);
                let label = found.to_string().split(' ').next().unwrap_or_default().to_owned();
                let datum = Datum { label, hover, dimmed, ..Datum::new(x, percent(found.ratio)) };
                marks.push(line("Ratio", vec![datum], true));
            }
            (None, Decision::NotEnough { have, need }) => {
                names.push(format!("{}: {have} of {need} samples", ratio.percentile));
            }
            (None, _) => names.push(ratio.percentile.to_string()),
        }
    }
    let (name_a, name_b) = duel.names();
    let mut notes = vec![format!("{}; {}.", duel.method(), duel.runtimes())];
    notes.extend(duel.resolution_sentence());
    let mut chart = Chart::new(
        "duel",
        format!("How much faster {name_b} is"),
        Axis::new("", "", Scale::Categories(names)),
        Axis::new("Faster by", "%", Scale::Linear { from_zero: true }),
    );
    chart.subtitle =
        format!("Latency of {name_a} ÷ latency of {name_b} − 1, run in turn at {}", duel.a.config.words());
    chart.marks = marks;
    chart.notes = notes;
    chart
}
