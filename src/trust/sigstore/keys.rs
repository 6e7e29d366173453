//! Public keys in PEM, and what they verify.

use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use sigstore_crypto::{KeyAlgorithm, SigningScheme, VerificationKey};
use sigstore_types::{DerPublicKey, SignatureBytes};

use crate::settings::policy::KeySource;

/// A public key that can verify: ECDSA on P-256 or P-384, RSA of at least 2048 bits, or Ed25519.
pub(in crate::trust) struct PublicKey {
    /// Where the key is from, for people.
    pub(super) name: String,
    der: DerPublicKey,
    algorithm: KeyAlgorithm,
    key: VerificationKey,
    /// The certificate in DER that the key is from.
    certificate: Option<Vec<u8>>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER. As sigstore's attachments are made, all hashes are SHA-256.
    pub(in crate::trust) fn from_der(name: String, der: Vec<u8>) -> Result<PublicKey, String> {
        let der = DerPublicKey::new(der);
        let unusable = |e: sigstore_crypto::Error| format!("the key in {name} cannot be used: {e}");
        let algorithm = KeyAlgorithm::from_spki(&der).map_err(unusable)?;
        let scheme = match algorithm {
            KeyAlgorithm::EcdsaP256 => SigningScheme::EcdsaP256Sha256,
            KeyAlgorithm::EcdsaP384 => SigningScheme::EcdsaP384Sha256,
            KeyAlgorithm::Rsa => SigningScheme::RsaPkcs1Sha256,
            other => other.default_signing_scheme(),
        };
        let key = VerificationKey::from_spki_with_scheme(&der, scheme).map_err(unusable)?;
        Ok(PublicKey {
            name,
            der,
            algorithm,
            key,
            certificate: None,
        })
    }

    /// Reads the first public key in `pem`.
    pub(super) fn from_pem(name: String, pem: &[u8]) -> Result<PublicKey, String> {
        match SubjectPublicKeyInfoDer::from_pem_slice(pem) {
            Ok(spki) => PublicKey::from_der(name, spki.as_ref().to_vec()),
            Err(_) => Err(format!("there is no public key in PEM in {name}")),
        }
    }

    pub(super) fn is_ecdsa(&self) -> bool {
        matches!(
            self.algorithm,
            KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384
        )
    }

    /// This key, which the certificate `der` certifies.
    pub(super) fn certified_by(self, der: Vec<u8>) -> PublicKey {
        PublicKey {
            certificate: Some(der),
            ..self
        }
    }

    /// Whether `der` is the key's certificate, or the key itself where it has none.
    pub(super) fn is(&self, der: &[u8]) -> bool {
        match &self.certificate {
            Some(certificate) => certificate == der,
            None => self.der.as_bytes() == der,
        }
    }

    pub(in crate::trust) fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), String> {
        let signature = SignatureBytes::new(signature.to_vec());
        let verified = self.key.verify(data, &signature);
        verified.map_err(|_| format!("its signature is not by the key in {}", self.name))
    }
}

/// The keys of a policy. One that cannot be read is an error, even if another would do.
pub(super) fn load(source: &KeySource) -> Result<Vec<PublicKey>, String> {
    let loaded = source.load().map_err(|e| e.to_string())?;
    loaded
        .into_iter()
        .map(|(name, pem)| PublicKey::from_pem(name, &pem))
        .collect()
}

/// The first public key in `pem`, in DER.
pub(in crate::trust) fn key_der(name: &str, pem: &[u8]) -> Result<Vec<u8>, String> {
    let key = PublicKey::from_pem(name.to_owned(), pem)?;
    Ok(key.der.as_bytes().to_vec())
}
