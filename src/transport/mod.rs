//! Reading and writing one image at one place, behind two small traits.
//!
//! A transport is one file here. It knows its own place and nothing of the other side: what to copy, and what a
//! lack of an ability means, is decided in `copy`. Only [`crate::open`] knows transports by name. The traits are in
//! `place`, the data that they exchange in `types`.

pub(crate) mod archive_file;
pub(crate) mod asked;
pub mod blob_store;
mod body;
mod bundles;
mod claim;
pub mod codec;
pub mod containers_storage;
pub mod dir;
pub mod docker;
pub mod docker_archive;
pub mod docker_daemon;
mod document;
mod elsewhere;
mod extend;
pub mod inflate;
mod layer_files;
mod layer_tar;
mod locations;
pub mod oci_archive;
pub mod oci_layout;
mod place;
mod sparse;
mod tar_check;
mod tar_header;
pub(crate) mod tar_index;
pub(crate) mod tar_writer;
pub mod tarball;
mod types;
mod upgrade;

use crate::Error;
use crate::image::{Digest, MediaType};

pub use crate::bytes::{
    ResumeMismatch, Tally, is_resume_mismatch, read_all, sized_from, tallied, verified,
    verified_from,
};
pub use archive_file::Unpacking;
pub use body::BlobBody;
pub use bundles::Bundles;
pub use elsewhere::Elsewhere;
pub use layer_files::LayerFiles;
pub(crate) use layer_tar::LayerTar;
pub use locations::BlobLocations;
pub(crate) use locations::{BlobTurn, FormTurn, Located};
pub use place::{
    AttachmentSource, AttachmentStore, BlobOrder, BlobSizes, BundleSource, BundleStore,
    CurrentDigest, Destination, DestinationInventory, DestinationOffers, IndexDescriptions,
    Network, RangedBlobs, RawManifest, SignatureSource, SignatureStore, Sketches, Source,
    SourceInventory, SourceOffers, StreamedBlobs, TagList, WriteEstimates,
};
pub use types::{
    Attachment, BlobOutcome, BlobStream, CONFIG_CAP, Deleted, DestinationCan, Expected, Foreign,
    ManifestRef, ManifestWritten, PassedOver, PlannedBlob, Presence, ReadAhead, TagPages,
    WrittenLate,
};
pub use upgrade::Upgrade;

/// The blobs that a destination missed when it refused a manifest with the error `e`: those that it named, or
/// none where it did not say. `None` when `e` is about something else.
pub fn missing_blobs(e: &Error) -> Option<Vec<Digest>> {
    crate::registry::missing_blobs(e)
}

/// Whether a destination refused a manifest of the type `media_type` with the error `e` because of that type, so that
/// it may take another format.
pub fn refuses_type(e: &Error, media_type: &MediaType) -> bool {
    docker::refuses_type(e, media_type)
}
