//! `oci:` images in an OCI image layout (image-spec, image-layout.md).
//!
//! A layout holds several images that share their blobs, and several processes may write into one at the same
//! time. So blobs are written through [`blob_store`](super::blob_store), and the only file that changes, `index.json`,
//! is read, merged and replaced under an advisory lock on the file `oci-layout`: that file is in every layout,
//! is never replaced, and a lock on it ends with its process and leaves nothing behind.

mod attached;
pub(super) mod blobs;
mod delete;
mod destination;
mod enter;
mod flat;
pub(super) mod index;
pub(super) mod pick;
mod source;

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;

use super::blob_store::{
    LIST_CAP, blocking, cannot_read, cannot_write, check_list, read_document, read_small,
    write_document_blocking,
};
use crate::files::follow;
use crate::image::{Descriptor, Digest, ImageName, Manifest, ManifestError, MediaType, Selector};
use crate::{Error, Result};
pub(super) use attached::referrers_to;
use blobs::{Blobs, reader};
pub(super) use enter::NewEntries;
pub(crate) use enter::lock;
use index::{Index, MOST_ENTRIES};

pub(crate) use delete::delete;
pub(super) use delete::unneeded;
pub use destination::OciDestination;
pub(super) use destination::{CAN, check_holds};
pub use source::OciSource;

pub(super) const LAYOUT_FILE: &str = "oci-layout";
pub(super) const INDEX_FILE: &str = "index.json";
/// As skopeo 1.22 writes it.
pub(super) const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

fn image_name(path: &Path, selector: &Selector) -> String {
    let name = ImageName::Oci {
        path: path.to_owned(),
        selector: selector.clone(),
    };
    name.to_string()
}

/// Reads `index.json`; `None` when there is none.
fn read_index(layout: &Path) -> Result<Option<Index>> {
    let path = layout.join(INDEX_FILE);
    let Some(bytes) = read_small(&path, LIST_CAP)? else {
        return Ok(None);
    };
    index_of(&bytes, &path.display().to_string()).map(Some)
}

/// Puts `index` in the place of that of `layout`; see [`document`]. Blocks.
fn write_index(layout: &Path, index: &Index) -> Result<()> {
    let path = layout.join(INDEX_FILE);
    let json = document(index, &path.display().to_string())?;
    // A link stays, and what it leads to is changed.
    let file = match path.exists() {
        true => follow(&path).map_err(|e| cannot_write(&path, 0, json.len() as u64, e))?,
        false => path,
    };
    write_document_blocking(&file, file.parent().unwrap_or(layout), json.as_bytes())
}

/// `index` as the document that messages call `file`.
///
/// [`crate::Kind::Refused`] for one that could not be read again.
pub(super) fn document(index: &Index, file: &str) -> Result<String> {
    let json = index.to_json();
    let json = json.map_err(|e| Error::other(format!("`{file}` cannot be written")).because(e))?;
    let fits = match index.entries().len() {
        n if n > MOST_ENTRIES => Err(format!("it would list more than {MOST_ENTRIES} images")),
        _ => check_list(json.as_bytes()),
    };
    fits.map(|()| json).map_err(|why| {
        let error = Error::refused(format!("`{file}` would become too large: {why}"));
        error.hint("write to another place, or delete images of this one first")
    })
}

/// The entries of an `index.json`, which messages call `file`.
pub(super) fn index_of(bytes: &[u8], file: &str) -> Result<Index> {
    Index::parse(bytes).map_err(|e| Error::corrupt(format!("`{file}` is not an image index: {e}")))
}

/// Checks the file `oci-layout`. A missing one passes, as it does with skopeo, and so does an empty one: its
/// writer died before the first byte.
fn check_version(layout: &Path) -> Result<()> {
    match read_document(&layout.join(LAYOUT_FILE))? {
        Some(bytes) => check_version_of(&bytes, &layout.display().to_string()),
        None => Ok(()),
    }
}

/// Checks the content of the file `oci-layout` of `layout`, as messages call it.
pub(super) fn check_version_of(bytes: &[u8], layout: &str) -> Result<()> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Layout {
        image_layout_version: String,
    }
    if bytes.is_empty() {
        return Ok(());
    }
    let Layout {
        image_layout_version: version,
    } = serde_json::from_slice(bytes).map_err(|e| {
        let message = format!("`{layout}/{LAYOUT_FILE}` gives no layout version");
        Error::corrupt(message).because(e)
    })?;
    if version.split('.').next() == Some("1") {
        return Ok(());
    }
    Err(Error::other(format!(
        "`{layout}` is an image layout of version `{version}`, barque knows `1.0.0`"
    )))
}

/// The index of the layout in the directory `path`, which has to be one.
fn index_at(path: &Path) -> Result<Index> {
    let index = read_index(path)?.ok_or_else(|| no_layout(path))?;
    check_version(path)?;
    Ok(index)
}

/// The names of the images in the layout `path`, `@N` for one without.
pub(crate) async fn names(path: &Path) -> Result<Vec<String>> {
    let path = path.to_owned();
    blocking(move || {
        let index = index_at(&path)?;
        Ok(index.handles(&reader(&Blobs::new(&path, None))))
    })
    .await
}

/// The content that a descriptor carries itself.
pub(super) fn data(blob: &Descriptor) -> Option<Bytes> {
    let bytes = BASE64.decode(blob.data.as_ref()?).ok()?;
    Some(bytes.into())
}

/// Takes `raw` as the manifest that an entry calls `media_type`. Layouts are found whose entries call docker's
/// manifests OCI's; the body's own word stands then, since both are read alike.
fn parse(raw: Bytes, media_type: Option<&str>) -> Result<Manifest, ManifestError> {
    Manifest::parse(raw.clone(), media_type).or_else(|e| {
        let called = media_type.map(MediaType::new);
        let alike = |m: &Manifest| {
            called.as_ref().is_some_and(|called| {
                (called.is_index() && m.media_type().is_index())
                    || (called.is_image_manifest() && m.media_type().is_image_manifest())
            })
        };
        Manifest::parse(raw, None).ok().filter(alike).ok_or(e)
    })
}

/// The manifest `digest` that is `raw` in the layout `path`.
pub(super) fn checked(
    raw: Bytes,
    digest: &Digest,
    media_type: Option<&str>,
    path: &Path,
) -> Result<Manifest> {
    let actual = Digest::of(digest.algorithm(), &raw);
    if actual != *digest {
        return Err(Error::corrupt(format!(
            "manifest `{digest}` is corrupt: its content hashes to `{actual}`"
        )));
    }
    let manifest = parse(raw, media_type).map_err(|e| {
        Error::corrupt(format!(
            "`{digest}` in `{}` is not a manifest",
            path.display()
        ))
        .because(e)
    })?;
    Ok(manifest.by(digest.algorithm()))
}

fn no_layout(path: &Path) -> Error {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(m) if !m.is_dir() => {
            Error::not_found(format!("`{shown}` is a file, not an OCI image layout"))
        }
        Ok(_) => {
            let error = Error::not_found(format!(
                "`{shown}` is not an OCI image layout: it has no `{INDEX_FILE}`"
            ));
            if path.join("manifest.json").exists() {
                return error.hint(format!("did you mean `dir:{shown}`?"));
            }
            error
        }
        Err(e) => cannot_read(path, e),
    }
}
