//! Making signatures: a digest and a name in, a stored signature out.
//!
//! Separate from verification because it needs secrets: private keys, their passphrases, the program `gpg`. Where a
//! signature is kept is for `transport`; nothing is fetched or sent here. All cryptography is that of other crates.

#[cfg(feature = "trust")]
mod bundle;
mod gpg;
#[cfg(feature = "trust")]
mod key_file;
#[cfg(feature = "trust")]
mod openpgp;
#[cfg(feature = "trust")]
mod sigstore;
#[cfg(not(feature = "trust"))]
mod unavailable;

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde_json::json;

use super::payload::{COSIGN_TYPE, SIMPLE_TYPE};
use super::{Attachment, StoredSignature};
use crate::image::{Digest, Reference, go_json};
use crate::settings::Secret;
use crate::{Error, Result};

pub use gpg::{Gpg, export_public_keys};
#[cfg(feature = "trust")]
pub use openpgp::OpenPgpKey;
#[cfg(feature = "trust")]
pub use sigstore::SigstoreKey;
#[cfg(not(feature = "trust"))]
pub use unavailable::{OpenPgpKey, SigstoreKey};

/// The media type of a bundle, and the artifact type of the manifest that holds it.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What the statement in a bundle says of the image: it is signed, nothing more.
pub const PREDICATE_TYPE: &str = "https://sigstore.dev/cosign/sign/v1";
/// What is said to have made a signature.
const CREATOR: &str = concat!("barque ", env!("CARGO_PKG_VERSION"));

/// The passphrase does not open a key.
#[derive(Debug, thiserror::Error)]
#[error("the passphrase is wrong, or the key is damaged")]
pub struct WrongPassphrase;

/// Signs images.
#[non_exhaustive]
pub enum Signer {
    /// An OpenPGP key that the program `gpg` has.
    Gpg(Gpg),
    /// An OpenPGP secret key from a file.
    OpenPgp(Box<OpenPgpKey>),
    /// A key as cosign makes them.
    Sigstore(SigstoreKey),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signer::Gpg(_) => "Gpg",
            Signer::OpenPgp(_) => "OpenPgp",
            Signer::Sigstore(_) => "Sigstore",
        })
    }
}

impl Signer {
    /// A signature of the manifest `digest` as `reference`, which is not looked at. Blocks, and may ask for a passphrase
    /// through gpg's agent.
    ///
    /// # Errors
    /// When the key cannot be used.
    pub fn sign(&self, digest: &Digest, reference: &str) -> Result<StoredSignature> {
        let simple = |payload| Ok(StoredSignature::Simple(payload));
        match self {
            Signer::Gpg(gpg) => simple(gpg.sign(&payload(SIMPLE_TYPE, digest, reference)?)?),
            Signer::OpenPgp(key) => simple(key.sign(&payload(SIMPLE_TYPE, digest, reference)?)?),
            Signer::Sigstore(key) => {
                let payload = payload(COSIGN_TYPE, digest, reference)?;
                let signature = key.sign(&payload)?;
                Ok(StoredSignature::Sigstore(Attachment {
                    mime_type: Attachment::SIGNATURE.to_owned(),
                    payload,
                    annotations: [(SIGNATURE.to_owned(), signature)].into(),
                }))
            }
        }
    }

    /// A sigstore bundle that signs the manifest `digest`.
    ///
    /// # Errors
    /// When the key is not one of sigstore's tools, or cannot sign.
    pub fn bundle(&self, digest: &Digest) -> Result<Bytes> {
        match self {
            Signer::Sigstore(key) => key.bundle(digest),
            Signer::Gpg(_) | Signer::OpenPgp(_) => {
                let message = "an OpenPGP key cannot sign in the form of a bundle";
                Err(Error::other(message).hint("give `--sign-by-sigstore-private-key`"))
            }
        }
    }

    /// Something of the kind that it makes, to ask a place whether it can be kept there.
    pub fn sample(&self) -> StoredSignature {
        match self {
            Signer::Gpg(_) | Signer::OpenPgp(_) => {
                StoredSignature::Simple(Bytes::from_static(&[0xc4]))
            }
            Signer::Sigstore(_) => StoredSignature::Sigstore(Attachment {
                mime_type: Attachment::SIGNATURE.to_owned(),
                payload: Vec::new(),
                annotations: [(SIGNATURE.to_owned(), String::new())].into(),
            }),
        }
    }
}

/// The annotation of an attachment that holds the signature.
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";

/// What is signed, its members sorted as Go writes a map.
fn payload(kind: &str, digest: &Digest, reference: &str) -> Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let payload = json!({
        "critical": {
            "identity": {"docker-reference": reference},
            "image": {"docker-manifest-digest": digest},
            "type": kind,
        },
        "optional": {
            "creator": CREATOR,
            "timestamp": now.map_or(0, |now| now.as_secs()),
        },
    });
    let text = go_json::compact(&payload);
    text.map(String::into_bytes)
        .map_err(|e| Error::other("the payload of a signature cannot be written").because(e))
}

/// How a copy signs what it writes.
#[derive(Debug)]
pub struct Signing {
    /// Each of them signs.
    pub signers: Vec<Signer>,
    /// The name to sign as, in place of the destination's. It has a tag or a digest.
    pub identity: Option<Reference>,
    pub format: SignFormat,
}

/// In which form sigstore keys sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignFormat {
    /// As cosign 1 and 2 do, and all versions of skopeo read: an attachment.
    #[default]
    Attachment,
    /// As cosign 3 does: a bundle that refers to the image. It names no image, only the digest.
    Bundle,
}

impl Signing {
    /// The name in the signatures of an image whose destination is `destination`, called `shown` in messages: its tag, else
    /// its digest, else `latest`.
    ///
    /// # Errors
    /// When the destination has no name in a registry and none was given.
    pub fn reference(&self, destination: Option<&Reference>, shown: &str) -> Result<String> {
        let Some(reference) = self.identity.as_ref().or(destination) else {
            let message = format!("`{shown}` has no name of a registry that it could be signed as");
            return Err(Error::other(message).hint("give one with `--sign-identity`"));
        };
        let repository = &reference.repository;
        Ok(match (&reference.tag, &reference.digest) {
            (Some(tag), _) => format!("{repository}:{tag}"),
            (None, Some(digest)) => format!("{repository}@{digest}"),
            (None, None) => format!("{repository}:latest"),
        })
    }
}

/// The passphrase in a file: its first line.
///
/// # Errors
/// When it is not text.
pub fn first_line(file: &[u8]) -> Result<Secret> {
    let line = file.split(|b| *b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line);
    text.map(Secret::new)
        .map_err(|e| Error::other("a passphrase has to be UTF-8").because(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_is_as_go_writes_it() {
        let digest: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
        let text = String::from_utf8(payload(SIMPLE_TYPE, &digest, "UPPER<").unwrap()).unwrap();
        let before = format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"UPPER\u003c"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"atomic container signature"}},"optional":{{"creator":"barque "#
        );
        assert!(text.starts_with(&before), "{text}");
        assert!(text.contains(r#"","timestamp":1"#), "{text}");
    }

    #[test]
    fn a_passphrase_is_the_first_line() {
        for (file, line) in [
            ("a b", "a b"),
            ("x\ny", "x"),
            ("x\r\n", "x"),
            ("\nx", ""),
            ("", ""),
        ] {
            assert_eq!(first_line(file.as_bytes()).unwrap().expose(), line);
        }
        assert!(first_line(b"\xff").is_err());
    }
}
