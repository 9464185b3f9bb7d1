//! Allocations of `OpenCost` and Kubecost: how the cost of clusters is shared out among what runs in them.
//!
//! The money is on the cloud bill already, so an overlay lies beside the bills and is never added to them. Two answers
//! are read: `/allocation` (`{code, data: [{NAME: {…}}]}`) and `/cloudCost` (`data.sets[].cloudCosts`). Amounts are
//! in the currency that the tool is set to, which its answers do not tell.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::BillError;
use super::exact::Exact;
use super::formats::node::Node;
use super::input::Input;
use super::json_rows::{broken_words, read_document};
use super::moment::{self, PER_SEC};
use super::source::{self, Content, Source};
use super::table::short;
use crate::units::Money;

/// What cluster time was shared out as, and the members of an allocation that it is the sum of.
const PARTS: [(Component, &[&str]); 8] = [
    (Component::Cpu, &["cpuCost", "cpuCostAdjustment"]),
    (Component::Gpu, &["gpuCost", "gpuCostAdjustment"]),
    (Component::Ram, &["ramCost", "ramCostAdjustment"]),
    (Component::Storage, &["pvCost", "pvCostAdjustment"]),
    (Component::Network, &["networkCost", "networkCostAdjustment"]),
    (Component::LoadBalancer, &["loadBalancerCost", "loadBalancerCostAdjustment"]),
    (Component::Shared, &["sharedCost"]),
    (Component::External, &["externalCost"]),
];
/// Of the costs of `/cloudCost`, the one that is compared with a bill first.
const CLOUD_COSTS: [&str; 5] = ["amortizedNetCost", "amortizedCost", "netCost", "invoicedCost", "listCost"];
/// Problems listed by themselves; the rest is counted.
const MOST_PROBLEMS: usize = 20;

/// What a part of an allocation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the words of the tool")]
pub enum Component {
    Cpu,
    Gpu,
    Ram,
    Storage,
    Network,
    LoadBalancer,
    Shared,
    External,
    /// A cloud cost, which is not taken apart.
    Cloud,
}

impl Component {
    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Gpu => "GPU",
            Self::Ram => "RAM",
            Self::Storage => "Storage",
            Self::Network => "Network",
            Self::LoadBalancer => "Load balancer",
            Self::Shared => "Shared",
            Self::External => "External",
            Self::Cloud => "Cloud",
        }
    }
}

/// One allocation: a namespace, a controller, a pod, or whatever was aggregated by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its name; `__idle__` is what nothing used.
    pub name: String,
    /// What it is part of, as far as the answer tells: `cluster`, `node`, `namespace`, `controller`, `pod`,
    /// `provider`, `service`, …
    pub properties: BTreeMap<String, String>,
    /// The provider's own id of the machine or resource; empty where it is not told.
    pub resource_id: String,
    /// What it is made of, as far as the answer tells.
    pub parts: BTreeMap<Component, Money>,
    /// The total, as the answer tells it.
    pub total: Option<Money>,
    /// Hours of GPUs, as written; empty where it is not told.
    pub gpu_hours: String,
}

impl Item {
    /// Whether this is what nothing used.
    pub fn is_idle(&self) -> bool {
        self.name.split('/').any(|part| part == "__idle__")
    }
}

/// One answer of `OpenCost` or Kubecost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlay {
    /// SHA-256 of the file.
    pub key: String,
    /// The file's name.
    pub file: String,
    /// `OpenCost allocation` or `OpenCost cloud cost`.
    pub kind: String,
    /// Beginning of its window, in seconds since 1970-01-01 UTC.
    pub from_unix_secs: Option<i64>,
    /// End of its window.
    pub until_unix_secs: Option<i64>,
    /// The allocations, the most expensive first.
    pub items: Vec<Item>,
    /// What was not understood.
    pub problems: Vec<String>,
}

impl Overlay {
    /// The sum of all totals, idle time with them.
    pub fn total(&self) -> Option<Money> {
        sum(self.items.iter().map(|item| item.total))
    }

    /// The sum of what nothing used; `None` where the answer has no idle time, which is asked for with `includeIdle`.
    pub fn idle(&self) -> Option<Money> {
        let mut idle = self.items.iter().filter(|item| item.is_idle()).peekable();
        idle.peek()?;
        sum(idle.map(|item| item.total))
    }

    /// The sum of one component.
    pub fn component(&self, component: Component) -> Option<Money> {
        sum(self.items.iter().map(|item| item.parts.get(&component).copied()))
    }

    /// The provider's ids of the resources that it is about.
    pub fn resource_ids(&self) -> Vec<String> {
        let ids: BTreeSet<&str> =
            self.items.iter().map(|item| item.resource_id.as_str()).filter(|id| !id.is_empty()).collect();
        ids.into_iter().map(str::to_owned).collect()
    }
}

/// The sum of the amounts that are known; `None` when none is, or it does not fit.
fn sum(amounts: impl Iterator<Item = Option<Money>>) -> Option<Money> {
    let mut known = amounts.flatten();
    let first = known.next()?;
    known.try_fold(first, Money::checked_add)
}

/// Bytes of a file that tell whether it may be an overlay.
const HEAD_BYTES: u64 = 64 * 1024;

/// Reads a file, plain or packed; `None` when it is something else.
///
/// # Errors
/// It looks like an answer and cannot be read.
pub fn open(path: &Path) -> Result<Option<Overlay>, BillError> {
    let input = Input::file(path);
    let Ok(Content::Json { packing }) = source::sniff(&input) else { return Ok(None) };
    let mut head = Vec::new();
    let mut source = Source::open(&input, packing)?;
    (&mut source).take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| source.explain(error))?;
    let head = String::from_utf8_lossy(&head);
    if !head.contains("\"data\"") || !["\"cpuCost\"", "\"cloudCosts\""].iter().any(|name| head.contains(name))
    {
        return Ok(None);
    }
    let text = read_document(&input, packing)?;
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    if let Err(broken) = Node::parse(&text) {
        let found = broken_words(&text, broken);
        return Err(BillError::NotABill { found, path: path.to_owned() });
    }
    Ok(read(&text, &name))
}

/// Reads an answer; `None` when the text is something else.
pub fn read(text: &str, file: &str) -> Option<Overlay> {
    let document = Node::parse(text.trim_start_matches('\u{feff}')).ok()?;
    let data = document.get("data")?;
    let mut reading = Reading::default();
    let kind = if reading.allocations(data)? { "OpenCost allocation" } else { "OpenCost cloud cost" };
    let Reading { mut items, mut problems, more_problems, from, until, .. } = reading;
    items.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    if more_problems > 0 {
        problems.push(format!("{more_problems} more amounts that cannot be read"));
    }
    if document.get("message").and_then(Node::as_str).is_some_and(|message| !message.is_empty()) {
        problems.push(format!(
            "the answer says: {}",
            document.get("message").map(Node::cell).unwrap_or_default()
        ));
    }
    let mut key = String::with_capacity(64);
    for byte in Sha256::digest(text.as_bytes()) {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
    }
    Some(Overlay {
        key,
        file: file.to_owned(),
        kind: kind.to_owned(),
        from_unix_secs: from.map(|micros| micros.div_euclid(PER_SEC)),
        until_unix_secs: until.map(|micros| micros.div_euclid(PER_SEC)),
        items,
        problems,
    })
}

#[derive(Default)]
struct Reading {
    items: Vec<Item>,
    problems: Vec<String>,
    more_problems: u64,
    from: Option<i64>,
    until: Option<i64>,
    places: HashMap<String, usize>,
}

impl Reading {
    /// Reads the data of an answer: true for allocations, false for cloud costs, `None` for something else.
    fn allocations(&mut self, data: &Node<'_>) -> Option<bool> {
        if let Some(sets) = data.get("sets").and_then(Node::as_list) {
            let mut found = false;
            for costs in sets.iter().filter_map(|set| set.get("cloudCosts")?.as_object()) {
                found = true;
                for (name, cost) in costs {
                    self.cloud_cost(name, cost);
                }
            }
            return found.then_some(false);
        }
        // A step of the window each; the first is a set of allocations by name.
        let is_allocation =
            |node: &Node<'_>| node.get("properties").is_some() && node.get("totalCost").is_some();
        let mut found = false;
        for set in data.as_list()?.iter().filter_map(Node::as_object) {
            for (name, allocation) in set {
                if !is_allocation(allocation) {
                    return None;
                }
                found = true;
                self.allocation(name, allocation);
            }
        }
        found.then_some(true)
    }

    fn allocation(&mut self, name: &str, node: &Node<'_>) {
        let window = node.get("window");
        self.window(
            window.and_then(|window| window.get("start")),
            window.and_then(|window| window.get("end")),
        );
        let mut parts = BTreeMap::new();
        for (component, members) in PARTS {
            let amounts = members.iter().map(|member| self.amount(name, member, node.get(member)));
            let amounts: Vec<Option<Money>> = amounts.collect();
            if let Some(amount) = sum(amounts.into_iter()) {
                parts.insert(component, amount);
            }
        }
        let total = self.amount(name, "totalCost", node.get("totalCost"));
        let item = Item {
            name: name.to_owned(),
            properties: properties(node),
            resource_id: resource_id(node),
            parts,
            total,
            gpu_hours: node.get("gpuHours").map(Node::cell).unwrap_or_default(),
        };
        self.add(item);
    }

    fn cloud_cost(&mut self, name: &str, node: &Node<'_>) {
        let window = node.get("window");
        self.window(
            window.and_then(|window| window.get("start")),
            window.and_then(|window| window.get("end")),
        );
        let told = CLOUD_COSTS.iter().find_map(|metric| Some((*metric, node.get(metric)?.get("cost")?)));
        let total = told.and_then(|(metric, cost)| self.amount(name, metric, Some(cost)));
        let parts = total.map(|total| (Component::Cloud, total));
        let item = Item {
            name: name.to_owned(),
            properties: properties(node),
            resource_id: resource_id(node),
            parts: parts.into_iter().collect(),
            total,
            gpu_hours: String::new(),
        };
        self.add(item);
    }

    /// Steps of a window have the same names: their costs are one item's.
    fn add(&mut self, item: Item) {
        let place = self.places.get(&item.name).copied();
        let Some(known) = place.and_then(|place| self.items.get_mut(place)) else {
            self.places.insert(item.name.clone(), self.items.len());
            self.items.push(item);
            return;
        };
        known.total = sum([known.total, item.total].into_iter());
        for (component, amount) in item.parts {
            let before = known.parts.get(&component).copied();
            known.parts.extend(sum([before, Some(amount)].into_iter()).map(|amount| (component, amount)));
        }
        let hours = [&known.gpu_hours, &item.gpu_hours].map(|text| Exact::read(text).map(|read| read.value));
        match hours {
            [Ok(a), Ok(b)] => {
                known.gpu_hours = a.checked_add(b).map(|sum| sum.to_string()).unwrap_or_default();
            }
            [Err(_), Ok(_)] => known.gpu_hours = item.gpu_hours,
            [_, Err(_)] => {}
        }
    }

    fn window(&mut self, start: Option<&Node<'_>>, end: Option<&Node<'_>>) {
        let read = |node: Option<&Node<'_>>| node.and_then(Node::as_str).and_then(moment::read);
        let (start, end) = (read(start), read(end));
        self.from = match (self.from, start) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.until = self.until.max(end);
    }

    /// An amount as it is written; what is no number is a problem, and no amount.
    fn amount(&mut self, of: &str, member: &str, node: Option<&Node<'_>>) -> Option<Money> {
        let node = node.filter(|node| **node != Node::Null)?;
        match Exact::read(&node.cell()) {
            Ok(read) => Some(read.value.to_money()),
            Err(_no_number) => {
                if self.problems.len() < MOST_PROBLEMS {
                    let text = format!(
                        "{member} of {}: `{}` cannot be read; it counts as missing, not as 0",
                        short(of),
                        short(&node.cell())
                    );
                    self.problems.push(text);
                } else {
                    self.more_problems += 1;
                }
                None
            }
        }
    }
}

fn properties(node: &Node<'_>) -> BTreeMap<String, String> {
    let members = node.get("properties").and_then(Node::as_object).unwrap_or_default();
    let flat = members.iter().filter(|(_, value)| {
        !matches!(value, Node::Null | Node::Object(_) | Node::List(_)) && !value.cell().is_empty()
    });
    flat.map(|(name, value)| (name.to_string(), value.cell())).collect()
}

fn resource_id(node: &Node<'_>) -> String {
    let properties = node.get("properties");
    let told = ["providerID", "providerId"].iter().find_map(|name| properties?.get(name)?.as_str());
    // AWS nodes call themselves `aws:///us-east-1a/i-0123`; its bills have the last part.
    let id = told.unwrap_or_default();
    if id.starts_with("aws://") { id.rsplit('/').next().unwrap_or(id).to_owned() } else { id.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    #[test]
    fn allocations_are_sums_of_their_parts_and_steps_are_added() {
        let step = |gpu: &str| {
            format!(
                r#"{{"ns/a":{{"properties":{{"cluster":"c","namespace":"ns","labels":{{"x":"y"}},
                "providerID":"aws:///us-east-1a/i-1"}},"window":{{"start":"2026-10-01T00:00:00Z",
                "end":"2026-10-02T00:00:00Z"}},"cpuCost":1.1,"cpuCostAdjustment":-0.1,"gpuCost":{gpu},"gpuHours":2,
                "totalCost":3.0000000001}},
                "__idle__":{{"properties":{{}},"totalCost":0.5}}}}"#
            )
        };
        let text = format!(r#"{{"code":200,"data":[{},{}]}}"#, step("2"), step("\"x\""));
        let overlay = read(&text, "a.json").unwrap();
        assert_eq!(overlay.kind, "OpenCost allocation");
        assert_eq!((overlay.total(), overlay.idle()), (Some(money("7.0000000002")), Some(money("1"))));
        assert_eq!(overlay.component(Component::Cpu), Some(money("2")));
        assert_eq!(overlay.component(Component::Gpu), Some(money("2")));
        let item = &overlay.items[0];
        assert_eq!((item.resource_id.as_str(), item.gpu_hours.as_str()), ("i-1", "4"));
        assert_eq!(item.properties.keys().collect::<Vec<_>>(), ["cluster", "namespace", "providerID"]);
        assert_eq!(overlay.problems.len(), 1);
        assert!(overlay.problems[0].contains("gpuCost of ns/a: `x`"), "{:?}", overlay.problems);
        // A step that tells no hours takes nothing from the others.
        let steps = [step("1").replace("\"gpuHours\":2,", ""), step("1"), step("1")];
        let text = format!(r#"{{"code":200,"data":[{}]}}"#, steps.join(","));
        assert_eq!(read(&text, "a.json").unwrap().items[0].gpu_hours, "4");
    }

    #[test]
    fn cloud_costs_are_read_by_what_is_paid() {
        let text = r#"{"code":200,"data":{"sets":[{"cloudCosts":{"gcp/p":{"properties":{"provider":"GCP",
            "service":"Compute","providerID":"gke-1"},"window":{"start":"2026-10-01T00:00:00Z"},
            "listCost":{"cost":9,"kubernetesPercent":0},"amortizedNetCost":{"cost":7.25,"kubernetesPercent":0}}}}]}}"#;
        let overlay = read(text, "c.json").unwrap();
        assert_eq!((overlay.kind.as_str(), overlay.total()), ("OpenCost cloud cost", Some(money("7.25"))));
        assert_eq!(overlay.resource_ids(), ["gke-1"]);
        assert_eq!(overlay.idle(), None);
    }

    #[test]
    fn other_documents_are_no_overlays() {
        for text in [
            "{}",
            "{\"data\":[]}",
            "{\"data\":[{\"a\":1}]}",
            "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\"}]}",
            "{\"data\":{\"sets\":[]}}",
            "x",
        ] {
            assert_eq!(read(text, "x"), None, "{text}");
        }
    }
}
