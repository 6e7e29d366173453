//! Attestations: in-toto statements about an image, plain or in an envelope (in-toto attestation framework, DSSE, sigstore bundle).
//!
//! Only the form is read here; no signature is checked.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use serde::Deserialize;

use super::{Descriptor, ManifestError};

/// Predicate types by the short names that users know. A name that ends with `/` stands for all versions below it.
const SHORT_NAMES: [(&str, &[&str]); 6] = [
    (
        "spdx",
        &["https://spdx.dev/Document", "https://spdx.dev/Document/"],
    ),
    (
        "cyclonedx",
        &["https://cyclonedx.org/bom", "https://cyclonedx.org/bom/"],
    ),
    ("slsa", &["https://slsa.dev/provenance/"]),
    (
        "vuln",
        &[
            "https://cosign.sigstore.dev/attestation/vuln/",
            "https://in-toto.io/attestation/vulns/",
        ],
    ),
    (
        "openvex",
        &["https://openvex.dev/ns", "https://openvex.dev/ns/"],
    ),
    ("vsa", &["https://slsa.dev/verification_summary/"]),
];

/// Whether the predicate type `uri` is the one that `wanted` asks for: a short name such as `spdx` or `slsa`, or a URI.
pub fn is_predicate(uri: &str, wanted: &str) -> bool {
    let known = SHORT_NAMES.iter().find(|(name, _)| *name == wanted);
    match known {
        None => uri == wanted,
        Some((_, uris)) => uris
            .iter()
            .any(|known| uri == *known || (known.ends_with('/') && uri.starts_with(known))),
    }
}

/// The short names of predicate types.
pub fn predicate_names() -> impl Iterator<Item = &'static str> {
    SHORT_NAMES.iter().map(|(name, _)| *name)
}

/// How a statement is kept in a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatementForm {
    Plain,
    /// A DSSE envelope.
    Envelope,
    /// A sigstore bundle, with a DSSE envelope in it.
    Bundle,
}

impl StatementForm {
    /// The form of a layer by its media type; `None` for a layer that is no attestation.
    pub fn of(layer: &Descriptor) -> Option<StatementForm> {
        let media_type = layer.media_type.as_str();
        if media_type.starts_with("application/vnd.dev.sigstore.bundle") {
            return Some(StatementForm::Bundle);
        }
        if media_type.starts_with("application/vnd.dsse.envelope")
            || (media_type.starts_with("application/vnd.in-toto.") && media_type.ends_with("+dsse"))
        {
            return Some(StatementForm::Envelope);
        }
        let is_plain = media_type == "application/vnd.in-toto+json"
            || (media_type.starts_with("application/vnd.in-toto.")
                && media_type.ends_with("+json"));
        is_plain.then_some(StatementForm::Plain)
    }

    /// The in-toto statement in `raw`; `None` if a bundle holds something else, such as the signature of an image.
    ///
    /// # Errors
    /// When `raw` is not of this form.
    pub fn statement(self, raw: &Bytes) -> Result<Option<Bytes>, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Envelope {
            payload: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Bundle {
            dsse_envelope: Option<Envelope>,
        }
        let odd = |e: serde_json::Error| ManifestError::Json(e.to_string());
        let envelope = match self {
            StatementForm::Plain => return Ok(Some(raw.clone())),
            StatementForm::Envelope => serde_json::from_slice::<Envelope>(raw).map_err(odd)?,
            StatementForm::Bundle => {
                let bundle: Bundle = serde_json::from_slice(raw).map_err(odd)?;
                let Some(envelope) = bundle.dsse_envelope else {
                    return Ok(None);
                };
                envelope
            }
        };
        let payload = STANDARD.decode(&envelope.payload);
        let payload = payload.or_else(|_| URL_SAFE.decode(&envelope.payload));
        let odd = |e| ManifestError::Malformed(format!("`payload` is not base64: {e}"));
        Ok(Some(payload.map_err(odd)?.into()))
    }
}

/// The predicate type that the in-toto statement `raw` names.
pub fn predicate_type(raw: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Statement {
        predicate_type: String,
    }
    let statement: Statement = serde_json::from_slice(raw).ok()?;
    Some(statement.predicate_type)
}

/// The predicate type that annotations of an attestation's layer or manifest give. They are hints.
pub fn annotated_predicate(descriptor: &Descriptor) -> Option<&str> {
    const KEYS: [&str; 3] = [
        "in-toto.io/predicate-type",
        "predicateType",
        "dev.sigstore.bundle.predicateType",
    ];
    KEYS.iter().find_map(|key| descriptor.annotation(key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Digest};

    #[test]
    fn short_names_stand_for_all_versions() {
        assert!(is_predicate("https://spdx.dev/Document", "spdx"));
        assert!(is_predicate("https://spdx.dev/Document/v2.3", "spdx"));
        assert!(!is_predicate("https://spdx.dev/Documents", "spdx"));
        for version in ["v0.2", "v1"] {
            assert!(is_predicate(
                &format!("https://slsa.dev/provenance/{version}"),
                "slsa"
            ));
        }
        assert!(!is_predicate(
            "https://slsa.dev/verification_summary/v1",
            "slsa"
        ));
        assert!(is_predicate("https://x.example/y", "https://x.example/y"));
        assert!(!is_predicate(
            "https://x.example/y/z",
            "https://x.example/y"
        ));
    }

    #[test]
    fn a_statement_is_found_in_each_form() {
        let statement = r#"{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/provenance/v1"}"#;
        let envelope = format!(
            r#"{{"payloadType":"x","payload":"{}","signatures":[]}}"#,
            STANDARD.encode(statement)
        );
        let bundle = format!(r#"{{"mediaType":"x","dsseEnvelope":{envelope}}}"#);
        let forms = [
            ("application/vnd.in-toto+json", statement.to_owned()),
            ("application/vnd.dsse.envelope.v1+json", envelope.clone()),
            ("application/vnd.in-toto.provenance+dsse", envelope),
            ("application/vnd.dev.sigstore.bundle.v0.3+json", bundle),
        ];
        for (media_type, raw) in forms {
            let layer = Descriptor::new(media_type, Digest::of(Algorithm::Sha256, b""), 0);
            let form = StatementForm::of(&layer).unwrap();
            let found = form.statement(&Bytes::from(raw)).unwrap().unwrap();
            assert_eq!(found, statement.as_bytes(), "{media_type}");
            assert_eq!(
                predicate_type(&found).as_deref(),
                Some("https://slsa.dev/provenance/v1")
            );
        }
        let signature = Bytes::from_static(br#"{"messageSignature":{}}"#);
        assert_eq!(StatementForm::Bundle.statement(&signature).unwrap(), None);
        for wrong in [&b"x"[..], br#"{"payload":"*"}"#, b"{}"] {
            let wrong = Bytes::from_static(wrong);
            assert!(StatementForm::Envelope.statement(&wrong).is_err());
        }
        let layer = Descriptor::new("text/plain", Digest::of(Algorithm::Sha256, b""), 0);
        assert_eq!(StatementForm::of(&layer), None);
    }
}
