//! Deletes an image from a layout: its entry, and the blobs that nothing else in the layout names.
//!
//! All of it happens under the lock of the layout. The index is replaced first, so that a deletion which is
//! killed leaves blobs too many and never too few. A copy that runs meanwhile finds at its end, under the same
//! lock, whether a blob that it relied on is gone.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::blobs::{Blobs, LayoutBlobs};
use super::{check_version, image_name, lock, no_layout, parse, read_index, reader, write_index};
use crate::image::{Descriptor, Digest, Selector, View};
use crate::transport::Deleted;
use crate::transport::blob_store;
use crate::{Error, Result};

/// Manifests and blobs that something needs.
pub(in crate::transport) type Needed = BTreeSet<Digest>;

/// Deletes the entry that `selector` picks; see [`crate::open::delete`].
pub(crate) async fn delete(path: &Path, selector: &Selector) -> Result<Deleted> {
    let (path, selector) = (path.to_owned(), selector.clone());
    blob_store::blocking(move || {
        if read_index(&path)?.is_none() {
            return Err(no_layout(&path));
        }
        check_version(&path)?;
        let _lock = lock(&path)?;
        // Read again: it may have changed before the lock was taken.
        let Some(mut index) = read_index(&path)? else {
            return Err(no_layout(&path));
        };
        let shown = path.display().to_string();
        let blobs = Blobs::new(&path, None);
        let gone = index.remove(&selector, &shown, &reader(&blobs))?;
        let unneeded = unneeded(&blobs, &gone, &index.images(&shown));
        write_index(&path, &index)?;
        blob_store::sync_directory(&path)?;
        let mut deleted = Deleted {
            names: vec![image_name(&path, &selector)],
            blobs: 0,
            bytes: 0,
        };
        for digest in &unneeded {
            let blob = blobs.file(digest);
            let bytes = fs::metadata(&blob).map_or(0, |m| m.len());
            match fs::remove_file(&blob) {
                Ok(()) => {
                    deleted.blobs += 1;
                    deleted.bytes += bytes;
                }
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => {
                    let text = format!("the entry is deleted, but not `{}`", blob.display());
                    return Err(Error::refused(text).because(e));
                }
            }
        }
        Ok(deleted)
    })
    .await
}

/// What `gone` needs and none of the images that `stay`. Where one of those cannot be read, nobody knows what it
/// needs, and everything stays.
pub(in crate::transport) fn unneeded(
    blobs: &dyn LayoutBlobs,
    gone: &[Descriptor],
    stay: &[Result<Descriptor>],
) -> Needed {
    let (mut unneeded, mut needed) = (Needed::new(), Needed::new());
    let mut gone = gone.iter();
    let read = gone.try_for_each(|image| need(blobs, image, &mut unneeded));
    let read = read.and_then(|()| {
        stay.iter().try_for_each(|image| match image {
            Ok(image) => need(blobs, image, &mut needed),
            Err(e) => Err(Error::other(e.to_string())),
        })
    });
    if let Err(e) = read {
        tracing::warn!("no blob is removed, since it is not sure which are needed: {e:#}");
        return Needed::new();
    }
    unneeded.retain(|digest| !needed.contains(digest));
    unneeded
}

/// Adds `blob` and all that it names, down to the last child. What is not in the layout names nothing.
fn need(blobs: &dyn LayoutBlobs, blob: &Descriptor, needed: &mut Needed) -> Result<()> {
    // One digest may be named as a blob here and as a manifest there: then it is walked too.
    let mut walked = Needed::new();
    // An entry of an index is a manifest, whatever it is called.
    let mut left = vec![(blob.clone(), true)];
    while let Some((blob, listed)) = left.pop() {
        needed.insert(blob.digest.clone());
        let manifest =
            blob.media_type.is_manifest() || (listed && blob.media_type.as_str().is_empty());
        if !manifest || !walked.insert(blob.digest.clone()) {
            continue;
        }
        let Some(raw) = blobs.document(&blob.digest)? else {
            continue;
        };
        let stated = Some(blob.media_type.as_str()).filter(|t| !t.is_empty());
        let view = parse(raw, stated).and_then(|m| m.view());
        let view = view.map_err(|e| {
            let text = format!("manifest `{}` cannot be read", blob.digest);
            Error::corrupt(text).because(e)
        })?;
        match view {
            View::Image(image) => {
                left.extend(image.blobs().map(|b| (b.clone(), false)));
                left.extend(image.subject.map(|s| (s, true)));
            }
            View::Index(index) => {
                let entries = index.manifests.into_iter().chain(index.subject);
                left.extend(entries.map(|entry| (entry, true)));
            }
            View::Artifact(artifact) => {
                left.extend(artifact.blobs.into_iter().map(|b| (b, false)));
                left.extend(artifact.subject.map(|s| (s, true)));
            }
            View::Schema1(image) => needed.extend(image.fs_layers),
        }
    }
    Ok(())
}
