//! Waiting in line where service times are exponential: Erlang's formulas and M/M/c, the cross-check of
//! [`super::mdc`]. Knows nothing of models or machines.
//!
//! Everything is free of units: `load` is arrivals per mean service time (λ·S, in erlangs), `servers` is c,
//! and times are counted in mean service times. `None` means that no answer exists: no servers, a load that
//! is negative or not a number, or a queue that grows without bound (`load ≥ servers`).

/// The share of arrivals lost by `servers` servers without a waiting room (Erlang B, 1917).
///
/// From 1/B = Σ_{i=0..c} c·(c−1)…(c−i+1)/aⁱ, whose terms are all positive: stable for any size, and cut
/// off after about √c terms once they no longer count.
pub fn erlang_b(servers: u64, load: f64) -> Option<f64> {
    if servers == 0 || load.is_nan() || load < 0.0 {
        return None;
    }
    let (mut term, mut sum, mut free) = (1.0_f64, 1.0_f64, servers as f64);
    while free > 0.0 && (free > load || term > 1e-17 * sum) {
        term *= free / load;
        sum += term;
        if sum.is_infinite() {
            return Some(0.0);
        }
        free -= 1.0;
    }
    Some(1.0 / sum)
}

/// The share of arrivals that wait in M/M/c (Erlang C): B / (1 − ρ·(1 − B)).
pub fn erlang_c(servers: u64, load: f64) -> Option<f64> {
    stable(servers, load)?;
    let blocked = erlang_b(servers, load)?;
    Some(blocked / (1.0 - load / servers as f64 * (1.0 - blocked)))
}

/// Mean wait of M/M/c, in service times: C / (c − a).
pub fn mmc_mean_wait(servers: u64, load: f64) -> Option<f64> {
    Some(erlang_c(servers, load)? / (servers as f64 - load))
}

/// The wait in M/M/c that a share `p` of arrivals stays within: max(0, ln(C / (1 − p)) / (c − a)).
pub fn mmc_wait_percentile(servers: u64, load: f64, p: f64) -> Option<f64> {
    let waiting = erlang_c(servers, load)?;
    Some(((waiting / (1.0 - p)).ln() / (servers as f64 - load)).max(0.0))
}

/// The time from arrival to departure in M/M/c that a share `p` of arrivals stays within.
///
/// P(T > t) = e^{−t} + C/(1−θ)·(e^{−θt} − e^{−t}) with θ = c − a (θ = 1: e^{−t}·(1 + C·t)), solved by bisection.
pub fn mmc_sojourn_percentile(servers: u64, load: f64, p: f64) -> Option<f64> {
    let waiting = erlang_c(servers, load)?;
    let rate = servers as f64 - load;
    let longer_than = |t: f64| {
        let mixed = if (rate - 1.0).abs() < 1e-9 {
            t * (-t).exp()
        } else {
            // (e^{−θt} − e^{−t}) / (1 − θ) without cancellation near θ = 1.
            (-t).exp() * ((1.0 - rate) * t).exp_m1() / (1.0 - rate)
        };
        (-t).exp() + waiting * mixed
    };
    let mut high = 1.0;
    while longer_than(high) > 1.0 - p {
        high *= 2.0;
        if high > 1e12 {
            return None;
        }
    }
    let mut low = 0.0;
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if longer_than(middle) > 1.0 - p { low = middle } else { high = middle }
    }
    Some(high)
}

/// `Some` when the queue has a stationary state.
pub(super) fn stable(servers: u64, load: f64) -> Option<()> {
    (servers > 0 && load >= 0.0 && load < servers as f64).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// c, ρ, Erlang B, Erlang C, mean wait, p99 of the wait, p95 and p99 of the time in the system: computed
    /// independently with scipy and checked by simulation (planning notes §2).
    const TABLE: [(u64, [f64; 7]); 9] = [
        (1, [0.8, 0.444_444, 0.800_000, 4.000_000, 21.910_133, 14.978_661, 23.025_851]),
        (2, [0.8, 0.329_897, 0.711_111, 1.777_778, 10.660_609, 7.910_684, 11.937_370]),
        (4, [0.7, 0.183_724, 0.428_654, 0.357_212, 3.131_721, 3.752_496, 5.492_557]),
        (4, [0.9, 0.270_685, 0.787_753, 1.969_383, 10.916_500, 8.165_525, 12.193_167]),
        (8, [0.9, 0.190_313, 0.701_533, 0.876_916, 5.313_354, 4.925_147, 7.087_347]),
        (16, [0.95, 0.150_723, 0.780_192, 0.975_241, 5.446_194, 5.051_483, 7.216_606]),
        (32, [0.9, 0.077_975, 0.458_197, 0.143_186, 1.195_223, 3.184_767, 4.794_356]),
        (64, [0.9, 0.043_124, 0.310_663, 0.048_541, 0.536_894, 3.051_669, 4.661_106]),
        (100, [0.95, 0.048_804, 0.506_457, 0.101_291, 0.784_971, 3.114_949, 4.724_387]),
    ];

    #[test]
    fn erlang_and_mmc_equal_the_reference_table() {
        for (c, [rho, b, erlang, wait, wait_p99, sojourn_p95, sojourn_p99]) in TABLE {
            let load = rho * c as f64;
            for (what, got, expected) in [
                ("Erlang B", erlang_b(c, load), b),
                ("Erlang C", erlang_c(c, load), erlang),
                ("mean wait", mmc_mean_wait(c, load), wait),
                ("p99 wait", mmc_wait_percentile(c, load, 0.99), wait_p99),
                ("p95 sojourn", mmc_sojourn_percentile(c, load, 0.95), sojourn_p95),
                ("p99 sojourn", mmc_sojourn_percentile(c, load, 0.99), sojourn_p99),
            ] {
                let got = got.unwrap();
                assert!((got - expected).abs() < 1e-6, "{what} of c={c}, ρ={rho}: {got}, not {expected}");
            }
        }
    }

    /// Replicas for a p99 wait of half a service time, from the same source: load → servers.
    #[test]
    fn pooling_needs_ever_less_headroom() {
        for (load, servers) in [(1.0, 4), (10.0, 15), (50.0, 57), (100.0, 108), (500.0, 509)] {
            let enough = |c: &u64| mmc_wait_percentile(*c, load, 0.99).is_some_and(|wait| wait <= 0.5);
            assert_eq!((1..2_000).find(enough), Some(servers), "load {load}");
        }
    }

    #[test]
    fn a_queue_without_a_steady_state_has_no_wait() {
        for (servers, load) in [(0, 0.0), (1, 1.0), (4, 4.5), (2, f64::NAN), (2, -1.0), (2, f64::INFINITY)] {
            assert_eq!(mmc_mean_wait(servers, load), None, "c={servers}, a={load}");
        }
        assert_eq!(mmc_mean_wait(3, 0.0), Some(0.0));
    }

    /// B(c, a) for large c: the forward recurrence B(k) = a·B(k−1) / (k + a·B(k−1)), which is another way.
    #[test]
    fn large_offices_agree_with_the_forward_recurrence() {
        for (c, load) in [(1_000_u64, 950.0), (100_000, 99_000.0), (100_000, 99_999.0), (5_000, 100.0)] {
            let mut b = 1.0;
            for k in 1..=c {
                b = load * b / (k as f64 + load * b);
            }
            let got = erlang_b(c, load).unwrap();
            assert!((got - b).abs() <= 1e-10 * b.max(1e-12), "c={c}, a={load}: {got}, not {b}");
        }
    }
}
