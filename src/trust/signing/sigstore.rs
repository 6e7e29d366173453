//! Keys of sigstore's tools: ECDSA on P-256, RSA or Ed25519, in the files that cosign and skopeo use.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

#[cfg(doc)]
use super::WrongPassphrase;
use super::{key_file, pem};
use crate::{Error, Result};

/// A private key.
pub struct SigstoreKey {
    pair: Pair,
    /// PKCS#8.
    private: Vec<u8>,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigstoreKey {
    /// The key in the file `text`, as cosign or skopeo writes it, or in PKCS#8 without encryption.
    ///
    /// # Errors
    /// When it is no such file or is of another kind; with [`WrongPassphrase`] as cause if it cannot be decrypted.
    pub fn open(text: &str, passphrase: &str) -> Result<SigstoreKey> {
        SigstoreKey::from_pkcs8(key_file::open(text, passphrase.as_bytes())?)
    }

    /// A new key on P-256.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub fn generate() -> Result<SigstoreKey> {
        let made =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new());
        let made = made.map_err(|e| Error::other("a key cannot be generated").because(e))?;
        SigstoreKey::from_pkcs8(made.as_ref().to_vec())
    }

    fn from_pkcs8(private: Vec<u8>) -> Result<SigstoreKey> {
        let ecdsa = || {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &private);
            pair.ok().map(Pair::Ecdsa)
        };
        let ed25519 = || {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private);
            pair.ok().map(Pair::Ed25519)
        };
        let rsa = || RsaKeyPair::from_pkcs8(&private).ok().map(Pair::Rsa);
        match ecdsa().or_else(ed25519).or_else(rsa) {
            Some(pair) => Ok(SigstoreKey { pair, private }),
            None => Err(Error::other(
                "the private key is neither ECDSA on P-256 nor RSA nor Ed25519",
            )),
        }
    }

    /// The file of the private key, encrypted. Blocks for a moment.
    ///
    /// # Errors
    /// When there are no random numbers for the encryption.
    pub fn private_file(&self, passphrase: &str) -> Result<String> {
        key_file::seal(&self.private, passphrase.as_bytes())
    }

    /// The file of the public key.
    ///
    /// # Errors
    /// When the key has no such form.
    pub fn public_file(&self) -> Result<String> {
        Ok(pem::write("PUBLIC KEY", &self.public_der()?))
    }

    /// The public key as a `SubjectPublicKeyInfo`.
    pub(super) fn public_der(&self) -> Result<Vec<u8>> {
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_der(),
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        let der = der.map_err(|e| Error::other("the public key cannot be written").because(e))?;
        Ok(der.as_ref().to_vec())
    }

    /// A signature over `payload`, in base64.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<String> {
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, payload).map(|s| s.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(payload).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, payload, &mut signature);
                signed.map(|()| signature)
            }
        };
        let signature = signature.map_err(|e| Error::other("the key cannot sign").because(e))?;
        Ok(STANDARD.encode(signature))
    }
}
