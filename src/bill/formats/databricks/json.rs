//! One number or text out of a JSON object, as it is written there.
//!
//! A parser would make an `f64` of a number; prices must not be rounded.

/// The scalar at a path of keys; `None` where there is none, it is `null`, or the text is not JSON.
pub fn scalar(text: &str, path: &[&str]) -> Option<String> {
    let mut reader = Reader { rest: text.trim_start() };
    for key in path {
        reader.enter(key)?;
    }
    let value = reader.value()?;
    match value.as_bytes().first()? {
        b'"' => serde_json::from_str(value).ok(),
        b'{' | b'[' => None,
        _ if value == "null" => None,
        _ => Some(value.to_owned()),
    }
}

/// What of the text is not read yet.
struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn take(&mut self, character: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(character)?.trim_start();
        Some(())
    }

    /// Goes to the value of a key of the object that comes next.
    fn enter(&mut self, key: &str) -> Option<()> {
        self.take('{')?;
        loop {
            let name: String = serde_json::from_str(self.value()?).ok()?;
            self.take(':')?;
            if name == key {
                return Some(());
            }
            self.value()?;
            self.take(',')?;
        }
    }

    /// Takes the value that comes next, as it is written.
    fn value(&mut self) -> Option<&'t str> {
        let start = self.rest;
        let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
        let mut end = start.len();
        for (at, character) in start.char_indices() {
            if in_text {
                match character {
                    _ if escaped => escaped = false,
                    '\\' => escaped = true,
                    '"' => {
                        in_text = false;
                        if depth == 0 {
                            end = at + 1;
                            break;
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match character {
                '"' => in_text = true,
                '{' | '[' => depth += 1,
                '}' | ']' if depth > 0 => {
                    depth -= 1;
                    if depth == 0 {
                        end = at + 1;
                        break;
                    }
                }
                ',' | ':' | '}' | ']' if depth == 0 => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        let (value, rest) = start.split_at(end);
        self.rest = rest.trim_start();
        let value = value.trim();
        (!value.is_empty() && !in_text && depth == 0).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(scalar("5", &[]).as_deref(), Some("5"));
    }

    #[test]
    fn what_is_not_json_has_none() {
        for text in ["", "cheap", "{", "{\"n\"", "{\"n\":", "{\"n\":\"1", "{\"n\":{\"x\":1", "{n:1}", "[1]"] {
            assert_eq!(scalar(text, &["n"]), None, "{text}");
        }
    }
}
