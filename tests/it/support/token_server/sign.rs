//! Signs the tokens: ES256 with the certificate in `x5c`, which distribution checks against its root bundle.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::{Value, json};

/// Seconds for which distribution still takes a token that has expired (its `token.Leeway`).
const LEEWAY: i64 = 60;

/// A key and its self-signed certificate.
pub struct Signer {
    key: EcdsaKeyPair,
    certificate_der: Vec<u8>,
    certificate_pem: String,
}

impl Signer {
    /// A fresh key.
    pub fn new() -> Signer {
        let pair = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, "barque test tokens");
        let certificate = params.self_signed(&pair).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pair.serialize_der());
        Signer {
            key: key.unwrap(),
            certificate_der: certificate.der().to_vec(),
            certificate_pem: certificate.pem(),
        }
    }

    /// The certificate a registry must trust, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate_pem
    }

    /// A token over these claims that the registry refuses `lifetime` seconds from now.
    pub fn token(&self, mut claims: Value, lifetime: i64) -> String {
        // Rounded up, as registries compare whole seconds: a token lives its lifetime or a little longer.
        let now = SystemTime::now() + Duration::from_millis(999);
        let now = now.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        claims["iat"] = json!(now - 3600);
        claims["nbf"] = json!(now - 3600);
        // The leeway is taken off, so that a lifetime of 2 s is one and not 62 s.
        claims["exp"] = json!(now + lifetime - LEEWAY);
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.certificate_der)] });
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self
            .key
            .sign(&SystemRandom::new(), signed.as_bytes())
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
