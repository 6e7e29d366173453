//! The content of one file of a layer, by the places that a table of contents gives.

use std::io::{self, BufRead, BufReader, Read};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::table::{Chunk, Form, Located};
use crate::image::Digester;
use crate::transport::inflate::broken;
use crate::{Error, Result};

/// Bytes of a piece.
const PIECE: usize = 256 * 1024;

/// Sends the content of the file `located` to `out`, or what the receiver takes of it. `input` is the part of the layer that
/// it is in. Blocks. Fails with [`crate::Kind::Corrupt`] for a part of the content that cannot be read or does not
/// match its digest.
pub(super) fn send(
    form: Form,
    located: &Located,
    input: impl Read,
    out: &mpsc::Sender<Bytes>,
) -> Result<()> {
    let mut input = BufReader::new(Counted {
        inner: input,
        at: located.range.start,
    });
    // Chunks of one piece of compressed data follow one another in it.
    for group in located.chunks.chunk_by(|a, b| a.offset == b.offset) {
        let Some(first) = group.first() else { continue };
        skip_to(&mut input, first.offset)?;
        let mut plain: Box<dyn Read + '_> = match form {
            Form::Estargz => Box::new(flate2::bufread::GzDecoder::new(&mut input)),
            Form::Chunked => {
                let decoder = zstd::stream::read::Decoder::with_buffer(&mut input);
                Box::new(decoder.map_err(|e| broken(None, e))?.single_frame())
            }
        };
        let mut inside = 0;
        for chunk in group {
            let before = chunk.inner.checked_sub(inside);
            let before = before.ok_or_else(|| wrong(chunk, "overlaps another one"))?;
            let passed = io::copy(&mut plain.by_ref().take(before), &mut io::sink());
            if passed.map_err(|e| broken(None, e))? != before {
                return Err(wrong(chunk, "is cut off"));
            }
            if !send_chunk(&mut *plain, chunk, out)? {
                return Ok(());
            }
            inside = chunk.inner + chunk.size;
        }
    }
    Ok(())
}

/// Sends one chunk; `false` if the receiver is gone.
fn send_chunk(plain: &mut dyn Read, chunk: &Chunk, out: &mpsc::Sender<Bytes>) -> Result<bool> {
    let mut digester = Digester::new(chunk.digest.algorithm());
    let mut left = chunk.size;
    loop {
        let mut piece = Vec::new();
        let most = left.min(PIECE as u64);
        let read = plain.take(most).read_to_end(&mut piece);
        read.map_err(|e| broken(None, e))?;
        if piece.len() as u64 != most {
            return Err(wrong(chunk, "is cut off"));
        }
        digester.update(&piece);
        left -= most;
        // The last piece goes on only when the chunk is right.
        if left == 0 && digester.clone().finish() != chunk.digest {
            return Err(wrong(chunk, "does not match its digest"));
        }
        if out.blocking_send(piece.into()).is_err() {
            return Ok(false);
        }
        if left == 0 {
            return Ok(true);
        }
    }
}

fn skip_to<R: Read>(input: &mut BufReader<Counted<R>>, offset: u64) -> Result<()> {
    let at = input.get_ref().at - input.buffer().len() as u64;
    let mut left = offset.checked_sub(at).ok_or_else(|| {
        let text = "the layer's table of contents lists parts of a file that overlap";
        Error::corrupt(text)
    })?;
    while left > 0 {
        let there = input.fill_buf().map_err(|e| broken(None, e))?.len();
        if there == 0 {
            return Err(Error::corrupt("the layer ends before the file"));
        }
        let n = there.min(usize::try_from(left).unwrap_or(usize::MAX));
        input.consume(n);
        left -= n as u64;
    }
    Ok(())
}

fn wrong(chunk: &Chunk, what: &str) -> Error {
    let text = format!("the part of the file from byte {} on {what}", chunk.at);
    Error::corrupt(text)
}

/// A reader that knows how far it has come.
struct Counted<R> {
    inner: R,
    at: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.at += n as u64;
        Ok(n)
    }
}
