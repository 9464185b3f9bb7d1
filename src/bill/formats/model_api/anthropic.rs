//! Anthropic: the costs and the token counts that its console exports, and the cost and usage reports of its API.
//!
//! The API's amounts are cents as decimal text; cost of the priority tier is not in its report. In the console's token
//! counts the cached tokens are apart from the uncached, not among them.

use std::path::Path;

use super::{Out, Seller, day, period, sku};
use crate::bill::error::BillError;
use crate::bill::exact::Exact;
use crate::bill::formats::json_tables::{Columns as Names, has_more};
use crate::bill::formats::mapping::{Fill, Filled, Header, Mapping, amount, cell};
use crate::bill::formats::node::Node;
use crate::bill::formats::{EachRow, JsonTable, Kind, Mapper, Plan};
use crate::bill::warnings::{Place, Warnings};

const SELLER: Seller = Seller { provider: "Anthropic", service: "Claude API" };
const REPORT: [&str; 12] = [
    "starting_at",
    "ending_at",
    "amount",
    "currency",
    "cost_type",
    "token_type",
    "model",
    "service_tier",
    "context_window",
    "workspace_id",
    "description",
    "inference_geo",
];
/// Columns of counts, and what each counts.
const COUNTS: [(&str, &str, &str); 6] = [
    ("usage_input_tokens_no_cache", "input tokens", "Tokens"),
    ("usage_input_tokens_cache_write", "cache write tokens", "Tokens"),
    ("usage_input_tokens_cache_write_5m", "cache write 5m tokens", "Tokens"),
    ("usage_input_tokens_cache_write_1h", "cache write 1h tokens", "Tokens"),
    ("usage_input_tokens_cache_read", "cache read tokens", "Tokens"),
    ("usage_output_tokens", "output tokens", "Tokens"),
];
const SEARCHES: (&str, &str, &str) = ("web_search_count", "web searches", "Requests");

/// Columns of the API's usage report: what the console calls them, and where the API has them.
const USAGE: [(&str, &[&str]); 13] = [
    ("starting_at", &[]),
    ("ending_at", &[]),
    ("model_version", &["model"]),
    ("api_key_id", &["api_key_id"]),
    ("workspace_id", &["workspace_id"]),
    ("service_tier", &["service_tier"]),
    ("inference_geo", &["inference_geo"]),
    ("usage_input_tokens_no_cache", &["uncached_input_tokens"]),
    ("usage_input_tokens_cache_write_5m", &["cache_creation", "ephemeral_5m_input_tokens"]),
    ("usage_input_tokens_cache_write_1h", &["cache_creation", "ephemeral_1h_input_tokens"]),
    ("usage_input_tokens_cache_read", &["cache_read_input_tokens"]),
    ("usage_output_tokens", &["output_tokens"]),
    ("web_search_count", &["server_tool_use", "web_search_requests"]),
];

/// Which of its exports a header is.
pub fn recognise(header: &[String]) -> Option<Kind> {
    let header = Header::new(header);
    if header.has(&["usage_date_utc", "model", "token_type", "cost_usd"]) {
        return Some(Kind::AnthropicCosts);
    }
    let tokens = ["usage_input_tokens_no_cache", "usage_output_tokens"];
    let is_of = |when: &str| header.has(&[when, "model_version"]);
    if header.has(&tokens) && (is_of("usage_date_utc") || is_of("starting_at")) {
        return Some(Kind::AnthropicTokens);
    }
    header
        .has(&["starting_at", "ending_at", "amount", "cost_type", "token_type"])
        .then_some(Kind::AnthropicReport)
}

/// How to read one.
///
/// # Errors
/// None so far; the header was recognised by what is needed.
pub fn plan(kind: Kind, names: &[String], _path: &Path) -> Result<Plan, BillError> {
    let header = Header::new(names);
    let at = |names: &[&str]| header.at(names);
    let columns = Columns {
        start: at(&["starting_at", "usage_date_utc"]),
        end: at(&["ending_at"]),
        amount: at(&["amount", "cost_usd"]),
        list: at(&["list_price_usd"]),
        currency: at(&["currency"]),
        model: at(&["model", "model_version"]),
        token_type: at(&["token_type"]),
        cost_type: at(&["cost_type"]),
        tier: at(&["service_tier", "usage_type"]),
        description: at(&["description"]),
        workspace: at(&["workspace_id", "workspace"]),
        key: at(&["api_key", "api_key_id"]),
        geo: at(&["inference_geo"]),
        in_cents: kind == Kind::AnthropicReport,
        counted: None,
    };
    let mut used: Vec<usize> = [
        columns.amount,
        columns.list,
        columns.currency,
        columns.model,
        columns.token_type,
        columns.tier,
        columns.description,
        columns.workspace,
        columns.key,
        columns.geo,
    ]
    .into_iter()
    .flatten()
    .collect();
    if kind != Kind::AnthropicTokens {
        let remarks = if kind == Kind::AnthropicReport {
            vec![(
                None,
                "the cost report leaves out the priority tier; its cost is not in this bill".to_owned(),
            )]
        } else {
            Vec::new()
        };
        let (targets, mapping) = Mapping::new(columns, Out::NAMES, names, &used);
        return Ok(Plan { kind, targets, remarks, mapper: Box::new(mapping) });
    }
    let counts: Vec<(usize, &'static str, &'static str, &'static str)> = COUNTS
        .into_iter()
        .chain([SEARCHES])
        .filter_map(|(column, words, unit)| Some((at(&[column])?, column, words, unit)))
        .collect();
    used.extend(counts.iter().map(|(place, ..)| *place));
    let (targets, mapping) = Mapping::new(columns, Out::NAMES, names, &used);
    let remarks =
        vec![(None, "the file counts tokens and names no costs; import the cost export, too".to_owned())];
    Ok(Plan { kind, targets, remarks, mapper: Box::new(Tokens { counts, mapping, zero: 0 }) })
}

struct Columns {
    start: Option<usize>,
    end: Option<usize>,
    amount: Option<usize>,
    list: Option<usize>,
    currency: Option<usize>,
    model: Option<usize>,
    token_type: Option<usize>,
    cost_type: Option<usize>,
    tier: Option<usize>,
    description: Option<usize>,
    workspace: Option<usize>,
    key: Option<usize>,
    geo: Option<usize>,
    in_cents: bool,
    /// What is counted in a row without costs: how much, what, unit.
    counted: Option<(Exact, &'static str, &'static str)>,
}

impl Fill for Columns {
    fn fill(&mut self, cells: &[&str], filled: &mut Filled, place: Place, warnings: &mut Warnings) -> bool {
        let of = |at| cell(cells, at);
        let known = |text: &'_ str| if text == "not_available" { "" } else { text }.to_owned();
        SELLER.fill(filled);
        if self.end.is_some() {
            period(filled, of(self.start), of(self.end));
        } else {
            let (start, end) = day(of(self.start));
            period(filled, &start, &end);
        }
        let model = of(self.model);
        if let Some((count, words, unit)) = self.counted {
            sku(filled, model, words, of(self.tier));
            filled.set(Out::ChargeDescription, &format!("{model} {words}"));
            filled.set_amount(Out::ConsumedQuantity, count);
            filled.set(Out::ConsumedUnit, unit);
        } else {
            let cents = Exact(10_i128.pow(crate::bill::exact::SCALE - 2));
            let dollars = |value: Exact| if self.in_cents { value.checked_mul(cents) } else { Some(value) };
            let name = if self.in_cents { "amount" } else { "cost_usd" };
            filled.paid(amount(of(self.amount), name, place, warnings).and_then(dollars));
            if let Some(list) = amount(of(self.list), "list_price_usd", place, warnings) {
                filled.set_amount(Out::ListCost, list);
            }
            let token_type = of(self.token_type);
            // Tokens are paid by their type; searches and code execution have none.
            let counted =
                if token_type.is_empty() { of(self.cost_type).to_owned() } else { token_words(token_type) };
            sku(filled, model, &counted, of(self.tier));
            let description = of(self.description);
            let made = format!("{model} {counted}");
            filled
                .set(Out::ChargeDescription, if description.is_empty() { made.trim() } else { description });
            let told = of(self.currency);
            filled.currency(&if told.is_empty() { "USD".to_owned() } else { told.to_ascii_uppercase() });
        }
        filled.sub_account(of(self.workspace), "Workspace");
        filled.set(Out::SubAccountName, of(self.workspace));
        filled.set(Out::x_ApiKey, of(self.key));
        filled.set(Out::RegionId, &known(of(self.geo)));
        true
    }
}

/// `input_cache_read` → `input cache read tokens`.
fn token_words(token_type: &str) -> String {
    let words = token_type.replace('_', " ");
    if words.contains("token") { words } else { format!("{words} tokens") }
}

/// A row of counts becomes a row for each kind of token.
struct Tokens {
    counts: Vec<(usize, &'static str, &'static str, &'static str)>,
    mapping: Mapping<Columns>,
    /// Rows whose counts are all 0.
    zero: u64,
}

impl Mapper for Tokens {
    fn map(
        &mut self,
        cells: &[&str],
        place: Place,
        warnings: &mut Warnings,
        row: &mut EachRow<'_>,
    ) -> Result<(), BillError> {
        let (mut counted, mut zeros) = (0_u64, 0_u64);
        for (at, column, words, unit) in &self.counts {
            let Some(count) = amount(cell(cells, Some(*at)), column, place, warnings) else { continue };
            if count == Exact::default() {
                zeros += 1;
                continue;
            }
            counted += 1;
            self.mapping.fill_mut().counted = Some((count, words, unit));
            self.mapping.map(cells, place, warnings, row)?;
        }
        self.zero += u64::from(counted == 0 && zeros > 0);
        Ok(())
    }

    fn finish(&mut self, warnings: &mut Warnings) {
        super::say_zero(self.zero, warnings);
    }
}

/// The cost report of the API, or its usage report of messages under the console's names: `data[].starting_at` and
/// `results[]`, one page or several.
pub fn table(pages: &[Node<'_>]) -> Option<JsonTable> {
    let mut results: Vec<(&Node<'_>, &Node<'_>)> = Vec::new();
    for page in pages {
        for entry in page.get("data")?.as_list()? {
            entry.get("starting_at")?;
            results.extend(entry.get("results")?.as_list()?.iter().map(|result| (entry, result)));
        }
    }
    let is_empty = |page: &Node<'_>| page.get("data").and_then(Node::as_list).is_none_or(<[_]>::is_empty);
    let all_have = |name: &str| results.iter().all(|(_, result)| result.get(name).is_some());
    let is_usage = !all_have("amount");
    if pages.iter().all(is_empty) || (is_usage && !all_have("uncached_input_tokens")) {
        return None;
    }
    let (known, taken): (Vec<&'static str>, Vec<&str>) = if is_usage {
        // What is nested has more in it than is taken.
        let whole = USAGE.iter().filter(|(_, path)| path.len() == 1);
        (USAGE.iter().map(|(name, _)| *name).collect(), whole.map(|(_, path)| path[0]).collect())
    } else {
        (REPORT.to_vec(), Vec::new())
    };
    let names = Names::new(&known, results.iter().map(|(_, result)| *result), &taken);
    let rows = results.iter().map(|(entry, result)| {
        names.row(|name| {
            if name.ends_with("ing_at") {
                return entry.get(name).map(Node::cell);
            }
            let path = USAGE.iter().find(|(known, _)| is_usage && *known == name).map(|(_, path)| *path);
            match path {
                Some(path) => path.iter().try_fold(*result, |node, part| node.get(part)).map(Node::cell),
                None => result.get(name).map(Node::cell),
            }
        })
    });
    let rows = rows.collect();
    Some(JsonTable { header: names.into_header(), rows, remarks: has_more(pages) })
}
