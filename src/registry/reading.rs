//! `Reading`: a document that is read whole or piece by piece, asked for again where it breaks off, and given up when it
//! takes too long.

use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::Instant;

use super::admit::Admitted;
use super::body::Answer;
use super::wire::Wire;
use crate::bytes::ByteStream;
use crate::{Error, Kind, Result};

/// How far the reading of a document has come.
pub(crate) struct Reading<'a> {
    wire: &'a Wire,
    /// What is left of the time that all of its bodies may take together.
    left: Duration,
    tries: u32,
}

impl<'a> Reading<'a> {
    /// The reading of a document that may have to be asked for more than once.
    pub(crate) fn new(wire: &'a Wire) -> Reading<'a> {
        Reading {
            wire,
            left: wire.timeouts.document,
            tries: 0,
        }
    }

    /// The body of `answer`, at most `cap` bytes. `None` when it broke off or stalled, and it should be asked for again:
    /// that has been waited for (quirk H5).
    pub(crate) async fn body(&mut self, answer: &mut Answer, cap: usize) -> Result<Option<Bytes>> {
        let begun = Instant::now();
        let error = match tokio::time::timeout(self.left, answer.take_document(cap)).await {
            Ok(Ok(bytes)) => return Ok(Some(bytes)),
            Ok(Err(e)) => e,
            Err(_) => return Err(self.too_slow(&answer.url)),
        };
        self.left = self.left.saturating_sub(begun.elapsed());
        self.again(error).await?;
        Ok(None)
    }

    /// The next piece of `body`, which comes from `url` and is read as it arrives; `None` at its end. Only the time
    /// that is waited for the server counts.
    pub(crate) async fn piece(
        &mut self,
        body: &mut ByteStream,
        url: &Admitted,
    ) -> Result<Option<Bytes>> {
        let begun = Instant::now();
        let piece = tokio::time::timeout(self.left, body.next()).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        match piece {
            Ok(piece) => piece.transpose(),
            Err(_) => Err(self.too_slow(url)),
        }
    }

    /// Waits until the document may be asked for again after `error` (quirk H5); `error` itself when it is not to be.
    pub(crate) async fn again(&mut self, error: Error) -> Result<()> {
        self.tries += 1;
        let last = self.tries >= self.wire.timeouts.tries || self.left.is_zero();
        if error.kind() != Kind::Unavailable || last {
            return Err(error);
        }
        tracing::debug!("{error:#}; asking for it again");
        self.wire.pause(self.tries).await;
        Ok(())
    }

    fn too_slow(&self, url: &Admitted) -> Error {
        let (url, limit) = (url.redacted(), self.wire.timeouts.document.as_secs_f32());
        let text = format!("{url} did not give all of its answer within {limit} s");
        Error::unavailable(text)
    }
}
