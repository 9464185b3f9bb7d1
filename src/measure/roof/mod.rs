//! This machine's measured roof: the fastest it computes and the fastest it moves memory, and where a model or a
//! node stands below it.
//!
//! The roofline model (Williams, Waterman, Patterson: "Roofline", CACM 52/4, 2009): work of `I` operations a byte
//! runs at most at `min(compute roof, I × memory roof)`. Both roofs are measured, not read from a data sheet:
//!
//! - [`gemm`] makes the model whose speed in ONNX Runtime, with the same session settings, is the compute roof
//! - [`memory`] copies memory with the same number of threads
//!
//! Must not know sessions: whoever runs the model brings the times.

pub mod gemm;
pub mod memory;

use serde::{Deserialize, Serialize};

use super::profile::{NodeTime, provider_words, short_provider};
use crate::units;
use gemm::gemm_flops;
use memory::MemoryRoof;

/// What this machine reaches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Roof {
    /// Floating-point operations a second (a multiply-add is two): the best of the sizes and rounds tried.
    pub flops_per_second: f64,
    /// Bytes a second to and from memory, reading and writing added up.
    pub bytes_per_second: f64,
    /// Threads that computed and copied.
    pub threads: u32,
    /// The execution provider that computed, by the app's name.
    pub provider: String,
    /// Element type of the products: `float32`. Work in another precision has another roof.
    pub precision: String,
    /// How it was measured, in a sentence.
    pub how: String,
}

/// Which roof is nearer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoundBy {
    /// Arithmetic.
    Compute,
    /// Moving bytes.
    Memory,
    /// Neither is near: starting the work, handing it to threads, or code that uses neither well.
    Neither,
}

/// Where some work stands below the roof.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoofPlace {
    /// Operations a second it reached; `None` where its operations are not known.
    pub flops_per_second: Option<f64>,
    /// Bytes a second it moved, each of its tensors counted once; `None` where they are not known.
    pub bytes_per_second: Option<f64>,
    /// Its part of the compute roof, 0 to 1 and above where the roof was measured too low.
    pub share_of_compute_roof: Option<f64>,
    /// Its part of the memory roof; above 1 when its tensors come from the caches.
    pub share_of_memory_roof: Option<f64>,
    /// Operations a byte.
    pub intensity: Option<f64>,
    /// The roof it stands under.
    pub bound_by: BoundBy,
    /// All of this in a sentence.
    pub sentence: String,
}

/// Below this part of both roofs, neither is what limits.
pub const NEAR_A_ROOF: f64 = 0.25;

/// Times of the products of one side, as the session that ran [`gemm::gemm_model`] gave them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GemmTimes {
    /// Side of the matrices.
    pub side: u64,
    /// Time of each run after the warm-up, in nanoseconds.
    pub nanos: Vec<u64>,
}

impl Roof {
    /// The roof from the products of several sides and the copying; the fastest run of the fastest side counts,
    /// because a roof is what can be reached. `None` when no run took any time.
    pub fn measured(
        products: &[GemmTimes],
        copying: &MemoryRoof,
        threads: u32,
        provider: &str,
        precision: &str,
    ) -> Option<Self> {
        let speed = |times: &GemmTimes| {
            let fastest = times.nanos.iter().copied().filter(|nanos| *nanos > 0).min()?;
            Some((gemm_flops(times.side)? as f64 / (fastest as f64 * 1e-9), times.side))
        };
        let (flops_per_second, side) =
            products.iter().filter_map(speed).max_by(|a, b| a.0.total_cmp(&b.0))?;
        let sides: Vec<String> = products.iter().map(|times| times.side.to_string()).collect();
        let how = format!(
            "{} chained {precision} matrix products in ONNX Runtime on {}, {threads} {}, sides {}: best {} at side \
             {side}; {}",
            gemm::PRODUCTS,
            provider_words(provider),
            if threads == 1 { "thread" } else { "threads" },
            sides.join(", "),
            flops_words(flops_per_second),
            copying.how
        );
        Some(Self {
            flops_per_second,
            bytes_per_second: copying.best_bytes_per_second,
            threads,
            provider: short_provider(provider).to_owned(),
            precision: precision.to_owned(),
            how,
        })
    }

    /// Operations a byte at which both roofs meet: below, memory is the lower one.
    pub fn ridge(&self) -> f64 {
        self.flops_per_second / self.bytes_per_second
    }

    /// Operations a second that work of this many operations a byte can reach.
    pub fn attainable(&self, intensity: f64) -> f64 {
        self.flops_per_second.min(intensity * self.bytes_per_second)
    }
}

/// Where work of `flops` and `bytes` that took `nanos` stands. `None` when nothing is known of it or the time is
/// too short for the clock.
pub fn place(nanos: f64, flops: Option<u64>, bytes: Option<u64>, roof: &Roof) -> Option<RoofPlace> {
    // A time of 0 or one that is not a number says nothing.
    if !(nanos.is_finite() && nanos > 0.0) || (flops.is_none_or(|flops| flops == 0) && bytes.is_none()) {
        return None;
    }
    let only_moves = flops == Some(0);
    let flops = flops.filter(|flops| *flops > 0);
    let per_second = |amount: u64| amount as f64 / (nanos * 1e-9);
    let flops_per_second = flops.map(per_second);
    let bytes_per_second = bytes.map(per_second);
    let of = |reached: Option<f64>, roof: f64| reached.filter(|_| roof > 0.0).map(|reached| reached / roof);
    let compute = of(flops_per_second, roof.flops_per_second);
    let memory = of(bytes_per_second, roof.bytes_per_second);
    let intensity =
        flops.zip(bytes).filter(|(_, bytes)| *bytes > 0).map(|(flops, bytes)| flops as f64 / bytes as f64);
    let (compute_share, memory_share) = (compute.unwrap_or(0.0), memory.unwrap_or(0.0));
    let bound_by = match compute_share.max(memory_share) {
        near if near < NEAR_A_ROOF => BoundBy::Neither,
        _ if compute_share >= memory_share => BoundBy::Compute,
        _ => BoundBy::Memory,
    };
    let mut place = RoofPlace {
        flops_per_second,
        bytes_per_second,
        share_of_compute_roof: compute,
        share_of_memory_roof: memory,
        intensity,
        bound_by,
        sentence: String::new(),
    };
    place.sentence = sentence(&place, roof, only_moves);
    Some(place)
}

/// Where a node stands, by its mean time without that of its sub-graphs' nodes.
pub fn place_node(node: &NodeTime, roof: &Roof) -> Option<RoofPlace> {
    if node.shapes_vary || node.calls == 0 {
        return None;
    }
    let bytes = node.bytes().filter(|bytes| *bytes > 0);
    place(node.self_nanos as f64 / node.calls as f64, node.flops, bytes, roof)
}

fn sentence(place: &RoofPlace, roof: &Roof, only_moves: bool) -> String {
    let compute = place.flops_per_second.zip(place.share_of_compute_roof).map(|(reached, share)| {
        format!(
            "{}, {} of the {} that {} products reach here",
            flops_words(reached),
            percent(share),
            flops_words(roof.flops_per_second),
            roof.precision
        )
    });
    let memory = place.bytes_per_second.zip(place.share_of_memory_roof).map(|(reached, share)| {
        format!(
            "{}, {} of the {} that copying reaches",
            bytes_words(reached),
            percent(share),
            bytes_words(roof.bytes_per_second)
        )
    });
    let (first, second) = match place.bound_by {
        BoundBy::Memory => (memory, compute),
        BoundBy::Compute | BoundBy::Neither => (compute, memory),
    };
    let numbers = first.into_iter().chain(second).collect::<Vec<_>>().join("; ");
    let meaning = match (place.bound_by, place.share_of_memory_roof, place.share_of_compute_roof) {
        (BoundBy::Compute, _, Some(share)) if share > 1.05 => {
            "faster than the roof: it computes in another precision or with fewer operations than counted"
        }
        (BoundBy::Compute, ..) => "arithmetic is the limit",
        (BoundBy::Memory, Some(share), _) if share > 1.05 => {
            "faster than memory: its tensors stay in the caches"
        }
        (BoundBy::Memory, ..) => "memory is the limit",
        (BoundBy::Neither, ..) if only_moves => "it only moves values, and most of its time is overhead",
        (BoundBy::Neither, _, None) => "far below the memory roof; its operations are not known",
        (BoundBy::Neither, ..) => "neither is the limit: the rest is overhead or code that uses neither well",
    };
    format!("{numbers}: {meaning}.")
}

/// `182 GFLOP/s`.
pub fn flops_words(per_second: f64) -> String {
    format!("{}FLOP/s", with_space(&units::si(per_second)))
}

/// `12.3 GB/s`, decimal as memory makers and STREAM count.
pub fn bytes_words(per_second: f64) -> String {
    format!("{}B/s", with_space(&units::si(per_second)))
}

/// A number without a prefix needs its space before the unit.
fn with_space(number: &str) -> String {
    if number.ends_with(|last: char| last.is_ascii_digit()) {
        format!("{number} ")
    } else {
        number.to_owned()
    }
}

fn percent(share: f64) -> String {
    super::profile::percent(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 200 GFLOP/s and 20 GB/s: the ridge is at 10 operations a byte.
    fn roof() -> Roof {
        Roof {
            flops_per_second: 200e9,
            bytes_per_second: 20e9,
            threads: 2,
            provider: "CPU".to_owned(),
            precision: "float32".to_owned(),
            how: String::new(),
        }
    }

    #[test]
    fn the_roof_is_the_lower_of_both() {
        assert!((roof().ridge() - 10.0).abs() < 1e-12);
        assert!((roof().attainable(4.0) - 80e9).abs() < 1.0);
        assert!((roof().attainable(40.0) - 200e9).abs() < 1.0);
    }

    #[test]
    fn the_fastest_run_of_the_fastest_side_is_the_roof() {
        let copying = MemoryRoof {
            best_bytes_per_second: 20e9,
            median_bytes_per_second: 18e9,
            threads: 1,
            buffer_bytes: 1,
            rounds: 1,
            how: "1 thread copied".to_owned(),
        };
        // 16·100³ = 16 MFLOP in 1 ms, 16·200³ = 128 MFLOP in 4 ms: 16 and 32 GFLOP/s.
        let products = [
            GemmTimes { side: 100, nanos: vec![0, 2_000_000, 1_000_000] },
            GemmTimes { side: 200, nanos: vec![5_000_000, 4_000_000] },
            GemmTimes { side: 300, nanos: vec![] },
        ];
        let roof = Roof::measured(&products, &copying, 1, "CPUExecutionProvider", "float32").unwrap();
        assert!((roof.flops_per_second - 32e9).abs() < 1.0);
        assert!((roof.bytes_per_second - 20e9).abs() < 1.0);
        assert_eq!(roof.provider, "CPU");
        assert_eq!(
            roof.how,
            "8 chained float32 matrix products in ONNX Runtime on the CPU, 1 thread, sides 100, 200, 300: best \
             32.0 GFLOP/s at side 200; 1 thread copied"
        );
        assert_eq!(Roof::measured(&products[2..], &copying, 1, "CPU", "float32"), None);
    }

    #[test]
    fn work_stands_under_the_roof_it_is_nearer_to() {
        // 100 MFLOP and 1 MB in 1 ms: 100 GFLOP/s is half of one roof, 1 GB/s a twentieth of the other.
        let dense = place(1e6, Some(100_000_000), Some(1_000_000), &roof()).unwrap();
        assert_eq!(dense.bound_by, BoundBy::Compute);
        assert!((dense.share_of_compute_roof.unwrap() - 0.5).abs() < 1e-12);
        assert!((dense.share_of_memory_roof.unwrap() - 0.05).abs() < 1e-12);
        assert!((dense.intensity.unwrap() - 100.0).abs() < 1e-12);
        assert_eq!(
            dense.sentence,
            "100 GFLOP/s, 50 % of the 200 GFLOP/s that float32 products reach here; 1.00 GB/s, 5.0 % of the \
             20.0 GB/s that copying reaches: arithmetic is the limit."
        );
        let thin = place(1e6, Some(4_000_000), Some(16_000_000), &roof()).unwrap();
        assert_eq!(thin.bound_by, BoundBy::Memory);
        assert!(thin.sentence.starts_with("16.0 GB/s, 80 % of"), "{}", thin.sentence);
        let slow = place(1e6, Some(1_000_000), Some(100_000), &roof()).unwrap();
        assert_eq!(slow.bound_by, BoundBy::Neither);
        let cached = place(1e6, None, Some(60_000_000), &roof()).unwrap();
        assert_eq!((cached.bound_by, cached.intensity), (BoundBy::Memory, None));
        assert!(cached.sentence.ends_with("its tensors stay in the caches."), "{}", cached.sentence);
    }

    #[test]
    fn nothing_is_said_of_what_is_not_known() {
        assert_eq!(place(1e6, None, None, &roof()), None);
        assert_eq!(place(0.0, Some(5), Some(5), &roof()), None);
        assert_eq!(place(f64::NAN, Some(5), None, &roof()), None);
        let roofless = Roof { bytes_per_second: 0.0, ..roof() };
        let placed = place(1e6, Some(100_000_000), Some(5), &roofless).unwrap();
        assert_eq!((placed.share_of_memory_roof, placed.bound_by), (None, BoundBy::Compute));
    }

    #[test]
    fn a_node_is_placed_by_its_own_time() {
        let node = NodeTime {
            calls: 4,
            total_nanos: 9_000_000,
            self_nanos: 4_000_000,
            activation_bytes: Some(400_000),
            parameter_bytes: Some(500_000),
            output_bytes: Some(100_000),
            flops: Some(100_000_000),
            ..NodeTime::default()
        };
        let placed = place_node(&node, &roof()).unwrap();
        assert!((placed.share_of_compute_roof.unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(place_node(&NodeTime { shapes_vary: true, ..node }, &roof()), None);
    }
}
