//! What happens to a blob's bytes on their way: so far, inflating.
//!
//! The decoders and their threads are [`crate::transport::inflate`]'s; this file adds what a copy has to be sure
//! of: the plain content has the digest that the image's config gives it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use crate::image::{Digest, Digester};
use crate::transport::{BlobStream, inflate};
use crate::{Error, Kind, Result};

/// The plain form of the layer `stored`, ending in an error unless it hashes to `diff_id`; `size` gets its length.
pub(super) fn inflated(stored: BlobStream, diff_id: &Digest, size: Arc<AtomicU64>) -> BlobStream {
    struct State {
        plain: BlobStream,
        digester: Option<Digester>,
        seen: u64,
        diff_id: Digest,
        size: Arc<AtomicU64>,
    }
    let state = State {
        plain: inflate::plain(stored),
        digester: Some(Digester::new(diff_id.algorithm())),
        seen: 0,
        diff_id: diff_id.clone(),
        size,
    };
    async fn next(s: &mut State) -> Option<Result<Bytes>> {
        let digester = s.digester.as_mut()?;
        match s.plain.next().await {
            Some(Ok(bytes)) => {
                digester.update(&bytes);
                s.seen += bytes.len() as u64;
                Some(Ok(bytes))
            }
            Some(Err(e)) => {
                s.digester = None;
                Some(Err(e))
            }
            None => {
                let actual = s.digester.take()?.finish();
                s.size.store(s.seen, Ordering::Relaxed);
                (actual != s.diff_id).then(|| {
                    let message = format!(
                        "a layer inflates to `{actual}`, but the image's config calls it `{}`",
                        s.diff_id
                    );
                    Err(Error::new(Kind::Corrupt, message))
                })
            }
        }
    }
    Box::pin(stream::unfold(state, |mut s| async move {
        let item = next(&mut s).await?;
        Some((item, s))
    }))
}
