//! Queueing, cost, search: against other methods than the planner's own, and demand from files.

use std::path::{Path, PathBuf};

use inferometer::demand;
use inferometer::hardware::{Profile, Purchase};
use inferometer::plan::{self, Measured, Question, mdc, queueing};
use inferometer::units::Money;

/// Seeded uniform numbers (`SplitMix64`; Steele, Lea & Flood 2014).
struct Random(u64);

impl Random {
    /// Exponential with mean 1.
    fn exponential(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        // In (0, 1]: the logarithm exists.
        -(((bits >> 11) as f64 + 1.0) / (1_u64 << 53) as f64).ln()
    }
}

/// Sojourn times of `requests` requests at `rate` per second, sent `batch` at a time to the first free of `servers`
/// servers that take `service` seconds. Batches finish in the order they start, since all take equally long.
fn simulate(seed: u64, rate: f64, batch: usize, servers: usize, service: f64, requests: usize) -> Vec<f64> {
    let mut random = Random(seed);
    let mut done = vec![f64::NEG_INFINITY; servers];
    let mut sojourns = Vec::with_capacity(requests);
    let mut arrivals = Vec::with_capacity(batch);
    let (mut now, mut next) = (0.0, 0);
    while sojourns.len() < requests {
        arrivals.clear();
        for _ in 0..batch {
            now += random.exponential() / rate;
            arrivals.push(now);
        }
        let end = f64::max(now, done[next]) + service;
        done[next] = end;
        next = (next + 1) % servers;
        sojourns.extend(arrivals.iter().map(|arrival| end - arrival));
    }
    sojourns
}

fn p99(mut values: Vec<f64>) -> f64 {
    let rank = (0.99 * values.len() as f64).ceil() as usize - 1;
    *values.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// The estimate against simulation: within 2 % of wait plus service. (Against the exact distribution it is held
/// to 0.7 % by a unit test; the rest is the simulation's own noise.)
#[test]
fn the_p99_estimate_agrees_with_simulation() {
    for (servers, rho) in
        [(1, 0.6), (1, 0.85), (2, 0.3), (2, 0.8), (4, 0.9), (8, 0.7), (24, 0.85), (100, 0.95)]
    {
        let load = rho * servers as f64;
        let simulated = p99(simulate(7 + servers as u64, load, 1, servers, 1.0, 3_000_000));
        let estimate = 1.0 + mdc::wait_percentile(servers as u64, load, 0.99).unwrap();
        assert!(
            (estimate / simulated - 1.0).abs() < 0.02,
            "c={servers}, ρ={rho}: estimate {estimate:.4}, simulation {simulated:.4}"
        );
    }
}

/// What an offer says about batches, against simulation of the dispatcher it describes: never below the truth by
/// more than 1 %, and not more than 60 % above it (the first request of a batch stands for all).
#[test]
fn the_p99_of_a_batched_offer_is_a_careful_estimate() {
    for (batch, service_ms, rps, sessions) in [
        (1, 10.0, 360.0, 4),
        (2, 10.0, 150.0, 1),
        (4, 16.0, 200.0, 1),
        (4, 16.0, 900.0, 4),
        (8, 20.0, 350.0, 1),
        (8, 20.0, 40.0, 2),
    ] {
        let simulated = p99(simulate(11, rps, batch, sessions, service_ms / 1e3, 2_000_000)) * 1e3;
        let measured = Measured {
            id: "m".to_owned(),
            variant: "m.onnx".to_owned(),
            batch: batch as u64,
            threads: 1,
            provider: "CPU".to_owned(),
            p50_ms: service_ms,
            p99_ms: service_ms,
            throughput_per_second: batch as f64 * 1e3 / service_ms,
            peak_memory_bytes: None,
            accuracy: None,
            same_machine: true,
            samples: 1_000,
        };
        let question = Question {
            rps,
            p99_limit_ms: 1e9,
            utilisation: 1.0,
            today_per_month: None,
            currency: "USD".to_owned(),
        };
        let answer = plan::answer(&question, &[measured], &[machine(sessions as f64)]);
        let offer = &answer.offers[answer.best.unwrap()];
        assert_eq!((offer.replicas, offer.sessions_per_replica), (1, sessions as u64));
        let ratio = offer.p99_ms.unwrap() / simulated;
        assert!(
            (0.99..1.6).contains(&ratio),
            "batch {batch}, {rps}/s on {sessions}: offer {:?} ms, simulation {simulated:.2} ms",
            offer.p99_ms
        );
    }
}

fn machine(vcpu: f64) -> Profile {
    Profile {
        id: "own".to_owned(),
        name: "own".to_owned(),
        provider: "own".to_owned(),
        instance: "desk".to_owned(),
        region: String::new(),
        purchase: Purchase::Owned,
        price_per_hour: "0.1".parse::<Money>().unwrap(),
        currency: "USD".to_owned(),
        vcpu,
        memory_gib: None,
        accelerator: None,
        accelerator_count: 0,
        speed_factor: None,
        is_measured_machine: true,
        source: "typed in".to_owned(),
    }
}

/// The stationary state of N(t+D) = max(N(t) − c, 0) + Poisson(a) by plain iteration, and from it the mean wait
/// and the share that waits: another way than the planner's.
fn by_iteration(servers: usize, load: f64) -> (f64, f64) {
    let size = 150 + servers * 20;
    let mut arrivals = vec![0.0; size];
    arrivals[0] = f64::exp(-load);
    for n in 1..size {
        arrivals[n] = arrivals[n - 1] * load / n as f64;
    }
    let mut state = vec![0.0; size];
    state[0] = 1.0;
    for _ in 0..1_500 {
        let mut next = vec![0.0; size];
        for (n, p) in state.iter().enumerate() {
            let left = n.saturating_sub(servers);
            for (total, arrival) in next[left..].iter_mut().zip(&arrivals) {
                *total += p * arrival;
            }
        }
        state = next;
    }
    let mean: f64 = state.iter().enumerate().map(|(n, p)| n as f64 * p).sum();
    let waiting: f64 = state[servers..].iter().sum();
    (mean / load - 1.0, waiting)
}

#[test]
fn m_d_c_equals_the_chain_solved_by_iteration() {
    for (servers, load) in [(1, 0.8), (2, 1.6), (4, 2.8), (8, 5.6)] {
        let (mean, waiting) = by_iteration(servers, load);
        let exact = mdc::mean_wait(servers as u64, load).unwrap();
        assert!((exact - mean).abs() < 1e-7, "c={servers}, a={load}: {exact}, not {mean}");
        let share = mdc::ExactWaits::new(servers as u64, load).unwrap().longer_than(0.0);
        assert!((share - waiting).abs() < 1e-7, "c={servers}, a={load}: {share}, not {waiting}");
    }
}

/// 95th and 99th percentile of the time in M/D/4 at ρ = 0.9 by another simulator (Ciw 3.2.7, eight seeds; planning
/// notes §2): 4.508 ± 0.130 and 6.553 ± 0.395; share waiting and p99 of the wait from the exact distribution.
#[test]
fn the_exact_distribution_lies_within_another_simulators_interval() {
    let waits = mdc::ExactWaits::new(4, 3.6).unwrap();
    assert!((waits.longer_than(0.0) - 0.775_436_586).abs() < 1e-8);
    assert!((1.0 + waits.percentile(0.95) - 4.508).abs() < 0.13);
    assert!((1.0 + waits.percentile(0.99) - 6.553).abs() < 0.395);
}

fn samples() -> PathBuf {
    PathBuf::from(
        std::env::var_os("INFEROMETER_SAMPLES").expect("set INFEROMETER_SAMPLES to the sample folder"),
    )
}

#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn queueing_equals_every_number_of_the_sample_vectors() {
    let text = std::fs::read_to_string(samples().join("vectors/queue_reference.json")).unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let number = |row: &serde_json::Value, key: &str| row[key].as_f64().unwrap();
    let mut checked = 0;
    for row in vectors["mmc"].as_array().unwrap() {
        let (servers, load) = (row["c"].as_u64().unwrap(), number(row, "lam"));
        for (key, got) in [
            ("ErlangB", queueing::erlang_b(servers, load)),
            ("ErlangC", queueing::erlang_c(servers, load)),
            ("Wq", queueing::mmc_mean_wait(servers, load)),
            ("Wq_p50", queueing::mmc_wait_percentile(servers, load, 0.5)),
            ("Wq_p95", queueing::mmc_wait_percentile(servers, load, 0.95)),
            ("Wq_p99", queueing::mmc_wait_percentile(servers, load, 0.99)),
            ("T_p50", queueing::mmc_sojourn_percentile(servers, load, 0.5)),
            ("T_p95", queueing::mmc_sojourn_percentile(servers, load, 0.95)),
            ("T_p99", queueing::mmc_sojourn_percentile(servers, load, 0.99)),
        ] {
            let (got, expected) = (got.unwrap(), number(row, key));
            assert!((got - expected).abs() < 1e-8 * expected.max(1.0), "{key} of {row}: {got}");
            checked += 1;
        }
    }
    for row in vectors["mdc"].as_array().unwrap() {
        let servers = row["c"].as_u64().unwrap();
        let load = number(row, "rho") * servers as f64;
        let waits = mdc::ExactWaits::new(servers, load).unwrap();
        for (key, got) in [
            ("Wq_exact", mdc::mean_wait(servers, load).unwrap()),
            ("P_wait_exact", waits.longer_than(0.0)),
            ("Wq_Cosmetatos", mdc::mean_wait_cosmetatos(servers, load).unwrap()),
        ] {
            let expected = number(row, key);
            assert!((got - expected).abs() < 1e-8 * expected.max(1.0), "{key} of {row}: {got}");
            checked += 1;
        }
    }
    assert_eq!(checked, 15 * 9 + 12 * 3);
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/demand").join(name)
}

#[test]
fn a_demand_file_becomes_a_trace_with_its_gaps_said() {
    let import = demand::read(&fixture("counts.csv")).unwrap();
    assert_eq!(import.trace.requests, [1_200.0, 900.0, 1_500.0, 600.0, 3_000.0]);
    // date -u -d 2026-10-19 +%s
    assert_eq!((import.trace.start_unix_secs, import.trace.interval_secs), (1_792_368_000, 60.0));
    assert_eq!(import.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [Some(6), Some(5)]);
    let summary = import.trace.summary().unwrap();
    assert_eq!((summary.mean_rps, summary.peak_rps), (24.0, 50.0));

    let arrivals = demand::read(&fixture("arrivals.csv")).unwrap();
    assert_eq!(arrivals.trace.requests, [3.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(arrivals.trace.source, "arrivals.csv");

    let error = demand::read(&fixture("unsorted.csv")).unwrap_err().to_string();
    assert!(
        error.contains("line 4: `2026-10-19T00:01:00Z` is not later") && error.ends_with("unsorted.csv"),
        "{error}"
    );
}

/// Totals and peaks: counted from the files with another program; ratios of the Azure traces: planning notes §3.
#[test]
#[ignore = "needs INFEROMETER_SAMPLES"]
fn public_traces_have_their_known_size_and_burstiness() {
    let traces = samples().join("traces");
    let amazon = demand::read(&traces.join("nab/Twitter_volume_AMZN.csv")).unwrap();
    let summary = amazon.trace.summary().unwrap();
    assert_eq!(
        (amazon.trace.requests.len(), summary.requests, summary.peak_rps),
        (15_831, 843_768.0, 1_673.0 / 300.0)
    );
    assert!((summary.peak_rps / summary.mean_rps - 31.389_271).abs() < 1e-5);

    let balancer = demand::read(&traces.join("nab/elb_request_count_8c0756.csv")).unwrap();
    assert!((balancer.trace.requests.iter().sum::<f64>() - 249_327.0).abs() < 1e-6);
    assert!(balancer.warnings.iter().any(|warning| warning.message.contains("8 intervals of 300 s")));

    for (file, requests, peak_to_mean) in [("code", 8_819.0, 26.104), ("conv", 19_366.0, 2.893)] {
        let path = traces.join(format!("azure_llm_2023/AzureLLMInferenceTrace_{file}.csv"));
        let summary = demand::read(&path).unwrap().trace.summary().unwrap();
        assert!((summary.requests - requests).abs() < 1e-6, "{file}: {}", summary.requests);
        // The reference counts seconds from the first request on, this one whole seconds of the clock.
        let ratio = summary.peak_rps / summary.mean_rps;
        assert!((ratio / peak_to_mean - 1.0).abs() < 0.25, "{file}: {ratio}");
    }

    let served = demand::read(&traces.join("servegen/language_m-large_rate_10min.csv")).unwrap();
    let summary = served.trace.summary().unwrap();
    assert_eq!((served.trace.requests.len(), served.trace.interval_secs), (2_016, 600.0));
    assert!((summary.mean_rps - 195.8).abs() < 0.05, "{}", summary.mean_rps);
    assert!((summary.peak_rps / summary.mean_rps - 2.98).abs() < 0.005);
}
