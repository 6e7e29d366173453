//! `docker://`: an image in a registry.
//!
//! Translates the two traits into endpoints of [`crate::registry`]. A download that breaks off is continued here,
//! where both the offset and the registry are known; what to move is not decided here. A server that turns out to know
//! nothing newer than Registry V1 is spoken to as `docker-v1://` ([`super::docker_v1`]), one of 2014 as its draft wants it.

mod delete;
mod draft;
mod late;
mod resume;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use http::Method;
use tokio::sync::OnceCell;

use super::docker_v1::{Fallback, V1Destination, V1Source, no_v2};
use super::{
    BlobBody, BlobStream, Destination, DestinationCan, Presence, Source, SourceCan, Spliced,
    Stored, Which, WrittenLate, verified,
};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Reference, Sketch, Tag};
use crate::registry::v2::{Pushed, TagOrDigest};
use crate::registry::{Actions, ApiError, ApiErrorItem, Client, MAX_ITEMS, Patience, UploadBody};
use crate::settings::Access;
use crate::{Error, Kind, Result};

pub(super) use delete::delete;
use draft::Draft;

/// An image of a registry, to read.
pub struct DockerSource {
    client: Arc<Client>,
    reference: Reference,
    v1: Fallback<V1Source>,
    draft: OnceCell<Draft>,
    tmpdir: Option<PathBuf>,
    /// The manifest of the name, read while it was looked for what kind of server this is.
    named: Mutex<Option<Manifest>>,
}

impl DockerSource {
    /// The image `reference`; nothing is sent before something is asked for. `tmpdir` is where the layers of a V1
    /// image go.
    pub fn new(
        reference: &Reference,
        access: &Access,
        patience: &Patience,
        tmpdir: Option<PathBuf>,
    ) -> Result<DockerSource> {
        let client = Arc::new(Client::new(
            &reference.repository.registry,
            access,
            patience.clone(),
        )?);
        Ok(DockerSource {
            client,
            reference: reference.clone(),
            v1: Fallback::new(reference, access, patience),
            draft: OnceCell::new(),
            tmpdir,
            named: Mutex::default(),
        })
    }

    async fn get_manifest(&self, which: &Which) -> Result<Manifest> {
        let which = wanted(&self.reference, which);
        self.client
            .get_manifest(&self.reference.repository.name, &which, Actions::Pull)
            .await
    }

    /// The V1 side of the server; `e`, which made one ask for it, where there is none.
    async fn v1(&self, e: Error) -> Result<&Arc<V1Source>> {
        let tmpdir = self.tmpdir.clone();
        let open = |session, reference: &_| V1Source::over(session, reference, tmpdir);
        self.v1.find(&self.client, e, open).await
    }

    /// The image in the draft's form after `e`, when that is what the server speaks; else `e`.
    async fn draft(&self, e: Error) -> Result<&Draft> {
        let find = || Draft::find(&self.client, &self.reference, self.tmpdir.as_deref(), e);
        self.draft.get_or_try_init(find).await
    }

    fn take_named(&self) -> Option<Manifest> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.take()
    }

    fn pages(&self) -> BoxStream<'_, Result<Vec<String>>> {
        self.client.tags(&self.reference.repository.name)
    }
}

#[async_trait]
impl Source for DockerSource {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn can(&self) -> SourceCan {
        SourceCan { ranged: true }
    }

    async fn manifest(&self, which: &Which) -> Result<Manifest> {
        if let Some(v1) = self.v1.get() {
            return v1.manifest(which).await;
        }
        if let Some(draft) = self.draft.get() {
            return draft.manifest(which).await;
        }
        if *which == Which::Named
            && let Some(manifest) = self.take_named()
        {
            return Ok(manifest);
        }
        match self.get_manifest(which).await {
            Err(e) if *which == Which::Named && no_v2(&e) => match self.v1(e).await {
                Ok(v1) => v1.manifest(which).await,
                Err(e) => self.draft(e).await?.manifest(which).await,
            },
            other => other,
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        if let Some(v1) = self.v1.get() {
            return v1.blob(blob, from).await;
        }
        if let Some(draft) = self.draft.get()
            && let Some(stream) = draft.blob(blob, from).await?
        {
            return Ok(stream);
        }
        let resumed = Arc::new(AtomicBool::new(false));
        let stream = self.resuming(blob, from, resumed.clone()).await?;
        if from > 0 {
            return Ok(stream);
        }
        Ok(Box::pin(verified(stream, blob).map(move |item| {
            item.map_err(
                |e| match e.kind() == Kind::Corrupt && resumed.load(Ordering::Relaxed) {
                    true => e.because(Spliced),
                    false => e,
                },
            )
        })))
    }

    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        if let Some(draft) = self.draft.get() {
            return draft.blob_size(digest).await;
        }
        self.client
            .blob_size(&self.reference.repository.name, digest, Actions::Pull)
            .await
    }

    fn reference(&self) -> Option<&Reference> {
        Some(&self.reference)
    }

    async fn sketch(&self) -> Result<Option<Sketch>> {
        match self.get_manifest(&Which::Named).await {
            Ok(manifest) => {
                let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
                *named = Some(manifest);
                Ok(None)
            }
            Err(e) if no_v2(&e) => match self.v1(e).await {
                Ok(v1) => v1.sketch().await,
                Err(e) => self.draft(e).await?.sketch(),
            },
            Err(e) => Err(e),
        }
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let v1 = self.v1.get().map(|v1| v1.requests());
        summed(self.client.requests(), v1)
    }

    fn pressure(&self) -> u64 {
        self.client.pressure()
    }

    fn tags(&self) -> Option<BoxStream<'_, Result<Vec<String>>>> {
        let pages = self.pages().then(async |page| match page {
            Err(e) if no_v2(&e) => match self.v1(e).await?.tags() {
                Some(tags) => tags.try_concat().await,
                None => Ok(Vec::new()),
            },
            page => page,
        });
        Some(Box::pin(pages))
    }
}

/// An image of a registry, to write.
pub struct DockerDestination {
    client: Arc<Client>,
    reference: Reference,
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

    /// The V1 side of the server; `e`, which made one ask for it, where there is none.
    async fn v1(&self, e: Error) -> Result<&Arc<V1Destination>> {
        let tmpdir = self.tmpdir.clone();
        let open = |session, reference: &_| V1Destination::over(session, reference, tmpdir);
        self.v1.find(&self.client, e, open).await
    }

    /// Whether the server speaks the draft of 2014, which is asked after an answer that no registry of V2 gives.
    async fn looks_for_draft(&self) -> bool {
        let name = &self.reference.repository.name;
        let look = || self.client.speaks_draft(name);
        *self.draft.get_or_init(look).await
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
            names_late: true,
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
        let from = body
            .found_in
            .iter()
            .find(|r| r.registry == own.registry)
            .map_or(&own.name, |r| &r.name);
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
                Err(_) if self.looks_for_draft().await => self.put_draft_blob(blob, &upload).await,
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
                Err(_) if self.looks_for_draft().await => self.write_spooled(planned, &body).await,
                Err(e) => Err(e),
            },
            other => other,
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &Which) -> Result<()> {
        if let Some(v1) = self.v1.get() {
            return v1.put_manifest(manifest, at).await;
        }
        if self.is_draft() {
            return self.put_draft_manifest(manifest, at).await;
        }
        let which = wanted(&self.reference, at);
        if let TagOrDigest::Digest(digest) = &which
            && digest.algorithm() == manifest.digest().algorithm()
            && digest != manifest.digest()
        {
            let text = format!(
                "{} names the digest `{digest}`, but the image has `{}`",
                self.name(),
                manifest.digest()
            );
            return Err(Error::new(Kind::Refused, text)
                .hint("leave the digest out of the destination, or copy without conversion"));
        }
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

fn summed(
    mut requests: BTreeMap<String, u64>,
    more: Option<BTreeMap<String, u64>>,
) -> BTreeMap<String, u64> {
    for (host, count) in more.into_iter().flatten() {
        *requests.entry(host).or_default() += count;
    }
    requests
}

fn refused_by_policy(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| a.status.as_u16() == 412)
}

/// Error codes of the distribution-spec that a manifest gets when a blob of it is not there.
const BLOB_UNKNOWN: [&str; 2] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/// See [`super::missing_blobs`].
pub(super) fn missing_blobs(e: &Error) -> Option<Vec<Digest>> {
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

/// With a digest the digest decides; without tag and digest, `latest` is meant.
fn wanted(reference: &Reference, which: &Which) -> TagOrDigest {
    match (which, &reference.digest, &reference.tag) {
        (Which::Digest(digest), ..) | (Which::Named, Some(digest), _) => {
            TagOrDigest::Digest(digest.clone())
        }
        (Which::Named, None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
        (Which::Named, None, None) => TagOrDigest::Tag(Tag::latest()),
    }
}
