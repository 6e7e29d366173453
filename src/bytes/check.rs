//! Streams that check themselves: no caller has to remember to verify.

use std::sync::{Arc, OnceLock};

use ::bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{ByteStream, Produce, produced};
use crate::image::{Algorithm, Descriptor, Digest, Digester};
use crate::{Error, Result};

/// `inner`, the bytes of `blob` from offset `from` on: [`verified`] from 0, and as it is from elsewhere, where the
/// caller has the digester that has seen what came before.
pub fn verified_from(inner: ByteStream, blob: &Descriptor, from: u64) -> ByteStream {
    match from {
        0 => verified(inner, blob),
        _ => inner,
    }
}

/// `inner`, ending in an error when size or digest is not that of `blob`.
///
/// The error stands in the place of the last piece, so that whoever passes the pieces on never passes on all of
/// a wrong blob. It also comes as soon as there is a byte too many (quirk B10), before that is handed on.
pub fn verified(inner: ByteStream, blob: &Descriptor) -> ByteStream {
    checked(inner, blob, 0, Some(Hashing::of(blob)))
}

/// `inner`, the bytes of `blob` from offset `from` on, ending in an error when the size is not that of `blob`; as in
/// [`verified`], but the digest is left for the receiver to check.
pub fn sized_from(inner: ByteStream, blob: &Descriptor, from: u64) -> ByteStream {
    checked(inner, blob, from, None)
}

fn checked(
    inner: ByteStream,
    blob: &Descriptor,
    from: u64,
    hashing: Option<Hashing>,
) -> ByteStream {
    let seen = from;
    let blob = blob.clone();
    Box::pin(produced(Checked {
        inner,
        hashing,
        seen,
        blob,
    }))
}

/// A stream on its way through the check.
struct Checked {
    inner: ByteStream,
    /// Taken when all bytes are there.
    hashing: Option<Hashing>,
    seen: u64,
    blob: Descriptor,
}

impl Produce for Checked {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let Some(bytes) = self.inner.next().await.transpose()? else {
            self.finish().await?;
            return Ok(None);
        };
        self.seen += bytes.len() as u64;
        if self.seen > self.blob.size {
            let what = format!("is longer than its {} bytes", self.blob.size);
            return Err(corrupt(&self.blob, what));
        }
        if let Some(hashing) = &mut self.hashing {
            hashing.update(&bytes).await;
        }
        if self.seen == self.blob.size {
            self.finish().await?;
        }
        Ok(Some(bytes))
    }
}

impl Checked {
    /// Whether size and digest are right, when nothing more is to come.
    async fn finish(&mut self) -> Result<()> {
        if self.seen != self.blob.size {
            let what = format!("ends after {} of {} bytes", self.seen, self.blob.size);
            return Err(corrupt(&self.blob, what));
        }
        let Some(hashing) = self.hashing.take() else {
            return Ok(());
        };
        let actual = hashing.finish().await?;
        if actual != self.blob.digest {
            let what = format!("is corrupt: its content hashes to `{actual}`");
            return Err(corrupt(&self.blob, what));
        }
        Ok(())
    }
}

/// Digest and size of a stream that came to its end.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<OnceLock<(Digest, u64)>>);

impl Tally {
    /// Digest and size, once all bytes came; a stream that broke has neither.
    pub fn get(&self) -> Option<&(Digest, u64)> {
        self.0.get()
    }

    /// As [`Tally::get`], for whoever saw the stream end.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when it has not ended.
    pub fn ended(&self) -> Result<(Digest, u64)> {
        let tally = self.0.get().cloned();
        tally.ok_or_else(|| Error::other("a blob was not read to its end"))
    }
}

/// `inner` as it is, hashed and counted: for bytes whose digest is not known before.
pub fn tallied(inner: ByteStream, algorithm: Algorithm) -> (ByteStream, Tally) {
    let tally = Tally::default();
    let tallying = Tallying {
        inner,
        digester: Some(Digester::new(algorithm)),
        seen: 0,
        tally: tally.clone(),
    };
    (Box::pin(produced(tallying)), tally)
}

/// A stream that is being counted.
struct Tallying {
    inner: ByteStream,
    /// Taken at the end.
    digester: Option<Digester>,
    seen: u64,
    tally: Tally,
}

impl Produce for Tallying {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        let next = self.inner.next().await.transpose()?;
        match (&next, &mut self.digester) {
            (Some(bytes), Some(digester)) => {
                self.seen += bytes.len() as u64;
                digester.update(bytes);
            }
            _ => {
                if let Some(digester) = self.digester.take() {
                    // Set once: the stream ends once.
                    let _ = self.tally.0.set((digester.finish(), self.seen));
                }
            }
        }
        Ok(next)
    }
}

/// From this size on a blob is hashed on a separate thread, while its next bytes are received.
const BESIDE: u64 = 16 << 20;
/// Bytes handed to the hashing thread at a time: TLS brings 16 KiB, and a hand-over costs about as much as hashing
/// that.
const BATCH: usize = 256 * 1024;
/// Batches that may wait for the hashing thread.
const WAITING: usize = 1;

/// Where a blob is hashed.
enum Hashing {
    Here(Box<Digester>),
    Beside {
        batches: mpsc::Sender<Vec<Bytes>>,
        done: JoinHandle<Digest>,
        /// The pieces to hand over next, and how many bytes they have.
        batch: (Vec<Bytes>, usize),
    },
}

impl Hashing {
    fn of(blob: &Descriptor) -> Hashing {
        let mut digester = Digester::new(blob.digest.algorithm());
        if blob.size < BESIDE {
            return Hashing::Here(Box::new(digester));
        }
        let (batches, mut waiting) = mpsc::channel::<Vec<Bytes>>(WAITING);
        // It ends when the stream, and with it the sender, is gone.
        let done = tokio::task::spawn_blocking(move || {
            while let Some(batch) = waiting.blocking_recv() {
                batch.iter().for_each(|bytes| digester.update(bytes));
            }
            digester.finish()
        });
        Hashing::Beside {
            batches,
            done,
            batch: (Vec::new(), 0),
        }
    }

    async fn update(&mut self, bytes: &Bytes) {
        match self {
            Hashing::Here(digester) => digester.update(bytes),
            Hashing::Beside { batches, batch, .. } => {
                batch.0.push(bytes.clone());
                batch.1 += bytes.len();
                if batch.1 >= BATCH {
                    // The thread takes all batches until the sender is dropped.
                    let (full, _) = std::mem::take(batch);
                    drop(batches.send(full).await);
                }
            }
        }
    }

    async fn finish(self) -> Result<Digest> {
        match self {
            Hashing::Here(digester) => Ok(digester.finish()),
            Hashing::Beside {
                batches,
                done,
                batch,
            } => {
                drop(batches.send(batch.0).await);
                drop(batches);
                done.await
                    .map_err(|e| Error::other("the hashing thread died").because(e))
            }
        }
    }
}

fn corrupt(blob: &Descriptor, what: String) -> Error {
    Error::corrupt(format!("blob `{}` {what}", blob.digest))
}

/// The cause of an error about content that was put together from several answers: fetched again in one piece
/// it may be right (quirk B12).
#[derive(Debug, thiserror::Error)]
#[error("its download was interrupted and continued")]
pub struct ResumeMismatch;

/// Whether `e` is about content that a resumed download put together.
pub fn is_resume_mismatch(e: &Error) -> bool {
    e.chain().any(|e| e.is::<ResumeMismatch>())
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::image::Algorithm;

    /// The result for the blob `content` when these pieces arrive: bytes handed on, and the error.
    async fn passed(content: &str, pieces: &[&'static str]) -> (String, Option<String>) {
        passed_by(verified, content, pieces).await
    }

    async fn passed_by(
        check: impl Fn(ByteStream, &Descriptor) -> ByteStream,
        content: &str,
        pieces: &[&'static str],
    ) -> (String, Option<String>) {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        let blob = Descriptor::new("x", digest, content.len() as u64);
        let pieces: Vec<_> = pieces
            .iter()
            .map(|p| Ok(Bytes::from_static(p.as_bytes())))
            .collect();
        let mut out = check(Box::pin(stream::iter(pieces)), &blob);
        let (mut text, mut error) = (String::new(), None);
        while let Some(item) = out.next().await {
            assert!(error.is_none(), "an error is the last item");
            match item {
                Ok(bytes) => text.push_str(std::str::from_utf8(&bytes).unwrap()),
                Err(e) => error = Some(e.to_string()),
            }
        }
        (text, error)
    }

    #[tokio::test]
    async fn a_wrong_blob_is_never_handed_on_whole() {
        assert_eq!(
            passed("abcdef", &["abc", "", "def", ""]).await,
            ("abcdef".into(), None)
        );
        assert_eq!(passed("", &[]).await, (String::new(), None));
        assert_eq!(passed("", &[""]).await, (String::new(), None));
        for (pieces, handed_on, why) in [
            (&["abc", "deX"][..], "abc", "is corrupt"),
            (&["abcdeX"], "", "is corrupt"),
            (&["abc", "defg"], "abc", "is longer"),
            (&["abcdef", "g"], "abcdef", "is longer"),
            (&["abc"], "abc", "ends after 3 of 6 bytes"),
            (&[], "", "ends after 0 of 6 bytes"),
        ] {
            let (text, error) = passed("abcdef", pieces).await;
            assert_eq!(text, handed_on, "{pieces:?}");
            assert!(error.unwrap().contains(why), "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn a_blob_that_passes_unhashed_has_its_size_checked_from_any_offset() {
        let whole = |inner, blob: &Descriptor| sized_from(inner, blob, 0);
        let rest = |inner, blob: &Descriptor| sized_from(inner, blob, 4);
        assert_eq!(
            passed_by(whole, "abcdef", &["abc", "deX"]).await,
            ("abcdeX".into(), None)
        );
        assert_eq!(
            passed_by(rest, "abcdef", &["e", "f"]).await,
            ("ef".into(), None)
        );
        let (text, error) = passed_by(whole, "abcdef", &["abc", "defg"]).await;
        assert_eq!(text, "abc");
        assert!(error.unwrap().contains("is longer"));
        for pieces in [&["e"][..], &[]] {
            let (_, error) = passed_by(rest, "abcdef", pieces).await;
            assert!(error.unwrap().contains("ends after"), "{pieces:?}");
        }
    }
}
