//! The signatures of an image in a registry, wherever they are: kept by the registry itself, at a lookaside, or attached.
//!
//! registries.d says which of these places an image has. Simple signing signatures are written to the registry where it
//! keeps them, else to the lookaside; sigstore signatures are attached, where that is enabled.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::{attachments, lookaside};
use crate::image::{Digest, Reference, Registry};
use crate::registry::Client;
use crate::registry::v2::RepositoryClient;
use crate::settings::registries_d::{Lookaside, SignaturePlace};
use crate::settings::{Access, Context, Login, redacted};
use crate::transport::asked::summed;
use crate::transport::blob_store::blocking;
use crate::trust::StoredSignature;
use crate::{Error, Result};

/// Where the signatures of one image are.
pub(super) struct Signatures {
    reference: Reference,
    context: Context,
    place: OnceCell<Option<SignaturePlace>>,
    /// For the server of the lookaside.
    client: OnceCell<Arc<Client>>,
}

impl Signatures {
    /// Those of `reference`; nothing is read or sent before they are asked for.
    pub(super) fn new(reference: &Reference, context: &Context) -> Signatures {
        Signatures {
            reference: reference.clone(),
            context: context.clone(),
            place: OnceCell::new(),
            client: OnceCell::new(),
        }
    }

    async fn place(&self) -> Result<Option<&SignaturePlace>> {
        let find = || {
            let places = self.context.signature_places.clone();
            // Without a tag the scopes are those of the tag that is meant.
            let reference = self.reference.clone().or_latest();
            blocking(move || places.of(&reference))
        };
        self.place.get_or_try_init(find).await.map(Option::as_ref)
    }

    /// The signatures of the manifest `of`, which is in `repository`.
    pub(super) async fn read(
        &self,
        repository: &RepositoryClient,
        of: &Digest,
    ) -> Result<Vec<Bytes>> {
        let Some(place) = self.place().await? else {
            return Ok(Vec::new());
        };
        let mut found = match &place.read {
            _ if repository.keeps_signatures() => repository.kept_signatures(of).await?,
            Some(Lookaside::Folder(folder)) => lookaside::read_folder(folder, of).await?,
            Some(Lookaside::Server(url)) => {
                let read = lookaside::read_server(self.client(url).await?, url, of).await;
                read.map_err(|e| e.context(format!("reading the signatures of `{of}`")))?
            }
            None => Vec::new(),
        };
        if !place.attachments {
            tracing::debug!("Not looking for sigstore attachments: disabled by configuration");
        } else {
            let attached = attachments::read(repository, of).await?.into_iter();
            found.extend(attached.map(|one| StoredSignature::Sigstore(one).to_bytes()));
        }
        Ok(found)
    }

    /// Whether registries.d says that sigstore signatures are kept in the repository.
    pub(super) async fn are_attached(&self) -> Result<bool> {
        Ok(self.place().await?.is_some_and(|place| place.attachments))
    }

    /// Why no sigstore attachments were read; `None` where they were, or nothing was read.
    pub(super) fn attachments_unread(&self) -> Option<String> {
        let place = self.place.get()?.as_ref()?;
        (!place.attachments).then(|| self.attachments_off())
    }

    fn attachments_off(&self) -> String {
        let registry = &self.reference.repository.registry;
        format!("`use-sigstore-attachments` is not set for `{registry}` in registries.d")
    }

    /// A client for the server of the lookaside at `url`: TLS as for the registry, but no credentials.
    async fn client(&self, url: &url::Url) -> Result<&Arc<Client>> {
        let make = async || {
            let host = url.host_str().unwrap_or_default();
            let host = match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            };
            let registry: Registry = host.parse().map_err(|e| {
                let url = redacted(url.as_str());
                Error::other(format!("the lookaside `{url}` has no usable host")).because(e)
            })?;
            let context = self.context.clone().with_access(Access {
                login: Login::Anonymous,
                ..self.context.access.clone()
            });
            Ok(Arc::new(Client::new(&registry, &context)))
        };
        self.client.get_or_try_init(make).await
    }

    /// Why `signature` cannot be kept; `None` where it can.
    pub(super) async fn refuses(
        &self,
        repository: &RepositoryClient,
        signature: &Bytes,
    ) -> Result<Option<String>> {
        let reference = &self.reference;
        let Some(place) = self.place().await? else {
            return Ok(Some(format!(
                "`docker://{reference}` has no place for them"
            )));
        };
        let registry = &reference.repository.registry;
        Ok(match (StoredSignature::parse(signature), &place.write) {
            (Err(e), _) => Some(e.to_string()),
            (Ok(StoredSignature::Sigstore(_)), _) => {
                (!place.attachments).then(|| self.attachments_off())
            }
            (Ok(StoredSignature::Simple(_)), _) if repository.keeps_signatures() => None,
            (_, Some(Lookaside::Folder(_))) => None,
            (_, Some(Lookaside::Server(url))) => Some(format!(
                "`{}` can only be read; `lookaside-staging` of `{registry}` in registries.d has to name a directory",
                redacted(url.as_str())
            )),
            (_, None) => Some(format!("registries.d has no lookaside for `{registry}`")),
        })
    }

    /// Writes `signatures` of the manifest `of`, which is in `repository`.
    pub(super) async fn write(
        &self,
        repository: &RepositoryClient,
        of: &Digest,
        signatures: &[Bytes],
    ) -> Result<()> {
        let (mut simple, mut attached) = (Vec::new(), Vec::new());
        for signature in signatures {
            if let Some(why) = self.refuses(repository, signature).await? {
                let message = format!("a signature of `{of}` cannot be written: {why}");
                return Err(Error::refused(message));
            }
            match StoredSignature::parse(signature)? {
                StoredSignature::Sigstore(attachment) => attached.push(attachment),
                StoredSignature::Simple(_) => simple.push(signature.clone()),
            }
        }
        if !simple.is_empty() {
            self.write_simple(repository, of, simple).await?;
        }
        if !attached.is_empty() {
            let added = attachments::add(repository, of, &attached).await;
            added.map_err(|e| e.context(format!("attaching the signatures of `{of}`")))?;
        }
        Ok(())
    }

    async fn write_simple(
        &self,
        repository: &RepositoryClient,
        of: &Digest,
        signatures: Vec<Bytes>,
    ) -> Result<()> {
        if !repository.keeps_signatures() {
            return match self.place().await? {
                Some(SignaturePlace {
                    write: Some(Lookaside::Folder(folder)),
                    ..
                }) => lookaside::write_folder(folder, of, signatures).await,
                // `refuses` has said so.
                _ => Err(Error::other("there is no place for signatures")),
            };
        }
        let there = repository.kept_signatures(of).await?;
        for signature in signatures.iter().filter(|s| !there.contains(s)) {
            repository.keep_signature(of, signature).await?;
        }
        Ok(())
    }

    /// `requests`, by host, with those that were sent to the lookaside.
    pub(super) fn added_to(&self, requests: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
        let client = self.client.get().into_iter();
        summed(requests, client.flat_map(|client| client.requests()))
    }
}

/// Removes the signatures of the manifest `of`, which `reference` named and which was deleted, from the folder that they
/// are written to.
pub(super) async fn forget(reference: &Reference, context: &Context, of: &Digest) -> Result<()> {
    let signatures = Signatures::new(reference, context);
    let Some(Lookaside::Folder(folder)) = signatures.place().await?.and_then(|p| p.write.as_ref())
    else {
        return Ok(());
    };
    let forgotten = lookaside::write_folder(folder, of, Vec::new()).await;
    forgotten.map_err(|e| e.context(format!("`{of}` was deleted, but not its signatures")))
}
