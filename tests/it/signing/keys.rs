use std::os::unix::fs::PermissionsExt;

use super::*;

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
