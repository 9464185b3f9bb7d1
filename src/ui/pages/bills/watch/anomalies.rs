//! The unusual days in a table, and what made the chosen one so.

use egui::{RichText, Ui};

use crate::app::Command;
use crate::app::watch::{Mark, Seen, WatchCommand};
use crate::bill::over_time::NO_VALUE;
use crate::bill::watch::{Anomaly, Watched};
use crate::bill::{Filter, Granularity};
use crate::ui::theme::Tokens;
use crate::ui::view::View;
use crate::ui::widgets::{
    Cell, Column, Table, TableState, data_table_ui, note_ui, quiet_button_ui, section_header_ui,
};
use crate::units::{self, Money};

/// Height of the table of unusual days, and of what made one so.
const HEIGHT: f32 = 230.0;
const DRIVERS_HEIGHT: f32 = 200.0;

/// What the tables remember between frames.
#[derive(Default)]
pub(super) struct Anomalies {
    table: TableState,
    drivers: TableState,
    chosen: Option<String>,
}

impl Anomalies {
    /// Draws the tables. True when the user wants to see the rows; the filters of Spend are then set.
    pub(super) fn ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        watched: &Watched,
        seen: &[Seen],
        currency: &str,
        version: u64,
    ) -> bool {
        let all = &watched.anomalies;
        let fresh = seen.iter().filter(|seen| **seen == Seen::New).count();
        let note = match (all.len(), fresh) {
            (0, _) => String::new(),
            (all, 0) => format!("{all}, none of them new"),
            (all, fresh) if all == fresh && all > 1 => format!("{all}, all of them new"),
            (1, _) => "1, new".to_owned(),
            (all, fresh) => format!("{all}, {fresh} of them new"),
        };
        let mark = |anomalies: &mut dyn Iterator<Item = &Anomaly>, to: Seen| {
            let marks = anomalies.map(|anomaly| Mark::of(anomaly, currency, to)).collect();
            Command::Watch(Box::new(WatchCommand::Mark(marks)))
        };
        section_header_ui(ui, "Unusual days", &note, |ui| {
            if fresh > 1 && quiet_button_ui(ui, "Acknowledge all").clicked() {
                view.send(mark(&mut all.iter(), Seen::Acknowledged));
            }
        });
        if all.is_empty() {
            let why = if watched.not_judged.is_empty() {
                let judged = watched
                    .judged
                    .as_ref()
                    .map_or_else(String::new, |judged| format!(": {}", judged.words()));
                format!("No day cost unusually much or little{judged}.")
            } else {
                format!("No day is judged: {}.", watched.not_judged)
            };
            note_ui(ui, &why);
            return false;
        }
        if self.chosen.as_ref().is_none_or(|id| !all.iter().any(|anomaly| anomaly.id == *id)) {
            self.chosen = all.first().map(|anomaly| anomaly.id.clone());
        }
        let place = all.iter().position(|anomaly| Some(&anomaly.id) == self.chosen.as_ref());
        let columns = [
            Column::text("State", 96.0)
                .hover("New: nobody has seen it. Known: a check told of it. Acknowledged: dealt with"),
            Column::text("From", 84.0),
            Column::text("Until", 84.0),
            Column::fill("Of", 160.0).hover("The part of the bill that was unusual"),
            Column::number("Difference", 92.0).hover("What was spent beyond what was expected"),
            Column::number("In percent", 72.0).hover("Of what was expected"),
            Column::number("Cost", 88.0),
            Column::number("Expected", 88.0),
            Column::fill("Mostly", 150.0).hover("What made the largest part of the difference"),
        ];
        let shape = Table {
            id: "anomalies",
            name: "Unusual days",
            columns: &columns,
            rows: all.len(),
            revision: version ^ (view.app.state().revision << 20),
            selected: place,
            height: HEIGHT,
        };
        let tokens = Tokens::of(ui);
        let output = data_table_ui(ui, &shape, &mut self.table, |row, column| {
            cell(&all[row], seen[row], column, currency, tokens)
        });
        if let Some(row) = output.chosen {
            self.chosen = Some(all[row].id.clone());
        }
        let Some(place) = place else { return false };
        self.drivers_ui(ui, view, watched, place, seen[place], currency, version)
    }

    #[expect(clippy::too_many_arguments, reason = "one anomaly with all that is known of it")]
    fn drivers_ui(
        &mut self,
        ui: &mut Ui,
        view: &mut View<'_>,
        watched: &Watched,
        place: usize,
        seen: Seen,
        currency: &str,
        version: u64,
    ) -> bool {
        let anomaly = &watched.anomalies[place];
        let mut show = false;
        let mut to = None;
        let title = format!("{}, {}", part_words(anomaly), anomaly.first);
        section_header_ui(ui, &title, &sentence(anomaly, currency), |ui| {
            show = quiet_button_ui(ui, "Show on Spend").clicked();
            if seen != Seen::Acknowledged && quiet_button_ui(ui, "Acknowledge").clicked() {
                to = Some(Seen::Acknowledged);
            }
            if seen == Seen::New && quiet_button_ui(ui, "Mark as known").clicked() {
                to = Some(Seen::Known);
            }
            if seen != Seen::New && quiet_button_ui(ui, "Mark as new").clicked() {
                to = Some(Seen::New);
            }
        });
        if let Some(to) = to {
            let marks = vec![Mark::of(anomaly, currency, to)];
            view.send(Command::Watch(Box::new(WatchCommand::Mark(marks))));
        }
        if show {
            let mut scenario = view.app.state().scenario.clone();
            let value = |part: &String| if part == NO_VALUE { String::new() } else { part.clone() };
            let filters = anomaly.part.iter().map(|part| Filter::is(watched.by.clone(), [value(part)]));
            scenario.spend.drill = filters.collect();
            // The watch looks at the whole bill.
            scenario.spend.whole = true;
            scenario.spend.period = None;
            scenario.basis = watched.basis;
            scenario.per = Granularity::Day;
            view.send(Command::SetScenario(Box::new(scenario)));
        }
        if anomaly.drivers.is_empty() {
            note_ui(ui, "Only the newest spells are explained; this one is older than those.");
            return show;
        }
        let columns = [
            Column::text("What", 84.0),
            Column::fill("Value", 220.0),
            Column::number("Difference", 120.0),
            Column::number("Share", 110.0)
                .hover("Of the difference of all values; above 100 % where others make up for some of it"),
            Column::number("Cost", 120.0).hover("On these days, the first seven of them at most"),
            Column::number("Before", 120.0).hover("Median of the same weekdays in the four weeks before"),
        ];
        let drivers = &anomaly.drivers;
        let shape = Table {
            id: "anomaly drivers",
            name: "What made the difference",
            columns: &columns,
            rows: drivers.len(),
            revision: version * 1_000 + place as u64,
            selected: None,
            height: DRIVERS_HEIGHT,
        };
        data_table_ui(ui, &shape, &mut self.drivers, |row, column| {
            let driver = &drivers[row];
            let money = |amount: Money| Cell::number(amount.to_f64(), units::money(amount, currency));
            match column {
                0 => Cell::text(driver.what.clone()).hover(driver.column.clone()).quiet(),
                1 => Cell::text(driver.value.clone()).hover(driver.value.clone()),
                2 => {
                    let difference = driver.difference();
                    Cell::number(difference.to_f64(), signed(difference, currency))
                }
                3 => Cell::number(driver.share, format!("{:.0} %", driver.share * 100.0)).bar(driver.share),
                4 => money(driver.actual),
                _ if driver.before == Money::ZERO => {
                    Cell::number(0.0, "new").hover("It cost nothing on the same weekdays before")
                }
                _ => money(driver.before),
            }
        });
        show
    }
}

fn part_words(anomaly: &Anomaly) -> &str {
    anomaly.part.as_deref().unwrap_or("The whole bill")
}

/// `+1,032.00 USD`.
pub(super) fn signed(amount: Money, currency: &str) -> String {
    let sign = if amount > Money::ZERO { "+" } else { "" };
    format!("{sign}{}", units::money(amount, currency))
}

/// `+98 %`, `−90 %`.
fn percent_words(percent: f64) -> String {
    format!("{percent:+.0} %").replace('-', "−")
}

/// `+210 USD (+180 %) in 2 days`.
fn sentence(anomaly: &Anomaly, currency: &str) -> String {
    let days = anomaly.last.0 - anomaly.first.0 + 1;
    let percent =
        anomaly.percent().map_or_else(String::new, |percent| format!(" ({})", percent_words(percent)));
    let so_far = if anomaly.goes_on { " so far" } else { "" };
    let s = if days == 1 { "" } else { "s" };
    format!("{}{percent} in {days} day{s}{so_far}", signed(anomaly.difference(), currency))
}

fn cell(anomaly: &Anomaly, seen: Seen, column: usize, currency: &str, tokens: &Tokens) -> Cell {
    let money = |amount: Money| Cell::number(amount.to_f64(), units::money(amount, currency));
    match column {
        0 => match seen {
            Seen::New => Cell::text("new").colour(tokens.warning),
            Seen::Known => Cell::text("known"),
            Seen::Acknowledged => Cell::text("acknowledged").quiet(),
        },
        1 => Cell::text(anomaly.first.to_string()),
        2 if anomaly.goes_on => Cell::text("goes on").hover(anomaly.last.to_string()),
        2 => Cell::text(anomaly.last.to_string()),
        3 => Cell::text(part_words(anomaly)).hover(part_words(anomaly)),
        4 => {
            let difference = anomaly.difference();
            Cell::number(difference.to_f64(), signed(difference, currency))
                .hover(format!("{:.1} robust standard deviations at most", anomaly.score))
        }
        5 => anomaly.percent().map_or_else(
            || Cell::unknown("Nothing was expected"),
            |percent| Cell::number(percent, percent_words(percent)),
        ),
        6 => money(anomaly.actual),
        7 => money(anomaly.expected),
        _ => match anomaly.drivers.first() {
            Some(driver) => Cell::text(driver.value.clone()).hover(format!(
                "{} {}: {}",
                driver.what,
                driver.value,
                signed(driver.difference(), currency)
            )),
            None => Cell::unknown("Only the newest spells are explained"),
        },
    }
}

/// A quiet word.
pub(super) fn quiet_ui(ui: &mut Ui, text: &str) {
    let tokens = Tokens::of(ui);
    ui.label(RichText::new(text).color(tokens.text_quiet));
}
