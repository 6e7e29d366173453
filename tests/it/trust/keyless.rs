//! Attachments of cosign 1 and 2 without a key, by the whole program: those of the fixtures, which real authorities certified.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::sandbox::Output;
use crate::support::{Barque, fixtures};

const FULCIO: &str = "dir-img-cosign-fulcio-rekor-valid";
const FULCIO_NAME: &str = "192.168.64.2:5000/cosign-signed/fulcio-rekor-1";
const EMAIL: &str = "mitr@redhat.com";
const LOGIN: &str = "https://github.com/login/oauth";
const PKI: &str = "dir-img-cosign-pki-valid";

fn image(dir: &Path, name: &str) -> String {
    format!("dir:{}/sigstore/{name}", dir.display())
}

/// What `verify` says of `image` by a policy with this rule: the identity that was verified, or why it is refused.
fn by_policy(image: &str, rule: &Value) -> Result<Value, String> {
    let barque = Barque::new();
    fs::write(
        barque.path("p.json"),
        json!({"default": [rule]}).to_string(),
    )
    .unwrap();
    let verify = ["--policy=p.json", "verify", image];
    answer(barque.args(verify).run())
}

fn answer(run: Output) -> Result<Value, String> {
    let said: Value = serde_json::from_str(run.stdout()).unwrap_or_default();
    match said["Verified"].as_bool() {
        Some(true) => Ok(said["Requirements"][0]["Signatures"][0].clone()),
        _ => Err(run.code(3).stderr().to_owned()),
    }
}

#[test]
fn a_certificate_of_fulcio_with_a_log_entry_is_verified() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let key = |name: &str| dir.join("sigstore/keys").join(name);
    let good = json!({
        "type": "sigstoreSigned",
        "fulcio": {"caPath": key("fulcio_v1.crt.pem"), "oidcIssuer": LOGIN, "subjectEmail": EMAIL},
        "rekorPublicKeyPath": key("rekor.pub"),
        "signedIdentity": {"type": "exactRepository", "dockerRepository": FULCIO_NAME},
    });
    let verified = by_policy(&image(&dir, FULCIO), &good).unwrap();
    assert_eq!(verified["Identity"], EMAIL);
    assert_eq!(verified["Issuer"], LOGIN);
    assert!(
        verified["Witnessed"].as_str().unwrap().starts_with("2023-"),
        "{verified}"
    );
    let other_log = sigstore_crypto::KeyPair::generate_ecdsa_p256().unwrap();
    let other_log = other_log.public_key_der().unwrap().to_pem();
    type Change = fn(&mut Value);
    let changes: [(&str, Change, &str); 3] = [
        (
            "another address",
            |r| r["fulcio"]["subjectEmail"] = json!("a@redhat.com"),
            "is not for `a@redhat.com`",
        ),
        (
            "another login",
            |r| r["fulcio"]["oidcIssuer"] = json!("https://accounts.google.com"),
            "not at `https://accounts.google.com`",
        ),
        (
            "another name",
            |r| r["signedIdentity"]["dockerRepository"] = json!("a.example/b"),
            "it is signed as",
        ),
    ];
    for (what, change, why) in changes {
        let mut rule = good.clone();
        change(&mut rule);
        let reason = by_policy(&image(&dir, FULCIO), &rule).unwrap_err();
        assert!(reason.contains(why), "{what}: {reason}");
    }
    let mut rule = good.clone();
    rule["fulcio"]["caPath"] = json!(key("pki_root_crts.pem"));
    let reason = by_policy(&image(&dir, FULCIO), &rule).unwrap_err();
    assert!(
        reason.contains("not by an authority of the rule"),
        "{reason}"
    );
    let mut rule = good.clone();
    rule.as_object_mut().unwrap().remove("rekorPublicKeyPath");
    rule["rekorPublicKeyData"] = json!(base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        other_log
    ));
    let reason = by_policy(&image(&dir, FULCIO), &rule).unwrap_err();
    assert!(
        reason.contains("not signed by a log that the rule lists"),
        "{reason}"
    );
    // A certificate of some minutes needs a log: a policy without one is an error of the policy.
    let mut rule = good;
    rule.as_object_mut().unwrap().remove("rekorPublicKeyPath");
    let barque = Barque::new();
    fs::write(
        barque.path("p.json"),
        json!({"default": [rule]}).to_string(),
    )
    .unwrap();
    let out = barque
        .args(["--policy=p.json", "verify", &image(&dir, FULCIO)])
        .run()
        .code(1);
    assert!(out.stderr().contains("rekorPublicKey"), "{}", out.stderr());
}

/// The same by flags, with sigstore's own trusted root, whose logs of certificates have seen the certificate.
#[test]
fn a_keyless_attachment_is_verified_by_the_public_trusted_root() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let public = dir.join("bundle/trusted_root-public-good.json");
    let barque = Barque::new();
    let verify = |email: &str, login: &str, name: &str, root: &Path| {
        let flags = [
            format!("--certificate-identity={email}"),
            format!("--certificate-oidc-issuer={login}"),
            format!("--signed-as={name}"),
            format!("--trusted-root={}", root.display()),
        ];
        answer(
            barque
                .args(["verify"])
                .args(flags)
                .args([image(&dir, FULCIO)])
                .run(),
        )
    };
    let verified = verify(EMAIL, LOGIN, FULCIO_NAME, &public).unwrap();
    assert_eq!(
        (&verified["Identity"], &verified["Issuer"]),
        (&json!(EMAIL), &json!(LOGIN))
    );
    let why = |text: &str, answer: Result<Value, String>| {
        let reason = answer.unwrap_err();
        assert!(reason.contains(text), "{reason}");
    };
    why(
        "which the rule does not accept",
        verify("a@redhat.com", LOGIN, FULCIO_NAME, &public),
    );
    why(
        "which the rule does not accept",
        verify(EMAIL, "https://accounts.google.com", FULCIO_NAME, &public),
    );
    why(
        "it is signed as",
        verify(EMAIL, LOGIN, "a.example/b", &public),
    );
    // A root without logs of certificates, and one without the log that made the entry.
    let legacy = dir.join("bundle/legacy-as-bundle/trusted_root.json");
    why("CT log", verify(EMAIL, LOGIN, FULCIO_NAME, &legacy));
    let mut other: Value = serde_json::from_slice(&fs::read(&public).unwrap()).unwrap();
    let logs = other["tlogs"].as_array_mut().unwrap();
    logs.retain(|log| log["baseUrl"] != "https://rekor.sigstore.dev");
    assert!(!logs.is_empty());
    fs::write(barque.path("other.json"), other.to_string()).unwrap();
    verify(EMAIL, LOGIN, FULCIO_NAME, &barque.path("other.json")).unwrap_err();
}

#[test]
fn a_certificate_of_a_private_authority_is_verified() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let cases: Vec<Value> = fixtures::json(&dir, "cases.json");
    let case = cases.iter().find(|case| case["id"] == "pki-valid").unwrap();
    let text = case["requirements"][0].to_string();
    let good: Value =
        serde_json::from_str(&text.replace("@/", &format!("{}/", dir.display()))).unwrap();
    let verified = by_policy(&image(&dir, PKI), &good).unwrap();
    assert_eq!(verified["Format"], "sigstore-attachment");
    assert_eq!(verified["Issuer"], Value::Null);
    let mut other = good.clone();
    other["pki"]["subjectEmail"] = json!("a@example.com");
    let reason = by_policy(&image(&dir, PKI), &other).unwrap_err();
    assert!(reason.contains("is not for `a@example.com`"), "{reason}");
    let mut other = good;
    other["pki"]["caRootsPath"] = json!(dir.join("sigstore/keys/fulcio_v1.crt.pem"));
    let reason = by_policy(&image(&dir, PKI), &other).unwrap_err();
    assert!(
        reason.contains("not by an authority of the rule"),
        "{reason}"
    );
}
