//! Bundles among the referrers of an image in a registry, by `barque verify` and by policies.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sigstore_crypto::KeyPair;

use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, TestImage, media};
use crate::support::served_by_barque::Serving;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";
pub(super) const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";

/// What DSSE signs in place of `payload`.
fn pae(payload: &str) -> Vec<u8> {
    let (kind, len) = (IN_TOTO.len(), payload.len());
    format!("DSSEv1 {kind} {IN_TOTO} {len} {payload}").into_bytes()
}

/// A bundle with a statement of the type `predicate` about the manifest with this SHA-256.
pub(super) fn statement(key: &KeyPair, hex: &str, predicate: &str) -> Value {
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

/// The artifact by which cosign 3 stores `bundle`: it refers to `image`.
pub(super) fn artifact(image: &TestImage, bundle: &str) -> TestImage {
    let (layer, empty) = (bundle.as_bytes().to_vec(), b"{}".to_vec());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_MANIFEST,
        "artifactType": BUNDLE,
        "config": {"mediaType": media::EMPTY, "digest": images::sha256(&empty), "size": 2},
        "layers": [{"mediaType": BUNDLE, "digest": images::sha256(&layer), "size": bundle.len()}],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.manifest.len()},
    });
    TestImage {
        blobs: [layer, empty].map(|b| (images::sha256(&b), b)).into(),
        ..TestImage::raw(media::OCI_MANIFEST, manifest.to_string())
    }
}

/// Stores `bundle` as cosign 3 does.
fn attach(registry: &Serving, name: &str, image: &TestImage, bundle: &str) {
    let artifact = artifact(image, bundle);
    registry.push(name, &artifact.digest.to_string(), &artifact);
}

pub(super) fn write_key(barque: &Barque, name: &str) -> KeyPair {
    let key = KeyPair::generate_ecdsa_p256().unwrap();
    let pem = key.public_key_der().unwrap().to_pem();
    fs::write(barque.path(format!("{name}.pub")), pem).unwrap();
    key
}

#[test]
fn bundles_of_a_registry_are_verified() {
    let (barque, registry, image) = (Barque::new(), Serving::writable(), images::small());
    let (alice, mallory) = (write_key(&barque, "alice"), write_key(&barque, "mallory"));
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
    // Signed as it should be; but it says that it is about something else.
    let mut misnamed = message(&alice, &image.manifest);
    misnamed["messageSignature"]["messageDigest"]["digest"] = json!(STANDARD.encode([0; 32]));
    let forged = [
        statement(&mallory, hex, SIGN).to_string(),
        statement(&alice, &"0".repeat(64), SIGN).to_string(),
        statement(&alice, hex, "https://slsa.dev/provenance/v1").to_string(),
        message(&alice, b"another manifest").to_string(),
        misnamed.to_string(),
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

/// Whoever may push can attach more: that does not keep the image from being used, and a limit is no error of the registry.
#[test]
fn bundles_of_others_do_not_block_an_image() {
    let (barque, registry, image) = (Barque::new(), Serving::writable(), images::small());
    let (alice, mallory) = (write_key(&barque, "alice"), write_key(&barque, "mallory"));
    registry.push("many", "v1", &image);
    let name = registry.docker("many:v1");
    for n in 0..70 {
        let other = statement(&mallory, image.digest.hex(), &format!("{SIGN}/{n}"));
        attach(&registry, "many", &image, &other.to_string());
    }
    // One that is larger than what is read of a bundle.
    attach(&registry, "many", &image, &" ".repeat(5 << 20));
    let verify = ["verify", "--tls-verify=false", "--key", "alice.pub", &name];
    let refused = barque.args(verify).run().code(3);
    let why = "1 sigstore bundles of the image were not read";
    assert!(refused.stdout().contains(why), "{}", refused.stdout());
    let sign = statement(&alice, image.digest.hex(), SIGN).to_string();
    attach(&registry, "many", &image, &sign);
    barque.args(verify).run().ok();
}

#[test]
fn more_bundles_than_are_read_are_a_refusal() {
    let (barque, image) = (Barque::new(), images::small());
    write_key(&barque, "alice");
    let entries = (0..1100).map(|n| {
        json!({
            "mediaType": media::OCI_MANIFEST,
            "size": 2,
            "digest": images::sha256(n.to_string().as_bytes()),
            "artifactType": BUNDLE,
        })
    });
    let list = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": entries.collect::<Vec<_>>(),
    });
    let list = TestImage::raw(media::OCI_INDEX, list.to_string());
    let at_tag = format!("sha256-{}", image.digest.hex());
    let registry = FakeRegistry::start()
        .image("app", "v1", &image)
        .image("app", &at_tag, &list)
        .without_referrers();
    let rule = json!({
        "type": "sigstoreBundleSigned",
        "keyPath": barque.path("alice.pub"),
        "signedIdentity": {"type": "matchDigest"},
    });
    let policy = json!({"default": [rule]});
    fs::write(barque.path("p.json"), policy.to_string()).unwrap();
    let name = registry.docker("app:v1");
    let copy = ["--policy=p.json", "copy", &name, "oci:out"];
    let refused = barque.args(copy).run().code(3);
    let why = "100 sigstore bundles of the image were not read";
    assert!(refused.stderr().contains(why), "{}", refused.stderr());
}

/// go-containerregistry, and so cosign 3, writes the type of the config into the list at the tag.
#[test]
fn r12_a_bundle_is_found_where_the_list_hides_its_type() {
    let (barque, image) = (Barque::new(), images::small());
    let alice = write_key(&barque, "alice");
    write_key(&barque, "mallory");
    let bundle = artifact(
        &image,
        &statement(&alice, image.digest.hex(), SIGN).to_string(),
    );
    let list = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_INDEX,
        "manifests": [{
            "mediaType": media::OCI_MANIFEST,
            "size": bundle.manifest.len(),
            "digest": bundle.digest,
            "artifactType": media::EMPTY,
        }],
    });
    let list = TestImage::raw(media::OCI_INDEX, list.to_string());
    let at_tag = format!("sha256-{}", image.digest.hex());
    let registry = FakeRegistry::start()
        .image("app", "v1", &image)
        .image("app", "bundle", &bundle)
        .image("app", &at_tag, &list)
        .without_referrers();
    let name = registry.docker("app:v1");
    let verify = |key: &str, name: &str| barque.args(["verify", "--key", key, name]).run();
    verify("alice.pub", &name).ok();
    verify("mallory.pub", &name).code(3);

    let listed = barque
        .args(["referrers", "--json", &name])
        .run()
        .ok()
        .json();
    assert_eq!(listed["Referrers"][0]["ArtifactType"], BUNDLE);
    // By its type, to a layout, where it is verified without the registry.
    let bundles = format!("--referrers={BUNDLE}");
    registry.clear();
    barque
        .args(["copy", &bundles, &name, "oci:out:v1"])
        .run()
        .ok();
    let path = format!("/manifests/{}", bundle.digest);
    assert_eq!(registry.requests("GET", &path).len(), 1, "it is read once");
    let others = "--referrers=application/spdx+json";
    barque
        .args(["copy", others, &name, "oci:other:v1"])
        .run()
        .ok();
    drop(registry);
    verify("alice.pub", "oci:out:v1").ok();
    verify("mallory.pub", "oci:out:v1").code(3);
    verify("alice.pub", "oci:other:v1").code(3);
    let tar = [
        "copy",
        "--referrers=all",
        "oci:out:v1",
        "oci-archive:out.tar:v1",
    ];
    barque.args(tar).run().ok();
    verify("alice.pub", "oci-archive:out.tar:v1").ok();
}

/// What a bundle holds besides the signature counts only with a trusted root.
#[test]
fn a_key_is_enough_without_a_trusted_root() {
    let (barque, registry, image) = (Barque::new(), Serving::writable(), images::small());
    let alice = write_key(&barque, "alice");
    registry.push("stamped", "v1", &image);
    let mut bundle = statement(&alice, image.digest.hex(), SIGN);
    let stamp = json!({"rfc3161Timestamps": [{"signedTimestamp": STANDARD.encode("unknown")}]});
    bundle["verificationMaterial"]["timestampVerificationData"] = stamp;
    attach(&registry, "stamped", &image, &bundle.to_string());
    let root = json!({
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "certificateAuthorities": [],
    });
    fs::write(barque.path("empty.json"), root.to_string()).unwrap();
    let name = registry.docker("stamped:v1");
    let verify = ["verify", "--tls-verify=false", "--key", "alice.pub", &name];
    barque.args(verify).run().ok();
    let refused = barque
        .args(verify)
        .args(["--trusted-root", "empty.json"])
        .run();
    let refused = refused.code(3);
    let why = "neither a transparency log nor a timestamp authority";
    assert!(refused.stdout().contains(why), "{}", refused.stdout());
}

/// Who names a key gets what is signed with it, whatever registries.d says of attachments; a policy goes by registries.d.
#[test]
fn attachments_are_found_without_registries_d_where_a_key_is_named() {
    let (barque, registry) = (Barque::new(), Serving::writable());
    let name = registry.docker("app:v1");
    fs::create_dir(barque.path("d")).unwrap();
    fs::write(
        barque.path("d/a.yaml"),
        "default-docker: {use-sigstore-attachments: true}\n",
    )
    .unwrap();
    images::write_layout(&barque.path("in"), &[("v1", &images::small())]);
    fs::write(barque.path("word"), "secret").unwrap();
    for key in ["alice", "mallory"] {
        let make = [
            "generate-sigstore-key",
            "--passphrase-file=word",
            "--output-prefix",
            key,
        ];
        barque.args(make).run().ok();
    }
    let sign = [
        "--sign-by-sigstore-private-key=alice.private",
        "--sign-passphrase-file=word",
    ];
    let copy = [
        "--registries.d=d",
        "copy",
        "--dest-tls-verify=false",
        "oci:in:v1",
        &name,
    ];
    barque.args(copy).args(sign).run().ok();
    let verify = |flags: &[&str]| {
        let verify = ["verify", "--tls-verify=false", &name];
        barque.args(verify).args(flags).run()
    };
    let out = verify(&["--key=alice.pub"]).ok().json();
    assert_eq!(
        out["Requirements"][0]["Signatures"][0]["Format"],
        "sigstore-attachment"
    );
    verify(&["--key=mallory.pub"]).code(3);

    let rule = json!({
        "type": "sigstoreSigned",
        "keyPath": barque.path("alice.pub"),
        "signedIdentity": {"type": "matchRepository"},
    });
    fs::write(
        barque.path("p.json"),
        json!({"default": [rule]}).to_string(),
    )
    .unwrap();
    let refused = verify(&["--policy=p.json"]).code(3);
    let why = "sigstore attachments were not looked for: `use-sigstore-attachments` is not set for";
    assert!(refused.stderr().contains(why), "{}", refused.stderr());
    verify(&["--policy=p.json", "--registries.d=d"]).ok();
}
