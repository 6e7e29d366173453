//! What a request is for, read from its path and query. Pure: nothing is looked up here.
//!
//! What comes out is checked by the grammars of names, tags and digests, so no path of a request ever reaches the disk
//! as it was sent.

use http::Uri;
use url::form_urlencoded;

use super::refusal::{Code, Refusal};
use crate::image::{Digest, RepositoryName, Tag};

/// An endpoint of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/healthz`, and `/`
    Health,
    /// `/metrics`
    Metrics,
    Manifest(RepositoryName, ManifestName),
    Blob(RepositoryName, Digest),
    /// Where uploads are started.
    Uploads(RepositoryName),
    /// An upload by its id.
    Upload(RepositoryName, UploadId),
    Tags(RepositoryName),
    Referrers(RepositoryName, Digest),
    /// What follows `/v1/`, which the module `v1` reads.
    V1(String),
}

/// How a manifest is named in a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ManifestName {
    Tag(Tag),
    Digest(Digest),
    /// Neither; nothing can be stored under it.
    Invalid,
}

/// The id of an upload: hex digits and dashes, so that it can name a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct UploadId(String);

impl UploadId {
    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes `text` as an id if it can be one.
    pub(super) fn parse(text: &str) -> Option<UploadId> {
        let fits = text.len() == 36
            && text
                .bytes()
                .all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        fits.then(|| UploadId(text.to_owned()))
    }

    /// An id made of random `bytes`, in the form of a version 4 UUID.
    pub(super) fn random(mut bytes: [u8; 16]) -> UploadId {
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = hex::encode(bytes);
        let (a, b, c, d, e) = (
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        );
        UploadId(format!("{a}-{b}-{c}-{d}-{e}"))
    }
}

impl Route {
    /// The endpoint that `uri` names.
    pub(super) fn parse(uri: &Uri) -> Result<Route, Refusal> {
        let path = decode(uri.path()).ok_or_else(not_found)?;
        match path.as_str() {
            "/v2" | "/v2/" => return Ok(Route::Base),
            "/v2/_catalog" => return Ok(Route::Catalog),
            // Health checks of old look at the root, where distribution answers them.
            "/healthz" | "/" => return Ok(Route::Health),
            "/metrics" => return Ok(Route::Metrics),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("/v1/") {
            return Ok(Route::V1(rest.to_owned()));
        }
        let rest = path.strip_prefix("/v2/").ok_or_else(not_found)?;
        let (front, last) = rest.rsplit_once('/').ok_or_else(not_found)?;
        if let Some(name) = front.strip_suffix("/blobs/uploads") {
            let name = repository(name)?;
            return match last {
                "" => Ok(Route::Uploads(name)),
                id => match UploadId::parse(id) {
                    Some(id) => Ok(Route::Upload(name, id)),
                    None => Err(upload_unknown()),
                },
            };
        }
        let (name, kind) = front.rsplit_once('/').ok_or_else(not_found)?;
        match kind {
            "manifests" => Ok(Route::Manifest(repository(name)?, reference(last)?)),
            "blobs" if last == "uploads" => Ok(Route::Uploads(repository(name)?)),
            "blobs" => Ok(Route::Blob(repository(name)?, digest(last)?)),
            "tags" if last == "list" => Ok(Route::Tags(repository(name)?)),
            "referrers" => Ok(Route::Referrers(repository(name)?, digest(last)?)),
            _ => Err(not_found()),
        }
    }

    /// The same endpoint of the repository that has `namespace/` before its name.
    pub(super) fn below(self, namespace: &str) -> Result<Route, Refusal> {
        let below = |name: RepositoryName| match name.as_str().strip_prefix(namespace) {
            Some(rest) if rest.starts_with('/') => Ok(name),
            _ => repository(&format!("{namespace}/{name}")),
        };
        Ok(match self {
            Route::Manifest(name, which) => Route::Manifest(below(name)?, which),
            Route::Blob(name, digest) => Route::Blob(below(name)?, digest),
            Route::Tags(name) => Route::Tags(below(name)?),
            Route::Referrers(name, digest) => Route::Referrers(below(name)?, digest),
            other => other,
        })
    }

    /// The repository that is read.
    pub(super) fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Route::Manifest(name, _)
            | Route::Blob(name, _)
            | Route::Tags(name)
            | Route::Referrers(name, _) => Some(name),
            _ => None,
        }
    }

    /// The name of the endpoint in metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Route::Base => "base",
            Route::Catalog => "catalog",
            Route::Health => "health",
            Route::Metrics => "metrics",
            Route::Manifest(..) => "manifest",
            Route::Blob(..) => "blob",
            Route::Uploads(_) | Route::Upload(..) => "upload",
            Route::Tags(_) => "tags",
            Route::Referrers(..) => "referrers",
            Route::V1(_) => "v1",
        }
    }
}

/// The value of the parameter `name` in the query of `uri`; the first one counts.
pub(super) fn parameter(uri: &Uri, name: &str) -> Option<String> {
    parameters(uri, name).into_iter().next()
}

/// All values of the parameter `name`.
pub(super) fn parameters(uri: &Uri, name: &str) -> Vec<String> {
    let query = uri.query().unwrap_or_default();
    let pairs = form_urlencoded::parse(query.as_bytes());
    pairs
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

/// Reads a digest.
pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse()
        .map_err(|e: crate::image::DigestError| Refusal::digest(e.to_string()))
}

/// The error for an upload that is not open.
pub(super) fn upload_unknown() -> Refusal {
    Refusal::missing(Code::BlobUploadUnknown, "no such upload is open")
}

fn repository(name: &str) -> Result<RepositoryName, Refusal> {
    name.parse()
        .map_err(|e: crate::image::ReferenceError| Refusal::bad(Code::NameInvalid, e.to_string()))
}

/// A tag has no colon, so what has one is meant as a digest.
fn reference(text: &str) -> Result<ManifestName, Refusal> {
    if text.contains(':') {
        return digest(text).map(ManifestName::Digest);
    }
    Ok(text
        .parse()
        .map_or(ManifestName::Invalid, ManifestName::Tag))
}

/// The error for a path that is no endpoint.
pub(super) fn not_found() -> Refusal {
    Refusal::missing(Code::Unsupported, "there is no such endpoint")
}

/// Undoes the percent-encoding of a path; `None` when that gives no text.
fn decode(path: &str) -> Option<String> {
    if !path.contains('%') {
        return Some(path.to_owned());
    }
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        match first {
            b'%' => {
                let digits = tail.get(..2)?;
                bytes.extend(hex::decode(digits).ok()?);
                rest = &tail[2..];
            }
            other => {
                bytes.push(*other);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn parse(path: &str) -> Result<Route, u16> {
        Route::parse(&path.parse().unwrap()).map_err(|refusal| refusal.status.as_u16())
    }

    #[test]
    fn a_name_may_hold_the_words_of_the_api() {
        let name: RepositoryName = "blobs/uploads/manifests".parse().unwrap();
        let digest: Digest = HEX.parse().unwrap();
        let path = |rest: &str| parse(&format!("/v2/blobs/uploads/manifests/{rest}"));
        assert_eq!(
            path(&format!("blobs/{HEX}")),
            Ok(Route::Blob(name.clone(), digest.clone()))
        );
        assert_eq!(path("tags/list"), Ok(Route::Tags(name.clone())));
        assert_eq!(path("blobs/uploads/"), Ok(Route::Uploads(name.clone())));
        let tag = ManifestName::Tag("list".parse().unwrap());
        assert_eq!(path("manifests/list"), Ok(Route::Manifest(name, tag)));
    }

    #[test]
    fn an_encoded_colon_is_a_colon() {
        let encoded = HEX.replace(':', "%3A");
        let wanted = Route::Blob("a".parse().unwrap(), HEX.parse().unwrap());
        assert_eq!(parse(&format!("/v2/a/blobs/{encoded}")), Ok(wanted));
    }

    #[test]
    fn a_path_that_climbs_is_no_route() {
        for path in [
            "/v2/../../etc/manifests/passwd",
            "/v2/%2e%2e/%2e%2e/etc/tags/list",
            "/v2/a/..%2f..%2fb/tags/list",
            "/v2/A/tags/list",
            "/v2//tags/list",
        ] {
            assert_eq!(parse(path), Err(400), "{path}");
        }
        for path in [
            "/v2/a/blobs/sha256:../../../../etc/passwd",
            "/v2/a/blobs/uploads/../../x",
            "/v3/",
            "/v2/a",
            "/v2/a/b",
            "/v2/a/tags/%ff",
        ] {
            assert!(matches!(parse(path), Err(404 | 400)), "{path}");
        }
        assert_eq!(parse("/v2/a/blobs/sha256:abc"), Err(400));
        let invalid = Route::Manifest("a".parse().unwrap(), ManifestName::Invalid);
        assert_eq!(parse("/v2/a/manifests/.x"), Ok(invalid));
    }

    #[test]
    fn an_id_is_a_uuid() {
        let id = UploadId::random([0xff; 16]);
        assert_eq!(id.as_str(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(UploadId::parse(id.as_str()), Some(id));
        assert_eq!(
            UploadId::parse("../../../../../../../../../etc/shadow"),
            None
        );
    }
}
