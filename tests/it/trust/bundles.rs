//! Sigstore bundles: the shared set of them with its verdicts.

use std::path::Path;

use barque::settings::policy::{BundleRule, BundleSigner, Identity, KeySource, Pattern};
use barque::trust::verify_bundle;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::fixtures;

const IDENTITY: &str = "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// The statement in a DSSE envelope.
fn statement(bundle: &[u8]) -> Option<Value> {
    let bundle: Value = serde_json::from_slice(bundle).ok()?;
    let payload = bundle["dsseEnvelope"]["payload"].as_str()?;
    serde_json::from_slice(&STANDARD.decode(payload).ok()?).ok()
}

/// What the rule in the folder of a case says of its bundle.
fn verdict(dir: &Path, conformance: &Path) -> Result<(), String> {
    let text = |name: &str| std::fs::read_to_string(dir.join(name)).ok();
    let bundle = std::fs::read(dir.join("bundle.sigstore.json")).unwrap();
    let statement = statement(&bundle);
    let named = statement
        .as_ref()
        .and_then(|s| s["subject"][0]["name"].as_str());
    let artifact = match dir.join("artifact") {
        file if file.is_file() => file,
        _ => match named.map(|name| conformance.join(name)) {
            Some(file) if file.is_file() => file,
            _ => conformance.join("a.txt"),
        },
    };
    let root = match dir.join("trusted_root.json") {
        file if file.is_file() => file,
        _ => conformance.with_file_name("trusted_root-public-good.json"),
    };
    let key = dir.join("key.pub");
    let exact = |name: &str, default: &str| {
        let given = text(name).map(|text| text.trim().to_owned());
        Pattern::Exact(given.unwrap_or_else(|| default.to_owned()))
    };
    let signer = match key.is_file() {
        true => BundleSigner::Keys(KeySource::Files(vec![key])),
        false => BundleSigner::Certificate {
            identity: exact("identity", IDENTITY),
            issuer: exact("issuer", ISSUER),
        },
    };
    let predicate = statement.as_ref().and_then(|s| s["predicateType"].as_str());
    let rule = BundleRule {
        signer,
        trusted_root: Some(KeySource::Files(vec![root])),
        predicate_type: predicate.unwrap_or(BundleRule::SIGNATURE).to_owned(),
        identity: Identity::Digest,
    };
    verify_bundle(&bundle, &std::fs::read(artifact).unwrap(), &rule).map(drop)
}

#[test]
fn bundles_get_the_verdicts_of_the_fixtures() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let conformance = dir.join("bundle/conformance");
    let folders = std::fs::read_dir(&conformance).unwrap().flatten();
    let cases: Vec<_> = folders.map(|f| f.path()).filter(|p| p.is_dir()).collect();
    assert!(cases.len() >= 28);
    let mut wrong = Vec::new();
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let verdict = verdict(&case, &conformance);
        if verdict.is_ok() == name.ends_with("_fail") {
            wrong.push(format!("{name}: {verdict:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Its certificate is in no log of certificates, which the trusted root would list.
    let legacy = verdict(&dir.join("bundle/legacy-as-bundle"), &conformance);
    assert!(legacy.is_err());
}
