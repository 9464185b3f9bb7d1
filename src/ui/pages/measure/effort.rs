//! How many runs each configuration gets: a quick look, enough for a decision, or numbers of one's own.

use egui::{DragValue, Ui};

use super::fields::{Problem, problem_row_ui, row_ui};
use crate::measure::sweep::Effort;
use crate::ui::theme::space;
use crate::ui::widgets::{labelled_ui, seconds_words, segmented_ui};

/// The three ways to say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Quick,
    Decision,
    Custom,
}

/// What is chosen.
#[derive(Debug)]
pub(super) struct Choice {
    kind: Kind,
    custom: Effort,
}

impl Default for Choice {
    fn default() -> Self {
        Self { kind: Kind::Decision, custom: Effort::default() }
    }
}

impl Choice {
    /// The effort asked for, or what is wrong with it.
    pub fn effort(&self) -> Result<Effort, Problem> {
        match self.kind {
            Kind::Quick => Ok(Effort::runs(1)),
            Kind::Decision => Ok(Effort::default()),
            Kind::Custom => {
                let Effort { least_runs, most_runs, .. } = self.custom;
                if most_runs < least_runs {
                    return Err(Problem::of("Effort")(format!(
                        "at most {most_runs} runs are fewer than at least {least_runs}. Raise the one or lower the \
                         other"
                    )));
                }
                Ok(self.custom)
            }
        }
    }

    pub fn ui(&mut self, ui: &mut Ui) {
        row_ui(ui, "Effort", |ui| {
            let kinds = [(Kind::Quick, "Quick look"), (Kind::Decision, "Decision"), (Kind::Custom, "Custom")];
            segmented_ui(ui, "Effort", &mut self.kind, &kinds);
        });
        if self.kind == Kind::Custom {
            self.custom_ui(ui);
        }
        match self.effort() {
            // The fields say it themselves.
            Ok(_) if self.kind == Kind::Custom => {}
            Ok(effort) => row_ui(ui, "", |ui| {
                ui.add(egui::Label::new(quiet(ui, &words(&effort))).wrap());
            }),
            Err(problem) => problem_row_ui(ui, &problem.words),
        }
    }

    fn custom_ui(&mut self, ui: &mut Ui) {
        let Effort { least_runs, most_runs, p50, p99, most_seconds } = &mut self.custom;
        row_ui(ui, "Runs", |ui| {
            named(ui, "at least", DragValue::new(least_runs).range(1..=1_000).speed(0.05));
            named(ui, "at most", DragValue::new(most_runs).range(1..=1_000).speed(0.05));
        });
        row_ui(ui, "Until", |ui| {
            percent_ui(ui, "p50 within", p50);
            percent_ui(ui, "p99 within", p99);
        });
        row_ui(ui, "Time for each", |ui| {
            let mut minutes = *most_seconds / 60.0;
            let drag = DragValue::new(&mut minutes).range(0.05..=1_440.0).speed(0.05).max_decimals(2);
            if named(ui, "at most", drag.suffix(" min")).changed() {
                *most_seconds = minutes * 60.0;
            }
        });
        ui.add_space(space::XS);
    }
}

fn quiet(ui: &Ui, text: &str) -> egui::RichText {
    egui::RichText::new(text).color(crate::ui::theme::Tokens::of(ui).text_quiet)
}

fn named(ui: &mut Ui, name: &str, drag: DragValue<'_>) -> egui::Response {
    labelled_ui(ui, name, |ui| ui.add(drag.update_while_editing(false)))
}

fn percent_ui(ui: &mut Ui, name: &str, share: &mut f64) {
    let mut percent = *share * 100.0;
    let drag = DragValue::new(&mut percent).range(0.1..=100.0).speed(0.05).max_decimals(1);
    if named(ui, name, drag.prefix("±").suffix(" %")).changed() {
        *share = percent / 100.0;
    }
}

/// `3 to 10 runs, until p50 ±2 % and p99 ±5 %, at most 2 min`.
fn words(effort: &Effort) -> String {
    let Effort { least_runs, most_runs, p50, p99, most_seconds } = effort;
    if least_runs == most_runs {
        let s = if *least_runs == 1 { "" } else { "s" };
        let intervals = if *least_runs == 1 { ": numbers without intervals" } else { ", whatever they say" };
        return format!("{least_runs} run{s} of each configuration{intervals}");
    }
    let time = seconds_words(*most_seconds).replace(" min 0 s", " min");
    format!(
        "{least_runs} to {most_runs} runs, until p50 ±{}\u{a0}% and p99 ±{}\u{a0}%, at most {time}",
        rounded(p50 * 100.0),
        rounded(p99 * 100.0),
    )
}

fn rounded(percent: f64) -> f64 {
    (percent * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effort_is_said_in_words() {
        assert_eq!(
            words(&Effort { least_runs: 3, ..Effort::default() }),
            "3 to 10 runs, until p50 ±2\u{a0}% and p99 ±5\u{a0}%, at most 2 min"
        );
        assert_eq!(words(&Effort::runs(1)), "1 run of each configuration: numbers without intervals");
        assert_eq!(words(&Effort::runs(4)), "4 runs of each configuration, whatever they say");
    }

    #[test]
    fn fewer_most_than_least_runs_are_refused() {
        let custom = Effort { least_runs: 5, most_runs: 2, ..Effort::default() };
        let choice = Choice { kind: Kind::Custom, custom };
        assert!(choice.effort().unwrap_err().words.contains("fewer than at least 5"));
        assert_eq!(Choice { kind: Kind::Quick, ..choice }.effort(), Ok(Effort::runs(1)));
    }
}
