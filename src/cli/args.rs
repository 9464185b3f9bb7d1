//! What the command line accepts.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use super::bill::Bill;
use super::numbers::{above_zero, count, from_zero, share, whole};
use crate::measure::{Optimisation, Scenario};

/// Measure how fast AI models really run, price every hardware choice, read the cloud bill, find the cheaper plan.
///
/// Without a command the window opens, on FILES if any are given, else on the last project or the sample project.
#[derive(Debug, Clone, Parser)]
#[command(name = "inferometer", version, subcommand_precedence_over_arg = true)]
pub struct Arguments {
    /// Files to open in the window: a project, models, bills, demand traces, inputs
    pub files: Vec<PathBuf>,
    /// What to do instead of opening the window
    #[command(subcommand)]
    pub command: Option<Command>,
    /// One JSON document on stdout instead of text; diagnostics stay on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Project to work in; made where it is not there. Without it, commands work in memory
    #[arg(long, global = true, value_name = "FILE")]
    pub project: Option<PathBuf>,
    /// Fetch nothing, not even ONNX Runtime
    #[arg(long, global = true)]
    pub offline: bool,
    /// ONNX Runtime library to use before any other
    #[arg(long, global = true, value_name = "LIBRARY")]
    pub runtime: Option<PathBuf>,
}

/// The definition, with options that take numbers below 0: they are refused by what the number is, not by its sign.
fn definition() -> clap::Command {
    fn with_negative_numbers(command: clap::Command) -> clap::Command {
        let option = |arg: clap::Arg| {
            let takes_values = arg.get_action().takes_values() && !arg.is_positional();
            if takes_values { arg.allow_negative_numbers(true) } else { arg }
        };
        command.mut_args(option).mut_subcommands(with_negative_numbers)
    }
    with_negative_numbers(Arguments::command())
}

impl Arguments {
    /// Reads the process's arguments; prints help or what is wrong and exits where there is nothing else to do.
    pub fn read() -> Self {
        let read = definition().try_get_matches().and_then(|matches| Self::from_arg_matches(&matches));
        read.unwrap_or_else(|error| {
            let asked: Vec<String> = std::env::args().collect();
            let is_check = ["bill", "check"].iter().all(|word| asked.iter().any(|asked| asked == word));
            if is_check && error.use_stderr() {
                // 2 would say that there is something to tell; nobody is left to be told that printing failed.
                let _ = error.print();
                std::process::exit(1);
            }
            error.exit()
        })
    }

    /// Whether the window is asked for.
    pub fn wants_window(&self) -> bool {
        self.command.is_none()
    }
}

/// One command.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Read an ONNX model without running it
    Inspect(Inspect),
    /// Measure models: latency, throughput, memory, for each batch and thread count
    Bench(Bench),
    /// Compare two models: size, speed, agreement of their outputs; run them in turn to tell which is faster
    Compare(Compare),
    /// Show where the time of an inference goes: operators, nodes, execution providers, this machine's roof
    Profile(Profile),
    /// Run a model against itself: what difference this machine can tell
    Selftest(Selftest),
    /// Take files into a project: models, bills, demand traces, inputs, profiles, other projects, results of other
    /// tools; tells what it found
    Import {
        /// The files; a folder is searched for results of other tools
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Sum and group cloud bills, and tell the share that is inference
    Bill(Box<Bill>),
    /// Find the cheapest way to serve a demand within a latency limit
    Plan(Plan),
    /// Write a chart of a project as SVG, PNG or CSV
    Export(Export),
    /// Write the HTML report of a project
    Report {
        /// File to write
        #[arg(long, value_name = "FILE", default_value = "report.html")]
        to: PathBuf,
        /// Replace the file when it is there
        #[arg(long)]
        force: bool,
    },
    /// Show or install ONNX Runtime
    Runtime {
        /// What to do
        #[command(subcommand)]
        what: Runtime,
    },
    /// Show, check, add or remove other machines to measure on
    Targets {
        /// What to do
        #[command(subcommand)]
        what: Targets,
    },
    /// Go once round the loop on the sample data, without a display
    Demo {
        /// Folder for the charts, the report and the project; must be empty or new
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Seconds of steady state for each configuration
        #[arg(long, value_parser = above_zero, default_value_t = 0.5)]
        seconds: f64,
        /// Independent runs of each
        #[arg(long, value_name = "N", value_parser = count::<u32>, default_value_t = 2)]
        runs: u32,
    },
    /// Serve measurements over stdin and stdout
    #[command(hide = true)]
    Worker,
    /// Hold the driver of a warehouse and serve it over stdin and stdout
    #[command(hide = true)]
    WarehouseDriver,
}

/// `inspect`
#[derive(Debug, Clone, Args)]
pub struct Inspect {
    /// An ONNX file
    pub model: PathBuf,
}

/// What a sweep varies, shared by `bench` and `compare`.
#[derive(Debug, Clone, Args)]
pub struct Sweep {
    /// Batch sizes
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = count::<u64>, default_value = "1")]
    pub batch: Vec<u64>,
    /// Threads of a session
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = count::<u32>, default_value = "1")]
    pub threads: Vec<u32>,
    /// Seconds of steady state of one run
    #[arg(long, value_parser = above_zero, default_value_t = 1.0)]
    pub seconds: f64,
    /// Fewest queries of one run
    #[arg(long, value_name = "N", value_parser = whole::<u64>, default_value_t = 0)]
    pub min_queries: u64,
    /// Independent runs of each configuration, each in a fresh process: 3, or 5-10 for as many as the intervals need
    #[arg(long, value_name = "N|N-M", value_parser = runs, default_value = "5-10")]
    pub runs: (u32, u32),
    /// Half-width of p50's 95 % interval that is narrow enough, in percent
    #[arg(long, value_name = "PERCENT", value_parser = above_zero, default_value_t = 2.0)]
    pub p50_within: f64,
    /// The same for p99
    #[arg(long, value_name = "PERCENT", value_parser = above_zero, default_value_t = 5.0)]
    pub p99_within: f64,
    /// Seconds after which a configuration gets no further run
    #[arg(long, value_name = "SECONDS", value_parser = above_zero, default_value_t = 120.0)]
    pub most_seconds: f64,
    /// Execution providers: CPU, OpenVINO, CUDA, TensorRT; `runtime list` shows those of this machine
    #[arg(long, value_delimiter = ',', value_name = "NAME,…", default_value = "CPU")]
    pub provider: Vec<String>,
    /// Graph optimisation: none, basic, extended, all
    #[arg(long, value_delimiter = ',', value_name = "LEVEL,…", default_value = "all")]
    pub optimisation: Vec<Optimisation>,
    /// Sizes of a dynamic dimension, by name or by place: height=320, images.2=320,640
    #[arg(long = "dim", value_name = "NAME=SIZE,…", value_parser = dimension)]
    pub dims: Vec<(String, Vec<u64>)>,
    /// Inputs from a .npy or .npz file instead of generated ones
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
    /// Seed of generated inputs
    #[arg(long, value_name = "N", value_parser = whole::<u64>, default_value_t = 1)]
    pub seed: u64,
}

/// How load is made, for `bench`: `compare` runs one query at a time on one session.
#[derive(Debug, Clone, Args)]
pub struct Load {
    /// How load is made; may be given several times. single; multi:8; closed:4; offline; server:200;
    /// server:p99=20:batch=8:delay=5, with :constant, :gamma=2 or :trace instead of Poisson arrivals [default: single]
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Vec<Scenario>,
    /// Pauses between queries, in milliseconds: a closed loop of one query for each, beside the scenarios given
    #[arg(long, value_delimiter = ',', value_name = "MS,…", value_parser = from_zero)]
    pub idle: Vec<f64>,
    /// Sessions side by side, for scenarios with several queries at once: multi, closed, offline, server
    #[arg(long, value_delimiter = ',', value_name = "N,…", value_parser = count::<u32>, default_value = "1")]
    pub instances: Vec<u32>,
}

fn dimension(text: &str) -> Result<(String, Vec<u64>), String> {
    let (name, sizes) = text.split_once('=').ok_or("write it as NAME=SIZE, such as height=320")?;
    let sizes = sizes
        .split(',')
        .map(|size| {
            let number = size.trim().parse().ok().filter(|size| *size > 0);
            number.ok_or_else(|| format!("`{size}` is not a whole number above 0"))
        })
        .collect::<Result<_, _>>()?;
    Ok((name.trim().to_owned(), sizes))
}

fn runs(text: &str) -> Result<(u32, u32), String> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| {
        let count = text.trim().parse().ok().filter(|count| *count > 0);
        count.ok_or_else(|| format!("`{text}` is not a number of runs; write 5, or 5-10"))
    };
    let (least, most) = (number(least)?, number(most)?);
    if least > most {
        return Err(format!("{least} to {most} runs is the wrong way round; write {most}-{least}"));
    }
    Ok((least, most))
}

/// What a sweep that is resumed was begun with.
const FIXED_BY_A_SWEEP: [&str; 18] = [
    "models",
    "target",
    "batch",
    "threads",
    "seconds",
    "min_queries",
    "runs",
    "p50_within",
    "p99_within",
    "most_seconds",
    "provider",
    "optimisation",
    "dims",
    "inputs",
    "seed",
    "scenario",
    "idle",
    "instances",
];

/// `bench`
#[derive(Debug, Clone, Args)]
pub struct Bench {
    /// ONNX files; without any, the project's models
    pub models: Vec<PathBuf>,
    /// Go on with the project's sweep that was stopped; everything else is as it was asked then
    #[arg(long, conflicts_with_all = FIXED_BY_A_SWEEP)]
    pub resume: bool,
    /// What to vary
    #[command(flatten)]
    pub sweep: Sweep,
    /// How load is made
    #[command(flatten)]
    pub load: Load,
    /// Measure on another machine: the name of one of yours, or the command that reaches it, such as "ssh user@host"
    /// or "kubectl exec -i pod --"
    #[arg(long, value_name = "NAME|COMMAND")]
    pub target: Option<String>,
    /// Inferometer on that machine, as one would type it there [default: inferometer]
    #[arg(long, value_name = "PROGRAM", requires = "target")]
    pub target_program: Option<String>,
    /// Leave the raw samples out of the JSON document, which then cannot be opened in the window
    #[arg(long)]
    pub no_samples: bool,
}

/// The machine that does it, shared by `compare` and `selftest`.
#[derive(Debug, Clone, Args)]
pub struct There {
    /// Do it on another machine: the name of one of yours, or the command that reaches it, such as "ssh user@host"
    #[arg(long, value_name = "NAME|COMMAND")]
    pub target: Option<String>,
    /// Inferometer on that machine, as one would type it there [default: inferometer]
    #[arg(long, value_name = "PROGRAM", requires = "target")]
    pub target_program: Option<String>,
}

/// `profile`
#[derive(Debug, Clone, Args)]
pub struct Profile {
    /// An ONNX file
    pub model: PathBuf,
    /// Items in one inference
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value_t = 1)]
    pub batch: u64,
    /// Threads of the session
    #[arg(long, value_name = "N", value_parser = count::<u32>, default_value_t = 1)]
    pub threads: u32,
    /// Execution provider; `runtime list` shows those of this machine
    #[arg(long, value_name = "NAME", default_value = "CPU")]
    pub provider: String,
    /// Graph optimisation: none, basic, extended, all
    #[arg(long, value_name = "LEVEL", default_value = "all")]
    pub optimisation: Optimisation,
    /// Size of a dynamic dimension, by name or by place: height=320, images.2=320
    #[arg(long = "dim", value_name = "NAME=SIZE", value_parser = one_size)]
    pub dims: Vec<(String, u64)>,
    /// Seconds of inferences under the profiler
    #[arg(long, value_parser = above_zero, default_value_t = crate::measure::breakdown::SECONDS)]
    pub seconds: f64,
    /// Seed of generated inputs
    #[arg(long, value_name = "N", value_parser = whole::<u64>, default_value_t = 1)]
    pub seed: u64,
    /// Profile on another machine: the name of one of yours, or the command that reaches it
    #[arg(long, value_name = "NAME|COMMAND")]
    pub target: Option<String>,
    /// Inferometer on that machine, as one would type it there [default: inferometer]
    #[arg(long, value_name = "PROGRAM", requires = "target")]
    pub target_program: Option<String>,
    /// How many nodes to print (all of them with --json)
    #[arg(long, value_name = "N", value_parser = whole::<usize>, default_value_t = 15)]
    pub most: usize,
    /// Print every node
    #[arg(long, conflicts_with = "most")]
    pub all: bool,
}

fn one_size(text: &str) -> Result<(String, u64), String> {
    let (name, sizes) = dimension(text)?;
    match sizes[..] {
        [size] => Ok((name, size)),
        _ => Err("a profile is made at one size; profile each on its own".to_owned()),
    }
}

/// `compare`
#[derive(Debug, Clone, Args)]
pub struct Compare {
    /// The model compared with
    pub a: PathBuf,
    /// The model compared
    #[arg(required_unless_present = "against")]
    pub b: Option<PathBuf>,
    /// Compare A with itself under other settings instead: provider=OpenVINO, threads=2, batch=8, optimisation=basic,
    /// runtime=LIBRARY for another ONNX Runtime
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SETTING=VALUE,…",
        // Only run in turn: nothing is measured alone.
        conflicts_with_all = ["b", "no_race", "seconds", "min_queries", "runs", "p50_within", "p99_within", "most_seconds"]
    )]
    pub against: Vec<String>,
    /// Do not run the two in turn
    #[arg(long)]
    pub no_race: bool,
    /// Run them in turn again where the project has a result
    #[arg(long, conflicts_with = "no_race")]
    pub race_again: bool,
    /// How they are run in turn
    #[command(flatten)]
    pub race: Race,
    /// What to vary; run in turn at the first of each
    #[command(flatten)]
    pub sweep: Sweep,
    /// Where
    #[command(flatten)]
    pub there: There,
}

/// How two sides are run in turn, shared by `compare` and `selftest`.
#[derive(Debug, Clone, Copy, Args)]
pub struct Race {
    /// Seconds of running in turn at most; loading comes on top
    #[arg(id = "race_seconds", long = "race-seconds", value_name = "SECONDS", value_parser = above_zero, default_value_t = 20.0)]
    pub seconds: f64,
    /// Half-width of the ratio's 95 % interval that is narrow enough, in percent
    #[arg(long = "race-within", value_name = "PERCENT", value_parser = above_zero, default_value_t = 1.0)]
    pub within: f64,
    /// Fresh processes, at least
    #[arg(long = "race-processes", value_name = "N", value_parser = count::<u32>, default_value_t = 4)]
    pub processes: u32,
}

/// `selftest`
#[derive(Debug, Clone, Args)]
pub struct Selftest {
    /// An ONNX file; without one, a small model of the sample project
    pub model: Option<PathBuf>,
    /// Items in one inference
    #[arg(long, value_name = "N", value_parser = count::<u64>, default_value_t = 1)]
    pub batch: u64,
    /// Threads of a session
    #[arg(long, value_name = "N", value_parser = count::<u32>, default_value_t = 1)]
    pub threads: u32,
    /// Execution provider; `runtime list` shows those of this machine
    #[arg(long, value_name = "NAME", default_value = "CPU")]
    pub provider: String,
    /// How it is run
    #[command(flatten)]
    pub race: Race,
    /// Inputs from a .npy or .npz file instead of generated ones
    #[arg(long, value_name = "FILE")]
    pub inputs: Option<PathBuf>,
    /// Where
    #[command(flatten)]
    pub there: There,
}

/// `plan`
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Requests per second; without it, the project's own demand
    #[arg(long, value_name = "RATE", value_parser = above_zero)]
    pub rps: Option<f64>,
    /// Limit of the 99th percentile of latency, waiting included, in milliseconds; without it, the project's own
    #[arg(long, value_name = "MS", value_parser = above_zero)]
    pub p99_ms: Option<f64>,
    /// Highest average use of the measured throughput, above 0 and at most 1; without it, the project's own
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub utilisation: Option<f64>,
    /// How many offers to print (all of them with --json)
    #[arg(long, value_name = "N", value_parser = whole::<usize>, default_value_t = 12)]
    pub most: usize,
}

/// A chart of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Figure {
    /// Latency against throughput
    TradeOff,
    /// Cost over time
    Bill,
    /// What the same demand would cost
    Offers,
    /// Two models' latency by batch
    Compare,
    /// Operators of the latest profile below this machine's roof
    Roofline,
}

/// `export`
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Which chart
    pub chart: Figure,
    /// File to write; the ending chooses the form: .svg, .png or .csv
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Replace the file when it is there
    #[arg(long)]
    pub force: bool,
}

/// `runtime`
#[derive(Debug, Clone, Subcommand)]
pub enum Runtime {
    /// Show every ONNX Runtime found: where, its version, its execution providers
    List,
    /// Fetch one through pip, checked against a pinned hash
    Install {
        /// Which execution providers it has
        #[arg(default_value = "cpu")]
        flavour: RuntimeFlavour,
    },
}

/// `targets`
#[derive(Debug, Clone, Subcommand)]
pub enum Targets {
    /// Show your other machines
    List,
    /// Ask a machine for its version, processor and ONNX Runtimes
    Check {
        /// The name of one of yours, or the command that reaches it, such as "ssh user@host"
        target: String,
        /// Inferometer on that machine [default: inferometer]
        #[arg(long, value_name = "PROGRAM")]
        program: Option<String>,
    },
    /// Keep a machine under a name
    Add {
        /// What you call it
        name: String,
        /// The command that reaches it, such as "ssh user@host"
        command: String,
        /// Inferometer on that machine [default: inferometer]
        #[arg(long, value_name = "PROGRAM")]
        program: Option<String>,
    },
    /// Forget a machine; what it measured stays
    Remove {
        /// What you call it
        name: String,
    },
}

/// Which ONNX Runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RuntimeFlavour {
    /// For CPUs
    Cpu,
    /// With CUDA and `TensorRT`
    #[value(help = "With CUDA and TensorRT")]
    Gpu,
    /// With `OpenVINO`
    #[value(help = "With OpenVINO")]
    Openvino,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        definition().debug_assert();
    }

    #[test]
    fn a_negative_number_is_refused_by_what_belongs_there() {
        for (arguments, expected) in [
            (&["bench", "m", "--idle", "-1"][..], "give a number from 0"),
            (&["bench", "m", "--batch", "-1"], "give a whole number from 1"),
            (&["compare", "a", "b", "--race-within", "-2"], "give a number above 0"),
            (&["profile", "m", "--seconds", "-0.5"], "give a number above 0"),
            (&["plan", "--utilisation", "-1"], "at most 1"),
            (&["bench", "m", "--runs", "-3"], "number of runs"),
        ] {
            let all = std::iter::once(&"inferometer").chain(arguments);
            let error = definition().try_get_matches_from(all).unwrap_err().to_string();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }

    #[test]
    fn what_would_be_ignored_is_refused() {
        let refused = |arguments: &[&str]| {
            let all = std::iter::once(&"inferometer").chain(arguments);
            Arguments::try_parse_from(all).unwrap_err().to_string()
        };
        for option in [["--batch", "4"], ["--scenario", "offline"], ["--idle", "5"], ["--seconds", "1"]] {
            let message = refused(&[&["bench", "--resume"], &option[..]].concat());
            assert!(message.contains(&format!("cannot be used with '{} ", option[0])), "{message}");
        }
        assert!(refused(&["compare", "a", "b", "--scenario", "offline"]).contains("unexpected argument"));
        assert!(refused(&["compare", "a", "--against", "batch=2", "--runs", "3"]).contains("cannot be used"));
        assert!(Arguments::try_parse_from(["inferometer", "bench", "--resume", "--no-samples"]).is_ok());
        assert!(Arguments::try_parse_from(["inferometer", "compare", "a", "--against", "batch=2"]).is_ok());
    }

    #[test]
    fn files_open_the_window_and_commands_do_not() {
        let window = Arguments::try_parse_from(["inferometer", "a.onnx", "bill.csv"]).unwrap();
        assert!(window.wants_window() && window.files.len() == 2);
        let bench = Arguments::try_parse_from(["inferometer", "bench", "a.onnx", "--batch", "1,2", "--json"])
            .unwrap();
        assert!(!bench.wants_window() && bench.json);
    }

    #[test]
    fn options_may_stand_before_the_command() {
        let arguments =
            Arguments::try_parse_from(["inferometer", "--json", "--project", "p", "inspect", "m"]).unwrap();
        assert!(arguments.json && matches!(arguments.command, Some(Command::Inspect(_))));
    }

    #[test]
    fn a_dimension_is_a_name_and_a_size() {
        assert_eq!(dimension("images.2=320"), Ok(("images.2".to_owned(), vec![320])));
        for bad in ["height", "height=", "height=0", "height=-3", "height=x"] {
            assert!(dimension(bad).is_err(), "{bad}");
        }
    }
}
