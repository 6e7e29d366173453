//! A signature in a file of its own: verified with given keys, and compared with a manifest and a name.

use std::time::SystemTime;

use super::payload::{Payload, SIMPLE_TYPE};
use super::{Keyring, Leniency, dump_unverified, verify_openpgp};
use crate::image::{Manifest, Reference};

/// A simple signing signature that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSigning {
    /// Of the primary key, in upper-case hex.
    pub fingerprint: String,
    /// Of the key that signed: the primary key or a subkey of it.
    pub signing_fingerprint: String,
    payload: Payload,
}

impl SimpleSigning {
    /// Verifies the OpenPGP message `signature`, binary, with the public keys `keys`, binary or armored.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn verify(
        signature: &[u8],
        keys: &[u8],
        leniency: Leniency,
    ) -> Result<SimpleSigning, String> {
        let mut keyring = Keyring::default();
        if keyring.add(keys) == 0 {
            return Err("there is no public key to verify it with".to_owned());
        }
        let signed = verify_openpgp(signature, &keyring, leniency, SystemTime::now())?;
        Ok(SimpleSigning {
            payload: Payload::parse(&signed.payload, SIMPLE_TYPE)?,
            fingerprint: signed.fingerprint,
            signing_fingerprint: signed.signing_fingerprint,
        })
    }

    /// What `signature` says, and the id of the key that it says made it; nothing is verified.
    ///
    /// # Errors
    /// When it is no signature over a payload.
    pub fn unverified(signature: &[u8]) -> Result<(String, Payload), String> {
        let (key, payload) = dump_unverified(signature)?;
        Ok((key, Payload::parse(&payload, SIMPLE_TYPE)?))
    }

    /// Checks that it is of `manifest` by the name `reference`. Names are compared as users mean them, but no tag is added.
    ///
    /// # Errors
    /// What is different.
    pub fn check(&self, manifest: &Manifest, reference: &str) -> Result<(), String> {
        let Payload {
            digest,
            reference: signed,
            ..
        } = &self.payload;
        if !manifest.is(digest) {
            return Err(format!(
                "it is of `{digest}` and not of `{}`",
                manifest.digest()
            ));
        }
        let parsed = |text: &str| text.parse::<Reference>().ok();
        match signed == reference
            || (parsed(signed).is_some() && parsed(signed) == parsed(reference))
        {
            true => Ok(()),
            false => Err(format!(
                "the image is signed as `{signed}` and not as `{reference}`"
            )),
        }
    }
}
