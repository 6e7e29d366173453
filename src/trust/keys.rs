//! Public keys in PEM, and what they verify.

use aws_lc_rs::signature::{
    ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA512_ASN1, UnparsedPublicKey, VerificationAlgorithm,
};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use sigstore_crypto::{KeyAlgorithm, SigningScheme, VerificationKey};
use sigstore_types::{DerPublicKey, SignatureBytes};
use x509_cert::der::Encode;
use x509_cert::der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use x509_cert::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};

use crate::settings::policy::KeySource;

/// The object identifier of the curve P-521 (`secp521r1`), in DER.
const P521: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];
/// The label of an RSA key in PKCS#1, which `openssl rsa -RSAPublicKey_out` writes.
const RSA: &str = "RSA PUBLIC KEY";
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// Where an identifier of a curve ends at the latest in a SubjectPublicKeyInfo.
const CURVE_END: usize = 32;

/// A public key that can verify: ECDSA on P-256, P-384 or P-521, RSA of at least 2048 bits, or Ed25519.
pub(in crate::trust) struct PublicKey {
    /// Where the key is from, for people.
    pub(super) name: String,
    der: DerPublicKey,
    /// By each hash that is signed with such keys; one has to hold.
    verifiers: Vec<Verifier>,
    is_ecdsa: bool,
    /// The certificate in DER that the key is from.
    certificate: Option<Vec<u8>>,
}

/// What verifies by a key.
enum Verifier {
    Known(VerificationKey),
    /// The crate for sigstore does not have the curve.
    P521(UnparsedPublicKey<Vec<u8>>),
}

/// Hashes that are signed with keys on P-521, as for P-384 in [`PublicKey::from_der`].
const P521_HASHES: [&dyn VerificationAlgorithm; 2] =
    [&ECDSA_P521_SHA256_ASN1, &ECDSA_P521_SHA512_ASN1];

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER. All hashes are SHA-256, as sigstore's attachments are made; but cosign 3 takes that of
    /// the curve's own length for the longer curves.
    pub(in crate::trust) fn from_der(name: String, der: Vec<u8>) -> Result<PublicKey, String> {
        let begin = &der[..der.len().min(CURVE_END)];
        if begin.windows(P521.len()).any(|oid| oid == P521) {
            let by_hash = |hash| Verifier::P521(UnparsedPublicKey::new(hash, der.clone()));
            return Ok(PublicKey {
                name,
                verifiers: P521_HASHES.into_iter().map(by_hash).collect(),
                is_ecdsa: true,
                der: DerPublicKey::new(der),
                certificate: None,
            });
        }
        let der = DerPublicKey::new(der);
        let unusable = |e: sigstore_crypto::Error| format!("the key in {name} cannot be used: {e}");
        let algorithm = KeyAlgorithm::from_spki(&der).map_err(unusable)?;
        let schemes = match algorithm {
            KeyAlgorithm::EcdsaP256 => vec![SigningScheme::EcdsaP256Sha256],
            KeyAlgorithm::EcdsaP384 => vec![
                SigningScheme::EcdsaP384Sha256,
                SigningScheme::EcdsaP384Sha384,
            ],
            KeyAlgorithm::Rsa => vec![SigningScheme::RsaPkcs1Sha256],
            other => vec![other.default_signing_scheme()],
        };
        let verifiers = schemes.into_iter().map(|scheme| {
            let key = VerificationKey::from_spki_with_scheme(&der, scheme).map_err(unusable)?;
            Ok(Verifier::Known(key))
        });
        let verifiers: Result<_, String> = verifiers.collect();
        Ok(PublicKey {
            name,
            verifiers: verifiers?,
            is_ecdsa: matches!(algorithm, KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384),
            der,
            certificate: None,
        })
    }

    /// Reads the first public key in `pem`.
    pub(super) fn from_pem(name: String, pem: &[u8]) -> Result<PublicKey, String> {
        match spki_of(pem) {
            Some(spki) => PublicKey::from_der(name, spki),
            None => Err(format!("there is no public key in PEM in {name}")),
        }
    }

    pub(super) fn is_ecdsa(&self) -> bool {
        self.is_ecdsa
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
        let by = |verifier: &Verifier| match verifier {
            Verifier::Known(key) => {
                let signature = SignatureBytes::new(signature.to_vec());
                key.verify(data, &signature).is_ok()
            }
            Verifier::P521(key) => key.verify(data, signature).is_ok(),
        };
        match self.verifiers.iter().any(by) {
            true => Ok(()),
            false => Err(format!("its signature is not by the key in {}", self.name)),
        }
    }
}

/// The first public key in `pem` as a SubjectPublicKeyInfo in DER.
pub(super) fn spki_of(pem: &[u8]) -> Option<Vec<u8>> {
    let text = str::from_utf8(pem).unwrap_or_default();
    match super::pem::parse(text) {
        Some((RSA, key)) => rsa_spki(&key),
        _ => {
            let spki = SubjectPublicKeyInfoDer::from_pem_slice(pem).ok()?;
            Some(spki.as_ref().to_vec())
        }
    }
}

/// The SubjectPublicKeyInfo of the RSA key `key`, which is a PKCS#1 `RSAPublicKey`.
fn rsa_spki(key: &[u8]) -> Option<Vec<u8>> {
    let spki = SubjectPublicKeyInfoRef {
        algorithm: AlgorithmIdentifierRef {
            oid: RSA_ENCRYPTION,
            parameters: Some(AnyRef::NULL),
        },
        subject_public_key: BitStringRef::from_bytes(key).ok()?,
    };
    spki.to_der().ok()
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

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine};

    use super::*;

    /// Made with `openssl dgst -sign` over [`SIGNED`]: with `-sha256`, and with `-sha384` or `-sha512` as cosign 3 does.
    const KEYS: [(&str, &str); 4] = [
        (
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEs+1ONa5MKI4vUASlwjcQ+4qvKy3Zenx0p161+zaX0g6XlKhHBy4mooeJZrn4BAbm7eQrRypQheWV9vwytuhlVB3PY8NIuqx31PEde30cH53a9PxUlby9Gg6UIShIoHEU",
            "MGQCMAf+wpcekGpaHoC0W14//A/YhkRQWc1GihLEiwJJnBooKMyafDlHxcGTu/XpnP7PZAIwNaWkpDwX2UH/IF+zPiRm1sDcJ9BSooFiwW/gD9iNQTVPVcD24uuo3hwZA0ZgXHu+",
        ),
        (
            "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQAW99O0V6oSvrRW3HTVBCaVFpQpqhfO6F5sw6M2gSLQJRFO/4Ja5bN0KiPMpm9ZDwXN0THUD97XihVkSURLKSl0/YAnLMyNAjpU6GWGIbCFHwv3+RiN3dRtdvz3794DPEYp0iryxdKNTvdNPVXh/Y3MVaoLxzjXHBCJBahN4B1IUhLWac=",
            "MIGHAkIBUqGt5eeHqjTbyc7DkYivFgldOnmB8yt2RP82zJw7gxsrxVWzD/aCbtvdLi4ytlGtuFTVpVbBg5a1rTx6exBB9zYCQW4cHawUiqD0Zqkm5q00rSAnxeLO6wJW/wiRq1MtcTO5UHQAKV2KxDU+810E/tm+z8ir9gCOOI2lEcL0SH24kPLK",
        ),
        (
            "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEIcsG/DpUObK+YviqYcgdtoeTPq3cviZF6cNz/UtbOpXy5v6fRrTdBG/S5KplAZe7yLDwuULqbw+/qtq1sAcbUbzJHqVBcHHGH1ewHPO60qAeTSDMHRvf7NMxDmU3zudX",
            "MGUCMQD3UzZtNHwxKV42VZtzbjHYyanCvyuvmxM9K5jhgxp00bxsE52bAWD3aZqrXRMqwx0CMAOv2TBtQlU0kFxzTWTU4Gh50nsGRDvxG3Dl3/WxFOWDcnIJ/9bIq1FoVEkMKUaBkw==",
        ),
        (
            "MIGbMBAGByqGSM49AgEGBSuBBAAjA4GGAAQBdVD92zQnaqMdvjQG445D9R+uuNr4lgzz0O9VhVEeTDrbwS7U5mahqGUW9SjqbviIcc2EVq2aGul4E2K66KAODCEBfkajzWQ9ZKyC34za4Bxh3V4w+rj9YI/TyVjmJfz+7DVMCP13ILn6c6Oc67GVdoTF/Kn/dXowJxPaEe2NbIJtjDA=",
            "MIGIAkIBTh8U3Md2h9vIPAog3WqHemFsgCYiYQdxScm9W1I/FkpTrasEy1Bo9dFktaSeQRv9GdIjOx9pA6gQx3wPjMGmznACQgH0I09Saspg/juEK/YN/hBFeZeZIhyOa+8rK1H+ibcIVPnnS7UKvk031cRzQ9tPDOzPFfha4pT6EsMyF8ldb1O2rw==",
        ),
    ];
    const SIGNED: &[u8] = b"what is signed";

    #[test]
    fn keys_on_the_longer_curves_verify_with_either_hash() {
        for (pem, signature) in KEYS {
            let pem = format!("-----BEGIN PUBLIC KEY-----\n{pem}\n-----END PUBLIC KEY-----\n");
            let key = PublicKey::from_pem("`k.pub`".to_owned(), pem.as_bytes()).unwrap();
            assert!(key.is_ecdsa());
            let signature = BASE64_STANDARD.decode(signature).unwrap();
            assert_eq!(key.verify(SIGNED, &signature), Ok(()));
            let wrong = Err("its signature is not by the key in `k.pub`".to_owned());
            assert_eq!(key.verify(b"something else", &signature), wrong);
            assert_eq!(key.verify(SIGNED, &signature[1..]), wrong);
            assert_eq!(key.verify(SIGNED, b""), wrong);
        }
    }
}
