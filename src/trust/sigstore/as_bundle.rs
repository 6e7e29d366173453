//! An attachment with a certificate of Fulcio as a bundle of today, which a trusted root can verify.
//!
//! The parts are the same; only their form has changed. What they are worth is decided by `bundle`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::certificate::Leaf;
use super::rekor::Promise;
use crate::image::{Algorithm, Digest};

/// The bundle (version 0.1) that says what an attachment does.
pub(super) fn bundle(
    leaf: &Leaf,
    entry: &str,
    signature: &[u8],
    payload: &[u8],
) -> Result<Vec<u8>, String> {
    let promise = Promise::parse(entry).map_err(|e| format!("its log entry is not valid: {e}"))?;
    let certificates = leaf
        .path()
        .map(|der| json!({"rawBytes": STANDARD.encode(der)}));
    let log_id = hex::decode(&promise.log_id).unwrap_or_default();
    let hash = Digest::of(Algorithm::Sha256, payload);
    let hash = hex::decode(hash.hex()).unwrap_or_default();
    let bundle = json!({
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            "x509CertificateChain": {"certificates": certificates.collect::<Vec<_>>()},
            "tlogEntries": [{
                "logIndex": promise.log_index.to_string(),
                "logId": {"keyId": STANDARD.encode(log_id)},
                "kindVersion": {"kind": "hashedrekord", "version": "0.0.1"},
                "integratedTime": promise.integrated_time.to_string(),
                "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(&promise.timestamp)},
                "canonicalizedBody": promise.body_text,
            }],
        },
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(hash)},
            "signature": STANDARD.encode(signature),
        },
    });
    Ok(bundle.to_string().into_bytes())
}
