//! Tags and cost categories of Amazon's reports, which come as one column each or all in one map.
//!
//! A tag that a person gave keeps its own name (`team`); one that Amazon gave begins with `aws:`.

use serde_json::{Map, Value};

use super::mapping::cell;

/// Where a JSON object of a row comes from.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    columns: Vec<(usize, String)>,
    maps: Vec<usize>,
}

impl Pairs {
    /// Columns whose names begin with one of `prefixes`, and maps called one of `maps`; names are compared in lower
    /// case.
    pub fn find(header: &[String], prefixes: &[&str], maps: &[&str]) -> Self {
        let mut found = Self::default();
        for (place, name) in header.iter().enumerate() {
            let name = name.trim();
            let lower = name.to_ascii_lowercase();
            if maps.contains(&lower.as_str()) {
                found.maps.push(place);
            } else if let Some(prefix) = prefixes.iter().find(|prefix| lower.starts_with(*prefix)) {
                found.columns.push((place, own_name(&name[prefix.len()..])));
            }
        }
        found
    }

    /// The columns that are taken over.
    pub fn used(&self) -> impl Iterator<Item = usize> {
        self.columns.iter().map(|(place, _)| *place).chain(self.maps.iter().copied())
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
        for place in &self.maps {
            let text = cell(cells, Some(*place));
            if text.is_empty() {
                continue;
            }
            let Ok(map) = serde_json::from_str::<Map<String, Value>>(text) else { return text.to_owned() };
            for (name, value) in map {
                if !value.is_null() {
                    insert(&mut pairs, own_name(&name), &name, value);
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
        Pairs::find(&header, &["resourcetags/", "resource_tags_"], &["resource_tags", "tags"])
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
        assert_eq!(both.used().collect::<Vec<_>>(), [0, 1]);
    }
}
