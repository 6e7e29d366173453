//! Foreign layers: those that a manifest says to be at URLs of their own.
//!
//! The source is asked first, because many registries have them. Where it has not, the URLs are tried in turn: each has
//! to pass `registry::admit`, the request carries no credentials, and what comes is checked against digest and size as any
//! other blob (quirk B13). Whether such layers are wanted at all is decided in `copy`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use super::docker::Download;
use super::{BlobStream, Source, verified_from};
use crate::image::{Descriptor, ReferenceError, Registry};
use crate::registry::retry::RetryBudget;
use crate::registry::{Admitted, Client, admit_layer};
use crate::settings::{Context, Timeouts};
use crate::{Error, Kind, Result, locked};

/// Fetches layers from their URLs.
pub struct Elsewhere {
    context: Context,
    /// By host and port.
    clients: Mutex<HashMap<Registry, Arc<Client>>>,
}

impl fmt::Debug for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elsewhere").finish_non_exhaustive()
    }
}

impl Elsewhere {
    /// Sends nothing before a layer is asked for.
    pub fn new(timeouts: Timeouts) -> Elsewhere {
        Elsewhere {
            context: Context::default().with_timeouts(timeouts),
            clients: Mutex::default(),
        }
    }

    /// The bytes of `blob` from offset `from` on, as [`Source::blob`] gives them: from `source`, or from the first of
    /// `urls` that answers where `source` does not have them.
    ///
    /// # Errors
    /// That of `source` where `urls` is empty, else one of the class of the last URL's.
    pub async fn blob(
        &self,
        source: &dyn Source,
        blob: &Descriptor,
        urls: &[String],
        from: u64,
    ) -> Result<BlobStream> {
        let mut error = match source.blob(blob, from).await {
            Err(e) if !urls.is_empty() && e.kind() == Kind::NotFound => e,
            other => return other,
        };
        for url in urls {
            match self.at(source, url, blob, from).await {
                Ok(stream) => return Ok(stream),
                Err(e) => {
                    tracing::debug!("{e:#}");
                    error = e;
                }
            }
        }
        let (digest, name) = (&blob.digest, source.name());
        let text =
            format!("layer `{digest}` is foreign: `{name}` does not have it, and its URL failed");
        Err(Error::new(error.kind(), text).because(error))
    }

    /// Requests sent so far, by host.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let clients = locked(&self.clients);
        clients.values().flat_map(|c| c.requests()).collect()
    }

    async fn at(
        &self,
        source: &dyn Source,
        url: &str,
        blob: &Descriptor,
        from: u64,
    ) -> Result<BlobStream> {
        let url = admit_layer(source.network().origin().as_ref(), url)?;
        let client = self.client(&url)?;
        let budget = RetryBudget::default();
        let at_url = (client.clone(), url, blob.clone(), budget.clone());
        let download = Download {
            client,
            blob: blob.clone(),
            budget,
            open: Box::new(move |from| {
                let (client, url, blob, budget) = at_url.clone();
                Box::pin(async move { client.get_layer_at(&url, &blob, from, &budget).await })
            }),
            parts: None,
        };
        download.checked(from, verified_from).await
    }

    fn client(&self, url: &Admitted) -> Result<Arc<Client>> {
        let at = url.url();
        let host = at.host_str().unwrap_or_default();
        let host = match at.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let registry: Registry = host.parse().map_err(|e: ReferenceError| {
            let text = format!("`{host}` is not a host that layers are fetched from");
            Error::unavailable(text).because(e)
        })?;
        let mut clients = locked(&self.clients);
        if let Some(client) = clients.get(&registry) {
            return Ok(client.clone());
        }
        let client = Arc::new(Client::new(&registry, &self.context));
        clients.insert(registry, client.clone());
        Ok(client)
    }
}
