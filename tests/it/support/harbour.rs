//! What the tests of authentication and TLS share: credential files, helper programs, a run that is searched
//! for secrets, and the voyage that every set-up of a registry must allow.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use serde_json::{Value, json};

use super::Barque;
use super::images::{self, TestImage};
use super::peers::{self, DockerRegistry, PASSWORD, USER};
use super::sandbox::{Output, Run, Sandbox};
use super::token_server::READER;

/// The value of `auth` for `USER:PASSWORD`.
pub fn base64(creds: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(creds)
}

/// A credential file with one login.
pub fn auth_json(key: &str, creds: &str) -> String {
    json!({ "auths": { key: { "auth": base64(creds) } } }).to_string()
}

/// The credentials of the account that may do everything.
pub fn good() -> String {
    format!("{USER}:{PASSWORD}")
}

/// The credentials of the account that may only read.
pub fn reader() -> String {
    format!("{}:{}", READER.0, READER.1)
}

/// Runs with `--debug` and searches both streams for every secret that these tests know.
#[track_caller]
pub fn spied(run: Run) -> Output {
    let out = run.args(["--debug"]).run();
    let shown = [out.stdout(), out.stderr()].concat();
    let secrets = [
        PASSWORD.to_owned(),
        base64(&good()),
        READER.1.to_owned(),
        base64(&reader()),
        "refresh-token-of".to_owned(),
        // How every JSON web token begins.
        "eyJ".to_owned(),
        "wrong-password".to_owned(),
        base64(&format!("{USER}:wrong-password")),
    ];
    for secret in secrets {
        assert!(!shown.contains(&secret), "`{secret}` is shown:\n{shown}");
    }
    out
}

/// Requires one warning, which contains `text`.
#[track_caller]
pub fn warned_once(out: &Output, text: &str) {
    let lines = out.stderr().lines();
    let warnings: Vec<_> = lines.filter(|l| l.contains("warning")).collect();
    assert_eq!(warnings.len(), 1, "{}", out.stderr());
    assert!(warnings[0].contains(text), "{}", warnings[0]);
}

/// Puts the helper `docker-credential-NAME` into `bin` below the sandbox's home and returns a `PATH` with it.
///
/// Another program writes the file: while this process has one open for writing, running it can fail.
pub fn helper(sandbox: &Sandbox, name: &str, script: &str) -> String {
    let source = sandbox.write_home("helper-source", format!("#!/bin/sh\n{script}\n"));
    let bin = sandbox.home().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let placed = Command::new("install")
        .args(["-m", "755"])
        .args([&source, &bin.join(format!("docker-credential-{name}"))])
        .status();
    assert!(placed.unwrap().success());
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// A helper that keeps logins as files beside itself, and speaks the protocol as Docker's own do.
pub const KEEPER: &str = r#"
folder="${0%/*}"
name() { tr -c 'a-zA-Z0-9' _; }
case "$1" in
get) file="$folder/$(name)"; [ -f "$file" ] && exec cat "$file"; echo credentials not found in native keychain; exit 1;;
store) entry=$(cat); server=${entry#*'"ServerURL":"'}; printf %s "$entry" > "$folder/$(printf %s "${server%%'"'*}" | name)";;
erase) rm -f "$folder/$(name)";;
list)
  comma=
  printf '{'
  for file in "$folder"/*; do
    case "$file" in *docker-credential-*) continue;; esac
    entry=$(cat "$file") || continue
    server=${entry#*'"ServerURL":"'}
    printf '%s"%s":"user"' "$comma" "${server%%'"'*}"
    comma=,
  done
  printf '}';;
esac
"#;

/// Requires that every key of skopeo's document is in ours with the same value.
#[track_caller]
pub fn agree(theirs: &Value, ours: &Value) {
    for (key, value) in theirs.as_object().unwrap() {
        assert_eq!(&ours[key], value, "{key}");
    }
}

/// The flags that barque needs for `registry`: skopeo's, but plain HTTP on loopback needs none.
pub fn flags(registry: &DockerRegistry, prefix: &str) -> Vec<String> {
    let mut flags = registry.skopeo_flags(prefix);
    flags.retain(|f| !f.ends_with("tls-verify=false"));
    flags
}

/// Requires that skopeo reads the whole of `name`, and that its manifest is `image`'s to the last byte.
#[track_caller]
pub fn skopeo_reads(registry: &DockerRegistry, name: &str, image: &TestImage) {
    let skopeo = peers::skopeo();
    let raw = skopeo
        .args(["inspect", "--raw", &registry.docker(name)])
        .args(registry.skopeo_flags(""))
        .run()
        .ok();
    assert_eq!(raw.stdout_bytes(), image.manifest);
    let whole = skopeo
        .args(["copy", "-q", "--all", &registry.docker(name), "dir:whole"])
        .args(registry.skopeo_flags("src-"))
        .run();
    whole.ok();
}

/// What must work with every set-up: inspect and tags as skopeo's, a copy out and a copy in, read by skopeo.
#[track_caller]
pub fn voyage(registry: &DockerRegistry) {
    let kinds = [
        ("docker", images::two_layers_docker()),
        ("oci", images::small()),
        ("index", images::five_platforms()),
    ];
    let barque = Barque::new();
    let skopeo = peers::skopeo();
    for (tag, image) in &kinds {
        registry.feed(&format!("fleet/ship:{tag}"), image);
    }
    for (tag, image) in &kinds {
        let name = registry.docker(&format!("fleet/ship:{tag}"));
        let inspect = |s: &Sandbox, flags: Vec<String>| s.args(["inspect", &name]).args(flags);
        let theirs = inspect(&skopeo, registry.skopeo_flags("")).run().ok();
        let ours = spied(inspect(&barque, flags(registry, ""))).ok();
        agree(&theirs.json(), &ours.json());

        let out = format!("dir:out-{tag}");
        let args = ["copy", "--all", &name, &out];
        spied(barque.args(args).args(flags(registry, "src-"))).ok();
        let manifest = std::fs::read(barque.path(format!("out-{tag}/manifest.json"))).unwrap();
        assert_eq!(manifest, image.manifest, "{tag}");
        let back = registry.docker(&format!("fleet/back:{tag}"));
        let args = ["copy", "--all", &out, &back];
        spied(barque.args(args).args(flags(registry, "dest-"))).ok();
        skopeo_reads(registry, &format!("fleet/back:{tag}"), image);

        let moved = registry.docker(&format!("fleet/moved:{tag}"));
        let both = [flags(registry, "src-"), flags(registry, "dest-")].concat();
        spied(barque.args(["copy", "--all", &name, &moved]).args(both)).ok();
        skopeo_reads(registry, &format!("fleet/moved:{tag}"), image);
    }
    let repository = registry.docker("fleet/ship");
    let theirs = skopeo
        .args(["list-tags", &repository])
        .args(registry.skopeo_flags(""));
    let ours = barque.args(["tags", &repository]).args(flags(registry, ""));
    assert_eq!(spied(ours).ok().json(), theirs.run().ok().json());
}

/// Whether `path` is readable and writable by its owner only.
pub fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().unwrap().permissions().mode() & 0o777 == 0o600
}
