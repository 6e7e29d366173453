//! Policies for images in registries: the shared table of verdicts, with signatures made for the registry of the test.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::Case;
use super::gpg::payload;
use crate::support::{Barque, fixtures, peers, served_by_barque::Serving};

/// The files of registries.d for a row of the table, which has a name and a note for them: the registry is `host`, and its
/// signatures are at the URL `lookaside`.
fn registries_d(row: &str, host: &str, lookaside: &str) -> Vec<(&'static str, String)> {
    let of_docker = |scope: &str, what: &str| format!("docker:\n  \"{scope}\":\n    {what}\n");
    let at = format!("lookaside: {lookaside}");
    let attached = "use-sigstore-attachments: true";
    let one = |text: String| vec![("x.yaml", text)];
    match row {
        "cosign-tag" | "cosign-digest" | "cosign-other-key" => one(of_docker(host, attached)),
        "cosign-attachments-false" => one(of_docker(host, "use-sigstore-attachments: false")),
        "cosign-default-docker" => one(format!("default-docker:\n  {attached}\n")),
        "cosign-most-specific-unset" => one(format!(
            "{}  {host}/team/cosign:\n    lookaside: file:///nonexistent\n",
            of_docker(host, attached)
        )),
        "lookaside-most-specific-unset" => one(format!(
            "{}  {host}/team/simple:\n    {attached}\n",
            of_docker(host, &at)
        )),
        "lookaside-old-name" => one(of_docker(host, &format!("sigstore: {lookaside}"))),
        "lookaside-both-names" => one(format!(
            "{}    sigstore: file:///nonexistent\n",
            of_docker(host, &at)
        )),
        "lookaside-tag-scope" => one(of_docker(&format!("{host}/team/simple:v1"), &at)),
        "lookaside-wildcard" => {
            let parent = host.split_once('.').unwrap().1;
            let parent = parent.split(':').next().unwrap();
            one(of_docker(&format!("*.{parent}"), &at))
        }
        "lookaside-missing-dir" => one(of_docker(host, "lookaside: file:///nonexistent/x")),
        "lookaside-bad-scheme" => one(of_docker(host, "lookaside: ftp://x/y")),
        "lookaside-plain-path" => {
            let path = lookaside.trim_start_matches("file://");
            one(of_docker(host, &format!("lookaside: {path}")))
        }
        "lookaside-trailing-slash" => one(of_docker(host, &format!("{at}/"))),
        "yaml-unknown-key" => one(format!(
            "unknown: 1\n{}    other: [x]\n",
            of_docker(host, &at)
        )),
        "yaml-broken" => one("docker: [\n".to_owned()),
        "yaml-not-a-map" => one("- a\n- b\n".to_owned()),
        "yaml-empty" => one(String::new()),
        "yaml-same-scope-twice" => {
            let text = of_docker(host, &at);
            vec![("x.yaml", text.clone()), ("y.yaml", text)]
        }
        "yaml-default-twice" => {
            let text = format!("default-docker:\n  {at}\n");
            vec![("x.yaml", text.clone()), ("y.yaml", text)]
        }
        "yaml-duplicate-key" => one(format!("{}  \"{host}\":\n    {at}\n", of_docker(host, &at))),
        "yaml-other-suffix" => vec![("x.yml", of_docker(host, &at))],
        // The others have what is the same for all.
        _ => one(format!("default-docker:\n  {at}\n")),
    }
}

/// Rows whose registries.d is wrong, which barque says in place of a verdict.
const NO_VERDICT: [&str; 2] = ["lookaside-bad-scheme", "lookaside-plain-path"];

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
    peers::needs!("gpg");
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
    let own = |file: &str| format!("{}/own/keys/{file}", dir.display());
    let attachments = format!("docker:\n  {host}:\n    use-sigstore-attachments: true\n");
    fs::create_dir(barque.path("sign.d")).unwrap();
    fs::write(barque.path("sign.d/x.yaml"), attachments).unwrap();
    let sign = format!("--sign-by-sigstore-private-key={}", own("sigstore.private"));
    let passphrase = format!("--sign-passphrase-file={}", own("sigstore.passphrase"));
    let to = registry.docker("team/cosign:v1");
    let copy = ["--registries.d=sign.d", "copy", "--dest-tls-verify=false"];
    let flags = ["--remove-signatures", &sign, &passphrase, &image, &to];
    barque.args(copy).args(flags).run().ok();
    let lookaside = format!("file://{}", barque.path("lookaside").display());
    let cases: Vec<Case> = fixtures::json(&dir, "registry-cases.json");
    let mut seen = 0;
    for case in cases {
        seen += 1;
        let folder = barque.path("registries.d");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        for (name, text) in registries_d(&case.id, host, &lookaside) {
            fs::write(folder.join(name), text).unwrap();
        }
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
            "accepted" => {
                assert_eq!(copy.exit_code(), Some(0), "{}: {}", case.id, copy.stderr());
            }
            "error" => {
                assert_eq!(copy.exit_code(), Some(1), "{}: {}", case.id, copy.stderr());
                assert!(copy.stderr().contains("x.yaml"), "{}", copy.stderr());
            }
            _ if NO_VERDICT.contains(&&*case.id) => {
                let said = copy.code(1);
                assert!(said.stderr().contains("lookaside"), "{}", said.stderr());
            }
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
    assert_eq!(seen, 43);
}
