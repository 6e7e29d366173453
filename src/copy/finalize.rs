//! Completing manifests: what only the written blobs tell is filled in, children before parents.
//!
//! The plan calls a manifest and its recoded layers by digests that stand for them until then; here they get their
//! own. A manifest that waits for nothing keeps its bytes.

use std::collections::HashMap;

use super::shared::{marked, replaced};
use super::types::{Awaits, BlobDone, ManifestStep};
use crate::Result;
use crate::image::{Descriptor, Digest, Manifest, View, convert, index};
use crate::transport::ManifestRef;

/// A manifest that is ready to be written.
pub(super) struct Completed {
    pub(super) manifest: Manifest,
    pub(super) at: ManifestRef,
}

/// What is known so far.
pub(super) struct Finalizer<'a> {
    blobs: HashMap<(Digest, bool), &'a BlobDone>,
    /// Manifests that were written with other digests than the planned ones.
    manifests: HashMap<Digest, Descriptor>,
}

impl<'a> Finalizer<'a> {
    /// The blobs are `done`, no manifest is.
    pub(super) fn new(done: &'a [BlobDone]) -> Finalizer<'a> {
        Finalizer {
            blobs: done.iter().map(|done| (done.planned(), done)).collect(),
            manifests: HashMap::new(),
        }
    }

    /// The manifest of `step`, all of whose blobs and children are written.
    pub(super) fn completed(&self, step: &ManifestStep) -> Result<Completed> {
        let manifest = match step.awaits {
            Awaits::Nothing => step.manifest.clone(),
            Awaits::Layers => self.over_written_layers(&step.manifest)?,
            Awaits::Children => index::rewrite(&step.manifest, |entry| {
                Some(replaced(entry, &self.manifests))
            })?,
        };
        let at = match &step.at {
            ManifestRef::Named => ManifestRef::Named,
            ManifestRef::Digest(_) => ManifestRef::Digest(manifest.digest().clone()),
        };
        Ok(Completed { manifest, at })
    }

    /// Hears that the manifest of `step` was written as `manifest`.
    pub(super) fn wrote(&mut self, step: &ManifestStep, manifest: &Manifest) {
        if step.manifest.digest() != manifest.digest() {
            let now = marked(manifest);
            self.manifests.insert(step.manifest.digest().clone(), now);
        }
    }

    fn over_written_layers(&self, manifest: &Manifest) -> Result<Manifest> {
        let View::Image(image) = manifest.view()? else {
            return Ok(manifest.clone());
        };
        let mut layers = image.layers;
        for layer in &mut layers {
            let written = [true, false]
                .into_iter()
                .find_map(|late| self.blobs.get(&(layer.digest.clone(), late)));
            if let Some(written) = written {
                layer.digest = written.blob.digest.clone();
                layer.size = written.blob.size;
            }
        }
        Ok(convert::with_layers(manifest, &layers)?)
    }
}
