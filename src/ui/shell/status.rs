//! The bar at the bottom: the project, the work that runs, the machine, the messages.

use egui::{Align, Label, Layout, RichText, Ui};

use super::{UiCommand, Window};
use crate::app::Command;
use crate::ui::theme::{Tokens, space};
use crate::ui::view::Action;
use crate::ui::widgets::{Icon, bar_ui, icon_button_ui, progress_words};

/// Height of the bar, in points.
const HEIGHT: f32 = 32.0;

impl Window {
    /// Draws the bar; its height.
    pub(super) fn status_ui(
        &self,
        ui: &mut Ui,
        actions: &mut Vec<Action>,
        commands: &mut Vec<UiCommand>,
    ) -> f32 {
        let tokens = Tokens::of(ui);
        let frame =
            egui::Frame::new().fill(tokens.panel).inner_margin(egui::Margin::symmetric(space::M as i8, 2));
        egui::Panel::bottom("status").frame(frame).exact_size(HEIGHT).resizable(false).show(ui, |ui| {
            ui.horizontal_centered(|ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                let path = self.app.state().path.as_deref();
                let hover = path.map_or_else(|| "In memory".to_owned(), |path| path.display().to_string());
                ui.label(RichText::new(self.project_name()).color(tokens.text)).on_hover_text(hover);
                self.job_ui(ui, actions);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let count = self.toasts.count();
                    let name = match count {
                        0 => "Messages".to_owned(),
                        1 => "Messages: 1".to_owned(),
                        many => format!("Messages: {many}"),
                    };
                    if icon_button_ui(ui, Icon::Bell, &name).clicked() {
                        commands.push(UiCommand::Notices);
                    }
                    let machine = RichText::new(self.machine_words()).small().color(tokens.text_quiet);
                    ui.add(Label::new(machine).truncate());
                });
            });
        });
        HEIGHT
    }

    fn job_ui(&self, ui: &mut Ui, actions: &mut Vec<Action>) {
        let Some(job) = self.shown_job() else { return };
        let tokens = Tokens::of(ui);
        ui.separator();
        ui.label(&job.title);
        bar_ui(ui, &job.title, job.progress.fraction, 120.0);
        let words = progress_words(&job.progress, job.elapsed().as_secs_f64());
        ui.label(RichText::new(words).small().color(tokens.text_quiet)).on_hover_text(&job.progress.doing);
        let others = self.running().count() - 1;
        if others > 0 {
            ui.label(RichText::new(format!("and {others} more")).small().color(tokens.text_quiet));
        }
        let cancel = egui::Button::new(RichText::new("Cancel").small()).small();
        let name = format!("Cancel {}", job.title);
        let response = ui.add(cancel).on_hover_text("Stops soon; what is finished is kept");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
        if response.clicked() {
            actions.push(Action::Do(Command::Cancel(job.id)));
        }
    }

    /// This machine, and the runtime that measured last.
    fn machine_words(&self) -> String {
        let state = self.app.state();
        let machine = &state.machine;
        let cpus = if machine.logical_cpus == 1 { "CPU" } else { "CPUs" };
        let mut words = format!("{}, {} {cpus}", machine.cpu, machine.logical_cpus);
        if let Some(gpu) = machine.gpus.first() {
            words.push_str(", ");
            words.push_str(gpu);
        }
        if let Some(stored) = state.points.last() {
            words = format!("ONNX Runtime {} on {words}", stored.point.runtime_version);
        }
        words
    }
}
