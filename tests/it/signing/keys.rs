use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::support::images::small;

#[test]
fn a_key_pair_is_written_as_skopeo_does() {
    let barque = Barque::new();
    sigstore_key(&barque, "app");
    let mode = |file: &str| {
        fs::metadata(barque.path(file))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!((mode("app.private"), mode("app.pub")), (0o600, 0o644));
    let private = fs::read_to_string(barque.path("app.private")).unwrap();
    assert!(
        private.starts_with("-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\n"),
        "{private}"
    );
    let public = fs::read_to_string(barque.path("app.pub")).unwrap();
    assert!(public.starts_with("-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE"));
    // Nothing is written over.
    for there in ["app.private", "app.pub"] {
        let other = if there == "app.pub" {
            "app.private"
        } else {
            "app.pub"
        };
        fs::rename(barque.path(other), barque.path("aside")).unwrap();
        let again = [
            "generate-sigstore-key",
            "--output-prefix=app",
            "--passphrase-file=passphrase",
        ];
        let out = barque.args(again).run().code(6);
        assert!(out.stderr().contains(there), "{}", out.stderr());
        assert!(!barque.path(other).exists());
        fs::rename(barque.path("aside"), barque.path(other)).unwrap();
    }
    let out = barque
        .args(["generate-sigstore-key", "--output-prefix=new"])
        .run()
        .code(3);
    assert!(out.stderr().contains("not a terminal"), "{}", out.stderr());
    assert!(!barque.path("new.private").exists() && !barque.path("new.pub").exists());
}

/// `openssl rsa -RSAPublicKey_out` writes such keys, and cosign and skopeo read them.
#[test]
fn an_rsa_key_may_be_in_the_form_of_pkcs_1() {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::KeySize;
    use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let barque = Barque::new();
    saved(&barque, &small());
    let pem = |file: &str, label: &str, content: &[u8]| {
        let text = BASE64_STANDARD.encode(content);
        let text = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        fs::write(barque.path(file), text).unwrap();
    };
    let keys = ["app", "other"].map(|name| {
        let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let private: Pkcs8V1Der = key.as_der().unwrap();
        pem(&format!("{name}.private"), "PRIVATE KEY", private.as_ref());
        key.public_key().as_ref().to_vec()
    });
    pem("app.pub", "RSA PUBLIC KEY", &keys[0]);
    pem("other.pub", "RSA PUBLIC KEY", &keys[1]);
    pem("cut.pub", "RSA PUBLIC KEY", &keys[0][..200]);
    pem("mislabelled.pub", "PUBLIC KEY", &keys[0]);
    let sign = [
        "copy",
        "--sign-by-sigstore-private-key=app.private",
        "--sign-identity=registry.example/app:1",
        "dir:image",
        "dir:signed",
    ];
    barque.args(sign).run().ok();
    let verify = |key: &str| {
        let image = ["--signed-as=registry.example/app:1", "dir:signed"];
        barque.args(["verify", "--key", key]).args(image).run()
    };
    verify("app.pub").ok();
    let texts = ["app.pub", "other.pub"].map(|f| fs::read_to_string(barque.path(f)).unwrap());
    // The first key in a file counts.
    fs::write(barque.path("both.pub"), format!("{}{}", texts[1], texts[0])).unwrap();
    for (key, why) in [
        ("other.pub", "not by the key in"),
        ("both.pub", "not by the key in"),
        ("cut.pub", "cannot be used"),
        ("mislabelled.pub", "cannot be used"),
    ] {
        let out = verify(key).code(3);
        assert!(out.stderr().contains(why), "{key}: {}", out.stderr());
    }
}
