//! Whether an image may be used: its manifests and their signatures are put before the policy of the command, before
//! anything is written.
//!
//! The verdict is that of [`crate::trust`]; here signatures are fetched for it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::try_join_all;

use super::shared::reading;
use super::types::Node;
use crate::Result;
use crate::image::{Digest, ImageName, Manifest};
use crate::transport::{ManifestRef, Source};
use crate::trust::{Found, Gate, Subject, Verdict};

/// Manifests whose signatures are fetched at once.
const IN_FLIGHT: usize = 8;

/// The policy that images have to pass.
#[derive(Debug, Clone)]
pub struct Admission {
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

    /// What the rules for the image want to see of the manifest `digest`, which `source` has as `of`.
    async fn found(&self, source: &dyn Source, of: ManifestRef, digest: &Digest) -> Result<Found> {
        let mut found = Found::default();
        if self.gate.reads_signatures(&self.image) {
            found.signatures = source.signatures(&of, digest).await?;
            found.attachments_unread = source.attachments_unread();
        }
        if self.gate.reads_bundles(&self.image) {
            found.bundles = source.bundles(digest).await?;
        }
        Ok(found)
    }
}

/// Refuses the image `top` unless all of its manifests in `nodes` pass. Returns the signatures that were read, by the
/// digest of their manifest.
///
/// # Errors
/// [`Kind::NotAllowed`](crate::Kind::NotAllowed) for the first that does not pass.
pub(super) async fn admit(
    admission: Option<&Admission>,
    source: &dyn Source,
    top: &Manifest,
    nodes: &[Node],
) -> Result<HashMap<Digest, Vec<Bytes>>> {
    let Some(admission) = admission.filter(|admission| !admission.is_open()) else {
        return Ok(HashMap::new());
    };
    let judged =
        |node: &&Node| admission.gate.judges_indexes() || !node.manifest.media_type().is_index();
    // The index first: it stands for all of them.
    let wanted: Vec<&Node> = nodes.iter().rev().filter(judged).collect();
    let mut read = Vec::new();
    for some in wanted.chunks(IN_FLIGHT) {
        let mut reads = Vec::new();
        for node in some {
            reads.push(admission.found(
                source,
                ManifestRef::of(&node.was, top.digest()),
                &node.was,
            ));
        }
        let found = try_join_all(reads).await.map_err(reading)?;
        read.extend(some.iter().zip(found));
    }
    let mut known = HashMap::new();
    for (node, found) in read {
        // An index that is reduced for the copy is judged as it was.
        let as_it_was = [top, &node.manifest].into_iter();
        let subject = Subject {
            image: &admission.image,
            digest: &node.was,
            manifest: as_it_was.into_iter().find(|m| *m.digest() == node.was),
        };
        admission.gate.judge(&subject, &found).enforced()?;
        if admission.gate.reads_signatures(&admission.image) {
            known.insert(node.was.clone(), found.signatures);
        }
    }
    Ok(known)
}
