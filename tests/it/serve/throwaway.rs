//! `barque serve -- COMMAND`: a registry for one command; and the same from a program.

use crate::support::images::{small, write_layout};
use crate::support::sandbox::names;
use crate::support::{Barque, Serving};

#[test]
fn a_command_has_a_registry_of_its_own() {
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("1", &small())]);
    let program = env!("CARGO_BIN_EXE_barque");
    let script = format!(
        "{program} copy oci:in:1 docker://$BARQUE_REGISTRY/a/b:1 >&2 && {program} tags --plain $BARQUE_REGISTRY/a/b && echo $BARQUE_REGISTRY {{}}"
    );
    let out = barque.args(["serve", "--", "sh", "-c", &script]).run().ok();
    let lines: Vec<&str> = out.stdout().lines().collect();
    assert_eq!(lines[0], "1");
    // Nothing in the arguments is replaced.
    let (address, braces) = lines[1].split_once(' ').unwrap();
    assert_eq!(braces, "{}");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    assert!(
        std::net::TcpStream::connect(address).is_err(),
        "it still listens"
    );
    assert_eq!(names(&barque.tmp()), [""; 0], "the store is removed");
}

#[test]
fn the_status_of_the_command_is_that_of_barque() {
    let barque = Barque::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("kill -9 $$", 137),
    ] {
        let out = barque
            .args(["serve", "--", "sh", "-c", script])
            .run()
            .code(code);
        assert_eq!(out.stderr(), "", "{script}");
    }
    // As a shell, `env` and `timeout` have it.
    std::fs::write(barque.path("text"), "").unwrap();
    for (program, code) in [("no-such-program", 127), ("./text", 126)] {
        let none = barque.args(["serve", "--", program]).run().code(code);
        let said = none.stderr();
        assert!(said.contains(&format!("cannot run `{program}`")), "{said}");
    }
    assert_eq!(names(&barque.tmp()), [""; 0]);
}

#[test]
fn signals_reach_the_command() {
    let barque = Barque::new();
    for (signal, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("USR1", 10),
        ("USR2", 12),
        ("TERM", 15),
    ] {
        // One that expects the signal, and one that it ends.
        let trap = format!("trap 'exit 41' {signal}; ");
        for (trap, code) in [(trap.as_str(), 41), ("", 128 + number)] {
            let script = format!("ulimit -c 0; {trap}echo ready; while :; do sleep 0.02; done");
            let running = barque.args(["serve", "--", "sh", "-c", &script]).start();
            running.wait_for_stdout(b"ready");
            running.signal(signal);
            running.wait().code(code);
            assert_eq!(names(&barque.tmp()), [""; 0], "{signal}");
        }
    }
}

#[test]
fn a_named_root_is_kept() {
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("1", &small())]);
    let program = env!("CARGO_BIN_EXE_barque");
    let script = format!("{program} copy oci:in:1 docker://$BARQUE_REGISTRY/a:1");
    let run = ["serve", "--root", "kept", "--", "sh", "-c", &script];
    barque.args(run).run().ok();
    barque.args(["inspect", "oci:kept/a:1"]).run().ok();
}

#[test]
fn without_a_command_a_root_is_needed() {
    let barque = Barque::new();
    let out = barque.args(["serve"]).run().code(1);
    assert!(out.stderr().contains("--root"), "{}", out.stderr());
}

#[test]
fn a_port_in_use_is_an_error() {
    let server = Serving::start(&[]);
    let barque = Barque::new();
    let out = barque.args(["serve", "--root", "x", "--listen", server.address()]);
    let out = out.run().code(1);
    assert!(
        out.stderr().contains("cannot listen on"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_program_starts_a_registry_and_drops_it() {
    let registry = barque::serve::Registry::start().unwrap();
    let address = registry.address();
    let barque = Barque::new();
    write_layout(&barque.path("in"), &[("1", &small())]);
    let image = format!("docker://{address}/a:1");
    barque.args(["copy", "oci:in:1", &image]).run().ok();
    barque.args(["delete", &image]).run().ok();
    drop(registry);
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_file_descriptor_is_told_the_address() {
    let barque = crate::support::Barque::new();
    let ready = barque.path("ready");
    let serve = |fd: u32| {
        let line = format!(
            "exec '{}' serve --root '{}' --listen 127.0.0.1:0 --ready-fd {fd} 3>'{}'",
            env!("CARGO_BIN_EXE_barque"),
            barque.path("root").display(),
            ready.display()
        );
        std::process::Command::new("sh")
            .args(["-c", &line])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut server = serve(3);
    let line = loop {
        let said = std::fs::read_to_string(&ready).unwrap_or_default();
        if said.ends_with('\n') {
            break said;
        }
        assert!(server.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = said["address"].as_str().unwrap();
    // Requests are answered by then.
    assert!(std::net::TcpStream::connect(address).is_ok());
    server.kill().unwrap();
    server.wait().unwrap();
    // One that is not open is an error, and no server stays.
    let ended = serve(77).wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("cannot write to `/dev/fd/77`"), "{said}");
}
