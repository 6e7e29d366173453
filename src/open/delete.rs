//! Deleting an image from where its name says: which transports can, and what came of it.
//!
//! The work is done beside each transport; only this file knows which they are.

use super::registries;
use crate::image::ImageName;
use crate::legacy;
use crate::settings::Context;
use crate::transport::{Deleted, docker, oci_layout};
use crate::{Error, Result};

/// Deletes the image `name`.
///
/// In a registry the tag goes alone where the registry can do that; otherwise its manifest goes, with all of its
/// tags: then, and when `name` has a digest, [`crate::Kind::Refused`] lists the other tags unless `force`. In an OCI
/// layout the entry goes, and of the layout's own blobs those that no other entry needs. In a V1 registry the tag goes
/// and the images stay.
///
/// # Errors
/// [`crate::Kind::NotFound`] when there is no such image; [`crate::Kind::Refused`] when other tags of a manifest would
/// go with it and `force` is not set; [`crate::Kind::Other`] for a place that only its own tools delete from. Otherwise
/// those of the registry or of the layout.
pub async fn delete(name: &ImageName, context: &Context, force: bool) -> Result<Deleted> {
    match name {
        ImageName::Docker(reference) => {
            let context = context.at(&reference.repository)?;
            let older = |repository, e| legacy::delete_tag(reference, &context, repository, e);
            docker::delete(reference, &context, force, &older).await
        }
        ImageName::DockerV1(reference) => {
            legacy::delete_v1(reference, registries::at_v1(reference, context)?.as_ref()).await
        }
        ImageName::Oci { path, selector } => oci_layout::delete(path, selector).await,
        other => {
            let text = format!("`{other}` cannot be deleted with this command");
            Err(Error::other(text).hint(match other {
                ImageName::DockerDaemon(_) => {
                    "the engine's own client does that: `docker image rm`"
                }
                ImageName::ContainersStorage(_) => "podman does that: `podman image rm`",
                _ => "an archive or a directory is deleted as a file is: `rm`",
            }))
        }
    }
}
