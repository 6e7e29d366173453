//! When `docker://` names a server that knows nothing newer than Registry V1.
//!
//! It is looked for only after an answer that no registry of V2 gives, so that a working one is asked nothing more.

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::image::{Reference, V1Reference};
use crate::legacy::registry_v1::Session;
use crate::registry::{ApiError, Client};
use crate::settings::Context;
use crate::{Error, Kind, Result};

/// The V1 side of a name, once it has turned out that there is one.
pub(crate) struct Fallback<T> {
    reference: Reference,
    context: Context,
    found: OnceCell<Option<Arc<T>>>,
}

/// Whether `e` is what a server says that has no `/v2/`: a 404 without the errors of a registry.
pub(crate) fn no_v2(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|api| api.status == 404 && api.items.is_empty())
}

impl<T> Fallback<T> {
    /// For the image `reference`, reached as `context` says.
    pub(crate) fn new(reference: &Reference, context: &Context) -> Fallback<T> {
        Fallback {
            reference: reference.clone(),
            context: context.clone(),
            found: OnceCell::new(),
        }
    }

    /// The V1 side, if it has been found.
    pub(crate) fn get(&self) -> Option<&Arc<T>> {
        self.found.get().and_then(Option::as_ref)
    }

    /// The V1 side after `e` ([`no_v2`]), made by `open`; `e` itself where the server speaks no V1 or does speak V2,
    /// [`Kind::NotAllowed`] where it may speak V1, and not to this user.
    pub(crate) async fn find(
        &self,
        v2: &Client,
        e: Error,
        open: impl FnOnce(Arc<Session>, &V1Reference) -> T,
    ) -> Result<&Arc<T>> {
        let look = async || {
            let Some(reference) = V1Reference::of(&self.reference) else {
                return Ok(None);
            };
            let session = Session::new(&reference.registry, &self.context)?;
            let refused = match session.ping().await {
                Ok(_) => None,
                Err(e) if e.kind() == Kind::NotAllowed => Some(e),
                Err(e) => {
                    tracing::debug!("{e}");
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
            Ok::<_, Error>(Some(Arc::new(open(Arc::new(session), &reference))))
        };
        match self.found.get_or_try_init(look).await {
            Ok(Some(found)) => Ok(found),
            Err(refused) if refused.kind() == Kind::NotAllowed => Err(refused),
            _ => Err(e),
        }
    }
}
