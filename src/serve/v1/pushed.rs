//! Images that were pushed in V1, as they came: `.barque/v1/images/ID` has the document, the layer and its checksum.
//!
//! An image is whole when its checksum was confirmed; until then its parts may be sent again. `.barque/v1/made/HEX` names the
//! V1 image of which the manifest with that digest was made.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;

use crate::image::{Digest, V1Id};
use crate::legacy::v1::V1Image;
use crate::transport::blob_store::{self, cannot_write, read_document, write_document_blocking};
use crate::{Result, locked};

/// Bytes of the document of an image.
pub(super) const DOCUMENT: usize = 4 << 20;
/// An image that is not whole is removed at a start when nothing came for so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The images of a directory.
pub(super) struct Pushed {
    images: PathBuf,
    made: PathBuf,
    /// Layers that are being received.
    receiving: Mutex<HashSet<V1Id>>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct PushedImage {
    pub(super) json: Bytes,
    pub(super) parent: Option<V1Id>,
    /// What the checksum covers is the document, a newline, and the layer.
    pub(super) checksum: String,
    pub(super) layer: PathBuf,
    pub(super) size: u64,
}

/// How far an image has come.
pub(super) enum State {
    Unknown,
    /// Its document is there.
    Begun(Bytes),
    /// Its layer too, with this checksum.
    Received(String),
    Whole(PushedImage),
}

impl Pushed {
    /// The images in `dir`. Blocks.
    pub(super) fn open(dir: &Path) -> Pushed {
        let pushed = Pushed {
            images: dir.join("images"),
            made: dir.join("made"),
            receiving: Mutex::default(),
        };
        pushed.forget_old();
        pushed
    }

    fn forget_old(&self) {
        for entry in fs::read_dir(&self.images).into_iter().flatten().flatten() {
            let dir = entry.path();
            let modified = entry.metadata().and_then(|about| about.modified());
            let is_old = modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age >= KEPT));
            if is_old && !dir.join("checksum").exists() {
                let _ = fs::remove_dir_all(dir);
            }
        }
    }

    /// The directory of an image.
    fn dir(&self, id: &V1Id) -> PathBuf {
        self.images.join(id.as_str())
    }

    /// Where the layer of an image is received.
    pub(super) fn part(&self, id: &V1Id) -> PathBuf {
        self.dir(id).join("part")
    }

    /// What is there of an image. Blocks.
    pub(super) fn state(&self, id: &V1Id) -> Result<State> {
        let dir = self.dir(id);
        let Some(json) = read_document(&dir.join("json"))? else {
            return Ok(State::Unknown);
        };
        let text = |name: &str| -> Result<Option<String>> {
            let bytes = read_document(&dir.join(name))?;
            Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        };
        let layer = dir.join("layer");
        let Ok(size) = fs::metadata(&layer).map(|about| about.len()) else {
            return Ok(State::Begun(json));
        };
        Ok(match (text("checksum")?, text("received")?) {
            (Some(checksum), _) => State::Whole(PushedImage {
                parent: V1Image::parse(json.clone())?.parent().and_then(V1Id::parse),
                json,
                checksum,
                layer,
                size,
            }),
            (None, Some(received)) => State::Received(received),
            (None, None) => State::Begun(json),
        })
    }

    /// The image `id`, if it is whole. Blocks.
    pub(super) fn whole(&self, id: &V1Id) -> Result<Option<PushedImage>> {
        Ok(match self.state(id)? {
            State::Whole(image) => Some(image),
            _ => None,
        })
    }

    /// Begins an image, or begins it once more. Blocks.
    pub(super) fn begin(&self, id: &V1Id, json: &[u8]) -> Result<()> {
        let dir = self.dir(id);
        blob_store::create_directory(&dir)?;
        for of_before in ["received", "layer", "part"] {
            blob_store::remove(&dir.join(of_before));
        }
        write_document_blocking(&dir.join("json"), &dir, json)
    }

    /// Says that the layer of `id` is being received; `None` while another request does that.
    pub(super) fn receive(&self, id: &V1Id) -> Option<Receiving<'_>> {
        let mut receiving = locked(&self.receiving);
        let is_first = receiving.insert(id.clone());
        is_first.then(|| Receiving(self, id.clone()))
    }

    /// Takes the file at [`Pushed::part`] as the layer of `id`, with this checksum. Blocks.
    pub(super) fn received(&self, id: &V1Id, checksum: &Digest) -> Result<()> {
        let (dir, part) = (self.dir(id), self.part(id));
        let layer = dir.join("layer");
        // For writing, which some systems sync files for only.
        let part_file = fs::File::options().write(true).open(&part);
        let sync = part_file.and_then(|file| file.sync_data());
        sync.and_then(|()| fs::rename(&part, &layer))
            .map_err(|e| cannot_write(&layer, 0, 0, e))?;
        let text = checksum.to_string();
        write_document_blocking(&dir.join("received"), &dir, text.as_bytes())
    }

    /// Makes `id` whole, with the checksum of its layer. Durable when this returns. Blocks.
    pub(super) fn complete(&self, id: &V1Id) -> Result<()> {
        let dir = self.dir(id);
        let to = dir.join("checksum");
        fs::rename(dir.join("received"), &to).map_err(|e| cannot_write(&to, 0, 0, e))?;
        blob_store::sync_directory(&dir)?;
        blob_store::sync_directory(&self.images)
    }

    /// Notes that the manifest `digest` was made of the image `top`. Blocks.
    pub(super) fn note(&self, digest: &Digest, top: &V1Id) -> Result<()> {
        blob_store::create_directory(&self.made)?;
        let file = self.made.join(digest.hex());
        write_document_blocking(&file, &self.made, top.as_str().as_bytes())
    }

    /// The image that the manifest `digest` was made of. Blocks for a short read.
    pub(super) fn made_of(&self, digest: &Digest) -> Option<V1Id> {
        let noted = read_document(&self.made.join(digest.hex())).ok()??;
        V1Id::parse(std::str::from_utf8(&noted).ok()?)
    }
}

/// As long as it lives, no other request receives the layer.
pub(super) struct Receiving<'a>(&'a Pushed, V1Id);

impl Drop for Receiving<'_> {
    fn drop(&mut self) {
        locked(&self.0.receiving).remove(&self.1);
    }
}
