//! TLS handshakes that failed: why, in words, and what to do about it.

use std::path::Path;

use rustls::{AlertDescription, CertificateError, OtherError};

use crate::registry::why::Why;

const ANY: &str = "accept any certificate with `--tls-verify=false`";
const OLD: &str =
    "barque speaks TLS 1.2 and TLS 1.3; the registry, or a proxy before it, has to be renewed";
/// Names of a certificate that a message shows.
const NAMES_SHOWN: usize = 5;

/// What a failed handshake means for the next step, the cause in words, and a hint; `client` is the file of the
/// client certificate, if there is one.
pub(crate) fn failure(error: &rustls::Error, client: Option<&Path>) -> (Why, String, String) {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            let (words, hint) = distrust(why);
            (Why::Certificate, words, hint)
        }
        // Only TLS sends alerts: whatever it is about, plain HTTP is not spoken there.
        rustls::Error::AlertReceived(alert) => {
            let hint = match alert {
                AlertDescription::ProtocolVersion => OLD.to_owned(),
                _ => client_hint(client),
            };
            (Why::Certificate, error.to_string(), hint)
        }
        rustls::Error::PeerIncompatible(_) => (Why::Certificate, error.to_string(), OLD.to_owned()),
        _ => (
            Why::Tls,
            error.to_string(),
            "if this registry speaks plain HTTP, permit that with `--tls-verify=false`".to_owned(),
        ),
    }
}

/// What to try where the server may have refused the client's certificate, or its lack.
pub(crate) fn client_hint(client: Option<&Path>) -> String {
    match client {
        Some(path) => format!(
            "the registry may refuse the client certificate in `{}`: is it valid, and is its authority one that the registry trusts?",
            path.display()
        ),
        None => "if this registry wants a client certificate, give it as `NAME.cert` and `NAME.key` in the folder of `--cert-dir`".to_owned(),
    }
}

/// Why the server is not trusted, and what to do.
fn distrust(why: &CertificateError) -> (String, String) {
    use CertificateError as E;
    let date = |at: &rustls::pki_types::UnixTime| {
        let seconds = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_second(seconds).map_or_else(|_| "?".to_owned(), |t| t.to_string())
    };
    let clock = format!(
        "is the clock of this machine right? If so, the registry's certificate has to be renewed; until then you can {ANY}"
    );
    match why {
        E::UnknownIssuer => (
            "certificate signed by unknown authority".to_owned(),
            format!(
                "pass the registry's CA certificate, and any intermediates, with `--cert-dir DIR`, or {ANY}"
            ),
        ),
        E::Other(OtherError(e)) => match e.downcast_ref() {
            Some(webpki::Error::CaUsedAsEndEntity) => (
                "the certificate is one of an authority and not itself among the trusted ones"
                    .to_owned(),
                format!(
                    "if it is the registry's own, self-signed one, give just that as a `.crt` file with `--cert-dir`, or {ANY}"
                ),
            ),
            Some(webpki::Error::UnsupportedCertVersion) => (
                "the certificate is of X.509 version 1, which names no hosts".to_owned(),
                format!(
                    "the registry needs one with its name as `subjectAltName`; until then you can {ANY}"
                ),
            ),
            _ => (
                why.to_string(),
                format!("the registry's certificate has to be replaced; until then you can {ANY}"),
            ),
        },
        E::ExpiredContext { not_after, .. } => (
            format!("the certificate expired on {}", date(not_after)),
            clock,
        ),
        E::NotValidYetContext { not_before, .. } => (
            format!("the certificate is not valid before {}", date(not_before)),
            clock,
        ),
        E::NotValidForNameContext {
            expected,
            presented,
        } => (
            format!(
                "the certificate is not for `{}`; {}",
                expected.to_str(),
                names(presented)
            ),
            format!("use a name that the certificate has, or {ANY}"),
        ),
        _ => (
            format!("the certificate is not accepted: {why}"),
            format!("the registry's certificate has to be replaced; until then you can {ANY}"),
        ),
    }
}

/// The names of a certificate, which come as `DnsName("host")`.
fn names(presented: &[String]) -> String {
    if presented.is_empty() {
        return "it names no host (`subjectAltName`)".to_owned();
    }
    let bare = |name: &String| match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name.clone(),
    };
    let shown: Vec<_> = presented.iter().take(NAMES_SHOWN).map(bare).collect();
    match presented.len().saturating_sub(NAMES_SHOWN) {
        0 => format!("it is for {}", shown.join(", ")),
        more => format!("it is for {} and {more} more", shown.join(", ")),
    }
}
