//! What a registry behind `docker://` speaks: Registry V2, else the draft of 2014, else Registry V1.
//!
//! Every server is taken for one of V2 first. Only after an answer that no registry of V2 gives is it asked what else it
//! speaks, so that a modern registry gets no extra request. What was found holds from then on.

mod destination;
mod source;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::image::{Reference, Tag, V1Reference};
use crate::legacy::docker_v1;
use crate::legacy::draft::DraftSource;
use crate::legacy::registry_v1::Session;
use crate::registry::v2::RepositoryClient;
use crate::registry::{Actions, Client};
use crate::settings::Context;
use crate::transport::Deleted;
use crate::{Error, Kind, Result};

pub use destination::NegotiatedDestination;
pub use source::NegotiatedSource;

/// A server of Registry V1, and the image as it is named there.
type V1Side = (Arc<Session>, V1Reference);

/// Finds out whether a server speaks Registry V1. It is asked once.
struct V1Probe {
    reference: Reference,
    context: Context,
    found: OnceCell<Option<V1Side>>,
}

impl V1Probe {
    fn new(reference: &Reference, context: &Context) -> V1Probe {
        V1Probe {
            reference: reference.clone(),
            context: context.clone(),
            found: OnceCell::new(),
        }
    }

    /// The V1 side of the server of `v2`, after the error `e` of it.
    ///
    /// # Errors
    /// `e` if the server does not speak V1, or does speak V2. [`Kind::NotAllowed`] if it seems to speak V1, but refuses
    /// this user.
    async fn find(&self, v2: &Client, e: Error) -> Result<V1Side> {
        match self.found.get_or_try_init(|| self.ask(v2)).await {
            Ok(Some(found)) => Ok(found.clone()),
            Err(refused) if refused.kind() == Kind::NotAllowed => Err(refused),
            _ => Err(e),
        }
    }

    async fn ask(&self, v2: &Client) -> Result<Option<V1Side>> {
        let Some(reference) = V1Reference::of(&self.reference) else {
            return Ok(None);
        };
        let session = Session::new(&reference.registry, &self.context)?;
        let refused = match session.ping().await {
            Ok(_) => None,
            Err(e) if e.kind() == Kind::NotAllowed => Some(e),
            Err(e) => {
                tracing::debug!("{e:#}");
                return Ok(None);
            }
        };
        if v2.speaks_v2().await? {
            return Ok(None);
        }
        if let Some(e) = refused {
            return Err(e);
        }
        tracing::debug!("`{}` speaks Registry V1 only", reference.registry);
        Ok(Some((Arc::new(session), reference)))
    }
}

/// Deletes the tag of `reference` on a server of Registry V1 or of the draft, after the error `e` of `repository`.
/// Fails with `e` if the server speaks neither.
pub(crate) fn delete_tag<'a>(
    reference: &'a Reference,
    context: &'a Context,
    repository: RepositoryClient,
    e: Error,
) -> BoxFuture<'a, Result<Deleted>> {
    Box::pin(async move {
        let probe = V1Probe::new(reference, context);
        let e = match probe.find(repository.client(), e).await {
            Ok((session, name)) => {
                docker_v1::delete_tag_of(&session, &name).await?;
                return Ok(docker_v1::deleted(&name));
            }
            Err(e) => e,
        };
        let reading = repository.with_actions(Actions::Pull);
        DraftSource::find(&reading, reference, None, e).await?;
        let tag = reference.tag.clone().unwrap_or_else(Tag::latest);
        repository.draft_delete_manifest(&tag).await?;
        Ok(Deleted {
            names: vec![format!("docker://{}:{tag}", reference.repository)],
            blobs: 0,
            bytes: 0,
        })
    })
}
