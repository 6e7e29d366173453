//! The promise of a transparency log that it has recorded a signature: the signed entry timestamp of Rekor 1.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

use crate::image::strict_json::{self, Object, StrictError};
use crate::image::{Algorithm, Digest};
use crate::trust::keys::{PublicKey, spki_of};

/// Verifies that `entry` (the annotation's JSON) is the promise of one of `logs` that it recorded `signature` by `key`
/// over `payload`. Returns when, in seconds since 1970.
pub(super) fn verify(
    entry: &str,
    logs: &[PublicKey],
    key: &PublicKey,
    signature: &[u8],
    payload: &[u8],
) -> Result<i64, String> {
    let promise = Promise::parse(entry).map_err(|e| format!("its log entry is not valid: {e}"))?;
    let signed = promise.signed_text();
    let by = |log: &PublicKey| log.verify(signed.as_bytes(), &promise.timestamp).is_ok();
    if !logs.iter().any(by) {
        return Err("its log entry is not signed by a log that the rule lists".to_owned());
    }
    let wrong = |what: &str| Err(format!("its log entry is of another signature: {what}"));
    let Ok(body) = serde_json::from_slice::<Body>(&promise.body) else {
        return Err("its log entry has a body that is not valid".to_owned());
    };
    if (body.kind.as_str(), body.api_version.as_str()) != ("hashedrekord", "0.0.1") {
        return Err(format!(
            "its log entry is of the type `{} {}`, which is not known",
            body.kind, body.api_version
        ));
    }
    let logged = decoded(&body.spec.signature.public_key.content)?;
    let logged = public_key_der(&logged).ok_or("its log entry has no public key")?;
    if !key.is(&logged) {
        return wrong("it has another key");
    }
    if decoded(&body.spec.signature.content)? != signature {
        return wrong("it has another signature");
    }
    let hash = &body.spec.data.hash;
    let ours = Digest::of(Algorithm::Sha256, payload);
    if hash.algorithm != "sha256" || hash.value != ours.hex() {
        return wrong("it has the hash of another payload");
    }
    Ok(promise.integrated_time)
}

fn decoded(text: &str) -> Result<Vec<u8>, String> {
    STANDARD
        .decode(text)
        .map_err(|e| format!("its log entry is not base64: {e}"))
}

/// What the log has signed.
pub(super) struct Promise {
    /// The signature.
    pub(super) timestamp: Vec<u8>,
    /// The recorded entry, in base64.
    pub(super) body_text: String,
    body: Vec<u8>,
    /// When it was recorded, in seconds since 1970.
    pub(super) integrated_time: i64,
    pub(super) log_index: i64,
    /// In hex.
    pub(super) log_id: String,
}

impl Promise {
    pub(super) fn parse(text: &str) -> Result<Promise, StrictError> {
        let mut top = strict_json::parse(text.as_bytes())?.object("")?;
        let timestamp = base64_of(&mut top, "SignedEntryTimestamp")?.1;
        let mut payload = top.need_object("Payload")?;
        top.finish()?;
        let (body_text, body) = base64_of(&mut payload, "body")?;
        let integrated_time = needed(&mut payload, "integratedTime")?;
        let log_index = needed(&mut payload, "logIndex")?;
        let log_id = payload.need_string("logID")?;
        if hex::decode(&log_id).is_err() {
            return Err(StrictError("`Payload.logID` is not hexadecimal".to_owned()));
        }
        payload.finish()?;
        Ok(Promise {
            timestamp,
            body_text,
            body,
            integrated_time,
            log_index,
            log_id,
        })
    }

    /// The canonical JSON (RFC 8785) of the payload. Its texts are base64 and hex, in which nothing is escaped.
    fn signed_text(&self) -> String {
        format!(
            r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
            self.body_text, self.integrated_time, self.log_id, self.log_index
        )
    }
}

fn base64_of(object: &mut Object, key: &str) -> Result<(String, Vec<u8>), StrictError> {
    let at = object.at(key);
    let text = object.need_string(key)?;
    match STANDARD.decode(&text) {
        Ok(bytes) => Ok((text, bytes)),
        Err(e) => Err(StrictError(format!("{at} is not base64: {e}"))),
    }
}

fn needed(object: &mut Object, key: &str) -> Result<i64, StrictError> {
    let at = object.at(key);
    let value = object.integer(key)?;
    value.ok_or_else(|| StrictError(format!("{at} is missing")))
}

/// The public key, or the certificate, in PEM.
fn public_key_der(pem: &[u8]) -> Option<Vec<u8>> {
    if let Ok(certificate) = CertificateDer::from_pem_slice(pem) {
        return Some(certificate.to_vec());
    }
    spki_of(pem)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    kind: String,
    api_version: String,
    spec: Spec,
}

#[derive(Deserialize)]
struct Spec {
    data: Data,
    signature: LoggedSignature,
}

#[derive(Deserialize)]
struct Data {
    hash: Hash,
}

#[derive(Deserialize)]
struct Hash {
    algorithm: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LoggedSignature {
    content: String,
    public_key: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}
