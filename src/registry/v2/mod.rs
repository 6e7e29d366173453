//! The endpoints of Registry V2 (OCI distribution-spec 1.1), each a few lines on top of the request loop.

pub(crate) mod blobs;
mod late;
mod link;
mod manifests;
mod push;
mod referrers;
mod repository;
mod signatures;
mod tags;
pub(crate) mod uploads;

pub use manifests::{MANIFEST_CAP, TagOrDigest};
pub use push::Pushed;
pub use referrers::ReadTag;
pub use repository::RepositoryClient;
pub use uploads::{OtherContent, Received, Session, Started};
