//! `DraftDestination`: an image written to a server that speaks the draft of 2014.

use std::path::PathBuf;

use async_trait::async_trait;

use super::source::tag_of;
use crate::image::{Descriptor, Manifest, MediaType, Reference};
use crate::registry::UploadBody;
use crate::registry::v2::{Pushed, RepositoryClient};
use crate::transport::asked::check_digest_matches;
use crate::transport::docker::{DockerDestination, put_spooled};
use crate::transport::{
    BlobBody, BlobOutcome, Destination, DestinationCan, DestinationOffers, ManifestRef,
    ManifestWritten, StreamedBlobs, WrittenLate,
};
use crate::{Error, Result};

/// An image on such a server, to write.
pub(crate) struct DraftDestination {
    repository: RepositoryClient,
    reference: Reference,
    tmpdir: Option<PathBuf>,
    can: DestinationCan,
}

impl DraftDestination {
    /// The image of `v2`, whose server turned out to speak the draft.
    pub(crate) fn new(v2: &DockerDestination, tmpdir: Option<PathBuf>) -> DraftDestination {
        DraftDestination {
            repository: v2.repository.clone(),
            reference: v2.reference.clone(),
            tmpdir,
            can: v2.can(),
        }
    }
}

#[async_trait]
impl Destination for DraftDestination {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    fn can(&self) -> DestinationCan {
        self.can
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        let upload = hashed(blob.size, &body);
        Ok(
            match self.repository.draft_push_blob(blob, &upload).await? {
                Pushed::Present => BlobOutcome::Present,
                Pushed::Uploaded => BlobOutcome::Written,
            },
        )
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        if *at == ManifestRef::Named {
            check_digest_matches(&self.reference, manifest, &self.name())?;
        }
        let refused = |what: &str| {
            let registry = &self.reference.repository.registry;
            let text = format!("`{registry}` speaks the draft of 2014, which {what}");
            Error::refused(text)
        };
        let tag = tag_of(&self.reference).filter(|_| *at == ManifestRef::Named);
        let tag = tag.ok_or_else(|| refused("knows manifests by tag only"))?;
        if *manifest.media_type() != MediaType::SCHEMA1_SIGNED {
            return Err(refused("holds signed images of docker schema 1 only")
                .hint("`--format v2s1` makes one"));
        }
        self.repository.draft_put_manifest(&tag, manifest).await?;
        Ok(ManifestWritten::default())
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            reference: Some(&self.reference),
            streams: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl StreamedBlobs for DraftDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        put_spooled(self, planned, &body, self.tmpdir.as_deref()).await
    }
}

/// `body` of `size` bytes as an upload that is hashed here.
fn hashed(size: u64, body: &BlobBody) -> UploadBody {
    let body = body.clone();
    UploadBody::new(size, move |from| {
        let body = body.clone();
        Box::pin(async move { body.open(from).await })
    })
}
