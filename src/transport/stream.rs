//! Streams that check themselves: no caller has to remember to verify.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;

use super::BlobStream;
use crate::image::{Descriptor, Digest, Digester};
use crate::{Error, Kind, Result};

/// `inner`, ending in an error when size or digest is not that of `blob`. An error also comes as soon as there
/// is a byte too many (quirk B10), before it is handed on.
pub fn verified(inner: BlobStream, blob: &Descriptor) -> BlobStream {
    struct State {
        inner: BlobStream,
        digester: Option<Digester>,
        seen: u64,
        blob: Descriptor,
    }
    let state = State {
        inner,
        digester: Some(Digester::new(blob.digest.algorithm())),
        seen: 0,
        blob: blob.clone(),
    };
    Box::pin(stream::unfold(state, |mut s| async move {
        let digester = s.digester.as_mut()?;
        match s.inner.next().await {
            Some(Ok(bytes)) => {
                s.seen += bytes.len() as u64;
                if s.seen > s.blob.size {
                    s.digester = None;
                    let e = corrupt(&s.blob, format!("is longer than its {} bytes", s.blob.size));
                    return Some((Err(e), s));
                }
                digester.update(&bytes);
                // Judged before the last bytes are handed on: who sends them on with a length that is known
                // does not ask for more.
                let actual = (s.seen == s.blob.size).then(|| digester.clone().finish());
                if let Some(actual) = actual.filter(|actual| *actual != s.blob.digest) {
                    s.digester = None;
                    let e = corrupt(&s.blob, other_content(&actual));
                    return Some((Err(e), s));
                }
                Some((Ok(bytes), s))
            }
            Some(Err(e)) => {
                s.digester = None;
                Some((Err(e), s))
            }
            None => {
                let actual = s.digester.take()?.finish();
                if s.seen != s.blob.size {
                    let e = corrupt(
                        &s.blob,
                        format!("ends after {} of {} bytes", s.seen, s.blob.size),
                    );
                    return Some((Err(e), s));
                }
                if actual != s.blob.digest {
                    let e = corrupt(&s.blob, other_content(&actual));
                    return Some((Err(e), s));
                }
                None
            }
        }
    }))
}

fn other_content(actual: &Digest) -> String {
    format!("has other content: it hashes to `{actual}`")
}

fn corrupt(blob: &Descriptor, what: String) -> Error {
    Error::new(Kind::Corrupt, format!("blob `{}` {what}", blob.digest))
}

/// The cause of an error about content that was put together from several answers: fetched again in one piece
/// it may be right (quirk B12).
#[derive(Debug)]
pub struct Spliced;

impl std::error::Error for Spliced {}

impl std::fmt::Display for Spliced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("its download was interrupted and continued")
    }
}

/// Whether `e` is about content that a resumed download put together.
pub fn is_spliced(e: &Error) -> bool {
    let first = std::error::Error::source(e);
    std::iter::successors(first, |e| e.source()).any(|e| e.is::<Spliced>())
}

/// Collects a stream of at most `cap` bytes; more is an error.
pub async fn read_all(mut stream: BlobStream, cap: u64) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        if (all.len() + bytes.len()) as u64 > cap {
            return Err(Error::new(
                Kind::Corrupt,
                format!("the document is larger than {cap} bytes"),
            ));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}
