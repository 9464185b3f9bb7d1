//! Where to measure: this machine or another one of the user's, and what is known of it.

use egui::{ComboBox, Ui};

use crate::app::State;
use crate::hardware::Fingerprint;
use crate::measure::Survey;
use crate::measure::runtime::Found;
use crate::ui::widgets::{labelled_ui, note_ui, quiet_button_ui};

/// What this machine is called.
const HERE: &str = "This machine";
/// Width of the choice.
const WIDTH: f32 = 190.0;

/// The choice, and the way to the list of machines; true when that is asked for.
pub(super) fn ui(ui: &mut Ui, state: &State, target: &mut Option<String>) -> bool {
    let asked = ui.horizontal(|ui| {
        let shown = target.clone().unwrap_or_else(|| HERE.to_owned());
        labelled_ui(ui, "Measure on", |ui| {
            ComboBox::from_id_salt("measure on")
                .selected_text(shown)
                .width(WIDTH)
                .truncate()
                .show_ui(ui, |ui| {
                    ui.selectable_value(target, None, HERE);
                    for other in &state.targets {
                        ui.selectable_value(target, Some(other.name.clone()), &other.name)
                            .on_hover_text(other.prefix());
                    }
                })
                .response
        });
        quiet_button_ui(ui, "Machines…").on_hover_text("Adds, checks or removes other machines").clicked()
    });
    if let Some(name) = target {
        match state.surveys.get(name) {
            None => note_ui(ui, "It is asked what it is when the measurement starts."),
            Some(Ok(survey)) => note_ui(ui, &survey.machine.cpu),
            Some(Err(problem)) => note_ui(ui, &format!("When it was last asked: {problem}")),
        };
    }
    asked.inner
}

/// What that machine said of itself; `None` where it has not, and for this one.
fn survey<'s>(state: &'s State, target: Option<&str>) -> Option<&'s Survey> {
    state.surveys.get(target?)?.as_ref().ok()
}

/// The machine; `None` while it is not known.
pub(super) fn machine<'s>(state: &'s State, target: Option<&str>) -> Option<&'s Fingerprint> {
    match target {
        None => Some(&state.machine),
        Some(_) => Some(&survey(state, target)?.machine),
    }
}

/// Its ONNX Runtimes; `None` while they are not known.
pub(super) fn runtimes<'s>(state: &'s State, target: Option<&str>) -> Option<&'s [Found]> {
    match target {
        None => state.runtimes.as_deref(),
        Some(_) => Some(&survey(state, target)?.runtimes),
    }
}
