//! Deleting an image from where its name says: which transports can, and what came of it.
//!
//! The work is done beside each transport; only this file knows which they are.

use super::{docker, oci_layout};
use crate::image::{ImageName, V1Reference};
use crate::legacy::docker_v1;
use crate::settings::Context;
use crate::{Error, Result};

/// What a deletion took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The names that stand for nothing any more, with their transport: the one that was given first.
    pub names: Vec<String>,
    /// Blobs that were removed with them, as far as that is known.
    pub blobs: usize,
    /// Bytes of those.
    pub bytes: u64,
}

impl Deleted {
    /// A tag of a V1 registry, which tells nothing of what it holds besides.
    pub(super) fn of_v1(reference: &V1Reference) -> Deleted {
        Deleted {
            names: vec![format!("docker-v1://{reference}")],
            blobs: 0,
            bytes: 0,
        }
    }
}

/// Deletes the image `name`.
///
/// In a registry the tag goes alone where the registry can do that; otherwise its manifest goes, with all of its
/// tags: then, and when `name` has a digest, [`crate::Kind::Refused`] lists the other tags unless `force`. In an OCI
/// layout the entry goes, and of the layout's own blobs those that no other entry needs. In a V1 registry the tag goes
/// and the images stay.
pub async fn delete(name: &ImageName, context: &Context, force: bool) -> Result<Deleted> {
    match name {
        ImageName::Docker(reference) => docker::delete(reference, context, force).await,
        ImageName::DockerV1(reference) => {
            docker_v1::delete_tag(reference, context).await?;
            Ok(Deleted::of_v1(reference))
        }
        ImageName::Oci { path, selector } => oci_layout::delete(path, selector).await,
        other => {
            let text = format!("`{other}` cannot be deleted with this command");
            Err(Error::other(text).hint(match other {
                ImageName::DockerDaemon(_) => {
                    "the engine's own client does that: `docker image rm`"
                }
                _ => "an archive or a directory is deleted as a file is: `rm`",
            }))
        }
    }
}
