//! Inflates and compresses the bytes of a layer on their way.
//!
//! The decoders and their threads are [`super::inflate`]'s; this folder adds what a copy has to be sure of, that the
//! plain content has the digest which the image's config gives it, and the encoders. Compression is deterministic: the
//! content is cut into blocks of a fixed size, and what becomes of a block depends on nothing but the content and the
//! level, so threads and machine change the time and never a digest.

mod blocks;
mod gzip;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::Semaphore;

use super::{BlobStream, inflate};
use crate::bytes::{Produce, produced};
use crate::image::{Digest, Digester, LayerForm};
use crate::{Error, Result};

/// A compression with its level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// Level 0 (stored) to 9.
    Gzip(u32),
    /// Level 1 to 20.
    Zstd(i32),
}

impl Codec {
    /// The compression `format` at `level`, or its own default level.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the compression does not have that level, and for [`LayerForm::Plain`].
    pub fn new(format: LayerForm, level: Option<u32>) -> Result<Codec> {
        let (default, levels) = match format {
            LayerForm::Gzip => (6, 0..=9),
            LayerForm::Zstd => (3, 1..=20),
            LayerForm::Plain => return Err(Error::other("plain content has no level")),
        };
        let level = level.unwrap_or(default);
        if !levels.contains(&level) {
            let text = format!(
                "{} has the levels {} to {}, not {level}",
                format.as_str(),
                levels.start(),
                levels.end()
            );
            return Err(Error::other(text));
        }
        Ok(match format {
            LayerForm::Gzip => Codec::Gzip(level),
            // At most 20.
            _ => Codec::Zstd(level as i32),
        })
    }

    /// The form that it gives a layer.
    pub fn form(self) -> LayerForm {
        match self {
            Codec::Gzip(_) => LayerForm::Gzip,
            Codec::Zstd(_) => LayerForm::Zstd,
        }
    }
}

/// The cores that all compressions of a copy share: blocks at work are counted here, however many layers are under
/// way.
#[derive(Debug, Clone)]
pub struct Cores {
    blocks: Arc<Semaphore>,
    count: usize,
}

impl Cores {
    /// All that this machine gives.
    pub fn all() -> Cores {
        Cores::new(std::thread::available_parallelism().map_or(2, usize::from))
    }

    /// `count` of them, at least one.
    pub fn new(count: usize) -> Cores {
        // One place more than cores, so that a core that finishes a block finds the next one. One core alone needs no
        // more.
        let count = if count > 1 { count + 1 } else { 1 };
        Cores {
            blocks: Arc::new(Semaphore::new(count)),
            count,
        }
    }
}

/// The compressed form of `plain`: the same bytes for the same content and codec, on any machine. An error of
/// `plain` ends it in that error.
pub fn compressed(plain: BlobStream, codec: Codec, cores: &Cores) -> BlobStream {
    match codec {
        Codec::Gzip(level) => gzip::compressed(plain, level, cores),
        Codec::Zstd(level) => blocks::zstd(plain, level, cores),
    }
}

/// The plain form of the layer `stored`, ending in an error unless it hashes to `diff_id`.
pub fn inflated(stored: BlobStream, diff_id: &Digest) -> BlobStream {
    let inflating = Inflating {
        plain: inflate::plain(stored),
        digester: Some(Digester::new(diff_id.algorithm())),
        diff_id: diff_id.clone(),
    };
    Box::pin(produced(inflating))
}

/// The plain form of a layer on its way through the check.
struct Inflating {
    plain: BlobStream,
    /// Taken at the end.
    digester: Option<Digester>,
    diff_id: Digest,
}

impl Produce for Inflating {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        if let Some(bytes) = self.plain.next().await.transpose()? {
            if let Some(digester) = &mut self.digester {
                digester.update(&bytes);
            }
            return Ok(Some(bytes));
        }
        match self.digester.take().map(Digester::finish) {
            Some(actual) if actual != self.diff_id => {
                let message = format!(
                    "a layer inflates to `{actual}`, but the image's config calls it `{}`",
                    self.diff_id
                );
                Err(Error::corrupt(message))
            }
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
