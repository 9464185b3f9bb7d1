//! A JSON document as a tree that keeps every number as the text it stands in: read as a float and written again, it
//! may not be the number of the bill.
//!
//! Texts and numbers are borrowed from the document where they can be.

use std::borrow::Cow;

/// Deepest nesting, as of other JSON readers.
const MOST_DEEP: usize = 128;

/// A value of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(&'t str),
    /// A text.
    Text(Cow<'t, str>),
    /// A list.
    List(Vec<Self>),
    /// Names and values, in order.
    Object(Vec<(Cow<'t, str>, Self)>),
}

/// Where a document breaks off, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken(pub usize);

impl<'t> Node<'t> {
    /// Reads a document.
    ///
    /// # Errors
    /// The place where it is no JSON, or nests too deeply.
    pub fn parse(text: &'t str) -> Result<Self, Broken> {
        let mut reader = Reader { text, at: 0 };
        reader.space();
        let node = reader.value(0)?;
        reader.space();
        if reader.at < text.len() { Err(Broken(reader.at)) } else { Ok(node) }
    }

    /// Reads documents that follow one after another, with nothing but white space between them.
    ///
    /// # Errors
    /// The place where there is no JSON, or it nests too deeply.
    pub fn parse_all(text: &'t str) -> Result<Vec<Self>, Broken> {
        let mut reader = Reader { text, at: 0 };
        let mut documents = Vec::new();
        loop {
            reader.space();
            if reader.at == text.len() && !documents.is_empty() {
                return Ok(documents);
            }
            documents.push(reader.value(0)?);
        }
    }

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&[(Cow<'t, str>, Self)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// A text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A whole number.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Number(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The value as a cell: a text or a number as it stands, nothing for null, what is nested as JSON.
    pub fn cell(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.to_string(),
            other => other.json(),
        }
    }

    fn json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(truth) => truth.to_string(),
            Self::Number(text) => (*text).to_owned(),
            Self::Text(text) => quoted(text),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::json).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(members) => {
                let members: Vec<String> = members
                    .iter()
                    .map(|(name, value)| format!("{}:{}", quoted(name), value.json()))
                    .collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Result<(), Broken> {
        if self.byte() != Some(byte) {
            return Err(Broken(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn word(&mut self, word: &str, node: Node<'t>) -> Result<Node<'t>, Broken> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(Broken(self.at));
        }
        self.at += word.len();
        Ok(node)
    }

    fn value(&mut self, depth: usize) -> Result<Node<'t>, Broken> {
        if depth >= MOST_DEEP {
            return Err(Broken(self.at));
        }
        match self.byte().ok_or(Broken(self.at))? {
            b'{' => {
                let mut members = Vec::new();
                self.items(b'}', |reader| {
                    let name = reader.string()?;
                    reader.space();
                    reader.take(b':')?;
                    reader.space();
                    members.push((name, reader.value(depth + 1)?));
                    Ok(())
                })?;
                Ok(Node::Object(members))
            }
            b'[' => {
                let mut items = Vec::new();
                self.items(b']', |reader| {
                    items.push(reader.value(depth + 1)?);
                    Ok(())
                })?;
                Ok(Node::List(items))
            }
            b'"' => self.string().map(Node::Text),
            b'n' => self.word("null", Node::Null),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            _ => self.number(),
        }
    }

    /// What stands between a bracket and the one that closes it, separated by commas.
    fn items(
        &mut self,
        close: u8,
        mut item: impl FnMut(&mut Self) -> Result<(), Broken>,
    ) -> Result<(), Broken> {
        self.at += 1;
        self.space();
        if self.byte() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.space();
            if self.byte() == Some(close) {
                self.at += 1;
                return Ok(());
            }
            self.take(b',')?;
            self.space();
        }
    }

    fn string(&mut self) -> Result<Cow<'t, str>, Broken> {
        let start = self.at;
        self.take(b'"')?;
        let mut escaped = false;
        loop {
            match self.byte().ok_or(Broken(self.at))? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                0..=0x1f => return Err(Broken(self.at)),
                _ => self.at += 1,
            }
        }
        self.at += 1;
        // Quotes are single bytes, so the slice begins and ends between characters.
        let whole = self.text.get(start..self.at).ok_or(Broken(start))?;
        if escaped {
            return serde_json::from_str::<String>(whole)
                .map(Cow::Owned)
                .map_err(|_bad_escape| Broken(start));
        }
        Ok(Cow::Borrowed(&whole[1..whole.len() - 1]))
    }

    fn number(&mut self) -> Result<Node<'t>, Broken> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')) {
            self.at += 1;
        }
        let text = &self.text[start..self.at];
        // Whether it is written as JSON's numbers are; its value is not taken.
        serde_json::from_str::<serde::de::IgnoredAny>(text).map_err(|_no_number| Broken(start))?;
        Ok(Node::Number(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_text_and_texts_lose_their_escapes() {
        let text = r#" {"a": 0.12345678901234567890123, "b\"": ["x\u00e4", null, true, -1E+5, {}], "n": 9007199254740993} "#;
        let node = Node::parse(text).unwrap();
        assert_eq!(node.get("a").unwrap().cell(), "0.12345678901234567890123");
        let list = node.get("b\"").unwrap().as_list().unwrap();
        assert_eq!(list[0].as_str(), Some("xä"));
        assert_eq!(node.get("b\"").unwrap().cell(), r#"["xä",null,true,-1E+5,{}]"#);
        assert_eq!(node.get("n").unwrap().as_i64(), Some(9_007_199_254_740_993));
        assert_eq!(node.as_object().unwrap().len(), 3);
    }

    #[test]
    fn what_is_no_json_is_told_where() {
        for (text, at) in [
            ("", 0),
            ("{\"a\":1,}", 7),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("[01]", 1),
            ("\"a", 2),
            ("[1]x", 3),
            ("\"\\q\"", 0),
        ] {
            assert_eq!(Node::parse(text), Err(Broken(at)), "{text}");
        }
        assert_eq!(Node::parse_all(" [1] {}\n").map(|all| all.len()), Ok(2));
        for (text, at) in [("", 0), ("[1] x", 4), ("{} {", 4)] {
            assert_eq!(Node::parse_all(text), Err(Broken(at)), "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Node::parse(&deep), Err(Broken(MOST_DEEP)));
    }
}
