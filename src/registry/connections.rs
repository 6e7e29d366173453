//! Connections: how requests reach a host. Each kind of client is built when it is first needed, because reading
//! the system's certificate authorities costs more than a whole plain-HTTP command.

use std::sync::OnceLock;
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::{Certificate, Identity};
use url::Url;

use super::no_proxy::NoProxy;
use crate::image::Registry;
use crate::settings::{Access, certs_d};
use crate::{Error, Result};

/// How long barque waits for others.
#[derive(Debug, Clone)]
pub struct Patience {
    /// To connect, TLS included.
    pub connect: Duration,
    /// From a request without a body to the head of its answer.
    pub header: Duration,
    /// Between two pieces of a body, in either direction.
    pub stall: Duration,
    /// From the last byte of an upload to the head of its answer: the registry may have to copy and hash all of it.
    pub commit: Duration,
    /// For all of a manifest, a list or a token, however steadily it comes.
    pub document: Duration,
    /// How often one request is sent at most.
    pub tries: u32,
    /// The wait before the second try; doubled for each further one.
    pub backoff: Duration,
    /// The longest `Retry-After` that is obeyed; a longer one ends the command (quirk E15).
    pub retry_after: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(10),
            header: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            commit: Duration::from_secs(600),
            document: Duration::from_secs(600),
            tries: 5,
            backoff: Duration::from_millis(250),
            retry_after: Duration::from_secs(300),
        }
    }
}

/// The HTTP clients of one registry.
pub(crate) struct Connections {
    registry: Registry,
    access: Access,
    patience: Patience,
    /// Whether proxies are passed by.
    direct: bool,
    exceptions: Option<Box<Exceptions>>,
    plain: OnceLock<reqwest::Client>,
    secure: OnceLock<reqwest::Client>,
    bulk: OnceLock<reqwest::Client>,
}

/// Connections past proxies, for what [`NoProxy`] names.
struct Exceptions {
    which: NoProxy,
    connections: Connections,
}

/// Bytes in flight that an HTTP/2 stream and connection allow: enough for 1 Gbit/s at 60 ms.
const H2_STREAM_WINDOW: u32 = 8 << 20;
const H2_CONNECTION_WINDOW: u32 = 32 << 20;

impl Connections {
    pub(crate) fn new(registry: &Registry, access: &Access, patience: &Patience) -> Connections {
        let direct = registry.is_loopback();
        let mut new = Connections::with(registry, access, patience, direct);
        new.exceptions = NoProxy::from_environment()
            .filter(|_| !direct)
            .map(|which| {
                let connections = Connections::with(registry, access, patience, true);
                Box::new(Exceptions { which, connections })
            });
        new
    }

    fn with(
        registry: &Registry,
        access: &Access,
        patience: &Patience,
        direct: bool,
    ) -> Connections {
        Connections {
            registry: registry.clone(),
            access: access.clone(),
            patience: patience.clone(),
            direct,
            exceptions: None,
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            bulk: OnceLock::new(),
        }
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
                self.builder()
                    .http1_only()
                    .tls_certs_only(std::iter::empty::<Certificate>())
                    .build()
                    .map_err(not_built)
            }),
            (_, true) => get_or_build(&self.bulk, || {
                self.tls(self.builder().http1_only())?
                    .build()
                    .map_err(no_authorities)
            }),
            (_, false) => get_or_build(&self.secure, || {
                let builder = self
                    .builder()
                    .http2_initial_stream_window_size(H2_STREAM_WINDOW);
                self.tls(builder.http2_initial_connection_window_size(H2_CONNECTION_WINDOW))?
                    .build()
                    .map_err(no_authorities)
            }),
        }
    }

    /// The proxy that stands before `url`, without its credentials.
    pub(crate) fn proxy(&self, url: &Url) -> Option<String> {
        if self.direct {
            return None;
        }
        // The settings as the HTTP client itself reads them.
        let found = Matcher::from_system().intercept(&url.as_str().parse().ok()?)?;
        let proxy = found.uri();
        let scheme = proxy.scheme_str().unwrap_or("http");
        let port = proxy
            .port()
            .map_or(String::new(), |port| format!(":{port}"));
        Some(format!("{scheme}://{}{port}", proxy.host()?))
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(self.patience.connect)
            // H2: load balancers drop idle connections after 5 s and more.
            .pool_idle_timeout(Duration::from_secs(4))
            .tcp_nodelay(true)
            // E12: one header with a control byte does not spoil the answer.
            .http1_ignore_invalid_headers_in_responses(true)
            .user_agent(concat!("barque/", env!("CARGO_PKG_VERSION")));
        if self.direct {
            builder.no_proxy()
        } else {
            builder
        }
    }

    fn tls(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder> {
        let certs = certs_d::load(&self.registry, self.access.cert_dir.as_deref())?;
        let mut builder = builder.tls_danger_accept_invalid_certs(!self.access.tls_verify);
        if !self.access.tls_verify {
            builder = builder.tls_danger_accept_invalid_hostnames(true);
        }
        let broken = |e| {
            Error::other(format!(
                "the certificates for `{}` cannot be used",
                self.registry
            ))
            .because(e)
        };
        let mut authorities = Vec::new();
        for pem in &certs.authorities {
            authorities.extend(Certificate::from_pem_bundle(pem).map_err(broken)?);
        }
        if !authorities.is_empty() {
            builder = builder.tls_certs_merge(authorities);
        }
        match &certs.identity {
            Some(pem) => Ok(builder.identity(Identity::from_pem(pem).map_err(broken)?)),
            None => Ok(builder),
        }
    }
}

fn get_or_build(
    cell: &OnceLock<reqwest::Client>,
    build: impl FnOnce() -> Result<reqwest::Client>,
) -> Result<&reqwest::Client> {
    if let Some(client) = cell.get() {
        return Ok(client);
    }
    let built = build()?;
    Ok(cell.get_or_init(|| built))
}

/// What is left to go wrong with a client for TLS once its own certificates have been read.
fn no_authorities(e: reqwest::Error) -> Error {
    not_built(e).hint("does this machine have certificate authorities (the package `ca-certificates`), and do `SSL_CERT_FILE` and `SSL_CERT_DIR` name them?")
}

fn not_built(e: reqwest::Error) -> Error {
    Error::other("the HTTP client cannot be set up").because(e)
}
