//! Waits for what never comes: a time limit and a signal end each of them.

use std::path::Path;
use std::process::Command;

use super::barque;
use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images;
use crate::support::peers;

/// Commands that read a file which is a pipe, by the name of that.
fn commands(registry: &FakeRegistry) -> Vec<(&'static str, Vec<String>)> {
    let name = registry.docker("a:1");
    let words = |line: &str| line.split(' ').map(str::to_owned).collect();
    let tls = format!("--registry-token t {name}");
    vec![
        ("auth", words(&format!("inspect --authfile auth {name}"))),
        (
            "auth",
            words(&format!("tags --authfile auth {}", registry.docker("a"))),
        ),
        (
            "certs/a.crt",
            words(&format!("inspect --cert-dir certs {tls}")),
        ),
        (
            "key",
            words(&format!(
                "copy --format v2s1 --schema1-key key {name} dir:d"
            )),
        ),
        ("m.json", words("manifest-digest m.json")),
        ("auth", words("login --get-login --authfile auth r.io")),
    ]
}

fn with_pipe(at: &str) -> Barque {
    let barque = barque();
    let path = barque.path(at);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    barque
}

/// Opens a pipe to write to, once somebody reads it.
fn opened(pipe: &Path) -> std::fs::File {
    std::fs::File::options().write(true).open(pipe).unwrap()
}

#[test]
fn a_time_limit_ends_the_wait_for_a_file() {
    peers::needs!("mkfifo");
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    for (pipe, args) in commands(&registry) {
        let barque = with_pipe(pipe);
        let limit = ["--command-timeout", "300ms"];
        let out = barque.args(&args).args(limit).run().code(5);
        let told = "took longer than 300ms (`--command-timeout`)";
        assert!(out.stderr().contains(told), "{args:?}: {}", out.stderr());
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_file() {
    peers::needs!("mkfifo");
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    for (pipe, args) in commands(&registry) {
        for (signal, code) in [("INT", 130), ("TERM", 143)] {
            let barque = with_pipe(pipe);
            let running = barque.args(&args).start();
            let writer = opened(&barque.path(pipe));
            running.signal(signal);
            running.wait().code(code);
            drop(writer);
        }
    }
}

#[test]
fn a_password_that_never_comes_is_not_waited_for() {
    peers::needs!("mkfifo");
    let registry = FakeRegistry::start().basic("u", "p");
    let login = format!(
        "exec {} login -u u --password-stdin --command-timeout 300ms {} 0<>pipe",
        env!("CARGO_BIN_EXE_barque"),
        registry.address()
    );
    let barque = with_pipe("pipe");
    let shell = crate::support::sandbox::Sandbox::of("sh");
    let out = shell
        .args(["-c", &login])
        .in_dir(barque.path(""))
        .run()
        .code(5);
    assert!(
        out.stderr().contains("`--command-timeout`"),
        "{}",
        out.stderr()
    );
    assert!(registry.lines().is_empty());
}

#[test]
fn a_pipe_that_is_written_to_is_a_file() {
    peers::needs!("mkfifo");
    let barque = with_pipe("m.json");
    let running = barque.args(["manifest-digest", "m.json"]).start();
    std::io::Write::write_all(&mut opened(&barque.path("m.json")), b"x").unwrap();
    let digest = images::sha256(b"x").to_string();
    assert_eq!(running.wait().ok().stdout(), format!("{digest}\n"));
}
