//! Content cut into blocks that are compressed side by side and come out in their order.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Cores;
use crate::transport::BlobStream;
use crate::{Error, Result};

/// Bytes of a block of zstd; each becomes a frame of its own.
const ZSTD_BLOCK: usize = 2 << 20;

/// A piece of the content.
pub(super) struct Block {
    pub(super) bytes: Bytes,
    /// The end of the block before.
    pub(super) before: Bytes,
}

/// What `pack` makes of each block of `size` bytes, in order. `pack` sees up to `before` bytes of what stood in
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

/// Cuts `content` into blocks and waits for a place in `room` for each. A place is held by a thread at work, not by
/// what it made, so that a stream that nobody reads keeps one from the others at most: that for which it waited.
fn cut(
    content: BlobStream,
    size: usize,
    before: usize,
    room: Arc<Semaphore>,
) -> impl Stream<Item = Result<(Block, OwnedSemaphorePermit)>> + Send {
    struct State {
        content: BlobStream,
        rest: Bytes,
        before: Bytes,
        begun: bool,
        ended: bool,
    }
    let state = State {
        content,
        rest: Bytes::new(),
        before: Bytes::new(),
        begun: false,
        ended: false,
    };
    stream::unfold(state, move |mut s| {
        let room = room.clone();
        async move {
            if s.ended {
                return None;
            }
            let mut block = BytesMut::with_capacity(size);
            while block.len() < size && !s.ended {
                if s.rest.is_empty() {
                    match s.content.next().await {
                        Some(Ok(bytes)) => s.rest = bytes,
                        Some(Err(e)) => {
                            s.ended = true;
                            return Some((Err(e), s));
                        }
                        None => s.ended = true,
                    }
                }
                let more = s.rest.len().min(size - block.len());
                block.extend_from_slice(&s.rest.split_to(more));
            }
            if block.is_empty() && s.begun {
                return None;
            }
            let permit = match room.acquire_owned().await {
                Ok(permit) => permit,
                Err(e) => {
                    s.ended = true;
                    let error = Error::other("the compression was stopped").because(e);
                    return Some((Err(error), s));
                }
            };
            s.begun = true;
            let bytes = block.freeze();
            let tail = bytes.len().saturating_sub(before);
            let block = Block {
                before: std::mem::replace(&mut s.before, Bytes::copy_from_slice(&bytes[tail..])),
                bytes,
            };
            Some((Ok((block, permit)), s))
        }
    })
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
