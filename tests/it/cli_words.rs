//! What the command line says to somebody who does not know it yet: mistakes are told by what was found and what to do,
//! before anything is measured; nothing asked for is left out without a word; exit codes tell how it ended.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cli::{command, failure, json, sample, text};

const QUICK: [&str; 4] = ["--seconds", "0.05", "--runs", "1"];

fn student() -> PathBuf {
    sample("models/digits-student.onnx")
}

/// A bench that takes little time.
fn quick<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["bench"][..], &QUICK, arguments].concat()
}

/// Fails if anything was measured on the way to the message.
fn refused(arguments: &[&str], paths: &[&Path]) -> String {
    let message = failure(arguments, paths);
    assert!(!message.contains(": p50 "), "{arguments:?} measured first: {message}");
    message
}

#[test]
fn what_is_no_model_is_told_by_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, b"").unwrap();
    let models = sample("models");
    for (path, expected) in [
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), "this is a text file, not an ONNX model"),
        (models, "give the files in it: digits-cnn-int8.onnx, digits-cnn.onnx, digits-student.onnx"),
        (folder.path().to_owned(), "without an .onnx file"),
        (empty, "empty (0 bytes)"),
        (folder.path().join("absent.onnx"), "there is no such file"),
        (sample("digits-test.npz"), "zip archive"),
    ] {
        for command in ["bench", "inspect", "profile", "selftest"] {
            let message = refused(&[command], &[&path]);
            assert!(message.contains(expected), "{command}: {message}");
            assert!(
                message.trim_end().ends_with(&path.display().to_string()),
                "the path comes last: {message}"
            );
            assert_eq!(message.trim_end().lines().count(), 1, "said twice: {message}");
            assert!(!message.contains("bill"), "{message}");
        }
    }
}

#[test]
fn a_model_is_known_by_its_content_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let renamed = folder.path().join("model.bin");
    std::fs::copy(student(), &renamed).unwrap();
    let document = json(&["import", "--json", "--project"], &[&project, &renamed]);
    assert_eq!(document["files"][0]["kind"], "model", "{document}");
    assert_eq!(json(&["inspect", "--json"], &[&renamed])["inputs"][0]["name"], "images");
    assert_eq!(
        json(&[&quick(&[])[..], &["--json"]].concat(), &[&renamed])["points"][0]["model"],
        "model.bin"
    );
    // Cut short, it is none that can be told by its content, and says so where a model is asked for.
    let whole = std::fs::read(&renamed).unwrap();
    std::fs::write(&renamed, &whole[..whole.len() / 2]).unwrap();
    assert!(refused(&["bench"], &[&renamed]).contains("cut short"));
    assert!(
        refused(&["import", "--project"], &[&project, &renamed]).contains("Inferometer reads ONNX models")
    );
}

#[test]
fn inputs_are_read_before_anything_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("nope.npz");
    let inputs = ["--inputs", absent.to_str().unwrap()];
    let (a, b) = (student(), sample("models/digits-cnn.onnx"));
    let message = refused(&[&["compare"], &QUICK[..], &inputs].concat(), &[&a, &b]);
    assert!(message.contains("there is no such file"), "{message}");
    let message = refused(&quick(&inputs), &[&a]);
    assert!(message.contains("there is no such file"), "{message}");
    // A file that can be read and does not fit: four values for an image.
    let wrong = folder.path().join("wrong.npy");
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), }\n";
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend([0; 16]);
    std::fs::write(&wrong, bytes).unwrap();
    let inputs = ["--inputs", wrong.to_str().unwrap()];
    let message = refused(&[&["compare"], &QUICK[..], &inputs].concat(), &[&a, &b]);
    assert!(message.contains("wrong.npy") || message.contains("images"), "{message}");
}

#[test]
fn nothing_asked_for_is_left_out_without_a_word() {
    let message = refused(&quick(&["--instances", "1,2"]), &[&student()]);
    assert!(message.contains("SingleStream sends one query at a time"), "{message}");
    assert!(message.contains("multi:8, closed:4, offline or server:200"), "{message}");
    let message = refused(&quick(&["--instances", "2", "--idle", "5"]), &[&student()]);
    assert!(message.contains("5 ms think time"), "{message}");

    let arguments = ["--json", "--scenario", "single", "--idle", "1", "--instances", "1,2"];
    let all = quick(&[&arguments[..], &["--scenario", "closed:2"]].concat());
    let output = command(&all).arg(student()).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let points = document["points"].as_array().unwrap();
    let found: Vec<(u64, f64, u64)> = points
        .iter()
        .map(|point| {
            let closed = &point["scenario"]["closed_loop"];
            let number = |key: &str| closed[key].as_f64().unwrap_or(0.0);
            (number("in_flight") as u64, number("think_ms"), point["instances"].as_u64().unwrap())
        })
        .collect();
    // SingleStream, one with a pause, two in flight: on one session, and the last on two.
    assert_eq!(found, [(0, 0.0, 1), (1, 1.0, 1), (2, 0.0, 1), (2, 0.0, 2)], "{document}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("note: SingleStream uses 1 session at most"), "{said}");
}

#[test]
fn rows_are_in_the_order_of_their_numbers_and_those_not_valid_are_marked() {
    // No machine answers three million queries a second: the queue is given up.
    let arguments =
        quick(&["--batch", "16,2,8", "--scenario", "single", "--scenario", "server:3000000:batch=4"]);
    let output = command(&arguments).arg(sample("models/digits-cnn.onnx")).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "a row is not valid");
    let table = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("not valid"), "{said}");
    assert!(said.contains("items/s") && !said.contains("inferences/s"), "{said}");
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("digits-cnn.onnx")).collect();
    let batch = |row: &&str| {
        let after_name = row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).nth(1);
        after_name.unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(rows.iter().map(batch).collect::<Vec<_>>(), [2, 4, 8, 16], "{table}");
    assert!(rows[1].contains("Server") && rows[1].contains("not valid [1]"), "{table}");
    let reason = table.lines().find(|line| line.starts_with("[1] ")).unwrap();
    assert!(reason.contains(" of 4 rows: not valid: overloaded"), "{table}");
}

#[test]
fn what_a_resumed_sweep_needs_and_cannot_change_is_said() {
    let nothing: [&str; 0] = [];
    assert!(failure(&["bench", "--resume"], &nothing).contains("--project FILE"));
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let message = failure(&["bench", "--resume", "--project"], &[&project]);
    assert!(message.contains("no sweep of this project was stopped"), "{message}");
    let output = command(&["bench", "--resume", "--batch", "4"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a command line that is not understood");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--batch"));
}

#[test]
fn a_machine_nobody_keeps_is_told_from_a_command() {
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = command(arguments).env("INFEROMETER_HOME", home.path()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let message = run(&["targets", "check", "lab"]);
    assert!(
        message.contains("no machine called “lab”") && message.contains("you keep none yet"),
        "{message}"
    );
    assert!(run(&["targets", "add", "attic", "ssh me@attic"]).contains("attic is reached by: ssh me@attic"));
    let message = run(&["targets", "check", "lab"]);
    assert!(message.contains("yours: attic"), "{message}");
    assert!(message.contains("inferometer targets add lab \"ssh user@host\""), "{message}");
    assert!(run(&["targets", "remove", "lab"]).contains("yours: attic"));
    assert!(run(&["targets", "remove", "attic"]).contains("attic is forgotten"));
}

#[test]
fn a_provider_nobody_has_is_answered_with_those_there_are() {
    let message = refused(&quick(&["--provider", "Foo"]), &[&student()]);
    assert!(
        message.contains("no ONNX Runtime on this machine offers Foo") && message.contains("CPU"),
        "{message}"
    );
    assert!(message.contains("install gpu") && message.contains("install openvino"), "{message}");
    assert!(!message.contains("install cpu"), "{message}");
}

#[test]
fn a_place_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("nodir");
    let path = absent.join("p.inferometer");
    let message = refused(&quick(&["--project", path.to_str().unwrap()]), &[&student()]);
    assert!(message.contains(&format!("there is no folder {}", absent.display())), "{message}");
    let message = refused(&quick(&["--project", folder.path().to_str().unwrap()]), &[&student()]);
    assert!(message.contains("a project is one file"), "{message}");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let message = refused(&quick(&["--project", readme.to_str().unwrap()]), &[&student()]);
    assert!(message.contains("not an Inferometer project"), "{message}");
    assert!(message.trim_end().ends_with("README.md"), "{message}");
}

/// The first line of a child's stderr that says a measurement is done.
#[cfg(unix)]
fn until_measured(child: &mut Child) -> BufReader<std::process::ChildStderr> {
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(": p50 ") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "it ended without a measurement");
    }
    lines
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn a_sweep_stopped_by_ctrl_c_ends_with_130_shows_what_it_has_and_can_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let mut child = command(&["bench", "--batch", "1,2,3,4", "--seconds", "0.5", "--runs", "1", "--project"])
        .args([&project, &student()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = until_measured(&mut child);
    interrupt(&child);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut lines, &mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("stopped; what was finished is kept in the project"), "{said}");
    assert!(said.contains(" of 4 configurations ") && said.contains("bench --resume"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("digits-student.onnx"));
    let output = command(&["bench", "--resume", "--project"]).arg(&project).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("going on: ") && said.contains(" of 4 configurations "), "{said}");
    let rows = String::from_utf8_lossy(&output.stdout);
    assert_eq!(rows.lines().filter(|line| line.starts_with("digits-student.onnx")).count(), 4, "{rows}");
}

#[cfg(unix)]
#[test]
fn a_comparison_stopped_by_ctrl_c_ends_with_130() {
    let mut child = command(&["compare", "--seconds", "0.1", "--runs", "1", "--race-within", "1e-6"])
        .args([student(), sample("models/digits-cnn.onnx")])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = until_measured(&mut child);
    interrupt(&child);
    let mut said = String::new();
    std::io::Read::read_to_string(&mut lines, &mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("stopped"), "{said}");
}

/// Signals a process has handlers for, from the kernel (proc(5), `SigCgt`, a bit each).
#[cfg(target_os = "linux")]
fn handles_interrupts(child: &Child) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    // SIGINT is 2: the second bit.
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[cfg(target_os = "linux")]
#[test]
fn a_self_test_and_a_profile_stopped_by_ctrl_c_end_with_130() {
    for arguments in [&["selftest", "--race-within", "1e-6"][..], &["profile", "--seconds", "30"]] {
        let mut child =
            command(arguments).arg(student()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while !handles_interrupts(&child) {
            assert!(child.try_wait().unwrap().is_none(), "{arguments:?} ended by itself");
            std::thread::yield_now();
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{arguments:?}: {said}");
        assert!(said.contains("stopped"), "{said}");
    }
}

#[test]
fn the_readme_names_the_exit_codes_and_only_options_there_are() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.contains("130"), "the exit code after Ctrl+C is not documented");
    let nothing: [&str; 0] = [];
    let commands = [
        "inspect", "bench", "profile", "compare", "selftest", "import", "bill", "plan", "export", "report",
        "demo",
    ];
    let mut help: String = commands.iter().map(|name| text(&[name, "--help"], &nothing)).collect();
    for name in ["list", "check", "add", "remove"] {
        help.push_str(&text(&["targets", name, "--help"], &nothing));
    }
    for name in [["check", "--help"].as_slice(), &["budget", "set", "--help"], &["acknowledge", "--help"]] {
        help.push_str(&text(&[&["bill"], name].concat(), &nothing));
    }
    // Options of other programs in the README.
    let of_others = ["--release", "--bench", "--profile"];
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let options = words.filter(|word| word.starts_with("--") && word.contains(char::is_alphabetic));
    for option in options.filter(|option| !of_others.contains(option)) {
        let known = help.split_whitespace().any(|word| word == option);
        assert!(known, "the README tells {option}, which no command has");
    }
}
