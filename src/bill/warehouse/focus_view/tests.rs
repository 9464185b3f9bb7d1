//! The SQL of views, looked at; what an engine makes of it is tried in `tests/it/warehouse_views.rs`.

use super::*;

fn table(columns: &[(&str, Held)]) -> Vec<TableColumn> {
    columns.iter().map(|(name, held)| TableColumn { name: (*name).to_owned(), held: held.clone() }).collect()
}

fn struct_of(fields: &[&str]) -> Held {
    let fields: Vec<String> = fields.iter().map(|field| format!("\"{field}\": Utf8")).collect();
    Held::Other(format!("Struct({})", fields.join(", ")))
}

fn list_of(fields: &[&str]) -> Held {
    let Held::Other(item) = struct_of(fields) else { panic!("a struct") };
    Held::Other(format!("List({item})"))
}

fn cur() -> Vec<TableColumn> {
    table(&[
        ("bill_payer_account_name", Held::Text),
        ("line_item_line_item_type", Held::Text),
        ("line_item_usage_start_date", Held::Moment { zoned: true }),
        ("line_item_operation", Held::Text),
        ("line_item_unblended_cost", Held::Float),
        ("line_item_currency_code", Held::Text),
        ("product", Held::Map),
        ("product_instance_type", Held::Text),
        ("resource_tags", Held::Map),
    ])
}

fn gcp() -> Vec<TableColumn> {
    table(&[
        ("billing_account_id", Held::Text),
        ("service", struct_of(&["id", "description"])),
        ("sku", struct_of(&["id", "description"])),
        ("usage", struct_of(&["amount", "unit"])),
        ("usage_start_time", Held::Moment { zoned: true }),
        ("cost", Held::Float),
        ("credits", list_of(&["type", "amount"])),
        ("labels", list_of(&["key", "value"])),
        ("currency", Held::Text),
    ])
}

fn parts(name: &str) -> Vec<String> {
    name.split('.').map(str::to_owned).collect()
}

#[test]
fn every_dialect_says_the_formulas_in_exact_decimals() {
    for dialect in Dialect::ALL {
        let sql = focus_view(&cur(), &parts("bills.cur"), dialect).unwrap();
        let view = dialect.table(&parts("bills.cur_focus"));
        assert!(sql.contains(&format!("CREATE VIEW {view} AS\nWITH cur_line AS")), "{sql}");
        assert_eq!(sql.matches("UNION ALL").count(), 1);
        // Both halves have the same columns, in the same order.
        let (_, selects) = sql.split_once("\nSELECT\n").unwrap();
        let names = |half: &str| -> Vec<String> {
            let lines = half.lines().take_while(|line| !line.starts_with("FROM"));
            let name = |line: &str| {
                let line = line.split(" -- ").next().unwrap_or_default().trim_end_matches(',');
                line.rsplit(" AS ").next().unwrap_or_default().to_owned()
            };
            lines.map(name).collect()
        };
        let (line, unused) = selects.split_once("UNION ALL\nSELECT\n").unwrap();
        assert_eq!(names(line), names(unused));
        assert!(names(line).contains(&dialect.identifier("EffectiveCost")));
        // A double is read by its shortest text.
        let double = dialect.identifier("line_item_unblended_cost");
        assert!(sql.contains(&dialect.as_text(&double)), "{sql}");
        assert_eq!(sql.matches('(').count() - sql.matches(')').count(), 0, "{dialect:?}");
    }
}

#[test]
fn what_is_paid_is_the_cost_and_all_credits_or_there_is_no_view() {
    let view = |dialect: Dialect| focus_view(&gcp(), &parts("export"), dialect);
    let spark = view(Dialect::Spark).unwrap();
    assert!(spark.contains("AGGREGATE(`credits`, ") && spark.contains("`service`.`description`"), "{spark}");
    let big = view(Dialect::BigQuery).unwrap();
    assert!(big.contains("FROM UNNEST(`credits`) AS credit)"), "{big}");
    assert!(big.contains("CREATE VIEW `export_focus` AS"), "{big}");
    let Err(NoView::Engine(why)) = view(Dialect::DataFusion) else { panic!("credits would be lost") };
    assert!(why.contains("adds up the list of credits"), "{why}");
}

#[test]
fn other_tables_have_no_view_and_files_get_one_with_a_name() {
    let other = table(&[("a", Held::Text)]);
    assert_eq!(focus_view(&other, &parts("t"), Dialect::Spark), Err(NoView::Unknown));
    let path = ["parquet".to_owned(), "/tmp/cur.parquet".to_owned()];
    let sql = focus_view(&cur(), &path, Dialect::Spark).unwrap();
    assert!(
        sql.contains("CREATE VIEW `bill_focus` AS") && sql.contains("FROM `parquet`.`/tmp/cur.parquet`\n"),
        "{sql}"
    );
}

#[test]
fn maps_are_looked_into_as_each_warehouse_keeps_them() {
    let view = |dialect: Dialect, held: Held| {
        let mut columns = cur();
        columns.retain(|column| column.name != "product");
        columns.push(TableColumn { name: "product".to_owned(), held });
        focus_view(&columns, &parts("cur"), dialect).unwrap()
    };
    let pairs = || list_of(&["key", "value"]);
    for (dialect, held, lookup) in [
        (Dialect::Spark, Held::Map, "TRY_ELEMENT_AT(`product`, 'product_name')"),
        (Dialect::Spark, Held::Text, "GET_JSON_OBJECT(`product`, '$[\\'product_name\\']')"),
        (Dialect::DataFusion, Held::Map, "\"product\"['product_name']"),
        (Dialect::Postgres, Held::Json, "(\"product\" ->> 'product_name')"),
        (Dialect::Postgres, Held::Text, "CAST(\"product\" AS JSONB) ->> 'product_name'"),
        (Dialect::Snowflake, Held::Map, "GET(\"product\", 'product_name')"),
        (
            Dialect::BigQuery,
            pairs(),
            "FROM UNNEST(`product`) AS pair WHERE pair.key = 'product_name' LIMIT 1)",
        ),
        (Dialect::BigQuery, Held::Json, "JSON_VALUE(`product`, '$.\"product_name\"')"),
    ] {
        let sql = view(dialect, held.clone());
        assert!(sql.contains(lookup), "{dialect:?} {held:?}: {lookup}\n{sql}");
    }
    // BigQuery's loader puts the pairs of a Parquet map under a name of its own.
    let loaded = Held::Other(format!("Struct(\"key_value\": {})", Held::words(&pairs())));
    let sql = view(Dialect::BigQuery, loaded);
    assert!(sql.contains("FROM UNNEST(`product`.`key_value`) AS pair"), "{sql}");
}
