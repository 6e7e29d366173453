//! From a name to its place: opens the image that it names, lists what can be named there, and deletes it.
//!
//! The functions here are the only ones that know transports by name. They copy nothing and print nothing.

mod admission;
mod append;
mod attached;
mod attestations;
mod choose;
mod delete;
mod edited;
mod image;
mod mirrors;
mod nested;
mod registries;
mod tags;

use std::sync::Arc;

use crate::image::ImageName;
use crate::legacy;
use crate::settings::Context;
use crate::transport::docker_archive::{DockerArchiveDestination, DockerArchiveSource};
use crate::transport::{
    Destination, ManifestRef, Source, Unpacking, containers_storage, dir, docker_daemon,
    oci_archive, oci_layout, tarball,
};
use crate::{Error, Kind, Result};

pub use admission::Admission;
pub use append::Appended;
pub use attached::{Attached, Attachments, Referrers, attached_to};
pub(crate) use attached::{tags_of, with_types};
pub use attestations::{Attestation, attestations, attestations_in_index, read_statements};
pub use choose::{Chosen, choose_image};
pub(crate) use choose::{check_patterns, is_required, read_config};
pub use delete::delete;
pub use edited::EditedImage;
pub use image::{OpenedImage, sized_blobs};
pub(crate) use nested::{Level, MAX_DEPTH, Nested, fetch};
pub use tags::{Tags, all_tags, open_tags};

/// The image `name` to read from.
///
/// A name of a place that is not in a registry may end with the digest that its image has to have, as a copy prints it.
///
/// # Errors
/// [`Kind::NotFound`] when a local place does not have the image (a registry is asked only when something is read);
/// [`Kind::NotAllowed`] when registries.conf blocks it; [`Kind::Corrupt`] for an archive or layout that cannot be read.
pub async fn open_source(name: &ImageName, context: &Context) -> Result<Arc<dyn Source>> {
    let pinned = name.unpinned();
    // No image of such an archive has a name with a digest.
    let is_never_itself = pinned.is_some() && matches!(name, ImageName::DockerArchive { .. });
    let missing = match is_never_itself {
        true => None,
        false => match open_named(name, context).await {
            Err(e) if e.kind() == Kind::NotFound && pinned.is_some() => Some(e),
            opened => return opened,
        },
    };
    let Some((bare, digest)) = pinned else {
        return open_named(name, context).await;
    };
    let source = match (open_named(&bare, context).await, missing) {
        (Err(e), Some(missing)) if e.kind() == Kind::NotFound => return Err(missing),
        (opened, _) => opened?,
    };
    let there = source.manifest(&ManifestRef::Named).await?;
    if !there.is(&digest) {
        let text = format!(
            "`{bare}` has no image `{digest}`; it has `{}`",
            there.digest()
        );
        return Err(Error::not_found(text));
    }
    Ok(source)
}

/// The image that `name` stands for as it is.
async fn open_named(name: &ImageName, context: &Context) -> Result<Arc<dyn Source>> {
    Ok(match name {
        ImageName::Docker(reference) => registries::open(reference, context)?,
        ImageName::DockerV1(reference) => {
            legacy::v1_source(reference, registries::at_v1(reference, context)?.as_ref())?
        }
        ImageName::Oci { path, selector } => {
            Arc::new(oci_layout::OciSource::open_in(path, selector, context).await?)
        }
        ImageName::OciArchive { path, selector } => {
            Arc::new(oci_archive::source(path, selector, context).await?)
        }
        ImageName::DockerArchive { path, selector } => {
            let (unpacking, older) = (Unpacking::of(context), legacy::older_archives());
            Arc::new(DockerArchiveSource::open(path, selector, &unpacking, older).await?)
        }
        ImageName::DockerDaemon(image) => {
            let older = legacy::older_archives();
            Arc::new(docker_daemon::source(image, context, older).await?)
        }
        ImageName::ContainersStorage(image) => {
            let (unpacking, older) = (Unpacking::of(context), legacy::older_archives());
            Arc::new(containers_storage::source(image, &unpacking, older).await?)
        }
        ImageName::Tarball(files) => {
            let tmpdir = context.tmpdir.as_deref();
            Arc::new(tarball::TarballSource::open(files, tmpdir).await?)
        }
        ImageName::Dir { path } => Arc::new(dir::DirSource::open(path).await?),
    })
}

/// The image `name` to write to.
///
/// # Errors
/// [`Kind::Refused`] for a path that holds something else, and for a place that barque does not write to;
/// [`Kind::NotAllowed`] when registries.conf blocks it.
pub async fn open_destination(name: &ImageName, context: &Context) -> Result<Arc<dyn Destination>> {
    Ok(match name {
        ImageName::Docker(reference) => {
            legacy::registry_destination(reference, context.at(&reference.repository)?.as_ref())
        }
        ImageName::DockerV1(reference) => {
            legacy::v1_destination(reference, registries::at_v1(reference, context)?.as_ref())?
        }
        ImageName::Oci { path, selector } => {
            let layout = oci_layout::OciDestination::open(path, selector).await?;
            Arc::new(layout.sharing(context.shared_blobs.as_deref()))
        }
        ImageName::OciArchive { path, selector } => {
            Arc::new(oci_archive::OciArchiveDestination::open(path, selector, context).await?)
        }
        ImageName::DockerArchive { path, selector } => {
            if let Some((bare, _)) = name.unpinned() {
                let message = format!("`{name}`: a name with a digest is for reading only");
                return Err(Error::other(message).hint(format!("write `{bare}`")));
            }
            Arc::new(DockerArchiveDestination::open(path, selector, context).await?)
        }
        ImageName::DockerDaemon(image) => Arc::new(docker_daemon::DockerDaemonDestination::open(
            image, context,
        )?),
        ImageName::ContainersStorage(_) => {
            let text = format!("`{name}`: barque only reads from podman's store");
            return Err(Error::refused(text).hint(
                "load the image with podman: `barque copy SOURCE docker-archive:-:NAME:TAG | podman load`",
            ));
        }
        ImageName::Tarball(_) => {
            let text = format!("`{name}`: `tarball:` is only for reading");
            return Err(
                Error::refused(text).hint("write `oci-archive:FILE` or `docker-archive:FILE`")
            );
        }
        ImageName::Dir { path } => Arc::new(dir::DirDestination::open(path).await?),
    })
}
