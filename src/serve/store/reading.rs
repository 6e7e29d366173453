//! The repositories of a root as [`Content`].

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;

use super::{Root, reading};
use crate::Result;
use crate::image::{Digest, RepositoryName};
use crate::serve::content::{Blob, BlobPlace, Content, Found, Named};

#[async_trait]
impl Content for Root {
    async fn repositories(&self) -> Result<Vec<String>> {
        Ok(reading(|| self.names()))
    }

    async fn tags(&self, name: &RepositoryName) -> Result<Option<Arc<[Arc<str>]>>> {
        self.repository(name).tags()
    }

    async fn manifest(&self, name: &RepositoryName, which: Named<'_>) -> Result<Option<Found>> {
        self.repository(name).manifest(which)
    }

    async fn blob(&self, name: &RepositoryName, digest: &Digest) -> Result<Option<Blob>> {
        let repository = self.repository(name);
        let Some(size) = repository.blobs().size(digest) else {
            return Ok(None);
        };
        if repository.is_signed_manifest(digest)? {
            return Ok(None);
        }
        let place = BlobPlace::File(repository.blobs().file(digest));
        Ok(Some(Blob { size, place }))
    }

    async fn referrers(&self, name: &RepositoryName, digest: &Digest) -> Result<Vec<Value>> {
        self.repository(name).referrers(digest)
    }
}
