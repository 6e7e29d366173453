//! Tokens: what a client that logged in at the index part of the server says to its registry part.
//!
//! A token holds for one repository, for reading or for writing, and for an hour. Nothing is kept of it: it carries a keyed
//! hash of what it says, and the key ends with the process.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac;
use http::Method;
use http::header::{AUTHORIZATION, HeaderName, WWW_AUTHENTICATE};

use super::path::Path;
use crate::image::RepositoryName;
use crate::serve::answer::{self, Answer};
use crate::serve::request::Asked;
use crate::{Error, Result};

/// How long a token holds.
const HOLDS: Duration = Duration::from_secs(60 * 60);

const WANTED: HeaderName = HeaderName::from_static("x-docker-token");
const ENDPOINTS: HeaderName = HeaderName::from_static("x-docker-endpoints");

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    Read,
    Write,
}

impl For {
    fn as_str(self) -> &'static str {
        match self {
            For::Read => "read",
            For::Write => "write",
        }
    }
}

/// Makes tokens and knows its own again.
pub(super) struct Tokens(hmac::Key);

impl Tokens {
    pub(super) fn new() -> Result<Tokens> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key)
            .map_err(|e| Error::other("no random numbers").because(e))?;
        Ok(Tokens(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    /// Adds where the registry is, and a token for `name` where the client asks for one.
    pub(super) fn grant(&self, answer: &mut Answer, asked: &Asked, name: &RepositoryName, to: For) {
        let url = asked.url("");
        if let Some((_, host)) = url.split_once("://") {
            answer::set(answer, ENDPOINTS, host);
        }
        let is_wanted = asked
            .header(&WANTED)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"));
        if !is_wanted {
            return;
        }
        let until = SystemTime::now() + HOLDS;
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = match name.as_str().contains('/') {
            true => name.to_string(),
            false => format!("library/{name}"),
        };
        let token = self.token(&name, to.as_str(), until.as_secs());
        answer::set(answer, WANTED, &token);
        answer::set(answer, WWW_AUTHENTICATE, &token);
    }

    fn token(&self, name: &str, to: &str, until: u64) -> String {
        let said = format!("{until} {to} {name}");
        let signature = hex::encode(hmac::sign(&self.0, said.as_bytes()));
        format!("Token signature={until:016x}{signature},repository=\"{name}\",access={to}")
    }

    /// Whether the request for `path` has a token that is good for it. Images belong to no repository in particular.
    pub(super) fn lets_in(&self, path: &str, asked: &Asked) -> bool {
        let said = asked.header(&AUTHORIZATION).unwrap_or_default();
        let Some((name, to)) = self.read(said, SystemTime::now()) else {
            return false;
        };
        let is_allowed = match asked.parts.method {
            Method::GET | Method::HEAD => true,
            Method::PUT | Method::POST => to == For::Write,
            _ => false,
        };
        is_allowed
            && match Path::parse(path) {
                Ok(Path::Repository(asked, _)) => {
                    let short =
                        |name: &str| name.strip_prefix("library/").unwrap_or(name).to_owned();
                    short(asked.as_str()) == short(&name)
                }
                Ok(Path::Image(..) | Path::Ping) => true,
                _ => false,
            }
    }

    /// What a token is for, if it is one of this server and holds at `now`. Clients may send the scheme twice.
    fn read(&self, said: &str, now: SystemTime) -> Option<(String, For)> {
        let mut rest = said.trim();
        while let Some(after) = rest.strip_prefix("Token ") {
            rest = after.trim_start();
        }
        let mut parts = rest.split(',').map(str::trim);
        let mut part = |name: &str| parts.find_map(|p| p.strip_prefix(name)?.strip_prefix('='));
        let (signature, name, to) = (part("signature")?, part("repository")?, part("access")?);
        let (name, to) = (name.trim_matches('"'), to.trim_matches('"'));
        let (until, signature) = signature.split_at_checked(16)?;
        let until = u64::from_str_radix(until, 16).ok()?;
        let text = format!("{until} {to} {name}");
        let signature = hex::decode(signature).ok()?;
        hmac::verify(&self.0, text.as_bytes(), &signature).ok()?;
        let now = now.duration_since(UNIX_EPOCH).ok()?.as_secs();
        let to = match to {
            "read" => For::Read,
            "write" => For::Write,
            _ => return None,
        };
        (now <= until).then(|| (name.to_owned(), to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_what_it_says_and_ends() {
        let tokens = Tokens::new().unwrap();
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let token = tokens.token("a/b", "write", 1000);
        let good = Some(("a/b".to_owned(), For::Write));
        assert_eq!(tokens.read(&token, at(1000)), good);
        assert_eq!(tokens.read(&format!("Token {token}"), at(0)), good);
        assert_eq!(tokens.read(&token, at(1001)), None);
        for other in [
            token.replace("a/b", "a/c"),
            token.replace("write", "read"),
            token.replacen("00000", "00001", 1),
            "Token signature=x,repository=\"a\",access=read".to_owned(),
            "Basic YTpi".to_owned(),
            String::new(),
        ] {
            assert_eq!(tokens.read(&other, at(0)), None, "{other}");
        }
        assert_eq!(Tokens::new().unwrap().read(&token, at(0)), None);
    }
}
