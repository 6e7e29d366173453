//! Lists the names at a place: the tags of a repository, the names of the images in an archive or layout.
//!
//! Apart from [`crate::transport::Source`], which is one image: an archive of several is no source until one of them is named.

use futures_util::TryStreamExt;
use futures_util::stream;

use super::open_source;
use crate::image::ImageName;
use crate::legacy::older_archives;
use crate::settings::Context;
use crate::transport::{TagPages, Unpacking, docker_archive, oci_archive, oci_layout};
use crate::{Error, Result};

/// The tags of a place.
pub struct Tags {
    /// The repository, where the place is one of a registry.
    pub repository: Option<String>,
    pub pages: TagPages,
}

/// All that `pages` give.
///
/// # Errors
/// [`crate::Kind::Other`] with `hint` for more than `most` tags; else the error of the page that could not be read.
pub async fn all_tags(mut pages: TagPages, most: usize, hint: &str) -> Result<Vec<String>> {
    let mut all = Vec::new();
    while let Some(page) = pages.try_next().await? {
        if all.len() + page.len() > most {
            let text = format!("there are more than {most} tags, too many for one document");
            return Err(Error::other(text).hint(hint));
        }
        all.extend(page);
    }
    Ok(all)
}

/// The tags of the repository that `name` is in; of an archive or layout, the names of its images, and `@N` for an
/// image without a name, whichever of them `name` picks. Nothing is sent before the first page is asked for.
///
/// # Errors
/// [`crate::Kind::NotFound`] when there is no such archive or layout; [`crate::Kind::Other`] for places that hold one
/// image only. The errors of a registry come with the pages.
pub async fn open_tags(name: &ImageName, context: &Context) -> Result<Tags> {
    let unpacking = &Unpacking::of(context);
    let names = match name {
        ImageName::Docker(_) | ImageName::DockerV1(_) => {
            let source = open_source(name, context).await?;
            let repository = source.repository_name();
            let tags = source.offers().tags.map(|list| list.tags());
            let pages = tags.unwrap_or_else(|| Box::pin(stream::empty()));
            return Ok(Tags { repository, pages });
        }
        ImageName::Oci { path, .. } => oci_layout::names(path).await?,
        ImageName::OciArchive { path, .. } => oci_archive::names(path, unpacking).await?,
        ImageName::DockerArchive { path, .. } => {
            docker_archive::names(path, unpacking, older_archives()).await?
        }
        _ => {
            return Err(Error::other(format!(
                "`{name}` has no tags; repositories, archives and `oci:` layouts have"
            )));
        }
    };
    Ok(Tags {
        repository: None,
        pages: Box::pin(stream::once(async { Ok(names) })),
    })
}
