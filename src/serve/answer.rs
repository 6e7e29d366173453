//! The body of an answer, and the headers that answers share.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{
    ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH,
};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::{Frame, SizeHint};

use crate::Error;
use crate::image::{Digest, MediaType};
use crate::transport::BlobStream;

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
pub(super) const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
pub(super) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
pub(super) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
pub(super) const OCI_CHUNK_MIN_LENGTH: HeaderName = HeaderName::from_static("oci-chunk-min-length");

/// An answer of the server.
pub(super) type Answer = Response<Body>;

/// What an answer carries.
pub(super) enum Body {
    Empty,
    Whole(Option<Bytes>),
    /// The next `left` bytes of a stream.
    Stream {
        inner: BlobStream,
        left: u64,
    },
}

impl Body {
    /// All of `bytes`.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
        Body::Whole(Some(bytes.into()))
    }

    /// The first `len` bytes of `inner`. A stream that ends earlier breaks the connection off, so that the client sees
    /// that the answer is cut.
    pub(super) fn stream(inner: BlobStream, len: u64) -> Body {
        match len {
            0 => Body::Empty,
            left => Body::Stream { inner, left },
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(match &mut *self {
            Body::Empty => None,
            Body::Whole(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
            Body::Stream { left: 0, .. } => None,
            Body::Stream { inner, left } => match ready!(inner.as_mut().poll_next(cx)) {
                Some(Ok(mut bytes)) => {
                    let most = usize::try_from(*left).unwrap_or(usize::MAX);
                    bytes.truncate(most);
                    *left -= bytes.len() as u64;
                    Some(Ok(Frame::data(bytes)))
                }
                Some(Err(e)) => Some(Err(e)),
                None => {
                    let text = format!("the content ends {left} bytes early");
                    Some(Err(Error::corrupt(text)))
                }
            },
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty | Body::Whole(None) | Body::Stream { left: 0, .. } => true,
            Body::Whole(Some(_)) | Body::Stream { .. } => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Body::Empty | Body::Whole(None) => 0,
            Body::Whole(Some(bytes)) => bytes.len() as u64,
            Body::Stream { left, .. } => *left,
        })
    }
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::Empty);
    *answer.status_mut() = status;
    // 204 and 304 have no length of their own (RFC 9110, 8.6).
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        answer.headers_mut().insert(CONTENT_LENGTH, 0.into());
    }
    answer
}

/// A JSON document with status 200; to a HEAD request without it.
pub(super) fn json(text: String, media_type: &'static str, head: bool) -> Answer {
    let mut answer = empty(StatusCode::OK);
    set(&mut answer, CONTENT_LENGTH, text.len());
    let media_type = HeaderValue::from_static(media_type);
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    if !head {
        *answer.body_mut() = Body::whole(text);
    }
    answer
}

/// Sets a header; a value that no header can hold is left out.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: impl ToString) {
    if let Ok(value) = HeaderValue::try_from(value.to_string()) {
        answer.headers_mut().insert(name, value);
    }
}

/// Says which content the answer is about: the digest and an ETag of it.
pub(super) fn set_digest(answer: &mut Answer, digest: &Digest) {
    set(answer, DOCKER_CONTENT_DIGEST, digest);
    set(answer, ETAG, format!("\"{digest}\""));
}

/// Whether the client says that it has the content `etag`, which is in quotes, already (RFC 9110, 13.1.2).
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    names(headers, &IF_NONE_MATCH, etag)
}

/// Whether the client wants another content than `etag`, or nothing (RFC 9110, 13.1.1).
pub(super) fn is_unwanted(headers: &HeaderMap, etag: &str) -> bool {
    headers.contains_key(IF_MATCH) && !names(headers, &IF_MATCH, etag)
}

/// Whether the list of tags in `header` has `etag` or stands for any.
fn names(headers: &HeaderMap, header: &HeaderName, etag: &str) -> bool {
    let is_it = |tag: &str| {
        let tag = tag.trim();
        let tag = tag.strip_prefix("W/").unwrap_or(tag);
        tag == "*" || tag.trim_matches('"') == etag.trim_matches('"')
    };
    let values = headers.get_all(header).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(is_it))
}

/// Whether the client takes a manifest of this type: it names the type in `Accept`, or a range that has it, or nothing at
/// all (RFC 9110, 12.5.1). Plain JSON is taken as such a range, because all manifests are JSON. As in distribution, only the
/// types of OCI, which old clients cannot read, are kept from those that do not name them. A range with the weight 0 is one
/// that the client does not take (12.4.2); of several ranges that have the type the most exact one counts.
pub(super) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(ACCEPT).iter();
    let ranges: Vec<&str> = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter(|range| !range.trim().is_empty())
        .collect();
    let fits = ranges.iter().filter_map(|range| {
        let exactness = match MediaType::new(range).as_str() {
            "*/*" => 0,
            "application/*" => 1,
            "application/json" => 2,
            named if named.eq_ignore_ascii_case(media_type) => 3,
            _ => return None,
        };
        Some((exactness, !has_no_weight(range)))
    });
    let is_of_oci = matches!(media_type, MediaType::OCI_MANIFEST | MediaType::OCI_INDEX);
    let unnamed = ranges.is_empty() || !is_of_oci;
    fits.max().map_or(unnamed, |(_, taken)| taken)
}

/// Whether the media range has the weight 0, as in `*/*;q=0`.
fn has_no_weight(range: &str) -> bool {
    let mut parameters = range.split(';').skip(1);
    parameters.any(|parameter| match parameter.split_once('=') {
        Some((name, weight)) if name.trim().eq_ignore_ascii_case("q") => {
            weight.trim().parse() == Ok(0.0)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_taken_by_name_by_range_or_without_a_wish() {
        let takes = |accept: &[&str], media_type: &str| {
            let mut headers = HeaderMap::new();
            for value in accept {
                headers.append(ACCEPT, HeaderValue::from_str(value).unwrap());
            }
            accepts(&headers, media_type)
        };
        let (oci, docker) = (MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST);
        for accept in [
            &[][..],
            &[""],
            &["*/*"],
            &["text/html, application/* ; q=0.1"],
            &["application/json"],
            &[docker, oci],
            &["text/plain, application/vnd.oci.IMAGE.manifest.v1+json;q=0.8"],
        ] {
            assert!(takes(accept, oci), "{accept:?}");
        }
        assert!(!takes(&[docker], oci) && !takes(&["this.is.no.type"], MediaType::OCI_INDEX));
        for old_or_other in [docker, "application/vnd.example.own+json"] {
            assert!(takes(&["this.is.no.type"], old_or_other));
        }
        let without = |range: &str, weight: &str| format!("{range};{weight}");
        for weight in ["q=0", " Q = 0.000", "level=1;q=0"] {
            for media_type in [oci, docker] {
                let this = without(media_type, weight);
                assert!(!takes(&[&this], media_type), "{this}");
                assert!(!takes(&["*/*", &this], media_type), "{this}");
                assert!(takes(&[&without("*/*", weight), media_type], media_type));
                assert!(!takes(&[&without("*/*", weight)], media_type));
            }
            assert!(takes(&[&without(docker, weight), oci], oci));
        }
        assert!(takes(&[&without(oci, "q=0.001")], oci) && takes(&[&without(oci, "q=x")], oci));
    }
}
