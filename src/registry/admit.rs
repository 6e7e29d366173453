//! `admit`: the one function that lets a server choose where the next request goes.
//!
//! `Location`, `Link`, `realm` and redirects come from outside and may be forged. The rules: only http and https;
//! https is never lowered; no hop from a public place to a private one; `Link` stays on its origin (quirks B2,
//! B3, L2, U3-U6, A7, A8). Only what passed becomes an [`Admitted`], and requests are sent to nothing else. Names are
//! judged when they are looked up, by [`super::address`].

use std::net::IpAddr;
use std::sync::Arc;

use url::{Host, Url};

use super::address::{is_loopback, is_private, shows_private};
use crate::settings::redacted;
use crate::{Error, Result};

/// Why a server names another URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A 3xx answer.
    Redirect,
    /// Where an upload goes on.
    Location,
    /// The next page of a list.
    Link,
    /// A token endpoint.
    Realm,
    /// A registry that an index of Registry V1 sends its clients to.
    #[cfg_attr(not(feature = "legacy"), expect(dead_code))]
    Endpoint,
    /// Where a manifest says that a layer is.
    Layer,
}

/// A URL that requests may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted {
    url: Url,
    /// Whether a public server named it, which may not lead to a private address.
    only_public: bool,
    /// Whether it was reached at a private address; `None` before an answer came, and behind a proxy.
    at_private: Option<bool>,
    /// Hosts at private addresses that the user permits a public server to name, as `HOST` or `HOST:PORT`.
    permitted: Arc<[String]>,
}

impl Admitted {
    /// The API root of a registry that the user named.
    pub(crate) fn root(scheme: &str, host: &str) -> Result<Admitted> {
        let text = format!("{scheme}://{host}/");
        Url::parse(&text)
            .map(Admitted::named_by_user)
            .map_err(|e| Error::other(format!("`{host}` is not a valid registry host")).because(e))
    }

    /// A URL that the user's configuration names.
    pub(crate) fn named_by_user(url: Url) -> Admitted {
        Admitted {
            url,
            only_public: false,
            at_private: None,
            permitted: Arc::default(),
        }
    }

    /// The same, which may lead to these hosts at private addresses, whoever names them.
    pub(crate) fn permitting(self, hosts: &Arc<[String]>) -> Admitted {
        Admitted {
            permitted: hosts.clone(),
            ..self
        }
    }

    /// Whether the user permits `url`, also at a private address.
    fn permits(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or_default();
        let mut permitted = self.permitted.iter();
        permitted.any(|entry| entry == host || *entry == format!("{host}:{port}"))
    }

    /// The same with another URL of this origin.
    fn with(&self, url: Url) -> Admitted {
        Admitted {
            url,
            ..self.clone()
        }
    }

    /// The URL at `path_and_query` (already in the form of a URL) of the same origin.
    pub(crate) fn at(&self, path_and_query: &str) -> Admitted {
        let mut url = self.url.clone();
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        url.set_path(path);
        url.set_query(query);
        self.with(url)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// `HOST[:PORT]`, without a user.
    pub(crate) fn place(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The host if it is a name and may only be connected to at public addresses.
    pub(crate) fn name_to_check(&self) -> Option<&str> {
        self.url.domain().filter(|_| self.only_public)
    }

    /// Takes note that an answer came from `peer`; an error if that address may not be sent requests to.
    pub(crate) fn reached(&mut self, peer: IpAddr) -> Result<()> {
        self.at_private = Some(is_private(peer));
        if self.only_public && is_private(peer) {
            return Err(leads_to_private(self, peer));
        }
        Ok(())
    }

    /// Whether this is a place that may name private ones.
    fn is_private(&self) -> bool {
        self.at_private.unwrap_or_else(|| shows_private(&self.url))
    }

    /// Whether requests to `other` may carry what was meant for this one: same scheme, host and port.
    pub(crate) fn same_origin(&self, other: &Admitted) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// This URL with `extra` (`name=value`) behind its query, which stays byte for byte (quirk U2).
    pub(crate) fn with_query(&self, extra: &str) -> Admitted {
        let mut url = self.url.clone();
        let query = match url.query() {
            Some(q) if !q.is_empty() => format!("{q}&{extra}"),
            _ => extra.to_owned(),
        };
        url.set_query(Some(&query));
        self.with(url)
    }

    /// The URL for people and logs: no user, no query, which may hold signatures.
    pub(crate) fn redacted(&self) -> String {
        redacted(self.url.as_str())
    }
}

/// The error about `url`, which a public server named and which is at the private address `ip`.
pub(crate) fn leads_to_private(url: &Admitted, ip: IpAddr) -> Error {
    let (url, host) = (url.redacted(), url.url.host_str().unwrap_or_default());
    Error::unavailable(format!(
        "a public server named `{url}`, but `{host}` is at the private address `{ip}`"
    ))
    .hint(private_hint(host))
}

fn private_hint(host: &str) -> String {
    format!("if that is right within this network, add `--allow-private-host {host}`")
}

/// Admits `target`, which the answer to `base` named, or says why not.
pub(crate) fn admit(base: &Admitted, target: &str, purpose: Purpose) -> Result<Admitted> {
    let joined = base.url.join(&absolute_form(base, target));
    let refuse = |why: &str| {
        let what = match purpose {
            Purpose::Redirect => "a redirect to",
            Purpose::Location => "the upload location",
            Purpose::Link => "the next page at",
            Purpose::Realm => "the token endpoint",
            Purpose::Endpoint => "the registry",
            Purpose::Layer => "a layer at",
        };
        let target = match &joined {
            Ok(url) => redacted(url.as_str()),
            Err(_) => redacted(target),
        };
        Error::unavailable(format!(
            "{} named {what} `{target}`: {why}",
            base.redacted()
        ))
    };
    let mut url = match &joined {
        Ok(url) => url.clone(),
        Err(_) => return Err(refuse("this is not a valid URL")),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refuse("only http and https URLs are followed"));
    }
    if purpose == Purpose::Link && url.origin() != base.url.origin() {
        if !is_same_list(&base.url, &url) {
            return Err(refuse("it is on another server"));
        }
        // The registry knows itself by another name or scheme than its clients do.
        return Ok(base.at(&url[url::Position::BeforePath..url::Position::AfterQuery]));
    }
    let same_host = url.host() == base.url.host();
    if purpose == Purpose::Location
        && same_host
        && url.port().is_none()
        && base.url.port().is_some()
        && !has_port(target)
    {
        // U4: a router dropped the port of the host that the request went to.
        let _ = url.set_port(base.url.port());
    }
    if base.url.scheme() == "https" && url.scheme() == "http" {
        if !same_host {
            return Err(refuse("https is not lowered to http"));
        }
        // U5: a proxy that terminates TLS let the inner scheme through; keep to the outer one.
        let port = url.port().or(base.url.port());
        let _ = url.set_scheme("https");
        let _ = url.set_port(port);
    }
    let only_public = !base.is_private() && !base.permits(&url);
    if only_public && !same_host && shows_private(&url) {
        let e = refuse("a public server may not send clients to a private address");
        return Err(e.hint(private_hint(url.host_str().unwrap_or_default())));
    }
    Ok(Admitted {
        url,
        only_public,
        at_private: base.at_private.filter(|_| same_host),
        permitted: base.permitted.clone(),
    })
}

/// L2: whether `next`, on another origin than `list`, is the same list on the same server under another name. A server
/// behind a proxy may know neither the name nor the scheme that its clients use. An address is no such name.
fn is_same_list(list: &Url, next: &Url) -> bool {
    let same_server = match (list.host(), next.host()) {
        (_, Some(Host::Domain(_))) => true,
        (Some(a), Some(b)) => {
            a == b || (is_loopback(&a) && is_loopback(&b) && list.port() == next.port())
        }
        _ => false,
    };
    same_server && list.path() == next.path()
}

/// Admits the URL `target` of a layer, which a manifest names that came from `origin`. A manifest that did not come
/// from a server is judged as if this machine had served it.
pub(crate) fn admit_layer(origin: Option<&Url>, target: &str) -> Result<Admitted> {
    let base = match origin {
        Some(url) => Admitted::named_by_user(url.clone()),
        None => Admitted::root("http", "localhost")?,
    };
    if Url::parse(target).is_err() {
        let message = "the manifest names a layer at something that is not a URL";
        return Err(Error::unavailable(message));
    }
    admit(&base, target, Purpose::Layer)
}

/// U3: `host/path` without a scheme, where the host is the one that was asked.
fn absolute_form(base: &Admitted, target: &str) -> String {
    let authority = base.url.authority();
    match target.strip_prefix(authority) {
        Some(rest) if rest.starts_with('/') => format!("{}://{target}", base.url.scheme()),
        _ => target.to_owned(),
    }
}

fn has_port(target: &str) -> bool {
    let authority = target
        .split("//")
        .nth(1)
        .unwrap_or_default()
        .split('/')
        .next()
        .unwrap_or_default();
    authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
