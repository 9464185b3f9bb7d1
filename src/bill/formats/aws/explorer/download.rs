//! The download of the console: a column for each group, a row for each period.

use super::dimension::Dimension;
use super::{LOW_DETAIL, Rows, currency_of, letters, split_currency, total_of};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::mapping::cell;
use crate::bill::formats::{EachRow, Kind, Mapper, Plan};
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

/// Rounding of a sum in the download: its amounts have ten decimal places.
const ROUNDING: i128 = 100_000_000;

/// A column of the download.
struct Group {
    at: usize,
    value: String,
    currency: String,
    /// What its rows add up to, and what the file says they do.
    sum: Exact,
    told: Option<Exact>,
}

/// How long a row of the download is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Hour,
    Day,
    Month,
}

impl Step {
    const HOUR: i64 = 3_600 * moment::PER_SEC;

    /// The step between two rows that follow each other.
    fn between(start: i64, next: i64) -> Option<Self> {
        match next - start {
            Self::HOUR => Some(Self::Hour),
            moment::PER_DAY => Some(Self::Day),
            _ if moment::next_month(start) == Some(next) => Some(Self::Month),
            _ => None,
        }
    }

    fn end(self, start: i64) -> Option<i64> {
        match self {
            Self::Hour => Some(start + Self::HOUR),
            Self::Day => Some(start + moment::PER_DAY),
            Self::Month => moment::next_month(start),
        }
    }
}

struct Download {
    rows: Rows,
    dimension: Option<Dimension>,
    groups: Vec<Group>,
    total_line: String,
    step: Option<Step>,
    last_start: Option<i64>,
    /// The first row, until the next one tells how long it is.
    waiting: Option<(Vec<String>, i64, Place)>,
    has_totals: bool,
    periods: u64,
    /// Rows left out because they begin with no date.
    undated: u64,
}

/// How to read a download with this header.
pub(super) fn plan(header: &[String]) -> Plan {
    let total = total_of(header);
    let mut places: Vec<usize> = (1..header.len()).filter(|at| Some(*at) != total).collect();
    let first = header.first().map_or("", |name| name.trim());
    // Grouped by nothing, there is only the total.
    let dimension = if places.is_empty() { None } else { Some(Dimension::of_download(first)) };
    if places.is_empty() {
        places.extend(total);
    }
    let groups = places
        .into_iter()
        .map(|at| Group {
            at,
            value: split_currency(&header[at]).0.to_owned(),
            currency: currency_of(&header[at]).unwrap_or("").to_owned(),
            sum: Exact::default(),
            told: None,
        })
        .collect();
    let own = dimension.iter().flat_map(Dimension::columns);
    let rows = Rows::new(own.chain(["BilledCost".to_owned()]));
    let mut remarks = vec![(
        None,
        format!("{LOW_DETAIL}; amounts are taken for unblended costs, which is what it shows unless told"),
    )];
    if let Some(Dimension::Tag(key)) = &dimension {
        remarks.push((Some("Tags".to_owned()), format!("`{key}` is taken for a tag that was grouped by")));
    }
    Plan {
        kind: Kind::AwsCostExplorer,
        targets: rows.targets(),
        remarks,
        mapper: Box::new(Download {
            rows,
            dimension,
            groups,
            total_line: letters(&format!("{first}total")),
            step: None,
            last_start: None,
            waiting: None,
            has_totals: false,
            periods: 0,
            undated: 0,
        }),
    }
}

impl Mapper for Download {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let period = cell(cells, Some(0));
        let Some(start) = moment::read(period) else {
            if !self.has_totals && self.periods == 0 && letters(period) == self.total_line {
                self.has_totals = true;
                for group in &mut self.groups {
                    group.told = Exact::read(cell(cells, Some(group.at))).ok().map(|read| read.value);
                }
            } else {
                self.undated += 1;
                warnings.add(Trouble::Unreadable, place.line, None, || {
                    format!("`{period}` is no date, so the row was left out")
                });
            }
            return Ok(());
        };
        self.periods += 1;
        if let Some(last) = self.last_start.replace(start)
            && self.step.is_none()
        {
            self.step = Step::between(last, start);
            // Of a month that was asked for in part, only the next one's first day shows that it is a month.
            if self.step.is_none() && moment::next_month(last) == moment::month_start(start) {
                self.step = Some(Step::Month);
            }
        }
        if let Some((cells, start, place)) = self.waiting.take() {
            let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
            self.period(&cells, start, place, warnings, row)?;
        }
        if self.step.is_none() && self.more_follow(cells) {
            self.waiting = Some((cells.iter().map(|cell| (*cell).to_owned()).collect(), start, place));
            return Ok(());
        }
        self.period(cells, start, place, warnings, row)
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        if self.undated > 0 && self.periods == 0 {
            let text = "no row begins with a date, so there are no costs: a download of Cost Explorer has a row for each \
                        day or month, and this may be another table";
            warnings.about_file(None, text.to_owned());
        }
        if let Some((cells, _, place)) = self.waiting.take() {
            warnings.add(Trouble::File, place.line, None, || {
                let period = &cells[0];
                format!(
                    "the row of `{period}` was left out: the totals say that more rows follow, but none does"
                )
            });
        }
        for Group { value, sum, told, .. } in &self.groups {
            let Some(told) = told.filter(|_| self.has_totals) else { continue };
            let tolerance = ROUNDING * i128::from(self.periods + 1);
            if (sum.0 - told.0).abs() > tolerance {
                let text = format!(
                    "the rows of `{value}` add up to {sum}, but the file's own total is {told}: rows are missing"
                );
                warnings.about_file(Some("BilledCost"), text);
            }
        }
    }
}

impl Download {
    /// The totals are more than this row.
    fn more_follow(&self, cells: &[&str]) -> bool {
        let differs = |group: &Group| {
            let own = Exact::read(cell(cells, Some(group.at))).map_or(Exact(0), |read| read.value);
            group.told.is_some_and(|told| (told.0 - own.0).abs() > 2 * ROUNDING)
        };
        self.has_totals && self.periods == 1 && self.groups.iter().any(differs)
    }

    fn period(
        &mut self,
        cells: &[&str],
        start: i64,
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let end = self.step.and_then(|step| step.end(start));
        for group in &mut self.groups {
            let text = cell(cells, Some(group.at));
            let amount = Exact::read(text);
            if let Ok(read) = amount {
                group.sum = group.sum.checked_add(read.value).unwrap_or(group.sum);
            }
            // A service that cost nothing in this period has a cell because it did in another.
            if text.is_empty() || amount.is_ok_and(|read| read.value == Exact(0)) {
                continue;
            }
            self.rows.begin(Some(start), end, &group.currency);
            self.rows.set("BilledCost", text);
            if let Some(dimension) = &self.dimension {
                self.rows.describe(dimension, &group.value);
            }
            self.rows.hand_on(place, warnings, row)?;
        }
        Ok(())
    }
}
