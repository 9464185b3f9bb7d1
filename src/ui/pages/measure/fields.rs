//! What is typed into the form and read as lists: whole numbers, milliseconds, rates; and the lines of the form they
//! stand in, with what is wrong right below.

use egui::{Align, Layout, Response, RichText, Ui, vec2};

use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{form_row_ui, line_edit, note_ui};

/// Width of the names in the form.
pub(super) const NAMES: f32 = 112.0;
/// Width of the fields.
pub(super) const FIELD: f32 = 150.0;

/// Something in the form that nothing can be measured with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// The line of the form: `Batch sizes`.
    pub field: String,
    /// What is wrong, and what to write instead.
    pub words: String,
}

impl Problem {
    pub fn of(field: &str) -> impl Fn(String) -> Self + use<'_> {
        move |words| Self { field: field.to_owned(), words }
    }

    /// As one sentence.
    pub fn sentence(&self) -> String {
        format!("{}: {}", self.field, self.words)
    }
}

/// `1, 2, 4` as numbers from 1, each once, in the order given.
pub(super) fn counts(text: &str) -> Result<Vec<u64>, String> {
    list(text, "whole number from 1", "1, 2, 4", |word| word.parse().ok().filter(|count| *count > 0))
}

/// The same for numbers that fit 32 bits.
pub(super) fn small_counts(text: &str) -> Result<Vec<u32>, String> {
    counts(text)?
        .into_iter()
        .map(|count| u32::try_from(count).map_err(|_too_many| format!("{count} is too many")))
        .collect()
}

/// `0, 1, 10` as numbers from 0.
pub(super) fn gaps(text: &str) -> Result<Vec<f64>, String> {
    let gap = |word: &str| word.parse().ok().filter(|gap: &f64| gap.is_finite() && *gap >= 0.0);
    list(text, "number from 0", "0, 1, 10, 100", gap)
}

/// `50, 100` as numbers above 0.
pub(super) fn rates(text: &str) -> Result<Vec<f64>, String> {
    let rate = |word: &str| word.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    list(text, "number above 0", "50, 100, 200", rate)
}

fn list<T: PartialEq>(
    text: &str,
    what: &str,
    example: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, String> {
    let mut values = Vec::new();
    for word in text.split([',', ' ', ';']).filter(|word| !word.is_empty()) {
        let value = read(word).ok_or_else(|| format!("`{word}` is no {what}. Write them like {example}"))?;
        if !values.contains(&value) {
            values.push(value);
        }
    }
    if values.is_empty() {
        return Err(format!("none is given. Write them like {example}"));
    }
    Ok(values)
}

/// A line of the form with a list, and below it what is wrong with it.
pub(super) fn list_row_ui<T>(
    ui: &mut Ui,
    name: &str,
    text: &mut String,
    read: impl Fn(&str) -> Result<T, String>,
    note: &str,
) -> Response {
    let response = ui
        .horizontal(|ui| {
            let response = form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, "", FIELD)));
            if !note.is_empty() {
                beside_ui(ui, note);
            }
            response
        })
        .inner;
    if let Err(problem) = read(text) {
        problem_row_ui(ui, &problem);
    }
    response
}

/// A quiet note behind a field, cut where there is no room for it.
pub(super) fn beside_ui(ui: &mut Ui, note: &str) {
    let quiet = Tokens::of(ui).text_quiet;
    ui.add(egui::Label::new(RichText::new(note).color(quiet)).truncate());
}

/// What is wrong with the line above, below its field.
pub(super) fn problem_row_ui(ui: &mut Ui, problem: &str) {
    let tokens = Tokens::of(ui);
    ui.horizontal_top(|ui| {
        ui.add_space(NAMES + space::S);
        ui.add(egui::Label::new(RichText::new(problem).color(tokens.warning)).wrap());
    });
}

/// A line of the form whose widgets name themselves.
pub(super) fn row_ui(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        let size = vec2(NAMES, space::CONTROL);
        ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
            ui.set_min_size(size);
            note_ui(ui, name);
        });
        add(ui);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_once_each_and_what_is_none_is_said() {
        assert_eq!(counts("1, 2;4  8,2"), Ok(vec![1, 2, 4, 8]));
        for text in ["", " , ", "0", "1,x", "-1", "1.5"] {
            assert!(counts(text).is_err(), "{text:?} was accepted");
        }
        assert!(small_counts("4294967296").is_err());
    }

    #[test]
    fn gaps_may_be_zero_and_rates_may_not() {
        assert_eq!(gaps("0, 1, 2.5"), Ok(vec![0.0, 1.0, 2.5]));
        assert_eq!(rates("0.5 20"), Ok(vec![0.5, 20.0]));
        for text in ["0", "-1", "nan", "inf", ""] {
            assert!(rates(text).is_err(), "{text:?} was accepted");
        }
        for text in ["-1", "nan", "inf", ""] {
            assert!(gaps(text).is_err(), "{text:?} was accepted");
        }
    }
}
