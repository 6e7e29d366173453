//! Streams that check themselves: no caller has to remember to verify.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;

use super::BlobStream;
use crate::image::{Descriptor, Digester};
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
                    let e = corrupt(
                        &s.blob,
                        format!("has other content: it hashes to `{actual}`"),
                    );
                    return Some((Err(e), s));
                }
                None
            }
        }
    }))
}

fn corrupt(blob: &Descriptor, what: String) -> Error {
    Error::new(Kind::Corrupt, format!("blob `{}` {what}", blob.digest))
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
