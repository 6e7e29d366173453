//! Streams that check themselves: no caller has to remember to verify.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream;

use super::BlobStream;
use crate::image::{Descriptor, Digester};
use crate::{Error, Kind, Result};

/// `inner`, ending in an error when size or digest is not that of `blob`.
///
/// The error stands in the place of the last piece, so that whoever passes the pieces on never passes on all of
/// a wrong blob. It also comes as soon as there is a byte too many (quirk B10), before that is handed on.
pub fn verified(inner: BlobStream, blob: &Descriptor) -> BlobStream {
    struct State {
        inner: BlobStream,
        /// Taken when all bytes are there, or nothing more is to come.
        digester: Option<Digester>,
        seen: u64,
        ended: bool,
        blob: Descriptor,
    }
    impl State {
        /// The piece `bytes`, or what is wrong with it.
        fn check(&mut self, bytes: Bytes) -> Result<Bytes> {
            self.seen += bytes.len() as u64;
            if self.seen > self.blob.size {
                let what = format!("is longer than its {} bytes", self.blob.size);
                return Err(corrupt(&self.blob, what));
            }
            if let Some(digester) = &mut self.digester {
                digester.update(&bytes);
            }
            if self.seen == self.blob.size {
                self.finish()?;
            }
            Ok(bytes)
        }

        fn finish(&mut self) -> Result<()> {
            let Some(digester) = self.digester.take() else {
                return Ok(());
            };
            let actual = digester.finish();
            if self.seen != self.blob.size {
                let what = format!("ends after {} of {} bytes", self.seen, self.blob.size);
                return Err(corrupt(&self.blob, what));
            }
            if actual != self.blob.digest {
                let what = format!("has other content: it hashes to `{actual}`");
                return Err(corrupt(&self.blob, what));
            }
            Ok(())
        }
    }
    let state = State {
        inner,
        digester: Some(Digester::new(blob.digest.algorithm())),
        seen: 0,
        ended: false,
        blob: blob.clone(),
    };
    Box::pin(stream::unfold(state, |mut s| async move {
        if s.ended {
            return None;
        }
        let item = match s.inner.next().await {
            Some(Ok(bytes)) => s.check(bytes),
            Some(Err(e)) => Err(e),
            None => match s.finish() {
                Ok(()) => return None,
                Err(e) => Err(e),
            },
        };
        s.ended = item.is_err();
        Some((item, s))
    }))
}

fn corrupt(blob: &Descriptor, what: String) -> Error {
    Error::new(Kind::Corrupt, format!("blob `{}` {what}", blob.digest))
}

/// Collects a stream of at most `cap` bytes; more is an error.
pub async fn read_all(mut stream: BlobStream, cap: u64) -> Result<Bytes> {
    let mut all = BytesMut::new();
    while let Some(bytes) = stream.next().await {
        let bytes = bytes?;
        if (all.len() + bytes.len()) as u64 > cap {
            return Err(Error::new(
                Kind::Corrupt,
                format!("the document is larger than {cap} bytes"),
            ));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Digest};

    /// What comes out for the blob `content` when these pieces arrive: bytes handed on, and the error.
    async fn passed(content: &str, pieces: &[&'static str]) -> (String, Option<String>) {
        let digest = Digest::of(Algorithm::Sha256, content.as_bytes());
        let blob = Descriptor::new("x", digest, content.len() as u64);
        let pieces: Vec<_> = pieces
            .iter()
            .map(|p| Ok(Bytes::from_static(p.as_bytes())))
            .collect();
        let mut out = verified(Box::pin(stream::iter(pieces)), &blob);
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
            (&["abc", "deX"][..], "abc", "has other content"),
            (&["abcdeX"], "", "has other content"),
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
}
