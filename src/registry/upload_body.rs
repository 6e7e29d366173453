//! What an upload sends: a body that can be opened again at any offset, and the parts of it that
//! single requests carry.
//!
//! Parts that follow one another are read from one stream, so that a blob sent in chunks is read once; a part
//! that is sent again opens the body again. It knows nothing of requests or registries.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;

use crate::bytes::{ByteStream, Produce, produced};
use crate::{Error, Result, locked};

type Open = dyn Fn(u64) -> BoxFuture<'static, Result<ByteStream>> + Send + Sync;

/// A body that can be opened again for another try.
#[derive(Clone)]
pub struct UploadBody(Arc<Inner>);

struct Inner {
    /// `None` where it is known at the end only.
    size: Option<u64>,
    open: Box<Open>,
    /// Opened, and at the place where the next part begins.
    ready: Mutex<Option<Reader>>,
    failed: AtomicBool,
    failed_ever: AtomicBool,
    /// The end of what was ever handed out.
    reached: AtomicU64,
}

/// An open stream and the bytes of it that are still to be sent.
struct Reader {
    stream: ByteStream,
    offset: u64,
    left_over: Bytes,
}

impl UploadBody {
    /// A body of `size` bytes that `open` gives from the offset it is called with.
    pub fn new(
        size: u64,
        open: impl Fn(u64) -> BoxFuture<'static, Result<ByteStream>> + Send + Sync + 'static,
    ) -> UploadBody {
        UploadBody::with(Some(size), Box::new(open))
    }

    /// A body of unknown size that `open` gives from its start; it is sent in HTTP chunks.
    pub fn of_unknown_size(
        open: impl Fn() -> BoxFuture<'static, Result<ByteStream>> + Send + Sync + 'static,
    ) -> UploadBody {
        UploadBody::with(None, Box::new(move |_| open()))
    }

    fn with(size: Option<u64>, open: Box<Open>) -> UploadBody {
        UploadBody(Arc::new(Inner {
            size,
            open,
            ready: Mutex::default(),
            failed: AtomicBool::new(false),
            failed_ever: AtomicBool::new(false),
            reached: AtomicU64::new(0),
        }))
    }

    /// The whole body, for one request.
    pub(crate) fn whole(&self) -> UploadPart {
        UploadPart {
            body: self.clone(),
            start: 0,
            end: self.0.size,
        }
    }

    /// The bytes of `range`, for one request.
    pub(crate) fn part(&self, range: Range<u64>) -> UploadPart {
        UploadPart {
            body: self.clone(),
            start: range.start,
            end: Some(range.end),
        }
    }

    /// Whether the body itself could not be read since this was last asked.
    pub(crate) fn take_failure(&self) -> bool {
        self.0.failed.swap(false, Ordering::Relaxed)
    }

    /// Whether the body itself could not be read at any time.
    #[cfg(feature = "legacy")]
    pub(crate) fn failed(&self) -> bool {
        self.0.failed_ever.load(Ordering::Relaxed)
    }

    /// The end of what was ever handed out: no server can have more.
    pub(crate) fn reached(&self) -> u64 {
        self.0.reached.load(Ordering::Relaxed)
    }

    async fn reader(&self, offset: u64) -> Result<Reader> {
        let ready = self.lock().take().filter(|r| r.offset == offset);
        if let Some(reader) = ready {
            return Ok(reader);
        }
        let stream = (self.0.open)(offset).await.inspect_err(|_| self.fail())?;
        Ok(Reader {
            stream,
            offset,
            left_over: Bytes::new(),
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Reader>> {
        locked(&self.0.ready)
    }

    fn fail(&self) {
        self.0.failed_ever.store(true, Ordering::Relaxed);
        self.0.failed.store(true, Ordering::Relaxed);
    }
}

/// The bytes of a body that one request carries.
#[derive(Clone)]
pub(crate) struct UploadPart {
    body: UploadBody,
    start: u64,
    /// `None`: all that comes.
    end: Option<u64>,
}

impl UploadPart {
    /// Bytes of the part, where that is known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.end.map(|end| end.saturating_sub(self.start))
    }

    /// Opens the body ahead of the part's sending.
    pub(crate) async fn prepare(&self) -> Result<()> {
        let reader = self.body.reader(self.start).await?;
        *self.body.lock() = Some(reader);
        Ok(())
    }

    /// The bytes of the part: from the stream that was prepared or left by the part before, or from another one.
    pub(crate) async fn open(&self) -> Result<ByteStream> {
        let reader = self.body.reader(self.start).await?;
        let (body, end) = (self.body.clone(), self.end);
        Ok(Box::pin(produced(Sending {
            reader: Some(reader),
            body,
            end,
        })))
    }
}

/// A part that is being sent.
struct Sending {
    /// `None` when all of the part was handed on.
    reader: Option<Reader>,
    body: UploadBody,
    end: Option<u64>,
}

impl Produce for Sending {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(reader) = &mut self.reader else {
            return Ok(None);
        };
        let next = reader.next(self.end).await;
        let next = next.inspect_err(|_| self.body.fail())?;
        if next.is_some() {
            let (offset, shared) = (reader.offset, &self.body.0);
            shared.reached.fetch_max(offset, Ordering::Relaxed);
            // Nothing more is asked for after the last piece: the rest is put by before that piece goes.
            if Some(offset) == self.end {
                let rest = self.reader.take().filter(|_| self.end != shared.size);
                if rest.is_some() {
                    *self.body.lock() = rest;
                }
            }
        }
        Ok(next)
    }
}

impl Reader {
    /// The next piece before `end`, which has to come; `None` at the end.
    async fn next(&mut self, end: Option<u64>) -> Result<Option<Bytes>> {
        if Some(self.offset) == end {
            return Ok(None);
        }
        while self.left_over.is_empty() {
            self.left_over = match self.stream.next().await {
                Some(piece) => piece?,
                None if end.is_none() => return Ok(None),
                None => {
                    let text = format!("the body ends after {} bytes, too early", self.offset);
                    return Err(Error::corrupt(text));
                }
            };
        }
        let room = end.map_or(u64::MAX, |end| end - self.offset);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let piece = self.left_over.split_to(self.left_over.len().min(room));
        self.offset += piece.len() as u64;
        Ok(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use futures_util::TryStreamExt;
    use std::sync::atomic::AtomicUsize;

    const TEXT: &[u8] = b"abcdefghij";

    /// `TEXT` in pieces of four bytes, and how often it was opened.
    fn body() -> (UploadBody, Arc<AtomicUsize>) {
        let opened = Arc::new(AtomicUsize::new(0));
        let count = opened.clone();
        let body = UploadBody::new(TEXT.len() as u64, move |from| {
            count.fetch_add(1, Ordering::Relaxed);
            let pieces = TEXT[from as usize..].chunks(4).map(Bytes::from_static);
            let pieces: Vec<_> = pieces.map(Ok).collect();
            Box::pin(async move { Ok(Box::pin(futures_util::stream::iter(pieces)) as ByteStream) })
        });
        (body, opened)
    }

    async fn read(body: &UploadBody, range: Range<u64>) -> Result<Vec<u8>> {
        let pieces: Vec<Bytes> = body.part(range).open().await?.try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn parts_in_a_row_are_read_once() {
        let (body, opened) = body();
        body.part(0..3).prepare().await.unwrap();
        for (from, to) in [(0, 3), (3, 9), (9, 10)] {
            let part = read(&body, from..to).await.unwrap();
            assert_eq!(part, TEXT[from as usize..to as usize]);
            assert_eq!(body.reached(), to);
        }
        assert_eq!(opened.load(Ordering::Relaxed), 1);
        assert_eq!(read(&body, 2..7).await.unwrap(), b"cdefg");
        assert_eq!(opened.load(Ordering::Relaxed), 2);
        assert!(!body.take_failure());
    }

    #[tokio::test]
    async fn a_body_that_is_too_short_fails() {
        let (body, _) = body();
        assert_eq!(read(&body, 5..11).await.unwrap_err().kind(), Kind::Corrupt);
        assert!(body.take_failure() && !body.take_failure());
    }
}
