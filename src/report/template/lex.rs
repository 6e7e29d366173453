//! A template as tokens, by the rules of Go's `text/template/parse`: texts between actions, and the words of actions.
//! It knows no grammar.

use super::Mistake;
use super::value::Value;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// The text between actions, trimmed.
    Text(String),
    /// `}}`
    Close,
    Space,
    /// A keyword or the name of a function.
    Word(String),
    /// `.Name`, without the dot.
    Field(String),
    /// `$` or `$name`.
    Variable(String),
    /// A number, a character or a string.
    Constant(Value),
    /// `.`
    Dot,
    /// `|`, `(`, `)`, `,`, `:=` or `=`.
    Sign(&'static str),
}

/// A token, and where it stands in the template, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

const SIGNS: [&str; 6] = [":=", "=", "|", "(", ")", ","];

/// The tokens of `text` in their order. The `{{` of an action is no token: what follows a text is an action. Fails if
/// an action does not end, or contains a word that is not part of the language.
pub(super) fn lex(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut lexer = Lexer {
        text,
        at: 0,
        tokens: Vec::new(),
    };
    let mut trims_start = false;
    while lexer.at < text.len() {
        let start = lexer.at;
        let open = text[start..].find("{{").map(|at| start + at);
        let mut piece = &text[start..open.unwrap_or(text.len())];
        let inside = open.map(|open| &text[open + 2..]).unwrap_or_default();
        let trims_end = inside
            .strip_prefix('-')
            .is_some_and(|rest| rest.starts_with(is_space));
        if trims_start {
            piece = piece.trim_start_matches(is_space);
        }
        if trims_end {
            piece = piece.trim_end_matches(is_space);
        }
        if !piece.is_empty() {
            let length = piece.len();
            lexer.push(Kind::Text(piece.to_owned()), length);
        }
        let Some(open) = open else { break };
        lexer.at = open + 2 + usize::from(trims_end);
        trims_start = lexer.action()?;
    }
    Ok(lexer.tokens)
}

/// Where the action that begins at `start` ends, braces included: braces in its strings and comments do not count.
/// An action without an end takes all of the text.
pub(super) fn action_end(text: &str, start: usize) -> usize {
    let mut lexer = Lexer {
        text,
        at: start + 2,
        tokens: Vec::new(),
    };
    while lexer.at < text.len() {
        let rest = &text[lexer.at..];
        if rest.starts_with("}}") {
            return lexer.at + 2;
        }
        lexer.at += match rest.chars().next() {
            Some('/') if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            Some(quote @ ('"' | '\'' | '`')) => quoted(rest, quote).unwrap_or(rest.len()),
            Some(c) => c.len_utf8(),
            None => 1,
        };
    }
    text.len()
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
}

impl Lexer<'_> {
    fn push(&mut self, kind: Kind, length: usize) {
        let start = self.at;
        self.at += length;
        let end = self.at;
        self.tokens.push(Token { kind, start, end });
    }

    fn mistake<T>(&self, message: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake::at(self.at..self.at, message))
    }

    /// The tokens of an action. Returns whether the text behind it is to be trimmed.
    fn action(&mut self) -> Result<bool, Mistake> {
        if self.comment()? {
            let rest = &self.text[self.at..];
            let trimmed = rest.trim_start_matches(is_space);
            let trims = trimmed.len() < rest.len() && trimmed.starts_with("-}}");
            if !trims && !rest.starts_with("}}") {
                return self.mistake("comment ends before closing delimiter");
            }
            self.at = match trims {
                true => self.text.len() - trimmed.len() + 3,
                false => self.at + 2,
            };
            return Ok(trims);
        }
        loop {
            let rest = &self.text[self.at..];
            let spaces = rest.len() - rest.trim_start_matches(is_space).len();
            if spaces > 0 && rest[spaces..].starts_with("-}}") {
                self.at += spaces;
                self.push(Kind::Close, 3);
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.push(Kind::Close, 2);
                return Ok(false);
            }
            match spaces {
                0 => self.word(rest)?,
                _ => self.push(Kind::Space, spaces),
            }
        }
    }

    /// Passes over the comment of an action that is one.
    fn comment(&mut self) -> Result<bool, Mistake> {
        let inside = &self.text[self.at..];
        let comment = inside.trim_start_matches(is_space);
        // Without a trim marker nothing may stand before the comment.
        let is_comment = match self.text[..self.at].ends_with('-') {
            true => comment.starts_with("/*"),
            false => inside.starts_with("/*"),
        };
        if is_comment {
            let Some(end) = comment.find("*/") else {
                return self.mistake("unclosed comment");
            };
            self.at = self.text.len() - comment.len() + end + 2;
        }
        Ok(is_comment)
    }

    /// The token at the beginning of `rest`.
    fn word(&mut self, rest: &str) -> Result<(), Mistake> {
        let Some(first) = rest.chars().next() else {
            return self.mistake("unclosed action");
        };
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.push(Kind::Sign(sign), sign.len());
            return Ok(());
        }
        let second = rest[first.len_utf8()..].chars().next();
        match first {
            '"' | '\'' | '`' => {
                let Some(length) = quoted(rest, first) else {
                    // A wrong escape is the earlier mistake.
                    unquote(&rest[1..]).or_else(|message| self.mistake(message))?;
                    return self.mistake("unclosed action");
                };
                let inner = &rest[1..length - 1];
                let value = constant(first, inner).or_else(|message| self.mistake(message))?;
                self.push(Kind::Constant(value), length);
            }
            '0'..='9' => self.number(rest)?,
            '+' | '-' => self.number(rest)?,
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(rest)?,
            '.' | '$' => {
                let name = name(&rest[1..]);
                self.ends_well(&rest[1 + name.len()..])?;
                let kind = match first {
                    '$' => Kind::Variable(format!("${name}")),
                    _ if name.is_empty() => Kind::Dot,
                    _ => Kind::Field(name.to_owned()),
                };
                self.push(kind, 1 + name.len());
            }
            c if is_name(c) => {
                let name = name(rest);
                self.ends_well(&rest[name.len()..])?;
                let kind = match name {
                    "true" | "false" => Kind::Constant(Value::Bool(name == "true")),
                    _ => Kind::Word(name.to_owned()),
                };
                self.push(kind, name.len());
            }
            c => return self.mistake(format!("unexpected bad character {c} in command")),
        }
        Ok(())
    }

    fn number(&mut self, rest: &str) -> Result<(), Mistake> {
        let mut previous = ' ';
        let end = rest.find(|c: char| {
            let is_sign = matches!(c, '+' | '-') && matches!(previous, ' ' | 'e' | 'E' | 'p' | 'P');
            previous = c;
            !is_sign && !is_name(c) && c != '.'
        });
        let text = &rest[..end.unwrap_or(rest.len())];
        match number(text) {
            Some(value) => self.push(Kind::Constant(value), text.len()),
            None => return self.mistake(format!("bad number syntax: \"{text}\"")),
        }
        Ok(())
    }

    /// That a word ends where another may begin.
    fn ends_well(&self, rest: &str) -> Result<(), Mistake> {
        match rest.chars().next() {
            Some(c) if !is_space(c) && !".,|:)(".contains(c) && !rest.starts_with("}}") => {
                self.mistake(format!("unexpected bad character {c} in command"))
            }
            _ => Ok(()),
        }
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn name(text: &str) -> &str {
    &text[..text.find(|c| !is_name(c)).unwrap_or(text.len())]
}

/// The length of the quoted text at the beginning of `text`, quotes included; `None` if it does not end.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    let end = text[1..].find(|c| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped && quote != '`';
        ends
    })?;
    Some(end + 2)
}

fn constant(quote: char, inner: &str) -> Result<Value, &'static str> {
    if quote == '`' {
        return Ok(Value::Text(inner.into()));
    }
    let text = unquote(inner)?;
    if quote == '"' {
        return Ok(Value::Text(text.into()));
    }
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(c), None) => Ok(Value::Int(i64::from(u32::from(c)))),
        _ => Err("malformed character constant"),
    }
}

/// A Go string without its quotes, its escapes replaced.
fn unquote(text: &str) -> Result<String, &'static str> {
    const WRONG: &str = "invalid syntax of an escape";
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.extend_from_slice(before.as_bytes());
        let kind = after.chars().next().ok_or(WRONG)?;
        rest = &after[kind.len_utf8()..];
        let (digits, radix) = match kind {
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            '0'..='7' => {
                rest = after;
                (3, 8)
            }
            _ => {
                out.push(match kind {
                    'a' => 7,
                    'b' => 8,
                    'f' => 12,
                    'n' => b'\n',
                    'r' => b'\r',
                    't' => b'\t',
                    'v' => 11,
                    '\\' | '\'' | '"' => kind as u8,
                    _ => return Err(WRONG),
                });
                continue;
            }
        };
        let (number, after) = rest.split_at_checked(digits).ok_or(WRONG)?;
        rest = after;
        if number.starts_with('+') {
            return Err(WRONG);
        }
        let code = u32::from_str_radix(number, radix).map_err(|_| WRONG)?;
        match kind {
            'u' | 'U' => {
                let c = char::from_u32(code).ok_or(WRONG)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => out.push(u8::try_from(code).map_err(|_| WRONG)?),
        }
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Parses a number as Go writes it; `None` if the text is not a number or does not fit an `int`.
fn number(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    let (sign, unsigned) = match digits.strip_prefix(['+', '-']) {
        Some(rest) => (if digits.starts_with('-') { "-" } else { "" }, rest),
        None => ("", digits.as_str()),
    };
    let radix = match unsigned.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => 16,
        Some("0o") => 8,
        Some("0b") => 2,
        _ => 10,
    };
    if radix != 10 {
        let number = format!("{sign}{}", &unsigned[2..]);
        return i64::from_str_radix(&number, radix).ok().map(Value::Int);
    }
    if !unsigned.starts_with(|c: char| c == '.' || c.is_ascii_digit()) {
        return None;
    }
    if unsigned.contains(['.', 'e', 'E']) {
        let number: f64 = digits.parse().ok()?;
        return number.is_finite().then_some(Value::Float(number));
    }
    digits.parse().ok().map(Value::Int)
}
