//! The page of other tools' results, in a real window without a screen.

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use inferometer::app::{Theme, tradeoff};
use inferometer::chart::Mark;

use super::harness::{Desk, empty};
use super::pages::{measured, state};
use crate::results::{LOADGEN, TRTEXEC, VLLM, write};

/// A window over a project with three tools' results, on their page.
fn filled(theme: Theme) -> Desk {
    let mut desk = empty(theme);
    let folder = desk.folder.path().join("files");
    write(&folder, &[("a.log", TRTEXEC), ("b.json", VLLM), ("c.txt", LOADGEN)]);
    desk.drop_file(&folder);
    desk.ctrl(Key::Num8);
    desk.rest();
    desk
}

#[test]
fn without_results_the_page_says_what_to_do() {
    let mut desk = empty(Theme::Dark);
    desk.ctrl(Key::Num8);
    assert!(desk.says("No results of other tools") && desk.says("Open files…"));
}

#[test]
fn a_dropped_folder_fills_the_table_and_a_row_opens_everything_the_file_says() {
    for theme in [Theme::Dark, Theme::Light] {
        let mut desk = filled(theme);
        assert_eq!(desk.harness.state().app().state().results.len(), 3);
        assert!(desk.says("Tool trtexec, Model cnn.onnx"), "the row of trtexec is missing");
        assert!(desk.says("Throughput 250 queries/s, p50 4.00 ms, p90 4.50 ms, p99 5.50 ms"));
        assert!(desk.says("Verdict invalid"));
        let row = desk.harness.query_all_by_label_contains("Tool MLPerf LoadGen").next().unwrap();
        row.click();
        desk.harness.run_steps(4);
        assert!(desk.says("Invalid by the tool's own rules"));
        assert!(desk.says("without queueing") && desk.says("percentile = sorted[floor(n·p)]"));
    }
}

#[test]
fn a_file_is_removed_with_its_results() {
    let mut desk = filled(Theme::Dark);
    let row = desk.harness.query_all_by_label_contains("Tool vLLM").next().unwrap();
    row.click();
    desk.harness.run_steps(4);
    desk.press("Remove file");
    let state = desk.harness.state().app().state();
    assert_eq!(state.results.len(), 2);
    assert!(!desk.says("Tool vLLM"));
}

#[test]
fn a_file_that_cannot_be_read_is_said_and_not_taken_in() {
    let mut desk = empty(Theme::Dark);
    let files = write(desk.folder.path(), &[("cut.json", &VLLM[..600])]);
    desk.drop_file(&files[0]);
    desk.harness.run_steps(3);
    assert!(desk.says("could not read this vLLM bench result"), "no toast says it");
    assert!(desk.harness.state().app().state().results.is_empty());
}

#[test]
fn explore_leaves_out_what_is_far_from_the_own_measurements_until_it_is_asked_for() {
    // Own p99s lie from 1 to 11 ms; trtexec's is 5.5 ms, that of the language model 1.8 s.
    let mut desk = measured(Key::Num4);
    let folder = desk.folder.path().join("files");
    write(&folder, &[("a.log", TRTEXEC), ("b.json", VLLM)]);
    desk.drop_file(&folder);
    desk.ctrl(Key::Num4);
    desk.rest();
    let imported = |desk: &Desk| {
        let chart = tradeoff::chart(state(desk));
        let points = chart.marks.iter().filter(|mark| matches!(mark, Mark::Points { .. }));
        points.map(|mark| mark.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(imported(&desk), ["Imported: trtexec"]);
    let notes = tradeoff::chart(state(&desk)).notes.join("\n");
    assert!(notes.contains("Not drawn: 1 result of other tools that lies far from the own"), "{notes}");
    desk.press("+1 far");
    assert_eq!(imported(&desk), ["Imported: trtexec", "Imported: vLLM bench serve"]);
}
