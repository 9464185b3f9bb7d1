//! The dialog in which a machine and its price are typed in or changed.

use egui::{ComboBox, Ui};

use crate::hardware::{Fingerprint, Profile, Purchase};
use crate::ui::theme::space;
use crate::ui::widgets::{Form, Pressed, form_dialog_ui, form_row_ui, line_edit, note_ui};
use crate::units::Money;

/// Width of the column of names, in points.
const NAMES: f32 = 150.0;
/// Width of a field, in points.
const FIELD: f32 = 300.0;

/// An open dialog. Numbers are texts until they are checked, so that nothing typed is lost.
pub(super) struct Editor {
    before: Profile,
    title: String,
    price: String,
    vcpu: String,
    memory: String,
    speed: String,
    accelerator: String,
    count: String,
    problem: String,
    first: bool,
}

fn shown(value: Option<f64>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

impl Editor {
    /// Changes a profile.
    pub(super) fn of(profile: &Profile) -> Self {
        Self {
            title: format!("Edit {}", profile.name),
            price: profile.price_per_hour.to_string(),
            vcpu: shown(Some(profile.vcpu)),
            memory: shown(profile.memory_gib),
            speed: shown(profile.speed_factor),
            accelerator: profile.accelerator.clone().unwrap_or_default(),
            count: profile.accelerator_count.to_string(),
            before: profile.clone(),
            problem: String::new(),
            first: true,
        }
    }

    /// A machine nobody has described yet.
    pub(super) fn fresh(profiles: &[Profile]) -> Self {
        // One more id than there are profiles always leaves one free.
        let id = (1..=profiles.len() + 1)
            .map(|number| format!("own-{number}"))
            .find(|id| profiles.iter().all(|other| other.id != *id));
        let profile = Profile {
            id: id.unwrap_or_default(),
            name: String::new(),
            provider: "Own".to_owned(),
            instance: String::new(),
            region: String::new(),
            purchase: Purchase::OnDemand,
            price_per_hour: Money::ZERO,
            currency: "USD".to_owned(),
            vcpu: 1.0,
            memory_gib: None,
            accelerator: None,
            accelerator_count: 0,
            speed_factor: None,
            is_measured_machine: false,
            source: "typed in".to_owned(),
        };
        Self {
            title: "Add a machine".to_owned(),
            price: String::new(),
            vcpu: String::new(),
            ..Self::of(&profile)
        }
    }

    /// The machine this runs on, at a price only its owner knows.
    pub(super) fn this_machine(machine: &Fingerprint) -> Self {
        let profile = Profile::this_machine(machine, Money::ZERO, "USD");
        Self { title: "Add this machine".to_owned(), price: String::new(), ..Self::of(&profile) }
    }

    /// Draws the dialog. The outer `None` keeps it open; `Some(None)` closes it and changes nothing.
    #[expect(clippy::option_option, reason = "open, closed, closed with a profile")]
    pub(super) fn ui(&mut self, ctx: &egui::Context) -> Option<Option<Profile>> {
        let (title, problem) = (self.title.clone(), self.problem.clone());
        let width = NAMES + FIELD + space::S;
        let form = Form { id: "profile editor", title: &title, width, problem: &problem, can_save: true };
        match form_dialog_ui(ctx, &form, |ui| self.fields_ui(ui)) {
            Pressed::Nothing => return None,
            Pressed::Cancel => return Some(None),
            Pressed::Save => {}
        }
        match self.profile() {
            Ok(profile) => Some(Some(profile)),
            Err(problem) => {
                self.problem = problem;
                None
            }
        }
    }

    fn fields_ui(&mut self, ui: &mut Ui) {
        let Self { before, price, vcpu, memory, speed, accelerator, count, first, .. } = self;
        let field = |ui: &mut Ui, name: &str, text: &mut String, hint: &str| {
            form_row_ui(ui, name, NAMES, |ui| ui.add(line_edit(text, hint, FIELD)))
        };
        let name = field(ui, "Name", &mut before.name, "Rack server");
        if std::mem::take(first) {
            name.request_focus();
        }
        field(ui, "Region or place", &mut before.region, "optional");
        form_row_ui(ui, "Bought", NAMES, |ui| {
            ComboBox::from_id_salt("purchase")
                .selected_text(before.purchase.to_string())
                .show_ui(ui, |ui| {
                    for way in Purchase::ALL {
                        ui.selectable_value(&mut before.purchase, way, way.to_string());
                    }
                })
                .response
        });
        field(ui, "Price per hour", price, "0.085");
        field(ui, "Currency", &mut before.currency, "USD");
        field(ui, "Virtual CPUs", vcpu, "4");
        field(ui, "Memory (GiB)", memory, "optional");
        field(ui, "Accelerator", accelerator, "none");
        if !accelerator.trim().is_empty() {
            field(ui, "Accelerators", count, "1");
        }
        if before.is_measured_machine {
            note_ui(ui, "Measurements of this machine are this one's own: nothing is assumed.");
        } else {
            field(ui, "Speed factor", speed, "empty = not known")
                .on_hover_text("Throughput relative to the machine that measured, for the same threads");
        }
    }

    /// The profile as typed, or the first thing that stands against it.
    fn profile(&self) -> Result<Profile, String> {
        let price = self.price.trim();
        let price_per_hour: Money = price.parse().map_err(|error| format!("The price per hour: {error}"))?;
        let number = |what: &str, text: &str| -> Result<f64, String> {
            let text = text.trim();
            text.parse().map_err(|_not_a_number| format!("{what}: “{text}” is not a number"))
        };
        let optional = |what: &str, text: &str| -> Result<Option<f64>, String> {
            if text.trim().is_empty() { Ok(None) } else { number(what, text).map(Some) }
        };
        let accelerator = Some(self.accelerator.trim().to_owned()).filter(|name| !name.is_empty());
        let accelerator_count = if accelerator.is_some() {
            let text = self.count.trim();
            text.parse::<u32>()
                .map_err(|_not_a_number| format!("Accelerators: “{text}” is not a whole number"))?
                .max(1)
        } else {
            0
        };
        let before = &self.before;
        let changed_price = price_per_hour != before.price_per_hour;
        let profile = Profile {
            name: before.name.trim().to_owned(),
            region: before.region.trim().to_owned(),
            instance: if before.instance.is_empty() {
                before.name.trim().to_owned()
            } else {
                before.instance.clone()
            },
            currency: before.currency.trim().to_uppercase(),
            price_per_hour,
            vcpu: number("Virtual CPUs", &self.vcpu)?,
            memory_gib: optional("Memory", &self.memory)?,
            speed_factor: optional("Speed factor", &self.speed)?,
            accelerator,
            accelerator_count,
            // A price that the book does not have must not go on under the book's name.
            source: if changed_price { "typed in".to_owned() } else { before.source.clone() },
            ..before.clone()
        };
        profile.check().map_err(|error| error.to_string())?;
        Ok(profile)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled() -> Editor {
        let mut editor = Editor::fresh(&[]);
        editor.before.name = "Rack server".to_owned();
        editor.price = "0.5".to_owned();
        editor.vcpu = "8".to_owned();
        editor
    }

    #[test]
    fn what_is_typed_becomes_a_profile_with_its_source() {
        let profile = filled().profile().unwrap();
        assert_eq!((profile.id.as_str(), profile.name.as_str()), ("own-1", "Rack server"));
        assert_eq!((profile.vcpu, profile.speed_factor, profile.memory_gib), (8.0, None, None));
        assert_eq!(profile.source, "typed in");
    }

    #[test]
    fn a_changed_price_loses_the_name_of_its_source() {
        let mut from_book = filled().profile().unwrap();
        from_book.source = "a list, 2026-01-01".to_owned();
        let mut editor = Editor::of(&from_book);
        assert_eq!(editor.profile().unwrap().source, "a list, 2026-01-01");
        editor.price = "0.4".to_owned();
        assert_eq!(editor.profile().unwrap().source, "typed in");
    }

    #[test]
    fn what_is_not_a_number_is_said_and_never_becomes_zero() {
        type Break = fn(&mut Editor);
        let broken: [(Break, &str); 5] = [
            (|editor| editor.price = "cheap".to_owned(), "price"),
            (|editor| editor.price.clear(), "price"),
            (|editor| editor.vcpu = "four".to_owned(), "CPUs"),
            (|editor| editor.speed = "-1".to_owned(), "speed factor"),
            (|editor| editor.before.name.clear(), "name"),
        ];
        for (break_it, word) in broken {
            let mut editor = filled();
            break_it(&mut editor);
            let problem = editor.profile().unwrap_err();
            assert!(problem.contains(word), "{problem} does not say {word:?}");
        }
    }
}
