//! The "pretty" JWS of docker schema 1: checks the signatures of a manifest, and signs one.
//!
//! The rules are libtrust's (protocols 5.4). A signature carries its key, so a good one proves that the manifest was not
//! changed since, and not who signed it. Which bytes are signed is known to [`crate::image::Manifest`], because they are
//! what its digest covers.

mod der;
mod key;
mod sign;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::image::schema1::{ProtectedHeader, decode};
use crate::image::{Manifest, ManifestError, MediaType};
pub use crate::image::{SignatureCheck, SignatureFault};
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

impl Manifest {
    /// The verdict on each signature of a signed schema 1 manifest; none for all others.
    ///
    /// # Errors
    /// [`ManifestError::Signatures`] when they cannot be read.
    pub fn check_signatures(&self) -> Result<Vec<SignatureCheck>, ManifestError> {
        if *self.media_type() != MediaType::SCHEMA1_SIGNED {
            return Ok(Vec::new());
        }
        let signed: Signed = serde_json::from_slice(self.raw())
            .map_err(|e| ManifestError::Signatures(e.to_string()))?;
        let payload = encode(self.payload());
        let checks = signed.signatures.iter().map(|s| s.check(&payload));
        Ok(checks.collect())
    }
}

impl Signature {
    fn check(&self, payload: &str) -> SignatureCheck {
        let mut check = SignatureCheck {
            key_id: None,
            algorithm: self.header["alg"].as_str().unwrap_or_default().to_owned(),
            time: ProtectedHeader::of(&self.protected)
                .ok()
                .and_then(|header| header.time),
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

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
