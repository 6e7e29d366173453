//! Policies for images in registries: the shared table of verdicts, with signatures made for the registry of the test.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::Case;
use super::gpg::payload;
use crate::support::{Barque, fixtures, peers, served_by_barque::Serving};

/// Rows of the table that are about policies. The others are about registries.d, which has tests of its own.
const ROWS: [&str; 6] = [
    "tag-",
    "digest-",
    "default-identity",
    "retagged-",
    "mirror-",
    "registriesd-missing",
];

/// gpg with the secret key of the fixtures.
fn gpg(dir: &Path) -> super::gpg::Gpg {
    let gpg = super::gpg::Gpg::new();
    gpg.run(&["--import"], &fixtures::read(dir, "own/keys/rsa.sec.asc"));
    gpg
}

#[test]
fn images_in_registries_are_judged_as_the_fixtures_say() {
    let Some(dir) = fixtures::sibling("fixtures-trust") else {
        return;
    };
    if peers::missing(&["gpg"]) {
        return;
    }
    let (barque, registry, gpg) = (Barque::new(), Serving::writable(), gpg(&dir));
    let host = registry.address();
    let image = format!("dir:{}/own/dir-gpg-rsa", dir.display());
    let manifest = fixtures::read(&dir, "own/dir-gpg-rsa/manifest.json");
    let hash = barque::image::Digest::of(barque::image::Algorithm::Sha256, &manifest);
    let signature = gpg.sign_with(
        &[],
        payload(&hash.to_string(), &format!("{host}/team/simple:v1")),
    );
    for name in ["team/simple:v1", "team/simple:v2", "mirror/simple:v1"] {
        let to = registry.docker(name);
        let copy = [
            "copy",
            "--dest-tls-verify=false",
            "--remove-signatures",
            &image,
            &to,
        ];
        barque.args(copy).run().ok();
        let repository = name.split(':').next().unwrap();
        let folder = barque
            .path("lookaside")
            .join(format!("{repository}@sha256={}", hash.hex()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("signature-1"), &signature).unwrap();
    }
    fs::create_dir(barque.path("registries.d")).unwrap();
    let lookaside = format!("file://{}", barque.path("lookaside").display());
    let yaml = format!("default-docker:\n  lookaside: {lookaside}\n");
    fs::write(barque.path("registries.d/x.yaml"), yaml).unwrap();
    let cases: Vec<Case> = fixtures::json(&dir, "registry-cases.json");
    let mut seen = 0;
    for case in cases {
        if !ROWS.iter().any(|row| case.id.starts_with(row)) {
            continue;
        }
        seen += 1;
        let place = |text: &str| {
            let text = text.replace("@REGISTRY@", host);
            text.replace("@/", &format!("{}/", dir.display()))
        };
        let rules = json!({"default": [{"type": "reject"}], "transports": {"docker": {"": case.requirements}}});
        fs::write(barque.path("policy.json"), place(&rules.to_string())).unwrap();
        let registries_d = match case.id.as_str() {
            "registriesd-missing" => "no-such-folder",
            _ => "registries.d",
        };
        let out = barque.path("out");
        let _ = fs::remove_dir_all(&out);
        let source = place(&case.source);
        let copy = [
            "--policy",
            "policy.json",
            "--registries.d",
            registries_d,
            "copy",
        ];
        let copy = barque
            .args(copy)
            .args(["--src-tls-verify=false", &source, "dir:out"])
            .run();
        match case.verdict.as_str() {
            "accepted" => drop(copy.ok()),
            _ => {
                let refused = copy.code(3);
                assert!(
                    refused.stderr().contains("is refused by"),
                    "{}: {}",
                    case.id,
                    refused.stderr()
                );
                assert!(!out.exists() || fs::read_dir(&out).unwrap().next().is_none());
            }
        }
    }
    assert_eq!(seen, 19);
}
