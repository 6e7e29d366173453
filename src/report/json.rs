//! The two JSON forms of barque's output: indented as skopeo prints documents, on one line as its templates do.
//!
//! Go's habits are those of [`crate::image::go_json`]; this module only says which of them output has. It knows no
//! document and adds no final newline.

use serde::Serialize;

use crate::image::go_json;

/// `value` indented by four blanks as Go's `json.MarshalIndent(v, "", "    ")` does, HTML characters escaped. The caller
/// adds the final newline. Members keep their order: a document that stands for a Go map must be a sorted map.
pub(crate) fn to_go_json(value: &impl Serialize) -> String {
    // The documents of this room have string keys only, so nothing can fail.
    go_json::indented(value, "    ").unwrap_or_else(|_| "null".to_owned())
}

/// `value` on one line as `{{json .}}` of skopeo's templates prints it: HTML characters stay as they are.
pub(crate) fn to_compact_json(value: &impl Serialize) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|_| "null".to_owned())
        .replace('\u{2028}', "\\u2028")
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
