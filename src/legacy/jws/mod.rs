//! The "pretty" JWS of docker schema 1: which bytes of a manifest its signatures cover, and whether they are right.
//!
//! Separate from the manifest because the rules are libtrust's own (protocols 5.4). The payload is had without
//! checking a signature, because it is what the digest covers and that must be known in any case; the check is a
//! verdict of its own. A signature carries its key with it, so a right one proves that nothing was changed since, and
//! not who signed.

mod der;
mod key;
mod sign;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::image::ManifestError;
use key::{Jwk, PublicKey};

pub use sign::{KeyError, SigningKey};

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
    /// Read when the signature is checked: the payload does not depend on it.
    #[serde(default)]
    header: Value,
    #[serde(default)]
    signature: Value,
}

#[derive(Deserialize)]
struct Header {
    jwk: Option<Jwk>,
    x5c: Option<Vec<String>>,
    alg: String,
}

/// The protected header of a signature: where the payload ends and what follows there.
#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Format {
    /// Bytes of the document that belong to the payload.
    format_length: u64,
    /// What the payload goes on with after them, in base64url.
    format_tail: String,
    /// When it was signed, as the signer says (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
}

/// What is wrong with a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// The header or the key in it cannot be read.
    #[error("{0}")]
    Header(String),
    /// The key calls itself by the id of another.
    #[error("its key calls itself `{stated}` but is `{computed}`")]
    KeyId { stated: String, computed: String },
    /// The algorithm is not one for the key.
    #[error("the algorithm `{0}` does not fit its key")]
    Algorithm(String),
    /// It is not a signature of these bytes by this key.
    #[error("it does not match what it signs")]
    Wrong,
}

impl From<base64::DecodeError> for SignatureFault {
    fn from(error: base64::DecodeError) -> SignatureFault {
        SignatureFault::Header(error.to_string())
    }
}

/// The verdict on one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// libtrust's id of the key, computed from it; `None` when there is no key to be read.
    pub key_id: Option<String>,
    /// As the signature says.
    pub algorithm: String,
    /// When it was signed, as the signer says (RFC 3339).
    pub time: Option<String>,
    /// `None` for a good signature.
    pub fault: Option<SignatureFault>,
}

/// The signed payload of `document`: its first `formatLength` bytes and the decoded `formatTail`.
///
/// An error when a signature lacks them, when two signatures disagree, or when the document is too short.
pub(crate) fn payload(document: &[u8]) -> Result<Bytes, ManifestError> {
    let malformed = |what: &str| ManifestError::Signatures(what.to_owned());
    let signed = signed(document)?;
    let mut formats = signed.signatures.iter().map(|s| format(&s.protected));
    let first = formats
        .next()
        .ok_or_else(|| malformed("there is none in the list"))??;
    for other in formats {
        let other = other?;
        if (other.format_length, &other.format_tail) != (first.format_length, &first.format_tail) {
            return Err(malformed("two signatures cover different parts"));
        }
    }
    let tail = decode(&first.format_tail).map_err(|e| malformed(&e.to_string()))?;
    let head = usize::try_from(first.format_length)
        .ok()
        .and_then(|length| document.get(..length))
        .ok_or_else(|| malformed("they cover more than there is"))?;
    Ok([head, &tail].concat().into())
}

/// Checks each signature of `document` over `payload`, which is that of [`payload`].
pub(crate) fn check(document: &[u8], payload: &[u8]) -> Result<Vec<SignatureCheck>, ManifestError> {
    let signed = signed(document)?;
    let payload = encode(payload);
    Ok(signed
        .signatures
        .iter()
        .map(|signature| signature.check(&payload))
        .collect())
}

impl Signature {
    fn check(&self, payload: &str) -> SignatureCheck {
        let mut check = SignatureCheck {
            key_id: None,
            algorithm: self.header["alg"].as_str().unwrap_or_default().to_owned(),
            time: format(&self.protected).ok().and_then(|f| f.time),
            fault: None,
        };
        check.fault = self.verify(payload, &mut check.key_id).err();
        check
    }

    fn verify(&self, payload: &str, key_id: &mut Option<String>) -> Result<(), SignatureFault> {
        let malformed = |what: &str| SignatureFault::Header(what.to_owned());
        let header = Header::deserialize(&self.header)
            .map_err(|e| malformed(&format!("its header: {e}")))?;
        let key = match (&header.jwk, header.x5c.as_deref()) {
            (Some(jwk), _) => PublicKey::of_jwk(jwk)?,
            (None, Some([leaf, ..])) => {
                let leaf: String = leaf.split_ascii_whitespace().collect();
                PublicKey::of_certificate(&STANDARD.decode(leaf)?)
                    .ok_or_else(|| malformed("its certificate has no key that is known here"))?
            }
            _ => return Err(malformed("its header has no key")),
        };
        let computed = key.id();
        *key_id = Some(computed.clone());
        let stated = header.jwk.and_then(|jwk| jwk.kid);
        if let Some(stated) = stated.filter(|stated| *stated != computed) {
            return Err(SignatureFault::KeyId { stated, computed });
        }
        let signature = decode(self.signature.as_str().unwrap_or_default())?;
        let message = format!("{}.{payload}", self.protected);
        key.verify(&header.alg, message.as_bytes(), &signature)
    }
}

fn signed(document: &[u8]) -> Result<Signed, ManifestError> {
    serde_json::from_slice(document).map_err(|e| ManifestError::Signatures(e.to_string()))
}

fn format(protected: &str) -> Result<Format, ManifestError> {
    let malformed =
        |e: &dyn std::fmt::Display| ManifestError::Signatures(format!("`protected`: {e}"));
    let json = decode(protected).map_err(|e| malformed(&e))?;
    serde_json::from_slice(&json).map_err(|e| malformed(&e))
}

/// Base64url without padding; libtrust's own writers broke it into lines.
fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let text: String = text.split_ascii_whitespace().collect();
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('='))
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(protected: &[&str]) -> String {
        let signatures: Vec<String> = protected
            .iter()
            .map(|p| format!(r#"{{"protected":"{}"}}"#, URL_SAFE_NO_PAD.encode(p)))
            .collect();
        format!(r#"{{"a":1,"signatures":[{}]}}"#, signatures.join(","))
    }

    #[test]
    fn the_payload_is_a_beginning_and_a_tail() {
        let signed = document(&[r#"{"formatLength":6,"formatTail":"fQ","time":"x"}"#; 2]);
        assert_eq!(payload(signed.as_bytes()).unwrap(), &br#"{"a":1}"#[..]);
    }

    #[test]
    fn unclear_payloads_are_refused() {
        for protected in [
            &[][..],
            &["{}"],
            &["no json"],
            &[r#"{"formatLength":9999,"formatTail":"fQ"}"#],
            &[r#"{"formatLength":18446744073709551615,"formatTail":"fQ"}"#],
            &[r#"{"formatLength":-1,"formatTail":"fQ"}"#],
            &[r#"{"formatLength":6,"formatTail":"*"}"#],
            &[
                r#"{"formatLength":6,"formatTail":"fQ"}"#,
                r#"{"formatLength":5,"formatTail":"fQ"}"#,
            ],
        ] {
            let result = payload(document(protected).as_bytes());
            assert!(
                matches!(result, Err(ManifestError::Signatures(_))),
                "{protected:?}"
            );
        }
    }
}
