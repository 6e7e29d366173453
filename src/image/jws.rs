//! The "pretty" JWS of docker schema 1: which bytes of a manifest its signatures cover.
//!
//! Separate from the manifest because the rules are libtrust's own (protocols: "Signatures"). The payload is had
//! without checking a signature, because it is what the digest covers and that must be known in any case.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::Deserialize;

use super::ManifestError;

#[derive(Deserialize)]
struct Signed {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    protected: String,
}

/// The protected header of a signature: where the payload ends and what follows there.
#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Format {
    /// Bytes of the document that belong to the payload.
    format_length: u64,
    /// What the payload goes on with after them, in base64url.
    format_tail: String,
}

/// The signed payload of `document`: its first `formatLength` bytes and the decoded `formatTail`.
///
/// An error when a signature lacks them, when two signatures disagree, or when the document is too short.
pub(super) fn payload(document: &[u8]) -> Result<Bytes, ManifestError> {
    let malformed = |what: &str| ManifestError::Signatures(what.to_owned());
    let signed: Signed =
        serde_json::from_slice(document).map_err(|e| ManifestError::Signatures(e.to_string()))?;
    let mut formats = signed.signatures.iter().map(|s| format(&s.protected));
    let first = formats
        .next()
        .ok_or_else(|| malformed("there is none in the list"))??;
    for other in formats {
        if other? != first {
            return Err(malformed("two signatures cover different parts"));
        }
    }
    let tail = decode(&first.format_tail)?;
    let head = usize::try_from(first.format_length)
        .ok()
        .and_then(|length| document.get(..length))
        .ok_or_else(|| malformed("they cover more than there is"))?;
    Ok([head, &tail].concat().into())
}

fn format(protected: &str) -> Result<Format, ManifestError> {
    serde_json::from_slice(&decode(protected)?)
        .map_err(|e| ManifestError::Signatures(format!("`protected`: {e}")))
}

/// Base64url without padding; libtrust's own writers broke it into lines.
fn decode(text: &str) -> Result<Vec<u8>, ManifestError> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    URL_SAFE_NO_PAD
        .decode(text.trim_end_matches('='))
        .map_err(|e| ManifestError::Signatures(e.to_string()))
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
