//! Tags and cost categories of Amazon's reports, which come as one column each or all in one map.
//!
//! A tag that a person gave keeps its own name (`team`); one that Amazon gave begins with `aws:`.

use serde_json::{Map, Value};

use crate::bill::formats::mapping::cell;

/// Where a JSON object of a row comes from.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    columns: Vec<(usize, String)>,
    maps: Vec<(usize, Keys)>,
}

/// Which keys of a map count. The column `tags` of CUR 2.0 holds tags and cost categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keys {
    All,
    Categories,
    ButCategories,
}

/// How keys of cost categories begin in the map of everything.
const CATEGORY: &str = "costCategory/";

impl Pairs {
    /// Tags of resources, accounts and users.
    pub fn tags(header: &[String]) -> Self {
        let maps = [("resource_tags", Keys::All), ("tags", Keys::ButCategories)];
        Self::find(header, &["resourcetags/", "resource_tags_"], &maps)
    }

    /// Cost categories.
    pub fn categories(header: &[String]) -> Self {
        let maps = [("cost_category", Keys::All), ("tags", Keys::Categories)];
        Self::find(header, &["costcategory/", "cost_category_"], &maps)
    }

    /// Columns whose names begin with one of `prefixes`, and maps called one of `maps`; names are compared in lower
    /// case.
    fn find(header: &[String], prefixes: &[&str], maps: &[(&str, Keys)]) -> Self {
        let mut found = Self::default();
        for (place, name) in header.iter().enumerate() {
            let name = name.trim();
            let lower = name.to_ascii_lowercase();
            if let Some((_, keys)) = maps.iter().find(|(map, _)| *map == lower) {
                found.maps.push((place, *keys));
            } else if let Some(prefix) = prefixes.iter().find(|prefix| lower.starts_with(*prefix)) {
                found.columns.push((place, own_name(&name[prefix.len()..])));
            }
        }
        found
    }

    /// The columns that are taken over.
    pub fn used(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|(place, _)| *place).chain(self.maps.iter().map(|(place, _)| *place))
    }

    /// The pairs as a JSON object; empty when there are none. A map that is no JSON is handed on as it is, and the
    /// store will say so.
    pub fn json(&self, cells: &[&str]) -> String {
        let mut pairs = Map::new();
        for (place, name) in &self.columns {
            let value = cell(cells, Some(*place));
            if !value.is_empty() {
                insert(&mut pairs, name.clone(), "", Value::from(value));
            }
        }
        for (place, keys) in &self.maps {
            let text = cell(cells, Some(*place));
            // Most maps have no categories, and then nothing needs to be parsed for them.
            if text.is_empty() || (*keys == Keys::Categories && !text.contains(CATEGORY)) {
                continue;
            }
            let Ok(map) = serde_json::from_str::<Map<String, Value>>(text) else { return text.to_owned() };
            for (name, value) in map {
                let own = match (keys, name.strip_prefix(CATEGORY)) {
                    (Keys::All, _) | (Keys::ButCategories, None) => own_name(&name),
                    (Keys::Categories, Some(category)) => category.to_owned(),
                    (Keys::Categories, None) | (Keys::ButCategories, Some(_)) => continue,
                };
                if !value.is_null() {
                    insert(&mut pairs, own, &name, value);
                }
            }
        }
        if pairs.is_empty() { String::new() } else { Value::Object(pairs).to_string() }
    }
}

/// The tag that names a resource in an object of [`Pairs::json`]; empty when there is none.
pub(super) fn name_tag(json: &str) -> String {
    // Most rows have no such tag, and then nothing needs to be parsed.
    if !json.contains("\"Name\":") && !json.contains("\"name\":") {
        return String::new();
    }
    let pairs = serde_json::from_str::<Map<String, Value>>(json).unwrap_or_default();
    let name = ["Name", "name"].into_iter().find_map(|key| pairs.get(key)?.as_str());
    name.unwrap_or("").to_owned()
}

/// A name that is taken by another value goes under its full name.
fn insert(pairs: &mut Map<String, Value>, name: String, full: &str, value: Value) {
    match pairs.get(&name) {
        None => {
            pairs.insert(name, value);
        }
        Some(known) if *known == value || full.is_empty() => {}
        Some(_) => {
            pairs.insert(full.to_owned(), value);
        }
    }
}

/// `user:team`, `user_team` and `resourceTag/team` are the tag `team`; `aws:createdBy` and `aws_created_by` are
/// Amazon's.
fn own_name(name: &str) -> String {
    let name = name.strip_prefix("resourceTag/").unwrap_or(name);
    if let Some(own) = name.strip_prefix("user:").or_else(|| name.strip_prefix("user_")) {
        return own.to_owned();
    }
    match name.strip_prefix("aws_") {
        Some(theirs) => format!("aws:{theirs}"),
        None => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(names: &[&str]) -> Pairs {
        let header: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Pairs::tags(&header)
    }

    #[test]
    fn a_tag_has_the_same_name_from_every_report() {
        let legacy = tags(&["resourceTags/user:team", "x", "resourceTags/aws:createdBy"]);
        assert_eq!(legacy.json(&["chat", "-", "me"]), r#"{"aws:createdBy":"me","team":"chat"}"#);
        assert_eq!(legacy.json(&["", "-", ""]), "");
        let athena = tags(&["resource_tags_user_team", "resource_tags_aws_created_by"]);
        assert_eq!(athena.json(&["chat", "me"]), r#"{"aws:created_by":"me","team":"chat"}"#);
        let map = tags(&["resource_tags"]);
        assert_eq!(map.json(&[r#"{"user_team":"chat","user_gone":null}"#]), r#"{"team":"chat"}"#);
        assert_eq!(map.json(&["{}"]), "");
        let named = map.json(&[r#"{"user_name":"node 7"}"#]);
        assert_eq!([name_tag(&named), name_tag("{}")], ["node 7", ""]);
    }

    #[test]
    fn what_two_maps_say_differently_is_kept_twice() {
        let both = tags(&["resource_tags", "tags"]);
        let text = both.json(&[
            r#"{"user_team":"chat"}"#,
            r#"{"resourceTag/team":"Chat","accountTag/team":"all","iamPrincipal/role":"r"}"#,
        ]);
        assert_eq!(
            text,
            r#"{"accountTag/team":"all","iamPrincipal/role":"r","resourceTag/team":"Chat","team":"chat"}"#
        );
        assert_eq!(both.json(&["{a=b}", ""]), "{a=b}");
        let mixed = r#"{"resourceTag/team":"chat","costCategory/Unit":"Research"}"#;
        assert_eq!(both.json(&["", mixed]), r#"{"team":"chat"}"#);
        let categories = Pairs::categories(&["tags", "cost_category"].map(str::to_owned));
        assert_eq!(categories.json(&[mixed, r#"{"Unit":"Research"}"#]), r#"{"Unit":"Research"}"#);
        assert_eq!(categories.json(&[r#"{"resourceTag/team":"chat"}"#, ""]), "");
        assert_eq!(both.used().collect::<Vec<_>>(), [0, 1]);
    }
}
