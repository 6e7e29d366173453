use super::*;
use crate::support::images::{five_platforms, small, two_layers};

fn key_rule(file: &Path, identity: Value) -> Value {
    json!({"type": "sigstoreSigned", "keyPath": file, "signedIdentity": identity})
}

fn gpg_rule(file: &Path, identity: Value) -> Value {
    json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": file, "signedIdentity": identity})
}

fn exact() -> Value {
    json!({"type": "matchExact"})
}

#[test]
fn skopeo_accepts_an_image_that_was_signed_with_gpg() {
    peers::needs!("docker-registry", "skopeo", "gpg");
    let registry = DockerRegistry::open();
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    saved(&barque, &two_layers());
    let key = keyring.make("signer", "rsa2048", "");
    keyring.make("other", "ed25519", "");
    let (public, of_other) = (keyring.public("signer"), keyring.public("other"));
    let (flag, there) = (places(&barque), registry.docker("team/app:v1"));
    let sign = format!("--sign-by={key}");
    barque
        .args([&flag, "copy", &sign, "dir:image", &there])
        .run()
        .ok();
    assert!(accepted(&flag, &there, gpg_rule(&public, exact())));
    assert!(!accepted(&flag, &there, gpg_rule(&of_other, exact())));
    let elsewhere = json!({"type": "exactReference", "dockerReference": "a.example/team/app:v1"});
    assert!(!accepted(&flag, &there, gpg_rule(&public, elsewhere)));

    // Another signer's signature is added, and both travel on into a directory and back.
    let in_file = format!("--sign-by={}", keyring.secret("other", "").display());
    barque
        .args([&flag, "copy", &in_file, &there, &there])
        .run()
        .ok();
    assert!(accepted(&flag, &there, gpg_rule(&public, exact())));
    assert!(accepted(&flag, &there, gpg_rule(&of_other, exact())));
    barque.args([&flag, "copy", &there, "dir:back"]).run().ok();
    assert!(barque.path("back/signature-2").exists());
}

#[test]
fn skopeo_accepts_an_image_that_was_signed_with_a_sigstore_key() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    let barque = Barque::new();
    saved(&barque, &two_layers());
    sigstore_key(&barque, "app");
    sigstore_key(&barque, "other");
    let (public, of_other) = (barque.path("app.pub"), barque.path("other.pub"));
    let (flag, there) = (places(&barque), registry.docker("team/app:v1"));
    let key = "--sign-by-sigstore-private-key=app.private";
    let passphrase = "--sign-passphrase-file=passphrase";
    let copy = [&flag, "copy", key, passphrase, "dir:image", &there];
    barque.args(copy).run().ok();
    assert!(accepted(&flag, &there, key_rule(&public, exact())));
    assert!(!accepted(&flag, &there, key_rule(&of_other, exact())));

    // The image is there already, and gets one more signature: blobs are not sent again.
    let parameters = "privateKeyFile: other.private\nprivateKeyPassphraseFile: passphrase\n";
    fs::write(barque.path("p.yaml"), parameters).unwrap();
    let mark = registry.mark();
    let by_parameters = ["copy", "--sign-by-sigstore=p.yaml", &there, &there];
    barque.args([&flag]).args(by_parameters).run().ok();
    let since = registry.since(mark);
    assert_eq!(
        since.count("PUT", "/manifests/sha256-"),
        1,
        "{:?}",
        since.lines()
    );
    assert_eq!(since.count("PUT", "/manifests/v1"), 1);
    assert!(accepted(&flag, &there, key_rule(&of_other, exact())));

    fs::write(
        barque.path("p.yaml"),
        "fulcio:\n  fulcioURL: https://f.example\n",
    )
    .unwrap();
    let out = barque.args([&flag]).args(by_parameters).run().code(1);
    assert!(out.stderr().contains("Fulcio"), "{}", out.stderr());
    fs::write(barque.path("p.yaml"), "privateKeyfile: x\n").unwrap();
    let out = barque.args([&flag]).args(by_parameters).run().code(1);
    assert!(out.stderr().contains("privateKeyfile"), "{}", out.stderr());
}

#[test]
fn barque_takes_an_image_along_that_skopeo_signed() {
    peers::needs!("docker-registry", "skopeo", "gpg");
    let registry = DockerRegistry::open();
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    saved(&barque, &two_layers());
    let key = keyring.make("signer", "ed25519", "");
    let (flag, there) = (places(&barque), registry.docker("team/app:v1"));
    let skopeo = peers::skopeo();
    let from = format!("dir:{}", barque.path("image").display());
    skopeo
        .args([
            &flag,
            "copy",
            "-q",
            "--dest-tls-verify=false",
            "--sign-by",
            &key,
            &from,
            &there,
        ])
        .env("GNUPGHOME", keyring.path())
        .run()
        .ok();
    barque.args([&flag, "copy", &there, "dir:taken"]).run().ok();
    let name = there.strip_prefix("docker://").unwrap();
    let verify = [
        "standalone-verify",
        "taken/manifest.json",
        name,
        &key,
        "taken/signature-1",
    ];
    barque.args(verify).run().ok();
}

#[test]
fn an_index_and_its_images_are_signed() {
    let barque = Barque::new();
    let image = five_platforms();
    saved(&barque, &image);
    sigstore_key(&barque, "app");
    let flags = [
        "copy",
        "--all",
        "--sign-by-sigstore-private-key=app.private",
        "--sign-passphrase-file=passphrase",
        "dir:image",
    ];
    // A directory has no name of a registry.
    let out = barque.args(flags).args(["dir:out"]).run().code(1);
    assert!(out.stderr().contains("--sign-identity"), "{}", out.stderr());
    assert!(!barque.path("out").exists());
    let identity = "--sign-identity=example.com/app:1";
    barque.args(flags).args([identity, "dir:out"]).run().ok();
    let mut all: Vec<_> = image.children.iter().map(|child| &child.digest).collect();
    all.push(&image.digest);
    for digest in all {
        let file = match *digest == image.digest {
            true => "signature-1".to_owned(),
            false => format!("{}.signature-1", digest.hex()),
        };
        let stored = fs::read(barque.path("out").join(file)).unwrap();
        let json = stored.strip_prefix(b"\0sigstore-json\n").unwrap();
        let json: Value = serde_json::from_slice(json).unwrap();
        use base64::Engine as _;
        let payload = json["payload"].as_str().unwrap();
        let payload = base64::engine::general_purpose::STANDARD
            .decode(payload)
            .unwrap();
        let payload: Value = serde_json::from_slice(&payload).unwrap();
        let critical = &payload["critical"];
        assert_eq!(
            critical["image"]["docker-manifest-digest"],
            digest.to_string()
        );
        assert_eq!(
            critical["identity"]["docker-reference"],
            "example.com/app:1"
        );
    }
}

#[test]
fn what_cannot_be_signed_is_not_copied() {
    let barque = Barque::new();
    saved(&barque, &small());
    sigstore_key(&barque, "app");
    fs::write(barque.path("wrong"), "wrong\n").unwrap();
    let key = "--sign-by-sigstore-private-key=app.private";
    let name = "--sign-identity=example.com/app:1";
    let right = "--sign-passphrase-file=passphrase";
    let cases: [(&[&str], &str, i32, &str); 7] = [
        (
            &[key, name, "--sign-passphrase-file=wrong"],
            "dir:out",
            3,
            "cannot be decrypted",
        ),
        (&[key, name], "dir:out", 3, "not a terminal"),
        (&[key, name, right], "oci:out", 6, "has no place for them"),
        (
            &[key, right, "--sign-identity=example.com/app"],
            "dir:out",
            1,
            "neither tag nor digest",
        ),
        (&[name], "dir:out", 1, "is for images that are signed"),
        (&[right], "dir:out", 1, "exactly one of"),
        (&["--sign-by-sq-fingerprint=00"], "dir:out", 1, "is refused"),
    ];
    for (flags, to, exit, why) in cases {
        let out = barque
            .args(["copy", "dir:image", to])
            .args(flags)
            .run()
            .code(exit);
        assert!(out.stderr().contains(why), "{flags:?}: {}", out.stderr());
        assert!(!barque.path("out").exists(), "{flags:?}");
    }
}

#[test]
fn a_bundle_refers_to_the_image() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    use base64::Engine as _;
    peers::needs!("docker-registry");
    let decode = |text: &Value| {
        let engine = base64::engine::general_purpose::STANDARD;
        engine.decode(text.as_str().unwrap()).unwrap()
    };
    let registry = DockerRegistry::open();
    let barque = Barque::new();
    let image = small();
    saved(&barque, &image);
    sigstore_key(&barque, "app");
    let sign = [
        "copy",
        "--sign-format=bundle",
        "--sign-by-sigstore-private-key=app.private",
        "--sign-passphrase-file=passphrase",
        "dir:image",
    ];
    let there = registry.docker("app:1");
    barque.args(sign).args([&there]).run().ok();
    let raw = |name: &str| -> Value {
        let out = barque
            .args(["inspect", "--raw", &registry.docker(name)])
            .run()
            .ok();
        serde_json::from_slice(out.stdout_bytes()).unwrap()
    };
    // This registry has no referrers API, so that clients look at the tag.
    let listed = raw(&format!("app:sha256-{}", image.digest.hex()));
    let entry = &listed["manifests"][0];
    let kind = "application/vnd.dev.sigstore.bundle.v0.3+json";
    assert_eq!(entry["artifactType"], kind);
    let manifest = raw(&format!("app@{}", entry["digest"].as_str().unwrap()));
    assert_eq!(manifest["subject"]["digest"], image.digest.to_string());
    assert_eq!(manifest["layers"][0]["mediaType"], kind);
    let layer = manifest["layers"][0]["digest"].as_str().unwrap();
    let name = registry.docker(&format!("app@{}", entry["digest"].as_str().unwrap()));
    barque.args(["copy", &name, "dir:bundle"]).run().ok();
    let hex = layer.strip_prefix("sha256:").unwrap();
    let bundle = fs::read(barque.path("bundle").join(hex)).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let envelope = &bundle["dsseEnvelope"];
    let payload = decode(&envelope["payload"]);
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(
        statement["subject"][0]["digest"]["sha256"],
        image.digest.hex()
    );
    let kind = envelope["payloadType"].as_str().unwrap();
    let head = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len());
    let signed = [head.as_bytes(), &payload].concat();
    let public = fs::read_to_string(barque.path("app.pub")).unwrap();
    let public: String = public
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, decode(&json!(public)));
    key.verify(&signed, &decode(&envelope["signatures"][0]["sig"]))
        .unwrap();

    sigstore_key(&barque, "other");
    let verify = ["verify", &there, "--key"];
    barque.args(verify).args(["app.pub"]).run().ok();
    barque.args(verify).args(["other.pub"]).run().code(3);
    let out = barque
        .args(sign)
        .args(["dir:out", "--sign-identity=a.example/b:1"])
        .run()
        .code(6);
    assert!(
        out.stderr().contains("in the form of a bundle"),
        "{}",
        out.stderr()
    );
    assert!(!barque.path("out").exists());
}

#[test]
fn the_signatures_of_a_deleted_image_are_deleted_too() {
    peers::needs!("docker-registry", "gpg");
    let registry = DockerRegistry::setup().delete().start();
    let keyring = Keyring::new();
    let barque = barque(&keyring);
    saved(&barque, &small());
    let key = keyring.make("signer", "ed25519", "");
    let (flag, there) = (places(&barque), registry.docker("team/app:v1"));
    let sign = format!("--sign-by={key}");
    let copy = [&flag, "copy", &sign, "dir:image", &there];
    barque.args(copy).run().ok();
    let kept = || {
        let folders = fs::read_dir(barque.path("lookaside/team")).unwrap();
        let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
        files.count()
    };
    assert_eq!(kept(), 1);
    barque.args([&flag, "delete", &there]).run().ok();
    assert_eq!(kept(), 0);
}
