//! A file as a stream of pieces: read one piece ahead and off the async threads, into buffers that are used again.
//!
//! It knows neither blobs nor archives; whoever opens the file words its errors.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

use ::bytes::Bytes;
use tokio::task::JoinHandle;

use super::{ByteStream, Produce, produced};
use crate::{Error, Result, locked};

/// Bytes read at a time, at most.
pub(crate) const PIECE: usize = 256 * 1024;
/// Bytes read at a time, at least.
const LEAST: usize = 4 * 1024;

/// The bytes of `reader` to its end, which is expected after `left` bytes; `failed` words an error of it.
pub(crate) fn pieces<R: Read + Send + 'static>(
    reader: R,
    left: u64,
    failed: impl Fn(io::Error) -> Error + Send + 'static,
) -> ByteStream {
    let begin = Reading {
        reader,
        left,
        failed,
        buffers: Buffers::default(),
    };
    Box::pin(produced(Ahead(Some(begin.next()))))
}

/// The next piece, which is being read; `None` at the end.
struct Ahead<T>(Option<JoinHandle<Result<Option<T>>>>);

impl<R, F> Produce for Ahead<(Bytes, Reading<R, F>)>
where
    R: Read + Send + 'static,
    F: Fn(io::Error) -> Error + Send + 'static,
{
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(reading) = self.0.take() else {
            return Ok(None);
        };
        let read = reading
            .await
            .map_err(|e| Error::other("reading a local file was stopped").because(e))?;
        Ok(read?.map(|(piece, rest)| {
            self.0 = Some(rest.next());
            piece
        }))
    }
}

struct Reading<R, F> {
    reader: R,
    left: u64,
    failed: F,
    buffers: Buffers,
}

impl<R, F> Reading<R, F>
where
    R: Read + Send + 'static,
    F: Fn(io::Error) -> Error + Send + 'static,
{
    /// Begins to read the next piece at once; `None` at the end.
    fn next(mut self) -> JoinHandle<Result<Option<(Bytes, Self)>>> {
        let size = usize::try_from(self.left).unwrap_or(PIECE);
        // Allocated here and not on the reading thread, whose allocator would keep the memory.
        let mut buffer = self.buffers.take(size.clamp(LEAST, PIECE));
        tokio::task::spawn_blocking(move || {
            let read = fill(&mut self.reader, &mut buffer).map_err(&self.failed)?;
            self.left = self.left.saturating_sub(read as u64);
            let home = self.buffers.clone();
            let piece = Piece { buffer, read, home };
            Ok((read > 0).then(|| (Bytes::from_owner(piece), self)))
        })
    }
}

/// Reads until `buffer` is full or nothing more comes.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match reader.read(&mut buffer[read..]) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(read)
}

/// The buffers of one stream that are free.
#[derive(Clone, Default)]
struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// A free buffer, or one of `size` bytes.
    fn take(&self, size: usize) -> Vec<u8> {
        let free = self.lock().pop();
        free.unwrap_or_else(|| vec![0; size])
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        locked(&self.0)
    }
}

/// A buffer with a piece in it, free again when the piece was passed on.
struct Piece {
    buffer: Vec<u8>,
    read: usize,
    home: Buffers,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.read]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.home.lock().push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, TryStreamExt};

    /// Gives a few bytes at a time.
    struct Trickle(Vec<u8>);

    impl Read for Trickle {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.len().min(1000).min(buffer.len());
            buffer[..n].copy_from_slice(&self.0[..n]);
            self.0.drain(..n);
            Ok(n)
        }
    }

    #[tokio::test]
    async fn everything_comes_in_order_whatever_was_expected() {
        let content: Vec<u8> = (0..3 * PIECE + 5).map(|i| (i % 251) as u8).collect();
        for left in [0, 5, content.len() as u64, u64::MAX] {
            let stream = pieces(Trickle(content.clone()), left, |e| {
                Error::other(e.to_string())
            });
            let read: Vec<Bytes> = stream.try_collect().await.unwrap();
            assert!(read.concat() == content, "{left}");
        }
    }

    #[tokio::test]
    async fn a_buffer_is_used_again_once_its_piece_was_passed_on() {
        let mut stream = pieces(io::repeat(7).take(20 * PIECE as u64), u64::MAX, |e| {
            Error::other(e.to_string())
        });
        let mut places = std::collections::HashSet::new();
        while let Some(piece) = stream.next().await {
            let piece = piece.unwrap();
            assert_eq!(piece.len(), PIECE);
            places.insert(piece.as_ptr());
        }
        assert!(places.len() <= 3, "{} buffers", places.len());
    }

    #[tokio::test]
    async fn a_failure_is_the_last_item() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        let mut stream = pieces(Broken, 9, |e| Error::other(format!("it is {e}")));
        let first = stream.next().await.unwrap();
        assert_eq!(first.unwrap_err().to_string(), "it is broken");
        assert!(stream.next().await.is_none());
    }
}
