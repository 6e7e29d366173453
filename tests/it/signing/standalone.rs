use super::*;
use crate::support::images::{small, two_layers_docker};

const NAME: &str = "registry.example/team/app:v1";

#[test]
fn skopeo_verifies_what_barque_signs() {
    peers::needs!("skopeo", "gpg");
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    let manifest = saved(&barque, &small());
    let plain = keyring.make("plain", "ed25519", "");
    let locked = keyring.make("locked", "rsa2048", PASSPHRASE);
    fs::write(barque.path("passphrase"), format!("{PASSPHRASE}\nmore\n")).unwrap();
    let in_file = keyring.secret("plain", "").display().to_string();
    let locked_file = keyring.secret("locked", PASSPHRASE).display().to_string();
    let passphrase = "--passphrase-file=passphrase";
    let skopeo = Sandbox::of("skopeo").env("GNUPGHOME", keyring.path());
    let cases: [(&str, &str, &[&str]); 4] = [
        (&plain, &plain, &[]),
        (&locked, &locked, &[passphrase]),
        (&plain, &in_file, &[]),
        (&locked, &locked_file, &[passphrase]),
    ];
    for (fingerprint, key, flags) in cases {
        let to = barque.path("signature").display().to_string();
        let manifest = manifest.display().to_string();
        let args = ["standalone-sign", &manifest, NAME, key, "-o", &to];
        let out = barque.args(args).args(flags).run().ok();
        assert_eq!(out.stdout(), "");
        let verify = ["standalone-verify", &manifest, NAME, fingerprint, &to];
        let theirs = skopeo.args(verify).run().ok();
        let ours = barque.args(verify).run().ok();
        let said = format!(
            "Signature verified using fingerprint {fingerprint}, digest {}\n",
            small().digest
        );
        assert_eq!(ours.stdout(), said);
        assert!(theirs.stdout().contains(&small().digest.to_string()));
        // gpg itself finds the payload behind a good signature.
        let payload: Value = serde_json::from_slice(&keyring.gpg(&["--decrypt", &to])).unwrap();
        assert_eq!(payload["critical"]["identity"]["docker-reference"], NAME);
    }
}

#[test]
fn barque_verifies_what_skopeo_signs() {
    peers::needs!("skopeo", "gpg");
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    let manifest = saved(&barque, &small()).display().to_string();
    let key = keyring.make("signer", "rsa2048", "");
    let other = keyring.make("other", "ed25519", "");
    let (public, of_other) = (keyring.public("signer"), keyring.public("other"));
    let skopeo = Sandbox::of("skopeo").env("GNUPGHOME", keyring.path());
    let signature = barque.path("signature").display().to_string();
    let sign = ["standalone-sign", &manifest, NAME, &key, "-o", &signature];
    skopeo.args(sign).run().ok();

    let keys = format!("--public-key-file={}", public.display());
    let wrong_keys = format!("--public-key-file={}", of_other.display());
    let both = format!("{other},{key}");
    for (who, flags) in [
        (key.as_str(), None),
        (both.as_str(), None),
        ("any", Some(&keys)),
        (&key, Some(&keys)),
    ] {
        let verify = ["standalone-verify", &manifest, NAME, who, &signature];
        barque.args(verify).args(flags).run().ok();
    }
    let docker = barque.path("docker.json");
    fs::write(&docker, two_layers_docker().manifest).unwrap();
    let docker = docker.display().to_string();
    let refused =
        |manifest: &str, name: &str, who: &str, flags: Option<&String>, exit, why: &str| {
            let verify = ["standalone-verify", manifest, name, who, &signature];
            let out = barque.args(verify).args(flags).run().code(exit);
            assert!(out.stderr().contains(why), "{why}: {}", out.stderr());
            assert_eq!(out.stdout(), "");
        };
    refused(
        &manifest,
        "registry.example/team/app:v2",
        &key,
        None,
        3,
        "signed as",
    );
    refused(
        &manifest,
        "registry.example/team/app",
        &key,
        None,
        3,
        "signed as",
    );
    refused(&docker, NAME, &key, None, 3, "and not of");
    refused(&manifest, NAME, &other, None, 3, "");
    refused(&manifest, NAME, "any", Some(&wrong_keys), 3, "");
    refused(&manifest, NAME, &other, Some(&keys), 3, "not among those");
    refused(&manifest, NAME, "any", None, 1, "--public-key-file");
    let mut damaged = fs::read(&signature).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&signature, damaged).unwrap();
    refused(&manifest, NAME, &key, None, 3, "");
}

#[test]
fn what_a_signature_claims_is_shown() {
    peers::needs!("gpg");
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    let manifest = saved(&barque, &small()).display().to_string();
    let key = keyring.make("signer", "ed25519", "");
    let sign = [
        "standalone-sign",
        &manifest,
        "UPPER/<case>",
        "signer",
        "-o",
        "signature",
    ];
    barque.args(sign).run().ok();
    let dump = ["untrusted-signature-dump-without-verification", "signature"];
    let out = barque.args(dump).run().ok();
    let shown: Value = serde_json::from_str(out.stdout()).unwrap();
    assert_eq!(
        shown["UntrustedDockerManifestDigest"],
        small().digest.to_string()
    );
    assert_eq!(shown["UntrustedDockerReference"], "UPPER/<case>");
    assert_eq!(
        shown["UntrustedCreatorID"],
        concat!("barque ", env!("CARGO_PKG_VERSION"))
    );
    assert_eq!(shown["UntrustedShortKeyIdentifier"], key[key.len() - 16..]);
    assert!(shown["UntrustedTimestamp"].as_str().unwrap().ends_with('Z'));
    assert!(
        out.stdout()
            .starts_with("{\n    \"UntrustedDockerManifestDigest\"")
    );
    fs::write(barque.path("signature"), "nothing").unwrap();
    barque.args(dump).run().code(4);
}

#[test]
fn a_key_that_cannot_sign_is_an_error() {
    peers::needs!("gpg");
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    let manifest = saved(&barque, &small()).display().to_string();
    keyring.make("locked", "ed25519", PASSPHRASE);
    let file = keyring.secret("locked", PASSPHRASE).display().to_string();
    let public = keyring.public("locked").display().to_string();
    fs::write(barque.path("wrong"), "another\n").unwrap();
    keyring.forget();
    for (key, exit, why) in [
        ("locked", 3, "signing with the key `locked` of gpg"),
        (&file, 3, "cannot sign"),
        (&public, 1, "no OpenPGP secret key"),
        ("nobody@example.com", 1, "No secret key"),
        ("./missing.asc", 2, "`./missing.asc` cannot be read"),
    ] {
        let sign = [
            "standalone-sign",
            &manifest,
            NAME,
            key,
            "--passphrase-file=wrong",
            "-o",
            "s",
        ];
        let out = barque.args(sign).run().code(exit);
        assert!(out.stderr().contains(why), "{key}: {}", out.stderr());
        assert!(!barque.path("s").exists());
    }
    let sign = ["standalone-sign", &manifest, "", "locked", "-o", "s"];
    barque.args(sign).run().code(1);
}
