//! Signatures in a `dir:` image: `signature-1`, `signature-2`.. are the image's, `HEX.signature-1`.. those of a
//! manifest that a list points at. They are bytes; nothing here checks one.

use std::path::Path;

use bytes::Bytes;

use super::blob_name;
use super::blob_store::{DOCUMENT_CAP, read_document};
use crate::transport::ManifestRef;
use crate::{Error, Result};

/// The file of the signature `n`, from 1 on.
pub(super) fn name(of: &ManifestRef, n: usize) -> String {
    match of {
        ManifestRef::Named => format!("signature-{n}"),
        ManifestRef::Digest(digest) => format!("{}.signature-{n}", blob_name(digest)),
    }
}

/// Whether `rest`, without a digest before it, is the name of a signature.
pub(super) fn is_name(rest: &str) -> bool {
    rest.strip_prefix("signature-")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// The signatures of one manifest in the directory `path`, in their order, up to the first number that is missing.
///
/// [`crate::Kind::Corrupt`] when they take more than [`DOCUMENT_CAP`] bytes.
pub(super) fn read(path: &Path, of: &ManifestRef) -> Result<Vec<Bytes>> {
    let (mut found, mut size) = (Vec::new(), 0);
    while let Some(signature) = read_document(&path.join(name(of, found.len() + 1)))? {
        // An empty one counts too, so that their number is bounded.
        size += signature.len().max(1) as u64;
        if size > DOCUMENT_CAP {
            let message = format!("signatures in `{}` are too large", path.display());
            return Err(Error::corrupt(message));
        }
        found.push(signature);
    }
    Ok(found)
}
