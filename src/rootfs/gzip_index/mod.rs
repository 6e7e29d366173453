//! Indexes of gzip layers in a directory of this machine: what is in a layer, and where, for layers without a table of contents.
//!
//! The index of a layer is written while the whole layer is read for the first time, and kept only when the layer matched its
//! digest. Later looks take the entries from it, and read the part of the layer that a file is in. Such a part has no digest
//! in the manifest; the index has one of each file. Nothing here reads a layer from its place.

mod fields;
mod file;
mod inflater;
mod pick;
mod record;

use std::io::{self, BufReader, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use fields::Place;
use file::Opened;
use inflater::{Inflater, Restart};
pub(super) use record::Recorder;

use super::tar_stream::TarStream;
use super::{Entry, EntryKind, ImagePath};
use crate::image::{Descriptor, Digest};
use crate::transport::blob_store::remove;
use crate::transport::inflate::{Compression, broken};
use crate::{Error, Result};

/// The index of a layer.
#[derive(Clone)]
pub(super) struct GzipIndex(Arc<Opened>);

/// Where the content of a file is.
pub(super) struct Part {
    size: u64,
    digest: Digest,
    /// Bytes of the tar before the headers of its entry.
    header: u64,
    restart: Restart,
    /// The part of the layer that has to be read for it.
    pub(super) range: Range<u64>,
}

impl GzipIndex {
    /// Whether there is an index of `layer` in `directory`, good or not.
    pub(super) fn is_there(directory: &Path, layer: &Descriptor) -> bool {
        file::path_of(directory, layer).exists()
    }

    /// Reads the index of `layer` from `directory`; `None` without one. An index that cannot be used is removed with a
    /// warning, so that the next look writes it again. Blocks.
    pub(super) fn open(directory: &Path, layer: &Descriptor) -> Option<GzipIndex> {
        let path = file::path_of(directory, layer);
        match Opened::open(&path, layer) {
            Ok(opened) => Some(GzipIndex(Arc::new(opened))),
            Err(e) if e.kind() == ErrorKind::NotFound => None,
            Err(e) => {
                tracing::warn!("the index `{}` is not used: {e:#}", path.display());
                if matches!(e.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) {
                    remove(&path);
                }
                None
            }
        }
    }

    /// Hands each entry to `each`. Blocks. Fails with the errors of `each`; [`crate::Kind::Corrupt`] for an index that
    /// cannot be read.
    pub(super) fn entries(&self, mut each: impl FnMut(&Entry) -> Result<()>) -> Result<()> {
        self.0.entries(|entry, _| each(&entry))
    }

    /// Where the content of the file `path` is; `None` when there is no such file. Blocks. Fails as
    /// [`GzipIndex::entries`] does.
    pub(super) fn locate(&self, path: &ImagePath) -> Result<Option<Part>> {
        let mut found: Option<(u64, Place)> = None;
        self.0.entries(|entry, place| {
            // A file that is there twice is the last one.
            if entry.path == *path
                && let Some(place) = place
            {
                found = Some((entry.size, place));
            }
            Ok(())
        })?;
        let Some((size, place)) = found else {
            return Ok(None);
        };
        let restart = self.0.restart(place.header)?;
        Ok(Some(Part {
            size,
            digest: place.digest,
            header: place.header,
            range: match size {
                0 => 0..0,
                _ => restart.stored..place.end,
            },
            restart,
        }))
    }
}

impl Part {
    /// Sends the content to `out`, or what the receiver takes of it. `input` is the part of the layer that it is in.
    /// Blocks. Fails with [`crate::Kind::Corrupt`] for what cannot be read or does not match its digest.
    pub(super) fn send(&self, input: impl Read, out: &mpsc::Sender<Bytes>) -> Result<()> {
        let gzip = Some(Compression::Gzip);
        let input = BufReader::with_capacity(64 << 10, input);
        let mut plain = Inflater::resume(input, &self.restart);
        let before = self.header - self.restart.plain;
        io::copy(&mut plain.by_ref().take(before), &mut io::sink()).map_err(|e| broken(gzip, e))?;
        let mut tar = TarStream::new(&mut plain, gzip);
        match tar.next()? {
            Some((entry, mut content))
                if entry.kind == EntryKind::File && entry.size == self.size =>
            {
                content.hash(Some(self.digest.clone()));
                content.send(out)
            }
            _ => {
                let text = "the layer does not have the file where its index says";
                Err(Error::corrupt(text))
            }
        }
    }
}
