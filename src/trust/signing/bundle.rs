//! Signatures in the form of cosign 3: a sigstore bundle (v0.3) that refers to the manifest that it signs.
//!
//! The bundle holds an in-toto statement about the manifest's digest in a DSSE envelope. It is signed with a key alone:
//! there is no certificate, no entry in a log and no timestamp in it.

use aws_lc_rs::digest::{SHA256, digest as hash};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::json;

use super::{BUNDLE_TYPE, PREDICATE_TYPE, SigstoreKey};
use crate::Result;
use crate::image::Digest;

const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

impl SigstoreKey {
    /// A bundle that signs the manifest `digest`. Fails when the key cannot sign.
    pub(super) fn bundle(&self, digest: &Digest) -> Result<Bytes> {
        let algorithm = digest.algorithm().as_str();
        let statement = json!({
            "_type": STATEMENT_TYPE,
            "subject": [{"digest": {algorithm: digest.hex()}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": {},
        });
        let statement = statement.to_string();
        let signature = self.sign(&pre_authentication(&statement))?;
        let hint = STANDARD.encode(hash(&SHA256, &self.public_der()?));
        let bundle = json!({
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
            "dsseEnvelope": {
                "payload": STANDARD.encode(&statement),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [{"sig": signature}],
            },
        });
        Ok(bundle.to_string().into())
    }
}

/// What is signed of a DSSE envelope (its "PAE").
fn pre_authentication(payload: &str) -> Vec<u8> {
    let (of_type, of_payload) = (PAYLOAD_TYPE.len(), payload.len());
    format!("DSSEv1 {of_type} {PAYLOAD_TYPE} {of_payload} {payload}").into_bytes()
}
