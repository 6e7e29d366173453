//! Signature policies: the shared tables of verdicts, and what commands do by them.

#[cfg(feature = "trust")]
mod attachments;
#[cfg(feature = "trust")]
mod authorities;
#[cfg(feature = "trust")]
mod bundles;
#[cfg(all(feature = "serve", feature = "trust"))]
mod carried;
mod copies;
pub(crate) mod gpg;
mod hostile;
#[cfg(feature = "trust")]
mod keyless;
#[cfg(feature = "trust")]
mod logged;
#[cfg(all(feature = "serve", feature = "trust"))]
mod mutated;
#[cfg(feature = "trust")]
mod openpgp_forms;
#[cfg(feature = "trust")]
mod private_root;
#[cfg(all(feature = "serve", feature = "trust"))]
mod referred;
#[cfg(feature = "serve")]
mod registries;

use std::path::{Path, PathBuf};

use barque::image::ImageName;
use barque::image::Manifest;
use barque::settings::policy::{Policy, Scope};
use barque::trust::{Found, Gate, Leniency, Subject, Verdict};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::fixtures;

#[derive(Deserialize)]
struct ParseCase {
    id: String,
    policy: String,
    verdict: String,
}

#[derive(Deserialize)]
struct ScopeCase {
    id: String,
    source: String,
    scopes: Vec<String>,
    applies: Vec<String>,
}

/// A valid file whose requirement no program can evaluate: the table has the error of the evaluation.
const FAILS_WHEN_USED: &str = "signedBaseLayer";
/// skopeo reads no name with a tag and a digest. barque does, and the digest decides.
const TAG_AND_DIGEST: &str = "docker-tag-and-digest";

#[test]
fn policies_are_read_as_strictly_as_the_fixtures_say() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let cases: Vec<ParseCase> = fixtures::json(&dir, "policy/parse-cases.json");
    assert!(cases.len() >= 130);
    for case in cases {
        let read = Policy::parse(case.policy.as_bytes(), Path::new("/p.json"));
        let parses = case.verdict == "parses" || case.id == FAILS_WHEN_USED;
        assert_eq!(read.is_ok(), parses, "{}: {:?}", case.id, read.err());
        if let Err(e) = read {
            assert!(e.to_string().contains("`/p.json`"), "{}: {e}", case.id);
        }
    }
    for file in ["upstream-all-kinds.json", "upstream-default.json"] {
        Policy::load(Some(&dir.join("policy").join(file)))
            .unwrap()
            .unwrap();
    }
}

#[test]
fn the_scopes_of_the_fixtures_apply() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let cases: Vec<ScopeCase> = fixtures::json(&dir, "policy/scope-cases.json");
    assert!(cases.len() >= 24);
    let tmp = tempfile::tempdir().unwrap();
    let top = tmp.path().canonicalize().unwrap();
    std::fs::create_dir_all(top.join("a/b/img")).unwrap();
    std::os::unix::fs::symlink(top.join("a/b"), top.join("link")).unwrap();
    for case in cases {
        let at = |text: &str| text.replace("@TMP@", top.to_str().unwrap());
        // A relative name is one below the working directory, which this test does not change.
        let source = match case.source.strip_prefix("dir:a/") {
            Some(rest) => format!("dir:{}/link/../{rest}", top.display()),
            None => at(&case.source),
        };
        let image = ImageName::parse(&source).unwrap();
        let transport = source.split(':').next().unwrap();
        let rules: serde_json::Map<String, Value> = case
            .scopes
            .iter()
            .map(|scope| (at(scope), json!([{"type": "insecureAcceptAnything"}])))
            .collect();
        let text = json!({"default": [{"type": "reject"}], "transports": {transport: rules}});
        let policy = Policy::parse(text.to_string().as_bytes(), Path::new("/p.json")).unwrap();
        let wanted = match case.id == TAG_AND_DIGEST {
            true => case.scopes[0].clone(),
            false => at(&case.applies[0]),
        };
        let (scope, _) = policy.requirements(&image);
        let wanted = Scope::Transport {
            transport: transport.to_owned(),
            scope: wanted,
        };
        assert_eq!(scope, wanted, "{}: {source}", case.id);
    }
}

#[test]
fn the_policy_file_is_found() {
    use barque::settings::paths::Environment;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/containers");
    std::fs::create_dir_all(&folder).unwrap();
    let text = r#"{"default":[{"type":"reject"}]}"#;
    let (user, named) = (folder.join("policy.json"), home.path().join("n.json"));
    std::fs::write(&user, text).unwrap();
    std::fs::write(&named, text).unwrap();
    let plain = Environment::with_home(home.path());
    let set = plain.clone().set("CONTAINERS_POLICY_JSON", &named);
    let file = |explicit, environment: &Environment| {
        let policy = Policy::load_in(explicit, environment).unwrap().unwrap();
        policy.file().to_owned()
    };
    assert_eq!(file(None, &plain), user);
    assert_eq!(file(None, &set), named);
    assert_eq!(file(Some(&user), &set), user);
    let missing = Policy::load_in(Some(Path::new("/no/p.json")), &plain).unwrap_err();
    assert!(missing.to_string().contains("`/no/p.json`"), "{missing}");
}

#[derive(Deserialize)]
struct Case {
    id: String,
    source: String,
    requirements: Value,
    verdict: String,
}

/// Cases in which barque is stricter than other programs: a signature of OpenPGP version 3.
const STRICTER: [&str; 1] = ["loose-subkey.signature-v3"];

/// What lies in a `dir:` image: its manifest and its signatures.
fn image_in(dir: &Path) -> Option<(Manifest, Found)> {
    let raw = std::fs::read(dir.join("manifest.json")).ok()?;
    let manifest = Manifest::parse(raw.into(), None).ok()?;
    let read = |n: usize| std::fs::read(dir.join(format!("signature-{n}"))).ok();
    let signatures = (1..).map_while(|n| read(n).map(Bytes::from));
    Some((manifest, found(signatures)))
}

fn found(signatures: impl IntoIterator<Item = Bytes>) -> Found {
    Found {
        signatures: signatures.into_iter().collect(),
        ..Found::default()
    }
}

/// A case of standalone verification: a manifest, a signature and a key.
const ODD: [(&str, bool); 12] = [
    ("SHA1", false),
    ("SHA224", true),
    ("SHA512", true),
    ("textmode", true),
    ("uncompressed", true),
    ("zlib", true),
    ("bzip2", true),
    ("armored", false),
    ("two-signers", false),
    ("concatenated", false),
    ("detached", false),
    ("by-expired-key", false),
];

#[test]
fn openpgp_messages_are_accepted_in_one_form() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let raw = fixtures::read(&dir, "simple/image.manifest.json");
    let manifest = Manifest::parse(raw.into(), None).unwrap();
    let files = ["rsa.pub.asc", "expired.pub.asc"].map(|f| dir.join("own/keys").join(f));
    let identity = json!({"type": "exactReference", "dockerReference": "testing/manifest:v1"});
    let rule = json!({"type": "signedBy", "keyType": "GPGKeys", "keyPaths": files, "signedIdentity": identity});
    let policy = json!({"default": [rule]}).to_string();
    let gate = Gate::new(Some(
        Policy::parse(policy.as_bytes(), Path::new("/p.json")).unwrap(),
    ));
    let name = ImageName::parse("dir:/x").unwrap();
    let subject = Subject {
        image: &name,
        digest: manifest.digest(),
        manifest: Some(&manifest),
    };
    let lenient = gate.clone().with_leniency(Leniency {
        sha1: true,
        ..Leniency::default()
    });
    for (file, accepted) in ODD {
        let signature = fixtures::read(&dir, &format!("own/odd/{file}.signature"));
        let found = found([Bytes::from(signature)]);
        let verdict = gate.judge(&subject, &found);
        assert_eq!(verdict.accepted, accepted, "{file}: {verdict:?}");
        let verdict = lenient.judge(&subject, &found);
        assert_eq!(
            verdict.accepted,
            accepted || file == "SHA1",
            "{file}: {verdict:?}"
        );
    }
}

#[test]
fn images_are_judged_as_the_fixtures_say() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    let cases: Vec<Case> = fixtures::json(&dir, "cases.json");
    assert!(cases.len() >= 109);
    let tmp = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for case in cases {
        let place = |text: &str| text.replace("@/", &format!("{}/", dir.display()));
        let path = match case.source.strip_prefix("dir:") {
            Some(path) => PathBuf::from(place(path)),
            None => {
                let loose = case.source.strip_prefix("manifest ").unwrap();
                let (manifest, signature) = loose.split_once(" + signature ").unwrap();
                let path = tmp.path().join(&case.id);
                std::fs::create_dir(&path).unwrap();
                std::fs::copy(place(manifest), path.join("manifest.json")).unwrap();
                std::fs::copy(place(signature), path.join("signature-1")).unwrap();
                path
            }
        };
        let path = path.as_path();
        let rules = json!({"default": [{"type": "reject"}], "transports": {"dir": {"": case.requirements}}});
        let rules = place(&rules.to_string());
        let policy = Policy::parse(rules.as_bytes(), Path::new("/p.json")).unwrap();
        let name = ImageName::Dir { path: path.into() };
        let judge = |gate: &Gate| {
            // An image whose manifest cannot be read is not judged at all.
            let (manifest, found) = image_in(path)?;
            let subject = Subject {
                image: &name,
                digest: manifest.digest(),
                manifest: Some(&manifest),
            };
            Some(gate.judge(&subject, &found))
        };
        let gate = Gate::new(Some(policy));
        let accepted = |verdict: &Option<Verdict>| verdict.as_ref().is_some_and(|v| v.accepted);
        let mut verdict = judge(&gate);
        if STRICTER.contains(&case.id.as_str()) {
            assert!(!accepted(&verdict), "{}", case.id);
            let lenient = gate.with_leniency(Leniency {
                sha1: true,
                openpgp_v3: true,
                ..Leniency::default()
            });
            verdict = judge(&lenient);
        }
        if accepted(&verdict) != (case.verdict == "accepted") {
            wrong.push(format!("{}: {:?} not {}", case.id, verdict, case.verdict));
        }
        if let Some(verdict) = verdict.filter(|v| !v.accepted) {
            let refused = verdict.enforced().unwrap_err();
            assert!(refused.to_string().contains("`/p.json`"), "{refused}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
