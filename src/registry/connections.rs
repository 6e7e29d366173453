//! Connections: how requests reach a host. Each kind of client is built when it is first needed, because reading
//! the system's certificate authorities costs more than a whole plain-HTTP command.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Certificate;
use url::Url;

use super::no_proxy::NoProxy;
use super::tls::{self, Tls};
use crate::image::Registry;
use crate::settings::Access;
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
    /// What the clients for TLS have in common, sessions that can be resumed among it.
    tls: Arc<OnceLock<Tls>>,
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
/// Bytes of an HTTP/2 frame that are taken: fewer frames are less work on both sides.
const H2_FRAME: u32 = 64 << 10;

impl Connections {
    pub(crate) fn new(registry: &Registry, access: &Access, patience: &Patience) -> Connections {
        let direct = registry.is_loopback();
        let mut new = Connections::with(registry, access, patience, direct);
        new.exceptions = NoProxy::from_environment()
            .filter(|_| !direct)
            .map(|which| {
                let mut connections = Connections::with(registry, access, patience, true);
                connections.tls = new.tls.clone();
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
            tls: Arc::default(),
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
                self.builder()
                    .http1_only()
                    .tls_backend_preconfigured(self.tls(&["http/1.1"])?)
                    .build()
                    .map_err(not_built)
            }),
            (_, false) => get_or_build(&self.secure, || {
                self.builder()
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

    /// The file of the certificate that is shown to a server which asks for one.
    pub(crate) fn client_certificate(&self) -> Option<&Path> {
        self.tls.get()?.client.as_deref()
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

    /// The client's way to speak TLS, which offers these protocols of HTTP in this order.
    fn tls(&self, protocols: &[&str]) -> Result<rustls::ClientConfig> {
        let tls = get_or_build(&self.tls, || tls::load(&self.registry, &self.access))?;
        let mut config = tls.config.clone();
        config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        Ok(config)
    }
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
