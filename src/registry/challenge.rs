//! `WWW-Authenticate`: what a server asks for (RFC 9110 §11.6.1).
//!
//! Read by hand because real servers send what strict parsers refuse: unquoted URLs, empty list elements, two
//! challenges in one field, a last one cut off (quirks A5, A6). What is complete is kept, the rest dropped. Only as much
//! is read as any server has a use for.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

/// Bytes of all fields together that are read.
const LONGEST: usize = 64 << 10;
/// Parameters of a challenge that are kept; each is compared with those before it.
const MOST_PARAMS: usize = 32;

/// One challenge: a scheme in lower case and its parameters, the first of each name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    pub scheme: String,
    pub params: Vec<(String, String)>,
    /// The token68 form some schemes use in place of parameters.
    pub token68: Option<String>,
}

impl Challenge {
    /// The parameter `name` (lower case).
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// The challenges of an answer with `headers`.
pub(crate) fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let fields = headers.get_all(WWW_AUTHENTICATE).iter();
    parse_challenges(fields.filter_map(|field| field.to_str().ok()))
}

/// Reads the challenges of all `WWW-Authenticate` fields, in order.
pub fn parse_challenges<'a>(fields: impl IntoIterator<Item = &'a str>) -> Vec<Challenge> {
    let mut left = LONGEST;
    let fields = fields.into_iter().map(|field| {
        let mut read = &field[..field.floor_char_boundary(left)];
        left -= read.len();
        if read.len() < field.len() {
            // Without the element that is cut in two.
            read = &read[..read.rfind(',').unwrap_or_default()];
        }
        Reader { rest: read }.challenges()
    });
    fields.flatten().collect()
}

struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn challenges(mut self) -> Vec<Challenge> {
        let mut all: Vec<Challenge> = Vec::new();
        loop {
            self.skip(|c| c.is_ascii_whitespace() || c == ',');
            let Some(word) = self.token() else { return all };
            let blanks = self.skip(|c| c == ' ' || c == '\t');
            if self.rest.starts_with('=') && !all.is_empty() && !self.is_token68(blanks) {
                self.rest = &self.rest[1..];
                self.skip(|c| c == ' ' || c == '\t');
                let Some(value) = self.value() else {
                    // The parameter is cut off, and with it the challenge it stands in, unless others are whole.
                    if all.last().is_some_and(|c| c.params.is_empty()) {
                        all.pop();
                    }
                    return all;
                };
                if let Some(last) = all.last_mut() {
                    let name = word.to_ascii_lowercase();
                    if last.params.len() < MOST_PARAMS && last.param(&name).is_none() {
                        last.params.push((name, value));
                    }
                }
                continue;
            }
            // A word that no `=` follows begins a challenge, unless it is a parameter that lost its value.
            let lost_value = blanks == 0
                && !all.is_empty()
                && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if !lost_value {
                let token68 = if blanks > 0 { self.token68() } else { None };
                all.push(Challenge {
                    scheme: word.to_ascii_lowercase(),
                    params: Vec::new(),
                    token68,
                });
            }
        }
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) -> usize {
        let trimmed = self.rest.trim_start_matches(which);
        let skipped = self.rest.len() - trimmed.len();
        self.rest = trimmed;
        skipped
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self
            .rest
            .find(|c: char| !is_token_char(c))
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Whether what stands here is padding of a token68 (`abc==`) and no `name=value`.
    fn is_token68(&self, blanks: usize) -> bool {
        blanks == 0
            && self
                .rest
                .trim_start_matches('=')
                .trim_start()
                .chars()
                .next()
                .is_none_or(|c| c == ',')
            && self.rest.starts_with("==")
    }

    /// A token68 at this place, as a whole element of the list.
    fn token68(&mut self) -> Option<String> {
        let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let base = word.trim_end_matches('=');
        let ends_element = rest.trim_start().is_empty() || rest.trim_start().starts_with(',');
        let fits = !base.is_empty()
            && base
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
            && ends_element;
        if !fits {
            return None;
        }
        self.rest = rest;
        Some(word.to_owned())
    }

    fn value(&mut self) -> Option<String> {
        if let Some(quoted) = self.rest.strip_prefix('"') {
            let mut value = String::new();
            let mut chars = quoted.char_indices();
            while let Some((i, c)) = chars.next() {
                match c {
                    '"' => {
                        self.rest = &quoted[i + 1..];
                        return Some(value);
                    }
                    '\\' => value.push(chars.next()?.1),
                    c => value.push(c),
                }
            }
            self.rest = "";
            return None;
        }
        let end = self.rest.find([',', ' ', '\t']).unwrap_or(self.rest.len());
        let (value, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!value.is_empty()).then(|| value.to_owned())
    }
}

fn is_token_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn two_challenges_in_one_field_and_commas_in_quotes() {
        let all = parse_challenges([
            r#"Bearer realm="https://a/t",scope="repository:x:pull,push", Basic realm=y"#,
        ]);
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].param("scope"), Some("repository:x:pull,push"));
        assert_eq!(
            (all[1].scheme.as_str(), all[1].param("realm")),
            ("basic", Some("y"))
        );
    }

    #[test]
    fn what_is_endless_is_cut() {
        let params = (0..100_000).map(|i| format!("p{i}=x,"));
        let many = format!(
            "Bearer realm=\"https://a/t\",{}",
            params.collect::<String>()
        );
        let all = parse_challenges([many.as_str(), "Basic realm=x"]);
        assert_eq!(all.len(), 1, "nothing behind the limit is read");
        assert_eq!(all[0].params.len(), MOST_PARAMS);
        assert_eq!(all[0].param("realm"), Some("https://a/t"));
        let long = "a".repeat(LONGEST - 1) + "é";
        assert!(parse_challenges([long.as_str()]).is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(s in "\\PC{0,60}", t in "[A-Za-z=\", \\\\]{0,40}") {
            parse_challenges([s.as_str(), t.as_str()]);
        }
    }
}
