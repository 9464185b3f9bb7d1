//! The chart of a bill under watch: its days, what was expected of them, what comes, the unusual ones.

use super::watch::Seen;
use crate::bill::reconcile::rows_words;
use crate::bill::watch::{ComingDay, Gross, PastDay, Watched};
use crate::chart::{Axis, Chart, Datum, Ink, Mark, Scale};
use crate::units::{self, Money};

/// Days of the past that are drawn.
const DRAWN: usize = 120;
const DAY_SECS: f64 = 86_400.0;

/// Cost by day with what is expected and the unusual days that `seen` says nobody has dealt with.
pub fn daily(watched: &Watched, seen: &[Seen], currency: &str) -> Chart {
    let drawn = &watched.days[watched.days.len().saturating_sub(DRAWN)..];
    let mut chart = Chart::new(
        "watch",
        "Cost by day, and what comes",
        Axis::new("Day", "UTC", Scale::Time),
        Axis::new("Cost a day", currency, Scale::Linear { from_zero: true }),
    );
    chart.subtitle = format!(
        "{}, {currency}; taxes, single charges and those for longer than a day left out",
        watched.basis.column()
    );
    let coming = |name: &str, ink: Ink, of: fn(&ComingDay) -> [f64; 2]| Mark::Band {
        name: name.to_owned(),
        data: watched.coming.iter().map(|day| coming_datum(day, of(day), currency)).collect(),
        ink,
        width: DAY_SECS,
    };
    if !watched.coming.is_empty() {
        chart.marks.push(coming("95 % interval", Ink::Quiet, |day| day.ahead.interval_95));
        chart.marks.push(coming("80 % interval", Ink::Series(0), |day| day.ahead.interval_80));
    }
    for (name, ink, state) in [
        ("Cost", Ink::Series(0), DayState::Judged),
        ("Cost, day not judged", Ink::Quiet, DayState::NotJudged),
        ("Cost, day not whole yet", Ink::Series(1), DayState::NotWhole),
    ] {
        let data: Vec<Datum> = drawn
            .iter()
            .filter(|day| DayState::of(day) == state)
            .map(|day| Datum { dimmed: state == DayState::NotWhole, ..past_datum(day, currency) })
            .collect();
        if !data.is_empty() {
            chart.marks.push(Mark::Bars { name: name.to_owned(), data, ink, width: 0.86 * DAY_SECS });
        }
    }
    let expected: Vec<Datum> = drawn
        .iter()
        .filter_map(|day| {
            let expected = day.expected?;
            Some(Datum {
                hover: hover(day, currency),
                ..Datum::new(middle(day.day.unix_secs()), expected.to_f64())
            })
        })
        .collect();
    if !expected.is_empty() {
        chart.marks.push(line("Expected from the days before", expected, Ink::Strong));
    }
    let ahead = watched.coming.iter().map(|day| coming_datum(day, day.ahead.interval_80, currency));
    let ahead: Vec<Datum> = ahead.map(|datum| Datum { interval: None, ..datum }).collect();
    if !ahead.is_empty() {
        chart.marks.push(line("Forecast", ahead, Ink::Series(0)));
    }
    let unusual: Vec<Datum> = drawn
        .iter()
        .filter(|day| {
            let open = watched.anomalies.iter().zip(seen).filter(|(_, seen)| **seen != Seen::Acknowledged);
            open.map(|(anomaly, _)| anomaly)
                .any(|anomaly| anomaly.first <= day.day && day.day <= anomaly.last)
        })
        .map(|day| past_datum(day, currency))
        .collect();
    if !unusual.is_empty() {
        chart.marks.push(Mark::Points { name: "Unusual".to_owned(), data: unusual, ink: Ink::Series(5) });
    }
    chart.notes = notes(watched, drawn.len(), currency);
    chart
}

/// What is known of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DayState {
    /// It was held against what the days before let expect.
    Judged,
    /// It is whole, and nothing is said of it.
    NotJudged,
    /// It is still being written.
    NotWhole,
}

impl DayState {
    fn of(day: &PastDay) -> Self {
        match (day.whole, day.expected) {
            (false, _) => Self::NotWhole,
            (true, None) => Self::NotJudged,
            (true, Some(_)) => Self::Judged,
        }
    }
}

/// Charges that are no part of the days, each kind gross: `taxes +1,913.59 USD, credits −1,412.40 USD`.
pub fn gross_words(gross: &Gross, currency: &str) -> String {
    let signed = |amount: Money| {
        let sign = if amount > Money::ZERO { "+" } else { "" };
        format!("{sign}{}", units::money(amount, currency))
    };
    let each: Vec<String> =
        gross.each().into_iter().map(|(name, sum)| format!("{name} {}", signed(sum))).collect();
    each.join(", ")
}

fn middle(secs: i64) -> f64 {
    secs as f64 + DAY_SECS / 2.0
}

fn line(name: &str, data: Vec<Datum>, ink: Ink) -> Mark {
    Mark::Line { name: name.to_owned(), data, ink, dashed: true, markers: false, second_axis: false }
}

fn hover(day: &PastDay, currency: &str) -> Vec<(String, String)> {
    let mut lines =
        vec![("Day".to_owned(), day.day.to_string()), ("Cost".to_owned(), units::money(day.cost, currency))];
    let expected = match (day.expected, DayState::of(day)) {
        (Some(expected), _) => units::money(expected, currency),
        (None, DayState::NotWhole) => "not whole yet".to_owned(),
        (None, _) => "not judged".to_owned(),
    };
    lines.push(("Expected".to_owned(), expected));
    lines
}

fn past_datum(day: &PastDay, currency: &str) -> Datum {
    Datum { hover: hover(day, currency), ..Datum::new(middle(day.day.unix_secs()), day.cost.to_f64()) }
}

fn coming_datum(day: &ComingDay, interval: [f64; 2], currency: &str) -> Datum {
    let words = |value: f64| {
        Money::from_f64(value).map_or_else(|| "–".to_owned(), |amount| units::money(amount, currency))
    };
    let [low, high] = day.ahead.interval_80;
    let hover = vec![
        ("Day".to_owned(), day.day.to_string()),
        ("Expected".to_owned(), words(day.ahead.expected)),
        ("80 % interval".to_owned(), format!("{} to {}", words(low), words(high))),
    ];
    Datum { hover, interval: Some(interval), ..Datum::new(middle(day.day.unix_secs()), day.ahead.expected) }
}

fn notes(watched: &Watched, drawn: usize, currency: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(incomplete) = &watched.incomplete {
        let until = if incomplete.last == incomplete.first {
            String::new()
        } else {
            format!(" to {}", incomplete.last)
        };
        notes.push(format!("{}{until}: not whole yet, so nothing is concluded from it.", incomplete.first));
    }
    let beside = gross_words(&watched.beside, currency);
    if !beside.is_empty() {
        notes.push(format!("Neither drawn nor judged: {beside}."));
    }
    if let Some(judged) = &watched.judged {
        notes.push(format!("{}.", judged.words()));
    }
    if !watched.gaps.is_empty() {
        let (s, have) = if watched.gaps.len() == 1 { ("", "has") } else { ("s", "have") };
        notes.push(format!(
            "{} day{s} {have} no row at all and count{} as not known.",
            watched.gaps.len(),
            if s.is_empty() { "s" } else { "" }
        ));
    }
    if watched.days.len() > drawn {
        notes.push(format!("Drawn: the last {drawn} of {} days.", watched.days.len()));
    }
    if watched.undated_rows > 0 {
        notes.push(format!(
            "Without a readable charge period, or with one that is years off: {}.",
            rows_words(watched.undated_rows)
        ));
    }
    notes
}
