//! What commands do by a policy.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::gpg::{Gpg, payload, policy, signed_by};
use crate::support::barque::Barque;
use crate::support::peers;
use crate::support::sandbox::names;

const REFERENCE: &str = "registry.example/team/app:v1";

fn layout() -> String {
    format!(
        "oci:{}/tests/fixtures/layout:multi",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// The image of one platform in `dir:image`, and its digest.
fn image(barque: &Barque) -> (PathBuf, String) {
    let at = barque.path("image");
    barque
        .args(["copy", "--platform", "linux/amd64", &layout(), "dir:image"])
        .run()
        .ok();
    (at.clone(), digest(&at.join("manifest.json")))
}

fn digest(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    barque::image::Digest::of(barque::image::Algorithm::Sha256, &bytes).to_string()
}

#[test]
fn what_a_policy_refuses_is_refused_before_a_byte_is_written() {
    peers::needs!("gpg");
    let (barque, gpg) = (Barque::new(), Gpg::new());
    let key = gpg.key("alice", "ed25519");
    let (at, digest) = image(&barque);
    let file = policy(&barque.path(""), json!([signed_by(&key, REFERENCE)]));
    let file = file.to_str().unwrap();
    let copy = |flags: &[&str]| {
        let args = [
            &["--policy", file],
            flags,
            &["copy", "dir:image", "dir:out"],
        ]
        .concat();
        barque.args(args).run()
    };
    let refused = copy(&[]).code(3);
    let (stderr, out) = (refused.stderr(), barque.path("out"));
    assert!(stderr.contains(&format!("refused by the signature policy `{file}` (`transports.dir.\"\"`): `signedBy`: the image has no signature")), "{stderr}");
    assert!(!out.exists() || names(&out).is_empty());

    // Three signatures, of which none is right.
    let other = gpg.key("mallory", "ed25519");
    assert!(other.is_file());
    let signatures = [
        gpg.sign("mallory", payload(&digest, REFERENCE)),
        gpg.sign("alice", payload(&digest, "registry.example/team/other:v1")),
        gpg.sign(
            "alice",
            payload(&digest.replace("sha256:3", "sha256:4"), REFERENCE),
        ),
    ];
    for (n, signature) in signatures.iter().enumerate() {
        std::fs::write(at.join(format!("signature-{}", n + 1)), signature).unwrap();
    }
    let refused = copy(&[]).code(3);
    for part in [
        "signature 1: it is signed by the key",
        "which the rule does not list; signature 2: it is signed as `registry.example/team/other:v1`",
        "signature 3: it is of another manifest",
    ] {
        assert!(
            refused.stderr().contains(part),
            "{part}: {}",
            refused.stderr()
        );
    }
    assert!(!out.exists() || names(&out).is_empty());

    // inspect shows the same, and says nothing of it unasked.
    let inspect = ["--policy", file, "inspect", "--no-tags"];
    let inspect = |flags: &[&str]| barque.args(inspect).args(flags).args(["dir:image"]).run();
    let shown = inspect(&["--verify"]).code(3);
    let tried = &shown.json()["Trust"]["Requirements"][0]["Signatures"];
    assert_eq!(tried.as_array().unwrap().len(), 3);
    assert!(inspect(&[]).ok().json()["Trust"].is_null());
    let accepted = inspect(&["--verify", "--format", "{{.Trust.Accepted}}"]).code(3);
    assert_eq!(accepted.stdout(), "false\n");

    // One that is right is enough.
    std::fs::write(
        at.join("signature-4"),
        gpg.sign("alice", payload(&digest, REFERENCE)),
    )
    .unwrap();
    copy(&["--require-signed"]).ok();
    assert!(names(&out).contains(&"signature-4".to_owned()));

    // The destination has the image now; that is no reason to accept another one.
    std::fs::remove_file(at.join("signature-4")).unwrap();
    copy(&[]).code(3);
}

#[test]
fn flags_of_the_policy_mean_what_they_say() {
    let barque = Barque::new();
    let (_, _) = image(&barque);
    let copy = |flags: &[&str]| {
        let args = [flags, &["copy", "dir:image", "dir:out"]].concat();
        barque.args(args).run()
    };
    // Without a policy everything passes, but nothing is verified.
    let file = policy(
        &barque.path(""),
        json!([{"type": "insecureAcceptAnything"}]),
    );
    let accepting = ["--policy", file.to_str().unwrap()];
    copy(&accepting).ok();
    let refused = copy(&[&accepting[..], &["--require-signed"]].concat()).code(3);
    assert!(
        refused
            .stderr()
            .contains("no rule of a signature policy has verified"),
        "{}",
        refused.stderr()
    );
    let both = copy(&["--insecure-policy", "--require-signed"]).code(1);
    assert!(
        both.stderr().contains("only one of them"),
        "{}",
        both.stderr()
    );

    let missing = copy(&["--policy", "missing.json"]).code(1);
    assert!(
        missing.stderr().contains("`missing.json`"),
        "{}",
        missing.stderr()
    );

    // The user's own policy applies without a flag.
    let mine = r#"{"default":[{"type":"reject"}]}"#;
    barque.write_home(".config/containers/policy.json", mine);
    let refused = copy(&[]).code(3);
    assert!(
        refused.stderr().contains("(`default`): `reject`"),
        "{}",
        refused.stderr()
    );
    copy(&["--insecure-policy"]).ok();
    copy(&accepting).ok();
    barque
        .args(["layers", "dir:image", "-o", "l"])
        .run()
        .code(3);
    assert!(!barque.path("l").exists());
    barque.args(["layers", "--list", "dir:image"]).run().ok();

    // A policy that is wrong is an error of every command that asks it.
    let wrong = r#"{"default":[{"type":"insecureAcceptAnything"}],"tansports":{}}"#;
    barque.write_home(".config/containers/policy.json", wrong);
    let broken = copy(&[]).code(1);
    assert!(
        broken.stderr().contains("`tansports` is an unknown key"),
        "{}",
        broken.stderr()
    );
}

#[test]
fn an_index_is_judged_as_well_as_its_images() {
    peers::needs!("gpg");
    let (barque, gpg) = (Barque::new(), Gpg::new());
    let key = gpg.key("alice", "nistp256");
    barque
        .args(["copy", "--all", &layout(), "dir:image"])
        .run()
        .ok();
    let at = barque.path("image");
    let file = policy(&barque.path(""), json!([signed_by(&key, REFERENCE)]));
    let file = file.to_str().unwrap();
    let copy = |flags: &[&str]| {
        let args = [&["--policy", file, "copy", "dir:image", "dir:out"], flags].concat();
        barque.args(args).run()
    };
    let sign = |digest: &str| gpg.sign("alice", payload(digest, REFERENCE));
    for name in names(&at) {
        if let Some(hex) = name.strip_suffix(".manifest.json") {
            let signature = sign(&format!("sha256:{hex}"));
            std::fs::write(at.join(format!("{hex}.signature-1")), signature).unwrap();
        }
    }
    // The images are signed, and the index is not.
    copy(&["--platform", "linux/amd64"]).ok();
    let refused = copy(&["--all"]).code(3);
    let index = digest(&at.join("manifest.json"));
    assert!(refused.stderr().contains(&index), "{}", refused.stderr());
    copy(&["--multi-arch", "index-only"]).code(3);
    copy(&[
        "--multi-arch",
        "index-only",
        "--policy-allow",
        "unsigned-index",
    ])
    .ok();
    copy(&["--all", "--policy-allow", "unsigned-index"]).ok();
    // Where signatures are required, one has to be verified.
    let lenient = ["--policy-allow", "unsigned-index", "--require-signed"];
    let index_only = ["--multi-arch", "index-only"];
    copy(&[&lenient[..], &["--all"]].concat()).ok();
    let refused = copy(&[lenient.as_slice(), &index_only].concat()).code(3);
    assert!(refused.stderr().contains(&index), "{}", refused.stderr());
    std::fs::write(at.join("signature-1"), sign(&index)).unwrap();
    copy(&["--all"]).ok();
    copy(&[lenient.as_slice(), &index_only].concat()).ok();

    // One image of the index is not signed: nothing is copied.
    let lacking = names(&at)
        .into_iter()
        .find(|n| n.ends_with(".signature-1"))
        .unwrap();
    std::fs::remove_file(at.join(lacking)).unwrap();
    std::fs::remove_dir_all(barque.path("out")).unwrap();
    copy(&["--all"]).code(3);
    let out = barque.path("out");
    assert!(!out.exists() || names(&out).is_empty());
}

#[test]
fn what_skopeo_signs_is_verified() {
    peers::needs!("gpg", "skopeo");
    let (barque, gpg) = (Barque::new(), Gpg::new());
    for (name, algorithm) in [("ed", "ed25519"), ("ec", "nistp256"), ("rsa", "rsa2048")] {
        let key = gpg.key(name, algorithm);
        let to = barque.path(name);
        let skopeo = peers::skopeo().env("GNUPGHOME", gpg.home());
        // The identity comes from the destination, which a directory has not.
        let (layout, registry) = (layout(), format!("dir:{}", to.display()));
        skopeo.args(["copy", &layout, &registry]).run().ok();
        let fingerprint = gpg.fingerprint(name);
        let manifest = to.join("manifest.json");
        let signature = to.join("signature-1");
        let args = [
            manifest.as_os_str(),
            REFERENCE.as_ref(),
            fingerprint.as_ref(),
            "-o".as_ref(),
            signature.as_os_str(),
        ];
        skopeo.args(["standalone-sign"]).args(args).run().ok();
        let file = policy(&barque.path(""), json!([signed_by(&key, REFERENCE)]));
        let copy = [
            "--policy",
            file.to_str().unwrap(),
            "--require-signed",
            "copy",
            &registry,
        ];
        barque
            .args(copy)
            .args([format!("dir:{name}-out")])
            .run()
            .ok();
    }
}

#[test]
fn what_hands_out_files_or_changes_images_asks_the_policy_too() {
    let barque = Barque::new();
    std::fs::write(
        barque.path("policy.json"),
        r#"{"default":[{"type":"reject"}]}"#,
    )
    .unwrap();
    let layout = layout();
    for args in [
        &["extract", &layout, "-C", "out"][..],
        &["edit", &layout, "oci:out:1", "--label", "a=b"],
        &["layers", &layout, "-o", "out"],
    ] {
        let policy = ["--policy", "policy.json"];
        let platform = ["--platform", "linux/amd64"];
        let out = barque.args(policy).args(args).args(platform).run().code(3);
        assert!(out.stderr().contains("refused by the signature policy"));
        let at = barque.path("out");
        assert!(!at.exists() || names(&at).is_empty(), "{args:?}");
    }
    barque.args(["extract", &layout, "-C", "out"]).run().ok();
}

#[test]
#[cfg(feature = "sync")]
fn a_sync_leaves_what_the_policy_refuses_and_mirrors_the_rest() {
    let (barque, image) = (Barque::new(), crate::support::images::small());
    let registry = crate::support::fake::FakeRegistry::start()
        .image("good", "1", &image)
        .image("bad", "1", &image);
    let host = registry.address();
    let policy = json!({
        "default": [{"type": "reject"}],
        "transports": {"docker": {(format!("{host}/good")): [{"type": "insecureAcceptAnything"}]}},
    });
    std::fs::write(barque.path("p.json"), policy.to_string()).unwrap();
    let yaml = format!("{host}: {{tls-verify: false, images: {{bad: [\"1\"], good: [\"1\"]}}}}\n");
    std::fs::write(barque.path("s.yaml"), yaml).unwrap();
    let sync = [
        "--policy=p.json",
        "sync",
        "--src=yaml",
        "--dest=dir",
        "s.yaml",
        "out",
    ];
    std::fs::create_dir(barque.path("out")).unwrap();
    let out = barque.args(sync).run().code(1);
    let why = "is refused by the signature policy `p.json`";
    assert!(out.stderr().contains(why), "{}", out.stderr());
    assert_eq!(names(&barque.path("out")), ["good:1"]);
    assert!(registry.requests("GET", "/v2/bad/blobs/").is_empty());
}
