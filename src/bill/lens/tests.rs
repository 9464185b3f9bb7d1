//! What rules a user writes say of rows, and that no row is lost or counted twice by them.

use super::compiled::Compiled;
use super::*;
use crate::bill::exact::Exact;
use crate::bill::rules::{Class, RULES};

const NAMES: [&str; 5] = ["ServiceName", "ServiceCategory", "ChargeDescription", "SkuPriceDetails", "Tags"];

fn condition(column: &str, op: Op, values: &[&str]) -> Condition {
    Condition {
        column: column.to_owned(),
        op,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        not: false,
    }
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

fn judged(set: &RuleSet, row: &str) -> (Option<String>, Option<Line>, Vec<Option<String>>) {
    let names = NAMES.map(str::to_owned);
    let cells: Vec<&str> = row.split('|').collect();
    let compiled = Compiled::new(set, &names);
    let verdict = compiled.judge(&cells);
    (
        verdict.rule.map(|place| set.rules[place].id().to_owned()),
        verdict.class.map(|(_, line)| line),
        verdict.dimensions,
    )
}

#[test]
fn an_own_rule_goes_before_those_behind_it_and_can_be_switched_off() {
    let row = r#"AmazonEC2|Compute|m6i.large||{"user:App":"vLLM-gateway"}"#;
    let mut set = RuleSet::default();
    assert_eq!(judged(&set, row).0, None);
    set.rules.insert(
        0,
        Entry::Own(own("mine", Class::Machine, vec![condition("Tags.app", Op::StartsWith, &["VLLM"])])),
    );
    set.check().unwrap();
    assert_eq!(judged(&set, row).0.as_deref(), Some("mine"));
    set.rules[0].switch(false);
    assert_eq!(judged(&set, row).0, None);
}

#[test]
fn every_way_to_compare_is_without_case_and_can_be_negated() {
    let row = r#"Amazon OpenSearch|Databases|vector OCU||{"env":"Prod"}"#;
    for (column, op, values, expected) in [
        ("servicename", Op::Is, vec!["x", "amazon opensearch"], true),
        ("ServiceName", Op::Is, vec!["opensearch"], false),
        ("ServiceName", Op::Contains, vec!["SEARCH"], true),
        ("ChargeDescription", Op::Matches, vec!["^vector .cu$"], true),
        ("ChargeDescription", Op::Matches, vec!["^ocu"], false),
        ("Tags.env", Op::Is, vec!["prod"], true),
        ("Tags.team", Op::HasValue, vec![], false),
        ("Tags.env", Op::HasValue, vec![], true),
        ("NoSuchColumn", Op::Contains, vec!["a"], false),
    ] {
        for not in [false, true] {
            let mut set = RuleSet { rules: Vec::new(), dimensions: Vec::new() };
            let condition = Condition { not, ..condition(column, op, &values) };
            set.rules.push(Entry::Own(own("mine", Class::Supporting, vec![condition])));
            let fired = judged(&set, row).0.is_some();
            assert_eq!(fired, expected != not, "{column} {op:?} {values:?} not={not}");
        }
    }
}

#[test]
fn the_purpose_dimension_moves_rows_between_the_built_in_rules() {
    let row = r#"AmazonEC2|Compute|g5.xlarge||{"cluster":"prod-llm","team":"search"}"#;
    let mut set = RuleSet::default();
    assert_eq!(judged(&set, row).0.as_deref(), Some("accelerator-unknown"));
    assert_eq!(judged(&set, row).2, [None, Some("search".to_owned())]);
    set.dimensions[0].rules.push(DimensionRule::Value {
        value: "serving".to_owned(),
        all: vec![condition("Tags.cluster", Op::StartsWith, &["prod-"])],
    });
    assert!(!set.rules_are_default());
    let (rule, line, dimensions) = judged(&set, row);
    assert_eq!((rule.as_deref(), line), (Some("accelerator-serving"), Some(Line::Machines)));
    assert_eq!(dimensions[0].as_deref(), Some("serving"));
    // A rule can ask for what a dimension says.
    let team = own("search", Class::Supporting, vec![condition("x_Dimension_Team", Op::Is, &["search"])]);
    set.rules.insert(0, Entry::Own(team));
    assert_eq!(judged(&set, row).0.as_deref(), Some("search"));
}

#[test]
fn what_a_token_was_is_told_by_its_meter() {
    let set = RuleSet::default();
    for (row, line) in [
        ("Amazon Bedrock|AI and Machine Learning|USE1-Claude4.6Opus-input-tokens||", Line::InputTokens),
        (
            "Amazon Bedrock|AI and Machine Learning|USE1-Claude4.6Opus-output-tokens-batch||",
            Line::OutputTokens,
        ),
        ("Amazon Bedrock|AI and Machine Learning|x-cache-read-input-token-count||", Line::CachedTokens),
        ("Azure OpenAI|AI and Machine Learning|gpt-4o-mini-0718-Inp-glbl Tokens||", Line::InputTokens),
        ("Azure OpenAI|AI and Machine Learning|gpt-4o-mini-0718-Outp-glbl Tokens||", Line::OutputTokens),
        ("Foundry Models|AI and Machine Learning|5.4 mini cd Inp Gl 1M Tokens||", Line::CachedTokens),
        (
            "Gemini API|AI and Machine Learning|Generate content output token count gemini 2.5 flash short input text||",
            Line::OutputTokens,
        ),
        (
            "Amazon Bedrock|AI and Machine Learning|ProvisionedThroughput model unit hours||",
            Line::ProvisionedThroughput,
        ),
        ("Amazon Bedrock|AI and Machine Learning|Image generation||", Line::OtherModelApi),
        // As the consoles of Anthropic and OpenAI export them.
        ("Claude API|AI and Machine Learning|Claude Haiku 4.5 input no cache tokens||", Line::InputTokens),
        ("Claude API|AI and Machine Learning|claude-haiku-4-5 uncached input tokens||", Line::InputTokens),
        ("Claude API|AI and Machine Learning|Claude Haiku 4.5 input cache read tokens||", Line::CachedTokens),
        ("OpenAI API|AI and Machine Learning|gpt-5-mini cached input tokens||", Line::CachedTokens),
        ("OpenAI API|AI and Machine Learning|gpt-5-mini input tokens||", Line::InputTokens),
        (
            "Amazon SageMaker|AI and Machine Learning|$1.5 per Host:ml.g5.xlarge hour||",
            Line::ManagedEndpoints,
        ),
    ] {
        assert_eq!(judged(&set, row).1, Some(line), "{row}");
    }
}

#[test]
fn tax_and_credits_are_no_tokens_and_no_machines() {
    let names =
        [&NAMES[..], &["ChargeCategory"]].concat().iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let compiled = Compiled::new(&RuleSet::default(), &names);
    for (row, class, line) in [
        (
            "Amazon Bedrock|AI and Machine Learning|Sales tax on input tokens|||Tax",
            Class::ModelApi,
            Line::Tax,
        ),
        ("Amazon Bedrock|AI and Machine Learning|Start-up credit|||Credit", Class::ModelApi, Line::Credits),
        (r#"AmazonEC2|Compute|g5.xlarge||{"workload":"serving"}|Usage"#, Class::Machine, Line::Machines),
        (r#"AmazonEC2|Compute|g5.xlarge||{"workload":"serving"}|Tax"#, Class::Machine, Line::Tax),
    ] {
        let cells: Vec<&str> = row.split('|').collect();
        assert_eq!(compiled.judge(&cells).class, Some((class, line)), "{row}");
    }
}

#[test]
fn what_a_price_is_for_does_not_smell_as_a_tag_does() {
    let names = NAMES.map(str::to_owned);
    let compiled = Compiled::new(&RuleSet::default(), &names);
    let row = r#"AmazonEC2|Compute|m6i.large|{"x_Group":"model tests"}|{"app":"shop"}"#;
    let cells: Vec<&str> = row.split('|').collect();
    assert_eq!(compiled.judge(&cells).candidate, None);
}

#[test]
fn what_smells_of_ai_and_no_rule_caught_is_said_with_the_word() {
    let set = RuleSet::default();
    let names = NAMES.map(str::to_owned);
    let compiled = Compiled::new(&set, &names);
    for (row, why) in [
        (r#"AmazonEC2|Compute|m6i.large||{"app":"llm-gateway"}"#, Some("app: llm")),
        ("Pinecone|Databases|serverless read units||", Some("pinecone")),
        ("Amazon OpenSearch|Databases|vector OCU||", Some("vector")),
        ("Amazon S3|Storage|standard storage, main bucket||", None),
        ("Amazon Bedrock|AI and Machine Learning|x-input-tokens||", None),
    ] {
        let cells: Vec<&str> = row.split('|').collect();
        assert_eq!(compiled.judge(&cells).candidate.as_deref(), why, "{row}");
    }
}

#[test]
fn a_rules_file_is_read_as_written_and_completed_with_the_built_in_rules() {
    let text = r#"{"format":"inferometer rules","version":1,"rules":[
        {"id":"own-1","words":"Gateway","class":"supporting","share":"0.4","all":[{"column":"Tags.app","values":["gw"]}]},
        {"built_in":"accelerator-unknown","on":false}]}"#;
    let set = RuleSet::read(text).unwrap();
    assert_eq!(set.rules.len(), RULES.len() + 1);
    // The order of the built-in rules is kept around the one that is named.
    let order: Vec<_> = set.rules.iter().skip(1).map(Entry::id).collect();
    assert_eq!(order, RULES.iter().map(|rule| rule.id).collect::<Vec<_>>());
    assert_eq!(set.rules[0].share().to_string(), "0.4");
    assert!(!set.entry("accelerator-unknown").unwrap().is_on());
    let again = RuleSet::read(&set.document().to_string()).unwrap();
    assert_eq!(again, set);
    assert_ne!(set.fingerprint(), RuleSet::default().fingerprint());
}

#[test]
fn rules_that_cannot_be_used_are_refused_in_words() {
    let file = |rules: &str| format!(r#"{{"format":"inferometer rules","version":1,"rules":[{rules}]}}"#);
    let own = |more: &str| file(&format!(r#"{{"id":"a","words":"A","class":"machine",{more}}}"#));
    for (text, says) in [
        ("[]".to_owned(), "these are no rules"),
        (r#"{"format":"x","version":1}"#.to_owned(), "`format` is `x`"),
        (r#"{"format":"inferometer rules","version":9}"#.to_owned(), "update Inferometer"),
        (own(r#""all":[]"#), "would catch every row"),
        (own(r#""all":[{"column":"Tags.a"}]"#), "no value to compare with"),
        (own(r#""all":[{"column":" ","values":["a"]}]"#), "without a column"),
        (own(r#""all":[{"column":"A","op":"matches","values":["("]}]"#), "no regular expression"),
        (own(r#""all":[{"column":"x_InferenceClass","values":["a"]}]"#), "only follows from the rules"),
        (own(r#""share":"1.5","all":[{"column":"A","values":["a"]}]"#), "these are no rules"),
        (file(r#"{"built_in":"nothing"}"#), "no built-in rule `nothing`"),
        (file(r#"{"built_in":"token-api"},{"built_in":"token-api"}"#), "there twice"),
    ] {
        let error = RuleSet::read(&text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn a_share_and_what_it_leaves_add_up_to_the_amount() {
    let share = Share::read("0.3333333333").unwrap();
    for amount in [0, 1, -1, 7, 10_i128.pow(37) + 1, -(10_i128.pow(20)) - 9] {
        let (part, rest) = share.split(Exact(amount));
        assert_eq!(part.0 + rest.0, amount);
    }
    let (part, _) = Share::read("0.4").unwrap().split(Exact::read("12.5").unwrap().value);
    assert_eq!(part.to_string(), "5");
    for bad in ["0", "-0.1", "1.01", "x", ""] {
        assert!(Share::read(bad).is_err(), "{bad}");
    }
}
