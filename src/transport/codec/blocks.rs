//! Content cut into blocks that are compressed side by side and come out in their order.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Cores;
use crate::bytes::{Produce, produced};
use crate::transport::BlobStream;
use crate::{Error, Result};

/// Bytes of a block of zstd; each becomes a separate frame.
const ZSTD_BLOCK: usize = 2 << 20;

/// A piece of the content.
pub(super) struct Block {
    pub(super) bytes: Bytes,
    /// The end of the block before.
    pub(super) before: Bytes,
}

/// The results of `pack` for each block of `size` bytes, in order. `pack` sees up to `before` bytes of what stood in
/// front of its block; an empty content is one empty block.
pub(super) fn packed<T: Send + 'static>(
    content: BlobStream,
    (size, before): (usize, usize),
    cores: &Cores,
    pack: impl Fn(&Block) -> Result<T> + Send + Sync + 'static,
) -> impl Stream<Item = Result<T>> + Send + 'static {
    let pack = Arc::new(pack);
    cut(content, size, before, cores.blocks.clone())
        .map(move |cut| {
            let pack = pack.clone();
            async move {
                let (block, permit) = cut?;
                let packed = tokio::task::spawn_blocking(move || {
                    let packed = pack(&block);
                    drop(permit);
                    packed
                });
                packed
                    .await
                    .map_err(|e| Error::other("a compressing thread died").because(e))?
            }
        })
        .buffered(cores.count)
}

/// Cuts `content` into blocks and waits for a place in `room` for each. A place is held while a thread works on a block
/// and not until its result is read, so a stream whose reader stops takes at most one place from the others.
fn cut(
    content: BlobStream,
    size: usize,
    before: usize,
    room: Arc<Semaphore>,
) -> impl Stream<Item = Result<(Block, OwnedSemaphorePermit)>> + Send {
    produced(Cutting {
        content,
        size,
        overlap: before,
        room,
        rest: Bytes::new(),
        before: Bytes::new(),
        begun: false,
        ended: false,
    })
}

/// Content that is being cut into blocks.
struct Cutting {
    content: BlobStream,
    /// Bytes of a block, and those of the block before that go with it.
    size: usize,
    overlap: usize,
    room: Arc<Semaphore>,
    rest: Bytes,
    before: Bytes,
    begun: bool,
    ended: bool,
}

impl Produce for Cutting {
    type Item = (Block, OwnedSemaphorePermit);

    async fn next(&mut self) -> Result<Option<Self::Item>> {
        if self.ended {
            return Ok(None);
        }
        let mut block = BytesMut::with_capacity(self.size);
        while block.len() < self.size && !self.ended {
            if self.rest.is_empty() {
                match self.content.next().await.transpose()? {
                    Some(bytes) => self.rest = bytes,
                    None => self.ended = true,
                }
            }
            let more = self.rest.len().min(self.size - block.len());
            block.extend_from_slice(&self.rest.split_to(more));
        }
        // An empty content is one empty block.
        if block.is_empty() && self.begun {
            return Ok(None);
        }
        let permit = self.room.clone().acquire_owned().await;
        let permit = permit.map_err(|e| Error::other("the compression was stopped").because(e))?;
        self.begun = true;
        let bytes = block.freeze();
        let tail = bytes.len().saturating_sub(self.overlap);
        let before = std::mem::replace(&mut self.before, Bytes::copy_from_slice(&bytes[tail..]));
        Ok(Some((Block { before, bytes }, permit)))
    }
}

/// zstd of frames over a fixed number of bytes, each with its size (RFC 8878 §3.1.1).
///
/// Each has an encoder of its own: one that has seen other content may compress the same block otherwise, since
/// what it knows of that content salts its hashes.
pub(super) fn zstd(plain: BlobStream, level: i32, cores: &Cores) -> BlobStream {
    let frames = packed(plain, (ZSTD_BLOCK, 0), cores, move |block| {
        let mut frame = zstd::bulk::compress(&block.bytes, level)
            .map_err(|e| Error::other("zstd cannot compress").because(e))?;
        // It waits for its turn without the room that it did not need.
        frame.shrink_to_fit();
        Ok(frame.into())
    });
    Box::pin(frames)
}
