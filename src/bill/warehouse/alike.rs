//! Rows that look alike to what is judged here: their marks, which the warehouse can filter and group by. Pure.
//!
//! Rules and some keys of tags are judged here. Where the groups of all they look at, times what else is grouped by, are
//! too many to come back, or where rows themselves are asked for, the distinct sets of cells come back alone, each with
//! its mark (a hash that the warehouse makes of them). Judged, they become a condition and a number for each verdict.

use std::collections::{BTreeMap, BTreeSet};

use super::question::{Part, Question};
use super::session::Row;

/// Marks that a question is asked with at most; what is most frequent needs none.
pub(super) const MOST_MARKS: usize = 10_000;

impl Question<'_> {
    /// Whether anything is judged here.
    pub(super) fn judges(&self) -> bool {
        self.judge.is_some()
            || self.parts.iter().chain(self.here.iter().map(|here| &here.part)).any(is_judged)
    }

    /// The expressions that are looked at here, by their places in the answer.
    fn looked(&self) -> BTreeSet<usize> {
        let of_rules = self.judge.iter().flat_map(|(_, places)| places.iter().copied());
        let parts = self.parts.iter().chain(self.here.iter().map(|here| &here.part));
        let of_tags = parts.filter_map(|part| match part {
            Part::Tag(place, _) => Some(*place),
            _ => None,
        });
        of_rules.chain(of_tags).collect()
    }

    /// The mark of a row, from these names or expressions.
    fn mark(&self, of: impl Iterator<Item = String>) -> String {
        let texts: Vec<String> = of.map(|text| format!("COALESCE({text}, '')")).collect();
        if texts.is_empty() { "''".to_owned() } else { self.source.dialect.mark(&texts) }
    }

    /// Every distinct set of cells that are looked at here, and its mark.
    pub(super) fn alike_sql(&self, most: u64) -> String {
        let looked = self.looked();
        let inner: Vec<String> =
            looked.iter().map(|place| format!("{} AS k{place}", self.select[*place])).collect();
        let names: Vec<String> = looked.iter().map(|place| format!("k{place}")).collect();
        let mark = self.mark(names.iter().cloned());
        if names.is_empty() {
            return format!("SELECT '' AS mark FROM {} LIMIT 1", self.source.from);
        }
        let list = names.join(", ");
        let rows = self.rows_of(&inner);
        format!("SELECT {list}, {mark} AS mark FROM ({rows}) AS bill GROUP BY {list} LIMIT {}", most + 1)
    }

    /// Judges the answer to [`Self::alike_sql`]; afterwards nothing is judged here any more. False where that would
    /// take too many marks.
    pub(super) fn settle(&mut self, alike: &[Row]) -> bool {
        let looked = self.looked();
        let mark = self.mark(looked.iter().map(|place| self.select[*place].clone()));
        let judged: Vec<Part> = self.parts.iter().filter(|part| is_judged(part)).cloned().collect();
        // The marks of each verdict; `None` = a filter leaves these rows out.
        let mut verdicts: BTreeMap<Option<Row>, Vec<&str>> = BTreeMap::new();
        for row in alike {
            let mut cells: Row = vec![None; self.select.len()];
            for (place, cell) in looked.iter().zip(row) {
                cells[*place].clone_from(cell);
            }
            let said = self.said(&cells);
            let value = |part: &Part| self.value(part, &cells, said.as_deref());
            let verdict = self.holds(&value).then(|| judged.iter().map(value).collect());
            let mark = row.get(looked.len()).and_then(Option::as_deref).unwrap_or_default();
            verdicts.entry(verdict).or_default().push(mark);
        }
        let usual = verdicts.iter().max_by_key(|(_, marks)| marks.len()).map(|(verdict, _)| verdict.clone());
        let told: usize = verdicts
            .iter()
            .filter(|(verdict, _)| Some(*verdict) != usual.as_ref())
            .map(|(_, marks)| marks.len())
            .sum();
        if told > MOST_MARKS {
            return false;
        }
        let dialect = self.source.dialect;
        let among = |marks: &[&str]| {
            let list: Vec<String> = marks.iter().map(|mark| dialect.text(mark)).collect();
            format!("{mark} IN ({})", list.join(", "))
        };
        if usual.is_none() {
            // Without rows there is nothing to tell apart.
            self.conditions.push("1 = 0".to_owned());
        } else if let Some(out) = verdicts.get(&None) {
            let condition = if usual == Some(None) {
                let kept: Vec<&str> = verdicts
                    .iter()
                    .filter(|(verdict, _)| verdict.is_some())
                    .flat_map(|(_, marks)| marks.clone())
                    .collect();
                if kept.is_empty() { "1 = 0".to_owned() } else { among(&kept) }
            } else {
                format!("NOT {}", among(out))
            };
            self.conditions.push(condition);
        }
        let (mut cases, mut otherwise) = (String::new(), 0);
        for (verdict, marks) in
            verdicts.iter().filter_map(|(verdict, marks)| Some((verdict.as_ref()?, marks)))
        {
            let number = self.verdicts.len();
            if usual.as_ref().is_some_and(|usual| usual.as_ref() == Some(verdict)) {
                otherwise = number;
            } else if !judged.is_empty() {
                cases.push_str(&format!(" WHEN {} THEN {number}", among(marks)));
            }
            self.verdicts.push(verdict.clone());
        }
        let number = if cases.is_empty() {
            otherwise.to_string()
        } else {
            format!("CASE{cases} ELSE {otherwise} END")
        };
        self.regroup(number);
        true
    }

    /// Groups by what was judged, instead of what it was judged by.
    fn regroup(&mut self, number: String) {
        let before = std::mem::take(&mut self.select);
        let mut at = 0;
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            match part {
                Part::Cell(place) => *place = self.place(before[*place].clone()),
                judged if is_judged(judged) => {
                    *judged = Part::Judged(self.place(number.clone()), at);
                    at += 1;
                }
                _ => {}
            }
        }
        self.parts = parts;
        self.here.clear();
        self.judge = None;
    }
}

fn is_judged(part: &Part) -> bool {
    matches!(part, Part::Tag(..) | Part::Rule(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bill::Filter;
    use crate::bill::columns::ColumnType;
    use crate::bill::filter::Resolved;
    use crate::bill::formats::focus::RULE_COLUMN;
    use crate::bill::query::ColumnRef;
    use crate::bill::warehouse::column::{Held, TableColumn, focus_columns};
    use crate::bill::warehouse::dialect::Dialect;
    use crate::bill::warehouse::question::Source;

    fn source() -> Source {
        let table = ["BilledCost", "RegionId", "ServiceName"]
            .map(|name| TableColumn { name: name.to_owned(), held: Held::Text });
        let dialect = Dialect::Postgres;
        Source { dialect, from: "t".to_owned(), keep: None, columns: focus_columns(&table, dialect) }
    }

    fn plain(name: &str) -> ColumnRef {
        ColumnRef::Plain { name: name.to_owned(), kind: ColumnType::Text }
    }

    fn row(cells: &[&str]) -> Row {
        cells.iter().map(|cell| Some((*cell).to_owned()).filter(|cell| !cell.is_empty())).collect()
    }

    /// Services and their marks; rules look at nothing else here.
    fn alike() -> Vec<Row> {
        [["Amazon Bedrock", "m1"], ["Amazon S3", "m2"], ["", "m3"], ["AWS Lambda", "m4"]]
            .iter()
            .map(|cells| row(cells))
            .collect()
    }

    #[test]
    fn what_was_judged_is_a_number_that_is_grouped_by() {
        let source = source();
        let mut question = Question::about(&source, None);
        question.group(&[plain(RULE_COLUMN), plain("RegionId")]);
        let sql = question.alike_sql(9);
        assert!(
            sql.starts_with(
                "SELECT k0, MD5(COALESCE(k0, '')) AS mark FROM (SELECT CASE WHEN \"ServiceName\" "
            ),
            "{sql}"
        );
        assert!(question.judges() && question.settle(&alike()) && !question.judges());
        let sql = question.sums_sql(&[], 9);
        // Most services have no rule: theirs need no mark.
        assert!(sql.contains(" IN ('m1') THEN 1 ELSE 0 END AS k0, ") && !sql.contains("'m2'"), "{sql}");
        let key = |cells: &[&str]| question.key(&row(cells), None).unwrap();
        assert_eq!(key(&["1", "eu"]), row(&["model-api", "eu"]));
        assert_eq!(key(&["0.0", "eu"]), row(&["", "eu"]));
    }

    #[test]
    fn rows_of_a_rule_are_told_by_their_marks() {
        for (not, condition) in [(false, " IN ('m1')"), (true, "NOT MD5(")] {
            let source = source();
            let mut question = Question::about(&source, None);
            let filter = Filter { not, ..Filter::is("x", ["model-api"]) };
            question.filter(&[Resolved::of(&filter, |_name| Ok(plain(RULE_COLUMN))).unwrap()]).unwrap();
            assert!(question.is_filtered_here() && question.settle(&alike()));
            let sql = question.aggregates_sql(&["COUNT(*)".to_owned()]);
            assert!(sql.contains(condition) && !sql.contains("'m2'"), "{sql}");
        }
        let source = source();
        let mut question = Question::about(&source, None);
        let filter = Filter::is("x", ["training-machine"]);
        question.filter(&[Resolved::of(&filter, |_name| Ok(plain(RULE_COLUMN))).unwrap()]).unwrap();
        assert!(question.settle(&alike()));
        assert!(question.aggregates_sql(&["COUNT(*)".to_owned()]).ends_with("WHERE 1 = 0"));
    }

    #[test]
    fn too_many_marks_are_refused() {
        let source = source();
        let rows: Vec<Row> = (0..=2 * MOST_MARKS)
            .map(|number| {
                let service =
                    if number % 2 == 0 { format!("Amazon Bedrock {number}") } else { format!("S3 {number}") };
                row(&[&service, &format!("m{number}")])
            })
            .collect();
        let settle = |rows: &[Row]| {
            let mut question = Question::about(&source, None);
            question.group(&[plain(RULE_COLUMN)]);
            question.settle(rows)
        };
        assert!(settle(&rows[..2 * MOST_MARKS]) && !settle(&[&rows[..], &rows[1..2], &rows[..1]].concat()));
    }
}
