//! Signatures made by GnuPG, with keys that live as long as a test.

use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;

/// A folder of keys. Its agent is stopped when the test ends.
pub(crate) struct Gpg(Sandbox);

impl Gpg {
    pub(crate) fn new() -> Gpg {
        let gpg = Sandbox::of("gpg").first_arg("--batch");
        let home = gpg.home().join(".gnupg");
        std::fs::create_dir(&home).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&home, owner_only).unwrap();
        Gpg(gpg)
    }

    /// Runs gpg and returns what it prints.
    pub(crate) fn run(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        let loopback = ["--pinentry-mode", "loopback", "--passphrase", ""];
        let run = self.0.args(loopback).args(args).stdin(input).run().ok();
        run.stdout_bytes().to_vec()
    }

    /// Makes a key that can sign, of the kind `algorithm`, and returns the file with its public part.
    pub(crate) fn key(&self, name: &str, algorithm: &str) -> PathBuf {
        self.run(&["--quick-gen-key", name, algorithm, "sign", "never"], b"");
        self.export(name)
    }

    /// The file with the public part of a key as it is now.
    pub(crate) fn export(&self, name: &str) -> PathBuf {
        let file = self.0.path(format!("{name}.gpg"));
        let exact = format!("={name}");
        std::fs::write(&file, self.run(&["--export", &exact], b"")).unwrap();
        file
    }

    /// The fingerprint of a key, in upper-case hex.
    pub(crate) fn fingerprint(&self, name: &str) -> String {
        let list = self.run(&["--with-colons", "--list-keys", &format!("={name}")], b"");
        let list = String::from_utf8(list).unwrap();
        let line = list.lines().find(|line| line.starts_with("fpr:")).unwrap();
        line.trim_matches(':')
            .rsplit(':')
            .next()
            .unwrap()
            .to_owned()
    }

    /// `payload` in a signed message.
    pub(crate) fn sign(&self, by: &str, payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.sign_with(&["--local-user", &format!("={by}")], payload)
    }

    /// As [`Gpg::sign`] with other flags.
    pub(crate) fn sign_with(&self, flags: &[&str], payload: impl AsRef<[u8]>) -> Vec<u8> {
        self.run(&[flags, &["--sign"]].concat(), payload.as_ref())
    }

    /// The folder of the keys, for other programs that use them.
    pub(crate) fn home(&self) -> PathBuf {
        self.0.home().join(".gnupg")
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let mut stop = std::process::Command::new("gpgconf");
        let _ = stop
            .args(["--kill", "all"])
            .env("GNUPGHOME", self.home())
            .status();
    }
}

/// What a signature says of an image.
pub(crate) fn payload(digest: &str, reference: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"atomic container signature"}},"optional":{{}}}}"#
    )
}

/// Writes a policy that is `reject` but for the scope "" of `dir:`, and returns its file.
pub(crate) fn policy(folder: &Path, rules: serde_json::Value) -> PathBuf {
    let policy =
        serde_json::json!({"default": [{"type": "reject"}], "transports": {"dir": {"": rules}}});
    let file = folder.join("policy.json");
    std::fs::write(&file, policy.to_string()).unwrap();
    file
}

/// The rule that an image is signed as `reference` by a key in `key`.
pub(crate) fn signed_by(key: &Path, reference: &str) -> serde_json::Value {
    let identity = serde_json::json!({"type": "exactReference", "dockerReference": reference});
    serde_json::json!({"type": "signedBy", "keyType": "GPGKeys", "keyPath": key, "signedIdentity": identity})
}
