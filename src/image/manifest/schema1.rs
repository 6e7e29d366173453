//! The part of docker schema 1 that every reader of manifests needs: which bytes its digest covers, and what it lists.
//!
//! Checking its signatures, and making modern images of it, is the business of `legacy`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ManifestError;
use super::kind::{self, read};
use crate::image::{Algorithm, Descriptor, Digest};

/// The empty tar, compressed: what a step that changed no file has for a layer in schema 1.
pub(crate) const EMPTY_LAYER: [u8; 32] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x09, 0x6e, 0x88, 0x00, 0xff, 0x62, 0x18, 0x05, 0xa3, 0x60, 0x14,
    0x8c, 0x58, 0x00, 0x08, 0x00, 0x00, 0xff, 0xff, 0x2e, 0xaf, 0xb5, 0xef, 0x00, 0x04, 0x00, 0x00,
];

/// A layer as manifests of schema 1 list it, without a descriptor (protocols 6.1).
const LAYER: &str = "application/vnd.docker.container.image.rootfs.diff+x-gtar";

/// The descriptor of [`EMPTY_LAYER`].
pub(crate) fn empty_layer() -> Descriptor {
    let digest = Digest::of(Algorithm::Sha256, &EMPTY_LAYER);
    Descriptor::new(LAYER, digest, EMPTY_LAYER.len() as u64)
}

/// Docker schema 1, read from its signed payload.
#[derive(Debug, Clone)]
pub struct Schema1View {
    pub name: String,
    pub tag: String,
    pub architecture: String,
    /// Top first, as in the document.
    pub fs_layers: Vec<Digest>,
    /// `v1Compatibility` texts, in the order of `fs_layers`.
    pub history: Vec<String>,
}

impl Schema1View {
    /// Reads the signed part of a manifest, or an unsigned manifest.
    pub(super) fn of(payload: &[u8]) -> Result<Schema1View, ManifestError> {
        if !cfg!(feature = "legacy") {
            return Err(ManifestError::NoSchema1);
        }
        let document = Schema1Document::of(payload)?;
        let digests = document.blob_sums.iter().map(|text| {
            text.parse().map_err(|e| {
                ManifestError::Malformed(match text.starts_with("tarsum") {
                    true => format!("`{text}` names a layer as only registries of 2014 did"),
                    false => format!("`{text}`: {e}"),
                })
            })
        });
        Ok(Schema1View {
            fs_layers: digests.collect::<Result<_, _>>()?,
            name: document.name,
            tag: document.tag,
            architecture: document.architecture,
            history: document.history,
        })
    }
}

impl Schema1View {
    /// The layers as blobs, base first, each once. Their size is 0: schema 1 does not say it.
    pub fn blobs(&self) -> Vec<Descriptor> {
        let mut blobs: Vec<Descriptor> = Vec::new();
        for digest in self.fs_layers.iter().rev() {
            if !blobs.iter().any(|blob| blob.digest == *digest) {
                blobs.push(Descriptor::new(LAYER, digest.clone(), 0));
            }
        }
        blobs
    }
}

/// A schema 1 manifest before it is known what kind of sum names its layers.
#[derive(Debug)]
pub(crate) struct Schema1Document {
    pub(crate) name: String,
    pub(crate) tag: String,
    pub(crate) architecture: String,
    /// Top first, as many as there are entries in `history`, and never none.
    pub(crate) blob_sums: Vec<String>,
    pub(crate) history: Vec<String>,
}

impl Schema1Document {
    /// Reads the signed part of a manifest, or an unsigned manifest.
    pub(crate) fn of(payload: &[u8]) -> Result<Schema1Document, ManifestError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Document {
            #[serde(default)]
            name: String,
            #[serde(default)]
            tag: String,
            #[serde(default)]
            architecture: String,
            fs_layers: Vec<FsLayer>,
            history: Vec<History>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct FsLayer {
            blob_sum: String,
        }
        #[derive(Deserialize)]
        struct History {
            #[serde(rename = "v1Compatibility")]
            v1_compatibility: String,
        }
        kind::check_payload(payload)?;
        let document: Document = read(payload)?;
        let (layers, history) = (document.fs_layers.len(), document.history.len());
        if layers != history || layers == 0 {
            return Err(ManifestError::Malformed(format!(
                "`fsLayers` has {layers} entries and `history` {history}; they go in pairs"
            )));
        }
        let texts = document.history.into_iter().map(|h| h.v1_compatibility);
        Ok(Schema1Document {
            name: document.name,
            tag: document.tag,
            architecture: document.architecture,
            blob_sums: document.fs_layers.into_iter().map(|l| l.blob_sum).collect(),
            history: texts.collect(),
        })
    }
}

/// The protected header of a signature (protocols 5.4): where the signed part of the document ends, and what follows
/// there.
#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProtectedHeader {
    /// Bytes of the document that are signed.
    pub(crate) format_length: u64,
    /// The bytes that are signed after them, in base64url.
    pub(crate) format_tail: String,
    /// When it was signed, as the signer says (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time: Option<String>,
}

impl ProtectedHeader {
    /// Reads the member `protected` of a signature.
    pub(crate) fn of(protected: &str) -> Result<ProtectedHeader, ManifestError> {
        let malformed =
            |e: &dyn std::fmt::Display| ManifestError::Signatures(format!("`protected`: {e}"));
        let json = decode(protected).map_err(|e| malformed(&e))?;
        serde_json::from_slice(&json).map_err(|e| malformed(&e))
    }
}

/// The signed part of `document`: its first `formatLength` bytes and the decoded `formatTail`. No signature is
/// checked: the digest covers these bytes whether the signatures are good or not. Fails with
/// [`ManifestError::Signatures`] when a signature lacks these members, when two signatures disagree, or when the
/// document is too short.
pub(super) fn signed_part(document: &[u8]) -> Result<Bytes, ManifestError> {
    #[derive(Deserialize)]
    struct Signed {
        signatures: Vec<Signature>,
    }
    #[derive(Deserialize)]
    struct Signature {
        protected: String,
    }
    let malformed = |what: &str| ManifestError::Signatures(what.to_owned());
    let signed: Signed = serde_json::from_slice(document).map_err(|e| malformed(&e.to_string()))?;
    let mut headers = signed
        .signatures
        .iter()
        .map(|s| ProtectedHeader::of(&s.protected));
    let first = headers
        .next()
        .ok_or_else(|| malformed("there is none in the list"))??;
    for other in headers {
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

/// Decodes base64url without padding. libtrust's own writers broke it into lines.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let text: String = text.split_ascii_whitespace().collect();
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('='))
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
    fn the_empty_layer_is_the_one_of_docker() {
        assert_eq!(
            empty_layer().digest.to_string(),
            "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
        );
    }

    #[test]
    fn the_payload_is_a_beginning_and_a_tail() {
        let signed = document(&[r#"{"formatLength":6,"formatTail":"fQ","time":"x"}"#; 2]);
        assert_eq!(signed_part(signed.as_bytes()).unwrap(), &br#"{"a":1}"#[..]);
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
            let result = signed_part(document(protected).as_bytes());
            assert!(
                matches!(result, Err(ManifestError::Signatures(_))),
                "{protected:?}"
            );
        }
    }
}
