//! What the app and its worker process say to each other: JSON, one message a line, over the worker's standard
//! input and output.
//!
//! Native libraries print to standard output when they like, so each line of the worker starts with [`MARK`] and
//! follows a line break; anything else there is noise. Paths are the worker machine's own.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::point::Measured;
use super::profile::Profile;
use super::roof::Roof;
use super::scenario::{Optimisation, Scenario};
use super::survey::Survey;
use super::transfer::{Part, Piece};
use crate::model::{ElementType, Port};

/// Changes when a message changes its meaning; both sides must have the same.
pub const PROTOCOL: u32 = 5;

/// Begins each line of the worker that is a message.
pub const MARK: &str = "@inferometer ";

/// What the app asks. The worker answers each with events that end in one of [`Event::Described`],
/// [`Event::Loaded`], [`Event::Probed`], [`Event::Measured`], [`Event::Turned`], [`Event::Written`],
/// [`Event::Profiled`], [`Event::Roofed`], [`Event::Surveyed`], [`Event::Had`], [`Event::Taken`],
/// [`Event::Given`] or [`Event::Failed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// What this ONNX Runtime library is.
    Describe {
        /// The library.
        runtime: PathBuf,
    },
    /// Create the session, nothing more.
    Load {
        /// The session.
        session: SessionSpec,
    },
    /// One inference, to see whether the model accepts these shapes. Keeps the session for the next probe.
    Probe {
        /// The session.
        session: SessionSpec,
        /// The inputs.
        feed: Feed,
    },
    /// Load, first inference, warm-up and the load of a scenario.
    Bench {
        /// The session.
        session: SessionSpec,
        /// The inputs of one inference; with a dynamic batcher one feed for each batch size from 1 up.
        feeds: Vec<Feed>,
        /// What is run.
        load: LoadSpec,
    },
    /// A block of a comparison: sessions take turns for a while. They stay for the next block of their set; the set's
    /// first block creates them.
    Turns {
        /// Which set of sessions; another number drops the sessions of the set before and creates new ones.
        set: u32,
        /// What takes turns, in the order in which sessions are created.
        lanes: Vec<LaneSpec>,
        /// How.
        turns: TurnSpec,
    },
    /// Run once for each feed and write the outputs to a file.
    Outputs {
        /// The session.
        session: SessionSpec,
        /// The inputs of each inference.
        feeds: Vec<Feed>,
        /// Where the outputs go; overwritten. `None` = the worker keeps them to itself, without a name, until it
        /// writes others or ends; [`Request::Give`] hands them over.
        out: Option<PathBuf>,
    },
    /// A piece of the outputs that the worker keeps.
    Give {
        /// Where the piece begins, in bytes; it is as long as [`super::transfer::PIECE_BYTES`] allows.
        offset: u64,
    },
    /// Inferences one after another with the runtime's own profiler on, and some without it before, to tell what
    /// profiling costs.
    Profile {
        /// The session.
        session: SessionSpec,
        /// The inputs.
        feed: Feed,
        /// How long inferences go on once they are warm, in seconds; there are [`FEWEST_PROFILED`] at least.
        seconds: f64,
        /// Inferences at most, so that the profile stays readable.
        most_runs: u64,
    },
    /// How fast products of matrices and copies of memory are here.
    Roof {
        /// How the products are run.
        probe: RoofSpec,
    },
    /// What this machine is, and which runtimes it has.
    Survey,
    /// Whether files that belong together are here, by hash; where they all are, they get their names.
    Have {
        /// The files, the one asked for first.
        parts: Vec<Part>,
    },
    /// A piece of a file that is not here.
    Put(Piece),
}

/// A session that takes turns with others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaneSpec {
    /// The session.
    pub session: SessionSpec,
    /// The inputs.
    pub feed: Feed,
}

/// How sessions take turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnSpec {
    /// A turn begins with so many inferences at least that do not count,
    pub least_lead: u32,
    /// and with more of them for so many milliseconds.
    pub lead_millis: f64,
    /// Then come those that count, for so many milliseconds and at least one.
    pub counted_millis: f64,
    /// Rounds, a turn of each session in random order, go on for so many milliseconds,
    pub millis: f64,
    /// but there are so many rounds at least,
    pub least_rounds: u32,
    /// unless they take longer than so many milliseconds.
    pub most_millis: f64,
    /// Only this session, counted from 0, has a turn; `None` = all.
    pub only: Option<u32>,
    /// Seed of the order.
    pub seed: u64,
}

/// Inferences in a profile at least, the warm-up not counted.
pub const FEWEST_PROFILED: u64 = 3;

/// What the roof is measured with: the settings of the session that is to be placed below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoofSpec {
    /// The ONNX Runtime library.
    pub runtime: PathBuf,
    /// `CPU`, `OpenVINO`, `CUDA`, …
    pub provider: String,
    /// Threads that compute and copy.
    pub threads: u32,
    /// How far the runtime may rewrite the graph of the products.
    pub optimisation: Optimisation,
    /// Element types to measure; what fails for one is said and the others go on.
    pub elements: Vec<ElementType>,
    /// Time for the products of one element type, in seconds; copying takes half a second more.
    pub seconds: f64,
}

/// Everything a session is made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// The ONNX Runtime library. One process can load only one.
    pub runtime: PathBuf,
    /// The model file.
    pub model: PathBuf,
    /// `CPU`, `OpenVINO`, `CUDA`, …
    pub provider: String,
    /// Intra-operator threads.
    pub threads: u32,
    /// How far the runtime may rewrite the graph.
    #[serde(default)]
    pub optimisation: Optimisation,
}

/// The load of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSpec {
    /// How load is made.
    pub scenario: Scenario,
    /// Items in one inference; with a dynamic batcher, in the largest.
    pub batch: u32,
    /// Sessions side by side.
    pub instances: u32,
    /// Shortest series, in seconds.
    pub seconds: f64,
    /// Fewest queries in the series.
    pub min_queries: u64,
    /// Longest series, in seconds, whatever the fewest queries are.
    pub most_seconds: f64,
    /// Seed of random arrivals.
    pub seed: u64,
}

/// The inputs of one inference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// The inputs, in the model's order.
    pub ports: Vec<Fed>,
    /// Where the values come from.
    pub source: Source,
}

/// One input of an inference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// What the values are made or chosen for.
    pub port: Port,
    /// The shape it gets.
    pub shape: Vec<u64>,
    /// The input's name in the session: the port's, except when a second model gets a first one's values.
    pub name: String,
}

/// Where input values come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Made from the graph and a seed.
    Generated {
        /// The seed.
        seed: u64,
    },
    /// Read from a `.npy` or `.npz` file.
    File {
        /// The file.
        path: PathBuf,
        /// First item taken; after the last one comes the first again.
        first: u64,
    },
}

/// What the worker says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first line of a worker.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The app's version.
        version: String,
    },
    /// What the runtime is.
    Described {
        /// `1.31.1`; `None` when the library does not say.
        version: Option<String>,
        /// Execution providers, by the names the app uses.
        providers: Vec<String>,
    },
    /// The session is there.
    Loaded {
        /// Time to create it, in nanoseconds.
        load_nanos: u64,
    },
    /// A stage of [`Request::Bench`] begins. Nothing more is said until it ends, so that talking does not disturb
    /// the measurement.
    Stage {
        /// Which.
        stage: Stage,
    },
    /// The inference went through.
    Probed,
    /// The measurement.
    Measured(Box<Measured>),
    /// A block of a comparison.
    Turned {
        /// The latencies that count, of each session in the order they were named, in nanoseconds.
        latency_nanos: Vec<Vec<u64>>,
        /// Time to create each session, where this block did, in nanoseconds; else empty.
        load_nanos: Vec<u64>,
    },
    /// The outputs are in the file.
    Written {
        /// Its size.
        bytes: u64,
        /// SHA-256 of its content, in lower-case hexadecimal digits.
        sha256: String,
    },
    /// A piece of the outputs.
    Given {
        /// Its content, in base64.
        data: String,
    },
    /// Where the time of inferences went.
    Profiled(Box<Profiled>),
    /// What this machine reaches.
    Roofed {
        /// One for each element type that could be measured, in the order asked for.
        roofs: Vec<Roof>,
        /// Why the others could not.
        problems: Vec<String>,
    },
    /// This machine.
    Surveyed(Box<Survey>),
    /// Which files are here.
    Had {
        /// Where the first of them is, the others in their places beside it; `None` while some are lacking.
        path: Option<PathBuf>,
        /// Hashes of those that are lacking.
        lacking: Vec<String>,
    },
    /// A piece was taken.
    Taken {
        /// How much of the file is here now, in bytes.
        bytes: u64,
    },
    /// The request was not fulfilled; `message` has the runtime's own words where it was the runtime.
    Failed {
        /// Why.
        message: String,
    },
}

/// What profiling found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profiled {
    /// The runtime's profile, without its warm-up.
    pub profile: Profile,
    /// Median of the same inferences without the profiler, in nanoseconds.
    pub plain_nanos: Option<u64>,
    /// ONNX Runtime's version; `None` when it does not say.
    pub runtime_version: Option<String>,
}

/// Stages of a measurement, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Creating the session.
    Loading,
    /// The first inference.
    First,
    /// Inferences that are not counted.
    WarmUp,
    /// Inferences that are.
    Steady,
}

/// The worker's line for an event, with the line breaks around it.
pub fn line_of(event: &Event) -> String {
    match serde_json::to_string(event) {
        Ok(json) => format!("\n{MARK}{json}\n"),
        Err(error) => format!("\n{MARK}{{\"failed\":{{\"message\":\"event not encodable: {error}\"}}}}\n"),
    }
}

/// The event in a line of the worker's output; `None` for noise.
pub fn event_in(line: &str) -> Option<Result<Event, serde_json::Error>> {
    line.strip_prefix(MARK).map(serde_json::from_str)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::point::Series;
    use super::*;

    #[test]
    fn an_event_survives_the_wire_and_noise_is_told_apart() {
        let event = Event::Measured(Box::new(Measured {
            load_nanos: 1,
            series: Series { latency_nanos: vec![u64::MAX, 5], ..Series::default() },
            peak_memory_bytes: Some(7),
            input_shapes: BTreeMap::from([("x\n".to_owned(), vec![1, 2])]),
            ..Measured::default()
        }));
        let text = format!("a library says{}and goes on", line_of(&event));
        let events: Vec<Event> = text.lines().filter_map(event_in).map(Result::unwrap).collect();
        assert_eq!(events, [event]);
    }

    #[test]
    fn a_broken_message_is_an_error_not_noise() {
        assert!(event_in("@inferometer {\"measured\":").unwrap().is_err());
        assert!(event_in("warning: something").is_none());
    }
}
