//! Signing: by keys of gpg, by keys in files, with skopeo and gpg as the judges.

mod copy;
mod keys;
mod standalone;
#[cfg(feature = "sync")]
mod sync;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Barque;
use crate::support::images::{TestImage, write_dir};
use crate::support::peers::{self, DockerRegistry};
use crate::support::sandbox::Sandbox;

/// A home directory of gpg with keys; its agent ends with it.
struct Keyring {
    home: tempfile::TempDir,
}

/// The passphrase of locked keys.
const PASSPHRASE: &str = "correct horse";

impl Keyring {
    fn new() -> Keyring {
        let home = tempfile::tempdir().unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        fs::set_permissions(home.path(), owner_only).unwrap();
        Keyring { home }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    fn gpg(&self, args: &[&str]) -> Vec<u8> {
        let out = Command::new("gpg")
            .args(["--batch", "--quiet", "--pinentry-mode", "loopback"])
            .args(args)
            .env("GNUPGHOME", self.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "gpg {args:?}: {said}");
        out.stdout
    }

    /// Makes a key and returns its fingerprint.
    fn make(&self, user: &str, kind: &str, passphrase: &str) -> String {
        self.gpg(&[
            "--passphrase",
            passphrase,
            "--quick-gen-key",
            user,
            kind,
            "sign",
            "never",
        ]);
        let listed = self.gpg(&["--with-colons", "--list-keys", user]);
        let listed = String::from_utf8(listed).unwrap();
        let line = listed
            .lines()
            .find(|line| line.starts_with("fpr:"))
            .unwrap();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Writes the public key of `user` to a file.
    fn public(&self, user: &str) -> PathBuf {
        let file = self.path().join(format!("{user}.pub"));
        fs::write(&file, self.gpg(&["--export", user])).unwrap();
        file
    }

    /// Writes the secret key of `user` to a file.
    fn secret(&self, user: &str, passphrase: &str) -> PathBuf {
        let file = self.path().join(format!("{user}.sec.asc"));
        let flags = [
            "--passphrase",
            passphrase,
            "--armor",
            "--export-secret-keys",
            user,
        ];
        fs::write(&file, self.gpg(&flags)).unwrap();
        file
    }
}

impl Keyring {
    /// Ends the agent, which remembers passphrases.
    fn forget(&self) {
        let mut kill = Command::new("gpgconf");
        kill.args(["--kill", "gpg-agent"])
            .env("GNUPGHOME", self.path());
        let _ = kill.status();
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.forget();
    }
}

/// barque with the keys of `keyring`.
fn barque(keyring: &Keyring) -> Barque {
    Barque::new().env("GNUPGHOME", keyring.path())
}

/// `image` in a directory of `barque`, and its manifest's file.
fn saved(barque: &Barque, image: &TestImage) -> PathBuf {
    write_dir(&barque.path("image"), image);
    barque.path("image/manifest.json")
}

/// Writes `PREFIX.private`, `PREFIX.pub` and the file `passphrase` in `barque`'s working directory.
fn sigstore_key(barque: &Barque, prefix: &str) {
    fs::write(barque.path("passphrase"), format!("{PASSPHRASE}\nmore")).unwrap();
    let flag = format!("--output-prefix={prefix}");
    barque
        .args([
            "generate-sigstore-key",
            &flag,
            "--passphrase-file=passphrase",
        ])
        .run()
        .ok();
}

/// registries.d of `barque` with a lookaside in its working directory and attachments; the flag for it.
fn places(barque: &Barque) -> String {
    let folder = barque.path("registries.d");
    fs::create_dir_all(&folder).unwrap();
    let url = format!("file://{}", barque.path("lookaside").display());
    let yaml = format!("default-docker:\n  lookaside: {url}\n  use-sigstore-attachments: true\n");
    fs::write(folder.join("x.yaml"), yaml).unwrap();
    format!("--registries.d={}", folder.display())
}

/// Whether an image is accepted that has to fulfil `rule`, by skopeo and by barque, which agree.
#[track_caller]
fn accepted(places: &str, from: &str, rule: Value) -> bool {
    let policy = json!({"default": [{"type": "reject"}], "transports": {"docker": {"": [rule]}}});
    let judge = |program: &Sandbox, flags: &[&str]| {
        fs::write(program.path("policy.json"), policy.to_string()).unwrap();
        program
            .args([places, "--policy=policy.json", "copy", "-q"])
            .args(flags)
            .args([from, "dir:judged"])
            .run()
    };
    let ours = judge(&Barque::new(), &[]);
    let ours = match ours.exit_code() {
        Some(0) => true,
        _ => ours.code(3).exit_code() == Some(0),
    };
    let theirs = judge(&Sandbox::of("skopeo"), &["--src-tls-verify=false"]);
    // Debian builds some versions without sigstore.
    if !theirs.stderr().contains("sigstore disabled") {
        assert_eq!(theirs.exit_code() == Some(0), ours, "{}", theirs.stderr());
    }
    ours
}
