//! Search: the one part of Registry V1 that Docker Hub still answers (protocols 1.2, index side).

use http::Method;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::{LIST_CAP, Session, caused_by};
use crate::registry::ApiError;
use crate::registry::intent::Intent;
use crate::{Error, Kind, Result};

/// Results that a server gives on one page at most.
const MOST_A_PAGE: usize = 100;
/// Pages after which a search is taken to be endless.
const MOST_PAGES: usize = 1000;
/// Results of one page that are read, whatever was asked for.
const MOST_READ: usize = 100_000;
/// Bytes of all results together.
const MOST_BYTES: usize = 64 << 20;

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SearchAnswer {
    /// How many there are, where the server says so; the page may hold fewer.
    #[serde(default, deserialize_with = "number")]
    pub num_results: Option<u64>,
    #[serde(default, deserialize_with = "hits")]
    pub results: Vec<SearchHit>,
}

/// A repository that a search found. Old servers write numbers and truth values as text, and leave out what they
/// do not know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct SearchHit {
    pub name: String,
    pub description: String,
    pub star_count: Option<u64>,
    pub is_official: bool,
    pub is_automated: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Written {
    #[serde(deserialize_with = "text")]
    name: String,
    #[serde(deserialize_with = "text")]
    description: String,
    #[serde(deserialize_with = "number")]
    star_count: Option<u64>,
    #[serde(deserialize_with = "truth")]
    is_official: bool,
    #[serde(deserialize_with = "truth")]
    is_automated: bool,
    /// The older name of `is_automated`; some servers give both.
    #[serde(deserialize_with = "truth")]
    is_trusted: bool,
}

impl From<Written> for SearchHit {
    fn from(written: Written) -> SearchHit {
        SearchHit {
            name: written.name,
            description: written.description,
            star_count: written.star_count,
            is_official: written.is_official,
            is_automated: written.is_automated || written.is_trusted,
        }
    }
}

impl Session {
    /// Repositories whose name or description has `term`, at most `limit`, in the server's order; for an empty term
    /// small servers list all that they have. Asks for as many pages as it takes.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when the server offers no search, [`Kind::Corrupt`] when its answer is not a result or too
    /// large. [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn search(&self, term: &str, limit: usize) -> Result<SearchAnswer> {
        let page_size = limit.clamp(1, MOST_A_PAGE);
        let mut all = self.page(term, page_size, 1).await?;
        let mut had = all.results.len();
        all.results.truncate(limit);
        let mut bytes = weight(&all.results);
        // A server that gives more or less than it was asked for knows no pages, or has no more.
        for page in 2..=MOST_PAGES {
            if had != page_size || all.results.len() >= limit {
                break;
            }
            let next = self.page(term, page_size, page).await?.results;
            had = next.len();
            let known = all.results.first().map(|hit| &hit.name);
            if next.first().map(|hit| &hit.name) == known {
                break;
            }
            bytes += weight(&next);
            if bytes > MOST_BYTES {
                let most = MOST_BYTES >> 20;
                let text = format!("the search found more than {most} MiB of repositories");
                return Err(Error::corrupt(text).hint("show fewer with `--limit`"));
            }
            all.results.extend(next);
        }
        all.results.truncate(limit);
        Ok(all)
    }

    async fn page(&self, term: &str, size: usize, page: usize) -> Result<SearchAnswer> {
        // The Hub keeps its own images without the namespace that users may write.
        let term = match self.registry().is_docker_hub() {
            true => term.strip_prefix("library/").unwrap_or(term),
            false => term,
        };
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("q", term)
            .append_pair("n", &size.to_string())
            .append_pair("page", &page.to_string())
            .finish();
        let get = || Intent::new(Method::GET, format!("/v1/search?{query}"), None);
        let mut sent = self.document(get(), None, LIST_CAP).await;
        if let Err(e) = &sent
            && ApiError::of(e).is_some_and(|a| a.status == 401)
            && let Some(said) = self.basic(None).await?
        {
            sent = self.document(get(), Some(said), LIST_CAP).await;
        }
        let (answer, body) = sent.map_err(|e| match e.kind() {
            Kind::NotFound => caused_by(self.no_search(), e),
            _ => e,
        })?;
        let url = answer.url.redacted();
        let wrong = |e: serde_json::Error| {
            let message = format!("GET {url} answered with no list of repositories");
            Error::corrupt(message).because(e)
        };
        match serde_json::from_slice(&body) {
            Ok(answer) => Ok(answer),
            // Something that answers every path with a page.
            Err(_) if !body.trim_ascii_start().starts_with(b"{") => Err(self.no_search()),
            Err(e) => Err(wrong(e)),
        }
    }

    fn no_search(&self) -> Error {
        let message = format!("`{}` offers no search", self.registry());
        Error::not_found(message)
            .hint("search is a part of Registry V1, which Docker Hub and few others still have")
    }
}

/// A list of at most [`MOST_READ`] results; `null` is an empty one.
fn hits<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<SearchHit>, D::Error> {
    struct Hits;
    impl<'de> Visitor<'de> for Hits {
        type Value = Vec<SearchHit>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "a list of at most {MOST_READ} results")
        }

        fn visit_unit<E>(self) -> Result<Vec<SearchHit>, E> {
            Ok(Vec::new())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<SearchHit>, A::Error> {
            let mut hits = Vec::new();
            while let Some(hit) = seq.next_element()? {
                if hits.len() == MOST_READ {
                    return Err(A::Error::invalid_length(hits.len() + 1, &self));
                }
                hits.push(hit);
            }
            Ok(hits)
        }
    }
    deserializer.deserialize_any(Hits)
}

/// Bytes that results take, about.
fn weight(hits: &[SearchHit]) -> usize {
    let one = |hit: &SearchHit| size_of_val(hit) + hit.name.len() + hit.description.len();
    hits.iter().map(one).sum()
}

/// A value that may be written as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Loose {
    Truth(bool),
    Number(f64),
    Text(String),
    Other(serde::de::IgnoredAny),
}

fn loose<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Loose, D::Error> {
    Loose::deserialize(deserializer)
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match loose(deserializer)? {
        Loose::Text(text) => text,
        Loose::Number(number) => number.to_string(),
        Loose::Truth(truth) => truth.to_string(),
        Loose::Other(_) => String::new(),
    })
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(match loose(deserializer)? {
        Loose::Number(number) if number >= 0.0 => Some(number as u64),
        Loose::Text(text) => text.trim().parse().ok(),
        _ => None,
    })
}

fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match loose(deserializer)? {
        Loose::Truth(truth) => truth,
        Loose::Number(number) => number != 0.0,
        Loose::Text(text) => text.eq_ignore_ascii_case("true") || text == "1",
        Loose::Other(_) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_are_read_alike() {
        let read = |json: &str| serde_json::from_str::<SearchAnswer>(json).unwrap();
        let now = read(
            r#"{"query":"a","num_results":2,"results":[{"name":"a","description":"d","star_count":7,"is_official":true,"is_automated":false}]}"#,
        );
        let then = read(
            r#"{"num_results":"2","results":[{"name":"a","description":"d","star_count":"7","is_official":"True","is_trusted":"false"}]}"#,
        );
        assert_eq!(now, then);
        let little = read(r#"{"results":[{"name":"a","description":null,"star_count":null}]}"#);
        assert_eq!(little.num_results, None);
        assert_eq!(little.results[0].name, "a");
        assert_eq!(little.results[0].description, "");
        assert!(read(r#"{"results":null}"#).results.is_empty());
    }
}
