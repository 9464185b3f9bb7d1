//! OpenAI: the costs and the completions usage that its dashboard exports, and the same from its API.
//!
//! Days on which nothing was used are rows with nothing but their times; they are left out and counted. In the usage
//! export `input_tokens` holds the cached ones, too: rows are made of the uncached, the cached and the output tokens.

use std::path::Path;

use super::{Out, Seller, period, sku};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::json_tables::{Columns, has_more};
use crate::bill::formats::mapping::{Fill, Filled, Header, Mapping, amount, cell};
use crate::bill::formats::node::Node;
use crate::bill::formats::{EachRow, JsonTable, Kind, Mapper, Plan};
use crate::bill::moment;
use crate::bill::warnings::{Place, Trouble, Warnings};

const SELLER: Seller = Seller { provider: "OpenAI", service: "OpenAI API" };
const TIMES: [&str; 4] = ["start_time", "end_time", "start_time_iso", "end_time_iso"];
const COSTS: [&str; 5] = ["amount_value", "amount_currency", "line_item", "project_id", "organization_id"];
const USAGE: [&str; 11] = [
    "project_id",
    "num_model_requests",
    "user_id",
    "api_key_id",
    "model",
    "batch",
    "service_tier",
    "input_tokens",
    "output_tokens",
    "input_cached_tokens",
    "input_uncached_tokens",
];

/// Words that tell what of a model is counted.
const COUNTED: [&str; 14] = [
    "input", "output", "cached", "audio", "text", "image", "images", "video", "token", "tokens", "batch",
    "flex", "priority", "training",
];

/// Which of its exports a header is.
pub fn recognise(names: &[String]) -> Option<Kind> {
    let header = Header::new(names);
    if !header.has(&TIMES) {
        return None;
    }
    if header.has(&["amount_value", "amount_currency"]) {
        return Some(Kind::OpenAiCosts);
    }
    // Without any use in its time, both exports have nothing but the times.
    let is_empty = names.iter().filter(|name| !name.trim().is_empty()).count() == TIMES.len();
    if is_empty {
        return Some(Kind::OpenAiCosts);
    }
    header.has(&["num_model_requests", "input_tokens"]).then_some(Kind::OpenAiUsage)
}

/// How to read one.
///
/// # Errors
/// None so far; the header was recognised by what is needed.
pub fn plan(kind: Kind, names: &[String], _path: &Path) -> Result<Plan, BillError> {
    let header = Header::new(names);
    let at = |name: &str| header.at(&[name]);
    if kind == Kind::OpenAiUsage {
        let usage = Usage {
            start: at("start_time_iso"),
            end: at("end_time_iso"),
            project: at("project_id"),
            key: at("api_key_id"),
            model: at("model"),
            batch: at("batch"),
            tier: at("service_tier"),
            requests: at("num_model_requests"),
            input: at("input_tokens"),
            cached: at("input_cached_tokens"),
            uncached: at("input_uncached_tokens"),
            output: at("output_tokens"),
            empty: 0,
            zero: 0,
        };
        let used: Vec<usize> =
            [usage.project, usage.key, usage.model, usage.tier].into_iter().flatten().collect();
        let (targets, mapping) = Mapping::new(Counted::default(), Out::NAMES, names, &used);
        let remarks = vec![(
            None,
            "the file counts tokens and names no costs; import the costs export, too".to_owned(),
        )];
        return Ok(Plan { kind, targets, remarks, mapper: Box::new(Tokens { usage, mapping }) });
    }
    let costs = Costs {
        start: at("start_time_iso"),
        end: at("end_time_iso"),
        amount: at("amount_value"),
        currency: at("amount_currency"),
        item: at("line_item"),
        project: at("project_id"),
        project_name: at("project_name"),
        key: at("api_key_id"),
        organization: at("organization_id"),
        organization_name: at("organization_name"),
        empty: 0,
    };
    let used: Vec<usize> = [
        costs.amount,
        costs.currency,
        costs.item,
        costs.project,
        costs.project_name,
        costs.key,
        costs.organization,
        costs.organization_name,
    ]
    .into_iter()
    .flatten()
    .collect();
    let (targets, mapping) = Mapping::new(costs, Out::NAMES, names, &used);
    Ok(Plan { kind, targets, remarks: Vec::new(), mapper: Box::new(mapping) })
}

struct Costs {
    start: Option<usize>,
    end: Option<usize>,
    amount: Option<usize>,
    currency: Option<usize>,
    item: Option<usize>,
    project: Option<usize>,
    project_name: Option<usize>,
    key: Option<usize>,
    organization: Option<usize>,
    organization_name: Option<usize>,
    empty: u64,
}

impl Fill for Costs {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let of = |at| cell(cells, at);
        let (value, item) = (of(self.amount), of(self.item));
        if value.is_empty() && item.is_empty() && of(self.currency).is_empty() {
            self.empty += 1;
            return false;
        }
        SELLER.fill(filled);
        period(filled, of(self.start), of(self.end));
        filled.paid(amount(value, "amount_value", place, warnings));
        filled.currency(&of(self.currency).to_ascii_uppercase());
        filled.set(Out::ChargeDescription, item);
        let (model, counted) = split_item(item);
        // What goes in and comes out is paid by the token, which the line leaves unsaid.
        let of_tokens = ["input", "output"].iter().any(|end| counted.ends_with(end));
        let counted = if of_tokens { format!("{counted} tokens") } else { counted.to_owned() };
        sku(filled, model, &counted, "");
        filled.sub_account(of(self.project), "Project");
        filled.set(Out::SubAccountName, of(self.project_name));
        filled.set(Out::x_ApiKey, of(self.key));
        filled.account(of(self.organization), "Organization");
        filled.set(Out::BillingAccountName, of(self.organization_name));
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        say_empty(self.empty, warnings);
    }
}

/// A line item as a model and what of it is counted: `gpt-4o-2024-08-06, cached input`, `gpt-5-mini input`, `GPT-4
/// Turbo`. What names no model is counted as a whole: `web search tool calls`.
fn split_item(item: &str) -> (&str, &str) {
    if let Some((model, counted)) = item.split_once(',') {
        return (model.trim(), counted.trim());
    }
    let all_count =
        |words: &str| words.split(' ').all(|word| COUNTED.contains(&word.to_lowercase().as_str()));
    let ends = item.match_indices(' ').map(|(at, _)| item.split_at(at));
    let parts = ends.map(|(model, counted)| (model, counted.trim_start()));
    if let Some(parts) = parts.into_iter().find(|(_, counted)| all_count(counted)) {
        return parts;
    }
    let is_model = !item.contains(' ') || item.contains(|c: char| c.is_ascii_digit());
    if is_model { (item, "") } else { ("", item) }
}

fn say_empty(empty: u64, warnings: &mut Warnings) {
    if empty > 0 {
        warnings.about_file(None, format!("{empty} rows name times and no use; they were left out"));
    }
}

/// Where the cells of the usage export are.
struct Usage {
    start: Option<usize>,
    end: Option<usize>,
    project: Option<usize>,
    key: Option<usize>,
    model: Option<usize>,
    batch: Option<usize>,
    tier: Option<usize>,
    requests: Option<usize>,
    input: Option<usize>,
    cached: Option<usize>,
    uncached: Option<usize>,
    output: Option<usize>,
    empty: u64,
    /// Rows whose counts are all 0.
    zero: u64,
}

/// A kind of token of a row.
#[derive(Default)]
struct Counted {
    kind: &'static str,
    unit: &'static str,
    count: String,
    model: String,
    tier: String,
    project: String,
    key: String,
    start: String,
    end: String,
}

impl Fill for Counted {
    fn fill(
        &mut self,
        _cells: &[&str],
        filled: &mut Filled,
        _place: Place,
        _warnings: &mut Warnings,
    ) -> bool {
        SELLER.fill(filled);
        period(filled, &self.start, &self.end);
        sku(filled, &self.model, self.kind, &self.tier);
        filled.set(Out::ChargeDescription, &format!("{} {}", self.model, self.kind));
        filled.set(Out::ConsumedQuantity, &self.count);
        filled.set(Out::ConsumedUnit, self.unit);
        filled.sub_account(&self.project, "Project");
        filled.set(Out::x_ApiKey, &self.key);
        true
    }
}

/// A row of counts becomes a row for each kind of token, and one for the requests.
struct Tokens {
    usage: Usage,
    mapping: Mapping<Counted>,
}

impl Mapper for Tokens {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let of = |at| cell(cells, at);
        let usage = &mut self.usage;
        let mut count = |at, column: &str| amount(of(at), column, place, warnings);
        let input = count(usage.input, "input_tokens");
        let cached = count(usage.cached, "input_cached_tokens");
        let output = count(usage.output, "output_tokens");
        let requests = count(usage.requests, "num_model_requests");
        let told = count(usage.uncached, "input_uncached_tokens");
        if [input, cached, told, output].iter().all(Option::is_none) {
            usage.empty += 1;
            return Ok(());
        }
        if [input, cached, told, output].iter().flatten().all(|count| *count == Exact::default()) {
            usage.zero += 1;
            return Ok(());
        }
        let uncached = told.or_else(|| input.and_then(|input| input.checked_sub(cached.unwrap_or_default())));
        if uncached.is_some_and(|uncached| uncached.0 < 0) {
            warnings.add(Trouble::Incomplete, place.line, Some("input_tokens"), || {
                let [input, cached] = [input, cached].map(Option::unwrap_or_default);
                format!(
                    "{input} input tokens{}, of which {cached} are to be cached: how many were not is not known, and \
                     there is no row of them",
                    place.words()
                )
            });
        }
        let uncached = uncached.filter(|uncached| uncached.0 >= 0);
        let batch = if of(usage.batch).eq_ignore_ascii_case("true") { "batch" } else { of(usage.tier) };
        for (kind, count, unit) in [
            ("input tokens", uncached, "Tokens"),
            ("cached input tokens", cached, "Tokens"),
            ("output tokens", output, "Tokens"),
            ("model requests", requests, "Requests"),
        ] {
            let Some(count) = count.filter(|count| *count != Exact::default()) else { continue };
            *self.mapping.fill_mut() = Counted {
                kind,
                unit,
                count: count.to_string(),
                model: of(usage.model).to_owned(),
                tier: batch.to_owned(),
                project: of(usage.project).to_owned(),
                key: of(usage.key).to_owned(),
                start: of(usage.start).to_owned(),
                end: of(usage.end).to_owned(),
            };
            self.mapping.map(cells, place, warnings, row)?;
        }
        Ok(())
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        say_empty(self.usage.empty, warnings);
        super::say_zero(self.usage.zero, warnings);
    }
}

/// Pages of costs or of the usage of models, as the API answers, under the names of the dashboard's export. `None` for
/// usage of which the dashboard's export has no columns (images, storage).
pub fn table(pages: &[Node<'_>]) -> Option<JsonTable> {
    let is = |value: &Node<'_>, name: &str| value.get("object").and_then(Node::as_str) == Some(name);
    let mut buckets = Vec::new();
    for page in pages {
        let held = page.get("data")?.as_list()?;
        if !is(page, "page") || !held.iter().all(|bucket| is(bucket, "bucket")) {
            return None;
        }
        buckets.extend(held);
    }
    let results: Vec<(&Node<'_>, &Node<'_>)> = buckets
        .iter()
        .flat_map(|bucket| {
            bucket.get("results").and_then(Node::as_list).unwrap_or_default().iter().map(|r| (*bucket, r))
        })
        .collect();
    let any_has = |name: &str| results.iter().any(|(_, result)| result.get(name).is_some());
    let is_usage = any_has("input_tokens");
    if buckets.is_empty() || !(is_usage || any_has("amount") || results.is_empty()) {
        return None;
    }
    let names: &[&str] = if is_usage { &USAGE } else { &COSTS };
    let columns = Columns::new(
        TIMES.iter().chain(names),
        results.iter().map(|(_, result)| *result),
        &["object", "amount"],
    );
    let rows = results.iter().map(|(bucket, result)| {
        columns.row(|column| {
            let secs = |name: &str| bucket.get(name).and_then(Node::as_i64);
            let moment = |name: &str| secs(name)?.checked_mul(moment::PER_SEC).map(moment::show);
            let amount = |part: &str| result.get("amount")?.get(part).map(Node::cell);
            match column {
                "start_time" | "end_time" => bucket.get(column).map(Node::cell),
                "start_time_iso" => moment("start_time"),
                "end_time_iso" => moment("end_time"),
                "amount_value" => amount("value"),
                "amount_currency" => amount("currency"),
                other => result.get(other).map(Node::cell),
            }
        })
    });
    let rows = rows.collect();
    Some(JsonTable { header: columns.into_header(), rows, remarks: has_more(pages) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line items as costs name them, in the API and on the dashboard.
    #[test]
    fn a_line_item_is_a_model_and_what_is_counted() {
        for (item, model, counted) in [
            ("gpt-4o-2024-08-06, cached input", "gpt-4o-2024-08-06", "cached input"),
            ("GPT-4o mini, input", "GPT-4o mini", "input"),
            ("gpt-5-mini cached input", "gpt-5-mini", "cached input"),
            ("gpt-4o input", "gpt-4o", "input"),
            ("whisper audio", "whisper", "audio"),
            ("GPT-4 Turbo", "GPT-4 Turbo", ""),
            ("gpt-4o", "gpt-4o", ""),
            ("web search tool calls", "", "web search tool calls"),
            ("", "", ""),
        ] {
            assert_eq!(split_item(item), (model, counted), "{item}");
        }
    }
}
