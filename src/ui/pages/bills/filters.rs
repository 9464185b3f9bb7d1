//! The filters of the Spend part: chips of those that are on, a menu that adds one, the search of all text, the period.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, Key, Label, PopupCloseBehavior, Response, RichText, ScrollArea, Ui};

use crate::app::Scenario;
use crate::app::spend::narrow;
use crate::bill::columns::ColumnType;
use crate::bill::{ColumnView, Filter, How, NO_COLUMN, Period};
use crate::ui::pages::parts::{problem_ui, value_words};
use crate::ui::theme::space;
use crate::ui::widgets::{
    Icon, filter_chip_ui, icon_button_ui, note_ui, primary_button_ui, quiet_button_ui, search_ui,
    segmented_ui, text_field_ui,
};

/// Width and height of the two lists that a filter is chosen from.
const WIDTH: f32 = 240.0;
const HEIGHT: f32 = 300.0;
/// Values a chip names before it only counts them.
const NAMED: usize = 3;

/// What is typed into the editors, until it becomes a filter.
#[derive(Default)]
pub(super) struct Filters {
    picker: Picker,
    text: String,
    period: String,
    problem: String,
}

/// What picks a column and values of it, or a range.
#[derive(Default)]
pub(super) struct Picker {
    column: String,
    columns: String,
    values: String,
    not: bool,
    ends: [String; 2],
    problem: String,
    /// The chosen column was brought into view since the menu was opened.
    in_view: bool,
}

impl Filters {
    /// The choice of the days that are shown.
    pub(super) fn period_ui(&mut self, ui: &mut Ui, days: Option<&Period>, scenario: &mut Scenario) {
        let period = &mut scenario.spend.period;
        let words = period.as_ref().map_or_else(|| "All days".to_owned(), Period::words);
        let title = format!("Period: {words}");
        period_menu_ui(ui, &title, "All days", days, period, &mut self.period, &mut self.problem);
        if period.is_some() && icon_button_ui(ui, Icon::Close, "Show all days").clicked() {
            *period = None;
        }
    }

    /// The filters that are on, what adds one, and the search.
    pub(super) fn ui(&mut self, ui: &mut Ui, columns: &[ColumnView], scenario: &mut Scenario) {
        if !scenario.spend.whole {
            chips_ui(ui, &mut scenario.filters);
        } else if !scenario.filters.is_empty()
            && quiet_button_ui(ui, "Limit to the project's filters")
                .on_hover_text("Shown are rows that the filters of the project leave out elsewhere")
                .clicked()
        {
            scenario.spend.whole = false;
        }
        if !scenario.spend.drill.is_empty() {
            note_ui(ui, "Here only:");
            chips_ui(ui, &mut scenario.spend.drill);
            if quiet_button_ui(ui, "Use everywhere")
                .on_hover_text("Inference, Explore and reports go by these filters, too")
                .clicked()
            {
                let drill = std::mem::take(&mut scenario.spend.drill);
                narrow(&mut scenario.filters, drill);
                scenario.spend.whole = false;
            }
        }
        let first = scenario.group_by.clone();
        self.picker.ui(ui, columns, &first, added_to(scenario));
        if scenario.filters.len() + scenario.spend.drill.len() > 1
            && quiet_button_ui(ui, "Remove all").clicked()
        {
            scenario.filters.clear();
            scenario.spend.drill.clear();
            scenario.spend.whole = false;
        }
        let search = search_ui(ui, "Search all text", &mut self.text, "Search all text", 150.0);
        if search.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            let text = self.text.trim();
            let filter = Filter::search(text);
            if !text.is_empty() && !scenario.spend.drill.contains(&filter) {
                scenario.spend.drill.push(filter);
            }
            self.text.clear();
        }
        ui.checkbox(&mut scenario.only_inference, "Only inference")
            .on_hover_text("Only the rows that a rule calls inference");
    }
}

impl Picker {
    /// The button, and its menu, which changes the filters; `first` is the column that it opens with.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        columns: &[ColumnView],
        first: &str,
        filters: &mut Vec<Filter>,
    ) -> Response {
        let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let menu = MenuButton::new("Add a filter").config(config);
        let (button, menu) = menu.ui(ui, |ui| self.editor_ui(ui, columns, first, filters));
        // Whenever it is opened, the column whose values are shown is in view.
        self.in_view &= menu.is_some();
        button
    }

    /// Columns on the left; on the right the values of the chosen one, or the ends of a range.
    fn editor_ui(&mut self, ui: &mut Ui, columns: &[ColumnView], first: &str, filters: &mut Vec<Filter>) {
        if !columns.iter().any(|view| view.name == self.column) {
            first.clone_into(&mut self.column);
        }
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                search_ui(ui, "Search columns", &mut self.columns, "Search columns", WIDTH - 40.0);
                let wanted = self.columns.to_lowercase();
                list_ui(ui, "filter columns", |ui| {
                    for view in columns.iter().filter(|view| has_values(view)) {
                        if !view.name.to_lowercase().contains(&wanted) {
                            continue;
                        }
                        let is_shown = self.column == view.name;
                        let entry = ui.add(Button::selectable(is_shown, &view.name));
                        if is_shown && !std::mem::replace(&mut self.in_view, true) {
                            entry.scroll_to_me(Some(egui::Align::Center));
                        }
                        if entry.clicked() {
                            self.column.clone_from(&view.name);
                            self.values.clear();
                            self.ends = Default::default();
                            self.problem.clear();
                        }
                    }
                });
            });
            ui.vertical(|ui| {
                ui.set_min_width(WIDTH);
                ui.add(Label::new(RichText::new(&self.column).strong()).truncate());
                segmented_ui(ui, "Keep", &mut self.not, &[(false, "Keep"), (true, "Leave out")]);
                let Some(view) = columns.iter().find(|view| view.name == self.column) else { return };
                match view.kind {
                    ColumnType::Decimal | ColumnType::Time => self.range_ui(ui, view, filters),
                    ColumnType::Text | ColumnType::Json => self.values_ui(ui, view, filters),
                }
            });
        });
    }

    /// The values of a column of words, and what contains the text typed.
    fn values_ui(&mut self, ui: &mut Ui, view: &ColumnView, filters: &mut Vec<Filter>) {
        let Self { column, values: search, not, .. } = self;
        search_ui(ui, "Search values", search, "Search values", WIDTH - 40.0);
        list_ui(ui, "filter values", |ui| {
            let wanted = search.trim().to_lowercase();
            if !wanted.is_empty() {
                let words = format!("All that contain “{}”", search.trim());
                if ui.add(Button::new(words).truncate()).clicked() {
                    let filter = Filter {
                        how: How::Contains,
                        not: *not,
                        ..Filter::is(column.clone(), [search.trim()])
                    };
                    if !filters.contains(&filter) {
                        filters.push(filter);
                    }
                }
            }
            let none = String::new();
            for value in view.values.values.iter().chain([&none]) {
                let words = value_words(value);
                if !words.to_lowercase().contains(&wanted) {
                    continue;
                }
                let on =
                    filters.iter().any(|filter| is_of(filter, column, *not) && filter.values.contains(value));
                if ui.add(Button::selectable(on, words).truncate()).clicked() {
                    toggle_filter(filters, column, value, *not);
                }
            }
            if view.values.more {
                note_ui(ui, "There are more; search for a text");
            }
        });
    }

    /// From and to, of amounts or dates.
    fn range_ui(&mut self, ui: &mut Ui, view: &ColumnView, filters: &mut Vec<Filter>) {
        let hint = if view.kind == ColumnType::Time { "2026-05-01" } else { "0.01" };
        text_field_ui(ui, "From", &mut self.ends[0], hint, 120.0);
        text_field_ui(ui, "To", &mut self.ends[1], hint, 120.0);
        note_ui(ui, "Both ends included; one may be empty");
        if primary_button_ui(ui, "Add the range").clicked() {
            let [from, to] = self.ends.each_ref().map(|end| end.trim());
            let wrong = [from, to].into_iter().find(|end| !is_end(view.kind, end));
            match wrong {
                Some(wrong) if view.kind == ColumnType::Time => {
                    self.problem = format!("“{wrong}” is not a month (2026-05) or a day (2026-05-01)");
                }
                Some(wrong) => self.problem = format!("“{wrong}” is not an amount, such as 12.5"),
                None if from.is_empty() && to.is_empty() => {
                    "Type at least one end".clone_into(&mut self.problem);
                }
                None => {
                    let filter = Filter { not: self.not, ..Filter::within(view.name.clone(), from, to) };
                    filters.push(filter);
                    self.problem.clear();
                    self.ends = Default::default();
                }
            }
        }
        if !self.problem.is_empty() {
            problem_ui(ui, &self.problem);
        }
    }
}

/// Chips of filters, each with what removes it.
pub(super) fn chips_ui(ui: &mut Ui, filters: &mut Vec<Filter>) {
    let mut gone = None;
    for (place, filter) in filters.iter().enumerate() {
        if filter_chip_ui(ui, filter.column_words(), &chip_words(filter)) {
            gone = Some(place);
        }
    }
    if let Some(place) = gone {
        filters.remove(place);
    }
}

/// The filters that the whole project goes by, where other parts of the page do.
pub(super) fn scope_ui(ui: &mut Ui, scenario: &mut Scenario) {
    if !scenario.filters.is_empty() {
        ui.horizontal_wrapped(|ui| {
            note_ui(ui, "Only rows with");
            chips_ui(ui, &mut scenario.filters);
        });
    }
}

fn is_end(kind: ColumnType, text: &str) -> bool {
    text.is_empty()
        || match kind {
            ColumnType::Time => crate::bill::moment::read_span(text).is_some(),
            _ => crate::bill::exact::Exact::read(text).is_ok(),
        }
}

/// Whether a filter on the column can tell rows apart.
fn has_values(view: &ColumnView) -> bool {
    view.values.filled > 0 || !view.values.values.is_empty()
}

/// What a chip says of a filter beside its column.
fn chip_words(filter: &Filter) -> String {
    if filter.how == How::Is && !filter.not {
        let named: Vec<&str> = filter.values.iter().take(NAMED).map(|value| value_words(value)).collect();
        let more = filter.values.len().saturating_sub(NAMED);
        return if more > 0 { format!("{}, +{more}", named.join(", ")) } else { named.join(", ") };
    }
    filter.words()
}

/// A button, and its menu: no period (called `none`), the last days and the months that the bill has, any other.
pub(super) fn period_menu_ui(
    ui: &mut Ui,
    title: &str,
    none: &str,
    days: Option<&Period>,
    period: &mut Option<Period>,
    typed: &mut String,
    problem: &mut String,
) {
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    MenuButton::new(title).config(config).ui(ui, |ui| {
        ui.set_min_width(WIDTH);
        if ui.add(Button::selectable(period.is_none(), none)).clicked() {
            *period = None;
            ui.close();
        }
        let presets = days.map(Period::presets).unwrap_or_default();
        ScrollArea::vertical().id_salt("months").max_height(HEIGHT).show(ui, |ui| {
            for (name, preset) in presets {
                if ui.add(Button::selectable(period.as_ref() == Some(&preset), name)).clicked() {
                    *period = Some(preset);
                    ui.close();
                }
            }
        });
        if let Some(chosen) = typed_period_ui(ui, typed, problem) {
            *period = Some(chosen);
            ui.close();
        }
    });
}

/// A field for a period of one's own.
fn typed_period_ui(ui: &mut Ui, typed: &mut String, problem: &mut String) -> Option<Period> {
    let mut chosen = None;
    ui.separator();
    let field = text_field_ui(ui, "Days", typed, "2026-05-01..2026-05-15", 170.0);
    let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if quiet_button_ui(ui, "Use these days").clicked() || entered {
        match Period::parse(typed) {
            Ok(period) => {
                problem.clear();
                chosen = Some(period);
            }
            Err(error) => *problem = error.to_string(),
        }
    }
    if !problem.is_empty() {
        problem_ui(ui, problem);
    }
    chosen
}

/// The columns that can be grouped by, those with few values first; what is typed narrows them. Gives the one chosen.
pub(super) fn column_menu_ui(
    ui: &mut Ui,
    columns: &[ColumnView],
    search: &mut String,
    chosen: &[&str],
) -> Option<String> {
    ui.set_min_width(WIDTH);
    let field = search_ui(ui, "Search columns", search, "Search columns", WIDTH - 40.0);
    if ui.memory(|memory| memory.focused().is_none()) {
        field.request_focus();
    }
    let wanted = search.to_lowercase();
    let mut picked = None;
    let by_words = |view: &&ColumnView| {
        matches!(view.kind, ColumnType::Text | ColumnType::Time) && view.name.to_lowercase().contains(&wanted)
    };
    list_ui(ui, "group columns", |ui| {
        for (first, note) in [(true, ""), (false, "With many values, or a single one")] {
            if !note.is_empty() {
                ui.add_space(space::XS);
                note_ui(ui, note);
            }
            let mut listed: Vec<&ColumnView> = columns
                .iter()
                .filter(by_words)
                .filter(|view| view.groupable == first && has_values(view))
                .collect();
            listed.sort_by_key(|view| rank(&view.name));
            for view in listed {
                let on = chosen.contains(&view.name.as_str());
                if ui.add(Button::selectable(on, &view.name).truncate()).clicked() && !on {
                    picked = Some(view.name.clone());
                }
            }
        }
    });
    if picked.is_some() {
        search.clear();
        ui.close();
    }
    picked
}

/// Columns that bills are grouped by most, first; then tags, then the rest as the file has them.
fn rank(column: &str) -> usize {
    const FIRST: [&str; 7] = [
        "ServiceName",
        "ServiceCategory",
        "SubAccountName",
        "RegionId",
        "ChargeCategory",
        "ProviderName",
        "ResourceType",
    ];
    let tag = if column.starts_with("Tags.") { FIRST.len() } else { FIRST.len() + 1 };
    FIRST.iter().position(|name| *name == column).unwrap_or(tag)
}

/// A list of a fixed size that scrolls.
fn list_ui(ui: &mut Ui, id: &str, add: impl FnOnce(&mut Ui)) {
    ui.allocate_ui(egui::vec2(WIDTH, HEIGHT), |ui| {
        ScrollArea::vertical().id_salt(id).max_height(HEIGHT).auto_shrink([false, true]).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.with_layout(egui::Layout::top_down_justified(egui::Align::Min), add);
        });
    });
}

/// Whether a filter lists values of the column.
fn is_of(filter: &Filter, column: &str, not: bool) -> bool {
    filter.column == column && filter.how == How::Is && filter.not == not
}

/// The filters that a new one is added to: the project's, or, while those do not hold here, the part's own.
fn added_to(scenario: &mut Scenario) -> &mut Vec<Filter> {
    if scenario.spend.whole { &mut scenario.spend.drill } else { &mut scenario.filters }
}

/// Turns a value of a filter on or off; a filter without values is taken out.
fn toggle_filter(filters: &mut Vec<Filter>, column: &str, value: &str, not: bool) {
    match filters.iter_mut().find(|filter| is_of(filter, column, not)) {
        Some(filter) if filter.values.iter().any(|other| other == value) => {
            filter.values.retain(|other| other != value);
        }
        Some(filter) => filter.values.push(value.to_owned()),
        None => filters.push(Filter { not, ..Filter::is(column, [value]) }),
    }
    filters.retain(|filter| !filter.values.is_empty());
}

/// A value of a group as it is shown; quiet where there is none.
pub(super) fn group_words(value: Option<&str>) -> (&str, bool) {
    match value {
        None => ("(no value)", true),
        Some(NO_COLUMN) => (NO_COLUMN, true),
        Some(value) => (value, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_put_into_a_filter_and_taken_out_again() {
        let mut filters = Vec::new();
        for (value, left) in [("a", 1), ("b", 2), ("a", 1), ("b", 0)] {
            toggle_filter(&mut filters, "RegionId", value, false);
            let values: usize = filters.iter().map(|filter| filter.values.len()).sum();
            assert_eq!(values, left, "after {value}");
        }
        assert!(filters.is_empty());
        toggle_filter(&mut filters, "RegionId", "a", false);
        toggle_filter(&mut filters, "RegionId", "b", true);
        let said: Vec<String> = filters.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["RegionId is a", "RegionId is not b"]);
    }

    #[test]
    fn while_the_projects_filters_do_not_hold_here_a_new_one_is_of_this_part_alone() {
        let mut scenario = Scenario::default();
        toggle_filter(added_to(&mut scenario), "RegionId", "a", false);
        scenario.spend.whole = true;
        toggle_filter(added_to(&mut scenario), "RegionId", "c", false);
        assert_eq!((scenario.filters.len(), scenario.spend.drill.len()), (1, 1));
    }

    #[test]
    fn a_chip_names_a_few_values_and_counts_the_rest() {
        assert_eq!(chip_words(&Filter::is("c", ["a", "", "b", "d", "e"])), "a, (no value), b, +2");
        assert_eq!(chip_words(&Filter::is("c", ["a"]).negated()), "is not a");
        assert_eq!(chip_words(&Filter::within("c", "1", "")), "is from 1 on");
    }
}
