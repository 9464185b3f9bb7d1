//! Whether the chosen bill is right: the verdict, what must be looked into, and the invoices it is compared with.

use std::collections::BTreeMap;

use egui::{Align, Label, Layout, RichText, ScrollArea, Ui};

use super::books::Books;
use crate::app::Command;
use crate::bill::Imported;
use crate::bill::reconcile::{
    Charged, Check, InvoiceTotal, Reconciliation, Target, Verdict, amount_words, money_words, off_words,
    percent_words, read_total,
};
use crate::ui::pages::kept::Memo;
use crate::ui::theme::{self, Tokens, space};
use crate::ui::view::View;
use crate::ui::widgets::{
    Icon, Tone, card_ui, count_words, icon_ui, line_edit, note_ui, quiet_button_ui, section_header_ui,
};
use crate::units::Money;

/// Points and notes shown at most; the tables below have everything.
const MOST: usize = 8;
/// Height of the list of invoices before it scrolls.
const INVOICES_HEIGHT: f32 = 400.0;
/// Widths of the columns of that list, in points; the first takes what is left, `NAME` at least.
const NAME: f32 = 160.0;
const ROWS: f32 = 64.0;
const AMOUNT: f32 = 130.0;
const FIELD: f32 = 150.0;
const DIFFERENCE: f32 = 210.0;

/// What is reconciled: the state of the bills, the invoices, and the bill.
type Of = (u64, Vec<InvoiceTotal>, String);

/// What the panel remembers between frames.
#[derive(Default)]
pub(super) struct Panel {
    made: Memo<Of, (Reconciliation, Vec<InvoiceTotal>)>,
    /// What is typed for an invoice and not kept yet, by the target's key.
    typed: BTreeMap<String, String>,
    books: Books,
}

impl Panel {
    pub(super) fn ui(&mut self, ui: &mut Ui, view: &mut View<'_>, bill: &Imported) {
        let state = view.app.state();
        let Self { made, typed, books } = self;
        let key = (view.app.bills_generation(), state.invoices.clone(), bill.hash.clone());
        let (found, without_rows) = made.get(key, || {
            let without_rows = state.invoices_without_rows().into_iter().cloned().collect();
            (state.reconciliation(bill), without_rows)
        });
        card_ui(ui, |ui| {
            section_header_ui(ui, "Reconciliation", &found.file, |_| {});
            verdict_ui(ui, found);
            if found.verdict != Verdict::NoLedger {
                ui.add_space(space::S);
                invoices_ui(ui, view, found, typed);
            }
            without_rows_ui(ui, view, without_rows);
        });
        if found.verdict != Verdict::NoLedger {
            books.ui(ui, view, found);
        }
    }
}

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Reconciled => Tone::Good,
        Verdict::Off => Tone::Danger,
        Verdict::NoLedger => Tone::Warning,
        Verdict::NotChecked | Verdict::Partly => Tone::Info,
    }
}

/// The verdict in one line, then what must be looked into and what is good to know.
fn verdict_ui(ui: &mut Ui, found: &Reconciliation) {
    let tokens = Tokens::of(ui);
    let (colour, icon) = tone(found.verdict).dress(tokens);
    ui.horizontal(|ui| {
        icon_ui(ui, icon, colour);
        let text = RichText::new(&found.headline).text_style(theme::section()).color(colour);
        ui.add(Label::new(text).wrap());
    });
    let line = |ui: &mut Ui, icon: Icon, colour: egui::Color32, text: &str| {
        ui.horizontal_top(|ui| {
            icon_ui(ui, icon, colour);
            ui.add(Label::new(RichText::new(capital(text)).color(tokens.text)).wrap());
        });
    };
    for point in found.points.iter().take(MOST) {
        line(ui, Icon::Warning, tokens.warning, point);
    }
    if found.points.len() > MOST {
        note_ui(ui, &format!("{} more points are in the tables below", found.points.len() - MOST));
    }
    for note in found.notes.iter().take(MOST) {
        line(ui, Icon::Info, tokens.text_quiet, note);
    }
}

/// What is charged for, a line an invoice, with a field for what the invoice says.
fn invoices_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    found: &Reconciliation,
    typed: &mut BTreeMap<String, String>,
) {
    let row = |ui: &mut Ui, cells: &mut dyn FnMut(&mut Ui, usize, f32)| {
        let name = (ui.available_width() - ROWS - AMOUNT - FIELD - DIFFERENCE - 5.0 * space::M).max(NAME);
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for (place, width) in [name, ROWS, AMOUNT, FIELD, DIFFERENCE].into_iter().enumerate() {
                cells(ui, place, width);
            }
        });
    };
    let tokens = Tokens::of(ui);
    let heads = ["Charged for (billing month)", "Rows", "Billed", "Invoice total", "Bill minus invoice"];
    row(ui, &mut |ui, place, width| {
        let text = RichText::new(heads[place]).small().color(tokens.text_quiet);
        cell_ui(ui, width, (1..=2).contains(&place), |ui| {
            ui.label(text.clone());
        });
    });
    let charges = &found.charges;
    let height = space::CONTROL + 2.0;
    ScrollArea::vertical()
        .id_salt("invoices")
        .max_height(INVOICES_HEIGHT)
        // The page has no height of its own to give: without this, a list of six shows two.
        .min_scrolled_height(INVOICES_HEIGHT)
        .auto_shrink([false, true])
        .show_rows(ui, height, charges.len(), |ui, range| {
            for charged in &charges[range] {
                let check = found.checks.iter().find(|check| check.invoice.target == charged.target);
                row(ui, &mut |ui, place, width| {
                    cell_ui(ui, width, (1..=2).contains(&place), |ui| match place {
                        0 => {
                            let words = charged.target.words();
                            let indent = if charged.whole { "" } else { "    " };
                            ui.add(Label::new(format!("{indent}{words}")).truncate()).on_hover_text(words);
                        }
                        1 => {
                            ui.label(RichText::new(count_words(charged.rows)).color(tokens.text_quiet));
                        }
                        2 => billed_ui(ui, charged),
                        3 => field_ui(ui, view, charged, check, typed),
                        _ => difference_ui(ui, check),
                    });
                });
            }
        });
    if charges.iter().any(|charged| charged.bills > 1) {
        note_ui(ui, "Rows and amounts are of all open bills that have charges of the invoice.");
    }
    // Totals for rows that no line is of, such as those of the command line for a whole bill.
    for check in &found.checks {
        if charges.iter().any(|charged| charged.target == check.invoice.target) {
            continue;
        }
        ui.horizontal(|ui| {
            ui.label(invoice_words(&check.invoice));
            difference_ui(ui, Some(check));
            remove_ui(ui, view, &check.invoice);
        });
    }
}

/// Totals that nothing is compared with.
fn without_rows_ui(ui: &mut Ui, view: &mut View<'_>, invoices: &[InvoiceTotal]) {
    for invoice in invoices {
        ui.horizontal(|ui| {
            let tokens = Tokens::of(ui);
            icon_ui(ui, Icon::Warning, tokens.warning);
            ui.label(format!("{}: no open bill has a row of it", invoice_words(invoice)));
            remove_ui(ui, view, invoice);
        });
    }
}

fn invoice_words(invoice: &InvoiceTotal) -> String {
    let InvoiceTotal { target, total, .. } = invoice;
    format!("Invoice of {}: {}", target.words(), money_words(*total, &target.currency))
}

fn remove_ui(ui: &mut Ui, view: &mut View<'_>, invoice: &InvoiceTotal) {
    let remove = format!("Forgets the invoice total of {}", invoice.target.words());
    if quiet_button_ui(ui, "Remove").on_hover_text(remove).clicked() {
        view.send(Command::RemoveInvoice(Box::new(invoice.target.clone())));
    }
}

fn cell_ui(ui: &mut Ui, width: f32, right: bool, add: impl FnOnce(&mut Ui)) {
    let layout =
        if right { Layout::right_to_left(Align::Center) } else { Layout::left_to_right(Align::Center) };
    let size = egui::vec2(width, space::CONTROL);
    ui.allocate_ui_with_layout(size, layout, |ui| {
        ui.set_min_size(size);
        add(ui);
    });
}

fn billed_ui(ui: &mut Ui, charged: &Charged) {
    match charged.billed {
        Some(billed) => {
            let currency = &charged.target.currency;
            let without = if charged.without > 0 {
                format!("; {} rows have no billed cost", count_words(charged.without))
            } else {
                String::new()
            };
            let hover = format!("{billed} {currency}, to the last digit{without}");
            ui.label(amount_words(billed, currency)).on_hover_text(hover);
        }
        None => {
            ui.label("–").on_hover_text("No row has a billed cost");
        }
    }
}

/// The field for an invoice's total. It is kept when the user leaves it or presses Enter.
fn field_ui(
    ui: &mut Ui,
    view: &mut View<'_>,
    charged: &Charged,
    check: Option<&Check>,
    typed: &mut BTreeMap<String, String>,
) {
    let key = charged.target.key();
    let kept = check.map_or_else(String::new, |check| invoice_text(&check.invoice));
    let text = typed.entry(key.clone()).or_insert_with(|| kept.clone());
    let is_amount = text.trim().is_empty() || read_invoice(text).is_some();
    let hint = format!("0.00 {}", charged.target.currency);
    let mut edit = line_edit(text, hint.trim(), FIELD - 12.0);
    if !is_amount {
        edit = edit.text_color(Tokens::of(ui).danger);
    }
    let response = ui.add(edit);
    let name = format!("Invoice total of {}", charged.target.words());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, ui.is_enabled(), &name));
    let hover = if is_amount {
        "A tolerance may follow: 1234.56 ± 0.05"
    } else {
        "This is no amount; write 1234.56, or 1234.56 ± 0.05"
    };
    let response = response.on_hover_text(hover);
    if response.has_focus() {
        return;
    }
    if response.lost_focus()
        && let Some(command) = command_of(&charged.target, text, &kept)
    {
        view.send(command);
        return;
    }
    // What is not being typed shows what is kept.
    if is_amount && !response.lost_focus() && *text != kept {
        typed.remove(&key);
    }
}

/// What leaving a field asks for; nothing where nothing has changed, or what stands there is no amount.
fn command_of(target: &Target, text: &str, kept: &str) -> Option<Command> {
    if text.trim() == kept.trim() {
        return None;
    }
    if text.trim().is_empty() {
        return Some(Command::RemoveInvoice(Box::new(target.clone())));
    }
    let (total, tolerance) = read_invoice(text)?;
    let invoice = InvoiceTotal { target: target.clone(), total, tolerance };
    Some(Command::PutInvoice(Box::new(invoice)))
}

/// `1234.56`, or `1234.56 ± 0.05`: a total, and what the bill may differ by.
fn read_invoice(text: &str) -> Option<(Money, Money)> {
    let (total, tolerance) = match text.split_once('±').or_else(|| text.split_once("+-")) {
        Some((total, tolerance)) => (total, read_total(tolerance)?),
        None => (text, Money::ZERO),
    };
    Some((read_total(total)?, tolerance)).filter(|(_, tolerance)| *tolerance >= Money::ZERO)
}

/// What [`read_invoice`] reads.
fn invoice_text(invoice: &InvoiceTotal) -> String {
    let total = money_text(invoice.total);
    if invoice.tolerance == Money::ZERO {
        return total;
    }
    format!("{total} ± {}", money_text(invoice.tolerance))
}

/// Two decimal places, or as many as there are.
fn money_text(amount: Money) -> String {
    let exact = amount.to_string();
    let places = exact.split_once('.').map_or(0, |(_, places)| places.len());
    if places > 2 { exact } else { format!("{amount:.2}") }
}

fn difference_ui(ui: &mut Ui, check: Option<&Check>) {
    let tokens = Tokens::of(ui);
    let Some(check) = check else {
        ui.label(RichText::new("not checked").color(tokens.text_quiet));
        return;
    };
    if check.agrees {
        icon_ui(ui, Icon::Check, tokens.good);
        let words = match check.difference {
            Some(difference) if difference != Money::ZERO => {
                let plus = if difference > Money::ZERO { "+" } else { "" };
                let currency = &check.invoice.target.currency;
                format!("within tolerance, {plus}{}", money_words(difference, currency))
            }
            _ => "agrees".to_owned(),
        };
        ui.label(RichText::new(words).color(tokens.good));
        return;
    }
    let currency = &check.invoice.target.currency;
    let words = match (check.difference, check.percent) {
        (Some(difference), percent) => {
            let plus = if difference > Money::ZERO { "+" } else { "" };
            let share = percent.map_or_else(String::new, |percent| {
                format!(" ({})", percent_words(percent).replace('-', "−"))
            });
            format!("{plus}{}{share}", money_words(difference, currency))
        }
        (None, _) => "no billed cost".to_owned(),
    };
    let mut hover = vec![off_words(check)];
    hover.extend(check.hints.iter().map(|hint| capital(hint)));
    ui.label(RichText::new(words).color(tokens.danger)).on_hover_text(hover.join("\n"));
}

/// With a capital.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    // A file's name stays as it is.
    let first_word = text.split(' ').next().unwrap_or(text);
    if first_word.contains('.') {
        return text.to_owned();
    }
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaving_a_field_keeps_what_changed_and_only_that() {
        let target = Target { currency: "USD".to_owned(), ..Target::default() };
        assert_eq!(command_of(&target, "12.30", "12.30"), None);
        assert_eq!(command_of(&target, "abc", "12.30"), None);
        let forget = Command::RemoveInvoice(Box::new(target.clone()));
        assert_eq!(command_of(&target, " ", "12.30"), Some(forget));
        let total = "1234.5".parse().unwrap();
        let invoice = InvoiceTotal { target: target.clone(), total, tolerance: Money::ZERO };
        assert_eq!(
            command_of(&target, "$1,234.50", ""),
            Some(Command::PutInvoice(Box::new(invoice.clone())))
        );
        // A tolerance that was kept stays when the total is changed beside it.
        let near = InvoiceTotal { tolerance: "0.05".parse().unwrap(), ..invoice };
        assert_eq!(invoice_text(&near), "1,234.50 ± 0.05");
        for text in ["1,234.50 ± 0.05", "1234.5+-0.05"] {
            assert_eq!(command_of(&target, text, ""), Some(Command::PutInvoice(Box::new(near.clone()))));
        }
        for text in ["1 ± x", "± 1", "1 ± -1"] {
            assert_eq!(command_of(&target, text, ""), None, "{text}");
        }
    }

    #[test]
    fn an_amount_shows_its_cents_and_every_digit_it_has() {
        for (amount, shown) in
            [("12", "12.00"), ("1234.5", "1,234.50"), ("0.1234", "0.1234"), ("-3", "-3.00")]
        {
            assert_eq!(money_text(amount.parse().unwrap()), shown);
        }
    }
}
