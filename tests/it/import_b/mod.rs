//! Other tools' results, second half: servers, language models and other runtimes. Numbers of the public samples were
//! taken from the files by eye, `awk` and `jq`; those of the fixtures here stand beside them in the same test.

use std::path::PathBuf;

use inferometer::measure::import::{Foreign, Results, Statistic, read, read_bytes};

mod damaged;
mod language;
mod offline;
mod runtimes;
mod servers;

const MEAN: Statistic = Statistic::Mean;
const VALUE: Statistic = Statistic::Value;

fn sample(path: &str) -> PathBuf {
    let folder =
        std::env::var_os("INFEROMETER_SAMPLES").expect("INFEROMETER_SAMPLES names the folder of samples");
    PathBuf::from(folder).join("results").join(path)
}

/// The one file's results.
fn sampled(path: &str) -> Results {
    let mut all = read(&sample(path)).unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

/// Text as a file of some other name: the name must not matter.
fn parsed(text: &str) -> Results {
    read_bytes("something.bin", text.as_bytes()).unwrap()
}

fn only(results: Results) -> Foreign {
    assert_eq!(results.results.len(), 1, "{:?}", results.warnings);
    results.results.into_iter().next().unwrap()
}

fn refused(text: &str) -> String {
    read_bytes("something.bin", text.as_bytes()).unwrap_err().to_string()
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    let found = found.expect("the number is there");
    assert!((found - expected).abs() <= 1e-9 * expected.abs(), "found {found}, expected {expected}");
}

fn p(percent: f64) -> Statistic {
    Statistic::Percentile(percent)
}

fn noted(foreign: &Foreign, words: &str) -> bool {
    foreign.notes.iter().any(|note| note.contains(words))
}

fn warned(results: &Results, place: &str, words: &str) -> bool {
    results.warnings.iter().any(|warning| warning.place.contains(place) && warning.message.contains(words))
}

/// A fixture of every format and variant, by name.
fn fixtures() -> Vec<(&'static str, String)> {
    let one_line = |text: &str| text.replace('\n', "");
    let slower = language::VLLM.replace("\"request_rate\":5.0", "\"request_rate\":9.0");
    let llama = language::LLAMA;
    let whole = [
        ("perf_analyzer", servers::PERF_TABLE),
        ("perf_analyzer verbose", servers::VERBOSE_TABLE),
        ("profile export records", servers::EXPORT),
        ("Model Analyzer", servers::MODEL_ANALYZER),
        ("AIPerf", language::AIPERF),
        ("AIPerf aggregate", language::AGGREGATE),
        ("AIPerf records", language::RECORDS),
        ("vLLM", language::VLLM),
        ("llama-bench SQL", language::LLAMA_SQL),
        ("llama-bench table", offline::LLAMA_TABLE),
        ("vLLM latency", offline::VLLM_LATENCY),
        ("vLLM throughput", offline::VLLM_THROUGHPUT),
        ("optimum", runtimes::OPTIMUM),
        ("TFLite", runtimes::TFLITE),
        ("winml", runtimes::WINML),
        ("hyperfine", runtimes::HYPERFINE),
        ("SageMaker", runtimes::SAGEMAKER),
    ];
    let mut all: Vec<_> = whole.into_iter().map(|(name, text)| (name, text.to_owned())).collect();
    all.push(("vLLM lines", format!("{}\n{}\n", one_line(language::VLLM), one_line(&slower))));
    all.push(("llama-bench JSON", format!("[\n{llama},\n{llama}\n]\n")));
    all.push(("llama-bench lines", format!("{llama}\n{llama}\n")));
    all
}
