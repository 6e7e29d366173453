//! Regular expressions as Go reads them (RE2), for tags: skopeo's and image-syncer's files have them.
//!
//! A pattern is rewritten for the crate `regex_lite`: what that reads in another way is written out, and what Go refuses is
//! refused. Tags are ASCII, so that classes of Unicode are written as what they have of it.

mod classes;
#[cfg(test)]
mod tests;

use regex_lite::Regex;

use classes::{is_posix_class, unicode_class};

/// Most repetitions that a pattern may ask for.
const MOST_REPEATS: u32 = 1000;

/// Matches no character; the crate has no empty class.
const NOTHING: &str = "[^\\x{0}-\\x{10FFFF}]";
const ANYTHING: &str = "[\\x{0}-\\x{10FFFF}]";

/// The regular expression `pattern`, to be found in tags. Fails in words when Go would refuse it.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    let failed = |e: String| format!("`{pattern}` is not a regular expression: {e}");
    let translated = translate(pattern).map_err(failed)?;
    Regex::new(&translated).map_err(|e| failed(e.to_string()))
}

fn translate(pattern: &str) -> Result<String, String> {
    let mut reader = Reader {
        rest: pattern,
        out: String::new(),
        groups: Vec::new(),
    };
    let mut after_repeat = false;
    while let Some(c) = reader.next() {
        let mut is_repeat = false;
        match c {
            '\\' => reader.escape()?,
            '[' => reader.class()?,
            '(' => reader.group()?,
            '.' | '^' | '$' | '|' | ')' => reader.out.push(c),
            '*' | '+' | '?' => {
                reader.out.push(c);
                is_repeat = true;
            }
            '{' => match reader.counts()? {
                Some(counts) => {
                    reader.out += &counts;
                    is_repeat = true;
                }
                None => reader.out += "\\{",
            },
            other => reader.literal(other),
        }
        if is_repeat && after_repeat {
            return Err("a repetition is repeated".to_owned());
        }
        if is_repeat && reader.skip("?") {
            reader.out.push('?');
        }
        after_repeat = is_repeat;
    }
    Ok(reader.out)
}

/// What is left of a pattern, and what it became so far.
struct Reader<'a> {
    rest: &'a str,
    out: String,
    /// Names of groups.
    groups: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What comes before `end`, which is skipped as well.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let (before, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(before)
    }

    fn literal(&mut self, c: char) {
        match c {
            '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                self.out.extend(['\\', c]);
            }
            c if c.is_ascii_control() => self.out += &format!("\\x{{{:x}}}", u32::from(c)),
            c => self.out.push(c),
        }
    }

    /// The escape after a backslash outside of brackets.
    fn escape(&mut self) -> Result<(), String> {
        if self.skip("Q") {
            let text = self
                .until("\\E")
                .unwrap_or_else(|| std::mem::take(&mut self.rest));
            text.chars().for_each(|c| self.literal(c));
            return Ok(());
        }
        match self.rest.chars().next() {
            Some(c @ ('A' | 'b' | 'B' | 'z' | 'd' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                self.next();
                self.out.extend(['\\', c]);
            }
            Some('p' | 'P') => {
                let ranges = self.unicode()?;
                self.out += &bracketed(false, &ranges);
            }
            _ => {
                let c = self.escaped_char()?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// The character that an escape stands for.
    fn escaped_char(&mut self) -> Result<char, String> {
        let wrong = |c: char| format!("the escape `\\{c}` is not known");
        let c = self.next().ok_or("it ends with a backslash")?;
        let octal = |c: char| c.is_digit(8);
        Ok(match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.hex().ok_or_else(|| wrong(c))?,
            // A single digit would be a reference back.
            '1'..='7' if !self.rest.starts_with(octal) => return Err(wrong(c)),
            '0'..='7' => {
                let more = self.rest.chars().take(2).take_while(|c| octal(*c)).count();
                let (digits, rest) = self.rest.split_at(more);
                self.rest = rest;
                let number = u32::from_str_radix(&format!("{c}{digits}"), 8).ok();
                number.and_then(char::from_u32).ok_or_else(|| wrong(c))?
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            c => return Err(wrong(c)),
        })
    }

    /// `41` or `{41}`, after `\x`.
    fn hex(&mut self) -> Option<char> {
        let digits = match self.skip("{") {
            true => self.until("}")?,
            false => {
                let (digits, rest) = self.rest.split_at_checked(2)?;
                self.rest = rest;
                digits
            }
        };
        let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
        let number = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        number.and_then(char::from_u32)
    }

    /// The content of brackets for `\pL`, `\p{Lu}`, `\P{^L}` and so on, from the `p` on.
    fn unicode(&mut self) -> Result<String, String> {
        let mut is_negated = self.next() == Some('P');
        let name = match self.skip("{") {
            true => self.until("}").ok_or("a `\\p{` is not closed")?.to_owned(),
            false => self.next().map(String::from).unwrap_or_default(),
        };
        let bare = name.strip_prefix('^');
        is_negated ^= bare.is_some();
        let bare = bare.unwrap_or(&name);
        let found = unicode_class(bare, is_negated);
        found.ok_or_else(|| format!("the class `\\p{{{name}}}` is not known"))
    }

    /// A class, after its opening bracket.
    fn class(&mut self) -> Result<(), String> {
        let is_negated = self.skip("^");
        let mut content = String::new();
        let mut is_first = true;
        while is_first || !self.rest.starts_with(']') {
            is_first = false;
            if self.rest.starts_with("[:") && self.rest[2..].contains(":]") {
                self.rest = &self.rest[2..];
                let name = self.until(":]").unwrap_or_default();
                if !is_posix_class(name.strip_prefix('^').unwrap_or(name)) {
                    return Err(format!("the class `[:{name}:]` is not known"));
                }
                content += &format!("[:{name}:]");
                continue;
            }
            let escaped = self.rest.strip_prefix('\\');
            match escaped.and_then(|rest| rest.chars().next()) {
                Some('p' | 'P') => {
                    self.next();
                    content += &self.unicode()?;
                    continue;
                }
                Some(c @ ('d' | 'D' | 's' | 'S' | 'w' | 'W')) => {
                    self.rest = &self.rest[2..];
                    content.extend(['\\', c]);
                    continue;
                }
                _ => {}
            }
            let first = self.class_char()?;
            let is_range = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            let last = match is_range {
                true => {
                    self.next();
                    self.class_char()?
                }
                false => first,
            };
            if last < first {
                return Err(format!("`{first}-{last}` is not a range"));
            }
            content += &range(first, last);
        }
        self.next();
        self.out += &bracketed(is_negated, &content);
        Ok(())
    }

    fn class_char(&mut self) -> Result<char, String> {
        match self.next() {
            Some('\\') => self.escaped_char(),
            Some(c) => Ok(c),
            None => Err("a `[` is not closed".to_owned()),
        }
    }

    /// The beginning of a group, after its parenthesis.
    fn group(&mut self) -> Result<(), String> {
        if !self.skip("?") {
            self.out.push('(');
            return Ok(());
        }
        if self.skip("P<") || self.skip("<") {
            let name = self.until(">").unwrap_or_default();
            let is_name =
                !name.is_empty() && name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric());
            if !is_name || self.groups.contains(&name) {
                return Err(format!(
                    "`{name}` is not the name of a group, or is given twice"
                ));
            }
            self.groups.push(name);
            self.out.push('(');
            return Ok(());
        }
        let end = self.rest.find([':', ')']).unwrap_or(self.rest.len());
        let (flags, rest) = self.rest.split_at(end);
        let (on, off) = flags.split_once('-').unwrap_or((flags, "i"));
        let are_flags = |text: &str| text.chars().all(|c| "imsU".contains(c));
        if rest.is_empty() || off.is_empty() || !are_flags(on) || !are_flags(off) {
            return Err(format!("`(?{flags}` is not known"));
        }
        self.rest = &rest[1..];
        match (flags.is_empty(), rest.starts_with(')')) {
            (true, true) => {}
            (_, true) => self.out += &format!("(?{flags})"),
            (_, false) => self.out += &format!("(?{flags}:"),
        }
        Ok(())
    }

    /// `{2}`, `{2,}` or `{2,3}`, after its brace; `None` if it is not one of these, and the brace stands for itself.
    fn counts(&mut self) -> Result<Option<String>, String> {
        let Some((counts, rest)) = self.rest.split_once('}') else {
            return Ok(None);
        };
        let (least, most) = counts.split_once(',').unwrap_or((counts, counts));
        let is_number = |text: &str| {
            let is_padded = text.len() > 1 && text.starts_with('0');
            !text.is_empty() && !is_padded && text.chars().all(|c| c.is_ascii_digit())
        };
        if !is_number(least) || !(most.is_empty() || is_number(most)) {
            return Ok(None);
        }
        self.rest = rest;
        let number = |text: &str| text.parse().unwrap_or(u32::MAX);
        let (least, most) = match most.is_empty() {
            true => (number(least), number(least)),
            false => (number(least), number(most)),
        };
        match least <= most && most <= MOST_REPEATS {
            true => Ok(Some(format!("{{{counts}}}"))),
            false => Err(format!("`{{{counts}}}` is not a number of repetitions")),
        }
    }
}

/// The content of a class for the characters from `first` to `last`.
fn range(first: char, last: char) -> String {
    let written = |c: char| match c == '_' || c.is_ascii_alphanumeric() {
        true => c.to_string(),
        false => format!("\\x{{{:x}}}", u32::from(c)),
    };
    match first == last {
        true => written(first),
        false => format!("{}-{}", written(first), written(last)),
    }
}

fn bracketed(is_negated: bool, content: &str) -> String {
    match (is_negated, content.is_empty()) {
        (false, true) => NOTHING.to_owned(),
        (true, true) => ANYTHING.to_owned(),
        (false, false) => format!("[{content}]"),
        (true, false) => format!("[^{content}]"),
    }
}
