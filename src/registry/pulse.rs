//! `Pulse`: when bytes of a request body last moved, so that a stalled upload can be distinguished from a slow one.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use super::upload_body::UploadPart;
use super::why::Why;
use crate::{Error, Result, locked};

/// When bytes of a request body last moved, and what stopped them.
pub(super) struct Pulse {
    started: Instant,
    /// Milliseconds from `started` to the last movement.
    last: AtomicU64,
    /// Whether that was the last one of an upload.
    ended: AtomicBool,
    /// Whether the next piece is waited for: what is silent then is the place that the body is read from.
    starved: AtomicBool,
    error: Mutex<Option<Error>>,
}

impl Default for Pulse {
    fn default() -> Pulse {
        Pulse {
            started: Instant::now(),
            last: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            starved: AtomicBool::new(false),
            error: Mutex::new(None),
        }
    }
}

impl Pulse {
    /// `part` opened as a request body that beats this pulse; `ends` says whether an upload ends with it.
    pub(super) async fn body(
        self: Arc<Self>,
        part: &UploadPart,
        ends: bool,
    ) -> Result<reqwest::Body> {
        let mut stream = part.open().await?;
        let waiting = self.clone();
        let stream = stream::poll_fn(move |context| {
            let next = stream.poll_next_unpin(context);
            waiting.starved.store(next.is_pending(), Ordering::Relaxed);
            next
        });
        let mut left = part.size();
        let end = self.clone();
        let end = stream::poll_fn(move |_| {
            if ends {
                end.is_last();
            }
            Poll::Ready(None)
        });
        let body = stream.map(move |item| {
            self.last
                .store(self.started.elapsed().as_millis() as u64, Ordering::Relaxed);
            if let (Some(left), Ok(bytes)) = (&mut left, &item) {
                // The client does not poll a body of known size again after its last piece.
                *left = left.saturating_sub(bytes.len() as u64);
                if *left == 0 && ends {
                    self.is_last();
                }
            }
            item.map_err(|e| {
                // hyper turns a body's error into one of its own; the real one is kept here.
                *locked(&self.error) = Some(e);
                io::Error::other("the body to send cannot be read")
            })
        });
        Ok(reqwest::Body::wrap_stream(body.chain(end)))
    }

    /// Nothing more of an upload is to be sent.
    pub(super) fn is_last(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether bytes to send are waited for.
    pub(super) fn is_starved(&self) -> bool {
        self.starved.load(Ordering::Relaxed)
    }

    pub(super) fn take_error(&self) -> Option<Error> {
        locked(&self.error).take()
    }

    /// Ends when nothing moved for `limit`, or for `commit` where all of an upload is on its way. Says which, and for
    /// how long.
    pub(super) async fn silence(&self, limit: Duration, commit: Duration) -> (Why, Duration) {
        loop {
            let (why, limit) = match self.ended.load(Ordering::Relaxed) {
                true => (Why::Unanswered, commit),
                false => (Why::Silence, limit),
            };
            let last = self.started + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let until = last + limit;
            if until <= Instant::now() {
                return (why, limit);
            }
            tokio::time::sleep_until(until).await;
        }
    }
}
