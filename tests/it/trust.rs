//! Signature policies: the shared tables of verdicts.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;

use barque::image::ImageName;
use barque::settings::policy::{Policy, Scope};
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
