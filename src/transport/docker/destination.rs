//! `DockerDestination`: an image written to a registry.
//!
//! A blob is asked for, mounted or sent in as few requests as the registry allows; the estimate of those requests is
//! here too.

mod late;
mod passing;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Method;

use self::passing::{passing, traced};
use super::signatures::Signatures;
use crate::image::{
    Descriptor, Digest, Manifest, MediaType, Reference, Repository, RepositoryName, Tag,
};
use crate::registry::v2::{Pushed, RepositoryClient, TagOrDigest};
use crate::registry::{Actions, ApiError, ApiErrorItem, Client, missing_blobs};
use crate::settings::Context;
use crate::transport::asked::check_digest_matches;
use crate::transport::{
    BlobBody, BlobOutcome, Destination, DestinationCan, DestinationInventory, DestinationOffers,
    Expected, Foreign, ManifestRef, ManifestWritten, Network, PlannedBlob, Presence,
    SignatureStore, StreamedBlobs, WriteEstimates, WrittenLate,
};
use crate::{Error, Kind, Result};

/// An image of a registry, to write.
pub struct DockerDestination {
    /// Where the image goes, for reading and writing.
    pub(crate) repository: RepositoryClient,
    pub(crate) reference: Reference,
    tmpdir: Option<PathBuf>,
    signatures: Signatures,
}

impl DockerDestination {
    /// The image `reference`; nothing is sent before something is asked for. `context.tmpdir` is for blobs
    /// that the registry does not take as a stream.
    pub fn new(reference: &Reference, context: &Context) -> DockerDestination {
        let client = Arc::new(Client::of(&reference.repository.registry, context));
        DockerDestination {
            repository: client.repository(&reference.repository.name, Actions::PullPush),
            reference: reference.clone(),
            tmpdir: context.tmpdir.clone(),
            signatures: Signatures::new(reference, context),
        }
    }

    /// The repository of this registry that has the blobs; the image's own where none is known, which is the
    /// question whether they are there.
    fn mounted_from<'a>(&'a self, found_in: &'a [Repository]) -> &'a RepositoryName {
        let own = &self.reference.repository;
        let found = found_in.iter().find(|r| r.registry == own.registry);
        &found.unwrap_or(own).name
    }

    /// Where the manifest is written, and looked for before: the tag, if there is one.
    fn target(&self) -> TagOrDigest {
        let Reference { tag, digest, .. } = &self.reference;
        match (tag, digest) {
            (Some(tag), _) => TagOrDigest::Tag(tag.clone()),
            (None, Some(digest)) => TagOrDigest::Digest(digest.clone()),
            (None, None) => TagOrDigest::Tag(Tag::latest()),
        }
    }

    /// Writes `manifest` as `which` and returns the digest by which it can be read.
    pub(super) async fn put(&self, manifest: &Manifest, which: &TagOrDigest) -> Result<Digest> {
        let put = self.repository.put_manifest(which, manifest).await;
        put.map_err(|e| with_signing(e, manifest))
    }
}

#[async_trait]
impl Destination for DockerDestination {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            manifest_implies_blobs: true,
            foreign_layers: Foreign::Left,
            accepts_unknown_digest: true,
            ..DestinationCan::default()
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        let own = &self.reference.repository;
        let from = self.mounted_from(&body.found_in);
        let mounted = if *from == own.name {
            BlobOutcome::Present
        } else {
            BlobOutcome::Mounted
        };
        let from = Some(from).filter(|_| !body.must_send);
        let upload = passing(blob.size, &body);
        match self.repository.push_blob(blob, from, &upload).await {
            Ok(Pushed::Present) => Ok(mounted),
            Ok(Pushed::Uploaded) => Ok(BlobOutcome::Written),
            Err(e) => Err(traced(e, &body).await),
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        if *at == ManifestRef::Named {
            check_digest_matches(&self.reference, manifest, &self.name())?;
        }
        if let ManifestRef::Digest(digest) = at {
            let which = TagOrDigest::Digest(digest.clone());
            self.put(manifest, &which).await?;
            return Ok(ManifestWritten::default());
        }
        let mut filed = self.put(manifest, &self.target()).await?;
        if let Some(digest) = self.reference.digest.as_ref().filter(|d| **d != filed) {
            let which = TagOrDigest::Digest(digest.clone());
            filed = self.put(manifest, &which).await?;
        }
        Ok(ManifestWritten {
            filed_as: Some(filed),
            ..ManifestWritten::default()
        })
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            reference: Some(&self.reference),
            inventory: Some(self),
            streams: Some(self),
            signatures: Some(self),
            bundles: Some(self),
            network: Some(self),
            estimates: Some(self),
            attachments: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for DockerDestination {
    async fn current(&self) -> Result<Option<Digest>> {
        match self.repository.manifest_digest(&self.target(), true).await {
            // The tag stands for another image than the name with its digest does.
            Ok(Some(there)) if self.reference.digest.as_ref().is_some_and(|d| *d != there) => {
                Ok(None)
            }
            // E3, E8: a refusal here says nothing of what a push may do, and neither does a failure of the server.
            Err(e) if e.kind() == Kind::NotAllowed || says_nothing(&e) => {
                tracing::debug!("{e:#}; taking the image to be absent");
                Ok(None)
            }
            other => other,
        }
    }

    async fn has(&self, _blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::AskedOnWrite)
    }

    async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        match self.repository.has_blob(blob).await {
            Ok(true) => Ok(Presence::Present),
            Ok(false) => Ok(Presence::Absent),
            // E3: as for the manifest.
            Err(e) if e.kind() == Kind::NotAllowed => Ok(Presence::AskedOnWrite),
            Err(e) => Err(e),
        }
    }
}

#[async_trait]
impl SignatureStore for DockerDestination {
    async fn refuses(&self, signature: &Bytes) -> Result<Option<String>> {
        self.signatures.refuses(&self.repository, signature).await
    }

    async fn put_signatures(
        &self,
        _of: &ManifestRef,
        digest: &Digest,
        signatures: &[Bytes],
    ) -> Result<()> {
        let written = self.signatures.write(&self.repository, digest, signatures);
        written.await
    }
}

#[async_trait]
impl StreamedBlobs for DockerDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        self.write_late(planned, body).await
    }
}

impl Network for DockerDestination {
    fn requests(&self) -> BTreeMap<String, u64> {
        self.signatures
            .added_to(self.repository.client().requests())
    }

    fn round_trip(&self) -> Option<Duration> {
        self.repository.client().round_trip()
    }

    fn pressure(&self) -> u64 {
        self.repository.client().pressure()
    }
}

impl WriteEstimates for DockerDestination {
    fn expects(
        &self,
        coming: &PlannedBlob,
        presence: Presence,
        found_in: &[Repository],
    ) -> Expected {
        let mounts = *self.mounted_from(found_in) != self.reference.repository.name;
        let (requests, outcome) = match (coming.size, presence) {
            (None, _) if coming.blob.size < late::SMALL as u64 => (2, BlobOutcome::Written),
            (None, _) => (3, BlobOutcome::Written),
            (Some(_), Presence::Present) => (1, BlobOutcome::Present),
            (Some(_), _) if mounts => (1, BlobOutcome::Mounted),
            (Some(_), _) => (2, BlobOutcome::Written),
        };
        Expected { requests, outcome }
    }

    fn requests_for_manifest(&self, _manifest: &Manifest) -> u64 {
        1
    }
}

/// `e` with a word on `--format` where the registry takes signed schema 1 only.
fn with_signing(e: Error, manifest: &Manifest) -> Error {
    let unsigned = *manifest.media_type() == MediaType::SCHEMA1
        && ApiError::of(&e).is_some_and(|a| a.has_code("MANIFEST_UNVERIFIED"));
    match unsigned {
        true => e.hint("the registry may take it signed: try `--format v2s1`"),
        false => e,
    }
}

/// See [`crate::transport::refuses_type`]. M18: old registries say so with `MANIFEST_INVALID` or `TAG_INVALID`, others
/// with `UNSUPPORTED` or the status 415. distribution 2.8 answers 500 to schema 1 when that is not enabled.
pub(in crate::transport) fn refuses_type(e: &Error, media_type: &MediaType) -> bool {
    let put = |a: &&ApiError| a.method == Method::PUT && a.url.contains("/manifests/");
    let Some(answer) = ApiError::of(e).filter(put) else {
        return false;
    };
    let has = |codes: &[&str]| codes.iter().any(|code| answer.has_code(code));
    // A blob that is missing is another matter, and so is a tag that may not change (E7).
    let immutable = |item: &ApiErrorItem| {
        let text = item.message.to_ascii_lowercase();
        text.contains("immutable") || text.contains("overwrit")
    };
    let other = missing_blobs(e).is_some() || answer.items.iter().any(immutable);
    let refused = has(&["MANIFEST_INVALID", "UNSUPPORTED", "TAG_INVALID"]);
    match answer.status.as_u16() {
        415 => !other,
        400..=499 => !other && refused,
        500 => media_type.is_schema1() && has(&["UNKNOWN"]),
        _ => false,
    }
}

/// Whether an answer to the question what is there leaves open what a push may do: refused by a policy, or a failure.
fn says_nothing(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| a.status.as_u16() == 412 || a.status.is_server_error())
}
