//! `Remote`: a registry that is mirrored, and whether it is worth asking just now.

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::image::{Digest, ImageName, Reference, Registry, Repository, RepositoryName};
use crate::open::open_source;
use crate::registry::v2::{ReadTag, RepositoryClient, TagOrDigest};
use crate::registry::{Actions, ApiError, Client};
use crate::settings::Context;
use crate::transport::Source;
use crate::trust::Gate;
use crate::{Error, Kind, Result, locked};

use super::MirrorOptions;
use super::read::reference;

/// How long an upstream that refused or was away is not asked again about what is kept.
const PAUSE: Duration = Duration::from_secs(30);

/// A registry to mirror, as `NAME` or `NAME=URL`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// What clients call it: the first part of names, and the value of `ns`.
    pub name: String,
    /// Where it is; another host than its name, if that is said.
    pub registry: Registry,
    /// Whether it speaks plain HTTP.
    pub plain: bool,
}

impl FromStr for Upstream {
    type Err = Error;

    fn from_str(text: &str) -> Result<Upstream> {
        let (name, url) = text.split_once('=').unwrap_or((text, text));
        let (plain, host) = match url.split_once("://") {
            None => (false, url),
            Some((scheme, host)) if scheme.eq_ignore_ascii_case("https") => (false, host),
            Some((scheme, host)) if scheme.eq_ignore_ascii_case("http") => (true, host),
            Some(_) => return Err(wrong(text)),
        };
        let registry: Registry = host
            .trim_end_matches('/')
            .parse()
            .map_err(|e| wrong(text).because(e))?;
        let upstream = Upstream {
            name: name.to_owned(),
            registry,
            plain,
        };
        let key: Result<RepositoryName, _> = upstream.key().parse();
        key.map(|_| upstream).map_err(|e| wrong(text).because(e))
    }
}

fn wrong(text: &str) -> Error {
    Error::other(format!("`{text}` is not an upstream"))
        .hint("write it as `docker.io`, or as `quay.io=https://mirror.example.com`")
}

impl Upstream {
    /// Its name as a part of a repository's, where no port can be.
    pub(in crate::serve) fn key(&self) -> String {
        self.name.replace(':', "-")
    }
}

/// An upstream with what requests to it need.
pub(super) struct Remote {
    pub(super) key: String,
    /// The registry by which policies know it.
    pub(super) named: Registry,
    pub(super) gate: Arc<Gate>,
    pub(super) is_hub: bool,
    registry: Registry,
    context: Context,
    client: Arc<Client>,
    trouble: Mutex<Option<Instant>>,
}

impl Remote {
    pub(super) fn of(upstream: &Upstream, options: &MirrorOptions) -> Result<Remote> {
        let mut context = options.context.at(&upstream.registry)?.into_owned();
        if upstream.plain {
            context.access.tls_verify = false;
        }
        let named = upstream.name.parse();
        Ok(Remote {
            key: upstream.key(),
            named: named.unwrap_or_else(|_| upstream.registry.clone()),
            gate: options.gate.clone(),
            is_hub: upstream.registry.is_docker_hub(),
            client: Arc::new(Client::new(&upstream.registry, &context)),
            registry: upstream.registry.clone(),
            context,
            trouble: Mutex::default(),
        })
    }

    /// A repository, to read.
    pub(super) fn repository(&self, name: &RepositoryName) -> RepositoryClient {
        self.client.repository(name, Actions::Pull)
    }

    /// The image `which` of a repository, or the repository for its blobs, with downloads that go on after a break.
    pub(super) fn source(
        &self,
        name: &RepositoryName,
        which: Option<&TagOrDigest>,
    ) -> BoxFuture<'static, Result<Arc<dyn Source>>> {
        let image = ImageName::Docker(self.reference(name, which));
        let context = self.context.clone();
        Box::pin(async move { open_source(&image, &context).await })
    }

    /// Whether registries.conf names other places for it than the upstream itself.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] where it blocks the repository.
    pub(super) fn is_elsewhere(&self, name: &RepositoryName, which: &TagOrDigest) -> Result<bool> {
        let reference = self.reference(name, Some(which));
        let places = self.context.registries.get()?.sources(&reference)?;
        Ok(!matches!(&places[..], [only] if only.reference == reference))
    }

    fn reference(&self, name: &RepositoryName, which: Option<&TagOrDigest>) -> Reference {
        let repository = Repository {
            registry: self.registry.clone(),
            name: name.clone(),
        };
        reference(repository, which)
    }

    pub(super) async fn referrers(
        &self,
        client: &RepositoryClient,
        digest: &Digest,
    ) -> Result<Vec<Value>> {
        let found = client.referrers(digest, None, ReadTag::WithoutApi).await?;
        Ok(found
            .iter()
            .map(|descriptor| serde_json::json!(descriptor))
            .collect())
    }

    /// Whether it refused or was away a moment ago.
    pub(super) fn is_in_trouble(&self) -> bool {
        let trouble = locked(&self.trouble);
        trouble.is_some_and(|since| since.elapsed() < PAUSE)
    }

    pub(super) fn note_trouble(&self) {
        *locked(&self.trouble) = Some(Instant::now());
    }
}

/// Whether `e` says that an upstream cannot answer now: a rate limit, a fault of the server, or no connection.
pub(super) fn is_trouble(e: &Error) -> bool {
    match ApiError::of(e) {
        Some(answer) => answer.status.as_u16() == 429 || answer.status.is_server_error(),
        None => e.kind() == Kind::Unavailable,
    }
}
