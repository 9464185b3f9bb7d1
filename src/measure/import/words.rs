//! What another tool's result says, in words for people: numbers with their unit, how load was made, what a latency
//! includes, how a percentile is picked.
//!
//! Must not know where the words are shown, nor any format of results.

use super::{Foreign, Includes, Metric, Quantiles, Quantity, Statistic, Unit, Validity};
use crate::units;

impl Quantity {
    /// `time to first token`.
    pub fn words(&self) -> &str {
        match self {
            Self::Latency => "latency",
            Self::Compute => "compute on the device",
            Self::HostToDevice => "copy to the device",
            Self::DeviceToHost => "copy from the device",
            Self::Enqueue => "enqueue",
            Self::Queue => "server queue",
            Self::Client => "client",
            Self::FirstToken => "time to first token",
            Self::TimePerOutputToken => "time per output token",
            Self::InterToken => "time between tokens",
            Self::Load => "load",
            Self::FirstInference => "first inference",
            Self::WarmUp => "warm-up",
            Self::Throughput => "throughput",
            Self::Goodput => "goodput",
            Self::InputTokens => "prompt tokens",
            Self::OutputTokens => "generated tokens",
            Self::TotalTokens => "all tokens",
            Self::Duration => "duration",
            Self::Issued => "queries sent",
            Self::Completed => "queries answered",
            Self::Failed => "queries failed",
            Self::Memory => "memory",
            Self::AcceleratorMemory => "accelerator memory",
            Self::CpuUse => "CPU use",
            Self::AcceleratorUse => "accelerator use",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Accuracy => "accuracy",
            Self::CostPerHour => "cost per hour",
            Self::CostPerInference => "cost per inference",
            Self::Other(name) => name,
        }
    }
}

impl Statistic {
    /// `p99`, `mean`; empty for the one value there is.
    pub fn words(self) -> String {
        match self {
            Self::Value => String::new(),
            Self::Mean => "mean".to_owned(),
            Self::Min => "least".to_owned(),
            Self::Max => "most".to_owned(),
            Self::StdDev => "standard deviation".to_owned(),
            Self::Percentile(percent) => format!("p{percent}"),
            Self::Total => "sum".to_owned(),
            Self::EarlyStopping(percent) => format!("p{percent}, 99 % upper bound"),
        }
    }
}

impl Unit {
    /// What stands behind the number where the number is not reshaped: `queries/s`, `ns`.
    pub fn words(&self) -> &str {
        match self {
            Self::Nanos => "ns",
            Self::SamplesPerSecond => "samples/s",
            Self::QueriesPerSecond => "queries/s",
            Self::TokensPerSecond => "tokens/s",
            Self::Seconds => "s",
            Self::Count => "",
            Self::Bytes => "bytes",
            Self::Share => "of 1",
            Self::Watts => "W",
            Self::Joules => "J",
            Self::Currency(name) | Self::Other(name) => name,
        }
    }
}

impl Metric {
    /// The value as people read it, with its unit: `1.23 ms`, `1,234 queries/s`.
    pub fn words(&self) -> String {
        let value = self.value;
        match &self.unit {
            Unit::Nanos => units::duration_ms(value / 1e6),
            Unit::Bytes if value >= 0.0 => units::bytes(value.round() as u64),
            Unit::Share => format!("{} %", units::three_digits(value * 100.0)),
            Unit::Count if value.fract() == 0.0 && (0.0..1e15).contains(&value) => {
                units::group_thousands(value as u128)
            }
            unit => {
                let words = unit.words();
                let space = if words.is_empty() { "" } else { " " };
                format!("{}{space}{words}", units::three_digits(value))
            }
        }
    }

    /// How coarsely the tool wrote it: `±0.5 ms`; empty where that does not matter.
    pub fn rounding_words(&self) -> String {
        let rounded = self.rounding.map(|rounding| Self { value: rounding, rounding: None, ..self.clone() });
        rounded.map_or_else(String::new, |half| format!("±{} by rounding", half.words()))
    }
}

impl Quantiles {
    /// How the tool picks a percentile, in a sentence without its end.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unknown => "how the tool picks a percentile is not known",
            Self::FloorIndex => "percentile = sorted[floor(n·p)], MLPerf's definition",
            Self::InverseCdf => "percentile = sorted[ceil(n·p) − 1], as Inferometer's own",
            Self::Linear => "percentile interpolated between neighbours",
            Self::Nearest => "percentile = sorted[round(p·(n − 1))], nearest rank",
            Self::Histogram => "percentile estimated from a histogram's buckets",
        }
    }
}

impl Includes {
    /// What latency includes and what not: name, and whether; `None` where it is not known.
    pub fn parts(self) -> [(&'static str, Option<bool>); 3] {
        let Self { queueing, transfers, network } = self;
        [("queueing", queueing), ("transfers", transfers), ("network", network)]
    }

    /// `queueing, transfers; not network`, `not known`.
    pub fn words(self) -> String {
        let named = |wanted: bool| -> Vec<&str> {
            self.parts().into_iter().filter(|(_, is)| *is == Some(wanted)).map(|(name, _)| name).collect()
        };
        let (with, without) = (named(true), named(false));
        let without = without.iter().map(|name| format!("no {name}")).collect::<Vec<_>>();
        let all: Vec<String> = with.into_iter().map(str::to_owned).chain(without).collect();
        if all.is_empty() { "not known".to_owned() } else { all.join(", ") }
    }
}

impl Validity {
    /// `valid`, `invalid`; empty where the tool says nothing.
    pub fn words(&self) -> &'static str {
        match self {
            Self::NotStated => "",
            Self::Valid => "valid",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl Foreign {
    /// The tool with its version: `trtexec 10.2.0`.
    pub fn tool_words(&self) -> String {
        match &self.tool_version {
            Some(version) => format!("{} {version}", self.tool),
            None => self.tool.clone(),
        }
    }

    /// Batch, queries in flight and rate, as far as the file says them: `batch 8, 16 in flight`.
    pub fn load_words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.batch.map(|batch| format!("batch {batch}")));
        words.extend(self.concurrency.map(|count| format!("{count} in flight")));
        words.extend(self.rate_per_second.map(|rate| format!("{}/s sent", units::three_digits(rate))));
        words.join(", ")
    }

    /// The throughput a table shows: samples or queries per second where the file has them, else tokens per second.
    pub fn throughput(&self) -> Option<&Metric> {
        let rate = |quantity: &Quantity| {
            let of_it = || self.metrics.iter().filter(|metric| metric.quantity == *quantity);
            let by = |unit: &Unit| {
                let plain = |metric: &&Metric| matches!(metric.statistic, Statistic::Value | Statistic::Mean);
                of_it().filter(|metric| metric.unit == *unit).find(plain)
            };
            by(&Unit::SamplesPerSecond)
                .or_else(|| by(&Unit::QueriesPerSecond))
                .or_else(|| by(&Unit::TokensPerSecond))
        };
        [Quantity::Throughput, Quantity::OutputTokens, Quantity::TotalTokens, Quantity::InputTokens]
            .iter()
            .find_map(rate)
    }

    /// A percentile of latency, in nanoseconds.
    pub fn latency(&self, percent: f64) -> Option<&Metric> {
        self.metrics.iter().find(|metric| {
            metric.quantity == Quantity::Latency
                && metric.unit == Unit::Nanos
                && matches!(metric.statistic, Statistic::Percentile(other) if (other - percent).abs() < 1e-9)
        })
    }

    /// What the file says of latency where it has not the percentile asked for: `mean 1.23 ms, most 4.56 ms`.
    pub fn other_latency_words(&self) -> String {
        let latencies = self.metrics.iter().filter(|metric| metric.quantity == Quantity::Latency);
        let words: Vec<String> =
            latencies.map(|metric| format!("{} {}", metric.statistic.words(), metric.words())).collect();
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(quantity: Quantity, statistic: Statistic, value: f64, unit: Unit) -> Metric {
        Metric { quantity, statistic, value, unit, rounding: None }
    }

    #[test]
    fn a_number_is_said_with_its_unit_and_what_it_was_rounded_to() {
        let latency = metric(Quantity::Latency, Statistic::Percentile(99.9), 1_234_567.0, Unit::Nanos);
        assert_eq!((latency.words().as_str(), latency.statistic.words().as_str()), ("1.23 ms", "p99.9"));
        let rounded = Metric { rounding: Some(500_000.0), ..latency };
        assert_eq!(rounded.rounding_words(), "±500 µs by rounding");
        let share = metric(Quantity::CpuUse, Statistic::Mean, 0.5, Unit::Share);
        assert_eq!(share.words(), "50.0 %");
    }

    #[test]
    fn what_is_included_is_not_mixed_up_with_what_is_not_known() {
        let all = Includes { queueing: Some(true), transfers: None, network: Some(false) };
        assert_eq!(all.words(), "queueing, no network");
        assert_eq!(Includes::default().words(), "not known");
    }

    #[test]
    fn samples_come_before_queries_and_queries_before_tokens() {
        let tokens = metric(Quantity::OutputTokens, Statistic::Value, 900.0, Unit::TokensPerSecond);
        let queries = metric(Quantity::Throughput, Statistic::Value, 3.0, Unit::QueriesPerSecond);
        let samples = metric(Quantity::Throughput, Statistic::Value, 24.0, Unit::SamplesPerSecond);
        let shown = |metrics: &[&Metric]| {
            let foreign =
                Foreign { metrics: metrics.iter().copied().cloned().collect(), ..Foreign::default() };
            foreign.throughput().map(Metric::words)
        };
        assert_eq!(shown(&[&tokens]).as_deref(), Some("900 tokens/s"));
        assert_eq!(shown(&[&tokens, &queries]).as_deref(), Some("3.00 queries/s"));
        assert_eq!(shown(&[&tokens, &queries, &samples]).as_deref(), Some("24.0 samples/s"));
        assert_eq!(shown(&[]), None);
    }
}
