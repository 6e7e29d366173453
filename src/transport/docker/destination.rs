//! `DockerDestination`: an image written to a registry.
//!
//! A blob is asked for, mounted or sent in as few requests as the registry allows; what is expected of that is told
//! here too, beside what is done.

mod late;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use tokio::sync::OnceCell;

use super::{summed, wanted};
use crate::image::{
    Descriptor, Digest, Manifest, MediaType, Reference, Repository, RepositoryName,
};
use crate::registry::v2::Pushed;
use crate::registry::{Actions, ApiError, ApiErrorItem, Client, MAX_ITEMS, Patience, UploadBody};
use crate::settings::Access;
use crate::transport::docker_v1::{Fallback, V1Destination, no_v2};
use crate::transport::{
    BlobBody, Coming, Destination, DestinationCan, Expected, Foreign, Presence, Stored, Which,
    WrittenLate,
};
use crate::{Error, Kind, Result};

/// An image of a registry, to write.
pub struct DockerDestination {
    pub(super) client: Arc<Client>,
    pub(super) reference: Reference,
    v1: Fallback<V1Destination>,
    /// Whether the server speaks the draft of 2014, once there was a reason to ask.
    draft: OnceCell<bool>,
    tmpdir: Option<PathBuf>,
}

impl DockerDestination {
    /// The image `reference`; nothing is sent before something is asked for. `tmpdir` is for what a V1 server cannot
    /// take as it is.
    pub fn new(
        reference: &Reference,
        access: &Access,
        patience: &Patience,
        tmpdir: Option<PathBuf>,
    ) -> Result<DockerDestination> {
        let client = Arc::new(Client::new(
            &reference.repository.registry,
            access,
            patience.clone(),
        )?);
        Ok(DockerDestination {
            client,
            reference: reference.clone(),
            v1: Fallback::new(reference, access, patience),
            draft: OnceCell::new(),
            tmpdir,
        })
    }

    /// The repository of this registry that has the blobs; the image's own where none is known, which is the
    /// question whether they are there.
    fn mounted_from<'a>(&'a self, found_in: &'a [Repository]) -> &'a RepositoryName {
        let own = &self.reference.repository;
        let found = found_in.iter().find(|r| r.registry == own.registry);
        &found.unwrap_or(own).name
    }

    /// The V1 side of the server; `e`, which made one ask for it, where there is none.
    async fn v1(&self, e: Error) -> Result<&Arc<V1Destination>> {
        let tmpdir = self.tmpdir.clone();
        let open = |session, reference: &_| V1Destination::over(session, reference, tmpdir);
        self.v1.find(&self.client, e, open).await
    }

    /// Whether the server speaks the draft of 2014, which is asked after an answer that no registry of V2 gives.
    async fn looks_for_draft(&self) -> Result<bool> {
        let name = &self.reference.repository.name;
        let look = || self.client.speaks_draft(name);
        self.draft.get_or_try_init(look).await.copied()
    }

    fn is_draft(&self) -> bool {
        self.draft.get() == Some(&true)
    }
}

#[async_trait]
impl Destination for DockerDestination {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: |_| true,
            manifest_vouches: true,
            plain_layers: false,
            foreign_layers: Foreign::Left,
            names_late: true,
            keeps_signatures: false,
        }
    }

    fn reference(&self) -> Option<&Reference> {
        Some(&self.reference)
    }

    async fn current(&self) -> Result<Option<Digest>> {
        let which = wanted(&self.reference, &Which::Named);
        match self
            .client
            .manifest_digest(&self.reference.repository.name, &which, Actions::PullPush)
            .await
        {
            // E3, E8: a refusal here says nothing of what a push may do.
            Err(e) if e.kind() == Kind::NotAllowed || refused_by_policy(&e) => {
                tracing::debug!("{e}; taking the image to be absent");
                Ok(None)
            }
            other => other,
        }
    }

    async fn has(&self, _blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::AskedOnWrite)
    }

    async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        let name = &self.reference.repository.name;
        match self.client.has_blob(name, blob, Actions::PullPush).await {
            Ok(true) => Ok(Presence::Present),
            Ok(false) => Ok(Presence::Absent),
            // E3: as for the manifest.
            Err(e) if e.kind() == Kind::NotAllowed => Ok(Presence::AskedOnWrite),
            Err(e) => Err(e),
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<Stored> {
        if let Some(v1) = self.v1.get() {
            return v1.put_blob(blob, body).await;
        }
        let own = &self.reference.repository;
        let from = self.mounted_from(&body.found_in);
        let mounted = if *from == own.name {
            Stored::Present
        } else {
            Stored::Mounted
        };
        let upload = {
            let body = body.clone();
            UploadBody::new(blob.size, move |from| {
                let body = body.clone();
                Box::pin(async move { body.open(from).await })
            })
        };
        let from = Some(from).filter(|_| !body.anew);
        if self.is_draft() {
            return self.put_draft_blob(blob, &upload).await;
        }
        match self.client.push_blob(&own.name, blob, from, &upload).await {
            Ok(Pushed::Present) => Ok(mounted),
            Ok(Pushed::Uploaded) => Ok(Stored::Written),
            Err(e) if no_v2(&e) && !upload.failed() => match self.v1(e).await {
                Ok(v1) => v1.put_blob(blob, body).await,
                Err(_) if self.looks_for_draft().await? => self.put_draft_blob(blob, &upload).await,
                Err(e) => Err(e),
            },
            Err(e) => Err(e),
        }
    }

    async fn put_late(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        if let Some(v1) = self.v1.get() {
            return v1.put_late(planned, body).await;
        }
        if self.is_draft() {
            return self.write_spooled(planned, &body).await;
        }
        match self.write_late(planned, body.clone()).await {
            Err(e) if no_v2(&e) => match self.v1(e).await {
                Ok(v1) => v1.put_late(planned, body).await,
                Err(_) if self.looks_for_draft().await? => self.write_spooled(planned, &body).await,
                Err(e) => Err(e),
            },
            other => other,
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &Which) -> Result<()> {
        if let Some(v1) = self.v1.get() {
            return v1.put_manifest(manifest, at).await;
        }
        if *at == Which::Named {
            self.fits_name(manifest)?;
        }
        if self.is_draft() {
            return self.put_draft_manifest(manifest, at).await;
        }
        let which = wanted(&self.reference, at);
        self.client
            .put_manifest(&self.reference.repository.name, &which, manifest)
            .await
            .map_err(|e| with_another_format(e, manifest))
    }

    async fn finish(&self) -> Result<()> {
        Ok(())
    }

    fn found_late(&self) -> HashSet<Digest> {
        self.v1.get().map(|v1| v1.found_late()).unwrap_or_default()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let v1 = self.v1.get().map(|v1| v1.requests());
        summed(self.client.requests(), v1)
    }

    fn expects(&self, coming: &Coming, presence: Presence, found_in: &[Repository]) -> Expected {
        if let Some(v1) = self.v1.get() {
            return v1.expects(coming, presence, found_in);
        }
        let mounts = *self.mounted_from(found_in) != self.reference.repository.name;
        let (requests, stored) = match (coming.size, presence) {
            (None, _) if coming.blob.size < late::SMALL as u64 => (2, Stored::Written),
            (None, _) => (3, Stored::Written),
            (Some(_), Presence::Present) => (1, Stored::Present),
            (Some(_), _) if mounts => (1, Stored::Mounted),
            (Some(_), _) => (2, Stored::Written),
        };
        Expected { requests, stored }
    }

    fn requests_for_manifest(&self, manifest: &Manifest) -> u64 {
        let v1 = self.v1.get();
        v1.map_or(1, |v1| v1.requests_for_manifest(manifest))
    }

    fn pressure(&self) -> u64 {
        self.client.pressure()
    }
}

/// `e` with a word on `--format` where the registry does not take manifests of this type.
fn with_another_format(e: Error, manifest: &Manifest) -> Error {
    let unknown_type = crate::registry::ApiError::of(&e).is_some_and(|a| {
        let codes = ["MANIFEST_INVALID", "MANIFEST_UNVERIFIED", "UNSUPPORTED"];
        a.status == 415 || codes.iter().any(|code| a.has_code(code))
    });
    if !unknown_type {
        return e;
    }
    let other = match manifest.media_type().as_str() {
        MediaType::OCI_MANIFEST | MediaType::OCI_INDEX => "v2s2",
        // Signed it may be taken.
        MediaType::SCHEMA1 => "v2s1",
        MediaType::SCHEMA1_SIGNED => "v2s2` or `--format oci",
        _ => "oci` or `--format v2s1",
    };
    e.hint(format!(
        "the registry may not take `{}`: try `--format {other}`",
        manifest.media_type()
    ))
}

fn refused_by_policy(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| a.status.as_u16() == 412)
}

/// Error codes of the distribution-spec that a manifest gets when a blob of it is not there.
const BLOB_UNKNOWN: [&str; 2] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/// See [`crate::transport::missing_blobs`].
pub(in crate::transport) fn missing_blobs(e: &Error) -> Option<Vec<Digest>> {
    let answer = ApiError::of(e).filter(|a| a.method == Method::PUT)?;
    let about = |item: &&ApiErrorItem| BLOB_UNKNOWN.contains(&item.code.as_str());
    let items: Vec<_> = answer.items.iter().filter(about).collect();
    // A list that was cut says nothing of what is behind its end.
    let whole = answer.items.len() < MAX_ITEMS;
    let named = items.iter().filter(|_| whole).flat_map(|item| {
        [&item.message, &item.detail]
            .into_iter()
            .flat_map(|text| digests(text))
    });
    (!items.is_empty()).then(|| named.collect())
}

/// The digests in a text that a server wrote for people.
fn digests(text: &str) -> Vec<Digest> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != ':';
    text.split(ends)
        .filter_map(|word| word.parse().ok())
        .collect()
}
