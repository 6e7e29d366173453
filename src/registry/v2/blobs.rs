//! Blobs: GET from any offset, HEAD (OCI distribution-spec "Pulling blobs"; quirks B5-B11).

use std::ops::Range;

use http::{Method, StatusCode, header};

use super::RepositoryClient;
use crate::bytes::{ByteStream, skip};
use crate::image::{Descriptor, Digest};
use crate::registry::admit::Admitted;
use crate::registry::body::Answer;
use crate::registry::error::has_status;
use crate::registry::intent::{Intent, Target, Who};
use crate::registry::retry::RetryBudget;
use crate::registry::unpack::unpacked;
use crate::registry::{ApiError, Client};
use crate::{Error, Result};

impl RepositoryClient {
    /// The blob's bytes from offset `from` on, which must be less than its size. Nothing is verified here.
    ///
    /// Each call asks the registry itself, never an old redirect (quirk B4).
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there, [`crate::Kind::NotAllowed`] when the registry refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached or does not send that part. Breaks that come later are items of
    /// the stream.
    pub async fn get_blob(&self, blob: &Descriptor, from: u64) -> Result<ByteStream> {
        let get = self.request(Method::GET, format_args!("blobs/{}", blob.digest));
        self.client
            .bytes_of(get, Some(blob.size), from, Some(blob))
            .await
    }

    /// The bytes `part` of the blob and no others, over a connection of its own. Nothing is verified here.
    ///
    /// # Errors
    /// [`crate::Kind::Unavailable`] also where the registry sends something else than that part (quirks B5, B6).
    pub async fn get_blob_part(&self, blob: &Descriptor, part: Range<u64>) -> Result<ByteStream> {
        let last = part.end.saturating_sub(1);
        let mut get = self
            .request(Method::GET, format_args!("blobs/{}", blob.digest))
            .header(header::RANGE, format!("bytes={}-{last}", part.start));
        get.bulk = true;
        let answer = self.client.send(&get).await?;
        let sent = range_of(&answer).map(|(start, end, _)| (start, end));
        if answer.status == StatusCode::PARTIAL_CONTENT
            && sent == Some((part.start, last))
            && !answer.claims_gzip()
        {
            return Ok(answer.stream());
        }
        let url = answer.url.redacted();
        let message = format!("GET {url}: asked for a part of the blob, got another answer");
        Err(Error::unavailable(message))
    }

    /// Whether the blob is there.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the registry refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached or
    /// fails after the retries.
    pub async fn has_blob(&self, blob: &Descriptor) -> Result<bool> {
        let head = self.request(Method::HEAD, format_args!("blobs/{}", blob.digest));
        match self.client.send(&head).await {
            Ok(_) => Ok(true),
            Err(e) if ApiError::of(&e).is_some_and(|a| a.status == 404) => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The size in bytes of the blob `digest`, which no descriptor tells. A server that does not say it to HEAD is asked for the
    /// first byte.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there, [`crate::Kind::Unavailable`] when the server does not say.
    pub async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        let head = self.request(Method::HEAD, format_args!("blobs/{digest}"));
        if let Some(size) = size_of(&self.client.send(&head).await?) {
            return Ok(size);
        }
        let mut get = self.request(Method::GET, format_args!("blobs/{digest}"));
        // The rest of what comes is not read, which ends the connection.
        get.bulk = true;
        let first = get.clone().header(header::RANGE, "bytes=0-0");
        let answer = match self.client.send(&first).await {
            Err(e) if has_status(&e, &NO_RANGES) => self.client.send(&get).await?,
            answer => answer?,
        };
        size_of(&answer).ok_or_else(|| {
            let url = answer.url.redacted();
            let message = format!("HEAD and GET {url} answered without the size of the blob");
            Error::unavailable(message)
        })
    }
}

impl Client {
    /// The bytes from offset `from` on of the layer `blob`, which a manifest says to be at `url`. No credentials are
    /// sent, and nothing is verified here.
    pub(crate) async fn get_layer_at(
        &self,
        url: &Admitted,
        blob: &Descriptor,
        from: u64,
        budget: &RetryBudget,
    ) -> Result<ByteStream> {
        let mut get = Intent::new(Method::GET, String::new(), None);
        get.budget = budget.clone();
        get.target = Target::At(url.clone());
        get.who = Who::Preset(None);
        self.bytes_of(get, Some(blob.size), from, Some(blob)).await
    }

    /// The bytes that `get` asks for, from offset `from` on; `size` is that of all of them, which has to be known when
    /// `from` is not 0. Bytes that a proxy packed are unpacked where `blob` tells what they should be.
    pub(crate) async fn bytes_of(
        &self,
        mut get: Intent,
        size: Option<u64>,
        from: u64,
        blob: Option<&Descriptor>,
    ) -> Result<ByteStream> {
        get.bulk = size.is_none_or(|size| size > BULK);
        let mut answer = self.ask_from(&get, size, from).await?;
        if answer.status == StatusCode::PARTIAL_CONTENT
            && answer.claims_gzip()
            && range_of(&answer).is_none_or(|(_, _, total)| total != size)
        {
            // M8: a part of the packed bytes is of no use.
            answer = self.send(&get).await?;
        }
        taken(answer, size, from, blob).await
    }

    /// The answer to `get` from offset `from` on; to all of it where the registry does not give that part.
    async fn ask_from(&self, get: &Intent, size: Option<u64>, from: u64) -> Result<Answer> {
        if from == 0 {
            return self.send(get).await;
        }
        let range = format!("bytes={from}-");
        let ranged = get.clone().header(header::RANGE, range);
        let answer = match self.send(&ranged).await {
            Err(e) if has_status(&e, &NO_RANGES) => {
                tracing::debug!("{e:#}; asking for all of the blob");
                return self.send(get).await;
            }
            answer => answer?,
        };
        if answer.status == StatusCode::PARTIAL_CONTENT && !begins_at(&answer, from, size) {
            // B6: a cache in between answers with other bytes, or does not say which.
            tracing::debug!(
                "GET {} answered with another range than asked for; asking for all of the blob",
                answer.url.redacted()
            );
            return self.send(get).await;
        }
        Ok(answer)
    }
}

/// The bytes of `answer` from offset `from` on, whatever part of the blob it holds.
async fn taken(
    answer: Answer,
    size: Option<u64>,
    from: u64,
    blob: Option<&Descriptor>,
) -> Result<ByteStream> {
    let url = answer.url.redacted();
    let wrong = |what: String| Error::unavailable(format!("GET {url}: {what}"));
    // B10: everything was received already.
    let too_short = || {
        let size = size.unwrap_or_default();
        let text = format!("GET {url}: the blob ends after {from} of {size} bytes");
        Err(Error::corrupt(text))
    };
    match answer.status {
        // B5: the range was ignored; what is known already is passed over.
        StatusCode::OK => {
            let sent = answer.header(&header::CONTENT_LENGTH);
            let sent = sent.and_then(|text| text.parse().ok());
            if from > 0 && sent == Some(from) && !answer.claims_gzip() {
                return too_short();
            }
            let packed = blob.filter(|_| answer.claims_gzip() && sent != size);
            let mut body = answer.stream();
            if let Some(blob) = packed {
                body = unpacked(body, blob, url).await?;
            }
            Ok(skip(body, from))
        }
        StatusCode::PARTIAL_CONTENT => {
            match range_of(&answer) {
                Some((start, _, total)) if start == from && (total.is_none() || total == size) => {
                    Ok(answer.stream())
                }
                Some((_, _, Some(total))) if total == from => too_short(),
                // B6: another start or total than asked for.
                Some(_) => Err(wrong(format!(
                    "asked for the bytes from {from} on, got another range"
                ))),
                None => Err(wrong(
                    "answered 206 without saying which bytes these are".to_owned(),
                )),
            }
        }
        other => Err(wrong(format!(
            "answered {} in place of the blob",
            other.as_u16()
        ))),
    }
}

/// Whether a 206 answer holds the bytes from `from` on of a blob of this size.
fn begins_at(answer: &Answer, from: u64, size: Option<u64>) -> bool {
    range_of(answer).is_some_and(|(start, _, total)| {
        (start == from && (total.is_none() || total == size)) || total == Some(from)
    })
}

/// Which bytes an answer says to hold.
fn range_of(answer: &Answer) -> Option<(u64, u64, Option<u64>)> {
    answer
        .header(&header::CONTENT_RANGE)
        .and_then(content_range)
}

/// The size of all of the blob that `answer` has, or has a part of.
fn size_of(answer: &Answer) -> Option<u64> {
    if answer.status == StatusCode::PARTIAL_CONTENT {
        return range_of(answer)?.2;
    }
    answer.header(&header::CONTENT_LENGTH)?.parse().ok()
}

/// B5: some answer so to a range, or to one that they do not like, in place of ignoring it.
const NO_RANGES: [u16; 4] = [400, 405, 416, 501];

/// From this size on a blob travels over connections of its own.
pub(crate) const BULK: u64 = 1 << 20;

/// `bytes A-B/N`, also without the unit; `N` may be `*`.
pub(crate) fn content_range(value: &str) -> Option<(u64, u64, Option<u64>)> {
    let value = value
        .strip_prefix("bytes")
        .unwrap_or(value)
        .trim_start_matches([' ', '=']);
    let (range, total) = value.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let total = if total == "*" {
        None
    } else {
        Some(total.parse().ok()?)
    };
    Some((start.parse().ok()?, end.parse().ok()?, total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn b6_content_ranges() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(content_range("5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, 9, None)));
        assert_eq!(content_range("bytes */10"), None);
    }

    proptest! {
        #[test]
        fn b6_never_panics_and_reads_its_own_form(text in "(bytes)?[ =]?[0-9*/-]{0,60}|\\PC{0,40}", a: u64, b: u64, n: u64) {
            let _ = content_range(&text);
            let whole = format!("bytes {a}-{b}/{n}");
            prop_assert_eq!(content_range(&whole), Some((a, b, Some(n))));
        }
    }
}
