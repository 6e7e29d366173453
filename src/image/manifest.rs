//! `Manifest`: raw bytes, media type and digest, with a parsed view on request.
//!
//! The bytes are what is copied, hashed and printed; they are never made again from the view (law 1). What kind
//! of manifest the bytes are is decided once, here, from `Content-Type` and body together (protocols: "Type
//! decision and confusion"; CVE-2021-41190).

use bytes::Bytes;

use super::{Algorithm, Descriptor, Digest, MediaType};

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the manifest is not valid JSON: {0}")]
    Json(String),
}

/// A manifest of any generation, byte for byte as it was received or made.
#[derive(Debug, Clone)]
pub struct Manifest {
    raw: Bytes,
    media_type: MediaType,
    digest: Digest,
}

/// What a manifest says, by kind.
#[derive(Debug, Clone)]
pub enum View {
    Image(ImageView),
    Index(IndexView),
    Schema1(Schema1View),
}

/// An OCI manifest or docker schema 2.
#[derive(Debug, Clone)]
pub struct ImageView {
    pub config: Descriptor,
    /// Base first.
    pub layers: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub artifact_type: Option<MediaType>,
}

/// An OCI index or docker manifest list.
#[derive(Debug, Clone)]
pub struct IndexView {
    pub manifests: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub artifact_type: Option<MediaType>,
}

/// Docker schema 1, read from its signed payload.
#[derive(Debug, Clone)]
pub struct Schema1View {
    pub name: String,
    pub tag: String,
    pub architecture: String,
    /// Top first, as in the document.
    pub fs_layers: Vec<Digest>,
    /// `v1Compatibility` texts, in the order of `fs_layers`.
    pub history: Vec<String>,
}

impl Manifest {
    /// Takes `raw` as a manifest. `content_type` is what the place said of it, parameters allowed.
    pub fn parse(raw: Bytes, content_type: Option<&str>) -> Result<Manifest, ManifestError> {
        let media_type = MediaType::new(content_type.unwrap_or_default());
        let digest = Digest::of(Algorithm::Sha256, &raw);
        Ok(Manifest {
            raw,
            media_type,
            digest,
        })
    }

    /// The bytes as received.
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What kind of manifest the bytes are.
    pub fn media_type(&self) -> &MediaType {
        &self.media_type
    }

    /// The digest by which registries know it: SHA-256 of the bytes, of the signed payload for schema 1.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The same manifest known by its digest of another algorithm.
    pub fn by(mut self, algorithm: Algorithm) -> Manifest {
        if self.digest.algorithm() != algorithm {
            self.digest = Digest::of(algorithm, &self.raw);
        }
        self
    }

    /// A descriptor of this manifest.
    pub fn descriptor(&self) -> Descriptor {
        Descriptor::new(
            self.media_type.as_str(),
            self.digest.clone(),
            self.raw.len() as u64,
        )
    }

    /// Parses what the manifest says.
    pub fn view(&self) -> Result<View, ManifestError> {
        Err(ManifestError::Json("not yet".into()))
    }
}
