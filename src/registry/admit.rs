//! `admit`: the one function that lets a server choose where the next request goes.
//!
//! `Location`, `Link`, `realm` and redirects come from outside and may be forged. The rules: only http and https;
//! https is never lowered; no hop from a public place to a private one; `Link` stays on its origin (quirks B2,
//! B3, L2, U3-U6, A7, A8). Only what passed becomes an [`Admitted`], and requests are sent to nothing else.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Url};

use crate::{Error, Kind, Result};

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
    Endpoint,
    /// Where a manifest says that a layer is.
    Layer,
}

/// A URL that requests may be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admitted(Url);

impl Admitted {
    /// The API root of a registry that the user named.
    pub(crate) fn root(scheme: &str, host: &str) -> Result<Admitted> {
        let text = format!("{scheme}://{host}/");
        Url::parse(&text)
            .map(Admitted)
            .map_err(|e| Error::other(format!("`{host}` is not a valid registry host")).because(e))
    }

    /// The URL at `path_and_query` (already in the form of a URL) of the same origin.
    pub(crate) fn at(&self, path_and_query: &str) -> Admitted {
        let mut url = self.0.clone();
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        url.set_path(path);
        url.set_query(query);
        Admitted(url)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Whether requests to `other` may carry what was meant for this one: same scheme, host and port.
    pub(crate) fn same_origin(&self, other: &Admitted) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// This URL with `extra` (`name=value`) behind its query, which stays byte for byte (quirk U2).
    pub(crate) fn with_query(&self, extra: &str) -> Admitted {
        let mut url = self.0.clone();
        let query = match url.query() {
            Some(q) if !q.is_empty() => format!("{q}&{extra}"),
            _ => extra.to_owned(),
        };
        url.set_query(Some(&query));
        Admitted(url)
    }

    /// The URL for people and logs: no user, no query, which may hold signatures.
    pub(crate) fn redacted(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_username("");
        let _ = url.set_password(None);
        url.to_string()
    }
}

/// Admits `target`, which the answer to `base` named, or says why not.
pub(crate) fn admit(base: &Admitted, target: &str, purpose: Purpose) -> Result<Admitted> {
    let joined = base.0.join(&absolute_form(base, target));
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
            Ok(url) => Admitted(url.clone()).redacted(),
            // What cannot be taken apart may hold a secret anywhere behind its path.
            Err(_) => {
                let place = target.split(['?', '#']).next().unwrap_or_default();
                let place = place.rsplit('@').next().unwrap_or_default();
                place.chars().take(120).collect()
            }
        };
        Error::new(
            Kind::Unavailable,
            format!("{} named {what} `{target}`: {why}", base.redacted()),
        )
    };
    let mut url = match &joined {
        Ok(url) => url.clone(),
        Err(_) => return Err(refuse("this is not a valid URL")),
    };
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(refuse("only http and https URLs are followed"));
    }
    let same_host = url.host() == base.0.host();
    if purpose == Purpose::Location
        && same_host
        && url.port().is_none()
        && base.0.port().is_some()
        && !has_port(target)
    {
        // U4: a router dropped the port of the host that the request went to.
        let _ = url.set_port(base.0.port());
    }
    if base.0.scheme() == "https" && url.scheme() == "http" {
        if !same_host {
            return Err(refuse("https is not lowered to http"));
        }
        // U5: a proxy that terminates TLS let the inner scheme through; keep to the outer one.
        let port = url.port().or(base.0.port());
        let _ = url.set_scheme("https");
        let _ = url.set_port(port);
    }
    if !same_host && is_private(&url) && !is_private(&base.0) {
        return Err(refuse(
            "a public server may not send clients to a private address",
        ));
    }
    let admitted = Admitted(url);
    if purpose == Purpose::Link && !admitted.same_origin(base) {
        return Err(refuse("it is on another server"));
    }
    Ok(admitted)
}

/// Admits the URL `target` of a layer, which a manifest names that came from `origin`. A manifest that did not come
/// from a server is judged as if this machine had served it.
pub(crate) fn admit_layer(origin: Option<&Url>, target: &str) -> Result<Admitted> {
    let base = match origin {
        Some(url) => Admitted(url.clone()),
        None => Admitted::root("http", "localhost")?,
    };
    if Url::parse(target).is_err() {
        let message = "the manifest names a layer at something that is not a URL";
        return Err(Error::new(Kind::Unavailable, message));
    }
    admit(&base, target, Purpose::Layer)
}

/// U3: `host/path` without a scheme, where the host is the one that was asked.
fn absolute_form(base: &Admitted, target: &str) -> String {
    let authority = base.0.authority();
    match target.strip_prefix(authority) {
        Some(rest) if rest.starts_with('/') => format!("{}://{target}", base.0.scheme()),
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

/// Whether the URL names an address that is not reachable from the internet. Names are not resolved.
fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => is_private_ip(ip.into()),
        Some(Host::Ipv6(ip)) => is_private_ip(ip.into()),
        None => false,
    }
}

fn is_private_ip(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified()
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(v4) => is_private_ip(v4.into()),
            None => {
                ip.is_loopback()
                    || ip == Ipv6Addr::UNSPECIFIED
                    || ip.is_unique_local()
                    || ip.is_unicast_link_local()
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn from(base: &str, target: &str, purpose: Purpose) -> Result<String> {
        let base = Admitted(Url::parse(base).unwrap());
        admit(&base, target, purpose).map(|a| a.url().to_string())
    }

    #[test]
    fn b3_https_is_not_lowered_and_public_does_not_lead_to_private() {
        assert!(from("https://r.io/v2/", "http://cdn.io/x", Purpose::Redirect).is_err());
        assert!(from("https://r.io/v2/", "https://127.0.0.1/x", Purpose::Redirect).is_err());
        assert!(
            from(
                "https://r.io/v2/",
                "https://[::ffff:10.0.0.1]/x",
                Purpose::Realm
            )
            .is_err()
        );
        assert!(
            from(
                "https://r.io/v2/",
                "https://169.254.169.254/x",
                Purpose::Location
            )
            .is_err()
        );
        assert!(
            from(
                "http://127.0.0.1:1/v2/",
                "http://127.0.0.3:2/x",
                Purpose::Redirect
            )
            .is_ok()
        );
        assert!(
            from(
                "https://r.io/",
                "https://cdn.io/x?sig=%2F",
                Purpose::Redirect
            )
            .unwrap()
            .ends_with("sig=%2F")
        );
    }

    #[test]
    fn b13_layers_are_fetched_from_where_their_manifest_may_lead() {
        let from = |origin: Option<&str>, url: &str| {
            let origin = origin.map(|o| Url::parse(o).unwrap());
            admit_layer(origin.as_ref(), url).is_ok()
        };
        for (origin, url, good) in [
            (Some("https://r.io/"), "https://cdn.io/layer", true),
            (Some("https://r.io/"), "http://cdn.io/layer", false),
            (Some("https://r.io/"), "https://10.0.0.1/layer", false),
            (
                Some("http://127.0.0.1:5000/"),
                "http://127.0.0.2/layer",
                true,
            ),
            (None, "http://127.0.0.1/layer", true),
            (None, "https://cdn.io/layer", true),
            (None, "file:///etc/passwd", false),
            (None, "/layer", false),
        ] {
            assert_eq!(from(origin, url), good, "{origin:?} {url}");
        }
    }

    proptest! {
        /// From https nothing leads to plain HTTP, and from a public host nothing to a private address, however
        /// the target is written.
        #[test]
        fn b3_never_panics_and_never_lowers(
            target in "\\PC{0,60}|(https?:)?//?[a-z@.:/\\[\\]0-9?%#]{0,40}|(http|HTTP|https|ws)://(r.io|R.IO|127.1|0x7f000001|10.0.0.1|u:p@r.io|\\[::1\\])(:[0-9]{0,6})?/x",
            port in prop_oneof![Just(""), Just(":5000"), Just(":80")],
            which in 0..4usize,
        ) {
            let purpose = [Purpose::Redirect, Purpose::Location, Purpose::Link, Purpose::Realm][which];
            let base = Admitted(Url::parse(&format!("https://r.io{port}/v2/a/tags/list")).unwrap());
            if let Ok(url) = admit(&base, &target, purpose) {
                prop_assert_eq!(url.url().scheme(), "https");
                prop_assert!(!is_private(url.url()));
                prop_assert!(purpose != Purpose::Link || url.same_origin(&base));
            }
        }
    }

    #[test]
    fn a7_a_realm_is_http_or_https() {
        assert!(from("https://r.io/v2/", "null://r.io/token", Purpose::Realm).is_err());
        assert!(from("https://r.io/v2/", "file:///etc/passwd", Purpose::Realm).is_err());
        assert_eq!(
            from("https://r.io/v2/", "/token?a=b", Purpose::Realm).unwrap(),
            "https://r.io/token?a=b"
        );
    }

    #[test]
    fn u3_u4_u5_a_location_is_put_right() {
        let base = "https://r.io:5000/v2/a/blobs/uploads/";
        assert_eq!(
            from(base, "r.io:5000/x", Purpose::Location).unwrap(),
            "https://r.io:5000/x"
        );
        assert_eq!(
            from(base, "https://r.io/x", Purpose::Location).unwrap(),
            "https://r.io:5000/x"
        );
        assert_eq!(
            from(base, "http://r.io:5000/x", Purpose::Location).unwrap(),
            "https://r.io:5000/x"
        );
        assert_eq!(
            from(base, "u1?_state=a%3D", Purpose::Location).unwrap(),
            format!("{base}u1?_state=a%3D")
        );
    }

    #[test]
    fn l2_a_link_stays_on_its_origin() {
        assert!(
            from(
                "https://r.io/v2/a/tags/list",
                "https://evil.io/x",
                Purpose::Link
            )
            .is_err()
        );
        assert!(
            from(
                "https://r.io/v2/a/tags/list",
                "/v2/a/tags/list?last=q",
                Purpose::Link
            )
            .is_ok()
        );
    }

    #[test]
    fn queries_are_extended_not_rewritten_and_never_shown() {
        let url = Admitted(Url::parse("https://u:p@r.io/x?_state=A%3D|b").unwrap());
        assert_eq!(
            url.with_query("digest=d").url().query(),
            Some("_state=A%3D|b&digest=d")
        );
        assert_eq!(url.redacted(), "https://r.io/x");
    }
}
