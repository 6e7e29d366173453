//! A download that goes on at its offset where it broke off, and over several connections where one is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures_util::StreamExt;

use tokio::sync::Semaphore;

use super::DockerSource;
use super::parts::{Fetch, Pace, in_parts};
use crate::image::Descriptor;
use crate::legacy::tarsum::BlobSum;
use crate::registry::v2::RepositoryClient;
use crate::transport::BlobStream;
use crate::{Kind, Result};

/// Times in a row that a download is taken up again without a byte of progress.
const MAX_STUCK: usize = 4;

impl DockerSource {
    /// The blob from `from` on; where the stream breaks, it goes on at its offset as long as there is progress.
    /// Sets `resumed` when it does. A large rest that comes slowly is fetched in parts, of one blob at a time.
    pub(super) async fn resuming(
        &self,
        blob: &Descriptor,
        from: u64,
        resumed: Arc<AtomicBool>,
    ) -> Result<BlobStream> {
        struct State {
            repository: RepositoryClient,
            blob: Descriptor,
            inner: Option<BlobStream>,
            offset: u64,
            stuck: usize,
            /// It was asked for again.
            again: bool,
            resumed: Arc<AtomicBool>,
            pace: Pace,
            /// Lets one blob be fetched in parts; `None` when that was tried.
            parts: Option<Arc<Semaphore>>,
            done: bool,
        }
        impl State {
            /// Goes on in parts from here, where that may pay.
            fn part(&mut self) {
                let left = self.blob.size.saturating_sub(self.offset);
                if !self.pace.is_slow_for(left) {
                    return;
                }
                let Some(turn) = self.parts.take() else {
                    return;
                };
                let Ok(permit) = turn.clone().try_acquire_owned() else {
                    // It is asked again after another blob.
                    self.parts = Some(turn);
                    return;
                };
                tracing::debug!(
                    "blob `{}` comes slowly; the rest of it is fetched in parts",
                    self.blob.digest
                );
                let (repository, blob) = (self.repository.clone(), self.blob.clone());
                let fetch: Fetch = Box::new(move |part| {
                    let (repository, blob) = (repository.clone(), blob.clone());
                    Box::pin(async move { repository.get_blob_part(&blob, part).await })
                });
                let rest = self.offset..self.blob.size;
                self.inner = Some(in_parts(fetch, rest, &self.pace, permit));
                // Parts of several answers: fetched in one piece it may be another blob (quirk B12).
                self.resumed.store(true, Ordering::Relaxed);
            }
        }
        let draft = self.draft.get().is_some();
        let first = get_blob(&self.repository, draft, blob, from).await?;
        let state = State {
            repository: self.repository.clone(),
            blob: blob.clone(),
            inner: Some(first),
            offset: from,
            stuck: 0,
            again: false,
            resumed,
            pace: Pace::default(),
            parts: (!draft).then(|| self.parts.clone()),
            done: false,
        };
        Ok(Box::pin(futures_util::stream::unfold(
            state,
            move |mut s| async move {
                loop {
                    if s.done {
                        return None;
                    }
                    s.part();
                    let asked = Instant::now();
                    let next = match &mut s.inner {
                        Some(inner) => inner.next().await,
                        None => match get_blob(&s.repository, draft, &s.blob, s.offset).await {
                            Ok(inner) => {
                                s.inner = Some(inner);
                                continue;
                            }
                            Err(e) => Some(Err(e)),
                        },
                    };
                    let broken = match next {
                        Some(Ok(bytes)) => {
                            s.pace.note(asked, bytes.len());
                            s.offset += bytes.len() as u64;
                            s.stuck = 0;
                            s.resumed.fetch_or(s.again, Ordering::Relaxed);
                            return Some((Ok(bytes), s));
                        }
                        // B8, B10: at the end nothing is left to ask for, however the answer ended.
                        _ if s.offset >= s.blob.size => return None,
                        None => None,
                        Some(Err(e)) => Some(e),
                    };
                    let hopeless = broken.as_ref().is_some_and(|e| {
                        e.kind() != Kind::Unavailable || s.repository.client().is_put_off(e)
                    });
                    if hopeless || s.stuck >= MAX_STUCK {
                        s.done = true;
                        // Without an error the server ended the body early on purpose: `verified` says so.
                        return broken.map(|e| (Err(e), s));
                    }
                    s.inner = None;
                    s.again = true;
                    tracing::debug!(
                        "blob `{}` broke off at byte {}; going on from there",
                        s.blob.digest,
                        s.offset
                    );
                    s.repository.client().wait_before_try(s.stuck).await;
                    s.stuck += 1;
                }
            },
        )))
    }
}

async fn get_blob(
    repository: &RepositoryClient,
    draft: bool,
    blob: &Descriptor,
    from: u64,
) -> Result<BlobStream> {
    if draft {
        let sum = BlobSum::Digest(blob.digest.clone());
        let size = Some(blob.size);
        return repository.draft_blob(&sum, size, from).await;
    }
    repository.get_blob(blob, from).await
}
