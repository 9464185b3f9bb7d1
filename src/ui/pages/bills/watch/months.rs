//! The last months by kinds of charges, and the month that is expected, so that each can be laid beside its invoice.

use egui::Ui;

use crate::bill::Basis;
use crate::bill::watch::{MonthParts, Parts, Watched};
use crate::ui::pages::bills::spend::basis_words;
use crate::ui::widgets::{Cell, Column, Table, TableState, data_table_ui, section_header_ui};
use crate::units::{self, Money};

/// Height of a line of the table, its head included.
const LINE: f32 = 28.0;

/// A column of the table: its name, what it means, and its part of a sum.
struct Kind {
    name: &'static str,
    hover: &'static str,
    of: fn(&Parts) -> Money,
}

/// Kinds of charges, in the order they are shown.
const KINDS: [Kind; 6] = [
    Kind {
        name: "By the day",
        hover: "Charges for hours and days: what the chart shows and forecasts are made from",
        of: |parts| parts.running,
    },
    Kind {
        name: "Longer than a day",
        hover: "Fees and discounts for two days or more that come again",
        of: |parts| parts.beside.fees,
    },
    Kind {
        name: "Single charges",
        hover: "Charges that happen once; none is expected",
        of: |parts| parts.beside.once,
    },
    Kind {
        name: "Refunds",
        hover: "Refunds and corrections that happen once; none is expected",
        of: |parts| parts.beside.refunds,
    },
    Kind {
        name: "Credits",
        hover: "Credits; none is expected but those that come every month",
        of: |parts| parts.beside.credits,
    },
    Kind {
        name: "Taxes",
        hover: "Taxes; expected is the share of everything else that they were in the months before",
        of: |parts| parts.beside.taxes,
    },
];

/// One line.
struct Line<'w> {
    month: String,
    parts: &'w Parts,
    total: Money,
    /// `None` for the month that is expected.
    past: Option<&'w MonthParts>,
}

/// Draws the table; nothing where there is no month.
pub(super) fn months_ui(
    ui: &mut Ui,
    watched: &Watched,
    currency: &str,
    table: &mut TableState,
    version: u64,
) {
    let mut lines: Vec<Line<'_>> = watched
        .months
        .iter()
        .map(|month| Line {
            month: month.month.month_words(),
            parts: &month.parts,
            total: month.total,
            past: Some(month),
        })
        .collect();
    let coming = watched.month.as_ref().and_then(|month| Some((month, month.sum?, month.parts.as_ref()?)));
    lines.extend(coming.map(|(month, sum, parts)| Line {
        month: format!("{}, expected", month.from.month_words()),
        parts,
        total: sum.expected,
        past: None,
    }));
    if lines.is_empty() {
        return;
    }
    let kinds: Vec<&Kind> =
        KINDS.iter().filter(|kind| lines.iter().any(|line| (kind.of)(line.parts) != Money::ZERO)).collect();
    let invoices =
        if watched.basis == Basis::BilledCost { "" } else { ", and of the billed cost (Cost: Billed)" };
    let note = format!(
        "{} cost by the month that charges start in; invoices are by billing month{invoices}",
        basis_words(watched.basis)
    );
    section_header_ui(ui, "Months", &note, |_| {});
    let mut columns = vec![Column::fill("Month", 130.0)];
    columns.extend(kinds.iter().map(|kind| Column::number(kind.name, 112.0).hover(kind.hover)));
    columns.push(Column::number("All", 112.0).hover("Everything that starts in the month"));
    columns.push(
        Column::number("By billing month", 124.0)
            .hover("Everything whose billing period is this month, whenever it starts: what invoices go by"),
    );
    let shape = Table {
        id: "watched months",
        name: "Months by kinds of charges",
        columns: &columns,
        rows: lines.len(),
        revision: version,
        selected: None,
        height: LINE * (lines.len() + 1) as f32 + 10.0,
    };
    let money = |amount: Money| Cell::number(amount.to_f64(), units::money(amount, currency));
    data_table_ui(ui, &shape, table, |row, column| {
        let line = &lines[row];
        match column {
            0 => Cell::text(line.month.clone()),
            _ if column <= kinds.len() => match (kinds[column - 1].of)(line.parts) {
                Money::ZERO if line.past.is_none() => Cell::unknown("None is expected"),
                amount => money(amount),
            },
            _ if column == kinds.len() + 1 => money(line.total),
            _ => match line.past {
                None => Cell::unknown("Nothing is billed for it yet"),
                Some(MonthParts { billed: None, .. }) => Cell::unknown("The bills tell no billing periods"),
                Some(MonthParts { billed: Some(billed), .. }) => {
                    money(billed.by_billing).hover(billed.words(currency))
                }
            },
        }
    });
}
