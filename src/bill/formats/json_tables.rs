//! Documents of JSON as tables: answers of APIs, one page or several, and lists of rows.

use super::node::Node;
use super::{JsonTable, aws, model_api, recognise};

/// The table in a document; `None` when it is no bill's. Pages of one answer may stand in a list.
pub fn json_table(document: &Node<'_>) -> Option<JsonTable> {
    let pages = document.as_list().unwrap_or(std::slice::from_ref(document));
    if pages.is_empty() {
        return None;
    }
    aws::explorer::table(pages)
        .or_else(|| model_api::openai::table(pages))
        .or_else(|| model_api::anthropic::table(pages))
        .or_else(|| document.as_list().and_then(rows))
}

/// A list of rows, each an object, as queries answer; `None` when it is no bill's.
fn rows(objects: &[Node<'_>]) -> Option<JsonTable> {
    if !objects.iter().all(|object| object.as_object().is_some()) {
        return None;
    }
    let columns = Columns::new(&[], objects.iter(), &[]);
    recognise(&columns.names)?;
    let rows = objects.iter().map(|object| columns.row(|name| object.get(name).map(Node::cell))).collect();
    Some(JsonTable { header: columns.into_header(), rows, remarks: Vec::new() })
}

/// The columns of a table that is made of objects.
pub(super) struct Columns {
    names: Vec<String>,
}

impl Columns {
    /// Columns that are known, and one for each further member of an object but those `taken`.
    pub fn new<'n, 't: 'n>(
        known: impl IntoIterator<Item = &'n &'static str>,
        objects: impl Iterator<Item = &'n Node<'t>>,
        taken: &[&str],
    ) -> Self {
        let mut names: Vec<String> = known.into_iter().map(|name| (*name).to_owned()).collect();
        let mut seen: std::collections::HashSet<String> =
            names.iter().cloned().chain(taken.iter().map(|name| (*name).to_owned())).collect();
        for (name, _) in objects.filter_map(Node::as_object).flatten() {
            if !seen.contains(name.as_ref()) {
                seen.insert(name.as_ref().to_owned());
                names.push(name.as_ref().to_owned());
            }
        }
        Self { names }
    }

    /// A row: the cell of each column, empty where there is none.
    pub fn row(&self, cell: impl Fn(&str) -> Option<String>) -> Vec<String> {
        self.names.iter().map(|name| cell(name).unwrap_or_default()).collect()
    }

    /// Their names.
    pub fn into_header(self) -> Vec<String> {
        self.names
    }
}

/// What to say of pages whose last one has `has_more`.
pub(super) fn has_more(pages: &[Node<'_>]) -> Vec<String> {
    let more = pages.last().and_then(|page| page.get("has_more")) == Some(&Node::Bool(true));
    if more { vec![more_pages("has_more")] } else { Vec::new() }
}

/// What to say of an answer that is not the last; `mark` is what says so.
pub(super) fn more_pages(mark: &str) -> String {
    format!(
        "the answer says that more pages follow (`{mark}`): unless they are imported with it, the bill is not whole; fetch \
         all pages"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Option<JsonTable> {
        json_table(&Node::parse(text).unwrap())
    }

    /// As `bq query --format=json` and other engines answer.
    #[test]
    fn a_list_of_rows_is_a_table_with_every_digit() {
        let read = table(
            r#"[{"BilledCost": 0.12345678901234567890, "ChargeCategory": "Usage", "ChargePeriodStart": "2026-10-01"},
                {"BilledCost": null, "ChargeCategory": "Tax", "Tags": {"team": "chat"}}]"#,
        )
        .unwrap();
        assert_eq!(read.header, ["BilledCost", "ChargeCategory", "ChargePeriodStart", "Tags"]);
        assert_eq!(
            read.rows,
            [["0.12345678901234567890", "Usage", "2026-10-01", ""], ["", "Tax", "", r#"{"team":"chat"}"#]]
        );
        for other in ["[]", "[1]", "{}", r#"[{"a": 1}]"#, r#"[{"BilledCost": 1}, 2]"#] {
            assert_eq!(table(other), None, "{other}");
        }
    }

    #[test]
    fn pages_are_one_table_and_only_the_last_may_say_that_more_follow() {
        let page = |start: u32, more: bool| {
            format!(
                r#"{{"object":"page","has_more":{more},"data":[{{"object":"bucket","start_time":{start},"end_time":{},
                "results":[{{"object":"r","amount":{{"value":"0.06","currency":"usd"}},"line_item":null,"quantity":3}}]}}]}}"#,
                start + 86_400
            )
        };
        let both = table(&format!("[{},{}]", page(0, true), page(86_400, false))).unwrap();
        assert_eq!((both.rows.len(), both.remarks.len()), (2, 0));
        // A member that no export has is a column of its own.
        assert_eq!(both.header.last().map(String::as_str), Some("quantity"));
        assert_eq!(both.rows[1].last().map(String::as_str), Some("3"));
        let first = table(&page(0, true)).unwrap();
        assert!(first.remarks[0].contains("more pages follow (`has_more`)"), "{:?}", first.remarks);
    }
}
