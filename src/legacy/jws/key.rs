//! The public keys of signatures: read from a JWK or a certificate, known by libtrust's key id.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::der::{self, Reader, TrimZeros as _};
use super::{SignatureFault, encode};
use crate::image::schema1::decode;

/// The curves that signatures of manifests are made on; each goes with one algorithm (RFC 7518 section 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    pub(super) const ALL: [Curve; 3] = [Curve::P256, Curve::P384, Curve::P521];

    fn name(self) -> &'static str {
        match self {
            Curve::P256 => "P-256",
            Curve::P384 => "P-384",
            Curve::P521 => "P-521",
        }
    }

    pub(super) fn algorithm(self) -> &'static str {
        match self {
            Curve::P256 => "ES256",
            Curve::P384 => "ES384",
            Curve::P521 => "ES512",
        }
    }

    /// Bytes of a coordinate.
    pub(super) fn width(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    /// The object identifier, encoded.
    fn object(self) -> &'static [u8] {
        match self {
            Curve::P256 => &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
            Curve::P384 => &[0x2b, 0x81, 0x04, 0x00, 0x22],
            Curve::P521 => &[0x2b, 0x81, 0x04, 0x00, 0x23],
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Curve::P256 => &ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &ECDSA_P384_SHA384_FIXED,
            Curve::P521 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// `ecPublicKey` and `rsaEncryption`, encoded.
const EC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// A JSON web key (RFC 7517), public or private, as far as it is read here.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Jwk {
    kty: String,
    pub(super) kid: Option<String>,
    crv: String,
    x: String,
    y: String,
    n: String,
    e: String,
    pub(super) d: String,
    pub(super) p: String,
    pub(super) q: String,
    pub(super) dp: String,
    pub(super) dq: String,
    pub(super) qi: String,
}

/// The public form, its members sorted by name as Go writes a map.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum PublicJwk {
    Ec {
        crv: &'static str,
        kid: String,
        kty: &'static str,
        x: String,
        y: String,
    },
    Rsa {
        e: String,
        kid: String,
        kty: &'static str,
        n: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    Ec {
        curve: Curve,
        /// Uncompressed: 4, then both coordinates at full width.
        point: Vec<u8>,
    },
    Rsa {
        /// The highest byte first, none of it 0.
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl PublicKey {
    pub(super) fn of_jwk(jwk: &Jwk) -> Result<PublicKey, SignatureFault> {
        let wrong = |what: &str| SignatureFault::Header(format!("its key {what}"));
        match jwk.kty.as_str() {
            "EC" => {
                let curve = Curve::ALL.into_iter().find(|c| c.name() == jwk.crv);
                let curve = curve.ok_or_else(|| wrong("is on an unknown curve"))?;
                let (x, y) = (decode(&jwk.x)?, decode(&jwk.y)?);
                if x.len() != curve.width() || y.len() != curve.width() {
                    return Err(wrong("has coordinates of the wrong length"));
                }
                let point = [&[4], x.as_slice(), &y].concat();
                Ok(PublicKey::Ec { curve, point })
            }
            "RSA" => Ok(PublicKey::Rsa {
                n: decode(&jwk.n)?.trim_start_zeros().to_vec(),
                e: decode(&jwk.e)?.trim_start_zeros().to_vec(),
            }),
            _ => Err(wrong("is neither of kind `EC` nor `RSA`")),
        }
    }

    /// The key of the X.509 certificate `der`.
    pub(super) fn of_certificate(der: &[u8]) -> Option<PublicKey> {
        let mut certificate = Reader(Reader(der).expect(der::SEQUENCE)?);
        let mut signed = Reader(certificate.expect(der::SEQUENCE)?);
        if signed.peek() == Some(der::EXPLICIT_0) {
            signed.next()?;
        }
        signed.expect(der::INTEGER)?;
        // The signature's algorithm, the issuer, the validity and the subject.
        for _ in 0..4 {
            signed.expect(der::SEQUENCE)?;
        }
        PublicKey::of_info(signed.expect(der::SEQUENCE)?)
    }

    /// The key of the content of a `SubjectPublicKeyInfo`.
    fn of_info(content: &[u8]) -> Option<PublicKey> {
        let mut info = Reader(content);
        let mut algorithm = Reader(info.expect(der::SEQUENCE)?);
        let key = info.expect(der::BIT_STRING)?.strip_prefix(&[0])?;
        match algorithm.expect(der::OBJECT)? {
            EC_KEY => {
                let object = algorithm.expect(der::OBJECT)?;
                let curve = Curve::ALL.into_iter().find(|c| c.object() == object)?;
                let point = key.to_vec();
                Some(PublicKey::Ec { curve, point })
            }
            RSA_KEY => PublicKey::of_rsa(key),
            _ => None,
        }
    }

    /// The key of an `RSAPublicKey` (RFC 8017 appendix A.1.1).
    pub(super) fn of_rsa(der: &[u8]) -> Option<PublicKey> {
        let mut numbers = Reader(Reader(der).expect(der::SEQUENCE)?);
        let mut number = || {
            numbers
                .expect(der::INTEGER)
                .map(|n| n.trim_start_zeros().to_vec())
        };
        Some(PublicKey::Rsa {
            n: number()?,
            e: number()?,
        })
    }

    /// The `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    fn info(&self) -> Vec<u8> {
        let object = |id: &[u8]| der::element(der::OBJECT, &[id]);
        let (algorithm, key) = match self {
            PublicKey::Ec { curve, point } => (
                [object(EC_KEY), object(curve.object())].concat(),
                point.clone(),
            ),
            PublicKey::Rsa { n, e } => (
                [object(RSA_KEY), der::element(der::NULL, &[])].concat(),
                der::element(der::SEQUENCE, &[&der::unsigned(n), &der::unsigned(e)]),
            ),
        };
        let algorithm = der::element(der::SEQUENCE, &[&algorithm]);
        der::element(der::SEQUENCE, &[&algorithm, &der::bits(&key)])
    }

    /// libtrust's key id: 30 bytes of the key's SHA-256 in base32, in twelve groups of four.
    pub(super) fn id(&self) -> String {
        let hash = Sha256::digest(self.info());
        let mut id = String::with_capacity(59);
        for (i, five) in hash[..30].chunks(5).enumerate() {
            let bits = five.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
            for at in 0..8 {
                if at % 4 == 0 && (i, at) != (0, 0) {
                    id.push(':');
                }
                let five_bits = (bits >> (35 - 5 * at)) & 31;
                id.push(char::from(
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[five_bits as usize],
                ));
            }
        }
        id
    }

    /// The key as the header of a signature holds it.
    pub(super) fn jwk(&self) -> PublicJwk {
        let kid = self.id();
        match self {
            PublicKey::Ec { curve, point } => {
                let (x, y) = point[1..].split_at(curve.width());
                PublicJwk::Ec {
                    crv: curve.name(),
                    kid,
                    kty: "EC",
                    x: encode(x),
                    y: encode(y),
                }
            }
            PublicKey::Rsa { n, e } => PublicJwk::Rsa {
                e: encode(e),
                kid,
                kty: "RSA",
                n: encode(n),
            },
        }
    }

    /// Whether `signature` is one of `message` by `algorithm` with this key.
    pub(super) fn verify(
        &self,
        algorithm: &str,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureFault> {
        let verified = match (self, algorithm) {
            (PublicKey::Ec { curve, point }, _) if curve.algorithm() == algorithm => {
                UnparsedPublicKey::new(curve.verification(), point).verify(message, signature)
            }
            (PublicKey::Rsa { n, e }, "RS256" | "RS384" | "RS512") => {
                let parameters = match algorithm {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    _ => &RSA_PKCS1_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            _ => return Err(SignatureFault::Algorithm(algorithm.to_owned())),
        };
        verified.map_err(|_| SignatureFault::Wrong)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{
        KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair,
    };

    use super::*;

    #[test]
    fn rsa_signs_with_each_of_its_hashes() {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let key = PublicKey::of_rsa(pair.public_key().as_ref()).unwrap();
        for (name, encoding) in [
            ("RS256", &RSA_PKCS1_SHA256),
            ("RS384", &RSA_PKCS1_SHA384),
            ("RS512", &RSA_PKCS1_SHA512),
        ] {
            let mut signature = vec![0; pair.public_modulus_len()];
            let random = SystemRandom::new();
            pair.sign(encoding, &random, b"cargo", &mut signature)
                .unwrap();
            assert_eq!(key.verify(name, b"cargo", &signature), Ok(()));
            let wrong = key.verify(name, b"other", &signature);
            assert_eq!(wrong, Err(SignatureFault::Wrong));
        }
        for odd in ["", "ES256", "none", "HS256", "RS1"] {
            let refused = key.verify(odd, b"", b"");
            assert_eq!(refused, Err(SignatureFault::Algorithm(odd.to_owned())));
        }
        // Its certificate's form is read back.
        let info = key.info();
        let content = Reader(&info).expect(der::SEQUENCE).unwrap();
        assert_eq!(PublicKey::of_info(content), Some(key));
    }

    #[test]
    fn keys_of_unknown_form_are_told() {
        for (json, words) in [
            (r#"{"kty":"oct"}"#, "neither of kind"),
            (r#"{"kty":"EC","crv":"P-192"}"#, "unknown curve"),
            (
                r#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#,
                "wrong length",
            ),
            (r#"{"kty":"RSA","n":"*"}"#, "Invalid"),
        ] {
            let jwk: Jwk = serde_json::from_str(json).unwrap();
            let told = PublicKey::of_jwk(&jwk).unwrap_err().to_string();
            assert!(told.contains(words), "{json}: {told}");
        }
        // A point that is on no curve makes no good signature.
        let x = encode(&[1; 32]);
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}"}}"#);
        let key = PublicKey::of_jwk(&serde_json::from_str(&jwk).unwrap()).unwrap();
        assert_eq!(
            key.verify("ES256", b"x", &[1; 64]),
            Err(SignatureFault::Wrong)
        );
    }
}
