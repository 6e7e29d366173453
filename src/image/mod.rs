//! What names, digests, manifests and configs are, and how one format becomes another.
//!
//! Pure data: nothing here does input or output, is async, or reads a clock or the environment. All other
//! rooms build on it, so that a digest or a name is checked once, where it comes in, and trusted afterwards.

pub mod attestation;
pub mod config;
pub mod convert;
mod descriptor;
mod digest;
mod digest_tag;
pub mod edit;
pub mod go_json;
mod go_read;
pub mod index;
pub mod layer;
mod manifest;
pub(crate) mod media_type;
mod name;
#[cfg(any(test, feature = "oci-spec"))]
mod oci_spec;
pub mod platform;
mod raw_json;
pub mod reference;
mod sketch;
pub(crate) mod strict_json;
mod v1_name;

pub use config::{ConfigError, ImageConfig};
pub use descriptor::{Descriptor, Platform};
pub use digest::{Algorithm, Digest, DigestError, Digester};
pub use digest_tag::{COSIGN_SUFFIXES, cosign_tag, is_digest_tag, is_referrers_tag, referrers_tag};
pub use layer::LayerForm;
pub(crate) use manifest::schema1;
pub use manifest::{
    ArtifactView, ImageView, IndexView, Manifest, ManifestError, Schema1Check, Schema1Signer,
    Schema1View, SignatureCheck, SignatureFault, View,
};
pub use media_type::MediaType;
pub(crate) use name::mistakes::with_login;
pub use name::{
    DaemonImage, ImageName, Selector, TRANSPORTS, has_transport, in_registry, is_ref_name,
    parse_reference,
};
#[cfg(feature = "cli")]
pub(crate) use name::{is_local_transport, mistakes::distance};
pub use platform::{ChosenBy, PlatformError, PlatformPattern, PlatformRequest};
pub use reference::{Reference, ReferenceError, Registry, Repository, RepositoryName, Tag};
pub use sketch::{Sketch, SketchedLayer};
pub use v1_name::{V1Id, V1Reference, V1Repository};

/// Shows values as the text that they are.
macro_rules! shown_as_text {
    ($($type:ty),*) => {
        $(impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        })*
    };
}
shown_as_text!(
    Algorithm,
    MediaType,
    Registry,
    RepositoryName,
    Tag,
    V1Id,
    V1Repository
);
