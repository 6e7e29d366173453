//! The entries of a list in a JSON document, one by one as its bytes arrive.
//!
//! A page of tags may be long, and what it takes in memory must not depend on that: one entry is kept at a time, and
//! the rest of the document is only followed. Separate from `serde_json`, which wants all bytes at once or a thread
//! that blocks. What an entry means is for its reader.

use serde_json::from_slice;

/// Most bytes of one entry.
const MOST_ENTRY: usize = 64 << 10;
/// Most arrays and objects inside of each other, as for `serde_json`.
const MOST_DEPTH: usize = 128;

/// What is wrong with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    #[error("it is not a JSON object")]
    Json,
    #[error("the list is of another type, or there twice")]
    List,
    #[error("an entry is larger than {} KiB", MOST_ENTRY >> 10)]
    Entry,
    #[error("it ends too early")]
    End,
}

/// Where a document may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Document,
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
    Nothing,
}

/// What a byte is in the middle of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Nothing,
    Text,
    Escape,
    /// A number, `true`, `false` or `null`.
    Word,
}

/// A document that is read as it comes.
pub(crate) struct Items {
    member: &'static str,
    next: Next,
    inside: In,
    /// The text is a key.
    key: bool,
    /// For each open array or object, whether it is an object.
    open: Vec<bool>,
    /// The outermost object is at `member`, or in its list.
    at_member: bool,
    had_list: bool,
    /// The bytes of a key of the outermost object, or of an entry.
    kept: Vec<u8>,
    keeping: bool,
}

impl Items {
    /// The entries of the array `member` of an object.
    pub(crate) fn of(member: &'static str) -> Items {
        Items {
            member,
            next: Next::Document,
            inside: In::Nothing,
            key: false,
            open: Vec::new(),
            at_member: false,
            had_list: false,
            kept: Vec::new(),
            keeping: false,
        }
    }

    /// Takes the next bytes of the document; `take` gets each entry that ends in them, as JSON.
    pub(crate) fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), Wrong> {
        bytes.iter().try_for_each(|b| self.byte(*b, &mut take))
    }

    /// An error where the document is not whole.
    pub(crate) fn end(&self) -> Result<(), Wrong> {
        match self.next {
            Next::Nothing => Ok(()),
            _ => Err(Wrong::End),
        }
    }

    fn byte(&mut self, b: u8, take: &mut impl FnMut(&[u8])) -> Result<(), Wrong> {
        match (self.inside, b) {
            (In::Escape, _) => {
                self.inside = In::Text;
                return self.keep(b);
            }
            (In::Text, b'\\') => {
                self.inside = In::Escape;
                return self.keep(b);
            }
            (In::Text, b'"') => {
                self.keep(b)?;
                self.inside = In::Nothing;
                return match std::mem::take(&mut self.key) {
                    true => self.key_ended(),
                    false => self.value_ended(take),
                };
            }
            (In::Text, _) => return self.keep(b),
            (In::Word, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.') => {
                return self.keep(b);
            }
            (In::Word, _) => {
                self.inside = In::Nothing;
                self.value_ended(take)?;
            }
            (In::Nothing, _) => {}
        }
        if matches!(b, b' ' | b'\t' | b'\r' | b'\n') {
            return Ok(());
        }
        self.token(b, take)
    }

    /// A byte between texts and words.
    fn token(&mut self, b: u8, take: &mut impl FnMut(&[u8])) -> Result<(), Wrong> {
        let in_object = self.open.last().copied();
        match (self.next, b) {
            (Next::Value | Next::ValueOrEnd, b'[') => self.opened(b, false),
            (Next::Value | Next::ValueOrEnd | Next::Document, b'{') => self.opened(b, true),
            (Next::Value | Next::ValueOrEnd, b'"') => self.begun(b, In::Text),
            (Next::Value | Next::ValueOrEnd, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.begun(b, In::Word)
            }
            (Next::Key | Next::KeyOrEnd, b'"') => {
                if self.open.len() == 1 {
                    self.kept.clear();
                    self.keeping = true;
                }
                (self.inside, self.key) = (In::Text, true);
                self.keep(b)
            }
            (Next::Colon, b':') => {
                self.next = Next::Value;
                self.keep(b)
            }
            (Next::CommaOrEnd, b',') => {
                self.next = match in_object {
                    Some(true) => Next::Key,
                    _ => Next::Value,
                };
                self.keep(b)
            }
            (Next::CommaOrEnd | Next::ValueOrEnd, b']') if in_object == Some(false) => {
                self.closed(b, take)
            }
            (Next::CommaOrEnd | Next::KeyOrEnd, b'}') if in_object == Some(true) => {
                self.closed(b, take)
            }
            _ => Err(Wrong::Json),
        }
    }

    /// A value begins with `b`.
    fn begun(&mut self, b: u8, inside: In) -> Result<(), Wrong> {
        self.inside = inside;
        match self.open.len() {
            1 if self.at_member && b != b'[' && b != b'n' => return Err(Wrong::List),
            2 if self.at_member => {
                self.kept.clear();
                self.keeping = true;
            }
            _ => {}
        }
        self.keep(b)
    }

    fn opened(&mut self, b: u8, object: bool) -> Result<(), Wrong> {
        self.begun(b, In::Nothing)?;
        if self.open.len() == 1 && self.at_member {
            self.had_list = true;
        }
        if self.open.len() == MOST_DEPTH {
            return Err(Wrong::Json);
        }
        self.open.push(object);
        self.next = match object {
            true => Next::KeyOrEnd,
            false => Next::ValueOrEnd,
        };
        Ok(())
    }

    fn closed(&mut self, b: u8, take: &mut impl FnMut(&[u8])) -> Result<(), Wrong> {
        self.open.pop();
        self.keep(b)?;
        self.value_ended(take)
    }

    fn value_ended(&mut self, take: &mut impl FnMut(&[u8])) -> Result<(), Wrong> {
        self.next = Next::CommaOrEnd;
        match self.open.len() {
            0 => self.next = Next::Nothing,
            1 => self.at_member = false,
            2 if self.at_member => {
                self.keeping = false;
                take(&self.kept);
            }
            _ => {}
        }
        Ok(())
    }

    fn key_ended(&mut self) -> Result<(), Wrong> {
        self.next = Next::Colon;
        if self.open.len() == 1 {
            self.keeping = false;
            self.at_member = from_slice::<String>(&self.kept).is_ok_and(|key| key == self.member);
            if self.at_member && self.had_list {
                return Err(Wrong::List);
            }
        }
        Ok(())
    }

    fn keep(&mut self, b: u8) -> Result<(), Wrong> {
        if !self.keeping {
            return Ok(());
        }
        if self.kept.len() == MOST_ENTRY {
            return Err(Wrong::Entry);
        }
        self.kept.push(b);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// The entries of `tags` in a document that comes in pieces of `size` bytes.
    fn entries(document: &str, size: usize) -> Result<Vec<Value>, Wrong> {
        let (mut items, mut found) = (Items::of("tags"), Vec::new());
        for piece in document.as_bytes().chunks(size) {
            items.feed(piece, |entry| {
                found.push(from_slice(entry).unwrap_or(json!("?")))
            })?;
        }
        items.end().map(|()| found)
    }

    #[test]
    fn entries_come_out_of_whatever_is_around_them() {
        let document = r#" {"name": "a\"]", "x": {"tags": [1, {"y": []}], "z": "\\"}, "n": -1.5e3,
            "t\u0061gs": ["1", null , "a\u0062\"", {"k": [1,2 ]}, [ ], 7], "after": [[true]]} "#;
        let wanted = json!(["1", null, "ab\"", {"k": [1, 2]}, [], 7]);
        for size in [1, 2, 7, 1000] {
            assert_eq!(json!(entries(document, size).unwrap()), wanted, "{size}");
        }
        for empty in [
            r#"{}"#,
            r#"{"tags":null}"#,
            r#"{"tags":[]}"#,
            r#"{"a":[1]}"#,
        ] {
            assert_eq!(entries(empty, 3), Ok(Vec::new()), "{empty}");
        }
    }

    #[test]
    fn other_documents_are_refused() {
        let deep = format!("{{\"a\":{}", "[".repeat(1 << 20));
        let long = format!("{{\"tags\":[\"{}\"]}}", "a".repeat(MOST_ENTRY));
        for (document, wrong) in [
            ("", Wrong::End),
            ("<html>", Wrong::Json),
            ("[\"1\"]", Wrong::Json),
            ("null", Wrong::Json),
            (r#"{"tags":["1""#, Wrong::End),
            (r#"{"tags":["1" "2"]}"#, Wrong::Json),
            (r#"{"tags":["1",]}"#, Wrong::Json),
            (r#"{"tags":["1"}"#, Wrong::Json),
            (r#"{"tags":["1"]}}"#, Wrong::Json),
            (r#"{"tags" "1"}"#, Wrong::Json),
            (r#"{"tags":"1"}"#, Wrong::List),
            (r#"{"tags":{}}"#, Wrong::List),
            (r#"{"tags":["1"],"tags":["2"]}"#, Wrong::List),
            (&deep, Wrong::Json),
            (&long, Wrong::Entry),
        ] {
            assert_eq!(
                entries(document, 5),
                Err(wrong),
                "{}",
                &document[..document.len().min(30)]
            );
        }
    }

    proptest! {
        #[test]
        fn a_document_is_read_as_serde_reads_it(
            tags in prop::collection::vec("\\PC{0,9}", 0..9), other in "\\PC{0,9}", size in 1..20_usize,
        ) {
            let document = json!({ "a": { &other: [&other] }, "tags": tags, "z": other }).to_string();
            prop_assert_eq!(json!(entries(&document, size).unwrap()), json!(tags));
        }

        #[test]
        fn nothing_makes_it_panic(document in "[\\[\\]{}\",:\\\\a1 ]{0,60}", size in 1..9_usize) {
            if entries(&document, size).is_ok() {
                // A document that passes has at least its brackets.
                let bare = document.trim();
                let framed = bare.starts_with('{') && bare.ends_with('}');
                prop_assert!(framed);
            }
        }
    }
}
