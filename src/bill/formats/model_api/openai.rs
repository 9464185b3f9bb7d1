//! OpenAI: the costs and the completions usage that its dashboard exports, and the same from its API.
//!
//! Days on which nothing was used are rows with nothing but their times; they are left out and counted. In the usage
//! export `input_tokens` holds the cached ones, too: rows are made of the uncached, the cached and the output tokens.

use std::path::Path;

use super::{Out, Seller, cost, currency, period, sku, sub_account};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
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
        organization: at("organization_id"),
        organization_name: at("organization_name"),
        empty: 0,
    };
    let used: Vec<usize> = [
        costs.amount,
        costs.currency,
        costs.item,
        costs.project,
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
        cost(filled, amount(value, "amount_value", place, warnings));
        currency(filled, &of(self.currency).to_ascii_uppercase());
        filled.set(Out::ChargeDescription, item);
        // `gpt-5-mini input`, `gpt-4o cached input`: what is counted follows the model.
        let (model, counted) = item.split_once([' ', ',']).unwrap_or((item, ""));
        let counted = counted.trim_start_matches([' ', ',']);
        // What goes in and comes out is paid by the token, which the line leaves unsaid.
        let of_tokens = ["input", "output"].iter().any(|end| counted.ends_with(end));
        let counted = if of_tokens { format!("{counted} tokens") } else { counted.to_owned() };
        sku(filled, model, &counted, "");
        sub_account(filled, of(self.project), "Project");
        filled.set(Out::BillingAccountId, of(self.organization));
        filled
            .set(Out::BillingAccountType, if of(self.organization).is_empty() { "" } else { "Organization" });
        filled.set(Out::BillingAccountName, of(self.organization_name));
        true
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        say_empty(self.empty, warnings);
    }
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
        sub_account(filled, &self.project, "Project");
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

/// A page of costs or of completions usage, as the API answers, under the names of the dashboard's export.
pub fn table(document: &Node<'_>) -> Option<JsonTable> {
    let buckets = document.get("data")?.as_list()?;
    let is = |value: &Node<'_>, name: &str| value.get("object").and_then(Node::as_str) == Some(name);
    if !is(document, "page") || !buckets.iter().all(|bucket| is(bucket, "bucket")) {
        return None;
    }
    let is_usage = buckets.iter().flat_map(results).any(|result| result.get("input_tokens").is_some());
    let columns: &[&str] = if is_usage { &USAGE } else { &COSTS };
    let mut rows = Vec::new();
    for bucket in buckets {
        let epoch = |name: &str| bucket.get(name).and_then(Node::as_i64);
        let text = |secs: Option<i64>| secs.map(|secs| secs.to_string()).unwrap_or_default();
        let moment = |secs: Option<i64>| {
            secs.and_then(|secs| secs.checked_mul(moment::PER_SEC)).map(moment::show).unwrap_or_default()
        };
        let (start, end) = (epoch("start_time"), epoch("end_time"));
        for result in results(bucket) {
            let mut cells = vec![text(start), text(end), moment(start), moment(end)];
            cells.extend(columns.iter().map(|column| {
                let value = match *column {
                    "amount_value" => result.get("amount").and_then(|amount| amount.get("value")),
                    "amount_currency" => result.get("amount").and_then(|amount| amount.get("currency")),
                    other => result.get(other),
                };
                super::super::json_cell(value)
            }));
            rows.push(cells);
        }
    }
    let header = TIMES.iter().chain(columns).map(|name| (*name).to_owned()).collect();
    Some(JsonTable { header, rows, remarks: more_pages(document) })
}

/// What a bucket of time holds.
fn results<'n>(bucket: &'n Node<'n>) -> &'n [Node<'n>] {
    bucket.get("results").and_then(Node::as_list).unwrap_or_default()
}

/// What to say of an answer that is not the last.
pub(super) fn more_pages(document: &Node<'_>) -> Vec<String> {
    if document.get("has_more") == Some(&Node::Bool(true)) {
        return vec![
            "the API had more pages than are in this file, so the bill is not whole; fetch all pages"
                .to_owned(),
        ];
    }
    Vec::new()
}
