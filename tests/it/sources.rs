//! Credential files and helper programs that are broken: what is said of them, and when they do no harm.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::support::Barque;
use super::support::fake::FakeRegistry;
use super::support::harbour::{auth_json, good, helper, spied, warned_once};
use super::support::images;
use super::support::peers::{PASSWORD, USER};

fn locked() -> FakeRegistry {
    FakeRegistry::start()
        .image("a", "1", &images::small())
        .basic(USER, PASSWORD)
}

#[test]
fn a_malformed_file_is_named_with_the_place() {
    let registry = locked();
    for (content, place) in [
        ("{\n  \"auths\": {,}\n}", "line 2"),
        ("[]", ""),
        ("{\"auths\": []}", "auths"),
        ("{\"auths\": {\"ADDRESS\": {\"auth\": \"%%\"}}}", "auth"),
    ] {
        let barque = Barque::new();
        let content = content.replace("ADDRESS", registry.address());
        barque.write_home(".docker/config.json", content);
        let out = spied(barque.args(["inspect", &registry.docker("a:1")])).code(1);
        assert!(
            out.stderr().contains("~/.docker/config.json"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().contains(place), "{place}: {}", out.stderr());
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let registry = locked();
    let barque = Barque::new();
    let inspect = ["inspect", &registry.docker("a:1"), "--authfile", "."];
    let out = spied(barque.args(inspect)).code(1);
    assert!(
        out.stderr().contains("cannot read the credential file `.`"),
        "{}",
        out.stderr()
    );

    let file = barque.write_home("secret.json", auth_json(registry.address(), &good()));
    std::fs::set_permissions(&file, Permissions::from_mode(0o0)).unwrap();
    if std::fs::read(&file).is_ok() {
        return; // root reads everything
    }
    let inspect = [
        "inspect",
        &registry.docker("a:1"),
        "--authfile",
        file.to_str().unwrap(),
    ];
    let out = spied(barque.args(inspect)).code(3);
    assert!(out.stderr().contains("secret.json"), "{}", out.stderr());
}

#[test]
fn a_file_open_to_all_is_used_with_a_warning() {
    let registry = locked();
    let barque = Barque::new();
    let file = barque.write_home(
        ".docker/config.json",
        auth_json(registry.address(), &good()),
    );
    std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let out = spied(barque.args(["inspect", &registry.docker("a:1")])).ok();
    warned_once(&out, "chmod 600 ~/.docker/config.json");
}

#[test]
fn a_file_is_not_read_where_nothing_is_asked() {
    let open = FakeRegistry::start().image("a", "1", &images::small());
    let barque = Barque::new();
    barque.write_home(".docker/config.json", "{broken");
    let out = spied(barque.args(["inspect", &open.docker("a:1")])).ok();
    assert!(!out.stderr().contains("warning"), "{}", out.stderr());
}

#[test]
fn helpers_that_are_missing_or_fail_are_named() {
    let registry = locked();
    for (script, said) in [
        (None, "is not installed"),
        (
            Some("echo the keyring is locked; exit 1"),
            "the keyring is locked",
        ),
        (Some("echo a crash >&2; exit 9"), "a crash"),
        (Some("echo anchors-aweigh"), "not the JSON"),
    ] {
        let barque = Barque::new();
        let helpers = json!({ "credHelpers": { registry.address(): "odd" } });
        barque.write_home(".docker/config.json", helpers.to_string());
        let mut run = barque.args(["inspect", &registry.docker("a:1")]);
        if let Some(script) = script {
            run = run.env("PATH", helper(&barque, "odd", script));
        }
        let out = spied(run);
        assert!(matches!(out.exit_code(), Some(1 | 3)), "{}", out.stderr());
        for part in ["docker-credential-odd", "~/.docker/config.json", said] {
            assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
        }
    }
}
