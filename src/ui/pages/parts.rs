//! Small things that several pages say or draw the same way.

use egui::{Align, ComboBox, Layout, Response, RichText, Ui};

use crate::app::Scenario;
use crate::measure::runtime::Found;
use crate::measure::{Config, Estimate};
use crate::ui::theme::{Tokens, space};
use crate::ui::widgets::{Cell, labelled_ui};
use crate::units::{self, Money};

/// A choice of many with its name before it. `add` draws the choices.
pub fn combo_ui(ui: &mut Ui, name: &str, chosen: &str, width: f32, add: impl FnOnce(&mut Ui)) -> Response {
    labelled_ui(ui, name, |ui| {
        ComboBox::from_id_salt(("combo", name))
            .selected_text(chosen)
            .width(width)
            .height(360.0)
            .truncate()
            .show_ui(ui, add)
            .response
    })
}

/// Two columns of the same width. `add` is called for the left one, then for the right one.
pub fn halves_ui(ui: &mut Ui, mut add: impl FnMut(&mut Ui, bool)) {
    let gap = space::M;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        ui.columns(2, |columns| {
            for (place, column) in columns.iter_mut().enumerate() {
                // The columns of egui justify text; ours do not.
                column.with_layout(Layout::top_down(Align::Min), |ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    add(ui, place == 0);
                });
            }
        });
    });
}

/// Says that an answer is on its way.
pub fn reading_ui(ui: &mut Ui) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new("Reading…").color(tokens.text_quiet));
}

/// A sentence in the colour of what went wrong.
pub fn problem_ui(ui: &mut Ui, text: &str) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(text).color(tokens.warning));
}

/// Rows of fields as CSV (RFC 4180).
pub fn csv_text(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = String::new();
    let mut line = |fields: &mut dyn Iterator<Item = &str>| {
        for (place, field) in fields.enumerate() {
            if place > 0 {
                text.push(',');
            }
            if field.contains([',', '"', '\n', '\r']) {
                text.push('"');
                text.push_str(&field.replace('"', "\"\""));
                text.push('"');
            } else {
                text.push_str(field);
            }
        }
        text.push('\n');
    };
    line(&mut header.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// A value for a machine; empty where there is none.
pub fn field<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// `1 thread`, `2 threads`.
pub fn threads_words(threads: u32) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}

/// `batch 4 · 2 threads · CPU`.
pub fn config_words(config: &Config) -> String {
    config.parts().join(" · ")
}

/// A percentile in a table: the number with its interval on hover, or that there are too few samples.
pub fn estimate_cell(estimate: &Estimate) -> Cell {
    match (estimate.ms, estimate.interval_ms) {
        (Some(ms), Some((low, high))) => Cell::number(ms, units::duration_ms(ms)).hover(format!(
            "95 % interval over runs: {} to {} ({})",
            units::duration_ms(low),
            units::duration_ms(high),
            estimate.doubt().unwrap_or_default()
        )),
        (Some(ms), None) => Cell::number(ms, units::duration_ms(ms))
            .hover("One run, or too short runs: no interval".to_owned()),
        (None, _) => Cell::unknown(estimate.words()),
    }
}

/// Providers as they are offered, the most usual first.
const PROVIDERS: [&str; 6] = ["CPU", "OpenVINO", "CUDA", "TensorRT", "DirectML", "CoreML"];

/// Providers that the runtimes found offer; the CPU always, and what is chosen already.
pub fn offered(runtimes: Option<&[Found]>, chosen: &[&'static str]) -> Vec<&'static str> {
    let found = |name: &str| {
        let offers = |offered: &String| offered.eq_ignore_ascii_case(name);
        runtimes.into_iter().flatten().flat_map(|found| &found.providers).any(offers)
    };
    PROVIDERS.into_iter().filter(|&name| name == "CPU" || found(name) || chosen.contains(&name)).collect()
}

/// Money, or a dash.
pub fn money_or_dash(amount: Option<Money>, currency: &str) -> String {
    amount.map_or_else(|| "–".to_owned(), |amount| units::money(amount, currency))
}

/// `all rows`, or the filters of the bill views in words.
pub fn filter_words(scenario: &Scenario) -> String {
    let filters: Vec<String> = scenario.filters.iter().map(ToString::to_string).collect();
    if filters.is_empty() { "all rows".to_owned() } else { format!("rows whose {}", filters.join(" and ")) }
}

/// A value of a filter; an empty one means rows without a value.
pub fn value_words(value: &str) -> &str {
    if value.is_empty() { "(no value)" } else { value }
}

/// A day in UTC: `2026-05-01`.
pub fn day_words(unix_secs: i64) -> String {
    chrono::DateTime::from_timestamp(unix_secs, 0)
        .map_or_else(|| "–".to_owned(), |moment| moment.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_only_where_it_must() {
        let text = csv_text(&["a", "b, c"], [vec!["1".to_owned(), "say \"x\"".to_owned()]]);
        assert_eq!(text, "a,\"b, c\"\n1,\"say \"\"x\"\"\"\n");
    }

    #[test]
    fn a_day_is_said_in_utc() {
        // date -u -d @1777593599 → 2026-04-30 23:59:59
        assert_eq!(day_words(1_777_593_599), "2026-04-30");
    }
}
