//! The other charts of the pages, made from the state: cost over time, offers, two models beside each other.

use std::collections::BTreeSet;

use super::project::Stored;
use super::state::{LatencyAxis, State};
use super::tradeoff::{estimate, latency_ms, latency_name, machine_words};
use crate::bill::{Basis, Granularity, Series, moment};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::measure::duel::Duel;
use crate::measure::stats::Decision;
use crate::plan::{Answer, Offer};
use crate::units::{self, Money};

/// Cost over time by `by`: bars stacked on each other, or a line each. The key of a datum is the number of its series
/// times the number of buckets, plus that of its bucket.
pub fn bill(
    series: &Series,
    by: &str,
    basis: Basis,
    granularity: Granularity,
    currency: &str,
    lines: bool,
) -> Chart {
    let per = granularity.word();
    // Bars of months keep a gap by being a little narrower than the shortest month.
    let (width, half) = match granularity {
        Granularity::Hour => (0.86 * 3_600.0, 1_800.0),
        Granularity::Day => (0.86 * 86_400.0, 43_200.0),
        Granularity::Week => (0.86 * 604_800.0, 302_400.0),
        Granularity::Month => (26.0 * 86_400.0, 15.0 * 86_400.0),
    };
    let buckets = series.buckets.len();
    let whole: Vec<String> = (0..buckets)
        .map(|bucket| {
            let mut values = series.series.iter().filter_map(|(_, values)| values.get(bucket));
            let sum = values.try_fold(Money::ZERO, |sum, value| sum.checked_add(*value));
            sum.map_or_else(|| "–".to_owned(), |sum| units::money(sum, currency))
        })
        .collect();
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
                .enumerate()
                .map(|(bucket, (start, value))| Datum {
                    x: *start as f64 + half,
                    y: value.to_f64(),
                    label: String::new(),
                    hover: vec![
                        bucket_words(granularity, *start),
                        (by.to_owned(), shown.to_owned()),
                        (basis.column().to_owned(), units::money(*value, currency)),
                        (format!("All of the {per}"), whole[bucket].clone()),
                    ],
                    key: u64::try_from(number * buckets + bucket).ok(),
                    dimmed: false,
                    shade: None,
                    interval: None,
                })
                .collect();
            let ink = if name.starts_with("Other (") { Ink::Quiet } else { Ink::Series(number) };
            let name = shown.to_owned();
            if lines {
                let markers = buckets <= 62;
                Mark::Line { name, data, ink, dashed: false, markers, second_axis: false }
            } else {
                Mark::Bars { name, data, ink, width }
            }
        })
        .collect();
    Chart {
        id: "bill".to_owned(),
        title: format!("Cost per {per} by {by}"),
        subtitle: format!(
            "{}, {currency}{}",
            basis.column(),
            if series.converted.is_some() { " (converted)" } else { "" }
        ),
        x: Axis { label: "Charge period start".to_owned(), unit: "UTC".to_owned(), scale: Scale::Time },
        y: Axis {
            label: format!("Cost per {per}"),
            unit: currency.to_owned(),
            scale: Scale::Linear { from_zero: true },
        },
        y2: None,
        marks,
        notes: left_out(series, currency).into_iter().chain(billed_elsewhere(series, currency)).collect(),
        shade: None,
    }
}

/// Where months of charges are not the months that invoices go by.
fn billed_elsewhere(series: &Series, currency: &str) -> Option<String> {
    let months: Vec<String> = series.billed.iter().map(|month| month.words(currency)).collect();
    (!months.is_empty()).then(|| format!("Months are those that charges start in. {}.", months.join(". ")))
}

/// The name and the words of a bucket that begins at so many seconds: `Day`, `2026-05-01`.
fn bucket_words(granularity: Granularity, start: i64) -> (String, String) {
    let shown = moment::show(start.saturating_mul(moment::PER_SEC));
    let day = || shown.get(..10).unwrap_or(&shown);
    let (name, words) = match granularity {
        Granularity::Hour => ("Hour", shown.get(..16).unwrap_or(&shown).replace('T', " ") + " UTC"),
        Granularity::Day => ("Day", day().to_owned()),
        Granularity::Week => ("Week from", day().to_owned()),
        Granularity::Month => ("Month", shown.get(..7).unwrap_or(&shown).to_owned()),
    };
    (name.to_owned(), words)
}

/// What a series could not draw, in words.
fn left_out(series: &Series, currency: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(conversion) = &series.converted {
        notes.push(format!("Amounts are {conversion}."));
    }
    if series.undated_rows > 0 {
        let cost = units::money(series.undated, currency);
        notes.push(format!(
            "{} rows ({cost}) have no readable charge period and are not drawn.",
            series.undated_rows
        ));
    }
    if series.long_rows > 0 {
        let cost = units::money(series.long, currency);
        notes.push(format!(
            "{} rows ({cost}) are for longer than an hour, which hours cannot show, and are not drawn; days show them.",
            series.long_rows
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

/// Latency per batch of two models, at the batches that were measured.
pub fn compared(state: &State, a: &str, b: &str, threads: u32) -> Chart {
    let axis = state.scenario.latency;
    let percentile = latency_name(axis);
    let measured: Vec<&Stored> = super::derive::one_of_each(state)
        .into_iter()
        .filter(|stored| {
            let point = &stored.point;
            point.config.threads == threads && (point.model_sha256 == a || point.model_sha256 == b)
        })
        .collect();
    // One line has points of one kind: what is asked one query at a time, where that was measured.
    let kind = |stored: &&Stored| (stored.point.config.unusual(), stored.point.config.provider.clone());
    let drawn =
        measured.iter().map(kind).min_by_key(|(unusual, provider)| (unusual.len(), provider != "CPU"));
    let (measured, others): (Vec<&Stored>, Vec<&Stored>) =
        measured.into_iter().partition(|stored| Some(kind(stored)) == drawn);
    let (known, lacking): (Vec<&Stored>, Vec<&Stored>) =
        measured.into_iter().partition(|stored| latency_ms(&stored.summary, axis).is_finite());
    let batches: BTreeSet<u64> = known.iter().map(|stored| stored.point.config.batch).collect();
    let batches: Vec<u64> = batches.into_iter().collect();
    let marks = [a, b]
        .into_iter()
        .enumerate()
        .map(|(number, sha256)| {
            let name = state.model(sha256).map_or_else(|| "?".to_owned(), |entry| entry.model.name.clone());
            let mut data: Vec<Datum> = known
                .iter()
                .filter(|stored| stored.point.model_sha256 == sha256)
                .filter_map(|stored| {
                    let (batch, ms) = (stored.point.config.batch, latency_ms(&stored.summary, axis));
                    let hover = vec![
                        ("Configuration".to_owned(), stored.point.config.words()),
                        (percentile.to_owned(), units::duration_ms(ms)),
                    ];
                    let place = batches.binary_search(&batch).ok()?;
                    Some(Datum { hover, ..Datum::new(place as f64, ms) })
                })
                .collect();
            data.sort_by(|one, other| one.x.total_cmp(&other.x));
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
    let names = batches.iter().map(ToString::to_string).collect();
    let mut chart = Chart::new(
        "compare",
        format!("Latency {percentile} by batch"),
        Axis::new("Batch", "", Scale::Categories(names)),
        Axis::new(format!("Latency {percentile}"), "ms", Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!("{threads} thread{s}; measured on {}", machine_words(state));
    chart.marks = marks;
    if !lacking.is_empty() {
        let each: Vec<String> = lacking.iter().map(|stored| lacking_words(stored, axis)).collect();
        let each = each.join(", ");
        chart.notes.push(format!("Not drawn, for too few queries for a {percentile}: {each}."));
    }
    if !others.is_empty() {
        let s = if others.len() == 1 { "" } else { "s" };
        let count = others.len();
        chart
            .notes
            .push(format!("Not drawn: {count} measurement{s} of other scenarios, settings or providers."));
    }
    chart
}

/// `full.onnx at batch 16 (412 of 662)`.
fn lacking_words(stored: &Stored, axis: LatencyAxis) -> String {
    let estimate = estimate(&stored.summary, axis);
    let (model, batch) = (&stored.point.model, stored.point.config.batch);
    format!("{model} at batch {batch} ({} of {})", estimate.have, estimate.need)
}

/// How many times as fast B is as A in a race, by percentile, with intervals, on a band of what this machine cannot
/// tell from equal.
pub fn duel(duel: &Duel) -> Chart {
    let (name_a, name_b) = duel.names();
    let mut names = Vec::new();
    let mut marks = Vec::new();
    let times = |ratio: f64| format!("{}×", units::three_digits(ratio));
    let band: Vec<Datum> = duel
        .ratios
        .iter()
        .enumerate()
        .filter_map(|(place, ratio)| {
            let [low, high] = [1.0 / (1.0 + ratio.resolution?), 1.0 + ratio.resolution?];
            let hover = vec![
                ("Percentile".to_owned(), ratio.percentile.to_string()),
                ("Not told from equal".to_owned(), format!("{low:.3}× to {high:.3}×")),
            ];
            Some(Datum { hover, interval: Some([low, high]), ..Datum::new(place as f64, 1.0) })
        })
        .collect();
    if !band.is_empty() {
        let name = "Within this machine's resolution: not told from equal".to_owned();
        marks.push(Mark::Band { name, data: band, ink: Ink::Quiet, width: 1.0 });
    }
    let line = |name: &str, data: Vec<Datum>, ink: Ink| Mark::Line {
        name: name.to_owned(),
        data,
        ink,
        dashed: matches!(ink, Ink::Strong),
        markers: !matches!(ink, Ink::Strong),
        second_axis: false,
    };
    // Equal is always in view, whatever the ratios are.
    let last = duel.ratios.len() as f64 - 0.5;
    let equal =
        |x: f64| Datum { hover: vec![("Times as fast".to_owned(), "1×".to_owned())], ..Datum::new(x, 1.0) };
    marks.push(line("Equally fast", vec![equal(-0.5), equal(last)], Ink::Strong));
    for (place, ratio) in duel.ratios.iter().enumerate() {
        match (ratio.estimate, ratio.decision) {
            (Some(found), _) => {
                names.push(ratio.percentile.to_string());
                let hover = vec![
                    ("Percentile".to_owned(), ratio.percentile.to_string()),
                    (format!("Latency of {name_a} ÷ {name_b}"), times(found.ratio)),
                    ("95 % interval".to_owned(), format!("{} to {}", times(found.low), times(found.high))),
                ];
                let dimmed = matches!(ratio.decision, Decision::Undecided);
                let label = found.to_string().split(' ').next().unwrap_or_default().to_owned();
                let interval = Some([found.low, found.high]);
                let datum = Datum { label, hover, dimmed, interval, ..Datum::new(place as f64, found.ratio) };
                marks.push(line("Ratio with its 95 % interval", vec![datum], Ink::Series(0)));
            }
            (None, Decision::NotEnough { have, need }) => {
                names.push(format!("{}: {have} of {need} samples", ratio.percentile));
            }
            (None, _) => names.push(ratio.percentile.to_string()),
        }
    }
    let mut notes = vec![format!("{}; {}.", duel.method(), duel.runtimes())];
    notes.extend(duel.resolution_sentence());
    let mut chart = Chart::new(
        "duel",
        format!("How many times as fast {name_b} is"),
        Axis::new("", "", Scale::Categories(names)),
        Axis::new("Times as fast", "×", Scale::Log10),
    );
    let of_a = duel.a.config.words();
    let of_b = duel.b.as_ref().map_or_else(|| of_a.clone(), |b| b.config.words());
    let at = if of_a == of_b { of_a } else { format!("{of_a}, and {of_b}") };
    chart.subtitle = format!("Latency of {name_a} ÷ latency of {name_b}, run in turn at {at}");
    chart.marks = marks;
    chart.notes = notes;
    chart
}
