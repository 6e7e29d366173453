//! Blobs and lists that a proxy packed with gzip on their way although `identity` was asked for (quirk M8).
//!
//! `Content-Encoding: gzip` alone says little: servers put it on layers too that are gzip themselves and are sent as
//! they are. What the first bytes are, packed and unpacked, tells one from the other; whether the right bytes came
//! out is seen by their digest, elsewhere.

use std::io::{ErrorKind, Read, Write};

use bytes::Bytes;
use flate2::read::GzDecoder;
use flate2::write::MultiGzDecoder;
use futures_util::StreamExt;

use crate::bytes::{ByteStream, Produce, peek, produced};
use crate::image::Descriptor;
use crate::{Error, Result};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Bytes that are looked at; a gzip header may hold a file name and a comment.
const LOOK: usize = 64 << 10;
/// Packed bytes that are unpacked at once. They may become a thousand times as many.
const PIECE: usize = 4 << 10;

/// `body`, which is labelled as gzip: unpacked when it is a gzip around `blob`, else as it is. `url` is where it
/// comes from, for messages.
pub(super) async fn unpacked(
    body: ByteStream,
    blob: &Descriptor,
    url: String,
) -> Result<ByteStream> {
    let gzip_inside = blob.media_type.as_str().ends_with("gzip");
    seen_through(body, gzip_inside, format!("the blob at {url}")).await
}

/// The same for a document.
pub(super) async fn unpacked_document(body: ByteStream, url: String) -> Result<ByteStream> {
    seen_through(body, false, format!("the document at {url}")).await
}

/// `body`, which messages call `what`: unpacked when it is a gzip around something that is one itself where
/// `gzip_inside`, else as it is.
async fn seen_through(body: ByteStream, gzip_inside: bool, what: String) -> Result<ByteStream> {
    let seen = |head: &[u8]| head.len() >= LOOK || is_packed(head, gzip_inside).is_some();
    let (head, whole) = peek(body, seen).await?;
    Ok(match is_packed(&head, gzip_inside) {
        Some(true) => unpack(whole, what),
        _ => whole,
    })
}

/// Whether what begins with `head` is a gzip around the blob, which is itself one when `gzip_inside`; `None` where
/// more has to be seen.
fn is_packed(head: &[u8], gzip_inside: bool) -> Option<bool> {
    if head.len() < MAGIC.len() {
        return None;
    }
    if !head.starts_with(&MAGIC) {
        return Some(false);
    }
    if !gzip_inside {
        return Some(true);
    }
    let mut inner = [0; MAGIC.len()];
    match GzDecoder::new(head).read_exact(&mut inner) {
        // No tar begins so: it would be the name of its first file.
        Ok(()) => Some(inner == MAGIC),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => None,
        Err(_) => Some(false),
    }
}

fn unpack(body: ByteStream, what: String) -> ByteStream {
    Box::pin(produced(Unpacker {
        body,
        decoder: MultiGzDecoder::new(Vec::new()),
        packed: Bytes::new(),
        what,
        done: false,
    }))
}

/// A body that is being unpacked.
struct Unpacker {
    body: ByteStream,
    decoder: MultiGzDecoder<Vec<u8>>,
    packed: Bytes,
    what: String,
    done: bool,
}

impl Produce for Unpacker {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.done {
            let went = if !self.packed.is_empty() {
                let piece = self.packed.split_to(PIECE.min(self.packed.len()));
                self.decoder.write_all(&piece)
            } else if let Some(bytes) = self.body.next().await.transpose()? {
                self.packed = bytes;
                continue;
            } else {
                self.done = true;
                self.decoder.try_finish()
            };
            went.map_err(|e| {
                let text = format!("{} is not the gzip that it claims to be", self.what);
                Error::corrupt(text).because(e)
            })?;
            let plain = std::mem::take(self.decoder.get_mut());
            if !plain.is_empty() {
                return Ok(Some(plain.into()));
            }
        }
        Ok(None)
    }
}
