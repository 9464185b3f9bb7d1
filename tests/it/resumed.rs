//! Sweeps that lose a worker on the way, and go on later.

use std::path::Path;

use inferometer::hardware::Fingerprint;
use inferometer::measure::cancel::Cancel;
use inferometer::measure::launcher::Launcher;
use inferometer::measure::sweep::{self, Effort, Event, Outcome, Sweep, Tools};
use inferometer::measure::{Ended, Point};

use crate::measure::runtimes;

/// Keeps the points of a sweep as they are told, with their raw samples, and what each run was added to.
#[derive(Default)]
struct Kept {
    point: Option<Point>,
    added_to: Vec<Option<usize>>,
    taken_up: Option<Vec<usize>>,
    failures: Vec<String>,
}

impl Kept {
    fn hear(&mut self, event: Event) {
        match event {
            Event::Ran { before, point, run, .. } => {
                let mut runs = self.point.take().map_or_else(Vec::new, |point| point.runs);
                runs.push(*run);
                self.point = Some(Point { runs, ..*point });
                self.added_to.push(before);
            }
            Event::Ended { point, summary, .. } => {
                assert_eq!(summary.runs as usize, point.runs.len());
                let runs = self.point.take().map_or_else(Vec::new, |point| point.runs);
                self.point = Some(Point { runs, ..*point });
            }
            Event::Failed { message, .. } => self.failures.push(message),
            Event::TakenUp(places) => self.taken_up = Some(places),
            Event::Started { .. } | Event::Progress { .. } => {}
        }
    }
}

/// A worker that fails once there is a file beside it: the second run of a configuration.
#[test]
fn a_run_that_fails_after_others_is_said_by_the_measurement_and_tried_again_by_the_sweep_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (script, broken) = (folder.path().join("launch"), folder.path().join("broken"));
    let words = "if [ -f \"$1\" ]; then echo out of order >&2; exit 3; fi\nexec \"$2\" \"$3\"\n";
    std::fs::write(&script, words).unwrap();
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let program = env!("CARGO_BIN_EXE_inferometer").to_owned();
    let launcher = Launcher::command(vec!["sh".to_owned(), text(&script), text(&broken), program]);
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/models/digits-student.onnx");
    let sweep =
        Sweep { models: vec![model], seconds: 0.05, effort: Effort::runs(3), seed: 7, ..Sweep::default() };
    let tools = Tools { launcher: &launcher, runtimes: runtimes() };
    let machine = Fingerprint { cpu: "this one".to_owned(), ..Fingerprint::default() };
    let run = |before, on_event: &mut dyn FnMut(Event)| {
        sweep::run(&sweep, before, tools, &machine, &Cancel::new(), on_event)
    };

    let mut kept = Kept::default();
    let outcome = run(Vec::new(), &mut |event| {
        if matches!(event, Event::Ran { .. }) {
            std::fs::write(&broken, "").unwrap();
        }
        kept.hear(event);
    });
    assert_eq!(outcome, Outcome { finished: 0, failed: 1, cancelled: false });
    assert_eq!((kept.added_to.as_slice(), kept.failures.len()), (&[None][..], 1));
    assert_eq!(kept.taken_up, None, "there was nothing to take up");
    let point = kept.point.unwrap();
    let Some(Ended::Failed { message }) = &point.ended else { panic!("{:?}", point.ended) };
    assert!(message.contains("out of order") && kept.failures[0] == *message, "{message}");
    assert!(point.ended.as_ref().unwrap().words().starts_with("a further run failed"));
    assert_eq!(point.runs.len(), 1);

    // It goes on: the two runs it lacks are added to it, and to none that another machine or input made.
    std::fs::remove_file(&broken).unwrap();
    let elsewhere = Fingerprint { cpu: "another".to_owned(), ..Fingerprint::default() };
    let strangers = [
        Point { fingerprint: elsewhere, ..point.clone() },
        Point { target: "ssh lab".to_owned(), ..point.clone() },
        Point {
            config: inferometer::measure::Config {
                inputs: Some("x.npz 0".to_owned()),
                ..point.config.clone()
            },
            ..point.clone()
        },
    ];
    let before = strangers.into_iter().chain([point.clone()]).collect();
    let mut kept = Kept { point: Some(point), ..Kept::default() };
    let outcome = run(before, &mut |event| kept.hear(event));
    assert_eq!(outcome, Outcome { finished: 1, failed: 0, cancelled: false });
    assert_eq!((kept.added_to, kept.taken_up), (vec![Some(3), Some(3)], Some(vec![3])));
    let point = kept.point.unwrap();
    assert_eq!((point.runs.len(), point.ended), (3, Some(Ended::AsAsked)));
}
