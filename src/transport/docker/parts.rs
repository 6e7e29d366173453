//! A large blob that comes slowly over one connection is fetched over several, in parts.
//!
//! Whether that pays is seen on the blob itself: [`Pace`] counts while it comes over its first connection, and the
//! parts are given up where they are no faster. It is separate from the resuming of downloads, which takes over
//! wherever this ends; it must not know what a part is asked for with.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;

use crate::Result;
use crate::bytes::{Produce, produced};
use crate::transport::BlobStream;

/// Bytes of a part. Those that come before their turn are kept in memory.
const PART: u64 = 6 << 20;
/// Parts that are fetched at once, each over its own connection.
const CONNECTIONS: usize = 4;
/// How long bytes have to have been waited for before it is judged how fast they come.
const JUDGED_AFTER: Duration = Duration::from_secs(1);
/// Where the rest would come sooner than this, another connection is not worth its opening.
const WORTH: Duration = Duration::from_secs(2);
/// Bytes a second that one connection may bring alone: above this, hashing and writing are next to limit a copy.
const FAST: f64 = 200e6;
/// How much faster the parts have to be than one connection to go on with them.
const GAIN: f64 = 1.25;

/// Gives the stream of a part.
pub(crate) type Fetch =
    Box<dyn Fn(Range<u64>) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync>;

/// How fast bytes come, by the time that they are waited for: a slow destination does not count.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    bytes: u64,
}

impl Pace {
    /// Takes note of `bytes` that were waited for since `asked`.
    pub(super) fn note(&mut self, asked: Instant, bytes: usize) {
        self.waited += asked.elapsed();
        self.bytes += bytes as u64;
    }

    /// Bytes a second.
    fn rate(&self) -> f64 {
        self.bytes as f64 / self.waited.as_secs_f64().max(1e-9)
    }

    /// Whether `left` further bytes are worth several connections.
    pub(super) fn is_slow_for(&self, left: u64) -> bool {
        let rate = self.rate();
        self.waited >= JUDGED_AFTER
            && left >= PART * CONNECTIONS as u64
            && rate < FAST
            && left as f64 >= rate * WORTH.as_secs_f64()
    }
}

/// The bytes of `range`, fetched side by side and handed on in order. The stream ends early if a part cannot be
/// fetched, or if they are hardly faster than `alone`, the pace of one connection; then no blob gets the `turn` again.
pub(super) fn in_parts(
    fetch: Fetch,
    range: Range<u64>,
    alone: &Pace,
    turn: OwnedSemaphorePermit,
) -> BlobStream {
    Box::pin(produced(InParts {
        fetch,
        rest: range,
        parts: VecDeque::new(),
        done: 0,
        pace: Pace::default(),
        wanted: alone.rate() * GAIN,
        pays: true,
        turn,
    }))
}

/// A range that is being fetched in parts.
struct InParts {
    fetch: Fetch,
    rest: Range<u64>,
    parts: VecDeque<Part>,
    /// Parts whose bytes were all handed on.
    done: usize,
    pace: Pace,
    /// Bytes a second that make the parts worth it.
    wanted: f64,
    pays: bool,
    turn: OwnedSemaphorePermit,
}

impl Produce for InParts {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.in_order().await;
        if next.is_none() && !(self.rest.is_empty() && self.parts.is_empty()) {
            self.turn.semaphore().close();
        }
        Ok(next)
    }
}

impl InParts {
    /// The next piece in order; `None` at the end, or when it cannot be fetched.
    async fn in_order(&mut self) -> Option<Bytes> {
        loop {
            while self.pays && self.parts.len() < CONNECTIONS && !self.rest.is_empty() {
                let end = (self.rest.start + PART).min(self.rest.end);
                let part = std::mem::replace(&mut self.rest.start, end)..end;
                let opening = (self.fetch)(part.clone());
                self.parts.push_back(Part::begin(part, opening));
            }
            let part = self.parts.front_mut()?;
            let asked = Instant::now();
            match part.pieces.recv().await {
                Some(Ok(bytes)) => {
                    self.pace.note(asked, bytes.len());
                    part.left = part.left.checked_sub(bytes.len() as u64)?;
                    return Some(bytes);
                }
                None if part.left == 0 => {
                    self.parts.pop_front();
                    self.done += 1;
                    // Side by side they began, so that after as many of them it can be said how fast they are.
                    if self.done.is_multiple_of(CONNECTIONS) {
                        self.pays &= self.pace.rate() >= self.wanted;
                    }
                }
                Some(Err(e)) => {
                    tracing::debug!("a part could not be had: {e:#}");
                    return None;
                }
                None => return None,
            }
        }
    }
}

/// A part that is being fetched.
struct Part {
    pieces: mpsc::UnboundedReceiver<Result<Bytes>>,
    /// Bytes that have not been taken.
    left: u64,
    task: JoinHandle<()>,
}

impl Part {
    fn begin(range: Range<u64>, opening: BoxFuture<'static, Result<BlobStream>>) -> Part {
        let size = range.end - range.start;
        // It holds no more than a part, so that nothing has to slow its sender down.
        let (send, pieces) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut stream = match opening.await {
                Ok(stream) => stream,
                Err(e) => return drop(send.send(Err(e))),
            };
            let mut came = 0;
            while came < size
                && let Some(piece) = stream.next().await
            {
                came += piece.as_ref().map_or(0, |bytes| bytes.len() as u64);
                if send.send(piece).is_err() {
                    return;
                }
            }
        });
        Part {
            pieces,
            left: size,
            task,
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.task.abort();
    }
}
