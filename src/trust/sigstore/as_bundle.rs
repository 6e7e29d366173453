//! An attachment as a bundle of today, which a trusted root can verify.
//!
//! The parts are the same; only their form has changed. What they are worth is decided by `bundle`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::certificate::Leaf;
use super::rekor::Promise;
use crate::image::{Algorithm, Digest};

/// What has seen the signature: the content of an annotation.
pub(super) enum Seen<'a> {
    LogEntry(&'a str),
    Timestamp(&'a str),
}

/// The annotation with a timestamp.
#[derive(Deserialize)]
struct Timestamp {
    #[serde(rename = "SignedRFC3161Timestamp")]
    signed: String,
}

/// The bundle that says what an attachment does; without a certificate `leaf` it is signed by a key.
pub(super) fn bundle(
    leaf: Option<&Leaf>,
    seen: &Seen,
    signature: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let mut material = match leaf {
        Some(leaf) => {
            let certificates = leaf
                .path()
                .map(|der| json!({"rawBytes": STANDARD.encode(der)}));
            json!({"x509CertificateChain": {"certificates": certificates.collect::<Vec<_>>()}})
        }
        None => json!({"publicKey": {"hint": ""}}),
    };
    // Version 0.1 wants the promise of a log, 0.2 does without.
    let version = match seen {
        Seen::LogEntry(entry) => {
            material["tlogEntries"] = json!([log_entry(entry)?]);
            "0.1"
        }
        Seen::Timestamp(json) => {
            let timestamp: Timestamp = serde_json::from_str(json)
                .map_err(|e| format!("its timestamp is not valid: {e}"))?;
            material["timestampVerificationData"] =
                json!({"rfc3161Timestamps": [{"signedTimestamp": timestamp.signed}]});
            "0.2"
        }
    };
    let hash = Digest::of(Algorithm::Sha256, payload);
    let hash = hex::decode(hash.hex()).unwrap_or_default();
    let bundle = json!({
        "mediaType": format!("application/vnd.dev.sigstore.bundle+json;version={version}"),
        "verificationMaterial": material,
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(hash)},
            "signature": STANDARD.encode(signature),
        },
    });
    Ok(bundle.to_string().into_bytes())
}

fn log_entry(annotation: &str) -> Result<Value, String> {
    let promise =
        Promise::parse(annotation).map_err(|e| format!("its log entry is not valid: {e}"))?;
    let log_id = hex::decode(&promise.log_id).unwrap_or_default();
    Ok(json!({
        "logIndex": promise.log_index.to_string(),
        "logId": {"keyId": STANDARD.encode(log_id)},
        "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
        "integratedTime": promise.integrated_time.to_string(),
        "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(&promise.timestamp)},
        "canonicalizedBody": promise.body_text,
    }))
}
