//! The currency that the page's sums are shown in: a line that says so, and the dialog in which rates are typed in.

use egui::{RichText, Ui};

use crate::app::{Command, State};
use crate::bill::rates::{Rate, Rates, currency};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{Form, Pressed, form_dialog_ui, form_row_ui, line_edit, note_ui, quiet_button_ui};

/// Width of the dialog, of the names and of a field, in points.
const WIDTH: f32 = 540.0;
const NAMES: f32 = 110.0;
const FIELD: f32 = 130.0;

/// What the page remembers of it between frames.
#[derive(Default)]
pub(super) struct Currencies {
    editor: Option<Editor>,
}

/// The open dialog. Everything is text until it is checked, so that nothing typed is lost.
struct Editor {
    /// Empty for each row's own.
    shown_in: String,
    /// The currency that the rates of the lines are to; empty for none.
    lines_to: String,
    lines: Vec<Line>,
    problem: String,
    first: bool,
}

/// The rate of a currency that the bills have.
struct Line {
    currency: String,
    rate: String,
    day: String,
    source: String,
}

impl Currencies {
    /// Opens the dialog.
    pub(super) fn open(&mut self, state: &State) {
        self.editor = Some(Editor::of(state));
    }

    /// Says what sums are shown in, where that is not simply the rows' one currency, and draws the open dialog.
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>) {
        let state = view.app.state();
        let currencies = state.row_currencies();
        let missing = state.rates.missing(currencies.iter().copied());
        let words = |list: &[&str]| {
            let named = list.iter().map(|name| if name.is_empty() { "no currency" } else { name });
            named.collect::<Vec<_>>().join(", ")
        };
        let (line, button) = if let Some(conversion) = state.conversion() {
            let display = state.rates.display.as_deref().unwrap_or_default();
            let left = match missing.as_slice() {
                [] => String::new(),
                missing => format!(" There is no rate for {}.", words(missing)),
            };
            (format!("Sums are in {display}, {conversion}.{left}"), "Currencies…")
        } else if !missing.is_empty() {
            let display = state.rates.display.as_deref().unwrap_or_default();
            (
                format!("Sums are to be in {display}, but there is no rate for {}.", words(&missing)),
                "Set rates…",
            )
        } else if currencies.len() > 1 && state.rates.display.is_none() {
            (format!("Rows are in {}, which are not added up.", words(&currencies)), "Show in one currency…")
        } else {
            (String::new(), "")
        };
        if !line.is_empty() {
            ui.horizontal_wrapped(|ui| {
                note_ui(ui, &line);
                if quiet_button_ui(ui, button).clicked() {
                    self.editor = Some(Editor::of(state));
                }
            });
        }
        if let Some(editor) = &mut self.editor {
            match editor.ui(ui.ctx(), &state.rates) {
                Answer::Open => {}
                Answer::Closed => self.editor = None,
                Answer::Set(rates) => {
                    view.send(Command::SetRates(Box::new(rates)));
                    self.editor = None;
                }
            }
        }
    }
}

/// What became of the dialog in a frame.
enum Answer {
    Open,
    Closed,
    Set(Rates),
}

impl Editor {
    fn of(state: &State) -> Self {
        let Rates { display, list } = &state.rates;
        let lines = state
            .row_currencies()
            .into_iter()
            .filter(|name| !name.is_empty())
            .map(|name| {
                let rate = list.iter().find(|rate| rate.from == name && Some(&rate.to) == display.as_ref());
                Line {
                    currency: name.to_owned(),
                    rate: rate.map(|rate| rate.rate.to_string()).unwrap_or_default(),
                    day: rate.map(|rate| rate.day.clone()).unwrap_or_default(),
                    source: rate.map(|rate| rate.source.clone()).unwrap_or_default(),
                }
            })
            .collect();
        let shown_in = display.clone().unwrap_or_default();
        Self { lines_to: shown_in.clone(), shown_in, lines, problem: String::new(), first: true }
    }

    /// Puts the known rates to the currency that is typed into the lines: a rate to another must not be taken for one.
    fn follow(&mut self, before: &Rates) {
        let Ok(display) = currency(self.shown_in.trim()) else { return };
        if display == self.lines_to {
            return;
        }
        for line in &mut self.lines {
            let rate = before.list.iter().find(|rate| rate.from == line.currency && rate.to == display);
            line.rate = rate.map(|rate| rate.rate.to_string()).unwrap_or_default();
            line.day = rate.map(|rate| rate.day.clone()).unwrap_or_default();
            line.source = rate.map(|rate| rate.source.clone()).unwrap_or_default();
        }
        self.lines_to = display;
    }

    /// What was typed in, on top of the rates that are known.
    fn rates(&self, before: &Rates) -> Result<Rates, String> {
        let mut rates = before.clone();
        rates.display = match self.shown_in.trim() {
            "" => None,
            name => Some(currency(name)?),
        };
        let Some(display) = rates.display.clone() else { return Ok(rates) };
        for line in self.lines.iter().filter(|line| line.currency != display) {
            if line.rate.trim().is_empty() {
                rates.remove(&line.currency);
            } else {
                rates.put(Rate::new(&line.currency, &display, &line.rate, &line.day, &line.source)?);
            }
        }
        Ok(rates)
    }

    fn ui(&mut self, ctx: &egui::Context, before: &Rates) -> Answer {
        let problem = self.problem.clone();
        let form =
            Form { id: "currencies", title: "Currencies", width: WIDTH, problem: &problem, can_save: true };
        match form_dialog_ui(ctx, &form, |ui| self.fields_ui(ui, before)) {
            Pressed::Nothing => return Answer::Open,
            Pressed::Cancel => return Answer::Closed,
            Pressed::Save => {}
        }
        match self.rates(before) {
            Ok(rates) => Answer::Set(rates),
            Err(problem) => {
                self.problem = problem;
                Answer::Open
            }
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui, before: &Rates) {
        note_ui(
            ui,
            "Rows stay in the currency they were billed in. Sums can be shown in one, at rates of your own: a bill's \
             exchange rate, or the one your books use.",
        );
        let field = form_row_ui(ui, "Show sums in", NAMES, |ui| {
            ui.add(line_edit(&mut self.shown_in, "as billed", FIELD))
        });
        if std::mem::take(&mut self.first) {
            field.request_focus();
        }
        self.follow(before);
        self.lines_ui(ui);
    }

    fn lines_ui(&mut self, ui: &mut Ui) {
        let typed = self.shown_in.trim();
        if typed.is_empty() {
            return;
        }
        let display = currency(typed).unwrap_or_else(|_not_yet| typed.to_owned());
        let tokens = Tokens::of(ui);
        for line in self.lines.iter_mut().filter(|line| line.currency != display) {
            let Line { currency, rate, day, source } = line;
            form_row_ui(ui, &format!("1 {currency} ="), NAMES, |ui| {
                let word =
                    |ui: &mut Ui, text: String| ui.label(RichText::new(text).color(tokens.text_quiet)).id;
                let worth = ui.add(line_edit(rate, "1.08", 80.0));
                let of = word(ui, format!("{display} on"));
                ui.add(line_edit(day, "2026-05-29", 90.0)).labelled_by(of);
                let from = word(ui, "by".to_owned());
                ui.add(line_edit(source, "source", 90.0)).labelled_by(from);
                worth
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn editor(shown_in: &str, rate: &str) -> Editor {
        let line = |currency: &str, rate: &str| Line {
            currency: currency.to_owned(),
            rate: rate.to_owned(),
            day: "2026-05-29".to_owned(),
            source: String::new(),
        };
        Editor {
            shown_in: shown_in.to_owned(),
            lines_to: shown_in.to_owned(),
            lines: vec![line("EUR", rate), line("USD", "")],
            problem: String::new(),
            first: true,
        }
    }

    #[test]
    fn what_is_typed_becomes_rates_and_an_emptied_field_takes_one_out() {
        let rates = editor("usd", "1.08").rates(&Rates::default()).unwrap();
        assert_eq!(rates.display.as_deref(), Some("USD"));
        assert_eq!(rates.find("EUR").unwrap().to_string(), "1 EUR = 1.08 USD (2026-05-29)");
        assert_eq!(editor("USD", "").rates(&rates).unwrap().list, []);
        // As billed: the rates are kept for the next time.
        let own = editor("", "").rates(&rates).unwrap();
        assert_eq!((own.display, own.list.len()), (None, 1));
        assert!(editor("USD", "1,08").rates(&rates).unwrap_err().contains("EUR"));
        assert!(editor("$", "1").rates(&rates).is_err());
    }

    #[test]
    fn a_rate_to_one_currency_is_never_taken_for_one_to_another() {
        let rates = editor("USD", "1.08").rates(&Rates::default()).unwrap();
        let mut editor = editor("USD", "1.08");
        editor.shown_in = "GBP".to_owned();
        editor.follow(&rates);
        assert_eq!(editor.lines[0].rate, "");
        let saved = editor.rates(&rates).unwrap();
        assert_eq!((saved.display.as_deref(), saved.find("EUR")), (Some("GBP"), None));
        // Back again: the known rate is there.
        editor.shown_in = "usd".to_owned();
        editor.follow(&rates);
        assert_eq!((editor.lines[0].rate.as_str(), editor.lines[0].day.as_str()), ("1.08", "2026-05-29"));
        // Half a name is no currency yet, and takes nothing away.
        editor.shown_in = String::new();
        editor.follow(&rates);
        assert_eq!(editor.lines[0].rate, "1.08");
    }
}
