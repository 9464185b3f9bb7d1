//! `SageMaker` Inference Recommender: the answer of `DescribeInferenceRecommendationsJob`.
//!
//! Rates are per minute. The documentation gives latency in milliseconds while its own example is plausible only in
//! microseconds; [`LatencyUnit`] says how that is decided. Must not know prices of other machines.

use serde_json::Value;

use super::fields::{MICROS, MILLIS, add_amount, check_count, needs_results};
use super::source::{Head, Source};
use super::{Foreign, ImportError, Includes, Quantity, Results, Statistic, Unit, Validity, json};

/// An endpoint answers within this time or the invocation fails, in seconds.
const INVOCATION_LIMIT_SECS: f64 = 60.0;
/// More requests in flight than any one instance of a recommendation serves.
const MOST_IN_FLIGHT: f64 = 1_000.0;
/// Fewer in flight than an endpoint at its highest load can have: it is then hardly ever idle.
const LEAST_IN_FLIGHT: f64 = 0.1;

/// Whether JSON begins like such an answer.
pub(super) fn detects(head: &Head) -> bool {
    head.is_json()
        && (head.has_key(1, "InferenceRecommendations")
            || head.has_key(1, "EndpointPerformances")
            || (head.has_keys(1, &["JobName", "JobType", "InputConfig"])
                && head.contains("inference-recommendations-job")))
}

/// Which unit the latencies of a job are in.
///
/// By Little's law, an endpoint at its highest rate λ has λ·L requests in flight. Milliseconds are ruled out where L
/// would be beyond the limit of an invocation (60 s) or more than 1,000 would be in flight; microseconds where less
/// than a tenth of a request would be. What neither rules out stays undecided, and so does a job whose tests
/// contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LatencyUnit {
    Micros,
    Millis,
    Undecided,
}

impl LatencyUnit {
    /// For one latency and the rate per minute it was measured at.
    fn of(latency: f64, per_minute: Option<f64>) -> Self {
        let as_millis = latency / 1e3;
        let in_flight = per_minute.map(|rate| rate / 60.0 * as_millis);
        if as_millis > INVOCATION_LIMIT_SECS || in_flight.is_some_and(|count| count > MOST_IN_FLIGHT) {
            Self::Micros
        } else if in_flight.is_some_and(|count| count / 1e3 < LEAST_IN_FLIGHT) {
            Self::Millis
        } else {
            Self::Undecided
        }
    }

    /// For a job: what its tests agree on.
    fn agreed(units: impl Iterator<Item = Self>) -> Self {
        let mut agreed = Self::Undecided;
        for unit in units.filter(|unit| *unit != Self::Undecided) {
            if agreed != Self::Undecided && agreed != unit {
                return Self::Undecided;
            }
            agreed = unit;
        }
        agreed
    }
}

/// Reads the answer.
pub(super) fn read(source: &mut Source) -> Result<Results, ImportError> {
    let value = json::whole(source)?;
    let mut found: Vec<(String, &Value)> = Vec::new();
    for list in ["InferenceRecommendations", "EndpointPerformances"] {
        for (at, item) in value.get(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            found.push((format!("{list}[{at}]"), item));
        }
    }
    check_count(source, found.len())?;
    let status = json::text_at(&value, "Status");
    if found.is_empty() {
        let reason =
            json::text_at(&value, "FailureReason").map_or(String::new(), |reason| format!(": {reason}"));
        return Err(source.broken(
            "InferenceRecommendations",
            format!(
                "the job has no recommendation; its status is {}{reason}",
                status.as_deref().unwrap_or("not stated")
            ),
            "wait until the job is COMPLETED and ask again",
        ));
    }
    let unit = LatencyUnit::agreed(found.iter().filter_map(|(_, item)| {
        let metrics = item.get("Metrics")?;
        Some(LatencyUnit::of(json::number_at(metrics, "ModelLatency")?, per_minute(metrics)))
    }));
    let mut results = source.results();
    for (place, item) in found {
        results.results.extend(read_one(source, place, &value, item, unit));
    }
    needs_results(source, &results)?;
    Ok(results)
}

/// The highest rate; the documentation's examples spell it differently from the interface.
fn per_minute(metrics: &Value) -> Option<f64> {
    json::number_at(metrics, "MaxInvocations")
        .or_else(|| json::number_at(metrics, "MaximumInvocations"))
        .filter(|rate| *rate > 0.0)
}

/// One machine.
fn read_one(
    source: &mut Source,
    place: String,
    job: &Value,
    item: &Value,
    unit: LatencyUnit,
) -> Option<Foreign> {
    let metrics = item.get("Metrics").unwrap_or(&Value::Null);
    let mut foreign = source.foreign("SageMaker Inference Recommender", place.clone());
    describe(job, item, &mut foreign);
    let number = |key: &str| json::number_at(metrics, key);
    let rate = per_minute(metrics);
    foreign.add(Quantity::Throughput, Statistic::Value, rate.map(|rate| rate / 60.0), Unit::QueriesPerSecond);
    latency(number("ModelLatency"), rate, unit, &mut foreign);
    let currency = || Unit::Currency("USD".to_owned());
    let mut cost =
        |quantity, key| add_amount(&mut foreign, quantity, Statistic::Value, number(key), currency());
    cost(Quantity::CostPerHour, "CostPerHour");
    cost(Quantity::CostPerInference, "CostPerInference");
    for (key, quantity) in [
        ("CpuUtilization", Quantity::CpuUse),
        ("MemoryUtilization", Quantity::Other("memory use".to_owned())),
    ] {
        foreign.add(quantity, Statistic::Value, number(key).map(|percent| percent / 100.0), Unit::Share);
        if metrics.get(key).is_some() && number(key).is_none() {
            foreign.note(format!("{key} is not a number in the file: it was not measured."));
        }
    }
    let setup = Unit::Other("not stated".to_owned());
    foreign.add(
        Quantity::Other("ModelSetupTime".to_owned()),
        Statistic::Value,
        number("ModelSetupTime"),
        setup,
    );
    if foreign.metrics.is_empty() {
        source.warn(place, "it has no metric that can be used: it is left out");
        return None;
    }
    costs(number("CostPerHour"), number("CostPerInference"), rate, &mut foreign);
    foreign.note("Invocations are counted per minute in the file; here they are per second.");
    foreign.includes = Includes { queueing: None, transfers: Some(true), network: Some(false) };
    Some(foreign)
}

/// The latency in nanoseconds, or as it is where the unit cannot be told.
fn latency(value: Option<f64>, rate: Option<f64>, unit: LatencyUnit, foreign: &mut Foreign) {
    let Some(value) = value else { return };
    let in_flight = |nanos: f64| {
        rate.map_or(String::new(), |rate| {
            format!(", {:.3} in flight at the highest rate", rate / 60.0 * value * nanos / 1e9)
        })
    };
    match unit {
        LatencyUnit::Micros => {
            foreign.add_time(Quantity::Latency, Statistic::Value, Some(value), MICROS);
            foreign.note(format!(
                "ModelLatency {value} is taken as microseconds ({:.3} s{}): as milliseconds, which the documentation \
                 says, it would be {:.1} s{}.",
                value / 1e6,
                in_flight(MICROS),
                value / 1e3,
                in_flight(MILLIS)
            ));
        }
        LatencyUnit::Millis => {
            foreign.add_time(Quantity::Latency, Statistic::Value, Some(value), MILLIS);
            foreign.note(format!(
                "ModelLatency {value} is taken as milliseconds{}: as microseconds the endpoint would be idle at its \
                 highest rate{}.",
                in_flight(MILLIS),
                in_flight(MICROS)
            ));
        }
        LatencyUnit::Undecided => {
            let unit = Unit::Other("ms or µs".to_owned());
            foreign.add(Quantity::Other("ModelLatency".to_owned()), Statistic::Value, Some(value), unit);
            foreign.note(format!(
                "ModelLatency {value} may be milliseconds or microseconds: nothing in the file tells, so it is no \
                 latency here."
            ));
        }
    }
    foreign.note("The file does not say which statistic ModelLatency is, and it leaves out the network.");
}

/// Whether the two prices agree.
fn costs(hour: Option<f64>, inference: Option<f64>, rate: Option<f64>, foreign: &mut Foreign) {
    let (Some(hour), Some(inference), Some(rate)) = (hour, inference, rate) else { return };
    let expected = hour / 60.0 / rate;
    if (inference / expected - 1.0).abs() > 0.01 {
        foreign.note(format!(
            "CostPerInference is {inference}, but the hour's price over the invocations of an hour is {expected}."
        ));
    }
    foreign.note("The price of an inference is that at the highest load, all hour long.");
}

/// What was run where.
fn describe(job: &Value, item: &Value, foreign: &mut Foreign) {
    let config = item.get("EndpointConfiguration").unwrap_or(&Value::Null);
    let count = json::count_at(config, "InitialInstanceCount");
    foreign.system = json::text_at(config, "InstanceType").map(|instance| match count {
        Some(count) if count > 1 => format!("{count}x {instance}"),
        _ => instance,
    });
    if let Some(serverless) = config.get("ServerlessConfig").and_then(Value::as_object) {
        let shown: Vec<String> = serverless.iter().map(|(key, value)| format!("{key} {value}")).collect();
        foreign.system = Some(format!("serverless, {}", shown.join(", ")));
    }
    foreign.model = job
        .pointer("/InputConfig/ModelName")
        .or_else(|| job.pointer("/InputConfig/ModelPackageVersionArn"))
        .and_then(json::text);
    foreign.scenario = job.pointer("/InputConfig/TrafficPattern/TrafficType").and_then(json::text);
    for key in ["JobName", "JobType", "Status", "CreationTime", "CompletionTime"] {
        if let Some(text) = json::text_at(job, key) {
            foreign.set(key, text);
        }
    }
    for (key, value) in [
        ("EndpointName", config.get("EndpointName").or_else(|| item.pointer("/EndpointInfo/EndpointName"))),
        ("VariantName", config.get("VariantName")),
        ("RecommendationId", item.get("RecommendationId")),
        ("CompilationJobName", item.pointer("/ModelConfiguration/CompilationJobName")),
    ] {
        if let Some(text) = value.and_then(json::text) {
            foreign.set(key, text);
        }
    }
    let variables = item.pointer("/ModelConfiguration/EnvironmentParameters").and_then(Value::as_array);
    for variable in variables.into_iter().flatten() {
        if let (Some(key), Some(value)) = (json::text_at(variable, "Key"), json::text_at(variable, "Value")) {
            foreign.set(key, value);
        }
    }
    if let Some(status) = json::text_at(job, "Status").filter(|status| status != "COMPLETED") {
        let reason =
            json::text_at(job, "FailureReason").map_or(String::new(), |reason| format!(": {reason}"));
        foreign.validity = Validity::Invalid(vec![format!("the job's status is {status}{reason}")]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_of_latency_follows_from_the_requests_in_flight() {
        // The documentation's example: 263,596 at 648 a minute would be 264 s.
        assert_eq!(LatencyUnit::of(263_596.0, Some(648.0)), LatencyUnit::Micros);
        // 20,000 at 30,000 a minute: 10,000 in flight as milliseconds, 10 as microseconds.
        assert_eq!(LatencyUnit::of(20_000.0, Some(30_000.0)), LatencyUnit::Micros);
        // 45 at 1,200 a minute: 0.9 in flight as milliseconds, 0.0009 as microseconds.
        assert_eq!(LatencyUnit::of(45.0, Some(1_200.0)), LatencyUnit::Millis);
        // 5,000 at 6,000 a minute: 500 or 0.5 in flight; and without a rate nothing tells.
        assert_eq!(LatencyUnit::of(5_000.0, Some(6_000.0)), LatencyUnit::Undecided);
        assert_eq!(LatencyUnit::of(5_000.0, None), LatencyUnit::Undecided);
    }

    #[test]
    fn tests_of_a_job_that_contradict_each_other_leave_the_unit_undecided() {
        use LatencyUnit::{Micros, Millis, Undecided};
        assert_eq!(LatencyUnit::agreed([Undecided, Micros].into_iter()), Micros);
        assert_eq!(LatencyUnit::agreed([Millis, Micros].into_iter()), Undecided);
    }
}
