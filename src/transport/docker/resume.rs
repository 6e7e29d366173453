//! A download that goes on at its offset where it broke off, and over several connections where one is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use super::parts::{Fetch, Pace, in_parts};
use crate::bytes::{Produce, produced};
use crate::image::Descriptor;
use crate::registry::Client;
use crate::registry::retry::{self, RetryBudget, Tries};
use crate::transport::{BlobStream, ResumeMismatch};
use crate::{Kind, Result};

/// Opens a blob at an offset.
pub(crate) type Open = Box<dyn Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync>;

/// Lets a blob be fetched over several connections.
pub(crate) struct Parts {
    /// Permits it: one blob at a time, which bounds the memory that the parts take.
    pub(crate) turn: Arc<Semaphore>,
    pub(crate) fetch: Fetch,
}

/// A blob of a registry that is going to be downloaded.
pub(crate) struct Download {
    pub(crate) client: Arc<Client>,
    pub(crate) blob: Descriptor,
    /// That of the requests that `open` sends.
    pub(crate) budget: RetryBudget,
    pub(crate) open: Open,
    /// `None` once it was tried, and if the server cannot do it.
    pub(crate) parts: Option<Parts>,
}

impl Download {
    /// The blob from offset `from` on, checked by `check`. The last error of the stream has the cause
    /// [`ResumeMismatch`] if the content is wrong and was put together of several answers: one clean read from the
    /// start may be right (quirk B12).
    pub(crate) async fn checked(
        self,
        from: u64,
        check: fn(BlobStream, &Descriptor, u64) -> BlobStream,
    ) -> Result<BlobStream> {
        let resumed = Arc::new(AtomicBool::new(false));
        let turn = self.parts.as_ref().map(|parts| parts.turn.clone());
        let blob = self.blob.clone();
        let stream = self.resuming(from, resumed.clone()).await?;
        Ok(Box::pin(check(stream, &blob, from).map(move |item| {
            item.map_err(|e| {
                if e.kind() != Kind::Corrupt || !resumed.load(Ordering::Relaxed) {
                    return e;
                }
                // The next read comes in one piece, and so do all after it.
                if let Some(turn) = &turn {
                    turn.close();
                }
                e.because(ResumeMismatch)
            })
        })))
    }

    /// The blob from `from` on. Where the stream breaks, it goes on at its offset as long as there is progress, and
    /// `resumed` is set. A large rest that comes slowly is fetched in parts.
    async fn resuming(self, from: u64, resumed: Arc<AtomicBool>) -> Result<BlobStream> {
        let first = (self.open)(from).await?;
        let stuck = self.budget.of_kind(retry::DOWNLOAD);
        let download = Resuming {
            download: self,
            inner: Some(first),
            offset: from,
            stuck,
            again: false,
            resumed,
            pace: Pace::default(),
        };
        Ok(Box::pin(produced(download)))
    }
}

/// A download under way.
struct Resuming {
    download: Download,
    inner: Option<BlobStream>,
    offset: u64,
    stuck: Tries,
    /// It was opened again.
    again: bool,
    resumed: Arc<AtomicBool>,
    pace: Pace,
}

impl Resuming {
    /// Fetches the rest in parts, where that may pay.
    fn go_on_in_parts(&mut self) {
        let size = self.download.blob.size;
        if !self.pace.is_slow_for(size.saturating_sub(self.offset)) {
            return;
        }
        let Some(parts) = self.download.parts.take() else {
            return;
        };
        let Ok(permit) = parts.turn.clone().try_acquire_owned() else {
            // Another blob is fetched in parts; this one asks again.
            self.download.parts = Some(parts);
            return;
        };
        tracing::debug!(
            "blob `{}` comes slowly; the rest of it is fetched in parts",
            self.download.blob.digest
        );
        self.inner = Some(in_parts(parts.fetch, self.offset..size, &self.pace, permit));
        // Parts of several answers: fetched in one piece it may be another blob (quirk B12).
        self.resumed.store(true, Ordering::Relaxed);
    }
}

impl Produce for Resuming {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            self.go_on_in_parts();
            let asked = Instant::now();
            let next = match &mut self.inner {
                Some(inner) => inner.next().await,
                None => match (self.download.open)(self.offset).await {
                    Ok(inner) => {
                        self.inner = Some(inner);
                        continue;
                    }
                    Err(e) => Some(Err(e)),
                },
            };
            let broken = match next {
                Some(Ok(bytes)) => {
                    self.pace.note(asked, bytes.len());
                    self.offset += bytes.len() as u64;
                    self.stuck.renew();
                    self.resumed.fetch_or(self.again, Ordering::Relaxed);
                    return Ok(Some(bytes));
                }
                // B8, B10: at the end nothing is left to ask for, however the answer ended.
                _ if self.offset >= self.download.blob.size => return Ok(None),
                None => None,
                Some(Err(e)) => Some(e),
            };
            let client = &self.download.client;
            let hopeless = broken
                .as_ref()
                .is_some_and(|e| e.kind() != Kind::Unavailable || client.is_put_off(e));
            if hopeless || self.stuck.is_spent() {
                // Without an error the server ended the body early on purpose: `verified` reports that.
                return broken.map_or(Ok(None), Err);
            }
            self.inner = None;
            self.again = true;
            tracing::debug!(
                "blob `{}` broke off at byte {}; going on from there",
                self.download.blob.digest,
                self.offset
            );
            client.wait_before_try(self.stuck.failures()).await;
            self.stuck.spend();
        }
    }
}
