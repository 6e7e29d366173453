//! Signatures of docker schema 1 as data: what is asked for, what was found, and who signs.
//!
//! Checking and making them is the business of `legacy`; here is what other rooms have to know of it.

use bytes::Bytes;

use crate::Error;

/// How the signatures in a schema 1 manifest are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Schema1Check {
    /// Nothing.
    Off,
    /// The signatures. Another name or tag in the manifest is only worth a warning: every image that was copied to
    /// another repository byte for byte has one.
    #[default]
    Signatures,
    /// The signatures, and that name and tag in the manifest are those that it was asked for by.
    SignaturesAndName,
}

/// The defect of a signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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
    /// libtrust's id of the key, computed from it; `None` if the key cannot be read.
    pub key_id: Option<String>,
    /// As the signature says.
    pub algorithm: String,
    /// When it was signed, as the signer says (RFC 3339).
    pub time: Option<String>,
    /// `None` for a good signature.
    pub fault: Option<SignatureFault>,
}

/// A key that signs manifests of docker schema 1.
pub trait Schema1Signer: std::fmt::Debug + Send + Sync {
    /// The signed manifest whose payload is `payload`, dated now.
    ///
    /// # Errors
    /// An error if `payload` is not a JSON object, or if the key cannot sign.
    fn sign(&self, payload: &[u8]) -> Result<Bytes, Error>;
}
