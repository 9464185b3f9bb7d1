//! `perf_analyzer --profile-export-file`: every request's send time and response times, in nanoseconds.
//!
//! Read as a stream: inputs and outputs of requests are skipped unseen, so that a file of many hundred megabytes
//! takes the memory of its times alone. As the tool does (`ValidLatencyMeasurement`), a request's latency runs from
//! its send to its last response. Must not know the tables that summarise it.

use std::cell::Cell;
use std::fmt;
use std::io::{BufReader, Read};
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::source::{Head, Source};
use super::{
    Foreign, ImportError, Includes, Quantiles, Quantity, Results, Samples, Statistic, Unit, samples,
};

/// Most requests that are kept: 16 bytes each for latency and send time, and 8 for the first response.
const REQUEST_LIMIT: usize = 10_000_000;

/// Most bytes of one request, inputs and outputs included.
const REQUEST_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// A reader that refuses to go on when one request is too long: its strings would fill the memory.
struct Metered<R> {
    inner: R,
    since: Rc<Cell<usize>>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.since.get() > REQUEST_LIMIT_BYTES {
            let problem = "one request is longer than any honest one (64 MiB)";
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, problem));
        }
        let count = self.inner.read(into)?;
        self.since.set(self.since.get() + count);
        Ok(count)
    }
}

/// Whether JSON begins like this export.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && head.has_key(1, "experiments")
        && (head.has_keys(3, &["experiment"]) || head.has_key(3, "requests"))
}

/// Reads the file as a stream.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let mut export = Export::default();
    let metered = Metered { inner: source.reader()?, since: Rc::clone(&export.since) };
    let reader = BufReader::with_capacity(256 * 1024, metered);
    let mut json = serde_json::Deserializer::from_reader(reader);
    ExportSeed(&mut export)
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| broken(source, &error))?;
    let mut results = source.results();
    let Export { experiments, version, service_kind, endpoint, .. } = export;
    for (index, experiment) in experiments.into_iter().enumerate() {
        let place = format!("experiments[{index}]");
        let mut foreign = source.foreign("perf_analyzer", place.clone());
        foreign.tool_version.clone_from(&version);
        for (key, value) in [("service_kind", &service_kind), ("endpoint", &endpoint)] {
            if let Some(value) = value {
                foreign.set(key, value.as_str());
            }
        }
        let network = service_kind.as_deref().map(|kind| kind != "triton_c_api");
        foreign.includes = Includes { queueing: Some(true), transfers: Some(true), network };
        for (request, problem) in &experiment.problems {
            source.warn(format!("{place}.requests[{request}]"), problem.clone());
        }
        if experiment.problem_count > experiment.problems.len() {
            let more = experiment.problem_count - experiment.problems.len();
            source.warn(place.clone(), format!("{more} more requests could not be read"));
        }
        if describe(experiment, &mut foreign) {
            results.results.push(foreign);
        } else {
            source.warn(place, "it has no answered request: it is left out");
        }
    }
    super::fields::needs_results(source, &results)?;
    Ok(results)
}

/// The message for a file that does not parse.
fn broken(source: &Source, error: &serde_json::Error) -> ImportError {
    if error.is_io() {
        let io = std::io::Error::new(
            error.io_error_kind().unwrap_or(std::io::ErrorKind::Other),
            error.to_string(),
        );
        return source.read_error(&io);
    }
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_eof() {
        return source.broken(
            place,
            "the JSON ends in the middle",
            "copy the file again or repeat the run: it is cut",
        );
    }
    let full = error.to_string();
    let problem = full.rsplit_once(" at line ").map_or(full.as_str(), |(problem, _)| problem);
    source.broken(place, problem, "check that the file is the tool's own and complete")
}

/// Turns an experiment's requests into a result; `false` when none was answered.
fn describe(experiment: Experiment, foreign: &mut Foreign) -> bool {
    let Experiment { mode, value, mut requests, unanswered, windows, problem_count, .. } = experiment;
    match mode.as_deref() {
        Some("concurrency") => foreign.concurrency = value,
        Some("request_rate") => foreign.rate_per_second = value,
        _ => {}
    }
    foreign.scenario = mode.map(|mode| mode.replace('_', " "));
    if foreign.rate_per_second.is_some() {
        foreign.note(
            "Latency counts from the moment a request was really sent, not from when it was due: what waited in \
             the client is not in it.",
        );
    }
    if requests.is_empty() {
        return false;
    }
    requests.sort_by_key(|request| request.sent);
    let began = requests[0].sent;
    let ended = requests.iter().map(|request| request.sent + request.latency).max().unwrap_or(began);
    let began_nanos: Vec<u64> = requests.iter().map(|request| request.sent - began).collect();
    let total = (requests.len() + unanswered + problem_count) as f64;
    foreign.add(Quantity::Issued, Statistic::Value, Some(total), Unit::Count);
    foreign.add(Quantity::Completed, Statistic::Value, Some(requests.len() as f64), Unit::Count);
    let failed = unanswered + problem_count;
    if failed > 0 {
        foreign.add(Quantity::Failed, Statistic::Value, Some(failed as f64), Unit::Count);
        foreign.note(format!(
            "{failed} of {total} requests have no usable response and are not in the latencies."
        ));
    }
    if requests.iter().any(|request| request.responses > 1) {
        let first: Vec<u64> = requests.iter().map(|request| request.first).collect();
        samples::describe(foreign, &Quantity::FirstToken, &first);
        foreign.samples.push(Samples {
            quantity: Quantity::FirstToken,
            nanos: first,
            began_nanos: began_nanos.clone(),
        });
        foreign
            .note("Responses stream: latency runs to the last one, the first token's time to the first one.");
    }
    let nanos: Vec<u64> = requests.iter().map(|request| request.latency).collect();
    samples::describe(foreign, &Quantity::Latency, &nanos);
    foreign.quantiles = Quantiles::InverseCdf;
    foreign.samples.push(Samples { quantity: Quantity::Latency, nanos, began_nanos });
    let seconds = (ended - began) as f64 / 1e9;
    foreign.add(Quantity::Duration, Statistic::Value, (seconds > 0.0).then_some(seconds), Unit::Seconds);
    if seconds > 0.0 {
        let rate = requests.len() as f64 / seconds;
        foreign.add(Quantity::Throughput, Statistic::Value, Some(rate), Unit::QueriesPerSecond);
        foreign.note(
            "The statistics are computed here from the raw requests; the throughput is answered requests over the time from the first send to the last \
             response; the tool's own is over its windows and multiplied by the batch, which this file does not say.",
        );
    }
    if windows > 0 {
        foreign.set("window_boundaries", windows.to_string());
    }
    true
}

/// The whole file.
#[derive(Default)]
struct Export {
    experiments: Vec<Experiment>,
    version: Option<String>,
    service_kind: Option<String>,
    endpoint: Option<String>,
    /// Bytes since the last request.
    since: Rc<Cell<usize>>,
}

/// One load.
#[derive(Default)]
struct Experiment {
    mode: Option<String>,
    value: Option<f64>,
    requests: Vec<Request>,
    /// Requests without any response.
    unanswered: usize,
    windows: usize,
    /// The first requests that could not be read, with their index.
    problems: Vec<(usize, String)>,
    problem_count: usize,
    since: Rc<Cell<usize>>,
}

/// One answered request.
struct Request {
    sent: u64,
    /// To the last response.
    latency: u64,
    /// To the first response.
    first: u64,
    responses: u32,
}

/// Implements a seed that reads a JSON object member by member into what it borrows.
macro_rules! object_seed {
    ($seed:ident, $target:ty, $expected:literal, |$into:ident, $key:ident, $map:ident| $member:block) => {
        struct $seed<'a>(&'a mut $target);

        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_map(self)
            }
        }

        impl<'de> Visitor<'de> for $seed<'_> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expected)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut $map: A) -> Result<(), A::Error> {
                let $into = self.0;
                while let Some($key) = $map.next_key::<String>()? $member
                Ok(())
            }
        }
    };
}

/// Implements a seed that reads a JSON list item by item into what it borrows.
macro_rules! list_seed {
    ($seed:ident, $target:ty, $expected:literal, |$into:ident, $list:ident| $items:block) => {
        struct $seed<'a>(&'a mut $target);

        impl<'de> DeserializeSeed<'de> for $seed<'_> {
            type Value = ();
            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_seq(self)
            }
        }

        impl<'de> Visitor<'de> for $seed<'_> {
            type Value = ();
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($expected)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut $list: A) -> Result<(), A::Error> {
                let $into = self.0;
                $items
                Ok(())
            }
        }
    };
}

object_seed!(ExportSeed, Export, "an object with experiments", |export, key, map| {
    match key.as_str() {
        "experiments" => map.next_value_seed(ExperimentsSeed(export))?,
        "version" => export.version = map.next_value()?,
        "service_kind" => export.service_kind = map.next_value()?,
        "endpoint" => export.endpoint = map.next_value()?,
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

list_seed!(ExperimentsSeed, Export, "a list of experiments", |export, list| {
    loop {
        let mut experiment = Experiment { since: Rc::clone(&export.since), ..Experiment::default() };
        if list.next_element_seed(ExperimentSeed(&mut experiment))?.is_none() {
            break;
        }
        export.experiments.push(experiment);
        if export.experiments.len() > 10_000 {
            return Err(A::Error::custom("it has more than 10000 experiments"));
        }
    }
});

object_seed!(ExperimentSeed, Experiment, "an experiment", |experiment, key, map| {
    match key.as_str() {
        "experiment" => map.next_value_seed(LoadSeed(experiment))?,
        "requests" => map.next_value_seed(RequestsSeed(experiment))?,
        "window_boundaries" => {
            experiment.windows = map.next_value::<Vec<IgnoredAny>>()?.len().saturating_sub(1);
        }
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

object_seed!(LoadSeed, Experiment, "an object with mode and value", |experiment, key, map| {
    match key.as_str() {
        "mode" => experiment.mode = map.next_value()?,
        "value" => experiment.value = map.next_value()?,
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

list_seed!(RequestsSeed, Experiment, "a list of requests", |experiment, list| {
    let mut index = 0;
    loop {
        let mut read = ReadRequest::default();
        if list.next_element_seed(RequestSeed(&mut read))?.is_none() {
            break;
        }
        experiment.since.set(0);
        match read.request() {
            Ok(Some(request)) => experiment.requests.push(request),
            Ok(None) => experiment.unanswered += 1,
            Err(problem) => {
                experiment.problem_count += 1;
                if experiment.problems.len() < 5 {
                    experiment.problems.push((index, problem));
                }
            }
        }
        index += 1;
        if index > REQUEST_LIMIT {
            return Err(A::Error::custom(format!("it has more than {REQUEST_LIMIT} requests")));
        }
    }
});

/// A request as it is being read.
#[derive(Default)]
struct ReadRequest {
    sent: Option<u64>,
    first: Option<u64>,
    last: Option<u64>,
    responses: u32,
}

impl ReadRequest {
    /// The request; `None` if nobody answered it.
    fn request(&self) -> Result<Option<Request>, String> {
        let sent = self.sent.ok_or("it has no timestamp")?;
        let (Some(first), Some(last)) = (self.first, self.last) else { return Ok(None) };
        let early = || format!("it was answered before it was sent ({first} < {sent})");
        let to_first = first.checked_sub(sent).ok_or_else(early)?;
        let latency = last.checked_sub(sent).ok_or_else(early)?;
        Ok(Some(Request { sent, latency, first: to_first, responses: self.responses }))
    }
}

object_seed!(RequestSeed, ReadRequest, "a request", |request, key, map| {
    match key.as_str() {
        "timestamp" => request.sent = map.next_value()?,
        "response_timestamps" => map.next_value_seed(ResponsesSeed(request))?,
        _ => drop(map.next_value::<IgnoredAny>()?),
    }
});

list_seed!(ResponsesSeed, ReadRequest, "a list of times", |request, list| {
    while let Some(at) = list.next_element::<u64>()? {
        request.first = Some(request.first.map_or(at, |first| first.min(at)));
        request.last = Some(request.last.map_or(at, |last| last.max(at)));
        request.responses = request.responses.saturating_add(1);
    }
});
