//! `docker-v1://`: an image in a registry of the first generation.
//!
//! Such a registry knows no manifests: an image is a JSON and a layer with an id, and names its parent. Reading makes
//! docker's schema 2 of a chain of them ([`V1Source`]), writing makes a chain of an image ([`V1Destination`]). What
//! a registry says over HTTP is [`crate::legacy::registry_v1`]'s; what the documents mean is [`crate::legacy::v1`]'s.

mod chain;
mod destination;
mod fetch;
mod made;
mod source;

use std::sync::Arc;

use crate::image::V1Reference;
use crate::legacy::registry_v1::{Repo, Session};
use crate::settings::Context;
use crate::transport::Deleted;
use crate::{Kind, Result};

pub use destination::V1Destination;
pub(crate) use fetch::{Ahead, Place, Recorded, Wanted, layers};
pub(crate) use made::Made;
pub use source::V1Source;

/// Takes the tag that `name` names away; the images stay in the registry.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such tag. [`Kind::NotAllowed`] behind an index that checks tokens: one for a
/// deletion is given for a whole repository only.
pub async fn delete_tag(name: &V1Reference, context: &Context) -> Result<()> {
    let session = Arc::new(Session::new(&name.registry, context)?);
    delete_tag_of(&session, name).await
}

/// The same on a server that is known already.
pub(crate) async fn delete_tag_of(session: &Arc<Session>, name: &V1Reference) -> Result<()> {
    let repo = Repo::pull(session, &name.repository).await?;
    repo.delete_tag(&name.tag).await.map_err(|e| {
        let behind_index = e.kind() == Kind::NotAllowed && !repo.stands_alone();
        match behind_index {
            true => e.hint("an index permits the deletion of whole repositories only; ask the one who runs the registry"),
            false => e,
        }
    })
}

/// What [`delete_tag`] took away: a V1 registry does not tell more.
pub(crate) fn deleted(reference: &V1Reference) -> Deleted {
    Deleted {
        names: vec![format!("docker-v1://{reference}")],
        blobs: 0,
        bytes: 0,
    }
}
