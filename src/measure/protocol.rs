//! What the app and its worker process say to each other: JSON, one message a line, over the worker's standard
//! input and output.
//!
//! Native libraries print to standard output when they like, so each line of the worker starts with [`MARK`] and
//! follows a line break; anything else there is noise. Paths are the worker machine's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::Port;

/// Changes when a message changes its meaning; both sides must have the same.
pub const PROTOCOL: u32 = 1;

/// Begins each line of the worker that is a message.
pub const MARK: &str = "@inferometer ";

/// What the app asks. The worker answers each with events that end in one of [`Event::Described`],
/// [`Event::Loaded`], [`Event::Probed`], [`Event::Measured`], [`Event::Written`] or [`Event::Failed`].
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
    /// Load, first inference, warm-up and steady state.
    Bench {
        /// The session.
        session: SessionSpec,
        /// The inputs.
        feed: Feed,
        /// Length of the steady state, in seconds.
        seconds: f64,
    },
    /// Run once for each feed and write the outputs to a file.
    Outputs {
        /// The session.
        session: SessionSpec,
        /// The inputs of each inference.
        feeds: Vec<Feed>,
        /// Where the outputs go; overwritten.
        out: PathBuf,
    },
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
    Measured(Measured),
    /// The outputs are in the file.
    Written,
    /// The request was not fulfilled; `message` has the runtime's own words where it was the runtime.
    Failed {
        /// Why.
        message: String,
    },
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

/// What one measurement found; see [`super::Point`] for the fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented at Point")]
pub struct Measured {
    pub load_nanos: u64,
    pub first_inference_nanos: u64,
    pub warm_up_inferences: u64,
    pub latencies_nanos: Vec<u64>,
    pub wall_nanos: u64,
    pub cpu_nanos: Option<u64>,
    pub peak_memory_bytes: Option<u64>,
    pub input_shapes: BTreeMap<String, Vec<u64>>,
    pub runtime_version: Option<String>,
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
    use super::*;

    #[test]
    fn an_event_survives_the_wire_and_noise_is_told_apart() {
        let event = Event::Measured(Measured {
            load_nanos: 1,
            first_inference_nanos: 2,
            warm_up_inferences: 3,
            latencies_nanos: vec![u64::MAX, 5],
            wall_nanos: 6,
            cpu_nanos: None,
            peak_memory_bytes: Some(7),
            input_shapes: BTreeMap::from([("x\n".to_owned(), vec![1, 2])]),
            runtime_version: None,
        });
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
