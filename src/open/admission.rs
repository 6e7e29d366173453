//! Whether an image may be used: its manifests and their signatures are put before the policy of the command, before
//! anything is written.
//!
//! The verdict is that of [`crate::trust`]; here signatures are fetched for it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::image::{Digest, ImageName, Manifest};
use crate::transport::{ManifestRef, Source};
use crate::trust::{Found, Gate, Subject, Verdict};
use crate::{Error, Result};

/// Manifests whose signatures are fetched at once.
const IN_FLIGHT: usize = 8;

/// The policy that images have to pass.
#[derive(Debug, Clone)]
pub struct Admission {
    /// The policy, with what a command adds to it.
    pub gate: Arc<Gate>,
    /// The name that the user asked for. Policies go by it, and not by the place that it leads to.
    pub image: ImageName,
}

impl Admission {
    /// Whether the image passes whatever it is: nothing need be fetched to judge it.
    pub fn is_open(&self) -> bool {
        self.gate.is_open(&self.image)
    }

    /// Judges `manifest`, which `source` has as `of`, by the signatures stored with it.
    ///
    /// # Errors
    /// Those of the source, where it has signatures that cannot be read. A refusal is a verdict and no error.
    pub async fn judge(
        &self,
        source: &dyn Source,
        of: &ManifestRef,
        manifest: &Manifest,
    ) -> Result<Verdict> {
        let subject = Subject {
            image: &self.image,
            digest: manifest.digest(),
            manifest: Some(manifest),
        };
        let found = self.found(source, of.clone(), manifest.digest()).await?;
        Ok(self.gate.judge(&subject, &found))
    }

    /// Judges `manifest`, the image of one platform that was chosen of what `source` has under its name, `top`.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] where the policy refuses it; those of [`Admission::judge`].
    pub async fn admit(
        &self,
        source: &dyn Source,
        top: &Manifest,
        manifest: &Manifest,
    ) -> Result<()> {
        if self.is_open() {
            return Ok(());
        }
        let of = ManifestRef::of(manifest.digest(), top.digest());
        self.judge(source, &of, manifest).await?.enforced()?;
        Ok(())
    }

    /// The signatures that the rules for the image ask for, of the manifest `digest` that `source` has as `of`.
    async fn found(&self, source: &dyn Source, of: ManifestRef, digest: &Digest) -> Result<Found> {
        let mut found = Found::default();
        if self.gate.reads_signatures(&self.image) {
            found.signatures = source.signatures(&of, digest).await?;
            found.attachments_unread = source.attachments_unread();
        }
        if self.gate.reads_bundles(&self.image) {
            let bundles = source.bundles(digest).await?;
            (found.bundles, found.bundles_unread) = (bundles.read, bundles.unread);
        }
        Ok(found)
    }

    /// Refuses the image `top` unless all of its `manifests` pass, each of which is given with the digest that it has at
    /// `source`. Returns the signatures that were read, by the digest of their manifest. Fails with
    /// [`crate::Kind::NotAllowed`] for the first that does not pass; also with the errors of the source.
    pub(crate) async fn admit_all<'a>(
        &self,
        source: &dyn Source,
        top: &Manifest,
        manifests: impl Iterator<Item = (&'a Digest, &'a Manifest)>,
    ) -> Result<HashMap<Digest, Vec<Bytes>>> {
        if self.is_open() {
            return Ok(HashMap::new());
        }
        let manifests: Vec<_> = manifests.collect();
        let is_index = |m: &Manifest| m.media_type().is_index();
        let without_images = manifests.iter().all(|(_, m)| is_index(m));
        let indexes_too = self.gate.judges_indexes(without_images);
        let judged = manifests
            .into_iter()
            .filter(|(_, m)| indexes_too || !is_index(m))
            .map(|(digest, manifest)| async move {
                let of = ManifestRef::of(digest, top.digest());
                let found = self.found(source, of, digest).await?;
                Ok::<_, Error>((digest, manifest, found))
            });
        let found: Vec<_> = stream::iter(judged.collect::<Vec<_>>())
            .buffered(IN_FLIGHT)
            .try_collect()
            .await
            .map_err(|e| e.context("reading the source"))?;
        let mut known = HashMap::new();
        for (digest, manifest, found) in found {
            // An index that is reduced for the copy is judged as it was.
            let as_it_was = [top, manifest].into_iter();
            let subject = Subject {
                image: &self.image,
                digest,
                manifest: as_it_was.into_iter().find(|m| m.digest() == digest),
            };
            self.gate.judge(&subject, &found).enforced()?;
            if self.gate.reads_signatures(&self.image) {
                known.insert(digest.clone(), found.signatures);
            }
        }
        Ok(known)
    }
}
