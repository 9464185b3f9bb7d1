//! Reads ONNX Runtime's profile as a stream: one entry is held at a time, and of each only some bytes are kept, so
//! that a file of hundreds of megabytes needs little memory.
//!
//! The file is an array of entries, written when profiling ends (or an object with that array under `traceEvents`,
//! as trace viewers save it). An array that stops in the middle, as a killed process leaves it, is read up to its
//! last whole entry, with a warning.

use std::cell::Cell;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::Profile;
use super::event::Event;
use super::gather::{Gather, MOST_ENTRIES, MOST_NODES};

/// Longest entry, in bytes. Real ones have some thousand, even with hundreds of inputs.
const LONGEST_ENTRY_BYTES: u64 = 16 << 20;
/// How much is read from the file at a time, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// Why a file is not a profile we can read. The path is the caller's to add.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The system refuses to read on.
    #[error("cannot read the profile: {0}")]
    Io(io::Error),
    /// No bytes.
    #[error(
        "the profile is empty: ONNX Runtime writes it when profiling ends, so the process was probably stopped \
         before that; run it again and let it finish"
    )]
    Empty,
    /// Something else than JSON.
    #[error("this is not an ONNX Runtime profile: it should start with `[` and starts with {found}")]
    NotJson {
        /// The first characters.
        found: String,
    },
    /// JSON up to a place, and there something that cannot be.
    #[error(
        "the profile is damaged at line {line}, column {column}: {problem}; {entries} entries before it could be \
         read; profile again"
    )]
    Damaged {
        /// Line, from 1. ONNX Runtime writes one entry a line.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong there.
        problem: String,
        /// Entries read before.
        entries: u64,
    },
    /// An entry that never ends.
    #[error(
        "this is not an ONNX Runtime profile: after {entries} entries one is longer than {} MiB",
        LONGEST_ENTRY_BYTES >> 20
    )]
    LongEntry {
        /// Entries read before.
        entries: u64,
    },
    /// A trace that is not ONNX Runtime's.
    #[error(
        "this trace is not an ONNX Runtime profile: none of its {entries} entries is a model that was loaded, a \
         session that was made, a run or a node's time"
    )]
    OtherTrace {
        /// Entries read.
        entries: u64,
    },
    /// More entries than are kept.
    #[error(
        "the profile has more than {MOST_ENTRIES} entries; profile fewer runs (ONNX Runtime itself stops \
         after 1,000,000 unless told otherwise)"
    )]
    ManyEntries,
    /// More nodes than a graph has.
    #[error("the profile names more than {MOST_NODES} different nodes, more than any real graph has")]
    ManyNodes,
    /// Nothing is left after the warm-up.
    #[error(
        "the profile holds {runs} finished runs and the first {skip} were to be left out; profile more runs or \
         leave out fewer"
    )]
    AllSkipped {
        /// Finished runs.
        runs: u64,
        /// Runs to leave out.
        skip: u64,
    },
}

/// Reads a profile and leaves out its first `skip` runs, which are slower than the rest (memory is first asked for,
/// caches are cold).
pub fn read(source: impl Read, skip: u64) -> Result<Profile, ProfileError> {
    let since_entry = Cell::new(0);
    let too_long = Cell::new(false);
    let watched = Watched { source, since_entry: &since_entry, too_long: &too_long };
    let mut reader = BufReader::with_capacity(PIECE_BYTES, watched);
    start(&mut reader)?;

    let mut gather = Gather::default();
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let entries = Entries { gather: &mut gather, since_entry: &since_entry };
    let outcome = deserializer.deserialize_any(entries).and_then(|()| deserializer.end());
    if let Err(error) = outcome {
        if let Some(full) = gather.full.take() {
            return Err(full);
        }
        let entries = gather.entries;
        match error.classify() {
            Category::Io if too_long.get() => return Err(ProfileError::LongEntry { entries }),
            Category::Io => return Err(ProfileError::Io(error.into())),
            Category::Eof if gather.is_profile() => gather.warnings.push(format!(
                "the profile stops in the middle at line {}: the process was stopped while it wrote; {entries} \
                 entries before that are used",
                error.line()
            )),
            _ => {
                let (line, column) = (error.line(), error.column());
                // The message repeats the place, which is said already.
                let problem = error.to_string();
                let problem = problem.split(" at line ").next().unwrap_or_default().to_owned();
                return Err(ProfileError::Damaged { line, column, problem, entries });
            }
        }
    }
    if !gather.is_profile() {
        return Err(ProfileError::OtherTrace { entries: gather.entries });
    }
    gather.finish(skip)
}

/// Passes over a byte-order mark and looks at the first character.
fn start(reader: &mut impl BufRead) -> Result<(), ProfileError> {
    let head = reader.fill_buf().map_err(ProfileError::Io)?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        reader.consume(3);
    }
    let head = reader.fill_buf().map_err(ProfileError::Io)?;
    let visible = head.trim_ascii_start();
    match visible.first() {
        None => Err(ProfileError::Empty),
        Some(b'[' | b'{') => Ok(()),
        Some(_) => {
            let first: String =
                String::from_utf8_lossy(&visible[..visible.len().min(40)]).chars().take(20).collect();
            Err(ProfileError::NotJson { found: format!("{first:?}") })
        }
    }
}

/// Counts what is read since the last entry, so that no entry can fill the memory.
struct Watched<'c, R> {
    source: R,
    since_entry: &'c Cell<u64>,
    too_long: &'c Cell<bool>,
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let since = self.since_entry.get() + count as u64;
        self.since_entry.set(since);
        if since > LONGEST_ENTRY_BYTES {
            self.too_long.set(true);
            return Err(io::Error::other("an entry is too long"));
        }
        Ok(count)
    }
}

/// The array of entries.
struct Entries<'g> {
    gather: &'g mut Gather,
    since_entry: &'g Cell<u64>,
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array of entries, as ONNX Runtime's profiler writes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(event) = entries.next_element::<Event>()? {
            self.since_entry.set(0);
            self.gather.entry(event).map_err(A::Error::custom)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { gather, since_entry } = self;
        while let Some(key) = map.next_key::<String>()? {
            if key == "traceEvents" {
                map.next_value_seed(Entries { gather: &mut *gather, since_entry })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{OpTime, TensorShape, ThreadTime};
    use super::*;

    /// An entry as the profiler writes it: numbers in `args` as text.
    fn entry(cat: &str, name: &str, tid: u64, ts: u64, dur: u64, args: &str) -> String {
        format!(
            r#"{{"cat" : "{cat}","pid" :7,"tid" :{tid},"dur" :{dur},"ts" :{ts},"ph" : "X","name" :"{name}","args" : {{{args}}}}}"#
        )
    }

    fn node(name: &str, op: &str, provider: &str, ts: u64, dur: u64) -> String {
        let args = format!(
            r#""op_name" : "{op}","provider" : "{provider}ExecutionProvider","node_index" : "3","activation_size" : "400","parameter_size" : "60","output_size" : "8","input_type_shape" : [{{"float":[1,100]}},{{"int64":[]}}],"output_type_shape" : [{{"float":[1,2]}}],"thread_scheduling_stats" : """#
        );
        entry("Node", &format!("{name}_kernel_time"), 1, ts, dur, &args)
    }

    fn session(name: &str, ts: u64, dur: u64) -> String {
        entry("Session", name, 1, ts, dur, "")
    }

    /// Three runs of a convolution, a loop of two trips around a product, and a top-k, in order of their ends.
    fn written() -> Vec<String> {
        let mut all =
            vec![session("model_loading_uri", 2, 300), session("session_initialization", 310, 2_000)];
        for (start, slow) in [(3_000, 100), (4_000, 10), (5_000, 12)] {
            // Old versions time the fences around each node; none of that is the node's own.
            all.push(entry("Node", "c_fence_before", 1, start + 3, 1, r#""op_name" : "Conv""#));
            all.push(node("c", "Conv", "CUDA", start + 5, 50 + slow));
            let body = start + 60 + slow;
            for trip in [body, body + 20] {
                all.push(node("m", "MatMul", "CUDA", trip + 2, 10));
                all.push(session("SequentialExecutor::Execute", trip + 1, 12));
            }
            all.push(node("l", "Loop", "CPU", body, 40));
            // Starts in the tick the loop ends in, and takes less than one.
            all.push(node("k", "TopK", "CPU", body + 40, 0));
            all.push(session("SequentialExecutor::Execute", start + 4, 100 + slow));
            all.push(session("model_run", start, 110 + slow));
        }
        all
    }

    fn file(entries: &[String]) -> String {
        format!("[\n{}\n]\n", entries.join(",\n"))
    }

    fn profile(text: &str, skip: u64) -> Profile {
        read(text.as_bytes(), skip).unwrap()
    }

    #[test]
    fn times_are_added_up_by_node_type_and_provider_without_the_warm_up() {
        let profile = profile(&file(&written()), 1);
        assert_eq!((profile.runs, profile.skipped_runs), (2, 1));
        assert_eq!(profile.model_run_nanos, [120_000, 122_000]);
        assert_eq!((profile.load_nanos, profile.init_nanos), (Some(300_000), Some(2_000_000)));
        let names: Vec<&str> = profile.nodes.iter().map(|node| node.name.as_str()).collect();
        assert_eq!(names, ["c", "l", "m", "k"]);
        let conv = &profile.nodes[0];
        assert_eq!((conv.calls, conv.total_nanos), (2, 122_000));
        assert_eq!((conv.min_nanos, conv.median_nanos, conv.max_nanos), (60_000, 62_000, 62_000));
        assert!((conv.mean_nanos - 61_000.0).abs() < 1e-9);
        assert_eq!(conv.inputs[0], TensorShape { element: "float".to_owned(), dims: vec![1, 100] });
        assert_eq!((conv.inputs[1].dims.len(), conv.bytes()), (0, Some(468)));
        // A run of 120 µs: 60 of the convolution and 40 of the loop leave 20.
        assert_eq!(profile.overhead_nanos, Some(40_000));
        let by_op: Vec<(&str, u64, u64, u64)> = profile
            .by_op
            .iter()
            .map(|OpTime { op_type, nodes, calls, total_nanos, .. }| {
                (op_type.as_str(), *nodes, *calls, *total_nanos)
            })
            .collect();
        assert_eq!(
            by_op,
            [("Conv", 1, 2, 122_000), ("Loop", 1, 2, 40_000), ("MatMul", 1, 4, 40_000), ("TopK", 1, 2, 0)]
        );
        assert!((profile.by_op[0].share - 122.0 / 202.0).abs() < 1e-12);
        assert_eq!(profile.providers["CUDAExecutionProvider"].total_nanos, 162_000);
        assert_eq!(profile.providers["CPUExecutionProvider"].nodes, 2);
        assert!(profile.warnings.iter().any(|line| line.starts_with("3 of 15 calls")), "{profile:?}");
        assert!(profile.warnings.iter().any(|line| line.contains("starting their work")), "{profile:?}");
    }

    #[test]
    fn time_inside_a_loop_counts_once() {
        let profile = profile(&file(&written()), 0);
        let (around, inside) = (&profile.nodes[1], &profile.nodes[2]);
        assert_eq!((around.total_nanos, around.self_nanos, around.parent), (120_000, 60_000, None));
        assert_eq!((inside.total_nanos, inside.calls, inside.parent), (60_000, 6, Some(1)));
        // The neighbour that starts in the loop's last tick is not inside it.
        assert_eq!(profile.nodes[3].parent, None);
        let all: u64 = profile.nodes.iter().map(|node| node.self_nanos).sum();
        assert_eq!(all, profile.kernel_nanos());
        assert_eq!(all, 3 * 40_000 + (150 + 60 + 62) * 1_000);
    }

    #[test]
    fn entries_in_order_of_their_starts_say_the_same() {
        let ended = written();
        let mut started = ended.clone();
        let start = |line: &String| {
            let after = line.split_once("\"ts\" :").unwrap().1;
            after.split_once(',').unwrap().0.parse::<u64>().unwrap()
        };
        started.sort_by_key(start);
        assert_ne!(ended, started);
        assert_eq!(profile(&file(&started), 1), profile(&file(&ended), 1));
    }

    #[test]
    fn plain_numbers_other_entries_and_a_viewers_wrapping_are_read() {
        let plain = r#"{"otherData":{"x":[1,{}]},"traceEvents":[
            {"name":"process_name","ph":"M","args":{"name":"p"}},
            {"cat":"Api","ph":"X","name":"cudaLaunchKernel","ts":5,"dur":1,"args":{}},
            {"cat":"Node","ph":"X","tid":"18446744073709551615","name":"a_kernel_time","ts":"5.5","dur":2.25,
             "args":{"op_name":"Add","provider":"CPUExecutionProvider","output_size":12,"activation_size":"?",
              "input_type_shape":"","thread_scheduling_stats":{"main_thread":{"Run":7,"Wait":"2","Distribution":1},
              "sub_threads":{"11":{"num_run":4,"core":1},"12":{"num_run":0,"core":-1}}}}},
            {"cat":"Session","ph":"X","tid":1,"name":"model_run","ts":1,"dur":10}]}"#;
        let profile = profile(&format!("\u{feff}{plain}"), 0);
        let node = &profile.nodes[0];
        assert_eq!((node.total_nanos, node.output_bytes, node.activation_bytes), (2_250, Some(12), None));
        assert_eq!(node.bytes(), None);
        let threads = ThreadTime { calls: 1, run_nanos: 7_000, wait_nanos: 3_000, workers: 2 };
        assert_eq!((node.threads, node.inputs.len()), (Some(threads), 0));
        assert_eq!(profile.overhead_nanos, Some(7_750));
    }

    #[test]
    fn a_profile_that_stops_in_the_middle_is_used_up_to_there() {
        let whole = file(&written());
        // Cut inside the last run's entry.
        let cut = &whole[..whole.rfind("model_run").unwrap()];
        let profile = profile(cut, 0);
        assert_eq!(profile.runs, 2);
        assert!(profile.warnings[0].contains("stops in the middle at line 33"), "{:?}", profile.warnings);
        assert!(profile.warnings[0].contains("31 entries"), "{:?}", profile.warnings);
        assert!(profile.warnings.iter().any(|line| line.starts_with("5 calls")), "{:?}", profile.warnings);
        // In the first run already: what there is, as that of an unfinished run.
        let cut = &whole[..whole.find("model_run").unwrap()];
        let unfinished = self::profile(cut, 0);
        assert_eq!((unfinished.runs, unfinished.overhead_nanos), (0, None));
        assert_eq!(unfinished.nodes[0].total_nanos, 150_000);
        assert!(unfinished.warnings.iter().any(|line| line.contains("no finished run")));
    }

    #[test]
    fn what_is_no_profile_is_refused_with_its_place() {
        let error = |text: &str| read(text.as_bytes(), 0).unwrap_err();
        assert!(matches!(error(""), ProfileError::Empty));
        assert!(matches!(error(" \n "), ProfileError::Empty));
        assert!(matches!(error("onnx\u{1}"), ProfileError::NotJson { .. }));
        assert!(matches!(error("[]"), ProfileError::OtherTrace { entries: 0 }));
        assert!(matches!(error("{\"a\":[1]}"), ProfileError::OtherTrace { .. }));
        let other = r#"[{"name":"aten::add","ph":"X","cat":"cpu_op","ts":1,"dur":2}]"#;
        assert!(matches!(error(other), ProfileError::OtherTrace { entries: 1 }));
        let mut lines = written();
        lines[4] =
            lines[4].replace("\"dur\" :10", "\"dur\" :-3").replace("\"dur\" :", "\"dur\" :\"x\",\"d\" :");
        let damaged = error(&file(&lines));
        let ProfileError::Damaged { line, entries, problem, .. } = &damaged else { panic!("{damaged}") };
        assert_eq!((*line, *entries), (6, 4));
        assert!(problem.contains("expected a number of microseconds"), "{damaged}");
        let after = format!("{}[]", file(&written()));
        assert!(matches!(error(&after), ProfileError::Damaged { line: 35, .. }), "{}", error(&after));
        let none_left = read(file(&written()).as_bytes(), 3).unwrap_err();
        assert!(matches!(none_left, ProfileError::AllSkipped { runs: 3, skip: 3 }));
        let nameless = r#"[{"cat":"Node","ph":"X","name":"a_kernel_time","args":{}}]"#;
        assert!(error(nameless).to_string().contains("no start or no length"), "{}", error(nameless));
    }

    /// Gives a profile of many runs piece by piece, without ever holding it.
    struct Long {
        run: u64,
        runs: u64,
        pending: Vec<u8>,
        given: u64,
    }

    impl Read for Long {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.pending.is_empty() && self.run <= self.runs {
                let text = match self.run {
                    0 => format!("[{}", session("session_initialization", 0, 5)),
                    run => {
                        let start = run * 100;
                        let nodes: Vec<String> = (0..9)
                            .map(|place| node(&format!("n{place}"), "Add", "CPU", start + place * 10, 8))
                            .collect();
                        format!(",{},{}", nodes.join(","), session("model_run", start, 95))
                    }
                };
                self.pending = text.into_bytes();
                self.run += 1;
            }
            let count = self.pending.len().min(buffer.len());
            buffer[..count].copy_from_slice(&self.pending[..count]);
            self.pending.drain(..count);
            self.given += count as u64;
            Ok(count)
        }
    }

    #[test]
    fn a_long_profile_is_read_without_being_held() {
        let mut long = Long { run: 0, runs: 1_500, pending: Vec::new(), given: 0 };
        // The array is never closed.
        let profile = read(&mut long, 500).unwrap();
        assert!(long.given > 5_000_000, "{}", long.given);
        assert_eq!((profile.runs, profile.nodes.len()), (1_000, 9));
        assert!(profile.nodes.iter().all(|node| (node.calls, node.total_nanos) == (1_000, 8_000_000)));
        assert_eq!(profile.overhead_nanos, Some((95 - 72) * 1_000_000));
    }

    /// An entry that never ends.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let begin = br#"[{"name":""#;
            buffer.fill(b'a');
            if self.0 == 0 {
                buffer[..begin.len()].copy_from_slice(begin);
            }
            self.0 += buffer.len() as u64;
            Ok(buffer.len())
        }
    }

    #[test]
    fn an_entry_without_an_end_does_not_fill_the_memory() {
        let mut endless = Endless(0);
        let error = read(&mut endless, 0).unwrap_err();
        assert!(matches!(error, ProfileError::LongEntry { entries: 0 }), "{error}");
        assert!(endless.0 < 20 << 20);
    }

    #[test]
    fn more_entries_than_any_profile_has_are_refused() {
        struct Many(usize);
        impl Read for Many {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                const ENTRY: &[u8] = br#"{"cat":"Session","ph":"X","name":"model_run","ts":1,"dur":1},"#;
                let start = usize::from(self.0 == 0);
                if start == 1 {
                    buffer[0] = b'[';
                }
                let count = (buffer.len() - start) / ENTRY.len();
                for place in 0..count {
                    let from = start + place * ENTRY.len();
                    buffer[from..from + ENTRY.len()].copy_from_slice(ENTRY);
                }
                self.0 += count;
                Ok(start + count * ENTRY.len())
            }
        }
        assert!(matches!(read(Many(0), 0), Err(ProfileError::ManyEntries)));
    }

    #[test]
    fn runs_of_several_callers_keep_their_nodes() {
        let on = |thread: u64, line: String| line.replace("\"tid\" :1,", &format!("\"tid\" :{thread},"));
        let entries = [
            on(1, node("a", "Add", "CPU", 10, 40)),
            on(2, node("a", "Add", "CPU", 20, 40)),
            on(1, session("model_run", 5, 50)),
            on(2, session("model_run", 15, 50)),
            on(1, node("a", "Add", "CPU", 60, 30)),
            on(1, session("model_run", 58, 40)),
        ];
        let profile = profile(&file(&entries), 0);
        // Each run leaves 10 µs outside its own node.
        assert_eq!((profile.runs, profile.overhead_nanos), (3, Some(30_000)));
        assert!(profile.warnings[0].contains("runs overlap"), "{:?}", profile.warnings);
    }

    #[test]
    fn a_devices_own_times_are_set_beside_the_nodes() {
        let mut entries = written();
        let parent = r#""parent_name" : "c_kernel_time","grid_x" : "4""#;
        entries.extend([
            entry("Kernel", "sgemm<float>", 9, 3_010, 70, parent),
            entry("Kernel", "sgemm<float>", 9, 4_010, 30, parent),
            entry("Kernel", "sgemm<float>", 9, 5_010, 31, parent),
        ]);
        let profile = profile(&file(&entries), 1);
        let device = profile.device.unwrap();
        assert_eq!((device.kernels, device.total_nanos), (2, 61_000));
        assert_eq!((profile.nodes[0].device_nanos, profile.nodes[1].device_nanos), (Some(61_000), None));
        assert!(!profile.warnings.iter().any(|line| line.contains("starting their work")));
    }

    #[test]
    fn changing_shapes_and_a_held_up_call_are_said() {
        let mut entries = Vec::new();
        for (run, took) in [(0, 10), (1, 11), (2, 900), (3, 12)] {
            let line = node("a", "Add", "CPU", run * 2_000 + 5, took);
            entries.push(if run == 3 { line.replace("[1,100]", "[1,200]") } else { line });
            entries.push(session("model_run", run * 2_000, took + 10));
        }
        let profile = profile(&file(&entries), 0);
        assert!(profile.nodes[0].shapes_vary);
        assert_eq!(profile.nodes[0].inputs[0].dims, [1, 100]);
        assert!(
            profile.warnings[0].starts_with("one call of `a` took 900 µs while the middle one"),
            "{:?}",
            profile.warnings
        );
    }

    #[test]
    #[ignore = "needs INFEROMETER_SAMPLES"]
    fn a_real_profile_adds_up_to_what_another_program_finds() {
        let folder = std::env::var_os("INFEROMETER_SAMPLES").unwrap();
        let name = "results/onnxruntime/cnn_profile_2026-11-21_17-38-08_891.json";
        let file = std::fs::File::open(std::path::Path::new(&folder).join(name)).unwrap();
        // Expected: Python's json module over the same file, entries from the sixth run's start on; the time outside
        // nodes by counting each microsecond of a run that no node covers.
        let profile = read(file, 5).unwrap();
        assert_eq!((profile.load_nanos, profile.init_nanos), (Some(373_000), Some(2_664_000)));
        assert_eq!((profile.runs, profile.model_run_nanos.iter().sum::<u64>()), (15, 5_166_000));
        assert_eq!((profile.kernel_nanos(), profile.overhead_nanos), (4_771_000, Some(395_000)));
        let nodes: Vec<(&str, &str, u64, u64, u64)> = profile
            .nodes
            .iter()
            .map(|node| {
                let thousandth = |nanos: u64| nanos / 1_000;
                let (total, longest) = (thousandth(node.total_nanos), thousandth(node.max_nanos));
                (node.name.as_str(), node.op_type.as_str(), node.calls, total, longest)
            })
            .collect();
        assert_eq!(
            nodes,
            [
                ("b_nchwc", "Conv", 15, 185, 24),
                ("d_nchwc", "Conv", 15, 349, 27),
                ("e_nchwc", "GlobalAveragePool", 15, 47, 5),
                ("ReorderOutput", "ReorderOutput", 15, 32, 4),
                ("flat", "Flatten", 15, 34, 4),
                ("fc", "MatMul", 15, 4_124, 4_083),
            ]
        );
        assert_eq!(profile.nodes[0].bytes(), Some(49_152 + 1_728 + 65_536));
        assert_eq!(profile.nodes[0].inputs[1].dims, [16, 3, 3, 3]);
        assert!(profile.warnings[0].contains("`fc` took 4.08 ms"), "{:?}", profile.warnings);
    }
}
