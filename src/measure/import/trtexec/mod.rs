//! TensorRT's trtexec: its log, the times and profile it exports, and TREX's metadata made from its log.

mod log;
mod profile;
mod times;
mod trex;

use super::{Foreign, Quantiles, Quantity, Reader, Statistic};

const TOOL: &str = "trtexec";

/// trtexec's formats.
pub(super) const READERS: &[Reader] = &[
    Reader { format: "trtexec log", detects: log::detects, read: log::read },
    Reader { format: "trtexec times", detects: times::detects, read: times::read },
    Reader { format: "trtexec layer profile", detects: profile::detects, read: profile::read },
    Reader { format: "TREX profile metadata", detects: trex::detects, read: trex::read },
];

/// What trtexec measures under which name.
fn quantity(name: &str) -> Option<Quantity> {
    Some(match name.to_ascii_lowercase().as_str() {
        "latency" | "host latency" => Quantity::Latency,
        "end-to-end host latency" => Quantity::Other("end-to-end latency".to_owned()),
        "enqueue time" => Quantity::Enqueue,
        "h2d latency" => Quantity::HostToDevice,
        "d2h latency" => Quantity::DeviceToHost,
        "gpu compute time" | "gpu compute" => Quantity::Compute,
        _ => return None,
    })
}

/// What holds for every trtexec result: definitions and traps.
fn finish(foreign: &mut Foreign) {
    // Reporting takes sorted[n - 1 - floor(n·(1 - p))].
    foreign.quantiles = Quantiles::InverseCdf;
    foreign.includes.queueing = Some(false);
    foreign.includes.network = Some(false);
    let switched_off = foreign
        .settings
        .iter()
        .find(|(key, _)| key.eq_ignore_ascii_case("data transfers"))
        .map(|(_, value)| value.eq_ignore_ascii_case("disabled"));
    let copied = foreign.value(&Quantity::HostToDevice, Statistic::Max).map(|nanos| nanos > 0.0);
    foreign.includes.transfers = copied.or(switched_off.map(|off| !off));
    if foreign.includes.transfers == Some(false) {
        foreign.note(
            "Copies between host and device are left out (H2D and D2H are 0): latency is compute alone and not \
             comparable with a log that has copies.",
        );
    }
    let major =
        foreign.tool_version.as_deref().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= 11) {
        foreign.note(
            "From TensorRT 11 on, trtexec leaves copies out, uses CUDA graphs and waits spinning unless told \
             otherwise: do not compare with older logs without looking at the options.",
        );
    }
    if foreign.concurrency.is_some_and(|streams| streams > 1.0) {
        foreign.note(
            "With several streams, trtexec's latencies are not those of one query: use the throughput.",
        );
    }
    if foreign.batch != Some(1) {
        foreign.note("Throughput counts queries, not items: one query is one batch.");
    }
    foreign.note(
        "The next inference is enqueued while one computes: latency leaves out the host's waiting, and an \
         application that sends one at a time sees more.",
    );
}

/// The batch in shapes as trtexec writes them: `input.1=32x3x224x224+ids=32x128`.
fn batch_of(shapes: &str) -> Option<u64> {
    let mut batches = shapes.split(['+', ',']).filter_map(|shape| {
        let (_, dims) = shape.rsplit_once(['=', ':'])?;
        dims.trim().split('x').next()?.parse::<u64>().ok()
    });
    let first = batches.next()?;
    batches.all(|batch| batch == first).then_some(first)
}
