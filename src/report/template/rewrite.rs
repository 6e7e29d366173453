//! What Go's evaluator does by type, said as calls of functions: the library's evaluator knows only its own types.
//!
//! `{{.LayersData}}` becomes `{{_show (.LayersData)}}`, the pipelines of `if`, `with` and `range` go through `_bare`,
//! and a method with an argument becomes a function: `{{.Created.Format "2006"}}` is `{{_show (_format .Created "2006")}}`.
//! Only templates that parse come here. No value is known here.

/// A stretch of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// What is printed as it is.
    Text(&'a str),
    /// Braces included.
    Action(&'a str),
}

/// The stretches of `template` in their order; together they are all of it.
pub(super) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(rest.find("{{").unwrap_or(rest.len()));
        if !text.is_empty() {
            found.push(Piece::Text(text));
        }
        let (action, after) = after.split_at(action_end(after));
        if !action.is_empty() {
            found.push(Piece::Action(action));
        }
        rest = after;
    }
    found
}

/// Where the action at the beginning of `text` ends: braces in its texts and comments do not count.
fn action_end(text: &str) -> usize {
    let mut at = text.len().min(2);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("}}") {
            return at + 2;
        }
        at += match rest.strip_prefix("/*") {
            Some(comment) => comment.find("*/").map_or(rest.len(), |end| end + 4),
            None => token(rest).len(),
        };
    }
    at
}

/// `template` as the library's evaluator takes it.
pub(super) fn rewrite(template: &str) -> String {
    let rewritten = pieces(template).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Action(action) => rewrite_action(action).unwrap_or_else(|| action.to_owned()),
    });
    rewritten.collect()
}

/// `None` where there is nothing to rewrite.
fn rewrite_action(action: &str) -> Option<String> {
    let inside = action.strip_prefix("{{")?.strip_suffix("}}")?;
    let (open, inside) = match inside.strip_prefix('-') {
        Some(inside) => ("{{-", inside),
        None => ("{{", inside),
    };
    let (inside, close) = match inside.strip_suffix('-') {
        Some(inside) if inside.ends_with(char::is_whitespace) => (inside, "-}}"),
        _ => (inside, "}}"),
    };
    if inside.trim_start().starts_with("/*") {
        return None;
    }
    let mut tokens = Vec::new();
    let mut rest = inside;
    while !rest.is_empty() {
        let next = token(rest);
        tokens.push(next);
        rest = &rest[next.len()..];
    }
    let is_word = |i: &usize| !tokens[*i].trim().is_empty();
    let mut words = (0..tokens.len()).filter(is_word);
    let first = words.next()?;
    let (mut pipeline, function) = match tokens[first] {
        "if" | "with" | "range" => (first + 1, "_bare"),
        "else" => (words.next()? + 1, "_bare"),
        "end" | "define" | "template" | "block" | "break" | "continue" => return None,
        _ => (first, "_show"),
    };
    // A declaration stands before its pipeline; alone, it prints nothing.
    let declared = tokens.iter().position(|t| matches!(*t, ":=" | "="));
    let function = match declared {
        Some(at) => {
            pipeline = at + 1;
            (function == "_bare").then_some(function)
        }
        None => Some(function),
    };
    let before = tokens[..pipeline].concat();
    let called = call_methods(&tokens[pipeline..]);
    Some(match function {
        Some(function) => format!("{open}{before} {function} ({called}) {close}"),
        None => format!("{open}{before}{called}{close}"),
    })
}

/// The token at the beginning of `text`, which is not empty: blanks, a text or character with its quotes, a sign, or
/// what is between these.
fn token(text: &str) -> &str {
    const SIGNS: &str = "()|,=\"'`";
    let length = match text.chars().next() {
        Some('`') => text[1..].find('`').map_or(text.len(), |end| end + 2),
        Some(quote @ ('"' | '\'')) => {
            let mut is_escaped = false;
            let end = text[1..].find(|c| {
                let ends = c == quote && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        Some(':') if text.starts_with(":=") => 2,
        Some(c) if SIGNS.contains(c) => 1,
        Some(c) => {
            let goes_on = |other: char| {
                c.is_whitespace() == other.is_whitespace() && !SIGNS.contains(other) && other != ':'
            };
            let end = text.char_indices().skip(1);
            let mut end =
                end.filter(|(at, other)| !goes_on(*other) || text[*at..].starts_with("}}"));
            end.next().map_or(text.len(), |(at, _)| at)
        }
        None => 0,
    };
    &text[..length]
}

/// The first term of a command, which alone may be a method with arguments.
enum First {
    Awaited,
    /// It begins at this place of the output.
    Begun(usize),
    Passed,
}

/// The pipeline of these tokens, with methods that take arguments as functions.
fn call_methods(tokens: &[&str]) -> String {
    let mut out = String::new();
    let mut commands = vec![First::Awaited];
    for (i, token) in tokens.iter().enumerate() {
        let Some(first) = commands.last_mut() else {
            break;
        };
        if token.trim().is_empty() {
            let takes_arguments = tokens.get(i + 1).is_some_and(|t| !matches!(*t, "|" | ")"));
            if let First::Begun(at) = *first {
                if takes_arguments && let Some(of) = out[at..].strip_suffix(".Format") {
                    let of = if of.is_empty() { "." } else { of };
                    let call = format!("_format {of}");
                    out.replace_range(at.., &call);
                }
                *first = First::Passed;
            }
        } else if *token == "|" {
            *first = First::Awaited;
        } else if *token == ")" {
            commands.pop();
        } else {
            if matches!(first, First::Awaited) {
                *first = First::Begun(out.len());
            }
            if *token == "(" {
                commands.push(First::Awaited);
            }
        }
        out.push_str(token);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_go_does_by_type() {
        for (template, rewritten) in [
            ("a {{.X}} b", "a {{ _show (.X) }} b"),
            ("{{- .X | f -}}", "{{-  _show (.X | f ) -}}"),
            (
                "{{if .X}}{{else if .Y}}{{end}}",
                "{{if _bare ( .X) }}{{else if _bare ( .Y) }}{{end}}",
            ),
            ("{{range $i, $x := .L}}", "{{range $i, $x := _bare ( .L) }}"),
            ("{{$x := .T.Format \"a\"}}", "{{$x := _format .T \"a\"}}"),
            (
                "{{$x}}{{template \"a\" .}}{{/* .X */}}",
                "{{ _show ($x) }}{{template \"a\" .}}{{/* .X */}}",
            ),
            (
                "{{.T.Format \"}} (\" | f}}",
                "{{ _show (_format .T \"}} (\" | f) }}",
            ),
            (
                "{{f (index .H (g .T.Format 0)) ((index .H 0).T.Format `x`)}}",
                "{{ _show (f (index .H (g .T.Format 0)) (_format (index .H 0).T `x`)) }}",
            ),
            (
                "{{.Format \"x\"}}{{.L.Format}}",
                "{{ _show (_format . \"x\") }}{{ _show (.L.Format) }}",
            ),
        ] {
            assert_eq!(rewrite(template), rewritten, "{template}");
        }
    }

    #[test]
    fn texts_and_comments_may_hold_braces() {
        let template = "a{{\"}}\"}}{{/* }} \" */}}b{{'\\''}}{{`}}`";
        let found = pieces(template);
        let text: Vec<&str> = found
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) | Piece::Action(text) => *text,
            })
            .collect();
        assert_eq!(
            text,
            [
                "a",
                "{{\"}}\"}}",
                "{{/* }} \" */}}",
                "b",
                "{{'\\''}}",
                "{{`}}`"
            ]
        );
    }
}
