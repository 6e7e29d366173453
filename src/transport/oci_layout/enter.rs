//! The lock of a layout, and the entry of an image into its index under it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use super::attached::listed_as;
use super::blobs::Blobs;
use super::index::Index;
use super::{LAYOUT, LAYOUT_FILE, cannot_write, read_index, write_index};
use crate::image::{Descriptor, Digest, Manifest, Selector};
use crate::transport::Attachment;
use crate::{Error, Result};

/// Takes the lock of the layout until the file is dropped; writes `oci-layout` where it is missing.
pub(crate) fn lock(layout: &Path) -> Result<File> {
    let path = layout.join(LAYOUT_FILE);
    let cannot = |e| cannot_write(&path, 0, LAYOUT.len() as u64, e);
    let mut options = OpenOptions::new();
    // For writing, because network file systems lock nothing else; a layout of others may allow reading only.
    let opened = options.read(true).write(true).create(true).open(&path);
    let mut file = opened.or_else(|e| match e.kind() {
        ErrorKind::PermissionDenied => File::open(&path).map_err(|_| cannot(e)),
        _ => Err(cannot(e)),
    })?;
    match crate::files::lock(&file, &path) {
        Err(e) if e.kind() == ErrorKind::Unsupported => {
            tracing::warn!("`{}` cannot be locked: {e:#}", path.display());
        }
        done => done.map_err(cannot)?,
    }
    let mut first = [0; 1];
    if file.read(&mut first).map_err(cannot)? == 0 {
        file.write_all(LAYOUT).map_err(cannot)?;
        file.sync_all().map_err(cannot)?;
    }
    Ok(file)
}

/// The entries that a destination adds to the index of its layout.
#[derive(Debug, Clone, Default)]
pub(in crate::transport) struct NewEntries {
    /// The name of the image there, if it has one.
    pub(in crate::transport) name: Option<String>,
    pub(in crate::transport) image: Option<Descriptor>,
    /// How the source's index describes the image.
    pub(in crate::transport) description: Option<Descriptor>,
    /// Manifests that are entered in addition to the image.
    attached: Vec<(Descriptor, Attachment)>,
}

impl NewEntries {
    /// For an image that is called by `selector`; `shown` is its whole name. Fails for `@N`, which is for reading only.
    pub(in crate::transport) fn called(selector: &Selector, shown: &str) -> Result<NewEntries> {
        let name = match selector {
            Selector::Only => None,
            Selector::Named(name) => Some(name.clone()),
            Selector::At(n) => {
                let text = format!("`{shown}`: `@{n}` is for reading only");
                return Err(Error::other(text).hint("give the image a name, or none"));
            }
        };
        Ok(NewEntries {
            name,
            ..NewEntries::default()
        })
    }

    /// Adds `manifest`, which is found as `how` says.
    pub(in crate::transport) fn attach(&mut self, manifest: &Manifest, how: &Attachment) {
        let entry = match how {
            Attachment::Referrer => listed_as(manifest).map(|(_, entry)| entry),
            Attachment::Tag(_) => None,
        };
        let entry = entry.unwrap_or_else(|| manifest.descriptor());
        self.attached.push((entry, how.clone()));
    }

    /// Whether there is nothing to enter.
    pub(super) fn is_empty(&self) -> bool {
        self.image.is_none() && self.attached.is_empty()
    }

    /// Enters all of it into `index`.
    pub(in crate::transport) fn enter(&self, index: &mut Index) {
        if let Some(image) = self.image.clone() {
            let image = image.described_by(self.description.as_ref());
            index.enter(&image, self.name.as_deref());
        }
        for (manifest, how) in &self.attached {
            match how {
                Attachment::Tag(tag) => index.enter(manifest, Some(tag.as_str())),
                Attachment::Referrer if index.lists(&manifest.digest) => {}
                Attachment::Referrer => index.enter(manifest, None),
            }
        }
    }
}

/// Enters `new` into `index.json`, with what other processes have entered meanwhile. All `parts` of the new images have to be
/// there: somebody may have deleted an image that shared them.
pub(super) fn enter(
    layout: &Path,
    new: &NewEntries,
    blobs: &Blobs,
    parts: &[(Digest, u64)],
) -> Result<()> {
    let _lock = lock(layout)?;
    let is_there = |(digest, size): &&(Digest, u64)| {
        fs::metadata(blobs.file(digest)).is_ok_and(|m| m.len() == *size)
    };
    if let Some((digest, _)) = parts.iter().find(|part| !is_there(part)) {
        let text = format!(
            "`{digest}` was removed from `{}` while the image was written",
            layout.display()
        );
        return Err(
            Error::unavailable(text).hint("run the same command again: it writes what is missing")
        );
    }
    let index = read_index(layout)?;
    // A large index takes much memory, its text little.
    let before = index.as_ref().and_then(|index| index.to_json().ok());
    let mut after = index.unwrap_or_else(Index::empty);
    new.enter(&mut after);
    if before.is_some() && before == after.to_json().ok() {
        return Ok(());
    }
    write_index(layout, &after)
}
