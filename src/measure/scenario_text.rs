//! Scenarios as one writes them on a command line or in a field: `server:200:gamma=2:batch=8:delay=5`.

use std::str::FromStr;

use super::scenario::{Arrivals, Batcher, Rate, Scenario};

/// What can be written, for help texts.
pub const FORMS: &str = "single; multi:8 (samples per query); closed:4 or closed:4:think=10 (queries in flight, think \
                         time in ms); offline; server:200 (queries a second) or server:p99=20 (the highest rate with \
                         a p99 of at most 20 ms), each with any of :constant, :poisson, :gamma=2 (CV of the gaps), \
                         :trace (gaps of the project's demand trace), :batch=8 and :delay=5 (a dynamic batcher, ms), \
                         :tolerance=0.05 (of the highest rate)";

/// Bisection of the highest rate ends at this share, unless told otherwise.
const TOLERANCE: f64 = 0.05;
/// Delay of a dynamic batcher that names none, in milliseconds.
const DELAY_MS: f64 = 5.0;

impl FromStr for Scenario {
    type Err = String;

    /// Reads a scenario; see [`FORMS`]. The times of a trace are left empty: whoever knows the trace fills them in.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.trim().split(':').map(str::trim);
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let rest: Vec<&str> = words.collect();
        let scenario = match kind.as_str() {
            "single" | "single_stream" | "singlestream" => none_left(Self::SingleStream, &rest)?,
            "offline" => none_left(Self::Offline, &rest)?,
            "multi" | "multi_stream" | "multistream" => {
                let samples = rest.first().map_or(Ok(8), |word| number(word))?;
                none_left(
                    Self::MultiStream { samples_per_query: samples },
                    rest.get(1..).unwrap_or_default(),
                )?
            }
            "closed" => closed(&rest)?,
            "server" => server(&rest)?,
            _ => return Err(format!("`{text}` is no scenario; write one of: {FORMS}")),
        };
        // A trace is checked once its times are known.
        let later = matches!(&scenario, Self::Server { arrivals: Arrivals::Trace { .. }, .. });
        if !later {
            scenario.check()?;
        }
        Ok(scenario)
    }
}

fn closed(words: &[&str]) -> Result<Scenario, String> {
    let (mut in_flight, mut think_ms) = (1, 0.0);
    for word in words {
        match word.split_once('=') {
            Some(("think", value)) => think_ms = number(value)?,
            None => in_flight = number(word)?,
            Some((name, _)) => return Err(format!("`{name}` says nothing of a closed loop; {FORMS}")),
        }
    }
    Ok(Scenario::ClosedLoop { in_flight, think_ms })
}

fn server(words: &[&str]) -> Result<Scenario, String> {
    let mut rate = None;
    let mut arrivals = Arrivals::Poisson;
    let (mut max_batch, mut delay, mut tolerance) = (None, None, TOLERANCE);
    for word in words {
        match word.split_once('=').map_or((*word, None), |(name, value)| (name, Some(value))) {
            ("poisson", None) => arrivals = Arrivals::Poisson,
            ("constant", None) => arrivals = Arrivals::Constant,
            ("trace", None) => arrivals = Arrivals::Trace { times_secs: Vec::new(), name: String::new() },
            ("gamma", Some(cv)) => arrivals = Arrivals::Gamma { cv: number(cv)? },
            ("p99", Some(limit)) => {
                rate = Some(Rate::Highest { p99_limit_ms: number(limit)?, tolerance: 0.0 });
            }
            ("batch", Some(most)) => max_batch = Some(number(most)?),
            ("delay", Some(millis)) => delay = Some(number(millis)?),
            ("tolerance", Some(share)) => tolerance = number(share)?,
            (plain, None) => rate = Some(Rate::PerSecond(number(plain)?)),
            (name, Some(_)) => return Err(format!("`{name}` says nothing of a server; {FORMS}")),
        }
    }
    let rate = match rate {
        Some(Rate::Highest { p99_limit_ms, .. }) => Rate::Highest { p99_limit_ms, tolerance },
        Some(rate) => rate,
        None => return Err(format!("a server needs a rate or a p99 limit; {FORMS}")),
    };
    let batcher = match (max_batch, delay) {
        (Some(max_batch), delay) => Some(Batcher { max_batch, max_delay_ms: delay.unwrap_or(DELAY_MS) }),
        (None, None) => None,
        (None, Some(_)) => return Err("a batcher's delay needs its largest batch, as in batch=8".to_owned()),
    };
    Ok(Scenario::Server { arrivals, rate, batcher })
}

fn none_left(scenario: Scenario, words: &[&str]) -> Result<Scenario, String> {
    match words.first() {
        None => Ok(scenario),
        Some(word) => Err(format!("`{word}` says nothing of {scenario}; {FORMS}")),
    }
}

fn number<T: FromStr>(word: &str) -> Result<T, String> {
    let bare = word.trim().trim_end_matches("ms").trim_end_matches("/s").trim();
    bare.parse().map_err(|_not_a_number| format!("`{word}` is not the number that belongs there; {FORMS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenarios_are_read_as_they_are_written() {
        let server = |arrivals, rate, batcher| Scenario::Server { arrivals, rate, batcher };
        for (text, scenario) in [
            ("single", Scenario::SingleStream),
            ("Offline", Scenario::Offline),
            ("multi", Scenario::MultiStream { samples_per_query: 8 }),
            ("multi:3", Scenario::MultiStream { samples_per_query: 3 }),
            ("closed:4", Scenario::ClosedLoop { in_flight: 4, think_ms: 0.0 }),
            ("closed:1:think=100ms", Scenario::ClosedLoop { in_flight: 1, think_ms: 100.0 }),
            ("server:200", server(Arrivals::Poisson, Rate::PerSecond(200.0), None)),
            (
                "server:p99=20:gamma=2:batch=8:delay=2.5:tolerance=0.1",
                server(
                    Arrivals::Gamma { cv: 2.0 },
                    Rate::Highest { p99_limit_ms: 20.0, tolerance: 0.1 },
                    Some(Batcher { max_batch: 8, max_delay_ms: 2.5 }),
                ),
            ),
            ("server:5/s:constant", server(Arrivals::Constant, Rate::PerSecond(5.0), None)),
        ] {
            assert_eq!(text.parse::<Scenario>(), Ok(scenario), "{text}");
        }
    }

    #[test]
    fn what_is_no_scenario_is_refused_with_what_can_be_written() {
        for text in [
            "",
            "singel",
            "single:4",
            "multi:0",
            "multi:x",
            "closed:0",
            "closed:4:rate=3",
            "server",
            "server:0",
            "server:-3",
            "server:5:gamma=0",
            "server:5:delay=3",
            "server:p99=0",
            "server:5:batch=0",
            "server:nan",
        ] {
            assert!(text.parse::<Scenario>().is_err(), "{text:?} was accepted");
        }
        assert!("x".parse::<Scenario>().unwrap_err().contains("server:200"));
    }
}
