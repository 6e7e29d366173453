//! gzip in one member (RFC 1952) of blocks that are deflated side by side, as pigz does it.
//!
//! Each block sees the 32 KiB before it as its dictionary and ends at a byte (RFC 1951 §3.2.4, an empty stored
//! block), so that the pieces stand behind one another as one deflate stream; the checksums are combined.

use std::pin::Pin;

use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use futures_util::{Stream, StreamExt, stream};

use super::Cores;
use super::blocks::{Block, packed};
use crate::bytes::{Produce, produced};
use crate::transport::BlobStream;
use crate::{Error, Result};

/// Bytes of a block.
const BLOCK: usize = 256 << 10;
/// As far as deflate looks back.
const WINDOW: usize = 32 << 10;
/// Deflate, no name, no time, from no system in particular.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty last block.
const LAST_BLOCK: [u8; 2] = [3, 0];

/// The gzip form of `plain`.
pub(super) fn compressed(plain: BlobStream, level: u32, cores: &Cores) -> BlobStream {
    let blocks = packed(plain, (BLOCK, WINDOW), cores, move |block| {
        // A fresh one each time. One that is used again hashes a byte of the block before behind the dictionary, and may
        // then find other matches.
        let mut encoder = Compress::new(Compression::new(level), false);
        let bytes = deflated(block, &mut encoder)?;
        let mut crc = Crc::new();
        crc.update(&block.bytes);
        Ok((bytes, crc))
    });
    let body = produced(Body {
        blocks: Some(Box::pin(blocks)),
        crc: Crc::new(),
    });
    let header = stream::once(async { Ok(Bytes::from_static(&HEADER)) });
    Box::pin(header.chain(body))
}

/// The blocks of a gzip, and what comes after them.
struct Body<S> {
    /// `None` after the last one.
    blocks: Option<Pin<Box<S>>>,
    crc: Crc,
}

impl<S: Stream<Item = Result<(Bytes, Crc)>> + Send + 'static> Produce for Body<S> {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(blocks) = &mut self.blocks else {
            return Ok(None);
        };
        if let Some((bytes, of_block)) = blocks.next().await.transpose()? {
            self.crc.combine(&of_block);
            return Ok(Some(bytes));
        }
        self.blocks = None;
        let mut end = BytesMut::from(&LAST_BLOCK[..]);
        end.put_u32_le(self.crc.sum());
        // The size modulo 2^32.
        end.put_u32_le(self.crc.amount());
        Ok(Some(end.freeze()))
    }
}

/// One block as a part of a deflate stream that ends at a byte.
fn deflated(block: &Block, deflate: &mut Compress) -> Result<Bytes> {
    let failed = |what: &str| Error::other(format!("a block cannot be deflated: {what}"));
    if !block.before.is_empty() {
        deflate
            .set_dictionary(&block.before)
            .map_err(|e| failed("its dictionary was refused").because(e))?;
    }
    // Room for what cannot be compressed.
    let len = block.bytes.len();
    let mut out = Vec::with_capacity(len + len / 8 + 256);
    loop {
        let seen = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        let rest = block.bytes.get(seen..).unwrap_or_default();
        let status = deflate
            .compress_vec(rest, &mut out, FlushCompress::Sync)
            .map_err(|e| failed("the encoder failed").because(e))?;
        // Room left means that everything is out, the flush included.
        if out.len() < out.capacity() {
            return Ok(out.into());
        }
        if status == Status::StreamEnd {
            return Err(failed("it ended early"));
        }
        out.reserve(32 << 10);
    }
}
