//! What Go's evaluator does by type, said as calls of functions: the library's evaluator knows only its own types.
//!
//! `{{.LayersData}}` becomes `{{_show (.LayersData)}}`, the pipelines of `if` and `with` go through `_bare`, and so do the
//! terms of `and` and `or`; those of `range` go through `_items`. A method with an argument becomes a function:
//! `{{.Created.Format "2006"}}` is `{{_show (_format .Created "2006")}}`. Only templates that parse are
//! rewritten. No value is known here.

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

/// What is between the braces of an action, and the braces at its end, which may be missing.
fn inside(action: &str) -> (&str, &str) {
    let inside = action.strip_prefix("{{").unwrap_or(action);
    inside.split_at(inside.strip_suffix("}}").unwrap_or(inside).len())
}

/// The tokens of what is inside an action; a comment has none.
fn tokens(inside: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let trimmed = inside.strip_prefix('-').unwrap_or(inside);
    if trimmed.trim_start().starts_with("/*") {
        return tokens;
    }
    let mut rest = inside;
    while !rest.is_empty() {
        let next = token(rest);
        tokens.push(next);
        rest = &rest[next.len()..];
    }
    tokens
}

/// The words of each action of `template`, without blanks; texts have their quotes.
pub(super) fn words(template: &str) -> impl Iterator<Item = Vec<&str>> {
    pieces(template)
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Action(action) => {
                let tokens = tokens(inside(action).0).into_iter();
                Some(tokens.filter(|t| !t.trim().is_empty()).collect())
            }
            Piece::Text(_) => None,
        })
}

/// `action` with its texts as the library reads them: it takes a backslash in a raw text for an escape, and escapes by
/// number it cuts through the middle of characters, or never ends.
pub(super) fn plain_texts(action: &str) -> String {
    let (inside, close) = inside(action);
    let tokens = tokens(inside);
    if tokens.is_empty() {
        return action.to_owned();
    }
    let tokens = tokens.iter().map(|token| match token.chars().next() {
        Some('`') => token.replace('\\', "\\\\"),
        Some('"' | '\'') => without_numbers(token).unwrap_or_else(|| (*token).to_owned()),
        _ => (*token).to_owned(),
    });
    format!("{{{{{}{close}", tokens.collect::<String>())
}

/// `text` with the characters that its escapes `\x`, `\u` and `\U` mean. `None` where one means none.
fn without_numbers(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let kind = after.chars().next()?;
        let digits = number_length(kind);
        let number = &after[kind.len_utf8()..];
        let (number, after) = number.split_at_checked(digits)?;
        rest = after;
        if digits == 0 {
            out.extend(['\\', kind]);
            continue;
        }
        let is_hex = number.bytes().all(|b| b.is_ascii_hexdigit());
        let code = u32::from_str_radix(number, 16).ok().filter(|_| is_hex)?;
        // `\x` is a byte, which alone is a character only in ASCII.
        let meant = char::from_u32(code).filter(|c| kind != 'x' || c.is_ascii())?;
        match meant {
            '"' | '\'' | '\\' => out.extend(['\\', meant]),
            '\n' => out.push_str("\\n"),
            meant => out.push(meant),
        }
    }
    Some(out + rest)
}

fn number_length(kind: char) -> usize {
    match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => 0,
    }
}

/// Whether a word is a text with an escape by number.
pub(super) fn has_number(word: &str) -> bool {
    let mut rest = match word.starts_with(['"', '\'']) {
        true => word,
        false => "",
    };
    while let Some((_, after)) = rest.split_once('\\') {
        let mut after = after.chars();
        if after.next().is_some_and(|kind| number_length(kind) > 0) {
            return true;
        }
        rest = after.as_str();
    }
    false
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
    // Without a blank the sign is that of a number.
    let (open, inside) = match inside.strip_prefix('-') {
        Some(inside) if inside.starts_with(char::is_whitespace) => ("{{-", inside),
        _ => ("{{", inside),
    };
    let (inside, close) = match inside.strip_suffix('-') {
        Some(inside) if inside.ends_with(char::is_whitespace) => (inside, "-}}"),
        _ => (inside, "}}"),
    };
    let tokens = tokens(inside);
    let is_word = |i: &usize| !tokens[*i].trim().is_empty();
    let mut words = (0..tokens.len()).filter(is_word);
    let first = words.next()?;
    let (mut pipeline, function) = match tokens[first] {
        "if" | "with" => (first + 1, Some("_bare")),
        "range" => (first + 1, Some("_items")),
        "else" => (words.next()? + 1, Some("_bare")),
        "template" | "block" => (words.next()? + 1, None),
        "end" | "define" | "break" | "continue" => return None,
        _ => (first, Some("_show")),
    };
    // A declaration stands before its pipeline; alone, it prints nothing.
    let declared = tokens.iter().position(|t| matches!(*t, ":=" | "="));
    let function = match declared {
        Some(at) => {
            pipeline = at + 1;
            function.filter(|function| *function != "_show")
        }
        None => function,
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
            // A field may follow one of these without a blank.
            let is_before_field = |word: &&&str| {
                let after = text.strip_prefix(**word);
                after.is_some_and(|after| after.starts_with('.'))
            };
            if let Some(word) = ["if", "with", "range"].iter().find(is_before_field) {
                return &text[..word.len()];
            }
            let end = text.char_indices().skip(1);
            let mut end =
                end.filter(|(at, other)| !goes_on(*other) || text[*at..].starts_with("}}"));
            end.next().map_or(text.len(), |(at, _)| at)
        }
        None => 0,
    };
    &text[..length]
}

/// Where a command is.
enum Command {
    /// Its first term is awaited, which alone may be a method with arguments.
    Awaited { is_piped: bool },
    /// That began at this place of the output.
    Begun { at: usize, is_piped: bool },
    /// The next term of `and` or `or` is awaited, or has begun and stands in parentheses.
    Logic { is_open: bool },
    /// Whatever comes is left alone.
    Passed,
}

/// The pipeline of these tokens, with methods that take arguments as functions.
fn call_methods(tokens: &[&str]) -> String {
    let mut out = String::new();
    let mut commands = vec![Command::Awaited { is_piped: false }];
    for (i, token) in tokens.iter().enumerate() {
        let Some(command) = commands.last_mut() else {
            break;
        };
        let is_blank = token.trim().is_empty();
        if is_blank || matches!(*token, "|" | ")") {
            let next = tokens.get(i + 1).filter(|t| !matches!(**t, "|" | ")"));
            end_term(command, is_blank && next.is_some(), &mut out);
        }
        match *token {
            _ if is_blank => {}
            "|" => *command = Command::Awaited { is_piped: true },
            ")" => {
                commands.pop();
            }
            _ => {
                match *command {
                    Command::Awaited { is_piped } => {
                        let at = out.len();
                        *command = Command::Begun { at, is_piped };
                    }
                    Command::Logic { is_open: false } => {
                        out.push_str("(_bare ");
                        *command = Command::Logic { is_open: true };
                    }
                    _ => {}
                }
                if *token == "(" {
                    commands.push(Command::Awaited { is_piped: false });
                }
            }
        }
        out.push_str(token);
    }
    if let Some(command) = commands.last_mut() {
        end_term(command, false, &mut out);
    }
    out
}

/// Ends the term that is the end of `out`.
fn end_term(command: &mut Command, has_more_terms: bool, out: &mut String) {
    match *command {
        Command::Begun { at, is_piped } => {
            let first = &out[at..];
            *command = match first {
                "and" | "or" => Command::Logic { is_open: false },
                _ => Command::Passed,
            };
            if (has_more_terms || is_piped)
                && let Some(of) = first.strip_suffix(".Format")
            {
                let of = if of.is_empty() { "." } else { of };
                let call = format!("_format {of}");
                out.replace_range(at.., &call);
            }
        }
        Command::Logic { is_open: true } => {
            out.push(')');
            *command = Command::Logic { is_open: false };
        }
        _ => {}
    }
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
            (
                "{{range $i, $x := .L}}",
                "{{range $i, $x := _items ( .L) }}",
            ),
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
                "{{-3}}{{-\t3}}{{.X -}}",
                "{{ _show (-3) }}{{-\t _show (3) }}{{ _show (.X ) -}}",
            ),
            (
                "{{if.X}}{{else if.X}}{{range.L.if.X}}",
                "{{if _bare (.X) }}{{else if _bare (.X) }}{{range _items (.L.if.X) }}",
            ),
            (
                "{{template \"a\" (.T.Format \"b\")}}{{block \"a\" .T.Format `b`}}",
                "{{template \"a\" (_format .T \"b\")}}{{block \"a\" _format .T `b`}}",
            ),
            (
                "{{\"a\" | .T.Format | f}}{{(\"a\" | .T.Format)}}{{\"a\"|.T.Format }}",
                "{{ _show (\"a\" | _format .T | f) }}{{ _show ((\"a\" | _format .T)) }}{{ _show (\"a\"|_format .T ) }}",
            ),
            (
                "{{or .X (and .Y (f .Z).A ) | g}}",
                "{{ _show (or (_bare .X) (_bare (and (_bare .Y) (_bare (f .Z).A) )) | g) }}",
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
