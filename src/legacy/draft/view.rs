//! Schema 1 as registries of late 2014 had it: a layer may be named by a TarSum.

use std::collections::HashMap;

use crate::image::schema1::Schema1Document;
use crate::image::{Algorithm, Digest, Manifest, ManifestError, Schema1View};
use crate::legacy::tarsum::{BlobSum, TarSum};

/// A schema 1 manifest whose layers may be named by TarSum.
#[derive(Debug, Clone)]
pub struct DraftView {
    /// The manifest. A layer that is named by a TarSum has a stand-in digest here, to which no content belongs.
    pub view: Schema1View,
    /// The TarSums of such layers, by their stand-in digests.
    pub tarsums: HashMap<Digest, TarSum>,
}

impl DraftView {
    /// Reads a schema 1 manifest.
    ///
    /// # Errors
    /// [`ManifestError`] when `manifest` is not one.
    pub fn of(manifest: &Manifest) -> Result<DraftView, ManifestError> {
        let document = Schema1Document::of(manifest.payload())?;
        let mut tarsums = HashMap::new();
        let digests = document.blob_sums.iter().map(|text| {
            let sum: BlobSum = text
                .parse()
                .map_err(|e| ManifestError::Malformed(format!("`{text}`: {e}")))?;
            Ok(match sum {
                BlobSum::Digest(digest) => digest,
                BlobSum::TarSum(sum) => {
                    let stand_in = Digest::of(Algorithm::Sha256, sum.to_string().as_bytes());
                    tarsums.insert(stand_in.clone(), sum);
                    stand_in
                }
            })
        });
        let view = Schema1View {
            fs_layers: digests.collect::<Result<_, ManifestError>>()?,
            name: document.name,
            tag: document.tag,
            architecture: document.architecture,
            history: document.history,
        };
        Ok(DraftView { view, tarsums })
    }
}
