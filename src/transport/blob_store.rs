//! Blobs as files: written so that a name never stands before its content was verified, and read in pieces.
//!
//! `oci:`, `dir:` and the `layers` command share this, and archives under way its partial files; it knows paths and
//! descriptors, and no layout of directories. The order of a write is: bytes into a partial file, verified, data on
//! disk, renamed. The directory itself is synced once, by [`sync_directory`], before anything points at the new names.
//! So a name that stands after a crash has its whole content, and a name with the right size is a blob that is there:
//! only a foreign writer can leave a truncated file under a digest's name, and that has another size. (Manifests are
//! small enough to be hashed.)
//!
//! Memory is flat: at most two batches of 256 KiB in flight a stream, in either direction.

mod late;
mod lock;
mod partial;

use std::io::{Seek, SeekFrom};
use std::path::{Path, PathBuf};

use futures_util::StreamExt;

use super::{BlobBody, BlobOutcome, BlobStream};
use crate::bytes::pieces;
use crate::image::{Descriptor, Digest, Digester};
use crate::{Error, Result};

pub(super) use super::claim::claim;
pub(crate) use super::claim::{PREFIX, remove, sweep};
use super::document::open_file;
pub(crate) use super::document::write_document_blocking;
pub(crate) use super::document::{
    DOCUMENT_CAP, LIST_CAP, blocking, cannot_read, cannot_spool, cannot_write, check_list,
    create_directory, empty_file, no_directory, read_document, read_small, temporary_in,
};
#[cfg(feature = "serve")]
pub(crate) use super::document::{NewDocument, read_document_of};
pub use super::document::{sync_directory, write_document};
pub use late::write_late;
pub(crate) use lock::Lock;
use partial::Appending;
pub(crate) use partial::hash_at;
pub(super) use partial::{Partial, is_partial_name, sweep_partials};

/// Bytes handed to the file system at a time.
const BATCH: usize = 256 * 1024;

/// Whether the file `path` stands with exactly `size` bytes; see the module's text for why that is enough.
pub async fn holds(path: &Path, size: u64) -> bool {
    tokio::fs::metadata(path)
        .await
        .is_ok_and(|m| m.is_file() && m.len() == size)
}

/// Whether the file `path` has the bytes of `digest`: all of it is read and hashed.
pub(crate) async fn is_intact(path: PathBuf, digest: &Digest) -> Result<bool> {
    let digest = digest.clone();
    blocking(move || {
        let hash = || -> std::io::Result<Digester> {
            let file = open_file(&path)?;
            let mut digester = Digester::new(digest.algorithm());
            hash_at(&file, 0, file.metadata()?.len(), &mut digester)?;
            Ok(digester)
        };
        // If the file cannot be read, writing it again either works or tells why not.
        Ok(hash().is_ok_and(|digester| digester.finish() == digest))
    })
    .await
}

/// Writes `blob` to the file `to` unless it is there, by way of a partial file in the directory `partials` (of the same
/// file system).
///
/// What a broken or killed write left in a partial file is hashed again and continued from its end. A body opened at 0
/// verifies itself, as every [`BlobStream`] does; a continued one is verified here.
///
/// # Errors
/// Those of `body`, as they are; [`crate::Kind::Refused`] when something cannot be written.
pub async fn write_blob(
    to: &Path,
    partials: &Path,
    blob: &Descriptor,
    body: &BlobBody,
) -> Result<BlobOutcome> {
    if !body.must_send && holds(to, blob.size).await {
        return Ok(BlobOutcome::Present);
    }
    let parent = to.parent().map(Path::to_owned).unwrap_or_default();
    let (directory, digest, size) = (partials.to_owned(), blob.digest.clone(), blob.size);
    let mut partial = blocking(move || {
        create_directory(&parent)?;
        create_directory(&directory)?;
        Partial::claim(&directory, &digest, size)
    })
    .await?;

    complete(&mut partial, &blob.digest, Some(blob), body).await?;
    partial.publish(to).await?;
    Ok(BlobOutcome::Written)
}

/// Fills `partial` with the blob `digest`, which is `sized` where its size is known; as for [`write_blob`]. Without a
/// size the body has to verify itself, and what an earlier writer left is of use only when it is whole.
pub(super) async fn complete(
    partial: &mut Partial,
    digest: &Digest,
    sized: Option<&Descriptor>,
    body: &BlobBody,
) -> Result<BlobOutcome> {
    if partial.len() > 0 {
        let left = partial.len();
        let mut digester = partial.rehash(digest.algorithm()).await?;
        let continued = match sized {
            Some(blob) => continued(partial, blob, body, &mut digester).await?,
            None => true,
        };
        if continued && digester.finish() == *digest {
            return Ok(match partial.len() == left {
                true => BlobOutcome::Present,
                false => BlobOutcome::Written,
            });
        }
        partial.clear().await?;
    }
    let stream = body.open(0).await;
    let filled = match stream {
        Ok(stream) => fill(partial, sized, stream, None).await,
        Err(e) => Err(e),
    };
    if let Err(e) = filled {
        partial.abandon(&e).await;
        return Err(e);
    }
    Ok(BlobOutcome::Written)
}

/// Fetches what is missing in `partial`; false when the body cannot be opened at that offset.
async fn continued(
    partial: &mut Partial,
    blob: &Descriptor,
    body: &BlobBody,
    digester: &mut Digester,
) -> Result<bool> {
    if partial.len() == blob.size {
        return Ok(true);
    }
    let stream = match body.open(partial.len()).await {
        Ok(stream) => stream,
        Err(e) => {
            tracing::debug!("starting `{}` over: {e:#}", blob.digest);
            return Ok(false);
        }
    };
    tracing::debug!(
        "continuing `{}` at {} of {} bytes",
        blob.digest,
        partial.len(),
        blob.size
    );
    match fill(partial, Some(blob), stream, Some(digester)).await {
        Ok(()) => Ok(true),
        Err(e) => {
            partial.abandon(&e).await;
            Err(e)
        }
    }
}

/// Writes `stream` to the end of `partial`, until that is all of `blob` where that is known. What arrived before an
/// error is written too: it is what the next try continues from.
async fn fill(
    partial: &mut Partial,
    blob: Option<&Descriptor>,
    mut stream: BlobStream,
    mut digester: Option<&mut Digester>,
) -> Result<()> {
    let (mut batch, mut batched) = (Vec::new(), 0);
    let mut writing: Option<Appending> = None;
    let ended = loop {
        match stream.next().await {
            Some(Ok(bytes)) => {
                let len = partial.len() + (batched + bytes.len()) as u64;
                if let Some(blob) = blob
                    && len > blob.size
                {
                    break Err(wrong(
                        blob,
                        format!("is longer than its {} bytes", blob.size),
                    ));
                }
                if let Some(digester) = digester.as_deref_mut() {
                    digester.update(&bytes);
                }
                batched += bytes.len();
                batch.push(bytes);
                if batched >= BATCH {
                    let writing = writing.get_or_insert_with(|| partial.append());
                    let full = std::mem::take(&mut batch);
                    if !writing.send(partial, full).await {
                        break Ok(());
                    }
                    batched = 0;
                }
            }
            Some(Err(e)) => break Err(e),
            None => break Ok(()),
        }
    };
    let mut writing = writing.unwrap_or_else(|| partial.append());
    writing.send(partial, batch).await;
    writing.finish().await?;
    ended?;
    if let Some(blob) = blob
        && partial.len() != blob.size
    {
        let what = format!("ends after {} of {} bytes", partial.len(), blob.size);
        return Err(wrong(blob, what));
    }
    Ok(())
}

fn wrong(blob: &Descriptor, what: String) -> Error {
    Error::corrupt(format!("blob `{}` {what}", blob.digest))
}

/// Reads the file `path` from offset `from` on, in pieces of up to 256 KiB, one piece ahead of the reader and off the
/// async threads. The stream does not verify; wrap it in [`super::verified`] when `from` is 0.
///
/// # Errors
/// [`crate::Kind::NotFound`] when the file is missing, [`crate::Kind::NotAllowed`] when it may not be read; later ones are items of
/// the stream.
pub async fn read_file(path: &Path, from: u64) -> Result<BlobStream> {
    let path = path.to_owned();
    let open = path.clone();
    let (file, left) = blocking(move || {
        let unreadable = |e| cannot_read(&open, e);
        let mut file = open_file(&open).map_err(unreadable)?;
        let len = file.metadata().map_err(unreadable)?.len();
        if from > 0 {
            file.seek(SeekFrom::Start(from)).map_err(unreadable)?;
        }
        Ok((file, len.saturating_sub(from)))
    })
    .await?;
    Ok(pieces(file, left, move |e| cannot_read(&path, e)))
}
