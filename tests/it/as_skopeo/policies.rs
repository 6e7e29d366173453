//! Trust in skopeo's name: refusals, blocked registries, TLS, keys.

use std::fs;

use serde_json::{Value, json};

use super::{linked, message};
use crate::support::fake::FakeRegistry;
use crate::support::images::{self, write_dir};
use crate::support::peers;
use crate::support::sandbox::Sandbox;

/// Writes a policy that has `rules` for registries and directories.
fn policy(skopeo: &Sandbox, rules: Value) {
    let scope = json!({"": rules});
    let text =
        json!({"default": [{"type": "reject"}], "transports": {"docker": scope, "dir": scope}});
    fs::write(skopeo.path("policy.json"), text.to_string()).unwrap();
}

#[test]
fn a_refused_image_has_skopeo_s_reasons() {
    peers::needs!("gpg");
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let skopeo = linked();
    let name = registry.docker("a:1");
    let copy = ["--policy=policy.json", "copy", &name, "dir:d"];
    let refused = |args: &[&str], wanted: &str| {
        let out = skopeo.args(args).run().code(1);
        let wanted = format!("level=fatal msg=\"Source image rejected: {wanted}\"");
        assert_eq!(message(out.stderr()), wanted);
        assert!(!skopeo.path("d").exists());
    };
    policy(&skopeo, json!([{"type": "reject"}]));
    refused(
        &copy,
        &format!("Running image {name} is rejected by policy."),
    );

    let home = skopeo.home().join(".gnupg");
    fs::create_dir(&home).unwrap();
    let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(&home, owner_only).unwrap();
    let gpg = Sandbox::of("gpg").env("GNUPGHOME", &home);
    let make = ["--batch", "--passphrase", "", "--pinentry-mode=loopback"];
    let key = ["--quick-gen-key", "me", "ed25519", "sign", "never"];
    gpg.args(make).args(key).run().ok();
    let exported = gpg.args(["--export", "me"]).run().ok();
    fs::write(skopeo.path("me.gpg"), exported.stdout_bytes()).unwrap();
    let key = skopeo.path("me.gpg");
    policy(
        &skopeo,
        json!([{"type": "signedBy", "keyType": "GPGKeys", "keyPath": key}]),
    );
    refused(&copy, "A signature was required, but no signature exists");

    // A signature for another name, once and twice.
    let dir = skopeo.path("image");
    write_dir(&dir, &images::small());
    let sign = [
        "standalone-sign",
        "image/manifest.json",
        "a.example/x:1",
        "me",
    ];
    let from_dir = ["--policy=policy.json", "copy", "dir:image", "dir:d"];
    let other = r#"Signature for identity \"a.example/x:1\" is not accepted"#;
    skopeo
        .args(sign)
        .args(["-o", "image/signature-1"])
        .run()
        .ok();
    refused(&from_dir, other);
    skopeo
        .args(sign)
        .args(["-o", "image/signature-2"])
        .run()
        .ok();
    let twice = format!("None of the signatures were accepted, reasons: {other}; {other}");
    refused(&from_dir, &twice);

    skopeo
        .args(["--require-signed", "copy", "dir:image", "dir:d"])
        .run();
    let required = ["--require-signed", "copy", &name, "dir:d"];
    refused(
        &required,
        &format!("No signature verification policy found for image {name}"),
    );
    let both = [
        "--require-signed",
        "--insecure-policy",
        "inspect",
        "dir:/nonexistent",
    ];
    let out = skopeo.args(both).run().code(1);
    assert_eq!(
        message(out.stderr()),
        "level=fatal msg=\"--insecure-policy and --require-signed are mutually exclusive\""
    );
    // The name to sign as is given in full, and what is signed need not be a manifest.
    let short = [
        "--sign-by=me",
        "--sign-identity=short",
        "dir:image",
        "dir:d",
    ];
    let out = skopeo.args(["copy"]).args(short).run().code(1);
    let wanted = "Could not parse --sign-identity: repository name must be canonical";
    assert_eq!(
        message(out.stderr()),
        format!("level=fatal msg=\"{wanted}\"")
    );
    skopeo
        .args([
            "standalone-sign",
            "/dev/null",
            "busybox",
            "me",
            "-o",
            "/dev/null",
        ])
        .run()
        .ok();
}

#[test]
fn blocked_registries_and_those_without_tls() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let skopeo = linked();
    let conf = "[[registry]]\nlocation = \"no.example\"\nblocked = true\n";
    fs::write(skopeo.path("b.conf"), conf).unwrap();
    let blocked = "registry no.example is blocked in b.conf";
    write_dir(&skopeo.path("image"), &images::small());
    let image = "docker://no.example/a:1";
    for (args, wanted) in [
        (
            vec!["copy", image, "dir:d"],
            format!("initializing source {image}: {blocked}"),
        ),
        (
            vec!["copy", "dir:image", image],
            format!("initializing destination {image}: {blocked}"),
        ),
        (
            vec!["inspect", image],
            format!("Error parsing image name \\\"{image}\\\": {blocked}"),
        ),
        (vec!["delete", image], blocked.to_owned()),
    ] {
        let out = skopeo
            .args(["--registries-conf=b.conf"])
            .args(&args)
            .run()
            .code(1);
        assert_eq!(
            message(out.stderr()),
            format!("level=fatal msg=\"{wanted}\""),
            "{args:?}"
        );
    }
    // The conf that marks this machine as insecure is not read here.
    let (host, name) = (registry.address(), registry.docker("a:1"));
    let out = skopeo
        .args(["--registries-conf=b.conf", "copy", &name, "dir:d"])
        .run()
        .code(1);
    let wanted = format!(
        "level=fatal msg=\"initializing source {name}: pinging container registry {host}: Get \\\"https://{host}/v2/\\\": http: server gave HTTP response to HTTPS client\""
    );
    assert_eq!(message(out.stderr()), wanted);
    let asked = [
        "--registries-conf=b.conf",
        "copy",
        "--src-tls-verify=false",
        &name,
        "dir:d",
    ];
    skopeo.args(asked).run().ok();
}

#[test]
fn refusals_that_are_not_about_trust() {
    let skopeo = linked();
    images::write_layout(&skopeo.path("l"), &[("multi", &images::five_platforms())]);
    fs::write(skopeo.path("k.private"), "").unwrap();
    for (line, wanted) in [
        (
            "copy --all --preserve-digests --format=v2s2 oci:l:multi dir:d",
            r#"but we cannot modify it: \"Instructed to preserve digests\""#,
        ),
        (
            "copy --all oci:l:multi containers-storage:x",
            r#"copying multiple images: destination transport \"containers-storage\" does not support copying multiple images as a group"#,
        ),
        (
            "--override-arch=sparc copy oci:l:multi containers-storage:x",
            r#"choosing an image from manifest list oci:l:multi: no image found in image index for architecture \"sparc\""#,
        ),
        (
            "copy --all oci:l:multi docker-archive:o.tar:a:b",
            r#"destination transport \"docker-archive\" does not support copying multiple images as a group"#,
        ),
        (
            "copy --multi-arch=foo oci:l:multi dir:d",
            r#"unknown multi-arch option \"foo\". Choose one of the supported options: 'system', 'all', "#,
        ),
        (
            "copy --sign-by-sigstore-private-key=/nonexistent --sign-passphrase-file=/dev/null oci:l:multi dir:d",
            "\"reading private key from /nonexistent: open /nonexistent: no such file or directory\"",
        ),
        (
            "copy --sign-by=x --sign-passphrase-file=/nonexistent oci:l:multi dir:d",
            "\"open /nonexistent: no such file or directory\"",
        ),
        (
            "--policy=/nonexistent copy oci:l:multi dir:d",
            "\"Error loading trust policy: open /nonexistent: no such file or directory\"",
        ),
        (
            "standalone-verify /nonexistent a b c",
            "\"Error reading manifest from /nonexistent: open /nonexistent: no such file or directory\"",
        ),
        (
            "standalone-verify l/index.json a b /nonexistent",
            "\"Error reading signature from /nonexistent: open /nonexistent: no such file or directory\"",
        ),
        (
            "generate-sigstore-key",
            "\"Usage: generate-sigstore-key --output-prefix PREFIX\"",
        ),
        (
            "generate-sigstore-key --output-prefix=k --passphrase-file=/dev/null",
            r#""Refusing to overwrite existing \"k.private\"""#,
        ),
        (
            "copy --encryption-key=jwe:a --decryption-key=b oci:l:multi oci:o",
            "\"--encryption-key and --decryption-key cannot be specified together\"",
        ),
        (
            "inspect --password=x oci:l:multi",
            "\"username must be specified when password is specified\"",
        ),
    ] {
        let out = skopeo.args(line.split(' ')).run().code(1);
        assert!(message(out.stderr()).contains(wanted), "{}", out.stderr());
    }
    let out = skopeo
        .args(["copy", "--dry-run", "oci:l:multi", "dir:d"])
        .run()
        .ok();
    let wanted = "level=info msg=\"Would have copied from=oci:l:multi to=dir:d\"";
    assert_eq!(message(out.stderr()), wanted);
    assert!(!skopeo.path("d").exists());
    // An index of some platforms keeps its digest unless it is to be rewritten.
    let some = [
        "copy",
        "--multi-arch=linux/amd64,linux/arm64",
        "oci:l:multi",
    ];
    skopeo.args(some).args(["dir:sparse"]).run().ok();
    let cut = [
        "--strip-removed-platforms",
        "--remove-list-signatures",
        "dir:cut",
    ];
    skopeo.args(some).args(cut).run().ok();
    let listed = |dir: &str| {
        let text = fs::read(skopeo.path(dir).join("manifest.json")).unwrap();
        let index: Value = serde_json::from_slice(&text).unwrap();
        index["manifests"].as_array().unwrap().len()
    };
    assert_eq!((listed("sparse"), listed("cut")), (5, 2));
}
