//! Signing keys, and documents signed as libtrust signs them, to the byte.
//!
//! Randomness is the cryptographic library's own affair; the time is the caller's.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPairComponents, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
    RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use super::key::{Curve, Jwk, PublicJwk, PublicKey};
use super::{SignatureFault, encode};
use crate::Error;
use crate::image::Schema1Signer;
use crate::image::go_json;
use crate::image::schema1::{ProtectedHeader, decode};

/// Why a key cannot be had, or a document cannot be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a key in one of the forms that are read.
    #[error("{0}")]
    Malformed(String),
    /// The file says it holds another key than it does.
    #[error("the key's id is `{computed}`, but it is called `{stated}`")]
    Id { stated: String, computed: String },
    /// The document is no JSON object with members.
    #[error("only a JSON object can be signed")]
    Document,
    /// The cryptographic library refused.
    #[error("the signature could not be made")]
    Failed,
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Error {
        Error::other(error.to_string()).because(error)
    }
}

/// A private key that signs schema 1 manifests. What it prints of itself is its id only.
pub struct SigningKey {
    public: PublicKey,
    pair: Pair,
}

enum Pair {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.id())
    }
}

fn signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
    }
}

impl Schema1Signer for SigningKey {
    fn sign(&self, payload: &[u8]) -> Result<Bytes, Error> {
        Ok(SigningKey::sign(self, payload, Timestamp::now())?)
    }
}

impl SigningKey {
    /// A fresh key on P-256, as docker makes one where it has none.
    ///
    /// # Errors
    /// [`KeyError::Failed`] when there are no random numbers.
    pub fn generate() -> Result<SigningKey, KeyError> {
        let pair = EcdsaKeyPair::generate(signing(Curve::P256)).map_err(|_| KeyError::Failed)?;
        Ok(SigningKey::ec(Curve::P256, pair))
    }

    /// The key in `file`: PEM (`EC PRIVATE KEY`, with libtrust's `keyID` header or without, `RSA PRIVATE KEY`, or
    /// PKCS#8) or a JSON web key with its private members. EC on P-256, P-384 and P-521, and RSA from 2048 bits on.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] for anything else, [`KeyError::Id`] when the file states another key id.
    pub fn parse(file: &str) -> Result<SigningKey, KeyError> {
        let (key, stated) = if file.trim_start().starts_with('{') {
            let jwk: Jwk = serde_json::from_str(file)
                .map_err(|e| KeyError::Malformed(format!("it is no JSON web key: {e}")))?;
            (SigningKey::of_jwk(&jwk)?, jwk.kid)
        } else {
            let pem = Pem::parse(file).ok_or_else(|| {
                let text = "it is neither a private key in PEM nor a JSON web key";
                KeyError::Malformed(text.to_owned())
            })?;
            (SigningKey::of_der(&pem.content)?, pem.key_id)
        };
        let computed = key.id();
        match stated {
            Some(stated) if stated != computed => Err(KeyError::Id { stated, computed }),
            _ => Ok(key),
        }
    }

    /// libtrust's id of the public half.
    pub fn id(&self) -> String {
        self.public.id()
    }

    fn ec(curve: Curve, pair: EcdsaKeyPair) -> SigningKey {
        let point = pair.public_key().as_ref().to_vec();
        SigningKey {
            public: PublicKey::Ec { curve, point },
            pair: Pair::Ec(pair),
        }
    }

    fn rsa(pair: RsaKeyPair) -> Result<SigningKey, KeyError> {
        let public = PublicKey::of_rsa(pair.public_key().as_ref()).ok_or(KeyError::Failed)?;
        Ok(SigningKey {
            public,
            pair: Pair::Rsa(Box::new(pair)),
        })
    }

    fn of_der(der: &[u8]) -> Result<SigningKey, KeyError> {
        for curve in Curve::ALL {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(signing(curve), der) {
                return Ok(SigningKey::ec(curve, pair));
            }
        }
        let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        SigningKey::rsa(pair.map_err(|_| {
            let text = "its key is neither EC on P-256, P-384 or P-521 nor RSA from 2048 bits on";
            KeyError::Malformed(text.to_owned())
        })?)
    }

    fn of_jwk(jwk: &Jwk) -> Result<SigningKey, KeyError> {
        let malformed = |e: SignatureFault| KeyError::Malformed(e.to_string());
        let rejected =
            |_| KeyError::Malformed("its private and public halves do not fit".to_owned());
        let number = |text: &str| decode(text).map_err(|e| malformed(e.into()));
        if jwk.d.is_empty() {
            return Err(KeyError::Malformed("it is a public key".to_owned()));
        }
        match PublicKey::of_jwk(jwk).map_err(malformed)? {
            PublicKey::Ec { curve, point } => {
                let d = number(&jwk.d)?;
                let missing = curve.width().saturating_sub(d.len());
                let d = [vec![0; missing], d].concat();
                EcdsaKeyPair::from_private_key_and_public_key(signing(curve), &d, &point)
                    .map(|pair| SigningKey::ec(curve, pair))
                    .map_err(rejected)
            }
            PublicKey::Rsa { n, e } => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n, e },
                    d: number(&jwk.d)?,
                    p: number(&jwk.p)?,
                    q: number(&jwk.q)?,
                    dP: number(&jwk.dp)?,
                    dQ: number(&jwk.dq)?,
                    qInv: number(&jwk.qi)?,
                };
                SigningKey::rsa(RsaKeyPair::from_components(&components).map_err(rejected)?)
            }
        }
    }

    fn algorithm(&self) -> &'static str {
        match &self.public {
            PublicKey::Ec { curve, .. } => curve.algorithm(),
            PublicKey::Rsa { .. } => "RS256",
        }
    }

    /// The JSON object `payload` with a signature of it at its end, dated `time` in whole seconds.
    ///
    /// The signature's members are laid out like the payload: over lines where it is, on one line otherwise
    /// (protocols 5.4).
    ///
    /// # Errors
    /// [`KeyError::Document`] when `payload` is not a JSON object with members; [`KeyError::Failed`] when the key
    /// cannot sign.
    pub fn sign(&self, payload: &[u8], time: Timestamp) -> Result<Bytes, KeyError> {
        let is_blank = |b: &u8| b.is_ascii_whitespace();
        let last = |bytes: &[u8]| bytes.iter().rposition(|b| !is_blank(b));
        let close = last(payload).filter(|at| payload[*at] == b'}');
        let end = close.and_then(|close| last(&payload[..close]));
        let end = end.filter(|at| !matches!(payload[*at], b',' | b'{'));
        let (head, tail) = payload.split_at(end.ok_or(KeyError::Document)? + 1);
        let protected = encode(
            go_json::compact(&ProtectedHeader {
                format_length: head.len() as u64,
                format_tail: encode(tail),
                time: Some(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
            })
            .map_err(|_| KeyError::Document)?
            .as_bytes(),
        );
        let input = format!("{protected}.{}", encode(payload));
        let signature = encode(&self.signature(input.as_bytes())?);
        let entry = [Entry {
            header: Header {
                jwk: self.public.jwk(),
                alg: self.algorithm(),
            },
            signature,
            protected,
        }];
        let indent = indent_of(payload);
        let text = match indent.is_empty() {
            true => go_json::compact(&entry).map(|entry| format!(",\"signatures\":{entry}}}")),
            false => go_json::indented(&entry, &indent).map(|entry| {
                let entry = entry.replace('\n', &format!("\n{indent}"));
                format!(",\n{indent}\"signatures\": {entry}\n}}")
            }),
        };
        let text = text.map_err(|_| KeyError::Document)?;
        Ok([head, text.as_bytes()].concat().into())
    }

    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, message).map_err(|_| KeyError::Failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| KeyError::Failed)?;
                Ok(signature)
            }
        }
    }
}

#[derive(Serialize)]
struct Entry {
    header: Header,
    signature: String,
    protected: String,
}

#[derive(Serialize)]
struct Header {
    jwk: PublicJwk,
    alg: &'static str,
}

/// The blanks before the first member of an object that is written over lines; none for one on a single line.
fn indent_of(payload: &[u8]) -> String {
    let Some(rest) = payload.strip_prefix(b"{\n") else {
        return String::new();
    };
    let blanks = rest.iter().take_while(|b| **b != b'"');
    blanks.map(|b| char::from(*b)).collect()
}

/// The first private key of a PEM file.
struct Pem {
    /// libtrust's header.
    key_id: Option<String>,
    content: Vec<u8>,
}

impl Pem {
    fn parse(file: &str) -> Option<Pem> {
        let mut lines = file.lines().map(str::trim);
        let label = lines.find_map(|line| {
            let label = line.strip_prefix("-----BEGIN ")?.strip_suffix("-----")?;
            label.ends_with("PRIVATE KEY").then(|| label.to_owned())
        })?;
        let end = format!("-----END {label}-----");
        let (mut key_id, mut content) = (None, String::new());
        for line in lines.take_while(|line| *line != end) {
            match line.split_once(':') {
                Some(("keyID", id)) => key_id = Some(id.trim().to_owned()),
                Some(_) => {}
                None => content.push_str(line),
            }
        }
        let content = STANDARD.decode(content).ok()?;
        Some(Pem { key_id, content })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Manifest, MediaType};
    use proptest::prelude::*;

    fn signed(payload: &str) -> Manifest {
        let key = SigningKey::generate().unwrap();
        let time = "2020-01-01T00:00:00.7Z".parse().unwrap();
        let bytes = key.sign(payload.as_bytes(), time).unwrap();
        let manifest = Manifest::parse(bytes, None).unwrap();
        let checks = manifest.check_signatures().unwrap();
        assert_eq!(checks.len(), 1);
        assert_eq!(checks[0].fault, None);
        assert_eq!(checks[0].key_id, Some(key.id()));
        assert_eq!(checks[0].time.as_deref(), Some("2020-01-01T00:00:00Z"));
        manifest
    }

    #[test]
    fn the_signature_is_laid_out_like_the_payload() {
        let compact = r#"{"schemaVersion":1,"fsLayers":[],"history":[]}"#;
        let manifest = signed(compact);
        assert_eq!(*manifest.media_type(), MediaType::SCHEMA1_SIGNED);
        assert_eq!(manifest.payload(), compact.as_bytes());
        let text = std::str::from_utf8(manifest.raw()).unwrap();
        assert!(
            text.contains(r#"[],"signatures":[{"header":{"jwk":{"crv":"P-256","kid":""#),
            "{text}"
        );
        let lines = "{\n   \"schemaVersion\": 1,\n   \"fsLayers\": [],\n   \"history\": []\n}";
        let manifest = signed(lines);
        assert_eq!(manifest.payload(), lines.as_bytes());
        let text = std::str::from_utf8(manifest.raw()).unwrap();
        let wanted =
            "[],\n   \"signatures\": [\n      {\n         \"header\": {\n            \"jwk\": {\n";
        assert!(text.contains(wanted), "{text}");
        assert!(text.ends_with("\"\n      }\n   ]\n}"), "{text}");
    }

    proptest! {
        /// Nothing of what was signed can be changed: the manifest is refused, or its signature is.
        #[test]
        fn a_changed_byte_does_not_stay_unseen(at in 0usize..1000, to: u8) {
            let payload = "{\n   \"schemaVersion\": 1,\n   \"name\": \"x\",\n   \"fsLayers\": [],\n   \"history\": []\n}";
            let signed = signed(payload);
            let mut bytes = signed.raw().to_vec();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != to);
            bytes[at] = to;
            if let Ok(manifest) = Manifest::parse(bytes.into(), None)
                && let Ok(checks) = manifest.check_signatures()
                && *manifest.payload() != payload.as_bytes()
            {
                prop_assert!(checks.is_empty() || checks[0].fault.is_some());
            }
        }
    }

    #[test]
    fn only_an_object_with_members_is_signed() {
        let key = SigningKey::generate().unwrap();
        for wrong in ["", "{}", "[1]", "{\"a\":1,}", "}", "{\"a\":1"] {
            let signed = key.sign(wrong.as_bytes(), Timestamp::UNIX_EPOCH);
            assert_eq!(signed.unwrap_err(), KeyError::Document, "{wrong}");
        }
    }

    #[test]
    fn files_that_hold_no_private_key_are_told_apart() {
        let wrong = |file: &str| SigningKey::parse(file).unwrap_err().to_string();
        assert!(wrong("").contains("neither a private key in PEM nor"));
        assert!(wrong("{}").contains("public key"));
        assert!(wrong("{\"kty\":7}").contains("no JSON web key"));
        let pem = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(wrong(pem).contains("neither EC"), "{}", wrong(pem));
        let debug = format!("{:?}", SigningKey::generate().unwrap());
        assert_eq!(debug.len(), "SigningKey()".len() + 59, "the id and no more");
    }
}
