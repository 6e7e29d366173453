//! Connections: how requests reach a host. Each kind of client is built when it is first needed, because reading
//! the system's certificate authorities costs more than a whole plain-HTTP command.

use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Certificate;
use url::Url;

use super::address::Resolver;
use super::no_proxy::NoProxy;
use super::tls::{self, Tls};
use crate::image::Registry;
use crate::settings::{Access, Timeouts};
use crate::{Error, Result};

/// The HTTP clients of one registry.
pub(crate) struct Connections {
    registry: Registry,
    access: Access,
    timeouts: Timeouts,
    /// What the clients for TLS have in common, sessions that can be resumed among it.
    tls: Arc<OnceLock<Tls>>,
    /// Whether proxies are passed by.
    direct: bool,
    exceptions: Option<Box<Exceptions>>,
    resolver: Resolver,
    /// The proxies of the environment, read as the HTTP client itself reads them.
    proxies: OnceLock<Matcher>,
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
    bulk: OnceLock<reqwest::Client>,
}

/// Connections past proxies, for what [`NoProxy`] names.
struct Exceptions {
    which: NoProxy,
    connections: Connections,
}

/// How requests call their sender unless that is set.
const USER_AGENT: &str = concat!("barque/", env!("CARGO_PKG_VERSION"));

/// Bytes in flight that an HTTP/2 stream and connection allow: enough for 1 Gbit/s at 60 ms.
const H2_STREAM_WINDOW: u32 = 8 << 20;
const H2_CONNECTION_WINDOW: u32 = 32 << 20;
/// Bytes of an HTTP/2 frame that are taken: fewer frames are less work on both sides.
const H2_FRAME: u32 = 64 << 10;

impl Connections {
    pub(crate) fn new(registry: &Registry, access: &Access, timeouts: &Timeouts) -> Connections {
        let direct = registry.is_loopback();
        let mut new = Connections::with(registry, access, timeouts, direct);
        new.exceptions = NoProxy::from_environment()
            .filter(|_| !direct)
            .map(|which| {
                let mut connections = Connections::with(registry, access, timeouts, true);
                connections.tls = new.tls.clone();
                connections.resolver = new.resolver.clone();
                Box::new(Exceptions { which, connections })
            });
        new
    }

    fn with(
        registry: &Registry,
        access: &Access,
        timeouts: &Timeouts,
        direct: bool,
    ) -> Connections {
        Connections {
            registry: registry.clone(),
            access: access.clone(),
            timeouts: timeouts.clone(),
            tls: Arc::default(),
            direct,
            exceptions: None,
            resolver: Resolver::default(),
            proxies: OnceLock::new(),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            bulk: OnceLock::new(),
        }
    }

    /// The registry that they are for.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Those by which `url` is reached.
    pub(crate) fn to(&self, url: &Url) -> &Connections {
        match &self.exceptions {
            Some(exceptions) if exceptions.which.contains(url) => &exceptions.connections,
            _ => self,
        }
    }

    /// The client for a URL of this scheme; `bulk` keeps to HTTP/1.1, which moves large bodies faster.
    pub(crate) fn client(&self, scheme: &str, bulk: bool) -> Result<&reqwest::Client> {
        match (scheme, bulk) {
            ("http", _) => get_or_build(&self.plain, || {
                // No TLS handshake happens on these: without authorities the system's are not read.
                self.builder("HTTP")?
                    .http1_only()
                    .tls_certs_only(std::iter::empty::<Certificate>())
                    .build()
                    .map_err(not_built)
            }),
            (_, true) => get_or_build(&self.bulk, || {
                self.builder("HTTPS")?
                    .http1_only()
                    .tls_backend_preconfigured(self.tls(&["http/1.1"])?)
                    .build()
                    .map_err(not_built)
            }),
            (_, false) => get_or_build(&self.secure, || {
                self.builder("HTTPS")?
                    .http2_initial_stream_window_size(H2_STREAM_WINDOW)
                    .http2_initial_connection_window_size(H2_CONNECTION_WINDOW)
                    .http2_max_frame_size(H2_FRAME)
                    .tls_backend_preconfigured(self.tls(&["h2", "http/1.1"])?)
                    .build()
                    .map_err(not_built)
            }),
        }
    }

    /// The proxy that stands before `url`, without its credentials.
    pub(crate) fn proxy(&self, url: &Url) -> Option<String> {
        let found = self.intercept(url)?;
        let proxy = found.uri();
        let scheme = proxy.scheme_str().unwrap_or("http");
        let port = proxy
            .port()
            .map_or(String::new(), |port| format!(":{port}"));
        Some(format!("{scheme}://{}{port}", proxy.host()?))
    }

    /// Whether a proxy stands before `url`.
    pub(crate) fn has_proxy(&self, url: &Url) -> bool {
        self.intercept(url).is_some()
    }

    fn intercept(&self, url: &Url) -> Option<Intercept> {
        if self.direct {
            return None;
        }
        let proxies = self.proxies.get_or_init(Matcher::from_system);
        proxies.intercept(&url.as_str().parse().ok()?)
    }

    /// From now on `host` is only connected to at public addresses.
    pub(crate) fn only_public(&self, host: &str) {
        self.resolver.only_public(host);
    }

    /// The file of the certificate that is shown to a server which asks for one.
    pub(crate) fn client_certificate(&self) -> Option<&Path> {
        self.tls.get()?.client.as_deref()
    }

    /// What all clients have in common; `scheme` is in capitals, as in the name of its proxy variable.
    fn builder(&self, scheme: &str) -> Result<reqwest::ClientBuilder> {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.timeouts.connect)
            // H2: load balancers drop idle connections after 5 s and more.
            .pool_idle_timeout(Duration::from_secs(4))
            .tcp_nodelay(true)
            .dns_resolver(self.resolver.clone())
            // E12: one header with a control byte does not spoil the answer.
            .http1_ignore_invalid_headers_in_responses(true)
            .user_agent(self.access.user_agent.as_deref().unwrap_or(USER_AGENT));
        if self.direct {
            return Ok(builder.no_proxy());
        }
        let proxy = check_proxy(scheme, |name| std::env::var_os(name))?;
        // Go sends names to such a proxy too; the HTTP client would resolve them itself.
        let socks = proxy
            .as_deref()
            .and_then(|url| url.strip_prefix("socks5://"));
        let Some(socks) = socks else {
            return Ok(builder);
        };
        let proxy = reqwest::Proxy::all(format!("socks5h://{socks}"))
            .map_err(|e| not_built(e.without_url()))?;
        Ok(builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_env())))
    }

    /// The client's way to speak TLS, which offers these protocols of HTTP in this order.
    fn tls(&self, protocols: &[&str]) -> Result<rustls::ClientConfig> {
        let tls = get_or_build(&self.tls, || tls::load(&self.registry, &self.access))?;
        let mut config = tls.config.clone();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        Ok(config)
    }
}

/// The URL of the proxy for `scheme`; an error if the variable cannot be used: the HTTP client would go past the proxy
/// without a word.
fn check_proxy(scheme: &str, var: impl Fn(&str) -> Option<OsString>) -> Result<Option<String>> {
    let set = |name: String| {
        let mut names = [name.clone(), name.to_lowercase()].into_iter();
        let given = names.find_map(|name| var(&name).map(|value| (name, value)));
        // As for the HTTP client, an empty value counts as unset, but hides the lower-case variable.
        given.filter(|(_, value)| !value.is_empty())
    };
    let own = set(format!("{scheme}_PROXY"));
    let Some((name, value)) = own.or_else(|| set("ALL_PROXY".to_owned())) else {
        return Ok(None);
    };
    let any = http::Uri::from_static("http://registry.example/");
    let proxies = value
        .to_str()
        .map(|url| Matcher::builder().all(url).build());
    let proxy = proxies.and_then(|proxies| proxies.intercept(&any));
    // A port that is no number is not seen before the connection is made, to another port.
    let is_usable = |proxy: Intercept| {
        let place = proxy.uri().authority()?;
        Some(place.port_u16().is_some() || place.host() == place.as_str())
    };
    if proxy.and_then(is_usable) == Some(true) {
        return Ok(value.into_string().ok());
    }
    // The value is not shown: it may hold a password.
    Err(
        Error::other(format!("the value of `{name}` is not the URL of a proxy")).hint(format!(
            "write it like http://proxy.example.com:3128 or socks5://HOST:PORT, or unset `{name}`"
        )),
    )
}

fn get_or_build<T>(cell: &OnceLock<T>, build: impl FnOnce() -> Result<T>) -> Result<&T> {
    if let Some(built) = cell.get() {
        return Ok(built);
    }
    let built = build()?;
    Ok(cell.get_or_init(|| built))
}

fn not_built(e: reqwest::Error) -> Error {
    Error::other("the HTTP client cannot be set up").because(e)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_a_proxy_variable_that_cannot_be_used_is_named() {
        let check = |scheme: &str, vars: &[(&str, &str)]| {
            let var = |name: &str| {
                let found = vars.iter().find(|(n, _)| *n == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let checked = check_proxy(scheme, var).map(drop);
            checked.map_err(|e| e.to_string())
        };
        for good in [
            "http://p:1",
            "p:1",
            "socks5h://u:s@p",
            "https://u:s@[::1]:1/",
            "",
        ] {
            assert_eq!(check("HTTPS", &[("HTTPS_PROXY", good)]), Ok(()), "{good}");
        }
        for wrong in ["http://u:s3cret@p:port", "ftp://p", "http://", "/p", "a b"] {
            for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
                let said = check("HTTPS", &[(name, wrong)]).unwrap_err();
                assert!(said.contains(&format!("`{name}`")), "{said}");
                assert!(!said.contains("s3cret"), "{said}");
            }
            let other = [("HTTP_PROXY", wrong), ("HTTPS_PROXY", "http://p")];
            assert_eq!(check("HTTPS", &other), Ok(()));
            assert!(check("HTTP", &other).is_err());
        }
    }
}
