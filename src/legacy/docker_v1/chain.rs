//! The chain of an image: the JSONs of the image a tag stands for and of all below it, checked against one another.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::image::{Sketch, V1Id, V1Reference};
use crate::legacy::registry_v1::{ImageHead, Repo, Session};
use crate::legacy::v1::{self, V1Image};
use crate::{Error, Result};

/// JSONs that are asked for at once.
const IN_FLIGHT: usize = 8;

/// One image of a chain.
pub(super) struct Link {
    pub(super) id: V1Id,
    pub(super) head: ImageHead,
    pub(super) image: V1Image,
}

/// An image with all below it, base first.
pub(super) struct Chain {
    pub(super) repo: Arc<Repo>,
    pub(super) links: Vec<Link>,
}

impl Chain {
    /// Reads the chain of the image that `reference` names; no layer is read.
    pub(super) async fn read(session: &Arc<Session>, reference: &V1Reference) -> Result<Chain> {
        let repo = Arc::new(Repo::pull(session, &reference.repository).await?);
        let top = repo.tag(&reference.tag).await?;
        let mut ids = repo.ancestry(&top).await?;
        ids.reverse();
        let heads: Vec<_> = ids.iter().map(|id| repo.image(id)).collect();
        let heads: Vec<ImageHead> = stream::iter(heads)
            .buffered(IN_FLIGHT)
            .try_collect()
            .await?;
        let mut links: Vec<Link> = Vec::with_capacity(ids.len());
        for (id, head) in ids.into_iter().zip(heads) {
            let image = V1Image::parse(head.json.clone())
                .map_err(|e| Error::from(e).context(format!("reading the image `{id}`")))?;
            let below = links.last().map(|link| link.id.as_str());
            check(&id, &image, below)?;
            links.push(Link { id, head, image });
        }
        Ok(Chain { repo, links })
    }

    /// Describes the image without its layers.
    pub(super) fn sketch(&self, reference: &V1Reference) -> Result<Sketch> {
        let repository = format!("{}/{}", reference.registry, reference.repository);
        let images = self.links.iter().map(|link| {
            let head = &link.head;
            (&link.image, head.size, head.checksum.clone())
        });
        let images: Vec<_> = images.collect();
        Ok(v1::sketch(repository, reference.tag.to_string(), &images)?)
    }
}

/// The JSON has to say what the ancestry says (protocols 1.5).
fn check(id: &V1Id, image: &V1Image, below: Option<&str>) -> Result<()> {
    let corrupt = |what: String| Err(Error::corrupt(format!("the image `{id}` {what}")));
    let shown = |id: &str| id.chars().take(80).collect::<String>();
    if image.id() != id.as_str() {
        return corrupt(format!("calls itself `{}`", shown(image.id())));
    }
    match (image.parent(), below) {
        (parent, below) if parent == below => Ok(()),
        (Some(parent), _) => corrupt(format!(
            "names the parent `{}`, which is not below it",
            shown(parent)
        )),
        (None, _) => corrupt("names no parent, but there is one below it".to_owned()),
    }
}
