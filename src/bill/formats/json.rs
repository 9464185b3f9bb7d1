//! JSON taken apart without losing a digit: the members of an object and the items of an array as the text they
//! stand in. A number read as a float and written again may not be the number of the bill.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// The members of an object in order, each with the text of its value; `None` when the text is no object.
pub fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &str)>> {
    let inside = checked(text)?.strip_prefix('{')?.strip_suffix('}')?;
    parts(inside)
        .map(|part| {
            let part = part.trim();
            let key_end = string_end(part)?;
            let value = part[key_end..].trim_start().strip_prefix(':')?.trim();
            Some((plain(&part[..key_end]), value))
        })
        .collect()
}

/// The items of an array as text; `None` when the text is no array.
pub fn items(text: &str) -> Option<Vec<&str>> {
    let inside = checked(text)?.strip_prefix('[')?.strip_suffix(']')?;
    Some(parts(inside).map(str::trim).collect())
}

/// The value of a member; `None` when there is none, it is null, or the text is no object.
pub fn member<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, value) = members(text)?.into_iter().find(|(key, _)| key == name)?;
    (value != "null").then_some(value)
}

/// The text or number at a path of names, as it stands there; `None` where there is none, it is null, an object or a
/// list, or the text is no object.
pub fn scalar(text: &str, path: &[&str]) -> Option<String> {
    let value = path.iter().try_fold(text, |text, name| member(text, name))?;
    let is_nested = value.starts_with(['{', '[']);
    (!is_nested).then(|| plain(value).into_owned())
}

/// Keys and values of a list of `{"key": …, "value": …}`; `None` when the text is none. The first of a key counts.
pub fn pairs(text: &str) -> Option<serde_json::Map<String, serde_json::Value>> {
    let mut pairs = serde_json::Map::new();
    for item in items(text)? {
        let key = plain(member(item, "key")?).into_owned();
        let value = member(item, "value").map(plain).unwrap_or_default();
        pairs.entry(key).or_insert_with(|| value.into_owned().into());
    }
    Some(pairs)
}

/// A value as a cell: a text without its quotes, nothing for null, anything else as it stands.
pub fn plain(value: &str) -> Cow<'_, str> {
    let value = value.trim();
    match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inside) if !inside.contains('\\') => Cow::Borrowed(inside),
        Some(_) => serde_json::from_str::<String>(value).map_or(Cow::Borrowed(value), Cow::Owned),
        None if value == "null" => Cow::Borrowed(""),
        None => Cow::Borrowed(value),
    }
}

/// The text without white space around it, if it is JSON.
fn checked(text: &str) -> Option<&str> {
    serde_json::from_str::<IgnoredAny>(text).ok().map(|_nothing| text.trim())
}

/// What stands between commas that are in no string, object or array; nothing where there is only white space.
fn parts(inside: &str) -> impl Iterator<Item = &str> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        if rest.trim().is_empty() {
            return None;
        }
        let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
        let end = rest.bytes().position(|byte| {
            if in_string {
                in_string = escaped || byte != b'"';
                escaped = !escaped && byte == b'\\';
                return false;
            }
            match byte {
                b'"' => in_string = true,
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b',' => return depth == 0,
                _ => {}
            }
            false
        });
        let part = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or("", |end| &rest[end + 1..]);
        Some(part)
    })
}

/// Where the string that the text begins with ends.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let inside = text.strip_prefix('"')?;
    let end = inside.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = !escaped && byte == b'\\';
        ends
    })?;
    Some(end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_every_digit_and_nested_ones_their_text() {
        let text = r#" {"cost": 0.12345678901234567890123, "a\"b" : "x,\u00e4\"}", "n":null, "list": [1, {"k":","}, "]"], "e":{}} "#;
        let found = members(text).unwrap();
        let keys: Vec<&str> = found.iter().map(|(key, _)| key.as_ref()).collect();
        assert_eq!(keys, ["cost", "a\"b", "n", "list", "e"]);
        assert_eq!(found[0].1, "0.12345678901234567890123");
        assert_eq!(plain(found[1].1), "x,ä\"}");
        assert_eq!(plain(found[2].1), "");
        assert_eq!(items(found[3].1).unwrap(), ["1", r#"{"k":","}"#, r#""]""#]);
        assert_eq!(members(found[4].1).unwrap().len(), 0);
        assert_eq!(member(text, "n"), None);
        assert_eq!(member(text, "cost"), Some("0.12345678901234567890123"));
        assert_eq!(items("[ ]").unwrap().len(), 0);
    }

    #[test]
    fn a_scalar_is_found_as_it_is_written() {
        let text = r#" {"a, }": "x\"}", "n": 0.123456789012345678, "o": {"list": [1, {"n": 2}], "t": "u\u0041"}, "z": null } "#;
        let at = |path: &[&str]| scalar(text, path);
        assert_eq!(at(&["n"]).as_deref(), Some("0.123456789012345678"));
        assert_eq!(at(&["a, }"]).as_deref(), Some("x\"}"));
        assert_eq!(at(&["o", "t"]).as_deref(), Some("uA"));
        for path in [&["z"][..], &["o"], &["o", "list"], &["n", "n"], &["none"], &["o", "none"]] {
            assert_eq!(at(path), None, "{path:?}");
        }
        for text in ["", "cheap", "{", "{\"n\":\"1", "{n:1}", "[1]"] {
            assert_eq!(scalar(text, &["n"]), None, "{text}");
        }
    }

    #[test]
    fn a_list_of_keys_and_values_is_an_object() {
        let object = |text: &str| pairs(text).map(|pairs| serde_json::Value::Object(pairs).to_string());
        let list =
            r#"[{"key":"team","value":"chat"},{"value":null,"key":"x"},{"key":"team","value":"other"}]"#;
        assert_eq!(object(list).as_deref(), Some(r#"{"team":"chat","x":""}"#));
        assert_eq!(object("[]").as_deref(), Some("{}"));
        for text in ["", "{}", "[1]", r#"[{"value":"a"}]"#] {
            assert_eq!(object(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_nothing() {
        for text in ["", "{", "{\"a\":1,}", "[1", "{'a': 1}", "1"] {
            assert!(members(text).is_none() && items(text).is_none(), "{text}");
        }
        assert!(members("[1]").is_none() && items("{}").is_none());
    }
}
