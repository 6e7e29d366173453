//! Output shows no password, wherever it was typed or whatever a helper echoes; and pipes and devices that are given as
//! credential files are not replaced by files.

use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::process::Command;

use serde_json::json;

use super::support::Barque;
use super::support::fake::FakeRegistry;
use super::support::harbour::{auth_json, good, helper};
use super::support::images;
use super::support::peers::{PASSWORD, USER};

const SECRET: &str = "TOPSECRET";

fn locked() -> FakeRegistry {
    FakeRegistry::start()
        .image("a", "1", &images::small())
        .basic(USER, PASSWORD)
}

#[test]
fn a_login_in_a_name_is_not_repeated() {
    let barque = Barque::new();
    let host = "127.0.0.1:9";
    let with = format!("sailor:{SECRET}@{host}");
    let (bare, image) = (&with, format!("{with}/a:1"));
    let (docker, url) = (format!("docker://{image}"), format!("https://{with}"));
    for command in [
        &["inspect", &docker][..],
        &["inspect", &image],
        &["inspect", bare],
        &["inspect", &url],
        &["tags", &url],
        &["tags", bare],
        &["ls", &docker],
        &["copy", &docker, "oci:a:1"],
        &["copy", "oci:a:1", &docker],
        &["delete", &docker],
        &["repos", bare],
        &["repos", &url],
        &["search", &image],
        &["search", &url],
        &["login", bare],
        &["login", &url],
        &["logout", bare],
        &["verify", &docker],
        &["diff", &docker, "dir:x"],
        &["du", &docker],
        &["referrers", &docker],
        &["edit", &docker, "dir:x"],
        &["sync", &docker, "127.0.0.1:9/x"],
        &["sync", "--src=docker", "--dest=dir", &docker, "x"],
    ] {
        for debug in [&[][..], &["--debug"]] {
            let out = barque.args(command).args(debug).run().code(1);
            let told = out.stderr();
            assert!(!told.contains(SECRET), "{command:?}: {told}");
            assert!(told.contains("has a login in it"), "{command:?}: {told}");
            assert!(told.contains("`barque login 127.0.0.1:9`"), "{told}");
        }
    }
    for host in ["ship", "a@ship"] {
        let login = format!("sailor:{SECRET}@{host}");
        let out = barque.args(["login", &login]).run().code(1);
        assert!(!out.stderr().contains(SECRET), "{}", out.stderr());
    }
    let out = barque.args(["login", "-u", "sailor", host, SECRET]);
    let out = out.run().code(1);
    assert!(!out.stderr().contains(SECRET), "{}", out.stderr());
    assert!(
        out.stderr().contains("--password-stdin"),
        "{}",
        out.stderr()
    );
}

#[test]
fn what_a_helper_says_of_a_secret_is_not_repeated() {
    let registry = locked();
    for (script, is_shown) in [
        ("cat; exit 1", false),
        ("cat >&2; exit 1", false),
        (r#"sed 's/.*Secret":"\([^"]*\)".*/bad \1/'; exit 1"#, false),
        ("echo the store is locked; exit 1", true),
    ] {
        let barque = Barque::new();
        let path = helper(&barque, "echo", script);
        let file = barque.write_home("auth.json", r#"{"credsStore":"echo"}"#);
        let run = barque.args(["login", registry.address(), "-u", USER, "-p", PASSWORD]);
        let run = run.args(["--authfile", file.to_str().unwrap()]);
        let out = run.env("PATH", path).run().code(3);
        let told = out.stderr();
        assert!(told.contains("docker-credential-echo store"), "{told}");
        assert!(!told.contains(PASSWORD), "{told}");
        assert_eq!(told.contains("the store is locked"), is_shown, "{told}");
        assert_eq!(told.contains("is not shown"), !is_shown, "{told}");
    }
    let barque = Barque::new();
    let answer = json!({ "ServerURL": "x", "Username": "u", "Secret": SECRET });
    let path = helper(&barque, "echo", &format!("echo '{answer}'; exit 1"));
    barque.write_home(".docker/config.json", r#"{"credsStore":"echo"}"#);
    let out = barque.args(["inspect", &registry.docker("a:1")]);
    let out = out.env("PATH", path).run().code(3);
    assert!(!out.stderr().contains(SECRET), "{}", out.stderr());
}

#[test]
fn a_helper_that_cannot_be_run_is_not_called_missing() {
    let barque = Barque::new();
    let path = helper(&barque, "still", "exit 0");
    let program = barque.home().join("bin/docker-credential-still");
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o644)).unwrap();
    let file = barque.write_home("auth.json", r#"{"credsStore":"still"}"#);
    let place = ["--authfile", file.to_str().unwrap()];
    let out = barque.args(["logout", "127.0.0.1:9"]).args(place);
    let out = out.env("PATH", path).run().code(1);
    assert!(out.stderr().contains("chmod +x"), "{}", out.stderr());
    assert!(!out.stderr().contains("not installed"), "{}", out.stderr());
}

#[test]
fn a_credential_file_that_is_a_pipe_stays_one() {
    let registry = locked();
    let barque = Barque::new();
    let (pipe, link) = (barque.path("pipe"), barque.path("link"));
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    symlink("pipe", &link).unwrap();
    for file in ["pipe", "link"] {
        for command in [
            &["login", registry.address(), "-u", USER, "-p", PASSWORD][..],
            &["login", registry.address()],
            &["logout", registry.address()],
            &["logout", "--all"],
        ] {
            let out = barque.args(command).args(["--authfile", file]).run();
            let out = out.code(1);
            assert!(out.stderr().contains("no regular file"), "{}", out.stderr());
        }
    }
    assert!(pipe.symlink_metadata().unwrap().file_type().is_fifo());
    assert!(link.is_symlink() && !barque.path("pipe.lock").exists());
    assert!(registry.with_header("authorization").is_empty());
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let registry = locked();
    let barque = Barque::new();
    let target = barque.path("target");
    symlink(&target, barque.path("auth.json.lock")).unwrap();
    let login = ["login", registry.address(), "-u", USER, "-p", PASSWORD];
    let run = barque.args(login).args(["--authfile", "auth.json"]);
    let out = run.run().code(1);
    assert!(out.stderr().contains("auth.json.lock"), "{}", out.stderr());
    assert!(!target.exists() && !barque.path("auth.json").exists());
}

#[test]
fn a_token_is_no_name_and_a_part_of_a_registry_no_key_of_docker() {
    let barque = Barque::new();
    let entry = json!({ "auths": { "r.example": { "identitytoken": SECRET } } });
    barque.write_home(".config/containers/auth.json", entry.to_string());
    let out = barque.args(["login", "--get-login", "r.example"]).run();
    let out = out.code(3);
    assert!(out.stderr().contains("with a token"), "{}", out.stderr());
    assert!(!out.stderr().contains(SECRET), "{}", out.stderr());

    let registry = locked();
    let part = format!("{}/team", registry.address());
    let login = ["login", "-u", USER, "-p", PASSWORD, &part];
    let run = barque
        .args(login)
        .args(["--compat-auth-file", "config.json"]);
    let out = run.run().code(1);
    assert!(
        out.stderr().contains("whole registries"),
        "{}",
        out.stderr()
    );
    assert!(!barque.path("config.json").exists());
}

#[test]
fn a_variable_without_a_value_is_as_none() {
    let registry = locked();
    let barque = Barque::new();
    barque.write_home(
        ".config/containers/auth.json",
        auth_json(registry.address(), &good()),
    );
    let image = registry.docker("a:1");
    let variables = [
        "BARQUE_CA",
        "BARQUE_POLICY",
        "BARQUE_REGISTRIES_CONF",
        "BARQUE_STALL_TIMEOUT",
        "BARQUE_REQUIRE_SIGNED",
        "BARQUE_OVERRIDE_OS",
    ];
    let run = barque.args(["inspect", "-n", &image]);
    let run = variables.iter().fold(run, |run, name| run.env(name, ""));
    run.run().ok();
    // A flag has to have its value.
    barque.args(["inspect", "--policy=", &image]).run().code(1);
    for (name, value) in [("BARQUE_CA", "x"), ("BARQUE_STALL_TIMEOUT", "soon")] {
        let run = barque.args(["inspect", &image]).env(name, value);
        let out = run.run().code(1);
        assert!(out.stderr().contains(name), "{}", out.stderr());
    }
    let run = barque.args(["inspect", "--ca=x", &image]);
    let out = run.env("BARQUE_CA", "system").run().code(1);
    assert!(!out.stderr().contains("BARQUE_CA"), "{}", out.stderr());
}
