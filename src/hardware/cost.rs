//! Two pieces of arithmetic between a machine and a measurement: what a million items cost on it, and how many
//! sessions fit on it.
//!
//! Must not know where prices or measurements come from.

use super::Profile;
use crate::units::Money;

/// Bytes in a GiB.
const GIB: f64 = 1_073_741_824.0;

/// Cost of a million items (inferences at batch 1) on a machine that is paid by the hour, in the currency of the price:
///
/// price per hour ÷ (throughput × utilisation × 3,600) × 1,000,000
///
/// - `throughput_per_second`: items a second the machine can do (of all its sessions together).
/// - `utilisation`: share of that throughput really asked for, in (0, 1]; the idle rest of the hour is paid too.
///
/// This is the definition of `CostPerInference` in the Inference Recommender of Amazon `SageMaker`
/// (`CostPerHour` ÷ (`MaximumInvocations` a minute × 60), at full utilisation), times a million.
///
/// `None` when there is no such cost: throughput or utilisation is not a positive number, utilisation is above
/// 1, the price is negative, or the result does not fit.
pub fn cost_per_million(
    price_per_hour: Money,
    throughput_per_second: f64,
    utilisation: f64,
) -> Option<Money> {
    let sensible = throughput_per_second.is_finite()
        && throughput_per_second > 0.0
        && utilisation > 0.0
        && utilisation <= 1.0
        && price_per_hour >= Money::ZERO;
    if !sensible {
        return None;
    }
    Money::from_f64(price_per_hour.to_f64() / (throughput_per_second * utilisation * 3_600.0) * 1e6)
}

/// Why a measurement cannot stand on a machine at all. The words follow the machine's name and a colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Measured on a CPU; the machine's price pays for an accelerator.
    #[error("the machine has an accelerator, and this was measured on a CPU")]
    AcceleratorUnused,
    /// Measured on an accelerator; the machine has none.
    #[error("the machine has no accelerator, and this was measured on one")]
    AcceleratorMissing,
    /// One session wants more threads than the machine has virtual CPUs.
    #[error("the machine has fewer virtual CPUs than one session has threads")]
    TooManyThreads,
    /// Not even one session fits in memory.
    #[error("one session does not fit in the machine's memory")]
    Memory,
}

/// How many sessions run side by side on one machine: ⌊vCPU ÷ threads⌋ of a CPU measurement, one an accelerator
/// of an accelerator measurement, and no more than the memory holds.
///
/// Assumed, not measured: sessions on separate virtual CPUs do not slow each other (shared caches, memory
/// bandwidth and hyper-threads say otherwise in part); the sessions may use all the memory and share none of it.
///
/// - `provider`: ONNX Runtime's execution provider; any that does not compute on the CPU needs an accelerator.
/// - `threads`: 0 means "all of them", as ONNX Runtime has it: one session.
/// - `peak_memory_bytes`: peak memory of one session's process; memory limits nothing when it or the machine's
///   memory is not known.
///
/// # Errors
/// Where not one session can stand. The measured machine may leave its accelerator idle and run more threads than
/// it has CPUs: that is what was measured.
pub fn sessions(
    profile: &Profile,
    provider: &str,
    threads: u32,
    peak_memory_bytes: Option<u64>,
) -> Result<u64, Unfit> {
    let has_accelerator = profile.accelerator.is_some() || profile.accelerator_count > 0;
    let room = if runs_on_accelerator(provider) {
        if !has_accelerator {
            return Err(Unfit::AcceleratorMissing);
        }
        u64::from(profile.accelerator_count.max(1))
    } else {
        if has_accelerator && !profile.is_measured_machine {
            return Err(Unfit::AcceleratorUnused);
        }
        let wanted = f64::from(threads);
        if wanted > profile.vcpu.max(1.0) && !profile.is_measured_machine {
            return Err(Unfit::TooManyThreads);
        }
        if threads == 0 { 1 } else { (profile.vcpu / wanted).floor().max(1.0) as u64 }
    };
    let fitting = match (profile.memory_gib, peak_memory_bytes) {
        (Some(gib), Some(bytes)) if bytes > 0 => (gib * GIB / bytes as f64).floor() as u64,
        _ => u64::MAX,
    };
    match room.min(fitting) {
        0 => Err(Unfit::Memory),
        sessions => Ok(sessions),
    }
}

/// ONNX Runtime's execution providers that compute on the CPU; any other needs an accelerator.
fn runs_on_accelerator(provider: &str) -> bool {
    let name = provider.strip_suffix("ExecutionProvider").unwrap_or(provider);
    !["", "CPU", "OpenVINO", "XNNPACK", "DNNL", "ACL"].iter().any(|cpu| cpu.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::{Fingerprint, Purchase};

    const GIB_BYTES: u64 = 1 << 30;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn cost_per_million_is_the_hours_price_over_the_hours_work() {
        // By hand: 100/s is 360,000 an hour; 0.36 dollars ÷ 0.36 millions = 1.
        assert_eq!(cost_per_million(money("0.36"), 100.0, 1.0), Some(money("1")));
        // Half the work in the same paid hour costs twice as much.
        assert_eq!(cost_per_million(money("0.36"), 100.0, 0.5), Some(money("2")));
    }

    #[test]
    fn cost_per_million_agrees_with_sagemakers_documented_example() {
        // AWS documentation, DescribeInferenceRecommendationsJob example: CostPerHour 0.20399999618530273,
        // MaximumInvocations 648 a minute, CostPerInference 5.246913588052848e-06.
        let cost = cost_per_million(money("0.20399999618530273"), 648.0 / 60.0, 1.0).unwrap();
        assert!((cost.to_f64() - 5.246_913_588_052_848).abs() < 1e-6, "{cost}");
    }

    #[test]
    fn a_cost_that_does_not_exist_is_none_and_never_zero() {
        for (throughput, utilisation) in [
            (0.0, 1.0),
            (-1.0, 1.0),
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
            (1.0, 0.0),
            (1.0, 1.01),
            (1.0, f64::NAN),
        ] {
            assert_eq!(
                cost_per_million(money("1"), throughput, utilisation),
                None,
                "{throughput} {utilisation}"
            );
        }
        assert_eq!(cost_per_million(money("-1"), 1.0, 1.0), None);
        assert_eq!(cost_per_million(money("1"), 1e-300, 1e-300), None);
    }

    /// A rented machine without an accelerator.
    fn machine(vcpu: f64, memory_gib: Option<f64>) -> Profile {
        let own = Profile::this_machine(&Fingerprint::default(), money("1"), "USD");
        Profile { vcpu, memory_gib, is_measured_machine: false, purchase: Purchase::OnDemand, ..own }
    }

    #[test]
    fn sessions_are_limited_by_threads_and_by_memory() {
        let eight = machine(8.0, Some(4.0));
        assert_eq!(sessions(&eight, "CPU", 1, None), Ok(8));
        assert_eq!(sessions(&eight, "CPU", 3, None), Ok(2));
        assert_eq!(sessions(&eight, "CPU", 0, None), Ok(1), "0 threads are all of them");
        assert_eq!(sessions(&eight, "CPU", 1, Some(GIB_BYTES)), Ok(4), "4 GiB hold four sessions of 1 GiB");
        assert_eq!(sessions(&eight, "CPU", 4, Some(GIB_BYTES)), Ok(2));
        assert_eq!(sessions(&eight, "CPU", 1, Some(5 * GIB_BYTES)), Err(Unfit::Memory), "5 GiB in 4");
        let unknown = machine(8.0, None);
        assert_eq!(sessions(&unknown, "CPU", 1, Some(5 * GIB_BYTES)), Ok(8), "unknown memory limits nothing");
    }

    #[test]
    fn only_the_measured_machine_runs_more_threads_than_it_has_cpus() {
        let eight = machine(8.0, None);
        assert_eq!(sessions(&eight, "CPU", 8, None), Ok(1));
        assert_eq!(sessions(&eight, "CPU", 9, None), Err(Unfit::TooManyThreads));
        assert_eq!(sessions(&machine(0.5, None), "CPU", 1, None), Ok(1), "one thread on a share of a CPU");
        let own = Profile { is_measured_machine: true, ..eight };
        assert_eq!(sessions(&own, "CPU", 9, None), Ok(1));
    }

    #[test]
    fn accelerators_hold_what_was_measured_on_them() {
        let gpus = Profile {
            accelerator: Some("NVIDIA T4".to_owned()),
            accelerator_count: 2,
            ..machine(8.0, Some(16.0))
        };
        for provider in ["CUDA", "TensorRT", "CUDAExecutionProvider"] {
            assert_eq!(sessions(&gpus, provider, 16, Some(GIB_BYTES)), Ok(2), "{provider}: one a GPU");
            assert_eq!(sessions(&machine(8.0, None), provider, 1, None), Err(Unfit::AcceleratorMissing));
        }
        for provider in ["CPU", "OpenVINO", "CPUExecutionProvider"] {
            assert_eq!(sessions(&gpus, provider, 2, None), Err(Unfit::AcceleratorUnused), "{provider}");
        }
        let own = Profile { is_measured_machine: true, ..gpus };
        assert_eq!(sessions(&own, "CPU", 2, None), Ok(4));
    }

    #[test]
    fn what_does_not_fit_is_said_in_words() {
        let found = sessions(&machine(2.0, None), "CPU", 4, None).unwrap_err().to_string();
        assert_eq!(found, "the machine has fewer virtual CPUs than one session has threads");
    }
}
