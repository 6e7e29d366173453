//! Requests that got no answer: what to call that, and what the next step depends on.
//!
//! The causes that the HTTP client gives are looked through here and nowhere else; what it says of its own layers is
//! left out.

use std::error::Error as StdError;
use std::io;
use std::path::Path;
use std::time::Duration;

use http::Method;

use super::address::PrivateAddress;
use super::admit::{Admitted, leads_to_private};
use super::tls::{client_hint, failure};
use super::why::Why;
use crate::Error;

/// Why no answer came.
pub(crate) struct TransportFailure {
    pub(crate) error: Error,
    pub(crate) why: Why,
}

/// A request that nothing was heard of for the time in `why`; with `is_starved` because nothing came that it could send.
pub(crate) fn silent(
    (method, url): (&Method, &Admitted),
    (why, limit): (Why, Duration),
    is_starved: bool,
) -> TransportFailure {
    let (url, limit) = (url.redacted(), limit.as_secs_f32());
    let silent = match is_starved {
        true => "the source sent nothing to pass on",
        false => "no answer",
    };
    let error = Error::unavailable(format!("{method} {url}: {silent} for {limit} s"));
    let error = match why {
        Why::Unanswered => error.because(Unanswered),
        _ => error,
    };
    TransportFailure { error, why }
}

/// The cause of an error about an upload that was sent to its end and not answered. What is sent may still be on its
/// way.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the upload was left to send")]
struct Unanswered;

/// Whether `e` is about an upload that was sent to its end and not answered.
pub(crate) fn is_unanswered(e: &Error) -> bool {
    chain(e).any(|e| e.is::<Unanswered>())
}

/// Words and class of a failure to get an answer to the request `method` of `url`, which went through `proxy` if there
/// is one, with the certificate in the file `client` if there is one; `connect` is how long a connection was waited
/// for.
pub(crate) fn classify(
    (method, url): (&Method, &Admitted),
    proxy: Option<&str>,
    client: Option<&Path>,
    connect: Duration,
    e: reqwest::Error,
) -> TransportFailure {
    let failed = Failed {
        place: format!("{method} {}", url.redacted()),
        url,
        proxy,
        client,
        connect,
        e: e.without_url(),
    };
    failed.to_send()
}

/// A request that got no answer.
struct Failed<'a> {
    /// Method and URL, for messages.
    place: String,
    url: &'a Admitted,
    proxy: Option<&'a str>,
    client: Option<&'a Path>,
    connect: Duration,
    e: reqwest::Error,
}

impl Failed<'_> {
    fn host(&self) -> &str {
        self.url.url().host_str().unwrap_or_default()
    }

    /// Whether the failure was of this kind. One `io::Error` may wrap another under the kind `Other`.
    fn is_io(&self, kind: io::ErrorKind) -> bool {
        chain(&self.e).any(|c| {
            let io = c.downcast_ref::<io::Error>();
            io.is_some_and(|e| e.kind() == kind)
        })
    }

    fn says(&self, text: &str) -> bool {
        chain(&self.e).any(|c| c.to_string().contains(text))
    }

    fn is_unresolved(&self) -> bool {
        self.says("dns error") || self.says("failed to lookup")
    }

    fn is_timeout(&self) -> bool {
        self.e.is_timeout() || self.says("timed out")
    }

    fn unavailable(&self, text: &str) -> Error {
        Error::unavailable(format!("{}: {text}", self.place))
    }

    fn to_send(&self) -> TransportFailure {
        if let Some(tls) = cause::<rustls::Error>(&self.e) {
            if let Some(proxy) = self.proxy.filter(|proxy| self.is_of_proxy(proxy)) {
                return TransportFailure {
                    error: self.unproven(proxy, failure(tls, None).1),
                    why: Why::NoServer,
                };
            }
            let (why, words, hint) = failure(tls, self.client);
            let error = self.unavailable("the TLS handshake failed");
            let error = error.because(io::Error::other(words)).hint(hint);
            return TransportFailure { error, why };
        }
        if let Some(PrivateAddress(ip)) = cause(&self.e) {
            return TransportFailure {
                error: leads_to_private(self.url, *ip),
                why: Why::Odd,
            };
        }
        if self.says("message head is too large") {
            let text = "the head of the answer has more than 100 fields or 400 KiB";
            return TransportFailure {
                error: self.unavailable(text),
                why: Why::Odd,
            };
        }
        match self.e.is_connect() {
            true => self.to_connect(),
            false => self.to_answer(),
        }
    }

    /// Whether the TLS that failed was spoken with `proxy`: no tunnel led further yet.
    fn is_of_proxy(&self, proxy: &str) -> bool {
        let is_tunnelled = self.url.url().scheme() == "https";
        proxy.starts_with("https://")
            && (!is_tunnelled || self.says("failed to create underlying connection"))
    }

    /// The words for a proxy that does not prove who it is.
    fn unproven(&self, proxy: &str, why: String) -> Error {
        let text = format!("the TLS handshake with the proxy `{proxy}` failed");
        let error = self.unavailable(&text).because(io::Error::other(why));
        error.hint("its authority has to be one that this machine trusts; a proxy that speaks plain HTTP is named with `http://`")
    }

    /// There was no connection.
    fn to_connect(&self) -> TransportFailure {
        // Some servers of plain HTTP hang up when they hear TLS.
        let hung_up = self.url.url().scheme() == "https"
            && (self.is_io(io::ErrorKind::UnexpectedEof)
                || self.is_io(io::ErrorKind::ConnectionReset));
        let why = match hung_up {
            _ if self.is_timeout() => Why::NoConnection,
            true => Why::Tls,
            false => Why::NoServer,
        };
        // H6: what cannot be reached is the proxy, not the registry behind it.
        let error = match self.proxy {
            Some(proxy) => self.through(proxy),
            None => self.directly(),
        };
        TransportFailure { error, why }
    }

    /// The words for a proxy that cannot be reached, or gave no tunnel.
    fn through(&self, proxy: &str) -> Error {
        let why = innermost(&self.e).to_string();
        // The proxy was reached, and gave no tunnel: another status than 2xx, or none.
        let refusals = [
            "unsuccessful",
            "authorization required",
            "unexpected end of file",
        ];
        let refused = refusals.iter().any(|text| why.contains(text));
        let mut hint =
            "check the proxy settings (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)".to_owned();
        let text = if self.is_io(io::ErrorKind::ConnectionRefused) {
            format!(
                "no connection through the proxy `{proxy}`: nothing listens there (connection refused)"
            )
        } else if self.says("tunnel error") && refused {
            let port = self.url.url().port_or_known_default().unwrap_or(443);
            let host = self.host();
            let why = match why.trim_start_matches("tunnel error: ") {
                "unsuccessful" => {
                    // The HTTP client keeps the status to itself.
                    hint = format!(
                        "its rules may forbid that host or port, or it cannot reach it: `curl --proxy {proxy} https://{host}:{port}/v2/` shows its answer; a host that can be reached without it belongs into NO_PROXY"
                    );
                    String::new()
                }
                "proxy authorization required" => {
                    hint = "put the login into the URL of the proxy, as in http://USER:PASSWORD@HOST:PORT".to_owned();
                    ": it asks for a login (407)".to_owned()
                }
                why => format!(": {why}"),
            };
            format!("the proxy `{proxy}` refused to connect to `{host}:{port}`{why}")
        } else if self.is_unresolved() {
            format!("no connection through the proxy `{proxy}`: its name cannot be resolved")
        } else {
            format!("no connection through the proxy `{proxy}`: {why}")
        };
        self.unavailable(&text).hint(hint)
    }

    /// The words for a host that cannot be reached.
    fn directly(&self) -> Error {
        let host = self.host();
        if self.is_unresolved() {
            let hint = match host.ends_with("docker.io") {
                true => format!(
                    "Docker Hub cannot be reached: is this machine online, and does its DNS know `{host}`? Behind a proxy, set HTTPS_PROXY"
                ),
                false => {
                    format!("check the spelling of `{host}`, the network and this machine's DNS")
                }
            };
            return self
                .unavailable(&format!("cannot resolve `{host}`"))
                .hint(hint);
        }
        if self.is_io(io::ErrorKind::ConnectionRefused) {
            return self
                .unavailable("nothing listens there (connection refused)")
                .hint("is the registry running, and is the port right?");
        }
        if self.is_timeout() {
            let seconds = self.connect.as_secs_f32();
            return self
                .unavailable(&format!("no connection within {seconds} s"))
                .because(innermost(&self.e))
                .hint("check the network, and the proxy settings (HTTPS_PROXY, NO_PROXY)");
        }
        self.unavailable("no connection")
            .because(innermost(&self.e))
    }

    /// There was a connection, and no answer.
    fn to_answer(&self) -> TransportFailure {
        let why = match self.e.is_timeout() {
            true => Why::Silence,
            false => Why::Broken,
        };
        let error = self
            .unavailable("the connection broke before an answer came")
            .because(innermost(&self.e));
        let tls = why == Why::Broken && self.url.url().scheme() == "https";
        TransportFailure {
            // TLS 1.3 servers refuse a client without a certificate after the handshake, some by hanging up.
            error: match tls {
                true => error.hint(client_hint(self.client)),
                false => error,
            },
            why,
        }
    }
}

fn chain<'a>(
    e: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    // An io::Error names the cause of what it wraps as its own source, and so hides the wrapped one.
    std::iter::successors(Some(e), |&e| {
        match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => e.source(),
        }
    })
}

/// The innermost cause alone: the others name layers of the HTTP client, which do not help the user.
fn innermost(e: &reqwest::Error) -> io::Error {
    let last = chain(e).last();
    // Its code tells a limit of this machine from what happened on the way.
    let code = last.and_then(|e| e.downcast_ref::<io::Error>()?.raw_os_error());
    match code {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::other(last.map(ToString::to_string).unwrap_or_default()),
    }
}

fn cause<T: StdError + 'static>(e: &reqwest::Error) -> Option<&T> {
    chain(e).find_map(|e| e.downcast_ref::<T>())
}
