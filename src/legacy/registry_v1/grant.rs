//! `Grant`: what an index answers to «I want to use this repository»: where it is, a token, and what is in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{HeaderMap, header};
use serde::Deserialize;

use super::Session;
use crate::image::V1Id;
use crate::registry::Client;
use crate::registry::admit::{Purpose, admit};
use crate::registry::intent::PresetAuth;
use crate::settings::Secret;
use crate::{Error, Result};

const TOKEN: &str = "x-docker-token";
const ENDPOINTS: &str = "x-docker-endpoints";

/// Permission to use a repository.
pub(super) struct Grant {
    /// Registries, to be tried in this order; `None` is the index itself.
    pub(super) endpoints: Vec<Option<Arc<Client>>>,
    /// The list of them as the index gave it; it wants it back.
    pub(super) named: Vec<String>,
    pub(super) token: Option<PresetAuth>,
    /// The images of the repository as the index knows them, with the checksum of each; may be empty.
    pub(super) images: Vec<(V1Id, Option<String>)>,
    /// The place in `endpoints` of the one that is asked first.
    first: AtomicUsize,
}

impl Grant {
    /// Of a server that says nothing more: itself, without a token.
    pub(super) fn of_itself() -> Grant {
        Grant {
            endpoints: vec![None],
            named: Vec::new(),
            token: None,
            images: Vec::new(),
            first: AtomicUsize::new(0),
        }
    }

    /// Places in `endpoints` in the order in which they are asked: from the one that works on, round to those before
    /// it, which failed. It begins `passed` places further on.
    pub(super) fn order(&self, passed: usize) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.first.load(Ordering::Relaxed), self.endpoints.len());
        (0..count).map(move |step| (first + passed + step) % count)
    }

    /// The endpoint at this place answered; it is asked first from now on.
    pub(super) fn works(&self, at: usize) {
        self.first.store(at, Ordering::Relaxed);
    }

    /// Begins with the endpoint that works in the grant `old`, where this one names it too.
    pub(super) fn goes_on_from(&self, old: &Grant) {
        let working = old.order(0).next().and_then(|at| old.endpoints.get(at));
        let same = |a: &Option<Arc<Client>>, b: &Option<Arc<Client>>| match (a, b) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let at = working.and_then(|old| self.endpoints.iter().position(|new| same(old, new)));
        self.works(at.unwrap_or(0));
    }

    /// Reads the head of an index's answer. A server that stands alone names itself, under whatever name it
    /// believes to have: it is asked where it was reached.
    pub(super) fn read(session: &Session, headers: &HeaderMap, standalone: bool) -> Result<Grant> {
        let named = list(headers, ENDPOINTS);
        let mut grant = Grant {
            token: token(headers),
            named,
            ..Grant::of_itself()
        };
        let Some(root) = session.index.root().filter(|_| !standalone) else {
            return Ok(grant);
        };
        let mut endpoints = Vec::new();
        let mut refused = None;
        for item in &grant.named {
            let url = format!("{}://{item}/v1/", root.url().scheme());
            match admit(root, &url, Purpose::Endpoint) {
                Ok(place) if place.same_origin(root) => endpoints.push(None),
                Ok(place) => match session.endpoint(place.at("/")) {
                    Ok(client) => endpoints.push(Some(client)),
                    Err(e) => refused = refused.or(Some(e)),
                },
                Err(e) => refused = refused.or(Some(e)),
            }
        }
        match (endpoints.is_empty(), refused) {
            (true, Some(e)) => return Err(e),
            // Without endpoints the registry is where the index is.
            (true, None) => {}
            (false, refused) => {
                if let Some(e) = refused {
                    tracing::debug!("{e:#}; passing over it");
                }
                grant.endpoints = endpoints;
            }
        }
        Ok(grant)
    }

    /// Takes in the index's list of images.
    pub(super) fn with_images(mut self, url: &str, body: &[u8]) -> Result<Grant> {
        #[derive(Deserialize)]
        struct Entry {
            id: String,
            #[serde(default)]
            checksum: Option<String>,
        }
        let entries: Vec<Entry> = serde_json::from_slice(body).map_err(|e| {
            let message = format!("GET {url} answered with no list of images");
            Error::corrupt(message).because(e)
        })?;
        self.images = entries
            .into_iter()
            .filter_map(|e| {
                let checksum = e.checksum.filter(|c| !c.is_empty());
                Some((V1Id::parse(&e.id)?, checksum))
            })
            .collect();
        Ok(self)
    }

    /// The checksums of images, where the index recorded them.
    pub(super) fn checksums(&self) -> HashMap<&V1Id, &str> {
        let known = self.images.iter();
        known
            .filter_map(|(id, sum)| Some((id, sum.as_deref()?)))
            .collect()
    }
}

/// The items of a header that is a list, in one field or several.
fn list(headers: &HeaderMap, name: &str) -> Vec<String> {
    let fields = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    fields
        .flat_map(|field| field.split(','))
        .map(|item| item.trim().to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// The tokens of an answer as one `Authorization`. Some come with the word `Token` in front, some without. They are
/// read from `X-Docker-Token` alone: `WWW-Authenticate` repeats it.
fn token(headers: &HeaderMap) -> Option<PresetAuth> {
    let fields = headers.get_all(TOKEN).iter();
    let values: Vec<&str> = fields
        .filter_map(|v| v.to_str().ok())
        .map(|v| v.trim())
        .map(|v| v.strip_prefix("Token ").unwrap_or(v).trim())
        .filter(|v| !v.is_empty())
        .collect();
    (!values.is_empty()).then(|| PresetAuth {
        header: Secret::new(format!("Token {}", values.join(","))),
        origin: None,
    })
}

/// The header that asks an index for a token.
pub(super) const ASK_TOKEN: (header::HeaderName, &str) =
    (header::HeaderName::from_static(TOKEN), "true");
/// The header that tells an index which registries were used.
pub(super) const USED: header::HeaderName = header::HeaderName::from_static(ENDPOINTS);

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn endpoints_come_in_one_field_or_several() {
        let map = headers(&[
            (ENDPOINTS, " a.example , b.example:5000,"),
            (ENDPOINTS, "c.example"),
        ]);
        assert_eq!(
            list(&map, ENDPOINTS),
            ["a.example", "b.example:5000", "c.example"]
        );
        assert!(list(&headers(&[]), ENDPOINTS).is_empty());
    }

    #[test]
    fn tokens_are_joined_and_lose_the_word_in_front() {
        let map = headers(&[
            (TOKEN, "Token signature=A,repository=\"x/y\",access=read"),
            (TOKEN, "signature=B,repository=\"x/y\",access=read"),
        ]);
        assert_eq!(
            token(&map).unwrap().header.expose(),
            "Token signature=A,repository=\"x/y\",access=read,signature=B,repository=\"x/y\",access=read"
        );
        assert!(token(&headers(&[(TOKEN, "")])).is_none());
    }
}
