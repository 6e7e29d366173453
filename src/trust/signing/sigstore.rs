//! Keys of sigstore's tools: ECDSA on P-256, P-384 or P-521, RSA or Ed25519, in the files that cosign and skopeo use.
//!
//! All but Ed25519 sign over SHA-256, also on the longer curves: skopeo does so and verifies nothing else, and cosign
//! verifies nothing else unless a flag says so.

use aws_lc_rs::digest::{SHA256, digest as hash};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P521_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use p384::ecdsa::{Signature, SigningKey};
use p384::pkcs8::{DecodePrivateKey, EncodePublicKey};

#[cfg(doc)]
use super::WrongPassphrase;
use super::key_file;
use crate::trust::pem;
use crate::{Error, Result};

/// A private key.
pub struct SigstoreKey {
    pair: Pair,
    /// PKCS#8.
    private: Vec<u8>,
}

enum Pair {
    /// On P-256 or P-521.
    Ecdsa(EcdsaKeyPair),
    /// `aws-lc-rs` signs with keys on P-384 over SHA-384 only.
    P384(SigningKey),
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
        let curves = [
            &ECDSA_P256_SHA256_ASN1_SIGNING,
            &ECDSA_P521_SHA256_ASN1_SIGNING,
        ];
        let ecdsa = || {
            let on = |curve| EcdsaKeyPair::from_pkcs8(curve, &private).ok();
            curves.into_iter().find_map(on).map(Pair::Ecdsa)
        };
        let p384 = || SigningKey::from_pkcs8_der(&private).ok().map(Pair::P384);
        let ed25519 = || {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&private);
            pair.ok().map(Pair::Ed25519)
        };
        let rsa = || RsaKeyPair::from_pkcs8(&private).ok().map(Pair::Rsa);
        match ecdsa().or_else(p384).or_else(ed25519).or_else(rsa) {
            Some(pair) => Ok(SigstoreKey { pair, private }),
            None => Err(Error::other(
                "the private key is neither ECDSA on P-256, P-384 or P-521 nor RSA of 2048 bits and more nor Ed25519",
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
        let failed = || Error::other("the public key cannot be written");
        let der: Result<PublicKeyX509Der<'_>, _> = match &self.pair {
            Pair::Ecdsa(pair) => pair.public_key().as_der(),
            Pair::P384(pair) => {
                let der = pair.verifying_key().to_public_key_der();
                return Ok(der.map_err(|e| failed().because(e))?.into_vec());
            }
            Pair::Rsa(pair) => pair.public_key().as_der(),
            Pair::Ed25519(pair) => pair.public_key().as_der(),
        };
        let der = der.map_err(|e| failed().because(e))?;
        Ok(der.as_ref().to_vec())
    }

    /// A signature over `payload`, in base64.
    pub(super) fn sign(&self, payload: &[u8]) -> Result<String> {
        let random = SystemRandom::new();
        let failed = || Error::other("the key cannot sign");
        let signature = match &self.pair {
            Pair::P384(pair) => {
                let signed = pair.sign_prehash(hash(&SHA256, payload).as_ref());
                let signature: Signature = signed.map_err(|e| failed().because(e))?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Pair::Ecdsa(pair) => pair.sign(&random, payload).map(|s| s.as_ref().to_vec()),
            Pair::Ed25519(pair) => Ok(pair.sign(payload).as_ref().to_vec()),
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, payload, &mut signature);
                signed.map(|()| signature)
            }
        };
        let signature = signature.map_err(|e| failed().because(e))?;
        Ok(STANDARD.encode(signature))
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P384_SHA256_ASN1, ECDSA_P521_SHA256_ASN1, EcdsaVerificationAlgorithm,
        UnparsedPublicKey,
    };

    use super::*;
    use crate::trust::keys::PublicKey;

    /// Made by `openssl genpkey`, on P-384 and P-521, and how skopeo verifies them.
    const KEYS: [(&str, &EcdsaVerificationAlgorithm); 2] = [
        (
            "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBJe+1SLm/GIRyqQXOWkBD/1Wi6PLcyg9iNpJmhs7XB1fkkr4sWwFNr/xW2NS+Wth2hZANiAARrKXDC/8oo1DnL0d4pDBEMxmcZ4XKGqa7uVNqUUnQMpLdLoK8vc97Z2ZRPvSSgCdBVVTFRtOQUZ+Q/WLpERlJ0B5VqKuBEf+1IZEqzao5VRVUba7YOlWbDGyvH809zUNU=",
            &ECDSA_P384_SHA256_ASN1,
        ),
        (
            "MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBWnBGN0gFKZ/DC7NFsWGXjCdvnMueDDipZy2/JGH/jG4FJSPAdET8V2XlPj7X4LgJTI26VmcuybIK/yQbBDYFCgqhgYkDgYYABAHexgjL1WUqe2fYPqs2Ddo1XeWHxwUA72K359oyp+H7YUZDShzGnLEjNhZJScH+pUzop+l39/AnVok45Kuug+MpNAAXwNlPVBSBPrIyGyVQwEQNs58aA/MDjsqaBkDur1dd3Mo9VhsTj5uHPKCah/z7nyf4JXnouylsVefrktrnlsuT4Q==",
            &ECDSA_P521_SHA256_ASN1,
        ),
    ];

    #[test]
    fn keys_on_the_longer_curves_sign_over_sha_256() {
        for (pkcs8, algorithm) in KEYS {
            let plain = pem::write("PRIVATE KEY", &STANDARD.decode(pkcs8).unwrap());
            let sealed = SigstoreKey::open(&plain, "").unwrap();
            let sealed = sealed.private_file("secret").unwrap();
            for (file, passphrase) in [(&plain, ""), (&sealed, "secret")] {
                let key = SigstoreKey::open(file, passphrase).unwrap();
                let public = key.public_file().unwrap();
                let public = PublicKey::from_pem("`k`".to_owned(), public.as_bytes()).unwrap();
                let signature = STANDARD.decode(key.sign(b"signed").unwrap()).unwrap();
                assert_eq!(public.verify(b"signed", &signature), Ok(()));
                assert!(public.verify(b"other", &signature).is_err());
                let skopeo = UnparsedPublicKey::new(algorithm, key.public_der().unwrap());
                skopeo.verify(b"signed", &signature).unwrap();
            }
        }
    }
}
