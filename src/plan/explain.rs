//! The sentences of an answer: why the winner wins, or what stands in the way. Every number in them is in the
//! offers too.

use std::fmt::Write as _;

use super::offers::difference;
use super::search::{Row, Search};
use crate::hardware::{Profile, Purchase};
use crate::units::{Money, duration_ms, money, three_digits};

/// The answer in plain sentences. `left_out` is what was not offered, in words, with how many.
pub(super) fn why(search: &Search<'_>, left_out: &[(String, usize)]) -> String {
    let mut text = match search.first(|_| true) {
        Some(best) if search.staying_is_cheapest() => staying(search, best),
        Some(best) if best.sizing.meets_limit => winner(search, best),
        Some(nearest) => nothing_fits(search, nearest),
        None if search.measured.is_empty() => {
            "Nothing has been measured yet: measure a model first.".to_owned()
        }
        None if search.profiles.is_empty() => {
            "There is no machine to choose from: pick some from the price book or add your own.".to_owned()
        }
        None if search.all_too_short() => {
            "No measurement is long enough to plan with: measure for more seconds.".to_owned()
        }
        None => "None of the machines can be offered.".to_owned(),
    };
    if !left_out.is_empty() {
        let parts: Vec<String> = left_out.iter().map(|(what, count)| format!("{what} ({count})")).collect();
        let _ = write!(text, " Not offered: {}.", parts.join("; "));
    }
    text
}

fn winner(search: &Search<'_>, best: &Row) -> String {
    let (question, currency) = (search.question, &search.profiles[best.profile].currency);
    let mut text = format!(
        "{} serves {} requests/s within {} on {} for {} a month{}.",
        configuration(search, best),
        three_digits(question.rps),
        duration_ms(question.p99_limit_ms),
        machines(search, best),
        money(best.cost, currency),
        question.today_per_month.map_or_else(String::new, |today| against_today(best.cost, today, currency)),
    );
    text.push_str(&latency(search, best));
    text.push_str(&spot(search, best));
    let clauses: Vec<String> =
        [runner_up(search, best), accuracy(search, best)].into_iter().flatten().collect();
    text.push_str(&sentence(&clauses));
    text
}

/// Today costs less than `best`, the cheapest that was measured.
fn staying(search: &Search<'_>, best: &Row) -> String {
    let (question, currency) = (search.question, &search.profiles[best.profile].currency);
    let mut text = format!(
        "Staying as you are is cheapest{} {ALL_SERVED}, but its latency is not known. The cheapest measured offer \
         within {} is {}, on {}, for {} a month",
        question
            .today_per_month
            .map_or_else(String::new, |today| format!(" at {} a month", money(today, currency))),
        duration_ms(question.p99_limit_ms),
        configuration(search, best),
        machines(search, best),
        money(best.cost, currency),
    );
    if let Some(more) = question.today_per_month.and_then(|today| difference(best.cost, today)) {
        let _ = write!(text, ", {} more", money(more, currency));
    }
    text.push('.');
    text.push_str(&latency(search, best));
    text.push_str(&spot(search, best));
    text
}

/// Without this, a cost of some requests would stand beside a spend for all of them.
const ALL_SERVED: &str = "if these requests are all that this spend serves";

fn against_today(cost: Money, today: Money, currency: &str) -> String {
    match difference(cost, today) {
        None => String::new(),
        Some(Money::ZERO) => format!(", as much as today {ALL_SERVED}"),
        Some(less) => format!(", {} less than today {ALL_SERVED}", money(-less, currency)),
    }
}

/// What the estimated p99 holds, what it leaves out, and whether the speed behind it is assumed.
fn latency(search: &Search<'_>, row: &Row) -> String {
    let Some(p99) = row.sizing.p99_ms else { return String::new() };
    let assumed = if search.is_assumed(row) {
        "; the speed is assumed, since it was measured on another machine"
    } else {
        ""
    };
    format!(
        " Its p99, estimated at {}, is the wait and the model's run alone, without network and pre- or \
         post-processing{assumed}.",
        duration_ms(p99)
    )
}

/// Said of spot capacity only: what it lacks, and what capacity that lasts would cost.
fn spot(search: &Search<'_>, best: &Row) -> String {
    let purchase = |row: &Row| search.profiles[row.profile].purchase;
    if purchase(best) != Purchase::Spot {
        return String::new();
    }
    let lasts = |row: &Row| {
        matches!(purchase(row), Purchase::OnDemand | Purchase::Committed1y | Purchase::Committed3y)
    };
    match search.first(|row| row.sizing.meets_limit && lasts(row)) {
        Some(row) => format!(
            " Spot capacity can be taken away; the cheapest on-demand or committed offer costs {} a month.",
            money(row.cost, &search.profiles[row.profile].currency)
        ),
        None => " Spot capacity can be taken away, and no on-demand or committed offer meets the limit."
            .to_owned(),
    }
}

/// What the cheapest offer with another variant would cost.
fn runner_up(search: &Search<'_>, best: &Row) -> Option<String> {
    let id = |row: &Row| &search.measured[row.measured].id;
    let is_other = |row: &Row| id(row) != id(best);
    let Some(other) = search.first(|row| row.sizing.meets_limit && is_other(row)) else {
        return search.rows.iter().any(is_other).then(|| "no other variant meets the limit".to_owned());
    };
    let variant = other_name(search, best.measured, other.measured);
    let ratio = other.cost.to_f64() / best.cost.to_f64();
    let costs = if other.cost == best.cost {
        "the same".to_owned()
    } else if ratio >= 1.095 {
        format!("{ratio:.1}× as much")
    } else {
        format!("{} % more", three_digits((ratio - 1.0) * 100.0))
    };
    ratio.is_finite().then(|| format!("the cheapest offer with {variant} costs {costs}"))
}

/// Said only when another variant was more often right on the labelled inputs.
fn accuracy(search: &Search<'_>, best: &Row) -> Option<String> {
    let of = |index: usize| search.measured[index].accuracy.filter(|share| share.is_finite());
    let own = of(best.measured)?;
    let (highest, other) = (0..search.measured.len())
        .filter_map(|index| Some((of(index)?, index)))
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (own < highest).then(|| {
        format!(
            "the accuracy of {} is {:.1} %, {:.1} points below {}",
            search.measured[best.measured].variant,
            own * 100.0,
            (highest - own) * 100.0,
            other_name(search, best.measured, other)
        )
    })
}

/// The name of another variant, told from the best one's when they are alike.
fn other_name(search: &Search<'_>, best: usize, other: usize) -> String {
    let (best, other) = (&search.measured[best].variant, &search.measured[other].variant);
    if best == other { format!("another {other}") } else { other.clone() }
}

/// One sentence of the clauses, with a space before it; empty without any.
fn sentence(clauses: &[String]) -> String {
    let joined = clauses.join("; ");
    let mut letters = joined.chars();
    letters.next().map_or_else(String::new, |first| format!(" {}{}.", first.to_uppercase(), letters.as_str()))
}

fn nothing_fits(search: &Search<'_>, nearest: &Row) -> String {
    let question = search.question;
    let mut text = format!(
        "No measured choice serves {} requests/s within {}. The nearest is {} on {}",
        three_digits(question.rps),
        duration_ms(question.p99_limit_ms),
        configuration(search, nearest),
        machines(search, nearest),
    );
    if let Some(p99) = nearest.sizing.p99_ms {
        let _ = write!(text, ", p99 estimated at {}", duration_ms(p99));
    }
    let reason = search.reason(nearest, false);
    let _ = write!(
        text,
        ": {reason}. Raise the limit, or measure a smaller batch, more threads or a smaller model."
    );
    text
}

fn configuration(search: &Search<'_>, row: &Row) -> String {
    let one = &search.measured[row.measured];
    let threads = if one.threads == 1 { "thread" } else { "threads" };
    format!("{} at batch {} on {} {threads}", one.variant, one.batch, one.threads)
}

/// `2 × c7i.large (AWS us-east-1, on demand)`.
fn machines(search: &Search<'_>, row: &Row) -> String {
    let Profile { instance, provider, region, purchase, .. } = &search.profiles[row.profile];
    let place =
        [provider.as_str(), region.as_str()].map(str::trim).into_iter().filter(|word| !word.is_empty());
    let mut inside = place.collect::<Vec<_>>().join(" ");
    if !inside.is_empty() {
        inside.push_str(", ");
    }
    inside.push_str(match purchase {
        Purchase::OnDemand => "on demand",
        Purchase::Spot => "spot",
        Purchase::Committed1y => "committed for a year",
        Purchase::Committed3y => "committed for three years",
        Purchase::Owned => "owned",
    });
    format!("{} × {instance} ({inside})", row.sizing.replicas)
}
