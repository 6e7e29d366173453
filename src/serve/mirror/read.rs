//! Reading manifests, sizes and tags at an upstream: through the mirrors that registries.conf names for it, and past the
//! signature policy. Blobs are read by `pull`.

use std::sync::Arc;

use futures_util::StreamExt;

use super::Place;
use crate::image::{Digest, ImageName, Manifest, Reference, Repository, Tag};
use crate::open::Admission;
use crate::registry::v2::TagOrDigest;
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

impl Place<'_> {
    /// The manifest `which` of the upstream, if the policy accepts it. An index passes where its manifests are judged one by
    /// one.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] where the policy or registries.conf refuses it; those of the upstream.
    pub(super) async fn manifest(&self, which: &TagOrDigest) -> Result<Manifest> {
        let admission = self.admission(which);
        if admission.is_open() && !self.remote.is_elsewhere(&self.name, which)? {
            return self.client.get_manifest(which).await.map_err(of_upstream);
        }
        let source = self.remote.source(&self.name, Some(which)).await?;
        let manifest = source.manifest(&ManifestRef::Named).await;
        let manifest = manifest.map_err(of_upstream)?;
        let is_judged = admission.gate.judges_indexes(false) || !manifest.media_type().is_index();
        if is_judged && !admission.is_open() {
            let judged = admission.judge(&*source, &ManifestRef::Named, &manifest);
            judged.await?.enforced().map_err(|e| {
                let text = format!("`{}` is refused by the signature policy", admission.image);
                Error::not_allowed(text).because(e)
            })?;
        }
        Ok(manifest)
    }

    /// Which manifest the upstream has under `tag`; the manifest itself where asking for its digest is not enough.
    pub(super) async fn current(&self, tag: &Tag) -> Result<Option<Current>> {
        let which = TagOrDigest::Tag(tag.clone());
        if !self.remote.is_elsewhere(&self.name, &which)? {
            let digest = self.client.manifest_digest(&which, true).await?;
            return Ok(digest.map(Current::Digest));
        }
        match self.manifest(&which).await {
            Ok(manifest) => Ok(Some(Current::Manifest(manifest))),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// The size of a blob in bytes.
    pub(super) async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        match self.elsewhere().await? {
            Some(source) => source.blob_size(digest).await,
            None => self.client.blob_size(digest).await,
        }
    }

    /// All tags of the repository, in the upstream's order.
    pub(super) async fn tags(&self) -> Result<Vec<Arc<str>>> {
        let elsewhere = self.elsewhere().await?;
        let mut pages = match elsewhere.as_ref().and_then(|source| source.offers().tags) {
            Some(list) => list.tags(),
            None => self.client.tag_names(),
        };
        let mut tags = Vec::new();
        while let Some(page) = pages.next().await {
            tags.extend(page?.into_iter().map(Arc::from));
        }
        Ok(tags)
    }

    /// Whether the policy accepts whatever is in this repository.
    pub(super) fn is_open(&self, which: &TagOrDigest) -> bool {
        self.admission(which).is_open()
    }

    /// The repository where it has other places than the upstream.
    async fn elsewhere(&self) -> Result<Option<Arc<dyn Source>>> {
        let latest = TagOrDigest::Tag(Tag::latest());
        match self.remote.is_elsewhere(&self.name, &latest)? {
            true => self.remote.source(&self.name, None).await.map(Some),
            false => Ok(None),
        }
    }

    /// The policy for `which`, by the name under which the upstream is mirrored and not by its address.
    fn admission(&self, which: &TagOrDigest) -> Admission {
        let repository = Repository {
            registry: self.remote.named.clone(),
            name: self.name.clone(),
        };
        Admission {
            gate: self.remote.gate.clone(),
            image: ImageName::Docker(reference(repository, Some(which))),
        }
    }
}

/// The error of an upstream that sends something wrong: the files here are not at fault.
fn of_upstream(e: Error) -> Error {
    match e.kind() {
        Kind::Corrupt => Error::unavailable("it sends no such manifest").because(e),
        _ => e,
    }
}

/// What an upstream has under a tag.
pub(super) enum Current {
    Digest(Digest),
    Manifest(Manifest),
}

impl Current {
    /// The digest of the manifest.
    pub(super) fn digest(&self) -> &Digest {
        match self {
            Current::Digest(digest) => digest,
            Current::Manifest(manifest) => manifest.digest(),
        }
    }
}

/// The name of `which` in `repository`; without it, that of the tag `latest`.
pub(super) fn reference(repository: Repository, which: Option<&TagOrDigest>) -> Reference {
    let (tag, digest) = match which {
        Some(TagOrDigest::Tag(tag)) => (Some(tag.clone()), None),
        Some(TagOrDigest::Digest(digest)) => (None, Some(digest.clone())),
        None => (Some(Tag::latest()), None),
    };
    Reference {
        repository,
        tag,
        digest,
    }
}
