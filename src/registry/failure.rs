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
use crate::{Error, Kind};

/// Why no answer came.
pub(crate) struct TransportFailure {
    pub(crate) error: Error,
    pub(crate) why: Why,
}

/// A request that nothing was heard of for the time in `why`.
pub(crate) fn silent(
    (method, url): (&Method, &Admitted),
    (why, limit): (Why, Duration),
) -> TransportFailure {
    let (url, limit) = (url.redacted(), limit.as_secs_f32());
    let error = Error::new(
        Kind::Unavailable,
        format!("{method} {url}: no answer for {limit} s"),
    );
    let error = match why {
        Why::Unanswered => error.because(Unanswered),
        _ => error,
    };
    TransportFailure { error, why }
}

/// The cause of an error about an upload that was sent to its end and not answered. What is sent may still be on its way.
#[derive(Debug)]
struct Unanswered;

impl StdError for Unanswered {}

impl std::fmt::Display for Unanswered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing of the upload was left to send")
    }
}

/// How often an upload that is not answered after its last byte is tried, since each is waited for long.
pub(crate) const MAX_UNANSWERED: usize = 2;

/// Whether `e` is about an upload that was sent to its end and not answered.
pub(crate) fn is_unanswered(e: &Error) -> bool {
    chain(e).any(|e| e.is::<Unanswered>())
}

/// Words and class of a failure to get an answer to the request `method` of `url`, which went through `proxy` if there is one, with the
/// certificate in the file `client` if there is one; `connect` is how long a connection was waited for.
pub(crate) fn classify(
    (method, url): (&Method, &Admitted),
    proxy: Option<&str>,
    client: Option<&Path>,
    connect: Duration,
    e: reqwest::Error,
) -> TransportFailure {
    let e = e.without_url();
    let place = format!("{method} {}", url.redacted());
    let host = url.url().host_str().unwrap_or_default().to_owned();
    let unavailable = |text: String| Error::new(Kind::Unavailable, text);
    if let Some(tls) = cause::<rustls::Error>(&e) {
        let (why, words, hint) = failure(tls, client);
        let error = unavailable(format!("{place}: the TLS handshake failed"))
            .because(io::Error::other(words));
        return TransportFailure {
            error: error.hint(hint),
            why,
        };
    }
    if let Some(PrivateAddress(ip)) = cause(&e) {
        return TransportFailure {
            error: leads_to_private(url, *ip),
            why: Why::Odd,
        };
    }
    // One io::Error may wrap another under the kind `Other`.
    let is_io = |kind: io::ErrorKind| {
        chain(&e).any(|c| {
            c.downcast_ref::<io::Error>()
                .is_some_and(|e| e.kind() == kind)
        })
    };
    let says = |text: &str| chain(&e).any(|c| c.to_string().contains(text));
    if says("message head is too large") {
        let text = format!("{place}: the head of the answer has more than 100 fields or 400 KiB");
        return TransportFailure {
            error: unavailable(text),
            why: Why::Odd,
        };
    }
    if e.is_connect() {
        let timed_out = e.is_timeout() || says("timed out");
        // Some servers of plain HTTP hang up when they hear TLS.
        let hung_up = url.url().scheme() == "https"
            && (is_io(io::ErrorKind::UnexpectedEof) || is_io(io::ErrorKind::ConnectionReset));
        // H6: what cannot be reached is the proxy, not the registry behind it.
        let error = if let Some(proxy) = proxy {
            let why = innermost(&e).to_string();
            // The proxy was reached, and gave no tunnel: another status than 2xx, or none.
            let refused = [
                "unsuccessful",
                "authorization required",
                "unexpected end of file",
            ]
            .iter()
            .any(|text| why.contains(text));
            let text = if is_io(io::ErrorKind::ConnectionRefused) {
                format!(
                    "no connection through the proxy `{proxy}`: nothing listens there (connection refused)"
                )
            } else if says("tunnel error") && refused {
                let port = url.url().port_or_known_default().unwrap_or(443);
                let why = why.trim_start_matches("tunnel error: ");
                let why = match why {
                    "unsuccessful" => String::new(),
                    "proxy authorization required" => ": it asks for a login (407)".to_owned(),
                    why => format!(": {why}"),
                };
                format!("the proxy `{proxy}` refused to connect to `{host}:{port}`{why}")
            } else if says("dns error") || says("failed to lookup") {
                format!("no connection through the proxy `{proxy}`: its name cannot be resolved")
            } else {
                format!("no connection through the proxy `{proxy}`: {why}")
            };
            let hint = match why.contains("authorization required") {
                true => {
                    "put the login into the URL of the proxy, as in http://USER:PASSWORD@HOST:PORT"
                }
                false => "check the proxy settings (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY)",
            };
            unavailable(format!("{place}: {text}")).hint(hint)
        } else if says("dns error") || says("failed to lookup") {
            let hint = match host.ends_with("docker.io") {
                true => format!(
                    "Docker Hub cannot be reached: is this machine online, and does its DNS know `{host}`? Behind a proxy, set HTTPS_PROXY"
                ),
                false => {
                    format!("check the spelling of `{host}`, the network and this machine's DNS")
                }
            };
            unavailable(format!("{place}: cannot resolve `{host}`")).hint(hint)
        } else if is_io(io::ErrorKind::ConnectionRefused) {
            unavailable(format!(
                "{place}: nothing listens there (connection refused)"
            ))
            .hint("is the registry running, and is the port right?")
        } else if timed_out {
            unavailable(format!(
                "{place}: no connection within {} s",
                connect.as_secs_f32()
            ))
            .because(innermost(&e))
            .hint("check the network, and the proxy settings (HTTPS_PROXY, NO_PROXY)")
        } else {
            unavailable(format!("{place}: no connection")).because(innermost(&e))
        };
        return TransportFailure {
            error,
            why: if timed_out {
                Why::NoConnection
            } else if hung_up {
                Why::Tls
            } else {
                Why::NoServer
            },
        };
    }
    let why = if e.is_timeout() {
        Why::Silence
    } else {
        Why::Broken
    };
    let error = unavailable(format!(
        "{place}: the connection broke before an answer came"
    ))
    .because(innermost(&e));
    let tls = why == Why::Broken && url.url().scheme() == "https";
    TransportFailure {
        // TLS 1.3 servers refuse a client without a certificate after the handshake, some by hanging up.
        error: if tls {
            error.hint(client_hint(client))
        } else {
            error
        },
        why,
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

/// The innermost cause alone: what stands around it names the layers of the HTTP client, which help nobody.
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
