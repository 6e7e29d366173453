//! Answers and their bodies, read under caps and with a no-progress timer (quirks E11, H3, M8).

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, StatusCode};

use super::admit::Admitted;
use super::unpack::unpacked_document;
use crate::bytes::{ByteStream, Produce, produced};
use crate::{Error, Result};

/// An answer of a registry: its head, and a body not read yet.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Where the answer came from, after redirects.
    pub(crate) url: Admitted,
    pub(crate) body: reqwest::Response,
    /// Whether an earlier try of the request may have been carried out, although nothing good was heard of it.
    pub(crate) maybe_done: bool,
    /// The longest time without a byte.
    pub(crate) stall: Duration,
}

impl Answer {
    /// The header `name` as text; an empty one counts as absent (quirk M4).
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers
            .get(name)?
            .to_str()
            .ok()
            .map(str::trim)
            .filter(|v| !v.is_empty())
    }

    /// Whether the body claims to be compressed, although the request did not allow that (quirk M8).
    pub(crate) fn claims_gzip(&self) -> bool {
        self.header(&http::header::CONTENT_ENCODING)
            .is_some_and(|e| e.eq_ignore_ascii_case("gzip"))
    }

    /// The whole body of a document of at most `cap` bytes; the head stays.
    pub(crate) async fn take_document(&mut self, cap: usize) -> Result<Bytes> {
        let gzip = self.claims_gzip();
        let url = self.url.redacted();
        let too_large = || {
            Error::corrupt(format!(
                "the document at {url} is larger than {} MiB, the most that is read",
                cap >> 20
            ))
        };
        let mut all = BytesMut::new();
        while let Some(bytes) = self.next().await? {
            if all.len() + bytes.len() > cap {
                return Err(too_large());
            }
            all.extend_from_slice(&bytes);
        }
        let all = all.freeze();
        // M8: a proxy packed the document although `identity` was asked for.
        if gzip && all.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            let mut decoder = flate2::read::MultiGzDecoder::new(&all[..]).take(cap as u64 + 1);
            decoder.read_to_end(&mut plain).map_err(|e| {
                Error::corrupt(format!(
                    "the document at {url} is not the gzip that it claims to be"
                ))
                .because(e)
            })?;
            return if plain.len() > cap {
                Err(too_large())
            } else {
                Ok(plain.into())
            };
        }
        Ok(all)
    }

    /// At most `cap` bytes of the body, what cannot be read left out: for error texts.
    pub(crate) async fn some(mut self, cap: usize) -> Bytes {
        let stall = self.stall;
        let mut all = BytesMut::new();
        let read = async {
            while let Ok(Some(bytes)) = self.next().await {
                all.extend_from_slice(&bytes[..bytes.len().min(cap - all.len())]);
                if all.len() == cap {
                    break;
                }
            }
        };
        // One limit for all of it: a text that trickles in is not worth more.
        let _ = tokio::time::timeout(stall, read).await;
        all.freeze()
    }

    /// The body of a document as it arrives, unpacked where a proxy packed it (quirk M8).
    pub(crate) async fn document_stream(self) -> Result<ByteStream> {
        match self.claims_gzip() {
            true => {
                let url = self.url.redacted();
                unpacked_document(self.stream(), url).await
            }
            false => Ok(self.stream()),
        }
    }

    /// The body as it arrives. Silence for longer than the no-progress time is an error.
    pub(crate) fn stream(self) -> ByteStream {
        Box::pin(produced(self))
    }
}

/// The pieces of the body.
impl Produce for Answer {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let unavailable = |text| Error::unavailable(text);
        match tokio::time::timeout(self.stall, self.body.chunk()).await {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(e)) => {
                let text = format!("the answer of {} broke off", self.url.redacted());
                Err(unavailable(text).because(e))
            }
            Err(_) => {
                let (url, stall) = (self.url.redacted(), self.stall.as_secs_f32());
                Err(unavailable(format!("{url} sent nothing for {stall} s")))
            }
        }
    }
}
