//! The inference lens on whole bills: no row is lost or counted twice whatever the rules are, previews keep their
//! word, and unit costs are what a calculation by hand gives.

use std::path::{Path, PathBuf};

use inferometer::bill::lens::{Condition, Dimension, DimensionRule, Draft, Entry, Op, OwnRule, Share};
use inferometer::bill::{self, Basis, Bill, COUNTED, Class, Filter, InferenceShare, RuleSet, Store};
use inferometer::units::Money;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/fixtures/bills").join(name)
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data/bill-focus-1.2.csv.gz")
}

struct Bench {
    _folder: tempfile::TempDir,
    store: Store,
    hash: String,
}

impl Bench {
    fn of(path: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path().join("bills"));
        let hash = bill::import(path, &store, &mut |_done| (), &|| false).unwrap().hash;
        Self { _folder: folder, store, hash }
    }

    fn open(&self, rules: &RuleSet) -> Bill {
        Bill::open(&[&self.hash], &self.store).unwrap().with_rules(rules, &self.store)
    }
}

fn condition(column: &str, op: Op, values: &[&str]) -> Condition {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    Condition { column: column.to_owned(), op, values, not: false }
}

fn own(id: &str, class: Class, all: Vec<Condition>) -> OwnRule {
    OwnRule {
        id: id.to_owned(),
        words: id.to_owned(),
        class,
        counted: true,
        share: Share::WHOLE,
        on: true,
        like: None,
        all,
    }
}

/// Random numbers below a bound.
struct Random(ChaCha8Rng);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        (self.0.next_u64() % bound as u64) as usize
    }

    fn of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Rules as a user might leave them: built-in ones off and in any order, own ones between them.
    fn rules(&mut self) -> RuleSet {
        let mut set = RuleSet::default();
        for entry in &mut set.rules {
            let on = self.below(4) > 0;
            entry.switch(on);
        }
        for place in (1..set.rules.len()).rev() {
            let other = self.below(place + 1);
            set.rules.swap(place, other);
        }
        let columns = [
            "ServiceName",
            "ServiceCategory",
            "ChargeDescription",
            "Tags.app",
            "Tags.team",
            "x_Dimension_Team",
            "Nowhere",
        ];
        let words = ["compute", "amazon", "digits", "s", "inference", "e", "storage", "^a"];
        for number in 0..self.below(6) {
            let all = (0..=self.below(2))
                .map(|_| Condition {
                    not: self.below(3) == 0,
                    ..condition(self.of::<&str>(&columns), *self.of(&Op::ALL), &[self.of::<&str>(&words)])
                })
                .collect();
            let mut rule = own(&format!("own-{number}"), *self.of(&Class::ALL), all);
            rule.counted = self.below(2) == 0;
            rule.share = Share::read(self.of::<&str>(&["1", "0.4", "0.3333333333", "0.0000000001"])).unwrap();
            let at = self.below(set.rules.len());
            set.rules.insert(at, Entry::Own(rule));
        }
        if self.below(2) == 0 {
            let all = vec![condition("ServiceName", Op::Contains, &[self.of::<&str>(&words)])];
            let rule = DimensionRule::Value { value: "serving".to_owned(), all };
            set.dimensions[0].rules.push(rule);
        }
        set.check().unwrap();
        set
    }
}

fn assert_adds_up(share: &InferenceShare, what: &str) {
    let rows: u64 = share.by_class.iter().map(|class| class.rows).sum();
    assert_eq!(rows + share.rest_rows, share.rows, "{what}");
    let by_rule: u64 = share.by_rule.iter().map(|rule| rule.rows).sum();
    assert_eq!(by_rule, rows, "{what}");
    for basis in [Basis::BilledCost, Basis::EffectiveCost, Basis::ListCost, Basis::ContractedCost] {
        let amounts = || share.by_class.iter().map(|class| class.costs.get(basis).unwrap_or_default());
        let sum: Money = amounts().chain(share.rest.get(basis)).sum();
        // Each is rounded to ten places on its own: half a unit of the last place each.
        let off = (sum - share.total.get(basis).unwrap()).scaled().unsigned_abs();
        assert!(off <= amounts().count() as u128 / 2 + 1, "{what}: off by {off} of the tenth place");
    }
}

/// Exactly, in the eighteen places of the store: the ledger's days, the rest and the total.
#[test]
fn whatever_the_rules_are_classes_and_the_rest_are_the_total() {
    let mut random = Random(ChaCha8Rng::seed_from_u64(4));
    for (name, path, rounds) in [("fixture", fixture("focus-1.2.csv"), 40), ("sample", sample(), 6)] {
        let bench = Bench::of(&path);
        let plain = bench.open(&RuleSet::default());
        let total = plain.totals(&[]).unwrap();
        for round in 0..rounds {
            let rules = random.rules();
            let what = format!("{name}, round {round}: {}", rules.document());
            let bill = bench.open(&rules);
            let share = bill.inference(&[]).unwrap();
            assert_eq!((share.rows, share.total), (total.rows, total.costs), "{what}");
            assert_adds_up(&share, &what);
            // By team, of each rule's rows what it claims: what counts as inference, and every row of it once.
            let counted = [Filter::is(COUNTED, ["yes"])];
            let basis = Basis::EffectiveCost;
            let by_rule = bill.group_by(&["x_Dimension_Team", "x_InferenceRule"], &counted, basis).unwrap();
            let teams = inferometer::app::lens::of_dimension(&by_rule, &rules, basis);
            assert_eq!(teams.iter().map(|team| team.rows).sum::<u64>(), share.inference_rows, "{what}");
            let sum: Money = teams.iter().filter_map(|team| team.costs.get(basis)).sum();
            let off = (sum - share.inference.get(basis).unwrap_or_default()).scaled().unsigned_abs();
            // Each group, and each team of them, is rounded to ten places.
            assert!(off <= (by_rule.len() + teams.len()) as u128, "{what}: off by {off} of the tenth place");
            let ledger = bill.ledger(&[], Basis::EffectiveCost).unwrap();
            assert_eq!(ledger.total.to_string(), total.exact["EffectiveCost"], "{what}");
            let cells: i128 = ledger.cells.iter().map(|cell| cell.cost.0).sum();
            assert_eq!(cells + ledger.rest.0 + ledger.undated.0, ledger.total.0, "{what}");
            // Grouping by what the lens adds sees the same rows.
            let groups =
                bill.group_by(&["x_InferenceClass", "x_InferenceRule"], &[], Basis::BilledCost).unwrap();
            assert_eq!(groups.iter().map(|group| group.rows).sum::<u64>(), total.rows, "{what}");
            for group in groups {
                let rule = group.key[1].as_deref().and_then(|id| rules.entry(id));
                assert_eq!(rule.map(|rule| rule.class().id()), group.key[0].as_deref(), "{what}");
                assert!(rule.is_none_or(bill::lens::Entry::is_on), "{what}");
            }
        }
    }
}

/// The rules of the import and the rules of a question are the same code in two places: they must agree.
#[test]
fn rules_tried_at_import_and_when_asked_say_the_same() {
    for path in [fixture("focus-1.2.csv"), sample()] {
        let bench = Bench::of(&path);
        let stored = bench.open(&RuleSet::default()).inference(&[]).unwrap();
        let mut rules = RuleSet::default();
        let mut nothing = own("off", Class::Machine, vec![condition("ServiceName", Op::HasValue, &[])]);
        nothing.on = false;
        rules.rules.insert(0, Entry::Own(nothing));
        assert!(!rules.rules_are_default());
        assert_eq!(bench.open(&rules).inference(&[]).unwrap(), stored);
        // And again from what was kept of it.
        assert_eq!(bench.open(&rules).inference(&[]).unwrap(), stored);
    }
}

/// Rows by service are counted in the file with Python's csv module: Amazon Bedrock has 690.
#[test]
fn a_preview_says_what_the_rule_then_does() {
    let bench = Bench::of(&sample());
    let rules = RuleSet::default();
    let rule = own("bedrock", Class::Supporting, vec![condition("ServiceName", Op::Is, &["amazon bedrock"])]);
    let first = Draft { rule: rule.clone(), place: 0 };
    let preview = bench.open(&rules).preview(&rules, &first, &[], &bench.store).unwrap();
    assert_eq!((preview.fits, preview.rows), (690, 690));
    // sample-data/numbers.json.
    assert_eq!(preview.costs.billed_cost.unwrap().to_string(), "4023.2687934915");
    assert_eq!(preview.sample.rows.len(), 20);
    let service = preview.sample.columns.iter().position(|name| name == "ServiceName").unwrap();
    assert!(preview.sample.rows.iter().all(|row| row[service].as_deref() == Some("Amazon Bedrock")));
    assert_eq!(preview.taken_from.iter().map(|taken| taken.rows).sum::<u64>(), 690);
    // Behind the rule that catches them all it has nothing.
    let last = Draft { rule: rule.clone(), place: usize::MAX };
    let preview = bench.open(&rules).preview(&rules, &last, &[], &bench.store).unwrap();
    assert_eq!((preview.fits, preview.rows, preview.taken_from.len()), (690, 0, 0));
    let kept = bench.open(&first.into(&rules)).inference(&[]).unwrap();
    let found = kept.by_rule.iter().find(|found| found.rule_id == "bedrock").unwrap();
    assert_eq!(
        (found.rows, found.costs.billed_cost.unwrap().to_string()),
        (690, "4023.2687934915".to_owned())
    );
    let broken = Draft { rule: OwnRule { all: Vec::new(), ..rule }, place: 0 };
    let error = bench.open(&rules).preview(&rules, &broken, &[], &bench.store).unwrap_err();
    assert!(error.to_string().contains("would catch every row"), "{error}");
}

#[test]
fn dimensions_can_be_grouped_and_filtered_by_like_any_column() {
    let bench = Bench::of(&sample());
    let mut rules = RuleSet::default();
    rules.dimensions.push(Dimension {
        name: "Unit".to_owned(),
        rules: vec![
            DimensionRule::Value {
                value: "digits".to_owned(),
                all: vec![condition("Tags.app", Op::StartsWith, &["dig"])],
            },
            DimensionRule::Key { key: "Tags.team".to_owned() },
        ],
    });
    let bill = bench.open(&rules);
    let by_tag = bill.group_by(&["Tags.app"], &[], Basis::BilledCost).unwrap();
    let digits = by_tag.iter().find(|group| group.key[0].as_deref() == Some("digits")).unwrap();
    let by_unit = bill.group_by(&["x_Dimension_Unit"], &[], Basis::BilledCost).unwrap();
    let unit = by_unit.iter().find(|group| group.key[0].as_deref() == Some("digits")).unwrap();
    assert_eq!((unit.rows, unit.costs), (digits.rows, digits.costs));
    let filter = Filter::parse("x_Dimension_Unit=digits").unwrap();
    assert_eq!(bill.totals(std::slice::from_ref(&filter)).unwrap().rows, digits.rows);
    let rows = bill.rows(&[filter], 5, 10).unwrap();
    assert_eq!((rows.total_rows, rows.rows.len()), (digits.rows, 10));
}

/// The digits service in the sample's week of demand. By Python's `decimal` over the bill's rows tagged app=digits and
/// workload=serving, each spread evenly over its charge period: 1014.159322275, of which 750.2208 are machines; the
/// trace has 9,691,400,949 requests; 1014.159322275 × 1,000 ÷ 9,691,400,949 = 0.00010464527…
#[test]
fn cost_per_request_is_the_weeks_cost_over_the_weeks_requests() {
    let arguments = [
        "bill",
        "--json",
        "--inference",
        "--where",
        "Tags.app=digits",
        "--used",
        "0.25",
        "--period",
        "week",
        "--trace",
    ];
    let document = crate::cli::json(&arguments, &[sample().with_file_name("demand-week.csv"), sample()]);
    let inference = &document["inference"];
    let total = &inference["unit_costs"]["total"];
    assert_eq!(total["days"], 7, "{inference:#}");
    assert_eq!(total["counts"]["requests"], 9_691_400_949_u64);
    assert_eq!(total["allocation"]["cost"], "1014.159322275");
    assert_eq!(total["allocation"]["per_thousand_requests"], "0.0001046453");
    // 1014.159322275 − 0.75 × 750.2208.
    assert_eq!(total["usage"]["cost"], "451.493722275");
    assert_eq!(total["usage"]["per_million_tokens"], serde_json::Value::Null);
    // 19 October 2026 is a Monday.
    assert_eq!(inference["unit_costs"]["periods"].as_array().unwrap().len(), 1);
    // August to October have 92 days, of which 7 are joined.
    assert_eq!(inference["unit_costs"]["days_only_in_bill"], 85);
    let lines = inference["tco"]["lines"].as_array().unwrap();
    let machines = lines.iter().find(|line| line["id"] == "machines").unwrap();
    assert_eq!((&machines["cost"], &machines["source"]), (&"750.2208".into(), &"bill".into()));
    let staff = lines.iter().find(|line| line["id"] == "staff").unwrap();
    assert_eq!((&staff["cost"], &staff["source"]), (&serde_json::Value::Null, &"missing".into()));
}

#[test]
fn rules_from_a_file_are_kept_in_the_project_and_wrong_ones_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("p.inferometer");
    let project = project.to_str().unwrap();
    let rules = folder.path().join("rules.json");
    let text = r#"{"format":"inferometer rules","version":1,"rules":[
        {"id":"gw","words":"Half of the load balancers","class":"supporting","share":"0.5",
         "all":[{"column":"ServiceCategory","values":["Networking"]}]}]}"#;
    std::fs::write(&rules, text).unwrap();
    crate::cli::json(&["import", "--json", "--project", project], &[sample()]);
    let before = crate::cli::json::<&str>(&["bill", "--json", "--inference", "--project", project], &[]);
    let rules_at = rules.to_str().unwrap();
    let with = ["bill", "--json", "--inference", "--project", project, "--rules", rules_at];
    let after = crate::cli::json::<&str>(&with, &[]);
    assert_ne!(before["inference"]["EffectiveCost"], after["inference"]["EffectiveCost"]);
    let again = crate::cli::json::<&str>(&["bill", "--json", "--inference", "--project", project], &[]);
    assert_eq!(again["inference"], after["inference"]);
    let rule = &again["inference"]["rules"][0];
    assert_eq!((&rule["rule"], &rule["counted"]), (&"gw".into(), &true.into()));
    std::fs::write(&rules, text.replace("0.5", "5")).unwrap();
    let message = crate::cli::failure::<&str>(&with, &[]);
    assert!(message.contains("not a share") && message.contains("rules.json"), "{message}");
    let still = crate::cli::json::<&str>(&["bill", "--json", "--inference", "--project", project], &[]);
    assert_eq!(still["inference"], after["inference"]);
}

/// Tokens and requests that OpenAI's and Anthropic's usage exports count, beside a cost that another row bills.
#[test]
fn tokens_that_a_bill_counts_are_joined_with_its_own_cost() {
    let folder = tempfile::tempdir().unwrap();
    let costs = folder.path().join("costs.csv");
    std::fs::write(
        &costs,
        "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,cost_type,inference_geo,speed\n\
         2026-10-04,claude-haiku-4-5,W,k,message,≤ 200k,input_no_cache,0.10,token,,\n\
         2026-10-04,claude-haiku-4-5,W,k,message,≤ 200k,input_cache_read,0.02,token,,\n\
         2026-10-04,claude-haiku-4-5,W,k,message,≤ 200k,output,0.25,token,,\n",
    )
    .unwrap();
    let tokens = folder.path().join("tokens.csv");
    std::fs::write(
        &tokens,
        "usage_date_utc,model_version,api_key,workspace,usage_type,context_window,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,usage_output_tokens,web_search_count,inference_geo,speed\n\
         2026-10-04,claude-haiku-4-5,k,W,standard,≤ 200k,100000,0,0,200000,50000,0,,\n",
    )
    .unwrap();
    let document = crate::cli::json(&["bill", "--json", "--inference"], &[costs, tokens]);
    let inference = &document["inference"];
    let total = &inference["unit_costs"]["total"];
    assert_eq!(inference["demand"]["source"], "bill", "{inference:#}");
    assert_eq!(
        (&total["counts"]["tokens_in"], &total["counts"]["tokens_out"]),
        (&300_000.into(), &50_000.into())
    );
    // 0.12 ÷ 0.3, 0.25 ÷ 0.05, 0.37 ÷ 0.35.
    assert_eq!(total["allocation"]["per_million_tokens_in"], "0.4");
    assert_eq!(total["allocation"]["per_million_tokens_out"], "5");
    assert_eq!(total["allocation"]["per_million_tokens"], "1.0571428571");
    // Nothing of it is capacity: what is paid is what was used.
    assert_eq!(total["usage"], total["allocation"]);
    // What was in no cache is no cached token, whatever the console calls it.
    let lines = inference["tco"]["lines"].as_array().unwrap();
    let cost = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap()["cost"].clone();
    assert_eq!([cost("input_tokens"), cost("cached_tokens"), cost("output_tokens")], ["0.1", "0.02", "0.25"]);
}

/// Two exports of a month: costs of OpenAI on two days, and machines of Amazon on four. Tokens are counted on the 4th
/// and 6th, by hand 2 + 1 for 3 million: machines are not what served them, and on the 7th nobody counted.
#[test]
fn tokens_of_an_api_divide_its_own_cost_on_the_days_that_were_counted() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let costs = write(
        "costs.csv",
        "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id,organization_id,organization_name\n\
         1791072000,1791158400,2026-10-04T00:00:00+00:00,2026-10-05T00:00:00+00:00,2,usd,\"gpt-5-mini, input\",p,o,O\n\
         1791244800,1791331200,2026-10-06T00:00:00+00:00,2026-10-07T00:00:00+00:00,1,usd,\"gpt-5-mini, output\",p,o,O\n",
    );
    let usage = write(
        "usage.csv",
        "start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,input_cached_tokens,input_uncached_tokens\n\
         1791072000,1791158400,2026-10-04T00:00:00+00:00,2026-10-05T00:00:00+00:00,p,10,,k,gpt-5-mini,false,default,2000000,0,0,2000000\n\
         1791244800,1791331200,2026-10-06T00:00:00+00:00,2026-10-07T00:00:00+00:00,p,5,,k,gpt-5-mini,false,default,0,1000000,0,0\n",
    );
    let header = "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,BillingAccountId,ProviderName,ChargeCategory,\
                  ChargePeriodStart,ChargePeriodEnd,ServiceName,ServiceCategory,SkuMeter,Tags";
    let rows = (4..8).map(|day| {
        let (start, end) = (format!("2026-10-{day:02}"), format!("2026-10-{:02}", day + 1));
        format!(
            "100,100,USD,2026-10-01,7,AWS,Usage,{start},{end},AmazonEC2,Compute,BoxUsage:g5.xlarge,\"{{\"\"workload\"\":\"\"serving\"\"}}\""
        )
    });
    let machines = std::iter::once(header.to_owned()).chain(rows).collect::<Vec<_>>().join("\n");
    let machines = write("machines.csv", &machines);
    let document = crate::cli::json(&["bill", "--json", "--inference"], &[costs, usage, machines]);
    let inference = &document["inference"];
    assert_eq!(inference["EffectiveCost"], "403");
    assert_eq!(inference["demand"]["source"], "bill", "{inference:#}");
    let total = &inference["unit_costs"]["total"];
    // The 4th to the 6th, with a day without use between them.
    assert_eq!((&total["days"], &total["counts"]["tokens_in"]), (&3.into(), &2_000_000.into()));
    assert_eq!(total["allocation"]["cost"], "3");
    assert_eq!(total["allocation"]["per_million_tokens"], "1");
    assert_eq!(total["allocation"]["per_million_tokens_in"], "1");
    assert_eq!(total["allocation"]["per_thousand_requests"], "200");
    let notes = inference["unit_costs"]["notes"].to_string();
    assert!(notes.contains("The bill counts the use of model APIs"), "{notes}");
}
