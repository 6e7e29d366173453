//! Signatures outside of the registry, at a lookaside: `@ALGORITHM=HEX/signature-N` behind the place of the repository,
//! from 1 on, up to the first number that is missing (containers-registries.d(5)).
//!
//! A folder is read and written, a server only read.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use url::Url;

use crate::image::Digest;
use crate::registry::Client;
use crate::settings::redacted;
use crate::transport::blob_store::{self, DOCUMENT_CAP, blocking, read_document};
use crate::{Error, Result};

/// The most signatures of one manifest.
const MOST: usize = 128;

/// Collects signatures within the limits of number and size.
struct Found<'a> {
    signatures: Vec<Bytes>,
    size: u64,
    place: &'a (dyn std::fmt::Display + Sync),
}

impl<'a> Found<'a> {
    fn at(place: &'a (dyn std::fmt::Display + Sync)) -> Found<'a> {
        Found {
            signatures: Vec::new(),
            size: 0,
            place,
        }
    }

    fn next(&self) -> usize {
        self.signatures.len() + 1
    }

    fn add(&mut self, signature: Bytes) -> Result<()> {
        self.size += signature.len() as u64;
        if self.signatures.len() >= MOST || self.size > DOCUMENT_CAP {
            let message = format!(
                "there are too many signatures at `{}`: at most {MOST} of {DOCUMENT_CAP} bytes in all are read",
                self.place
            );
            return Err(Error::corrupt(message));
        }
        self.signatures.push(signature);
        Ok(())
    }
}

/// The directory of the signatures of `of`, in a repository whose place is `repository`.
fn folder(repository: &Path, of: &Digest) -> PathBuf {
    let mut path = repository.as_os_str().to_owned();
    path.push(format!("@{}={}", of.algorithm(), of.hex()));
    path.into()
}

fn file(folder: &Path, n: usize) -> PathBuf {
    folder.join(format!("signature-{n}"))
}

/// The signatures of `of` in the folder `repository`.
pub(super) async fn read_folder(repository: &Path, of: &Digest) -> Result<Vec<Bytes>> {
    let folder = folder(repository, of);
    blocking(move || read(&folder)).await
}

fn read(folder: &Path) -> Result<Vec<Bytes>> {
    let shown = folder.display();
    let mut found = Found::at(&shown);
    while let Some(signature) = read_document(&file(folder, found.next()))? {
        found.add(signature)?;
    }
    Ok(found.signatures)
}

/// The signatures of `of` below the URL `repository`, which `client` asks for.
pub(super) async fn read_server(
    client: &Client,
    repository: &Url,
    of: &Digest,
) -> Result<Vec<Bytes>> {
    let shown = redacted(repository.as_str());
    let mut found = Found::at(&shown);
    let mut url = repository.clone();
    loop {
        let n = found.next();
        let (path, algorithm, hex) = (repository.path(), of.algorithm(), of.hex());
        url.set_path(&format!("{path}@{algorithm}={hex}/signature-{n}"));
        match client.signature_at(&url).await? {
            Some(signature) => found.add(signature)?,
            None => return Ok(found.signatures),
        }
    }
}

/// Writes the signatures of `of` to the folder `repository`, in place of those that are there.
pub(super) async fn write_folder(
    repository: &Path,
    of: &Digest,
    signatures: Vec<Bytes>,
) -> Result<()> {
    let folder = folder(repository, of);
    blocking(move || write(&folder, &signatures)).await
}

fn write(folder: &Path, signatures: &[Bytes]) -> Result<()> {
    for (i, signature) in signatures.iter().enumerate() {
        let to = file(folder, i + 1);
        let there = read_document(&to).ok().flatten();
        if there.as_ref() != Some(signature) {
            blob_store::write_document_blocking(&to, folder, signature)?;
        }
    }
    for n in signatures.len() + 1.. {
        let former = file(folder, n);
        match fs::remove_file(&former) {
            Ok(()) => {}
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => break,
            Err(e) => {
                let message = format!("cannot remove the old signature `{}`", former.display());
                return Err(Error::refused(message).because(e));
            }
        }
    }
    Ok(())
}
