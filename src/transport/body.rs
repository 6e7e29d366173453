//! `BlobBody`: the bytes of a blob on their way to a destination.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::BlobStream;
use super::archive_file::ArchiveFile;
use crate::Result;
use crate::image::Repository;

type Open = dyn Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync;

/// A body that can be opened again, from any offset: retries hold no buffers.
#[derive(Clone)]
pub struct BlobBody {
    open: Arc<Open>,
    unhashed: Option<Arc<Open>>,
    /// Where the blob is known to be: a destination in one of these registries need not move it.
    pub found_in: Vec<Repository>,
    /// The destination writes it even if it says that it has it.
    pub must_send: bool,
}

impl BlobBody {
    /// A body that `open` gives from the offset it is called with.
    pub fn new(
        open: impl Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync + 'static,
    ) -> BlobBody {
        BlobBody {
            open: Arc::new(open),
            unhashed: None,
            found_in: Vec::new(),
            must_send: false,
        }
    }

    /// A body held in memory: a config that was made here.
    pub fn of_bytes(bytes: Bytes) -> BlobBody {
        BlobBody::new(move |from| {
            let rest = bytes.slice(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len())..);
            Box::pin(
                async move { Ok(Box::pin(futures_util::stream::iter([Ok(rest)])) as BlobStream) },
            )
        })
    }

    /// All of `file`.
    pub(crate) fn of_file(file: ArchiveFile) -> BlobBody {
        let len = file.len();
        BlobBody::new(move |from| {
            let stream = file.section(from.min(len), len.saturating_sub(from));
            Box::pin(async move { Ok(stream) })
        })
    }

    /// This body, of which `open` gives a stream that checks only the size: for [`BlobBody::open_unhashed`].
    pub fn or_unhashed(
        mut self,
        open: impl Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync + 'static,
    ) -> BlobBody {
        self.unhashed = Some(Arc::new(open));
        self
    }

    /// The stream from offset `from` on.
    ///
    /// # Errors
    /// Those of the source, as [`super::Source::blob`] has them.
    pub async fn open(&self, from: u64) -> Result<BlobStream> {
        (self.open)(from).await
    }

    /// As [`BlobBody::open`], for a receiver that checks the digest itself: the stream may check only the size.
    ///
    /// # Errors
    /// As [`BlobBody::open`].
    pub async fn open_unhashed(&self, from: u64) -> Result<BlobStream> {
        let open = self.unhashed.as_ref().unwrap_or(&self.open);
        open(from).await
    }
}
