//! `barque sync` that signs what it writes.

use super::*;
use crate::support::images::{small, two_layers};

#[test]
fn skopeo_accepts_the_images_that_a_sync_signed() {
    peers::needs!("docker-registry", "skopeo", "gpg");
    let registry = DockerRegistry::open();
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    write_dir(&barque.path("from/app:v1"), &two_layers());
    write_dir(&barque.path("from/app:v2"), &small());
    let key = keyring.make("signer", "rsa2048", "");
    let public = keyring.public("signer");
    sigstore_key(&barque, "app");
    let parameters = "privateKeyFile: app.private\nprivateKeyPassphraseFile: passphrase\n";
    fs::write(barque.path("p.yaml"), parameters).unwrap();
    let flag = places(&barque);
    let to = format!("{}/team", registry.address());
    let sync = |flags: &[&str]| {
        let run = barque.args([&flag, "sync", "--src=dir", "--dest=docker"]);
        run.args(flags).args(["from", &to]).run().ok()
    };
    let sign = format!("--sign-by={key}");
    sync(&[&sign, "--sign-by-sigstore=p.yaml"]);
    let exact = || json!({"type": "matchExact"});
    let gpg = |file: &Path| json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": file, "signedIdentity": exact()});
    let sigstore =
        |file: &Path| json!({"type": "sigstoreSigned", "keyPath": file, "signedIdentity": exact()});
    for name in ["team/app:v1", "team/app:v2"] {
        let there = registry.docker(name);
        assert!(accepted(&flag, &there, gpg(&public)), "{name}");
        let public = barque.path("app.pub");
        assert!(accepted(&flag, &there, sigstore(&public)), "{name}");
    }

    // Images that are there already are signed again where a signature is asked for, as in skopeo, and else left alone.
    let mark = registry.mark();
    sync(&[]);
    assert_eq!(registry.since(mark).count("PUT", ""), 0);
    let other = keyring.make("other", "ed25519", "");
    sync(&[&format!("--sign-by={other}")]);
    let there = registry.docker("team/app:v1");
    assert!(accepted(&flag, &there, gpg(&keyring.public("other"))));
}
