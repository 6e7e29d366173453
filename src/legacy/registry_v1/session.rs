//! `Session`: one V1 server, who the client is to it, and whether it stands alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::{DOCUMENT_CAP, caused_by};
use crate::image::{Registry, Repository, V1Repository};
use crate::registry::admit::Admitted;
use crate::registry::body::Answer;
use crate::registry::intent::{Intent, PresetAuth, Who};
use crate::registry::token::basic;
use crate::registry::{ApiError, Client};
use crate::settings::{Access, Context, Credential, Found, Login, Secret};
use crate::{Error, Kind, Result, locked};

/// Docker Hub's index; its name is another host's.
const HUB_INDEX: &str = "index.docker.io";

/// What a V1 server says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ping {
    /// It is its own index and checks no tokens.
    pub standalone: bool,
}

/// A V1 server: a registry that stands alone, or an index.
pub struct Session {
    pub(super) index: Client,
    registry: Registry,
    pub(super) context: Context,
    ping: OnceCell<Ping>,
    found: OnceCell<Option<Found>>,
    /// Clients of the registries that an index has named.
    endpoints: Mutex<Vec<Arc<Client>>>,
}

impl Session {
    /// A session with `registry`, reached as `context` says; nothing is sent yet.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the address of the index is not a URL.
    pub fn new(registry: &Registry, context: &Context) -> Result<Session> {
        let hub = registry.is_docker_hub();
        let root = match hub {
            true => Some(Admitted::root("https", HUB_INDEX)?),
            false => None,
        };
        Ok(Session {
            index: Client::of_v1(registry, context, root),
            registry: registry.clone(),
            context: context.clone(),
            // The Hub is known for what it is.
            ping: match hub {
                true => OnceCell::new_with(Some(Ping { standalone: false })),
                false => OnceCell::new(),
            },
            found: OnceCell::new(),
            endpoints: Mutex::default(),
        })
    }

    /// The server's name, as the user wrote it.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What the server says of itself; asked once.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when it does not speak Registry V1. [`Kind::NotAllowed`] when the server refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached.
    pub async fn ping(&self) -> Result<Ping> {
        let ask = async || {
            let mut get = Intent::new(Method::GET, "/v1/_ping".to_owned(), None);
            get.who = Who::Preset(None);
            let mut sent = self.index.document(&get, DOCUMENT_CAP).await;
            if let Err(e) = &sent
                && is_unauthorized(e)
                && let Some(said) = self.basic(None).await?
            {
                get.who = Who::Preset(Some(said));
                sent = self.index.document(&get, DOCUMENT_CAP).await;
            }
            let (answer, body) = match sent {
                Ok(sent) => sent,
                Err(e) if e.kind() == Kind::NotFound => {
                    return Err(caused_by(self.not_v1(), e));
                }
                Err(e) => return Err(self.explained(e)),
            };
            read_ping(&answer.headers, &body).ok_or_else(|| self.not_v1())
        };
        self.ping.get_or_try_init(ask).await.copied()
    }

    fn not_v1(&self) -> Error {
        let message = format!("`{}` does not speak Registry V1", self.registry);
        Error::not_found(message).hint("is it a registry of today? `docker://` reads those")
    }

    /// The client of a registry that this index has named, one for each place.
    pub(super) fn endpoint(&self, root: Admitted) -> Result<Arc<Client>> {
        let mut known = self.known();
        if let Some(client) = known
            .iter()
            .find(|c| c.root().is_some_and(|r| r.same_origin(&root)))
        {
            return Ok(client.clone());
        }
        let registry = root.url().authority().parse().map_err(|e| {
            Error::other(format!("`{}` is no registry", root.redacted())).because(e)
        })?;
        // What proves the user to the index is the index's alone.
        let context = self.context.clone().with_access(Access {
            login: Login::Anonymous,
            ..self.context.access.clone()
        });
        let client = Arc::new(Client::of_v1(&registry, &context, Some(root)));
        known.push(client.clone());
        Ok(client)
    }

    fn known(&self) -> MutexGuard<'_, Vec<Arc<Client>>> {
        locked(&self.endpoints)
    }

    /// Requests sent so far, by host.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        let mut all = self.index.requests();
        for (host, count) in self.known().iter().flat_map(|c| c.requests()) {
            *all.entry(host).or_default() += count;
        }
        all
    }

    /// The user's name and password, where there are some and they may be sent: over TLS, or within this machine.
    pub(super) async fn basic(
        &self,
        repository: Option<&V1Repository>,
    ) -> Result<Option<PresetAuth>> {
        if !self.is_private_way() {
            return Ok(None);
        }
        Ok(self.login(repository).await?.and_then(|found| {
            let Credential::Login {
                username, password, ..
            } = &found.credential
            else {
                return None;
            };
            Some(PresetAuth {
                header: Secret::new(basic(username, password)),
                origin: Some(found.origin.clone()),
            })
        }))
    }

    fn is_private_way(&self) -> bool {
        let tls = |root: &Admitted| root.url().scheme() == "https";
        self.registry.is_loopback() || self.index.root().is_some_and(tls)
    }

    async fn login(&self, repository: Option<&V1Repository>) -> Result<Option<&Found>> {
        let name = repository.and_then(V1Repository::modern);
        let look = async || match (&self.context.access.login, name) {
            (Login::Files(files), Some(name)) => {
                let registry = self.registry.clone();
                files.lookup(&Repository { registry, name }).await
            }
            (Login::Files(files), None) => files.lookup_registry(&self.registry).await,
            (Login::Given(found), _) => Ok(Some(found.clone())),
            (Login::Anonymous, _) => Ok(None),
        };
        Ok(self.found.get_or_try_init(look).await?.as_ref())
    }

    /// Sends `intent` to the index as `said`; a refusal says when a password was held back.
    pub(super) async fn ask(&self, mut intent: Intent, said: Option<PresetAuth>) -> Result<Answer> {
        intent.who = Who::Preset(said);
        match self.index.send(&intent).await {
            Ok(answer) => Ok(answer),
            Err(e) => Err(self.explained(e)),
        }
    }

    /// Sends a GET to the index as `said`, and reads the whole answer, of at most `cap` bytes.
    pub(super) async fn document(
        &self,
        mut get: Intent,
        said: Option<PresetAuth>,
        cap: usize,
    ) -> Result<(Answer, Bytes)> {
        get.who = Who::Preset(said);
        let read = self.index.document(&get, cap).await;
        read.map_err(|e| self.explained(e))
    }

    /// `e`, with the reason where a login exists and was not sent.
    pub(super) fn explained(&self, e: Error) -> Error {
        if !is_unauthorized(&e) || self.is_private_way() {
            return e;
        }
        let message = format!(
            "`{}` wants a login, and passwords are not sent over plain HTTP",
            self.registry
        );
        Error::not_allowed(message)
            .because(e)
            .hint("reach it over TLS, or through a tunnel that ends on this machine")
    }
}

fn is_unauthorized(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|api| api.status == StatusCode::UNAUTHORIZED)
}

/// What an answer to a ping says; `None` when it is not that of a V1 server. The headers win over the body, and a
/// server that says nothing stands alone (protocols 1.4).
fn read_ping(headers: &HeaderMap, body: &[u8]) -> Option<Ping> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Body {
        standalone: Option<bool>,
        version: Option<String>,
    }
    let text = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then_some(value)
    };
    let standalone = text("x-docker-registry-standalone");
    let said: Body = serde_json::from_slice(body).unwrap_or_default();
    let plain = matches!(body.trim_ascii(), b"true" | b"{}" | b"\"\"");
    let known = standalone.is_some()
        || text("x-docker-registry-version").is_some()
        || said.standalone.is_some()
        || said.version.is_some()
        || plain;
    known.then(|| Ping {
        standalone: match standalone {
            Some(value) => value.eq_ignore_ascii_case("true") || value == "1",
            None => said.standalone.unwrap_or(true),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(headers: &[(&'static str, &str)], body: &str) -> Option<bool> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        read_ping(&map, body.as_bytes()).map(|p| p.standalone)
    }

    #[test]
    fn a_ping_says_who_stands_alone() {
        const FLAG: &str = "x-docker-registry-standalone";
        assert_eq!(ping(&[(FLAG, "True")], "{}"), Some(true));
        assert_eq!(ping(&[(FLAG, "1")], ""), Some(true));
        assert_eq!(ping(&[(FLAG, "False")], "true"), Some(false));
        assert_eq!(ping(&[(FLAG, "mirror")], "{}"), Some(false));
        assert_eq!(
            ping(&[(FLAG, "True")], r#"{"standalone":false}"#),
            Some(true)
        );
        assert_eq!(
            ping(&[], r#"{"standalone":false,"version":"0.6"}"#),
            Some(false)
        );
        assert_eq!(
            ping(&[("x-docker-registry-version", "0.6")], "x"),
            Some(true)
        );
        assert_eq!(ping(&[], "true\n"), Some(true));
        assert_eq!(ping(&[], "\"\""), Some(true));
        for other in ["", "<html>", r#"{"a":1}"#, "[]"] {
            assert_eq!(ping(&[], other), None, "{other}");
        }
    }
}
