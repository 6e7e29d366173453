//! JSON exactly as Go's encoder writes it, because scripts compare barque's output with skopeo's.
//!
//! It is separate from the documents so that there is one place that knows Go's habits: four blanks of indent, and
//! `<`, `>`, `&`, U+2028 and U+2029 written as escapes. It knows no document and adds no final newline.

use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// `value` indented by four blanks as Go's `json.MarshalIndent(v, "", "    ")` does, HTML characters escaped. The caller
/// adds the final newline. Members keep their order: a document that stands for a Go map must be a sorted map.
pub fn to_go_json(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut serializer =
        Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"    "));
    // Writing to memory cannot fail, and the documents of this room have string keys only.
    match value.serialize(&mut serializer) {
        Ok(()) => escape_html(&String::from_utf8_lossy(&out)),
        Err(_) => "null".to_owned(),
    }
}

/// `value` on one line as `{{json .}}` of skopeo's templates prints it: HTML characters stay as they are.
pub fn to_compact_json(value: &impl Serialize) -> String {
    match serde_json::to_string(value) {
        Ok(text) => escape_separators(&text),
        Err(_) => "null".to_owned(),
    }
}

// Outside of strings JSON has none of these characters, so the finished text can be searched for them.
fn escape_html(json: &str) -> String {
    escape_separators(
        &json
            .replace('<', "\\u003c")
            .replace('>', "\\u003e")
            .replace('&', "\\u0026"),
    )
}

fn escape_separators(json: &str) -> String {
    json.replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn indents_by_four_and_keeps_empty_containers_on_one_line() {
        let value = json!({"b": [], "a": {}, "c": [1, {"d": null}]});
        insta::assert_snapshot!(to_go_json(&value), @r#"
        {
            "b": [],
            "a": {},
            "c": [
                1,
                {
                    "d": null
                }
            ]
        }
        "#);
    }

    #[test]
    fn escapes_what_go_escapes() {
        let text = "<a href=\"x\">&</a>\u{2028}\u{2029}\u{1}\u{7f}\n\té";
        assert_eq!(
            to_go_json(&text),
            "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u003c/a\\u003e\\u2028\\u2029\\u0001\u{7f}\\n\\té\""
        );
        assert_eq!(to_go_json(&json!({"<": 1})), "{\n    \"\\u003c\": 1\n}");
    }

    #[test]
    fn compact_leaves_html_alone() {
        assert_eq!(
            to_compact_json(&json!({"a": ["<&>", "\u{2028}"]})),
            "{\"a\":[\"<&>\",\"\\u2028\"]}"
        );
    }
}
