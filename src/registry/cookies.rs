//! Cookies of Registry V1: old registries keep in them what they know of a session (protocols 1.3).
//!
//! One jar a client, sent back to the client's own server only; paths and lifetimes do not matter within one command.
//! Registry V2 gets none.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::locked;
use http::{HeaderMap, header};

/// Cookies kept at most, and bytes of each.
const MOST: usize = 32;
const MOST_BYTES: usize = 8 << 10;

/// The cookies of one server.
#[derive(Default)]
pub(crate) struct Cookies(Mutex<BTreeMap<String, String>>);

impl Cookies {
    /// Keeps what the head of an answer sets; a cookie that is set to nothing, or to no lifetime, goes.
    pub(crate) fn take(&self, headers: &HeaderMap) {
        for value in headers.get_all(header::SET_COOKIE) {
            let Ok(text) = value.to_str() else { continue };
            let mut parts = text.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            let ended = parts.any(|part| part.eq_ignore_ascii_case("max-age=0"));
            let mut jar = locked(&self.0);
            if value.is_empty() || ended {
                jar.remove(name);
            } else if (jar.len() < MOST || jar.contains_key(name)) && text.len() <= MOST_BYTES {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// The value of the `Cookie` header; `None` when there is nothing to send.
    pub(crate) fn header(&self) -> Option<String> {
        let jar = locked(&self.0);
        let pairs: Vec<String> = jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_and_an_ended_cookie_goes() {
        let jar = Cookies::default();
        let take = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::SET_COOKIE, value.parse().unwrap());
            }
            jar.take(&headers);
        };
        assert_eq!(jar.header(), None);
        take(&["session=\"a?b=c\"; Path=/; HttpOnly", "x=1", "odd"]);
        assert_eq!(jar.header().as_deref(), Some("session=\"a?b=c\"; x=1"));
        take(&["x=2; Max-Age=0", "session=d"]);
        assert_eq!(jar.header().as_deref(), Some("session=d"));
        for i in 0..100 {
            take(&[&format!("c{i}=1")]);
        }
        assert_eq!(jar.header().unwrap().split("; ").count(), MOST);
    }
}
