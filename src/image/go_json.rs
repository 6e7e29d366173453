//! JSON as Go's encoder writes it: what barque makes is to equal, byte for byte, what the Go tools make.
//!
//! Go escapes `<`, `>`, `&` and the two Unicode line separators inside strings, for the sake of HTML. In JSON
//! text these occur in strings only, so they can be escaped afterwards. Backspace and form feed are `\b` and `\f`,
//! as since Go 1.22; skopeo 1.9.3 still wrote `\u0008` and `\u000c`.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// `value` on one line without blanks, as `json.Marshal` writes it.
pub fn compact(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value).map(escape)
}

/// `value` on lines indented by `indent`, without a newline at the end, as `json.MarshalIndent` writes it.
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
