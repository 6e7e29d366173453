//! JSON as Go's encoder writes it: what barque makes is to equal, byte for byte, what the Go tools make. And texts as
//! Go's decoder takes them, which is less strict than serde's.
//!
//! Go escapes `<`, `>`, `&` and the two Unicode line separators inside strings, for the sake of HTML. In JSON
//! text these occur in strings only, so they can be escaped afterwards. Backspace and form feed are `\b` and `\f`,
//! as since Go 1.22; skopeo 1.9.3 still wrote `\u0008` and `\u000c`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// `value` on one line without blanks, as `json.Marshal` writes it.
///
/// # Errors
/// When `value` cannot be written as JSON, as with a map whose keys are not texts.
pub fn compact(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape)
}

/// `value` on lines indented by `indent`, without a newline at the end, as `json.MarshalIndent` writes it.
///
/// # Errors
/// When `value` cannot be written as JSON, as with a map whose keys are not texts.
pub fn indented(value: &impl Serialize, indent: &str) -> serde_json::Result<String> {
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(indent.as_bytes());
    value.serialize(&mut Serializer::with_formatter(&mut text, formatter))?;
    String::from_utf8(text)
        .map(escape)
        .map_err(serde::ser::Error::custom)
}

/// JSON text without the blanks between its tokens; numbers and escapes stay as they were written.
pub fn squeezed(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    let token = |c: &char| {
        if in_string {
            in_string = escaped || *c != '"';
            escaped = !escaped && *c == '\\';
            return true;
        }
        in_string = *c == '"';
        !c.is_ascii_whitespace()
    };
    json.chars().filter(token).collect()
}

/// `raw` as Go's decoder reads it: each byte that is no UTF-8, and each half of a surrogate pair that is written as
/// `\uD8xx`, is the replacement character U+FFFD.
pub fn readable(raw: &[u8]) -> Cow<'_, str> {
    let text = match std::str::from_utf8(raw) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            let mut text = String::with_capacity(raw.len() + 16);
            for chunk in raw.utf8_chunks() {
                text.push_str(chunk.valid());
                text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
            }
            Cow::Owned(text)
        }
    };
    match halves(&text) {
        halves if halves.is_empty() => text,
        halves => {
            let mut text = text.into_owned();
            for at in halves {
                text.replace_range(at..at + ESCAPE, "\\ufffd");
            }
            Cow::Owned(text)
        }
    }
}

/// Bytes of `\uXXXX`.
const ESCAPE: usize = 6;

/// Where a half of a surrogate pair is written without the other one.
fn halves(json: &str) -> Vec<usize> {
    let escape = |at: usize| {
        let digits = json.get(at..at + ESCAPE)?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(next) = json.get(at..).and_then(|rest| rest.find('\\')) {
        at += next;
        at += match (escape(at), escape(at + ESCAPE)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 2 * ESCAPE,
            (Some(0xd800..=0xdfff), _) => {
                found.push(at);
                ESCAPE
            }
            // A backslash and what it escapes.
            _ => 2,
        };
    }
    found
}

/// Commas of a JSON text that stand between values: one less than there are values in its lists and objects.
pub fn commas(json: &str) -> usize {
    let (mut in_string, mut escaped, mut count) = (false, false, 0);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Whether Go's decoder takes `name` for the member `known`: case does not count, and two letters fold to ASCII ones.
pub fn same_name(known: &str, name: &str) -> bool {
    let fold = |c: char| match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    known == name || known.chars().map(fold).eq(name.chars().map(fold))
}

fn escape(json: String) -> String {
    const SPECIAL: [char; 5] = ['<', '>', '&', '\u{2028}', '\u{2029}'];
    // Most text has none of them: a look at the bytes tells, and the separators begin with 0xe2.
    if !json.bytes().any(|b| matches!(b, b'<' | b'>' | b'&' | 0xe2)) {
        return json;
    }
    let mut text = String::with_capacity(json.len() + 32);
    for c in json.chars() {
        if SPECIAL.contains(&c) {
            text.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_go_escapes() {
        let value = serde_json::json!({"<a>": "&\u{2028}\u{2029}é\"\n\t"});
        assert_eq!(
            compact(&value).unwrap(),
            r#"{"\u003ca\u003e":"\u0026\u2028\u2029é\"\n\t"}"#
        );
    }

    /// The right sides are what Go 1.22 decodes.
    #[test]
    fn what_is_no_unicode_is_replaced_as_in_go() {
        for (raw, text) in [
            (&b"\"caf\xe9 \xe2\x82\""[..], "caf\u{fffd} \u{fffd}\u{fffd}"),
            (
                br#""\ud83d\ude00 \ud83d \ude00x \uD83D\uD83D\uDE00""#,
                "😀 \u{fffd} \u{fffd}x \u{fffd}😀",
            ),
            (br#""\\ud83d \n""#, "\\ud83d \n"),
            ("\"é\"".as_bytes(), "é"),
        ] {
            let read: String = serde_json::from_str(&readable(raw)).unwrap();
            assert_eq!(read, text);
        }
        assert!(matches!(readable(b"{}"), Cow::Borrowed("{}")));
        assert_eq!(readable(br#""\ud8"#), r#""\ud8"#);
    }

    #[test]
    fn commas_in_texts_do_not_count() {
        assert_eq!(commas(r#"{"a,\",":[1,{},"\\"],"b":","}"#), 3);
    }

    #[test]
    fn only_blanks_between_tokens_go() {
        let text = "{ \"a b\" : [ 1.0 ,\n\t1e5 ], \"\\\" \\\\\" : \" x \" }";
        assert_eq!(squeezed(text), "{\"a b\":[1.0,1e5],\"\\\" \\\\\":\" x \"}");
    }

    #[test]
    fn empty_things_stay_on_one_line() {
        let value = serde_json::json!({"a": [], "b": {}, "c": [1]});
        assert_eq!(
            indented(&value, "    ").unwrap(),
            "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1\n    ]\n}"
        );
    }
}
