//! Bundles that are signed by a key, where there is no trusted root: the key alone is trusted, and entries of logs and timestamps
//! are not looked at.
//!
//! `sigstore-verify` takes no bundle without an entry or a timestamp, as cosign makes them without a log, and none with a
//! timestamp of an authority that it does not know.

use serde::Deserialize;
use sigstore_types::bundle::VerificationMaterialContent;
use sigstore_types::{Bundle, DerPublicKey, HashAlgorithm, SignatureContent};

use crate::image::{Algorithm, Digest};
use crate::trust::keys::PublicKey;
use crate::trust::verdict::Signer;

/// What of a statement says what it is about.
#[derive(Deserialize)]
struct Statement {
    subject: Vec<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digests,
}

#[derive(Deserialize)]
struct Digests {
    sha256: Option<String>,
}

/// Verifies that `bundle` signs `artifact` by one of `keys`. Fails with the reason for a refusal.
pub(super) fn verify(
    bundle: &Bundle,
    artifact: &[u8],
    keys: &[(String, DerPublicKey)],
) -> Result<Signer, String> {
    let material = &bundle.verification_material.content;
    if !matches!(material, VerificationMaterialContent::PublicKey(_)) {
        return Err("it is signed by a certificate and not by a key".to_owned());
    }
    let (signed, signature) = match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => (envelope.pae(), &envelope.signature.sig),
        SignatureContent::MessageSignature(message) => (artifact.to_vec(), &message.signature),
        _ => return Err("it holds no signature of a known kind".to_owned()),
    };
    let mut why = "the rule lists no keys".to_owned();
    for (name, der) in keys {
        let key = PublicKey::from_der(name.clone(), der.as_bytes().to_vec())?;
        match key.verify(&signed, signature.as_bytes()) {
            Ok(()) => {
                is_about(bundle, artifact)?;
                let key = name.trim_matches('`').to_owned();
                return Ok(Signer::Key { key });
            }
            Err(e) => why = e,
        }
    }
    Err(why)
}

/// Checks the digest of what was signed, where `bundle` names one, against `artifact`. Fails with what does not match.
pub(super) fn is_about(bundle: &Bundle, artifact: &[u8]) -> Result<(), String> {
    let envelope = match &bundle.content {
        SignatureContent::DsseEnvelope(envelope) => envelope,
        SignatureContent::MessageSignature(message) => {
            let Some(named) = &message.message_digest else {
                return Ok(());
            };
            let algorithm = match named.algorithm {
                HashAlgorithm::Sha2256 => Algorithm::Sha256,
                HashAlgorithm::Sha2384 => Algorithm::Sha384,
                HashAlgorithm::Sha2512 => Algorithm::Sha512,
                _ => return Err("it names its message by a hash that is not known".to_owned()),
            };
            let digest = Digest::of(algorithm, artifact);
            return match digest.hex() == hex::encode(named.digest.as_bytes()) {
                true => Ok(()),
                false => Err(format!("it says that it is not about `{digest}`")),
            };
        }
        _ => return Ok(()),
    };
    let statement: Statement = serde_json::from_slice(envelope.payload.as_bytes())
        .map_err(|e| format!("its statement is not valid: {e}"))?;
    let digest = Digest::of(Algorithm::Sha256, artifact);
    let mut subjects = statement.subject.iter();
    match subjects.any(|subject| subject.digest.sha256.as_deref() == Some(digest.hex())) {
        true => Ok(()),
        false => Err(format!("its statement is not about `{digest}`")),
    }
}
