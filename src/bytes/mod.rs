//! Streams of bytes: made, checked, cut and collected.
//!
//! A stream that is not a chain of adapters is a struct that implements `Produce`; `produced` makes the stream. This
//! room is separate because every transport and the registry move bytes the same way. It knows what a blob's descriptor
//! says, and must not know manifests, names or HTTP.

mod check;
mod pieces;

use std::future::Future;

use ::bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::sync::mpsc;

use crate::{Error, Result};

pub use check::{
    ResumeMismatch, Tally, is_resume_mismatch, sized_from, tallied, verified, verified_from,
};
pub(crate) use pieces::{PIECE, pieces};

/// Bytes as they arrive. An error is the last item.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Something that makes the items of a stream one after the other.
pub(crate) trait Produce: Send + 'static {
    type Item: Send;

    /// The next item; `None` at the end. Not called again after the end or an error.
    fn next(&mut self) -> impl Future<Output = Result<Option<Self::Item>>> + Send;
}

/// The stream of what `producer` makes, which ends after its first error.
pub(crate) fn produced<P: Produce>(
    producer: P,
) -> impl Stream<Item = Result<P::Item>> + Send + 'static {
    stream::unfold(Some(producer), |producer| async {
        let mut producer = producer?;
        match producer.next().await {
            Ok(item) => Some((Ok(item?), Some(producer))),
            Err(e) => Some((Err(e), None)),
        }
    })
}

/// The stream of what is sent to the other end of a channel. `guard` is dropped with it: a task that sends, for
/// example.
pub(crate) fn received<G: Send + 'static>(
    from: mpsc::Receiver<Result<Bytes>>,
    guard: G,
) -> ByteStream {
    struct Received<G>(mpsc::Receiver<Result<Bytes>>, G);
    impl<G: Send + 'static> Produce for Received<G> {
        type Item = Bytes;

        async fn next(&mut self) -> Result<Option<Bytes>> {
            self.0.recv().await.transpose()
        }
    }
    Box::pin(produced(Received(from, guard)))
}

/// Reads `stream` to its end for the checks that it does.
pub(crate) async fn drained(mut stream: ByteStream) -> Result<()> {
    while let Some(piece) = stream.next().await {
        piece?;
    }
    Ok(())
}

/// `stream` without its first `left` bytes.
pub(crate) fn skip(stream: ByteStream, mut left: u64) -> ByteStream {
    if left == 0 {
        return stream;
    }
    Box::pin(stream.filter_map(move |item| {
        let item = match item {
            Ok(bytes) if left >= bytes.len() as u64 => {
                left -= bytes.len() as u64;
                None
            }
            Ok(bytes) => Some(Ok(bytes.slice(std::mem::take(&mut left) as usize..))),
            Err(e) => Some(Err(e)),
        };
        std::future::ready(item)
    }))
}

/// Reads ahead until at least `len` bytes are here, or all if there are fewer. Returns them, and the whole stream.
pub(crate) async fn peek(
    mut stream: ByteStream,
    len: impl Fn(&[u8]) -> bool + Send,
) -> Result<(Bytes, ByteStream)> {
    let mut begin = BytesMut::new();
    while !len(&begin)
        && let Some(piece) = stream.next().await
    {
        begin.extend_from_slice(&piece?);
    }
    let begin = begin.freeze();
    let again = stream::iter([Ok(begin.clone())]).chain(stream);
    Ok((begin, Box::pin(again)))
}

/// The first `len` bytes of `stream`, or all if it has fewer.
pub(crate) async fn first_bytes(stream: ByteStream, len: usize) -> Result<Bytes> {
    let (mut begin, _) = peek(stream, |begin| begin.len() >= len).await?;
    begin.truncate(len);
    Ok(begin)
}

/// The first `left` bytes of `stream`; what comes after them is not read.
pub(crate) fn ending_after(stream: ByteStream, left: u64) -> ByteStream {
    Box::pin(stream::unfold(
        (stream, left),
        |(mut stream, left)| async move {
            if left == 0 {
                return None;
            }
            Some(match stream.next().await? {
                Ok(mut bytes) => {
                    bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                    let left = left - bytes.len() as u64;
                    (Ok(bytes), (stream, left))
                }
                Err(e) => (Err(e), (stream, 0)),
            })
        },
    ))
}

/// Collects a stream of at most `cap` bytes.
///
/// # Errors
/// [`crate::Kind::Corrupt`] if there are more; else the error of the stream.
pub async fn read_all(mut stream: ByteStream, cap: u64) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        if (all.len() + bytes.len()) as u64 > cap {
            return Err(Error::corrupt(format!(
                "the document is larger than {cap} bytes"
            )));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> ByteStream {
        let pieces = ["abc", "def", "gh"].map(|p| Ok(Bytes::from_static(p.as_bytes())));
        Box::pin(stream::iter(pieces))
    }

    #[tokio::test]
    async fn b5_what_is_known_is_passed_over() {
        assert_eq!(read_all(skip(letters(), 4), 9).await.unwrap(), "efgh");
        assert_eq!(read_all(skip(letters(), 9), 9).await.unwrap(), "");
    }

    #[tokio::test]
    async fn what_was_read_ahead_is_not_lost() {
        let (begin, whole) = peek(letters(), |begin| begin.len() >= 4).await.unwrap();
        assert_eq!(begin, "abcdef");
        assert_eq!(read_all(whole, 9).await.unwrap(), "abcdefgh");
        assert_eq!(first_bytes(letters(), 4).await.unwrap(), "abcd");
        assert_eq!(first_bytes(letters(), 40).await.unwrap(), "abcdefgh");
    }

    #[tokio::test]
    async fn nothing_is_asked_for_after_an_error() {
        struct Failing(u32);
        impl Produce for Failing {
            type Item = u32;

            async fn next(&mut self) -> Result<Option<u32>> {
                self.0 += 1;
                match self.0 {
                    1 => Ok(Some(1)),
                    2 => Err(Error::other("broken")),
                    _ => panic!("asked once more"),
                }
            }
        }
        let items: Vec<_> = produced(Failing(0)).collect().await;
        assert!(matches!(items[..], [Ok(1), Err(_)]));
    }
}
