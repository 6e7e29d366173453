//! `Content`: what a server has to offer, whatever it is kept in. The routes ask it and know no files.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::stamp::{Held, Stamp};
use crate::Result;
use crate::image::{Descriptor, Digest, RepositoryName, Tag};
use crate::transport::{BlobStream, Source, blob_store};

/// A manifest by one of its two names.
#[derive(Debug, Clone, Copy)]
pub(super) enum Named<'a> {
    Tag(&'a Tag),
    Digest(&'a Digest),
}

/// A manifest that is there.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// In the algorithm that was asked for.
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) size: u64,
    pub(super) bytes: Document,
    /// What the client is to be warned of, in the form of a `Warning` header.
    pub(super) warning: Option<&'static str>,
}

/// Where the bytes of a manifest are.
#[derive(Debug, Clone)]
pub(super) enum Document {
    /// In a file whose content was right while it had this stamp.
    File(PathBuf, Stamp),
    Here(Bytes),
}

impl Document {
    /// The bytes; `None` when they are gone by now, or others.
    pub(super) fn read(&self) -> Result<Option<Bytes>> {
        match self {
            Document::File(path, stamp) => {
                let read = blob_store::read_document_of(path)?;
                // After the bytes, so that a change while they were read shows.
                let now = |file: &File| file.metadata().map(|about| Stamp::of(&about));
                let same = read.filter(|(_, file)| now(file).is_ok_and(|now| now == *stamp));
                Ok(same.map(|(bytes, _)| bytes))
            }
            Document::Here(bytes) => Ok(Some(bytes.clone())),
        }
    }
}

/// A blob that is there.
pub(super) struct Blob {
    pub(super) size: u64,
    pub(super) place: BlobPlace,
}

/// Where the bytes of a blob are.
pub(super) enum BlobPlace {
    File(PathBuf),
    /// A part of an image that is read in place, from an archive that has to stay as it is.
    Image(Arc<dyn Source>, Box<Descriptor>, Option<Arc<Held>>),
    /// Opened at an offset when the first byte is wanted.
    Later(Box<dyn FnOnce(u64) -> BoxFuture<'static, Result<BlobStream>> + Send>),
}

impl Blob {
    /// The bytes from `offset` on.
    pub(super) async fn read(self, offset: u64) -> Result<BlobStream> {
        match self.place {
            BlobPlace::File(path) => blob_store::read_file(&path, offset).await,
            BlobPlace::Later(open) => open(offset).await,
            BlobPlace::Image(source, blob, None) => source.blob_unhashed(&blob, offset).await,
            BlobPlace::Image(source, blob, Some(held)) => {
                held.check()?;
                Ok(held.watch(source.blob_unhashed(&blob, offset).await?))
            }
        }
    }
}

/// Repositories and what is in them, to read.
#[async_trait]
pub(super) trait Content: Send + Sync {
    /// The names of all repositories, sorted.
    async fn repositories(&self) -> Result<Vec<String>>;

    /// The tags of a repository, sorted; `None` when there is no such repository.
    async fn tags(&self, name: &RepositoryName) -> Result<Option<Arc<[Arc<str>]>>>;

    /// A manifest of a repository.
    async fn manifest(&self, name: &RepositoryName, which: Named<'_>) -> Result<Option<Found>>;

    /// A blob of a repository.
    async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Option<Blob>>;

    /// What is here already, and what `name` is called there, where everything else would be read from an upstream first.
    ///
    /// # Errors
    /// When `name` cannot be a repository of an upstream.
    #[cfg(feature = "legacy")]
    fn kept(&self, _name: &RepositoryName) -> Result<Option<(&dyn Content, RepositoryName)>> {
        Ok(None)
    }

    /// Descriptors of the manifests whose subject is `digest`, in the order in which they were stored.
    async fn referrers(&self, name: &RepositoryName, digest: &Digest) -> Result<Vec<Value>>;
}
