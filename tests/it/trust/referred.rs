//! Bundles among the referrers of an image in a registry, by `barque verify` and by policies.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use crate::support::Barque;
use crate::support::images::{self, TestImage, media};
use crate::support::served_by_barque::Serving;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What DSSE signs in place of `payload`.
fn pae(payload: &str) -> Vec<u8> {
    let (kind, len) = (IN_TOTO.len(), payload.len());
    format!("DSSEv1 {kind} {IN_TOTO} {len} {payload}").into_bytes()
}

/// A bundle with a statement of the type `predicate` about the manifest with this SHA-256.
fn statement(key: &KeyPair, hex: &str, predicate: &str) -> Value {
    let payload = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": hex}}],
        "predicateType": predicate,
        "predicate": {},
    });
    let payload = payload.to_string();
    let signature = key.sign(&pae(&payload)).unwrap();
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signature.as_bytes())}],
        },
    })
}

/// A bundle with a signature over the manifest itself.
fn message(key: &KeyPair, manifest: &[u8]) -> Value {
    let hash = hex::decode(images::sha256(manifest).hex()).unwrap();
    let signature = key.sign(manifest).unwrap();
    json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": ""}},
        "messageSignature": {
            "messageDigest": {"algorithm": "SHA2_256", "digest": STANDARD.encode(hash)},
            "signature": STANDARD.encode(signature.as_bytes()),
        },
    })
}

/// Stores `bundle` as cosign 3 does: an artifact that refers to `image`.
fn attach(registry: &Serving, name: &str, image: &TestImage, bundle: &str) {
    let layer = registry.push_blob(name, bundle.as_bytes());
    let empty = registry.push_blob(name, b"{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [{"mediaType": BUNDLE, "digest": layer, "size": bundle.len()}],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.manifest.len()},
    });
    let manifest = manifest.to_string();
    let digest = images::sha256(manifest.as_bytes()).to_string();
    let put = registry.put(name, &digest, media::OCI_MANIFEST, manifest.as_bytes());
    assert_eq!(put.status, 201);
}

#[test]
fn bundles_of_a_registry_are_verified() {
    let (barque, registry, image) = (Barque::new(), Serving::writable(), images::small());
    let alice = KeyPair::generate_ecdsa_p256().unwrap();
    let mallory = KeyPair::generate_ecdsa_p256().unwrap();
    let pem = |key: &KeyPair| key.public_key_der().unwrap().to_pem();
    fs::write(barque.path("alice.pub"), pem(&alice)).unwrap();
    let of = |name: &str| registry.docker(name);
    for name in ["dsse", "message", "forged"] {
        registry.push(name, "v1", &image);
    }
    let hex = image.digest.hex();
    let sign = statement(&alice, hex, SIGN).to_string();
    attach(&registry, "dsse", &image, &sign);
    attach(
        &registry,
        "message",
        &image,
        &message(&alice, &image.manifest).to_string(),
    );
    let mut unsigned = statement(&alice, hex, SIGN);
    unsigned["dsseEnvelope"]["signatures"] = json!([]);
    let mut swapped = statement(&alice, &"0".repeat(64), SIGN);
    let payload = statement(&mallory, hex, SIGN)["dsseEnvelope"]["payload"].clone();
    swapped["dsseEnvelope"]["payload"] = payload;
    let forged = [
        statement(&mallory, hex, SIGN).to_string(),
        statement(&alice, &"0".repeat(64), SIGN).to_string(),
        statement(&alice, hex, "https://slsa.dev/provenance/v1").to_string(),
        message(&alice, b"another manifest").to_string(),
        message(&mallory, &image.manifest).to_string(),
        unsigned.to_string(),
        swapped.to_string(),
        sign.replace("v0.3+json", "v0.9+json"),
        sign.replace(IN_TOTO, "text/plain"),
        "{}".to_owned(),
        "not JSON".to_owned(),
    ];
    for bundle in &forged {
        attach(&registry, "forged", &image, bundle);
    }
    let verify = |name: &str| {
        let flags = ["verify", "--tls-verify=false", "--key", "alice.pub"];
        barque.args(flags).args([of(name)]).run()
    };
    for name in ["dsse:v1", "message:v1"] {
        let out = verify(name).ok().json();
        let attempt = &out["Requirements"][0]["Signatures"][0];
        assert_eq!(
            (&out["Verified"], &attempt["Verified"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(attempt["Format"], "sigstore-bundle");
        assert_eq!(attempt["Key"], "alice.pub");
    }
    let out = verify("forged:v1").code(3);
    let attempts = out.json()["Requirements"][0]["Signatures"].clone();
    assert_eq!(attempts.as_array().unwrap().len(), forged.len());
    for attempt in attempts.as_array().unwrap() {
        assert_eq!(attempt["Verified"], false, "{attempt}");
        assert!(attempt["Reason"].is_string(), "{attempt}");
    }

    // By a policy: only where it says that a bundle need not name the image.
    let rule = json!({"type": "sigstoreBundleSigned", "keyPath": barque.path("alice.pub")});
    let mut opted = rule.clone();
    opted["signedIdentity"] = json!({"type": "matchDigest"});
    let copy = |rule: &Value, name: &str| {
        let policy = json!({"default": [rule]});
        fs::write(barque.path("p.json"), policy.to_string()).unwrap();
        let flags = ["--policy", "p.json", "copy", "--src-tls-verify=false"];
        barque.args(flags).args([&of(name), "oci:out"]).run()
    };
    let refused = copy(&rule, "dsse:v1").code(3);
    assert!(
        refused.stderr().contains("`matchDigest`"),
        "{}",
        refused.stderr()
    );
    copy(&opted, "forged:v1").code(3);
    let attached = json!({"type": "sigstoreSigned", "keyPath": barque.path("alice.pub")});
    copy(&attached, "dsse:v1").code(3);
    assert!(!barque.path("out/index.json").exists());
    copy(&opted, "dsse:v1").ok();
    copy(&opted, "message:v1").ok();
}
