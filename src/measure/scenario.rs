//! How queries arrive at a model: MLPerf's four scenarios, the closed loop, and the arrivals of an open one.
//!
//! The meanings are those of MLPerf Inference (`inference_rules.adoc`, "Scenarios"): in SingleStream and MultiStream
//! the next query is sent when the last one is answered; in Server queries are sent at times nobody's answer
//! influences, and latency counts from the intended time; in Offline all are there at once. Values only; the work
//! is done in [`super::load`].

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How load is made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// One query after another; latency is one inference.
    #[default]
    SingleStream,
    /// Queries of several samples, one after another; latency is until the last sample of a query is done.
    MultiStream {
        /// Samples in a query; 8 in MLPerf.
        samples_per_query: u32,
    },
    /// A fixed number of clients, each sending its next query when the last one is answered.
    ClosedLoop {
        /// Queries in flight.
        in_flight: u32,
        /// Pause of a client between an answer and its next query, in milliseconds.
        think_ms: f64,
    },
    /// All samples are there at once: highest throughput. Latencies are queueing times.
    Offline,
    /// Queries arrive on their own, as at a server. Latency counts from the intended time of sending.
    Server {
        /// When they arrive.
        arrivals: Arrivals,
        /// How many arrive.
        rate: Rate,
        /// Joins waiting queries into one inference; `None` = each is run alone.
        batcher: Option<Batcher>,
    },
}

/// The shape of an arrival process; its rate is stated apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Equal gaps.
    Constant,
    /// Exponential gaps.
    Poisson,
    /// Gamma-distributed gaps: burstier than Poisson for a coefficient of variation above 1.
    Gamma {
        /// Standard deviation of the gaps ÷ their mean.
        cv: f64,
    },
    /// The gaps of a recorded trace, scaled to the rate; from the beginning again when it ends.
    Trace {
        /// Arrival times in seconds, ascending.
        times_secs: Vec<f64>,
        /// The trace's name, for people.
        name: String,
    },
}

/// How many queries a second arrive.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// This many a second.
    PerSecond(f64),
    /// As many as can be answered within a limit, found by bisection.
    Highest {
        /// 99th percentile of latency allowed, in milliseconds.
        p99_limit_ms: f64,
        /// Bisection ends when the highest rate that passed and the lowest that failed differ by this share.
        tolerance: f64,
    },
}

/// A dynamic batcher: an inference starts when so many queries wait, or the first has waited so long.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Batcher {
    /// Most queries in one inference.
    pub max_batch: u32,
    /// Longest the first query waits for company, in milliseconds.
    pub max_delay_ms: f64,
}

impl Batcher {
    /// [`Self::max_delay_ms`] as a duration.
    pub fn max_delay(self) -> Duration {
        Duration::try_from_secs_f64(self.max_delay_ms / 1e3).unwrap_or(Duration::MAX)
    }
}

/// How far ONNX Runtime may rewrite the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Optimisation {
    /// Not at all.
    None,
    /// Redundant nodes, constants.
    Basic,
    /// Also fusions of the provider.
    Extended,
    /// Also layouts.
    #[default]
    All,
}

impl Optimisation {
    /// Every level, weakest first.
    pub const EACH: [Self; 4] = [Self::None, Self::Basic, Self::Extended, Self::All];

    /// The word of files and the command line.
    pub const fn key(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Extended => "extended",
            Self::All => "all",
        }
    }
}

impl FromStr for Optimisation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::EACH
            .into_iter()
            .find(|level| level.key().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| format!("`{text}` is no optimisation level; use none, basic, extended or all"))
    }
}

impl Scenario {
    /// True where the latencies are those of single inferences that wait for nothing.
    pub fn is_single_stream(&self) -> bool {
        matches!(self, Self::SingleStream)
    }

    /// True where a latency includes waiting for the model to be free.
    pub fn queues(&self) -> bool {
        match self {
            Self::SingleStream => false,
            Self::MultiStream { .. } | Self::Offline | Self::Server { .. } => true,
            Self::ClosedLoop { in_flight, .. } => *in_flight > 1,
        }
    }

    /// Refuses what cannot be measured; in words.
    pub fn check(&self) -> Result<(), String> {
        let positive = |what: &str, value: f64| {
            if value > 0.0 && value <= MOST {
                Ok(())
            } else {
                Err(format!("{what} is {value}; give a number above 0, and at most {MOST}"))
            }
        };
        let not_negative = |what: &str, value: f64| {
            if (0.0..=MOST).contains(&value) {
                Ok(())
            } else {
                Err(format!("{what} is {value}; give 0 or more, and at most {MOST}"))
            }
        };
        match self {
            Self::SingleStream | Self::Offline => Ok(()),
            Self::MultiStream { samples_per_query } => {
                positive("samples per query", f64::from(*samples_per_query))
            }
            Self::ClosedLoop { in_flight, .. } if *in_flight > MOST_SESSIONS => Err(format!(
                "{in_flight} queries in flight are more than a process should have threads; give at most {MOST_SESSIONS}"
            )),
            Self::ClosedLoop { in_flight, think_ms } => {
                positive("the number of queries in flight", f64::from(*in_flight))?;
                not_negative("the think time", *think_ms)
            }
            Self::Server { arrivals, rate, batcher } => {
                match arrivals {
                    Arrivals::Constant | Arrivals::Poisson => {}
                    Arrivals::Gamma { cv } => positive("the coefficient of variation of the gaps", *cv)?,
                    Arrivals::Trace { times_secs, name } => check_trace(times_secs, name)?,
                }
                match rate {
                    Rate::PerSecond(rate) => positive("the rate", *rate)?,
                    Rate::Highest { p99_limit_ms, tolerance } => {
                        positive("the p99 limit", *p99_limit_ms)?;
                        positive("the tolerance", *tolerance)?;
                        if *tolerance >= 1.0 {
                            return Err(format!(
                                "the tolerance is {tolerance}; give a share below 1, as in 0.05"
                            ));
                        }
                    }
                }
                let Some(batcher) = batcher else { return Ok(()) };
                positive("the largest batch", f64::from(batcher.max_batch))?;
                not_negative("the longest delay", batcher.max_delay_ms)?;
                if batcher.max_delay_ms > MOST_DELAY_MS {
                    return Err(format!(
                        "the longest delay of the batcher is {} ms; give at most {MOST_DELAY_MS}: a query that waits \
                         longer than a minute for company was not answered",
                        batcher.max_delay_ms
                    ));
                }
                Ok(())
            }
        }
    }
}

/// Refuses what an execution provider cannot do; in words. DirectML's sessions run one inference at a time ("multi-threaded
/// calls to `Run` on the same inference session are not supported", ONNX Runtime's documentation of the provider);
/// clients of a closed loop that outnumber the sessions share them. The other scenarios give each session one thread.
pub fn check_provider(provider: &str, scenario: &Scenario, instances: u32) -> Result<(), String> {
    match scenario {
        Scenario::ClosedLoop { in_flight, .. }
            if provider.eq_ignore_ascii_case("DirectML") && *in_flight > instances.max(1) =>
        {
            let s = if instances == 1 { "" } else { "s" };
            Err(format!(
                "DirectML runs one inference at a time in a session, and {in_flight} queries in flight would share \
                 {instances} session{s}; ask for {in_flight} sessions, or for fewer in flight"
            ))
        }
        _ => Ok(()),
    }
}

/// The largest number in a scenario: a day in milliseconds, and more queries a second than anything answers.
const MOST: f64 = 86_400_000.0;
/// The longest delay of a batcher, in milliseconds.
const MOST_DELAY_MS: f64 = 60_000.0;
/// Sessions, and queries in flight, at most: each is a thread.
pub const MOST_SESSIONS: u32 = 1_024;

fn check_trace(times_secs: &[f64], name: &str) -> Result<(), String> {
    let ascending = times_secs.windows(2).all(|pair| pair[0] <= pair[1]);
    if times_secs.len() < 2 || !ascending || times_secs.iter().any(|time| !time.is_finite()) {
        return Err(format!("the trace {name} has no two ascending arrival times; give a trace with some"));
    }
    if times_secs[times_secs.len() - 1] <= times_secs[0] {
        return Err(format!(
            "all arrivals of the trace {name} are at the same time; give a trace with some length"
        ));
    }
    Ok(())
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SingleStream => f.write_str("SingleStream"),
            Self::MultiStream { samples_per_query } => write!(f, "MultiStream of {samples_per_query}"),
            Self::ClosedLoop { in_flight, think_ms } if *think_ms > 0.0 => {
                write!(f, "closed loop, {in_flight} in flight, {think_ms} ms think time")
            }
            Self::ClosedLoop { in_flight, .. } => write!(f, "closed loop, {in_flight} in flight"),
            Self::Offline => f.write_str("Offline"),
            Self::Server { arrivals, rate, batcher } => {
                f.write_str("Server, ")?;
                match rate {
                    Rate::PerSecond(rate) => write!(f, "{rate}/s ")?,
                    Rate::Highest { p99_limit_ms, .. } => {
                        write!(f, "highest rate with p99 ≤ {p99_limit_ms} ms, ")?;
                    }
                }
                match arrivals {
                    Arrivals::Constant => f.write_str("constant")?,
                    Arrivals::Poisson => f.write_str("Poisson")?,
                    Arrivals::Gamma { cv } => write!(f, "gamma (CV {cv})")?,
                    Arrivals::Trace { name, .. } => write!(f, "as in {name}")?,
                }
                match batcher {
                    Some(batcher) => {
                        write!(f, ", batches up to {} within {} ms", batcher.max_batch, batcher.max_delay_ms)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_that_cannot_be_shared_are_not() {
        let of = |text: &str| text.parse::<Scenario>().unwrap();
        let message = check_provider("DirectML", &of("closed:4"), 2).unwrap_err();
        assert!(
            message.contains("4 queries in flight would share 2 sessions; ask for 4 sessions"),
            "{message}"
        );
        for (provider, scenario, instances) in [
            ("DirectML", "closed:4", 4),
            ("DirectML", "single", 1),
            ("DirectML", "multi:8", 2),
            ("DirectML", "server:100:batch=8", 1),
            ("CPU", "closed:4", 2),
        ] {
            assert_eq!(check_provider(provider, &of(scenario), instances), Ok(()), "{provider} {scenario}");
        }
    }
}
