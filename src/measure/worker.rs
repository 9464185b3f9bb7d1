//! The worker process: reads requests from standard input and answers on standard output, until its input ends.
//!
//! The input is read beside the work: an app that quits or is killed closes it, and a worker that nobody waits for
//! ends at once, in the middle of a measurement, too.
//!
//! Everything native (ONNX Runtime, its providers, drivers) lives here, so that a crash, a hang or a runaway
//! allocation costs one measurement. It must not know projects, sweeps or the window.

use std::fs::File;
use std::io::{BufRead, ErrorKind, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::batches::Batches;
use super::bench;
use super::duel::Set;
use super::engine::{Engine, EngineError, Loaded};
use super::exchange::{self, Written};
use super::inputs;
use super::native;
use super::own_folders;
use super::point::Measured;
use super::probe;
use super::protocol::{Event, PROTOCOL, Request, SessionSpec, line_of};
use super::survey::Survey;
use super::transfer::{self, Store};

/// Serves standard input to its end; the first thing its process does. Returns the process's exit code: 0, or 1 when input or output broke.
pub fn main() -> u8 {
    native::forbid_telemetry();
    // Ctrl-C in a terminal reaches the app and its workers alike. The app decides: it ends a worker by killing it or
    // by closing its input. Where no handler can be set, Ctrl-C ends the worker and the app says so.
    let _: Result<(), ctrlc::Error> = ctrlc::set_handler(|| ());
    u8::from(serve(lines_of_input(), std::io::stdout()).is_err())
}

/// The lines of standard input as they come. The process ends with its input.
fn lines_of_input() -> Receiver<std::io::Result<String>> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            // Bytes that are no text come from an app that is still there; any other error is the end of the input.
            let broken = match &line {
                Ok(_) => false,
                Err(error) if error.kind() == ErrorKind::InvalidData => true,
                Err(_) => break,
            };
            if sender.send(line).is_err() || broken {
                return;
            }
        }
        native::end_process();
    });
    lines
}

/// Answers the requests in `lines`, one a line, with events on `output`.
pub fn serve(
    lines: impl IntoIterator<Item = std::io::Result<String>>,
    output: impl Write,
) -> std::io::Result<()> {
    let mut worker = Worker { output, engine: None, kept: None, turning: None, store: None, outputs: None };
    worker.say(&Event::Hello { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() })?;
    for line in lines {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str::<Request>(&line) {
            Ok(request) => worker.answer(request).unwrap_or_else(|message| Event::Failed { message }),
            Err(error) => Event::Failed { message: format!("request not understood: {error}") },
        };
        worker.say(&answer)?;
    }
    Ok(())
}

struct Worker<W> {
    output: W,
    /// One process loads one runtime, once.
    engine: Option<Engine>,
    /// The session of the last probe.
    kept: Option<(SessionSpec, Loaded)>,
    /// The sessions of a comparison.
    turning: Option<Set>,
    /// Files that other machines send here.
    store: Option<Store>,
    /// Outputs that the app has not named a file for.
    outputs: Option<File>,
}

impl<W: Write> Worker<W> {
    fn say(&mut self, event: &Event) -> std::io::Result<()> {
        // One write for the whole line, so that a library's own printing does not fall into it.
        self.output.write_all(line_of(event).as_bytes())?;
        self.output.flush()
    }

    fn answer(&mut self, request: Request) -> Result<Event, String> {
        match request {
            Request::Describe { runtime } => {
                let engine = self.engine(&runtime).map_err(words)?;
                let providers = engine.providers().map_err(words)?;
                Ok(Event::Described { version: engine.version(), providers })
            }
            Request::Load { session } => {
                let loaded = self.engine(&session.runtime).and_then(|engine| engine.session(&session));
                Ok(Event::Loaded { load_nanos: loaded.map_err(words)?.load_nanos })
            }
            Request::Probe { session, feed } => {
                let inputs = inputs::tensors(&feed).map_err(words)?;
                self.kept_session(&session).and_then(|kept| kept.probe(inputs)).map_err(words)?;
                Ok(Event::Probed)
            }
            Request::Bench { session, feeds, load } => {
                self.forget();
                let batches = Batches::read(&feeds).map_err(words)?;
                self.engine(&session.runtime).map_err(words)?;
                let Some(engine) = self.engine.take() else { return Err("no runtime is loaded".to_owned()) };
                let mut broken = None;
                let measured = bench::run(&engine, &session, &batches, &load, |stage| {
                    broken = self.say(&Event::Stage { stage }).err().or(broken.take());
                });
                let runtime_version = engine.version();
                self.engine = Some(engine);
                let measured = Measured { runtime_version, ..measured.map_err(words)? };
                broken.map_or(Ok(Event::Measured(Box::new(measured))), |error| Err(words(error)))
            }
            Request::Turns { set, lanes, turns } => {
                self.kept = None;
                let mut load_nanos = Vec::new();
                let turning =
                    if let Some(before) = self.turning.take().filter(|before| before.is(set, &lanes)) {
                        before
                    } else {
                        let runtime = lanes.first().map(|lane| lane.session.runtime.clone());
                        let runtime = runtime.ok_or("nothing takes turns")?;
                        if let Some(other) = lanes.iter().find(|lane| lane.session.runtime != runtime) {
                            return Err(words(EngineError::OtherLibrary(other.session.runtime.clone())));
                        }
                        let turning = Set::create(self.engine(&runtime).map_err(words)?, set, &lanes)?;
                        load_nanos = turning.load_nanos();
                        turning
                    };
                let latency_nanos = turning.run(&turns)?;
                self.turning = Some(turning);
                Ok(Event::Turned { latency_nanos, load_nanos })
            }
            Request::Outputs { session, feeds, out } => {
                let cannot = |error: std::io::Error| format!("cannot keep the outputs: {error}");
                self.outputs = None;
                let mut writer = exchange::Writer::create(out.as_deref()).map_err(cannot)?;
                for inputs in inputs::all_tensors(&feeds) {
                    let inputs = inputs.map_err(words)?;
                    let outputs = self.kept_session(&session).and_then(|kept| kept.outputs(inputs));
                    writer.write(&outputs.map_err(words)?).map_err(cannot)?;
                }
                let Written { file, bytes, sha256 } = writer.finish().map_err(cannot)?;
                self.outputs = out.is_none().then_some(file);
                Ok(Event::Written { bytes, sha256 })
            }
            Request::Give { offset } => {
                let Some(file) = &mut self.outputs else { return Err("no outputs are kept here".to_owned()) };
                let data = transfer::piece_of(file, offset)
                    .map_err(|error| format!("cannot read the outputs: {error}"))?;
                Ok(Event::Given { data })
            }
            Request::Profile { session, feed, seconds, most_runs } => {
                self.forget();
                let inputs = inputs::tensors(&feed).map_err(words)?;
                let engine = self.engine(&session.runtime).map_err(words)?;
                let profiled = probe::profile(engine, &session, inputs, seconds, most_runs);
                Ok(Event::Profiled(Box::new(profiled.map_err(words)?)))
            }
            Request::Roof { probe } => {
                self.forget();
                let engine = self.engine(&probe.runtime).map_err(words)?;
                let (roofs, problems) = probe::roofs(engine, &probe).map_err(words)?;
                Ok(Event::Roofed { roofs, problems })
            }
            Request::Survey => Ok(Event::Surveyed(Box::new(Survey::of_this_machine()?))),
            Request::Have { parts } => {
                let (path, lacking) = self.store()?.have(&parts)?;
                Ok(Event::Had { path, lacking })
            }
            Request::Put(piece) => Ok(Event::Taken { bytes: self.store()?.take(&piece)? }),
        }
    }

    /// Drops the sessions of requests before: a measurement has the machine to itself.
    fn forget(&mut self) {
        self.kept = None;
        self.turning = None;
    }

    fn store(&mut self) -> Result<&mut Store, String> {
        let store = match self.store.take() {
            Some(store) => store,
            None => Store::at(own_folders::sent_files().ok_or(
                "this user has no home folder there to keep files in; set INFEROMETER_HOME to a folder",
            )?),
        };
        Ok(self.store.insert(store))
    }

    fn engine(&mut self, runtime: &Path) -> Result<&Engine, EngineError> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => Engine::load(runtime)?,
        };
        let engine = self.engine.insert(engine);
        if engine.library() == runtime {
            Ok(engine)
        } else {
            Err(EngineError::OtherLibrary(engine.library().to_owned()))
        }
    }

    /// The session of the request before, if it is the same, else a new one.
    fn kept_session(&mut self, spec: &SessionSpec) -> Result<&mut Loaded, EngineError> {
        self.turning = None;
        let loaded = match self.kept.take().filter(|(before, _)| before == spec) {
            Some((_, loaded)) => loaded,
            None => self.engine(&spec.runtime)?.session(spec)?,
        };
        Ok(&mut self.kept.insert((spec.clone(), loaded)).1)
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::super::protocol::event_in;
    use super::*;

    fn answers(input: &str) -> Vec<Event> {
        let mut output = Vec::new();
        serve(input.as_bytes().lines(), &mut output).unwrap();
        String::from_utf8(output).unwrap().lines().filter_map(event_in).map(Result::unwrap).collect()
    }

    #[test]
    fn says_hello_and_ends_with_its_input() {
        let [Event::Hello { protocol, .. }] = &answers("")[..] else { panic!("no hello") };
        assert_eq!(*protocol, PROTOCOL);
    }

    #[test]
    fn nonsense_is_answered_and_the_worker_goes_on() {
        let answers = answers("not json\n\n{\"unknown\":1}\n");
        assert_eq!(answers.len(), 3);
        assert!(answers[1..].iter().all(|event| matches!(event, Event::Failed { .. })));
    }

    #[test]
    fn a_library_that_is_none_is_refused_in_words() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let request = serde_json::to_string(&Request::Describe { runtime: file.path().to_owned() }).unwrap();
        let Event::Failed { message } = &answers(&request)[1] else { panic!("accepted an empty file") };
        assert!(message.contains("cannot load ONNX Runtime"), "{message}");
    }
}
